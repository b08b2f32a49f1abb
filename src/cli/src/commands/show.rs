//! `twofactor show`: the secret of a device again, for a phone that has lost it.

use std::path::Path;

use serde::Serialize;
use twofactor_core::clock::{self, Clock};
use twofactor_core::factor::Label;
use twofactor_core::sys;

use super::export;
use super::setup::{introduction, picture};
use crate::arguments::{Format, Qr, Show};
use crate::failure::Failure;
use crate::office::{Office, account};
use crate::otpauth;
use crate::output::Output;
use crate::paper::Blank;
use crate::sheet::{self, Sheet};

/// Runs the command.
pub(crate) fn run(arguments: &Show, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let account = account(&arguments.user)?;
    let user = account.name.as_str();
    let label = arguments.label.clone().map(Label::try_from).transpose()?;
    if arguments.qr.is_none() {
        output.is_for_eyes("the secret", "use --json, or say --qr none if that is meant")?;
    }
    let shown = office.registrar().show(&account, label.as_ref()).map_err(|error| Failure::about(user, &error))?;
    if shown.is_lost {
        output.note(&export::lost(user, shown.label.as_str()));
    }
    let (parameters, base32) = (shown.parameters, otpauth::base32(&shown.secret));
    let uri = otpauth::uri(&office.config.issuer, user, &base32, parameters);
    let text = match &arguments.qr {
        Some(Qr::File(path, format)) => {
            let blank = Blank::reserve(path)?;
            let filled = if *format == Format::Html {
                let (issuer, host) = (office.config.issuer.as_str(), sys::host_name());
                let (at, label) = (clock::System.now()?, shown.label.as_str());
                let device = sheet::Device::App { uri: &uri, base32: &base32, parameters };
                let sheet = Sheet { user, label, issuer, host: &host, at, device, codes: &[] };
                blank.fill(sheet::render(&sheet)?.as_bytes())
            } else {
                blank.fill(&picture(&uri, *format)?)
            }?;
            filled.kept(|| Ok(()))?;
            format!("The secret of {user} is in {}.\n{NO_CODES} twofactor recovery {user}\n", path.display()).into()
        }
        way => {
            let drawn = !matches!(way, Some(Qr::None));
            let mut text = introduction(&office, &account, &base32, &uri, parameters, drawn);
            text.push_str(&format!("{NO_CODES} twofactor recovery {user}\n"));
            text
        }
    };
    let value = Again {
        user,
        label: shown.label.as_str(),
        method: parameters.method().name(),
        uri: &uri,
        secret: &base32,
        created: shown.created.0,
    };
    output.answer(&text, &value)
}

#[derive(Serialize)]
struct Again<'a> {
    user: &'a str,
    label: &'a str,
    method: &'static str,
    uri: &'a str,
    secret: &'a str,
    created: u64,
}

const NO_CODES: &str = "Recovery codes cannot be shown again; new ones:";
