//! The README's way from nothing to a protected sshd and back, followed to the letter by somebody with sudo, with the
//! system's own sshd and its own sshd_config.

use super::*;
use std::time::Duration;
use support::{Secret, Terminal, checkout};

#[test]
fn the_readme_leads_from_nothing_to_a_protected_sshd_and_back() {
    on_every_system(|system| {
        let reader = Reader::on(system);
        reader.follow("sudo apt-get install ./target/packages/pam-twofactor_*.deb");
        reader.appends("/etc/twofactor/config.toml", "[policy]\nmode = \"if-enrolled\"\n");
        let secret = reader.enrols();
        reader.follow("sudo cp -p /etc/pam.d/sshd /etc/pam.d/sshd.before");
        reader.adds_the_line("@include common-auth", "auth required pam_twofactor.so");
        reader.tries(&secret.recovery_codes[0]);
        let settings = "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\n";
        reader.changes("/etc/ssh/sshd_config", settings);
        reader.follow("sudo sshd -t");
        let effective = reader.follow(EFFECTIVE).stdout;
        for setting in settings.lines() {
            assert!(effective.contains(&setting.to_lowercase()), "{setting}:\n{effective}");
        }
        reader.follow("sudo systemctl reload ssh");

        let next = secret.code_in(30);
        assert_eq!(reader.comes(READER, &[PASSWORD, &secret.wrong_code(), &next]), LET_IN);
        assert_ne!(reader.comes(READER, &[PASSWORD, &next]), LET_IN, "used");
        assert_eq!(reader.comes("bob", &[PASSWORD]), LET_IN, "not enrolled");
        let by_password = reader.sandbox.bash(&format!("{} -o PreferredAuthentications=password {READER}@::1 id", SSH));
        assert!(by_password.stderr.contains("Permission denied (publickey,keyboard-interactive)"), "{by_password:?}");
        reader.follow("sudo twofactor doctor");

        for command in ["cp -p /etc/pam.d/sshd.before /etc/pam.d/sshd", "systemctl reload ssh"] {
            assert!(reader.readme.contains(&format!("\n    {command}\n")), "{command}");
            reader.sandbox.bash(command).succeeded();
        }
        assert_eq!(reader.comes(READER, &[PASSWORD]), LET_IN);
        assert!(reader.readme.contains("\n`apt-get remove pam-twofactor`"));
        reader.sandbox.bash("apt-get --yes remove pam-twofactor").succeeded();
        assert_eq!(reader.comes(READER, &[PASSWORD]), LET_IN);
    });
}

/// Who may use sudo, has the package that the README tells how to build, and does what it says.
struct Reader {
    sandbox: Sandbox,
    readme: String,
}

impl Reader {
    fn on(system: &Path) -> Self {
        let sandbox = Sandbox::of(system);
        for user in [READER, "bob"] {
            sandbox.add_user(user, PASSWORD);
        }
        sandbox.write("/etc/sudoers.d/reader", format!("{READER} ALL=(ALL:ALL) NOPASSWD: ALL\n"), 0o440);
        let packages = format!("/home/{READER}/target/packages");
        sandbox.bash(&format!("mkdir -p {packages}")).succeeded();
        let package = debian_package();
        let name = package.file_name().expect("its name").to_string_lossy().into_owned();
        sandbox.write(&format!("{packages}/{name}"), fs::read(&package).expect("the package"), 0o644);

        sandbox.bash("mkdir -p /run/sshd; ssh-keygen -q -A").succeeded();
        sandbox.spawn("/usr/sbin/sshd", ["-D"]);
        sandbox.wait_for_path("/run/sshd.pid", SOON);
        sandbox.bash(RELOADS).succeeded();
        Reader { sandbox, readme: fs::read_to_string(checkout().join("README.md")).expect("the README") }
    }

    /// Runs a command of the README, where that has been built.
    #[track_caller]
    fn follow(&self, command: &str) -> Output {
        self.stands_there(command);
        self.sandbox.run("su", ["--login", READER, "--command", command]).succeeded()
    }

    #[track_caller]
    fn start(&self, command: &str) -> Terminal {
        self.stands_there(command);
        self.sandbox.terminal("su", ["--login", READER, "--command", command])
    }

    /// These lines, as a paragraph of their own that can be copied.
    #[track_caller]
    fn stands_there(&self, lines: &str) {
        let indented: String = lines.lines().map(|line| format!("    {line}\n")).collect();
        assert!(self.readme.contains(&format!("\n{indented}")), "the README has no\n{lines}");
    }

    #[track_caller]
    fn appends(&self, file: &str, lines: &str) {
        self.stands_there(lines);
        self.sandbox.write(file, format!("{}\n{lines}", self.sandbox.read(file)), 0o644);
    }

    /// Right below another.
    #[track_caller]
    fn adds_the_line(&self, above: &str, line: &str) {
        self.stands_there(line);
        let stack = self.sandbox.read("/etc/pam.d/sshd");
        assert_eq!(stack.matches(&format!("\n{above}\n")).count(), 1, "{stack}");
        self.sandbox.stack("sshd", &stack.replace(&format!("\n{above}\n"), &format!("\n{above}\n{line}\n")));
    }

    /// Lines that are there with another value or as a comment.
    #[track_caller]
    fn changes(&self, file: &str, lines: &str) {
        self.stands_there(lines);
        let mut text = self.sandbox.read(file);
        for line in lines.lines() {
            let (name, _) = line.split_once(' ').expect("a name and a value");
            let is_it = |old: &&str| old.trim_start_matches('#').starts_with(&format!("{name} "));
            let old = text.lines().find(is_it).unwrap_or_else(|| panic!("no {name} in {file}:\n{text}")).to_owned();
            text = text.replace(&format!("\n{old}\n"), &format!("\n{line}\n"));
        }
        self.sandbox.write(file, text, 0o644);
    }

    /// Sets an app up, and takes home what is shown.
    #[track_caller]
    fn enrols(&self) -> Secret {
        let mut terminal = self.start("sudo twofactor setup $USER");
        let shown = terminal.expect("Code that the app shows now: ", SOON);
        let (_, secret) = shown.split_once("type this secret in:\r\n\r\n").expect("the secret");
        let base32 = secret.trim_start().lines().next().expect("a line").replace(' ', "");
        terminal.send_line(&oathtool(&base32, &["--totp"]));
        terminal.expect(&format!("{READER} is enrolled."), SOON);
        assert!(terminal.wait().success());
        let codes = terminal.rest();
        let recovery_codes = codes.split_whitespace().filter(|word| word.len() == 19).map(str::to_owned).collect();
        Secret { base32, recovery_codes }
    }

    #[track_caller]
    fn tries(&self, code: &str) {
        let mut terminal = self.start("sudo twofactor try $USER --service sshd");
        terminal.expect("Password: ", SOON);
        terminal.send_line(PASSWORD);
        terminal.expect("Verification code: ", SOON);
        terminal.send_line(code);
        terminal.expect(&format!("{READER} would be let in by sshd."), SOON);
        terminal.expect("second factor:  proved", SOON);
        assert!(terminal.wait().success());
    }

    /// Somebody logs in with these answers, each to a prompt of its own. What they are told last: who they are, or why not.
    #[track_caller]
    fn comes(&self, user: &str, answers: &[&str]) -> String {
        let login = format!("{SSH} -o NumberOfPasswordPrompts=1 {user}@::1 'echo {LET_IN}'");
        let mut terminal = self.sandbox.terminal("bash", ["-c", &login]);
        let prompts = ["Password: ", "Verification code: "];
        for (answer, prompt) in answers.iter().zip(prompts.iter().chain([&prompts[1]])) {
            terminal.expect(prompt, SOON);
            terminal.send_line(answer);
        }
        let end = terminal.expect_any(&[&format!("\n{LET_IN}\r\n"), "Verification code: ", "Permission denied"], SOON);
        [LET_IN, "asked again", "refused"][end.0].to_owned()
    }
}

const READER: &str = "alice";
const LET_IN: &str = "let in";
/// A server that reloads listens again in a moment.
const SSH: &str = "ssh -o StrictHostKeyChecking=no -o LogLevel=ERROR -o ConnectionAttempts=10";
const EFFECTIVE: &str = "sudo sshd -T | grep -iE \
    '^(usepam|kbdinteractiveauthentication|passwordauthentication|authenticationmethods) '";
/// systemd does not run in a sandbox: this reloads as the system's own ssh.service says.
const RELOADS: &str = r#"
    systemctl --version >/dev/null
    says=$(sed -n 's/^ExecReload=//p' /lib/systemd/system/ssh.service)
    test -n "$says"
    rm /bin/systemctl
    printf '#!/bin/bash -e\n[ "$*" = "reload ssh" ]\nMAINPID=$(cat /run/sshd.pid)\n%s\n' "$says" >/bin/systemctl
    chmod 755 /bin/systemctl
"#;
const SOON: Duration = Duration::from_secs(20);
