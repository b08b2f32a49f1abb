//! How long somebody has to wait after failures, and when only an administrator can help (NIST SP 800-63B, 5.2.2).

use crate::clock::UnixTime;

/// The limits of the configuration, `[limits]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// This many consecutive failures cost nothing.
    pub free_failures: u32,
    /// No wait grows beyond this, in seconds.
    pub longest_wait_seconds: u64,
    /// From this many consecutive failures on, an administrator must unlock.
    pub lock_after: u32,
}

/// The consecutive failures of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Failures {
    /// How many there have been since the last success.
    pub count: u32,
    /// When the last one was.
    pub last: UnixTime,
}

impl Failures {
    /// One more.
    #[must_use]
    pub fn and_one_at(self, now: UnixTime) -> Self {
        Self { count: self.count.saturating_add(1), last: now }
    }

    /// The same failures, none of them in the future: after the clock was set back, a wait runs from now.
    #[must_use]
    pub fn not_after(self, now: UnixTime) -> Self {
        Self { last: self.last.min(now), ..self }
    }
}

/// Whether a code is judged now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It is.
    Open,
    /// Not for so many seconds, at least 1.
    Wait {
        /// How long.
        seconds: u64,
    },
    /// Not before an administrator unlocks.
    Locked,
}

impl Limits {
    /// Where somebody with these failures stands at `now`.
    #[must_use]
    pub fn gate(&self, failures: Failures, now: UnixTime) -> Gate {
        if failures.count >= self.lock_after {
            return Gate::Locked;
        }
        let wait = self.wait_seconds(failures.count);
        // A last failure in the future would otherwise make the wait as long as the clock was wrong.
        let waited = now.seconds_since(failures.last.min(now));
        match wait.saturating_sub(waited) {
            0 => Gate::Open,
            seconds => Gate::Wait { seconds },
        }
    }

    /// The whole wait after so many consecutive failures.
    fn wait_seconds(&self, count: u32) -> u64 {
        match count.saturating_sub(self.free_failures) {
            0 => 0,
            beyond => {
                let doubled = 1u64.checked_shl(beyond - 1).unwrap_or(u64::MAX);
                FIRST_WAIT_SECONDS.saturating_mul(doubled).min(self.longest_wait_seconds)
            }
        }
    }
}

/// The wait after the first failure that is not free.
const FIRST_WAIT_SECONDS: u64 = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits { free_failures: 3, longest_wait_seconds: 900, lock_after: 100 };

    fn gate_at_once(count: u32) -> Gate {
        LIMITS.gate(Failures { count, last: UnixTime(1000) }, UnixTime(1000))
    }

    #[test]
    fn three_failures_are_free_and_then_the_wait_doubles() {
        assert_eq!(gate_at_once(0), Gate::Open);
        assert_eq!(gate_at_once(3), Gate::Open);
        for (count, seconds) in [(4, 30), (5, 60), (6, 120), (7, 240), (8, 480), (9, 900), (99, 900)] {
            assert_eq!(gate_at_once(count), Gate::Wait { seconds }, "{count}");
        }
        assert_eq!(gate_at_once(100), Gate::Locked);
        assert_eq!(gate_at_once(u32::MAX), Gate::Locked);
    }

    #[test]
    fn a_wait_ends() {
        let failures = Failures { count: 4, last: UnixTime(1000) };
        assert_eq!(LIMITS.gate(failures, UnixTime(1029)), Gate::Wait { seconds: 1 });
        assert_eq!(LIMITS.gate(failures, UnixTime(1030)), Gate::Open);
    }

    #[test]
    fn a_failure_in_the_future_waits_no_longer_than_one_now() {
        let failures = Failures { count: 4, last: UnixTime(1_000_000) };
        assert_eq!(LIMITS.gate(failures, UnixTime(1000)), Gate::Wait { seconds: 30 });
        assert_eq!(failures.not_after(UnixTime(1000)).last, UnixTime(1000));
    }

    proptest! {
        #[test]
        fn more_failures_never_wait_less(count in 0u32..200, now in 0u64..4_000_000_000) {
            let wait = |count| match LIMITS.gate(Failures { count, last: UnixTime(now) }, UnixTime(now)) {
                Gate::Open => 0,
                Gate::Wait { seconds } => seconds,
                Gate::Locked => u64::MAX,
            };
            prop_assert!(wait(count) <= wait(count + 1));
        }
    }
}
