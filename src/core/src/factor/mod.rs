//! What can prove a person: the kinds of method and their codes, without files and without a conversation.

pub mod entry;
pub mod otp;
pub mod recovery;
pub mod sent;
pub mod totp;

use std::fmt;

/// A way to prove oneself, as configuration, records and log lines name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// A code from an authenticator app (RFC 6238).
    Totp,
    /// A code from a token that counts (RFC 4226).
    Hotp,
    /// A code that is sent by mail.
    Email,
    /// A code that is sent to a telephone.
    Sms,
    /// A single-use code from the sheet that was handed out at enrolment.
    Recovery,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Totp, Self::Hotp, Self::Email, Self::Sms, Self::Recovery];

    /// The name in configuration, records, JSON and log lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Hotp => "hotp",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Recovery => "recovery",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a user calls one of their devices: 1 to 64 characters, none of them a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label(String);

impl Label {
    /// The label as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Label {
    type Error = LabelError;

    fn try_from(text: String) -> Result<Self, LabelError> {
        let good =
            (1..=64).contains(&text.chars().count()) && text.trim() == text && twofactor_message::shown(&text) == text;
        if good { Ok(Self(text)) } else { Err(LabelError) }
    }
}

/// The text cannot name a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a label has 1 to 64 printable characters and no blanks around it")]
pub struct LabelError;
