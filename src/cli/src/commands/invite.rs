//! `twofactor invite`: a code by which somebody sets up an app at their first login.

use std::path::Path;

use serde::Serialize;
use twofactor_core::policy::Unenrolled;
use zeroize::Zeroizing;

use super::bypass::lifetime_seconds;
use super::status::point_in_time;
use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(user: &str, lifetime: &str, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let lifetime = lifetime_seconds(lifetime, LIFETIME_MAX_DAYS)?;
    let office = Office::open(config)?;
    let account = account(user)?;
    let user = account.name.as_str();
    let invitation = office.registrar().invite(&account, lifetime).map_err(|error| Failure::about(user, &error))?;
    let until = point_in_time(invitation.until);
    let mut text = Zeroizing::new(String::with_capacity(256));
    text.push_str(&format!("Invitation for {user}, good once until {until}:\n\n    "));
    text.push_str(&invitation.code);
    text.push_str(
        "\n\nGive it to them. At their first login they type it in the place of a code, and set up an app.\n",
    );
    let value = Invited { user, code: &invitation.code, expires: invitation.until.0 };
    let shown = output.answer(&text, &value);
    shown.map_err(|failure| failure.unseen(format!("issue another, which voids it: twofactor invite {user}")))?;
    let policy = &office.config.policy;
    let mut terms = policy.rules.iter().map(|rule| &rule.terms).chain([&policy.otherwise]);
    if terms.all(|terms| terms.unenrolled == Unenrolled::Deny) {
        output.note("No login takes it yet: [policy] in config.toml needs unenrolled = \"invite\" or \"enroll\".");
    }
    Ok(())
}

#[derive(Serialize)]
struct Invited<'a> {
    user: &'a str,
    code: &'a str,
    /// Unix time.
    expires: u64,
}

const LIFETIME_MAX_DAYS: u64 = 30;
