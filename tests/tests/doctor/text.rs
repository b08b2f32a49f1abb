//! What it says as a whole: to people, line by line, and to programs.

use crate::machine::Machine;

#[test]
fn a_sound_machine_has_nothing_wrong() {
    let machine = Machine::sound();
    assert_eq!(machine.wrong(), [""; 0], "{:#?}", machine.findings());
    let text = machine.0.run("twofactor", ["doctor"]).succeeded().stdout;
    assert!(text.lines().all(|line| line.starts_with("ok    ")), "{text}");
}

#[test]
fn a_clock_that_nothing_keeps_is_named() {
    let machine = Machine::sound();
    for (said, level) in [("no", "warn"), ("yes", "ok")] {
        let program = format!("#!/bin/sh\necho NTPSynchronized={said}\n");
        machine.0.bash("rm /usr/bin/timedatectl").succeeded();
        machine.0.write("/usr/bin/timedatectl", program, 0o755);
        assert_eq!(machine.finding("clock").level, level);
    }
}
