//! How messages leave this host: `[mail]` and `[sms]`. What is not complete is a mistake, never a silent nothing.

use std::net::IpAddr;

use twofactor_message::{CODE_WORDS, Content, EmailAddress, NOTICE_WORDS, Protection, RESCUE_WORDS, Template};

use super::letters::{Letters, template, wording};
use super::seconds::Seconds;
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

/// `[sms]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsSettings {
    /// Who sends.
    pub provider: Provider,
    /// How long it may take.
    pub timeout: Timeout,
}

/// Who sends texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// Twilio, or a service of the same shape.
    Twilio {
        /// Whose account.
        account_sid: String,
        /// The file of its secret.
        auth_token_file: AbsolutePath,
        /// Who the text comes from.
        from: String,
        /// Where the service is.
        base_url: String,
        /// The file of the authorities to trust.
        ca_file: Option<AbsolutePath>,
    },
    /// Any service that takes an HTTP request.
    Http {
        /// The URL.
        url: Template,
        /// `GET`, `POST` or `PUT`.
        method: String,
        /// Names and values.
        headers: Vec<(String, String)>,
        /// The body.
        body: Option<Template>,
        /// What the body is.
        content: Content,
        /// The file of what stands for `{secret}`.
        secret_file: Option<AbsolutePath>,
        /// The status codes that mean success.
        success: (u16, u16),
        /// What must stand in the answer.
        success_text: Option<String>,
        /// The file of the authorities to trust.
        ca_file: Option<AbsolutePath>,
    },
    /// A program.
    Command(Vec<String>),
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
    pub(super) fn read(table: &Table<'_>, letters: &mut Letters) -> Result<Self, Mistake> {
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
                return Err(table.wrong("transports", "a transport is named twice".to_owned()));
            }
            transports.push(match name {
                TransportName::Smtp => Transport::Smtp(smtp.clone().ok_or_else(|| {
                    table.wrong("transports", "\"smtp\" needs a table [mail.smtp] with at least `server`".to_owned())
                })?),
                TransportName::Sendmail => sendmail.clone().unwrap_or_else(Transport::of_the_host),
                TransportName::Maildir => {
                    maildir.clone().unwrap_or_else(|| Transport::Maildir { path: DEFAULT_MAILDIR.to_owned() })
                }
            });
        }
        if transports.is_empty() {
            return Err(table.wrong("transports", "at least one transport is needed".to_owned()));
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
            return Err(table.wrong("tls", "without TLS a mail server can only be on this host (localhost)".to_owned()));
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
            return Err(table.wrong("auth", "auth needs a username and a password_file".to_owned()));
        }
        let is_token = auth == Some(Auth::XOAuth2);
        let login = match (username, password_file) {
            (Some(Line(username)), Some(password_file)) => Some(SmtpLogin { username, password_file, is_token }),
            (None, None) => None,
            (Some(_), None) => {
                let what = "a username needs a password_file".to_owned();
                return Err(table.needed("password_file", "username", what));
            }
            (None, Some(_)) => {
                let what = "a password_file needs a username".to_owned();
                return Err(table.needed("username", "password_file", what));
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

impl SmsSettings {
    pub(super) fn read(table: &Table<'_>, letters: &mut Letters) -> Result<Self, Mistake> {
        if let Some(text) = template(table, "text", &CODE_WORDS)? {
            if !text.has("code") {
                return Err(table.wrong("text", "without {code} the message would be of no use".to_owned()));
            }
            letters.text = Some(text.as_str().to_owned());
        }
        let provider = match table.required("provider")? {
            ProviderName::Twilio => twilio(table)?,
            ProviderName::Http => http(table)?,
            ProviderName::Command => Provider::Command(table.required::<Command>("command")?.filled(table)?),
        };
        Ok(Self { provider, timeout: table.or("timeout", Timeout::TEN_SECONDS)? })
    }
}

fn twilio(table: &Table<'_>) -> Result<Provider, Mistake> {
    let AccountSid(account_sid) = table.required("account_sid")?;
    let Line(from) = table.required("from")?;
    let BaseUrl(base_url) = table.or("base_url", BaseUrl("https://api.twilio.com".to_owned()))?;
    if base_url.contains(['?', '#']) {
        return Err(table.wrong("base_url", "a base URL has no query".to_owned()));
    }
    Ok(Provider::Twilio {
        account_sid,
        auth_token_file: table.required("auth_token_file")?,
        from,
        base_url,
        ca_file: table.optional("ca_file")?,
    })
}

fn http(table: &Table<'_>) -> Result<Provider, Mistake> {
    let BaseUrl(url) = table.required("url")?;
    let url = Template::new(&url, &HTTP_WORDS).map_err(|error| table.wrong("url", error.to_string()))?;
    let body = template(table, "body", &HTTP_WORDS)?;
    let headers: Vec<Header> = table.or("headers", Vec::new())?;
    let headers: Vec<_> = headers.into_iter().map(|Header(header)| header).collect();
    let secret_file: Option<AbsolutePath> = table.optional("secret_file")?;
    let mut used = vec![("url", url.clone())];
    used.extend(body.clone().map(|body| ("body", body)));
    for (_, value) in &headers {
        let value = Template::new(value, &HTTP_WORDS).map_err(|error| table.wrong("headers", error.to_string()))?;
        used.push(("headers", value));
    }
    for word in ["number", "text"] {
        if !used.iter().any(|(_, place)| place.has(word)) {
            return Err(table.wrong("body", format!("{{{word}}} stands neither in url nor in headers nor in body")));
        }
    }
    let wants_secret = used.iter().find(|(_, place)| place.has("secret"));
    match (&secret_file, wants_secret) {
        (None, Some((key, _))) => return Err(table.wrong(key, "{secret} needs a secret_file".to_owned())),
        (Some(_), None) => return Err(table.wrong("secret_file", "{secret} stands nowhere".to_owned())),
        (Some(_), Some(_)) | (None, None) => {}
    }
    let HttpMethod(method) = table.or("method", HttpMethod("POST".to_owned()))?;
    if method == "GET" && body.is_some() {
        return Err(table.wrong("body", "a GET request has no body".to_owned()));
    }
    let Success(from, to) = table.or("success", Success(200, 299))?;
    Ok(Provider::Http {
        url,
        method,
        headers,
        body,
        content: table.or("content", Content::Json)?,
        secret_file,
        success: (from, to),
        success_text: table.optional("success_text")?.map(|Line(text)| text),
        ca_file: table.optional("ca_file")?,
    })
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

#[derive(Clone, Copy)]
enum ProviderName {
    Twilio,
    Http,
    Command,
}

impl Value for ProviderName {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &[("twilio", Self::Twilio), ("http", Self::Http), ("command", Self::Command)])
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

impl Value for Content {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &[("json", Self::Json), ("form", Self::Form), ("text", Self::Plain)])
    }
}

checked! {
    Timeout, Seconds;
    AbsolutePath, String;
    Line, String;
    Server, String;
    Port, u32;
    Command, Vec<String>;
    AccountSid, String;
    BaseUrl, String;
    Header, String;
    HttpMethod, String;
    Success, String;
}

/// How long one way may take: 1 to 60 seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeout(u32);

impl Timeout {
    pub(super) const TEN_SECONDS: Self = Self(10);

    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<Seconds> for Timeout {
    type Error = &'static str;

    fn try_from(Seconds(seconds): Seconds) -> Result<Self, Self::Error> {
        let seconds = u32::try_from(seconds).ok().filter(|seconds| (1..=60).contains(seconds));
        seconds.map(Self).ok_or("a timeout is 1 to 60 seconds")
    }
}

/// A path from the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsolutePath(pub(super) String);

impl AbsolutePath {
    /// The path.
    #[must_use]
    pub fn as_path(&self) -> &std::path::Path {
        std::path::Path::new(&self.0)
    }
}

impl TryFrom<String> for AbsolutePath {
    type Error = &'static str;

    fn try_from(path: String) -> Result<Self, Self::Error> {
        if path.starts_with('/') && !path.contains('\0') { Ok(Self(path)) } else { Err("not an absolute path") }
    }
}

/// 1 to 200 bytes of printable text.
struct Line(String);

impl TryFrom<String> for Line {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = (1..=200).contains(&text.len()) && twofactor_message::shown(&text) == text;
        if good { Ok(Self(text)) } else { Err("expected 1 to 200 bytes of printable text on one line") }
    }
}

/// The name or the address of a server.
struct Server(String);

impl TryFrom<String> for Server {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let name = (1..=253).contains(&text.len())
            && !text.starts_with(['-', '.'])
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        let good = name || text.parse::<IpAddr>().is_ok();
        if good {
            Ok(Self(text))
        } else {
            Err("not the name or the address of a server (the port is a key of its own)")
        }
    }
}

fn is_loopback(server: &str) -> bool {
    server == "localhost" || server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

struct Port(u16);

impl TryFrom<u32> for Port {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        u16::try_from(number).ok().filter(|port| *port > 0).map(Self).ok_or("a port is 1 to 65535")
    }
}

/// A program by its absolute path, and its arguments.
struct Command(Vec<String>);

impl TryFrom<Vec<String>> for Command {
    type Error = &'static str;

    fn try_from(words: Vec<String>) -> Result<Self, Self::Error> {
        let absolute = words.first().is_some_and(|program| program.starts_with('/'));
        let plain = words.len() <= 32 && words.iter().all(|word| !word.contains('\0') && word.len() <= 4096);
        if absolute && plain {
            Ok(Self(words))
        } else {
            Err("a command is the absolute path of a program and its arguments")
        }
    }
}

impl Command {
    /// The words, in one of which the number stands.
    fn filled(self, table: &Table<'_>) -> Result<Vec<String>, Mistake> {
        let Self(words) = self;
        let mut has_number = false;
        // The program itself is what it is.
        for word in words.iter().skip(1) {
            let word = Template::new(word, &["number"]).map_err(|error| table.wrong("command", error.to_string()))?;
            has_number |= word.has("number");
        }
        if has_number { Ok(words) } else { Err(table.wrong("command", "{number} stands in no argument".to_owned())) }
    }
}

struct AccountSid(String);

impl TryFrom<String> for AccountSid {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if good { Ok(Self(text)) } else { Err("an account SID has letters and digits only") }
    }
}

/// `https://…`, or `http://` where the server is this host.
struct BaseUrl(String);

impl TryFrom<String> for BaseUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_printable = text.len() <= 2000 && text.bytes().all(|b| (0x21..0x7f).contains(&b));
        let host = |rest: &str| server_of(rest.split(['/', '?', '#']).next().unwrap_or_default()).map(str::to_owned);
        let is_good = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => host(rest).is_some(),
            (None, Some(rest)) => host(rest).is_some_and(|host| is_loopback(&host)),
            (None, None) => false,
        };
        if is_good && is_printable {
            Ok(Self(text))
        } else {
            Err("a URL begins with https:// (http:// only for localhost)")
        }
    }
}

/// The server of `NAME`, `NAME:PORT`, `[ADDRESS]` or `[ADDRESS]:PORT`; `None` for anything else, such as a user name or a
/// place to fill in.
fn server_of(authority: &str) -> Option<&str> {
    let (server, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, after.strip_prefix(':').or(after.is_empty().then_some("0"))?)
        }
        None => authority.split_once(':').unwrap_or((authority, "0")),
    };
    let is_server = Server::try_from(server.to_owned()).is_ok();
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    (is_server && is_port).then_some(server)
}

/// `Name: value`.
struct Header((String, String));

impl TryFrom<String> for Header {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = "a header is written \"Name: value\"";
        let (name, value) = text.split_once(':').ok_or(wrong)?;
        let name_ok = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        let is_ours = ["host", "content-length", "transfer-encoding", "connection"];
        if is_ours.iter().any(|ours| ours.eq_ignore_ascii_case(name)) {
            return Err("that header is set by itself");
        }
        let value_ok = value.len() <= 4096 && value.bytes().all(|b| (0x20..0x7f).contains(&b));
        if name_ok && value_ok { Ok(Self((name.to_owned(), value.trim().to_owned()))) } else { Err(wrong) }
    }
}

struct HttpMethod(String);

impl TryFrom<String> for HttpMethod {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if ["GET", "POST", "PUT"].contains(&text.as_str()) {
            Ok(Self(text))
        } else {
            Err("a method is GET, POST or PUT")
        }
    }
}

/// `"200"` or `"200-299"`.
struct Success(u16, u16);

impl TryFrom<String> for Success {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (from, to) = text.split_once('-').unwrap_or((&text, &text));
        let status = |text: &str| text.parse().ok().filter(|status| (200..=299).contains(status));
        match (status(from), status(to)) {
            (Some(from), Some(to)) if from <= to => Ok(Self(from, to)),
            _ => Err("success is written \"200\" or \"200-299\" and stays within these"),
        }
    }
}

fn default_sendmail() -> Vec<String> {
    ["/usr/sbin/sendmail", "-oi", "-t"].map(str::to_owned).to_vec()
}

const HTTP_WORDS: [&str; 3] = ["number", "text", "secret"];
const DEFAULT_MAILDIR: &str = "/var/spool/twofactor";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes()).unwrap_or_else(|mistake| panic!("{mistake}\n{text}"))
    }

    fn mistake(text: &str) -> String {
        Config::parse(text.as_bytes()).err().unwrap_or_else(|| panic!("{text}")).to_string()
    }

    #[test]
    fn mail_goes_to_the_hosts_own_mailer_unless_another_way_is_described() {
        let default = config("").mail;
        assert!(
            matches!(&default.transports[..], [Transport::Sendmail { command, .. }] if command[0] == "/usr/sbin/sendmail")
        );
        let described = config("[mail.smtp]\nserver = 'smtp.example.org'").mail;
        let [Transport::Smtp(smtp)] = &described.transports[..] else { panic!("{described:?}") };
        assert_eq!((smtp.port, smtp.protection, smtp.timeout.seconds()), (465, Protection::Implicit, 10));
        let both = config("[mail]\ntransports = ['sendmail', 'smtp']\n[mail.smtp]\nserver = '::1'\ntls = 'none'").mail;
        assert!(matches!(
            &both.transports[..],
            [Transport::Sendmail { .. }, Transport::Smtp(SmtpSettings { port: 25, .. })]
        ));
    }

    #[test]
    fn half_of_a_way_is_refused_where_it_stands() {
        for (text, expected) in [
            (
                "[mail]\ntransports = ['smtp']",
                "line 2, column 14: \"smtp\" needs a table [mail.smtp] with at least `server`",
            ),
            ("[mail]\ntransports = []", "line 2, column 14: at least one transport is needed"),
            ("[mail]\ntransports = ['smtq']", "line 2, column 15: unknown value `smtq`: did you mean `smtp`?"),
            (
                "[mail.smtp]\nserver = 'a b'",
                "line 2, column 10: not the name or the address of a server (the port is a key of its own)",
            ),
            (
                "[mail.smtp]\nserver = 'a'\ntls = 'none'",
                "line 3, column 7: without TLS a mail server can only be on this host (localhost)",
            ),
            ("[mail.smtp]\nserver = 'a'\nusername = 'u'", "line 3, column 12: a username needs a password_file"),
            ("[mail.smtp]\nserver = 'a'\ntimeout = '0s'", "line 3, column 11: a timeout is 1 to 60 seconds"),
            (
                "[mail.sendmail]\ncommand = ['sendmail']",
                "line 2, column 11: a command is the absolute path of a program and its arguments",
            ),
            ("[mail.code]\ntext = '{user}'", "line 2, column 8: without {code} the message would be of no use"),
            (
                "[mail.code]\nsubject = '{cod}'",
                "line 2, column 11: nothing fills in {cod}: it can be {code}, {user}, {host}, {service}, {from}, {time}, {lifetime}, {issuer}",
            ),
            ("[sms]\nprovider = 'twillio'", "line 2, column 12: unknown value `twillio`: did you mean `twilio`?"),
            (
                "[sms]\nprovider = 'twilio'\naccount_sid = 'AC1'\nfrom = 'x'",
                "line 1, column 1: key `auth_token_file` is missing",
            ),
            (
                "[sms]\nprovider = 'command'\ncommand = ['/bin/true']",
                "line 3, column 11: {number} stands in no argument",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'http://gateway.example.org/{number}/{text}'",
                "line 3, column 7: a URL begins with https:// (http:// only for localhost)",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'https://g/{number}'",
                "line 1, column 1: {text} stands neither in url nor in headers nor in body",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'https://g/{number}/{text}/{secret}'",
                "line 3, column 7: {secret} needs a secret_file",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'https://g/{number}/{text}'\nsuccess = '200-500'",
                "line 4, column 11: success is written \"200\" or \"200-299\" and stays within these",
            ),
            (
                "[mail.smtp]\nserver = 'a'\nauth = 'xoauth2'",
                "line 3, column 8: auth needs a username and a password_file",
            ),
            (
                "[sms]\nprovider = 'command'\ncommand = ['/bin/{number}']",
                "line 3, column 11: {number} stands in no argument",
            ),
            (
                "[sms]\nprovider = 'http'\nurl = 'https://g/{number}/{text}'\nheaders = ['Host: evil']",
                "line 4, column 12: that header is set by itself",
            ),
            (
                "[mail.smtp]\nserver = 'a'\nusername = 'u'\npasword_file = '/x'",
                "line 4, column 1: unknown key `pasword_file`: did you mean `password_file`?",
            ),
            ("[mail.smtp]\nsever = 'a'", "line 2, column 1: unknown key `sever`: did you mean `server`?"),
            ("methods = ['sms']\n[smss]\nprovider = 'x'", "line 2, column 2: unknown key `smss`: did you mean `sms`?"),
            ("methods = ['sms']", "line 1, column 11: \"sms\" needs a table [sms] that says who sends"),
        ] {
            assert_eq!(mistake(text), expected, "{text}");
        }
    }

    #[test]
    fn a_url_without_tls_leads_nowhere_but_to_this_host() {
        for good in
            ["https://gateway.example.org:8443/x?y", "http://localhost:80/", "http://127.0.0.1", "http://[::1]:1/"]
        {
            assert!(BaseUrl::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "http://gateway.example.org/",
            "http://localhost.evil.example/",
            "http://localhost:80@evil.example/",
            "http://localhost@evil.example/",
            "http://[::1]@evil.example/",
            "http://[::1].evil.example/",
            "http://localhost:{secret}/",
            "http://127.0.0.1.evil.example/",
            "https://user@gateway.example.org/",
            "https://:443/",
            "https://g:+443/",
            "https:///x",
            "https://{number}/",
            "ftp://localhost/",
            "https://gateway.example.org/a b",
        ] {
            assert!(BaseUrl::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_gateway_is_described_by_its_request() {
        let text = r#"
            methods = ["totp", "sms"]
            [sms]
            provider = "http"
            url = "https://gateway.example.org/v1/send"
            headers = ["Authorization: Bearer {secret}"]
            body = '{"to": "{number}", "text": "{text}"}'
            secret_file = "/etc/twofactor/sms.token"
            success_text = "queued"
        "#;
        let Some(SmsSettings { provider: Provider::Http { headers, content, success, .. }, .. }) = config(text).sms
        else {
            panic!("no gateway")
        };
        assert_eq!(headers, [("Authorization".to_owned(), "Bearer {secret}".to_owned())]);
        assert_eq!((content, success), (Content::Json, (200, 299)));
    }
}
