//! Limits on what the kernel gives us, so that a mistake here costs this process and nothing else.

use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};

/// For whoever follows, while this process is root: the same soft and hard limits whatever the host was started with.
/// One that runs for an ordinary user, such as su(1), may have that user's, and its forks are exempt where ours are not.
///
/// # Errors
/// The kernel would not.
pub(crate) fn known() -> nix::Result<()> {
    for (resource, soft, hard) in KNOWN {
        match setrlimit(resource, soft, hard) {
            // Root without CAP_SYS_RESOURCE, as in a container, can not raise any: then as far as it goes.
            Err(Errno::EPERM) => {
                let (_, most) = getrlimit(resource)?;
                setrlimit(resource, soft.min(most), hard.min(most))?;
            }
            set => set?,
        }
    }
    Ok(())
}

/// For the supervisor and what it starts. The soft limits are ours; the hard ones stay for a local program that has
/// needs of its own ([`for_programs`]).
///
/// # Errors
/// The kernel would not.
pub(crate) fn for_us() -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    for (resource, ours) in [
        (Resource::RLIMIT_AS, MEMORY_MAX_BYTES),
        (Resource::RLIMIT_CPU, CPU_MAX_SECONDS),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS_MAX),
    ] {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, ours.min(hard), hard)?;
    }
    Ok(())
}

/// For a worker that listens to a stranger: what [`for_us`] set is final, and there will be no further process.
///
/// # Errors
/// The kernel would not.
pub(crate) fn for_strangers() -> nix::Result<()> {
    for resource in [Resource::RLIMIT_AS, Resource::RLIMIT_CPU, Resource::RLIMIT_NOFILE] {
        let (soft, _) = getrlimit(resource)?;
        setrlimit(resource, soft, soft)?;
    }
    setrlimit(Resource::RLIMIT_NPROC, 0, 0)
}

/// For a worker that runs a program of this host: runtimes that reserve more memory than they use would not start.
///
/// # Errors
/// The kernel would not.
pub(crate) fn for_programs() -> nix::Result<()> {
    for resource in [Resource::RLIMIT_AS, Resource::RLIMIT_CPU] {
        let (_, hard) = getrlimit(resource)?;
        setrlimit(resource, hard, hard)?;
    }
    Ok(())
}

/// What a system without any configuration gives its services, or more.
const KNOWN: [(Resource, u64, u64); 7] = [
    (Resource::RLIMIT_NPROC, PROCESSES_MAX, PROCESSES_MAX),
    (Resource::RLIMIT_NOFILE, 1024, 4096),
    (Resource::RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY),
    (Resource::RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY),
    (Resource::RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY),
    (Resource::RLIMIT_STACK, 8 * 1024 * 1024, RLIM_INFINITY),
    (Resource::RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY),
];
/// Of the user that all messages of this host are sent as, a few for each.
const PROCESSES_MAX: u64 = 4096;
/// Address space. A conversation needs some ten MiB.
const MEMORY_MAX_BYTES: u64 = 512 * 1024 * 1024;
const CPU_MAX_SECONDS: u64 = 20;
/// A host may have a soft limit that is too low for a resolver, or one of a million.
const DESCRIPTORS_MAX: u64 = 256;
