//! Codes that are sent: random digits, independent of each other and of every secret, at rest only as keyed digests.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::otp::Digits;
use super::recovery::{DIGEST_BYTES, Digest};
use crate::secret::Secret;
use crate::sys::{Entropy, EntropyError};

/// Draws so many decimal digits, each as likely as any other.
///
/// # Errors
/// There are no random bytes.
pub fn draw(digits: Digits, entropy: &dyn Entropy) -> Result<Zeroizing<String>, EntropyError> {
    let mut code = Zeroizing::new(String::with_capacity(usize::from(digits.count())));
    while code.len() < usize::from(digits.count()) {
        let mut byte = Zeroizing::new([0]);
        entropy.fill(byte.as_mut_slice())?;
        // 250 is the largest multiple of 10 that a byte holds; what is beyond would favour the small digits.
        if let [value @ 0..250] = *byte {
            code.push(char::from(b'0' + value % 10));
        }
    }
    Ok(code)
}

/// What is kept of a code: HMAC-SHA256, under a key of the user's own, over what the code is for and the code.
#[must_use]
pub fn digest(key: &Secret, purpose: &str, code: &[u8]) -> Digest {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose()) else {
        // HMAC takes keys of any length (RFC 2104 section 2); a digest of zeros matches nothing that was issued.
        return Digest([0; DIGEST_BYTES]);
    };
    mac.update(&(purpose.len() as u64).to_le_bytes());
    mac.update(purpose.as_bytes());
    mac.update(code);
    Digest(mac.finalize().into_bytes().into())
}

/// The most messages that may go to one user in an hour: what a state has room for.
pub const MESSAGES_MAX: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Kernel;

    #[test]
    fn a_code_has_the_digits_asked_for_and_every_one_of_them_comes_up() {
        let mut seen = [0; 10];
        for _ in 0..1000 {
            let code = draw(Digits::SIX, &Kernel).unwrap();
            assert_eq!(code.len(), 6);
            for digit in code.bytes() {
                seen[usize::from(digit - b'0')] += 1;
            }
        }
        // 600 of each are expected; 6 standard deviations are 140.
        assert!(seen.iter().all(|count| (460..740).contains(count)), "{seen:?}");
    }

    #[test]
    fn bytes_that_would_favour_a_digit_are_thrown_away() {
        struct Tape(std::cell::RefCell<Vec<u8>>);
        impl Entropy for Tape {
            fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
                buffer.fill_with(|| self.0.borrow_mut().remove(0));
                Ok(())
            }
        }
        let tape = Tape(vec![255, 0, 250, 249, 11, 251, 22, 33, 44].into());
        assert_eq!(*draw(Digits::SIX, &tape).unwrap(), "091234");
        assert!(tape.0.borrow().is_empty());
    }

    #[test]
    fn a_digest_is_for_one_key_one_purpose_and_one_code() {
        let key = |byte| Secret::new(vec![byte; 32]);
        let own = digest(&key(1), "email/1", b"123456");
        assert_eq!(own, digest(&key(1), "email/1", b"123456"));
        for other in [
            digest(&key(2), "email/1", b"123456"),
            digest(&key(1), "email/11", b"23456"),
            digest(&key(1), "sms/1", b"123456"),
            digest(&key(1), "email/1", b"123457"),
        ] {
            assert_ne!(own, other);
        }
    }
}
