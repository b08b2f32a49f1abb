//! `twofactor setup`: one more method, from the first question to the recovery codes. Nothing is saved before a code was
//! proved.

mod app;
mod many;
mod sent;

pub(super) use app::{introduction, picture};

use std::path::Path;

use serde::Serialize;
use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock};
use twofactor_core::enrolment::Enrolment;
use twofactor_core::factor::totp::Parameters;
use twofactor_core::factor::{Label, Method};
use twofactor_core::registrar::{NewDevice, NewKind, RegistrarError};
use twofactor_core::sys;
use twofactor_core::words::Sentence;
use twofactor_message::{Event, Language};
use zeroize::Zeroizing;

use crate::arguments::{Format, Qr, Setup, SetupMethod};
use crate::failure::Failure;
use crate::office::{Office, account_named, reader};
use crate::output::Output;
use crate::paper::{Blank, Filled};
use crate::sheet::{self, Sheet};

/// Runs the command.
pub(crate) fn run(arguments: &Setup, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    if let Some(from) = &arguments.from {
        return many::run(arguments, from, &office, output);
    }
    let account = account_named(arguments.user.as_deref())?;
    let method = match arguments.method {
        SetupMethod::Totp => Method::Totp,
        SetupMethod::Hotp => Method::Hotp,
        SetupMethod::Email => Method::Email,
        SetupMethod::Sms => Method::Sms,
    };
    let label = Label::try_from(arguments.label.clone().unwrap_or_else(|| usual_label(method).to_owned()))?;
    let is_hidden =
        matches!(arguments.qr, Some(Qr::None | Qr::Terminal)) || is_sheet(arguments) && arguments.no_confirm;
    if !is_hidden {
        let is_secret = matches!(method, Method::Totp | Method::Hotp);
        let secrets = if is_secret { "the secret" } else { "recovery codes" };
        output.is_for_eyes(secrets, "use --json, or say --qr none if that is meant")?;
    }
    check_target(arguments, method)?;
    check_picture(arguments, method)?;
    let before = check_early(&office, &account, &label, arguments.replace)?;
    check_allowed(&office, method, before.as_ref())?;
    let mut reader = before.as_ref().map(reader).unwrap_or_default();
    let language = arguments.language.map(Language::from);
    reader.language = language.or(reader.language);

    let mut paper = match &arguments.qr {
        Some(Qr::File(path, _)) => Some(Blank::reserve(path)?),
        _ => None,
    };
    let Proved { kind, app, to, filled } = match method {
        Method::Email | Method::Sms => sent::prove(arguments, reader.language, &office, &account, output)?,
        Method::Totp | Method::Hotp | Method::Recovery => {
            app::prove(arguments, method, &office, &account, &mut paper, output)?
        }
    };
    let is_replaced = before.as_ref().is_some_and(|before| before.device(&label).is_some());
    let detail = format!("{method} {:?}", label.as_str());
    let detail = match is_replaced {
        true => office.config.words(reader.language).fill(Sentence::NewsReplaced, &[("device", &detail)]),
        false => detail,
    };
    let called = label.clone();
    let device = NewDevice { label, kind, replace: arguments.replace, primary: arguments.primary, language };
    let with_recovery = office.config.methods.contains(&Method::Recovery);
    let enrol = || {
        let enrolled = office.registrar().enrol(&account, device, with_recovery);
        enrolled.map_err(|error| Failure::about(account.name.as_str(), &error))
    };
    let codes = match &filled {
        Some(filled) => filled.kept(enrol)?,
        None => enrol()?,
    };
    if let Some(blank) = paper {
        let device = match (&app, &to) {
            (Some((uri, base32, parameters)), _) => sheet::Device::App { uri, base32, parameters: *parameters },
            (None, to) => sheet::Device::Sent { to: to.as_deref().unwrap_or_default() },
        };
        let page = page(&office, &account, &called, device, &codes);
        let written = page.and_then(|page| blank.fill(page.as_bytes())?.kept(|| Ok(())));
        written.map_err(|failure| failure.unseen(unseen_sheet(account.name.as_str())))?;
    }
    office.tell(&account, &reader, Event::MethodAdded, &detail, output);

    let user = account.name.as_str();
    let mut text = Zeroizing::new(format!("{user} is enrolled.\n"));
    if let (true, Some(Qr::File(path, _))) = (is_sheet(arguments), &arguments.qr) {
        text.push_str(&format!("The sheet is in {}. Who reads it has the second factor.\n", path.display()));
    } else if !codes.is_empty() {
        text.push('\n');
        text.push_str(&super::recovery::sheet(&codes));
    }
    let value = Enrolled {
        user,
        method: method.name(),
        uri: app.as_ref().map(|(uri, ..)| uri.as_str()),
        secret: app.as_ref().map(|(_, base32, _)| base32.as_str()),
        to: to.as_deref(),
        recovery_codes: codes.iter().map(|code| code.as_str()).collect(),
    };
    let shown = output.answer(&text, &value);
    shown.map_err(|failure| {
        failure.unseen(format!("take it back: twofactor remove {user}; or set it up again with --replace"))
    })
}

/// A device that was proved, or need not be, and what there is to say about it.
struct Proved {
    kind: NewKind,
    /// The Key URI, the secret in base 32 and what the app has to be told.
    app: Option<(Zeroizing<String>, Zeroizing<String>, Parameters)>,
    to: Option<String>,
    /// The picture to scan, which stays if all goes well.
    filled: Option<Filled>,
}

/// The sheet of somebody, as it is printed.
fn page(
    office: &Office,
    account: &Account,
    label: &Label,
    device: sheet::Device<'_>,
    codes: &[Zeroizing<String>],
) -> Result<Zeroizing<String>, Failure> {
    let (user, issuer, host) = (account.name.as_str(), office.config.issuer.as_str(), sys::host_name());
    let at = clock::System.now()?;
    sheet::render(&Sheet { user, label: label.as_str(), issuer, host: &host, at, device, codes })
}

/// What helps somebody whose sheet could not be written.
fn unseen_sheet(user: &str) -> String {
    format!("new recovery codes: twofactor recovery {user}; the secret again: twofactor show {user}")
}

/// Whether a sheet is wanted, which has all that there is.
fn is_sheet(arguments: &Setup) -> bool {
    matches!(arguments.qr, Some(Qr::File(_, Format::Html)))
}

/// Whether there is anything to draw.
fn check_picture(arguments: &Setup, method: Method) -> Result<(), Failure> {
    let is_picture = matches!(arguments.qr, Some(Qr::File(_, Format::Png | Format::Svg)));
    if is_picture && matches!(method, Method::Email | Method::Sms) {
        let what = format!("codes by {} have no QR code", method.name());
        return Err(Failure::misused(what, "name a FILE.html for a sheet, or leave --qr out"));
    }
    Ok(())
}

/// What a device is called that was given no name.
pub(super) fn usual_label(method: Method) -> &'static str {
    match method {
        Method::Totp | Method::Recovery => "authenticator",
        Method::Hotp => "token",
        Method::Email => "mail",
        Method::Sms => "phone",
    }
}

/// Whether an address or a number is given exactly where one is needed.
fn check_target(arguments: &Setup, method: Method) -> Result<(), Failure> {
    let (address, number) = (arguments.address.is_some(), arguments.number.is_some());
    match method {
        Method::Email if !address => Err(Failure::misused("it is not said where codes are mailed", "add --address A")),
        Method::Sms if !number => Err(Failure::misused("it is not said where codes are texted", "add --number N")),
        _ if address && method != Method::Email => {
            Err(Failure::misused("--address is for codes by mail", "add --method email, or leave it out"))
        }
        _ if number && method != Method::Sms => {
            Err(Failure::misused("--number is for codes by text", "add --method sms, or leave it out"))
        }
        _ => Ok(()),
    }
}

/// Whether a login would ever take it. Where mail is for rescues alone, there must be something to be rescued from.
fn check_allowed(office: &Office, method: Method, before: Option<&Enrolment>) -> Result<(), Failure> {
    let is_rescue = method == Method::Email && office.config.rescue.is_some();
    if office.config.methods.contains(&method) || (is_rescue && before.is_some_and(|before| office.lets_in(before))) {
        return Ok(());
    }
    if is_rescue {
        return Err(Failure::new(
            "codes by mail are for rescues alone here, and there is nothing else yet",
            "set up another method first, or add \"email\" to methods in config.toml",
        ));
    }
    let name = method.name();
    Err(Failure::new(
        format!("the configuration does not allow {name}"),
        format!("add \"{name}\" to methods in config.toml"),
    ))
}

/// What would make the command fail in the end is said before anybody takes out a phone. Answers with what is enrolled
/// already.
fn check_early(office: &Office, account: &Account, label: &Label, replace: bool) -> Result<Option<Enrolment>, Failure> {
    let about = |error| Failure::about(account.name.as_str(), &error);
    let Some(standing) = office.registrar().standing(account).map_err(about)? else { return Ok(None) };
    if standing.enrolment.device(label).is_some() && !replace {
        return Err(about(RegistrarError::LabelTaken { label: label.clone() }));
    }
    Ok(Some(standing.enrolment))
}

/// What programs get.
#[derive(Serialize)]
struct Enrolled<'a> {
    user: &'a str,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    recovery_codes: Vec<&'a str>,
}

const TRIES: u32 = 3;
const NOTHING_SAVED: &str = "nothing was saved and what was there before still holds; set it up again";
