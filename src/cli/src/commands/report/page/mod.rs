//! The report as one page of HTML that needs nothing else: no script, no picture, no font from anywhere, and a policy
//! (Content-Security-Policy) that says so to the browser.

mod chart;

use std::fmt::Write;

use twofactor_core::clock::UnixTime;

use super::ending::Class;
use super::summary::{Row, Summary};
use super::table::{many_people, reasons, remarks, sources, verdict};
use super::wording::{grouped, many, percent};
use crate::markup::escaped;

pub(super) fn render(summary: &Summary<'_>) -> String {
    let host = escaped(&summary.frame.host);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>Second factor on {host}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
    );
    page.push_str(&header(summary));
    page.push_str("<main>\n");
    page.push_str(&figures(summary));
    page.push_str("<div class=\"charts\">\n");
    page.push_str(&chart::enrolment(summary));
    page.push_str(&chart::services(summary));
    page.push_str(&chart::days(summary));
    page.push_str("</div>\n");
    page.push_str(&refused(summary));
    page.push_str(&not_enrolled(summary));
    page.push_str(&rows("By service", "Service", "services", &summary.services));
    page.push_str(&rows("By group", "Group", "groups", &summary.groups));
    page.push_str("</main>\n");
    page.push_str(&footer(summary));
    page.push_str("</body>\n</html>\n");
    page
}

fn header(summary: &Summary<'_>) -> String {
    let frame = &summary.frame;
    let minute = |seconds: u64| frame.zone.minute(UnixTime(seconds));
    let period = match (summary.first, summary.last) {
        (Some(first), Some(last)) => format!("Logins from {} to {}", minute(first), minute(last)),
        _ if summary.everybody.logins.total() > 0 => "Logins at unknown times".to_owned(),
        _ => "No logins yet".to_owned(),
    };
    format!(
        "<header>\n<p class=\"eyebrow\">Roll-out of the second factor</p>\n<h1>{}</h1>\n<p class=\"lede\">{}</p>\n\
         <p class=\"meta\"><span>{period}</span> <span>Mode now: {}</span> <span>As of {} {}</span></p>\n</header>\n",
        escaped(&frame.host),
        escaped(&verdict(summary)),
        frame.mode,
        minute(summary.at),
        frame.zone.name(),
    )
}

/// The four numbers that people ask for first.
fn figures(summary: &Summary<'_>) -> String {
    let all = &summary.everybody;
    let asked = all.logins.total().saturating_sub(all.logins.in_class(Class::NotAsked));
    let proved = all.logins.in_class(Class::Proved);
    let missing = all.people.saturating_sub(all.enrolled);
    let unseen = u64::try_from(summary.not_enrolled_unseen.len()).unwrap_or(u64::MAX);
    let mut text = String::from("<dl class=\"figures\">\n");
    for (label, value, detail) in [
        (
            "enrolled",
            percent(all.enrolled, all.people),
            format!("{} of {}", grouped(all.enrolled), many_people(all.people)),
        ),
        ("not enrolled", grouped(missing), format!("{} of them not seen yet", grouped(unseen))),
        ("logins proved", percent(proved, asked), format!("{} of {} that were due", grouped(proved), grouped(asked))),
        ("would be refused", grouped(all.people_refused), format!("of {} who logged in", grouped(summary.seen))),
    ] {
        let _ = writeln!(text, "<div><dt>{label}</dt><dd><b>{value}</b> <span>{detail}</span></dd></div>");
    }
    text.push_str("</dl>\n");
    text
}

fn refused(summary: &Summary<'_>) -> String {
    if summary.would_be_refused.is_empty() {
        return String::new();
    }
    let mut table = Table::new("refused", "Whom <code>required</code> would refuse");
    table.head(&[
        ("User", Text),
        ("Enrolled", Short),
        ("Refused", Number),
        ("Logins", Number),
        ("Why", Text),
        ("Where", Text),
        ("Last", Short),
    ]);
    for person in summary.would_be_refused.iter().take(ROWS_MAX) {
        let last = person.last.map(|at| summary.frame.zone.date(UnixTime(at)));
        let enrolled = if person.enrolled { "yes" } else { "<strong>no</strong>" };
        table.row(
            person.user,
            &[
                (enrolled.to_owned(), Short),
                (grouped(person.logins.refused()), Number),
                (grouped(person.logins.total()), Number),
                (escaped(&reasons(&person.logins)), Text),
                (escaped(&person.services.join(", ")), Text),
                (last.unwrap_or_default(), Short),
            ],
        );
    }
    table.end(summary.would_be_refused.len())
}

/// Those who have to be told.
fn not_enrolled(summary: &Summary<'_>) -> String {
    let names = &summary.not_enrolled;
    if names.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "<section aria-labelledby=\"missing\">\n<h2 id=\"missing\">Not enrolled <small>{}</small></h2>\n<ul class=\"names\">\n",
        grouped(u64::try_from(names.len()).unwrap_or(u64::MAX))
    );
    for name in names.iter().take(ROWS_MAX) {
        let _ = writeln!(text, "<li><bdi>{}</bdi></li>", escaped(name));
    }
    text.push_str("</ul>\n");
    text.push_str(&rest(names.len()));
    text.push_str("</section>\n");
    text
}

fn rows(title: &str, head: &str, id: &str, rows: &[Row<'_>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = Table::new(id, title);
    table.head(&[
        (head, Text),
        ("People", Number),
        ("Enrolled", Number),
        ("Logins", Number),
        ("Would be refused", Number),
        ("People refused", Number),
    ]);
    for row in rows.iter().take(ROWS_MAX) {
        table.row(
            row.name,
            &[
                (grouped(row.people), Number),
                (format!("{} <small>{}</small>", grouped(row.enrolled), percent(row.enrolled, row.people)), Number),
                (grouped(row.logins.total()), Number),
                (grouped(row.logins.refused()), Number),
                (grouped(row.people_refused), Number),
            ],
        );
    }
    table.end(rows.len())
}

fn footer(summary: &Summary<'_>) -> String {
    let mut text = String::from("<footer>\n<ul>\n");
    for remark in remarks(summary) {
        let _ = writeln!(text, "<li>{}</li>", escaped(&remark));
    }
    let _ = write!(
        text,
        "</ul>\n<p>Made from {} by <code>twofactor report</code>. Who there is comes from the user database; how logins \
         ended is what the log says, and whoever may write to the log can make it say anything. {} ran in mode monitor, \
         in which nobody who exists is kept out. This page names who has no second factor: keep it to those who need \
         it.</p>\n</footer>\n",
        escaped(&sources(summary)),
        many(summary.monitored, "login"),
    );
    text
}

/// What stands in a column.
#[derive(Clone, Copy)]
enum Column {
    Text,
    /// A word that is not broken.
    Short,
    Number,
}
use Column::{Number, Short, Text};

impl Column {
    fn class(self) -> &'static str {
        match self {
            Text => "",
            Short => " class=\"s\"",
            Number => " class=\"n\"",
        }
    }
}

/// A table with a heading, that scrolls by itself where it is wider than the page.
struct Table(String);

impl Table {
    /// The title is markup.
    fn new(id: &str, title: &str) -> Self {
        Self(format!(
            "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{title}</h2>\n\
             <div class=\"scroll\" role=\"region\" aria-labelledby=\"{id}\" tabindex=\"0\">\n<table>\n"
        ))
    }

    fn head(&mut self, heads: &[(&str, Column)]) {
        self.0.push_str("<thead><tr>");
        for (text, column) in heads {
            let class = column.class();
            let _ = write!(self.0, "<th scope=\"col\"{class}>{text}</th>");
        }
        self.0.push_str("</tr></thead>\n<tbody>\n");
    }

    /// The name is text, the cells are markup.
    fn row(&mut self, name: &str, cells: &[(String, Column)]) {
        let _ = write!(self.0, "<tr><th scope=\"row\"><bdi>{}</bdi></th>", escaped(name));
        for (cell, column) in cells {
            let class = column.class();
            let _ = write!(self.0, "<td{class}>{cell}</td>");
        }
        self.0.push_str("</tr>\n");
    }

    fn end(self, rows: usize) -> String {
        format!("{}</tbody>\n</table>\n</div>\n{}</section>\n", self.0, rest(rows))
    }
}

fn rest(count: usize) -> String {
    match count.checked_sub(ROWS_MAX) {
        None | Some(0) => String::new(),
        Some(more) => {
            format!("<p class=\"rest\">… and {more} more; <code>twofactor report --json</code> has all of them.</p>\n")
        }
    }
}

const STYLE: &str = include_str!("page.css");
/// More than this nobody scrolls through.
const ROWS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_asks_for_nothing_from_outside_and_ends_no_element() {
        for word in ["url(", "@import", "http", "</", "@font-face"] {
            assert!(!STYLE.contains(word), "{word}");
        }
    }
}
