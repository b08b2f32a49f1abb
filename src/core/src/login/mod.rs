//! One login, as a state machine: it is told who asks, it answers with a prompt, it is told the answer, and so on
//! until it answers with an [`Ending`]. Nothing is locked or kept open while a person thinks.

mod combined;
mod ending;
mod journal;
mod judge;
mod outcome;
mod place;
mod rescue;
mod sending;
mod setup;
mod ways;
mod words;

pub use combined::{FirstPass, Passing};
pub use journal::{Journal, Severity};
pub use outcome::{NotDue, Outcome, ProvedBy, Refusal};

use std::cell::OnceCell;

use twofactor_message::{Language, Occasion};
use zeroize::Zeroizing;

use crate::account::Account;
use crate::clerk::Clerk;
use crate::clock::UnixTime;
use crate::config::Config;
use crate::courier::Courier;
use crate::enrolment::Factors;
use crate::factor::entry::Entry;
use crate::policy::{Circumstances, Mode, Terms, Unenrolled, address};
use crate::secret::Secret;
use crate::state::{Channel, State};
use crate::store::{Record, Store, StoreError, contacts};
use crate::sys::{self, Accounts, Entropy, LookUpError, Surroundings};
use crate::throttle::Gate;
use crate::words::{Sentence, Words};
use journal::Line;
use judge::{Judged, Settings, Verdict, judge};
use sending::Outgoing;
use setup::SetUp;
use ways::{CHOICE_MAX_DIGITS, Way};
use words::{Remark, Slip};

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
    /// Who asks, where that is somebody else.
    pub ruser: Option<String>,
    /// What sshd says of what has been proved to it, SSH_AUTH_INFO_0.
    pub ssh_auth: Option<String>,
    /// Whether the host is known to refuse them whatever they prove: nothing may be sent to anyone then.
    pub is_refused: bool,
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
    /// What carries messages.
    pub courier: &'w dyn Courier,
    /// What helps who sets up an app.
    pub clerk: &'w dyn Clerk,
    /// Random numbers.
    pub entropy: &'w dyn Entropy,
    /// The process and the machine.
    pub surroundings: &'w dyn Surroundings,
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
    /// The whole text, which may have a secret in it.
    pub text: Zeroizing<String>,
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
    /// What holds, and the number of the rule that says so.
    terms: &'w Terms,
    rule: Option<usize>,
    /// What a success is remembered for, if it is.
    place: Option<Vec<u8>>,
    /// How passwords pass from module to module.
    passing: Passing,
    /// What stood before the code.
    password: Option<Secret>,
    /// The last answer with a password in it.
    combined: Option<Secret>,
    /// What they have chosen to be spoken to in, once somebody is known to have.
    language: Option<Language>,
    /// What can be chosen after `?`.
    ways: Vec<Way>,
    tries_left: u32,
    detours_left: u32,
    /// Whether the ways were shown, so that a short number is a choice.
    is_menu_open: bool,
    /// Whether somebody who is not enrolled has asked the administrator.
    asked: bool,
    /// Who may begin with a ticket.
    invited: Option<Account>,
    /// What somebody without a second factor is setting up.
    set_up: Option<SetUp>,
    /// What they have set up.
    enrolment: Option<Zeroizing<String>>,
    /// What is being sent.
    outgoing: Vec<Outgoing>,
    /// What the person has to hear of with the next prompt.
    bad_news: Option<Remark>,
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
    pub fn begin(world: World<'w>, request: Request, passing: Passing) -> (Self, Next) {
        let mut login = Self {
            world,
            request,
            subject: Subject::Nobody(Refusal::UnknownUser),
            terms: &UNDECIDED,
            rule: None,
            place: None,
            passing,
            password: None,
            combined: None,
            language: None,
            ways: Vec::new(),
            tries_left: world.config.tries,
            detours_left: DETOURS_MAX,
            is_menu_open: false,
            asked: false,
            invited: None,
            set_up: None,
            enrolment: None,
            outgoing: Vec::new(),
            bad_news: None,
            last: Refusal::NoAnswer,
            held: None,
        };
        let next = login.first();
        if matches!(next, Next::End(_)) {
            login.let_go();
        }
        (login, next)
    }

    /// Judges an answer; `None` where the host had none (the person pressed Ctrl-D or went away).
    pub fn answer(&mut self, answer: Option<&[u8]>) -> Next {
        self.collect();
        let next = self.react(answer);
        if matches!(next, Next::End(_)) {
            self.let_go();
        }
        next
    }

    /// The password that stood before the code, for the next module; `None` where none is forwarded.
    pub fn take_password(&mut self) -> Option<Secret> {
        self.password.take().filter(|_| self.passing.forward)
    }

    /// What was set up, to be saved once the host has let them in; `None` if there is nothing to save.
    pub fn take_enrolment(&mut self) -> Option<Zeroizing<String>> {
        self.enrolment.take()
    }

    fn react(&mut self, answer: Option<&[u8]>) -> Next {
        let Some(answer) = answer else {
            return self.end(Outcome::Refused(Refusal::NoAnswer));
        };
        if let Some(set_up) = self.set_up.take() {
            return self.go_on(set_up, answer);
        }
        match Entry::read(answer) {
            Entry::Help => self.help(),
            Entry::Empty => self.try_again(Refusal::NoCode, Slip::Nothing),
            Entry::HostRefuses => {
                self.world.store.rehearse(Record::Changed);
                self.try_again(Refusal::HostRefuses, Slip::Wrong)
            }
            Entry::Digits(number) if self.is_menu_open && number.len() <= CHOICE_MAX_DIGITS => self.choose(&number),
            _ if self.passing.forward => self.judge_combined(answer, combined::split(answer)),
            entry => self.judge(&[entry]).0,
        }
    }

    /// Judges what may be a password with a code behind it, as one attempt.
    fn judge_combined(&mut self, answer: &[u8], ways: Vec<(usize, Entry)>) -> Next {
        // A client that has one answer gives it to every prompt: one slip of the finger is one failure.
        if self.held.is_none() && self.combined.as_ref().is_some_and(|before| before.expose() == answer) {
            return self.try_again(self.last, Slip::Wrong);
        }
        self.combined = Some(Secret::new(answer.to_vec()));
        let (mut lengths, mut entries) = (Vec::new(), Vec::new());
        for (length, entry) in ways {
            lengths.push(length);
            entries.push(entry);
        }
        // Where nobody is kept out, the password goes on as it most likely is: before six digits.
        let likely = lengths.last().copied();
        if entries.is_empty() {
            entries.push(Entry::Nonsense);
        }
        let (next, by) = self.judge(&entries);
        let length = by.and_then(|by| lengths.get(by).copied()).or(likely).unwrap_or(answer.len());
        self.password = answer.get(..length).map(|password| Secret::new(password.to_vec()));
        next
    }

    /// What was typed for a module before, if it is to be tried; `None` if somebody has to be asked.
    fn first_pass(&mut self) -> Option<Next> {
        if self.passing.first == FirstPass::Ignored {
            return None;
        }
        let typed = self.passing.first_pass.take();
        let ways = typed.as_ref().map(|typed| combined::split_password(typed.expose())).unwrap_or_default();
        let next = match typed.filter(|_| !ways.is_empty()) {
            Some(typed) => self.judge_combined(typed.expose(), ways),
            None if self.passing.first == FirstPass::All => {
                self.last = Refusal::NoCode;
                return Some(self.refuse());
            }
            None => return None,
        };
        match (next, self.passing.first) {
            (Next::Ask(_), FirstPass::All) => Some(self.refuse()),
            // Whoever has to be sent a code has not had one yet.
            (Next::Ask(_), _)
                if matches!(self.ways.first(), Some(Way::Send(_))) && self.held.is_none() && self.set_up.is_none() =>
            {
                None
            }
            (next, _) => Some(next),
        }
    }

    fn first(&mut self) -> Next {
        let World { config, accounts, surroundings, .. } = self.world;
        if config.policy.rules.is_empty() {
            self.terms = &config.policy.otherwise;
        }
        if config.policy.is_off_for_all() {
            return self.end(Outcome::NotDue(NotDue::Off));
        }
        let found = accounts.find(&self.request.user);
        let found = match found.and_then(|found| self.decide(found.as_ref()).map(|()| found)) {
            Ok(found) => found,
            Err(error) => return self.unavailable(&error),
        };
        if self.terms.mode == Mode::Off {
            return self.end(Outcome::NotDue(NotDue::Off));
        }
        let account = match found {
            Some(account) if !self.request.is_refused => account,
            Some(_) => return self.ask_nobody(Refusal::HostRefuses),
            None => return self.ask_nobody(Refusal::UnknownUser),
        };
        let remember = self.terms.remember_seconds;
        self.place = remember.and_then(|_| place::place(&self.request, self.settings().methods(), surroundings));
        let (settings, mut gate, mut is_remembered) = (self.settings(), Gate::Open, false);
        let (mut ways, mut language) = (Vec::new(), None);
        let looked = self.world.store.look(&account, &mut |now, factors, state| {
            ways = ways::of_contacts(&contacts(factors), settings);
            gate = config.limits.gate(state.failures, now);
            is_remembered = settings.is_remembered(factors, state, now);
            language = factors.language;
        });
        (self.ways, self.language) = (ways, language);
        match looked {
            Ok(Some(findings)) => {
                journal::report(self.world.journal, &self.request, &findings);
                self.subject = Subject::Enrolled(account);
                match (gate, is_remembered) {
                    (Gate::Open, true) => return self.end(Outcome::NotDue(NotDue::Remembered)),
                    (Gate::Open, false) => return self.ask_first(),
                    (Gate::Wait { .. } | Gate::Locked, _) => {}
                }
                self.held = Some(gate);
                self.first_pass().unwrap_or_else(|| self.ask(&Remark::Held(gate)))
            }
            Ok(None) => match self.terms.mode {
                Mode::IfEnrolled | Mode::Monitor | Mode::Off => self.end(Outcome::NotDue(NotDue::NotEnrolled)),
                Mode::Required => self.newcomer(account),
            },
            Err(error) => self.unavailable(&error),
        }
    }

    /// Finds out what holds for this login. Somebody who does not exist is in no group.
    fn decide(&mut self, account: Option<&Account>) -> Result<(), LookUpError> {
        let (World { config, accounts, .. }, request) = (self.world, &self.request);
        let known = OnceCell::new();
        let groups = || {
            let Some(account) = account else { return Ok(&[][..]) };
            if known.get().is_none() {
                let _ = known.set(accounts.groups(account)?);
            }
            Ok(known.get().map_or(&[][..], Vec::as_slice))
        };
        let circumstances = Circumstances::<'_, LookUpError> {
            service: &request.service,
            user: account.map_or(&request.user, |account| account.name.as_str()),
            groups: &groups,
            rhost: request.rhost.as_deref().and_then(address),
            tty: request.tty.as_deref(),
            ssh_auth: request.ssh_auth.as_deref(),
        };
        (self.rule, self.terms) = config.policy.decide(&circumstances)?;
        Ok(())
    }

    /// What answers are judged by.
    fn settings(&self) -> Settings<'_> {
        Settings { config: self.world.config, terms: self.terms, place: self.place.as_deref() }
    }

    /// Asks somebody who will be refused whatever they answer, as anybody else would be asked.
    fn ask_nobody(&mut self, refusal: Refusal) -> Next {
        self.subject = Subject::Nobody(refusal);
        self.world.store.rehearse(Record::Unchanged);
        let number = self.world.store.decoy(&self.request.user);
        self.ways = ways::of_nobody(&self.request.user, number, self.settings());
        self.ask_first()
    }

    /// The first prompt. If the way in front is a code that is sent, it is sent now.
    fn ask_first(&mut self) -> Next {
        if let Some(next) = self.first_pass() {
            return next;
        }
        let remark = match self.ways.first().cloned() {
            Some(Way::Send(dispatch)) if dispatch.channel != Channel::Rescue => self.dispatch(&dispatch),
            _ => Remark::None,
        };
        self.ask(&remark)
    }

    /// Judges an answer, or all that it can be read as, as one attempt. Answers also which of them was right.
    fn judge(&mut self, entries: &[Entry]) -> (Next, Option<usize>) {
        let Subject::Enrolled(account) = &self.subject else {
            self.world.store.rehearse(Record::Changed);
            return match self.admit(entries) {
                Some((next, by)) => (next, Some(by)),
                None => (self.try_again(Refusal::WrongCode, Slip::Wrong), None),
            };
        };
        let settings = self.settings();
        match self.visit(account, |now, factors, state| judge(entries, factors, state, now, settings)) {
            Ok(Some(judged)) => {
                if let Some(news) = &judged.news {
                    self.tell(news, judged.now);
                }
                let by = judged.by;
                (self.follow(judged), by)
            }
            Ok(None) => (self.unavailable(&REMOVED), None),
            Err(error) => (self.unavailable(&error), None),
        }
    }

    /// What `judge` finds under the lock; `None` if the enrolment was removed. Only a visit that went well to its end,
    /// sync included, makes it count.
    fn visit<T>(
        &self,
        account: &Account,
        mut judge: impl FnMut(UnixTime, &Factors, &mut State) -> (T, Record),
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        let findings = self.world.store.visit(account, &mut |now, factors, state| {
            let (finding, record) = judge(now, factors, state);
            found = Some(finding);
            record
        })?;
        let Some(findings) = findings else { return Ok(None) };
        journal::report(self.world.journal, &self.request, &findings);
        Ok(found)
    }

    /// Goes on after a durable verdict.
    fn follow(&mut self, Judged { verdict, gate, .. }: Judged) -> Next {
        match verdict {
            Verdict::Accepted(proof) => self.proved(&proof),
            Verdict::Wrong { voided: false } => self.judged(Refusal::WrongCode, gate, Slip::Wrong),
            Verdict::Wrong { voided: true } => self.judged(Refusal::WrongCode, gate, Slip::Voided),
            Verdict::Replayed => self.judged(Refusal::ReplayedCode, gate, Slip::Replayed),
            Verdict::Expired => self.judged(Refusal::ExpiredCode, gate, Slip::Expired),
            Verdict::Lost => self.judged(Refusal::CounterUnknown, gate, Slip::Lost),
            Verdict::Held(gate) => {
                self.log_attempt("held");
                self.held = Some(gate);
                if self.has_another_try(Refusal::NoCode) { self.ask(&Remark::Held(gate)) } else { self.refuse() }
            }
        }
    }

    fn judged(&mut self, refusal: Refusal, gate: Gate, slip: Slip) -> Next {
        self.held = None;
        self.log_attempt(Outcome::Refused(refusal).reason());
        if gate == Gate::Locked {
            let line = Line::about("locked", &self.request).with("note", "an administrator must unlock");
            line.write(self.world.journal, Severity::Warning);
        }
        if !self.has_another_try(refusal) {
            return self.refuse();
        }
        // Where the wrong code itself brought a wait about, the next prompt says so.
        let tries_left = self.tries_left;
        self.ask(&if gate == Gate::Open { Remark::Again { slip, tries_left } } else { Remark::Held(gate) })
    }

    fn try_again(&mut self, refusal: Refusal, slip: Slip) -> Next {
        if !self.has_another_try(refusal) {
            return self.refuse();
        }
        let tries_left = self.tries_left;
        self.ask(&Remark::Again { slip, tries_left })
    }

    fn has_another_try(&mut self, refusal: Refusal) -> bool {
        self.tries_left = self.tries_left.saturating_sub(1);
        self.last = refusal;
        self.tries_left > 0
    }

    fn refuse(&self) -> Next {
        self.end(match (&self.subject, self.held) {
            (Subject::Nobody(refusal), _) => Outcome::Refused(*refusal),
            (Subject::Enrolled(_), Some(_)) => Outcome::Throttled,
            (Subject::Enrolled(_), None) => Outcome::Refused(self.last),
        })
    }

    /// What a message about this login says.
    fn occasion(&self, at: UnixTime) -> Occasion {
        let Request { user, service, rhost, tty, .. } = self.request.clone();
        let (host, issuer) = (sys::host_name(), self.world.config.issuer.clone());
        Occasion { user, service, rhost, tty, at: at.0, host, issuer, language: self.words().language() }
    }

    /// The words for whoever is at the prompt.
    fn words(&self) -> Words<'w> {
        self.world.config.words(self.language)
    }

    /// A prompt. That a code could not be sent is said as well.
    fn ask(&mut self, remark: &Remark) -> Next {
        let bad_news = self.bad_news.take().unwrap_or(Remark::None);
        let (words, prompt) = (self.words(), &self.world.config.prompt);
        let (configured, sentence) = match self.passing.forward {
            true => (&prompt.combined, Sentence::CombinedPrompt),
            false => (&prompt.code, Sentence::CodePrompt),
        };
        let beginning = configured.clone().unwrap_or_else(|| words.prompt(sentence));
        let text = words::prompt(&beginning, &bad_news, remark, self.world.config, words);
        Next::Ask(Prompt { text: text.into(), echo: prompt.echo })
    }

    /// `?` and what is chosen after it cost no try, but nobody can go on so for ever.
    fn detour(&mut self) -> bool {
        let left = self.detours_left.checked_sub(1);
        self.detours_left = left.unwrap_or_default();
        left.is_some()
    }

    fn help(&mut self) -> Next {
        if !self.detour() {
            return self.try_again(Refusal::NoCode, Slip::Nothing);
        }
        self.is_menu_open = true;
        match self.ask(&Remark::Choose) {
            Next::Ask(prompt) => {
                let text = words::menu(&self.ways, self.words()) + &prompt.text;
                Next::Ask(Prompt { text: text.into(), ..prompt })
            }
            end @ Next::End(_) => end,
        }
    }

    fn choose(&mut self, number: &str) -> Next {
        if !self.detour() {
            return self.try_again(Refusal::NoCode, Slip::Nothing);
        }
        let remark = match ways::chosen(&self.ways, number).cloned() {
            None => Remark::NoSuchWay,
            Some(Way::App) => Remark::FromApp,
            Some(Way::Token) => Remark::FromToken,
            Some(Way::Recovery) => Remark::FromSheet,
            Some(Way::Send(dispatch)) => self.dispatch(&dispatch),
            Some(Way::Administrator(address)) => self.ask_administrator(&address),
        };
        self.ask(&remark)
    }
}

/// What holds as long as nobody knows what holds.
static UNDECIDED: Terms =
    Terms { mode: Mode::Required, unenrolled: Unenrolled::Deny, methods: None, remember_seconds: None };
/// Why somebody who was enrolled a moment ago cannot be judged.
const REMOVED: &str = "the enrolment was removed meanwhile";
/// How often `?` and what is chosen after it are answered in one login.
const DETOURS_MAX: u32 = 8;

#[cfg(test)]
mod tests;
