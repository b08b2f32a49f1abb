//! Where the settings of sshd are written: the lines of sshd_config(5) and of what it includes, in the order in which they
//! count, with the Match blocks they stand in. `sshd -T` says what holds and not where.

mod include;
mod pattern;

use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::rc::Rc;

use super::host::reload_sshd;
use pattern::is_like;

/// What is written.
#[derive(Debug, Default)]
pub(super) struct Written {
    lines: Vec<Setting>,
    blocks: Vec<Block>,
    files: usize,
    /// How a change comes into force.
    reload: String,
    /// What was too much to read, or could not be read: nobody knows what it says.
    pub(super) unread: Vec<String>,
}

/// One line.
#[derive(Debug)]
struct Setting {
    place: Place,
    keyword: String,
    /// The Match blocks that it stands in.
    within: Vec<usize>,
}

/// A file and the number of a line, from 1.
#[derive(Debug, Clone)]
struct Place(Rc<str>, usize);

/// A Match block: what a login must be for it.
#[derive(Debug)]
struct Block {
    place: Place,
    criteria: Vec<(String, String)>,
}

/// A login that sshd is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: String,
    groups: Vec<String>,
    /// Where it comes from and where it comes in, as criteria of one Match block and a pattern of each.
    place: Vec<(String, String)>,
}

impl Login {
    pub(super) fn new(user: &str, groups: Vec<String>) -> Self {
        Self { user: user.to_owned(), groups, place: Vec::new() }
    }

    /// As `sshd -T -C` is told of it.
    pub(super) fn connection(&self) -> String {
        let sample = |criterion: &str| {
            let (_, pattern) = self.place.iter().find(|(known, _)| known == criterion)?;
            Some(sample_of(pattern))
        };
        let (host, address) = match (sample("host"), sample("address")) {
            (None, None) => ("localhost".to_owned(), "127.0.0.1".to_owned()),
            (None, Some(address)) => ("unknown".to_owned(), address),
            // A host without a name is known by its address.
            (Some(host), None) if is_of_addresses(&host) => (host.clone(), host),
            (Some(host), address) => (host, address.unwrap_or_else(|| "192.0.2.1".to_owned())),
        };
        let local = sample("localaddress").unwrap_or_else(|| LOCAL_ADDRESS.to_owned());
        let port = sample("localport").unwrap_or_else(|| LOCAL_PORT.to_owned());
        // Which not every sshd knows.
        let domain = sample("rdomain").map(|domain| format!(",rdomain={domain}")).unwrap_or_default();
        format!("user={},host={host},addr={address},laddr={local},lport={port}{domain}", self.user)
    }

    /// The place as people are told of it; nothing if it is any.
    pub(super) fn place(&self) -> String {
        let said = self.place.iter().map(|(criterion, pattern)| match criterion.as_str() {
            "localaddress" => format!(", to {pattern}"),
            "localport" => format!(", to port {pattern}"),
            "rdomain" => format!(", in the routing domain {pattern}"),
            _ => format!(", from {pattern}"),
        });
        said.collect()
    }
}

/// A login that is in no Match block that asks who or from where: `sshd -T` alone refuses to speak if one asks for a port.
pub(super) fn nobody() -> String {
    format!("laddr={LOCAL_ADDRESS},lport={LOCAL_PORT}")
}

impl Written {
    pub(super) fn of_this_system() -> Self {
        let mut written = Self { reload: reload_sshd(), ..Self::default() };
        written.file(CONFIG, 0, &[]);
        written
    }

    fn file(&mut self, path: &str, depth: usize, within: &[usize]) {
        self.files += 1;
        let bytes = match fs::metadata(path) {
            Err(why) if why.kind() == ErrorKind::NotFound => return,
            Ok(status) if status.is_file() && status.len() < FILE_MAX_BYTES && self.files <= FILES_MAX => {
                fs::read(path)
            }
            Ok(_) => Err(ErrorKind::Unsupported.into()),
            Err(why) => Err(why),
        };
        match bytes {
            Ok(bytes) => self.text(path, &String::from_utf8_lossy(&bytes), depth, within),
            Err(_) => self.leave(path),
        }
    }

    pub(super) fn text(&mut self, path: &str, text: &str, depth: usize, outer: &[usize]) {
        let file: Rc<str> = path.into();
        // A block ends with its file.
        let mut within = outer.to_vec();
        for (number, line) in (1..).zip(text.lines()) {
            let place = Place(file.clone(), number);
            let mut words = words(line);
            let Some(keyword) = words.next() else { continue };
            if self.blocks.len() >= LINES_MAX || self.lines.len() >= LINES_MAX {
                return self.leave(&format!("{} and below", place.said()));
            }
            match keyword.to_ascii_lowercase().as_str() {
                "match" => {
                    within = outer.to_vec();
                    within.push(self.blocks.len());
                    self.blocks.push(Block::new(place, words));
                }
                "include" if depth < DEPTH_MAX => {
                    for pattern in words {
                        let (files, unread) = include::matching(&pattern);
                        unread.iter().for_each(|path| self.leave(path));
                        files.iter().for_each(|file| self.file(file, depth + 1, &within));
                    }
                }
                "include" => self.leave(&format!("the Include at {}", place.said())),
                keyword => self.lines.push(Setting { place, keyword: keyword.to_owned(), within: within.clone() }),
            }
        }
    }

    fn leave(&mut self, unread: &str) {
        if self.unread.len() < FILES_MAX && !self.unread.iter().any(|known| known == unread) {
            self.unread.push(unread.to_owned());
        }
    }

    /// Which line is to be written where, for a login or for all.
    pub(super) fn hint(&self, wanted: &str, login: Option<&Login>) -> String {
        let keyword = wanted.split(' ').next().unwrap_or_default();
        let reload = format!("then: {}", self.reload);
        let matches = |block: &usize| self.blocks.get(*block).is_some_and(|block| block.matches(login));
        let says = self.lines.iter().filter(|line| line.keyword.eq_ignore_ascii_case(keyword));
        let (global, blocked): (Vec<_>, Vec<_>) = says.partition(|line| line.within.is_empty());
        // What stands in a block that matches counts before all that stands in none, and the first before the next.
        let mut counts: Vec<_> = blocked.into_iter().filter(|line| line.within.iter().all(matches)).collect();
        if counts.is_empty()
            && login.is_some()
            && let Some(block) =
                self.lines.iter().find(|line| !line.within.is_empty() && line.within.iter().all(matches))
            && let Some(block) = block.within.last().and_then(|block| self.blocks.get(*block))
        {
            return format!("write below {}: {wanted}; {reload}", block.place.said());
        }
        counts.extend(global);
        let mut counts = counts.into_iter().map(|line| line.place.said());
        let Some(first) = counts.next() else {
            return format!("write a first line in {CONFIG}: {wanted}; {reload}");
        };
        let others = counts.next().map(|later| format!(" (it wins over {later})"));
        format!("write {first} so: {wanted}; {reload}{}", others.unwrap_or_default())
    }

    /// The logins for which sshd may be set up in another way than for all: one for each kind of person that the Match
    /// blocks tell from others, with the names of those who are of it.
    pub(super) fn logins(&self, people: impl Iterator<Item = Login>) -> Vec<(Login, Vec<String>)> {
        let criteria = || self.blocks.iter().flat_map(|block| &block.criteria);
        let mut kinds: Vec<(Vec<bool>, Login, Vec<String>)> = Vec::new();
        for person in people.filter(|_| !self.blocks.is_empty()) {
            let told = criteria().flat_map(|(criterion, patterns)| {
                let patterns = patterns.split(',').map(|pattern| pattern.trim_start_matches('!'));
                patterns.map(|pattern| person.is(criterion, pattern))
            });
            let told: Vec<_> = told.collect();
            if let Some((_, _, names)) = kinds.iter_mut().find(|(known, ..)| *known == told) {
                names.push(person.user);
            } else if kinds.len() < KINDS_MAX {
                kinds.push((told, person.clone(), vec![person.user]));
            }
        }
        let mut places = vec![Vec::new()];
        for place in self.blocks.iter().flat_map(Block::places) {
            if places.len() <= KINDS_MAX && !places.contains(&place) {
                places.push(place);
            }
        }
        let logins = places.into_iter().flat_map(|place| {
            kinds.iter().map(move |(_, login, names)| (Login { place: place.clone(), ..login.clone() }, names.clone()))
        });
        logins.take(KINDS_MAX).collect()
    }
}

impl Place {
    fn said(&self) -> String {
        format!("{}:{}", self.0, self.1)
    }
}

impl Block {
    fn new(place: Place, mut words: impl Iterator<Item = String>) -> Self {
        let mut criteria = Vec::new();
        while let Some(criterion) = words.next() {
            let criterion = criterion.to_ascii_lowercase();
            let alone = matches!(criterion.as_str(), "all" | "invalid-user");
            let patterns = if alone { String::new() } else { words.next().unwrap_or_default() };
            criteria.push((criterion, patterns));
        }
        Self { place, criteria }
    }

    /// The places it is for: each of its patterns of one criterion with each of the others.
    fn places(&self) -> Vec<Vec<(String, String)>> {
        let mut places = vec![Vec::new()];
        for (criterion, patterns) in self.criteria.iter().filter(|(criterion, _)| is_of_places(criterion)) {
            let patterns = || patterns.split(',').filter(|pattern| !pattern.starts_with('!'));
            let with = |place: &Vec<_>| {
                let place = place.clone();
                patterns().map(move |pattern| [&place[..], &[(criterion.clone(), pattern.to_owned())]].concat())
            };
            places = places.iter().flat_map(with).take(KINDS_MAX).collect();
        }
        places
    }

    /// Whether it is for a login, or for all.
    fn matches(&self, login: Option<&Login>) -> bool {
        self.criteria.iter().all(|(criterion, patterns)| {
            criterion == "all"
                || login.is_some_and(|login| {
                    let is = |pattern: &str| login.is(criterion, pattern);
                    let mut listed = patterns.split(',');
                    let refused = listed.clone().filter_map(|pattern| pattern.strip_prefix('!')).any(is);
                    !refused && listed.any(is)
                })
        })
    }
}

impl Login {
    fn is(&self, criterion: &str, pattern: &str) -> bool {
        match criterion {
            "user" => is_like(&self.user, pattern),
            "group" => self.groups.iter().any(|group| is_like(group, pattern)),
            _ => self.place.iter().any(|(known, of)| known == criterion && of == pattern),
        }
    }
}

/// What is of a pattern; of one of addresses, a whole address.
fn sample_of(pattern: &str) -> String {
    let pattern = pattern.split('/').next().unwrap_or_default().replace('?', "1");
    let filled = |filling: &str| pattern.replace('*', filling);
    let whole = ["1", "1.1", "1.1.1", "1::1"].map(filled).into_iter().find(|sample| sample.parse::<IpAddr>().is_ok());
    whole.unwrap_or_else(|| filled("1"))
}

fn is_of_places(criterion: &str) -> bool {
    matches!(criterion, "address" | "host" | "localaddress" | "localport" | "rdomain")
}

fn is_of_addresses(pattern: &str) -> bool {
    pattern.contains(':') || !pattern.contains(|c: char| c.is_ascii_alphabetic())
}

/// The words of a line up to a comment, without quotation marks.
fn words(line: &str) -> impl Iterator<Item = String> {
    let words = line.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
    words.take_while(|word| !word.starts_with('#')).map(|word| word.trim_matches('"').to_owned())
}

const CONFIG: &str = "/etc/ssh/sshd_config";
/// For how many logins sshd is asked; each costs some ten milliseconds.
pub(super) const KINDS_MAX: usize = 100;
const LINES_MAX: usize = 4096;
const FILE_MAX_BYTES: u64 = 1024 * 1024;
const FILES_MAX: usize = 1024;
const DEPTH_MAX: usize = 16;
/// Where a login comes in if no block asks: an address for documentation (RFC 5737), and a port that no server has.
const LOCAL_ADDRESS: &str = "192.0.2.2";
const LOCAL_PORT: &str = "65535";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(texts: &[(&str, &str)]) -> Written {
        let mut written = Written { reload: "systemctl reload ssh".to_owned(), ..Written::default() };
        for (path, text) in texts {
            written.text(path, text, 0, &[]);
        }
        written
    }

    fn person(name: &str, groups: &[&str]) -> Login {
        Login::new(name, groups.iter().map(|group| (*group).to_owned()).collect())
    }

    #[test]
    fn the_line_that_counts_is_the_first_one_outside_a_match_block() {
        let written =
            written(&[("/a", "# UsePAM no\n usepam = no\nMatch User x\nUseDNS no\n"), ("/b", "UsePAM yes\n")]);
        assert_eq!(
            written.hint("UsePAM yes", None),
            "write /a:2 so: UsePAM yes; then: systemctl reload ssh (it wins over /b:1)"
        );
        let other = "write a first line in /etc/ssh/sshd_config: UseDNS no; then: systemctl reload ssh";
        assert_eq!(written.hint("UseDNS no", None), other);
    }

    #[test]
    fn for_one_person_the_line_in_a_block_that_is_for_them_counts() {
        let text = "UseDNS no\nMatch Group wheel,!staff\nX11Forwarding no\nMatch User a*,!alf\nUseDNS yes\nMatch all\nBanner x\n";
        let written = written(&[("/a", text)]);
        let place = |person: &Login, wanted: &str| {
            let hint = written.hint(wanted, Some(person));
            hint.split("; ").next().unwrap().to_owned()
        };
        assert_eq!(place(&person("alice", &[]), "UseDNS no"), "write /a:5 so: UseDNS no");
        assert_eq!(place(&person("bob", &["wheel"]), "UseDNS no"), "write below /a:2: UseDNS no");
        assert_eq!(place(&person("alf", &["wheel", "staff"]), "UseDNS no"), "write below /a:6: UseDNS no");
        assert!(written.hint("Banner y", None).starts_with("write /a:7 so: "));
    }

    #[test]
    fn people_whom_no_block_tells_from_each_other_are_asked_for_once() {
        let text = "Match User root,b*\nMatch Group wheel Address 10.0.0.0/8,!10.0.0.1\nMatch Host *.example.org\n";
        let people = || ["root", "alice", "bob", "ben", "carol"].iter().map(|name| person(name, &[]));
        let logins = written(&[("/a", text)]).logins(people());
        let said: Vec<_> = logins.iter().map(|(login, names)| format!("{} {names:?}", login.connection())).collect();
        assert_eq!(said.len(), 9);
        let here = "laddr=192.0.2.2,lport=65535";
        assert_eq!(said[1], format!("user=alice,host=localhost,addr=127.0.0.1,{here} [\"alice\", \"carol\"]"));
        assert_eq!(said[5], format!("user=bob,host=unknown,addr=10.0.0.0,{here} [\"bob\", \"ben\"]"));
        assert_eq!(said[6], format!("user=root,host=1.example.org,addr=192.0.2.1,{here} [\"root\"]"));
        assert!(written(&[("/a", "UsePAM yes\n")]).logins(people()).is_empty());
    }

    #[test]
    fn a_block_is_asked_for_with_all_its_criteria_at_once() {
        let text = "Match LocalPort 2222,2223 LocalAddress ::1 Address 10.0.0.0/8\nMatch RDomain blue\n";
        let logins = written(&[("/a", text)]).logins([person("alice", &[])].into_iter());
        let said: Vec<_> = logins.iter().map(|(login, _)| login.connection()).collect();
        assert_eq!(said.len(), 4);
        assert_eq!(said[2], "user=alice,host=unknown,addr=10.0.0.0,laddr=::1,lport=2223");
        assert_eq!(said[3], "user=alice,host=localhost,addr=127.0.0.1,laddr=192.0.2.2,lport=65535,rdomain=blue");
        assert_eq!(logins[2].0.place(), ", to port 2223, to ::1, from 10.0.0.0/8");
    }

    #[test]
    fn a_sample_is_of_its_pattern() {
        for (pattern, sample) in [
            ("10.0.0.0/8", "10.0.0.0"),
            ("10.*", "10.1.1.1"),
            ("10.0.0.?", "10.0.0.1"),
            ("2001:db8:*", "2001:db8:1::1"),
            ("*.example.org", "1.example.org"),
            ("2222", "2222"),
        ] {
            assert_eq!(sample_of(pattern), sample);
        }
    }

    #[test]
    fn what_is_not_read_is_known() {
        assert!(written(&[("/a", "UsePAM yes\nInclude /none\n")]).unread.is_empty());
        assert_eq!(written(&[("/a", &"Banner x\n".repeat(LINES_MAX + 2))]).unread, ["/a:4097 and below"]);
        assert_eq!(written(&[("/a", "Include /proc/self\n")]).unread, ["/proc/self"]);
    }

    proptest! {
        #[test]
        fn no_text_does_any_harm(text: String, words in "(Match|User|all|Address|UsePAM|[ ,*!=\n\"#a-c/])*") {
            for text in [text, words] {
                let written = written(&[("/a", &text)]);
                for (login, _) in written.logins([person("abc", &["a"])].into_iter()) {
                    written.hint("UsePAM yes", Some(&login));
                }
            }
        }
    }
}
