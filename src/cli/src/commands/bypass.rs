//! `twofactor bypass`: a code that lets somebody in once who has lost every method.

use std::path::Path;

use serde::Serialize;
use twofactor_core::config::Seconds;
use zeroize::Zeroizing;

use super::status::point_in_time;
use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(user: &str, lifetime: &str, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let lifetime = lifetime_seconds(lifetime, LIFETIME_MAX_DAYS)?;
    let office = Office::open(config)?;
    let account = account(user)?;
    let issued = office.registrar().issue_bypass(&account, lifetime);
    let bypass = issued.map_err(|error| Failure::about(account.name.as_str(), &error))?;
    let user = account.name.as_str();
    let until = point_in_time(bypass.until);
    let mut text = Zeroizing::new(String::with_capacity(256));
    text.push_str(&format!("Bypass code for {user}, good once until {until}:\n\n    "));
    text.push_str(&bypass.code);
    text.push_str("\n\nRead it to them once you are sure who they are; it is typed in the place of a code.\n");
    let value = Issued { user, code: &bypass.code, expires: bypass.until.0 };
    let shown = output.answer(&text, &value);
    shown.map_err(|failure| failure.unseen(format!("issue another, which voids it: twofactor bypass {user}")))
}

/// How long a code is good that is issued now: a minute at least.
pub(super) fn lifetime_seconds(text: &str, max_days: u64) -> Result<u64, Failure> {
    let read = Seconds::try_from(text.to_owned()).ok().map(|Seconds(seconds)| seconds);
    let good = read.filter(|seconds| (LIFETIME_MIN_SECONDS..=max_days * DAY_SECONDS).contains(seconds));
    let misused =
        || Failure::misused(format!("--lifetime is 1 minute to {max_days} days"), "write it as 30m, 1h or 2d");
    good.ok_or_else(misused)
}

#[derive(Serialize)]
struct Issued<'a> {
    user: &'a str,
    code: &'a str,
    /// Unix time.
    expires: u64,
}

const LIFETIME_MIN_SECONDS: u64 = 60;
const LIFETIME_MAX_DAYS: u64 = 7;
const DAY_SECONDS: u64 = 86_400;
