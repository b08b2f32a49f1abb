//! What the sender is to do: one message, and the ways to send it.

use zeroize::Zeroizing;

use crate::frame::{self, either, record, words};
use crate::{EmailAddress, FrameError, Letter, Note, PhoneNumber};

/// One message and the ways to send it, tried in order until one takes it, as it is asked for. The sender reads it as an
/// [`Errand`].
pub struct Order {
    /// The message.
    pub load: Ordered,
    /// Whether the whole conversation with the server is wanted, secrets masked.
    pub conversation: bool,
}

/// A message with its ways, in words or still to be worded.
pub enum Ordered {
    /// A mail.
    Mail((Mail, Vec<Attempt<MailRoute>>)),
    /// A short text to a telephone.
    Text((Text, Vec<Attempt<TextRoute>>)),
    /// A mail that the sender words.
    Letter((Letter, Vec<Attempt<MailRoute>>)),
    /// A short text that the sender words.
    Note((Note, Vec<Attempt<TextRoute>>)),
}

/// An order in words.
pub struct Errand {
    /// The message.
    pub load: Load,
    /// Whether the whole conversation with the server is wanted, secrets masked.
    pub conversation: bool,
}

/// A message with its ways, in words.
pub enum Load {
    /// A mail.
    Mail((Mail, Vec<Attempt<MailRoute>>)),
    /// A short text to a telephone.
    Text((Text, Vec<Attempt<TextRoute>>)),
}

impl Ordered {
    /// How long all the ways together may take.
    #[must_use]
    pub fn timeout_seconds(&self) -> u32 {
        match self {
            Self::Mail((_, attempts)) | Self::Letter((_, attempts)) => together(attempts),
            Self::Text((_, attempts)) | Self::Note((_, attempts)) => together(attempts),
        }
    }

    fn certificates_bytes(&self) -> usize {
        let bytes = |authorities: &Option<String>| authorities.as_ref().map_or(0, String::len);
        match self {
            Self::Mail((_, attempts)) | Self::Letter((_, attempts)) => {
                let of_route = |attempt: &Attempt<MailRoute>| match &attempt.route {
                    MailRoute::Smtp(smtp) => bytes(&smtp.authorities),
                    MailRoute::Sendmail(_) | MailRoute::Maildir(_) => 0,
                };
                attempts.iter().map(of_route).sum()
            }
            Self::Text((_, attempts)) | Self::Note((_, attempts)) => {
                let of_route = |attempt: &Attempt<TextRoute>| match &attempt.route {
                    TextRoute::Twilio(twilio) => bytes(&twilio.authorities),
                    TextRoute::Http(http) => bytes(&http.authorities),
                    TextRoute::Command(_) => 0,
                };
                attempts.iter().map(of_route).sum()
            }
        }
    }

    fn worded(self) -> Load {
        match self {
            Self::Mail(worded) => Load::Mail(worded),
            Self::Text(worded) => Load::Text(worded),
            Self::Letter((letter, attempts)) => Load::Mail((letter.compose(), attempts)),
            Self::Note((note, attempts)) => Load::Text((note.compose(), attempts)),
        }
    }
}

/// One way, and how long it may take.
pub struct Attempt<R> {
    /// The way.
    pub route: R,
    /// In seconds; after that the next way is tried.
    pub timeout_seconds: u32,
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The sender's address.
    pub from: EmailAddress,
    /// What the sender is called; no control characters.
    pub from_name: Option<String>,
    /// To whom; at least one.
    pub to: Vec<EmailAddress>,
    /// Who gets a copy.
    pub copy: Vec<EmailAddress>,
    /// One line.
    pub subject: String,
    /// The text, lines ended by `\n`.
    pub text: String,
    /// The same as HTML.
    pub html: Option<String>,
    /// The name of this host, for Message-ID and EHLO.
    pub host: String,
}

/// A short text to a telephone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// To whom.
    pub number: PhoneNumber,
    /// The text.
    pub text: String,
}

/// A way to send a mail.
pub enum MailRoute {
    /// A mail server.
    Smtp(Smtp),
    /// A program that takes the message on its standard input and the recipients from the headers: path and arguments.
    Sendmail(Vec<String>),
    /// A directory that the message is put into (Maildir); its path.
    Maildir(String),
}

/// A mail server (RFC 5321).
pub struct Smtp {
    /// Its name, which the certificate must have, or its address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the conversation is protected.
    pub protection: Protection,
    /// Who we are there.
    pub credentials: Option<Credentials>,
    /// The certificates (PEM) to trust; otherwise the system's.
    pub authorities: Option<String>,
}

/// How a conversation with a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// TLS after STARTTLS (RFC 3207), or nothing is sent.
    StartTls,
    /// None.
    None,
}

/// A user name with a password, or with an access token for XOAUTH2.
pub struct Credentials {
    /// The name.
    pub username: String,
    /// The password or token.
    pub password: Zeroizing<String>,
    /// Whether it is a token.
    pub is_token: bool,
}

/// A way to send a short text.
pub enum TextRoute {
    /// The Twilio REST API, or a service of the same shape.
    Twilio(Twilio),
    /// Any service that takes an HTTP request.
    Http(Http),
    /// A program that takes the text on its standard input: path and arguments, `{number}` filled in.
    Command(Vec<String>),
}

/// `POST BASE/2010-04-01/Accounts/SID/Messages.json`.
pub struct Twilio {
    /// Such as `https://api.twilio.com`.
    pub base_url: String,
    /// Whose account.
    pub account_sid: String,
    /// Its secret.
    pub auth_token: Zeroizing<String>,
    /// A number, or a name where the country allows one.
    pub from: String,
    /// The certificates (PEM) to trust; otherwise the system's.
    pub authorities: Option<String>,
}

/// One HTTP request. `{number}`, `{text}` and `{secret}` are filled in, escaped for where they stand.
pub struct Http {
    /// The URL.
    pub url: String,
    /// `GET`, `POST` or `PUT`.
    pub method: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<String>,
    /// What the body is.
    pub content: Content,
    /// What stands for `{secret}`.
    pub secret: Option<Zeroizing<String>>,
    /// The status codes that mean success, from and to.
    pub success: (u16, u16),
    /// What must stand in the body of the answer.
    pub success_text: Option<String>,
    /// The certificates (PEM) to trust; otherwise the system's.
    pub authorities: Option<String>,
}

/// What the body of an HTTP request is, and so how values are escaped in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `text/plain`; values as they are.
    Plain,
}

impl Order {
    /// The frame.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        frame::write(MAGIC, self, self.load.certificates_bytes())
    }
}

impl Errand {
    /// The frame of an order that is in words already.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        frame::write(MAGIC, self, 0)
    }

    /// Reads the frame of an order, and words it.
    ///
    /// # Errors
    /// It is none, or of another release.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        let Order { load, conversation } = frame::read(MAGIC, bytes, ERRAND_MAX_BYTES)?;
        Ok(Self { load: load.worded(), conversation })
    }
}

record!(Order { load, conversation });
either!(Ordered { Mail = 1, Text = 2, Letter = 3, Note = 4 });
record!(Errand { load, conversation });
either!(Load { Mail = 1, Text = 2 });
record!(Attempt<MailRoute> { route, timeout_seconds });
record!(Attempt<TextRoute> { route, timeout_seconds });
record!(Mail { from, from_name, to, copy, subject, text, html, host });
record!(Text { number, text });
either!(MailRoute { Smtp = 1, Sendmail = 2, Maildir = 3 });
record!(Smtp { server, port, protection, credentials, authorities });
words!(Protection { Implicit = 1, StartTls = 2, None = 3 });
record!(Credentials { username, password, is_token });
either!(TextRoute { Twilio = 1, Http = 2, Command = 3 });
record!(Twilio { base_url, account_sid, auth_token, from, authorities });
record!(Http { url, method, headers, body, content, secret, success, success_text, authorities });
words!(Content { Json = 1, Form = 2, Plain = 3 });

fn together<R>(attempts: &[Attempt<R>]) -> u32 {
    attempts.iter().fold(0, |sum: u32, attempt| sum.saturating_add(attempt.timeout_seconds))
}

const MAGIC: [u8; 8] = *b"2FERRND2";
/// No errand is longer; most of it would be certificates.
pub const ERRAND_MAX_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Errand {
        let mail = Mail {
            from: "twofactor@example.org".parse().unwrap(),
            from_name: Some("Example".to_owned()),
            to: vec!["alice@example.org".parse().unwrap()],
            copy: Vec::new(),
            subject: "123456 is your code".to_owned(),
            text: "123456\n".to_owned(),
            html: None,
            host: "host.example.org".to_owned(),
        };
        let smtp = Smtp {
            server: "smtp.example.org".to_owned(),
            port: 465,
            protection: Protection::Implicit,
            credentials: Some(Credentials {
                username: "u".to_owned(),
                password: Zeroizing::new("p".to_owned()),
                is_token: false,
            }),
            authorities: None,
        };
        let attempts = vec![
            Attempt { route: MailRoute::Smtp(smtp), timeout_seconds: 10 },
            Attempt { route: MailRoute::Sendmail(vec!["/usr/sbin/sendmail".to_owned()]), timeout_seconds: 5 },
        ];
        Errand { load: Load::Mail((mail, attempts)), conversation: true }
    }

    #[test]
    fn an_errand_survives_its_frame() {
        let frame = sample().encode();
        let read = Errand::decode(&frame).unwrap();
        assert_eq!(*read.encode(), *frame);
        let Load::Mail((mail, attempts)) = read.load else { panic!("no mail") };
        assert_eq!(mail.subject, "123456 is your code");
        assert_eq!(attempts.len(), 2);
    }

    #[test]
    fn what_is_ordered_is_read_in_words() {
        let occasion = crate::Occasion {
            user: "alice".to_owned(),
            service: "sshd".to_owned(),
            rhost: None,
            tty: None,
            at: 0,
            host: "web1".to_owned(),
            issuer: "x".to_owned(),
            language: crate::Language::En,
        };
        let note = Note {
            number: "+4930123456".parse().unwrap(),
            subject: crate::Subject::Rescue("k7".to_owned()),
            occasion,
            text: Some("{user} {reference}".to_owned()),
        };
        let order = Order { load: Ordered::Note((note, Vec::new())), conversation: false };
        let Load::Text((text, _)) = Errand::decode(&order.encode()).unwrap().load else { panic!("no text") };
        assert_eq!(text.text, "alice k7");
    }

    #[test]
    fn a_frame_that_is_cut_or_goes_on_is_refused() {
        let frame = sample().encode();
        for length in 0..frame.len() {
            assert!(Errand::decode(&frame[..length]).is_err(), "{length}");
        }
        let mut longer = frame.to_vec();
        longer.push(0);
        assert_eq!(Errand::decode(&longer).err(), Some(FrameError::Malformed));
        assert_eq!(Errand::decode(&vec![0; ERRAND_MAX_BYTES + 1]).err(), Some(FrameError::TooLong));
    }

    proptest! {
        #[test]
        fn no_frame_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Errand::decode(&[&MAGIC[..], &bytes].concat());
        }

        #[test]
        fn no_flipped_byte_makes_the_reader_panic(at in 0usize..400, byte in any::<u8>()) {
            let mut frame = sample().encode().to_vec();
            if let Some(place) = frame.get_mut(at) {
                *place = byte;
            }
            let _ = Errand::decode(&frame);
        }
    }
}
