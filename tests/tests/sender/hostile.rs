//! Mail servers that lie, hang, flood and quote.

use std::time::Duration;

use support::{Authority, Behaviour, Certificate, HostileSmtp, Letter, Stage};
use twofactor_message::{Attempt, Errand, Load, Mail, MailRoute, Protection, Smtp, TroubleKind};

use crate::house::{
    CODE, Case, ENOUGH, House, PASSWORD, PASSWORD_BASE64, PLAIN, SERVER, delivered, discreet, errand, in_time, mail,
    smtp, trouble,
};

#[test]
fn a_code_and_a_password_never_reach_a_server_that_is_not_who_it_should_be() {
    let house = House::new();
    let authority = &house.authority;
    let bad = [
        ("another name", authority.certificate("other.example.test")),
        ("a name that ends like it", authority.certificate("not-mail.example.test")),
        ("its address", authority.certificate("127.0.0.1")),
        ("expired", authority.expired(SERVER)),
        ("premature", authority.premature(SERVER)),
        ("self-signed", Certificate::self_signed(SERVER)),
        ("signed by an impostor", Authority::new().certificate(SERVER)),
    ];
    let cases = bad.iter().flat_map(|(what, certificate)| {
        [HostileSmtp::implicit(certificate), HostileSmtp::starttls(certificate)]
            .map(|server| Case::new(*what, server, TroubleKind::Certificate))
    });
    for (what, sent, heard) in house.meet(cases.collect()) {
        // Only what comes before TLS.
        assert!(heard.lines().iter().all(|line| line.starts_with("EHLO") || *line == "STARTTLS"), "{what}: {heard:?}");
        assert!(!heard.broken().is_empty(), "{what}: {sent:?}");
    }
}

#[test]
fn an_authority_that_only_the_environment_names_is_not_trusted() {
    let house = House::new();
    let impostor = Authority::new();
    house.sandbox.write("/tmp/impostor.pem", impostor.pem(), 0o644);
    let server = HostileSmtp::implicit(&impostor.certificate(SERVER)).start(&house.sandbox, 465);
    let sender = house.sender();
    let errand = errand([(MailRoute::Smtp(smtp(465, Protection::Implicit)), ENOUGH)]);
    let host = ["env", "SSL_CERT_FILE=/tmp/impostor.pem", "SSL_CERT_DIR=/tmp"];
    let sent = sender.start_with(sender.by(&host), &errand.encode()).finish();
    assert_eq!(trouble(&sent, 0).0, TroubleKind::Certificate, "{sent:?}");
    assert_eq!(server.heard().lines(), [""; 0]);
}

#[test]
fn a_stripped_or_refused_starttls_and_words_before_tls_end_the_conversation() {
    let house = House::new();
    let certificate = house.certificate();
    let injected = "220 go\r\n250-INJECTED\r\n250 AUTH LOGIN\r\n";
    let mut cases = Vec::new();
    for (what, kind, server) in [
        ("stripped", TroubleKind::Certificate, (|s| s.without("STARTTLS")) as fn(HostileSmtp) -> HostileSmtp),
        ("refused for now", TroubleKind::Deferred, |s| s.says(Stage::StartTls, "454 4.7.0 not now")),
        ("refused", TroubleKind::Refused, |s| s.says(Stage::StartTls, "502 5.5.1 no")),
        ("closed", TroubleKind::Certificate, |s| s.at(Stage::Handshake, Behaviour::Close)),
        ("all at once", TroubleKind::Protocol, |s| s.says(Stage::Greeting, "220 a\r\n250 STARTTLS\r\n220 go")),
        ("another success", TroubleKind::Protocol, |s| s.says(Stage::StartTls, "250 go")),
    ] {
        cases.push(Case::new(what, server(HostileSmtp::starttls(&certificate)), kind));
    }
    let server = HostileSmtp::starttls(&certificate).at(Stage::StartTls, Behaviour::Say(injected.to_owned()));
    cases.push(Case::new("injected", server, TroubleKind::Protocol));
    for (what, _, heard) in house.meet(cases) {
        let after: Vec<&str> =
            heard.lines().into_iter().filter(|line| !line.starts_with("EHLO") && *line != "STARTTLS").collect();
        // A farewell does no harm.
        assert!(after.iter().all(|line| *line == "QUIT"), "{what}: {after:?}");
        let hellos = heard.lines().iter().filter(|line| line.starts_with("EHLO")).count();
        assert_eq!(hellos, usize::from(what != "all at once"), "{what}: {heard:?}");
    }
}

#[test]
fn a_server_that_says_no_is_believed_and_the_next_way_is_tried() {
    let house = House::new();
    let certificate = house.certificate();
    let mut cases = Vec::new();
    for (stage, now, good) in [
        (Stage::Greeting, "421 4.3.0 later", "554 5.3.0 never"),
        (Stage::Ehlo, "421 4.3.0 later", "550 5.3.0 never"),
        (Stage::Auth, "454 4.7.0 later", "535 5.7.8 never"),
        (Stage::Mail, "451 4.3.0 later", "550 5.1.8 never"),
        (Stage::Rcpt, "450 4.2.1 later", "550 5.1.1 never"),
        (Stage::Data, "451 4.3.0 later", "554 5.3.0 never"),
        (Stage::Message, "452 4.3.1 later", "554 5.7.1 never"),
    ] {
        let never = if stage == Stage::Auth { TroubleKind::Credentials } else { TroubleKind::Refused };
        for (line, kind) in [(now, TroubleKind::Deferred), (good, never)] {
            let server = HostileSmtp::implicit(&certificate).says(stage, line);
            cases.push(Case::new(format!("{stage:?} {line}"), server, kind));
        }
    }
    for (what, sent, heard) in house.meet(cases) {
        let (_, detail) = trouble(&sent, 0);
        let code = what.split(' ').nth(1).unwrap();
        assert!(detail.contains(code), "{what}: the detail does not say so: {detail}");
        // RFC 5321, 4.1.1.10; and nothing that a refusal made pointless.
        let verbs: Vec<&str> = heard.lines().iter().map(|line| line.split(' ').next().unwrap()).collect();
        let message = what.starts_with("Message");
        assert_eq!(heard.messages().len(), usize::from(message), "{what}: {verbs:?}");
        assert_eq!(verbs.contains(&"DATA"), message || what.starts_with("Data"), "{what}: {verbs:?}");
    }
}

#[test]
fn a_copy_that_is_refused_keeps_no_mail_from_whom_it_is_for_and_a_recipient_that_is_does() {
    let house = House::new();
    let refused = "550 5.1.1 unknown";
    let server = HostileSmtp::implicit(&house.certificate());
    let met = house.meet(vec![Case::new("recipient", server.clone().says(Stage::Rcpt, refused), TroubleKind::Refused)]);
    assert!(met[0].2.messages().is_empty());
    let copy = server.at(Stage::Rcpt, Behaviour::Normal).says(Stage::Rcpt, refused).start(&house.sandbox, 465);
    let sent = house.sender().send(&house.mail(smtp(465, Protection::Implicit)));
    delivered(&sent, "smtp");
    assert!(sent.verdict.conversation.iter().any(|line| line.contains("no copy")), "{sent:#?}");
    assert_eq!(copy.heard().messages().len(), 1);
}

#[test]
fn a_server_that_takes_its_time_is_left_when_the_time_is_over() {
    let house = House::new();
    let certificate = house.certificate();
    let mut cases = Vec::new();
    for behaviour in [Behaviour::Hang, Behaviour::Drip] {
        for stage in STAGES {
            let server = HostileSmtp::implicit(&certificate).at(stage, behaviour.clone());
            cases.push(Case::new(format!("{behaviour:?} at {stage:?}"), server, TroubleKind::Slow));
        }
    }
    let server = HostileSmtp::starttls(&certificate).at(Stage::StartTls, Behaviour::Hang);
    cases.push(Case::new("Hang at StartTls", server, TroubleKind::Slow));
    for (what, _, heard) in house.meet(cases) {
        let early = ["Handshake", "Greeting", "Ehlo"].iter().any(|stage| what.ends_with(stage));
        assert!(!early || !heard.lines().iter().any(|line| line.starts_with("AUTH")), "{what}: {heard:?}");
    }
}

#[test]
fn a_server_that_says_too_much_or_nonsense_is_not_listened_to() {
    let house = House::new();
    let certificate = house.certificate();
    let mut cases = Vec::new();
    let behaviours = [
        Behaviour::EndlessLine,
        Behaviour::EndlessLines,
        Behaviour::Huge(50_000_000),
        Behaviour::Close,
        Behaviour::Say("hello\r\n".to_owned()),
        Behaviour::Say("\r\n".to_owned()),
        Behaviour::Say("250-one\r\n550 two\r\n".to_owned()),
        Behaviour::Say("\u{fffd}\u{fffd}\r\n".to_owned()),
    ];
    for stage in STAGES.into_iter().filter(|stage| *stage != Stage::Handshake) {
        for behaviour in &behaviours {
            let server = HostileSmtp::implicit(&certificate).at(stage, behaviour.clone());
            let what = format!("{behaviour:?} at {stage:?}");
            cases.push(Case::new(what, server, TroubleKind::Protocol));
        }
    }
    for behaviour in behaviours {
        let server = HostileSmtp::implicit(&certificate).at(Stage::Handshake, behaviour.clone());
        cases.push(Case::new(format!("{behaviour:?} for TLS"), server, TroubleKind::Certificate));
    }
    house.meet(cases);
}

#[test]
fn what_a_server_says_moves_no_cursor_and_gives_no_secret_away() {
    let house = House::new();
    let server = HostileSmtp::implicit(&house.certificate());
    let screen = "\u{1b}[2J\u{1b}]0;pwned\u{7}\u{202e}\u{85}\0";
    let echo =
        |what: &str| Behaviour::Say(format!("535-5.7.8 {screen} you said {what}\r\n535 5.7.8 and {PASSWORD}\r\n"));
    let login = server.clone().without("AUTH").offering("AUTH LOGIN");
    let quote = format!("554-5.7.1 {screen}spam:\r\n554 5.7.1 \"Subject: {CODE} is your code\"\r\n");
    // What has to hold of every verdict is looked for in each case.
    let met = house.meet(vec![
        Case::new("plain", server.clone().at(Stage::Auth, echo(PLAIN)), TroubleKind::Credentials),
        Case::new("login", login.at(Stage::Auth, echo(PASSWORD_BASE64)), TroubleKind::Credentials),
        Case::new("quote", server.at(Stage::Message, Behaviour::Say(quote)), TroubleKind::Refused),
    ]);
    for (what, sent, _) in met {
        let (_, detail) = trouble(&sent, 0);
        assert!(detail.contains(if what == "quote" { "554" } else { "535" }), "{detail}");
    }
}

#[test]
fn a_conversation_that_is_wanted_is_told_without_the_code() {
    let house = House::new();
    let quote = format!("250 2.0.0 \"{CODE} is your code\" queued");
    let server = HostileSmtp::implicit(&house.certificate()).says(Stage::Message, &quote);
    let _server = server.start(&house.sandbox, 465);
    let sent = house.sender().send(&house.mail(smtp(465, Protection::Implicit)));
    delivered(&sent, "smtp");
    let told = sent.verdict.conversation.join("\n");
    assert!(told.contains("> DATA") && told.contains("< 250 2.0.0"), "{told}");
    assert!(!told.contains(CODE), "{told}");
}

#[test]
fn a_talkative_server_makes_no_verdict_too_long() {
    let house = House::new();
    let mut server = HostileSmtp::implicit(&house.certificate());
    let stages =
        [(Stage::Greeting, 220), (Stage::Auth, 235), (Stage::Mail, 250), (Stage::Rcpt, 250), (Stage::Data, 354)];
    for (stage, code) in stages {
        let lines = format!("{code}-{}\r\n", "\u{1f512} more ".repeat(80)).repeat(50);
        server = server.at(stage, Behaviour::Say(format!("{lines}{code} ok\r\n")));
    }
    let _server = server.start(&house.sandbox, 465);
    let sent = house.sender().send(&house.mail(smtp(465, Protection::Implicit)));
    delivered(&sent, "smtp");
    assert!(sent.verdict.conversation.last().unwrap().contains("cut"), "{sent:#?}");
}

#[test]
fn nothing_in_a_mail_is_taken_for_a_command_or_a_header() {
    let house = House::new();
    let server = HostileSmtp::implicit(&house.certificate());
    let smuggled =
        "\r\n.\r\nMAIL FROM:<evil@example.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\nSubject: evil\r\n";
    let ends = ["\n.\n", "\r.\r", "\r\n.\r\n", "\n.\r\n", "\r\n.\n", "\n.\r", "\0.\n", "\r\n.\0\r\n"];
    let bodies = ends.map(|end| Mail { text: format!("before{end}{smuggled}after"), html: None, ..mail() });
    let header = "314159 is\r\nBcc: evil@example.test\nX-Evil: 1\r\n\r\n<b>evil";
    let headers = [
        Mail { subject: header.to_owned(), ..mail() },
        Mail { from_name: Some(header.to_owned()), ..mail() },
        Mail { from_name: Some("\" <evil@example.test>, \"".to_owned()), ..mail() },
        Mail { host: header.to_owned(), ..mail() },
        Mail { host: "a b\u{fc}/../c".to_owned(), ..mail() },
        Mail { html: Some(format!("--=_boundary\r\n\r\n{smuggled}")), ..mail() },
    ];
    for (port, mail) in (1000..).zip(bodies.into_iter().chain(headers)) {
        let server = server.clone().start(&house.sandbox, port);
        let said = format!("{mail:?}");
        let way = Attempt { route: house.trusting(smtp(port, Protection::Implicit)), timeout_seconds: ENOUGH };
        let sent = house.sender().send(&Errand { load: Load::Mail((mail, vec![way])), conversation: true });
        discreet(&sent);
        let heard = server.heard();
        // It may also be refused.
        let lines = heard.lines();
        assert!(heard.messages().len() <= 1 && lines.len() <= 7, "{said}: {lines:?}");
        assert!(!lines.iter().any(|line| line.contains("evil")), "{said}: {lines:?}");
        for message in heard.messages() {
            let bare = message.replace("\r\n", "");
            assert!(!bare.contains(['\r', '\n']), "{said}: {message:?}");
            let letter = Letter { raw: message.to_owned() };
            let names: Vec<String> = letter.headers().into_iter().map(|(name, _)| name.to_lowercase()).collect();
            assert!(!names.iter().any(|name| name == "bcc" || name == "x-evil"), "{said}: {message}");
            assert_eq!(letter.parse().from().unwrap().clone().into_list().len(), 1, "{said}: {message}");
        }
    }
}

#[test]
fn who_closes_after_the_message_has_not_taken_it_and_who_hangs_after_taking_it_has() {
    let house = House::new();
    let certificate = house.certificate();
    let mut behaviours = vec![Behaviour::Hang, Behaviour::Drip, Behaviour::Close, Behaviour::EndlessLine];
    behaviours.push(Behaviour::Say("500 what?\r\n".to_owned()));
    for behaviour in behaviours {
        let server = HostileSmtp::implicit(&certificate).at(Stage::Quit, behaviour.clone());
        let port = house.port();
        let server = server.start(&house.sandbox, port);
        let sent = house.sender().send(&errand([(house.trusting(smtp(port, Protection::Implicit)), 3)]));
        delivered(&sent, "smtp");
        assert!(sent.took < Duration::from_secs(4), "{behaviour:?}: {sent:?}");
        assert_eq!(server.heard().messages().len(), 1);
    }
}

#[test]
fn a_server_that_is_deaf_costs_no_more_than_the_time_for_it() {
    let house = House::new();
    let port = house.port();
    let _deaf = house.sandbox.deaf_server(port);
    let way = house.trusting(Smtp { server: "::1".to_owned(), ..smtp(port, Protection::Implicit) });
    let sent = house.sender().send(&errand([(way, 1)]));
    assert_eq!(trouble(&sent, 0).0, TroubleKind::Slow, "{sent:?}");
    assert_eq!(sent.verdict.delivered_by(), Some("maildir"));
    in_time(&sent, 1);
}

#[test]
fn a_name_server_that_never_answers_costs_no_more_than_the_time_for_it() {
    let house = House::new();
    let names = house.sandbox.silent_names();
    let mut smtp = smtp(465, Protection::Implicit);
    smtp.server = "smtp.example.test".to_owned();
    let sent = house.sender().send(&errand([(house.trusting(smtp), 1)]));
    assert_eq!(trouble(&sent, 0).0, TroubleKind::Slow, "{sent:?}");
    assert_eq!(sent.verdict.delivered_by(), Some("maildir"));
    in_time(&sent, 1);
    assert!(names.heard().lines().contains(&"smtp.example.test"));
    assert_eq!(house.left_over(), Vec::<String>::new());
}

/// Of a conversation over implicit TLS, up to the message.
const STAGES: [Stage; 8] = [
    Stage::Handshake,
    Stage::Greeting,
    Stage::Ehlo,
    Stage::Auth,
    Stage::Mail,
    Stage::Rcpt,
    Stage::Data,
    Stage::Message,
];
