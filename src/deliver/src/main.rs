//! `twofactor-deliver UID GID`: sends one message and answers how it went.
//!
//! Reads one [`Errand`](twofactor_message::Errand) from its standard input and writes one
//! [`Verdict`](twofactor_message::Verdict) to its standard output. Three processes, each trusting the next one less:
//!
//! 1. The one that was started becomes UID and GID for good, reads the errand, starts the second and is gone, so that
//!    the host has nothing to wait for ([`startup`]).
//! 2. The [`supervisor`] starts a worker for each way to send, keeps the time, kills, and answers. It never sees a byte
//!    of a server.
//! 3. The [`worker`] locks itself in as far as its way allows ([`confinement`]), talks to the server and reports.
//!
//! It refuses to be root, to read any file of the second factor, and to believe a server that says too much.

mod calls;
mod channel;
mod confinement;
mod conversation;
mod http;
mod job;
mod letter;
mod limits;
mod maildir;
mod network;
mod process;
mod program;
mod smtp;
mod startup;
mod supervisor;
mod tls;
mod trouble;
mod worker;

use std::panic::catch_unwind;
use std::process::ExitCode;

fn main() -> ExitCode {
    match catch_unwind(startup::prepare).unwrap_or_else(|_| Err(trouble::sender("panicked"))) {
        Ok(errand) => supervisor::take_over(errand),
        Err(trouble) => {
            supervisor::give_up(trouble);
            ExitCode::FAILURE
        }
    }
}
