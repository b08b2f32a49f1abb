//! What the real sshd really does.

use crate::machine::Machine;

#[test]
fn an_sshd_that_does_not_come_to_our_line_is_named() {
    let machine = Machine::sound();
    let config = "/etc/ssh/sshd_config";
    let whole = machine.0.read(config);
    for (breaking, check, level) in [
        ("sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config", "sshd-pam", "fail"),
        (
            "sed -i '1i Include /etc/ssh/sshd_config.d/*.conf' /etc/ssh/sshd_config
             sed -i 's/^Auth.*/PubkeyAuthentication no/' /etc/ssh/sshd_config
             echo 'KbdInteractiveAuthentication no' >/etc/ssh/sshd_config.d/50-cloud.conf",
            "sshd-interactive",
            "fail",
        ),
        ("sed -i /AuthenticationMethods/d /etc/ssh/sshd_config", "sshd-key", "warn"),
        (
            "sed -i '/AuthenticationMethods/d; s/^PasswordA.*/PasswordAuthentication yes/; 1i PubkeyAuthentication no' \
             /etc/ssh/sshd_config",
            "sshd-password",
            "warn",
        ),
        (
            "cp /usr/share/doc/pam-twofactor/pam.d/sshd-key /etc/pam.d/sshd
             sed -i /AuthenticationMethods/d /etc/ssh/sshd_config",
            "sshd-code-alone",
            "fail",
        ),
        (
            "printf \"[[policy.rule]]\\nrhost = ['10.0.0.0/8']\\n\" >/etc/twofactor/config.toml
             sed -i '1i UseDNS yes' /etc/ssh/sshd_config",
            "sshd-dns",
            "warn",
        ),
        (
            "printf \"[[policy.rule]]\\nssh_auth = ['publickey']\\n\" >/etc/twofactor/config.toml
             sed -i 's/^Auth.*/AuthenticationMethods publickey,password/; s/^PasswordA.*/PasswordAuthentication yes/' \
             /etc/ssh/sshd_config",
            "sshd-ssh-auth",
            "warn",
        ),
    ] {
        machine.0.write(config, &whole, 0o644);
        machine.0.bash("rm -f /etc/ssh/sshd_config.d/*.conf").succeeded();
        machine.breaks_and_mends(breaking, check, level);
    }
}

#[test]
fn an_sshd_that_does_not_say_how_it_is_set_up_is_named_with_its_reason() {
    let machine = Machine::sound();
    machine.breaks_and_mends("rmdir /run/sshd", "sshd-read", "warn");
    machine.0.bash("sed -i 's/^Kbd.*/KbdInteractiveAuthentication no/' /etc/ssh/sshd_config").succeeded();
    let finding = machine.finding("sshd-read");
    assert!(finding.level == "fail" && finding.message.contains("AuthenticationMethods"), "{finding:?}");
}

#[test]
fn a_match_block_that_spares_one_person_the_code_is_named_with_the_person() {
    let machine = Machine::sound();
    machine.0.bash("printf 'Match User alice\\nAuthenticationMethods publickey\\n' >>/etc/ssh/sshd_config").succeeded();
    let finding = machine.finding("sshd-key");
    assert!(finding.message.ends_with(", for alice"), "{finding:?}");
    assert!(finding.hint.starts_with("write /etc/ssh/sshd_config:6 so: AuthenticationMethods "), "{finding:?}");
    machine.breaks_and_mends("true", "sshd-key", "warn");
    // Two of a group, by a drop-in file, whose block ends with it; what is missing there is written below its head.
    machine.0.add_user("bob", "correct horse");
    machine.0.enrol("bob");
    let block = "Match Group staff\n    KbdInteractiveAuthentication no\n    AuthenticationMethods publickey\n";
    machine.0.write("/etc/ssh/sshd_config.d/30-staff.conf", format!("# local\n\n{block}"), 0o644);
    machine.0.bash("usermod -aG staff bob; usermod -aG staff alice").succeeded();
    machine.0.bash("sed -i '1i Include /etc/ssh/sshd_config.d/*.conf' /etc/ssh/sshd_config").succeeded();
    let finding = machine.finding("sshd-interactive");
    assert!(finding.message.ends_with(", for alice, bob"), "{finding:?}");
    assert!(finding.hint.starts_with("write /etc/ssh/sshd_config.d/30-staff.conf:4 so: Kbd"), "{finding:?}");
    machine.breaks_and_mends("true", "sshd-interactive", "fail");
    machine.breaks_and_mends(
        "rm /etc/ssh/sshd_config.d/30-staff.conf
         sed -i '/^Authen/d; s/^UsePAM/PubkeyAuthentication no\\nUsePAM/' /etc/ssh/sshd_config
         printf 'Match User bob\nPubkeyAuthentication yes\n' >>/etc/ssh/sshd_config",
        "sshd-key",
        "warn",
    );
    let written = machine.0.read("/etc/ssh/sshd_config");
    assert!(written.contains("Match User bob\nAuthenticationMethods publickey,"), "{written}");
}

#[test]
fn a_match_block_that_spares_a_network_the_code_is_named_with_the_network() {
    let machine = Machine::sound();
    let block = "Match Address 10.0.0.0/8,!10.1.0.0/16 User *,!root\nAuthenticationMethods publickey\n";
    machine.0.bash(&format!("printf '{block}' >>/etc/ssh/sshd_config")).succeeded();
    let finding = machine.finding("sshd-key");
    assert!(finding.message.ends_with(", for alice, from 10.0.0.0/8"), "{finding:?}");
    machine.breaks_and_mends("true", "sshd-key", "warn");
}

#[test]
fn that_sshd_is_not_asked_for_everybody_is_said() {
    let machine = Machine::sound();
    let people: String = (0..101).map(|n| format!("p{n}:x:{0}:100::/:/bin/bash\n", 2000 + n)).collect();
    machine.0.write("/tmp/passwd", people, 0o644);
    let blocks: String = (0..101).map(|n| format!("Match User p{n}\nBanner none\n")).collect();
    machine.0.write("/tmp/blocks", blocks, 0o644);
    machine.0.write("/etc/twofactor/config.toml", "[policy]\nmode = 'if-enrolled'\n", 0o644);
    machine.0.bash("cat /tmp/passwd >>/etc/passwd; cp /etc/ssh/sshd_config /tmp/whole").succeeded();
    machine.0.bash("cat /tmp/blocks >>/etc/ssh/sshd_config").succeeded();
    assert_eq!(machine.wrong(), ["sshd-many"]);
    machine.0.bash("cp /tmp/whole /etc/ssh/sshd_config").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
}
