//! `twofactor doctor`: what is set up in a way that cannot be meant, why it matters, and the line to change.
//!
//! It only looks. What may lie and what may stay away are bounded: files, lines, the ways through a stack, and the time
//! of a program that is asked.

mod clock;
mod explain;
mod files;
mod finding;
#[cfg(fuzzing)]
pub mod fuzzed;
mod host;
mod lines;
pub(super) mod module;
mod people;
mod program;
mod rules;
mod scene;
mod selinux;
mod sender;
mod settings;
mod sshd;
mod sshd_config;
mod wiring;

use std::path::Path;

use crate::arguments::Doctor;
use crate::failure::Failure;
use crate::output::{Output, counted};
use finding::Level;
use scene::Scene;

/// Runs the command. It fails if a check does.
pub(crate) fn run(asked: &Doctor, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let scene = Scene::of_this_system(config)?;
    if let Some(user) = &asked.user {
        return explain::run(user, &asked.service, &scene, output);
    }
    let findings = scene.look();
    output.answer(&finding::text(&findings), &findings)?;
    let failed = findings.iter().filter(|finding| finding.level == Level::Fail).count();
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::new(format!("{} failed", counted(failed, "check")), "see what each of them says to do"))
}
