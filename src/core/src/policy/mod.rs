//! Who must prove a second factor, where and with what: a list of rules, of which the first that matches holds.

mod network;
mod rule;

pub use network::{Network, address};
pub(crate) use rule::without_dev;
pub use rule::{Circumstances, Matcher, Rule, SshAuth};

use crate::clock::UnixTime;
use crate::factor::Method;

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
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Required, Self::IfEnrolled, Self::Off, Self::Monitor];

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
    /// They are refused, unless they have a ticket: then they set up an authenticator app at this login.
    Invite,
    /// They set up an authenticator app at this login. From a time on, if there is one, only with a ticket.
    Enroll {
        /// That time.
        until: Option<UnixTime>,
    },
}

impl Unenrolled {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Deny, Self::Invite, Self::Enroll { until: None }];

    /// The name in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Invite => "invite",
            Self::Enroll { .. } => "enroll",
        }
    }

    /// What it means at that time.
    #[must_use]
    pub fn at(self, now: UnixTime) -> Self {
        match self {
            Self::Enroll { until: Some(until) } if now >= until => Self::Invite,
            other => other,
        }
    }
}

/// What holds for one login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The mode.
    pub mode: Mode,
    /// What becomes of those who are not enrolled.
    pub unenrolled: Unenrolled,
    /// The methods that are taken, if not all that the configuration has.
    pub methods: Option<Vec<Method>>,
    /// For how many seconds after a success nobody is asked again who comes from the same place.
    pub remember_seconds: Option<u64>,
}

/// All rules, and what holds where none matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// In the order in which they are tried.
    pub rules: Vec<Rule>,
    /// What holds where none matches.
    pub otherwise: Terms,
}

impl Policy {
    /// What holds for a login, and the number of the rule that says so, from 1.
    ///
    /// # Errors
    /// The groups of the user cannot be told.
    pub fn decide<E>(&self, circumstances: &Circumstances<'_, E>) -> Result<(Option<usize>, &Terms), E> {
        for (number, rule) in (1..).zip(&self.rules) {
            if rule.mismatch(circumstances)?.is_none() {
                return Ok((Some(number), &rule.terms));
            }
        }
        Ok((None, &self.otherwise))
    }

    /// Whether nobody is ever asked, whoever it is.
    #[must_use]
    pub fn is_off_for_all(&self) -> bool {
        self.rules.is_empty() && self.otherwise.mode == Mode::Off
    }

    /// The rules that never match since one before them matches all that they do: the number of each, and of that one.
    #[must_use]
    pub fn covered(&self) -> Vec<(usize, usize)> {
        let numbered = || (1..).zip(&self.rules);
        let covering = |number: usize, rule: &Rule| {
            numbered().take(number - 1).find(|(_, earlier)| earlier.covers(rule)).map(|(earlier, _)| (number, earlier))
        };
        numbered().filter_map(|(number, rule)| covering(number, rule)).collect()
    }
}
