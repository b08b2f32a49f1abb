//! The rules of `[policy]`: those that never match, names that nobody has, modes that were to be for a while.

use twofactor_core::policy::{Mode, Policy, Unenrolled};
use twofactor_core::sys::{Accounts, LookUpError, Passwd, group_known_as};

use super::finding::Finding;
use crate::output::counted;

/// What is wrong with the rules of `[policy]`.
pub(super) fn look(policy: &Policy) -> Result<Vec<Finding>, LookUpError> {
    let mut findings = Vec::new();
    for (number, earlier) in policy.covered() {
        let message = format!("rule {number} of [policy] never matches: rule {earlier} matches all that it does");
        let hint = format!("put rule {number} before rule {earlier}, or take it out");
        findings.push(Finding::fail("policy-order", message, hint));
    }
    for (number, rule) in (1..).zip(&policy.rules) {
        for group in rule.group.iter().flatten() {
            match group_known_as(group)? {
                None => {
                    let message = format!("rule {number} of [policy] names the group {group:?}, which there is not");
                    let hint = format!("see which there are: getent group; or make it: groupadd {group}");
                    findings.push(Finding::fail("policy-groups", message, hint));
                }
                Some(known) if known != *group => {
                    let message = format!(
                        "rule {number} of [policy] names the group {group:?}, whose number is that of {known:?}"
                    );
                    let hint = format!(
                        "write {known:?} there, or give {group} a number of its own: groupmod -g NUMBER {group}"
                    );
                    findings.push(Finding::fail("policy-groups", message, hint));
                }
                Some(_) => {}
            }
        }
        for user in rule.user.iter().flatten() {
            if Passwd.find(user)?.is_none() {
                let message = format!("rule {number} of [policy] names the user {user:?}, whom there is not");
                findings.push(Finding::fail("policy-users", message, "see who there is: getent passwd"));
            }
        }
    }
    let terms = || policy.rules.iter().map(|rule| &rule.terms).chain([&policy.otherwise]);
    if terms().any(|terms| terms.mode == Mode::Required && terms.unenrolled == Unenrolled::Enroll { until: None }) {
        let message = "unenrolled = \"enroll\" trusts whoever knows a password and comes first, for ever";
        let hint = "give it a last day, as \"enroll until 2027-01-31\", or write \"invite\"";
        findings.push(Finding::warn("policy-enroll", message, hint));
    }
    if terms().any(|terms| terms.mode == Mode::Monitor) {
        let hint = "when the log has no surprises any more, write mode = \"required\"";
        findings.push(Finding::warn("policy-monitor", "mode \"monitor\" keeps nobody out", hint));
    }
    if findings.is_empty() {
        let message = match policy.rules.len() {
            0 => "one policy for everybody, no rules".to_owned(),
            count => format!("{}, each of which can match", counted(count, "rule")),
        };
        findings.push(Finding::ok("policy", message));
    }
    Ok(findings)
}
