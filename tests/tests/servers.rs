//! The servers are themselves to be trusted: what each part of the support promises, asked by curl(1) and openssl(1).

use std::time::{Duration, Instant};

use support::{Authority, Behaviour, Certificate, Gateway, HostileSmtp, Mailbox, Output, Postfix, Sandbox, Stage};

const SERVER: &str = "mail.example.test";
const LETTER: &str =
    "From: a@example.test\nSubject: =?utf-8?q?123456_ist_Ihr_K=C3=B6nnen?=\nX-Long: one\n two\n\n.dot\n";

#[test]
fn postfix_takes_mail_over_tls_and_brings_it() {
    let (sandbox, authority) = house();
    let postfix = Postfix::start(&sandbox, &authority.certificate(SERVER));
    sandbox.add_user("alice", "correct horse");
    let mut mailbox = postfix.mailbox("alice");
    assert_eq!(mailbox.waiting(), 0);
    mail(&sandbox, "smtps://mail.example.test", &[]).succeeded();
    let letter = mailbox.next_letter();
    assert_eq!(letter.subject(), "123456 ist Ihr Können");
    assert_eq!(letter.code(), "123456");
    assert_eq!(letter.header("x-long").as_deref(), Some("one two"));
    assert_eq!(letter.header("Subject").as_deref(), Some("=?utf-8?q?123456_ist_Ihr_K=C3=B6nnen?="));
    assert_eq!((letter.text().trim(), letter.html()), (".dot", None));
    assert_eq!(letter.header("Delivered-To").as_deref(), Some("alice@example.test"));
    assert!(letter.header("Received").unwrap().contains("with ESMTPS"), "{}", letter.raw);
    assert_eq!(mailbox.waiting(), 0);
}

#[test]
fn postfix_takes_mail_after_starttls_from_who_has_a_password() {
    let (sandbox, authority) = house();
    let postfix = Postfix::start(&sandbox, &authority.certificate(SERVER));
    sandbox.add_user("alice", "correct horse");
    postfix.password("mailer", "a b\"c");
    let submission = |user: &str| mail(&sandbox, "smtp://mail.example.test:587", &["--ssl-reqd", "--user", user]);
    assert_eq!(submission("mailer:wrong").status.code(), Some(LOGIN_DENIED));
    let anonymous = mail(&sandbox, "smtp://mail.example.test:587", &["--ssl-reqd"]);
    assert!(!anonymous.status.success());
    submission("mailer:a b\"c").succeeded();
    let letter = postfix.mailbox("alice").next_letter();
    assert!(letter.header("Received").unwrap().contains("with ESMTPSA"), "{}", letter.raw);
    assert_eq!(postfix.mailbox("alice").waiting(), 1);
}

#[test]
fn sendmail_takes_mail_from_any_user() {
    let (sandbox, authority) = house();
    let postfix = Postfix::start(&sandbox, &authority.certificate(SERVER));
    sandbox.add_user("alice", "correct horse");
    let sendmail =
        ["-u", "nobody", "--", "/usr/sbin/sendmail", "-i", "-f", "a@example.test", "--", "alice@example.test"];
    sandbox.run_with_input("runuser", sendmail, LETTER).succeeded();
    assert_eq!(postfix.mailbox("alice").next_letter().code(), "123456");
}

#[test]
fn any_maildir_can_be_read() {
    let sandbox = Sandbox::new();
    let mut mailbox = Mailbox::at(&sandbox, "/var/spool/box");
    sandbox.bash("mkdir -p /var/spool/box/new").succeeded();
    for (name, minute) in [("b", 1), ("a", 2)] {
        let path = format!("/var/spool/box/new/{name}");
        sandbox.write(&path, format!("Subject: {name}\n\ntext\n"), 0o600);
        sandbox.run("touch", ["-d", &format!("2026-01-01 00:0{minute}"), &path]).succeeded();
    }
    assert_eq!(mailbox.waiting(), 2);
    assert_eq!([mailbox.next_letter().subject(), mailbox.next_letter().subject()], ["b", "a"]);
}

#[test]
fn a_good_certificate_is_good_and_every_bad_one_is_bad() {
    let (sandbox, authority) = house();
    let other = Authority::new();
    sandbox.write("/tmp/authority.pem", authority.pem(), 0o644);
    for (port, certificate, expected) in [
        (1000, authority.certificate(SERVER), "verification: OK"),
        (1001, authority.certificate("other.example.test"), "hostname mismatch"),
        (1002, authority.expired(SERVER), "certificate has expired"),
        (1003, authority.premature(SERVER), "certificate is not yet valid"),
        (1004, Certificate::self_signed(SERVER), "self-signed certificate"),
        (1005, other.certificate(SERVER), "certificate signature failure"),
    ] {
        let server = HostileSmtp::implicit(&certificate).start(&sandbox, port);
        let address = format!("{SERVER}:{port}");
        let client = ["s_client", "-brief", "-CAfile", "/tmp/authority.pem", "-verify_hostname", SERVER];
        let client = [&client[..], &["-servername", SERVER, "-connect", &address]].concat();
        let said = sandbox.run("openssl", client).stderr.to_lowercase();
        assert!(said.contains(&expected.to_lowercase()), "{expected}: {said}");
        assert_eq!(server.heard().server_names(), [SERVER]);
    }
}

#[test]
fn a_good_server_hears_every_word_and_knows_what_was_plain() {
    let (sandbox, authority) = house();
    authority.install(&sandbox);
    let server = HostileSmtp::starttls(&authority.certificate(SERVER)).start(&sandbox, 587);
    mail(&sandbox, "smtp://mail.example.test:587", &["--ssl-reqd", "--user", "mailer:secret"]).succeeded();
    let heard = server.heard();
    assert_eq!(heard.plain_lines(), ["EHLO testhost", "STARTTLS"]);
    // Password and all, in Base64, and inside TLS.
    let rest = ["EHLO testhost", "AUTH PLAIN", "AG1haWxlcgBzZWNyZXQ=", "MAIL FROM:<a@example.test>"];
    assert_eq!(heard.lines()[2..6], rest);
    assert!(heard.lines().contains(&"RCPT TO:<alice@example.test>"), "{:?}", heard.lines());
    assert_eq!(heard.messages(), [LETTER.replace('\n', "\r\n")]);
    assert_eq!((heard.connections(), heard.broken(), heard.stages()), (1, vec![], vec![]));
}

#[test]
fn every_stage_can_be_refused() {
    let (sandbox, authority) = house();
    authority.install(&sandbox);
    let certificate = authority.certificate(SERVER);
    for (port, stage) in
        (1000..).zip([Stage::Greeting, Stage::Ehlo, Stage::Auth, Stage::Mail, Stage::Rcpt, Stage::Data, Stage::Message])
    {
        let server = HostileSmtp::implicit(&certificate).says(stage, "554 5.0.0 no").start(&sandbox, port);
        let address = format!("smtps://mail.example.test:{port}");
        let output = mail(&sandbox, &address, &["--user", "mailer:secret"]);
        assert!(!output.status.success(), "{stage:?}");
        // curl tries another mechanism, or HELO, after a no.
        let stages = server.heard().stages();
        assert!(!stages.is_empty() && stages.iter().all(|other| *other == stage), "{stage:?}: {stages:?}");
    }
}

#[test]
fn a_server_that_hangs_drips_or_never_ends_is_there_until_the_client_goes() {
    let (sandbox, authority) = house();
    authority.install(&sandbox);
    let certificate = authority.certificate(SERVER);
    let endless = [Behaviour::Hang, Behaviour::Drip, Behaviour::EndlessLine, Behaviour::EndlessLines];
    let stages = [Stage::Handshake, Stage::Ehlo];
    let cases = stages.iter().flat_map(|stage| endless.iter().map(move |behaviour| (*stage, behaviour.clone())));
    let mut running = Vec::new();
    for (port, (stage, behaviour)) in (1000..).zip(cases) {
        let server = HostileSmtp::implicit(&certificate).at(stage, behaviour.clone()).start(&sandbox, port);
        running.push((stage, behaviour, port, server));
    }
    for (stage, behaviour, port, server) in running {
        let output = mail(&sandbox, &format!("smtps://mail.example.test:{port}"), &["--max-time", "0.3"]);
        let said = (stage, &behaviour, &output);
        match (stage, &behaviour) {
            (_, Behaviour::Hang | Behaviour::Drip) => assert_eq!(output.status.code(), Some(TIMED_OUT), "{said:?}"),
            // curl has bounds of its own, or it is no TLS.
            _ => assert!(!output.status.success(), "{said:?}"),
        }
        assert_eq!(server.heard().stages(), [stage], "{behaviour:?}");
    }
}

#[test]
fn plain_text_can_stand_in_the_same_segment_as_the_answer_to_starttls() {
    let (sandbox, authority) = house();
    let injected = "220 go\r\n250-INJECTED\r\n250 AUTH LOGIN\r\n";
    let server = HostileSmtp::starttls(&authority.certificate(SERVER))
        .at(Stage::StartTls, Behaviour::Say(injected.into()))
        .start(&sandbox, 587);
    let lines = "exec 3<>/dev/tcp/127.0.0.1/587; read -r _ <&3; printf 'STARTTLS\\r\\n' >&3; head -c 38 <&3";
    assert_eq!(sandbox.bash(lines).succeeded().stdout, injected);
    assert_eq!(server.heard().stages(), [Stage::StartTls]);
}

#[test]
fn a_gateway_reads_requests_and_answers_as_it_is_told() {
    let (sandbox, authority) = house();
    authority.install(&sandbox);
    let gateway = Gateway::https(&authority.certificate(SERVER))
        .queues()
        .refuses(400, 21211, "Invalid 'To' Phone Number")
        .start(&sandbox, 443);
    let url = "https://mail.example.test/2010-04-01/Accounts/AC1/Messages.json?x=%26y";
    let request =
        ["-sS", "-w", "%{http_code}", "-u", "AC1:token", "--data-urlencode", "Body=1 & 2 ü", "-d", "To=%2B49", url];
    let (first, second, third) =
        (sandbox.run("curl", request), sandbox.run("curl", request), sandbox.run("curl", request));
    assert!(first.succeeded().stdout.contains("\"status\":\"queued\""));
    let second = second.succeeded().stdout;
    assert!(second.contains("\"code\":21211") && second.ends_with("400"), "{second}");
    assert_eq!(third.succeeded().stdout, second);
    let heard = gateway.heard();
    assert_eq!(heard.requests().len(), 3);
    let request = heard.requests()[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("Authorization"), Some("Basic QUMxOnRva2Vu"));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(request.form(), [pair("Body", "1 & 2 ü"), pair("To", "+49")]);
    assert_eq!(request.query(), [pair("x", "&y")]);
}

#[test]
fn fifty_megabytes_are_fifty_megabytes() {
    let sandbox = Sandbox::new();
    let mail = HostileSmtp::plain().at(Stage::Greeting, Behaviour::Huge(50_000_000)).start(&sandbox, 25);
    let gateway = Gateway::http().answers(200, &[], &"a".repeat(50_000_000)).start(&sandbox, 80);
    let lines = "exec 3<>/dev/tcp/127.0.0.1/25; printf 'QUIT\\r\\n' >&3; wc -c <&3; curl -sS localhost | wc -c";
    let output = sandbox.bash(lines).succeeded().stdout;
    let sizes: Vec<usize> = output.lines().map(|line| line.parse().unwrap()).collect();
    assert!(sizes[0] > 50_000_000 && sizes[1] == 50_000_000, "{sizes:?}");
    assert_eq!(mail.heard().lines(), ["QUIT"]);
    assert_eq!(gateway.heard().request().path, "/");
}

#[test]
fn a_silent_name_server_hears_and_never_answers() {
    let (sandbox, _) = house();
    let names = sandbox.silent_names();
    let begun = Instant::now();
    let output = sandbox.run("timeout", ["0.5", "getent", "hosts", "smtp.example.test"]);
    assert_eq!(output.status.code(), Some(124));
    assert!(begun.elapsed() >= Duration::from_millis(500));
    let _server = HostileSmtp::plain().start(&sandbox, 25);
    sandbox.run("timeout", ["5", "bash", "-c", &format!("</dev/tcp/{SERVER}/25")]).succeeded();
    assert!(names.heard().lines().contains(&"smtp.example.test"));
}

#[test]
fn a_deaf_server_does_not_even_refuse() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run("timeout", ["5", "bash", "-c", "</dev/tcp/::1/25"]).status.code(), Some(1));
    let _deaf = sandbox.deaf_server(25);
    assert_eq!(sandbox.run("timeout", ["0.5", "bash", "-c", "</dev/tcp/::1/25"]).status.code(), Some(124));
}

fn house() -> (Sandbox, Authority) {
    let sandbox = Sandbox::new();
    sandbox.name_host("127.0.0.1", &[SERVER]);
    let authority = Authority::new();
    authority.install(&sandbox);
    (sandbox, authority)
}

/// Sends the letter to alice.
fn mail(sandbox: &Sandbox, url: &str, options: &[&str]) -> Output {
    let message =
        ["-sS", "--mail-from", "a@example.test", "--mail-rcpt", "alice@example.test", "-T", "-", "--crlf", url];
    sandbox.run_with_input("curl", [options, &message].concat(), LETTER)
}

/// Of curl(1).
const LOGIN_DENIED: i32 = 67;
const TIMED_OUT: i32 = 28;
