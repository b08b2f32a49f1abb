//! Counting. What is kept grows with the people there are, never with the log.

use std::collections::BTreeMap;

use twofactor_core::clock::UnixTime;

use super::ending::{Ending, Endings};
use super::line::{End, Line, Login};
use super::people::People;
use super::source::Raw;
use super::time::{Calendar, Zone};
use crate::failure::Failure;

/// All that was counted.
pub(super) struct Tally {
    pub(super) people: People,
    pub(super) services: Services,
    /// By the number of the day since 1970, for a year.
    pub(super) days: BTreeMap<i64, Endings>,
    pub(super) endings: Endings,
    /// How many of these logins mode `monitor` let in whatever they proved.
    pub(super) monitored: u64,
    pub(super) aside: Aside,
    /// Why the first of the names that could not be looked up could not.
    pub(super) unanswered: Option<Failure>,
    pub(super) since: Option<UnixTime>,
    pub(super) now: UnixTime,
    pub(super) first: Option<UnixTime>,
    pub(super) last: Option<UnixTime>,
    zone: Zone,
    calendar: Calendar,
}

/// What is told beside the logins of people who exist.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Aside {
    /// Logins of names that nobody has.
    pub(super) unknown_user: u64,
    /// Logins of people whom the host refuses whatever they prove.
    pub(super) refused_by_host: u64,
    /// Logins without a name.
    pub(super) nameless: u64,
    /// Logins that failed because of the settings.
    pub(super) misconfigured: u64,
    /// Logins, counted all the same, of which it is not known when they were.
    pub(super) without_time: u64,
    /// Lines that begin like ours and go on otherwise.
    pub(super) unreadable_lines: u64,
    /// Lines that are longer than any of ours.
    pub(super) too_long_lines: u64,
}

impl Tally {
    pub(super) fn new(people: People, since: Option<UnixTime>, now: UnixTime, zone: Zone) -> Self {
        Self {
            people,
            services: Services::default(),
            days: BTreeMap::new(),
            endings: Endings::default(),
            monitored: 0,
            aside: Aside::default(),
            unanswered: None,
            since,
            now,
            first: None,
            last: None,
            zone,
            calendar: Calendar::new(now, zone),
        }
    }

    /// Counts one line.
    pub(super) fn take(&mut self, line: Raw<'_>) {
        match line {
            Raw::TooLong => self.aside.too_long_lines += 1,
            Raw::Whole(line) => match Line::read(line, &self.calendar) {
                Line::Other => {}
                Line::Unreadable => self.aside.unreadable_lines += 1,
                Line::Login(login) => self.count(&login),
            },
        }
    }

    fn count(&mut self, login: &Login) {
        if login.at < self.since && login.at.is_some() {
            return;
        }
        let aside = match login.end {
            End::Somebody(ending) => match self.people.find(&login.user) {
                Ok(Some(place)) => return self.count_of(place, ending, login),
                // Deleted since.
                Ok(None) => &mut self.aside.unknown_user,
                Err(failure) => {
                    self.unanswered.get_or_insert(failure);
                    &mut self.aside.unknown_user
                }
            },
            End::UnknownUser => &mut self.aside.unknown_user,
            End::RefusedByHost => &mut self.aside.refused_by_host,
            End::Nameless => &mut self.aside.nameless,
            End::Misconfigured => &mut self.aside.misconfigured,
        };
        *aside = aside.saturating_add(login.times);
    }

    fn count_of(&mut self, place: usize, ending: Ending, login: &Login) {
        if self.people.leaves_out(place) {
            return;
        }
        let service = self.services.add(&login.service, ending, login.times);
        if let Some(person) = self.people.at(place) {
            person.endings.add(ending, login.times);
            person.services |= service;
            if ending.is_refused() {
                person.services_refused |= service;
                person.last_refused = person.last_refused.max(login.at);
            }
        }
        self.endings.add(ending, login.times);
        if login.monitored {
            self.monitored = self.monitored.saturating_add(login.times);
        }
        let Some(at) = login.at else {
            self.aside.without_time = self.aside.without_time.saturating_add(login.times);
            return;
        };
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = self.last.max(Some(at));
        let day = self.zone.day(at);
        if self.zone.day(self.now).saturating_sub(day) < DAYS_MAX {
            self.days.entry(day).or_default().add(ending, login.times);
        }
    }
}

/// The services by which people came, in the order in which the log names them. So many, and the rest together: a log
/// can be made to name any number.
#[derive(Debug, Default)]
pub(super) struct Services(Vec<(String, Endings)>);

impl Services {
    /// The bit of a service in [`super::people::Person::services`].
    fn add(&mut self, name: &str, ending: Ending, times: u64) -> u64 {
        let known = self.0.iter().position(|(known, _)| known == name);
        let place = known.unwrap_or_else(|| {
            let name = if self.0.len() < SERVICES_MAX { name } else { OTHER_SERVICES };
            if self.0.len() <= SERVICES_MAX {
                self.0.push((name.to_owned(), Endings::default()));
            }
            self.0.len() - 1
        });
        if let Some((_, endings)) = self.0.get_mut(place) {
            endings.add(ending, times);
        }
        1 << place
    }

    /// Bit, name and endings of each.
    pub(super) fn each(&self) -> impl Iterator<Item = (u64, &str, &Endings)> {
        self.0.iter().enumerate().map(|(place, (name, endings))| (1 << place, name.as_str(), endings))
    }
}

/// One less than a word of 64 bits has room for: the last bit is for the rest.
const SERVICES_MAX: usize = 63;
const OTHER_SERVICES: &str = "(other services)";
/// A year of days is charted.
pub(super) const DAYS_MAX: i64 = 366;

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(since: Option<u64>) -> Tally {
        let mut people = People::default();
        people.settle("alice", true);
        people.settle("bob", false);
        Tally::new(people, since.map(UnixTime), UnixTime(NOON), Zone::utc())
    }

    fn take(tally: &mut Tally, time: &str, rest: &str) {
        let line = format!("{time} host sshd[1]: pam_twofactor(sshd:auth): event=login {rest}");
        tally.take(Raw::Whole(line.as_bytes()));
    }

    #[test]
    fn logins_are_counted_by_person_service_and_day() {
        let mut tally = tally(None);
        take(&mut tally, "Nov 25 08:00:00", "user=alice service=sshd outcome=proved reason=code-accepted mode=monitor");
        take(&mut tally, "Nov 26 08:00:00", "user=alice service=sudo outcome=refused reason=wrong-code mode=monitor");
        take(&mut tally, "Nov 26 09:00:00", "user=bob service=sshd outcome=not-due reason=not-enrolled mode=monitor");
        take(&mut tally, "Nov 26 09:00:00", "user=bob service=cron outcome=not-due reason=policy-off");
        assert_eq!((tally.endings.total(), tally.endings.refused(), tally.monitored), (4, 2, 3));
        let services: Vec<_> = tally.services.each().map(|(bit, name, endings)| (bit, name, endings.total())).collect();
        assert_eq!(services, [(1, "sshd", 2), (2, "sudo", 1), (4, "cron", 1)]);
        let [alice, bob] = ["alice", "bob"].map(|name| {
            let place = tally.people.find(name).unwrap().unwrap();
            let person = tally.people.at(place).unwrap();
            (person.services, person.services_refused, person.last_refused)
        });
        assert_eq!(alice, (3, 2, Some(UnixTime(NOON - 4 * 3600))));
        assert_eq!(bob, (5, 1, Some(UnixTime(NOON - 3 * 3600))));
        assert_eq!(tally.days.values().map(Endings::total).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn who_does_not_exist_is_counted_and_not_kept() {
        let mut tally = tally(None);
        for number in 0..100 {
            take(&mut tally, "", &format!("user=mallory{number} outcome=refused reason=unknown-user mode=monitor"));
            take(&mut tally, "", &format!("user=ghost{number} outcome=proved reason=code-accepted"));
        }
        take(&mut tally, "", "user=alice outcome=refused reason=host-refuses");
        take(&mut tally, "", "outcome=refused reason=no-user-name");
        take(&mut tally, "", "outcome=misconfigured error=\"no such file\"");
        take(&mut tally, "", "user=alice outcome=dancing");
        tally.take(Raw::TooLong);
        let aside = Aside {
            unknown_user: 200,
            refused_by_host: 1,
            nameless: 1,
            misconfigured: 1,
            unreadable_lines: 1,
            too_long_lines: 1,
            ..Aside::default()
        };
        assert_eq!((tally.aside, tally.endings.total()), (aside, 0));
    }

    #[test]
    fn a_login_whose_time_cannot_be_read_counts_and_one_before_the_time_does_not() {
        let mut tally = tally(Some(NOON - 86_400));
        for time in ["Nov 25 11:59:59", "Nov 25 12:00:00", "at noon"] {
            take(&mut tally, time, "user=alice service=sshd outcome=proved reason=code-accepted");
        }
        assert_eq!((tally.endings.total(), tally.aside.without_time), (2, 1));
        assert_eq!(tally.days.values().map(Endings::total).sum::<u64>(), 1);
    }

    #[test]
    fn a_log_that_names_any_number_of_services_and_days_fills_no_memory() {
        let mut tally = tally(None);
        for number in 0..2000 {
            let day = super::super::time::date(10_000 + number * 5);
            let rest = format!("user=alice service=x{number} outcome=proved");
            take(&mut tally, &format!("{day}T08:00:00Z"), &rest);
        }
        assert_eq!(tally.endings.total(), 2000);
        let services: Vec<_> = tally.services.each().collect();
        let (bit, name, endings) = services.last().unwrap();
        assert_eq!((services.len(), *bit, *name, endings.total()), (64, 1 << 63, OTHER_SERVICES, 2000 - 63));
        assert!(tally.days.len() <= 366, "{}", tally.days.len());
    }

    const NOON: u64 = 1_795_694_400;
}
