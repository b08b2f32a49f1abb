//! Settings that cannot be read, or that one line of ours names in the place of the others.

use serde_json::Value;

use crate::machine::Machine;

#[test]
fn settings_that_cannot_be_read_are_named_with_their_line_and_hide_nothing_else() {
    let machine = Machine::sound();
    machine.0.write("/etc/twofactor/config.toml", "issuer = 'x'\ntrise = 3\n", 0o644);
    machine.0.bash("chmod 0644 /etc/twofactor/keyring.toml; sed -i '1i auth sufficient pam_unix.so' /etc/pam.d/sudo");
    machine.0.bash("sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config").succeeded();
    assert_eq!(machine.wrong(), ["config", "stack-past", "sshd-pam", "files-mode"]);
    let finding = machine.finding("config");
    let wrong = "/etc/twofactor/config.toml: line 2, column 1: unknown key `trise`";
    assert!(finding.level == "fail" && finding.message.starts_with(wrong), "{finding:?}");
    assert_eq!(finding.hint, "mend line 2 of /etc/twofactor/config.toml; until then nobody is let in");
    machine.edit("/etc/twofactor/config.toml", |lines| lines[1] = "issuer = 'twice'".to_owned());
    assert_eq!(machine.finding("config").level, "fail");
    machine.edit("/etc/twofactor/config.toml", |lines| drop(lines.remove(1)));
    assert_eq!(machine.wrong(), ["stack-past", "sshd-pam", "files-mode"]);
}

#[test]
fn settings_that_others_can_change_or_that_are_empty_are_named() {
    let machine = Machine::sound();
    machine.0.write("/etc/twofactor/config.toml", "issuer = 'x'\n", 0o644);
    machine.breaks_and_mends("chmod 0666 /etc/twofactor/config.toml", "config", "fail");
    machine.breaks_and_mends("chown alice /etc/twofactor/config.toml", "config", "fail");
    machine.0.bash(">/etc/twofactor/config.toml").succeeded();
    let finding = machine.finding("config");
    assert_eq!(finding.hint, "write the settings into it, or remove it to have the defaults");
    machine.0.bash("rm /etc/twofactor/config.toml").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
}

#[test]
fn settings_that_a_line_of_ours_names_are_looked_at_as_well() {
    let machine = Machine::sound();
    machine.0.bash("sed -i 's#pam_twofactor.so#& config=/etc/twofactor/sudo.toml#' /etc/pam.d/sudo").succeeded();
    assert_eq!(machine.finding("config").message, "/etc/twofactor/sudo.toml: is missing");
    machine.0.write("/etc/twofactor/sudo.toml", "[policy]\nmode = 'monitor'\n", 0o644);
    let finding = machine.finding("policy-monitor");
    assert_eq!(finding.message, "mode \"monitor\" keeps nobody out (/etc/twofactor/sudo.toml)");
    machine.0.write("/etc/twofactor/sudo.toml", "[policy]\nmode = 'required'\n", 0o644);
    assert_eq!(machine.wrong(), [""; 0]);
}

#[test]
fn a_login_is_explained_though_the_settings_cannot_be_read() {
    let machine = Machine::sound();
    machine.0.write("/etc/twofactor/config.toml", "trise = 3\n", 0o644);
    let asked = ["doctor", "--user", "alice", "--service", "sudo"];
    let text = machine.0.run("twofactor", asked).succeeded().stdout;
    for part in [
        "pam_twofactor.so\n    system_err: will be refused",
        "The stack refuses them; our line is reached.\n\n/etc/twofactor/config.toml: line 1, column 1: unknown key",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = machine.0.run("twofactor", asked.into_iter().chain(["--json"])).succeeded().stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["lets_in"], &json["policy"]), (&Value::Bool(false), &Value::Null));
    assert!(json["trouble"].as_str().unwrap().ends_with("nobody is let in"), "{json}");
}
