//! A sender that is missing, broken or stuck: the prompt comes in time and is true, another way in stays open, the log
//! says what is wrong, and nothing is left of it.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Journal, Mailbox, Report, Sandbox, Secret};

const SENDER: &str = "/usr/libexec/twofactor/twofactor-deliver";
const SPOOL: &str = "/var/spool/twofactor";
/// Mail goes into the Maildir.
const MAILDIR: &str = "transports = ['maildir']\n";
/// Mail goes through a program of which the test decides what it does, and how long it may.
const MAILER: &str =
    "transports = ['sendmail']\n[mail.sendmail]\ncommand = ['/usr/local/bin/mailer']\ntimeout = '3s'\n";
const NOT_SENT: &str = "Verification code: (could not be sent to f***@e***.test, ? for other ways) ";
const ON_ITS_WAY: &str = "Verification code: (on its way to f***@e***.test, ? for other ways) ";
const SENT: &str = "Verification code: (sent to f***@e***.test, ? for other ways) ";
/// When the prompt has to be there.
const PROMPT: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_sender_that_can_not_be_started_is_told_of_at_once() {
    let bench = Bench::new(MAILDIR);
    for (fault, lines, why) in [
        ("missing", "rm $s", "cannot start it: No such file or directory"),
        ("with its folder missing", "rm -r ${s%/*}", "cannot start it: No such file or directory"),
        ("not executable", "chmod 644 $s", "cannot start it: Permission denied"),
        ("a directory", "rm $s; mkdir $s", "cannot start it: Permission denied"),
        ("a FIFO", "rm $s; mkfifo -m 755 $s", "cannot start it: Permission denied"),
        ("empty", ": >$s", "cannot start it: Exec format error"),
        ("no program", "head -c 4096 /dev/zero | tr '\\0' x >$s", "cannot start it: Exec format error"),
        ("of another machine", "printf '\\xff\\xff' | dd of=$s bs=1 seek=18 conv=notrunc", "Exec format error"),
        ("a script without its interpreter", "echo '#!/nonexistent' >$s", "No such file or directory"),
        ("a link to itself", "ln -sf twofactor-deliver $s", "Too many levels of symbolic links"),
    ] {
        bench.broken(lines);
        let error = bench.prompts_and_lets_the_app_in(fault, NOT_SENT);
        assert!(error.contains(&format!("{SENDER}: ")) && error.contains(why), "{fault}: {error}");
    }
    bench.is_as_before();
}

#[test]
fn a_sender_that_dies_or_talks_nonsense_is_told_of_at_once() {
    let bench = Bench::new(MAILDIR);
    for (fault, script, why) in [
        ("ends at once", "exit 0", "the sender said nothing"),
        ("fails at once", "exit 1", "the sender said nothing"),
        ("reads everything and fails", "cat >/dev/null; exit 1", "the sender said nothing"),
        ("crashes", "kill -SEGV $$", "the sender said nothing"),
        ("is killed", "kill -KILL $$", "the sender said nothing"),
        ("closes its output and stays", "exec >&-; exec sleep 1000", "the sender said nothing"),
        ("talks nonsense", "echo nonsense", "what the sender said "),
        ("swears", "printf '\\033[2J\\r\\n\\0\\377event=login outcome=proved'", "what the sender said "),
        ("says a length without an end", "printf '\\377\\377\\377\\377\\377\\377\\377\\377'", "what the sender said "),
        ("says 1 MB", "head -c 1048576 /dev/zero", "the sender said too much"),
        ("never stops talking", "exec yes", "the sender said too much"),
        ("is cut short", "/opt/sender \"$@\" | head -c 5", "what the sender said "),
        ("is cut by a byte", "/opt/sender \"$@\" | head -c -1", "what the sender said "),
        ("says everything twice", "/opt/sender \"$@\" | { cat >/run/a; cat /run/a /run/a; }", "what the sender said "),
        ("is not told who to be", "exec /opt/sender <&0", "the arguments are not UID and GID"),
        ("is told nothing", "exec /opt/sender \"$@\" </dev/null", "the errand "),
    ] {
        bench.replaced(script);
        let error = bench.prompts_and_lets_the_app_in(fault, NOT_SENT);
        assert!(error.contains(why), "{fault}: {error}");
        assert!(error.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{fault}: {error}");
    }
    bench.is_as_before();
}

#[test]
fn a_sender_that_hangs_is_not_waited_for_and_is_killed_with_the_login() {
    let bench = Bench::new(MAILDIR);
    for (fault, script) in [
        ("says nothing", "exec sleep 1000"),
        ("ignores every signal", "trap '' HUP INT TERM PIPE ALRM CHLD; sleep 1000"),
        ("says half of it and hangs", "/opt/sender \"$@\" | { head -c 5; exec sleep 1000; }"),
        ("leaves a child that holds the pipe", "sleep 1000 & exit 0"),
    ] {
        bench.replaced(script);
        bench.prompts_and_lets_the_app_in(fault, ON_ITS_WAY);
        if fault != "says nothing" {
            // What it has left in the background is nothing that a host could know of.
            bench.sandbox.bash("pkill -KILL -x sleep || :").succeeded();
        }
        bench.assert_nothing_is_left(fault);
    }
    bench.is_as_before();
}

#[test]
fn a_sender_killed_while_it_works_is_told_of_at_once() {
    let bench = Bench::new(MAILER);
    for (who, why) in [("all of it", ""), ("its supervisor", ""), ("its worker", "the worker was ended by SIGKILL")] {
        bench.mailer("touch /var/spool/twofactor/at-work; exec sleep 1000");
        let login = bench.begin(&["000000"]);
        bench.sandbox.wait_for_path("/var/spool/twofactor/at-work", SOON);
        let processes = bench.sandbox.processes("twofactor-deliver");
        assert_eq!(processes.len(), 2, "a supervisor and a worker");
        let chosen = match who {
            "its supervisor" => &processes[..1],
            "its worker" => &processes[1..],
            _ => &processes[..],
        };
        let pids: Vec<_> = chosen.iter().map(|process| process.pid.to_string()).collect();
        // Whoever goes first may take the other one along.
        bench.sandbox.bash(&format!("kill -KILL {} || :", pids.join(" "))).succeeded();
        let prompt = login.reach_the_prompt();
        let (report, journal) = prompt.go_on();
        assert_eq!(report.cycle().prompts()[0], NOT_SENT, "{who}");
        let error = failure(&journal);
        let why = if why.is_empty() { "the sender said nothing" } else { why };
        assert!(error.contains(why), "{who}: {error}");
        if who == "all of it" {
            // Then nobody is there any more who could end the administrator's own program.
            bench.sandbox.bash("pkill -KILL -x sleep || :").succeeded();
        }
        bench.assert_nothing_is_left(who);
        bench.sandbox.bash("rm /var/spool/twofactor/at-work").succeeded();
    }
    bench.mailer("cat >/dev/null");
    bench.is_as_before();
}

#[test]
fn a_mailer_that_hangs_is_gone_when_its_time_is_over_and_the_next_prompt_tells() {
    let bench = Bench::new(MAILER);
    bench.mailer("trap '' TERM; echo $$ >/var/spool/twofactor/pid; sleep 1000 & wait");
    let begun = Instant::now();
    let prompt = bench.begin(&["?", "000000"]).reach_the_prompt();
    assert!(prompt.took < PROMPT, "{:?}", prompt.took);
    // The person takes their time: longer than the mailer has.
    bench.wait_until_gone(begun + Duration::from_secs(3 + 2));
    let (report, journal) = prompt.go_on();
    let prompts = report.cycle().prompts();
    assert_eq!(prompts[0], ON_ITS_WAY);
    assert!(prompts[1].contains("(could not be sent to f***@e***.test, "), "{prompts:?}");
    assert!(failure(&journal).contains("no answer within 3 s"), "{}", failure(&journal));
    // The sender could not know that somebody would still hear of it.
    assert_eq!(journal.lines_with("twofactor-deliver").len(), 1, "{:?}", journal.lines());
    assert_unchanged("a mailer that hangs", &report);

    // Nobody is there any more to be told, so the log is.
    let journal = bench.sandbox.journal().from_here();
    let begun = Instant::now();
    let (report, _) = bench.begin(&[]).reach_the_prompt().go_on();
    assert_eq!(report.cycle().prompts(), [ON_ITS_WAY]);
    bench.wait_until_gone(begun + Duration::from_secs(3 + 2));
    let told = |line: &str| line.contains("twofactor-deliver[") && line.contains("event=sent result=failed");
    let line = journal.wait_for(told, SOON);
    assert!(line.contains("no answer within 3 s") && line.contains("f***@e***.test"), "{line}");
}

#[test]
fn a_slow_mailer_still_brings_the_code_though_the_login_is_over() {
    let bench = Bench::new(MAILER);
    bench.mailer("sleep 2; cd /var/spool/twofactor; cat >letter; mkdir new; mv letter new");
    let user = bench.somebody().0;
    let (report, journal) = bench.begin_as(&user, &[]).reach_the_prompt().go_on();
    assert_eq!(report.cycle().prompts(), [ON_ITS_WAY]);
    assert!(report.cycle().seconds() < 3.5, "{} s", report.cycle().seconds());
    let letter = Mailbox::at(&bench.sandbox, SPOOL).next_letter();
    journal.wait_for(|line| line.contains("event=sent result=delivered route=sendmail"), SOON);
    let (report, _) = bench.begin_as(&user, &[&letter.code()]).reach_the_prompt().go_on();
    assert_eq!(report.outcome(), "PAM_SUCCESS");
}

#[test]
fn without_an_unprivileged_user_to_be_nothing_is_sent() {
    let bench = Bench::new(MAILDIR);
    let passwd = "rooted:x:0:500::/:/bin/sh\ngrouped:x:500:0::/:/bin/sh\n";
    bench.sandbox.write("/etc/passwd", bench.sandbox.read("/etc/passwd") + passwd, 0o644);
    for user in ["nobody-has-this-name", "root", "rooted", "grouped"] {
        bench.configure(&format!("deliver_user = '{user}'\n"), MAILDIR);
        let error = bench.prompts_and_lets_the_app_in(user, NOT_SENT);
        assert!(error.contains(&format!("there is no unprivileged user {user} to run the sender as")), "{error}");
    }
    bench.configure("", MAILDIR);
    bench.sandbox.bash("sed -i /^twofactor:/d /etc/passwd").succeeded();
    let error = bench.prompts_and_lets_the_app_in("a user that is gone", NOT_SENT);
    assert!(error.contains("there is no unprivileged user twofactor"), "{error}");
    assert_eq!(Mailbox::at(&bench.sandbox, SPOOL).waiting(), 0);
}

#[test]
fn a_secret_of_the_sender_that_can_not_be_read_is_told_of_and_the_next_way_is_tried() {
    let bench = Bench::new(MAILDIR);
    let smtp = "transports = ['smtp', 'maildir']\n[mail.smtp]\nserver = '127.0.0.1'\nusername = 'mailer'\n\
        password_file = '/etc/twofactor/smtp.password'\n";
    for (fault, lines, why) in [
        ("missing", "rm -f $f", "/etc/twofactor/smtp.password: cannot open: "),
        ("readable by all", "echo secret >$f; chmod 644 $f", "/etc/twofactor/smtp.password: "),
        ("empty", ": >$f; chmod 600 $f", "/etc/twofactor/smtp.password: "),
        ("a FIFO", "rm $f; mkfifo -m 600 $f", "is not a regular file"),
        ("a blank first line", "rm $f; printf '\\nsecret\\n' >$f; chmod 600 $f", "has no text in its first line"),
    ] {
        bench.sandbox.bash(&format!("f=/etc/twofactor/smtp.password\n{lines}")).succeeded();
        bench.configure("", smtp);
        let (user, _) = bench.somebody();
        let (report, journal) = bench.begin_as(&user, &[]).reach_the_prompt().go_on();
        assert_eq!(report.cycle().prompts(), [SENT], "{fault}");
        let line = journal.lines_with("result=sent").concat();
        assert!(line.contains("route=maildir") && line.contains(why) && !line.contains("secret\""), "{fault}: {line}");
        bench.configure("", &smtp.replace(", 'maildir'", ""));
        let error = bench.prompts_and_lets_the_app_in(fault, NOT_SENT);
        assert!(error.contains(why), "{fault}: {error}");
    }
}

/// A machine whose service `twofactor` asks for nothing but a code, which is mailed, and the true sender aside.
struct Bench {
    sandbox: Sandbox,
    people: Cell<u32>,
}

impl Bench {
    fn new(mail: &str) -> Bench {
        let sandbox = Sandbox::installed();
        sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
        sandbox
            .bash(&format!("install -d -o twofactor -g twofactor -m 700 {SPOOL}; cp {SENDER} /opt/sender"))
            .succeeded();
        let bench = Bench { sandbox, people: Cell::new(0) };
        bench.configure("", mail);
        bench
    }

    fn configure(&self, more: &str, mail: &str) {
        let config = format!(
            "issuer = 'example.test'\nmethods = ['email', 'totp', 'recovery']\n{more}\
             [notify]\nevents = []\n[mail]\nfrom = 'twofactor@example.test'\n{mail}"
        );
        self.sandbox.write("/etc/twofactor/config.toml", config, 0o644);
    }

    /// Puts the true sender back, and then breaks it.
    fn broken(&self, lines: &str) {
        let restore = format!("s={SENDER}; rm -rf $s; mkdir -p ${{s%/*}}; cp /opt/sender $s");
        self.sandbox.bash(&format!("{restore}\n{lines}")).succeeded();
    }

    /// Puts a script in the sender's place.
    fn replaced(&self, script: &str) {
        self.broken("");
        self.sandbox.write(SENDER, format!("#!/bin/sh\n{script}\n"), 0o755);
    }

    fn mailer(&self, script: &str) {
        self.sandbox.write("/usr/local/bin/mailer", format!("#!/bin/sh\n{script}\n"), 0o755);
    }

    /// Somebody new who has a mailbox in the first place and an app in the second.
    fn somebody(&self) -> (String, Secret) {
        let number = self.people.replace(self.people.get() + 1);
        let user = format!("f{number}");
        let passwd = format!("{user}:x:{}:5000::/:/bin/sh\n", 5000 + number);
        self.sandbox.write("/etc/passwd", self.sandbox.read("/etc/passwd") + &passwd, 0o644);
        let address = format!("{user}@example.test");
        let setup = ["setup", &user, "--method", "email", "--address", &address, "--no-confirm", "--json"];
        self.sandbox.run("twofactor", setup).succeeded();
        let secret = self.sandbox.enrol(&user);
        (user, secret)
    }

    fn begin(&self, answers: &[&str]) -> Login<'_> {
        self.begin_as(&self.somebody().0, answers)
    }

    fn begin_as(&self, user: &str, answers: &[&str]) -> Login<'_> {
        let go = format!("/run/{user}-{}", self.sandbox.journal().lines().len());
        let mut steps: Vec<_> = answers.iter().map(|text| json!({ "text": text })).collect();
        let first = steps.first().cloned().unwrap_or(json!("null"));
        let wait = json!({ "wait_for_file": go, "then": first });
        steps.splice(0..steps.len().min(1), [wait]);
        let journal = self.sandbox.journal().from_here();
        let begun = Instant::now();
        let host = self.sandbox.start_pam_host(json!({ "user": user, "answers": steps }));
        Login { sandbox: &self.sandbox, host, go, begun, journal }
    }

    /// Somebody logs in: this prompt comes in time, a guess does not get in, and the code of the app does. Returns what
    /// was logged of the failure.
    #[track_caller]
    fn prompts_and_lets_the_app_in(&self, fault: &str, prompt: &str) -> String {
        let (user, secret) = self.somebody();
        let reached = self.begin_as(&user, &["000000", &secret.code()]).reach_the_prompt();
        assert!(reached.took < PROMPT, "{fault}: the prompt took {:?}", reached.took);
        let (report, journal) = reached.go_on();
        assert_eq!(report.cycle().prompts()[0], prompt, "{fault}");
        assert_eq!(report.outcome(), "PAM_SUCCESS", "{fault}: {:?}", journal.lines());
        assert_unchanged(fault, &report);
        let decision = journal.lines_with("event=login").concat();
        assert!(decision.contains("method=totp"), "{fault}: {decision}");
        if prompt == ON_ITS_WAY {
            // It was waited for at the prompt, and once more at the end before it was killed.
            assert!(report.cycle().seconds() < 5.0, "{fault}: {} s", report.cycle().seconds());
            return String::new();
        }
        self.assert_nothing_is_left(fault);
        let error = failure(&journal);
        assert!(error.starts_with("<83>"), "LOG_ERR of LOG_AUTHPRIV: {error}");
        // What did not go out may be asked for again at once.
        let (report, _) = self.begin_as(&user, &[]).reach_the_prompt().go_on();
        assert_eq!((report.outcome(), report.cycle().prompts()), ("PAM_AUTH_ERR", vec![prompt]), "{fault}");
        error
    }

    /// Everything is put back, and mail goes out.
    #[track_caller]
    fn is_as_before(&self) {
        self.broken("");
        let (report, _) = self.begin(&[]).reach_the_prompt().go_on();
        assert_eq!((report.outcome(), report.cycle().prompts()), ("PAM_AUTH_ERR", vec![SENT]));
    }

    /// No process but the first one, which takes orphans away.
    #[track_caller]
    fn assert_nothing_is_left(&self, fault: &str) {
        let deadline = Instant::now() + Duration::from_secs(1);
        let others = || {
            let mut processes = self.sandbox.every_process();
            processes.retain(|process| process.pid != 1 && process.status_if_any("Name").is_some());
            processes
        };
        while !others().is_empty() {
            let names = others().iter().filter_map(|process| process.status_if_any("Name")).collect::<Vec<_>>();
            assert!(Instant::now() < deadline, "{fault}: {names:?} is left");
            // It is no child of ours that could be waited for.
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn wait_until_gone(&self, deadline: Instant) {
        loop {
            let sender = self.sandbox.processes("twofactor-deliver");
            let sleeping = self.sandbox.processes("sleep");
            if sender.is_empty() && sleeping.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{sender:?} and {sleeping:?} are left");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A login that has begun, and waits at its first prompt.
struct Login<'b> {
    sandbox: &'b Sandbox,
    host: support::RunningHost,
    go: String,
    begun: Instant,
    journal: Journal,
}

/// The first prompt is there.
struct AtThePrompt<'b> {
    login: Login<'b>,
    took: Duration,
}

impl<'b> Login<'b> {
    #[track_caller]
    fn reach_the_prompt(self) -> AtThePrompt<'b> {
        self.sandbox.wait_for_path(&format!("{}.reached", self.go), SOON);
        AtThePrompt { took: self.begun.elapsed(), login: self }
    }
}

impl AtThePrompt<'_> {
    /// The answers are typed. Returns what came of it, and the log since the beginning.
    #[track_caller]
    fn go_on(self) -> (Report, Journal) {
        self.login.sandbox.write(&self.login.go, "", 0o600);
        let report = self.login.host.report();
        (report, self.login.journal)
    }
}

#[track_caller]
fn assert_unchanged(fault: &str, report: &Report) {
    assert_eq!(report.before.differences(&report.after), [""; 0], "{fault}");
    assert_eq!(report.after.children, [0; 0], "{fault}");
}

/// The module's one line about a code that did not go out.
#[track_caller]
fn failure(journal: &Journal) -> String {
    let mut lines = journal.lines_with("result=failed");
    lines.retain(|line| line.contains("event=code"));
    assert_eq!(lines.len(), 1, "{:?}", journal.lines());
    lines[0].clone()
}
