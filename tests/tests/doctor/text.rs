//! What it says as a whole: to people, line by line, and to programs.

use crate::machine::Machine;

#[test]
fn a_sound_machine_has_nothing_wrong() {
    let machine = Machine::sound();
    assert_eq!(machine.wrong(), [""; 0], "{:#?}", machine.findings());
    let text = machine.0.run("twofactor", ["doctor"]).succeeded().stdout;
    assert!(text.lines().all(|line| line.starts_with("ok    ")), "{text}");
}

#[test]
fn what_is_wrong_is_said_to_people_with_the_line_to_change_below_it() {
    let machine = Machine::sound();
    machine.0.stack("sudo", "auth sufficient pam_unix.so nullok\n-auth required pam_twofactor.so nodelay\n");
    machine.0.stack("x", "auth requisite pam_unix.so\nauth optional pam_twofactor.so [debug] verbose\n");
    machine.0.bash("sed -i 's/^Auth.*/UseDNS yes/' /etc/ssh/sshd_config; chmod 0640 /etc/twofactor/keyring.toml");
    machine.0.write("/etc/twofactor/config.toml", "[policy]\nmode = 'monitor'\n", 0o644);
    let output = machine.0.run("twofactor", ["doctor"]);
    assert_eq!(
        output.stdout,
        "\
ok    the settings can be read
FAIL  /etc/pam.d/sudo:1 lets people in past our line /etc/pam.d/sudo:2, which is never called then (sudo)
      write /etc/pam.d/sudo:1 so: auth requisite pam_unix.so nullok
FAIL  /etc/pam.d/sudo:2: whoever is asked for none is refused all the same, as no module of the stack says yes to them (sudo)
      write a first line in /etc/pam.d/sudo: @include common-auth
FAIL  /etc/pam.d/x:2 has the word \"verbose\", which our module does not know: it refuses everybody (x)
      write /etc/pam.d/x:2 so: auth optional pam_twofactor.so debug
FAIL  /etc/pam.d/x:2 has the control optional: a wrong code gets in (x)
      write /etc/pam.d/x:2 so: auth required pam_twofactor.so debug
warn  a key gets in at sshd without a code: PAM is not asked after it
      write a first line in /etc/ssh/sshd_config: AuthenticationMethods publickey,keyboard-interactive keyboard-interactive; then: systemctl reload ssh; with PermitRootLogin prohibit-password root is then refused: only PermitRootLogin yes lets root in with key and code; check: sshd -t; keep a session open
ok    nobody whom getent lists with a shell would stand outside
warn  mode \"monitor\" keeps nobody out
      when the log has no surprises any more, write /etc/twofactor/config.toml:2 so: mode = \"required\"
FAIL  /etc/twofactor/keyring.toml: others can get at it (mode 0640)
      chmod 0600 /etc/twofactor/keyring.toml
"
    );
    assert_eq!(output.stderr, "error: 5 checks failed\nhint: see what each of them says to do\n");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn programs_hear_of_each_check_its_level_what_it_found_and_what_to_do() {
    let machine = Machine::sound();
    machine.0.bash("chmod 0640 /etc/twofactor/keyring.toml").succeeded();
    let output = machine.0.run("twofactor", ["doctor", "--json"]);
    assert_eq!((output.status.code(), output.stdout.lines().count()), (Some(1), 1));
    let found: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        found[0],
        serde_json::json!({ "check": "config", "level": "ok", "message": "the settings can be read", "hint": "" })
    );
    let finding = serde_json::json!({
        "check": "files-mode",
        "level": "fail",
        "message": "/etc/twofactor/keyring.toml: others can get at it (mode 0640)",
        "hint": "chmod 0600 /etc/twofactor/keyring.toml",
    });
    assert!(found.as_array().unwrap().contains(&finding), "{found:#}");
    for one in found.as_array().unwrap() {
        let keys: Vec<_> = one.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            keys.iter().copied().collect::<std::collections::BTreeSet<_>>(),
            ["check", "hint", "level", "message"].into()
        );
        assert!(["ok", "warn", "fail"].contains(&one["level"].as_str().unwrap()));
    }
}
