//! `twofactor at-login prepare`: whether a code is of the secret that was shown, and the enrolment that comes of it.

use std::path::Path;

use twofactor_core::clock::{self, Clock};
use twofactor_core::factor::entry::Entry;
use twofactor_core::factor::totp::{Judgement, Key};
use twofactor_core::factor::{Label, Method};
use twofactor_core::registrar::{NewDevice, NewKind, Prepared, RegistrarError};
use zeroize::Zeroizing;

use super::{HINT, frame, office};
use crate::commands::setup::usual_label;
use crate::failure::Failure;
use crate::office::account;
use crate::otpauth;

/// Runs the command.
pub(super) fn run(user: &str, config: Option<&Path>) -> Result<(), Failure> {
    let input = frame::read()?;
    match prepare(user, config, frame::texts(&input)?) {
        Ok(Some(prepared)) => {
            let mut codes = Zeroizing::new(String::with_capacity(1024));
            for code in &prepared.codes {
                codes.push_str(code);
                codes.push('\n');
            }
            frame::write(&["ready", &codes, &prepared.sealed])
        }
        Ok(None) => frame::write(&["wrong", "", ""]),
        Err(failure) => frame::write(&["failed", &failure.what, ""]),
    }
}

/// `None` if the code is wrong.
fn prepare(user: &str, config: Option<&Path>, texts: [&str; 3]) -> Result<Option<Prepared>, Failure> {
    let [secret, code, ticket] = texts;
    let office = office(config)?;
    let account = account(user)?;
    let about = |error| Failure::about(account.name.as_str(), &error);
    let ticket = match Entry::read(ticket.as_bytes()) {
        Entry::Empty => None,
        Entry::Recovery(code) => Some(code),
        _ => return Err(about(RegistrarError::NotInvited)),
    };
    let parameters = office.config.totp;
    let secret = otpauth::ungrouped(secret).ok_or_else(|| Failure::misused("the secret is none in base 32", HINT))?;
    let key = Key::new(&secret, parameters).map_err(|error| Failure::misused(error, HINT))?;
    let Judgement::Fresh(step) = key.judge(code, clock::System.now()?, office.config.window, None) else {
        return Ok(None);
    };
    let device = NewDevice {
        label: Label::try_from(usual_label(Method::Totp).to_owned())?,
        kind: NewKind::Otp { parameters, secret, proved: Some(step) },
        replace: false,
        primary: false,
        language: None,
    };
    let with_recovery = office.config.methods.contains(&Method::Recovery);
    office.registrar().prepare(&account, device, ticket.as_ref(), with_recovery).map(Some).map_err(about)
}
