//! The system calls that nobody who talks to a server has a use for, and through which a kernel has been broken or others
//! could be troubled. They are refused and not waited for: a list of what is allowed would have to know every C library.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::io;

use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// Refuses them with EPERM from now on; a call of another architecture (i386) ends the process. It needs no_new_privs.
///
/// # Errors
/// The kernel knows the means and would not. One without them, or a machine that is not known here, keeps all calls.
pub(crate) fn refuse() -> Result<(), Error> {
    let Ok(machine) = TargetArch::try_from(ARCH) else { return Ok(()) };
    match apply_filter(&filter(machine)?) {
        Err(Error::Seccomp(error)) if is_unknown(&error) => Ok(()),
        applied => applied,
    }
}

fn filter(machine: TargetArch) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    // Limits of its own may be looked at and lowered: those of process 0.
    let of_others = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0)?;
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![of_others])?]);
    if machine == TargetArch::x86_64 {
        // The same calls, as programs of the x32 ABI number them; none of ours is one (seccomp(2)).
        rules.extend(rules.clone().into_iter().map(|(call, rules)| (call | X32, rules)));
    }
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refused, machine)?.try_into()
}

fn is_unknown(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS))
}

const REFUSED: &[i64] = &[
    // Other processes: to become, to start, to signal, to look into, to slow down. Threads are among them.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_clone,
    libc::SYS_clone3,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    // Other namespaces and file trees.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    // Keys.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    // Large parts of the kernel.
    libc::SYS_bpf,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
];
/// __X32_SYSCALL_BIT
const X32: i64 = 0x4000_0000;

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    use nix::sys::signal::kill;
    use nix::unistd::getpid;
    use std::net::ToSocketAddrs;

    /// Lets a thread of its own look, to which alone it applies.
    fn refusing(look: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                refuse().unwrap();
                look();
            });
        });
    }

    #[test]
    fn a_worker_signals_starts_and_becomes_nobody() {
        refusing(|| {
            assert_eq!(kill(getpid(), None), Err(Errno::EPERM));
            let started = std::process::Command::new("/bin/true").spawn();
            assert_eq!(started.unwrap_err().raw_os_error(), Some(libc::EPERM));
            assert!(std::thread::Builder::new().spawn(|| ()).is_err());
            assert_eq!(nix::unistd::chroot("/"), Err(Errno::EPERM));
        });
    }

    #[test]
    fn what_a_worker_needs_it_may_do() {
        refusing(|| {
            let (soft, hard) = getrlimit(Resource::RLIMIT_CORE).unwrap();
            setrlimit(Resource::RLIMIT_CORE, soft, hard).unwrap();
            assert!(("localhost", 25).to_socket_addrs().unwrap().count() > 0);
            assert!(crate::tls::client(None).is_ok());
        });
    }

    #[test]
    fn every_machine_that_is_built_for_has_a_filter() {
        for machine in [TargetArch::x86_64, TargetArch::aarch64] {
            assert!(filter(machine).is_ok_and(|program| !program.is_empty()));
        }
    }
}
