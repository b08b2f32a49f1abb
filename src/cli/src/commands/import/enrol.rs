//! Devices of any format, enrolled: all of one user's in one write, or none.

use serde::Serialize;
use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock, UnixTime};
use twofactor_core::factor::totp::{Judgement, Key, Moving, Parameters, Step, Window};
use twofactor_core::factor::{Label, Method};
use twofactor_core::registrar::{Arrival, Imported, NewDevice, NewKind, RecoveryCodes};
use twofactor_message::{Event, shown};
use zeroize::Zeroizing;

use super::How;
use super::device::{Device, Used};
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
    pub(super) is_new: bool,
}

impl Desk<'_> {
    /// Whether recovery codes are issued to whoever has none.
    pub(super) fn issues_codes(&self) -> bool {
        !self.how.no_recovery && self.office.config.methods.contains(&Method::Recovery)
    }

    /// Enrols the devices of one user; with `--dry-run`, says what would become of them.
    pub(super) fn take_over(&self, account: &Account, devices: Vec<Device>) -> Result<Moved, Failure> {
        let user = account.name.as_str();
        let about = |error| Failure::about(user, &error);
        let scratch_codes = devices.iter().map(|device| device.scratch_codes).sum();
        let (mut new, mut names, mut left_behind) = (Vec::new(), Vec::new(), Vec::new());
        for device in devices {
            let label = self.label(device.parameters.method(), &new)?;
            left_behind.extend(device.remarks.iter().cloned());
            names.push(device.name.clone());
            new.push(self.new_device(user, device, label, &mut left_behind)?);
        }
        let methods: Vec<_> = new.iter().map(method_of).collect();
        let registrar = self.office.registrar();
        let imported = if self.how.dry_run {
            let arrivals = registrar.rehearse_import(account, &new).map_err(about)?;
            Imported { arrivals, codes: RecoveryCodes::new() }
        } else {
            let before = registrar.standing(account).map_err(about)?.map(|standing| standing.enrolment);
            let imported = registrar.import(account, new, self.issues_codes()).map_err(about)?;
            let reader = before.as_ref().map(reader).unwrap_or_default();
            for (arrival, method) in imported.arrivals.iter().zip(&methods) {
                if let Arrival::New(label) = arrival {
                    let detail = format!("{method} {:?}", label.as_str());
                    self.office.tell(account, &reader, Event::MethodAdded, &detail, self.output);
                }
            }
            imported
        };
        let place = |((arrival, method), name): ((&Arrival, &Method), String)| {
            let (label, is_new) = match arrival {
                Arrival::New(label) => (label, true),
                Arrival::Known(label) => (label, false),
            };
            Place { label: label.as_str().to_owned(), method: method.name(), name, is_new }
        };
        let devices: Vec<_> = imported.arrivals.iter().zip(&methods).zip(names).map(place).collect();
        let is_changed = devices.iter().any(|device| device.is_new);
        if scratch_codes > 0 && is_changed {
            let instead = match (self.how.dry_run && self.issues_codes(), imported.codes.is_empty()) {
                (true, _) => "new recovery codes would be issued".to_owned(),
                (false, false) => "new recovery codes take their place".to_owned(),
                (false, true) => format!("for recovery codes: twofactor recovery {user}"),
            };
            let count = counted(scratch_codes, "scratch code");
            left_behind.push(format!("{count}, too short to be kept here, void; {instead}"));
        }
        Ok(Moved { user: user.to_owned(), devices, codes: imported.codes, left_behind })
    }

    /// Whether a device is here already, however its labels are.
    pub(super) fn is_known(&self, account: &Account, device: &Device) -> Result<bool, Failure> {
        let label = self.label(device.parameters.method(), &[])?;
        let kind = NewKind::Otp { parameters: device.parameters, secret: copied(device), proved: None };
        let probe = NewDevice { label, kind, replace: true, primary: false, language: None };
        let arrivals = self.office.registrar().rehearse_import(account, &[probe]);
        let arrivals = arrivals.map_err(|error| Failure::about(account.name.as_str(), &error))?;
        Ok(arrivals.iter().any(|arrival| matches!(arrival, Arrival::Known(_))))
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
        left.extend(device.window.and_then(|window| remark_on_window(window, parameters, self.office.config.window)));
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
        let kind = NewKind::Otp { parameters, secret: device.secret, proved };
        Ok(NewDevice { label, kind, replace: self.how.replace, primary: false, language: None })
    }
}

impl Moved {
    /// A line for each device, what stays behind, and the recovery codes.
    pub(super) fn text(&self, is_rehearsed: bool) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(4096));
        let comes = if is_rehearsed { "would come over" } else { "has come over" };
        for device in &self.devices {
            let what = if device.is_new { comes } else { "is here already, nothing changed" };
            let name = if device.name.is_empty() { String::new() } else { format!(" from {:?}", device.name) };
            let line = format!("{}: {} ({}){name} {what}", self.user, device.label, device.method);
            text.push_str(&shown(&line));
            text.push('\n');
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

fn method_of(device: &NewDevice) -> Method {
    match &device.kind {
        NewKind::Otp { parameters, .. } => parameters.method(),
        NewKind::Email(_) => Method::Email,
        NewKind::Sms(_) => Method::Sms,
    }
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

fn remark_on_window(window: u64, parameters: Parameters, ours: Window) -> Option<String> {
    match parameters.moving {
        Moving::Time { .. } => {
            let (theirs, ours) = (window / 2, u64::from(ours.steps()));
            let text = || format!("a window of {theirs} steps either side; here it is {ours} ([totp] window)");
            (theirs != ours).then(text)
        }
        Moving::Counter { .. } => {
            let (theirs, ours) = (window.saturating_sub(1), u64::from(ours.look_ahead()));
            let text = || format!("a token might be {theirs} codes ahead; here it may be {ours} ([hotp] look_ahead)");
            (theirs != ours).then(text)
        }
    }
}

/// The widest window that can be configured.
const STEPS_MAX: u8 = 10;
/// A day: pam_google_authenticator itself allows a clock to be half a day off.
const FAR_OFF_SECONDS: u64 = 24 * 3600;
