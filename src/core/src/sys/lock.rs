//! A lock that the kernel releases, whatever happens to its holder.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use super::file::{FileError, Problem};
use super::patience::attempt;

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
        // flock(2) has no time limit.
        let locked = attempt(patience, || match file.try_lock() {
            Ok(()) => Some(Ok(())),
            Err(TryLockError::WouldBlock) => None,
            Err(TryLockError::Error(source)) => Some(Err(FileError::io(path, "lock", source))),
        });
        locked.unwrap_or_else(|| Err(FileError::new(path, Problem::Held)))?;
        Ok(Self(file))
    }

    /// The file under the lock.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }
}

/// How long to wait for what must be done: every holder needs one write to stable storage, and this is time for
/// hundreds of them.
pub const PATIENCE: Duration = Duration::from_secs(10);
