//! Telephone numbers, checked once where they enter.

use std::fmt;
use std::str::FromStr;

/// One telephone number in international form (E.164): `+` and 7 to 15 digits, the first of them not 0.
#[derive(Clone, PartialEq, Eq)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// The number as `+` and digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `***42`: enough for the owner to know it again.
    #[must_use]
    pub fn masked(&self) -> String {
        let last = self.0.get(self.0.len().saturating_sub(2)..).unwrap_or_default();
        format!("***{last}")
    }
}

impl FromStr for PhoneNumber {
    type Err = NumberError;

    /// Blanks, dashes, dots and parentheses between the digits do not count.
    fn from_str(text: &str) -> Result<Self, NumberError> {
        let plain: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let digits = plain.strip_prefix('+').ok_or(NumberError)?;
        let good =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        if good { Ok(Self(plain)) } else { Err(NumberError) }
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NumberError;

    fn try_from(text: String) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PhoneNumber").field(&self.0).finish()
    }
}

/// The text is not one telephone number in international form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberError;

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a telephone number of the form +4930123456 (with the country)")
    }
}

impl std::error::Error for NumberError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_as_people_write_them() {
        for (written, number) in
            [("+4930123456", "+4930123456"), ("+49 (30) 123-456", "+4930123456"), ("+1.555.010.0042", "+15550100042")]
        {
            assert_eq!(written.parse::<PhoneNumber>().unwrap().as_str(), number);
        }
        assert_eq!("+4930123456".parse::<PhoneNumber>().unwrap().masked(), "***56");
    }

    #[test]
    fn what_no_gateway_could_dial_is_no_number() {
        for bad in
            ["", "+", "030123456", "+0301234567", "+123456", "+1234567890123456", "+49x30123456", "+4930123456\n"]
        {
            assert_eq!(bad.parse::<PhoneNumber>(), Err(NumberError), "{bad:?}");
        }
    }
}
