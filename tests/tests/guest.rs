//! The module is a guest in somebody else's process: it works in strange houses, leaves them as it found them, and takes
//! any answer.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use support::{Output, Report, Sandbox, Secret, release};

const LINE: &str = "auth required pam_twofactor.so";
/// `<priority>` of LOG_AUTHPRIV with LOG_ALERT and LOG_DEBUG.
const ALERT: &str = "<81>";
const DEBUG: &str = "<87>";
/// The throttle never closes while so many fail.
const PATIENT: &str = "[limits]\nfree_failures = 100\nlock_after = 100\n";
/// Has the shape of a recovery code, so it is judged whatever the throttle says.
const WRONG_RECOVERY_CODE: &str = "aaaa-bbbb-cccc-dddd";

#[test]
fn ten_thousand_logins_in_one_process_leak_neither_memory_nor_descriptors() {
    let (sandbox, _) = house("[limits]\ntries = 1\n");
    // Help, then a code that is judged under the lock and recorded: everything but the grant.
    let answers = json!([{ "text": "?" }, { "text": WRONG_RECOVERY_CODE }]);
    let report = sandbox.pam_host(json!({ "user": "alice", "answers": answers, "repeat": 10_000 }));
    assert_eq!(report.counts["PAM_AUTH_ERR"], 10_000, "{:?}", report.counts);
    assert_eq!(status(&sandbox)["failures"], 10_000);
    // The first tenth warms up.
    let (warm, last) = (&report.samples[1], report.samples.last().unwrap());
    let grown = last.resident_kib.saturating_sub(warm.resident_kib);
    // Sixteen bytes a login would be 125.
    assert!(grown < 100, "{grown} KiB over {} logins: {:?}", last.cycles - warm.cycles, report.samples);
    assert!(report.samples.iter().all(|sample| sample.open_files == warm.open_files), "{:?}", report.samples);
    assert_unchanged(&report, "ten thousand logins");
}

#[test]
fn a_host_finds_itself_as_it_was_whatever_its_habits() {
    let (sandbox, mut secret) = house(PATIENT);
    sandbox.bash("mkdir -m 0 /tmp/closed");
    for habits in [
        json!({}),
        json!({ "ignore_sigchld": true }),
        json!({ "reap_sigchld": true }),
        json!({ "threads": 4 }),
        json!({ "close_standard": true }),
        json!({ "close_standard": true, "ignore_sigchld": true, "threads": 1 }),
        json!({ "umask": 0o777 }),
        json!({ "umask": 0 }),
        json!({ "cwd": "/tmp/closed" }),
        json!({ "fsize_limit": 8192 }),
        json!({ "silent": true }),
        json!({ "tty": "/dev/pts/7", "rhost": "2001:db8::1", "ruser": "mallory" }),
        json!({ "locale": "C.UTF-8", "environment": { "LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu" } }),
        json!({ "environment": { "LC_ALL": "tr_TR.ISO-8859-9", "LANG": "%s%n", "TZ": ":/dev/zero", "IFS": "" } }),
        json!({ "environment": { "RUST_BACKTRACE": "full", "RUST_LOG": "trace", "RUST_MIN_STACK": "0" } }),
        json!({ "syslog_ident": "the-host" }),
    ] {
        if secret.recovery_codes.is_empty() {
            let fresh = sandbox.run("twofactor", ["recovery", "alice", "--json"]).succeeded();
            let fresh: Value = serde_json::from_str(&fresh.stdout).unwrap();
            secret.recovery_codes = serde_json::from_value(fresh["recovery_codes"].clone()).unwrap();
        }
        let [good, bad] = [secret.recovery_codes.pop().unwrap(), "no code".into()]
            .map(|answer| json!({ "user": "alice", "answers": [{ "text": answer }] }));
        for (mut script, expected) in [(good, "PAM_SUCCESS"), (bad, "PAM_AUTH_ERR")] {
            script.as_object_mut().unwrap().extend(habits.as_object().unwrap().clone());
            let output = sandbox.start_pam_host(&script).output().succeeded();
            let report: Report = serde_json::from_str(&output.stdout).unwrap();
            assert_eq!(report.outcome(), expected, "{habits}");
            assert_unchanged(&report, &habits.to_string());
            assert_eq!(output.stderr, "", "{habits}");
        }
    }
    // LOG_DAEMON and LOG_INFO, as the host had asked for before the module logged under its own facility.
    let own = sandbox.journal().lines_with("the host speaks");
    assert_eq!(own.len(), 2, "{own:?}");
    assert!(own.iter().all(|line| line.starts_with("<30>") && line.contains(" the-host[")), "{own:?}");
}

#[test]
fn a_thread_that_logs_in_and_exits_after_the_unloading_crashes_nobody() {
    let (sandbox, secret) = house(PATIENT);
    let report = sandbox
        .pam_host(json!({ "user": "alice", "answers": [{ "text": secret.code() }], "threads": 3, "repeat": 200 }));
    // The same code again and again, so one of them is let in; the others fill the throttle.
    assert_eq!(report.counts["PAM_SUCCESS"], 1, "{:?}", report.counts);
    assert_eq!(report.counts.values().sum::<usize>(), 200);
    assert_unchanged(&report, "threads");
}

#[test]
fn a_working_directory_that_is_gone_is_nobodys_business() {
    let (sandbox, secret) = house("");
    let report = by_shell(&sandbox, "mkdir /tmp/gone; cd /tmp/gone; rmdir /tmp/gone", &secret.code());
    assert_eq!(report.outcome(), "PAM_SUCCESS");
    assert_unchanged(&report, "no working directory");
}

#[test]
fn a_state_made_under_a_hosts_umask_has_its_own_mode() {
    let (sandbox, _) = house("");
    for umask in [0o777, 0] {
        sandbox.bash("rm /var/lib/twofactor/state/alice").succeeded();
        let report = sandbox.pam_host(json!({ "user": "alice", "answers": [{ "text": "000" }], "umask": umask }));
        assert_eq!(report.outcome(), "PAM_AUTH_ERR");
        assert_unchanged(&report, "umask");
        assert_eq!(sandbox.run("stat", ["-c", "%a", "/var/lib/twofactor/state/alice"]).stdout, "600\n", "{umask:o}");
    }
}

#[test]
fn no_descriptors_left_means_no_login_and_never_a_success_or_a_crash() {
    let (sandbox, secret) = house(&format!("{PATIENT}[policy]\nmode = \"if-enrolled\"\n"));
    sandbox.stack("permit", "auth required pam_permit.so\n");
    // After a module that says "ignore" the second line would let everybody in.
    sandbox.stack("twofactor", &format!("{LINE}\nauth required pam_permit.so\n"));
    let outcome = |script: Value| sandbox.pam_host(&script).outcome().to_owned();
    let needed = |service: &str, answer: &str| {
        (3..40).find(|limit| {
            let script = json!({
                "service": service, "user": "alice", "answers": [{ "text": answer }], "nofile_limit": limit
            });
            outcome(script) == "PAM_SUCCESS"
        })
    };
    for limit in 3..24 {
        let wrong = json!({ "user": "alice", "answers": [{ "text": "no code" }], "nofile_limit": limit });
        let outcome = outcome(wrong);
        assert_ne!(outcome, "PAM_SUCCESS", "with a limit of {limit}");
    }
    let (pam, ours) = (needed("permit", "").unwrap(), needed("twofactor", &secret.recovery_codes[0]).unwrap());
    // Three directories, the state, one file with its directory, and the log.
    assert!(ours <= pam + 8, "pam_permit needs a limit of {pam}, we need {ours}");
    // Whoever could not be judged was not let in, nor was the code used up before it was.
    assert_eq!(status(&sandbox)["recovery_codes_left"], 9);
}

#[test]
fn nothing_of_ours_is_where_a_host_without_standard_streams_would_print() {
    let (sandbox, secret) = house("");
    let script = json!({ "user": "alice", "answers": [{ "text": secret.code() }], "close_standard": true });
    let (output, trace) = traced(&sandbox, &script, &["--trace=desc", "--decode-fds=path"]);
    assert_eq!(report(&output).outcome(), "PAM_SUCCESS");
    let ours = |line: &&str| line.contains("/var/lib/twofactor") || line.contains("/etc/twofactor");
    // A file may be born there and moved away at once.
    let moved = |line: &&str| {
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        call.starts_with("openat(") || call.starts_with("close(") || call.contains("F_DUPFD_CLOEXEC, 3)")
    };
    let low = |line: &&str| ["(0<", "(1<", "(2<"].iter().any(|low| line.contains(low));
    let lines: Vec<&str> = trace.lines().filter(ours).filter(low).collect();
    assert!(lines.iter().any(moved), "the host has its standard streams after all:\n{trace}");
    let misplaced: Vec<&&str> = lines.iter().filter(|line| !moved(line)).collect();
    assert!(misplaced.is_empty(), "{misplaced:?}");
    assert!(trace.lines().any(|line| line.contains("fdatasync(") && ours(&line)), "{trace}");
}

#[test]
fn any_answer_is_refused_alike_and_only_attempts_are_counted() {
    let (sandbox, secret) = house(PATIENT);
    let padded = |length: usize| json!({ "text": format!("{:>length$}", secret.code()) });
    for (answer, prompts, failures) in [
        (json!("null"), 1, 0),
        (json!("no_array"), 1, 0),
        (json!("conv_err"), 1, 0),
        (json!({ "text": "" }), 3, 0),
        (json!({ "text": " \t " }), 3, 0),
        // sshd, in the place of somebody whom it has refused: nobody's failure.
        (json!({ "bytes_hex": "080a0d7f494e434f5252454354" }), 3, 0),
        (json!({ "repeat": ["a", 1 << 20] }), 3, 3),
        (json!({ "repeat": ["1", 1 << 20] }), 3, 3),
        (json!({ "bytes_hex": "fffe80c3" }), 3, 3),
        (json!({ "bytes_hex": "313233ff343536" }), 3, 3),
        (json!({ "text": "%s%n%n%n" }), 3, 3),
        (json!({ "repeat": ["1", 64] }), 3, 3),
        (json!({ "repeat": ["1", 65] }), 3, 3),
        (padded(65), 3, 3),
    ] {
        sandbox.run("twofactor", ["unlock", "alice"]).succeeded();
        let script = json!({ "user": "alice", "answers": [answer, answer, answer] });
        let report = sandbox.pam_host(&script);
        assert_eq!(report.outcome(), "PAM_AUTH_ERR", "{answer:.80}");
        assert_eq!(report.cycle().prompts().len(), prompts, "{answer:.80}");
        assert_eq!(status(&sandbox)["failures"], failures, "{answer:.80}");
        assert_unchanged(&report, "a strange answer");
        assert!(report.cycle().seconds() < 2.0);
    }
    assert_eq!(sandbox.pam_host(json!({ "user": "alice", "answers": [padded(64)] })).outcome(), "PAM_SUCCESS");
}

#[test]
fn setting_credentials_alone_succeeds_and_asks_nothing() {
    let (sandbox, _) = house("");
    let report = sandbox.pam_host(json!({ "user": "alice", "calls": ["setcred"] }));
    assert_eq!((report.outcome(), report.cycle().said.len()), ("PAM_SUCCESS", 0));
    assert_unchanged(&report, "setcred");
}

#[test]
fn a_login_and_its_credentials_succeed_together() {
    let (sandbox, secret) = house("");
    let answers = json!([{ "text": secret.code() }]);
    let report = sandbox.pam_host(json!({ "user": "alice", "answers": answers, "calls": ["authenticate", "setcred"] }));
    assert_eq!(report.counts["PAM_SUCCESS PAM_SUCCESS"], 1);
}

#[test]
fn the_module_in_another_part_of_the_stack_is_an_error_that_is_logged() {
    let (sandbox, _) = house("");
    sandbox.stack("misplaced", "account required pam_twofactor.so\nsession required pam_twofactor.so\n");
    for (call, part) in [("acct_mgmt", "account"), ("open_session", "session"), ("close_session", "session")] {
        let journal = sandbox.journal().from_here();
        let report = sandbox.pam_host(json!({ "service": "misplaced", "user": "alice", "calls": [call] }));
        assert_eq!((report.outcome(), report.cycle().said.len()), ("PAM_SERVICE_ERR", 0), "{call}");
        assert_unchanged(&report, call);
        let lines = journal.lines_with(&format!("event=misplaced stack={part}"));
        assert!(lines.len() == 1 && lines[0].starts_with(ALERT), "{call}: {lines:?}");
    }
}

#[test]
fn a_silent_host_is_asked_but_told_nothing() {
    let (sandbox, secret) = house("");
    let wrong = json!([{ "text": "no code" }, { "text": "" }, { "text": "no code" }]);
    let recovery = |number: usize| json!([{ "text": secret.recovery_codes[number] }]);
    for (answers, heard, outcome) in [(wrong.clone(), wrong, "PAM_AUTH_ERR"), (recovery(0), recovery(1), "PAM_SUCCESS")]
    {
        let play = |answers, silent| sandbox.pam_host(json!({ "user": "alice", "answers": answers, "silent": silent }));
        let (silent, plain) = (play(&answers, true), play(&heard, false));
        assert_eq!((silent.outcome(), silent.cycle().messages().len()), (outcome, 0));
        assert_eq!((plain.outcome(), plain.cycle().messages().len()), (outcome, 1));
        assert_eq!(silent.cycle().prompts().len(), plain.cycle().prompts().len());
    }
}

#[test]
fn a_host_without_a_user_name_is_asked_for_one() {
    let (sandbox, secret) = house("");
    let report = sandbox.pam_host(json!({ "answers": [{ "text": "alice" }, { "text": secret.code() }] }));
    assert_eq!((report.outcome(), report.cycle().user.as_deref()), ("PAM_SUCCESS", Some("alice")));
    assert_eq!(report.cycle().prompts(), ["login:", "Verification code: "]);
    for nobody in [json!("null"), json!("conv_err"), json!({ "text": "" }), json!({ "bytes_hex": "ff2f2e2e" })] {
        let answers = [nobody.clone(), json!({ "text": secret.recovery_codes[0] })];
        let report = sandbox.pam_host(json!({ "answers": answers }));
        assert_eq!(report.outcome(), "PAM_AUTH_ERR", "{nobody}");
        assert_unchanged(&report, "no user name");
    }
    assert_eq!(sandbox.journal().lines_with("reason=no-user-name").len(), 3);
}

#[test]
fn module_arguments_do_what_they_say() {
    let (sandbox, secret) = house("");
    sandbox.write("/etc/other.toml", "[prompt]\ncode = \"Other: \"\necho = true\n", 0o644);
    sandbox.stack("twofactor", &format!("{LINE} debug config=/etc/other.toml\n"));
    let report = logged_in(&sandbox, &secret.code());
    assert_eq!((report.outcome(), report.cycle().prompts()), ("PAM_SUCCESS", vec!["Other: "]));
    assert_eq!(report.cycle().said[0].style, support::Style::PromptEchoOn);
    let lines = sandbox.journal().lines_with("event=begin");
    assert!(lines.len() == 1 && lines[0].starts_with(DEBUG), "{lines:?}");
}

#[test]
fn a_word_that_is_not_understood_denies_and_alerts() {
    let (sandbox, secret) = house("");
    for word in [
        "nullok",
        "Debug",
        "debug=1",
        "config",
        "config=",
        "config=relative.toml",
        "try_first_pass",
        "use_first_pass",
        "forward_pass",
        "config=/etc/twofactor/missing.toml",
        "config=/etc/twofactor",
        "[config=/etc/twofactor/config.toml ]",
        "config=/dev/null",
    ] {
        let why = word.trim_matches(['[', ']']);
        refuses_to_work(
            &sandbox,
            word,
            &secret,
            why.strip_prefix("config=").filter(|path| path.starts_with('/')).unwrap_or(why),
        );
    }
    let twice = "config=/etc/twofactor/config.toml config=/etc/twofactor/config.toml";
    refuses_to_work(&sandbox, twice, &secret, "expected config=/PATH (once) or debug");
    sandbox.stack("twofactor", &format!("{LINE}\n"));
    assert_eq!(logged_in(&sandbox, &secret.code()).outcome(), "PAM_SUCCESS", "the code was never used");
}

#[test]
fn a_broken_configuration_denies_and_the_log_says_where() {
    let (sandbox, secret) = house("");
    for (text, place) in [
        ("[polcy]\n", "line 1, column 2: unknown key `polcy`: did you mean `policy`?"),
        ("issuer = 'x'\n[policy]\nmode = 'of'\n", "line 3, column 8: unknown value `of`: did you mean `off`?"),
        ("[limits]\ntries = 'many'\n", "line 2, column 9"),
        ("issuer =\n", "line 1, column"),
        ("", "is empty"),
    ] {
        sandbox.write("/etc/twofactor/config.toml", text, 0o644);
        refuses_to_work(&sandbox, "", &secret, &format!("/etc/twofactor/config.toml: {place}"));
    }
    sandbox.write("/etc/twofactor/config.toml", "[policy]\nmode = 'off'\n", 0o666);
    refuses_to_work(&sandbox, "", &secret, "/etc/twofactor/config.toml: can be written by others");
}

#[test]
fn a_login_uses_no_network_and_starts_no_program() {
    let (sandbox, secret) = house("");
    let answers = json!([{ "text": "no code" }, { "text": "?" }, { "text": secret.code() }]);
    // No remote host: libpam's audit would look its name up.
    let script = json!({ "user": "alice", "answers": answers });
    let (output, trace) = traced(&sandbox, &script, &["--trace=network,process"]);
    assert_eq!(report(&output).outcome(), "PAM_SUCCESS");
    let calls = |name: &str| trace.lines().filter(|line| line.contains(&format!(" {name}("))).collect::<Vec<_>>();
    let sockets = calls("socket");
    let local = |line: &&&str| line.contains("socket(AF_UNIX, ");
    // libpam itself reports to the kernel's audit.
    let audit = |line: &&&str| line.contains("socket(AF_NETLINK, ") && line.contains(", NETLINK_AUDIT)");
    assert!(sockets.iter().all(|line| local(&line) || audit(&line)), "{sockets:?}");
    assert!(sockets.iter().any(|line| local(&line)), "the log is a socket:\n{trace}");
    let connections = calls("connect");
    assert!(!connections.is_empty() && connections.iter().all(|line| line.contains("{sa_family=AF_UNIX, ")));
    // The one execve(2) is strace's, of the host.
    let programs = ["execve", "fork", "vfork", "clone", "clone3"].map(calls).concat();
    assert!(programs.len() == 1 && programs[0].contains("pam-host"), "{programs:?}");
}

/// Of all that a login does, waiting for the disk takes longest.
#[test]
fn a_stranger_costs_as_many_durable_writes_as_somebody_who_is_enrolled() {
    let (sandbox, _) = house("[limits]\nfree_failures = 100\n");
    sandbox.add_user("bob", "correct horse");
    let answers = json!([{ "text": "000000" }, { "text": "" }, { "text": "no code" }]);
    let written = |user: &str| {
        let script = json!({ "user": user, "answers": answers });
        let (output, trace) = traced(&sandbox, &script, &["--trace=fdatasync,fsync"]);
        assert_eq!(report(&output).outcome(), "PAM_AUTH_ERR", "{user}");
        trace.lines().filter(|line| line.contains("sync(")).count()
    };
    // The first stranger of all makes the file that later ones are rehearsed on.
    written("mallory");
    assert_eq!(["alice", "bob", "mallory"].map(written), [2, 2, 2]);
}

#[test]
fn the_module_exports_what_pam_calls_and_nothing_else() {
    let exported = elf("nm", &["-D", "--defined-only", "--format=just-symbols"]);
    let mut symbols: Vec<&str> = exported.lines().collect();
    symbols.sort_unstable();
    let calls = ["acct_mgmt", "authenticate", "chauthtok", "close_session", "open_session", "setcred"];
    assert_eq!(symbols, calls.map(|call| format!("pam_sm_{call}")));
}

#[test]
fn the_module_needs_libpam_and_what_libc_brings() {
    let dynamic = elf("readelf", &["--dynamic", "--wide"]);
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let mut needed: Vec<&str> = needed.filter_map(|line| line.split(['[', ']']).nth(1)).collect();
    // The dynamic linker belongs to libc; its name has the architecture in it.
    needed.retain(|library| !library.starts_with("ld-linux"));
    needed.sort_unstable();
    assert_eq!(needed, ["libc.so.6", "libgcc_s.so.1", "libpam.so.0"]);
    assert!(!dynamic.contains("(RPATH)") && !dynamic.contains("(RUNPATH)"), "{dynamic}");
}

#[test]
fn the_module_stays_loaded_is_bound_at_once_and_has_no_writable_code() {
    let flags = elf("readelf", &["--dynamic", "--wide"]);
    let flags = flags.lines().find(|line| line.contains("(FLAGS_1)")).unwrap_or_default().to_owned();
    assert!(flags.contains("NODELETE") && flags.contains("NOW"), "{flags}");
    let segments = elf("readelf", &["--program-headers", "--wide"]);
    assert!(segments.contains("GNU_RELRO"), "{segments}");
    for line in segments.lines().filter(|line| line.contains("0x") && line.contains("RW")) {
        assert!(!line.contains("RWE"), "writable and executable: {line}");
    }
    assert!(segments.lines().any(|line| line.contains("GNU_STACK") && line.contains(" RW ")), "{segments}");
    assert!(!elf("readelf", &["--dynamic", "--wide"]).contains("(TEXTREL)"));
}

#[test]
fn the_module_stays_under_700_kib() {
    let size = fs::metadata(release().join("libpam_twofactor.so")).unwrap().len();
    assert!(size < 700 * 1024, "{size} bytes");
}

/// A machine where `alice` is enrolled and the service `twofactor` asks for nothing but a code.
fn house(config: &str) -> (Sandbox, Secret) {
    let sandbox = Sandbox::installed();
    let passwd = sandbox.read("/etc/passwd") + "alice:x:5000:5000::/:/bin/sh\n";
    sandbox.write("/etc/passwd", passwd, 0o644);
    sandbox.stack("twofactor", &format!("{LINE}\n"));
    sandbox.write("/etc/twofactor/config.toml", format!("issuer = \"example.org\"\n{config}"), 0o644);
    let secret = sandbox.enrol("alice");
    (sandbox, secret)
}

fn logged_in(sandbox: &Sandbox, code: &str) -> Report {
    sandbox.pam_host(json!({ "user": "alice", "answers": [{ "text": code }] }))
}

/// With these module arguments nothing is asked, not even for a name, and the one alert says why.
#[track_caller]
fn refuses_to_work(sandbox: &Sandbox, arguments: &str, secret: &Secret, why: &str) {
    sandbox.stack("twofactor", &format!("{LINE} {arguments}\n"));
    let journal = sandbox.journal().from_here();
    let report = sandbox.pam_host(json!({ "answers": [{ "text": "alice" }, { "text": secret.code() }] }));
    assert_eq!((report.outcome(), report.cycle().prompts()), ("PAM_SYSTEM_ERR", vec![]), "{arguments}");
    assert_unchanged(&report, arguments);
    let lines = journal.lines_with("outcome=misconfigured");
    assert!(lines.len() == 1 && lines[0].starts_with(ALERT), "{arguments}: {lines:?}");
    assert!(lines[0].contains(why), "{arguments}: {lines:?}");
}

#[track_caller]
fn assert_unchanged(report: &Report, habits: &str) {
    assert_eq!(report.before.differences(&report.after), [""; 0], "{habits}");
}

/// One login by a host that a shell starts after these lines.
fn by_shell(sandbox: &Sandbox, lines: &str, code: &str) -> Report {
    let script = json!({ "user": "alice", "answers": [{ "text": code }] });
    sandbox.write("/tmp/script.json", script.to_string(), 0o600);
    let host = support::pam_host();
    report(&sandbox.bash(&format!("{lines}\n{} run /tmp/script.json", host.display())))
}

/// One login under strace(1), and what that wrote.
fn traced(sandbox: &Sandbox, script: &Value, options: &[&str]) -> (Output, String) {
    sandbox.write("/tmp/script.json", script.to_string(), 0o600);
    let host = support::pam_host();
    let run = ["--follow-forks", "--output=/tmp/trace", "--", host.to_str().unwrap(), "run", "/tmp/script.json"];
    let output = sandbox.run("strace", options.iter().chain(&run)).succeeded();
    (output, sandbox.read("/tmp/trace"))
}

fn report(output: &Output) -> Report {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn status(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&sandbox.run("twofactor", ["status", "alice", "--json"]).succeeded().stdout).unwrap()
}

/// What a program of binutils says about the module.
fn elf(program: &str, options: &[&str]) -> String {
    let module = release().join("libpam_twofactor.so");
    let output = Command::new(program).args(options).arg(module).output().expect("binutils are installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
