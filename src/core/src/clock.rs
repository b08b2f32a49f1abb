//! What time it is, as far as anybody can know.

use std::fmt;
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

/// `2026-11-23 08:15:42 UTC`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / DAY_SECONDS, self.0 % DAY_SECONDS);
        // Years that begin in March, in eras of 400 years, so that the leap day is the last day of a year.
        let days = days.saturating_add(DAYS_TO_1970);
        let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day_of_month = day - (153 * month + 2) / 5 + 1;
        let (month, carried) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = era * 400 + year + carried;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day_of_month:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

const DAY_SECONDS: u64 = 86_400;
/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: u64 = 719_468;
const ERA_DAYS: u64 = 146_097;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_in_time_reads_as_a_date() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (1_795_420_800, "2026-11-23 08:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(UnixTime(seconds).to_string(), text);
        }
        let _ = UnixTime(u64::MAX).to_string();
    }
}
