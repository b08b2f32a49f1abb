//! Successes that spare somebody the next question: each is a keyed digest of whom, where and by what it was proved.

use super::State;
use crate::clock::UnixTime;
use crate::keyring::DigestKey;
use crate::state::Issued;

impl State {
    /// Remembers a success in that place. Of too many, the oldest goes.
    pub fn remember(&mut self, key: &DigestKey, place: &[u8], now: UnixTime, seconds: u64) {
        let fresh = Issued::now(key, PURPOSE, place, now, seconds);
        self.remembered.retain(|known| known.is_good(now) && known.digest != fresh.digest);
        while self.remembered.len() >= REMEMBERED_MAX {
            let oldest = self.remembered.iter().enumerate().min_by_key(|(_, known)| known.since);
            let Some((at, _)) = oldest else { break };
            self.remembered.remove(at);
        }
        self.remembered.push(fresh);
    }

    /// Whether a success in that place is remembered, and not older than `seconds`. One from the future is not: the
    /// clock was set back.
    #[must_use]
    pub fn remembers(&self, keys: &[DigestKey], place: &[u8], now: UnixTime, seconds: u64) -> bool {
        let recent = |known: &&Issued| known.is_good(now) && now.seconds_since(known.since) < seconds;
        self.remembered.iter().filter(recent).any(|known| known.matches(keys, PURPOSE, place))
    }

    /// Forgets every success, and says how many there were.
    pub fn forget(&mut self) -> usize {
        std::mem::take(&mut self.remembered).len()
    }
}

/// What a success is digested for.
const PURPOSE: &str = "remembered";
/// How many a state has room for.
pub(super) const REMEMBERED_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::KeyNumber;
    use crate::secret::Secret;

    const NOW: UnixTime = UnixTime(10_000);

    fn key() -> DigestKey {
        DigestKey { number: KeyNumber::try_from(1).unwrap(), secret: Secret::new(vec![1; 32]) }
    }

    fn recalls(state: &State, place: &[u8], now: u64) -> bool {
        state.remembers(&[key()], place, UnixTime(now), 3600)
    }

    #[test]
    fn a_success_is_remembered_in_its_place_for_its_time() {
        let mut state = State::of_nobody();
        state.remember(&key(), b"here", NOW, 3600);
        assert!(recalls(&state, b"here", 10_000) && recalls(&state, b"here", 13_599));
        assert!(!recalls(&state, b"there", 10_000));
        assert!(!recalls(&state, b"here", 13_600), "too old");
        assert!(!recalls(&state, b"here", 9_999), "from the future");
        assert!(!state.remembers(&[key()], b"here", UnixTime(10_060), 60), "the configuration allows less meanwhile");
        assert!(!state.remembers(&[], b"here", NOW, 3600), "the key is gone");
        assert_eq!(state.forget(), 1);
        assert!(!recalls(&state, b"here", 10_000));
    }

    #[test]
    fn one_place_takes_one_line_and_the_oldest_makes_room() {
        let mut state = State::of_nobody();
        for second in 0..20 {
            state.remember(&key(), b"here", UnixTime(10_000 + second), 3600);
        }
        assert_eq!(state.remembered.len(), 1);
        for place in 0..8u8 {
            state.remember(&key(), &[place], UnixTime(10_100 + u64::from(place)), 3600);
        }
        assert_eq!(state.remembered.len(), REMEMBERED_MAX);
        assert!(!recalls(&state, b"here", 10_110) && recalls(&state, &[0], 10_110));
    }
}
