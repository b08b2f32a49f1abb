//! Rules at the real sshd, sudo and su: what sshd has proved, where people come from, and what is remembered of them.

use support::{Door, Program, Visit, security_key};

const BY_CODE_BY_RULE: &str = "outcome=proved reason=code-accepted rule=1 method=totp device=authenticator";
const BY_CODE: &str = "outcome=proved reason=code-accepted method=totp device=authenticator";

#[test]
fn who_has_a_key_is_spared_the_code_where_a_rule_says_so_and_nowhere_else() {
    let door = Door::new(Program::SshKey);
    let alice = door.enrol("alice");
    asked(door.knock("alice"), &alice.code(), BY_CODE);
    for (rule, spared) in [
        ("ssh_auth = ['publickey']", true),
        ("ssh_auth = ['publickey:ssh-*']", true),
        ("ssh_auth = ['publickey:ssh-ed25519']", true),
        ("ssh_auth = ['password']", false),
        ("ssh_auth = ['publickey:sk-*']", false),
        ("ssh_auth = ['publickey:ssh-rsa']", false),
    ] {
        door.configure(&format!("[[policy.rule]]\n{rule}\nmode = 'off'\n"));
        let visit = door.knock("alice");
        if spared {
            visit.is_let_in("outcome=not-due reason=policy-off rule=1");
        } else {
            is_asked(visit);
        }
    }
}

#[test]
fn a_hardware_key_is_spared_the_code_and_any_other_key_is_not() {
    let door = Door::with_sshd(Program::SshKey, "AuthorizedKeysFile /run/client_key.pub /run/other_key.pub\n");
    let provider = security_key();
    let make = format!("ssh-keygen -q -t ed25519-sk -w {} -N '' -f /run/other_key", provider.display());
    door.sandbox.bash(&make).succeeded();
    door.enrol("alice");
    door.configure("[[policy.rule]]\nssh_auth = ['publickey:sk-*']\nmode = 'off'\n");
    let by_hardware = format!("SecurityKeyProvider={}", provider.display());
    is_asked(door.ssh("alice", &[&by_hardware]));
    change_keys(&door);
    door.ssh("alice", &[&by_hardware]).is_let_in("outcome=not-due reason=policy-off rule=1");
    door.configure("[[policy.rule]]\nssh_auth = ['publickey:ssh-*']\nmode = 'off'\n");
    // ssh has more to say here than the prompt: that the key has to be touched, and was.
    let mut visit = door.ssh("alice", &[&by_hardware]);
    visit.expect("User presence confirmed");
    visit.expect("Verification code: ");
    assert!(visit.decisions().is_empty());
}

#[test]
fn a_password_is_no_key_whatever_the_caller_says() {
    let door = Door::new(Program::Ssh);
    door.enrol("alice");
    door.configure("[[policy.rule]]\nssh_auth = ['publickey']\nmode = 'off'\n");
    is_asked(door.knock("alice"));
    // Of su, which is no sshd, the environment tells nothing.
    let door = Door::new(Program::Su);
    door.enrol("alice");
    door.configure("[[policy.rule]]\nssh_auth = ['publickey']\nmode = 'off'\n");
    let command = ["env", "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA", "su", "alice", "--command", "true"];
    let mut visit = door.visit("nobody", "alice", &command);
    visit.answer_password();
    is_asked(visit);
}

#[test]
fn a_network_is_told_by_the_address_and_not_by_a_name() {
    let door = Door::with_sshd(Program::SshKey, "ListenAddress 0.0.0.0\nListenAddress ::\n");
    let inside = door.sandbox.neighbour("inside", "10.20.30", "fd00:20:30:40");
    let outside = door.sandbox.neighbour("outside", "192.0.2", "2001:db8:0:7");
    let alice = door.enrol("alice");
    door.configure("[[policy.rule]]\nrhost = ['10.0.0.0/8', 'fd00::/8']\nmode = 'off'\n");
    for server in ["10.20.30.1", "fd00:20:30:40::1"] {
        door.ssh_from(&inside, server, "alice", &[]).is_let_in("outcome=not-due reason=policy-off rule=1");
    }
    for server in ["192.0.2.1", "2001:db8:0:7::1"] {
        is_asked(door.ssh_from(&outside, server, "alice", &[]));
    }
    asked(door.ssh_from(&outside, "192.0.2.1", "alice", &[]), &alice.code(), BY_CODE);
}

#[test]
fn a_server_that_passes_names_on_has_no_networks() {
    let door = Door::with_sshd(Program::SshKey, "ListenAddress 0.0.0.0\nUseDNS yes\n");
    let inside = door.sandbox.neighbour("inside", "10.20.30", "fd00:20:30:40");
    door.sandbox.name_host("10.20.30.2", &["10.0.0.1.example.test"]);
    door.enrol("alice");
    door.configure("[[policy.rule]]\nrhost = ['10.0.0.0/8']\nmode = 'off'\n[[policy.rule]]\nremember = '1h'\n");
    is_asked(door.ssh_from(&inside, "10.20.30.1", "alice", &[]));
}

#[test]
fn who_comes_again_from_the_same_address_with_the_same_key_is_not_asked_again() {
    let settings = "ListenAddress 0.0.0.0\nAuthorizedKeysFile /run/client_key.pub /run/other_key.pub\n";
    let door = Door::with_sshd(Program::SshKey, settings);
    door.sandbox.bash("ssh-keygen -q -t ecdsa -N '' -f /run/other_key").succeeded();
    let (here, there) = (
        door.sandbox.neighbour("here", "192.0.2", "2001:db8:0:7"),
        door.sandbox.neighbour("there", "198.51.100", "2001:db8:0:8"),
    );
    let mut alice = door.enrol("alice");
    door.configure("[[policy.rule]]\nservice = ['sshd']\nremember = '8h'\n[totp]\nwindow = 4\n");
    let from_here = || door.ssh_from(&here, "192.0.2.1", "alice", &[]);
    let remembered = "outcome=not-due reason=remembered rule=1";

    asked(from_here(), &alice.code_in(-120), BY_CODE_BY_RULE);
    from_here().is_let_in(remembered);
    is_asked(door.ssh_from(&there, "198.51.100.1", "alice", &[]));
    change_keys(&door);
    is_asked(from_here());
    change_keys(&door);
    from_here().is_let_in(remembered);

    for (change, code) in [("forget", -90), ("unlock", -60)] {
        door.sandbox.run("twofactor", [change, "alice"]).succeeded();
        is_asked(from_here());
        asked(from_here(), &alice.code_in(code), BY_CODE_BY_RULE);
        from_here().is_let_in(remembered);
    }
    let sheet = alice.recovery_codes.pop().unwrap();
    asked(
        door.ssh_from(&there, "198.51.100.1", "alice", &[]),
        &sheet,
        "outcome=proved reason=code-accepted rule=1 method=recovery recovery_codes_left=9",
    );
    is_asked(from_here());
}

#[test]
fn sudo_asks_by_the_groups_of_who_calls_and_su_by_who_is_entered() {
    let rules = "[[policy.rule]]\nservice = ['sudo']\ngroup = ['careful']\n\
                 [[policy.rule]]\nservice = ['su']\nuser = ['alice']\nmethods = ['totp']\n\
                 [[policy.rule]]\nservice = ['sudo', 'su']\nmode = 'off'\n";
    let door = Door::new(Program::Sudo);
    door.sandbox.bash("groupadd careful; usermod --append --groups careful alice");
    door.enrol("alice");
    door.configure(rules);
    door.knock("bob").is_let_in("outcome=not-due reason=policy-off rule=3");
    is_asked(door.knock("alice"));

    let door = Door::new(Program::Su);
    let mut alice = door.enrol("alice");
    door.configure(rules);
    door.knock("bob").is_let_in("outcome=not-due reason=policy-off rule=3");
    let sheet = alice.recovery_codes.pop().unwrap();
    let mut visit = door.knock("alice");
    visit.answer("", &sheet);
    visit.answer("(wrong code, 2 tries left, ? for help)", &alice.code());
    visit.is_let_in("outcome=proved reason=code-accepted rule=2 method=totp device=authenticator");
}

#[test]
fn sudo_is_remembered_in_its_session_and_not_in_another_at_the_same_terminal() {
    let door = Door::new(Program::Sudo);
    let alice = door.enrol("alice");
    door.configure("[[policy.rule]]\nremember = '1h'\n");
    let twice = "sudo --reset-timestamp true; sudo --reset-timestamp true; echo done";
    let mut visit = door.visit("alice", "alice", &["bash", "-c", twice]);
    visit.answer_sudo();
    visit.answer("", &alice.code());
    visit.answer_sudo();
    visit.expect("done");
    assert_eq!(visit.decisions(), [BY_CODE_BY_RULE, "outcome=not-due reason=remembered rule=1"]);
    is_asked(door.knock("alice"));
}

/// The client comes with its other key from now on.
fn change_keys(door: &Door) {
    let change = "for end in '' .pub; do
        mv /run/client_key$end /run/kept$end; mv /run/other_key$end /run/client_key$end; mv /run/kept$end /run/other_key$end
    done";
    door.sandbox.bash(change).succeeded();
}

/// Somebody is asked, and gets in by this code.
#[track_caller]
fn asked(mut visit: Visit<'_>, code: &str, decision: &str) {
    visit.answer("", code);
    visit.is_let_in(decision);
}

/// Somebody is asked, and goes away.
#[track_caller]
fn is_asked(mut visit: Visit<'_>) {
    visit.is_asked("");
    assert!(visit.decisions().is_empty());
}
