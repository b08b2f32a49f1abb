//! Who must prove a second factor. For now one rule for everybody; rules by service, group and network will choose
//! among the same modes.

/// What the second factor means for a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Nobody gets in without.
    Required,
    /// Those who are enrolled do not get in without.
    IfEnrolled,
    /// Nobody is asked.
    Off,
    /// Those who are enrolled are asked and the result is logged; everybody gets in.
    Monitor,
}

impl Mode {
    /// The name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::IfEnrolled => "if-enrolled",
            Self::Off => "off",
            Self::Monitor => "monitor",
        }
    }
}

/// What [`Mode::Required`] does with somebody who is not enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unenrolled {
    /// They are refused.
    Deny,
}

/// What holds for one login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The mode.
    pub mode: Mode,
    /// What becomes of those who are not enrolled.
    pub unenrolled: Unenrolled,
}
