//! One attempt: a message and one way to send it.

use twofactor_message::{Errand, Load, Mail, MailRoute, Text, TextRoute};

/// What one worker is to do.
#[derive(Clone, Copy)]
pub(crate) enum Job<'e> {
    /// Send a mail this way.
    Mail(&'e Mail, &'e MailRoute),
    /// Send a text this way.
    Text(&'e Text, &'e TextRoute),
}

impl<'e> Job<'e> {
    /// The jobs of an errand, in order, each with the seconds it may take.
    pub(crate) fn all(errand: &'e Errand) -> Vec<(Self, u32)> {
        let mut jobs: Vec<_> = match &errand.load {
            Load::Mail((mail, attempts)) => {
                attempts.iter().map(|attempt| (Self::Mail(mail, &attempt.route), attempt.timeout_seconds)).collect()
            }
            Load::Text((text, attempts)) => {
                attempts.iter().map(|attempt| (Self::Text(text, &attempt.route), attempt.timeout_seconds)).collect()
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
}

/// What of an errand may not stand in a log: for each recipient the mask, for each code asterisks.
pub(crate) struct Discretion {
    recipients: Vec<(String, String)>,
    codes: Vec<String>,
}

impl Discretion {
    /// What an errand's message contains.
    pub(crate) fn of(errand: &Errand) -> Self {
        match &errand.load {
            Load::Mail((mail, _)) => {
                let everybody = mail.to.iter().chain(&mail.copy);
                let recipients = everybody.map(|to| (to.as_str().to_ascii_lowercase(), to.masked())).collect();
                let html = mail.html.as_deref().unwrap_or_default();
                Self { recipients, codes: [&mail.subject, &mail.text, html].into_iter().flat_map(codes).collect() }
            }
            Load::Text((text, _)) => {
                let (number, mask) = (text.number.as_str(), text.number.masked());
                // A gateway may repeat it without its plus.
                let recipients = [number, number.trim_start_matches('+')];
                let recipients = recipients.into_iter().map(|number| (number.to_owned(), mask.clone())).collect();
                Self { recipients, codes: codes(&text.text).collect() }
            }
        }
    }

    /// A text without the codes, which a server may have quoted from the message.
    pub(crate) fn without_codes(&self, text: &str) -> String {
        self.codes.iter().fold(text.to_owned(), |text, code| text.replace(code, "****"))
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

/// Whatever could be a code: digits, perhaps in groups, as they stand and joined.
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

    fn errand(text: &str) -> Errand {
        let text = Text { number: "+4930123456".parse().unwrap(), text: text.to_owned() };
        Errand { load: Load::Text((text, Vec::new())), conversation: false }
    }

    #[test]
    fn a_code_is_not_repeated_from_a_server_that_quotes_the_message() {
        let discretion = Discretion::of(&errand("Your code is 123 456."));
        assert_eq!(discretion.without_codes("spam: \"123 456\", 123456; 550 5.7.1"), "spam: \"****\", ****; 550 5.7.1");
    }

    #[test]
    fn a_recipient_is_masked_however_it_is_written() {
        let discretion = Discretion::of(&errand(""));
        assert_eq!(discretion.without_recipients("to +4930123456 or 4930123456"), "to ***56 or ***56");
        assert_eq!(discretion.recipients(), "***56");
        let mail = Discretion {
            recipients: vec![("alice@example.org".to_owned(), "a***@e***.org".to_owned())],
            codes: Vec::new(),
        };
        assert_eq!(mail.without_recipients("<Alice@Example.ORG>: no"), "<a***@e***.org>: no");
    }
}
