//! The module is a guest in somebody else's process: it works in strange houses, leaves them as it found them, and takes
//! any answer.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use support::{Mailbox, Output, Report, Sandbox, Secret, release};

const LINE: &str = "auth required pam_twofactor.so";
const MODULE: &str = "libpam_twofactor.so";
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
    // Help, then a code that is judged under the lock: everything but the grant.
    let answers = json!([{ "text": "?" }, { "text": WRONG_RECOVERY_CODE }]);
    let report = sandbox.pam_host(json!({ "user": "alice", "answers": answers, "repeat": 10_000 }));
    assert_eq!(report.counts["PAM_AUTH_ERR"], 10_000, "{:?}", report.counts);
    // Those that come while the throttle is closed are not counted.
    assert_eq!(status(&sandbox)["failures"], 4);
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
        "try_first_pas",
        "use_first_pass=1",
        "Forward_pass",
        "no_delay",
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
    refuses_to_work(
        &sandbox,
        twice,
        &secret,
        "expected config=/PATH (once), debug, nodelay, try_first_pass, use_first_pass or forward_pass",
    );
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

#[test]
fn a_login_by_mailed_code_uses_no_network_and_starts_the_sender_and_nothing_else() {
    let (sandbox, mut mailbox) = post_house(PATIENT);
    let (output, trace) = traced(&sandbox, &json!({ "user": "alice" }), &["--trace=network,process"]);
    assert_eq!(report(&output).outcome(), "PAM_AUTH_ERR");
    mailbox.next_letter();
    let sockets: Vec<&str> = trace.lines().filter(|line| line.contains(" socket(")).collect();
    // With a Maildir nobody needs more than the log; libpam itself reports to the kernel's audit.
    let local = |line: &&str| line.contains("AF_UNIX") || line.contains("NETLINK_AUDIT");
    assert!(!sockets.is_empty() && sockets.iter().all(local), "{sockets:?}");
    let programs: Vec<&str> = trace.lines().filter(|line| line.contains(" execve(")).collect();
    let [host, sender] = programs.as_slice() else { panic!("{programs:?}") };
    let started = r#"execve("/usr/libexec/twofactor/twofactor-deliver", ["#;
    assert!(host.contains("pam-host") && sender.contains(started) && sender.contains("/* 0 vars */"), "{programs:?}");
    // The host itself starts one process and waits for that one alone.
    let pid = host.split(' ').next().unwrap();
    let own = trace.lines().filter(|line| line.split(' ').next() == Some(pid));
    let (mut started, mut waited) = (0, 0);
    for line in own {
        started += usize::from(["vfork(", "clone(", "clone3(", " fork("].iter().any(|call| line.contains(call)));
        waited += usize::from(line.contains("wait4("));
        assert!(!line.contains("wait4(-1") && !line.contains("waitid(P_ALL"), "{line}");
        assert!(!line.contains("connect(") || line.contains("AF_UNIX"), "{line}");
    }
    assert!(started == 1 && waited >= 1, "{started} started, {waited} waited for:\n{trace}");

    // Somebody to whom nothing is sent starts nothing, and so does the second session of somebody to whom it was.
    for user in ["alice", "mallory"] {
        let (_, trace) = traced(&sandbox, &json!({ "user": user }), &["--trace=process"]);
        assert_eq!(trace.matches(" execve(").count(), 1, "{user}:\n{trace}");
    }
    assert_eq!(mailbox.waiting(), 0);
}

#[test]
fn a_mailed_code_gets_in_and_the_host_finds_itself_as_it_was_whatever_its_habits() {
    let (sandbox, mut mailbox) = post_house(&format!("[code]\nsends_per_hour = 30\n{PATIENT}"));
    sandbox.bash("mkdir -m 0 /tmp/closed");
    let host = support::pam_host();
    for (habits, starter) in [
        (json!({}), ""),
        (json!({ "ignore_sigchld": true }), ""),
        (json!({ "reap_sigchld": true }), ""),
        (json!({ "reap_sigchld": true, "threads": 4 }), ""),
        (json!({ "ignore_sigchld": true, "threads": 4, "close_standard": true }), ""),
        (json!({ "close_standard": true }), ""),
        (json!({ "umask": 0o777 }), ""),
        (json!({ "cwd": "/tmp/closed" }), ""),
        (json!({ "fsize_limit": 8192 }), ""),
        (json!({ "locale": "C.UTF-8", "environment": { "LD_PRELOAD": "/nonexistent.so", "TZ": ":/dev/zero" } }), ""),
        (json!({ "environment": { "SSL_CERT_FILE": "/dev/zero", "RES_OPTIONS": "debug", "PATH": "/tmp" } }), ""),
        (json!({ "syslog_ident": "the-host" }), ""),
        (json!({}), "env --block-signal"),
        (json!({}), "env --ignore-signal"),
        (json!({ "reap_sigchld": true }), "env --block-signal=CHLD"),
        (json!({}), "setpriv --no-new-privs"),
        (json!({}), "prlimit --cpu=1 --core=unlimited"),
        (json!({}), "nice -n 19"),
        (json!({}), "setsid"),
    ] {
        let case = format!("{starter} {habits}");
        let play = |answers: Value| -> Report {
            let mut script = json!({ "user": "alice", "answers": answers });
            script.as_object_mut().unwrap().extend(habits.as_object().unwrap().clone());
            sandbox.write("/tmp/script.json", script.to_string(), 0o600);
            let command = format!("exec {starter} {} run /tmp/script.json", host.display());
            let output = sandbox.bash(&command).succeeded();
            assert_eq!(output.stderr, "", "{case}");
            let report = report(&output);
            assert_unchanged(&report, &case);
            report
        };
        let asked = play(json!([]));
        assert_eq!(asked.outcome(), "PAM_AUTH_ERR", "{case}");
        assert_eq!(
            asked.cycle().prompts(),
            ["Verification code: (sent to a***@e***.org, ? for other ways) "],
            "{case}"
        );
        let code = mailbox.next_letter().code();
        let answered = play(json!([{ "text": code }]));
        assert_eq!(answered.outcome(), "PAM_SUCCESS", "{case}");
        assert_eq!(mailbox.waiting(), 0, "{case}");
    }
}

#[test]
fn a_host_short_of_descriptors_sends_a_code_or_says_that_it_could_not() {
    let (sandbox, mut mailbox) = post_house("");
    let letters = |mailbox: &mut Mailbox| (0..mailbox.waiting()).map(|_| drop(mailbox.next_letter())).count();
    let (mut sent, mut refused) = (0, 0);
    for limit in 3..30 {
        enrol_mailbox_anew(&sandbox);
        let script = json!({ "user": "alice", "nofile_limit": limit, "answers": [{ "text": "000000" }] });
        let report = sandbox.pam_host(script);
        // With fewer it could not even look.
        if limit > 4 {
            assert_unchanged(&report, &format!("{limit} descriptors"));
        }
        let first = report.cycle().prompts().first().map(|prompt| (*prompt).to_owned());
        assert_ne!(report.outcome(), "PAM_SUCCESS", "{limit}");
        match first.as_deref() {
            Some("Verification code: (sent to a***@e***.org, ? for other ways) ") => {
                assert_eq!(letters(&mut mailbox), 1, "{limit}");
                sent += 1;
            }
            Some("Verification code: (could not be sent to a***@e***.org, ? for other ways) ") => {
                assert_eq!(letters(&mut mailbox), 0, "{limit}");
                refused += 1;
            }
            None => assert_eq!(letters(&mut mailbox), 0, "{limit}"),
            Some(other) => panic!("{limit}: {other}"),
        }
    }
    assert!(sent > 10 && refused > 0, "sent with {sent} of the limits, refused with {refused}");
}

#[test]
fn two_hundred_mailed_codes_in_one_process_leak_neither_memory_nor_descriptors_nor_zombies() {
    let (sandbox, mut mailbox) = post_house("[limits]\ntries = 1\n");
    let mut passwd = sandbox.read("/etc/passwd");
    for number in 0..200 {
        passwd += &format!("user{number}:x:{}:5000::/:/bin/sh\n", 6000 + number);
    }
    sandbox.write("/etc/passwd", passwd, 0o644);
    let setup = "for number in $(seq 0 199); do
        twofactor setup user$number --method email --address user$number@example.org --no-confirm --json >/dev/null
    done";
    sandbox.bash(setup).succeeded();
    for habits in [json!({}), json!({ "reap_sigchld": true })] {
        sandbox.bash("rm -f /var/lib/twofactor/state/user*").succeeded();
        let mut script = json!({ "user": "user{cycle}", "answers": [{ "text": WRONG_RECOVERY_CODE }], "repeat": 200 });
        script.as_object_mut().unwrap().extend(habits.as_object().unwrap().clone());
        let report = sandbox.pam_host(&script);
        assert_eq!(report.counts["PAM_AUTH_ERR"], 200, "{:?}", report.counts);
        for _ in 0..200 {
            mailbox.next_letter();
        }
        assert_eq!(mailbox.waiting(), 0);
        let (warm, last) = (&report.samples[1], report.samples.last().unwrap());
        let grown = last.resident_kib.saturating_sub(warm.resident_kib);
        // Four hundred bytes a login would be 64.
        assert!(grown < 64, "{grown} KiB over {} logins: {:?}", last.cycles - warm.cycles, report.samples);
        assert!(report.samples.iter().all(|sample| sample.open_files == warm.open_files), "{:?}", report.samples);
        assert_unchanged(&report, "two hundred mailed codes");
        assert_eq!(report.after.children, [0; 0]);
    }
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
    let exported = elf(MODULE, "nm", &["-D", "--defined-only", "--format=just-symbols"]);
    let mut symbols: Vec<&str> = exported.lines().collect();
    symbols.sort_unstable();
    let calls = ["acct_mgmt", "authenticate", "chauthtok", "close_session", "open_session", "setcred"];
    assert_eq!(symbols, calls.map(|call| format!("pam_sm_{call}")));
}

#[test]
fn the_module_needs_libpam_and_what_libc_brings() {
    let dynamic = elf(MODULE, "readelf", &["--dynamic", "--wide"]);
    let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)"));
    let mut needed: Vec<&str> = needed.filter_map(|line| line.split(['[', ']']).nth(1)).collect();
    // The dynamic linker belongs to libc; its name has the architecture in it, and every program says what it is.
    let headers = elf("twofactor", "readelf", &["--program-headers", "--wide"]);
    let interpreter = headers.split("program interpreter: ").nth(1).and_then(|rest| rest.split(']').next());
    let linker = interpreter.and_then(|path| path.rsplit('/').next()).expect("the tool is linked dynamically");
    needed.retain(|library| *library != linker);
    needed.sort_unstable();
    assert_eq!(needed, ["libc.so.6", "libgcc_s.so.1", "libpam.so.0"]);
    assert!(!dynamic.contains("(RPATH)") && !dynamic.contains("(RUNPATH)"), "{dynamic}");
}

#[test]
fn the_module_stays_loaded_is_bound_at_once_and_has_no_writable_code() {
    let flags = elf(MODULE, "readelf", &["--dynamic", "--wide"]);
    let flags = flags.lines().find(|line| line.contains("(FLAGS_1)")).unwrap_or_default().to_owned();
    assert!(flags.contains("NODELETE") && flags.contains("NOW"), "{flags}");
    let segments = elf(MODULE, "readelf", &["--program-headers", "--wide"]);
    assert!(segments.contains("GNU_RELRO"), "{segments}");
    for line in segments.lines().filter(|line| line.contains("0x") && line.contains("RW")) {
        assert!(!line.contains("RWE"), "writable and executable: {line}");
    }
    assert!(segments.lines().any(|line| line.contains("GNU_STACK") && line.contains(" RW ")), "{segments}");
    assert!(!elf(MODULE, "readelf", &["--dynamic", "--wide"]).contains("(TEXTREL)"));
}

#[test]
fn the_module_stays_under_700_kib() {
    let size = fs::metadata(release().join(MODULE)).unwrap().len();
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

/// A machine where alice has a mailbox and nothing else.
fn post_house(config: &str) -> (Sandbox, Mailbox) {
    let sandbox = Sandbox::installed();
    let passwd = sandbox.read("/etc/passwd") + "alice:x:5000:5000::/:/bin/sh\n";
    sandbox.write("/etc/passwd", passwd, 0o644);
    sandbox.stack("twofactor", &format!("{LINE}\n"));
    let mail = "[mail]\nfrom = \"twofactor@example.org\"\ntransports = [\"maildir\"]\n";
    let config = format!("issuer = \"example.org\"\nmethods = [\"email\"]\n{config}{mail}");
    sandbox.write("/etc/twofactor/config.toml", config, 0o644);
    sandbox.bash("install -d -o twofactor -g twofactor -m 700 /var/spool/twofactor").succeeded();
    enrol_mailbox_anew(&sandbox);
    let mailbox = Mailbox::at(&sandbox, "/var/spool/twofactor");
    (sandbox, mailbox)
}

/// Whatever was sent to alice before does not count any more.
fn enrol_mailbox_anew(sandbox: &Sandbox) {
    let lines = "rm -f /var/lib/twofactor/state/alice /var/lib/twofactor/users/alice.toml
        twofactor setup alice --method email --address alice@example.org --no-confirm --json";
    sandbox.bash(lines).succeeded();
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
fn elf(file: &str, program: &str, options: &[&str]) -> String {
    let output =
        Command::new(program).args(options).arg(release().join(file)).output().expect("binutils are installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
