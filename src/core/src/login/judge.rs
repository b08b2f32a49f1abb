//! One code against one user's factors and state. Runs under the lock; what it finds counts only once it is durable.

use crate::clock::UnixTime;
use crate::config::Config;
use crate::enrolment::Factors;
use crate::factor::Method;
use crate::factor::entry::Entry;
use crate::factor::recovery::{self, RecoveryCode};
use crate::factor::totp::Judgement;
use crate::state::State;
use crate::store::Record;
use crate::throttle::Gate;

/// What became of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It proves the second factor.
    Accepted(Proof),
    /// It is wrong.
    Wrong,
    /// It was right once.
    Replayed,
    /// It was not judged.
    Held(Gate),
}

/// Which factor was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) method: Method,
    /// Which device, for the log.
    pub(super) device: Option<String>,
    /// How many recovery codes are left, if one was used.
    pub(super) recovery_left: Option<usize>,
}

/// Judges an answer and says whether the state has changed. An attempt counts before it is judged.
pub(super) fn judge(
    entry: &Entry,
    factors: &Factors,
    state: &mut State,
    now: UnixTime,
    config: &Config,
) -> (Verdict, Record) {
    let failures = state.failures.not_after(now);
    let gate = config.limits.gate(failures, now);
    // Eighty random bits cannot be guessed, so nobody is kept from a recovery code by somebody else's failures.
    if gate != Gate::Open && !matches!(entry, Entry::Recovery(_)) {
        let moved = failures != state.failures;
        state.failures = failures;
        return (Verdict::Held(gate), if moved { Record::Changed } else { Record::Unchanged });
    }
    state.failures = failures.and_one_at(now);
    let verdict = match entry {
        Entry::Digits(code) if config.methods.contains(&Method::Totp) => {
            one_time_password(code, factors, state, now, config)
        }
        Entry::Recovery(code) if config.methods.contains(&Method::Recovery) => recovery_code(code, factors, state),
        _ => Verdict::Wrong,
    };
    if matches!(verdict, Verdict::Accepted(_)) {
        state.failures = Default::default();
        state.last_success = now;
    }
    (verdict, Record::Changed)
}

fn one_time_password(code: &str, factors: &Factors, state: &mut State, now: UnixTime, config: &Config) -> Verdict {
    let mut replayed = false;
    for (id, label, key) in &factors.devices {
        match key.judge(code, now, config.window, state.burnt(*id)) {
            Judgement::Fresh(step) => {
                state.burn(*id, step);
                let device = Some(label.as_str().to_owned());
                return Verdict::Accepted(Proof { method: Method::Totp, device, recovery_left: None });
            }
            Judgement::Replayed => replayed = true,
            Judgement::Wrong => {}
        }
    }
    if replayed { Verdict::Replayed } else { Verdict::Wrong }
}

fn recovery_code(code: &RecoveryCode, factors: &Factors, state: &mut State) -> Verdict {
    let Some((key, issued)) = &factors.recovery else { return Verdict::Wrong };
    match recovery::position(&code.digest(key), issued) {
        None => Verdict::Wrong,
        Some(position) if state.is_recovery_used(position) => Verdict::Replayed,
        Some(position) => {
            state.use_recovery(position);
            let recovery_left = Some(state.recovery_left(issued.len()));
            Verdict::Accepted(Proof { method: Method::Recovery, device: None, recovery_left })
        }
    }
}
