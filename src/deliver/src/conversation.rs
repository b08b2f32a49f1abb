//! What a worker says about its work: where it is, and the lines that went to and fro. No secret passes.

use std::fmt::Display;

use twofactor_message::Trouble;
use zeroize::Zeroizing;

use crate::channel::Word;
use crate::trouble::printable;

/// The conversation of one worker with one server, program or directory.
pub(crate) struct Conversation<'t> {
    tell: Box<dyn FnMut(Word) + 't>,
    secrets: Vec<Zeroizing<String>>,
    stage: String,
}

impl<'t> Conversation<'t> {
    /// A conversation whose words go to `tell`.
    pub(crate) fn new(tell: impl FnMut(Word) + 't) -> Self {
        Self { tell: Box::new(tell), secrets: Vec::new(), stage: String::new() }
    }

    /// Nothing that is said from now on contains this: a server may repeat what it was sent.
    pub(crate) fn hide(&mut self, secret: &str) {
        if !secret.is_empty() {
            self.secrets.push(Zeroizing::new(secret.to_owned()));
            // A secret that contains another one goes first.
            self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// What is attempted now; trouble is reported with it in front.
    pub(crate) fn stage(&mut self, what: impl Display) {
        self.stage = self.safe(&what.to_string(), STAGE_MAX_BYTES);
        (self.tell)(Word::Stage(self.stage.clone()));
    }

    /// Something happened.
    pub(crate) fn event(&mut self, what: impl Display) {
        let line = self.safe(&what.to_string(), LINE_MAX_BYTES);
        (self.tell)(Word::Line(line.trim_end().to_owned()));
    }

    /// We said it.
    pub(crate) fn ours(&mut self, line: impl Display) {
        self.event(format_args!("> {line}"));
    }

    /// They said it.
    pub(crate) fn theirs(&mut self, line: impl Display) {
        self.event(format_args!("< {line}"));
    }

    /// They said all of this; what is told of it is the beginning, which is answered. It is cut last of all: half a secret
    /// is not found.
    pub(crate) fn quote(&mut self, text: &[u8]) -> Zeroizing<String> {
        let masked = self.masked(&String::from_utf8_lossy(text));
        let beginning: Zeroizing<String> = masked.chars().take(QUOTE_MAX_CHARACTERS).collect::<String>().into();
        beginning.lines().take(QUOTE_MAX_LINES).for_each(|line| self.theirs(line));
        beginning
    }

    /// The message is delivered, whatever may come.
    pub(crate) fn taken(&mut self) {
        (self.tell)(Word::Taken);
    }

    /// The last word: delivered, or the trouble with the stage in front.
    pub(crate) fn end(mut self, result: Result<(), Trouble>) {
        let trouble = result.err().map(|trouble| {
            let detail =
                if self.stage.is_empty() { trouble.detail } else { format!("{}: {}", self.stage, trouble.detail) };
            Trouble { kind: trouble.kind, detail: self.safe(&detail, DETAIL_MAX_BYTES) }
        });
        (self.tell)(Word::End(trouble));
    }

    /// Secrets first: once a text is cut or has its letters replaced, they could no longer be found in it.
    fn safe(&self, text: &str, max_bytes: usize) -> String {
        printable(&self.masked(text), max_bytes)
    }

    fn masked(&self, text: &str) -> Zeroizing<String> {
        let whole = Zeroizing::new(text.to_owned());
        self.secrets.iter().fold(whole, |text, secret| text.replace(&**secret, MASK).into())
    }
}

/// What stands for a secret.
pub(crate) const MASK: &str = "****";
const QUOTE_MAX_CHARACTERS: usize = 1024;
const QUOTE_MAX_LINES: usize = 20;
const STAGE_MAX_BYTES: usize = 120;
const LINE_MAX_BYTES: usize = 500;
const DETAIL_MAX_BYTES: usize = 1000;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A conversation, and all that was said in it.
    pub(crate) fn overheard() -> (Conversation<'static>, Rc<RefCell<Vec<Word>>>) {
        let words = Rc::new(RefCell::new(Vec::new()));
        let ear = Rc::clone(&words);
        (Conversation::new(move |word| ear.borrow_mut().push(word)), words)
    }

    /// The lines of it.
    pub(crate) fn lines(words: &RefCell<Vec<Word>>) -> Vec<String> {
        let line = |word: &Word| if let Word::Line(line) = word { Some(line.clone()) } else { None };
        words.borrow().iter().filter_map(line).collect()
    }

    #[test]
    fn a_secret_is_never_said_not_even_by_the_other_side() {
        let (mut conversation, words) = overheard();
        conversation.hide("p\u{e4}ss");
        conversation.hide("p\u{e4}ssword");
        conversation.hide("");
        conversation.stage("p\u{e4}ss");
        conversation.theirs("535 no p\u{e4}ssword\u{7} here");
        conversation.end(Err(crate::trouble::protocol(format!("{}p\u{e4}ssword", "x".repeat(990)))));
        let said = format!("{words:?}");
        assert!(said.contains("< 535 no ****? here"), "{said}");
        assert!(!said.contains("p?ss") && !said.contains("word"), "{said}");
    }

    #[test]
    fn a_secret_where_a_quotation_ends_is_masked_and_not_cut() {
        let (mut conversation, words) = overheard();
        conversation.hide("p4ssword");
        let before = format!("{}\n{}", "x\n".repeat(10), "y".repeat(QUOTE_MAX_CHARACTERS - 25));
        let told = conversation.quote(format!("{before} p4ssword").as_bytes());
        assert_eq!(told.strip_prefix(&before), Some(" ***"));
        conversation.quote("1\n".repeat(99).as_bytes());
        assert_eq!(lines(&words).len(), 12 + QUOTE_MAX_LINES);
    }

    #[test]
    fn trouble_says_where_it_happened() {
        let (mut conversation, words) = overheard();
        conversation.stage("RCPT TO");
        conversation.end(Err(crate::trouble::protocol("550 5.1.1 no such user")));
        let detail = "RCPT TO: 550 5.1.1 no such user".to_owned();
        let trouble = Trouble { kind: twofactor_message::TroubleKind::Protocol, detail };
        assert_eq!(words.borrow().last(), Some(&Word::End(Some(trouble))));
    }
}
