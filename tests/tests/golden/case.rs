//! One file of `golden/`: read, played, written down anew.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use support::{Output, Sandbox};

/// One file.
pub struct Case {
    pub text: String,
}

/// An error line and its hint.
pub type Pair = (String, String);

impl Case {
    /// Plays it and writes it down anew.
    pub fn played(&self, sandbox: &Sandbox) -> String {
        let (user, words) = self.command();
        let head: String = self.text.split_inclusive('\n').take_while(|line| !line.contains("$ ")).collect();
        let user = if user == "root" { "" } else { user };
        format!("{head}{user}$ {words}\n{}", transcript(&self.run(words, sandbox)))
    }

    /// Plays it with `--json`: what it then says in JSON, on standard error, and its exit status.
    pub fn played_with_json(&self, sandbox: &Sandbox) -> (Value, Vec<Pair>, Option<i32>) {
        let (_, words) = self.command();
        let output = self.run(&words.replacen("twofactor", "twofactor --json", 1), sandbox);
        let said = output.stdout.lines().last().and_then(|line| serde_json::from_str(line).ok());
        let stderr: Vec<_> = masked(&output.stderr).lines().map(str::to_owned).collect();
        (said.unwrap_or_default(), pairs(&stderr), output.status.code())
    }

    fn run(&self, words: &str, sandbox: &Sandbox) -> Output {
        let lines_with = |mark: &str| self.text.lines().filter_map(|line| line.strip_prefix(mark)).collect::<Vec<_>>();
        sandbox.bash(&format!("{RESTORE}\n{}", lines_with("+ ").join("\n"))).succeeded();
        let input: String = lines_with("< ").iter().map(|line| format!("{line}\n")).collect();
        let words = format!("cd; PATH=/usr/bin:/usr/sbin; {words}");
        sandbox.run_with_input("runuser", ["-u", self.command().0, "--", "bash", "-c", &words], &input)
    }

    /// Who runs what.
    pub fn command(&self) -> (&str, &str) {
        let (user, words) = self.text.lines().find_map(|line| line.split_once("$ ")).expect("a command");
        (if user.is_empty() { "root" } else { user }, words)
    }

    pub fn status(&self) -> Option<i32> {
        self.text.lines().find_map(|line| line.strip_prefix("? ")).map(|status| status.parse().expect("a number"))
    }

    /// What stands on standard output.
    pub fn answer(&self) -> impl Iterator<Item = &str> {
        let after = self.text.lines().skip_while(|line| !line.contains("$ ")).skip(1);
        after.filter(|line| !line.starts_with("! ") && !line.starts_with("? "))
    }

    /// The errors with their hints, in plain.
    pub fn pairs(&self) -> Vec<Pair> {
        let lines: Vec<_> = self.text.lines().filter_map(|line| line.strip_prefix("! ")).map(str::to_owned).collect();
        pairs(&lines)
    }
}

/// By their files.
pub fn cases() -> BTreeMap<PathBuf, Case> {
    ["", "doctor"].into_iter().flat_map(cases_in).collect()
}

/// Those of one folder.
pub fn cases_in(folder: &str) -> BTreeMap<PathBuf, Case> {
    let entries = fs::read_dir(crate::folder().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.filter(|path| path.extension().is_some_and(|extension| extension == "case"));
    texts.map(|path| (path.clone(), Case { text: fs::read_to_string(path).unwrap() })).collect()
}

/// Of what is said on standard error. The first may stand behind a prompt, and notes before it.
fn pairs(lines: &[String]) -> Vec<Pair> {
    let first = lines.iter().position(|line| line.contains("error: ")).unwrap_or(lines.len());
    let pair = |pair: &[String]| {
        let [error, hint] = pair else { panic!("{pair:?} is no pair") };
        let (_, error) = error.split_once("error: ").unwrap_or_else(|| panic!("{error}: is no error"));
        let hint = hint.strip_prefix("hint: ").unwrap_or_else(|| panic!("{hint}: is no hint"));
        (error.to_owned(), hint.to_owned())
    };
    lines[first..].chunks(2).map(pair).collect()
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

/// The same words for what is another secret or another time in every run, or another directory on every kind of machine.
pub fn masked(text: &str) -> String {
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
    let masked = masked.replace(&format!("{ARCH}-linux-gnu"), "TRIPLET");
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

/// A fresh machine as [`crate::machine`] and [`crate::doctors_machine`] made it.
const RESTORE: &str = "rm -rf /root/[!.]* $(cat /keep.list); cp -a /keep/* /";
