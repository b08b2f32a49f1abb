//! One user's enrolment: the methods, their sealed secrets, the digests of the recovery codes. It changes only when
//! somebody changes it; what a login changes is in [`crate::state`].

use crate::account::Account;
use crate::clock::UnixTime;

use crate::document::{self, Mistake, Table, Writer, checked};
use crate::factor::otp::ParameterError;
use crate::factor::recovery::{DIGEST_BYTES, Digest};
use crate::factor::totp::{Key, Parameters};
use crate::factor::{Label, Method};
use crate::keyring::{Binding, KeyNumber, Keyring, OpenError, Sealed};
use crate::secret::Secret;
use zeroize::Zeroizing;

/// The methods of one user, secrets still sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct Enrolment {
    /// Whose.
    pub account: Account,
    /// The devices, at most [`DEVICES_MAX`].
    pub devices: Vec<Device>,
    /// The recovery codes, if any were issued.
    pub recovery: Option<RecoverySheet>,
}

/// What tells the devices of one user apart, also in the state: a random number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceId(pub u32);

/// One authenticator app.
#[derive(Debug, Clone, PartialEq)]
pub struct Device {
    /// Its number within the enrolment.
    pub id: DeviceId,
    /// What its owner calls it.
    pub label: Label,
    /// What the app was told.
    pub parameters: Parameters,
    /// The shared secret.
    pub sealed: Sealed,
    /// When it was enrolled.
    pub created: UnixTime,
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
    /// The devices with their keys.
    pub devices: Vec<(DeviceId, Label, Key)>,
    /// The digests of the recovery codes with their key.
    pub recovery: Option<(Secret, Vec<Digest>)>,
}

impl Enrolment {
    /// An enrolment without any method, for somebody to add the first one.
    #[must_use]
    pub fn empty(account: Account) -> Self {
        Self { account, devices: Vec::new(), recovery: None }
    }

    /// The device of that label.
    #[must_use]
    pub fn device(&self, label: &Label) -> Option<&Device> {
        self.devices.iter().find(|device| device.label == *label)
    }

    /// Opens every secret.
    ///
    /// # Errors
    /// The first secret that does not open; the whole enrolment is unavailable then.
    pub fn open(&self, keyring: &Keyring) -> Result<Factors, EnrolmentError> {
        let account = &self.account;
        let open = |sealed, purpose: &str| {
            let opened = keyring.open(sealed, &Binding { account, purpose });
            opened.map_err(|source| EnrolmentError::Sealed { purpose: purpose.to_owned(), source })
        };
        let devices = self.devices.iter().map(|device| {
            let secret = open(&device.sealed, &device.purpose())?;
            Ok((device.id, device.label.clone(), Key::new(&secret, device.parameters)?))
        });
        let devices = devices.collect::<Result<_, EnrolmentError>>()?;
        let recovery = match &self.recovery {
            Some(sheet) => Some((open(&sheet.sealed, &sheet.purpose())?, sheet.digests.clone())),
            None => None,
        };
        Ok(Factors { devices, recovery })
    }

    /// Every sealed secret with its purpose, to be sealed anew.
    pub fn sealed_secrets_mut(&mut self) -> impl Iterator<Item = (String, &mut Sealed)> {
        let devices = self.devices.iter_mut().map(|device| (device.purpose(), &mut device.sealed));
        let recovery = self.recovery.iter_mut().map(|sheet| (sheet.purpose(), &mut sheet.sealed));
        devices.chain(recovery)
    }

    /// The numbers of the keys that the secrets are sealed under.
    pub fn keys(&self) -> impl Iterator<Item = KeyNumber> {
        keys(&self.devices, self.recovery.as_ref())
    }

    /// Reads the file of `account`.
    ///
    /// # Errors
    /// It is malformed, of an unknown version, or says that it belongs to somebody else.
    pub fn parse(bytes: &[u8], account: &Account) -> Result<Self, EnrolmentError> {
        let record = Record::parse(bytes)?;
        if record.user != account.name.as_str() || record.uid != account.uid {
            return Err(EnrolmentError::Stranger { user: record.user, uid: record.uid });
        }
        let Record { devices, recovery, .. } = record;
        let twice =
            |at: usize, d: &Device| devices.iter().take(at).any(|before| before.id == d.id || before.label == d.label);
        if devices.iter().enumerate().any(|(at, device)| twice(at, device)) {
            return Err(EnrolmentError::Twice);
        }
        if devices.len() > DEVICES_MAX {
            return Err(EnrolmentError::TooMany);
        }
        if recovery.as_ref().is_some_and(|sheet| sheet.digests.len() > DIGESTS_MAX) {
            return Err(EnrolmentError::TooMany);
        }
        Ok(Self { account: account.clone(), devices, recovery })
    }

    /// The file's content.
    #[must_use]
    pub fn render(&self) -> Zeroizing<String> {
        let mut writer = Writer::with_capacity(4096);
        writer.number("version", VERSION.into()).string("user", self.account.name.as_str());
        writer.number("uid", self.account.uid.into());
        for device in &self.devices {
            device.write(writer.element("method"));
        }
        if let Some(sheet) = &self.recovery {
            sheet.write(writer.table("recovery"));
        }
        writer.finish()
    }
}

/// The file as it is written, before it is compared with whose it should be.
struct Record {
    user: String,
    uid: u32,
    devices: Vec<Device>,
    recovery: Option<RecoverySheet>,
}

impl Record {
    fn parse(bytes: &[u8]) -> Result<Self, EnrolmentError> {
        let read = document::read(bytes, |table| {
            let version: u32 = table.required("version")?;
            if version == VERSION {
                return Self::read(table).map(Ok);
            }
            // A newer release may have added keys: its version says more than the first of them.
            table.ignore_the_rest();
            Ok(Err(EnrolmentError::Version { version }))
        });
        read?
    }

    fn read(table: &Table<'_>) -> Result<Self, Mistake> {
        Ok(Self {
            user: table.required("user")?,
            uid: table.required("uid")?,
            devices: table.tables("method", Device::read)?,
            recovery: table.table("recovery", RecoverySheet::read)?,
        })
    }
}

impl Device {
    fn read(table: &Table<'_>) -> Result<Self, Mistake> {
        let Kind::Totp = table.required("kind")?;
        Ok(Self {
            id: DeviceId(table.required("id")?),
            label: table.required("label")?,
            created: UnixTime(table.required("created")?),
            parameters: Parameters {
                digits: table.required("digits")?,
                period: table.required("period")?,
                algorithm: table.required("algorithm")?,
            },
            sealed: read_sealed(table)?,
        })
    }

    fn write(&self, writer: &mut Writer) {
        let Parameters { digits, period, algorithm } = self.parameters;
        writer.string("kind", Method::Totp.name()).number("id", self.id.0.into());
        writer.string("label", self.label.as_str()).number("created", self.created.0);
        writer.number("digits", digits.count().into()).number("period", period.seconds());
        writer.string("algorithm", algorithm.name());
        write_sealed(writer, &self.sealed);
    }

    /// What its secret is sealed for.
    #[must_use]
    pub fn purpose(&self) -> String {
        purpose_of_device(self.id)
    }
}

/// What the secret of a TOTP device is sealed for.
#[must_use]
pub fn purpose_of_device(id: DeviceId) -> String {
    format!("{}/{}", Method::Totp, id.0)
}

/// What the digest key of an issue of recovery codes is sealed for.
#[must_use]
pub fn purpose_of_recovery(generation: u32) -> String {
    format!("{}/{generation}", Method::Recovery)
}

impl RecoverySheet {
    fn read(table: &Table<'_>) -> Result<Self, Mistake> {
        let digests: Vec<HexDigest> = table.required("digests")?;
        Ok(Self {
            generation: table.required("generation")?,
            created: UnixTime(table.required("created")?),
            sealed: read_sealed(table)?,
            digests: digests.into_iter().map(|HexDigest(digest)| digest).collect(),
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.number("generation", self.generation.into()).number("created", self.created.0);
        write_sealed(writer, &self.sealed);
        let digests: Vec<_> = self.digests.iter().map(|digest| base16ct::lower::encode_string(&digest.0)).collect();
        writer.strings("digests", digests.iter().map(String::as_str));
    }

    /// What its digest key is sealed for.
    #[must_use]
    pub fn purpose(&self) -> String {
        purpose_of_recovery(self.generation)
    }
}

fn keys<'e>(devices: &'e [Device], recovery: Option<&'e RecoverySheet>) -> impl Iterator<Item = KeyNumber> + 'e {
    devices.iter().map(|device| device.sealed.key).chain(recovery.map(|sheet| sheet.sealed.key))
}

/// The keys that an enrolment is sealed under, whoever it belongs to.
///
/// # Errors
/// It is malformed or of an unknown version.
pub fn keys_of(bytes: &[u8]) -> Result<Vec<KeyNumber>, EnrolmentError> {
    let record = Record::parse(bytes)?;
    let mut keys: Vec<_> = keys(&record.devices, record.recovery.as_ref()).collect();
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// An enrolment cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum EnrolmentError {
    #[error(transparent)]
    Malformed(#[from] Mistake),
    #[error("has version {version}, which this release does not know")]
    Version { version: u32 },
    #[error("says that it belongs to {user:?} with uid {uid}")]
    Stranger { user: String, uid: u32 },
    #[error("has two devices with the same id or label")]
    Twice,
    #[error("has more than {DEVICES_MAX} devices or {DIGESTS_MAX} recovery codes")]
    TooMany,
    #[error("has a device that cannot be used: {0}")]
    Parameter(#[from] ParameterError),
    #[error("the secret of {purpose} {source}")]
    Sealed { purpose: String, source: OpenError },
}

fn read_sealed(table: &Table<'_>) -> Result<Sealed, Mistake> {
    let Hex(content) = table.required("sealed")?;
    Ok(Sealed { key: table.required("key")?, content })
}

fn write_sealed(writer: &mut Writer, sealed: &Sealed) {
    writer.number("key", u32::from(sealed.key).into());
    writer.string("sealed", &base16ct::lower::encode_string(&sealed.content));
}

/// The kinds of a `[[method]]`; more will come.
#[derive(Clone, Copy)]
enum Kind {
    Totp,
}

impl TryFrom<String> for Kind {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        if word == Method::Totp.name() { Ok(Self::Totp) } else { Err("this release does not know that kind of method") }
    }
}

struct Hex(Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        base16ct::lower::decode_vec(text.as_bytes()).map(Self).map_err(|_| "not lower-case hexadecimal")
    }
}

struct HexDigest(Digest);

impl TryFrom<String> for HexDigest {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes: Result<[u8; DIGEST_BYTES], _> = Hex::try_from(text)?.0.try_into();
        bytes.map(|bytes| Self(Digest(bytes))).map_err(|_| "not 64 hexadecimal digits")
    }
}

checked! {
    Kind, String;
    Hex, String;
    HexDigest, String;
}

/// What fits the state's table of devices.
pub const DEVICES_MAX: usize = 16;
/// What fits the state's bits.
const DIGESTS_MAX: usize = 32;
/// The largest enrolment file that is read.
pub const ENROLMENT_MAX_BYTES: u64 = 64 * 1024;
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::UserName;

    fn account() -> Account {
        Account { name: UserName::new("alice").unwrap(), uid: 1000 }
    }

    fn enrolment() -> Enrolment {
        let key = KeyNumber::try_from(1).unwrap();
        Enrolment {
            account: account(),
            devices: vec![Device {
                id: DeviceId(1),
                label: Label::try_from("phone".to_owned()).unwrap(),
                parameters: Parameters::COMMON,
                sealed: Sealed { key, content: vec![1; 60] },
                created: UnixTime(5),
            }],
            recovery: Some(RecoverySheet {
                generation: 1,
                sealed: Sealed { key, content: vec![2; 72] },
                digests: vec![Digest([3; 32]); 10],
                created: UnixTime(5),
            }),
        }
    }

    #[test]
    fn an_enrolment_survives_its_file() {
        let text = enrolment().render();
        assert_eq!(Enrolment::parse(text.as_bytes(), &account()).unwrap(), enrolment());
        let empty = Enrolment::empty(account());
        assert_eq!(Enrolment::parse(empty.render().as_bytes(), &account()).unwrap(), empty);
    }

    #[test]
    fn somebody_elses_enrolment_is_refused() {
        let text = enrolment().render();
        for (name, uid) in [("bob", 1000), ("alice", 1001)] {
            let other = Account { name: UserName::new(name).unwrap(), uid };
            assert!(matches!(Enrolment::parse(text.as_bytes(), &other), Err(EnrolmentError::Stranger { .. })));
        }
    }

    #[test]
    fn a_newer_version_is_named_as_such_even_with_keys_that_nobody_knows() {
        let text = enrolment().render().replace("version = 1", "version = 2\nbrand_new = true");
        let error = Enrolment::parse(text.as_bytes(), &account()).unwrap_err();
        assert!(matches!(error, EnrolmentError::Version { version: 2 }), "{error}");
    }

    #[test]
    fn records_that_contradict_themselves_are_refused() {
        let text = enrolment().render();
        let doubled = text.replace(
            "[recovery]",
            &format!("{}\n[recovery]", &text[text.find("[[method]]").unwrap()..text.find("[recovery]").unwrap()]),
        );
        assert!(matches!(Enrolment::parse(doubled.as_bytes(), &account()), Err(EnrolmentError::Twice)));
        for (from, to) in
            [("digits = 6", "digits = 9"), ("sealed = \"01", "sealed = \"zz"), ("kind = \"totp\"", "kind = \"hotp\"")]
        {
            assert!(text.contains(from));
            assert!(Enrolment::parse(text.replace(from, to).as_bytes(), &account()).is_err(), "{to}");
        }
        let mut many = enrolment();
        many.recovery.as_mut().unwrap().digests = vec![Digest([3; 32]); 33];
        assert!(matches!(Enrolment::parse(many.render().as_bytes(), &account()), Err(EnrolmentError::TooMany)));
    }
}
