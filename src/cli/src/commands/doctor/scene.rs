//! What the checks look at, read once. What cannot be read is a finding, and keeps no check from its work that can do
//! without.

use std::path::Path;

use twofactor_core::account::UserName;

use super::finding::Finding;
use super::settings::Settings;
use super::sshd_config::Written;
use super::wiring::Wiring;
use super::{clock, files, people, rules, selinux, sender, sshd};
use crate::commands::report::people::People;
use crate::failure::Failure;
use crate::office::Office;

/// One host.
pub(super) struct Scene {
    pub(super) wiring: Wiring,
    pub(super) settings: Settings,
    /// For the records, which are read without any setting.
    pub(super) office: Office,
    /// Who is, as far as the records can be read.
    pub(super) enrolled: Vec<UserName>,
    /// Who there is, as far as the user database can be read.
    pub(super) people: People,
    /// What sshd is set up by.
    pub(super) sshd: Written,
    /// What could not be read.
    unread: Vec<Finding>,
}

impl Scene {
    pub(super) fn of_this_system(config: Option<&Path>) -> Result<Self, Failure> {
        let wiring = Wiring::of_this_system();
        let settings = Settings::read(config, &wiring);
        let office = Office::of(settings.usual().cloned().unwrap_or_default())?;
        // What is wrong with the records is said where they are looked at.
        let enrolled = office.registrar().enrolled().unwrap_or_default();
        let sshd = Written::of_this_system();
        let (mut people, unread) = match People::gathered(&enrolled) {
            Ok(people) => (people, Vec::new()),
            Err(failure) => (People::default(), vec![unable("people", failure)]),
        };
        // A directory that lists nobody knows of those who are named.
        people.meet(sshd.named("user"), sshd.named("group"));
        Ok(Self { wiring, settings, office, enrolled, people, sshd, unread })
    }

    /// What is wrong, from the door to the last room.
    pub(super) fn look(&self) -> Vec<Finding> {
        let mut findings = self.settings.look();
        findings.extend(self.wiring.look(&self.settings));
        findings.extend(sshd::look(self));
        if self.unread.is_empty() {
            findings.extend(people::look(self).unwrap_or_else(|failure| vec![unable("people", failure)]));
        }
        findings.extend(self.unread.iter().cloned());
        findings.extend(self.settings.each(|config, lines| rules::look(&config.policy, lines), "policy"));
        findings.extend(files::look(self));
        findings.extend(selinux::look());
        findings.extend(self.settings.each(sender::look, "sender"));
        findings.extend(clock::look());
        findings
    }

    /// Whether the user database could be read.
    pub(super) fn knows_who_there_is(&self) -> bool {
        self.unread.is_empty()
    }
}

/// A check that cannot do its work.
pub(super) fn unable(check: &'static str, failure: Failure) -> Finding {
    Finding::fail(check, failure.what, failure.hint)
}
