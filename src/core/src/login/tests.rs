//! The whole conversation against records in memory.

use std::cell::{Cell, RefCell};

use super::*;
use crate::account::UserName;
use crate::clock::UnixTime;
use crate::enrolment::{DeviceId, Enrolment, Factors};
use crate::factor::recovery::{Digest, RecoveryCode};
use crate::factor::totp::{Key, Parameters};
use crate::factor::{Label, Method};
use crate::secret::Secret;
use crate::state::State;
use crate::store::{Findings, Judge, Look, StoreError};
use crate::sys::{FileError, LookUpError, Problem};

/// RFC 6238's seed at its first time: the code of six digits is 287082.
const SEED: &[u8] = b"12345678901234567890";
const CODE: &[u8] = b"287082";
const RECOVERY: &str = "0123456789abcdef";

struct World {
    config: Config,
    now: Cell<u64>,
    state: RefCell<Option<State>>,
    broken: Cell<bool>,
    rehearsals: Cell<u32>,
    log: RefCell<Vec<(Severity, String)>>,
}

impl World {
    fn with(config: &str) -> Self {
        let enrolment = Enrolment::empty(account());
        let mut state = State::fresh(&enrolment);
        state.introduce(DeviceId(1), None);
        Self {
            config: Config::parse(format!("# \n{config}").as_bytes()).unwrap(),
            now: Cell::new(59),
            state: RefCell::new(Some(state)),
            broken: Cell::new(false),
            rehearsals: Cell::new(0),
            log: RefCell::default(),
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

    fn failures(&self) -> u32 {
        self.state.borrow().as_ref().map_or(0, |state| state.failures.count)
    }

    /// Answers prompts in order until the login ends; every answer must be asked for.
    fn login_as(&self, user: &str, answers: &[Option<&[u8]>]) -> (Vec<String>, Ending) {
        let world = super::World { config: &self.config, store: self, accounts: self, journal: self };
        let request = Request { user: user.to_owned(), service: "sshd".to_owned(), rhost: None, tty: None };
        let (mut login, mut next) = Login::begin(world, request);
        let (mut prompts, mut answers) = (Vec::new(), answers.iter());
        let ending = loop {
            match next {
                Next::End(ending) => break ending,
                Next::Ask(prompt) => {
                    prompts.push(prompt.text);
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
    fn look(&self, account: &Account) -> Result<Option<Look>, StoreError> {
        let mut failures = None;
        let findings = self.visit(account, &mut |_, _, state| {
            failures = Some(state.failures);
            Record::Unchanged
        })?;
        let now = UnixTime(self.now.get());
        Ok(failures.zip(findings).map(|(failures, findings)| Look { now, failures, findings }))
    }

    fn visit(&self, _: &Account, judge: Judge<'_>) -> Result<Option<Findings>, StoreError> {
        let Some(mut state) = self.state.borrow().clone() else { return Ok(None) };
        let digest_key = || Secret::new(vec![7; 32]);
        let digests: Vec<Digest> = vec![RecoveryCode::read(RECOVERY).unwrap().digest(&digest_key())];
        let factors = Factors {
            devices: vec![(
                DeviceId(1),
                Label::try_from("phone".to_owned()).unwrap(),
                Key::new(&Secret::new(SEED.to_vec()), Parameters::COMMON).unwrap(),
            )],
            recovery: Some((digest_key(), digests)),
        };
        let record = judge(UnixTime(self.now.get()), &factors, &mut state);
        if self.broken.get() {
            return Err(FileError { path: "/state/alice".into(), problem: Problem::Empty }.into());
        }
        if record == Record::Changed {
            *self.state.borrow_mut() = Some(state);
        }
        Ok(Some(Findings::default()))
    }

    fn rehearse(&self, record: Record) {
        if record == Record::Changed {
            self.rehearsals.set(self.rehearsals.get() + 1);
        }
    }
}

impl Accounts for World {
    fn find(&self, name: &str) -> Result<Option<Account>, LookUpError> {
        Ok((name == "alice").then(account))
    }
}

impl Journal for World {
    fn write(&self, severity: Severity, line: &str) {
        self.log.borrow_mut().push((severity, line.to_owned()));
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
    assert_eq!(world.outcome(&[RIGHT]), Outcome::Proved(Method::Totp));
    assert!(world.log().contains("outcome=proved reason=code-accepted method=totp device=phone"), "{}", world.log());
    let (prompts, ending) = world.login(&[RIGHT, RIGHT, RIGHT]);
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::ReplayedCode));
    assert!(prompts[1].contains("already used"), "{prompts:?}");
}

#[test]
fn a_code_may_be_typed_with_blanks() {
    for typed in [&b"287 082"[..], b" 287-082 "] {
        assert_eq!(World::with("").outcome(&[Some(typed)]), Outcome::Proved(Method::Totp));
    }
}

#[test]
fn every_wrong_code_counts_and_success_forgets_them() {
    let world = World::with("");
    assert_eq!(world.outcome(&[WRONG, WRONG, RIGHT]), Outcome::Proved(Method::Totp));
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
    assert_eq!(ending.outcome, Outcome::Proved(Method::Recovery));
    assert!(prompts[0].contains("locked"), "{prompts:?}");
    assert_eq!(ending.farewell.as_deref(), Some("That was your last recovery code. Ask for new ones."));
    assert_eq!(world.failures(), 0);
    assert_eq!(world.outcome(&[typed, typed, typed]), Outcome::Refused(Refusal::ReplayedCode));
}

#[test]
fn a_throttled_user_is_told_how_long_and_not_even_the_right_code_is_judged() {
    let world = World::with("").fail_times(4);
    let (prompts, ending) = world.login(&[RIGHT, RIGHT, RIGHT]);
    assert_eq!(ending.outcome, Outcome::Throttled);
    assert!(prompts.iter().all(|prompt| prompt.starts_with("Verification code: (") && prompt.contains("wait 30 s")));
    assert_eq!(world.failures(), 4, "what is not judged does not count");
    world.now.set(59 + 30);
    assert_eq!(world.outcome(&[RIGHT]), Outcome::Proved(Method::Totp), "one step late and after the wait");
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
    assert_eq!(ending.outcome, Outcome::Proved(Method::Totp));
    assert!(prompts[1].contains("helpdesk@example.org") && prompts[1].ends_with("Verification code: "), "{prompts:?}");
    assert_eq!(world.outcome(&[help; 6]), Outcome::Refused(Refusal::NoCode));
}

#[test]
fn nothing_counts_that_is_not_durable() {
    let world = World::with("");
    world.broken.set(true);
    assert_eq!(world.outcome(&[]), Outcome::Unavailable);
    // The records break between the prompt and the answer.
    let inner = super::World { config: &world.config, store: &world, accounts: &world, journal: &world };
    world.broken.set(false);
    let request = Request { user: "alice".to_owned(), service: "sshd".to_owned(), rhost: None, tty: None };
    let (mut login, _) = Login::begin(inner, request);
    world.broken.set(true);
    let Next::End(ending) = login.answer(RIGHT) else { panic!("asked again") };
    assert_eq!(ending.outcome, Outcome::Unavailable);
    assert!(world.log().contains("/state/alice"), "the log names the file: {}", world.log());
}

#[test]
fn methods_that_the_configuration_leaves_out_are_not_taken() {
    let recovery = Some(RECOVERY.as_bytes());
    let world = World::with("methods = ['totp']");
    assert_eq!(world.outcome(&[recovery, RIGHT]), Outcome::Proved(Method::Totp));
    assert!(world.log().contains("result=wrong-code"));
    let world = World::with("methods = ['recovery']");
    assert_eq!(world.outcome(&[RIGHT, recovery]), Outcome::Proved(Method::Recovery));
}

#[test]
fn a_clock_set_back_makes_no_burnt_step_valid_and_no_wait_endless() {
    let world = World::with("");
    world.now.set(59);
    assert_eq!(world.outcome(&[RIGHT]), Outcome::Proved(Method::Totp));
    world.now.set(30);
    assert_eq!(world.outcome(&[RIGHT, RIGHT, RIGHT]), Outcome::Refused(Refusal::ReplayedCode));

    let world = World::with("");
    world.now.set(1_000_000);
    let world = world.fail_times(4);
    world.now.set(59);
    assert_eq!(world.outcome(&[RIGHT, RIGHT, RIGHT]), Outcome::Throttled);
    world.now.set(59 + 30);
    assert_eq!(world.outcome(&[RIGHT]), Outcome::Proved(Method::Totp));
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
        (_, Who::Proves) => Outcome::Proved(Method::Totp),
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
