//! `twofactor report`: what mode "monitor" has seen. Who has no second factor yet, and whom "required" would keep out.

mod log;
mod page;
mod tally;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use twofactor_core::account::Account;
use twofactor_core::sys::{Accounts, Passwd};
use twofactor_message::shown;

use crate::failure::Failure;
use crate::office::Office;
use crate::output::Output;
use tally::{Counting, Person, Tally};

/// Runs the command.
pub(crate) fn run(
    logs: &[PathBuf],
    html: Option<&Path>,
    config: Option<&Path>,
    output: &mut Output,
) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let mut counting = Counting::default();
    for account in people()? {
        counting.meet(person(&office, &account)?);
    }
    let mut strangers = Vec::new();
    read(logs, |decision| {
        // Somebody who exists though the list of people has not got them, as where it cannot be listed.
        if !counting.knows(&decision.user)
            && strangers.len() < STRANGERS_MAX
            && !strangers.contains(&decision.user)
            && let Ok(found) = Passwd.find(&decision.user)
        {
            match found.filter(|account| account.name.as_str() == decision.user) {
                Some(account) => person(&office, &account).into_iter().for_each(|person| counting.meet(person)),
                None => strangers.push(decision.user.clone()),
            }
        }
        counting.add(&decision);
    })?;
    let tally = counting.finish();
    if let Some(path) = html {
        write(path, &page::html(&tally, &office.config.issuer))?;
        output.note(&format!("The page is in {}.", path.display()));
    }
    output.answer(&text(&tally), &tally)
}

fn person(office: &Office, account: &Account) -> Result<Person, Failure> {
    let name = account.name.as_str();
    let about = |error| Failure::about(name, &error);
    let enrolled = office.registrar().is_enrolled(account).map_err(about)?;
    Ok(Person::new(name.to_owned(), enrolled, Passwd.groups(account)?))
}

/// Everybody with a shell to log in to, root included, as far as the system lists them.
fn people() -> Result<Vec<Account>, Failure> {
    let unlisted = |error| Failure::new(format!("list the users: getent: {error}"), "see whether getent passwd works");
    let listed = Command::new("/usr/bin/getent").env_clear().arg("passwd").stdin(Stdio::null()).output();
    let listed = listed.map_err(unlisted)?.stdout;
    let mut people = Vec::new();
    for line in String::from_utf8_lossy(&listed).lines() {
        let fields: Vec<_> = line.split(':').collect();
        let [name, _, uid, .., shell] = fields.as_slice() else { continue };
        let is_person = uid.parse().is_ok_and(|uid: u32| uid == 0 || (1000..60_000).contains(&uid));
        let has_shell = !["nologin", "false", "sync"].iter().any(|none| shell.ends_with(none));
        if is_person && has_shell {
            people.extend(Passwd.find(name)?);
        }
    }
    Ok(people)
}

/// Reads the logs that were named, or the system's own.
fn read(logs: &[PathBuf], mut with: impl FnMut(log::Decision)) -> Result<(), Failure> {
    let failed = |path: &Path, error: io::Error| {
        Failure::new(
            format!("{}: {error}", path.display()),
            "name the log: twofactor report --log FILE (- for standard input)",
        )
    };
    if logs.is_empty() {
        if JOURNALS.iter().any(|journal| Path::new(journal).is_dir()) {
            return read_journal(with).map_err(|error| failed(Path::new(JOURNALCTL), error));
        }
        let there = FILES.iter().map(Path::new).filter(|path| path.is_file());
        let there: Vec<_> = there.map(Path::to_owned).collect();
        if there.is_empty() {
            let hint = "name the log: twofactor report --log FILE (- for standard input)";
            return Err(Failure::new("there is neither a journal nor /var/log/auth.log nor /var/log/secure", hint));
        }
        return read(&there, with);
    }
    for path in logs {
        let read = if path.as_os_str() == "-" {
            log::decisions(io::stdin().lock(), &mut with)
        } else {
            File::open(path).and_then(|file| log::decisions(BufReader::new(file), &mut with))
        };
        read.map_err(|error| failed(path, error))?;
    }
    Ok(())
}

fn read_journal(with: impl FnMut(log::Decision)) -> io::Result<()> {
    let mut journalctl = Command::new(JOURNALCTL)
        .env_clear()
        .args(["--quiet", "--no-pager", "--output=short-iso", "SYSLOG_FACILITY=10"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(said) = journalctl.stdout.take() {
        log::decisions(BufReader::new(said), with)?;
    }
    journalctl
        .wait()
        .and_then(|status| if status.success() { Ok(()) } else { Err(io::Error::other(status.to_string())) })
}

/// Puts the page in place as a whole. It names who has no second factor: its owner alone may read it.
fn write(path: &Path, page: &str) -> Result<(), Failure> {
    if path.as_os_str() == "-" {
        let written = io::stdout().write_all(page.as_bytes());
        return written.map_err(|error| Failure::new(format!("write the page: {error}"), "see where the output goes"));
    }
    let failed = |error| Failure::new(format!("{}: {error}", path.display()), "choose another file: --html FILE");
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(failed)?;
    let written = file.write_all(page.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&new, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&new);
        failed(error)
    })
}

fn text(tally: &Tally) -> String {
    let mut text = format!("{} of {} people are enrolled.\n", tally.enrolled, tally.people);
    let refused: Vec<_> = tally.would_be_refused().collect();
    if refused.is_empty() {
        text.push_str("Of those who logged in, \"required\" would have refused nobody.\n");
    } else {
        text.push_str("\nWould have been refused:\n");
        for person in refused {
            let reasons: Vec<_> = person.reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            text.push_str(&row(&[(&person.user, 24), (&reasons.join(", "), 52)]));
        }
    }
    let missing: Vec<_> = tally.not_enrolled().map(|person| shown(&person.user)).collect();
    if !missing.is_empty() {
        text.push_str(&format!("\nNot enrolled:\n{}", wrapped(&missing)));
    }
    if !tally.services.is_empty() {
        text.push_str("\nSERVICE                 PEOPLE    LOGINS    PROVED   REFUSED\n");
    }
    for service in &tally.services {
        let counts = service.counts;
        let numbers =
            format!("{:>6}{:>10}{:>10}{:>10}", service.people, counts.logins, counts.proved, counts.would_be_refused());
        text.push_str(&row(&[(&service.service, 24), (&numbers, 40)]));
    }
    text.push_str("\nGROUP                   PEOPLE  ENROLLED   REFUSED\n");
    for group in &tally.groups {
        let numbers = format!("{:>6}{:>10}{:>10}", group.people, group.enrolled, group.refused);
        text.push_str(&row(&[(&group.group, 24), (&numbers, 30)]));
    }
    if tally.unknown_users > 0 {
        let logins = if tally.unknown_users == 1 { "login was" } else { "logins were" };
        text.push_str(&format!("\n{} {logins} of names that nobody has.\n", tally.unknown_users));
    }
    text
}

/// Cells of these widths; what is too long is cut, and says so.
fn row(cells: &[(&str, usize)]) -> String {
    let mut line = String::new();
    for (cell, width) in cells {
        let cell = shown(cell);
        let cell = if cell.chars().count() < *width {
            cell
        } else {
            cell.chars().take(width.saturating_sub(2)).chain(['\u{2026}']).collect()
        };
        line.push_str(&format!("{cell:<width$}"));
    }
    format!("{}\n", line.trim_end())
}

/// Names in lines of less than 80 columns.
fn wrapped(names: &[String]) -> String {
    let (mut text, mut column) = (String::new(), 0);
    for name in names {
        if column > 0 && column + name.chars().count() > 76 {
            text.push('\n');
            column = 0;
        }
        text.push_str(if column == 0 { "  " } else { " " });
        text.push_str(name);
        column += name.chars().count() + 1;
    }
    text.push('\n');
    text
}

const JOURNALCTL: &str = "/usr/bin/journalctl";
const JOURNALS: [&str; 2] = ["/run/log/journal", "/var/log/journal"];
const FILES: [&str; 4] = ["/var/log/auth.log.1", "/var/log/auth.log", "/var/log/secure.1", "/var/log/secure"];
/// So many names that nobody has are looked up once and not again; a log that is full of them is not believed anyway.
const STRANGERS_MAX: usize = 1000;
