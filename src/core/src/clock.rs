//! What time it is, as far as anybody can know.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970-01-01T00:00:00Z, without leap seconds (POSIX).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct UnixTime(pub u64);

impl UnixTime {
    /// How many seconds lie between `earlier` and this time; 0 if `earlier` is in the future.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Where the time comes from.
pub trait Clock {
    /// The time of day.
    ///
    /// # Errors
    /// The clock stands before 1970: no step can be computed, so nobody can be judged.
    fn now(&self) -> Result<UnixTime, ClockError>;
}

/// The host's real-time clock.
pub struct System;

impl Clock for System {
    #[allow(clippy::disallowed_methods, reason = "the one home of the clock")]
    fn now(&self) -> Result<UnixTime, ClockError> {
        SystemTime::now().duration_since(UNIX_EPOCH).map(|d| UnixTime(d.as_secs())).map_err(|_| ClockError)
    }
}

/// The clock stands before 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read the clock: it stands before 1970")]
pub struct ClockError;
