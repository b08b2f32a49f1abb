//! `twofactor resync`: a device whose clock is off or whose counter ran ahead is found again by two of its codes.

use std::path::Path;

use serde::Serialize;
use twofactor_core::factor::Label;
use twofactor_core::factor::entry::Entry;
use twofactor_core::registrar::{RegistrarError, device_to_find};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::Output;
use crate::terminal;

/// Runs the command.
pub(crate) fn run(user: &str, label: Option<&str>, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let account = account(user)?;
    let label = label.map(|label| Label::try_from(label.to_owned())).transpose()?;
    let about = |error| Failure::about(account.name.as_str(), &error);
    // What would make the command fail in the end is said before anybody waits for a second code.
    let standing = office.registrar().standing(&account).map_err(about)?;
    let enrolment = standing.ok_or(RegistrarError::NotEnrolled).map_err(about)?.enrolment;
    device_to_find(&enrolment, label.as_ref()).map_err(about)?;
    let first = ask("A code that the device shows: ")?;
    let second = ask("And the one that comes after it: ")?;
    let found = office.registrar().resynchronise(&account, label.as_ref(), [&first, &second]).map_err(about)?;
    let user = account.name.as_str();
    let whose = found.label.as_str();
    let text = match found.ahead_seconds {
        Some(0) => format!("{user}'s {whose} is on time.\n"),
        Some(seconds) if seconds > 0 => {
            format!("{user}'s {whose} is found: its clock is {seconds} s ahead, which is allowed for from now on.\n")
        }
        Some(seconds) => {
            format!(
                "{user}'s {whose} is found: its clock is {} s behind, which is allowed for from now on.\n",
                -seconds
            )
        }
        None => {
            format!("{user}'s {whose} is found: its next code has the counter {}.\n", found.step.0.saturating_add(1))
        }
    };
    let counter = found.ahead_seconds.is_none().then_some(found.step.0);
    output.done(&text, &Resynchronised { user, label: whose, ahead_seconds: found.ahead_seconds, counter })
}

fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let answer = terminal::ask(prompt).map_err(|error| Failure::new(error, "nothing was changed"))?;
    match answer.map(|answer| Entry::read(answer.as_bytes())) {
        Some(Entry::Digits(code)) => Ok(code),
        Some(_) => Err(Failure::new("that is no code", "a code has digits alone; nothing was changed")),
        None => Err(Failure::new("no code was given", "nothing was changed")),
    }
}

#[derive(Serialize)]
struct Resynchronised<'a> {
    user: &'a str,
    label: &'a str,
    /// How far the clock is ahead; null for a counter.
    ahead_seconds: Option<i64>,
    /// The last counter that was used; null for a clock.
    counter: Option<u64>,
}
