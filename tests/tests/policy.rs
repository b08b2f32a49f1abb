//! Rules: which one holds at the real module, what it spares and what it asks for, and how it can be found out.

use std::fmt::Write;

use serde_json::{Value, json};
use support::{Cycle, Sandbox, Secret, two_lines};

const LET_IN: &str = "PAM_SUCCESS";
const REFUSED: &str = "PAM_AUTH_ERR";

#[test]
fn the_first_rule_that_matches_holds() {
    let machine = Machine::new();
    machine.sandbox.bash("groupadd admins; usermod -aG admins alice; groupadd guests; usermod -g guests bob");
    machine.configure(
        "[policy]
        [[policy.rule]]
        service = ['sudo', 'su']
        user = ['bob']
        mode = 'off'
        [[policy.rule]]
        group = ['nobody-is-in-it', 'admins']
        rhost = ['10.0.0.0/8', '2001:db8::/32']
        mode = 'off'
        [[policy.rule]]
        tty = ['tty1']
        mode = 'if-enrolled'
        [[policy.rule]]
        group = ['guests']
        service = ['sshd']
        mode = 'if-enrolled'
        [limits]
        free_failures = 100",
    );
    let (off, free) = ("reason=policy-off", "reason=not-enrolled");
    for (who, more, expected) in [
        ("bob", json!({ "service": "sudo" }), Some((off, 1))),
        ("bob", json!({ "service": "login" }), None),
        ("alice", json!({ "rhost": "10.1.2.3" }), Some((off, 2))),
        ("alice", json!({ "rhost": "::ffff:10.1.2.3" }), Some((off, 2))),
        ("alice", json!({ "rhost": "2001:db8::7" }), Some((off, 2))),
        ("alice", json!({ "rhost": "11.1.2.3" }), None),
        ("alice", json!({ "rhost": "10.1.2.3.example.org" }), None),
        ("bob", json!({ "rhost": "10.1.2.3", "service": "login" }), None),
        ("bob", json!({ "tty": "/dev/tty1", "service": "login" }), Some((free, 3))),
        ("bob", json!({ "tty": "tty1", "service": "login" }), Some((free, 3))),
        ("bob", json!({ "tty": "tty11", "service": "login" }), None),
        ("bob", json!({ "service": "sshd" }), Some((free, 4))),
        ("mallory", json!({ "service": "sshd" }), None),
    ] {
        let journal = machine.sandbox.journal().from_here();
        let cycle = machine.login(who, &more, "no code");
        let line = journal.lines_with("event=login").pop().expect("a decision is logged");
        match expected {
            Some((reason, rule)) => {
                assert_eq!(cycle.outcome(), LET_IN, "{who} {more}: {line}");
                assert!(cycle.prompts().is_empty() && line.contains(&format!("{reason} rule={rule}")), "{line}");
            }
            None => assert!(cycle.outcome() == REFUSED && !line.contains("rule="), "{who} {more}: {line}"),
        }
    }
}

#[test]
fn a_rule_takes_only_the_methods_that_it_names() {
    let mut machine = Machine::new();
    let sheet = machine.alice.recovery_codes.pop().unwrap();
    machine.configure("[[policy.rule]]\nservice = ['sudo']\nmethods = ['recovery']\n");
    let cycle = machine.login("alice", &json!({ "service": "sudo" }), &machine.alice.code());
    assert_eq!(cycle.outcome(), REFUSED);
    assert_eq!(machine.login("alice", &json!({ "service": "sudo" }), &sheet).outcome(), LET_IN);
    machine.configure("[[policy.rule]]\nservice = ['sudo']\nmethods = ['totp']\n");
    let sheet = machine.alice.recovery_codes.pop().unwrap();
    let asked = json!([{ "text": "?" }, { "text": sheet }, { "text": machine.alice.code() }]);
    let cycle = machine.play(&json!({ "user": "alice", "service": "sudo", "answers": asked }));
    assert!(!cycle.prompts()[1].contains("recovery"), "{:?}", cycle.prompts());
    assert!(cycle.prompts()[2].contains("wrong code"), "{:?}", cycle.prompts());
    assert_eq!(cycle.outcome(), LET_IN);
    assert_eq!(machine.login("alice", &json!({ "service": "login" }), &sheet).outcome(), LET_IN, "it was not used up");
}

#[test]
fn a_success_is_remembered_in_its_place_and_nowhere_else() {
    let machine = Machine::remembering();
    let here = json!({ "service": "sshd", "rhost": "192.0.2.7", "tty": "ssh" });
    machine.proves(&here);
    machine.is_remembered(&here);
    machine.is_remembered(&json!({ "service": "sshd", "rhost": "::ffff:192.0.2.7", "tty": "ssh" }));
    for elsewhere in [
        json!({ "service": "sshd", "rhost": "192.0.2.8", "tty": "ssh" }),
        json!({ "service": "sshd", "rhost": "client.example.org", "tty": "ssh" }),
        json!({ "service": "sshd", "tty": "ssh" }),
        json!({ "service": "sudo", "rhost": "192.0.2.7", "tty": "ssh" }),
        json!({ "service": "sshd", "rhost": "192.0.2.7", "tty": "ssh", "ruser": "mallory" }),
    ] {
        machine.is_asked(&elsewhere);
    }
    machine.is_remembered(&here);
}

#[test]
fn nothing_is_remembered_without_a_source() {
    let machine = Machine::remembering();
    for nowhere in [
        json!({ "service": "sshd" }),
        json!({ "service": "sshd", "tty": "ssh" }),
        json!({ "service": "sshd", "rhost": "client.example.org" }),
    ] {
        machine.proves(&nowhere);
        machine.is_asked(&nowhere);
    }
}

#[test]
fn whatever_an_administrator_changes_and_every_other_way_in_ends_what_is_remembered() {
    let mut machine = Machine::remembering();
    let here = json!({ "service": "sshd", "rhost": "192.0.2.7" });
    for change in [
        "twofactor forget alice",
        "twofactor recovery alice",
        "twofactor unlock alice",
        "twofactor setup alice --label tablet --no-confirm --json",
        "twofactor remove alice --label tablet",
        "rm /var/lib/twofactor/state/alice",
    ] {
        machine.proves(&here);
        machine.is_remembered(&here);
        machine.sandbox.bash(change).succeeded();
        machine.is_asked(&here);
    }
    // The last one has used up the codes of this moment and all that were printed.
    machine.fresh_codes();
    for way in ["recovery", "bypass"] {
        machine.proves(&here);
        machine.is_remembered(&here);
        let code = match way {
            "recovery" => machine.alice.recovery_codes.pop().unwrap(),
            _ => machine.json(&["bypass", "alice", "--json"])["code"].as_str().unwrap().to_owned(),
        };
        let elsewhere = json!({ "service": "login", "rhost": "192.0.2.99" });
        assert_eq!(machine.login("alice", &elsewhere, &code).outcome(), LET_IN, "{way}");
        machine.is_asked(&here);
        machine.is_asked(&elsewhere);
    }
}

#[test]
fn what_is_remembered_never_beats_the_throttle() {
    let machine = Machine::remembering();
    let here = json!({ "service": "sshd", "rhost": "192.0.2.7" });
    machine.proves(&here);
    machine.configure("[[policy.rule]]\nremember = '1h'\n[limits]\ntries = 1\n");
    machine.is_remembered(&here);
    let stranger = json!({ "service": "login", "rhost": "198.51.100.1" });
    for _ in 0..4 {
        assert_eq!(machine.login("alice", &stranger, &machine.alice.wrong_code()).outcome(), REFUSED);
    }
    let cycle = machine.login("alice", &here, &machine.alice.code());
    assert_eq!(cycle.outcome(), "PAM_MAXTRIES");
    assert!(cycle.prompts()[0].contains("too many wrong codes, wait "), "{:?}", cycle.prompts());
}

#[test]
fn a_time_that_is_over_or_lies_in_the_future_is_not_remembered() {
    let machine = Machine::remembering();
    let here = json!({ "service": "sshd", "rhost": "192.0.2.7" });
    machine.proves(&here);
    machine.is_remembered(&here);
    // The record says when it was; a shorter time holds at once.
    machine.configure("[[policy.rule]]\nremember = '1m'\n");
    machine.is_remembered(&here);
    let state = "/var/lib/twofactor/state/alice";
    let mut bytes = machine.sandbox.read_bytes(state);
    for shift in [-7200_i64, 7200] {
        // Both records: when it was is the second number of the first remembered success, docs/format.md.
        let original = bytes.clone();
        for record in [0, 4096] {
            for at in [record + 1272 + 8, record + 1272 + 16] {
                let time = i64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
                bytes[at..at + 8].copy_from_slice(&(time + shift).to_le_bytes());
            }
        }
        machine.sandbox.write("/tmp/state", &bytes, 0o600);
        machine.sandbox.bash(&format!("python3 -c {SEAL:?} /tmp/state && cat /tmp/state >{state}")).succeeded();
        machine.is_asked(&here);
        bytes = original;
    }
}

#[test]
fn a_rule_for_one_user_is_none_for_another() {
    let machine = Machine::new();
    machine.configure("[policy]\nmode = 'off'\n[[policy.rule]]\nuser = ['bob']\nmode = 'required'\n");
    assert_eq!(machine.login("alice", &json!({}), "x").outcome(), LET_IN);
    assert_eq!(machine.login("bob", &json!({}), "x").outcome(), REFUSED);
}

#[test]
fn a_rule_that_cannot_be_meant_is_refused_where_it_stands() {
    let machine = Machine::new();
    for (rule, place, why) in [
        (
            "rhost = ['10.0.0.1/8']",
            "line 2, column 9",
            "`10.0.0.1/8`: the address has bits beyond those that the number after the slash counts",
        ),
        (
            "rhost = ['10.0.0.0/33']",
            "line 2, column 9",
            "`10.0.0.0/33`: the number after the slash is 0 to 32, of IPv6 0 to 128",
        ),
        (
            "rhost = ['client.example.org']",
            "line 2, column 9",
            "`client.example.org`: not an address or a network such as 10.0.0.0/8 or fd00::/8",
        ),
        ("unenrolled = 'ask'", "line 2, column 14", "unknown value `ask`: expected one of deny, invite, enroll"),
        ("unenrolled = 'enroll until 2027-02-29'", "line 2, column 14", "a day is written `enroll until 2027-01-31`"),
        (
            "methods = ['recovery']\nunenrolled = 'invite'",
            "line 3, column 14",
            "who sets up an authenticator app needs \"totp\" in methods",
        ),
        ("rhost = []", "line 2, column 9", "an empty list matches nothing: leave the key out to match everything"),
        ("user = []", "line 2, column 8", "an empty list matches nothing: leave the key out to match everything"),
        ("user = ['']", "line 2, column 8", "expected words without blanks around them"),
        (
            "ssh_auth = ['publickey:*sk']",
            "line 2, column 12",
            "`publickey:*sk`: not a method of sshd such as \"publickey\", \"publickey:ssh-ed25519\" or \"publickey:sk-*\"",
        ),
        ("methods = ['email']", "line 2, column 11", "\"email\" is not among the methods of the configuration"),
        ("methods = []", "line 2, column 11", "at least one method is needed: without any, nobody could log in"),
        ("remember = '1s'", "line 2, column 12", "a success is remembered for 1 minute to 30 days"),
        ("remember = '31d'", "line 2, column 12", "a success is remembered for 1 minute to 30 days"),
        (
            "mode = 'optional'",
            "line 2, column 8",
            "unknown value `optional`: expected one of required, if-enrolled, off, monitor",
        ),
        ("groups = ['admins']", "line 2, column 1", "unknown key `groups`: did you mean `group`?"),
    ] {
        machine.configure(&format!("[[policy.rule]]\n{rule}\n"));
        let (error, _) = two_lines(&machine.sandbox.run("twofactor", ["policy", "alice"]), 1);
        assert_eq!(error, format!("/etc/twofactor/config.toml: {place}: {why}"));
        let journal = machine.sandbox.journal().from_here();
        assert_eq!(machine.login("alice", &json!({}), &machine.alice.code()).outcome(), "PAM_SYSTEM_ERR", "{rule}");
        assert!(journal.lines_with("outcome=misconfigured")[0].contains(place), "{rule}");
    }
}

#[test]
fn the_doctor_names_rules_that_never_match_and_names_that_nobody_has() {
    let machine = Machine::new();
    machine.sandbox.bash("groupadd -g 900 first; groupadd -o -g 900 second").succeeded();
    machine.configure(
        "[[policy.rule]]\nservice = ['sudo', 'su']\nrhost = ['10.0.0.0/8']\n\
         [[policy.rule]]\nservice = ['sudo']\nrhost = ['10.1.0.0/16', '10.2.3.4']\nuser = ['alice']\n\
         [[policy.rule]]\ngroup = ['admin']\nmode = 'monitor'\nunenrolled = 'enroll until 2027-01-31'\n\
         [[policy.rule]]\nuser = ['alcie']\ngroup = ['second']\nunenrolled = 'enroll'\n\
         [[policy.rule]]\nssh_auth = ['publickey:sk-*']\n\
         [[policy.rule]]\nssh_auth = ['publickey:sk-ssh-ed25519@openssh.com']\n",
    );
    let output = machine.sandbox.run("twofactor", ["doctor", "--json"]);
    let found: Value = serde_json::from_str(&output.stdout.replace("/etc/twofactor/config.toml", "FILE")).unwrap();
    // This machine has stacks for tests and no sshd that asks; its rules are what counts here.
    let found: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["check"].as_str().unwrap(), one["message"].as_str().unwrap()))
        .filter(|(check, _)| check.starts_with("policy"))
        .collect();
    assert_eq!(
        found,
        [
            ("policy-order", "rule 2 of [policy] (FILE:4) never matches: rule 1 (FILE:1) matches all that it does"),
            ("policy-order", "rule 6 of [policy] (FILE:18) never matches: rule 5 (FILE:16) matches all that it does"),
            ("policy-groups", "rule 3 of [policy] names the group \"admin\" (FILE:9), which there is not"),
            (
                "policy-groups",
                "rule 4 of [policy] names the group \"second\" (FILE:14), whose number is that of \"first\"",
            ),
            ("policy-users", "rule 4 of [policy] names the user \"alcie\" (FILE:13), whom there is not"),
            ("policy-enroll", "unenrolled = \"enroll\" trusts whoever knows a password and comes first, for ever"),
            ("policy-monitor", "mode \"monitor\" keeps nobody out"),
        ]
    );
    assert_eq!(output.status.code(), Some(1));
    // What it says to do, done.
    machine.sandbox.bash("groupadd admin");
    machine.configure(
        "[[policy.rule]]\nservice = ['sudo']\nrhost = ['10.1.0.0/16', '10.2.3.4']\nuser = ['alice']\n\
         [[policy.rule]]\nservice = ['sudo', 'su']\nrhost = ['10.0.0.0/8']\n\
         [[policy.rule]]\ngroup = ['admin']\nmode = 'required'\nunenrolled = 'enroll until 2027-01-31'\n",
    );
    let output = machine.sandbox.run("twofactor", ["doctor", "--json"]);
    let found: Value = serde_json::from_str(&output.stdout).unwrap();
    let of_rules = |one: &&Value| one["check"].as_str().unwrap().starts_with("policy");
    let found: Vec<_> = found.as_array().unwrap().iter().filter(of_rules).cloned().collect();
    let sound = json!({ "check": "policy", "level": "ok", "message": "3 rules, each of which can match", "hint": "" });
    assert_eq!(found, [sound]);
    let text = machine.sandbox.run("twofactor", ["doctor"]).stdout;
    assert!(text.lines().any(|line| line == "ok    3 rules, each of which can match"), "{text}");
}

#[test]
fn what_policy_foretells_comes_true() {
    let machine = Machine::new();
    machine.sandbox.bash("groupadd admins; usermod -aG admins alice");
    machine.configure(
        "[[policy.rule]]\nservice = ['login']\nmode = 'off'\n\
         [[policy.rule]]\ngroup = ['admins']\nrhost = ['10.0.0.0/8']\nmethods = ['totp']\nremember = '8h'\n\
         [[policy.rule]]\nservice = ['su']\nmode = 'if-enrolled'\n",
    );
    for (user, service, rhost, rule, outcome) in [
        ("alice", "login", None, json!(1), "let-in"),
        ("alice", "sshd", Some("10.0.0.7"), json!(2), "asked"),
        ("alice", "sshd", Some("11.0.0.7"), Value::Null, "asked"),
        ("bob", "sshd", Some("10.0.0.7"), Value::Null, "refused"),
        ("bob", "su", None, json!(3), "let-in"),
        ("alice", "su", None, json!(3), "asked"),
    ] {
        let mut command = vec!["policy", user, "--service", service, "--json"];
        command.extend(rhost.iter().flat_map(|rhost| ["--rhost", rhost]));
        let told = machine.json(&command);
        assert_eq!((&told["rule"], told["outcome"].as_str()), (&rule, Some(outcome)), "{command:?}: {told}");
        let cycle = machine.login(user, &json!({ "service": service, "rhost": rhost }), "no code");
        let asked = !cycle.prompts().is_empty();
        let came = if cycle.outcome() == LET_IN { "let-in" } else { "refused" };
        match outcome {
            "asked" => assert!(asked && came == "refused", "{command:?}"),
            // Who is refused is asked like everybody.
            _ => assert_eq!((came, asked), (outcome, outcome == "refused"), "{command:?}"),
        }
    }
    machine.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
    let shown = machine.sandbox.run("twofactor", ["policy", "alice", "--rhost", "10.0.0.7"]).succeeded().stdout;
    assert_eq!(
        shown,
        "alice at sshd: rule 2 holds.\n\n\
         outcome   asked: asked for a code\n\
         mode      required\n\
         methods   totp\n\
         remember  not asked again for 8h after a success in the same place\n\n\
         Rules before that, and what keeps each from matching:\n  \
         rule 1   service\n"
    );
}

#[test]
fn a_failure_costs_time_unless_nodelay_says_otherwise() {
    let machine = Machine::new();
    // libpam varies what is asked for by up to a half, so that it tells nothing.
    let two_seconds = 1_000_000..=3_000_000;
    for (arguments, expected) in [("", two_seconds.clone()), ("nodelay", 0..=0), ("colour=blue", two_seconds)] {
        machine.sandbox.stack("sudo", &format!("auth required pam_twofactor.so {arguments}\n"));
        let cycle = machine.login("alice", &json!({ "service": "sudo" }), "no code");
        assert!(expected.contains(&cycle.fail_delay_microseconds), "{arguments}: {}", cycle.fail_delay_microseconds);
    }
}

/// A thousand rules, of which the last one matches: nothing that a person could notice, and no quadratic cost.
#[test]
fn a_thousand_rules_are_read_and_tried_in_no_time() {
    let machine = Machine::new();
    let rules = |count: u32| {
        (0..count).fold(String::new(), |mut text, number| {
            let network = format!("10.{}.{}.0/24", number / 250, number % 250);
            writeln!(text, "[[policy.rule]]\nservice = ['s{number}']\nrhost = ['{network}']\nmode = 'off'").unwrap();
            text
        })
    };
    machine.configure(&rules(1000));
    let cycle = machine.login("alice", &json!({ "service": "sshd", "rhost": "10.9.9.9" }), &machine.alice.code());
    assert_eq!(cycle.outcome(), LET_IN);
    assert!(cycle.seconds() < 1.0, "{} s", cycle.seconds());
}

/// A machine with alice, who is enrolled, and bob, who is not, and the module alone behind four services.
struct Machine {
    sandbox: Sandbox,
    alice: Secret,
}

impl Machine {
    fn new() -> Machine {
        let sandbox = Sandbox::installed();
        for service in ["sshd", "sudo", "su", "login"] {
            // libpam refuses a stack in which nobody said yes.
            sandbox.stack(service, "auth required pam_twofactor.so\nauth required pam_permit.so\n");
        }
        sandbox.add_user("alice", "correct horse");
        sandbox.add_user("bob", "correct horse");
        let alice = sandbox.enrol("alice");
        Machine { sandbox, alice }
    }

    /// One that remembers everybody everywhere for a while.
    fn remembering() -> Machine {
        let machine = Machine::new();
        machine.configure("[[policy.rule]]\nremember = '1h'\n[totp]\nwindow = 10\n[limits]\nfree_failures = 90\n");
        machine
    }

    fn configure(&self, text: &str) {
        self.sandbox.write("/etc/twofactor/config.toml", text, 0o644);
    }

    fn play(&self, script: &Value) -> Cycle {
        self.sandbox.pam_host(script).cycle().clone()
    }

    /// Somebody comes and answers every prompt in the same way.
    fn login(&self, user: &str, more: &Value, answer: &str) -> Cycle {
        let answers = vec![json!({ "text": answer }); 10];
        let mut script = json!({ "user": user, "service": "sshd", "answers": answers });
        script.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.play(&script)
    }

    /// alice proves herself, by a code that has not been used: a bypass code would not be remembered.
    #[track_caller]
    fn proves(&self, place: &Value) {
        // The burnt step moves on with every success, and the window leaves room for so many.
        let code = (-10..=10)
            .map(|step| self.alice.code_in(step * 30))
            .find(|code| self.login("alice", place, code).outcome() == LET_IN);
        assert!(code.is_some(), "no code gets in at {place}");
    }

    #[track_caller]
    fn is_remembered(&self, place: &Value) {
        let journal = self.sandbox.journal().from_here();
        let cycle = self.login("alice", place, "no code");
        assert!(cycle.outcome() == LET_IN && cycle.prompts().is_empty(), "{place}: {:?}", cycle.prompts());
        assert!(journal.lines_with("event=login")[0].contains("outcome=not-due reason=remembered rule=1"));
    }

    #[track_caller]
    fn is_asked(&self, place: &Value) {
        let failures = self.json(&["status", "alice", "--json"])["failures"].as_u64();
        let cycle = self.play(&{
            let mut script = json!({ "user": "alice", "answers": ["null"] });
            script.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
            script
        });
        assert!(cycle.outcome() == REFUSED && cycle.prompts().len() == 1, "{place}: {:?}", cycle.prompts());
        assert_eq!(self.json(&["status", "alice", "--json"])["failures"].as_u64(), failures, "nothing was judged");
    }

    fn json(&self, command: &[&str]) -> Value {
        serde_json::from_str(&self.sandbox.run("twofactor", command).succeeded().stdout).unwrap()
    }

    fn fresh_codes(&mut self) {
        let fresh = self.json(&["setup", "alice", "--replace", "--no-confirm", "--json"]);
        self.alice.base32 = fresh["secret"].as_str().unwrap().to_owned();
        let fresh = self.json(&["recovery", "alice", "--json"]);
        self.alice.recovery_codes = serde_json::from_value(fresh["recovery_codes"].clone()).unwrap();
    }
}

/// Puts the right checksum behind both records of a state.
const SEAL: &str = "import hashlib, sys; path = sys.argv[1]; data = bytearray(open(path, 'rb').read()); \
    [data.__setitem__(slice(at + 2016, at + 2048), hashlib.sha256(data[at:at + 2016]).digest()) for at in (0, 4096)]; \
    open(path, 'wb').write(data)";
