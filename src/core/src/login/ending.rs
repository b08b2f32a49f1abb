//! The end of a login, as the log and the person have it.

use super::journal::{Line, Severity};
use super::judge::Proof;
use super::outcome::{NotDue, Outcome, Refusal};
use super::{Ending, Login, Next, Subject, words};
use crate::policy::Mode;
use crate::words::Sentence;

impl Login<'_> {
    pub(super) fn proved(&self, proof: &Proof) -> Next {
        let outcome = Outcome::Proved(proof.by);
        let line = self.line(outcome).with("method", proof.by.name());
        let line = match (&proof.device, proof.recovery_left) {
            (Some(device), _) => line.with("device", device),
            (None, Some(left)) => line.with("recovery_codes_left", &left.to_string()),
            (None, None) => line,
        };
        if let (Some(seconds), Some(device)) = (proof.drift_seconds.filter(|seconds| *seconds != 0), &proof.device) {
            let line = Line::about("drift", &self.request).with("device", device).with("seconds", &seconds.to_string());
            line.write(self.world.journal, Severity::Info);
        }
        line.write(self.world.journal, Severity::Info);
        let farewell = proof.recovery_left.map(|left| words::recovery_codes_left(left, self.words()));
        Next::End(Ending { outcome, farewell })
    }

    pub(super) fn unavailable(&self, error: &dyn std::fmt::Display) -> Next {
        let outcome = Outcome::Unavailable;
        self.line(outcome).with("error", &error.to_string()).write(self.world.journal, Severity::Error);
        self.monitored(Ending { outcome, farewell: Some(self.words().say(Sentence::Unavailable)) })
    }

    pub(super) fn end(&self, outcome: Outcome) -> Next {
        let (severity, farewell) = match outcome {
            Outcome::Proved(_) | Outcome::NotDue(_) => (Severity::Info, None),
            Outcome::Refused(Refusal::NoAnswer) => (Severity::Notice, None),
            Outcome::Refused(_) => (Severity::Notice, Some(self.words().say(Sentence::Refused))),
            Outcome::Throttled => (Severity::Notice, self.held.map(|gate| words::throttled(gate, self.words()))),
            Outcome::Unavailable => (Severity::Error, Some(self.words().say(Sentence::Unavailable))),
        };
        self.line(outcome).write(self.world.journal, severity);
        self.monitored(Ending { outcome, farewell })
    }

    /// In mode `monitor` nobody is kept out who could have been let in: the log has what would have been.
    pub(super) fn monitored(&self, ending: Ending) -> Next {
        let known =
            !matches!(self.subject, Subject::Nobody(Refusal::UnknownUser)) || ending.outcome == Outcome::Unavailable;
        let refused = !matches!(ending.outcome, Outcome::Proved(_) | Outcome::NotDue(_));
        if self.terms.mode == Mode::Monitor && known && refused {
            return Next::End(Ending { outcome: Outcome::NotDue(NotDue::Monitored), farewell: None });
        }
        Next::End(ending)
    }

    /// The one line about the decision.
    pub(super) fn line(&self, outcome: Outcome) -> Line {
        let line = Line::about("login", &self.request).with("outcome", outcome.name()).with("reason", outcome.reason());
        let line = match self.rule {
            Some(number) => line.with("rule", &number.to_string()),
            None => line,
        };
        if self.terms.mode == Mode::Monitor { line.with("mode", "monitor") } else { line }
    }

    /// An attempt is logged when it is made: the client may be gone before the login has an end.
    pub(super) fn log_attempt(&self, result: &str) {
        Line::about("attempt", &self.request).with("result", result).write(self.world.journal, Severity::Notice);
    }
}
