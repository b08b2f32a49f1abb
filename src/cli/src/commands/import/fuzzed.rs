//! What holds of every format, whatever the bytes are. Each says whether there is a device in them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "to break is what it is for")]

use data_encoding::HEXLOWER;
use twofactor_core::factor::otp::Algorithm;
use twofactor_core::factor::totp::{Key, Moving, Parameters};

use super::device::{Device, Mistake, Used};
use super::{google, migration, oath, otpauth, passlib};

/// A file of pam_google_authenticator.
pub fn google(bytes: &[u8]) -> bool {
    let Some(device) = taken(google::read(bytes)) else { return false };
    survives(&device, bytes);
    assert_eq!(device.parameters.algorithm, Algorithm::Sha1);
    assert!(device.scratch_codes.len() <= bytes.len() / 8 && device.remarks.len() <= 6);
    // What the file says of a device, in the order of the module's own.
    let mut file = format!("{}\n", crate::otpauth::base32(&device.secret).as_str());
    match device.parameters.moving {
        Moving::Counter { first } => file += &format!("\" HOTP_COUNTER {first}\n"),
        Moving::Time { period, ahead } => {
            file += &format!("\" STEP_SIZE {}\n\" TIME_SKEW {ahead}\n\" TOTP_AUTH\n", period.seconds());
        }
    }
    if let Used::UpTo(step) = device.used {
        file += &format!("\" DISALLOW_REUSE {}\n", step.0);
    }
    if let Some(window) = device.window {
        file += &format!("\" WINDOW_SIZE {window}\n");
    }
    for code in &device.scratch_codes {
        file += &format!("{}\n", code.as_str());
    }
    let again = google::read(file.as_bytes()).unwrap();
    assert_same(&device, &again);
    assert_eq!(device.parameters, again.parameters);
    assert_eq!(used(&device), used(&again));
    assert_eq!((device.window, &device.scratch_codes), (again.window, &again.scratch_codes));
    true
}

/// pam_oath's usersfile.
pub fn oath(bytes: &[u8]) -> bool {
    let Some(lines) = taken(oath::read(bytes)) else { return false };
    let mut some = false;
    for oath::Line { number, user, device } in lines {
        assert!(number <= lines_in(bytes) && user.len() <= bytes.len());
        let Some(device) = taken(device) else { continue };
        survives(&device, bytes);
        let parameters = device.parameters;
        let (kind, counter) = match parameters.moving {
            Moving::Counter { first } => (format!("HOTP/E/{}", parameters.digits.count()), first),
            Moving::Time { period, .. } => (format!("HOTP/T{}/{}", period.seconds(), parameters.digits.count()), 0),
        };
        let line = format!("{kind} {user} - {} {counter}", HEXLOWER.encode(device.secret.expose()));
        let mut again = oath::read(line.as_bytes()).unwrap();
        let again = again.remove(0).device.unwrap();
        assert_same(&device, &again);
        assert_eq!(parameters, again.parameters);
        some = true;
    }
    some
}

/// `otpauth://` URIs.
pub fn otpauth(bytes: &[u8]) -> bool {
    let Some(lines) = taken(otpauth::read(bytes)) else { return false };
    let mut some = false;
    for (number, device) in lines {
        assert!(number <= lines_in(bytes));
        if let Some(device) = taken(device) {
            survives(&device, bytes);
            some = true;
        }
    }
    some
}

/// Google Authenticator's export: the URIs as they are written, or the message that one of them carries.
pub fn migration(bytes: &[u8]) -> bool {
    let mut some = false;
    let carried = format!("otpauth-migration://offline?data={}", data_encoding::BASE64URL_NOPAD.encode(bytes));
    for bytes in [bytes, carried.as_bytes()] {
        for account in taken(migration::read(bytes)).into_iter().flat_map(|(accounts, _)| accounts) {
            // The issuer is put in front of the name.
            assert!(account.name.len() <= bytes.len() + 1);
            if let Some(device) = taken(account.device) {
                assert_eq!(device.name, account.name);
                survives(&device, bytes);
                some = true;
            }
        }
    }
    some
}

/// passlib's JSON, and behind a NUL the secrets of the application.
pub fn passlib(bytes: &[u8]) -> bool {
    let (json, secrets) = match bytes.iter().position(|byte| *byte == 0) {
        Some(end) => (&bytes[..end], taken(passlib::Secrets::read(&bytes[end + 1..]))),
        None => (bytes, None),
    };
    let value: Result<serde_json::Value, _> = serde_json::from_slice(json);
    let cost = value.ok().and_then(|value| value["enckey"]["c"].as_u64());
    if cost.is_some_and(|cost| (COST_MAX..=passlib::COST_MAX.into()).contains(&cost)) {
        // It would be computed, and take as long as it says.
        return false;
    }
    let Some((device, was_sealed)) = taken(passlib::read(json, secrets.as_ref())) else { return false };
    assert!(!was_sealed || secrets.is_some());
    survives(&device, bytes);
    true
}

/// What was read; a mistake is told in few words.
fn taken<T>(read: Result<T, Mistake>) -> Option<T> {
    read.map_err(|mistake| assert!(mistake.to_string().len() <= MISTAKE_MAX_BYTES)).ok()
}

/// That a device holds no more than what it was read from, makes codes only if its secret is long enough, and is the same
/// device when an app reads it from the QR code that is drawn of it.
fn survives(device: &Device, bytes: &[u8]) {
    let length = device.secret.expose().len();
    assert!((1..=bytes.len()).contains(&length));
    assert_eq!(Key::new(&device.secret, device.parameters).is_ok(), (10..=128).contains(&length));
    assert!(device.name.len() <= bytes.len() + 1);
    assert!(device.remarks.iter().all(|remark| remark.len() <= MISTAKE_MAX_BYTES));
    if let Used::UpToCode(code) = &device.used {
        assert!((1..=8).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()));
    }
    let base32 = crate::otpauth::base32(&device.secret);
    let uri = crate::otpauth::uri("web1 & web2", &device.name, &base32, device.parameters);
    let mut again = otpauth::read(uri.as_bytes()).unwrap();
    let again = again.remove(0).1.unwrap();
    assert_same(device, &again);
    assert_eq!(again.name, format!("web1 & web2:{}", device.name));
    // A clock that is ahead is the token's own affair, and no URI tells of it.
    let moving = match device.parameters.moving {
        Moving::Time { period, .. } => Moving::Time { period, ahead: 0 },
        counting @ Moving::Counter { .. } => counting,
    };
    assert_eq!(again.parameters, Parameters { moving, ..device.parameters });
}

fn assert_same(one: &Device, other: &Device) {
    assert!(one.secret.expose() == other.secret.expose());
    assert_eq!(one.parameters.method(), other.parameters.method());
}

fn used(device: &Device) -> Option<u64> {
    match device.used {
        Used::UpTo(step) => Some(step.0),
        Used::Nothing | Used::UpToCode(_) => None,
    }
}

fn lines_in(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Forty characters, escaped as long as can be, and what is said of them.
const MISTAKE_MAX_BYTES: usize = 600;
/// 2^8 rounds, so that a run is one of many.
const COST_MAX: u64 = 9;
