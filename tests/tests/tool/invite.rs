//! `invite`: what an administrator gives to who is to set up an app at their first login.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use support::two_lines;

use crate::machine::{Machine, is_recovery_code, one_value, without_times};

#[test]
fn an_invitation_is_shown_once_and_status_says_until_when_it_is_good() {
    let machine = Machine::new();
    let shown = machine.tool(&["invite", "alice"]).succeeded().stdout;
    let code = shown.lines().find_map(|line| line.strip_prefix("    ")).unwrap_or_else(|| panic!("{shown}"));
    assert!(is_recovery_code(code), "{code}");
    assert_eq!(
        without_times(&shown.replace(code, "CODE")),
        "Invitation for alice, good once until TIME:\n\n    CODE\n\nGive it to them. At their first login they type it \
         in the place of a code, and set up an app.\n"
    );
    let status = machine.tool(&["status", "alice"]).succeeded().stdout;
    assert_eq!(without_times(&status), "alice is not enrolled.\nInvited:      until TIME\n");
    assert_eq!(machine.tool(&["list"]).succeeded().stdout, "Nobody is enrolled.\n");
    assert_eq!(machine.status("bob")["invited_until"], json!(null));
    let listed = machine.sandbox.bash("cd /var/lib/twofactor/state; stat -c '%n %a %U %s' *").succeeded().stdout;
    assert_eq!(listed, "alice+invite 600 root 8192\n");
    let kept = machine.sandbox.read_bytes("/var/lib/twofactor/state/alice+invite");
    assert!(!String::from_utf8_lossy(&kept).contains(&code.replace('-', "")));
}

#[test]
fn an_invitation_is_good_for_as_long_as_is_said() {
    let machine = Machine::new();
    for (lifetime, seconds) in
        [(&[][..], 7 * 86_400), (&["--lifetime", "1m"], 60), (&["--lifetime", "30d"], 30 * 86_400)]
    {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let value = machine.json(&[&["invite", "alice"], lifetime].concat());
        let expires = value["expires"].as_u64().unwrap();
        assert!((now + seconds..now + seconds + 10).contains(&expires), "{value}");
        assert_eq!(value, json!({ "user": "alice", "code": value["code"], "expires": expires }));
        assert_eq!(machine.status("alice")["invited_until"], expires);
    }
    for lifetime in ["59s", "31d", "1", "soon", "-1h"] {
        let argument = format!("--lifetime={lifetime}");
        let output = machine.tool(&["invite", "alice", &argument, "--json"]);
        let (error, hint) = two_lines(&output, 2);
        assert_eq!(error, "--lifetime is 1 minute to 30 days");
        assert_eq!(one_value(&output), json!({ "error": error, "hint": hint }));
    }
}

#[test]
fn nobody_is_invited_who_is_enrolled_and_whoever_is_enrolled_is_invited_no_more() {
    let machine = Machine::new();
    machine.tool(&["invite", "alice"]).succeeded();
    machine.sandbox.enrol("alice");
    assert!(!machine.sandbox.path("/var/lib/twofactor/state/alice+invite").exists());
    assert_eq!(machine.status("alice")["invited_until"], json!(null));
    machine.refuses(&["invite", "alice"], 1, "alice: already enrolled");
    machine.refuses(&["invite", "mallory"], 1, "there is no user \"mallory\"");
    machine.tool(&["remove", "alice"]).succeeded();
    assert_eq!(machine.status("alice")["invited_until"], json!(null));
}

#[test]
fn an_invitation_is_taken_back_by_remove() {
    let machine = Machine::new();
    machine.tool(&["invite", "alice"]).succeeded();
    let removed = machine.tool(&["remove", "alice"]).succeeded().stdout;
    assert_eq!(removed, "alice is not invited any more.\n");
    machine.refuses(&["remove", "alice"], 1, "alice: not enrolled");
    assert_eq!(machine.sandbox.bash("ls -A /var/lib/twofactor/state").succeeded().stdout, "");
    // Of somebody whose account is gone, too.
    machine.tool(&["invite", "bob"]).succeeded();
    machine.sandbox.run("userdel", ["bob"]).succeeded();
    machine.tool(&["remove", "bob"]).succeeded();
    assert_eq!(machine.sandbox.bash("ls -A /var/lib/twofactor/state").succeeded().stdout, "");
}

#[test]
fn an_invitation_that_was_not_seen_can_be_issued_anew() {
    let machine = Machine::new();
    let (error, hint) = two_lines(&machine.sandbox.bash("twofactor invite alice >/dev/full"), 1);
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(hint, "issue another, which voids it: twofactor invite alice");
}

#[test]
fn an_invitation_lets_nobody_in_by_itself() {
    let machine = Machine::new();
    let code = machine.json(&["invite", "alice"])["code"].as_str().unwrap().to_owned();
    machine.configure("[policy]\nmode = \"required\"\n");
    assert_ne!(machine.login("alice", &code), "PAM_SUCCESS");
    machine.sandbox.enrol("bob");
    assert_ne!(machine.login("bob", &code), "PAM_SUCCESS");
}
