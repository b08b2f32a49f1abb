//! `twofactor import`: people move over from another module with the devices that they have.
//!
//! Each format is a file that reads bytes into [`device::Device`]s and does nothing else; [`enrol`] saves them. Sources
//! are read and left as they are.

mod device;
mod enrol;
mod google;
mod homes;
mod migration;
mod oath;
mod otpauth;
mod passlib;
mod proof;
mod protobuf;
mod source;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::failure::Failure;
use crate::office::{Office, account, account_named};
use crate::output::{Output, counted};
use crate::progress::Progress;
use crate::terminal;
use device::{Device, Mistake, Used};
use enrol::{Desk, Moved, Place};

/// From what.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// pam_google_authenticator's file, of one user or of all who have one at home.
    Google {
        /// The file, or - for standard input.
        #[arg(required_unless_present = "all", value_name = "FILE")]
        file: Option<PathBuf>,
        /// Whose it is.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Take the file .google_authenticator of everybody who has one in their home directory.
        #[arg(long, conflicts_with_all = ["file", "user"])]
        all: bool,
        #[command(flatten)]
        how: How,
    },
    /// pam_oath's usersfile.
    Oath {
        /// The file, or - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only this user.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        #[command(flatten)]
        how: How,
    },
    /// otpauth:// URIs, one a line.
    Otpauth {
        #[command(flatten)]
        accounts: Chosen,
        #[command(flatten)]
        how: How,
    },
    /// What Google Authenticator exports: the text of its QR codes, one a line.
    Migration {
        #[command(flatten)]
        accounts: Chosen,
        #[command(flatten)]
        how: How,
    },
    /// passlib's JSON, as Flask-Security has it in tf_totp_secret. A code proves that it was opened rightly.
    Passlib {
        /// The file, or - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Whose it is.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// The application's secrets (SECURITY_TOTP_SECRETS): a JSON object, or lines such as 1: SECRET.
        #[arg(long, value_name = "FILE")]
        secrets: Option<PathBuf>,
        /// Ask for no code: a wrong secret is found when its owner cannot log in.
        #[arg(long)]
        trust: bool,
        #[command(flatten)]
        how: How,
    },
}

/// Accounts of an app.
#[derive(Args)]
pub(crate) struct Chosen {
    /// The file, or - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose they are.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only the account of this name; more than one can be named.
    #[arg(long, value_name = "NAME")]
    account: Vec<String>,
}

/// How it is to be done.
#[derive(Args)]
pub(crate) struct How {
    /// Say what would come over, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// What the device is called [default: authenticator or token].
    #[arg(long, value_name = "L")]
    label: Option<String>,
    /// Take the place of the device with the same label.
    #[arg(long)]
    replace: bool,
    /// Issue no recovery codes.
    #[arg(long)]
    no_recovery: bool,
}

/// Runs the command.
pub(crate) fn run(import: &Import, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let how = match import {
        Import::Google { how, .. } | Import::Oath { how, .. } | Import::Otpauth { how, .. } => how,
        Import::Migration { how, .. } | Import::Passlib { how, .. } => how,
    };
    let desk = Desk { office: &office, how, output };
    if !output.is_json() && !how.dry_run && desk.issues_codes() && !terminal::is_seen() {
        return Err(Failure::misused(
            "standard output is not a terminal, and recovery codes would be written to it",
            "use --json, or say --no-recovery",
        ));
    }
    match import {
        Import::Google { all: true, .. } => everybody(&desk),
        Import::Google { file, user, .. } => {
            let path = file.as_deref().unwrap_or(Path::new("-"));
            let content = source::named(path, FILE_MAX_BYTES)?;
            let device = google::read(&content).map_err(|mistake| unreadable(path, &mistake))?;
            one(&desk, user.as_deref(), vec![device], Vec::new())
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
            chosen(&desk, accounts, false, read)
        }
        Import::Migration { accounts, .. } => {
            let read = |content: &[u8]| {
                let accounts = migration::read(content)?.into_iter();
                Ok(accounts.map(|account| (account.name, account.device)).collect())
            };
            chosen(&desk, accounts, true, read)
        }
        Import::Passlib { file, user, secrets, trust, .. } => {
            sealed(&desk, file, user.as_deref(), secrets.as_deref(), *trust)
        }
    }
}

/// An account of an app: its name, or its place, and what was read.
type Account = (String, Result<Device, Mistake>);

/// One user's devices, and what is wrong with those that cannot be taken over.
fn one(desk: &Desk<'_>, user: Option<&str>, devices: Vec<Device>, wrong: Vec<Failure>) -> Result<(), Failure> {
    let account = account_named(user)?;
    let user = account.name.as_str();
    let mut summary = Summary::begin(desk, 1);
    for failure in wrong {
        summary.fail(user, failure)?;
    }
    if !devices.is_empty() {
        summary.add(user, desk.take_over(&account, devices))?;
    }
    summary.end()
}

/// Accounts of an app, of which those are meant that are named.
fn chosen(
    desk: &Desk<'_>,
    chosen: &Chosen,
    must_be_named: bool,
    read: impl FnOnce(&[u8]) -> Result<Vec<Account>, Mistake>,
) -> Result<(), Failure> {
    let content = source::named(&chosen.file, FILE_MAX_BYTES)?;
    let all = read(&content).map_err(|mistake| unreadable(&chosen.file, &mistake))?;
    let is_named = |name: &str| {
        let own = name.rsplit_once(':').map_or(name, |(_, own)| own.trim_start());
        chosen.account.iter().any(|wanted| wanted == name || wanted == own)
    };
    let (none_named, several) = (chosen.account.is_empty(), all.len() > 1);
    let names = || all.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    if none_named && several && must_be_named {
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
            Err(mistake) => wrong.push(Failure::new(format!("{name}: {mistake}"), ANEW)),
        }
    }
    one(desk, chosen.user.as_deref(), devices, wrong)
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
        let what = format!("{}: has nobody of that name", path.display());
        return Err(Failure::new(what, "leave --user out, and see with --dry-run who is in it"));
    }
    let mut summary = Summary::begin(desk, users.len());
    for (user, lines) in users {
        let mut devices = Vec::with_capacity(lines.len());
        for oath::Line { number, device, .. } in lines {
            match device {
                Ok(device) => devices.push(device),
                Err(mistake) => summary.fail(&user, Failure::new(format!("{user}: line {number}: {mistake}"), ANEW))?,
            }
        }
        if !devices.is_empty() {
            let moved = account(&user).and_then(|account| desk.take_over(&account, devices));
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
    for (account, home) in homes {
        let user = account.name.as_str();
        let wrong = |why: &str| {
            let path = home.join(GOOGLES_NAME);
            Failure::new(format!("{user}: {}: {why}", path.display()), ANEW)
        };
        match source::at_home(&home, GOOGLES_NAME, &account, FILE_MAX_BYTES) {
            Ok(None) => {}
            Ok(Some((content, remark))) => {
                let device = google::read(&content).map_err(|mistake| wrong(&mistake.to_string()));
                let moved = device.and_then(|mut device| {
                    device.remarks.extend(remark);
                    desk.take_over(&account, vec![device])
                });
                summary.add(user, moved)?;
            }
            Err(why) => summary.fail(user, wrong(&why))?,
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
    let secrets = match secrets {
        Some(path) => {
            let content = source::named(path, FILE_MAX_BYTES)?;
            Some(passlib::Secrets::read(&content).map_err(|mistake| unreadable(path, &mistake))?)
        }
        None => None,
    };
    let (mut device, was_sealed) =
        passlib::read(&content, secrets.as_ref()).map_err(|mistake| unreadable(path, &mistake))?;
    if was_sealed && !is_trusted && !desk.is_known(&account, &device)? {
        device.used = Used::UpTo(proof::ask(&device, desk.office.config.window)?);
    }
    one(desk, Some(account.name.as_str()), vec![device], Vec::new())
}

fn unreadable(path: &Path, mistake: &Mistake) -> Failure {
    let hint = match mistake {
        Mistake::IsMigration | Mistake::NotOtpauth | Mistake::NotMigration | Mistake::NotPasslib => {
            "see what there is: twofactor import --help"
        }
        Mistake::Sealed | Mistake::NoSuchKey(_) | Mistake::NotSecrets => {
            "--secrets takes the application's SECURITY_TOTP_SECRETS as JSON"
        }
        _ => ANEW,
    };
    Failure::new(format!("{}: {mistake}", path.display()), hint)
}

/// What is told while users come over, and at the end.
struct Summary<'a> {
    desk: &'a Desk<'a>,
    progress: Progress,
    moved: Vec<Moved>,
    failed: Vec<(String, Failure)>,
}

impl<'a> Summary<'a> {
    fn begin(desk: &'a Desk<'a>, total: usize) -> Self {
        Self { desk, progress: Progress::begin(total, desk.output), moved: Vec::new(), failed: Vec::new() }
    }

    fn step(&mut self) {
        self.progress.step();
    }

    /// Somebody has come over, or not. Recovery codes are shown at once: what follows may be interrupted.
    fn add(&mut self, user: &str, moved: Result<Moved, Failure>) -> Result<(), Failure> {
        match moved {
            Err(failure) => self.fail(user, failure),
            Ok(mut moved) => {
                self.progress.hide();
                let shown = self.desk.output.print(&moved.text(self.desk.how.dry_run));
                if !self.desk.output.is_json() {
                    moved.codes.clear();
                }
                self.moved.push(moved);
                shown.map_err(|failure| failure.unseen(format!("new recovery codes: twofactor recovery {user}")))
            }
        }
    }

    fn fail(&mut self, user: &str, failure: Failure) -> Result<(), Failure> {
        self.progress.hide();
        self.failed.push((user.to_owned(), failure));
        match self.failed.last() {
            Some((_, failure)) if !self.desk.output.is_json() => self.desk.output.complain(failure),
            _ => Ok(()),
        }
    }

    fn end(self) -> Result<(), Failure> {
        let Self { desk, progress, moved, failed } = self;
        drop(progress);
        let devices = moved.iter().flat_map(|moved| &moved.devices);
        let (new, known): (Vec<_>, Vec<_>) = devices.partition(|device| device.is_new);
        let (new, known, left) = (new.len(), known.len(), failed.len());
        let came = if desk.how.dry_run { "would come over" } else { "came over" };
        let text = format!("{} {came}, {known} here already, {left} not taken over.\n", counted(new, "device"));
        let users = moved.iter().map(User::of).collect();
        let failed: Vec<_> = failed.iter().map(|(user, failure)| Failed::of(user, failure)).collect();
        let value = Imported { dry_run: desk.how.dry_run, users, failed };
        desk.output.done(&text, &value)?;
        match left {
            0 => Ok(()),
            _ => Err(Failure::new(
                format!("{} could not be taken over", counted(left, "device")),
                "see above for each; what is mended can be imported again, the rest stays as it is",
            )),
        }
    }
}

/// What programs get.
#[derive(Serialize)]
struct Imported<'a> {
    dry_run: bool,
    users: Vec<User<'a>>,
    failed: Vec<Failed<'a>>,
}

#[derive(Serialize)]
struct User<'a> {
    user: &'a str,
    devices: &'a [Place],
    left_behind: &'a [String],
    recovery_codes: Vec<&'a str>,
}

impl<'a> User<'a> {
    fn of(moved: &'a Moved) -> Self {
        Self {
            user: &moved.user,
            devices: &moved.devices,
            left_behind: &moved.left_behind,
            recovery_codes: moved.codes.iter().map(|code| code.as_str()).collect(),
        }
    }
}

#[derive(Serialize)]
struct Failed<'a> {
    user: &'a str,
    error: &'a str,
    hint: &'a str,
}

impl<'a> Failed<'a> {
    fn of(user: &'a str, failure: &'a Failure) -> Self {
        Self { user, error: &failure.what, hint: &failure.hint }
    }
}

pub(crate) const EXAMPLES: &str = "Examples:
  twofactor import google --all --dry-run
  twofactor import google /home/alice/.google_authenticator --user alice
  twofactor import oath /etc/users.oath
  zbarimg -q --raw export.png | twofactor import migration - --user alice --account alice@example.org --json";

/// What pam_google_authenticator keeps in a home directory.
const GOOGLES_NAME: &str = ".google_authenticator";
/// As much as pam_google_authenticator itself reads.
const FILE_MAX_BYTES: u64 = 64 * 1024;
/// More than 100,000 users.
const USERSFILE_MAX_BYTES: u64 = 32 * 1024 * 1024;
const ANEW: &str = "mend it and import it again, or enrol them anew: twofactor setup USER";
