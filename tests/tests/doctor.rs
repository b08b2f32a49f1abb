//! What `twofactor doctor` finds, on machines with Debian's own stacks and the real sshd: each check has a system that
//! it names and, once its own advice is followed to the letter, one that it does not.

use serde_json::Value;
use support::Sandbox;

/// One finding.
#[derive(Debug)]
struct Finding {
    check: String,
    level: String,
    message: String,
    hint: String,
}

struct Machine(Sandbox);

impl Machine {
    /// Debian's stacks with our line behind the password, an sshd that asks, and everybody enrolled.
    fn sound() -> Machine {
        let sandbox = Sandbox::installed();
        sandbox.bash(
            "for service in sshd sudo sudo-i su login; do cp /usr/share/doc/pam-twofactor/pam.d/$service /etc/pam.d/; done
             cat >/etc/ssh/sshd_config <<'END'
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods publickey,keyboard-interactive keyboard-interactive
END
             ssh-keygen -q -A",
        )
        .succeeded();
        sandbox.add_user("alice", "correct horse");
        sandbox.enrol("alice");
        sandbox.enrol("root");
        Machine(sandbox)
    }

    fn findings(&self) -> Vec<Finding> {
        let output = self.0.run("twofactor", ["doctor", "--json"]);
        let found: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"));
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let findings: Vec<_> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|one| Finding {
                check: text(one, "check"),
                level: text(one, "level"),
                message: text(one, "message"),
                hint: text(one, "hint"),
            })
            .collect();
        let fails = findings.iter().any(|finding| finding.level == "fail");
        assert_eq!(output.status.code(), Some(i32::from(fails)), "{findings:#?}");
        findings
    }

    /// What is not in order, by the names of the checks.
    fn wrong(&self) -> Vec<String> {
        let wrong = self.findings().into_iter().filter(|finding| finding.level != "ok");
        wrong.map(|finding| finding.check).collect()
    }

    #[track_caller]
    fn finding(&self, check: &str) -> Finding {
        let findings = self.findings();
        let described = format!("{findings:#?}");
        findings.into_iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("{check}: {described}"))
    }

    /// Breaks something, sees that one check names it, does what the check says, and sees that nothing is wrong any more.
    #[track_caller]
    fn breaks_and_mends(&self, breaking: &str, check: &str, level: &str) {
        self.0.bash(breaking).succeeded();
        let mut left = 8;
        let mut finding = self.finding(check);
        assert_eq!(finding.level, level, "{finding:?}");
        loop {
            self.follow(&finding.hint);
            let wrong = self.findings().into_iter().find(|finding| finding.level != "ok");
            let Some(next) = wrong else { return };
            assert!(left > 0, "{breaking}: still {next:?}");
            left -= 1;
            finding = next;
        }
    }

    /// Does what a hint says.
    #[track_caller]
    fn follow(&self, hint: &str) {
        println!("following: {hint}");
        if let Some((place, line)) = hint.strip_prefix("write ").and_then(|rest| rest.split_once(" so: ")) {
            let (file, number) = place.rsplit_once(':').unwrap();
            let line = line.split(';').next().unwrap();
            return self.edit(file, |lines| lines[number.parse::<usize>().unwrap() - 1] = line.to_owned());
        }
        if let Some(rest) = hint.strip_prefix("write a first line in ") {
            let (file, line) = rest.split_once(": ").unwrap();
            let line = line.split(';').next().unwrap();
            return self.edit(file, |lines| lines.insert(0, line.to_owned()));
        }
        if let Some(rest) = hint.strip_prefix("write a last auth line in ") {
            let (file, line) = rest.split_once(": ").unwrap();
            return self.edit(file, |lines| lines.push(line.to_owned()));
        }
        if let Some((line, place)) = hint.strip_prefix("put the line \"").and_then(|rest| rest.split_once("\" ")) {
            let (file, number) = place.rsplit_once(':').unwrap();
            let number: usize = number.parse().unwrap();
            let (way, file) = file.split_once(' ').unwrap();
            return self.edit(file, |lines| {
                let from = lines.iter().position(|one| one.split_whitespace().eq(line.split_whitespace())).unwrap();
                let taken = lines.remove(from);
                let to = if way == "below" { number } else { number - 1 };
                lines.insert(if from < to { to - 1 } else { to }, taken);
            });
        }
        if let Some(place) = hint.strip_prefix("take out the line ") {
            let (file, number) = place.rsplit_once(':').unwrap();
            return self.edit(file, |lines| drop(lines.remove(number.parse::<usize>().unwrap() - 1)));
        }
        let command = ["chmod ", "chown ", "useradd ", "mkdir ", "twofactor "]
            .iter()
            .find_map(|start| hint.find(start).map(|at| hint[at..].split(';').next().unwrap()));
        self.0.bash(command.unwrap_or_else(|| panic!("not to be followed: {hint}"))).succeeded();
    }

    fn edit(&self, file: &str, change: impl FnOnce(&mut Vec<String>)) {
        let mut lines: Vec<String> = self.0.read(file).lines().map(str::to_owned).collect();
        change(&mut lines);
        self.0.write(file, lines.join("\n") + "\n", 0o644);
    }
}

#[test]
fn a_sound_machine_has_nothing_wrong() {
    let machine = Machine::sound();
    assert_eq!(machine.wrong(), [""; 0], "{:#?}", machine.findings());
    let text = machine.0.run("twofactor", ["doctor"]).succeeded().stdout;
    assert!(text.lines().all(|line| line.starts_with("ok    ")), "{text}");
}

#[test]
fn the_profile_of_pam_auth_update_is_sound_and_twice_with_a_stack_of_ours() {
    let machine = Machine::sound();
    machine.breaks_and_mends("pam-auth-update --enable twofactor", "stack-twice", "fail");
    let ours = machine.0.run("grep", ["-l", "pam_twofactor", "-r", "/etc/pam.d"]).succeeded().stdout;
    assert_eq!(ours, "/etc/pam.d/common-auth\n");
}

#[test]
fn a_line_that_is_not_reached_or_decides_nothing_is_named_and_its_mending_mends_it() {
    let machine = Machine::sound();
    for (stack, check) in [
        ("auth sufficient pam_unix.so\nauth required pam_twofactor.so", "stack-past"),
        ("auth sufficient pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twofactor.so", "stack-past"),
        ("auth requisite pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twofactor.so", "stack-unreached"),
        (
            "auth [success=2 default=ignore] pam_unix.so\nauth required pam_twofactor.so\nauth requisite pam_deny.so\n\
             auth required pam_permit.so",
            "stack-past",
        ),
        ("@include common-auth\nauth sufficient pam_twofactor.so", "stack-control"),
        ("@include common-auth\nauth optional pam_twofactor.so nodelay", "stack-control"),
        ("@include common-auth\nauth [success=ok default=ignore] pam_twofactor.so", "stack-control"),
        ("@include common-auth\nauth required pam_twofactor.so\nauth required pam_twofactor.so", "stack-twice"),
    ] {
        machine.breaks_and_mends(&format!("echo '{stack}' >/etc/pam.d/sudo"), check, "fail");
    }
    // One mistake in a file that many include is one finding.
    machine.0.bash("sed -i '1i auth sufficient pam_unix.so' /etc/pam.d/common-auth").succeeded();
    let past: Vec<_> = machine.findings().into_iter().filter(|finding| finding.check == "stack-past").collect();
    assert!(past.iter().all(|finding| finding.message.starts_with("/etc/pam.d/common-auth:1 lets people in past")));
}

#[test]
fn a_stack_in_which_nobody_says_yes_is_named() {
    let machine = Machine::sound();
    machine.0.write("/etc/twofactor/config.toml", "[[policy.rule]]\nservice = ['sudo']\nremember = '8h'\n", 0o644);
    let stack = "auth [success=1 ignore=1 default=die] pam_twofactor.so\nauth requisite pam_deny.so";
    machine.breaks_and_mends(&format!("echo '{stack}' >/etc/pam.d/sudo"), "stack-permit", "fail");
    machine.breaks_and_mends("echo 'auth required pam_twofactor.so' >/etc/pam.d/sudo", "stack-permit", "fail");
    machine.0.bash("sed -i /pam_twofactor/d /etc/pam.d/*").succeeded();
    assert_eq!(machine.finding("stack-none").level, "fail");
}

#[test]
fn an_sshd_that_does_not_come_to_our_line_is_named() {
    let machine = Machine::sound();
    let config = "/etc/ssh/sshd_config";
    let whole = machine.0.read(config);
    for (breaking, check, level) in [
        ("sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config", "sshd-pam", "fail"),
        (
            "sed -i '1i Include /etc/ssh/sshd_config.d/*.conf' /etc/ssh/sshd_config
             sed -i 's/^Auth.*/PubkeyAuthentication no/' /etc/ssh/sshd_config
             echo 'KbdInteractiveAuthentication no' >/etc/ssh/sshd_config.d/50-cloud.conf",
            "sshd-interactive",
            "fail",
        ),
        ("sed -i /AuthenticationMethods/d /etc/ssh/sshd_config", "sshd-key", "warn"),
        (
            "sed -i '/AuthenticationMethods/d; s/^PasswordA.*/PasswordAuthentication yes/; 1i PubkeyAuthentication no' \
             /etc/ssh/sshd_config",
            "sshd-password",
            "warn",
        ),
        (
            "cp /usr/share/doc/pam-twofactor/pam.d/sshd-key /etc/pam.d/sshd
             sed -i /AuthenticationMethods/d /etc/ssh/sshd_config",
            "sshd-code-alone",
            "fail",
        ),
        (
            "printf \"[[policy.rule]]\\nrhost = ['10.0.0.0/8']\\n\" >/etc/twofactor/config.toml
             sed -i '1i UseDNS yes' /etc/ssh/sshd_config",
            "sshd-dns",
            "warn",
        ),
        (
            "printf \"[[policy.rule]]\\nssh_auth = ['publickey']\\n\" >/etc/twofactor/config.toml
             sed -i 's/^Auth.*/AuthenticationMethods publickey,password/; s/^PasswordA.*/PasswordAuthentication yes/' \
             /etc/ssh/sshd_config",
            "sshd-ssh-auth",
            "warn",
        ),
    ] {
        machine.0.write(config, &whole, 0o644);
        machine.0.bash("rm -f /etc/ssh/sshd_config.d/*.conf").succeeded();
        machine.breaks_and_mends(breaking, check, level);
    }
}

#[test]
fn an_sshd_that_does_not_say_how_it_is_set_up_is_named_with_its_reason() {
    let machine = Machine::sound();
    machine.breaks_and_mends("rmdir /run/sshd", "sshd-read", "warn");
    machine.0.bash("sed -i 's/^Kbd.*/KbdInteractiveAuthentication no/' /etc/ssh/sshd_config").succeeded();
    let finding = machine.finding("sshd-read");
    assert!(finding.level == "fail" && finding.message.contains("AuthenticationMethods"), "{finding:?}");
}

#[test]
fn a_match_block_that_spares_one_person_the_code_is_named_with_the_person() {
    let machine = Machine::sound();
    machine.0.bash("printf 'Match User alice\\nAuthenticationMethods publickey\\n' >>/etc/ssh/sshd_config").succeeded();
    let finding = machine.finding("sshd-key");
    assert!(finding.message.ends_with(", for alice"), "{finding:?}");
    machine
        .0
        .bash("sed -i '$s/.*/AuthenticationMethods publickey,keyboard-interactive/' /etc/ssh/sshd_config")
        .succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
}

#[test]
fn people_who_would_stand_outside_are_named() {
    let machine = Machine::sound();
    machine.0.add_user("bob", "correct horse");
    let finding = machine.finding("people-outside");
    assert!(finding.level == "warn" && finding.message.ends_with(": bob"), "{finding:?}");
    machine.0.bash("twofactor setup bob --no-confirm --json").succeeded();
    machine.0.bash("echo root:secret | chpasswd; twofactor remove root").succeeded();
    assert_eq!(machine.finding("people-root").level, "fail");
    machine.0.bash("twofactor setup root --no-confirm --json").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
}

#[test]
fn records_that_others_can_get_at_or_that_do_not_open_are_named() {
    let machine = Machine::sound();
    for (breaking, check, level) in [
        ("chmod 0755 /var/lib/twofactor/users", "files-mode", "fail"),
        ("chmod 0644 /etc/twofactor/keyring.toml", "files-mode", "fail"),
        ("chown alice /var/lib/twofactor/state", "files", "fail"),
        ("chown alice /etc/twofactor/keyring.toml", "files-owner", "fail"),
        ("chmod 0777 /var/lib/twofactor", "files", "fail"),
    ] {
        machine.breaks_and_mends(breaking, check, level);
    }
    machine.breaks_and_mends("rm /var/lib/twofactor/state/alice", "files-recovery", "warn");
    let interrupted = "cd /var/lib/twofactor/users; mv alice.toml /root; mv ../state/alice /root; twofactor keys rotate
                       mv /root/alice.toml .; mv /root/alice ../state";
    machine.breaks_and_mends(interrupted, "files-old-key", "warn");
    machine.0.bash("useradd carol; twofactor setup carol --no-confirm --json; userdel carol").succeeded();
    assert_eq!(machine.finding("files-gone").hint, "take each away: twofactor remove carol");
    machine.0.bash("twofactor remove carol").succeeded();
    machine.0.bash("echo broken >/var/lib/twofactor/users/alice.toml").succeeded();
    assert!(machine.finding("files-enrolment").message.contains("alice"));
}

#[test]
fn a_sender_that_cannot_send_is_named() {
    let machine = Machine::sound();
    machine.0.bash("echo hunter2 >/etc/twofactor/password; chmod 600 /etc/twofactor/password").succeeded();
    let config = "methods = ['totp', 'recovery', 'email']\n[mail.smtp]\nserver = 'localhost'\nusername = 'u'\n\
                  password_file = '/etc/twofactor/password'\n";
    machine.0.write("/etc/twofactor/config.toml", config, 0o644);
    assert_eq!(machine.wrong(), [""; 0]);
    for (breaking, check) in [
        ("chmod 0644 /etc/twofactor/password", "sender-file"),
        ("chown alice /etc/twofactor/password", "sender-file"),
        ("chmod 0644 /usr/libexec/twofactor/twofactor-deliver", "sender"),
        ("userdel twofactor", "sender-user"),
    ] {
        machine.breaks_and_mends(breaking, check, "fail");
    }
}

#[test]
fn a_clock_that_nothing_keeps_is_named() {
    let machine = Machine::sound();
    for (said, level) in [("no", "warn"), ("yes", "ok")] {
        let program = format!("#!/bin/sh\necho NTPSynchronized={said}\n");
        machine.0.bash("rm /usr/bin/timedatectl").succeeded();
        machine.0.write("/usr/bin/timedatectl", program, 0o755);
        assert_eq!(machine.finding("clock").level, level);
    }
}

#[test]
fn one_login_is_explained_line_by_line() {
    let machine = Machine::sound();
    let text = machine.0.run("twofactor", ["doctor", "--user", "alice", "--service", "su"]).succeeded().stdout;
    for part in [
        "alice at su, with the right password and the right code:",
        "auth sufficient pam_rootok.so\n    auth_err: goes on",
        "auth [success=1 default=ignore] pam_unix.so nullok\n    success: jumps over 1 line",
        "auth requisite pam_deny.so\n    not reached",
        "auth required pam_twofactor.so\n    success: counts, goes on",
        "The stack lets them in; our line is reached.",
        "mode      required",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json =
        machine.0.run("twofactor", ["doctor", "--user", "alice", "--service", "su", "--json"]).succeeded().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["reached"], &json["lets_in"]), (&Value::Bool(true), &Value::Bool(true)));
    machine.0.add_user("bob", "correct horse");
    let text = machine.0.run("twofactor", ["doctor", "--user", "bob", "--service", "su"]).succeeded().stdout;
    for part in ["pam_twofactor.so\n    auth_err: will be refused", "The stack refuses them; our line is reached."] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn stacks_come_to_what_libpam_makes_of_them() {
    let machine = Machine::sound();
    // What holds where a service says nothing.
    machine.0.stack("other", "auth required pam_permit.so\n");
    let mut draw = Draw(20_261_126);
    let mut came = [0, 0];
    for round in 0..300 {
        for file in ["x", "y", "z"] {
            let mut text = String::new();
            for _ in 0..draw.below(6) + 1 {
                text.push_str(&draw.line(file));
            }
            machine.0.stack(file, &text);
        }
        let explained =
            machine.0.run("twofactor", ["doctor", "--user", "alice", "--service", "x", "--json"]).succeeded();
        let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
        let report = machine.0.pam_host(serde_json::json!({ "user": "alice", "service": "x", "answers": [] }));
        let lets_in = report.cycle().outcome() == "PAM_SUCCESS";
        let files = ["x", "y", "z"].map(|file| machine.0.read(&format!("/etc/pam.d/{file}")));
        assert_eq!(explained["lets_in"], lets_in, "round {round}: {explained:#}\n{files:#?}");
        came[usize::from(lets_in)] += 1;
    }
    assert!(came.iter().all(|count| *count > 20), "{came:?}");
}

/// Numbers that are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[usize::try_from(self.below(texts.len() as u64)).unwrap()]
    }

    /// A line of modules whose answers are known, in all the ways in which it can be written.
    fn line(&mut self, file: &str) -> String {
        let below = if file == "x" { self.one_of(&["y", "z"]) } else { "z" };
        if file != "z" && self.below(4) == 0 {
            let include = self.one_of(&["@include", "auth include", "auth substack", "AUTH Substack"]);
            return format!("{include} {below}\n");
        }
        let kind = self.one_of(&["auth", "auth", "auth", "-auth", "Auth", "account", "nonsense"]);
        let kind = if kind == "nonsense" && self.below(4) > 0 { "auth" } else { kind };
        let module = self.one_of(&["pam_permit.so", "pam_permit.so", "pam_deny.so", "pam_permit.so # x", ""]);
        let module = if module.is_empty() && self.below(4) > 0 { "pam_permit.so" } else { module };
        let control = self.one_of(&[
            "required",
            "REQUISITE",
            "optional",
            "sufficient",
            "\\\n required",
            "[success=1 default=ignore]",
            "[success=2 default=bad]",
            "[success = ok auth_err=1 default=die]",
            "[success=done \\\n# between\n new_authtok_reqd=done default=ignore]",
            "[default=ignore success=ok]",
            "[success=reset default=reset]",
            "[auth_err=ignore success=ok]",
            "[auth_err=ok default=ok]",
            "[success=wat default=ignore]",
            "[success=3]",
            "wat",
        ]);
        format!("{kind} {control} {module}\n")
    }
}
