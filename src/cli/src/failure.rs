//! How a command says that it could not do its work: one line with what is wrong, one with what to do.

use std::process::ExitCode;

use twofactor_core::clock::ClockError;
use twofactor_core::config::ConfigError;
use twofactor_core::factor::LabelError;
use twofactor_core::registrar::RegistrarError;
use twofactor_core::store::StoreError;
use twofactor_core::sys::{EntropyError, FileError, LookUpError, Problem};
use twofactor_message::shown;

use crate::output::{Output, unwritten};

/// Nothing was done, or not all of it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What is wrong.
    pub(crate) what: String,
    /// What to do.
    pub(crate) hint: String,
    /// Whether the command line asks for something that makes no sense.
    misused: bool,
}

impl Failure {
    pub(crate) fn new(what: impl ToString, hint: impl ToString) -> Self {
        Self { what: what.to_string(), hint: hint.to_string(), misused: false }
    }

    pub(crate) fn misused(what: impl ToString, hint: impl ToString) -> Self {
        Self { misused: true, ..Self::new(what, hint) }
    }

    pub(crate) fn status(&self) -> u8 {
        if self.misused { MISUSED } else { FAILED }
    }

    /// Both lines, with nothing in them that moves a cursor.
    pub(crate) fn lines(&self) -> String {
        format!("error: {}\nhint: {}\n", shown(&self.what), shown(&self.hint))
    }

    /// The work is done but what it was done for could not be shown.
    pub(crate) fn unseen(self, hint: impl ToString) -> Self {
        Self { what: format!("{}; it is saved all the same", self.what), hint: hint.to_string(), ..self }
    }

    /// An error about one user, with what helps.
    pub(crate) fn about(user: &str, error: &RegistrarError) -> Self {
        let hint = match error {
            RegistrarError::NotEnrolled => {
                format!("see who is: twofactor list; to enrol: twofactor setup {user}")
            }
            RegistrarError::AlreadyEnrolled => {
                format!(
                    "for one more device: twofactor setup {user} --label NAME; to begin anew: twofactor remove {user}"
                )
            }
            RegistrarError::EnrolledOtherwise | RegistrarError::Invited => {
                format!("if it is meant all the same, import it for them alone: --user {user}")
            }
            RegistrarError::LabelTaken { .. } => {
                "add --label NAME for one more device, or --replace to put the new one in its place".to_owned()
            }
            RegistrarError::NoRoom => {
                format!("remove one first: twofactor status {user}, twofactor remove {user} --label NAME")
            }
            RegistrarError::NoSuchPart => format!("see what there is: twofactor status {user}"),
            RegistrarError::WhichDevice => format!("say which: --label L; see twofactor status {user}"),
            RegistrarError::NotFound => {
                "try it again with the next two; a clock may be off by 2 hours, a counter by 1000, a lost one by 30000"
                    .to_owned()
            }
            RegistrarError::NotInvited | RegistrarError::InvitationOver => {
                format!("invite them again: twofactor invite {user}")
            }
            RegistrarError::NotPrepared | RegistrarError::PreparedSealed(_) | RegistrarError::PreparedOver => {
                "nothing was saved; log in again".to_owned()
            }
            RegistrarError::KeyringLost { .. } => {
                "bring the keyring back from a backup; without it every user has to enrol again".to_owned()
            }
            RegistrarError::Entropy(_) | RegistrarError::Seal(_) => "try again".to_owned(),
            RegistrarError::Store(error) => return Self::store(user, error),
        };
        Self::new(format!("{user}: {error}"), hint)
    }

    /// An error about a file, with what helps.
    pub(crate) fn of_file(error: &FileError) -> Self {
        file(error)
    }

    fn store(user: &str, error: &StoreError) -> Self {
        let hint = match error {
            StoreError::File(error) => return file(error),
            StoreError::Keyring(twofactor_core::keyring::KeyringError::File(error)) => return file(error),
            StoreError::Keyring(_) => {
                "bring the keyring back from a backup; without it every user has to enrol again".to_owned()
            }
            StoreError::State(twofactor_core::state::StateError::File(error)) => return file(error),
            StoreError::Clock(_) => "set the clock".to_owned(),
            StoreError::State(_) | StoreError::StrangeState { .. } => {
                format!("make it anew, every code counted as used: twofactor unlock {user}")
            }
            StoreError::Enrolment { .. } | StoreError::EnrolmentLost { .. } => {
                format!("bring it back from a backup, or begin anew: twofactor remove {user}, twofactor setup {user}")
            }
        };
        Self::new(error, hint)
    }
}

/// What to do about a file that cannot be used.
fn file(error: &FileError) -> Failure {
    use std::io::ErrorKind;
    let path = error.path().display();
    let hint = match error.problem() {
        Problem::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied => "run it as root".to_owned(),
        Problem::Io { source, .. } if source.kind() == ErrorKind::NotFound => {
            "install first: packaging/install.sh makes the directories".to_owned()
        }
        Problem::Io { source, .. } if source.kind() == ErrorKind::StorageFull => {
            "make room on that file system; what was there before still holds".to_owned()
        }
        Problem::Io { source, .. } if source.kind() == ErrorKind::ReadOnlyFilesystem => {
            "mount that file system writable".to_owned()
        }
        Problem::Io { .. } => "see to that file system and try again".to_owned(),
        Problem::Owner { .. } => format!("see who put it there, then: chown root:root {path}"),
        Problem::Writable { .. } => format!("see who changed it, then: chmod go-w {path}"),
        Problem::Readable { .. } => format!("chmod 0600 {path}"),
        Problem::Links { .. } => format!("find the other names and remove them: find / -xdev -samefile {path}"),
        Problem::Empty => "bring it back from a backup, or remove it".to_owned(),
        Problem::NotRegular | Problem::NotDirectory | Problem::TooLarge { .. } => {
            "see who put it there, and move it away".to_owned()
        }
        Problem::Limited { .. } => "raise the limit: ulimit -f unlimited".to_owned(),
        Problem::Gone | Problem::Held => {
            "try again; if it stays so, look for a stopped process that holds it".to_owned()
        }
    };
    Failure::new(error, hint)
}

impl From<RegistrarError> for Failure {
    fn from(error: RegistrarError) -> Self {
        Self::about("USER", &error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::File(source) if matches!(source.problem(), Problem::Empty) => {
                Self::new(error, "write the settings into it, or remove it to have the defaults")
            }
            ConfigError::File(source) => file(source),
            ConfigError::Missing { .. } | ConfigError::Relative { .. } => {
                Self::new(error, "--config takes the absolute path of an existing file")
            }
            ConfigError::Mistake { path, mistake } => {
                let hint = format!("mend line {} of {}; until then nobody is let in", mistake.line(), path.display());
                Self::new(&error, hint)
            }
        }
    }
}

impl From<LabelError> for Failure {
    fn from(error: LabelError) -> Self {
        Self::misused(error, "choose another --label")
    }
}

impl From<ClockError> for Failure {
    fn from(error: ClockError) -> Self {
        Self::new(error, "set the clock")
    }
}

impl From<EntropyError> for Failure {
    fn from(error: EntropyError) -> Self {
        Self::new(error, "try again")
    }
}

impl From<LookUpError> for Failure {
    fn from(error: LookUpError) -> Self {
        Self::new(error, "see to the user database (nsswitch.conf) and try again")
    }
}

/// What clap found wrong with the command line, or the help that was asked for.
pub(crate) fn misused(error: &clap::Error) -> ExitCode {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    if !error.use_stderr() {
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => Output::new(false, false).failed(&unwritten(&error)),
        };
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let what = match text.lines().nth(1) {
        _ if matches!(
            error.kind(),
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
        ) =>
        {
            "no command was given".to_owned()
        }
        // "the following required arguments were not provided:" goes on in the next line.
        Some(second) if first.ends_with(':') => format!("{first} {}", second.trim()),
        _ => first.to_owned(),
    };
    let suggested = [ContextKind::SuggestedArg, ContextKind::SuggestedValue, ContextKind::SuggestedSubcommand]
        .into_iter()
        .find_map(|kind| error.get(kind))
        .map(|value| match value {
            // The likeliest stands last.
            ContextValue::Strings(likely) => likely.last().cloned().unwrap_or_default(),
            other => other.to_string(),
        });
    let hint = match suggested {
        Some(suggestion) => format!("did you mean {suggestion}?"),
        None => "see how it is used: twofactor --help".to_owned(),
    };
    // The parser has not come so far as to say whether --json was given.
    let json = std::env::args_os().any(|argument| argument == "--json");
    Output::new(json, false).failed(&Failure::misused(what, hint))
}

const FAILED: u8 = 1;
const MISUSED: u8 = 2;
