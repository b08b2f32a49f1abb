//! `twofactor at-login draw`, which the module starts for its prompts.

use support::two_lines;

use crate::machine::Machine;

#[test]
fn a_drawing_needs_no_settings_no_environment_and_nothing_but_its_input() {
    let machine = Machine::configured("this is not TOML");
    let [dark, light] = machine.sandbox.drawings(URI);
    for drawing in [&dark, &light] {
        assert_eq!(drawing.lines().count(), 21);
        assert!(drawing.lines().all(|line| line.chars().count() == 41), "{drawing}");
        assert!(drawing.chars().all(|c| " \u{2580}\u{2584}\u{2588}\n".contains(c)), "{drawing}");
    }
    assert_ne!(dark, light);
    let opened = "strace -f -o /run/trace -e trace=open,openat,openat2,socket,execve,unlink,rename,mkdir \
                  twofactor at-login draw </run/uri >/run/again; cmp /run/frame /run/again; cat /run/trace";
    let calls = machine.sandbox.bash(opened).succeeded().stdout;
    for theirs in ["twofactor/", "/root", "/home", "/tmp", "/dev/tty", "socket(", "O_WRONLY", "O_RDWR", "O_CREAT"] {
        assert!(!calls.contains(theirs), "{theirs} in:\n{calls}");
    }
    assert_eq!(calls.matches("execve(").count(), 1, "{calls}");
}

#[test]
fn what_is_no_uri_or_too_long_is_not_drawn() {
    let machine = Machine::new();
    let long = format!("{URI}{}", "a".repeat(4096 - URI.len()));
    for (input, status, error) in [
        ("", 2, NO_URI),
        ("https://example.org/", 2, NO_URI),
        (&format!("{URI}\n"), 2, NO_URI),
        (&format!("{URI}\x1b[2J"), 2, NO_URI),
        (&format!("{long}a"), 2, NO_URI),
        (&"\0".repeat(1 << 20), 2, NO_URI),
        (&long, 1, "the URI is too long to be drawn"),
    ] {
        let output = machine.sandbox.run_with_input("twofactor", ["at-login", "draw"], input);
        assert_eq!(two_lines(&output, status), (error.to_owned(), HINT.to_owned()));
        assert_eq!(output.stdout, "");
    }
    let sandbox = &machine.sandbox;
    assert_eq!(sandbox.bash("! twofactor at-login draw <&- 2>/dev/null").succeeded().stdout, "");
    sandbox.write("/run/uri", URI, 0o600);
    let unwritten = sandbox.run("bash", ["-c", "exec twofactor at-login draw </run/uri >/dev/full"]);
    let error = "write the drawings: No space left on device (os error 28)";
    assert_eq!(two_lines(&unwritten, 1), (error.to_owned(), HINT.to_owned()));
}

#[test]
fn people_are_not_told_of_what_is_for_the_module() {
    let machine = Machine::new();
    for arguments in [&["--help"][..], &["-h"]] {
        assert!(!machine.tool(arguments).succeeded().stdout.contains("at-login"));
    }
}

const URI: &str =
    "otpauth://totp/login.example.org:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=login.example.org";
const NO_URI: &str = "standard input is not one otpauth URI";
const HINT: &str = "this is a command for the module; for people there is: twofactor setup";
