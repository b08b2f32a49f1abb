//! One login, as a state machine: it is told who asks, it answers with a prompt, it is told the answer, and so on
//! until it answers with an [`Ending`]. Nothing is locked or kept open while a person thinks.

mod journal;
mod judge;
mod outcome;
mod words;

pub use journal::{Journal, Severity};
pub use outcome::{NotDue, Outcome, Refusal};

use crate::account::Account;
use crate::config::Config;
use crate::factor::entry::Entry;
use crate::policy::{Mode, Unenrolled};
use crate::store::{Record, Store};
use crate::sys::Accounts;
use crate::throttle::Gate;
use journal::Line;
use judge::{Proof, Verdict, judge};
use words::Remark;

/// Who asks to be let in, and through which door; copied out of the host before the first prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The login name as it was given.
    pub user: String,
    /// The PAM service.
    pub service: String,
    /// The address or name that the host says the request comes from.
    pub rhost: Option<String>,
    /// The terminal.
    pub tty: Option<String>,
}

/// All that a login needs of the world.
#[derive(Clone, Copy)]
pub struct World<'w> {
    /// The settings.
    pub config: &'w Config,
    /// The records.
    pub store: &'w dyn Store,
    /// The users.
    pub accounts: &'w dyn Accounts,
    /// The log.
    pub journal: &'w dyn Journal,
}

/// What the host has to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Show this prompt and pass the answer to [`Login::answer`].
    Ask(Prompt),
    /// Stop.
    End(Ending),
}

/// One question.
#[derive(Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The whole text.
    pub text: String,
    /// Whether what is typed can be seen.
    pub echo: bool,
}

/// The end of the conversation.
#[derive(Debug, PartialEq, Eq)]
pub struct Ending {
    /// What to tell the host.
    pub outcome: Outcome,
    /// What to tell the person, if the host shows such messages.
    pub farewell: Option<String>,
}

/// One login in progress.
pub struct Login<'w> {
    world: World<'w>,
    request: Request,
    subject: Subject,
    tries_left: u32,
    helps_left: u32,
    /// What the last answer was, for the ending.
    last: Refusal,
    /// Set while answers are not judged.
    held: Option<Gate>,
}

/// Whom the answers are judged for.
enum Subject {
    /// Somebody who is enrolled.
    Enrolled(Account),
    /// Somebody who will be refused whatever they answer.
    Nobody(Refusal),
}

impl<'w> Login<'w> {
    /// Decides whether there is anything to ask.
    #[must_use]
    pub fn begin(world: World<'w>, request: Request) -> (Self, Next) {
        let mut login = Self {
            world,
            request,
            subject: Subject::Nobody(Refusal::UnknownUser),
            tries_left: world.config.tries,
            helps_left: HELPS_MAX,
            last: Refusal::NoAnswer,
            held: None,
        };
        let next = login.first();
        (login, next)
    }

    /// Judges an answer; `None` where the host had none (the person pressed Ctrl-D or went away).
    pub fn answer(&mut self, answer: Option<&[u8]>) -> Next {
        let Some(answer) = answer else {
            return self.end(Outcome::Refused(Refusal::NoAnswer));
        };
        match Entry::read(answer) {
            Entry::Help => self.help(),
            Entry::Empty => self.try_again(Refusal::NoCode, |tries_left| Remark::Nothing { tries_left }),
            Entry::HostRefuses => {
                self.world.store.rehearse(Record::Changed);
                self.try_again(Refusal::HostRefuses, |tries_left| Remark::Wrong { tries_left })
            }
            entry => self.judge(&entry),
        }
    }

    fn first(&mut self) -> Next {
        let mode = self.world.config.policy.mode;
        if mode == Mode::Off {
            return self.end(Outcome::NotDue(NotDue::Off));
        }
        let account = match self.world.accounts.find(&self.request.user) {
            Ok(Some(account)) => account,
            Ok(None) => {
                self.world.store.rehearse(Record::Unchanged);
                return self.ask(Remark::None);
            }
            Err(error) => return self.unavailable(&error),
        };
        match self.world.store.look(&account) {
            Ok(Some(look)) => {
                journal::report(self.world.journal, &self.request, &look.findings);
                self.subject = Subject::Enrolled(account);
                let gate = self.world.config.limits.gate(look.failures, look.now);
                self.held = (gate != Gate::Open).then_some(gate);
                self.ask(Remark::Held(gate))
            }
            Ok(None) => match (mode, self.world.config.policy.unenrolled) {
                (Mode::IfEnrolled | Mode::Monitor | Mode::Off, _) => self.end(Outcome::NotDue(NotDue::NotEnrolled)),
                (Mode::Required, Unenrolled::Deny) => {
                    self.world.store.rehearse(Record::Unchanged);
                    self.subject = Subject::Nobody(Refusal::NotEnrolled);
                    self.ask(Remark::None)
                }
            },
            Err(error) => self.unavailable(&error),
        }
    }

    fn judge(&mut self, entry: &Entry) -> Next {
        let Subject::Enrolled(account) = &self.subject else {
            self.world.store.rehearse(Record::Changed);
            return self.try_again(Refusal::WrongCode, |tries_left| Remark::Wrong { tries_left });
        };
        let (world, account) = (self.world, account.clone());
        let mut verdict = None;
        let visited = world.store.visit(&account, &mut |now, factors, state| {
            let (found, record) = judge(entry, factors, state, now, world.config);
            verdict = Some((found, world.config.limits.gate(state.failures, now)));
            record
        });
        // Only a visit that went well to its end, sync included, makes the verdict count.
        match (visited, verdict) {
            (Ok(Some(findings)), Some((verdict, gate))) => {
                journal::report(self.world.journal, &self.request, &findings);
                self.follow(verdict, gate)
            }
            (Ok(_), _) => self.unavailable(&"the enrolment was removed meanwhile"),
            (Err(error), _) => self.unavailable(&error),
        }
    }

    /// Goes on after a durable verdict; `gate` is how things stand after it.
    fn follow(&mut self, verdict: Verdict, gate: Gate) -> Next {
        match verdict {
            Verdict::Accepted(proof) => self.proved(&proof),
            Verdict::Wrong => self.judged(Refusal::WrongCode, gate, |tries_left| Remark::Wrong { tries_left }),
            Verdict::Replayed => self.judged(Refusal::ReplayedCode, gate, |tries_left| Remark::Replayed { tries_left }),
            Verdict::Held(gate) => {
                self.log_attempt("held");
                self.held = Some(gate);
                self.try_again(Refusal::NoCode, |_| Remark::Held(gate))
            }
        }
    }

    fn judged(&mut self, refusal: Refusal, gate: Gate, remark: impl Fn(u32) -> Remark) -> Next {
        self.held = None;
        self.log_attempt(Outcome::Refused(refusal).reason());
        if gate == Gate::Locked {
            let line = Line::about("locked", &self.request).with("note", "an administrator must unlock");
            line.write(self.world.journal, Severity::Warning);
        }
        // Where the wrong code itself brought a wait about, the next prompt says so.
        let closed = (gate != Gate::Open).then_some(Remark::Held(gate));
        self.try_again(refusal, |tries_left| closed.unwrap_or_else(|| remark(tries_left)))
    }

    fn try_again(&mut self, refusal: Refusal, remark: impl FnOnce(u32) -> Remark) -> Next {
        self.tries_left = self.tries_left.saturating_sub(1);
        self.last = refusal;
        if self.tries_left > 0 {
            return self.ask(remark(self.tries_left));
        }
        self.end(match (&self.subject, self.held) {
            (Subject::Nobody(refusal), _) => Outcome::Refused(*refusal),
            (Subject::Enrolled(_), Some(_)) => Outcome::Throttled,
            (Subject::Enrolled(_), None) => Outcome::Refused(self.last),
        })
    }

    fn ask(&self, remark: Remark) -> Next {
        let prompt = &self.world.config.prompt;
        Next::Ask(Prompt { text: words::code_prompt(&prompt.code, remark), echo: prompt.echo })
    }

    /// `?` costs no try, but nobody can ask for ever.
    fn help(&mut self) -> Next {
        let Some(left) = self.helps_left.checked_sub(1) else {
            return self.try_again(Refusal::NoCode, |tries_left| Remark::Nothing { tries_left });
        };
        self.helps_left = left;
        let prompt = &self.world.config.prompt;
        Next::Ask(Prompt { text: words::other_ways(self.world.config) + &prompt.code, echo: prompt.echo })
    }

    fn proved(&self, proof: &Proof) -> Next {
        let outcome = Outcome::Proved(proof.method);
        let line = self.line(outcome).with("method", proof.method.name());
        let line = match (&proof.device, proof.recovery_left) {
            (Some(device), _) => line.with("device", device),
            (None, Some(left)) => line.with("recovery_codes_left", &left.to_string()),
            (None, None) => line,
        };
        line.write(self.world.journal, Severity::Info);
        Next::End(Ending { outcome, farewell: proof.recovery_left.map(words::recovery_codes_left) })
    }

    fn unavailable(&self, error: &dyn std::fmt::Display) -> Next {
        let outcome = Outcome::Unavailable;
        self.line(outcome).with("error", &error.to_string()).write(self.world.journal, Severity::Error);
        self.monitored(Ending { outcome, farewell: Some(words::UNAVAILABLE.to_owned()) })
    }

    fn end(&self, outcome: Outcome) -> Next {
        let (severity, farewell) = match outcome {
            Outcome::Proved(_) | Outcome::NotDue(_) => (Severity::Info, None),
            Outcome::Refused(Refusal::NoAnswer) => (Severity::Notice, None),
            Outcome::Refused(_) => (Severity::Notice, Some(words::REFUSED.to_owned())),
            Outcome::Throttled => (Severity::Notice, self.held.map(words::throttled)),
            Outcome::Unavailable => (Severity::Error, Some(words::UNAVAILABLE.to_owned())),
        };
        self.line(outcome).write(self.world.journal, severity);
        self.monitored(Ending { outcome, farewell })
    }

    /// In mode `monitor` nobody is kept out who could have been let in: the log has what would have been.
    fn monitored(&self, ending: Ending) -> Next {
        let known =
            !matches!(self.subject, Subject::Nobody(Refusal::UnknownUser)) || ending.outcome == Outcome::Unavailable;
        let refused = !matches!(ending.outcome, Outcome::Proved(_) | Outcome::NotDue(_));
        if self.world.config.policy.mode == Mode::Monitor && known && refused {
            return Next::End(Ending { outcome: Outcome::NotDue(NotDue::Monitored), farewell: None });
        }
        Next::End(ending)
    }

    /// The one line about the decision.
    fn line(&self, outcome: Outcome) -> Line {
        let line = Line::about("login", &self.request).with("outcome", outcome.name()).with("reason", outcome.reason());
        if self.world.config.policy.mode == Mode::Monitor { line.with("mode", "monitor") } else { line }
    }

    /// An attempt is logged when it is made: the client may be gone before the login has an end.
    fn log_attempt(&self, result: &str) {
        Line::about("attempt", &self.request).with("result", result).write(self.world.journal, Severity::Notice);
    }
}

/// How often `?` is answered in one login.
const HELPS_MAX: u32 = 3;

#[cfg(test)]
mod tests;
