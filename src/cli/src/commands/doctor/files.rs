//! The records: owners, modes, what can be opened, and what is running out.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use twofactor_core::account::UserName;
use twofactor_core::keyring::{Keyring, KeyringError};
use twofactor_core::sys::{FileError, Problem};

use super::finding::{Finding, Message};
use super::scene::{Scene, unable};
use crate::commands::report::wording::many;
use crate::failure::Failure;

pub(super) fn look(scene: &Scene) -> Vec<Finding> {
    let (office, mut findings) = (&scene.office, Vec::new());
    let roots = office.files().roots();
    for opened in [office.files().users(), office.files().states()] {
        findings.extend(opened.err().map(|error| Finding::fail("files", error.to_string(), mending(&error))));
    }
    for place in [&roots.records, &roots.records.join("users"), &roots.records.join("state")] {
        findings.extend(open_to_others(place, 0o700));
    }
    findings.extend(open_to_others(&roots.keyring, 0o600));
    if findings.iter().any(|finding| finding.check == "files") {
        // Whoever cannot get in there can tell nothing of what is in it.
        return findings;
    }
    let names = match office.registrar().enrolled() {
        Ok(names) => names,
        Err(error) => return [findings, vec![unable("files", error.into())]].concat(),
    };
    match office.files().keyring() {
        Ok(keyring) => findings.extend(enrolments(scene, &keyring)),
        Err(KeyringError::Missing { .. }) if names.is_empty() => {}
        Err(KeyringError::File(error)) => {
            findings.push(Finding::fail("files-keyring", error.to_string(), mending(&error)));
        }
        Err(error) => {
            let hint = "bring the keyring back from a backup; without it every user has to enrol again";
            findings.push(Finding::fail("files-keyring", error.to_string(), hint));
        }
    }
    if findings.is_empty() {
        let message = match names.len() {
            0 => "nobody is enrolled yet".to_owned(),
            count => format!("{} can be opened", many(count as u64, "enrolment")),
        };
        findings.push(Finding::ok("files", message));
    }
    findings
}

fn enrolments(scene: &Scene, keyring: &Keyring) -> Vec<Finding> {
    let registrar = scene.office.registrar();
    let mut findings = Vec::new();
    let (mut gone, mut old, mut few) = (Vec::new(), Vec::new(), Vec::new());
    for name in scene.enrolled.iter().chain(&lost(scene)) {
        let Some(account) = scene.people.account(name) else {
            gone.push(name.as_str().to_owned());
            continue;
        };
        let standing = match registrar.standing(&account) {
            Ok(Some(standing)) => standing,
            Ok(None) => continue,
            Err(error) => {
                let failure = Failure::about(name.as_str(), &error);
                findings.push(Finding::fail("files-enrolment", failure.what, failure.hint));
                continue;
            }
        };
        if standing.enrolment.keys().any(|key| Some(key) != keyring.sealing_number()) {
            old.push(name.as_str().to_owned());
        }
        let issued = standing.enrolment.recovery.as_ref().map(|sheet| sheet.digests.len());
        let left = |issued| standing.state.as_ref().map_or(0, |state| state.recovery_left(issued));
        if issued.is_some_and(|issued| left(issued) <= FEW) {
            few.push(name.as_str().to_owned());
        }
    }
    if let Some(first) = gone.first().filter(|_| scene.knows_who_there_is()) {
        let hint = format!(
            "if getent passwd {first} says nothing while all directories answer, take each away: twofactor remove {first}"
        );
        let message = Message::naming("enrolled without an account: ", gone);
        findings.push(Finding::warn("files-gone", message, hint));
    }
    if !old.is_empty() {
        let message = Message::naming("sealed under an older key, which has to be kept: ", old);
        findings.push(Finding::warn("files-old-key", message, "seal anew: twofactor keys rotate --resume"));
    }
    if let Some(first) = few.first() {
        let hint = format!("issue new ones: twofactor recovery {first}");
        let message = Message::naming(format!("{FEW} recovery codes or fewer are left to "), few);
        findings.push(Finding::warn("files-recovery", message, hint));
    }
    findings
}

/// People with a state and no enrolment: it was lost, and they are refused.
fn lost(scene: &Scene) -> Vec<UserName> {
    let names = scene.office.files().states().and_then(|states| states.names()).unwrap_or_default();
    let named = names.iter().filter_map(|name| UserName::from_file_stem(name));
    // The names of the enrolled are sorted.
    named.filter(|name| scene.enrolled.binary_search(name).is_err() && scene.people.account(name).is_some()).collect()
}

/// What keeps a file from being nobody else's.
fn open_to_others(path: &Path, mode: u32) -> Option<Finding> {
    // A link is refused by whoever opens it.
    let status = fs::symlink_metadata(path).ok()?;
    let (place, has) = (path.display(), status.permissions().mode() & 0o7777);
    if status.uid() != 0 {
        let message = format!("{place}: belongs to uid {}, not to root", status.uid());
        return Some(Finding::fail("files-owner", message, format!("chown root: {place}")));
    }
    if has & 0o077 & !mode == 0 {
        return None;
    }
    let message = format!("{place}: others can get at it (mode {has:04o})");
    Some(Finding::fail("files-mode", message, format!("chmod {mode:04o} {place}")))
}

/// The command that makes a file one to be trusted.
pub(super) fn mending(error: &FileError) -> String {
    let path = error.path().display();
    match error.problem() {
        Problem::Owner { .. } => format!("chown root: {path}"),
        Problem::Writable { .. } => format!("chmod go-w {path}"),
        Problem::Readable { .. } => format!("chmod 0600 {path}"),
        Problem::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            format!("bring {path} back from a backup, or install it again: packaging/install.sh")
        }
        _ => Failure::of_file(error).hint,
    }
}

/// How many recovery codes are few.
const FEW: usize = 2;
