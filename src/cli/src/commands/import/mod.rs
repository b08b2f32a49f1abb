//! `twofactor import`: people move over from another module with the devices that they have.
//!
//! Each format is a file that reads bytes into [`device::Device`]s and does nothing else; [`enrol`] saves them. Sources
//! are read and left as they are.

mod arguments;
mod device;
mod enrol;
#[cfg(fuzzing)]
pub mod fuzzed;
mod google;
mod homes;
mod migration;
mod oath;
mod otpauth;
mod passlib;
mod proof;
mod protobuf;
mod source;
mod summary;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use arguments::Import;

use std::collections::BTreeMap;
use std::path::Path;

use twofactor_core::account::Account;

use crate::failure::Failure;
use crate::office::{Office, account, account_named, no_such_user};
use crate::output::{Output, counted};
use crate::roll::Roll;
use arguments::{Chosen, How};
use device::{Device, Mistake, Used};
use enrol::Desk;
use homes::Home;
use summary::Summary;

/// Runs the command.
pub(crate) fn run(import: &Import, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let how = match import {
        Import::Google { how, .. } | Import::Oath { how, .. } | Import::Otpauth { how, .. } => how,
        Import::Migration { how, .. } | Import::Passlib { how, .. } => how,
    };
    let desk = Desk { office: &office, how, output };
    if !how.dry_run && desk.issues_codes() {
        output.is_for_eyes("recovery codes", "use --json, or say --no-recovery")?;
    }
    match import {
        Import::Google { all: true, .. } => everybody(&desk),
        Import::Google { file, user, .. } => {
            let account = account_named(user.as_deref())?;
            let path = file.as_deref().unwrap_or(Path::new("-"));
            let content = source::named(path, FILE_MAX_BYTES)?;
            let device = google::read(&content).map_err(|mistake| unreadable(path, &mistake))?;
            one(&desk, &account, vec![device], Vec::new())
        }
        Import::Oath { file, user, .. } => users_of(&desk, file, user.as_deref()),
        Import::Otpauth { accounts, .. } => {
            let read = |content: &[u8]| {
                let lines = otpauth::read(content)?.into_iter();
                let name = |line, device: &Result<Device, _>| {
                    device.as_ref().map_or_else(|_| format!("line {line}"), |device| device.name.clone())
                };
                Ok(lines.map(|(line, device)| (name(line, &device), device)).collect())
            };
            chosen(&desk, accounts, read)
        }
        Import::Migration { accounts, .. } => {
            let read = |content: &[u8]| {
                let (accounts, missing) = migration::read(content)?;
                if missing > 0 {
                    let count = counted(usize::try_from(missing).unwrap_or(usize::MAX), "QR code");
                    output.note(&format!("{count} of the same export are missing here: what is on them stays behind."));
                }
                Ok(accounts.into_iter().map(|account| (account.name, account.device)).collect())
            };
            chosen(&desk, accounts, read)
        }
        Import::Passlib { file, user, secrets, trust, .. } => {
            sealed(&desk, file, user.as_deref(), secrets.as_deref(), *trust)
        }
    }
}

/// An account of an app: its name, or its place, and what was read.
type Entry = (String, Result<Device, Mistake>);

/// One user's devices, and what is wrong with those that cannot be taken over.
fn one(desk: &Desk<'_>, account: &Account, devices: Vec<Device>, wrong: Vec<Failure>) -> Result<(), Failure> {
    let user = account.name.as_str();
    let mut summary = Summary::begin(desk, 1);
    for failure in wrong {
        summary.fail(user, failure)?;
    }
    if !devices.is_empty() {
        summary.add(user, desk.take_over(account, devices))?;
    }
    summary.end()
}

/// Accounts of an app, of which those are meant that are named.
fn chosen(
    desk: &Desk<'_>,
    chosen: &Chosen,
    read: impl FnOnce(&[u8]) -> Result<Vec<Entry>, Mistake>,
) -> Result<(), Failure> {
    let account = account_named(chosen.user.as_deref())?;
    let content = source::named(&chosen.file, FILE_MAX_BYTES)?;
    let all = read(&content).map_err(|mistake| unreadable(&chosen.file, &mistake))?;
    let is_named = |name: &str| {
        let own = name.rsplit_once(':').map_or(name, |(_, own)| own.trim_start());
        chosen.account.iter().any(|wanted| wanted == name || wanted == own)
    };
    let (none_named, several) = (chosen.account.is_empty(), all.len() > 1);
    let names = || all.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if none_named && several {
        let what = format!("there are {} accounts in it, and not all of them may be meant for logins here", all.len());
        return Err(Failure::misused(what, format!("say --account NAME; there are {}", names())));
    }
    if !none_named && !all.iter().any(|(name, _)| is_named(name)) {
        return Err(Failure::misused("no account in it is called so", format!("there are {}", names())));
    }
    let (mut devices, mut wrong) = (Vec::new(), Vec::new());
    for (name, device) in all.into_iter().filter(|(name, _)| none_named || is_named(name)) {
        match device {
            Ok(device) => devices.push(device),
            Err(mistake) => wrong.push(Failure::new(format!("{name}: {mistake}"), anew(account.name.as_str()))),
        }
    }
    one(desk, &account, devices, wrong)
}

/// The lines of pam_oath's file, user by user in the order of their names.
fn users_of(desk: &Desk<'_>, path: &Path, only: Option<&str>) -> Result<(), Failure> {
    if let Some(user) = only {
        account(user)?;
    }
    let content = source::named(path, USERSFILE_MAX_BYTES)?;
    let lines = oath::read(&content).map_err(|mistake| unreadable(path, &mistake))?;
    let mut users: BTreeMap<String, Vec<oath::Line>> = BTreeMap::new();
    for line in lines.into_iter().filter(|line| only.is_none_or(|only| only == line.user)) {
        users.entry(line.user.clone()).or_default().push(line);
    }
    if users.is_empty() {
        let what = format!("{}: has nobody of that name", source::called(path));
        return Err(Failure::new(what, "leave --user out, and see with --dry-run who is in it"));
    }
    let roll = Roll::read();
    let mut summary = Summary::begin(desk, users.len());
    for (user, lines) in users {
        if !summary.goes_on() {
            break;
        }
        let mut devices = Vec::with_capacity(lines.len());
        for oath::Line { number, device, .. } in lines {
            match device {
                Ok(device) => devices.push(device),
                Err(mistake) => {
                    summary.fail(&user, Failure::new(format!("{user}: line {number}: {mistake}"), anew(&user)))?;
                }
            }
        }
        if !devices.is_empty() {
            let found = roll.find(&user).map_err(Failure::from);
            let account = found.and_then(|account| account.ok_or_else(|| no_such_user(&user)));
            let moved = account.and_then(|account| desk.take_over(&account, devices));
            summary.add(&user, moved)?;
        }
        summary.step();
    }
    summary.end()
}

/// Everybody's file, from their home directories.
fn everybody(desk: &Desk<'_>) -> Result<(), Failure> {
    let homes = homes::all()?;
    let mut summary = Summary::begin(desk, homes.len());
    for Home { account, path: home, shell } in homes {
        if !summary.goes_on() {
            break;
        }
        let user = account.name.as_str();
        let file = home.join(GOOGLES_NAME);
        let wrong = |why: &str| Failure::new(format!("{user}: {}: {why}", file.display()), anew(user));
        match source::at_home(&home, GOOGLES_NAME, &account, FILE_MAX_BYTES) {
            Ok(None) => {}
            Ok(Some((content, remark))) => {
                let device = google::read(&content).map_err(|mistake| wrong(&mistake.to_string()));
                let moved = device.and_then(|mut device| {
                    device.remarks.extend(remark);
                    desk.take_over_newcomer(&account, device, &shell)
                });
                match moved {
                    Ok(Ok(moved)) => summary.add(user, Ok(moved))?,
                    Ok(Err(why)) => summary.leave(user, format!("{}: {why}", file.display()))?,
                    Err(failure) => summary.fail(user, failure)?,
                }
            }
            Err(source::Trouble::Denied) => summary.fail(user, denied(user, &file))?,
            Err(source::Trouble::Other(why)) => summary.fail(user, wrong(&why))?,
        }
        summary.step();
    }
    summary.end()
}

/// passlib's device, proved unless it is known already or was never sealed.
fn sealed(
    desk: &Desk<'_>,
    path: &Path,
    user: Option<&str>,
    secrets: Option<&Path>,
    is_trusted: bool,
) -> Result<(), Failure> {
    let account = account_named(user)?;
    let content = source::named(path, FILE_MAX_BYTES)?;
    let secrets_path = secrets;
    let secrets = match secrets {
        Some(path) => {
            let content = source::named(path, FILE_MAX_BYTES)?;
            Some(passlib::Secrets::read(&content).map_err(|mistake| unreadable(path, &mistake))?)
        }
        None => None,
    };
    let (mut device, was_sealed) =
        passlib::read(&content, secrets.as_ref()).map_err(|mistake| unreadable(path, &mistake))?;
    if was_sealed && !is_trusted && !desk.how.dry_run && !desk.is_known(&account, &device)? {
        if [Some(path), secrets_path].into_iter().flatten().any(source::is_standard_input) {
            return Err(Failure::misused(
                "standard input is a file here, so nobody can be asked for a code of the device",
                "name the file; with --trust no code is asked for",
            ));
        }
        device.used = Used::UpTo(proof::ask(&device, desk.office.config.window)?);
    }
    one(desk, &account, vec![device], Vec::new())
}

/// What to do about somebody whose device cannot be taken over.
fn anew(user: &str) -> String {
    format!("mend it and import it again, or enrol them anew: twofactor setup {user}")
}

/// As on a network file system that does not let root look.
fn denied(user: &str, path: &Path) -> Failure {
    let what = format!("{user}: {}: neither root nor {user} may read it", path.display());
    Failure::new(what, "see its modes; if that home is not mounted now, import it once more later")
}

fn unreadable(path: &Path, mistake: &Mistake) -> Failure {
    let hint = match mistake {
        Mistake::IsMigration | Mistake::NotOtpauth | Mistake::NotMigration | Mistake::NotPasslib => {
            "see what there is: twofactor import --help"
        }
        Mistake::Sealed | Mistake::NoSuchKey(_) | Mistake::NotSecrets => {
            "--secrets takes the application's SECURITY_TOTP_SECRETS as JSON"
        }
        _ => return Failure::new(format!("{}: {mistake}", source::called(path)), anew("USER")),
    };
    Failure::new(format!("{}: {mistake}", source::called(path)), hint)
}

/// What pam_google_authenticator keeps in a home directory.
const GOOGLES_NAME: &str = ".google_authenticator";
/// As much as pam_google_authenticator itself reads.
const FILE_MAX_BYTES: u64 = 64 * 1024;
/// More than 100,000 users.
const USERSFILE_MAX_BYTES: u64 = 32 * 1024 * 1024;
