//! People move over: what Debian's own google-authenticator and pam_oath have is imported, and the code that the other
//! module takes is taken by ours.

use serde_json::{Value, json};
use support::{Cycle, Output, Sandbox, oathtool, two_lines};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const SEED_HEX: &str = "3132333435363738393031323334353637383930";
/// Of the seed, RFC 4226 appendix D.
const HOTP: [&str; 4] = ["755224", "287082", "359152", "969429"];

#[test]
fn what_google_authenticator_has_written_goes_on_with_the_same_codes() {
    let machine = Machine::new("");
    for (options, period) in [
        ("-t -D -u -W", 30),
        ("-t -d -u -w 3", 30),
        ("-t -d -r 3 -R 30 -w 17", 30),
        ("-t -D -r 10 -R 600 -w 5 -S 60", 60),
        ("-t -d -u -W -e 10 -S 15", 15),
    ] {
        machine.begin_anew();
        machine.enrol_with_google(options);
        let secret = machine.google_secret();
        let code = || oathtool(&secret, &["--totp", &format!("--time-step-size={period}s")]);
        let value = machine.import(&["google", "/home/alice/.google_authenticator", "--user", "alice"]);
        assert_eq!(value["users"][0]["devices"][0]["is_new"], true, "{options}: {value}");
        let user = &value["users"][0];
        let scratch_codes = machine.scratch_codes().len();
        assert_eq!((&user["scratch_codes"], &user["recovery_codes"]), (&json!(scratch_codes), &json!([])), "{options}");
        loop {
            let now = code();
            let theirs = machine.login("pam_google_authenticator.so", &now);
            let ours = machine.login("pam_twofactor.so nodelay", &now);
            // Without a window of its own the other module knows no step but this one.
            if code() == now {
                assert_eq!([theirs.outcome(), ours.outcome()], ["PAM_SUCCESS"; 2], "{options}");
                break;
            }
        }
    }
}

#[test]
fn a_scratch_code_of_google_authenticator_works_here_once() {
    let machine = Machine::new("");
    machine.enrol_with_google("-t -d -u -w 3 -e 3");
    let codes = machine.scratch_codes();
    let google = || machine.login("pam_google_authenticator.so", &codes[0]).outcome().to_owned();
    assert_eq!([google(), google()], ["PAM_SUCCESS", "PAM_AUTH_ERR"], "used there");
    let rehearsed = machine.import(&["google", "/home/alice/.google_authenticator", "--user", "alice", "--dry-run"]);
    let value = machine.import(&["google", "/home/alice/.google_authenticator", "--user", "alice"]);
    assert_eq!([&rehearsed, &value].map(|value| value["users"][0]["scratch_codes"].clone()), [2, 2]);
    let status: Value = serde_json::from_str(&machine.tool(&["status", "alice", "--json"]).stdout).unwrap();
    assert_eq!(status["recovery_codes_left"], 2);
    let ours = |code: &str| machine.login("pam_twofactor.so nodelay", code);
    assert_eq!(ours(&codes[0]).outcome(), "PAM_AUTH_ERR", "it was used before");
    assert_eq!(machine.login("pam_google_authenticator.so", &codes[1]).outcome(), "PAM_SUCCESS");
    assert_eq!(ours(&codes[1]).outcome(), "PAM_SUCCESS");
    let again = ours(&codes[1]);
    assert!(again.prompts()[1].contains("that code was already used"), "{:?}", again.prompts());
    machine.tool(&["recovery", "alice", "--json"]).succeeded();
    assert_eq!(ours(&codes[2]).outcome(), "PAM_AUTH_ERR", "new recovery codes take their place");
}

#[test]
fn scratch_codes_do_not_come_over_in_the_place_of_others_or_where_none_are_allowed() {
    for (settings, reason) in [
        ("", "there are recovery codes already"),
        ("methods = ['totp']", "the configuration does not allow recovery codes"),
    ] {
        let machine = Machine::new(settings);
        machine.sandbox.write("/root/other", format!("{SEED}\n\" TOTP_AUTH\n"), 0o600);
        machine.import(&["google", "/root/other", "--user", "alice"]);
        machine.enrol_with_google("-t -d -u -w 3 -e 1");
        let value =
            machine.import(&["google", "/home/alice/.google_authenticator", "--user", "alice", "--label", "second"]);
        let user = &value["users"][0];
        assert_eq!(
            (&user["scratch_codes"], &user["left_behind"]),
            (&json!(0), &json!([format!("1 scratch code: {reason}")]))
        );
        let code = &machine.scratch_codes()[0];
        assert_eq!(machine.login("pam_twofactor.so nodelay", code).outcome(), "PAM_AUTH_ERR");
    }
}

#[test]
fn a_window_of_its_own_comes_over_with_an_app() {
    let machine = Machine::new("");
    machine.enrol_with_google("-t -d -u -w 17");
    let value = machine.import(&["google", "/home/alice/.google_authenticator", "--user", "alice"]);
    assert_eq!(value["users"][0]["devices"][0]["window"], 8);
    let status = machine.tool(&["status", "alice"]).succeeded().stdout;
    assert!(status.contains("30 s, SHA1, window 8;"), "{status}");
    let late = |seconds: u32| oathtool(&machine.google_secret(), &["--totp", &format!("--now=-{seconds} seconds")]);
    let (code, too_late) = (late(7 * 30), late(11 * 30));
    for module in ["pam_google_authenticator.so", "pam_twofactor.so nodelay"] {
        assert_eq!(machine.login(module, &too_late).outcome(), "PAM_AUTH_ERR", "{module}");
        assert_eq!(machine.login(module, &code).outcome(), "PAM_SUCCESS", "{module}");
    }
}

#[test]
fn a_clock_that_google_authenticator_has_learnt_to_allow_for_is_allowed_for() {
    let machine = Machine::new("");
    machine.enrol_with_google("-t -d -u -w 3");
    machine.sandbox.bash("sed -i '1a \\\" TIME_SKEW -9' /home/alice/.google_authenticator").succeeded();
    machine.import(&["google", "/home/alice/.google_authenticator", "--user", "alice"]);
    let code = oathtool(&machine.google_secret(), &["--totp", "--now=-270 seconds"]);
    for module in ["pam_google_authenticator.so", "pam_twofactor.so nodelay"] {
        assert_eq!(machine.login(module, &code).outcome(), "PAM_SUCCESS", "{module}");
    }
}

#[test]
fn a_code_that_was_burnt_at_google_authenticator_is_refused() {
    let machine = Machine::new("");
    machine.enrol_with_google("-t -d -u -w 3");
    let code = oathtool(&machine.google_secret(), &["--totp"]);
    assert_eq!(machine.login("pam_google_authenticator.so", &code).outcome(), "PAM_SUCCESS");
    assert_eq!(machine.login("pam_google_authenticator.so", &code).outcome(), "PAM_AUTH_ERR", "burnt there");
    machine.import(&["google", "/home/alice/.google_authenticator", "--user", "alice"]);
    let ours = machine.login("pam_twofactor.so nodelay", &code);
    assert_eq!(ours.outcome(), "PAM_AUTH_ERR");
    assert!(ours.prompts()[1].contains("that code was already used"), "{:?}", ours.prompts());
}

#[test]
fn a_token_of_google_authenticator_goes_on_at_its_counter() {
    let machine = Machine::new("");
    for options in ["-c -u -w 5", "-c -r 3 -R 30 -w 17", "-c -u -w 3 -e 1"] {
        machine.begin_anew();
        machine.enrol_with_google(options);
        let secret = machine.google_secret();
        let code = |counter: u64| oathtool(&secret, &["--hotp", "--counter", &counter.to_string()]);
        assert_eq!(machine.login("pam_google_authenticator.so", &code(2)).outcome(), "PAM_SUCCESS", "{options}");
        machine.import(&["google", "/home/alice/.google_authenticator", "--user", "alice"]);
        assert_eq!(machine.login("pam_twofactor.so nodelay", &code(2)).outcome(), "PAM_AUTH_ERR", "used there");
        assert_eq!(machine.login("pam_google_authenticator.so", &code(3)).outcome(), "PAM_SUCCESS", "{options}");
        assert_eq!(machine.login("pam_twofactor.so nodelay", &code(3)).outcome(), "PAM_SUCCESS", "{options}");
    }
}

#[test]
fn home_directories_are_walked_and_nothing_in_them_is_believed() {
    let machine = Machine::new("");
    for name in ["bob", "carol", "dave", "erin", "frank", "grace", "heidi"] {
        machine.sandbox.add_user(name, "correct horse");
    }
    machine.enrol_with_google("-t -d -u -w 3");
    let lines = r#"
        umask 077
        install -o bob -m 600 <(printf 'GEZDGNBVGY3TQOJQ\n" TOTP_AUTH\n12345678\n') /home/bob/.google_authenticator
        ln -s /home/alice/.google_authenticator /home/carol/.google_authenticator
        mkfifo /home/dave/.google_authenticator; chown dave: /home/dave/.google_authenticator
        install -o bob -m 600 /home/bob/.google_authenticator /home/erin/.google_authenticator
        head -c 200000 /dev/zero >/home/frank/.google_authenticator; chown frank: /home/frank/.google_authenticator
        install -o grace -m 600 <(echo rubbish) /home/grace/.google_authenticator
        install -o heidi -m 666 /home/bob/.google_authenticator /home/heidi/.google_authenticator
    "#;
    machine.sandbox.bash(lines).succeeded();
    let before = machine.sources();
    for _ in 0..2 {
        let rehearsed = machine.tool(&["import", "google", "--all", "--dry-run", "--json"]);
        assert_eq!(rehearsed.status.code(), Some(1));
        let value: Value = serde_json::from_str(&rehearsed.stdout).unwrap();
        assert_eq!(value["users"].as_array().unwrap().len(), 2);
        assert_eq!(machine.sandbox.bash("ls /var/lib/twofactor/users").stdout, "", "nothing is done");
    }
    let output = machine.tool(&["import", "google", "--all", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stderr.contains("error: 6 could not be taken over"), "{}", output.stderr);
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    let users: Vec<_> = value["users"].as_array().unwrap().iter().map(|user| user["user"].clone()).collect();
    assert_eq!(users, ["alice", "bob"]);
    assert_eq!(value["users"][1]["scratch_codes"], 1);
    let failed: Vec<_> = value["failed"].as_array().unwrap().iter().map(|failed| failed["error"].clone()).collect();
    let uid = machine.sandbox.run("id", ["-u", "bob"]).stdout.trim().to_owned();
    let expected = [
        "carol: /home/carol/.google_authenticator: is a symbolic link".to_owned(),
        "dave: /home/dave/.google_authenticator: is not a regular file".to_owned(),
        format!("erin: /home/erin/.google_authenticator: belongs to uid {uid}, not to erin"),
        "frank: /home/frank/.google_authenticator: is larger than 65536 bytes".to_owned(),
        "grace: /home/grace/.google_authenticator: it says neither TOTP_AUTH nor HOTP_COUNTER".to_owned(),
        "heidi: /home/heidi/.google_authenticator: can be written by others (mode 0666)".to_owned(),
    ];
    assert_eq!(failed, expected);

    let kept = machine.records();
    let again = machine.tool(&["import", "google", "--all", "--json"]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    for user in again["users"].as_array().unwrap() {
        assert_eq!((&user["devices"][0]["is_new"], &user["recovery_codes"]), (&json!(false), &json!([])));
    }
    assert_eq!(machine.records(), kept, "twice changes nothing");
    assert_eq!(machine.sources(), before, "the sources are left as they are");
}

#[test]
fn what_lies_at_the_home_of_whoever_is_enrolled_or_invited_or_has_no_shell_is_left_alone() {
    let machine = Machine::new("");
    machine.sandbox.enrol("alice");
    for name in ["bob", "carol", "dave"] {
        machine.sandbox.add_user(name, "correct horse");
    }
    machine.tool(&["invite", "bob", "--json"]).succeeded();
    let lines = format!(
        "usermod -s /usr/sbin/nologin carol
        for user in alice bob carol dave; do
            install -o $user -m 600 <(printf '{SEED}\\n\" TOTP_AUTH\\n\" WINDOW_SIZE 99\\n') /home/$user/.google_authenticator
        done"
    );
    machine.sandbox.bash(&lines).succeeded();
    let before = machine.sandbox.bash("cd /var/lib/twofactor && sha256sum users/alice* state/alice").succeeded().stdout;
    let value = machine.import(&["google", "--all"]);
    let told =
        |user: &str| value["users"].as_array().unwrap().iter().find(|told| told["user"] == user).unwrap().clone();
    for (user, why) in [
        ("alice", "they are enrolled with another device"),
        ("bob", "they are invited to set up an app"),
        ("carol", "their shell is /usr/sbin/nologin"),
    ] {
        let hint = format!("if it is meant all the same, import that file with --user {user}");
        let left = json!([format!("/home/{user}/.google_authenticator: {why}; {hint}")]);
        assert_eq!((&told(user)["devices"], &told(user)["left_behind"]), (&json!([]), &left));
    }
    assert_eq!(told("dave")["devices"][0]["is_new"], true);
    let after = machine.sandbox.bash("cd /var/lib/twofactor && sha256sum users/alice* state/alice").succeeded().stdout;
    assert_eq!(before, after);
    let listed = machine.tool(&["list", "--json"]).stdout;
    assert!(!listed.contains("bob") && !listed.contains("carol"), "{listed}");
    let trace = ["-qq", "-o", "/run/trace", "-e", "trace=openat", "twofactor"];
    let text =
        machine.sandbox.run("strace", [&trace[..], &["import", "google", "--all", "--no-recovery"]].concat()).stdout;
    let trace = machine.sandbox.read("/run/trace");
    for (user, times) in [("alice", 1), ("bob", 1), ("dave", 1)] {
        assert_eq!(trace.matches(&format!("\"{user}.toml\"")).count(), times, "{user} is looked up once: {trace}");
    }
    assert!(
        text.contains(
            "alice: nothing has come over\n    left behind: /home/alice/.google_authenticator: they are enrolled"
        ),
        "{text}"
    );
}

#[test]
fn people_who_come_over_and_whose_codes_nobody_sees_are_told_of() {
    let machine = Machine::new("");
    machine.sandbox.write("/root/app", format!("{SEED}\n\" TOTP_AUTH\n"), 0o600);
    let output = machine.sandbox.bash("twofactor --json import google /root/app --user alice >/dev/full");
    let (error, hint) = two_lines(&output, 1);
    assert!(error.ends_with("No space left on device (os error 28); it is saved all the same"), "{error}");
    assert_eq!(hint, "see who is enrolled: twofactor list; new recovery codes for each: twofactor recovery USER");
}

#[test]
fn where_standard_input_is_taken_nobody_is_asked_for_a_code_of_it() {
    let machine = Machine::new("");
    let sealed = r#"{"enckey":{"c":1,"k":"3AHMYIRQA4EQJQEZMGSJEVA4TPLIBXX4","s":"MRSWMZ3INFVGW3DNNZXQ","t":"1","v":1},"type":"totp","v":1}"#;
    machine.sandbox.write("/root/keys.json", r#"{"1":"x"}"#, 0o600);
    let arguments = ["import", "passlib", "-", "--user", "alice", "--secrets", "/root/keys.json", "--json"];
    let (error, hint) = two_lines(&machine.sandbox.run_with_input("twofactor", arguments, sealed), 2);
    assert_eq!(error, "standard input is a file here, so nobody can be asked for a code of the device");
    assert_eq!(hint, "name the file; with --trust no code is asked for");
}

#[test]
fn a_hand_kept_usersfile_goes_on_with_the_same_codes() {
    let machine = Machine::new("");
    machine.sandbox.add_user("bob", "correct horse");
    let file = format!(
        "# kept by hand\nHOTP/T30/6 alice - {SEED_HEX}\nHOTP bob - {SEED_HEX} 1\nHOTP/T30 nobody-here - {SEED_HEX}\n\
         HOTP/X erin - 00\n"
    );
    machine.sandbox.write("/etc/users.oath", file, 0o600);
    let module = "pam_oath.so usersfile=/etc/users.oath window=5 digits=6";
    // Of bob's token the code of the counter 1 is used there.
    assert_eq!(machine.login_as("bob", module, HOTP[1]).outcome(), "PAM_SUCCESS");
    let alices = oathtool(SEED, &["--totp"]);
    assert_eq!(machine.login_as("alice", module, &alices).outcome(), "PAM_SUCCESS");
    let before = machine.sandbox.read("/etc/users.oath");

    let output = machine.tool(&["import", "oath", "/etc/users.oath", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let value: Value = serde_json::from_str(&output.stdout).unwrap();
    let failed: Vec<_> = value["failed"].as_array().unwrap().iter().map(|failed| failed["error"].clone()).collect();
    assert_eq!(failed, ["erin: line 5: of \"HOTP/X\" codes cannot be made here", "there is no user \"nobody-here\""]);
    assert_eq!(machine.sandbox.read("/etc/users.oath"), before);

    for (user, code) in [("alice", alices.as_str()), ("bob", HOTP[1])] {
        let ours = machine.login_as(user, "pam_twofactor.so nodelay", code);
        assert_eq!(ours.outcome(), "PAM_AUTH_ERR", "{user}: used there");
        assert!(ours.prompts()[1].contains("that code was already used"), "{user}: {:?}", ours.prompts());
    }
    let next = oathtool(SEED, &["--totp", "--now=+30 seconds"]);
    for (user, code) in [("alice", next.as_str()), ("bob", HOTP[2])] {
        let theirs = machine.login_as(user, module, code);
        let ours = machine.login_as(user, "pam_twofactor.so nodelay", code);
        assert_eq!([theirs.outcome(), ours.outcome()], ["PAM_SUCCESS"; 2], "{user}");
    }
}

#[test]
fn what_is_exported_on_one_machine_is_imported_on_the_next() {
    let machine = Machine::new("");
    let alice = machine.sandbox.enrol("alice");
    let (error, hint) = two_lines(&machine.tool(&["export", "alice"]), 2);
    assert_eq!(error, "standard output is not a terminal, and secrets would be written to it");
    assert_eq!(hint, "use --json, or say --force if that is meant");
    let uris = machine.tool(&["export", "alice", "--force"]).succeeded().stdout;
    assert_eq!(uris, format!("otpauth://totp/testhost:alice?secret={}&issuer=testhost\n", alice.base32));
    let known =
        machine.sandbox.run_with_input("twofactor", ["import", "otpauth", "-", "--user", "alice", "--json"], &uris);
    assert!(known.succeeded().stdout.contains("\"is_new\":false"));

    machine.begin_anew();
    let new =
        machine.sandbox.run_with_input("twofactor", ["import", "otpauth", "-", "--user", "alice", "--json"], &uris);
    assert!(new.succeeded().stdout.contains("\"is_new\":true"));
    assert_eq!(machine.login("pam_twofactor.so nodelay", &alice.code()).outcome(), "PAM_SUCCESS");
    // Another secret under the same label is no mistake that replaces anything.
    let other = "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBV\n";
    let import = |more: &[&str]| {
        let arguments = [&["import", "otpauth", "-", "--user", "alice", "--json"], more].concat();
        machine.sandbox.run_with_input("twofactor", arguments, other)
    };
    let taken: Value = serde_json::from_str(&import(&[]).stdout).unwrap();
    assert_eq!(taken["failed"][0]["error"], "alice: there is already a device called \"authenticator\"");
    import(&["--replace"]).succeeded();
    assert_eq!(machine.tool(&["export", "alice", "--force"]).stdout.matches("GEZDGNBVGY3TQOJQGEZDGNBV&").count(), 1);
}

#[test]
fn of_an_app_with_many_accounts_only_those_are_taken_that_are_named() {
    let machine = Machine::new("");
    // Two accounts of ten bytes each: Example:alice and Work:alice.
    let account = |issuer: &str| {
        let inner = format!("\n\n1234567890\x12\x05alice\x1a{}{issuer}", char::from(issuer.len() as u8));
        format!("\n{}{inner}", char::from(inner.len() as u8))
    };
    let message = format!("{}{}", account("Example"), account("Work"));
    let base64 = machine.sandbox.run_with_input("base64", ["-w0"], &message).succeeded().stdout;
    let uri = format!("otpauth-migration://offline?data={}", base64.replace('+', "%2B").replace('=', "%3D"));
    let import = |more: &[&str]| {
        let arguments = [&["import", "migration", "-", "--user", "alice", "--no-recovery"], more].concat();
        machine.sandbox.run_with_input("twofactor", arguments, &uri)
    };
    let (error, hint) = two_lines(&import(&[]), 2);
    assert_eq!(error, "there are 2 accounts in it, and not all of them may be meant for logins here");
    assert_eq!(hint, "say --account NAME; there are \"Example:alice\", \"Work:alice\"");
    let (error, _) = two_lines(&import(&["--account", "GitHub:alice"]), 2);
    assert_eq!(error, "no account in it is called so");
    let output = import(&["--account", "Work:alice"]).succeeded();
    let expected = "alice: authenticator (totp) from \"Work:alice\" has come over\n\
                    1 device came over, 0 here already, 0 not taken over.\n";
    assert_eq!(output.stdout, expected);
    let code = oathtool("GEZDGNBVGY3TQOJQ", &["--totp"]);
    assert_eq!(machine.login("pam_twofactor.so nodelay", &code).outcome(), "PAM_SUCCESS", "80 bits");
}

#[test]
fn a_sealed_secret_of_passlib_is_proved_by_a_code_or_trusted() {
    let machine = Machine::new("");
    let sealed = r#"{"enckey":{"c":14,"k":"3AHMYIRQA4EQJQEZMGSJEVA4TPLIBXX4","s":"MRSWMZ3INFVGW3DNNZXQ","t":"1","v":1},"type":"totp","v":1}"#;
    machine.sandbox.write("/root/totp.json", sealed, 0o600);
    machine.sandbox.write("/root/right.json", r#"{"1":"TjQ9Qa31VOrfEzuPy4VHQWPCTmRzCnFzMKLxXYiZu9B"}"#, 0o600);
    machine.sandbox.write("/root/wrong.json", r#"{"1":"x"}"#, 0o600);
    // The bytes 0 to 19.
    let base32 = "AAAQEAYEAUDAOCAJBIFQYDIOB4IBCEQT";
    let code = || oathtool(base32, &["--totp"]);
    let import = |more: &[&str], input: &str| {
        let base = ["import", "passlib", "/root/totp.json", "--user", "alice", "--no-recovery", "--json"];
        machine.sandbox.run_with_input("twofactor", [&base[..], more].concat(), input)
    };
    assert_eq!(import(&[], "").status.code(), Some(1), "sealed");
    for (secrets, input) in
        [("/root/wrong.json", code()), ("/root/right.json", "000000".to_owned()), ("/root/right.json", String::new())]
    {
        let refused = import(&["--secrets", secrets], &format!("{input}\n"));
        assert_eq!(refused.status.code(), Some(1), "{secrets} {input}");
        assert_eq!(machine.sandbox.bash("ls /var/lib/twofactor/users").stdout, "");
    }
    let used = code();
    import(&["--secrets", "/root/right.json"], &format!("{used}\n")).succeeded();
    assert_eq!(machine.login("pam_twofactor.so nodelay", &used).outcome(), "PAM_AUTH_ERR", "the proof is used up");
    let known = import(&["--secrets", "/root/right.json"], "").succeeded();
    assert!(known.stdout.contains("\"is_new\":false"), "no code is asked for what is here");
    machine.begin_anew();
    import(&["--secrets", "/root/right.json", "--trust"], "").succeeded();
    assert_eq!(machine.login("pam_twofactor.so nodelay", &code()).outcome(), "PAM_SUCCESS");
}

#[test]
fn what_is_not_allowed_or_not_said_is_refused_and_nothing_is_done() {
    let machine = Machine::new("methods = ['totp', 'recovery']");
    machine.sandbox.write("/root/token", format!("{SEED}\n\" HOTP_COUNTER 1\n"), 0o600);
    machine.sandbox.write("/root/short", "GEZDGNBV\n\" TOTP_AUTH\n", 0o600);
    machine.sandbox.write("/root/app", format!("{SEED}\n\" TOTP_AUTH\n"), 0o600);
    let future = format!("{SEED}\n\" TOTP_AUTH\n\" WINDOW_SIZE 99\n\" DISALLOW_REUSE 99999999999\n");
    machine.sandbox.write("/root/future", future, 0o600);
    let json = |file: &str| -> Value {
        let output = machine.tool(&["import", "google", file, "--user", "alice", "--json", "--dry-run"]);
        serde_json::from_str(&output.stdout).unwrap()
    };
    assert_eq!(json("/root/token")["failed"][0]["error"], "alice: the configuration does not allow hotp");
    assert_eq!(json("/root/short")["failed"][0]["error"], "alice: a secret has 10 to 128 bytes");
    assert_eq!(
        json("/root/future")["users"][0]["left_behind"],
        json!(["a used code that no clock has come to yet", "a window of 49 steps either side; here it is 10 at most"])
    );
    for (arguments, error) in [
        (
            &["google", "/root/app", "--user", "alice"][..],
            "standard output is not a terminal, and recovery codes would be written to it",
        ),
        (&["google", "/root/app", "--dry-run"], "it is not said whose second factor is meant"),
        (&["google", "--dry-run"], "the following required arguments were not provided: <FILE>"),
        (&["google", "--all", "--user", "alice"], "the argument '--all' cannot be used with '--user <USER>'"),
    ] {
        let (told, _) = two_lines(&machine.tool(&[&["import"], arguments].concat()), 2);
        assert_eq!(told, error, "{arguments:?}");
    }
    for (path, error) in [
        ("/root/none", "/root/none: cannot open: No such file or directory (os error 2)"),
        ("/root", "/root: is not a regular file"),
        ("/dev/zero", "/dev/zero: is not a regular file"),
    ] {
        let (told, _) = two_lines(&machine.tool(&["import", "google", path, "--user", "alice", "--dry-run"]), 1);
        assert_eq!(told, error);
    }
    assert_eq!(machine.sandbox.bash("ls /var/lib/twofactor/users").stdout, "");
}

#[test]
fn a_bar_grows_on_a_terminal_and_nowhere_else() {
    let machine = Machine::new("");
    machine.enrol_with_google("-t -d -u -w 3");
    let mut terminal = machine.sandbox.terminal("twofactor", ["import", "google", "--all"]);
    let soon = std::time::Duration::from_secs(20);
    terminal.expect("[", soon);
    terminal.expect("alice: authenticator (totp) has come over", soon);
    terminal.expect("1 device came over, 0 here already, 0 not taken over.", soon);
    assert!(terminal.wait().success());
    let elsewhere = machine.tool(&["import", "google", "--all", "--json"]).succeeded();
    assert_eq!(elsewhere.stderr, "");
}

/// A machine with alice, whose home has nothing in it yet.
struct Machine {
    sandbox: Sandbox,
}

impl Machine {
    fn new(settings: &str) -> Machine {
        let sandbox = Sandbox::installed();
        sandbox.add_user("alice", "correct horse");
        let settings = if settings.is_empty() { "methods = ['totp', 'hotp', 'recovery']" } else { settings };
        sandbox.write("/etc/twofactor/config.toml", format!("{settings}\n[limits]\nfree_failures = 90\n"), 0o644);
        Machine { sandbox }
    }

    fn tool(&self, arguments: &[&str]) -> Output {
        self.sandbox.run("twofactor", arguments)
    }

    #[track_caller]
    fn import(&self, arguments: &[&str]) -> Value {
        let output = self.tool(&[&["import"], arguments, &["--json"]].concat()).succeeded();
        serde_json::from_str(&output.stdout).unwrap()
    }

    /// Debian's own tool writes alice's file, as alice.
    fn enrol_with_google(&self, options: &str) {
        let lines = format!(
            "rm -f /home/alice/.google_authenticator; runuser -u alice -- env HOME=/home/alice google-authenticator {options} -C -f -q -Q NONE"
        );
        self.sandbox.bash(&lines).succeeded();
    }

    fn google_secret(&self) -> String {
        self.sandbox.read("/home/alice/.google_authenticator").lines().next().unwrap().to_owned()
    }

    fn scratch_codes(&self) -> Vec<String> {
        let file = self.sandbox.read("/home/alice/.google_authenticator");
        file.lines().filter(|line| line.len() == 8 && !line.starts_with('"')).map(str::to_owned).collect()
    }

    fn login(&self, module: &str, code: &str) -> Cycle {
        self.login_as("alice", module, code)
    }

    fn login_as(&self, user: &str, module: &str, code: &str) -> Cycle {
        self.sandbox.stack("twofactor", &format!("auth required {module}\nauth required pam_permit.so\n"));
        let answers = vec![json!({ "text": code }); 3];
        self.sandbox.pam_host(json!({ "user": user, "answers": answers })).cycle().clone()
    }

    fn begin_anew(&self) {
        self.sandbox.bash("rm -f /var/lib/twofactor/users/* /var/lib/twofactor/state/*").succeeded();
    }

    /// Digests of what is enrolled, with the times.
    fn records(&self) -> String {
        let lines = "cd /var/lib/twofactor; for f in users/* state/*; do sha256sum $f; stat -c %y $f; done";
        self.sandbox.bash(lines).succeeded().stdout
    }

    /// What lies in the home directories.
    fn sources(&self) -> String {
        self.sandbox.bash("stat -c '%n %i %s %Y %Z %a %u' /home/*/.google_authenticator").succeeded().stdout
    }
}
