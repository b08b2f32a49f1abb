//! Starts a worker for each way to send, keeps the time, and answers. No byte of a server comes here except through a
//! worker's bounded words.

use std::fmt::Display;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{ExitCode, exit};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, alarm, getpid, pipe2, read, setpgid, setsid, write};
use twofactor_message::{Errand, Report, Trouble, TroubleKind, VERDICT_MAX_BYTES, Verdict, logged};

use crate::channel::{self, Listener, NoWord, Teller, Word};
use crate::job::{Discretion, Job};
use crate::trouble::{printable, sender, trouble};
use crate::{process, worker};

/// Goes on as a process of its own; the one that was started ends at once, so that its host can go on too.
pub(crate) fn take_over(errand: Errand) -> ExitCode {
    let started = pipe2(OFlag::O_CLOEXEC).and_then(|pipe| Ok((pipe, process::fork()?)));
    match started {
        Ok((_held, ForkResult::Parent { .. })) => exit(0),
        Ok(((gone, held), ForkResult::Child)) => {
            drop(held);
            // Ctrl-C at the host's prompt is not for us. This child leads no group, so it can not fail.
            let _ = setsid();
            // The end of the pipe is the end of the first process: who sees the verdict can reap without waiting.
            let _ = read(&gone, &mut [0]);
            drop(gone);
            let (discretion, begun) = (Discretion::of(&errand), Instant::now());
            let verdict = catch_unwind(AssertUnwindSafe(|| run(errand, &discretion)));
            answer(&verdict.unwrap_or_else(|_| failed(sender("panicked"))), &discretion, begun.elapsed() > PROMPT);
            ExitCode::SUCCESS
        }
        Err(error) => {
            give_up(sender(format_args!("start the supervisor: {}", error.desc())));
            ExitCode::FAILURE
        }
    }
}

/// Answers that nothing was attempted; to whom the message should have gone may not even be known.
pub(crate) fn give_up(trouble: Trouble) {
    answer(&failed(trouble), &Discretion::default(), false);
}

fn failed(trouble: Trouble) -> Verdict {
    let trouble = Trouble { detail: printable(&trouble.detail, DETAIL_MAX_BYTES), ..trouble };
    Verdict { reports: vec![Report { route: "sender".to_owned(), trouble: Some(trouble) }], conversation: Vec::new() }
}

/// Tries one way after the other until one takes the message.
fn run(errand: Errand, discretion: &Discretion) -> Verdict {
    let jobs = Job::all(errand.load);
    let seconds = jobs.iter().map(|(_, seconds)| seconds + WORKER_MARGIN_SECONDS).sum::<u32>();
    alarm::set(seconds + SUPERVISOR_MARGIN_SECONDS);
    let mut transcript = Transcript { wanted: errand.conversation, ..Transcript::default() };
    let mut reports = Vec::new();
    // Where the kernel would not, a program is ended with its process group alone.
    let _ = prctl::set_child_subreaper(true);
    let supervisor = getpid();
    let mut jobs = jobs.into_iter();
    while let Some((job, seconds)) = jobs.next() {
        let time = Time { seconds, deadline: Instant::now() + Duration::from_secs(u64::from(seconds)) };
        let route = job.route().to_owned();
        let result = match part(time) {
            Ok(Side::Worker(teller)) => {
                // What the other ways need is none of the business of whoever this one talks to.
                drop(jobs);
                worker::work(job, time.deadline, supervisor, teller);
                exit(0);
            }
            Ok(Side::Supervisor(worker)) => {
                drop(job);
                worker.attend(time, &mut transcript)
            }
            Err(trouble) => Err(trouble),
        };
        // The host logs it. Who wants the conversation is shown to whom the message goes anyway.
        let discreet = |detail: &str| match errand.conversation {
            true => printable(detail, DETAIL_MAX_BYTES),
            false => printable(&discretion.without_recipients(detail), DETAIL_MAX_BYTES),
        };
        let trouble = result.err().map(|trouble| Trouble { detail: discreet(&trouble.detail), ..trouble });
        let delivered = trouble.is_none();
        reports.push(Report { route, trouble });
        if delivered {
            break;
        }
    }
    if reports.is_empty() {
        return failed(sender("the errand names no way to send"));
    }
    Verdict { reports, conversation: transcript.lines }
}

/// How long one worker may take.
#[derive(Clone, Copy)]
struct Time {
    seconds: u32,
    deadline: Instant,
}

/// Where one finds oneself after a fork.
enum Side {
    Supervisor(Worker),
    Worker(Teller),
}

/// Starts a worker; it goes on from here as its supervisor does.
fn part(time: Time) -> Result<Side, Trouble> {
    let failed = |error: Errno| sender(format_args!("start a worker: {}", error.desc()));
    let (teller, listener) = channel::pair().map_err(failed)?;
    match process::fork().map_err(failed)? {
        ForkResult::Child => {
            // Whatever becomes of the supervisor.
            alarm::set(time.seconds + WORKER_MARGIN_SECONDS);
            Ok(Side::Worker(teller))
        }
        ForkResult::Parent { child } => {
            // Both sides do it, so that it is done whoever comes first.
            let _ = setpgid(child, child);
            Ok(Side::Supervisor(Worker { pid: child, listener }))
        }
    }
}

/// A worker that was started and must be ended.
struct Worker {
    pid: Pid,
    listener: Listener,
}

impl Worker {
    /// Listens until its last word, its end or its deadline, and makes sure that nothing is left of it.
    fn attend(self, time: Time, transcript: &mut Transcript) -> Result<(), Trouble> {
        let mut is_taken = false;
        let result = self.listen(time, transcript, &mut is_taken);
        if is_taken { Ok(()) } else { result }
    }

    fn listen(&self, mut time: Time, transcript: &mut Transcript, is_taken: &mut bool) -> Result<(), Trouble> {
        let mut stage = String::new();
        for _ in 0..WORDS_MAX {
            if !is_readable(&self.listener, time.deadline) {
                let _ = self.end_all();
                let why = format_args!("no answer within {} s", time.seconds);
                return Err(trouble(TroubleKind::Slow, at(&stage, why)));
            }
            match self.listener.hear() {
                Ok(Some(Word::Stage(text))) => stage = printable(&text, DETAIL_MAX_BYTES / 2),
                Ok(Some(Word::Line(line))) => transcript.add(&line),
                Ok(Some(Word::Taken)) => {
                    *is_taken = true;
                    time.deadline = time.deadline.min(Instant::now() + FAREWELL);
                }
                Ok(Some(Word::End(trouble))) => {
                    let _ = self.end();
                    return trouble.map_or(Ok(()), Err);
                }
                Ok(None) => return Err(sender(at(&stage, how(self.end_all())))),
                Err(NoWord::NotNow) => {}
                Err(NoWord::Nonsense) => break,
            }
        }
        let _ = self.end_all();
        Err(sender(at(&stage, "the worker did not keep to its words")))
    }

    /// Ends it with all that it started.
    fn end_all(&self) -> nix::Result<WaitStatus> {
        let _ = killpg(self.pid, Signal::SIGKILL);
        let ended = self.end();
        end_orphans();
        ended
    }

    /// Ends it, if it has not ended by itself, and takes it away. What a mailer left running in the background to deliver
    /// what it took is not touched.
    fn end(&self) -> nix::Result<WaitStatus> {
        let _ = kill(self.pid, Signal::SIGKILL);
        loop {
            match waitpid(self.pid, None) {
                Err(Errno::EINTR) => {}
                ended => return ended,
            }
        }
    }
}

/// Ends what a program has put into a session of its own. Whoever loses its parent becomes a child of this process, which
/// has no others now (PR_SET_CHILD_SUBREAPER(2const)). What runs as somebody else is out of reach.
fn end_orphans() {
    let children = format!("/proc/self/task/{}/children", getpid());
    for _ in 0..GENERATIONS_MAX {
        let children = fs::read_to_string(&children).unwrap_or_default();
        let orphans = children.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw);
        let ended = orphans.filter(|pid| kill(*pid, Signal::SIGKILL).and_then(|()| waitpid(*pid, None)).is_ok());
        if ended.count() == 0 {
            break;
        }
    }
}

fn at(stage: &str, why: impl Display) -> String {
    if stage.is_empty() { why.to_string() } else { format!("{stage}: {why}") }
}

/// Whether the worker says something, or is gone, before the deadline.
fn is_readable(listener: &Listener, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up: the last millisecond is waited for, not spun away.
        let timeout = PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if left.is_zero() => return false,
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return true,
            Err(_) => return false,
        }
    }
}

fn how(ended: nix::Result<WaitStatus>) -> String {
    match ended {
        Ok(WaitStatus::Exited(_, code)) => format!("the worker ended without a word, with exit status {code}"),
        Ok(WaitStatus::Signaled(_, signal, _)) => format!("the worker was ended by {signal}"),
        _ => "the worker ended without a word".to_owned(),
    }
}

/// The lines of all conversations, as many as a verdict can hold.
#[derive(Default)]
struct Transcript {
    wanted: bool,
    lines: Vec<String>,
    bytes: usize,
}

impl Transcript {
    fn add(&mut self, line: &str) {
        let line = printable(line, LINE_MAX_BYTES);
        if !self.wanted {
            return;
        }
        self.bytes += line.len();
        if self.bytes <= TRANSCRIPT_MAX_BYTES && self.lines.len() < LINES_MAX {
            self.lines.push(line);
        } else {
            self.lines.push("(the rest is cut)".to_owned());
            self.wanted = false;
        }
    }
}

/// Writes the verdict for the host, or to the log if the host has stopped waiting. A failure that comes late is written
/// to the log in any case: a login is often ended from outside while its prompt stands, with the verdict unread.
fn answer(verdict: &Verdict, discretion: &Discretion, is_late: bool) {
    let is_said = say(verdict).is_ok();
    if is_said && (!is_late || verdict.delivered_by().is_some()) {
        return;
    }
    let to = logged(&discretion.recipients());
    process::log(&match (verdict.delivered_by(), verdict.reports.last()) {
        (Some(route), _) => format!("event=sent result=delivered route={route} to={to}"),
        (None, Some(report)) => {
            let error = logged(&discretion.without_recipients(&report.to_string()));
            format!("event=sent result=failed to={to} error={error}")
        }
        (None, None) => format!("event=sent result=failed to={to}"),
    });
}

fn say(verdict: &Verdict) -> nix::Result<()> {
    let frame = verdict.encode();
    debug_assert!(frame.len() <= VERDICT_MAX_BYTES);
    let mut rest = frame.as_slice();
    while !rest.is_empty() {
        match write(io::stdout(), rest) {
            Ok(count) => rest = rest.get(count..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Longer than that no prompt waits for a verdict.
const PROMPT: Duration = Duration::from_secs(1);
/// What a worker may say before it is held to be out of its mind.
const WORDS_MAX: usize = 1000;
const DETAIL_MAX_BYTES: usize = 300;
const LINE_MAX_BYTES: usize = 500;
const LINES_MAX: usize = 250;
/// With the longest reports of [`Job::all`] and the lengths in front of every line it fits [`VERDICT_MAX_BYTES`].
const TRANSCRIPT_MAX_BYTES: usize = 24 * 1024;
/// How long a server may take for its good-bye once the message is taken.
const FAREWELL: Duration = Duration::from_millis(500);
/// How much longer than its time a worker lives whose supervisor is gone.
const WORKER_MARGIN_SECONDS: u32 = 5;
const SUPERVISOR_MARGIN_SECONDS: u32 = 10;
/// Whose parents may have been ended one after the other.
const GENERATIONS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a worker that says this and then nothing, in one second, with the lines it said.
    #[allow(clippy::zombie_processes, reason = "taking it away is what is tested")]
    fn attended(say: impl FnOnce(&Teller), goes: bool) -> (Result<(), Trouble>, Vec<String>) {
        use std::os::unix::process::CommandExt;
        let sleeper = std::process::Command::new("/bin/sleep").arg("60").process_group(0).spawn().unwrap();
        let pid = Pid::from_raw(i32::try_from(sleeper.id()).unwrap());
        let (teller, listener) = channel::pair().unwrap();
        let mut transcript = Transcript { wanted: true, ..Transcript::default() };
        let time = Time { seconds: 1, deadline: Instant::now() + Duration::from_secs(1) };
        let result = std::thread::scope(|scope| {
            let attending = scope.spawn(|| Worker { pid, listener }.attend(time, &mut transcript));
            say(&teller);
            let _kept = (!goes).then_some(teller);
            attending.join().unwrap()
        });
        assert_eq!(kill(pid, None), Err(Errno::ESRCH), "something is left of it");
        (result, transcript.lines)
    }

    #[test]
    fn a_worker_is_believed_and_ended() {
        let (result, lines) = attended(
            |teller| {
                teller.tell(&Word::Line("connect".to_owned()));
                teller.tell(&Word::End(None));
            },
            false,
        );
        assert_eq!((result, lines), (Ok(()), vec!["connect".to_owned()]));
    }

    #[test]
    fn a_worker_that_falls_silent_is_killed_and_its_stage_is_told() {
        let (result, _) = attended(|teller| teller.tell(&Word::Stage("EH\u{7}LO".to_owned())), false);
        assert_eq!(result, Err(trouble(TroubleKind::Slow, "EH?LO: no answer within 1 s")));
    }

    #[test]
    fn a_worker_that_goes_without_a_word_is_trouble_of_the_sender() {
        let (result, _) = attended(|teller| teller.tell(&Word::Stage("TLS".to_owned())), true);
        assert_eq!(result, Err(sender("TLS: the worker was ended by SIGKILL")));
    }

    #[test]
    fn what_was_taken_stays_taken() {
        assert_eq!(attended(|teller| teller.tell(&Word::Taken), false).0, Ok(()));
        assert_eq!(attended(|teller| teller.tell(&Word::Taken), true).0, Ok(()));
    }

    #[test]
    fn a_worker_that_does_not_stop_talking_is_stopped() {
        let flood = |teller: &Teller| {
            let before = Instant::now();
            (0..WORDS_MAX + 9).for_each(|_| teller.tell(&Word::Line("x".repeat(4000))));
            assert!(before.elapsed() < Duration::from_secs(1));
        };
        let (result, lines) = attended(flood, false);
        assert_eq!(result, Err(sender("the worker did not keep to its words")));
        assert!(lines.iter().all(|line| line.len() <= LINE_MAX_BYTES) && lines.len() < LINES_MAX);
    }

    #[test]
    fn the_longest_verdict_fits_its_frame() {
        let mut transcript = Transcript { wanted: true, ..Transcript::default() };
        (0..1000).for_each(|n| transcript.add(&"x".repeat(if n < 10 { 600 } else { n % 150 })));
        assert_eq!(transcript.lines.last().unwrap(), "(the rest is cut)");
        let detail = printable(&"x".repeat(9999), DETAIL_MAX_BYTES);
        let trouble = Some(Trouble { kind: TroubleKind::Refused, detail });
        let reports = vec![Report { route: "sendmail".to_owned(), trouble }; 16];
        let verdict = Verdict { reports, conversation: transcript.lines };
        assert!(Verdict::decode(&verdict.encode()).is_ok(), "{}", verdict.encode().len());
    }

    #[test]
    fn many_short_lines_are_cut_too() {
        let mut transcript = Transcript { wanted: true, ..Transcript::default() };
        (0..1000).for_each(|_| transcript.add(""));
        assert_eq!(transcript.lines.len(), LINES_MAX + 1);
        let verdict = Verdict { reports: Vec::new(), conversation: transcript.lines };
        assert!(Verdict::decode(&verdict.encode()).is_ok());
    }

    #[test]
    fn a_worker_that_was_killed_is_said_to_be() {
        let killed = WaitStatus::Signaled(Pid::from_raw(1), Signal::SIGSEGV, false);
        assert_eq!(at("TLS", how(Ok(killed))), "TLS: the worker was ended by SIGSEGV");
    }
}
