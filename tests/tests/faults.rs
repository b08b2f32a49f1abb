//! Files and directories that are broken, foreign, missing or full: nobody gets in, nothing hangs, nothing is damaged
//! further, and the log and the tool say which file and why. The code that is given is always the right one.

use std::time::Duration;

use serde_json::json;
use support::{Journal, Output, Report, Sandbox, Secret, pam_host};

const CONFIG: &str = "/etc/twofactor/config.toml";
const KEYRING: &str = "/etc/twofactor/keyring.toml";
const ENROLMENT: &str = "/var/lib/twofactor/users/alice.toml";
const STATE: &str = "/var/lib/twofactor/state/alice";
const RECORDS: &str = "/var/lib/twofactor";
const USERS: &str = "/var/lib/twofactor/users";
const STATES: &str = "/var/lib/twofactor/state";

/// Two services, one for each mode that asks. A module before has already let the person in, so that PAM_IGNORE would.
const MODES: [&str; 2] = ["required", "if-enrolled"];

/// A machine on which alice is enrolled, and its records to come back to.
struct Bench {
    sandbox: Sandbox,
    alice: Secret,
}

impl Bench {
    fn new() -> Bench {
        let sandbox = Sandbox::installed();
        for name in ["alice", "bob"] {
            sandbox.add_user(name, "correct horse");
        }
        for mode in MODES {
            let settings = format!("/etc/{mode}.toml");
            sandbox.write(&settings, format!("[policy]\nmode = \"{mode}\"\n"), 0o644);
            let line = format!("auth required pam_twofactor.so config={settings}");
            sandbox.stack(mode, &format!("auth required pam_permit.so\n{line}\n"));
        }
        sandbox.stack("default", "auth required pam_permit.so\nauth required pam_twofactor.so\n");
        // Long enough in one line that a cut anywhere leaves a mistake.
        let text = "issuer = \"the house that these tests break\"\n[policy]\nmode = \"if-enrolled\"\n";
        sandbox.write(CONFIG, text, 0o644);
        let alice = sandbox.enrol("alice");
        let bench = Bench { sandbox, alice };
        bench.keep();
        bench
    }

    /// One more user who is enrolled.
    fn enrol_bob(&self) -> Secret {
        let bob = self.sandbox.enrol("bob");
        self.keep();
        bob
    }

    /// What [`Bench::restore`] brings back from now on.
    fn keep(&self) {
        self.sandbox
            .bash("rm -rf /kept; mkdir /kept; cp -a /etc/twofactor /kept/etc; cp -a /var/lib/twofactor /kept/var");
    }

    fn restore(&self) {
        self.sandbox.bash(RESTORE).succeeded();
    }

    /// Brings everything back, and then breaks something.
    fn broken(&self, lines: &str) {
        self.sandbox.bash(&format!("{RESTORE}\n{lines}")).succeeded();
    }

    fn login(&self, service: &str, user: &str, answer: &str) -> Report {
        self.sandbox.pam_host(script(service, user, answer))
    }

    #[track_caller]
    fn assert_let_in(&self, answer: &str) {
        let report = self.login("required", "alice", answer);
        assert_eq!(report.outcome(), "PAM_SUCCESS", "{:?}", self.sandbox.journal().lines().last());
    }

    /// Logs in with the oldest code that is accepted, which the end of a step may overtake once.
    fn burn_the_oldest_code(&self) -> String {
        let codes = (0..2).map(|_| self.alice.code_in(-30));
        let mut let_in = codes.filter(|code| self.login("required", "alice", code).outcome() == "PAM_SUCCESS");
        let_in.next().expect("one of two codes is in time")
    }

    #[track_caller]
    fn assert_refused(&self, answer: &str) {
        assert_eq!(self.login("if-enrolled", "alice", answer).outcome(), "PAM_AUTH_ERR", "{answer}");
    }

    /// Everything about every file of ours, to be compared.
    fn inventory(&self) -> String {
        let lines = "cd /; for tree in etc/twofactor var/lib/twofactor; do
            [ -e $tree ] || continue
            find $tree -printf '%p %y %m %U %n %s %l\\n' | sort
            find $tree -type f -size -100k -print0 | sort -z | xargs -0r sha256sum
        done";
        self.sandbox.bash(lines).succeeded().stdout
    }

    /// Logs in with the right code in both modes, and runs the tool. Both must refuse promptly, name the file and the
    /// reason, and leave everything as it is.
    #[track_caller]
    fn assert_unavailable(&self, case: &str, path: &str, why: &str) {
        let before = self.inventory();
        for mode in MODES {
            let journal = self.sandbox.journal().from_here();
            let report = self.login(mode, "alice", &self.alice.code());
            denied(&format!("{case}, mode {mode}"), &report, "PAM_AUTHINFO_UNAVAIL");
            logged(case, &journal, "outcome=unavailable", path, why);
        }
        self.assert_tool_fails(case, path, why);
        assert_eq!(self.inventory(), before, "{case}: something was changed");
    }

    #[track_caller]
    fn assert_misconfigured(&self, case: &str, path: &str, why: &str) {
        let before = self.inventory();
        let journal = self.sandbox.journal().from_here();
        denied(case, &self.login("default", "alice", &self.alice.code()), "PAM_SYSTEM_ERR");
        logged(case, &journal, "outcome=misconfigured", path, why);
        self.assert_tool_fails(case, path, why);
        assert_eq!(self.inventory(), before, "{case}: something was changed");
    }

    #[track_caller]
    fn assert_tool_fails(&self, case: &str, path: &str, why: &str) {
        for command in TOOL {
            let output = self.sandbox.run("twofactor", command.split(' '));
            two_lines(&format!("{case}: {command}"), &output, path, why);
        }
    }
}

/// What is run on every fault.
const TOOL: [&str; 3] = ["status alice", "list", "setup alice --label another --no-confirm --json"];

const RESTORE: &str = "
for over in /var/lib/twofactor/users /var/lib/twofactor/state /var/lib/twofactor /etc/twofactor; do
    while mountpoint --quiet $over; do umount $over; done
done
rm -rf /etc/twofactor /var/lib/twofactor /aside
cp -a /kept/etc /etc/twofactor
cp -a /kept/var /var/lib/twofactor";

fn script(service: &str, user: &str, answer: &str) -> serde_json::Value {
    json!({ "service": service, "user": user, "answers": [{ "text": answer }] })
}

#[track_caller]
fn denied(case: &str, report: &Report, outcome: &str) {
    assert_eq!(report.outcome(), outcome, "{case}");
    assert!(report.cycle().seconds() < 2.0, "{case} took {} s", report.cycle().seconds());
}

#[track_caller]
fn logged(case: &str, journal: &Journal, outcome: &str, path: &str, why: &str) {
    let lines = journal.lines_with(outcome);
    assert_eq!(lines.len(), 1, "{case}: {:?}", journal.lines());
    assert!(lines[0].contains("pam_twofactor"), "{case}: {}", lines[0]);
    assert!(lines[0].contains(&format!("{path}:")) && lines[0].contains(why), "{case}: {path}, {why}? {}", lines[0]);
}

/// The form in which the tool says that it failed.
#[track_caller]
fn two_lines(case: &str, output: &Output, path: &str, why: &str) {
    assert_eq!(output.status.code(), Some(1), "{case}: {output:?}");
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with("hint: "), "{case}: {lines:?}");
    assert!(lines[0].contains(path) && lines[0].contains(why), "{case}: {path}, {why}? {}", lines[0]);
}

/// What can be wrong with any file, whatever it contains: the mistake, how it is made of `$f`, and the reason given.
const FAULTS: [(&str, &str, &str); 16] = [
    ("a FIFO", "rm $f; mkfifo -m 600 $f", "is not a regular file"),
    ("a symlink to a good copy", "mkdir /aside; mv $f /aside/good; ln -s /aside/good $f", "is not a regular file"),
    ("a symlink to nowhere", "rm $f; ln -s /nowhere $f", "is not a regular file"),
    ("a directory", "rm $f; mkdir -m 700 $f", "is not a regular file"),
    ("a device that ends at once", "rm $f; mknod -m 600 $f c 1 3", "is not a regular file"),
    ("a device that never ends", "rm $f; mknod -m 600 $f c 1 5", "is not a regular file"),
    ("a terminal", "rm $f; mknod -m 600 $f c 5 0", "is not a regular file"),
    ("a disk that is not there", "rm $f; mknod -m 600 $f b 240 77", "is not a regular file"),
    ("0 bytes", ": >$f", "is empty"),
    ("10 MB", "head -c 10M /dev/zero >>$f", "is larger than"),
    ("10 GB", "truncate -s 10G $f", "is larger than"),
    ("writable by all", "chmod 666 $f", "can be written by others (mode 0666)"),
    ("writable by a group", "chmod 660 $f", "can be written by others (mode 0660)"),
    ("foreign", "chown nobody $f", "belongs to uid 65534"),
    ("with a second name", "ln $f ${f%/*}/.second", "has 2 hard links"),
    ("somebody else's symlink", "rm $f; ln -s /kept $f; chown -h nobody $f", "is not a regular file"),
];

#[test]
fn a_config_that_cannot_be_trusted_denies() {
    let bench = Bench::new();
    for (fault, lines, why) in FAULTS {
        bench.broken(&format!("f={CONFIG}\n{lines}"));
        bench.assert_misconfigured(&format!("a config that is {fault}"), CONFIG, why);
    }
    for (fault, lines, why) in [
        ("cut to 1 byte", "truncate -s 1 $f", "line 1"),
        ("cut to a third", "truncate -s 25 $f", "line 1"),
        ("cut to a half", "truncate -s 37 $f", "line 1"),
        ("two bytes short", "truncate -s -2 $f", "line 3"),
        ("noise", "head -c 4096 /dev/zero | tr '\\0' '\\377' >$f", "line 1"),
        ("all NUL", "head -c 4096 /dev/zero >$f", "line 1"),
    ] {
        bench.broken(&format!("f={CONFIG}\n{lines}"));
        bench.assert_misconfigured(&format!("a config that is {fault}"), CONFIG, why);
    }
}

#[test]
fn records_that_cannot_be_trusted_deny() {
    let bench = Bench::new();
    for file in [KEYRING, ENROLMENT, STATE] {
        for (fault, lines, why) in FAULTS {
            bench.broken(&format!("f={file}\n{lines}"));
            bench.assert_unavailable(&format!("{file} is {fault}"), file, why);
        }
    }
    bench.restore();
    bench.assert_let_in(&bench.alice.code());
}

#[test]
fn records_that_are_cut_or_noise_deny() {
    let bench = Bench::new();
    let (damaged, keyring) = ("both records are damaged", "is not a keyring");
    let text = [
        ("truncate -s 1", ""),
        ("truncate -s 30", ""),
        ("truncate -s 90", ""),
        ("truncate -s -2", ""),
        ("sed -i 1d", ""),
        ("sed -i '1s/^/\\xff/'", ""),
        ("sed -i '$s/$/\\nsurplus = 1/'", ""),
        ("head -c 4096 /dev/zero | tr '\\0' '\\377' | tee", ""),
        ("head -c 4096 /dev/zero | tee", ""),
    ];
    for (lines, why) in text {
        bench.broken(&format!("{lines} {ENROLMENT} >/aside || {lines} {ENROLMENT}"));
        bench.assert_unavailable(&format!("{lines} of the enrolment"), ENROLMENT, why);
        bench.broken(&format!("{lines} {KEYRING} >/aside || {lines} {KEYRING}"));
        bench.assert_unavailable(&format!("{lines} of the keyring"), KEYRING, keyring);
    }
    for lines in ["truncate -s 1", "truncate -s 64", "truncate -s 2047"] {
        bench.broken(&format!("{lines} {STATE}"));
        bench.assert_unavailable(&format!("{lines} of the state"), STATE, damaged);
    }
    for lines in ["head -c 8192 /dev/zero", "head -c 8192 /dev/zero | tr '\\0' '\\377'", "head -c 8192 /bin/bash"] {
        bench.broken(&format!("{lines} >{STATE}"));
        bench.assert_unavailable(&format!("{lines} as the state"), STATE, damaged);
    }
}

#[test]
fn a_file_that_root_may_not_read_denies() {
    let bench = Bench::new();
    let host = pam_host();
    // Permission bits bind a root that has lost these, as in a container or under a strict unit of systemd.
    let powerless = ["--bounding-set", "-dac_override,-dac_read_search", "--"];
    for (file, service, outcome, word) in [
        (CONFIG, "default", "PAM_SYSTEM_ERR", "outcome=misconfigured"),
        (KEYRING, "if-enrolled", "PAM_AUTHINFO_UNAVAIL", "outcome=unavailable"),
        (ENROLMENT, "if-enrolled", "PAM_AUTHINFO_UNAVAIL", "outcome=unavailable"),
        (STATE, "if-enrolled", "PAM_AUTHINFO_UNAVAIL", "outcome=unavailable"),
        (USERS, "if-enrolled", "PAM_AUTHINFO_UNAVAIL", "outcome=unavailable"),
        (STATES, "if-enrolled", "PAM_AUTHINFO_UNAVAIL", "outcome=unavailable"),
        (RECORDS, "if-enrolled", "PAM_AUTHINFO_UNAVAIL", "outcome=unavailable"),
    ] {
        bench.broken(&format!("chmod 000 {file}"));
        let journal = bench.sandbox.journal().from_here();
        let input = script(service, "alice", &bench.alice.code()).to_string();
        let host = [&powerless[..], &[host.to_str().unwrap(), "run"]].concat();
        let output = bench.sandbox.run_with_input("setpriv", host, &input).succeeded();
        denied(file, &serde_json::from_str(&output.stdout).unwrap(), outcome);
        logged(file, &journal, word, file, "cannot open: Permission denied");
        for command in TOOL {
            let tool: Vec<&str> =
                [&powerless[..], &["twofactor"]].concat().into_iter().chain(command.split(' ')).collect();
            let output = bench.sandbox.run("setpriv", tool);
            two_lines(&format!("{file}: {command}"), &output, file, "cannot open: Permission denied");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_trusted_denies() {
    let bench = Bench::new();
    for directory in [RECORDS, USERS, STATES, "/etc/twofactor"] {
        for (fault, lines, why) in [
            ("missing", "mv $d /aside", "cannot open: No such file"),
            ("foreign", "chown nobody $d", "belongs to uid 65534"),
            ("writable by all", "chmod 777 $d", "can be written by others (mode 0777)"),
            ("writable by all, sticky", "chmod 1777 $d", "can be written by others (mode 1777)"),
            ("writable by a group", "chmod 770 $d", "can be written by others (mode 0770)"),
            ("a symlink", "mv $d /aside; ln -s /aside $d", "is not a directory"),
            ("a file", "mv $d /aside; : >$d", "is not a directory"),
            ("a FIFO", "mv $d /aside; mkfifo $d", "is not a directory"),
        ] {
            bench.broken(&format!("d={directory}\n{lines}"));
            bench.assert_unavailable(&format!("{directory} is {fault}"), directory, why);
            if directory == "/etc/twofactor" && fault != "missing" {
                // The default settings lie there, too.
                let report = bench.login("default", "alice", &bench.alice.code());
                denied(&format!("settings in a directory that is {fault}"), &report, "PAM_SYSTEM_ERR");
            }
        }
    }
}

#[test]
fn a_file_system_that_is_not_mounted_denies() {
    let bench = Bench::new();
    let empty = |directory: &str| format!("mount -t tmpfs -o mode=700 empty {directory}");
    bench.broken(&empty(RECORDS));
    bench.assert_unavailable("nothing mounted for the records", USERS, "cannot open: No such file");
    bench.broken(&empty(USERS));
    let lost = "is missing, though there is a state";
    for mode in MODES {
        let journal = bench.sandbox.journal().from_here();
        denied(mode, &bench.login(mode, "alice", &bench.alice.code()), "PAM_AUTHINFO_UNAVAIL");
        logged(mode, &journal, "outcome=unavailable", ENROLMENT, lost);
    }
    bench.broken(&empty("/etc/twofactor"));
    bench.assert_unavailable("nothing mounted for the keyring", KEYRING, "is missing");
    // Without the states everything counts as used.
    bench.broken(&empty(STATES));
    bench.assert_refused(&bench.alice.code());
    bench.restore();
    bench.assert_let_in(&bench.alice.code());
}

/// An administrator who is told "not enrolled", and enrols again, would put the new enrolment beneath the mount.
#[test]
fn the_tool_tells_an_enrolment_that_was_lost_from_one_that_never_was() {
    let bench = Bench::new();
    bench.broken(&format!("mount -t tmpfs -o mode=700 empty {USERS}"));
    for command in ["status alice", "setup alice --no-confirm --json"] {
        let output = bench.sandbox.run("twofactor", command.split(' '));
        two_lines(command, &output, ENROLMENT, "is missing, though there is a state");
    }
}

#[test]
fn a_file_system_mounted_read_only_denies() {
    let bench = Bench::new();
    let setup = "setup alice --label another --no-confirm --json";
    let read_only = |directory: &str| {
        bench.broken(&format!("mount --bind {directory} {directory}; mount -o remount,bind,ro {directory}"));
    };
    for directory in [RECORDS, STATES] {
        read_only(directory);
        let before = bench.inventory();
        for mode in MODES {
            let journal = bench.sandbox.journal().from_here();
            denied(directory, &bench.login(mode, "alice", &bench.alice.code()), "PAM_AUTHINFO_UNAVAIL");
            logged(directory, &journal, "outcome=unavailable", STATE, "Read-only file system");
        }
        two_lines(setup, &bench.sandbox.run("twofactor", setup.split(' ')), RECORDS, "Read-only file system");
        // To look is no change.
        bench.sandbox.run("twofactor", ["status", "alice"]).succeeded();
        bench.sandbox.run("twofactor", ["list"]).succeeded();
        assert_eq!(bench.inventory(), before, "{directory}: something was changed");
    }
    // A login changes no enrolment, so that it needs none of these writable.
    for directory in [USERS, "/etc/twofactor"] {
        read_only(directory);
        bench.assert_let_in(&bench.alice.code());
    }
    read_only(USERS);
    let before = bench.inventory();
    two_lines(setup, &bench.sandbox.run("twofactor", setup.split(' ')), USERS, "Read-only file system");
    assert_eq!(bench.inventory(), before, "something was changed");
}

#[test]
fn a_secret_opens_only_for_whom_and_where_it_was_sealed() {
    let bench = Bench::new();
    let bob = bench.enrol_bob();
    let bobs = "/var/lib/twofactor/users/bob.toml";
    let kept = "/kept/var/users";
    let edited = "sed 's/user = \"alice\"/user = \"bob\"/'";
    for (case, lines, path, why) in [
        ("another's enrolment", format!("cat {kept}/alice.toml >{bobs}"), bobs, "alice"),
        (
            "another's enrolment with the name changed",
            format!("{edited} {kept}/alice.toml | sed \"s/^uid = .*/uid = $(id -u bob)/\" >{bobs}"),
            bobs,
            "does not open under key 1",
        ),
        (
            "another's secret",
            format!("sed -i \"0,/^sealed/s/^sealed.*/$(grep -m1 ^sealed {kept}/alice.toml)/\" {bobs}"),
            bobs,
            "does not open under key 1",
        ),
        (
            "a recovery key in the place of a secret",
            format!("sed -i \"0,/^sealed/s/^sealed.*/$(grep ^sealed {bobs} | tail -n1)/\" {bobs}"),
            bobs,
            "does not open under key 1",
        ),
        ("another device's number", format!("sed -i 's/^id = .*/id = 7/' {bobs}"), bobs, "does not open under key 1"),
        (
            "a secret with a few digits changed",
            format!("sed -i '0,/^sealed/s/^\\(sealed = \".\\{{60\\}}\\)......../\\101234567/' {bobs}"),
            bobs,
            "does not open under key 1",
        ),
        ("a key that nobody has", format!("sed -i 's/^key = 1/key = 7/' {bobs}"), bobs, "key 7"),
        (
            "another's state",
            "cat /kept/var/state/alice >/var/lib/twofactor/state/bob".to_owned(),
            "/var/lib/twofactor/state/bob",
            "belongs to uid",
        ),
    ] {
        bench.broken(&lines);
        let before = bench.inventory();
        for (mode, code) in [(MODES[0], bench.alice.code()), (MODES[1], bob.code())] {
            let journal = bench.sandbox.journal().from_here();
            denied(case, &bench.login(mode, "bob", &code), "PAM_AUTHINFO_UNAVAIL");
            logged(case, &journal, "outcome=unavailable", path, why);
        }
        assert_eq!(bench.inventory(), before, "{case}: something was changed");
    }
}

#[test]
fn a_key_that_is_gone_denies() {
    let bench = Bench::new();
    bench.broken(&format!("rm {KEYRING}"));
    bench.assert_unavailable("no keyring", KEYRING, "is missing");
    // A new one would make the loss final.
    let output = bench.sandbox.run("twofactor", ["setup", "bob", "--no-confirm", "--json"]);
    two_lines("another's first enrolment", &output, KEYRING, "is missing, though there are enrolments");
    assert!(!bench.sandbox.path(KEYRING).exists());
    // Another host's keyring, with a key of the same number.
    bench.broken(&format!("sed -i 's/^secret = \"......../secret = \"01234567/' {KEYRING}"));
    bench.assert_unavailable("another keyring", ENROLMENT, "does not open under key 1");
    // A keyring from a backup, from before the rotation.
    bench.broken(&format!("twofactor keys rotate --quiet; cat /kept/etc/keyring.toml >{KEYRING}"));
    bench.assert_unavailable("an older keyring", ENROLMENT, "is sealed under key 2, which is not in the keyring");
    bench.broken("twofactor keys rotate --retire --quiet");
    bench.assert_let_in(&bench.alice.code());
}

#[test]
fn a_name_that_went_to_another_uid_denies() {
    let bench = Bench::new();
    let renumber = |uid: &str| bench.sandbox.run("usermod", ["--uid", uid, "alice"]).succeeded();
    let uid = bench.sandbox.run("id", ["-u", "alice"]).stdout;
    renumber("4321");
    for mode in MODES {
        let journal = bench.sandbox.journal().from_here();
        denied(mode, &bench.login(mode, "alice", &bench.alice.code()), "PAM_AUTHINFO_UNAVAIL");
        logged(mode, &journal, "outcome=unavailable", STATE, &format!("belongs to uid {}", uid.trim()));
    }
    bench.broken(&format!("rm {STATE}"));
    bench.assert_unavailable("the enrolment of another uid", ENROLMENT, uid.trim());
    bench.restore();
    renumber(uid.trim());
    bench.assert_let_in(&bench.alice.code());
}

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let bench = Bench::new();
    bench.broken(&format!("sed -i 's/^version = 1/version = 2\\nnovelty = true/' {ENROLMENT}"));
    bench.assert_unavailable("a newer enrolment", ENROLMENT, "version 2");
    bench.broken(&format!("sed -i 's/^version = 1/version = 2/' {KEYRING}"));
    bench.assert_unavailable("a newer keyring", KEYRING, "version 2");
    bench
        .broken(&format!("for at in 7 4103; do printf 2 | dd of={STATE} bs=1 seek=$at conv=notrunc status=none; done"));
    bench.assert_unavailable("a newer state", STATE, "both records are damaged");
}

#[test]
fn one_damaged_record_of_a_state_brings_no_used_code_back() {
    let bench = Bench::new();
    // The oldest code that is accepted, so that two later ones are left.
    let (burnt, used) = (bench.burn_the_oldest_code(), bench.alice.recovery_codes[0].clone());
    bench.assert_let_in(&used);
    bench.keep();
    let flip = |offset: u32| {
        let flipped = format!("$(printf %x $(($(od -An -tu1 -j{offset} -N1 $f) ^ 1)))");
        format!("printf \"\\x{flipped}\" | dd of=$f bs=1 seek={offset} conv=notrunc status=none")
    };
    let parts = [0, 7, 8, 15, 16, 20, 24, 32, 40, 44, 63, 64, 68, 72, 79, 575, 576, 2015, 2016, 2047];
    let mut faults: Vec<String> = parts.iter().flat_map(|offset| [flip(*offset), flip(4096 + offset)]).collect();
    faults.extend([2048, 3000, 4096, 4097, 6143].map(|length| format!("truncate -s {length} $f")));
    faults.extend(
        [0, 1].map(|slot| format!("dd if=/dev/zero of=$f bs=4096 count=1 seek={slot} conv=notrunc status=none")),
    );
    for (number, fault) in faults.iter().enumerate() {
        bench.broken(&format!("f={STATE}\n{fault}"));
        let journal = bench.sandbox.journal().from_here();
        // The next code is let in once; a recovery code, too. Every other case looks at what was used first.
        if number % 2 == 0 {
            bench.assert_refused(&burnt);
            assert!(
                !journal.lines_with("reason=replayed-code").is_empty() || !journal.lines_with("result=").is_empty()
            );
            bench.assert_refused(&used);
        } else {
            bench.assert_let_in(&bench.alice.recovery_codes[1]);
        }
        let code = bench.alice.code_in(30);
        bench.assert_let_in(&code);
        bench.assert_refused(&code);
        let damage = journal.lines_with("event=state-damaged");
        assert!(!damage.is_empty() && damage[0].contains(STATE), "{fault}: {:?}", journal.lines());
        assert!(damage[0].starts_with("<84>"), "not LOG_AUTHPRIV and LOG_WARNING: {}", damage[0]);
        bench.sandbox.run("twofactor", ["status", "alice"]).succeeded();
    }
    // Bytes between and after the records mean nothing.
    bench.broken(&format!("f={STATE}\n{}\n{}\ntruncate -s 6144 $f", flip(2048), flip(4095)));
    let journal = bench.sandbox.journal().from_here();
    bench.assert_refused(&burnt);
    bench.assert_let_in(&bench.alice.code_in(30));
    assert_eq!(journal.lines_with("event=state-damaged"), [""; 0]);
}

#[test]
fn a_state_with_both_records_damaged_is_made_anew_by_unlock_with_everything_used() {
    let bench = Bench::new();
    for fault in ["truncate -s 2047", "head -c 8192 /dev/zero | tee", "truncate -s 0"] {
        bench.broken(&format!("{fault} {STATE} >/dev/null || {fault} {STATE}"));
        denied(fault, &bench.login("if-enrolled", "alice", &bench.alice.code()), "PAM_AUTHINFO_UNAVAIL");
        bench.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
        bench.sandbox.run("twofactor", ["status", "alice"]).succeeded();
        assert_everything_counts_as_used(&bench);
    }
}

#[test]
fn a_state_that_is_missing_is_made_anew_with_everything_used() {
    let bench = Bench::new();
    bench.broken(&format!("rm {STATE}"));
    let journal = bench.sandbox.journal().from_here();
    assert_everything_counts_as_used(&bench);
    let lines = journal.lines_with("event=state-rebuilt");
    assert!(lines.len() == 1 && lines[0].contains(STATE), "{lines:?}");
}

/// And new recovery codes are the way back.
#[track_caller]
fn assert_everything_counts_as_used(bench: &Bench) {
    for answer in [bench.alice.code_in(-30), bench.alice.code(), bench.alice.recovery_codes[0].clone()] {
        bench.assert_refused(&answer);
        bench.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
    }
    let status = bench.sandbox.run("twofactor", ["status", "alice", "--json"]).succeeded().stdout;
    assert!(status.contains("\"recovery_codes_left\":0"), "{status}");
    let issued = bench.sandbox.run("twofactor", ["recovery", "alice", "--json"]).succeeded().stdout;
    let issued: serde_json::Value = serde_json::from_str(&issued).unwrap();
    let fresh = issued["recovery_codes"][9].as_str().unwrap();
    bench.assert_let_in(fresh);
    bench.assert_refused(fresh);
    bench.assert_refused(&bench.alice.recovery_codes[9]);
}

/// DESIGN, section 2: restoring a backup, or configuration management writing enrolments, never resurrects a used code.
#[test]
fn an_enrolment_from_a_backup_brings_no_used_code_back() {
    let bench = Bench::new();
    let used = [bench.alice.recovery_codes[0].clone(), bench.alice.code()];
    used.iter().for_each(|code| bench.assert_let_in(code));
    bench.keep();
    let setup = "twofactor setup alice --no-confirm --qr none >/dev/null";
    let mut back = Vec::new();
    for meanwhile in [
        "true",
        "twofactor recovery alice >/dev/null",
        &format!("{setup} --replace"),
        &format!("{setup} --label second; twofactor remove alice --label second"),
        "twofactor remove alice",
        &format!("twofactor remove alice; {setup}"),
        &format!("mount -t tmpfs -o mode=700 empty {USERS}; {setup} || true; umount {USERS}"),
    ] {
        bench.broken(&format!("{meanwhile}\ncat /kept/var/users/alice.toml >{ENROLMENT}; chmod 600 {ENROLMENT}"));
        for code in &used {
            let outcome = bench.login("if-enrolled", "alice", code).outcome().to_owned();
            if outcome != "PAM_AUTH_ERR" {
                back.push(format!("{code} after {meanwhile}: {outcome}"));
            }
        }
    }
    assert_eq!(back, [""; 0]);
}

/// Mounts a small file system over the records and copies them into it.
fn small_file_system(options: &str) -> String {
    format!("mount -t tmpfs -o mode=700,{options} small {RECORDS}; cp -a /kept/var/. {RECORDS}")
}

#[test]
fn a_full_disk_locks_nobody_out_and_loses_nothing() {
    let bench = Bench::new();
    let blocks = "! dd if=/dev/zero of=$d/ballast bs=1 status=none; ! echo x >$d/more; rm -f $d/more";
    let inodes = "n=0; while : >$d/ballast$n; do n=$((n + 1)); done 2>/dev/null";
    for (full, options, lines) in [("of blocks", "size=128k", blocks), ("of inodes", "size=1m,nr_inodes=40", inodes)] {
        bench.broken(&format!("d={RECORDS}\n{}\n{lines}", small_file_system(options)));
        let before = bench.inventory();
        let journal = bench.sandbox.journal().from_here();
        let code = bench.alice.code();
        bench.assert_let_in(&code);
        bench.assert_refused(&code);
        let (used, unused) = (&bench.alice.recovery_codes[0], &bench.alice.recovery_codes[1]);
        bench.assert_let_in(used);
        bench.assert_refused(used);
        assert_eq!(journal.lines_with("outcome=unavailable"), [""; 0]);
        let enrolments = |inventory: &str| -> Vec<String> {
            inventory.lines().filter(|line| !line.contains("state/alice")).map(str::to_owned).collect()
        };
        for command in [
            "setup alice --label another --no-confirm --json",
            "setup alice --replace --no-confirm --json",
            "recovery alice",
            "keys rotate --resume --retire",
            "remove alice --method recovery",
        ] {
            let output = bench.sandbox.run("twofactor", command.split(' '));
            if command.starts_with("keys") {
                // Nothing is sealed under an older key, so that there is nothing to write.
                assert!(output.status.success(), "{output:?}");
            } else {
                two_lines(&format!("{command} on a disk full {full}"), &output, USERS, "No space left on device");
            }
            assert_eq!(enrolments(&bench.inventory()), enrolments(&before), "{command} on a disk full {full}");
        }
        bench.assert_let_in(unused);
        bench.assert_let_in(&bench.alice.code_in(30));
        // Who was kept out by the throttle would be freed even now.
        bench.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
    }
}

#[test]
fn a_first_enrolment_that_finds_too_little_room_leaves_nothing() {
    let bench = Bench::new();
    let mut outcomes = Vec::new();
    for pages in 0..8 {
        let fill = format!(
            "dd if=/dev/zero of=$d/ballast bs=1 status=none || true; truncate -s -$((4096 * {pages})) $d/ballast"
        );
        bench.broken(&format!("d={RECORDS}\n{}\n{fill}", small_file_system("size=128k")));
        let before = bench.inventory();
        let command = "setup bob --no-confirm --json";
        let output = bench.sandbox.run("twofactor", command.split(' '));
        outcomes.push(output.status.success());
        if !output.status.success() {
            two_lines(command, &output, RECORDS, "No space left on device");
            assert_eq!(bench.inventory(), before, "with {pages} free pages");
        }
        let status = bench.sandbox.run("twofactor", ["status", "bob", "--json"]).succeeded().stdout;
        assert!(status.contains(&format!("\"enrolled\":{}", output.status.success())), "{status}");
    }
    assert!(!outcomes[0] && outcomes[7] && outcomes.is_sorted(), "{outcomes:?}");
}

#[test]
fn a_host_whose_files_may_not_grow_is_not_killed() {
    let bench = Bench::new();
    let limited = |user: &str, limit: u64| {
        let mut script = script("if-enrolled", user, &bench.alice.code());
        script["fsize_limit"] = json!(limit);
        bench.sandbox.pam_host(script)
    };
    bench.sandbox.add_user("carol", "correct horse");
    for state in ["true", &format!("rm {STATE}")] {
        bench.broken(state);
        for limit in [0, 1, 4096, 6143] {
            let journal = bench.sandbox.journal().from_here();
            denied(&format!("{limit}"), &limited("alice", limit), "PAM_AUTHINFO_UNAVAIL");
            logged(&format!("{limit}"), &journal, "outcome=unavailable", STATE, "file size limit");
        }
    }
    denied("nobody", &limited("nobody-knows", 0), "PAM_AUTH_ERR");
    bench.restore();
    let before = bench.sandbox.read(ENROLMENT);
    assert!(!bench.sandbox.bash("ulimit -f 0; twofactor recovery alice").status.success());
    assert_eq!(bench.sandbox.read(ENROLMENT), before);
    bench.assert_let_in(&bench.alice.recovery_codes[0]);
    bench.assert_let_in(&bench.alice.code());
}

/// Whoever starts a `su` can stop it at any moment, also while it holds a state.
#[test]
fn a_state_held_by_a_stopped_process_is_waited_for_ten_seconds_and_then_taken_over() {
    let bench = Bench::new();
    let bob = bench.enrol_bob();
    let used = &bench.alice.recovery_codes[0];
    bench.assert_let_in(used);
    bench.sandbox.spawn("flock", [STATE, "bash", "-c", "echo >/run/held; kill -STOP $$"]);
    bench.sandbox.wait_for_path("/run/held", Duration::from_secs(10));
    let code = bench.alice.code();
    let host = bench.sandbox.start_pam_host(script("if-enrolled", "alice", &code));
    // Nobody else waits, and neither does who only looks.
    let others = bench.login("required", "bob", &bob.code());
    assert_eq!(others.outcome(), "PAM_SUCCESS");
    assert!(others.cycle().seconds() < 2.0, "{} s", others.cycle().seconds());
    bench.sandbox.run("twofactor", ["status", "alice"]).succeeded();
    let report = host.report();
    assert_eq!(report.outcome(), "PAM_SUCCESS");
    assert!((9.0..12.0).contains(&report.cycle().seconds()), "{} s", report.cycle().seconds());
    // From then on nobody holds anything, and what was used is still used.
    for answer in [&code, used] {
        denied("after the take-over", &bench.login("if-enrolled", "alice", answer), "PAM_AUTH_ERR");
    }
}
