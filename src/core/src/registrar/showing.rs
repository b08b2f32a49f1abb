//! The registrar's work of showing a secret again.

use super::export::standing_counter;
use super::{Registrar, RegistrarError, device_to_find};
use crate::account::Account;
use crate::clock::UnixTime;
use crate::enrolment::Kind;
use crate::factor::Label;
use crate::factor::totp::{Moving, Parameters};
use crate::secret::Secret;

/// What an app has to be told to be that device.
pub struct Shown {
    /// Which device.
    pub label: Label,
    /// What it was told; a counter stands where it is now.
    pub parameters: Parameters,
    /// Nobody knows which codes of it were used, so that the counter is the first one that ever was.
    pub is_lost: bool,
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
        let device = device_to_find(&standing.enrolment, label)?;
        let Kind::Otp(otp) = &device.kind else { return Err(RegistrarError::NoSuchPart) };
        let secret = self.secret(&self.files.keyring()?, account, device.id, otp)?;
        let (mut parameters, mut is_lost) = (otp.parameters, false);
        match &mut parameters.moving {
            // Of what was used until now no code would be taken.
            Moving::Counter { first } => {
                (*first, is_lost) = standing_counter(*first, standing.state.as_ref(), device.id);
            }
            // A clock that was off is no matter of the app.
            Moving::Time { ahead, .. } => *ahead = 0,
        }
        Ok(Shown { label: device.label.clone(), parameters, is_lost, secret, created: device.created })
    }
}
