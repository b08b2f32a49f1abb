//! What a login changes: burnt steps, used recovery codes, sent codes, failures. A fixed-size record, overwritten in place.

mod file;
#[cfg(fuzzing)]
pub mod fuzzed;
mod record;
mod remembered;
mod sent;

pub use file::{Damage, Identity, Opened, StateError, StateFile};
pub use record::RecordError;
pub use sent::{BYPASS_PURPOSE, Channel, INVITE_PURPOSE, Issued, Judgement, SentCode};

use crate::clock::UnixTime;
use crate::enrolment::{DeviceId, Enrolment};
use crate::factor::totp::{Step, Window};
use crate::throttle::Failures;

/// One user's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whose; must be the account's.
    pub uid: u32,
    /// The consecutive failures.
    pub failures: Failures,
    /// When the second factor was last proved; 0 for never.
    pub last_success: UnixTime,
    /// Which issue of recovery codes the used ones belong to.
    recovery_generation: u32,
    /// One bit for each used code of that issue.
    recovery_used: u32,
    /// The issue that will follow, none of it used; 0 for none.
    recovery_announced: u32,
    /// The last accepted step of each device that has steps.
    devices: Vec<DeviceState>,
    /// The last codes that were sent.
    sent: Vec<SentCode>,
    /// When messages went out to this user, as far as they count against the limit.
    messages: Vec<UnixTime>,
    /// The code that an administrator has issued; in the record of an invitation, its code.
    pub bypass: Option<Issued>,
    /// When the administrator was last asked for help; 0 for never.
    pub rescue_asked: UnixTime,
    /// Successes that spare the next question.
    remembered: Vec<Issued>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DeviceState {
    id: DeviceId,
    burnt: Option<Step>,
    /// By how many steps its clock was off this host's at the last accepted code.
    drift: Option<i32>,
}

impl DeviceState {
    fn new(id: DeviceId, burnt: Option<Step>) -> Self {
        Self { id, burnt, drift: None }
    }
}

impl State {
    /// The state of somebody who has just been enrolled: nothing was used.
    #[must_use]
    pub fn fresh(enrolment: &Enrolment) -> Self {
        Self {
            recovery_generation: enrolment.recovery.as_ref().map_or(0, |sheet| sheet.generation),
            devices: enrolment.otp_devices().map(|(id, _)| DeviceState::new(id, None)).collect(),
            ..Self::empty(enrolment.account.uid)
        }
    }

    /// The record of an invitation: whom it is for, and its code. One without a code says that a code is needed.
    #[must_use]
    pub fn invitation(uid: u32, issued: Option<Issued>) -> Self {
        Self { bypass: issued, ..Self::empty(uid) }
    }

    /// A state that belongs to nobody, to rehearse on.
    #[must_use]
    pub fn of_nobody() -> Self {
        Self { recovery_used: u32::MAX, ..Self::empty(u32::MAX) }
    }

    fn empty(uid: u32) -> Self {
        Self {
            uid,
            failures: Failures::default(),
            last_success: UnixTime::default(),
            recovery_generation: 0,
            recovery_used: 0,
            recovery_announced: 0,
            devices: Vec::new(),
            sent: Vec::new(),
            messages: Vec::new(),
            bypass: None,
            rescue_asked: UnixTime::default(),
            remembered: Vec::new(),
        }
    }

    /// The state of somebody whose own was lost: all that may have been used counts as used.
    #[must_use]
    pub fn rebuilt(enrolment: &Enrolment, now: UnixTime, window: Window) -> Self {
        let mut state = Self { recovery_used: u32::MAX, devices: Vec::new(), ..Self::fresh(enrolment) };
        state.follow(enrolment, now, window);
        state
    }

    /// Follows a changed enrolment. A device that is new here may have been used elsewhere, so that its steps count
    /// as used up to the end of the window. Of recovery codes only the issue that was announced is new; any other,
    /// which only a copy from another time or host can bring, is used up.
    pub fn follow(&mut self, enrolment: &Enrolment, now: UnixTime, window: Window) {
        self.devices.retain(|known| enrolment.otp_devices().any(|(id, _)| id == known.id));
        for (id, otp) in enrolment.otp_devices() {
            if !self.devices.iter().any(|known| known.id == id) {
                let burnt = Some(otp.parameters.last_acceptable(now, window));
                self.devices.push(DeviceState::new(id, burnt));
            }
        }
        self.follow_sent(enrolment);
        if let Some(sheet) = &enrolment.recovery {
            if sheet.generation == self.recovery_announced && self.recovery_announced != 0 {
                self.renew_recovery(sheet.generation);
            } else if sheet.generation != self.recovery_generation {
                self.recovery_used = u32::MAX;
            }
        }
    }

    /// The last step of a device that was accepted.
    #[must_use]
    pub fn burnt(&self, id: DeviceId) -> Option<Step> {
        self.devices.iter().find(|device| device.id == id).and_then(|device| device.burnt)
    }

    /// Marks a step, and with it every earlier one, as used. It never goes back.
    pub fn burn(&mut self, id: DeviceId, step: Step) {
        match self.devices.iter_mut().find(|device| device.id == id) {
            Some(device) => device.burnt = device.burnt.max(Some(step)),
            None => self.devices.push(DeviceState::new(id, Some(step))),
        }
    }

    /// Marks a step as used that two codes in a row have found. Of a counter that was not known it is the first certain
    /// word.
    pub fn find_again(&mut self, id: DeviceId, step: Step) {
        if let Some(device) = self.devices.iter_mut().find(|device| device.id == id) {
            device.burnt = device.burnt.filter(|burnt| *burnt != LOST).max(Some(step));
        }
    }

    /// Takes down by how many steps the clock of a device was off when its last code was accepted.
    pub fn note_drift(&mut self, id: DeviceId, drift: Option<i32>) {
        if let Some(device) = self.devices.iter_mut().find(|device| device.id == id) {
            device.drift = drift;
        }
    }

    /// By how many steps the clock of a device was off when its last code was accepted; `None` if that is not known.
    #[must_use]
    pub fn drift(&self, id: DeviceId) -> Option<i32> {
        self.devices.iter().find(|device| device.id == id).and_then(|device| device.drift)
    }

    /// Makes a new device known, with the step that proved it. What a login may have found of it already stays, except
    /// that nobody knew its counter: no code of it was taken then, and now it is known.
    pub fn introduce(&mut self, id: DeviceId, proved: Option<Step>) {
        self.devices.retain(|device| device.id != id || device.burnt != Some(LOST));
        match (self.devices.iter().any(|device| device.id == id), proved) {
            (false, burnt) => self.devices.push(DeviceState::new(id, burnt)),
            (true, Some(step)) => self.burn(id, step),
            (true, None) => {}
        }
    }

    /// Expects a new issue of recovery codes. Until the enrolment has it the old one holds.
    pub fn announce_recovery(&mut self, generation: u32) {
        self.recovery_announced = generation;
    }

    /// Begins a new issue of recovery codes, none of them used.
    pub fn renew_recovery(&mut self, generation: u32) {
        self.recovery_generation = generation;
        self.recovery_used = 0;
        self.recovery_announced = 0;
    }

    /// Whether the recovery code at this position was used; one beyond the record counts as used.
    #[must_use]
    pub fn is_recovery_used(&self, position: usize) -> bool {
        u32::try_from(position).ok().and_then(|at| 1u32.checked_shl(at)).is_none_or(|bit| self.recovery_used & bit != 0)
    }

    /// Marks the recovery code at this position as used.
    pub fn use_recovery(&mut self, position: usize) {
        if let Some(bit) = u32::try_from(position).ok().and_then(|at| 1u32.checked_shl(at)) {
            self.recovery_used |= bit;
        }
    }

    /// How many of so many codes are left.
    #[must_use]
    pub fn recovery_left(&self, issued: usize) -> usize {
        (0..issued).filter(|position| !self.is_recovery_used(*position)).count()
    }
}

/// What the last counter of a token is taken for while nobody knows it.
const LOST: Step = Step(u64::MAX);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Account, UserName};
    use crate::enrolment::{Device, Kind, Otp, RecoverySheet};
    use crate::factor::Label;
    use crate::factor::recovery::Digest;
    use crate::factor::totp::{Moving, Parameters};
    use crate::keyring::{KeyNumber, Sealed};

    const NOW: UnixTime = UnixTime(3000);

    fn enrolment(devices: &[u32], generation: u32) -> Enrolment {
        let sealed = Sealed { key: KeyNumber::try_from(1).unwrap(), content: Vec::new() };
        let device = |id: &u32| Device {
            id: DeviceId(*id),
            label: Label::try_from(format!("device {id}")).unwrap(),
            kind: Kind::Otp(Otp { parameters: Parameters::COMMON, sealed: sealed.clone() }),
            created: UnixTime(0),
        };
        Enrolment {
            account: Account { name: UserName::new("alice").unwrap(), uid: 1000 },
            generation: 0,
            devices: devices.iter().map(device).collect(),
            primary: None,
            language: None,
            recovery: Some(RecoverySheet {
                generation,
                sealed: sealed.clone(),
                digests: vec![Digest([0; 32]); 10],
                created: UnixTime(0),
            }),
        }
    }

    #[test]
    fn a_rebuilt_state_counts_everything_as_used() {
        let state = State::rebuilt(&enrolment(&[1, 2], 7), NOW, Window::ONE);
        assert_eq!(state.burnt(DeviceId(1)), Some(Step(101)), "the last step that could be accepted now");
        assert_eq!(state.burnt(DeviceId(2)), Some(Step(101)));
        assert_eq!(state.recovery_left(10), 0);
    }

    #[test]
    fn only_the_announced_issue_of_recovery_codes_is_new() {
        let mut state = State::fresh(&enrolment(&[1], 7));
        state.use_recovery(0);
        state.announce_recovery(3);
        state.follow(&enrolment(&[1], 7), NOW, Window::ONE);
        assert_eq!(state.recovery_left(10), 9, "the old issue holds until the enrolment has the new one");
        state.follow(&enrolment(&[1], 3), NOW, Window::ONE);
        assert_eq!(state.recovery_left(10), 10);
        for copy in [7, 8, 1] {
            let mut state = state.clone();
            state.follow(&enrolment(&[1], copy), NOW, Window::ONE);
            assert_eq!(state.recovery_left(10), 0, "{copy}");
            state.follow(&enrolment(&[1], 3), NOW, Window::ONE);
            assert_eq!(state.recovery_left(10), 0, "nor does the right one after it");
        }
    }

    #[test]
    fn a_device_that_appears_may_have_been_used_elsewhere() {
        let mut state = State::fresh(&enrolment(&[1], 1));
        state.burn(DeviceId(1), Step(50));
        state.follow(&enrolment(&[1, 2], 1), NOW, Window::ONE);
        assert_eq!(state.burnt(DeviceId(1)), Some(Step(50)));
        assert_eq!(state.burnt(DeviceId(2)), Some(Step(101)));
        state.follow(&enrolment(&[2], 1), NOW, Window::ONE);
        assert_eq!(state.burnt(DeviceId(1)), None);
    }

    fn token() -> Enrolment {
        let mut token = enrolment(&[1], 1);
        let Kind::Otp(otp) = &mut token.devices[0].kind else { panic!("no token") };
        otp.parameters.moving = Moving::Counter { first: 0 };
        token
    }

    #[test]
    fn a_token_that_a_login_has_seen_before_it_was_introduced_begins_where_it_was_proved() {
        for proved in [None, Some(Step(3))] {
            let mut state = State::fresh(&enrolment(&[], 1));
            state.follow(&token(), NOW, Window::ONE);
            assert_eq!(state.burnt(DeviceId(1)), Some(Step(u64::MAX)));
            state.introduce(DeviceId(1), proved);
            assert_eq!(state.burnt(DeviceId(1)), proved);
            state.burn(DeviceId(1), Step(9));
            state.introduce(DeviceId(1), proved);
            assert_eq!(state.burnt(DeviceId(1)), Some(Step(9)), "what is known stays");
        }
    }

    #[test]
    fn a_token_that_appears_is_used_up_until_two_codes_find_it() {
        let token = token();
        let mut state = State::rebuilt(&token, NOW, Window::ONE);
        assert_eq!(state.burnt(DeviceId(1)), Some(Step(u64::MAX)));
        state.find_again(DeviceId(1), Step(8));
        assert_eq!(state.burnt(DeviceId(1)), Some(Step(8)));
        state.find_again(DeviceId(1), Step(5));
        assert_eq!(state.burnt(DeviceId(1)), Some(Step(8)), "from then on it never goes back");
    }

    #[test]
    fn a_burnt_step_never_goes_back() {
        let mut state = State::fresh(&enrolment(&[1], 1));
        state.burn(DeviceId(1), Step(50));
        state.burn(DeviceId(1), Step(40));
        assert_eq!(state.burnt(DeviceId(1)), Some(Step(50)));
    }

    #[test]
    fn a_recovery_code_is_used_once() {
        let mut state = State::fresh(&enrolment(&[1], 1));
        for position in [0, 9, 31] {
            assert!(!state.is_recovery_used(position));
            state.use_recovery(position);
            assert!(state.is_recovery_used(position));
        }
        assert_eq!(state.recovery_left(10), 8);
        assert!(state.is_recovery_used(32));
    }
}
