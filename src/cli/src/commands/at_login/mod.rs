//! `twofactor at-login`: what the module has done by the tool while somebody sets up an app at a login. Nothing for people:
//! it is hidden from help, speaks in frames on standard input and output, and needs neither a terminal nor an environment.
//! Secrets come and go in frames alone.

mod begin;
mod confirm;
mod frame;
mod prepare;

use std::path::Path;

use nix::unistd::{Uid, setresuid};
use twofactor_core::factor::Method;
use twofactor_core::sys::running_as_root;

use crate::arguments::AtLogin;
use crate::failure::Failure;
use crate::office::Office;

/// Runs the command.
pub(crate) fn run(command: &AtLogin, config: Option<&Path>) -> Result<(), Failure> {
    be_nobody_elses()?;
    match command {
        AtLogin::Begin { user } => begin::run(user, config),
        AtLogin::Prepare { user } => prepare::run(user, config),
        AtLogin::Confirm { user } => confirm::run(user, config),
    }
}

/// Whoever starts a su may stop what runs under their uid, and the locks that it holds would stay held.
fn be_nobody_elses() -> Result<(), Failure> {
    if !running_as_root() {
        return Ok(());
    }
    let root = Uid::from_raw(0);
    setresuid(root, root, root).map_err(|error| Failure::new(format!("become root: {}", error.desc()), HINT))
}

/// The place of work, if an app may be set up there at all.
fn office(config: Option<&Path>) -> Result<Office, Failure> {
    let office = Office::open(config)?;
    if office.config.methods.contains(&Method::Totp) {
        return Ok(office);
    }
    Err(Failure::new("the configuration does not allow totp", "add \"totp\" to methods in config.toml"))
}

const HINT: &str = "this is a command for the module; for people there is: twofactor setup";
