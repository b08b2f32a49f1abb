//! The whole conversation against records in memory.

mod setup;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::*;
use crate::account::UserName;
use crate::clerk::{ClerkError, Offer, Prepared};
use crate::clock::{ClockError, UnixTime};
use crate::courier::{Delivery, Parcel};
use crate::enrolment::{DeviceId, Enrolment, Factor, Factors, Means};
use crate::factor::recovery::{Digest, RecoveryCode};
use crate::factor::totp::{Key, Parameters};
use crate::factor::{Label, Method};
use crate::keyring::{DigestKey, KeyNumber};
use crate::secret::Secret;
use crate::state::{BYPASS_PURPOSE, Issued, State};
use crate::store::{Findings, Judge, Pace, Regard, StoreError};
use crate::sys::{EntropyError, FileError, LookUpError, Problem};
use twofactor_message::{Mail, Report, Trouble, TroubleKind};

/// RFC 6238's seed at its first time: the code of six digits is 287082.
const SEED: &[u8] = b"12345678901234567890";
const CODE: &[u8] = b"287082";
const RECOVERY: &str = "0123456789abcdef";
const SCRATCH: &[u8] = b"44556677";
const TICKET: &str = "t1cket0012345678";
const BY_APP: Outcome = Outcome::Proved(ProvedBy::Method(Method::Totp));
const BY_SHEET: Outcome = Outcome::Proved(ProvedBy::Method(Method::Recovery));
const BY_MAIL: Outcome = Outcome::Proved(ProvedBy::Method(Method::Email));
const PHONE: DeviceId = DeviceId(1);
const MAILBOX: DeviceId = DeviceId(2);

struct World {
    config: Config,
    now: Cell<u64>,
    state: RefCell<Option<State>>,
    broken: Cell<bool>,
    rehearsals: Cell<u32>,
    log: RefCell<Vec<(Severity, String)>>,
    /// Whether alice has a mailbox, and begins with it.
    has_mailbox: Cell<bool>,
    has_scratch_code: Cell<bool>,
    /// What alice has chosen to be spoken to in.
    language: Cell<Option<Language>>,
    /// What the post office does with a mail.
    post: Cell<Post>,
    mails: Rc<RefCell<Vec<Mail>>>,
    pauses: RefCell<Vec<Duration>>,
    drawn: Cell<u8>,
    groups: RefCell<Vec<String>>,
    /// They are asked for once at the most.
    groups_asked: Cell<bool>,
    groups_lost: Cell<bool>,
    rhost: RefCell<Option<String>>,
    /// Whether alice has a ticket, if she is not enrolled.
    is_invited: Cell<bool>,
    tool: Cell<Tool>,
    /// What was saved in the course of a login.
    saved: RefCell<Vec<String>>,
    /// What was set up without a ticket.
    reserved: RefCell<Vec<String>>,
}

/// What the tool does for somebody who sets up an app.
#[derive(Clone, Copy, PartialEq)]
enum Tool {
    Works,
    IsMissing,
    /// Because the disk is full, say.
    CannotPrepare,
    /// Because the ticket was used meanwhile, say.
    CannotSave,
}

#[derive(Clone, Copy)]
enum Post {
    Takes,
    Refuses,
    /// Is not there.
    IsClosed,
    /// Has not answered before the prompt, and then refuses.
    IsSlowAndRefuses,
    /// Does not answer while the login lasts.
    IsSilent,
}

struct Posted {
    post: Post,
    waits: u32,
}

impl World {
    fn with(config: &str) -> Self {
        let enrolment = Enrolment::empty(account());
        let mut state = State::fresh(&enrolment);
        state.introduce(PHONE, None);
        Self {
            config: Config::parse(format!("# \n{config}").as_bytes()).unwrap(),
            now: Cell::new(59),
            state: RefCell::new(Some(state)),
            broken: Cell::new(false),
            rehearsals: Cell::new(0),
            log: RefCell::default(),
            has_mailbox: Cell::new(false),
            has_scratch_code: Cell::new(false),
            language: Cell::new(None),
            post: Cell::new(Post::Takes),
            mails: Rc::default(),
            pauses: RefCell::default(),
            drawn: Cell::new(0),
            groups: RefCell::default(),
            groups_asked: Cell::new(false),
            groups_lost: Cell::new(false),
            rhost: RefCell::default(),
            is_invited: Cell::new(false),
            tool: Cell::new(Tool::Works),
            saved: RefCell::default(),
            reserved: RefCell::default(),
        }
    }

    /// Somebody whose codes are mailed, and who has an app besides.
    fn with_mailbox(config: &str) -> Self {
        let world = Self::with(config);
        world.has_mailbox.set(true);
        world.now.set(100_000);
        world
    }

    /// The code of the last mail, as a person reads it.
    fn mailed(&self) -> Vec<u8> {
        let mails = self.mails.borrow();
        mails.last().unwrap().subject.split(' ').next().unwrap().as_bytes().to_vec()
    }

    fn world(&self) -> super::World<'_> {
        let Self { config, .. } = self;
        super::World {
            config,
            store: self,
            accounts: self,
            journal: self,
            courier: self,
            clerk: self,
            entropy: self,
            surroundings: self,
        }
    }

    fn unenrolled(config: &str) -> Self {
        Self { state: RefCell::new(None), ..Self::with(config) }
    }

    fn fail_times(self, count: u32) -> Self {
        if let Some(state) = self.state.borrow_mut().as_mut() {
            state.failures.count = count;
            state.failures.last = UnixTime(self.now.get());
        }
        self
    }

    fn request(&self, user: &str) -> Request {
        Request { rhost: self.rhost.borrow().clone(), ..request(user) }
    }

    fn failures(&self) -> u32 {
        self.state.borrow().as_ref().map_or(0, |state| state.failures.count)
    }

    /// Answers prompts in order until the login ends; every answer must be asked for.
    fn login_as(&self, user: &str, answers: &[Option<&[u8]>]) -> (Vec<String>, Ending) {
        let (mut login, mut next) = Login::begin(self.world(), self.request(user), Passing::default());
        let (mut prompts, mut answers) = (Vec::new(), answers.iter());
        let ending = loop {
            match next {
                Next::End(ending) => break ending,
                Next::Ask(prompt) => {
                    prompts.push(prompt.text.to_string());
                    next = login.answer(*answers.next().expect("one prompt more than answers"));
                }
            }
        };
        assert_eq!(answers.count(), 0, "answers that nobody asked for");
        (prompts, ending)
    }

    fn login(&self, answers: &[Option<&[u8]>]) -> (Vec<String>, Ending) {
        self.login_as("alice", answers)
    }

    fn outcome(&self, answers: &[Option<&[u8]>]) -> Outcome {
        self.login(answers).1.outcome
    }

    fn log(&self) -> String {
        self.log.borrow().iter().map(|(_, line)| format!("{line}\n")).collect()
    }
}

impl Store for World {
    fn look(&self, account: &Account, regard: Regard<'_>) -> Result<Option<Findings>, StoreError> {
        self.visit(account, &mut |now, factors, state| {
            regard(now, factors, state);
            Record::Unchanged
        })
    }

    fn visit(&self, _: &Account, judge: Judge<'_>) -> Result<Option<Findings>, StoreError> {
        let broken = || FileError::new(std::path::Path::new("/state/alice"), Problem::Empty).into();
        let Some(mut state) = self.state.borrow().clone() else {
            return if self.broken.get() { Err(broken()) } else { Ok(None) };
        };
        let digest_key = || Secret::new(vec![7; 32]);
        let mut digests = vec![RecoveryCode::read(RECOVERY).unwrap().digest(&digest_key())];
        digests.extend(self.has_scratch_code.get().then(|| Digest::of(SCRATCH, &digest_key())));
        let factor = |id, label: &str, means| Factor { id, label: Label::try_from(label.to_owned()).unwrap(), means };
        let app = Key::new(&Secret::new(SEED.to_vec()), Parameters::COMMON).unwrap();
        let mut devices = vec![factor(PHONE, "phone", Means::Otp(app))];
        if self.has_mailbox.get() {
            devices.insert(0, factor(MAILBOX, "mail", Means::Email("alice@example.org".parse().unwrap())));
        }
        let digest_keys = vec![DigestKey { number: KeyNumber::try_from(1).unwrap(), secret: digest_key() }];
        let (recovery, language) = (Some((digest_key(), digests)), self.language.get());
        let factors = Factors { devices, recovery, digest_keys, generation: 1, language };
        let record = judge(UnixTime(self.now.get()), &factors, &mut state);
        if self.broken.get() {
            return Err(broken());
        }
        if record == Record::Changed {
            *self.state.borrow_mut() = Some(state);
        }
        Ok(Some(Findings::default()))
    }

    fn now(&self) -> Result<UnixTime, ClockError> {
        Ok(UnixTime(self.now.get()))
    }

    fn needs_ticket(&self, _: &Account) -> Result<bool, StoreError> {
        Ok(self.is_invited.get() || !self.reserved.borrow().is_empty())
    }

    fn is_invited(&self, _: &Account, ticket: &[u8]) -> Result<bool, StoreError> {
        Ok(self.is_invited.get() && RecoveryCode::read(TICKET).unwrap().expose() == ticket)
    }

    fn rehearse(&self, record: Record) {
        if record == Record::Changed {
            self.rehearsals.set(self.rehearsals.get() + 1);
        }
    }

    fn decoy(&self, _: &str) -> u32 {
        56
    }

    fn pace(&self, _: Channel, _: u8) -> Pace {
        Pace { duration: Duration::from_millis(70), failed: false }
    }

    fn keep_pace(&self, _: Channel, _: Pace) {}
}

impl Courier for World {
    fn send(&self, parcel: Parcel) -> Box<dyn Delivery> {
        let Parcel::Letter(letter) = parcel else { panic!("no letter") };
        self.mails.borrow_mut().push(letter.compose());
        Box::new(Posted { post: self.post.get(), waits: 0 })
    }

    fn pause(&self, duration: Duration) {
        self.pauses.borrow_mut().push(duration);
    }
}

impl Delivery for Posted {
    fn wait(&mut self, _: Duration) -> Option<twofactor_message::Verdict> {
        self.waits += 1;
        let trouble = match self.post {
            Post::Takes => None,
            Post::IsSilent => return None,
            Post::IsSlowAndRefuses if self.waits == 1 => return None,
            Post::Refuses | Post::IsSlowAndRefuses => {
                Some(Trouble { kind: TroubleKind::Refused, detail: "RCPT TO: 550".to_owned() })
            }
            Post::IsClosed => Some(Trouble { kind: TroubleKind::Unreachable, detail: "connect".to_owned() }),
        };
        let reports = vec![Report { route: "smtp".to_owned(), trouble }];
        Some(twofactor_message::Verdict { reports, conversation: Vec::new() })
    }

    fn let_go(mut self: Box<Self>) -> Option<twofactor_message::Verdict> {
        self.wait(Duration::ZERO)
    }
}

impl Clerk for World {
    fn begin(&self, _: &Account) -> Result<Offer, ClerkError> {
        if self.tool.get() == Tool::IsMissing {
            return Err(ClerkError::new("/usr/bin/twofactor: cannot start it"));
        }
        let drawings = ["DARK\n", "LIGHT\n"].map(|drawing| Zeroizing::new(drawing.to_owned()));
        Ok(Offer { secret: Zeroizing::new("GEZD GNBV".to_owned()), drawings })
    }

    fn prepare(
        &self,
        _: &Account,
        secret: &str,
        code: &str,
        ticket: Option<&str>,
    ) -> Result<Option<Prepared>, ClerkError> {
        assert_eq!((secret, ticket.is_some()), ("GEZD GNBV", self.is_invited.get()));
        if self.tool.get() == Tool::CannotPrepare {
            return Err(ClerkError::new("the disk is full"));
        }
        let recovery_codes = Zeroizing::new("abcd-efgh\nijkl-mnop\n".to_owned());
        let sealed = Zeroizing::new("1:5ea1".to_owned());
        Ok((code.as_bytes() == CODE).then_some(Prepared { recovery_codes, sealed }))
    }

    fn reserve(&self, name: &str, sealed: &str) -> Result<(), ClerkError> {
        if self.tool.get() == Tool::CannotSave {
            return Err(ClerkError::new("there is no such invitation"));
        }
        self.reserved.borrow_mut().push(format!("{name} {sealed}"));
        Ok(())
    }

    fn confirm(&self, name: &str, sealed: &str) -> Result<(), ClerkError> {
        if self.tool.get() == Tool::CannotSave {
            return Err(ClerkError::new("the ticket was used"));
        }
        self.saved.borrow_mut().push(format!("{name} {sealed}"));
        Ok(())
    }
}

/// Not random, but never the same twice.
impl Entropy for World {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        buffer.fill_with(|| {
            self.drawn.set(self.drawn.get().wrapping_add(1) % 241);
            self.drawn.get()
        });
        Ok(())
    }
}

impl Accounts for World {
    fn find(&self, name: &str) -> Result<Option<Account>, LookUpError> {
        Ok((name == "alice").then(account))
    }

    fn groups(&self, _: &Account) -> Result<Vec<String>, LookUpError> {
        if self.groups_asked.replace(true) || self.groups_lost.get() {
            return Err(nix::Error::EIO.into());
        }
        Ok(self.groups.borrow().clone())
    }
}

impl Surroundings for World {
    fn boot(&self) -> Option<Vec<u8>> {
        Some(b"boot".to_vec())
    }

    fn session(&self) -> Option<Vec<u8>> {
        None
    }
}

impl Journal for World {
    fn write(&self, severity: Severity, line: &str) {
        self.log.borrow_mut().push((severity, line.to_owned()));
    }
}

fn request(user: &str) -> Request {
    Request {
        user: user.to_owned(),
        service: "sshd".to_owned(),
        rhost: None,
        tty: None,
        ruser: None,
        ssh_auth: None,
        is_refused: false,
    }
}

fn account() -> Account {
    Account { name: UserName::new("alice").unwrap(), uid: 1000 }
}

const WRONG: Option<&[u8]> = Some(b"000000");
const RIGHT: Option<&[u8]> = Some(CODE);
const GONE: Option<&[u8]> = None;

#[test]
fn the_right_code_gets_in_once() {
    let world = World::with("");
    assert_eq!(world.outcome(&[RIGHT]), BY_APP);
    assert!(world.log().contains("outcome=proved reason=code-accepted method=totp device=phone"), "{}", world.log());
    let (prompts, ending) = world.login(&[RIGHT, RIGHT, RIGHT]);
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::ReplayedCode));
    assert!(prompts[1].contains("already used"), "{prompts:?}");
}

#[test]
fn a_code_may_be_typed_with_blanks() {
    for typed in [&b"287 082"[..], b" 287-082 "] {
        assert_eq!(World::with("").outcome(&[Some(typed)]), BY_APP);
    }
}

#[test]
fn every_wrong_code_counts_and_success_forgets_them() {
    let world = World::with("");
    assert_eq!(world.outcome(&[WRONG, WRONG, RIGHT]), BY_APP);
    assert_eq!(world.failures(), 0);
    assert_eq!(world.outcome(&[WRONG, Some(b"x"), WRONG]), Outcome::Refused(Refusal::WrongCode));
    assert_eq!(world.failures(), 3);
    assert_eq!(world.log.borrow().iter().filter(|(_, line)| line.starts_with("event=attempt")).count(), 5);
}

#[test]
fn a_recovery_code_works_once_even_while_locked() {
    let world = World::with("").fail_times(100);
    let typed = Some(&b"0123-4567-89AB-CDEF"[..]);
    let (prompts, ending) = world.login(&[typed]);
    assert_eq!(ending.outcome, BY_SHEET);
    assert!(prompts[0].contains("locked"), "{prompts:?}");
    assert_eq!(ending.farewell.as_deref(), Some("That was your last recovery code. Ask for new ones."));
    assert_eq!(world.failures(), 0);
    assert_eq!(world.outcome(&[typed, typed, typed]), Outcome::Refused(Refusal::ReplayedCode));
}

#[test]
fn a_scratch_code_works_once_and_is_throttled_as_any_code_of_few_digits() {
    let typed = Some(&b"4455-6677"[..]);
    assert_eq!(World::with("").outcome(&[typed, typed, typed]), Outcome::Refused(Refusal::WrongCode), "nobody has one");
    let world = World::with("");
    world.has_scratch_code.set(true);
    assert_eq!(world.outcome(&[WRONG, typed]), BY_SHEET);
    assert_eq!(world.outcome(&[typed, typed, typed]), Outcome::Refused(Refusal::ReplayedCode));
    assert_eq!(world.outcome(&[Some(RECOVERY.as_bytes())]), BY_SHEET, "the others are as they were");

    let world = World::with("").fail_times(100);
    world.has_scratch_code.set(true);
    assert_eq!(world.outcome(&[typed, typed, typed]), Outcome::Throttled);
    let world = World::with("methods = ['totp']");
    world.has_scratch_code.set(true);
    assert_eq!(
        world.outcome(&[typed, typed, typed]),
        Outcome::Refused(Refusal::WrongCode),
        "recovery codes are not allowed"
    );
}

#[test]
fn a_throttled_user_is_told_how_long_and_not_even_the_right_code_is_judged() {
    let world = World::with("").fail_times(4);
    let (prompts, ending) = world.login(&[RIGHT, RIGHT, RIGHT]);
    assert_eq!(ending.outcome, Outcome::Throttled);
    assert!(prompts.iter().all(|prompt| prompt.starts_with("Verification code: (") && prompt.contains("wait 30 s")));
    assert_eq!(world.failures(), 4, "what is not judged does not count");
    world.now.set(59 + 30);
    assert_eq!(world.outcome(&[RIGHT]), BY_APP, "one step late and after the wait");
}

#[test]
fn a_wait_that_begins_during_the_login_is_announced() {
    let world = World::with("").fail_times(3);
    let (prompts, ending) = world.login(&[WRONG, RIGHT, RIGHT]);
    assert!(prompts[1].contains("wait 30 s"), "{prompts:?}");
    assert_eq!(ending.outcome, Outcome::Throttled);
    assert_eq!(ending.farewell.as_deref(), Some("Too many wrong codes. Try again in 30 s."));
}

#[test]
fn a_locked_account_waits_for_an_administrator() {
    let world = World::with("").fail_times(100);
    world.now.set(4_000_000_000);
    let (_, ending) = world.login(&[RIGHT, RIGHT, RIGHT]);
    assert_eq!(ending.outcome, Outcome::Throttled);
    assert!(ending.farewell.unwrap().contains("unlock"));
}

#[test]
fn strangers_and_the_unenrolled_are_asked_exactly_as_the_enrolled() {
    let answers = [WRONG, Some(b"?".as_slice()), Some(b"".as_slice()), WRONG];
    let (enrolled, refused) = World::with("").login(&answers);
    let stranger = World::with("");
    let (unknown, unknown_ending) = stranger.login_as("mallory", &answers);
    let (unenrolled, unenrolled_ending) = World::unenrolled("").login(&answers);
    assert_eq!(enrolled, unknown);
    assert_eq!(enrolled, unenrolled);
    assert_eq!(unknown_ending.outcome, Outcome::Refused(Refusal::UnknownUser));
    assert_eq!(unenrolled_ending.outcome, Outcome::Refused(Refusal::NotEnrolled));
    assert_eq!(refused.farewell, unknown_ending.farewell);
    assert_eq!(refused.farewell, unenrolled_ending.farewell);
    assert_eq!(stranger.rehearsals.get(), 2, "as many durable writes as for somebody who is enrolled");
}

#[test]
fn sshds_fake_password_counts_against_nobody() {
    let world = World::with("");
    let fake = Some(&b"\x08\n\r\x7fINCORRECT"[..]);
    let (prompts, ending) = world.login(&[fake, fake, fake]);
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::HostRefuses));
    assert_eq!((world.failures(), world.rehearsals.get()), (0, 3));
    assert_eq!(prompts, World::with("").login(&[WRONG, WRONG, WRONG]).0);
}

#[test]
fn no_answer_ends_the_login() {
    let world = World::with("");
    assert_eq!(world.outcome(&[GONE]), Outcome::Refused(Refusal::NoAnswer));
    assert_eq!(world.outcome(&[WRONG, GONE]), Outcome::Refused(Refusal::NoAnswer));
    assert_eq!(world.failures(), 1);
}

#[test]
fn asking_for_help_costs_no_try_but_has_an_end() {
    let help = Some(&b"?"[..]);
    let world = World::with("rescue_mail = 'helpdesk@example.org'");
    let (prompts, ending) = world.login(&[help, help, help, RIGHT]);
    assert_eq!(ending.outcome, BY_APP);
    assert!(
        prompts[1].contains("helpdesk@example.org") && prompts[1].contains("\nVerification code: (or"),
        "{prompts:?}"
    );
    assert_eq!(world.outcome(&[help; 11]), Outcome::Refused(Refusal::NoCode));
}

#[test]
fn nothing_counts_that_is_not_durable() {
    let world = World::with("");
    world.broken.set(true);
    assert_eq!(world.outcome(&[]), Outcome::Unavailable);
    // The records break between the prompt and the answer.
    world.broken.set(false);
    let (mut login, _) = Login::begin(world.world(), request("alice"), Passing::default());
    world.broken.set(true);
    let Next::End(ending) = login.answer(RIGHT) else { panic!("asked again") };
    assert_eq!(ending.outcome, Outcome::Unavailable);
    assert!(world.log().contains("/state/alice"), "the log names the file: {}", world.log());
}

#[test]
fn methods_that_the_configuration_leaves_out_are_not_taken() {
    let recovery = Some(RECOVERY.as_bytes());
    let world = World::with("methods = ['totp']");
    assert_eq!(world.outcome(&[recovery, RIGHT]), BY_APP);
    assert!(world.log().contains("result=wrong-code"));
    let world = World::with("methods = ['recovery']");
    assert_eq!(world.outcome(&[RIGHT, recovery]), BY_SHEET);
}

#[test]
fn a_clock_set_back_makes_no_burnt_step_valid_and_no_wait_endless() {
    let world = World::with("");
    world.now.set(59);
    assert_eq!(world.outcome(&[RIGHT]), BY_APP);
    world.now.set(30);
    assert_eq!(world.outcome(&[RIGHT, RIGHT, RIGHT]), Outcome::Refused(Refusal::ReplayedCode));

    let world = World::with("");
    world.now.set(1_000_000);
    let world = world.fail_times(4);
    world.now.set(59);
    assert_eq!(world.outcome(&[RIGHT, RIGHT, RIGHT]), Outcome::Throttled);
    world.now.set(59 + 30);
    assert_eq!(world.outcome(&[RIGHT]), BY_APP);
}

/// DESIGN's cells: who gets which outcome in which mode.
#[test]
fn modes_and_standings() {
    use NotDue::{Monitored, NotEnrolled, Off};
    #[derive(Clone, Copy, Debug)]
    enum Who {
        Proves,
        Fails,
        Unenrolled,
        Unknown,
        Unavailable,
    }
    let expected = |mode: &str, who| match (mode, who) {
        ("off", _) => Outcome::NotDue(Off),
        (_, Who::Proves) => BY_APP,
        ("monitor", Who::Fails | Who::Unavailable) => Outcome::NotDue(Monitored),
        (_, Who::Fails) => Outcome::Refused(Refusal::WrongCode),
        ("required", Who::Unenrolled) => Outcome::Refused(Refusal::NotEnrolled),
        (_, Who::Unenrolled) => Outcome::NotDue(NotEnrolled),
        (_, Who::Unknown) => Outcome::Refused(Refusal::UnknownUser),
        (_, Who::Unavailable) => Outcome::Unavailable,
    };
    for mode in ["required", "if-enrolled", "off", "monitor"] {
        for who in [Who::Proves, Who::Fails, Who::Unenrolled, Who::Unknown, Who::Unavailable] {
            let config = format!("policy.mode = '{mode}'");
            let world = if matches!(who, Who::Unenrolled) { World::unenrolled(&config) } else { World::with(&config) };
            world.broken.set(matches!(who, Who::Unavailable));
            let user = if matches!(who, Who::Unknown) { "mallory" } else { "alice" };
            let outcome = expected(mode, who);
            let asked = match (mode, who) {
                ("off", _) | (_, Who::Unavailable) => 0,
                (_, Who::Proves) => 1,
                (_, Who::Unenrolled) if mode != "required" => 0,
                _ => 3,
            };
            let answer = if matches!(who, Who::Proves) { RIGHT } else { WRONG };
            let (_, ending) = world.login_as(user, &vec![answer; asked]);
            assert_eq!(ending.outcome, outcome, "{mode} {who:?}");
            let decisions = world.log.borrow().iter().filter(|(_, line)| line.starts_with("event=login ")).count();
            assert_eq!(decisions, 1, "{mode} {who:?}: {}", world.log());
        }
    }
}

#[test]
fn no_code_reaches_the_log() {
    let world = World::with("");
    world.login(&[WRONG, Some(b"999111"), RIGHT]);
    world.login(&[Some(RECOVERY.as_bytes())]);
    for code in ["000000", "999111", "287082", RECOVERY] {
        assert!(!world.log().contains(code), "{}", world.log());
    }
}

#[test]
fn a_log_line_can_not_be_forged_by_a_user_name() {
    let world = World::with("");
    world.login_as("mallory\nevent=login outcome=proved", &[GONE]);
    let log = world.log();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.contains(r#"user="mallory\x0aevent=login outcome=proved""#), "{log}");
}

const MAIL: &str = "methods = ['email', 'totp', 'recovery']\nrescue_mail = 'helpdesk@example.org'";
const HELP: Option<&[u8]> = Some(b"?");

fn number(number: &'static str) -> Option<&'static [u8]> {
    Some(number.as_bytes())
}

#[test]
fn a_mailed_code_gets_in_once() {
    let world = World::with_mailbox(MAIL);
    let (mut login, Next::Ask(prompt)) = Login::begin(world.world(), request("alice"), Passing::default()) else {
        panic!("not asked")
    };
    assert_eq!(*prompt.text, "Verification code: (sent to a***@e***.org, ? for other ways) ");
    let code = world.mailed();
    let Next::End(ending) = login.answer(Some(&code)) else { panic!("refused") };
    assert_eq!(ending.outcome, BY_MAIL);
    assert!(world.log().contains("method=email device=mail"), "{}", world.log());
    assert!(!world.log().contains(std::str::from_utf8(&code).unwrap()) && !world.log().contains("alice@"));

    let (prompts, ending) = world.login(&[Some(&code), Some(&code), Some(&code)]);
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::ReplayedCode));
    assert_eq!(world.mails.borrow().len(), 2, "the first code was used, so another went out at once: {prompts:?}");
}

#[test]
fn a_reconnect_within_the_wait_sends_nothing_and_the_code_still_gets_in() {
    let world = World::with_mailbox(MAIL);
    world.login(&[GONE]);
    let code = world.mailed();
    world.now.set(100_012);
    let (prompts, ending) = world.login(&[Some(&code)]);
    assert_eq!(prompts, ["Verification code: (a code for a***@e***.org was asked for 12 s ago, ? for other ways) "]);
    assert_eq!((ending.outcome, world.mails.borrow().len()), (BY_MAIL, 1));
}

#[test]
fn after_the_wait_another_code_goes_out_and_the_first_is_still_good() {
    let world = World::with_mailbox(MAIL);
    world.login(&[GONE]);
    let first = world.mailed();
    world.now.set(100_031);
    assert_eq!(world.outcome(&[Some(&first)]), BY_MAIL);
    assert_eq!(world.mails.borrow().len(), 2);
    assert_ne!(first, world.mailed());
}

#[test]
fn no_mix_of_logins_and_choices_sends_more_than_the_hour_allows() {
    let world = World::with_mailbox(MAIL);
    for second in 0..600 {
        world.now.set(100_000 + second * 5);
        world.login(&[HELP, number("1"), HELP, number("1"), GONE]);
    }
    let sent = world.mails.borrow().len();
    assert_eq!(sent, 6, "within 3000 s");
    let (prompts, _) = world.login(&[GONE]);
    assert!(prompts[0].contains("no more codes can be sent for 10 min"), "{prompts:?}");
    assert_eq!(world.outcome(&[HELP, number("4"), GONE]), Outcome::Refused(Refusal::NoAnswer));
    assert_eq!(world.mails.borrow().len(), 7, "the administrator is another mailbox");
    assert_eq!(world.mails.borrow()[6].copy, [], "but the user's own is full");
}

#[test]
fn five_wrong_codes_void_the_code_that_was_sent() {
    let world = World::with_mailbox(&format!("{MAIL}\n[limits]\nfree_failures = 20"));
    let wrong = Some(&b"99999999"[..]);
    assert_eq!(world.outcome(&[wrong, wrong, wrong]), Outcome::Refused(Refusal::WrongCode));
    let code = world.mailed();
    let (prompts, _) = world.login(&[wrong, wrong, Some(&code)]);
    assert!(prompts[2].contains("the one that was sent is void now"), "{prompts:?}");
    assert_eq!(world.mails.borrow().len(), 1, "and that is no way to have another at once");
}

#[test]
fn a_code_that_is_too_old_says_so() {
    let world = World::with_mailbox(MAIL);
    world.login(&[GONE]);
    let code = world.mailed();
    world.now.set(100_300);
    let (prompts, ending) = world.login(&[Some(&code), GONE]);
    assert!(prompts[1].contains("too old"), "{prompts:?}");
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::NoAnswer));
}

#[test]
fn a_code_that_can_not_be_sent_is_said_so_and_the_app_still_gets_in() {
    let world = World::with_mailbox(MAIL);
    world.now.set(59);
    world.post.set(Post::Refuses);
    let (prompts, ending) = world.login(&[RIGHT]);
    assert_eq!(prompts, ["Verification code: (could not be sent to a***@e***.org, ? for other ways) "]);
    assert_eq!(ending.outcome, BY_APP);
    assert!(world.log().contains("result=failed error=\"smtp: refused: RCPT TO: 550\""), "{}", world.log());
    world.post.set(Post::Takes);
    world.login(&[GONE]);
    assert_eq!(world.mails.borrow().len(), 2, "what failed keeps nobody waiting");
}

#[test]
fn what_fails_while_the_prompt_stands_is_said_with_the_next_one() {
    let world = World::with_mailbox(MAIL);
    world.post.set(Post::IsSlowAndRefuses);
    let (prompts, _) = world.login(&[WRONG, GONE]);
    assert!(prompts[0].contains("on its way to a***@e***.org"), "{prompts:?}");
    assert!(prompts[1].contains("could not be sent"), "{prompts:?}");
    world.post.set(Post::IsSilent);
    world.now.set(200_000);
    assert_eq!(world.outcome(&[Some(&world.mailed()), GONE]), Outcome::Refused(Refusal::NoAnswer));
}

#[test]
fn the_menu_leads_to_every_way() {
    let world = World::with_mailbox(MAIL);
    let typed = Some(RECOVERY.as_bytes());
    let (prompts, ending) = world.login(&[HELP, number("9"), number("2"), number("3"), typed]);
    assert!(
        prompts[1].contains("  1  a code by mail to a***@e***.org\n  2  the code that your authenticator"),
        "{prompts:?}"
    );
    assert!(prompts[2].contains("no such number") && prompts[3].contains("authenticator app"), "{prompts:?}");
    assert!(prompts[4].contains("recovery"), "{prompts:?}");
    assert_eq!(ending.outcome, BY_SHEET);
    let short = World::with_mailbox(MAIL);
    short.login(&[number("1"), GONE]);
    assert_eq!(short.failures(), 1, "without the menu a number is a wrong code");
}

#[test]
fn the_administrator_is_asked_once_an_hour_and_grants_nothing_by_it() {
    let world = World::with_mailbox(MAIL);
    world.has_mailbox.set(false);
    let ask = [HELP, number("3"), HELP, number("3"), GONE];
    let (prompts, _) = world.login(&ask);
    assert!(prompts[2].contains("your administrator was asked for help, reference "), "{prompts:?}");
    assert!(
        prompts[4].contains("less than an hour ago; if nobody answers, write to helpdesk@example.org"),
        "{prompts:?}"
    );
    world.now.set(100_000 + 3599);
    world.login(&ask);
    assert_eq!(world.mails.borrow().len(), 1);
    let mail = world.mails.borrow()[0].clone();
    assert_eq!(mail.to[0].as_str(), "helpdesk@example.org");
    assert!(mail.text.contains("twofactor bypass alice"), "{}", mail.text);
    world.now.set(100_000 + 3600);
    world.post.set(Post::Refuses);
    let (prompts, _) = world.login(&[HELP, number("3"), GONE]);
    assert!(prompts[2].contains("could not be sent, write to helpdesk@example.org"), "{prompts:?}");
}

#[test]
fn a_mailed_code_as_a_rescue_is_off_unless_it_is_allowed() {
    let world = World::with_mailbox("methods = ['totp']");
    let (prompts, _) = world.login(&[HELP, GONE]);
    assert!(!prompts[1].contains("mail") && world.mails.borrow().is_empty(), "{prompts:?}");

    let world = World::with_mailbox("methods = ['totp']\n[rescue]\nemail = true\nlifetime = '20m'");
    let (mut login, _) = Login::begin(world.world(), request("alice"), Passing::default());
    assert!(world.mails.borrow().is_empty(), "only who asks for it gets it");
    login.answer(HELP);
    login.answer(number("2"));
    world.now.set(100_000 + 1199);
    let Next::End(ending) = login.answer(Some(&world.mailed())) else { panic!("refused") };
    assert_eq!(ending.outcome, Outcome::Proved(ProvedBy::Rescue));
}

#[test]
fn nobody_is_asked_as_somebody_and_nothing_is_sent() {
    let answers = [WRONG, HELP, number("1"), HELP, number("3"), GONE];
    let world = World::with_mailbox(
        "methods = ['email', 'recovery']\nrescue_mail = 'h@example.org'\nmail.from = 'x@example.org'",
    );
    let (unknown, _) = world.login_as("anna", &answers);
    assert_eq!(*world.pauses.borrow(), [Duration::from_millis(70); 3], "two codes and a call for help");
    assert!(world.mails.borrow().is_empty());
    let (known, _) = world.login(&answers);
    let plain = |prompts: &[String]| {
        let same = |prompt: &String| {
            prompt
                .split("reference")
                .next()
                .unwrap()
                .replace("a code for a***@e***.org was asked for 1 s ago", "sent to a***@e***.org")
        };
        prompts.iter().map(same).collect::<Vec<_>>()
    };
    assert_eq!(plain(&unknown), plain(&known));
}

#[test]
fn whom_the_host_refuses_nothing_is_sent() {
    let world = World::with_mailbox(MAIL);
    let refused = Request { is_refused: true, ..request("alice") };
    let (mut login, Next::Ask(_)) = Login::begin(world.world(), refused, Passing::default()) else {
        panic!("not asked")
    };
    for answer in [HELP, number("1"), HELP, number("4")] {
        assert!(matches!(login.answer(answer), Next::Ask(_)));
    }
    let Next::End(ending) = login.answer(GONE) else { panic!("asked on") };
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::NoAnswer));
    assert!(world.mails.borrow().is_empty());
    assert_eq!(world.failures(), 0);
}

#[test]
fn a_throttled_user_gets_no_code_but_may_ask_for_help() {
    let world = World::with_mailbox(MAIL).fail_times(4);
    let (prompts, _) = world.login(&[HELP, number("1"), HELP, number("4"), GONE]);
    assert!(prompts[0].contains("wait 30 s") && prompts[2].contains("wait 30 s"), "{prompts:?}");
    assert!(prompts[4].contains("was asked"), "{prompts:?}");
    assert_eq!(world.mails.borrow().len(), 1);
}

#[test]
fn a_user_is_told_by_mail_of_a_used_recovery_code_and_of_a_lock() {
    let world = World::with_mailbox("methods = ['totp', 'recovery']\n[limits]\nlock_after = 3\nfree_failures = 3");
    world.login(&[WRONG, WRONG, WRONG]);
    world.login(&[WRONG, WRONG, WRONG]);
    let noise = Some(&b"aaaaaaaaaaaaaaaa"[..]);
    world.login(&[noise, noise, noise]);
    assert_eq!(world.mails.borrow().len(), 1, "once");
    assert!(world.mails.borrow()[0].subject.starts_with("Logins are locked"), "{:?}", world.mails.borrow()[0]);
    assert_eq!(world.outcome(&[Some(RECOVERY.as_bytes())]), BY_SHEET);
    assert!(world.mails.borrow()[1].text.contains("Recovery codes left: 0"));

    let quiet = World::with_mailbox("methods = ['totp', 'recovery']\n[notify]\nevents = []");
    assert_eq!(quiet.outcome(&[Some(RECOVERY.as_bytes())]), BY_SHEET);
    assert!(quiet.mails.borrow().is_empty());
}

#[test]
fn nothing_is_sent_that_is_not_counted_durably() {
    let world = World::with_mailbox(MAIL);
    let (mut login, _) = Login::begin(world.world(), request("alice"), Passing::default());
    login.answer(HELP);
    world.now.set(200_000);
    world.broken.set(true);
    let Next::Ask(prompt) = login.answer(number("1")) else { panic!("ended") };
    assert!(prompt.text.contains("could not be sent"), "{}", *prompt.text);
    login.answer(HELP);
    let Next::Ask(prompt) = login.answer(number("4")) else { panic!("ended") };
    assert!(prompt.text.contains("could not be sent"), "{}", *prompt.text);
    assert_eq!(world.mails.borrow().len(), 1, "the one of the beginning");
}

#[test]
fn noise_of_the_shape_of_a_recovery_code_locks_nobody_out_any_faster() {
    let world = World::with("");
    let noise = Some(&b"aaaaaaaaaaaaaaaa"[..]);
    for _ in 0..40 {
        world.login(&[noise, noise, noise]);
    }
    assert_eq!(world.failures(), 4, "as many as any other wrong code at the same moment");
    assert_eq!(world.outcome(&[Some(RECOVERY.as_bytes())]), BY_SHEET);
}

#[test]
fn what_never_left_this_host_costs_neither_the_hour_of_codes_nor_that_of_help() {
    let world = World::with_mailbox(MAIL);
    world.post.set(Post::IsClosed);
    for _ in 0..8 {
        world.login(&[HELP, number("4"), GONE]);
    }
    world.post.set(Post::Takes);
    let sent = world.mails.borrow().len();
    let (prompts, _) = world.login(&[HELP, number("4"), GONE]);
    assert!(prompts[0].contains("sent to a***") && prompts[2].contains("was asked"), "{prompts:?}");
    assert_eq!(world.mails.borrow().len(), sent + 2);
}

#[test]
fn a_mail_that_a_server_has_refused_counts_and_nobody_is_told_that_it_went_out() {
    let world = World::with_mailbox(MAIL);
    world.post.set(Post::Refuses);
    for _ in 0..8 {
        world.login(&[GONE]);
    }
    assert_eq!(world.mails.borrow().len(), 6, "a server that says no may have passed it on");
    let (prompts, _) = world.login(&[HELP, number("4"), HELP, number("4"), GONE]);
    assert!(prompts[2].contains("could not be sent") && prompts[4].contains("you have asked"), "{prompts:?}");
}

#[test]
fn a_clock_that_was_ahead_keeps_nobody_from_asking_for_longer_than_an_hour() {
    let world = World::with_mailbox(MAIL);
    world.now.set(40_000_000);
    world.login(&[HELP, number("4"), GONE]);
    world.now.set(100_000);
    let (prompts, _) = world.login(&[HELP, number("4"), GONE]);
    assert!(prompts[2].contains("less than an hour ago"), "{prompts:?}");
    world.now.set(100_000 + 3600);
    let (prompts, _) = world.login(&[HELP, number("4"), GONE]);
    assert!(prompts[2].contains("was asked"), "{prompts:?}");
}

#[test]
fn a_code_that_is_void_is_not_said_to_be_sent() {
    let world = World::with_mailbox(&format!("{MAIL}\n[limits]\nfree_failures = 20\ntries = 10"));
    let wrong = Some(&b"99999999"[..]);
    let (prompts, _) = world.login(&[wrong, wrong, wrong, wrong, wrong, HELP, number("1"), GONE]);
    assert!(prompts[7].contains("another code can be sent in 30 s"), "{prompts:?}");
    world.now.set(100_030);
    world.login(&[GONE]);
    assert_eq!(world.mails.borrow().len(), 2);
}

#[test]
fn bad_news_and_what_was_wrong_with_the_answer_stand_side_by_side() {
    let world = World::with_mailbox(MAIL);
    world.post.set(Post::IsSlowAndRefuses);
    let (prompts, _) = world.login(&[WRONG, GONE]);
    assert!(
        prompts[1].contains("could not be sent to a***@e***.org, ? for other ways; wrong code, 2 tries left"),
        "{prompts:?}"
    );
}

#[test]
fn a_notice_that_can_not_be_sent_is_in_the_log() {
    let world = World::with_mailbox("methods = ['totp', 'recovery']");
    world.post.set(Post::IsClosed);
    assert_eq!(world.outcome(&[Some(RECOVERY.as_bytes())]), BY_SHEET);
    assert!(
        world.log().contains("kind=recovery-used to=\"a***@e***.org\" error=\"smtp: unreachable"),
        "{}",
        world.log()
    );
}

#[test]
fn a_bypass_code_gets_in_once_and_waits_for_a_clock_that_is_behind() {
    let world = World::with("").fail_times(100);
    let key = DigestKey { number: KeyNumber::try_from(1).unwrap(), secret: Secret::new(vec![7; 32]) };
    let code = RecoveryCode::read("zzzzzzzzzzzzzzzz").unwrap();
    let issued = Issued::now(&key, BYPASS_PURPOSE, code.expose(), UnixTime(1000), 600);
    world.state.borrow_mut().as_mut().unwrap().bypass = Some(issued);
    let typed = Some(&b"zzzz-zzzz-zzzz-zzzz"[..]);
    world.now.set(900);
    assert_eq!(world.outcome(&[typed, GONE]), Outcome::Refused(Refusal::NoAnswer));
    world.now.set(1599);
    assert_eq!(world.outcome(&[typed]), Outcome::Proved(ProvedBy::Bypass));
    assert_eq!(world.outcome(&[typed, typed, typed]), Outcome::Refused(Refusal::WrongCode));
}

/// Every mode with every kind of person, remembered or not, throttled or not, with records that can be used or not, and
/// every answer: only what the design names lets anybody in.
#[test]
fn nothing_but_a_proof_or_a_policy_lets_anybody_in() {
    let mut cells = 0;
    for (mode, newcomers) in Mode::ALL.into_iter().flat_map(|mode| Unenrolled::ALL.map(|what| (mode, what))) {
        for user in ["alice", "unenrolled", "mallory"] {
            for (remembered, throttled, broken) in (0..8).map(|bits| (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0)) {
                for answer in [RIGHT, WRONG, GONE, Some(&b""[..])] {
                    let (mode_name, newcomers_name) = (mode.name(), newcomers.name());
                    let config = format!(
                        "[[policy.rule]]\nmode = '{mode_name}'\nunenrolled = '{newcomers_name}'\nremember = '1h'\n"
                    );
                    let world = if user == "unenrolled" { World::unenrolled(&config) } else { World::with(&config) };
                    let name = if user == "unenrolled" { "alice" } else { user };
                    world.rhost.replace(Some("192.0.2.7".to_owned()));
                    if remembered && user == "alice" && mode != Mode::Off {
                        assert_eq!(world.outcome(&[RIGHT]), BY_APP);
                        // The code of then is of no use now.
                        world.now.set(59 + 600);
                    }
                    if throttled && let Some(state) = world.state.borrow_mut().as_mut() {
                        state.failures = crate::throttle::Failures { count: 50, last: UnixTime(world.now.get()) };
                    }
                    world.broken.set(broken);
                    let mut login = Login::begin(world.world(), world.request(name), Passing::default());
                    while let Next::Ask(prompt) = &login.1 {
                        // Whoever has set something up says in words that they have their recovery codes.
                        let is_kept = answer == RIGHT && prompt.text.ends_with("Type ok once you have them: ");
                        login.1 = login.0.answer(if is_kept { Some(b"ok") } else { answer });
                    }
                    let Next::End(ending) = login.1 else { panic!("it never ends") };
                    let is_remembered = remembered && !throttled;
                    let expected = match (mode, user) {
                        (Mode::Off, _) => Some(Outcome::NotDue(NotDue::Off)),
                        (_, "mallory") => None,
                        // Whether somebody is enrolled is what cannot be told.
                        (Mode::Monitor, _) if broken => Some(Outcome::NotDue(NotDue::Monitored)),
                        _ if broken => None,
                        (Mode::IfEnrolled | Mode::Monitor, "unenrolled") => Some(Outcome::NotDue(NotDue::NotEnrolled)),
                        (Mode::Required, "unenrolled") => {
                            let is_set_up = matches!(newcomers, Unenrolled::Enroll { .. }) && answer == RIGHT;
                            is_set_up.then_some(Outcome::Proved(ProvedBy::SetUp))
                        }
                        (_, "alice") if is_remembered => Some(Outcome::NotDue(NotDue::Remembered)),
                        (_, "alice") if answer == RIGHT && !remembered && !throttled => Some(BY_APP),
                        (Mode::Monitor, _) => Some(Outcome::NotDue(NotDue::Monitored)),
                        _ => None,
                    };
                    let lets_in = matches!(ending.outcome, Outcome::Proved(_) | Outcome::NotDue(_));
                    let cell = format!(
                        "{mode:?} {newcomers:?} {user} remembered {remembered} throttled {throttled} broken {broken} {answer:?}"
                    );
                    assert_eq!(lets_in.then_some(ending.outcome), expected, "{cell}: {:?}", ending.outcome);
                    cells += 1;
                }
            }
        }
    }
    assert_eq!(cells, 4 * 3 * 3 * 8 * 4);
}

#[test]
fn groups_are_asked_for_once_and_only_where_a_rule_wants_to_know() {
    let world =
        World::with("[[policy.rule]]\ngroup = ['a']\nmode = 'off'\n[[policy.rule]]\ngroup = ['b']\nmode = 'off'");
    world.groups.replace(vec!["b".to_owned()]);
    assert_eq!(world.outcome(&[]), Outcome::NotDue(NotDue::Off));
    let world = World::with("[[policy.rule]]\nservice = ['sshd']\n[[policy.rule]]\ngroup = ['b']\nmode = 'off'");
    assert_eq!(world.outcome(&[RIGHT]), BY_APP);
    assert!(!world.groups_asked.get());
}

#[test]
fn groups_that_cannot_be_told_deny_whatever_the_modes_are() {
    for mode in Mode::ALL {
        let mode = mode.name();
        let world = World::with(&format!("[policy]\nmode = '{mode}'\n[[policy.rule]]\ngroup = ['a']\nmode = '{mode}'"));
        world.groups_lost.set(true);
        assert_eq!(world.outcome(&[]), Outcome::Unavailable, "{mode}");
        assert!(world.log().contains("outcome=unavailable reason=records-unavailable error="), "{}", world.log());
    }
}

#[test]
fn everybody_is_spoken_to_in_what_they_have_chosen_and_strangers_as_the_settings_say() {
    let world = World::with("language = 'fr'\n[messages.de]\nwrong_code = 'falsch, {tries}'");
    world.language.set(Some(Language::De));
    let (prompts, ending) = world.login(&[Some(b"000000"), Some(b"?"), Some(b"000000"), Some(b"")]);
    assert_eq!(prompts[..2], ["Bestätigungscode: ", "Bestätigungscode: (falsch, noch 2 Versuche) "]);
    assert!(
        prompts[2].starts_with("Andere Wege:\n  1  der Code, den Ihre Authenticator-App zeigt\n"),
        "{}",
        prompts[2]
    );
    assert!(ending.farewell.unwrap().starts_with("Das wurde nicht angenommen."));
    let (prompts, ending) = world.login_as("mallory", &[None]);
    assert_eq!((prompts[0].as_str(), ending.farewell), ("Code de vérification\u{a0}: ", None));
}

#[test]
fn a_call_for_help_is_in_the_administrators_language_and_a_code_in_the_users() {
    let world = World::with_mailbox("methods = ['email']\nrescue_mail = 'helpdesk@example.org'");
    world.language.set(Some(Language::De));
    let (prompts, _) = world.login(&[Some(b"?"), Some(b"2"), None]);
    assert!(prompts[2].contains("(Ihre Administration wurde um Hilfe gebeten, Referenz "), "{}", prompts[2]);
    let mails = world.mails.borrow();
    assert!(mails[0].subject.contains(" ist Ihr Anmeldecode für "), "{}", mails[0].subject);
    assert!(mails[1].subject.starts_with("alice asks for help to log in to "), "{}", mails[1].subject);
}
