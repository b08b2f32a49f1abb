//! Limits on what the kernel gives us, so that a mistake here costs this process and nothing else.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

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

/// Address space. A conversation needs some ten MiB.
const MEMORY_MAX_BYTES: u64 = 512 * 1024 * 1024;
const CPU_MAX_SECONDS: u64 = 20;
/// A host may have a soft limit that is too low for a resolver, or one of a million.
const DESCRIPTORS_MAX: u64 = 256;
