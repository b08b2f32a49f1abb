//! What a command prints: text for people or one JSON value for programs, never both.

use std::cell::Cell;
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;
use serde_json::ser::Formatter;
use twofactor_message::shown;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::terminal;

/// Standard output and standard error.
pub(crate) struct Output {
    json: bool,
    quiet: bool,
    /// Whether the one JSON value is out.
    answered: Cell<bool>,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, answered: Cell::new(false) }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Refuses to write what lets somebody in where no person looks, unless a program asks for it.
    pub(crate) fn is_for_eyes(&self, secrets: &str, hint: &'static str) -> Result<(), Failure> {
        if self.json || terminal::is_seen() {
            return Ok(());
        }
        Err(Failure::misused(format!("standard output is not a terminal, and {secrets} would be written to it"), hint))
    }

    /// What was asked for.
    pub(crate) fn answer(&self, text: &str, value: &impl Serialize) -> Result<(), Failure> {
        if !self.json {
            return self.print(text);
        }
        // Room for all of it: a buffer that grows leaves copies of secrets behind.
        let mut length = Length(1);
        let mut measured = serde_json::Serializer::with_formatter(&mut length, Ascii);
        value.serialize(&mut measured).map_err(|error| Failure::new(error, "try it without --json"))?;
        let mut json = Zeroizing::new(Vec::with_capacity(length.0));
        let mut serializer = serde_json::Serializer::with_formatter(&mut *json, Ascii);
        value.serialize(&mut serializer).map_err(|error| Failure::new(error, "try it without --json"))?;
        json.push(b'\n');
        self.answered.set(true);
        let mut stdout = io::stdout().lock();
        written(stdout.write_all(&json).and_then(|()| stdout.flush()))
    }

    /// Text for people, on standard output; not with `--json`.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        let text = terminal::legible(text, &stdout);
        written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
    }

    /// That it is done; with `--quiet` that is a matter of course.
    pub(crate) fn done(&self, text: &str, value: &impl Serialize) -> Result<(), Failure> {
        self.answer(if self.quiet { "" } else { text }, value)
    }

    /// Something by the way, on standard error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            let _ = terminal::say(&format!("{}\n", shown(text)));
        }
    }

    /// One of several errors, on standard error; the command goes on.
    pub(crate) fn complain(&self, failure: &Failure) -> Result<(), Failure> {
        written(terminal::say(&failure.lines()))
    }

    /// The two lines, and with `--json` the same as a value, unless one is out already.
    pub(crate) fn failed(&self, failure: &Failure) -> ExitCode {
        let _ = terminal::say(&failure.lines());
        if self.json && !self.answered.get() {
            let _ = self.answer("", &serde_json::json!({ "error": failure.what, "hint": failure.hint }));
        }
        ExitCode::from(failure.status())
    }
}

/// JSON with every character beyond printable ASCII escaped: a name in it moves no cursor of whoever looks at it.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                writer.write_all(&[c as u8])?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// How many bytes would be written, the line feed at the end included.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(result: io::Result<()>) -> Result<(), Failure> {
    result.map_err(|error| unwritten(&error))
}

/// What was to be printed went nowhere.
pub(crate) fn unwritten(error: &io::Error) -> Failure {
    Failure::new(format!("write to the terminal: {error}"), "see where the output goes")
}

/// `1 enrolment`, `2 enrolments`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Prose in lines that fit any terminal, each after the same indentation.
pub(crate) fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace().map(shown) {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(&word),
            Some(line) if indent.len() + line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines.iter().map(|line| format!("{indent}{line}\n")).collect()
}

const COLUMNS: usize = 79;
