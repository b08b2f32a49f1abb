//! How secrets are spelled elsewhere, read without tables of their own and without an opinion on case and padding.

use data_encoding::{BASE32_NOPAD, HEXUPPER_PERMISSIVE};
use twofactor_core::secret::Secret;
use zeroize::Zeroizing;

use super::device::Mistake;

/// A file as text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Mistake> {
    std::str::from_utf8(bytes).map_err(|_| Mistake::NotText)
}

/// Base 32 in either case, with blanks, dashes and padding anywhere. Bits that make no whole byte are left out, as every
/// app does (RFC 4648 section 6 wants them to be 0, and not everybody who makes secrets knows).
pub(super) fn base32(text: &str) -> Result<Secret, Mistake> {
    let wrong = Mistake::Secret("base 32");
    let mut symbols = Zeroizing::new(Vec::with_capacity(text.len() + 8));
    symbols.extend(text.bytes().filter(|byte| !b" \t-=".contains(byte)).map(|byte| byte.to_ascii_uppercase()));
    // Padded by hand to whole groups of five bytes: those beyond the last whole byte are cut off again.
    let length = symbols.len() * 5 / 8;
    while symbols.len() % 8 != 0 {
        symbols.push(b'A');
    }
    let mut bytes = BASE32_NOPAD.decode(&symbols).map_err(|_| wrong)?;
    bytes.truncate(length);
    // One symbol is no byte either.
    if bytes.is_empty() { Err(Mistake::NoSecret) } else { Ok(Secret::new(bytes)) }
}

/// Hexadecimal in either case.
pub(super) fn hexadecimal(text: &str) -> Result<Secret, Mistake> {
    let bytes = HEXUPPER_PERMISSIVE.decode(text.as_bytes()).map_err(|_| Mistake::Secret("hexadecimal"))?;
    if bytes.is_empty() { Err(Mistake::NoSecret) } else { Ok(Secret::new(bytes)) }
}

/// Undoes percent-encoding (RFC 3986 section 2.1); `None` if it is none, or no text.
pub(super) fn unescaped(text: &str) -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    std::str::from_utf8(&bytes).ok().map(|text| Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_32_reads_back_however_it_was_written() {
        for text in [
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "gezd gnbv gy3t qojq GEZD-GNBV-GY3T-QOJQ",
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ====",
        ] {
            assert_eq!(base32(text).unwrap().expose(), b"12345678901234567890", "{text}");
        }
        assert_eq!(base32("MZ").unwrap().expose(), b"f", "bits left over");
        for text in ["GEZDGNB1", "\u{e4}", "GEZ0"] {
            assert_eq!(base32(text).err(), Some(Mistake::Secret("base 32")), "{text}");
        }
        for text in [" =", "G", "g="] {
            assert_eq!(base32(text).err(), Some(Mistake::NoSecret), "{text}");
        }
        assert_eq!(base32("1").err(), Some(Mistake::Secret("base 32")));
    }

    #[test]
    fn percent_encoding_is_undone_or_refused() {
        assert_eq!(unescaped("a%20%C3%a4").unwrap().as_str(), "a \u{e4}");
        for text in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert!(unescaped(text).is_none(), "{text}");
        }
    }
}
