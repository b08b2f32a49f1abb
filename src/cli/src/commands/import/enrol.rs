//! Devices of any format, enrolled: all of one user's in one write, or none.

use serde::Serialize;
use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock, UnixTime};
use twofactor_core::factor::totp::{Judgement, Key, Moving, Parameters, Step, Window};
use twofactor_core::factor::{Label, Method};
use twofactor_core::registrar::{
    Arrival, FirstCodes, NewDevice, NewKind, RecoveryCodes, RegistrarError, Scope, ScratchCodes,
};
use twofactor_message::{Event, shown};
use zeroize::Zeroizing;

use super::How;
use super::device::{Device, Used};
use crate::commands::report::people::is_a_shell;
use crate::commands::{recovery, setup};
use crate::failure::Failure;
use crate::office::{Office, reader};
use crate::output::{Output, counted};

/// Who enrols, and how that is wanted.
pub(super) struct Desk<'a> {
    pub(super) office: &'a Office,
    pub(super) how: &'a How,
    pub(super) output: &'a Output,
}

/// What came over of one user.
pub(super) struct Moved {
    pub(super) user: String,
    pub(super) devices: Vec<Place>,
    /// How many scratch codes came over.
    pub(super) scratch_codes: usize,
    pub(super) codes: RecoveryCodes,
    /// What stays behind.
    pub(super) left_behind: Vec<String>,
}

/// Where a device has come to.
#[derive(Serialize)]
pub(super) struct Place {
    label: String,
    method: &'static str,
    /// What it was called before.
    name: String,
    /// How long a code lasts; a token's lasts for ever.
    period: Option<u64>,
    /// The window that came over with it, if that is not everybody's.
    window: Option<u8>,
    pub(super) is_new: bool,
}

impl Desk<'_> {
    /// Whether recovery codes are issued to whoever has none.
    pub(super) fn issues_codes(&self) -> bool {
        !self.how.no_recovery && self.takes_codes()
    }

    /// Enrols the devices of somebody who was named; with `--dry-run`, says what would become of them.
    pub(super) fn take_over(&self, account: &Account, devices: Vec<Device>) -> Result<Moved, Failure> {
        self.enrol(account, devices, Scope::Named)?.map_err(|error| Failure::about(account.name.as_str(), &error))
    }

    /// The same of whoever has such a file, or why they are left as they are: their home is theirs to write in, and what came
    /// to lie there since they were enrolled, or invited, may be anybody's.
    pub(super) fn take_over_newcomer(
        &self,
        account: &Account,
        device: Device,
        shell: &str,
    ) -> Result<Result<Moved, String>, Failure> {
        let user = account.name.as_str();
        let scope = if is_a_shell(shell) { Scope::Newcomers } else { Scope::Enrolled };
        let reason = match self.enrol(account, vec![device], scope)? {
            Ok(moved) => return Ok(Ok(moved)),
            Err(error @ (RegistrarError::EnrolledOtherwise | RegistrarError::Invited)) => error.to_string(),
            Err(RegistrarError::NotEnrolled) => format!("their shell is {shell}"),
            Err(error) => return Err(Failure::about(user, &error)),
        };
        Ok(Err(format!("{reason}; if it is meant all the same, import that file with --user {user}")))
    }

    fn enrol(
        &self,
        account: &Account,
        devices: Vec<Device>,
        scope: Scope,
    ) -> Result<Result<Moved, RegistrarError>, Failure> {
        let user = account.name.as_str();
        let (mut new, mut names, mut left_behind) = (Vec::new(), Vec::new(), Vec::new());
        let mut scratch_codes = ScratchCodes::new();
        for mut device in devices {
            scratch_codes.append(&mut device.scratch_codes);
            let label = self.label(device.parameters.method(), &new)?;
            left_behind.extend(device.remarks.iter().cloned());
            names.push(device.name.clone());
            new.push(self.new_device(user, device, label, &mut left_behind)?);
        }
        let kinds: Vec<_> = new.iter().map(Kind::of).collect();
        let registrar = self.office.registrar();
        let (scratch_count, first_codes) = (scratch_codes.len(), self.first_codes(scratch_codes));
        let imported = if self.how.dry_run {
            registrar.rehearse_import(account, &new, &first_codes, scope)
        } else {
            registrar.import(account, new, first_codes, scope)
        };
        let imported = match imported {
            Ok(imported) => imported,
            Err(error) => return Ok(Err(error)),
        };
        if !self.how.dry_run {
            let reader = imported.before.as_ref().map(reader).unwrap_or_default();
            for (arrival, Kind { method, .. }) in imported.arrivals.iter().zip(&kinds) {
                if let Arrival::New(label) = arrival {
                    let detail = format!("{method} {:?}", label.as_str());
                    self.office.tell(account, &reader, Event::MethodAdded, &detail, self.output);
                }
            }
        }
        let place = |((arrival, kind), name): ((&Arrival, &Kind), String)| {
            let (label, is_new) = match arrival {
                Arrival::New(label) => (label, true),
                Arrival::Known(label) => (label, false),
            };
            let (label, method, window) =
                (label.as_str().to_owned(), kind.method.name(), kind.window.filter(|_| is_new));
            Place { label, method, name, period: kind.period, window, is_new }
        };
        let devices: Vec<_> = imported.arrivals.iter().zip(&kinds).zip(names).map(place).collect();
        let is_changed = devices.iter().any(|device| device.is_new);
        if imported.is_finished {
            let codes = format!("for recovery codes that somebody has seen: twofactor recovery {user}");
            left_behind.push(format!("it was killed the last time, and is whole now; {codes}"));
        }
        let scratch_codes = if imported.has_scratch_codes { scratch_count } else { 0 };
        if scratch_count > scratch_codes && is_changed {
            let reason = match (self.takes_codes(), self.how.no_recovery) {
                (false, _) => "the configuration does not allow recovery codes",
                (true, true) => "none are wanted (--no-recovery)",
                (true, false) => "there are recovery codes already",
            };
            left_behind.push(format!("{}: {reason}", counted(scratch_count, "scratch code")));
        }
        Ok(Ok(Moved { user: user.to_owned(), devices, scratch_codes, codes: imported.codes, left_behind }))
    }

    /// What somebody gets who has no recovery codes: those that they brought, or else new ones.
    fn first_codes(&self, scratch_codes: ScratchCodes) -> FirstCodes {
        if self.issues_codes() && !scratch_codes.is_empty() {
            return FirstCodes::Scratch(scratch_codes);
        }
        FirstCodes::new_if(self.issues_codes())
    }

    fn common_window(&self, moving: Moving) -> u8 {
        let window = self.office.config.window;
        match moving {
            Moving::Time { .. } => window.steps(),
            Moving::Counter { .. } => window.look_ahead(),
        }
    }

    fn takes_codes(&self) -> bool {
        self.office.config.methods.contains(&Method::Recovery)
    }

    /// Whether a device is here already, however its labels are.
    pub(super) fn is_known(&self, account: &Account, device: &Device) -> Result<bool, Failure> {
        let label = self.label(device.parameters.method(), &[])?;
        let kind = NewKind::Otp { parameters: device.parameters, secret: copied(device), proved: None };
        let probe = NewDevice { label, kind, replace: true, primary: false, language: None };
        let found = self.office.registrar().rehearse_import(account, &[probe], &FirstCodes::None, Scope::Named);
        let found = found.map_err(|error| Failure::about(account.name.as_str(), &error))?;
        Ok(found.arrivals.iter().any(|arrival| matches!(arrival, Arrival::Known(_))))
    }

    /// What the next device is called: the usual label, and a number from the second on.
    fn label(&self, method: Method, others: &[NewDevice]) -> Result<Label, Failure> {
        let base = self.how.label.as_deref().unwrap_or_else(|| setup::usual_label(method));
        let numbers = std::iter::once(None).chain((2..).map(Some));
        for number in numbers.take(others.len() + 1) {
            let label = number.map_or_else(|| base.to_owned(), |number: usize| format!("{base} {number}"));
            let label = Label::try_from(label)?;
            if others.iter().all(|other| other.label != label) {
                return Ok(label);
            }
        }
        Ok(Label::try_from(base.to_owned())?)
    }

    fn new_device(
        &self,
        user: &str,
        device: Device,
        label: Label,
        left: &mut Vec<String>,
    ) -> Result<NewDevice, Failure> {
        let parameters = device.parameters;
        let method = parameters.method().name();
        if !self.office.config.methods.contains(&parameters.method()) {
            let what = format!("{user}: the configuration does not allow {method}");
            return Err(Failure::new(what, format!("add \"{method}\" to methods in config.toml")));
        }
        let key = Key::new(&device.secret, parameters);
        let key =
            key.map_err(|error| Failure::new(format!("{user}: {error}"), "this device has to be enrolled anew"))?;
        let now = clock::System.now()?;
        let proved = match device.used {
            Used::Nothing => None,
            Used::UpTo(step) if is_far_off(step, parameters, now) => {
                left.push("a used code that no clock has come to yet".to_owned());
                None
            }
            Used::UpTo(step) => Some(step),
            Used::UpToCode(code) => step_of(&key, &code, now),
        };
        let window = device.window.map(|codes| window(codes, parameters.moving, left));
        let parameters =
            Parameters { window: window.filter(|own| *own != self.common_window(parameters.moving)), ..parameters };
        let kind = NewKind::Otp { parameters, secret: device.secret, proved };
        Ok(NewDevice { label, kind, replace: self.how.replace, primary: false, language: None })
    }
}

impl Moved {
    /// Of somebody who is left as they are.
    pub(super) fn nothing(user: &str, why: String) -> Self {
        let codes = RecoveryCodes::new();
        Self { user: user.to_owned(), devices: Vec::new(), scratch_codes: 0, codes, left_behind: vec![why] }
    }

    /// A line for each device, what stays behind, and the recovery codes.
    pub(super) fn text(&self, is_rehearsed: bool) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(4096));
        let comes = if is_rehearsed { "would come over" } else { "has come over" };
        if self.devices.is_empty() {
            text.push_str(&format!("{}: nothing {comes}\n", self.user));
        }
        for device in &self.devices {
            let what = if device.is_new { comes } else { "is here already, nothing changed" };
            let name = if device.name.is_empty() { String::new() } else { format!(" from {:?}", device.name) };
            let line = format!("{}: {} ({}){name} {what}", self.user, device.label, device.method);
            text.push_str(&shown(&line));
            text.push('\n');
            if device.is_new
                && device.period != Some(COMMON_SECONDS)
                && let Some(seconds) = device.period
            {
                text.push_str(&format!("    with a new code every {seconds} s\n"));
            }
            if let Some(window) = device.window {
                text.push_str(&format!("    with a window of its own: {window}\n"));
            }
        }
        if self.scratch_codes > 0 {
            let come = match (is_rehearsed, self.scratch_codes) {
                (false, 2..) => "have come over",
                _ => comes,
            };
            let codes = counted(self.scratch_codes, "scratch code");
            text.push_str(&format!("    {codes} {come}; {}\n", throttled(&self.user)));
        }
        for remark in &self.left_behind {
            text.push_str(&format!("    left behind: {}\n", shown(remark)));
        }
        if !self.codes.is_empty() {
            text.push('\n');
            text.push_str(&recovery::sheet(&self.codes));
            text.push('\n');
        }
        text
    }
}

/// What kind of device it is.
struct Kind {
    method: Method,
    period: Option<u64>,
    /// One of its own.
    window: Option<u8>,
}

impl Kind {
    fn of(device: &NewDevice) -> Self {
        match &device.kind {
            NewKind::Otp { parameters, .. } => {
                Self { method: parameters.method(), period: parameters.period_seconds(), window: parameters.window }
            }
            NewKind::Email(_) => Self { method: Method::Email, period: None, window: None },
            NewKind::Sms(_) => Self { method: Method::Sms, period: None, window: None },
        }
    }
}

/// What whoever relies on scratch codes has to know.
fn throttled(user: &str) -> String {
    format!(
        "while too many wrong codes hold up others, they are held up too: twofactor recovery {user} issues better ones"
    )
}

fn copied(device: &Device) -> twofactor_core::secret::Secret {
    twofactor_core::secret::Secret::new(device.secret.expose().to_vec())
}

/// The last step that a code can be of, among those that a login could take. The same code can be of two.
fn step_of(key: &Key, code: &str, now: UnixTime) -> Option<Step> {
    let (mut found, counts) = (None, matches!(key.parameters().moving, Moving::Counter { .. }));
    let widest = Window::ONE.with_steps(STEPS_MAX).and_then(|window| window.with_look_ahead(0)).unwrap_or(Window::ONE);
    while let Judgement::Fresh(step) = key.judge(code, now, widest, found) {
        found = Some(step);
        if counts {
            break;
        }
    }
    found
}

/// Whether a step lies so far in the future that nobody can have used it. Whoever owns the file may write anything there,
/// and would be locked out for as long.
fn is_far_off(step: Step, parameters: Parameters, now: UnixTime) -> bool {
    parameters.end_of(step) > UnixTime(now.0.saturating_add(FAR_OFF_SECONDS))
}

/// The window of a device that takes so many codes at any moment, at most as wide as ours can be.
fn window(codes: u64, moving: Moving, left: &mut Vec<String>) -> u8 {
    let (own, most, what) = match moving {
        Moving::Time { .. } => (codes / 2, STEPS_MAX, "steps either side"),
        Moving::Counter { .. } => (codes.saturating_sub(1), LOOK_AHEAD_MAX, "codes ahead"),
    };
    if own > most.into() {
        left.push(format!("a window of {own} {what}; here it is {most} at most"));
    }
    u8::try_from(own).unwrap_or(most).min(most)
}

/// What every app assumes.
const COMMON_SECONDS: u64 = 30;
/// The widest windows that can be configured.
const STEPS_MAX: u8 = 10;
const LOOK_AHEAD_MAX: u8 = 50;
/// A day: pam_google_authenticator itself allows a clock to be half a day off.
const FAR_OFF_SECONDS: u64 = 24 * 3600;
