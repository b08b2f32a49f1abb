//! Mailboxes and telephones: set up, shown, removed; and `test-send`, which says what is wrong with a way to send.

use serde_json::{Value, json};
use support::{Authority, Behaviour, Gateway, HostileSmtp, Mailbox, Postfix, Sandbox, Stage, Terminal, two_lines};

use crate::machine::{Machine, SOON, is_recovery_code, one_value, without_times};

const BY_MAILDIR: &str = "\
methods = ['totp', 'email', 'recovery']
[mail]
from = 'twofactor@example.test'
transports = ['maildir']
";
/// A program that puts the texts where the tests find them.
const BY_PROGRAM: &str = "\
methods = ['sms', 'recovery']
[sms]
provider = 'command'
command = ['/usr/local/bin/text', '{number}']
";
const MAILED: &str = "Code that was sent to alice@example.test: ";
const EMAIL: [&str; 6] = ["setup", "alice", "--method", "email", "--address", "alice@example.test"];
const SMS: [&str; 6] = ["setup", "alice", "--method", "sms", "--number", "+49 1511 2345678"];
const SERVER: &str = "mail.example.test";
const PASSWORD: &str = "horse battery";
/// `mailer` and the password for AUTH PLAIN (RFC 4616), and the password alone.
const IN_BASE64: [&str; 2] = ["AG1haWxlcgBob3JzZSBiYXR0ZXJ5", "aG9yc2UgYmF0dGVyeQ=="];

#[test]
fn a_mailbox_is_set_up_by_the_code_that_was_mailed_there() {
    let machine = Machine::configured(BY_MAILDIR);
    let mut mailbox = spool(&machine.sandbox);
    let mut terminal = machine.sandbox.terminal("twofactor", EMAIL);
    terminal.expect(&format!("Sending a code to alice@example.test ...\r\n{MAILED}"), SOON);
    let letter = mailbox.next_letter();
    assert_eq!(letter.header("To").as_deref(), Some("alice@example.test"));
    let text = letter.text().replace("\r\n", "\n");
    assert!(text.contains("\n  Asked for by  twofactor\n  From          this host\n"), "{text}");
    terminal.send_line(&other(&letter.code()));
    terminal.expect(&format!("That is not the code.\r\n{MAILED}"), SOON);
    assert_eq!(machine.enrolled(), [""; 0]);
    // As people copy it.
    terminal.send_line(&format!("{} {}", &letter.code()[..3], &letter.code()[3..]));
    terminal.expect("alice is enrolled.", SOON);
    assert!(terminal.wait().success());
    let codes = recovery_codes(&terminal);
    assert_eq!(codes.len(), 10, "{}", terminal.transcript());
    assert_eq!(machine.login("alice", &codes[0]), "PAM_SUCCESS");
    // The code has done its work.
    mailbox.next_letter();
    assert_eq!(machine.login("alice", &letter.code()), "PAM_AUTH_ERR");
}

#[test]
fn a_telephone_is_set_up_by_the_code_that_was_texted_to_it() {
    let machine = Machine::configured(BY_PROGRAM);
    machine.sandbox.write("/usr/local/bin/text", "#!/bin/sh\n{ echo \"$1\"; cat; } >/tmp/texted\n", 0o755);
    let mut terminal =
        machine.sandbox.terminal("bash", ["-c", "twofactor \"$@\" --json >/tmp/answer", "bash"].iter().chain(&SMS));
    terminal.expect("Code that was sent to +4915112345678: ", SOON);
    let texted = machine.sandbox.read("/tmp/texted");
    let (number, text) = texted.split_once('\n').unwrap();
    assert_eq!(number, "+4915112345678");
    terminal.send_line(text.split(' ').next().unwrap());
    assert!(terminal.wait().success(), "{}", terminal.transcript());
    let answer: Value = serde_json::from_str(&machine.sandbox.read("/tmp/answer")).unwrap();
    let codes = answer["recovery_codes"].as_array().unwrap();
    assert!(codes.len() == 10 && codes.iter().all(|code| is_recovery_code(code.as_str().unwrap())), "{answer}");
    let value = json!({ "user": "alice", "method": "sms", "to": "+4915112345678", "recovery_codes": codes });
    assert_eq!(answer, value);
}

#[test]
fn three_wrong_codes_or_none_set_up_no_mailbox() {
    let machine = Machine::configured(BY_MAILDIR);
    let mut mailbox = spool(&machine.sandbox);
    let nothing_saved = "hint: nothing was saved and what was there before still holds; set it up again\r\n";
    let mut terminal = machine.sandbox.terminal("twofactor", EMAIL);
    terminal.expect(MAILED, SOON);
    let right = mailbox.next_letter().code();
    for (wrong, next) in [(other(&right), MAILED), (String::new(), MAILED), ("no idea".to_owned(), nothing_saved)] {
        terminal.send_line(&wrong);
        terminal.expect(next, SOON);
    }
    assert_eq!(terminal.wait().code(), Some(1));
    let shown = terminal.transcript();
    assert!(shown.contains("error: no right code was given\r\n") && !shown.contains(&right), "{shown}");

    let mut terminal = machine.sandbox.terminal("twofactor", EMAIL);
    terminal.expect(MAILED, SOON);
    terminal.send(b"\x04");
    terminal.expect(&format!("error: no code was given\r\n{nothing_saved}"), SOON);
    assert_eq!(terminal.wait().code(), Some(1));
    assert_eq!(machine.enrolled(), [""; 0]);
}

#[test]
fn a_code_that_can_not_be_sent_sets_nothing_up_and_names_the_trouble() {
    let machine = Machine::configured(&BY_MAILDIR.replace("maildir", "sendmail"));
    machine.sandbox.write("/usr/sbin/sendmail", "#!/bin/sh\necho 'mail is down' >&2\nexit 75\n", 0o755);
    for (arguments, note) in [(&[][..], "Sending a code to alice@example.test ...\n"), (&["--quiet"], "")] {
        let output = machine.tool(&[&EMAIL[..], &["--json"], arguments].concat());
        let errors = output.stderr.strip_prefix(note).unwrap_or_else(|| panic!("{}", output.stderr)).to_owned();
        let (error, hint) = two_lines(&support::Output { stderr: errors, ..output.clone() }, 1);
        assert!(error.starts_with("the code could not be sent: sendmail: local: "), "{error}");
        assert!(error.contains("mail is down"), "{error}");
        let see = "nothing was saved; see what the other side says: twofactor test-send mail alice@example.test";
        assert_eq!(hint, see);
        assert_eq!(one_value(&output), json!({ "error": error, "hint": hint }));
    }
    assert_eq!(machine.enrolled(), [""; 0]);
}

#[test]
fn an_address_and_a_number_are_needed_where_they_belong_and_nowhere_else() {
    let machine = Machine::configured(&every_method());
    for (options, error, hint) in [
        (&["--method", "email"][..], "it is not said where codes are mailed", "add --address A"),
        (&["--method", "sms"], "it is not said where codes are texted", "add --number N"),
        (&["--address", "a@b.c"], "--address is for codes by mail", "add --method email, or leave it out"),
        (&["--number", "+4930123456"], "--number is for codes by text", "add --method sms, or leave it out"),
        (
            &["--method", "email", "--address", "a@b.c", "--number", "+4930123456"],
            "--number is for codes by text",
            "add --method sms, or leave it out",
        ),
        (&["--method", "email", "--address", "alice"], NO_ADDRESS, "mend --address"),
        (&["--method", "email", "--address", "a@b.c, d@e.f"], NO_ADDRESS, "mend --address"),
        (&["--method", "email", "--address=-oQ/tmp@b.c"], NO_ADDRESS, "mend --address"),
        (&["--method", "email", "--address", "a@b.c\nBcc: d@e.f"], NO_ADDRESS, "mend --address"),
        (&["--method", "sms", "--number", "030123456"], NO_NUMBER, "mend --number"),
        (&["--method", "sms", "--number", "+49x"], NO_NUMBER, "mend --number"),
    ] {
        let command = [&["setup", "alice", "--no-confirm", "--json"], options].concat();
        let output = machine.tool(&command);
        assert_eq!(two_lines(&output, 2), (error.to_owned(), hint.to_owned()), "{options:?}");
        assert_eq!(one_value(&output), json!({ "error": error, "hint": hint }), "{options:?}");
    }
    assert_eq!(machine.enrolled(), [""; 0]);
}

#[test]
fn what_the_configuration_does_not_allow_is_not_set_up() {
    let machine = Machine::new();
    for (command, method) in [(&EMAIL, "email"), (&SMS, "sms")] {
        let output = machine.tool(&[&command[..], &["--no-confirm", "--json"]].concat());
        let error = format!("the configuration does not allow {method}");
        let hint = format!("add \"{method}\" to methods in config.toml");
        assert_eq!(two_lines(&output, 1), (error, hint));
    }
    // Half of it is no configuration.
    machine.configure("methods = ['sms']\n");
    let (error, _) = two_lines(&machine.tool(&[&SMS[..], &["--no-confirm", "--json"]].concat()), 1);
    assert!(error.ends_with("\"sms\" needs a table [sms] that says who sends"), "{error}");
    assert_eq!(machine.enrolled(), [""; 0]);
}

#[test]
fn mailboxes_and_telephones_are_shown_replaced_and_removed() {
    let machine = Machine::configured(&every_method());
    let at_once = ["--no-confirm", "--json"];
    let first = machine.json(&[&SMS[..], &["--no-confirm"]].concat());
    let codes = first["recovery_codes"].as_array().unwrap().len();
    assert_eq!((&first["method"], &first["to"], codes), (&json!("sms"), &json!("+4915112345678"), 10));
    machine.tool(&["setup", "alice", "--no-confirm", "--json", "--primary"]).succeeded();
    machine.tool(&[&EMAIL[..], &at_once].concat()).succeeded();
    machine.refuses(
        &[&EMAIL[..], &["--no-confirm", "--qr", "none"]].concat(),
        1,
        "alice: there is already a device called \"mail\"",
    );
    let replaced = ["setup", "alice", "--method", "email", "--address", "al@example.test", "--replace"];
    let replaced = machine.tool(&[&replaced[..], &at_once].concat()).succeeded();
    assert_eq!(one_value(&replaced)["recovery_codes"], json!([]), "the first ones are still good");

    let shown = machine.tool(&["status", "alice"]).succeeded().stdout;
    assert_eq!(
        without_times(&shown),
        "alice is enrolled.\n\
        \x20 sms        phone  (+4915112345678; since TIME)\n\
        \x20 totp       authenticator  (6 digits, 30 s, SHA1; since TIME; logins begin with it)\n\
        \x20 email      mail  (al@example.test; since TIME)\n\
        \x20 recovery   10 codes left\n\
         Last proved:  never\n\
         Failures:     0\n"
    );
    let methods = &machine.status("alice")["methods"];
    let (since, number, address) = (|at: usize| &methods[at]["created"], "+4915112345678", "al@example.test");
    let phone = json!({ "method": "sms", "label": "phone", "primary": false, "created": since(0), "number": number });
    let mail = json!({ "method": "email", "label": "mail", "primary": false, "created": since(2), "address": address });
    assert_eq!((&methods[0], &methods[2]), (&phone, &mail));
    assert_eq!((&methods[1]["label"], &methods[1]["primary"]), (&json!("authenticator"), &json!(true)));
    assert_eq!(
        machine.tool(&["list"]).succeeded().stdout,
        "USER   DEVICES                     RECOVERY CODES  CONDITION\n\
         alice  phone, authenticator, mail  10              ok\n"
    );

    let labels = || {
        let status = machine.status("alice");
        let devices = status["methods"].as_array().unwrap().iter();
        devices.map(|device| device["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    machine.tool(&["remove", "alice", "--method", "sms"]).succeeded();
    assert_eq!(labels(), ["authenticator", "mail"]);
    machine.refuses(&["remove", "alice", "--method", "sms"], 1, "alice: there is no such method or device");
    machine.tool(&["remove", "alice", "--method", "email"]).succeeded();
    assert_eq!(labels(), ["authenticator"]);
    machine.tool(&["remove", "alice", "--label", "authenticator"]).succeeded();
    assert_eq!(machine.enrolled(), [""; 0]);
}

#[test]
fn test_send_shows_the_whole_conversation_and_none_of_its_secrets() {
    let machine = Machine::new();
    let authority = served_at(&machine.sandbox);
    let postfix = Postfix::start(&machine.sandbox, &authority.certificate(SERVER));
    postfix.password("mailer", PASSWORD);
    machine.configure(&by_smtp("tls = 'starttls'\n"));
    let sent = machine.tool(&["test-send", "mail", "alice@example.test"]).succeeded();
    let letter = postfix.mailbox("alice").next_letter();
    assert_eq!(letter.subject(), "Test message from testhost");
    assert_eq!(letter.text().trim_end(), "This is a test of how twofactor on testhost sends codes. It has arrived.");
    assert_eq!(sent.stderr, "");
    let mut rest = sent.stdout.as_str();
    for part in [
        "  < 220 mail.example.test ESMTP",
        "  > EHLO testhost\n",
        "  < 250-STARTTLS\n",
        "  > STARTTLS\n",
        "  > EHLO testhost\n",
        "  > AUTH PLAIN ****\n",
        "  < 235 ",
        "  > MAIL FROM:<twofactor@example.test>",
        "  > RCPT TO:<alice@example.test>",
        "  > DATA\n",
        "  < 354 ",
        "  < 250 ",
        "  > QUIT\n",
        "smtp: delivered\nThe message to alice@example.test was taken by smtp. Look whether it has arrived.\n",
    ] {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("no {part:?} in its place:\n{}", sent.stdout));
        rest = after;
    }
    assert_eq!(rest, "");
    let json = machine.tool(&["test-send", "mail", "alice@example.test", "--json"]).succeeded();
    let value = one_value(&json);
    let reports = json!([{ "route": "smtp" }]);
    assert_eq!((&value["to"], &value["delivered_by"]), (&json!("alice@example.test"), &json!("smtp")));
    assert_eq!((&value["reports"], value.as_object().unwrap().len()), (&reports, 4), "{value}");
    assert!(value["conversation"].as_array().unwrap().contains(&json!("> AUTH PLAIN ****")), "{value}");

    // A wrong password is a secret as well.
    machine.sandbox.write("/etc/twofactor/smtp.password", format!("{PASSWORD}\n"), 0o600);
    machine.sandbox.run_with_input("saslpasswd2", ["-p", "-c", "-u", "example.test", "mailer"], "another").succeeded();
    let refused = machine.tool(&["test-send", "mail", "alice@example.test"]);
    assert_eq!(refused.status.code(), Some(1));
    for output in [&sent, &json, &refused] {
        for secret in [PASSWORD, IN_BASE64[0], IN_BASE64[1]] {
            assert!(!format!("{}{}", output.stdout, output.stderr).contains(secret), "{secret} in {output:?}");
        }
    }
}

#[test]
fn test_send_says_of_every_trouble_with_a_mail_server_what_to_change() {
    let machine = Machine::new();
    let authority = served_at(&machine.sandbox);
    let good = authority.certificate(SERVER);
    let implicit = || HostileSmtp::implicit(&good);
    for (port, (server, trouble, hint)) in (1000..).zip([
        (None, "unreachable", "check the server and the port in [mail.smtp], and that this host may connect to it"),
        (
            Some(implicit().at(Stage::Greeting, Behaviour::Hang)),
            "slow",
            "check that a firewall does not swallow the connection, or give it more time: timeout in [mail.smtp]",
        ),
        (
            Some(HostileSmtp::implicit(&authority.expired(SERVER))),
            "certificate",
            "the server must have a certificate for the very name in [mail.smtp], from an authority of this system or of ca_file",
        ),
        (
            Some(implicit().says(Stage::Auth, "535 5.7.8 no")),
            "credentials",
            "check who we are there and the secret in its file: [mail.smtp]",
        ),
        (
            Some(implicit().says(Stage::Mail, "550 5.7.1 not you")),
            "refused",
            "the words of the other side say why; often it is who the message comes from, `from` in [mail]",
        ),
        (
            Some(implicit().says(Stage::Rcpt, "451 4.7.1 greylisted")),
            "deferred",
            "the other side may take it later: try again in some minutes",
        ),
        (
            Some(implicit().says(Stage::Greeting, "HTTP/1.1 400 Bad Request")),
            "protocol",
            "is it the right port and the right kind of protection? See [mail.smtp]",
        ),
    ]) {
        let _server = server.map(|server| server.start(&machine.sandbox, port));
        machine.configure(&by_smtp(&format!("port = {port}\ntimeout = '1s'\n")));
        fails(&machine, &["test-send", "mail", "alice@example.test"], "smtp", trouble, hint);
    }
}

#[test]
fn test_send_says_what_is_wrong_with_a_program_a_directory_or_the_sender_itself() {
    let machine = Machine::configured(&BY_MAILDIR.replace("'maildir'", "'sendmail'"));
    let mail = ["test-send", "mail", "alice@example.test"];
    machine.sandbox.bash("rm -f /usr/sbin/sendmail").succeeded();
    let see_to = |table| format!("see to the program, file or directory that is named; {table} says which to use");
    fails(&machine, &mail, "sendmail", "local", &see_to("[mail.sendmail]"));
    machine.configure(&format!("{BY_MAILDIR}[mail.maildir]\npath = '/nowhere/at/all'\n"));
    fails(&machine, &mail, "maildir", "local", &see_to("[mail.maildir]"));
    machine.configure(BY_PROGRAM);
    fails(&machine, &["test-send", "sms", "+4930123456"], "command", "local", &see_to("[sms]"));
    machine.sandbox.write("/usr/libexec/twofactor/twofactor-deliver", "#!/bin/sh\nexit 0\n", 0o755);
    let install = "install it anew: packaging/install.sh; the log may say more";
    fails(&machine, &mail, "sender", "sender", install);
    machine.sandbox.bash("rm /usr/libexec/twofactor/twofactor-deliver").succeeded();
    let (error, _) = fails(&machine, &mail, "sender", "local", "");
    assert!(error.contains("/usr/libexec/twofactor/twofactor-deliver"), "{error}");
}

#[test]
fn test_send_tries_every_way_and_tells_of_each() {
    let machine = Machine::new();
    let settings = "transports = ['smtp', 'maildir']\n[mail.smtp]\nserver = 'localhost'\nport = 1\ntls = 'none'\n";
    machine.sandbox.write("/root/other.toml", BY_MAILDIR.replace("transports = ['maildir']\n", settings), 0o644);
    let mail = ["--config", "/root/other.toml", "test-send", "mail", "alice@example.test"];
    let shown = machine.tool(&mail).succeeded().stdout;
    assert!(shown.contains("\nsmtp: unreachable: ") && shown.contains("\nmaildir: delivered\nThe message "), "{shown}");
    let value = machine.json(&mail);
    assert_eq!(value["delivered_by"], "maildir");
    let (first, second) = (&value["reports"][0], &value["reports"][1]);
    assert_eq!((&first["route"], &first["trouble"]), (&json!("smtp"), &json!("unreachable")), "{value}");
    assert!(
        first["detail"].as_str().is_some_and(|detail| detail.contains("localhost:1: connection refused")),
        "{value}"
    );
    assert_eq!(second, &json!({ "route": "maildir" }));
    assert_eq!(spool(&machine.sandbox).waiting(), 2);
    // The settings of every day are others, and by them it goes to nobody.
    machine.sandbox.write("/usr/sbin/sendmail", "#!/bin/sh\nexit 1\n", 0o755);
    assert_eq!(machine.tool(&["test-send", "mail", "alice@example.test"]).status.code(), Some(1));
}

#[test]
fn test_send_texts_and_shows_what_the_gateway_says() {
    let machine = Machine::new();
    let gateway = Gateway::https(&served_at(&machine.sandbox).certificate(SERVER))
        .queues()
        .refuses(400, 21211, "The 'To' number is not valid")
        .refuses(401, 20003, "Authenticate")
        .start(&machine.sandbox, 443);
    machine.sandbox.write("/etc/twofactor/twilio.token", "f00d-token\n", 0o600);
    machine.configure(
        "methods = ['sms']\n[sms]\nprovider = 'twilio'\naccount_sid = 'AC1'\nfrom = '+15005550006'\n\
         auth_token_file = '/etc/twofactor/twilio.token'\nbase_url = 'https://mail.example.test'\n\
         ca_file = '/etc/ssl/our.pem'\n",
    );
    let text = ["test-send", "sms", "+4930123456"];
    let sent = machine.tool(&text).succeeded().stdout;
    assert!(
        sent.contains("  > POST /2010-04-01/Accounts/AC1/Messages.json") && sent.contains("  < HTTP/1.1 201"),
        "{sent}"
    );
    assert!(sent.ends_with(
        "twilio: delivered\nThe message to +4930123456 was taken by twilio. Look whether it has arrived.\n"
    ));
    let refused = machine.tool(&text);
    let words = "the words of the other side say why; often it is who the message comes from, `from` in [sms]";
    let (error, hint) = two_lines(&refused, 1);
    assert!(error.starts_with("nothing was sent: twilio: refused: ") && error.contains("21211"), "{error}");
    assert_eq!(hint, words);
    let denied = machine.tool(&text);
    assert_eq!(two_lines(&denied, 1).1, "check who we are there and the secret in its file: [sms]");
    for told in [sent, refused.stdout, refused.stderr, denied.stdout, denied.stderr] {
        // The token, and AC1 with it as HTTP wants them.
        for secret in ["f00d-token", "QUMxOmYwMGQtdG9rZW4="] {
            assert!(!told.contains(secret), "{told}");
        }
    }
    assert_eq!(
        gateway.heard().requests()[0]
            .form()
            .iter()
            .filter(|(name, value)| name == "Body" && value == "Test message from testhost")
            .count(),
        1
    );
}

#[test]
fn test_send_without_an_address_or_a_way_sends_nothing() {
    let machine = Machine::new();
    for (arguments, status, error) in [
        (["test-send", "mail", "alice"], 2, NO_ADDRESS),
        (["test-send", "mail", "a@b.c,d@e.f"], 2, NO_ADDRESS),
        (["test-send", "sms", "030123456"], 2, NO_NUMBER),
        (["test-send", "sms", "+4930123456"], 1, "the configuration has no way to send texts"),
    ] {
        machine.refuses(&arguments, status, error);
    }
}

/// A `test-send` that fails alike with and without `--json`: by this way, of this kind, with this hint if any is given.
#[track_caller]
fn fails(machine: &Machine, command: &[&str], route: &str, trouble: &str, hint: &str) -> (String, String) {
    let plain = machine.tool(command);
    let (said, what_to_do) = two_lines(&plain, 1);
    assert!(said.starts_with(&format!("nothing was sent: {route}: {trouble}: ")), "{said}");
    assert!(plain.stdout.lines().last().is_some_and(|line| said.ends_with(line)), "{}\n{said}", plain.stdout);
    assert!(hint.is_empty() || what_to_do == hint, "{trouble}: {what_to_do}");
    let json = machine.tool(&[command, &["--json"]].concat());
    assert_eq!(json.status.code(), Some(1));
    let value = one_value(&json);
    let report = &value["reports"][0];
    assert_eq!(
        (&value["delivered_by"], &report["route"], &report["trouble"]),
        (&Value::Null, &json!(route), &json!(trouble))
    );
    assert!(report["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{value}");
    for output in [plain, json] {
        assert!(
            !format!("{output:?}").contains(PASSWORD) && !format!("{output:?}").contains(IN_BASE64[0]),
            "{output:?}"
        );
    }
    (said, what_to_do)
}

/// Texts by the program, and mail as well.
fn every_method() -> String {
    let mail = "[mail]\ntransports = ['maildir']\n";
    BY_PROGRAM.replace("'sms'", "'totp', 'sms', 'email'") + mail
}

/// Mail by the server of example.test, on the port of its kind unless that is said.
fn by_smtp(more: &str) -> String {
    format!(
        "[mail]\nfrom = 'twofactor@example.test'\n[mail.smtp]\nserver = '{SERVER}'\nca_file = '/etc/ssl/our.pem'\n\
         username = 'mailer'\npassword_file = '/etc/twofactor/smtp.password'\n{more}"
    )
}

/// A name for the servers of this machine, whom to believe that they have it, and a password for them.
fn served_at(sandbox: &Sandbox) -> Authority {
    sandbox.name_host("127.0.0.1", &[SERVER]);
    sandbox.write("/etc/twofactor/smtp.password", format!("{PASSWORD}\n"), 0o600);
    let authority = Authority::new();
    sandbox.write("/etc/ssl/our.pem", authority.pem(), 0o644);
    authority
}

fn spool(sandbox: &Sandbox) -> Mailbox {
    Mailbox::at(sandbox, "/var/spool/twofactor")
}

fn recovery_codes(terminal: &Terminal) -> Vec<String> {
    terminal.transcript().split_whitespace().filter(|word| is_recovery_code(word)).map(str::to_owned).collect()
}

/// Six other digits.
fn other(code: &str) -> String {
    code.bytes().map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10)).collect()
}

const NO_ADDRESS: &str = "not a mail address of the form name@example.org";
const NO_NUMBER: &str = "not a telephone number of the form +4930123456 (with the country)";
