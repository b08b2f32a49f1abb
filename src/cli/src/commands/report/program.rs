//! Programs of this system that know what is asked here: by absolute path, without an environment, only to be read, and
//! waited for only as long as they say something.

use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use twofactor_core::sys;

/// A program at work. Whoever drops it before its end kills it.
pub(super) struct Program {
    said: BufReader<Saying>,
    patience: Duration,
}

/// What a program says, however long it is.
struct Saying {
    program: sys::Program,
    patience: Duration,
}

impl Program {
    pub(super) fn start(path: &str, arguments: &[&str]) -> io::Result<Self> {
        Self::start_with(path, arguments, PATIENCE)
    }

    fn start_with(path: &str, arguments: &[&str], patience: Duration) -> io::Result<Self> {
        let arguments: Vec<_> = arguments.iter().map(|word| (*word).to_owned()).collect();
        let program = sys::Program::start(Path::new(path), &arguments, b"").map_err(io::Error::other)?;
        Ok(Self { said: BufReader::with_capacity(BUFFER_BYTES, Saying { program, patience }), patience })
    }

    /// What it says, to be read to its end before [`Program::end`].
    pub(super) fn output(&mut self) -> &mut impl BufRead {
        &mut self.said
    }

    /// Waits for the end, and takes any but a good one for an error.
    pub(super) fn end(self) -> io::Result<()> {
        match self.said.into_inner().program.exit_status(self.patience) {
            Some(0) => Ok(()),
            Some(status) => Err(io::Error::other(format!("exit status: {status}"))),
            None => Err(io::Error::other("it was killed, or did not end")),
        }
    }

    /// All that a program of few words says.
    pub(super) fn text(mut self) -> io::Result<String> {
        let mut text = String::new();
        self.output().take(TEXT_MAX_BYTES).read_to_string(&mut text)?;
        self.end().map(|()| text)
    }
}

impl Read for Saying {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut answer = self.program.answer();
        let patience = PollTimeout::try_from(self.patience).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(answer.as_fd(), PollFlags::POLLIN)], patience)? {
            0 => Err(io::Error::other(format!("it says nothing for {} seconds", self.patience.as_secs()))),
            _ => answer.read(into),
        }
    }
}

pub(super) const BUFFER_BYTES: usize = 64 * 1024;
const TEXT_MAX_BYTES: u64 = 4096;
/// Between one piece of an answer and the next: a directory may be slow, and a journal long.
const PATIENCE: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: Duration) -> Program {
        Program::start_with("/bin/sh", &["-c", script], patience).unwrap()
    }

    #[test]
    fn a_program_may_take_its_time_and_say_any_number_of_lines() {
        let script = "for i in 1 2 3; do echo $i; sleep 0.1; done; seq 4 100000; exit 3";
        let mut program = shell(script, Duration::from_secs(10));
        assert_eq!(program.output().lines().map_while(Result::ok).count(), 100_000);
        assert_eq!(program.end().unwrap_err().to_string(), "exit status: 3");
    }

    #[test]
    fn a_program_that_falls_silent_or_does_not_end_is_given_up() {
        let patience = Duration::from_millis(100);
        for script in ["exec sleep 1000", "echo some; exec sleep 1000"] {
            let error = shell(script, patience).text().unwrap_err();
            assert_eq!(error.to_string(), "it says nothing for 0 seconds", "{script}");
        }
        let error = shell("echo all; exec sleep 1000 >/dev/null", patience).text().unwrap_err();
        assert_eq!(error.to_string(), "it was killed, or did not end");
    }
}
