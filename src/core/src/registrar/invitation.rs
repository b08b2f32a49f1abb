//! The registrar's work on invitations: how an administrator lets somebody set up a second factor at their first login.

use zeroize::Zeroizing;

use super::{Registrar, RegistrarError};
use crate::account::Account;
use crate::clock::UnixTime;
use crate::state::{INVITE_PURPOSE, Issued, State, StateError, StateFile};
use crate::store::{StoreError, invitation_name};

/// The code of an invitation in the only moment in which it is known.
pub struct Invitation {
    /// The code, in groups.
    pub code: Zeroizing<String>,
    /// From when on it is void.
    pub until: UnixTime,
}

impl Registrar<'_> {
    /// Issues a code by which somebody who is not enrolled may set up a second factor at a login, once; the one before it
    /// is void from then on.
    ///
    /// # Errors
    /// The user is enrolled, or the records cannot be written.
    pub fn invite(&self, account: &Account, lifetime_seconds: u64) -> Result<Invitation, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        if self.enrolment(&users, account)?.is_some() {
            return Err(RegistrarError::AlreadyEnrolled);
        }
        let keyring = self.keyring_or_new()?;
        let (code, issued) = self.draw_issued(&keyring, account, INVITE_PURPOSE, lifetime_seconds)?;
        let until = issued.until;
        let states = self.files.states()?;
        let _making = states.lock()?;
        let record = StateFile::initial_content(&State::invitation(account.uid, Some(issued)));
        states.replace(&invitation_name(&account.name), &record)?;
        Ok(Invitation { code: code.grouped(), until })
    }

    /// Until when somebody is invited; `None` if they are not, or not any more.
    ///
    /// # Errors
    /// The record is there but cannot be used.
    pub fn invited_until(&self, account: &Account) -> Result<Option<UnixTime>, RegistrarError> {
        let (issued, now) = (self.invitation(account)?, self.files.now()?);
        Ok(issued.filter(|issued| issued.is_good(now)).map(|issued| issued.until))
    }

    /// What is kept of the invitation of a user, good or not. One that is damaged, or was for another account of that
    /// name, invites nobody.
    pub(super) fn invitation(&self, account: &Account) -> Result<Option<Issued>, RegistrarError> {
        match StateFile::peek(&self.files.states()?, &invitation_name(&account.name)) {
            Ok(record) => Ok(record.filter(|record| record.uid == account.uid).and_then(|record| record.bypass)),
            Err(StateError::Damaged { .. }) => Ok(None),
            Err(error) => Err(StoreError::from(error).into()),
        }
    }
}
