//! Whether messages can go out: the sender, who it runs as, and the files that it is handed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use twofactor_core::config::{AbsolutePath, Config, Provider, Transport};
use twofactor_core::courier;
use twofactor_core::factor::Method;
use twofactor_core::sys::{Directory, FileError, LookUpError, TrustedFile, Unprivileged, split};

use super::files::mending;
use super::finding::Finding;
use super::lines::Lines;

/// What is wrong, if anything is to be sent.
pub(super) fn look(config: &Config, lines: &Lines) -> Result<Vec<Finding>, LookUpError> {
    let by_mail = config.methods.contains(&Method::Email) || config.rescue.is_some() || config.rescue_mail.is_some();
    let by_text = config.methods.contains(&Method::Sms);
    if !by_mail && !by_text {
        return Ok(Vec::new());
    }
    let mut findings = Vec::new();
    findings.extend(started("sender", courier::PROGRAM));
    let user = config.deliver_user.as_str();
    let sender = Unprivileged::find(&config.deliver_user)?;
    if sender.is_none() {
        let message = format!("there is no unprivileged user {user:?} to send as: no code can be sent");
        let hint = match user {
            "root" => lines.deliver_user("\"twofactor\""),
            _ => format!("make it: useradd --system --user-group --no-create-home --shell /usr/sbin/nologin {user}"),
        };
        findings.push(Finding::fail("sender-user", message, hint));
    }
    if by_mail {
        findings.extend(config.mail.transports.iter().filter_map(|way| transport(way, user, sender)));
    }
    if let Some(sms) = config.sms.as_ref().filter(|_| by_text) {
        findings.extend(provider(&sms.provider));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("sender", format!("messages can be sent, as {user}; see: twofactor test-send")));
    }
    Ok(findings)
}

fn transport(transport: &Transport, user: &str, sender: Option<Unprivileged>) -> Option<Finding> {
    match transport {
        Transport::Smtp(smtp) => {
            let password = smtp.login.as_ref().and_then(|login| secret(&login.password_file));
            password.or_else(|| smtp.ca_file.as_ref().and_then(authorities))
        }
        Transport::Sendmail { command, .. } => command.first().and_then(|path| started("sender-mail", path)),
        Transport::Maildir { path } => maildir(path, user, sender),
    }
}

/// A directory in which the sender puts mail: it has to be there, and the sender's.
fn maildir(path: &str, user: &str, sender: Option<Unprivileged>) -> Option<Finding> {
    let (why, hint) = match fs::metadata(path) {
        Err(error) => (error.to_string(), format!("install -d -m 0700 -o {user} -g {user} {path}")),
        Ok(status) if !status.is_dir() => ("is no directory".to_owned(), format!("see what it is: ls -ld {path}")),
        Ok(status) if sender.is_some_and(|sender| sender.uid != status.uid()) => {
            (format!("belongs to another than {user}"), format!("chown -R {user}: {path}"))
        }
        Ok(_) => return None,
    };
    Some(Finding::fail("sender-mail", format!("{path}: {why}: no mail can be put there"), hint))
}

fn provider(provider: &Provider) -> Option<Finding> {
    match provider {
        Provider::Twilio { auth_token_file, ca_file, .. } => {
            secret(auth_token_file).or_else(|| ca_file.as_ref().and_then(authorities))
        }
        Provider::Http { secret_file, ca_file, .. } => {
            let kept = secret_file.as_ref().and_then(secret);
            kept.or_else(|| ca_file.as_ref().and_then(authorities))
        }
        Provider::Command(words) => words.first().and_then(|path| started("sender-sms", path)),
    }
}

fn started(check: &'static str, path: &str) -> Option<Finding> {
    let (why, hint) = program(Path::new(path))?;
    Some(Finding::fail(check, format!("{path} {why}: what it is to send stays here"), hint))
}

/// Why a program is not started, and what to do.
fn program(path: &Path) -> Option<(&'static str, String)> {
    let place = path.display();
    match fs::metadata(path) {
        Err(_) => Some(("is not there", format!("install {place} again"))),
        Ok(status) if !status.is_file() => Some(("is no program", format!("install {place} again"))),
        Ok(status) if status.permissions().mode() & 0o111 == 0 => {
            Some(("cannot be executed", format!("chmod 0755 {place}")))
        }
        Ok(status) if status.uid() != 0 => Some(("belongs to another than root", format!("chown root: {place}"))),
        Ok(status) if status.permissions().mode() & 0o022 != 0 => {
            Some(("can be changed by others", format!("chmod go-w {place}")))
        }
        Ok(_) => None,
    }
}

/// A file with a password, which is refused unless it is root's alone.
fn secret(path: &AbsolutePath) -> Option<Finding> {
    let place = path.as_path().display();
    let make = format!("install -m 0600 /dev/null {place}; and write the password into it");
    unusable(path, open(path).and_then(|file| file.map(TrustedFile::kept_secret).transpose()), make)
}

fn authorities(path: &AbsolutePath) -> Option<Finding> {
    let bring = "bring it back, or take out ca_file, so that the authorities of this system are asked";
    unusable(path, open(path), bring.to_owned())
}

fn unusable(path: &AbsolutePath, opened: Result<Option<TrustedFile>, FileError>, missing: String) -> Option<Finding> {
    let place = path.as_path().display();
    let is_empty = || fs::metadata(path.as_path()).is_ok_and(|status| status.len() == 0);
    let (why, hint) = match opened {
        Ok(Some(_)) if is_empty() => (format!("{place}: there is nothing in it"), missing),
        Ok(Some(_)) => return None,
        Ok(None) => (format!("{place}: there is no such file"), missing),
        Err(error) => (error.to_string(), mending(&error)),
    };
    Some(Finding::fail("sender-file", format!("{why}: nothing is sent by this way"), hint))
}

fn open(path: &AbsolutePath) -> Result<Option<TrustedFile>, FileError> {
    let (parent, name) = split(path.as_path())?;
    Directory::open(parent)?.file(name)
}
