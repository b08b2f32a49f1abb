//! The one place where an outcome becomes a PAM code.

use pam::constants::PamResultCode;
use twofactor_core::login::Outcome;

/// The code of an outcome.
pub(crate) fn code(outcome: Outcome) -> PamResultCode {
    match outcome {
        Outcome::Proved(_) => PamResultCode::PAM_SUCCESS,
        Outcome::NotDue(_) => PamResultCode::PAM_IGNORE,
        Outcome::Throttled => PamResultCode::PAM_MAXTRIES,
        Outcome::Unavailable => PamResultCode::PAM_AUTHINFO_UNAVAIL,
        Outcome::Refused(_) => PamResultCode::PAM_AUTH_ERR,
    }
}

/// A panic, bad arguments, a bad configuration.
pub(crate) const MISCONFIGURED: PamResultCode = PamResultCode::PAM_SYSTEM_ERR;
