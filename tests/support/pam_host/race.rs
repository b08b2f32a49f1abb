//! Many hosts at the same moment: one process a worker, all let go by one closed pipe.

use std::fs::File;
use std::io::{self, Read, Write, pipe};
use std::process;

use support::{Cycle, Race, Script, Worker};

use crate::{cycle, host};

/// Where a worker says that it has come, and waits until everybody has.
pub struct Gate {
    arrived: io::PipeWriter,
    go: io::PipeReader,
}

impl Gate {
    /// Returns when the parent lets go.
    pub fn pass(mut self) {
        drop(self.arrived);
        let _ = self.go.read(&mut [0]);
    }
}

/// Runs a race; one cycle a worker, in their order.
pub fn run(race: &Race) -> Vec<Cycle> {
    let (mut everybody, arrived) = pipe().expect("a pipe");
    let (go, hold) = pipe().expect("a pipe");
    let mut hold = Some(hold);
    let runners: Vec<Runner> =
        race.workers.iter().map(|worker| Runner::start(race, worker, &arrived, &go, &mut hold)).collect();
    drop((arrived, go));
    // The end comes when every worker has closed its copy, by arriving or by dying.
    let _ = everybody.read(&mut [0]);
    drop(hold);
    runners.into_iter().map(Runner::finish).collect()
}

struct Runner {
    pid: libc::pid_t,
    report: File,
}

impl Runner {
    fn start(
        race: &Race,
        worker: &Worker,
        arrived: &io::PipeWriter,
        go: &io::PipeReader,
        hold: &mut Option<io::PipeWriter>,
    ) -> Runner {
        let (report, mut answer) = pipe().expect("a pipe");
        let gate =
            Gate { arrived: arrived.try_clone().expect("a descriptor"), go: go.try_clone().expect("a descriptor") };
        // SAFETY: this process has one thread, so the child may do whatever it likes, fork(2).
        match unsafe { libc::fork() } {
            -1 => panic!("fork: {}", io::Error::last_os_error()),
            0 => {
                *hold = None;
                // The parent's copy of the pipe, which this worker inherited, must not outlive its arrival.
                close_inherited(arrived);
                let script = script(race, worker);
                host::become_host(&script);
                host::limit(&script);
                let cycle = cycle::play(&script, Some((gate, race.barrier)));
                let sent = answer.write_all(&serde_json::to_vec(&cycle).expect("a cycle is JSON"));
                process::exit(i32::from(sent.is_err()));
            }
            pid => Runner { pid, report: File::from(std::os::fd::OwnedFd::from(report)) },
        }
    }

    fn finish(mut self) -> Cycle {
        let mut text = Vec::new();
        self.report.read_to_end(&mut text).expect("a pipe can be read");
        let mut status = 0;
        // SAFETY: our own child, waited for once, and a place for its status.
        unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
        let killed_by = libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status));
        match killed_by {
            Some(_) => Cycle { killed_by, ..Cycle::default() },
            None => serde_json::from_slice(&text).unwrap_or_else(|error| panic!("a worker said nothing: {error}")),
        }
    }
}

fn close_inherited(descriptor: &io::PipeWriter) {
    use std::os::fd::AsRawFd as _;
    // SAFETY: the child never returns to the frame that owns it.
    unsafe { libc::close(descriptor.as_raw_fd()) };
}

fn script(race: &Race, worker: &Worker) -> Script {
    let mut script = race.common.clone();
    script.user = worker.user.clone().or(script.user);
    script.rhost = worker.rhost.clone().or(script.rhost);
    if let Some(answers) = &worker.answers {
        script.answers = answers.clone();
    }
    script
}
