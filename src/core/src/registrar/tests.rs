//! The records of one user in a directory of their own, under everything that an administrator does to them.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::enrolment::{Factor, Means};
use crate::factor::otp::Algorithm;
use crate::factor::recovery::{self, RecoveryCode};
use crate::factor::totp::{Judgement, Moving, Window};
use crate::state::Opened;
use crate::store::{Record, Roots, Store};
use crate::sys::Kernel;

/// RFC 6238's seed; its code of six digits at 59 s is 287082.
const SEED: &[u8] = b"12345678901234567890";
const CODE: &str = "287082";

struct Time(Cell<u64>);

impl Clock for Time {
    fn now(&self) -> Result<UnixTime, ClockError> {
        Ok(UnixTime(self.0.get()))
    }
}

struct Place {
    directory: TempDir,
    time: Time,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["users", "state"] {
            fs::create_dir(directory.path().join(name)).unwrap();
            fs::set_permissions(directory.path().join(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
        Self { directory, time: Time(Cell::new(59)) }
    }

    fn files(&self) -> Files<'_> {
        let records = self.directory.path().to_owned();
        Files::new(Roots { keyring: records.join("keyring.toml"), records }, Window::ONE, &self.time)
    }

    fn enrol(&self, label: &str) -> RecoveryCodes {
        let (files, secret) = (self.files(), Secret::new(SEED.to_vec()));
        let label = Label::try_from(label.to_owned()).unwrap();
        let parameters = Parameters::COMMON;
        let device = NewDevice {
            label,
            kind: NewKind::Otp { parameters, secret, proved: None },
            replace: true,
            primary: false,
            language: None,
        };
        Registrar::new(&files, &Kernel).enrol(&alice(), device, true).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Whether the TOTP code is taken now; if so, it is burnt.
    fn takes_totp(&self) -> bool {
        let mut taken = false;
        let files = self.files();
        files
            .visit(&alice(), &mut |now, factors, state| {
                for Factor { id, means, .. } in &factors.devices {
                    let Means::Otp(key) = means else { panic!("not an app") };
                    if let Judgement::Fresh(step) = key.judge(CODE, now, Window::ONE, state.burnt(*id)) {
                        state.burn(*id, step);
                        taken = true;
                    }
                }
                Record::Changed
            })
            .unwrap();
        taken
    }

    /// Whether a recovery code is taken now; if so, it is used.
    fn takes_recovery(&self, code: &str) -> bool {
        let mut taken = false;
        let files = self.files();
        files
            .visit(&alice(), &mut |_, factors, state| {
                let (key, issued) = factors.recovery.as_ref().unwrap();
                let code = RecoveryCode::read(&code.replace('-', "")).unwrap();
                if let Some(position) = recovery::position(&code.digest(key), issued)
                    && !state.is_recovery_used(position)
                {
                    state.use_recovery(position);
                    taken = true;
                }
                Record::Changed
            })
            .unwrap();
        taken
    }
}

fn alice() -> Account {
    Account { name: UserName::new("alice").unwrap(), uid: 1000 }
}

#[test]
fn nothing_that_an_administrator_does_brings_used_codes_back_when_the_state_is_lost() {
    type Work = fn(&Place);
    let works: [(&str, Work); 4] = [
        ("one more device", |place| drop(place.enrol("tablet"))),
        ("a device removed", |place| {
            let part = Part::Device(Label::try_from("tablet".to_owned()).unwrap());
            Registrar::new(&place.files(), &Kernel).remove_part(&alice(), &part).unwrap();
        }),
        ("unlocked", |place| {
            Registrar::new(&place.files(), &Kernel).unlock(&alice()).unwrap();
        }),
        ("a login", |place| {
            place.takes_totp();
        }),
    ];
    for (what, work) in works {
        let place = Place::new();
        let codes = place.enrol("phone");
        place.enrol("tablet");
        assert!(place.takes_recovery(&codes[0]), "{what}");
        fs::remove_file(place.path("state/alice")).unwrap();
        work(&place);
        let still = place.files().enrolment(&place.files().users().unwrap(), &alice()).unwrap().unwrap();
        assert!(still.recovery.is_some(), "{what}");
        assert!(codes.iter().all(|code| !place.takes_recovery(code)), "{what}");
    }
}

#[test]
fn new_recovery_codes_after_a_lost_state_are_good_and_nothing_else_is() {
    let place = Place::new();
    let old = place.enrol("phone");
    fs::remove_file(place.path("state/alice")).unwrap();
    let new = Registrar::new(&place.files(), &Kernel).issue_recovery(&alice()).unwrap();
    assert!(!place.takes_totp(), "the code of this moment may have been used");
    assert!(!place.takes_recovery(&old[0]));
    assert!(place.takes_recovery(&new[0]) && !place.takes_recovery(&new[0]));
}

#[test]
fn an_old_copy_of_the_enrolment_brings_nothing_back_even_after_a_removal() {
    let place = Place::new();
    let old = place.enrol("phone");
    assert!(place.takes_totp() && place.takes_recovery(&old[0]));
    let copy = fs::read(place.path("users/alice.toml")).unwrap();
    Registrar::new(&place.files(), &Kernel).remove(&alice().name).unwrap();
    place.enrol("phone");
    fs::write(place.path("users/alice.toml"), copy).unwrap();
    assert!(!place.takes_totp(), "the old device is not known and counts as used");
    assert!(old.iter().all(|code| !place.takes_recovery(code)));
}

#[test]
fn a_login_in_the_middle_of_an_issue_kills_neither_the_old_codes_nor_the_new_ones() {
    let place = Place::new();
    let old = place.enrol("phone");
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    let users = files.users().unwrap();
    let before = files.enrolment(&users, &alice()).unwrap().unwrap();
    let mut enrolment = before.clone();
    let new = registrar.issue(&mut enrolment, &files.keyring().unwrap()).unwrap();
    let generation = enrolment.recovery.as_ref().unwrap().generation;
    registrar.change_state(&before, |state| state.announce_recovery(generation)).unwrap();
    assert!(place.takes_recovery(&old[0]), "announced only");
    registrar.save(&users, &enrolment, &before).unwrap();
    assert!(!place.takes_recovery(&old[1]), "void from now on");
    assert!(new.iter().all(|code| place.takes_recovery(code)));
}

/// The locked state; panics if it is not to be had at once.
fn holder(states: &Directory) -> StateFile {
    match StateFile::open(states, "alice", Duration::ZERO).unwrap() {
        Opened::Locked(holder) => *holder,
        Opened::Missing | Opened::Held(_) => panic!("the state is not free"),
    }
}

fn failures(states: &Directory) -> u32 {
    StateFile::peek(states, "alice").unwrap().unwrap().failures.count
}

#[test]
fn a_state_that_its_holder_does_not_let_go_is_taken_over_and_the_holder_is_too_late() {
    let place = Place::new();
    place.enrol("phone");
    let states = place.files().states().unwrap();
    let mut stopped = holder(&states);
    assert!(matches!(StateFile::open(&states, "alice", Duration::ZERO).unwrap(), Opened::Held(_)));
    stopped.state.failures.count = 7;
    stopped.save().unwrap();
    let taken = {
        let _taking = states.lock().unwrap();
        StateFile::take_over(&states, "alice").unwrap()
    };
    assert_eq!(taken.state.failures.count, 7, "what was durable is carried over");
    stopped.state.failures.count = 0;
    assert!(stopped.save().is_err(), "what the holder does now is void");
    drop((stopped, taken));
    assert_eq!(failures(&states), 7);
    drop(holder(&states));
}

#[test]
fn a_take_over_that_was_cut_short_is_finished_by_the_next_one_and_loses_nothing() {
    use std::os::unix::fs::FileExt;
    let place = Place::new();
    place.enrol("phone");
    let states = place.files().states().unwrap();
    let mut stopped = holder(&states);
    stopped.state.failures.count = 7;
    stopped.save().unwrap();
    // Whoever began to take it over was killed after the seal and before the copy had the name.
    let file = fs::OpenOptions::new().write(true).open(place.path("state/alice")).unwrap();
    file.write_all_at(b"2FSEALED", 2048).unwrap();
    stopped.state.failures.count = 0;
    assert!(stopped.save().is_err(), "sealed, though the file still has its name");
    stopped.state.failures.count = 9;
    assert!(stopped.save().is_err());
    drop(stopped);
    // Nobody judges by a sealed file, not even now that its lock is free.
    assert!(matches!(StateFile::open(&states, "alice", Duration::ZERO).unwrap(), Opened::Held(_)));
    let files = place.files();
    let findings = files.visit(&alice(), &mut |_, _, _| Record::Changed).unwrap().unwrap();
    assert!(findings.taken_over.is_some());
    assert!(failures(&states) >= 7, "nothing that counted is lost");
    assert!(files.visit(&alice(), &mut |_, _, _| Record::Changed).unwrap().unwrap().taken_over.is_none());
}

#[test]
fn a_full_disk_leaves_no_sealed_state_behind() {
    let place = Place::new();
    place.enrol("phone");
    let states = place.files().states().unwrap();
    let stopped = holder(&states);
    // Stands in for a disk without room: the copy cannot be made.
    fs::create_dir(place.path("state/.alice.new")).unwrap();
    let _taking = states.lock().unwrap();
    assert!(StateFile::take_over(&states, "alice").is_err());
    drop(stopped);
    drop(holder(&states));
}

#[test]
fn who_waited_while_somebody_else_took_over_waits_for_them() {
    let place = Place::new();
    place.enrol("phone");
    let states = place.files().states().unwrap();
    let held = || match StateFile::open(&states, "alice", Duration::ZERO).unwrap() {
        Opened::Held(which) => which,
        Opened::Locked(_) | Opened::Missing => panic!("the state is not held"),
    };
    let stopped = holder(&states);
    let waited_for = held();
    let taken = {
        let _taking = states.lock().unwrap();
        StateFile::take_over(&states, "alice").unwrap()
    };
    assert_ne!(held(), waited_for, "another file, whose holder is none who was waited for");
    drop((stopped, taken));
}

/// The disk as a power cut leaves it: of every change the synced record, and of the next one a torn write.
#[test]
fn a_power_cut_in_the_next_change_loses_nothing_that_was_granted() {
    let place = Place::new();
    place.enrol("phone");
    let states = place.files().states().unwrap();
    let path = place.path("state/alice");
    let mut disk = fs::read(&path).unwrap();
    for granted in 1..=4u32 {
        let mut login = holder(&states);
        login.state.failures.count = granted;
        login.save().unwrap();
        drop(login);
        let cache = fs::read(&path).unwrap();
        // What was synced in this change is where the last change's copy was not; the copy of this one never gets there.
        let synced = if fs::read(&path).unwrap()[8] % 2 == 1 { 0..2048 } else { 4096..6144 };
        disk[synced.clone()].copy_from_slice(&cache[synced.clone()]);
        // The next change tears what it writes: the other record.
        let torn = if synced.start == 0 { 4096..6144 } else { 0..2048 };
        let mut after_the_cut = disk.clone();
        after_the_cut[torn.start + 100..torn.end].fill(0xff);
        fs::write(&path, &after_the_cut).unwrap();
        assert_eq!(failures(&states), granted);
        fs::write(&path, &cache).unwrap();
    }
}

#[test]
fn a_login_that_was_stopped_does_not_judge_by_a_device_that_was_removed() {
    let place = Place::new();
    place.enrol("phone");
    place.enrol("tablet");
    let files = place.files();
    let mut late = None;
    let judged = files.visit(&alice(), &mut |_, _, state| {
        // Stopped here, under the lock, with both devices before it. The take-over is what follows after ten seconds.
        let states = files.states().unwrap();
        let _taking = states.lock().unwrap();
        late = Some(StateFile::take_over(&states, "alice").unwrap().state.failures.count);
        state.failures.count = 0;
        Record::Changed
    });
    assert!(late.is_some() && judged.is_err(), "its change is void");
}

#[test]
fn a_damaged_state_is_made_anew_by_unlock_and_a_held_one_is_taken_over() {
    let place = Place::new();
    let codes = place.enrol("phone");
    let files = place.files();
    let states = files.states().unwrap();
    let registrar = Registrar::new(&files, &Kernel);
    let stopped = holder(&states);
    let file = fs::OpenOptions::new().write(true).open(place.path("state/alice")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"2FSEALED", 2048).unwrap();
    assert_eq!(registrar.unlock(&alice()).unwrap(), Some(0));
    drop(stopped);
    assert!(place.takes_recovery(&codes[0]));
    fs::write(place.path("state/alice"), vec![7; 8192]).unwrap();
    assert_eq!(registrar.unlock(&alice()).unwrap(), None);
    assert!(codes.iter().all(|code| !place.takes_recovery(code)));
}

#[test]
fn a_login_between_enrolment_and_state_of_a_new_device_brings_no_code_back() {
    let place = Place::new();
    place.enrol("phone");
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    let users = files.users().unwrap();
    let before = files.enrolment(&users, &alice()).unwrap().unwrap();
    let device = NewDevice {
        label: Label::try_from("tablet".to_owned()).unwrap(),
        kind: NewKind::Otp { parameters: Parameters::COMMON, secret: Secret::new(SEED.to_vec()), proved: None },
        replace: false,
        primary: false,
        language: None,
    };
    let draft = registrar.draft(before.clone(), [device], FirstCodes::New).unwrap();
    registrar.save(&users, &draft.enrolment, &before).unwrap();
    // Burns what the phone and the new tablet show now, since they share the seed here.
    assert!(place.takes_totp());
    registrar.change_state(&draft.enrolment, |state| state.introduce(draft.steps[0].0, None)).unwrap();
    assert!(!place.takes_totp());
}

#[test]
fn an_enrolment_that_was_lost_is_not_taken_for_one_that_never_was() {
    let place = Place::new();
    place.enrol("phone");
    fs::remove_file(place.path("users/alice.toml")).unwrap();
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    let lost = |error: RegistrarError| matches!(error, RegistrarError::Store(StoreError::EnrolmentLost { .. }));
    assert!(registrar.standing(&alice()).is_err_and(lost));
    assert!(registrar.issue_recovery(&alice()).is_err_and(lost));
    assert!(registrar.unlock(&alice()).is_err_and(lost));
    registrar.remove(&alice().name).unwrap();
    let codes = place.enrol("phone");
    assert!(place.takes_totp() && place.takes_recovery(&codes[0]));
}

#[test]
fn a_device_takes_its_own_parameters() {
    for algorithm in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
        let place = Place::new();
        let files = place.files();
        let secret =
            Registrar::new(&files, &Kernel).draw_secret(Parameters { algorithm, ..Parameters::COMMON }).unwrap();
        assert_eq!(secret.expose().len(), algorithm.secret_bytes());
    }
}

#[test]
fn a_device_that_is_replaced_keeps_its_place_and_logins_begin_with_what_they_began_with() {
    let place = Place::new();
    place.enrol("phone");
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    let mailbox = |primary| NewDevice {
        label: Label::try_from("mail".to_owned()).unwrap(),
        kind: NewKind::Email("alice@example.org".parse().unwrap()),
        replace: true,
        primary,
        language: None,
    };
    let order = || {
        let enrolment = registrar.standing(&alice()).unwrap().unwrap().enrolment;
        let opened = enrolment.open(&files.keyring().unwrap()).unwrap();
        opened.devices.iter().map(|factor| factor.label.as_str().to_owned()).collect::<Vec<_>>()
    };
    registrar.enrol(&alice(), mailbox(false), true).unwrap();
    place.enrol("phone");
    assert_eq!(order(), ["phone", "mail"]);
    registrar.enrol(&alice(), mailbox(true), true).unwrap();
    assert_eq!(order(), ["mail", "phone"]);
    registrar.enrol(&alice(), mailbox(false), true).unwrap();
    assert_eq!(order(), ["mail", "phone"], "the one in the place of the primary one is primary");
}

#[test]
fn a_bypass_code_keeps_its_key_until_it_is_void() {
    let place = Place::new();
    place.enrol("phone");
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    registrar.issue_bypass(&alice(), 3600).unwrap();
    registrar.add_key().unwrap();
    registrar.reseal(&[alice()]).unwrap();
    assert_eq!(registrar.retire_keys().unwrap(), []);
    registrar.issue_bypass(&alice(), 3600).unwrap();
    assert_eq!(registrar.retire_keys().unwrap().len(), 1);
}

/// RFC 4226 appendix D, which is of the same seed.
const HOTP: [&str; 10] =
    ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];

impl Place {
    fn enrol_token(&self) {
        let (files, secret) = (self.files(), Secret::new(SEED.to_vec()));
        let parameters = Parameters { moving: Moving::Counter { first: 0 }, ..Parameters::COMMON };
        let kind = NewKind::Otp { parameters, secret, proved: None };
        let device = NewDevice { label: named("token"), kind, replace: false, primary: false, language: None };
        Registrar::new(&files, &Kernel).enrol(&alice(), device, true).unwrap();
    }

    fn resync(&self, label: Option<&str>, codes: [&str; 2]) -> Result<Found, RegistrarError> {
        Registrar::new(&self.files(), &Kernel).resynchronise(&alice(), label.map(named).as_ref(), codes)
    }

    /// The last used counter or step of the only device.
    fn burnt(&self) -> Option<Step> {
        let standing = Registrar::new(&self.files(), &Kernel).standing(&alice()).unwrap().unwrap();
        standing.state.unwrap().burnt(standing.enrolment.devices[0].id)
    }

    /// All that a resync could change, but which of the two places of the state it was written to.
    fn all(&self) -> (Vec<u8>, State) {
        let states = self.files().states().unwrap();
        (fs::read(self.path("users/alice.toml")).unwrap(), StateFile::peek(&states, "alice").unwrap().unwrap())
    }
}

fn named(label: &str) -> Label {
    Label::try_from(label.to_owned()).unwrap()
}

#[test]
fn two_codes_that_find_nothing_change_nothing() {
    let place = Place::new();
    place.enrol_token();
    place.resync(None, [HOTP[1], HOTP[2]]).unwrap();
    let before = place.all();
    for codes in [[HOTP[1], HOTP[2]], [HOTP[2], HOTP[3]], [HOTP[5], HOTP[4]], [HOTP[5], HOTP[7]], ["", ""]] {
        assert!(matches!(place.resync(None, codes), Err(RegistrarError::NotFound)), "{codes:?}");
        assert_eq!(place.all(), before, "{codes:?}");
    }
    place.enrol("phone");
    assert!(matches!(place.resync(None, [HOTP[5], HOTP[6]]), Err(RegistrarError::WhichDevice)));
    assert!(matches!(place.resync(Some("tablet"), [HOTP[5], HOTP[6]]), Err(RegistrarError::NoSuchPart)));
    assert_eq!(place.resync(Some("token"), [HOTP[5], HOTP[6]]).unwrap().step, Step(6));
}

#[test]
fn what_was_used_before_a_token_was_found_is_not_found_when_the_state_is_lost_again() {
    let place = Place::new();
    place.enrol_token();
    for (first, is_found) in [(6, true), (2, false), (7, false), (8, true)] {
        fs::remove_file(place.path("state/alice")).unwrap();
        let found = place.resync(None, [HOTP[first], HOTP[first + 1]]);
        assert_eq!(found.is_ok(), is_found, "{first}: {found:?}");
        let expected = if is_found { first as u64 + 1 } else { u64::MAX };
        assert_eq!(place.burnt(), Some(Step(expected)), "{first}");
    }
}

#[test]
fn a_token_that_is_new_to_a_state_is_found_and_not_only_said_to_be() {
    let place = Place::new();
    place.enrol_token();
    let (files, enrolment) = (place.files(), fs::read(place.path("users/alice.toml")).unwrap());
    let alone = Registrar::new(&files, &Kernel);
    place.enrol("phone");
    alone.remove_part(&alice(), &Part::Device(named("token"))).unwrap();
    alone.unlock(&alice()).unwrap();
    let mut opened = StateFile::open(&files.states().unwrap(), "alice", Duration::ZERO).unwrap();
    let Opened::Locked(state) = &mut opened else { panic!("held") };
    let now = files.now().unwrap();
    state.state.follow(&files.enrolment(&files.users().unwrap(), &alice()).unwrap().unwrap(), now, Window::ONE);
    state.save().unwrap();
    drop(opened);
    // As by whatever carries enrolments from one host to another.
    fs::write(place.path("users/alice.toml"), enrolment).unwrap();
    assert_eq!(place.resync(None, [HOTP[3], HOTP[4]]).unwrap().step, Step(4));
    assert_eq!(place.burnt(), Some(Step(4)));
}

#[test]
fn a_clock_that_was_found_makes_no_used_code_good() {
    let place = Place::new();
    place.enrol("phone");
    // At 100 s the phone is two steps ahead: RFC 4226's codes are those of its steps.
    place.time.0.set(100);
    assert_eq!(place.resync(None, [HOTP[4], HOTP[5]]).unwrap().ahead_seconds, Some(60));
    assert_eq!(place.burnt(), Some(Step(5)));
    for codes in [[HOTP[4], HOTP[5]], [HOTP[3], HOTP[4]]] {
        assert!(matches!(place.resync(None, codes), Err(RegistrarError::NotFound)), "{codes:?}");
    }
    // Where the state is lost, what its clock may have shown counts as used.
    fs::remove_file(place.path("state/alice")).unwrap();
    assert!(!place.takes_totp());
    assert_eq!(place.burnt(), Some(Step(6)));
    // A clock that was set right again is found as soon as it has come past what was used.
    assert!(place.resync(None, [HOTP[3], HOTP[4]]).is_err());
    place.time.0.set(210);
    assert_eq!(place.resync(None, [HOTP[6], HOTP[7]]).unwrap().ahead_seconds, Some(0));
    assert!(!fs::read_to_string(place.path("users/alice.toml")).unwrap().contains("ahead"));
}

#[test]
fn whoever_is_spoken_to_in_another_language_loses_nothing_by_it() {
    let place = Place::new();
    place.enrol("phone");
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    let before = registrar.standing(&alice()).unwrap().unwrap();
    registrar.speak(&alice(), Some(Language::Fr)).unwrap();
    let after = registrar.standing(&alice()).unwrap().unwrap();
    assert_eq!(after.enrolment, Enrolment { language: Some(Language::Fr), ..before.enrolment.clone() });
    assert_eq!(after.state, before.state);
    registrar.speak(&alice(), None).unwrap();
    assert_eq!(registrar.standing(&alice()).unwrap().unwrap().enrolment, before.enrolment);
    registrar.remove(&alice().name).unwrap();
    assert!(matches!(registrar.speak(&alice(), None), Err(RegistrarError::NotEnrolled)));
}

impl Place {
    fn invite(&self, lifetime_seconds: u64) -> RecoveryCode {
        let invitation = Registrar::new(&self.files(), &Kernel).invite(&alice(), lifetime_seconds).unwrap();
        RecoveryCode::read(&invitation.code.replace('-', "")).unwrap()
    }

    /// alice's app, proved by the code of this moment.
    fn prepare(&self, ticket: Option<&RecoveryCode>) -> Result<Prepared, RegistrarError> {
        let kind = NewKind::Otp {
            parameters: Parameters::COMMON,
            secret: Secret::new(SEED.to_vec()),
            proved: Some(Step(self.time.0.get() / 30)),
        };
        let device = NewDevice { label: named("authenticator"), kind, replace: false, primary: false, language: None };
        Registrar::new(&self.files(), &Kernel).prepare(&alice(), device, ticket, true)
    }

    fn confirm(&self, sealed: &str) -> Result<(), RegistrarError> {
        Registrar::new(&self.files(), &Kernel).confirm(&alice(), sealed)
    }

    fn remove(&self) {
        Registrar::new(&self.files(), &Kernel).remove(&alice().name).unwrap();
    }

    fn invited_until(&self) -> Option<u64> {
        Registrar::new(&self.files(), &Kernel).invited_until(&alice()).unwrap().map(|until| until.0)
    }

    /// Every file with its content, also those that begin with a dot; but the keyring, which may be made at any time.
    fn records(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let directories = ["users", "state"].map(|name| fs::read_dir(self.path(name)).unwrap());
        let files = directories.into_iter().flatten().map(|entry| entry.unwrap().path());
        let mut records: Vec<_> = files.map(|path| (path.clone(), fs::read(&path).unwrap_or_default())).collect();
        records.sort();
        records
    }
}

#[test]
fn what_was_prepared_at_a_login_is_saved_once_it_is_confirmed_and_leaves_nothing_before() {
    let place = Place::new();
    let prepared = place.prepare(None).unwrap();
    assert_eq!(place.records(), []);
    assert_eq!(prepared.codes.len(), 10);
    place.confirm(&prepared.sealed).unwrap();
    assert!(!place.takes_totp(), "the code that proved the app is burnt");
    assert!(place.takes_recovery(&prepared.codes[3]) && !place.takes_recovery(&prepared.codes[3]));
    assert!(matches!(place.confirm(&prepared.sealed), Err(RegistrarError::AlreadyEnrolled)));
    assert!(matches!(place.prepare(None), Err(RegistrarError::AlreadyEnrolled)));
    let names: Vec<_> = place.records().into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, [place.path("state/alice"), place.path("users/alice.toml")]);
    let standing = Registrar::new(&place.files(), &Kernel).standing(&alice()).unwrap().unwrap();
    assert_eq!(standing.enrolment.devices[0].label, named("authenticator"));
    assert_eq!(place.burnt(), Some(Step(1)));
}

#[test]
fn an_invitation_is_good_for_one_set_up_however_many_were_prepared_by_it() {
    let place = Place::new();
    let ticket = place.invite(3600);
    assert_eq!(place.invited_until(), Some(59 + 3600));
    let before = place.records();
    let [first, second] = [0; 2].map(|_| place.prepare(Some(&ticket)).unwrap());
    assert_eq!(place.records(), before, "what is only prepared leaves the invitation as it was");
    place.confirm(&second.sealed).unwrap();
    assert_eq!(place.invited_until(), None);
    assert!(matches!(place.confirm(&first.sealed), Err(RegistrarError::AlreadyEnrolled)));
    place.remove();
    for sealed in [first.sealed, second.sealed] {
        assert!(matches!(place.confirm(&sealed), Err(RegistrarError::NotInvited)), "not even after a removal");
    }
    assert!(matches!(place.prepare(Some(&ticket)), Err(RegistrarError::NotInvited)));
    assert_eq!(place.records(), []);
}

#[test]
fn of_two_set_ups_that_are_confirmed_at_once_one_is_saved() {
    for is_invited in [false, true] {
        let place = Place::new();
        let ticket = is_invited.then(|| place.invite(3600));
        let prepared: Vec<_> = (0..8).map(|_| place.prepare(ticket.as_ref()).unwrap()).collect();
        let records = place.directory.path();
        // Each with a place of its own at the same records, as the processes of two logins have.
        let confirm = |sealed: &str| {
            let time = Time(Cell::new(59));
            let roots = Roots { keyring: records.join("keyring.toml"), records: records.to_owned() };
            let files = Files::new(roots, Window::ONE, &time);
            Registrar::new(&files, &Kernel).confirm(&alice(), sealed)
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = prepared.iter().map(|one| scope.spawn(|| confirm(&one.sealed))).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let refused = |result: &&Result<(), _>| matches!(result, Err(RegistrarError::AlreadyEnrolled));
        assert_eq!(results.iter().filter(refused).count(), 7, "{results:?}");
        let saved = results.iter().position(Result::is_ok).unwrap();
        assert!(place.takes_recovery(&prepared[saved].codes[0]));
    }
}

#[test]
fn without_a_ticket_there_is_one_chance_whatever_becomes_of_it() {
    let place = Place::new();
    let prepared: Vec<_> = (0..8).map(|_| place.prepare(None).unwrap()).collect();
    let records = place.directory.path();
    let reserve = |sealed: &str| {
        let time = Time(Cell::new(59));
        let roots = Roots { keyring: records.join("keyring.toml"), records: records.to_owned() };
        let files = Files::new(roots, Window::ONE, &time);
        Registrar::new(&files, &Kernel).reserve(&alice(), sealed)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = prepared.iter().map(|one| scope.spawn(|| reserve(&one.sealed))).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    let refused = |result: &&Result<(), _>| matches!(result, Err(RegistrarError::NotInvited));
    assert_eq!(results.iter().filter(refused).count(), 7, "{results:?}");
    assert!(place.files().needs_ticket(&alice()).unwrap());
    assert_eq!(place.invited_until(), None);
    // It was the last one, but for an administrator's ticket.
    let ticket = place.invite(3600);
    assert!(matches!(reserve(&prepared[0].sealed), Err(RegistrarError::NotInvited)));
    place.confirm(&place.prepare(Some(&ticket)).unwrap().sealed).unwrap();
    assert!(matches!(reserve(&prepared[0].sealed), Err(RegistrarError::AlreadyEnrolled)));
    place.remove();
    // What the host confirms is saved, and whoever is removed begins anew.
    assert!(!place.files().needs_ticket(&alice()).unwrap());
    reserve(&prepared[1].sealed).unwrap();
    place.confirm(&prepared[1].sealed).unwrap();
    assert!(!place.path("state/alice+invite").exists());
}

#[test]
fn an_invitation_is_good_until_it_is_over_replaced_or_taken_back() {
    let place = Place::new();
    let ticket = place.invite(3600);
    let prepared = place.prepare(Some(&ticket)).unwrap();
    let foreign = RecoveryCode::draw(&Kernel).unwrap();
    assert!(matches!(place.prepare(Some(&foreign)), Err(RegistrarError::NotInvited)));
    for elsewhen in [58, 59 + 3600] {
        place.time.0.set(elsewhen);
        assert_eq!(place.invited_until(), None);
        assert!(matches!(place.prepare(Some(&ticket)), Err(RegistrarError::InvitationOver)), "{elsewhen}");
    }
    place.time.0.set(59);
    let newer = place.invite(60);
    for void in [place.prepare(Some(&ticket)).err(), place.confirm(&prepared.sealed).err()] {
        assert!(matches!(void, Some(RegistrarError::NotInvited)), "{void:?}");
    }
    let prepared = place.prepare(Some(&newer)).unwrap();
    // Over between the two.
    place.time.0.set(59 + 60);
    let over = place.confirm(&prepared.sealed).unwrap_err();
    assert!(matches!(over, RegistrarError::InvitationOver));
    assert_eq!(over.to_string(), "the invitation is not good any more, or not yet");
    place.time.0.set(59);
    let registrar =
        |work: fn(&Registrar<'_>) -> Result<bool, RegistrarError>| work(&Registrar::new(&place.files(), &Kernel));
    assert!(!registrar(|registrar| registrar.remove(&alice().name)).unwrap(), "nobody was enrolled");
    assert!(matches!(place.confirm(&prepared.sealed), Err(RegistrarError::NotInvited)));
    assert!(matches!(registrar(|registrar| registrar.remove(&alice().name)), Err(RegistrarError::NotEnrolled)));
}

#[test]
fn an_invitation_is_for_one_account_and_nobody_who_is_enrolled_has_one() {
    let place = Place::new();
    let ticket = place.invite(3600);
    let (files, bob) = (place.files(), UserName::new("bob").unwrap());
    let registrar = Registrar::new(&files, &Kernel);
    let device = || {
        let kind = NewKind::Email("alice@example.org".parse().unwrap());
        NewDevice { label: named("mail"), kind, replace: false, primary: false, language: None }
    };
    for other in [Account { uid: 1001, ..alice() }, Account { name: bob.clone(), uid: 1000 }] {
        let refused = registrar.prepare(&other, device(), Some(&ticket), false).err();
        assert!(matches!(refused, Some(RegistrarError::NotInvited)), "{other:?}");
        assert_eq!(registrar.invited_until(&other).unwrap(), None);
    }
    fs::copy(place.path("state/alice+invite"), place.path("state/bob+invite")).unwrap();
    let refused = registrar.prepare(&Account { name: bob.clone(), uid: 1000 }, device(), Some(&ticket), false).err();
    assert!(matches!(refused, Some(RegistrarError::NotInvited)));
    // An administrator was faster.
    place.enrol("phone");
    assert!(!place.path("state/alice+invite").exists());
    assert!(matches!(registrar.invite(&alice(), 60), Err(RegistrarError::AlreadyEnrolled)));
    assert_eq!(registrar.enrolled().unwrap(), [alice().name]);
    fs::remove_file(place.path("users/alice.toml")).unwrap();
    assert!(registrar.invite(&alice(), 60).is_err(), "an enrolment that was lost is none that never was");
}

#[test]
fn what_was_prepared_is_good_for_an_hour_and_not_before_it_was() {
    let place = Place::new();
    place.time.0.set(10_000);
    let prepared = place.prepare(None).unwrap();
    for (now, is_good) in [(9939, false), (13_601, false), (0, false), (u64::MAX, false), (13_600, true)] {
        place.time.0.set(now);
        let confirmed = place.confirm(&prepared.sealed);
        assert_eq!(confirmed.is_ok(), is_good, "{now}: {confirmed:?}");
        if let Err(error) = confirmed {
            assert!(matches!(error, RegistrarError::PreparedOver), "{now}: {error:?}");
            assert_eq!(error.to_string(), "the enrolment was not prepared within the last 60 minutes");
        }
        assert!(is_good || place.records().is_empty());
    }
}

#[test]
fn what_was_prepared_is_for_its_user_and_saved_only_as_it_was() {
    let place = Place::new();
    let prepared = place.prepare(None).unwrap();
    let sealed: &str = &prepared.sealed;
    let (files, bob) = (place.files(), UserName::new("bob").unwrap());
    for other in [Account { uid: 1001, ..alice() }, Account { name: bob, uid: 1000 }] {
        let refused = Registrar::new(&files, &Kernel).confirm(&other, sealed);
        assert!(matches!(refused, Err(RegistrarError::PreparedSealed(OpenError::Refused { .. }))), "{other:?}");
    }
    for at in (2..sealed.len()).step_by(97) {
        let turned = if sealed.as_bytes()[at] == b'0' { "1" } else { "0" };
        let mut changed = sealed.to_owned();
        changed.replace_range(at..=at, turned);
        assert!(matches!(place.confirm(&changed), Err(RegistrarError::PreparedSealed(_))), "{at}");
    }
    let content = &sealed[2..];
    for spelt in [
        String::new(),
        ":".to_owned(),
        content.to_owned(),
        format!("+1:{content}"),
        format!("01:{content}"),
        format!(" 1:{content}"),
        format!("0:{content}"),
        format!("1:{}", content.to_uppercase()),
        format!("1:{content}\n"),
        format!("1:{content}0"),
        format!("4294967296:{content}"),
    ] {
        assert!(matches!(place.confirm(&spelt), Err(RegistrarError::NotPrepared)), "{spelt}");
    }
    for (spelt, is_gone) in
        [(format!("2:{content}"), true), ("1:".to_owned(), false), (format!("1:{content}00"), false)]
    {
        let refused = place.confirm(&spelt);
        let Err(RegistrarError::PreparedSealed(error)) = refused else { panic!("{refused:?}") };
        assert_eq!(matches!(error, OpenError::KeyGone { .. }), is_gone);
    }
    // A secret that was sealed for something else is no enrolment.
    place.enrol("phone");
    let enrolment = fs::read_to_string(place.path("users/alice.toml")).unwrap();
    place.remove();
    let theirs = enrolment.lines().find_map(|line| line.strip_prefix("sealed = ")).unwrap();
    assert!(place.confirm(&format!("1:{}", theirs.trim_matches('"'))).is_err());
    assert_eq!(place.records(), []);
    place.confirm(sealed).unwrap();
}

#[test]
fn a_key_that_was_retired_meanwhile_seals_no_enrolment_that_is_saved() {
    let place = Place::new();
    let prepared = place.prepare(None).unwrap();
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    registrar.add_key().unwrap();
    assert_eq!(registrar.retire_keys().unwrap().len(), 1);
    let refused = place.confirm(&prepared.sealed);
    assert!(matches!(refused, Err(RegistrarError::PreparedSealed(OpenError::KeyGone { .. }))), "{refused:?}");
    // Under an older key that is still there it is, and is sealed anew like any other.
    let prepared = place.prepare(None).unwrap();
    registrar.add_key().unwrap();
    place.confirm(&prepared.sealed).unwrap();
    assert!(matches!(registrar.reseal(&[alice()]).unwrap()[..], [Ok(true)]));
}

#[test]
fn an_invitation_keeps_its_key_until_it_is_over() {
    let place = Place::new();
    let ticket = place.invite(3600);
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    registrar.add_key().unwrap();
    assert_eq!(registrar.retire_keys().unwrap(), []);
    let prepared = place.prepare(Some(&ticket)).unwrap();
    place.confirm(&prepared.sealed).unwrap();
    place.remove();
    place.invite(3600);
    place.time.0.set(59 + 3600);
    assert_eq!(registrar.retire_keys().unwrap().len(), 1);
}

#[test]
fn a_disk_that_is_full_shows_while_somebody_can_still_be_told() {
    for full in ["users/.alice.toml.new", "state/.alice.new"] {
        let place = Place::new();
        // Stands in for a disk without room: the file cannot be made.
        fs::create_dir(place.path(full)).unwrap();
        assert!(place.prepare(None).is_err(), "{full}");
        assert_eq!(place.records(), [(place.path(full), Vec::new())], "the other one is taken away");
    }
}

#[test]
fn what_cannot_be_saved_in_the_end_leaves_the_invitation() {
    let place = Place::new();
    let ticket = place.invite(3600);
    let prepared = place.prepare(Some(&ticket)).unwrap();
    fs::create_dir(place.path("state/.alice.new")).unwrap();
    assert!(place.confirm(&prepared.sealed).is_err());
    assert!(!place.path("users/alice.toml").exists());
    fs::remove_dir(place.path("state/.alice.new")).unwrap();
    place.confirm(&prepared.sealed).unwrap();
    assert!(!place.path("state/alice+invite").exists());
}

#[test]
fn a_damaged_invitation_invites_nobody_and_stops_nothing() {
    let place = Place::new();
    let ticket = place.invite(3600);
    fs::write(place.path("state/alice+invite"), vec![7; 8192]).unwrap();
    assert_eq!(place.invited_until(), None);
    assert!(matches!(place.prepare(Some(&ticket)), Err(RegistrarError::NotInvited)));
    let files = place.files();
    assert_eq!(Registrar::new(&files, &Kernel).retire_keys().unwrap(), []);
    let ticket = place.invite(3600);
    assert!(place.prepare(Some(&ticket)).is_ok());
}

/// A device from elsewhere, its secret made of this byte.
fn from_elsewhere(label: &str, byte: u8, moving: Moving, used: Option<Step>) -> NewDevice {
    let parameters = Parameters { moving, ..Parameters::COMMON };
    let kind = NewKind::Otp { parameters, secret: Secret::new(vec![byte; 20]), proved: used };
    let label = Label::try_from(label.to_owned()).unwrap();
    NewDevice { label, kind, replace: false, primary: false, language: None }
}

#[test]
fn devices_from_elsewhere_come_in_one_write_or_not_at_all() {
    let place = Place::new();
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    let (time, counter) = (Parameters::COMMON.moving, Moving::Counter { first: 7 });
    let twice = vec![from_elsewhere("a", 1, time, None), from_elsewhere("a", 2, time, None)];
    assert!(matches!(
        registrar.import(&alice(), twice, FirstCodes::New, Scope::Named),
        Err(RegistrarError::LabelTaken { .. })
    ));
    assert!(registrar.enrolled().unwrap().is_empty());
    let many = (0..17).map(|byte| from_elsewhere(&format!("d{byte}"), byte, time, None)).collect();
    assert!(matches!(registrar.import(&alice(), many, FirstCodes::New, Scope::Named), Err(RegistrarError::NoRoom)));
    assert!(registrar.enrolled().unwrap().is_empty());

    let devices = || {
        let app = from_elsewhere("app", 1, time, Some(Step(3)));
        vec![app, from_elsewhere("token", 2, counter, Some(Step(9))), from_elsewhere("copy", 1, time, None)]
    };
    let label = |text: &str| Label::try_from(text.to_owned()).unwrap();
    let expected = [Arrival::New(label("app")), Arrival::New(label("token")), Arrival::Known(label("app"))];
    assert_eq!(
        registrar.rehearse_import(&alice(), &devices(), &FirstCodes::New, Scope::Named).unwrap().arrivals,
        expected
    );
    assert!(registrar.enrolled().unwrap().is_empty(), "rehearsed");
    let imported = registrar.import(&alice(), devices(), FirstCodes::New, Scope::Named).unwrap();
    assert_eq!((imported.arrivals.as_slice(), imported.codes.len()), (&expected[..], 10));
    let standing = registrar.standing(&alice()).unwrap().unwrap();
    let burnt = |id| standing.state.as_ref().unwrap().burnt(id);
    let found: Vec<_> = standing.enrolment.otp_devices().map(|(id, _)| burnt(id)).collect();
    assert_eq!(found, [Some(Step(3)), Some(Step(9))]);

    let again = registrar.import(&alice(), devices(), FirstCodes::New, Scope::Named).unwrap();
    assert!(again.codes.is_empty() && again.arrivals.iter().all(|arrival| matches!(arrival, Arrival::Known(_))));
    assert_eq!(registrar.standing(&alice()).unwrap().unwrap().enrolment, standing.enrolment, "nothing was written");
}

fn numbered(number: u32) -> Account {
    Account { name: UserName::new(&format!("user{number}")).unwrap(), uid: 2000 + number }
}

#[test]
fn people_who_are_taken_in_together_are_enrolled_together_or_not_at_all() {
    let place = Place::new();
    let files = place.files();
    let intake = |numbers: std::ops::Range<u32>| {
        let mut intake = Registrar::new(&files, &Kernel).begin_intake().unwrap();
        for number in numbers {
            let device = from_elsewhere("app", 1, Parameters::COMMON.moving, None);
            assert_eq!(intake.admit(&numbered(number), device, true).unwrap().len(), 10);
        }
        intake
    };
    let before = place.records();
    drop(intake(0..5));
    assert_eq!(place.records(), before, "nothing was saved");

    // In the way of the last of the enrolments, and of the last of the states.
    for blocked in ["users/user4.toml", "state/.user4.new"] {
        let people = intake(0..5);
        fs::create_dir(place.path(blocked)).unwrap();
        assert!(people.save().is_err(), "{blocked}");
        fs::remove_dir(place.path(blocked)).unwrap();
        assert_eq!(place.records(), before, "{blocked}");
    }
    intake(0..5).save().unwrap();
    let registrar = Registrar::new(&files, &Kernel);
    assert_eq!(registrar.enrolled().unwrap().len(), 5);
    for number in 0..5 {
        let standing = registrar.standing(&numbered(number)).unwrap().unwrap();
        assert_eq!(standing.state.unwrap().recovery_left(10), 10);
    }

    let mut intake = intake(5..7);
    for number in [4, 6] {
        let device = from_elsewhere("second", 2, Parameters::COMMON.moving, None);
        let again = intake.admit(&numbered(number), device, true);
        assert!(matches!(again, Err(RegistrarError::AlreadyEnrolled)), "{number}");
    }
    intake.save().unwrap();
    assert_eq!(registrar.enrolled().unwrap().len(), 7, "those who were taken in are");
}

#[test]
fn of_many_who_are_sealed_anew_one_whose_secret_does_not_open_keeps_back_nobody_else() {
    let place = Place::new();
    let files = place.files();
    let registrar = || Registrar::new(&files, &Kernel);
    let mut intake = registrar().begin_intake().unwrap();
    for number in 0..4 {
        let device = from_elsewhere("app", 1, Parameters::COMMON.moving, None);
        intake.admit(&numbered(number), device, false).unwrap();
    }
    intake.save().unwrap();
    let path = place.path("users/user2.toml");
    let spoilt = fs::read_to_string(&path).unwrap().replace("sealed = \"", "sealed = \"0000");
    fs::write(&path, &spoilt).unwrap();
    registrar().add_key().unwrap();
    let people = [0, 1, 2, 3, 9].map(numbered);
    let outcomes = registrar().reseal(&people).unwrap();
    assert!(matches!(outcomes[..], [Ok(true), Ok(true), Err(_), Ok(true), Ok(false)]), "{outcomes:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), spoilt);
    let again = registrar().reseal(&people).unwrap();
    assert!(matches!(again[..], [Ok(false), Ok(false), Err(_), Ok(false), Ok(false)]), "{again:?}");
    assert!(registrar().standing(&numbered(3)).unwrap().is_some(), "its secret opens");
}

/// What an administrator has decided about somebody since a list was begun is found under the lock.
#[test]
fn devices_of_nobody_in_particular_come_to_whoever_is_neither_enrolled_nor_invited() {
    let place = Place::new();
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    let device = |label: &str, byte| vec![from_elsewhere(label, byte, Parameters::COMMON.moving, None)];
    let import = |label: &str, byte, scope| registrar.import(&alice(), device(label, byte), FirstCodes::New, scope);
    place.invite(600);
    for scope in [Scope::Newcomers, Scope::Enrolled] {
        assert!(matches!(import("app", 1, scope), Err(RegistrarError::Invited)));
    }
    place.time.0.set(59 + 601);
    assert!(matches!(import("app", 1, Scope::Enrolled), Err(RegistrarError::NotEnrolled)));
    assert!(registrar.enrolled().unwrap().is_empty());
    assert_eq!(import("app", 1, Scope::Newcomers).unwrap().codes.len(), 10);

    let records = place.records();
    for scope in [Scope::Newcomers, Scope::Enrolled] {
        // One that has the label of theirs is another device all the same.
        assert!(matches!(import("app", 2, scope), Err(RegistrarError::EnrolledOtherwise)));
        assert!(matches!(import("other", 2, scope), Err(RegistrarError::EnrolledOtherwise)));
        let known = import("other", 1, scope).unwrap();
        assert_eq!(known.arrivals, [Arrival::Known(Label::try_from("app".to_owned()).unwrap())]);
    }
    assert_eq!(place.records(), records);
    assert!(import("other", 2, Scope::Named).is_ok());
}

#[test]
fn what_is_exported_has_its_secret_and_the_counter_that_comes_next() {
    let place = Place::new();
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    assert!(matches!(registrar.export(&alice()), Err(RegistrarError::NotEnrolled)));
    let device = from_elsewhere("token", 2, Moving::Counter { first: 7 }, Some(Step(9)));
    registrar.import(&alice(), vec![device], FirstCodes::None, Scope::Named).unwrap();
    let exported = registrar.export(&alice()).unwrap();
    assert_eq!(exported.len(), 1);
    assert_eq!((exported[0].label.as_str(), exported[0].secret.expose()), ("token", &[2; 20][..]));
    assert_eq!((exported[0].parameters.moving, exported[0].is_lost), (Moving::Counter { first: 10 }, false));
    fs::remove_file(place.path("state/alice")).unwrap();
    let lost = &registrar.export(&alice()).unwrap()[0];
    assert_eq!((lost.parameters.moving, lost.is_lost), (Moving::Counter { first: 7 }, true));
}

#[test]
fn a_secret_is_shown_again_with_the_counter_where_it_stands() {
    let place = Place::new();
    place.enrol("app");
    let files = place.files();
    let registrar = Registrar::new(&files, &Kernel);
    let shown = registrar.show(&alice(), None).unwrap();
    assert_eq!((shown.secret.expose(), shown.parameters), (SEED, Parameters::COMMON));

    let label = named("token");
    let parameters = Parameters { moving: Moving::Counter { first: 3 }, ..Parameters::COMMON };
    let kind = NewKind::Otp { parameters, secret: Secret::new(SEED.to_vec()), proved: Some(Step(7)) };
    let device = NewDevice { label: label.clone(), kind, replace: false, primary: false, language: None };
    registrar.enrol(&alice(), device, false).unwrap();
    let token = registrar.show(&alice(), Some(&label)).unwrap();
    assert_eq!(token.parameters.moving, Moving::Counter { first: 8 });
    assert!(matches!(registrar.show(&alice(), None), Err(RegistrarError::WhichDevice)));
    // Of a lost counter nothing is known but where it began.
    fs::remove_file(place.path("state/alice")).unwrap();
    let lost = registrar.show(&alice(), Some(&label)).unwrap();
    assert_eq!((lost.parameters.moving, lost.is_lost), (Moving::Counter { first: 3 }, true));
}
