//! Codes that are sent in the course of a login: counted and drawn under the lock, durable before they go out.

use std::time::{Duration, Instant};

use twofactor_message::{Report, TroubleKind, Verdict};
use zeroize::Zeroizing;

use super::journal::{Line, Severity};
use super::ways::Dispatch;
use super::words::Remark;
use super::{Login, REMOVED, Subject};
use crate::account::Account;
use crate::clock::UnixTime;
use crate::config::Config;
use crate::courier::{self, Delivery, News, Parcel, Target};
use crate::enrolment::{Factors, Means};
use crate::factor::sent;
use crate::state::{Channel, Issued, SentCode, State};
use crate::store::{Pace, Record};
use crate::sys::Entropy;
use crate::throttle::Gate;

/// A message that has set out.
pub(super) struct Outgoing {
    delivery: Box<dyn Delivery>,
    what: What,
}

/// How far a message has come by the time of the prompt.
pub(super) enum Carried {
    /// It is out.
    Out,
    /// It is underway.
    Underway,
    /// It did not go out, which is said so.
    Not(Remark),
}

/// What it is.
pub(super) enum What {
    /// A code.
    Code { dispatch: Dispatch, issued: Issued },
    /// A call for help.
    Rescue {
        reference: String,
        /// When it was counted.
        asked: UnixTime,
        /// Whether a copy to the user was counted as well.
        is_copied: bool,
    },
}

/// What became of the wish to send a code.
enum Reserved {
    /// It may go out, and counts.
    Drawn(Drawn),
    /// One went out so many seconds ago, and is good.
    SentBefore { seconds: u64 },
    /// One went out, is good no more, and another may go out in so many seconds.
    Soon { seconds: u64 },
    /// No more may go out for so many seconds; whether one of them is good.
    Exhausted { seconds: u64, is_one_good: bool },
    /// Codes are not judged, so none is sent.
    Held(Gate),
    /// The device has been removed, or there are no random bytes.
    Impossible(&'static str),
}

struct Drawn {
    code: Zeroizing<String>,
    target: Target,
    issued: Issued,
    lifetime_seconds: u32,
}

impl Login<'_> {
    /// Sends a code, if one may be sent, and waits for that as long as a prompt may be waited for.
    pub(super) fn dispatch(&mut self, dispatch: &Dispatch) -> Remark {
        let Subject::Enrolled(account) = &self.subject else { return self.pretend(dispatch) };
        let world = self.world;
        let visited = self
            .visit(account, |now, factors, state| reserve(dispatch, factors, state, now, world.config, world.entropy));
        // Nothing goes out that is not durable: it could be sent again and again.
        let reserved = match visited {
            Ok(reserved) => reserved.unwrap_or(Reserved::Impossible(REMOVED)),
            Err(error) => {
                self.log_code(dispatch, "failed")
                    .with("error", &error.to_string())
                    .write(world.journal, Severity::Error);
                return Remark::NotSent { to: dispatch.masked.clone() };
            }
        };
        match reserved {
            Reserved::Drawn(drawn) => self.send_code(dispatch, drawn),
            Reserved::SentBefore { seconds } => {
                self.log_code(dispatch, "sent-before").write(world.journal, Severity::Info);
                Remark::SentBefore { to: dispatch.masked.clone(), seconds }
            }
            Reserved::Soon { seconds } => {
                self.log_code(dispatch, "sent-before").write(world.journal, Severity::Info);
                Remark::Soon { seconds }
            }
            Reserved::Exhausted { seconds, is_one_good } => {
                self.log_code(dispatch, "limit").write(world.journal, Severity::Notice);
                Remark::Exhausted { seconds, is_one_good }
            }
            Reserved::Held(gate) => {
                self.log_code(dispatch, "held").write(world.journal, Severity::Notice);
                self.held = Some(gate);
                Remark::Held(gate)
            }
            Reserved::Impossible(why) => {
                self.log_code(dispatch, "failed").with("error", why).write(world.journal, Severity::Error);
                Remark::NotSent { to: dispatch.masked.clone() }
            }
        }
    }

    fn send_code(&mut self, dispatch: &Dispatch, drawn: Drawn) -> Remark {
        let Drawn { code, target, issued, lifetime_seconds } = drawn;
        self.log_code(dispatch, "asked").write(self.world.journal, Severity::Info);
        let config = self.world.config;
        let parcel = courier::code(config, self.occasion(issued.since), target, code, lifetime_seconds);
        let to = dispatch.masked.clone();
        match self.carry(dispatch.channel, parcel, What::Code { dispatch: dispatch.clone(), issued }) {
            Carried::Out => Remark::Sent { to },
            Carried::Underway => Remark::OnItsWay { to },
            Carried::Not(remark) => remark,
        }
    }

    /// Sets out with a message, and waits for it as long as a prompt may be waited for.
    pub(super) fn carry(&mut self, channel: Channel, parcel: Parcel, what: What) -> Carried {
        let started = Instant::now();
        let mut delivery = self.world.courier.send(parcel);
        let verdict = delivery.wait(PATIENCE);
        let failed = verdict.as_ref().is_some_and(|verdict| verdict.delivered_by().is_none());
        self.world.store.keep_pace(channel, Pace { duration: started.elapsed(), failed });
        match verdict {
            Some(verdict) => self.settle(&what, &verdict).map_or(Carried::Out, Carried::Not),
            None => {
                self.outgoing.push(Outgoing { delivery, what });
                Carried::Underway
            }
        }
    }

    /// Sends nothing to nobody, and takes as long as the last time that something was sent to somebody.
    fn pretend(&self, dispatch: &Dispatch) -> Remark {
        self.log_code(dispatch, "withheld").write(self.world.journal, Severity::Notice);
        self.world.store.rehearse(Record::Changed);
        let to = dispatch.masked.clone();
        match self.carry_nothing(dispatch.channel, Remark::NotSent { to: to.clone() }) {
            Carried::Out => Remark::Sent { to },
            Carried::Underway => Remark::OnItsWay { to },
            Carried::Not(remark) => {
                self.world.store.rehearse(Record::Changed);
                remark
            }
        }
    }

    /// As [`Self::carry`] to the eye: it takes as long, and comes to the same end, as one of the last deliveries.
    pub(super) fn carry_nothing(&self, channel: Channel, failed: Remark) -> Carried {
        let mut pick = [0];
        // Without random bytes it is always the same one.
        let _ = self.world.entropy.fill(&mut pick);
        let [pick] = pick;
        let pace = self.world.store.pace(channel, pick);
        self.world.courier.pause(pace.duration.min(PATIENCE));
        match pace {
            Pace { failed: true, .. } => Carried::Not(failed),
            Pace { duration, .. } if duration >= PATIENCE => Carried::Underway,
            Pace { .. } => Carried::Out,
        }
    }

    /// Hears what has become of what was underway; what failed is told with the next prompt.
    pub(super) fn collect(&mut self) {
        for mut outgoing in std::mem::take(&mut self.outgoing) {
            match outgoing.delivery.wait(Duration::ZERO) {
                Some(verdict) => self.bad_news = self.settle(&outgoing.what, &verdict).or(self.bad_news.take()),
                None => self.outgoing.push(outgoing),
            }
        }
    }

    /// Lets go of what is still underway: the sender goes on and writes to the log how it went.
    pub(super) fn let_go(&mut self) {
        self.collect();
        for outgoing in std::mem::take(&mut self.outgoing) {
            if let Some(verdict) = outgoing.delivery.let_go() {
                self.settle(&outgoing.what, &verdict);
            }
        }
    }

    /// Takes a verdict down. Answers what to say if it is a bad one.
    fn settle(&self, what: &What, verdict: &Verdict) -> Option<Remark> {
        let line = match what {
            What::Code { dispatch, .. } => self.log_code(dispatch, word(verdict)),
            What::Rescue { reference, .. } => self.log_rescue(word(verdict)).with("reference", reference),
        };
        let line = with_troubles(line, verdict);
        if let Some(route) = verdict.delivered_by() {
            let severity = if verdict.reports.len() == 1 { Severity::Info } else { Severity::Warning };
            line.with("route", route).write(self.world.journal, severity);
            return None;
        }
        line.write(self.world.journal, Severity::Error);
        match (what, &self.subject) {
            (What::Code { dispatch, issued }, Subject::Enrolled(account)) => {
                self.take_back(account, |state| {
                    state.mark_failed(dispatch.channel, dispatch.device, issued);
                    if has_never_left(verdict) {
                        state.uncount_message(issued.since);
                    }
                });
                Some(Remark::NotSent { to: dispatch.masked.clone() })
            }
            (What::Code { dispatch, .. }, Subject::Nobody(_)) => Some(Remark::NotSent { to: dispatch.masked.clone() }),
            (What::Rescue { asked, is_copied, .. }, Subject::Enrolled(account)) if has_never_left(verdict) => {
                self.take_back(account, |state| {
                    if state.rescue_asked == *asked {
                        state.rescue_asked = UnixTime::default();
                    }
                    if *is_copied {
                        state.uncount_message(*asked);
                    }
                });
                Some(Remark::NotAsked)
            }
            (What::Rescue { .. }, _) => Some(Remark::NotAsked),
        }
    }

    /// Takes down that a message did not go out, so that it may be asked for again at once. If that cannot be taken down,
    /// the person has to wait.
    fn take_back(&self, account: &Account, take_back: impl Fn(&mut State)) {
        let _ = self.world.store.visit(account, &mut |_, _, state| {
            take_back(state);
            Record::Changed
        });
    }

    /// Tells the user by mail what has happened, and waits for nothing.
    pub(super) fn tell(&self, news: &News, now: UnixTime) {
        let parcel = courier::notice(self.world.config, self.occasion(now), news);
        let verdict = self.world.courier.send(parcel).let_go();
        let line = Line::about("notice", &self.request).with("kind", news.event.name()).with("to", &news.to.masked());
        let (line, severity) = match &verdict {
            Some(verdict) if verdict.delivered_by().is_none() => (with_troubles(line, verdict), Severity::Error),
            _ => (line, Severity::Info),
        };
        line.write(self.world.journal, severity);
    }

    fn log_code(&self, dispatch: &Dispatch, result: &str) -> Line {
        let method = match dispatch.channel {
            Channel::Email => "email",
            Channel::Sms => "sms",
            Channel::Rescue => "rescue",
        };
        let line = Line::about("code", &self.request).with("method", method).with("to", &dispatch.masked);
        line.with("result", result)
    }
}

fn word(verdict: &Verdict) -> &'static str {
    if verdict.delivered_by().is_some() { "sent" } else { "failed" }
}

fn with_troubles(line: Line, verdict: &Verdict) -> Line {
    let troubled = verdict.reports.iter().filter(|report| report.trouble.is_some());
    troubled.fold(line, |line, report| line.with("error", &report.to_string()))
}

/// Whether it is certain that no server and no program has had the message: nobody could even be connected to. Of a
/// conversation that had begun, whatever became of it, a server may have had it.
fn has_never_left(verdict: &Verdict) -> bool {
    let has_stayed = |report: &Report| match report.trouble.as_ref().map(|trouble| trouble.kind) {
        Some(TroubleKind::Unreachable) => true,
        // Of a program of this host nobody knows what it had done before it failed.
        Some(TroubleKind::Local) => !["sendmail", "maildir", "command"].contains(&report.route.as_str()),
        _ => false,
    };
    verdict.reports.iter().all(has_stayed)
}

/// Draws a code if one may go out now. Runs under the lock; what it finds counts only once it is durable.
fn reserve(
    dispatch: &Dispatch,
    factors: &Factors,
    state: &mut State,
    now: UnixTime,
    config: &Config,
    entropy: &dyn Entropy,
) -> (Reserved, Record) {
    let unchanged = |reserved| (reserved, Record::Unchanged);
    let gate = config.limits.gate(state.failures.not_after(now), now);
    if gate != Gate::Open {
        return unchanged(Reserved::Held(gate));
    }
    let device = factors.devices.iter().find(|factor| factor.id == dispatch.device);
    let target = match device.map(|factor| &factor.means) {
        Some(Means::Email(address)) => Target::Mailbox(address.clone()),
        Some(Means::Sms(number)) => Target::Telephone(number.clone()),
        Some(Means::Otp(_)) | None => return unchanged(Reserved::Impossible("the device was removed meanwhile")),
    };
    state.forget_the_future(now);
    let last = state.last_sent(dispatch.channel, dispatch.device, now);
    let is_one_good = last.is_some_and(|last| last.is_good(now));
    if let Some(last) = last.filter(|last| !last.used) {
        let seconds = now.seconds_since(last.issued.since);
        let wait = config.code.resend_after_seconds.saturating_sub(seconds);
        match (wait, is_one_good) {
            (0, _) => {}
            (_, true) => return unchanged(Reserved::SentBefore { seconds }),
            (seconds, false) => return unchanged(Reserved::Soon { seconds }),
        }
    }
    let seconds = state.wait_to_send(now, config.code.sends_per_hour);
    if seconds > 0 {
        // What is in the future stays there unless it is written down.
        return (Reserved::Exhausted { seconds, is_one_good }, Record::Changed);
    }
    let lifetime_seconds = match (dispatch.channel, config.rescue) {
        (Channel::Rescue, Some(rescue)) => rescue.lifetime_seconds,
        _ => config.code.lifetime_seconds,
    };
    let (Some(key), Ok(code)) = (factors.digest_key(), sent::draw(config.code.digits, entropy)) else {
        return unchanged(Reserved::Impossible("there are no random bytes"));
    };
    let purpose = dispatch.channel.purpose(dispatch.device);
    let issued = Issued::now(key, &purpose, code.as_bytes(), now, lifetime_seconds.into());
    let kept = SentCode {
        channel: dispatch.channel,
        device: dispatch.device,
        issued: issued.clone(),
        wrong: 0,
        used: false,
        failed: false,
    };
    state.keep_sent(kept, now);
    state.count_message(now);
    (Reserved::Drawn(Drawn { code, target, issued, lifetime_seconds }), Record::Changed)
}

/// How long the prompt waits for a message to go out.
const PATIENCE: Duration = Duration::from_millis(1500);
