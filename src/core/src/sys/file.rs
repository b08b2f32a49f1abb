//! A file that is believed only after it was looked at through its descriptor.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::stat::{FileStat, SFlag, fstat};
use nix::unistd::geteuid;

/// A regular file with one link, owned by root or by who runs this process, that nobody else can write.
pub struct TrustedFile {
    file: File,
    size: u64,
    path: PathBuf,
}

impl TrustedFile {
    /// Looks the open descriptor over.
    ///
    /// # Errors
    /// Whatever makes the file untrustworthy; `path` is only for the message.
    #[allow(clippy::useless_conversion, reason = "st_nlink has 32 bits on some architectures")]
    pub(super) fn examine(descriptor: OwnedFd, path: PathBuf) -> Result<Self, FileError> {
        let status = fstat(&descriptor).map_err(|e| FileError::io(&path, "examine", e.into()))?;
        let problem = if kind(&status) != SFlag::S_IFREG {
            Some(Problem::NotRegular)
        } else if status.st_nlink == 0 {
            Some(Problem::Gone)
        } else if status.st_nlink > 1 {
            Some(Problem::Links { count: u64::from(status.st_nlink) })
        } else {
            ownership_problem(&status)
        };
        match problem {
            Some(problem) => Err(FileError::new(&path, problem)),
            None => Ok(Self { file: File::from(descriptor), size: u64::try_from(status.st_size).unwrap_or(0), path }),
        }
    }

    /// The whole content.
    ///
    /// # Errors
    /// The file is empty, larger than `max_bytes`, or cannot be read.
    pub fn read(mut self, max_bytes: u64) -> Result<Vec<u8>, FileError> {
        if self.size == 0 {
            return Err(FileError::new(&self.path, Problem::Empty));
        }
        if self.size > max_bytes {
            return Err(FileError::new(&self.path, Problem::TooLarge { max_bytes }));
        }
        // Exactly as large as needed: a buffer that grows leaves copies of secrets behind.
        let capacity = usize::try_from(self.size).unwrap_or(0).saturating_add(1);
        let mut content = Vec::with_capacity(capacity);
        let read = (&mut self.file).take(self.size.saturating_add(1)).read_to_end(&mut content);
        read.map_err(|e| FileError::io(&self.path, "read", e))?;
        Ok(content)
    }

    /// The same file, if nobody but its owner may read it.
    ///
    /// # Errors
    /// Others may.
    pub fn kept_secret(self) -> Result<Self, FileError> {
        let status = fstat(&self.file).map_err(|e| FileError::io(&self.path, "examine", e.into()))?;
        if status.st_mode & ACCESSIBLE_TO_OTHERS == 0 {
            return Ok(self);
        }
        Err(FileError::new(&self.path, Problem::Readable { mode: status.st_mode & 0o7777 }))
    }

    /// Gives up the name and keeps the open file.
    #[must_use]
    pub fn into_file(self) -> File {
        self.file
    }
}

/// Has the disk begin with what was written, so that whoever syncs many files one after the other finds most of the work
/// done: for the first of them the file system writes its journal, for the others it has little to wait for. That is how
/// Linux takes this advice; where it is not taken nothing is lost but time.
pub fn begin_writing(file: &File) {
    let _ = posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
}

/// What is wrong with the owner or the mode, whatever the kind of the file.
pub(super) fn ownership_problem(status: &FileStat) -> Option<Problem> {
    if status.st_uid != 0 && status.st_uid != geteuid().as_raw() {
        Some(Problem::Owner { uid: status.st_uid })
    } else if status.st_mode & WRITABLE_BY_OTHERS != 0 {
        Some(Problem::Writable { mode: status.st_mode & 0o7777 })
    } else {
        None
    }
}

pub(super) fn kind(status: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(status.st_mode & SFlag::S_IFMT.bits())
}

/// Never one of the descriptors 0 to 2: where the host has closed them, a library that writes to its standard error
/// would write into our file.
pub(super) fn above_standard_streams(descriptor: OwnedFd) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    // F_DUPFD_CLOEXEC, which std asks for 3 or more.
    if descriptor.as_raw_fd() > 2 { Ok(descriptor) } else { descriptor.as_fd().try_clone_to_owned() }
}

/// A file or directory of ours cannot be used, and why. Small, since it is passed up through everything.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.0.display(), .0.1)]
pub struct FileError(Box<(PathBuf, Problem)>);

impl FileError {
    pub(crate) fn new(path: &Path, problem: Problem) -> Self {
        Self(Box::new((path.to_owned(), problem)))
    }

    /// Which one.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.0
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0.1
    }

    pub(crate) fn missing(path: &Path) -> Self {
        Self::io(path, "open", nix::errno::Errno::ENOENT.into())
    }

    pub(crate) fn io(path: &Path, attempt: &'static str, source: io::Error) -> Self {
        Self::new(path, Problem::Io { attempt, source })
    }

    /// Whether the file simply is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self.problem(), Problem::Io { attempt: "open", source } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum Problem {
    #[error("cannot {attempt}: {source}")]
    Io { attempt: &'static str, source: io::Error },
    #[error("is not a regular file")]
    NotRegular,
    #[error("is not a directory")]
    NotDirectory,
    #[error("belongs to uid {uid}, not to root")]
    Owner { uid: u32 },
    #[error("can be written by others (mode {mode:04o})")]
    Writable { mode: u32 },
    #[error("can be read by others (mode {mode:04o})")]
    Readable { mode: u32 },
    #[error("has {count} hard links")]
    Links { count: u64 },
    #[error("needs a file size limit of {needed} bytes, and this process has {limit}")]
    Limited { needed: u64, limit: u64 },
    #[error("was removed or replaced meanwhile")]
    Gone,
    #[error("is empty")]
    Empty,
    #[error("is larger than {max_bytes} bytes")]
    TooLarge { max_bytes: u64 },
    #[error("is held by another process, perhaps one that was stopped")]
    Held,
}

/// By the group or by anybody.
const WRITABLE_BY_OTHERS: u32 = 0o022;
const ACCESSIBLE_TO_OTHERS: u32 = 0o077;
