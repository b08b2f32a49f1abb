//! What somebody without root is told of themselves: what this host asks of them. That only root can read what they
//! have is said, never guessed.

use std::path::Path;

use nix::unistd::{User, getuid};
use serde::Serialize;
use serde_json::Value;
use twofactor_core::account::Account;
use twofactor_core::config::Config;
use twofactor_core::sys::{Accounts, LookUpError, Passwd, running_as_root};

use super::asked::{self, Service};
use crate::failure::Failure;
use crate::output::Output;

/// The account of whoever runs this, if it is the one that is meant and they are not root. The kernel says who they
/// are, the environment does not.
pub(super) fn account(user: Option<&str>) -> Result<Option<Account>, Failure> {
    if running_as_root() {
        return Ok(None);
    }
    let uid = getuid();
    if let Some(name) = user {
        return Ok(Passwd.find(name)?.filter(|account| account.uid == uid.as_raw()));
    }
    let found = match User::from_uid(uid).map_err(LookUpError::from)? {
        Some(user) => Passwd.find(&user.name)?,
        None => None,
    };
    let nobody = || Failure::new(format!("no user has your uid {uid}"), "see who there is: getent passwd");
    found.ok_or_else(nobody).map(Some)
}

/// Says what can be told.
pub(super) fn run(account: &Account, config: Option<&Path>, output: &Output) -> Result<(), Failure> {
    let user = account.name.as_str();
    if config.is_some() {
        // Who names settings wants those and is told if there are none.
        Config::load(config)?;
    }
    let services = asked::services(account, config)?;
    let unseen = UNSEEN.iter().copied().chain(services.is_none().then_some("services"));
    let report = Report { user, unknown: unseen.collect(), command: format!("sudo twofactor status {user}"), services };
    output.answer(&report.text(), &report.value())
}

#[derive(Serialize)]
struct Report<'a> {
    user: &'a str,
    /// The keys whose null means that it is not known.
    unknown: Vec<&'static str>,
    /// What tells them.
    command: String,
    /// `None` if it cannot be told which there are.
    services: Option<Vec<Service>>,
}

impl Report<'_> {
    fn value(&self) -> Value {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        if let Value::Object(keys) = &mut value {
            keys.extend(UNSEEN.map(|key| (key.to_owned(), Value::Null)));
        }
        value
    }

    fn text(&self) -> String {
        let Self { user, command, services, .. } = self;
        let asked = match services {
            Some(services) => asked::text(services),
            None => "Which services ask for a second factor cannot be told: /etc/pam.d cannot be read.\n".to_owned(),
        };
        format!(
            "You are {user}. This much can be told without root:\n\n{asked}\n\
             Whether you are enrolled, how many recovery codes you have left and whether\n\
             you are locked out is kept where only root reads it. An administrator can\n\
             look, and so can you if you may use sudo:\n\n    {command}\n"
        )
    }
}

/// What [`super::Report`] says, and only root can read.
const UNSEEN: [&str; 11] = [
    "enrolled",
    "language",
    "methods",
    "recovery_codes_left",
    "failures",
    "locked",
    "wait_seconds",
    "last_success",
    "bypass_until",
    "invited_until",
    "state_missing",
];
