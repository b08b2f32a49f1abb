//! The command line of `twofactor import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// From what.
#[derive(Subcommand)]
pub(crate) enum Import {
    /// pam_google_authenticator's file, of one user or of all who have one at home.
    #[command(after_help = "Examples:
  twofactor import google --all --dry-run
  twofactor import google /home/alice/.google_authenticator --user alice")]
    Google {
        /// The file, or - for standard input.
        #[arg(required_unless_present = "all", value_name = "FILE")]
        file: Option<PathBuf>,
        /// Whose it is.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Take the file .google_authenticator of everybody who has one in their home directory.
        #[arg(long, conflicts_with_all = ["file", "user"])]
        all: bool,
        #[command(flatten)]
        how: How,
    },
    /// pam_oath's usersfile.
    #[command(after_help = "Examples:\n  twofactor import oath /etc/users.oath")]
    Oath {
        /// The file, or - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Only this user.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        #[command(flatten)]
        how: How,
    },
    /// otpauth:// URIs, one a line.
    #[command(after_help = "Examples:\n  twofactor import otpauth /root/alice.txt --user alice")]
    Otpauth {
        #[command(flatten)]
        accounts: Chosen,
        #[command(flatten)]
        how: How,
    },
    /// What Google Authenticator exports: the text of its QR codes, one a line.
    #[command(after_help = "Examples:
  zbarimg -q --raw export.png | twofactor import migration - --user alice
  twofactor import migration x.txt --user alice --account alice@example.org")]
    Migration {
        #[command(flatten)]
        accounts: Chosen,
        #[command(flatten)]
        how: How,
    },
    /// passlib's JSON, as Flask-Security has it in tf_totp_secret. A code proves that it was opened rightly.
    #[command(after_help = "Examples:\n  twofactor import passlib alice.json --user alice --secrets keys.json")]
    Passlib {
        /// The file, or - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Whose it is.
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// The application's secrets (SECURITY_TOTP_SECRETS): a JSON object, or lines such as 1: SECRET.
        #[arg(long, value_name = "FILE")]
        secrets: Option<PathBuf>,
        /// Ask for no code: a wrong secret is found when its owner cannot log in.
        #[arg(long)]
        trust: bool,
        #[command(flatten)]
        how: How,
    },
}

/// Accounts of an app.
#[derive(Args)]
pub(crate) struct Chosen {
    /// The file, or - for standard input.
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Whose they are.
    #[arg(long, value_name = "USER")]
    pub(super) user: Option<String>,
    /// Only the account of this name; more than one can be named.
    #[arg(long, value_name = "NAME")]
    pub(super) account: Vec<String>,
}

/// How it is to be done.
#[derive(Args)]
pub(crate) struct How {
    /// Say what would come over, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// What the device is called [default: authenticator or token].
    #[arg(long, value_name = "L")]
    pub(super) label: Option<String>,
    /// Take the place of the device with the same label.
    #[arg(long)]
    pub(super) replace: bool,
    /// Issue no recovery codes.
    #[arg(long)]
    pub(super) no_recovery: bool,
}
