//! The registrar's work on devices that are to be used elsewhere: the one place where a secret comes out again.

use super::{Registrar, RegistrarError};
use crate::account::Account;
use crate::enrolment::{DeviceId, Enrolment, EnrolmentError, Kind, Otp, purpose_of_device};
use crate::factor::Label;
use crate::factor::totp::{Moving, Parameters, next_counter};
use crate::keyring::{Binding, Keyring};
use crate::secret::Secret;
use crate::state::StateFile;
use crate::store::{StoreError, enrolment_name};

/// A device with its secret.
pub struct Exported {
    /// What its owner calls it.
    pub label: Label,
    /// What it was told. A counter is the next one that may be used.
    pub parameters: Parameters,
    /// The secret.
    pub secret: Secret,
}

impl Registrar<'_> {
    /// Every device of a user that makes codes by itself, with its secret. Of a counter that is not known the first one
    /// is told that ever was.
    ///
    /// # Errors
    /// The user is not enrolled, or the records cannot be read.
    pub fn export(&self, account: &Account) -> Result<Vec<Exported>, RegistrarError> {
        let enrolment = self.enrolment(&self.files.users()?, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let state = StateFile::peek(&self.files.states()?, &account.name.file_stem()).map_err(StoreError::from)?;
        let mut exported = self.opened(&enrolment)?;
        for (device, (id, _)) in exported.iter_mut().zip(enrolment.otp_devices()) {
            if let Moving::Counter { first } = &mut device.parameters.moving {
                let burnt = state.as_ref().and_then(|state| state.burnt(id));
                *first = next_counter(*first, burnt).unwrap_or(*first);
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
                opened.push(Exported { label: device.label.clone(), parameters: otp.parameters, secret });
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
