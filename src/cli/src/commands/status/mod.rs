//! `twofactor status`: what one user has, and whether their codes are judged now. Only root can read that; anybody else
//! is told what this host asks of them.

mod asked;
mod own;

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;
use twofactor_core::account::Account;
use twofactor_core::clock::UnixTime;
use twofactor_core::enrolment::{Device, Kind, Otp};
use twofactor_core::factor::totp::{Moving, next_counter};
use twofactor_core::registrar::Standing;
use twofactor_core::throttle::{Failures, Gate};
use twofactor_message::Language;

use crate::failure::Failure;
use crate::office::{Office, account_named};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(user: Option<&str>, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    if let Some(account) = own::account(user)? {
        return own::run(&account, config, output);
    }
    let office = Office::open(config)?;
    let account = account_named(user)?;
    let report = Report::of(&office, &account)?;
    output.answer(&report.text(), &report)
}

/// All that there is to say.
#[derive(Serialize)]
pub(super) struct Report {
    user: String,
    enrolled: bool,
    /// Null if it is the one for everybody.
    language: Option<&'static str>,
    methods: Vec<DeviceReport>,
    recovery_codes_left: usize,
    failures: u32,
    locked: bool,
    wait_seconds: u64,
    /// Unix time; missing if there was none.
    last_success: Option<u64>,
    /// Unix time, if an administrator has issued a bypass code that is still good.
    bypass_until: Option<u64>,
    /// Unix time, if they are not enrolled and invited to set up an app at a login.
    invited_until: Option<u64>,
    /// The next login will find no state and count everything as used.
    state_missing: bool,
}

#[derive(Serialize)]
struct DeviceReport {
    method: &'static str,
    label: String,
    /// Whether a login begins with it.
    primary: bool,
    created: u64,
    #[serde(flatten)]
    kind: KindReport,
}

#[derive(Serialize)]
#[serde(untagged)]
enum KindReport {
    App {
        digits: u8,
        period: u64,
        algorithm: &'static str,
        /// How many steps on either side are accepted, if not as for everybody.
        window: Option<u8>,
        /// Unix time, if the clock has once been so far ahead that codes count as used until then.
        used_until: Option<u64>,
        /// How far its clock was ahead of this host's at the last accepted code.
        drift_seconds: Option<i64>,
        /// How far ahead it is taken to be.
        allowed_seconds: i64,
    },
    Token {
        digits: u8,
        algorithm: &'static str,
        /// How many counters after the next one are accepted, if not as for everybody.
        look_ahead: Option<u8>,
        /// The first counter that was not used; null if that is not known.
        next_counter: Option<u64>,
    },
    Mailbox {
        address: String,
    },
    Telephone {
        number: String,
    },
}

impl KindReport {
    fn words(&self) -> String {
        match self {
            Self::App { digits, period, algorithm, window, drift_seconds, .. } => {
                let window = window.map(|steps| format!(", window {steps}")).unwrap_or_default();
                let drift = match drift_seconds {
                    None | Some(0) => String::new(),
                    Some(seconds) if *seconds > 0 => format!("; its last code was {seconds} s ahead of this clock"),
                    Some(seconds) => format!("; its last code was {} s behind this clock", seconds.unsigned_abs()),
                };
                format!("{digits} digits, {period} s, {algorithm}{window}{drift}")
            }
            Self::Token { digits, algorithm, look_ahead, next_counter: Some(next) } => {
                let ahead = look_ahead.map(|codes| format!(", look-ahead {codes}")).unwrap_or_default();
                format!("{digits} digits, {algorithm}, counter {next}{ahead}")
            }
            Self::Token { digits, algorithm, next_counter: None, .. } => {
                format!("{digits} digits, {algorithm}, its counter is not known: run twofactor resync")
            }
            Self::Mailbox { address } => address.clone(),
            Self::Telephone { number } => number.clone(),
        }
    }

    fn used_until(&self) -> Option<u64> {
        match self {
            Self::App { used_until, .. } => *used_until,
            Self::Token { .. } | Self::Mailbox { .. } | Self::Telephone { .. } => None,
        }
    }
}

impl Report {
    pub(super) fn of(office: &Office, account: &Account) -> Result<Self, Failure> {
        let about = |error| Failure::about(account.name.as_str(), &error);
        let standing = office.registrar().standing(account).map_err(about)?;
        let state = standing.as_ref().and_then(|standing| standing.state.as_ref());
        let failures = state.map_or(Failures::default(), |state| state.failures);
        let gate = standing.as_ref().map_or(Gate::Open, |standing| office.config.limits.gate(failures, standing.now));
        let invited = if standing.is_none() { office.registrar().invited_until(account).map_err(about)? } else { None };
        Ok(Self {
            user: account.name.as_str().to_owned(),
            enrolled: standing.is_some(),
            language: standing.as_ref().and_then(|standing| standing.enrolment.language).map(Language::name),
            methods: standing.as_ref().map(|standing| devices(office, standing)).unwrap_or_default(),
            recovery_codes_left: standing.as_ref().map_or(0, recovery_codes_left),
            failures: failures.count,
            locked: gate == Gate::Locked,
            wait_seconds: if let Gate::Wait { seconds } = gate { seconds } else { 0 },
            last_success: state.map(|state| state.last_success.0).filter(|time| *time > 0),
            bypass_until: standing.as_ref().zip(state).and_then(|(standing, state)| {
                let good = state.bypass.as_ref().filter(|bypass| bypass.is_good(standing.now));
                good.map(|bypass| bypass.until.0)
            }),
            invited_until: invited.map(|until| until.0),
            state_missing: standing.is_some() && state.is_none(),
        })
    }

    pub(super) fn text(&self) -> String {
        if !self.enrolled {
            let invited = |until| format!("Invited:      until {}\n", point_in_time(UnixTime(until)));
            return format!("{} is not enrolled.\n{}", self.user, self.invited_until.map(invited).unwrap_or_default());
        }
        let mut text = format!("{} is enrolled.\n", self.user);
        for device in &self.methods {
            let DeviceReport { method, label, primary, created, kind } = device;
            let (since, what) = (point_in_time(UnixTime(*created)), kind.words());
            let first = if *primary && self.begins_with_one() { "; logins begin with it" } else { "" };
            text.push_str(&format!("  {method:<10} {label}  ({what}; since {since}{first})\n"));
            if let Some(until) = kind.used_until() {
                let until = point_in_time(UnixTime(until));
                text.push_str(&format!(
                    "             its codes count as used until {until}: a clock was that far ahead, here or before an\n             \
                     import; to begin anew: twofactor setup {} --label {label:?} --replace\n",
                    self.user
                ));
            }
        }
        text.push_str(&format!("  {:<10} {} codes left\n", "recovery", self.recovery_codes_left));
        let last = self.last_success.map_or_else(|| "never".to_owned(), |time| point_in_time(UnixTime(time)));
        if let Some(language) = self.language {
            text.push_str(&format!("Language:     {language}\n"));
        }
        text.push_str(&format!("Last proved:  {last}\n"));
        text.push_str(&format!("Failures:     {}{}\n", self.failures, self.consequence()));
        if let Some(until) = self.bypass_until {
            text.push_str(&format!("Bypass code:  good once until {}\n", point_in_time(UnixTime(until))));
        }
        if self.state_missing {
            text.push_str("The state is missing: the next login makes it anew and counts every code as used.\n");
        }
        text
    }

    /// Whether it matters which device is the primary one: every app is judged at every prompt.
    fn begins_with_one(&self) -> bool {
        self.methods.len() > 1
            && self
                .methods
                .iter()
                .any(|device| !matches!(device.kind, KindReport::App { .. } | KindReport::Token { .. }))
    }

    /// What the failures mean now, for both texts.
    fn consequence(&self) -> String {
        match (self.locked, self.wait_seconds) {
            (true, _) => format!(", locked; to unlock: twofactor unlock {}", self.user),
            (false, 0) => String::new(),
            (false, seconds) => {
                format!(", codes are judged again in {}", humantime::format_duration(Duration::from_secs(seconds)))
            }
        }
    }

    /// One row of `list`.
    pub(super) fn row(&self) -> [String; 4] {
        let labels: Vec<_> = self.methods.iter().map(|device| device.label.as_str()).collect();
        let condition = match (self.locked, self.wait_seconds) {
            (true, _) => "locked".to_owned(),
            (false, 0) => "ok".to_owned(),
            (false, seconds) => format!("waits {seconds} s"),
        };
        [self.user.clone(), labels.join(", "), self.recovery_codes_left.to_string(), condition]
    }
}

fn devices(office: &Office, standing: &Standing) -> Vec<DeviceReport> {
    let report = |device: &Device| {
        let kind = match &device.kind {
            Kind::Otp(Otp { parameters, .. }) => {
                let burnt = standing.state.as_ref().and_then(|state| state.burnt(device.id));
                let ahead =
                    burnt.filter(|burnt| *burnt > parameters.last_acceptable(standing.now, office.config.window));
                let (digits, algorithm) = (parameters.digits.count(), parameters.algorithm.name());
                match parameters.moving {
                    Moving::Time { period, ahead: allowed } => {
                        let seconds = |steps: i32| i64::from(steps) * i64::from(u32::from(period));
                        let drift = standing.state.as_ref().and_then(|state| state.drift(device.id));
                        KindReport::App {
                            digits,
                            period: period.seconds(),
                            algorithm,
                            window: parameters.window,
                            used_until: ahead.map(|step| parameters.end_of(step).0),
                            drift_seconds: drift.map(seconds),
                            allowed_seconds: seconds(allowed),
                        }
                    }
                    Moving::Counter { first } => KindReport::Token {
                        digits,
                        algorithm,
                        look_ahead: parameters.window,
                        // Without a state the next login takes every counter for used.
                        next_counter: standing.state.as_ref().and_then(|_| next_counter(first, burnt)),
                    },
                }
            }
            Kind::Email(address) => KindReport::Mailbox { address: address.as_str().to_owned() },
            Kind::Sms(number) => KindReport::Telephone { number: number.as_str().to_owned() },
        };
        DeviceReport {
            method: device.kind.method().name(),
            label: device.label.as_str().to_owned(),
            primary: office.first_choice(&standing.enrolment) == Some(device.id),
            created: device.created.0,
            kind,
        }
    };
    standing.enrolment.devices.iter().map(report).collect()
}

fn recovery_codes_left(standing: &Standing) -> usize {
    let issued = standing.enrolment.recovery.as_ref().map_or(0, |sheet| sheet.digests.len());
    // Without a state every code counts as used.
    standing.state.as_ref().map_or(0, |state| state.recovery_left(issued))
}

/// `2026-11-23T04:15:00Z`.
pub(crate) fn point_in_time(time: UnixTime) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_secs(time.0)) {
        // Beyond the year 9999 there is no such text.
        Some(point) if time.0 < 253_402_300_800 => humantime::format_rfc3339_seconds(point).to_string(),
        _ => format!("{} s after 1970", time.0),
    }
}
