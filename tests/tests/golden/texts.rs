//! The texts of the source with their `{placeholders}`, and whether something that was said is one of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use support::checkout;

/// With which errors begin, in the source of the tool and of the registrar.
pub fn errors() -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for folder in ["src/cli/src", "src/core/src/registrar"] {
        for source in sources(&checkout().join(folder)) {
            for begin in BEGINNINGS {
                texts.extend(source.split(begin).skip(1).filter_map(argument));
            }
        }
    }
    texts.remove("{0}");
    texts
}

/// All that the doctor's source has sentences for, or pieces of sentences.
pub fn of_the_doctor() -> BTreeSet<String> {
    let sources = sources(&checkout().join("src/cli/src/commands/doctor"));
    let texts = sources.iter().flat_map(|source| literals(source)).map(|text| text.trim().to_owned());
    texts.filter(|text| text.contains(' ') && is_telling(text)).collect()
}

/// Whether so much of a text is fixed that something else is hardly like it.
pub fn is_telling(text: &str) -> bool {
    letters(&pieces(text).concat()) >= LETTERS_MIN
}

/// Whether an error is of that text from its beginning to its end, whatever stands for its placeholders. It may stand
/// behind whom or what it is about.
pub fn is_instance(error: &str, text: &str) -> bool {
    let behind = error.match_indices(": ").filter_map(|(at, mark)| error.get(at + mark.len()..));
    [error].into_iter().chain(behind).any(|error| fits(error, &pieces(text), &str::is_empty))
}

/// Whether that text stands in a line, in whole words.
pub fn stands_in(line: &str, text: &str) -> bool {
    let pieces = pieces(text);
    let is_apart = |one: Option<char>, next: Option<char>| {
        !(one.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric))
    };
    let last = pieces.last().and_then(|piece| piece.chars().last());
    line.char_indices().any(|(at, first)| {
        let (before, from) = line.split_at(at);
        is_apart(before.chars().last(), Some(first)) && fits(from, &pieces, &|rest| is_apart(last, rest.chars().next()))
    })
}

/// The longest of what is fixed in a text.
pub fn longest(text: &str) -> &str {
    pieces(text).into_iter().max_by_key(|piece| piece.len()).unwrap_or_default()
}

/// Whether the first piece begins a text, each other follows after something, and what is left is as it should be.
fn fits(text: &str, pieces: &[&str], is_end: &dyn Fn(&str) -> bool) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return is_end(text) };
    let Some(left) = text.strip_prefix(first) else { return false };
    if rest.is_empty() {
        return is_end(left);
    }
    let places = left.char_indices().map(|(at, _)| at).skip(1).chain([left.len()]);
    places.filter(|at| *at > 0).any(|at| fits(&left[at..], rest, is_end))
}

/// What is between the placeholders.
fn pieces(text: &str) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((piece, placeholder)) = rest.split_once('{') {
        pieces.push(piece);
        rest = placeholder.split_once('}').map_or("", |(_, rest)| rest);
    }
    pieces.push(rest);
    pieces
}

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphabetic()).count()
}

/// The string that an argument begins with, if it does.
fn argument(source: &str) -> Option<String> {
    let source = source.trim_start().trim_start_matches("format!(").trim_start();
    string(source.strip_prefix('"')?).map(|(text, _)| text)
}

/// Every string of a source; those in comments are none.
fn literals(source: &str) -> Vec<String> {
    let lines = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let source = lines.map(|line| format!("{line}\n")).collect::<String>().replace("'\"'", "' '");
    let (mut texts, mut rest) = (Vec::new(), source.as_str());
    while let Some((text, after)) = rest.split_once('"').and_then(|(_, rest)| string(rest)) {
        texts.push(text);
        rest = after;
    }
    texts
}

/// What stands before the quotation mark that ends a string, and what after.
fn string(source: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut characters = source.chars();
    loop {
        match characters.next()? {
            '"' => return Some((text, characters.as_str())),
            '\\' => match characters.next()? {
                // A line that goes on in the next one.
                '\n' => characters = characters.as_str().trim_start().chars(),
                'n' => text.push('\n'),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

/// Every source in a folder, without its tests.
fn sources(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    rust_files(folder, &mut found);
    found.iter().map(|path| without_tests(&fs::read_to_string(path).unwrap()).to_owned()).collect()
}

/// What stands before the tests at the end of a file. A line that names a file of tests ends nothing.
fn without_tests(source: &str) -> &str {
    let marks = source.match_indices("#[cfg(test)]\n");
    let mut tests = marks.filter(|(at, mark)| {
        source[at + mark.len()..].lines().next().is_some_and(|line| line.contains("mod ") && line.ends_with('{'))
    });
    tests.next().map_or(source, |(at, _)| &source[..at])
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
            && !path.ends_with("fuzzed.rs")
        {
            found.push(path);
        }
    }
}

/// After which an error's text stands.
const BEGINNINGS: [&str; 9] = [
    "Failure::new(",
    "Failure::misused(",
    "let what = ",
    "#[error(",
    ".mistake(",
    "unfit(",
    "failed(",
    "Trouble::other(",
    "Trouble::Other(",
];
const LETTERS_MIN: usize = 8;

#[test]
fn a_text_is_known_by_all_of_it_and_by_nothing_less() {
    let text = "{}: belongs to uid {}, not to root";
    assert!(is_instance("/x: belongs to uid 7, not to root", text));
    assert!(is_instance("alice: /x: belongs to uid 7, not to root", text));
    for other in
        ["belongs to uid 7, not to root", "/x: belongs to uid 7, not to root at all", "/x: belongs to uid , no"]
    {
        assert!(!is_instance(other, text), "{other}");
    }
    assert!(!is_instance("alice is not enrolled", "not enrolled"));
    assert!(is_telling(text) && !is_telling("{user}: {what}"));
    assert!(stands_in("FAIL  /x: belongs to uid 7, not to root (sudo)", text));
    assert!(!stands_in("the messages", "the message") && !stands_in("a bypass", "pass"));
    assert_eq!(
        literals("// \"none\"\nlet x = \"one \\\n  \\\"two\\\"\"; f('\"', \"three\")"),
        ["one \"two\"", "three"]
    );
}
