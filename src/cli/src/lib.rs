//! `twofactor`: sets up, looks after and takes away second factors.
//!
//! One command, one file in `commands/`; each answers with a value that `output` shows as text or as JSON, or with
//! a `failure::Failure` of two lines: what is wrong, and what to do.

mod application;
mod arguments;
mod commands;
mod csv;
mod failure;
#[cfg(fuzzing)]
pub mod fuzzed;
mod interruption;
mod markup;
mod office;
mod otpauth;
mod output;
mod pam;
mod paper;
mod post;
mod progress;
mod qr;
mod roll;
mod sheet;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use nix::sys::prctl::set_dumpable;

use arguments::{Arguments, Command};
use failure::Failure;
use output::Output;

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    // Whatever ends it, Ctrl-\ for one, leaves no core with a secret in it. Nothing that this asks can be refused
    // (PR_SET_DUMPABLE(2const)).
    let _ = set_dumpable(false);
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return failure::misused(&error),
    };
    let mut output = Output::new(arguments.json, arguments.quiet);
    match run(&arguments, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failed(&failure),
    }
}

fn run(arguments: &Arguments, output: &mut Output) -> Result<(), Failure> {
    let config = arguments.config.as_deref();
    match &arguments.command {
        Command::Setup(setup) => commands::setup::run(setup, config, output),
        Command::Status { user } => commands::status::run(user.as_deref(), config, output),
        Command::List => commands::list::run(config, output),
        Command::Report(report) => commands::report::run(report, config, output),
        Command::Try { user, service } => commands::trial::run(user, service, config, output),
        Command::Recovery { user } => commands::recovery::run(user, config, output),
        Command::Policy(policy) => commands::policy::run(policy, config, output),
        Command::Resync { user, label } => commands::resync::run(user, label.as_deref(), config, output),
        Command::Forget { user } => commands::forget::run(user, config, output),
        Command::Language { user, language } => commands::language::run(user, language.own(), config, output),
        Command::Doctor(doctor) => commands::doctor::run(doctor, config, output),
        Command::Unlock { user } => commands::unlock::run(user, config, output),
        Command::Remove { user, method, label } => {
            commands::remove::run(user, *method, label.as_deref(), config, output)
        }
        Command::Bypass { user, lifetime } => commands::bypass::run(user, lifetime, config, output),
        Command::Invite { user, lifetime } => commands::invite::run(user, lifetime, config, output),
        Command::TestSend { medium, to } => commands::test_send::run(*medium, to, config, output),
        Command::Keys(keys) => commands::keys::run(keys, config, output),
        Command::Import(import) => commands::import::run(import, config, output),
        Command::Export { user, force } => commands::export::run(user, *force, config, output),
        Command::Show(show) => commands::show::run(show, config, output),
        Command::Completions { shell } => commands::completions::run(*shell, output),
        Command::Man { directory } => commands::man::run(directory, output),
        Command::AtLogin(command) => commands::at_login::run(command, config),
    }
}
