//! How it went: what the sender answers.

use std::fmt;

use crate::FrameError;
use crate::frame::{self, record, words};

/// What became of an errand. It was delivered if the last attempt took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// One for each way that was tried, in order.
    pub reports: Vec<Report>,
    /// The conversation with the servers, if that was wanted: one line each, secrets masked.
    pub conversation: Vec<String>,
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which way, such as `smtp` or `twilio`.
    pub route: String,
    /// What went wrong, if anything did.
    pub trouble: Option<Trouble>,
}

/// Why a message did not go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Of what kind.
    pub kind: TroubleKind,
    /// What was attempted, and what the other side said; printable, on one line, short.
    pub detail: String,
}

/// The kinds of trouble, by what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// The name of the server is not known, or nobody answers there.
    Unreachable,
    /// It took too long.
    Slow,
    /// The certificate is not one for this server that we trust, or TLS failed.
    Certificate,
    /// The server would not take who we say we are.
    Credentials,
    /// The server refused for good (5xx, 4xx of HTTP).
    Refused,
    /// The server refused for now (4xx of SMTP, 5xx of HTTP).
    Deferred,
    /// The server did not keep to the protocol.
    Protocol,
    /// A program or directory of this host failed.
    Local,
    /// The sender could not confine itself, crashed, or was killed.
    Sender,
}

impl Verdict {
    /// Which way took the message, if any did.
    #[must_use]
    pub fn delivered_by(&self) -> Option<&str> {
        self.reports.last().filter(|report| report.trouble.is_none()).map(|report| report.route.as_str())
    }

    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        frame::write(MAGIC, self, 0).to_vec()
    }

    /// Reads a frame. Its texts come from a process that talks to the network: show them through [`crate::shown`].
    ///
    /// # Errors
    /// It is none, or of another release.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        frame::read(MAGIC, bytes, VERDICT_MAX_BYTES)
    }
}

impl TroubleKind {
    /// The word in a log line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Slow => "slow",
            Self::Certificate => "certificate",
            Self::Credentials => "credentials",
            Self::Refused => "refused",
            Self::Deferred => "deferred",
            Self::Protocol => "protocol",
            Self::Local => "local",
            Self::Sender => "sender",
        }
    }
}

/// `smtp: unreachable: connect to smtp.example.org:465: connection refused`, or `smtp: delivered`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trouble {
            Some(trouble) => write!(f, "{}: {}: {}", self.route, trouble.kind.name(), trouble.detail),
            None => write!(f, "{}: delivered", self.route),
        }
    }
}

record!(Verdict { reports, conversation });
record!(Report { route, trouble });
record!(Trouble { kind, detail });
words!(TroubleKind {
    Unreachable = 1,
    Slow = 2,
    Certificate = 3,
    Credentials = 4,
    Refused = 5,
    Deferred = 6,
    Protocol = 7,
    Local = 8,
    Sender = 9,
});

const MAGIC: [u8; 8] = *b"2FVRDCT1";
/// No verdict is longer.
pub const VERDICT_MAX_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_survives_its_frame_and_is_good_if_its_last_attempt_was() {
        let trouble = Trouble { kind: TroubleKind::Unreachable, detail: "connect: refused".to_owned() };
        let failed = Report { route: "smtp".to_owned(), trouble: Some(trouble) };
        let taken = Report { route: "sendmail".to_owned(), trouble: None };
        let verdict = Verdict { reports: vec![failed.clone(), taken], conversation: vec!["> EHLO x".to_owned()] };
        assert_eq!(Verdict::decode(&verdict.encode()), Ok(verdict.clone()));
        assert_eq!(verdict.delivered_by(), Some("sendmail"));
        assert_eq!(Verdict { reports: vec![failed], ..verdict.clone() }.delivered_by(), None);
        assert_eq!(Verdict { reports: Vec::new(), ..verdict }.delivered_by(), None);
    }
}
