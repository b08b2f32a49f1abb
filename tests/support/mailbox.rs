//! Somebody who waits for mail and reads it.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use mail_parser::{Message, MessageParser};

use crate::Sandbox;

/// A Maildir, and what has been read of it.
pub struct Mailbox {
    new: PathBuf,
    read: BTreeSet<PathBuf>,
}

impl Mailbox {
    /// Where [`Postfix`](crate::Postfix) puts a user's mail.
    pub fn of(sandbox: &Sandbox, user: &str) -> Mailbox {
        Mailbox::at(sandbox, &format!("/home/{user}/Maildir"))
    }

    /// Any other Maildir; it need not exist yet.
    pub fn at(sandbox: &Sandbox, path: &str) -> Mailbox {
        Mailbox { new: sandbox.path(path).join("new"), read: BTreeSet::new() }
    }

    /// The next message that was not read yet, or will come soon.
    #[track_caller]
    pub fn next_letter(&mut self) -> Letter {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(path) = self.unread().into_iter().next() {
                let raw = fs::read(&path).expect("a message in new/ is whole");
                self.read.insert(path);
                return Letter { raw: String::from_utf8(raw).expect("a message in UTF-8") };
            }
            assert!(Instant::now() < deadline, "no mail in {} within {PATIENCE:?}", self.new.display());
            // The directory may not exist yet, so there is nothing that inotify(7) could watch.
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many messages there are by now that were not read.
    pub fn waiting(&self) -> usize {
        self.unread().len()
    }

    /// In the order of their arrival.
    fn unread(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.new).into_iter().flatten().map(|entry| entry.expect("an entry of a Maildir"));
        let mut messages: Vec<_> = entries
            .filter(|entry| !self.read.contains(&entry.path()))
            .map(|entry| {
                (entry.metadata().and_then(|data| data.modified()).expect("a message in new/ stays"), entry.path())
            })
            .collect();
        messages.sort();
        messages.into_iter().map(|(_, path)| path).collect()
    }
}

/// A message as a mail program shows it.
#[derive(Clone, Debug)]
pub struct Letter {
    pub raw: String,
}

impl Letter {
    /// As the server passed it on.
    pub fn parse(&self) -> Message<'_> {
        MessageParser::default().parse(self.raw.as_bytes()).expect("a message")
    }

    /// Decoded (RFC 2047).
    pub fn subject(&self) -> String {
        self.parse().subject().expect("a subject").to_owned()
    }

    /// The code: the first word of the subject.
    pub fn code(&self) -> String {
        self.subject().split_whitespace().next().expect("a word").to_owned()
    }

    /// The only header of this name, unfolded and otherwise as it stands there.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<String> {
        let headers = self.headers();
        let mut found = headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.clone());
        assert_eq!(found.next(), None, "{name} twice");
        value
    }

    /// All headers in order, unfolded and otherwise as they stand there.
    pub fn headers(&self) -> Vec<(String, String)> {
        let message = self.parse();
        let headers = message.headers_raw().map(|(name, value)| {
            let lines: Vec<&str> = value.lines().map(str::trim).collect();
            (name.to_owned(), lines.join(" ").trim().to_owned())
        });
        headers.collect()
    }

    /// The plain text, decoded.
    pub fn text(&self) -> String {
        let message = self.parse();
        let part = message.text_part(0).expect("a text");
        assert!(part.is_text() && !part.is_text_html(), "only HTML");
        part.text_contents().expect("a text").to_owned()
    }

    /// The HTML, decoded, if there is a part of it.
    pub fn html(&self) -> Option<String> {
        let message = self.parse();
        let part = message.html_part(0).filter(|part| part.is_text_html())?;
        part.text_contents().map(str::to_owned)
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
