//! Who would stand outside.

use crate::machine::Machine;

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
fn rules_that_cannot_be_meant_are_named() {
    let machine = Machine::sound();
    let rules = |text: &str| machine.0.write("/etc/twofactor/config.toml", text, 0o644);
    rules("[policy]\nmode = 'required'\nunenrolled = 'enroll'\n");
    assert_eq!(machine.finding("policy-enroll").level, "warn");
    rules("[policy]\nmode = 'required'\nunenrolled = 'enroll until 2027-01-31'\n");
    assert_eq!(machine.wrong(), [""; 0]);
    rules("[policy]\nmode = 'monitor'\n");
    assert_eq!(
        machine.finding("policy-monitor").hint,
        "when the log has no surprises any more, write mode = \"required\""
    );
    rules("[policy]\nmode = \"required\"\n");
    assert_eq!(machine.wrong(), [""; 0]);
    rules("[[policy.rule]]\nservice = ['su']\n[[policy.rule]]\nservice = ['su']\nuser = ['bin']\nmode = 'off'\n");
    assert_eq!(machine.finding("policy-order").hint, "put rule 2 before rule 1, or take it out");
    rules("[[policy.rule]]\nservice = ['su']\nuser = ['bin']\nmode = 'off'\n[[policy.rule]]\nservice = ['su']\n");
    assert_eq!(machine.wrong(), [""; 0]);
    rules("[[policy.rule]]\ngroup = ['ghosts']\n");
    machine.breaks_and_mends("true", "policy-groups", "fail");
    rules("[[policy.rule]]\nuser = ['ghost']\n");
    assert_eq!(machine.finding("policy-users").hint, "see who there is: getent passwd");
    machine.0.bash("useradd --shell /usr/sbin/nologin ghost").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
}

#[test]
fn a_user_database_that_does_not_answer_is_named_and_hides_nothing_else() {
    let machine = Machine::sound();
    machine.0.bash("cp /usr/bin/getent /root/getent; rm /usr/bin/getent").succeeded();
    machine.0.write("/usr/bin/getent", "#!/bin/sh\nexit 2\n", 0o755);
    machine.0.bash("chmod 0644 /etc/twofactor/keyring.toml").succeeded();
    assert_eq!(machine.wrong(), ["people", "files-mode"]);
    machine.0.bash("cp /root/getent /usr/bin/getent; chmod 0600 /etc/twofactor/keyring.toml").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
}
