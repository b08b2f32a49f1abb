//! Text with places to fill in, such as `{code}`.

use std::borrow::Cow;
use std::fmt;

/// A text whose every `{word}` is known. A brace that no lower-case word follows stands for itself, so that JSON can be
/// written as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

impl Template {
    /// Checks every place to fill in against the words that will be known.
    ///
    /// # Errors
    /// The first word that is not.
    pub fn new(text: &str, known: &[&str]) -> Result<Self, TemplateError> {
        let strange = pieces(text).find_map(|piece| match piece {
            Piece::Field(word) if !known.contains(&word) => Some(word.to_owned()),
            Piece::Field(_) | Piece::Literal(_) => None,
        });
        match strange {
            Some(word) => Err(TemplateError { word, known: known.iter().map(|word| (*word).to_owned()).collect() }),
            None => Ok(Self(text.to_owned())),
        }
    }

    /// A text that was checked before.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a word is filled in anywhere.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.words().any(|field| field == word)
    }

    /// The words that are filled in, in their order.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        pieces(&self.0).filter_map(|piece| match piece {
            Piece::Field(word) => Some(word),
            Piece::Literal(_) => None,
        })
    }

    /// The text with every place filled in.
    #[must_use]
    pub fn fill<'v>(&self, value: impl Fn(&str) -> Cow<'v, str>) -> String {
        let mut filled = String::with_capacity(self.0.len() * 2);
        for piece in pieces(&self.0) {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Field(word) => filled.push_str(&value(word)),
            }
        }
        filled
    }
}

/// A part of a template.
enum Piece<'t> {
    Literal(&'t str),
    Field(&'t str),
}

fn pieces(mut rest: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((word, after)) = field(rest) {
            rest = after;
            return Some(Piece::Field(word));
        }
        let next = rest.char_indices().skip(1).find(|(_, c)| *c == '{').map_or(rest.len(), |(at, _)| at);
        let (literal, after) = rest.split_at(next);
        rest = after;
        Some(Piece::Literal(literal))
    })
}

/// `{word}` at the beginning of a text, and what follows it.
fn field(text: &str) -> Option<(&str, &str)> {
    let (word, after) = text.strip_prefix('{')?.split_once('}')?;
    let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    is_word.then_some((word, after))
}

/// A place that nothing fills in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    word: String,
    known: Vec<String>,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing fills in {{{}}}: it can be {{{}}}", self.word, self.known.join("}, {"))
    }
}

impl std::error::Error for TemplateError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_and_json_stays_json() {
        let template = Template::new(r#"{"to": "{number}", "x": {}, "y": {{number}}"#, &["number", "text"]).unwrap();
        let filled = template.fill(|_| Cow::Borrowed("42"));
        assert_eq!(filled, r#"{"to": "42", "x": {}, "y": {42}"#);
        assert!(template.has("number") && !template.has("text"));
    }

    #[test]
    fn a_place_that_nothing_fills_in_is_named() {
        let error = Template::new("{code} for {usr}", &["code", "user"]).unwrap_err();
        assert_eq!(error.to_string(), "nothing fills in {usr}: it can be {code}, {user}");
    }

    #[test]
    fn what_is_filled_in_is_not_filled_in_again() {
        let template = Template::new("{user}{code}", &["code", "user"]).unwrap();
        let filled = template.fill(|word| Cow::Borrowed(if word == "user" { "{code}" } else { "1" }));
        assert_eq!(filled, "{code}1");
    }
}
