//! The door; all of it is in the library, where `tests/fuzz` finds the readers.

use std::process::ExitCode;

fn main() -> ExitCode {
    twofactor::main()
}
