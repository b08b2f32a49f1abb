//! `twofactor remove`: an enrolment, or one part of it.

use std::path::Path;

use serde::Serialize;
use twofactor_core::account::UserName;
use twofactor_core::factor::{Label, Method};
use twofactor_core::registrar::Part;
use twofactor_core::sys::{Accounts, Passwd};
use twofactor_core::words::Sentence;
use twofactor_message::Event;

use crate::arguments::RemovableMethod;
use crate::failure::Failure;
use crate::office::{Office, account, reader};
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
    let about = |error| Failure::about(user, &error);
    let found = Passwd.find(user)?;
    // Whoever is told of it has to be known before it is gone. What cannot be read can be removed all the same.
    let before = found.as_ref().and_then(|account| office.registrar().standing(account).ok().flatten());
    let reader = before.map(|standing| reader(&standing.enrolment)).unwrap_or_default();
    let (still_enrolled, was_enrolled) = match part(method, label)? {
        Some(part) => (office.registrar().remove_part(&account(user)?, &part).map_err(about)?, true),
        None => (false, office.registrar().remove(&name(user)?).map_err(about)?),
    };
    if let Some(account) = &found {
        let words = office.config.words(reader.language);
        let detail = match (method, label) {
            (_, Some(label)) => format!("{label:?}"),
            (Some(method), None) => words.fill(Sentence::NewsEvery, &[("method", method.method().name())]),
            (None, None) => words.say(Sentence::NewsAll),
        };
        office.tell(account, &reader, Event::MethodRemoved, &detail, output);
    }
    if let (true, Some(account)) = (still_enrolled, &found)
        && let Ok(Some(left)) = office.registrar().standing(account)
        && !office.lets_in(&left.enrolment)
    {
        output.note("No device is left whose codes logins take; recovery codes are.");
    }
    let text = if still_enrolled {
        format!("Removed. What is left: twofactor status {user}\n")
    } else if was_enrolled {
        format!("{user} is not enrolled any more.\n")
    } else {
        format!("{user} is not invited any more.\n")
    };
    output.done(&text, &Removed { user, still_enrolled })
}

fn part(method: Option<RemovableMethod>, label: Option<&str>) -> Result<Option<Part>, Failure> {
    match (method, label) {
        (None, None) => Ok(None),
        (Some(RemovableMethod::Recovery), Some(_)) => {
            Err(Failure::misused("recovery codes have no label", "leave --label out"))
        }
        (Some(method), None) => Ok(Some(Part::Method(method.method()))),
        (Some(_) | None, Some(label)) => Ok(Some(Part::Device(Label::try_from(label.to_owned())?))),
    }
}

/// The canonical name; of somebody whose account is gone, the name as it was given.
fn name(user: &str) -> Result<UserName, Failure> {
    match Passwd.find(user)? {
        Some(account) => Ok(account.name),
        None => UserName::new(user).map_err(|error| Failure::misused(error, "see who is enrolled: twofactor list")),
    }
}

impl RemovableMethod {
    fn method(self) -> Method {
        match self {
            Self::Totp => Method::Totp,
            Self::Hotp => Method::Hotp,
            Self::Email => Method::Email,
            Self::Sms => Method::Sms,
            Self::Recovery => Method::Recovery,
        }
    }
}

#[derive(Serialize)]
struct Removed<'a> {
    user: &'a str,
    still_enrolled: bool,
}
