//! `twofactor doctor`: what is set up in a way that cannot be meant. For now it looks at the rules.

use std::path::Path;

use serde::Serialize;
use twofactor_core::policy::{Mode, Policy, Unenrolled};
use twofactor_core::sys::{Accounts, LookUpError, Passwd, group_exists};

use crate::failure::Failure;
use crate::office::Office;
use crate::output::{Output, counted};

/// Runs the command. It fails if a check does.
pub(crate) fn run(config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let findings = rules(&office.config.policy)?;
    let text: String = findings.iter().map(Finding::text).collect();
    output.answer(&text, &findings)?;
    let failed = findings.iter().filter(|finding| finding.level == Level::Fail).count();
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::new(format!("{} failed", counted(failed, "check")), "see what each of them says to do"))
}

/// What is wrong with the rules of `[policy]`.
fn rules(policy: &Policy) -> Result<Vec<Finding>, LookUpError> {
    let mut findings = Vec::new();
    for (number, earlier) in policy.covered() {
        let message = format!("rule {number} of [policy] never matches: rule {earlier} matches all that it does");
        let hint = format!("put rule {number} before rule {earlier}, or take it out");
        findings.push(Finding::fail("policy-order", message, hint));
    }
    for (number, rule) in (1..).zip(&policy.rules) {
        for group in rule.group.iter().flatten() {
            if !group_exists(group)? {
                let message = format!("rule {number} of [policy] names the group {group:?}, which there is not");
                let hint = format!("see which there are: getent group; or make it: groupadd {group}");
                findings.push(Finding::fail("policy-groups", message, hint));
            }
        }
        for user in rule.user.iter().flatten() {
            if Passwd.find(user)?.is_none() {
                let message = format!("rule {number} of [policy] names the user {user:?}, whom there is not");
                findings.push(Finding::fail("policy-users", message, "see who there is: getent passwd".to_owned()));
            }
        }
    }
    let terms = || policy.rules.iter().map(|rule| &rule.terms).chain([&policy.otherwise]);
    if terms().any(|terms| terms.mode == Mode::Required && terms.unenrolled == Unenrolled::Enroll { until: None }) {
        findings.push(Finding {
            check: "policy-enroll",
            level: Level::Warn,
            message: "unenrolled = \"enroll\" trusts whoever knows a password and comes first, for ever".to_owned(),
            hint: "give it a last day, as \"enroll until 2027-01-31\", or write \"invite\"".to_owned(),
        });
    }
    if terms().any(|terms| terms.mode == Mode::Monitor) {
        findings.push(Finding {
            check: "policy-monitor",
            level: Level::Warn,
            message: "mode \"monitor\" keeps nobody out".to_owned(),
            hint: "when the log has no surprises any more, write mode = \"required\"".to_owned(),
        });
    }
    if findings.is_empty() {
        let message = match policy.rules.len() {
            0 => "one policy for everybody, no rules".to_owned(),
            count => format!("{}, each of which can match", counted(count, "rule")),
        };
        findings.push(Finding { check: "policy", level: Level::Ok, message, hint: String::new() });
    }
    Ok(findings)
}

/// What one check came to.
#[derive(Serialize)]
struct Finding {
    check: &'static str,
    level: Level,
    message: String,
    hint: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl Finding {
    fn fail(check: &'static str, message: String, hint: String) -> Self {
        Self { check, level: Level::Fail, message, hint }
    }

    fn text(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        let hint = if self.hint.is_empty() { String::new() } else { format!("      {}\n", self.hint) };
        format!("{level:<6}{}\n{hint}", self.message)
    }
}
