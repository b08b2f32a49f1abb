//! `twofactor doctor`: what is set up in a way that cannot be meant, why it matters, and the line to change.
//!
//! It only looks. What may lie and what may stay away are bounded: files, lines, the ways through a stack, and the time
//! of a program that is asked.

mod clock;
mod explain;
mod files;
mod people;
mod program;
mod rules;
mod sender;
mod sshd;
pub(super) mod stack;
pub(super) mod walk;
pub(super) mod wiring;

use std::path::Path;

use serde::Serialize;
use twofactor_message::shown;

use crate::arguments::Doctor;
use crate::failure::Failure;
use crate::office::Office;
use crate::output::{Output, counted};
use wiring::Wiring;

/// Runs the command. It fails if a check does.
pub(crate) fn run(asked: &Doctor, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    if let Some(user) = &asked.user {
        return explain::run(user, &asked.service, &office, output);
    }
    let wiring = Wiring::of_this_system();
    let mut findings = wiring.look(&office.config.policy);
    findings.extend(sshd::look(&wiring, &office)?);
    findings.extend(people::look(&wiring, &office)?);
    findings.extend(rules::look(&office.config.policy)?);
    findings.extend(files::look(&office)?);
    findings.extend(sender::look(&office.config)?);
    findings.extend(clock::look());
    let text: String = findings.iter().map(Finding::text).collect();
    output.answer(&text, &findings)?;
    let failed = findings.iter().filter(|finding| finding.level == Level::Fail).count();
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::new(format!("{} failed", counted(failed, "check")), "see what each of them says to do"))
}

/// What one check came to.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    message: String,
    hint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), hint: String::new() }
    }

    fn warn(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, message: message.into(), hint: hint.into() }
    }

    fn fail(check: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, message: message.into(), hint: hint.into() }
    }

    fn text(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        let hint = if self.hint.is_empty() { String::new() } else { format!("      {}\n", shown(&self.hint)) };
        format!("{level:<6}{}\n{hint}", shown(&self.message))
    }
}

/// The first few of many names, and how many more there are.
fn listed(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

const NAMES_SHOWN: usize = 10;
