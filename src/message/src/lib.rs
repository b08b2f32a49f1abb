//! The words that every part shares: addresses, what is sent and how it went, and text from outside made safe to show.
//!
//! The process that talks to the network depends on this crate alone, so nothing here can name an enrolment, a
//! secret of a person or a file of ours.
#![forbid(unsafe_code)]

mod address;
mod errand;
mod frame;
mod language;
mod letter;
mod number;
mod printable;
mod template;
mod verdict;

pub use address::{AddressError, EmailAddress};
pub use errand::{
    Attempt, Content, Credentials, ERRAND_MAX_BYTES, Errand, Http, Load, Mail, MailRoute, Order, Ordered, Protection,
    Smtp, Text, TextRoute, Twilio,
};
pub use frame::FrameError;
pub use language::Language;
pub use letter::{CODE_WORDS, Code, Event, Letter, NOTICE_WORDS, Note, Occasion, RESCUE_WORDS, Subject, Wording};
pub use number::{NumberError, PhoneNumber};
pub use printable::{logged, shown};
pub use template::{Template, TemplateError};
pub use verdict::{Report, Trouble, TroubleKind, VERDICT_MAX_BYTES, Verdict};
