//! The report as one page: no script, nothing from elsewhere, good on paper.

use super::tally::{Counts, Group, Tally};

/// The page. Whatever is filled in is text.
pub(super) fn html(tally: &Tally, issuer: &str) -> String {
    let issuer = escaped(issuer);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Second factors at {issuer}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Second factors at {issuer}</h1>\n\
         <p class=\"lead\"><strong>{}</strong> of <strong>{}</strong> people are enrolled. Of those who logged in, \
         <strong>{}</strong> would have been refused by mode \u{201c}required\u{201d}.</p>\n",
        tally.enrolled,
        tally.people,
        tally.would_be_refused().count(),
    );
    let groups: Vec<_> = tally.groups.iter().take(GROUPS_DRAWN).map(enrolment).collect();
    page.push_str(&chart("Enrolment by group", &["enrolled", "not yet"], &groups));
    let services: Vec<_> = tally.services.iter().map(|service| outcomes(&service.service, &service.counts)).collect();
    page.push_str(&chart("Logins by service", &["proved", "nothing due", "would be refused"], &services));

    let refused = tally.would_be_refused().map(|person| {
        let reasons: Vec<_> = person.reasons.iter().map(|(reason, count)| format!("{reason} ({count})")).collect();
        vec![person.user.clone(), if person.enrolled { "yes" } else { "no" }.to_owned(), reasons.join(", ")]
    });
    page.push_str(&table("Who would have been refused", &["User", "Enrolled", "Why"], refused));
    let missing = tally.not_enrolled().map(|person| vec![person.user.clone(), person.groups.join(", ")]);
    page.push_str(&table("Who is not enrolled", &["User", "Groups"], missing));
    let groups = tally.groups.iter().map(|group| {
        let numbers = [group.people, group.enrolled, group.refused].map(|number| number.to_string());
        [vec![group.group.clone()], numbers.to_vec()].concat()
    });
    page.push_str(&table("Groups", &["Group", "People", "Enrolled", "Refused"], groups));
    page.push_str(&format!(
        "<footer>From the system log, which any user of the machine can write to. Logins of names that nobody has: \
         {}.</footer>\n</body>\n</html>\n",
        tally.unknown_users
    ));
    page
}

/// One bar: its name, and how long each of its parts is.
type Bar = (String, Vec<u64>);

fn enrolment(group: &Group) -> Bar {
    (group.group.clone(), vec![group.enrolled as u64, (group.people - group.enrolled) as u64])
}

fn outcomes(service: &str, counts: &Counts) -> Bar {
    (service.to_owned(), vec![counts.proved, counts.not_due, counts.would_be_refused()])
}

/// Bars from left to right, all of one scale, with their numbers in words for who does not see them.
fn chart(title: &str, parts: &[&str], bars: &[Bar]) -> String {
    if bars.is_empty() {
        return format!("<section><h2>{title}</h2><p>Nothing yet.</p></section>\n");
    }
    let longest = bars.iter().map(|(_, lengths)| lengths.iter().sum::<u64>()).max().unwrap_or(0).max(1);
    let height = bars.len() * BAR_HEIGHT;
    let said: Vec<_> = bars
        .iter()
        .map(|(name, lengths)| {
            let lengths: Vec<_> = parts.iter().zip(lengths).map(|(part, length)| format!("{length} {part}")).collect();
            format!("{}: {}", escaped(&cut(name)), lengths.join(", "))
        })
        .collect();
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\"><title>{title}</title><desc>{}</desc>\n",
        said.join("; ")
    );
    for (row, (name, lengths)) in bars.iter().enumerate() {
        let (top, total) = (row * BAR_HEIGHT, lengths.iter().sum::<u64>());
        svg.push_str(&format!(
            "<text class=\"name\" x=\"{}\" y=\"{}\">{}</text>",
            NAMES_WIDTH - 8,
            top + 17,
            escaped(&cut(name))
        ));
        let mut left = NAMES_WIDTH as u64;
        for (part, length) in lengths.iter().enumerate() {
            // Whole units: a bar need not be truer than the eye.
            let width = length.saturating_mul(BARS_WIDTH as u64) / longest;
            if *length > 0 {
                let width = width.max(1);
                let y = top + 4;
                svg.push_str(&format!(
                    "<rect class=\"part{part}\" x=\"{left}\" y=\"{y}\" width=\"{width}\" height=\"18\"/>"
                ));
                left += width;
            }
        }
        svg.push_str(&format!("<text class=\"total\" x=\"{}\" y=\"{}\">{total}</text>\n", left + 6, top + 17));
    }
    svg.push_str("</svg>");
    let legend: String = parts
        .iter()
        .enumerate()
        .map(|(part, name)| format!("<span><i class=\"part{part}\"></i>{name}</span>"))
        .collect();
    format!("<section><h2>{title}</h2><p class=\"legend\">{legend}</p>\n{svg}\n</section>\n")
}

fn table(title: &str, columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let heading: String = columns.iter().map(|column| format!("<th scope=\"col\">{column}</th>")).collect();
    let mut body = String::new();
    for row in rows {
        let cells: String = row.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
        body.push_str(&format!("<tr>{cells}</tr>\n"));
    }
    if body.is_empty() {
        return format!("<section><h2>{title}</h2><p>Nobody.</p></section>\n");
    }
    format!(
        "<section><h2>{title}</h2>\n<table><thead><tr>{heading}</tr></thead>\n<tbody>\n{body}</tbody></table></section>\n"
    )
}

/// As much of a name as fits before its bar.
fn cut(name: &str) -> String {
    if name.chars().count() <= NAME_CHARACTERS {
        return name.to_owned();
    }
    name.chars().take(NAME_CHARACTERS - 1).chain(['\u{2026}']).collect()
}

/// Text for HTML, with nothing in it that turns the line around.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in twofactor_message::shown(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

const WIDTH: usize = 480;
const NAMES_WIDTH: usize = 130;
/// With room for the number at the end of the longest.
const BARS_WIDTH: usize = WIDTH - NAMES_WIDTH - 60;
const BAR_HEIGHT: usize = 26;
const NAME_CHARACTERS: usize = 16;
/// The table has all of them.
const GROUPS_DRAWN: usize = 12;
const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1d2733;--soft:#5b6775;--line:#d8dee6;--paper:#fff;--p0:#1f7a5c;--p1:#b9c3cf;--p2:#c2543d}
@media (prefers-color-scheme:dark){:root{--ink:#e7ecf2;--soft:#9aa7b5;--line:#323d4a;--paper:#12181f;--p0:#43b78d;--p1:#566473;--p2:#e5785f}}
*{box-sizing:border-box}
body{margin:2.5rem auto;max-width:50rem;padding:0 1.25rem;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 .5rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2.2rem 0 .5rem}
.lead{font-size:1.1rem;color:var(--soft)}.lead strong{color:var(--ink)}
svg{width:100%;max-width:38rem;height:auto;display:block}svg text{font:13px system-ui,sans-serif;fill:var(--ink)}svg .name{text-anchor:end}
svg .total{fill:var(--soft)}
.part0{fill:var(--p0);background:var(--p0)}.part1{fill:var(--p1);background:var(--p1)}.part2{fill:var(--p2);background:var(--p2)}
.legend{margin:0 0 .6rem;color:var(--soft);font-size:.9rem}.legend span{margin-right:1.2rem;white-space:nowrap}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}
table{border-collapse:collapse;width:100%;font-size:.92rem;table-layout:fixed}
th,td{text-align:left;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600}footer{margin-top:2.5rem;color:var(--soft);font-size:.85rem}
@media print{@page{size:A4;margin:18mm}body{margin:0;max-width:none;padding:0;font-size:11pt}section{break-inside:avoid-page}
.part0,.part1,.part2{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::report::tally::{Counting, Person};

    #[test]
    fn a_name_is_text_whatever_is_in_it() {
        let mut counting = Counting::default();
        let nasty = "<script>alert('1')</script>\"&\u{202e}";
        counting.meet(Person::new(nasty.to_owned(), false, vec![nasty.repeat(10)]));
        let page = html(&counting.finish(), nasty);
        assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;?"));
    }
}
