//! What a program costs: one run of it, measured by the kernel.

use std::process::{Command, Stdio};
use std::time::Instant;

use support::Cost;

/// Runs it to its end, with its output thrown away.
pub fn of(program: &str, arguments: &[&str]) -> Cost {
    let mut command = Command::new(program);
    let started = Instant::now();
    let child = command.args(arguments).stdout(Stdio::null()).spawn();
    let id = child.unwrap_or_else(|error| panic!("{program}: {error}")).id();
    // SAFETY: an all-zero rusage is one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    let mut status = 0;
    // SAFETY: wait4(2) writes one int and one rusage.
    let waited = unsafe { libc::wait4(id.cast_signed(), &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, id.cast_signed(), "wait4(2)");
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Cost {
        status,
        seconds: started.elapsed().as_secs_f64(),
        busy_seconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        peak_kib: usage.ru_maxrss.unsigned_abs(),
    }
}
