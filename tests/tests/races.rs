//! Many at once: what one login may do stays true when others do the same, or something else, at the same moment.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Answer, Barrier, Cycle, Mailbox, Race, Report, RunningHost, Sandbox, Script, Secret, Step, Worker};

const SOON: Duration = Duration::from_secs(10);
/// How many want to be let in by one code.
const PROCESSES: usize = 32;
const ROUNDS: usize = 100;
const MAILED_ROUNDS: usize = 30;
/// The throttle never closes while so many fail.
const PATIENT: &str = "[limits]\nfree_failures = 100\nlock_after = 100\n";

#[test]
fn one_totp_code_in_32_processes_lets_exactly_one_in() {
    let sandbox = machine(PATIENT);
    for (user, secret) in enrolled(&sandbox, ROUNDS) {
        one_of_many(&sandbox, &user, &secret.code());
    }
}

#[test]
fn one_recovery_code_in_32_processes_lets_exactly_one_in() {
    let sandbox = machine(PATIENT);
    for (user, secret) in enrolled(&sandbox, ROUNDS) {
        one_of_many(&sandbox, &user, &secret.recovery_codes[0]);
        assert_eq!(status(&sandbox, &user)["recovery_codes_left"], 9, "{user}");
    }
}

#[test]
fn one_mailed_code_in_32_processes_lets_exactly_one_in() {
    let mail = "[mail]\nfrom = 'twofactor@example.org'\ntransports = ['maildir']\n";
    let sandbox = machine(&format!("methods = ['email']\n{PATIENT}{mail}"));
    sandbox.bash("install -d -o twofactor -g twofactor -m 700 /var/spool/twofactor").succeeded();
    let mut mailbox = Mailbox::at(&sandbox, "/var/spool/twofactor");
    for user in users(&sandbox, MAILED_ROUNDS) {
        let address = format!("{user}@example.org");
        let setup = ["setup", &user, "--method", "email", "--address", &address, "--no-confirm", "--json"];
        sandbox.run("twofactor", setup).succeeded();
        // Somebody asks for the code and goes away; in the other sessions it is the same one.
        assert_eq!(answered(&sandbox, &user, &[]).outcome(), "PAM_AUTH_ERR");
        one_of_many(&sandbox, &user, &mailbox.next_letter().code());
        assert_eq!(mailbox.waiting(), 0, "{user}");
    }
}

#[test]
fn the_code_and_a_recovery_code_of_one_user_both_count_in_the_same_moment() {
    let sandbox = machine(PATIENT);
    for (user, secret) in enrolled(&sandbox, 10) {
        let codes = [&secret.code(), &secret.recovery_codes[0], &secret.recovery_codes[1]];
        let cycles = race(&sandbox, &user, &codes.map(String::as_str));
        assert!(cycles.iter().all(|cycle| cycle.outcome() == "PAM_SUCCESS"), "{user}: {}", outcomes(&cycles));
        assert_eq!(status(&sandbox, &user)["recovery_codes_left"], 8, "{user}");
        for code in codes {
            assert_eq!(answered(&sandbox, &user, &[code]).outcome(), "PAM_AUTH_ERR", "{user} used {code} twice");
        }
    }
}

#[test]
fn wrong_codes_at_once_are_counted_one_by_one() {
    let sandbox = machine(PATIENT);
    let users = enrolled(&sandbox, 6);
    for (number, (user, secret)) in users.iter().enumerate() {
        let wrong = [secret.wrong_code(), "aaaa-bbbb-cccc-dddd".to_owned(), "no code".to_owned()][number % 3].clone();
        let cycles = race(&sandbox, user, &[wrong.as_str(); PROCESSES]);
        assert!(cycles.iter().all(|cycle| cycle.outcome() == "PAM_AUTH_ERR"), "{wrong}: {}", outcomes(&cycles));
        assert_eq!(status(&sandbox, user)["failures"], PROCESSES, "{wrong}");
    }
}

#[test]
fn guesses_at_once_are_no_way_around_the_throttle() {
    let sandbox = machine("");
    for (user, secret) in enrolled(&sandbox, 10) {
        let cycles = race(&sandbox, &user, &[secret.wrong_code().as_str(); PROCESSES]);
        let judged = cycles.iter().filter(|cycle| cycle.prompts()[1].contains("wrong code,")).count();
        // Three are free, and the fourth closes the throttle for all that come after it.
        assert_eq!((judged, &status(&sandbox, &user)["failures"]), (3, &json!(4)), "{user}");
    }
}

#[test]
fn an_owner_at_the_prompt_gets_in_though_a_stranger_fails_meanwhile() {
    let sandbox = machine("");
    for ((user, secret), strangers_failures) in enrolled(&sandbox, 3).into_iter().zip(1..) {
        let owner = at_the_prompt(&sandbox, &user, &[&secret.code()]);
        fail(&sandbox, &user, &secret, strangers_failures);
        let report = owner.answer();
        assert_eq!(report.outcome(), "PAM_SUCCESS", "after {strangers_failures} failures of a stranger");
        assert_eq!(report.cycle().prompts(), ["Verification code: "]);
        assert_eq!(status(&sandbox, &user)["failures"], 0);
    }
}

#[test]
fn an_owner_at_the_prompt_is_told_that_a_stranger_closed_the_throttle() {
    let sandbox = machine("");
    let (user, secret) = enrolled(&sandbox, 1).remove(0);
    let (code, recovery_code) = (secret.code(), &secret.recovery_codes[0]);
    let owner = at_the_prompt(&sandbox, &user, &[&code, recovery_code]);
    fail(&sandbox, &user, &secret, 4);
    let report = owner.answer();
    let prompts = report.cycle().prompts();
    assert_eq!(prompts[0], "Verification code: ");
    assert!(prompts[1].starts_with("Verification code: (too many wrong codes, wait "), "{prompts:?}");
    assert!(prompts[1].ends_with(" or give a recovery code) "), "{prompts:?}");
    assert_eq!((prompts.len(), report.outcome()), (2, "PAM_SUCCESS"));
    // What was not judged is not used up, and the recovery code opened the throttle again.
    assert_eq!(answered(&sandbox, &user, &[&code]).outcome(), "PAM_SUCCESS");
}

#[test]
fn an_owner_without_a_recovery_code_is_refused_while_the_throttle_is_closed() {
    let sandbox = machine("");
    let (user, secret) = enrolled(&sandbox, 1).remove(0);
    let code = secret.code();
    let owner = at_the_prompt(&sandbox, &user, &[&code, &code, &code]);
    fail(&sandbox, &user, &secret, 4);
    let report = owner.answer();
    assert_eq!((report.cycle().prompts().len(), report.outcome()), (3, "PAM_MAXTRIES"));
    assert!(report.cycle().messages()[0].starts_with("Too many wrong codes. Try again in "), "{:?}", report.cycle());
    assert_eq!(status(&sandbox, &user)["failures"], 4, "what is not judged is not counted");
}

#[test]
fn logins_go_on_while_an_administrator_works() {
    busy(&[&["keys", "rotate"], &["setup", "--label", "second", "--replace", "--no-confirm"], &["recovery"]]);
}

#[test]
fn logins_go_on_while_keys_are_retired() {
    busy(&[&["keys", "rotate", "--retire"]]);
}

#[test]
fn an_enrolment_replaced_while_a_login_opens_it_denies_nobody() {
    interrupted(("openat", "user0.toml"), &["keys", "rotate"]);
}

#[test]
fn a_keyring_replaced_while_a_login_opens_it_denies_nobody() {
    interrupted(("openat", "keyring.toml"), &["keys", "rotate"]);
}

#[test]
fn a_key_retired_after_a_login_has_read_the_enrolment_denies_nobody() {
    interrupted(("close", "/var/lib/twofactor/users/user0.toml"), &["keys", "rotate", "--retire"]);
}

/// A login with the right code stops after the second such call on a file, which is when the code is judged; the tool
/// does its work, and the login goes on.
#[track_caller]
fn interrupted((call, file): (&str, &str), command: &[&str]) {
    let sandbox = machine("");
    let (user, secret) = enrolled(&sandbox, 1).remove(0);
    let script = Script { user: Some(user), answers: now(&[&secret.code()]), ..Script::default() };
    sandbox.write("/tmp/script.json", serde_json::to_vec(&script).unwrap(), 0o600);
    sandbox.write("/tmp/trace", "", 0o600);
    let (calls, path) = (format!("--trace={call}"), format!("--trace-path={file}"));
    let inject = format!("--inject={call}:signal=SIGSTOP:when=2");
    let strace = ["--quiet=attach,exit,path-resolution", "--output=/tmp/trace", &calls, &path, &inject, "--"];
    let host = support::pam_host();
    let run = strace.into_iter().chain([host.to_str().unwrap(), "run", "/tmp/script.json"]);
    let report: Report = thread::scope(|scope| {
        let login = scope.spawn(|| sandbox.run("strace", run));
        let deadline = Instant::now() + SOON;
        let stopped = || sandbox.read("/tmp/trace").contains("stopped by SIGSTOP");
        while !stopped() && !login.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        let (stopped, tool) = (stopped(), sandbox.run("twofactor", command));
        // Whatever came of it, the login must go on, or nobody could wait for its end.
        sandbox.run("pkill", ["--signal", "CONT", "--exact", "pam-host"]);
        let output = login.join().unwrap().succeeded();
        tool.succeeded();
        assert!(stopped, "the login never stopped");
        serde_json::from_str(&output.stdout).unwrap()
    });
    assert_eq!(report.outcome(), "PAM_SUCCESS", "{}", log(&sandbox));
}

/// Everybody logs in again and again while one administrator repeats these commands, each for every user in turn.
#[track_caller]
fn busy(commands: &[&[&str]]) {
    // A window of 21 steps makes 21 codes good at once, if they are used in order; the outer two may slip away.
    let sandbox = machine("[totp]\nwindow = 10\n");
    let users = enrolled(&sandbox, 4);
    let working = AtomicBool::new(true);
    thread::scope(|scope| {
        let logins: Vec<_> =
            users.iter().map(|(user, secret)| scope.spawn(|| log_in_often(&sandbox, user, secret))).collect();
        let administrator = scope.spawn(|| {
            let mut rounds = 0;
            while working.load(Ordering::Relaxed) || rounds == 0 {
                for command in commands {
                    for (user, _) in &users {
                        let of_one_user: &[&str] = if command[0] == "keys" { &[] } else { &[user] };
                        sandbox.run("twofactor", command.iter().chain(of_one_user).chain(&["--json"])).succeeded();
                    }
                }
                rounds += 1;
            }
        });
        let done: Vec<_> = logins.into_iter().map(|login| login.join()).collect();
        working.store(false, Ordering::Relaxed);
        administrator.join().unwrap();
        for (counts, (user, _)) in done.into_iter().zip(&users) {
            assert_eq!(counts.unwrap(), [("PAM_SUCCESS".to_owned(), 19)].into(), "{user}:\n{}", log(&sandbox));
        }
    });
}

/// One login with each of the codes from nine steps ago to nine steps ahead.
fn log_in_often(sandbox: &Sandbox, user: &str, secret: &Secret) -> BTreeMap<String, usize> {
    let codes: Vec<String> = (-9..=9).map(|step| secret.code_in(step * 30)).collect();
    let mut counts = BTreeMap::new();
    for code in &codes {
        *counts.entry(answered(sandbox, user, &[code]).outcome().to_owned()).or_insert(0) += 1;
    }
    counts
}

/// A machine whose service `twofactor` asks for nothing but a code.
fn machine(config: &str) -> Sandbox {
    let sandbox = Sandbox::installed();
    sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
    sandbox.write("/etc/twofactor/config.toml", format!("issuer = \"example.org\"\n{config}"), 0o644);
    sandbox
}

/// So many users with an authenticator app each.
fn enrolled(sandbox: &Sandbox, count: usize) -> Vec<(String, Secret)> {
    users(sandbox, count).into_iter().map(|user| (user.clone(), sandbox.enrol(&user))).collect()
}

/// So many users.
fn users(sandbox: &Sandbox, count: usize) -> Vec<String> {
    let users: Vec<String> = (0..count).map(|number| format!("user{number}")).collect();
    let mut passwd = sandbox.read("/etc/passwd");
    for (user, uid) in users.iter().zip(5000..) {
        passwd += &format!("{user}:x:{uid}:{uid}::/:/bin/sh\n");
    }
    sandbox.write("/etc/passwd", passwd, 0o644);
    users
}

/// As many processes as codes, all at the prompt before the first of them answers.
fn race(sandbox: &Sandbox, user: &str, codes: &[&str]) -> Vec<Cycle> {
    let common = Script { user: Some(user.into()), ..Script::default() };
    let worker = |code: &&str| Worker { answers: Some(now(&[code])), ..Worker::default() };
    sandbox.race(Race { common, barrier: Barrier::Prompt, workers: codes.iter().map(worker).collect() })
}

#[track_caller]
fn one_of_many(sandbox: &Sandbox, user: &str, code: &str) {
    let cycles = race(sandbox, user, &[code; PROCESSES]);
    let told = cycles.iter().filter(|cycle| cycle.prompts().last().unwrap().contains("that code was already used"));
    let count = |outcome: &str| cycles.iter().filter(|cycle| cycle.outcome() == outcome).count();
    let counted = (count("PAM_SUCCESS"), count("PAM_AUTH_ERR"), told.count());
    assert_eq!(counted, (1, PROCESSES - 1, PROCESSES - 1), "{user}: {}", outcomes(&cycles));
}

/// One login with these answers.
fn answered(sandbox: &Sandbox, user: &str, codes: &[&str]) -> Report {
    sandbox.pam_host(Script { user: Some(user.into()), answers: now(codes), ..Script::default() })
}

/// So many logins with one wrong code each.
fn fail(sandbox: &Sandbox, user: &str, secret: &Secret, times: usize) {
    for _ in 0..times {
        assert_eq!(answered(sandbox, user, &[&secret.wrong_code()]).outcome(), "PAM_AUTH_ERR");
    }
    assert_eq!(status(sandbox, user)["failures"], times);
}

/// Somebody who has been asked and takes their time.
struct Thinking<'s> {
    sandbox: &'s Sandbox,
    host: RunningHost,
    go: String,
}

fn at_the_prompt<'s>(sandbox: &'s Sandbox, user: &str, codes: &[&str]) -> Thinking<'s> {
    let go = format!("/tmp/{user}-answers");
    let mut steps = now(codes);
    steps[0] = Step::Wait { wait_for_file: (&go).into(), then: Answer::Text(codes[0].into()) };
    let script = Script { user: Some(user.into()), answers: steps, ..Script::default() };
    let host = sandbox.start_pam_host(script);
    sandbox.wait_for_path(&format!("{go}.reached"), SOON);
    Thinking { sandbox, host, go }
}

impl Thinking<'_> {
    /// They have thought enough.
    fn answer(self) -> Report {
        self.sandbox.write(&self.go, "", 0o600);
        self.host.report()
    }
}

fn now(codes: &[&str]) -> Vec<Step> {
    codes.iter().map(|code| Step::Now(Answer::Text((*code).into()))).collect()
}

fn status(sandbox: &Sandbox, user: &str) -> Value {
    serde_json::from_str(&sandbox.run("twofactor", ["status", user, "--json"]).succeeded().stdout).unwrap()
}

/// What was decided, and why.
fn log(sandbox: &Sandbox) -> String {
    sandbox.journal().lines_with("outcome=").join("\n")
}

fn outcomes(cycles: &[Cycle]) -> String {
    cycles.iter().map(Cycle::outcome).collect::<Vec<_>>().join(" ")
}
