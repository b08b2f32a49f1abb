//! The messages that a login or the tool asks for: whom they go to, and the facts in them.

use twofactor_message::{Code, EmailAddress, Event, Letter, Mail, Note, Occasion, PhoneNumber, Subject, Text, Wording};
use zeroize::Zeroizing;

use crate::config::Config;

/// A message, ready to be sent.
pub enum Parcel {
    /// A mail that is worded.
    Mail(Mail),
    /// A short text that is worded.
    Text(Text),
    /// A mail.
    Letter(Letter),
    /// A short text.
    Note(Note),
}

/// Where a code goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A mailbox.
    Mailbox(EmailAddress),
    /// A telephone.
    Telephone(PhoneNumber),
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

/// A code, good for so many seconds.
#[must_use]
pub fn code(
    config: &Config,
    occasion: Occasion,
    target: Target,
    code: Zeroizing<String>,
    lifetime_seconds: u32,
) -> Parcel {
    let subject = Subject::Code(Code { code, lifetime_seconds });
    match target {
        Target::Mailbox(address) => Parcel::Letter(letter(config, occasion, address, subject, &config.letters.code)),
        Target::Telephone(number) => {
            Parcel::Note(Note { number, subject, occasion, text: config.letters.text.clone() })
        }
    }
}

/// A call for help to the administrator, with a copy to the user if an address is given.
#[must_use]
pub fn rescue(
    config: &Config,
    occasion: Occasion,
    to: EmailAddress,
    reference: &str,
    copy: Option<EmailAddress>,
) -> Parcel {
    let letter = letter(config, occasion, to, Subject::Rescue(reference.to_owned()), &config.letters.rescue);
    Parcel::Letter(Letter { copy: copy.into_iter().collect(), ..letter })
}

/// A notice to the user.
#[must_use]
pub fn notice(config: &Config, occasion: Occasion, news: &News) -> Parcel {
    let subject = Subject::News((news.event, news.detail.clone()));
    Parcel::Letter(letter(config, occasion, news.to.clone(), subject, &config.letters.notice))
}

fn letter(config: &Config, occasion: Occasion, to: EmailAddress, subject: Subject, wording: &Wording) -> Letter {
    Letter {
        from: config.mail.sender(),
        from_name: config.mail.from_name.clone(),
        to: vec![to],
        copy: Vec::new(),
        subject,
        occasion,
        wording: wording.clone(),
    }
}
