//! Numbers and names, as a table and a page show them.

use twofactor_message::shown;

/// `1,234,567`.
pub(in crate::commands) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 login`, `1,234 logins`.
pub(in crate::commands) fn many(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// `62 %`; all only where it is all, and none only where it is none.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let rounded = (part.saturating_mul(200) / whole).div_ceil(2);
    let honest = if part == 0 {
        0
    } else if part >= whole {
        100
    } else {
        rounded.clamp(1, 99)
    };
    format!("{honest} %")
}

/// A name with nothing in it that moves a cursor, in so many cells of a terminal; what is cut off leaves `…`.
pub(super) fn fitted(text: &str, cells: usize) -> String {
    let text = shown(text);
    if width(&text) <= cells {
        return text;
    }
    let mut left = cells.saturating_sub(1);
    let mut short: String = text
        .chars()
        .take_while(|c| {
            let rest = left.checked_sub(cells_of(*c));
            left = rest.unwrap_or_default();
            rest.is_some()
        })
        .collect();
    short.push('…');
    short
}

/// How many cells of a terminal a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(cells_of).sum()
}

/// East Asian wide characters and pictures take two (UAX #11), as far as names need it.
fn cells_of(c: char) -> usize {
    match c {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!([0, 12, 999, 1000, 1_234_567].map(grouped), ["0", "12", "999", "1,000", "1,234,567"]);
        assert_eq!((many(1, "login"), many(2000, "login")), ("1 login".into(), "2,000 logins".into()));
    }

    #[test]
    fn nobody_is_rounded_away() {
        for (part, whole, text) in
            [(0, 0, "–"), (0, 9, "0 %"), (1, 1000, "1 %"), (5, 8, "63 %"), (999, 1000, "99 %"), (3, 3, "100 %")]
        {
            assert_eq!(percent(part, whole), text, "{part} of {whole}");
        }
        assert_eq!(percent(u64::MAX, u64::MAX), "100 %");
    }

    #[test]
    fn names_fit_whatever_they_are_made_of() {
        assert_eq!(fitted("alice", 5), "alice");
        assert_eq!(fitted("alice", 4), "ali…");
        assert_eq!(fitted("漢字漢字", 6), "漢字…");
        assert_eq!(fitted("\u{202e}\u{1b}[2J", 9), "??[2J");
        assert_eq!((fitted("alice", 0), fitted("", 0)), ("…".to_owned(), String::new()));
        for cells in 1..20 {
            assert!(width(&fitted("👩‍🚀 ümläut 漢字 a", cells)) <= cells, "{cells}");
        }
    }
}
