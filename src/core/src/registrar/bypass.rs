//! The registrar's work on bypass codes: how an administrator lets somebody in who has lost every method.

use zeroize::Zeroizing;

use super::{Registrar, RegistrarError};
use crate::account::Account;
use crate::clock::UnixTime;
use crate::factor::recovery::RecoveryCode;
use crate::keyring::{Keyring, KeyringError};
use crate::state::{BYPASS_PURPOSE, Issued};

/// A bypass code in the only moment in which it is known.
pub struct BypassCode {
    /// The code, in groups.
    pub code: Zeroizing<String>,
    /// From when on it is void.
    pub until: UnixTime,
}

impl Registrar<'_> {
    /// Issues a code that lets this user in once, also while locked; the one before it is void from then on.
    ///
    /// # Errors
    /// The user is not enrolled, or the records cannot be written.
    pub fn issue_bypass(&self, account: &Account, lifetime_seconds: u64) -> Result<BypassCode, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let enrolment = self.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let keyring = self.files.keyring()?;
        let (code, issued) = self.draw_issued(&keyring, account, BYPASS_PURPOSE, lifetime_seconds)?;
        let until = issued.until;
        self.change_state(&enrolment, |state| state.bypass = Some(issued))?;
        Ok(BypassCode { code: code.grouped(), until })
    }

    /// A code that is good from now on, and what is kept of it.
    pub(super) fn draw_issued(
        &self,
        keyring: &Keyring,
        account: &Account,
        purpose: &str,
        lifetime_seconds: u64,
    ) -> Result<(RecoveryCode, Issued), RegistrarError> {
        let keys = keyring.digest_keys(account);
        let missing = || KeyringError::Missing { path: self.files.roots().keyring.clone() };
        let key = keys.last().ok_or_else(missing)?;
        let code = RecoveryCode::draw(self.entropy)?;
        let issued = Issued::now(key, purpose, code.expose(), self.files.now()?, lifetime_seconds);
        Ok((code, issued))
    }
}
