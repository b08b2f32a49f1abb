//! `twofactor setup`: an authenticator app, from secret to recovery codes. Nothing is saved before a code was proved.

use std::path::Path;

use serde::Serialize;
use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock};
use twofactor_core::factor::entry::Entry;
use twofactor_core::factor::totp::{Judgement, Key, Parameters, Step};
use twofactor_core::factor::{Label, Method};
use twofactor_core::registrar::{NewDevice, RegistrarError};
use twofactor_core::secret::Secret;
use zeroize::Zeroizing;

use crate::arguments::{Qr, Setup};
use crate::failure::Failure;
use crate::office::{Office, account_named};
use crate::output::Output;
use crate::{otpauth, qr, terminal};

/// Runs the command.
pub(crate) fn run(arguments: &Setup, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let account = account_named(arguments.user.as_deref())?;
    let label = Label::try_from(arguments.label.clone())?;
    if !output.is_json() && arguments.qr.is_none() && !terminal::is_seen() {
        return Err(Failure::misused(
            "standard output is not a terminal, and the secret would be written to it",
            "use --json, or say --qr none if that is meant",
        ));
    }
    if !office.config.methods.contains(&Method::Totp) {
        return Err(Failure::new("the configuration does not allow totp", "add \"totp\" to methods in config.toml"));
    }
    check_early(&office, &account, &label, arguments.replace)?;

    let parameters = office.config.totp;
    let secret = office.registrar().draw_secret(parameters)?;
    let base32 = otpauth::base32(&secret);
    let uri = otpauth::uri(&office.config.issuer, account.name.as_str(), &base32, parameters);
    let drawn = arguments.qr.unwrap_or(Qr::Terminal) == Qr::Terminal;
    let introduction = introduction(&office, &account, &base32, &uri, parameters, drawn);
    if !output.is_json() {
        output.print(&introduction)?;
    } else if !arguments.no_confirm {
        // Nobody can prove a code of a secret that they have not seen.
        terminal::say(&introduction).map_err(|error| Failure::new(error, NOTHING_SAVED))?;
    }

    let proved = if arguments.no_confirm { None } else { Some(prove(&office, &secret, parameters)?) };
    let device = NewDevice { label, parameters, secret, proved, replace: arguments.replace };
    let with_recovery = office.config.methods.contains(&Method::Recovery);
    let enrolled = office.registrar().enrol(&account, device, with_recovery);
    let codes = enrolled.map_err(|error| Failure::about(account.name.as_str(), &error))?;

    let user = account.name.as_str();
    let mut text = Zeroizing::new(format!("{user} is enrolled.\n"));
    if !codes.is_empty() {
        text.push('\n');
        text.push_str(&super::recovery::sheet(&codes));
    }
    let value = Enrolled {
        user,
        method: Method::Totp.name(),
        uri: &uri,
        secret: &base32,
        recovery_codes: codes.iter().map(|code| code.as_str()).collect(),
    };
    let shown = output.answer(&text, &value);
    shown.map_err(|failure| {
        failure.unseen(format!("take it back: twofactor remove {user}; or set it up again with --replace"))
    })
}

/// What would make the command fail in the end is said before anybody takes out a phone.
fn check_early(office: &Office, account: &Account, label: &Label, replace: bool) -> Result<(), Failure> {
    let about = |error| Failure::about(account.name.as_str(), &error);
    let Some(standing) = office.registrar().standing(account).map_err(about)? else { return Ok(()) };
    if standing.enrolment.device(label).is_some() && !replace {
        return Err(about(RegistrarError::LabelTaken { label: label.clone() }));
    }
    Ok(())
}

fn introduction(
    office: &Office,
    account: &Account,
    base32: &str,
    uri: &str,
    parameters: Parameters,
    drawn: bool,
) -> Zeroizing<String> {
    let drawing = if drawn && terminal::can_draw() { qr::for_terminal(uri) } else { None };
    let how = if drawing.is_some() {
        "Scan the code below, or type this secret in:"
    } else {
        "Type this secret into the app:"
    };
    let mut text = Zeroizing::new(String::with_capacity(INTRODUCTION_BYTES));
    text.push_str(&format!("Authenticator app for {} at {}. {how}\n\n", account.name.as_str(), office.config.issuer));
    text.push_str("    ");
    text.push_str(&otpauth::grouped(base32));
    text.push('\n');
    if parameters != Parameters::COMMON {
        let (digits, seconds) = (parameters.digits.count(), parameters.period.seconds());
        let algorithm = parameters.algorithm.name();
        text.push_str(&format!("    (time-based, {digits} digits, every {seconds} seconds, {algorithm})\n"));
    }
    text.push('\n');
    // Last, so that it and the prompt below it are whole in a terminal of 24 lines.
    if let Some(drawing) = drawing {
        let needed = drawing.lines().count() + 1;
        if let Some(lines) = terminal::lines().filter(|lines| *lines < needed) {
            text.push_str(&format!("The code needs a window of {needed} lines; this one has {lines}.\n"));
        }
        text.push_str(&drawing);
    }
    text
}

/// Asks for codes until one is right. The right one is never shown.
fn prove(office: &Office, secret: &Secret, parameters: Parameters) -> Result<Step, Failure> {
    let key = Key::new(secret, parameters).map_err(|error| Failure::new(error, "see [totp] in config.toml"))?;
    for tries_left in (0..TRIES).rev() {
        let answer =
            terminal::ask("Code that the app shows now: ").map_err(|error| Failure::new(error, NOTHING_SAVED))?;
        let Some(answer) = answer else {
            return Err(Failure::new("no code was given", NOTHING_SAVED));
        };
        let now = clock::System.now()?;
        if let Entry::Digits(code) = Entry::read(answer.as_bytes())
            && let Judgement::Fresh(step) = key.judge(&code, now, office.config.window, None)
        {
            return Ok(step);
        }
        if tries_left > 0 {
            let clock = super::status::point_in_time(now);
            let remark = format!("That is not the code. This host's clock says {clock}; the phone's must agree.\n");
            terminal::say(&remark).map_err(|error| Failure::new(error, NOTHING_SAVED))?;
        }
    }
    Err(Failure::new("no right code was given", NOTHING_SAVED))
}

/// What programs get.
#[derive(Serialize)]
struct Enrolled<'a> {
    user: &'a str,
    method: &'static str,
    uri: &'a str,
    secret: &'a str,
    recovery_codes: Vec<&'a str>,
}

/// More than a QR code with its colours and the words around it.
const INTRODUCTION_BYTES: usize = 256 * 1024;
const TRIES: u32 = 3;
const NOTHING_SAVED: &str = "nothing was saved and what was there before still holds; set it up again";
