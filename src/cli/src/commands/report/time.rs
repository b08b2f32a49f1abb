//! Points in time as logs write them, and days as people here count them.

use std::time::UNIX_EPOCH;

use twofactor_core::clock::UnixTime;

use super::program::Program;
use crate::commands::status::point_in_time;

/// How far this place is from UTC today. Where summer time begins or ends within a log, the times of its other side
/// are an hour off, if they are written without a zone; charts by day can live with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Zone {
    seconds_east: i64,
}

impl Zone {
    /// As date(1) says; UTC if it does not.
    pub(super) fn here() -> Self {
        let said = Program::start("/usr/bin/date", &["+%z"]).and_then(Program::text).unwrap_or_default();
        Self { seconds_east: offset(said.trim()).unwrap_or_default() }
    }

    /// The number of the day since 1970.
    pub(super) fn day(self, at: UnixTime) -> i64 {
        self.local(at).div_euclid(DAY_SECONDS)
    }

    /// `2026-11-26`.
    pub(super) fn date(self, at: UnixTime) -> String {
        date(self.day(at))
    }

    /// `2026-11-26 08:00`.
    pub(super) fn minute(self, at: UnixTime) -> String {
        let local = UnixTime(u64::try_from(self.local(at)).unwrap_or_default());
        point_in_time(local).chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
    }

    /// `UTC`, `UTC+01:00`.
    pub(super) fn name(self) -> String {
        let (sign, minutes) = (if self.seconds_east < 0 { '-' } else { '+' }, self.seconds_east.abs() / 60);
        if minutes == 0 { "UTC".to_owned() } else { format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60) }
    }

    fn local(self, at: UnixTime) -> i64 {
        i64::try_from(at.0).unwrap_or(i64::MAX).saturating_add(self.seconds_east)
    }
}

/// `2026-11-26`, of the number of a day since 1970.
pub(super) fn date(day: i64) -> String {
    let midnight = u64::try_from(day).unwrap_or_default().saturating_mul(DAY_SECONDS.unsigned_abs());
    point_in_time(UnixTime(midnight)).chars().take(10).collect()
}

/// Reads the times in front of lines.
pub(super) struct Calendar {
    now: UnixTime,
    zone: Zone,
}

impl Calendar {
    pub(super) fn new(now: UnixTime, zone: Zone) -> Self {
        Self { now, zone }
    }

    /// The time that a header begins with, in any of the formats of journalctl(1) and rsyslog; never one that lies
    /// more than a day ahead.
    pub(super) fn read(&self, header: &[u8]) -> Option<UnixTime> {
        // No time is longer, and what follows it need not be text.
        let header = String::from_utf8_lossy(header.get(..HEADER_READ_BYTES).unwrap_or(header));
        let header = header.strip_prefix('<').and_then(|rest| rest.split_once('>')).map_or(&*header, |(_, rest)| rest);
        let at = international(header.split(' ').next()?).or_else(|| self.traditional(header))?;
        (at.0 <= self.now.0.saturating_add(DAY_SECONDS.unsigned_abs())).then_some(at)
    }

    /// `Nov 26 08:00:00`, in the latest year in which that is not in the future.
    fn traditional(&self, header: &str) -> Option<UnixTime> {
        let mut words = header.split_ascii_whitespace();
        let (month, day, time) = (words.next()?, words.next()?, words.next()?);
        let month = MONTHS.iter().position(|name| *name == month)? + 1;
        let day: u32 = day.parse().ok()?;
        let this_year: u32 = self.zone.date(UnixTime(self.now.0)).get(..4)?.parse().ok()?;
        // Back to the last leap year, for a 29th of February.
        (this_year.saturating_sub(LEAP_YEARS_APART_MAX)..=this_year + 1).rev().find_map(|year| {
            let local = clock_time(&format!("{year:04}-{month:02}-{day:02}T{time}"))?;
            let at = u64::try_from(local.checked_sub(self.zone.seconds_east)?).ok()?;
            (at <= self.now.0.saturating_add(DAY_SECONDS.unsigned_abs())).then_some(UnixTime(at))
        })
    }
}

/// `2026-11-26T08:00:00`, a fraction, and the distance from UTC (RFC 3339, and without the colon).
fn international(word: &str) -> Option<UnixTime> {
    let (time, rest) = word.split_at_checked(TIME_BYTES)?;
    let rest = match rest.strip_prefix(['.', ',']) {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let east = if rest == "Z" { 0 } else { offset(rest)? };
    u64::try_from(clock_time(time)?.checked_sub(east)?).ok().map(UnixTime)
}

/// `+0100`, `-05:30`, in seconds.
fn offset(text: &str) -> Option<i64> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    if digits.len() != 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    let (hours, minutes) = (number / 100, number % 100);
    (hours <= 14 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// Exactly `2026-11-26T08:00:00`, as if it were UTC.
fn clock_time(text: &str) -> Option<i64> {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = |(byte, mask): (u8, &u8)| if *mask == b'd' { byte.is_ascii_digit() } else { byte == *mask };
    if text.len() != shape.len() || !text.bytes().zip(shape).all(fits) {
        return None;
    }
    let point = humantime::parse_rfc3339_weak(text).ok()?;
    i64::try_from(point.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
pub(super) const DAY_SECONDS: i64 = 86_400;
/// `2026-11-26T08:00:00`.
const TIME_BYTES: usize = 19;
const HEADER_READ_BYTES: usize = 64;
const LEAP_YEARS_APART_MAX: u32 = 8;

#[cfg(test)]
impl Zone {
    pub(super) fn utc() -> Self {
        Self { seconds_east: 0 }
    }
}

#[cfg(test)]
impl Calendar {
    /// Noon of the 26th of November 2026 in London.
    pub(super) fn of_tests() -> Self {
        Self::new(UnixTime(1_795_694_400), Zone { seconds_east: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, calendar: &Calendar) -> Option<String> {
        calendar.read(header.as_bytes()).map(point_in_time)
    }

    #[test]
    fn times_are_read_as_logs_write_them() {
        let calendar = Calendar::of_tests();
        for (header, time) in [
            ("2026-11-26T08:00:00+0000 host", "2026-11-26T08:00:00Z"),
            ("2026-11-26T08:00:00+01:00 host", "2026-11-26T07:00:00Z"),
            ("2026-11-26T08:00:00.5-0330 host", "2026-11-26T11:30:00Z"),
            ("2026-11-26T08:00:00Z", "2026-11-26T08:00:00Z"),
            ("Nov 26 08:00:00 host", "2026-11-26T08:00:00Z"),
            ("<86>Nov  6 08:00:00 host", "2026-11-06T08:00:00Z"),
            ("Dec 31 23:59:59 host", "2025-12-31T23:59:59Z"),
            ("Feb 29 08:00:00 host", "2024-02-29T08:00:00Z"),
        ] {
            assert_eq!(read(header, &calendar).as_deref(), Some(time), "{header}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for header in [
            "",
            "host sshd[1]",
            "2026-11-26T08:00:00",
            "2026-11-26T08:00:00+9900",
            "2026-02-30T08:00:00Z",
            "2026-11-26T25:00:00Z",
            "2027-11-26T08:00:00Z",
            "9999-12-31T23:59:59Z",
            "1960-01-01T00:00:00Z",
            "Nov 31 08:00:00",
            "Nov 26 8:00:00",
            "Foo 26 08:00:00",
            "Nov 99999999999 08:00:00",
            "\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}",
        ] {
            assert_eq!(read(header, &Calendar::of_tests()), None, "{header}");
        }
    }

    #[test]
    fn days_begin_at_midnight_here() {
        let new_york = Zone { seconds_east: -5 * 3600 };
        let at = UnixTime(1_795_662_000);
        assert_eq!(
            (Zone { seconds_east: 0 }.minute(at).as_str(), new_york.minute(at).as_str()),
            ("2026-11-26 03:00", "2026-11-25 22:00")
        );
        assert_eq!((new_york.date(at).as_str(), new_york.name().as_str()), ("2026-11-25", "UTC-05:00"));
        let calendar = Calendar::new(UnixTime(1_795_694_400), new_york);
        assert_eq!(read("Nov 25 22:00:00 host", &calendar).as_deref(), Some("2026-11-26T03:00:00Z"));
    }
}
