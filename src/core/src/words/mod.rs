//! Every sentence that somebody at a prompt reads, in every language, and the administrator's in the place of ours.
//! Short, polite, true; the same for everybody who could be an attacker.
//!
//! Each language is one file beside this one, with a line for each [`Sentence`] in its order. It is searched when a
//! sentence is said: a table of texts would have to be relocated in every host.

mod sentence;
#[macro_use]
mod texts;

pub use sentence::Sentence;

use std::borrow::Cow;

use twofactor_message::{Language, Template, TemplateError, shown};

/// The administrator's sentences. Where there is none, ours is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalogue(Vec<Replaced>);

/// A sentence in the place of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Replaced {
    /// In which language; `None` for all that have no sentence of their own.
    language: Option<Language>,
    /// Its line.
    line: usize,
    text: String,
}

/// The words of one language.
#[derive(Clone, Copy)]
pub struct Words<'c> {
    catalogue: &'c Catalogue,
    language: Language,
}

impl Catalogue {
    /// Puts a sentence in the place of ours.
    ///
    /// # Errors
    /// It would not be shown as it is, has places that nothing fills in, or lacks one without which it is of no use.
    pub fn replace(&mut self, language: Option<Language>, place: Place, text: String) -> Result<(), Unfit> {
        if !(1..=SENTENCE_MAX_BYTES).contains(&text.len()) || text.trim().is_empty() || shown(&text) != text {
            return Err(Unfit::Text);
        }
        let ours = Template::of(place.text);
        let known: Vec<&str> = ours.words().collect();
        let braces = text.bytes().filter(|byte| matches!(byte, b'{' | b'}')).count();
        if braces > 0 && known.is_empty() {
            return Err(Unfit::Brace);
        }
        let template = Template::new(&text, &known)?;
        if template.words().count() * 2 != braces {
            return Err(Unfit::Brace);
        }
        for word in known {
            if word != OPTIONAL && !template.has(word) {
                return Err(Unfit::Without { word: word.to_owned() });
            }
        }
        self.0.push(Replaced { language, line: place.line, text });
        Ok(())
    }

    /// Whether a sentence is replaced in any language.
    #[must_use]
    pub fn has(&self, sentence: Sentence) -> bool {
        self.0.iter().any(|replaced| replaced.line == sentence as usize)
    }

    fn text(&self, language: Language, sentence: Sentence) -> &str {
        let of = |language| {
            let found = self.0.iter().find(|other| other.line == sentence as usize && other.language == language);
            found.map(|found| found.text.as_str())
        };
        of(Some(language)).or_else(|| of(None)).unwrap_or_else(|| ours(language, sentence))
    }
}

impl<'c> Words<'c> {
    /// The words of a language.
    #[must_use]
    pub fn new(catalogue: &'c Catalogue, language: Language) -> Self {
        Self { catalogue, language }
    }

    /// The language.
    #[must_use]
    pub fn language(self) -> Language {
        self.language
    }

    /// A sentence that has no places.
    #[must_use]
    pub fn say(self, sentence: Sentence) -> String {
        self.fill(sentence, &[])
    }

    /// A sentence with its places filled in.
    #[must_use]
    pub fn fill(self, sentence: Sentence, values: &[(&str, &str)]) -> String {
        let template = Template::of(self.catalogue.text(self.language, sentence));
        template.fill(|word| {
            let value = values.iter().find(|(place, _)| *place == word);
            Cow::Borrowed(value.map_or("", |(_, value)| value))
        })
    }

    /// How a prompt begins. What is typed stands apart from it.
    #[must_use]
    pub fn prompt(self, sentence: Sentence) -> String {
        let mut text = self.say(sentence);
        if !text.ends_with(' ') {
            text.push(' ');
        }
        text
    }

    /// `25 s`, `4 min`, `4 min 30 s`.
    #[must_use]
    pub fn duration(self, seconds: u64) -> String {
        let (minutes, rest) = (seconds / 60, seconds % 60);
        let sentence = match (minutes, rest) {
            (0, _) => Sentence::Seconds,
            (_, 0) => Sentence::Minutes,
            _ => Sentence::MinutesSeconds,
        };
        self.fill(sentence, &[("minutes", &minutes.to_string()), ("seconds", &rest.to_string())])
    }

    /// A sentence with a `{count}`.
    #[must_use]
    pub fn count(self, sentence: Sentence, count: u64) -> String {
        self.fill(sentence, &[("count", &count.to_string())])
    }
}

/// What stands for a sentence in the configuration.
#[derive(Clone, Copy)]
pub struct Place {
    line: usize,
    /// Its key.
    pub key: &'static str,
    text: &'static str,
}

/// Every sentence that can be replaced.
pub fn places() -> impl Iterator<Item = Place> {
    ENGLISH.lines().enumerate().map(|(line, entry)| {
        let (key, text) = halves(entry);
        Place { line, key, text }
    })
}

/// A sentence of ours, for when there are no settings.
#[must_use]
pub fn ours(language: Language, sentence: Sentence) -> &'static str {
    // A test sees that every language has a line for each.
    let line = |texts: &'static str| texts.lines().nth(sentence as usize).unwrap_or_default();
    match language {
        Language::En => halves(line(ENGLISH)).1,
        Language::De => line(GERMAN),
        Language::Fr => line(FRENCH),
    }
}

/// `key = text` as key and text.
fn halves(entry: &str) -> (&str, &str) {
    let (key, rest) = entry.split_once(' ').unwrap_or_default();
    (key, rest.strip_prefix("= ").unwrap_or_default())
}

const ENGLISH: &str = include_str!("en.txt");
const GERMAN: &str = texts!("de.txt");
const FRENCH: &str = texts!("fr.txt");

/// A sentence that cannot stand in the place of ours.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum Unfit {
    #[error("a sentence has 1 to {SENTENCE_MAX_BYTES} bytes of printable text on one line")]
    Text,
    #[error(transparent)]
    Place(#[from] TemplateError),
    #[error("a brace stands only around a word that is filled in")]
    Brace,
    #[error("without {{{word}}} the sentence would be of no use")]
    Without { word: String },
}

/// As for `[prompt] code`.
const SENTENCE_MAX_BYTES: usize = 200;
/// The one word without which a sentence says enough.
const OPTIONAL: &str = "tries";

#[cfg(test)]
mod tests {
    use super::*;

    /// `WrongCode` as `wrong_code`.
    fn key(sentence: Sentence) -> String {
        let mut key = String::new();
        for character in format!("{sentence:?}").chars() {
            if character.is_ascii_uppercase() && !key.is_empty() {
                key.push('_');
            }
            key.push(character.to_ascii_lowercase());
        }
        key
    }

    fn file(language: Language) -> &'static str {
        match language {
            Language::En => ENGLISH,
            Language::De => include_str!("de.txt"),
            Language::Fr => include_str!("fr.txt"),
        }
    }

    /// The words of a text, whatever their order.
    fn sorted(text: &str) -> Vec<String> {
        let mut words: Vec<_> = Template::of(text).words().map(str::to_owned).collect();
        words.sort();
        words
    }

    #[test]
    fn every_language_has_a_line_for_each_sentence_with_the_same_places_in_it() {
        for language in Language::ALL {
            let lines: Vec<_> = file(language).lines().collect();
            assert_eq!(lines.len(), Sentence::ALL.len(), "{language:?}");
            for (line, sentence) in lines.into_iter().zip(Sentence::ALL) {
                let text = ours(language, *sentence);
                assert_eq!(line, format!("{} = {text}", key(*sentence)));
                assert_eq!(sorted(text), sorted(ours(Language::En, *sentence)), "{line}");
                assert!(!text.is_empty() && text.trim() == text && shown(text) == text, "{line}");
                assert!(text.len() <= SENTENCE_MAX_BYTES && !text.contains("  "), "{line}");
                assert!(!Template::of(text).fill(|_| Cow::Borrowed("")).contains(['{', '}']), "{line}");
            }
        }
    }

    #[test]
    fn french_has_no_space_that_breaks_before_a_sign() {
        for text in FRENCH.lines() {
            assert!(![" :", " ;", " !", "'"].iter().any(|wrong| text.contains(wrong)), "{text}");
        }
    }

    #[test]
    fn a_sentence_of_one_language_goes_before_one_for_all() {
        let mut catalogue = Catalogue::default();
        let place = |sentence: Sentence| places().nth(sentence as usize).unwrap();
        let refused = place(Sentence::Refused);
        assert_eq!(refused.key, "refused");
        catalogue.replace(None, refused, "No.".to_owned()).unwrap();
        catalogue.replace(Some(Language::De), refused, "Nein.".to_owned()).unwrap();
        let said = |language| Words::new(&catalogue, language).say(Sentence::Refused);
        assert_eq!(Language::ALL.map(said), ["No.", "Nein.", "No."]);
        assert!(catalogue.has(Sentence::Refused) && !catalogue.has(Sentence::Wait));
        assert_eq!(Words::new(&catalogue, Language::Fr).prompt(Sentence::CodePrompt), "Code de vérification\u{a0}: ");
    }

    #[test]
    fn what_would_mislead_or_break_a_prompt_is_no_sentence() {
        let mut catalogue = Catalogue::default();
        for (key, text, expected) in [
            ("wait", "wait {tme}", "nothing fills in {tme}: it can be {time}"),
            ("wait", "wait", "without {time} the sentence would be of no use"),
            ("sent", "sent", "without {to} the sentence would be of no use"),
            ("asked", "asked, {reference}", "without {address} the sentence would be of no use"),
            ("refused", "no, {user}", "a brace stands only around a word that is filled in"),
            ("wait", "wait {Time} {time}", "a brace stands only around a word that is filled in"),
            ("wait", "wait {time", "a brace stands only around a word that is filled in"),
            ("refused", "", "a sentence has 1 to 200 bytes of printable text on one line"),
            ("refused", " ", "a sentence has 1 to 200 bytes of printable text on one line"),
            ("refused", "a\nb", "a sentence has 1 to 200 bytes of printable text on one line"),
            ("refused", "\u{1b}[2J", "a sentence has 1 to 200 bytes of printable text on one line"),
            ("refused", "\u{202e}a", "a sentence has 1 to 200 bytes of printable text on one line"),
            ("refused", &"x".repeat(201), "a sentence has 1 to 200 bytes of printable text on one line"),
        ] {
            let place = places().find(|place| place.key == key).unwrap();
            let error = catalogue.replace(None, place, text.to_owned()).unwrap_err();
            assert_eq!(error.to_string(), expected, "{text}");
        }
        assert_eq!(catalogue, Catalogue::default());
        let wrong = places().find(|place| place.key == "wrong_code").unwrap();
        catalogue.replace(None, wrong, "wrong".to_owned()).unwrap();
    }

    #[test]
    fn durations_read_as_people_say_them() {
        let catalogue = Catalogue::default();
        for (seconds, text) in [(0, "0 s"), (1, "1 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (900, "15 min")]
        {
            assert_eq!(Words::new(&catalogue, Language::En).duration(seconds), text);
        }
        assert_eq!(Words::new(&catalogue, Language::Fr).duration(61), "1\u{a0}min 1\u{a0}s");
    }
}
