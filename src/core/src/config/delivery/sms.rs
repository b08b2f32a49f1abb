//! `[sms]`: who sends texts, and how they are asked to.

use twofactor_message::{CODE_WORDS, Content, Template};

use super::words::{AbsolutePath, Command, Line, Server, Timeout, is_loopback};
use crate::config::letters::{Letters, template};
use crate::document::{Mistake, Table, Value, Written, Wrong, checked, choice};

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

impl SmsSettings {
    pub(in crate::config) fn read(table: &Table<'_>, letters: &mut Letters) -> Result<Self, Mistake> {
        if let Some(text) = template(table, "text", &CODE_WORDS)? {
            if !text.has("code") {
                return Err(table.wrong("text", &"without {code} the message would be of no use"));
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
        return Err(table.wrong("base_url", &"a base URL has no query"));
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
    let url = Template::new(&url, &HTTP_WORDS).map_err(|error| table.wrong("url", &error))?;
    let body = template(table, "body", &HTTP_WORDS)?;
    let headers: Vec<Header> = table.or("headers", Vec::new())?;
    let headers: Vec<_> = headers.into_iter().map(|Header(header)| header).collect();
    let secret_file: Option<AbsolutePath> = table.optional("secret_file")?;
    let mut used = vec![("url", url.clone())];
    used.extend(body.clone().map(|body| ("body", body)));
    for (_, value) in &headers {
        let value = Template::new(value, &HTTP_WORDS).map_err(|error| table.wrong("headers", &error))?;
        used.push(("headers", value));
    }
    for word in ["number", "text"] {
        if !used.iter().any(|(_, place)| place.has(word)) {
            return Err(
                table.wrong("body", &format_args!("{{{word}}} stands neither in url nor in headers nor in body"))
            );
        }
    }
    let wants_secret = used.iter().find(|(_, place)| place.has("secret"));
    match (&secret_file, wants_secret) {
        (None, Some((key, _))) => return Err(table.wrong(key, &"{secret} needs a secret_file")),
        (Some(_), None) => return Err(table.wrong("secret_file", &"{secret} stands nowhere")),
        (Some(_), Some(_)) | (None, None) => {}
    }
    let HttpMethod(method) = table.or("method", HttpMethod("POST".to_owned()))?;
    if method == "GET" && body.is_some() {
        return Err(table.wrong("body", &"a GET request has no body"));
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

impl Value for Content {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &[("json", Self::Json), ("form", Self::Form), ("text", Self::Plain)])
    }
}

checked! {
    AccountSid, String;
    BaseUrl, String;
    Header, String;
    HttpMethod, String;
    Success, String;
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

impl Command {
    /// The words, in one of which the number stands.
    fn filled(self, table: &Table<'_>) -> Result<Vec<String>, Mistake> {
        let Self(words) = self;
        let mut has_number = false;
        // The program itself is what it is.
        for word in words.iter().skip(1) {
            let word = Template::new(word, &["number"]).map_err(|error| table.wrong("command", &error))?;
            has_number |= word.has("number");
        }
        if has_number { Ok(words) } else { Err(table.wrong("command", &"{number} stands in no argument")) }
    }
}

const HTTP_WORDS: [&str; 3] = ["number", "text", "secret"];

#[cfg(test)]
mod tests {
    use super::*;

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
}
