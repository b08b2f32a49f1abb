//! Everybody in a list. All of it is looked through before anybody is enrolled; each user is enrolled whole or not at all;
//! who is enrolled already is left alone, so that the same command goes on where it was broken off.

mod batch;
mod folder;
mod list;

use std::path::Path;

use serde::Serialize;
use twofactor_message::Event;

use super::unseen_sheet;
use crate::arguments::Setup;
use crate::failure::Failure;
use crate::interruption::Watch;
use crate::office::Office;
use crate::output::{Output, counted};
use crate::progress::Progress;
use batch::{Desk, One, batches};
use folder::Folder;
use list::{Device, Person, look_through};

/// Enrols everybody in the file.
pub(super) fn run(arguments: &Setup, from: &Path, office: &Office, output: &Output) -> Result<(), Failure> {
    let people = look_through(from, office, output)?;
    let has_secrets = people.iter().any(|person| matches!(person.device, Device::App(_)));
    if has_secrets && arguments.sheets.is_none() && !output.is_json() {
        return Err(Failure::misused("nobody would see the secrets", "add --sheets DIR, or --json"));
    }
    let (skipped, todo): (Vec<_>, Vec<_>) = people.into_iter().partition(|person| person.is_enrolled);
    let folder = arguments.sheets.as_deref().map(Folder::open).transpose()?;
    if let Some(folder) = &folder {
        folder.check(&todo)?;
    }
    let without_sheet = match &folder {
        Some(folder) => skipped.iter().filter(|person| !folder.path(person).exists()).collect(),
        None => Vec::new(),
    };
    for person in &skipped {
        let user = person.account.name.as_str();
        office.registrar().finish(&person.account).map_err(|error| Failure::about(user, &error))?;
    }
    let watch = Watch::begin();
    let desk = Desk { office, folder: folder.as_ref(), output };
    let (mut enrolled, mut failures) = (Vec::new(), Vec::new());
    let mut progress = Progress::begin(todo.len(), output);
    for batch in batches(&todo) {
        if watch.is_over() {
            failures.push(Failure::new("broken off", "run it again to go on"));
            break;
        }
        let ones;
        (ones, failures) = desk.enrol(batch);
        progress.steps(ones.len());
        enrolled.extend(ones);
        if !failures.is_empty() {
            break;
        }
    }
    drop(progress);
    let (count, left) = (enrolled.len(), todo.len() - enrolled.len());
    let rest = if left > 0 { format!(", {left} left") } else { String::new() };
    let mut text = format!("{} enrolled, {} before{rest}.\n", counted(count, "user"), skipped.len());
    if let (Some(folder), false) = (&folder, enrolled.is_empty()) {
        text.push_str(&format!("Their sheets are in {}.\n", folder.named.display()));
    }
    let name = |person: &Person| person.account.name.as_str().to_owned();
    let value = Summary {
        enrolled,
        skipped: skipped.iter().map(name).collect(),
        without_sheet: without_sheet.iter().copied().map(name).collect(),
        left,
    };
    let shown = output.done(&text, &value).map_err(|failure| failure.unseen(UNSEEN_SECRETS));
    // What was shown by then no second interruption takes away; who starts children can be interrupted.
    drop(watch);
    for person in todo.iter().take(count) {
        let detail = format!("{} {:?}", person.device.method(), person.label.as_str());
        office.tell(&person.account, &person.reader, Event::MethodAdded, &detail, output);
    }
    for person in &without_sheet {
        let user = person.account.name.as_str();
        output.note(&format!("{user} was enrolled before and has no sheet here; {}", unseen_sheet(user)));
    }
    shown?;
    let last = failures.pop();
    for failure in &failures {
        output.complain(failure)?;
    }
    last.map_or(Ok(()), Err)
}

/// Where nobody has seen the secrets of those who are enrolled.
const UNSEEN_SECRETS: &str = "see who is enrolled: twofactor list; for each the secret again: twofactor show USER, new recovery codes: twofactor \
     recovery USER";

#[derive(Serialize)]
struct Summary {
    enrolled: Vec<One>,
    /// Who had it before.
    skipped: Vec<String>,
    /// Those of them whose sheet is not in the folder.
    without_sheet: Vec<String>,
    left: usize,
}
