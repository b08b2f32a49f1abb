//! The set-up of an authenticator app in the course of a login, for somebody who has no second factor yet. What a prompt
//! cannot carry, to draw and to save, the tool does. Whoever goes away in the middle leaves nothing.

use twofactor_message::shown;
use zeroize::Zeroizing;

use super::journal::{Line, Severity};
use super::outcome::{Outcome, ProvedBy, Refusal};
use super::{Ending, FirstPass, Login, Next, Prompt, Subject, words};
use crate::account::Account;
use crate::clerk::{Offer, Prepared};
use crate::factor::Method;
use crate::factor::entry::Entry;
use crate::factor::totp::Parameters;
use crate::policy::Unenrolled;
use crate::words::Sentence;

/// A set-up in progress.
pub(super) struct SetUp {
    account: Account,
    /// What proved that they may, if that was a ticket.
    ticket: Option<Zeroizing<String>>,
    offer: Offer,
    stage: Stage,
}

/// What the person has before them.
enum Stage {
    /// The question how they want to see the secret.
    Asked,
    /// The secret as a drawing, by its number.
    Drawn(usize),
    /// The secret as a text.
    Spelt,
    /// Their recovery codes.
    Kept(Prepared),
}

impl Login<'_> {
    /// What becomes of somebody who is not enrolled where everybody must be.
    pub(super) fn newcomer(&mut self, account: Account) -> Next {
        // Where nobody can be asked anything else, or the app would not be taken, nothing can be set up.
        let is_of_use = self.settings().takes(Method::Totp) && self.passing.first != FirstPass::All;
        if self.terms.unenrolled == Unenrolled::Deny || !is_of_use {
            return self.ask_nobody(Refusal::NotEnrolled);
        }
        let now = match self.world.store.now() {
            Ok(now) => now,
            Err(error) => return self.unavailable(&error),
        };
        // A password that is typed together with a code has to be asked for first.
        if matches!(self.terms.unenrolled.at(now), Unenrolled::Enroll { .. }) && !self.passing.forward {
            match self.world.store.needs_ticket(&account) {
                Ok(false) => return self.begin_set_up(account, None),
                Ok(true) => {}
                Err(error) => return self.unavailable(&error),
            }
        }
        self.invited = Some(account);
        self.ask_nobody(Refusal::NotEnrolled)
    }

    /// Lets somebody who is not enrolled begin with a ticket, and says which of these it is; `None` if there is none among
    /// them, and whoever typed them is to be refused like anybody. Eighty bits cannot be guessed, so wrong ones need not be
    /// counted.
    pub(super) fn admit(&mut self, entries: &[Entry]) -> Option<(Next, usize)> {
        let account = self.invited.clone()?;
        for (at, entry) in entries.iter().enumerate() {
            let Entry::Recovery(code) = entry else { continue };
            match self.world.store.is_invited(&account, code.expose()) {
                Ok(true) => {
                    return Some((self.begin_set_up(account, Some(code.grouped())), at));
                }
                Ok(false) => {}
                // Nobody hears of it but the log: that there is an invitation is nothing for strangers.
                Err(error) => {
                    let line = Line::about("set-up", &self.request).with("result", "failed");
                    line.with("error", &error.to_string()).write(self.world.journal, Severity::Error);
                }
            }
        }
        None
    }

    fn begin_set_up(&mut self, account: Account, ticket: Option<Zeroizing<String>>) -> Next {
        let offer = match self.world.clerk.begin(&account) {
            Ok(offer) => offer,
            Err(error) => return self.unavailable(&error),
        };
        self.subject = Subject::Nobody(Refusal::NotEnrolled);
        self.log_set_up(if ticket.is_some() { "begun-by-ticket" } else { "begun" });
        let stage = if offer.is_drawn() { Stage::Asked } else { Stage::Spelt };
        let set_up = SetUp { account, ticket, offer, stage };
        self.show(set_up)
    }

    /// Takes an answer in the course of a set-up.
    pub(super) fn go_on(&mut self, mut set_up: SetUp, answer: &[u8]) -> Next {
        set_up.stage = match (answer.trim_ascii(), set_up.stage) {
            // An ssh client whose terminal has gone answers with nothing: that is nobody's word.
            (b"ok" | b"OK" | b"Ok", Stage::Kept(prepared)) => {
                return self.finish(&set_up.account, set_up.ticket.is_some(), &prepared);
            }
            (_, kept @ Stage::Kept(_)) => kept,
            (b"t" | b"T" | b"?", _) => Stage::Spelt,
            (b"i" | b"I", Stage::Drawn(number)) => Stage::Drawn(1 - number.min(1)),
            (b"i" | b"I", _) => Stage::Drawn(1),
            (b"q" | b"Q", _) | (b"", Stage::Asked) => Stage::Drawn(0),
            (b"", shown) => shown,
            (_, shown) => {
                set_up.stage = shown;
                return self.prove(set_up, answer);
            }
        };
        // To look at it another way costs no try, but nobody can go on so for ever.
        if !self.detour() && !self.has_another_try(Refusal::NoCode) {
            return self.refuse();
        }
        self.show(set_up)
    }

    fn prove(&mut self, set_up: SetUp, answer: &[u8]) -> Next {
        let ticket = set_up.ticket.as_ref().map(|ticket| ticket.as_str());
        let prepared = match Entry::read(answer) {
            Entry::Digits(code) => self.world.clerk.prepare(&set_up.account, &set_up.offer.secret, &code, ticket),
            _ => Ok(None),
        };
        match prepared {
            Ok(Some(prepared)) if prepared.recovery_codes.is_empty() => {
                self.finish(&set_up.account, set_up.ticket.is_some(), &prepared)
            }
            Ok(Some(prepared)) => self.show(SetUp { stage: Stage::Kept(prepared), ..set_up }),
            Ok(None) => {
                self.log_set_up("wrong-code");
                if !self.has_another_try(Refusal::WrongCode) {
                    return self.refuse();
                }
                let words = self.words();
                let tries = words::tries(self.tries_left, words);
                let wrong = words.fill(Sentence::SetUpWrong, &[("tries", &tries)]);
                let text = format!("\n{wrong}\n{}", words.prompt(Sentence::SetUpCode)).into();
                self.set_up = Some(set_up);
                Next::Ask(Prompt { text, echo: self.world.config.prompt.echo })
            }
            Err(error) => self.unavailable(&error),
        }
    }

    /// A prompt with what the person is to have before them. The first line is for the client: OpenSSH says there whose
    /// prompt it is.
    fn show(&mut self, set_up: SetUp) -> Next {
        let (words, config) = (self.words(), self.world.config);
        let mut text = Zeroizing::new(String::with_capacity(PROMPT_BYTES));
        text.push('\n');
        let mut say = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        let (question, echo) = match &set_up.stage {
            Stage::Asked => {
                say(&words.say(Sentence::SetUpNeeded));
                (Sentence::SetUpHow, true)
            }
            Stage::Drawn(number) if set_up.offer.is_drawn() => {
                say(set_up.offer.drawings.get(*number).map_or("", |drawing| drawing.trim_end_matches('\n')));
                (Sentence::SetUpCode, config.prompt.echo)
            }
            Stage::Drawn(_) | Stage::Spelt => {
                let places = [("user", &*shown(set_up.account.name.as_str())), ("issuer", &config.issuer)];
                say(&words.fill(Sentence::SetUpByHand, &places));
                if let (Some(period), true) = (config.totp.period_seconds(), config.totp != Parameters::COMMON) {
                    let places = [
                        ("digits", &*config.totp.digits.count().to_string()),
                        ("period", &words.fill(Sentence::Seconds, &[("seconds", &period.to_string())])),
                        ("algorithm", config.totp.algorithm.name()),
                    ];
                    say(&words.fill(Sentence::SetUpParameters, &places));
                }
                for line in ["", &set_up.offer.secret, ""] {
                    say(line);
                }
                (Sentence::SetUpCode, config.prompt.echo)
            }
            Stage::Kept(prepared) => {
                say(&words.say(Sentence::SetUpKeep));
                for line in ["", prepared.recovery_codes.trim_end_matches('\n'), ""] {
                    say(line);
                }
                (Sentence::SetUpKept, true)
            }
        };
        text.push_str(&words.prompt(question));
        self.set_up = Some(set_up);
        Next::Ask(Prompt { text, echo })
    }

    /// A ticket proves by itself, and is good no more once the enrolment is saved. Without one it is saved when the host
    /// has let them in: whether they know the password, a module cannot know. That they were let in so is durable before:
    /// some hosts go on though nothing could be saved, and others never ask for it.
    fn finish(&mut self, account: &Account, is_by_ticket: bool, prepared: &Prepared) -> Next {
        let (name, sealed) = (account.name.as_str(), prepared.sealed.as_str());
        let clerk = self.world.clerk;
        let done = if is_by_ticket { clerk.confirm(name, sealed) } else { clerk.reserve(name, sealed) };
        if let Err(error) = done {
            return self.unavailable(&error);
        }
        if !is_by_ticket {
            self.enrolment = Some(Zeroizing::new(format!("{name}:{sealed}")));
        }
        self.log_set_up(if is_by_ticket { "saved" } else { "prepared" });
        let outcome = Outcome::Proved(ProvedBy::SetUp);
        self.line(outcome).with("method", ProvedBy::SetUp.name()).write(self.world.journal, Severity::Info);
        Next::End(Ending { outcome, farewell: None })
    }

    fn log_set_up(&self, result: &str) {
        Line::about("set-up", &self.request).with("result", result).write(self.world.journal, Severity::Notice);
    }
}

/// More than a QR code and the words around it.
const PROMPT_BYTES: usize = 8 * 1024;
