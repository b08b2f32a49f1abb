//! What the report says, before it is said as a table, as JSON or as a page.

use std::collections::BTreeMap;

use serde::Serialize;
use twofactor_core::clock::UnixTime;

use super::ending::Endings;
use super::people::{People, Person};
use super::tally::{Aside, DAYS_MAX, Tally};
use super::time::{Zone, date};

/// The whole report.
#[derive(Serialize)]
pub(super) struct Summary<'t> {
    #[serde(flatten)]
    pub(super) frame: Frame,
    /// When this was, in seconds since 1970.
    pub(super) at: u64,
    /// From when on logins count, if that was asked for.
    pub(super) since: Option<u64>,
    /// The first and the last login.
    pub(super) first: Option<u64>,
    pub(super) last: Option<u64>,
    /// Everybody.
    pub(super) everybody: Row<'t>,
    /// How many of the logins mode `monitor` let in whatever they proved.
    pub(super) monitored: u64,
    /// How many people have logged in.
    pub(super) seen: u64,
    pub(super) aside: &'t Aside,
    /// Enrolments of nobody who has an account.
    pub(super) enrolled_without_account: usize,
    pub(super) groups: Vec<Row<'t>>,
    pub(super) services: Vec<Row<'t>>,
    pub(super) days: Vec<Day>,
    /// Most often refused first.
    pub(super) would_be_refused: Vec<Refused<'t>>,
    /// All of them, whether they have logged in or not.
    pub(super) not_enrolled: Vec<&'t str>,
    /// How many of these have not logged in.
    #[serde(skip)]
    pub(super) not_enrolled_unseen: Vec<&'t str>,
}

/// What is not counted.
#[derive(Serialize)]
pub(super) struct Frame {
    pub(super) host: String,
    /// The mode of today's settings.
    pub(super) mode: &'static str,
    /// Where the log was read.
    pub(super) sources: Vec<String>,
    /// In which times are written for people.
    #[serde(skip)]
    pub(super) zone: Zone,
}

/// A group, a service, or everybody.
#[derive(Serialize)]
pub(super) struct Row<'t> {
    pub(super) name: &'t str,
    pub(super) people: u64,
    pub(super) enrolled: u64,
    /// Whom `required` would have refused at least once.
    pub(super) people_refused: u64,
    pub(super) logins: Endings,
}

/// One day here.
#[derive(Serialize)]
pub(super) struct Day {
    pub(super) day: String,
    pub(super) logins: Endings,
}

/// Somebody whom `required` would have refused at least once.
#[derive(Serialize)]
pub(super) struct Refused<'t> {
    pub(super) user: &'t str,
    pub(super) enrolled: bool,
    /// By which it would have been.
    pub(super) services: Vec<&'t str>,
    pub(super) last: Option<u64>,
    pub(super) logins: Endings,
}

impl<'t> Summary<'t> {
    pub(super) fn of(tally: &'t Tally, frame: Frame) -> Self {
        let people = &tally.people;
        let mut everybody = Row::new("everybody");
        let mut refused = Vec::new();
        let (mut not_enrolled, mut not_enrolled_unseen, mut seen) = (Vec::new(), Vec::new(), 0);
        for person in people.each() {
            everybody.include(person, person.would_be_refused());
            seen += u64::from(person.has_been_seen());
            if person.would_be_refused() {
                refused.push(Refused::of(person, tally));
            }
            if !person.enrolled {
                not_enrolled.push(person.name.as_str());
                if !person.has_been_seen() {
                    not_enrolled_unseen.push(person.name.as_str());
                }
            }
        }
        everybody.logins = tally.endings;
        refused.sort_by(|a, b| b.logins.refused().cmp(&a.logins.refused()).then_with(|| a.user.cmp(b.user)));
        not_enrolled.sort_unstable();
        not_enrolled_unseen.sort_unstable();
        let seconds = |time: UnixTime| time.0;
        Self {
            at: tally.now.0,
            since: tally.since.map(seconds),
            first: tally.first.map(seconds),
            last: tally.last.map(seconds),
            everybody,
            monitored: tally.monitored,
            seen,
            aside: &tally.aside,
            enrolled_without_account: people.without_account,
            groups: groups(people),
            services: services(tally),
            days: days(tally, frame.zone),
            would_be_refused: refused,
            not_enrolled,
            not_enrolled_unseen,
            frame,
        }
    }
}

impl<'t> Row<'t> {
    fn new(name: &'t str) -> Self {
        Self { name, people: 0, enrolled: 0, people_refused: 0, logins: Endings::default() }
    }

    fn include(&mut self, person: &Person, would_be_refused: bool) {
        self.people += 1;
        self.enrolled += u64::from(person.enrolled);
        self.people_refused += u64::from(would_be_refused);
    }
}

impl<'t> Refused<'t> {
    fn of(person: &'t Person, tally: &'t Tally) -> Self {
        let services = tally.services.each().filter(|(bit, ..)| person.services_refused & bit != 0);
        Self {
            user: &person.name,
            enrolled: person.enrolled,
            services: services.map(|(_, name, _)| name).collect(),
            last: person.last_refused.map(|time| time.0),
            logins: person.endings,
        }
    }
}

/// The groups that say more than a name: the one that each user has alone is left out, unless it was asked for.
fn groups(people: &People) -> Vec<Row<'_>> {
    let mut rows = BTreeMap::new();
    for person in people.each() {
        for place in person.groups.iter().filter(|place| people.wants(**place)) {
            let Some(group) = people.groups.get(*place) else { continue };
            let (row, private) = rows.entry(*place).or_insert_with(|| (Row::new(group), true));
            row.include(person, person.would_be_refused());
            row.logins.include(&person.endings);
            *private &= person.name == *group;
        }
    }
    let narrowed = people.is_narrowed();
    let mut rows: Vec<_> = rows.into_values().filter(|(_, private)| narrowed || !private).map(|(row, _)| row).collect();
    rows.sort_by(|a, b| b.people.cmp(&a.people).then_with(|| a.name.cmp(b.name)));
    rows
}

fn services(tally: &Tally) -> Vec<Row<'_>> {
    let mut rows: Vec<_> = tally
        .services
        .each()
        .map(|(bit, name, endings)| {
            let mut row = Row::new(name);
            for person in tally.people.each().filter(|person| person.services & bit != 0) {
                row.include(person, person.services_refused & bit != 0);
            }
            row.logins = *endings;
            row
        })
        .collect();
    rows.sort_by(|a, b| b.logins.total().cmp(&a.logins.total()).then_with(|| a.name.cmp(b.name)));
    rows
}

/// Every day from the first one that has a login to today, those without included.
fn days(tally: &Tally, zone: Zone) -> Vec<Day> {
    let today = zone.day(tally.now);
    let first = tally.days.keys().next().copied().unwrap_or(today + 1).max(today - DAYS_MAX);
    // The clocks of other hosts may be ahead.
    let last = tally.days.keys().next_back().copied().unwrap_or(today).max(today);
    (first..=last)
        .map(|day| Day { day: date(day), logins: tally.days.get(&day).copied().unwrap_or_default() })
        .collect()
}
