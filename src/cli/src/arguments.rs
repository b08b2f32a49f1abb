//! The command line.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{EnumValueParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use twofactor_message::Language;

/// Set up and administer second factors for Linux logins.
#[derive(Parser)]
#[command(
    name = "twofactor",
    version,
    disable_help_subcommand = true,
    propagate_version = true,
    max_term_width = 80,
    after_help = "Exit status: 0 done, 1 refused or failed, 2 misused."
)]
pub(crate) struct Arguments {
    /// Read the settings from PATH instead of /etc/twofactor/config.toml.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON value on standard output and nothing else there.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but what was asked for and errors.
    #[arg(long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Enrol an app, a mailbox or a telephone: prove a code, save, show the recovery codes.
    #[command(after_help = SETUP_EXAMPLES)]
    Setup(Setup),
    /// Say what a user has and whether their codes are judged now.
    #[command(after_help = STATUS_NOTES)]
    Status {
        /// Whose; root has to say.
        user: Option<String>,
    },
    /// List everybody who is enrolled.
    #[command(after_help = "Examples:\n  twofactor list\n  twofactor list --json")]
    List,
    /// Say how far a roll-out has come: who is enrolled, how logins ended, whom `required` would refuse.
    #[command(after_help = REPORT_NOTES)]
    Report(Report),
    /// Log in through a real PAM service, in this terminal, and say what came out and why.
    #[command(after_help = "Examples:\n  twofactor try alice --service sshd")]
    Try {
        /// Who logs in.
        user: String,
        /// The service, a file in /etc/pam.d.
        #[arg(long, default_value = "login", value_name = "S")]
        service: String,
    },
    /// Issue new recovery codes; the old ones are void from then on.
    #[command(after_help = "Examples:\n  twofactor recovery alice")]
    Recovery {
        /// For whom.
        user: String,
    },
    /// Issue a code that lets somebody in once who has lost every method.
    #[command(after_help = "Examples:\n  twofactor bypass alice --lifetime 30m")]
    Bypass {
        /// Whom.
        user: String,
        /// How long it is good.
        #[arg(long, default_value = "1h", value_name = "TIME")]
        lifetime: String,
    },
    /// Issue a code that lets somebody who is not enrolled set up an app at a login, once.
    #[command(after_help = "Examples:\n  twofactor invite alice --lifetime 2d")]
    Invite {
        /// Whom.
        user: String,
        /// How long it is good.
        #[arg(long, default_value = "7d", value_name = "TIME")]
        lifetime: String,
    },
    /// Send a test message and show every word of the conversation with the server.
    #[command(
        after_help = "Examples:\n  twofactor test-send mail alice@example.org\n  twofactor test-send sms +4930123456"
    )]
    TestSend {
        /// By which way.
        #[arg(value_enum)]
        medium: Medium,
        /// To whom.
        to: String,
    },
    /// Forget a user's failures, so that codes are judged again at once.
    #[command(after_help = "Examples:\n  twofactor unlock alice")]
    Unlock {
        /// Whom.
        user: String,
    },
    /// Find a device again by two codes in a row: a clock that is off by up to 2 hours, a counter that ran ahead.
    #[command(after_help = "Examples:\n  twofactor resync alice\n  twofactor resync alice --label token")]
    Resync {
        /// Whose.
        user: String,
        /// Which device, if there are several.
        #[arg(long, value_name = "L")]
        label: Option<String>,
    },
    /// Forget the logins that would spare a user the next code.
    #[command(after_help = "Examples:\n  twofactor forget alice")]
    Forget {
        /// Whose.
        user: String,
    },
    /// Say which rule of `[policy]` holds for a login, and what would happen.
    #[command(
        after_help = "Examples:\n  twofactor policy alice --service sshd --rhost 10.0.0.7\n  twofactor policy alice --ssh-auth 'publickey sk-ssh-ed25519@openssh.com'"
    )]
    Policy(Policy),
    /// Look for what is set up in a way that cannot be meant, and say what to change.
    ///
    /// It changes nothing. Exit status 1 if any check fails; a warning fails none.
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(Doctor),
    /// Speak to a user in another language, at the prompt and in messages.
    #[command(after_help = "Examples:\n  twofactor language alice de")]
    Language {
        /// To whom.
        user: String,
        /// In which.
        #[arg(value_enum)]
        language: SpokenLanguage,
    },
    /// Remove a user's second factor, or one part of it.
    #[command(after_help = "Examples:\n  twofactor remove alice\n  twofactor remove alice --label \"old phone\"")]
    Remove {
        /// Whose.
        user: String,
        /// Only this method.
        #[arg(long, value_enum, value_name = "M")]
        method: Option<RemovableMethod>,
        /// Only the device of this name.
        #[arg(long, value_name = "L")]
        label: Option<String>,
    },
    /// The numbered keys that seal secrets on disk.
    #[command(subcommand)]
    Keys(Keys),
    /// Take over what another module or an app has: nobody has to enrol again.
    #[command(subcommand)]
    Import(crate::commands::import::Import),
    /// Show a user's secrets as otpauth URIs, one a line, for an app or another host.
    #[command(
        after_help = "Examples:\n  twofactor export alice\n  twofactor export alice --force | age -p > alice.age"
    )]
    Export {
        /// Whose.
        user: String,
        /// Write them though standard output is not a terminal.
        #[arg(long)]
        force: bool,
    },
    /// Show the QR code and the secret of a device again.
    #[command(after_help = SHOW_EXAMPLES)]
    Show(Show),
    /// Print what makes a shell complete the commands of this tool.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Which.
        #[arg(value_enum)]
        shell: CompletedShell,
    },
    /// Write the manual page of this tool, twofactor.1, into a directory.
    #[command(after_help = "Examples:\n  twofactor man . && man -l twofactor.1")]
    Man {
        /// Which.
        directory: PathBuf,
    },
    /// What the module has done by this tool during a login.
    #[command(subcommand, hide = true)]
    AtLogin(AtLogin),
}

#[derive(Args)]
pub(crate) struct Policy {
    /// Who logs in; with su, whom they become.
    pub(crate) user: String,
    /// The PAM service, a file in /etc/pam.d.
    #[arg(long, default_value = "sshd", value_name = "S")]
    pub(crate) service: String,
    /// The address that they come from.
    #[arg(long, value_name = "A")]
    pub(crate) rhost: Option<String>,
    /// The terminal.
    #[arg(long, value_name = "T")]
    pub(crate) tty: Option<String>,
    /// What sshd says has been proved to it, as in SSH_AUTH_INFO_0.
    #[arg(long, value_name = "TEXT")]
    pub(crate) ssh_auth: Option<String>,
}

#[derive(Args)]
pub(crate) struct Setup {
    /// Whom to enrol.
    pub(crate) user: Option<String>,
    /// Enrol everybody in a CSV file, without codes as proof.
    ///
    /// It begins with a line of names: user, and if you like method, address, number, label, language. Who has that
    /// device already is left alone, so that what was interrupted goes on when it is run again.
    #[arg(long, value_name = "FILE", conflicts_with_all = CONFLICTS_WITH_FROM)]
    pub(crate) from: Option<PathBuf>,
    /// With --from, write a sheet to print for each user, DIR/USER.html.
    #[arg(long, value_name = "DIR", requires = "from")]
    pub(crate) sheets: Option<PathBuf>,
    /// What to enrol.
    #[arg(long, value_enum, default_value = "totp", value_name = "M")]
    pub(crate) method: SetupMethod,
    /// Where codes are mailed.
    #[arg(long, value_name = "A")]
    pub(crate) address: Option<String>,
    /// Where codes are texted, with the country: +4930123456.
    #[arg(long, value_name = "N")]
    pub(crate) number: Option<String>,
    /// What the device is called; one person can have several [default: authenticator, token, mail or phone].
    #[arg(long, value_name = "L")]
    pub(crate) label: Option<String>,
    /// Begin logins with this one from now on, instead of the first that was enrolled.
    #[arg(long)]
    pub(crate) primary: bool,
    /// What the user is spoken to in from now on [default: as before, or as config.toml says].
    #[arg(long, value_enum, value_name = "L")]
    pub(crate) language: Option<OwnLanguage>,
    /// The QR code: terminal, none, or a new FILE.png, .svg or .html, a sheet [default: terminal].
    #[arg(long, value_parser = QrParser, value_name = "HOW")]
    pub(crate) qr: Option<Qr>,
    /// Save at once, without a code as proof.
    #[arg(long)]
    pub(crate) no_confirm: bool,
    /// Take the place of the device with the same label.
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Args)]
pub(crate) struct Show {
    /// Whose.
    pub(crate) user: String,
    /// Which device, if there are several.
    #[arg(long, value_name = "L")]
    pub(crate) label: Option<String>,
    /// The QR code: terminal, none, or a new FILE.png, .svg or .html, a sheet [default: terminal].
    #[arg(long, value_parser = QrParser, value_name = "HOW")]
    pub(crate) qr: Option<Qr>,
}

#[derive(Args)]
pub(crate) struct Report {
    /// Read FILE, or - for standard input [default: the journal, or where syslog writes authpriv].
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Vec<PathBuf>,
    /// Count only the logins of the last TIME: 12h, 7d.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Count only the people of this group; more than one can be named.
    #[arg(long, value_name = "G")]
    pub(crate) group: Vec<String>,
    /// Write a page with charts into FILE, or - for standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Doctor {
    /// Explain one login of this user step by step instead.
    #[arg(long, value_name = "U")]
    pub(crate) user: Option<String>,
    /// The PAM service of that login, a file in /etc/pam.d.
    #[arg(long, default_value = "sshd", requires = "user", value_name = "S")]
    pub(crate) service: String,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SetupMethod {
    /// An authenticator app.
    Totp,
    /// A token, or an app, that counts.
    Hotp,
    /// Codes by mail.
    Email,
    /// Codes by text message.
    Sms,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum OwnLanguage {
    /// English.
    En,
    /// German.
    De,
    /// French.
    Fr,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum SpokenLanguage {
    /// English.
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// What config.toml says.
    Default,
}

impl From<OwnLanguage> for Language {
    fn from(chosen: OwnLanguage) -> Self {
        match chosen {
            OwnLanguage::En => Self::En,
            OwnLanguage::De => Self::De,
            OwnLanguage::Fr => Self::Fr,
        }
    }
}

impl SpokenLanguage {
    /// The language, if it is not the one for everybody.
    pub(crate) fn own(self) -> Option<Language> {
        match self {
            Self::En => Some(Language::En),
            Self::De => Some(Language::De),
            Self::Fr => Some(Language::Fr),
            Self::Default => None,
        }
    }
}

/// Those that the installation knows a place for.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum CompletedShell {
    /// bash(1).
    Bash,
    /// zsh(1).
    Zsh,
    /// fish(1).
    Fish,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Medium {
    /// By mail.
    Mail,
    /// By text message.
    Sms,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum RemovableMethod {
    /// Every authenticator app; with the last device, the recovery codes go as well.
    Totp,
    /// Every token that counts.
    Hotp,
    /// Every mailbox.
    Email,
    /// Every telephone.
    Sms,
    /// The recovery codes.
    Recovery,
}

/// Where a QR code is shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Qr {
    /// In this terminal.
    Terminal,
    /// Not at all.
    None,
    /// In a file that is not there yet.
    File(PathBuf, Format),
}

/// What is written into a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A picture of the QR code.
    Png,
    /// A drawing of it.
    Svg,
    /// A sheet to print.
    Html,
}

/// A way by its word, or a file by its ending.
#[derive(Clone)]
struct QrParser;

impl TypedValueParser for QrParser {
    type Value = Qr;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let path = PathBuf::from(value);
        match path.extension().and_then(OsStr::to_str) {
            Some("png") => return Ok(Qr::File(path, Format::Png)),
            Some("svg") => return Ok(Qr::File(path, Format::Svg)),
            Some("html") => return Ok(Qr::File(path, Format::Html)),
            _ => {}
        }
        EnumValueParser::<QrWord>::new().parse_ref(command, argument, value).map(|word| match word {
            QrWord::Terminal => Qr::Terminal,
            QrWord::None => Qr::None,
        })
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum QrWord {
    Terminal,
    None,
}

#[derive(Subcommand)]
pub(crate) enum Keys {
    /// List the keys and how many enrolments are sealed under each.
    #[command(after_help = "Examples:\n  twofactor keys list")]
    List,
    /// Add a key and seal every enrolment anew under it; nobody has to enrol again.
    #[command(after_help = "Examples:\n  twofactor keys rotate\n  twofactor keys rotate --resume --retire")]
    Rotate {
        /// Add no key; only seal anew what is still under an older one, such as after an interruption.
        #[arg(long)]
        resume: bool,
        /// Then drop the keys under which nothing is sealed any more. Backups sealed under them are lost.
        #[arg(long)]
        retire: bool,
    },
}

#[derive(Subcommand)]
pub(crate) enum AtLogin {
    /// Draw a secret for an app, and a QR code of it for dark and for light terminals.
    Begin {
        /// For whom.
        user: String,
    },
    /// Judge a code of that secret and make an enrolment of it, under seal.
    Prepare {
        /// Whose.
        user: String,
    },
    /// Take down that the one chance without a ticket is used.
    Reserve {
        /// Whose.
        user: String,
    },
    /// Save that enrolment.
    Confirm {
        /// Whose.
        user: String,
    },
}

/// What a line of the file says, or what needs somebody in front of the terminal.
const CONFLICTS_WITH_FROM: [&str; 9] =
    ["user", "method", "address", "number", "label", "primary", "language", "qr", "replace"];

/// The definition, without what is hidden: the manual page and completions tell only what people call.
pub(crate) fn visible() -> clap::Command {
    shown_of(&Arguments::command())
}

/// clap can hide a command from its help but cannot take one away, and completions have hidden ones as well.
fn shown_of(command: &clap::Command) -> clap::Command {
    clap::Command::new(command.get_name().to_owned())
        .about(command.get_about().cloned().unwrap_or_default())
        .after_help(command.get_after_help().cloned().unwrap_or_default())
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .args(command.get_arguments().filter(|argument| !argument.is_hide_set()))
        .subcommands(command.get_subcommands().filter(|command| !command.is_hide_set()).map(shown_of))
}

const STATUS_NOTES: &str =
    "Without root, only for oneself: what each service asks, by the PAM stacks, the settings and the rules, as far as it \
depends on no login. With --json, what only root reads is null then, which is neither yes nor no, and `unknown` names it.

Examples:
  twofactor status alice
  twofactor status alice --json";

const SETUP_EXAMPLES: &str = "Examples:
  twofactor setup alice
  twofactor setup alice --label tablet
  twofactor setup alice --method email --address alice@example.org
  twofactor setup alice --method sms --number +4930123456 --primary
  twofactor setup alice --no-confirm --json
  twofactor setup alice --no-confirm --qr /root/alice.html
  twofactor setup --from team.csv --sheets /root/sheets";

const SHOW_EXAMPLES: &str =
    "Recovery codes are not kept and cannot be shown again: twofactor recovery USER issues new ones.

Examples:
  twofactor show alice --label tablet
  twofactor show alice --qr /root/alice.html";

const REPORT_NOTES: &str = "How logins ended is what the log says: whoever may write to it can make logins up.

Examples:
  twofactor report --since 7d
  twofactor report --group staff --html /root/staff.html
  zcat -f /var/log/auth.log* | twofactor report --log -";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  eval \"$(twofactor completions bash)\"
  twofactor completions zsh > _twofactor
  twofactor completions fish | source";

const DOCTOR_EXAMPLES: &str = "Examples:
  twofactor doctor
  twofactor doctor --user alice --service sudo";
