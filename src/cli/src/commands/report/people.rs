//! Who there is: the user database, the groups, and who is enrolled.

use std::collections::{HashMap, HashSet};
use std::ffi::CString;
use std::fs;
use std::io::{self, BufRead, Read};
use std::ops::RangeInclusive;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, User, getgrouplist};
use twofactor_core::account::{Account, UserName};
use twofactor_core::clock::UnixTime;

use super::ending::Endings;
use super::program::Program;
use crate::failure::Failure;

/// One person, or one account of the system.
#[derive(Debug, Default)]
pub(in crate::commands) struct Person {
    pub(in crate::commands) name: String,
    uid: u32,
    pub(in crate::commands) enrolled: bool,
    /// Root, or with a uid of people, and with a shell.
    may_log_in: bool,
    /// Places in [`People::groups`].
    pub(super) groups: Vec<usize>,
    /// How their logins ended.
    pub(super) endings: Endings,
    /// By which services they came, as bits of [`super::tally::Services`].
    pub(super) services: u64,
    /// By which of them `required` would refuse them.
    pub(super) services_refused: u64,
    /// When `required` would have refused them last.
    pub(super) last_refused: Option<UnixTime>,
}

impl Person {
    /// Whether they are one of those that the report is about.
    pub(super) fn counts(&self) -> bool {
        self.may_log_in || self.enrolled || self.has_been_seen()
    }

    /// Whether they have a shell and the uid of a person, or are root.
    pub(in crate::commands) fn may_log_in(&self) -> bool {
        self.may_log_in
    }

    pub(super) fn has_been_seen(&self) -> bool {
        self.endings.total() > 0
    }

    pub(super) fn would_be_refused(&self) -> bool {
        self.endings.refused() > 0
    }
}

/// Everybody.
#[derive(Debug, Default)]
pub(in crate::commands) struct People {
    persons: Vec<Person>,
    by_name: HashMap<String, usize>,
    /// Their names.
    pub(super) groups: Vec<String>,
    group_by_gid: HashMap<u32, usize>,
    /// Login names that the database does not list under that name: who is meant, if anybody.
    asked: HashMap<String, Option<usize>>,
    /// If only some groups are reported.
    only: Option<HashSet<usize>>,
    /// Enrolments of nobody who has an account.
    pub(super) without_account: usize,
    may_be_people: UidRange,
}

impl People {
    /// All whom getent(1) lists, and of the others those who are enrolled. A directory that is not listed (`enumerate =
    /// false` in sssd.conf) shows its people once they log in.
    pub(in crate::commands) fn gathered(enrolled: &[UserName]) -> Result<Self, Failure> {
        let mut people = Self { may_be_people: UidRange::of_this_system(), ..Self::default() };
        let mut primary = Vec::new();
        each_entry("passwd", |fields| people.list(fields, &mut primary))?;
        each_entry("group", |fields| people.list_group(fields))?;
        for (person, gid) in primary {
            if let Some(group) = people.group_by_gid.get(&gid).copied() {
                people.join(person, group);
            }
        }
        for name in enrolled {
            match people.find(name.as_str())?.and_then(|place| people.persons.get_mut(place)) {
                Some(person) => person.enrolled = true,
                None => people.without_account += 1,
            }
        }
        Ok(people)
    }

    /// The account that goes by exactly this name.
    pub(in crate::commands) fn account(&self, name: &UserName) -> Option<Account> {
        let place = self.by_name.get(name.as_str())?;
        self.persons.get(*place).map(|person| Account { name: name.clone(), uid: person.uid })
    }

    /// The groups of somebody, by name.
    pub(in crate::commands) fn groups_of(&self, person: &Person) -> Vec<String> {
        person.groups.iter().filter_map(|group| self.groups.get(*group).cloned()).collect()
    }

    /// From here on only the members of these groups count, if any are named.
    pub(super) fn keep_only(&mut self, names: &[String]) -> Result<(), Failure> {
        if names.is_empty() {
            return Ok(());
        }
        let place = |name: &String| {
            let place = self.groups.iter().position(|group| group == name);
            place
                .ok_or_else(|| Failure::new(format!("there is no group {name:?}"), "see which there are: getent group"))
        };
        self.only = Some(names.iter().map(place).collect::<Result<_, _>>()?);
        Ok(())
    }

    /// Those whom the report is about.
    pub(in crate::commands) fn each(&self) -> impl Iterator<Item = &Person> {
        self.persons.iter().filter(|person| person.counts() && self.is_wanted(person))
    }

    /// All accounts, those of the system as well.
    pub(in crate::commands) fn everybody(&self) -> impl Iterator<Item = &Person> {
        self.persons.iter()
    }

    /// Takes in those of these names, and of these groups, who are not listed.
    pub(in crate::commands) fn meet<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
        groups: impl Iterator<Item = &'n str>,
    ) {
        let members = groups.filter_map(|group| Group::from_name(group).ok()?).flat_map(|group| group.mem);
        for name in names.map(str::to_owned).chain(members) {
            // Whoever cannot be looked up is nobody whom anything is known of.
            let _ = self.find(&name);
        }
    }

    /// Whether a group is one that was asked for, or any if none was.
    pub(super) fn wants(&self, group: usize) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&group))
    }

    /// Whether only some groups are reported.
    pub(super) fn is_narrowed(&self) -> bool {
        self.only.is_some()
    }

    /// Whether somebody is in none of the groups that were asked for.
    pub(super) fn leaves_out(&self, place: usize) -> bool {
        self.persons.get(place).is_none_or(|person| !self.is_wanted(person))
    }

    fn is_wanted(&self, person: &Person) -> bool {
        self.only.as_ref().is_none_or(|only| person.groups.iter().any(|group| only.contains(group)))
    }

    /// Whom a login name means. A database that does not answer is another thing than a name that nobody has, and is told
    /// of once for each name.
    pub(super) fn find(&mut self, login_name: &str) -> Result<Option<usize>, Failure> {
        let listed = self.by_name.get(login_name).or_else(|| self.asked.get(login_name)?.as_ref()).copied();
        if listed.is_some() || self.asked.contains_key(login_name) || self.asked.len() >= ASKED_MAX {
            return Ok(listed);
        }
        // What a log can be made to say is looked up only so often; who is known by then is found all the same.
        let found = self.look_up(login_name);
        if !self.by_name.contains_key(login_name) {
            self.asked.insert(login_name.to_owned(), found.unwrap_or_default());
        }
        found.map_err(|error| Failure::new(format!("look up {login_name:?}: {error}"), MEND_DATABASE))
    }

    fn look_up(&mut self, login_name: &str) -> nix::Result<Option<usize>> {
        if UserName::new(login_name).is_err() {
            return Ok(None);
        }
        User::from_name(login_name)?.map(|user| self.add(&user)).transpose()
    }

    pub(super) fn at(&mut self, place: usize) -> Option<&mut Person> {
        self.persons.get_mut(place)
    }

    /// `name:password:uid:gid:gecos:home:shell`.
    fn list(&mut self, fields: &[&str], primary: &mut Vec<(usize, u32)>) {
        let [name, _, uid, gid, _, _, shell] = fields else { return };
        let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) else { return };
        if self.by_name.contains_key(*name) || UserName::new(name).is_err() {
            return;
        }
        let place = self.place(name, uid, shell);
        primary.push((place, gid));
    }

    /// `name:password:gid:member,member`.
    fn list_group(&mut self, fields: &[&str]) {
        let [name, _, gid, members] = fields else { return };
        let Ok(gid) = gid.parse() else { return };
        let group = self.group(name, gid);
        for member in members.split(',') {
            if let Some(place) = self.by_name.get(member).copied() {
                self.join(place, group);
            }
        }
    }

    /// Somebody whom the database knows and does not list, or lists under another name.
    fn add(&mut self, user: &User) -> nix::Result<usize> {
        if let Some(place) = self.by_name.get(&user.name) {
            return Ok(*place);
        }
        let name = CString::new(user.name.as_str()).map_err(|_| Errno::EINVAL)?;
        let mut groups = Vec::new();
        for gid in getgrouplist(&name, user.gid)? {
            groups.extend(self.group_of(gid)?);
        }
        let place = self.place(&user.name, user.uid.as_raw(), &user.shell.to_string_lossy());
        for group in groups {
            self.join(place, group);
        }
        Ok(place)
    }

    fn place(&mut self, name: &str, uid: u32, shell: &str) -> usize {
        let may_log_in = self.may_be_people.contains(uid) && is_a_shell(shell);
        let place = self.persons.len();
        self.by_name.insert(name.to_owned(), place);
        self.persons.push(Person { name: name.to_owned(), uid, may_log_in, ..Person::default() });
        place
    }

    fn group_of(&mut self, gid: Gid) -> nix::Result<Option<usize>> {
        if let Some(group) = self.group_by_gid.get(&gid.as_raw()) {
            return Ok(Some(*group));
        }
        Ok(Group::from_gid(gid)?.map(|group| self.group(&group.name, gid.as_raw())))
    }

    fn group(&mut self, name: &str, gid: u32) -> usize {
        let fresh = self.groups.len();
        let place = *self.group_by_gid.entry(gid).or_insert(fresh);
        if place == fresh {
            self.groups.push(name.to_owned());
        }
        place
    }

    fn join(&mut self, person: usize, group: usize) {
        if let Some(person) = self.persons.get_mut(person)
            && !person.groups.contains(&group)
        {
            person.groups.push(group);
        }
    }
}

#[cfg(test)]
impl People {
    pub(super) fn settle(&mut self, name: &str, enrolled: bool) {
        let place = self.place(name, 0, "/bin/sh");
        self.persons[place].enrolled = enrolled;
    }
}

/// The uids of people, login.defs(5).
#[derive(Debug, Clone, Copy)]
struct UidRange {
    min: u32,
    max: u32,
}

impl Default for UidRange {
    fn default() -> Self {
        Self { min: 1000, max: 60_000 }
    }
}

impl UidRange {
    fn of_this_system() -> Self {
        Self::read(&fs::read_to_string("/etc/login.defs").unwrap_or_default())
    }

    fn read(text: &str) -> Self {
        let mut range = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match (words.next(), words.next().and_then(|number| number.parse().ok())) {
                (Some("UID_MIN"), Some(min)) => range.min = min,
                (Some("UID_MAX"), Some(max)) => range.max = max,
                _ => {}
            }
        }
        range
    }

    /// Beyond the highest uid that this system gives to people there are those of directories.
    fn contains(self, uid: u32) -> bool {
        uid == 0 || uid >= self.min && (uid <= self.max || !NO_PEOPLES_UIDS.contains(&uid))
    }
}

/// Whether somebody with this shell gets one.
pub(in crate::commands) fn is_a_shell(shell: &str) -> bool {
    !matches!(shell.rsplit('/').next(), Some("nologin" | "false"))
}

/// One line after the other of a database, as the system sees it (nsswitch.conf), split at its colons.
pub(in crate::commands) fn each_entry(database: &str, take: impl FnMut(&[&str])) -> Result<(), Failure> {
    let read = || {
        let mut program = Program::start("/usr/bin/getent", &[database])?;
        split_lines(program.output(), LISTING_MAX_BYTES, take)?;
        program.end()
    };
    read().map_err(|error: io::Error| {
        let what = format!("list the user database: getent {database}: {error}");
        Failure::new(what, MEND_DATABASE)
    })
}

/// A listing without an end would fill the memory, whether its lines have one or not; part of one is none.
fn split_lines(listing: &mut impl BufRead, max_bytes: u64, mut take: impl FnMut(&[&str])) -> io::Result<()> {
    let (mut line, mut listing) = (Vec::new(), listing.take(max_bytes));
    while listing.read_until(b'\n', &mut line)? > 0 {
        // A name that is no text has no enrolment and is in no log.
        if let Ok(text) = std::str::from_utf8(&line) {
            take(&text.trim_end_matches('\n').splitn(FIELDS_MAX + 1, ':').collect::<Vec<_>>());
        }
        line.clear();
    }
    if listing.limit() == 0 {
        return Err(io::Error::other(format!("it says more than {max_bytes} bytes")));
    }
    Ok(())
}

/// Of passwd(5), which has the most.
const FIELDS_MAX: usize = 7;
/// Two million users and more.
const LISTING_MAX_BYTES: u64 = 256 * 1024 * 1024;
const MEND_DATABASE: &str = "see to the user database (nsswitch.conf) and try again";
/// The uids that Debian and systemd keep for services, containers and nobody, <https://systemd.io/UIDS-GIDS/>.
const NO_PEOPLES_UIDS: RangeInclusive<u32> = 60_514..=65_535;
/// How many names that nobody has, or that are not as the database writes them, are looked up.
const ASKED_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn village() -> People {
        let mut people = People::default();
        let mut primary = Vec::new();
        for line in [
            "root:x:0:0:root:/root:/bin/bash",
            "daemon:x:1:1::/:/usr/sbin/nologin",
            "alice:x:1000:1000::/home/alice:/bin/bash",
            "robot:x:1001:1001::/:/bin/false",
            "nobody:x:65534:65534::/:/bin/sh",
            "alice:x:0:0:again:/:/bin/sh",
            "broken:x:one:1::/:/bin/sh",
            "short:x:1002",
        ] {
            people.list(&line.split(':').collect::<Vec<_>>(), &mut primary);
        }
        for line in ["alice:x:1000:", "wheel:x:10:alice,root,ghost", "nonsense"] {
            people.list_group(&line.split(':').collect::<Vec<_>>());
        }
        people
    }

    #[test]
    fn people_are_root_and_who_has_a_uid_and_a_shell_of_people() {
        let people = village();
        assert_eq!(people.each().map(|person| person.name.as_str()).collect::<Vec<_>>(), ["root", "alice"]);
        let wheel = people.groups.iter().position(|group| group == "wheel").unwrap();
        assert!(people.each().all(|person| person.groups.contains(&wheel)));
    }

    #[test]
    fn the_range_of_people_is_the_systems_own() {
        let range = UidRange::read("# UID_MIN 1\nUID_MIN\t\t 500\nUID_MAX 600 # old\nSYS_UID_MIN 100\nUID_MAX x\n");
        assert_eq!((range.min, range.max), (500, 600));
        assert!(range.contains(0) && range.contains(500) && !range.contains(499));
        let services = [60_514, 64_055, 65_534, 65_535];
        assert!(services.iter().all(|uid| !range.contains(*uid)));
        let wide = UidRange::read("UID_MAX 200000");
        assert!(services.iter().all(|uid| wide.contains(*uid)), "where it gives them to people, they are people's");
        // Of systemd-homed, of a directory, of sssd for Active Directory.
        assert!([60_001, 65_536, 1_234_500_500].iter().all(|uid| UidRange::default().contains(*uid)));
    }

    #[test]
    fn names_that_a_log_makes_up_are_looked_up_only_so_often() {
        let mut people = village();
        for number in 0..ASKED_MAX + 100 {
            assert_eq!(people.find(&format!("no such user {number}")).unwrap(), None);
        }
        assert_eq!(people.asked.len(), ASKED_MAX);
        assert!(people.find("alice").unwrap().is_some());
    }

    #[test]
    fn a_listing_without_an_end_is_none_whether_its_lines_have_one_or_not() {
        for endless in [&b"a:b\n"[..], b"x", b":"] {
            let mut listing = io::BufReader::new(Endless(endless));
            let mut most = 0;
            let read = split_lines(&mut listing, 10_000, |fields| most = most.max(fields.len()));
            assert_eq!(read.unwrap_err().to_string(), "it says more than 10000 bytes");
            assert!(most <= 8, "{most}");
        }
        let mut entries = Vec::new();
        let take = |fields: &[&str]| entries.push(fields.join("|"));
        split_lines(&mut &b"a:x:1:1::/:/bin/sh\n\xff:x\nb:x:2:b,c"[..], 100, take).unwrap();
        assert_eq!(entries, ["a|x|1|1||/|/bin/sh", "b|x|2|b,c"]);
    }

    /// Says the same again and again.
    struct Endless(&'static [u8]);

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let said = self.0.len().min(into.len());
            into[..said].copy_from_slice(&self.0[..said]);
            Ok(said)
        }
    }
}
