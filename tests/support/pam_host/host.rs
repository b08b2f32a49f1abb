//! The host process: strange habits first, then PAM, then a look at what the modules left behind.

use std::collections::BTreeMap;
use std::ffi::{CString, c_int};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, io, mem, ptr};

use support::{Report, Sample, Script, Snapshot};

use crate::cycle;
use crate::snapshot;

/// Plays a script and reports.
pub fn run(script: &Script) -> Report {
    become_host(script);
    let before = snapshot::take();
    let limits = limit(script);
    let (mut cycles, mut counts, mut samples) = (Vec::new(), BTreeMap::new(), Vec::new());
    for number in 0..script.repeat {
        let script = &of_cycle(script, number);
        if script.repeat > LISTED && number % (script.repeat / SAMPLES).max(1) == 0 {
            samples.push(Sample {
                cycles: number,
                resident_kib: snapshot::resident_kib(),
                open_files: snapshot::open_files().len(),
            });
        }
        let cycle = match script.threads {
            0 => cycle::play(script, None),
            // The thread's destructors run after the modules were unloaded.
            _ => thread::scope(|scope| scope.spawn(|| cycle::play(script, None)).join().expect("a thread of PAM")),
        };
        let names: Vec<&str> = cycle.calls.iter().map(|called| called.name.as_str()).collect();
        *counts.entry(names.join(" ")).or_insert(0) += 1;
        if script.repeat <= LISTED {
            cycles.push(cycle);
        }
    }
    lift(&limits);
    if script.syslog_ident.is_some() {
        // SAFETY: syslog(3) with a constant format and no arguments.
        unsafe { libc::syslog(libc::LOG_INFO, c"the host speaks".as_ptr()) };
    }
    let after = settled(&before);
    Report { cycles, counts, samples, before, after }
}

/// The script with the number of the cycle filled in.
fn of_cycle(script: &Script, number: usize) -> Script {
    let user = script.user.as_ref().map(|user| user.replace("{cycle}", &number.to_string()));
    Script { user, ..script.clone() }
}

/// Takes on the habits that last. Descriptors and limits come apart, so that a snapshot can be taken between.
pub fn become_host(script: &Script) {
    // Rust programs ignore SIGPIPE; the hosts of this world do not.
    dispose(libc::SIGPIPE, libc::SIG_DFL);
    if script.ignore_sigchld {
        dispose(libc::SIGCHLD, libc::SIG_IGN);
    }
    if script.reap_sigchld {
        let handler: extern "C" fn(c_int) = reap;
        dispose(libc::SIGCHLD, handler as libc::sighandler_t);
    }
    for (name, value) in &script.environment {
        // SAFETY: there is no other thread yet.
        unsafe { env::set_var(name, value) };
    }
    if let Some(locale) = &script.locale {
        let name = CString::new(locale.as_str()).expect("a locale's name");
        // SAFETY: a NUL-terminated name; there is no other thread yet.
        let set = unsafe { libc::setlocale(libc::LC_ALL, name.as_ptr()) };
        assert!(!set.is_null(), "no locale {locale}");
    }
    if let Some(mask) = script.umask {
        // SAFETY: umask(2) cannot fail.
        unsafe { libc::umask(mask) };
    }
    if let Some(cwd) = &script.cwd {
        env::set_current_dir(cwd).unwrap_or_else(|error| panic!("{}: {error}", cwd.display()));
    }
    if let Some(ident) = &script.syslog_ident {
        let ident = CString::new(ident.as_str()).expect("an ident").into_raw();
        // SAFETY: openlog(3) keeps the pointer, and it is never freed.
        unsafe { libc::openlog(ident, libc::LOG_PID, libc::LOG_DAEMON) };
    }
    for _ in 0..script.threads {
        thread::spawn(|| {
            loop {
                thread::park();
            }
        });
    }
    if script.close_standard {
        for descriptor in 0..3 {
            // SAFETY: nothing here reads or writes them again; the report goes to a copy.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Lowers the limits of the script; returns what they were.
pub fn limit(script: &Script) -> Vec<(libc::__rlimit_resource_t, libc::rlimit)> {
    let wanted = [(libc::RLIMIT_NOFILE, script.nofile_limit), (libc::RLIMIT_FSIZE, script.fsize_limit)];
    let wanted = wanted.into_iter().filter_map(|(resource, limit)| Some((resource, limit?)));
    let lower = |(resource, limit)| {
        let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: a place for one rlimit, getrlimit(2).
        assert_eq!(unsafe { libc::getrlimit(resource, &raw mut old) }, 0);
        let new = libc::rlimit { rlim_cur: limit, rlim_max: limit };
        // SAFETY: reads one rlimit, setrlimit(2).
        assert_eq!(unsafe { libc::setrlimit(resource, &raw const new) }, 0, "{}", io::Error::last_os_error());
        (resource, old)
    };
    wanted.map(lower).collect()
}

/// Puts the limits back as far as this process may, so that the last look around is not hindered by them.
fn lift(limits: &[(libc::__rlimit_resource_t, libc::rlimit)]) {
    for (resource, old) in limits {
        // SAFETY: reads one rlimit, setrlimit(2). Without CAP_SYS_RESOURCE the hard limit stays.
        unsafe { libc::setrlimit(*resource, old) };
    }
}

fn dispose(signal: c_int, handler: libc::sighandler_t) {
    // SAFETY: all-zero is a valid sigaction; the handler is async-signal-safe or one of the two constants.
    let code = unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = if handler > libc::SIG_IGN { libc::SA_RESTART } else { 0 };
        libc::sigaction(signal, &raw const action, ptr::null_mut())
    };
    assert_eq!(code, 0, "sigaction {signal}: {}", io::Error::last_os_error());
}

extern "C" fn reap(_signal: c_int) {
    // SAFETY: waitpid(2) and errno are async-signal-safe, and errno is put back.
    unsafe {
        let errno = *libc::__errno_location();
        while libc::waitpid(-1, ptr::null_mut(), libc::WNOHANG) > 0 {}
        *libc::__errno_location() = errno;
    }
}

/// A snapshot, once the threads that were joined are gone from /proc too.
fn settled(before: &Snapshot) -> Snapshot {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let after = snapshot::take();
        if after.threads <= before.threads || Instant::now() > deadline {
            return after;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// So many cycles are reported one by one.
const LISTED: usize = 10;
const SAMPLES: usize = 10;
