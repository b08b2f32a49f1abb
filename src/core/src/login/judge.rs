//! One code against one user's factors and state. Runs under the lock; what it finds counts only once it is durable.

use twofactor_message::Event;

use crate::clock::UnixTime;
use crate::config::Config;
use crate::courier::News;
use crate::enrolment::{Factors, Means};
use crate::factor::Method;
use crate::factor::entry::Entry;
use crate::factor::recovery::{self, Digest, RecoveryCode};
use crate::factor::totp;
use crate::policy::Terms;
use crate::state::{self, BYPASS_PURPOSE, Channel, State};
use crate::store::Record;
use crate::throttle::Gate;
use crate::words::Sentence;

use super::ProvedBy;

/// What answers are judged by.
#[derive(Clone, Copy)]
pub(super) struct Settings<'s> {
    pub(super) config: &'s Config,
    pub(super) terms: &'s Terms,
    /// What a success is remembered for.
    pub(super) place: Option<&'s [u8]>,
}

impl Settings<'_> {
    /// Whether codes of this method are taken.
    pub(super) fn takes(&self, method: Method) -> bool {
        self.methods().contains(&method)
    }

    /// The methods whose codes are taken.
    pub(super) fn methods(&self) -> &[Method] {
        self.terms.methods.as_deref().unwrap_or(&self.config.methods)
    }

    /// Whether codes that were sent by this channel are taken. A rule that names its methods does not mean a rescue.
    pub(super) fn is_open(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email => self.takes(Method::Email),
            Channel::Sms => self.takes(Method::Sms),
            Channel::Rescue => self.config.rescue.is_some() && self.terms.methods.is_none(),
        }
    }

    /// Whether codes of this length can be right.
    fn is_length_of_a_code(&self, code: &str, factors: &Factors) -> bool {
        let lengths = factors.devices.iter().map(|factor| match &factor.means {
            Means::Otp(key) => key.parameters().digits,
            Means::Email(_) | Means::Sms(_) => self.config.code.digits,
        });
        lengths.map(|digits| usize::from(digits.count())).any(|length| length == code.len())
    }

    /// Whether a success in this place makes another one needless.
    pub(super) fn is_remembered(&self, factors: &Factors, state: &State, now: UnixTime) -> bool {
        let known = self.place_of(factors).zip(self.terms.remember_seconds);
        known.is_some_and(|(place, seconds)| state.remembers(&factors.digest_keys, &place, now, seconds))
    }

    /// What a success is remembered for, with all that the user has to prove it by.
    fn place_of(&self, factors: &Factors) -> Option<Vec<u8>> {
        self.place.map(|place| [&factors.generation.to_le_bytes(), place].concat())
    }

    /// Remembers a success by a method of the user's own. Whoever had to take another way may have lost what the ones
    /// before it were proved by.
    fn follow(&self, proof: &Proof, factors: &Factors, state: &mut State, now: UnixTime) {
        if matches!(proof.by, ProvedBy::Method(Method::Recovery) | ProvedBy::Rescue | ProvedBy::Bypass) {
            state.forget();
        } else if let (Some(place), Some(seconds), Some(key)) =
            (self.place_of(factors), self.terms.remember_seconds, factors.digest_key())
        {
            state.remember(key, &place, now, seconds);
        }
    }
}

/// What became of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It proves the second factor.
    Accepted(Proof),
    /// It is wrong.
    Wrong {
        /// It was the last of so many that the code which was sent is void.
        voided: bool,
    },
    /// It was right once.
    Replayed,
    /// It was right, but is too old.
    Expired,
    /// It is wrong, or of a token whose counter nobody knows.
    Lost,
    /// It was not judged.
    Held(Gate),
}

/// Which factor was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) by: ProvedBy,
    /// Which device, for the log.
    pub(super) device: Option<String>,
    /// How many recovery codes are left, if one was used.
    pub(super) recovery_left: Option<usize>,
    /// How far the device's clock is ahead of this host's, as far as its code tells.
    pub(super) drift_seconds: Option<i64>,
}

impl Proof {
    fn of_device(by: ProvedBy, label: Option<&crate::factor::Label>) -> Self {
        Self { by, device: label.map(|label| label.as_str().to_owned()), recovery_left: None, drift_seconds: None }
    }
}

/// All that a judgement brings about.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// Which of the entries was right.
    pub(super) by: Option<usize>,
    /// How things stand afterwards.
    pub(super) gate: Gate,
    /// What the user is told by mail.
    pub(super) news: Option<News>,
    pub(super) now: UnixTime,
}

/// Judges an answer and says whether the state has changed. An attempt counts before it is judged.
pub(super) fn judge(
    entries: &[Entry],
    factors: &Factors,
    state: &mut State,
    now: UnixTime,
    settings: Settings<'_>,
) -> (Judged, Record) {
    let config = settings.config;
    let failures = state.failures.not_after(now);
    let gate = config.limits.gate(failures, now);
    // Eighty random bits cannot be guessed, so nobody is kept from a recovery code by somebody else's failures; and wrong
    // ones need not be counted while nothing else is judged, or they would be the fast way to lock somebody out.
    let is_unguessable = entries.iter().any(|entry| matches!(entry, Entry::Recovery(_)));
    if gate != Gate::Open && !is_unguessable {
        let moved = failures != state.failures;
        state.failures = failures;
        let judged = Judged { verdict: Verdict::Held(gate), by: None, gate, news: None, now };
        return (judged, if moved { Record::Changed } else { Record::Unchanged });
    }
    state.failures = if gate == Gate::Open { failures.and_one_at(now) } else { failures };
    let (mut verdict, mut by) = (Verdict::Wrong { voided: false }, None);
    for (at, entry) in entries.iter().enumerate() {
        let found = match entry {
            Entry::Digits(code) if gate == Gate::Open => match scratch(code, factors, state, settings) {
                Some(found) => found,
                // Of several readings only those that could be right count against a code that was sent.
                None if entries.len() > 1 && !settings.is_length_of_a_code(code, factors) => continue,
                None => digits(code, factors, state, now, settings),
            },
            Entry::Recovery(code) => issued(code, factors, state, now, settings),
            _ => continue,
        };
        // What is said is what was nearest to being right.
        let is_plain = |verdict: &Verdict| matches!(verdict, Verdict::Wrong { voided: false });
        if is_plain(&verdict) || !(is_plain(&found) || found == Verdict::Lost) {
            verdict = found;
        }
        if matches!(verdict, Verdict::Accepted(_)) {
            by = Some(at);
            break;
        }
    }
    if let Verdict::Accepted(proof) = &verdict {
        settings.follow(proof, factors, state, now);
        state.failures = Default::default();
        state.last_success = now;
    }
    // What was not counted is no news: the account was locked before.
    let is_counted = gate == Gate::Open;
    let news = news(&verdict, is_counted, factors, state, now, config);
    let gate = config.limits.gate(state.failures, now);
    (Judged { verdict, by, gate, news, now }, Record::Changed)
}

/// A code of an app, or one that was sent.
fn digits(code: &str, factors: &Factors, state: &mut State, now: UnixTime, settings: Settings<'_>) -> Verdict {
    let (mut replayed, mut lost) = (false, false);
    for factor in &factors.devices {
        if let Means::Otp(key) = &factor.means
            && settings.takes(key.parameters().method())
        {
            match key.judge(code, now, settings.config.window, state.burnt(factor.id)) {
                totp::Judgement::Fresh(step) => {
                    state.burn(factor.id, step);
                    let drift = key.parameters().drift(step, now);
                    state.note_drift(factor.id, drift);
                    let by = ProvedBy::Method(key.parameters().method());
                    let seconds = key.parameters().period_seconds().and_then(|seconds| i64::try_from(seconds).ok());
                    let drift_seconds = drift.zip(seconds).map(|(steps, seconds)| i64::from(steps) * seconds);
                    return Verdict::Accepted(Proof { drift_seconds, ..Proof::of_device(by, Some(&factor.label)) });
                }
                totp::Judgement::Replayed => replayed = true,
                totp::Judgement::Lost => lost = true,
                totp::Judgement::Wrong => {}
            }
        }
    }
    let judged = state.judge_sent(&factors.digest_keys, code, now, |channel| settings.is_open(channel));
    match judged {
        state::Judgement::Right(channel, id) => {
            let by = match channel {
                Channel::Email => ProvedBy::Method(Method::Email),
                Channel::Sms => ProvedBy::Method(Method::Sms),
                Channel::Rescue => ProvedBy::Rescue,
            };
            let device = factors.devices.iter().find(|factor| factor.id == id);
            Verdict::Accepted(Proof::of_device(by, device.map(|factor| &factor.label)))
        }
        state::Judgement::Used => Verdict::Replayed,
        state::Judgement::Wrong { .. } if replayed => Verdict::Replayed,
        state::Judgement::Expired => Verdict::Expired,
        state::Judgement::Wrong { voided: false } if lost => Verdict::Lost,
        state::Judgement::Wrong { voided } => Verdict::Wrong { voided },
    }
}

/// A code of eighty bits: the administrator's, or one of the user's recovery codes.
fn issued(code: &RecoveryCode, factors: &Factors, state: &mut State, now: UnixTime, settings: Settings<'_>) -> Verdict {
    let is_bypass = |issued: &state::Issued| issued.matches(&factors.digest_keys, BYPASS_PURPOSE, code.expose());
    if let Some(bypass) = state.bypass.clone().filter(is_bypass) {
        // One from the future is left for the time when the clock is right again.
        if bypass.since <= now {
            state.bypass = None;
        }
        return if bypass.is_good(now) {
            Verdict::Accepted(Proof::of_device(ProvedBy::Bypass, None))
        } else {
            Verdict::Expired
        };
    }
    on_the_sheet(code.expose(), factors, state, settings).unwrap_or(Verdict::Wrong { voided: false })
}

/// A code of the few digits that another module took for a recovery code.
fn scratch(code: &str, factors: &Factors, state: &mut State, settings: Settings<'_>) -> Option<Verdict> {
    if recovery::is_scratch(code) { on_the_sheet(code.as_bytes(), factors, state, settings) } else { None }
}

/// A code that the user has on paper, good once.
fn on_the_sheet(code: &[u8], factors: &Factors, state: &mut State, settings: Settings<'_>) -> Option<Verdict> {
    let (key, issued) = factors.recovery.as_ref().filter(|_| settings.takes(Method::Recovery))?;
    let position = recovery::position(&Digest::of(code, key), issued)?;
    if state.is_recovery_used(position) {
        return Some(Verdict::Replayed);
    }
    state.use_recovery(position);
    let recovery_left = Some(state.recovery_left(issued.len()));
    Some(Verdict::Accepted(Proof { recovery_left, ..Proof::of_device(ProvedBy::Method(Method::Recovery), None) }))
}

/// What the user is told of it, if they have a mailbox and want to be told.
fn news(
    verdict: &Verdict,
    is_counted: bool,
    factors: &Factors,
    state: &mut State,
    now: UnixTime,
    config: &Config,
) -> Option<News> {
    let (to, words) = (factors.mailbox()?.clone(), config.words(factors.language));
    let (event, detail) = match verdict {
        Verdict::Accepted(Proof { recovery_left: Some(left), .. }) => {
            (Event::RecoveryUsed, words.count(Sentence::NewsRecovery, *left as u64))
        }
        Verdict::Wrong { .. } | Verdict::Replayed | Verdict::Expired | Verdict::Lost
            if is_counted && state.failures.count == config.limits.lock_after =>
        {
            (Event::Locked, words.count(Sentence::NewsLocked, state.failures.count.into()))
        }
        _ => return None,
    };
    // A stranger who locks an account may not fill its owner's mailbox on top of that.
    let is_room = event == Event::RecoveryUsed || state.wait_to_send(now, config.code.sends_per_hour) == 0;
    if !config.notify.contains(&event) || !is_room {
        return None;
    }
    state.count_message(now);
    Some(News { event, detail, to })
}
