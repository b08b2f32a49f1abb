//! `twofactor-deliver` at work: an errand goes in, a verdict comes out.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use twofactor_message::{Errand, Verdict};

use crate::{Process, Sandbox, artefacts};

/// The sender of the release build, and who it is to become.
pub struct Sender<'s> {
    sandbox: &'s Sandbox,
    /// Of the system user `twofactor`.
    pub uid: u32,
    pub gid: u32,
}

impl Sender<'_> {
    /// Makes its user, if there is none.
    pub fn new(sandbox: &Sandbox) -> Sender<'_> {
        let lines = "id twofactor >/dev/null 2>&1 || useradd --system --user-group --no-create-home \
             --home-dir /nonexistent --shell /usr/sbin/nologin twofactor; id -u twofactor; id -g twofactor";
        let output = sandbox.bash(lines).succeeded().stdout;
        let mut numbers = output.lines().map(|line| line.parse().expect("a number"));
        let mut next = || numbers.next().expect("uid and gid");
        Sender { sandbox, uid: next(), gid: next() }
    }

    /// Sends, and waits for the verdict.
    #[track_caller]
    pub fn send(&self, errand: &Errand) -> Sent {
        self.start(errand).finish()
    }

    /// Sends meanwhile.
    pub fn start(&self, errand: &Errand) -> Sending {
        self.start_with(self.by(&["env", "-i"]), &errand.encode())
    }

    /// Any command that becomes the sender, and any bytes for it.
    pub fn start_with(&self, mut command: Command, frame: &[u8]) -> Sending {
        let begun = Instant::now();
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nsenter(1)");
        let (mut stdin, frame) = (child.stdin.take().expect("stdin is a pipe"), frame.to_vec());
        // It need not read what it is given.
        thread::spawn(move || drop(stdin.write_all(&frame)));
        let (sender, answer) = mpsc::channel();
        let (mut stdout, mut stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        thread::spawn(move || {
            let (mut said, mut complained) = (Vec::new(), String::new());
            stdout.read_to_end(&mut said).expect("a pipe can be read");
            let took = begun.elapsed();
            stderr.read_to_string(&mut complained).expect("UTF-8");
            let _ = sender.send((said, complained, took));
        });
        Sending { child, answer }
    }

    /// The sender by way of another program, such as prlimit(1), which is to run it with the arguments that follow.
    pub fn by(&self, program: &[&str]) -> Command {
        self.by_as(program, &[&self.uid.to_string(), &self.gid.to_string()])
    }

    /// The same with other arguments.
    pub fn by_as(&self, program: &[&str], arguments: &[&str]) -> Command {
        let (program, options) = program.split_first().expect("a program");
        let mut command = self.sandbox.command(program);
        command.args(options).arg(artefacts::sender()).args(arguments);
        command
    }

    /// What of it is running.
    pub fn processes(&self) -> Vec<Process> {
        self.sandbox.processes("twofactor-deliver")
    }
}

/// A sender at work.
pub struct Sending {
    child: Child,
    answer: mpsc::Receiver<(Vec<u8>, String, Duration)>,
}

impl Sending {
    /// The process that was started, as the outside numbers it, or rather nsenter(1) for it. Waits until it has ended,
    /// which is long before the verdict.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child can be waited for")
    }

    /// Waits for the verdict.
    #[track_caller]
    pub fn finish(self) -> Sent {
        let (said, complained, took) = self.end();
        assert_eq!(complained, "", "it has nothing to say but its verdict");
        let verdict = Verdict::decode(&said).unwrap_or_else(|error| panic!("the verdict {error}: {said:?}"));
        Sent { verdict, took }
    }

    /// Waits for its end; what it said then, which may be nothing.
    #[track_caller]
    pub fn end(mut self) -> (Vec<u8>, String, Duration) {
        let end = self.answer.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("the sender hung for {PATIENCE:?}"));
        self.wait();
        end
    }
}

/// What became of an errand.
#[derive(Clone, Debug)]
pub struct Sent {
    pub verdict: Verdict,
    /// Until the last process had closed its standard output.
    pub took: Duration,
}

const PATIENCE: Duration = Duration::from_secs(60);
