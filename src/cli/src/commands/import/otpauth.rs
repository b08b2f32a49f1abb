//! `otpauth://` URIs, one a line, as apps and password managers write them (the Key Uri Format of Google Authenticator).

use twofactor_core::factor::otp::{Algorithm, Digits, Period};
use twofactor_core::factor::totp::{Moving, Parameters};

use super::device::{Device, Mistake};
use super::text::{base32, text, unescaped};

/// A line that is not empty, counted from 1.
pub(super) type Line = (usize, Result<Device, Mistake>);

/// Reads them.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Line>, Mistake> {
    let lines = text(bytes)?.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let lines: Vec<_> = lines.map(|(at, line)| (at + 1, device(line))).collect();
    if lines.is_empty() { Err(Mistake::Nothing) } else { Ok(lines) }
}

fn device(uri: &str) -> Result<Device, Mistake> {
    if uri.starts_with("otpauth-migration://") {
        return Err(Mistake::IsMigration);
    }
    let (kind, rest) =
        uri.strip_prefix("otpauth://").and_then(|rest| rest.split_once('/')).ok_or(Mistake::NotOtpauth)?;
    let (label, query) = rest.split_once('?').ok_or(Mistake::NoSecret)?;
    let name = unescaped(label).ok_or(Mistake::Value("the label"))?;
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    let (mut secret, mut counter) = (None, None);
    let (mut digits, mut algorithm, mut period) = (Digits::SIX, Algorithm::Sha1, Period::THIRTY);
    for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = || unescaped(value).ok_or(Mistake::Value("a parameter of the URI"));
        match key {
            "secret" => secret = Some(base32(&value()?)?),
            "digits" => digits = Digits::try_from(number::<u8>(&value()?, "digits")?)?,
            "period" => period = Period::try_from(number::<u32>(&value()?, "period")?)?,
            "counter" => counter = Some(number::<u64>(&value()?, "counter")?),
            "algorithm" => algorithm = algorithm_named(&value()?)?,
            // Who has issued it, a picture, a colour.
            _ => {}
        }
    }
    let moving = match kind {
        "totp" => Moving::Time { period, ahead: 0 },
        "hotp" => Moving::Counter { first: counter.ok_or(Mistake::Missing("the counter"))? },
        other => return Err(Mistake::Kind(other.chars().take(KIND_CHARACTERS).collect())),
    };
    let mut device =
        Device::new(secret.ok_or(Mistake::NoSecret)?, Parameters { digits, algorithm, moving, window: None });
    device.name = name.to_string();
    Ok(device)
}

fn number<N: std::str::FromStr>(value: &str, name: &'static str) -> Result<N, Mistake> {
    value.parse().map_err(|_| Mistake::Value(name))
}

/// As apps write it, with a dash or without, in either case.
pub(super) fn algorithm_named(name: &str) -> Result<Algorithm, Mistake> {
    match name.to_ascii_uppercase().replace('-', "").as_str() {
        "SHA1" => Ok(Algorithm::Sha1),
        "SHA256" => Ok(Algorithm::Sha256),
        "SHA512" => Ok(Algorithm::Sha512),
        "MD5" => Err(Mistake::Md5),
        _ => Err(Mistake::Value("algorithm")),
    }
}

const KIND_CHARACTERS: usize = 40;
