//! What those who talk to strangers have given up before.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use support::{Behaviour, HostileSmtp, Playing, Process, Sending, Stage, sender};
use twofactor_message::{Credentials, Errand, Protection, Smtp, TextRoute};

use crate::house::{CODE, ENOUGH, House, PASSWORD, USER, errand, smtp, text};

#[test]
fn nobody_of_the_sender_is_root_or_holds_what_its_starter_held() {
    let house = House::new();
    let hanging = Hanging::of_a_careless_host(&house);
    let ids = [house.sender().uid, house.sender().gid].map(|id| [id.to_string(), "\t".into()].concat().repeat(4));
    for process in [&hanging.supervisor, &hanging.worker] {
        let found = [process.status("Uid"), process.status("Gid")];
        assert_eq!(found, ids.clone().map(|ids| ids.trim().to_owned()));
        assert_eq!(process.status("Groups"), "", "{process:?}");
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(process.status(set).trim_start_matches('0'), "", "{set}");
        }
        assert_eq!(process.working_directory(), "/");
        assert_eq!(process.status("Umask"), "0077");
        let signals = |mask| u64::from_str_radix(&process.status(mask), 16).unwrap() & !KEPT_BY_GLIBC;
        assert_eq!((signals("SigBlk"), signals("SigIgn")), (0, SIGPIPE));
        let files = process.open_files();
        // Its errand is no longer there to be read.
        assert_eq!(files[0], (0, "/dev/null".to_owned()));
        assert!(
            files[1..].iter().all(|(number, target)| {
                target == "/dev/null" && *number < 3 || target.starts_with("pipe:") || target.starts_with("socket:")
            }),
            "{files:?}"
        );
        assert!(files.len() <= 6, "{files:?}");
    }
    // Nothing that it says can be taken for a verdict.
    assert_eq!(hanging.worker.open_files()[1], (1, "/dev/null".to_owned()));
    hanging.end();
}

#[test]
fn what_talks_to_a_stranger_can_never_gain_a_privilege_again() {
    let house = House::new();
    let hanging = Hanging::at_a_server(&house);
    assert_eq!(hanging.worker.status("NoNewPrivs"), "1");
    // A filter, which the kernel may lack: /proc then has no such line.
    assert_eq!(hanging.worker.status_if_any("Seccomp").as_deref().unwrap_or("2"), "2");
    // No process can come of it.
    assert_eq!(hanging.worker.limit("Max processes"), ("0".to_owned(), "0".to_owned()));
    hanging.end();
}

#[test]
fn a_worker_knows_no_password_but_its_own() {
    let house = House::new();
    let (first, second) = (house.port(), house.port());
    let silent = || HostileSmtp::implicit(&house.certificate()).at(Stage::Greeting, Behaviour::Hang);
    let servers = [first, second].map(|port| silent().start(&house.sandbox, port));
    let ways = [(first, "correct-horse-7"), (second, "battery-staple-7")].map(|(port, password)| {
        let credentials =
            Credentials { username: USER.to_owned(), password: password.to_owned().into(), is_token: false };
        let smtp = Smtp { credentials: Some(credentials), ..smtp(port, Protection::Implicit) };
        (house.trusting(smtp), ENOUGH)
    });
    let sending = house.sender().start(&errand(ways));
    let known = |server: &Playing| {
        server.wait_for_stage(Stage::Greeting);
        let processes = house.sender().processes();
        let knows = |process: &Process| {
            let memory = memory(&house, process);
            ["correct-horse-7", "battery-staple-7"]
                .map(|text| memory.windows(text.len()).any(|at| at == text.as_bytes()))
        };
        processes.iter().map(knows).collect::<Vec<_>>()
    };
    // The supervisor's, which forgets what has been handed on, and the worker's.
    assert_eq!(known(&servers[0]), [[false, true], [true, false]]);
    let [first, second] = servers;
    first.heard();
    assert_eq!(known(&second), [[false, false], [false, true]]);
    second.heard();
    assert_eq!(sending.finish().verdict.delivered_by(), Some("maildir"));
}

#[test]
fn a_worker_has_locked_itself_in_before_it_says_or_hears_a_word() {
    let house = House::new();
    let _server = HostileSmtp::implicit(&house.certificate()).start(&house.sandbox, 465);
    let sender = house.sender();
    let calls = "--trace=setresuid,setgroups,prlimit64,keyctl,read,landlock_create_ruleset,landlock_restrict_self,connect,prctl,dup2";
    let command = sender.by(&["strace", "-f", "-o", "/run/trace", calls]);
    let errand = errand([(house.trusting(smtp(465, Protection::Implicit)), ENOUGH)]);
    let sent = sender.start_with(command, &errand.encode()).finish();
    assert_eq!(sent.verdict.delivered_by(), Some("smtp"), "{sent:#?}");

    let trace = house.sandbox.read("/run/trace");
    let at = |what: &str| {
        let found = trace.lines().position(|line| line.contains(what));
        found.unwrap_or_else(|| panic!("no {what} in\n{trace}"))
    };
    // Nobody yet who could read an errand, then a user without groups, then the errand.
    assert!(at("setgroups(0, ") < at("setresuid("), "{trace}");
    assert!(at("setresuid(") < at("read(0, "), "{trace}");
    for limit in ["NPROC", "NOFILE", "FSIZE", "AS", "DATA", "STACK", "CPU"] {
        assert!(at(&format!("RLIMIT_{limit}, {{rlim_cur=")) < at("setresuid("), "{trace}");
    }
    // The keys of the login that it belongs to are none of its business.
    assert!(at("keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL)") < at("read(0, "), "{trace}");
    let connect = at("connect(");
    assert!(at("prctl(PR_SET_NO_NEW_PRIVS, 1") < connect, "{trace}");
    // An older kernel has no Landlock.
    let missing = |line: &str| line.contains("landlock_create_ruleset") && line.contains("= -1");
    assert!(trace.lines().any(missing) || at("landlock_restrict_self(") < connect, "{trace}");
}

#[test]
fn nobody_of_the_sender_can_be_dumped_or_looked_into_by_its_own_user() {
    let house = House::new();
    let hanging = Hanging::at_a_server(&house);
    let uid = house.sender().uid.to_string();
    for process in [&hanging.supervisor, &hanging.worker] {
        assert!(!process.is_dumpable());
        assert_eq!(process.limit("Max core file size"), ("0".to_owned(), "0".to_owned()));
        let (soft, _) = process.limit("Max address space");
        assert!(soft.parse::<u64>().unwrap() <= 512 * 1024 * 1024, "{soft}");
        let look = |pid: &str| {
            let lines = format!("cat /proc/{pid}/environ || ls /proc/{pid}/fd || cat /proc/{pid}/maps");
            house.sandbox.run("setpriv", ["--reuid", &uid, "--clear-groups", "--", "bash", "-c", &lines])
        };
        assert!(!look(&process.pid.to_string()).status.success());
        look("self").succeeded();
    }
    hanging.end();
}

#[test]
fn neither_arguments_nor_environment_tell_anything() {
    let house = House::new();
    let hanging = Hanging::at_a_server(&house);
    let (uid, gid) = (house.sender().uid, house.sender().gid);
    for process in [&hanging.supervisor, &hanging.worker] {
        assert_eq!(process.command_line(), format!("{} {uid} {gid}", sender().display()));
        assert_eq!(process.environment(), "");
    }
    hanging.end();
}

#[test]
fn a_worker_that_crashes_leaves_no_core() {
    let house = House::new();
    house.sandbox.bash("touch /run/before; chmod 777 /").succeeded();
    for signal in ["SEGV", "ABRT", "QUIT", "BUS"] {
        let hanging = Hanging::at_a_server(&house);
        hanging.worker_gets(&house, signal);
        let sent = hanging.sending.finish();
        assert_eq!(sent.verdict.delivered_by(), Some("maildir"), "{sent:#?}");
    }
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let folder = pattern.trim().rsplit_once('/').map_or("/", |(folder, _)| folder).trim_start_matches('|').to_owned();
    let lines = format!("find / {folder} -xdev -newer /run/before -type f -name '*core*' 2>/dev/null || true");
    assert_eq!(house.sandbox.bash(&lines).stdout, "", "with {pattern}");
}

#[test]
fn a_program_of_this_host_keeps_its_own_limits_and_gets_no_core_either() {
    let house = House::new();
    let line = "{ grep NoNewPrivs /proc/self/status; cat /proc/self/limits; } >/tmp/said";
    let argv = ["/bin/bash", "-c", line].map(str::to_owned).to_vec();
    house.sender().send(&text([(TextRoute::Command(argv), ENOUGH)]));
    let said = house.sandbox.read("/tmp/said");
    // postdrop(1) is setgid, and that has to work.
    assert!(said.starts_with("NoNewPrivs:\t0\n"), "{said}");
    let core = said.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{said}");
}

/// All that a process has in its memory and may read there.
fn memory(house: &House, process: &Process) -> Vec<u8> {
    let maps = house.sandbox.read(&format!("/proc/{}/maps", process.pid));
    let memory = File::open(house.sandbox.path(&format!("/proc/{}/mem", process.pid))).unwrap();
    let areas = maps.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (from, to) = words.next()?.split_once('-')?;
        let [from, to] = [from, to].map(|address| u64::from_str_radix(address, 16).unwrap());
        words.next()?.starts_with("rw").then_some((from, usize::try_from(to - from).unwrap()))
    });
    areas.fold(Vec::new(), |mut all, (from, length)| {
        let mut area = vec![0; length];
        memory.read_exact_at(&mut area, from).unwrap();
        all.append(&mut area);
        all
    })
}

/// A sender whose first worker waits for a server that never says anything.
pub struct Hanging {
    pub sending: Sending,
    pub server: Playing,
    pub supervisor: Process,
    pub worker: Process,
}

impl Hanging {
    pub fn at_a_server(house: &House) -> Hanging {
        Hanging::start(house, |house, errand| house.sender().start(errand), ENOUGH)
    }

    pub fn for_seconds(house: &House, seconds: u32) -> Hanging {
        Hanging::start(house, |house, errand| house.sender().start(errand), seconds)
    }

    /// Of one that left everything open, blocked and ignored.
    fn of_a_careless_host(house: &House) -> Hanging {
        let careless = |house: &House, errand: &_| {
            let sender = house.sender();
            let lines = "cd /tmp; umask 0; trap '' CHLD ALRM TERM HUP; export SECRET=x LD_DEBUG_OUTPUT=/tmp/x\n\
                         exec 3</etc/shadow 7<>/tmp/file 200</etc; exec \"$@\"";
            let host = ["setpriv", "--groups", "0,4,27", "--", "bash", "-c", lines, "bash"];
            sender.start_with(sender.by(&host), &Errand::encode(errand))
        };
        Hanging::start(house, careless, ENOUGH)
    }

    fn start(house: &House, start: impl Fn(&House, &Errand) -> Sending, seconds: u32) -> Hanging {
        let port = house.port();
        let server = HostileSmtp::implicit(&house.certificate()).at(Stage::Greeting, Behaviour::Hang);
        let server = server.start(&house.sandbox, port);
        let sending = start(house, &errand([(house.trusting(smtp(port, Protection::Implicit)), seconds)]));
        server.wait_for_stage(Stage::Greeting);
        let processes = house.sender().processes();
        let [supervisor, worker] = processes.as_slice() else { panic!("not two: {processes:?}") };
        assert_eq!(worker.status("PPid"), supervisor.pid.to_string());
        Hanging { sending, server, supervisor: supervisor.clone(), worker: worker.clone() }
    }

    pub fn worker_gets(&self, house: &House, signal: &str) {
        house.sandbox.run("kill", ["-s", signal, &self.worker.pid.to_string()]).succeeded();
    }

    pub fn supervisor_gets(&self, house: &House, signal: &str) {
        house.sandbox.run("kill", ["-s", signal, &self.supervisor.pid.to_string()]).succeeded();
    }

    /// Lets the server hang up; then the next way takes the mail.
    fn end(self) {
        self.server.heard();
        let sent = self.sending.finish();
        assert_eq!(sent.verdict.delivered_by(), Some("maildir"), "{sent:#?}");
        let told = format!("{sent:?}");
        assert!(!told.contains(PASSWORD) && !told.contains(CODE), "{told}");
    }
}

/// Sets of signals as /proc/PID/status has them. Nobody but glibc may set 32 and 33, nptl(7), and its posix_spawn(3)
/// lets them be ignored.
const SIGPIPE: u64 = 1 << 12;
const KEPT_BY_GLIBC: u64 = 0b11 << 31;
