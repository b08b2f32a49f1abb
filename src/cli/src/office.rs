//! What every command needs: the settings, the records, the time, and who somebody is.

use std::path::Path;

use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock, UnixTime};
use twofactor_core::config::Config;
use twofactor_core::registrar::Registrar;
use twofactor_core::store::{Files, Roots};
use twofactor_core::sys::{self, Accounts, Kernel, Passwd};

use crate::failure::Failure;

/// The place of work of one command.
pub(crate) struct Office {
    pub(crate) config: Config,
    pub(crate) now: UnixTime,
    files: Files,
}

impl Office {
    /// Opens for somebody who may read the records.
    pub(crate) fn open(config: Option<&Path>) -> Result<Self, Failure> {
        let config = Config::load(config)?;
        if !sys::running_as_root() {
            return Err(Failure::new(
                "only root can read and change second factors",
                "run it as root: sudo twofactor …",
            ));
        }
        let files = Files::new(Roots::default(), config.window);
        Ok(Self { config, now: clock::System.now()?, files })
    }

    pub(crate) fn registrar(&self) -> Registrar<'_> {
        Registrar::new(&self.files, &Kernel, self.now)
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }
}

/// Who is meant.
pub(crate) fn account(user: &str) -> Result<Account, Failure> {
    let found = Passwd.find(user)?;
    found.ok_or_else(|| Failure::new(format!("there is no user {user:?}"), "see who there is: getent passwd"))
}

/// Who is meant, or who runs this.
pub(crate) fn account_or_own(user: Option<&str>) -> Result<Account, Failure> {
    match user {
        Some(user) => account(user),
        None => Passwd.own()?.ok_or_else(|| Failure::misused("you have no user name", "say whom: twofactor … USER")),
    }
}
