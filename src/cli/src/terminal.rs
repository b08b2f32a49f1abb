//! The terminal: what it can show, and what somebody types there. The one home of the environment.

use std::borrow::Cow;
use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::interruption::Held;

/// Whether people see standard output.
pub(crate) fn is_seen() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard output can draw a QR code: colours, and characters beyond ASCII.
#[allow(clippy::disallowed_methods, reason = "the one home of the environment")]
pub(crate) fn can_draw() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !dumb && shows_unicode()
}

/// Whether terminals here show characters beyond ASCII, as far as anybody has said so, locale(7).
#[allow(clippy::disallowed_methods, reason = "the one home of the environment")]
fn shows_unicode() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
    match locale {
        Some(locale) => {
            let locale = locale.to_string_lossy().to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        // Debian's default installation sets none of them and its terminals are UTF-8 all the same; not what agetty(8)
        // finds at the other end of a serial line.
        None => !std::env::var_os("TERM").is_some_and(|term| term.to_string_lossy().starts_with("vt")),
    }
}

/// The text as a terminal shows it without harm: one that knows ASCII alone gets a `?` for everything else, as from ls(1).
/// What goes anywhere but to a terminal stays as it is.
pub(crate) fn legible<'t>(text: &'t str, to: &impl IsTerminal) -> Cow<'t, str> {
    if text.is_ascii() || !to.is_terminal() || shows_unicode() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|character| if character.is_ascii() { character } else { '?' }).collect())
}

/// Whether whoever looks at standard output wants colours there, <https://no-color.org>.
#[allow(clippy::disallowed_methods, reason = "the one home of the environment")]
pub(crate) fn wants_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// How many lines the terminal on standard output has, if it says so.
pub(crate) fn lines() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(_, terminal_size::Height(lines))| usize::from(lines))
}

/// Asks on standard error and reads one line of standard input, which can be seen; `None` at its end.
pub(crate) fn ask(prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(legible(prompt, &stderr).as_bytes())?;
    stderr.flush()?;
    drop(stderr);
    let mut line = Zeroizing::new(String::with_capacity(LINE_BYTES));
    if io::stdin().lock().read_line(&mut line)? == 0 {
        // Nobody pressed the enter key, and what follows begins a line.
        say("\n")?;
        return Ok(None);
    }
    let trimmed = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(trimmed);
    Ok(Some(line))
}

/// Says something on standard error.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut stderr = io::stderr();
    stderr.write_all(legible(text, &stderr).as_bytes())
}

/// As [`ask`], but what is typed cannot be seen. Whatever ends or stops the process meanwhile finds the echo on; who
/// comes back is asked anew.
pub(crate) fn ask_unseen(prompt: &str) -> io::Result<Option<Zeroizing<String>>> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return ask(prompt);
    }
    let held = Held::begin()?;
    loop {
        let quiet = Quiet::begin(&stdin)?;
        say(prompt)?;
        let typed = quiet.read_line(&held);
        drop(quiet);
        say("\n")?;
        match typed? {
            Typed::Line(line) => return Ok(line),
            Typed::Until(signal) => held.let_through(signal)?,
        }
    }
}

/// What came of an answer that cannot be seen.
enum Typed {
    /// All of it; `None` at the end of the input.
    Line(Option<Zeroizing<String>>),
    /// That came before its end.
    Until(Signal),
}

/// The echo is off while this lives.
struct Quiet<'t> {
    terminal: BorrowedFd<'t>,
    before: Termios,
}

impl<'t> Quiet<'t> {
    fn begin(stdin: &'t io::Stdin) -> io::Result<Self> {
        let terminal = stdin.as_fd();
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(terminal, SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self { terminal, before })
    }

    /// Reads byte by byte, past the buffer of standard input, which would keep a copy.
    fn read_line(&self, held: &Held) -> io::Result<Typed> {
        let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES));
        let mut byte = Zeroizing::new([0]);
        loop {
            if let Some(signal) = held.wait(self.terminal)? {
                return Ok(Typed::Until(signal));
            }
            match nix::unistd::read(self.terminal, byte.as_mut_slice()) {
                Ok(0) if line.is_empty() => return Ok(Typed::Line(None)),
                Ok(0) => break,
                Ok(_) if *byte == [b'\n'] => break,
                Ok(_) if line.len() < LINE_BYTES => line.extend(byte.iter()),
                Ok(_) => return Err(io::ErrorKind::InvalidInput.into()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let text = std::str::from_utf8(&line).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(Typed::Line(Some(Zeroizing::new(text.to_owned()))))
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

/// Longer than any code or password that is typed, so that reading leaves no copies behind.
const LINE_BYTES: usize = 1024;
