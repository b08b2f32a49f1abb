//! `[mail]`: the ways by which mail leaves this host.

use twofactor_message::{CODE_WORDS, EmailAddress, NOTICE_WORDS, Protection, RESCUE_WORDS};

use super::words::{AbsolutePath, Command, Line, Server, Timeout, is_loopback};
use crate::config::letters::{Letters, wording};
use crate::document::{Mistake, Table, Value, Written, Wrong, checked, choice};
use crate::sys;

/// `[mail]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    /// The sender's address; by default `twofactor` at this host.
    pub from: Option<EmailAddress>,
    /// What the sender is called.
    pub from_name: Option<String>,
    /// The ways, tried in order.
    pub transports: Vec<Transport>,
}

/// A way to send mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// `[mail.smtp]`.
    Smtp(SmtpSettings),
    /// `[mail.sendmail]`.
    Sendmail {
        /// The program with its arguments.
        command: Vec<String>,
        /// How long it may take.
        timeout: Timeout,
    },
    /// `[mail.maildir]`.
    Maildir {
        /// Where.
        path: String,
    },
}

/// `[mail.smtp]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpSettings {
    /// A name or an address.
    pub server: String,
    /// The port.
    pub port: u16,
    /// How the conversation is protected.
    pub protection: Protection,
    /// Who we are there.
    pub login: Option<SmtpLogin>,
    /// The file of the authorities to trust.
    pub ca_file: Option<AbsolutePath>,
    /// How long it may take.
    pub timeout: Timeout,
}

/// Who we are at a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpLogin {
    /// The user name.
    pub username: String,
    /// The file of the password or token.
    pub password_file: AbsolutePath,
    /// Whether it is an OAuth 2.0 access token.
    pub is_token: bool,
}

impl Transport {
    /// The host's own mailer, as every Unix has it.
    fn of_the_host() -> Self {
        Self::Sendmail { command: default_sendmail(), timeout: Timeout::TEN_SECONDS }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Smtp(_) => "smtp",
            Self::Sendmail { .. } => "sendmail",
            Self::Maildir { .. } => "maildir",
        }
    }
}

impl MailSettings {
    pub(in crate::config) fn read(table: &Table<'_>, letters: &mut Letters) -> Result<Self, Mistake> {
        let smtp = table.table("smtp", SmtpSettings::read)?;
        let sendmail = table.table("sendmail", |sendmail| {
            let Command(command) = sendmail.or("command", Command(default_sendmail()))?;
            Ok(Transport::Sendmail { command, timeout: sendmail.or("timeout", Timeout::TEN_SECONDS)? })
        })?;
        let maildir = table.table("maildir", |maildir| {
            let AbsolutePath(path) = maildir.or("path", AbsolutePath(DEFAULT_MAILDIR.to_owned()))?;
            Ok(Transport::Maildir { path })
        })?;
        let names: Option<Vec<TransportName>> = table.optional("transports")?;
        let configured = [
            (smtp.is_some(), TransportName::Smtp),
            (maildir.is_some(), TransportName::Maildir),
            (sendmail.is_some(), TransportName::Sendmail),
        ];
        let configured = configured.into_iter().filter(|(there, _)| *there).map(|(_, name)| name).collect::<Vec<_>>();
        // Whoever describes a way wants it used; whoever describes none has the host's own mailer.
        let names = names.unwrap_or(if configured.is_empty() { vec![TransportName::Sendmail] } else { configured });
        let mut transports = Vec::with_capacity(names.len());
        for (at, name) in names.iter().enumerate() {
            if names.iter().take(at).any(|before| before == name) {
                return Err(table.wrong("transports", &"a transport is named twice"));
            }
            transports.push(match name {
                TransportName::Smtp => Transport::Smtp(smtp.clone().ok_or_else(|| {
                    table.wrong("transports", &"\"smtp\" needs a table [mail.smtp] with at least `server`")
                })?),
                TransportName::Sendmail => sendmail.clone().unwrap_or_else(Transport::of_the_host),
                TransportName::Maildir => {
                    maildir.clone().unwrap_or_else(|| Transport::Maildir { path: DEFAULT_MAILDIR.to_owned() })
                }
            });
        }
        if transports.is_empty() {
            return Err(table.wrong("transports", &"at least one transport is needed"));
        }
        let read = |key, words: &[&str], needed| {
            Ok::<_, Mistake>(table.table(key, |table| wording(table, words, needed))?.unwrap_or_default())
        };
        letters.code = read("code", &CODE_WORDS, "code")?;
        letters.rescue = read("rescue", &RESCUE_WORDS, "command")?;
        letters.notice = read("notice", &NOTICE_WORDS, "what")?;
        let from_name = table.optional("from_name")?.map(|Line(name)| name);
        Ok(Self { from: table.optional("from")?, from_name, transports })
    }

    /// The sender's address.
    #[must_use]
    pub fn sender(&self) -> EmailAddress {
        let own = || format!("twofactor@{}", sys::host_name()).parse().ok();
        self.from.clone().or_else(own).unwrap_or_else(EmailAddress::of_the_sender)
    }
}

impl Default for MailSettings {
    fn default() -> Self {
        Self { from: None, from_name: None, transports: vec![Transport::of_the_host()] }
    }
}

impl SmtpSettings {
    fn read(table: &Table<'_>) -> Result<Self, Mistake> {
        let Server(server) = table.required("server")?;
        let protection = table.or("tls", Protection::Implicit)?;
        if protection == Protection::None && !is_loopback(&server) {
            return Err(table.wrong("tls", &"without TLS a mail server can only be on this host (localhost)"));
        }
        let port = match protection {
            Protection::Implicit => 465,
            Protection::StartTls => 587,
            Protection::None => 25,
        };
        let username: Option<Line> = table.optional("username")?;
        let password_file: Option<AbsolutePath> = table.optional("password_file")?;
        let auth: Option<Auth> = table.optional("auth")?;
        if auth.is_some() && username.is_none() {
            return Err(table.wrong("auth", &"auth needs a username and a password_file"));
        }
        let is_token = auth == Some(Auth::XOAuth2);
        let login = match (username, password_file) {
            (Some(Line(username)), Some(password_file)) => Some(SmtpLogin { username, password_file, is_token }),
            (None, None) => None,
            (Some(_), None) => {
                let what = "a username needs a password_file".to_owned();
                return Err(table.needed("password_file", "username", &what));
            }
            (None, Some(_)) => {
                let what = "a password_file needs a username".to_owned();
                return Err(table.needed("username", "password_file", &what));
            }
        };
        Ok(Self {
            server,
            port: table.or("port", Port(port))?.0,
            protection,
            login,
            ca_file: table.optional("ca_file")?,
            timeout: table.or("timeout", Timeout::TEN_SECONDS)?,
        })
    }
}

/// The names that `transports` can have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TransportName {
    Smtp,
    Sendmail,
    Maildir,
}

impl Value for TransportName {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &[("smtp", Self::Smtp), ("sendmail", Self::Sendmail), ("maildir", Self::Maildir)])
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Auth {
    Password,
    XOAuth2,
}

impl Value for Auth {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &[("password", Self::Password), ("xoauth2", Self::XOAuth2)])
    }
}

impl Value for Protection {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &[("implicit", Self::Implicit), ("starttls", Self::StartTls), ("none", Self::None)])
    }
}

checked! {
    Port, u32;
}

struct Port(u16);

impl TryFrom<u32> for Port {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        u16::try_from(number).ok().filter(|port| *port > 0).map(Self).ok_or("a port is 1 to 65535")
    }
}

fn default_sendmail() -> Vec<String> {
    ["/usr/sbin/sendmail", "-oi", "-t"].map(str::to_owned).to_vec()
}

const DEFAULT_MAILDIR: &str = "/var/spool/twofactor";
