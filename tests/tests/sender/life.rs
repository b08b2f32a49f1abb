//! How a sender begins and ends, whoever is killed meanwhile; and that it ends without a trace.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use support::{HostileSmtp, Mailbox, Sent, sender};
use twofactor_message::{ERRAND_MAX_BYTES, Errand, Load, MailRoute, Protection, TextRoute, TroubleKind, Verdict};

use crate::confined::Hanging;
use crate::house::{
    CODE, ENOUGH, House, NUMBER, SPOOL, delivered, discreet, errand, in_time, mail, smtp, text, trouble,
};

#[test]
fn whoever_started_it_has_nothing_to_wait_for() {
    let house = House::new();
    let mut hanging = Hanging::at_a_server(&house);
    let begun = Instant::now();
    assert!(hanging.sending.wait().success());
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    // A session of its own: no terminal's Ctrl-C reaches it.
    let session = hanging.supervisor.status("NSsid");
    assert_eq!(session.split_whitespace().last(), Some(hanging.supervisor.pid.to_string().as_str()));
    hanging.worker_gets(&house, "KILL");
    hanging.sending.finish();
    assert_eq!(house.left_over(), Vec::<String>::new());
}

#[test]
fn a_worker_that_is_killed_is_told_of_and_the_next_way_is_tried() {
    let house = House::new();
    for signal in ["KILL", "SEGV", "XCPU", "TERM"] {
        let hanging = Hanging::at_a_server(&house);
        hanging.worker_gets(&house, signal);
        let sent = hanging.sending.finish();
        let (kind, detail) = trouble(&sent, 0);
        assert_eq!(kind, TroubleKind::Sender, "{sent:#?}");
        assert!(detail.contains(&format!("SIG{signal}")), "{detail}");
        assert_eq!(sent.verdict.delivered_by(), Some("maildir"));
        discreet(&sent);
        assert_eq!(house.left_over(), Vec::<String>::new());
    }
}

#[test]
fn a_worker_that_is_stopped_is_killed_when_its_time_is_over() {
    let house = House::new();
    let hanging = Hanging::for_seconds(&house, 1);
    hanging.worker_gets(&house, "STOP");
    let sent = hanging.sending.finish();
    assert_eq!(trouble(&sent, 0).0, TroubleKind::Slow, "{sent:#?}");
    in_time(&sent, 1);
    assert_eq!(house.left_over(), Vec::<String>::new());
}

#[test]
fn nobody_outlives_a_supervisor_that_is_killed() {
    let house = House::new();
    let hanging = Hanging::at_a_server(&house);
    assert_eq!(house.left_over().len(), 2);
    hanging.supervisor_gets(&house, "KILL");
    assert_eq!(house.left_over(), Vec::<String>::new());
    let (said, complained, _) = hanging.sending.end();
    assert_eq!((said.len(), complained.as_str()), (0, ""));
    assert_eq!(Mailbox::at(&house.sandbox, SPOOL).waiting(), 0);
}

#[test]
fn every_way_has_its_own_time() {
    let house = House::new();
    let sleep = MailRoute::Sendmail(["/bin/sleep", "1000"].map(str::to_owned).to_vec());
    let again = MailRoute::Sendmail(["/bin/sleep", "2000"].map(str::to_owned).to_vec());
    let sent = house.sender().send(&errand([(sleep, 1), (again, 1)]));
    let kinds = [trouble(&sent, 0).0, trouble(&sent, 1).0];
    assert_eq!(kinds, [TroubleKind::Slow, TroubleKind::Slow]);
    assert_eq!(sent.verdict.delivered_by(), Some("maildir"));
    in_time(&sent, 2);
    assert_eq!(house.left_over(), Vec::<String>::new());
}

#[test]
fn root_and_whoever_else_it_cannot_become_is_refused_and_nothing_is_sent() {
    let house = House::new();
    let sender = house.sender();
    let [uid, gid] = [sender.uid, sender.gid].map(|id| id.to_string());
    let frame = errand([]).encode();
    let refused = |arguments: &[&str]| {
        let sent = sender.start_with(sender.by_as(&["env", "-i"], arguments), &frame).finish();
        assert_eq!(trouble(&sent, 0).0, TroubleKind::Sender, "{arguments:?}: {sent:#?}");
    };
    for arguments in [
        &[][..],
        &["0", "0"],
        &["0", &gid],
        &[&uid, "0"],
        &["4294967296", &gid],
        &["4294967295", &gid],
        &["-1", &gid],
        &["root", "root"],
        &[&uid],
        &[&uid, &gid, "0"],
    ] {
        refused(arguments);
    }
    let as_somebody = |uid: &str, gid: &str| {
        let setpriv = ["setpriv", "--reuid", uid, "--regid", gid, "--clear-groups", "--"];
        sender.start_with(sender.by(&setpriv), &frame).finish()
    };
    assert_eq!(trouble(&as_somebody("12345", "12345"), 0).0, TroubleKind::Sender);
    assert_eq!(trouble(&as_somebody(&uid, "12345"), 0).0, TroubleKind::Sender);
    assert_eq!(Mailbox::at(&house.sandbox, SPOOL).waiting(), 0);
    delivered(&as_somebody(&uid, &gid), "maildir");
    assert_eq!(house.left_over(), Vec::<String>::new());
}

#[test]
fn what_is_no_errand_is_refused() {
    let house = House::new();
    let sender = house.sender();
    let good = errand([]).encode();
    let mut version = good.to_vec();
    version[7] = b'9';
    let longer = [&good[..], b"\0"].concat();
    let endless = vec![b'a'; ERRAND_MAX_BYTES * 3];
    let nothing = Errand { load: Load::Mail((mail(), Vec::new())), conversation: true };
    for frame in [&b""[..], b"hello", &good[..good.len() / 2], &version, &longer, &endless, &nothing.encode()] {
        let sent = sender.start_with(sender.by(&["env", "-i"]), frame).finish();
        assert_eq!(trouble(&sent, 0).0, TroubleKind::Sender, "{sent:#?}");
        assert_eq!(sent.verdict.reports.len(), 1);
        discreet(&sent);
    }
    assert_eq!(Mailbox::at(&house.sandbox, SPOOL).waiting(), 0);
    assert_eq!(house.left_over(), Vec::<String>::new());
}

#[test]
fn a_verdict_that_nobody_waits_for_goes_to_the_log_without_secrets() {
    let house = House::new();
    let failing = ["/bin/bash", "-c", "cat >&2; exit 1"].map(str::to_owned).to_vec();
    for (errand, result, route) in [
        (errand([]), "result=delivered", "maildir"),
        (text([(TextRoute::Command(failing), ENOUGH)]), "result=failed", "command"),
    ] {
        let journal = house.sandbox.journal().from_here();
        house.sandbox.write("/run/errand", &*errand.encode(), 0o600);
        let user = house.sender();
        let sender = format!("{} {} {}", sender().display(), user.uid, user.gid);
        house.sandbox.bash(&unheard(&format!("{sender} </run/errand"))).succeeded();
        let line = journal.wait_for(|line| line.contains("twofactor-deliver"), Duration::from_secs(10));
        assert!(line.contains(result) && line.contains(route), "{line}");
        assert!(![CODE, NUMBER, "alice@", "bob@"].iter().any(|secret| line.contains(secret)), "{line}");
        // LOG_AUTHPRIV with LOG_NOTICE.
        assert!(line.starts_with("<85>"), "{line}");
    }
}

#[test]
fn a_failure_before_anything_was_attempted_goes_to_the_log_if_nobody_waits_for_it() {
    let house = House::new();
    let user = house.sender();
    house.sandbox.write("/run/errand", "hello", 0o600);
    for (ids, why) in
        [(format!("{} {}", user.uid, user.gid), "the errand is "), ("0 0".to_owned(), "unprivileged user")]
    {
        let journal = house.sandbox.journal().from_here();
        house.sandbox.bash(&unheard(&format!("{} {ids} </run/errand", sender().display())));
        let line = journal.wait_for(|line| line.contains("twofactor-deliver"), Duration::from_secs(10));
        assert!(line.contains("event=sent result=failed") && line.contains(why), "{line}");
        assert!(line.starts_with("<85>"), "{line}");
    }
}

#[test]
fn many_at_once_are_all_sent_and_keep_apart() {
    let house = House::new();
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| delivered(&house.sender().send(&errand([])), "maildir"));
        }
    });
    assert_eq!(Mailbox::at(&house.sandbox, SPOOL).waiting(), 20);
    assert_eq!(house.left_over(), Vec::<String>::new());
}

#[test]
fn no_limit_of_whoever_started_it_as_root_keeps_a_message_from_going_out() {
    let house = House::new();
    let _server = HostileSmtp::implicit(&house.certificate()).start(&house.sandbox, 465);
    let sender = house.sender();
    for limit in low_limits() {
        for (errand, route) in [(house.mail(smtp(465, Protection::Implicit)), "smtp"), (errand([]), "maildir")] {
            let sent = sender.start_with(sender.by(&["prlimit", &limit, "--"]), &errand.encode()).finish();
            assert_eq!(sent.verdict.delivered_by(), Some(route), "{limit}: {sent:#?}");
            delivered(&sent, route);
        }
    }
    assert_eq!(house.left_over(), Vec::<String>::new());
}

#[test]
fn a_program_has_the_same_limits_whoever_started_the_sender_as_root() {
    let house = House::new();
    let sender = house.sender();
    let argv = ["/bin/bash", "-c", "cat /proc/self/limits >/tmp/said"].map(str::to_owned).to_vec();
    let frame = text([(TextRoute::Command(argv), ENOUGH)]).encode();
    let said = |limits: &[String]| {
        let limits = limits.iter().map(String::as_str);
        let command = sender.by(&["prlimit"].into_iter().chain(limits).chain(["--"]).collect::<Vec<_>>());
        delivered(&sender.start_with(command, &frame).finish(), "command");
        let said = house.sandbox.read("/tmp/said");
        let ours = |line: &&str| LIMITS.iter().any(|name| line.starts_with(name));
        said.lines().filter(ours).map(str::to_owned).collect::<Vec<_>>()
    };
    let usual = said(&[]);
    assert_eq!(usual.len(), LIMITS.len(), "{usual:#?}");
    assert_eq!(said(&low_limits()), usual);
}

#[test]
fn whatever_it_lacks_it_answers_and_leaves_nothing_behind() {
    let house = House::new();
    let port = house.port();
    let frame = errand([(nowhere(&house, port), 2)]).encode();
    let limits = (4..12).map(|limit| format!("--nofile={limit}"));
    let limits = limits.chain(["--nproc=1", "--as=20000000", "--cpu=1"].map(str::to_owned));
    let mut delivered = 0;
    for limit in limits {
        let sent = limited_as_its_user(&house, &limit, &frame);
        delivered += usize::from(sent.verdict.delivered_by().is_some());
        assert!(!sent.verdict.reports.is_empty());
        discreet(&sent);
        assert_eq!(house.left_over(), Vec::<String>::new(), "{limit}");
    }
    let mailbox = Mailbox::at(&house.sandbox, SPOOL);
    assert_eq!(mailbox.waiting(), delivered);
    assert_eq!(house.sandbox.bash(&format!("find {SPOOL}/tmp -type f | wc -l")).stdout, "0\n");
}

#[test]
fn a_limit_on_the_size_of_files_is_trouble_of_this_host_and_no_half_mail() {
    let house = House::new();
    let sent = limited_as_its_user(&house, "--fsize=100", &errand([]).encode());
    assert_eq!(trouble(&sent, 0).0, TroubleKind::Local, "{sent:#?}");
    assert_eq!(house.sandbox.bash(&format!("find {SPOOL} -type f")).stdout, "");
}

#[test]
fn a_full_disk_is_trouble_of_this_host_and_no_half_mail() {
    let house = House::new();
    let sender = house.sender();
    let line = format!("mkdir /mnt/full; mount -t tmpfs -o size=16k,mode=700,uid={} full /mnt/full", sender.uid);
    house.sandbox.bash(&line).succeeded();
    house.sandbox.bash("cat /dev/zero >/mnt/full/zero || true");
    let sent = sender.send(&errand([(MailRoute::Maildir("/mnt/full".to_owned()), ENOUGH)]));
    assert_eq!(trouble(&sent, 0).0, TroubleKind::Local, "{sent:#?}");
    assert_eq!(sent.verdict.delivered_by(), Some("maildir"));
    assert_eq!(house.sandbox.bash("find /mnt/full -type f").stdout, "/mnt/full/zero\n");
}

#[test]
fn a_mail_that_is_there_is_delivered_even_if_its_directory_can_not_be_synced() {
    let house = House::new();
    let sender = house.sender();
    // The first one is of the file.
    let fault = ["strace", "-f", "-o", "/run/trace", "--trace=fsync", "--inject=fsync:error=EIO:when=2"];
    let sent = sender.start_with(sender.by(&fault), &errand([]).encode()).finish();
    assert_eq!(house.sandbox.read("/run/trace").matches("(INJECTED)").count(), 1);
    delivered(&sent, "maildir");
    assert_eq!(Mailbox::at(&house.sandbox, SPOOL).waiting(), 1);
}

/// A command whose standard output is a pipe whose reader is gone before it begins.
fn unheard(command: &str) -> String {
    format!("rm -f /run/pipe; mkfifo /run/pipe; exec 4<>/run/pipe 3>/run/pipe 4>&-; {command} >&3")
}

/// A sender that was started without being root, under a limit that it can not raise.
fn limited_as_its_user(house: &House, limit: &str, frame: &[u8]) -> Sent {
    let sender = house.sender();
    let [uid, gid] = [sender.uid, sender.gid].map(|id| id.to_string());
    let user = ["setpriv", "--reuid", &uid, "--regid", &gid, "--clear-groups", "--"];
    sender.start_with(sender.by(&[&user[..], &["prlimit", limit, "--"]].concat()), frame).finish()
}

/// A server that is not there.
fn nowhere(house: &House, port: u16) -> MailRoute {
    house.trusting(smtp(port, Protection::Implicit))
}

/// Options of prlimit(1) with which no message would go out, but with which the sender can be started. Where root may
/// raise limits, as on any machine that is no container, they are hard limits.
fn low_limits() -> [String; 7] {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap().trim();
    let is_hard = u64::from_str_radix(capabilities, 16).unwrap() & CAP_SYS_RESOURCE != 0;
    LOW_LIMITS.map(|limit| if is_hard { format!("--{limit}") } else { format!("--{limit}:") })
}

const LOW_LIMITS: [&str; 7] =
    ["nproc=1", "nofile=4", "fsize=100", "as=20000000", "data=1000000", "stack=150000", "cpu=1"];
/// capabilities(7)
const CAP_SYS_RESOURCE: u64 = 1 << 24;
/// The same in /proc/PID/limits.
const LIMITS: [&str; 7] = [
    "Max processes",
    "Max open files",
    "Max file size",
    "Max address space",
    "Max data size",
    "Max stack size",
    "Max cpu time",
];

#[test]
fn a_pipe_that_somebody_else_keeps_open_keeps_no_message_back() {
    let house = House::new();
    let mut command = house.sender().by(&["env", "-i"]);
    let mut sender = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nsenter(1)");
    let mut stdin = sender.stdin.take().expect("a pipe");
    let errand = errand([(MailRoute::Maildir(SPOOL.to_owned()), ENOUGH)]);
    stdin.write_all(&errand.encode()).expect("it reads");
    let mut said = Vec::new();
    sender.stdout.take().expect("a pipe").read_to_end(&mut said).expect("a pipe can be read");
    // The other end of the frame's pipe has been open all the time.
    drop(stdin);
    sender.wait().expect("it ends");
    assert_eq!(Verdict::decode(&said).expect("a verdict").delivered_by(), Some("maildir"));
}
