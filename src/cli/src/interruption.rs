//! What people and machines break a command off by, for commands that have something to put in order first.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// For a command that goes from one user to the next: whoever is at work is finished with before it ends, and what is done
/// is told. A second interruption waits until this is dropped.
pub(crate) struct Watch(Arc<AtomicBool>);

impl Watch {
    pub(crate) fn begin() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&is_over);
        instead(move |_| end.store(true, Ordering::Relaxed));
        Self(is_over)
    }

    /// Whether somebody wants an end.
    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        usual();
    }
}

/// Has `end` called, once and on a thread of its own, instead of ending at once. Children must not be started before
/// [`usual`]: they would not hear of such signals.
#[allow(clippy::disallowed_methods, reason = "a process of our own may have threads")]
pub(crate) fn instead(end: impl FnOnce(Signal) + Send + 'static) {
    let signals = signals();
    // Of signals that exist it cannot fail (pthread_sigmask(3)).
    let _ = signals.thread_block();
    std::thread::spawn(move || {
        if let Ok(signal) = signals.wait() {
            end(signal);
        }
    });
}

/// From now on such a signal ends the process again.
pub(crate) fn usual() {
    // It cannot fail either.
    let _ = signals().thread_unblock();
}

/// Ends as if the signal had never been waited for.
pub(crate) fn die_of(signal: Signal) {
    usual();
    let _ = raise(signal);
}

/// Signals that end, stop or continue the process, held back while the terminal is not as others would want it, and
/// heard of by [`Held::wait`]. It dies, stops and goes on as ever, but by [`Held::let_through`].
pub(crate) struct Held {
    /// What was held back before.
    before: SigSet,
    /// What this one holds back.
    held: SigSet,
    heard: SignalFd,
}

impl Held {
    pub(crate) fn begin() -> io::Result<Self> {
        let before = SigSet::thread_get_mask()?;
        // A signal that whoever started this has blocked could not be let through.
        let held: SigSet = HELD.into_iter().filter(|signal| !before.contains(*signal)).collect();
        let heard = SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        held.thread_block()?;
        Ok(Self { before, held, heard })
    }

    /// Waits until there is something to read, or for a signal; that comes first.
    pub(crate) fn wait(&self, input: BorrowedFd<'_>) -> io::Result<Option<Signal>> {
        loop {
            let mut both = [self.heard.as_fd(), input].map(|descriptor| PollFd::new(descriptor, PollFlags::POLLIN));
            match poll(&mut both, PollTimeout::NONE) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            let [_, input] = both;
            if let Some(heard) = self.heard.read_signal()? {
                let number = i32::try_from(heard.ssi_signo).map_err(|_| Errno::EINVAL)?;
                return Ok(Some(Signal::try_from(number)?));
            }
            if input.any() != Some(false) {
                return Ok(None);
            }
        }
    }

    /// Lets a signal do what it does. Whoever is there afterwards was stopped and continued, or does not mind it.
    pub(crate) fn let_through(&self, signal: Signal) -> io::Result<()> {
        self.before.thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        raise(signal)?;
        Ok(self.held.thread_block()?)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A mask that was in force cannot be refused (pthread_sigmask(3)).
        let _ = self.before.thread_set_mask();
    }
}

const HELD: [Signal; 6] =
    [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGTSTP, Signal::SIGCONT];

/// Those that would end this process. What it was started not to mind, by nohup(1) for instance, it would hear of all the
/// same once that is blocked.
fn signals() -> SigSet {
    let ignored = ignored();
    let is_minded = |signal: &Signal| ignored & (1 << (*signal as u32 - 1)) == 0;
    [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGHUP].into_iter().filter(is_minded).collect()
}

/// A bit for each signal, from the lowest; none where /proc cannot be read.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
