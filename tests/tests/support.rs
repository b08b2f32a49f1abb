//! The support is itself to be trusted: what each part promises.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use support::Sandbox;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn what_happens_in_a_sandbox_stays_there() {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let passwd = fs::read("/etc/passwd").unwrap();
    let sandbox = Sandbox::new();
    sandbox.write("/etc/only-in-the-sandbox", "here", 0o640);
    sandbox.add_user("nobody-outside", "correct horse");
    assert_eq!(sandbox.read("/etc/only-in-the-sandbox"), "here");
    assert_eq!(sandbox.run("stat", ["-c", "%a %U", "/etc/only-in-the-sandbox"]).stdout, "640 root\n");
    assert_eq!(
        sandbox.bash("hostname; pwd; ls /sys/class/net; ls -A /run/upper 2>/dev/null || true").stdout,
        "testhost\n/\n"
    );
    assert!(!Path::new("/etc/only-in-the-sandbox").exists());
    assert_ne!(fs::read_to_string("/proc/sys/kernel/hostname").unwrap(), "testhost\n");
    assert_eq!(fs::read("/etc/passwd").unwrap(), passwd);
    assert_eq!(fs::read_to_string("/proc/self/mounts").unwrap(), mounts);
}

#[test]
fn the_network_is_a_loopback_of_its_own() {
    let sandbox = Sandbox::new();
    let addresses = sandbox.run("ip", ["-brief", "address"]).succeeded().stdout;
    assert_eq!(addresses.lines().count(), 1, "{addresses}");
    assert!(addresses.contains("127.0.0.1/8"), "{addresses}");
}

#[test]
fn a_sandbox_ends_with_everything_in_it() {
    let sandbox = Sandbox::new();
    let sleeper = sandbox.spawn("sleep", ["1000"]);
    let init = sandbox.path("/").to_owned();
    drop(sandbox);
    assert!(!sleeper.wait().success());
    assert!(!init.exists());
}

#[test]
fn an_absolute_symlink_in_a_sandbox_does_not_lead_out_of_it() {
    let sandbox = Sandbox::new();
    sandbox.bash("ln -s /etc/the-target /etc/the-link");
    sandbox.write("/etc/the-link", "inside", 0o600);
    assert_eq!(sandbox.read("/etc/the-target"), "inside");
    assert!(!Path::new("/etc/the-target").exists());
}

#[test]
fn the_journal_hears_every_process() {
    let sandbox = Sandbox::new();
    let journal = sandbox.journal();
    sandbox.run("logger", ["--tag", "greeter", "hello"]).succeeded();
    let lines = journal.lines();
    assert!(lines.len() == 1 && lines[0].ends_with("greeter: hello"), "{lines:?}");
    let later = journal.from_here();
    sandbox.spawn("bash", ["-c", "logger --tag greeter good bye; sleep 1000"]);
    later.wait_for(|line| line.contains("good bye"), SOON);
    assert_eq!((journal.lines().len(), later.lines().len()), (2, 1));
}

#[test]
fn a_terminal_shows_what_is_typed_and_said() {
    let sandbox = Sandbox::new();
    let mut terminal = sandbox.terminal("cat", [""; 0]);
    terminal.send_line("to be repeated");
    terminal.expect("to be repeated\r\n", SOON);
    terminal.expect("to be repeated\r\n", SOON);
    terminal.send(b"\x04");
    assert!(terminal.wait().success());
}

#[test]
fn a_terminal_has_a_name_a_size_and_job_control() {
    let sandbox = Sandbox::new();
    let lines = "trap 'echo interrupted; exit 3' INT; tty; stty size; while sleep 10; do :; done";
    let mut terminal = sandbox.terminal("bash", ["-c", lines]);
    let shown = terminal.expect("24 80", SOON);
    assert!(shown.starts_with("/dev/pts/"), "{shown}");
    terminal.send(b"\x03");
    terminal.expect("interrupted", SOON);
    assert_eq!(terminal.wait().code(), Some(3));
}

#[test]
fn login_survives_its_own_hang_up_of_the_terminal() {
    let sandbox = Sandbox::new();
    sandbox.add_user("alice", "correct horse");
    sandbox.stack("login", "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_permit.so\n");
    let mut terminal = sandbox.terminal("login", [""; 0]);
    terminal.expect("login: ", SOON);
    terminal.send_line("alice");
    terminal.expect("Password: ", SOON);
    terminal.send_line("correct horse");
    terminal.expect("$ ", SOON);
    terminal.send_line("echo I am $(id -un); exit");
    terminal.expect("I am alice", SOON);
    terminal.wait();
}

#[test]
fn pam_answers_as_the_stack_says() {
    let sandbox = Sandbox::new();
    sandbox.stack("yes", "auth required pam_permit.so\n");
    sandbox.stack("no", "auth required pam_deny.so\n");
    assert_eq!(sandbox.pam_host(json!({ "service": "yes", "user": "root" })).outcome(), "PAM_SUCCESS");
    assert_eq!(sandbox.pam_host(json!({ "service": "no", "user": "root" })).outcome(), "PAM_AUTH_ERR");
}

#[test]
fn a_confdir_needs_no_etc() {
    let sandbox = Sandbox::new();
    sandbox.bash("mkdir /tmp/pam.d");
    sandbox.write("/tmp/pam.d/yes", "auth required pam_permit.so\n", 0o644);
    let report = sandbox.pam_host(json!({ "service": "yes", "confdir": "/tmp/pam.d", "user": "root" }));
    assert_eq!(report.outcome(), "PAM_SUCCESS");
}

#[test]
fn prompts_are_answered_in_order() {
    let sandbox = Sandbox::new();
    sandbox.add_user("alice", "correct horse");
    sandbox.stack("password", "auth required pam_unix.so\n");
    let answers = |last| json!({ "service": "password", "answers": [{ "text": "alice" }, last] });
    let report = sandbox.pam_host(answers(json!({ "text": "correct horse" })));
    assert_eq!(report.outcome(), "PAM_SUCCESS");
    assert_eq!(report.cycle().prompts(), ["login:", "Password: "]);
    assert_eq!(report.cycle().user.as_deref(), Some("alice"));
    for wrong in [
        json!({ "text": "wrong" }),
        json!({ "bytes_hex": "ff00fe" }),
        json!({ "repeat": ["a", 1 << 20] }),
        json!("null"),
        json!("conv_err"),
    ] {
        let report = sandbox.pam_host(answers(wrong.clone()));
        assert_ne!(report.outcome(), "PAM_SUCCESS", "{wrong}");
    }
}

#[test]
fn a_strange_host_finds_itself_as_it_was() {
    let sandbox = Sandbox::new();
    sandbox.stack("yes", "auth required pam_permit.so\n");
    let plain = json!({});
    let closed = json!({ "close_standard": true, "nofile_limit": 8, "fsize_limit": 0, "umask": 0o027, "cwd": "/tmp" });
    let threaded = json!({ "threads": 4, "repeat": 5, "environment": { "RUST_BACKTRACE": "1" }, "locale": "C.UTF-8" });
    let reaping = json!({ "reap_sigchld": true, "syslog_ident": "strange", "calls": ["authenticate", "setcred"] });
    let ignoring = json!({ "ignore_sigchld": true, "silent": true });
    for habits in [plain, closed, threaded, reaping, ignoring] {
        let mut script = json!({ "service": "yes", "user": "root" });
        script.as_object_mut().unwrap().extend(habits.as_object().unwrap().clone());
        let report = sandbox.pam_host(&script);
        assert!(report.cycles.iter().all(|cycle| cycle.outcome() == "PAM_SUCCESS"), "{habits}: {:?}", report.counts);
        assert_eq!(report.before.differences(&report.after), [""; 0], "{habits}");
        assert_eq!(report.before.open_files.contains_key(&1), habits.get("close_standard").is_none());
    }
    assert_eq!(sandbox.journal().lines_with("strange[").len(), 1);
}

#[test]
fn many_cycles_are_counted_and_sampled() {
    let sandbox = Sandbox::new();
    sandbox.stack("yes", "auth required pam_permit.so\n");
    let report = sandbox.pam_host(json!({ "service": "yes", "user": "root", "repeat": 100 }));
    assert_eq!(report.counts["PAM_SUCCESS"], 100);
    assert_eq!((report.cycles.len(), report.samples.len()), (0, 10));
}

#[test]
fn a_misspelt_script_is_refused() {
    let sandbox = Sandbox::new();
    let output = sandbox.start_pam_host(json!({ "usr": "root" })).output();
    assert!(!output.status.success() && output.stderr.contains("usr"), "{output:?}");
}

#[test]
fn a_host_can_be_held_at_its_prompt() {
    let sandbox = Sandbox::new();
    sandbox.add_user("alice", "correct horse");
    sandbox.stack("password", "auth required pam_unix.so\n");
    let host = sandbox.start_pam_host(json!({
        "service": "password", "user": "alice",
        "answers": [{ "wait_for_file": "/tmp/go", "then": { "text": "correct horse" } }],
    }));
    sandbox.wait_for_path("/tmp/go.reached", SOON);
    sandbox.write("/tmp/go", "", 0o600);
    assert_eq!(host.report().outcome(), "PAM_SUCCESS");
}

#[test]
fn every_worker_of_a_race_reports_in_its_place() {
    let sandbox = Sandbox::new();
    sandbox.add_user("alice", "correct horse");
    sandbox.stack("password", "auth required pam_unix.so\n");
    for barrier in ["call", "prompt"] {
        let cycles = sandbox.race(json!({
            "common": { "service": "password", "user": "alice", "answers": [{ "text": "wrong" }] },
            "barrier": barrier,
            "workers": [{}, { "answers": [{ "text": "correct horse" }] }, { "user": "root" }, {}],
        }));
        let outcomes: Vec<&str> = cycles.iter().map(|cycle| cycle.outcome()).collect();
        assert_eq!(outcomes, ["PAM_AUTH_ERR", "PAM_SUCCESS", "PAM_AUTH_ERR", "PAM_AUTH_ERR"], "{barrier}");
        assert!(cycles.iter().all(|cycle| cycle.prompts() == ["Password: "]));
    }
}
