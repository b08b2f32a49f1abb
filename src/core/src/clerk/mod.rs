//! What a set-up at a login has done outside the host: the tool draws the code, and makes and saves the enrolment. One
//! process for each question, which is answered in one frame of texts.

mod frame;

pub use frame::{FRAME_MAX_BYTES, frame, texts};

use std::path::Path;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::account::Account;
use crate::sys::{Program, Reading};

/// What helps somebody who sets up an authenticator app.
pub trait Clerk {
    /// Draws a secret for a new app.
    ///
    /// # Errors
    /// There is none.
    fn begin(&self, account: &Account) -> Result<Offer, ClerkError>;

    /// Judges the first code of the app and makes the enrolment, which is not saved yet; `None` if the code is wrong.
    ///
    /// # Errors
    /// It could not be saved, or the ticket is good no more.
    fn prepare(
        &self,
        account: &Account,
        secret: &str,
        code: &str,
        ticket: Option<&str>,
    ) -> Result<Option<Prepared>, ClerkError>;

    /// Takes down that somebody has used the one chance to set something up without a ticket.
    ///
    /// # Errors
    /// They have used it before, or it could not be taken down.
    fn reserve(&self, name: &str, sealed: &str) -> Result<(), ClerkError>;

    /// Saves an enrolment that was prepared; it counts from then on, and the ticket does not.
    ///
    /// # Errors
    /// Nothing was saved.
    fn confirm(&self, name: &str, sealed: &str) -> Result<(), ClerkError>;
}

/// A secret that nobody has yet.
pub struct Offer {
    /// In base 32, in groups.
    pub secret: Zeroizing<String>,
    /// As a QR code for a terminal with a dark ground and for one with a light ground; empty if it is too long for one.
    pub drawings: [Zeroizing<String>; 2],
}

impl Offer {
    /// Whether there are drawings.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.drawings.iter().all(|drawing| !drawing.is_empty())
    }
}

/// An enrolment that is not saved.
pub struct Prepared {
    /// The recovery codes in it, one a line.
    pub recovery_codes: Zeroizing<String>,
    /// The enrolment, sealed.
    pub sealed: Zeroizing<String>,
}

/// Starts the tool.
pub struct Tool<'c> {
    config: Option<&'c Path>,
    program: &'c Path,
}

impl<'c> Tool<'c> {
    /// The tool with the settings in this file, or in the default one.
    #[must_use]
    pub fn new(config: Option<&'c Path>) -> Self {
        Self { config, program: Path::new(PROGRAM) }
    }

    /// Asks, and has the answer for as long as it is looked at.
    fn ask<const N: usize, T>(
        &self,
        question: &str,
        name: &str,
        said: &[&str],
        hear: impl FnOnce([&str; N]) -> T,
    ) -> Result<T, ClerkError> {
        let answer = self.answer(question, name, said)?;
        let texts = texts(&answer).ok_or_else(|| self.failed("it did not say what was asked for"))?;
        Ok(hear(texts))
    }

    fn answer(&self, question: &str, name: &str, said: &[&str]) -> Result<Zeroizing<Vec<u8>>, ClerkError> {
        let mut arguments = Vec::new();
        if let Some(config) = self.config {
            // Arguments of a PAM line that are not UTF-8 are refused.
            arguments.extend(["--config".to_owned(), config.to_string_lossy().into_owned()]);
        }
        arguments.extend(["at-login", question, "--", name].map(str::to_owned));
        let question = frame(said).ok_or_else(|| self.failed("there is too much to be said"))?;
        let started = Program::start(self.program, &arguments, &question);
        let mut program = started.map_err(|error| self.failed(&error.to_string()))?;
        let started = Instant::now();
        let mut answer = Zeroizing::new(Vec::with_capacity(FRAME_MAX_BYTES));
        let reading = program.read(&mut answer, FRAME_MAX_BYTES, PATIENCE);
        program.ends_within(PATIENCE.saturating_sub(started.elapsed()));
        match reading {
            Ok(Reading::Finished) => Ok(answer),
            Ok(Reading::TooLong) => Err(self.failed("it said too much")),
            Ok(Reading::Unfinished) => Err(self.failed("it gave no answer in time")),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    fn have_done(&self, question: &str, name: &str, sealed: &str) -> Result<(), ClerkError> {
        self.ask(
            question,
            name,
            &[sealed],
            |[word, why]| if word == "done" { Ok(()) } else { Err(ClerkError::new(why)) },
        )?
    }

    fn failed(&self, why: &str) -> ClerkError {
        ClerkError::new(format!("{}: {why}", self.program.display()))
    }
}

impl Clerk for Tool<'_> {
    fn begin(&self, account: &Account) -> Result<Offer, ClerkError> {
        self.ask("begin", account.name.as_str(), &[], |[secret, dark, light]| Offer {
            secret: kept(secret),
            drawings: [dark, light].map(kept),
        })
    }

    fn prepare(
        &self,
        account: &Account,
        secret: &str,
        code: &str,
        ticket: Option<&str>,
    ) -> Result<Option<Prepared>, ClerkError> {
        let texts = [secret, code, ticket.unwrap_or_default()];
        self.ask("prepare", account.name.as_str(), &texts, |[word, first, sealed]| match word {
            "ready" => Ok(Some(Prepared { recovery_codes: kept(first), sealed: kept(sealed) })),
            "wrong" => Ok(None),
            _ => Err(ClerkError::new(first)),
        })?
    }

    fn reserve(&self, name: &str, sealed: &str) -> Result<(), ClerkError> {
        self.have_done("reserve", name, sealed)
    }

    fn confirm(&self, name: &str, sealed: &str) -> Result<(), ClerkError> {
        self.have_done("confirm", name, sealed)
    }
}

/// The tool did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct ClerkError {
    why: String,
}

impl ClerkError {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into() }
    }
}

fn kept(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

/// Where the tool is installed.
const PROGRAM: &str = "/usr/bin/twofactor";
/// How long a prompt waits for it. Longer than it waits for its locks itself, ten seconds for each of two: nobody shall
/// end it in the middle of what it saves.
const PATIENCE: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn account() -> Account {
        Account { name: crate::account::UserName::new("alice").unwrap(), uid: 1000 }
    }

    /// What the clerk hears from a tool that does this.
    fn told(script: &str) -> Result<Option<String>, String> {
        let place = tempfile::tempdir().unwrap();
        let program = place.path().join("tool");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
        let tool = Tool { config: Some(Path::new("/etc/x.toml")), program: &program };
        let prepared = tool.prepare(&account(), "AAAA", "123456", None).map_err(|error| error.to_string());
        let place = place.path().to_str().unwrap();
        prepared
            .map(|prepared| prepared.map(|prepared| format!("{} {}", *prepared.recovery_codes, *prepared.sealed)))
            .map_err(|error| error.replace(place, ""))
    }

    #[test]
    fn the_tool_is_told_what_is_secret_by_its_input_alone() {
        let script = r#"[ "$*" = "--config /etc/x.toml at-login prepare -- alice" ] || exit 1
            [ "$(tr '\000\004\006' '___' )" = "____AAAA____123456____" ] || exit 1
            printf '\005\000\000\000ready\003\000\000\000a-b\002\000\000\0001:'"#;
        assert_eq!(told(script), Ok(Some("a-b 1:".to_owned())));
    }

    #[test]
    fn a_tool_that_fails_is_silent_or_talks_nonsense_prepares_nothing() {
        for (script, expected) in [
            (r"printf '\005\000\000\000wrong\000\000\000\000\000\000\000\000'", Ok(None)),
            (r"printf '\006\000\000\000failed\004\000\000\000full\000\000\000\000'", Err("full")),
            (r"printf '\005\000\000\000READY\000\000\000\000\000\000\000\000'", Err("")),
            ("exit 0", Err("/tool: it did not say what was asked for")),
            ("echo ready", Err("/tool: it did not say what was asked for")),
            ("exec yes", Err("/tool: it said too much")),
        ] {
            assert_eq!(told(script), expected.map_err(str::to_owned), "{script}");
        }
    }
}
