//! `twofactor keys`: the numbered keys that seal secrets on disk.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use twofactor_core::account::{Account, UserName};
use twofactor_core::keyring::{KeyNumber, KeyringError};
use twofactor_core::registrar::{Registrar, RegistrarError};

use super::status::point_in_time;
use crate::arguments::Keys;
use crate::failure::Failure;
use crate::interruption::Watch;
use crate::office::{Office, TOGETHER_MAX};
use crate::output::{Output, counted};
use crate::progress::Progress;
use crate::roll::Roll;

/// Runs the command.
pub(crate) fn run(keys: &Keys, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    match keys {
        Keys::List => list(&office, output),
        Keys::Rotate { resume, retire } => rotate(&office, *resume, *retire, output),
    }
}

fn list(office: &Office, output: &mut Output) -> Result<(), Failure> {
    let keyring = match office.files().keyring() {
        Ok(keyring) => keyring,
        Err(KeyringError::Missing { .. }) if office.registrar().enrolled()?.is_empty() => {
            return output.answer("There is no key yet; the first setup makes one.\n", &Vec::<KeyReport>::new());
        }
        Err(error) => return Err(RegistrarError::from(error).into()),
    };
    let in_use = enrolments_by_key(&office.registrar())?;
    let reports: Vec<_> = keyring
        .numbers()
        .map(|(number, created)| KeyReport {
            number: number.into(),
            created: created.0,
            seals: Some(number) == keyring.sealing_number(),
            enrolments: in_use.get(&number).copied().unwrap_or(0),
        })
        .collect();
    let mut text = "KEY  MADE                  ENROLMENTS\n".to_owned();
    for ((_, created), report) in keyring.numbers().zip(&reports) {
        let seals = if report.seals { "  (seals)" } else { "" };
        let made = point_in_time(created);
        text.push_str(&format!("{:<4} {made:<21} {}{seals}\n", report.number, report.enrolments));
    }
    output.answer(&text, &reports)
}

fn rotate(office: &Office, resume: bool, retire: bool, output: &mut Output) -> Result<(), Failure> {
    let registrar = office.registrar();
    if !resume {
        registrar.add_key()?;
    }
    let names = registrar.enrolled()?;
    let roll = Roll::read();
    let (watch, mut progress) = (Watch::begin(), Progress::begin(names.len(), output));
    let (mut resealed, mut failed) = (0usize, Vec::new());
    for (done, batch) in (0..).step_by(TOGETHER_MAX).zip(names.chunks(TOGETHER_MAX)) {
        if watch.is_over() {
            let what = format!("broken off after {done} of {}", counted(names.len(), "enrolment"));
            return Err(Failure::new(what, "every key is kept; to go on: twofactor keys rotate --resume"));
        }
        resealed += reseal(&registrar, &roll, batch, &mut failed);
        progress.steps(batch.len());
    }
    drop((progress, watch));
    for failure in &failed {
        output.complain(failure)?;
    }
    if !failed.is_empty() {
        let (left, all) = (failed.len(), counted(names.len(), "enrolment"));
        let what = format!("{left} of {all} left under an older key, which is kept");
        return Err(Failure::new(what, "mend what stands above, then: twofactor keys rotate --resume"));
    }
    let retired = if retire { registrar.retire_keys()? } else { Vec::new() };
    let sealing = office.files().keyring().map_err(RegistrarError::from)?.sealing_number().map(u32::from);
    let mut text =
        format!("Key {} seals; {} sealed anew.\n", sealing.unwrap_or_default(), counted(resealed, "enrolment"));
    if !retired.is_empty() {
        let numbers: Vec<_> = retired.iter().map(ToString::to_string).collect();
        text.push_str(&format!("Retired: key {}.\n", numbers.join(", ")));
    }
    let retired = retired.into_iter().map(u32::from).collect();
    output.done(&text, &Rotated { key: sealing, resealed, retired })
}

/// Seals the secrets of these users and says how many of them were not; with whom something is wrong is added to `failed`.
fn reseal(registrar: &Registrar<'_>, roll: &Roll, names: &[UserName], failed: &mut Vec<Failure>) -> usize {
    let mut accounts = Vec::with_capacity(names.len());
    for name in names {
        match account_of(roll, name) {
            Ok(account) => accounts.push(account),
            Err(failure) => failed.push(failure),
        }
    }
    let about = |account: &Account, error: &RegistrarError| Failure::about(account.name.as_str(), error);
    let mut resealed = 0;
    match registrar.reseal(&accounts) {
        Ok(outcomes) => {
            for (account, outcome) in accounts.iter().zip(outcomes) {
                match outcome {
                    Ok(is_new) => resealed += usize::from(is_new),
                    Err(error) => failed.push(about(account, &error)),
                }
            }
        }
        Err(error) => failed.extend(accounts.iter().map(|account| about(account, &error))),
    }
    resealed
}

fn account_of(roll: &Roll, name: &UserName) -> Result<Account, Failure> {
    roll.find(name.as_str())?.ok_or_else(|| {
        let hint = format!("remove the enrolment: twofactor remove {}", name.as_str());
        Failure::new(format!("{} is enrolled but has no account any more", name.as_str()), hint)
    })
}

fn enrolments_by_key(registrar: &Registrar<'_>) -> Result<BTreeMap<KeyNumber, usize>, Failure> {
    let mut counts = BTreeMap::new();
    for name in registrar.enrolled()? {
        let keys = registrar.keys_of(&name).map_err(|error| Failure::about(name.as_str(), &error))?;
        for key in keys {
            *counts.entry(key).or_default() += 1;
        }
    }
    Ok(counts)
}

#[derive(Serialize)]
struct KeyReport {
    number: u32,
    created: u64,
    seals: bool,
    enrolments: usize,
}

#[derive(Serialize)]
struct Rotated {
    key: Option<u32>,
    resealed: usize,
    retired: Vec<u32>,
}
