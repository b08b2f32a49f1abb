//! A page on the disk, for root alone: made under another name and renamed, so that nobody sees half of it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use twofactor_core::sys::{Entropy, Kernel};

use crate::failure::Failure;

/// Puts `content` in the place of a regular file, or where there is none. A link, a terminal or a pipe is left alone:
/// root writes here where others may.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
        let what = format!("{}: is not a regular file", path.display());
        return Err(Failure::new(what, "name another file, or - for standard output"));
    }
    let Some(name) = path.file_name() else {
        return Err(Failure::misused(format!("{}: is not the name of a file", path.display()), "name a file"));
    };
    let mut random = [0; 8];
    Kernel.fill(&mut random)?;
    let mut temporary = std::ffi::OsString::from(format!(".{:016x}.", u64::from_ne_bytes(random)));
    temporary.push(name);
    let temporary = path.with_file_name(temporary);
    let written = create(&temporary).and_then(|mut file| {
        let filled = file.write_all(content).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
        // What failed is told; what is left of it is nobody's loss.
        filled.inspect_err(|_| drop(fs::remove_file(&temporary)))
    });
    written.map_err(|error| {
        Failure::new(format!("{}: cannot write: {error}", path.display()), "name a file in a directory that has room")
    })
}

fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}
