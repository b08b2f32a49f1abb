//! The way back in for who has lost everything, and what people are told that they did not ask for: calls for help,
//! bypass codes, mailed codes as a rescue, notices.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Behaviour, Cycle, Door, HostileSmtp, Letter, Mailbox, Program, Sandbox, Stage, Visit};

const BY_MAILDIR: &str = "\
rescue_mail = 'helpdesk@example.test'
[mail]
from = 'twofactor@example.test'
transports = ['maildir']
";
/// Nobody listens at port 2525.
const BY_NOBODY: &str = "\
rescue_mail = 'helpdesk@example.test'
[mail]
transports = ['smtp']
[mail.smtp]
server = 'localhost'
port = 2525
tls = 'none'
";
const SPOOL: &str = "/var/spool/twofactor";
const ASK: &str = "ask the administrator";
const ASKED_BEFORE: &str = "(you have asked less than an hour ago; if nobody answers, write to helpdesk@example.test)";
const NOT_ASKED: &str = "the mail could not be sent, write to helpdesk@example.test yourself";
const BY_BYPASS: &str = "outcome=proved reason=code-accepted method=bypass";
const BY_APP: &str = "outcome=proved reason=code-accepted method=totp device=authenticator";
const SOON: Duration = Duration::from_secs(10);

#[test]
fn who_asks_the_administrator_is_helped_by_the_command_in_the_mail() {
    let door = Door::new(Program::Ssh);
    door.configure(BY_MAILDIR);
    let mut mailbox = door.spool();
    door.enrol("alice");
    let mut visit = door.knock("alice");
    let reference = ask(&mut visit, "");
    let letter = mailbox.next_letter();
    assert_eq!((letter.header("To").as_deref(), letter.header("Cc")), (Some("helpdesk@example.test"), None));
    assert_eq!(letter.header("From").as_deref(), Some("twofactor@example.test"));
    assert_eq!(letter.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert_eq!(letter.subject(), format!("alice asks for help to log in to testhost [{reference}]"));
    let at = after(&letter, "  At         ");
    let seconds = door.sandbox.run("date", ["-u", "-d", &at, "+%s"]).succeeded().stdout;
    let age = letter.parse().date().expect("a date").to_timestamp() - seconds.trim().parse::<i64>().unwrap();
    assert!((0..5).contains(&age) && at.ends_with(" UTC"), "{}", letter.raw);
    assert_eq!(
        words(&letter).replace(&at, "TIME"),
        format!(
            "Somebody who logs in as alice cannot give a second factor and asks
for your help.

  User       alice
  Host       testhost
  Service    sshd
  From       127.0.0.1
  Terminal   ssh
  At         TIME
  Reference  {reference}

Nothing was granted. Make sure that it is alice who asks: call back
on a number that you know, since this mail proves nothing. Then issue
a code that works once, and read it to them:

  twofactor bypass alice

If it is not alice, somebody else has come past the first factor: the
password or the key has to be changed.
"
        )
    );
    let logged =
        [format!("result=asked reference={reference}"), format!("result=sent reference={reference} route=maildir")];
    assert_eq!(visit.events("event=rescue"), logged);

    let code = bypass_by(&door.sandbox, &letter);
    visit.type_code(&code);
    visit.is_let_in(BY_BYPASS);
    let mut again = door.knock("alice");
    again.answer("", &code);
    again.is_asked("(wrong code, 2 tries left, ? for help)");
}

#[test]
fn the_command_in_the_mail_is_one_word_for_a_shell_whatever_the_name() {
    let sandbox = Sandbox::installed();
    sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
    sandbox.write("/etc/twofactor/config.toml", BY_MAILDIR, 0o644);
    let mut mailbox = Mailbox::at(&sandbox, SPOOL);
    let passwd = sandbox.read("/etc/passwd");
    for (uid, name) in (2000..).zip(["o'neil", "$(touch here)", "a b", "x;y", "größe"]) {
        sandbox.write("/etc/passwd", format!("{passwd}{name}:x:{uid}:{uid}::/:/bin/sh\n"), 0o644);
        sandbox.run("twofactor", ["setup", "--no-confirm", "--json", "--", name]).succeeded();
        help(&sandbox, name);
        let code = bypass_by(&sandbox, &mailbox.next_letter());
        let script = json!({ "user": name, "answers": [{ "text": code }] });
        assert_eq!(sandbox.pam_host(script).outcome(), "PAM_SUCCESS", "{name}");
    }
    assert!(!sandbox.path("/here").exists());
}

#[test]
fn the_administrator_is_asked_once_an_hour_and_user_by_any_number_of_sessions() {
    let sandbox = Sandbox::installed();
    sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
    sandbox.write("/etc/twofactor/config.toml", BY_MAILDIR, 0o644);
    let mut mailbox = Mailbox::at(&sandbox, SPOOL);
    for user in ["alice", "bob"] {
        sandbox.add_user(user, "correct horse");
        sandbox.enrol(user);
    }
    let worker = json!({ "user": "alice" });
    let race = json!({
        "common": { "answers": [{ "text": "?" }, { "text": "3" }, "conv_err"] },
        "barrier": "prompt",
        "workers": vec![worker; 6],
    });
    let cycles = sandbox.race(race);
    let said: Vec<_> = cycles.iter().map(last_prompt).collect();
    let asked = said.iter().filter(|prompt| prompt.contains("was asked for help, reference ")).count();
    assert_eq!(asked, 1, "{said:#?}");
    let before = format!("Verification code: {ASKED_BEFORE} ");
    assert_eq!(said.iter().filter(|prompt| **prompt == before).count(), 5, "{said:#?}");
    assert_eq!(last_prompt(&help(&sandbox, "alice")), before);
    assert!(last_prompt(&help(&sandbox, "bob")).contains("was asked for help, reference "));
    let subjects = [mailbox.next_letter(), mailbox.next_letter()].map(|letter| letter.subject());
    assert!(subjects[0].starts_with("alice ") && subjects[1].starts_with("bob "), "{subjects:?}");
    assert_eq!(mailbox.waiting(), 0);
}

#[test]
fn who_has_a_mailbox_gets_a_copy_of_the_call_for_help_in_their_name() {
    let door = Door::new(Program::Su);
    door.configure(&format!("methods = ['totp', 'email']\n{BY_MAILDIR}"));
    let mut mailbox = door.spool();
    door.enrol("alice");
    door.enrol_mailbox("alice", &[]);
    assert_eq!(mailbox.waiting(), 0);
    let mut visit = door.knock("alice");
    ask(&mut visit, "");
    let letter = mailbox.next_letter();
    assert_eq!(letter.header("To").as_deref(), Some("helpdesk@example.test"));
    assert_eq!(letter.header("Cc").as_deref(), Some("alice@example.test"));
    // Without a network there is a terminal to tell of.
    assert_eq!((after(&letter, "  Service    "), after(&letter, "  Terminal   ")), ("su".into(), "/dev/pts/0".into()));
    assert_eq!(after(&letter, "  From       "), "this host, terminal /dev/pts/0");
}

#[test]
fn the_administrators_own_words_stand_in_the_call_for_help() {
    let door = Door::new(Program::Ssh);
    let wording = "\
[mail.rescue]
subject = '[{reference}] {user}@{host}'
text = 'Run: {command}'
html = '<p>{issuer}: <code>{command}</code></p>'
";
    door.configure(&format!("issuer = \"R&D\"\n{BY_MAILDIR}{wording}"));
    let mut mailbox = door.spool();
    door.enrol("alice");
    let mut visit = door.knock("alice");
    let reference = ask(&mut visit, "");
    let letter = mailbox.next_letter();
    assert_eq!(letter.subject(), format!("[{reference}] alice@testhost"));
    assert_eq!(words(&letter).trim_end(), "Run: twofactor bypass alice");
    assert_eq!(letter.html().unwrap().trim_end(), "<p>R&amp;D: <code>twofactor bypass alice</code></p>");
}

#[test]
fn a_call_for_help_that_cannot_be_sent_is_not_said_to_be_and_can_be_made_again() {
    let door = Door::new(Program::Ssh);
    door.configure(BY_NOBODY);
    let app = door.enrol("alice");
    let mut visit = door.knock("alice");
    let list = visit.ask_for_ways("");
    visit.choose(&list, ASK);
    visit.is_asked(&format!("({NOT_ASKED})"));
    let log = visit.events("event=rescue");
    assert!(log.len() == 2 && log[1].starts_with("result=failed "), "{log:#?}");
    assert!(log[1].contains("error=\"smtp: unreachable: "), "{log:#?}");
    drop(visit);
    // Nobody was asked, so nobody has to wait an hour for another try.
    door.configure(BY_MAILDIR);
    let mut visit = door.knock("alice");
    let reference = ask(&mut visit, "");
    assert!(door.spool().next_letter().subject().ends_with(&format!("[{reference}]")));
    visit.type_code(&app.code());
    visit.is_let_in(BY_APP);
}

#[test]
fn a_call_for_help_that_is_slow_is_on_its_way_until_it_fails() {
    let door = Door::new(Program::Ssh);
    let server = HostileSmtp::plain().at(Stage::Greeting, Behaviour::Hang).start(&door.sandbox, 2525);
    door.configure(&format!("{BY_NOBODY}timeout = '2s'\n"));
    let app = door.enrol("alice");
    let mut visit = door.knock("alice");
    let list = visit.ask_for_ways("");
    let begun = Instant::now();
    visit.choose(&list, ASK);
    visit.expect("(the mail to your administrator is on its way, reference ");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    visit.expect(") ");
    no_sender_is_left(&door);
    visit.type_code(&app.wrong_code());
    visit.answer(&format!("({NOT_ASKED}; wrong code, 2 tries left, ? for help)"), &app.code());
    visit.is_let_in(BY_APP);
    assert_eq!(server.heard().stages(), [Stage::Greeting]);
}

#[test]
fn without_an_address_nobody_can_be_asked_and_the_list_says_so() {
    let door = Door::new(Program::Ssh);
    door.enrol("alice");
    let mut visit = door.knock("alice");
    assert_eq!(
        visit.ask_for_ways(""),
        "Other ways:
  1  the code that your authenticator app shows
  2  one of your recovery codes (xxxx-xxxx-xxxx-xxxx), each works once
If you have none of these, ask your administrator.
"
    );
    visit.choose("  3  help", "help");
    visit.is_asked("(there is no such number, ? for the list)");
}

#[test]
fn strangers_and_the_unenrolled_see_what_the_enrolled_see_and_nothing_is_sent() {
    // sshd tells us nothing of what strangers type, so they come through another door.
    let sandbox = Sandbox::installed();
    sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
    for user in ["alice", "bob"] {
        sandbox.add_user(user, "correct horse");
    }
    let email = ["--method", "email", "--address", "alice@example.test"];
    for (methods, options, letters) in [("['totp', 'recovery']", &[][..], 1), ("['email', 'recovery']", &email[..], 2)]
    {
        sandbox.write("/etc/twofactor/config.toml", format!("methods = {methods}\n{BY_MAILDIR}"), 0o644);
        sandbox.run("twofactor", [&["setup", "alice", "--no-confirm", "--json"], options].concat()).succeeded();
        let mut shown = Vec::new();
        for user in ["alice", "bob", "mallory"] {
            let journal = sandbox.journal().from_here();
            let answers = ["?", "3", "3", "000000", "?", "000000", "000000"].map(|text| json!({ "text": text }));
            let report = sandbox.pam_host(json!({ "user": user, "answers": answers }));
            assert_eq!(report.outcome(), "PAM_AUTH_ERR");
            let said = report.cycle().said.iter().map(|said| said.text.as_str()).collect::<Vec<_>>().join("\n");
            let (_, rest) = said.split_once("was asked for help, reference ").unwrap_or_else(|| panic!("{said}"));
            assert!(said.contains(ASKED_BEFORE), "{said}");
            shown.push(said.replace(&rest[..9], "REFERENCE").replace(&format!("{}***", &user[..1]), "USER***"));
            let results: Vec<_> = journal.lines_with("event=rescue").iter().map(|line| result(line)).collect();
            match user {
                "alice" => assert_eq!(results, ["asked", "sent", "asked-before"]),
                _ => assert_eq!(results, ["withheld", "withheld"]),
            }
        }
        assert_eq!(shown[0], shown[1]);
        assert_eq!(shown[0], shown[2]);
        let mut mailbox = Mailbox::at(&sandbox, SPOOL);
        for _ in 0..letters {
            let letter = mailbox.next_letter();
            assert!(words(&letter).contains("alice") && !words(&letter).contains("bob"), "{}", letter.raw);
        }
        assert_eq!(mailbox.waiting(), 0);
        sandbox.bash("twofactor remove alice; rm /var/spool/twofactor/new/*").succeeded();
    }
}

#[test]
fn who_is_not_enrolled_sees_at_sshd_what_the_enrolled_see() {
    let door = Door::new(Program::Ssh);
    door.configure(BY_MAILDIR);
    let mut mailbox = door.spool();
    let wrong = door.enrol("alice").wrong_code();
    let shown = ["alice", "bob"].map(|user| {
        let mut visit = door.knock(user);
        let reference = ask(&mut visit, "");
        visit.type_code(&wrong);
        visit.answer("(wrong code, 2 tries left, ? for help)", &wrong);
        visit.answer("(wrong code, 1 try left, ? for help)", &wrong);
        visit.expect("Permission denied");
        visit.transcript().replace(&reference, "REFERENCE").replace(user, "USER")
    });
    assert_eq!(shown[0], shown[1]);
    assert!(mailbox.next_letter().subject().starts_with("alice "));
    assert_eq!(mailbox.waiting(), 0);
}

#[test]
fn a_bypass_code_gets_in_while_the_account_is_locked_and_unlocks_it() {
    let door = Door::new(Program::Ssh);
    door.configure("[limits]\nlock_after = 3\n");
    let app = door.enrol("alice");
    lock(&door, &app.wrong_code());
    let code = bypass(&door.sandbox, "twofactor bypass alice --lifetime 30m");
    let mut visit = door.knock("alice");
    visit.answer("(locked after too many wrong codes, give a recovery code)", &code);
    visit.is_let_in(BY_BYPASS);
    let mut visit = door.knock("alice");
    visit.answer("", &app.code());
    visit.is_let_in(BY_APP);
}

#[test]
fn a_mailed_code_as_a_rescue_is_off_unless_it_is_wanted() {
    let door = Door::new(Program::Ssh);
    let off = format!("methods = ['totp', 'recovery']\n{BY_MAILDIR}");
    let on = format!("{off}[rescue]\nemail = true\nlifetime = '20m'\n");
    let mut mailbox = door.spool();
    let set_up = |user: &str| {
        let options = ["--method", "email", "--address", "a@example.test", "--no-confirm", "--json"];
        door.sandbox.run("twofactor", [&["setup", user], &options[..]].concat())
    };
    door.configure(&off);
    let app = door.enrol("alice");
    let refused = set_up("alice");
    assert!(refused.stderr.contains("the configuration does not allow email"), "{}", refused.stderr);

    door.configure(&on);
    let refused = set_up("bob");
    assert!(refused.stderr.contains("for rescues alone here, and there is nothing else yet"), "{}", refused.stderr);
    door.enrol_mailbox("alice", &[]);
    let way = "if the others are lost: a code by mail to a***@e***.test";
    let mut visit = door.knock("alice");
    let list = visit.ask_for_ways("");
    assert!(list.contains(&format!("  2  {way}\n")), "{list}");
    visit.choose(&list, way);
    let letter = mailbox.next_letter();
    assert_eq!(after(&letter, "  Valid for     "), "20 minutes, once");
    visit.is_asked("(sent to a***@e***.test, ? for other ways)");
    let log =
        ["result=asked", "result=sent route=maildir"].map(|rest| format!("method=rescue to=\"a***@e***.test\" {rest}"));
    assert_eq!(visit.events("event=code"), log);
    let unused = letter.code();

    // What went out is worth nothing once it is not wanted any more.
    door.configure(&off);
    let mut later = door.knock("alice");
    let list = later.ask_for_ways("");
    assert!(!list.contains("by mail"), "{list}");
    later.type_code(&unused);
    later.answer("(wrong code, 2 tries left, ? for help)", &app.code());
    later.is_let_in(BY_APP);
    drop(visit);

    door.configure(&on);
    let mut visit = door.knock("alice");
    visit.answer("", &unused);
    visit.is_let_in("outcome=proved reason=code-accepted method=rescue device=mail");
}

#[test]
fn a_user_is_told_of_every_method_that_comes_or_goes() {
    let door = Door::new(Program::Ssh);
    door.configure(&format!("methods = ['totp', 'email', 'recovery']\n{BY_MAILDIR}"));
    let mut mailbox = door.spool();
    door.enrol_mailbox("alice", &[]);
    assert_eq!(mailbox.waiting(), 0, "there was no address to tell");
    door.enrol("alice");
    let letter = mailbox.next_letter();
    assert_eq!(letter.subject(), "A second factor was added: alice on testhost");
    assert_eq!(letter.header("To").as_deref(), Some("alice@example.test"));
    let at = after(&letter, "  At    ");
    assert_eq!(
        words(&letter).replace(&at, "TIME"),
        "A second factor was added for alice on testhost.

  totp \"authenticator\"
  By    twofactor
  From  this host
  At    TIME

If this was not you, tell your administrator at once.
"
    );
    // Who takes an account over by another address can't keep that from the first one.
    let options = ["--method", "email", "--address", "mallory@example.test", "--replace", "--no-confirm", "--json"];
    door.sandbox.run("twofactor", [&["setup", "alice"], &options[..]].concat()).succeeded();
    let letter = mailbox.next_letter();
    assert_eq!(letter.header("To").as_deref(), Some("alice@example.test"));
    assert!(words(&letter).contains("\n  email \"mail\", in the place of the one before it\n"), "{}", letter.raw);

    for (options, detail) in [
        (&["--label", "authenticator"][..], "\"authenticator\""),
        (&["--method", "recovery"], "Every recovery"),
        (&[], "All of them, and the recovery codes"),
    ] {
        door.sandbox.run("twofactor", [&["remove", "alice"], options].concat()).succeeded();
        let letter = mailbox.next_letter();
        assert_eq!(letter.subject(), "A second factor was removed: alice on testhost");
        assert_eq!(letter.header("To").as_deref(), Some("mallory@example.test"));
        assert!(words(&letter).contains(&format!("\n  {detail}\n")), "{}", letter.raw);
    }
    assert_eq!(mailbox.waiting(), 0);
}

#[test]
fn a_user_is_told_that_a_recovery_code_was_used_and_once_that_the_account_is_locked() {
    let door = Door::new(Program::Ssh);
    door.configure(&format!("methods = ['totp', 'email', 'recovery']\n{BY_MAILDIR}[limits]\nlock_after = 3\n"));
    let mut mailbox = door.spool();
    let app = door.enrol("alice");
    door.enrol_mailbox("alice", &[]);
    let mut visit = door.knock("alice");
    visit.answer("", &app.recovery_codes[0]);
    visit.expect("let in: alice");
    assert_eq!(visit.events("event=notice"), ["kind=recovery-used to=\"a***@e***.test\""]);
    let letter = mailbox.next_letter();
    assert_eq!(letter.subject(), "A recovery code was used: alice on testhost");
    let text = words(&letter);
    assert!(text.contains("\n  Recovery codes left: 9\n  By    sshd\n  From  127.0.0.1\n  At    "), "{text}");

    for _ in 0..2 {
        lock(&door, &app.wrong_code());
        let letter = mailbox.next_letter();
        assert_eq!(letter.subject(), "Logins are locked after too many wrong codes: alice on testhost");
        assert!(words(&letter).contains("\n  Wrong codes in a row: 3\n"), "{}", letter.raw);
        // Whoever goes on brings no more mail about.
        let mut held = door.knock("alice");
        for _ in 0..3 {
            held.answer("(locked after too many wrong codes, give a recovery code)", &app.wrong_code());
        }
        held.is_refused("outcome=throttled reason=too-many-failures");
        assert_eq!(mailbox.waiting(), 0);
        door.sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
    }
}

#[test]
fn a_user_is_told_of_nothing_that_the_configuration_leaves_out() {
    let door = Door::new(Program::Ssh);
    let mut mailbox = door.spool();
    let all =
        ["A second factor was added", "A recovery code was used", "Logins are locked", "A second factor was removed"];
    for (events, told) in [
        ("[]", &[][..]),
        ("['locked', 'method-added']", &[all[0], all[2]]),
        ("['method-added', 'method-removed', 'recovery-used', 'locked']", &all),
    ] {
        door.configure(&format!(
            "methods = ['totp', 'email', 'recovery']\n{BY_MAILDIR}[limits]\nlock_after = 3\n[notify]\nevents = {events}\n"
        ));
        let app = door.enrol("alice");
        door.enrol_mailbox("alice", &[]);
        let tablet = ["setup", "alice", "--label", "tablet", "--no-confirm", "--json"];
        door.sandbox.run("twofactor", tablet).succeeded();
        let mut visit = door.knock("alice");
        visit.answer("", &app.recovery_codes[0]);
        visit.expect("let in: alice");
        lock(&door, &app.wrong_code());
        door.sandbox.run("twofactor", ["remove", "alice"]).succeeded();
        for what in told {
            let letter = mailbox.next_letter();
            assert!(letter.subject().starts_with(what), "{events}: {}", letter.raw);
        }
        assert_eq!(mailbox.waiting(), 0, "{events}");
    }
}

#[test]
fn a_notice_that_cannot_be_sent_keeps_nobody_waiting() {
    let door = Door::new(Program::Ssh);
    let settings = format!("methods = ['totp', 'email', 'recovery']\n{BY_NOBODY}");
    door.configure(&settings);
    let app = door.enrol("alice");
    door.enrol_mailbox("alice", &[]);
    for hangs in [false, true] {
        let server =
            hangs.then(|| HostileSmtp::plain().at(Stage::Greeting, Behaviour::Hang).start(&door.sandbox, 2525));
        let mut visit = door.knock("alice");
        visit.is_asked("");
        let begun = Instant::now();
        visit.type_code(&app.recovery_codes[usize::from(hangs)]);
        visit.expect("let in: alice");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        assert_eq!(visit.events("event=notice").len(), 1);

        let begun = Instant::now();
        let label = format!("tablet {hangs}");
        let output = door.sandbox.run("twofactor", ["setup", "alice", "--label", &label, "--no-confirm", "--json"]);
        let said = output.succeeded().stderr;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        let trouble = "The notice to alice@example.test could not be sent: smtp: unreachable: ";
        assert!(hangs || said.starts_with(trouble), "{said}");
        drop(server);
    }
    let failed = |line: &str| line.contains("twofactor-deliver") && line.contains("result=failed");
    door.sandbox.journal().wait_for(failed, SOON);
}

/// Asks the administrator at a prompt with this remark, and waits for the next; returns the reference.
#[track_caller]
fn ask(visit: &mut Visit<'_>, remark: &str) -> String {
    let list = visit.ask_for_ways(remark);
    visit.choose(&list, ASK);
    visit.expect("Verification code: (your administrator was asked for help, reference ");
    let rest = visit.expect(") ");
    let reference = rest.strip_suffix("; if nobody answers, write to helpdesk@example.test) ");
    let reference = reference.unwrap_or_else(|| panic!("{rest}")).to_owned();
    let groups: Vec<_> = reference.split('-').collect();
    assert!(groups.len() == 2 && groups.iter().all(|group| group.len() == 4), "{reference}");
    reference
}

/// What a line of the log says after `result=`.
fn result(line: &str) -> String {
    let (_, rest) = line.split_once("result=").unwrap_or_else(|| panic!("{line}"));
    rest.split(' ').next().expect("a word").to_owned()
}

/// The same of somebody with an app and recovery codes, without a terminal.
fn help(sandbox: &Sandbox, user: &str) -> Cycle {
    let script = json!({ "user": user, "answers": [{ "text": "?" }, { "text": "3" }, "conv_err"] });
    sandbox.pam_host(script).cycle().clone()
}

fn last_prompt(cycle: &Cycle) -> String {
    cycle.prompts().last().expect("a prompt").to_string()
}

/// What an administrator does who gets a call for help: pastes the command that stands in it. The code that this yields.
#[track_caller]
fn bypass_by(sandbox: &Sandbox, letter: &Letter) -> String {
    let text = words(letter);
    let command = text.lines().find(|line| line.starts_with("  twofactor ")).unwrap_or_else(|| panic!("{text}"));
    bypass(sandbox, command)
}

#[track_caller]
fn bypass(sandbox: &Sandbox, command: &str) -> String {
    let shown = sandbox.bash(command).succeeded().stdout;
    let code = shown.lines().find_map(|line| line.strip_prefix("    ")).unwrap_or_else(|| panic!("{shown}"));
    code.to_owned()
}

/// Fails so often that the account is locked.
fn lock(door: &Door, wrong: &str) {
    let mut visit = door.knock("alice");
    visit.answer("", wrong);
    visit.answer("(wrong code, 2 tries left, ? for help)", wrong);
    visit.answer("(wrong code, 1 try left, ? for help)", wrong);
    visit.is_refused("outcome=refused reason=wrong-code");
}

fn words(letter: &Letter) -> String {
    letter.text().replace("\r\n", "\n")
}

/// The rest of the line that begins so.
#[track_caller]
fn after(letter: &Letter, beginning: &str) -> String {
    let text = words(letter);
    let rest = text.lines().find_map(|line| line.strip_prefix(beginning));
    rest.unwrap_or_else(|| panic!("no {beginning:?} in {text}")).to_owned()
}

/// Waits until no message is underway.
#[track_caller]
fn no_sender_is_left(door: &Door) {
    let deadline = Instant::now() + SOON;
    while !door.sandbox.processes("twofactor-deliver").is_empty() {
        assert!(Instant::now() < deadline, "{:?}", door.sandbox.processes("twofactor-deliver"));
        thread::sleep(Duration::from_millis(5));
    }
}
