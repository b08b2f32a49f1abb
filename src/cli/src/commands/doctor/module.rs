//! A line of ours by itself: whether libpam finds our module where it points, and whether the module takes its words.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::pam::stack::{Action, Line, OURS};

/// The words after the module, as it reads them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words<'l> {
    /// The settings that are named in place of the usual ones.
    pub(super) config: Option<&'l str>,
    /// The places of those that it does not take: it denies then.
    refused: Vec<usize>,
}

impl<'l> Words<'l> {
    pub(super) fn of(line: &'l Line) -> Self {
        let mut words = Self::default();
        for (place, word) in line.arguments.iter().map(String::as_str).enumerate() {
            match word.split_once('=') {
                Some(("config", path)) if path.starts_with('/') && words.config.is_none() => words.config = Some(path),
                None if TAKEN.contains(&word) => {}
                _ => words.refused.push(place),
            }
        }
        words
    }

    /// What is wrong with the words, if the module refuses them.
    fn finding(&self, line: &Line) -> Option<Finding> {
        let first = line.arguments.get(*self.refused.first()?)?;
        let place = line.place();
        let message = format!("{place} has the word {first:?}, which our module does not know: it refuses everybody");
        let hint = format!("write {place} so: {}", mended(line).written());
        Some(Finding::fail("stack-arguments", message, hint))
    }
}

/// A line of ours without the words that the module refuses.
pub(super) fn mended(line: &Line) -> Line {
    let refused = Words::of(line).refused;
    let taken = line.arguments.iter().enumerate().filter(|(place, _)| !refused.contains(place));
    Line { arguments: taken.map(|(_, word)| word.clone()).collect(), ..line.clone() }
}

/// Where libpam looks for modules.
pub(super) struct Modules {
    /// `None` if it cannot be told.
    home: Option<PathBuf>,
    /// What this machine runs.
    machine: Option<Machine>,
}

/// Why a line of ours lets nobody in, whatever the settings say.
pub(in crate::commands) fn why_nobody(line: &Line) -> Option<String> {
    Modules::of_this_system().trouble(line).map(|(_, finding)| finding.message.in_full())
}

impl Modules {
    pub(super) fn of_this_system() -> Self {
        let machine = Machine::of(Path::new("/proc/self/exe"));
        let is_home = |directory: &PathBuf| {
            let known = ["pam_unix.so", "pam_permit.so", "pam_deny.so"];
            known.iter().any(|module| machine.is_some() && Machine::of(&directory.join(module)) == machine)
        };
        Self { home: candidates().into_iter().find(is_home), machine }
    }

    /// What is wrong with one line of ours by itself.
    pub(super) fn look(&self, line: &Line) -> Vec<Finding> {
        self.module(line).into_iter().chain(Words::of(line).finding(line)).collect()
    }

    /// Why a line of ours lets nobody in, and what libpam hears then.
    pub(super) fn trouble(&self, line: &Line) -> Option<(&'static str, Finding)> {
        let missing = self.module(line).filter(|finding| finding.check == MISSING);
        let unknown = missing.map(|finding| ("module_unknown", finding));
        unknown.or_else(|| Words::of(line).finding(line).map(|finding| (MISCONFIGURED, finding)))
    }

    fn module(&self, line: &Line) -> Option<Finding> {
        // libpam puts something in the place of $ISA that only it knows.
        if line.path.contains("$ISA") {
            return None;
        }
        let home = self.home.as_ref()?;
        // Debian's libpam looks there as well.
        let older = Path::new("/lib/security").join(&line.path);
        let file = Some(home.join(&line.path)).filter(|file| file.exists() || !older.exists()).unwrap_or(older);
        let (place, shown) = (line.place(), file.display());
        let Ok(status) = fs::metadata(&file) else {
            let message = format!("{place} names {shown}, which is not there: {}", uncalled(line));
            return Some(Finding::fail(MISSING, message, self.elsewhere(line)));
        };
        if self.machine.is_some() && Machine::of(&file) != self.machine {
            let message = format!("{place} names {shown}, which is no module for this machine: {}", uncalled(line));
            return Some(Finding::fail(MISSING, message, self.elsewhere(line)));
        }
        if status.uid() != 0 {
            let message = format!("{shown} belongs to uid {}, who can be root with it", status.uid());
            return Some(Finding::fail("module-owner", message, format!("chown root: {shown}")));
        }
        if status.permissions().mode() & 0o022 != 0 {
            let message = format!("{shown} can be changed by others, who can be root with it");
            return Some(Finding::fail("module-mode", message, format!("chmod go-w {shown}")));
        }
        None
    }

    /// What to write where the module is not.
    fn elsewhere(&self, line: &Line) -> String {
        let own = self.home.as_ref().map(|home| home.join(OURS)).filter(|own| Machine::of(own) == self.machine);
        if own.is_some() && line.path != OURS {
            let mended = Line { path: OURS.to_owned(), ..mended(line) };
            return format!("write {} so: {}", line.place(), mended.written());
        }
        "install it again: packaging/install.sh".to_owned()
    }
}

/// What comes of a module that libpam cannot load.
fn uncalled(line: &Line) -> &'static str {
    match line.control.on("module_unknown") {
        Action::Bad | Action::Die => "everybody is refused there",
        _ => "nobody is asked for a code there",
    }
}

/// For what kind of machine a file is, elf(5): its word size, byte order and processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Machine([u8; 4]);

impl Machine {
    fn of(path: &Path) -> Option<Self> {
        if !fs::metadata(path).ok()?.is_file() {
            return None;
        }
        let mut header = [0; 20];
        File::open(path).ok()?.read_exact(&mut header).ok()?;
        match header {
            [0x7f, b'E', b'L', b'F', class, order, .., low, high] => Some(Self([class, order, low, high])),
            _ => None,
        }
    }
}

/// The directories in which distributions keep modules.
fn candidates() -> Vec<PathBuf> {
    let libraries = ["/usr/lib", "/lib"];
    let triples = libraries.iter().flat_map(|library| {
        let entries = fs::read_dir(library).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains("-linux-"))
    });
    let plain = ["/usr/lib64", "/lib64", "/usr/lib", "/lib"].map(PathBuf::from);
    let mut found: Vec<_> = triples.chain(plain).map(|library| library.join("security")).collect();
    found.retain(|directory| directory.is_dir());
    found
}

/// What libpam hears of a module of ours that cannot be sure of its settings.
pub(super) const MISCONFIGURED: &str = "system_err";
const MISSING: &str = "module";
/// The words that stand by themselves.
const TAKEN: [&str; 5] = ["debug", "nodelay", "try_first_pass", "use_first_pass", "forward_pass"];
