//! What a set-up at a login has done outside the host: the tool draws the code, and makes and saves the enrolment. One
//! process for each question, which is answered in one frame of texts.

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

    fn ask(&self, question: &str, name: &str, texts: &[&str]) -> Result<[Zeroizing<String>; 3], ClerkError> {
        let mut arguments = Vec::new();
        if let Some(config) = self.config {
            // Arguments of a PAM line that are not UTF-8 are refused.
            arguments.extend(["--config".to_owned(), config.to_string_lossy().into_owned()]);
        }
        arguments.extend(["at-login", question, "--", name].map(str::to_owned));
        let failed = |why: &str| ClerkError::new(format!("{}: {why}", self.program.display()));
        let mut program =
            Program::start(self.program, &arguments, &framed(texts)).map_err(|error| failed(&error.to_string()))?;
        let started = Instant::now();
        let mut said = Zeroizing::new(Vec::with_capacity(FRAME_MAX_BYTES));
        let reading = program.read(&mut said, FRAME_MAX_BYTES, PATIENCE);
        program.ends_within(PATIENCE.saturating_sub(started.elapsed()));
        match reading {
            Ok(Reading::Finished) => three(&said).ok_or_else(|| failed("it did not say what was asked for")),
            Ok(Reading::TooLong) => Err(failed("it said too much")),
            Ok(Reading::Unfinished) => Err(failed("it gave no answer in time")),
            Err(error) => Err(failed(&error.to_string())),
        }
    }
}

impl Tool<'_> {
    fn have_done(&self, question: &str, name: &str, sealed: &str) -> Result<(), ClerkError> {
        let [word, why, _] = self.ask(question, name, &[sealed])?;
        if word.as_str() == "done" { Ok(()) } else { Err(ClerkError::new(why.as_str())) }
    }
}

impl Clerk for Tool<'_> {
    fn begin(&self, account: &Account) -> Result<Offer, ClerkError> {
        let [secret, dark, light] = self.ask("begin", account.name.as_str(), &[])?;
        Ok(Offer { secret, drawings: [dark, light] })
    }

    fn prepare(
        &self,
        account: &Account,
        secret: &str,
        code: &str,
        ticket: Option<&str>,
    ) -> Result<Option<Prepared>, ClerkError> {
        let texts = [secret, code, ticket.unwrap_or_default()];
        let [word, first, sealed] = self.ask("prepare", account.name.as_str(), &texts)?;
        match word.as_str() {
            "ready" => Ok(Some(Prepared { recovery_codes: first, sealed })),
            "wrong" => Ok(None),
            _ => Err(ClerkError::new(first.as_str())),
        }
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

/// Texts one after the other, each with its length in front.
fn framed(texts: &[&str]) -> Zeroizing<Vec<u8>> {
    let mut frame = Zeroizing::new(Vec::with_capacity(texts.iter().map(|text| 4 + text.len()).sum()));
    for text in texts {
        // What is longer than a frame may be is refused by whoever reads it.
        frame.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        frame.extend(text.bytes());
    }
    frame
}

/// Three texts at most, and nothing after them; the last ones may be missing.
fn three(frame: &[u8]) -> Option<[Zeroizing<String>; 3]> {
    let (mut texts, mut rest) = (<[Zeroizing<String>; 3]>::default(), frame);
    for text in &mut texts {
        let Some((length, others)) = rest.split_first_chunk() else { break };
        let (bytes, others) = others.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        *text = Zeroizing::new(std::str::from_utf8(bytes).ok()?.to_owned());
        rest = others;
    }
    (rest.is_empty() && !frame.is_empty()).then_some(texts)
}

/// Where the tool is installed.
const PROGRAM: &str = "/usr/bin/twofactor";
/// How long a prompt waits for it. Longer than it waits for its locks itself, ten seconds for each of two: nobody shall
/// end it in the middle of what it saves.
const PATIENCE: Duration = Duration::from_secs(25);
const FRAME_MAX_BYTES: usize = 64 * 1024;

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
    fn a_frame_reads_back_and_a_broken_one_does_not() {
        let frame = framed(&["a", "", "\u{e4}\n"]);
        assert_eq!(three(&frame).unwrap().each_ref().map(|text| text.as_str()), ["a", "", "\u{e4}\n"]);
        assert_eq!(three(&framed(&["a"])).unwrap().each_ref().map(|text| text.as_str()), ["a", "", ""]);
        for length in (0..frame.len()).filter(|length| ![5, 9].contains(length)) {
            assert!(three(&frame[..length]).is_none(), "{length}");
        }
        assert!(three(&framed(&["a", "b", "c", "d"])).is_none());
        assert!(three(b"\x01\0\0\0\xff").is_none());
        assert!(three(b"\xff\xff\xff\xff").is_none());
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
            (r"printf '\005\000\000\000wrong'", Ok(None)),
            (r"printf '\006\000\000\000failed\004\000\000\000full'", Err("full")),
            (r"printf '\005\000\000\000READY'", Err("")),
            ("exit 0", Err("/tool: it did not say what was asked for")),
            ("echo ready", Err("/tool: it did not say what was asked for")),
            ("exec yes", Err("/tool: it said too much")),
        ] {
            assert_eq!(told(script), expected.map_err(str::to_owned), "{script}");
        }
    }
}
