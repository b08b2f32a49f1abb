//! What `fake-server` is told to play, and what it tells of the play: JSON, one value a line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Certificate;

/// A server, and wherein it is not what it should be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Part {
    Smtp(SmtpPart),
    Http(HttpPart),
    /// A name server that hears every question and answers none.
    Names,
    /// A server on `::1` whose queue is full for ever.
    Deaf,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SmtpPart {
    /// Without one there is no TLS.
    pub certificate: Option<Certificate>,
    /// TLS from the first byte.
    pub implicit: bool,
    /// The keywords after EHLO; STARTTLS goes once it was done.
    pub offers: Vec<String>,
    /// What happens there instead; of several, one each time, and the last from then on. Each connection starts anew.
    pub behaviours: BTreeMap<Stage, Vec<Behaviour>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HttpPart {
    pub certificate: Option<Certificate>,
    /// One each request, and the last from then on.
    pub answers: Vec<Behaviour>,
}

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Of TLS.
    Handshake,
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// The message has been taken in.
    Message,
    Quit,
    /// An HTTP request has been read.
    Request,
}

/// What a server does instead of what it should.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Behaviour {
    /// What it should.
    Normal,
    /// Says something else: exactly this, in one piece.
    Say(String),
    /// Says this, and then nothing more.
    Stall(String),
    /// Says nothing and listens on.
    Hang,
    /// The right answer, a byte a second.
    Drip,
    /// A line that never ends.
    EndlessLine,
    /// Lines that never end.
    EndlessLines,
    /// The right answer, but so many bytes of it.
    Huge(usize),
    /// Closes the connection.
    Close,
}

/// What happens while it plays.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub enum Event {
    /// Whoever connects from now on is heard.
    Listening,
    Connected {
        connection: usize,
    },
    /// TLS holds from here on.
    Secured {
        connection: usize,
        server_name: Option<String>,
    },
    /// What the client, or TLS itself, had to say against going on.
    Broken {
        connection: usize,
        why: String,
    },
    /// A line of SMTP or a name that was asked for.
    Heard {
        connection: usize,
        line: String,
        secured: bool,
    },
    /// A whole message of SMTP.
    Message {
        connection: usize,
        text: String,
    },
    Request {
        connection: usize,
        request: Request,
    },
    /// A scripted behaviour begins.
    Misbehaved {
        connection: usize,
        stage: Stage,
    },
    Closed {
        connection: usize,
    },
}

/// A request of HTTP.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    /// The only header of this name.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| value.as_str());
        assert_eq!(found.next(), None, "{name} twice");
        value
    }

    /// The fields of a form (WHATWG URL, application/x-www-form-urlencoded), decoded.
    pub fn form(&self) -> Vec<(String, String)> {
        fields(&self.body)
    }

    /// The fields of the query, decoded.
    pub fn query(&self) -> Vec<(String, String)> {
        self.path.split_once('?').map(|(_, query)| fields(query)).unwrap_or_default()
    }
}

fn fields(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (plain(name), plain(value)))
        .collect()
}

fn plain(escaped: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| char::from(digit.expect("two digits after %")));
                u8::from_str_radix(&String::from_iter(digits), 16).expect("two digits after %")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("a form is UTF-8")
}
