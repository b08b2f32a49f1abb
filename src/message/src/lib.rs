//! The words that every part shares: addresses, and text from outside made safe to show.
//!
//! The process that talks to the network depends on this crate alone, so nothing here can name an enrolment, a
//! secret or a file of ours.
#![forbid(unsafe_code)]

mod address;
mod printable;

pub use address::{AddressError, EmailAddress};
pub use printable::{logged, shown};
