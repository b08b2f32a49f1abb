//! What somebody typed at a code prompt.

use zeroize::Zeroizing;

use super::recovery::RecoveryCode;

/// One answer, told apart by its shape alone.
pub enum Entry {
    /// Nothing but blanks.
    Empty,
    /// `?`: show me the other ways.
    Help,
    /// A one-time password or the number of a choice: only digits.
    Digits(Zeroizing<String>),
    /// A recovery code, 80 random bits.
    Recovery(RecoveryCode),
    /// What sshd answers in the place of somebody whom it has refused already. It says nothing about the user, and
    /// nothing may happen in the user's name.
    HostRefuses,
    /// Anything else.
    Nonsense,
}

impl Entry {
    /// Reads an answer of any length and any bytes. Spaces and dashes do not count.
    #[must_use]
    pub fn read(answer: &[u8]) -> Self {
        if is_of_a_host_that_refuses(answer) {
            return Self::HostRefuses;
        }
        if answer.len() > ANSWER_MAX_BYTES {
            return Self::Nonsense;
        }
        let Ok(text) = std::str::from_utf8(answer) else { return Self::Nonsense };
        let mut plain = Zeroizing::new(String::with_capacity(text.len()));
        plain.extend(text.trim().chars().filter(|c| !matches!(c, ' ' | '-')));
        if plain.is_empty() {
            // A line of dashes is an answer, though a useless one.
            return if text.trim().is_empty() { Self::Empty } else { Self::Nonsense };
        }
        if *plain == "?" {
            return Self::Help;
        }
        if let Some(code) = RecoveryCode::read(&plain) {
            return Self::Recovery(code);
        }
        if plain.bytes().all(|b| b.is_ascii_digit()) { Self::Digits(plain) } else { Self::Nonsense }
    }
}

/// OpenSSH's `fake_password` (auth-pam.c): what a user who is unknown or may not log in has typed is replaced, byte by
/// byte, by this text, over and over.
const SSHD_FAKE_PASSWORD: &[u8; 13] = b"\x08\n\r\x7fINCORRECT";

/// Whether this is what sshd puts in the place of whatever somebody types whom it refuses.
#[must_use]
pub fn is_of_a_host_that_refuses(answer: &[u8]) -> bool {
    !answer.is_empty() && answer.iter().zip(SSHD_FAKE_PASSWORD.iter().cycle()).all(|(typed, fake)| typed == fake)
}

/// Longer than any code that is typed with blanks.
const ANSWER_MAX_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(answer: &[u8]) -> &'static str {
        match Entry::read(answer) {
            Entry::Empty => "empty",
            Entry::Help => "help",
            Entry::Digits(_) => "digits",
            Entry::Recovery(_) => "recovery",
            Entry::HostRefuses => "host refuses",
            Entry::Nonsense => "nonsense",
        }
    }

    #[test]
    fn answers_are_told_apart_by_their_shape() {
        for (answer, expected) in [
            (&b""[..], "empty"),
            (b"  ", "empty"),
            (b"?", "help"),
            (b" ? ", "help"),
            (b"123456", "digits"),
            (b"123 456", "digits"),
            (b"1234-5678", "digits"),
            (b"k7qm-3r9x-t2vd-8hwn", "recovery"),
            (b"K7QM3R9XT2VD8HWN", "recovery"),
            (b"1234 5678 1234 5678", "recovery"),
            (b"\x08\n\r\x7fINCORRECT", "host refuses"),
            (b"--", "nonsense"),
            (b"12345x", "nonsense"),
            (b"123\xff456", "nonsense"),
            (b"123456\n", "digits"),
        ] {
            assert_eq!(shape(answer), expected, "{answer:?}");
        }
        assert_eq!(shape(&[b'1'; 65]), "nonsense");
        assert_eq!(shape(&[b'1'; 1 << 20]), "nonsense");
    }

    #[test]
    fn sshds_fake_password_is_as_long_as_what_was_typed() {
        for length in [1, 6, 8, 12, 13, 14, 19, 64, 5000] {
            let fake: Vec<u8> = SSHD_FAKE_PASSWORD.iter().copied().cycle().take(length).collect();
            assert_eq!(shape(&fake), "host refuses", "{length}");
        }
        assert_eq!(shape(b"\x08\n\r\x7fINCORRECTLY"), "nonsense");
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(answer in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = shape(&answer);
        }
    }
}
