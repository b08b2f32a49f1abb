//! How a sender begins and ends, whoever is killed meanwhile; and that it ends without a trace.

use std::thread;
use std::time::{Duration, Instant};

use support::{Mailbox, sender};
use twofactor_message::{ERRAND_MAX_BYTES, Errand, Load, MailRoute, Protection, TextRoute, TroubleKind};

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
        // A pipe whose reader is gone before it begins.
        let pipe = "rm -f /run/pipe; mkfifo /run/pipe; exec 4<>/run/pipe 3>/run/pipe 4>&-";
        house.sandbox.bash(&format!("{pipe}; {sender} </run/errand >&3")).succeeded();
        let line = journal.wait_for(|line| line.contains("twofactor-deliver"), Duration::from_secs(10));
        assert!(line.contains(result) && line.contains(route), "{line}");
        assert!(![CODE, NUMBER, "alice@", "bob@"].iter().any(|secret| line.contains(secret)), "{line}");
        // LOG_AUTHPRIV with LOG_NOTICE.
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
fn whatever_it_lacks_it_answers_and_leaves_nothing_behind() {
    let house = House::new();
    let sender = house.sender();
    let port = house.port();
    let frame = errand([(nowhere(&house, port), 2)]).encode();
    let limits = (4..12).map(|limit| format!("--nofile={limit}"));
    let limits = limits.chain(["--nproc=1", "--as=20000000", "--cpu=1"].map(str::to_owned));
    let mut delivered = 0;
    for limit in limits {
        let sent = sender.start_with(sender.by(&["prlimit", &limit, "--"]), &frame).finish();
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
    let sender = house.sender();
    let sent = sender.start_with(sender.by(&["prlimit", "--fsize=100", "--"]), &errand([]).encode()).finish();
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

/// A server that is not there.
fn nowhere(house: &House, port: u16) -> MailRoute {
    house.trusting(smtp(port, Protection::Implicit))
}
