//! A person at a terminal: reads until something is there, types an answer.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A pseudo-terminal of a sandbox and the program that runs at it, as leader of its own session.
pub struct Terminal {
    screen: File,
    program: Child,
    shown: Vec<u8>,
    /// How much of it has been expected already.
    seen: usize,
}

impl Terminal {
    /// Opens the other end of a fresh /dev/pts/ptmx, 24 lines of 80, and starts a command at it. The command must make it
    /// its controlling terminal, setsid(1) `--ctty`.
    pub(crate) fn start(ptmx: File, mut command: Command) -> Terminal {
        let unlocked: libc::c_int = 0;
        // SAFETY: TIOCSPTLCK reads one int, ioctl_tty(2).
        assert_eq!(unsafe { libc::ioctl(ptmx.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) }, 0, "unlockpt");
        // SAFETY: TIOCGPTPEER takes open flags and returns a new descriptor, ioctl_tty(2). By it the terminal keeps its name
        // in the sandbox, where a path from outside would not.
        let peer = unsafe {
            libc::ioctl(ptmx.as_raw_fd(), libc::TIOCGPTPEER, libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC)
        };
        assert!(peer >= 0, "the terminal's other end: {}", std::io::Error::last_os_error());
        // SAFETY: the kernel just made this descriptor for us alone.
        let peer = unsafe { OwnedFd::from_raw_fd(peer) };
        let clone = || Stdio::from(peer.try_clone().expect("a descriptor"));
        command.stdin(clone()).stdout(clone()).stderr(clone());
        let terminal = |program| Terminal { screen: ptmx, program, shown: Vec::new(), seen: 0 };
        let terminal = terminal(command.spawn().expect("nsenter(1) starts"));
        terminal.resize(24, 80);
        terminal
    }

    /// Gives the terminal another size.
    pub fn resize(&self, lines: u16, columns: u16) {
        let size = libc::winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: TIOCSWINSZ reads one winsize, ioctl_tty(2).
        assert_eq!(unsafe { libc::ioctl(self.screen.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }, 0);
    }

    /// Waits for a text that was not expected before, and returns everything shown up to its end.
    #[track_caller]
    pub fn expect(&mut self, text: &str, timeout: Duration) -> String {
        self.expect_any(&[text], timeout).1
    }

    /// Waits for the first of several texts; returns which one it was, and everything shown up to its end.
    #[track_caller]
    pub fn expect_any(&mut self, texts: &[&str], timeout: Duration) -> (usize, String) {
        let deadline = Instant::now() + timeout;
        loop {
            let fresh = &self.shown[self.seen..];
            let found = texts.iter().enumerate().filter_map(|(which, text)| Some((find(fresh, text)?, which)));
            if let Some((end, which)) = found.min() {
                let shown = String::from_utf8_lossy(&fresh[..end]).into_owned();
                self.seen += end;
                return (which, shown);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let more = self.look(left);
            if !more && (left.is_zero() || self.is_over()) && !self.look(Duration::ZERO) {
                panic!("{texts:?} not shown within {timeout:?}; the terminal:\n{}", self.transcript());
            }
        }
    }

    /// Types a line and the enter key.
    pub fn send_line(&mut self, line: &str) {
        self.send(format!("{line}\r").as_bytes());
    }

    /// Types bytes as they are; `b"\x04"` is Ctrl-D, `b"\x03"` Ctrl-C.
    pub fn send(&mut self, keys: &[u8]) {
        self.screen.write_all(keys).expect("the terminal takes keys");
    }

    /// Waits until the program has ended and everything it said was read.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.program.try_wait().expect("a child can be waited for") {
                while self.look(Duration::ZERO) {}
                return status;
            }
            self.look(Duration::from_millis(10));
            assert!(
                Instant::now() < deadline,
                "still running after {PATIENCE:?}; the terminal:\n{}",
                self.transcript()
            );
        }
    }

    /// Everything shown so far, echoes included.
    pub fn transcript(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// Everything shown so far that was not yet expected.
    pub fn rest(&self) -> String {
        String::from_utf8_lossy(&self.shown[self.seen..]).into_owned()
    }

    fn is_over(&mut self) -> bool {
        matches!(self.program.try_wait(), Ok(Some(_)))
    }

    /// Reads what is there, waiting for it at most so long; false if nothing came.
    fn look(&mut self, timeout: Duration) -> bool {
        let mut poll = libc::pollfd { fd: self.screen.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // A program that ends or hangs up is noticed between two looks.
        let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX).min(100);
        // SAFETY: one valid pollfd, poll(2).
        if unsafe { libc::poll(&raw mut poll, 1, milliseconds) } <= 0 {
            return false;
        }
        let mut bytes = [0; 4096];
        match self.screen.read(&mut bytes) {
            Ok(read) if read > 0 => {
                self.shown.extend_from_slice(&bytes[..read]);
                true
            }
            // EIO: nobody has the other end open. login(1) opens it again after vhangup(2), so it is no end.
            _ => {
                thread::sleep(timeout.min(Duration::from_millis(2)));
                false
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Where the first occurrence of a text ends.
fn find(shown: &[u8], text: &str) -> Option<usize> {
    let start = shown.windows(text.len()).position(|window| window == text.as_bytes())?;
    Some(start + text.len())
}

const PATIENCE: Duration = Duration::from_secs(60);
