//! What the tests stand on: a private machine to break, a PAM application to program, a terminal to type at.
//!
//! * [`Sandbox`]: this machine's files, or those of one of the [`systems`], under a throw-away overlay, with its own
//!   mounts, processes, network and name.
//! * [`Script`] and [`Report`]: what the program `pam-host` is told to do, and what it saw.
//! * [`Journal`]: every syslog line of every process in a sandbox.
//! * [`Terminal`]: a pseudo-terminal inside a sandbox, for `login`, `su`, `sudo`, `ssh` and the tool.
//! * [`Desktop`] and [`Window`]: real terminals on a display, and a telephone that reads QR codes off them.
//! * [`Door`]: a sandbox in which sshd, sudo, login or su lets people in.
//! * [`Authority`] and [`Certificate`]: what a server shows of itself, good or bad.
//! * [`Postfix`] and [`Mailbox`]: a real mail server, and whoever reads what it brings.
//! * [`HostileSmtp`] and [`Gateway`]: servers for mail and short texts that do what they are told, [`Playing`] meanwhile,
//!   and what they [`Heard`].
//! * [`Sender`]: `twofactor-deliver` at work, an errand in and a verdict out.
//! * [`Browser`]: a real Chromium, for a page that the tool writes.
//! * [`Crowd`]: a sandbox with thousands of people, and what a command [costs](Cost) there.
//! * [`Process`]: what the kernel says about a process of a sandbox.
//! * [`Begun`]: what the tool shows of a set-up at a login.
//! * [`Secret`]: an enrolled user's secret, whose codes the independent `oathtool` computes.
//!
//! A test that can't go on panics where it stands: nothing here returns an error for a test to forget.

mod artefacts;
mod authority;
mod browser;
mod crowd;
mod desktop;
mod door;
mod fake;
mod gateway;
mod hostile_smtp;
mod journal;
mod mailbox;
mod network;
mod pam_code;
mod part;
mod postfix;
mod process;
mod report;
mod sandbox;
mod script;
mod secret;
mod sender;
mod set_up;
mod terminal;

pub use artefacts::{checkout, debian_package, fake_server, pam_host, release, security_key, sender, systems};
pub use authority::{Authority, Certificate};
pub use browser::Browser;
pub use crowd::{Cost, Crowd};
pub use desktop::{Colours, Desktop, Emulator, Eye, Look, Window};
pub use door::{Door, Program, SAY_WHO, Visit};
pub use fake::{Heard, Playing};
pub use gateway::{Gateway, queued, response};
pub use hostile_smtp::HostileSmtp;
pub use journal::Journal;
pub use mailbox::{Letter, Mailbox};
pub use pam_code::name as pam_code_name;
pub use part::{Behaviour, Event, HttpPart, Part, Request, SmtpPart, Stage};
pub use postfix::Postfix;
pub use process::Process;
pub use report::{Called, Cycle, Disposition, Report, Said, Sample, Snapshot, Style};
pub use sandbox::{Output, Running, RunningHost, Sandbox, two_lines};
pub use script::{Answer, Barrier, Call, Race, Script, Step, Worker};
pub use secret::{Secret, oathtool};
pub use sender::{Sender, Sending, Sent};
pub use set_up::{Begun, framed};
pub use terminal::Terminal;
