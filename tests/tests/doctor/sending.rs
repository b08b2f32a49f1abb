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
    machine.0.write("/etc/twofactor/config.toml", format!("deliver_user = 'root'\n{config}"), 0o644);
    let finding = machine.finding("sender-user");
    assert_eq!(
        (finding.message.as_str(), finding.hint.as_str()),
        (
            "there is no unprivileged user \"root\" to send as: no code can be sent",
            "write /etc/twofactor/config.toml:1 so: deliver_user = \"twofactor\""
        )
    );
    machine.breaks_and_mends("true", "sender-user", "fail");
}

#[test]
fn a_gateway_for_texts_that_cannot_be_used_is_named() {
    let machine = Machine::sound();
    let config = |sms: &str| {
        let text = format!("methods = ['totp', 'recovery', 'sms']\n[sms]\n{sms}");
        machine.0.write("/etc/twofactor/config.toml", text, 0o644);
    };
    machine.0.write("/etc/twofactor/token", "hunter2\n", 0o600);
    config("provider = 'twilio'\naccount_sid = 'AC1'\nfrom = '+491701'\nauth_token_file = '/etc/twofactor/token'\n");
    assert_eq!(machine.wrong(), [""; 0]);
    for breaking in ["chmod 0644 /etc/twofactor/token", "chown alice /etc/twofactor/token", "rm /etc/twofactor/token"] {
        machine.0.bash(breaking).succeeded();
        machine.follow(&machine.finding("sender-file").hint);
        assert!(machine.0.bash("stat -c %a%u /etc/twofactor/token").stdout == "6000\n");
        if breaking.starts_with("rm") {
            let message = machine.finding("sender-file").message;
            assert!(message.starts_with("/etc/twofactor/token: there is nothing in it"), "{message}");
        }
        machine.0.write("/etc/twofactor/token", "hunter2\n", 0o600);
        assert_eq!(machine.wrong(), [""; 0], "{breaking}");
    }
    machine.0.bash("printf '#!/bin/sh\n' >/usr/local/bin/text; chmod 0755 /usr/local/bin/text").succeeded();
    config("provider = 'command'\ncommand = ['/usr/local/bin/text', '{number}']\n");
    assert_eq!(machine.wrong(), [""; 0]);
    for breaking in ["chmod 0644", "chown alice", "chmod 0777"] {
        machine.breaks_and_mends(&format!("{breaking} /usr/local/bin/text"), "sender-sms", "fail");
    }
    machine.0.bash("rm /usr/local/bin/text").succeeded();
    assert_eq!(machine.finding("sender-sms").hint, "install /usr/local/bin/text again");
    // What would go over the wire in clear is refused where it is written.
    config("provider = 'http'\nurl = 'http://gateway.example.org/{number}/{text}'\n");
    let finding = machine.finding("config");
    assert!(finding.message.contains("line 4, column 7: a URL begins with https://"), "{finding:?}");
    machine.edit("/etc/twofactor/config.toml", |lines| lines[3] = lines[3].replace("http:", "https:"));
    assert_eq!(machine.wrong(), [""; 0]);
    config("provider = 'command'\ntext = 'your code'\ncommand = ['/bin/true', '{number}']\n");
    let finding = machine.finding("config");
    assert!(finding.message.ends_with("without {code} the message would be of no use"), "{finding:?}");
}

#[test]
fn ways_for_mail_that_are_not_there_are_named() {
    let machine = Machine::sound();
    let config = |mail: &str| {
        let text = format!("methods = ['totp', 'recovery', 'email']\n{mail}");
        machine.0.write("/etc/twofactor/config.toml", text, 0o644);
    };
    machine.0.bash("printf '#!/bin/sh\n' >/usr/local/bin/mailer; chmod 0755 /usr/local/bin/mailer").succeeded();
    config("[mail.sendmail]\ncommand = ['/usr/local/bin/mailer']\n");
    assert_eq!(machine.wrong(), [""; 0]);
    machine.breaks_and_mends("chmod 0644 /usr/local/bin/mailer", "sender-mail", "fail");
    config("[mail.maildir]\npath = '/var/spool/codes'\n");
    machine.breaks_and_mends("true", "sender-mail", "fail");
    machine.breaks_and_mends("chown root /var/spool/codes", "sender-mail", "fail");
    let owner = machine.0.bash("stat -c '%a %U' /var/spool/codes").succeeded().stdout;
    assert_eq!(owner, "700 twofactor\n");
    config("[mail.smtp]\nserver = 'localhost'\nca_file = '/etc/twofactor/ca.pem'\n");
    machine.0.bash("echo x >/etc/twofactor/ca.pem; chmod 0666 /etc/twofactor/ca.pem").succeeded();
    machine.breaks_and_mends("true", "sender-file", "fail");
    config("[mail.code]\nsubject = '{cod}'\n");
    let finding = machine.finding("config");
    assert!(finding.message.contains("nothing fills in {cod}"), "{finding:?}");
}
