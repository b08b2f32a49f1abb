//! The registrar's work of taking away.

use super::{Registrar, RegistrarError, void_invitations};
use crate::account::{Account, UserName};
use crate::factor::{Label, Method};
use crate::store::{enrolment_name, invitation_name};
use crate::sys::Directory;

/// One part of an enrolment.
pub enum Part {
    /// All of one method.
    Method(Method),
    /// The device of that label.
    Device(Label),
}

impl Registrar<'_> {
    /// Removes all that there is of a user, also what cannot be read any more, and also if the account is gone. Answers
    /// whether there was more than an invitation.
    ///
    /// # Errors
    /// There is nothing, or it cannot be removed.
    pub fn remove(&self, name: &UserName) -> Result<bool, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let states = self.files.states()?;
        let enrolled = users.contains(&enrolment_name(name))? || states.contains(&name.file_stem())?;
        if !enrolled && !states.contains(&invitation_name(name))? {
            return Err(RegistrarError::NotEnrolled);
        }
        self.remove_all(&users, name).map(|()| enrolled)
    }

    /// Removes one device or one method. What is left without any device goes as a whole. Answers whether anything
    /// of the enrolment is left.
    ///
    /// # Errors
    /// There is nothing of that kind, or the records cannot be written.
    pub fn remove_part(&self, account: &Account, part: &Part) -> Result<bool, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let before = self.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let mut enrolment = before.clone();
        match part {
            Part::Method(Method::Recovery) => enrolment.recovery = None,
            Part::Method(method) => enrolment.devices.retain(|device| device.kind.method() != *method),
            Part::Device(label) => enrolment.devices.retain(|device| device.label != *label),
        }
        if enrolment == before {
            return Err(RegistrarError::NoSuchPart);
        }
        if enrolment.primary.is_some_and(|primary| enrolment.devices.iter().all(|device| device.id != primary)) {
            enrolment.primary = None;
        }
        if enrolment.devices.is_empty() {
            return self.remove_all(&users, &account.name).map(|()| false);
        }
        self.save(&users, &enrolment, &before)?;
        self.outlast_judges(account);
        Ok(true)
    }

    /// The state first: somebody who is half removed is still enrolled, instead of looking as if their enrolment had
    /// been lost. A login that is being judged meanwhile finds its state gone and is refused. An invitation goes before
    /// both, so that it does not outlive what it was for.
    fn remove_all(&self, users: &Directory, name: &UserName) -> Result<(), RegistrarError> {
        let states = self.files.states()?;
        // No login makes a new state meanwhile.
        let _making = states.lock()?;
        void_invitations(&states, [name])?;
        states.remove(&name.file_stem())?;
        states.sync()?;
        users.remove(&enrolment_name(name))?;
        users.sync()?;
        Ok(())
    }
}
