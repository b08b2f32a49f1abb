//! How values are written in documents of ours.

use serde_spanned::Spanned;
use toml::de::DeValue;
use twofactor_message::Language;

use super::unknown;
use crate::factor::otp::{Algorithm, Digits, Period};
use crate::factor::{Label, Method};
use crate::policy::{Mode, Unenrolled};

/// A value as it stands in a document, with its place.
pub type Written<'d> = Spanned<DeValue<'d>>;

/// Something that one value of a document can be read into.
pub trait Value: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    fn read(value: &Written<'_>) -> Result<Self, Wrong>;
}

/// A value that is not what it should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The offset in the document, in bytes.
    pub at: usize,
    /// In words.
    pub what: String,
}

impl Wrong {
    /// Words about a value.
    #[must_use]
    pub fn new(value: &Written<'_>, what: impl Into<String>) -> Self {
        Self { at: value.span().start, what: what.into() }
    }

    pub(super) fn kind(expected: &str, value: &Written<'_>) -> Self {
        let kind = value.get_ref().type_str();
        let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
        Self::new(value, format!("expected {expected}, not {article} {kind}"))
    }
}

/// The text of a string.
///
/// # Errors
/// The value is not a string.
pub(super) fn text<'v>(value: &'v Written<'_>) -> Result<&'v str, Wrong> {
    value.get_ref().as_str().ok_or_else(|| Wrong::kind("a string", value))
}

impl Value for String {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        text(value).map(str::to_owned)
    }
}

impl Value for bool {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        value.get_ref().as_bool().ok_or_else(|| Wrong::kind("true or false", value))
    }
}

impl Value for u64 {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        whole_number(value, Self::MAX)
    }
}

impl Value for u32 {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        let number = whole_number(value, Self::MAX.into())?;
        Self::try_from(number).map_err(|error| Wrong::new(value, error.to_string()))
    }
}

impl Value for u8 {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        let number = whole_number(value, Self::MAX.into())?;
        Self::try_from(number).map_err(|error| Wrong::new(value, error.to_string()))
    }
}

fn whole_number(value: &Written<'_>, max: u64) -> Result<u64, Wrong> {
    let expected = format!("a whole number from 0 to {max}");
    let Some(written) = value.get_ref().as_integer() else { return Err(Wrong::kind(&expected, value)) };
    let number = u64::from_str_radix(written.as_str(), written.radix()).ok().filter(|number| *number <= max);
    number.ok_or_else(|| Wrong::new(value, format!("expected {expected}, not {written}")))
}

impl<T: Value> Value for Vec<T> {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        let array = value.get_ref().as_array().ok_or_else(|| Wrong::kind("an array", value))?;
        array.iter().map(T::read).collect()
    }
}

/// One word out of a few.
///
/// # Errors
/// It is none of them.
pub(crate) fn choice<T: Copy>(value: &Written<'_>, words: &[(&str, T)]) -> Result<T, Wrong> {
    let word = text(value)?;
    let chosen = words.iter().find(|(known, _)| *known == word).map(|(_, chosen)| *chosen);
    chosen.ok_or_else(|| none_of(value, word, &mut words.iter().map(|(known, _)| *known)))
}

/// Made once for all types that can be chosen.
#[inline(never)]
fn none_of(value: &Written<'_>, word: &str, known: &mut dyn Iterator<Item = &str>) -> Wrong {
    Wrong::new(value, unknown("value", word, &known.collect::<Vec<_>>()))
}

impl Value for Method {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &Self::ALL.map(|method| (method.name(), method)))
    }
}

impl Value for Algorithm {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &[Self::Sha1, Self::Sha256, Self::Sha512].map(|algorithm| (algorithm.name(), algorithm)))
    }
}

impl Value for Mode {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &Self::ALL.map(|mode| (mode.name(), mode)))
    }
}

impl Value for Language {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &Self::ALL.map(|language| (language.name(), language)))
    }
}

impl Value for Unenrolled {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &Self::ALL.map(|what| (what.name(), what)))
    }
}

/// Reads a newtype through the type that it is written as.
macro_rules! checked {
    ($($type:ty, $written:ty);+ $(;)?) => {$(
        impl $crate::document::Value for $type {
            fn read(value: &$crate::document::Written<'_>) -> Result<Self, $crate::document::Wrong> {
                let written = <$written as $crate::document::Value>::read(value)?;
                Self::try_from(written).map_err(|error| $crate::document::Wrong::new(value, error.to_string()))
            }
        }
    )+};
}
pub(crate) use checked;

checked! {
    Digits, u8;
    Period, u32;
    Label, String;
    twofactor_message::EmailAddress, String;
    twofactor_message::PhoneNumber, String;
}
