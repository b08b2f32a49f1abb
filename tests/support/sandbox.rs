//! A machine to break: this one's files, or another system's, under an overlay that is thrown away, with mounts,
//! processes, network, name and terminals of its own. `sandbox.sh` builds it, `pam-host init` is its first process,
//! nsenter(1) runs everything else.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;
use serde::Serialize;
use serde_json::Value;

use crate::artefacts;
use crate::{Cycle, Journal, Report, Secret, Terminal};

/// One such machine. It is gone, with every process in it, when this is dropped or the test ends in any other way.
pub struct Sandbox {
    unshare: Child,
    /// The first process, as the outside numbers it.
    init: u32,
    root: OwnedFd,
}

impl Sandbox {
    /// A fresh machine, named `testhost`, with a loopback interface and nothing of ours installed.
    pub fn new() -> Sandbox {
        Sandbox::built(Path::new("/"), None)
    }

    /// The same of another system, whose files lie below a directory.
    pub fn of(root: &Path) -> Sandbox {
        Sandbox::built(root, None)
    }

    /// The same, with a directory of a real disk as /disk, where what is durable takes its time.
    pub fn with_disk(folder: &Path) -> Sandbox {
        Sandbox::built(Path::new("/"), Some(folder))
    }

    fn built(root: &Path, disk: Option<&Path>) -> Sandbox {
        let mut command = Command::new("unshare");
        command.args([
            "--mount",
            "--pid",
            "--net",
            "--uts",
            "--ipc",
            "--fork",
            "--",
            "bash",
            "-c",
            SETUP,
            "sandbox.sh",
        ]);
        command.args([root, &artefacts::pam_host(), &artefacts::checkout()]);
        command.args([artefacts::release(), artefacts::pam_host()].iter().filter_map(|path| path.parent()));
        plain(&mut command);
        command.envs(disk.map(|folder| ("DISK", folder)));
        // The first process ends when its input does, which even a killed test brings about.
        let mut unshare = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("unshare(1) starts");
        let mut said = BufReader::new(unshare.stdout.take().expect("stdout is a pipe")).lines();
        let mut line = || said.next().and_then(Result::ok).expect("the sandbox is built (as root; see above)");
        let init = line().parse().expect("the pid of the first process");
        assert_eq!(line(), "ready");
        let root = File::open(format!("/proc/{init}/root")).expect("the root of the first process").into();
        Sandbox { unshare, init, root }
    }

    /// A fresh machine with the release build installed.
    pub fn installed() -> Sandbox {
        let sandbox = Sandbox::new();
        sandbox.install();
        sandbox
    }

    /// Runs `packaging/install.sh` of the checkout.
    pub fn install(&self) {
        let script = artefacts::checkout().join("packaging/install.sh");
        let mut command = self.command("bash");
        command.arg(script);
        if let Some(target) = std::env::var_os("CARGO_TARGET_DIR") {
            command.env("CARGO_TARGET_DIR", artefacts::checkout().join(target));
        }
        finish(command, b"").succeeded();
    }

    /// Adds a user with a home directory and a password.
    pub fn add_user(&self, name: &str, password: &str) {
        self.run("useradd", ["--create-home", "--shell", "/bin/bash", name]).succeeded();
        self.run_with_input("chpasswd", [""; 0], &format!("{name}:{password}\n")).succeeded();
    }

    /// Writes /etc/pam.d/SERVICE.
    pub fn stack(&self, service: &str, text: &str) {
        self.write(&format!("/etc/pam.d/{service}"), text, 0o644);
    }

    /// Enrols a user with an authenticator app, by the tool.
    pub fn enrol(&self, user: &str) -> Secret {
        let output = self.run("twofactor", ["setup", user, "--no-confirm", "--json"]).succeeded();
        let answer: Value = serde_json::from_str(&output.stdout).expect("setup --json prints JSON");
        let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {answer}")).to_owned();
        let recovery_codes = answer["recovery_codes"].as_array().expect("recovery codes").iter().map(text).collect();
        Secret { base32: text(&answer["secret"]), recovery_codes }
    }

    /// Runs a program to its end.
    pub fn run(&self, program: &str, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> Output {
        self.run_with_input(program, arguments, "")
    }

    /// Runs a program to its end with something to read.
    pub fn run_with_input(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<str>>,
        input: &str,
    ) -> Output {
        let mut command = self.command(program);
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        finish(command, input.as_bytes())
    }

    /// Runs lines of bash to their end; the first that fails ends them.
    pub fn bash(&self, lines: &str) -> Output {
        self.run("bash", ["-euo", "pipefail", "-c", lines])
    }

    /// Starts a program, a server for instance, and lets it run as long as the sandbox; what it says is thrown away.
    pub fn spawn(&self, program: &str, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> Running {
        let mut command = self.command(program);
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Running(quiet.spawn().expect("nsenter(1) starts"))
    }

    /// Starts a program at a terminal of its own.
    pub fn terminal(&self, program: &str, arguments: impl IntoIterator<Item = impl AsRef<str>>) -> Terminal {
        let mut command = self.command("setsid");
        command.args(["--ctty", program]);
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        let ptmx = self.open("/dev/pts/ptmx", OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty());
        Terminal::start(ptmx, command)
    }

    /// A program in the sandbox, to be started as the caller likes: as root, in /, with a plain environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init.to_string()]);
        // --wd=/ would be the outside's root: it is opened before the namespaces are entered.
        command.args(["--mount", "--pid", "--net", "--uts", "--ipc", "--root", "--wdns=/", "--", program]);
        plain(&mut command);
        command
    }

    /// Lets `pam-host` play a script: a [`Script`](crate::Script), or the same as JSON.
    pub fn pam_host(&self, script: impl Serialize) -> Report {
        self.start_pam_host(script).report()
    }

    /// Lets `pam-host` play a script meanwhile.
    pub fn start_pam_host(&self, script: impl Serialize) -> RunningHost {
        let script = serde_json::to_vec(&script).expect("a script is JSON");
        let mut command = self.command(artefacts::pam_host().to_str().expect("a path in UTF-8"));
        command.arg("run");
        RunningHost { output: begin(command, script) }
    }

    /// Lets `pam-host` run a [`Race`](crate::Race), or the same as JSON; one cycle a worker, in their order.
    pub fn race(&self, race: impl Serialize) -> Vec<Cycle> {
        let mut command = self.command(artefacts::pam_host().to_str().expect("a path in UTF-8"));
        command.arg("race");
        let output = finish(command, &serde_json::to_vec(&race).expect("a race is JSON")).succeeded();
        serde_json::from_str(&output.stdout).expect("pam-host reports in JSON")
    }

    /// What has been logged so far and will be.
    pub fn journal(&self) -> Journal {
        Journal::of(self.path("/"))
    }

    /// Writes a file in an existing directory and gives it exactly this mode. Its owner is root.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>, mode: u32) {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC;
        let mut file = self.open(path, flags, Mode::S_IRUSR | Mode::S_IWUSR);
        file.write_all(content.as_ref()).unwrap_or_else(|error| panic!("{path}: {error}"));
        file.set_permissions(PermissionsExt::from_mode(mode)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// The content of a file.
    pub fn read(&self, path: &str) -> String {
        String::from_utf8(self.read_bytes(path)).unwrap_or_else(|_| panic!("{path} is not UTF-8"))
    }

    /// The content of a file that may not be text.
    pub fn read_bytes(&self, path: &str) -> Vec<u8> {
        let mut content = Vec::new();
        let mut file = self.open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
        file.read_to_end(&mut content).unwrap_or_else(|error| panic!("{path}: {error}"));
        content
    }

    /// A path of the sandbox as the outside sees it. To look, not to write: an absolute symlink on the way leads out.
    pub fn path(&self, path: &str) -> PathBuf {
        Path::new(&format!("/proc/{}/root", self.init)).join(path.trim_start_matches('/'))
    }

    /// Waits until a file exists.
    pub fn wait_for_path(&self, path: &str, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        while self.path(path).symlink_metadata().is_err() {
            assert!(Instant::now() < deadline, "{path} did not appear within {timeout:?}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The first process, as the outside numbers it.
    pub fn pid(&self) -> u32 {
        self.init
    }

    fn open(&self, path: &str, flags: OFlag, mode: Mode) -> File {
        let how = OpenHow::new().flags(flags).mode(mode).resolve(ResolveFlag::RESOLVE_IN_ROOT);
        openat2(&self.root, path, how).unwrap_or_else(|error| panic!("{path} in the sandbox: {error}")).into()
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Sandbox::new()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // The first process reads the end of its input and goes, and the kernel kills the rest of its pid namespace.
        drop(self.unshare.stdin.take());
        let _ = self.unshare.wait();
    }
}

/// What a program left behind.
#[derive(Clone, Debug)]
pub struct Output {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The same, if the program said that it succeeded.
    #[track_caller]
    pub fn succeeded(self) -> Output {
        assert!(self.status.success(), "{}\nstdout: {}\nstderr: {}", self.status, self.stdout, self.stderr);
        self
    }
}

/// A program that was started and left to itself.
pub struct Running(Child);

impl Running {
    /// Waits until it has ended.
    pub fn wait(mut self) -> ExitStatus {
        self.0.wait().expect("a child can be waited for")
    }
}

/// Exactly `error: …` and `hint: …` on standard error, and nothing in them that moves a cursor.
#[track_caller]
pub fn two_lines(output: &Output, status: i32) -> (String, String) {
    let stderr = &output.stderr;
    let lines: Vec<&str> = stderr.split_terminator('\n').collect();
    let [error, hint] = lines.as_slice() else { panic!("not two lines: {stderr:?}") };
    let (Some(error), Some(hint)) = (error.strip_prefix("error: "), hint.strip_prefix("hint: ")) else {
        panic!("not an error and a hint: {stderr:?}")
    };
    assert!(stderr.ends_with('\n') && !stderr.replace('\n', "").contains(char::is_control), "{stderr:?}");
    assert!(!stderr.contains(|c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')), "{stderr:?}");
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    (error.to_owned(), hint.to_owned())
}

/// A `pam-host` at work.
pub struct RunningHost {
    output: mpsc::Receiver<Output>,
}

impl RunningHost {
    /// Its report, when it is done.
    #[track_caller]
    pub fn report(self) -> Report {
        let output = end(&self.output).succeeded();
        serde_json::from_str(&output.stdout)
            .unwrap_or_else(|error| panic!("pam-host reports in JSON: {error}\n{}\n{}", output.stdout, output.stderr))
    }

    /// Its raw output, when it is done or dead.
    #[track_caller]
    pub fn output(self) -> Output {
        end(&self.output)
    }
}

#[track_caller]
fn finish(command: Command, input: &[u8]) -> Output {
    end(&begin(command, input.to_vec()))
}

fn begin(mut command: Command, input: Vec<u8>) -> mpsc::Receiver<Output> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nsenter(1)");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // A program need not read what it is given.
    thread::spawn(move || drop(stdin.write_all(&input)));
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let output = child.wait_with_output().expect("the output of a child");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let _ = sender.send(Output { status: output.status, stdout: text(output.stdout), stderr: text(output.stderr) });
    });
    receiver
}

#[track_caller]
fn end(output: &mpsc::Receiver<Output>) -> Output {
    output.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("a program in the sandbox hung for {PATIENCE:?}"))
}

/// Nothing of the tester's shell reaches what is tested: no variables, no descriptors.
fn plain(command: &mut Command) {
    command.env_clear().envs([
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/root"),
        ("LANG", "C.UTF-8"),
        ("TERM", "xterm-256color"),
    ]);
    let close_others = || {
        // SAFETY: close_range(2) with this flag only marks descriptors, which exec then closes.
        match unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    // SAFETY: one system call, which is async-signal-safe.
    unsafe { command.pre_exec(close_others) };
}

const SETUP: &str = include_str!("sandbox.sh");
/// Longer than anything honest takes, ten thousand logins included.
const PATIENCE: Duration = Duration::from_secs(300);
