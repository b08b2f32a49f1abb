//! Time-based one-time passwords (RFC 6238): keys, time steps, and which step a code belongs to.

use super::otp::{Algorithm, Digits, ParameterError, Period};
use crate::clock::UnixTime;
use crate::secret::Secret;

/// The number of a time step, RFC 6238's `T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Step(pub u64);

/// How many steps on either side of the current one are accepted: 0 to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(u8);

impl Window {
    /// One step either side, the network delay that RFC 6238 section 5.2 recommends to allow for.
    pub const ONE: Self = Self(1);
}

impl TryFrom<u8> for Window {
    type Error = ParameterError;

    fn try_from(steps: u8) -> Result<Self, ParameterError> {
        if steps <= 10 { Ok(Self(steps)) } else { Err(ParameterError::Window) }
    }
}

impl From<Window> for u8 {
    fn from(window: Window) -> Self {
        window.0
    }
}

/// What both sides of a TOTP device agreed on besides the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// The length of a code.
    pub digits: Digits,
    /// The length of a step.
    pub period: Period,
    /// The hash.
    pub algorithm: Algorithm,
}

impl Parameters {
    /// What every authenticator app assumes.
    pub const COMMON: Self = Self { digits: Digits::SIX, period: Period::THIRTY, algorithm: Algorithm::Sha1 };

    /// The step that `now` falls into.
    #[must_use]
    pub fn step_at(&self, now: UnixTime) -> Step {
        Step(now.0 / self.period.seconds())
    }

    /// When a step is over.
    #[must_use]
    pub fn end_of(&self, step: Step) -> UnixTime {
        UnixTime(step.0.saturating_add(1).saturating_mul(self.period.seconds()))
    }

    /// The last step whose code could be accepted at `now`.
    #[must_use]
    pub fn last_acceptable(&self, now: UnixTime, window: Window) -> Step {
        Step(self.step_at(now).0.saturating_add(u64::from(window.0)))
    }
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
        // The compliant constructor refuses 80-bit secrets; everything that it checks is checked by our own types.
        let totp = totp_rs::Builder::new()
            .with_algorithm(parameters.algorithm.for_totp_rs())
            .with_digits(parameters.digits.count())
            .with_skew(0)
            .with_step_duration(parameters.period.seconds())
            .with_secret(secret.expose().to_vec())
            .build_noncompliant();
        Ok(Self { totp, parameters })
    }

    /// Judges a code at `now` against every step of the window, given the last step that was ever accepted.
    ///
    /// Steps are tried one by one, not by the library's own window, so that a burnt step whose code happens to equal
    /// a fresh one's cannot shadow it.
    #[must_use]
    pub fn judge(&self, code: &str, now: UnixTime, window: Window, burnt: Option<Step>) -> Judgement {
        let current = self.parameters.step_at(now).0;
        let first = current.saturating_sub(u64::from(window.0));
        let last = current.saturating_add(u64::from(window.0));
        let mut seen_burnt = false;
        for step in first..=last {
            let Some(time) = step.checked_mul(self.parameters.period.seconds()) else { break };
            if self.totp.check(code, time) == Some(step) {
                if burnt.is_none_or(|burnt| Step(step) > burnt) {
                    return Judgement::Fresh(Step(step));
                }
                seen_burnt = true;
            }
        }
        if seen_burnt { Judgement::Replayed } else { Judgement::Wrong }
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
}

/// 80 bits: what google-authenticator gave out for years.
const SECRET_MIN_BYTES: usize = 10;
const SECRET_MAX_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: &[u8], digits: u8, period: u32, algorithm: Algorithm) -> Key {
        let parameters = Parameters {
            digits: Digits::try_from(digits).unwrap(),
            period: Period::try_from(period).unwrap(),
            algorithm,
        };
        Key::new(&Secret::new(secret.to_vec()), parameters).unwrap()
    }

    const NONE: Window = Window(0);

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
        // A step of one second makes the time the counter.
        let codes =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        let key = key(b"12345678901234567890", 6, 1, Algorithm::Sha1);
        for (counter, code) in (0..).zip(codes) {
            assert_eq!(key.judge(code, UnixTime(counter), NONE, None), Judgement::Fresh(Step(counter)));
        }
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
            let _ = key.judge("123456", UnixTime(now), Window(10), None);
        }
    }

    #[test]
    fn a_short_or_absurd_secret_makes_no_key() {
        for length in [0, 9, 129] {
            assert!(Key::new(&Secret::new(vec![7; length]), Parameters::COMMON).is_err(), "{length}");
        }
    }
}
