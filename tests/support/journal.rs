//! What the processes of a sandbox say to syslog.
//!
//! The sandbox's first process listens at /dev/log and appends every datagram as one line to /run/journal.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The system log of one sandbox, from the moment it was asked for.
#[derive(Clone, Debug)]
pub struct Journal {
    root: PathBuf,
    start: usize,
}

impl Journal {
    pub(crate) fn of(root: PathBuf) -> Journal {
        Journal { root, start: 0 }
    }

    /// The same journal without what has been logged so far.
    pub fn from_here(&self) -> Journal {
        Journal { root: self.root.clone(), start: self.start + self.lines().len() }
    }

    /// Every line that was sent before this call, as `<priority>time ident[pid]: text`. None is still on its way: a mark of
    /// our own is sent after them and waited for.
    pub fn lines(&self) -> Vec<String> {
        static MARKS: AtomicU64 = AtomicU64::new(0);
        let mark = format!("{MARK}{}-{}", std::process::id(), MARKS.fetch_add(1, Ordering::Relaxed));
        let log = UnixDatagram::unbound().expect("a socket");
        log.send_to(mark.as_bytes(), self.root.join("dev/log")).expect("the sandbox listens at /dev/log");
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let journal = self.written();
            if journal.contains(&mark) {
                let before = journal.lines().take_while(|line| *line != mark);
                return before.filter(|line| !line.starts_with(MARK)).skip(self.start).map(str::to_owned).collect();
            }
            assert!(Instant::now() < deadline, "the sandbox's journal stands still");
            thread::sleep(LOOK_AGAIN);
        }
    }

    /// The lines that contain a text.
    pub fn lines_with(&self, text: &str) -> Vec<String> {
        self.lines().into_iter().filter(|line| line.contains(text)).collect()
    }

    /// The first line that satisfies a predicate, as soon as it is there.
    pub fn wait_for(&self, predicate: impl Fn(&str) -> bool, timeout: Duration) -> String {
        let deadline = Instant::now() + timeout;
        loop {
            let lines = self.lines();
            if let Some(line) = lines.iter().find(|line| predicate(line)) {
                return line.clone();
            }
            assert!(Instant::now() < deadline, "not logged within {timeout:?}; what was:\n{}", lines.join("\n"));
            thread::sleep(LOOK_AGAIN);
        }
    }

    fn written(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.root.join("run/journal")).unwrap_or_default()).into_owned()
    }
}

/// How a line of our own begins.
const MARK: &str = "mark of the test ";
const LOOK_AGAIN: Duration = Duration::from_millis(2);
