//! What one check came to, as text for people and as JSON for programs.

use std::collections::HashMap;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use twofactor_message::shown;

use crate::commands::report::wording::grouped;

/// What one check came to.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    pub(super) message: Message,
    pub(super) hint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    Warn,
    Fail,
}

/// What is said, with the names of whom or what it is said of: people hear the first few, programs all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) before: String,
    pub(super) names: Vec<String>,
    pub(super) after: String,
}

impl Finding {
    pub(super) fn ok(check: &'static str, message: impl Into<Message>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), hint: String::new() }
    }

    pub(super) fn warn(check: &'static str, message: impl Into<Message>, hint: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, message: message.into(), hint: hint.into() }
    }

    pub(super) fn fail(check: &'static str, message: impl Into<Message>, hint: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, message: message.into(), hint: hint.into() }
    }

    fn text(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        let hint = if self.hint.is_empty() { String::new() } else { format!("      {}\n", shown(&self.hint)) };
        format!("{level:<6}{}\n{hint}", shown(&self.message.said(SHOWN_MAX)))
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Finding", 4)?;
        fields.serialize_field("check", self.check)?;
        fields.serialize_field("level", &self.level)?;
        fields.serialize_field("message", &self.message.in_full())?;
        fields.serialize_field("hint", &self.hint)?;
        fields.end()
    }
}

impl Message {
    pub(super) fn naming(before: impl Into<String>, names: Vec<String>) -> Self {
        Self { before: before.into(), names, after: String::new() }
    }

    /// With every name.
    pub(super) fn in_full(&self) -> String {
        self.said(usize::MAX)
    }

    fn said(&self, max: usize) -> String {
        let Self { before, names, after } = self;
        let told: Vec<_> = names.iter().take(max).map(String::as_str).collect();
        let more = match names.len().saturating_sub(max) {
            0 => String::new(),
            more => format!(" and {} more", grouped(more as u64)),
        };
        format!("{before}{}{more}{after}", told.join(", "))
    }
}

impl<T: Into<String>> From<T> for Message {
    fn from(text: T) -> Self {
        Self { before: text.into(), names: Vec::new(), after: String::new() }
    }
}

/// All of it for people. The same mistake made very often is shown a few times.
pub(super) fn text(findings: &[Finding]) -> String {
    let mut count = HashMap::<_, usize>::new();
    for finding in findings {
        *count.entry(finding.check).or_default() += 1;
    }
    let mut told = HashMap::<_, usize>::new();
    let mut text = String::new();
    for finding in findings {
        let told = told.entry(finding.check).or_default();
        *told += 1;
        if *told <= SHOWN_MAX {
            text.push_str(&finding.text());
        }
        let more = count.get(finding.check).map_or(0, |count| count.saturating_sub(SHOWN_MAX));
        if *told == SHOWN_MAX && more > 0 {
            text.push_str(&format!("      and {} more like this: twofactor doctor --json\n", grouped(more as u64)));
        }
    }
    text
}

/// How many names, or findings of one check, a person is shown.
const SHOWN_MAX: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("u{number}")).collect()
    }

    #[test]
    fn people_hear_the_first_ten_names_and_programs_all_of_them() {
        let of = |count| Finding::warn("people", Message::naming("outside: ", names(count)), "let them in");
        assert!(
            text(&[of(10)]).starts_with("warn  outside: u0, u1, u2, u3, u4, u5, u6, u7, u8, u9\n      let them in")
        );
        assert!(text(&[of(10_000)]).contains(", u9 and 9,990 more\n"));
        let json = serde_json::to_string(&of(10_000)).unwrap();
        assert!(json.contains(", u9998, u9999\"") && !json.contains("more"));
    }

    #[test]
    fn a_mistake_that_is_made_very_often_is_shown_ten_times() {
        let many: Vec<_> = names(1234).into_iter().map(|name| Finding::fail("files", name, "mend it")).collect();
        let told = text(&[many, vec![Finding::ok("clock", "kept")]].concat());
        assert_eq!(told.lines().filter(|line| line.starts_with("FAIL")).count(), 10);
        assert!(told.ends_with("      and 1,224 more like this: twofactor doctor --json\nok    kept\n"), "{told}");
    }
}
