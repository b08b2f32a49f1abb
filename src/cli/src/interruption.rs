//! What people and machines break a command off by, for commands that have something to put in order first.

use nix::sys::signal::{SigSet, Signal, raise};

use crate::failure::Failure;

/// Has `end` called, once and on a thread of its own, instead of ending at once. Children must not be started before
/// [`usual`]: they would not hear of such signals.
#[allow(clippy::disallowed_methods, reason = "a process of our own may have threads")]
pub(crate) fn instead(end: impl FnOnce(Signal) + Send + 'static) -> Result<(), Failure> {
    let signals = signals();
    signals.thread_block().map_err(|error| Failure::new(format!("block signals: {error}"), "try again"))?;
    std::thread::spawn(move || {
        if let Ok(signal) = signals.wait() {
            end(signal);
        }
    });
    Ok(())
}

/// From now on such a signal ends the process again.
pub(crate) fn usual() {
    // Of signals that exist it cannot fail (pthread_sigmask(3)).
    let _ = signals().thread_unblock();
}

/// Ends as if the signal had never been waited for.
pub(crate) fn die_of(signal: Signal) {
    usual();
    let _ = raise(signal);
}

fn signals() -> SigSet {
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect()
}
