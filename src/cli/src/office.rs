//! What every command needs: the settings, the records, the time, and who somebody is.

use std::path::Path;

use twofactor_core::account::Account;
use twofactor_core::clock;
use twofactor_core::config::Config;
use twofactor_core::registrar::Registrar;
use twofactor_core::store::{Files, Roots};
use twofactor_core::sys::{self, Accounts, Kernel, Passwd};

use crate::failure::Failure;

/// The place of work of one command.
pub(crate) struct Office {
    pub(crate) config: Config,
    files: Files<'static>,
}

impl Office {
    /// Opens for somebody who may read the records.
    pub(crate) fn open(config: Option<&Path>) -> Result<Self, Failure> {
        let config = Config::load(config)?;
        if !sys::running_as_root() {
            return Err(Failure::new("only root can read and change second factors", as_root()));
        }
        let files = Files::new(Roots::default(), config.window, &clock::System);
        Ok(Self { config, files })
    }

    pub(crate) fn registrar(&self) -> Registrar<'_> {
        Registrar::new(&self.files, &Kernel)
    }

    pub(crate) fn files(&self) -> &Files<'static> {
        &self.files
    }
}

/// The same command for root, to be pasted.
fn as_root() -> String {
    let plain = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=:@,".contains(&b));
    let words = std::env::args_os()
        .filter_map(|word| word.into_string().ok())
        .skip(1)
        .map(|word| if plain(&word) { word } else { format!("{word:?}") });
    format!("run it as root: sudo twofactor {}", words.collect::<Vec<_>>().join(" "))
}

/// Who is meant.
pub(crate) fn account(user: &str) -> Result<Account, Failure> {
    let found = Passwd.find(user)?;
    found.ok_or_else(|| {
        // No name is that long; what was meant can be seen from its beginning.
        let beginning: String = user.chars().take(NAME_SHOWN_CHARACTERS).collect();
        Failure::new(format!("there is no user {beginning:?}"), "see who there is: getent passwd")
    })
}

/// Who is meant. Whoever runs this is root and most often means somebody else, so nobody is assumed.
pub(crate) fn account_named(user: Option<&str>) -> Result<Account, Failure> {
    let user = user.ok_or_else(|| Failure::misused("it is not said whose second factor is meant", "name the user"))?;
    account(user)
}

const NAME_SHOWN_CHARACTERS: usize = 64;
