//! `twofactor report`: how far a roll-out has come. Who is enrolled, how logins ended, and whom `required` would
//! refuse, as a table, as JSON, or as a page to show around.
//!
//! Who there is comes from the user database and the records; how logins ended comes from the log, and is as true as
//! the log: whoever may write to it can make logins up. Nothing in a line of the log does more harm than to be counted.

mod ending;
mod file;
mod line;
mod page;
pub(super) mod people;
mod program;
mod source;
mod summary;
mod table;
mod tally;
mod time;
pub(super) mod wording;

use std::path::Path;

use twofactor_core::clock::{self, Clock, UnixTime};
use twofactor_core::config::Seconds;
use twofactor_core::sys;
use twofactor_message::shown;

use crate::arguments::Report;
use crate::failure::Failure;
use crate::office::Office;
use crate::output::Output;
use people::People;
pub(super) use people::each_entry;
use summary::{Frame, Summary};
use tally::Tally;
use time::Zone;

/// Runs the command.
pub(crate) fn run(asked: &Report, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let to_stdout = asked.html.as_deref() == Some(Path::new("-"));
    if to_stdout && output.is_json() {
        return Err(Failure::misused(
            "a page and a JSON value do not go to the same place",
            "write the page to a file",
        ));
    }
    let now = clock::System.now()?;
    let since = asked.since.as_deref().map(|text| cutoff(text, now)).transpose()?;
    let zone = Zone::here();
    let sources = source::chosen(&asked.log)?;
    let mut people = People::gathered(&office.registrar().enrolled()?)?;
    people.keep_only(&asked.group)?;

    let mut tally = Tally::new(people, since, now, zone);
    for source in &sources {
        source.read(since, &mut |line| tally.take(line))?;
    }
    // A log can be made to name anybody, so that this is no reason to tell nothing.
    if let Some(Failure { what, .. }) = &tally.unanswered {
        output.note(&format!("{what}; logins of whom it cannot look up are counted as those of unknown users"));
    }
    let frame = Frame {
        host: sys::host_name(),
        mode: office.config.policy.otherwise.mode.name(),
        sources: sources.iter().map(ToString::to_string).collect(),
        zone,
    };
    let summary = Summary::of(&tally, frame);
    match &asked.html {
        None => output.answer(&table::render(&summary), &summary),
        Some(_) if to_stdout => output.print(&page::render(&summary)),
        Some(path) => {
            file::write(path, page::render(&summary).as_bytes())?;
            let place = shown(&path.to_string_lossy());
            output.done(&format!("The page is in {place}. It names who has no second factor.\n"), &summary)
        }
    }
}

/// From when on logins count.
fn cutoff(text: &str, now: UnixTime) -> Result<UnixTime, Failure> {
    let Seconds(seconds) =
        text.to_owned().try_into().map_err(|error| Failure::misused(error, "write it as --since 7d"))?;
    Ok(UnixTime(now.0.saturating_sub(seconds)))
}
