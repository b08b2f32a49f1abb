//! Addresses, checked once where they enter.

use std::fmt;
use std::str::FromStr;

/// One mail address in the form `local@domain` (RFC 5321 `Mailbox`, dot-string local part, no quoting, no comments).
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Who messages come from on a host whose name makes no address.
    #[must_use]
    pub fn of_the_sender() -> Self {
        Self("twofactor@localhost".to_owned())
    }

    /// The address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// `a***@e***.org`: enough for the owner to know it again, the same length for every address.
    #[must_use]
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or_default();
        let first = |text: &str| text.chars().next().unwrap_or('*');
        let top = domain.rsplit_once('.').map_or(String::new(), |(_, top)| format!(".{top}"));
        format!("{}***@{}***{top}", first(local), first(domain))
    }
}

impl FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError)?;
        let local_ok = !local.is_empty()
            && local.len() <= LOCAL_MAX_BYTES
            && !local.starts_with('-')
            && local.split('.').all(|part| !part.is_empty())
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b));
        let label_ok = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let domain_ok = domain.len() <= DOMAIN_MAX_BYTES && domain.split('.').all(label_ok);
        if local_ok && domain_ok { Ok(Self(text.to_owned())) } else { Err(AddressError) }
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EmailAddress").field(&self.0).finish()
    }
}

/// The text is not one plain mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressError;

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a mail address of the form name@example.org")
    }
}

impl std::error::Error for AddressError {}

/// RFC 5321 section 4.5.3.1.1.
const LOCAL_MAX_BYTES: usize = 64;
/// RFC 5321 section 4.5.3.1.2.
const DOMAIN_MAX_BYTES: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_taken() {
        for good in ["helpdesk@example.org", "a.b+c@x-y.example", "root@localhost"] {
            assert!(good.parse::<EmailAddress>().is_ok(), "{good}");
        }
    }

    #[test]
    fn a_mask_tells_the_first_letters_and_no_length() {
        for (address, mask) in [
            ("alice@example.org", "a***@e***.org"),
            ("a@mail.example.co.uk", "a***@m***.uk"),
            ("root@localhost", "r***@l***"),
        ] {
            assert_eq!(address.parse::<EmailAddress>().unwrap().masked(), mask);
        }
    }

    #[test]
    fn options_headers_and_lists_are_not_addresses() {
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "x",
            "@x",
            "x@",
            "-oQ/tmp@x.y",
            "a@b\r\nBcc: c@d",
            "a b@c",
            "a@b,c@d",
            "a..b@c",
            "a@-b",
            "a@b..c",
            &long,
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(AddressError), "{bad:?}");
        }
    }
}
