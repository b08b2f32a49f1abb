//! Attackers who know the password, or somebody else's code: they make no flood, learn nothing, and do not get in. What
//! they call themselves stays what it is, a text, wherever it goes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{
    Answer, Authority, Barrier, Behaviour, Certificate, Cycle, Door, Gateway, HostileSmtp, Journal, Letter, Mailbox,
    Playing, Program, Race, Report, Sandbox, Script, Stage, Step, Worker,
};

const SPOOL: &str = "/var/spool/twofactor";
const HELPDESK: &str = "helpdesk@example.test";
/// Where the codes go: every part of an address that a mask has to hide is long enough to be searched for.
const DOMAIN: &str = "mailboxes.private.test";
const SERVICES: [&str; 3] = ["sshd", "sudo", "su"];
/// The throttle stays out of the way.
const PATIENT: &str = "[limits]\nfree_failures = 100\nlock_after = 100\n";
/// Numbers in the menu.
const BY_MAIL: &str = "1";
const ADMINISTRATOR: &str = "3";
/// How many deliveries are remembered for those to whom nothing is sent.
const PACES: usize = 16;
const TIMED: usize = 15;
const SENDMAIL: &str = "[mail.sendmail]\ncommand = ['/usr/local/bin/mailer', '-oi', '-t']\n";
/// A mailer that writes down how it was called.
const RECORDER: &str = "#!/bin/sh
umask 077
echo \"$0 $* | $(tr '\\0' ' ' </proc/$$/environ | sed 's/ $//')\" >>/var/spool/twofactor/calls
exec cat >\"$(mktemp -p /var/spool/twofactor/new)\"
";
const STATES: &str = "/var/lib/twofactor/state";
/// `docs/format.md`.
const SENT_AT: usize = 576;
const SENT_BYTES: usize = 96;
const SENT_END: usize = SENT_AT + 4 * SENT_BYTES;
const DEVICE_AT: usize = 8;
const SINCE_AT: usize = 20;
const UNTIL_AT: usize = 28;
const CHECKSUM_AT: usize = 2016;
const SECOND_RECORD_AT: usize = 4096;
const SOON: Duration = Duration::from_secs(30);

#[test]
fn no_mix_of_sessions_services_reconnects_and_resends_sends_more_than_the_limit() {
    let house = House::new("[code]\nresend_after = '1s'\n[limits]\nfree_failures = 100\nlock_after = 60\ntries = 10\n");
    let again = ["?", BY_MAIL, "?", ADMINISTRATOR, "?", BY_MAIL];
    let deadline = Instant::now() + SOON;
    while house.journal().lines_with("result=limit").is_empty() {
        house.storm("alice", &again);
        assert!(Instant::now() < deadline, "the limit was never met");
    }
    // And now they try to lock the account.
    house.storm("alice", &["?", BY_MAIL, "000000", "000001", "000002"]);
    assert_eq!(house.journal().lines_with("event=locked").len(), 1);
    let letters = house.letters();
    let to_alice = letters.iter().filter(|letter| addressees(letter).contains(&address("alice"))).count();
    let to_helpdesk = letters.iter().filter(|letter| addressees(letter).contains(HELPDESK)).count();
    assert_eq!((to_alice, to_helpdesk), (6, 1), "{:?}", subjects(&letters));
    house.assert_nothing_is_told(&[]);
}

#[test]
fn copies_of_calls_for_help_and_notices_of_locks_count_like_codes() {
    let house = House::new("[code]\nsends_per_hour = 3\nresend_after = '1s'\n[limits]\nlock_after = 2\n");
    // A code, a copy, and the news that the account is locked.
    let report = house.login("alice", &["?", ADMINISTRATOR, "000000", "000001"]);
    assert_eq!(report.outcome(), "PAM_AUTH_ERR");
    let letters = house.letters();
    assert_eq!(letters.len(), 3, "{:?}", subjects(&letters));
    assert!(letters.iter().all(|letter| addressees(letter).contains(&address("alice"))));
    house.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
    let deadline = Instant::now() + SOON;
    let is_exhausted = |report: &Report| report.cycle().prompts()[0].contains("(no more codes can be sent for ");
    // Another code would be sent after a second.
    while !is_exhausted(&house.login("alice", &[])) {
        assert!(Instant::now() < deadline, "{:?}", house.journal().lines());
    }
    house.login("alice", &["000000", "000001"]);
    // Locked once more, and this time there is no room for the news.
    assert_eq!(house.journal().lines_with("event=locked").len(), 2);
    assert_eq!(subjects(&house.letters()), [""; 0]);
}

#[test]
fn a_mailer_that_takes_every_mail_and_says_no_is_no_way_around_the_limit() {
    let mailer = "#!/bin/sh\ncat >\"$(mktemp -p /var/spool/twofactor/new)\"\necho 'try again later'\nexit 75\n";
    let house = House::with_mailer(mailer);
    // What could not be sent may be asked for again at once.
    for _ in 0..3 {
        house.storm("alice", &["?", BY_MAIL, "?", BY_MAIL]);
    }
    let letters = house.letters();
    assert_eq!(letters.len(), 6, "{:?}", subjects(&letters));
    house.assert_nothing_is_told(&codes(&letters));
}

#[test]
fn a_server_that_takes_every_mail_and_hangs_up_is_no_way_around_the_limit() {
    let house = House::new("");
    let authority = Authority::new();
    let server = HostileSmtp::implicit(&authority.certificate("127.0.0.1")).at(Stage::Message, Behaviour::Close);
    let server = house.by_smtp(&authority, server);
    for _ in 0..3 {
        house.storm("alice", &["?", BY_MAIL, "?", BY_MAIL]);
    }
    house.wait_for_quiet();
    assert_eq!(server.heard().messages().len(), 6);
}

#[test]
fn whatever_a_server_does_the_prompt_is_true_and_in_time_and_another_way_gets_in() {
    let house = House::new("");
    let authority = Authority::new();
    let good = || HostileSmtp::implicit(&authority.certificate("127.0.0.1"));
    let failed = "Verification code: (could not be sent to a***@m***.test, ? for other ways) ";
    let on_its_way = "Verification code: (on its way to a***@m***.test, ? for other ways) ";
    for (what, server, expected) in [
        ("a certificate for another name", HostileSmtp::implicit(&authority.certificate("other.test")), failed),
        ("an expired certificate", HostileSmtp::implicit(&authority.expired("127.0.0.1")), failed),
        ("a certificate of nobody", HostileSmtp::implicit(&Certificate::self_signed("127.0.0.1")), failed),
        ("no TLS at all", HostileSmtp::plain(), failed),
        ("a handshake without an end", good().at(Stage::Handshake, Behaviour::Hang), on_its_way),
        ("no greeting", good().at(Stage::Greeting, Behaviour::Hang), on_its_way),
        ("a byte a second", good().at(Stage::Ehlo, Behaviour::Drip), on_its_way),
        ("an endless line", good().at(Stage::Greeting, Behaviour::EndlessLine), failed),
        ("endless lines", good().at(Stage::Ehlo, Behaviour::EndlessLines), failed),
        ("no for now", good().says(Stage::Mail, "451 later"), failed),
        ("no to the password", good().says(Stage::Auth, "535 no"), failed),
        ("no to the recipient", good().says(Stage::Rcpt, "550 \u{1b}[2J\u{7} no"), failed),
        ("no to the message", good().says(Stage::Message, "554 no"), failed),
        ("50 MB", good().at(Stage::Rcpt, Behaviour::Huge(50_000_000)), failed),
    ] {
        let recovery_code = house.recovery_code_of_somebody_new("alice");
        let playing = house.by_smtp(&authority, server);
        let journal = house.journal().from_here();
        let begun = Instant::now();
        let report = house.login("alice", &[&recovery_code]);
        assert!(begun.elapsed() < Duration::from_secs(2), "{what}: {:?}", begun.elapsed());
        assert_eq!((report.outcome(), report.cycle().prompts()[0]), ("PAM_SUCCESS", expected), "{what}");
        let result = if expected == failed { "result=failed error=\"smtp: " } else { "result=asked" };
        assert_eq!(journal.lines_with(result).len(), 1, "{what}: {:?}", journal.lines());
        assert!(journal.lines().iter().all(|line| !line.contains('\u{1b}')), "{what}: {:?}", journal.lines());
        drop(playing);
    }
}

#[test]
fn a_gateway_that_takes_every_text_and_says_no_is_no_way_around_the_limit() {
    let house = House::new("");
    let gateway = Gateway::http().answers(403, &[], "no").start(&house.sandbox, 8080);
    let sms =
        "[sms]\nprovider = 'http'\nurl = 'http://127.0.0.1:8080/send'\nbody = '{number} {text}'\ncontent = 'text'\n";
    house.configure(&settings("maildir", &["sms", "recovery"], sms));
    house.sandbox.run("twofactor", ["remove", "alice"]).succeeded();
    let setup = ["setup", "alice", "--method", "sms", "--number", "+4930123456", "--no-confirm", "--json"];
    house.sandbox.run("twofactor", setup).succeeded();
    // Each of them is told that nothing was sent, and may ask for another at once.
    for _ in 0..3 {
        house.storm("alice", &["?", BY_MAIL, "?", BY_MAIL]);
    }
    house.wait_for_quiet();
    assert_eq!(gateway.heard().requests().len(), 6);
}

#[test]
fn a_code_mailed_to_one_user_lets_no_other_in_not_even_at_the_same_moment() {
    let house = House::new(PATIENT);
    for _ in 0..4 {
        let (of_alice, of_bob) = (house.mailed_code("alice"), house.mailed_code("bob"));
        assert_ne!(of_alice, of_bob, "one in a million");
        // Four wrong codes leave the right ones good.
        let stolen = [("alice", &of_bob), ("bob", &of_alice)].repeat(4);
        let cycles = house.race(&stolen);
        assert!(cycles.iter().all(|cycle| cycle.outcome() == "PAM_AUTH_ERR"), "{}", outcomes(&cycles));
        let swapped = [("alice", &of_alice), ("bob", &of_bob)];
        assert!(house.race(&swapped).iter().all(|cycle| cycle.outcome() == "PAM_SUCCESS"));
    }
}

#[test]
fn five_wrong_codes_in_parallel_sessions_kill_the_right_one_and_four_do_not() {
    let house = House::new(PATIENT);
    let right = house.mailed_code("alice");
    let wrong = other_than(&right);
    house.race(&[("alice", &wrong); 4]);
    assert_eq!(house.login("alice", &[&right]).outcome(), "PAM_SUCCESS");
    let right = house.mailed_code("alice");
    let wrong = other_than(&right);
    let cycles = house.race(&[("alice", &wrong); 32]);
    let told = cycles.iter().filter(|cycle| cycle.prompts()[1].contains("the one that was sent is void now"));
    assert_eq!(told.count(), 1, "{}", outcomes(&cycles));
    let report = house.login("alice", &[&right]);
    assert_eq!(report.outcome(), "PAM_AUTH_ERR");
    assert!(report.cycle().prompts()[1].contains("(wrong code, "), "{:?}", report.cycle().prompts());
}

#[test]
fn the_right_code_among_many_wrong_ones_gets_in_at_most_once_and_never_after_the_fifth() {
    let house = House::new(PATIENT);
    for _ in 0..5 {
        let right = house.mailed_code("alice");
        let wrong = other_than(&right);
        let answers: Vec<_> = (0..32).map(|at| ("alice", if at % 4 == 3 { &right } else { &wrong })).collect();
        let let_in = house.race(&answers).iter().filter(|cycle| cycle.outcome() == "PAM_SUCCESS").count();
        assert!(let_in <= 1, "{let_in} were let in");
        assert_eq!(house.login("alice", &[&right]).outcome(), "PAM_AUTH_ERR");
        house.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
        house.enrol_anew("alice");
    }
}

#[test]
fn a_code_that_was_used_is_late_or_went_to_a_mailbox_that_is_gone_is_refused() {
    let house = House::with(&settings("maildir", &["email", "totp", "recovery"], "[code]\nsends_per_hour = 30\n"));
    let refused = |code: &str, why: &str| {
        let report = house.login("alice", &[code]);
        assert_eq!(report.outcome(), "PAM_AUTH_ERR", "{why}");
        let last = report.cycle().prompts().last().map(|prompt| (*prompt).to_owned()).unwrap_or_default();
        assert!(last.contains(why), "{why}: {last}");
    };
    let code = house.mailed_code("alice");
    house.let_time_pass("alice", 290);
    assert_eq!(house.login("alice", &[&code]).outcome(), "PAM_SUCCESS");
    refused(&code, "that code was already used");

    let code = house.mailed_code("alice");
    house.let_time_pass("alice", 300);
    refused(&code, "that code is too old");

    let code = house.mailed_code("alice");
    house.enrol("alice", &format!("new.surname@{DOMAIN}"));
    refused(&code, "wrong code");

    house.enrol_anew("alice");
    let code = house.mailed_code("alice");
    // The app stays, so that there is somebody to be asked.
    house.sandbox.enrol("alice");
    house.sandbox.run("twofactor", ["remove", "alice", "--method", "email"]).succeeded();
    refused(&code, "wrong code");
    house.enrol("alice", &address("alice"));
    refused(&code, "wrong code");
}

#[test]
fn a_state_from_another_time_or_user_brings_no_sent_code_back() {
    let house = House::new(PATIENT);
    let keep = || house.sandbox.bash(&format!("cp -a {STATES}/alice /tmp/kept")).succeeded();
    let put_back = |user: &str| house.sandbox.bash(&format!("cat /tmp/kept >{STATES}/{user}")).succeeded();
    let refused = |user: &str, code: &str| assert_eq!(house.login(user, &[code]).outcome(), "PAM_AUTH_ERR", "{user}");

    let code = house.mailed_code("alice");
    keep();
    house.sandbox.bash(&format!("rm {STATES}/alice")).succeeded();
    refused("alice", &code);

    // Somebody else's, as it is and after its uid was made to fit.
    put_back("bob");
    assert_eq!(house.login("bob", &[&code]).outcome(), "PAM_AUTHINFO_UNAVAIL");
    house.change_state("bob", |record| record[16..20].copy_from_slice(&5001u32.to_le_bytes()));
    refused("bob", &code);

    // It brings back what was used since, as long as that would be good: `docs/threats.md` says so. No longer, though,
    put_back("alice");
    house.let_time_pass("alice", 300);
    refused("alice", &code);
    // and not for a mailbox that was another one then.
    house.enrol("alice", &format!("new.surname@{DOMAIN}"));
    put_back("alice");
    refused("alice", &code);
}

#[test]
fn what_is_kept_of_a_code_is_neither_the_code_nor_anything_made_of_it_alone() {
    let house = House::new(PATIENT);
    for user in ["alice", "bob"] {
        let code = house.mailed_code(user);
        let state = house.sandbox.read_bytes(&format!("{STATES}/{user}"));
        let number: u32 = code.parse().unwrap();
        let mut forms = vec![code.clone().into_bytes(), number.to_le_bytes().to_vec(), number.to_be_bytes().to_vec()];
        let device = u32::from_le_bytes(*state[SENT_AT + DEVICE_AT..].first_chunk().expect("the number of a device"));
        let purpose = format!("email/{device}").into_bytes();
        let long = [&(purpose.len() as u64).to_le_bytes()[..], &purpose].concat();
        let before = [Vec::new(), purpose, long].into_iter();
        for message in before.map(|before| [before, code.clone().into_bytes()].concat()) {
            // HMAC with an empty key is two hashes (RFC 2104).
            let inner = house.sha256(&[&[0x36; 64][..], &message].concat());
            forms.push(house.sha256(&[&[0x5c; 64][..], &inner].concat()));
            forms.push(house.sha256(&message));
        }
        for form in forms {
            assert!(!state.windows(form.len()).any(|window| window == form), "{user}: {code} as {form:x?}");
        }
    }
}

#[test]
fn nothing_that_is_asked_shown_or_logged_has_more_of_an_address_than_its_mask() {
    let house = House::new("[limits]\ntries = 10\nlock_after = 4\n[code]\nsends_per_hour = 2\nresend_after = '1s'\n");
    let mut shown = Vec::new();
    let everything = ["?", BY_MAIL, "?", "2", "?", ADMINISTRATOR, "?", ADMINISTRATOR, "?", "9", "000000", "000001"];
    for user in ["alice", "carol", "mallory"] {
        for _ in 0..3 {
            shown.extend(house.login(user, &everything).cycle().said.clone());
        }
    }
    let shown: Vec<_> = shown.into_iter().map(|said| said.text).collect();
    assert!(shown.iter().any(|text| text.contains("a***@m***.test")), "{shown:?}");
    let codes = codes(&house.letters());
    shown.iter().for_each(|text| assert_tells_nothing(text, &codes));

    // Said by the sender itself, once nobody waits for it any more.
    house.sandbox.write("/usr/local/bin/mailer", "#!/bin/sh\nread line; sleep 2; grep '^To: ' >&2; exit 75\n", 0o755);
    house.configure(&settings("sendmail", &["email"], SENDMAIL));
    let report = house.login("bob", &[]);
    assert!(report.cycle().prompts()[0].contains("(on its way to b***@m***.test, "), "{:?}", report.cycle().prompts());
    let line = house.journal().wait_for(|line| line.contains("twofactor-deliver") && line.contains("failed"), SOON);
    assert!(line.contains("b***@m***.test"), "{line}");
    house.assert_nothing_is_told(&codes);
}

#[test]
fn strangers_and_the_unenrolled_see_the_prompts_of_somebody_whose_codes_are_mailed() {
    let house = House::new("[limits]\ntries = 4\n");
    let mut seen = Vec::new();
    for user in ["alice", "carol", "mallory"] {
        let answers = ["000000", "?", "2", "no code", "", "?", ADMINISTRATOR, "?", "9", "aaaa-bbbb-cccc-dddd"];
        let report = house.login(user, &answers);
        let initial = user.chars().next().unwrap();
        let mask = format!("{initial}***@m***.test");
        let said = report.cycle().said.iter().map(|said| {
            assert!(!said.text.contains(user), "{}", said.text);
            let text = said.text.replace(&mask, "MASK");
            match text.split_once(", reference ") {
                Some((before, reference)) => format!("{before}, reference {}{}", "x".repeat(9), &reference[9..]),
                None => text,
            }
        });
        let styles = report.cycle().said.iter().map(|said| said.style).collect::<Vec<_>>();
        seen.push((said.collect::<Vec<_>>(), styles, report.outcome().to_owned()));
    }
    assert!(seen[0].0[0].contains("(sent to MASK, ? for other ways)"), "{:?}", seen[0]);
    assert!(seen[0].0.iter().any(|text| text.contains("was asked for help, reference")), "{:?}", seen[0]);
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
    // Only the one who is enrolled was written to.
    let letters = house.letters();
    assert!(letters.iter().all(|letter| addressees(letter).contains(&address("alice"))), "{:?}", subjects(&letters));
    assert_eq!(letters.len(), 2);
}

#[test]
fn strangers_are_told_that_nothing_could_be_sent_where_nothing_can() {
    let house = House::new("");
    house.sandbox.bash(&format!("rm -rf {SPOOL}")).succeeded();
    for user in ["alice", "carol", "mallory", "alice"] {
        let report = house.login(user, &[]);
        let mask = format!("{}***@m***.test", user.chars().next().unwrap());
        let prompt = format!("Verification code: (could not be sent to {mask}, ? for other ways) ");
        assert_eq!(report.cycle().prompts(), [prompt]);
    }
}

#[test]
fn the_time_to_the_prompt_does_not_tell_whether_a_code_went_out() {
    // Slow enough to be told from the noise of a busy machine.
    let mailer = "#!/bin/sh\ncat >\"$(mktemp -p /var/spool/twofactor/new)\"; exec sleep 0.1\n";
    let house = House::with_mailer(mailer);
    let people: Vec<String> = (0..PACES + TIMED).map(|number| format!("user{number}")).collect();
    let mut passwd = house.sandbox.read("/etc/passwd");
    for (user, uid) in people.iter().zip(6000..) {
        passwd += &format!("{user}:x:{uid}:{uid}::/:/bin/sh\n");
    }
    house.sandbox.write("/etc/passwd", passwd, 0o644);
    people.iter().for_each(|user| house.enrol(user, &address(user)));
    let seconds = |user: &str| {
        let report = house.play(json!({ "service": "sshd", "user": user, "answers": ["conv_err"] }));
        let prompts = report.cycle().prompts();
        assert!(prompts.len() == 1 && prompts[0].contains("(sent to "), "{prompts:?}");
        report.cycle().seconds()
    };
    // As many as are remembered.
    let (before, timed) = people.split_at(PACES);
    for user in before {
        seconds(user);
    }
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for (number, user) in timed.iter().enumerate() {
        // In turns, so that a busy moment is everybody's.
        for (times, user) in times.iter_mut().zip([user, "carol", &format!("stranger{number}")]) {
            times.push(seconds(user));
        }
    }
    let [sent, unenrolled, unknown] = times.map(median);
    assert_eq!(house.letters().len(), PACES + TIMED);
    for other in [unenrolled, unknown] {
        let (less, more) = (sent.min(other), sent.max(other));
        // Without the wait it is a tenth.
        assert!(sent > 0.1 && more < less * 1.7, "{sent} s if a code goes out, {unenrolled} and {unknown} s if not");
    }
}

#[test]
fn whom_sshd_refuses_brings_no_mail_to_anyone() {
    let door = Door::with_sshd(Program::Ssh, "PermitRootLogin no\nDenyUsers alice\n");
    let sandbox = &door.sandbox;
    sandbox.write("/etc/twofactor/config.toml", settings("maildir", &["email", "recovery"], ""), 0o644);
    sandbox.bash(&format!("install -d -o twofactor -g twofactor -m 700 {SPOOL}")).succeeded();
    sandbox.run_with_input("chpasswd", [""; 0], "root:correct horse\n").succeeded();
    for user in ["root", "alice", "bob"] {
        let setup = ["setup", user, "--method", "email", "--address", &address(user), "--no-confirm", "--json"];
        sandbox.run("twofactor", setup).succeeded();
    }
    let mut mailbox = Mailbox::at(sandbox, SPOOL);
    for user in ["root", "alice", "mallory"] {
        let mut visit = door.ssh(user, &[]);
        visit.answer_password();
        visit.is_refused_without_us();
    }
    let mut visit = door.ssh("bob", &[]);
    visit.answer_password_with("wrong");
    visit.is_refused_without_us();
    // An administrator who forgot that a wrong password has to be the end.
    let lax = "auth required pam_unix.so nodelay\nauth required pam_twofactor.so\naccount required pam_unix.so\n";
    sandbox.stack("sshd", lax);
    for (user, why) in [("root", "host-refuses"), ("alice", "host-refuses"), ("mallory", "unknown-user")] {
        let mut visit = door.ssh(user, &[]);
        visit.answer_password();
        let initial = user.chars().next().unwrap();
        visit.answer(&format!("(sent to {initial}***@m***.test, ? for other ways)"), "000000");
        visit.answer("(wrong code, 2 tries left, ? for help)", "000000");
        visit.answer("(wrong code, 1 try left, ? for help)", "000000");
        visit.is_refused(&format!("outcome=refused reason={why}"));
    }
    assert_eq!(mailbox.waiting(), 0);
    // It is not that no mail comes at all.
    let mut visit = door.ssh("bob", &[]);
    visit.answer_password();
    let letter = mailbox.next_letter();
    visit.answer("(sent to b***@m***.test, ? for other ways)", &letter.code());
    visit.is_let_in("outcome=proved reason=code-accepted method=email device=mail");
    assert_eq!(mailbox.waiting(), 0);
    assert_eq!(sandbox.journal().lines_with("result=asked").len(), 1);
}

#[test]
fn no_name_of_a_user_becomes_a_header_an_option_a_command_or_a_line() {
    let house = House::with_mailer(RECORDER);
    let long = "x".repeat(70);
    for (number, name) in [
        "o'neil \"the\" admin",
        "a -oQ/tmp",
        "a;id>$(touch /run/pwned)`touch /run/pwned`|&",
        "eve@evil.test, root",
        "cr\rcr",
        "esc\u{1b}[2J\u{1b}]0;owned\u{7}",
        "c1\u{9b}2J\u{202e}",
        "zo\u{eb} \u{2603}\u{1f512}",
        "{code} {reference} %s%n",
        "<script>alert(1)</script>",
        "/../../run/pwned",
        &long,
    ]
    .into_iter()
    .enumerate()
    {
        let passwd = house.sandbox.read("/etc/passwd") + &format!("{name}:x:{}:7000::/:/bin/sh\n", 7000 + number);
        house.sandbox.write("/etc/passwd", passwd, 0o644);
        house.enrol(name, &address("alice"));
        let letters = house.letters_of_a_visit(name, None, None);
        assert_eq!(letters.len(), 2, "{name:?}");
        for letter in &letters {
            assert_is_clean(letter, name);
        }
        // Without what can not be shown it is what the administrator is to type.
        let text = letters[1].text();
        let command = text.lines().find_map(|line| line.strip_prefix("  twofactor ")).expect("a command");
        if !name.contains(|c: char| c.is_control() || c == '\u{202e}') {
            let echo = format!("twofactor() {{ printf '%s\\n' \"$@\"; }}; twofactor {command}");
            let words = house.sandbox.bash(&echo).succeeded().stdout;
            let words: Vec<&str> = words.lines().filter(|word| *word != "--").collect();
            assert_eq!(words, ["bypass", name], "{command}");
        }
    }
    assert!(!house.sandbox.path("/run/pwned").exists());
    house.assert_the_mailer_was_called_plainly();
}

#[test]
fn no_host_address_or_terminal_becomes_a_header_an_option_a_command_or_a_line() {
    let house = House::with_mailer(RECORDER);
    let texts = [
        "203.0.113.9\r\nBcc: eve@evil.test\r\n\r\nanother letter\r\n.\r\n",
        "\nTo: eve@evil.test",
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}",
        "\"'`$(touch /run/pwned)`;|&<>\\",
        "-oQ/tmp",
        "{code} %s%n",
        "\u{1f512}\u{eb}\u{0}",
        &"x".repeat(4096),
        &"\r\n".repeat(2048),
    ];
    for text in texts {
        let text = text.trim_end_matches('\0');
        house.enrol_anew("alice");
        for letter in house.letters_of_a_visit("alice", Some(text), Some(text)) {
            assert_is_clean(&letter, text);
        }
        // Somebody who is not there, under the same name; nobody is written to.
        assert_eq!(house.letters_of_a_visit(text, Some(text), Some(text)).len(), 0);
    }
    // What a file of the Maildir and the Message-ID are named after.
    house.configure(&settings("maildir", &["email", "recovery"], ""));
    for host in
        ["evil\\rBcc: eve", "a b\"c\\x27d", "../../../run/pwned", "\\x1b[2J", "h\\xc3\\xb4te", "-oQ/tmp", "%s%n"]
    {
        // Written inside: the name of a machine is that of its own namespace.
        let set = format!(
            "printf '%b' '{host}' >/proc/sys/kernel/hostname; [ \"$(uname -n)\" = \"$(printf '%b' '{host}')\" ]"
        );
        house.sandbox.bash(&set).succeeded();
        house.enrol_anew("alice");
        let letters = house.letters_of_a_visit("alice", None, None);
        assert_eq!(letters.len(), 2, "{host}");
        for letter in &letters {
            assert_is_clean(letter, host);
            let id = letter.header("Message-ID").expect("a Message-ID");
            let plain = |c: char| c.is_ascii_alphanumeric() || "<>@.-".contains(c);
            assert!(id.chars().all(plain) && id.matches('@').count() == 1, "{host}: {id}");
        }
    }
    assert!(!house.sandbox.path("/run/pwned").exists());
    house.assert_the_mailer_was_called_plainly();
}

#[test]
fn no_secret_is_where_others_can_read_while_a_server_keeps_a_login_waiting() {
    let house = House::new("");
    let authority = Authority::new();
    let server = HostileSmtp::implicit(&authority.certificate("127.0.0.1")).at(Stage::Message, Behaviour::Hang);
    let server = house.by_smtp(&authority, server);
    let login = house.sandbox.start_pam_host(json!({ "service": "sshd", "user": "alice" }));
    server.wait_for_stage(Stage::Message);
    let processes = house.sandbox.processes("twofactor-deliver");
    assert_eq!(processes.len(), 2, "a supervisor and a worker");
    let mut readable = Vec::new();
    for process in &processes {
        readable.extend([process.command_line(), process.environment()]);
        assert_eq!(process.limit("Max core file size"), ("0".to_owned(), "0".to_owned()));
        assert!(!process.is_dumpable());
        assert_ne!(process.status("Uid").split_whitespace().next(), Some("0"));
        let files: Vec<_> = process.open_files().into_iter().map(|(_, target)| target).collect();
        assert!(files.iter().all(|file| !file.contains("/etc/") && !file.contains("/var/lib")), "{files:?}");
    }
    // Not even when it crashes.
    house.sandbox.run("kill", ["-SEGV", &processes[1].pid.to_string()]).succeeded();
    let report = login.report();
    readable.extend(report.cycle().said.iter().map(|said| said.text.clone()));
    house.wait_for_quiet();
    let lines = house.journal().lines();
    assert!(lines.iter().any(|line| line.contains("result=failed")), "{}", lines.join("\n"));
    readable.extend(lines);
    readable.push(house.sandbox.bash("ls -A / /tmp /var/spool/twofactor | grep -i core || :").succeeded().stdout);
    assert_eq!(readable.last().map(String::as_str), Some(""), "a core file");
    let heard = server.heard();
    let code = heard.messages()[0].split("Subject: ").nth(1).expect("a subject")[..6].to_owned();
    for text in &readable {
        assert_tells_nothing(text, std::slice::from_ref(&code));
        // As it is, and for AUTH PLAIN and LOGIN.
        for secret in ["correct-horse-battery", "AG1haWxlcgBjb3JyZWN0", "Y29ycmVjdC1ob3JzZS1i"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// A machine whose services ask for nothing but a code, and what lies in its Maildir.
struct House {
    sandbox: Sandbox,
    mailbox: RefCell<Mailbox>,
}

impl House {
    /// alice and bob have a mailbox each.
    fn new(more: &str) -> House {
        House::with(&settings("maildir", &["email", "recovery"], more))
    }

    fn with(config: &str) -> House {
        let sandbox = Sandbox::installed();
        sandbox.bash(&format!("install -d -o twofactor -g twofactor -m 700 {SPOOL}")).succeeded();
        let people = "alice:x:5000:5000::/:/bin/sh\nbob:x:5001:5001::/:/bin/sh\ncarol:x:5002:5002::/:/bin/sh\n";
        let passwd = sandbox.read("/etc/passwd") + people;
        sandbox.write("/etc/passwd", passwd, 0o644);
        for service in SERVICES {
            sandbox.stack(service, "auth required pam_twofactor.so\n");
        }
        let mailbox = RefCell::new(Mailbox::at(&sandbox, SPOOL));
        let house = House { sandbox, mailbox };
        house.configure(config);
        for user in ["alice", "bob"] {
            house.enrol(user, &address(user));
        }
        house
    }

    /// Its mail goes through a program of its own, which can write to the Maildir.
    fn with_mailer(mailer: &str) -> House {
        let house = House::with(&settings("sendmail", &["email", "recovery"], SENDMAIL));
        house.sandbox.write("/usr/local/bin/mailer", mailer, 0o755);
        house.sandbox.bash(&format!("install -d -o twofactor -g twofactor -m 700 {SPOOL}/new")).succeeded();
        house
    }

    /// Its mail goes to a server that wants a password.
    fn by_smtp(&self, authority: &Authority, server: HostileSmtp) -> Playing {
        self.sandbox.write("/etc/twofactor/ca.pem", authority.pem(), 0o644);
        self.sandbox.write("/etc/twofactor/smtp.password", "correct-horse-battery\n", 0o600);
        let smtp = "[mail.smtp]\nserver = '127.0.0.1'\nusername = 'mailer'\nca_file = '/etc/twofactor/ca.pem'\n\
            password_file = '/etc/twofactor/smtp.password'\n";
        self.configure(&settings("smtp", &["email", "recovery"], smtp));
        server.start(&self.sandbox, 465)
    }

    fn configure(&self, config: &str) {
        self.sandbox.write("/etc/twofactor/config.toml", config, 0o644);
    }

    fn enrol(&self, user: &str, address: &str) {
        let setup = ["setup", "--method", "email", "--address", address, "--replace", "--no-confirm", "--json"];
        self.sandbox.run("twofactor", setup.iter().chain(&["--", user])).succeeded();
    }

    /// Nothing that was sent before counts any more; one of the new recovery codes.
    fn recovery_code_of_somebody_new(&self, user: &str) -> String {
        self.sandbox.run("twofactor", ["remove", user]).succeeded();
        let address = address(user);
        let setup = ["setup", user, "--method", "email", "--address", &address, "--no-confirm", "--json"];
        let answer: Value =
            serde_json::from_str(&self.sandbox.run("twofactor", setup).succeeded().stdout).expect("JSON");
        answer["recovery_codes"][0].as_str().expect("a recovery code").to_owned()
    }

    /// Nothing that was sent before counts any more.
    fn enrol_anew(&self, user: &str) {
        self.sandbox.run("twofactor", ["remove", user]).succeeded();
        self.enrol(user, &address(user));
        self.letters();
    }

    fn journal(&self) -> Journal {
        self.sandbox.journal()
    }

    fn play(&self, script: Value) -> Report {
        self.sandbox.pam_host(script)
    }

    fn login(&self, user: &str, answers: &[&str]) -> Report {
        let answers: Vec<_> = answers.iter().map(|text| json!({ "text": text })).collect();
        self.play(json!({ "service": "sshd", "user": user, "answers": answers }))
    }

    /// Somebody asks for a code and goes away with it; the code stays good.
    #[track_caller]
    fn mailed_code(&self, user: &str) -> String {
        self.letters();
        // One that has just gone out keeps no other from going out.
        self.let_time_pass(user, 30);
        let report = self.login(user, &[]);
        assert_eq!((report.outcome(), report.cycle().prompts().len()), ("PAM_AUTH_ERR", 1));
        let letter = self.mailbox.borrow_mut().next_letter();
        assert_eq!(addressees(&letter), BTreeSet::from([address(user)]), "{:?}", report.cycle().prompts());
        letter.code()
    }

    /// Moves everything that a state says of sent codes into the past.
    fn let_time_pass(&self, user: &str, seconds: u64) {
        self.change_state(user, |record| {
            for code in record[SENT_AT..SENT_END].chunks_exact_mut(SENT_BYTES) {
                for time in [SINCE_AT, UNTIL_AT] {
                    let time: &mut [u8; 8] = code[time..].first_chunk_mut().expect("a time");
                    *time = u64::from_le_bytes(*time).saturating_sub(seconds).to_le_bytes();
                }
            }
        });
    }

    /// Changes both records of a state and makes their checksums fit (`docs/format.md`).
    fn change_state(&self, user: &str, change: impl Fn(&mut [u8])) {
        let path = format!("{STATES}/{user}");
        let mut state = self.sandbox.read_bytes(&path);
        for at in [0, SECOND_RECORD_AT] {
            let record = &mut state[at..at + CHECKSUM_AT];
            change(record);
            let checksum = self.sha256(record);
            state[at + CHECKSUM_AT..][..32].copy_from_slice(&checksum);
        }
        self.sandbox.write(&path, state, 0o600);
    }

    fn sha256(&self, bytes: &[u8]) -> Vec<u8> {
        self.sandbox.write("/tmp/hashed", bytes, 0o600);
        let digest = self.sandbox.bash("sha256sum /tmp/hashed").succeeded().stdout;
        (0..64).step_by(2).map(|at| u8::from_str_radix(&digest[at..at + 2], 16).expect("hexadecimal")).collect()
    }

    /// Everybody sits at the prompt before the first one answers.
    fn race(&self, answers: &[(&str, &String)]) -> Vec<Cycle> {
        let common = Script { service: "sshd".into(), ..Script::default() };
        let worker = |(user, code): &(&str, &String)| Worker {
            user: Some((*user).to_owned()),
            answers: Some(typed(&[code])),
            ..Worker::default()
        };
        self.sandbox.race(Race { common, barrier: Barrier::Prompt, workers: answers.iter().map(worker).collect() })
    }

    /// Thirty-three sessions by three doors at the same moment, from as many addresses.
    fn storm(&self, user: &str, answers: &[&str]) {
        let sandbox = &self.sandbox;
        thread::scope(|scope| {
            for (service, network) in SERVICES.into_iter().zip(1..) {
                scope.spawn(move || {
                    let common = Script { service: service.into(), user: Some(user.into()), ..Script::default() };
                    let from = |host| Worker {
                        rhost: Some(format!("203.0.{network}.{host}")),
                        answers: Some(typed(answers)),
                        ..Worker::default()
                    };
                    let workers = (1..=11).map(from).collect();
                    sandbox.race(Race { common, barrier: Barrier::Call, workers })
                });
            }
        });
    }

    /// Everything that has been sent and was not read yet, once nobody is sending any more.
    fn letters(&self) -> Vec<Letter> {
        self.wait_for_quiet();
        let mut mailbox = self.mailbox.borrow_mut();
        (0..mailbox.waiting()).map(|_| mailbox.next_letter()).collect()
    }

    /// The letters of somebody who asks for a code and then for help; whatever is shown or logged meanwhile moves no
    /// cursor and ends no line.
    #[track_caller]
    fn letters_of_a_visit(&self, user: &str, rhost: Option<&str>, tty: Option<&str>) -> Vec<Letter> {
        let journal = self.journal().from_here();
        let answers = ["?", ADMINISTRATOR, "000000"].map(|text| json!({ "text": text }));
        let report =
            self.play(json!({ "service": "sshd", "user": user, "rhost": rhost, "tty": tty, "answers": answers }));
        assert_eq!(report.cycle().prompts().len(), 4, "{:?}", report.cycle());
        for said in &report.cycle().said {
            let moves = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
            assert!(!said.text.contains(moves), "{user:.80?}: {:?}", said.text);
        }
        let letters = self.letters();
        let lines = journal.lines();
        assert!(lines.len() >= 3, "{lines:?}");
        for line in lines {
            // The journal itself writes the end of a line in a datagram as a backslash and an n.
            let plain = line.bytes().all(|byte| matches!(byte, b' '..=b'~')) && !line.contains("\\n");
            assert!(plain && line.len() < 7000, "{user:.80?}, {rhost:.80?}: {line:.900}");
            let end = line.split(" pam_twofactor(sshd:auth): ").nth(1).unwrap_or("event=");
            assert!(end.starts_with("event=") && line.matches(" event=").count() == 1, "{line}");
        }
        letters
    }

    #[track_caller]
    fn assert_the_mailer_was_called_plainly(&self) {
        let calls = self.sandbox.read(&format!("{SPOOL}/calls"));
        let calls: BTreeSet<&str> = calls.lines().collect();
        assert_eq!(calls, BTreeSet::from(["/usr/local/bin/mailer -oi -t | PATH=/usr/sbin:/usr/bin:/sbin:/bin"]));
    }

    fn wait_for_quiet(&self) {
        let deadline = Instant::now() + SOON;
        while !self.sandbox.processes("twofactor-deliver").is_empty() {
            assert!(Instant::now() < deadline, "the sender does not come to an end");
            // Nobody of them is a child of ours.
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Neither a code nor more of an address than its mask has reached the log.
    #[track_caller]
    fn assert_nothing_is_told(&self, codes: &[String]) {
        for line in self.journal().lines() {
            assert_tells_nothing(&line, codes);
        }
    }
}

#[track_caller]
fn assert_tells_nothing(text: &str, codes: &[String]) {
    let hidden = ["mailboxes", "private", "alice.", "bob.", "surname"];
    assert!(hidden.iter().all(|part| !text.contains(part)), "an address: {text}");
    // A time of day, a pid or an address can have the same digits in a row, but not between two blanks or quotes.
    let words: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    assert!(codes.iter().all(|code| !words.contains(code.as_str())), "a code: {text}");
}

/// A letter to alice and the help desk with the headers that it should have, and only text that can be shown.
#[track_caller]
fn assert_is_clean(letter: &Letter, evil: &str) {
    assert!(letter.raw.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')), "{evil:.80?}: {:?}", letter.raw);
    let known = [
        "From",
        "To",
        "Cc",
        "Subject",
        "Date",
        "Message-ID",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    let headers = letter.headers();
    assert!(headers.iter().all(|(name, _)| known.contains(&name.as_str())), "{evil:.80?}: {headers:?}");
    let names: BTreeSet<_> = headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), headers.len(), "{evil:.80?}: {headers:?}");
    let ours = BTreeSet::from([address("alice"), HELPDESK.to_owned()]);
    assert!(addressees(letter).is_subset(&ours), "{evil:.80?}: {:?}", addressees(letter));
    let moves = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    let (subject, text) = (letter.subject(), letter.text());
    assert!(!subject.contains(|c| moves(c) || c == '\n') && !text.contains(moves), "{evil:.80?}: {subject:?} {text:?}");
    assert!(letter.raw.len() < 4096, "{evil:.80?}: {}", letter.raw);
}

/// The settings of a house: how mail goes, which methods there are, and more.
fn settings(transport: &str, methods: &[&str], more: &str) -> String {
    format!(
        "issuer = 'example.test'\nmethods = {methods:?}\nrescue_mail = '{HELPDESK}'\n{more}\
         [mail]\nfrom = 'twofactor@{DOMAIN}'\ntransports = ['{transport}']\n"
    )
}

fn address(user: &str) -> String {
    format!("{user}.surname@{DOMAIN}")
}

fn addressees(letter: &Letter) -> BTreeSet<String> {
    let lists = ["To", "Cc"].into_iter().filter_map(|name| letter.header(name));
    lists.flat_map(|list| list.split(", ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn subjects(letters: &[Letter]) -> Vec<String> {
    letters.iter().map(Letter::subject).collect()
}

/// Those of the letters that bring one.
fn codes(letters: &[Letter]) -> Vec<String> {
    let first = letters.iter().map(Letter::code);
    first.filter(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())).collect()
}

/// A code that was not sent.
fn other_than(code: &str) -> String {
    let digit = |c: char| char::from_digit((c.to_digit(10).expect("a digit") + 1) % 10, 10).expect("a digit");
    code.chars().map(digit).collect()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn typed(answers: &[&str]) -> Vec<Step> {
    answers.iter().map(|text| Step::Now(Answer::Text((*text).to_owned()))).collect()
}

fn outcomes(cycles: &[Cycle]) -> String {
    cycles.iter().map(Cycle::outcome).collect::<Vec<_>>().join(" ")
}
