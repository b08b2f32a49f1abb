//! Durations as people write them: `"30s"`, `"5m"`, `"8h"`, `"2d"`.

/// A whole number of seconds, at most a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub u64);

impl TryFrom<String> for Seconds {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        read(&text).map(Self).ok_or("a duration is written \"30s\", \"5m\", \"8h\" or \"2d\", and is at most a year")
    }
}

fn read(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let seconds_per_unit = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let count = text.strip_suffix(unit)?;
    if !count.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    count.parse::<u64>().ok()?.checked_mul(seconds_per_unit).filter(|seconds| *seconds <= LONGEST_SECONDS)
}

const LONGEST_SECONDS: u64 = 366 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [("0s", 0), ("30s", 30), ("5m", 300), ("8h", 28_800), ("2d", 172_800)] {
            assert_eq!(read(text), Some(seconds), "{text}");
        }
        for text in ["", "s", "30", "30 s", "-1s", "+1s", "1.5h", "1y", "9999999999999999999d", "367d", "5\u{b5}"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
