//! The first process of a sandbox: its syslog daemon, its reaper, and the thread that it hangs by.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::{process, thread};

/// Appends each datagram at /dev/log as one line to /run/journal, until stdin ends.
pub fn run() -> ! {
    // SAFETY: a constant disposition; the kernel then reaps every orphan, sigaction(2).
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    let log = UnixDatagram::bind("/dev/log").expect("/dev/log is free");
    fs::set_permissions("/dev/log", Permissions::from_mode(0o666)).expect("the mode of /dev/log");
    let mut journal = OpenOptions::new().create(true).append(true).open("/run/journal").expect("/run/journal");
    thread::spawn(move || {
        let mut datagram = vec![0; 1 << 18];
        loop {
            let length = log.recv(&mut datagram).expect("a datagram");
            journal.write_all(&line(&datagram[..length])).expect("/run/journal takes a line");
        }
    });
    println!("ready");
    let _ = io::stdin().read_to_end(&mut Vec::new());
    process::exit(0);
}

/// One line, whatever is inside. glibc ends its datagrams with a newline or a NUL.
fn line(datagram: &[u8]) -> Vec<u8> {
    let end = datagram.iter().rposition(|byte| !matches!(byte, b'\n' | 0)).map_or(0, |last| last + 1);
    let mut line = String::from_utf8_lossy(&datagram[..end]).replace('\n', "\\n").replace('\0', "\\0").into_bytes();
    line.push(b'\n');
    line
}
