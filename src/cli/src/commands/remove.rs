//! `twofactor remove`: an enrolment, or one part of it.

use std::path::Path;

use serde::Serialize;
use twofactor_core::factor::{Label, Method};

use crate::arguments::RemovableMethod;
use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(
    user: &str,
    method: Option<RemovableMethod>,
    label: Option<&str>,
    config: Option<&Path>,
    output: &mut Output,
) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let account = account(user)?;
    let method = method.map(|method| match method {
        RemovableMethod::Totp => Method::Totp,
        RemovableMethod::Recovery => Method::Recovery,
    });
    let label = label.map(|label| Label::try_from(label.to_owned())).transpose()?;
    let left = office.registrar().remove(&account, method, label.as_ref());
    let still_enrolled = left.map_err(|error| Failure::about(user, &error))?;
    let text = if still_enrolled {
        format!("Removed. What is left: twofactor status {user}\n")
    } else {
        format!("{user} is not enrolled any more.\n")
    };
    output.answer(&text, &Removed { user, still_enrolled })
}

#[derive(Serialize)]
struct Removed<'a> {
    user: &'a str,
    still_enrolled: bool,
}
