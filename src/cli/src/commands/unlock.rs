//! `twofactor unlock`: failures are forgotten.

use std::path::Path;

use serde::Serialize;
use twofactor_core::enrolment::Device;
use twofactor_core::factor::Method;

use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::{Output, counted};

/// Runs the command.
pub(crate) fn run(user: &str, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let account = account(user)?;
    let failures = office.registrar().unlock(&account).map_err(|error| Failure::about(user, &error))?;
    let counts = |device: &Device| device.kind.method() == Method::Hotp;
    let has_token = || {
        let standing = office.registrar().standing(&account).ok().flatten();
        standing.is_some_and(|standing| standing.enrolment.devices.iter().any(counts))
    };
    let text = match failures {
        Some(0) => format!("{user} had no failures.\n"),
        Some(count) => format!("{user} is unlocked, {} forgotten.\n", counted(count as usize, "failure")),
        None => {
            let token = if has_token() {
                format!("So do all codes of a token until it is found again: twofactor resync {user}\n")
            } else {
                String::new()
            };
            format!(
                "{user}'s state was missing or damaged and is made anew. Codes of this moment and all recovery codes count\n\
                 as used; new ones: twofactor recovery {user}\n{token}"
            )
        }
    };
    output.done(&text, &Unlocked { user, failures, state_rebuilt: failures.is_none() })
}

#[derive(Serialize)]
struct Unlocked<'a> {
    user: &'a str,
    failures: Option<u32>,
    state_rebuilt: bool,
}
