//! TOML documents of ours, read into checked types; a mistake is named by its place and, where one is near, by the
//! word that was meant.
//!
//! A document is walked key by key, without serde: derived readers for as many tables made the module half as large
//! again as it may be, and their messages know no better word.

#[cfg(any(test, fuzzing))]
pub mod oracle;
mod tree;
mod values;
mod writer;

pub use values::{Value, Written, Wrong};
pub(crate) use values::{checked, choice, text};
pub use writer::Writer;

use std::cell::{Cell, RefCell};
use std::fmt::Display;

use toml_parser::{Expected, ParseError};

use tree::{Children, Kind, Node, Tree};

/// Reads a whole document with `body`, which asks for every key that it knows.
///
/// # Errors
/// The first mistake: no TOML, a wrong value, a missing key, a key that `body` did not ask for. Of the document, the
/// message quotes the wrong word at most.
pub fn read<T>(bytes: &[u8], body: impl FnOnce(&Table<'_>) -> Result<T, Mistake>) -> Result<T, Mistake> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
        Mistake::at(before, "is not UTF-8 text".to_owned())
    })?;
    let tree = Tree::parse(text).map_err(|error| no_toml(text, &error))?;
    Table::new(&tree, tree.root(), 0).read(body)
}

/// A table that is being read.
pub struct Table<'d> {
    tree: &'d Tree<'d>,
    entries: Children,
    start: usize,
    /// What was asked for, there or not; anything else is a mistake.
    known: RefCell<Vec<&'static str>>,
    lenient: Cell<bool>,
}

impl<'d> Table<'d> {
    fn new(tree: &'d Tree<'d>, entries: Children, start: usize) -> Self {
        Self { tree, entries, start, known: RefCell::new(tree.room.take()), lenient: Cell::new(false) }
    }

    fn read<T>(self, body: impl FnOnce(&Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        let read = body(&self)?;
        self.refuse_strangers()?;
        let mut known = self.known.into_inner();
        known.clear();
        self.tree.room.set(known);
        Ok(read)
    }

    fn refuse_strangers(&self) -> Result<(), Mistake> {
        if self.lenient.get() {
            return Ok(());
        }
        match self.strangers().min_by_key(|node| node.key_start()) {
            Some(node) => Err(self.mistake(node.key_start(), unknown("key", &node.key, &self.known.borrow()))),
            None => Ok(()),
        }
    }

    /// What was not asked for.
    fn strangers(&self) -> impl Iterator<Item = &'d Node<'d>> {
        self.tree.within(self.entries).filter(|node| !node.known.get())
    }

    /// The value of a key that may be missing.
    ///
    /// # Errors
    /// The value is there but wrong.
    pub fn optional<T: Value>(&self, key: &'static str) -> Result<Option<T>, Mistake> {
        let Some(value) = self.value(key) else { return Ok(None) };
        T::read(&value).map(Some).map_err(|wrong| self.mistake(wrong.at, wrong.what))
    }

    /// The value of a key with a default.
    ///
    /// # Errors
    /// The value is there but wrong.
    pub fn or<T: Value>(&self, key: &'static str, default: T) -> Result<T, Mistake> {
        Ok(self.optional(key)?.unwrap_or(default))
    }

    /// The value of a key that must be there.
    ///
    /// # Errors
    /// The value is missing or wrong.
    pub fn required<T: Value>(&self, key: &'static str) -> Result<T, Mistake> {
        self.optional(key)?.ok_or_else(|| self.missing(key, self.start, format!("key `{key}` is missing")))
    }

    /// Reads the table under a key; a missing one is `None`.
    ///
    /// # Errors
    /// It is not a table, or any mistake in it.
    pub fn table<T>(
        &self,
        key: &'static str,
        body: impl FnOnce(&Table<'_>) -> Result<T, Mistake>,
    ) -> Result<Option<T>, Mistake> {
        let Some(value) = self.value(key) else { return Ok(None) };
        self.enter(value)?.read(body).map(Some)
    }

    /// Reads every table of the array under a key; a missing array has none.
    ///
    /// # Errors
    /// It is not an array of tables, or any mistake in one of them.
    pub fn tables<T>(
        &self,
        key: &'static str,
        body: impl Fn(&Table<'_>) -> Result<T, Mistake>,
    ) -> Result<Vec<T>, Mistake> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let Some(tables) = value.elements() else {
            let wrong = Wrong::kind("an array of tables", &value);
            return Err(self.mistake(wrong.at, wrong.what));
        };
        tables.map(|table| self.enter(table)?.read(&body)).collect()
    }

    /// That a key is missing which `blamed` needs, said at the value of that one; or, if there is one, the misspelt word
    /// that stands in its place.
    #[must_use]
    pub fn needed(&self, key: &'static str, blamed: &'static str, what: &dyn Display) -> Mistake {
        self.missing(key, self.place_of(blamed), what.to_string())
    }

    fn missing(&self, key: &'static str, start: usize, what: String) -> Mistake {
        let misspelt = self.strangers().filter(|node| is_near(&node.key, key)).min_by_key(|node| node.key_start());
        match misspelt {
            Some(node) => self.mistake(node.key_start(), unknown("key", &node.key, &[key])),
            None => self.mistake(start, what),
        }
    }

    /// A mistake that concerns a key, at its value or, where it is missing, at the table.
    #[must_use]
    pub fn wrong(&self, key: &'static str, what: &dyn Display) -> Mistake {
        self.mistake(self.place_of(key), what.to_string())
    }

    /// Where a key has its value or, where it is missing, the table begins.
    fn place_of(&self, key: &str) -> usize {
        self.tree.get(self.entries, key).map_or(self.start, Node::start)
    }

    /// Takes whatever else there is as known.
    pub fn ignore_the_rest(&self) {
        self.lenient.set(true);
    }

    fn value(&self, key: &'static str) -> Option<Written<'d>> {
        self.known.borrow_mut().push(key);
        let node = self.tree.get(self.entries, key)?;
        node.known.set(true);
        Some(Written { tree: self.tree, node })
    }

    fn enter(&self, value: Written<'d>) -> Result<Self, Mistake> {
        match value.node.kind {
            Kind::Table(entries, _) => Ok(Table::new(self.tree, entries, value.start())),
            _ => {
                let wrong = Wrong::kind("a table", &value);
                Err(self.mistake(wrong.at, wrong.what))
            }
        }
    }

    fn mistake(&self, start: usize, what: String) -> Mistake {
        Mistake::at(before(self.tree.text, start), what)
    }
}

/// Where a document is wrong, and how. Kept apart from what is read, since it is passed up from every key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {}, column {}: {}", .0.line, .0.column, .0.what)]
pub struct Mistake(Box<Place>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    /// Counted from 1.
    line: usize,
    /// Counted from 1, in bytes.
    column: usize,
    /// In words, with a suggestion if one is near.
    what: String,
}

impl Mistake {
    /// The line, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.0.line
    }

    fn at(before: &[u8], what: String) -> Self {
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        Self(Box::new(Place { line, column, what }))
    }
}

/// What the parser says, and what it would have had instead.
fn no_toml(text: &str, error: &ParseError) -> Mistake {
    let expected = error.expected().map(|expected| {
        let words = expected.iter().map(|expected| match expected {
            Expected::Literal("\n") => "newline".to_owned(),
            Expected::Literal(text) => format!("`{text}`"),
            Expected::Description(text) => (*text).to_owned(),
            _ => "something else".to_owned(),
        });
        let words: Vec<_> = words.collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    });
    let what = match expected {
        Some(expected) => format!("{}, expected {expected}", error.description()),
        None => error.description().to_owned(),
    };
    Mistake::at(before(text, error.unexpected().map_or(0, |span| span.start())), what)
}

fn before(text: &str, start: usize) -> &[u8] {
    text.as_bytes().get(..start).unwrap_or_default()
}

fn distance(word: &str, candidate: &str) -> usize {
    strsim::osa_distance(&word.to_ascii_lowercase(), &candidate.to_ascii_lowercase())
}

/// Whether a word is likely to be meant for that one.
fn is_near(word: &str, candidate: &str) -> bool {
    distance(word, candidate) <= candidate.len().div_ceil(3)
}

/// `unknown key `isuer`: did you mean `issuer`?`, or all that is known.
fn unknown(called: &str, word: &str, known: &[&str]) -> String {
    let shown = twofactor_message::shown(word);
    let near = known.iter().map(|candidate| (distance(word, candidate), candidate)).min();
    match near {
        Some((_, candidate)) if is_near(word, candidate) => {
            format!("unknown {called} `{shown}`: did you mean `{candidate}`?")
        }
        _ => format!("unknown {called} `{shown}`: expected one of {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(table: &Table<'_>) -> Result<(Option<String>, u8), Mistake> {
        Ok((table.optional("issuer")?, table.or("digits", 6)?))
    }

    fn mistake(text: &[u8]) -> String {
        read(text, sample).unwrap_err().to_string()
    }

    #[test]
    fn a_misspelt_key_is_answered_with_the_right_one() {
        assert_eq!(mistake(b"\n  isuer = 'x'\n"), "line 2, column 3: unknown key `isuer`: did you mean `issuer`?");
    }

    #[test]
    fn a_key_like_no_other_is_answered_with_all_of_them() {
        let expected = "line 1, column 1: unknown key `colour`: expected one of issuer, digits";
        assert_eq!(mistake(b"colour = 1\nzzz = 2"), expected);
    }

    #[test]
    fn other_mistakes_are_named_by_their_place() {
        assert_eq!(
            mistake(b"issuer = 'x'\ndigits = 'six'"),
            "line 2, column 10: expected a whole number from 0 to 255, not a string"
        );
        assert_eq!(mistake(b"digits = 256"), "line 1, column 10: expected a whole number from 0 to 255, not 256");
        assert!(mistake(b"issuer = ").starts_with("line 1, column"));
        assert_eq!(mistake(b"issuer = 'x'\n# \xff"), "line 2, column 3: is not UTF-8 text");
        assert!(!mistake(b"issuer = \nx").contains('\n'));
        assert!(mistake(b"issuer = 'x'\nissuer = 'y'").starts_with("line 2, column 1"));
    }

    #[test]
    fn tables_are_read_with_their_own_keys() {
        let body = |table: &Table<'_>| {
            let one = table.table("one", |one| one.required::<u32>("n"))?;
            let many = table.tables("many", |each| each.required::<bool>("b"))?;
            Ok((one, many))
        };
        assert_eq!(
            read(b"[one]\nn = 1\n[[many]]\nb = true\n[[many]]\nb = false", body),
            Ok((Some(1), vec![true, false]))
        );
        assert_eq!(read(b"", body), Ok((None, vec![])));
        for (text, expected) in [
            ("one = 1", "line 1, column 7: expected a table, not an integer"),
            ("many = 1", "line 1, column 8: expected an array of tables, not an integer"),
            ("[one]\nmissing = 1", "line 1, column 1: key `n` is missing"),
            ("[one]\nN = 1", "line 2, column 1: unknown key `N`: did you mean `n`?"),
            ("[[many]]\nb = true\nc = 1", "line 3, column 1: unknown key `c`: did you mean `b`?"),
        ] {
            assert_eq!(read(text.as_bytes(), body).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_document_that_is_all_nesting_is_refused_not_followed() {
        let deep = format!("issuer = {}", "[".repeat(50_000));
        assert!(read(deep.as_bytes(), sample).is_err());
    }
}
