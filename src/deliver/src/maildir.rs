//! Puts a mail into a Maildir: written and synced under `tmp`, then moved to `new`, so that no reader sees half of one.

use std::fmt::Display;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, renameat};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{Mode, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};
use twofactor_message::{Mail, Trouble};

use crate::conversation::Conversation;
use crate::trouble::{local, words};
use crate::{confinement, letter};

/// Puts a mail into a directory.
///
/// # Errors
/// Which step failed; nothing is in `new` then, so that another way may be tried.
pub(crate) fn send(mail: &Mail, path: &str, conversation: &mut Conversation<'_>) -> Result<(), Trouble> {
    let path = Path::new(path);
    conversation.stage(path.display());
    let letter = letter::for_unix(&letter::compose(mail)?);
    if !path.is_absolute() {
        return Err(local("is not an absolute path"));
    }
    // Writing beyond it would end this process, and not with a word.
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE).map_err(why)?;
    if limit < letter.len() as u64 {
        return Err(local(format_args!("{} bytes are more than the limit of {limit} for a file", letter.len())));
    }
    let directory = open_directory(AT_FDCWD, path).map_err(why)?;
    confinement::to_directory(&directory)?;
    let name = put(&directory, &letter, &letter::host(mail))?;
    conversation.event(format_args!("write {} ({} bytes)", path.join("new").join(name).display(), letter.len()));
    Ok(())
}

/// Writes the file and answers with its name.
fn put(directory: &OwnedFd, letter: &[u8], host: &str) -> Result<String, Trouble> {
    for folder in FOLDERS {
        match mkdirat(directory, folder, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(failed("make", folder)(error)),
        }
    }
    let [tmp, new, _] = FOLDERS;
    let [from, to] = [tmp, new].map(|folder| open_directory(directory, folder).map_err(failed("open", folder)));
    let (from, to) = (from?, to?);
    let unique = format!("{}.{}", letter::random_name()?, host.replace(['/', ':'], "_"));
    let seconds = write(&from, &unique, letter).inspect_err(|_| forget(&from, &unique))?;
    let name = format!("{seconds}.{unique}");
    renameat(&from, unique.as_str(), &to, name.as_str())
        .map_err(failed("move into", new))
        .inspect_err(|_| forget(&from, &unique))?;
    // There it is, and whoever reads mail may have seen it. Whether it would survive a crash is no reason to send another.
    let _ = fsync(&to);
    Ok(name)
}

/// Writes a new file, makes it durable and answers with its time, in seconds.
fn write(directory: &OwnedFd, name: &str, content: &[u8]) -> Result<i64, Trouble> {
    let created = openat(directory, name, NEW_FILE, Mode::S_IRUSR | Mode::S_IWUSR).map_err(failed("create", name))?;
    let mut file = File::from(created);
    file.write_all(content).map_err(|error| local(format_args!("write {name}: {}", words(&error))))?;
    file.sync_all().map_err(|error| local(format_args!("sync {name}: {}", words(&error))))?;
    Ok(fstat(&file).map_err(failed("examine", name))?.st_mtime)
}

fn forget(directory: &OwnedFd, name: &str) {
    let _ = unlinkat(directory, name, UnlinkatFlags::NoRemoveDir);
}

/// Not through a symbolic link: whoever could put one there would choose who reads the mail.
fn open_directory(within: impl AsFd, path: impl AsRef<Path>) -> nix::Result<OwnedFd> {
    openat(within, path.as_ref(), DIRECTORY, Mode::empty())
}

fn failed(attempt: impl Display, what: impl Display) -> impl FnOnce(Errno) -> Trouble {
    move |error| local(format_args!("{attempt} {what}: {}", why(error).detail))
}

fn why(error: Errno) -> Trouble {
    match error {
        Errno::ENOTDIR | Errno::ELOOP => local("not a directory, or a link to one"),
        error => local(words(&error.into())),
    }
}

const FOLDERS: [&str; 3] = ["tmp", "new", "cur"];
const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const NEW_FILE: OFlag =
    OFlag::O_WRONLY.union(OFlag::O_CREAT).union(OFlag::O_EXCL).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::tests::overheard;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_mail_stands_in_new_for_its_owner_alone_and_nothing_stays_in_tmp() {
        let home = tempfile::tempdir().unwrap();
        let directory = open_directory(AT_FDCWD, home.path()).unwrap();
        let name = put(&directory, b"Subject: x\n\ny\n", "host").unwrap();
        let file = home.path().join("new").join(&name);
        assert_eq!(fs::read(&file).unwrap(), b"Subject: x\n\ny\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(fs::metadata(home.path().join("cur")).unwrap().permissions().mode() & 0o7777, 0o700);
        assert_eq!(fs::read_dir(home.path().join("tmp")).unwrap().count(), 0);
        let mut parts = name.split('.');
        assert!(parts.next().unwrap().parse::<u64>().unwrap() > 1_700_000_000, "{name}");
        assert_eq!((parts.next().unwrap().len(), parts.next()), (32, Some("host")));
    }

    #[test]
    fn a_host_with_a_slash_leads_nowhere() {
        let home = tempfile::tempdir().unwrap();
        let directory = open_directory(AT_FDCWD, home.path()).unwrap();
        let name = put(&directory, b"", "../../x:1").unwrap();
        assert!(name.ends_with("..._.._x_1"), "{name}");
        assert!(home.path().join("new").join(name).is_file());
    }

    #[test]
    fn a_link_a_file_and_a_relative_path_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("link");
        symlink(home.path(), &link).unwrap();
        assert!(open_directory(AT_FDCWD, &link).is_err());
        fs::write(home.path().join("tmp"), "").unwrap();
        let directory = open_directory(AT_FDCWD, home.path()).unwrap();
        assert!(put(&directory, b"", "host").unwrap_err().detail.contains("open tmp: not a directory"));
        let (mut conversation, _) = overheard();
        let refused = send(&letter::tests::mail(), "var/mail", &mut conversation).unwrap_err();
        assert_eq!(refused.detail, "is not an absolute path");
    }

    #[test]
    fn a_missing_directory_is_said_to_be_missing() {
        let (mut conversation, _) = overheard();
        let refused = send(&letter::tests::mail(), "/nonexistent", &mut conversation).unwrap_err();
        assert_eq!(refused.detail, "no such file or directory");
    }
}
