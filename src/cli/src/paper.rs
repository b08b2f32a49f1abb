//! New files for root alone that hold secrets. A file has room from the beginning and gets its name when it is whole
//! (open(2), O_TMPFILE): until then nothing of it is left, however the process ends.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, FallocateFlags, fallocate};
use nix::unistd::linkat;
use twofactor_core::sys::begin_writing;

use crate::failure::Failure;
use crate::interruption;

/// A file that has room and no name.
pub(crate) struct Blank {
    path: PathBuf,
    /// What people call it.
    called: PathBuf,
    file: File,
}

/// A file that has its content and no name.
pub(crate) struct Written(Blank);

/// A file that has its name, and loses it again unless it is kept.
pub(crate) struct Filled {
    path: Arc<Mutex<Option<PathBuf>>>,
    is_guarded: bool,
}

impl Blank {
    /// Makes room. Nothing may be there yet under that name, not even a link that leads nowhere.
    pub(crate) fn reserve(path: &Path) -> Result<Self, Failure> {
        Self::reserve_as(path, path)
    }

    /// The same under a path that people would not know.
    pub(crate) fn reserve_as(path: &Path, called: &Path) -> Result<Self, Failure> {
        if path.symlink_metadata().is_ok() {
            return Err(unwritten(called, &io::ErrorKind::AlreadyExists.into()));
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let opened = File::options().write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(folder);
        let file = opened.map_err(|error| unwritten(called, &error))?;
        match fallocate(&file, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, ROOM_BYTES) {
            // Some file systems cannot promise room.
            Ok(()) | Err(Errno::EOPNOTSUPP) => Ok(Self { path: path.to_owned(), called: called.to_owned(), file }),
            Err(error) => Err(unwritten(called, &error.into())),
        }
    }

    /// Writes all of it and gives it its name, which takes the place of nothing and follows no link.
    pub(crate) fn fill(self, content: &[u8]) -> Result<Filled, Failure> {
        let written = self.write(content)?;
        written.sync()?;
        written.name()
    }

    /// Writes all of it. Of many files, each is written before the first is synced.
    pub(crate) fn write(mut self, content: &[u8]) -> Result<Written, Failure> {
        self.file.write_all(content).map_err(|error| unwritten(&self.called, &error))?;
        begin_writing(&self.file);
        Ok(Written(self))
    }
}

impl Written {
    /// Makes the content durable.
    pub(crate) fn sync(&self) -> Result<(), Failure> {
        self.0.file.sync_all().map_err(|error| unwritten(&self.0.called, &error))
    }

    /// Gives it its name, which takes the place of nothing and follows no link.
    pub(crate) fn name(self) -> Result<Filled, Failure> {
        let Self(Blank { path, called, file }) = self;
        let nameless = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(AT_FDCWD, nameless.as_str(), AT_FDCWD, &path, AtFlags::AT_SYMLINK_FOLLOW)
            .map_err(|error| unwritten(&called, &error.into()))?;
        Ok(Filled { path: Arc::new(Mutex::new(Some(path))), is_guarded: false })
    }
}

impl Filled {
    /// Takes the name away also if somebody breaks the command off; until [`Filled::kept`], children must not be started.
    pub(crate) fn guard(&mut self) {
        let name = Arc::clone(&self.path);
        self.is_guarded = true;
        interruption::instead(move |signal| {
            take_away(&mut name.lock().unwrap_or_else(PoisonError::into_inner));
            interruption::die_of(signal);
        });
    }

    /// Does what the file is for; whoever breaks off has to wait until it is done or has failed. If it is done, the file
    /// stays.
    pub(crate) fn kept<T>(&self, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let mut name = self.name();
        let done = work()?;
        *name = None;
        drop(name);
        if self.is_guarded {
            interruption::usual();
        }
        Ok(done)
    }

    fn name(&self) -> MutexGuard<'_, Option<PathBuf>> {
        self.path.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        take_away(&mut self.name());
    }
}

fn take_away(name: &mut Option<PathBuf>) {
    if let Some(path) = name.take() {
        // What failed before is told; of this nothing can be done.
        let _ = fs::remove_file(path);
    }
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::AlreadyExists => "name a file that is not there yet",
        io::ErrorKind::StorageFull => "name a file in a directory that has room",
        io::ErrorKind::Unsupported | io::ErrorKind::IsADirectory => {
            "name a file on another file system; this one has no files without a name"
        }
        _ => "name a new file in a directory that is there",
    };
    Failure::new(format!("{}: cannot write: {error}", path.display()), hint)
}

/// More than any sheet has.
const ROOM_BYTES: i64 = 64 * 1024;
