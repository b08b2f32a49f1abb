//! A program that is started with something to read, answers through a pipe, and is killed if it stays.
//!
//! It works in hosts that ignore or reap SIGCHLD: that a child is gone when it is waited for is no error, and how it
//! ended does not matter, only what it said. posix_spawn(3) itself, since what std wraps around it has a tenth of the
//! size that the module may have.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, pipe2};
use zeroize::Zeroizing;

use super::file::above_standard_streams;
use super::patience::attempt;

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
        let input = full_pipe(input).map_err(failed("pass the message on"))?;
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
            // What it says may be a secret.
            let mut chunk = Zeroizing::new([0; 4096]);
            let length = match self.answer.read(chunk.as_mut()) {
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
        // SIGCHLD is the host's. ECHILD means that the host has reaped it, or lets the kernel do so.
        let is_there = || waitpid(self.child, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive);
        self.reaped = self.reaped || attempt(patience, || (!is_there()).then_some(())).is_some();
        self.reaped
    }

    /// The pipe on which it answers, for whoever reads more of it than memory should hold.
    #[must_use]
    pub fn answer(&self) -> &File {
        &self.answer
    }

    /// With what status it ends by itself, if it does within `patience`.
    #[must_use]
    pub fn exit_status(mut self, patience: Duration) -> Option<i32> {
        let ended = || Some(waitpid(self.child, Some(WaitPidFlag::WNOHANG)));
        let ended = attempt(patience, || ended().filter(|ended| *ended != Ok(WaitStatus::StillAlive)));
        self.reaped = ended.is_some();
        match ended {
            Some(Ok(WaitStatus::Exited(_, status))) => Some(status),
            _ => None,
        }
    }
}

/// What has not ended by then is killed: nothing of ours stays behind in the host.
impl Drop for Program {
    fn drop(&mut self) {
        if !self.ends_within(Duration::ZERO) {
            // Whoever may not kill it (a host without CAP_KILL) must not wait for it either.
            if kill(self.child, Signal::SIGKILL).is_ok() {
                self.ends_within(DEATH);
            }
        }
    }
}

fn spawn(path: &Path, arguments: &[String], input: &OwnedFd, answers: &OwnedFd) -> io::Result<Pid> {
    let nothing = above_standard_streams(File::options().write(true).open("/dev/null")?.into())?;
    let mut files = PosixSpawnFileActions::init()?;
    files.add_dup2(input.as_raw_fd(), 0)?;
    files.add_dup2(answers.as_raw_fd(), 1)?;
    files.add_dup2(nothing.as_raw_fd(), 2)?;
    let mut words = vec![CString::new(path.as_os_str().as_encoded_bytes())?];
    for argument in arguments {
        words.push(CString::new(argument.as_str())?);
    }
    // A process group of its own: a Ctrl-C at the host's prompt is not for it.
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_pgroup(Pid::from_raw(0))?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETPGROUP)?;
    Ok(posix_spawn(path, &files, &attributes, &words, &[] as &[&CStr])?)
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reading, writing) = pipe2(OFlag::O_CLOEXEC)?;
    Ok((above_standard_streams(reading)?, above_standard_streams(writing)?))
}

/// The reading end of a pipe that holds all of it already. Whoever writes first and reads never has SIGPIPE, and a pipe
/// knows no file size limit.
fn full_pipe(bytes: &[u8]) -> io::Result<OwnedFd> {
    let (reading, writing) = pipe()?;
    if bytes.len() > PIPE_BYTES {
        let room = i32::try_from(bytes.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        fcntl(&writing, FcntlArg::F_SETPIPE_SZ(room))?;
    }
    // Should there be too little room after all, this is an error and no wait.
    fcntl(&writing, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    File::from(writing).write_all(bytes)?;
    Ok(reading)
}

/// A program was not started.
#[derive(Debug, thiserror::Error)]
#[error("cannot {attempt}: {source}")]
pub struct ProgramError {
    attempt: &'static str,
    source: io::Error,
}

/// How long the kernel may take to end what was killed.
const DEATH: Duration = Duration::from_secs(2);
/// What a pipe holds without being asked (pipe(7)).
const PIPE_BYTES: usize = 64 * 1024;

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
    fn an_end_has_a_status_unless_it_is_waited_for_in_vain_or_was_no_end_of_its_own() {
        assert_eq!(shell("exit 0", b"").exit_status(SOON), Some(0));
        assert_eq!(shell("exit 3", b"").exit_status(SOON), Some(3));
        assert_eq!(shell("kill -KILL $$", b"").exit_status(SOON), None);
        let stays = shell("exec sleep 1000", b"");
        let process = format!("/proc/{}", stays.child);
        assert_eq!(stays.exit_status(Duration::from_millis(20)), None);
        assert!(!Path::new(&process).exists());
    }

    #[test]
    fn a_program_that_is_missing_is_named_by_what_was_attempted() {
        let error = Program::start(Path::new("/nonexistent/program"), &[], b"").err().unwrap();
        assert_eq!(error.to_string(), "cannot start it: No such file or directory (os error 2)");
    }
}
