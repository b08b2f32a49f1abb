//! `twofactor at-login`: what the module has done by the tool while somebody sets up an app at a login. Nothing for people:
//! it is hidden from help, speaks in frames on standard input and output, and needs neither a terminal nor an environment.
//! Secrets come and go in frames alone.

mod begin;
mod confirm;
mod frame;
mod prepare;

use std::path::Path;

use nix::errno::Errno;
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid, chdir, setgroups, setresgid, setresuid};
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
        AtLogin::Reserve { user } => confirm::reserve(user, config),
        AtLogin::Confirm { user } => confirm::run(user, config),
    }
}

/// Whoever starts a su may stop what runs under their uid, and the locks that it holds would stay held. Their groups,
/// umask and limits are no more ours than their uid, and what is in memory here is for no core file.
fn be_nobody_elses() -> Result<(), Failure> {
    let own = || {
        set_dumpable(false)?;
        setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
        umask(Mode::from_bits_truncate(0o077));
        chdir("/")?;
        if !running_as_root() {
            return Ok(());
        }
        for resource in [Resource::RLIMIT_AS, Resource::RLIMIT_CPU, Resource::RLIMIT_DATA, Resource::RLIMIT_FSIZE] {
            // Without CAP_SYS_RESOURCE, as in a container, those that the host has have to do.
            let _ = setrlimit(resource, RLIM_INFINITY, RLIM_INFINITY);
        }
        let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
        setgroups(&[])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)
    };
    own().map_err(|error: Errno| Failure::new(format!("become root: {}", error.desc()), HINT))
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
