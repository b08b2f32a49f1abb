//! The settings that logins go by: those of this host, and those that a line of ours names in their place (`config=`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use twofactor_core::config::Config;
use twofactor_core::sys::LookUpError;

use super::finding::{Finding, Message};
use super::lines::Lines;
use super::module::Words;
use super::scene::unable;
use super::wiring::Wiring;
use crate::failure::Failure;
use crate::pam::stack::{Line, Stack};

/// Every file of them that is used.
pub(super) struct Settings {
    /// What holds where a line names nothing, if it can be read.
    usual: Result<Config, Failure>,
    /// Where that is written, if anywhere.
    path: PathBuf,
    named: BTreeMap<PathBuf, Result<Config, Failure>>,
}

impl Settings {
    pub(super) fn read(usual: Option<&Path>, wiring: &Wiring) -> Self {
        let load = |path: Option<&Path>| Config::load(path).map_err(Failure::from);
        let named = wiring.our_lines().filter_map(|line| Words::of(line).config.map(PathBuf::from));
        let named = named.map(|path| (path.clone(), load(Some(&path)))).collect();
        Self { usual: load(usual), path: usual.unwrap_or(Path::new(CONFIG)).to_owned(), named }
    }

    /// What holds where a line names nothing; `None` if it cannot be read.
    pub(super) fn usual(&self) -> Option<&Config> {
        self.usual.as_ref().ok()
    }

    /// What a line of ours goes by; without it, the module lets nobody in.
    pub(super) fn of(&self, line: &Line) -> Result<&Config, &Failure> {
        let named = Words::of(line).config.and_then(|path| self.named.get(Path::new(path)));
        named.unwrap_or(&self.usual).as_ref()
    }

    /// What a stack goes by, which has a line of ours.
    pub(super) fn of_stack(&self, stack: &Stack) -> Option<&Config> {
        let ours = stack.ours().next().and_then(|place| stack.lines.get(place));
        ours.and_then(|line| self.of(line).ok())
    }

    /// What cannot be read.
    pub(super) fn look(&self) -> Vec<Finding> {
        let broken = [&self.usual].into_iter().chain(self.named.values()).filter_map(|read| read.as_ref().err());
        let mut findings: Vec<Finding> = Vec::new();
        for failure in broken {
            let finding = Finding::fail("config", failure.what.as_str(), failure.hint.as_str());
            if findings.iter().all(|known| known.message != finding.message) {
                findings.push(finding);
            }
        }
        if findings.is_empty() {
            findings.push(Finding::ok("config", "the settings can be read"));
        }
        findings
    }

    /// What a check says of each of them.
    pub(super) fn each(
        &self,
        look: impl Fn(&Config, &Lines) -> Result<Vec<Finding>, LookUpError>,
        check: &'static str,
    ) -> Vec<Finding> {
        let found = |config, path: &Path| {
            look(config, &Lines::of(path)).unwrap_or_else(|error| vec![unable(check, error.into())])
        };
        let mut findings: Vec<_> = self.usual().into_iter().flat_map(|config| found(config, &self.path)).collect();
        for (path, config) in &self.named {
            let Ok(config) = config else { continue };
            if self.usual() == Some(config) {
                continue;
            }
            for mut finding in found(config, path) {
                let Message { after, .. } = &mut finding.message;
                after.push_str(&format!(" ({})", path.display()));
                findings.push(finding);
            }
        }
        findings
    }
}

/// The usual settings.
const CONFIG: &str = "/etc/twofactor/config.toml";
