//! What an authenticator app reads: the secret in base 32 and the Key URI that a QR code carries.

use data_encoding::BASE32_NOPAD;
use twofactor_core::factor::otp::{Algorithm, Digits, Period};
use twofactor_core::factor::totp::{Moving, Parameters};
use twofactor_core::secret::Secret;
use zeroize::Zeroizing;

/// The secret as it is typed (RFC 4648 base 32, upper case, no padding).
pub(crate) fn base32(secret: &Secret) -> Zeroizing<String> {
    Zeroizing::new(BASE32_NOPAD.encode(secret.expose()))
}

/// The secret in groups of four, for people.
pub(crate) fn grouped(base32: &str) -> Zeroizing<String> {
    let mut grouped = Zeroizing::new(String::with_capacity(base32.len() * 5 / 4 + 1));
    for (at, character) in base32.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            grouped.push(' ');
        }
        grouped.push(character);
    }
    grouped
}

/// Reads back what [`grouped`] has written.
pub(crate) fn ungrouped(groups: &str) -> Option<Secret> {
    let mut base32 = Zeroizing::new(String::with_capacity(groups.len()));
    base32.extend(groups.chars().filter(|character| *character != ' '));
    BASE32_NOPAD.decode(base32.as_bytes()).ok().map(Secret::new)
}

/// `otpauth://totp/ISSUER:USER?secret=…&issuer=ISSUER`, or `hotp` with a counter. What every app assumes is left out, so that the QR code fits
/// a terminal of 80 by 24.
pub(crate) fn uri(issuer: &str, user: &str, base32: &str, parameters: Parameters) -> Zeroizing<String> {
    let (issuer, user) = (escaped(issuer), escaped(user));
    let mut uri = Zeroizing::new(String::with_capacity(2 * issuer.len() + user.len() + base32.len() + 128));
    let method = parameters.method();
    for part in ["otpauth://", method.name(), "/", &issuer, ":", &user, "?secret=", base32, "&issuer=", &issuer] {
        uri.push_str(part);
    }
    if parameters.algorithm != Algorithm::Sha1 {
        uri.push_str(&format!("&algorithm={}", parameters.algorithm.name()));
    }
    if parameters.digits != Digits::SIX {
        uri.push_str(&format!("&digits={}", parameters.digits.count()));
    }
    match parameters.moving {
        Moving::Time { period: Period::THIRTY, .. } => {}
        Moving::Time { period, .. } => uri.push_str(&format!("&period={}", period.seconds())),
        Moving::Counter { first } => uri.push_str(&format!("&counter={first}")),
    }
    uri
}

/// Percent-encodes all but the unreserved characters of RFC 3986 section 2.3.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_device_has_a_short_uri() {
        let parameters = Parameters::COMMON;
        let base32 = base32(&Secret::new(b"12345678901234567890".to_vec()));
        assert_eq!(*grouped(&base32), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
        assert_eq!(ungrouped(&grouped(&base32)).unwrap().expose(), b"12345678901234567890");
        assert_eq!(
            *uri("example.org", "alice", &base32, parameters),
            "otpauth://totp/example.org:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=example.org"
        );
    }

    #[test]
    fn a_token_says_where_it_begins() {
        let parameters = Parameters { moving: Moving::Counter { first: 0 }, ..Parameters::COMMON };
        assert_eq!(*uri("x", "alice", "AA", parameters), "otpauth://hotp/x:alice?secret=AA&issuer=x&counter=0");
    }

    #[test]
    fn an_unusual_device_says_all_that_is_unusual() {
        let parameters = Parameters {
            digits: Digits::try_from(8).unwrap(),
            algorithm: Algorithm::Sha256,
            moving: Moving::Time { period: Period::try_from(60).unwrap(), ahead: 0 },
            window: None,
        };
        assert_eq!(
            *uri("A & B", "d\u{f6}/x", "AA", parameters),
            "otpauth://totp/A%20%26%20B:d%C3%B6%2Fx?secret=AA&issuer=A%20%26%20B&algorithm=SHA256&digits=8&period=60"
        );
    }
}
