//! The registrar's work on devices that are to be used elsewhere: the one place where a secret comes out again.

use super::{Registrar, RegistrarError};
use crate::account::Account;
use crate::enrolment::{DeviceId, Enrolment, EnrolmentError, Kind, Otp, purpose_of_device};
use crate::factor::Label;
use crate::factor::totp::{Moving, Parameters, next_counter};
use crate::keyring::{Binding, Keyring};
use crate::secret::Secret;
use crate::state::{State, StateFile};
use crate::store::{StoreError, enrolment_name};

/// A device with its secret.
pub struct Exported {
    /// What its owner calls it.
    pub label: Label,
    /// What it was told. A counter is the next one that may be used.
    pub parameters: Parameters,
    /// Nobody knows which codes of it were used, so that the counter is the first one that ever was.
    pub is_lost: bool,
    /// The secret.
    pub secret: Secret,
}

impl Registrar<'_> {
    /// Every device of a user that makes codes by itself, with its secret.
    ///
    /// # Errors
    /// The user is not enrolled, or the records cannot be read.
    pub fn export(&self, account: &Account) -> Result<Vec<Exported>, RegistrarError> {
        let enrolment = self.enrolment(&self.files.users()?, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let state = StateFile::peek(&self.files.states()?, &account.name.file_stem()).map_err(StoreError::from)?;
        let mut exported = self.opened(&enrolment)?;
        for (device, (id, _)) in exported.iter_mut().zip(enrolment.otp_devices()) {
            if let Moving::Counter { first } = &mut device.parameters.moving {
                (*first, device.is_lost) = standing_counter(*first, state.as_ref(), id);
            }
        }
        Ok(exported)
    }

    /// The devices of an enrolment that make codes by themselves, opened.
    pub(super) fn opened(&self, enrolment: &Enrolment) -> Result<Vec<Exported>, RegistrarError> {
        let keyring = self.files.keyring()?;
        let mut opened = Vec::with_capacity(enrolment.devices.len());
        for device in &enrolment.devices {
            if let Kind::Otp(otp) = &device.kind {
                let secret = self.secret(&keyring, &enrolment.account, device.id, otp)?;
                opened.push(Exported {
                    label: device.label.clone(),
                    parameters: otp.parameters,
                    is_lost: false,
                    secret,
                });
            }
        }
        Ok(opened)
    }

    /// The secret of a device.
    pub(super) fn secret(
        &self,
        keyring: &Keyring,
        account: &Account,
        id: DeviceId,
        otp: &Otp,
    ) -> Result<Secret, RegistrarError> {
        let purpose = purpose_of_device(otp.parameters.method(), id);
        let opened = keyring.open(&otp.sealed, &Binding { account, purpose: &purpose });
        Ok(opened.map_err(|source| {
            let path = self.files.users().map(|users| users.path().join(enrolment_name(&account.name)));
            StoreError::Enrolment { path: path.unwrap_or_default(), source: EnrolmentError::Sealed { purpose, source } }
        })?)
    }
}

/// The next counter that may be used. Without a state, or where the state does not know either, the next login takes every
/// counter for used: then it is the first one that ever was, and the counter is lost.
pub(super) fn standing_counter(first: u64, state: Option<&State>, id: DeviceId) -> (u64, bool) {
    let next = state.and_then(|state| next_counter(first, state.burnt(id)));
    (next.unwrap_or(first), next.is_none())
}
