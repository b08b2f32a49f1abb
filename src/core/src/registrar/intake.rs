//! The registrar's work on many people at once: what waits for the disk waits once for all of them.

use super::{Draft, FirstCodes, NewDevice, RecoveryCodes, Registrar, RegistrarError};
use crate::account::Account;
use crate::enrolment::Enrolment;
use crate::sys::{Directory, Locked};

/// First enrolments that are saved together. Until then no other administrator changes anything: keep it small.
pub struct Intake<'w> {
    registrar: Registrar<'w>,
    users: Directory,
    _changing: Locked,
    drafts: Vec<Draft>,
}

impl<'w> Registrar<'w> {
    /// Begins with nobody.
    ///
    /// # Errors
    /// The records cannot be locked.
    pub fn begin_intake(self) -> Result<Intake<'w>, RegistrarError> {
        let users = self.files.users()?;
        let changing = users.lock()?;
        Ok(Intake { registrar: self, users, _changing: changing, drafts: Vec::new() })
    }
}

impl Intake<'_> {
    /// Takes one more person in, with recovery codes if `with_recovery`. Nothing is saved yet.
    ///
    /// # Errors
    /// They are enrolled or taken in already, or their records cannot be read. Those before them stay taken in.
    pub fn admit(
        &mut self,
        account: &Account,
        device: NewDevice,
        with_recovery: bool,
    ) -> Result<RecoveryCodes, RegistrarError> {
        let is_taken_in = self.drafts.iter().any(|draft| draft.enrolment.account.name == account.name);
        if is_taken_in || self.registrar.enrolment(&self.users, account)?.is_some() {
            return Err(RegistrarError::AlreadyEnrolled);
        }
        let first_codes = FirstCodes::new_if(with_recovery);
        let mut draft = self.registrar.draft(Enrolment::empty(account.clone()), [device], first_codes)?;
        let codes = std::mem::take(&mut draft.codes);
        self.drafts.push(draft);
        Ok(codes)
    }

    /// Saves them, all or none. A process that is killed meanwhile, or a power cut, may leave some of them enrolled, each
    /// whole or as [`Registrar::finish`] expects.
    ///
    /// # Errors
    /// The records cannot be written.
    pub fn save(self) -> Result<(), RegistrarError> {
        self.registrar.enrol_first(&self.users, &self.drafts)
    }
}
