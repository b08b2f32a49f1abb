//! The home directories of everybody whom the user database lists.

use std::path::{Path, PathBuf};

use twofactor_core::account::Account;

use crate::commands::report::each_entry;
use crate::failure::Failure;
use crate::roll::Roll;

/// Somebody's home directory, and what a login would start.
pub(super) struct Home {
    pub(super) account: Account,
    pub(super) path: PathBuf,
    pub(super) shell: String,
}

/// Everybody with a home directory, in the order of the database.
pub(super) fn all() -> Result<Vec<Home>, Failure> {
    let mut listed = Vec::new();
    each_entry("passwd", |fields| {
        // `name:password:uid:gid:gecos:home:shell`.
        if let [name, _, _, _, _, home, shell] = fields
            && Path::new(home).is_absolute()
        {
            listed.push(((*name).to_owned(), PathBuf::from(home), (*shell).to_owned()));
        }
    })?;
    let roll = Roll::read();
    let mut homes: Vec<Home> = Vec::with_capacity(listed.len());
    for (name, path, shell) in listed {
        // As a login would find them, and each once.
        if let Some(account) = roll.find(&name)?
            && homes.last().is_none_or(|last| last.account != account)
        {
            homes.push(Home { account, path, shell });
        }
    }
    Ok(homes)
}
