//! `twofactor export`: a user's secrets as an app reads them. Only where somebody has asked for it twice.

use std::path::Path;

use serde::Serialize;
use twofactor_core::factor::totp::Moving;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::office::{Office, account};
use crate::otpauth;
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(user: &str, force: bool, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    if !force {
        output.is_for_eyes("secrets", "use --json, or say --force if that is meant")?;
    }
    let account = account(user)?;
    let devices = office.registrar().export(&account).map_err(|error| Failure::about(user, &error))?;
    if devices.is_empty() {
        let what = format!("{user} has no device that makes codes by itself");
        return Err(Failure::new(what, format!("see what there is: twofactor status {user}")));
    }
    let mut text = Zeroizing::new(String::with_capacity(TEXT_BYTES));
    let mut exported = Vec::with_capacity(devices.len());
    for device in &devices {
        let base32 = otpauth::base32(&device.secret);
        let uri = otpauth::uri(&office.config.issuer, account.name.as_str(), &base32, device.parameters);
        text.push_str(&uri);
        text.push('\n');
        if let Moving::Time { ahead, .. } = device.parameters.moving
            && ahead != 0
        {
            output.note(&format!("A URI cannot say that the clock of {:?} is off.", device.label.as_str()));
        }
        if let Some(window) = device.parameters.window {
            output
                .note(&format!("A URI cannot say that {:?} has a window of its own: {window}.", device.label.as_str()));
        }
        if device.is_lost {
            output.note(&lost(user, device.label.as_str()));
        }
        exported.push(Device { label: device.label.as_str(), method: device.parameters.method().name(), uri });
    }
    let devices = exported.iter().map(Device::shown).collect();
    output.answer(&text, &Exported { user: account.name.as_str(), devices })
}

/// What has to be known of a counter that nobody knows.
pub(super) fn lost(user: &str, label: &str) -> String {
    format!(
        "Where the counter of {label:?} stands is not known, and the URI has the first one. Find it before: twofactor \
         resync {user} --label {label:?}"
    )
}

struct Device<'a> {
    label: &'a str,
    method: &'static str,
    uri: Zeroizing<String>,
}

impl Device<'_> {
    fn shown(&self) -> Shown<'_> {
        Shown { label: self.label, method: self.method, uri: &self.uri }
    }
}

/// What programs get.
#[derive(Serialize)]
struct Exported<'a> {
    user: &'a str,
    devices: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    label: &'a str,
    method: &'static str,
    uri: &'a str,
}

/// More than sixteen URIs have.
const TEXT_BYTES: usize = 16 * 1024;
