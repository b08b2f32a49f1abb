//! The files that an Include names, as glob(3) finds them for sshd: `*`, `?` and `[…]` in any part of the path, a backslash
//! before what is meant as it stands, and no dot at the beginning that is not written.

use std::fs;
use std::io::ErrorKind;

use super::pattern::{Piece, fits};

/// The files, in the order in which sshd reads them, and what could not be looked through for more.
pub(super) fn matching(pattern: &str) -> (Vec<String>, Vec<String>) {
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
    let (mut found, mut unread) = (vec![String::new()], Vec::new());
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let pieces = pieces(part);
        let literal: Option<String> =
            pieces.iter().map(|piece| if let Piece::Just(c) = piece { Some(*c) } else { None }).collect();
        let within = |directory: &String| match &literal {
            Some(name) => vec![name.clone()],
            None => names(directory, &pieces).unwrap_or_else(|| {
                unread.push(format!("{directory}/"));
                Vec::new()
            }),
        };
        let names: Vec<_> = found.iter().map(within).collect();
        let paths = found
            .iter()
            .zip(names)
            .flat_map(|(directory, names)| names.into_iter().map(move |name| format!("{directory}/{name}")));
        found = paths.take(FOUND_MAX + 1).collect();
        if found.len() > FOUND_MAX {
            return (Vec::new(), vec![pattern]);
        }
    }
    (found, unread)
}

/// The names in a directory that are like a pattern; `None` if nobody can tell.
fn names(directory: &str, pattern: &[Piece]) -> Option<Vec<String>> {
    let entries = match fs::read_dir(format!("{directory}/")) {
        Ok(entries) => entries,
        Err(why) if matches!(why.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Some(Vec::new()),
        Err(_) => return None,
    };
    let hidden = matches!(pattern.first(), Some(Piece::Just('.')));
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> =
        names.filter(|name| fits(name, pattern) && (hidden || !name.starts_with('.'))).take(FOUND_MAX + 1).collect();
    names.sort_unstable();
    Some(names)
}

/// The pieces of one part of a path.
fn pieces(part: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = part.chars();
    while let Some(c) = rest.next() {
        pieces.push(match c {
            '*' => Piece::Anything,
            '?' => Piece::One,
            '\\' => Piece::Just(rest.next().unwrap_or('\\')),
            '[' => match set(rest.as_str()) {
                Some((set, behind)) => {
                    rest = behind.chars();
                    set
                }
                None => Piece::Just('['),
            },
            c => Piece::Just(c),
        });
    }
    pieces
}

/// What stands between brackets, and what stands behind them; `None` if they do not close.
fn set(text: &str) -> Option<(Piece, &str)> {
    let inner = text.strip_prefix(['!', '^']);
    let mut rest = inner.unwrap_or(text);
    let (mut ranges, mut classes) = (Vec::new(), Vec::new());
    loop {
        if let Some((class, behind)) = rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
            classes.push(class.to_owned());
            rest = behind;
            continue;
        }
        // A bracket that closes nothing yet is one of the set.
        if let Some(behind) = rest.strip_prefix(']').filter(|_| !ranges.is_empty() || !classes.is_empty()) {
            return Some((Piece::Set { but: inner.is_some(), ranges, classes }, behind));
        }
        let (first, behind) = character(rest)?;
        rest = behind;
        let upto = rest.strip_prefix('-').filter(|behind| !behind.starts_with(']')).and_then(character);
        let (last, behind) = upto.unwrap_or((first, rest));
        rest = behind;
        ranges.push((first, last));
    }
}

/// A character of a set, without the backslash before it, and what stands behind.
fn character(text: &str) -> Option<(char, &str)> {
    let text = text.strip_prefix('\\').unwrap_or(text);
    let c = text.chars().next()?;
    Some((c, text.get(c.len_utf8()..)?))
}

const FOUND_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_are_those_of_glob() {
        for (name, pattern, like) in [
            ("50-a.conf", "[0-9]*.conf", true),
            ("a.conf", "[0-9]*.conf", false),
            ("a.conf", "[!0-9]*.conf", true),
            ("a.conf", "[^0-9]*.conf", true),
            ("7", "[[:digit:]]", true),
            ("a", "[[:digit:]x]", false),
            ("x", "[[:digit:]x]", true),
            ("]", "[]a]", true),
            ("-", "[a-]", true),
            ("b", "[a-]", false),
            ("[a", "[a", true),
            ("*", "\\*", true),
            ("a", "\\*", false),
            ("]", "[\\]]", true),
            ("abc", "a?c", true),
        ] {
            assert_eq!(fits(name, &pieces(pattern)), like, "{name} {pattern}");
        }
    }

    #[test]
    fn any_part_of_the_path_may_be_a_pattern() {
        assert_eq!(matching("/pr[o]c/sel?/stat[u]s").0, ["/proc/self/status"]);
        assert_eq!(matching("x.conf").0, ["/etc/ssh/x.conf"]);
        assert!(matching("/proc/self/status/*").0.is_empty());
    }

    proptest! {
        #[test]
        fn no_pattern_does_any_harm(pattern in "([*?!^a:\\[\\]\\\\-]|\\[:)*", text: String) {
            fits(&text, &pieces(&pattern));
            fits(&pattern, &pieces(&text));
        }
    }
}
