//! One user's enrolment: the methods, their sealed secrets, the digests of the recovery codes. It changes only when
//! somebody changes it; what a login changes is in [`crate::state`].

mod file;

pub use file::{ENROLMENT_MAX_BYTES, EnrolmentError, keys_of};

use twofactor_message::{EmailAddress, Language, PhoneNumber};

use crate::account::Account;
use crate::clock::UnixTime;
use crate::factor::recovery::Digest;
use crate::factor::totp::{Key, Parameters};
use crate::factor::{Label, Method};
use crate::keyring::{Binding, DigestKey, KeyNumber, Keyring, Sealed};
use crate::secret::Secret;

/// The methods of one user, secrets still sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrolment {
    /// Whose.
    pub account: Account,
    /// A random number that is another one after every change; 0 where none was drawn yet.
    pub generation: u32,
    /// The devices, at most [`DEVICES_MAX`].
    pub devices: Vec<Device>,
    /// The device that a login begins with, if that is not the first.
    pub primary: Option<DeviceId>,
    /// What they are spoken to in, if not as everybody.
    pub language: Option<Language>,
    /// The recovery codes, if any were issued.
    pub recovery: Option<RecoverySheet>,
}

/// What tells the devices of one user apart, also in the state: a random number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceId(pub u32);

/// One authenticator app, mailbox or telephone.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its number within the enrolment.
    pub id: DeviceId,
    /// What its owner calls it.
    pub label: Label,
    /// What it is.
    pub kind: Kind,
    /// When it was enrolled.
    pub created: UnixTime,
}

/// What a device is, and what has to be known to use it.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// An authenticator app, or a token.
    Otp(Otp),
    /// A mailbox that codes are sent to.
    Email(EmailAddress),
    /// A telephone that codes are sent to.
    Sms(PhoneNumber),
}

/// A device that makes codes by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Otp {
    /// What it was told.
    pub parameters: Parameters,
    /// The shared secret.
    pub sealed: Sealed,
}

/// One issue of recovery codes.
#[derive(Debug, Clone, PartialEq)]
pub struct RecoverySheet {
    /// What tells this issue from every other: a random number.
    pub generation: u32,
    /// The key of the digests.
    pub sealed: Sealed,
    /// One for each code, at most 32.
    pub digests: Vec<Digest>,
    /// When it was issued.
    pub created: UnixTime,
}

/// The methods of one user, ready to judge codes. Never kept longer than one look.
pub struct Factors {
    /// The devices, the one that a login begins with in front.
    pub devices: Vec<Factor>,
    /// The digests of the recovery codes with their key.
    pub recovery: Option<(Secret, Vec<Digest>)>,
    /// What digests the codes that are sent, the newest last.
    pub digest_keys: Vec<DigestKey>,
    /// As in the enrolment.
    pub generation: u32,
    /// As in the enrolment.
    pub language: Option<Language>,
}

/// A device, ready to be used.
pub struct Factor {
    /// Its number within the enrolment.
    pub id: DeviceId,
    /// What its owner calls it.
    pub label: Label,
    /// What it can do.
    pub means: Means,
}

/// What a device proves by.
pub enum Means {
    /// A shared secret.
    Otp(Key),
    /// That a mail arrived.
    Email(EmailAddress),
    /// That a text arrived.
    Sms(PhoneNumber),
}

impl Enrolment {
    /// An enrolment without any method, for somebody to add the first one.
    #[must_use]
    pub fn empty(account: Account) -> Self {
        Self { account, generation: 0, devices: Vec::new(), primary: None, language: None, recovery: None }
    }

    /// The device of that label.
    #[must_use]
    pub fn device(&self, label: &Label) -> Option<&Device> {
        self.devices.iter().find(|device| device.label == *label)
    }

    /// The devices with a shared secret, which have steps to burn.
    pub fn otp_devices(&self) -> impl Iterator<Item = (DeviceId, &Otp)> {
        self.devices.iter().filter_map(|device| match &device.kind {
            Kind::Otp(otp) => Some((device.id, otp)),
            Kind::Email(_) | Kind::Sms(_) => None,
        })
    }

    /// Opens every secret.
    ///
    /// # Errors
    /// The first secret that does not open; the whole enrolment is unavailable then.
    pub fn open(&self, keyring: &Keyring) -> Result<Factors, EnrolmentError> {
        let account = &self.account;
        let open = |sealed: &Sealed, purpose: &str| {
            let opened = keyring.open(sealed, &Binding { account, purpose });
            opened.map_err(|source| EnrolmentError::Sealed { purpose: purpose.to_owned(), source })
        };
        let factor = |device: &Device| {
            let means = match &device.kind {
                Kind::Otp(otp) => {
                    let purpose = purpose_of_device(otp.parameters.method(), device.id);
                    Means::Otp(Key::new(&open(&otp.sealed, &purpose)?, otp.parameters)?)
                }
                Kind::Email(address) => Means::Email(address.clone()),
                Kind::Sms(number) => Means::Sms(number.clone()),
            };
            Ok(Factor { id: device.id, label: device.label.clone(), means })
        };
        let mut devices = self.devices.iter().map(factor).collect::<Result<Vec<_>, EnrolmentError>>()?;
        if let Some(primary) = devices.iter().position(|factor| Some(factor.id) == self.primary) {
            let factor = devices.remove(primary);
            devices.insert(0, factor);
        }
        let recovery = match &self.recovery {
            Some(sheet) => Some((open(&sheet.sealed, &sheet.purpose())?, sheet.digests.clone())),
            None => None,
        };
        let (generation, language) = (self.generation, self.language);
        Ok(Factors { devices, recovery, digest_keys: keyring.digest_keys(account), generation, language })
    }

    /// Every sealed secret with its purpose, to be sealed anew.
    pub fn sealed_secrets_mut(&mut self) -> impl Iterator<Item = (String, &mut Sealed)> {
        let devices = self.devices.iter_mut().filter_map(|device| match &mut device.kind {
            Kind::Otp(otp) => Some((purpose_of_device(otp.parameters.method(), device.id), &mut otp.sealed)),
            Kind::Email(_) | Kind::Sms(_) => None,
        });
        let recovery = self.recovery.iter_mut().map(|sheet| (sheet.purpose(), &mut sheet.sealed));
        devices.chain(recovery)
    }

    /// The numbers of the keys that the secrets are sealed under.
    pub fn keys(&self) -> impl Iterator<Item = KeyNumber> {
        let devices = self.otp_devices().map(|(_, otp)| otp.sealed.key);
        devices.chain(self.recovery.as_ref().map(|sheet| sheet.sealed.key))
    }
}

impl Factors {
    /// The first mailbox.
    #[must_use]
    pub fn mailbox(&self) -> Option<&EmailAddress> {
        self.devices.iter().find_map(|factor| match &factor.means {
            Means::Email(address) => Some(address),
            Means::Otp(_) | Means::Sms(_) => None,
        })
    }

    /// The newest key for digests.
    #[must_use]
    pub fn digest_key(&self) -> Option<&DigestKey> {
        self.digest_keys.last()
    }
}

impl Kind {
    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Otp(otp) => otp.parameters.method(),
            Self::Email(_) => Method::Email,
            Self::Sms(_) => Method::Sms,
        }
    }
}

impl RecoverySheet {
    /// What its digest key is sealed for.
    #[must_use]
    pub fn purpose(&self) -> String {
        purpose_of_recovery(self.generation)
    }
}

/// What the secret of a device is sealed for.
#[must_use]
pub fn purpose_of_device(method: Method, id: DeviceId) -> String {
    format!("{method}/{}", id.0)
}

/// What the digest key of an issue of recovery codes is sealed for.
#[must_use]
pub fn purpose_of_recovery(generation: u32) -> String {
    format!("{}/{generation}", Method::Recovery)
}

/// What fits the state's table of devices.
pub const DEVICES_MAX: usize = 16;
/// What fits the state's bits.
pub const CODES_MAX: usize = 32;
