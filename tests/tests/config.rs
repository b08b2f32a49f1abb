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
        let others = needed(table, key).lines().filter(|line| !line.starts_with(&format!("{key} = ")));
        let others: String = others.map(|line| format!("{line}\n")).collect();
        for (kind, value) in KINDS.into_iter().filter(|(kind, _)| *kind != right) {
            let config = format!("# settings\n\n{heading}{key} = {value}\n{others}");
            let place = format!("line {}, column {}: ", 3 + heading.lines().count(), key.len() + 4);
            let what = machine.refuses(&config, &place);
            // The position alone does not say what would be right.
            assert!(what.contains("expected ") && what.ends_with(&format!(", not {kind}")), "{config}: {what}");
        }
    }
    machine.lost_nothing();
}

#[test]
fn every_key_that_is_misspelt_is_answered_with_the_right_one() {
    let machine = Machine::new();
    for (table, key, _) in KEYS {
        let heading = if table.is_empty() { "#".to_owned() } else { format!("[{table}]") };
        // One that is needed stands there as well: it would be missed before anything else is looked at.
        let config = format!("{heading}\n{key}x = 6\n{}", needed(table, key));
        let what = machine.refuses(&config, "line 2, column 1: ");
        assert_eq!(what, format!("unknown key `{key}x`: did you mean `{key}`?"), "{config}");
    }
    machine.lost_nothing();
}

#[test]
fn every_table_refuses_a_wrong_type_and_a_key_that_it_does_not_know() {
    let machine = Machine::new();
    for table in TABLES {
        for (kind, value) in KINDS.into_iter().filter(|(kind, _)| *kind != "a table") {
            let what =
                machine.refuses(format!("{table} = {value}\n"), &format!("line 1, column {}: ", table.len() + 4));
            assert_eq!(what, format!("expected a table, not {kind}"));
        }
        let what = machine.refuses(format!("[[{table}]]\n"), "line 1, column ");
        assert!(what.ends_with("expected a table, not an array"), "{what}");
        let config = format!("[{table}]\ncolour = \"blue\"\n{}", needed(table, "colour"));
        let what = machine.refuses(config, "line 2, column 1: ");
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
        ("", "deliver_user", "''", "not the name of a user"),
        ("totp", "digits", "5", "a code has 6 to 8 digits"),
        ("totp", "digits", "9", "a code has 6 to 8 digits"),
        ("totp", "digits", "-6", "expected a whole number from 0 to 255, not -6"),
        ("totp", "period", "0", "a period lasts 1 to 3600 seconds"),
        ("totp", "period", "99999999999999999999", ""),
        ("totp", "window", "11", "a window is 0 to 10 steps"),
        ("code", "digits", "9", "a code has 6 to 8 digits"),
        ("code", "lifetime", "'9s'", "a sent code is good for 10 seconds to 1 hour"),
        ("code", "lifetime", "'2h'", "a sent code is good for 10 seconds to 1 hour"),
        ("code", "resend_after", "'0s'", "another code is sent after 1 second to 1 hour"),
        ("code", "sends_per_hour", "0", "1 to 30 messages go to one user in an hour"),
        ("code", "sends_per_hour", "31", "1 to 30 messages go to one user in an hour"),
        ("rescue", "lifetime", "'0s'", "a sent code is good for 10 seconds to 1 hour"),
        ("mail", "from", "'-oQ/tmp@example.org'", "not a mail address of the form name@example.org"),
        ("mail", "from_name", "\"a\\nBcc: b@example.org\"", "expected 1 to 200 bytes of printable text on one line"),
        ("mail.sendmail", "timeout", "'61s'", "a timeout is 1 to 60 seconds"),
        ("mail.maildir", "path", "'var/spool'", "not an absolute path"),
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
fn half_of_a_way_to_send_denies_and_says_which_half() {
    let machine = Machine::new();
    for (config, place, what) in [
        ("methods = ['totp', 'sms']", (1, 11), "\"sms\" needs a table [sms] that says who sends"),
        ("[mail]\ntransports = ['smtp']", (2, 14), "\"smtp\" needs a table [mail.smtp] with at least `server`"),
        ("[mail]\ntransports = []", (2, 14), "at least one transport is needed"),
        ("[mail]\ntransports = ['maildir', 'maildir']", (2, 14), "a transport is named twice"),
        ("[mail]\ntransports = ['sendmial']", (2, 15), "unknown value `sendmial`: did you mean `sendmail`?"),
        ("\n[mail.smtp]\nport = 25", (2, 1), "key `server` is missing"),
        (
            "[mail.smtp]\nserver = 'smtp.example.org'\ntls = 'none'",
            (3, 7),
            "without TLS a mail server can only be on this host (localhost)",
        ),
        (
            "[mail.smtp]\nserver = 'smtp.example.org:465'",
            (2, 10),
            "not the name or the address of a server (the port is a key of its own)",
        ),
        ("[mail.smtp]\nserver = 'a'\nport = 65536", (3, 8), "a port is 1 to 65535"),
        ("[mail.smtp]\nserver = 'a'\nusername = 'u'", (3, 12), "a username needs a password_file"),
        ("[mail.smtp]\nserver = 'a'\npassword_file = '/p'", (3, 17), "a password_file needs a username"),
        (
            "[mail.smtp]\nserver = 'a'\ntls = 'ssl'",
            (3, 7),
            "unknown value `ssl`: expected one of implicit, starttls, none",
        ),
        (
            "[mail.sendmail]\ncommand = ['sendmail', '-t']",
            (2, 11),
            "a command is the absolute path of a program and its arguments",
        ),
        ("[mail.smtp]\nserver = 'a'\nauth = 'xoauth2'", (3, 8), "auth needs a username and a password_file"),
        ("[code]\nresend_after = '6m'", (2, 16), "another code is sent before the last one is too old"),
        ("[sms]\ntimeout = '5s'", (1, 1), "key `provider` is missing"),
        ("[sms]\nprovider = 'twillio'", (2, 12), "unknown value `twillio`: did you mean `twilio`?"),
        ("[sms]\nprovider = 'pigeon'", (2, 12), "unknown value `pigeon`: expected one of twilio, http, command"),
        (
            "[sms]\nprovider = 'twilio'\naccount_sid = 'AC1'\nfrom = '+15550100'",
            (1, 1),
            "key `auth_token_file` is missing",
        ),
        (
            "[sms]\nprovider = 'http'\nurl = 'http://gateway.example.org/{number}/{text}'",
            (3, 7),
            "a URL begins with https:// (http:// only for localhost)",
        ),
        (
            "[sms]\nprovider = 'http'\nurl = 'https://gateway.example.org/{number}'",
            (1, 1),
            "{text} stands neither in url nor in headers nor in body",
        ),
        (
            "[sms]\nprovider = 'http'\nurl = 'https://g/{number}/{text}'\nheaders = ['X-Key: {secret}']",
            (4, 11),
            "{secret} needs a secret_file",
        ),
        (
            "[sms]\nprovider = 'http'\nurl = 'http://localhost@gateway.example.org/{number}/{text}'",
            (3, 7),
            "a URL begins with https:// (http:// only for localhost)",
        ),
        (
            "[sms]\nprovider = 'command'\ncommand = ['/usr/local/bin/{number}']",
            (3, 11),
            "{number} stands in no argument",
        ),
        (
            "[sms]\nprovider = 'command'\ncommand = ['/usr/local/bin/send-sms']",
            (3, 11),
            "{number} stands in no argument",
        ),
    ] {
        let (line, column) = place;
        assert_eq!(machine.refuses(config, &format!("line {line}, column {column}: ")), what, "{config}");
    }
    machine.lost_nothing();
}

#[test]
fn words_of_a_message_that_would_be_of_no_use_deny() {
    let machine = Machine::new();
    let places = |words: &str| format!("nothing fills in {{usr}}: it can be {words}");
    let code = places("{code}, {user}, {host}, {service}, {from}, {time}, {lifetime}, {issuer}");
    for (config, column, what) in [
        ("[mail.code]\nsubject = 'for {usr}'", 11, code.clone()),
        ("[mail.code]\nhtml = '{code} {usr}'", 8, code.clone()),
        ("[sms]\ntext = '{code} {usr}'\nprovider = 'command'", 8, code),
        (
            "[mail.rescue]\ntext = '{command} {usr}'",
            8,
            places("{user}, {host}, {service}, {from}, {tty}, {time}, {reference}, {command}, {issuer}"),
        ),
        (
            "[mail.notice]\ntext = '{what} {usr}'",
            8,
            places("{what}, {detail}, {user}, {host}, {service}, {from}, {time}, {issuer}"),
        ),
        ("[mail.code]\ntext = 'hello'", 8, "without {code} the message would be of no use".to_owned()),
        ("[mail.rescue]\nhtml = 'hello'", 8, "without {command} the message would be of no use".to_owned()),
        ("[mail.notice]\ntext = 'hello'", 8, "without {what} the message would be of no use".to_owned()),
        ("[mail.code]\ntext = ''", 8, "a text has 1 to 16384 bytes".to_owned()),
        ("[mail.code]\nsubject = \"a\\nb\"", 11, "a subject is one line of printable text".to_owned()),
    ] {
        assert_eq!(machine.refuses(config, &format!("line 2, column {column}: ")), what, "{config}");
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

/// Every key with the type that it has, in the order of the default file.
const KEYS: [(&str, &str, &str); 81] = [
    ("", "issuer", "a string"),
    ("", "methods", "an array"),
    ("", "language", "a string"),
    ("", "rescue_mail", "a string"),
    ("", "deliver_user", "a string"),
    ("policy", "mode", "a string"),
    ("policy", "unenrolled", "a string"),
    ("[policy.rule]", "service", "an array"),
    ("[policy.rule]", "user", "an array"),
    ("[policy.rule]", "group", "an array"),
    ("[policy.rule]", "rhost", "an array"),
    ("[policy.rule]", "tty", "an array"),
    ("[policy.rule]", "ssh_auth", "an array"),
    ("[policy.rule]", "mode", "a string"),
    ("[policy.rule]", "unenrolled", "a string"),
    ("[policy.rule]", "methods", "an array"),
    ("[policy.rule]", "remember", "a string"),
    ("totp", "digits", "an integer"),
    ("totp", "period", "an integer"),
    ("totp", "algorithm", "a string"),
    ("totp", "window", "an integer"),
    ("hotp", "digits", "an integer"),
    ("hotp", "look_ahead", "an integer"),
    ("code", "digits", "an integer"),
    ("code", "lifetime", "a string"),
    ("code", "resend_after", "a string"),
    ("code", "sends_per_hour", "an integer"),
    ("mail", "from", "a string"),
    ("mail", "from_name", "a string"),
    ("mail", "transports", "an array"),
    ("mail.smtp", "server", "a string"),
    ("mail.smtp", "tls", "a string"),
    ("mail.smtp", "port", "an integer"),
    ("mail.smtp", "username", "a string"),
    ("mail.smtp", "password_file", "a string"),
    ("mail.smtp", "auth", "a string"),
    ("mail.smtp", "ca_file", "a string"),
    ("mail.smtp", "timeout", "a string"),
    ("mail.sendmail", "command", "an array"),
    ("mail.sendmail", "timeout", "a string"),
    ("mail.maildir", "path", "a string"),
    ("mail.code", "subject", "a string"),
    ("mail.code", "text", "a string"),
    ("mail.code", "html", "a string"),
    ("mail.rescue", "subject", "a string"),
    ("mail.rescue", "text", "a string"),
    ("mail.rescue", "html", "a string"),
    ("mail.notice", "subject", "a string"),
    ("mail.notice", "text", "a string"),
    ("mail.notice", "html", "a string"),
    ("sms", "provider", "a string"),
    ("sms", "account_sid", "a string"),
    ("sms", "auth_token_file", "a string"),
    ("sms", "from", "a string"),
    ("sms", "base_url", "a string"),
    ("sms", "ca_file", "a string"),
    ("sms", "timeout", "a string"),
    ("sms", "text", "a string"),
    ("sms", "url", "a string"),
    ("sms", "method", "a string"),
    ("sms", "headers", "an array"),
    ("sms", "body", "a string"),
    ("sms", "content", "a string"),
    ("sms", "secret_file", "a string"),
    ("sms", "success", "a string"),
    ("sms", "success_text", "a string"),
    ("sms", "command", "an array"),
    ("rescue", "email", "a boolean"),
    ("rescue", "lifetime", "a string"),
    ("notify", "events", "an array"),
    ("limits", "tries", "an integer"),
    ("limits", "free_failures", "an integer"),
    ("limits", "longest_wait", "a string"),
    ("limits", "lock_after", "an integer"),
    ("prompt", "echo", "a boolean"),
    ("prompt", "code", "a string"),
    ("prompt", "combined", "a string"),
    ("messages", "refused", "a string"),
    ("messages.en", "refused", "a string"),
    ("messages.de", "refused", "a string"),
    ("messages.fr", "refused", "a string"),
];

/// Every table.
const TABLES: [&str; 20] = [
    "policy",
    "totp",
    "hotp",
    "code",
    "mail",
    "mail.smtp",
    "mail.sendmail",
    "mail.maildir",
    "mail.code",
    "mail.rescue",
    "mail.notice",
    "sms",
    "rescue",
    "notify",
    "limits",
    "prompt",
    "messages",
    "messages.en",
    "messages.de",
    "messages.fr",
];

/// What must stand in a table so that nothing but the key can be wrong; the key itself, too, if it is needed.
fn needed(table: &str, key: &str) -> &'static str {
    match (table, key) {
        ("mail.smtp", _) => "server = 'localhost'\n",
        ("sms", "account_sid" | "auth_token_file" | "from" | "base_url") => {
            "provider = 'twilio'\naccount_sid = 'AC1'\nauth_token_file = '/t'\nfrom = '+15550100'\n"
        }
        ("sms", "command") => "provider = 'command'\ncommand = ['/bin/true', '{number}']\n",
        ("sms", _) => "provider = 'http'\nurl = 'https://gateway.example.org/{number}/{text}'\n",
        _ => "",
    }
}

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
    let mut documented = Vec::new();
    for default in uncommented() {
        let mut table = "";
        for line in outside_of_texts(&default) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                table = name;
            } else if let Some((key, _)) = line.split_once(" = ") {
                documented.push((table.to_owned(), key.to_owned()));
            }
        }
    }
    documented.sort();
    documented.dedup();
    let mut broken: Vec<_> = KEYS.iter().map(|(table, key, _)| ((*table).to_owned(), (*key).to_owned())).collect();
    broken.sort();
    assert_eq!(documented, broken);
    // Of an array of tables there may be none or many.
    let is_table = |name: &&str| !name.is_empty() && !name.starts_with('[');
    let mut tables: Vec<_> = broken.iter().map(|(table, _)| table.as_str()).filter(is_table).collect();
    tables.dedup();
    let mut known = TABLES;
    known.sort_unstable();
    assert_eq!(tables, known);
}

#[test]
fn the_default_file_is_taken_when_every_comment_sign_is_taken_away() {
    let machine = Machine::new();
    for config in uncommented() {
        machine.sandbox.write(CONFIG, &config, 0o644);
        let status = machine.tool();
        assert!(status.status.success(), "{}", status.stderr);
    }
    machine.lost_nothing();
}

#[test]
fn the_default_file_of_an_earlier_release_is_taken_as_well() {
    let machine = Machine::new();
    for release in ["2026-11-23", "2026-11-26"] {
        for config in uncommented_of(&format!("tests/formats/{release}/config.toml")) {
            machine.sandbox.write(CONFIG, &config, 0o644);
            let status = machine.tool();
            assert!(status.status.success(), "{release}: {}", status.stderr);
        }
    }
    machine.lost_nothing();
}

#[test]
fn the_words_of_the_default_file_are_those_that_are_sent() {
    let ours = std::fs::read_to_string(support::checkout().join("src/message/src/letter/english.rs")).unwrap();
    let [config, ..] = uncommented();
    let mut compared = 0;
    for text in config.split("text = \"\"\"\n").skip(1) {
        let (text, _) = text.split_once("\"\"\"").expect("a text has an end");
        assert!(ours.contains(&text.replace("\\\n", "")), "{text}");
        compared += 1;
    }
    for subject in config.lines().filter_map(|line| line.strip_prefix("subject = ")) {
        assert!(ours.contains(&format!("_subject: {subject},")), "{subject}");
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn the_settings_of_the_readme_are_taken() {
    let machine = Machine::new();
    let readme = std::fs::read_to_string(support::checkout().join("README.md")).unwrap();
    let block = readme.lines().skip_while(|line| !line.starts_with("    methods = "));
    let block = block.take_while(|line| line.is_empty() || line.starts_with("    "));
    let config: String = block.map(|line| format!("{}\n", line.trim_start())).collect();
    assert!(config.contains("[mail.smtp]\n") && config.contains("[sms]\n"), "{config}");
    machine.sandbox.write(CONFIG, &config, 0o644);
    let status = machine.tool();
    assert!(status.status.success(), "{}", status.stderr);
    machine.lost_nothing();
}

/// The default file as it is if everything in it is taken, once for each of the tables [sms] in it.
fn uncommented() -> [String; 3] {
    uncommented_of("packaging/config.toml")
}

fn uncommented_of(path: &str) -> [String; 3] {
    let file = std::fs::read_to_string(support::checkout().join(path)).unwrap();
    let mut is_text = false;
    let mut blocks = vec![String::new()];
    for line in file.lines() {
        let Some(setting) = line.strip_prefix('#').filter(|line| is_text || !line.starts_with([' ', '#'])) else {
            continue;
        };
        is_text ^= setting.matches("\"\"\"").count() == 1;
        if !is_text && setting.starts_with('[') {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().expect("there is one from the beginning");
        block.push_str(setting);
        block.push('\n');
    }
    let (texts, others): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|block| block.starts_with("[sms]\n"));
    let texts: [String; 3] = texts.try_into().expect("one for each provider");
    texts.map(|sms| others.concat() + &sms)
}

/// The lines that are not part of a text of several lines.
fn outside_of_texts(config: &str) -> impl Iterator<Item = &str> {
    config
        .lines()
        .scan(false, |is_text, line| {
            let was_text = std::mem::replace(is_text, *is_text ^ (line.matches("\"\"\"").count() == 1));
            Some((!was_text).then_some(line))
        })
        .flatten()
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
