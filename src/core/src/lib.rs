//! All that decides: who must prove what, whether a code is right, what is remembered of it, and what the person at
//! the prompt and the administrator at the log are told. No libpam, no terminal, no network.
//!
//! The floors, from the top; a module uses only what stands below it (`tests/tests/architecture.rs` says so):
//!
//! | floor | modules |
//! | --- | --- |
//! | flow | [`login`], [`registrar`] |
//! | reach | [`courier`], [`clerk`] |
//! | records | [`store`], [`state`], [`enrolment`], [`keyring`], [`config`], [`document`] |
//! | meaning | [`words`], [`policy`], [`throttle`], [`factor`] |
//! | ground | [`sys`], [`account`], [`secret`], [`clock`] |
#![forbid(unsafe_code)]

pub mod login;
pub mod registrar;

pub mod clerk;

pub mod courier;

pub mod store;

pub mod state;

pub mod enrolment;

pub mod keyring;

pub mod config;

pub mod document;

pub mod words;

pub mod policy;

pub mod throttle;

pub mod factor;

pub mod sys;

pub mod account;
pub mod clock;
pub mod secret;
