//! How a login ended, in the words of the log, and what `required` would have made of it.

use serde::Serialize;
use serde::ser::SerializeMap;

/// The end of a login of somebody who exists. Mode `monitor` lets them in all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The second factor was proved.
    Proved,
    /// Policy asked for none.
    NotAsked,
    /// There is none, where none was due or because there was none.
    NotEnrolled,
    WrongCode,
    ReplayedCode,
    ExpiredCode,
    NoCode,
    NoAnswer,
    /// For a reason that this version has no word for.
    OtherReason,
    Throttled,
    Unavailable,
}

/// What the charts tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Proved,
    NotAsked,
    NotEnrolled,
    Refused,
    Unavailable,
}

impl Ending {
    pub(super) const ALL: [Self; 11] = [
        Self::Proved,
        Self::NotAsked,
        Self::NotEnrolled,
        Self::WrongCode,
        Self::ReplayedCode,
        Self::ExpiredCode,
        Self::NoCode,
        Self::NoAnswer,
        Self::OtherReason,
        Self::Throttled,
        Self::Unavailable,
    ];

    /// The key in JSON.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::NotAsked => "not_asked",
            Self::NotEnrolled => "not_enrolled",
            Self::WrongCode => "wrong_code",
            Self::ReplayedCode => "replayed_code",
            Self::ExpiredCode => "expired_code",
            Self::NoCode => "no_code",
            Self::NoAnswer => "no_answer",
            Self::OtherReason => "other_reason",
            Self::Throttled => "throttled",
            Self::Unavailable => "unavailable",
        }
    }

    /// The words for people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::NotAsked => "not asked",
            Self::NotEnrolled => "not enrolled",
            Self::WrongCode => "wrong code",
            Self::ReplayedCode => "code used before",
            Self::ExpiredCode => "code too old",
            Self::NoCode => "no code given",
            Self::NoAnswer => "no answer",
            Self::OtherReason => "another reason",
            Self::Throttled => "too many failures",
            Self::Unavailable => "records unavailable",
        }
    }

    pub(super) fn class(self) -> Class {
        match self {
            Self::Proved => Class::Proved,
            Self::NotAsked => Class::NotAsked,
            Self::NotEnrolled => Class::NotEnrolled,
            Self::Unavailable => Class::Unavailable,
            Self::WrongCode
            | Self::ReplayedCode
            | Self::ExpiredCode
            | Self::NoCode
            | Self::NoAnswer
            | Self::OtherReason
            | Self::Throttled => Class::Refused,
        }
    }

    /// Whether mode `required` refuses such a login.
    pub(super) fn is_refused(self) -> bool {
        !matches!(self, Self::Proved | Self::NotAsked)
    }
}

impl Class {
    pub(super) const ALL: [Self; 5] =
        [Self::Proved, Self::NotEnrolled, Self::Refused, Self::Unavailable, Self::NotAsked];

    /// The class of its colour.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::NotEnrolled => "unenrolled",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::NotAsked => "unasked",
        }
    }

    /// The words of the legend.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::NotEnrolled => "not enrolled",
            Self::Refused => "wrong, late or no code",
            Self::Unavailable => "records unavailable",
            Self::NotAsked => "not asked",
        }
    }
}

/// How often each ending came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Endings([u64; Ending::ALL.len()]);

impl Endings {
    pub(super) fn add(&mut self, ending: Ending, times: u64) {
        if let Some(count) = self.0.get_mut(ending as usize) {
            *count = count.saturating_add(times);
        }
    }

    pub(super) fn include(&mut self, others: &Self) {
        for (ending, count) in others.each() {
            self.add(ending, count);
        }
    }

    pub(super) fn of(&self, ending: Ending) -> u64 {
        self.0.get(ending as usize).copied().unwrap_or_default()
    }

    pub(super) fn in_class(&self, class: Class) -> u64 {
        self.sum(|ending| ending.class() == class)
    }

    pub(super) fn total(&self) -> u64 {
        self.sum(|_| true)
    }

    pub(super) fn refused(&self) -> u64 {
        self.sum(Ending::is_refused)
    }

    /// Those that came, in the order of [`Ending::ALL`].
    pub(super) fn each(&self) -> impl Iterator<Item = (Ending, u64)> + '_ {
        Ending::ALL.into_iter().map(|ending| (ending, self.of(ending))).filter(|(_, count)| *count > 0)
    }

    fn sum(&self, counts: impl Fn(Ending) -> bool) -> u64 {
        self.each().filter(|(ending, _)| counts(*ending)).fold(0, |sum, (_, count)| sum.saturating_add(count))
    }
}

/// `{"total": 3, "would_be_refused": 1, "proved": 2, "wrong_code": 1, …}`, every ending named.
impl Serialize for Endings {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(Ending::ALL.len() + 2))?;
        map.serialize_entry("total", &self.total())?;
        map.serialize_entry("would_be_refused", &self.refused())?;
        for ending in Ending::ALL {
            map.serialize_entry(ending.key(), &self.of(ending))?;
        }
        map.end()
    }
}
