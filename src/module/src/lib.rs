//! `pam_twofactor.so`: the door through which a host enters. It reads the module's arguments, copies what the host
//! knows of the login, lends the conversation and the log to [`twofactor_core::login`], and turns the outcome into a
//! PAM code. It decides nothing.
//!
//! A guest leaves everything as it was: no thread, no signal handler, no environment, no standard stream.

mod arguments;
mod entry;
mod ffi;
mod host;
mod outcome;
mod panic;
