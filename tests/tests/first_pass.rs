//! Hosts that ask for one thing only: a password and a code in one answer, passed on from module to module as
//! pam_google_authenticator(8) documents it, whose own module is asked the same questions where it is installed.

use serde_json::json;
use support::{Cycle, Sandbox, Secret, oathtool};

const PASSWORD: &str = "correct horse 99";
const BOTH: &str = "Password & verification code: ";
const ONLY: &str = "Verification code: ";

#[test]
fn the_eight_combinations_of_the_three_words() {
    let machine = Machine::new();
    // What a module before us was given, and what somebody types at our own prompt.
    let (wrong, none) = (format!("{PASSWORD}{}", machine.alice.wrong_code()), PASSWORD.to_owned());
    for (words, asks_first, first_counts, asked_with) in [
        ("", true, false, ONLY),
        ("try_first_pass", false, true, ONLY),
        ("use_first_pass", false, true, ""),
        ("forward_pass", true, false, BOTH),
        ("try_first_pass forward_pass", false, true, BOTH),
        ("use_first_pass forward_pass", false, true, ""),
        ("try_first_pass use_first_pass", false, true, ""),
        ("try_first_pass use_first_pass forward_pass", false, true, ""),
    ] {
        for (first, is_right, has_code) in
            [(machine.both(), true, true), (wrong.clone(), false, true), (none.clone(), false, false)]
        {
            let case = format!("{words:?} after {first:?}");
            machine.forget_everything();
            machine.stack(&[
                "optional pam_exec.so quiet expose_authtok /bin/true",
                &format!("required pam_twofactor.so {words}"),
                "required pam_permit.so",
            ]);
            let answer = if asked_with == BOTH { machine.both() } else { machine.alice.code() };
            let cycle = machine.login(&[&first, &answer]);
            // The first prompt is pam_exec's.
            let asked: Vec<_> = cycle.prompts()[1..].to_vec();
            if asks_first {
                assert_eq!((asked.as_slice(), cycle.outcome()), (&[asked_with][..], "PAM_SUCCESS"), "{case}");
                continue;
            }
            assert!(first_counts);
            match (is_right, asked_with) {
                (true, _) => assert!(asked.is_empty() && cycle.outcome() == "PAM_SUCCESS", "{case}: {asked:?}"),
                (false, "") => assert!(asked.is_empty() && cycle.outcome() == "PAM_AUTH_ERR", "{case}: {asked:?}"),
                (false, beginning) => {
                    let remark = if has_code { "(wrong code, 2 tries left, ? for help) " } else { "" };
                    assert_eq!(
                        (asked, cycle.outcome()),
                        (vec![format!("{beginning}{remark}").as_str()], "PAM_SUCCESS"),
                        "{case}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_stands_before_the_code_is_the_password_of_the_next_module() {
    for password in
        ["correct horse 99", "hunter2", "p\u{e4}\u{df}\u{20ac} 123456", "12345678", "k7qm-3r9x-t2vd-8hwn", "x"]
    {
        let mut machine = Machine::with_password(password);
        machine.stack(&["required pam_twofactor.so forward_pass", "required pam_unix.so use_first_pass nodelay"]);
        let code = machine.alice.code();
        let cycle = machine.login(&[&format!("{password}{code}")]);
        assert_eq!((cycle.prompts(), cycle.outcome()), (vec![BOTH], "PAM_SUCCESS"), "{password}");
        let sheet = machine.alice.recovery_codes.pop().unwrap();
        assert_eq!(machine.login(&[&format!("{password}{sheet}")]).outcome(), "PAM_SUCCESS", "{password}");
        let sheet = machine.alice.recovery_codes.pop().unwrap().replace('-', "");
        assert_eq!(machine.login(&[&format!("{password}{sheet}")]).outcome(), "PAM_SUCCESS", "{password}");
        // The right code and a password that is not.
        let sheet = machine.alice.recovery_codes.pop().unwrap();
        assert_eq!(machine.login(&[&format!("no{password}{sheet}")]).outcome(), "PAM_AUTH_ERR", "{password}");
        let log = machine.sandbox.journal().lines().join("\n");
        assert!(!log.contains("hunter") && !log.contains("horse") && !log.contains(&code), "{log}");
    }
}

#[test]
fn a_code_of_eight_digits_is_told_from_a_password_that_ends_in_digits() {
    let machine = Machine::with_password("secret12");
    machine.sandbox.write("/etc/twofactor/config.toml", "[totp]\ndigits = 8\n", 0o644);
    machine.sandbox.run("twofactor", ["remove", "alice"]).succeeded();
    let alice = machine.sandbox.enrol("alice");
    machine.stack(&["required pam_twofactor.so forward_pass", "required pam_unix.so use_first_pass nodelay"]);
    let code = oathtool(&alice.base32, &["--totp", "--digits=8"]);
    assert_eq!(machine.login(&[&format!("secret12{code}")]).outcome(), "PAM_SUCCESS");
}

#[test]
fn a_password_that_was_right_brings_its_code_along() {
    let machine = Machine::new();
    // pam_unix would refuse the two together; a module that takes them in has to come first.
    for words in ["try_first_pass", "use_first_pass"] {
        machine.forget_everything();
        machine.stack(&[
            "optional pam_exec.so quiet expose_authtok /bin/true",
            &format!("required pam_twofactor.so {words} forward_pass"),
            "required pam_unix.so use_first_pass nodelay",
        ]);
        let cycle = machine.login(&[&machine.both()]);
        assert_eq!((cycle.prompts().len(), cycle.outcome()), (1, "PAM_SUCCESS"), "{words}");
    }
}

#[test]
fn a_password_is_handed_on_where_nobody_is_kept_out() {
    let machine = Machine::new();
    machine.stack(&["required pam_twofactor.so forward_pass", "required pam_unix.so use_first_pass nodelay"]);
    machine.sandbox.write("/etc/twofactor/config.toml", "[policy]\nmode = 'monitor'\n", 0o644);
    let wrong = format!("{PASSWORD}{}", machine.alice.wrong_code());
    assert_eq!(machine.login(&[&wrong, &wrong, &wrong]).outcome(), "PAM_SUCCESS");
    assert_eq!(machine.login(&[PASSWORD, PASSWORD, PASSWORD]).outcome(), "PAM_SUCCESS");
    assert_eq!(machine.login(&["wrong", "wrong", "wrong"]).outcome(), "PAM_AUTH_ERR", "of the password");
}

#[test]
fn guesses_that_come_as_passwords_count_like_any_other() {
    let machine = Machine::new();
    machine.stack(&["optional pam_exec.so quiet expose_authtok /bin/true", "required pam_twofactor.so use_first_pass"]);
    let guess = format!("{PASSWORD}{}", machine.alice.wrong_code());
    let workers = vec![json!({}); 20];
    let common = json!({ "user": "alice", "answers": [{ "text": guess }] });
    machine.sandbox.write("/etc/twofactor/config.toml", "[limits]\nfree_failures = 90\n", 0o644);
    let cycles = machine.sandbox.race(json!({ "common": common, "barrier": "prompt", "workers": workers }));
    assert!(cycles.iter().all(|cycle| cycle.outcome() == "PAM_AUTH_ERR"));
    assert_eq!(machine.failures(), 20);
    // What has no code in it is no guess.
    assert_eq!(machine.login(&[PASSWORD]).outcome(), "PAM_AUTH_ERR");
    assert_eq!(machine.failures(), 20);
}

#[test]
fn one_answer_to_every_prompt_is_one_failure() {
    let machine = Machine::new();
    machine.stack(&["required pam_twofactor.so forward_pass nodelay"]);
    let wrong = format!("{PASSWORD}{}", machine.alice.wrong_code());
    let cycle = machine.login(&[&wrong, &wrong, &wrong]);
    assert_eq!((cycle.prompts().len(), cycle.outcome()), (3, "PAM_AUTH_ERR"));
    assert_eq!(machine.failures(), 1);
    let other = format!("x{wrong}");
    machine.login(&[&wrong, &other, &wrong]);
    assert_eq!(machine.failures(), 4, "three answers, each other than the one before");
}

#[test]
fn strangers_are_asked_and_refused_in_the_same_words() {
    let machine = Machine::new();
    machine.stack(&["required pam_twofactor.so forward_pass"]);
    let wrong = format!("{PASSWORD}{}", machine.alice.wrong_code());
    let [alice, bob, mallory] =
        ["alice", "bob", "mallory"].map(|user| machine.login_as(user, &[&wrong, &wrong, &wrong]));
    assert_eq!(alice.prompts(), bob.prompts());
    assert_eq!(alice.prompts(), mallory.prompts());
    assert_eq!([&alice, &bob, &mallory].map(Cycle::outcome), ["PAM_AUTH_ERR"; 3]);
}

#[test]
fn pam_google_authenticator_answers_the_same() {
    let machine = Machine::new();
    let theirs = format!("{}\n\" TOTP_AUTH\n", machine.alice.base32);
    machine.sandbox.write("/home/alice/.google_authenticator", theirs, 0o600);
    machine.sandbox.bash("chown alice: /home/alice/.google_authenticator").succeeded();
    let first = "optional pam_exec.so quiet expose_authtok /bin/true";
    for words in [
        "",
        "try_first_pass",
        "use_first_pass",
        "forward_pass",
        "try_first_pass forward_pass",
        "use_first_pass forward_pass",
        "try_first_pass use_first_pass",
        "use_first_pass try_first_pass",
        "try_first_pass use_first_pass forward_pass",
    ] {
        let forwards = words.contains("forward");
        let after = if forwards { "required pam_unix.so use_first_pass nodelay" } else { "required pam_permit.so" };
        for given in [machine.both(), PASSWORD.to_owned()] {
            let answer = if forwards { machine.both() } else { machine.alice.code() };
            let [theirs, ours] = ["pam_google_authenticator.so", "pam_twofactor.so nodelay"].map(|module| {
                machine.forget_everything();
                machine.stack(&[first, &format!("required {module} {words}"), after]);
                let cycle = machine.login(&[&given, &answer]);
                (cycle.prompts().len(), cycle.outcome().to_owned())
            });
            assert_eq!(ours, theirs, "{words:?} after {given:?}");
        }
    }
}

/// A machine with alice, who is enrolled, and bob, who is not.
struct Machine {
    sandbox: Sandbox,
    password: String,
    alice: Secret,
}

impl Machine {
    fn new() -> Machine {
        Machine::with_password(PASSWORD)
    }

    fn with_password(password: &str) -> Machine {
        let sandbox = Sandbox::installed();
        sandbox.add_user("alice", password);
        sandbox.add_user("bob", password);
        let alice = sandbox.enrol("alice");
        Machine { sandbox, password: password.to_owned(), alice }
    }

    fn stack(&self, lines: &[&str]) {
        self.sandbox.stack("twofactor", &lines.iter().map(|line| format!("auth {line}\n")).collect::<String>());
    }

    fn both(&self) -> String {
        format!("{}{}", self.password, self.alice.code())
    }

    fn login(&self, answers: &[&str]) -> Cycle {
        self.login_as("alice", answers)
    }

    fn login_as(&self, user: &str, answers: &[&str]) -> Cycle {
        let answers: Vec<_> = answers.iter().map(|answer| json!({ "text": answer })).collect();
        self.sandbox.pam_host(json!({ "user": user, "answers": answers })).cycle().clone()
    }

    fn failures(&self) -> u64 {
        let status = self.sandbox.run("twofactor", ["status", "alice", "--json"]).succeeded().stdout;
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        status["failures"].as_u64().unwrap()
    }

    /// The same enrolment on a machine where nothing was used yet.
    fn forget_everything(&self) {
        if !self.sandbox.path("/run/state-as-enrolled").exists() {
            self.sandbox.bash("cp -p /var/lib/twofactor/state/alice /run/state-as-enrolled").succeeded();
        }
        self.sandbox.bash("cat /run/state-as-enrolled >/var/lib/twofactor/state/alice").succeeded();
    }
}
