//! The home directories of everybody whom the user database lists.

use std::path::{Path, PathBuf};

use twofactor_core::account::Account;

use crate::commands::report::each_entry;
use crate::failure::Failure;
use crate::roll::Roll;

/// Everybody with a home directory, in the order of the database.
pub(super) fn all() -> Result<Vec<(Account, PathBuf)>, Failure> {
    let mut listed = Vec::new();
    each_entry("passwd", |fields| {
        // `name:password:uid:gid:gecos:home:shell`.
        if let [name, _, _, _, _, home, _] = fields
            && Path::new(home).is_absolute()
        {
            listed.push(((*name).to_owned(), PathBuf::from(home)));
        }
    })?;
    let roll = Roll::read();
    let mut homes: Vec<(Account, PathBuf)> = Vec::with_capacity(listed.len());
    for (name, home) in listed {
        // As a login would find them, and each once.
        if let Some(account) = roll.find(&name)?
            && homes.last().is_none_or(|(last, _)| *last != account)
        {
            homes.push((account, home));
        }
    }
    Ok(homes)
}
