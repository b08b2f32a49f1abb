//! What the real sshd really does.

use crate::logins::Way;
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
            "sed -i 's/^Auth.*/AuthenticationMethods publickey,password password/; s/^PasswordA.*/PasswordAuthentication \
             yes/' /etc/ssh/sshd_config",
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
    machine.0.bash("ip addr add 10.0.0.1/8 dev lo").succeeded();
    let network = Way { from: "10.0.0.1", to: "10.0.0.1", port: 22 };
    assert!(machine.lets_a_key_in(network) && !machine.lets_a_key_in(Way::USUAL));
    machine.breaks_and_mends("true", "sshd-key", "warn");
    machine.sshd_holds(&[network]);
}

#[test]
fn that_sshd_is_not_asked_for_everybody_is_said_with_the_next_one() {
    let machine = Machine::sound();
    let people: String = (0..101).map(|n| format!("p{n}:x:{0}:100::/:/bin/bash\n", 2000 + n)).collect();
    machine.0.write("/tmp/passwd", people, 0o644);
    let blocks: String = (0..101).map(|n| format!("Match User p{n}\nBanner none\n")).collect();
    machine.0.write("/tmp/blocks", blocks, 0o644);
    machine.0.write("/etc/twofactor/config.toml", "[policy]\nmode = 'if-enrolled'\n", 0o644);
    machine.0.bash("cat /tmp/passwd >>/etc/passwd; cp /etc/ssh/sshd_config /tmp/whole").succeeded();
    machine.0.bash("cat /tmp/blocks >>/etc/ssh/sshd_config").succeeded();
    assert_eq!(machine.wrong(), ["sshd-many"]);
    let finding = machine.finding("sshd-many");
    assert_eq!(finding.message, "sshd was asked for 100 logins only, and its Match blocks tell more from each other");
    let command = "/usr/sbin/sshd -T -C user=p99,host=unknown,addr=192.0.2.1,laddr=192.0.2.2,lport=65535";
    let hint =
        format!("ask it for the next: {command}; each list of authenticationmethods has to name keyboard-interactive");
    assert_eq!(finding.hint, hint);
    let said = machine.0.bash(command).succeeded().stdout;
    assert!(said.contains("authenticationmethods publickey,keyboard-interactive keyboard-interactive\n"), "{said}");
    machine.0.bash("cp /tmp/whole /etc/ssh/sshd_config").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
}

#[test]
fn blocks_that_spare_the_code_only_together_are_named() {
    let machine = Machine::sound();
    machine.0.bash("ip addr add 10.0.0.1/8 dev lo").succeeded();
    // Each block by itself is harmless: the first lets a list of keys hold, the second switches the methods of it on.
    let blocks = "Match LocalPort 2222\nAuthenticationMethods publickey\nPubkeyAuthentication no\n";
    let whole = machine.0.read("/etc/ssh/sshd_config");
    machine.0.write(
        "/etc/ssh/sshd_config",
        format!("{whole}Match Address 10.0.0.0/8\nPubkeyAuthentication yes\n{blocks}"),
        0o644,
    );
    let together = Way { from: "10.0.0.1", to: "10.0.0.1", port: 2222 };
    assert!(machine.lets_a_key_in(together) && !machine.lets_a_key_in(Way::USUAL));
    let finding = machine.finding("sshd-key");
    assert_eq!(
        finding.message,
        "a key gets in at sshd without a code: PAM is not asked after it, for root, alice, to port 2222, from 10.0.0.0/8"
    );
    assert_eq!(
        finding.hint,
        "write /etc/ssh/sshd_config:8 so: AuthenticationMethods publickey,keyboard-interactive keyboard-interactive; \
         then: systemctl reload ssh (it wins over /etc/ssh/sshd_config:4); with PermitRootLogin prohibit-password root \
         is then refused: only PermitRootLogin yes lets root in with key and code; check: sshd -t; keep a session open"
    );
    machine.breaks_and_mends("true", "sshd-key", "warn");
    machine.sshd_holds(&[together, Way { port: 2222, ..Way::USUAL }]);
}

#[test]
fn whoever_a_match_block_is_for_is_asked_about() {
    let machine = Machine::sound();
    let whole = machine.0.read("/etc/ssh/sshd_config");
    machine.0.bash("sed -i '$a domain users:x:4242:alice' /etc/group").succeeded();
    // Somebody of a directory that lists nobody.
    machine.0.add_user("carol", "x");
    machine
        .0
        .bash(
            "groupadd hidden; usermod -aG hidden carol; mv /usr/bin/getent /usr/bin/all
             printf '#!/bin/sh\\n/usr/bin/all \"$@\" | grep -v ^carol:\\n' >/usr/bin/getent; chmod 0755 /usr/bin/getent
             twofactor setup carol --no-confirm --json >/dev/null; twofactor remove carol >/dev/null",
        )
        .succeeded();
    for (block, name) in
        [("Group \"domain users\"", "alice"), ("User nora", "nora"), ("User carol", "carol"), ("Group hidden", "carol")]
    {
        let text = format!("{whole}Match {block}\nAuthenticationMethods publickey\n");
        machine.0.write("/etc/ssh/sshd_config", text, 0o644);
        let finding = machine.finding("sshd-key");
        assert!(finding.message.ends_with(&format!(", for {name}")), "{block}: {finding:?}");
        machine.follow(&finding.hint);
        assert!(machine.findings().iter().all(|finding| finding.check != "sshd-key"), "{block}");
    }
}

#[test]
fn an_sshd_that_asks_pam_as_another_service_is_named() {
    let machine = Machine::sound();
    // As one says that knows the keyword.
    machine
        .0
        .bash(
            "mv /usr/sbin/sshd /usr/sbin/real
             printf '#!/bin/sh\\necho pamservicename extra\\n/usr/sbin/real \"$@\"\\n' >/usr/sbin/sshd; chmod 0755 /usr/sbin/sshd
             printf 'auth required pam_unix.so\\n' >/etc/pam.d/extra",
        )
        .succeeded();
    let finding = machine.finding("sshd-service");
    assert_eq!(finding.level, "fail");
    assert_eq!(finding.message, "sshd asks PAM as the service \"extra\", which does not have our line");
    assert!(finding.hint.contains(": PAMServiceName sshd; then: "), "{finding:?}");
    machine.0.bash("cp /etc/pam.d/sshd /etc/pam.d/extra").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
}

#[test]
fn a_password_that_kerberos_takes_is_named() {
    let machine = Machine::sound();
    let breaking = "sed -i 's/^PasswordA.*/PasswordAuthentication yes/; s/^AuthenticationM.*/AuthenticationMethods \
                    publickey,keyboard-interactive password/; 1i KerberosAuthentication yes' /etc/ssh/sshd_config";
    machine.0.bash(breaking).succeeded();
    let finding = machine.finding("sshd-kerberos");
    assert_eq!(finding.message, "a Kerberos password gets in at sshd without a code: PAM is not asked after it");
    assert!(finding.hint.contains(": KerberosAuthentication no; then: "), "{finding:?}");
    machine.follow(&finding.hint);
    assert!(machine.findings().iter().all(|finding| finding.check != "sshd-kerberos"));
}

#[test]
fn a_root_without_a_code_has_one_before_passwords_are_taken() {
    let machine = Machine::sound();
    machine.0.write("/etc/twofactor/config.toml", "[policy]\nmode = 'if-enrolled'\n", 0o644);
    machine.0.bash("cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys; twofactor remove root").succeeded();
    let hint = machine.finding("sshd-root").hint;
    assert!(hint.starts_with("twofactor setup root; only then write a first line in "), "{hint}");
}

#[test]
fn an_sshd_with_another_name_is_reloaded_by_that_name() {
    let machine = Machine::sound();
    for (there, reload) in [
        ("/usr/lib/systemd/system/sshd.service", "systemctl reload sshd"),
        ("/etc/init.d/sshd", "kill -HUP $(cat /run/sshd.pid)"),
    ] {
        machine.0.bash(&format!("rm -f /lib/systemd/system/ssh*.service; >{there}")).succeeded();
        machine.0.bash("sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config").succeeded();
        let finding = machine.finding("sshd-pam");
        assert_eq!(finding.hint, format!("write /etc/ssh/sshd_config:1 so: UsePAM yes; then: {reload}"));
        machine.breaks_and_mends("true", "sshd-pam", "fail");
        machine.0.bash(&format!("rm {there}")).succeeded();
    }
}

#[test]
fn a_root_whose_keys_open_nothing_is_named_and_let_in_with_key_and_code() {
    let machine = Machine::sound();
    machine.0.bash("twofactor remove root; echo 'root:correct horse' | chpasswd").succeeded();
    let secret = machine.0.enrol("root");
    machine.0.bash("cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys").succeeded();
    let whole = machine.0.read("/etc/ssh/sshd_config");
    for (written, line, wins) in [
        (whole.clone(), "write a first line in /etc/ssh/sshd_config: ", ""),
        (format!("PermitRootLogin prohibit-password\n{whole}"), "write /etc/ssh/sshd_config:1 so: ", ""),
        (
            format!("PermitRootLogin no\n{whole}Match User root\nPermitRootLogin forced-commands-only\n"),
            "write /etc/ssh/sshd_config:7 so: ",
            " (it wins over /etc/ssh/sshd_config:1)",
        ),
    ] {
        let barring = if written.contains("forced") { "forced-commands-only" } else { "prohibit-password" };
        machine.0.write("/etc/ssh/sshd_config", written, 0o644);
        assert!(!machine.lets_in("root", &secret.code(), Way::USUAL));
        let finding = machine.finding("sshd-root");
        assert_eq!(
            finding.message,
            format!(
                "root has keys at sshd (/root/.ssh/authorized_keys) and no way in: after a key AuthenticationMethods asks \
                 for what PermitRootLogin {barring} refuses"
            )
        );
        assert_eq!(
            finding.hint,
            format!(
                "{line}PermitRootLogin yes; then: systemctl reload ssh{wins}; root then gets in by: \
                 publickey,keyboard-interactive or keyboard-interactive; if root is to stay out: PermitRootLogin no"
            )
        );
        machine.breaks_and_mends("true", "sshd-root", "warn");
        assert!(machine.lets_in("root", &secret.code(), Way::USUAL));
        assert!(!machine.lets_in("root", &secret.wrong_code(), Way::USUAL));
    }
    // That root stays out is what a host may want, and so does nobody miss a key that is not there.
    machine.0.write("/etc/ssh/sshd_config", format!("PermitRootLogin no\n{whole}"), 0o644);
    assert_eq!(machine.wrong(), [""; 0]);
    machine.0.write("/etc/ssh/sshd_config", &whole, 0o644);
    machine.0.bash("echo '# none' >/root/.ssh/authorized_keys").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
    let command = "AuthorizedKeysCommand /bin/true\nAuthorizedKeysCommandUser nobody\n";
    machine.0.write("/etc/ssh/sshd_config", format!("{command}{whole}"), 0o644);
    assert!(
        machine.finding("sshd-root").message.starts_with("root has keys at sshd (authorizedkeyscommand) and no way")
    );
}

#[test]
fn whom_sshd_lets_in_by_no_way_is_named() {
    let machine = Machine::sound();
    let whole = machine.0.read("/etc/ssh/sshd_config").replace(
        "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive",
        "AuthenticationMethods publickey,keyboard-interactive",
    );
    let block = "Match User alice\nPubkeyAuthentication no\n";
    machine.0.write("/etc/ssh/sshd_config", format!("{whole}{block}"), 0o644);
    let finding = machine.finding("sshd-closed");
    assert_eq!(
        (finding.message.as_str(), finding.hint.as_str()),
        (
            "each list of AuthenticationMethods has a method that is off: nobody gets in, for alice",
            "write /etc/ssh/sshd_config:6 so: PubkeyAuthentication yes; then: systemctl reload ssh"
        )
    );
    machine.breaks_and_mends("true", "sshd-closed", "warn");
    // Where passwords are off the method password is no way to a code either.
    let block = "Match User alice\nAuthenticationMethods publickey,password\n";
    machine.0.write("/etc/ssh/sshd_config", format!("{whole}{block}"), 0o644);
    let hint = machine.finding("sshd-closed").hint;
    let line = "write /etc/ssh/sshd_config:6 so: AuthenticationMethods publickey,keyboard-interactive; ";
    assert!(hint.starts_with(line), "{hint}");
    machine.breaks_and_mends("true", "sshd-closed", "warn");
}

#[test]
fn a_hint_does_not_lock_anybody_out() {
    let machine = Machine::sound();
    // Only the method password is there to take the code behind the password.
    let breaking = "cp /usr/share/doc/pam-twofactor/pam.d/sshd /etc/pam.d/sshd
         sed -i '/pam_twofactor.so/d; s/^@include common-auth/auth requisite pam_twofactor.so forward_pass\\nauth required \
         pam_unix.so use_first_pass/' /etc/pam.d/sshd
         printf 'UsePAM yes\\nPasswordAuthentication yes\\nKbdInteractiveAuthentication no\\n' >/etc/ssh/sshd_config";
    machine.breaks_and_mends(breaking, "sshd-key", "warn");
    machine.0.bash("sshd -t && sshd -T | grep -x 'authenticationmethods publickey,password password'").succeeded();
    // A list that needs a method which is off comes after the method.
    machine.breaks_and_mends(
        "cp /usr/share/doc/pam-twofactor/pam.d/sshd-key /etc/pam.d/sshd
         printf 'UsePAM yes\\nPubkeyAuthentication no\\nKbdInteractiveAuthentication yes\\nPasswordAuthentication no\\n' \
         >/etc/ssh/sshd_config",
        "sshd-code-alone",
        "fail",
    );
    machine.0.bash("sshd -t").succeeded();
}

#[test]
fn a_hint_that_root_would_be_refused_after_says_so() {
    let machine = Machine::sound();
    let asking = "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\n";
    for (root, warned) in [("prohibit-password", true), ("forced-commands-only", true), ("yes", false), ("no", false)] {
        machine.0.write("/etc/ssh/sshd_config", format!("PermitRootLogin {root}\n{asking}"), 0o644);
        let hint = machine.finding("sshd-key").hint;
        assert_eq!(hint.contains("only PermitRootLogin yes lets root in with key and code"), warned, "{root}: {hint}");
        assert!(hint.ends_with("; check: sshd -t; keep a session open"), "{hint}");
    }
    // Of others nothing is said of root.
    let whole = format!("{asking}AuthenticationMethods publickey,keyboard-interactive\n");
    let block = "Match User alice\nAuthenticationMethods publickey\n";
    machine.0.write("/etc/ssh/sshd_config", format!("{whole}{block}"), 0o644);
    let finding = machine.finding("sshd-key");
    assert!(!finding.hint.contains("root") && finding.hint.ends_with("keep a session open"), "{finding:?}");
}

#[test]
fn a_match_block_for_where_a_login_comes_in_is_asked_about() {
    let machine = Machine::sound();
    let whole = machine.0.read("/etc/ssh/sshd_config");
    machine.0.write("/etc/ssh/sshd_config", format!("{whole}Match LocalPort 2222\nX11Forwarding no\n"), 0o644);
    assert_eq!(machine.wrong(), [""; 0]);
    machine.0.bash("ip addr add 10.0.0.1/8 dev lo; ip addr add 2001:db8:1::1/64 dev lo nodad").succeeded();
    let (v4, v6) = ("10.0.0.1", "2001:db8:1::1");
    for (block, place, way) in [
        // The first address of the network is not meant.
        ("Address 10.0.0.0/8,!10.0.0.0/16", ", from 10.0.0.0/8", None),
        ("LocalPort 22", ", to port 22", Some(Way::USUAL)),
        ("LocalAddress 10.0.0.1", ", to 10.0.0.1", Some(Way { to: v4, ..Way::USUAL })),
        ("Address 2001:db8:*", ", from 2001:db8:*", Some(Way { from: v6, to: v6, port: 22 })),
        ("LocalAddress fe80::/10", ", to fe80::/10", None),
        (
            "LocalPort 2222 Address 10.0.0.0/8",
            ", to port 2222, from 10.0.0.0/8",
            Some(Way { from: v4, to: v4, port: 2222 }),
        ),
        ("RDomain blue", ", in the routing domain blue", None),
    ] {
        let block = format!("Match {block} User alice\nAuthenticationMethods publickey\n");
        machine.0.write("/etc/ssh/sshd_config", format!("{whole}{block}"), 0o644);
        let finding = machine.finding("sshd-key");
        assert!(finding.message.ends_with(&format!(", for alice{place}")), "{finding:?}");
        assert!(way.is_none_or(|way| machine.lets_a_key_in(way)), "{way:?}");
        machine.breaks_and_mends("true", "sshd-key", "warn");
        machine.sshd_holds(way.as_slice());
    }
}

#[test]
fn a_question_that_sshd_does_not_answer_is_named() {
    let machine = Machine::sound();
    machine.0.bash("echo 'a,b:x:2000:100::/:/bin/bash' >>/etc/passwd").succeeded();
    machine.0.bash("printf 'Match User a*\\nX11Forwarding no\\n' >>/etc/ssh/sshd_config").succeeded();
    machine.0.write("/etc/twofactor/config.toml", "[policy]\nmode = 'if-enrolled'\n", 0o644);
    machine.0.bash("userdel alice").succeeded();
    let finding = machine.finding("sshd-read");
    assert!(finding.level == "warn" && finding.message.ends_with(", for a,b"), "{finding:?}");
    assert!(finding.hint.contains("sshd -T -C user=a,b,host="), "{finding:?}");
}

#[test]
fn a_file_that_any_pattern_includes_is_read() {
    let machine = Machine::sound();
    let whole = machine.0.read("/etc/ssh/sshd_config");
    let block = "Match User alice\nAuthenticationMethods publickey\n";
    for pattern in [
        "/etc/ssh/sshd_config.d/[0-9]*.conf",
        "sshd_config.d/[!a-z][[:digit:]]-?.conf",
        "/etc/s[s]h/*.d/50-a.conf",
        "sshd_conf*/50\\-a.c*",
    ] {
        machine.0.write("/etc/ssh/sshd_config.d/50-a.conf", block, 0o644);
        machine.0.write("/etc/ssh/sshd_config", format!("Include {pattern}\n{whole}"), 0o644);
        let finding = machine.finding("sshd-key");
        assert!(finding.message.ends_with(", for alice"), "{pattern}: {finding:?}");
        assert!(finding.hint.starts_with("write /etc/ssh/sshd_config.d/50-a.conf:2 so: "), "{pattern}: {finding:?}");
        machine.breaks_and_mends("true", "sshd-key", "warn");
    }
}

#[test]
fn what_is_not_read_of_the_configuration_is_named() {
    let machine = Machine::sound();
    let whole = machine.0.read("/etc/ssh/sshd_config");
    let block = "Match User alice\nAuthenticationMethods publickey\n";
    let comments = "# what nobody reads to its end\n".repeat(40_000);
    machine.0.write("/etc/ssh/sshd_config.d/50-a.conf", format!("{comments}{block}"), 0o644);
    machine.0.write("/etc/ssh/sshd_config", format!("Include sshd_config.d/*.conf\n{whole}"), 0o644);
    let finding = machine.finding("sshd-unread");
    assert!(finding.level == "warn" && finding.message.ends_with(": /etc/ssh/sshd_config.d/50-a.conf"), "{finding:?}");
    let many = "Banner none\n".repeat(5000);
    machine.0.write("/etc/ssh/sshd_config.d/50-a.conf", format!("{many}{block}"), 0o644);
    let finding = machine.finding("sshd-unread");
    assert!(finding.message.contains(": /etc/ssh/sshd_config.d/50-a.conf:4097 and below, "), "{finding:?}");
    machine.0.write("/etc/ssh/sshd_config.d/50-a.conf", "Banner none\n", 0o644);
    assert_eq!(machine.wrong(), [""; 0]);
}
