//! `twofactor completions`: what makes a shell complete this tool's commands, from the definition that parses them.

use clap_complete::{Shell, generate};

use crate::arguments::{CompletedShell, visible};
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(shell: CompletedShell, output: &mut Output) -> Result<(), Failure> {
    let shell = match shell {
        CompletedShell::Bash => Shell::Bash,
        CompletedShell::Zsh => Shell::Zsh,
        CompletedShell::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut visible(), "twofactor", &mut script);
    let script = String::from_utf8_lossy(&script);
    output.answer(&script, &script)
}
