//! How the settings of both are written.

use std::net::IpAddr;
use std::path::Path;

use crate::config::seconds::Seconds;
use crate::document::checked;

checked! {
    Timeout, Seconds;
    AbsolutePath, String;
    Line, String;
    Server, String;
    Command, Vec<String>;
}

/// How long one way may take: 1 to 60 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout(u32);

impl Timeout {
    pub(super) const TEN_SECONDS: Self = Self(10);

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<Seconds> for Timeout {
    type Error = &'static str;

    fn try_from(Seconds(seconds): Seconds) -> Result<Self, Self::Error> {
        let seconds = u32::try_from(seconds).ok().filter(|seconds| (1..=60).contains(seconds));
        seconds.map(Self).ok_or("a timeout is 1 to 60 seconds")
    }
}

/// A path from the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsolutePath(pub(super) String);

impl AbsolutePath {
    /// The path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl TryFrom<String> for AbsolutePath {
    type Error = &'static str;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        if path.starts_with('/') && !path.contains('\0') { Ok(Self(path)) } else { Err("not an absolute path") }
    }
}

/// 1 to 200 bytes of printable text.
pub(super) struct Line(pub(super) String);

impl TryFrom<String> for Line {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = (1..=200).contains(&text.len()) && twofactor_message::shown(&text) == text;
        if good { Ok(Self(text)) } else { Err("expected 1 to 200 bytes of printable text on one line") }
    }
}

/// The name or the address of a server.
pub(super) struct Server(pub(super) String);

impl TryFrom<String> for Server {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let name = (1..=253).contains(&text.len())
            && !text.starts_with(['-', '.'])
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        let good = name || text.parse::<IpAddr>().is_ok();
        if good {
            Ok(Self(text))
        } else {
            Err("not the name or the address of a server (the port is a key of its own)")
        }
    }
}

pub(super) fn is_loopback(server: &str) -> bool {
    server == "localhost" || server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A program by its absolute path, and its arguments.
pub(super) struct Command(pub(super) Vec<String>);

impl TryFrom<Vec<String>> for Command {
    type Error = &'static str;

    fn try_from(words: Vec<String>) -> Result<Self, Self::Error> {
        let absolute = words.first().is_some_and(|program| program.starts_with('/'));
        let plain = words.len() <= 32 && words.iter().all(|word| !word.contains('\0') && word.len() <= 4096);
        if absolute && plain {
            Ok(Self(words))
        } else {
            Err("a command is the absolute path of a program and its arguments")
        }
    }
}
