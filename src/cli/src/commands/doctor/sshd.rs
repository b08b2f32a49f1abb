//! Whether sshd comes to our line: its effective configuration, as `sshd -T` says it, for root and for each person.

use std::collections::HashMap;
use std::fs;

use twofactor_core::policy::Policy;

use super::people::names_with_a_shell;
use super::program::ask;
use super::stack::Stack;
use super::walk::Outlook;
use super::wiring::Wiring;
use super::{Finding, listed};
use crate::failure::Failure;
use crate::office::Office;

/// What is wrong, if sshd's stack has our line.
pub(super) fn look(wiring: &Wiring, office: &Office) -> Result<Vec<Finding>, Failure> {
    let Some(stack) = wiring.stack("sshd") else { return Ok(Vec::new()) };
    if fs::metadata(SSHD).is_err() {
        return Ok(Vec::new());
    }
    let Some(said) = ask(SSHD, &["-T"]) else {
        return Ok(vec![silent()]);
    };
    let place = Place::of_this_system();
    let everybody = Settings::read(&said).look(stack, &office.config.policy, &place);
    let mut findings = everybody.clone();
    let mut own: Vec<(Complaint, Vec<String>)> = Vec::new();
    for name in names_with_a_shell(office)?.into_iter().take(PEOPLE_MAX) {
        let person = format!("user={name},host=localhost,addr=127.0.0.1");
        let Some(said) = ask(SSHD, &["-T", "-C", &person]) else { continue };
        for complaint in Settings::read(&said).look(stack, &office.config.policy, &place) {
            if everybody.iter().any(|known| known.check == complaint.check) {
                continue;
            }
            match own.iter_mut().find(|(known, _)| known.message == complaint.message) {
                Some((_, names)) => names.push(name.clone()),
                None => own.push((complaint, vec![name.clone()])),
            }
        }
    }
    findings.extend(own.into_iter().map(|(complaint, names)| Complaint {
        message: format!("{}, for {}", complaint.message, listed(&names)),
        hint: format!("in a Match block of sshd_config: {}", complaint.wanted),
        ..complaint
    }));
    if findings.is_empty() {
        return Ok(vec![Finding::ok("sshd", "sshd asks PAM, and PAM can ask for a code")]);
    }
    Ok(findings.into_iter().map(Complaint::finding).collect())
}

/// It does not say how it is set up. Why, it says on its standard error, which only a shell brings here.
fn silent() -> Finding {
    let said = ask("/bin/sh", &["-c", "exec /usr/sbin/sshd -T 2>&1"]).unwrap_or_default();
    let why = said.lines().last().unwrap_or("it says nothing").trim();
    if why.contains("privilege separation directory") {
        let message = "sshd has not been started yet, so it does not say how it is set up";
        return Finding::warn("sshd-read", message, "mkdir -p -m 0755 /run/sshd");
    }
    let message = format!("sshd cannot start as it is set up, and nobody knows whether it asks PAM: {why}");
    Finding::fail("sshd-read", message, "mend that, and see: /usr/sbin/sshd -t")
}

/// The effective settings of sshd.
#[derive(Debug, Default)]
struct Settings(HashMap<String, Vec<String>>);

impl Settings {
    fn read(said: &str) -> Self {
        let mut settings = Self::default();
        for line in said.lines().take(LINES_MAX) {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            let values = settings.0.entry(keyword.to_ascii_lowercase()).or_default();
            values.extend(value.split_ascii_whitespace().map(str::to_ascii_lowercase));
        }
        settings
    }

    fn is(&self, keyword: &str, value: &str) -> bool {
        self.0.get(keyword).is_some_and(|values| values.first().is_some_and(|first| first == value))
    }

    /// The lists of methods, of which a login needs one; none if any method does.
    fn lists(&self) -> Vec<Vec<&str>> {
        let lists = self.0.get("authenticationmethods").into_iter().flatten().filter(|list| *list != "any");
        lists.map(|list| list.split(',').map(|method| method.split(':').next().unwrap_or(method)).collect()).collect()
    }

    fn look(&self, stack: &Stack, policy: &Policy, place: &Place) -> Vec<Complaint> {
        let mut found = Vec::new();
        let mut fail = |check, message: &str, wanted: &str| {
            found.push(Complaint { fails: true, ..Complaint::new(check, message, wanted, place) });
        };
        if !self.is("usepam", "yes") {
            fail("sshd-pam", "sshd does not ask PAM: passwords and keys get in without a code", "UsePAM yes");
            return found;
        }
        let (password, interactive) = (self.is("passwordauthentication", "yes"), self.interactive());
        let lists = self.lists();
        let with_password = combined(stack) && password;
        if !interactive && !with_password {
            let message = "sshd does not let PAM ask: nobody can type a code, who needs one is refused";
            fail("sshd-interactive", message, "KbdInteractiveAuthentication yes");
        }
        let by_key_only = !lists.is_empty() && lists.iter().all(|list| list.contains(&"publickey"));
        if Outlook::of(stack).code_alone && !by_key_only {
            let message = "the stack of sshd asks for a code and nothing else, and sshd insists on no key: a code alone \
                           gets in";
            fail("sshd-code-alone", message, "AuthenticationMethods publickey,keyboard-interactive");
        }
        let mut warn = |check, message: &str, wanted: &str| found.push(Complaint::new(check, message, wanted, place));
        if password && !combined(stack) && lists.is_empty() && interactive {
            let message = "sshd takes passwords by a method that cannot ask for a code: who uses it is refused";
            warn("sshd-password", message, "PasswordAuthentication no");
        }
        let asks = |list: &Vec<&str>| list.iter().any(|method| matches!(*method, "keyboard-interactive" | "password"));
        let past_pam = [
            ("pubkeyauthentication", "publickey", "a key"),
            ("hostbasedauthentication", "hostbased", "a host"),
            ("gssapiauthentication", "gssapi-with-mic", "a Kerberos ticket"),
        ];
        for (keyword, method, thing) in past_pam {
            let enough = lists.is_empty() || lists.iter().any(|list| list.contains(&method) && !asks(list));
            if self.is(keyword, "yes") && enough {
                let message = format!("{thing} gets in at sshd without a code: PAM is not asked after it");
                warn("sshd-key", &message, "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive");
                break;
            }
        }
        let by_password = |list: &Vec<&str>| list.contains(&"password") && !list.contains(&"keyboard-interactive");
        if policy.rules.iter().any(|rule| rule.ssh_auth.is_some())
            && !lists.is_empty()
            && lists.iter().filter(|list| asks(list)).all(by_password)
        {
            let message = "rules with ssh_auth never match: sshd tells the method password nothing of what is proved";
            warn("sshd-ssh-auth", message, "AuthenticationMethods publickey,keyboard-interactive");
        }
        if self.is("usedns", "yes") && policy.rules.iter().any(|rule| rule.rhost.is_some()) {
            let message = "rules with rhost never match whoever's address has a name: sshd passes the name on";
            warn("sshd-dns", message, "UseDNS no");
        }
        found
    }

    fn interactive(&self) -> bool {
        self.is("kbdinteractiveauthentication", "yes") || self.is("challengeresponseauthentication", "yes")
    }
}

/// Whether our line takes the code behind the password, which needs no further question.
fn combined(stack: &Stack) -> bool {
    let mut ours = stack.ours().filter_map(|place| stack.lines.get(place));
    ours.any(|line| line.arguments.iter().any(|word| matches!(word.as_str(), "try_first_pass" | "use_first_pass")))
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
struct Complaint {
    check: &'static str,
    fails: bool,
    message: String,
    hint: String,
    wanted: String,
}

impl Complaint {
    fn new(check: &'static str, message: &str, wanted: &str, place: &Place) -> Self {
        let keyword = wanted.split(' ').next().unwrap_or_default();
        let hint = place.hint(keyword, wanted);
        Self { check, fails: false, message: message.to_owned(), hint, wanted: wanted.to_owned() }
    }

    fn finding(self) -> Finding {
        if self.fails {
            Finding::fail(self.check, self.message, self.hint)
        } else {
            Finding::warn(self.check, self.message, self.hint)
        }
    }
}

/// Where settings are written: the lines of sshd_config and of what it includes, in the order in which they count.
#[derive(Debug, Default)]
struct Place(Vec<Written>);

#[derive(Debug)]
struct Written {
    file: String,
    number: usize,
    keyword: String,
}

impl Place {
    fn of_this_system() -> Self {
        let mut place = Self::default();
        place.file(CONFIG, 0);
        place
    }

    fn file(&mut self, path: &str, depth: usize) {
        let is_file = fs::metadata(path).is_ok_and(|status| status.is_file() && status.len() < FILE_MAX_BYTES);
        let Some(Ok(bytes)) = is_file.then(|| fs::read(path)) else { return };
        self.text(path, &String::from_utf8_lossy(&bytes), depth);
    }

    fn text(&mut self, path: &str, text: &str, depth: usize) {
        for (number, line) in (1..).zip(text.lines()) {
            let mut words = line.trim_start().split(|c: char| c.is_whitespace() || c == '=').filter(|w| !w.is_empty());
            let Some(keyword) = words.next().filter(|word| !word.starts_with('#')) else { continue };
            match keyword.to_ascii_lowercase().as_str() {
                // What follows is for some only.
                "match" => return,
                "include" if depth < DEPTH_MAX => {
                    for file in words.flat_map(matching) {
                        self.file(&file, depth + 1);
                    }
                }
                keyword if self.0.len() < LINES_MAX => {
                    self.0.push(Written { file: path.to_owned(), number, keyword: keyword.to_owned() });
                }
                _ => {}
            }
        }
    }

    /// Which line is to be written where: the first that says anything of it counts.
    fn hint(&self, keyword: &str, wanted: &str) -> String {
        let mut says = self.0.iter().filter(|line| line.keyword.eq_ignore_ascii_case(keyword));
        let reload = "then: systemctl reload ssh";
        let Some(first) = says.next() else {
            return format!("write a first line in {CONFIG}: {wanted}; {reload}");
        };
        let others = match says.next() {
            Some(later) => format!(" (it comes before {}:{} and wins)", later.file, later.number),
            None => String::new(),
        };
        format!("write {}:{} so: {wanted}; {reload}{others}", first.file, first.number)
    }
}

/// The files of an Include: a path, or a directory with a pattern of one star.
fn matching(pattern: &str) -> Vec<String> {
    let pattern = pattern.trim_matches('"');
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
    let Some((directory, name)) = pattern.rsplit_once('/') else { return Vec::new() };
    let Some((before, after)) = name.split_once('*') else { return vec![pattern] };
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut files: Vec<_> = names
        .filter(|name| name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after))
        .filter(|name| !name.starts_with('.'))
        .map(|name| format!("{directory}/{name}"))
        .collect();
    files.sort_unstable();
    files
}

const SSHD: &str = "/usr/sbin/sshd";
const CONFIG: &str = "/etc/ssh/sshd_config";
/// For how many people sshd is asked; each costs some ten milliseconds.
const PEOPLE_MAX: usize = 100;
const LINES_MAX: usize = 4096;
const FILE_MAX_BYTES: u64 = 1024 * 1024;
const DEPTH_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twofactor_core::config::Config;

    use super::super::stack::tests::written;
    use super::super::stack::{Part, Stack};
    use super::*;

    const SOUND: &str = "usepam yes\nkbdinteractiveauthentication yes\npasswordauthentication no\n";
    const BOTH: &str = "auth requisite pam_unix.so\nauth required pam_twofactor.so\n";

    fn checks(said: &str, stack: &str, config: &str) -> Vec<&'static str> {
        let files = written(&[("/etc/pam.d/sshd", stack)]);
        let stack = Stack::read(&files, "sshd", Part::Auth).unwrap();
        let policy = Config::parse(config.as_bytes()).unwrap().policy;
        let found = Settings::read(said).look(&stack, &policy, &Place::default());
        found.iter().map(|complaint| complaint.check).collect()
    }

    #[test]
    fn each_way_past_the_code_is_named() {
        let rules = "[[policy.rule]]\nssh_auth = ['publickey']\n[[policy.rule]]\nrhost = ['10.0.0.0/8']\n";
        let alone = "auth required pam_twofactor.so\nauth required pam_permit.so\n";
        let first_pass = "auth requisite pam_unix.so\nauth required pam_twofactor.so try_first_pass\n";
        let keyed = format!("{SOUND}pubkeyauthentication yes\n");
        for (said, stack, expected) in [
            (SOUND.to_owned(), BOTH, vec![]),
            (SOUND.replace("usepam yes", "usepam no"), BOTH, vec!["sshd-pam"]),
            ("usepam yes\nkbdinteractiveauthentication no\n".to_owned(), BOTH, vec!["sshd-interactive"]),
            ("usepam yes\npasswordauthentication yes\n".to_owned(), first_pass, vec![]),
            (SOUND.replace("authentication no", "authentication yes"), BOTH, vec!["sshd-password"]),
            (SOUND.to_owned(), alone, vec!["sshd-code-alone"]),
            (format!("{keyed}authenticationmethods publickey,keyboard-interactive\n"), alone, vec![]),
            (keyed.clone(), BOTH, vec!["sshd-key"]),
            (format!("{keyed}authenticationmethods any\n"), BOTH, vec!["sshd-key"]),
            (
                format!("{keyed}authenticationmethods publickey,keyboard-interactive publickey\n"),
                BOTH,
                vec!["sshd-key"],
            ),
            (format!("{keyed}authenticationmethods publickey,password\n"), BOTH, vec!["sshd-ssh-auth"]),
            (format!("{SOUND}usedns yes\n"), BOTH, vec!["sshd-dns"]),
        ] {
            assert_eq!(checks(&said, stack, rules), expected, "{said}{stack}");
        }
        assert!(checks(&format!("{SOUND}usedns yes\n"), BOTH, "").is_empty());
    }

    #[test]
    fn the_line_that_counts_is_the_first_one_outside_a_match_block() {
        let mut place = Place::default();
        place.text("/a", "# UsePAM no\n usepam = no\nMatch User x\nUseDNS no\n", 0);
        place.text("/b", "UsePAM yes\n", 0);
        assert_eq!(
            place.hint("UsePAM", "UsePAM yes"),
            "write /a:2 so: UsePAM yes; then: systemctl reload ssh (it comes before /b:1 and wins)"
        );
        let other = "write a first line in /etc/ssh/sshd_config: UseDNS no; then: systemctl reload ssh";
        assert_eq!(place.hint("UseDNS", "UseDNS no"), other);
    }

    proptest! {
        #[test]
        fn no_text_does_any_harm(text: String) {
            checks(&text, BOTH, "");
            Place::default().text("/a", &text, DEPTH_MAX);
        }
    }
}
