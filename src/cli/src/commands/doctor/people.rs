//! Who would stand outside: people with a login shell who must prove a code and are not enrolled, and root.

use std::fs;

use twofactor_core::clock::{self, Clock};
use twofactor_core::policy::{Circumstances, Mode, Unenrolled};
use twofactor_core::sys::{Accounts, LookUpError, Passwd};

use super::wiring::Wiring;
use super::{Finding, listed};
use crate::commands::report::people::People;
use crate::failure::Failure;
use crate::office::Office;

pub(super) fn look(wiring: &Wiring, office: &Office) -> Result<Vec<Finding>, Failure> {
    let services: Vec<_> = wiring.services().collect();
    if services.is_empty() {
        return Ok(Vec::new());
    }
    // What is wrong with the records is said where they are looked at.
    let Ok(enrolled) = office.registrar().enrolled() else { return Ok(Vec::new()) };
    let people = People::gathered(&enrolled)?;
    let mut outside = Vec::new();
    for person in people.each().filter(|person| person.may_log_in() && !person.enrolled) {
        if !refused(&person.name, &services, office)?.is_empty() {
            outside.push(person.name.clone());
        }
    }
    let mut findings = Vec::new();
    // A console is the last door; a root without a password has none of its own anyway.
    if outside.iter().any(|name| name == "root")
        && services.contains(&"login")
        && has_a_password("root")
        && !refused("root", &["login"], office)?.is_empty()
    {
        let message = "root is not enrolled and would be refused at the console, the last door";
        findings.push(Finding::fail("people-root", message, "enrol root: twofactor setup root"));
    }
    outside.retain(|name| name != "root");
    if let Some(first) = outside.first() {
        let message = format!("not enrolled, and refused wherever a code is asked for: {}", listed(&outside));
        let hint = format!(
            "enrol each: twofactor setup {first}; or let them do it: twofactor invite {first}, and in [policy] \
             unenrolled = \"invite\""
        );
        findings.push(Finding::warn("people-outside", message, hint));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("people", "nobody who has a shell would stand outside"));
    }
    Ok(findings)
}

/// The names of all who may log in.
pub(super) fn names_with_a_shell(office: &Office) -> Result<Vec<String>, Failure> {
    let people = People::gathered(&office.registrar().enrolled().unwrap_or_default())?;
    let named = people.each().filter(|person| person.may_log_in()).map(|person| person.name.clone());
    Ok(named.collect())
}

/// The services that refuse somebody who is not enrolled, as far as the rules can tell without a login.
fn refused<'s>(name: &str, services: &[&'s str], office: &Office) -> Result<Vec<&'s str>, Failure> {
    let Some(account) = Passwd.find(name)? else { return Ok(Vec::new()) };
    let groups = Passwd.groups(&account)?;
    let groups = || Ok::<_, LookUpError>(groups.as_slice());
    let mut refusing = Vec::new();
    for service in services {
        let login = Circumstances {
            service,
            user: account.name.as_str(),
            groups: &groups,
            rhost: None,
            tty: None,
            ssh_auth: None,
        };
        let (_, terms) = office.config.policy.decide(&login)?;
        let now = clock::System.now().map_err(|error| Failure::new(error, "set the clock"))?;
        if terms.mode == Mode::Required && terms.unenrolled.at(now) == Unenrolled::Deny {
            refusing.push(*service);
        }
    }
    Ok(refusing)
}

/// Whether a password can be right at all, shadow(5).
fn has_a_password(name: &str) -> bool {
    let shadow = fs::read_to_string("/etc/shadow").unwrap_or_default();
    let hash = shadow.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(':').next());
    hash.is_some_and(|hash| !hash.starts_with(['!', '*']))
}
