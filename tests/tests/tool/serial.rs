//! A serial console: a terminal without a size and without a word of Unicode, at the other end of a slow line.

use support::{Secret, Terminal, oathtool};

use crate::machine::{ASKS, Machine, SOON, is_recovery_code, secret_in, sees_what_is_typed};

#[test]
fn a_set_up_at_a_serial_console_works_without_a_picture() {
    let machine = Machine::new();
    for (user, environment) in [("alice", SERIAL[0]), ("bob", SERIAL[1])] {
        let mut console = console(&machine, environment, &format!("twofactor setup {user}"));
        let shown = console.expect(ASKS, SOON);
        assert!(shown.contains("Type this secret into the app:"), "{shown}");
        let secret = secret_in(&shown);
        console.send_line(&oathtool(&secret, &["--totp"]));
        let shown = console.expect("status=0", SOON);
        assert!(shown.contains(&format!("{user} is enrolled.")), "{shown}");
        assert_eq!(shown.split_whitespace().filter(|word| is_recovery_code(word)).count(), 10, "{shown}");
        is_plain(&console, environment);
        sees_what_is_typed(&mut console);
        let app = Secret { base32: secret, recovery_codes: Vec::new() };
        assert_eq!(machine.login(user, &app.code_in(30)), "PAM_SUCCESS");
    }
}

#[test]
fn nothing_that_is_said_at_a_serial_console_is_garbage() {
    let machine = Machine::new();
    machine.json(&["setup", "alice", "--no-confirm", "--label", "Zoë's tablet"]);
    for environment in SERIAL {
        for command in
            ["status alice", "list", "doctor", "policy alice", "--help", "setup --help", "status nobody-here"]
        {
            let mut console = console(&machine, environment, &format!("twofactor {command}"));
            console.expect("status=", SOON);
            let shown = is_plain(&console, environment);
            if command == "status alice" {
                assert!(shown.contains("Zo?'s tablet"), "{environment}: {shown}");
            }
            if command.ends_with("--help") {
                assert!(shown.lines().all(|line| line.len() <= 80), "{environment}, {command}: {shown}");
            }
        }
    }
    // A file is no terminal: nothing is lost there, whatever the locale.
    let kept = machine.sandbox.bash("LC_ALL=C twofactor status alice").succeeded().stdout;
    assert!(kept.contains("Zoë's tablet"), "{kept}");
}

#[test]
fn a_prompt_at_a_serial_console_can_be_broken_off() {
    let machine = Machine::new();
    let secret = machine.sandbox.enrol("alice");
    let mut broken_off = console(&machine, SERIAL[0], "twofactor try alice --service sshd-key");
    broken_off.expect("Verification code: ", SOON);
    broken_off.send(b"77\x03");
    broken_off.expect("status=130", SOON);
    sees_what_is_typed(&mut broken_off);
    let mut answered = console(&machine, SERIAL[0], "twofactor try alice --service sshd-key");
    answered.expect("Verification code: ", SOON);
    answered.send_line(&secret.code());
    answered.expect("status=0", SOON);
    is_plain(&answered, SERIAL[0]);
}

/// As agetty(8) leaves a serial line, which tells nobody its size.
fn console(machine: &Machine, environment: &str, command: &str) -> Terminal {
    let line = format!("stty 9600 -iutf8; read go; env {environment} {command}");
    let mut console = machine.at_a_shell(&line);
    console.resize(0, 0);
    console.send_line("go");
    console.expect("go\r\n", SOON);
    console
}

/// Letters, perhaps bold or underlined as help has them and every vt220 can, and nothing that moves a cursor, is coloured
/// or needs another font.
#[track_caller]
fn is_plain(console: &Terminal, environment: &str) -> String {
    let shown = ["\x1b[0m", "\x1b[1m", "\x1b[4m"].iter().fold(console.transcript(), |text, way| text.replace(way, ""));
    let is_plain = |character: char| matches!(character, ' '..='~' | '\r' | '\n');
    assert!(shown.chars().all(is_plain), "{environment}: {shown:?}");
    shown
}

/// vt220 is what serial-getty@.service says there is, linux a virtual machine's console. Whoever has chosen no locale has
/// no UTF-8 at a serial line either.
const SERIAL: [&str; 3] = [
    "TERM=vt220 LC_ALL= LC_CTYPE= LANG=C",
    "TERM=linux LC_ALL=POSIX LANG=C",
    "-u LANG -u LC_ALL -u LC_CTYPE TERM=vt220",
];
