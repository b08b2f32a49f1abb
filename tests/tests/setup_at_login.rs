//! Somebody without a second factor sets one up where they log in: a code read off the screen of a real terminal that runs
//! a real ssh, and the other doors.

use serde_json::Value;
use support::{Colours, Desktop, Door, Emulator, Eye, Look, Program, Sandbox, Secret, Visit};

const ENROLL: &str = "issuer = 'example.org'\n[policy]\nunenrolled = 'enroll'\n";
const INVITE: &str = "issuer = 'example.org'\n[policy]\nunenrolled = 'invite'\n";
const HOW: &str = "or type t for a key to type in: ";
const ASKED: &str = "Code of the app (q: QR code, i: inverted, t: key to type in): ";
const KEPT: &str = "Type ok once you have them: ";

#[test]
fn a_code_on_the_screen_of_an_ssh_client_is_scanned_and_lets_in() {
    let door = Door::new(Program::Ssh);
    door.configure(ENROLL);
    let desktop = Desktop::on(&door.sandbox);
    for (emulator, size, points, colours, is_light) in [
        (Emulator::Xterm, "80x24", 9, Colours::DARK, false),
        (Emulator::Rxvt, "80x24", 11, Colours::SOLARIZED_DARK, false),
        (Emulator::Xterm, "100x42", 12, Colours::DARK, false),
        (Emulator::Rxvt, "80x24", 8, Colours::LIGHT, true),
        (Emulator::Xterm, "80x24", 9, Colours::SOLARIZED_LIGHT, true),
        (Emulator::Rxvt, "100x42", 10, Colours::LIGHT, true),
    ] {
        let window = desktop.open(
            &Look { emulator, ..Look::new(size, points, colours) },
            &door.ssh_command(&[], "127.0.0.1", "alice", &[]),
        );
        window.wait_for("Password: ");
        window.type_line("correct horse");
        window.wait_for(HOW);
        window.type_line("");
        window.wait_for(ASKED);
        if is_light {
            window.type_line("i");
            window.wait_for(ASKED);
        }
        let uri = window.scanned(Eye::Camera);
        assert_eq!(window.scanned(Eye::Sharp), uri);
        let secret = secret_of(&uri);
        window.type_line(&secret.code());
        window.wait_for(KEPT);
        let recovery_codes = codes_in(&window.shown());
        assert_eq!(recovery_codes.len(), 10, "{}", window.shown());
        window.type_line("ok");
        window.wait_for("let in: alice");

        // From now on it is asked for, and what was used at the set-up is used.
        let code = secret.code_in(30);
        let mut visit = door.knock("alice");
        visit.answer("", &code);
        visit.is_let_in("outcome=proved reason=code-accepted method=totp device=authenticator");
        let mut visit = door.knock("alice");
        visit.answer("", &code);
        visit.answer("(that code was already used, give a new one, 2 tries left) ".trim_end(), &recovery_codes[0]);
        visit.expect("let in: alice");
        door.sandbox.run("twofactor", ["remove", "alice"]).succeeded();
    }
}

#[test]
fn a_client_without_unicode_gets_the_key_as_text() {
    let door = Door::new(Program::Ssh);
    door.configure(ENROLL);
    let desktop = Desktop::on(&door.sandbox);
    let look = Look { locale: "C", ..Look::new("80x24", 9, Colours::DARK) };
    let window = desktop.open(&look, &door.ssh_command(&[], "127.0.0.1", "alice", &[]));
    window.wait_for("Password: ");
    window.type_line("correct horse");
    window.wait_for(HOW);
    window.type_line("t");
    window.wait_for(ASKED);
    assert!(window.shown().is_ascii() && !window.shown().contains('\\'), "{}", window.shown());
    window.type_line(&spelt(&window.shown()).code());
    window.wait_for(KEPT);
    window.type_line("ok");
    window.wait_for("let in: alice");
    assert!(is_enrolled(&door.sandbox, "alice"));
}

#[test]
fn every_program_that_lets_people_in_sets_them_up() {
    for program in [Program::SshKeyAndPassword, Program::SshKey, Program::Login, Program::Su, Program::Sudo] {
        let door = Door::new(program);
        door.configure(ENROLL);
        let mut visit = door.knock("alice");
        set_up(&mut visit);
        let whom = if program == Program::Sudo { "root" } else { "alice" };
        visit.expect(&format!("let in: {whom}"));
        assert_eq!(visit.decisions(), ["outcome=proved reason=code-accepted method=set-up"], "{program:?}");
        assert_eq!(visit.events("event=set-up"), ["result=begun", "result=prepared"], "{program:?}");
        assert!(
            door.sandbox.journal().lines().iter().any(|line| line.contains("event=enrolment user=alice result=saved"))
        );
        assert!(is_enrolled(&door.sandbox, "alice"), "{program:?}");
        assert!(!is_enrolled(&door.sandbox, "root"), "{program:?}");
    }
}

#[test]
fn there_is_one_chance_without_a_ticket_where_the_host_saves_nothing() {
    let door = Door::new(Program::Sudo);
    door.configure(ENROLL);
    // It never has the credentials set.
    let mut visit = door.visit("alice", "alice", &["bash", "-c", "sudo --validate && echo let in, for now"]);
    visit.answer_sudo();
    set_up(&mut visit);
    visit.expect("let in, for now");
    assert!(!is_enrolled(&door.sandbox, "alice"));
    let mut visit = door.knock("alice");
    visit.is_asked("");
    let ticket = invite(&door.sandbox, "alice");
    visit.type_code(&ticket);
    let secret = set_up(&mut visit);
    visit.expect("let in: root");
    let mut visit = door.knock("alice");
    visit.answer("", &secret.code_in(30));
    visit.expect("let in: root");
}

#[test]
fn nothing_of_a_set_up_is_left_in_the_session() {
    let door = Door::new(Program::Ssh);
    door.configure(ENROLL);
    let mut command = door.ssh_command(&[], "127.0.0.1", "alice", &[]);
    *command.last_mut().unwrap() = "env; echo in, at last";
    let mut visit = door.visit("root", "alice", &command);
    visit.answer_password();
    set_up(&mut visit);
    let shown = visit.expect("in, at last");
    assert!(shown.contains("USER=alice") && !shown.contains("TWOFACTOR"), "{shown}");
}

#[test]
fn whoever_did_not_know_the_password_has_set_up_nothing() {
    let door = Door::new(Program::Ssh);
    door.configure(ENROLL);
    // A stack that goes on after a wrong password and refuses in the end.
    let stack = "auth required pam_unix.so nodelay\nauth required pam_twofactor.so nodelay\n";
    door.sandbox.stack("sshd", &format!("{stack}account required pam_permit.so\nsession required pam_permit.so\n"));
    door.enrol("bob");
    let mut visit = door.ssh("alice", &[]);
    visit.answer_password_with("not it");
    let stranger = set_up(&mut visit);
    visit.is_refused("outcome=proved reason=code-accepted method=set-up");
    assert!(!is_enrolled(&door.sandbox, "alice"));
    // The one chance without a ticket is used, and alice has to have one; the stranger's app is of no use.
    let ticket = invite(&door.sandbox, "alice");
    let mut visit = door.knock("alice");
    visit.answer("", &stranger.code_in(30));
    visit.answer("(wrong code, 2 tries left, ? for help)", &ticket);
    set_up(&mut visit);
    visit.expect("let in: alice");
    assert!(is_enrolled(&door.sandbox, "alice"));
}

#[test]
fn a_ticket_opens_the_set_up_once() {
    let door = Door::new(Program::Ssh);
    door.configure(INVITE);
    let mut stranger = door.knock("alice");
    stranger.answer("", "0000-0000-0000-0000");
    let ticket = invite(&door.sandbox, "alice");
    stranger.answer("(wrong code, 2 tries left, ? for help)", &ticket);
    let first = set_up(&mut stranger);
    stranger.expect("let in: alice");
    assert_eq!(stranger.decisions(), ["outcome=proved reason=code-accepted method=set-up"]);
    assert_eq!(stranger.events("event=set-up"), ["result=begun-by-ticket", "result=saved"]);
    // It is no code of somebody who is enrolled, nor a ticket once they are no more.
    let mut visit = door.knock("alice");
    visit.answer("", &ticket);
    visit.answer("(wrong code, 2 tries left, ? for help)", &first.code_in(30));
    visit.is_let_in("outcome=proved reason=code-accepted method=totp device=authenticator");
    door.sandbox.run("twofactor", ["remove", "alice"]).succeeded();
    let mut visit = door.knock("alice");
    for remark in ["", "(wrong code, 2 tries left, ? for help)", "(wrong code, 1 try left, ? for help)"] {
        visit.answer(remark, &ticket);
    }
    visit.is_refused("outcome=refused reason=not-enrolled");
    // Nor is it anybody else's.
    let ticket = invite(&door.sandbox, "alice");
    let mut visit = door.knock("bob");
    visit.answer("", &ticket);
    visit.is_asked("(wrong code, 2 tries left, ? for help)");
}

#[test]
fn of_two_who_come_with_one_ticket_one_is_let_in() {
    let door = Door::new(Program::Ssh);
    door.configure(INVITE);
    let ticket = invite(&door.sandbox, "alice");
    let mut visits = [door.knock("alice"), door.knock("alice")];
    let secrets = visits.each_mut().map(|visit| {
        visit.answer("", &ticket);
        prove(visit)
    });
    let [mut first, mut second] = visits;
    second.type_line("ok");
    second.expect("let in: alice");
    first.type_line("ok");
    first.expect("Permission denied");
    let decisions = first.decisions();
    let refused = "outcome=unavailable reason=records-unavailable error=\"alice: already enrolled\"";
    assert_eq!(decisions, ["outcome=proved reason=code-accepted method=set-up", refused]);
    let mut visit = door.knock("alice");
    visit.answer("", &secrets[0].code_in(30));
    visit.answer("(wrong code, 2 tries left, ? for help)", &secrets[1].code_in(30));
    visit.expect("let in: alice");
}

#[test]
fn whoever_goes_away_or_is_killed_half_way_leaves_nothing() {
    let door = Door::new(Program::Ssh);
    door.enrol("bob");
    for settings in [ENROLL, INVITE] {
        door.configure(settings);
        let ticket = (settings == INVITE).then(|| invite(&door.sandbox, "alice"));
        let before = files(&door.sandbox);
        for stage in [HOW, ASKED, KEPT] {
            for client_goes in [true, false] {
                let mut visit = door.knock("alice");
                if let Some(ticket) = &ticket {
                    visit.answer("", ticket);
                }
                match stage {
                    HOW => drop(visit.expect(HOW)),
                    ASKED => {
                        visit.expect(HOW);
                        visit.type_line("");
                        visit.expect(ASKED);
                    }
                    _ => drop(prove(&mut visit)),
                }
                if !client_goes {
                    // The process that asks, in the middle of its question.
                    door.sandbox.bash("pkill -KILL -f '[s]shd: alice .pam.'").succeeded();
                    // sshd hears of it when the client answers.
                    visit.type_line("");
                    door.sandbox.bash("while pgrep -f '[s]shd: alice' >/dev/null; do sleep 0.05; done").succeeded();
                    assert!(!visit.transcript().contains("let in"), "{}", visit.transcript());
                }
                drop(visit);
                door.sandbox.bash("while pgrep -f '[s]shd: alice|[a]t-login' >/dev/null; do sleep 0.05; done");
                assert_eq!(files(&door.sandbox), before, "{stage}");
            }
        }
        let mut visit = door.knock("alice");
        if let Some(ticket) = &ticket {
            visit.answer("", ticket);
        }
        set_up(&mut visit);
        visit.expect("let in: alice");
        door.sandbox.run("twofactor", ["remove", "alice"]).succeeded();
    }
}

#[test]
fn where_nothing_can_be_saved_nobody_is_let_in_and_nothing_is_left() {
    let door = Door::new(Program::Ssh);
    // So that there are keys.
    door.enrol("bob");
    door.configure(ENROLL);
    let before = files(&door.sandbox);
    for (breaks, mends) in [
        ("mount -o bind /var/lib/twofactor /var/lib/twofactor; mount -o remount,ro,bind /var/lib/twofactor", UNMOUNT),
        (
            "mount -t tmpfs -o mode=700,size=64k small /var/lib/twofactor; mkdir -m 700 /var/lib/twofactor/{users,state}; \
             dd if=/dev/zero of=/var/lib/twofactor/full bs=4k 2>/dev/null || true",
            UNMOUNT,
        ),
        ("mv /usr/bin/twofactor /run/kept", "mv /run/kept /usr/bin/twofactor"),
    ] {
        door.sandbox.bash(breaks).succeeded();
        let mut visit = door.knock("alice");
        if breaks.starts_with("mount") {
            visit.expect(HOW);
            visit.type_line("t");
            let shown = visit.expect(ASKED);
            visit.type_code(&spelt(&shown).code());
        }
        visit.expect("Permission denied");
        let decisions = visit.decisions();
        assert!(decisions[0].starts_with("outcome=unavailable reason=records-unavailable error="), "{decisions:?}");
        door.sandbox.bash(mends).succeeded();
        assert_eq!(files(&door.sandbox), before, "{breaks}");
    }
}

const UNMOUNT: &str = "umount /var/lib/twofactor";

/// Sets up an app by the key as text, up to the end.
#[track_caller]
fn set_up(visit: &mut Visit<'_>) -> Secret {
    let secret = prove(visit);
    visit.type_line("ok");
    secret
}

/// The same, up to the recovery codes.
#[track_caller]
fn prove(visit: &mut Visit<'_>) -> Secret {
    visit.expect(HOW);
    visit.type_line("t");
    let secret = spelt(&visit.expect(ASKED));
    visit.type_code(&secret.code());
    visit.expect(KEPT);
    secret
}

/// The key on a screen: the only line of words in capitals and digits.
#[track_caller]
fn spelt(shown: &str) -> Secret {
    let is_key =
        |line: &&str| line.len() > 30 && line.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7' | b' '));
    let line = shown.lines().map(str::trim).find(is_key).unwrap_or_else(|| panic!("no key in {shown}"));
    Secret { base32: line.replace(' ', ""), recovery_codes: Vec::new() }
}

#[track_caller]
fn secret_of(uri: &str) -> Secret {
    assert!(uri.starts_with("otpauth://totp/example.org:alice?secret="), "{uri}");
    let (_, secret) = uri.split_once("secret=").unwrap();
    let base32 = secret.split('&').next().unwrap().to_owned();
    Secret { base32, recovery_codes: Vec::new() }
}

/// Recovery codes on a screen: four groups of four.
fn codes_in(shown: &str) -> Vec<String> {
    let is_code = |line: &&str| line.len() == 19 && line.split('-').all(|group| group.len() == 4);
    shown.lines().map(str::trim).filter(is_code).map(str::to_owned).collect()
}

fn invite(sandbox: &Sandbox, user: &str) -> String {
    let answer = sandbox.run("twofactor", ["--json", "invite", user]).succeeded();
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    answer["code"].as_str().unwrap().to_owned()
}

fn is_enrolled(sandbox: &Sandbox, user: &str) -> bool {
    let answer = sandbox.run("twofactor", ["--json", "status", user]).succeeded();
    serde_json::from_str::<Value>(&answer.stdout).unwrap()["enrolled"] == true
}

/// Every file of ours, with its content. What is written for nobody, so that nobody can tell them from somebody, is not of
/// interest.
fn files(sandbox: &Sandbox) -> String {
    let list = "find /etc/twofactor /var/lib/twofactor -type f ! -path '*/state/.*' ! -name config.toml -exec sha256sum {} + | sort";
    sandbox.bash(list).succeeded().stdout
}
