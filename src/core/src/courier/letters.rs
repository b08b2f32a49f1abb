//! What messages say: the texts of the configuration with everything filled in, from outside or not.

use std::borrow::Cow;

use twofactor_message::{EmailAddress, Mail, PhoneNumber, Template, Text, shown};

use crate::clock::UnixTime;
use crate::config::{Config, Event, Letter};
use crate::sys;

/// A message, ready to be sent.
pub enum Parcel {
    /// A mail.
    Mail(Mail),
    /// A short text.
    Text(Text),
}

/// Where a code goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A mailbox.
    Mailbox(EmailAddress),
    /// A telephone.
    Telephone(PhoneNumber),
}

impl Target {
    /// As much of it as its owner needs to know it again.
    #[must_use]
    pub fn masked(&self) -> String {
        match self {
            Self::Mailbox(address) => address.masked(),
            Self::Telephone(number) => number.masked(),
        }
    }
}

/// What a message is about: who does what, where and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion<'o> {
    /// Whose login.
    pub user: &'o str,
    /// The PAM service, or the tool.
    pub service: &'o str,
    /// From where, if not from this host.
    pub rhost: Option<&'o str>,
    /// The terminal.
    pub tty: Option<&'o str>,
    /// When.
    pub at: UnixTime,
}

/// Something that the user should know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What.
    pub event: Event,
    /// What exactly, in words.
    pub detail: String,
    /// Whom to tell.
    pub to: EmailAddress,
}

impl Occasion<'_> {
    /// A code.
    #[must_use]
    pub fn code(&self, config: &Config, target: &Target, code: &str, lifetime_seconds: u64) -> Option<Parcel> {
        let lifetime = spoken(lifetime_seconds);
        let value = |word: &str| match word {
            "code" => Cow::Borrowed(code),
            "lifetime" => Cow::Borrowed(lifetime.as_str()),
            word => self.value(config, word),
        };
        match target {
            Target::Mailbox(address) => mail(config, &config.letters.code, vec![address.clone()], Vec::new(), value),
            Target::Telephone(number) => {
                let text = shown(&config.letters.text.fill(value));
                Some(Parcel::Text(Text { number: number.clone(), text }))
            }
        }
    }

    /// A call for help to the administrator, with a copy to the user if an address is given.
    #[must_use]
    pub fn rescue(&self, config: &Config, reference: &str, copy: Option<&EmailAddress>) -> Option<Parcel> {
        let command = format!("twofactor bypass {}", shell_word(self.user));
        let value = |word: &str| match word {
            "reference" => Cow::Borrowed(reference),
            "command" => Cow::Owned(shown(&command)),
            word => self.value(config, word),
        };
        let to = config.rescue_mail.clone()?;
        mail(config, &config.letters.rescue, vec![to], copy.cloned().into_iter().collect(), value)
    }

    /// A notice to the user.
    #[must_use]
    pub fn notice(&self, config: &Config, news: &News) -> Option<Parcel> {
        let what = match news.event {
            Event::MethodAdded => "A second factor was added",
            Event::MethodRemoved => "A second factor was removed",
            Event::RecoveryUsed => "A recovery code was used",
            Event::Locked => "Logins are locked after too many wrong codes",
        };
        let value = |word: &str| match word {
            "what" => Cow::Borrowed(what),
            "detail" => Cow::Owned(bounded(&news.detail)),
            word => self.value(config, word),
        };
        mail(config, &config.letters.notice, vec![news.to.clone()], Vec::new(), value)
    }

    /// What is filled in the same way everywhere.
    fn value(&self, config: &Config, word: &str) -> Cow<'static, str> {
        Cow::Owned(match word {
            "user" => bounded(self.user),
            "host" => bounded(&sys::host_name()),
            "service" => bounded(self.service),
            "from" => match (self.rhost, self.tty) {
                (Some(rhost), _) => bounded(rhost),
                (None, Some(tty)) => format!("this host, terminal {}", bounded(tty)),
                (None, None) => "this host".to_owned(),
            },
            "tty" => self.tty.map_or_else(|| "none".to_owned(), bounded),
            "time" => self.at.to_string(),
            "issuer" => config.issuer.clone(),
            _ => String::new(),
        })
    }
}

fn mail<'v>(
    config: &Config,
    letter: &Letter,
    to: Vec<EmailAddress>,
    copy: Vec<EmailAddress>,
    value: impl Fn(&str) -> Cow<'v, str>,
) -> Option<Parcel> {
    let fill = |template: &Template| template.fill(&value);
    let escaped = |template: &Template| template.fill(|word| Cow::Owned(escape(&value(word))));
    Some(Parcel::Mail(Mail {
        from: config.mail.sender()?,
        from_name: config.mail.from_name.clone(),
        to,
        copy,
        subject: shown(&fill(&letter.subject)),
        text: fill(&letter.text),
        html: letter.html.as_ref().map(escaped),
        host: sys::host_name(),
    }))
}

/// Text from outside: on one line, without control characters, and not too long.
fn bounded(text: &str) -> String {
    let mut short: String = shown(text).chars().take(VALUE_MAX_CHARACTERS).collect();
    if short.len() < text.len() && text.chars().count() > VALUE_MAX_CHARACTERS {
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
fn spoken(seconds: u64) -> String {
    let (count, unit) = match seconds {
        seconds if seconds % 3600 == 0 => (seconds / 3600, "hour"),
        seconds if seconds % 60 == 0 => (seconds / 60, "minute"),
        seconds => (seconds, "second"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

const VALUE_MAX_CHARACTERS: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    const OCCASION: Occasion<'_> = Occasion {
        user: "alice",
        service: "sshd",
        rhost: Some("203.0.113.7"),
        tty: Some("ssh"),
        at: UnixTime(1_795_420_800),
    };

    fn config(text: &str) -> Config {
        let rescue = "rescue_mail = 'helpdesk@example.org'\n";
        Config::parse(format!("{rescue}{text}").as_bytes()).unwrap()
    }

    fn mail(parcel: Option<Parcel>) -> Mail {
        match parcel {
            Some(Parcel::Mail(mail)) => mail,
            Some(Parcel::Text(_)) | None => panic!("no mail"),
        }
    }

    fn alice() -> EmailAddress {
        "alice@example.org".parse().unwrap()
    }

    #[test]
    fn a_mailed_code_says_what_was_asked_for_and_what_to_do_if_it_was_not_you() {
        let mail = mail(OCCASION.code(&config(""), &Target::Mailbox(alice()), "123456", 300));
        assert!(mail.subject.starts_with("123456 is your login code for "), "{}", mail.subject);
        for part in ["123456", "alice", "sshd", "203.0.113.7", "2026-11-23 08:00:00 UTC", "5 minutes", "not you"] {
            assert!(mail.text.contains(part), "{part}: {}", mail.text);
        }
        assert_eq!((mail.to, mail.html), (vec![alice()], None));
    }

    #[test]
    fn a_call_for_help_has_the_command_that_helps() {
        let called = mail(OCCASION.rescue(&config(""), "K7QM3R9X", Some(&alice())));
        assert_eq!((called.to[0].as_str(), called.copy), ("helpdesk@example.org", vec![alice()]));
        assert!(called.text.contains("\n  twofactor bypass alice\n") && called.subject.contains("[K7QM3R9X]"));
        for (user, command) in [("-rf", "twofactor bypass -- '-rf'"), ("a'; b", r"twofactor bypass -- 'a'\''; b'")] {
            let called = mail(Occasion { user, ..OCCASION }.rescue(&config(""), "K", None));
            assert!(called.text.contains(command), "{}", called.text);
        }
    }

    #[test]
    fn nothing_from_outside_ends_a_line_or_opens_a_tag() {
        let long = "x".repeat(4096);
        for evil in ["a\r\nBcc: b@c", "a\0b", "\u{1b}[2J", "<script>", "\u{202e}", &long] {
            let occasion = Occasion { user: evil, service: evil, rhost: Some(evil), tty: Some(evil), at: UnixTime(0) };
            let config = config(
                "[mail.code]\nsubject = '{user}{from}'\ntext = '{code}{user}'\nhtml = '<p>{code}{user}{from}</p>'",
            );
            let mail = mail(occasion.code(&config, &Target::Mailbox(alice()), "123456", 300));
            let html = mail.html.unwrap();
            for text in [&mail.subject, &mail.text, &html] {
                assert!(!text.contains(['\r', '\n', '\0', '\u{1b}', '\u{202e}']) && text.len() < 600, "{text:?}");
            }
            assert!(!html.contains("<script>"));
            let Some(Parcel::Text(text)) =
                occasion.code(&config, &Target::Telephone("+4930123456".parse().unwrap()), "1", 60)
            else {
                panic!("no text")
            };
            assert!(text.text.chars().all(|c| !c.is_control()) && text.text.len() < 1000);
        }
    }

    #[test]
    fn lifetimes_are_said_as_people_say_them() {
        for (seconds, text) in
            [(1, "1 second"), (90, "90 seconds"), (60, "1 minute"), (300, "5 minutes"), (3600, "1 hour")]
        {
            assert_eq!(spoken(seconds), text);
        }
    }
}
