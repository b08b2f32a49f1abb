//! What lies in files of ours.

use twofactor_core::account::{Account, UserName};
use twofactor_core::config::Config;
use twofactor_core::document::oracle;
use twofactor_core::enrolment::{DEVICES_MAX, Enrolment, keys_of};

/// config.toml.
pub(crate) fn config(bytes: &[u8]) -> bool {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let config = match Config::parse(bytes) {
        Ok(config) => config,
        Err(mistake) => {
            assert!((1..=lines).contains(&mistake.line()), "{mistake}");
            assert!(!mistake.to_string().contains(['\n', '\x1b']), "{mistake}");
            return false;
        }
    };
    assert!(!config.methods.is_empty() && config.tries > 0);
    assert!(config.window.steps() <= 10 && config.window.look_ahead() <= 50);
    assert!(config.code.resend_after_seconds <= config.code.lifetime_seconds.into());
    // A comment changes nothing; a key that is not known is never passed over.
    let with = |line: &str| Config::parse(&[line.as_bytes(), bytes].concat());
    let is_marked = bytes.starts_with("\u{feff}".as_bytes());
    assert!(is_marked || with("# Ours.\n").is_ok_and(|again| again == config));
    assert!(with("no_such_setting = 1\n").is_err());
    true
}

/// A user's enrolment.
pub(crate) fn enrolment(bytes: &[u8]) -> bool {
    let Some(alice) = account("alice", 1000) else { return false };
    let Ok(enrolment) = Enrolment::parse(bytes, &alice) else { return false };
    assert!(enrolment.devices.len() <= DEVICES_MAX);
    let written = enrolment.render();
    assert!(Enrolment::parse(written.as_bytes(), &alice).is_ok_and(|again| again == enrolment));
    let mut keys: Vec<_> = enrolment.keys().collect();
    keys.sort_unstable();
    keys.dedup();
    assert!(keys_of(bytes).is_ok_and(|read| read == keys));
    // It is nobody else's.
    for other in [account("alice", 1001), account("bob", 1000)].into_iter().flatten() {
        assert!(Enrolment::parse(bytes, &other).is_err());
    }
    true
}

/// TOML, as the `toml` crate reads it.
pub(crate) fn toml(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    assert_eq!(oracle::differ(text), None);
    oracle::is_toml(text)
}

fn account(name: &str, uid: u32) -> Option<Account> {
    UserName::new(name).ok().map(|name| Account { name, uid })
}
