//! How the tool behaves in terminals that can do little, or shall.

use crate::machine::{ASKS, Machine, SOON, sees_what_is_typed};

#[test]
fn without_colours_the_qr_code_is_drawn_in_plain_characters() {
    let machine = Machine::new();
    let shown = set_up_with(&machine, "NO_COLOR=1");
    assert!(shown.contains(FULL_BLOCK) && !shown.contains(ESCAPE), "{shown}");
    let drawn = shown.lines().filter(|line| line.contains(FULL_BLOCK));
    assert!(drawn.clone().count() > 15 && drawn.clone().all(|line| line.chars().count() <= 80), "{shown}");
    // It is there with a value only, says no-color.org.
    let shown = set_up_with(&machine, "NO_COLOR=");
    assert!(shown.contains("\x1b["), "{shown}");
}

#[test]
fn a_dumb_terminal_is_shown_words_only() {
    let machine = Machine::new();
    for environment in ["TERM=dumb", "TERM="] {
        let shown = set_up_with(&machine, environment);
        assert!(shown.contains("Type this secret into the app:"), "{shown}");
        assert!(shown.is_ascii() && !shown.contains(ESCAPE), "{shown}");
    }
}

#[test]
fn help_and_errors_have_colours_only_where_they_are_wanted() {
    let machine = Machine::new();
    for command in ["twofactor --help", "twofactor setup --help", "twofactor setpu", "twofactor status nobody-here"] {
        for environment in ["NO_COLOR=1", "TERM=dumb"] {
            let mut terminal = machine.at_a_shell(&format!("{environment} {command}"));
            terminal.expect("status=", SOON);
            let shown = terminal.transcript();
            assert!(!shown.contains(ESCAPE), "{environment} {command}: {shown:?}");
            assert!(shown.lines().filter(|line| !line.starts_with("hint")).all(|line| line.len() <= 80), "{shown}");
        }
        let output = machine.sandbox.bash(&format!("{command} 2>&1 || true"));
        assert!(!output.stdout.contains(ESCAPE), "{command}, into a pipe: {}", output.stdout);
    }
}

#[test]
fn a_narrow_window_breaks_help_where_words_end() {
    let machine = Machine::new();
    let mut terminal = machine.at_a_shell("read go; NO_COLOR=1 twofactor setup --help");
    terminal.resize(24, 60);
    terminal.send_line("go");
    terminal.expect("status=0", SOON);
    let shown = terminal.transcript();
    let help = shown.split("Examples:").next().unwrap();
    assert!(help.lines().all(|line| line.trim_end().chars().count() <= 60), "{shown}");
}

#[test]
fn ctrl_c_while_a_device_is_looked_for_changes_nothing_and_leaves_the_echo_on() {
    let machine = Machine::new();
    machine.sandbox.enrol("alice");
    let before = machine.status("alice");
    let mut terminal = machine.at_a_shell("twofactor resync alice");
    terminal.expect(": ", SOON);
    terminal.send(b"\x03");
    terminal.expect("status=130", SOON);
    sees_what_is_typed(&mut terminal);
    assert_eq!(machine.status("alice"), before);
}

/// All that a set-up shows until it asks for a code; then it is broken off.
fn set_up_with(machine: &Machine, environment: &str) -> String {
    let mut terminal = machine.at_a_shell(&format!("{environment} twofactor setup alice"));
    terminal.resize(60, 80);
    let shown = terminal.expect(ASKS, SOON);
    terminal.send(b"\x03");
    terminal.expect("status=130", SOON);
    shown
}

const ESCAPE: char = '\x1b';
const FULL_BLOCK: char = '\u{2588}';
