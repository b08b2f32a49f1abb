//! What Google Authenticator exports as QR codes: `otpauth-migration://offline?data=` and, in base 64, a message of
//! protocol buffers with several accounts. One URI a line, for exports of more than one QR code.

use std::collections::{BTreeMap, BTreeSet};

use data_encoding::BASE64_NOPAD;
use twofactor_core::factor::otp::{Algorithm, Digits, Period};
use twofactor_core::factor::totp::{Moving, Parameters};
use twofactor_core::secret::Secret;
use zeroize::Zeroizing;

use super::device::{Device, Mistake};
use super::protobuf::{Fields, Value};
use super::text::{text, unescaped};

/// An account of the app.
pub(super) struct Account {
    /// `ISSUER:NAME`, or the name alone.
    pub(super) name: String,
    pub(super) device: Result<Device, Mistake>,
}

/// Reads all accounts of all URIs, and says how many QR codes of the same exports are not among these.
pub(super) fn read(bytes: &[u8]) -> Result<(Vec<Account>, u64), Mistake> {
    let mut accounts = Vec::new();
    let mut exports: BTreeMap<u64, Pages> = BTreeMap::new();
    for line in text(bytes)?.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (mut count, mut page, mut export) = (0, 0, 0);
        for field in Fields::of(&message(line)?) {
            match field.map_err(|_| Mistake::Damaged)? {
                (1, Value::Bytes(account)) => accounts.push(read_account(account)?),
                (3, Value::Number(number)) => count = number,
                (4, Value::Number(number)) => page = number,
                (5, Value::Number(number)) => export = number,
                _ => {}
            }
        }
        let pages = exports.entry(export).or_default();
        pages.count = pages.count.max(count);
        pages.seen.insert(page);
    }
    let missing = exports.values().map(Pages::missing).fold(0, u64::saturating_add);
    if accounts.is_empty() { Err(Mistake::Nothing) } else { Ok((accounts, missing)) }
}

/// The QR codes of one export.
#[derive(Default)]
struct Pages {
    count: u64,
    seen: BTreeSet<u64>,
}

impl Pages {
    fn missing(&self) -> u64 {
        self.count.saturating_sub(u64::try_from(self.seen.len()).unwrap_or(u64::MAX))
    }
}

/// What stands behind `data=`, in base 64 of either alphabet.
fn message(uri: &str) -> Result<Zeroizing<Vec<u8>>, Mistake> {
    let query = uri.strip_prefix("otpauth-migration://offline?").ok_or(Mistake::NotMigration)?;
    let data = query.split('&').find_map(|pair| pair.strip_prefix("data=")).ok_or(Mistake::Missing("data="))?;
    let data = unescaped(data).ok_or(Mistake::Damaged)?;
    let symbol = |symbol| match symbol {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    let symbols: Zeroizing<Vec<u8>> = Zeroizing::new(data.trim_end_matches('=').bytes().map(symbol).collect());
    BASE64_NOPAD.decode(&symbols).map(Zeroizing::new).map_err(|_| Mistake::Damaged)
}

/// A message that is damaged is an error of the whole; one that says what cannot be made here, of this account alone.
fn read_account(message: &[u8]) -> Result<Account, Mistake> {
    let (mut secret, mut name, mut issuer) = (None, "", "");
    let (mut algorithm, mut digits, mut kind, mut counter) = (0, 0, 0, 0);
    for field in Fields::of(message) {
        match field.map_err(|_| Mistake::Damaged)? {
            (1, Value::Bytes(bytes)) => secret = Some(Secret::new(bytes.to_vec())),
            (2, Value::Bytes(bytes)) => name = std::str::from_utf8(bytes).map_err(|_| Mistake::Damaged)?,
            (3, Value::Bytes(bytes)) => issuer = std::str::from_utf8(bytes).map_err(|_| Mistake::Damaged)?,
            (4, Value::Number(number)) => algorithm = number,
            (5, Value::Number(number)) => digits = number,
            (6, Value::Number(number)) => kind = number,
            (7, Value::Number(number)) => counter = number,
            _ => {}
        }
    }
    let is_whole = issuer.is_empty() || name.starts_with(&format!("{issuer}:"));
    let name = if is_whole { name.to_owned() } else { format!("{issuer}:{name}") };
    let device = parameters(algorithm, digits, kind, counter).and_then(|parameters| {
        let secret = secret.filter(|secret| !secret.expose().is_empty()).ok_or(Mistake::NoSecret)?;
        let mut device = Device::new(secret, parameters);
        device.name.clone_from(&name);
        Ok(device)
    });
    Ok(Account { name, device })
}

/// What the numbers of the message stand for; 0 is what is not said.
fn parameters(algorithm: u64, digits: u64, kind: u64, counter: u64) -> Result<Parameters, Mistake> {
    let algorithm = match algorithm {
        0 | 1 => Algorithm::Sha1,
        2 => Algorithm::Sha256,
        3 => Algorithm::Sha512,
        4 => return Err(Mistake::Md5),
        _ => return Err(Mistake::Value("the algorithm")),
    };
    let digits = match digits {
        0 | 1 => Digits::SIX,
        2 => Digits::try_from(8)?,
        _ => return Err(Mistake::Value("the number of digits")),
    };
    let moving = match kind {
        1 => Moving::Counter { first: counter },
        0 | 2 => Moving::Time { period: Period::THIRTY, ahead: 0 },
        _ => return Err(Mistake::Value("the kind")),
    };
    Ok(Parameters { digits, algorithm, moving, window: None })
}
