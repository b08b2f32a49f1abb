//! The report for a terminal of 80 columns.

use twofactor_core::clock::UnixTime;
use twofactor_message::shown;

use super::ending::{Ending, Endings};
use super::summary::{Refused, Row, Summary};
use super::wording::{fitted, grouped, many, percent, width};

pub(super) fn render(summary: &Summary<'_>) -> String {
    let mut text = heading(summary);
    if summary.everybody.logins.total() > 0 {
        let heads = [Left("HOW LOGINS ENDED"), Right("LOGINS"), Right(""), Left("")];
        text.push_str(&table(heads, NAME_MAX_CELLS, &endings(&summary.everybody.logins)));
        text.push_str(&rows("SERVICE", &summary.services));
    }
    if !summary.groups.is_empty() {
        text.push_str(&rows("GROUP", &summary.groups));
    }
    if !summary.would_be_refused.is_empty() {
        text.push_str(&refused(summary));
    }
    if !summary.not_enrolled_unseen.is_empty() {
        text.push_str(&unseen(&summary.not_enrolled_unseen));
    }
    let remarks = remarks(summary);
    if !remarks.is_empty() {
        text.push('\n');
    }
    for remark in &remarks {
        text.push_str(&wrapped(remark));
    }
    text
}

fn heading(summary: &Summary<'_>) -> String {
    let frame = &summary.frame;
    let minute = |seconds: u64| frame.zone.minute(UnixTime(seconds));
    let period = match (summary.first, summary.last) {
        (Some(first), Some(last)) => {
            format!("Logins from {} to {}, in {}.", minute(first), minute(last), sources(summary))
        }
        _ if summary.everybody.logins.total() > 0 => format!("Logins at unknown times, in {}.", sources(summary)),
        _ => format!("No login is in {}.", sources(summary)),
    };
    let now = format!("{} {}", minute(summary.at), frame.zone.name());
    let mut text = format!("{}, {now}; the mode is {}.\n", fitted(&frame.host, 40), frame.mode);
    text.push_str(&wrapped(&period));
    text.push('\n');
    text.push_str(&wrapped(&verdict(summary)));
    text
}

/// What the report comes to, in two or three sentences.
pub(super) fn verdict(summary: &Summary<'_>) -> String {
    let all = &summary.everybody;
    let enrolled = format!(
        "{} of {} {} enrolled ({}).",
        grouped(all.enrolled),
        many_people(all.people),
        if all.enrolled == 1 { "is" } else { "are" },
        percent(all.enrolled, all.people)
    );
    match (all.logins.total(), all.logins.refused()) {
        (0, _) => enrolled,
        (total, 0) => format!("{enrolled} None of {} would have been refused by mode required.", many(total, "login")),
        (total, refused) => format!(
            "{enrolled} Mode required would have refused {} of {}, those of {}.",
            grouped(refused),
            many(total, "login"),
            many_people(all.people_refused)
        ),
    }
}

pub(super) fn many_people(number: u64) -> String {
    if number == 1 { "1 person".to_owned() } else { format!("{} people", grouped(number)) }
}

/// Where the log was read, as text.
pub(super) fn sources(summary: &Summary<'_>) -> String {
    match summary.frame.sources.as_slice() {
        [only] => shown(only),
        [first, .., last] if summary.frame.sources.len() == 2 => format!("{} and {}", shown(first), shown(last)),
        several => format!("{} files", several.len()),
    }
}

/// What else there is to say, one sentence each.
pub(super) fn remarks(summary: &Summary<'_>) -> Vec<String> {
    let aside = summary.aside;
    let logins = &summary.everybody.logins;
    let mut remarks = Vec::new();
    let mut say = |count: u64, text: String| {
        if count > 0 {
            remarks.push(text);
        }
    };
    let enforced = logins.total().saturating_sub(summary.monitored);
    if summary.monitored > 0 {
        say(
            enforced,
            format!(
                "{} not in mode monitor: what is said of refusals was so, or was not due.",
                were(enforced, "login")
            ),
        );
    }
    say(aside.unknown_user, format!("{} in the name of nobody who exists.", were(aside.unknown_user, "login")));
    say(aside.refused_by_host, format!("{} refused by the host itself.", were(aside.refused_by_host, "login")));
    say(aside.nameless, format!("{} without a name.", were(aside.nameless, "login")));
    say(
        aside.misconfigured,
        format!(
            "{} refused because the settings could not be used; the log says why.",
            were(aside.misconfigured, "login")
        ),
    );
    let when = if summary.since.is_some() { ", counted as late enough" } else { "" };
    say(aside.without_time, format!("{} at a time that cannot be read{when}.", were(aside.without_time, "login")));
    say(
        aside.unreadable_lines,
        format!(
            "{} like ours at the beginning and then like nothing that we write.",
            were(aside.unreadable_lines, "line")
        ),
    );
    say(aside.too_long_lines, format!("{} too long to be ours.", were(aside.too_long_lines, "line")));
    let lost = u64::try_from(summary.enrolled_without_account).unwrap_or(u64::MAX);
    say(lost, format!("{} without an account any more: twofactor list", were(lost, "enrolment")));
    remarks
}

fn were(count: u64, noun: &str) -> String {
    format!("{} {}", many(count, noun), if count == 1 { "was" } else { "were" })
}

fn endings(logins: &Endings) -> Vec<[String; 4]> {
    let row = |(ending, count): (Ending, u64)| {
        let mark = if ending.is_refused() { "refused by required" } else { "" };
        [ending.words().to_owned(), grouped(count), percent(count, logins.total()), mark.to_owned()]
    };
    logins.each().map(row).collect()
}

fn rows(name: &'static str, rows: &[Row<'_>]) -> String {
    let cells: Vec<_> = rows
        .iter()
        .map(|row| {
            [
                row.name.to_owned(),
                grouped(row.people),
                grouped(row.enrolled),
                percent(row.enrolled, row.people),
                grouped(row.logins.total()),
                grouped(row.logins.refused()),
                grouped(row.people_refused),
            ]
        })
        .collect();
    let heads = [
        Left(name),
        Right("PEOPLE"),
        Right("ENROLLED"),
        Right(""),
        Right("LOGINS"),
        Right("REFUSED"),
        Right("OF PEOPLE"),
    ];
    table(heads, NAME_MAX_CELLS, cells.get(..ROWS_MAX).unwrap_or(&cells)) + &rest(cells.len())
}

fn refused(summary: &Summary<'_>) -> String {
    let row = |refused: &Refused<'_>| {
        let last = refused.last.map(|at| summary.frame.zone.date(UnixTime(at)));
        [
            refused.user.to_owned(),
            if refused.enrolled { "yes" } else { "no" }.to_owned(),
            format!("{} of {}", grouped(refused.logins.refused()), grouped(refused.logins.total())),
            last.unwrap_or_default(),
            reasons(&refused.logins),
        ]
    };
    let listed = summary.would_be_refused.iter().take(ROWS_MAX).map(row).collect::<Vec<_>>();
    let heads = [Left("WOULD BE REFUSED"), Left("ENROLLED"), Right("LOGINS"), Left("LAST"), Left("WHY")];
    table(heads, USER_MAX_CELLS, &listed) + &rest(summary.would_be_refused.len())
}

/// `wrong code 2, no answer 1`.
pub(super) fn reasons(logins: &Endings) -> String {
    let refused = logins.each().filter(|(ending, _)| ending.is_refused());
    refused.map(|(ending, count)| format!("{} {}", ending.words(), grouped(count))).collect::<Vec<_>>().join(", ")
}

fn unseen(names: &[&str]) -> String {
    let listed: Vec<_> = names.iter().take(ROWS_MAX).map(|name| fitted(name, NAME_MAX_CELLS)).collect();
    format!("\nNEITHER ENROLLED NOR SEEN ({})\n", grouped(u64::try_from(names.len()).unwrap_or(u64::MAX)))
        + &wrapped(&listed.join(", "))
        + &rest(names.len())
}

fn rest(count: usize) -> String {
    match count.checked_sub(ROWS_MAX) {
        None | Some(0) => String::new(),
        Some(more) => format!("… and {more} more; --json has all of them\n"),
    }
}

/// The heading of a column, and on which side its cells stand.
#[derive(Clone, Copy)]
enum Head {
    Left(&'static str),
    Right(&'static str),
}
use Head::{Left, Right};

impl Head {
    fn text(self) -> &'static str {
        match self {
            Left(text) | Right(text) => text,
        }
    }
}

/// A table after an empty line. The first column and the last, if it is text, give way until the whole fits.
fn table<const N: usize>(heads: [Head; N], name_cells: usize, rows: &[[String; N]]) -> String {
    let mut widths = heads.map(|head| width(head.text()));
    for row in rows {
        for (width_so_far, cell) in widths.iter_mut().zip(row) {
            *width_so_far = (*width_so_far).max(width(&shown(cell)));
        }
    }
    let gaps = GAP.len() * (N - 1);
    if let Some(first) = widths.first_mut() {
        *first = (*first).min(name_cells);
    }
    let excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(COLUMNS);
    if let (Some(Left(_)), Some(last)) = (heads.last(), widths.last_mut()) {
        *last = last.saturating_sub(excess);
    }
    let mut text = String::from("\n");
    let mut line = |cells: [&str; N]| {
        let padded = cells.into_iter().zip(heads).zip(widths).map(|((cell, head), cells)| {
            let cell = fitted(cell, cells);
            let blank = " ".repeat(cells.saturating_sub(width(&cell)));
            match head {
                Left(_) => cell + &blank,
                Right(_) => blank + &cell,
            }
        });
        text.push_str(padded.collect::<Vec<_>>().join(GAP).trim_end());
        text.push('\n');
    };
    line(heads.map(Head::text));
    for row in rows {
        line(row.each_ref().map(String::as_str));
    }
    text
}

/// A paragraph.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        if column > 0 && column + 1 + width(word) > COLUMNS {
            lines.push('\n');
            column = 0;
        } else if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += width(word);
    }
    lines.push('\n');
    lines
}

const COLUMNS: usize = 80;
const GAP: &str = "  ";
const NAME_MAX_CELLS: usize = 24;
/// Less, since the reasons beside it need room.
const USER_MAX_CELLS: usize = 18;
/// More than this nobody reads in a terminal.
const ROWS_MAX: usize = 50;
