//! Real logins: sshd, sudo, login and su with the stacks of pam.d/, people at terminals, codes from oathtool.

use serde_json::Value;
use support::{Door, Program, SAY_WHO, Sandbox};

const BY_CODE: &str = "outcome=proved reason=code-accepted method=totp device=authenticator";
const WRONG: [&str; 3] = ["", "(wrong code, 2 tries left, ? for help)", "(wrong code, 1 try left, ? for help)"];
const REPLAYED: [&str; 3] = [
    "",
    "(that code was already used, give a new one, 2 tries left)",
    "(that code was already used, give a new one, 1 try left)",
];

/// What every program must do.
macro_rules! at_every_door {
    ($($door:ident: $program:ident,)*) => { $(
        mod $door {
            use support::{Door, Program};

            #[test]
            fn a_code_gets_in_and_the_same_code_again_does_not() {
                super::a_code_gets_in_and_the_same_code_again_does_not(&Door::new(Program::$program));
            }

            #[test]
            fn wrong_codes_bring_a_wait_which_a_recovery_code_ends_once() {
                super::wrong_codes_bring_a_wait_which_a_recovery_code_ends_once(&Door::new(Program::$program));
            }

            #[test]
            fn who_is_not_enrolled_is_asked_and_refused_unless_policy_lets_them_in() {
                super::who_is_not_enrolled_is_asked_and_refused_unless_policy_lets_them_in(&Door::new(Program::$program));
            }
        }
    )* }
}

at_every_door! {
    sshd_after_a_password: Ssh,
    sshd_after_a_key_and_a_password: SshKeyAndPassword,
    sshd_after_a_key: SshKey,
    sudo: Sudo,
    login: Login,
    su: Su,
}

fn a_code_gets_in_and_the_same_code_again_does_not(door: &Door) {
    let code = door.enrol("alice").code();
    let mut first = door.knock("alice");
    first.answer("", &code);
    first.is_let_in(BY_CODE);

    let mut second = door.knock("alice");
    for remark in REPLAYED {
        second.answer(remark, &code);
    }
    second.is_refused("outcome=refused reason=replayed-code");
}

fn wrong_codes_bring_a_wait_which_a_recovery_code_ends_once(door: &Door) {
    let alice = door.enrol("alice");
    let (wrong, recovery) = (alice.wrong_code(), alice.recovery_codes[3].as_str());
    let mut fails = door.knock("alice");
    for remark in WRONG {
        fails.answer(remark, &wrong);
    }
    fails.is_refused("outcome=refused reason=wrong-code");

    let mut must_wait = door.knock("alice");
    must_wait.answer("", &wrong);
    assert_eq!(must_wait.answer_though_held(&alice.code()), 30);
    assert!((1..=30).contains(&must_wait.answer_though_held(&alice.code())));
    must_wait.is_refused("outcome=throttled reason=too-many-failures");

    let mut rescued = door.knock("alice");
    assert!((1..=30).contains(&rescued.answer_though_held(&alice.code())));
    rescued.answer_though_held(recovery);
    rescued.is_let_in("outcome=proved reason=code-accepted method=recovery recovery_codes_left=9");

    // The codes that were held back were not burnt, and nobody has to wait any more.
    let mut free = door.knock("alice");
    free.answer(REPLAYED[0], recovery);
    free.answer(REPLAYED[1], &alice.code());
    free.is_let_in(BY_CODE);
}

fn who_is_not_enrolled_is_asked_and_refused_unless_policy_lets_them_in(door: &Door) {
    let alice = door.enrol("alice");
    let mut bob = door.knock("bob");
    for remark in WRONG {
        bob.answer(remark, &alice.code());
    }
    bob.is_refused("outcome=refused reason=not-enrolled");

    door.sandbox.write("/etc/twofactor/config.toml", "[policy]\nmode = 'if-enrolled'\n", 0o644);
    door.knock("bob").is_let_in("outcome=not-due reason=not-enrolled");
    let mut enrolled = door.knock("alice");
    enrolled.answer("", &alice.code());
    enrolled.is_let_in(BY_CODE);
}

#[test]
fn every_attempt_at_sshd_is_logged_as_it_was_judged() {
    let door = Door::new(Program::Ssh);
    let alice = door.enrol("alice");
    let mut visit = door.knock("alice");
    visit.answer(WRONG[0], &alice.wrong_code());
    visit.answer(WRONG[1], "not a code");
    visit.answer(WRONG[2], &alice.code());
    visit.expect("let in: alice");
    assert_eq!(visit.attempts(), ["result=wrong-code", "result=wrong-code"]);
    assert_eq!(visit.decisions(), [BY_CODE]);
}

#[test]
fn sshd_takes_neither_the_key_nor_the_code_alone() {
    let door = Door::new(Program::SshKey);
    door.enrol("alice");
    for (alone, missing) in [("publickey", "keyboard-interactive"), ("keyboard-interactive", "publickey")] {
        let mut visit = door.ssh("alice", &[&format!("PreferredAuthentications={alone}")]);
        let refused = format!("alice@127.0.0.1: Permission denied ({missing}).");
        assert_eq!(visit.expect(&refused), refused);
        assert_eq!(visit.decisions(), [""; 0]);
    }
}

#[test]
fn sshd_asks_again_after_a_refusal_but_not_after_a_throttled_login() {
    let door = Door::new(Program::Ssh);
    let alice = door.enrol("alice");
    let mut visit = door.ssh("alice", &["NumberOfPasswordPrompts=3", "LogLevel=INFO"]);
    visit.expect("to the list of known hosts.\r\r\n");
    visit.answer_password();
    for remark in WRONG {
        visit.answer(remark, &alice.wrong_code());
    }
    visit.expect(
        "That was not accepted. If you have no second factor or have lost it, ask your administrator.\r\n\r\r\n",
    );
    visit.answer_password();
    visit.answer("", &alice.wrong_code());
    visit.answer_though_held(&alice.code());
    visit.answer_though_held(&alice.code());
    visit.expect("Too many wrong codes. Try again in ");
    visit.expect("Permission denied");
    assert_eq!(visit.transcript().matches("Password: ").count(), 2, "{}", visit.transcript());
    let decisions = ["outcome=refused reason=wrong-code", "outcome=throttled reason=too-many-failures"];
    assert_eq!(visit.decisions(), decisions);
}

#[test]
fn strangers_at_sshd_see_what_the_enrolled_see_who_fail() {
    // A server that forgot to insist on the key: nothing stands before our module.
    let door = Door::with_sshd(Program::SshKey, "AuthenticationMethods any\n");
    let wrong = door.enrol("alice").wrong_code();
    let mut shown = Vec::new();
    for (user, reason) in [("alice", "wrong-code"), ("bob", "not-enrolled"), ("mallory", "unknown-user")] {
        let mut visit = door.ssh(user, &["PreferredAuthentications=keyboard-interactive"]);
        for remark in WRONG {
            visit.answer(remark, &wrong);
        }
        visit.expect("Permission denied (publickey,keyboard-interactive).");
        assert_eq!(visit.decisions(), [format!("outcome=refused reason={reason}")]);
        shown.push(visit.transcript().replace(user, "USER"));
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0], shown[2]);
}

#[test]
fn who_does_not_know_the_password_is_not_asked_for_a_code_by_sshd_or_login() {
    for program in [Program::Ssh, Program::Login] {
        let door = Door::new(program);
        door.enrol("alice");
        let shown = ["alice", "mallory"].map(|user| {
            let mut visit = match program {
                Program::Ssh => door.ssh(user, &[]),
                _ => door.visit("root", user, &["login"]),
            };
            if program == Program::Login {
                visit.answer_name();
            }
            visit.answer_password_with("wrong");
            visit.is_refused_without_us().replace(user, "USER")
        });
        assert_eq!(shown[0], shown[1]);
        assert!(!shown[0].contains("code"), "{}", shown[0]);
    }
}

#[test]
fn sudo_and_su_know_of_no_stranger_before_they_ask_anything() {
    let door = Door::new(Program::Sudo);
    let sudo = ["sudo", "--reset-timestamp", "--user", "mallory", "id"];
    let su = ["su", "mallory"];
    for (command, said) in [(&sudo[..], "sudo: unknown user mallory"), (&su, "su: user mallory does not exist")] {
        let mut visit = door.visit("alice", "alice", command);
        assert!(visit.expect(said).trim_start() == said, "{}", visit.transcript());
        assert_eq!(visit.decisions(), [""; 0]);
    }
}

#[test]
fn what_sshd_answers_in_the_place_of_root_does_not_count_against_root() {
    let code_only = "AuthenticationMethods any\nPermitRootLogin no\n";
    let after_the_key = "PermitRootLogin prohibit-password\n";
    for (settings, preferred) in
        [(code_only, "keyboard-interactive"), (after_the_key, "publickey,keyboard-interactive")]
    {
        let door = Door::with_sshd(Program::SshKey, settings);
        let root = door.enrol("root");
        for code in [root.code(), root.wrong_code()] {
            let mut visit = door.ssh("root", &[&format!("PreferredAuthentications={preferred}")]);
            for remark in WRONG {
                visit.answer(remark, &code);
            }
            visit.is_refused("outcome=refused reason=host-refuses");
        }
        assert_eq!(failures(&door, "root"), 0, "{settings}");
    }
}

#[test]
fn a_root_who_may_not_log_in_is_refused_at_the_password() {
    let door = Door::with_sshd(Program::Ssh, "PermitRootLogin no\n");
    door.enrol("root");
    door.sandbox.run_with_input("chpasswd", [""; 0], "root:correct horse\n").succeeded();
    let mut visit = door.ssh("root", &[]);
    visit.answer_password();
    assert!(!visit.is_refused_without_us().contains("code"));
    assert_eq!(failures(&door, "root"), 0);
}

#[test]
fn sudo_i_and_su_l_insist_on_a_code_too() {
    let door = Door::new(Program::Sudo);
    let alice = door.enrol("alice");
    let mut visit = door.visit("alice", "alice", &["sudo", "--login", "bash", "-c", SAY_WHO]);
    visit.answer_sudo();
    for remark in WRONG {
        visit.answer(remark, &alice.wrong_code());
    }
    visit.expect("Sorry, try again.\r\n");
    visit.answer_sudo();
    visit.answer("", &alice.code());
    visit.expect("let in: root");

    let door = Door::new(Program::Su);
    let alice = door.enrol("alice");
    let enter = || {
        let mut visit = door.visit("nobody", "alice", &["su", "--login", "alice", "--command", SAY_WHO]);
        visit.answer_password();
        visit
    };
    let mut visit = enter();
    for remark in WRONG {
        visit.answer(remark, &alice.wrong_code());
    }
    visit.expect("su: Authentication failure");
    let mut visit = enter();
    visit.answer("", &alice.code());
    visit.expect("let in: alice");
}

#[test]
fn root_enters_any_account_by_su_without_a_code() {
    let door = Door::new(Program::Su);
    door.enrol("alice");
    let mut visit = door.visit("root", "alice", &["su", "alice", "--command", SAY_WHO]);
    assert_eq!(visit.expect("let in: alice"), "let in: alice");
    assert_eq!(visit.decisions(), [""; 0]);
}

/// What `twofactor status` counts.
fn failures(door: &Door, user: &str) -> u64 {
    let status = door.sandbox.run("twofactor", ["status", user, "--json"]).succeeded().stdout;
    let status: Value = serde_json::from_str(&status).expect("status --json prints JSON");
    status["failures"].as_u64().expect("a number of failures")
}

/// A stack of nothing but pam_permit would be an open door.
#[test]
fn the_stack_for_keys_lets_nobody_in_once_our_line_is_taken_out() {
    let sandbox = Sandbox::installed();
    sandbox.add_user("alice", "correct horse");
    let stack = std::fs::read_to_string(support::checkout().join("pam.d/sshd-key")).unwrap();
    let auth = |with_us: bool| -> String {
        let lines =
            stack.lines().filter(|line| line.starts_with("auth") && (with_us || !line.contains("pam_twofactor")));
        lines.map(|line| format!("{line}\n")).collect()
    };
    sandbox.write("/etc/twofactor/config.toml", "policy.mode = \"off\"\n", 0o644);
    sandbox.stack("with", &auth(true));
    sandbox.stack("without", &auth(false));
    let outcome = |service: &str| {
        let script = serde_json::json!({ "service": service, "user": "alice", "calls": ["authenticate", "setcred"] });
        sandbox.pam_host(script).cycle().calls.iter().map(|call| call.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(outcome("with"), ["PAM_SUCCESS", "PAM_SUCCESS"], "no code is due");
    assert_ne!(outcome("without")[0], "PAM_SUCCESS");
}
