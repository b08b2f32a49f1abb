//! How a login can end.

use crate::factor::Method;

/// The end of one login. There is no default: whoever makes one has to say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The second factor was proved, and that is durable.
    Proved(ProvedBy),
    /// Policy asks for no second factor here.
    NotDue(NotDue),
    /// Codes are not judged before a wait is over or an administrator unlocks.
    Throttled,
    /// Our files or keys cannot be used.
    Unavailable,
    /// Anything else.
    Refused(Refusal),
}

/// What proved a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProvedBy {
    /// A method of the user's own.
    Method(Method),
    /// A code mailed to somebody who has lost the other methods.
    Rescue,
    /// A code that an administrator has issued.
    Bypass,
    /// The first code of an app that was set up at this login.
    SetUp,
}

impl ProvedBy {
    /// What the log says after `method=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Method(method) => method.name(),
            Self::Rescue => "rescue",
            Self::Bypass => "bypass",
            Self::SetUp => "set-up",
        }
    }
}

/// Why no second factor is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotDue {
    /// Mode `off`.
    Off,
    /// Mode `if-enrolled` or `monitor`, and the user is not enrolled.
    NotEnrolled,
    /// Proved not long ago, in the same place.
    Remembered,
    /// Mode `monitor`: the login would have been refused.
    Monitored,
}

/// Why somebody is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such user, though they were asked like any other.
    UnknownUser,
    /// Not enrolled where everybody must be.
    NotEnrolled,
    /// The last code was wrong.
    WrongCode,
    /// The last code was right once.
    ReplayedCode,
    /// The last code was right, but is too old.
    ExpiredCode,
    /// The last code was wrong, or of a token whose counter nobody knows.
    CounterUnknown,
    /// The last answer was no code.
    NoCode,
    /// The host answered in the place of somebody whom it refuses.
    HostRefuses,
    /// The conversation ended without an answer.
    NoAnswer,
}

impl Outcome {
    /// What the log says after `outcome=`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proved(_) => "proved",
            Self::NotDue(_) => "not-due",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
            Self::Refused(_) => "refused",
        }
    }

    /// What the log says after `reason=`, where the outcome alone does not say it all.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Proved(_) => "code-accepted",
            Self::NotDue(NotDue::Off) => "policy-off",
            Self::NotDue(NotDue::NotEnrolled) | Self::Refused(Refusal::NotEnrolled) => "not-enrolled",
            Self::NotDue(NotDue::Remembered) => "remembered",
            Self::NotDue(NotDue::Monitored) => "monitored",
            Self::Throttled => "too-many-failures",
            Self::Unavailable => "records-unavailable",
            Self::Refused(Refusal::UnknownUser) => "unknown-user",
            Self::Refused(Refusal::WrongCode) => "wrong-code",
            Self::Refused(Refusal::ReplayedCode) => "replayed-code",
            Self::Refused(Refusal::ExpiredCode) => "expired-code",
            Self::Refused(Refusal::CounterUnknown) => "counter-unknown",
            Self::Refused(Refusal::NoCode) => "no-code",
            Self::Refused(Refusal::HostRefuses) => "host-refuses",
            Self::Refused(Refusal::NoAnswer) => "no-answer",
        }
    }
}
