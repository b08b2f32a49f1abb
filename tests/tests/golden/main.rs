//! What the tool says, word for word: a file for each case in `golden/`, named by the mistake or by what is done. It reads
//! as a terminal would look:
//!
//! ```text
//! # Why the case is here.
//! + bash, as root, before it
//! < a line of standard input
//! $ twofactor unlock bob          as root; `alice$ twofactor …` as alice
//! a line of standard output
//! ! a line of standard error
//! ? 1                             the exit status, unless it is 0
//! ```
//!
//! Each case finds the same machine: alice enrolled with an app, bob not, no log. Those in `golden/doctor/` find one that
//! the doctor finds nothing wrong with. After a change of words,
//! `GOLDEN=write cargo test -p twofactor-tests --test golden` writes what is said now, for `git diff` to be read.
//!
//! Every error that the tool's source has a text for is in a case, and every sentence of the doctor is; or else it is in
//! `golden/elsewhere` with the test that shows it. What fails is played once more with `--json`, which has to say the same.

mod case;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Sandbox, checkout};

use case::{Case, Pair, cases, cases_in, masked};

#[test]
fn every_command_says_what_it_always_said() {
    say_what_they_always_said("", &machine());
}

#[test]
fn the_doctor_says_what_it_always_said() {
    say_what_they_always_said("doctor", &doctors_machine());
}

#[test]
fn an_error_is_two_lines_and_comes_with_a_status_that_says_whose_mistake_it_is() {
    for (path, case) in cases() {
        let (name, pairs) = (path.display(), case.pairs());
        assert_eq!(pairs.is_empty(), case.status().is_none(), "{name}");
        assert!(case.status().is_none_or(|status| [1, 2].contains(&status)), "{name}");
        for (error, hint) in pairs {
            assert!(!error.ends_with('.') && !hint.ends_with('.'), "{name}: {error}, {hint}");
        }
    }
}

#[test]
fn with_json_an_error_is_the_same_two_lines_and_the_same_status() {
    say_the_same_with_json("", &machine(), &OTHERWISE_WITH_JSON);
}

#[test]
fn with_json_the_doctor_fails_with_the_same_two_lines_and_the_same_status() {
    say_the_same_with_json("doctor", &doctors_machine(), &[]);
}

#[test]
fn every_error_in_the_source_is_shown_by_a_case_or_by_a_test_that_is_named() {
    let shown: Vec<String> = cases().values().flat_map(Case::pairs).map(|(error, _)| error).collect();
    let is_shown = |text: &str| texts::is_telling(text) && shown.iter().any(|error| texts::is_instance(error, text));
    all_are_shown(texts::errors(), is_shown, "elsewhere");
}

#[test]
fn every_sentence_of_the_doctor_is_shown_by_a_case_or_by_a_test_that_is_named() {
    let cases = cases();
    let of_the_doctor = cases.values().filter(|case| case.command().1.contains("twofactor doctor"));
    let lines: Vec<String> = of_the_doctor
        .flat_map(|case| {
            let errors = case.pairs().into_iter().flat_map(|(error, hint)| [error, hint]);
            case.answer().map(str::to_owned).chain(errors).collect::<Vec<_>>()
        })
        .collect();
    let is_shown = |text: &str| lines.iter().any(|line| texts::stands_in(line, text));
    all_are_shown(texts::of_the_doctor(), is_shown, "doctor/elsewhere");
}

fn say_what_they_always_said(folder: &str, sandbox: &Sandbox) {
    let is_written = std::env::var_os("GOLDEN").is_some_and(|value| value == "write");
    let mut changed = Vec::new();
    let cases = cases_in(folder);
    for (path, case) in &cases {
        let said = case.played(sandbox);
        if said != case.text {
            changed.push(format!("{}\n{}instead of\n{}", path.display(), said, case.text));
            if is_written {
                fs::write(path, said).unwrap();
            }
        }
    }
    assert!(changed.is_empty(), "{} of {}:\n{}", changed.len(), cases.len(), changed.join("\n"));
}

/// What fails fails likewise with `--json`, but for exceptions with their reasons.
fn say_the_same_with_json(folder: &str, sandbox: &Sandbox, exceptions: &[(&str, &str)]) {
    let (mut unlike, mut excepted) = (Vec::new(), 0);
    for (path, case) in cases_in(folder) {
        let (_, command) = case.command();
        // What the module starts speaks in frames.
        if case.status().is_none() || command.contains(" --json") || command.contains(" at-login ") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap();
        let difference = difference_with_json(&case, sandbox);
        match exceptions.iter().find(|(exception, _)| *exception == name) {
            None => unlike.extend(difference.map(|difference| format!("{name}: {difference}"))),
            Some((_, reason)) => {
                assert!(difference.is_some(), "{name} is no exception: {reason}");
                excepted += 1;
            }
        }
    }
    assert!(unlike.is_empty(), "{}:\n{}", unlike.len(), unlike.join("\n"));
    assert_eq!(excepted, exceptions.len(), "an exception has no case");
}

/// What `--json` says otherwise than plain words do. What failed for one person of many may stand in an answer; what ends
/// the command stands on standard error as ever, and is the JSON value where there is no answer.
fn difference_with_json(case: &Case, sandbox: &Sandbox) -> Option<String> {
    let (said, stderr, status) = case.played_with_json(sandbox);
    let in_json = pairs_in(&said);
    let is_error = said.as_object().is_some_and(|said| said.keys().eq(["error", "hint"]));
    let told = if is_error { stderr.clone() } else { [in_json.clone(), stderr.clone()].concat() };
    // A hint that repeats the command repeats that, too.
    let plain = |(error, hint): &Pair| (error.clone(), hint.replace("twofactor --json", "twofactor"));
    let told: Vec<_> = told.iter().map(plain).map(|(error, hint)| (masked(&error), masked(&hint))).collect();
    let (expected, code) = (case.pairs(), case.status());
    let is_same = !said.is_null() && told == expected && status == code;
    let is_last = !is_error || in_json.last() == stderr.last();
    (!is_same || !is_last).then(|| format!("{told:?}, {status:?}, {said} instead of {expected:?}, {code:?}"))
}

/// Every error with its hint in an answer, also of people, lines or devices.
fn pairs_in(said: &Value) -> Vec<Pair> {
    match said {
        Value::Array(all) => all.iter().flat_map(pairs_in).collect(),
        Value::Object(fields) => match (&fields.get("error"), &fields.get("hint")) {
            (Some(Value::String(error)), Some(Value::String(hint))) => vec![(error.clone(), hint.clone())],
            _ => fields.values().flat_map(pairs_in).collect(),
        },
        _ => Vec::new(),
    }
}

/// Each text is shown by a case, or is in that list, and no text is both.
fn all_are_shown(texts: BTreeSet<String>, is_shown: impl Fn(&str) -> bool, list: &str) {
    let mut listed = listed(list);
    let mut missing = Vec::new();
    for text in texts {
        match (is_shown(&text), listed.remove(&text)) {
            (true, None) => {}
            (true, Some(_)) => panic!("{text}: a case shows it, so it need not be in golden/{list}"),
            (false, Some(witness)) => bears_out(&witness, &text),
            (false, None) => missing.push(text),
        }
    }
    let missing = missing.join("\n");
    assert!(missing.is_empty(), "no case shows, nor does golden/{list} name a test for:\n{missing}");
    assert!(listed.is_empty(), "in golden/{list} and not in the source: {listed:?}");
}

/// Whether what is named shows the text: a case that has just that error, or a test in a file that has its words.
fn bears_out(witness: &str, text: &str) {
    if witness.strip_prefix("never said: ").is_some_and(|reason| reason.contains(' ')) {
        return;
    }
    let read = |file: &str| fs::read_to_string(checkout().join(file)).unwrap_or_else(|_| panic!("{text}: no {file}"));
    if witness.ends_with(".case") {
        let case = Case { text: read(witness) };
        let shows = case.pairs().iter().any(|(error, _)| texts::is_instance(error, text));
        return assert!(shows, "{witness} does not show: {text}");
    }
    let (file, name) = witness.split_once("::").unwrap_or_else(|| panic!("{witness} is no FILE::TEST"));
    let source = read(file);
    // Not the one below which the text itself stands.
    let tests = source.split_once("#[cfg(test)]").map_or(source.as_str(), |(_, tests)| tests);
    assert!(tests.contains(&format!("fn {name}(")), "{text}: there is no {witness}");
    assert!(tests.contains(texts::longest(text)), "{text}: {file} does not expect it");
}

/// With alice enrolled and bob not.
fn machine() -> Sandbox {
    let sandbox = Sandbox::installed();
    for user in ["alice", "bob"] {
        sandbox.add_user(user, "correct horse");
    }
    sandbox.enrol("alice");
    keep(&sandbox, "/etc/twofactor /etc/passwd /etc/pam.d /home/alice /home/bob /var/lib/twofactor");
    sandbox
}

/// With our stacks and an sshd that asks for a code, and with everybody enrolled.
fn doctors_machine() -> Sandbox {
    let sandbox = Sandbox::installed();
    sandbox.add_user("alice", "correct horse");
    for user in ["alice", "root"] {
        sandbox.enrol(user);
    }
    sandbox.bash(SOUND).succeeded();
    keep(
        &sandbox,
        "/etc/twofactor /etc/passwd /etc/shadow /etc/group /etc/gshadow /etc/pam.conf /etc/pam.d /etc/ssh /run/sshd \
         /usr/bin/timedatectl /usr/sbin/sshd /usr/libexec/twofactor /var/lib/twofactor \
         /var/spool/twofactor /root/.ssh /usr/lib/systemd/system /sys/fs/selinux /var/lib/selinux $(ls /usr/lib/*/security/pam_twofactor.so)",
    );
    sandbox
}

/// What every case is to find.
fn keep(sandbox: &Sandbox, places: &str) {
    let lines = format!("rm -rf /root/[!.]*; mkdir /keep; cp -a --parents {places} /keep; echo {places} >/keep.list");
    sandbox.bash(&lines).succeeded();
}

fn folder() -> PathBuf {
    checkout().join("tests/tests/golden")
}

/// By text, what is said of it: `TEXT` and, indented below it, `FILE.rs::TEST`; `NAME.case` for a text that is too little to
/// be known by itself; or `never said: REASON`.
fn listed(list: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(folder().join(Path::new(list))).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let pairs = lines.chunks(2).map(|pair| {
        let [text, witness] = pair else { panic!("{pair:?} is no pair") };
        let witness = witness.strip_prefix("    ").unwrap_or_else(|| panic!("{witness:?} is not indented"));
        ((*text).to_owned(), witness.to_owned())
    });
    pairs.collect()
}

/// Cases in which `--json` rightly changes what happens, and why.
const OTHERWISE_WITH_JSON: [(&str, &str); 5] = [
    ("a-full-disk-for-the-answer", "there is no room for a value either"),
    ("export-where-nobody-asked-for-secrets", "--json asks for them"),
    ("import-where-nobody-would-see-the-codes", "a program takes the codes, so the file is read"),
    ("list-of-people-without-sheets", "a program takes the secrets"),
    ("setup-where-nobody-would-see-the-secret", "a program takes the secret"),
];

const SOUND: &str = r#"
for service in sshd sudo sudo-i su login; do cp /usr/share/doc/pam-twofactor/pam.d/$service /etc/pam.d/; done
printf '%s\n' 'UsePAM yes' 'KbdInteractiveAuthentication yes' 'PasswordAuthentication no' \
    'AuthenticationMethods publickey,keyboard-interactive keyboard-interactive' >/etc/ssh/sshd_config
ssh-keygen -q -A
printf '#!/bin/sh\necho NTPSynchronized=yes\n' >/root/clock; install -m 0755 /root/clock /usr/bin/timedatectl
# Whatever modules, services, installers, policies and keys there are where this runs.
sed -i '/^# and here are more per-package modules/,/^# end of/{/^[^#]/d}' /etc/pam.d/common-auth
rm -rf /root/.ssh /{etc,usr/lib,usr/local/lib}/systemd/system /usr/bin/{apt-get,dnf,zypper,pacman} /var/lib/selinux
mkdir -p /root/.ssh /usr/lib/systemd/system /sys/fs/selinux /var/lib/selinux
touch /usr/lib/systemd/system/{ssh,systemd-timesyncd}.service
"#;
