//! The registrar's work on the keyring.

use super::{Registrar, RegistrarError};
use crate::account::{Account, UserName};
use crate::enrolment::{Enrolment, EnrolmentError};
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

    /// Seals the secrets of some users under the newest key, and answers for each of them whether any was not. What waits
    /// for the disk waits once for all of them.
    ///
    /// # Errors
    /// Of one user, that a secret does not open; of all, that the records cannot be written. Then each of them is as it
    /// was or sealed anew, and the older key is kept for those that are as they were.
    pub fn reseal(&self, accounts: &[Account]) -> Result<Vec<Result<bool, RegistrarError>>, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let keyring = self.files.keyring()?;
        let mut renewed = Vec::with_capacity(accounts.len());
        let mut reseal = |account: &Account| {
            let Some(enrolment) = self.resealed(&users, account, &keyring)? else { return Ok(false) };
            renewed.push((enrolment_name(&account.name), enrolment.render()));
            Ok(true)
        };
        let outcomes = accounts.iter().map(&mut reseal).collect();
        // Also where there is nothing to write: what somebody wrote who was killed need not be durable, and the key that
        // it was sealed under before is retired once nothing is left to do.
        users.replace_all(&renewed)?;
        Ok(outcomes)
    }

    /// The enrolment of a user under the newest key, as a generation of its own; `None` if it is, or there is none.
    fn resealed(
        &self,
        users: &Directory,
        account: &Account,
        keyring: &Keyring,
    ) -> Result<Option<Enrolment>, RegistrarError> {
        let Some(mut enrolment) = self.files.enrolment(users, account)? else { return Ok(None) };
        if enrolment.keys().all(|key| Some(key) == keyring.sealing_number()) {
            return Ok(None);
        }
        for (purpose, sealed) in enrolment.sealed_secrets_mut() {
            let binding = Binding { account, purpose: &purpose };
            let secret = keyring.open(sealed, &binding).map_err(|source| StoreError::Enrolment {
                path: users.path().join(enrolment_name(&account.name)),
                source: EnrolmentError::Sealed { purpose: purpose.clone(), source },
            })?;
            *sealed = keyring.seal(&secret, &binding, self.entropy)?;
        }
        enrolment.generation = self.draw_number()?;
        Ok(Some(enrolment))
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
