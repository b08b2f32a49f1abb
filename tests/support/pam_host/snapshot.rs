//! The host process as it stands.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::{env, fs, mem, ptr};

use support::{Disposition, Snapshot};

/// Looks at everything that a module could have changed.
pub fn take() -> Snapshot {
    Snapshot {
        uids: identities(libc::getresuid),
        gids: identities(libc::getresgid),
        groups: groups(),
        umask: umask(),
        cwd: env::current_dir().unwrap_or_default(),
        environment: environment(),
        locale: locale(),
        signals: (1..=64).filter_map(|signal| Some((signal, disposition(signal)?))).collect(),
        blocked: blocked(),
        open_files: open_files(),
        children: children(),
        threads: status("Threads:") as usize,
        resident_kib: resident_kib(),
    }
}

/// What each descriptor is, but for the C library's connection to syslog, which whoever logs first opens for all. Where no
/// descriptor is left to look with, nothing.
pub fn open_files() -> BTreeMap<i32, String> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<i32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // The descriptor that was looked with is closed by now.
    let link = |number| Some((number, fs::read_link(format!("/proc/self/fd/{number}")).ok()?));
    let numbers = numbers.into_iter().filter(|number| !is_syslog(*number));
    numbers.filter_map(link).map(|(number, to)| (number, to.to_string_lossy().into_owned())).collect()
}

fn is_syslog(descriptor: i32) -> bool {
    // SAFETY: all-zero is a valid address to be overwritten, of the length that is passed, getpeername(2).
    let (code, address) = unsafe {
        let mut address: libc::sockaddr_un = mem::zeroed();
        let mut length = size_of::<libc::sockaddr_un>() as libc::socklen_t;
        (libc::getpeername(descriptor, (&raw mut address).cast(), &raw mut length), address)
    };
    let path = address.sun_path.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0);
    code == 0 && i32::from(address.sun_family) == libc::AF_UNIX && path.eq(*b"/dev/log")
}

/// VmRSS.
pub fn resident_kib() -> u64 {
    status("VmRSS:")
}

fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn identities(look: unsafe extern "C" fn(*mut u32, *mut u32, *mut u32) -> i32) -> [u32; 3] {
    let mut ids = [0; 3];
    let [real, effective, saved] = &mut ids;
    // SAFETY: three places for ids, getresuid(2) and getresgid(2).
    assert_eq!(unsafe { look(real, effective, saved) }, 0);
    ids
}

fn groups() -> Vec<u32> {
    // SAFETY: a size of 0 only counts, getgroups(2).
    let count = unsafe { libc::getgroups(0, ptr::null_mut()) };
    let mut groups = vec![0; count as usize];
    // SAFETY: room for `count` ids.
    let count = unsafe { libc::getgroups(count, groups.as_mut_ptr()) };
    groups.truncate(count.max(0) as usize);
    groups
}

fn umask() -> u32 {
    // SAFETY: umask(2) cannot fail, and the old one is put back at once.
    unsafe {
        let mask = libc::umask(0o077);
        libc::umask(mask);
        mask
    }
}

fn environment() -> Vec<String> {
    env::vars_os().map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy())).collect()
}

fn locale() -> String {
    // SAFETY: NULL only asks, setlocale(3); the answer is copied before the next call.
    unsafe { CStr::from_ptr(libc::setlocale(libc::LC_ALL, ptr::null())) }.to_string_lossy().into_owned()
}

fn disposition(signal: i32) -> Option<Disposition> {
    // SAFETY: all-zero is a valid sigaction to be overwritten; a null pointer only asks.
    let (code, action) = unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        (libc::sigaction(signal, ptr::null(), &raw mut action), action)
    };
    (code == 0).then_some(Disposition { handler: action.sa_sigaction, flags: action.sa_flags })
}

fn blocked() -> Vec<i32> {
    // SAFETY: all-zero is a valid set to be overwritten; a null pointer only asks, pthread_sigmask(3).
    let set = unsafe {
        let mut set: libc::sigset_t = mem::zeroed();
        libc::pthread_sigmask(libc::SIG_BLOCK, ptr::null(), &raw mut set);
        set
    };
    // SAFETY: an initialised set, and signal numbers in range.
    (1..=64).filter(|signal| unsafe { libc::sigismember(&raw const set, *signal) } == 1).collect()
}

fn children() -> Vec<i32> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}
