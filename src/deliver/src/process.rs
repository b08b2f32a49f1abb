//! The calls that Rust holds to be unsafe, all of them; everything else in this crate is safe code.
#![allow(unsafe_code, reason = "fork, and parts of the C library that have no safe signature")]

use std::ffi::CString;
use std::fs;

use nix::errno::Errno;
use nix::unistd::ForkResult;

/// fork(2). This process has one thread, before and after.
///
/// # Errors
/// There is no room for another process.
pub(crate) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the child of a process with one thread may do whatever its parent may; no thread is ever started here.
    unsafe { nix::unistd::fork() }
}

/// Closes every descriptor from 3 on: whatever the host had open is none of our business.
pub(crate) fn close_inherited() {
    let (first, last, flags): (libc::c_uint, libc::c_uint, libc::c_uint) = (3, libc::c_uint::MAX, 0);
    // SAFETY: three plain numbers (close_range(2)); called before anything here has opened a descriptor.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if closed == 0 {
        return;
    }
    // Before Linux 5.9. The listing's own descriptor is among them, so collect first.
    let listed = fs::read_dir("/proc/self/fd").map(|entries| {
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect::<Vec<i32>>()
    });
    for descriptor in listed.unwrap_or_else(|_| (3..1024).collect()) {
        if descriptor > 2 {
            let _ = nix::unistd::close(descriptor);
        }
    }
}

/// Leaves the keys of the login that this process was started in behind, for an empty keyring (keyrings(7)).
///
/// # Errors
/// The kernel would not. That it knows no keyrings or has no more of them for this user is no reason to send nothing.
pub(crate) fn join_empty_keyring() -> nix::Result<()> {
    let nameless = std::ptr::null::<libc::c_char>();
    // SAFETY: KEYCTL_JOIN_SESSION_KEYRING takes a name or NULL, and makes a nameless keyring for NULL (keyctl(2)).
    let code = unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, nameless) };
    match Errno::result(code) {
        Ok(_) | Err(Errno::ENOSYS | Errno::EPERM | Errno::EDQUOT) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives every signal its default action, except that SIGPIPE stays ignored: a host may have ignored SIGCHLD or SIGALRM.
pub(crate) fn default_signals() {
    for signal in (1..=64).filter(|signal| *signal != libc::SIGPIPE) {
        // SAFETY: SIG_DFL is a valid disposition for every signal (signal(2)); what has none answers EINVAL.
        let _ = unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: as above, with SIG_IGN.
    let _ = unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Empties the environment: the resolver, the C library and the search for certificates all listen to it.
///
/// # Errors
/// The C library could not.
pub(crate) fn clear_environment() -> nix::Result<()> {
    // SAFETY: this process has one thread and holds no pointer into the environment (clearenv(3)).
    let code = unsafe { libc::clearenv() };
    if code == 0 { Ok(()) } else { Err(Errno::ENOMEM) }
}

/// Writes one line to the system's log.
pub(crate) fn log(line: &str) {
    let Ok(line) = CString::new(line) else { return };
    // SAFETY: the name is static, as openlog(3) keeps the pointer.
    unsafe { libc::openlog(c"twofactor-deliver".as_ptr(), libc::LOG_PID, libc::LOG_AUTHPRIV) };
    // SAFETY: the format takes one string, and both end with NUL (syslog(3)).
    unsafe { libc::syslog(libc::LOG_AUTHPRIV | libc::LOG_NOTICE, c"%s".as_ptr(), line.as_ptr()) };
}
