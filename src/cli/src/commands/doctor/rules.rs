//! The rules of `[policy]`: those that never match, names that nobody has, modes that were to be for a while.

use twofactor_core::policy::{Mode, Policy, Rule, Terms, Unenrolled};
use twofactor_core::sys::{Accounts, LookUpError, Passwd, group_known_as};

use super::finding::Finding;
use super::lines::{Key, Lines};
use crate::output::counted;

/// What is wrong with the rules of `[policy]`, and where it is written.
pub(super) fn look(policy: &Policy, lines: &Lines) -> Result<Vec<Finding>, LookUpError> {
    let mut findings = Vec::new();
    for (number, earlier) in policy.covered() {
        let (place, above) = (lines.rule(number), lines.rule(earlier));
        let message = format!(
            "rule {number} of [policy] ({place}) never matches: rule {earlier} ({above}) matches all that it does"
        );
        findings.push(Finding::fail("policy-order", message, lines.above(number, earlier)));
    }
    for (number, rule) in (1..).zip(&policy.rules) {
        for group in rule.group.iter().flatten() {
            findings.extend(named_group(number, rule, group, lines)?);
        }
        for user in rule.user.iter().flatten() {
            if Passwd.find(user)?.is_none() {
                let place = lines.key(Some(number), Key::User);
                let message = format!("rule {number} of [policy] names the user {user:?} ({place}), whom there is not");
                let hint = match but(rule.user.iter().flatten(), user) {
                    others if others.is_empty() => lines.without(number),
                    others => lines.written(Some(number), Key::User, &list(&others)),
                };
                let hint = format!("{hint}; see who there is: getent passwd");
                findings.push(Finding::fail("policy-users", message, hint));
            }
        }
    }
    let rules = (1..).zip(&policy.rules).map(|(number, rule)| (Some(number), &rule.terms));
    let terms: Vec<(Option<usize>, &Terms)> = rules.chain([(None, &policy.otherwise)]).collect();
    let first = |is: fn(&Terms) -> bool| terms.iter().find(|(_, terms)| is(terms)).map(|(rule, _)| *rule);
    if let Some(rule) =
        first(|terms| terms.mode == Mode::Required && terms.unenrolled == Unenrolled::Enroll { until: None })
    {
        let message = "unenrolled = \"enroll\" trusts whoever knows a password and comes first, for ever";
        let hint = format!(
            "{}; or give it a last day: \"enroll until YYYY-MM-DD\"",
            lines.written(rule, Key::Unenrolled, "\"invite\"")
        );
        findings.push(Finding::warn("policy-enroll", message, hint));
    }
    if let Some(rule) = first(|terms| terms.mode == Mode::Monitor) {
        let hint =
            format!("when the log has no surprises any more, {}", lines.written(rule, Key::Mode, "\"required\""));
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

/// What is wrong with a group that a rule names.
fn named_group(number: usize, rule: &Rule, group: &str, lines: &Lines) -> Result<Option<Finding>, LookUpError> {
    let place = lines.key(Some(number), Key::Group);
    let known = group_known_as(group)?;
    if known.as_deref() == Some(group) {
        return Ok(None);
    }
    let others = but(rule.group.iter().flatten(), group);
    let (what, hint) = match &known {
        None => {
            let hint = match others.is_empty() {
                true => lines.without(number),
                false => lines.written(Some(number), Key::Group, &list(&others)),
            };
            ("which there is not".to_owned(), format!("{hint}; or make the group: groupadd {group}"))
        }
        Some(known) => {
            let names = [others, vec![known.as_str()]].concat();
            let hint = lines.written(Some(number), Key::Group, &list(&names));
            let own = format!("or give {group} a number of its own: groupmod -g NUMBER {group}");
            (format!("whose number is that of {known:?}"), format!("{hint}; {own}"))
        }
    };
    let message = format!("rule {number} of [policy] names the group {group:?} ({place}), {what}");
    Ok(Some(Finding::fail("policy-groups", message, hint)))
}

/// All of these names but one.
fn but<'n>(names: impl Iterator<Item = &'n String>, one: &str) -> Vec<&'n str> {
    names.map(String::as_str).filter(|name| *name != one).collect()
}

/// As TOML has them.
fn list(names: &[&str]) -> String {
    format!("{names:?}")
}
