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
fn rules_that_cannot_be_meant_are_named_with_their_lines() {
    let machine = Machine::sound();
    let file = "/etc/twofactor/config.toml";
    machine.0.bash("groupadd admin; groupadd --non-unique --gid $(getent group admin | cut -d: -f3) ops").succeeded();
    for (rules, check, level, message, hint, mended) in [
        (
            "issuer = 'x'\n[policy]\nunenrolled = 'enroll'\n",
            "policy-enroll",
            "warn",
            "unenrolled = \"enroll\" trusts whoever knows a password and comes first, for ever",
            "write /etc/twofactor/config.toml:3 so: unenrolled = \"invite\"; or give it a last day: \"enroll until \
             YYYY-MM-DD\"",
            "issuer = 'x'\n[policy]\nunenrolled = \"invite\"\n",
        ),
        (
            "[[policy.rule]]\nservice = ['su']\nmode = 'monitor'\n",
            "policy-monitor",
            "warn",
            "mode \"monitor\" keeps nobody out",
            "when the log has no surprises any more, write /etc/twofactor/config.toml:3 so: mode = \"required\"",
            "[[policy.rule]]\nservice = ['su']\nmode = \"required\"\n",
        ),
        (
            "[[policy.rule]]\nservice = ['su']\n\n[[policy.rule]]\nservice = ['su']\nuser = ['bin']\nmode = 'off'\n",
            "policy-order",
            "fail",
            "rule 2 of [policy] (/etc/twofactor/config.toml:4) never matches: rule 1 (/etc/twofactor/config.toml:1) \
             matches all that it does",
            "put lines 4 to 7 of /etc/twofactor/config.toml above line 1, or take them out",
            "[[policy.rule]]\nservice = ['su']\nuser = ['bin']\nmode = 'off'\n[[policy.rule]]\nservice = ['su']\n\n",
        ),
        (
            "[[policy.rule]]\ngroup = ['users', 'ghosts']\n",
            "policy-groups",
            "fail",
            "rule 1 of [policy] names the group \"ghosts\" (/etc/twofactor/config.toml:2), which there is not",
            "write /etc/twofactor/config.toml:2 so: group = [\"users\"]; or make the group: groupadd ghosts",
            "[[policy.rule]]\ngroup = [\"users\"]\n",
        ),
        (
            "[[policy.rule]]\ngroup = ['ghosts']\n\n[[policy.rule]]\nservice = ['su']\n",
            "policy-groups",
            "fail",
            "rule 1 of [policy] names the group \"ghosts\" (/etc/twofactor/config.toml:2), which there is not",
            "take out lines 1 to 2 of /etc/twofactor/config.toml; or make the group: groupadd ghosts",
            "\n[[policy.rule]]\nservice = ['su']\n",
        ),
        (
            "[[policy.rule]]\ngroup = ['ops']\n",
            "policy-groups",
            "fail",
            "rule 1 of [policy] names the group \"ops\" (/etc/twofactor/config.toml:2), whose number is that of \
             \"admin\"",
            "write /etc/twofactor/config.toml:2 so: group = [\"admin\"]; or give ops a number of its own: groupmod -g \
             NUMBER ops",
            "[[policy.rule]]\ngroup = [\"admin\"]\n",
        ),
        (
            "[[policy.rule]]\nservice = ['su']\nuser = ['bin', 'ghost']\n",
            "policy-users",
            "fail",
            "rule 1 of [policy] names the user \"ghost\" (/etc/twofactor/config.toml:3), whom there is not",
            "write /etc/twofactor/config.toml:3 so: user = [\"bin\"]; see who there is: getent passwd",
            "[[policy.rule]]\nservice = ['su']\nuser = [\"bin\"]\n",
        ),
        (
            "issuer = 'x'\n[[policy.rule]]\nuser = ['ghost']\nmode = 'off'\n",
            "policy-users",
            "fail",
            "rule 1 of [policy] names the user \"ghost\" (/etc/twofactor/config.toml:3), whom there is not",
            "take out lines 2 to 4 of /etc/twofactor/config.toml; see who there is: getent passwd",
            "issuer = 'x'\n",
        ),
    ] {
        machine.0.write(file, rules, 0o644);
        let finding = machine.finding(check);
        assert_eq!((finding.message.as_str(), finding.hint.as_str()), (message, hint));
        machine.breaks_and_mends("true", check, level);
        assert_eq!(machine.0.read(file), mended);
    }
    machine.0.write(file, "[policy]\nunenrolled = 'enroll until 2027-01-31'\n", 0o644);
    assert_eq!(machine.wrong(), [""; 0]);
    // What has no line of its own is named with its file.
    machine.0.write(
        file,
        "policy = { rule = [{ service = ['su'], mode = 'monitor' }, { service = ['su'] }] }\n",
        0o644,
    );
    let hint = machine.finding("policy-order").hint;
    assert_eq!(hint, "in /etc/twofactor/config.toml, put rule 2 before rule 1, or take it out");
    let hint = machine.finding("policy-monitor").hint;
    assert_eq!(
        hint,
        "when the log has no surprises any more, in /etc/twofactor/config.toml:1, write: mode = \"required\""
    );
    machine.0.write(file, "policy = { rule = [{ user = ['ghost'] }] }\n", 0o644);
    assert_eq!(
        machine.finding("policy-users").hint,
        "take rule 1 out of /etc/twofactor/config.toml; see who there is: getent passwd"
    );
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
