//! `twofactor`, command by command: what it prints, what it refuses, and what it leaves alone.

mod at_login;
mod bypass;
mod invite;
mod machine;
mod manners;
mod own;
mod sending;
mod serial;
mod signals;

use serde_json::{Value, json};
use support::{Secret, oathtool, two_lines};

use crate::machine::{ASKS, Machine, SOON, is_recovery_code, one_value, secret_in, sees_what_is_typed, without_times};

#[test]
fn what_is_misused_is_said_in_two_lines() {
    let machine = Machine::new();
    for (arguments, error, hint) in [
        (&[][..], "no command was given", SEE_HELP),
        (&["keys"], "no command was given", SEE_HELP),
        (&["unlok"], "unrecognized subcommand 'unlok'", "did you mean unlock?"),
        (&["keys", "rotat"], "unrecognized subcommand 'rotat'", "did you mean rotate?"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'", SEE_HELP),
        (&["setup", "alice", "--labl", "x"], "unexpected argument '--labl' found", "did you mean --label?"),
        (&["--jsn", "list"], "unexpected argument '--jsn' found", "did you mean --json?"),
        (&["list", "--frobnicate"], "unexpected argument '--frobnicate' found", SEE_HELP),
        (&["unlock", "alice", "bob"], "unexpected argument 'bob' found", SEE_HELP),
        (&["try"], "the following required arguments were not provided: <USER>", SEE_HELP),
        (&["setup", "--qr", "termnal"], "invalid value 'termnal' for '--qr <HOW>'", "did you mean terminal?"),
        (&["setup", "--method", "topt"], "invalid value 'topt' for '--method <M>'", "did you mean totp?"),
        (&["setup", "--label"], "a value is required for '--label <L>' but none was supplied", SEE_HELP),
        (&["\x1b]0;owned\x07"], "", SEE_HELP),
    ] {
        let output = machine.tool(arguments);
        let said = two_lines(&output, 2);
        assert!(error.is_empty() || said.0 == error, "{arguments:?}: {said:?}");
        assert_eq!((said.1.as_str(), output.stdout.as_str()), (hint, ""), "{arguments:?}");
    }
    // Not taken apart by the command line's reader, but as senseless.
    for (arguments, error) in [
        (&["setup", "alice", "--no-confirm", "--qr", "none", "--label", ""][..], BAD_LABEL),
        (&["setup", "alice", "--no-confirm", "--qr", "none", "--label", " tablet"], BAD_LABEL),
        (&["setup", "alice", "--no-confirm", "--qr", "none", "--label", "a\nb"], BAD_LABEL),
        (&["setup", "alice", "--no-confirm", "--qr", "none", "--label", "\x1b[2J"], BAD_LABEL),
        (&["setup", "alice", "--no-confirm", "--qr", "none", "--label", &"x".repeat(65)], BAD_LABEL),
        (&["remove", "alice", "--label", "\u{202e}x"], BAD_LABEL),
        (&["remove", "alice", "--method", "recovery", "--label", "x"], "recovery codes have no label"),
        (&["status"], "it is not said whose second factor is meant"),
        (&["setup", "--qr", "none"], "it is not said whose second factor is meant"),
        (&["try", "alice", "--service", "../sshd"], "\"../sshd\" is not the name of a PAM service"),
        (&["try", "alice", "--service", "/etc/pam.d/sshd"], "\"/etc/pam.d/sshd\" is not the name of a PAM service"),
        (&["try", "alice", "--service", ".."], "\"..\" is not the name of a PAM service"),
        (&["try", "alice", "--service", ""], "\"\" is not the name of a PAM service"),
    ] {
        machine.refuses(arguments, 2, error);
    }
    assert_eq!(machine.enrolled(), [""; 0]);
}

#[test]
fn a_misspelt_command_is_answered_with_the_likeliest_one_only() {
    let machine = Machine::new();
    assert_eq!(two_lines(&machine.tool(&["setpu", "alice"]), 2).1, "did you mean setup?");
}

#[test]
fn misuse_with_json_is_one_json_value_too() {
    let machine = Machine::new();
    for arguments in
        [&["--json"][..], &["--json", "setpu"], &["status", "--json", "a", "b"], &["list", "--json", "--x"]]
    {
        let output = machine.tool(arguments);
        let (error, hint) = two_lines(&output, 2);
        assert_eq!(one_value(&output), json!({ "error": error, "hint": hint }), "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_on_standard_output() {
    let machine = Machine::new();
    let help = machine.tool(&["--help"]).succeeded();
    let commands: Vec<&str> = help
        .stdout
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        // What is farther in goes on with the line above.
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(commands, COMMANDS);
    for word in ["--config <PATH>", "--json", "--quiet", "Exit status: 0 done, 1 refused or failed, 2 misused."] {
        assert!(help.stdout.contains(word), "{}", help.stdout);
    }
    for arguments in
        COMMANDS.map(|command| vec![command]).into_iter().chain([vec!["keys", "list"], vec!["keys", "rotate"]])
    {
        let help = machine.tool(&[&arguments[..], &["--help"]].concat()).succeeded();
        assert!(help.stdout.contains(&format!("Usage: twofactor {}", arguments.join(" "))), "{}", help.stdout);
        assert!(help.stderr.is_empty() && help.stdout.lines().all(|line| line.len() <= 80), "{}", help.stdout);
    }
    let version = machine.tool(&["--version"]).succeeded();
    assert_eq!(version.stdout, format!("twofactor {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_root_nothing_is_told_and_nothing_done() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    for command in [
        &["setup", "bob", "--no-confirm", "--qr", "none"][..],
        &["status", "alice"],
        &["list"],
        &["report"],
        &["try", "alice"],
        &["recovery", "alice"],
        &["resync", "alice"],
        &["bypass", "alice"],
        &["invite", "bob"],
        &["test-send", "mail", "alice@example.test"],
        &["unlock", "alice"],
        &["remove", "alice"],
        &["keys", "list"],
        &["keys", "rotate"],
        &["import", "google", "--all"],
        &["export", "alice"],
        &["show", "alice"],
    ] {
        for json in [false, true] {
            let mut arguments = [&["-u", "nobody", "--", "twofactor"], command].concat();
            arguments.extend(json.then_some("--json"));
            let output = machine.sandbox.run("runuser", arguments);
            let (error, hint) = two_lines(&output, 1);
            assert_eq!(error, "only root can read and change second factors", "{command:?}");
            assert!(hint.starts_with("run it as root: sudo twofactor"), "{hint}");
            if json {
                assert_eq!(one_value(&output), json!({ "error": error, "hint": hint }));
            } else {
                assert_eq!(output.stdout, "", "{command:?}");
            }
        }
    }
    assert_eq!(machine.enrolled(), ["alice"]);
}

#[test]
fn what_can_not_be_done_is_said_in_two_lines() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    for (arguments, error) in [
        (&["recovery", "bob"][..], "bob: not enrolled"),
        (&["unlock", "bob"], "bob: not enrolled"),
        (&["resync", "bob"], "bob: not enrolled"),
        (&["resync", "alice", "--label", "tablet"], "alice: there is no such method or device"),
        (&["remove", "bob"], "bob: not enrolled"),
        (&["remove", "bob", "--label", "authenticator"], "bob: not enrolled"),
        (&["remove", "alice", "--label", "tablet"], "alice: there is no such method or device"),
        (&["setup", "alice", "--no-confirm"], ""),
        (
            &["setup", "alice", "--no-confirm", "--qr", "none"],
            "alice: there is already a device called \"authenticator\"",
        ),
        (&["try", "alice", "--service", "nosuch"], "there is no PAM service nosuch"),
        (&["status", "mallory"], "there is no user \"mallory\""),
    ] {
        // Without a terminal a secret is not printed unless that is said; with --json it is asked for.
        if error.is_empty() {
            let output = machine.tool(arguments);
            let (error, hint) = two_lines(&output, 2);
            assert_eq!(error, "standard output is not a terminal, and the secret would be written to it");
            assert_eq!((hint.as_str(), output.stdout.as_str()), ("use --json, or say --qr none if that is meant", ""));
        } else {
            machine.refuses(arguments, 1, error);
        }
    }
    assert_eq!(machine.enrolled(), ["alice"]);
    machine.sandbox.write("/etc/twofactor/config.toml", "methods = [\"recovery\"]\n", 0o644);
    machine.refuses(&["setup", "bob", "--no-confirm", "--qr", "none"], 1, "the configuration does not allow totp");
    machine.sandbox.write("/etc/twofactor/config.toml", "methods = [\"totp\"]\n", 0o644);
    machine.refuses(&["recovery", "alice"], 1, "the configuration does not allow recovery codes");
}

#[test]
fn an_answer_that_can_not_be_written_is_a_failure() {
    let machine = Machine::new();
    for command in ["list", "status alice", "setup alice --no-confirm --json"] {
        let output = machine.sandbox.bash(&format!("twofactor {command} >/dev/full"));
        let (error, _) = two_lines(&output, 1);
        assert!(error.contains("No space left on device"), "{command}: {error}");
    }
}

#[test]
fn help_that_can_not_be_written_is_a_failure_too() {
    let machine = Machine::new();
    two_lines(&machine.sandbox.bash("twofactor --help >/dev/full"), 1);
}

#[test]
fn set_up_takes_a_right_code_after_a_wrong_one_and_shows_recovery_codes_once() {
    let machine = Machine::new();
    let (mut terminal, base32) = machine.set_up(&["alice"]);
    let mut secret = Secret { base32, recovery_codes: Vec::new() };
    terminal.send_line(&secret.wrong_code());
    terminal.expect("That is not the code. This host's clock says ", SOON);
    terminal.expect(ASKS, SOON);
    assert_eq!(machine.enrolled(), [""; 0]);
    // As apps show it.
    let proved = secret.code();
    terminal.send_line(&format!("{} {}", &proved[..3], &proved[3..]));
    terminal.expect("alice is enrolled.", SOON);
    assert!(terminal.wait().success());
    secret.recovery_codes =
        terminal.rest().split_whitespace().filter(|word| is_recovery_code(word)).map(str::to_owned).collect();
    assert_eq!(secret.recovery_codes.len(), 10, "{}", terminal.transcript());

    assert_eq!(machine.login("alice", &proved), "PAM_AUTH_ERR", "the code that proved the set-up is burnt");
    assert_eq!(machine.login("alice", &secret.code_in(30)), "PAM_SUCCESS");
    assert_eq!(machine.login("alice", &secret.recovery_codes[3]), "PAM_SUCCESS");
    assert_eq!(machine.login("alice", &secret.recovery_codes[3]), "PAM_AUTH_ERR");
    let told =
        [&["status", "alice"][..], &["list"], &["keys", "list"]].map(|command| machine.tool(command).stdout).concat();
    assert!(!told.contains(&secret.base32) && !secret.recovery_codes.iter().any(|code| told.contains(code)), "{told}");
}

#[test]
fn three_wrong_codes_save_nothing_and_the_right_one_is_never_shown() {
    let machine = Machine::new();
    let (mut terminal, base32) = machine.set_up(&["alice"]);
    let secret = Secret { base32, recovery_codes: Vec::new() };
    for (wrong, next) in [(secret.wrong_code(), ASKS), (String::new(), ASKS), ("no idea".into(), "hint: ")] {
        terminal.send_line(&wrong);
        terminal.expect(next, SOON);
    }
    assert_eq!(terminal.wait().code(), Some(1));
    let shown = terminal.transcript();
    assert!(shown.contains("error: no right code was given\r\nhint: nothing was saved"), "{shown}");
    assert!(!(-4..=4).any(|step| shown.contains(&secret.code_in(step * 30))), "{shown}");
    assert_eq!(machine.enrolled(), [""; 0]);
    assert_eq!(machine.tool(&["status", "alice"]).succeeded().stdout, "alice is not enrolled.\n");
}

#[test]
fn who_breaks_off_a_set_up_has_saved_nothing_and_sees_what_he_types() {
    let machine = Machine::new();
    for (key, status) in [(b"\x04", "status=1"), (b"\x03", "status=130")] {
        let mut terminal = machine.at_a_shell("twofactor setup alice");
        terminal.expect(ASKS, SOON);
        terminal.send(key);
        terminal.expect(status, SOON);
        sees_what_is_typed(&mut terminal);
        assert_eq!(machine.enrolled(), [""; 0]);
    }
    // Whatever is left over keeps nobody from starting again.
    machine.sandbox.enrol("alice");
}

#[test]
fn an_error_after_ctrl_d_begins_a_line_of_its_own() {
    let machine = Machine::new();
    let (mut terminal, _) = machine.set_up(&["alice"]);
    terminal.send(b"\x04");
    assert_eq!(terminal.wait().code(), Some(1));
    assert!(
        terminal.rest().contains("\r\nerror: no code was given\r\nhint: nothing was saved"),
        "{:?}",
        terminal.rest()
    );
}

#[test]
fn replacing_a_device_keeps_the_old_one_until_the_new_one_is_proved() {
    let machine = Machine::new();
    let old = machine.sandbox.enrol("alice");
    let (mut terminal, _) = machine.set_up(&["alice", "--replace"]);
    assert_eq!(machine.login("alice", &old.code()), "PAM_SUCCESS", "while the new one is being set up");
    terminal.send(b"\x04");
    assert_eq!(terminal.wait().code(), Some(1));
    assert_eq!(machine.login("alice", &old.code_in(30)), "PAM_SUCCESS", "after the new one was given up");

    let (mut terminal, base32) = machine.set_up(&["alice", "--replace"]);
    let new = Secret { base32, recovery_codes: Vec::new() };
    terminal.send_line(&new.code());
    terminal.expect("alice is enrolled.", SOON);
    assert!(terminal.wait().success());
    assert_eq!(machine.status("alice")["methods"].as_array().unwrap().len(), 1);
    assert_eq!(machine.login("alice", &old.code_in(30)), "PAM_AUTH_ERR");
    assert_eq!(machine.login("alice", &new.code_in(30)), "PAM_SUCCESS");
    assert_eq!(machine.login("alice", &old.recovery_codes[0]), "PAM_SUCCESS", "the paper is still good");
}

#[test]
fn a_second_device_has_its_own_label_and_each_logs_in() {
    let machine = Machine::new();
    let phone = machine.sandbox.enrol("alice");
    machine.refuses(
        &["setup", "alice", "--no-confirm", "--qr", "none"],
        1,
        "alice: there is already a device called \"authenticator\"",
    );
    let tablet = machine.json(&["setup", "alice", "--label", "Zoë's tablet", "--no-confirm"]);
    assert_eq!(tablet["recovery_codes"], json!([]), "the first ones are still good");
    let tablet = Secret { base32: tablet["secret"].as_str().unwrap().to_owned(), recovery_codes: Vec::new() };
    assert_eq!(machine.login("alice", &phone.code()), "PAM_SUCCESS");
    assert_eq!(machine.login("alice", &tablet.code()), "PAM_SUCCESS");
    let labels = |status: &Value| {
        status["methods"].as_array().unwrap().iter().map(|device| device["label"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(labels(&machine.status("alice")), ["authenticator", "Zoë's tablet"]);

    assert_eq!(
        machine.json(&["remove", "alice", "--label", "authenticator"]),
        json!({ "user": "alice", "still_enrolled": true })
    );
    assert_eq!(labels(&machine.status("alice")), ["Zoë's tablet"]);
    assert_eq!(machine.login("alice", &phone.code_in(30)), "PAM_AUTH_ERR");
    assert_eq!(machine.login("alice", &tablet.code_in(30)), "PAM_SUCCESS");
}

#[test]
fn set_up_for_programs_has_exactly_the_documented_shape() {
    let machine = Machine::new();
    let output = machine.tool(&["setup", "alice", "--no-confirm", "--json"]).succeeded();
    assert_eq!(output.stderr, "");
    let value = one_value(&output);
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys.len(), 5, "{keys:?}");
    let secret = value["secret"].as_str().unwrap();
    assert!(secret.len() == 32 && secret.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7')), "{secret}");
    assert_eq!((&value["user"], &value["method"]), (&json!("alice"), &json!("totp")));
    assert_eq!(value["uri"], format!("otpauth://totp/testhost:alice?secret={secret}&issuer=testhost"));
    let codes = value["recovery_codes"].as_array().unwrap();
    assert!(codes.len() == 10 && codes.iter().all(|code| is_recovery_code(code.as_str().unwrap())), "{codes:?}");
}

#[test]
fn set_up_for_programs_shows_the_secret_to_a_person_before_its_code_is_asked_for() {
    let machine = Machine::new();
    let mut terminal = machine.sandbox.terminal("bash", ["-c", "twofactor setup alice --json >/tmp/answer"]);
    let base32 = secret_in(&terminal.expect(ASKS, SOON));
    terminal.send_line(&Secret { base32: base32.clone(), recovery_codes: Vec::new() }.code());
    assert!(terminal.wait().success(), "{}", terminal.transcript());
    let answer = machine.sandbox.read("/tmp/answer");
    let value: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    assert_eq!((&value["secret"], answer.lines().count()), (&json!(base32), 1));
}

#[test]
fn set_up_into_a_file_is_plain_text() {
    let machine = Machine::new();
    let shown = machine.tool(&["setup", "alice", "--no-confirm", "--qr", "none"]).succeeded().stdout;
    let mut lines = shown.lines().filter(|line| !line.is_empty());
    let mut line = || lines.next().unwrap();
    assert_eq!(line(), "Authenticator app for alice at testhost. Type this secret into the app:");
    assert_eq!(line().split_whitespace().map(str::len).collect::<Vec<_>>(), [4; 8]);
    assert_eq!(line(), "alice is enrolled.");
    assert!(
        !shown.contains('\x1b') && shown.split_whitespace().filter(|word| is_recovery_code(word)).count() == 10,
        "{shown}"
    );
}

#[test]
fn a_window_that_is_too_low_for_the_qr_code_is_said_to_be() {
    let machine = Machine::new();
    let remark = "The code needs a window of ";
    let (common, _) = machine.set_up(&["alice"]);
    assert!(!common.transcript().contains(remark), "{}", common.transcript());
    machine.sandbox.write("/etc/twofactor/config.toml", "[totp]\nalgorithm = \"SHA512\"\n", 0o644);
    let (large, _) = machine.set_up(&["bob"]);
    assert!(large.transcript().contains(remark) && large.transcript().contains("this one has 24."));
}

#[test]
fn every_kind_of_device_is_set_up_and_logs_in() {
    let machine = Machine::new();
    for (user, algorithm, digits, period) in
        [("alice", "SHA256", 6, 30), ("bob", "SHA512", 8, 30), ("carol", "SHA1", 7, 60), ("dave", "SHA256", 8, 60)]
    {
        if !["alice", "bob"].contains(&user) {
            machine.sandbox.add_user(user, "correct horse");
        }
        let settings = format!("[totp]\nalgorithm = \"{algorithm}\"\ndigits = {digits}\nperiod = {period}\n");
        machine.sandbox.write("/etc/twofactor/config.toml", settings, 0o644);
        let (mut terminal, base32) = machine.set_up(&[user]);
        let options = [
            format!("--totp={}", algorithm.to_lowercase()),
            format!("--digits={digits}"),
            format!("--time-step-size={period}s"),
        ];
        let code = |from_now| oathtool(&base32, &[&options[0], &options[1], &options[2], from_now]);
        let (now, next) = (code("--now=now"), code(&format!("--now={period} seconds")));
        assert_eq!(now.len(), digits);
        assert!(
            terminal
                .transcript()
                .contains(&format!("(time-based, {digits} digits, every {period} seconds, {algorithm})"))
        );
        terminal.send_line(&now);
        terminal.expect(&format!("{user} is enrolled."), SOON);
        assert!(terminal.wait().success());
        // Devices keep what they were made with.
        machine.sandbox.write("/etc/twofactor/config.toml", "# the defaults\n", 0o644);
        assert_eq!(machine.login(user, &next), "PAM_SUCCESS", "{algorithm} {digits} {period}");
        let device = &machine.status(user)["methods"][0];
        assert_eq!(
            (&device["algorithm"], &device["digits"], &device["period"]),
            (&json!(algorithm), &json!(digits), &json!(period))
        );
    }
}

#[test]
fn status_and_list_say_what_there_is() {
    let machine = Machine::new();
    assert_eq!(machine.tool(&["status", "alice"]).succeeded().stdout, "alice is not enrolled.\n");
    assert_eq!(machine.tool(&["list"]).succeeded().stdout, "Nobody is enrolled.\n");
    assert_eq!(machine.json(&["list"]), json!([]));
    let nothing = json!({
        "user": "alice", "enrolled": false, "language": null, "methods": [], "recovery_codes_left": 0, "failures": 0,
        "locked": false, "wait_seconds": 0, "last_success": null, "bypass_until": null, "invited_until": null, "state_missing": false,
    });
    assert_eq!(machine.status("alice"), nothing);

    let secret = machine.sandbox.enrol("alice");
    machine.json(&["setup", "alice", "--label", "old phone", "--no-confirm"]);
    machine.sandbox.enrol("bob");
    assert_eq!(machine.login("alice", &secret.recovery_codes[0]), "PAM_SUCCESS");
    machine.fail("bob", 5);
    assert_eq!(
        without_times(&machine.tool(&["status", "alice"]).succeeded().stdout),
        "alice is enrolled.\n\
        \x20 totp       authenticator  (6 digits, 30 s, SHA1; since TIME)\n\
        \x20 totp       old phone  (6 digits, 30 s, SHA1; since TIME)\n\
        \x20 recovery   9 codes left\n\
         Last proved:  TIME\n\
         Failures:     0\n"
    );
    let alice = machine.status("alice");
    let created = &alice["methods"][0]["created"];
    assert!(created.as_u64() > Some(1_700_000_000) && alice["last_success"].as_u64() >= created.as_u64(), "{alice}");
    let device = |label| {
        let first = label == "authenticator";
        let created = alice["methods"][usize::from(!first)]["created"].clone();
        json!({
            "method": "totp", "label": label, "primary": first, "created": created, "digits": 6, "period": 30,
            "algorithm": "SHA1", "window": null, "used_until": null, "drift_seconds": null, "allowed_seconds": 0,
        })
    };
    assert_eq!(
        alice,
        json!({
            "user": "alice", "enrolled": true, "language": null,
            "methods": [device("authenticator"), device("old phone")],
            "recovery_codes_left": 9, "failures": 0, "locked": false, "wait_seconds": 0,
            "last_success": alice["last_success"], "bypass_until": null, "invited_until": null, "state_missing": false,
        })
    );
    let bob = machine.status("bob");
    assert_eq!((&bob["failures"], &bob["locked"], &bob["last_success"]), (&json!(4), &json!(false), &Value::Null));
    let wait = bob["wait_seconds"].as_u64().unwrap();
    assert!((1..=30).contains(&wait), "{bob}");
    let shown = machine.tool(&["status", "bob"]).succeeded().stdout;
    assert!(shown.contains("Failures:     4, codes are judged again in ") && shown.ends_with("s\n"), "{shown}");

    let shown = machine.tool(&["list"]).succeeded().stdout;
    let (table, waits) = shown.rsplit_once("waits ").unwrap();
    assert_eq!(
        table,
        "USER   DEVICES                   RECOVERY CODES  CONDITION\n\
         alice  authenticator, old phone  9               ok\n\
         bob    authenticator             10              "
    );
    assert!(waits.ends_with(" s\n"), "{shown}");
    let list = machine.json(&["list"]);
    assert_eq!((list.as_array().unwrap().len(), &list[0]), (2, &alice));
    assert_eq!(list[1]["user"], "bob");

    machine.sandbox.write("/etc/twofactor/config.toml", "limits.lock_after = 4\n", 0o644);
    assert_eq!(machine.status("bob")["locked"], true);
    assert!(machine.tool(&["status", "bob"]).stdout.contains("locked; to unlock: twofactor unlock bob\n"));
    assert!(machine.tool(&["list"]).stdout.contains("  locked\n"));
}

#[test]
fn one_broken_enrolment_keeps_nobody_else_off_the_list() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    machine.sandbox.enrol("bob");
    machine.sandbox.bash("echo nonsense >/var/lib/twofactor/users/bob.toml").succeeded();
    let output = machine.tool(&["list"]);
    let (error, hint) = two_lines(&output, 1);
    assert!(error.starts_with("/var/lib/twofactor/users/bob.toml: line 1, column "), "{error}");
    assert!(hint.contains("twofactor remove bob"), "{hint}");
    assert!(output.stdout.contains("\nalice  authenticator  10 "), "{}", output.stdout);
    assert_eq!(machine.json(&["remove", "bob"]), json!({ "user": "bob", "still_enrolled": false }));
    machine.tool(&["list"]).succeeded();
}

#[test]
fn the_list_of_a_broken_enrolment_is_one_json_value() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    machine.sandbox.enrol("bob");
    machine.sandbox.bash("echo nonsense >/var/lib/twofactor/users/bob.toml").succeeded();
    let output = machine.tool(&["list", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    one_value(&output);
}

#[test]
fn the_hint_about_a_user_without_an_account_hurts_nobody_else() {
    let machine = Machine::new();
    machine.sandbox.add_user("alice2", "correct horse");
    for user in ["alice", "alice2"] {
        machine.sandbox.enrol(user);
    }
    machine.sandbox.bash("userdel alice 2>&1").succeeded();
    let (error, hint) = two_lines(&machine.tool(&["list"]), 1);
    assert_eq!(error, "alice is enrolled but has no account any more");
    let (_, remedy) = hint.split_once(": ").expect("a hint is words and a command");
    machine.sandbox.bash(remedy).succeeded();
    assert_eq!(machine.enrolled(), ["alice2"]);
    machine.tool(&["list"]).succeeded();
}

#[test]
fn trying_says_what_came_out_and_why() {
    let machine = Machine::new();
    let secret = machine.sandbox.enrol("alice");

    let (status, shown) = machine.try_out("sshd", "alice", &["correct horse", &secret.code()]);
    assert_eq!(status, 0, "{shown}");
    assert!(
        shown.ends_with(
            "alice would be let in by sshd.\nlibpam:         Success (PAM_SUCCESS, from pam_acct_mgmt)\nsecond factor:  proved\n"
        ),
        "{shown}"
    );
    assert!(!shown.contains("correct horse") && !shown.contains(&secret.code()), "{shown}");

    let (status, shown) = machine.try_out("sudo", "alice", &["correct horse", &secret.code_in(30)]);
    assert_eq!(status, 0, "{shown}");

    let wrong = secret.wrong_code();
    let (status, shown) = machine.try_out("sshd-key", "alice", &[&wrong, &wrong, &wrong]);
    assert_eq!(status, 1, "{shown}");
    assert!(shown.contains("Verification code: (wrong code, 1 try left, ? for help) "), "{shown}");
    assert!(
        shown.ends_with(
            "alice would be refused by sshd-key.\nlibpam:         Authentication failure (PAM_AUTH_ERR, from pam_authenticate)\n\
         second factor:  3 wrong in this login\nerror: alice was refused by sshd-key: PAM_AUTH_ERR\n\
         hint: the system log (authpriv) has the reason of every module\n"
        ),
        "{shown}"
    );

    machine.fail("alice", 1);
    let right = secret.code_in(60);
    let (status, shown) = machine.try_out("sshd-key", "alice", &[&right, &right, &right]);
    assert_eq!(status, 1, "{shown}");
    assert!(shown.contains("Verification code: (too many wrong codes, wait "), "{shown}");
    assert!(shown.contains("second factor:  throttled for another ") && shown.contains("PAM_MAXTRIES"), "{shown}");

    let (status, shown) = machine.try_out("sshd-key", "alice", &[&secret.recovery_codes[0]]);
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("9 recovery codes left.") && shown.ends_with("second factor:  proved\n"), "{shown}");

    let (status, shown) = machine.try_out("sshd-key", "bob", &[&wrong, &wrong, &wrong]);
    assert_eq!(status, 1, "{shown}");
    assert!(shown.contains("second factor:  bob is not enrolled; mode is required\n"), "{shown}");

    // The door that has no second lock: root may become anybody.
    let (status, shown) = machine.try_out("su", "alice", &[]);
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("pam_twofactor.so was not reached in this stack"), "{shown}");
    assert_eq!(
        machine.json(&["try", "alice", "--service", "su"]),
        json!({ "user": "alice", "service": "su", "code": 0, "name": "PAM_SUCCESS", "stage": "pam_acct_mgmt", "message": "Success",
                "authenticated": true, "second_factor": "not-judged" })
    );

    machine.sandbox.write("/etc/twofactor/config.toml", "policy.mode = \"of\"\n", 0o644);
    machine.refuses(
        &["try", "alice"],
        1,
        "/etc/twofactor/config.toml: line 1, column 15: unknown value `of`: did you mean `off`?",
    );
}

#[test]
fn a_failed_try_is_one_json_value() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    let output =
        machine.sandbox.run_with_input("twofactor", ["try", "alice", "--service", "sshd-key", "--json"], "1\n2\n3\n");
    assert_eq!(output.status.code(), Some(1));
    let value = one_value(&output);
    assert_eq!((&value["authenticated"], &value["name"]), (&json!(false), &json!("PAM_AUTH_ERR")), "{value}");
}

#[test]
fn ctrl_c_and_ctrl_d_at_a_hidden_prompt_end_the_try_with_the_echo_on() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    // What was typed before Ctrl-C is not an answer.
    for (typed, key) in [("", b"\x04"), ("", b"\x03"), ("12", b"\x03")] {
        let mut terminal = machine.at_a_shell("twofactor try alice --service sshd-key");
        terminal.expect("Verification code: ", SOON);
        terminal.send(typed.as_bytes());
        terminal.send(key);
        terminal.expect("status=", SOON);
        sees_what_is_typed(&mut terminal);
        let shown = terminal.transcript();
        assert!(!shown.contains("status=0") && !shown.contains("12"), "{shown}");
    }
    assert_eq!(machine.status("alice")["failures"], 0, "nothing was answered");
}

#[test]
fn new_recovery_codes_void_the_old_ones() {
    let machine = Machine::new();
    let old = machine.sandbox.enrol("alice");
    let answer = machine.json(&["recovery", "alice"]);
    assert_eq!((answer.as_object().unwrap().len(), &answer["user"]), (2, &json!("alice")));
    let new: Vec<&str> = answer["recovery_codes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(
        new.len() == 10
            && new.iter().all(|code| is_recovery_code(code) && !old.recovery_codes.contains(&(*code).to_owned()))
    );
    assert_eq!(machine.login("alice", &old.recovery_codes[0]), "PAM_AUTH_ERR");
    assert_eq!(machine.login("alice", new[0]), "PAM_SUCCESS");
    assert_eq!(machine.login("alice", new[0]), "PAM_AUTH_ERR");
    // However somebody copies it from paper.
    assert_eq!(machine.login("alice", &new[1].to_uppercase().replace('-', " ")), "PAM_SUCCESS");
    assert_eq!(machine.login("alice", &old.code()), "PAM_SUCCESS", "the app is still good");
    assert_eq!(machine.status("alice")["recovery_codes_left"], 8);
    let shown = machine.tool(&["recovery", "alice"]).succeeded().stdout;
    assert_eq!(shown.split_whitespace().filter(|word| is_recovery_code(word)).count(), 10, "{shown}");
    assert!(shown.contains("they are not shown again"), "{shown}");
}

#[test]
fn unlocking_forgets_failures_and_nothing_else() {
    let machine = Machine::new();
    let secret = machine.sandbox.enrol("alice");
    assert_eq!(machine.tool(&["unlock", "alice"]).succeeded().stdout, "alice had no failures.\n");
    let used = secret.code();
    assert_eq!(machine.login("alice", &used), "PAM_SUCCESS");
    machine.fail("alice", 4);
    assert_ne!(machine.login("alice", &secret.code_in(30)), "PAM_SUCCESS");
    assert_eq!(machine.tool(&["unlock", "alice"]).succeeded().stdout, "alice is unlocked, 4 failures forgotten.\n");
    assert_eq!(machine.login("alice", &used), "PAM_AUTH_ERR", "a burnt code stays burnt");
    assert_eq!(machine.login("alice", &secret.code_in(30)), "PAM_SUCCESS");
    assert_eq!(machine.json(&["unlock", "alice"]), json!({ "user": "alice", "failures": 0, "state_rebuilt": false }));
}

#[test]
fn what_is_removed_does_not_log_in_any_more() {
    let machine = Machine::new();
    let alice = machine.sandbox.enrol("alice");
    let bob = machine.sandbox.enrol("bob");
    assert_eq!(
        machine.tool(&["remove", "alice", "--method", "recovery"]).succeeded().stdout,
        "Removed. What is left: twofactor status alice\n"
    );
    assert_eq!(machine.login("alice", &alice.recovery_codes[0]), "PAM_AUTH_ERR");
    assert_eq!(machine.login("alice", &alice.code()), "PAM_SUCCESS");
    machine.refuses(&["remove", "alice", "--method", "recovery"], 1, "alice: there is no such method or device");
    assert_eq!(
        machine.tool(&["remove", "alice", "--method", "totp"]).succeeded().stdout,
        "alice is not enrolled any more.\n"
    );
    assert_eq!(machine.login("alice", &alice.code_in(30)), "PAM_AUTH_ERR");
    assert_eq!(machine.enrolled(), ["bob"]);
    machine.tool(&["remove", "bob"]).succeeded();
    assert_eq!(machine.login("bob", &bob.code()), "PAM_AUTH_ERR");
    assert_eq!(machine.login("bob", &bob.recovery_codes[0]), "PAM_AUTH_ERR");
    assert_eq!(
        machine
            .sandbox
            .bash("ls -A /var/lib/twofactor/users /var/lib/twofactor/state | grep -e alice -e bob || true")
            .stdout,
        ""
    );
    machine.sandbox.enrol("bob");
    assert_eq!(machine.login("bob", &bob.code()), "PAM_AUTH_ERR", "the same name, another secret");
}

#[test]
fn keys_change_and_nobody_enrols_again() {
    let machine = Machine::new();
    // Many codes in one minute: more steps than one must be good.
    machine.sandbox.write("/etc/twofactor/config.toml", "totp.window = 10\n", 0o644);
    assert_eq!(machine.tool(&["keys", "list"]).succeeded().stdout, "There is no key yet; the first setup makes one.\n");
    assert_eq!(machine.json(&["keys", "list"]), json!([]));
    let secrets = ["alice", "bob"].map(|user| (user, machine.sandbox.enrol(user)));
    let all_log_in = |recovery: usize| {
        for (user, secret) in &secrets {
            assert_eq!(machine.login(user, &secret.code_in(recovery as i64 * 60 - 120)), "PAM_SUCCESS", "{user}");
            assert_eq!(machine.login(user, &secret.recovery_codes[recovery]), "PAM_SUCCESS", "{user}");
        }
    };
    let keys = || {
        let keys = machine.json(&["keys", "list"]);
        let summary = |key: &Value| (key["number"].as_u64(), key["seals"].as_bool(), key["enrolments"].as_u64());
        keys.as_array()
            .unwrap()
            .iter()
            .map(summary)
            .map(|(n, s, e)| (n.unwrap(), s.unwrap(), e.unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(), [(1, true, 2)]);
    all_log_in(0);
    let before = machine.sandbox.read("/var/lib/twofactor/users/alice.toml");
    assert!(!before.contains(&secrets[0].1.base32));

    assert_eq!(machine.tool(&["keys", "rotate"]).succeeded().stdout, "Key 2 seals; 2 enrolments sealed anew.\n");
    assert_eq!(keys(), [(1, false, 0), (2, true, 2)]);
    assert_ne!(machine.sandbox.read("/var/lib/twofactor/users/alice.toml"), before);
    assert_eq!(
        without_times(&machine.tool(&["keys", "list"]).succeeded().stdout),
        "KEY  MADE                  ENROLMENTS\n1    TIME  0\n2    TIME  2  (seals)\n"
    );
    all_log_in(1);

    // One enrolment that can't be sealed anew holds its key.
    machine.sandbox.bash("cp -p /etc/passwd /tmp/passwd; sed -i /^bob:/d /etc/passwd").succeeded();
    let (error, hint) = {
        let output = machine.tool(&["keys", "rotate", "--retire"]);
        assert!(
            format!("{}{}", output.stdout, output.stderr).contains("bob is enrolled but has no account any more"),
            "{output:?}"
        );
        let lines: Vec<String> = output.stderr.lines().rev().take(2).map(str::to_owned).collect();
        assert_eq!(output.status.code(), Some(1));
        (lines[1].clone(), lines[0].clone())
    };
    assert_eq!(error, "error: 1 of 2 enrolments left under an older key, which is kept");
    assert_eq!(hint, "hint: mend what stands above, then: twofactor keys rotate --resume");
    machine.sandbox.bash("cp -p /tmp/passwd /etc/passwd").succeeded();
    assert_eq!(keys(), [(1, false, 0), (2, false, 1), (3, true, 1)]);
    all_log_in(2);

    assert_eq!(machine.json(&["keys", "rotate", "--resume"]), json!({ "key": 3, "resealed": 1, "retired": [] }));
    assert_eq!(
        machine.json(&["keys", "rotate", "--resume", "--retire"]),
        json!({ "key": 3, "resealed": 0, "retired": [1, 2] })
    );
    assert_eq!(keys(), [(3, true, 2)]);
    all_log_in(3);
    let text = machine.tool(&["keys", "rotate", "--retire"]).succeeded().stdout;
    assert_eq!(text, "Key 4 seals; 2 enrolments sealed anew.\nRetired: key 3.\n");
    all_log_in(4);
}

#[test]
fn a_lost_keyring_is_not_called_a_new_one() {
    let machine = Machine::new();
    let secret = machine.sandbox.enrol("alice");
    machine.sandbox.bash("mv /etc/twofactor/keyring.toml /root/").succeeded();
    for command in [
        &["keys", "list"][..],
        &["keys", "rotate"],
        &["status", "alice"],
        &["recovery", "alice"],
        &["setup", "bob", "--no-confirm", "--qr", "none"],
        &["setup", "alice", "--replace", "--no-confirm", "--qr", "none"],
    ] {
        let (error, hint) = two_lines(&machine.tool(command), 1);
        assert!(error.contains("/etc/twofactor/keyring.toml: is missing"), "{command:?}: {error}");
        assert!(hint.contains("from a backup"), "{command:?}: {hint}");
    }
    machine.sandbox.bash("mv /root/keyring.toml /etc/twofactor/").succeeded();
    assert_eq!(machine.login("alice", &secret.code()), "PAM_SUCCESS");
}

const SEE_HELP: &str = "see how it is used: twofactor --help";
const BAD_LABEL: &str = "a label has 1 to 64 printable characters and no blanks around it";
const COMMANDS: [&str; 22] = [
    "setup",
    "status",
    "list",
    "report",
    "try",
    "recovery",
    "bypass",
    "invite",
    "test-send",
    "unlock",
    "resync",
    "forget",
    "policy",
    "doctor",
    "language",
    "remove",
    "keys",
    "import",
    "export",
    "show",
    "completions",
    "man",
];
