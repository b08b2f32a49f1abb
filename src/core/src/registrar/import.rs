//! The registrar's work on devices that people have from another module: all of one user's in one write, and those that
//! are there already left as they are.

use subtle::ConstantTimeEq;

use super::{FirstCodes, NewDevice, NewKind, RecoveryCodes, Registrar, RegistrarError};
use crate::account::Account;
use crate::enrolment::{DEVICES_MAX, Enrolment};
use crate::factor::Label;
use crate::factor::totp::{Moving, Parameters};
use crate::secret::Secret;
use crate::sys::Directory;

/// What becomes of a device from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// It is new here, under this label.
    New(Label),
    /// It is here already, under this label.
    Known(Label),
}

/// Whom devices from elsewhere are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Somebody whom an administrator has named.
    Named,
    /// Whoever is neither enrolled nor invited; of the others it is only seen whether they have the devices.
    Newcomers,
    /// Nobody: of whoever is enrolled it is seen whether they have the devices.
    Enrolled,
}

/// What came of an import.
pub struct Imported {
    /// What there was before.
    pub before: Option<Enrolment>,
    /// One for each device, in their order.
    pub arrivals: Vec<Arrival>,
    /// The recovery codes that were issued, if any.
    pub codes: RecoveryCodes,
    /// Whether the scratch codes that were offered came over.
    pub has_scratch_codes: bool,
    /// Whether an import that was killed has been finished, see [`Registrar::finish`].
    pub is_finished: bool,
}

impl Arrival {
    fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }
}

impl Imported {
    fn is_changed(&self) -> bool {
        self.arrivals.iter().any(Arrival::is_new)
    }
}

impl Registrar<'_> {
    /// Adds those of the devices that are not here already, all or none of them; whoever has no recovery codes gets these.
    /// Where all are known nothing is changed.
    ///
    /// # Errors
    /// They are not for this user, a label is taken, there is no room, or the records cannot be written.
    pub fn import(
        &self,
        account: &Account,
        devices: Vec<NewDevice>,
        first_codes: FirstCodes,
        scope: Scope,
    ) -> Result<Imported, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let mut imported = self.foreseen(&users, account, &devices, &first_codes, scope)?;
        if imported.is_changed() {
            let new = devices.into_iter().zip(&imported.arrivals);
            let new = new.filter(|(_, arrival)| arrival.is_new()).map(|(device, _)| device);
            imported.codes = self.add(&users, account, imported.before.clone(), new, first_codes)?;
        } else if let Some(enrolment) = &imported.before {
            imported.is_finished = self.finish_if_killed(enrolment)?;
        }
        Ok(imported)
    }

    /// What [`Registrar::import`] would do with these devices now. Nothing is changed.
    ///
    /// # Errors
    /// They are not for this user, a label is taken, there is no room, or the records cannot be read.
    pub fn rehearse_import(
        &self,
        account: &Account,
        devices: &[NewDevice],
        first_codes: &FirstCodes,
        scope: Scope,
    ) -> Result<Imported, RegistrarError> {
        self.foreseen(&self.files.users()?, account, devices, first_codes, scope)
    }

    fn foreseen(
        &self,
        users: &Directory,
        account: &Account,
        devices: &[NewDevice],
        first_codes: &FirstCodes,
        scope: Scope,
    ) -> Result<Imported, RegistrarError> {
        let before = self.enrolment(users, account)?;
        if before.is_none() && scope != Scope::Named {
            if self.invited_until(account)?.is_some() {
                return Err(RegistrarError::Invited);
            }
            if scope == Scope::Enrolled {
                return Err(RegistrarError::NotEnrolled);
            }
        }
        let arrivals = self.arrivals(before.as_ref(), devices, scope)?;
        let codes = RecoveryCodes::new();
        let mut imported = Imported { before, arrivals, codes, has_scratch_codes: false, is_finished: false };
        let has_codes = imported.before.as_ref().is_some_and(|before| before.recovery.is_some());
        imported.has_scratch_codes =
            imported.is_changed() && matches!(first_codes, FirstCodes::Scratch(_)) && !has_codes;
        Ok(imported)
    }

    fn arrivals(
        &self,
        before: Option<&Enrolment>,
        devices: &[NewDevice],
        scope: Scope,
    ) -> Result<Vec<Arrival>, RegistrarError> {
        let known = match before {
            Some(before) => self.opened(before)?,
            None => Vec::new(),
        };
        let mut arrivals = Vec::with_capacity(devices.len());
        for (at, device) in devices.iter().enumerate() {
            let here = known.iter().find(|known| makes_the_same(&device.kind, known.parameters, &known.secret));
            let here = here.map(|known| &known.label);
            let earlier = devices.iter().take(at).find(|earlier| match &earlier.kind {
                NewKind::Otp { parameters, secret, .. } => makes_the_same(&device.kind, *parameters, secret),
                NewKind::Email(_) | NewKind::Sms(_) => false,
            });
            if let Some(label) = here.or_else(|| earlier.map(|earlier| &earlier.label)) {
                arrivals.push(Arrival::Known(label.clone()));
                continue;
            }
            if before.is_some() && scope != Scope::Named {
                return Err(RegistrarError::EnrolledOtherwise);
            }
            let label = device.label.clone();
            let is_taken = before.is_some_and(|before| before.device(&label).is_some()) && !device.replace;
            if is_taken || arrivals.contains(&Arrival::New(label.clone())) {
                return Err(RegistrarError::LabelTaken { label });
            }
            arrivals.push(Arrival::New(label));
        }
        let is_added = |arrival: &&Arrival| match arrival {
            Arrival::New(label) => before.is_none_or(|before| before.device(label).is_none()),
            Arrival::Known(_) => false,
        };
        let there = before.map_or(0, |before| before.devices.len());
        if there + arrivals.iter().filter(is_added).count() > DEVICES_MAX {
            return Err(RegistrarError::NoRoom);
        }
        Ok(arrivals)
    }
}

/// Whether a device makes the codes of this secret. Where its clock or its counter stands does not matter.
fn makes_the_same(kind: &NewKind, parameters: Parameters, secret: &Secret) -> bool {
    let NewKind::Otp { parameters: own, secret: own_secret, .. } = kind else { return false };
    let is_moved_alike = match (own.moving, parameters.moving) {
        (Moving::Time { period: own, .. }, Moving::Time { period, .. }) => own == period,
        (Moving::Counter { .. }, Moving::Counter { .. }) => true,
        (Moving::Time { .. }, Moving::Counter { .. }) | (Moving::Counter { .. }, Moving::Time { .. }) => false,
    };
    let is_told_alike = own.digits == parameters.digits && own.algorithm == parameters.algorithm;
    is_moved_alike && is_told_alike && bool::from(own_secret.expose().ct_eq(secret.expose()))
}
