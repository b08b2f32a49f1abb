//! `twofactor forget`: no success of before spares the next question.

use std::path::Path;

use serde::Serialize;

use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::{Output, counted};

/// Runs the command.
pub(crate) fn run(user: &str, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let account = account(user)?;
    let forgotten = office.registrar().forget(&account).map_err(|error| Failure::about(user, &error))?;
    let text = match forgotten {
        0 => format!("Nothing was remembered of {user}.\n"),
        count => format!("{} of {user} forgotten: a code is asked for everywhere.\n", counted(count, "login")),
    };
    output.done(&text, &Forgotten { user, forgotten })
}

#[derive(Serialize)]
struct Forgotten<'a> {
    user: &'a str,
    forgotten: usize,
}
