//! Text from outside, made safe for a log line or a terminal.

use std::fmt::Write;

/// One value of a `key=value` log line: ASCII, on one line, of at most 512 bytes of input.
///
/// A value made of letters, digits and `_.:@/+-,` stands bare; any other is quoted, with control and non-ASCII bytes
/// written `\xNN`, so that no value can end its line, forge a second key or move a cursor.
#[must_use]
pub fn logged(value: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b"_.:@/+-,".contains(&b);
    if !value.is_empty() && value.len() <= LOGGED_MAX_BYTES && value.bytes().all(bare) {
        return value.to_owned();
    }
    let mut line = String::from("\"");
    for byte in value.bytes().take(LOGGED_MAX_BYTES) {
        match byte {
            b'"' | b'\\' => line.extend(['\\', char::from(byte)]),
            0x20..=0x7e => line.push(char::from(byte)),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(line, "\\x{byte:02x}");
            }
        }
    }
    if value.len() > LOGGED_MAX_BYTES {
        line.push_str("...");
    }
    line.push('"');
    line
}

/// Text for a prompt or a terminal: control characters (C0, DEL, C1) and bidirectional overrides become `?`.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if is_unsafe_to_show(c) { '?' } else { c }).collect()
}

fn is_unsafe_to_show(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What is kept of one logged value.
const LOGGED_MAX_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_value_is_logged_as_it_is() {
        assert_eq!(logged("fd00::1"), "fd00::1");
        assert_eq!(logged("alice@example.org"), "alice@example.org");
    }

    #[test]
    fn a_value_can_not_end_its_line_or_forge_a_key() {
        assert_eq!(logged("a\nouter=x"), "\"a\\x0aouter=x\"");
        assert_eq!(logged("a outcome=proved"), "\"a outcome=proved\"");
        assert_eq!(logged("a\" b\\"), "\"a\\\" b\\\\\"");
        assert_eq!(logged("\u{1b}[2J\u{e9}"), "\"\\x1b[2J\\xc3\\xa9\"");
        assert_eq!(logged(""), "\"\"");
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let line = logged(&"a".repeat(5000));
        assert!(line.ends_with("...\"") && line.len() < 600, "{line}");
    }

    #[test]
    fn what_is_shown_can_not_move_the_cursor_or_reorder_the_line() {
        assert_eq!(shown("Zo\u{eb} \u{1b}[2J\u{9b}\u{202e}x"), "Zo\u{eb} ?[2J??x");
    }
}
