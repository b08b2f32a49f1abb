//! One HTTP request and its answer, both bounded: no redirects, no proxies, no cookies, nothing kept.

pub(crate) mod gateway;
pub(crate) mod twilio;

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::time::Instant;

use twofactor_message::{Trouble, TroubleKind};
use ureq::config::Config;
use ureq::http::{Request, Uri};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, LazyBuffers, NextTimeout, Transport};
use ureq::{Agent, Error};
use zeroize::Zeroizing;

use crate::confinement;
use crate::conversation::Conversation;
use crate::network::{self, Reach};
use crate::tls::{self, Stream};
use crate::trouble::{local, protocol, trouble};

/// What is asked.
pub(crate) struct Question {
    /// `GET`, `POST` or `PUT`.
    pub(crate) method: String,
    /// Where.
    pub(crate) url: Zeroizing<String>,
    /// Names and values.
    pub(crate) headers: Vec<(String, Zeroizing<String>)>,
    /// The body, if the method has one.
    pub(crate) body: Option<Zeroizing<String>>,
    /// The status codes, from and to, that say that the message is taken, whatever the body may say.
    pub(crate) taken: Option<(u16, u16)>,
}

/// What was answered.
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The body, or its beginning.
    pub(crate) body: Vec<u8>,
}

/// Asks and waits for the answer. This is where a worker locks itself in.
///
/// # Errors
/// There was no answer.
pub(crate) fn ask(
    question: Question,
    authorities: Option<&str>,
    deadline: Instant,
    conversation: &mut Conversation<'_>,
) -> Result<Answer, Trouble> {
    conversation.stage("url");
    let target = Target::of(&question.url)?;
    let client = if target.is_safe { Some(tls::client(authorities)?) } else { None };
    let reach = Reach::with(target.is_safe);
    // From here on there is a server.
    confinement::to_network(target.port)?;
    let socket = network::connect(&target.server, target.port, reach, deadline, conversation)?;
    let stream = tls::protect(socket, &target.server, client, conversation)?;
    show(&question, &target.uri, conversation);
    exchange(question, Connection::new(stream, target.is_safe), conversation)
}

/// Where a URL leads.
#[derive(Debug)]
struct Target {
    uri: Uri,
    server: String,
    port: u16,
    is_safe: bool,
}

impl Target {
    fn of(url: &str) -> Result<Self, Trouble> {
        let uri: Uri = url.parse().map_err(|_| local("is none"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(local("is not whole: it needs https:// and the name of a server"));
        };
        let is_safe = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(local("does not begin with https://")),
        };
        if authority.as_str().contains('@') {
            return Err(local("has a user name in it, which belongs into a header"));
        }
        let port = uri.port_u16().unwrap_or(if is_safe { 443 } else { 80 });
        let server = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { server, port, is_safe, uri })
    }
}

/// The question as it goes out; secrets are hidden already.
fn show(question: &Question, uri: &Uri, conversation: &mut Conversation<'_>) {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    conversation.ours(format_args!("{} {path} HTTP/1.1", question.method));
    for (name, value) in &question.headers {
        conversation.ours(format_args!("{name}: {}", **value));
    }
    if let Some(body) = &question.body {
        conversation.ours("");
        body.lines().take(SHOWN_MAX_LINES).for_each(|line| conversation.ours(line));
    }
}

fn exchange(
    question: Question,
    connection: Connection,
    conversation: &mut Conversation<'_>,
) -> Result<Answer, Trouble> {
    conversation.stage(format_args!("{} request", question.method));
    let refused = |error: ureq::http::Error| local(format_args!("can not be written: {error}"));
    let mut request = Request::builder().method(question.method.as_str()).uri(question.url.as_str());
    for (name, value) in &question.headers {
        request = request.header(name.as_str(), value.as_bytes());
    }
    let agent = agent(connection);
    let answer = match question.body {
        Some(body) => agent.run(request.body(body.as_bytes()).map_err(refused)?),
        None => agent.run(request.body(()).map_err(refused)?),
    };
    let mut answer = answer.map_err(|error| trouble_of(&error))?;
    let status = answer.status();
    conversation.theirs(format_args!("{:?} {status}", answer.version()));
    if question.taken.is_some_and(|range| is_within(status.as_u16(), range)) {
        conversation.taken();
    }
    let mut body = Vec::new();
    // What breaks off was as long as it was; whoever needs more of it will not find it.
    let _ = answer.body_mut().as_reader().take(BODY_MAX_BYTES).read_to_end(&mut body);
    conversation.quote(&body);
    Ok(Answer { status: status.as_u16(), body })
}

fn agent(connection: Connection) -> Agent {
    let config = Config::builder()
        // Not even the one in the environment.
        .proxy(None)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_response_header_size(HEADER_MAX_BYTES)
        .max_idle_connections(0)
        .user_agent("pam-twofactor")
        .build();
    Agent::with_parts(config, Connected(Mutex::new(Some(connection))), Nowhere)
}

/// Whether a status is one of these. A redirect never is: what it leads to was not asked.
fn is_within(status: u16, (from, to): (u16, u16)) -> bool {
    (from..=to).contains(&status) && !(300..400).contains(&status)
}

/// What a status that is no success means.
fn refusal(status: u16, why: impl fmt::Display) -> Trouble {
    let kind = match status {
        300..=399 => return trouble(TroubleKind::Refused, format_args!("{status}, a redirect, which is not followed")),
        401 | 403 => TroubleKind::Credentials,
        429 | 500..=599 => TroubleKind::Deferred,
        _ => TroubleKind::Refused,
    };
    trouble(kind, why)
}

fn trouble_of(error: &Error) -> Trouble {
    match error {
        Error::Io(error) => network::trouble_of(error),
        Error::LargeResponseHeader(..) => protocol("the headers of the answer do not end"),
        Error::Http(error) => local(format_args!("can not be written: {error}")),
        Error::BadUri(error) => local(error),
        Error::Protocol(error) => protocol(error),
        other => protocol(other),
    }
}

/// A connection as ureq wants it. It has no timeouts: the supervisor keeps the time.
struct Connection {
    stream: Box<dyn Stream>,
    buffers: LazyBuffers,
    is_safe: bool,
}

impl Connection {
    fn new(stream: Box<dyn Stream>, is_safe: bool) -> Self {
        Self { stream, buffers: LazyBuffers::new(BUFFER_BYTES, BUFFER_BYTES), is_safe }
    }
}

impl Transport for Connection {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, _: NextTimeout) -> Result<(), Error> {
        self.stream.write_all(self.buffers.output().get(..amount).unwrap_or_default())?;
        Ok(self.stream.flush()?)
    }

    fn await_input(&mut self, _: NextTimeout) -> Result<bool, Error> {
        let count = loop {
            match self.stream.read(self.buffers.input_append_buf()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.buffers.input_appended(count);
        Ok(count > 0)
    }

    fn is_open(&mut self) -> bool {
        // There is no second request.
        false
    }

    fn is_tls(&self) -> bool {
        self.is_safe
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_safe", &self.is_safe).finish_non_exhaustive()
    }
}

/// The one connection there is: made where the name was looked up, under our own deadline and after our own TLS.
#[derive(Debug)]
struct Connected(Mutex<Option<Connection>>);

impl Connector<()> for Connected {
    type Out = Connection;

    fn connect(&self, _: &ConnectionDetails<'_>, _: Option<()>) -> Result<Option<Connection>, Error> {
        Ok(self.0.lock().ok().and_then(|mut connection| connection.take()))
    }
}

/// Looks nothing up.
#[derive(Debug)]
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        Ok(self.empty())
    }
}

/// What is read of an answer; a longer one is cut.
const BODY_MAX_BYTES: u64 = 64 * 1024;
const HEADER_MAX_BYTES: usize = 16 * 1024;
const BUFFER_BYTES: usize = 16 * 1024;
const SHOWN_MAX_LINES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::tests::{lines, overheard};

    /// A server that answers without listening.
    struct Answering(io::Cursor<Vec<u8>>);

    impl Read for Answering {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Answering {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn asked(answer: &str) -> (Result<Answer, Trouble>, Vec<String>) {
        let question = Question {
            method: "POST".to_owned(),
            url: "https://sms.example.org/send?to=1".to_owned().into(),
            headers: vec![("Content-Type".to_owned(), "text/plain".to_owned().into())],
            body: Some("hello".to_owned().into()),
            taken: None,
        };
        let (mut conversation, words) = overheard();
        let stream = Box::new(Answering(io::Cursor::new(answer.as_bytes().to_vec())));
        show(&question, &question.url.parse().unwrap(), &mut conversation);
        let result = exchange(question, Connection::new(stream, true), &mut conversation);
        (result, lines(&words))
    }

    #[test]
    fn a_request_and_its_answer_can_be_read() {
        let (answer, lines) = asked("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nok\n");
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (201, &b"ok\n"[..]));
        assert_eq!(
            lines,
            [
                "> POST /send?to=1 HTTP/1.1",
                "> Content-Type: text/plain",
                ">",
                "> hello",
                "< HTTP/1.1 201 Created",
                "< ok"
            ]
        );
    }

    #[test]
    fn a_redirect_is_an_answer_and_goes_nowhere() {
        let (answer, _) =
            asked("HTTP/1.1 302 Found\r\nLocation: https://eve.example.org/\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(answer.unwrap().status, 302);
        assert_eq!(refusal(302, "").kind, TroubleKind::Refused);
    }

    #[test]
    fn an_answer_that_is_too_long_is_cut_and_headers_without_end_are_none() {
        let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1 << 20));
        assert_eq!(asked(&long).0.unwrap().body.len(), 64 * 1024);
        let endless = format!("HTTP/1.1 200 OK\r\n{}", "X-A: b\r\n".repeat(10000));
        assert_eq!(asked(&endless).0.err().unwrap().kind, TroubleKind::Protocol);
        assert_eq!(asked("220 mx ready\r\n").0.err().unwrap().kind, TroubleKind::Protocol);
        assert_eq!(asked("").0.err().unwrap().kind, TroubleKind::Protocol);
    }

    #[test]
    fn a_url_leads_to_a_server_or_nowhere() {
        let to = |url: &str| Target::of(url).map(|to| (to.server, to.port, to.is_safe)).ok();
        assert_eq!(to("https://a.example/x"), Some(("a.example".to_owned(), 443, true)));
        assert_eq!(to("http://[::1]:8080"), Some(("::1".to_owned(), 8080, false)));
        for bad in
            ["", "a.example", "/x", "ftp://a.example/", "https://u:p@a.example/", "https://a b/", "file:///etc/passwd"]
        {
            assert_eq!(to(bad), None, "{bad}");
        }
    }
}
