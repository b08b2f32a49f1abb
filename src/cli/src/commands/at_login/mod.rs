//! `twofactor at-login`: what the module has done by the tool while somebody sets up a second factor at a login. Nothing
//! for people: it is hidden from help, speaks in frames on standard input and output, and needs neither settings nor a
//! terminal nor an environment.

mod draw;

use crate::arguments::AtLogin;
use crate::failure::Failure;

/// Runs the command.
pub(crate) fn run(command: &AtLogin) -> Result<(), Failure> {
    match command {
        AtLogin::Draw => draw::run(),
    }
}
