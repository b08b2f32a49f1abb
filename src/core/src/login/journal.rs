//! What the administrator reads in the log: `key=value`, escaped, never a code.

use std::fmt::Write;

use twofactor_message::logged;

use super::Request;

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
