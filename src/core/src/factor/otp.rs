//! The parameters that one-time passwords share (RFC 4226 section 5, RFC 6238 section 4).

/// How many digits a code has: 6 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits(u8);

impl Digits {
    /// What every authenticator app takes.
    pub const SIX: Self = Self(6);

    /// The number of digits.
    #[must_use]
    pub fn count(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Digits {
    type Error = ParameterError;

    fn try_from(count: u8) -> Result<Self, ParameterError> {
        if (6..=8).contains(&count) { Ok(Self(count)) } else { Err(ParameterError::Digits) }
    }
}

impl From<Digits> for u8 {
    fn from(digits: Digits) -> Self {
        digits.0
    }
}

/// How many seconds one time step lasts: 1 to 3600.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(u32);

impl Period {
    /// What every authenticator app takes.
    pub const THIRTY: Self = Self(30);

    /// The number of seconds, never 0.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::from(self.0)
    }
}

impl TryFrom<u32> for Period {
    type Error = ParameterError;

    fn try_from(seconds: u32) -> Result<Self, ParameterError> {
        if (1..=3600).contains(&seconds) { Ok(Self(seconds)) } else { Err(ParameterError::Period) }
    }
}

impl From<Period> for u32 {
    fn from(period: Period) -> Self {
        period.0
    }
}

/// The hash under the HMAC (RFC 6238 section 1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Algorithm {
    Sha1,
    Sha256,
    Sha512,
}

impl Algorithm {
    /// The name in configuration, records and otpauth URIs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    /// How many bytes a new secret has: the length of the hash's output (RFC 6238 section 5.1).
    #[must_use]
    pub fn secret_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    pub(super) fn for_totp_rs(self) -> totp_rs::Algorithm {
        match self {
            Self::Sha1 => totp_rs::Algorithm::SHA1,
            Self::Sha256 => totp_rs::Algorithm::SHA256,
            Self::Sha512 => totp_rs::Algorithm::SHA512,
        }
    }
}

/// A parameter outside what can be computed or what is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum ParameterError {
    #[error("a code has 6 to 8 digits")]
    Digits,
    #[error("a period lasts 1 to 3600 seconds")]
    Period,
    #[error("a secret has 10 to 128 bytes")]
    SecretLength,
    #[error("a window is 0 to 10 steps")]
    Window,
    #[error("a look-ahead is 0 to 50 codes")]
    LookAhead,
}
