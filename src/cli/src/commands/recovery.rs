//! `twofactor recovery`: new recovery codes.

use std::path::Path;

use serde::Serialize;
use twofactor_core::factor::Method;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(user: &str, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    if !office.config.methods.contains(&Method::Recovery) {
        return Err(Failure::new(
            "the configuration does not allow recovery codes",
            "add \"recovery\" to methods in config.toml",
        ));
    }
    let account = account(user)?;
    let codes = office.registrar().issue_recovery(&account).map_err(|error| Failure::about(user, &error))?;
    let value =
        Issued { user: account.name.as_str(), recovery_codes: codes.iter().map(|code| code.as_str()).collect() };
    let shown = output.answer(&sheet(&codes), &value);
    shown.map_err(|failure| failure.unseen(format!("issue them again: twofactor recovery {user}")))
}

/// The codes as they are shown, once.
pub(super) fn sheet(codes: &[Zeroizing<String>]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(1024));
    text.push_str("Recovery codes. Each works once, in the place of a code. Keep them where the phone is not;\n");
    text.push_str("they are not shown again:\n\n");
    for pair in codes.chunks(2) {
        let line = pair.iter().map(|code| code.as_str()).collect::<Vec<_>>();
        text.push_str("    ");
        text.push_str(&Zeroizing::new(line.join("    ")));
        text.push('\n');
    }
    text
}

#[derive(Serialize)]
struct Issued<'a> {
    user: &'a str,
    recovery_codes: Vec<&'a str>,
}
