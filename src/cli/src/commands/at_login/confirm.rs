//! `twofactor at-login reserve` and `confirm`: the one chance without a ticket is used, and the enrolment that was prepared
//! is saved.

use std::path::Path;

use twofactor_core::account::Account;
use twofactor_core::registrar::RegistrarError;

use super::{frame, office};
use crate::failure::Failure;
use crate::office::{Office, account};

/// Saves what was prepared.
pub(super) fn run(user: &str, config: Option<&Path>) -> Result<(), Failure> {
    answer(user, config, |office, account, sealed| office.registrar().confirm(account, sealed))
}

/// Takes down that it was prepared without a ticket.
pub(super) fn reserve(user: &str, config: Option<&Path>) -> Result<(), Failure> {
    answer(user, config, |office, account, sealed| office.registrar().reserve(account, sealed))
}

fn answer(
    user: &str,
    config: Option<&Path>,
    act: impl FnOnce(&Office, &Account, &str) -> Result<(), RegistrarError>,
) -> Result<(), Failure> {
    let input = frame::read()?;
    let [sealed] = frame::texts(&input)?;
    let done = || {
        let (office, account) = (office(config)?, account(user)?);
        act(&office, &account, sealed).map_err(|error| Failure::about(account.name.as_str(), &error))
    };
    match done() {
        Ok(()) => frame::write(&["done", ""]),
        Err(failure) => frame::write(&["failed", &failure.what]),
    }
}
