//! One attempt: a message and one way to send it.

use std::rc::Rc;

use twofactor_message::{Errand, Load, Mail, MailRoute, Text, TextRoute};

/// What one worker is to do. It holds the only copy of what its way needs, which goes with it.
pub(crate) enum Job {
    /// Send a mail this way.
    Mail(Rc<Mail>, MailRoute),
    /// Send a text this way.
    Text(Rc<Text>, TextRoute),
}

impl Job {
    /// The jobs of an errand in order, each with the seconds it may take.
    pub(crate) fn all(load: Load) -> Vec<(Self, u32)> {
        let mut jobs: Vec<_> = match load {
            Load::Mail((mail, attempts)) => {
                let mail = Rc::new(mail);
                let job = |route| Self::Mail(Rc::clone(&mail), route);
                attempts.into_iter().map(|way| (job(way.route), way.timeout_seconds)).collect()
            }
            Load::Text((text, attempts)) => {
                let text = Rc::new(text);
                let job = |route| Self::Text(Rc::clone(&text), route);
                attempts.into_iter().map(|way| (job(way.route), way.timeout_seconds)).collect()
            }
        };
        jobs.truncate(JOBS_MAX);
        for (_, seconds) in &mut jobs {
            *seconds = (*seconds).clamp(1, JOB_MAX_SECONDS);
        }
        jobs
    }

    /// The way's name in reports and log lines.
    pub(crate) fn route(&self) -> &'static str {
        match self {
            Self::Mail(_, MailRoute::Smtp(_)) => "smtp",
            Self::Mail(_, MailRoute::Sendmail(_)) => "sendmail",
            Self::Mail(_, MailRoute::Maildir(_)) => "maildir",
            Self::Text(_, TextRoute::Twilio(_)) => "twilio",
            Self::Text(_, TextRoute::Http(_)) => "http",
            Self::Text(_, TextRoute::Command(_)) => "command",
        }
    }

    /// Whatever in the message could be a code: a server may quote it, and nobody is to read it there.
    pub(crate) fn codes(&self) -> Vec<String> {
        match self {
            Self::Mail(mail, _) => {
                let html = mail.html.as_deref().unwrap_or_default();
                [&mail.subject, &mail.text, html].into_iter().flat_map(codes).collect()
            }
            Self::Text(text, _) => codes(&text.text).collect(),
        }
    }
}

/// To whom an errand goes, and what of that may stand in a log.
#[derive(Default)]
pub(crate) struct Discretion {
    recipients: Vec<(String, String)>,
}

impl Discretion {
    /// The recipients of an errand, each with its mask.
    pub(crate) fn of(errand: &Errand) -> Self {
        let recipients = match &errand.load {
            Load::Mail((mail, _)) => {
                let everybody = mail.to.iter().chain(&mail.copy);
                everybody.map(|to| (to.as_str().to_ascii_lowercase(), to.masked())).collect()
            }
            Load::Text((text, _)) => {
                let (number, mask) = (text.number.as_str(), text.number.masked());
                // A gateway may repeat it without its plus.
                [number, number.trim_start_matches('+')].map(|number| (number.to_owned(), mask.clone())).into()
            }
        };
        Self { recipients }
    }

    /// A text without the recipients.
    pub(crate) fn without_recipients(&self, text: &str) -> String {
        self.recipients.iter().fold(text.to_owned(), |text, (recipient, mask)| {
            let mut rest = text.as_str();
            let mut masked = String::with_capacity(text.len());
            while let Some(at) = rest.to_ascii_lowercase().find(recipient) {
                masked.push_str(rest.get(..at).unwrap_or_default());
                masked.push_str(mask);
                rest = rest.get(at + recipient.len()..).unwrap_or_default();
            }
            masked + rest
        })
    }

    /// To whom, masked, for a log line.
    pub(crate) fn recipients(&self) -> String {
        let mut masks: Vec<_> = self.recipients.iter().map(|(_, mask)| mask.as_str()).collect();
        masks.dedup();
        masks.join(",")
    }
}

/// Digits, perhaps in groups, as they stand and joined.
fn codes(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_digit() && c != ' ' && c != '-')
        .map(|group| group.trim_matches([' ', '-']))
        .filter(|group| group.bytes().filter(u8::is_ascii_digit).count() >= CODE_MIN_DIGITS)
        .flat_map(|group| [group.to_owned(), group.replace([' ', '-'], "")])
}

/// More ways than any configuration has, and few enough reports for one verdict.
const JOBS_MAX: usize = 16;
const JOB_MAX_SECONDS: u32 = 300;
const CODE_MIN_DIGITS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_could_be_a_code_is_one() {
        let codes = |text| codes(text).collect::<Vec<_>>();
        assert_eq!(codes("Your code is 123 456."), ["123 456", "123456"]);
        assert_eq!(codes("0123-4567, until 12:30; room 42"), ["0123-4567", "01234567"]);
        assert!(codes("none - 1 2 x").is_empty());
    }

    #[test]
    fn a_recipient_is_masked_however_it_is_written() {
        let text = Text { number: "+4930123456".parse().unwrap(), text: String::new() };
        let errand = Errand { load: Load::Text((text, Vec::new())), conversation: false };
        let discretion = Discretion::of(&errand);
        assert_eq!(discretion.without_recipients("to +4930123456 or 4930123456"), "to ***56 or ***56");
        assert_eq!(discretion.recipients(), "***56");
        let mail = Discretion { recipients: vec![("alice@example.org".to_owned(), "a***@e***.org".to_owned())] };
        assert_eq!(mail.without_recipients("<Alice@Example.ORG>: no"), "<a***@e***.org>: no");
    }
}
