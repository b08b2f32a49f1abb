//! What holds of the doctor's readers, whatever the bytes are.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "to break is what it is for")]

use twofactor_core::config::Config;

use super::explain::steps;
use super::sshd::Effective;
use super::sshd_config::{self, Login};
use super::wiring::{Wiring, of_stack};
use crate::pam::stack::{Files, Line, Part, Stack};
use crate::pam::walk::Outlook;

/// The files of a stack: that of sshd, and behind a NUL each those that are called a, b, c and so on. It says whether
/// there is a line of ours.
pub fn stack(bytes: &[u8]) -> bool {
    let files = Written(bytes.split(|byte| *byte == 0).collect());
    for part in Part::ALL {
        // The file is there, however long it is.
        let stack = Stack::read(&files, "sshd", part).unwrap();
        assert!(stack.lines.len() <= LINES_MAX + DEPTH_MAX);
        for line in &stack.lines {
            assert!(line.level < DEPTH_MAX && line.number <= lines_in(&files, line), "{line:?}");
        }
        foresees(&stack);
        assert!(of_stack("sudo", &stack, None).iter().all(|finding| !finding.hint.is_empty()));
    }
    let wiring = Wiring::read(&files, &["sshd".to_owned()]);
    wiring.our_lines().next().is_some()
}

/// That the way of one login is among all ways.
fn foresees(stack: &Stack) {
    let outlook = Outlook::of(stack);
    let ours: Vec<_> = stack.ours().collect();
    assert!(!ours.is_empty() || outlook == Outlook { unfinished: outlook.unfinished, ..Outlook::default() });
    assert!(outlook.reached || !(outlook.refused_gets_in || outlook.proved_gets_in || outlook.not_due_gets_in));
    assert!(outlook.past.iter().all(|culprit| ours.iter().any(|ours| culprit < ours)));
    if outlook.unfinished || ours.is_empty() {
        return;
    }
    for answer in ["success", "ignore", "auth_err"] {
        let answers = ours.iter().map(|ours| (*ours, answer)).collect();
        let (steps, lets_in) = steps(stack, &answers);
        assert_eq!(steps.len(), stack.lines.len());
        let is_called = steps.iter().any(|step| step.ours && step.reached);
        let foreseen = match answer {
            _ if !is_called => !outlook.past.is_empty(),
            "success" => outlook.proved_gets_in,
            "ignore" => outlook.not_due_gets_in,
            _ => outlook.refused_gets_in,
        };
        assert!(foreseen || !lets_in, "{answer}: {outlook:?}");
    }
}

/// What `sshd -T` says, and whether it asks PAM.
pub fn sshd_settings(bytes: &[u8]) -> bool {
    let said = String::from_utf8_lossy(bytes);
    let files = Written(vec![b"auth requisite pam_unix.so\nauth required pam_twofactor.so\n"]);
    let stack = Stack::read(&files, "sshd", Part::Auth).unwrap();
    let config = Config::parse(RULES.as_bytes()).unwrap();
    let checks = |said: &str| {
        let found = Effective::read(said).look(&stack, Some(&config.policy));
        found.iter().map(|complaint| complaint.check).collect::<Vec<_>>()
    };
    let found = checks(&said);
    // sshd does not tell one case from the other.
    assert_eq!(found, checks(&said.to_ascii_uppercase()));
    // A list that asks for nothing but a key lets a key in, whatever else is said.
    let key = format!("usepam yes\npubkeyauthentication yes\nauthenticationmethods publickey\n{said}");
    assert!(checks(&key).contains(&"sshd-key"));
    let without = format!("usepam no\n{said}");
    assert_eq!(checks(&without), ["sshd-pam"]);
    found != ["sshd-pam"]
}

/// Lines of sshd_config, without what they include: it lies in files. It says whether there is a setting.
pub fn sshd_config(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let written = |text: &str| {
        let mut written = sshd_config::Written::default();
        written.text("/etc/ssh/sshd_config", text, usize::MAX, &[]);
        written
    };
    let all = written(&text);
    for wanted in ["UsePAM yes", "AuthenticationMethods any"] {
        let hint = all.hint(wanted, None);
        let keyword = wanted.split(' ').next().unwrap().to_ascii_lowercase();
        let said = text.lines().any(|line| line.to_ascii_lowercase().contains(&keyword));
        assert!(said || hint.contains("first line"), "{hint}");
    }
    // For all, a first line of ours is the one that counts, unless it stands below a block that is for all as well.
    if !text.to_ascii_lowercase().contains("match") {
        let hint = written(&format!("UsePAM yes\n{text}")).hint("UsePAM yes", None);
        assert!(hint.starts_with("write /etc/ssh/sshd_config:1 so: UsePAM yes"), "{hint}");
    }
    let people = ["root", "alice"].map(|name| Login::new(name, vec!["staff".to_owned()]));
    let (logins, too_many) = all.logins(people.into_iter(), std::iter::empty());
    assert!(logins.len() == sshd_config::KINDS_MAX || too_many.is_none() && logins.len() < sshd_config::KINDS_MAX);
    for (login, names) in logins {
        assert!(!names.is_empty());
        // It is one argument of sshd, with three answers in it.
        assert!(login.connection().starts_with(&format!("user={},host=", login.user())));
        all.hint("UsePAM yes", Some(&login));
    }
    text.lines().any(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

struct Written<'b>(Vec<&'b [u8]>);

impl Written<'_> {
    fn content(&self, path: &str) -> Option<&[u8]> {
        let name = path.strip_prefix("/etc/pam.d/")?;
        let place = match name.as_bytes() {
            b"sshd" => 0,
            [letter @ b'a'..=b'z'] => usize::from(letter - b'a') + 1,
            _ => return None,
        };
        self.0.get(place).copied()
    }
}

impl Files for Written<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.content(path).map(<[u8]>::to_vec)
    }

    fn has_directory(&self, _: &str) -> bool {
        true
    }
}

fn lines_in(files: &Written<'_>, line: &Line) -> usize {
    files.content(&line.file).map_or(0, |content| content.iter().filter(|byte| **byte == b'\n').count() + 1)
}

const RULES: &str = "[[policy.rule]]\nssh_auth = ['publickey']\n[[policy.rule]]\nrhost = ['10.0.0.0/8']\n";
/// As many as the reader itself allows.
const LINES_MAX: usize = 1000;
const DEPTH_MAX: usize = 16;
