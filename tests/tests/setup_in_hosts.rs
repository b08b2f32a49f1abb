//! A set-up at a login in hosts of every habit, and with every answer that a conversation can give. The tool is the real
//! one, but for the secret that it offers, which is known here.

use serde_json::{Value, json};
use support::{Report, Sandbox, Secret};

const BASE32: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const CONFIG: &str = "/etc/twofactor/config.toml";

#[test]
fn a_host_is_the_same_after_a_set_up_whatever_its_habits() {
    for habit in [
        json!({}),
        json!({ "ignore_sigchld": true }),
        json!({ "reap_sigchld": true }),
        json!({ "threads": 3 }),
        json!({ "close_standard": true }),
        json!({ "fsize_limit": 8192 }),
        json!({ "umask": 0 }),
        json!({ "environment": { "PATH": "/nonexistent", "LD_PRELOAD": "/nonexistent.so", "TWOFACTOR_SETUP": "x" } }),
    ] {
        let sandbox = newcomer();
        let report = set_up(&sandbox, &habit);
        assert_eq!(names(&report), ["PAM_SUCCESS", "PAM_SUCCESS"], "{habit}: {report:?}");
        assert_eq!(report.before.differences(&report.after), [""; 0], "{habit}");
        assert!(is_enrolled(&sandbox), "{habit}");
        let modes = "stat -c '%a %U %G' /var/lib/twofactor/users/alice.toml /var/lib/twofactor/state/alice | sort -u";
        assert_eq!(sandbox.bash(modes).succeeded().stdout, "600 root root\n", "{habit}");
    }
}

#[test]
fn a_host_that_is_short_of_descriptors_refuses_and_leaves_nothing_or_sets_up_everything() {
    let sandbox = newcomer();
    let (mut refused, mut done) = (0, 0);
    for limit in 5..28 {
        let report = set_up(&sandbox, &json!({ "nofile_limit": limit }));
        assert_eq!(report.before.differences(&report.after), [""; 0], "{limit}");
        if is_enrolled(&sandbox) {
            assert_eq!(names(&report), ["PAM_SUCCESS", "PAM_SUCCESS"], "{limit}");
            sandbox.run("twofactor", ["remove", "alice"]).succeeded();
            done += 1;
        } else {
            assert_ne!(names(&report)[0], "PAM_SUCCESS", "{limit}: {report:?}");
            // Where the chance was used the next one would need a ticket.
            let _ = sandbox.run("twofactor", ["remove", "alice"]);
            refused += 1;
        }
    }
    assert!(refused > 0 && done > 10, "{refused} refused, {done} done");
}

#[test]
fn no_answer_of_a_conversation_sets_anything_up_but_the_right_ones() {
    let code = secret().code();
    let right = [json!({ "text": "t" }), json!({ "text": code }), json!({ "text": "ok" })];
    let wrong = [
        json!("null"),
        json!("no_array"),
        json!("conv_err"),
        json!({ "repeat": ["1", 100_000] }),
        json!({ "bytes_hex": "fffe00ff" }),
        json!({ "text": secret().wrong_code() }),
    ];
    let sandbox = newcomer();
    for at in 0..right.len() {
        for answer in &wrong {
            // Anything goes where it is only asked how to show the key, or to go on.
            let is_no_answer = answer.is_string();
            if at != 1 && !is_no_answer {
                continue;
            }
            let mut answers = right[..at].to_vec();
            answers.extend(vec![answer.clone(); 12]);
            let report = sandbox.pam_host(json!({ "user": "alice", "answers": answers, "calls": CALLS }));
            assert_ne!(names(&report)[0], "PAM_SUCCESS", "{at}: {answer}");
            assert!(!is_enrolled(&sandbox), "{at}: {answer}");
            assert_eq!(records(&sandbox), "", "{at}: {answer}");
        }
    }
    assert_eq!(names(&set_up(&sandbox, &json!({}))), ["PAM_SUCCESS", "PAM_SUCCESS"]);
}

#[test]
fn a_tool_that_hangs_refuses_in_time_and_stays_with_nobody() {
    let sandbox = newcomer();
    sandbox.write("/run/offer", "exec sleep 1000", 0o644);
    let report = sandbox.pam_host(json!({ "user": "alice", "answers": [], "calls": ["authenticate"] }));
    assert_eq!(report.outcome(), "PAM_AUTHINFO_UNAVAIL");
    assert!((24.0..35.0).contains(&report.cycle().seconds()), "{}", report.cycle().seconds());
    assert_eq!(report.before.differences(&report.after), [""; 0]);
    assert_eq!(sandbox.bash("pgrep sleep || true").stdout, "");
}

#[test]
fn credentials_are_set_once_and_what_somebody_made_up_enrols_nobody() {
    let sandbox = newcomer();
    sandbox.write("/run/made-up", "TWOFACTOR_SETUP DEFAULT=alice:1:00\n", 0o644);
    let ours = "auth required pam_twofactor.so nodelay\n";
    // What is made up before ours is asked is not what is saved.
    sandbox.stack("twofactor", &format!("auth optional pam_env.so envfile=/dev/null conffile=/run/made-up\n{ours}"));
    let calls = json!(["authenticate", "setcred", "setcred"]);
    let report = sandbox.pam_host(json!({ "user": "alice", "answers": answers(), "calls": calls }));
    assert_eq!(names(&report)[0], "PAM_SUCCESS", "{report:?}");
    assert!(is_enrolled(&sandbox) || names(&report)[1] != "PAM_SUCCESS", "{report:?}");
    // Nobody is enrolled by what they made up alone.
    sandbox.run("twofactor", ["remove", "alice"]).succeeded();
    let report = sandbox.pam_host(json!({ "user": "alice", "answers": [], "calls": ["setcred"] }));
    assert_ne!(report.outcome(), "PAM_ABORT", "{report:?}");
    assert!(!is_enrolled(&sandbox));
}

const CALLS: [&str; 2] = ["authenticate", "setcred"];

/// A machine where alice is to set up an app, and is offered a secret that is known here.
fn newcomer() -> Sandbox {
    let sandbox = Sandbox::installed();
    sandbox.add_user("alice", "secret");
    sandbox.add_user("bob", "secret");
    // So that there are keys.
    sandbox.enrol("bob");
    sandbox.stack("twofactor", "auth required pam_twofactor.so nodelay\n");
    sandbox.write(CONFIG, "[policy]\nunenrolled = \"enroll\"\n", 0o644);
    let grouped = "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ";
    let frame = format!(r"printf '\{:03o}\000\000\000{grouped}\001\000\000\000D\001\000\000\000L'", grouped.len());
    sandbox.write("/run/offer", frame, 0o644);
    let script =
        "#!/bin/sh\ncase $* in *at-login\\ begin*) . /run/offer ;; *) exec /usr/bin/twofactor.real \"$@\" ;; esac\n";
    sandbox.bash("mv /usr/bin/twofactor /usr/bin/twofactor.real").succeeded();
    sandbox.write("/usr/bin/twofactor", script, 0o755);
    sandbox
}

fn secret() -> Secret {
    Secret { base32: BASE32.to_owned(), recovery_codes: Vec::new() }
}

fn answers() -> Value {
    json!([{ "text": "t" }, { "text": secret().code() }, { "text": "ok" }])
}

/// A whole set-up in a host with this habit.
fn set_up(sandbox: &Sandbox, habit: &Value) -> Report {
    let mut script = json!({ "user": "alice", "answers": answers(), "calls": CALLS });
    for (key, value) in habit.as_object().expect("a habit") {
        script[key] = value.clone();
    }
    sandbox.pam_host(script)
}

fn names(report: &Report) -> Vec<&str> {
    report.cycle().calls.iter().map(|called| called.name.as_str()).collect()
}

fn is_enrolled(sandbox: &Sandbox) -> bool {
    let answer = sandbox.run("twofactor", ["--json", "status", "alice"]).succeeded();
    serde_json::from_str::<Value>(&answer.stdout).unwrap()["enrolled"] == true
}

/// Whatever there is of alice.
fn records(sandbox: &Sandbox) -> String {
    sandbox.bash("find /var/lib/twofactor -name '*alice*'").succeeded().stdout
}
