//! The doors of a machine: the real programs that let people in, with the checkout's own pam.d/ behind them.

use std::cell::RefCell;
use std::fs;
use std::time::Duration;

use crate::artefacts::checkout;
use crate::{Journal, Sandbox, Terminal};

/// Which program lets people in, and what it wants besides a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// sshd with pam.d/sshd: the password.
    Ssh,
    /// sshd with pam.d/sshd behind a public key: the key and the password.
    SshKeyAndPassword,
    /// sshd with pam.d/sshd-key: the key alone.
    SshKey,
    /// sudo with pam.d/sudo: the password of the caller.
    Sudo,
    /// login on a terminal with pam.d/login: the password.
    Login,
    /// su with pam.d/su, called by nobody: the password of who is entered.
    Su,
}

/// A machine of its own with one such program. alice and bob have accounts, and the same [`PASSWORD`].
pub struct Door {
    pub sandbox: Sandbox,
    program: Program,
    /// Everything that must not be in the log.
    typed: RefCell<Vec<String>>,
}

impl Door {
    /// A fresh machine on which nobody is enrolled.
    pub fn new(program: Program) -> Door {
        Door::with_sshd(program, "")
    }

    /// The same, with lines that sshd_config begins with; the first value of a setting counts.
    pub fn with_sshd(program: Program, settings: &str) -> Door {
        let sandbox = Sandbox::installed();
        // How long libpam sleeps after a wrong password is nobody's business here.
        sandbox.bash("sed -i 's/pam_unix.so.*/& nodelay/' /etc/pam.d/common-auth");
        sandbox.add_user("alice", PASSWORD);
        sandbox.add_user("bob", PASSWORD);
        let door = Door { sandbox, program, typed: RefCell::default() };
        let key_and_code = "AuthenticationMethods publickey,keyboard-interactive\n";
        match program {
            Program::Ssh => door.start_sshd("sshd", settings),
            Program::SshKeyAndPassword => door.start_sshd("sshd", &format!("{settings}{key_and_code}")),
            Program::SshKey => door.start_sshd("sshd-key", &format!("{settings}{key_and_code}")),
            Program::Sudo => {
                door.stack("sudo", "sudo");
                door.stack("sudo-i", "sudo-i");
                door.sandbox.write("/etc/sudoers.d/people", "alice, bob ALL=(ALL:ALL) ALL\n", 0o440);
            }
            Program::Login => {
                door.stack("login", "login");
                door.sandbox.write("/etc/profile.d/people.sh", format!("{SAY_WHO}; exit\n"), 0o644);
            }
            Program::Su => door.stack("su", "su"),
        }
        door
    }

    /// The PAM service.
    pub fn service(&self) -> &'static str {
        match self.program {
            Program::Ssh | Program::SshKeyAndPassword | Program::SshKey => "sshd",
            Program::Sudo => "sudo",
            Program::Login => "login",
            Program::Su => "su",
        }
    }

    /// Somebody comes, and answers everything but the code.
    #[track_caller]
    pub fn knock(&self, user: &str) -> Visit<'_> {
        let command = match self.program {
            Program::Ssh => return self.knock_by_ssh(user, &["PubkeyAuthentication=no"]),
            Program::SshKeyAndPassword | Program::SshKey => return self.knock_by_ssh(user, &[]),
            Program::Sudo => as_user(user, &["sudo", "--reset-timestamp", "bash", "-c", SAY_WHO]),
            Program::Login => vec!["login"],
            Program::Su => as_user("nobody", &["su", user, "--command", SAY_WHO]),
        };
        let mut visit = self.visit(user, command);
        match self.program {
            Program::Sudo => visit.answer_prompt(&format!("[sudo] password for {user}: "), PASSWORD),
            Program::Login => {
                visit.answer_prompt("testhost login: ", user);
                visit.answer_prompt("Password: ", PASSWORD);
            }
            _ => visit.answer_prompt("Password: ", PASSWORD),
        }
        visit
    }

    /// The same by ssh with options of its own, as `Name=value`; the first value of an option counts.
    #[track_caller]
    pub fn knock_by_ssh(&self, user: &str, options: &[&str]) -> Visit<'_> {
        let mut visit = self.ssh(user, options);
        if self.program != Program::SshKey {
            visit.answer_password();
        }
        visit
    }

    /// Somebody comes by ssh, and has not answered anything yet.
    pub fn ssh<'d>(&'d self, user: &'d str, options: &[&'d str]) -> Visit<'d> {
        let mut command = vec!["ssh", "-F", "none", "-i", CLIENT_KEY, "-l", user];
        let usual = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
        command.extend(
            options.iter().chain(&usual).chain(&["NumberOfPasswordPrompts=1"]).flat_map(|&option| ["-o", option]),
        );
        command.extend(["127.0.0.1", SAY_WHO]);
        self.visit(user, command)
    }

    /// Somebody runs a command, and has not answered anything yet.
    pub fn visit(&self, user: &str, command: Vec<&str>) -> Visit<'_> {
        let journal = self.sandbox.journal().from_here();
        let terminal = self.sandbox.terminal(command[0], &command[1..]);
        Visit { door: self, user: user.to_owned(), journal, terminal }
    }

    /// Puts a file of the checkout's pam.d/ in place as a service.
    pub fn stack(&self, file: &str, service: &str) {
        let text = fs::read_to_string(checkout().join("pam.d").join(file)).expect("a file of pam.d/");
        self.sandbox.stack(service, &text);
    }

    fn start_sshd(&self, stack: &str, settings: &str) {
        self.stack(stack, "sshd");
        self.sandbox.bash(&format!(
            "ssh-keygen -q -t ed25519 -N '' -f {HOST_KEY}; ssh-keygen -q -t ed25519 -N '' -f {CLIENT_KEY}"
        ));
        let ours = format!(
            "ListenAddress 127.0.0.1\nHostKey {HOST_KEY}\nAuthorizedKeysFile {CLIENT_KEY}.pub\nUsePAM yes\n\
             KbdInteractiveAuthentication yes\nPasswordAuthentication no\n"
        );
        self.sandbox.write("/run/sshd_config", format!("{settings}{ours}"), 0o600);
        self.sandbox.spawn("/usr/sbin/sshd", ["-D", "-f", "/run/sshd_config"]);
        self.sandbox.journal().wait_for(|line| line.contains("Server listening"), SOON);
    }

    /// What stands before a prompt of PAM's: ssh says whose it is.
    fn prefix(&self, user: &str) -> String {
        if self.service() == "sshd" { format!("({user}@127.0.0.1) ") } else { String::new() }
    }
}

/// One person at a door.
pub struct Visit<'d> {
    door: &'d Door,
    user: String,
    /// From this visit on.
    journal: Journal,
    pub terminal: Terminal,
}

impl Visit<'_> {
    /// Waits for the prompt for a code, which must be the default text and this remark and nothing else.
    #[track_caller]
    pub fn is_asked(&mut self, remark: &str) {
        let prompt = format!("{}Verification code: {remark}", self.door.prefix(&self.user));
        let shown = self.terminal.expect(&prompt, SOON);
        assert_eq!(shown.trim_start(), prompt, "the terminal:\n{}", self.terminal.transcript());
    }

    /// Types a code, which must not be logged.
    pub fn types(&mut self, code: &str) {
        self.door.typed.borrow_mut().push(code.to_owned());
        self.terminal.send_line(code);
    }

    /// Waits for the prompt for a code, and types one.
    #[track_caller]
    pub fn answers(&mut self, remark: &str, code: &str) {
        self.is_asked(remark);
        self.types(code);
    }

    /// Waits for PAM's prompt for a password, and types it.
    #[track_caller]
    pub fn answer_password(&mut self) {
        self.answer_prompt(&format!("{}Password: ", self.door.prefix(&self.user)), PASSWORD);
    }

    /// Waits for a text, and types a line.
    #[track_caller]
    pub fn answer_prompt(&mut self, text: &str, line: &str) {
        self.terminal.expect(text, SOON);
        self.terminal.send_line(line);
    }

    /// Waits until the program has let this person in and said as whom, and compares the decision that was logged.
    #[track_caller]
    pub fn is_let_in(mut self, decision: &str) -> String {
        let whom = if self.door.program == Program::Sudo { "root" } else { &self.user };
        let shown = self.terminal.expect(&format!("let in: {whom}\r\n"), SOON);
        assert!(shown.starts_with("\r\n"), "a remark that was not expected: {}", self.terminal.transcript());
        self.decision(decision);
        shown
    }

    /// Waits until the program has refused, and compares the decision that was logged. Returns what was shown last.
    #[track_caller]
    pub fn is_refused(mut self, decision: &str) -> String {
        let said = match self.door.program {
            Program::Ssh | Program::SshKeyAndPassword | Program::SshKey => {
                ["Permission denied", "Too many authentication failures"]
            }
            Program::Sudo => ["Sorry, try again.", "incorrect password attempts"],
            Program::Login => ["Login incorrect", "Maximum number of tries exceeded"],
            Program::Su => ["su: Authentication failure", "su: Have exhausted maximum number of retries for service"],
        };
        let (_, shown) = self.terminal.expect_any(&said, SOON);
        assert!(!self.terminal.transcript().contains("let in"), "{}", self.terminal.transcript());
        self.decision(decision);
        shown
    }

    /// The lines of our module since this visit began. Nothing that was typed is in them or anywhere else in the log.
    #[track_caller]
    pub fn log(&self) -> Vec<String> {
        let lines = self.journal.lines();
        for typed in self.door.typed.borrow().iter() {
            assert!(lines.iter().all(|line| !line.contains(typed)), "{typed} is in the log:\n{}", lines.join("\n"));
            assert!(!self.terminal.transcript().contains(typed), "{typed} is shown:\n{}", self.terminal.transcript());
        }
        lines.into_iter().filter(|line| line.contains("pam_twofactor(")).collect()
    }

    /// Exactly one decision is logged, and it is about this person at this door.
    #[track_caller]
    fn decision(&self, expected: &str) {
        let log = self.log();
        let decisions: Vec<&String> = log.iter().filter(|line| line.contains("event=login")).collect();
        let [decision] = decisions.as_slice() else { panic!("not one decision:\n{}", log.join("\n")) };
        println!("{decision}");
    }
}

fn as_user<'a>(user: &'a str, command: &[&'a str]) -> Vec<&'a str> {
    let identity =
        ["setpriv", "--reuid", user, "--regid", if user == "nobody" { "nogroup" } else { user }, "--init-groups"];
    [&identity, command].concat()
}

/// Everybody's.
pub const PASSWORD: &str = "correct horse";
const SAY_WHO: &str = "echo let in: $(id -un)";
const HOST_KEY: &str = "/run/host_key";
const CLIENT_KEY: &str = "/run/client_key";
const SOON: Duration = Duration::from_secs(30);
