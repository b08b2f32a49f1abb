//! Signals at a prompt: whatever ends or stops the tool leaves the echo on and everything as it was.

use support::{Sandbox, Terminal};

use crate::machine::{ASKS, Machine, SOON, sees_what_is_typed};

#[test]
fn a_signal_at_any_prompt_of_a_set_up_ends_it_and_leaves_everything_as_it_was() {
    let machine = Machine::configured(
        "methods = [\"totp\", \"hotp\", \"email\", \"sms\"]\n\
         [mail]\nfrom = \"twofactor@example.test\"\ntransports = [\"maildir\"]\n\
         [sms]\nprovider = \"command\"\ncommand = [\"/bin/true\", \"{number}\"]\n",
    );
    for (options, prompt) in [
        ("", ASKS),
        ("--qr /root/alice.png", ASKS),
        ("--method hotp", "Next code of the token: "),
        ("--method email --address alice@example.test", "Code that was sent to alice@example.test: "),
        ("--method sms --number +4930123456", "Code that was sent to +4930123456: "),
    ] {
        for (signal, status) in ENDING {
            let mut terminal = machine.at_a_shell(&format!("twofactor setup alice {options}"));
            terminal.expect(prompt, SOON);
            // A line that nobody has ended is no answer.
            terminal.send(b"12");
            send(&machine.sandbox, signal);
            ends(&mut terminal, status);
            assert_eq!(machine.enrolled(), [""; 0], "{options}, {signal}");
            assert!(!machine.sandbox.path("/root/alice.png").exists(), "{options}, {signal}");
        }
    }
}

#[test]
fn a_signal_at_a_hidden_prompt_ends_the_try_with_the_echo_on() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    for (service, prompts) in
        [("sshd-key", &["Verification code: "][..]), ("sshd", &["Password: ", "Verification code: "])]
    {
        for (signal, status) in ENDING {
            let mut terminal = machine.at_a_shell(&format!("twofactor try alice --service {service}"));
            for (at, prompt) in prompts.iter().enumerate() {
                terminal.expect(prompt, SOON);
                if at + 1 < prompts.len() {
                    terminal.send_line("correct horse");
                }
            }
            terminal.send(b"77");
            send(&machine.sandbox, signal);
            ends(&mut terminal, status);
            assert!(!terminal.transcript().contains("77"), "{}", terminal.transcript());
        }
    }
    assert_eq!(machine.status("alice")["failures"], 0, "nothing was answered");
}

#[test]
fn the_quit_key_ends_a_hidden_prompt_like_the_interrupt_key_and_leaves_no_core() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    for (key, status) in [(b"\x03", 130), (b"\x1c", 131)] {
        let mut terminal = machine.at_a_shell("ulimit -c unlimited; cd /tmp; twofactor try alice --service sshd-key");
        terminal.expect("Verification code: ", SOON);
        terminal.send(b"77");
        terminal.send(key);
        ends(&mut terminal, status);
        let shown = terminal.transcript();
        assert!(!shown.contains("77") && !shown.contains("core dumped"), "{shown}");
    }
}

#[test]
fn who_stops_a_hidden_prompt_sees_what_he_types_and_is_asked_anew_when_he_comes_back() {
    let machine = Machine::new();
    let secret = machine.sandbox.enrol("alice");
    let mut terminal = machine.sandbox.terminal("env", ["PS1=$ ", "bash", "--norc", "--noediting", "-i"]);
    terminal.expect("$ ", SOON);
    terminal.send_line("twofactor try alice --service sshd-key");
    terminal.expect("Verification code: ", SOON);
    terminal.send(b"77\x1a");
    terminal.expect("Stopped", SOON);
    terminal.expect("$ ", SOON);
    terminal.send_line("stty -a");
    sees_what_is_typed(&mut terminal);
    terminal.send_line("fg");
    terminal.expect("Verification code: ", SOON);
    // What was typed before is forgotten.
    let code = secret.code();
    terminal.send_line(&code);
    terminal.expect("alice would be let in", SOON);
    let shown = terminal.transcript();
    assert!(!shown.contains(&code) && !shown.contains("77"), "{shown}");
}

#[test]
fn nothing_typed_is_seen_after_a_stop_that_nobody_can_refuse() {
    let machine = Machine::new();
    let secret = machine.sandbox.enrol("alice");
    let mut terminal = machine.at_a_shell("twofactor try alice --service sshd-key");
    terminal.expect("Verification code: ", SOON);
    // No shell looks after the terminal here; one that did would have switched the echo on.
    send(&machine.sandbox, "STOP");
    let tty = machine.sandbox.bash("readlink /proc/$(pgrep -x twofactor)/fd/0").succeeded().stdout;
    machine.sandbox.bash(&format!("stty echo <{tty}")).succeeded();
    send(&machine.sandbox, "CONT");
    terminal.expect("Verification code: ", SOON);
    let code = secret.code();
    terminal.send_line(&code);
    terminal.expect("alice would be let in", SOON);
    assert!(!terminal.transcript().contains(&code), "{}", terminal.transcript());
    sees_what_is_typed(&mut terminal);
}

#[test]
fn a_signal_that_is_ignored_ends_no_hidden_prompt() {
    let machine = Machine::new();
    let secret = machine.sandbox.enrol("alice");
    let mut terminal = machine.at_a_shell("(trap '' HUP; exec twofactor try alice --service sshd-key)");
    terminal.expect("Verification code: ", SOON);
    send(&machine.sandbox, "HUP");
    terminal.expect("Verification code: ", SOON);
    let code = secret.code();
    terminal.send_line(&code);
    terminal.expect("alice would be let in", SOON);
    assert!(!terminal.transcript().contains(&code), "{}", terminal.transcript());
}

/// From elsewhere, to the tool alone.
fn send(sandbox: &Sandbox, signal: &str) {
    sandbox.run("pkill", [&format!("-{signal}"), "-x", "twofactor"]).succeeded();
}

/// The shell says that the signal it was has ended the tool.
#[track_caller]
fn ends(terminal: &mut Terminal, status: i32) {
    terminal.expect(&format!("status={status}"), SOON);
    sees_what_is_typed(terminal);
}

/// Names, and what a shell makes of them.
const ENDING: [(&str, i32); 4] = [("TERM", 143), ("HUP", 129), ("QUIT", 131), ("INT", 130)];
