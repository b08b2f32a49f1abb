//! A program that is started with something to read, answers through a pipe, and is killed if it stays.
//!
//! It works in hosts that ignore or reap SIGCHLD: that a child is gone when it is waited for is no error, and how it
//! ended does not matter, only what it said. posix_spawn(3) itself, since what std wraps around it has a tenth of the
//! size that the module may have.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, posix_spawn};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, pipe2};

use super::file::above_standard_streams;
use super::host::file_size_limit;

/// A child of this process, and no other.
pub struct Program {
    child: Pid,
    /// Whether it is gone and waited for.
    reaped: bool,
    answer: File,
}

/// How far an answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// There will be more.
    Unfinished,
    /// That was all.
    Finished,
    /// It is longer than it may be.
    TooLong,
}

impl Program {
    /// Starts a program by its path, with an empty environment, `input` to read and a pipe to answer on.
    ///
    /// # Errors
    /// The program is missing or cannot be executed, or this process has no room for what it needs.
    pub fn start(path: &Path, arguments: &[String], input: &[u8]) -> Result<Self, ProgramError> {
        let failed = |attempt| move |source| ProgramError { attempt, source };
        // In memory instead of a pipe: a write to a pipe that nobody reads would kill the host with SIGPIPE.
        let input = content(input).map_err(failed("pass the message on"))?;
        let (answer, answers) = pipe().map_err(failed("make a pipe"))?;
        let child = spawn(path, arguments, &input, &answers).map_err(failed("start it"))?;
        Ok(Self { child, reaped: false, answer: answer.into() })
    }

    /// Reads on for at most `patience`, into a buffer of at most `max` bytes.
    ///
    /// # Errors
    /// The pipe cannot be read.
    pub fn read(&mut self, into: &mut Vec<u8>, max: usize, patience: Duration) -> io::Result<Reading> {
        let started = Instant::now();
        loop {
            let left = patience.saturating_sub(started.elapsed());
            // Rounded up, so that no part of a millisecond is spent spinning.
            let left = PollTimeout::try_from(left + Duration::from_micros(999)).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.answer.as_fd(), PollFlags::POLLIN)], left) {
                Ok(0) => return Ok(Reading::Unfinished),
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let mut chunk = [0; 4096];
            let length = match self.answer.read(&mut chunk) {
                Ok(0) => return Ok(Reading::Finished),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if into.len() + length > max {
                return Ok(Reading::TooLong);
            }
            into.extend(chunk.iter().take(length));
        }
    }

    /// Waits until the program has ended, at most `patience`, and says whether it has.
    pub fn ends_within(&mut self, patience: Duration) -> bool {
        let started = Instant::now();
        let mut pause = SHORTEST_PAUSE;
        loop {
            // ECHILD means that the host has reaped it, or lets the kernel do so.
            let is_there = || waitpid(self.child, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive);
            self.reaped = self.reaped || !is_there();
            if self.reaped || started.elapsed() >= patience {
                return self.reaped;
            }
            // SIGCHLD is the host's, so there is no event to wait for.
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// What has not ended by then is killed: nothing of ours stays behind in the host.
impl Drop for Program {
    fn drop(&mut self) {
        if !self.ends_within(Duration::ZERO) {
            let _ = kill(self.child, Signal::SIGKILL);
            while waitpid(self.child, None) == Err(Errno::EINTR) {}
        }
    }
}

fn spawn(path: &Path, arguments: &[String], input: &File, answers: &OwnedFd) -> io::Result<Pid> {
    let nothing = above_standard_streams(File::options().write(true).open("/dev/null")?.into())?;
    let mut files = PosixSpawnFileActions::init()?;
    files.add_dup2(input.as_raw_fd(), 0)?;
    files.add_dup2(answers.as_raw_fd(), 1)?;
    files.add_dup2(nothing.as_raw_fd(), 2)?;
    let mut words = vec![CString::new(path.as_os_str().as_encoded_bytes())?];
    for argument in arguments {
        words.push(CString::new(argument.as_str())?);
    }
    Ok(posix_spawn(path, &files, &PosixSpawnAttr::init()?, &words, &[] as &[&CStr])?)
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reading, writing) = pipe2(OFlag::O_CLOEXEC)?;
    Ok((above_standard_streams(reading)?, above_standard_streams(writing)?))
}

/// A file in memory with this content, at its beginning.
fn content(bytes: &[u8]) -> io::Result<File> {
    // A write beyond the limit would kill the host with SIGXFSZ.
    if bytes.len() as u64 > file_size_limit() {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let descriptor = memfd_create(c"twofactor", MFdFlags::MFD_CLOEXEC)?;
    let mut file = File::from(above_standard_streams(descriptor)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// A program was not started.
#[derive(Debug, thiserror::Error)]
#[error("cannot {attempt}: {source}")]
pub struct ProgramError {
    attempt: &'static str,
    source: io::Error,
}

const SHORTEST_PAUSE: Duration = Duration::from_micros(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn shell(script: &str, input: &[u8]) -> Program {
        Program::start(Path::new("/bin/sh"), &["-c".to_owned(), script.to_owned()], input).unwrap()
    }

    fn answer(program: &mut Program, max: usize) -> (Reading, Vec<u8>) {
        let mut said = Vec::new();
        let reading = program.read(&mut said, max, SOON).unwrap();
        (reading, said)
    }

    #[test]
    fn a_program_reads_what_it_is_given_and_its_answer_is_read() {
        let input = vec![b'x'; 300_000];
        let mut program = shell("wc -c; env", &input);
        let (reading, said) = answer(&mut program, 1000);
        assert_eq!(reading, Reading::Finished);
        let said = String::from_utf8(said).unwrap();
        assert!(said.starts_with("300000") && !said.contains("HOME"), "{said}");
        assert!(program.ends_within(SOON));
    }

    #[test]
    fn an_endless_answer_is_cut_off() {
        assert_eq!(answer(&mut shell("yes", b""), 10_000).0, Reading::TooLong);
    }

    #[test]
    fn a_program_that_stays_is_killed_when_nobody_wants_it_any_more() {
        let mut program = shell("exec sleep 1000", b"");
        let mut said = Vec::new();
        assert_eq!(program.read(&mut said, 10, Duration::from_millis(20)).unwrap(), Reading::Unfinished);
        assert!(!program.ends_within(Duration::from_millis(20)));
        let process = format!("/proc/{}", program.child);
        assert!(Path::new(&process).exists());
        drop(program);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn a_program_that_is_missing_is_named_by_what_was_attempted() {
        let error = Program::start(Path::new("/nonexistent/program"), &[], b"").err().unwrap();
        assert_eq!(error.to_string(), "cannot start it: No such file or directory (os error 2)");
    }
}
