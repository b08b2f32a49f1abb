//! How a PAM stack is written: lines that are continued, and words of which one may stand in brackets (pam.conf(5)).

use std::borrow::Cow;

/// The lines of a file with what continues them, each with the number of its first.
pub(super) fn assembled(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.split('\n')) {
        let start = line.trim_start();
        // Comments and blank lines do not even end what is continued.
        if start.is_empty() || start.starts_with('#') {
            continue;
        }
        let (content, commented) = line.split_once('#').map_or((line, false), |(content, _)| (content, true));
        let content = content.trim_end();
        let continued = content.strip_suffix('\\').filter(|_| !commented);
        let (first, mut whole) = open.take().unwrap_or((number, String::new()));
        whole.push_str(continued.unwrap_or(content));
        match continued {
            Some(_) => {
                whole.push(' ');
                open = Some((first, whole));
            }
            None => lines.push((first, whole)),
        }
    }
    lines.extend(open.filter(|(_, whole)| !whole.trim().is_empty()));
    lines
}

/// Words, of which one may stand in brackets; `\]` is a bracket in it.
pub(super) fn words(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix('[') {
            let mut escaped = false;
            let end = inner.char_indices().find(|(_, c)| {
                let ends = *c == ']' && !escaped;
                escaped = *c == '\\' && !escaped;
                ends
            });
            let (word, after) = match end {
                Some((at, _)) => (inner.get(..at).unwrap_or_default(), inner.get(at + 1..).unwrap_or_default()),
                None => (inner, ""),
            };
            rest = after;
            return Some(Cow::Owned(word.replace("\\]", "]")));
        }
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(Cow::Borrowed(word))
    })
}

/// A word as it is written.
pub(super) fn bracketed(word: &str) -> Cow<'_, str> {
    if word.contains(|c: char| c.is_whitespace() || c == '[') {
        return Cow::Owned(format!("[{}]", word.replace(']', "\\]")));
    }
    Cow::Borrowed(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_on_past_comments_and_has_the_number_of_its_beginning() {
        let text = "# a\none \\\n# between\n\n two # end \\\nthree\\";
        let lines = [(2, "one   two"), (6, "three ")].map(|(number, line)| (number, line.to_owned()));
        assert_eq!(assembled(text), lines);
        assert_eq!(assembled("  \n\\"), []);
    }

    #[test]
    fn a_word_in_brackets_is_written_as_it_was_read() {
        let text = "plain [two words] [a \\] b] [open";
        let read: Vec<_> = words(text).collect();
        assert_eq!(read, ["plain", "two words", "a ] b", "open"]);
        let written: Vec<_> = read.iter().map(|word| bracketed(word)).collect();
        assert_eq!(written, ["plain", "[two words]", "[a \\] b]", "open"]);
        assert_eq!(words(&written.join(" ")).collect::<Vec<_>>(), read);
    }
}
