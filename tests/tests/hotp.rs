//! Devices that count, and devices whose clock is off: logins at the real module, and what finds them again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use support::{Cycle, Sandbox, Secret, oathtool, two_lines};

const FIRST: &str = "A code that the device shows: ";
const SECOND: &str = "And the one that comes after it: ";
const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_token_gets_in_by_the_next_of_its_codes_and_by_none_twice() {
    let machine = Machine::with_token("");
    assert_eq!(machine.outcome(&machine.token(0)), "PAM_SUCCESS");
    assert!(machine.sandbox.journal().lines_with("event=login")[0].ends_with("method=hotp device=token"));
    let again = machine.login(&machine.token(0));
    assert_eq!(again.outcome(), "PAM_AUTH_ERR");
    assert!(again.prompts()[1].contains("that code was already used"), "{:?}", again.prompts());
    assert_eq!(machine.outcome(&machine.token(11)), "PAM_SUCCESS", "ten were pressed for nothing");
    assert_eq!(machine.outcome(&machine.token(23)), "PAM_AUTH_ERR", "more than that may not be skipped");
    assert_eq!(machine.outcome(&machine.token(11)), "PAM_AUTH_ERR");
    assert_eq!(machine.outcome(&machine.token(12)), "PAM_SUCCESS");
    assert_eq!(machine.status()["next_counter"], 13);
}

#[test]
fn how_far_a_token_may_have_run_ahead_is_configured() {
    let machine = Machine::with_token("[hotp]\nlook_ahead = 0\n");
    assert_eq!(machine.outcome(&machine.token(1)), "PAM_AUTH_ERR");
    assert_eq!(machine.outcome(&machine.token(0)), "PAM_SUCCESS");
}

#[test]
fn wrong_codes_never_move_the_counter() {
    let machine = Machine::with_token("");
    assert_eq!(machine.outcome(&machine.token(3)), "PAM_SUCCESS");
    let near: Vec<String> = (0..40).map(|counter| machine.token(counter)).collect();
    let mut wrong = (0..).map(|number: u32| format!("{number:06}")).filter(|code| !near.contains(code));
    for _ in 0..20 {
        assert_eq!(machine.outcome(&wrong.next().unwrap()), "PAM_AUTH_ERR");
    }
    // Nor do right ones that are used or too far ahead.
    for counter in [3, 2, 15, 30] {
        assert_eq!(machine.outcome(&machine.token(counter)), "PAM_AUTH_ERR", "{counter}");
    }
    assert_eq!(machine.status()["next_counter"], 4);
    assert_eq!(machine.outcome(&machine.token(4)), "PAM_SUCCESS");
}

#[test]
fn one_code_of_a_token_in_32_processes_lets_exactly_one_in() {
    let machine = Machine::with_token("");
    let answers = json!([{ "text": machine.token(2) }]);
    let common = json!({ "user": "alice", "answers": answers });
    let workers = vec![json!({}); 32];
    let cycles = machine.sandbox.race(json!({ "common": common, "barrier": "prompt", "workers": workers }));
    let told = |cycle: &&Cycle| cycle.prompts().last().unwrap().contains("that code was already used");
    assert_eq!(cycles.iter().filter(|cycle| cycle.outcome() == "PAM_SUCCESS").count(), 1);
    assert_eq!(cycles.iter().filter(told).count(), 31);
    assert_eq!(machine.status()["next_counter"], 3);
}

#[test]
fn a_token_whose_state_is_lost_is_refused_until_two_codes_find_it() {
    let machine = Machine::with_token("");
    assert_eq!(machine.outcome(&machine.token(5)), "PAM_SUCCESS");
    machine.sandbox.bash("rm /var/lib/twofactor/state/alice").succeeded();
    assert_eq!(machine.status()["next_counter"], Value::Null, "before the next login as after it");
    for counter in [0, 5, 6] {
        let refused = machine.login(&machine.token(counter));
        let told = "(wrong code, or an administrator has to find your token again, 2 tries left, ? for help)";
        assert!(refused.prompts()[1].contains(told), "{:?}", refused.prompts());
        assert_eq!(refused.outcome(), "PAM_AUTH_ERR");
    }
    let journal = machine.sandbox.journal();
    assert_eq!(journal.lines_with("result=counter-unknown").len(), 9);
    assert!(journal.lines_with("event=login").pop().unwrap().ends_with("outcome=refused reason=counter-unknown"));
    assert_eq!(machine.status()["next_counter"], Value::Null);
    let shown = machine.sandbox.run("twofactor", ["status", "alice"]).succeeded().stdout;
    assert!(shown.contains("its counter is not known: run twofactor resync"), "{shown}");

    let found = machine.resync(&[&machine.token(6), &machine.token(7)]);
    assert_eq!((&found["counter"], &found["ahead_seconds"]), (&json!(7), &Value::Null));
    assert_eq!(machine.outcome(&machine.token(7)), "PAM_AUTH_ERR", "it was used to find it");
    assert_eq!(machine.outcome(&machine.token(8)), "PAM_SUCCESS");

    machine.sandbox.bash("rm /var/lib/twofactor/state/alice").succeeded();
    let shown = machine.sandbox.run("twofactor", ["unlock", "alice"]).succeeded().stdout;
    assert!(shown.ends_with("until it is found again: twofactor resync alice\n"), "{shown}");
    for pair in [[5, 6], [6, 7]] {
        let [first, second] = pair.map(|counter| machine.token(counter));
        two_lines_at_the_end(&machine.resync_with(&[&first, &second]));
    }
    let [first, second] = [2000, 2001].map(|counter| machine.token(counter));
    assert_eq!(machine.resync(&[&first, &second])["counter"], 2001, "nobody knows how often it was pressed");
}

#[test]
fn a_lost_counter_is_told_to_nobody_whose_other_code_is_right_or_used() {
    let machine = Machine::with_token("");
    let output = machine.sandbox.run("twofactor", ["setup", "alice", "--no-confirm", "--json"]).succeeded();
    let answer: Value = serde_json::from_str(&output.stdout).unwrap();
    let app = Secret { base32: answer["secret"].as_str().unwrap().to_owned(), recovery_codes: Vec::new() };
    machine.sandbox.bash("rm /var/lib/twofactor/state/alice").succeeded();
    let now = app.code();
    let used = machine.login(&now);
    assert!(used.prompts()[1].contains("that code was already used"), "{:?}", used.prompts());
    // Beyond what counts as used, which is the step after the present one.
    machine.configure("methods = ['totp', 'hotp']\n[totp]\nwindow = 3\n[limits]\nfree_failures = 90\n");
    assert_eq!(machine.outcome(&app.code_in(90)), "PAM_SUCCESS");
    machine.configure("methods = ['totp']\n[limits]\nfree_failures = 90\n");
    let wrong = machine.login(&app.wrong_code());
    assert!(wrong.prompts()[1].contains("(wrong code, 2 tries left, "), "tokens are not taken: {:?}", wrong.prompts());
}

#[test]
fn a_token_that_ran_far_ahead_is_found_again_but_never_by_codes_that_were_used() {
    let machine = Machine::with_token("");
    assert_eq!(machine.outcome(&machine.token(0)), "PAM_SUCCESS");
    for pair in [[0, 1], [501, 500], [500, 502], [1100, 1101]] {
        let [first, second] = pair.map(|counter| machine.token(counter));
        let output = machine.resync_with(&[&first, &second]);
        let (error, _) = two_lines_at_the_end(&output);
        assert!(error.contains("these are not two unused codes in a row of that device"), "{pair:?}: {error}");
    }
    assert_eq!(machine.status()["next_counter"], 1);
    assert_eq!(machine.resync(&[&machine.token(500), &machine.token(501)])["counter"], 501);
    assert_eq!(machine.outcome(&machine.token(501)), "PAM_AUTH_ERR");
    assert_eq!(machine.outcome(&machine.token(502)), "PAM_SUCCESS");
}

#[test]
fn set_up_takes_one_of_the_first_codes_of_a_token() {
    let machine = Machine::new("methods = ['totp', 'hotp', 'recovery']\n");
    let mut terminal = machine.sandbox.terminal("twofactor", ["setup", "alice", "--method", "hotp", "--qr", "none"]);
    let shown = terminal.expect("Next code of the token: ", SOON);
    assert!(shown.contains("(counter-based, 6 digits, SHA1)"), "{shown}");
    let base32 = |line: &&str| line.len() >= 32 && line.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7' | b' '));
    let secret = shown.lines().map(str::trim).find(base32).expect("a secret").replace(' ', "");
    let code = |counter: &str| oathtool(&secret, &["--hotp", "--counter", counter]);
    terminal.send_line(&code("20"));
    terminal.expect("That is not one of its first codes.", SOON);
    terminal.send_line(&code("1"));
    terminal.expect("alice is enrolled.", SOON);
    assert_eq!(machine.outcome(&code("1")), "PAM_AUTH_ERR", "it was used to prove it");
    assert_eq!(machine.outcome(&code("2")), "PAM_SUCCESS");
}

#[test]
fn a_token_is_not_taken_where_the_configuration_does_not_name_it() {
    let machine = Machine::with_token("");
    machine.configure("[limits]\nfree_failures = 90\n");
    assert_eq!(machine.outcome(&machine.token(0)), "PAM_AUTH_ERR");
    let (error, _) =
        two_lines(&machine.sandbox.run("twofactor", ["setup", "bob", "--method", "hotp", "--no-confirm", "--json"]), 1);
    assert_eq!(error, "the configuration does not allow hotp");
    for (text, place) in [
        ("digits = 5", "line 2, column 10"),
        ("look_ahead = 51", "line 2, column 14"),
        ("period = 30", "line 2, column 1"),
    ] {
        machine.configure(&format!("[hotp]\n{text}\n"));
        assert_eq!(machine.outcome("x"), "PAM_SYSTEM_ERR");
        let line = machine.sandbox.journal().lines_with("misconfigured").pop().expect("it is logged");
        assert!(line.contains(place), "{line}");
    }
}

#[test]
fn a_clock_that_is_a_step_off_is_told_by_status_and_log() {
    let machine = Machine::new("[totp]\nwindow = 3\n");
    let alice = machine.sandbox.enrol("alice");
    assert_eq!(machine.outcome(&alice.code_in(-60)), "PAM_SUCCESS");
    let drift = machine.status()["drift_seconds"].as_i64().expect("a drift");
    assert!([-60, -90].contains(&drift), "{drift}: a step may have ended meanwhile");
    let logged = machine.sandbox.journal().lines_with("event=drift");
    assert!(logged[0].ends_with(&format!("device=authenticator seconds={drift}")), "{logged:?}");
    let shown = machine.sandbox.run("twofactor", ["status", "alice"]).succeeded().stdout;
    assert!(shown.contains(&format!("its last code was {} s behind this clock", -drift)), "{shown}");
}

#[test]
fn a_phone_that_is_45_minutes_off_gets_in_once_two_codes_have_said_so() {
    let machine = Machine::new("");
    let alice = machine.sandbox.enrol("alice");
    // All codes are of one moment, however long the rest takes.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let at = |time: u64| oathtool(&alice.base32, &["--totp", &format!("--now=@{time}")]);
    let off = |seconds: u64| at(now + 2700 + seconds - 30);
    assert_eq!(machine.outcome(&off(0)), "PAM_AUTH_ERR");
    let beyond = [[at(now + 7500), at(now + 7530)], [at(now - 7500), at(now - 7470)]];
    let senseless = [[off(0), off(0)], [off(30), off(0)], [off(0), off(60)]];
    for pair in senseless.iter().chain(&beyond) {
        two_lines_at_the_end(&machine.resync_with(&[&pair[0], &pair[1]]));
    }
    assert_eq!(machine.status()["allowed_seconds"], 0);
    let found = machine.resync(&[&off(0), &off(30)]);
    assert!([2700, 2670].contains(&found["ahead_seconds"].as_i64().unwrap()), "{found}");
    assert_eq!(machine.status()["allowed_seconds"], found["ahead_seconds"]);
    assert_eq!(machine.outcome(&off(30)), "PAM_AUTH_ERR", "it was used to find it");
    assert_eq!(machine.outcome(&alice.code()), "PAM_AUTH_ERR", "the true time is no time of this phone");
    assert_eq!(machine.outcome(&off(60)), "PAM_SUCCESS");
    // What is used stays used, whatever the clock is taken for.
    two_lines_at_the_end(&machine.resync_with(&[&off(0), &off(30)]));
    machine.sandbox.bash("rm /var/lib/twofactor/state/alice").succeeded();
    for seconds in [0, 30, 60] {
        assert_eq!(machine.outcome(&off(seconds)), "PAM_AUTH_ERR", "{seconds}");
    }
}

#[test]
fn of_several_devices_one_has_to_be_named() {
    let machine = Machine::with_token("");
    machine.sandbox.run("twofactor", ["setup", "alice", "--no-confirm", "--json"]).succeeded();
    // Before anybody is asked for a code.
    let (error, hint) = two_lines(&machine.resync_with(&[&machine.token(0), &machine.token(1)]), 1);
    assert!(error.contains("there are several devices that make codes"), "{error}");
    assert!(hint.contains("--label"), "{hint}");
    let input = format!("{}\n{}\n", machine.token(0), machine.token(1));
    let command = ["resync", "alice", "--label", "token", "--json"];
    machine.sandbox.run_with_input("twofactor", command, &input).succeeded();
    assert_eq!(machine.outcome(&machine.token(2)), "PAM_SUCCESS");
}

#[test]
fn two_codes_are_typed_at_a_terminal_and_whoever_breaks_off_has_changed_nothing() {
    let machine = Machine::with_token("");
    let resync = || machine.sandbox.terminal("twofactor", ["resync", "alice"]);
    for (typed, error) in [(&b"\x04"[..], "no code was given"), (b"12x456\r", "that is no code")] {
        let mut terminal = resync();
        terminal.expect(FIRST, SOON);
        terminal.send_line(&machine.token(40));
        terminal.expect(SECOND, SOON);
        terminal.send(typed);
        let shown = terminal.expect("nothing was changed", SOON);
        assert!(shown.contains(&format!("\r\nerror: {error}\r\nhint: ")), "{shown:?}");
        assert_eq!(terminal.wait().code(), Some(1));
    }
    let mut terminal = resync();
    terminal.expect(FIRST, SOON);
    // Nothing is held while a person types.
    assert_eq!(machine.outcome(&machine.token(0)), "PAM_SUCCESS");
    machine.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
    // As tokens show it.
    let code = machine.token(40);
    terminal.send_line(&format!("{} {}", &code[..3], &code[3..]));
    terminal.expect(SECOND, SOON);
    terminal.send_line(&machine.token(41));
    terminal.expect("alice's token is found: its next code has the counter 42.", SOON);
    assert!(terminal.wait().success());
    assert_eq!(machine.outcome(&machine.token(42)), "PAM_SUCCESS");
}

/// A machine with alice and bob, and the module alone.
struct Machine {
    sandbox: Sandbox,
    token: Option<Secret>,
}

impl Machine {
    fn new(settings: &str) -> Machine {
        let sandbox = Sandbox::installed();
        sandbox.stack("twofactor", "auth required pam_twofactor.so\nauth required pam_permit.so\n");
        sandbox.add_user("alice", "correct horse");
        sandbox.add_user("bob", "correct horse");
        let machine = Machine { sandbox, token: None };
        machine.configure(&format!("{settings}\n[limits]\nfree_failures = 90\n"));
        machine
    }

    /// One where alice has a token.
    fn with_token(settings: &str) -> Machine {
        let mut machine = Machine::new(&format!("methods = ['totp', 'hotp', 'recovery']\n{settings}"));
        let output = machine.sandbox.run("twofactor", ["setup", "alice", "--method", "hotp", "--no-confirm", "--json"]);
        let answer: Value = serde_json::from_str(&output.succeeded().stdout).unwrap();
        let uri = answer["uri"].as_str().unwrap();
        assert!(uri.starts_with("otpauth://hotp/testhost:alice?secret=") && uri.ends_with("&counter=0"), "{uri}");
        let base32 = answer["secret"].as_str().unwrap().to_owned();
        machine.token = Some(Secret { base32, recovery_codes: Vec::new() });
        machine
    }

    fn configure(&self, text: &str) {
        self.sandbox.write("/etc/twofactor/config.toml", text, 0o644);
    }

    /// The code of a counter.
    fn token(&self, counter: u64) -> String {
        let secret = &self.token.as_ref().expect("alice has a token").base32;
        oathtool(secret, &["--hotp", "--counter", &counter.to_string()])
    }

    fn login(&self, answer: &str) -> Cycle {
        let answers = vec![json!({ "text": answer }); 3];
        self.sandbox.pam_host(json!({ "user": "alice", "answers": answers })).cycle().clone()
    }

    fn outcome(&self, answer: &str) -> String {
        self.login(answer).outcome().to_owned()
    }

    /// What status says of alice's first device.
    fn status(&self) -> Value {
        let output = self.sandbox.run("twofactor", ["status", "alice", "--json"]).succeeded();
        let status: Value = serde_json::from_str(&output.stdout).unwrap();
        status["methods"][0].clone()
    }

    fn resync_with(&self, codes: &[&str]) -> support::Output {
        self.sandbox.run_with_input("twofactor", ["resync", "alice", "--json"], &format!("{}\n", codes.join("\n")))
    }

    #[track_caller]
    fn resync(&self, codes: &[&str]) -> Value {
        serde_json::from_str(&self.resync_with(codes).succeeded().stdout).unwrap()
    }
}

/// The error and the hint, after the prompts.
#[track_caller]
fn two_lines_at_the_end(output: &support::Output) -> (String, String) {
    let at = output.stderr.find("error: ").unwrap_or_else(|| panic!("no error: {output:?}"));
    two_lines(&support::Output { stderr: output.stderr[at..].to_owned(), ..output.clone() }, 1)
}
