//! SIGKILL before every system call by which one process's work becomes visible to the next, and an error from every
//! one of them: whatever was going on, what was there before or what was to come holds, whole, and no code works twice.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Mailbox, Output, Report, Sandbox, Secret, framed, pam_host};

/// Opening takes part because it creates, and because descriptors run out.
const STEPS: &str = "openat,flock,fchmod,ftruncate,write,pwrite64,fsync,fdatasync,\
    rename,renameat,renameat2,unlink,unlinkat";

/// What starts the sender, hands it the message and hears of it takes part as well.
const SENDING_STEPS: &str = "openat,flock,fchmod,ftruncate,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,\
    unlink,unlinkat,getrandom,memfd_create,pipe2,fcntl,vfork,fork,clone,clone3,poll,ppoll,read,wait4,sendto,close";

/// A machine on which a program can be stopped anywhere, and records to come back to.
struct Bench {
    sandbox: Sandbox,
}

/// One system call of a program that runs the same way every time: the Nth of its name.
#[derive(Clone, Debug)]
struct Step {
    name: String,
    number: usize,
    /// As strace shows it.
    text: String,
}

impl Bench {
    fn new() -> Bench {
        let sandbox = Sandbox::installed();
        for name in ["alice", "bob"] {
            sandbox.add_user(name, "correct horse");
        }
        // PAM_IGNORE would let somebody in.
        sandbox.stack("twofactor", "auth required pam_permit.so\nauth required pam_twofactor.so\n");
        Bench { sandbox }
    }

    /// What [`Bench::restore`] brings back from now on.
    fn keep(&self) {
        let lines = "rm -rf /kept; mkdir /kept; cp -a /etc/twofactor /kept/etc; cp -a /var/lib/twofactor /kept/var";
        self.sandbox.bash(lines).succeeded();
    }

    fn restore(&self) {
        let lines = "rm -rf /etc/twofactor /var/lib/twofactor
            cp -a /kept/etc /etc/twofactor
            cp -a /kept/var /var/lib/twofactor";
        self.sandbox.bash(lines).succeeded();
    }

    /// The steps of a program from the moment in which it opens the first of our files.
    fn steps(&self, program: &Program) -> Vec<Step> {
        self.restore();
        let trace = ["-o", "/run/trace", "-e", &format!("trace={}", program.calls())];
        self.traced(&trace, program).succeeded();
        let mut numbers = BTreeMap::new();
        let mut steps = Vec::new();
        for line in self.sandbox.read("/run/trace").lines() {
            let text = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
            let Some((name, _)) = text.split_once('(') else { continue };
            let number = numbers.entry(name.to_owned()).and_modify(|number| *number += 1).or_insert(1usize);
            if !steps.is_empty() || text.contains("\"/etc/twofactor\"") {
                steps.push(Step { name: name.to_owned(), number: *number, text: text.to_owned() });
            }
        }
        steps
    }

    /// Brings the records back, runs a program, and kills it as it is about to take one step.
    #[track_caller]
    fn kill(&self, step: &Step, program: &Program) -> Output {
        let output = self.kill_if_it_comes_there(step, program);
        assert_eq!(output.status.signal(), Some(libc::SIGKILL), "{step:?}: {output:?}");
        output
    }

    fn kill_if_it_comes_there(&self, step: &Step, program: &Program) -> Output {
        self.restore();
        let Step { name, number, .. } = step;
        let trace = ["-o", "/dev/null", "-e", &format!("trace={name}")];
        let inject = ["-e", &format!("inject={name}:signal=SIGKILL:when={number}")];
        self.traced(&[&trace[..], &inject[..]].concat(), program)
    }

    /// Brings the records back, and runs a program of which one step fails.
    fn fail(&self, step: &Step, error: &str, program: &Program) -> Output {
        self.restore();
        let Step { name, number, .. } = step;
        let trace = ["-o", "/dev/null", "-e", &format!("trace={name}")];
        let inject = ["-e", &format!("inject={name}:error={error}:when={number}")];
        self.traced(&[&trace[..], &inject[..]].concat(), program)
    }

    fn traced(&self, options: &[&str], program: &Program) -> Output {
        let words = program.strace().iter().chain(options).copied().map(str::to_owned);
        self.sandbox.run_with_input("strace", words.chain(program.words()), &program.input())
    }

    fn login(&self, answer: &str) -> String {
        self.login_of("alice", answer)
    }

    fn login_of(&self, user: &str, answer: &str) -> String {
        self.sandbox.pam_host(script(user, answer)).outcome().to_owned()
    }

    #[track_caller]
    fn assert_let_in_once(&self, step: &Step, answer: &str) {
        assert_eq!(self.login(answer), "PAM_SUCCESS", "{step:?}: {:?}", self.last_line());
        assert_eq!(self.login(answer), "PAM_AUTH_ERR", "{step:?}: accepted twice");
    }

    /// Logs in with the oldest code that is accepted, which the end of a step may overtake once.
    fn burn_the_oldest_code(&self, alice: &Secret) -> String {
        let mut codes = (0..2).map(|_| alice.code_in(-30));
        codes.find(|code| self.login(code) == "PAM_SUCCESS").expect("one of two codes is in time")
    }

    fn last_line(&self) -> Option<String> {
        self.sandbox.journal().lines().pop()
    }

    fn tool(&self, command: &str) -> Output {
        self.sandbox.run("twofactor", command.split(' '))
    }

    /// What `status` says, which also opens every secret.
    #[track_caller]
    fn status(&self, user: &str) -> Value {
        let output = self.tool(&format!("status {user} --json")).succeeded();
        serde_json::from_str(&output.stdout).unwrap()
    }

    fn is_enrolled(&self) -> bool {
        self.status("alice")["enrolled"] == json!(true)
    }

    fn enrolment(&self) -> Option<Vec<u8>> {
        let path = "/var/lib/twofactor/users/alice.toml";
        self.sandbox.path(path).exists().then(|| self.sandbox.read_bytes(path))
    }

    fn kept_enrolment(&self) -> Option<Vec<u8>> {
        Some(self.sandbox.read_bytes("/kept/var/users/alice.toml"))
    }

    #[track_caller]
    fn issue_recovery(&self) -> String {
        let output = self.tool("recovery alice --json").succeeded();
        let answer: Value = serde_json::from_str(&output.stdout).unwrap();
        answer["recovery_codes"][0].as_str().unwrap().to_owned()
    }

    /// Nothing that was on its way is left.
    #[track_caller]
    fn assert_no_temporary_file(&self, step: &Step) {
        let left = self.sandbox.bash("find /etc/twofactor /var/lib/twofactor -name '.*.new'").stdout;
        assert_eq!(left, "", "after {step:?} and one more run");
    }
}

/// What is interrupted.
enum Program {
    Login {
        answer: String,
    },
    /// A login that sends a code and then has no answer; the sender itself is not interrupted.
    Sending,
    Tool(&'static str),
    /// The tool at a login, given what is in /run/asked.
    AtLogin(&'static str),
}

impl Program {
    fn words(&self) -> Vec<String> {
        match self {
            Program::Login { .. } | Program::Sending => vec![pam_host().to_str().unwrap().to_owned(), "run".to_owned()],
            Program::Tool(command) => format!("twofactor {command}").split(' ').map(str::to_owned).collect(),
            Program::AtLogin(command) => {
                let line = format!("exec twofactor at-login {command} -- alice </run/asked");
                vec!["bash".to_owned(), "-c".to_owned(), line]
            }
        }
    }

    fn calls(&self) -> &'static str {
        if matches!(self, Program::Sending) { SENDING_STEPS } else { STEPS }
    }

    fn strace(&self) -> &'static [&'static str] {
        if matches!(self, Program::Sending) { &["-qq"] } else { &["-f", "-qq"] }
    }

    fn input(&self) -> String {
        match self {
            Program::Login { answer } => script("alice", answer).to_string(),
            Program::Sending => json!({ "user": "alice" }).to_string(),
            Program::Tool(_) | Program::AtLogin(_) => String::new(),
        }
    }
}

fn script(user: &str, answer: &str) -> Value {
    json!({ "user": user, "answers": [{ "text": answer }] })
}

/// The secret that `setup --qr none` showed before it saved anything.
fn shown(output: &Output) -> Option<Secret> {
    let line = output.stdout.lines().find(|line| line.starts_with("    "))?;
    Some(Secret { base32: line.replace(' ', ""), recovery_codes: Vec::new() })
}

/// So many steps lie between the first file and the last at least: a loop over none would prove nothing.
#[track_caller]
fn assert_complete(steps: &[Step], needed: &[&str]) {
    let names: BTreeSet<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    for name in needed {
        assert!(names.contains(name), "no {name} in {steps:#?}");
    }
}

#[test]
fn a_login_killed_at_any_step_lets_its_code_in_at_most_once() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    let burnt = bench.burn_the_oldest_code(&alice);
    bench.keep();
    let steps = bench.steps(&Program::Login { answer: alice.code() });
    assert_complete(&steps, &["openat", "flock", "pwrite64", "fdatasync"]);
    for step in &steps {
        let code = alice.code();
        let journal = bench.sandbox.journal().from_here();
        bench.kill(step, &Program::Login { answer: code.clone() });
        let mut times = journal.lines_with("outcome=proved").len();
        bench.status("alice");
        assert_eq!(bench.login(&burnt), "PAM_AUTH_ERR", "{step:?}: a burnt code works again");
        for _ in 0..2 {
            times += usize::from(bench.login(&code) == "PAM_SUCCESS");
        }
        assert!(times <= 1, "{step:?}: {code} was accepted {times} times");
        bench.assert_let_in_once(step, &alice.code_in(30));
        bench.assert_no_temporary_file(step);
    }
}

#[test]
fn a_login_by_recovery_code_killed_at_any_step_uses_it_at_most_once() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    let [used, code, next, ..] = alice.recovery_codes.as_slice() else { panic!("three recovery codes") };
    assert_eq!(bench.login(used), "PAM_SUCCESS");
    bench.keep();
    for step in &bench.steps(&Program::Login { answer: code.clone() }) {
        let journal = bench.sandbox.journal().from_here();
        bench.kill(step, &Program::Login { answer: code.clone() });
        let mut times = journal.lines_with("outcome=proved").len();
        bench.status("alice");
        assert_eq!(bench.login(used), "PAM_AUTH_ERR", "{step:?}: a used code works again");
        for _ in 0..2 {
            times += usize::from(bench.login(code) == "PAM_SUCCESS");
        }
        assert!(times <= 1, "{step:?}: {code} was accepted {times} times");
        bench.assert_let_in_once(step, next);
    }
}

#[test]
fn a_wrong_code_killed_at_any_step_is_counted_or_was_not_judged() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    bench.keep();
    let wrong = Program::Login { answer: alice.wrong_code() };
    for step in &bench.steps(&wrong) {
        let journal = bench.sandbox.journal().from_here();
        bench.kill(step, &wrong);
        let failures = bench.status("alice")["failures"].as_u64().unwrap();
        let told = journal.lines_with("result=wrong-code").len() as u64;
        assert!(told <= failures && failures <= 1, "{step:?}: {failures} counted, {told} told");
    }
}

#[test]
fn a_state_whose_making_is_killed_at_any_step_gives_no_code_back() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    bench.sandbox.bash("rm /var/lib/twofactor/state/alice").succeeded();
    bench.keep();
    let program = || Program::Login { answer: alice.code() };
    let steps = bench.steps(&program());
    assert_complete(&steps, &["flock", "fchmod", "write", "fsync", "renameat", "unlinkat"]);
    for step in &steps {
        bench.kill(step, &program());
        bench.status("alice");
        assert_eq!(bench.login(&alice.code()), "PAM_AUTH_ERR", "{step:?}");
        assert_eq!(bench.login(&alice.recovery_codes[0]), "PAM_AUTH_ERR", "{step:?}");
        bench.assert_let_in_once(step, &bench.issue_recovery());
        bench.assert_no_temporary_file(step);
    }
}

/// Whoever began to take the state over was stopped after sealing it: the next login goes on from there.
#[test]
fn a_take_over_killed_or_failing_at_any_step_brings_no_used_code_back() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    let [used, next, ..] = alice.recovery_codes.as_slice() else { panic!("two recovery codes") };
    let burnt = bench.burn_the_oldest_code(&alice);
    assert_eq!(bench.login(used), "PAM_SUCCESS");
    assert_eq!(bench.login(&alice.wrong_code()), "PAM_AUTH_ERR");
    let seal = "printf 2FSEALED | dd of=/var/lib/twofactor/state/alice bs=1 seek=2048 conv=notrunc status=none";
    bench.sandbox.bash(seal).succeeded();
    bench.keep();
    let wrong = Program::Login { answer: alice.wrong_code() };
    let steps = bench.steps(&wrong);
    assert_complete(&steps, &["openat", "flock", "fchmod", "write", "pwrite64", "fsync", "renameat", "fdatasync"]);
    let check = |step: &Step| {
        assert!(bench.status("alice")["failures"].as_u64().unwrap() >= 1, "{step:?}: a failure was lost");
        assert_eq!(bench.login(&burnt), "PAM_AUTH_ERR", "{step:?}: a burnt code works again");
        assert_eq!(bench.login(used), "PAM_AUTH_ERR", "{step:?}: a used code works again");
        bench.assert_let_in_once(step, next);
        bench.assert_no_temporary_file(step);
    };
    for step in &steps {
        bench.kill(step, &wrong);
        check(step);
        for error in errors(step) {
            // The step may also be the host's own report.
            bench.fail(step, error, &wrong);
            check(step);
        }
    }
}

#[test]
fn the_first_setup_of_a_host_killed_at_any_step_can_be_run_again() {
    let bench = Bench::new();
    bench.keep();
    let program = Program::Tool("setup alice --no-confirm --qr none");
    let steps = bench.steps(&program);
    // The keyring, the enrolment and the state are made.
    assert_complete(&steps, &["openat", "flock", "fchmod", "write", "fsync", "renameat", "unlinkat"]);
    assert_eq!(steps.iter().filter(|step| step.name == "renameat").count(), 3);
    for step in &steps {
        let output = bench.kill(step, &program);
        let enrolled = bench.is_enrolled();
        // Refused as unknown, let in, or counted as used; never unavailable.
        let outcome = shown(&output).map(|secret| bench.login(&secret.code()));
        match outcome.as_deref() {
            None => assert!(!enrolled, "{step:?}: enrolled with a secret that nobody saw"),
            Some("PAM_SUCCESS") => assert!(enrolled, "{step:?}"),
            Some(refused) => assert_eq!(refused, "PAM_AUTH_ERR", "{step:?}: {:?}", bench.last_line()),
        }
        let again = match (enrolled, &program) {
            (false, Program::Tool(command)) => bench.tool(command).succeeded(),
            _ => bench.tool("setup alice --no-confirm --qr none --replace").succeeded(),
        };
        bench.assert_let_in_once(step, &shown(&again).unwrap().code());
        bench.assert_let_in_once(step, &bench.issue_recovery());
        bench.assert_no_temporary_file(step);
    }
}

#[test]
fn a_second_device_killed_at_any_step_leaves_the_first_one() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    let burnt = bench.burn_the_oldest_code(&alice);
    bench.keep();
    let program = Program::Tool("setup alice --label second --no-confirm --qr none");
    let steps = bench.steps(&program);
    assert_complete(&steps, &["flock", "write", "fsync", "renameat", "pwrite64", "fdatasync"]);
    for step in &steps {
        bench.kill(step, &program);
        bench.status("alice");
        assert_eq!(bench.login(&burnt), "PAM_AUTH_ERR", "{step:?}: a burnt code works again");
        bench.assert_let_in_once(step, &alice.code());
        let again = bench.tool("setup alice --label second --no-confirm --qr none --replace").succeeded();
        bench.assert_let_in_once(step, &shown(&again).unwrap().code());
        bench.assert_let_in_once(step, &alice.code_in(30));
        bench.assert_let_in_once(step, &alice.recovery_codes[0]);
        bench.assert_no_temporary_file(step);
    }
}

#[test]
fn a_replacement_killed_at_any_step_leaves_the_old_secret_or_the_new_one() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    bench.keep();
    let program = Program::Tool("setup alice --replace --no-confirm --qr none");
    let mut kept = BTreeSet::new();
    for step in &bench.steps(&program) {
        let output = bench.kill(step, &program);
        bench.status("alice");
        let old = bench.enrolment() == bench.kept_enrolment();
        kept.insert(old);
        if old {
            bench.assert_let_in_once(step, &alice.code());
        } else {
            assert_eq!(bench.login(&alice.code()), "PAM_AUTH_ERR", "{step:?}: the secret that was replaced");
            // Between the enrolment and the state, the new secret counts as used until the window is over.
            let outcome = bench.login(&shown(&output).unwrap().code());
            assert!(["PAM_SUCCESS", "PAM_AUTH_ERR"].contains(&outcome.as_str()), "{step:?}: {outcome}");
        }
        let again = bench.sandbox.run("twofactor", program.words().iter().skip(1)).succeeded();
        bench.assert_let_in_once(step, &shown(&again).unwrap().code());
        assert_eq!(bench.login(&alice.code_in(30)), "PAM_AUTH_ERR", "{step:?}: the secret that was replaced");
        bench.assert_let_in_once(step, &alice.recovery_codes[0]);
        bench.assert_no_temporary_file(step);
    }
    assert_eq!(kept.len(), 2, "it was killed on both sides of the change");
}

#[test]
fn an_issue_of_recovery_codes_killed_at_any_step_leaves_the_old_ones_or_new_ones() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    let (used, unused) = (&alice.recovery_codes[0], &alice.recovery_codes[1]);
    assert_eq!(bench.login(used), "PAM_SUCCESS");
    bench.keep();
    let program = Program::Tool("recovery alice");
    let mut kept = BTreeSet::new();
    for step in &bench.steps(&program) {
        bench.kill(step, &program);
        bench.status("alice");
        assert_eq!(bench.login(used), "PAM_AUTH_ERR", "{step:?}: a used code works again");
        let old = bench.enrolment() == bench.kept_enrolment();
        kept.insert(old);
        assert_eq!(bench.login(unused), if old { "PAM_SUCCESS" } else { "PAM_AUTH_ERR" }, "{step:?}");
        bench.assert_let_in_once(step, &alice.code());
        bench.assert_let_in_once(step, &bench.issue_recovery());
        assert_eq!(bench.login(&alice.recovery_codes[2]), "PAM_AUTH_ERR", "{step:?}: an earlier issue");
        bench.assert_no_temporary_file(step);
    }
    assert_eq!(kept.len(), 2, "it was killed on both sides of the change");
}

#[test]
fn a_removal_killed_at_any_step_lets_nobody_in_and_can_be_run_again() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    let burnt = alice.code();
    assert_eq!(bench.login(&burnt), "PAM_SUCCESS");
    bench.keep();
    for command in ["remove alice", "remove alice --method recovery"] {
        let program = Program::Tool(command);
        let steps = bench.steps(&program);
        for step in &steps {
            bench.kill(step, &program);
            let enrolled = bench.is_enrolled();
            assert_eq!(bench.login(&burnt), "PAM_AUTH_ERR", "{command}, {step:?}: a burnt code works again");
            let again = bench.tool(command);
            assert!(again.status.success() || again.stderr.contains("error: "), "{command}, {step:?}: {again:?}");
            if command == "remove alice" {
                assert_eq!(again.status.success(), enrolled, "{step:?}: {again:?}");
                assert!(!bench.is_enrolled(), "{step:?}");
                // Nothing of the old state weighs on who is enrolled anew.
                let again = bench.tool("setup alice --no-confirm --qr none").succeeded();
                bench.assert_let_in_once(step, &shown(&again).unwrap().code());
            } else {
                assert_eq!(bench.login(&alice.recovery_codes[0]), "PAM_AUTH_ERR", "{step:?}: a removed code");
                bench.assert_let_in_once(step, &alice.code_in(30));
            }
            bench.assert_no_temporary_file(step);
        }
    }
}

/// What alice has after a set-up at a login up to the moment in which it is saved, and that is kept.
struct Invited {
    app: Secret,
    proved: String,
    sealed: String,
}

fn invited(bench: &Bench) -> Invited {
    let shown = bench.tool("invite alice").succeeded().stdout;
    let ticket = shown.lines().find_map(|line| line.strip_prefix("    ")).expect("a code").replace('-', "");
    let begun = bench.sandbox.begin_set_up("testhost", "alice");
    let (mut app, proved) = (begun.app(), begun.app().code());
    let asked = [begun.secret.as_str(), &proved, &ticket];
    let ready = bench.sandbox.at_login("at-login prepare -- alice", &asked);
    assert_eq!(ready[0], "ready");
    app.recovery_codes = ready[1].lines().map(str::to_owned).collect();
    bench.keep();
    Invited { app, proved, sealed: ready[2].clone() }
}

#[test]
fn a_set_up_at_a_login_killed_as_it_is_saved_is_saved_or_can_be_and_its_invitation_is_good_once() {
    let bench = Bench::new();
    let Invited { app, proved, sealed } = invited(&bench);
    bench.sandbox.write("/run/asked", framed(&[&sealed]), 0o600);
    let program = Program::AtLogin("confirm");
    let steps = bench.steps(&program);
    // The enrolment and the state are made, and the invitation goes.
    assert_complete(&steps, &["openat", "flock", "fchmod", "write", "fsync", "renameat", "unlinkat"]);
    let confirm = || bench.sandbox.at_login("at-login confirm -- alice", &[&sealed]);
    let mut saved = BTreeSet::new();
    for step in &steps {
        bench.kill(step, &program);
        let enrolled = bench.is_enrolled();
        saved.insert(enrolled);
        let again = confirm();
        let expected = if enrolled { ["failed", "alice: already enrolled"] } else { ["done", ""] };
        assert_eq!(again, expected, "{step:?}");
        assert_eq!(bench.login(&proved), "PAM_AUTH_ERR", "{step:?}: the code that proved the app");
        if enrolled {
            // Without a state, everything counts as used.
            let outcome = bench.login(&app.recovery_codes[0]);
            assert!(["PAM_SUCCESS", "PAM_AUTH_ERR"].contains(&outcome.as_str()), "{step:?}: {outcome}");
        } else {
            bench.assert_let_in_once(step, &app.recovery_codes[0]);
        }
        bench.tool("remove alice").succeeded();
        assert_eq!(confirm(), ["failed", "alice: there is no such invitation"], "{step:?}");
        bench.tool("setup alice --no-confirm --qr none").succeeded();
        bench.assert_no_temporary_file(step);
    }
    assert_eq!(saved.len(), 2, "it was killed on both sides of the change");
}

#[test]
fn a_set_up_at_a_login_of_which_any_step_fails_is_told_so_and_is_not_saved() {
    let bench = Bench::new();
    let Invited { app, sealed, .. } = invited(&bench);
    let code = app.code();
    for (command, asked) in [("prepare", &[app.base32.as_str(), &code, ""][..]), ("confirm", &[&sealed])] {
        bench.sandbox.write("/run/asked", framed(asked), 0o600);
        let program = Program::AtLogin(command);
        for step in &bench.steps(&program) {
            for error in errors(step) {
                let output = bench.fail(step, error, &program);
                let case = format!("{command}: {error} of {}: {output:?}", step.text);
                let is_told = |word: &str| output.stdout.contains(word);
                let is_answered = ["failed", "done", "ready"].into_iter().any(is_told);
                assert_eq!(output.status.success(), is_answered, "{case}");
                let left = bench.sandbox.bash("find /var/lib/twofactor -name '.*.new'").stdout;
                assert!(left.is_empty() || step.name == "unlinkat", "{case}: {left}");
                // Where the answer itself cannot be written, the work is done.
                let is_done = is_told("done") || step.text.contains("done");
                assert_eq!(bench.is_enrolled(), is_done, "{case}");
                // An invitation whose removal could not be made durable is gone all the same.
                let is_invited = !bench.status("alice")["invited_until"].is_null();
                assert!(is_invited != is_done || (step.name == "fsync" && !is_done), "{case}");
            }
        }
    }
}

#[test]
fn a_rotation_of_keys_killed_at_any_step_loses_nobodys_secret() {
    let bench = Bench::new();
    let users = ["alice", "bob"].map(|user| (user, bench.sandbox.enrol(user)));
    bench.keep();
    let program = Program::Tool("keys rotate --retire");
    let steps = bench.steps(&program);
    assert_eq!(steps.iter().filter(|step| step.name == "renameat").count(), 4, "two keyrings, two enrolments");
    for step in &steps {
        bench.kill(step, &program);
        for (user, secret) in &users {
            bench.status(user);
            assert_eq!(bench.login_of(user, &secret.code()), "PAM_SUCCESS", "{step:?}: {:?}", bench.last_line());
        }
        bench.tool("keys rotate --retire").succeeded();
        for (user, secret) in &users {
            assert_eq!(bench.login_of(user, &secret.code_in(30)), "PAM_SUCCESS", "{step:?}: {:?}", bench.last_line());
        }
        let keys = bench.tool("keys list --json").succeeded().stdout;
        assert_eq!(keys.matches("\"number\"").count(), 1, "{step:?}: {keys}");
        bench.assert_no_temporary_file(step);
    }
}

#[test]
fn an_unlock_killed_at_any_step_gives_no_code_back() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    let burnt = alice.code();
    assert_eq!(bench.login(&burnt), "PAM_SUCCESS");
    bench.sandbox.bash("truncate -s 100 /var/lib/twofactor/state/alice").succeeded();
    bench.keep();
    let program = Program::Tool("unlock alice");
    for step in &bench.steps(&program) {
        bench.kill(step, &program);
        assert_ne!(bench.login(&burnt), "PAM_SUCCESS", "{step:?}: a burnt code works again");
        bench.tool("unlock alice").succeeded();
        bench.assert_let_in_once(step, &bench.issue_recovery());
        bench.assert_no_temporary_file(step);
    }
}

#[test]
fn a_login_by_mailed_code_killed_at_any_step_lets_it_in_at_most_once() {
    let bench = Bench::new();
    let mut mailbox = by_mail(&bench);
    assert_eq!(bench.login(""), "PAM_AUTH_ERR");
    let code = mailbox.next_letter().code();
    bench.keep();
    let steps = bench.steps(&Program::Login { answer: code.clone() });
    assert_complete(&steps, &["openat", "flock", "pwrite64", "fdatasync"]);
    let mut used = BTreeSet::new();
    for step in &steps {
        let journal = bench.sandbox.journal().from_here();
        bench.kill(step, &Program::Login { answer: code.clone() });
        let let_in = journal.lines_with("outcome=proved").len();
        let times = let_in + (0..2).filter(|_| bench.login(&code) == "PAM_SUCCESS").count();
        assert!(times <= 1, "{step:?}: {code} was accepted {times} times");
        used.insert(times);
        bench.assert_no_temporary_file(step);
    }
    assert!(used.contains(&1), "the code was never accepted");
}

#[test]
fn a_login_that_sends_a_code_killed_at_any_step_sends_no_more_than_is_counted() {
    let bench = Bench::new();
    let mut mailbox = by_mail(&bench);
    bench.keep();
    let steps = sending_steps(&bench);
    let mut sent = BTreeMap::new();
    for step in &steps {
        // How many random bytes are thrown away, and how often the sender is looked after, is not always the same.
        let is_killed = bench.kill_if_it_comes_there(step, &Program::Sending).status.signal() == Some(libc::SIGKILL);
        assert!(is_killed || ["getrandom", "wait4", "poll", "read"].contains(&step.name.as_str()), "{step:?}");
        let before = at_most_one_letter_and_one_use(&bench, &mut mailbox, step);
        *sent.entry((is_killed, before)).or_insert(0) += 1;
    }
    assert!(sent[&(true, 0)] > 10 && sent[&(true, 1)] > 3, "killed before the letter and after it: {sent:?}");
}

#[test]
fn a_login_that_sends_a_code_of_which_any_step_fails_is_true_and_sends_no_more_than_is_counted() {
    let bench = Bench::new();
    let mut mailbox = by_mail(&bench);
    bench.keep();
    let mut prompts = BTreeSet::new();
    for step in &sending_steps(&bench) {
        for error in sending_errors(step) {
            let journal = bench.sandbox.journal().from_here();
            let output = bench.fail(step, error, &Program::Sending).succeeded();
            let report: Report = serde_json::from_str(&output.stdout).unwrap();
            let case = format!("{error} of {}: {:?}", step.text, journal.lines());
            assert_ne!(report.outcome(), "PAM_SUCCESS", "{case}");
            assert_eq!(report.after.children, [0; 0], "{case}");
            let prompt = report.cycle().prompts().first().map_or("none", |prompt| *prompt).to_owned();
            wait_until_nobody_sends(&bench);
            if prompt.contains("(sent to ") {
                assert!(mailbox.waiting() == 1 || journal.lines_with("result=withheld").len() == 1, "a lie: {case}");
            }
            prompts.insert(prompt);
            at_most_one_letter_and_one_use(&bench, &mut mailbox, step);
        }
    }
    let could_not = |prompt: &String| prompt.contains("(could not be sent to ");
    assert!(prompts.iter().any(could_not) && prompts.contains("none"), "{prompts:?}");
}

/// alice gets her codes by mail, one an hour; nobody waits for another one.
fn by_mail(bench: &Bench) -> Mailbox {
    let config = "methods = ['email']\n[code]\nsends_per_hour = 1\nresend_after = '1h'\nlifetime = '1h'\n\
        [limits]\nfree_failures = 100\n[mail]\nfrom = 'twofactor@example.test'\ntransports = ['maildir']\n";
    bench.sandbox.write("/etc/twofactor/config.toml", config, 0o644);
    bench.sandbox.bash("install -d -o twofactor -g twofactor -m 700 /var/spool/twofactor").succeeded();
    bench.tool("setup alice --method email --address alice@example.test --no-confirm --json").succeeded();
    Mailbox::at(&bench.sandbox, "/var/spool/twofactor")
}

/// The steps until the host itself looks around.
fn sending_steps(bench: &Bench) -> Vec<Step> {
    let mut steps = bench.steps(&Program::Sending);
    wait_until_nobody_sends(bench);
    bench.sandbox.bash("rm -rf /var/spool/twofactor/*").succeeded();
    let end = steps.iter().position(|step| step.text.contains("\"/proc/self/")).unwrap();
    steps.truncate(end);
    assert_complete(&steps, &["openat", "flock", "pwrite64", "fdatasync", "pipe2", "poll", "read", "wait4", "close"]);
    steps
}

/// Whatever was interrupted: with the logins that follow no more than one letter has come, its code gets in once, and
/// no other letter follows it. Returns how many had come before.
#[track_caller]
fn at_most_one_letter_and_one_use(bench: &Bench, mailbox: &mut Mailbox, step: &Step) -> usize {
    wait_until_nobody_sends(bench);
    let before = mailbox.waiting();
    assert_eq!(bench.login(""), "PAM_AUTH_ERR", "{step:?}: {:?}", bench.last_line());
    wait_until_nobody_sends(bench);
    let letters: Vec<_> = (0..mailbox.waiting()).map(|_| mailbox.next_letter()).collect();
    assert!(letters.len() <= 1, "{step:?}: {} letters", letters.len());
    for letter in letters {
        bench.assert_let_in_once(step, &letter.code());
        assert_eq!(mailbox.waiting(), 0, "{step:?}: one more letter");
    }
    before
}

fn wait_until_nobody_sends(bench: &Bench) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !bench.sandbox.processes("twofactor-deliver").is_empty() {
        assert!(Instant::now() < deadline, "the sender does not come to an end");
        // Nobody of them is a child of ours.
        thread::sleep(Duration::from_millis(1));
    }
}

/// What each system call of a login that sends can answer on a bad day.
fn sending_errors(step: &Step) -> &'static [&'static str] {
    match step.name.as_str() {
        "pipe2" | "memfd_create" | "fcntl" => &["EMFILE"],
        "vfork" | "fork" | "clone" | "clone3" => &["EAGAIN", "ENOMEM"],
        "poll" | "ppoll" => &["EINTR", "ENOMEM"],
        "read" => &["EIO", "EINTR"],
        "getrandom" => &["ENOSYS"],
        "sendto" => &["ECONNREFUSED"],
        // Done all the same or not needed, which an injected error would not make so.
        "close" | "wait4" => &[],
        _ => errors(step),
    }
}

/// What each system call can answer on a bad day.
fn errors(step: &Step) -> &'static [&'static str] {
    match step.name.as_str() {
        "openat" => &["EMFILE", "EIO"],
        "flock" => &["ENOLCK"],
        "write" | "pwrite64" => &["ENOSPC", "EIO"],
        "fsync" | "fdatasync" => &["EIO", "ENOSPC"],
        "unlinkat" | "unlink" | "fchmod" => &["EROFS"],
        _ => &["EIO"],
    }
}

#[test]
fn a_login_of_which_any_step_fails_is_not_granted_or_is_durable() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    bench.keep();
    let program = || Program::Login { answer: alice.code() };
    let mut steps = bench.steps(&program());
    // The host itself looks around afterwards.
    let last = steps.iter().rposition(|step| step.name == "pwrite64").unwrap();
    steps.truncate(last + 1);
    for (at, step) in steps.iter().enumerate() {
        for error in errors(step) {
            let code = alice.code();
            let journal = bench.sandbox.journal().from_here();
            let output = bench.fail(step, error, &Program::Login { answer: code.clone() }).succeeded();
            let report: Report = serde_json::from_str(&output.stdout).unwrap();
            let lines = journal.lines();
            let outcome = report.outcome();
            if at == last {
                // What is durable counts, though its copy is not.
                assert_eq!(outcome, "PAM_SUCCESS", "{step:?} {error}: {lines:?}");
            } else if ["\"/etc/passwd\"", "\"/etc/nsswitch.conf\""].iter().any(|file| step.text.contains(file)) {
                // Not a file of ours; and the C library may ask the next source, which does not know the user.
                assert!(["PAM_AUTHINFO_UNAVAIL", "PAM_AUTH_ERR"].contains(&outcome), "{error}: {outcome}, {lines:?}");
            } else {
                assert!(["PAM_AUTHINFO_UNAVAIL", "PAM_SYSTEM_ERR"].contains(&outcome), "{step:?} {error}: {lines:?}");
                assert_eq!(lines.len(), 1, "{step:?} {error}: {lines:?}");
                let named = [" error=\"/etc/twofactor", " error=\"/var/lib/twofactor"];
                assert!(named.iter().any(|name| lines[0].contains(name)), "{step:?} {error}: {lines:?}");
            }
            let granted = usize::from(outcome == "PAM_SUCCESS");
            let times = granted + (0..2).filter(|_| bench.login(&code) == "PAM_SUCCESS").count();
            assert!(times <= 1, "{step:?} {error}: {code} was accepted {times} times");
            bench.assert_let_in_once(step, &alice.code_in(30));
        }
    }
}

#[test]
fn a_setup_of_which_any_step_fails_says_so_and_leaves_the_old_enrolment() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    let used = [alice.recovery_codes[0].clone(), bench.burn_the_oldest_code(&alice)];
    assert_eq!(bench.login(&used[0]), "PAM_SUCCESS");
    bench.keep();
    let second = "setup alice --label second --no-confirm --qr none";
    let replace = "setup alice --replace --no-confirm --qr none";
    let damaged = [second, replace].map(|command| changed_by_failing(&bench, command, &used));
    assert_eq!(damaged.concat(), [""; 0], "each failed and the enrolment is another one");
}

#[test]
fn a_change_of_recovery_codes_of_which_any_step_fails_says_so_and_leaves_the_old_ones() {
    let bench = Bench::new();
    let alice = bench.sandbox.enrol("alice");
    let used = [alice.recovery_codes[0].clone(), bench.burn_the_oldest_code(&alice)];
    assert_eq!(bench.login(&used[0]), "PAM_SUCCESS");
    bench.keep();
    let commands = ["recovery alice", "remove alice --method recovery"];
    let damaged = commands.map(|command| changed_by_failing(&bench, command, &used));
    assert_eq!(damaged.concat(), [""; 0], "each failed and the enrolment is another one");
}

/// Lets every step of a command fail, and answers which failures changed the enrolment all the same.
#[track_caller]
fn changed_by_failing(bench: &Bench, command: &'static str, used: &[String]) -> Vec<String> {
    let program = Program::Tool(command);
    let mut changed = Vec::new();
    for step in &bench.steps(&program) {
        for error in errors(step) {
            let output = bench.fail(step, error, &program);
            let case = format!("{command}: {error} of {}", step.text);
            bench.status("alice");
            for code in used {
                assert_eq!(bench.login(code), "PAM_AUTH_ERR", "{case}: a used code works again");
            }
            // What failed may not matter (a lock that is tried again, a copy of what is durable).
            if output.status.success() {
                continue;
            }
            assert_eq!(output.status.code(), Some(1), "{case}: {output:?}");
            let lines: Vec<&str> = output.stderr.lines().collect();
            let formed = lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with("hint: ");
            // Where standard error itself fails, nobody can be told.
            assert!(formed || step.text.starts_with("write(2"), "{case}: {lines:?}");
            // Standard output comes before the change and after it; what came after is done.
            if !step.text.starts_with("write(1") && bench.enrolment() != bench.kept_enrolment() {
                changed.push(case);
            }
        }
    }
    changed
}
