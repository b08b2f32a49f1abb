//! Recovery codes: 80 random bits each, single-use, at rest only as keyed digests. Scratch codes, which people bring from
//! another module, stand among them; with their few digits they are judged only where any code is.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::sys::{Entropy, EntropyError};

/// The 80 bits behind a code such as `k7qm-3r9x-t2vd-8hwn`.
pub struct RecoveryCode(Zeroizing<[u8; CODE_BYTES]>);

impl RecoveryCode {
    /// Draws a new code.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn draw(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut bytes = Zeroizing::new([0; CODE_BYTES]);
        entropy.fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Reads what somebody typed, spaces and dashes already gone; `None` if it has not the shape of a code.
    ///
    /// Crockford's base 32: either case, `o` is 0, `i` and `l` are 1.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        if typed.len() != CODE_CHARACTERS {
            return None;
        }
        let mut bytes = Zeroizing::new([0; CODE_BYTES]);
        // Eight characters of 5 bits are five bytes.
        for (characters, five) in typed.as_bytes().chunks(8).zip(bytes.chunks_mut(5)) {
            let mut bits = Zeroizing::new(0u64);
            for character in characters {
                *bits = *bits << 5 | value(*character)?;
            }
            five.copy_from_slice(bits.to_be_bytes().get(3..)?);
        }
        Some(Self(bytes))
    }

    /// The code as it is printed: four groups of four, in lower case.
    #[must_use]
    pub fn grouped(&self) -> Zeroizing<String> {
        let mut grouped = Zeroizing::new(String::with_capacity(CODE_CHARACTERS + 3));
        for (at, five) in self.0.chunks(5).enumerate() {
            let bits = Zeroizing::new(five.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte)));
            for place in 0..8u32 {
                if place % 4 == 0 && (at, place) != (0, 0) {
                    grouped.push('-');
                }
                let symbol = usize::try_from(*bits >> (35 - 5 * place) & 31).ok().and_then(|v| SYMBOLS.get(v));
                grouped.extend(symbol.map(|symbol| char::from(*symbol)));
            }
        }
        grouped
    }

    /// The code itself, to be digested for another purpose than the sheet's.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// What is kept of it.
    #[must_use]
    pub fn digest(&self, key: &Secret) -> Digest {
        Digest::of(self.expose(), key)
    }
}

/// Whether these digits are as many as a scratch code has.
#[must_use]
pub fn is_scratch(digits: &str) -> bool {
    digits.len() == SCRATCH_DIGITS
}

/// What is kept of a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Digest(pub [u8; DIGEST_BYTES]);

impl Digest {
    /// HMAC-SHA256 of a code under the user's digest key: of the bits of a recovery code, or of the digits of a scratch
    /// code. Those are fewer bytes, so that no recovery code that somebody makes up can pass for a scratch code.
    #[must_use]
    pub fn of(code: &[u8], key: &Secret) -> Self {
        match Hmac::<Sha256>::new_from_slice(key.expose()) {
            Ok(mut mac) => {
                mac.update(code);
                Self(mac.finalize().into_bytes().into())
            }
            // HMAC takes keys of any length (RFC 2104 section 2); a digest of zeros matches nothing that was issued.
            Err(_) => Self([0; DIGEST_BYTES]),
        }
    }

    /// Whether both are the same, in constant time.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        bool::from(self.0.ct_eq(&other.0))
    }
}

/// Where in `issued` the digest of a presented code stands; as long for a hit as for a miss.
#[must_use]
pub fn position(presented: &Digest, issued: &[Digest]) -> Option<usize> {
    let (mut found, mut at) = (Choice::from(0), u64::MAX);
    for (index, digest) in (0u64..).zip(issued) {
        let hit = presented.0.ct_eq(&digest.0);
        at.conditional_assign(&index, hit);
        found |= hit;
    }
    if bool::from(found) { usize::try_from(at).ok() } else { None }
}

/// What a character stands for, without a table that a cache could tell of.
fn value(character: u8) -> Option<u64> {
    let character = match character.to_ascii_lowercase() {
        b'o' => b'0',
        b'i' | b'l' => b'1',
        other => other,
    };
    let mut found = u64::MAX;
    for (value, symbol) in (0u64..).zip(SYMBOLS) {
        found.conditional_assign(&value, symbol.ct_eq(&character));
    }
    (found != u64::MAX).then_some(found)
}

/// How many codes one issue has.
pub const CODES_PER_ISSUE: usize = 10;
/// The length of a digest at rest.
pub const DIGEST_BYTES: usize = 32;
/// Crockford's alphabet in lower case, without the letters that people misread.
const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 80 bits.
const CODE_BYTES: usize = 10;
const CODE_CHARACTERS: usize = 16;
/// As google-authenticator issues them.
const SCRATCH_DIGITS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Kernel;

    #[test]
    fn a_code_reads_back_however_it_was_typed() {
        let code = RecoveryCode::draw(&Kernel).unwrap();
        let plain = code.grouped().replace('-', "");
        for typed in [plain.clone(), plain.to_uppercase(), plain.replace('0', "o").replace('1', "l")] {
            assert_eq!(*RecoveryCode::read(&typed).unwrap().0, *code.0, "{typed}");
        }
    }

    #[test]
    fn what_nobody_is_kept_from_trying_is_never_a_scratch_code() {
        let (key, scratch) = (Secret::new(vec![1; 32]), b"12345678");
        for filler in [[0, 0], *b"00", [255, 255]] {
            let mut bytes = Zeroizing::new([0; CODE_BYTES]);
            bytes.copy_from_slice(&[&scratch[..], &filler].concat());
            assert!(!RecoveryCode(bytes).digest(&key).is(&Digest::of(scratch, &key)));
        }
    }

    #[test]
    fn a_totp_code_has_not_the_shape_of_a_recovery_code() {
        for typed in
            ["", "123456", "12345678", "0123456789abcde", "0123456789abcdefg", "0123456789abcdeu", "0123-56789abcdef"]
        {
            assert!(RecoveryCode::read(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn codes_are_written_in_crockfords_alphabet() {
        let code = RecoveryCode(Zeroizing::new([0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6, 0x35, 0xcf]));
        assert_eq!(*code.grouped(), "0123-4567-89ab-cdef");
        assert_eq!(*RecoveryCode::read("ghjkmnpqrstvwxyz").unwrap().grouped(), "ghjk-mnpq-rstv-wxyz");
    }

    #[test]
    fn a_digest_is_bound_to_its_key_and_found_by_position() {
        let (mine, other) = (Secret::new(vec![1; 32]), Secret::new(vec![2; 32]));
        let codes: Vec<_> = (0..3).map(|_| RecoveryCode::draw(&Kernel).unwrap()).collect();
        let issued: Vec<_> = codes.iter().map(|c| c.digest(&mine)).collect();
        assert_eq!(position(&codes[2].digest(&mine), &issued), Some(2));
        assert_eq!(position(&codes[2].digest(&other), &issued), None);
        assert_eq!(position(&codes[0].digest(&mine), &[]), None);
    }
}
