//! A mailbox or a telephone: a code is sent there, and typing it in proves that it belongs to whom it should.

use subtle::ConstantTimeEq;
use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock, UnixTime};
use twofactor_core::courier::{self, Courier, Sender, Target};
use twofactor_core::factor::entry::Entry;
use twofactor_core::factor::sent;
use twofactor_core::registrar::NewKind;
use twofactor_core::sys::Kernel;
use twofactor_message::{EmailAddress, Language, Occasion, PhoneNumber};

use super::{NOTHING_SAVED, Proved, TRIES};
use crate::arguments::Setup;
use crate::failure::Failure;
use crate::office::{Office, occasion};
use crate::output::Output;
use crate::{post, terminal};

/// Sends a code and has it typed in, unless that is not wanted.
pub(super) fn prove(
    arguments: &Setup,
    language: Option<Language>,
    office: &Office,
    account: &Account,
    output: &Output,
) -> Result<Proved, Failure> {
    let target = target(arguments)?;
    if !arguments.no_confirm {
        let sent_at = clock::System.now()?;
        ask(office, occasion(&office.config, account, sent_at, language), &target, output)?;
    }
    let (kind, to) = match target {
        Target::Mailbox(address) => (NewKind::Email(address.clone()), address.as_str().to_owned()),
        Target::Telephone(number) => (NewKind::Sms(number.clone()), number.as_str().to_owned()),
    };
    Ok(Proved { kind, app: None, to: Some(to), filled: None })
}

fn target(arguments: &Setup) -> Result<Target, Failure> {
    match (&arguments.address, &arguments.number) {
        (Some(address), _) => {
            let address: Result<EmailAddress, _> = address.parse();
            address.map(Target::Mailbox).map_err(|error| Failure::misused(error, "mend --address"))
        }
        (None, number) => {
            let number: Result<PhoneNumber, _> = number.as_deref().unwrap_or_default().parse();
            number.map(Target::Telephone).map_err(|error| Failure::misused(error, "mend --number"))
        }
    }
}

fn ask(office: &Office, occasion: Occasion, target: &Target, output: &Output) -> Result<(), Failure> {
    let config = &office.config;
    let sent_at = UnixTime(occasion.at);
    let code = sent::draw(config.code.digits, &Kernel)?;
    let parcel = courier::code(config, occasion, target.clone(), code.clone(), config.code.lifetime_seconds);
    let (what, to) = match target {
        Target::Mailbox(address) => ("mail", address.as_str()),
        Target::Telephone(number) => ("sms", number.as_str()),
    };
    output.note(&format!("Sending a code to {to} ..."));
    let verdict = post::verdict(Sender::new(config).send(parcel));
    if verdict.delivered_by().is_none() {
        let hint = format!("nothing was saved; see what the other side says: twofactor test-send {what} {to}");
        return Err(Failure::new(format!("the code could not be sent: {}", post::troubles(&verdict)), hint));
    }
    for tries_left in (0..TRIES).rev() {
        let answer = terminal::ask(&format!("Code that was sent to {to}: "));
        let answer = answer.map_err(|error| Failure::new(error, NOTHING_SAVED))?;
        let Some(answer) = answer else { return Err(Failure::new("no code was given", NOTHING_SAVED)) };
        if clock::System.now()?.seconds_since(sent_at) >= config.code.lifetime_seconds.into() {
            return Err(Failure::new("the code is too old", NOTHING_SAVED));
        }
        if let Entry::Digits(typed) = Entry::read(answer.as_bytes())
            && bool::from(typed.as_bytes().ct_eq(code.as_bytes()))
        {
            return Ok(());
        }
        if tries_left > 0 {
            terminal::say("That is not the code.\n").map_err(|error| Failure::new(error, NOTHING_SAVED))?;
        }
    }
    Err(Failure::new("no right code was given", NOTHING_SAVED))
}
