//! Feeds one reader with any bytes at all: `fuzz [libFuzzer's options and directories] -ignore_remaining_args=1 READER`.
//!
//! With `seeds` for a reader, it tells of every reader whether it takes what begins its search. One program for all of
//! them, since it is linking that takes its time.
#![no_main]

mod frames;
mod records;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use twofactor::fuzzed::{doctor, import, list};

/// It asserts what must hold, and says whether the bytes are what it reads.
type Reader = fn(&[u8]) -> bool;

libfuzzer_sys::fuzz_target!(
    init: {
        let asked = std::env::args().next_back().unwrap_or_default();
        if asked == "seeds" {
            replay();
            std::process::exit(0);
        }
        let found = READERS.iter().find(|(name, _)| *name == asked);
        let (_, reader) = found.unwrap_or_else(|| panic!("there is no reader {asked:?}"));
        READER.get_or_init(|| *reader);
    },
    |bytes: &[u8]| {
        if let Some(reader) = READER.get() {
            reader(bytes);
        }
    }
);

/// Seeds that nothing is in teach nothing, and a format that has changed would make them such.
fn replay() {
    let mut wrong = Vec::new();
    for (name, reader) in READERS {
        let directory = Path::new("seeds").join(name);
        let seeds = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let mut taken = 0;
        for path in seeds.map(|seed| seed.unwrap().path()) {
            let is_refused = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("refused-"));
            if reader(&fs::read(&path).unwrap()) == is_refused {
                wrong.push(path);
            } else {
                taken += usize::from(!is_refused);
            }
        }
        if taken == 0 {
            wrong.push(directory);
        }
    }
    assert!(wrong.is_empty(), "not what their names say: {wrong:?}");
}

static READER: OnceLock<Reader> = OnceLock::new();

/// All of them, by the names of their seeds.
const READERS: [(&str, Reader); 16] = [
    ("clerk_frame", frames::of_the_clerk),
    ("config", records::config),
    ("enrolment", records::enrolment),
    ("google", import::google),
    ("list", list),
    ("migration", import::migration),
    ("oath", import::oath),
    ("order", frames::order),
    ("otpauth", import::otpauth),
    ("pam_stack", doctor::stack),
    ("passlib", import::passlib),
    ("sshd_config", doctor::sshd_config),
    ("sshd_settings", doctor::sshd_settings),
    ("state", twofactor_core::state::fuzzed::record),
    ("toml", records::toml),
    ("verdict", frames::verdict),
];
