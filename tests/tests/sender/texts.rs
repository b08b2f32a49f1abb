//! Short texts, by gateways good and bad and by programs of this host.

use std::time::Duration;

use support::{Authority, Behaviour, Gateway, Heard, Sent, response};
use twofactor_message::{Content, Errand, Http, Load, TextRoute, TroubleKind, Twilio};

use crate::house::{CODE, ENOUGH, House, NUMBER, SERVER, delivered, discreet, in_time, text, trouble};

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const TOKEN: &str = "f00d-token";
/// SID:TOKEN in Base64.
const BASIC: &str = "QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjpmMDBkLXRva2Vu";

#[test]
fn a_text_by_twilio_is_one_request_of_its_shape() {
    let house = House::new();
    let gateway = Gateway::https(&house.certificate()).queues().start(&house.sandbox, 443);
    let mut twilio = twilio(&house, 443);
    twilio.base_url = format!("https://{SERVER}/");
    delivered(&house.sender().send(&text([(TextRoute::Twilio(twilio), ENOUGH)])), "twilio");
    let heard = gateway.heard();
    let request = heard.request();
    assert_eq!(request.method, "POST");
    assert_eq!(request.path, format!("/2010-04-01/Accounts/{SID}/Messages.json"));
    assert_eq!(request.header("authorization"), Some(format!("Basic {BASIC}").as_str()));
    assert_eq!(request.header("host"), Some(SERVER));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    let mut form = request.form();
    form.sort();
    let body = format!("{CODE} is your code & \"f\u{fc}r\" testhost");
    let wanted = [("Body", body.as_str()), ("From", "+15005550006"), ("To", NUMBER)];
    assert_eq!(form, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(heard.server_names(), [SERVER]);
}

#[test]
fn what_twilio_says_is_understood_and_the_next_way_is_tried() {
    let house = House::new();
    let to = format!("The 'To' number {NUMBER} is not valid: {CODE}");
    for (gateway, kind, words) in [
        (gateway(&house).refuses(400, 21211, &to), TroubleKind::Refused, "21211"),
        (gateway(&house).refuses(401, 20003, "Authenticate"), TroubleKind::Credentials, "20003"),
        (gateway(&house).refuses(404, 20404, "Not found"), TroubleKind::Refused, "20404"),
        (gateway(&house).refuses(429, 20429, "Too Many Requests"), TroubleKind::Deferred, "20429"),
        (gateway(&house).refuses(500, 20500, "Internal"), TroubleKind::Deferred, "20500"),
        (gateway(&house).refuses(503, 20503, "Service Unavailable"), TroubleKind::Deferred, "20503"),
        (gateway(&house).queues_and_fails(30006, "Landline"), TroubleKind::Refused, "30006"),
        (gateway(&house).answers(400, &[], "<html>no"), TroubleKind::Refused, "400"),
        (gateway(&house).answers(502, &[], ""), TroubleKind::Deferred, "502"),
    ] {
        let (sent, heard) = ask(&house, gateway, ENOUGH);
        let (found, detail) = trouble(&sent, 0);
        assert_eq!(found, kind, "{sent:#?}");
        assert!(detail.contains(words), "{words} is not in {detail}");
        assert_eq!(heard.requests().len(), 1, "asked again: {heard:?}");
    }
}

#[test]
fn a_redirection_is_not_followed_with_the_token_or_without() {
    let house = House::new();
    for status in [301, 302, 303, 307, 308] {
        let other = house.port();
        let elsewhere = Gateway::https(&house.certificate()).start(&house.sandbox, other);
        let location = format!("Location: https://{SERVER}:{other}/");
        let (sent, heard) = ask(&house, gateway(&house).answers(status, &[&location], ""), ENOUGH);
        trouble(&sent, 0);
        assert_eq!(heard.requests().len(), 1);
        assert_eq!(elsewhere.heard().connections(), 0);
    }
}

#[test]
fn a_gateway_that_takes_its_time_is_left_when_the_time_is_over() {
    let house = House::new();
    let body = response(201, &[], "{}").replace("Content-Length: 2", "Content-Length: 2000");
    for behaviour in [Behaviour::Hang, Behaviour::Drip, Behaviour::Stall(body)] {
        let (sent, _) = ask(&house, gateway(&house).does(behaviour), 1);
        assert_eq!(trouble(&sent, 0).0, TroubleKind::Slow, "{sent:#?}");
        in_time(&sent, 1);
    }
    assert_eq!(house.left_over(), Vec::<String>::new());
}

#[test]
fn a_gateway_that_says_too_much_or_nonsense_is_not_listened_to() {
    let house = House::new();
    let endless = format!("HTTP/1.1 201 Created\r\n{}", "X-More: and more of it\r\n".repeat(100_000));
    for (what, behaviour) in [
        ("an endless line", Behaviour::EndlessLine),
        ("endless lines", Behaviour::EndlessLines),
        ("headers", Behaviour::Say(endless)),
        ("50 MB", Behaviour::Say(response(500, &[], &"a".repeat(50_000_000)))),
        ("50 MB of success", Behaviour::Say(response(201, &[], &"a".repeat(50_000_000)))),
        ("nothing", Behaviour::Close),
        ("no HTTP", Behaviour::Say("220 mail.example.test ESMTP\r\n".to_owned())),
        ("an object of nothing", Behaviour::Say(response(201, &[], "{}"))),
        ("a list", Behaviour::Say(response(201, &[], "[]"))),
        ("no JSON", Behaviour::Say(response(201, &[], "queued"))),
        ("half of it", Behaviour::Say(response(201, &[], "{ }").replace(" }", ""))),
        ("nested JSON", Behaviour::Say(response(201, &[], &"[".repeat(100_000)))),
    ] {
        let (sent, _) = ask(&house, gateway(&house).does(behaviour), 5);
        let kind = sent.verdict.reports[0].trouble.as_ref().map(|trouble| trouble.kind);
        match what {
            "50 MB" => assert!(matches!(kind, Some(TroubleKind::Deferred | TroubleKind::Protocol)), "{sent:#?}"),
            _ => assert_eq!(kind, Some(TroubleKind::Protocol), "{what}: {sent:#?}"),
        }
        assert!(sent.took < Duration::from_secs(4), "{what}: {:?}", sent.took);
    }
}

#[test]
fn what_a_gateway_says_moves_no_cursor_and_gives_no_secret_away() {
    let house = House::new();
    let echo = format!("\u{1b}[2J\u{202e}\u{7} {TOKEN} {BASIC} {CODE}");
    for gateway in [
        gateway(&house).refuses(400, 21211, &echo),
        gateway(&house).refuses(401, 20003, &echo),
        gateway(&house).queues_and_fails(30006, &echo),
        gateway(&house).answers(400, &[&format!("X-Echo: {TOKEN} {CODE}")], &echo),
        gateway(&house)
            .does(Behaviour::Say(format!("HTTP/1.1 400 {TOKEN} {CODE}\u{1b}[2J\r\nContent-Length: 0\r\n\r\n"))),
    ] {
        // What has to hold of it is looked for in every case.
        trouble(&ask(&house, gateway, ENOUGH).0, 0);
    }
}

#[test]
fn a_conversation_with_a_gateway_is_told_without_the_code() {
    let house = House::new();
    for gateway in [gateway(&house).queues(), gateway(&house).refuses(400, 21211, &format!("\"{CODE}\""))] {
        let (sent, _) = by_twilio(&house, gateway, ENOUGH);
        let told = sent.verdict.conversation.join("\n");
        assert!(told.contains("> POST /2010-04-01") && told.contains("< HTTP/1.1"), "{told}");
        assert!(!told.contains(CODE), "{told}");
    }
}

#[test]
fn a_code_and_a_token_never_reach_a_gateway_that_is_not_who_it_should_be() {
    let house = House::new();
    for certificate in [
        house.authority.certificate("other.example.test"),
        house.authority.expired(SERVER),
        Authority::new().certificate(SERVER),
    ] {
        let (sent, heard) = ask(&house, Gateway::https(&certificate), ENOUGH);
        assert_eq!(trouble(&sent, 0).0, TroubleKind::Certificate, "{sent:#?}");
        assert!(heard.requests().is_empty() && !heard.broken().is_empty(), "{heard:?}");
    }
    let port = house.port();
    let plain = Gateway::http().start(&house.sandbox, port);
    let mut unprotected = twilio(&house, port);
    unprotected.base_url = format!("http://{SERVER}:{port}");
    let sent = house.sender().send(&text([(TextRoute::Twilio(unprotected), ENOUGH)]));
    trouble(&sent, 0);
    assert!(plain.heard().requests().is_empty(), "{sent:#?}");
}

#[test]
fn any_other_service_is_asked_as_it_wants_to_be() {
    let house = House::new();
    let said = format!("{CODE} is your code & \"f\u{fc}r\" testhost");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());

    let get = Http { url: "/send?to={number}&text={text}&key={secret}".to_owned(), method: "GET".to_owned(), ..http() };
    let heard = served(&house, get);
    let (request, key) = (heard.request(), "s&cret=\"1\"%20");
    assert_eq!((request.method.as_str(), request.body.as_str()), ("GET", ""));
    assert_eq!(request.query(), [pair("to", NUMBER), pair("text", &said), pair("key", key)]);

    let body = Some("{\"to\": [\"{number}\"], \"text\": \"{text}\"}".to_owned());
    let headers = vec![pair("X-Key", "k {secret}"), pair("Accept", "text/plain")];
    let heard = served(&house, Http { headers, body, content: Content::Json, ..http() });
    let request = heard.request();
    let json: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(json, serde_json::json!({ "to": [NUMBER], "text": said }));
    assert_eq!(request.header("x-key"), Some(format!("k {key}").as_str()));
    assert_eq!((request.method.as_str(), request.header("accept")), ("POST", Some("text/plain")));
    assert!(request.header("content-type").unwrap().starts_with("application/json"));

    let body = Some("to={number}&text={text}&key={secret}".to_owned());
    let heard = served(&house, Http { body, content: Content::Form, method: "PUT".to_owned(), ..http() });
    let request = heard.request();
    assert_eq!(request.form(), [pair("to", NUMBER), pair("text", &said), pair("key", key)]);
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.method, "PUT");

    let body = Some("{number}: {text}".to_owned());
    let heard = served(&house, Http { body, content: Content::Plain, ..http() });
    assert_eq!(heard.request().body, format!("{NUMBER}: {said}"));
}

#[test]
fn another_service_has_taken_a_text_only_if_status_and_body_say_so() {
    let house = House::new();
    for (status, body, success_text, taken) in [
        (200, "OK: 1", Some("OK"), true),
        (299, "", None, true),
        (200, "ERROR 304", Some("OK"), false),
        (199, "OK", Some("OK"), false),
        (300, "OK", Some("OK"), false),
        (404, "OK", Some("OK"), false),
    ] {
        let port = house.port();
        let server = gateway(&house).answers(status, &[], body).start(&house.sandbox, port);
        let http = Http { success_text: success_text.map(str::to_owned), ..http() };
        let sent = house.sender().send(&by_http(&house, port, http));
        assert_eq!(sent.verdict.delivered_by().is_some(), taken, "{status} {body}: {sent:#?}");
        assert_eq!(server.heard().requests().len(), 1);
        secretive(&sent);
    }
}

#[test]
fn a_status_that_says_all_is_enough_though_the_body_does_not_end() {
    let house = House::new();
    for status in [200, 500] {
        let port = house.port();
        let body = response(status, &[], "OK").replace("Content-Length: 2", "Content-Length: 2000");
        let server = gateway(&house).does(Behaviour::Stall(body)).start(&house.sandbox, port);
        let mut errand = by_http(&house, port, http());
        let Load::Text((_, ways)) = &mut errand.load else { panic!("no text") };
        ways[0].timeout_seconds = 2;
        let sent = house.sender().send(&errand);
        match status {
            200 => delivered(&sent, "http"),
            _ => assert_eq!(trouble(&sent, 0).0, TroubleKind::Slow, "{sent:#?}"),
        }
        assert_eq!(sent.took < Duration::from_secs(2), status == 200, "{sent:#?}");
        assert_eq!(server.heard().requests().len(), 1);
    }
}

#[test]
fn a_secret_or_a_header_that_would_be_two_lines_is_not_sent() {
    let house = House::new();
    let port = house.port();
    let server = gateway(&house).start(&house.sandbox, port);
    let key = |value: &str| vec![("X-Key".to_owned(), value.to_owned())];
    for bad in [
        Http { headers: key("{secret}"), secret: Some("a\r\nX-Evil: 1".to_owned().into()), ..http() },
        Http { headers: key("a\r\nX-Evil: 1"), ..http() },
        Http { headers: vec![("X-Evil: 1\r\nX".to_owned(), "a".to_owned())], ..http() },
        Http { method: "GET / HTTP/1.1\r\nX-Evil: 1\r\n".to_owned(), ..http() },
    ] {
        let sent = house.sender().send(&by_http(&house, port, bad));
        trouble(&sent, 0);
        secretive(&sent);
    }
    let heard = server.heard();
    assert!(heard.requests().iter().all(|request| request.header("x-evil").is_none()), "{heard:?}");
}

#[test]
fn a_program_gets_the_text_and_the_number_and_nothing_else() {
    let house = House::new();
    let script = "#!/bin/bash\nexec >/tmp/said\nprintf '%s\\n' \"$@\"; cat; echo; id -u; id -g; id -G; umask; pwd\n\
                  grep SigBlk /proc/self/status\n\
                  ls -l /proc/self/fd | awk '{ print $9, $11 }'; env | sort\n";
    house.sandbox.write("/usr/local/bin/sms", script, 0o755);
    let argv = ["/usr/local/bin/sms", "--to={number}", "; touch /tmp/evil", "{number}"].map(str::to_owned).to_vec();
    let sender = house.sender();
    let host = ["env", "SECRET=1", "BASH_ENV=/tmp/evil", "LANG=tr_TR.UTF-8"];
    let errand = text([(TextRoute::Command(argv), ENOUGH)]);
    delivered(&sender.start_with(sender.by(&host), &errand.encode()).finish(), "command");
    let said = house.sandbox.read("/tmp/said");
    let (uid, gid) = (sender.uid, sender.gid);
    let wanted = format!(
        "--to={NUMBER}\n; touch /tmp/evil\n{NUMBER}\n{CODE} is your code & \"f\u{fc}r\" testhost\n\
         {uid}\n{gid}\n{gid}\n0077\n/\n\
         SigBlk:\t0000000000000000\n"
    );
    let rest = said.strip_prefix(&wanted).unwrap_or_else(|| panic!("{said}\ninstead of\n{wanted}"));
    // Its own three descriptors and the one that ls(1) reads the directory by.
    let open = rest.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
    assert_eq!(open, 4, "{rest}");
    let allowed = ["PATH", "PWD", "SHLVL", "_", "HOME", "LC_ALL", "OLDPWD"];
    let variables = rest.lines().filter_map(|line| line.split_once('='));
    assert!(variables.clone().all(|(name, _)| allowed.contains(&name)), "{rest}");
    assert!(!house.sandbox.path("/tmp/evil").exists());
}

#[test]
fn a_program_that_fails_hangs_or_floods_is_trouble_of_this_host() {
    let house = House::new();
    let shell = |line: &str| ["/bin/bash", "-c", line].map(str::to_owned).to_vec();
    for (what, argv, seconds, kind) in [
        ("fails", shell("echo 'no \u{1b}[2Jcredit' >&2; exit 3"), ENOUGH, TroubleKind::Local),
        ("fails later", shell("cat >/dev/null; exit 75"), ENOUGH, TroubleKind::Local),
        ("is killed", shell("kill -9 $$"), ENOUGH, TroubleKind::Local),
        ("does not read", shell("exec <&-; exit 1"), ENOUGH, TroubleKind::Local),
        ("floods", shell("yes 'more and more' | head -c 50000000; exit 1"), ENOUGH, TroubleKind::Local),
        ("is found by a shell only", vec!["~/sms".to_owned()], ENOUGH, TroubleKind::Local),
        ("hangs", shell("sleep 1000"), 1, TroubleKind::Slow),
        ("hangs with children", shell("sleep 1000 & (trap '' TERM; sleep 1000) & wait"), 1, TroubleKind::Slow),
        ("hangs in a session of its own", shell("setsid --wait sleep 1000"), 1, TroubleKind::Slow),
        ("hangs in the background", shell("(setsid sleep 1000 &); sleep 1000"), 1, TroubleKind::Slow),
        ("quotes", shell("cat >&2; exit 1"), ENOUGH, TroubleKind::Local),
        ("is not there", vec!["/usr/local/bin/none".to_owned()], ENOUGH, TroubleKind::Local),
        ("is no program", vec!["/etc/passwd".to_owned()], ENOUGH, TroubleKind::Local),
        ("is nothing", Vec::new(), ENOUGH, TroubleKind::Local),
        ("is found by PATH", vec!["true".to_owned()], ENOUGH, TroubleKind::Local),
    ] {
        let sent = house.sender().send(&text([(TextRoute::Command(argv), seconds)]));
        assert_eq!(trouble(&sent, 0).0, kind, "{what}: {sent:#?}");
        discreet(&sent);
        in_time(&sent, if kind == TroubleKind::Slow { 1 } else { 5 });
        assert_eq!(house.left_over(), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn a_program_that_says_a_lot_has_sent_its_text_and_little_of_it_is_told() {
    let house = House::new();
    for line in ["cat >/dev/null; seq 100000", "cat >/dev/null; yes '' | head -n 100000"] {
        let argv = ["/bin/bash", "-c", line].map(str::to_owned).to_vec();
        let sent = house.sender().send(&text([(TextRoute::Command(argv), ENOUGH)]));
        delivered(&sent, "command");
        assert!(sent.verdict.conversation.len() < 30, "{sent:#?}");
    }
}

#[test]
fn no_part_of_a_code_is_told_where_what_a_program_says_is_cut() {
    let house = House::new();
    for length in [1021, 4093, 65533] {
        let line = format!("head -c {length} /dev/zero | tr '\\0' ' '; echo {CODE}; exit 1");
        let argv = ["/bin/bash", "-c", &line].map(str::to_owned).to_vec();
        let sent = house.sender().send(&text([(TextRoute::Command(argv), ENOUGH)]));
        let told = format!("{:?}", sent.verdict).replace(&line, "");
        let parts = (3..=CODE.len()).map(|end| &CODE[..end]);
        assert!(parts.clone().all(|part| !trouble(&sent, 0).1.contains(part)), "{length}: {told}");
    }
}

#[test]
fn to_whom_it_goes_is_told_only_with_a_conversation() {
    let house = House::new();
    let argv = ["/bin/bash", "-c", "echo no {number}; exit 1"].map(str::to_owned).to_vec();
    for conversation in [true, false] {
        let errand = Errand { conversation, ..text([(TextRoute::Command(argv.clone()), ENOUGH)]) };
        let sent = house.sender().send(&errand);
        assert_eq!(trouble(&sent, 0).1.contains(NUMBER), conversation, "{sent:#?}");
        assert_eq!(sent.verdict.conversation.is_empty(), !conversation);
    }
}

#[test]
fn a_program_that_leaves_another_one_behind_has_sent_its_text() {
    let house = House::new();
    let argv = ["/bin/bash", "-c", "cat >/dev/null; sleep 1000 & exit 0"].map(str::to_owned).to_vec();
    let sent = house.sender().send(&text([(TextRoute::Command(argv), 2)]));
    delivered(&sent, "command");
    assert!(sent.took < Duration::from_secs(1), "{sent:?}");
}

#[test]
fn a_program_goes_with_its_worker_or_supervisor() {
    let house = House::new();
    for victim in 0..2 {
        let argv = ["/bin/bash", "-c", "touch /tmp/there; sleep 1000; exit 1"].map(str::to_owned).to_vec();
        let sending = house.sender().start(&text([(TextRoute::Command(argv), ENOUGH)]));
        house.sandbox.wait_for_path("/tmp/there", Duration::from_secs(10));
        let processes = house.sender().processes();
        house.sandbox.run("kill", ["-s", "KILL", &processes[victim].pid.to_string()]).succeeded();
        sending.end();
        assert_eq!(house.left_over(), Vec::<String>::new(), "victim {victim} of {processes:?}");
        house.sandbox.bash("rm /tmp/there").succeeded();
    }
}

#[test]
fn this_host_may_be_asked_without_tls() {
    let house = House::new();
    let server = Gateway::http().answers(200, &[], "OK").start(&house.sandbox, 8080);
    let url = "http://localhost:8080/send".to_owned();
    let sent = house.sender().send(&text([(TextRoute::Http(Http { url, ..http() }), ENOUGH)]));
    delivered(&sent, "http");
    assert_eq!(server.heard().requests().len(), 1);
}

/// By Twilio, which does not take it; and checks what has to hold of every verdict.
fn ask(house: &House, gateway: Gateway, seconds: u32) -> (Sent, Heard) {
    let (sent, heard) = by_twilio(house, gateway, seconds);
    assert_eq!(sent.verdict.delivered_by(), Some("command"), "{sent:#?}");
    (sent, heard)
}

/// By Twilio, and otherwise by a program that takes anything.
fn by_twilio(house: &House, gateway: Gateway, seconds: u32) -> (Sent, Heard) {
    let port = house.port();
    let gateway = gateway.start(&house.sandbox, port);
    let next = TextRoute::Command(["/bin/bash", "-c", "cat >/dev/null"].map(str::to_owned).to_vec());
    let sent = house.sender().send(&text([(TextRoute::Twilio(twilio(house, port)), seconds), (next, ENOUGH)]));
    secretive(&sent);
    (sent, gateway.heard())
}

/// By another service that takes it; what it was asked.
fn served(house: &House, http: Http) -> Heard {
    let port = house.port();
    let server = gateway(house).answers(200, &[], "OK").start(&house.sandbox, port);
    let sent = house.sender().send(&by_http(house, port, http));
    delivered(&sent, "http");
    secretive(&sent);
    server.heard()
}

#[track_caller]
fn secretive(sent: &Sent) {
    discreet(sent);
    let told = format!("{sent:?}");
    for secret in [TOKEN, BASIC, "s&cret", "s%26cret"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}

fn gateway(house: &House) -> Gateway {
    Gateway::https(&house.certificate())
}

pub fn twilio(house: &House, port: u16) -> Twilio {
    Twilio {
        base_url: format!("https://{SERVER}:{port}"),
        account_sid: SID.to_owned(),
        auth_token: TOKEN.to_owned().into(),
        from: "+15005550006".to_owned(),
        authorities: Some(house.authority.pem()),
    }
}

/// The path alone is in the place of the URL.
fn http() -> Http {
    Http {
        url: "/send".to_owned(),
        method: "POST".to_owned(),
        headers: Vec::new(),
        body: Some("{text}".to_owned()),
        content: Content::Plain,
        secret: Some("s&cret=\"1\"%20".to_owned().into()),
        success: (200, 299),
        success_text: None,
        authorities: None,
    }
}

fn by_http(house: &House, port: u16, http: Http) -> Errand {
    let url = format!("https://{SERVER}:{port}{}", http.url);
    let body = http.body.filter(|_| http.method != "GET");
    let http = Http { url, body, authorities: Some(house.authority.pem()), ..http };
    text([(TextRoute::Http(http), ENOUGH)])
}
