//! Logins by codes that are sent, through real programs and real servers: read from the mailbox or from what the gateway
//! was asked, as a person would.

use std::cell::RefCell;
use std::thread;
use std::time::{Duration, Instant};

use support::{
    Authority, Behaviour, Door, Event, Gateway, HostileSmtp, Letter, Mailbox, Playing, Postfix, Program, Request,
    Stage, Visit,
};

const SENT: &str = "(sent to a***@e***.test, ? for other ways)";
const TEXTED: &str = "(sent to ***78, ? for other ways)";
const NUMBER: &str = "+4915112345678";
const BY_MAIL: &str = "outcome=proved reason=code-accepted method=email device=mail";
const BY_TEXT: &str = "outcome=proved reason=code-accepted method=sms device=phone";
const BY_APP: &str = "outcome=proved reason=code-accepted method=totp device=authenticator";
const SERVER: &str = "mail.example.test";

/// Everything is allowed, and mail goes to the mailbox of everybody, which needs no server.
const BY_MAILDIR: &str = "\
methods = ['totp', 'email', 'recovery']
rescue_mail = 'helpdesk@example.test'
[mail]
from = 'twofactor@example.test'
transports = ['maildir']
";

/// What every program must do.
macro_rules! at_every_door {
    ($($door:ident: $program:ident,)*) => { $(
        mod $door {
            use support::{Door, Program};

            #[test]
            fn a_mailed_code_gets_in_once_and_the_next_login_has_its_own() {
                super::a_mailed_code_gets_in_once_and_the_next_login_has_its_own(&Door::new(Program::$program));
            }
        }
    )* }
}

at_every_door! {
    sshd: Ssh,
    sudo: Sudo,
    login: Login,
    su: Su,
}

fn a_mailed_code_gets_in_once_and_the_next_login_has_its_own(door: &Door) {
    let mut mailbox = by_maildir(door, BY_MAILDIR);
    door.enrol_mailbox("alice", &[]);
    let mut first = door.knock("alice");
    let used = mailbox.next_letter().code();
    first.answer(SENT, &used);
    assert_eq!(first.events("event=code"), ["result=asked", "result=sent route=maildir"].map(to_alice));
    first.is_let_in(BY_MAIL);

    let mut second = door.knock("alice");
    let fresh = mailbox.next_letter().code();
    second.answer(SENT, &used);
    second.answer("(that code was already used, give a new one, 2 tries left)", &fresh);
    second.is_let_in(BY_MAIL);
    assert_eq!(mailbox.waiting(), 0);
}

#[test]
fn a_code_goes_through_a_mail_server_over_implicit_tls() {
    let letter = posted("[mail.smtp]\nserver = 'mail.example.test'\n", "smtp");
    assert!(letter.header("Received").unwrap().contains("with ESMTPSA"), "{}", letter.raw);
}

#[test]
fn a_code_goes_through_a_mail_server_over_starttls() {
    let letter = posted("[mail.smtp]\nserver = 'mail.example.test'\ntls = 'starttls'\n", "smtp");
    assert!(letter.header("Received").unwrap().contains("with ESMTPSA"), "{}", letter.raw);
}

#[test]
fn a_code_goes_through_the_hosts_own_mailer() {
    let letter = posted("transports = ['sendmail']\n", "sendmail");
    let received = letter.header("Received").unwrap();
    assert!(received.contains("from userid"), "{received}");
}

/// A login by a code that Postfix brought.
fn posted(way: &str, route: &str) -> Letter {
    let door = Door::new(Program::Ssh);
    let authority = served_at(&door);
    let postfix = Postfix::start(&door.sandbox, &authority.certificate(SERVER));
    postfix.password("mailer", "horse \"battery\"");
    door.sandbox.write("/etc/twofactor/smtp.password", "horse \"battery\"\n", 0o600);
    let login = "username = 'mailer'\npassword_file = '/etc/twofactor/smtp.password'\nca_file = '/etc/ssl/our.pem'\n";
    let login = if route == "smtp" { login } else { "" };
    door.configure(&format!("methods = ['email']\n[mail]\nfrom = 'twofactor@example.test'\n{way}{login}"));
    door.enrol_mailbox("alice", &[]);
    let mut visit = door.knock("alice");
    let letter = postfix.mailbox("alice").next_letter();
    visit.answer(SENT, &letter.code());
    let sent = format!("result=sent route={route}");
    assert_eq!(visit.events("event=code"), ["result=asked", &sent].map(to_alice));
    visit.is_let_in(BY_MAIL);
    letter
}

#[test]
fn a_code_is_texted_by_twilio() {
    let door = Door::new(Program::Ssh);
    let gateway = Gateway::https(&served_at(&door).certificate(SERVER)).queues().start(&door.sandbox, 443);
    door.sandbox.write("/etc/twofactor/twilio.token", "f00d-token\n", 0o600);
    door.configure(
        "methods = ['sms']\n[sms]\nprovider = 'twilio'\naccount_sid = 'AC1'\nfrom = '+15005550006'\n\
         auth_token_file = '/etc/twofactor/twilio.token'\nbase_url = 'https://mail.example.test'\n\
         ca_file = '/etc/ssl/our.pem'\n",
    );
    door.enrol_telephone("alice", NUMBER);
    let mut visit = door.knock("alice");
    let request = request(&gateway);
    assert_eq!(request.path, "/2010-04-01/Accounts/AC1/Messages.json");
    let form = request.form();
    let field = |name: &str| &form.iter().find(|(other, _)| other == name).expect("a field").1;
    assert_eq!((field("To").as_str(), field("From").as_str()), (NUMBER, "+15005550006"));
    let (code, rest) = field("Body").split_once(' ').expect("more than a code");
    let said =
        "is your login code for alice on testhost, asked for by sshd from 127.0.0.1. Not you? Tell your administrator.";
    assert_eq!(rest, said);
    visit.answer(TEXTED, code);
    visit.is_let_in(BY_TEXT);
    assert_eq!(gateway.heard().requests().len(), 1);
}

#[test]
fn a_code_is_texted_by_any_gateway_in_the_administrators_words() {
    let door = Door::new(Program::Ssh);
    let gateway = Gateway::http().answers(200, &[], "OK 1").start(&door.sandbox, 8080);
    door.sandbox.write("/etc/twofactor/gateway.key", "k3y\n", 0o600);
    door.configure(
        "methods = ['sms']\n[sms]\nprovider = 'http'\nurl = 'http://localhost:8080/send'\nsuccess_text = 'OK'\n\
         headers = ['Authorization: Bearer {secret}']\nsecret_file = '/etc/twofactor/gateway.key'\n\
         body = '{\"to\": \"{number}\", \"text\": \"{text}\"}'\n\
         text = 'Für {user}: \"{code}\", {lifetime}'\n",
    );
    door.enrol_telephone("alice", NUMBER);
    let mut visit = door.knock("alice");
    let request = request(&gateway);
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/send"));
    assert_eq!(request.header("authorization"), Some("Bearer k3y"));
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(body["to"], NUMBER);
    let text = body["text"].as_str().unwrap();
    let code = text.strip_prefix("Für alice: \"").and_then(|rest| rest.strip_suffix("\", 5 minutes"));
    visit.answer(TEXTED, code.unwrap_or_else(|| panic!("{text}")));
    visit.is_let_in(BY_TEXT);
}

#[test]
fn a_code_is_texted_by_a_program_of_the_host() {
    let door = Door::new(Program::Ssh);
    door.sandbox.write("/usr/local/bin/text", "#!/bin/sh\n{ echo \"$1\"; cat; } >/tmp/texted\n", 0o755);
    door.configure(
        "methods = ['sms']\n[sms]\nprovider = 'command'\ncommand = ['/usr/local/bin/text', '--to={number}']\n",
    );
    door.enrol_telephone("alice", NUMBER);
    let mut visit = door.knock("alice");
    visit.is_asked(TEXTED);
    let texted = door.sandbox.read("/tmp/texted");
    let (to, text) = texted.split_once('\n').expect("two lines");
    assert_eq!(to, format!("--to={NUMBER}"));
    visit.type_code(text.split(' ').next().expect("a code"));
    visit.is_let_in(BY_TEXT);
}

#[test]
fn a_mailed_code_says_what_it_is_for() {
    let door = Door::new(Program::Ssh);
    let mut mailbox = by_maildir(&door, &format!("{BY_MAILDIR}from_name = 'Example logins'\n"));
    door.enrol_mailbox("alice", &[]);
    let mut visit = door.knock("alice");
    let letter = mailbox.next_letter();
    let code = letter.code();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    assert_eq!(letter.subject(), format!("{code} is your login code for testhost"));
    assert_eq!(letter.header("From").as_deref(), Some("\"Example logins\" <twofactor@example.test>"));
    assert_eq!(letter.header("To").as_deref(), Some("alice@example.test"));
    assert_eq!((letter.header("Cc"), letter.header("Bcc")), (None, None));
    let id = letter.header("Message-ID").unwrap();
    assert!(id.starts_with('<') && id.ends_with("@testhost>"), "{id}");
    assert_eq!(letter.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    let text = letter.text().replace("\r\n", "\n");
    let at = text.lines().find_map(|line| line.strip_prefix("  At            ")).unwrap_or_else(|| panic!("{text}"));
    let read = door.sandbox.run("date", ["-u", "-d", at, "+%s %F %T UTC"]).succeeded().stdout;
    let (seconds, as_written) = read.trim().split_once(' ').unwrap();
    assert_eq!(at, as_written, "with its zone");
    let age = letter.parse().date().expect("a date").to_timestamp() - seconds.parse::<i64>().unwrap();
    assert!((0..5).contains(&age), "{}", letter.raw);
    assert_eq!(
        text.replace(at, "TIME"),
        format!(
            "{code}

is the code to log in as alice on testhost.

  Asked for by  sshd
  From          127.0.0.1
  At            TIME
  Valid for     5 minutes, once

If it was not you who asked, somebody else is logging in as alice:
change your password and tell your administrator. Give this code to
nobody, whoever asks for it.
"
        )
    );
    assert_eq!(letter.html(), None);
    visit.answer(SENT, &code);
    visit.is_let_in(BY_MAIL);
}

#[test]
fn a_mailed_code_is_worded_as_the_administrator_wants_and_html_has_no_tags_from_outside() {
    let door = Door::new(Program::Ssh);
    let wording = "\
[code]
lifetime = '90s'
[mail.code]
subject = '{code} für {user} ({service})'
text = \"\"\"
Code: {code}
Valid: {lifetime}
\"\"\"
html = '<p>{issuer}: <b>{code}</b>, {from}</p>'
";
    let mut mailbox = by_maildir(&door, &format!("issuer = 'Fish & <Chips>'\n{BY_MAILDIR}{wording}"));
    door.enrol_mailbox("alice", &[]);
    let mut visit = door.knock("alice");
    let letter = mailbox.next_letter();
    let code = letter.code();
    assert_eq!(letter.subject(), format!("{code} für alice (sshd)"));
    assert_eq!(letter.text().replace("\r\n", "\n").trim_end(), format!("Code: {code}\nValid: 90 seconds"));
    let html = letter.html().expect("an HTML part");
    assert_eq!(html.trim_end(), format!("<p>Fish &amp; &lt;Chips&gt;: <b>{code}</b>, 127.0.0.1</p>"));
    visit.answer(SENT, &code);
    visit.is_let_in(BY_MAIL);
}

#[test]
fn a_login_begins_with_what_was_enrolled_first() {
    let door = Door::new(Program::Ssh);
    let mut mailbox = by_maildir(&door, BY_MAILDIR);
    let app = door.enrol("alice");
    door.enrol_mailbox("alice", &[]);
    let mut visit = door.knock("alice");
    visit.answer("", &app.code());
    assert_eq!(visit.events("event=code"), [""; 0]);
    visit.is_let_in(BY_APP);
    assert_eq!(mailbox.waiting(), 0);

    door.enrol_mailbox("bob", &[]);
    let app = door.enrol("bob");
    assert_eq!(mailbox.next_letter().subject(), "A second factor was added: bob on testhost");
    let mut visit = door.knock("bob");
    let sent = SENT.replace("a***", "b***");
    mailbox.next_letter();
    // The app is as good at the same prompt.
    visit.answer(&sent, &app.code());
    visit.is_let_in(BY_APP);
}

#[test]
fn a_login_begins_with_what_was_set_up_as_the_primary_one() {
    let door = Door::new(Program::Ssh);
    let mut mailbox = by_maildir(&door, BY_MAILDIR);
    let app = door.enrol("alice");
    door.enrol_mailbox("alice", &["--primary"]);
    let mut visit = door.knock("alice");
    let code = mailbox.next_letter().code();
    let list = visit.ask_for_ways(SENT);
    assert!(list.contains("  1  a code by mail to"), "{list}");
    visit.choose(&list, "authenticator app");
    visit.answer("(from your authenticator app)", &app.code());
    visit.is_let_in(BY_APP);
    // What was not needed is still good, and not sent again.
    let mut visit = door.knock("alice");
    sent_ago(&mut visit);
    visit.type_code(&code);
    visit.is_let_in(BY_MAIL);
    assert_eq!(mailbox.waiting(), 0);
}

#[test]
fn the_list_of_ways_has_them_all_and_each_can_be_chosen() {
    let door = Door::new(Program::Ssh);
    let texts = "[sms]\nprovider = 'command'\ncommand = ['/usr/local/bin/text', '{number}']\n";
    let all = BY_MAILDIR.replace("'email'", "'email', 'sms'");
    let mut mailbox = by_maildir(&door, &format!("{all}{texts}"));
    door.sandbox.write("/usr/local/bin/text", "#!/bin/sh\ncat >/tmp/texted\n", 0o755);
    let app = door.enrol("alice");
    door.enrol_mailbox("alice", &[]);
    door.enrol_telephone("alice", NUMBER);
    assert_eq!(mailbox.next_letter().subject(), "A second factor was added: alice on testhost");

    let mut visit = door.knock("alice");
    let list = visit.ask_for_ways("");
    assert_eq!(
        list,
        "Other ways:
  1  the code that your authenticator app shows
  2  a code by mail to a***@e***.test
  3  a code by text to ***78
  4  one of your recovery codes (xxxx-xxxx-xxxx-xxxx), each works once
  5  ask the administrator for help (helpdesk@example.test)
"
    );
    visit.choose(&list, "by mail");
    let mailed = mailbox.next_letter().code();
    visit.is_asked(SENT);
    visit.choose(&list, "by text");
    visit.is_asked(TEXTED);
    let texted = door.sandbox.read("/tmp/texted")[..6].to_owned();
    visit.choose(&list, "recovery codes");
    visit.is_asked("(one of your recovery codes)");
    visit.choose(&list, "authenticator app");
    visit.answer("(from your authenticator app)", &app.wrong_code());
    // Whatever was chosen, every way is as good as before.
    visit.answer("(wrong code, 2 tries left, ? for help)", &texted);
    visit.is_let_in(BY_TEXT);

    let log_in = |code: &str, decision: &str| {
        let mut visit = door.knock("alice");
        visit.answer("", code);
        visit.is_let_in(decision);
    };
    log_in(&mailed, BY_MAIL);
    log_in(&app.code(), BY_APP);
    let by_recovery = "outcome=proved reason=code-accepted method=recovery recovery_codes_left=9";
    log_in(&app.recovery_codes[0], by_recovery);
}

#[test]
fn each_of_two_mailboxes_has_its_own_code_and_one_of_them_gets_in() {
    let door = Door::new(Program::Ssh);
    let mut mailbox = by_maildir(&door, BY_MAILDIR);
    door.enrol_mailbox("alice", &[]);
    let work = ["--method", "email", "--address", "al@work.test", "--label", "work", "--no-confirm", "--json"];
    door.sandbox.run("twofactor", [&["setup", "alice"], &work[..]].concat()).succeeded();
    assert_eq!(mailbox.next_letter().header("To").as_deref(), Some("alice@example.test"), "the notice");
    let mut visit = door.knock("alice");
    let first = mailbox.next_letter();
    let list = visit.ask_for_ways(SENT);
    assert!(list.contains("  1  a code by mail to a***@e***.test\n  2  a code by mail to a***@w***.test\n"), "{list}");
    visit.choose(&list, "w***");
    let second = mailbox.next_letter();
    let to = [&first, &second].map(|letter| letter.header("To").unwrap());
    assert_eq!(to, ["alice@example.test", "al@work.test"]);
    visit.answer("(sent to a***@w***.test, ? for other ways)", &second.code());
    visit.is_let_in("outcome=proved reason=code-accepted method=email device=work");
    let mut again = door.knock("alice");
    again.answer(SENT, &first.code());
    again.is_asked("(that code was already used, give a new one, 2 tries left)");
}

#[test]
fn a_number_that_is_not_in_the_list_costs_no_try_and_the_list_can_be_had_again() {
    let door = Door::new(Program::Ssh);
    by_maildir(&door, BY_MAILDIR);
    let app = door.enrol("alice");
    let mut visit = door.knock("alice");
    visit.ask_for_ways("");
    visit.choose("  9  nothing", "nothing");
    let list = visit.ask_for_ways("(there is no such number, ? for the list)");
    assert!(list.starts_with("Other ways:\n"), "{list}");
    visit.type_code(&app.wrong_code());
    visit.answer("(wrong code, 2 tries left, ? for help)", &app.code());
    visit.is_let_in(BY_APP);
}

#[test]
fn who_comes_back_soon_is_told_of_the_code_that_was_sent_and_it_is_good() {
    let door = Door::new(Program::Ssh);
    let mut mailbox = by_maildir(&door, BY_MAILDIR);
    door.enrol_mailbox("alice", &[]);
    let mut gone = door.knock("alice");
    let code = mailbox.next_letter().code();
    gone.is_asked(SENT);
    drop(gone);
    let mut back = door.knock("alice");
    assert!(sent_ago(&mut back) < 30);
    back.type_code(&code);
    assert_eq!(back.events("event=code"), ["result=sent-before"].map(to_alice));
    back.is_let_in(BY_MAIL);
    assert_eq!(mailbox.waiting(), 0, "no second mail");
}

#[test]
fn after_a_while_another_code_goes_out_and_one_of_the_two_gets_in() {
    let door = Door::new(Program::Ssh);
    let mut mailbox = by_maildir(&door, &format!("{BY_MAILDIR}[code]\nresend_after = '1s'\n"));
    door.enrol_mailbox("alice", &[]);
    for first_is_used in [true, false] {
        let mut first = door.knock("alice");
        let first_code = mailbox.next_letter().code();
        first.is_asked(SENT);
        // The time itself is what is waited for.
        thread::sleep(Duration::from_secs(1));
        let mut second = door.knock("alice");
        let second_code = mailbox.next_letter().code();
        second.is_asked(SENT);
        let (used, other) = if first_is_used { (first_code, second_code) } else { (second_code, first_code) };
        second.type_code(&used);
        second.is_let_in(BY_MAIL);
        first.type_code(&other);
        first.answer("(that code was already used, give a new one, 2 tries left)", &used);
        first.is_asked("(that code was already used, give a new one, 1 try left)");
    }
}

#[test]
fn a_code_of_somebody_else_is_a_wrong_code() {
    let door = Door::new(Program::Ssh);
    let mut mailbox = by_maildir(&door, BY_MAILDIR);
    let mut codes = Vec::new();
    for user in ["alice", "bob"] {
        door.enrol_mailbox(user, &[]);
        door.knock(user).is_asked(&SENT.replace("a***", &format!("{}***", &user[..1])));
        let letter = mailbox.next_letter();
        assert_eq!(letter.header("To"), Some(format!("{user}@example.test")));
        codes.push(letter.code());
    }
    let mut bob = door.knock("bob");
    bob.expect(" ago, ? for other ways) ");
    bob.type_code(&codes[0]);
    bob.answer("(wrong code, 2 tries left, ? for help)", &codes[1]);
    bob.is_let_in(BY_MAIL);
    // It is still good for whom it was meant.
    let mut alice = door.knock("alice");
    alice.expect(" ago, ? for other ways) ");
    alice.type_code(&codes[0]);
    alice.is_let_in(BY_MAIL);
}

#[test]
fn a_code_that_is_too_old_is_called_that_and_a_new_one_can_be_had() {
    let door = Door::new(Program::Ssh);
    let mut mailbox = by_maildir(&door, &format!("{BY_MAILDIR}[code]\nlifetime = '10s'\nresend_after = '5s'\n"));
    door.enrol_mailbox("alice", &[]);
    let mut visit = door.knock("alice");
    let letter = mailbox.next_letter();
    assert!(letter.text().contains("Valid for     10 seconds, once"), "{}", letter.text());
    visit.is_asked(SENT);
    // The time itself is what is waited for; there is no shorter one.
    thread::sleep(Duration::from_secs(10));
    visit.type_code(&letter.code());
    let list = visit.ask_for_ways("(that code is too old, 2 tries left, ? for a new one)");
    visit.choose(&list, "by mail");
    let fresh = mailbox.next_letter().code();
    visit.answer(SENT, &fresh);
    assert_eq!(visit.events("event=attempt"), ["result=expired-code"]);
    visit.is_let_in(BY_MAIL);
}

#[test]
fn where_the_first_way_is_dead_the_second_delivers_and_the_log_has_both() {
    let door = Door::new(Program::Ssh);
    let mail = "transports = ['smtp', 'maildir']\n[mail.smtp]\nserver = '127.0.0.1'\nport = 2525\ntls = 'none'\n";
    let error = "smtp: unreachable: ";
    let line = fallen_back(&door, mail);
    assert!(line.contains(&format!("error=\"{error}")) && line.contains("127.0.0.1:2525"), "{line}");
}

#[test]
fn a_password_file_that_cannot_be_used_is_told_to_the_log_and_the_next_way_is_taken() {
    let door = Door::new(Program::Ssh);
    let mail = "transports = ['smtp', 'maildir']\n[mail.smtp]\nserver = '127.0.0.1'\ntls = 'none'\nusername = 'mailer'\n\
                password_file = '/etc/twofactor/smtp.password'\n";
    let line = fallen_back(&door, mail);
    assert!(line.contains("error=\"smtp: local: /etc/twofactor/smtp.password: "), "{line}");
    assert!(line.contains("cannot open"), "{line}");
    door.sandbox.write("/etc/twofactor/smtp.password", "hunter2\n", 0o644);
    let line = fallen_back(&door, mail);
    assert!(line.contains("error=\"smtp: local: /etc/twofactor/smtp.password: "), "{line}");
    assert!(!line.contains("cannot open") && !line.contains("hunter2"), "{line}");
}

/// A login by a code for which the first way was no good; what the log says of it.
fn fallen_back(door: &Door, mail: &str) -> String {
    let mut mailbox = by_maildir(door, &BY_MAILDIR.replace("transports = ['maildir']\n", mail));
    if !door.sandbox.run("twofactor", ["status", "alice"]).stdout.contains("mail") {
        door.enrol_mailbox("alice", &[]);
    }
    while mailbox.waiting() > 0 {
        mailbox.next_letter();
    }
    let journal = door.sandbox.journal().from_here();
    let mut visit = door.knock("alice");
    visit.answer(SENT, &mailbox.next_letter().code());
    visit.is_let_in(BY_MAIL);
    let sent = journal.lines_with("result=sent");
    let [line] = sent.as_slice() else { panic!("{sent:#?}") };
    assert!(line.starts_with(WARNING) && line.ends_with("route=maildir"), "{line}");
    line.clone()
}

#[test]
fn a_slow_server_keeps_nobody_from_the_prompt_or_another_way_and_its_failure_is_said() {
    let door = Door::new(Program::Ssh);
    let server = HostileSmtp::plain().at(Stage::Greeting, Behaviour::Hang).start(&door.sandbox, 25);
    let mail = "transports = ['smtp']\n[mail.smtp]\nserver = 'localhost'\ntls = 'none'\ntimeout = '2s'\n";
    door.configure(&BY_MAILDIR.replace("transports = ['maildir']\n", mail));
    let app = door.enrol("alice");
    door.enrol_mailbox("alice", &["--primary"]);

    let on_its_way = "(on its way to a***@e***.test, ? for other ways)";
    let mut visit = door.ssh("alice", &[]);
    visit.answer_password();
    let begun = Instant::now();
    visit.is_asked(on_its_way);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    no_sender_is_left(&door);
    visit.type_code(&app.wrong_code());
    let failed = "could not be sent to a***@e***.test, ? for other ways";
    visit.answer(&format!("({failed}; wrong code, 2 tries left, ? for help)"), &app.wrong_code());
    let list = visit.ask_for_ways("(wrong code, 1 try left, ? for help)");
    // It may be tried again at once, and nobody has to wait for that.
    visit.choose(&list, "by mail");
    visit.answer(on_its_way, &app.code());
    let timed_out = "result=failed error=\"smtp: slow: ";
    let log = visit.events("event=code");
    assert!(log.len() == 3 && log[1].starts_with(&to_alice(timed_out)), "{log:#?}");
    visit.is_let_in(BY_APP);
    // Whoever has gone on without it finds in the log what became of it.
    let failed = |line: &str| line.contains("twofactor-deliver") && line.contains("smtp: slow: ");
    door.sandbox.journal().wait_for(failed, Duration::from_secs(10));
    assert_eq!(server.heard().stages(), [Stage::Greeting; 2]);
}

#[test]
fn what_becomes_of_a_code_whose_login_was_given_up_is_in_the_log() {
    let door = Door::new(Program::Ssh);
    let server = HostileSmtp::plain().at(Stage::Greeting, Behaviour::Hang).start(&door.sandbox, 25);
    let mail = "transports = ['smtp']\n[mail.smtp]\nserver = 'localhost'\ntls = 'none'\ntimeout = '3s'\n";
    door.configure(&BY_MAILDIR.replace("transports = ['maildir']\n", mail));
    door.enrol_mailbox("alice", &[]);
    let mut visit = door.ssh("alice", &[]);
    visit.answer_password();
    visit.is_asked("(on its way to a***@e***.test, ? for other ways)");
    server.wait_for_stage(Stage::Greeting);
    // sshd ends the login from outside: the module has no word in that.
    drop(visit);
    let failed = |line: &str| line.contains("twofactor-deliver") && line.contains("smtp: slow: ");
    door.sandbox.journal().wait_for(failed, Duration::from_secs(10));
    no_sender_is_left(&door);
}

/// A door at which mail goes by these settings, and the mailbox of everybody.
fn by_maildir(door: &Door, settings: &str) -> Mailbox {
    door.configure(settings);
    door.spool()
}

/// A name for the servers of this machine, and whom to believe that they have it.
fn served_at(door: &Door) -> Authority {
    door.sandbox.name_host("127.0.0.1", &[SERVER]);
    let authority = Authority::new();
    door.sandbox.write("/etc/ssl/our.pem", authority.pem(), 0o644);
    authority
}

/// The first request that a gateway gets.
fn request(gateway: &Playing) -> Request {
    let heard = RefCell::new(None);
    gateway.wait_for(|event| match event {
        Event::Request { request, .. } => heard.borrow_mut().replace(request.clone()).is_none(),
        _ => false,
    });
    heard.into_inner().expect("it was waited for")
}

/// Whose code a line of the log is about, before what became of it.
fn to_alice(rest: &str) -> String {
    format!("method=email to=\"a***@e***.test\" {rest}")
}

/// The prompt says how many seconds ago the code was sent.
#[track_caller]
fn sent_ago(visit: &mut Visit<'_>) -> u64 {
    let shown = visit.expect(" s ago, ? for other ways) ");
    let before = "Verification code: (a code for a***@e***.test was asked for ";
    let seconds = shown.split_once(before).and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    seconds.unwrap_or_else(|| panic!("{shown}"))
}

/// Waits until no message is underway.
#[track_caller]
fn no_sender_is_left(door: &Door) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !door.sandbox.processes("twofactor-deliver").is_empty() {
        assert!(Instant::now() < deadline, "{:?}", door.sandbox.processes("twofactor-deliver"));
        thread::sleep(Duration::from_millis(5));
    }
}

/// LOG_AUTHPRIV | LOG_WARNING.
const WARNING: &str = "<84>";
