//! Who would stand outside: people with a login shell who must prove a code and are not enrolled, and root.

use std::convert::Infallible;
use std::fs;

use twofactor_core::clock::{self, Clock, UnixTime};
use twofactor_core::config::Config;
use twofactor_core::policy::{Circumstances, Mode, Unenrolled};

use super::finding::{Finding, Message};
use super::scene::Scene;
use crate::commands::report::people::Person;
use crate::failure::Failure;

pub(super) fn look(scene: &Scene) -> Result<Vec<Finding>, Failure> {
    // Where the settings cannot be read nobody is let in at all, which is said where they are looked at.
    let services = scene.wiring.services();
    let services: Vec<_> = services.filter_map(|(name, stack)| Some((name, scene.settings.of_stack(stack)?))).collect();
    if services.is_empty() || scene.office.registrar().enrolled().is_err() {
        return Ok(Vec::new());
    }
    let now = clock::System.now()?;
    let mut outside = Vec::new();
    let mut findings = Vec::new();
    for person in scene.people.each().filter(|person| person.may_log_in() && !person.enrolled) {
        let refused = refused(person, &services, scene, now);
        if refused.is_empty() {
            continue;
        }
        if person.name != "root" {
            outside.push(person.name.clone());
        // A console is the last door; a root without a password has none of its own anyway.
        } else if refused.contains(&"login") && has_a_password("root") {
            let message = "root is not enrolled and would be refused at the console, the last door";
            findings.push(Finding::fail("people-root", message, "enrol root: twofactor setup root"));
        }
    }
    if let Some(first) = outside.first() {
        let hint = format!(
            "enrol each: twofactor setup {first}; or let them do it: twofactor invite {first}, and in [policy] \
             unenrolled = \"invite\""
        );
        let message = Message::naming("not enrolled, and refused wherever a code is asked for: ", outside);
        findings.push(Finding::warn("people-outside", message, hint));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("people", "nobody whom getent lists with a shell would stand outside"));
    }
    Ok(findings)
}

/// The services that refuse somebody who is not enrolled, as far as the rules can tell without a login.
fn refused<'s>(person: &Person, services: &[(&'s str, &Config)], scene: &Scene, now: UnixTime) -> Vec<&'s str> {
    let groups = scene.people.groups_of(person);
    let groups = || Ok::<_, Infallible>(groups.as_slice());
    let mut refusing = Vec::new();
    for (service, config) in services {
        let login =
            Circumstances { service, user: &person.name, groups: &groups, rhost: None, tty: None, ssh_auth: None };
        let Ok((_, terms)) = config.policy.decide(&login);
        if terms.mode == Mode::Required && terms.unenrolled.at(now) == Unenrolled::Deny {
            refusing.push(*service);
        }
    }
    refusing
}

/// Whether a password can be right at all, shadow(5).
fn has_a_password(name: &str) -> bool {
    let shadow = fs::read_to_string("/etc/shadow").unwrap_or_default();
    let hash = shadow.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.split(':').next());
    hash.is_some_and(|hash| !hash.starts_with(['!', '*']))
}
