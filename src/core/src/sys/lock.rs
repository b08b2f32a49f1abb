//! A lock that the kernel releases, whatever happens to its holder.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use super::file::{FileError, Problem};

/// An open file that this process alone may change until the value is dropped, flock(2).
pub struct Locked(File);

impl Locked {
    /// Waits for the lock, at most `patience`.
    ///
    /// The wait is bounded because a holder may have been stopped: a user may send SIGSTOP to a `su` of their own.
    ///
    /// # Errors
    /// The lock was not free in time, or the file system has no locks.
    pub fn exclusive(file: File, path: &Path, patience: Duration) -> Result<Self, FileError> {
        let started = Instant::now();
        let mut pause = SHORTEST_PAUSE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) if started.elapsed() < patience => {
                    // flock(2) has no time limit and a guest may not use signals, so there is no event to wait for.
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(FileError::new(path, Problem::Held)),
                Err(TryLockError::Error(source)) => return Err(FileError::io(path, "lock", source)),
            }
        }
    }

    /// The file under the lock.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }
}

const SHORTEST_PAUSE: Duration = Duration::from_micros(200);
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// How long to wait for what must be done: every holder needs one write to stable storage, and this is time for
/// hundreds of them.
pub const PATIENCE: Duration = Duration::from_secs(10);
