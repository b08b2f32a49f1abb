//! The enrolment as a file. `docs/format.md` describes it.

use twofactor_message::Language;
use zeroize::Zeroizing;

use super::{CODES_MAX, DEVICES_MAX, Device, DeviceId, Enrolment, Kind, Otp, RecoverySheet};
use crate::account::Account;
use crate::clock::UnixTime;
use crate::document::{self, Mistake, Table, Writer, checked};
use crate::factor::Method;
use crate::factor::otp::ParameterError;
use crate::factor::recovery::{DIGEST_BYTES, Digest};
use crate::factor::totp::{Moving, Parameters};
use crate::keyring::{KeyNumber, OpenError, Sealed};

impl Enrolment {
    /// Reads the file of `account`.
    ///
    /// # Errors
    /// It is malformed, of an unknown version, or says that it belongs to somebody else.
    pub fn parse(bytes: &[u8], account: &Account) -> Result<Self, EnrolmentError> {
        let record = Record::parse(bytes)?;
        if record.user != account.name.as_str() || record.uid != account.uid {
            return Err(EnrolmentError::Stranger { user: record.user, uid: record.uid });
        }
        let Record { generation, devices, primary, language, recovery, .. } = record;
        let twice =
            |at: usize, d: &Device| devices.iter().take(at).any(|before| before.id == d.id || before.label == d.label);
        if devices.iter().enumerate().any(|(at, device)| twice(at, device)) {
            return Err(EnrolmentError::Twice);
        }
        if devices.len() > DEVICES_MAX {
            return Err(EnrolmentError::TooMany);
        }
        if recovery.as_ref().is_some_and(|sheet| sheet.digests.len() > CODES_MAX) {
            return Err(EnrolmentError::TooMany);
        }
        if primary.is_some_and(|primary| devices.iter().all(|device| device.id != primary)) {
            return Err(EnrolmentError::NoSuchPrimary);
        }
        Ok(Self { account: account.clone(), generation, devices, primary, language, recovery })
    }

    /// The file's content.
    #[must_use]
    pub fn render(&self) -> Zeroizing<String> {
        let mut writer = Writer::with_capacity(4096);
        writer.number("version", VERSION.into()).string("user", self.account.name.as_str());
        writer.number("uid", self.account.uid.into()).number("generation", self.generation.into());
        if let Some(primary) = self.primary {
            writer.number("primary", primary.0.into());
        }
        if let Some(language) = self.language {
            writer.string("language", language.name());
        }
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
    generation: u32,
    devices: Vec<Device>,
    primary: Option<DeviceId>,
    language: Option<Language>,
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
            generation: table.or("generation", 0)?,
            primary: table.optional("primary")?.map(DeviceId),
            language: table.optional("language")?,
            devices: table.tables("method", Device::read)?,
            recovery: table.table("recovery", RecoverySheet::read)?,
        })
    }
}

impl Device {
    fn read(table: &Table<'_>) -> Result<Self, Mistake> {
        let method: DeviceMethod = table.required("kind")?;
        Ok(Self {
            id: DeviceId(table.required("id")?),
            label: table.required("label")?,
            created: UnixTime(table.required("created")?),
            kind: match method {
                DeviceMethod::Totp => {
                    let (period, ahead) = (table.required("period")?, table.or("ahead", Ahead(0))?.0);
                    Kind::Otp(Otp::read(table, Moving::Time { period, ahead })?)
                }
                DeviceMethod::Hotp => {
                    Kind::Otp(Otp::read(table, Moving::Counter { first: table.required("counter")? })?)
                }
                DeviceMethod::Email => Kind::Email(table.required("address")?),
                DeviceMethod::Sms => Kind::Sms(table.required("number")?),
            },
        })
    }

    fn write(&self, writer: &mut Writer) {
        writer.string("kind", self.kind.method().name()).number("id", self.id.0.into());
        writer.string("label", self.label.as_str()).number("created", self.created.0);
        match &self.kind {
            Kind::Otp(otp) => otp.write(writer),
            Kind::Email(address) => {
                writer.string("address", address.as_str());
            }
            Kind::Sms(number) => {
                writer.string("number", number.as_str());
            }
        }
    }
}

impl Otp {
    fn read(table: &Table<'_>, moving: Moving) -> Result<Self, Mistake> {
        let (digits, algorithm) = (table.required("digits")?, table.required("algorithm")?);
        let window: Option<u8> = table.optional("window")?;
        let window = window.map(|window| moving.checked_window(window)).transpose();
        let window = window.map_err(|error| table.wrong("window", &error))?;
        Ok(Self { parameters: Parameters { digits, algorithm, moving, window }, sealed: read_sealed(table)? })
    }

    fn write(&self, writer: &mut Writer) {
        let Parameters { digits, algorithm, moving, window } = self.parameters;
        writer.number("digits", digits.count().into()).string("algorithm", algorithm.name());
        match moving {
            Moving::Time { period, ahead } => {
                writer.number("period", period.seconds());
                if ahead != 0 {
                    writer.string("ahead", &ahead.to_string());
                }
            }
            Moving::Counter { first } => {
                writer.number("counter", first);
            }
        }
        if let Some(window) = window {
            writer.number("window", window.into());
        }
        write_sealed(writer, &self.sealed);
    }
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
}

/// The keys that an enrolment is sealed under, whoever it belongs to.
///
/// # Errors
/// It is malformed or of an unknown version.
pub fn keys_of(bytes: &[u8]) -> Result<Vec<KeyNumber>, EnrolmentError> {
    let Record { devices, recovery, .. } = Record::parse(bytes)?;
    let of_devices = devices.iter().filter_map(|device| match &device.kind {
        Kind::Otp(otp) => Some(otp.sealed.key),
        Kind::Email(_) | Kind::Sms(_) => None,
    });
    let mut keys: Vec<_> = of_devices.chain(recovery.map(|sheet| sheet.sealed.key)).collect();
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
    #[error("says that it belongs to {} with uid {uid}", twofactor_message::logged(user))]
    Stranger { user: String, uid: u32 },
    #[error("has two devices with the same id or label")]
    Twice,
    #[error("has a primary device that is not there")]
    NoSuchPrimary,
    #[error("has more than {DEVICES_MAX} devices or {CODES_MAX} recovery codes")]
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

/// A method that a device can be of.
#[derive(Clone, Copy)]
enum DeviceMethod {
    Totp,
    Hotp,
    Email,
    Sms,
}

impl TryFrom<String> for DeviceMethod {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        let known = [
            (Method::Totp, Self::Totp),
            (Method::Hotp, Self::Hotp),
            (Method::Email, Self::Email),
            (Method::Sms, Self::Sms),
        ];
        let found = known.into_iter().find(|(method, _)| method.name() == word);
        found.map(|(_, kind)| kind).ok_or("this release does not know that kind of method")
    }
}

/// How many steps a clock is ahead, with its sign.
struct Ahead(i32);

impl TryFrom<String> for Ahead {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self).map_err(|_| "not a whole number of steps")
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
    Ahead, String;
    DeviceMethod, String;
    Hex, String;
    HexDigest, String;
}

/// The largest enrolment file that is read.
pub const ENROLMENT_MAX_BYTES: u64 = 64 * 1024;
const VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::UserName;
    use crate::factor::Label;
    use crate::factor::otp::Period;

    fn account() -> Account {
        Account { name: UserName::new("alice").unwrap(), uid: 1000 }
    }

    fn device(id: u32, label: &str, kind: Kind) -> Device {
        Device { id: DeviceId(id), label: Label::try_from(label.to_owned()).unwrap(), kind, created: UnixTime(5) }
    }

    fn enrolment() -> Enrolment {
        let key = KeyNumber::try_from(1).unwrap();
        let sealed = Sealed { key, content: vec![1; 60] };
        let with = |moving| Parameters { moving, ..Parameters::COMMON };
        Enrolment {
            account: account(),
            generation: 7,
            devices: vec![
                device(1, "phone", Kind::Otp(Otp { parameters: Parameters::COMMON, sealed: sealed.clone() })),
                device(
                    6,
                    "wide",
                    Kind::Otp(Otp {
                        parameters: Parameters { window: Some(8), ..Parameters::COMMON },
                        sealed: sealed.clone(),
                    }),
                ),
                device(2, "mail", Kind::Email("alice@example.org".parse().unwrap())),
                device(
                    4,
                    "slow phone",
                    Kind::Otp(Otp {
                        parameters: with(Moving::Time { period: Period::THIRTY, ahead: -90 }),
                        sealed: sealed.clone(),
                    }),
                ),
                device(5, "token", Kind::Otp(Otp { parameters: with(Moving::Counter { first: 7 }), sealed })),
                device(3, "text", Kind::Sms("+4930123456".parse().unwrap())),
            ],
            primary: Some(DeviceId(2)),
            language: Some(Language::De),
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
        for (from, to) in [
            ("digits = 6", "digits = 9"),
            ("sealed = \"01", "sealed = \"zz"),
            ("kind = \"totp\"", "kind = \"hotp\""),
            ("ahead = \"-90\"", "ahead = \"-90s\""),
            ("window = 8", "window = 11"),
            ("window = 8", "window = 256"),
            ("primary = 2", "primary = 9"),
            ("language = \"de\"", "language = \"tlh\""),
            ("alice@", "-oQ/tmp@"),
            ("+49", "+0"),
        ] {
            assert!(text.contains(from));
            assert!(Enrolment::parse(text.replace(from, to).as_bytes(), &account()).is_err(), "{to}");
        }
        let mut many = enrolment();
        many.recovery.as_mut().unwrap().digests = vec![Digest([3; 32]); 33];
        assert!(matches!(Enrolment::parse(many.render().as_bytes(), &account()), Err(EnrolmentError::TooMany)));
    }
}
