//! Charts, drawn as SVG by hand. Lengths across are per cent, so that a chart fits any width without its letters growing
//! or shrinking; heights are pixels.

use std::fmt::Write;

use super::super::ending::{Class, Endings};
use super::super::summary::{Day, Row, Summary};
use super::super::wording::{fitted, grouped, percent};
use super::escaped;

/// How many of each group are enrolled.
pub(super) fn enrolment(summary: &Summary<'_>) -> String {
    let bars = std::iter::once(&summary.everybody).chain(&summary.groups).take(BARS_MAX).map(|row| Bar {
        name: row.name,
        note: format!("{} of {} · {}", grouped(row.enrolled), grouped(row.people), percent(row.enrolled, row.people)),
        parts: vec![
            Part { class: "proved", words: "enrolled", count: row.enrolled },
            Part { class: "unenrolled", words: "not enrolled", count: row.people.saturating_sub(row.enrolled) },
        ],
    });
    let chart = Chart {
        id: "enrolment",
        title: "Enrolment by group",
        description: "One bar for each group of people, divided into those who are enrolled and those who are not.",
        legend: &[("proved", "enrolled"), ("unenrolled", "not enrolled")],
        is_wide: false,
    };
    chart.of_bars(&bars.collect::<Vec<_>>())
}

/// How logins ended at each service.
pub(super) fn services(summary: &Summary<'_>) -> String {
    let bars = summary.services.iter().take(BARS_MAX).map(|row: &Row<'_>| Bar {
        name: row.name,
        note: format!(
            "{} of {} proved",
            percent(row.logins.in_class(Class::Proved), row.logins.total()),
            grouped(row.logins.total())
        ),
        parts: parts(&row.logins),
    });
    let legend = legend(&summary.everybody.logins);
    let chart = Chart {
        id: "outcomes",
        title: "Outcomes by service",
        description: "One bar for each service, divided by how the logins ended.",
        legend: &legend,
        is_wide: false,
    };
    chart.of_bars(&bars.collect::<Vec<_>>())
}

/// How logins ended, day by day or week by week.
pub(super) fn days(summary: &Summary<'_>) -> String {
    let (span, columns) = columns(&summary.days);
    let legend = legend(&summary.everybody.logins);
    let chart = Chart {
        id: "days",
        title: if span == 1 { "Outcomes day by day" } else { "Outcomes week by week" },
        description: "One column for each day or week, divided by how the logins ended.",
        legend: &legend,
        is_wide: true,
    };
    chart.of_columns(&columns)
}

/// The frame of one chart.
struct Chart<'c> {
    id: &'c str,
    title: &'c str,
    description: &'c str,
    /// Class of the colour, and words.
    legend: &'c [(&'static str, &'static str)],
    is_wide: bool,
}

/// A bar that is as long as any other.
struct Bar<'c> {
    name: &'c str,
    note: String,
    parts: Vec<Part>,
}

/// One colour of a bar or a column.
struct Part {
    /// The class of the colour.
    class: &'static str,
    words: &'static str,
    count: u64,
}

/// A column that is as high as it counts.
struct Column {
    /// The day that it begins with.
    day: String,
    logins: Endings,
}

impl Chart<'_> {
    fn of_bars(&self, bars: &[Bar<'_>]) -> String {
        let tops = (0..).step_by(BAR_PITCH);
        let drawing: String = tops.zip(bars).map(|(top, bar)| bar.drawn(top)).collect();
        self.framed(bars.len() * BAR_PITCH, bars.is_empty(), &drawing)
    }

    fn of_columns(&self, columns: &[Column]) -> String {
        let scale = Scale::of(columns);
        let drawing = scale.lines_behind() + &scale.columns(columns) + &scale.days_below(columns);
        self.framed(FLOOR + DAYS_HEIGHT, columns.is_empty(), &drawing)
    }

    fn framed(&self, height: usize, is_empty: bool, drawing: &str) -> String {
        let Self { id, title, description, .. } = self;
        let class = if self.is_wide { " class=\"wide\"" } else { "" };
        let mut text = format!("<figure{class}>\n<figcaption><h2>{title}</h2>");
        if is_empty {
            text.push_str("</figcaption>\n<p class=\"empty\">Nothing to show yet.</p>\n</figure>\n");
            return text;
        }
        text.push_str("<ul class=\"legend\">");
        for (class, words) in self.legend {
            let _ = write!(text, "<li><i class=\"{class}\"></i>{words}</li>");
        }
        let _ = write!(
            text,
            "</ul></figcaption>\n<svg id=\"{id}\" role=\"img\" aria-labelledby=\"{id}-title {id}-description\" \
             width=\"100%\" height=\"{height}\">\n<title id=\"{id}-title\">{title}</title>\n\
             <desc id=\"{id}-description\">{description} The tables below have the numbers.</desc>\n{drawing}</svg>\n</figure>\n"
        );
        text
    }
}

impl Bar<'_> {
    fn drawn(&self, top: usize) -> String {
        let (baseline, y) = (top + 15, top + 24);
        let (name, note) = (escaped(&fitted(self.name, NAME_CELLS)), escaped(&self.note));
        let mut drawing = format!(
            "<text x=\"0\" y=\"{baseline}\" class=\"name\">{name}</text>\
             <text x=\"100%\" y=\"{baseline}\" class=\"note\">{note}</text>\
             <rect x=\"0\" y=\"{y}\" width=\"100%\" height=\"{BAR_HEIGHT}\" class=\"track\"/>\n"
        );
        let whole: u64 = self.parts.iter().map(|part| part.count).sum();
        let mut before = 0;
        for Part { class, words, count } in self.parts.iter().filter(|part| part.count > 0) {
            let (x, width) = (share(before, whole), share(*count, whole));
            let _ = writeln!(
                drawing,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BAR_HEIGHT}\" class=\"{class}\">\
                 <title>{name}: {words} {}</title></rect>",
                grouped(*count),
            );
            before += count;
        }
        drawing
    }
}

/// What stands where among columns.
struct Scale {
    /// What the highest line stands for.
    top: u64,
    /// What lies between two lines.
    step: u64,
    /// How many columns have room, and how many of them are left empty: few columns stand at the right, and are not as
    /// broad as the page.
    slots: u64,
    empty: u64,
}

impl Scale {
    fn of(columns: &[Column]) -> Self {
        let most = columns.iter().map(|column| column.logins.total()).max().unwrap_or(0);
        let step = step(most);
        let length = u64::try_from(columns.len()).unwrap_or(u64::MAX);
        let slots = length.max(SLOTS_MIN);
        Self { top: most.div_ceil(step).max(1).saturating_mul(step), step, slots, empty: slots - length }
    }

    fn height(&self, count: u64) -> usize {
        usize::try_from(u128::from(count) * PLOT_HEIGHT as u128 / u128::from(self.top)).unwrap_or(PLOT_HEIGHT)
    }

    fn lines_behind(&self) -> String {
        let mut drawing = String::new();
        for line in (self.step..=self.top).step_by(usize::try_from(self.step).unwrap_or(usize::MAX)) {
            let y = FLOOR - self.height(line);
            let _ = writeln!(
                drawing,
                "<line x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\" class=\"grid\"/>\
                 <text x=\"-8\" y=\"{}\" class=\"tick\">{}</text>",
                y + 4,
                grouped(line)
            );
        }
        drawing
    }

    /// Four fifths of each slot, and the line that they stand on.
    fn columns(&self, columns: &[Column]) -> String {
        let mut drawing = String::new();
        let width = share(8, self.slots * 10);
        for (slot, column) in (self.empty..).zip(columns) {
            let (x, mut y) = (share(slot * 10 + 1, self.slots * 10), FLOOR);
            for Part { class, words, count } in parts(&column.logins) {
                // What came at all can be seen.
                let height = self.height(count).max(1);
                y = y.saturating_sub(height);
                let _ = writeln!(
                    drawing,
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" class=\"{class}\">\
                     <title>{}: {words} {}</title></rect>",
                    column.day,
                    grouped(count),
                );
            }
        }
        let _ = writeln!(drawing, "<line x1=\"0\" x2=\"100%\" y1=\"{FLOOR}\" y2=\"{FLOOR}\" class=\"axis\"/>");
        drawing
    }

    /// The first day, the one in the middle and the last, as far as there is room for them on a telephone.
    fn days_below(&self, columns: &[Column]) -> String {
        let (length, middle) = (columns.len(), columns.len() / 2);
        let slot = |at: usize| self.empty + u64::try_from(at).unwrap_or_default();
        let begin = share(slot(0), self.slots);
        let centre = share(slot(middle) * 2 + 1, self.slots * 2);
        let mut drawing = String::new();
        for (column, x, anchor) in [
            (columns.first().filter(|_| length >= 4), begin.as_str(), "start"),
            (columns.get(middle).filter(|_| length >= 7), centre.as_str(), "middle"),
            (columns.last(), "100%", "end"),
        ] {
            if let Some(Column { day, .. }) = column {
                let y = FLOOR + 20;
                let _ =
                    writeln!(drawing, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" class=\"day\">{day}</text>");
            }
        }
        drawing
    }
}

fn parts(logins: &Endings) -> Vec<Part> {
    let part = |class: Class| Part { class: class.name(), words: class.words(), count: logins.in_class(class) };
    Class::ALL.into_iter().map(part).filter(|part| part.count > 0).collect()
}

fn legend(logins: &Endings) -> Vec<(&'static str, &'static str)> {
    parts(logins).into_iter().map(|part| (part.class, part.words)).collect()
}

/// Days as columns; where they would be too many, seven days in one, the last of them ending with the last day.
fn columns(days: &[Day]) -> (usize, Vec<Column>) {
    let span = if days.len() > DAYS_MAX { 7 } else { 1 };
    let mut columns: Vec<_> = days
        .rchunks(span)
        .map(|days| {
            let mut logins = Endings::default();
            days.iter().for_each(|day| logins.include(&day.logins));
            Column { day: days.first().map(|day| day.day.clone()).unwrap_or_default(), logins }
        })
        .collect();
    columns.reverse();
    (span, columns)
}

/// `62.50%`, rounded so that parts laid end to end are never longer than the whole.
fn share(part: u64, whole: u64) -> String {
    let hundredths = part.saturating_mul(10_000).checked_div(whole).unwrap_or_default();
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

/// The distance of the lines behind columns: 1, 2 or 5 with noughts, so that there are at most four of them.
fn step(most: u64) -> u64 {
    let mut ten = 1_u64;
    loop {
        for step in [1, 2, 5].map(|digit| ten.saturating_mul(digit)) {
            if most <= step.saturating_mul(4) {
                return step;
            }
        }
        ten = ten.saturating_mul(10);
    }
}

/// Everybody and eleven groups; the tables have the rest.
const BARS_MAX: usize = 12;
const BAR_PITCH: usize = 50;
const BAR_HEIGHT: usize = 14;
/// What fits beside the numbers on a telephone.
const NAME_CELLS: usize = 20;
const PLOT_TOP: usize = 18;
const PLOT_HEIGHT: usize = 180;
/// Where columns stand.
const FLOOR: usize = PLOT_TOP + PLOT_HEIGHT;
/// The room for the days below.
const DAYS_HEIGHT: usize = 26;
/// Whatever the days are, a column is no broader than a seventh.
const SLOTS_MIN: u64 = 7;
/// Two months; what is more is charted by weeks.
const DAYS_MAX: usize = 62;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::report::ending::Ending;

    #[test]
    fn lines_behind_columns_stand_at_round_numbers() {
        for (most, expected) in [
            (0, 1),
            (1, 1),
            (4, 1),
            (5, 2),
            (9, 5),
            (20, 5),
            (21, 10),
            (1234, 500),
            (u64::MAX, 5_000_000_000_000_000_000),
        ] {
            assert_eq!(step(most), expected, "{most}");
        }
    }

    #[test]
    fn parts_of_a_bar_fill_it_and_no_more() {
        assert_eq!([share(0, 3), share(1, 3), share(3, 3), share(1, 0)], ["0.00%", "33.33%", "100.00%", "0.00%"]);
    }

    #[test]
    fn many_days_become_weeks_that_end_today() {
        let day = |number: usize| {
            let mut logins = Endings::default();
            logins.add(Ending::Proved, 1);
            Day { day: format!("day {number}"), logins }
        };
        let (span, weeks) = columns(&(0..100).map(day).collect::<Vec<_>>());
        assert_eq!((span, weeks.len()), (7, 15));
        assert_eq!((weeks[0].logins.total(), weeks[14].logins.total(), weeks[14].day.as_str()), (2, 7, "day 93"));
        assert_eq!(columns(&[]).1.len(), 0);
    }
}
