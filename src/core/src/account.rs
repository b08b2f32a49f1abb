//! Who is logging in: the passwd entry, never the raw login name.

use std::fmt::Write;

/// A user as the passwd database knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The canonical `pw_name`.
    pub name: UserName,
    /// The numeric user id, which enrolment and state must repeat.
    pub uid: u32,
}

/// A canonical user name that can be turned into a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    /// Takes a `pw_name` over.
    ///
    /// # Errors
    /// The name is empty, holds a NUL, or is longer than a file name can carry once encoded.
    pub fn new(name: &str) -> Result<Self, UserNameError> {
        let this = Self(name.to_owned());
        let fits = !name.is_empty() && !name.contains('\0') && this.file_stem().len() <= FILE_STEM_MAX_BYTES;
        if fits { Ok(this) } else { Err(UserNameError) }
    }

    /// Who sends messages, unless the configuration says otherwise.
    #[must_use]
    pub fn of_the_sender() -> Self {
        Self("twofactor".to_owned())
    }

    /// The name as the passwd database writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as a file name: bytes outside `[A-Za-z0-9_.-]`, and a dot in front, percent-encoded.
    #[must_use]
    pub fn file_stem(&self) -> String {
        let mut stem = String::with_capacity(self.0.len());
        for (at, byte) in self.0.bytes().enumerate() {
            let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && at > 0);
            if plain {
                stem.push(char::from(byte));
            } else {
                // Writing to a String cannot fail.
                let _ = write!(stem, "%{byte:02X}");
            }
        }
        stem
    }

    /// Reads a name back from [`UserName::file_stem`]; `None` for any other spelling.
    #[must_use]
    pub fn from_file_stem(stem: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(stem.len());
        let mut rest = stem.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
            } else {
                bytes.push(byte);
            }
        }
        let name = Self::new(std::str::from_utf8(&bytes).ok()?).ok()?;
        (name.file_stem() == stem).then_some(name)
    }
}

/// The name cannot belong to a file of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a user name: empty, too long, or with a NUL in it")]
pub struct UserNameError;

/// NAME_MAX (255) less the longest thing that is put around a name, `.NAME+invite.new`.
const FILE_STEM_MAX_BYTES: usize = 240;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_can_not_walk_out_of_its_directory() {
        for (name, stem) in [
            ("alice", "alice"),
            ("../etc/passwd", "%2E.%2Fetc%2Fpasswd"),
            (".", "%2E"),
            (".hidden", "%2Ehidden"),
            ("EXAMPLE\\bob", "EXAMPLE%5Cbob"),
            ("zo\u{eb}", "zo%C3%AB"),
            ("a%2Fb", "a%252Fb"),
        ] {
            assert_eq!(UserName::new(name).unwrap().file_stem(), stem);
        }
    }

    #[test]
    fn names_that_no_file_can_carry_are_refused() {
        for bad in [String::new(), "a\0b".into(), "a".repeat(241), "/".repeat(81)] {
            assert_eq!(UserName::new(&bad), Err(UserNameError), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_file_name_reads_back_as_its_name(name in "[^\0]{1,40}") {
            if let Ok(name) = UserName::new(&name) {
                prop_assert_eq!(UserName::from_file_stem(&name.file_stem()), Some(name));
            }
        }

        #[test]
        fn only_one_spelling_names_a_user(stem in ".{0,20}") {
            if let Some(name) = UserName::from_file_stem(&stem) {
                prop_assert_eq!(name.file_stem(), stem);
            }
        }
    }
}
