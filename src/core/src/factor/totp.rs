//! One-time passwords that a device makes by itself, from the time (RFC 6238) or from a counter (RFC 4226): keys, the
//! numbers that codes are made from, and which of them a code belongs to.

use super::Method;
use super::otp::{Algorithm, Digits, ParameterError, Period};
use crate::clock::UnixTime;
use crate::secret::Secret;

/// What a code is made from besides the secret: the number of a time step, RFC 6238's `T`, or a counter, RFC 4226's `C`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Step(pub u64);

/// Which codes are accepted besides the one that is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// How many time steps on either side of the current one: 0 to 10.
    steps: u8,
    /// How many counters after the next one, RFC 4226 section 7.4: 0 to 50.
    look_ahead: u8,
}

impl Window {
    /// One step either side, the network delay that RFC 6238 section 5.2 recommends to allow for, and ten codes of a token
    /// that were never typed in.
    pub const ONE: Self = Self { steps: 1, look_ahead: 10 };

    /// The same with so many time steps.
    ///
    /// # Errors
    /// More than 10.
    pub fn with_steps(self, steps: u8) -> Result<Self, ParameterError> {
        if steps <= 10 { Ok(Self { steps, ..self }) } else { Err(ParameterError::Window) }
    }

    /// The same with so many counters.
    ///
    /// # Errors
    /// More than 50.
    pub fn with_look_ahead(self, look_ahead: u8) -> Result<Self, ParameterError> {
        if look_ahead <= 50 { Ok(Self { look_ahead, ..self }) } else { Err(ParameterError::LookAhead) }
    }

    /// How many time steps on either side.
    #[must_use]
    pub fn steps(self) -> u8 {
        self.steps
    }

    /// How many counters after the next one.
    #[must_use]
    pub fn look_ahead(self) -> u8 {
        self.look_ahead
    }
}

/// What both sides of a device agreed on besides the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// The length of a code.
    pub digits: Digits,
    /// The hash.
    pub algorithm: Algorithm,
    /// What makes one code differ from the next.
    pub moving: Moving,
    /// How many steps on either side of the current one are accepted, or how many counters after the next one, where that
    /// is not as for everybody: it was agreed on elsewhere.
    pub window: Option<u8>,
}

/// What makes one code differ from the next, RFC 4226's moving factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moving {
    /// The time.
    Time {
        /// The length of a step.
        period: Period,
        /// How many steps the device's clock is ahead of this host's, as far as that was found out.
        ahead: i32,
    },
    /// A counter.
    Counter {
        /// The first one that may be used.
        first: u64,
    },
}

impl Moving {
    /// The same with a window of its own, in steps or in counters.
    ///
    /// # Errors
    /// It is wider than everybody's may be.
    pub fn checked_window(self, window: u8) -> Result<u8, ParameterError> {
        match self {
            Self::Time { .. } => Window::ONE.with_steps(window)?,
            Self::Counter { .. } => Window::ONE.with_look_ahead(window)?,
        };
        Ok(window)
    }
}

impl Parameters {
    /// What every authenticator app assumes.
    pub const COMMON: Self = Self {
        digits: Digits::SIX,
        algorithm: Algorithm::Sha1,
        moving: Moving::Time { period: Period::THIRTY, ahead: 0 },
        window: None,
    };

    /// The method that the codes are of.
    #[must_use]
    pub fn method(&self) -> Method {
        match self.moving {
            Moving::Time { .. } => Method::Totp,
            Moving::Counter { .. } => Method::Hotp,
        }
    }

    /// How long a step is in seconds; a counter has no time.
    #[must_use]
    pub fn period_seconds(&self) -> Option<u64> {
        match self.moving {
            Moving::Time { period, .. } => Some(period.seconds()),
            Moving::Counter { .. } => None,
        }
    }

    /// When a step is over, by this host's clock; of a counter, never.
    #[must_use]
    pub fn end_of(&self, step: Step) -> UnixTime {
        match self.moving {
            Moving::Time { period, ahead } => {
                let next = step.0.saturating_add(1).saturating_add_signed(i64::from(ahead).saturating_neg());
                UnixTime(next.saturating_mul(period.seconds()))
            }
            Moving::Counter { .. } => UnixTime(u64::MAX),
        }
    }

    /// The last step whose code could be accepted at `now`. Which counters may have been used no clock tells: all.
    #[must_use]
    pub fn last_acceptable(&self, now: UnixTime, window: Window) -> Step {
        match self.moving {
            Moving::Time { period, ahead } => {
                Step(step_at(now, period, ahead).saturating_add(self.own_or(window.steps)))
            }
            Moving::Counter { .. } => Step(u64::MAX),
        }
    }

    /// By how many steps the device's clock is off this host's, judged by a code; `None` if it has no clock.
    #[must_use]
    pub fn drift(&self, step: Step, now: UnixTime) -> Option<i32> {
        let Moving::Time { period, .. } = self.moving else { return None };
        let current = step_at(now, period, 0);
        i32::try_from(i128::from(step.0) - i128::from(current)).ok()
    }

    /// The window of this device, or else everybody's.
    fn own_or(&self, common: u8) -> u64 {
        self.window.unwrap_or(common).into()
    }

    /// The steps that a code could be of, given the last one that was ever accepted: the first one and the last.
    fn acceptable(&self, now: UnixTime, window: Window, burnt: Option<Step>) -> Option<(u64, u64)> {
        match self.moving {
            Moving::Time { period, ahead } => {
                let current = step_at(now, period, ahead);
                let steps = self.own_or(window.steps);
                Some((current.saturating_sub(steps), current.saturating_add(steps)))
            }
            Moving::Counter { first } => {
                let (next, ahead) = (next_counter(first, burnt)?, self.own_or(window.look_ahead));
                // At least the last one that was used is told from one that is wrong.
                Some((next.saturating_sub(ahead.max(1)).max(first), next.saturating_add(ahead)))
            }
        }
    }
}

/// The first counter that was not used; `None` if that is not known.
#[must_use]
pub fn next_counter(first: u64, burnt: Option<Step>) -> Option<u64> {
    burnt.map_or(Some(first), |burnt| burnt.0.checked_add(1).map(|next| next.max(first)))
}

fn step_at(now: UnixTime, period: Period, ahead: i32) -> u64 {
    (now.0 / period.seconds()).saturating_add_signed(ahead.into())
}

/// A device's secret, ready to judge codes.
pub struct Key {
    totp: totp_rs::Totp,
    parameters: Parameters,
}

impl Key {
    /// Puts secret and parameters together.
    ///
    /// # Errors
    /// The secret is shorter than the 80 bits of other modules' enrolments or longer than 128 bytes.
    pub fn new(secret: &Secret, parameters: Parameters) -> Result<Self, ParameterError> {
        if !(SECRET_MIN_BYTES..=SECRET_MAX_BYTES).contains(&secret.expose().len()) {
            return Err(ParameterError::SecretLength);
        }
        // A step of one second makes the time the number that the code is made from: RFC 6238 is RFC 4226 with a clock.
        // The compliant constructor refuses 80-bit secrets; everything that it checks is checked by our own types.
        let totp = totp_rs::Builder::new()
            .with_algorithm(parameters.algorithm.for_totp_rs())
            .with_digits(parameters.digits.count())
            .with_skew(0)
            .with_step_duration(1)
            .with_secret(secret.expose().to_vec())
            .build_noncompliant();
        Ok(Self { totp, parameters })
    }

    /// What both sides agreed on.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Judges a code at `now` against every step of the window, given the last step that was ever accepted.
    ///
    /// Steps are tried one by one, not by the library's own window, so that a burnt step whose code happens to equal
    /// a fresh one's cannot shadow it.
    #[must_use]
    pub fn judge(&self, code: &str, now: UnixTime, window: Window, burnt: Option<Step>) -> Judgement {
        let Some((first, last)) = self.parameters.acceptable(now, window, burnt) else { return Judgement::Lost };
        let mut seen_burnt = false;
        for step in first..=last {
            if self.is_of(code, step) {
                if burnt.is_none_or(|burnt| Step(step) > burnt) {
                    return Judgement::Fresh(Step(step));
                }
                seen_burnt = true;
            }
        }
        if seen_burnt { Judgement::Replayed } else { Judgement::Wrong }
    }

    /// The later of two steps in a row that two codes are of, the nearest to what is expected, within
    /// [`RESYNC_SECONDS`] or [`RESYNC_COUNTERS`]. What was used is not found again, unless a counter that is not known
    /// is to be found, which may be as far as [`LOST_COUNTERS`] from where it began.
    #[must_use]
    pub fn resynchronise(&self, codes: [&str; 2], now: UnixTime, burnt: Option<Step>) -> Option<Step> {
        let [earlier, later] = codes;
        let is_pair = |first: u64| {
            let second = first.checked_add(1)?;
            (self.is_of(earlier, first) && self.is_of(later, second)).then_some(Step(second))
        };
        match self.parameters.moving {
            Moving::Time { period, .. } => {
                let current = step_at(now, period, 0);
                let farthest = RESYNC_SECONDS / period.seconds();
                let near = (0..=farthest).flat_map(|off| [current.checked_add(off), current.checked_sub(off)]);
                let fresh = |step: &Step| burnt.is_none_or(|burnt| *step > burnt);
                near.flatten().filter_map(is_pair).find(fresh)
            }
            Moving::Counter { first } => {
                let next = next_counter(first, burnt);
                let (next, farthest) = next.map_or((first, LOST_COUNTERS), |next| (next, RESYNC_COUNTERS));
                (next..=next.saturating_add(farthest)).find_map(is_pair)
            }
        }
    }

    fn is_of(&self, code: &str, step: u64) -> bool {
        self.totp.check(code, step) == Some(step)
    }
}

/// What a code turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// The code of this step, which was not used yet.
    Fresh(Step),
    /// The code of a step that was used already, or of one before it.
    Replayed,
    /// No code of this window.
    Wrong,
    /// Nobody knows which codes of this counter were used, so that all of them count as used.
    Lost,
}

/// How far a clock may be off to be found by two codes: 2 hours.
pub const RESYNC_SECONDS: u64 = 2 * 3600;
/// How far a counter may be ahead to be found by two codes.
pub const RESYNC_COUNTERS: u64 = 1000;
/// How far a counter that is not known may have come: twenty codes a day for four years.
pub const LOST_COUNTERS: u64 = 30_000;
/// 80 bits: what google-authenticator gave out for years.
const SECRET_MIN_BYTES: usize = 10;
const SECRET_MAX_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &[u8], digits: u8, period: u32, algorithm: Algorithm) -> Key {
        let moving = Moving::Time { period: Period::try_from(period).unwrap(), ahead: 0 };
        let parameters = Parameters { digits: Digits::try_from(digits).unwrap(), algorithm, moving, window: None };
        Key::new(&Secret::new(secret.to_vec()), parameters).unwrap()
    }

    const NONE: Window = Window { steps: 0, look_ahead: 0 };

    const NOW: UnixTime = UnixTime(1_800_000_000);
    /// RFC 4226 appendix D.
    const HOTP: [&str; 10] =
        ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];

    fn token(first: u64) -> Key {
        let parameters = Parameters { moving: Moving::Counter { first }, ..Parameters::COMMON };
        Key::new(&Secret::new(b"12345678901234567890".to_vec()), parameters).unwrap()
    }

    #[test]
    fn rfc_6238_appendix_b() {
        let seeds: [(&[u8], Algorithm); 3] = [
            (b"12345678901234567890", Algorithm::Sha1),
            (b"12345678901234567890123456789012", Algorithm::Sha256),
            (b"1234567890123456789012345678901234567890123456789012345678901234", Algorithm::Sha512),
        ];
        let table = [
            (59, ["94287082", "46119246", "90693936"]),
            (1_111_111_109, ["07081804", "68084774", "25091201"]),
            (1_111_111_111, ["14050471", "67062674", "99943326"]),
            (1_234_567_890, ["89005924", "91819424", "93441116"]),
            (2_000_000_000, ["69279037", "90698825", "38618901"]),
            (20_000_000_000, ["65353130", "77737706", "47863826"]),
        ];
        for (time, codes) in table {
            for ((seed, algorithm), code) in seeds.iter().zip(codes) {
                let judged = key(seed, 8, 30, *algorithm).judge(code, UnixTime(time), NONE, None);
                assert_eq!(judged, Judgement::Fresh(Step(time / 30)), "{time} {algorithm:?}");
            }
        }
    }

    #[test]
    fn rfc_4226_appendix_d() {
        let token = token(0);
        for (counter, code) in (0..).zip(HOTP) {
            let burnt = (counter > 0).then(|| Step(counter - 1));
            assert_eq!(token.judge(code, NOW, NONE, burnt), Judgement::Fresh(Step(counter)));
        }
    }

    #[test]
    fn a_device_with_a_window_of_its_own_has_that_and_no_other() {
        let own = |window, moving| {
            let parameters = Parameters { window: Some(window), moving, ..Parameters::COMMON };
            Key::new(&Secret::new(b"12345678901234567890".to_vec()), parameters).unwrap()
        };
        let judged = |key: &Key, off: i64| {
            let step = (NOW.0 / 30).saturating_add_signed(off);
            key.judge(&key.totp.generate(step).to_string(), NOW, Window::ONE, None)
        };
        let (wide, narrow) = (own(3, Parameters::COMMON.moving), own(0, Parameters::COMMON.moving));
        assert!([-3, 3].iter().all(|off| matches!(judged(&wide, *off), Judgement::Fresh(_))));
        assert!([-4, 4].iter().all(|off| judged(&wide, *off) == Judgement::Wrong));
        assert!([-1, 1].iter().all(|off| judged(&narrow, *off) == Judgement::Wrong));
        assert_eq!(wide.parameters.last_acceptable(NOW, Window::ONE), Step(NOW.0 / 30 + 3));

        let token = own(2, Moving::Counter { first: 0 });
        assert_eq!(token.judge(HOTP[2], NOW, Window::ONE, None), Judgement::Fresh(Step(2)));
        assert_eq!(token.judge(HOTP[3], NOW, Window::ONE, None), Judgement::Wrong);
    }

    #[test]
    fn a_token_is_followed_as_far_as_it_may_have_been_pressed_and_never_back() {
        let (token, window) = (token(0), Window { steps: 0, look_ahead: 3 });
        assert_eq!(token.judge(HOTP[3], NOW, window, None), Judgement::Fresh(Step(3)));
        assert_eq!(token.judge(HOTP[4], NOW, window, None), Judgement::Wrong, "too far");
        assert_eq!(token.judge(HOTP[4], NOW, window, Some(Step(0))), Judgement::Fresh(Step(4)));
        for (used, judgement) in
            [(1, Judgement::Wrong), (2, Judgement::Replayed), (3, Judgement::Replayed), (4, Judgement::Replayed)]
        {
            assert_eq!(token.judge(HOTP[used], NOW, window, Some(Step(4))), judgement, "{used}");
        }
        assert_eq!(token.judge(HOTP[0], NOW, window, Some(Step(u64::MAX))), Judgement::Lost);
        assert_eq!(token.judge(HOTP[0], NOW, window, Some(Step(u64::MAX - 1))), Judgement::Wrong);
    }

    #[test]
    fn a_token_that_may_not_be_ahead_at_all_is_told_that_its_last_code_was_used() {
        let token = token(0);
        assert_eq!(token.judge(HOTP[4], NOW, NONE, Some(Step(4))), Judgement::Replayed);
        assert_eq!(token.judge(HOTP[3], NOW, NONE, Some(Step(4))), Judgement::Wrong);
        assert_eq!(token.judge(HOTP[6], NOW, NONE, Some(Step(4))), Judgement::Wrong);
    }

    #[test]
    fn a_token_begins_where_it_was_said_to() {
        let token = token(5);
        assert_eq!(token.judge(HOTP[4], NOW, Window::ONE, None), Judgement::Wrong);
        assert_eq!(token.judge(HOTP[5], NOW, Window::ONE, Some(Step(2))), Judgement::Fresh(Step(5)));
    }

    #[test]
    fn two_codes_in_a_row_find_a_token_again_but_nothing_that_was_used() {
        let token = token(0);
        let find = |first: usize, second: usize, burnt| token.resynchronise([HOTP[first], HOTP[second]], NOW, burnt);
        assert_eq!(find(7, 8, None), Some(Step(8)));
        assert_eq!(find(7, 8, Some(Step(6))), Some(Step(8)));
        assert_eq!(find(7, 8, Some(Step(7))), None, "the first of them was used");
        assert_eq!(find(7, 8, Some(Step(u64::MAX))), Some(Step(8)), "it is not known what was used");
        for (first, second) in [(8, 7), (7, 9), (7, 7)] {
            assert_eq!(find(first, second, None), None, "{first} {second}");
        }
    }

    #[test]
    fn a_token_is_looked_for_so_far_and_no_farther() {
        let token = token(7);
        let find = |first: u64, burnt| {
            let codes = [first, first + 1].map(|counter| token.totp.generate(counter).to_string());
            token.resynchronise([&codes[0], &codes[1]], NOW, burnt)
        };
        let (known, lost) = (Some(Step(9)), Some(Step(u64::MAX)));
        for (first, burnt, found) in [
            (10 + RESYNC_COUNTERS, known, true),
            (11 + RESYNC_COUNTERS, known, false),
            (7 + RESYNC_COUNTERS, None, true),
            (8 + RESYNC_COUNTERS, None, false),
            (7 + LOST_COUNTERS, lost, true),
            (8 + LOST_COUNTERS, lost, false),
            (6, lost, false),
        ] {
            assert_eq!(find(first, burnt), found.then_some(Step(first + 1)), "{first} {burnt:?}");
        }
        let last = Parameters { moving: Moving::Counter { first: u64::MAX - 1 }, ..Parameters::COMMON };
        let last = Key::new(&Secret::new(b"12345678901234567890".to_vec()), last).unwrap();
        assert_eq!(last.resynchronise(["755224", "287082"], NOW, None), None, "the end of all counters");
    }

    #[test]
    fn two_codes_in_a_row_tell_how_far_a_clock_is_off_within_two_hours() {
        let key = key(b"12345678901234567890", 6, 30, Algorithm::Sha1);
        let code = |step: u64| key.totp.generate(step).to_string();
        let now = UnixTime(2_000_000_000);
        let current = now.0 / 30;
        for off in [-239i64, -90, -1, 0, 1, 90, 239] {
            let first = current.saturating_add_signed(off);
            let (one, two) = (code(first), code(first + 1));
            let found = key.resynchronise([&one, &two], now, None);
            assert_eq!(found, Some(Step(first + 1)), "{off}");
            assert_eq!(key.parameters.drift(Step(first + 1), now), Some(i32::try_from(off + 1).unwrap()));
            assert_eq!(key.resynchronise([&one, &two], now, Some(Step(first + 1))), None, "it was used");
        }
        let beyond = current + 241;
        assert_eq!(key.resynchronise([&code(beyond), &code(beyond + 1)], now, None), None);
    }

    #[test]
    fn a_clock_that_is_known_to_be_off_is_allowed_for() {
        let moving = Moving::Time { period: Period::THIRTY, ahead: 90 };
        let parameters = Parameters { moving, ..Parameters::COMMON };
        let key = Key::new(&Secret::new(b"12345678901234567890".to_vec()), parameters).unwrap();
        let code = key.totp.generate(1090).to_string();
        assert_eq!(key.judge(&code, UnixTime(30_000), Window::ONE, None), Judgement::Fresh(Step(1090)));
        assert_eq!(key.judge(&code, UnixTime(30_000), Window::ONE, Some(Step(1090))), Judgement::Replayed);
        assert_eq!(parameters.last_acceptable(UnixTime(30_000), Window::ONE), Step(1091));
        assert_eq!(parameters.end_of(Step(1091)), UnixTime(30_060));
    }

    #[test]
    fn a_used_step_and_all_before_it_are_replays() {
        let key = key(b"12345678901234567890", 8, 30, Algorithm::Sha1);
        let (now, burnt) = (UnixTime(59), Some(Step(1)));
        assert_eq!(key.judge("94287082", now, Window::ONE, burnt), Judgement::Replayed);
        assert_eq!(key.judge("94287082", now, Window::ONE, Some(Step(2))), Judgement::Replayed);
        assert_eq!(key.judge("94287082", now, Window::ONE, Some(Step(0))), Judgement::Fresh(Step(1)));
        assert_eq!(key.judge("94287082", UnixTime(120), Window::ONE, None), Judgement::Wrong, "two steps late");
    }

    #[test]
    fn only_plain_digits_of_the_right_length_are_a_code() {
        let key = key(b"12345678901234567890", 8, 30, Algorithm::Sha1);
        for code in ["", "9428708", "942870820", "+4287082", " 94287082", "\u{ff19}4287082", "9428708\u{662}"] {
            assert_eq!(key.judge(code, UnixTime(59), Window::ONE, None), Judgement::Wrong, "{code:?}");
        }
    }

    #[test]
    fn the_edges_of_time_do_not_panic() {
        let key = key(b"12345678901234567890", 6, 1, Algorithm::Sha1);
        for now in [0, 1, u64::MAX - 1, u64::MAX] {
            let _ = key.judge("123456", UnixTime(now), Window { steps: 10, look_ahead: 50 }, None);
        }
    }

    #[test]
    fn a_short_or_absurd_secret_makes_no_key() {
        for length in [0, 9, 129] {
            assert!(Key::new(&Secret::new(vec![7; length]), Parameters::COMMON).is_err(), "{length}");
        }
    }
}
