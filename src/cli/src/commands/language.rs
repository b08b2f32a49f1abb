//! `twofactor language`: what a user is spoken to in.

use std::path::Path;

use serde::Serialize;
use twofactor_message::Language;

use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::Output;

/// Runs the command; without a language of their own, a user is spoken to like everybody.
pub(crate) fn run(
    user: &str,
    language: Option<Language>,
    config: Option<&Path>,
    output: &mut Output,
) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let account = account(user)?;
    office.registrar().speak(&account, language).map_err(|error| Failure::about(user, &error))?;
    let text = match language {
        Some(language) => format!("{user} is spoken to in {} from now on.\n", english(language)),
        None => format!("{user} is spoken to as config.toml says, in {}.\n", english(office.config.language)),
    };
    output.done(&text, &Spoken { user, language: language.map(Language::name) })
}

/// What a language is called by whoever administers this.
pub(super) fn english(language: Language) -> &'static str {
    match language {
        Language::En => "English",
        Language::De => "German",
        Language::Fr => "French",
    }
}

#[derive(Serialize)]
struct Spoken<'a> {
    user: &'a str,
    /// Null if it is the one for everybody.
    language: Option<&'static str>,
}
