//! `bypass`: what an administrator reads to who has lost everything.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use support::two_lines;

use crate::machine::{Machine, is_recovery_code, one_value, without_times};

#[test]
fn a_bypass_code_gets_in_once_whatever_the_throttle_says() {
    let machine = Machine::configured("[limits]\nlock_after = 3\n");
    let app = machine.sandbox.enrol("alice");
    machine.fail("alice", 3);
    assert_eq!(machine.status("alice")["locked"], true);
    let shown = machine.tool(&["bypass", "alice"]).succeeded().stdout;
    let code = shown.lines().find_map(|line| line.strip_prefix("    ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(is_recovery_code(code), "{code}");
    assert_eq!(
        without_times(&shown.replace(code, "CODE")),
        "Bypass code for alice, good once until TIME:\n\n    CODE\n\nRead it to them once you are sure who they are; it is \
         typed in the place of a code.\n"
    );
    assert!(
        without_times(&machine.tool(&["status", "alice"]).stdout).ends_with("Bypass code:  good once until TIME\n")
    );
    assert_ne!(machine.login("alice", &app.code()), "PAM_SUCCESS", "the lock still holds");
    // However somebody types what was read to them.
    assert_eq!(machine.login("alice", &code.to_uppercase().replace('-', " ")), "PAM_SUCCESS");
    assert_eq!(machine.login("alice", code), "PAM_AUTH_ERR");
    let status = machine.status("alice");
    assert_eq!((&status["bypass_until"], &status["locked"]), (&json!(null), &json!(false)));
    assert!(!machine.tool(&["status", "alice"]).stdout.contains("Bypass"));
    assert_eq!(status["recovery_codes_left"], 10, "it is none of hers");
}

#[test]
fn a_new_bypass_code_voids_the_one_before_and_is_for_one_user() {
    let machine = Machine::new();
    for user in ["alice", "bob"] {
        machine.sandbox.enrol(user);
    }
    let code = |user: &str| machine.json(&["bypass", user])["code"].as_str().unwrap().to_owned();
    let (old, new, bobs) = (code("alice"), code("alice"), code("bob"));
    assert_eq!(machine.login("alice", &old), "PAM_AUTH_ERR");
    assert_eq!(machine.login("alice", &bobs), "PAM_AUTH_ERR");
    assert_eq!(machine.login("alice", &new), "PAM_SUCCESS");
    assert_eq!(machine.login("bob", &bobs), "PAM_SUCCESS");
}

#[test]
fn a_bypass_code_is_good_for_as_long_as_is_said() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    for (lifetime, seconds) in [(&[][..], 3600), (&["--lifetime", "1m"], 60), (&["--lifetime", "7d"], 7 * 86_400)] {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let value = machine.json(&[&["bypass", "alice"], lifetime].concat());
        let expires = value["expires"].as_u64().unwrap();
        assert!((now + seconds..now + seconds + 10).contains(&expires), "{value}");
        let shape = json!({ "user": "alice", "code": value["code"], "expires": expires });
        assert_eq!(value, shape);
        assert_eq!(machine.status("alice")["bypass_until"], expires);
    }
    for lifetime in ["59s", "8d", "1", "soon", "-1h", ""] {
        let argument = format!("--lifetime={lifetime}");
        let output = machine.tool(&["bypass", "alice", &argument, "--json"]);
        let (error, hint) = two_lines(&output, 2);
        assert_eq!(one_value(&output), json!({ "error": error, "hint": hint }));
        assert!(hint == "write it as 30m, 1h or 2d" || lifetime.is_empty(), "{lifetime}: {hint}");
    }
}

#[test]
fn nobody_gets_a_bypass_code_who_has_nothing_to_bypass() {
    let machine = Machine::new();
    machine.refuses(&["bypass", "bob"], 1, "bob: not enrolled");
    machine.refuses(&["bypass", "mallory"], 1, "there is no user \"mallory\"");
    assert_eq!(machine.enrolled(), [""; 0]);
}

#[test]
fn a_bypass_code_that_was_not_seen_can_be_issued_anew() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    let (error, hint) = two_lines(&machine.sandbox.bash("twofactor bypass alice >/dev/full"), 1);
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(hint, "issue another, which voids it: twofactor bypass alice");
}
