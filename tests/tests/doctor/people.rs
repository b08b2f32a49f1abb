//! Who would stand outside.

use crate::machine::Machine;

#[test]
fn people_who_would_stand_outside_are_named() {
    let machine = Machine::sound();
    machine.0.add_user("bob", "correct horse");
    let finding = machine.finding("people-outside");
    assert!(finding.level == "warn" && finding.message.ends_with(": bob"), "{finding:?}");
    machine.0.bash("twofactor setup bob --no-confirm --json").succeeded();
    machine.0.bash("echo root:secret | chpasswd; twofactor remove root").succeeded();
    assert_eq!(machine.finding("people-root").level, "fail");
    machine.0.bash("twofactor setup root --no-confirm --json").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
}
