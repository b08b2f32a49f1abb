//! Where what is imported lies. Files in home directories belong to users, who may have put anything there: nothing is
//! followed, nothing is waited for, and it is looked at through the open descriptor before it is read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Display, Path};

use nix::unistd::{Uid, setfsuid};
use twofactor_core::account::Account;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// What was read, wiped in the end.
pub(super) type Content = Zeroizing<Vec<u8>>;

/// A file that root has named, or standard input for `-`.
pub(super) fn named(path: &Path, max_bytes: u64) -> Result<Content, Failure> {
    let failed =
        |why: String| Failure::new(format!("{}: {why}", called(path)), "name another file, or - for standard input");
    if is_standard_input(path) {
        return bounded(io::stdin().lock(), max_bytes).map_err(failed);
    }
    let file = opened(path).map_err(|error| failed(format!("cannot open: {error}")))?;
    regular(&file).and_then(|()| bounded(file, max_bytes)).map_err(failed)
}

/// Whether that is no file.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// What people call it.
pub(super) fn called(path: &Path) -> Display<'_> {
    if is_standard_input(path) { Path::new("standard input").display() } else { path.display() }
}

/// The file of that name in somebody's home directory, which has to be theirs; `None` if there is none. The remark is
/// what there is to say of it.
pub(super) fn at_home(
    home: &Path,
    name: &str,
    owner: &Account,
    max_bytes: u64,
) -> Result<Option<(Content, Option<String>)>, Trouble> {
    let path = home.join(name);
    let is_denied = |error: &io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    // Where the owner's groups would be needed root needs none.
    let file = match as_owner(owner, || opened(&path))
        .or_else(|error| if is_denied(&error) { opened(&path) } else { Err(error) })
    {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        // O_NOFOLLOW, open(2).
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => return Err(Trouble::other("is a symbolic link")),
        Err(error) if is_denied(&error) => return Err(Trouble::Denied),
        Err(error) => return Err(Trouble::Other(format!("cannot open: {error}"))),
    };
    regular(&file).map_err(Trouble::Other)?;
    let metadata = file.metadata().map_err(|error| Trouble::Other(format!("cannot examine: {error}")))?;
    if metadata.uid() != owner.uid {
        let what = format!("belongs to uid {}, not to {}", metadata.uid(), owner.name.as_str());
        return Err(Trouble::Other(what));
    }
    if metadata.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(Trouble::Other(format!("can be written by others (mode {:04o})", metadata.mode() & 0o7777)));
    }
    let is_readable = metadata.mode() & READABLE_BY_OTHERS != 0;
    let remark = is_readable.then(|| "others could read the file: whoever did has the secret".to_owned());
    bounded(file, max_bytes).map(|content| Some((content, remark))).map_err(Trouble::Other)
}

/// Why there is nothing from a home directory.
pub(super) enum Trouble {
    /// Neither its owner nor root may look there.
    Denied,
    /// This is wrong with the file.
    Other(String),
}

impl Trouble {
    fn other(what: &str) -> Self {
        Self::Other(what.to_owned())
    }
}

/// Looks at files with the rights of their owner: on a network file system root often has none, and elsewhere more than
/// are needed to read what belongs to a user.
fn as_owner<T>(owner: &Account, look: impl FnOnce() -> T) -> T {
    let before = setfsuid(Uid::from_raw(owner.uid));
    let seen = look();
    setfsuid(before);
    seen
}

fn opened(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    File::options().read(true).custom_flags(flags).open(path)
}

fn regular(file: &File) -> Result<(), String> {
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err("is not a regular file".to_owned()),
        Err(error) => Err(format!("cannot examine: {error}")),
    }
}

fn bounded(source: impl Read, max_bytes: u64) -> Result<Content, String> {
    // A buffer that grows leaves copies of secrets behind.
    let room = usize::try_from(max_bytes.saturating_add(1)).unwrap_or_default();
    let mut content = Zeroizing::new(Vec::with_capacity(room));
    let read = source.take(max_bytes.saturating_add(1)).read_to_end(&mut content);
    read.map_err(|error| format!("cannot read: {error}"))?;
    if content.len() as u64 > max_bytes { Err(format!("is larger than {max_bytes} bytes")) } else { Ok(content) }
}

const WRITABLE_BY_OTHERS: u32 = 0o022;
const READABLE_BY_OTHERS: u32 = 0o044;
