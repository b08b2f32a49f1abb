//! What this system has of services.

use std::fs;
use std::io::Read;
use std::path::Path;

use super::stack::{DIRECTORIES, FILE_MAX_BYTES, Files, has_directories, services_of_pam_conf};

/// A file that is no service: others include it.
pub(crate) fn is_common(name: &str) -> bool {
    name.starts_with("common-") || matches!(name, "system-auth" | "password-auth" | "postlogin" | "fingerprint-auth")
}

/// The names of all services.
pub(crate) fn service_names(files: &dyn Files) -> Vec<String> {
    let mut names = Vec::new();
    if !has_directories(files) {
        names = services_of_pam_conf(files);
    }
    for directory in DIRECTORIES {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        names.extend(entries.take(SERVICES_MAX).filter_map(|entry| entry.file_name().into_string().ok()));
    }
    // What an editor or dpkg leaves behind is no service that anybody names.
    names.retain(|name| !name.starts_with('.') && !name.ends_with('~') && !name.contains(".dpkg-"));
    names.sort_unstable();
    names.dedup();
    names
}

/// This system's files.
pub(crate) struct System;

impl Files for System {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        // Whoever opens a FIFO waits.
        let is_file = fs::metadata(path).is_ok_and(|status| status.is_file());
        let file = is_file.then(|| fs::File::open(path).ok())??;
        let mut bytes = Vec::new();
        file.take(FILE_MAX_BYTES as u64).read_to_end(&mut bytes).ok()?;
        Some(bytes)
    }

    fn has_directory(&self, path: &str) -> bool {
        Path::new(path).is_dir()
    }
}

const SERVICES_MAX: usize = 1000;
