//! What a worker gives up before it hears the first byte of a stranger: new privileges, every file that it does not
//! need, every port but the server's, signals to others. The kernel keeps it; an older one keeps less of it.
//!
//! A worker that runs a program of this host is not confined: postdrop is setgid and would lose that under
//! no_new_privs, and what the administrator's own mailer or command reads and writes is not ours to know. Its only
//! listener is that program.

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};
use nix::sys::prctl;
use twofactor_message::Trouble;

use crate::limits;
use crate::trouble::{local, sender};

/// For a worker that talks to a server: it may look names up and connect to this port.
///
/// # Errors
/// The kernel knows the means and would not.
pub(crate) fn to_network(port: u16) -> Result<(), Trouble> {
    give_up_privileges()?;
    let rules = ruleset(CompatLevel::BestEffort)
        .and_then(|rules| rules.add_rules(path_beneath_rules(RESOLVER_READS, read_only())))
        .and_then(|rules| rules.add_rule(NetPort::new(port, AccessNet::ConnectTcp)))
        .and_then(|rules| rules.add_rule(NetPort::new(DNS_PORT, AccessNet::ConnectTcp)));
    enforce(rules)
}

/// For a worker that puts a file into a directory: it may do so there, and nothing else anywhere.
///
/// # Errors
/// The directory can not be opened, or the kernel knows the means and would not.
pub(crate) fn to_directory(path: &Path) -> Result<(), Trouble> {
    let directory = PathFd::new(path).map_err(|error| match std::error::Error::source(&error) {
        Some(source) => local(source),
        None => local(error),
    })?;
    give_up_privileges()?;
    let access = read_only() | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::MakeDir | AccessFs::RemoveFile;
    // From tmp to new is from one directory to another: a kernel that can not allow that must not confine us at all.
    let rules = ruleset(CompatLevel::SoftRequirement)
        .and_then(|rules| rules.add_rule(PathBeneath::new(directory, access | AccessFs::Refer)));
    enforce(rules)
}

fn give_up_privileges() -> Result<(), Trouble> {
    prctl::set_no_new_privs().map_err(|e| sender(format_args!("give up new privileges: {}", e.desc())))?;
    limits::for_strangers().map_err(|e| sender(format_args!("set limits: {}", e.desc())))
}

/// Everything is refused that no rule allows, as far as this kernel can refuse it. `rename` says what if it can not tell
/// a rename to another directory from others.
fn ruleset(rename: CompatLevel) -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(rename)
        .handle_access(AccessFs::Refer)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()
}

fn enforce(rules: Result<RulesetCreated, RulesetError>) -> Result<(), Trouble> {
    let enforced = rules.and_then(RulesetCreated::restrict_self);
    enforced.map(drop).map_err(|error| sender(format_args!("confine the worker: {error}")))
}

fn read_only() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// What getaddrinfo(3) reads: nsswitch.conf, hosts, resolv.conf and where that may point to, and its libraries. The
/// certificates have been read before.
const RESOLVER_READS: [&str; 8] =
    ["/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/run", "/nix/store", "/gnu/store"];
const DNS_PORT: u16 = 53;
