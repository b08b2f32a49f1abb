//! Bad input: a configuration with anything wrong in it, and names that no user has.
//!
//! Every mistake is made twice. The tool names it in two lines, with the place and what to do; the module lets nobody in
//! and logs the same. Afterwards every enrolment is as it was.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Output, Sandbox, Secret, two_lines};

#[test]
fn every_key_refuses_every_wrong_type_where_it_stands() {
    let machine = Machine::new();
    for (table, key, right) in KEYS {
        let heading = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        for (kind, value) in KINDS.into_iter().filter(|(kind, _)| *kind != right) {
            let config = format!("# settings\n\n{heading}{key} = {value}\n");
            let place = format!("line {}, column {}: ", 3 + heading.lines().count(), key.len() + 4);
            let what = machine.refuses(&config, &place);
            // The position alone does not say what would be right.
            assert!(what.contains("expected ") && what.ends_with(&format!(", not {kind}")), "{config}: {what}");
        }
    }
    machine.lost_nothing();
}

#[test]
fn every_table_refuses_a_wrong_type_and_a_key_that_it_does_not_know() {
    let machine = Machine::new();
    for table in ["policy", "totp", "limits", "prompt"] {
        for (kind, value) in KINDS.into_iter().filter(|(kind, _)| *kind != "a table") {
            let what =
                machine.refuses(format!("{table} = {value}\n"), &format!("line 1, column {}: ", table.len() + 4));
            assert_eq!(what, format!("expected a table, not {kind}"));
        }
        let what = machine.refuses(format!("[[{table}]]\n"), "line 1, column ");
        assert!(what.ends_with("expected a table, not an array"), "{what}");
        let what = machine.refuses(format!("[{table}]\ncolour = \"blue\"\n"), "line 2, column 1: ");
        assert!(what.starts_with("unknown key `colour`: expected one of "), "{what}");
    }
    let what = machine.refuses("colour = \"blue\"\n", "line 1, column 1: ");
    assert!(what.starts_with("unknown key `colour`: expected one of issuer, "), "{what}");
    machine.lost_nothing();
}

#[test]
fn a_misspelt_word_is_answered_with_the_right_one() {
    let machine = Machine::new();
    for (config, place, what) in [
        ("isuer = 'x'", "line 1, column 1: ", "unknown key `isuer`: did you mean `issuer`?"),
        ("[polcy]\nmode = 'off'", "line 1, column 2: ", "unknown key `polcy`: did you mean `policy`?"),
        ("\n[Limits]\ntries = 3", "line 2, column 2: ", "unknown key `Limits`: did you mean `limits`?"),
        ("[totp]\ndigit = 6", "line 2, column 1: ", "unknown key `digit`: did you mean `digits`?"),
        ("totp.digit = 6", "line 1, column 6: ", "unknown key `digit`: did you mean `digits`?"),
        ("methods = ['totp', 'recovry']", "line 1, column 20: ", "unknown value `recovry`: did you mean `recovery`?"),
        ("policy = { mode = 'requred' }", "line 1, column 19: ", "unknown value `requred`: did you mean `required`?"),
        ("[totp]\nalgorithm = 'sha1'", "line 2, column 13: ", "unknown value `sha1`: did you mean `SHA1`?"),
        ("[totp]\nalgorithm = 'SHA-256'", "line 2, column 13: ", "unknown value `SHA-256`: did you mean `SHA256`?"),
    ] {
        assert_eq!(machine.refuses(config, place), what, "{config}");
    }
    machine.lost_nothing();
}

#[test]
fn a_value_out_of_range_is_answered_with_the_range() {
    let machine = Machine::new();
    for (table, key, value, what) in [
        ("", "issuer", "''", "an issuer has 1 to 64 printable characters and no colon"),
        ("", "issuer", "'a:b'", "an issuer has 1 to 64 printable characters and no colon"),
        ("", "issuer", "\"a\\u001B[2Jb\"", "an issuer has 1 to 64 printable characters and no colon"),
        ("", "methods", "[]", "at least one method is needed: without any, nobody could log in"),
        ("", "methods", "['recovery', 'recovery']", "a method is named twice"),
        ("", "rescue_mail", "'nobody'", "not a mail address of the form name@example.org"),
        (
            "",
            "rescue_mail",
            "\"a@example.org\\nBcc: b@example.org\"",
            "not a mail address of the form name@example.org",
        ),
        ("totp", "digits", "5", "a code has 6 to 8 digits"),
        ("totp", "digits", "9", "a code has 6 to 8 digits"),
        ("totp", "digits", "-6", "expected a whole number from 0 to 255, not -6"),
        ("totp", "period", "0", "a period lasts 1 to 3600 seconds"),
        ("totp", "period", "99999999999999999999", ""),
        ("totp", "window", "11", "a window is 0 to 10 steps"),
        ("limits", "tries", "0", "a login has 1 to 10 tries"),
        ("limits", "tries", "11", "a login has 1 to 10 tries"),
        ("limits", "free_failures", "-1", "expected a whole number from 0 to 4294967295, not -1"),
        ("limits", "longest_wait", "'soon'", ""),
        ("limits", "longest_wait", "'-5m'", ""),
        ("limits", "longest_wait", "'9999999999999999999h'", ""),
        ("limits", "lock_after", "0", "an account locks after 1 to 100 failures"),
        ("limits", "lock_after", "101", "an account locks after 1 to 100 failures"),
        ("prompt", "code", "''", "a prompt has 1 to 200 bytes of printable text on one line"),
        ("prompt", "code", "\"a\\nb\"", "a prompt has 1 to 200 bytes of printable text on one line"),
    ] {
        let heading = if table.is_empty() { "#".to_owned() } else { format!("[{table}]") };
        let said =
            machine.refuses(format!("{heading}\n{key} = {value}\n"), &format!("line 2, column {}: ", key.len() + 4));
        assert!(!said.is_empty() && (what.is_empty() || said == what), "{key} = {value}: {said}");
    }
    machine.lost_nothing();
}

#[test]
fn what_is_no_toml_is_refused_where_it_breaks() {
    let machine = Machine::new();
    let long = format!("issuer = \"{}\"\n", "x".repeat(5000));
    let deep = format!("issuer = {}", "[".repeat(100_000));
    for (config, place) in [
        (&b"issuer = \"x\"\nissuer = \"y\"\n"[..], "line 2, column 1: "),
        (b"[totp]\ndigits = 6\n[limits]\n[totp]\n", "line 4, column "),
        (b"[totp]\ndigits = 6\ndigits = 7\n", "line 3, column 1: "),
        (b"totp.digits = 6\n[totp]\nperiod = 30\n", "line 2, column "),
        (b"# fine\n\nissuer = \n", "line 3, column "),
        (b"issuer = x\n", "line 1, column 10: "),
        (b"issuer = \"x\n", "line 1, column "),
        (b"issuer\n", "line 1, column "),
        (b"[totp\ndigits = 6\n", "line 1, column "),
        (b"= 6\n", "line 1, column 1: "),
        (b"issuer = \"x\" methods = [\"totp\"]\n", "line 1, column "),
        (b"prompt.code = \"a\x00b\"\n", "line 1, column "),
        (b"prompt.code = \"a\x1b[2Jb\"\n", "line 1, column "),
        (b"issuer = \"x\"\n# \xff\n", "line 2, column 3: "),
        (b"\xff\xfei\x00s\x00", "line 1, column 1: "),
        (b"\x7fELF\x02\x01\x01\x00", "line 1, column "),
        (long.as_bytes(), "line 1, column 10: "),
        (deep.as_bytes(), "line 1, column "),
    ] {
        let started = Instant::now();
        let what = machine.refuses(config, place);
        assert!(!what.is_empty() && what.len() < 300, "{what}");
        assert!(started.elapsed() < Duration::from_secs(2), "{what}");
    }
    machine.lost_nothing();
}

#[test]
fn a_file_that_can_not_be_a_configuration_is_refused_as_a_whole() {
    let machine = Machine::new();
    let huge = b"# nothing but remarks\n".repeat(10 * 1024 * 1024 / 22 + 1);
    for (config, what) in [(&b""[..], "is empty"), (&huge, "is larger than 1048576 bytes")] {
        machine.sandbox.write(CONFIG, config, 0o644);
        let (error, hint) = two_lines(&machine.tool(), 1);
        assert_eq!(error, format!("{CONFIG}: {what}"));
        assert!(!hint.is_empty());
        let logged = machine.denied();
        assert!(logged.contains(&format!("{CONFIG}: {what}")), "{logged}");
    }
    machine.lost_nothing();
}

#[test]
fn a_named_configuration_must_be_there() {
    let machine = Machine::new();
    machine.sandbox.bash(&format!("rm {CONFIG}")).succeeded();
    for path in ["/etc/twofactor/other.toml", "/nowhere/config.toml", "config.toml", "/etc/twofactor/other.toml/"] {
        let output = machine.sandbox.run("twofactor", ["--config", path, "status", "alice"]);
        let (error, hint) = two_lines(&output, 1);
        assert!(error.contains(path.split("/config").next().unwrap_or_default()), "{path:?}: {error}");
        assert_eq!(hint, "--config takes the absolute path of an existing file", "{path:?}: {error}");
    }
    two_lines(&machine.sandbox.run("twofactor", ["--config", "", "status", "alice"]), 2);
    machine.sandbox.stack("twofactor", "auth required pam_twofactor.so config=/etc/twofactor/other.toml\n");
    let logged = machine.denied();
    assert!(logged.contains("/etc/twofactor/other.toml: is missing"), "{logged}");
    for words in
        ["config=config.toml", "config", "confg=/etc/twofactor/config.toml", "debug=1", "nullok", "config=/a config=/b"]
    {
        machine.sandbox.stack("twofactor", &format!("auth required pam_twofactor.so {words}\n"));
        let logged = machine.denied();
        assert!(logged.contains("module argument"), "{words}: {logged}");
    }
    machine.sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
    machine.lost_nothing();
}

#[test]
fn a_configuration_that_is_only_unusual_is_taken() {
    let machine = Machine::new();
    for config in [
        "# nothing\n",
        "\n",
        "\u{feff}issuer = \"x\"\n",
        "issuer = \"x\"\r\n[totp]\r\ndigits = 6\r\n",
        "issuer = \"no line feed at the end\"",
        "issuer = \"Zoë & Söhne\"\ntotp = { digits = 6 }\nprompt.echo = true\n",
        "methods = [\n  \"totp\", # the app\n  \"recovery\",\n]\n",
    ] {
        machine.sandbox.write(CONFIG, config, 0o644);
        let status = machine.tool();
        assert!(status.status.success(), "{config:?}: {}", status.stderr);
    }
    machine.lost_nothing();
}

#[test]
fn a_name_that_no_user_has_is_refused_in_two_plain_lines() {
    let machine = Machine::new();
    let long = "x".repeat(4096);
    let names = [
        "mallory",
        "../x",
        "../../etc/passwd",
        "",
        " ",
        ".",
        "..",
        "/etc/passwd",
        "alice ",
        "ALICE",
        "0",
        "alice:x",
        "a\nb",
        "\x1b[2J\x1b]0;owned\x07",
        "\u{202e}ecila",
        "alice\n",
        "%2e%2e",
        &long,
    ];
    let commands: [&[&str]; 5] = [
        &["status"],
        &["setup", "--no-confirm", "--qr", "none"],
        &["recovery"],
        &["unlock"],
        &["try", "--service", "twofactor"],
    ];
    for name in names {
        for command in commands {
            let output = machine.sandbox.run("twofactor", command.iter().copied().chain(["--", name]));
            let (error, hint) = two_lines(&output, 1);
            assert!(error.starts_with("there is no user "), "{command:?} {name:?}: {error}");
            assert!(!hint.is_empty());
            assert_eq!(output.stdout, "", "{command:?} {name:?}");
        }
        // Whose account is gone can still be removed, so here being enrolled is what counts.
        let output = machine.sandbox.run("twofactor", ["remove", "--", name]);
        let impossible = name.is_empty() || name.len() > 240;
        let (error, _) = two_lines(&output, if impossible { 2 } else { 1 });
        assert!(impossible || error.ends_with(": not enrolled"), "{name:?}: {error}");
    }
    // Names are quoted in full so that a stray blank is seen, but nobody reads four kilobytes of one.
    let error = two_lines(&machine.sandbox.run("twofactor", ["status", &long]), 1).0;
    assert!(error.len() < 300, "{} bytes", error.len());
    machine.lost_nothing();
}

#[test]
fn a_name_that_no_user_has_is_asked_and_refused_by_the_module() {
    let machine = Machine::new();
    let long = "x".repeat(400);
    for name in ["mallory", "../x", "../alice", "alice/", "ALICE", "a\nb outcome=proved", "\u{1b}[2J", &long] {
        let journal = machine.sandbox.journal().from_here();
        let code = json!({ "text": machine.secret.code() });
        let report = machine.sandbox.pam_host(json!({ "user": name, "answers": [code, code, code] }));
        assert_eq!(report.outcome(), "PAM_AUTH_ERR", "{name:?}");
        let logged = journal.lines_with("pam_twofactor(");
        assert!(logged.iter().any(|line| line.contains("reason=unknown-user")), "{name:?}: {logged:?}");
        assert!(
            !logged.iter().any(|line| line.contains('\x1b') || line.contains(" b outcome=proved reason")),
            "{logged:?}"
        );
    }
    machine.lost_nothing();
}

/// Every key with the type that it has.
const KEYS: [(&str, &str, &str); 15] = [
    ("", "issuer", "a string"),
    ("", "methods", "an array"),
    ("", "rescue_mail", "a string"),
    ("policy", "mode", "a string"),
    ("policy", "unenrolled", "a string"),
    ("totp", "digits", "an integer"),
    ("totp", "period", "an integer"),
    ("totp", "algorithm", "a string"),
    ("totp", "window", "an integer"),
    ("limits", "tries", "an integer"),
    ("limits", "free_failures", "an integer"),
    ("limits", "longest_wait", "a string"),
    ("limits", "lock_after", "an integer"),
    ("prompt", "echo", "a boolean"),
    ("prompt", "code", "a string"),
];

/// Every type of TOML with a value of it.
const KINDS: [(&str, &str); 7] = [
    ("a string", "\"six\""),
    ("an integer", "6"),
    ("a float", "6.5"),
    ("a boolean", "true"),
    ("a datetime", "2026-11-23T05:00:00Z"),
    ("an array", "[\"totp\"]"),
    ("a table", "{ six = 6 }"),
];

#[test]
fn every_key_of_the_default_file_is_broken_here() {
    let file = std::fs::read_to_string(support::checkout().join("packaging/config.toml")).unwrap();
    let mut table = "";
    let mut documented = Vec::new();
    for line in file.lines().filter_map(|line| line.strip_prefix('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = name;
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
            documented.push((table, key));
        }
    }
    assert_eq!(documented, KEYS.map(|(table, key, _)| (table, key)));
}

/// A machine on which alice is enrolled.
struct Machine {
    sandbox: Sandbox,
    secret: Secret,
    /// What must not change.
    records: String,
}

impl Machine {
    fn new() -> Machine {
        let sandbox = Sandbox::installed();
        sandbox.add_user("alice", "correct horse");
        sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
        let secret = sandbox.enrol("alice");
        let records = records(&sandbox);
        Machine { sandbox, secret, records }
    }

    /// Writes a configuration that tool and module must refuse alike; returns the words after its place.
    #[track_caller]
    fn refuses(&self, config: impl AsRef<[u8]>, place: &str) -> String {
        let about = String::from_utf8_lossy(&config.as_ref()[..config.as_ref().len().min(80)]).into_owned();
        self.sandbox.write(CONFIG, &config, 0o644);
        let (error, hint) = two_lines(&self.tool(), 1);
        let mistake = error.strip_prefix(&format!("{CONFIG}: ")).unwrap_or_else(|| panic!("{about}: {error}"));
        let what = mistake.strip_prefix(place).unwrap_or_else(|| panic!("{about}: not at {place}: {mistake}"));
        let line = place.split(',').next().expect("a place begins with its line");
        assert_eq!(hint, format!("mend {line} of {CONFIG}; until then nobody is let in"), "{about}");

        let logged = self.denied();
        // A log value is quoted and escaped; the place has nothing to escape.
        let first_words = mistake.split(['"', '\\', '`']).next().expect("a text has a beginning");
        assert!(logged.contains(&format!("error=\"{CONFIG}: {first_words}")), "{about}: {logged}");
        what.to_owned()
    }

    fn tool(&self) -> Output {
        self.sandbox.run("twofactor", ["status", "alice"])
    }

    /// Lets alice try with the right code, which must not be judged; returns the one line in the log.
    #[track_caller]
    fn denied(&self) -> String {
        let journal = self.sandbox.journal().from_here();
        let report = self.sandbox.pam_host(json!({ "user": "alice", "answers": [{ "text": "000000" }] }));
        assert_eq!(report.outcome(), "PAM_SYSTEM_ERR");
        assert_eq!(report.cycle().prompts(), [""; 0]);
        let logged = journal.lines_with("pam_twofactor(");
        let [line] = logged.as_slice() else { panic!("{logged:?}") };
        assert!(line.starts_with(AUTHPRIV_ALERT), "{line}");
        assert!(line.contains("event=login outcome=misconfigured error="), "{line}");
        assert!(line.len() < 1000, "{line}");
        line.clone()
    }

    /// Nothing was written, and once the configuration is mended alice is let in.
    #[track_caller]
    fn lost_nothing(&self) {
        assert_eq!(records(&self.sandbox), self.records);
        self.sandbox.write(CONFIG, "# mended\n", 0o644);
        let report = self.sandbox.pam_host(json!({ "user": "alice", "answers": [{ "text": self.secret.code() }] }));
        assert_eq!(report.outcome(), "PAM_SUCCESS");
        let status = self.sandbox.run("twofactor", ["status", "alice", "--json"]).succeeded();
        let status: Value = serde_json::from_str(&status.stdout).expect("status --json prints JSON");
        assert_eq!((&status["recovery_codes_left"], &status["failures"]), (&json!(10), &json!(0)));
    }
}

/// Every file that holds an enrolment, with its mode and a digest of its content; not the record that all strangers share.
fn records(sandbox: &Sandbox) -> String {
    let list = "find /etc/twofactor /var/lib/twofactor ! -name config.toml ! -name .nobody -printf '%p %y %m %u %n\\n' | sort
        find /etc/twofactor /var/lib/twofactor -type f ! -name config.toml ! -name .nobody -print0 | sort -z | xargs -0 sha256sum";
    sandbox.bash(list).succeeded().stdout
}

const CONFIG: &str = "/etc/twofactor/config.toml";
/// LOG_AUTHPRIV and LOG_ALERT, syslog(3).
const AUTHPRIV_ALERT: &str = "<81>";
