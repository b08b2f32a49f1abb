//! Runs a program of this host: a mailer that takes the mail on its standard input, or a command that sends a text.
//!
//! The program is as trusted as its configuration, which is root's. It is not confined (see [`crate::confinement`]), but
//! stands in the worker's process group and is killed with it. One that leaves the group, with setsid(2), is killed by the
//! supervisor when its time is over; it outlives a supervisor that is killed.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{getpgrp, getppid, pipe2};
use twofactor_message::{Mail, Template, Text, Trouble};

use crate::conversation::Conversation;
use crate::trouble::{local, sender, words};
use crate::{letter, limits};

/// Hands a mail to a mailer.
///
/// # Errors
/// The mailer could not be run or did not take it.
pub(crate) fn sendmail(mail: &Mail, argv: &[String], conversation: &mut Conversation<'_>) -> Result<(), Trouble> {
    run(argv, &letter::for_unix(&letter::compose(mail)?), conversation)
}

/// Hands a text to a command; `{number}` is filled in after the program's own name.
///
/// # Errors
/// The command could not be run or did not send it.
pub(crate) fn command(text: &Text, argv: &[String], conversation: &mut Conversation<'_>) -> Result<(), Trouble> {
    let fill = |argument: &String| match Template::new(argument, &["number"]) {
        Ok(template) => Ok(template.fill(|_| Cow::Borrowed(text.number.as_str()))),
        Err(error) => Err(local(format_args!("command: {error}"))),
    };
    let (program, arguments) = argv.split_first().ok_or_else(|| local("the command is empty"))?;
    let filled: Result<Vec<_>, _> = std::iter::once(Ok(program.clone())).chain(arguments.iter().map(fill)).collect();
    run(&filled?, text.text.as_bytes(), conversation)
}

fn run(argv: &[String], input: &[u8], conversation: &mut Conversation<'_>) -> Result<(), Trouble> {
    let (program, arguments) = argv.split_first().ok_or_else(|| local("the command is empty"))?;
    conversation.stage(program);
    conversation.event(format_args!("run {}", argv.join(" ")));
    if !program.starts_with('/') {
        return Err(local("is not an absolute path"));
    }
    limits::for_programs().map_err(|e| sender(format_args!("set limits: {}", e.desc())))?;
    let (status, said) = converse(program, arguments, input).map_err(|error| local(words(&error)))?;
    if status.success() {
        // Whatever it said meanwhile.
        conversation.taken();
    }
    let said = conversation.quote(&said);
    conversation.event(format_args!("({status})"));
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    match status.success() {
        true => Ok(()),
        false if said.is_empty() => Err(local(status)),
        false => Err(local(format_args!("{status}: {said}"))),
    }
}

/// Feeds a program and hears what it says on either output, until it ends. What it leaves running may keep the outputs
/// open; nobody waits for that.
fn converse(program: &str, arguments: &[String], input: &[u8]) -> io::Result<(ExitStatus, Vec<u8>)> {
    let (output, theirs) = pipe2(OFlag::O_CLOEXEC)?;
    let (mut child, ends) = start(program, arguments, theirs)?;
    let mut feed = child.stdin.take().map(|stdin| Feed::new(stdin.into(), input)).transpose()?;
    let mut hearing = Hearing::new(output)?;
    loop {
        if let Some(status) = child.try_wait()? {
            hearing.go_on()?;
            return Ok((status, hearing.said));
        }
        let mut waiting = vec![PollFd::new(ends.as_fd(), PollFlags::POLLIN)];
        if !hearing.is_over {
            waiting.push(PollFd::new(hearing.output.as_fd(), PollFlags::POLLIN));
        }
        waiting.extend(feed.as_ref().map(|feed| PollFd::new(feed.pipe.as_fd(), PollFlags::POLLOUT)));
        // Now and then in any case: where there are other threads, one of them may have taken the signal.
        match poll(&mut waiting, PollTimeout::from(TICK_MILLISECONDS)) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        while let Some(signal) = ends.read_signal()? {
            if signal.ssi_signo == Signal::SIGTERM as u32 {
                end_all()?;
            }
        }
        hearing.go_on()?;
        if let Some(open) = &mut feed
            && open.go_on()?
        {
            feed = None;
        }
    }
}

/// Starts a program. What comes with it tells of two ends: of the program (SIGCHLD), and of the supervisor (SIGTERM),
/// which would have killed this process alone and left the program behind.
fn start(program: &str, arguments: &[String], output: OwnedFd) -> io::Result<(Child, SignalFd)> {
    let supervisor = getppid();
    prctl::set_pdeathsig(None::<Signal>)?;
    let child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", PATH)
        .stdin(Stdio::piped())
        .stderr(output.try_clone()?)
        .stdout(output)
        .spawn()?;
    // Only now: the program would inherit the mask.
    let ends = SigSet::from_iter([Signal::SIGCHLD, Signal::SIGTERM]);
    ends.thread_block()?;
    let ends = SignalFd::with_flags(&ends, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    prctl::set_pdeathsig(Signal::SIGTERM)?;
    if getppid() != supervisor {
        end_all()?;
    }
    Ok((child, ends))
}

/// Ends whoever is in this process group, and so this process, too.
fn end_all() -> io::Result<()> {
    Ok(killpg(getpgrp(), Signal::SIGKILL)?)
}

/// What is still to be fed to a program.
struct Feed<'i> {
    pipe: File,
    rest: &'i [u8],
}

impl<'i> Feed<'i> {
    fn new(pipe: OwnedFd, rest: &'i [u8]) -> io::Result<Self> {
        Ok(Self { pipe: without_waiting(pipe)?, rest })
    }

    /// Feeds as much as fits; whether that was all, or the program wants no more.
    fn go_on(&mut self) -> io::Result<bool> {
        while !self.rest.is_empty() {
            match self.pipe.write(self.rest) {
                Ok(count) => self.rest = self.rest.get(count..).unwrap_or_default(),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(false),
                    // Its exit status will say what that means.
                    io::ErrorKind::BrokenPipe => return Ok(true),
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(true)
    }
}

/// What a program has said, as far as anybody will read it.
struct Hearing {
    output: File,
    said: Vec<u8>,
    is_over: bool,
}

impl Hearing {
    fn new(output: OwnedFd) -> io::Result<Self> {
        Ok(Self { output: without_waiting(output)?, said: Vec::new(), is_over: false })
    }

    /// Hears what there is to hear now, but not forever.
    fn go_on(&mut self) -> io::Result<()> {
        let mut piece = [0; 4096];
        for _ in 0..HEARD_AT_ONCE {
            match self.output.read(&mut piece) {
                Ok(0) => {
                    self.is_over = true;
                    break;
                }
                Ok(count) => {
                    let room = SAID_MAX_BYTES - self.said.len();
                    self.said.extend(piece.iter().take(count.min(room)));
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break,
                    io::ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }
}

fn without_waiting(pipe: OwnedFd) -> io::Result<File> {
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(File::from(pipe))
}

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// More than is told of it, so that a secret where that ends is seen whole.
const SAID_MAX_BYTES: usize = 64 * 1024;
const TICK_MILLISECONDS: u16 = 200;
const HEARD_AT_ONCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &[u8]) -> (ExitStatus, String) {
        let (status, said) = converse("/bin/sh", &["-c".to_owned(), script.to_owned()], input).unwrap();
        (status, String::from_utf8(said).unwrap())
    }

    #[test]
    fn a_program_is_fed_and_heard_without_deadlock() {
        let input = vec![b'x'; 1 << 20];
        let (status, said) = shell("cat; echo done >&2", &input);
        assert!(status.success());
        assert_eq!(said, "x".repeat(SAID_MAX_BYTES));
        assert_eq!(shell("wc -c", &input).1.trim(), "1048576");
    }

    #[test]
    fn a_program_that_does_not_listen_is_judged_by_its_status() {
        let input = vec![b'x'; 1 << 20];
        assert!(shell("exec 0<&-; exit 0", &input).0.success());
        let (status, said) = shell("echo no >&2; exit 75", &input);
        assert_eq!((status.code(), said.as_str()), (Some(75), "no\n"));
    }

    #[test]
    fn what_a_program_leaves_behind_is_not_waited_for() {
        let (status, said) = shell("sleep 60 & echo $!", b"");
        assert!(status.success());
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(said.trim().parse().unwrap()), Signal::SIGKILL).unwrap();
    }

    #[test]
    fn a_program_gets_no_environment_but_a_path() {
        assert_eq!(converse("/usr/bin/env", &[], b"").unwrap().1, format!("PATH={PATH}\n").as_bytes());
    }
}
