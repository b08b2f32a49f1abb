//! How values are written in documents of ours.

use twofactor_message::Language;

use super::tree::{Kind, Node, Tree};
use super::unknown;
use crate::factor::otp::{Algorithm, Digits, Period};
use crate::factor::{Label, Method};
use crate::policy::Mode;

/// A value as it stands in a document, with its place.
#[derive(Clone, Copy)]
pub struct Written<'d> {
    pub(super) tree: &'d Tree<'d>,
    pub(super) node: &'d Node<'d>,
}

impl<'d> Written<'d> {
    pub(super) fn start(&self) -> usize {
        self.node.start()
    }

    /// What it holds, if it is an array.
    pub(super) fn elements(self) -> Option<impl Iterator<Item = Self>> {
        let Kind::Array(elements, _) = self.node.kind else { return None };
        Some(self.tree.within(elements).map(move |node| Self { node, ..self }))
    }
}

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
        Self { at: value.start(), what: what.into() }
    }

    pub(super) fn kind(expected: &str, value: &Written<'_>) -> Self {
        let kind = value.node.kind.name();
        let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
        Self::new(value, format!("expected {expected}, not {article} {kind}"))
    }
}

/// The text of a string.
///
/// # Errors
/// The value is not a string.
pub(crate) fn text<'d>(value: &Written<'d>) -> Result<&'d str, Wrong> {
    match &value.node.kind {
        Kind::String(text) => Ok(text),
        _ => Err(Wrong::kind("a string", value)),
    }
}

impl Value for String {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        text(value).map(str::to_owned)
    }
}

impl Value for bool {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        match value.node.kind {
            Kind::Boolean(is) => Ok(is),
            _ => Err(Wrong::kind("true or false", value)),
        }
    }
}

impl Value for u64 {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        whole_number(value, Self::MAX)
    }
}

impl Value for u32 {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        whole_number(value, Self::MAX.into()).map(|number| Self::try_from(number).unwrap_or(Self::MAX))
    }
}

impl Value for u8 {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        whole_number(value, Self::MAX.into()).map(|number| Self::try_from(number).unwrap_or(Self::MAX))
    }
}

fn whole_number(value: &Written<'_>, max: u64) -> Result<u64, Wrong> {
    let expected = || format!("a whole number from 0 to {max}");
    let Kind::Integer(written) = value.node.kind else { return Err(Wrong::kind(&expected(), value)) };
    let (digits, radix) = digits(written);
    let number = u64::from_str_radix(&digits, radix).ok().filter(|number| *number <= max);
    number.ok_or_else(|| Wrong::new(value, format!("expected {}, not {written}", expected())))
}

/// The digits of a number with their sign, and their base (TOML 1.1, "Integer").
pub(super) fn digits(written: &str) -> (String, u32) {
    let (radix, digits) = match written.split_at_checked(2) {
        Some(("0x", digits)) => (16, digits),
        Some(("0o", digits)) => (8, digits),
        Some(("0b", digits)) => (2, digits),
        _ => (10, written),
    };
    (digits.replace('_', ""), radix)
}

impl<T: Value> Value for Vec<T> {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        let elements = value.elements().ok_or_else(|| Wrong::kind("an array", value))?;
        elements.map(|element| T::read(&element)).collect()
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
