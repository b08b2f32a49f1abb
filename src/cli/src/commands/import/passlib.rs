//! passlib's TOTP device as JSON, as Flask-Security keeps it in `tf_totp_secret`: its key in clear, or sealed under one
//! of the application's secrets. The seal has no check in it: under a wrong secret it opens to rubbish.

use std::collections::HashMap;

use aes::Aes256;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use serde_json::{Map, Value};
use sha2::Sha256;
use twofactor_core::factor::otp::{Algorithm, Digits, Period};
use twofactor_core::factor::totp::{Moving, Parameters};
use twofactor_core::secret::Secret;
use zeroize::Zeroizing;

use super::device::{Device, Mistake};
use super::otpauth::algorithm_named;
use super::text::{base32, text};

/// The secrets of the application, by the tags that are written beside what they seal.
pub(super) struct Secrets(HashMap<String, Zeroizing<String>>);

impl Secrets {
    /// Reads them: one JSON object, or lines such as `1: SECRET`, both as passlib takes them.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Mistake> {
        let text = text(bytes)?;
        let pairs: Option<HashMap<_, _>> = if text.trim_start().starts_with('{') {
            let object: HashMap<String, String> = serde_json::from_str(text).map_err(|_| Mistake::NotSecrets)?;
            Some(object.into_iter().map(|(tag, secret)| (tag, Zeroizing::new(secret))).collect())
        } else {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            let pair = |line: &str| {
                let (tag, secret) = line.split_once(':')?;
                Some((tag.trim().to_owned(), Zeroizing::new(secret.trim().to_owned())))
            };
            lines.map(pair).collect()
        };
        pairs.filter(|pairs| !pairs.is_empty()).map(Self).ok_or(Mistake::NotSecrets)
    }
}

/// Reads such a device, and whether its key was sealed.
pub(super) fn read(bytes: &[u8], secrets: Option<&Secrets>) -> Result<(Device, bool), Mistake> {
    let value: Value = serde_json::from_str(text(bytes)?).map_err(|_| Mistake::NotPasslib)?;
    let object = value.as_object().ok_or(Mistake::NotPasslib)?;
    if string(object, "type") != Some("totp") || number(object, "v")? != Some(1) {
        return Err(Mistake::NotPasslib);
    }
    let digits = number(object, "digits")?.map_or(Ok(6), u8::try_from).map_err(|_| Mistake::Value("digits"))?;
    let period = number(object, "period")?.map_or(Ok(30), u32::try_from).map_err(|_| Mistake::Value("period"))?;
    let parameters = Parameters {
        digits: Digits::try_from(digits)?,
        algorithm: string(object, "alg").map_or(Ok(Algorithm::Sha1), algorithm_named)?,
        moving: Moving::Time { period: Period::try_from(period)?, ahead: 0 },
        window: None,
    };
    let (secret, was_sealed) = match (object.get("enckey"), string(object, "key")) {
        (Some(sealed), _) => (opened(sealed.as_object().ok_or(Mistake::NotPasslib)?, secrets)?, true),
        (None, Some(key)) => (base32(key)?, false),
        (None, None) => return Err(Mistake::NoSecret),
    };
    let mut device = Device::new(secret, parameters);
    let label = string(object, "label").unwrap_or_default();
    device.name = match string(object, "issuer") {
        Some(issuer) => format!("{issuer}:{label}"),
        None => label.to_owned(),
    };
    Ok((device, was_sealed))
}

/// The first 32 bytes of what PBKDF2 makes are the key, the next 16 the first block of the counter.
fn opened(sealed: &Map<String, Value>, secrets: Option<&Secrets>) -> Result<Secret, Mistake> {
    if number(sealed, "v")? != Some(1) {
        return Err(Mistake::NotPasslib);
    }
    let cost = number(sealed, "c")?.ok_or(Mistake::Missing("the cost c"))?;
    let cost = u32::try_from(cost).ok().filter(|cost| *cost <= COST_MAX).ok_or(Mistake::Cost(cost))?;
    let salt = base32(string(sealed, "s").ok_or(Mistake::Missing("the salt s"))?)?;
    let content = base32(string(sealed, "k").ok_or(Mistake::NoSecret)?)?;
    let tag = string(sealed, "t").ok_or(Mistake::Missing("the tag t"))?;
    let key = secrets.ok_or(Mistake::Sealed)?.0.get(tag);
    let key = key.ok_or_else(|| Mistake::NoSuchKey(tag.chars().take(TAG_CHARACTERS).collect()))?;
    let mut made = Zeroizing::new([0; 48]);
    pbkdf2::pbkdf2_hmac::<Sha256>(key.as_bytes(), salt.expose(), 1 << cost, made.as_mut_slice());
    let mut content = Zeroizing::new(content.expose().to_vec());
    let (key, counter) = made.split_at(32);
    let mut cipher = Ctr128BE::<Aes256>::new_from_slices(key, counter).map_err(|_| Mistake::NotPasslib)?;
    cipher.apply_keystream(&mut content);
    Ok(Secret::new(std::mem::take(&mut content)))
}

fn string<'v>(object: &'v Map<String, Value>, key: &str) -> Option<&'v str> {
    object.get(key).and_then(Value::as_str)
}

fn number(object: &Map<String, Value>, key: &'static str) -> Result<Option<u64>, Mistake> {
    object.get(key).map(|value| value.as_u64().ok_or(Mistake::Value("a number"))).transpose()
}

/// 2^20 rounds, a second or two; passlib's own are 2^14.
pub(super) const COST_MAX: u32 = 20;
const TAG_CHARACTERS: usize = 40;
