//! Whether messages can go out.

use crate::machine::Machine;

#[test]
fn a_sender_that_cannot_send_is_named() {
    let machine = Machine::sound();
    machine.0.bash("echo hunter2 >/etc/twofactor/password; chmod 600 /etc/twofactor/password").succeeded();
    let config = "methods = ['totp', 'recovery', 'email']\n[mail.smtp]\nserver = 'localhost'\nusername = 'u'\n\
                  password_file = '/etc/twofactor/password'\n";
    machine.0.write("/etc/twofactor/config.toml", config, 0o644);
    assert_eq!(machine.wrong(), [""; 0]);
    for (breaking, check) in [
        ("chmod 0644 /etc/twofactor/password", "sender-file"),
        ("chown alice /etc/twofactor/password", "sender-file"),
        ("chmod 0644 /usr/libexec/twofactor/twofactor-deliver", "sender"),
        ("userdel twofactor", "sender-user"),
    ] {
        machine.breaks_and_mends(breaking, check, "fail");
    }
}
