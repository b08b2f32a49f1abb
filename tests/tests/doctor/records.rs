//! The records and the keys.

use crate::machine::Machine;

#[test]
fn records_that_others_can_get_at_or_that_do_not_open_are_named() {
    let machine = Machine::sound();
    for (breaking, check, level) in [
        ("chmod 0755 /var/lib/twofactor/users", "files-mode", "fail"),
        ("chmod 0644 /etc/twofactor/keyring.toml", "files-mode", "fail"),
        ("chown alice /var/lib/twofactor/state", "files", "fail"),
        ("chown alice /etc/twofactor/keyring.toml", "files-owner", "fail"),
        ("chmod 0777 /var/lib/twofactor", "files", "fail"),
    ] {
        machine.breaks_and_mends(breaking, check, level);
    }
    machine.breaks_and_mends("rm /var/lib/twofactor/state/alice", "files-recovery", "warn");
    let interrupted = "cd /var/lib/twofactor/users; mv alice.toml /root; mv ../state/alice /root; twofactor keys rotate
                       mv /root/alice.toml .; mv /root/alice ../state";
    machine.breaks_and_mends(interrupted, "files-old-key", "warn");
    machine.0.bash("useradd carol; twofactor setup carol --no-confirm --json; userdel carol").succeeded();
    assert_eq!(machine.finding("files-gone").hint, "take each away: twofactor remove carol");
    machine.0.bash("twofactor remove carol").succeeded();
    machine.0.bash("echo broken >/var/lib/twofactor/users/alice.toml").succeeded();
    assert!(machine.finding("files-enrolment").message.contains("alice"));
}
