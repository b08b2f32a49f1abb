//! The first week of a roll-out: mode `monitor`, which lets everybody in who exists and logs what would have been, and
//! `twofactor report`, which says what that came to; its page in a real Chromium.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use support::{Browser, Cycle, Mailbox, Output, Sandbox, two_lines};

/// IGNORE of the only module of a stack lets nobody in.
const STACK: &str = "auth required pam_twofactor.so\nauth required pam_permit.so\n";
const MONITOR: &str = "[policy]\nmode = 'monitor'\n";
const MAILED: &str = "\
methods = ['email', 'totp', 'recovery']
rescue_mail = 'helpdesk@example.test'
[policy]
mode = 'monitor'
[mail]
from = 'twofactor@example.test'
transports = ['maildir']
";

#[test]
fn in_mode_monitor_everybody_who_exists_is_let_in_and_the_log_says_what_would_have_been() {
    let week = Week::new(MONITOR);
    let secret = week.sandbox.enrol("alice");
    let wrong = secret.wrong_code();

    let let_in = |service: &str, user: &str, answers: &[&str]| {
        let cycle = week.login(service, user, answers);
        assert_eq!((cycle.outcome(), cycle.messages().len()), ("PAM_SUCCESS", 0), "{user}: {:?}", cycle.said);
        cycle.prompts().len()
    };
    assert_eq!(let_in("door", "alice", &[&secret.code()]), 1);
    assert_eq!(let_in("gate", "alice", &[&wrong, &wrong, &wrong]), 3, "she is asked and told as by required");
    assert_eq!(let_in("gate", "alice", &[]), 1);
    assert_eq!(let_in("door", "bob", &[]), 0, "nobody asks for what he has not");
    assert_eq!(let_in("gate", "bob", &[]), 0);
    let stranger = week.login("door", "mallory", &[&wrong, &wrong, &wrong]);
    assert_eq!((stranger.outcome(), stranger.prompts().len()), ("PAM_AUTH_ERR", 3));
    // The throttle is closed by now.
    week.login("gate", "alice", &[&wrong, &wrong, &wrong]);
    assert_eq!(let_in("gate", "alice", &[&secret.code_in(30), &secret.code_in(30), &secret.code_in(30)]), 3);
    // Even if the records cannot be used, when nobody can be asked.
    week.sandbox.bash("mv /etc/twofactor/keyring.toml /root/").succeeded();
    assert_eq!(let_in("door", "alice", &[]), 0);

    let logged: Vec<_> = week.sandbox.journal().lines_with("event=login").iter().map(|line| told(line)).collect();
    assert_eq!(
        logged,
        [
            "alice door outcome=proved reason=code-accepted mode=monitor method=totp device=authenticator",
            "alice gate outcome=refused reason=wrong-code mode=monitor",
            "alice gate outcome=refused reason=no-answer mode=monitor",
            "bob door outcome=not-due reason=not-enrolled mode=monitor",
            "bob gate outcome=not-due reason=not-enrolled mode=monitor",
            "mallory door outcome=refused reason=unknown-user mode=monitor",
            "alice gate outcome=throttled reason=too-many-failures mode=monitor",
            "alice gate outcome=throttled reason=too-many-failures mode=monitor",
            "alice door outcome=unavailable reason=records-unavailable mode=monitor",
        ]
    );
}

#[test]
fn in_mode_monitor_nothing_is_sent_to_anybody_who_is_not_enrolled() {
    let week = Week::new(MAILED);
    week.sandbox
        .bash("twofactor setup alice --method email --address alice@example.test --no-confirm --qr none")
        .succeeded();
    let mut mailbox = Mailbox::at(&week.sandbox, "/var/spool/twofactor");
    let before = mailbox.waiting();

    for service in ["door", "gate"] {
        let bob = week.login(service, "bob", &["?", "2", "?", "3"]);
        assert_eq!((bob.outcome(), bob.said.len()), ("PAM_SUCCESS", 0), "{:?}", bob.said);
        // A stranger sees what somebody would see who begins with a mailed code, and asks for help.
        let mallory = week.login(service, "mallory", &["?", "1", "2", "3", "no", "no", "no"]);
        assert_eq!(mallory.outcome(), "PAM_AUTH_ERR");
        assert!(mallory.prompts()[0].contains("(sent to "), "{:?}", mallory.said);
    }
    assert_eq!(mailbox.waiting(), before);
    assert_eq!(week.sandbox.journal().lines_with("result=sent"), [""; 0]);

    // Whoever is enrolled gets their code, and gets in without it.
    let alice = week.login("door", "alice", &["0", "0", "0"]);
    assert_eq!((alice.outcome(), mailbox.waiting()), ("PAM_SUCCESS", before + 1), "{:?}", alice.said);
    let mut letters = (0..=before).map(|_| mailbox.next_letter());
    assert!(letters.all(|letter| letter.header("To").unwrap().contains("alice@example.test")));
}

#[test]
fn the_report_says_who_is_enrolled_how_logins_ended_and_whom_required_would_refuse() {
    let week = Week::new(MONITOR);
    week.sandbox.bash("groupadd staff2; usermod -aG staff2 alice; usermod -aG staff2 bob").succeeded();
    let secret = week.sandbox.enrol("alice");
    let wrong = secret.wrong_code();
    week.login("door", "alice", &[&secret.code()]);
    week.login("gate", "alice", &[&wrong, &wrong, &wrong]);
    week.login("door", "bob", &[]);
    week.login("door", "bob", &[]);
    week.login("door", "mallory", &[&wrong, &wrong, &wrong]);

    let table = week.report_of_journal(&[]).succeeded().stdout;
    assert_eq!(
        without_times(&table),
        "\
testhost, TIME UTC; the mode is monitor.
Logins from TIME to TIME, in standard input.

1 of 3 people is enrolled (33 %). Mode required would have refused 3 of 4
logins, those of 2 people.

HOW LOGINS ENDED  LOGINS
proved                 1  25 %
not enrolled           2  50 %  refused by required
wrong code             1  25 %  refused by required

SERVICE  PEOPLE  ENROLLED         LOGINS  REFUSED  OF PEOPLE
door          2         1   50 %       3        2          1
gate          1         1  100 %       1        1          1

GROUP   PEOPLE  ENROLLED        LOGINS  REFUSED  OF PEOPLE
staff2       2         1  50 %       4        3          2

WOULD BE REFUSED  ENROLLED  LOGINS  LAST        WHY
bob               no        2 of 2  DATE  not enrolled 2
alice             yes       1 of 2  DATE  wrong code 1

NEITHER ENROLLED NOR SEEN (1)
root

1 login was in the name of nobody who exists.
"
    );
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");

    let value = one_value(&week.report_of_journal(&["--json"]));
    let none = |pairs: Value| {
        let mut all = json!({ "total": 0, "would_be_refused": 0, "proved": 0, "not_asked": 0, "not_enrolled": 0,
                              "wrong_code": 0, "replayed_code": 0, "expired_code": 0, "no_code": 0, "no_answer": 0,
                              "other_reason": 0, "throttled": 0, "unavailable": 0 });
        all.as_object_mut().unwrap().extend(pairs.as_object().unwrap().clone());
        all
    };
    let everything =
        none(json!({ "total": 4, "would_be_refused": 3, "proved": 1, "not_enrolled": 2, "wrong_code": 1 }));
    let row = |name: &str, people: u64, enrolled: u64, refused: u64, logins: &Value| json!({ "name": name, "people": people, "enrolled": enrolled, "people_refused": refused, "logins": logins });
    let (at, day) = (value["at"].clone(), value["days"][0]["day"].clone());
    let expected = json!({
        "host": "testhost", "mode": "monitor", "sources": ["standard input"], "at": at, "since": null,
        "first": value["first"], "last": value["last"],
        "everybody": row("everybody", 3, 1, 2, &everything),
        "monitored": 4, "seen": 2, "enrolled_without_account": 0,
        "aside": { "unknown_user": 1, "refused_by_host": 0, "nameless": 0, "misconfigured": 0, "without_time": 0,
                   "unreadable_lines": 0, "too_long_lines": 0 },
        "groups": [row("staff2", 2, 1, 2, &everything)],
        "services": [
            row("door", 2, 1, 1, &none(json!({ "total": 3, "would_be_refused": 2, "proved": 1, "not_enrolled": 2 }))),
            row("gate", 1, 1, 1, &none(json!({ "total": 1, "would_be_refused": 1, "wrong_code": 1 }))),
        ],
        "days": [{ "day": day, "logins": everything }],
        "would_be_refused": [
            { "user": "bob", "enrolled": false, "services": ["door"], "last": value["would_be_refused"][0]["last"],
              "logins": none(json!({ "total": 2, "would_be_refused": 2, "not_enrolled": 2 })) },
            { "user": "alice", "enrolled": true, "services": ["gate"], "last": value["would_be_refused"][1]["last"],
              "logins": none(json!({ "total": 2, "would_be_refused": 1, "proved": 1, "wrong_code": 1 })) },
        ],
        "not_enrolled": ["bob", "root"],
    });
    assert_eq!(value, expected);
    for time in [&at, &value["first"], &value["last"], &value["would_be_refused"][0]["last"]] {
        assert!(time.as_u64().is_some_and(|seconds| seconds > 1_700_000_000), "{value}");
    }

    // Of one group alone.
    week.sandbox.bash("groupadd lone; usermod -aG lone alice").succeeded();
    let value = one_value(&week.report_of_journal(&["--json", "--group", "lone"]));
    let all = &value["everybody"];
    assert_eq!((&all["people"], &all["logins"]["total"], &value["not_enrolled"]), (&json!(1), &json!(2), &json!([])));
    assert_eq!((&value["groups"][0]["name"], value["groups"].as_array().unwrap().len()), (&json!("lone"), 1));
    let (error, hint) = two_lines(&week.report_of_journal(&["--group", "nonesuch"]), 1);
    assert_eq!(
        (error.as_str(), hint.as_str()),
        ("there is no group \"nonesuch\"", "see which there are: getent group")
    );
}

#[test]
fn the_log_is_the_journal_or_the_files_of_syslog_or_what_was_named() {
    let week = Week::new(MONITOR);
    let line = |user: &str, time: &str| {
        format!("{time} host sshd[1]: pam_twofactor(sshd:auth): event=login user={user} service=sshd outcome=proved\n")
    };
    let users = |arguments: &[&str]| {
        let value = one_value(&week.sandbox.run("twofactor", [&["report", "--json"], arguments].concat()));
        (value["everybody"]["logins"]["total"].as_u64().unwrap(), value["sources"].clone())
    };
    week.sandbox.bash("rm -rf /var/log/journal /var/log/auth.log* /var/log/secure*").succeeded();
    let (error, hint) = two_lines(&week.sandbox.run("twofactor", ["report"]), 1);
    assert_eq!(error, "there is no journal, and neither /var/log/auth.log nor /var/log/secure can be read");
    assert_eq!(hint, "name the file to which syslog writes authpriv: twofactor report --log FILE");

    week.sandbox.write("/var/log/auth.log", line("alice", "2024-11-20T08:00:00Z"), 0o600);
    week.sandbox.write("/var/log/auth.log.1", line("bob", "Nov 19 08:00:00").repeat(2), 0o600);
    assert_eq!(users(&[]), (3, json!(["/var/log/auth.log.1", "/var/log/auth.log"])));
    assert_eq!(users(&["--log", "/var/log/auth.log"]), (1, json!(["/var/log/auth.log"])));
    // What journald leaves behind where it does not run.
    week.sandbox.bash("mkdir -p /run/log/journal").succeeded();
    assert_eq!(users(&[]).0, 3);

    // Who is asked, what, and with which environment.
    week.sandbox.bash("mkdir -p /var/log/journal/0123456789abcdef; rm -f /usr/bin/journalctl").succeeded();
    week.sandbox.write("/tmp/answer", line("alice", "2024-11-20T08:00:00+0000"), 0o644);
    let fake = "#!/bin/bash\necho \"$@\" >/tmp/asked\nexport -p >/tmp/environment\ncat /tmp/answer\n";
    week.sandbox.write("/usr/bin/journalctl", fake, 0o755);
    assert_eq!(users(&[]), (1, json!(["the journal"])));
    assert_eq!(week.sandbox.read("/tmp/asked"), "--quiet --no-pager --output=short-iso SYSLOG_FACILITY=10\n");
    let environment = week.sandbox.read("/tmp/environment");
    assert!(!environment.contains("HOME") && !environment.contains("TERM"), "{environment}");
    assert_eq!(users(&["--since", "1s"]).0, 0);
    assert!(week.sandbox.read("/tmp/asked").contains(" SYSLOG_FACILITY=10 --since=@"));

    week.sandbox.write("/usr/bin/journalctl", "#!/bin/sh\nexit 3\n", 0o755);
    let (error, hint) = two_lines(&week.sandbox.run("twofactor", ["report"]), 1);
    assert_eq!(error, "the journal: cannot read: exit status: 3");
    assert!(hint.contains("--log FILE"), "{hint}");

    for (arguments, status, error) in [
        (&["--log", "/nonesuch"][..], 1, "/nonesuch: cannot read: No such file or directory (os error 2)"),
        (&["--log", "/etc"], 1, "/etc: cannot read: Is a directory (os error 21)"),
        (&["--since", "soon"], 2, "a duration is written \"30s\", \"5m\", \"8h\" or \"2d\", and is at most a year"),
        (&["--html", "-", "--json"], 2, "a page and a JSON value do not go to the same place"),
    ] {
        let output = week.sandbox.run("twofactor", [&["report"], arguments].concat());
        assert_eq!(two_lines(&output, status).0, error);
    }
}

/// Any local user can write to the log, and so can strangers in part.
#[test]
fn a_directory_or_a_journal_that_does_not_answer_is_given_up_and_named() {
    let week = Week::new(MONITOR);
    week.sandbox.bash("mkdir -p /var/log/journal/0123456789abcdef; rm -f /usr/bin/journalctl").succeeded();
    week.sandbox.write("/usr/bin/journalctl", "#!/bin/sh\nexec sleep 1000\n", 0o755);
    let command = |arguments: &[&str]| {
        let mut command = week.sandbox.command("twofactor");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("nsenter(1) starts")
    };
    let journal = command(&["report"]);
    while week.sandbox.processes("sleep").is_empty() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // Somebody is listed before it falls silent.
    let fake = "#!/bin/sh\necho root:x:0:0:root:/root:/bin/bash\nexec sleep 1000\n";
    week.sandbox.bash("cp /usr/bin/getent /root/getent; rm /usr/bin/getent").succeeded();
    week.sandbox.write("/usr/bin/getent", fake, 0o755);
    let (report, doctor) = (command(&["report"]), command(&["doctor"]));
    let said = |child: Child| {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert!(said(journal).starts_with("error: the journal: cannot read: it says nothing for 20 seconds\nhint: "));
    let silent = "list the user database: getent passwd: it says nothing for 20 seconds\n";
    assert!(said(report).starts_with(&format!("error: {silent}")));
    assert!(said(doctor).contains(&format!("FAIL  {silent}")));
    assert_eq!(week.sandbox.processes("sleep").len(), 0, "none of them is left behind");
}

#[test]
fn a_user_who_cannot_be_looked_up_is_not_one_who_is_unknown() {
    let week = Week::new(MONITOR);
    let line = "2024-11-20T08:00:00Z host sshd[1]: pam_twofactor(sshd:auth): event=login user=ghost service=sshd \
                outcome=proved\n";
    week.sandbox.write("/tmp/log", line, 0o600);
    week.sandbox.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\n", 0o644);
    let report = |passwd_fails: bool| {
        let inject = if passwd_fails { "inject=openat:error=EIO" } else { "trace=none" };
        let strace = ["-qq", "-o", "/dev/null", "-P", "/etc/passwd", "-e", inject];
        week.sandbox.run("strace", [&strace[..], &["twofactor", "report", "--json", "--log", "/tmp/log"]].concat())
    };
    // getent(1), which is not traced, lists everybody.
    let output = report(true);
    assert_eq!(one_value(&output)["aside"]["unknown_user"], 1);
    let told =
        "look up \"ghost\": EIO: I/O error; logins of whom it cannot look up are counted as those of unknown users\n";
    assert_eq!(output.stderr, told);
    assert_eq!(report(false).stderr, "");
    // Of whoever is enrolled it must be known whether they are there.
    week.sandbox.enrol("alice");
    week.sandbox.bash("cp /usr/bin/getent /root/getent; rm /usr/bin/getent").succeeded();
    week.sandbox.write("/usr/bin/getent", "#!/bin/sh\nexec /root/getent \"$1\" | grep -v ^alice:\n", 0o755);
    assert_eq!(one_value(&report(false))["everybody"]["enrolled"], 1);
    let (error, hint) = two_lines(&report(true), 1);
    assert_eq!(error, "look up \"alice\": EIO: I/O error");
    assert_eq!(hint, "see to the user database (nsswitch.conf) and try again");
}

#[test]
fn a_forged_or_spoilt_line_does_no_more_than_to_be_counted() {
    let week = Week::new(MONITOR);
    let mut log = b"Nov 20 08:00:00 host sshd[1]: pam_twofactor(sshd:auth): event=login user=alice service=\"\\x1b]0;owned\\x07\\xe2\\x80\\xae\\xc2\\x9b\" outcome=proved\n".to_vec();
    log.extend(b"\0\0\0\n\xff\xfe\xfd\n");
    log.extend(b"x: pam_twofactor(\xff\0:auth): event=login user=\xff outcome=proved\n");
    log.extend(b"x: pam_twofactor(a:auth): event=login user=\"../../etc/passwd\" outcome=proved\n");
    log.extend(b"host sshd[1]: Invalid user : pam_twofactor(sshd:auth): event=login user=bob outcome=proved\n");
    log.extend([&vec![b'x'; 100_000][..], b"\n"].concat());
    log.extend(b"9999-99-99T99:99:99Z a: pam_twofactor(a:auth): event=login user=bob service=\"<b>\" outcome=proved");
    week.sandbox.write("/root/log", &log, 0o600);
    let report = |arguments: &[&str]| {
        let output =
            week.sandbox.run("twofactor", [&["report", "--log", "/root/log", "--since", "366d"], arguments].concat());
        let output = output.succeeded();
        let unsafe_to_show = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202a}'..='\u{202e}'));
        assert!(!output.stdout.contains(unsafe_to_show), "{:?}", output.stdout);
        output
    };
    let value = one_value(&report(&["--json"]));
    assert_eq!(value["everybody"]["logins"]["total"], 2, "{value}");
    assert_eq!(value["services"][0]["name"], "\u{1b}]0;owned\u{7}\u{202e}\u{9b}", "it is escaped and it is all there");
    let aside = &value["aside"];
    assert_eq!(
        [&aside["unknown_user"], &aside["unreadable_lines"], &aside["too_long_lines"], &aside["without_time"]],
        [1, 1, 1, 1]
    );
    let table = report(&[]).stdout;
    assert!(table.contains("?]0;owned???") && table.contains("1 line was too long to be ours."), "{table}");
    assert!(table.contains("1 login was at a time that cannot be read, counted as late enough."), "{table}");
    let page = report(&["--html", "-"]).stdout;
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>&lt;") && page.starts_with("<!doctype html>"), "{page}");
}

#[test]
fn a_log_of_any_size_and_a_hundred_thousand_people_need_little_memory() {
    let week = Week::new(MONITOR);
    let people = "\
        awk 'BEGIN { for (i = 1; i <= 100000; i++) printf \"p%d:x:%d:100::/:/bin/sh\\n\", i, i + 1000 }' >>/etc/passwd
        echo UID_MAX 200000 >>/etc/login.defs
        { echo -n crowd:x:7000:; seq -f p%g -s , 50000; } >>/etc/group";
    week.sandbox.bash(people).succeeded();
    // A third of a gigabyte, in which strangers, services and days are made up, and a line without end.
    let lines = "awk 'BEGIN { for (i = 0; i < 1000000; i++) printf \"2026-11-%02dT08:00:00Z h a: \
        pam_twofactor(x:auth): event=login user=%s%d service=s%d rhost=192.0.2.7 tty=ssh \
        outcome=refused reason=wrong-code mode=monitor with=\\\"%0150d\\\"\\n\", i % 20 + 1, \
        i % 2 ? \"p\" : \"q\", i % 150000, i, i; while (1) printf \"%0100000d\", 0 }' | head -c 400M";
    let limited = format!("{lines} | (ulimit -v 250000; exec twofactor report --json --log -)");
    let value = one_value(&week.sandbox.run("bash", ["-c", &limited]).succeeded());
    assert_eq!(value["aside"]["too_long_lines"], 1);
    let all = &value["everybody"];
    let (logins, unknown) =
        (all["logins"]["total"].as_u64().unwrap(), value["aside"]["unknown_user"].as_u64().unwrap());
    assert_eq!(logins + unknown, 1_000_000);
    assert_eq!((&all["people"], value["services"].as_array().unwrap().len()), (&json!(100_003), 64));
    assert_eq!(value["groups"][1]["people"], 50_000, "{}", value["groups"]);

    // Nobody reads so much in a terminal or in a browser.
    let [table, page] = [&["--quiet"][..], &["--html", "-"]].map(|arguments| {
        week.sandbox.run("twofactor", [&["report", "--log", "/dev/null"], arguments].concat()).succeeded().stdout
    });
    assert!(table.ends_with("\n… and 99953 more; --json has all of them\n") && table.lines().count() < 80, "{table}");
    assert!(page.contains("… and 99503 more; ") && page.len() < 200_000, "{} bytes", page.len());
}

#[test]
fn a_page_is_for_root_alone_and_takes_the_place_of_nothing_but_a_file() {
    let week = Week::new(MONITOR);
    let write = |path: &str| week.sandbox.run("twofactor", ["report", "--log", "/dev/null", "--html", path]);
    let status = |path: &str| week.sandbox.path(path).symlink_metadata().unwrap();
    week.sandbox.bash("mkdir -m 1777 /tmp/shared; umask 0; echo old >/tmp/shared/old.html").succeeded();
    for path in ["/tmp/shared/new.html", "/tmp/shared/old.html"] {
        let said = write(path).succeeded().stdout;
        assert_eq!(said, format!("The page is in {path}. It names who has no second factor.\n"));
        assert_eq!((status(path).mode(), status(path).uid()), (0o100_600, 0), "{path}");
        assert!(week.sandbox.read(path).ends_with("</html>\n"));
    }
    week.sandbox.bash("cd /tmp/shared; ln -s /etc/shadow link; mkfifo pipe; ln -s nowhere dangling").succeeded();
    let shadow = week.sandbox.read("/etc/shadow");
    for name in ["link", "pipe", "dangling"] {
        let (error, _) = two_lines(&write(&format!("/tmp/shared/{name}")), 1);
        assert_eq!(error, format!("/tmp/shared/{name}: is not a regular file"));
    }
    assert!(status("/tmp/shared/pipe").file_type().is_fifo() && status("/tmp/shared/link").is_symlink());
    assert_eq!(week.sandbox.read("/etc/shadow"), shadow);
    for (path, error) in [
        ("/tmp/shared/..", "/tmp/shared/..: is not a regular file"),
        ("/nonesuch/page.html", "/nonesuch/page.html: cannot write: No such file or directory (os error 2)"),
    ] {
        assert_eq!(two_lines(&write(path), 1).0, error);
    }

    // No room: the old page stays and nothing is left beside it.
    week.sandbox
        .bash("mkdir /tmp/full; mount -t tmpfs -o size=4k none /tmp/full; echo old >/tmp/full/p.html")
        .succeeded();
    let (error, hint) = two_lines(&write("/tmp/full/p.html"), 1);
    assert!(error.starts_with("/tmp/full/p.html: cannot write: No space left"), "{error}");
    assert_eq!(hint, "name a file in a directory that has room");
    assert_eq!((week.sandbox.bash("ls -A /tmp/full; cat /tmp/full/p.html").stdout.as_str()), "p.html\nold\n");
}

#[test]
fn the_page_of_a_new_host_says_that_there_is_nothing_yet() {
    let week = Week::new(MONITOR);
    let table = week.sandbox.run("twofactor", ["report", "--log", "/dev/null"]).succeeded().stdout;
    assert!(table.contains("No login is in /dev/null.\n\n0 of 3 people are enrolled (0 %).\n"), "{table}");
    week.sandbox.run("twofactor", ["report", "--log", "/dev/null", "--html", PAGE]).succeeded();
    let mut browser = Browser::start(&week.sandbox);
    browser.open(PAGE);
    assert_eq!(
        browser.evaluate("[...document.querySelectorAll('.empty')].map(e => e.textContent)"),
        json!(["Nothing to show yet.", "Nothing to show yet."])
    );
}

#[test]
fn the_page_is_laid_out_at_a_desk_on_a_telephone_and_on_paper() {
    let village = Village::new();
    let mut browser = Browser::start(&village.week.sandbox);
    browser.open(PAGE);
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark"), (360, "light")] {
        browser.show(width, 900, scheme);
        let case = format!("{width} pixels, {scheme}");
        let found = browser.evaluate(MEASURE);
        assert_eq!((&found["broad"], &found["too_broad"]), (&json!(0), &json!([])), "at {case}");
        let charts = found["charts"].as_array().unwrap();
        let names: Vec<_> = charts.iter().map(|chart| chart["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Enrolment by group", "Outcomes by service", "Outcomes day by day"]);
        for chart in charts {
            assert_eq!(chart["outside"], json!([]), "at {case}: {chart}");
            assert_eq!(chart["overlapping"], json!([]), "at {case}: {chart}");
            assert!(chart["shapes"].as_u64() > Some(8) && chart["role"] == "img", "{chart}");
            assert!(chart["description"].as_str().unwrap().starts_with("One "), "{chart}");
        }
        let faint = found["faint"].as_array().unwrap();
        assert!(faint.is_empty(), "text that is hard to read at {case}: {faint:?}");
        // Bars of one chart are as long as it, and their parts as long as their share.
        let everybody = &charts[0]["first_parts"];
        let [enrolled, missing] = [0, 1].map(|at| everybody[at].as_f64().unwrap());
        assert!((enrolled / (enrolled + missing) - village.enrolled_share()).abs() < 0.01, "{everybody}");

        browser.photograph("/root/page.png");
        let picture = village.week.sandbox.bash("identify -format '%w %k' /root/page.png").succeeded().stdout;
        let (pictured, colours) = picture.split_once(' ').unwrap();
        assert_eq!(pictured.parse(), Ok(width));
        assert!(colours.parse::<u32>().unwrap() > 20, "a picture of {colours} colours");
    }
    let backgrounds = ["light", "dark"].map(|scheme| {
        browser.show(1280, 900, scheme);
        browser.evaluate("getComputedStyle(document.body).backgroundColor")
    });
    assert_ne!(backgrounds[0], backgrounds[1]);

    browser.print("/root/page.pdf");
    let pdf = String::from_utf8_lossy(&village.week.sandbox.read_bytes("/root/page.pdf")).into_owned();
    let pages = pdf.matches("/Type /Page\n").count();
    assert!(pdf.starts_with("%PDF-") && (2..=6).contains(&pages), "{pages} pages");
    // 210 by 297 millimetres, in points.
    let box_of_a_page = pdf.split("/MediaBox [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let sides: Vec<f64> = box_of_a_page.split(' ').map(|side| side.parse().unwrap()).collect();
    assert!((sides[2] - 595.3).abs() < 1.0 && (sides[3] - 841.9).abs() < 1.0, "{box_of_a_page}");

    assert_eq!(browser.requests(), [format!("file://{PAGE}")], "the page asks for itself and nothing else");
    assert_eq!(browser.complaints(), [&json!(null); 0]);
}

#[test]
fn a_hostile_name_is_text_on_the_page_and_not_markup() {
    let village = Village::new();
    let mut browser = Browser::start(&village.week.sandbox);
    browser.open(PAGE);
    assert_eq!(browser.evaluate("document.title"), "Second factor on testhost");
    let foreign = "document.querySelectorAll('script, img, iframe, a, link, [onerror], [onload]').length";
    assert_eq!(browser.evaluate(foreign), 0);
    assert_eq!(browser.evaluate("document.querySelectorAll('b').length"), 4, "the four figures, and no name");
    let shown = browser.evaluate("[...document.querySelectorAll('th bdi, .names bdi')].map(e => e.textContent)");
    let shown: Vec<&str> = shown.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for (name, _) in village.hostile() {
        assert!(shown.contains(&name.replace('\u{202e}', "?").as_str()), "{name} is not in {shown:?}");
    }
    assert!(shown.contains(&HOSTILE_SERVICE) && shown.contains(&HOSTILE_GROUP), "{shown:?}");
    assert_eq!(browser.evaluate("document.body.innerText.includes('\\u202e')"), false);

    // What stands in a script of the page would not run either.
    let policy = "document.querySelector('meta[http-equiv=Content-Security-Policy]').content";
    assert!(browser.evaluate(policy).as_str().unwrap().starts_with("default-src 'none'; style-src 'unsafe-inline'"));
    let page = village.week.sandbox.read(PAGE).replace("</body>", "<script>document.title = 'owned'</script></body>");
    village.week.sandbox.write("/root/spoilt.html", page, 0o600);
    browser.open("/root/spoilt.html");
    assert_eq!(browser.evaluate("document.title"), "Second factor on testhost");
    assert_eq!(browser.complaints().len(), 1, "{:?}", browser.complaints());
}

/// A machine with alice, bob and two services, whose settings begin with monitoring.
struct Week {
    sandbox: Sandbox,
}

impl Week {
    fn new(settings: &str) -> Week {
        let sandbox = Sandbox::installed();
        for user in ["alice", "bob"] {
            sandbox.add_user(user, "correct horse");
        }
        for service in ["door", "gate"] {
            sandbox.stack(service, STACK);
        }
        sandbox.write("/etc/twofactor/config.toml", settings, 0o644);
        // Wherever the machine stands, it is in UTC.
        sandbox.bash("rm -f /etc/localtime").succeeded();
        Week { sandbox }
    }

    /// After the last answer there is none.
    fn login(&self, service: &str, user: &str, answers: &[&str]) -> Cycle {
        let answers: Vec<_> = answers.iter().map(|text| json!({ "text": text })).collect();
        let script =
            json!({ "service": service, "user": user, "rhost": "192.0.2.7", "tty": "ssh", "answers": answers });
        self.sandbox.pam_host(script).cycle().clone()
    }

    /// A report of all that was logged here.
    fn report_of_journal(&self, arguments: &[&str]) -> Output {
        let log = self.sandbox.journal().lines().join("\n");
        self.sandbox.run_with_input("twofactor", [&["report", "--log", "-"], arguments].concat(), &log)
    }
}

/// A machine after two weeks of roll-out, with people whose names ask for trouble, and the page about it.
struct Village {
    week: Week,
}

impl Village {
    fn new() -> Village {
        let week = Week::new(MONITOR);
        let village = Village { week };
        let (mut passwd, mut members) = (village.week.sandbox.read("/etc/passwd"), String::new());
        for number in 0..ORDINARY {
            passwd += &format!("person{number}:x:{0}:{0}::/:/bin/bash\n", 2000 + number);
            members += &format!("person{number},");
        }
        for (number, (name, _)) in (0..).zip(village.hostile()) {
            passwd += &format!("{name}:x:{0}:{0}::/:/bin/bash\n", 3000 + number);
            members += &format!("{name},");
        }
        let group = village.week.sandbox.read("/etc/group");
        let long = "engineering-and-operations-of-the-whole-company";
        let groups = format!(
            "{group}{HOSTILE_GROUP}:x:5000:{members}alice\n{long}:x:5001:{members}bob\nfew:x:5002:person1,alice\n"
        );
        village.week.sandbox.write("/etc/passwd", passwd, 0o644);
        village.week.sandbox.write("/etc/group", groups, 0o644);
        for number in 0..ENROLLED {
            village.week.sandbox.enrol(&format!("person{number}"));
        }
        village.week.sandbox.write("/root/log", village.log(), 0o600);
        village.week.sandbox.run("twofactor", ["report", "--log", "/root/log", "--html", PAGE]).succeeded();
        village
    }

    /// Names, and as the module logs them.
    fn hostile(&self) -> Vec<(String, String)> {
        let long = "n".repeat(200);
        [
            ("<script>document.title='owned'</script>", "\"<script>document.title='owned'</script>\""),
            ("<img src=x onerror=document.title='owned'>", "\"<img src=x onerror=document.title='owned'>\""),
            ("\"'&amp;&<b>", "\"\\\"'&amp;&<b>\""),
            ("\u{202e}drow", "\"\\xe2\\x80\\xaedrow\""),
            ("\u{1f469}\u{200d}\u{1f680}", "\"\\xf0\\x9f\\x91\\xa9\\xe2\\x80\\x8d\\xf0\\x9f\\x9a\\x80\""),
            (&long, &long),
        ]
        .map(|(name, logged)| (name.to_owned(), logged.to_owned()))
        .to_vec()
    }

    /// Some logins on each of fourteen days, with every kind of ending.
    fn log(&self) -> String {
        let endings = [
            "proved reason=code-accepted",
            "proved reason=code-accepted",
            "not-due reason=not-enrolled",
            "refused reason=wrong-code",
            "throttled reason=too-many-failures",
            "unavailable reason=records-unavailable",
            "not-due reason=policy-off",
        ];
        let days = "for ago in {17..4}; do date -u -d \"-$ago days\" +%FT%TZ; done";
        let days = self.week.sandbox.bash(days).succeeded().stdout;
        let days: Vec<&str> = days.lines().collect();
        let mut log = String::new();
        let mut say = |day: usize, user: &str, service: &str, ending: &str| {
            log += &format!(
                "{} host sshd[1]: pam_twofactor(x:auth): event=login user={user} service={service} \
                 rhost=192.0.2.7 tty=ssh outcome={ending} mode=monitor\n",
                days[day]
            );
        };
        for number in 0..400 {
            let ending = endings[(number * number + number / 14) % endings.len()];
            let service = ["sshd", "sudo", "login", "a-service-with-a-rather-long-name"][number % 4];
            say(number % days.len(), &format!("person{}", number % ORDINARY), service, ending);
        }
        for (_, logged) in self.hostile() {
            say(10, &logged, &format!("\"{HOSTILE_SERVICE}\""), "not-due reason=not-enrolled");
        }
        log
    }

    /// Alice, bob and root are not enrolled.
    fn enrolled_share(&self) -> f64 {
        ENROLLED as f64 / (ORDINARY + self.hostile().len() + 3) as f64
    }
}

/// The line of a login, from the name on, with the service.
fn told(line: &str) -> String {
    let value = |key: &str| line.split(&format!(" {key}=")).nth(1).unwrap().split(' ').next().unwrap();
    let outcome = line.split(" outcome=").nth(1).unwrap();
    let outcome = outcome.split(" error=").next().unwrap();
    format!("{} {} outcome={outcome}", value("user"), value("service"))
}

/// Every `2026-11-26 08:00` as `TIME`, and every other date as `DATE`.
fn without_times(text: &str) -> String {
    let mut masked = text.to_owned();
    for (mask, word) in [("dddd-dd-dd dd:dd", "TIME"), ("dddd-dd-dd", "DATE")] {
        let fits = |window: &[u8]| {
            window.iter().zip(mask.bytes()).all(|(byte, m)| *byte == m || (m == b'd' && byte.is_ascii_digit()))
        };
        while let Some(at) = masked.as_bytes().windows(mask.len()).position(fits) {
            masked.replace_range(at..at + mask.len(), word);
        }
    }
    masked
}

/// The one line of JSON that is all of standard output.
#[track_caller]
fn one_value(output: &Output) -> Value {
    assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

const PAGE: &str = "/root/page.html";
const ORDINARY: usize = 30;
const ENROLLED: usize = 12;
const HOSTILE_SERVICE: &str = "<img src=x onerror=document.title='owned'>";
const HOSTILE_GROUP: &str = "<b>bold</b>";

/// What is where on the page, in pixels of the window; one pixel of rounding is forgiven.
const MEASURE: &str = r#"(() => {
    const root = document.documentElement;
    const box = e => e.getBoundingClientRect();
    const scrolls = e => e.closest('.scroll') !== null;
    const tooBroad = [...document.querySelectorAll('body *')].filter(e =>
        !scrolls(e) && (box(e).right > innerWidth + 1 || box(e).left < -1 || (e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)));
    const labelled = (e, at) => document.getElementById(e.getAttribute('aria-labelledby').split(' ')[at]).textContent;
    const charts = [...document.querySelectorAll('svg')].map(svg => {
        const frame = box(svg), texts = [...svg.querySelectorAll('text')], shapes = [...svg.querySelectorAll('rect')];
        const outside = [...texts, ...shapes].filter(e => { const b = box(e); return b.left < frame.left - 1
            || b.right > frame.right + 1 || b.top < frame.top - 1 || b.bottom > frame.bottom + 1; });
        const overlapping = texts.filter((e, at) => texts.slice(at + 1).some(f => { const a = box(e), b = box(f);
            return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom; }));
        const parts = shapes.filter(e => e.classList[0] !== 'track');
        return {
            name: labelled(svg, 0), description: labelled(svg, 1), role: svg.getAttribute('role'), shapes: shapes.length,
            outside: outside.map(e => e.outerHTML), overlapping: overlapping.map(e => e.outerHTML),
            first_parts: parts.slice(0, 2).map(e => box(e).width),
        };
    });
    // WCAG 2, contrast of at least 4.5 to 1.
    const light = colour => colour.match(/[\d.]+/g).slice(0, 3).map(c => c / 255)
        .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = e => { const c = getComputedStyle(e).backgroundColor; return c === 'rgba(0, 0, 0, 0)' ? behind(e.parentElement) : c; };
    const faint = [...document.querySelectorAll('body *')].filter(e =>
        [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) && !['STYLE', 'title', 'desc'].includes(e.tagName))
        .filter(e => { const s = getComputedStyle(e), a = light(e.tagName === 'text' ? s.fill : s.color), b = light(behind(e));
            return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5; });
    return { broad: root.scrollWidth - innerWidth, too_broad: tooBroad.map(e => e.outerHTML.slice(0, 200)), charts,
        faint: faint.map(e => e.outerHTML.slice(0, 200)) };
})()"#;
