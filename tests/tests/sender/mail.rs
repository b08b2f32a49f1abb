//! What arrives of a mail, and by which words.

use std::time::Duration;

use support::{Authority, HostileSmtp, Mailbox, Stage};
use twofactor_message::{MailRoute, Protection, Smtp, TroubleKind};

use crate::house::{CODE, ENOUGH, House, PASSWORD_BASE64, PLAIN, SERVER, SPOOL, delivered, errand, now, smtp, trouble};

#[test]
fn postfix_brings_a_mail_that_went_over_implicit_tls() {
    let house = House::new();
    let postfix = house.postfix();
    let sent = house.sender().send(&house.mail(smtp(465, Protection::Implicit)));
    delivered(&sent, "smtp");
    let letter = postfix.mailbox("alice").next_letter();
    assert_eq!(letter.code(), CODE);
    assert_eq!(letter.subject(), format!("{CODE} is your code f\u{fc}r testhost"));
    assert_eq!(letter.header("Return-Path").as_deref(), Some("<twofactor@example.test>"));
    let received = letter.header("Received").unwrap();
    assert!(received.contains("with ESMTPSA") && received.contains("from testhost.example.test "), "{received}");

    let message = letter.parse();
    let (from, to, copy) = (message.from().unwrap(), message.to().unwrap(), message.cc().unwrap());
    let address = |list: &mail_parser::Address<'_>| list.first().unwrap().address().unwrap().to_owned();
    assert_eq!(from.first().unwrap().name(), Some("Example \u{2013} \"logins\""));
    assert_eq!(
        [address(from), address(to), address(copy)],
        ["twofactor@example.test", "alice@example.test", "bob@example.test"]
    );
    let age = now() - message.date().unwrap().to_timestamp();
    assert!((0..60).contains(&age), "{age} s old: {}", letter.raw);
    let id = letter.header("Message-ID").unwrap();
    assert!(id.starts_with('<') && id.ends_with("@testhost.example.test>") && id.len() > 40, "{id}");
    assert_eq!(letter.header("MIME-Version").as_deref(), Some("1.0"));
    // RFC 3834: nobody's holiday answers.
    assert_eq!(letter.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(
        letter.text().trim_end().replace("\r\n", "\n"),
        format!("Ihr K\u{fc}rzel: {CODE}\n.\n.hidden\nFrom here")
    );
    assert!(letter.html().unwrap().contains(&format!("<b>{CODE}</b>")), "{}", letter.raw);
    assert!(letter.header("Content-Type").unwrap().starts_with("multipart/alternative"), "{}", letter.raw);
    // RFC 5322, 2.1.1.
    assert!(letter.raw.lines().all(|line| line.len() <= 998 && line.is_ascii()), "{}", letter.raw);
    assert_eq!(postfix.mailbox("bob").next_letter().header("Message-ID"), Some(id));
}

#[test]
fn postfix_brings_a_mail_that_went_over_starttls() {
    let house = House::new();
    let postfix = house.postfix();
    let sent = house.sender().send(&house.mail(smtp(587, Protection::StartTls)));
    delivered(&sent, "smtp");
    let letter = postfix.mailbox("alice").next_letter();
    assert_eq!(letter.code(), CODE);
    assert!(letter.header("Received").unwrap().contains("with ESMTPSA"), "{}", letter.raw);
}

#[test]
fn postfix_refuses_a_wrong_password_and_nothing_of_it_is_told() {
    let house = House::new();
    house.postfix();
    for (port, protection) in [(465, Protection::Implicit), (587, Protection::StartTls)] {
        let mut smtp = smtp(port, protection);
        smtp.credentials.as_mut().unwrap().password = "wrong-password".to_owned().into();
        let sent = house.sender().send(&house.mail(smtp));
        assert_eq!(trouble(&sent, 0).0, TroubleKind::Credentials, "{sent:?}");
        let told = format!("{sent:?}");
        assert!(!told.contains("wrong-password") && !told.contains("d3JvbmctcGFzc3dvcmQ"), "{told}");
        assert_eq!(sent.verdict.delivered_by(), Some("maildir"));
    }
}

#[test]
fn a_mail_that_goes_through_sendmail_is_queued_and_comes() {
    let house = House::new();
    let postfix = house.postfix();
    let mut mailboxes = ["alice", "bob"].map(|user| postfix.mailbox(user));
    // Without -f it is the user that the sender runs as.
    let (ours, from) = ("twofactor@mail.example.test", "twofactor@example.test");
    for (options, sender) in [(&["-oi", "-t"][..], ours), (&["-t", "-oi", "-f", from], from)] {
        let argv = [&["/usr/sbin/sendmail"], options].concat().into_iter().map(str::to_owned).collect();
        let sent = house.sender().send(&errand([(MailRoute::Sendmail(argv), ENOUGH)]));
        delivered(&sent, "sendmail");
        for mailbox in &mut mailboxes {
            let letter = mailbox.next_letter();
            assert_eq!((letter.code().as_str(), letter.subject().contains("f\u{fc}r")), (CODE, true));
            assert!(letter.html().unwrap().contains(CODE));
            assert_eq!(letter.header("Return-Path"), Some(format!("<{sender}>")));
        }
    }
}

#[test]
fn a_mail_without_tls_goes_to_this_host_and_to_no_other() {
    let house = House::new();
    let postfix = house.postfix();
    let mut plain = smtp(25, Protection::None);
    plain.credentials = None;
    let sent = house.sender().send(&house.mail(plain));
    assert_ne!(sent.verdict.delivered_by(), Some("smtp"), "{sent:?}");
    for server in ["localhost", "127.0.0.1"] {
        let mut plain = smtp(25, Protection::None);
        (plain.credentials, plain.server) = (None, server.to_owned());
        delivered(&house.sender().send(&house.mail(plain)), "smtp");
    }
    assert_eq!(postfix.mailbox("alice").next_letter().code(), CODE);
}

#[test]
fn a_mail_in_a_maildir_is_for_its_owner_alone() {
    let house = House::new();
    let mut mailbox = Mailbox::at(&house.sandbox, SPOOL);
    let sender = house.sender();
    for _ in 0..2 {
        delivered(&sender.send(&errand([])), "maildir");
        let letter = mailbox.next_letter();
        assert_eq!((letter.code().as_str(), letter.html().is_some()), (CODE, true));
    }
    assert_eq!(mailbox.waiting(), 0);
    let listing = format!("cd {SPOOL}; stat -c '%a %U %G' new/*; ls tmp cur | grep -v '^.*:$' | tr -d '\\n'");
    assert_eq!(house.sandbox.bash(&listing).stdout.trim_end(), "600 twofactor twofactor\n600 twofactor twofactor");
}

#[test]
fn a_maildir_that_is_not_there_or_not_ours_is_trouble_of_this_host() {
    let house = House::new();
    house.sandbox.bash("mkdir -m 700 /var/spool/roots; touch /var/spool/file").succeeded();
    for path in ["/var/spool/none", "/var/spool/roots", "/var/spool/file", "relative", ""] {
        let sent = house.sender().send(&errand([(MailRoute::Maildir(path.to_owned()), ENOUGH)]));
        assert_eq!(trouble(&sent, 0).0, TroubleKind::Local, "{path}: {sent:?}");
        assert_eq!(sent.verdict.reports.len(), 2);
        assert_eq!(sent.verdict.delivered_by(), Some("maildir"));
    }
}

#[test]
fn a_good_server_hears_what_it_should_in_that_order() {
    let house = House::new();
    let certificate = house.certificate();
    let server = HostileSmtp::starttls(&certificate).start(&house.sandbox, 587);
    delivered(&house.sender().send(&house.mail(smtp(587, Protection::StartTls))), "smtp");
    let heard = server.heard();
    assert_eq!(heard.plain_lines(), ["EHLO testhost.example.test", "STARTTLS"]);
    let lines = heard.lines();
    let auth = format!("AUTH PLAIN {PLAIN}");
    let wanted = ["EHLO testhost.example.test", &auth, "MAIL FROM:<twofactor@example.test>"];
    assert!(lines[2..5].iter().zip(wanted).all(|(line, wanted)| line.starts_with(wanted)), "{lines:?}");
    assert_eq!(lines[5..8], ["RCPT TO:<alice@example.test>", "RCPT TO:<bob@example.test>", "DATA"]);
    assert_eq!(heard.messages().len(), 1);
    // Over TLS the server's name is checked and said.
    assert_eq!(heard.server_names(), [SERVER]);
}

#[test]
fn a_token_is_sent_as_xoauth2_and_what_the_server_says_of_it_is_answered() {
    let house = House::new();
    let certificate = house.certificate();
    let token = |port| {
        let mut smtp = smtp(port, Protection::Implicit);
        let credentials = smtp.credentials.as_mut().unwrap();
        (credentials.password, credentials.is_token) = ("ya29.token".to_owned().into(), true);
        smtp
    };
    let good = HostileSmtp::implicit(&certificate).start(&house.sandbox, 1000);
    delivered(&house.sender().send(&house.mail(token(1000))), "smtp");
    // user=mailer^Aauth=Bearer ya29.token^A^A
    let xoauth2 = "AUTH XOAUTH2 dXNlcj1tYWlsZXIBYXV0aD1CZWFyZXIgeWEyOS50b2tlbgEB";
    assert!(good.heard().lines().contains(&xoauth2));
    let bad = HostileSmtp::implicit(&certificate)
        .says(Stage::Auth, "334 eyJzdGF0dXMiOiI0MDAifQ==")
        .says(Stage::Auth, "535 5.7.8 no")
        .start(&house.sandbox, 1001);
    let sent = house.sender().send(&house.mail(token(1001)));
    assert_eq!(trouble(&sent, 0).0, TroubleKind::Credentials, "{sent:?}");
    assert!(!format!("{sent:?}").contains("ya29"), "{sent:?}");
    assert!(!bad.heard().lines().iter().any(|line| line.starts_with("MAIL")));
}

#[test]
fn login_is_used_where_plain_is_not_offered_and_a_server_without_either_gets_no_password() {
    let house = House::new();
    let certificate = house.certificate();
    let login = HostileSmtp::implicit(&certificate).without("AUTH").offering("AUTH LOGIN").start(&house.sandbox, 1000);
    let none = HostileSmtp::implicit(&certificate).without("AUTH").start(&house.sandbox, 1001);
    let other = HostileSmtp::implicit(&certificate).without("AUTH").offering("AUTH GSSAPI").start(&house.sandbox, 1002);
    delivered(&house.sender().send(&house.mail(smtp(1000, Protection::Implicit))), "smtp");
    assert!(login.heard().lines().contains(&PASSWORD_BASE64));
    for (port, server) in [(1001, none), (1002, other)] {
        let sent = house.sender().send(&house.mail(smtp(port, Protection::Implicit)));
        assert_eq!(trouble(&sent, 0).0, TroubleKind::Credentials, "{sent:?}");
        let heard = server.heard();
        assert!(!heard.lines().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")), "{heard:?}");
    }
}

#[test]
fn the_system_s_authorities_are_trusted_where_none_are_given_and_not_where_some_are() {
    let house = House::new();
    house.authority.install(&house.sandbox);
    let certificate = house.certificate();
    let _server = HostileSmtp::implicit(&certificate).start(&house.sandbox, 465);
    let mut system = smtp(465, Protection::Implicit);
    system.authorities = None;
    delivered(&house.sender().send(&errand([(MailRoute::Smtp(system), ENOUGH)])), "smtp");
    let mut other = smtp(465, Protection::Implicit);
    other.authorities = Some(Authority::new().pem());
    let sent = house.sender().send(&errand([(MailRoute::Smtp(other), ENOUGH)]));
    assert_eq!(trouble(&sent, 0).0, TroubleKind::Certificate);
    for pem in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let mut broken = smtp(465, Protection::Implicit);
        broken.authorities = Some(pem.to_owned());
        let sent = house.sender().send(&errand([(MailRoute::Smtp(broken), ENOUGH)]));
        assert_eq!(trouble(&sent, 0).0, TroubleKind::Local, "{pem}: {sent:?}");
    }
}

#[test]
fn nobody_there_and_nobody_known_is_unreachable() {
    let house = House::new();
    house.sandbox.bash("echo 'hosts: files' >/etc/nsswitch.conf").succeeded();
    let mut unknown = smtp(465, Protection::Implicit);
    unknown.server = "unknown.example.test".to_owned();
    for smtp in [smtp(9, Protection::Implicit), unknown] {
        let sent = house.sender().send(&house.mail(smtp));
        assert_eq!(trouble(&sent, 0).0, TroubleKind::Unreachable, "{sent:?}");
        assert_eq!(sent.verdict.delivered_by(), Some("maildir"));
        assert!(sent.took < Duration::from_secs(2), "{sent:?}");
    }
}

#[test]
fn the_next_address_of_a_name_is_tried_when_one_refuses_or_is_silent() {
    let house = House::new();
    let name = "two.example.test";
    ["::1", "127.0.0.1"].iter().for_each(|address| house.sandbox.name_host(address, &[name]));
    let certificate = house.authority.certificate(name);
    for deaf in [false, true] {
        let port = house.port();
        let _server = HostileSmtp::implicit(&certificate).start(&house.sandbox, port);
        let _deaf = deaf.then(|| house.sandbox.deaf_server(port));
        let way = house.trusting(Smtp { server: name.to_owned(), ..smtp(port, Protection::Implicit) });
        let sent = house.sender().send(&errand([(way, 2)]));
        delivered(&sent, "smtp");
        let tried = sent.verdict.conversation.iter().filter(|line| line.starts_with("connect ")).count();
        assert_eq!(tried, 2, "{sent:#?}");
        assert_eq!(sent.took > Duration::from_millis(900), deaf, "{sent:#?}");
    }
}
