//! What the administrator reads in the log: `key=value`, escaped, never a code.

use std::fmt::Write;
use std::path::Path;

use twofactor_message::logged;

use super::Request;
use crate::store::Findings;

/// Where log lines go.
pub trait Journal {
    /// Writes one line. A log that cannot be written stops nobody.
    fn write(&self, severity: Severity, line: &str);
}

/// The severities of syslog(3) that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "syslog(3) says it")]
pub enum Severity {
    Alert,
    Error,
    Warning,
    Notice,
    Info,
    Debug,
}

/// One line in the making.
pub(super) struct Line(String);

impl Line {
    /// `event=EVENT` and who asks.
    pub(super) fn about(event: &str, request: &Request) -> Self {
        let line = Self(format!("event={event}")).with("user", &request.user).with("service", &request.service);
        let line = line.with("rhost", request.rhost.as_deref().unwrap_or_default());
        line.with("tty", request.tty.as_deref().unwrap_or_default())
    }

    /// One more key.
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        // Writing to a String cannot fail.
        let _ = write!(self.0, " {key}={}", logged(value));
        self
    }

    pub(super) fn write(&self, journal: &dyn Journal, severity: Severity) {
        journal.write(severity, &self.0);
    }
}

/// What was found about the records, though they could be used: one warning each.
pub(super) fn report(journal: &dyn Journal, request: &Request, findings: &Findings) {
    let warn = |event: &str, file: &Path, note: &str| {
        let line = Line::about(event, request).with("file", &file.to_string_lossy()).with("note", note);
        line.write(journal, Severity::Warning);
    };
    if let Some(file) = &findings.rebuilt {
        warn("state-rebuilt", file, "it was missing; every code that may have been used counts as used");
    }
    if let Some(file) = &findings.taken_over {
        warn("state-taken-over", file, "a process held it too long, perhaps because somebody has stopped it");
    }
    if let Some(damage) = &findings.damage {
        warn("state-damaged", &damage.path, &damage.to_string());
    }
}
