//! One login, line by line.

use serde_json::Value;
use support::two_lines;

use crate::machine::Machine;

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
fn a_file_that_is_no_service_is_not_shown() {
    let machine = Machine::sound();
    for path in ["/etc/shadow", "../shadow"] {
        let output = machine.0.run("twofactor", ["doctor", "--user", "alice", "--service", path]);
        let (error, hint) = two_lines(&output, 1);
        assert_eq!(
            (error, hint.as_str()),
            (format!("there is no PAM service {path:?}"), "see which there are: ls /etc/pam.d")
        );
    }
}
