//! A TOML document as a tree whose every part knows its place.
//!
//! `toml_parser` cuts the text and sees to its grammar. Which table may be told where, and that no key stands twice, is
//! seen to here. All that a document holds lies in one vector, so that a policy of 1,000 rules costs no allocation a rule.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::lexer::{Token, TokenKind};
use toml_parser::parser::{EventReceiver, parse_document};
use toml_parser::{ErrorSink, ParseError, Source, Span};

/// A document.
pub(super) struct Tree<'d> {
    pub(super) text: &'d str,
    /// The root is the first.
    nodes: Vec<Node<'d>>,
    /// Room for what a table is asked for, from one that is read to the next.
    pub(super) room: Cell<Vec<&'static str>>,
}

/// A value under its key, or in an array.
pub(super) struct Node<'d> {
    /// Empty in an array.
    pub(super) key: Cow<'d, str>,
    key_start: Offset,
    start: Offset,
    pub(super) kind: Kind<'d>,
    /// Whether it was asked for.
    pub(super) known: Cell<bool>,
    /// The one behind it in the same table or array.
    next: Id,
    /// Of the key; it spares most comparisons.
    digest: u32,
    /// In a table: those whose keys' digests go on with a zero, and with a one.
    zero: Id,
    one: Id,
}

/// What a value is.
pub(super) enum Kind<'d> {
    String(Cow<'d, str>),
    /// As it is written, with its prefix and underscores.
    Integer(&'d str),
    /// Of these, nobody wants to know more.
    Float,
    Boolean(bool),
    DateTime,
    Array(Children, Elements),
    Table(Children, Told),
}

/// The first and the last of what a table or an array holds.
#[derive(Clone, Copy)]
pub(super) struct Children(Id, Id);

/// How an array came to its elements.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Elements {
    /// In brackets: it has all of them.
    Listed,
    /// By headers `[[so]]`: it may get more, and its last one may.
    Headed,
}

/// How a table was told of, which says what may be added to it and by whom.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Told {
    /// By a header of its own, or it is the root.
    Header,
    /// On the way to another table's header: its own may follow.
    Path,
    /// On the way to a dotted key: more such may follow.
    Dotted,
    /// In braces: it has all its keys.
    Braces,
}

/// The place of a node; a document of 4 GiB is refused.
type Id = u32;
type Offset = u32;
/// No node.
const NONE: Id = Id::MAX;
const ROOT: Id = 0;

impl<'d> Tree<'d> {
    /// Reads a document.
    ///
    /// # Errors
    /// The first mistake in its grammar or, if it has none, the first against the meaning of tables and keys.
    pub(super) fn parse(text: &'d str) -> Result<Self, ParseError> {
        if text.len() >= NONE as usize {
            return Err(ParseError::new("is larger than any document of ours"));
        }
        let source = Source::new(text);
        let broken = RefCell::new(None);
        let mut builder = Builder::new(source, &broken);
        let mut report = |error| {
            broken.borrow_mut().get_or_insert(error);
        };
        // A header outside of all brackets begins anew, so the parser may have its table by itself: the tokens of a whole
        // document would be ten times as large as it is.
        let mut tokens: Vec<Token> = Vec::new();
        let mut depth = 0_usize;
        for token in source.lex() {
            match token.kind() {
                TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                    if depth == 0 && tokens.last().is_some_and(|before| before.kind() == TokenKind::Newline) {
                        parse_document(&tokens, &mut builder, &mut report);
                        tokens.clear();
                    }
                    depth += 1;
                }
                TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => depth = depth.saturating_sub(1),
                _ => {}
            }
            tokens.push(token);
        }
        parse_document(&tokens, &mut builder, &mut report);
        let Builder { tree, mistake, .. } = builder;
        match broken.take().or(mistake) {
            Some(mistake) => Err(mistake),
            None => Ok(tree),
        }
    }

    /// What stands in the document outside of all tables, and those.
    pub(super) fn root(&self) -> Children {
        self.children(ROOT)
    }

    /// What a table or an array holds, in the order of the document.
    pub(super) fn within(&self, children: Children) -> impl Iterator<Item = &Node<'d>> {
        std::iter::successors(self.node(children.0), |node| self.node(node.next))
    }

    /// The value under a key of a table.
    pub(super) fn get(&self, table: Children, key: &str) -> Option<&Node<'d>> {
        self.node(self.find(table, key).ok()?)
    }

    fn children(&self, id: Id) -> Children {
        match self.node(id) {
            Some(Node { kind: Kind::Array(children, _) | Kind::Table(children, _), .. }) => *children,
            _ => Children::NONE,
        }
    }

    fn node(&self, id: Id) -> Option<&Node<'d>> {
        self.nodes.get(id as usize)
    }

    fn node_mut(&mut self, id: Id) -> Option<&mut Node<'d>> {
        self.nodes.get_mut(id as usize)
    }

    /// Where a key is in a table, or else the node that a new one is to hang below, and on which side.
    ///
    /// The keys of a table are a binary tree as well, of which their digests say the branches and the first one is the
    /// root: 100,000 keys in a table are looked up in 17 steps.
    fn find(&self, Children(mut id, _): Children, key: &str) -> Result<Id, (Id, bool)> {
        let digest = digest(key);
        let mut above = (NONE, false);
        let mut rest = digest;
        while let Some(node) = self.node(id) {
            if node.digest == digest && node.key == key {
                return Ok(id);
            }
            let one = rest & 1 == 1;
            above = (id, one);
            id = if one { node.one } else { node.zero };
            rest >>= 1;
        }
        Err(above)
    }

    /// Puts a node at the end of a table or an array; under its key, it hangs where [`Self::find`] did not find it.
    fn add(&mut self, holder: Id, node: Node<'d>, (above, one): (Id, bool)) -> Id {
        let id = Id::try_from(self.nodes.len()).unwrap_or(NONE);
        self.nodes.push(node);
        if let Some(above) = self.node_mut(above) {
            *(if one { &mut above.one } else { &mut above.zero }) = id;
        }
        let Some(Node { kind: Kind::Array(children, _) | Kind::Table(children, _), .. }) = self.node_mut(holder) else {
            return NONE;
        };
        if children.0 == NONE {
            children.0 = id;
        }
        let last = std::mem::replace(&mut children.1, id);
        if let Some(last) = self.node_mut(last) {
            last.next = id;
        }
        id
    }
}

impl<'d> Node<'d> {
    fn new(key: Cow<'d, str>, key_start: Offset, start: Offset, kind: Kind<'d>) -> Self {
        let digest = digest(&key);
        Self { key, key_start, start, kind, known: Cell::new(false), next: NONE, digest, zero: NONE, one: NONE }
    }

    /// Where its key begins, in bytes.
    pub(super) fn key_start(&self) -> usize {
        self.key_start as usize
    }

    /// Where its value begins, in bytes; a table begins with its header.
    pub(super) fn start(&self) -> usize {
        self.start as usize
    }
}

impl Children {
    const NONE: Self = Self(NONE, NONE);
}

impl Kind<'_> {
    /// Its name in messages.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Integer(_) => "integer",
            Self::Float => "float",
            Self::Boolean(_) => "boolean",
            Self::DateTime => "datetime",
            Self::Array(..) => "array",
            Self::Table(..) => "table",
        }
    }
}

/// A tree in the making, told by the parser what comes next.
struct Builder<'d, 'b> {
    source: Source<'d>,
    tree: Tree<'d>,
    /// The table of the last header.
    table: Id,
    /// The header that is being read: where it begins, and whether it is one of an array.
    header: (usize, bool),
    /// The parts of the key that is being read.
    path: Vec<Part<'d>>,
    /// The arrays and the tables in braces that are open.
    open: Vec<Id>,
    /// The first mistake in the grammar. With one, the parser may close what it never opened, so nothing is entered any
    /// more: how deep it is could not be told from `open`.
    broken: &'b RefCell<Option<ParseError>>,
    /// The first mistake of another kind; nothing is added after it.
    mistake: Option<ParseError>,
}

/// One part of a dotted key.
struct Part<'d> {
    text: Cow<'d, str>,
    span: Span,
}

impl<'d, 'b> Builder<'d, 'b> {
    fn new(source: Source<'d>, broken: &'b RefCell<Option<ParseError>>) -> Self {
        let root = Node::new(Cow::Borrowed(""), 0, 0, Kind::Table(Children::NONE, Told::Header));
        Self {
            source,
            tree: Tree { text: source.input(), nodes: vec![root], room: Cell::default() },
            table: ROOT,
            header: (0, false),
            path: Vec::new(),
            open: Vec::new(),
            broken,
            mistake: None,
        }
    }

    /// Puts a value where it belongs, into the innermost thing that is open or into the table of the last header.
    fn place(&mut self, start: usize, kind: Kind<'d>) -> Id {
        if self.mistake.is_some() {
            return NONE;
        }
        let holder = self.open.last().copied().unwrap_or(self.table);
        if matches!(self.tree.node(holder), Some(Node { kind: Kind::Array(..), .. })) {
            return self.tree.add(holder, Node::new(Cow::Borrowed(""), 0, offset(start), kind), (NONE, false));
        }
        let added = self.under_key(holder, offset(start), kind);
        self.or_mistake(added)
    }

    /// Puts a value under the key that was read.
    fn under_key(&mut self, table: Id, start: Offset, kind: Kind<'d>) -> Result<Id, ParseError> {
        let Some(key) = self.path.pop() else { return Ok(NONE) };
        let dotted = !self.path.is_empty();
        let table = self.descend(table, dotted)?;
        if dotted && matches!(self.tree.node(table), Some(Node { kind: Kind::Table(_, Told::Header), .. })) {
            return Err(duplicate(&key));
        }
        match self.find(table, &key.text) {
            Ok(_) => Err(duplicate(&key)),
            Err(above) => Ok(self.tree.add(table, Node::new(key.text, offset(key.span.start()), start, kind), above)),
        }
    }

    /// Enters the table that a header names.
    fn enter(&mut self) -> Result<Id, ParseError> {
        let (start, is_array) = self.header;
        let start = offset(start);
        let Some(key) = self.path.pop() else { return Ok(NONE) };
        let table = self.descend(ROOT, false)?;
        let fresh = Kind::Table(Children::NONE, Told::Header);
        let found = self.find(table, &key.text);
        let key_start = offset(key.span.start());
        if is_array {
            let array = match found {
                Ok(array) => array,
                Err(above) => {
                    let array = Kind::Array(Children::NONE, Elements::Headed);
                    self.tree.add(table, Node::new(key.text.clone(), key_start, start, array), above)
                }
            };
            return match self.tree.node(array) {
                Some(Node { kind: Kind::Array(_, Elements::Headed), .. }) => {
                    Ok(self.tree.add(array, Node::new(Cow::Borrowed(""), 0, start, fresh), (NONE, false)))
                }
                _ => Err(duplicate(&key)),
            };
        }
        let table = match found {
            Err(above) => return Ok(self.tree.add(table, Node::new(key.text, key_start, start, fresh), above)),
            Ok(table) => table,
        };
        match self.tree.node_mut(table) {
            Some(Node { kind: Kind::Table(_, told @ Told::Path), key_start: old_key, start: old, .. }) => {
                *told = Told::Header;
                *old_key = key_start;
                *old = start;
                Ok(table)
            }
            _ => Err(duplicate(&key)),
        }
    }

    /// Follows the path from a table, making the tables that are not there yet.
    fn descend(&mut self, mut table: Id, dotted: bool) -> Result<Id, ParseError> {
        let mut path = std::mem::take(&mut self.path);
        for part in path.drain(..) {
            let id = match self.find(table, &part.text) {
                Ok(id) => id,
                Err(above) => {
                    let start = offset(part.span.start());
                    let kind = Kind::Table(Children::NONE, if dotted { Told::Dotted } else { Told::Path });
                    self.tree.add(table, Node::new(part.text, start, start, kind), above)
                }
            };
            table = match self.tree.node_mut(id).map(|node| &mut node.kind) {
                Some(Kind::Array(Children(_, last), Elements::Headed)) => *last,
                Some(Kind::Table(_, Told::Header)) if dotted => return Err(duplicate_at(part.span)),
                Some(Kind::Table(_, told)) if *told != Told::Braces => {
                    if dotted && *told == Told::Path {
                        *told = Told::Dotted;
                    }
                    id
                }
                closed => return Err(extended(closed, part.span)),
            };
        }
        self.path = path;
        Ok(table)
    }

    fn find(&self, table: Id, key: &str) -> Result<Id, (Id, bool)> {
        self.tree.find(self.tree.children(table), key)
    }

    /// Opens an array or a table in braces, unless it is nested too deeply to be followed.
    fn open(&mut self, span: Span, kind: Kind<'d>, error: &mut dyn ErrorSink) -> bool {
        let id = self.place(span.start(), kind);
        self.open.push(id);
        if self.broken.borrow().is_some() {
            return false;
        }
        let followed = self.open.len() <= DEPTH_MAX;
        if !followed {
            error.report_error(ParseError::new("is nested too deeply").with_unexpected(span));
        }
        followed
    }

    fn or_mistake(&mut self, id: Result<Id, ParseError>) -> Id {
        id.unwrap_or_else(|mistake| {
            self.mistake.get_or_insert(mistake);
            NONE
        })
    }
}

impl EventReceiver for Builder<'_, '_> {
    fn std_table_open(&mut self, span: Span, _error: &mut dyn ErrorSink) {
        self.header = (span.start(), false);
        self.path.clear();
    }

    fn array_table_open(&mut self, span: Span, _error: &mut dyn ErrorSink) {
        self.header = (span.start(), true);
        self.path.clear();
    }

    fn std_table_close(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        if self.mistake.is_none() {
            let entered = self.enter();
            self.table = self.or_mistake(entered);
        }
    }

    fn array_table_close(&mut self, span: Span, error: &mut dyn ErrorSink) {
        self.std_table_close(span, error);
    }

    fn inline_table_open(&mut self, span: Span, error: &mut dyn ErrorSink) -> bool {
        self.open(span, Kind::Table(Children::NONE, Told::Braces), error)
    }

    fn inline_table_close(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.open.pop();
    }

    fn array_open(&mut self, span: Span, error: &mut dyn ErrorSink) -> bool {
        self.open(span, Kind::Array(Children::NONE, Elements::Listed), error)
    }

    fn array_close(&mut self, _span: Span, _error: &mut dyn ErrorSink) {
        self.open.pop();
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, _error: &mut dyn ErrorSink) {
        if self.mistake.is_some() {
            return;
        }
        let Some(raw) = self.source.get(span) else { return };
        let raw = toml_parser::Raw::new_unchecked(raw.as_str(), encoding, span);
        let mut text = Cow::Borrowed("");
        raw.decode_key(&mut text, &mut self.mistake);
        self.path.push(Part { text, span });
        if self.path.len() > DEPTH_MAX {
            self.mistake.get_or_insert(ParseError::new("is nested too deeply").with_unexpected(span));
        }
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, _error: &mut dyn ErrorSink) {
        if self.mistake.is_some() {
            return;
        }
        let Some(raw) = self.source.get(span) else { return };
        let written = raw.as_str();
        let raw = toml_parser::Raw::new_unchecked(written, encoding, span);
        let mut text = Cow::Borrowed("");
        let kind = match raw.decode_scalar(&mut text, &mut self.mistake) {
            ScalarKind::String => Kind::String(text),
            ScalarKind::Boolean(is) => Kind::Boolean(is),
            ScalarKind::DateTime => Kind::DateTime,
            ScalarKind::Float => Kind::Float,
            ScalarKind::Integer(_) => Kind::Integer(written),
        };
        self.place(span.start(), kind);
    }

    fn comment(&mut self, span: Span, error: &mut dyn ErrorSink) {
        if let Some(raw) = self.source.get(span) {
            raw.decode_comment(error);
        }
    }

    fn newline(&mut self, span: Span, error: &mut dyn ErrorSink) {
        if let Some(raw) = self.source.get(span) {
            raw.decode_newline(error);
        }
    }
}

fn duplicate(key: &Part<'_>) -> ParseError {
    duplicate_at(key.span)
}

fn duplicate_at(span: Span) -> ParseError {
    ParseError::new("duplicate key").with_unexpected(span)
}

/// Something that has all its parts was to get another.
fn extended(closed: Option<&mut Kind<'_>>, span: Span) -> ParseError {
    let kind = match closed.as_deref() {
        Some(Kind::Table(..)) => "inline table",
        Some(other) => other.name(),
        None => "nothing",
    };
    ParseError::new(format!("cannot extend value of type {kind} with a dotted key")).with_unexpected(span)
}

fn offset(place: usize) -> Offset {
    Offset::try_from(place).unwrap_or(Offset::MAX)
}

/// FNV-1a: spreads keys, and nobody but root could choose them to collide.
fn digest(key: &str) -> u32 {
    key.bytes().fold(0x811c_9dc5, |digest: u32, byte| (digest ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// As deep as the parser that this is tested against goes.
const DEPTH_MAX: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    /// How many keys are looked at to find one, at most.
    fn steps(tree: &Tree<'_>, Children(first, _): Children) -> usize {
        let mut most = 0;
        let mut left = vec![(first, 1)];
        while let Some((id, steps)) = left.pop() {
            if let Some(node) = tree.node(id) {
                most = most.max(steps);
                left.extend([(node.zero, steps + 1), (node.one, steps + 1)]);
            }
        }
        most
    }

    #[test]
    fn among_100_000_keys_one_is_found_in_a_few_steps() {
        for line in
            [|n| format!("k{n}=1\n"), |n| format!("[k{n}]\n"), |n| format!("k.{n}.a=1\n"), |n| format!("[[{n}.a]]\n")]
        {
            let text: String = (0..100_000).map(line).collect();
            let tree = Tree::parse(&text).unwrap();
            let first = tree.root();
            let table = tree.get(first, "k").map_or(first, |node| tree.children(tree.find(first, &node.key).unwrap()));
            let found = steps(&tree, table);
            assert!(found < 50 && tree.within(table).count() == 100_000, "{found}: {}", line(1));
        }
    }

    #[test]
    fn a_parser_that_closes_what_was_never_opened_is_not_followed_into_any_depth() {
        for text in [
            format!("a = {{{}b = {}", "{}".repeat(200_000), "[".repeat(300_000)),
            format!("a = {}", "{{}b = ".repeat(150_000)),
        ] {
            let mistake = Tree::parse(&text).err().unwrap();
            assert_eq!(mistake.unexpected().map(|span| span.start()), Some(5));
        }
    }
}
