//! In which lines of its file a policy is written, for advice that names them. It reads once more what the settings were
//! read from; for what it does not find there, the advice names the file alone.

use std::path::Path;

use twofactor_core::document::{self, Mistake, Table, Value, Written, Wrong};

use crate::pam::stack::Files;
use crate::pam::system::System;

/// A file of settings, line by line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    file: String,
    lines: Vec<String>,
    policy: Terms,
    rules: Vec<Terms>,
    deliver_user: Option<usize>,
}

/// In which lines, counted from 1, the keys of `[policy]` or of one rule stand.
#[derive(Debug, Default)]
struct Terms {
    /// Where it begins.
    head: usize,
    mode: Option<usize>,
    unenrolled: Option<usize>,
    user: Option<usize>,
    group: Option<usize>,
}

/// A key of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    Mode,
    Unenrolled,
    User,
    Group,
}

impl Lines {
    pub(super) fn of(file: &Path) -> Self {
        let file = file.display().to_string();
        let text = System.read(&file).unwrap_or_default();
        Self::read(file, &String::from_utf8_lossy(&text))
    }

    fn read(file: String, text: &str) -> Self {
        let line = |at: Option<Offset>| {
            at.and_then(|Offset(at)| text.get(..at)).map(|before| before.matches('\n').count() + 1)
        };
        let terms = |table: &Table<'_>| {
            table.ignore_the_rest();
            Ok(Terms {
                // What is missing is missed where the table begins.
                head: table.wrong("", &"").line(),
                mode: line(table.optional("mode")?),
                unenrolled: line(table.optional("unenrolled")?),
                user: line(table.optional("user")?),
                group: line(table.optional("group")?),
            })
        };
        let read = document::read(text.as_bytes(), |settings| {
            settings.ignore_the_rest();
            let policy = settings.table("policy", |policy| Ok((terms(policy)?, policy.tables("rule", terms)?)))?;
            Ok::<_, Mistake>((policy.unwrap_or_default(), line(settings.optional("deliver_user")?)))
        });
        let ((policy, rules), deliver_user) = read.unwrap_or_default();
        Self { file, lines: text.lines().map(str::to_owned).collect(), policy, rules, deliver_user }
    }

    /// The place of a rule, counted from 1.
    pub(super) fn rule(&self, number: usize) -> String {
        self.place(self.of_rule(number).map(|rule| rule.head))
    }

    /// The place of a key of a rule, or of `[policy]` itself where the rule has none of its own.
    pub(super) fn key(&self, rule: Option<usize>, key: Key) -> String {
        self.place(self.line(rule, key))
    }

    /// What to write in the place of the line of such a key.
    pub(super) fn written(&self, rule: Option<usize>, key: Key, value: &str) -> String {
        self.instead(self.line(rule, key), key.name(), value)
    }

    /// What to write in the place of the line of `deliver_user`.
    pub(super) fn deliver_user(&self, value: &str) -> String {
        self.instead(self.deliver_user, "deliver_user", value)
    }

    /// How a rule comes before another that is above it.
    pub(super) fn above(&self, number: usize, earlier: usize) -> String {
        let (first, above) = (self.of_rule(number), self.of_rule(earlier));
        match (first.and_then(|rule| Some((rule.head, self.end(rule)?))), above) {
            (Some((first, last)), Some(above)) if self.is_header(above.head) => {
                format!("put lines {first} to {last} of {} above line {}, or take them out", self.file, above.head)
            }
            _ => format!("in {}, put rule {number} before rule {earlier}, or take it out", self.file),
        }
    }

    /// How a rule is taken out.
    pub(super) fn without(&self, number: usize) -> String {
        match self.of_rule(number).and_then(|rule| Some((rule.head, self.end(rule)?))) {
            Some((first, last)) => format!("take out lines {first} to {last} of {}", self.file),
            None => format!("take rule {number} out of {}", self.file),
        }
    }

    fn of_rule(&self, number: usize) -> Option<&Terms> {
        self.rules.get(number.checked_sub(1)?)
    }

    fn line(&self, rule: Option<usize>, key: Key) -> Option<usize> {
        let own = rule.and_then(|number| self.of_rule(number)).and_then(|rule| rule.line(key));
        own.or_else(|| self.policy.line(key))
    }

    fn place(&self, line: Option<usize>) -> String {
        line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }

    fn instead(&self, line: Option<usize>, key: &str, value: &str) -> String {
        let is_alone = |line: &&String| {
            let rest = line.trim_start().strip_prefix(key).map(str::trim_start);
            rest.is_some_and(|rest| rest.starts_with('=') && !rest.ends_with(['[', ',']))
        };
        match line.filter(|line| self.lines.get(*line - 1).as_ref().is_some_and(is_alone)) {
            Some(line) => format!("write {}:{line} so: {key} = {value}", self.file),
            None => format!("in {}, write: {key} = {value}", self.place(line)),
        }
    }

    /// The last line of a rule that has a header of its own.
    fn end(&self, rule: &Terms) -> Option<usize> {
        if !self.is_header(rule.head) {
            return None;
        }
        let below = self.lines.iter().skip(rule.head).position(|line| line.trim_start().starts_with('['));
        let end = below.map_or(self.lines.len(), |lines| rule.head + lines);
        let blank = |line: &&String| line.trim().is_empty() || line.trim_start().starts_with('#');
        let behind = self.lines.get(rule.head..end)?.iter().rev().take_while(blank).count();
        Some(end - behind)
    }

    fn is_header(&self, line: usize) -> bool {
        line.checked_sub(1).and_then(|at| self.lines.get(at)).is_some_and(|line| line.trim_start().starts_with("[["))
    }
}

impl Terms {
    fn line(&self, key: Key) -> Option<usize> {
        match key {
            Key::Mode => self.mode,
            Key::Unenrolled => self.unenrolled,
            Key::User => self.user,
            Key::Group => self.group,
        }
    }
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Unenrolled => "unenrolled",
            Self::User => "user",
            Self::Group => "group",
        }
    }
}

/// Where a value begins, in bytes.
struct Offset(usize);

impl Value for Offset {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        Ok(Self(Wrong::new(value, "").at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
issuer = 'x'
deliver_user = 'root'
[policy]
mode = 'monitor'

# Those of the house.
[[policy.rule]]
service = ['su']

# Nobody else.
[[ policy.rule ]]
user = [
    'bin',
]
mode = 'off'

[mail.code]
subject = 'x'
";

    #[test]
    fn each_word_of_a_policy_has_its_line() {
        let lines = Lines::read("/c".to_owned(), TEXT);
        assert_eq!((lines.rule(1), lines.rule(2)), ("/c:7".to_owned(), "/c:11".to_owned()));
        assert_eq!(lines.written(Some(1), Key::Mode, "\"required\""), "write /c:4 so: mode = \"required\"");
        assert_eq!(lines.written(Some(2), Key::Mode, "\"required\""), "write /c:15 so: mode = \"required\"");
        assert_eq!(lines.written(Some(2), Key::User, "[\"root\"]"), "in /c:12, write: user = [\"root\"]");
        assert_eq!(lines.deliver_user("\"x\""), "write /c:2 so: deliver_user = \"x\"");
        assert_eq!(lines.above(2, 1), "put lines 11 to 15 of /c above line 7, or take them out");
        assert_eq!(lines.without(1), "take out lines 7 to 8 of /c");
    }

    #[test]
    fn what_has_no_line_of_its_own_is_said_of_the_file() {
        let lines = Lines::read("/c".to_owned(), "policy = { rule = [{ service = ['su'] }, { user = ['bin'] }] }\n");
        assert_eq!(lines.above(2, 1), "in /c, put rule 2 before rule 1, or take it out");
        assert_eq!(lines.written(None, Key::Mode, "\"required\""), "in /c, write: mode = \"required\"");
        assert_eq!(lines.written(Some(2), Key::User, "[\"root\"]"), "in /c:1, write: user = [\"root\"]");
        assert_eq!(Lines::read("/c".to_owned(), "[").rule(1), "/c");
    }
}
