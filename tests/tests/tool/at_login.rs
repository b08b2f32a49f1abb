//! `twofactor at-login`, which the module starts while somebody sets up an app.

use support::{Begun, framed, two_lines};

use crate::machine::{Machine, is_recovery_code};

#[test]
fn a_set_up_begins_with_a_secret_and_drawings_of_it_and_touches_no_record() {
    let machine = Machine::new();
    let Begun { uri, secret, drawings: [dark, light] } = machine.sandbox.begin_set_up("login.example.org", "alice");
    assert_eq!(secret.split(' ').map(str::len).collect::<Vec<_>>(), [4; 8], "{secret}");
    for drawing in [&dark, &light] {
        assert_eq!(drawing.lines().count(), 21, "{uri}");
        assert!(drawing.lines().all(|line| line.chars().count() == 41), "{drawing}");
        assert!(drawing.chars().all(|c| " \u{2580}\u{2584}\u{2588}\n".contains(c)), "{drawing}");
    }
    assert_ne!(dark, light);
    assert_ne!(machine.sandbox.begin_set_up("login.example.org", "alice").secret, secret);
    let opened = "strace -f -o /run/trace -e trace=open,openat,openat2,socket,execve,unlink,rename,mkdir \
                  env -i /usr/bin/twofactor at-login begin -- alice </dev/null >/run/told; cat /run/trace";
    let calls = machine.sandbox.bash(opened).succeeded().stdout;
    for theirs in
        ["/var/lib", "keyring", "/root", "/home", "/tmp", "/dev/tty", "socket(", "O_WRONLY", "O_RDWR", "O_CREAT"]
    {
        assert!(!calls.contains(theirs), "{theirs} in:\n{calls}");
    }
    assert_eq!(calls.matches("execve(").count(), 2, "{calls}");
}

#[test]
fn names_too_long_for_a_terminal_are_not_drawn() {
    let machine = Machine::new();
    let told = machine.sandbox.at_login(&format!("at-login begin -- {}", "x".repeat(400)), &[]);
    assert_eq!((told.len(), told[0].len(), [&told[1][..], &told[2]]), (3, 39, ["", ""]));
}

#[test]
fn whoever_proves_a_code_is_enrolled_when_that_is_confirmed_and_not_before() {
    let machine = Machine::new();
    let begun = machine.sandbox.begin_set_up("testhost", "alice");
    let mut app = begun.app();
    let wrong = prepare(&machine, &[&begun.secret, &app.wrong_code(), ""]);
    assert_eq!(wrong, ["wrong", "", ""]);
    let proved = app.code();
    let ready = prepare(&machine, &[&begun.secret, &proved, ""]);
    assert_eq!((ready.len(), ready[0].as_str()), (3, "ready"));
    app.recovery_codes = ready[1].lines().map(str::to_owned).collect();
    assert_eq!(app.recovery_codes.len(), 10);
    assert!(app.recovery_codes.iter().all(|code| is_recovery_code(code)), "{}", ready[1]);
    assert!(!ready[2].contains(char::is_whitespace) && ready[2].len() < 8192, "{}", ready[2]);
    let nothing = machine.sandbox.bash("cd /var/lib/twofactor; ls -A users state").succeeded().stdout;
    assert_eq!(nothing, "state:\n\nusers:\n");

    assert_eq!(confirm(&machine, "alice", &ready[2]), ["done", ""]);
    assert_eq!(machine.enrolled(), ["alice"]);
    assert_eq!(machine.status("alice")["methods"][0]["label"], "authenticator");
    assert_eq!(machine.login("alice", &proved), "PAM_AUTH_ERR", "the code that proved the set-up is burnt");
    assert_eq!(machine.login("alice", &app.code_in(30)), "PAM_SUCCESS");
    assert_eq!(machine.login("alice", &app.recovery_codes[3]), "PAM_SUCCESS");
    assert_eq!(machine.login("alice", &app.recovery_codes[3]), "PAM_AUTH_ERR");
    assert_eq!(confirm(&machine, "alice", &ready[2]), ["failed", "alice: already enrolled"]);
    let again = prepare(&machine, &[&begun.secret, &app.code(), ""]);
    assert_eq!(again, ["failed", "alice: already enrolled", ""]);
}

#[test]
fn an_invitation_is_good_for_one_set_up_and_what_is_none_for_none() {
    let machine = Machine::new();
    let code = machine.json(&["invite", "alice"])["code"].as_str().unwrap().replace('-', "");
    let begun = machine.sandbox.begin_set_up("testhost", "alice");
    let app = begun.app();
    for typed in ["0123456789abcdef", "k7qm", &"x".repeat(1000)] {
        let refused = prepare(&machine, &[&begun.secret, &app.code(), typed]);
        assert_eq!(refused, ["failed", "alice: there is no such invitation", ""]);
    }
    let first = prepare(&machine, &[&begun.secret, &app.code(), &code.to_uppercase()]);
    let second = prepare(&machine, &[&begun.secret, &app.code(), &code]);
    assert!(machine.sandbox.path("/var/lib/twofactor/state/alice+invite").exists());
    assert_eq!(confirm(&machine, "alice", &second[2]), ["done", ""]);
    assert_eq!(confirm(&machine, "alice", &first[2]), ["failed", "alice: already enrolled"]);
    machine.tool(&["remove", "alice"]).succeeded();
    for sealed in [&first[2], &second[2]] {
        assert_eq!(confirm(&machine, "alice", sealed), ["failed", "alice: there is no such invitation"]);
    }
    assert_eq!(machine.enrolled(), [""; 0]);
}

#[test]
fn what_was_prepared_is_refused_for_somebody_else_changed_or_made_up() {
    let machine = Machine::new();
    let begun = machine.sandbox.begin_set_up("testhost", "alice");
    let sealed = &prepare(&machine, &[&begun.secret, &begun.app().code(), ""])[2];
    let closed = "does not open under key 1: it was changed, or sealed for somebody else";
    assert_eq!(confirm(&machine, "bob", sealed), ["failed", &format!("bob: the prepared enrolment {closed}")]);
    let turned = if sealed.ends_with('0') { "1" } else { "0" };
    let changed = format!("{}{turned}", &sealed[..sealed.len() - 1]);
    assert_eq!(confirm(&machine, "alice", &changed), ["failed", &format!("alice: the prepared enrolment {closed}")]);
    for made_up in ["", "1:", "1", "nonsense\n", &"0".repeat(60_000)] {
        let told = confirm(&machine, "alice", made_up);
        assert!(told[0] == "failed" && told[1].starts_with("alice: the prepared enrolment "), "{told:?}");
    }
    let foreign = "alice: the prepared enrolment is not of this release";
    assert_eq!(confirm(&machine, "alice", "nonsense\n"), ["failed", foreign]);
    assert_eq!(machine.enrolled(), [""; 0]);
}

#[test]
fn what_is_no_frame_is_not_read_and_changes_nothing() {
    let machine = Machine::new();
    let begun = machine.sandbox.begin_set_up("testhost", "alice");
    let whole = framed(&[&begun.secret, &begun.app().code(), ""]);
    let with = |end: &[u8]| [&whole[..], end].concat();
    for bytes in [
        Vec::new(),
        whole[..whole.len() - 1].to_vec(),
        whole[..20].to_vec(),
        with(b"\0"),
        with(&framed(&[""])),
        framed(&["", ""]),
        [&[0xff; 4][..], b"GEZD"].concat(),
        [&framed(&["GEZD"])[..], &[2, 0, 0, 0, 0xc3, 0x28], &[0; 4]].concat(),
        framed(&["GEZD", "123456", &"a".repeat(64 * 1024)]),
        vec![0; 1 << 20],
    ] {
        for command in ["prepare", "confirm"] {
            let output = machine.sandbox.at_login_with(&format!("at-login {command} -- alice"), &bytes);
            let told = (NO_FRAME.to_owned(), HINT.to_owned());
            assert_eq!((two_lines(&output, 2), output.stdout.as_str()), (told, ""), "{} bytes", bytes.len());
        }
    }
    assert_eq!(machine.enrolled(), [""; 0]);
    let sandbox = &machine.sandbox;
    for command in ["prepare", "confirm"] {
        sandbox.bash(&format!("! twofactor at-login {command} -- alice <&- 2>/dev/null")).succeeded();
    }
    let unwritten = sandbox.run("bash", ["-c", "exec twofactor at-login begin -- alice >/dev/full"]);
    let error = "write the frame: No space left on device (os error 28)";
    assert_eq!(two_lines(&unwritten, 1), (error.to_owned(), HINT.to_owned()));
}

#[test]
fn what_stands_in_the_way_of_a_set_up_is_told_to_the_module() {
    let machine = Machine::new();
    let begun = machine.sandbox.begin_set_up("testhost", "alice");
    let code = begun.app().code();
    for (secret, error) in [
        ("", "a secret has 10 to 128 bytes"),
        ("gezd gnbv", "the secret is none in base 32"),
        ("GEZD GNB", "the secret is none in base 32"),
    ] {
        assert_eq!(prepare(&machine, &[secret, &code, ""]), ["failed", error, ""]);
    }
    let told = machine.sandbox.at_login("at-login prepare -- mallory", &[&begun.secret, &code, ""]);
    assert_eq!(told, ["failed", "there is no user \"mallory\"", ""]);
    machine.configure("methods = [\"email\"]\n");
    let error = "the configuration does not allow totp";
    assert_eq!(prepare(&machine, &[&begun.secret, &code, ""]), ["failed", error, ""]);
    machine.refuses(&["at-login", "begin", "alice"], 1, error);
    // Other parameters, and no recovery codes.
    machine.configure("methods = [\"totp\"]\n[totp]\ndigits = 8\nalgorithm = \"SHA256\"\n");
    assert_eq!(prepare(&machine, &[&begun.secret, &code, ""])[0], "wrong");
    let secret = &machine.sandbox.at_login("at-login begin -- alice", &[])[0];
    let code = support::oathtool(&secret.replace(' ', ""), &["--totp=sha256", "--digits=8"]);
    let ready = prepare(&machine, &[secret, &code, ""]);
    assert_eq!((ready[0].as_str(), ready[1].as_str()), ("ready", ""));
    assert_eq!(confirm(&machine, "alice", &ready[2]), ["done", ""]);
    let status = machine.status("alice");
    assert_eq!((&status["methods"][0]["algorithm"], &status["recovery_codes_left"]), (&"SHA256".into(), &0.into()));
}

#[test]
fn a_disk_that_is_full_or_read_only_shows_while_somebody_can_still_be_told() {
    let machine = Machine::new();
    let sandbox = &machine.sandbox;
    let begun = sandbox.begin_set_up("testhost", "alice");
    prepare(&machine, &[&begun.secret, &begun.app().code(), ""]);
    let mount = "d=/var/lib/twofactor; cp -a $d /run/records; mount -t tmpfs -o mode=700,size=64k small $d; \
                 cp -a /run/records/. $d; touch $d/ballast";
    let inventory = || sandbox.bash("cd /var/lib/twofactor; find . -printf '%p %s\\n' | sort").succeeded().stdout;
    sandbox.bash(mount).succeeded();
    let mut outcomes = Vec::new();
    // An enrolment takes one page, a state two.
    for pages in 0..4 {
        let fill = "d=/var/lib/twofactor/ballast; dd if=/dev/zero of=$d bs=1 status=none 2>/dev/null || true";
        sandbox.bash(&format!("{fill}; truncate -s -$((4096 * {pages})) $d")).succeeded();
        let before = inventory();
        let told = prepare(&machine, &[&begun.secret, &begun.app().code(), ""]);
        assert!(told[0] == "ready" || told[1].contains("No space left on device"), "{told:?}");
        assert_eq!(inventory(), before);
        outcomes.push(told[0] == "ready");
    }
    assert_eq!(outcomes, [false, false, false, true]);
    sandbox.bash("mount -o remount,ro /var/lib/twofactor").succeeded();
    let told = prepare(&machine, &[&begun.secret, &begun.app().code(), ""]);
    assert!(told[0] == "failed" && told[1].contains("Read-only file system"), "{told:?}");
}

#[test]
fn whoever_starts_a_su_may_not_stop_what_holds_the_locks() {
    let machine = Machine::new();
    let lines = "mkfifo /run/asked-slowly
        setpriv --ruid=$(id -u alice) env -i /usr/bin/twofactor at-login confirm -- alice </run/asked-slowly >/dev/null 2>&1 &
        exec 3>/run/asked-slowly
        is_root() { grep -q twofactor /proc/$1/comm && grep -q $'^Uid:\\t0\\t0\\t0\\t0$' /proc/$1/status; }
        for _ in {1..500}; do if is_root $!; then break; fi; sleep 0.01; done
        grep ^Uid: /proc/$!/status
        if runuser -u alice -- kill -STOP $! 2>/dev/null; then echo stopped; fi
        exec 3>&-; wait $! || true";
    assert_eq!(machine.sandbox.bash(lines).succeeded().stdout, "Uid:\t0\t0\t0\t0\n");
}

#[test]
fn people_are_not_told_of_what_is_for_the_module() {
    let machine = Machine::new();
    for arguments in [&["--help"][..], &["-h"]] {
        assert!(!machine.tool(arguments).succeeded().stdout.contains("at-login"));
    }
}

#[track_caller]
fn prepare(machine: &Machine, texts: &[&str]) -> Vec<String> {
    machine.sandbox.at_login("at-login prepare -- alice", texts)
}

#[track_caller]
fn confirm(machine: &Machine, user: &str, sealed: &str) -> Vec<String> {
    machine.sandbox.at_login(&format!("at-login confirm -- {user}"), &[sealed])
}

const NO_FRAME: &str = "standard input is not such a frame";
const HINT: &str = "this is a command for the module; for people there is: twofactor setup";
