//! What the kernel says about a process of a sandbox.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use crate::Sandbox;

impl Sandbox {
    /// The processes that run a program, by the last part of its path; in the order of their numbers.
    pub fn processes(&self, program: &str) -> Vec<Process> {
        let mut processes = self.every_process();
        processes.retain(|process| process.program().is_some_and(|path| path.ends_with(program)));
        processes
    }

    /// Every process.
    pub fn every_process(&self) -> Vec<Process> {
        let entries = fs::read_dir(self.path("/proc")).expect("the sandbox has a /proc");
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let mut processes: Vec<_> =
            numbers.map(|pid: u32| Process { pid, folder: self.path(&format!("/proc/{pid}")) }).collect();
        processes.sort_by_key(|process| process.pid);
        processes
    }
}

/// A process, dead or alive. Only root may look at much of this.
#[derive(Clone, Debug)]
pub struct Process {
    /// As the sandbox numbers it.
    pub pid: u32,
    folder: PathBuf,
}

impl Process {
    /// What it runs; nothing if it is dead.
    pub fn program(&self) -> Option<PathBuf> {
        fs::read_link(self.folder.join("exe")).ok()
    }

    /// A line of /proc/PID/status, without its name.
    #[track_caller]
    pub fn status(&self, name: &str) -> String {
        self.status_if_any(name).unwrap_or_else(|| panic!("{} is gone, or has no {name}", self.pid))
    }

    /// The same of a process that may be gone.
    pub fn status_if_any(&self, name: &str) -> Option<String> {
        let status = fs::read_to_string(self.folder.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(line.trim().to_owned())
    }

    /// Number and target of each open descriptor.
    pub fn open_files(&self) -> Vec<(u32, String)> {
        let entries = fs::read_dir(self.folder.join("fd")).expect("a living process");
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let target = fs::read_link(&path).ok()?.to_string_lossy().into_owned();
                Some((path.file_name()?.to_str()?.parse().ok()?, target))
            })
            .collect();
        files.sort();
        files
    }

    /// The soft and the hard limit of a line of /proc/PID/limits, such as `Max core file size`.
    #[track_caller]
    pub fn limit(&self, name: &str) -> (String, String) {
        let limits = self.text("limits");
        let line = limits.lines().find_map(|line| line.strip_prefix(name));
        let mut words = line.unwrap_or_else(|| panic!("no {name} in {limits}")).split_whitespace();
        let mut next = || words.next().expect("two limits").to_owned();
        (next(), next())
    }

    /// The variables that it was started with.
    pub fn environment(&self) -> String {
        self.text("environ")
    }

    /// The words that it was started with, joined by blanks.
    pub fn command_line(&self) -> String {
        self.text("cmdline").replace('\0', " ").trim().to_owned()
    }

    /// Where it is.
    pub fn working_directory(&self) -> String {
        let path = fs::read_link(self.folder.join("cwd")).expect("a living process");
        path.to_string_lossy().into_owned()
    }

    /// Whether its memory belongs to its user, who may then look into it or have it dumped (proc(5), prctl(2)).
    pub fn is_dumpable(&self) -> bool {
        fs::metadata(self.folder.join("mem")).expect("a living process").uid() != 0
    }

    fn text(&self, name: &str) -> String {
        let bytes = fs::read(self.folder.join(name)).unwrap_or_else(|error| panic!("{name} of {}: {error}", self.pid));
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
