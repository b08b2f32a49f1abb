//! The registrar's work of showing a secret again.

use super::{Registrar, RegistrarError, device_to_find};
use crate::account::Account;
use crate::clock::UnixTime;
use crate::enrolment::{EnrolmentError, Kind, purpose_of_device};
use crate::factor::Label;
use crate::factor::totp::{Moving, Parameters, Step};
use crate::keyring::Binding;
use crate::secret::Secret;
use crate::store::{StoreError, enrolment_name};

/// What an app has to be told to be that device.
pub struct Shown {
    /// Which device.
    pub label: Label,
    /// What it was told; a counter stands where it is now.
    pub parameters: Parameters,
    /// The shared secret.
    pub secret: Secret,
    /// When it was enrolled.
    pub created: UnixTime,
}

impl Registrar<'_> {
    /// Opens the secret of that device, or of the only one that makes codes. Nothing is changed.
    ///
    /// # Errors
    /// There is no such device, there are several, or the records cannot be read or the secret not opened.
    pub fn show(&self, account: &Account, label: Option<&Label>) -> Result<Shown, RegistrarError> {
        let standing = self.standing(account)?.ok_or(RegistrarError::NotEnrolled)?;
        let users = self.files.users()?;
        let device = device_to_find(&standing.enrolment, label)?;
        let Kind::Otp(otp) = &device.kind else { return Err(RegistrarError::NoSuchPart) };
        let purpose = purpose_of_device(otp.parameters.method(), device.id);
        let binding = Binding { account: &standing.enrolment.account, purpose: &purpose };
        let secret = self.files.keyring()?.open(&otp.sealed, &binding).map_err(|source| {
            let path = users.path().join(enrolment_name(&account.name));
            StoreError::Enrolment { path, source: EnrolmentError::Sealed { purpose: purpose.clone(), source } }
        })?;
        let mut parameters = otp.parameters;
        let burnt = standing.state.and_then(|state| state.burnt(device.id));
        match (&mut parameters.moving, burnt.and_then(|Step(burnt)| burnt.checked_add(1))) {
            // Of what was used until now no code would be taken.
            (Moving::Counter { first }, Some(next)) => *first = next.max(*first),
            // A clock that was off is no matter of the app.
            (Moving::Time { ahead, .. }, _) => *ahead = 0,
            (Moving::Counter { .. }, None) => {}
        }
        Ok(Shown { label: device.label.clone(), parameters, secret, created: device.created })
    }
}
