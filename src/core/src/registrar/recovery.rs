//! The registrar's work on recovery codes.

use zeroize::Zeroizing;

use super::{Registrar, RegistrarError};
use crate::account::Account;
use crate::enrolment::{Enrolment, RecoverySheet, purpose_of_recovery};
use crate::factor::recovery::{CODES_PER_ISSUE, Digest, RecoveryCode};
use crate::keyring::{Binding, Keyring};
use crate::secret::Secret;

/// Recovery codes in the only moment in which they are known.
pub type RecoveryCodes = Vec<Zeroizing<String>>;

/// The digits of scratch codes (see [`crate::factor::recovery::is_scratch`]).
pub type ScratchCodes = Vec<Zeroizing<String>>;

/// What somebody gets who has no recovery codes.
pub enum FirstCodes {
    /// None.
    None,
    /// New ones.
    New,
    /// The scratch codes that they have from another module, at least one.
    Scratch(ScratchCodes),
}

impl FirstCodes {
    /// New ones, or none.
    #[must_use]
    pub fn new_if(wanted: bool) -> Self {
        if wanted { Self::New } else { Self::None }
    }
}

impl Registrar<'_> {
    /// Issues new recovery codes; the old ones are void from then on.
    ///
    /// # Errors
    /// The user is not enrolled, or the records cannot be written.
    pub fn issue_recovery(&self, account: &Account) -> Result<RecoveryCodes, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let before = self.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let mut enrolment = before.clone();
        let codes = self.issue(&mut enrolment, &self.files.keyring()?)?;
        let generation = enrolment.recovery.as_ref().map_or(0, |sheet| sheet.generation);
        // Announced first: wherever this is cut short, either the old codes hold or the new ones, as the enrolment says.
        self.change_state(&before, |state| state.announce_recovery(generation))?;
        self.save(&users, &enrolment, &before)?;
        self.outlast_judges(account);
        Ok(codes)
    }

    /// Puts a new issue into an enrolment that is not saved yet.
    pub(super) fn issue(&self, enrolment: &mut Enrolment, keyring: &Keyring) -> Result<RecoveryCodes, RegistrarError> {
        let codes = (0..CODES_PER_ISSUE).map(|_| RecoveryCode::draw(self.entropy)).collect::<Result<Vec<_>, _>>()?;
        enrolment.recovery = Some(self.sheet(&enrolment.account, codes.iter().map(RecoveryCode::expose), keyring)?);
        Ok(codes.iter().map(RecoveryCode::grouped).collect())
    }

    /// What is kept of codes, under a new key.
    pub(super) fn sheet<'c>(
        &self,
        account: &Account,
        codes: impl IntoIterator<Item = &'c [u8]>,
        keyring: &Keyring,
    ) -> Result<RecoverySheet, RegistrarError> {
        let generation = self.draw_number()?;
        let mut key = vec![0; DIGEST_KEY_BYTES];
        self.entropy.fill(&mut key)?;
        let key = Secret::new(key);
        let binding = Binding { account, purpose: &purpose_of_recovery(generation) };
        let sealed = keyring.seal(&key, &binding, self.entropy)?;
        let digests = codes.into_iter().map(|code| Digest::of(code, &key)).collect();
        Ok(RecoverySheet { generation, sealed, digests, created: self.files.now()? })
    }
}

/// As long as the digest (RFC 2104 section 3).
const DIGEST_KEY_BYTES: usize = 32;
