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
        ("rm -r /var/lib/twofactor/state", "files", "fail"),
    ] {
        machine.breaks_and_mends(breaking, check, level);
    }
    machine.breaks_and_mends("rm /var/lib/twofactor/state/alice", "files-recovery", "warn");
    let interrupted = "cd /var/lib/twofactor/users; mv alice.toml /root; mv ../state/alice /root; twofactor keys rotate
                       mv /root/alice.toml .; mv /root/alice ../state";
    machine.breaks_and_mends(interrupted, "files-old-key", "warn");
    machine.0.bash("useradd carol; twofactor setup carol --no-confirm --json; userdel carol").succeeded();
    let hint =
        "if getent passwd carol says nothing while all directories answer, take each away: twofactor remove carol";
    assert_eq!(machine.finding("files-gone").hint, hint);
    machine.0.bash("twofactor remove carol").succeeded();
    machine.0.bash("echo broken >/var/lib/twofactor/users/alice.toml").succeeded();
    assert!(machine.finding("files-enrolment").message.contains("alice"));
}

#[test]
fn one_damaged_record_hides_no_other() {
    let machine = Machine::sound();
    for name in ["bob", "carol", "dora"] {
        machine.0.add_user(name, "correct horse");
        machine.0.enrol(name);
    }
    machine
        .0
        .bash("echo broken >/var/lib/twofactor/users/bob.toml; echo broken >/var/lib/twofactor/state/carol")
        .succeeded();
    machine.0.bash("rm /var/lib/twofactor/users/alice.toml; rm /var/lib/twofactor/state/dora").succeeded();
    let named = |check: &str, of: &str| {
        let findings = machine.findings();
        assert!(findings.iter().any(|one| one.check == check && one.message.contains(of)), "{of}: {findings:#?}");
    };
    named("files-enrolment", "users/bob.toml");
    named("files-enrolment", "state/carol");
    named("files-recovery", "dora");
    named("files-enrolment", "users/alice.toml: is missing, though there is a state");
    machine.0.bash("twofactor unlock carol; twofactor remove bob; twofactor setup bob --no-confirm --json").succeeded();
    machine
        .0
        .bash("twofactor remove alice; twofactor setup alice --no-confirm --json; twofactor recovery dora --json")
        .succeeded();
    machine.0.bash("twofactor recovery carol --json").succeeded();
    assert_eq!(machine.wrong(), [""; 0], "{:#?}", machine.findings());
}

#[test]
fn a_keyring_that_opens_nothing_is_named() {
    let machine = Machine::sound();
    let keyring = "/etc/twofactor/keyring.toml";
    let whole = machine.0.read(keyring);
    for (broken, said) in [("broken", "line 1: is not a keyring"), ("version = 9\nkey = []\n", "has version 9")] {
        machine.0.write(keyring, broken, 0o600);
        let finding = machine.finding("files-keyring");
        assert!(finding.level == "fail" && finding.message.contains(said), "{finding:?}");
    }
    machine.0.bash(&format!("rm {keyring}")).succeeded();
    let finding = machine.finding("files-keyring");
    assert!(finding.hint.starts_with("bring the keyring back from a backup"), "{finding:?}");
    machine.0.write(keyring, whole, 0o600);
    assert_eq!(machine.wrong(), [""; 0]);
}
