//! Where the settings of sshd are written: the lines of sshd_config(5) and of what it includes, in the order in which they
//! count, with the Match blocks they stand in. `sshd -T` says what holds and not where.

mod include;
mod login;
mod pattern;
mod places;

use std::fs;
use std::io::ErrorKind;
use std::rc::Rc;

use super::host::reload_sshd;
pub(super) use login::{Login, nobody};
use places::{Criterion, is_of_places};

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
    criteria: Vec<Criterion>,
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

    /// Whom and which groups the Match blocks name, without those that are patterns.
    pub(super) fn named(&self, criterion: &str) -> impl Iterator<Item = &str> {
        let criteria = self.blocks.iter().flat_map(|block| &block.criteria);
        let patterns =
            criteria.filter(move |(known, _)| known == criterion).flat_map(|(_, patterns)| patterns.split(','));
        patterns.filter(|pattern| !pattern.contains(['*', '?', '!']))
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
    /// blocks tell from others, with the names of those who are of it, at each place. And the first one that is too many.
    /// Of other accounts only those count that are like nobody of the people.
    pub(super) fn logins(
        &self,
        people: impl Iterator<Item = Login>,
        others: impl Iterator<Item = Login>,
    ) -> (Vec<(Login, Vec<String>)>, Option<Login>) {
        let criteria = || self.blocks.iter().flat_map(|block| &block.criteria);
        let mut kinds: Vec<(Vec<bool>, Login, Vec<String>)> = Vec::new();
        let mut of_people = 0;
        let all = people.map(|person| (person, true)).chain(others.map(|other| (other, false)));
        for (person, is_person) in all.filter(|_| !self.blocks.is_empty()) {
            let told =
                criteria().filter(|(criterion, _)| !is_of_places(criterion)).flat_map(|(criterion, patterns)| {
                    let patterns = patterns.split(',').map(|pattern| pattern.trim_start_matches('!'));
                    patterns.map(|pattern| person.is(criterion, pattern))
                });
            let told: Vec<_> = told.collect();
            match kinds.iter().position(|(known, ..)| *known == told) {
                Some(place) if !is_person && place < of_people => {}
                Some(place) => {
                    kinds.get_mut(place).into_iter().for_each(|(.., names)| names.push(person.user().to_owned()));
                }
                None if kinds.len() <= KINDS_MAX => {
                    of_people += usize::from(is_person);
                    kinds.push((told, person.clone(), vec![person.user().to_owned()]));
                }
                None => {}
            }
        }
        let places = places::of(self.blocks.iter().map(|block| block.criteria.as_slice()));
        let logins = places.iter().flat_map(|place| {
            kinds.iter().map(move |(_, login, names)| (login.clone().at(place.clone()), names.clone()))
        });
        let mut logins: Vec<_> = logins.take(KINDS_MAX + 1).collect();
        let too_many = logins.get(KINDS_MAX).map(|(login, _)| login.clone());
        logins.truncate(KINDS_MAX);
        (logins, too_many)
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

/// The words of a line up to a comment, without quotation marks; what stands between two of them is not parted.
fn words(line: &str) -> impl Iterator<Item = String> {
    let mut quoted = false;
    let parted = move |c: char| {
        quoted ^= c == '"';
        !quoted && (c.is_whitespace() || c == '=')
    };
    let words = line.split(parted).filter(|word| !word.is_empty());
    words.take_while(|word| !word.starts_with('#')).map(|word| word.replace('"', ""))
}

const CONFIG: &str = "/etc/ssh/sshd_config";
/// For how many logins sshd is asked; each costs some ten milliseconds.
pub(super) const KINDS_MAX: usize = 100;
const LINES_MAX: usize = 4096;
const FILE_MAX_BYTES: u64 = 1024 * 1024;
const FILES_MAX: usize = 1024;
const DEPTH_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use std::iter::empty;

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
        let (logins, too_many) = written(&[("/a", text)]).logins(people(), empty());
        assert_eq!(too_many, None);
        let said: Vec<_> = logins.iter().map(|(login, names)| format!("{} {names:?}", login.connection())).collect();
        // Three kinds of people; from anywhere, from the network, with the name, and both.
        assert_eq!(said.len(), 12);
        let here = "laddr=192.0.2.2,lport=65535";
        assert_eq!(said[1], format!("user=alice,host=unknown,addr=192.0.2.1,{here} [\"alice\", \"carol\"]"));
        assert_eq!(said[5], format!("user=bob,host=unknown,addr=10.0.0.0,{here} [\"bob\", \"ben\"]"));
        assert_eq!(said[6], format!("user=root,host=1.example.org,addr=192.0.2.1,{here} [\"root\"]"));
        assert_eq!(said[9], format!("user=root,host=1.example.org,addr=10.0.0.0,{here} [\"root\"]"));
        assert!(written(&[("/a", "UsePAM yes\n")]).logins(people(), empty()).0.is_empty());
    }

    #[test]
    fn what_stands_between_quotation_marks_is_one_word() {
        let said: Vec<_> = words("Match group=\"domain users\",x user \"a b\" # c").collect();
        assert_eq!(said, ["Match", "group", "domain users,x", "user", "a b"]);
    }

    #[test]
    fn the_line_that_counts_at_a_place_stands_in_a_block_that_the_place_is_of() {
        let text = "Match Address 10.0.0.0/8\nUseDNS yes\nMatch Address 10.1.0.0/16 LocalPort 22*\nBanner x\n";
        let written = written(&[("/a", text)]);
        let (logins, _) = written.logins([person("alice", &[])].into_iter(), empty());
        let at = |place: &str| &logins.iter().find(|(login, _)| login.place() == place).unwrap().0;
        let within = at(", from 10.1.0.0/16, to port 22*");
        assert!(written.hint("UseDNS no", Some(within)).starts_with("write /a:2 so: "));
        assert!(written.hint("Banner y", Some(within)).starts_with("write /a:4 so: "));
        assert!(written.hint("Banner y", Some(at(", from 10.0.0.0/8"))).starts_with("write below /a:1: "));
        assert!(written.hint("UseDNS no", Some(at(""))).starts_with("write a first line"));
    }

    #[test]
    fn the_first_login_that_is_too_many_is_known() {
        let text: String = (0..10).map(|n| format!("Match LocalPort 2{n}\nMatch Address 10.{n}.0.0/16\n")).collect();
        let (logins, too_many) = written(&[("/a", &text)]).logins([person("alice", &[])].into_iter(), empty());
        // Anywhere, at each port, from each network, and what fits of a port with a network.
        assert_eq!(logins.len(), KINDS_MAX);
        assert_eq!(too_many.unwrap().place(), ", to port 27, from 10.9.0.0/16");
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
                for (login, _) in written.logins([person("abc", &["a"])].into_iter(), empty()).0 {
                    written.hint("UsePAM yes", Some(&login));
                }
            }
        }
    }
}
