//! What the tool says, word for word: a file for each case in `golden/`, named by the mistake or by what is done. It reads
//! as a terminal would look:
//!
//! ```text
//! # Why the case is here.
//! + bash, as root, before it
//! < a line of standard input
//! $ twofactor unlock bob          as root; `alice$ twofactor …` as alice
//! a line of standard output
//! ! a line of standard error
//! ? 1                             the exit status, unless it is 0
//! ```
//!
//! Each case finds the same machine: alice enrolled with an app, bob not, no log. After a change of words,
//! `GOLDEN=write cargo test -p twofactor-tests --test golden` writes what is said now, for `git diff` to be read.
//!
//! Every error that the tool's source has a text for is in a case, or in `golden/elsewhere` with the test that shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use support::{Output, Sandbox, checkout};

#[test]
fn every_command_says_what_it_always_said() {
    let sandbox = machine();
    let is_written = std::env::var_os("GOLDEN").is_some_and(|value| value == "write");
    let mut changed = Vec::new();
    for (path, case) in cases() {
        let said = case.played(&sandbox);
        if said != case.text {
            changed.push(format!("{}\n{}instead of\n{}", path.display(), said, case.text));
            if is_written {
                fs::write(&path, said).unwrap();
            }
        }
    }
    assert!(changed.is_empty(), "{} of {}:\n{}", changed.len(), cases().len(), changed.join("\n"));
}

#[test]
fn an_error_is_two_lines_and_comes_with_a_status_that_says_whose_mistake_it_is() {
    for (path, case) in cases() {
        let errors: Vec<_> = case.text.lines().filter_map(|line| line.strip_prefix("! ")).collect();
        let (name, status) = (path.display(), case.text.lines().find_map(|line| line.strip_prefix("? ")));
        // The first may stand behind a prompt.
        let first = errors.iter().position(|line| line.contains("error: "));
        assert_eq!(first.is_some(), status.is_some(), "{name}");
        assert!(status.is_none_or(|status| ["1", "2"].contains(&status)), "{name}");
        for pair in errors[first.unwrap_or(errors.len())..].chunks(2) {
            let [error, hint] = pair else { panic!("{name}: {pair:?}") };
            assert!(error.contains("error: ") && hint.starts_with("hint: "), "{name}: {pair:?}");
            assert!(!error.ends_with('.') && !hint.ends_with('.'), "{name}: {pair:?}");
        }
    }
}

#[test]
fn every_error_in_the_source_is_shown_by_a_case_or_by_a_test_that_is_named() {
    let shown: Vec<String> = cases().into_values().flat_map(|case| case.errors()).collect();
    let mut elsewhere = elsewhere();
    let mut missing = BTreeSet::new();
    for text in texts_of_errors() {
        let is_shown = shown.iter().any(|error| is_an_instance(error, &text));
        match (is_shown, elsewhere.remove(&text)) {
            (true, None) => {}
            (false, Some(test)) => {
                if test == "no test yet" {
                    continue;
                }
                let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{test} is no FILE::TEST"));
                let source = fs::read_to_string(checkout().join(file)).unwrap_or_default();
                assert!(source.contains(&format!("fn {name}(")), "{text}: there is no {test}");
            }
            (true, Some(_)) => panic!("{text}: a case shows it, so it need not be in golden/elsewhere"),
            (false, None) => drop(missing.insert(text)),
        }
    }
    let missing = Vec::from_iter(missing).join("\n");
    assert!(missing.is_empty(), "no case shows, nor does golden/elsewhere name a test for:\n{missing}");
    assert!(elsewhere.is_empty(), "in golden/elsewhere and not in the source: {elsewhere:?}");
}

/// One file.
struct Case {
    text: String,
}

impl Case {
    /// Plays it and writes it down anew.
    fn played(&self, sandbox: &Sandbox) -> String {
        let lines_with = |mark: &str| self.text.lines().filter_map(|line| line.strip_prefix(mark)).collect::<Vec<_>>();
        let command = self.text.lines().find(|line| line.contains("$ ")).expect("a command");
        let (user, words) = command.split_once("$ ").expect("a command");
        sandbox.bash("rm -rf /etc/twofactor /var/lib/twofactor /root/[!.]*; cp -a /keep/* /").succeeded();
        sandbox.bash(&lines_with("+ ").join("\n")).succeeded();
        let input: String = lines_with("< ").iter().map(|line| format!("{line}\n")).collect();
        let user = if user.is_empty() { "root" } else { user };
        let words = format!("cd; PATH=/usr/bin; {words}");
        let output = sandbox.run_with_input("runuser", ["-u", user, "--", "bash", "-c", &words], &input);
        let head: String = self.text.split_inclusive('\n').take_while(|line| !line.contains("$ ")).collect();
        format!("{head}{command}\n{}", transcript(&output))
    }

    /// What comes after `error: `, in plain or inside JSON.
    fn errors(&self) -> Vec<String> {
        let lines = self.text.lines().filter(|line| line.starts_with("! "));
        lines.filter_map(|line| line.split_once("error: ")).map(|(_, error)| error.to_owned()).collect()
    }
}

fn transcript(output: &Output) -> String {
    let mut text = masked(&output.stdout);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str("(no end of line)\n");
    }
    for line in masked(&output.stderr).lines() {
        text.push_str(&format!("! {line}\n"));
    }
    match output.status.code() {
        Some(0) => {}
        Some(status) => text.push_str(&format!("? {status}\n")),
        None => text.push_str("? killed\n"),
    }
    text
}

/// The same words for what is another secret or another time in every run.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && !"-:.".contains(c)) {
        let end = word.len() - word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len();
        let (word, rest) = word.split_at(word.len() - end);
        let plain = word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric());
        masked.push_str(&word[..word.len() - plain.len()]);
        let is = |of: fn(u8) -> bool, length: usize| plain.len() == length && plain.bytes().all(of);
        let base32 = |byte: u8| matches!(byte, b'A'..=b'Z' | b'2'..=b'7');
        let is_time = plain.len() >= 20 && plain.starts_with("20") && plain.ends_with('Z');
        masked.push_str(match () {
            () if is_time => "TIME",
            () if is(|byte| byte.is_ascii_digit(), 10) => "SECONDS",
            () if is(base32, 32) => "SECRET",
            () if is_code(plain) => "CODE",
            () => plain,
        });
        masked.push_str(rest);
    }
    let lines = masked.split_inclusive('\n');
    lines.map(|line| if is_secret_in_groups(line.trim()) { "    SECRET\n" } else { line }).collect()
}

/// Four groups of four.
fn is_code(word: &str) -> bool {
    let groups: Vec<_> = word.split('-').collect();
    let is_group =
        |group: &&str| group.len() == 4 && group.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    groups.len() == 4 && groups.iter().all(is_group)
}

fn is_secret_in_groups(line: &str) -> bool {
    let is_group = |group: &str| group.len() == 4 && group.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'));
    line.len() == 39 && line.split(' ').all(is_group)
}

fn machine() -> Sandbox {
    let sandbox = Sandbox::installed();
    for user in ["alice", "bob"] {
        sandbox.add_user(user, "correct horse");
    }
    sandbox.enrol("alice");
    sandbox
        .bash("rm -rf /root/[!.]*; mkdir /keep; cp -a --parents /etc/twofactor /etc/passwd /var/lib/twofactor /keep")
        .succeeded();
    sandbox
}

fn cases() -> BTreeMap<PathBuf, Case> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.filter(|path| path.extension().is_some_and(|extension| extension == "case"));
    texts.map(|path| (path.clone(), Case { text: fs::read_to_string(path).unwrap() })).collect()
}

fn folder() -> PathBuf {
    checkout().join("tests/tests/golden")
}

/// By text, the test that shows it: `TEXT` and, indented below it, `tests/tests/FILE.rs::TEST`, or `no test yet`.
fn elsewhere() -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join("elsewhere")).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let pairs = lines.chunks(2).map(|pair| {
        let [text, test] = pair else { panic!("{pair:?} is no pair") };
        ((*text).to_owned(), test.strip_prefix("    ").unwrap_or_else(|| panic!("{test:?} is not indented")).to_owned())
    });
    pairs.collect()
}

/// The texts with which errors begin in the source of the tool and of the registrar, with their `{placeholders}`.
fn texts_of_errors() -> BTreeSet<String> {
    let mut sources = Vec::new();
    rust_files(&checkout().join("src/cli/src"), &mut sources);
    rust_files(&checkout().join("src/core/src/registrar"), &mut sources);
    let mut texts = BTreeSet::new();
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        for begin in BEGINNINGS {
            texts.extend(source.split(begin).skip(1).filter_map(literal));
        }
    }
    texts.remove("{0}");
    texts
}

/// The string that an argument begins with, if it does.
fn literal(argument: &str) -> Option<String> {
    let argument = argument.trim_start().trim_start_matches("format!(").trim_start().strip_prefix('"')?;
    let mut text = String::new();
    let mut characters = argument.chars();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => match characters.next()? {
                // A line that goes on in the next one.
                '\n' => characters = characters.as_str().trim_start().chars(),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

/// Whether an error is of that text, whatever stands for its placeholders.
fn is_an_instance(error: &str, text: &str) -> bool {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((piece, placeholder)) = rest.split_once('{') {
        pieces.push(piece);
        rest = placeholder.split_once('}').map_or("", |(_, rest)| rest);
    }
    pieces.push(rest);
    let mut left = error;
    pieces.iter().all(|piece| left.find(piece).map(|at| left = &left[at + piece.len()..]).is_some())
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && !path.ends_with("doctor") {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// After which an error's text stands.
const BEGINNINGS: [&str; 6] = ["Failure::new(", "Failure::misused(", "let what = ", "#[error(", ".mistake(", "unfit("];
