//! `status` without root: what this host asks of whoever asks, and nothing that only root reads.

use serde_json::{Value, json};
use support::{Output, two_lines};

use crate::machine::{Machine, one_value};

#[test]
fn who_asks_without_root_is_told_what_is_asked_of_them_and_who_knows_the_rest() {
    let machine = sparse("methods = [\"totp\", \"recovery\"]\n[policy]\nunenrolled = \"invite\"\n");
    let before = own(&machine, "alice", "status").succeeded().stdout;
    assert_eq!(
        before,
        "You are alice. This much can be told without root:\n\n\
         sshd, sudo\n\
         \x20   You are asked for the code of an app or a recovery code if you are\n\
         \x20   enrolled. If you are not, you need a ticket of an administrator, with which\n\
         \x20   you set up an app at the login.\n\n\
         It is what the PAM stacks and the settings say. What a program lets in without\n\
         PAM they do not tell: to sshd a key may be enough.\n\n\
         Whether you are enrolled, how many recovery codes you have left and whether\n\
         you are locked out is kept where only root reads it. An administrator can\n\
         look, and so can you if you may use sudo:\n\n\
         \x20   sudo twofactor status alice\n"
    );
    machine.sandbox.enrol("alice");
    machine.fail("alice", 4);
    assert_eq!(own(&machine, "alice", "status").succeeded().stdout, before, "nothing of the records shows");
    assert_eq!(own(&machine, "alice", "status alice").succeeded().stdout, before);
    // What it says to do is what helps.
    let told = machine.tool(&["status", "alice"]).succeeded().stdout;
    assert!(told.starts_with("alice is enrolled.\n"), "{told}");
}

#[test]
fn what_is_not_known_is_null_and_named() {
    let machine = sparse("");
    machine.sandbox.enrol("alice");
    let own_value = json_of(&own(&machine, "alice", "status --json"));
    let with_root = machine.status("alice");
    let with_root = with_root.as_object().unwrap();
    let unknown: Vec<_> = own_value["unknown"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    // All that root is told of the records, and never as if it were known.
    let mut records: Vec<_> = with_root.keys().map(String::as_str).filter(|key| *key != "user").collect();
    let mut named = unknown.clone();
    records.sort_unstable();
    named.sort_unstable();
    assert_eq!(named, records);
    for key in unknown {
        assert_eq!(own_value.get(key), Some(&Value::Null), "{key}");
    }
    assert_eq!((&own_value["user"], &own_value["command"]), (&json!("alice"), &json!("sudo twofactor status alice")));
    let asked = json!({
        "service": "sudo", "reached": true, "passed_by": false, "why": null,
        "cases": [{
            "rule": null, "depends_on": [], "mode": "required", "methods": ["totp", "recovery"],
            "not_enrolled": "refused", "remember_seconds": null,
        }],
    });
    assert_eq!(own_value["services"][1], asked);
}

#[test]
fn rules_are_judged_as_far_as_they_can_be_without_a_login() {
    let machine = sparse(
        "[[policy.rule]]\nuser = [\"bob\"]\nmode = \"off\"\n\
         [[policy.rule]]\nservice = [\"sshd\"]\nrhost = [\"10.0.0.0/8\"]\nmode = \"off\"\n\
         [[policy.rule]]\nservice = [\"sshd\"]\nssh_auth = [\"publickey\"]\ntty = [\"ssh\"]\nmode = \"monitor\"\n\
         [[policy.rule]]\ngroup = [\"staff\"]\nmode = \"if-enrolled\"\nmethods = [\"totp\"]\nremember = \"12h\"\n",
    );
    machine.sandbox.run("usermod", ["-aG", "staff", "alice"]).succeeded();
    let alice = own(&machine, "alice", "status").succeeded().stdout;
    let told = "sshd\n\
        \x20   If rule 2 matches, depending on the address: you are not asked for a code.\n\
        \x20   If rule 3 matches, depending on the terminal and what sshd has seen proved:\n\
        \x20   you are asked for the code of an app or a recovery code if you are\n\
        \x20   enrolled, and get in whatever you answer. If you are not, you get in\n\
        \x20   without.\n\
        \x20   Otherwise, by rule 4: you are asked for the code of an app if you are\n\
        \x20   enrolled. If you are not, you get in without. After a success you are not\n\
        \x20   asked again in the same place for 12h.\n\
        sudo\n\
        \x20   By rule 4: you are asked for the code of an app if you are enrolled. If you\n\
        \x20   are not, you get in without. After a success you are not asked again in the\n\
        \x20   same place for 12h.\n";
    assert!(alice.contains(told), "{alice}");
    let cases = |user: &str| {
        let value = json_of(&own(&machine, user, "status --json"));
        let cases = value["services"][0]["cases"].as_array().unwrap().clone();
        cases.into_iter().map(|case| (case["rule"].clone(), case["depends_on"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(
        cases("alice"),
        [(json!(2), json!(["rhost"])), (json!(3), json!(["tty", "ssh_auth"])), (json!(4), json!([]))]
    );
    assert_eq!(cases("bob"), [(json!(1), json!([]))]);
    let bob = own(&machine, "bob", "status").succeeded().stdout;
    assert!(bob.contains("sshd, sudo\n    By rule 1: you are not asked for a code.\n"), "{bob}");
    // The same rule as `policy` finds, with an address that decides it.
    for (rhost, rule) in [("10.1.2.3", 2), ("192.0.2.1", 4)] {
        assert_eq!(machine.json(&["policy", "alice", "--rhost", rhost])["rule"], json!(rule));
    }
}

#[test]
fn settings_that_cannot_be_read_or_are_broken_are_not_made_up() {
    let machine = sparse("");
    let trouble = |mend: &str| {
        machine.sandbox.bash(mend).succeeded();
        let value = json_of(&own(&machine, "alice", "status --json"));
        let [sshd, sudo] = value["services"].as_array().unwrap().as_slice() else { panic!("{value}") };
        assert_eq!((&sshd["cases"], &sudo["cases"]), (&Value::Null, &Value::Null), "{mend}");
        assert_eq!((&sshd["reached"], &sshd["why"]), (&json!(true), &sudo["why"]), "{mend}");
        let why = sshd["why"].as_str().unwrap().to_owned();
        let shown = own(&machine, "alice", "status").succeeded().stdout;
        let shown: String = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(&format!("Not all of this can be told: {why}. It is what the PAM")), "{shown}");
        why
    };
    let config = "/etc/twofactor/config.toml";
    assert_eq!(trouble(&format!("chmod 0600 {config}")), format!("{config} cannot be read"));
    assert_eq!(
        trouble(&format!("chmod 0644 {config}; echo 'isuer = 3' >{config}")),
        format!(
            "{config}: line 1, column 1: unknown key `isuer`: did you mean `issuer`?; until that is mended nobody is let in"
        )
    );
    // What is theirs would be good enough for any other program of theirs, but not for a login.
    assert_eq!(
        trouble(&format!("echo 'issuer = \"x\"' >{config}; chown alice {config}")),
        format!("{config} does not belong to root; nobody is let in")
    );
    assert_eq!(
        trouble("chown root /etc/twofactor/config.toml; chmod 0700 /etc/twofactor"),
        "/etc/twofactor cannot be read"
    );
}

#[test]
fn stacks_are_read_as_libpam_reads_them_and_what_cannot_be_read_is_not_taken_for_none() {
    let machine = sparse("");
    machine.sandbox.write("/etc/twofactor/lenient.toml", "[policy]\nmode = \"off\"\n", 0o644);
    machine.sandbox.stack("sshd", "auth required pam_twofactor.so nodelay config=/etc/twofactor/lenient.toml\n");
    machine.sandbox.stack("sudo", "auth sufficient pam_unix.so\nauth required pam_twofactor.so\n");
    machine.sandbox.stack("never", "auth requisite pam_deny.so\nauth required pam_twofactor.so\n");
    machine.sandbox.stack("none", "auth required pam_unix.so\n");
    machine.sandbox.write("/etc/pam.d/hidden", "auth required pam_twofactor.so\n", 0o600);
    machine.sandbox.stack("deep", "@include hidden\n");
    let value = json_of(&own(&machine, "alice", "status --json"));
    let said = |name: &str| {
        let services = value["services"].as_array().unwrap();
        services.iter().find(|service| service["service"] == name).map(|service| {
            (service["reached"].clone(), service["passed_by"].clone(), service["cases"][0]["mode"].clone())
        })
    };
    let [yes, no, null] = [json!(true), json!(false), Value::Null];
    assert_eq!(said("sshd"), Some((yes.clone(), no.clone(), json!("off"))));
    assert_eq!(said("sudo"), Some((yes.clone(), yes, json!("required"))));
    assert_eq!(said("never"), Some((no.clone(), no, json!("required"))));
    assert_eq!(said("none"), None);
    for service in ["hidden", "deep"] {
        assert_eq!(said(service), Some((null.clone(), null.clone(), null.clone())));
    }
    let shown = own(&machine, "alice", "status").succeeded().stdout;
    for part in [
        "deep, hidden\n    Not all of this can be told: /etc/pam.d/hidden cannot be read.\n",
        "never\n    No login comes to the line that asks for a code: nobody is asked.\n",
        "    Some logins get in before a code is asked for.\n",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert!(shown.lines().all(|line| line.len() < 80), "{shown}");

    machine.sandbox.bash("chmod 0700 /etc/pam.d").succeeded();
    let value = json_of(&own(&machine, "alice", "status --json"));
    assert_eq!(value["services"], Value::Null);
    assert!(value["unknown"].as_array().unwrap().contains(&json!("services")), "{value}");
    let shown = own(&machine, "alice", "status").succeeded().stdout;
    assert!(shown.contains("cannot be told: /etc/pam.d cannot be read.\n"), "{shown}");
    machine.sandbox.bash("chmod 0755 /etc/pam.d; rm /etc/pam.d/{sshd,sudo,never,deep,hidden}").succeeded();
    let shown = own(&machine, "alice", "status").succeeded().stdout;
    assert!(shown.contains("\nNo service of this host asks for a second factor.\n"), "{shown}");
}

#[test]
fn the_kernel_says_who_somebody_is_and_the_environment_does_not() {
    let machine = sparse("");
    let plain = own(&machine, "alice", "status").succeeded().stdout;
    let lies = "env USER=bob LOGNAME=root SUDO_USER=bob SUDO_UID=0 HOME=/root twofactor status";
    let output = machine.sandbox.bash(&format!("runuser -u alice -- {lies}"));
    assert_eq!(output.succeeded().stdout, plain);

    // Somebody whom passwd(5) does not have, and whose HOME is somebody's.
    let nobody = machine.sandbox.bash("setpriv --reuid 4711 --regid 4711 --clear-groups twofactor status --json");
    let (error, hint) = two_lines(&nobody, 1);
    assert_eq!((error.as_str(), hint.as_str()), ("no user has your uid 4711", "see who there is: getent passwd"));
    assert_eq!(one_value(&nobody), json!({ "error": error, "hint": hint }));

    // Others are no business of theirs, whether there are any or not.
    for other in ["bob", "root", "mallory"] {
        let (error, hint) = two_lines(&own(&machine, "alice", &format!("status {other}")), 1);
        assert_eq!(error, "only root can read and change second factors");
        assert_eq!(hint, format!("run it as root: sudo twofactor status {other}; {INSTEAD}"));
    }
    // Root is nobody in particular.
    machine.refuses(&["status"], 2, "it is not said whose second factor is meant");
}

#[test]
fn settings_that_are_named_must_be_there_for_anybody() {
    let machine = sparse("");
    for (path, error) in
        [("/etc/nowhere.toml", "/etc/nowhere.toml: is missing"), ("here.toml", "here.toml: is not an absolute path")]
    {
        let (said, hint) = two_lines(&own(&machine, "alice", &format!("status --config {path}")), 1);
        assert_eq!((said.as_str(), hint.as_str()), (error, "--config takes the absolute path of an existing file"));
    }
    machine.sandbox.write("/home/alice/mine.toml", "[policy]\nmode = \"off\"\n", 0o644);
    let shown = own(&machine, "alice", "status --config /home/alice/mine.toml").succeeded().stdout;
    assert!(shown.contains("sshd, sudo\n    You are not asked for a code.\n"), "{shown}");
}

/// A machine with two services of ours, and no others.
fn sparse(settings: &str) -> Machine {
    let machine = Machine::configured(&format!("issuer = \"example.org\"\n{settings}"));
    machine.sandbox.bash("cd /etc/pam.d; grep -l pam_twofactor * | xargs rm").succeeded();
    for service in ["sshd", "sudo"] {
        machine.sandbox.stack(service, "@include common-auth\nauth required pam_twofactor.so\n");
    }
    machine
}

/// A command of somebody without root.
fn own(machine: &Machine, user: &str, command: &str) -> Output {
    let output = machine.sandbox.bash(&format!("runuser -u {user} -- twofactor {command}"));
    assert!(!output.stdout.contains('\x1b'), "{}", output.stdout);
    output
}

#[track_caller]
fn json_of(output: &Output) -> Value {
    one_value(&output.clone().succeeded())
}

const INSTEAD: &str = "what can be told without root: twofactor status";
