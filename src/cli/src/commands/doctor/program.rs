//! A program of this system that knows what is asked here: by absolute path, without an environment, for so long.

use std::path::Path;
use std::time::Duration;

use twofactor_core::sys::{Program, Reading};

/// All that it says; `None` if it is not there, says nothing, says too much or takes too long.
pub(super) fn ask(path: &str, arguments: &[&str]) -> Option<String> {
    let arguments: Vec<_> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let mut program = Program::start(Path::new(path), &arguments, b"").ok()?;
    let mut said = Vec::new();
    match program.read(&mut said, ANSWER_MAX_BYTES, PATIENCE).ok()? {
        Reading::Finished if !said.is_empty() => Some(String::from_utf8_lossy(&said).into_owned()),
        Reading::Finished | Reading::Unfinished | Reading::TooLong => None,
    }
}

const ANSWER_MAX_BYTES: usize = 256 * 1024;
const PATIENCE: Duration = Duration::from_secs(5);
