//! The doors of a machine: the real programs that let people in, with the checkout's own pam.d/ behind them.

use std::cell::RefCell;
use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::artefacts::checkout;
use crate::{Journal, Mailbox, Sandbox, Secret, Terminal};

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

impl Program {
    /// What of pam.d/ belongs to it, and the services that it goes by.
    fn stacks(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Program::Ssh | Program::SshKeyAndPassword => &[("sshd", "sshd")],
            Program::SshKey => &[("sshd-key", "sshd")],
            Program::Sudo => &[("sudo", "sudo"), ("sudo-i", "sudo-i")],
            Program::Login => &[("login", "login")],
            Program::Su => &[("su", "su")],
        }
    }
}

/// A machine of its own with one such program. alice and bob have accounts, and the same password; nobody is enrolled.
pub struct Door {
    pub sandbox: Sandbox,
    program: Program,
    /// Everything that must be neither shown nor logged.
    secrets: RefCell<Vec<String>>,
}

impl Door {
    /// A fresh machine.
    pub fn new(program: Program) -> Door {
        Door::with_sshd(program, "")
    }

    /// The same, with lines that sshd_config begins with; the first value of a setting counts.
    pub fn with_sshd(program: Program, settings: &str) -> Door {
        let sandbox = Sandbox::installed();
        // How long libpam sleeps after a wrong password is nobody's business here.
        sandbox.bash("sed -i 's/pam_unix.so.*/& nodelay/' /etc/pam.d/common-auth");
        let door = Door::into(sandbox, program);
        for (file, service) in program.stacks() {
            door.stack(file, service);
        }
        door.open(settings);
        door
    }

    /// The door of a machine that is there already, with the stacks that it has.
    pub fn of(sandbox: Sandbox, program: Program) -> Door {
        let door = Door::into(sandbox, program);
        door.open("");
        door
    }

    /// From now on people come by another program as well, with the stacks that the machine has.
    pub fn turn_to(&mut self, program: Program) {
        self.program = program;
        self.open("");
    }

    fn into(sandbox: Sandbox, program: Program) -> Door {
        sandbox.add_user("alice", PASSWORD);
        sandbox.add_user("bob", PASSWORD);
        Door { sandbox, program, secrets: RefCell::default() }
    }

    /// What a program needs besides its stacks.
    fn open(&self, settings: &str) {
        let key_and_code = "AuthenticationMethods publickey,keyboard-interactive\n";
        match self.program {
            Program::Ssh => self.start_sshd(settings),
            Program::SshKeyAndPassword | Program::SshKey => self.start_sshd(&format!("{settings}{key_and_code}")),
            Program::Sudo => {
                self.sandbox.write("/etc/sudoers.d/people", "alice, bob ALL=(ALL:ALL) ALL\n", 0o440);
            }
            Program::Login => {
                self.sandbox.write("/etc/profile.d/people.sh", format!("{SAY_WHO}; exit\n"), 0o644);
            }
            Program::Su => {}
        }
    }

    /// Enrols a user. Nothing of it may ever be logged.
    pub fn enrol(&self, user: &str) -> Secret {
        let secret = self.sandbox.enrol(user);
        self.secrets.borrow_mut().push(secret.base32.clone());
        self.secrets.borrow_mut().extend(secret.recovery_codes.iter().map(|code| code.replace('-', "")));
        secret
    }

    /// Enrols a user's mailbox at example.test, with more options of `setup`; returns the recovery codes, if they are the
    /// first.
    pub fn enrol_mailbox(&self, user: &str, options: &[&str]) -> Vec<String> {
        let address = format!("{user}@example.test");
        self.set_up(&[&["setup", user, "--method", "email", "--address", &address], options].concat())
    }

    /// Enrols a telephone in the same way.
    pub fn enrol_telephone(&self, user: &str, number: &str) -> Vec<String> {
        self.set_up(&["setup", user, "--method", "sms", "--number", number])
    }

    /// Replaces the settings.
    pub fn configure(&self, text: &str) {
        self.sandbox.write("/etc/twofactor/config.toml", text, 0o644);
    }

    /// The mailbox of everybody, where mail goes by maildir.
    pub fn spool(&self) -> Mailbox {
        Mailbox::at(&self.sandbox, "/var/spool/twofactor")
    }

    fn set_up(&self, command: &[&str]) -> Vec<String> {
        let output = self.sandbox.run("twofactor", [command, &["--no-confirm", "--json"]].concat()).succeeded();
        let answer: Value = serde_json::from_str(&output.stdout).expect("setup --json prints JSON");
        let codes = answer["recovery_codes"].as_array().expect("recovery codes").iter();
        let codes: Vec<_> = codes.map(|code| code.as_str().expect("a code").to_owned()).collect();
        self.secrets.borrow_mut().extend(codes.iter().map(|code| code.replace('-', "")));
        codes
    }

    /// Somebody comes, and answers everything but the code.
    #[track_caller]
    pub fn knock(&self, user: &str) -> Visit<'_> {
        match self.program {
            Program::Ssh | Program::SshKeyAndPassword | Program::SshKey => {
                let mut visit = self.ssh(user, &[]);
                if self.program != Program::SshKey {
                    visit.answer_password();
                }
                visit
            }
            Program::Sudo => {
                let mut visit = self.visit(user, user, &["sudo", "--reset-timestamp", "bash", "-c", SAY_WHO]);
                visit.answer_sudo();
                visit
            }
            Program::Login => {
                let mut visit = self.visit("root", user, &["login"]);
                visit.answer_name();
                visit.answer_password();
                visit
            }
            Program::Su => {
                let mut visit = self.visit("nobody", user, &["su", user, "--command", SAY_WHO]);
                visit.answer_password();
                visit
            }
        }
    }

    /// Somebody comes by ssh and has not answered anything yet. The options are `Name=value`.
    pub fn ssh(&self, user: &str, options: &[&str]) -> Visit<'_> {
        self.ssh_from(&[], "127.0.0.1", user, options)
    }

    /// The same from another machine of the sandbox, [`Sandbox::neighbour`]: `by` gets there, `server` is what this one is
    /// called there.
    pub fn ssh_from(&self, by: &[&str], server: &str, user: &str, options: &[&str]) -> Visit<'_> {
        let command = self.ssh_command(by, server, user, options);
        // At either end of a cable the last digit is this machine's, 1, or the other's, 2.
        let rhost = if by.is_empty() { server.to_owned() } else { format!("{}2", server.trim_end_matches('1')) };
        Visit { rhost, ..self.visit("root", user, &command) }
    }

    /// The client's command line, to be run at another terminal than ours.
    pub fn ssh_command<'a>(&self, by: &[&'a str], server: &'a str, user: &'a str, options: &[&'a str]) -> Vec<&'a str> {
        let preferred = match self.program {
            Program::Ssh => "PreferredAuthentications=keyboard-interactive",
            _ => "PreferredAuthentications=publickey,keyboard-interactive",
        };
        let ours = [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "NumberOfPasswordPrompts=1",
            "LogLevel=ERROR",
            preferred,
        ];
        let mut command = [by, &["ssh", "-F", "none", "-i", CLIENT_KEY, "-l", user]].concat();
        // The first value of an option counts; the prompt names the alias.
        let alias = ["HostKeyAlias=127.0.0.1"];
        command.extend(options.iter().chain(&ours).chain(&alias).flat_map(|&option| ["-o", option]));
        command.extend([server, SAY_WHO]);
        command
    }

    /// `caller` runs a command at a terminal to get in as `user`, and has not answered anything yet.
    pub fn visit(&self, caller: &str, user: &str, command: &[&str]) -> Visit<'_> {
        let journal = self.sandbox.journal().from_here();
        let identity = format!("exec setpriv --reuid {caller} --regid $(id -g {caller}) --init-groups -- \"$@\"");
        let terminal = self.sandbox.terminal("bash", ["-c", &identity, "bash"].iter().chain(command));
        let rhost = if self.is_ssh() { "127.0.0.1" } else { "\"\"" };
        Visit { door: self, user: user.to_owned(), rhost: rhost.to_owned(), journal, terminal }
    }

    /// Puts a file of the checkout's pam.d/ in place as a service.
    fn stack(&self, file: &str, service: &str) {
        let text = fs::read_to_string(checkout().join("pam.d").join(file)).expect("a file of pam.d/");
        // Nor how long it sleeps after a wrong code.
        self.sandbox.stack(service, &text.replace("pam_twofactor.so", "pam_twofactor.so nodelay"));
    }

    fn start_sshd(&self, settings: &str) {
        self.sandbox.bash(&format!(
            "ssh-keygen -q -t ed25519 -N '' -f {HOST_KEY}; ssh-keygen -q -t ed25519 -N '' -f {CLIENT_KEY}"
        ));
        let here = if settings.contains("ListenAddress") { "" } else { "ListenAddress 127.0.0.1\n" };
        let ours = format!(
            "{here}HostKey {HOST_KEY}\nAuthorizedKeysFile {CLIENT_KEY}.pub\nUsePAM yes\n\
             KbdInteractiveAuthentication yes\nPasswordAuthentication no\n"
        );
        self.sandbox.write("/run/sshd_config", format!("{settings}{ours}"), 0o600);
        self.sandbox.spawn("/usr/sbin/sshd", ["-D", "-f", "/run/sshd_config"]);
        self.sandbox.journal().wait_for(|line| line.contains("Server listening"), SOON);
    }

    fn is_ssh(&self) -> bool {
        matches!(self.program, Program::Ssh | Program::SshKeyAndPassword | Program::SshKey)
    }

    /// The PAM service, unless a test takes another way in.
    fn service(&self) -> &'static str {
        match self.program {
            Program::Ssh | Program::SshKeyAndPassword | Program::SshKey => "sshd",
            Program::Sudo => "sudo",
            Program::Login => "login",
            Program::Su => "su",
        }
    }
}

/// One person at a door.
pub struct Visit<'d> {
    door: &'d Door,
    user: String,
    /// Where they come from, as the log has it.
    rhost: String,
    /// Since this visit began.
    journal: Journal,
    terminal: Terminal,
}

impl Visit<'_> {
    /// Waits for the prompt for a code, which must be the default text, this remark and nothing else; types a code, which
    /// must be neither shown nor logged.
    #[track_caller]
    pub fn answer(&mut self, remark: &str, code: &str) {
        self.is_asked(remark);
        self.type_code(code);
    }

    /// Waits for the prompt for a code, which must be the default text, this remark and nothing else.
    #[track_caller]
    pub fn is_asked(&mut self, remark: &str) {
        let space = if remark.is_empty() { "" } else { " " };
        self.shown_is(&format!("Verification code: {remark}{space}"));
    }

    /// Types a code, which must be neither shown nor logged.
    #[track_caller]
    pub fn type_code(&mut self, code: &str) {
        self.door.secrets.borrow_mut().push(code.to_owned());
        self.type_unseen(code);
    }

    /// Types a line that may be seen.
    pub fn type_line(&mut self, line: &str) {
        self.terminal.send_line(line);
    }

    /// Waits for the same prompt and types `?`; returns the list of ways that this brings.
    #[track_caller]
    pub fn ask_for_ways(&mut self, remark: &str) -> String {
        self.is_asked(remark);
        self.type_unseen("?");
        let shown = self.terminal.expect("Verification code: (or a number from the list) ", SOON);
        let list = shown.replace('\r', "");
        let list = list.strip_prefix(&self.whose()).unwrap_or_else(|| panic!("not {}: {list}", self.whose()));
        list.strip_suffix("Verification code: (or a number from the list) ").expect("it comes last").to_owned()
    }

    /// Chooses the way that this is said of, by its number in a list that is shown.
    #[track_caller]
    pub fn choose(&mut self, list: &str, way: &str) {
        let line = list.lines().find(|line| line.contains(way)).unwrap_or_else(|| panic!("no {way} in:\n{list}"));
        self.type_unseen(line.split_whitespace().next().expect("a number"));
    }

    /// The same for a prompt that says how long to wait; returns the seconds.
    #[track_caller]
    pub fn answer_though_held(&mut self, code: &str) -> u32 {
        self.shown_is("Verification code: (too many wrong codes, wait ");
        let wait = self.terminal.expect(" s or give a recovery code) ", SOON);
        self.type_code(code);
        wait.split(' ').next().and_then(|seconds| seconds.parse().ok()).expect("seconds to wait")
    }

    /// Waits for the prompt of login, and types the user's name.
    #[track_caller]
    pub fn answer_name(&mut self) {
        self.terminal.expect("testhost login: ", SOON);
        self.terminal.send_line(&self.user);
        self.terminal.expect(&format!("{}\r\n", self.user), SOON);
    }

    /// Waits for PAM's prompt for the password, and types it.
    #[track_caller]
    pub fn answer_password(&mut self) {
        self.answer_password_with(PASSWORD);
    }

    /// Waits for PAM's prompt for the password, and types another.
    #[track_caller]
    pub fn answer_password_with(&mut self, password: &str) {
        self.shown_is("Password: ");
        self.type_unseen(password);
    }

    /// Waits for sudo's prompt for the caller's password, and types it.
    #[track_caller]
    pub fn answer_sudo(&mut self) {
        self.terminal.expect(&format!("[sudo] password for {}: ", self.user), SOON);
        self.type_unseen(PASSWORD);
    }

    /// Waits until the program has let this person in and said as whom; `decision` is what was logged about it.
    #[track_caller]
    pub fn is_let_in(mut self, decision: &str) {
        let whom = if self.door.program == Program::Sudo { "root" } else { &self.user };
        let shown = self.terminal.expect(&format!("let in: {whom}\r\n"), SOON);
        assert!(!shown.contains("Verification code"), "asked again:\n{}", self.terminal.transcript());
        assert_eq!(self.decisions(), [decision]);
    }

    /// Waits until the program has refused this person; `decision` is what was logged about it.
    #[track_caller]
    pub fn is_refused(mut self, decision: &str) {
        self.is_turned_away();
        assert_eq!(self.decisions(), [decision]);
    }

    /// Waits until the program has refused this person before our module had a say. Returns everything shown until then.
    #[track_caller]
    pub fn is_refused_without_us(mut self) -> String {
        self.is_turned_away();
        assert_eq!(self.decisions(), [""; 0]);
        let (transcript, rest) = (self.terminal.transcript(), self.terminal.rest());
        transcript.strip_suffix(&rest).expect("the rest comes last").to_owned()
    }

    /// Waits for a text, and returns everything shown up to its end.
    #[track_caller]
    pub fn expect(&mut self, text: &str) -> String {
        self.terminal.expect(text, SOON)
    }

    /// How every attempt was judged, from the log.
    #[track_caller]
    pub fn attempts(&self) -> Vec<String> {
        self.logged("event=attempt")
    }

    /// How the login was decided, from the log: what follows after who came through which door.
    #[track_caller]
    pub fn decisions(&self) -> Vec<String> {
        self.logged("event=login")
    }

    /// What was logged about other events, such as `event=code`: what follows after whose they are.
    #[track_caller]
    pub fn events(&self, event: &str) -> Vec<String> {
        self.logged(event)
    }

    /// Everything shown so far.
    pub fn transcript(&self) -> String {
        self.terminal.transcript()
    }

    #[track_caller]
    fn logged(&self, event: &str) -> Vec<String> {
        let (lines, transcript) = (self.journal.lines(), self.terminal.transcript());
        for secret in self.door.secrets.borrow().iter() {
            assert!(lines.iter().all(|line| !line.contains(secret)), "{secret} is logged:\n{}", lines.join("\n"));
            assert!(!transcript.contains(secret), "{secret} is shown:\n{transcript}");
        }
        let (rhost, tty) = (&self.rhost, if self.door.is_ssh() { "ssh" } else { "/dev/pts/" });
        let who = format!("{event} user={} service={} rhost={rhost} tty={tty}", self.user, self.door.service());
        let ours = lines.iter().filter(|line| line.contains("pam_twofactor(") && line.contains(event));
        let about = |line: &String| {
            let (_, rest) = line.split_once(&who).unwrap_or_else(|| panic!("not about {who}:\n{line}"));
            rest.split_once(' ').expect("more than who it was").1.to_owned()
        };
        ours.map(about).collect()
    }

    /// What is shown next is a prompt with this text and nothing before it; ssh says whose prompts they are.
    #[track_caller]
    fn shown_is(&mut self, text: &str) {
        let prompt = self.whose() + text;
        let shown = self.terminal.expect(&prompt, SOON);
        assert_eq!(shown.trim_start_matches('\r'), prompt, "the terminal:\n{}", self.terminal.transcript());
    }

    /// How ssh begins every prompt.
    fn whose(&self) -> String {
        if self.door.is_ssh() { format!("({}@127.0.0.1) ", self.user) } else { String::new() }
    }

    #[track_caller]
    fn is_turned_away(&mut self) {
        let said: &[&str] = match self.door.program {
            Program::Ssh | Program::SshKeyAndPassword | Program::SshKey => &["Permission denied"],
            Program::Sudo => &["Sorry, try again."],
            Program::Login => &["Login incorrect", "Maximum number of tries exceeded"],
            Program::Su => &["su: Authentication failure", "su: Have exhausted maximum number of retries"],
        };
        self.terminal.expect_any(said, SOON);
        assert!(!self.terminal.transcript().contains("let in"), "{}", self.terminal.transcript());
    }

    /// Types a line that is not echoed: all that is shown is the new line.
    #[track_caller]
    fn type_unseen(&mut self, line: &str) {
        self.terminal.send_line(line);
        assert_eq!(self.terminal.expect("\r\n", SOON), "\r\n", "the terminal:\n{}", self.terminal.transcript());
    }
}

/// Everybody's.
const PASSWORD: &str = "correct horse";
/// What the programs run when they let somebody in.
pub const SAY_WHO: &str = "echo let in: $(id -un)";
const HOST_KEY: &str = "/run/host_key";
const CLIENT_KEY: &str = "/run/client_key";
const SOON: Duration = Duration::from_secs(30);
