//! Waiting where there is no event to wait for: a guest may use no signals.

use std::time::{Duration, Instant};

/// Attempts it until it comes to something, at most for so long, with pauses that grow.
pub(super) fn attempt<T>(patience: Duration, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    let mut pause = SHORTEST_PAUSE;
    loop {
        let found = attempt();
        if found.is_some() || started.elapsed() >= patience {
            return found;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_to_something_is_attempted_no_more_and_what_does_not_has_an_end() {
        let mut attempts = 0;
        let third = || {
            attempts += 1;
            (attempts == 3).then_some(attempts)
        };
        assert_eq!(attempt(Duration::from_secs(10), third), Some(3));
        assert_eq!(attempt(Duration::ZERO, || Some(1)), Some(1), "once in any case");
        assert_eq!(attempt(Duration::from_millis(1), || None::<u8>), None);
    }
}
