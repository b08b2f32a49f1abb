//! A programmable PAM application: plays a script against the real libpam and reports what it saw.
//!
//! ```text
//! pam-host run  [SCRIPT.json]   one host process; the script otherwise comes on stdin
//! pam-host race [RACE.json]     many at the same moment
//! pam-host cost PROGRAM [ARG]…  what one run of a program costs
//! pam-host init                 the first process of a sandbox
//! ```
//!
//! Scripts and reports are described in `support::Script`, `support::Race` and `support::Report`. The report is one JSON
//! value on what was descriptor 1 at the start, even if the script closes that.

mod conversation;
mod cost;
mod cycle;
mod host;
mod init;
mod pam;
mod race;
mod snapshot;

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::{env, process};

use serde::Serialize;
use serde::de::DeserializeOwned;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["init"] => init::run(),
        ["run", path @ ..] => {
            let answer = Answer::reserve();
            answer.give(&host::run(&read(path)));
        }
        ["race", path @ ..] => {
            let answer = Answer::reserve();
            answer.give(&race::run(&read(path)));
        }
        ["cost", program, arguments @ ..] => {
            let answer = Answer::reserve();
            answer.give(&cost::of(program, arguments));
        }
        _ => {
            eprintln!(
                "usage: pam-host run|race [FILE]\n       pam-host cost PROGRAM [ARGUMENT]...\n       pam-host init"
            );
            process::exit(2);
        }
    }
}

fn read<T: DeserializeOwned>(path: &[&str]) -> T {
    let mut text = String::new();
    let outcome = match path {
        [path] if *path != "-" => fs::read_to_string(path).map(|content| text = content),
        _ => io::stdin().read_to_string(&mut text).map(drop),
    };
    outcome.unwrap_or_else(|error| panic!("the script cannot be read: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("the script is not understood: {error}"))
}

/// Where the report goes, out of the way of descriptor limits and of hosts that close 0 to 2.
struct Answer(File);

impl Answer {
    fn reserve() -> Answer {
        // SAFETY: F_DUPFD_CLOEXEC makes a new descriptor from 500 on, fcntl(2), and only we know it.
        let copy = unsafe { libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 500) };
        assert!(copy >= 0, "descriptor 1 is open");
        // SAFETY: as above.
        Answer(unsafe { File::from_raw_fd(copy) })
    }

    fn give(mut self, report: &impl Serialize) {
        let mut text = serde_json::to_vec(report).expect("a report is JSON");
        text.push(b'\n');
        self.0.write_all(&text).expect("somebody reads the report");
    }
}
