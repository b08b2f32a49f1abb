//! What a worker gives up before it hears the first byte of a stranger: new privileges, every file that it does not
//! need, every port but the server's, signals to others, and the system calls that it has no use for ([`calls`]). The kernel
//! keeps it; an older one keeps less of it.
//!
//! A worker that runs a program of this host is not confined: postdrop is setgid and would lose that under
//! no_new_privs, and what the administrator's own mailer or command reads and writes is not ours to know. Its only
//! listener is that program.

use std::fs;
use std::os::fd::AsFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use nix::sys::prctl;
use twofactor_message::Trouble;

use crate::trouble::sender;
use crate::{calls, limits};

/// For a worker that talks to a server: it may look names up and connect to this port.
///
/// # Errors
/// The kernel knows the means and would not.
pub(crate) fn to_network(port: u16) -> Result<(), Trouble> {
    give_up_privileges()?;
    enforce(network_rules(port))?;
    calls::refuse().map_err(|error| sender(format_args!("refuse system calls: {error}")))
}

fn network_rules(port: u16) -> Result<RulesetCreated, RulesetError> {
    // Where links in /etc lead, such as /mnt/wsl or /run.
    let files = RESOLVER_FILES.iter().filter_map(|file| fs::canonicalize(file).ok());
    ruleset(CompatLevel::BestEffort)?
        .add_rules(path_beneath_rules(RESOLVER_FOLDERS, read_only()))?
        .add_rules(path_beneath_rules(files, read_only()))?
        .add_rule(NetPort::new(port, AccessNet::ConnectTcp))?
        .add_rule(NetPort::new(DNS_PORT, AccessNet::ConnectTcp))
}

/// For a worker that puts a file into a directory: it may do so there, and nothing else anywhere.
///
/// # Errors
/// The kernel knows the means and would not.
pub(crate) fn to_directory(directory: impl AsFd) -> Result<(), Trouble> {
    give_up_privileges()?;
    enforce(directory_rules(directory)).map(drop)
}

fn directory_rules(directory: impl AsFd) -> Result<RulesetCreated, RulesetError> {
    let access = read_only() | AccessFs::WriteFile | AccessFs::MakeReg | AccessFs::MakeDir | AccessFs::RemoveFile;
    // From tmp to new is from one directory to another: a kernel that can not allow that must not confine us at all.
    ruleset(CompatLevel::SoftRequirement)?.add_rule(PathBeneath::new(directory, access | AccessFs::Refer))
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

fn enforce(rules: Result<RulesetCreated, RulesetError>) -> Result<RulesetStatus, Trouble> {
    let enforced = rules.and_then(RulesetCreated::restrict_self);
    enforced.map(|status| status.ruleset).map_err(|error| sender(format_args!("confine the worker: {error}")))
}

fn read_only() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// What getaddrinfo(3) reads, and its libraries. The certificates have been read before.
const RESOLVER_FOLDERS: [&str; 8] =
    ["/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/run", "/nix/store", "/gnu/store"];
const RESOLVER_FILES: [&str; 3] = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"];
const DNS_PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::net::{TcpListener, TcpStream};

    /// Lets a thread of its own be confined and look, told whether this kernel could do all of it; if none, it does not.
    fn confined(rules: Result<RulesetCreated, RulesetError>, look: impl FnOnce(bool) + Send) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let status = enforce(rules).unwrap();
                if status != RulesetStatus::NotEnforced {
                    look(status == RulesetStatus::FullyEnforced);
                }
            });
        });
    }

    fn is_denied<T>(result: std::io::Result<T>) -> bool {
        result.err().is_some_and(|error| error.kind() == ErrorKind::PermissionDenied)
    }

    #[test]
    fn a_worker_on_the_network_reads_what_the_resolver_needs_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("secret"), "x").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        confined(network_rules(port), |is_full| {
            assert!(fs::read("/etc/passwd").is_ok());
            assert!(is_denied(fs::read(home.path().join("secret"))));
            assert!(is_denied(fs::read("/proc/self/environ")));
            assert!(is_denied(fs::write(home.path().join("new"), "x")));
            assert!(is_denied(std::process::Command::new("/usr/bin/env").spawn()));
            assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
            assert!(is_denied(TcpStream::connect(other.local_addr().unwrap())) || !is_full);
        });
    }

    #[test]
    fn a_worker_in_a_directory_writes_there_and_reads_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let directory = fs::File::open(home.path()).unwrap();
        confined(directory_rules(directory), |is_full| {
            fs::create_dir(home.path().join("tmp")).unwrap();
            fs::write(home.path().join("tmp/a"), "x").unwrap();
            fs::rename(home.path().join("tmp/a"), home.path().join("b")).unwrap();
            assert!(is_denied(fs::read("/etc/passwd")));
            assert!(is_denied(fs::write("/tmp/twofactor-deliver-test", "x")));
            assert!(is_denied(TcpStream::connect(listener.local_addr().unwrap())) || !is_full);
        });
    }
}
