//! What the control words of a stack make of our answers: measured, so that nobody has to believe a table.

use std::fs;

use serde_json::json;
use support::{Sandbox, Secret, checkout};

/// How our module can end, and the code that it then gives.
const ENDS: [(&str, &str); 6] = [
    ("proved", "PAM_SUCCESS"),
    ("not due", "PAM_IGNORE"),
    ("refused", "PAM_AUTH_ERR"),
    ("throttled", "PAM_MAXTRIES"),
    ("unavailable", "PAM_AUTHINFO_UNAVAIL"),
    ("misconfigured", "PAM_SYSTEM_ERR"),
];

/// In front of a module that says yes, as a password that was right does.
#[test]
fn only_required_and_requisite_keep_anybody_out() {
    let machine = Machine::new();
    for (control, lets_in) in [
        ("required", [true, true, false, false, false, false]),
        ("requisite", [true, true, false, false, false, false]),
        ("[success=1 ignore=1 default=die]", [true, true, false, false, false, false]),
        // These are worth nothing.
        ("sufficient", [true; 6]),
        ("optional", [true; 6]),
        ("[success=ok default=ignore]", [true; 6]),
    ] {
        let skipped = if control.contains("=1") { "auth requisite pam_deny.so\n" } else { "" };
        for ((end, _), expected) in ENDS.iter().zip(lets_in) {
            let stack = |line: &str| format!("auth {control} {line}\n{skipped}auth required pam_permit.so\n");
            let outcome = machine.end(end, &stack);
            assert_eq!(outcome == "PAM_SUCCESS", expected, "{control}, {end}: {outcome}");
        }
    }
}

#[test]
fn the_shipped_stacks_let_in_who_has_proved_it_or_need_not_and_nobody_else() {
    let machine = Machine::new();
    for file in ["sshd", "sshd-key", "sudo", "sudo-i", "login", "su"] {
        let text = fs::read_to_string(checkout().join("pam.d").join(file)).unwrap();
        // A password that was right; and nobody who is root already. No test waits.
        let lines = text.replace("@include common-auth", "auth required pam_permit.so");
        let ours =
            |line: &&str| line.starts_with("auth") && !line.contains("pam_rootok") && !line.contains("pam_faildelay");
        let auth: Vec<_> = lines.lines().filter(ours).collect();
        for (end, code) in ENDS {
            let stack =
                |line: &str| auth.iter().map(|auth| auth.replace("pam_twofactor.so", line) + "\n").collect::<String>();
            let outcome = machine.end(end, &stack);
            let expected = match code {
                "PAM_IGNORE" => "PAM_SUCCESS",
                code => code,
            };
            assert_eq!(outcome, expected, "{file}, {end}");
        }
    }
}

#[test]
fn a_stack_of_our_module_alone_needs_somebody_who_says_yes() {
    let machine = Machine::new();
    let alone = |line: &str| format!("auth required {line}\n");
    assert_eq!(machine.end("proved", &alone), "PAM_SUCCESS");
    assert_eq!(machine.end("not due", &alone), "PAM_PERM_DENIED", "nobody said yes");
}

struct Machine {
    sandbox: Sandbox,
    alice: Secret,
}

impl Machine {
    fn new() -> Machine {
        let sandbox = Sandbox::installed();
        sandbox.add_user("alice", "correct horse");
        let alice = sandbox.enrol("alice");
        sandbox.bash("cp -p /var/lib/twofactor/state/alice /run/state-as-enrolled").succeeded();
        Machine { sandbox, alice }
    }

    /// Brings our module to an end in a stack, and says what became of the whole.
    fn end(&self, end: &str, stack: &dyn Fn(&str) -> String) -> String {
        self.sandbox.bash("cat /run/state-as-enrolled >/var/lib/twofactor/state/alice").succeeded();
        let (mut line, mut settings, mut answer) = ("pam_twofactor.so nodelay", "", self.alice.wrong_code());
        match end {
            "proved" => answer = self.alice.code(),
            "not due" => settings = "policy.mode = 'off'\n",
            "throttled" => settings = "[limits]\nfree_failures = 0\n",
            "misconfigured" => line = "pam_twofactor.so nodelay nullok",
            "unavailable" => drop(self.sandbox.bash("chmod 0777 /var/lib/twofactor/users").succeeded()),
            _ => {}
        }
        self.sandbox.write("/etc/twofactor/config.toml", settings, 0o644);
        if settings.is_empty() {
            self.sandbox.bash("rm /etc/twofactor/config.toml").succeeded();
        }
        self.sandbox.stack("twofactor", &stack(line));
        let answers = vec![json!({ "text": answer }); 3];
        let cycle = self.sandbox.pam_host(json!({ "user": "alice", "answers": answers })).cycle().clone();
        self.sandbox.bash("chmod 0700 /var/lib/twofactor/users").succeeded();
        cycle.outcome().to_owned()
    }
}
