//! The Debian package on whole systems of their own, as debootstrap makes them: this machine's release and the next one.

mod killed;
mod life;
mod readme;
mod stacks;

use std::fs;
use std::path::Path;
use std::thread;

use serde_json::json;
use support::{Output, Sandbox, debian_package, oathtool, systems};

/// Lets every system be tried at the same time.
fn on_every_system(test: impl Fn(&Path) + Sync) {
    thread::scope(|scope| {
        for system in systems() {
            let test = &test;
            let name = system.file_name().expect("its name").to_string_lossy().into_owned();
            let started = thread::Builder::new().name(name).spawn_scoped(scope, move || test(&system));
            started.expect("a thread");
        }
    });
}

/// Such a system with the package.
fn installed(system: &Path) -> Sandbox {
    let sandbox = Sandbox::of(system);
    dpkg(&sandbox, &format!("--install {}", bring_package(&sandbox))).succeeded();
    sandbox
}

/// Puts the package there, and leaves it to the test to install it.
fn bring_package(sandbox: &Sandbox) -> &'static str {
    sandbox.write(PACKAGE, fs::read(debian_package()).expect("the package"), 0o644);
    PACKAGE
}

/// The same package as another version, changed by lines of bash in its root.
fn repack(sandbox: &Sandbox, version: &str, change: &str) -> String {
    let repacked = format!("/tmp/pam-twofactor-{version}.deb");
    let lines = format!(
        "rm -rf /tmp/repacked && dpkg-deb --raw-extract {PACKAGE} /tmp/repacked && cd /tmp/repacked
        sed -i 's/^Version: .*/Version: {version}/' DEBIAN/control
        {change}
        dpkg-deb --root-owner-group -Znone --build . {repacked}"
    );
    sandbox.bash(&lines).succeeded();
    repacked
}

/// dpkg(1) when nobody can be asked.
fn dpkg(sandbox: &Sandbox, arguments: &str) -> Output {
    sandbox.bash(&format!("DEBIAN_FRONTEND=noninteractive dpkg {arguments}"))
}

fn turn_on(sandbox: &Sandbox) {
    sandbox.bash("pam-auth-update --enable twofactor").succeeded();
}

/// How dpkg has it: `installed`, `config-files`, `half-configured` and so on.
fn status(sandbox: &Sandbox) -> String {
    let asked = ["--showformat", "${db:Status-Status}", "--show", "pam-twofactor"];
    let output = sandbox.run("dpkg-query", asked);
    if output.status.success() { output.stdout } else { "not-installed".to_owned() }
}

/// Where the module lies.
fn module(sandbox: &Sandbox) -> String {
    let found = sandbox.run("find", ["/usr/lib", "-name", "pam_twofactor.so"]).succeeded().stdout;
    found.trim_end().to_owned()
}

/// root and alice, each with a password and a token that counts, so that they can come as often as they like.
struct People<'s> {
    sandbox: &'s Sandbox,
    tokens: Vec<Token>,
}

struct Token {
    user: &'static str,
    secret: String,
    pressed: u64,
}

impl<'s> People<'s> {
    /// Where the package is installed.
    fn enrolled(sandbox: &'s Sandbox) -> Self {
        sandbox.add_user("alice", PASSWORD);
        // A digest that costs little, as both come hundreds of times.
        let passwords = format!("root:{PASSWORD}\nalice:{PASSWORD}\n");
        sandbox.run_with_input("chpasswd", ["--crypt-method", "SHA256"], &passwords).succeeded();
        let settings = sandbox.read(SETTINGS);
        sandbox.write(SETTINGS, settings + "\nmethods = [\"totp\", \"hotp\", \"recovery\"]\n", 0o644);
        let tokens = ["root", "alice"].map(|user| {
            let setup = ["setup", user, "--method", "hotp", "--no-confirm", "--json"];
            let answer = sandbox.run("twofactor", setup).succeeded().stdout;
            let answer: serde_json::Value = serde_json::from_str(&answer).expect("setup --json prints JSON");
            Token { user, secret: answer["secret"].as_str().expect("a secret").to_owned(), pressed: 0 }
        });
        People { sandbox, tokens: tokens.into() }
    }

    /// Everybody comes, and gets in with what they are asked for; whoever is asked for a code does not get in without one.
    /// Whether they are asked.
    #[track_caller]
    fn get_in(&mut self) -> bool {
        let asked: Vec<bool> = self.tokens.iter_mut().map(|token| token.gets_in(self.sandbox)).collect();
        assert!(asked.iter().all(|one| *one == asked[0]), "some are asked and some are not");
        asked[0]
    }
}

impl Token {
    #[track_caller]
    fn gets_in(&mut self, sandbox: &Sandbox) -> bool {
        let (outcome, asked) = self.comes(sandbox, &[]);
        if !asked {
            assert_eq!(outcome, "PAM_SUCCESS", "{} is locked out", self.user);
            return false;
        }
        assert_ne!(outcome, "PAM_SUCCESS", "{} gets in without a code", self.user);
        let code = oathtool(&self.secret, &["--hotp", &format!("--counter={}", self.pressed)]);
        self.pressed += 1;
        assert_eq!(self.comes(sandbox, &[json!({ "text": code })]).0, "PAM_SUCCESS", "{} is locked out", self.user);
        true
    }

    /// Comes with the password and these answers, and hangs up where there are more prompts. How that ended, and whether
    /// a code was asked for.
    fn comes(&self, sandbox: &Sandbox, answers: &[serde_json::Value]) -> (String, bool) {
        let answers = [&[json!({ "text": PASSWORD })], answers, &[json!("conv_err")]].concat();
        let script = json!({ "service": "login", "user": self.user, "answers": answers });
        let report = sandbox.pam_host(script);
        let asked = report.cycle().said.iter().any(|said| said.text.contains("Verification code"));
        (report.outcome().to_owned(), asked)
    }
}

const PACKAGE: &str = "/tmp/pam-twofactor.deb";
const SETTINGS: &str = "/etc/twofactor/config.toml";
const PASSWORD: &str = "correct horse";
