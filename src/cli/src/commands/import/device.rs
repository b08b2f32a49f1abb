//! A device as another program has kept it, and what can be wrong with that.

use twofactor_core::factor::otp::ParameterError;
use twofactor_core::factor::totp::{Parameters, Step};
use twofactor_core::registrar::ScratchCodes;
use twofactor_core::secret::Secret;
use zeroize::Zeroizing;

/// What every format is read into.
pub(super) struct Device {
    /// What it is called there; may be empty, and may hold anything.
    pub(super) name: String,
    pub(super) parameters: Parameters,
    pub(super) secret: Secret,
    pub(super) used: Used,
    /// How many codes are taken there at any moment, if that was chosen.
    pub(super) window: Option<u64>,
    /// The codes of eight digits that work once.
    pub(super) scratch_codes: ScratchCodes,
    /// What else stays behind, in sentences.
    pub(super) remarks: Vec<String>,
}

impl Device {
    pub(super) fn new(secret: Secret, parameters: Parameters) -> Self {
        Self {
            name: String::new(),
            parameters,
            secret,
            used: Used::Nothing,
            window: None,
            scratch_codes: ScratchCodes::new(),
            remarks: Vec::new(),
        }
    }
}

/// What is known of the codes that were used already.
pub(super) enum Used {
    Nothing,
    /// All up to this step.
    UpTo(Step),
    /// All up to this code. Of which step it is has to be found out.
    UpToCode(Zeroizing<String>),
}

/// Something that cannot be taken over, and why.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Mistake {
    #[error("it is not text")]
    NotText,
    #[error("there is nothing in it")]
    Nothing,
    #[error("it has no secret")]
    NoSecret,
    #[error("the secret is not {0}")]
    Secret(&'static str),
    #[error("it says neither TOTP_AUTH nor HOTP_COUNTER")]
    NoKind,
    #[error("{0} is not what can stand there")]
    Value(&'static str),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0}")]
    Parameter(#[from] ParameterError),
    #[error("it is not an otpauth:// URI")]
    NotOtpauth,
    #[error("it is what Google Authenticator exports; take it over with: import migration")]
    IsMigration,
    #[error("it is not an otpauth-migration:// URI")]
    NotMigration,
    #[error("of {0:?} codes cannot be made here")]
    Kind(String),
    #[error("the data in the URI is damaged")]
    Damaged,
    #[error("MD5 is not a hash that codes are made by here")]
    Md5,
    #[error("it is not passlib's JSON of a TOTP device")]
    NotPasslib,
    #[error("the secret is sealed, and --secrets FILE is not given")]
    Sealed,
    #[error("the secret is sealed under {0:?}, which is not in the file of secrets")]
    NoSuchKey(String),
    #[error("the file of secrets has neither a JSON object nor lines such as 1: SECRET")]
    NotSecrets,
    #[error("2^{0} rounds would have to be computed, and not more than 2^{max} are", max = super::passlib::COST_MAX)]
    Cost(u64),
}
