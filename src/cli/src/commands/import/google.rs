//! The file of pam_google_authenticator: a secret in base 32, lines of options that begin with `" `, and scratch codes
//! of eight digits.

use twofactor_core::enrolment::CODES_MAX;
use twofactor_core::factor::otp::Period;
use twofactor_core::factor::recovery::is_scratch;
use twofactor_core::factor::totp::{Moving, Parameters, Step};
use twofactor_core::registrar::ScratchCodes;
use zeroize::Zeroizing;

use super::device::{Device, Mistake, Used};
use super::text::{base32, text};
use crate::output::counted;

/// Reads such a file.
pub(super) fn read(bytes: &[u8]) -> Result<Device, Mistake> {
    let mut lines = text(bytes)?.lines();
    let secret = lines.next().filter(|line| !line.trim().is_empty() && !line.starts_with('"'));
    // The module reads these three for the letters that they look like.
    let meant = |symbol| match symbol {
        '0' => 'O',
        '1' => 'L',
        '8' => 'B',
        other => other,
    };
    let written = secret.ok_or(Mistake::NoSecret)?;
    let mut secret = Zeroizing::new(String::with_capacity(written.len()));
    secret.extend(written.chars().map(meant));
    let secret = base32(&secret)?;
    let mut options = Options::default();
    let (mut scratch_codes, mut strange) = (ScratchCodes::new(), 0usize);
    for line in lines.map(str::trim_end).filter(|line| !line.is_empty()) {
        if let Some(option) = line.strip_prefix("\" ") {
            options.take(option)?;
        } else if is_scratch_code(line) && strange == 0 && scratch_codes.len() < CODES_MAX {
            if scratch_codes.iter().all(|code| **code != line) {
                scratch_codes.push(Zeroizing::new(line.to_owned()));
            }
        } else {
            // At the first of these the module stops looking for scratch codes.
            strange += 1;
        }
    }
    let moving = match (options.counter, options.is_time_based) {
        // With both the module counts.
        (Some(first), _) => Moving::Counter { first },
        (None, true) => Moving::Time { period: options.period.unwrap_or(Period::THIRTY), ahead: options.skew },
        (None, false) => return Err(Mistake::NoKind),
    };
    let mut device = Device::new(secret, Parameters { moving, ..Parameters::COMMON });
    device.window = options.window;
    if let (Moving::Time { .. }, Some(step)) = (moving, options.last_used) {
        device.used = Used::UpTo(Step(step));
    }
    device.scratch_codes = scratch_codes;
    for name in options.unknown {
        device.remarks.push(format!("the option {name:?} is not known here"));
    }
    if strange > 0 {
        device.remarks.push(format!("{} of no known form", counted(strange, "line")));
    }
    Ok(device)
}

#[derive(Default)]
struct Options {
    is_time_based: bool,
    counter: Option<u64>,
    period: Option<Period>,
    window: Option<u64>,
    skew: i32,
    last_used: Option<u64>,
    unknown: Vec<String>,
}

impl Options {
    fn take(&mut self, option: &str) -> Result<(), Mistake> {
        let mut words = option.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let mut number = |name| words.next().and_then(|word| word.parse().ok()).ok_or(Mistake::Value(name));
        match name {
            "TOTP_AUTH" => self.is_time_based = true,
            "HOTP_COUNTER" => self.counter = Some(number("HOTP_COUNTER")?),
            "STEP_SIZE" => {
                let seconds = u32::try_from(number("STEP_SIZE")?).map_err(|_| Mistake::Value("STEP_SIZE"))?;
                let period = Some(seconds).filter(|seconds| *seconds <= STEP_SECONDS_MAX);
                self.period = Some(Period::try_from(period.ok_or(Mistake::Value("STEP_SIZE"))?)?);
            }
            "WINDOW_SIZE" => {
                let window = Some(number("WINDOW_SIZE")?).filter(|window| (1..=WINDOW_MAX).contains(window));
                self.window = Some(window.ok_or(Mistake::Value("WINDOW_SIZE"))?);
            }
            "TIME_SKEW" => {
                let skew = words.next().and_then(|word| word.parse().ok());
                self.skew =
                    skew.filter(|skew: &i32| skew.unsigned_abs() <= SKEW_MAX).ok_or(Mistake::Value("TIME_SKEW"))?;
            }
            "DISALLOW_REUSE" => {
                for word in words {
                    let step = word.parse().map_err(|_| Mistake::Value("DISALLOW_REUSE"))?;
                    self.last_used = self.last_used.max(Some(step));
                }
            }
            // Ours is always on and for all alike; the module's notes to itself say nothing of the next login.
            "RATE_LIMIT" | "RESETTING_TIME_SKEW" => {}
            other if is_last_login(other) => {}
            other => {
                if self.unknown.len() < UNKNOWN_MAX {
                    self.unknown.push(other.chars().take(UNKNOWN_CHARACTERS).collect());
                }
            }
        }
        Ok(())
    }
}

/// What the module takes for one.
fn is_scratch_code(line: &str) -> bool {
    is_scratch(line) && !line.starts_with('0') && line.bytes().all(|byte| byte.is_ascii_digit())
}

/// `LAST0` to `LAST9`: who was let in without a code for a while.
fn is_last_login(name: &str) -> bool {
    name.strip_prefix("LAST").is_some_and(|digit| digit.len() == 1 && digit.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What the module itself refuses is refused.
const STEP_SECONDS_MAX: u32 = 60;
const WINDOW_MAX: u64 = 100;
/// As many steps as it looks for a clock.
const SKEW_MAX: u32 = 25 * 60;
const UNKNOWN_MAX: usize = 5;
const UNKNOWN_CHARACTERS: usize = 40;
