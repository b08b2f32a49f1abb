//! `twofactor at-login confirm`: the enrolment that was prepared is saved, now that the login has succeeded.

use std::path::Path;

use super::{frame, office};
use crate::failure::Failure;
use crate::office::account;

/// Runs the command.
pub(super) fn run(user: &str, config: Option<&Path>) -> Result<(), Failure> {
    let input = frame::read()?;
    let [sealed] = frame::texts(&input)?;
    match confirm(user, config, sealed) {
        Ok(()) => frame::write(&["done", ""]),
        Err(failure) => frame::write(&["failed", &failure.what]),
    }
}

fn confirm(user: &str, config: Option<&Path>, sealed: &str) -> Result<(), Failure> {
    let office = office(config)?;
    let account = account(user)?;
    let confirmed = office.registrar().confirm(&account, sealed);
    confirmed.map_err(|error| Failure::about(account.name.as_str(), &error))
}
