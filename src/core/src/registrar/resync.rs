//! The registrar's work on devices that have lost their way: a clock that is off, a counter that ran ahead.

use super::{Registrar, RegistrarError};
use crate::account::Account;
use crate::enrolment::{Device, Enrolment, Kind, Means};
use crate::factor::Label;
use crate::factor::totp::{Moving, Step};
use crate::store::{StoreError, enrolment_name};

/// Where a device was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The device.
    pub label: Label,
    /// By how many seconds its clock is ahead of this host's; `None` if it has a counter.
    pub ahead_seconds: Option<i64>,
    /// The step or the counter of the second code.
    pub step: Step,
}

impl Registrar<'_> {
    /// Finds a device again by two codes in a row, which are used up by that. Nothing changes if they are not found.
    ///
    /// # Errors
    /// There is no such device, the codes are none of it or were used, or the records cannot be written.
    pub fn resynchronise(
        &self,
        account: &Account,
        label: Option<&Label>,
        codes: [&str; 2],
    ) -> Result<Found, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let before = self.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let Device { id, label, .. } = device_to_find(&before, label)?.clone();
        let factors = before.open(&self.files.keyring()?).map_err(|source| {
            let path = users.path().join(enrolment_name(&account.name));
            StoreError::Enrolment { path, source }
        })?;
        let means = factors.devices.iter().find(|factor| factor.id == id).map(|factor| &factor.means);
        let Some(Means::Otp(key)) = means else { return Err(RegistrarError::NoSuchPart) };
        let (now, mut found) = (self.files.now()?, None);
        // The lock of the state keeps a login from using either code meanwhile.
        self.change_state(&before, |state| {
            // A device that is new to it may have been used elsewhere.
            state.follow(&before, now, self.files.window());
            found = key.resynchronise(codes, now, state.burnt(id));
            if let Some(step) = found {
                state.find_again(id, step);
                state.note_drift(id, key.parameters().drift(step, now));
                state.forget();
            }
        })?;
        let step = found.ok_or(RegistrarError::NotFound)?;
        let mut enrolment = before.clone();
        let mut ahead_seconds = None;
        for device in enrolment.devices.iter_mut().filter(|device| device.id == id) {
            let Kind::Otp(otp) = &mut device.kind else { continue };
            let drift = otp.parameters.drift(step, now);
            match (&mut otp.parameters.moving, drift) {
                (Moving::Time { period, ahead }, Some(drift)) => {
                    *ahead = drift;
                    ahead_seconds = i64::try_from(period.seconds()).ok().map(|seconds| i64::from(drift) * seconds);
                }
                // Should the state be lost again, what was used until now is not found any more.
                (Moving::Counter { first }, _) => *first = step.0.saturating_add(1),
                (Moving::Time { .. }, None) => {}
            }
        }
        if enrolment != before {
            self.save(&users, &enrolment, &before)?;
            self.outlast_judges(account);
        }
        Ok(Found { label, ahead_seconds, step })
    }
}

/// The device of that label, or the only one that makes codes by itself.
///
/// # Errors
/// There is none, or there are several.
pub fn device_to_find<'e>(enrolment: &'e Enrolment, label: Option<&Label>) -> Result<&'e Device, RegistrarError> {
    let makes_codes = |device: &&Device| matches!(device.kind, Kind::Otp(_));
    let named = |device: &&Device| label.is_none_or(|label| device.label == *label);
    let mut devices = enrolment.devices.iter().filter(makes_codes).filter(named);
    match (devices.next(), devices.next()) {
        (Some(device), None) => Ok(device),
        (Some(_), Some(_)) => Err(RegistrarError::WhichDevice),
        (None, _) => Err(RegistrarError::NoSuchPart),
    }
}
