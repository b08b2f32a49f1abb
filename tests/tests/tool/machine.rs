//! A machine with the tool on it, and what holds of all that it prints.

use std::time::Duration;

use serde_json::{Value, json};
use support::{Output, Sandbox, Terminal, two_lines};

pub const SOON: Duration = Duration::from_secs(10);

/// A machine with alice, bob and the sample stacks.
pub struct Machine {
    pub sandbox: Sandbox,
}

impl Machine {
    pub fn new() -> Machine {
        let sandbox = Sandbox::installed();
        for user in ["alice", "bob"] {
            sandbox.add_user(user, "correct horse");
        }
        sandbox.bash("cp /usr/share/doc/pam-twofactor/pam.d/* /etc/pam.d/").succeeded();
        sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
        Machine { sandbox }
    }

    /// The same with these settings.
    pub fn configured(settings: &str) -> Machine {
        let machine = Machine::new();
        machine.configure(settings);
        machine
    }

    /// Replaces the settings.
    pub fn configure(&self, settings: &str) {
        self.sandbox.write("/etc/twofactor/config.toml", settings, 0o644);
    }

    pub fn tool(&self, arguments: &[&str]) -> Output {
        self.sandbox.run("twofactor", arguments)
    }

    /// The one value that a command prints with `--json`.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Value {
        one_value(&self.tool(&[arguments, &["--json"]].concat()).succeeded())
    }

    #[track_caller]
    pub fn status(&self, user: &str) -> Value {
        self.json(&["status", user])
    }

    /// A command that fails alike with and without `--json`.
    #[track_caller]
    pub fn refuses(&self, arguments: &[&str], status: i32, error: &str) {
        let output = self.tool(&[arguments, &["--json"]].concat());
        let (said, hint) = two_lines(&output, status);
        assert_eq!(said, error, "{arguments:?}");
        assert!(!hint.is_empty(), "{arguments:?}");
        assert_eq!(one_value(&output), json!({ "error": said, "hint": hint }), "{arguments:?}");
        let plain = self.tool(arguments);
        assert_eq!((two_lines(&plain, status), plain.stdout.as_str()), ((said, hint), ""), "{arguments:?}");
    }

    /// Everybody who has an enrolment, whole or half-written.
    pub fn enrolled(&self) -> Vec<String> {
        let names = self.sandbox.bash("cd /var/lib/twofactor/users; ls -A").succeeded().stdout;
        names
            .lines()
            .filter(|name| !name.starts_with('.'))
            .map(|name| name.trim_end_matches(".toml").to_owned())
            .collect()
    }

    /// One login with one code.
    pub fn login(&self, user: &str, code: &str) -> String {
        let code = json!({ "text": code });
        self.sandbox.pam_host(json!({ "user": user, "answers": [code, "conv_err"] })).outcome().to_owned()
    }

    /// So many wrong codes; the last of them may be held back by the throttle.
    pub fn fail(&self, user: &str, times: usize) {
        for _ in 0..times {
            assert_ne!(self.login(user, "0"), "PAM_SUCCESS");
        }
    }

    /// A set-up at a terminal, up to the prompt; and the secret that is shown.
    #[track_caller]
    pub fn set_up(&self, arguments: &[&str]) -> (Terminal, String) {
        let mut terminal = self.sandbox.terminal("twofactor", [&["setup"], arguments].concat());
        let shown = terminal.expect(ASKS, SOON);
        let secret = secret_in(&shown);
        (terminal, secret)
    }

    /// A login at a terminal by `twofactor try`, one answer for each prompt; its exit status, and all that was shown.
    #[track_caller]
    pub fn try_out(&self, service: &str, user: &str, answers: &[&str]) -> (i32, String) {
        let mut terminal = self.sandbox.terminal("twofactor", ["try", user, "--service", service]);
        for answer in answers {
            terminal.expect_any(&["Password: ", "Verification code: ", "password for alice: "], SOON);
            // The rest of the prompt.
            terminal.send_line(answer);
        }
        let status = terminal.wait().code().expect("an exit status");
        (status, terminal.transcript().replace("\r\n", "\n"))
    }

    /// A command in a shell that says how it ended and, when told to go on, how the terminal is set.
    pub fn at_a_shell(&self, command: &str) -> Terminal {
        let lines = format!("trap : INT; {command}; echo status=$?; stty -a");
        self.sandbox.terminal("bash", ["-c", &lines])
    }
}

/// The secret that is printed for people, its groups joined.
#[track_caller]
pub fn secret_in(shown: &str) -> String {
    let base32 = |line: &&str| line.len() >= 32 && line.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7' | b' '));
    let line = shown.lines().map(str::trim).find(base32);
    line.unwrap_or_else(|| panic!("no secret was printed:\n{shown}")).replace(' ', "")
}

/// The terminal is as it was before a prompt that hides what is typed.
#[track_caller]
pub fn sees_what_is_typed(terminal: &mut Terminal) {
    let modes = terminal.expect("noflsh", SOON);
    for mode in [" isig ", " icanon ", " echo "] {
        assert!(modes.replace("\r\n", " ").contains(mode), "{modes}");
    }
    assert!(terminal.transcript().contains("eol = <undef>;"), "{modes}");
}

/// The one line of JSON that is all of standard output.
#[track_caller]
pub fn one_value(output: &Output) -> Value {
    let stdout = &output.stdout;
    assert!(stdout.lines().count() == 1 && stdout.ends_with('\n'), "not one line: {stdout:?}");
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// Four groups of four in Crockford's alphabet.
pub fn is_recovery_code(word: &str) -> bool {
    let symbol = |b: u8| b.is_ascii_digit() || (b.is_ascii_lowercase() && !b"ilou".contains(&b));
    word.split('-').count() == 4 && word.split('-').all(|group| group.len() == 4 && group.bytes().all(symbol))
}

/// Every `2026-11-23T04:15:00Z` as `TIME`.
pub fn without_times(text: &str) -> String {
    let is_time = |window: &[u8]| {
        window
            .iter()
            .zip(b"dddd-dd-ddTdd:dd:ddZ")
            .all(|(byte, mask)| byte == mask || (*mask == b'd' && byte.is_ascii_digit()))
    };
    let mut masked = text.to_owned();
    while let Some(at) = masked.as_bytes().windows(20).position(is_time) {
        masked.replace_range(at..at + 20, "TIME");
    }
    masked
}

pub const ASKS: &str = "Code that the app shows now: ";
