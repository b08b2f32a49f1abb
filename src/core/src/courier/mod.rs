//! What carries messages out of the house: one process of the sender for each, which alone speaks to the network.

mod letters;

pub use letters::{News, Parcel, Target, code, notice, rescue};

use std::path::Path;
use std::time::{Duration, Instant};

use twofactor_message::{
    Attempt, Credentials, Http, MailRoute, Order, Ordered, Report, Smtp, TextRoute, Trouble, TroubleKind, Twilio,
    VERDICT_MAX_BYTES, Verdict,
};
use zeroize::Zeroizing;

use crate::config::{AbsolutePath, Config, Provider, SmsSettings, SmtpSettings, Transport};
use crate::sys::{Directory, FileError, Program, Reading, Unprivileged, split};

/// What carries messages.
pub trait Courier {
    /// Sets out with a message. It never fails and never waits: what is wrong is found in the delivery.
    fn send(&self, parcel: Parcel) -> Box<dyn Delivery>;

    /// Spends the time of a delivery on nobody.
    fn pause(&self, duration: Duration);
}

/// A message on its way.
pub trait Delivery {
    /// Waits for the verdict, at most `patience`; `None` while there is none.
    fn wait(&mut self, patience: Duration) -> Option<Verdict>;

    /// Lets it go on by itself, if there is no verdict yet: nobody will ask for it, and the sender writes it to the log.
    fn let_go(self: Box<Self>) -> Option<Verdict>;
}

/// Starts the sender.
pub struct Sender<'c> {
    config: &'c Config,
    program: &'c Path,
    conversation: bool,
}

impl<'c> Sender<'c> {
    /// A courier of this configuration.
    #[must_use]
    pub fn new(config: &'c Config) -> Self {
        Self { config, program: Path::new(PROGRAM), conversation: false }
    }

    /// Wants to hear every word of the conversation with the server.
    #[must_use]
    pub fn with_conversation(self) -> Self {
        Self { conversation: true, ..self }
    }

    fn start(&self, parcel: Parcel) -> Result<Underway, Stranded> {
        let name = &self.config.deliver_user;
        let found = Unprivileged::find(name).map_err(|error| SendError::LookUp { why: error.to_string() })?;
        let runs_as = found.ok_or_else(|| SendError::NoUser { name: name.as_str().to_owned() })?;
        let mut skipped = Vec::new();
        let load = match parcel {
            Parcel::Mail(mail) => Ordered::Mail((mail, self.mail_routes(&mut skipped))),
            Parcel::Letter(letter) => Ordered::Letter((letter, self.mail_routes(&mut skipped))),
            Parcel::Text(text) => Ordered::Text((text, vec![self.text_route()?])),
            Parcel::Note(note) => Ordered::Note((note, vec![self.text_route()?])),
        };
        let seconds = load.timeout_seconds();
        if seconds == 0 {
            return Err(Stranded(Verdict { reports: skipped, conversation: Vec::new() }));
        }
        let order = Order { load, conversation: self.conversation };
        let arguments = [runs_as.uid.to_string(), runs_as.gid.to_string()];
        let program = Program::start(self.program, &arguments, &order.encode()).map_err(|error| SendError::Start {
            program: self.program.display().to_string(),
            why: error.to_string(),
        })?;
        let deadline = Duration::from_secs(seconds.into()) + MARGIN;
        Ok(Underway { program, said: Vec::new(), started: Instant::now(), deadline, skipped })
    }
}

impl Sender<'_> {
    /// One way that cannot be gone is no reason not to try the next.
    fn mail_routes(&self, skipped: &mut Vec<Report>) -> Vec<Attempt<MailRoute>> {
        let mut attempts = Vec::new();
        for transport in &self.config.mail.transports {
            match mail_route(transport) {
                Ok(attempt) => attempts.push(attempt),
                Err(error) => skipped.push(report(transport.name(), TroubleKind::Local, error.to_string())),
            }
        }
        attempts
    }

    fn text_route(&self) -> Result<Attempt<TextRoute>, SendError> {
        text_route(self.config.sms.as_ref().ok_or(SendError::NoProvider)?)
    }
}

impl Courier for Sender<'_> {
    fn send(&self, parcel: Parcel) -> Box<dyn Delivery> {
        match self.start(parcel) {
            Ok(underway) => Box::new(underway),
            Err(stranded) => Box::new(stranded),
        }
    }

    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// A process of the sender. The one that is started leaves at once; what it leaves behind is no child of the host, keeps
/// its own deadlines and answers through the pipe.
struct Underway {
    program: Program,
    said: Vec<u8>,
    started: Instant,
    deadline: Duration,
    /// The ways that could not even be tried.
    skipped: Vec<Report>,
}

impl Delivery for Underway {
    fn wait(&mut self, patience: Duration) -> Option<Verdict> {
        let reading = self.program.read(&mut self.said, VERDICT_MAX_BYTES, patience);
        let mut verdict = match (reading, Verdict::decode(&self.said)) {
            // A host that forks meanwhile may keep the pipe open; a verdict says by itself whether it is whole.
            (Ok(Reading::Finished | Reading::Unfinished), Ok(verdict)) => verdict,
            (Ok(Reading::Unfinished), Err(_)) if self.started.elapsed() < self.deadline => {
                // The one that was started has left long ago; nothing of it stays behind while a person thinks.
                self.program.ends_within(Duration::ZERO);
                return None;
            }
            (Ok(Reading::Unfinished), Err(_)) => failed(TroubleKind::Slow, "the sender gave no verdict in time"),
            (Ok(Reading::Finished), Err(_)) if self.said.is_empty() => {
                failed(TroubleKind::Sender, "the sender said nothing")
            }
            (Ok(Reading::Finished), Err(error)) => failed(TroubleKind::Sender, format!("what the sender said {error}")),
            (Ok(Reading::TooLong), _) => failed(TroubleKind::Sender, "the sender said too much"),
            (Err(error), _) => failed(TroubleKind::Sender, format!("listen to the sender: {error}")),
        };
        // Whoever has spoken has left; if not, it is killed when this is dropped.
        self.program.ends_within(FAREWELL);
        verdict.reports.splice(0..0, self.skipped.drain(..));
        Some(verdict)
    }

    fn let_go(mut self: Box<Self>) -> Option<Verdict> {
        // The one that was started leaves at once; what has been said by then would otherwise be lost with the pipe.
        self.program.ends_within(MARGIN);
        self.wait(Duration::ZERO)
    }
}

/// A message that never set out.
struct Stranded(Verdict);

impl Delivery for Stranded {
    fn wait(&mut self, _: Duration) -> Option<Verdict> {
        Some(self.0.clone())
    }

    fn let_go(self: Box<Self>) -> Option<Verdict> {
        Some(self.0)
    }
}

impl From<SendError> for Stranded {
    fn from(error: SendError) -> Self {
        Self(failed(TroubleKind::Local, error.to_string()))
    }
}

fn failed(kind: TroubleKind, detail: impl Into<String>) -> Verdict {
    Verdict { reports: vec![report("sender", kind, detail)], conversation: Vec::new() }
}

fn report(route: &str, kind: TroubleKind, detail: impl Into<String>) -> Report {
    Report { route: route.to_owned(), trouble: Some(Trouble { kind, detail: detail.into() }) }
}

fn mail_route(transport: &Transport) -> Result<Attempt<MailRoute>, SendError> {
    Ok(match transport {
        Transport::Smtp(settings) => {
            Attempt { route: MailRoute::Smtp(smtp(settings)?), timeout_seconds: settings.timeout.seconds() }
        }
        Transport::Sendmail { command, timeout } => {
            Attempt { route: MailRoute::Sendmail(command.clone()), timeout_seconds: timeout.seconds() }
        }
        Transport::Maildir { path } => {
            Attempt { route: MailRoute::Maildir(path.clone()), timeout_seconds: MAILDIR_SECONDS }
        }
    })
}

fn smtp(settings: &SmtpSettings) -> Result<Smtp, SendError> {
    let credentials = |login: &crate::config::SmtpLogin| {
        let password = secret(&login.password_file)?;
        Ok::<_, SendError>(Credentials { username: login.username.clone(), password, is_token: login.is_token })
    };
    Ok(Smtp {
        server: settings.server.clone(),
        port: settings.port,
        protection: settings.protection,
        credentials: settings.login.as_ref().map(credentials).transpose()?,
        authorities: authorities(settings.ca_file.as_ref())?,
    })
}

fn text_route(settings: &SmsSettings) -> Result<Attempt<TextRoute>, SendError> {
    let route = match &settings.provider {
        Provider::Twilio { account_sid, auth_token_file, from, base_url, ca_file } => TextRoute::Twilio(Twilio {
            base_url: base_url.clone(),
            account_sid: account_sid.clone(),
            auth_token: secret(auth_token_file)?,
            from: from.clone(),
            authorities: authorities(ca_file.as_ref())?,
        }),
        Provider::Http { url, method, headers, body, content, secret_file, success, success_text, ca_file } => {
            TextRoute::Http(Http {
                url: url.as_str().to_owned(),
                method: method.clone(),
                headers: headers.clone(),
                body: body.as_ref().map(|body| body.as_str().to_owned()),
                content: *content,
                secret: secret_file.as_ref().map(secret).transpose()?,
                success: *success,
                success_text: success_text.clone(),
                authorities: authorities(ca_file.as_ref())?,
            })
        }
        Provider::Command(words) => TextRoute::Command(words.clone()),
    };
    Ok(Attempt { route, timeout_seconds: settings.timeout.seconds() })
}

/// The first line of a file that nobody but root may read.
fn secret(path: &AbsolutePath) -> Result<Zeroizing<String>, SendError> {
    let bytes = Zeroizing::new(open(path)?.kept_secret()?.read(SECRET_MAX_BYTES)?);
    let line = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    match std::str::from_utf8(line) {
        Ok(line) if !line.is_empty() => Ok(Zeroizing::new(line.to_owned())),
        _ => Err(SendError::NoSecret { path: path.as_path().display().to_string() }),
    }
}

fn authorities(path: Option<&AbsolutePath>) -> Result<Option<String>, SendError> {
    let Some(path) = path else { return Ok(None) };
    let text = String::from_utf8(open(path)?.read(AUTHORITIES_MAX_BYTES)?);
    text.map(Some).map_err(|_| SendError::NoCertificates { path: path.as_path().display().to_string() })
}

fn open(path: &AbsolutePath) -> Result<crate::sys::TrustedFile, SendError> {
    let (parent, name) = split(path.as_path())?;
    Ok(Directory::open(parent)?.file(name)?.ok_or_else(|| FileError::missing(path.as_path()))?)
}

/// The sender was not started.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path}: has no text in its first line")]
    NoSecret { path: String },
    #[error("{path}: is not PEM text")]
    NoCertificates { path: String },
    #[error("look up who the sender runs as: {why}")]
    LookUp { why: String },
    #[error("there is no unprivileged user {name} to run the sender as")]
    NoUser { name: String },
    #[error("there is no [sms] provider")]
    NoProvider,
    #[error("{program}: {why}")]
    Start { program: String, why: String },
}

/// Where the sender is installed.
pub const PROGRAM: &str = "/usr/libexec/twofactor/twofactor-deliver";
/// What the sender may take beyond the time of its attempts.
const MARGIN: Duration = Duration::from_secs(2);
/// What the process that was started may take to leave, once the verdict is there.
const FAREWELL: Duration = Duration::from_millis(200);
const MAILDIR_SECONDS: u32 = 5;
const SECRET_MAX_BYTES: u64 = 16 * 1024;
const AUTHORITIES_MAX_BYTES: u64 = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use twofactor_message::Mail;

    fn mail() -> Parcel {
        let address = || "a@example.org".parse().unwrap();
        Parcel::Mail(Mail {
            from: address(),
            from_name: None,
            to: vec![address()],
            copy: Vec::new(),
            subject: "x".to_owned(),
            text: "x".to_owned(),
            html: None,
            host: "x".to_owned(),
        })
    }

    /// What becomes of a mail whose sender is this program.
    fn verdict(config: &str, program: &str) -> Verdict {
        let config = Config::parse(format!("deliver_user = 'nobody'\n{config}").as_bytes()).unwrap();
        let sender = Sender { program: Path::new(program), ..Sender::new(&config) };
        sender.send(mail()).wait(Duration::from_secs(10)).unwrap()
    }

    #[test]
    fn a_way_that_can_not_be_loaded_is_reported_as_that_way_and_no_sender_is_started_for_nothing() {
        let smtp = "[mail.smtp]\nserver = 'x'\nusername = 'u'\npassword_file = '/nonexistent/password'";
        let verdict = verdict(smtp, "/nonexistent/sender");
        let [report] = &verdict.reports[..] else { panic!("{verdict:?}") };
        assert_eq!(report.route, "smtp");
        let trouble = report.trouble.as_ref().unwrap();
        assert_eq!(trouble.kind, TroubleKind::Local);
        assert!(trouble.detail.contains("/nonexistent"), "{trouble:?}");
    }

    #[test]
    fn a_sender_that_is_missing_silent_or_talks_nonsense_is_a_trouble_and_never_a_delivery() {
        for (program, expected) in [
            ("/nonexistent/sender", "/nonexistent/sender: cannot start it: No such file or directory (os error 2)"),
            ("/bin/true", "the sender said nothing"),
            ("/usr/bin/id", "what the sender said is not of this release"),
            ("/usr/bin/yes", "the sender said too much"),
        ] {
            let verdict = verdict("", program);
            assert_eq!(verdict.delivered_by(), None);
            assert_eq!(verdict.reports[0].trouble.as_ref().unwrap().detail, expected, "{program}");
        }
    }

    #[test]
    fn nobody_who_is_root_sends_anything() {
        let config = Config::parse(b"deliver_user = 'root'").unwrap();
        let verdict = Sender::new(&config).send(mail()).let_go().unwrap();
        assert!(
            verdict.reports[0].trouble.as_ref().unwrap().detail.contains("no unprivileged user root"),
            "{verdict:?}"
        );
    }

    #[test]
    fn a_secret_is_the_first_line_of_a_file_that_nobody_else_reads() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("password");
        let file = AbsolutePath::try_from(path.to_str().unwrap().to_owned()).unwrap();
        std::fs::write(&path, "hunter2\r\nmore").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(*secret(&file).ok().unwrap(), "hunter2");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(secret(&file).err().unwrap().to_string().ends_with("can be read by others (mode 0640)"));
        std::fs::write(&path, "\nhunter2").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(secret(&file).err().unwrap().to_string().ends_with("has no text in its first line"));
    }
}
