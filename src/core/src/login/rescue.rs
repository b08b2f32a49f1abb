//! Asking the administrator for help. It grants nothing.

use twofactor_message::{EmailAddress, Occasion};

use super::journal::{Line, Severity};
use super::sending::{Carried, What};
use super::words::Remark;
use super::{Login, Subject};
use crate::clock::UnixTime;
use crate::config::Config;
use crate::courier;
use crate::enrolment::Factors;
use crate::factor::recovery::RecoveryCode;
use crate::state::{Channel, State};
use crate::store::Record;

/// What became of the wish to ask.
enum Asked {
    /// It counts from this moment on; a copy goes to the user, if there is an address and room for one more message.
    Now(UnixTime, Option<EmailAddress>),
    /// It was done less than an hour ago.
    Before,
}

impl Login<'_> {
    /// Writes to the administrator, at most once an hour and user.
    pub(super) fn ask_administrator(&mut self, to: &EmailAddress) -> Remark {
        let Subject::Enrolled(account) = &self.subject else { return self.pretend_to_ask() };
        let world = self.world;
        let Some(reference) = self.draw_reference() else { return Remark::NotAsked };
        let asked = match self.visit(account, |now, factors, state| ask(factors, state, now, world.config)) {
            Ok(Some(asked)) => asked,
            Ok(None) => return Remark::NotAsked,
            Err(error) => {
                self.log_rescue("failed").with("error", &error.to_string()).write(world.journal, Severity::Error);
                return Remark::NotAsked;
            }
        };
        let Asked::Now(now, copy) = asked else {
            self.log_rescue("asked-before").write(world.journal, Severity::Notice);
            return Remark::AskedBefore;
        };
        self.log_rescue("asked").with("reference", &reference).write(world.journal, Severity::Warning);
        let what = What::Rescue { reference: reference.clone(), asked: now, is_copied: copy.is_some() };
        // It is the administrator who is written to.
        let occasion = Occasion { language: world.config.language, ..self.occasion(now) };
        let parcel = courier::rescue(world.config, occasion, to.clone(), &reference, copy);
        said(self.carry(Channel::Rescue, parcel, what), reference)
    }

    /// Nobody is asked in the name of somebody who is not enrolled: it would be a way to flood the administrator.
    fn pretend_to_ask(&mut self) -> Remark {
        self.log_rescue("withheld").write(self.world.journal, Severity::Notice);
        self.world.store.rehearse(Record::Changed);
        if std::mem::replace(&mut self.asked, true) {
            return Remark::AskedBefore;
        }
        let carried = self.carry_nothing(Channel::Rescue, Remark::NotAsked);
        self.draw_reference().map_or(Remark::NotAsked, |reference| said(carried, reference))
    }

    /// What mail, prompt and log have in common; `None` without random bytes.
    fn draw_reference(&self) -> Option<String> {
        let code = RecoveryCode::draw(self.world.entropy).ok()?;
        Some(code.grouped().chars().take(REFERENCE_CHARACTERS).collect())
    }

    pub(super) fn log_rescue(&self, result: &str) -> Line {
        Line::about("rescue", &self.request).with("result", result)
    }
}

fn said(carried: Carried, reference: String) -> Remark {
    match carried {
        Carried::Out => Remark::Asked { reference },
        Carried::Underway => Remark::AskOnItsWay { reference },
        Carried::Not(remark) => remark,
    }
}

/// Runs under the lock; what it finds counts only once it is durable.
fn ask(factors: &Factors, state: &mut State, now: UnixTime, config: &Config) -> (Asked, Record) {
    state.forget_the_future(now);
    if state.rescue_asked != UnixTime::default() && now.seconds_since(state.rescue_asked) < ONCE_IN_SECONDS {
        // What was in the future is now, and would be for ever unless it is written down.
        return (Asked::Before, Record::Changed);
    }
    state.rescue_asked = now;
    let is_room = state.wait_to_send(now, config.code.sends_per_hour) == 0;
    let copy = factors.mailbox().filter(|_| is_room).cloned();
    if copy.is_some() {
        state.count_message(now);
    }
    (Asked::Now(now, copy), Record::Changed)
}

const ONCE_IN_SECONDS: u64 = 3600;
/// Two groups of four, such as `k7qm-3r9x`.
const REFERENCE_CHARACTERS: usize = 9;
