//! Where the sheets come to lie.

use std::collections::HashSet;
use std::fs::{DirBuilder, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::list::Person;
use crate::failure::Failure;
use crate::paper::Blank;

/// The folder of the sheets, held open: whoever may rename what is above it cannot put another one in its place.
pub(super) struct Folder<'a> {
    pub(super) named: &'a Path,
    held: File,
}

impl<'a> Folder<'a> {
    /// Makes it, or sees that it is root's own.
    pub(super) fn open(named: &'a Path) -> Result<Self, Failure> {
        let unfit = |what: &str, hint: &str| Failure::new(format!("{}: {what}", named.display()), hint);
        if named.symlink_metadata().is_err() {
            let made = DirBuilder::new().mode(0o700).create(named);
            made.map_err(|error| {
                unfit(&format!("cannot make it: {error}"), "name a directory below one that is there")
            })?;
        }
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let held = File::options().read(true).custom_flags(flags).open(named);
        let held = held.map_err(|_| unfit("is not a directory", "name a directory of root's own"))?;
        let found = held.metadata().map_err(|error| unfit(&format!("cannot examine: {error}"), "try again"))?;
        let other = "name a directory of root's own, or one that is not there yet";
        if found.uid() != 0 {
            return Err(unfit(&format!("belongs to uid {}, not to root", found.uid()), other));
        }
        if found.mode() & 0o022 != 0 {
            return Err(unfit("others can write there", other));
        }
        Ok(Self { named, held })
    }

    /// Sees that it has no sheet yet of those who are to get one.
    pub(super) fn check(&self, people: &[Person]) -> Result<(), Failure> {
        let mut names = HashSet::new();
        for person in people {
            if self.path(person).symlink_metadata().is_ok() {
                return Err(Failure::new(
                    format!("{}: there is such a sheet already", self.called(person).display()),
                    "move it away, or name another directory; nobody was enrolled",
                ));
            }
            if !names.insert(file_name(person)) {
                let what = format!("{} would have two sheets", person.account.name.as_str());
                return Err(Failure::new(what, "enrol their second device by a list of its own; nobody was enrolled"));
            }
        }
        Ok(())
    }

    pub(super) fn reserve(&self, person: &Person) -> Result<Blank, Failure> {
        Blank::reserve_as(&self.path(person), &self.called(person))
    }

    /// Makes the names of the sheets durable.
    pub(super) fn sync(&self) -> Result<(), Failure> {
        self.held.sync_all().map_err(|error| {
            let what = format!("{}: cannot sync: {error}", self.named.display());
            Failure::new(what, "see whether the disk is well, and whether the sheets are there")
        })
    }

    /// Where it is, whatever has become of the name.
    pub(super) fn path(&self, person: &Person) -> PathBuf {
        Path::new("/proc/self/fd").join(self.held.as_raw_fd().to_string()).join(file_name(person))
    }

    fn called(&self, person: &Person) -> PathBuf {
        self.named.join(file_name(person))
    }
}

fn file_name(person: &Person) -> String {
    format!("{}.html", person.account.name.file_stem())
}
