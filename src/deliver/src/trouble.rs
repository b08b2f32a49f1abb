//! Trouble, said in the words of the message crate, and text from outside cut down to what may be shown.

use std::fmt::Display;
use std::io;

use twofactor_message::{Trouble, TroubleKind};

/// Trouble of a kind. Whoever attempted something says where it happened through
/// [`Conversation::stage`](crate::conversation::Conversation::stage); this says why.
pub(crate) fn trouble(kind: TroubleKind, why: impl Display) -> Trouble {
    Trouble { kind, detail: why.to_string() }
}

/// Trouble of this program itself.
pub(crate) fn sender(why: impl Display) -> Trouble {
    trouble(TroubleKind::Sender, why)
}

/// Trouble of this host.
pub(crate) fn local(why: impl Display) -> Trouble {
    trouble(TroubleKind::Local, why)
}

/// The other side did not keep to the rules.
pub(crate) fn protocol(why: impl Display) -> Trouble {
    trouble(TroubleKind::Protocol, why)
}

/// What the system says, without its number: `connection refused`.
pub(crate) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    let text = text.split_once(" (os error").map_or(text, |(words, _)| words);
    let mut letters = text.chars();
    // "No such file" becomes "no such file"; "EOF" stays.
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_ascii_lowercase() => {
            format!("{}{}", first.to_ascii_lowercase(), text.get(first.len_utf8()..).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

/// Printable ASCII on one line, of at most `max_bytes`; everything else becomes `?`, line ends and tabs a blank.
pub(crate) fn printable(text: &str, max_bytes: usize) -> String {
    let mut line: String = text
        .chars()
        .take(max_bytes + 1)
        .map(|c| match c {
            ' '..='~' => c,
            '\n' | '\t' => ' ',
            _ => '?',
        })
        .collect();
    if line.len() > max_bytes {
        line.truncate(max_bytes.saturating_sub(CUT.len()));
        line.push_str(CUT);
    }
    line
}

const CUT: &str = "...";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_printable_moves_a_cursor_or_is_longer_than_it_may() {
        assert_eq!(printable("550 \u{1b}[2J\u{9b}\u{e9}\u{202e}a\tb\nc", 99), "550 ?[2J???a b c");
        assert_eq!(printable("123456789", 8), "12345...");
        assert_eq!(printable("12345678", 8), "12345678");
        assert_eq!(printable(&"\u{1f512}".repeat(50), 10), "???????...");
    }

    #[test]
    fn errors_of_the_system_are_words() {
        assert_eq!(words(&io::Error::from_raw_os_error(libc::ENOENT)), "no such file or directory");
        assert_eq!(words(&io::Error::other("EOF while parsing")), "EOF while parsing");
        let unknown = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(words(&unknown), "name or service not known");
    }
}
