//! Programs of this system that know what is asked here: by absolute path, without an environment, only to be read.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A program at work.
pub(super) struct Program {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Program {
    pub(super) fn start(path: &str, arguments: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(path);
        command.args(arguments).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let said = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self { child, said: BufReader::with_capacity(BUFFER_BYTES, said) })
    }

    /// What it says, to be read to its end before [`Program::end`].
    pub(super) fn output(&mut self) -> &mut impl BufRead {
        &mut self.said
    }

    /// Waits for the end, and takes any but a good one for an error.
    pub(super) fn end(mut self) -> io::Result<()> {
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
    }

    /// All that a program of few words says.
    pub(super) fn text(mut self) -> io::Result<String> {
        let mut text = String::new();
        self.output().take(TEXT_MAX_BYTES).read_to_string(&mut text)?;
        self.end().map(|()| text)
    }
}

pub(super) const BUFFER_BYTES: usize = 64 * 1024;
const TEXT_MAX_BYTES: u64 = 4096;
