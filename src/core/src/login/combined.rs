//! A password and a code that were typed together, for hosts that ask for one thing only: pam_google_authenticator's
//! `try_first_pass`, `use_first_pass` and `forward_pass`.

use crate::factor::entry::Entry;
use crate::secret::Secret;

/// How passwords pass from module to module in this stack.
#[derive(Default)]
pub struct Passing {
    /// What was typed for a module before this one, if that is of any interest.
    pub first_pass: Option<Secret>,
    /// What becomes of it.
    pub first: FirstPass,
    /// Whether a password stands before the code, for the module after this one.
    pub forward: bool,
}

/// What becomes of what was typed for a module before.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum FirstPass {
    /// Nothing.
    #[default]
    Ignored,
    /// It is tried before anybody is asked.
    Tried,
    /// Nobody is asked for anything else.
    All,
}

/// Every way to read an answer as a password with a code behind it: how long the password is, and the code.
pub(super) fn split(answer: &[u8]) -> Vec<(usize, Entry)> {
    let mut ways = Vec::new();
    if answer.len() > COMBINED_MAX_BYTES {
        return ways;
    }
    // As recovery codes are printed, without the dashes, and as devices show codes.
    for length in [19, 16, 8, 7, 6] {
        let Some(at) = answer.len().checked_sub(length) else { continue };
        let entry = Entry::read(answer.get(at..).unwrap_or_default());
        let is_whole = match &entry {
            Entry::Recovery(_) => true,
            Entry::Digits(digits) => digits.len() == length,
            _ => false,
        };
        if is_whole {
            ways.push((at, entry));
        }
    }
    ways
}

/// The readings of what was typed for another module. A password of sixteen letters at its end is no recovery code; one
/// with its dashes is.
pub(super) fn split_password(typed: &[u8]) -> Vec<(usize, Entry)> {
    let mut ways = split(typed);
    ways.retain(|(at, entry)| matches!(entry, Entry::Digits(_)) || typed.len() - at > 16);
    ways
}

/// More than PAM_MAX_RESP_SIZE lets through.
const COMBINED_MAX_BYTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lengths(answer: &str) -> Vec<usize> {
        split(answer.as_bytes()).into_iter().map(|(length, _)| length).collect()
    }

    #[test]
    fn an_answer_is_read_in_every_way_that_it_can_be() {
        for (answer, expected) in [
            ("hunter2123456", vec![6, 7]),
            ("pass word123456", vec![9]),
            ("123456", vec![0]),
            ("p\u{e4}ss12345678", vec![5, 6, 7]),
            ("hunter2k7qm-3r9x-t2vd-8hwn", vec![7]),
            ("hunter2k7qm3r9xt2vd8hwn", vec![7]),
            ("hunter2", vec![]),
            ("hunter123 456", vec![]),
            ("hunter12345", vec![]),
            ("", vec![]),
            ("?", vec![]),
        ] {
            assert_eq!(lengths(answer), expected, "{answer}");
        }
        assert_eq!(lengths(&format!("{}123456", "x".repeat(507))), [0; 0]);
    }

    #[test]
    fn a_password_of_sixteen_letters_is_no_guess_at_a_recovery_code() {
        let lengths = |typed: &[u8]| split_password(typed).len();
        assert_eq!(lengths(b"correcthorsebatterystaple"), 0);
        assert_eq!(lengths(b"hunter2k7qm3r9xt2vd8hwn"), 0);
        assert_eq!(lengths(b"hunter2k7qm-3r9x-t2vd-8hwn"), 1);
        assert_eq!(lengths(b"hunter2123456"), 2);
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(answer in proptest::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(split(&answer).iter().all(|(length, _)| *length <= answer.len()));
        }
    }
}
