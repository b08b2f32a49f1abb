//! An authenticator app: the secret is shown, and a code of it proves that it was taken down.

use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock};
use twofactor_core::factor::Method;
use twofactor_core::factor::entry::Entry;
use twofactor_core::factor::totp::{Judgement, Key, Parameters, Step};
use twofactor_core::registrar::NewKind;
use twofactor_core::secret::Secret;
use zeroize::Zeroizing;

use super::{NOTHING_SAVED, Proved, TRIES};
use crate::arguments::{Qr, Setup};
use crate::failure::Failure;
use crate::office::Office;
use crate::output::Output;
use crate::{otpauth, qr, terminal};

/// Shows a new secret and has a code of it proved, unless that is not wanted.
pub(super) fn prove(
    arguments: &Setup,
    method: Method,
    office: &Office,
    account: &Account,
    output: &Output,
) -> Result<Proved, Failure> {
    let parameters = if method == Method::Hotp { office.config.hotp } else { office.config.totp };
    let secret = office.registrar().draw_secret(parameters)?;
    let base32 = otpauth::base32(&secret);
    let uri = otpauth::uri(&office.config.issuer, account.name.as_str(), &base32, parameters);
    let drawn = arguments.qr.unwrap_or(Qr::Terminal) == Qr::Terminal;
    let introduction = introduction(office, account, &base32, &uri, parameters, drawn);
    if !output.is_json() {
        output.print(&introduction)?;
    } else if !arguments.no_confirm {
        // Nobody can prove a code of a secret that they have not seen.
        terminal::say(&introduction).map_err(|error| Failure::new(error, NOTHING_SAVED))?;
    }
    let proved = if arguments.no_confirm { None } else { Some(ask(office, &secret, parameters)?) };
    Ok(Proved { kind: NewKind::Otp { parameters, secret, proved }, uri: Some(uri), secret: Some(base32), to: None })
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
    let counts = parameters.period_seconds().is_none();
    let (what, into) = if counts { ("Token", "token") } else { ("Authenticator app", "app") };
    let how = if drawing.is_some() {
        "Scan the code below, or type this secret in:".to_owned()
    } else {
        format!("Type this secret into the {into}:")
    };
    let mut text = Zeroizing::new(String::with_capacity(INTRODUCTION_BYTES));
    text.push_str(&format!("{what} for {} at {}. {how}\n\n", account.name.as_str(), office.config.issuer));
    text.push_str("    ");
    text.push_str(&otpauth::grouped(base32));
    text.push('\n');
    if parameters != Parameters::COMMON {
        let (digits, algorithm) = (parameters.digits.count(), parameters.algorithm.name());
        let moving = match parameters.period_seconds() {
            Some(seconds) => format!("time-based, {digits} digits, every {seconds} seconds"),
            None => format!("counter-based, {digits} digits"),
        };
        text.push_str(&format!("    ({moving}, {algorithm})\n"));
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
fn ask(office: &Office, secret: &Secret, parameters: Parameters) -> Result<Step, Failure> {
    let key = Key::new(secret, parameters).map_err(|error| Failure::new(error, "see [totp] in config.toml"))?;
    let question = match parameters.period_seconds() {
        Some(_) => "Code that the app shows now: ",
        None => "Next code of the token: ",
    };
    for tries_left in (0..TRIES).rev() {
        let answer = terminal::ask(question).map_err(|error| Failure::new(error, NOTHING_SAVED))?;
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
            let clock = super::super::status::point_in_time(now);
            let remark = match parameters.period_seconds() {
                Some(_) => format!("That is not the code. This host's clock says {clock}; the phone's must agree.\n"),
                None => "That is not one of its first codes.\n".to_owned(),
            };
            terminal::say(&remark).map_err(|error| Failure::new(error, NOTHING_SAVED))?;
        }
    }
    Err(Failure::new("no right code was given", NOTHING_SAVED))
}

/// More than a QR code with its colours and the words around it.
const INTRODUCTION_BYTES: usize = 256 * 1024;
