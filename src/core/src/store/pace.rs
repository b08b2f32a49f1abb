//! How long deliveries take: one small file, read where somebody who is not enrolled is kept waiting as if a code went
//! out to them. Nothing depends on it but that.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use crate::state::Channel;
use crate::sys::{Directory, FileError};

/// How a delivery went, as far as somebody at the prompt can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long the prompt had to wait for it.
    pub duration: Duration,
    /// Whether it failed.
    pub failed: bool,
}

impl Pace {
    /// What a host that has not sent anything yet takes a delivery for.
    pub(super) const UNKNOWN: Self = Self { duration: Duration::from_millis(60), failed: false };

    fn of(word: u16) -> Option<Self> {
        let milliseconds = word & DURATION_BITS;
        (word != 0).then(|| Self { duration: Duration::from_millis(milliseconds.into()), failed: word & FAILED != 0 })
    }

    fn word(self) -> u16 {
        let milliseconds = u16::try_from(self.duration.as_millis()).unwrap_or(DURATION_BITS);
        // A word of 0 is none.
        milliseconds.clamp(1, DURATION_BITS) | if self.failed { FAILED } else { 0 }
    }
}

/// One of the last deliveries by this channel.
pub(super) fn recall(states: &Directory, channel: Channel, pick: u8) -> Result<Pace, FileError> {
    let words = read(states)?;
    let ring = words.get(place(channel)).unwrap_or_default();
    let known: Vec<_> = ring.iter().filter_map(|word| Pace::of(*word)).collect();
    let picked = usize::from(pick).checked_rem(known.len()).and_then(|at| known.get(at).copied());
    Ok(picked.unwrap_or(Pace::UNKNOWN))
}

/// Puts a delivery in the place of the oldest one.
pub(super) fn keep(states: &Directory, channel: Channel, pace: Pace) -> Result<(), FileError> {
    // A file that cannot be read is made anew.
    let (mut words, readable) = read(states).map_or_else(|_| (vec![0; RING * 2], false), |words| (words, true));
    if let Some(ring) = words.get_mut(place(channel)) {
        ring.rotate_right(1);
        if let Some(newest) = ring.first_mut() {
            *newest = pace.word();
        }
    }
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    match if readable { states.file_to_change(FILE)? } else { None } {
        // In place and without a sync: what a power cut loses here is nothing.
        Some(file) => {
            let _ = file.into_file().write_all_at(&bytes, 0);
        }
        None => states.replace(FILE, &bytes)?,
    }
    Ok(())
}

fn read(states: &Directory) -> Result<Vec<u16>, FileError> {
    let mut words = vec![0; RING * 2];
    if let Some(file) = states.file(FILE)? {
        let bytes = file.read(FILE_MAX_BYTES)?;
        for (word, pair) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u16::from_le_bytes(*pair);
        }
    }
    Ok(words)
}

fn place(channel: Channel) -> std::ops::Range<usize> {
    match channel {
        Channel::Email | Channel::Rescue => 0..RING,
        Channel::Sms => RING..RING * 2,
    }
}

/// No user's file begins with a dot.
const FILE: &str = ".pace";
const FILE_MAX_BYTES: u64 = 1024;
const RING: usize = 16;
const FAILED: u16 = 0x8000;
const DURATION_BITS: u16 = 0x7fff;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recalled_is_one_of_the_last_deliveries_of_the_channel() {
        let place = tempfile::tempdir().unwrap();
        let states = Directory::open(place.path()).unwrap();
        assert_eq!(recall(&states, Channel::Email, 3).unwrap(), Pace::UNKNOWN);
        for milliseconds in 1..=20 {
            let pace = Pace { duration: Duration::from_millis(milliseconds), failed: milliseconds == 20 };
            keep(&states, Channel::Email, pace).unwrap();
        }
        let recalled: Vec<_> = (0..16).map(|pick| recall(&states, Channel::Email, pick).unwrap()).collect();
        assert_eq!(recalled[0], Pace { duration: Duration::from_millis(20), failed: true });
        assert!(recalled.iter().all(|pace| pace.duration >= Duration::from_millis(5)), "{recalled:?}");
        assert_eq!(recall(&states, Channel::Sms, 0).unwrap(), Pace::UNKNOWN);
    }
}
