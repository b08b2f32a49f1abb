//! An authenticator app: the secret is shown, and a code of it proves that it was taken down.

use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock};
use twofactor_core::factor::Method;
use twofactor_core::factor::entry::Entry;
use twofactor_core::factor::totp::{Judgement, Key, Parameters, Step};
use twofactor_core::registrar::NewKind;
use twofactor_core::secret::Secret;
use zeroize::Zeroizing;

use super::{NOTHING_SAVED, Proved, TRIES, is_sheet};
use crate::arguments::{Format, Qr, Setup};
use crate::failure::Failure;
use crate::office::Office;
use crate::output::Output;
use crate::paper::Blank;
use crate::qr::Ground;
use crate::{otpauth, qr, sheet, terminal};

/// Shows a new secret and has a code of it proved, unless that is not wanted.
pub(super) fn prove(
    arguments: &Setup,
    method: Method,
    office: &Office,
    account: &Account,
    paper: &mut Option<Blank>,
    output: &Output,
) -> Result<Proved, Failure> {
    let parameters = if method == Method::Hotp { office.config.hotp } else { office.config.totp };
    let secret = office.registrar().draw_secret(parameters)?;
    let base32 = otpauth::base32(&secret);
    let uri = otpauth::uri(&office.config.issuer, account.name.as_str(), &base32, parameters);
    let drawing = match &arguments.qr {
        Some(Qr::File(_, format @ (Format::Png | Format::Svg))) => Some(picture(&uri, *format)?),
        _ => None,
    };
    let mut filled = match (drawing, paper.take_if(|_| !is_sheet(arguments))) {
        (Some(drawing), Some(blank)) => Some(blank.fill(&drawing)?),
        _ => None,
    };
    if let Some(filled) = &mut filled {
        filled.guard();
    }
    let drawn = matches!(arguments.qr, None | Some(Qr::Terminal)) || is_sheet(arguments);
    let mut introduction = introduction(office, account, &base32, &uri, parameters, drawn);
    if let (Some(_), Some(Qr::File(path, _))) = (&filled, &arguments.qr) {
        introduction.push_str(&format!("The QR code is in {}.\n", path.display()));
    }
    if is_sheet(arguments) && arguments.no_confirm {
        // All of it stands on the sheet.
    } else if !output.is_json() {
        output.print(&introduction)?;
    } else if !arguments.no_confirm {
        // Nobody can prove a code of a secret that they have not seen.
        terminal::say(&introduction).map_err(|error| Failure::new(error, NOTHING_SAVED))?;
    }
    let proved = if arguments.no_confirm { None } else { Some(ask(office, &secret, parameters)?) };
    let kind = NewKind::Otp { parameters, secret, proved };
    Ok(Proved { kind, app: Some((uri, base32, parameters)), to: None, filled })
}

/// The QR code as a picture.
pub(in super::super) fn picture(uri: &str, format: Format) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let drawn = match format {
        Format::Png => qr::png(uri),
        Format::Svg | Format::Html => qr::svg(uri).map(|drawing| Zeroizing::new(drawing.as_bytes().to_vec())),
    };
    drawn.ok_or_else(sheet::too_long)
}

/// What there is to say to somebody who takes the secret down, and the QR code if it is to be drawn.
pub(in super::super) fn introduction(
    office: &Office,
    account: &Account,
    base32: &str,
    uri: &str,
    parameters: Parameters,
    drawn: bool,
) -> Zeroizing<String> {
    let drawing = match drawn && terminal::can_draw() {
        true if terminal::wants_colours() => qr::for_terminal(uri),
        // Most terminals are dark, and most apps read a code that is inverted.
        true => qr::plain(uri, Ground::Dark),
        false => None,
    };
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
