//! Somebody without a second factor sets one up in the course of a login.

use super::*;

const BY_SET_UP: Outcome = Outcome::Proved(ProvedBy::SetUp);
const ENTER: Option<&[u8]> = Some(b"");
const DONE: Option<&[u8]> = Some(b"ok");
const KEY: Option<&[u8]> = Some(b"t");
const INVERTED: Option<&[u8]> = Some(b"i");
const QR: Option<&[u8]> = Some(b"q");

fn newcomer(settings: &str) -> World {
    World::unenrolled(&format!("issuer = 'example.org'\n[policy]\n{settings}"))
}

fn invited(settings: &str) -> World {
    let world = newcomer(settings);
    world.is_invited.set(true);
    world
}

/// A login to its end, with what there is to save then.
fn set_up(world: &World, answers: &[Option<&[u8]>]) -> (Vec<String>, Ending, Option<String>) {
    let (mut login, mut next) = Login::begin(world.world(), world.request("alice"), Passing::default());
    let (mut prompts, mut answers) = (Vec::new(), answers.iter());
    while let Next::Ask(prompt) = next {
        prompts.push(prompt.text.to_string());
        next = login.answer(*answers.next().expect("one prompt more than answers"));
    }
    assert_eq!(answers.count(), 0, "answers that nobody asked for");
    let Next::End(ending) = next else { unreachable!() };
    (prompts, ending, login.take_enrolment().map(|enrolment| enrolment.to_string()))
}

#[test]
fn somebody_without_an_app_sets_one_up_and_is_in() {
    let world = newcomer("unenrolled = 'enroll'");
    let (prompts, ending, enrolment) = set_up(&world, &[ENTER, RIGHT, DONE]);
    assert_eq!(ending, Ending { outcome: BY_SET_UP, farewell: None });
    assert_eq!(enrolment.as_deref(), Some("alice:1:5ea1"));
    assert_eq!(*world.saved.borrow(), [""; 0], "nothing is saved before the host has let them in");
    assert_eq!(*world.reserved.borrow(), ["alice 1:5ea1"]);
    // Whatever the host makes of it, nobody gets in so twice.
    let (prompts_again, ending, _) = set_up(&world, &[RIGHT, WRONG, GONE]);
    assert_eq!(prompts_again[0], "Verification code: ");
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::NoAnswer));
    assert_eq!(
        prompts,
        [
            "\nYou have no second factor yet, and one is needed here: an authenticator app on your phone.\n\
             Have the app ready. Press Enter for a QR code, or type t for a key to type in: ",
            "\nDARK\nCode of the app (q: QR code, i: inverted, t: key to type in): ",
            "\nThese recovery codes let you in, each once, if you lose the phone. Keep them in a safe place:\n\n\
             abcd-efgh\nijkl-mnop\n\nType ok once you have them: ",
        ]
    );
    let log = world.log();
    assert!(log.contains("outcome=proved reason=code-accepted method=set-up"), "{log}");
    assert!(!log.contains("GEZD") && !log.contains("5ea1") && !log.contains("abcd"), "{log}");
}

#[test]
fn the_secret_is_shown_light_or_dark_or_spelt_as_often_as_anybody_needs() {
    let world = newcomer("unenrolled = 'enroll'");
    let (prompts, ending, _) = set_up(&world, &[KEY, QR, INVERTED, INVERTED, ENTER, INVERTED, RIGHT, DONE]);
    assert_eq!(ending.outcome, BY_SET_UP);
    let shown: Vec<_> = prompts.iter().map(|prompt| prompt.lines().nth(1).unwrap()).collect();
    let by_hand = "In the app, add an account by hand: alice at example.org, time-based, with this key:";
    assert_eq!(shown[1..7], [by_hand, "DARK", "LIGHT", "DARK", "DARK", "LIGHT"]);
    assert!(prompts[1].contains(":\n\nGEZD GNBV\n\nCode of the app"), "{}", prompts[1]);
    // Nobody looks for ever.
    let world = newcomer("unenrolled = 'enroll'");
    let (prompts, ending, _) = set_up(&world, &[INVERTED; 11]);
    assert_eq!((prompts.len(), ending.outcome), (11, Outcome::Refused(Refusal::NotEnrolled)));
}

#[test]
fn an_unusual_app_is_described_where_it_is_spelt() {
    let world = World::unenrolled("[policy]\nunenrolled = 'enroll'\n[totp]\ndigits = 8\nperiod = 60");
    let (prompts, ..) = set_up(&world, &[KEY, None]);
    assert!(
        prompts[1].contains("\nIt is not of the usual kind: 8 digits, every 60 s, SHA1.\n\nGEZD"),
        "{}",
        prompts[1]
    );
}

#[test]
fn wrong_codes_are_told_how_often_there_is_another_try_and_then_nothing_is_kept() {
    let world = newcomer("unenrolled = 'enroll'");
    let (prompts, ending, enrolment) = set_up(&world, &[ENTER, WRONG, Some(b"x"), WRONG]);
    assert_eq!((ending.outcome, enrolment), (Outcome::Refused(Refusal::NotEnrolled), None));
    let again = "\nThat is not the code, 2 tries left. Is the clock of the phone right?\n\
                 Code of the app (q: QR code, i: inverted, t: key to type in): ";
    assert_eq!(prompts[2], again);
    let (_, ending, enrolment) = set_up(&world, &[ENTER, WRONG, INVERTED, RIGHT, DONE]);
    assert_eq!((ending.outcome, enrolment.is_some()), (BY_SET_UP, true));
}

#[test]
fn whoever_goes_away_leaves_nothing_wherever_they_are() {
    for ticket in [false, true] {
        let world = if ticket { invited("unenrolled = 'invite'") } else { newcomer("unenrolled = 'enroll'") };
        let all = [Some(TICKET.as_bytes()), ENTER, RIGHT, DONE];
        for length in 0..if ticket { 4 } else { 3 } {
            let mut answers = all[usize::from(!ticket)..][..length].to_vec();
            answers.push(GONE);
            let (_, ending, enrolment) = set_up(&world, &answers);
            assert_eq!((ending.outcome, enrolment), (Outcome::Refused(Refusal::NoAnswer), None), "{length}");
        }
        assert_eq!(*world.saved.borrow(), [""; 0]);
    }
}

#[test]
fn an_empty_answer_as_of_a_client_that_has_gone_saves_nothing() {
    let world = invited("unenrolled = 'invite'");
    let ticket = Some(TICKET.as_bytes());
    let (prompts, ending, _) = set_up(&world, &[ticket, ENTER, RIGHT, ENTER, Some(b"no"), GONE]);
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::NoAnswer));
    assert_eq!(*world.saved.borrow(), [""; 0]);
    assert!(prompts[3..].iter().all(|prompt| prompt.contains("abcd-efgh")), "{prompts:?}");
    let (_, ending, _) = set_up(&world, &[ticket, ENTER, RIGHT, ENTER, Some(b" OK ")][..]);
    assert_eq!(ending.outcome, BY_SET_UP);
}

#[test]
fn a_ticket_opens_what_nobody_else_is_offered_and_is_saved_at_once() {
    for settings in ["unenrolled = 'invite'", "unenrolled = 'enroll until 1970-01-01'"] {
        let world = invited(settings);
        world.now.set(86_400);
        let (prompts, ending, enrolment) = set_up(&world, &[WRONG, Some(TICKET.as_bytes()), ENTER, RIGHT, DONE]);
        assert_eq!((ending.outcome, enrolment), (BY_SET_UP, None), "{settings}");
        assert_eq!(*world.saved.borrow(), ["alice 1:5ea1"]);
        assert_eq!(prompts[0], "Verification code: ");
        assert_eq!(prompts[1], "Verification code: (wrong code, 2 tries left, ? for help) ");
        assert_eq!(world.rehearsals.get(), 2, "the time of an answer tells nothing");
    }
    let early = newcomer("unenrolled = 'enroll until 1970-01-01'");
    early.now.set(86_399);
    assert_eq!(set_up(&early, &[ENTER, RIGHT, DONE]).1.outcome, BY_SET_UP);
}

#[test]
fn without_a_ticket_the_invited_see_what_everybody_sees_who_is_refused() {
    let answers = [WRONG, Some(&b"?"[..]), Some(&b"0000-0000-0000-0000"[..]), WRONG];
    let (denied, refused) = newcomer("unenrolled = 'deny'").login(&answers);
    for (world, answers) in [
        (newcomer("unenrolled = 'invite'"), answers),
        (invited("unenrolled = 'invite'"), answers),
        (
            invited("unenrolled = 'deny'"),
            answers.map(|answer| if answer == WRONG { Some(TICKET.as_bytes()) } else { answer }),
        ),
    ] {
        let (prompts, ending) = world.login(&answers);
        assert_eq!(
            (prompts, ending),
            (denied.clone(), Ending { outcome: refused.outcome, farewell: refused.farewell.clone() })
        );
    }
    // Nor does anybody else's ticket help who does not exist.
    let (_, ending) = invited("unenrolled = 'enroll'").login_as("mallory", &[Some(TICKET.as_bytes()), WRONG, WRONG]);
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::UnknownUser));
}

#[test]
fn what_cannot_be_set_up_lets_nobody_in() {
    let outcome = |tool, settings, is_invited: bool, answers: &[Option<&[u8]>]| {
        let world = newcomer(settings);
        world.is_invited.set(is_invited);
        world.tool.set(tool);
        let (_, ending, enrolment) = set_up(&world, answers);
        assert_eq!((enrolment, world.saved.borrow().len()), (None, 0));
        assert_eq!(ending.outcome, Outcome::Unavailable);
        world.log()
    };
    let log = outcome(Tool::IsMissing, "unenrolled = 'enroll'", false, &[]);
    assert!(log.contains("outcome=unavailable reason=records-unavailable error=\"/usr/bin/twofactor: cannot"), "{log}");
    let log = outcome(Tool::CannotPrepare, "unenrolled = 'enroll'", false, &[ENTER, RIGHT]);
    assert!(log.contains("error=\"the disk is full\""), "{log}");
    let ticket = Some(TICKET.as_bytes());
    outcome(Tool::IsMissing, "unenrolled = 'invite'", true, &[ticket]);
    outcome(Tool::CannotSave, "unenrolled = 'enroll'", false, &[ENTER, RIGHT, DONE]);
    let log = outcome(Tool::CannotSave, "unenrolled = 'invite'", true, &[ticket, ENTER, RIGHT, DONE]);
    assert!(log.contains("error=\"the ticket was used\""), "{log}");
}

#[test]
fn where_nobody_can_be_asked_anything_else_nothing_is_set_up() {
    let world = newcomer("unenrolled = 'enroll'");
    let first_pass = Some(Secret::new(b"password123456".to_vec()));
    let passing = Passing { first_pass, first: FirstPass::All, forward: false };
    let (_, next) = Login::begin(world.world(), world.request("alice"), passing);
    let Next::End(ending) = next else { panic!("asked") };
    assert_eq!(ending.outcome, Outcome::Refused(Refusal::NotEnrolled));
}

#[test]
fn whoever_has_a_password_to_type_first_needs_a_ticket_and_the_password_goes_on() {
    let world = invited("unenrolled = 'enroll'");
    let passing = || Passing { first_pass: None, first: FirstPass::Ignored, forward: true };
    let (mut login, next) = Login::begin(world.world(), world.request("alice"), passing());
    let Next::Ask(prompt) = next else { panic!("not asked") };
    assert_eq!(*prompt.text, "Password & verification code: ");
    let Next::Ask(prompt) = login.answer(Some(format!("hunter2{TICKET}").as_bytes())) else { panic!("not admitted") };
    assert!(prompt.text.contains("You have no second factor yet"), "{}", *prompt.text);
    for answer in [ENTER, RIGHT] {
        login.answer(answer);
    }
    let Next::End(ending) = login.answer(DONE) else { panic!("no end") };
    assert_eq!(ending.outcome, BY_SET_UP);
    assert_eq!(login.take_password().unwrap().expose(), b"hunter2");
    world.is_invited.set(false);
    let (_, next) = Login::begin(world.world(), world.request("alice"), passing());
    let Next::Ask(prompt) = next else { panic!("not asked") };
    assert_eq!(*prompt.text, "Password & verification code: ");
}

#[test]
fn nothing_is_set_up_that_a_rule_would_not_take() {
    let world = World::unenrolled(
        "methods = ['totp', 'hotp']\n[policy]\nunenrolled = 'enroll'\n[[policy.rule]]\nmethods = ['hotp']",
    );
    let (prompts, ending, _) = set_up(&world, &[RIGHT, RIGHT, RIGHT]);
    assert_eq!((prompts[0].as_str(), ending.outcome), ("Verification code: ", Outcome::Refused(Refusal::NotEnrolled)));
}

#[test]
fn a_host_that_refuses_them_offers_them_nothing() {
    let world = newcomer("unenrolled = 'enroll'");
    let request = Request { is_refused: true, ..world.request("alice") };
    let (_, next) = Login::begin(world.world(), request, Passing::default());
    let Next::Ask(prompt) = next else { panic!("not asked") };
    assert_eq!(*prompt.text, "Verification code: ");
}
