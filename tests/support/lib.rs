//! What the tests stand on: a private machine to break, a PAM application to program, a terminal to type at.
//!
//! * [`Sandbox`]: this machine's files under a throw-away overlay, with its own mounts, processes, network and name.
//! * [`Script`] and [`Report`]: what the program `pam-host` is told to do, and what it saw.
//! * [`Journal`]: every syslog line of every process in a sandbox.
//! * [`Terminal`]: a pseudo-terminal inside a sandbox, for `login`, `su`, `sudo`, `ssh` and the tool.
//! * [`Door`]: a sandbox in which sshd, sudo, login or su lets people in.
//! * [`Secret`]: an enrolled user's secret, whose codes the independent `oathtool` computes.
//!
//! A test that can't go on panics where it stands: nothing here returns an error for a test to forget.

mod artefacts;
mod door;
mod journal;
mod pam_code;
mod report;
mod sandbox;
mod script;
mod secret;
mod terminal;

pub use artefacts::{checkout, pam_host, release};
pub use door::{Door, Program, SAY_WHO, Visit};
pub use journal::Journal;
pub use pam_code::name as pam_code_name;
pub use report::{Called, Cycle, Disposition, Report, Said, Sample, Snapshot, Style};
pub use sandbox::{Output, Running, RunningHost, Sandbox, two_lines};
pub use script::{Answer, Barrier, Call, Race, Script, Step, Worker};
pub use secret::{Secret, oathtool};
pub use terminal::Terminal;
