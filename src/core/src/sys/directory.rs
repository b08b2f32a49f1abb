//! A directory of ours, held by its descriptor so that nobody can swap it for another between two steps.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::file::{FileError, Problem, TrustedFile, above_standard_streams, begin_writing, kind, ownership_problem};
use super::host::file_size_limit;
use super::lock::{Locked, PATIENCE};

/// An open directory, owned by root or by who runs this process, that nobody else can write.
pub struct Directory {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl Directory {
    /// Opens a directory by its path, which only root's words may have chosen.
    ///
    /// # Errors
    /// It is not there, not a directory, or not to be trusted.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Self::opened(openat(AT_FDCWD, path, OPEN_DIRECTORY, Mode::empty()), path.to_owned())
    }

    /// Opens a directory within this one.
    ///
    /// # Errors
    /// As [`Directory::open`].
    pub fn subdirectory(&self, name: &str) -> Result<Self, FileError> {
        let opened = openat(&self.descriptor, name, OPEN_DIRECTORY, Mode::empty());
        Self::opened(opened, self.path.join(name))
    }

    fn opened(result: nix::Result<OwnedFd>, path: PathBuf) -> Result<Self, FileError> {
        let descriptor = result.map_err(|e| match e {
            Errno::ENOTDIR | Errno::ELOOP => FileError::new(&path, Problem::NotDirectory),
            other => FileError::io(&path, "open", other.into()),
        })?;
        let descriptor = above_standard_streams(descriptor).map_err(|e| FileError::io(&path, "open", e))?;
        let status = fstat(&descriptor).map_err(|e| FileError::io(&path, "examine", e.into()))?;
        if kind(&status) != SFlag::S_IFDIR {
            return Err(FileError::new(&path, Problem::NotDirectory));
        }
        match ownership_problem(&status) {
            Some(problem) => Err(FileError::new(&path, problem)),
            None => Ok(Self { descriptor, path }),
        }
    }

    /// Opens a file for reading; `None` if this directory has none of that name.
    ///
    /// # Errors
    /// The file is there but cannot be opened or is not to be trusted.
    pub fn file(&self, name: &str) -> Result<Option<TrustedFile>, FileError> {
        self.open_file(name, OFlag::O_RDONLY)
    }

    /// Opens a file for reading and for writing in place; `None` if this directory has none of that name.
    ///
    /// # Errors
    /// As [`Directory::file`]; a read-only file system is one more reason.
    pub fn file_to_change(&self, name: &str) -> Result<Option<TrustedFile>, FileError> {
        self.open_file(name, OFlag::O_RDWR)
    }

    fn open_file(&self, name: &str, access: OFlag) -> Result<Option<TrustedFile>, FileError> {
        let path = self.path.join(name);
        for _ in 0..REOPENINGS_MAX {
            let opened = openat(&self.descriptor, name, access | OPEN_FILE, Mode::empty()).map_err(io::Error::from);
            let descriptor = match opened.and_then(above_standard_streams) {
                Ok(descriptor) => descriptor,
                Err(error) => {
                    return match error.raw_os_error().map(Errno::from_raw) {
                        Some(Errno::ENOENT) => Ok(None),
                        // A symbolic link, a directory to be written, a FIFO or a device without its other end.
                        Some(Errno::ELOOP | Errno::EISDIR | Errno::ENXIO) => {
                            Err(FileError::new(&path, Problem::NotRegular))
                        }
                        _ => Err(FileError::io(&path, "open", error)),
                    };
                }
            };
            match TrustedFile::examine(descriptor, path.clone()) {
                // Another one took its place between opening and looking.
                Err(error) if matches!(error.problem(), Problem::Gone) => {}
                examined => return examined.map(Some),
            }
        }
        Err(FileError::new(&path, Problem::Gone))
    }

    /// Puts `content` in the place of whatever `name` held, so that every failure and every crash leaves either the
    /// old file or the new one, whole. Callers hold [`Directory::lock`].
    ///
    /// # Errors
    /// Which step failed; the old file is still there unless only the last sync of the directory failed.
    pub fn replace(&self, name: &str, content: &[u8]) -> Result<(), FileError> {
        self.prepare(name, content)?.publish().map(drop)
    }

    /// Writes a file that is to take the place of `name`, with all the room that it needs; it is locked before anybody
    /// can see it. Callers hold [`Directory::lock`].
    ///
    /// # Errors
    /// Which step failed; nothing has changed.
    pub fn prepare(&self, name: &str, content: &[u8]) -> Result<Prepared<'_>, FileError> {
        let temporary = temporary_name(name);
        // What a killed predecessor left: under the lock it belongs to nobody.
        self.remove(&temporary)?;
        match self.write_new(&temporary, content, Durable::Now) {
            Ok(locked) => Ok(Prepared { directory: self, name: name.to_owned(), temporary, locked }),
            Err(error) => {
                let _ = self.remove(&temporary);
                Err(error)
            }
        }
    }

    /// Puts files in the place of whatever had their names, as [`Directory::replace`] does with one of them, and waits for
    /// the disk as often as for one or two. Callers hold [`Directory::lock`].
    ///
    /// # Errors
    /// Which step failed. Any of the files may be in its place by then, each of them whole.
    pub fn replace_all<C: AsRef<[u8]>>(&self, files: &[(String, C)]) -> Result<(), FileError> {
        let placed = self.place_all(files);
        if placed.is_err() {
            for (name, _) in files {
                let _ = self.remove(&temporary_name(name));
            }
        }
        placed?;
        self.sync()
    }

    fn place_all<C: AsRef<[u8]>>(&self, files: &[(String, C)]) -> Result<(), FileError> {
        let mut written = Vec::with_capacity(files.len());
        for (name, content) in files {
            let temporary = temporary_name(name);
            self.remove(&temporary)?;
            let locked = self.write_new(&temporary, content.as_ref(), Durable::Later)?;
            written.push((name, temporary, locked));
        }
        for (_, temporary, locked) in &written {
            let synced = locked.file().sync_all();
            synced.map_err(|error| FileError::io(&self.path.join(temporary), "sync", error))?;
        }
        for (name, temporary, _) in &written {
            renameat(&self.descriptor, temporary.as_str(), &self.descriptor, name.as_str())
                .map_err(|error| FileError::io(&self.path.join(name), "rename into place", error.into()))?;
        }
        Ok(())
    }

    fn write_new(&self, name: &str, content: &[u8], durable: Durable) -> Result<Locked, FileError> {
        let path = self.path.join(name);
        let failed = |attempt: &'static str| {
            let path = &path;
            move |error: io::Error| FileError::io(path, attempt, error)
        };
        let (needed, limit) = (content.len() as u64, file_size_limit());
        if limit < needed {
            return Err(FileError::new(&path, Problem::Limited { needed, limit }));
        }
        let created = openat(&self.descriptor, name, CREATE_FILE, OWNER_ONLY).map_err(io::Error::from);
        let descriptor = created.and_then(above_standard_streams).map_err(failed("create"))?;
        // The host's umask may have taken bits away.
        fchmod(&descriptor, OWNER_ONLY).map_err(io::Error::from).map_err(failed("set the mode of"))?;
        let mut file = File::from(descriptor);
        file.write_all(content).map_err(failed("write"))?;
        match durable {
            Durable::Now => file.sync_all().map_err(failed("sync"))?,
            Durable::Later => begin_writing(&file),
        }
        Locked::exclusive(file, &path, PATIENCE)
    }

    /// Whether anything has that name, whatever it is.
    ///
    /// # Errors
    /// The directory cannot be searched.
    pub fn contains(&self, name: &str) -> Result<bool, FileError> {
        match fstatat(&self.descriptor, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(e) => Err(FileError::io(&self.path.join(name), "examine", e.into())),
        }
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// The file is there and stays.
    pub fn remove(&self, name: &str) -> Result<(), FileError> {
        match unlinkat(&self.descriptor, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(e) => Err(FileError::io(&self.path.join(name), "remove", e.into())),
        }
    }

    /// Makes additions and removals durable.
    ///
    /// # Errors
    /// The file system could not say that they are.
    pub fn sync(&self) -> Result<(), FileError> {
        nix::unistd::fsync(&self.descriptor).map_err(|e| FileError::io(&self.path, "sync", e.into()))
    }

    /// Keeps every other process of ours from adding, replacing and removing files here.
    ///
    /// # Errors
    /// As [`Locked::exclusive`].
    pub fn lock(&self) -> Result<Locked, FileError> {
        // A description of its own: two locks through one shared description would not exclude each other.
        let own = openat(&self.descriptor, ".", OPEN_DIRECTORY, Mode::empty())
            .map_err(nix::Error::into)
            .and_then(above_standard_streams)
            .map_err(|e| FileError::io(&self.path, "open", e))?;
        Locked::exclusive(File::from(own), &self.path, PATIENCE)
    }

    /// The names in this directory, sorted, without those that begin with a dot.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn names(&self) -> Result<Vec<String>, FileError> {
        let failed = |e: nix::Error| FileError::io(&self.path, "list", e.into());
        let mut listing =
            nix::dir::Dir::openat(&self.descriptor, ".", OPEN_DIRECTORY, Mode::empty()).map_err(failed)?;
        let mut names = Vec::new();
        for entry in listing.iter() {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().to_str()
                && !name.starts_with('.')
            {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Where it is, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// When what was written is on the disk.
#[derive(Clone, Copy)]
enum Durable {
    /// When the function returns.
    Now,
    /// When the caller syncs it.
    Later,
}

/// A file that is complete but has not its name yet.
pub struct Prepared<'d> {
    directory: &'d Directory,
    name: String,
    temporary: String,
    locked: Locked,
}

impl Prepared<'_> {
    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        self.locked.file()
    }

    /// Takes it away again: it was only to show that it can be written.
    ///
    /// # Errors
    /// It stays.
    pub fn discard(self) -> Result<(), FileError> {
        self.directory.remove(&self.temporary)
    }

    /// Gives it its name, in the place of whatever had it, and answers with the locked file.
    ///
    /// # Errors
    /// It could not be renamed, or the directory could not be synced afterwards.
    pub fn publish(self) -> Result<Locked, FileError> {
        let Self { directory, name, temporary, locked } = self;
        let renamed = renameat(&directory.descriptor, temporary.as_str(), &directory.descriptor, name.as_str());
        if let Err(error) = renamed {
            let _ = directory.remove(&temporary);
            return Err(FileError::io(&directory.path.join(name), "rename into place", error.into()));
        }
        directory.sync()?;
        Ok(locked)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// What a file is called before it is complete.
fn temporary_name(name: &str) -> String {
    format!(".{name}.new")
}

/// The directory and the name of a file given by its path.
///
/// # Errors
/// The path names no file.
pub fn split(path: &Path) -> Result<(&Path, &str), FileError> {
    match (path.parent(), path.file_name().and_then(OsStr::to_str)) {
        (Some(parent), Some(name)) => Ok((parent, name)),
        _ => Err(FileError::new(path, Problem::NotRegular)),
    }
}

const OPEN_DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const OPEN_FILE: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_NONBLOCK).union(OFlag::O_CLOEXEC).union(OFlag::O_NOCTTY);
const CREATE_FILE: OFlag =
    OFlag::O_RDWR.union(OFlag::O_CREAT).union(OFlag::O_EXCL).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
/// How often a file may be replaced at the moment of opening before it is given up.
const REOPENINGS_MAX: u32 = 8;
/// 0600.
const OWNER_ONLY: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);
