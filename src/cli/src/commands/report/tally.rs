//! What the log and the records come to: people, services and groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::log::Decision;

/// What became of logins.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    /// All of them.
    pub(super) logins: u64,
    /// By a second factor.
    pub(super) proved: u64,
    /// Let in though not enrolled, which "required" would not do.
    pub(super) unenrolled: u64,
    /// Refused, or in mode "monitor" let in all the same.
    pub(super) refused: u64,
    /// Asked for nothing: mode "off", or remembered.
    pub(super) not_due: u64,
}

/// Somebody who can log in.
#[derive(Debug, Serialize)]
pub(super) struct Person {
    pub(super) user: String,
    pub(super) enrolled: bool,
    pub(super) groups: Vec<String>,
    #[serde(flatten)]
    pub(super) counts: Counts,
    /// Why not, and how often.
    pub(super) reasons: BTreeMap<String, u64>,
}

/// One PAM service.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    pub(super) service: String,
    pub(super) people: usize,
    #[serde(flatten)]
    pub(super) counts: Counts,
}

/// One group, as far as people are in it.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    pub(super) group: String,
    pub(super) people: usize,
    pub(super) enrolled: usize,
    /// How many of them "required" would keep out, as the log has it.
    pub(super) refused: usize,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Tally {
    pub(super) people: usize,
    pub(super) enrolled: usize,
    /// Logins of names that nobody has.
    pub(super) unknown_users: u64,
    pub(super) services: Vec<Service>,
    pub(super) groups: Vec<Group>,
    pub(super) users: Vec<Person>,
}

impl Counts {
    fn add(&mut self, decision: &Decision) {
        self.logins += 1;
        match (decision.outcome.as_str(), decision.reason.as_str()) {
            ("proved", _) => self.proved += 1,
            ("not-due", "not-enrolled") => self.unenrolled += 1,
            ("not-due", _) => self.not_due += 1,
            _ => self.refused += 1,
        }
    }

    /// How many of the logins "required" would not let through.
    pub(super) fn would_be_refused(&self) -> u64 {
        self.refused + self.unenrolled
    }
}

impl Person {
    pub(super) fn new(user: String, enrolled: bool, groups: Vec<String>) -> Self {
        Self { user, enrolled, groups, counts: Counts::default(), reasons: BTreeMap::new() }
    }
}

/// Counts as the log is read.
#[derive(Default)]
pub(super) struct Counting {
    people: BTreeMap<String, Person>,
    services: BTreeMap<String, (BTreeSet<String>, Counts)>,
    unknown_users: u64,
}

impl Counting {
    /// Knows somebody.
    pub(super) fn meet(&mut self, person: Person) {
        self.people.insert(person.user.clone(), person);
    }

    pub(super) fn knows(&self, user: &str) -> bool {
        self.people.contains_key(user)
    }

    /// Takes a login down; of somebody whom nobody knows, that there was one.
    pub(super) fn add(&mut self, decision: &Decision) {
        let Some(person) = self.people.get_mut(&decision.user) else {
            self.unknown_users += 1;
            return;
        };
        person.counts.add(decision);
        if !matches!(decision.outcome.as_str(), "proved")
            && decision.reason != "policy-off"
            && decision.reason != "remembered"
        {
            *person.reasons.entry(decision.reason.clone()).or_default() += 1;
        }
        let (people, counts) = self.services.entry(decision.service.clone()).or_default();
        people.insert(decision.user.clone());
        counts.add(decision);
    }

    pub(super) fn finish(self) -> Tally {
        let users: Vec<_> = self.people.into_values().collect();
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        for person in &users {
            for name in &person.groups {
                let group = groups.entry(name).or_insert_with(|| Group {
                    group: name.clone(),
                    people: 0,
                    enrolled: 0,
                    refused: 0,
                });
                group.people += 1;
                group.enrolled += usize::from(person.enrolled);
                group.refused += usize::from(person.counts.would_be_refused() > 0);
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by(|one, other| other.people.cmp(&one.people).then(one.group.cmp(&other.group)));
        let service = |(service, (people, counts)): (String, (BTreeSet<String>, Counts))| Service {
            service,
            people: people.len(),
            counts,
        };
        Tally {
            people: users.len(),
            enrolled: users.iter().filter(|person| person.enrolled).count(),
            unknown_users: self.unknown_users,
            services: self.services.into_iter().map(service).collect(),
            groups,
            users,
        }
    }
}

impl Tally {
    /// Those whom "required" would have kept out, as the log has it.
    pub(super) fn would_be_refused(&self) -> impl Iterator<Item = &Person> {
        self.users.iter().filter(|person| person.counts.would_be_refused() > 0)
    }

    /// Those who have no second factor.
    pub(super) fn not_enrolled(&self) -> impl Iterator<Item = &Person> {
        self.users.iter().filter(|person| !person.enrolled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(user: &str, service: &str, outcome: &str, reason: &str) -> Decision {
        let [user, service, outcome, reason] = [user, service, outcome, reason].map(str::to_owned);
        Decision { user, service, outcome, reason }
    }

    #[test]
    fn logins_are_counted_by_person_service_and_group() {
        let mut counting = Counting::default();
        counting.meet(Person::new("alice".to_owned(), true, vec!["staff".to_owned(), "admins".to_owned()]));
        counting.meet(Person::new("bob".to_owned(), false, vec!["staff".to_owned()]));
        for (user, service, outcome, reason) in [
            ("alice", "sshd", "proved", "code-accepted"),
            ("alice", "sudo", "refused", "wrong-code"),
            ("alice", "sudo", "not-due", "remembered"),
            ("bob", "sshd", "not-due", "not-enrolled"),
            ("mallory", "sshd", "refused", "unknown-user"),
        ] {
            counting.add(&decision(user, service, outcome, reason));
        }
        let tally = counting.finish();
        assert_eq!((tally.people, tally.enrolled, tally.unknown_users), (2, 1, 1));
        let refused: Vec<_> = tally.would_be_refused().map(|person| person.user.as_str()).collect();
        assert_eq!(refused, ["alice", "bob"]);
        assert_eq!(tally.not_enrolled().count(), 1);
        let staff = &tally.groups[0];
        assert_eq!((staff.group.as_str(), staff.people, staff.enrolled, staff.refused), ("staff", 2, 1, 2));
        let sshd = &tally.services[0];
        assert_eq!((sshd.people, sshd.counts.logins, sshd.counts.proved, sshd.counts.unenrolled), (2, 2, 1, 1));
        assert_eq!(tally.users[0].reasons, BTreeMap::from([("wrong-code".to_owned(), 1)]));
    }
}
