//! A sandbox with a name, an authority and a Maildir to fall back to; errands, and what holds of every verdict.

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use support::{Authority, Certificate, Heard, HostileSmtp, Postfix, Process, Sandbox, Sender, Sent, Stage};
use twofactor_message::{
    Attempt, Credentials, Errand, Load, Mail, MailRoute, Protection, Report, Smtp, Text, TextRoute, TroubleKind,
};

pub const SERVER: &str = "mail.example.test";
pub const CODE: &str = "314159";
pub const NUMBER: &str = "+4915112345678";
pub const USER: &str = "mailer";
pub const PASSWORD: &str = "horse \"battery\" \u{fc}";
/// User and password for AUTH PLAIN (RFC 4616), and the password alone.
pub const PLAIN: &str = "AG1haWxlcgBob3JzZSAiYmF0dGVyeSIgw7w=";
pub const PASSWORD_BASE64: &str = "aG9yc2UgImJhdHRlcnkiIMO8";
pub const SPOOL: &str = "/var/spool/twofactor";
/// Seconds for what takes none.
pub const ENOUGH: u32 = 20;
/// More would be in one another's way on a small machine, and late.
const AT_ONCE: usize = 6;
/// Beyond the time that an attempt may take.
const MARGIN: Duration = Duration::from_secs(1);

pub struct House {
    pub sandbox: Sandbox,
    pub authority: Authority,
    port: AtomicU16,
}

impl House {
    pub fn new() -> House {
        let sandbox = Sandbox::new();
        sandbox.name_host("127.0.0.1", &[SERVER]);
        let sender = Sender::new(&sandbox);
        sandbox.bash(&format!("mkdir -m 700 {SPOOL}; chown {}:{} {SPOOL}", sender.uid, sender.gid)).succeeded();
        House { sandbox, authority: Authority::new(), port: AtomicU16::new(1000) }
    }

    pub fn sender(&self) -> Sender<'_> {
        Sender::new(&self.sandbox)
    }

    /// A mail server with people and a password.
    pub fn postfix(&self) -> Postfix<'_> {
        let postfix = Postfix::start(&self.sandbox, &self.certificate());
        self.sandbox.add_user("alice", "correct horse");
        self.sandbox.add_user("bob", "correct horse");
        postfix.password(USER, PASSWORD);
        postfix
    }

    /// What the good server shows.
    pub fn certificate(&self) -> Certificate {
        self.authority.certificate(SERVER)
    }

    /// One that nobody else here uses.
    pub fn port(&self) -> u16 {
        self.port.fetch_add(1, Ordering::Relaxed)
    }

    /// A way that trusts this house's authority.
    pub fn trusting(&self, smtp: Smtp) -> MailRoute {
        MailRoute::Smtp(Smtp { authorities: Some(self.authority.pem()), ..smtp })
    }

    /// The mail, by one server and otherwise into the Maildir.
    pub fn mail(&self, smtp: Smtp) -> Errand {
        errand([(self.trusting(smtp), ENOUGH)])
    }

    /// Meets every server, some at the same time, and checks what has to hold of all of them.
    pub fn meet(&self, cases: Vec<Case>) -> Vec<(String, Sent, Heard)> {
        let mut met = Vec::new();
        let mut left = cases.into_iter().peekable();
        while left.peek().is_some() {
            thread::scope(|scope| {
                let some: Vec<_> =
                    left.by_ref().take(AT_ONCE).map(|case| scope.spawn(|| self.meet_one(case))).collect();
                let ended = some.into_iter().map(|one| one.join().unwrap_or_else(|panic| resume_unwind(panic)));
                met.extend(ended);
            });
        }
        assert_eq!(self.left_over(), Vec::<String>::new());
        met
    }

    fn meet_one(&self, case: Case) -> (String, Sent, Heard) {
        let Case { what, server, kind } = case;
        let script = server.script();
        let (port, protection) = (self.port(), server.protection());
        let seconds = if kind == TroubleKind::Slow { 1 } else { ENOUGH };
        let server = server.start(&self.sandbox, port);
        let sent = self.sender().send(&errand([(self.trusting(smtp(port, protection)), seconds)]));
        let heard = server.heard();
        assert_eq!(trouble(&sent, 0).0, kind, "{what}: {sent:#?}\n{heard:#?}");
        assert_eq!(sent.verdict.delivered_by(), Some("maildir"), "{what}: {sent:#?}");
        assert_eq!(heard.connections(), 1, "{what}");
        let stages: BTreeSet<Stage> = heard.stages().into_iter().collect();
        assert_eq!(stages, script, "{what}: not all of the script took place: {heard:#?}");
        in_time(&sent, seconds);
        if kind == TroubleKind::Slow {
            assert!(sent.took > Duration::from_secs(seconds.into()), "{what}: given up early: {sent:#?}");
        }
        discreet(&sent);
        (what, sent, heard)
    }

    /// What is still running of the sender, or waits for somebody to ask how it ended.
    pub fn left_over(&self) -> Vec<String> {
        let uid = self.sender().uid.to_string();
        let describe = |process: &Process| {
            let ours = process.program().is_some_and(|path| path.ends_with("twofactor-deliver"))
                || process.status_if_any("Uid")?.split_whitespace().any(|id| id == uid);
            let state = process.status_if_any("State")?;
            ours.then(|| format!("{}: {state}", process.pid))
        };
        // Between the last word and the end of a process there is a moment.
        let deadline = Instant::now() + Duration::from_millis(500);
        loop {
            let left: Vec<_> = self.sandbox.every_process().iter().filter_map(describe).collect();
            if left.is_empty() || Instant::now() > deadline {
                return left;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A mail server that is to be met, and the kind of trouble that this is.
pub struct Case {
    pub what: String,
    pub server: HostileSmtp,
    pub kind: TroubleKind,
}

impl Case {
    pub fn new(what: impl Into<String>, server: HostileSmtp, kind: TroubleKind) -> Case {
        Case { what: what.into(), server, kind }
    }
}

/// The mail by some ways, and at last into the Maildir. The conversation is wanted.
pub fn errand(ways: impl IntoIterator<Item = (MailRoute, u32)>) -> Errand {
    let last = (MailRoute::Maildir(SPOOL.to_owned()), ENOUGH);
    let ways = ways.into_iter().chain([last]);
    let attempts = ways.map(|(route, timeout_seconds)| Attempt { route, timeout_seconds }).collect();
    Errand { load: Load::Mail((mail(), attempts)), conversation: true }
}

pub fn mail() -> Mail {
    Mail {
        from: "twofactor@example.test".parse().unwrap(),
        from_name: Some("Example \u{2013} \"logins\"".to_owned()),
        to: vec!["alice@example.test".parse().unwrap()],
        copy: vec!["bob@example.test".parse().unwrap()],
        subject: format!("{CODE} is your code f\u{fc}r testhost"),
        text: format!("Ihr K\u{fc}rzel: {CODE}\n.\n.hidden\nFrom here\n"),
        html: Some(format!("<p>Ihr K\u{fc}rzel: <b>{CODE}</b></p>\n")),
        host: "testhost.example.test".to_owned(),
    }
}

pub fn smtp(port: u16, protection: Protection) -> Smtp {
    let password = PASSWORD.to_owned().into();
    let credentials = Some(Credentials { username: USER.to_owned(), password, is_token: false });
    Smtp { server: SERVER.to_owned(), port, protection, credentials, authorities: None }
}

/// A short text by some ways.
pub fn text(ways: impl IntoIterator<Item = (TextRoute, u32)>) -> Errand {
    let text = Text { number: NUMBER.parse().unwrap(), text: format!("{CODE} is your code & \"f\u{fc}r\" testhost") };
    let attempts = ways.into_iter().map(|(route, timeout_seconds)| Attempt { route, timeout_seconds }).collect();
    Errand { load: Load::Text((text, attempts)), conversation: true }
}

/// By this way and at the first attempt.
#[track_caller]
pub fn delivered(sent: &Sent, route: &str) {
    let report = Report { route: route.to_owned(), trouble: None };
    assert_eq!(sent.verdict.reports, [report], "{sent:#?}");
    discreet(sent);
}

/// The trouble of an attempt.
#[track_caller]
pub fn trouble(sent: &Sent, attempt: usize) -> (TroubleKind, &str) {
    let report = sent.verdict.reports.get(attempt).unwrap_or_else(|| panic!("no such attempt: {sent:#?}"));
    let trouble = report.trouble.as_ref().unwrap_or_else(|| panic!("no trouble: {sent:#?}"));
    (trouble.kind, &trouble.detail)
}

/// Not much later than after this time, in which everything after the first attempt took none.
#[track_caller]
pub fn in_time(sent: &Sent, seconds: u32) {
    assert!(sent.took < Duration::from_secs(seconds.into()) + MARGIN, "{sent:#?}");
}

/// No secret in it, in no form; and nothing but printable ASCII, and not too much of it.
#[track_caller]
pub fn discreet(sent: &Sent) {
    let details = sent.verdict.reports.iter().filter_map(|report| Some(&report.trouble.as_ref()?.detail));
    for detail in details.clone() {
        assert!((1..=300).contains(&detail.len()) && !detail.contains(CODE), "{} bytes: {detail}", detail.len());
    }
    for text in details.chain(&sent.verdict.conversation) {
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
        for secret in [PASSWORD, "horse", "battery", PLAIN, PASSWORD_BASE64] {
            assert!(!text.contains(secret), "{secret} in {text:?}");
        }
    }
}

pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970").as_secs() as i64
}
