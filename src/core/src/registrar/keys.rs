//! The registrar's work on the keyring.

use super::{Registrar, RegistrarError};
use crate::account::{Account, UserName};
use crate::enrolment::EnrolmentError;
use crate::keyring::{Binding, KeyNumber, Keyring};
use crate::state::{StateError, StateFile};
use crate::store::{INVITATION_SUFFIX, StoreError, enrolment_name};
use crate::sys::{Directory, split};

impl Registrar<'_> {
    /// The keys that one enrolment is sealed under; none if it has gone meanwhile. Read without the account, which
    /// may be gone while its secrets are not.
    ///
    /// # Errors
    /// The enrolment cannot be read.
    pub fn keys_of(&self, name: &UserName) -> Result<Vec<KeyNumber>, RegistrarError> {
        Ok(self.files.keys_of(&self.files.users()?, name)?)
    }

    /// Adds a key, which seals from now on.
    ///
    /// # Errors
    /// The keyring cannot be read or written.
    pub fn add_key(&self) -> Result<KeyNumber, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let mut keyring = self.files.keyring()?;
        let number = keyring.add(self.entropy, self.files.now()?)?;
        self.save_keyring(&keyring)?;
        Ok(number)
    }

    /// Seals one user's secrets under the newest key. Answers whether any was not.
    ///
    /// # Errors
    /// A secret does not open, or the records cannot be written.
    pub fn reseal(&self, account: &Account) -> Result<bool, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let keyring = self.files.keyring()?;
        let Some(before) = self.files.enrolment(&users, account)? else { return Ok(false) };
        let mut enrolment = before.clone();
        if enrolment.keys().all(|key| Some(key) == keyring.sealing_number()) {
            return Ok(false);
        }
        for (purpose, sealed) in enrolment.sealed_secrets_mut() {
            let binding = Binding { account, purpose: &purpose };
            let secret = keyring.open(sealed, &binding).map_err(|source| StoreError::Enrolment {
                path: users.path().join(enrolment_name(&account.name)),
                source: EnrolmentError::Sealed { purpose: purpose.clone(), source },
            })?;
            *sealed = keyring.seal(&secret, &binding, self.entropy)?;
        }
        self.save(&users, &enrolment, &before)?;
        Ok(true)
    }

    /// Drops the keys that nothing is sealed under any more and names them. One enrolment that cannot be read stops
    /// this: its key must not be lost.
    ///
    /// # Errors
    /// An enrolment or the keyring cannot be read, or the keyring cannot be written.
    pub fn retire_keys(&self) -> Result<Vec<KeyNumber>, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let mut in_use = Vec::new();
        let states = match self.files.states() {
            Err(error) if error.is_missing() => None,
            states => Some(states?),
        };
        let enrolled = self.enrolled()?;
        for name in &enrolled {
            in_use.extend(self.keys_of(name)?);
        }
        if let Some(states) = &states {
            let invitations = states.names()?.into_iter().filter(|name| name.ends_with(INVITATION_SUFFIX));
            let now = self.files.now().ok();
            for name in enrolled.iter().map(UserName::file_stem).chain(invitations) {
                // Codes that are out and good: a bypass code or an invitation may be for days. Of a state that will be
                // made anew none is.
                match StateFile::peek(states, &name) {
                    Ok(Some(state)) => in_use.extend(state.keys_of_issued(now)),
                    Ok(None) | Err(StateError::Damaged { .. }) => {}
                    Err(error) => return Err(StoreError::from(error).into()),
                }
            }
        }
        let mut keyring = self.files.keyring()?;
        in_use.extend(keyring.sealing_number());
        let unused: Vec<_> = keyring.numbers().map(|(number, _)| number).filter(|n| !in_use.contains(n)).collect();
        for number in &unused {
            keyring.retire(*number);
        }
        if !unused.is_empty() {
            self.save_keyring(&keyring)?;
        }
        Ok(unused)
    }

    pub(super) fn save_keyring(&self, keyring: &Keyring) -> Result<(), RegistrarError> {
        let (parent, name) = split(&self.files.roots().keyring)?;
        Directory::open(parent)?.replace(name, keyring.render().as_bytes())?;
        Ok(())
    }
}
