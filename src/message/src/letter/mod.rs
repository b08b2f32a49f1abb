//! What messages say. The process that asks for a message gives facts; the sender makes sentences of them, so that text
//! from outside is worked on where nothing can be lost.

mod english;
mod french;
mod german;

use std::borrow::Cow;

use zeroize::Zeroizing;

use crate::frame::{either, record, words};
use crate::{EmailAddress, Language, Mail, PhoneNumber, Template, Text, shown};

/// A mail that is still to be worded.
pub struct Letter {
    /// The sender's address.
    pub from: EmailAddress,
    /// What the sender is called.
    pub from_name: Option<String>,
    /// To whom; at least one.
    pub to: Vec<EmailAddress>,
    /// Who gets a copy.
    pub copy: Vec<EmailAddress>,
    /// What it is about.
    pub subject: Subject,
    /// Who does what, where and when.
    pub occasion: Occasion,
    /// The administrator's words in the place of ours.
    pub wording: Wording,
}

/// A short text that is still to be worded.
pub struct Note {
    /// To whom.
    pub number: PhoneNumber,
    /// What it is about.
    pub subject: Subject,
    /// Who does what, where and when.
    pub occasion: Occasion,
    /// The administrator's words in the place of ours.
    pub text: Option<String>,
}

/// What a message is about.
pub enum Subject {
    /// A code to log in with.
    Code(Code),
    /// A call for help to the administrator; its reference.
    Rescue(String),
    /// Something that the user should know of.
    News((Event, String)),
}

/// A code, and how long it is good.
pub struct Code {
    /// The code.
    pub code: Zeroizing<String>,
    /// How long, in seconds.
    pub lifetime_seconds: u32,
}

/// Something that a user is told of by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A method was added.
    MethodAdded,
    /// A method was removed.
    MethodRemoved,
    /// A recovery code let somebody in.
    RecoveryUsed,
    /// Wrong codes have locked the account.
    Locked,
}

/// Who does what, where and when: all of it from outside and not to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// Whose login.
    pub user: String,
    /// The PAM service, or the tool.
    pub service: String,
    /// From where, if not from this host.
    pub rhost: Option<String>,
    /// The terminal.
    pub tty: Option<String>,
    /// When, in seconds since 1970.
    pub at: u64,
    /// This host's name.
    pub host: String,
    /// The name of the organisation.
    pub issuer: String,
    /// What whoever is written to reads.
    pub language: Language,
}

/// Texts of the administrator, with places to fill in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wording {
    /// One line.
    pub subject: Option<String>,
    /// The plain text.
    pub text: Option<String>,
    /// The same as HTML; values are escaped in it.
    pub html: Option<String>,
}

record!(Letter { from, from_name, to, copy, subject, occasion, wording });
record!(Note { number, subject, occasion, text });
either!(Subject { Code = 1, Rescue = 2, News = 3 });
record!(Code { code, lifetime_seconds });
words!(Event { MethodAdded = 1, MethodRemoved = 2, RecoveryUsed = 3, Locked = 4 });
record!(Occasion { user, service, rhost, tty, at, host, issuer, language });
record!(Wording { subject, text, html });

impl Letter {
    /// The mail in words.
    #[must_use]
    pub fn compose(&self) -> Mail {
        let (subject, text) = self.subject.own_words(self.occasion.phrases());
        let fill = |own: Option<&str>, default| {
            worded(own.unwrap_or(default), |word| self.subject.value(word, &self.occasion))
        };
        let html = |own| worded(own, |word| Cow::Owned(escape(&self.subject.value(word, &self.occasion))));
        Mail {
            from: self.from.clone(),
            from_name: self.from_name.clone(),
            to: self.to.clone(),
            copy: self.copy.clone(),
            subject: shown(&fill(self.wording.subject.as_deref(), subject)),
            text: fill(self.wording.text.as_deref(), text),
            html: self.wording.html.as_deref().map(html),
            host: self.occasion.host.clone(),
        }
    }
}

impl Note {
    /// The text in words.
    #[must_use]
    pub fn compose(&self) -> Text {
        let own = self.text.as_deref().unwrap_or(self.occasion.phrases().sms_text);
        let text = worded(own, |word| self.subject.value(word, &self.occasion));
        Text { number: self.number.clone(), text: shown(&text) }
    }
}

impl Subject {
    /// Our own subject and text.
    fn own_words(&self, own: &'static Phrases) -> (&'static str, &'static str) {
        match self {
            Self::Code(_) => (own.code_subject, own.code_text),
            Self::Rescue(_) => (own.rescue_subject, own.rescue_text),
            Self::News(_) => (own.notice_subject, own.notice_text),
        }
    }

    /// What is filled in for a word.
    fn value<'v>(&'v self, word: &str, occasion: &'v Occasion) -> Cow<'v, str> {
        match (self, word) {
            (Self::Code(Code { code, .. }), "code") => Cow::Borrowed(code),
            (Self::Code(Code { lifetime_seconds, .. }), "lifetime") => {
                Cow::Owned(spoken(*lifetime_seconds, occasion.phrases()))
            }
            (Self::Rescue(reference), "reference") => Cow::Owned(bounded(reference)),
            (Self::Rescue(_), "command") => {
                Cow::Owned(shown(&format!("twofactor bypass {}", shell_word(&occasion.user))))
            }
            (Self::News((event, _)), "what") => Cow::Borrowed(event.words(occasion.phrases())),
            (Self::News((_, detail)), "detail") => Cow::Owned(bounded(detail)),
            (_, word) => Cow::Owned(occasion.value(word)),
        }
    }
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::MethodAdded, Self::MethodRemoved, Self::RecoveryUsed, Self::Locked];

    /// The name in the configuration and in log lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MethodAdded => "method-added",
            Self::MethodRemoved => "method-removed",
            Self::RecoveryUsed => "recovery-used",
            Self::Locked => "locked",
        }
    }

    fn words(self, own: &'static Phrases) -> &'static str {
        match self {
            Self::MethodAdded => own.method_added,
            Self::MethodRemoved => own.method_removed,
            Self::RecoveryUsed => own.recovery_used,
            Self::Locked => own.locked,
        }
    }
}

/// Our own words in one language. Their places to fill in are those of the administrator's.
struct Phrases {
    code_subject: &'static str,
    code_text: &'static str,
    rescue_subject: &'static str,
    rescue_text: &'static str,
    notice_subject: &'static str,
    notice_text: &'static str,
    sms_text: &'static str,
    method_added: &'static str,
    method_removed: &'static str,
    recovery_used: &'static str,
    locked: &'static str,
    this_host: &'static str,
    /// With a place for `{tty}`.
    this_terminal: &'static str,
    no_terminal: &'static str,
    /// One, and more of them.
    hours: (&'static str, &'static str),
    minutes: (&'static str, &'static str),
    seconds: (&'static str, &'static str),
}

impl Occasion {
    fn phrases(&self) -> &'static Phrases {
        match self.language {
            Language::En => &english::PHRASES,
            Language::De => &german::PHRASES,
            Language::Fr => &french::PHRASES,
        }
    }

    fn value(&self, word: &str) -> String {
        let own = self.phrases();
        match word {
            "user" => bounded(&self.user),
            "host" => bounded(&self.host),
            "service" => bounded(&self.service),
            "from" => match (&self.rhost, &self.tty) {
                (Some(rhost), _) => bounded(rhost),
                (None, Some(tty)) => worded(own.this_terminal, |_| Cow::Owned(bounded(tty))),
                (None, None) => own.this_host.to_owned(),
            },
            "tty" => self.tty.as_deref().map_or_else(|| own.no_terminal.to_owned(), bounded),
            "time" => point_in_time(self.at),
            "issuer" => bounded(&self.issuer),
            _ => String::new(),
        }
    }
}

/// A text with everything filled in. The words were checked where the text was read.
fn worded<'v>(text: &str, value: impl Fn(&str) -> Cow<'v, str>) -> String {
    Template::of(text).fill(value)
}

/// Text from outside: on one line, without control characters, and not too long.
fn bounded(text: &str) -> String {
    let mut short: String = shown(text).chars().take(VALUE_MAX_CHARACTERS).collect();
    if text.chars().count() > VALUE_MAX_CHARACTERS {
        short.push_str("...");
    }
    short
}

/// Text as it stands in HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// One word for a shell, whatever is in it.
fn shell_word(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.@-".contains(&b);
    if text.bytes().all(plain) && !text.starts_with('-') {
        return text.to_owned();
    }
    format!("-- '{}'", text.replace('\'', "'\\''"))
}

/// `30 seconds`, `5 minutes`, `1 hour`.
fn spoken(seconds: u32, own: &Phrases) -> String {
    let (count, (one, more)) = match seconds {
        seconds if seconds % 3600 == 0 => (seconds / 3600, own.hours),
        seconds if seconds % 60 == 0 => (seconds / 60, own.minutes),
        seconds => (seconds, own.seconds),
    };
    format!("{count} {}", if count == 1 { one } else { more })
}

/// `2026-11-23 08:15:42 UTC`.
fn point_in_time(seconds: u64) -> String {
    let (days, second) = (seconds / DAY_SECONDS, seconds % DAY_SECONDS);
    // Years that begin in March, in eras of 400 years, so that the leap day is the last day of a year.
    let days = days.saturating_add(DAYS_TO_1970);
    let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, carried) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + carried;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day_of_month:02} {hour:02}:{minute:02}:{second:02} UTC")
}

const DAY_SECONDS: u64 = 86_400;
/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: u64 = 719_468;
const ERA_DAYS: u64 = 146_097;
const VALUE_MAX_CHARACTERS: usize = 120;

/// What is filled in where a code is sent.
pub const CODE_WORDS: [&str; 8] = ["code", "user", "host", "service", "from", "time", "lifetime", "issuer"];
/// What is filled in where the administrator is asked for help.
pub const RESCUE_WORDS: [&str; 9] =
    ["user", "host", "service", "from", "tty", "time", "reference", "command", "issuer"];
/// What is filled in where the user is told of a change.
pub const NOTICE_WORDS: [&str; 8] = ["what", "detail", "user", "host", "service", "from", "time", "issuer"];

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [&Phrases; 3] = [&english::PHRASES, &german::PHRASES, &french::PHRASES];
    /// The letters with accents in the default alphabet of GSM 03.38.
    const GSM_LETTERS: &str = "àäåæèéìñòöøùüßÄÅÆÇÉÑÖØÜ";

    fn occasion() -> Occasion {
        Occasion {
            user: "alice".to_owned(),
            service: "sshd".to_owned(),
            rhost: Some("203.0.113.7".to_owned()),
            tty: Some("ssh".to_owned()),
            at: 1_795_420_800,
            host: "web1".to_owned(),
            issuer: "example.org".to_owned(),
            language: Language::En,
        }
    }

    fn code() -> Subject {
        Subject::Code(Code { code: Zeroizing::new("123456".to_owned()), lifetime_seconds: 300 })
    }

    fn letter(subject: Subject) -> Letter {
        Letter {
            from: "twofactor@example.org".parse().unwrap(),
            from_name: None,
            to: vec!["alice@example.org".parse().unwrap()],
            copy: Vec::new(),
            subject,
            occasion: occasion(),
            wording: Wording::default(),
        }
    }

    #[test]
    fn every_word_of_our_own_texts_is_filled_in() {
        for own in ALL {
            for (words, texts) in [
                (&CODE_WORDS[..], vec![own.code_subject, own.code_text, own.sms_text]),
                (&RESCUE_WORDS, vec![own.rescue_subject, own.rescue_text]),
                (&NOTICE_WORDS, vec![own.notice_subject, own.notice_text]),
                (&["tty"], vec![own.this_terminal]),
            ] {
                for text in texts {
                    assert_eq!(Template::new(text, words).map_err(|error| error.to_string()), Ok(Template::of(text)));
                }
            }
        }
        let subjects = [
            (code(), &CODE_WORDS[..]),
            (Subject::Rescue("K7".to_owned()), &RESCUE_WORDS),
            (Subject::News((Event::Locked, "x".to_owned())), &NOTICE_WORDS),
        ];
        for (subject, words) in &subjects {
            for word in *words {
                assert_ne!(subject.value(word, &occasion()), "", "{word}");
            }
        }
    }

    /// The words of a text, whatever their order.
    fn sorted(text: &str) -> Vec<String> {
        let mut words: Vec<_> = Template::of(text).words().map(str::to_owned).collect();
        words.sort();
        words.dedup();
        words
    }

    #[test]
    fn no_language_says_less_than_another() {
        let english = &english::PHRASES;
        for own in ALL {
            for (ours, theirs) in [
                (own.code_subject, english.code_subject),
                (own.code_text, english.code_text),
                (own.rescue_subject, english.rescue_subject),
                (own.rescue_text, english.rescue_text),
                (own.notice_subject, english.notice_subject),
                (own.notice_text, english.notice_text),
                (own.sms_text, english.sms_text),
            ] {
                assert_eq!(sorted(ours), sorted(theirs), "{ours}");
                assert!(ours.lines().all(|line| line.chars().count() <= 78) || ours == own.sms_text, "{ours}");
                assert!(ours.lines().all(|line| line.trim_end() == line && shown(line) == line), "{ours:?}");
            }
            // What is searched for is in front, also in a list of mails that is narrow.
            assert!(own.code_subject.starts_with("{code} ") && own.sms_text.starts_with("{code} "));
        }
    }

    #[test]
    fn our_own_text_messages_need_no_more_than_seven_bits_a_character() {
        for own in ALL {
            assert!(own.sms_text.chars().all(|c| c.is_ascii() || GSM_LETTERS.contains(c)), "{}", own.sms_text);
        }
    }

    #[test]
    fn everybody_is_written_to_in_their_own_language() {
        let mut letter = letter(code());
        letter.occasion.rhost = None;
        letter.occasion.language = Language::De;
        let mail = letter.compose();
        assert_eq!(mail.subject, "123456 ist Ihr Anmeldecode für web1");
        for part in ["Anmeldung als alice auf web1", "diesem Rechner, Terminal ssh", "5 Minuten, einmal"] {
            assert!(mail.text.contains(part), "{part}: {}", mail.text);
        }
        letter.occasion.language = Language::Fr;
        letter.subject = Subject::News((Event::RecoveryUsed, "x".to_owned()));
        assert_eq!(letter.compose().subject, "Un code de secours a été utilisé\u{a0}: alice sur web1");
        letter.wording.subject = Some("{what}!".to_owned());
        assert_eq!(letter.compose().subject, "Un code de secours a été utilisé!");
    }

    #[test]
    fn a_mailed_code_says_what_was_asked_for_and_what_to_do_if_it_was_not_you() {
        let mail = letter(code()).compose();
        assert_eq!(mail.subject, "123456 is your login code for web1");
        for part in ["123456", "alice", "sshd", "203.0.113.7", "2026-11-23 08:00:00 UTC", "5 minutes", "not you"] {
            assert!(mail.text.contains(part), "{part}: {}", mail.text);
        }
        assert_eq!(mail.html, None);
    }

    #[test]
    fn a_call_for_help_has_the_command_that_helps() {
        let mut letter = letter(Subject::Rescue("k7qm-3r9x".to_owned()));
        let mail = letter.compose();
        assert!(mail.text.contains("\n  twofactor bypass alice\n"), "{}", mail.text);
        assert_eq!(mail.subject, "alice asks for help to log in to web1 [k7qm-3r9x]");
        for (user, command) in [("-rf", "twofactor bypass -- '-rf'"), ("a'; b", r"twofactor bypass -- 'a'\''; b'")] {
            letter.occasion.user = user.to_owned();
            assert!(letter.compose().text.contains(command));
        }
    }

    #[test]
    fn nothing_from_outside_ends_a_line_or_opens_a_tag() {
        let long = "x".repeat(4096);
        for evil in ["a\r\nBcc: b@c", "a\0b", "\u{1b}[2J", "<script>", "\u{202e}", "{code}", &long] {
            let mut letter = letter(code());
            let evil = || evil.to_owned();
            letter.occasion =
                Occasion { user: evil(), service: evil(), rhost: Some(evil()), tty: None, host: evil(), ..occasion() };
            let own = |text: &str| Some(text.to_owned());
            letter.wording =
                Wording { subject: own("{user}{from}"), text: own("{code}{user}"), html: own("<p>{user}{host}</p>") };
            let mail = letter.compose();
            let html = mail.html.unwrap();
            for text in [&mail.subject, &mail.text, &html] {
                assert!(!text.contains(['\r', '\n', '\0', '\u{1b}', '\u{202e}']) && text.len() < 600, "{text:?}");
            }
            assert!(!html.contains("<script>"));
            assert!(!mail.subject.contains("123456"), "what is filled in is not filled in again");
            let number = "+4930123456".parse().unwrap();
            let text = Note { number, subject: code(), occasion: letter.occasion, text: None }.compose().text;
            assert!(text.chars().all(|c| !c.is_control()) && text.len() < 1000, "{text}");
        }
    }

    #[test]
    fn lifetimes_are_said_as_people_say_them() {
        for (seconds, text) in
            [(1, "1 second"), (90, "90 seconds"), (60, "1 minute"), (300, "5 minutes"), (3600, "1 hour")]
        {
            assert_eq!(spoken(seconds, &english::PHRASES), text);
        }
        assert_eq!(spoken(3600, &german::PHRASES), "1 Stunde");
        assert_eq!(spoken(300, &french::PHRASES), "5 minutes");
    }

    #[test]
    fn a_point_in_time_reads_as_a_date() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(point_in_time(seconds), text);
        }
        let _ = point_in_time(u64::MAX);
    }
}
