//! Codes that were sent, and how many messages have gone out: what makes a code single-use, short-lived and rare.

use super::State;
use crate::clock::UnixTime;
use crate::enrolment::{DeviceId, Enrolment, Kind};
use crate::factor::recovery::Digest;
use crate::factor::sent::{MESSAGES_MAX, digest};
use crate::keyring::{DigestKey, KeyNumber};

/// A code that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentCode {
    /// By which channel.
    pub channel: Channel,
    /// To which device.
    pub device: DeviceId,
    /// What is kept of it.
    pub issued: Issued,
    /// How many wrong codes were tried while it was good.
    pub wrong: u32,
    /// It let somebody in.
    pub used: bool,
    /// It is known not to have gone out.
    pub failed: bool,
}

/// What is kept of a code that was issued for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The key that its digest key is derived from.
    pub key: KeyNumber,
    /// Its digest.
    pub digest: Digest,
    /// Since when it is good.
    pub since: UnixTime,
    /// From when on it is not.
    pub until: UnixTime,
}

/// How a code is sent, and what for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// By mail, as a method of its own.
    Email,
    /// To a telephone.
    Sms,
    /// By mail, for somebody who has lost the other methods.
    Rescue,
}

/// What a code turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// One that was sent and is good; it is used from now on.
    Right(Channel, DeviceId),
    /// One that has let somebody in.
    Used,
    /// One that is too old.
    Expired,
    /// None that was sent. `voided` if a good one has died of it.
    Wrong {
        /// Whether a good one has died of it.
        voided: bool,
    },
}

impl Issued {
    /// Takes down a code that is good from `now` on.
    #[must_use]
    pub fn now(key: &DigestKey, purpose: &str, code: &[u8], now: UnixTime, lifetime_seconds: u64) -> Self {
        let until = UnixTime(now.0.saturating_add(lifetime_seconds));
        Self { key: key.number, digest: digest(&key.secret, purpose, code), since: now, until }
    }

    /// Whether it is the code that was taken down.
    #[must_use]
    pub fn matches(&self, keys: &[DigestKey], purpose: &str, code: &[u8]) -> bool {
        let key = keys.iter().find(|key| key.number == self.key);
        key.is_some_and(|key| digest(&key.secret, purpose, code).is(&self.digest))
    }

    /// Whether it is good at that time. One from the future is not: the clock was set back.
    #[must_use]
    pub fn is_good(&self, now: UnixTime) -> bool {
        self.since <= now && now < self.until
    }
}

impl Channel {
    /// What a code sent to this device is digested for.
    #[must_use]
    pub fn purpose(self, device: DeviceId) -> String {
        let name = match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Rescue => "rescue",
        };
        format!("{name}/{}", device.0)
    }
}

impl SentCode {
    /// Whether it still opens anything.
    #[must_use]
    pub fn is_good(&self, now: UnixTime) -> bool {
        !self.used && self.wrong < WRONG_MAX && self.issued.is_good(now)
    }
}

impl State {
    /// The last code that went to this device until now and is not known to have failed.
    #[must_use]
    pub fn last_sent(&self, channel: Channel, device: DeviceId, now: UnixTime) -> Option<&SentCode> {
        let to_it = |code: &&SentCode| {
            code.channel == channel && code.device == device && !code.failed && code.issued.since <= now
        };
        self.sent.iter().filter(to_it).max_by_key(|code| code.issued.since)
    }

    /// Keeps a code. The one before it stays good, since mails overtake each other; of more, the oldest goes.
    pub fn keep_sent(&mut self, code: SentCode, now: UnixTime) {
        while self.sent.len() >= SENT_MAX {
            let oldest = self.sent.iter().enumerate().min_by_key(|(_, code)| (code.is_good(now), code.issued.since));
            let Some((at, _)) = oldest else { break };
            self.sent.remove(at);
        }
        self.sent.push(code);
    }

    /// Takes down that a code did not go out, so that another may be sent at once. It stays good: a server that said
    /// no may have said it after it had said yes to another.
    pub fn mark_failed(&mut self, channel: Channel, device: DeviceId, issued: &Issued) {
        let same = |code: &&mut SentCode| code.channel == channel && code.device == device && code.issued == *issued;
        if let Some(code) = self.sent.iter_mut().find(same) {
            code.failed = true;
        }
    }

    /// Judges a code against all that were sent by a channel that is `open`. A wrong one counts against every good
    /// one, whichever it was meant for.
    pub fn judge_sent(
        &mut self,
        keys: &[DigestKey],
        code: &str,
        now: UnixTime,
        open: impl Fn(Channel) -> bool,
    ) -> Judgement {
        let is_hit = |sent: &&SentCode| {
            open(sent.channel) && sent.issued.matches(keys, &sent.channel.purpose(sent.device), code.as_bytes())
        };
        // The same digits may have been sent before, and be of no use any more.
        let good = self.sent.iter().filter(|sent| sent.is_good(now)).find(is_hit);
        if let Some(sent) = good.or_else(|| self.sent.iter().find(is_hit)) {
            let (channel, device) = (sent.channel, sent.device);
            if sent.is_good(now) {
                self.sent.iter_mut().filter(|sent| sent.channel == channel).for_each(|sent| sent.used = true);
                return Judgement::Right(channel, device);
            }
            if sent.used {
                return Judgement::Used;
            }
            if sent.wrong < WRONG_MAX {
                return Judgement::Expired;
            }
        }
        let mut voided = false;
        for good in self.sent.iter_mut().filter(|sent| sent.is_good(now)) {
            good.wrong += 1;
            voided |= good.wrong >= WRONG_MAX;
        }
        Judgement::Wrong { voided }
    }

    /// How many seconds from `now` another message may go out to this user; 0 for at once.
    #[must_use]
    pub fn wait_to_send(&self, now: UnixTime, per_hour: u32) -> u64 {
        // They stand in the order in which they went out. Room is made by the one that is the last of so many.
        let mut recent = self.messages.iter().rev().map(|at| now.seconds_since(*at)).filter(|age| *age < HOUR_SECONDS);
        let last = usize::try_from(per_hour).ok().and_then(|count| recent.nth(count.saturating_sub(1)));
        last.map_or(0, |age| HOUR_SECONDS - age)
    }

    /// Counts a message that goes out to this user.
    pub fn count_message(&mut self, now: UnixTime) {
        self.messages.retain(|at| now.seconds_since(*at) < HOUR_SECONDS);
        if self.messages.len() >= MESSAGES_MAX {
            self.messages.remove(0);
        }
        self.messages.push(now);
    }

    /// Takes back a message of that time, which is known never to have left this host.
    pub fn uncount_message(&mut self, at: UnixTime) {
        if let Some(place) = self.messages.iter().rposition(|counted| *counted == at) {
            self.messages.remove(place);
        }
    }

    /// After the clock was set back, what is in the future counts as now, so that no wait is as long as the clock was
    /// wrong.
    pub fn forget_the_future(&mut self, now: UnixTime) {
        self.messages.iter_mut().for_each(|at| *at = (*at).min(now));
        self.rescue_asked = self.rescue_asked.min(now);
    }

    /// The keys of every code that is good now, or was issued at a time that is not known.
    pub fn keys_of_issued(&self, now: Option<UnixTime>) -> Vec<KeyNumber> {
        let issued = self.sent.iter().map(|code| &code.issued).chain(&self.bypass);
        issued.filter(|issued| now.is_none_or(|now| now < issued.until)).map(|issued| issued.key).collect()
    }

    /// Drops the codes of devices that are gone.
    pub(super) fn follow_sent(&mut self, enrolment: &Enrolment) {
        self.sent.retain(|code| {
            enrolment.devices.iter().any(|device| {
                device.id == code.device
                    && match code.channel {
                        Channel::Email | Channel::Rescue => matches!(device.kind, Kind::Email(_)),
                        Channel::Sms => matches!(device.kind, Kind::Sms(_)),
                    }
            })
        });
    }
}

/// What the code of an administrator is digested for.
pub const BYPASS_PURPOSE: &str = "bypass";
/// What the code of an invitation is digested for.
pub const INVITE_PURPOSE: &str = "invite";
/// How many codes a state has room for.
pub(super) const SENT_MAX: usize = 4;
/// So many wrong codes, and the good one is good no more.
const WRONG_MAX: u32 = 5;
const HOUR_SECONDS: u64 = 3600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    const NOW: UnixTime = UnixTime(10_000);
    const DEVICE: DeviceId = DeviceId(7);

    fn keys() -> Vec<DigestKey> {
        vec![DigestKey { number: KeyNumber::try_from(1).unwrap(), secret: Secret::new(vec![1; 32]) }]
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime(NOW.0 + seconds)
    }

    fn send(state: &mut State, channel: Channel, code: &str, now: UnixTime) {
        let issued = Issued::now(&keys()[0], &channel.purpose(DEVICE), code.as_bytes(), now, 300);
        let code = SentCode { channel, device: DEVICE, issued, wrong: 0, used: false, failed: false };
        state.keep_sent(code, now);
    }

    fn judge(state: &mut State, code: &str, now: UnixTime) -> Judgement {
        state.judge_sent(&keys(), code, now, |_| true)
    }

    fn state() -> State {
        State { sent: Vec::new(), ..State::of_nobody() }
    }

    #[test]
    fn a_code_is_good_once_and_not_for_ever() {
        let mut state = state();
        send(&mut state, Channel::Email, "111111", NOW);
        assert_eq!(judge(&mut state.clone(), "111111", at(299)), Judgement::Right(Channel::Email, DEVICE));
        assert_eq!(judge(&mut state.clone(), "111111", at(300)), Judgement::Expired);
        let before = UnixTime(NOW.0 - 1);
        assert_eq!(judge(&mut state.clone(), "111111", before), Judgement::Expired, "the clock was set back");
        assert_eq!(judge(&mut state, "111111", NOW), Judgement::Right(Channel::Email, DEVICE));
        assert_eq!(judge(&mut state, "111111", NOW), Judgement::Used);
    }

    #[test]
    fn the_fifth_wrong_code_voids_the_good_one() {
        let mut state = state();
        send(&mut state, Channel::Email, "111111", NOW);
        for _ in 0..4 {
            assert_eq!(judge(&mut state, "000000", NOW), Judgement::Wrong { voided: false });
        }
        let mut lucky = state.clone();
        assert_eq!(judge(&mut lucky, "111111", NOW), Judgement::Right(Channel::Email, DEVICE));
        assert_eq!(judge(&mut state, "000000", NOW), Judgement::Wrong { voided: true });
        assert_eq!(judge(&mut state, "111111", NOW), Judgement::Wrong { voided: false });
    }

    #[test]
    fn two_codes_that_overtake_each_other_are_good_but_only_one_of_them_gets_in() {
        let mut state = state();
        send(&mut state, Channel::Email, "111111", NOW);
        send(&mut state, Channel::Email, "222222", at(40));
        assert_eq!(judge(&mut state.clone(), "222222", at(50)), Judgement::Right(Channel::Email, DEVICE));
        assert_eq!(judge(&mut state, "111111", at(50)), Judgement::Right(Channel::Email, DEVICE));
        assert_eq!(judge(&mut state, "222222", at(50)), Judgement::Used);
    }

    #[test]
    fn a_channel_that_is_closed_lets_nobody_in() {
        let mut state = state();
        send(&mut state, Channel::Rescue, "111111", NOW);
        let judged = state.judge_sent(&keys(), "111111", NOW, |channel| channel != Channel::Rescue);
        assert_eq!(judged, Judgement::Wrong { voided: false });
    }

    #[test]
    fn a_code_whose_key_is_gone_lets_nobody_in() {
        let mut state = state();
        send(&mut state, Channel::Email, "111111", NOW);
        let judged = state.judge_sent(&[], "111111", NOW, |_| true);
        assert_eq!(judged, Judgement::Wrong { voided: false });
    }

    #[test]
    fn no_more_than_so_many_messages_go_out_in_any_hour() {
        let mut state = state();
        for minute in 0..6 {
            assert_eq!(state.wait_to_send(at(minute * 60), 6), 0, "{minute}");
            state.count_message(at(minute * 60));
        }
        assert_eq!(state.wait_to_send(at(360), 6), 3600 - 360);
        assert_eq!(state.wait_to_send(at(3599), 6), 1);
        assert_eq!(state.wait_to_send(at(3600), 6), 0, "the first is an hour old");
        state.count_message(at(3600));
        assert_eq!(state.wait_to_send(at(3600), 6), 60);
        assert_eq!(state.wait_to_send(at(3600), 3), 240, "fewer were allowed meanwhile");
    }

    #[test]
    fn a_good_code_is_good_though_an_old_one_had_the_same_digits() {
        let mut state = state();
        send(&mut state, Channel::Email, "111111", NOW);
        send(&mut state, Channel::Email, "111111", at(400));
        assert_eq!(judge(&mut state, "111111", at(401)), Judgement::Right(Channel::Email, DEVICE));
    }

    #[test]
    fn a_code_from_the_future_is_not_the_last_that_was_sent() {
        let mut state = state();
        send(&mut state, Channel::Email, "111111", NOW);
        send(&mut state, Channel::Email, "222222", at(500));
        let last = state.last_sent(Channel::Email, DEVICE, at(10)).unwrap();
        assert_eq!(last.issued.since, NOW);
    }

    #[test]
    fn a_clock_set_back_makes_no_wait_longer_than_an_hour() {
        let mut state = state();
        (0..6).for_each(|_| state.count_message(UnixTime(1 << 40)));
        state.rescue_asked = UnixTime(1 << 40);
        state.forget_the_future(NOW);
        assert_eq!(state.wait_to_send(NOW, 6), 3600);
        assert_eq!(state.wait_to_send(at(3600), 6), 0);
        assert_eq!(state.rescue_asked, NOW);
    }

    #[test]
    fn what_is_good_is_kept_before_what_is_not() {
        let mut state = state();
        send(&mut state, Channel::Sms, "111111", NOW);
        for (second, code) in [(1, "222222"), (2, "333333"), (3, "444444")] {
            send(&mut state, Channel::Email, code, at(second));
        }
        assert_eq!(judge(&mut state, "333333", at(4)), Judgement::Right(Channel::Email, DEVICE));
        send(&mut state, Channel::Email, "555555", at(5));
        assert_eq!(judge(&mut state, "111111", at(6)), Judgement::Right(Channel::Sms, DEVICE));
        assert_eq!(state.sent.len(), SENT_MAX);
    }
}
