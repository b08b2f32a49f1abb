//! The usersfile of pam_oath: `TYPE USER PIN HEXKEY [COUNTER LASTOTP LOCALTIME]`, a line for each device.

use twofactor_core::factor::otp::{Digits, Period};
use twofactor_core::factor::totp::{Moving, Parameters};
use zeroize::Zeroizing;

use super::device::{Device, Mistake, Used};
use super::text::{hexadecimal, text};

/// One line that is not a comment.
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    /// Whose; empty if the line says not even that.
    pub(super) user: String,
    pub(super) device: Result<Device, Mistake>,
}

/// Reads such a file. A line that is wrong keeps no other from being read.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Line>, Mistake> {
    let lines = text(bytes)?.lines().enumerate().filter_map(|(at, line)| {
        let mut words = line.split_ascii_whitespace();
        let kind = words.next().filter(|word| !word.starts_with('#'))?;
        let user = words.next().unwrap_or_default().to_owned();
        Some(Line { number: at + 1, user, device: device(kind, words) })
    });
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() { Err(Mistake::Nothing) } else { Ok(lines) }
}

fn device<'l>(kind: &str, mut words: impl Iterator<Item = &'l str>) -> Result<Device, Mistake> {
    let parameters = parameters(kind)?;
    let pin = words.next().ok_or(Mistake::Missing("the PIN, or - in its place,"))?;
    let secret = hexadecimal(words.next().ok_or(Mistake::NoSecret)?)?;
    let mut device = Device::new(secret, parameters);
    if !matches!(pin, "+" | "-") {
        device.remarks.push("the PIN: the password of the account stands in its place".to_owned());
    }
    if let Some(counter) = words.next() {
        // Of a device with a clock it means nothing, and is written all the same.
        let counter = counter.parse().map_err(|_| Mistake::Value("the counter"))?;
        if let Moving::Counter { first } = &mut device.parameters.moving {
            *first = counter;
        }
    }
    if let Some(code) = words.next() {
        if code.is_empty() || code.len() > 8 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Mistake::Value("the last code"));
        }
        device.used = Used::UpToCode(Zeroizing::new(code.to_owned()));
    }
    Ok(device)
}

/// `HOTP`, `HOTP/E`, `HOTP/E/6`, `HOTP/T30`, `HOTP/T30/6`.
fn parameters(kind: &str) -> Result<Parameters, Mistake> {
    let unknown = || Mistake::Kind(kind.chars().take(KIND_CHARACTERS).collect());
    let mut parts = kind.split('/');
    if parts.next() != Some("HOTP") {
        return Err(unknown());
    }
    let moving = match parts.next() {
        None | Some("E") => Moving::Counter { first: 0 },
        Some(time) => {
            let seconds: u32 = time.strip_prefix('T').and_then(|word| word.parse().ok()).ok_or_else(unknown)?;
            Moving::Time { period: Period::try_from(seconds)?, ahead: 0 }
        }
    };
    let digits = match parts.next() {
        None => Digits::SIX,
        Some(count) => Digits::try_from(count.parse::<u8>().map_err(|_| unknown())?)?,
    };
    if parts.next().is_some() { Err(unknown()) } else { Ok(Parameters { digits, moving, ..Parameters::COMMON }) }
}

const KIND_CHARACTERS: usize = 40;
