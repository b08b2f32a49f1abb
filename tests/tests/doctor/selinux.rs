//! SELinux as its files tell of it; the kernel that runs the tests need not have it.

use crate::machine::Machine;

#[test]
fn files_that_an_enforcing_selinux_does_not_know_are_named() {
    let machine = Machine::sound();
    machine.0.bash(PROGRAMS).succeeded();
    // Nothing is said where it is not there, or only warns.
    assert_eq!(machine.wrong(), [""; 0]);
    machine.0.bash("mkdir -p /sys/fs/selinux; echo 0 >/sys/fs/selinux/enforce").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
    machine.0.bash("printf 1 >/sys/fs/selinux/enforce").succeeded();
    let finding = machine.finding("selinux-policy");
    assert_eq!(
        (finding.level.as_str(), finding.message.as_str(), finding.hint.as_str()),
        (
            "fail",
            "SELinux is enforcing and our policy is not loaded: services may not write the records, and who needs a code is \
             refused",
            "in our source, with selinux-policy-devel (on Debian selinux-policy-dev): make -C packaging/selinux -f /usr/share/selinux/devel/Makefile twofactor.pp; semodule -i \
             packaging/selinux/twofactor.pp; restorecon -R /etc/twofactor /usr/libexec/twofactor/twofactor-deliver \
             /var/lib/twofactor /var/spool/twofactor"
        )
    );
    machine.0.bash(finding.hint.split_once("; ").unwrap().1).succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
    assert_eq!(machine.finding("selinux").message, "SELinux is enforcing and knows our files");
    for (path, wanted) in [
        ("/etc/twofactor", "twofactor_conf_t"),
        ("/usr/libexec/twofactor/twofactor-deliver", "twofactor_deliver_exec_t"),
        ("/var/lib/twofactor", "twofactor_var_lib_t"),
        ("/var/spool/twofactor", "twofactor_spool_t"),
    ] {
        for (breaking, has) in [
            (format!("chcon system_u:object_r:var_lib_t:s0 {path}"), "var_lib_t"),
            (format!("mv {path} {path}.old; cp -a --no-preserve=xattr {path}.old {path}"), "nothing that it knows"),
        ] {
            machine.0.bash(&breaking).succeeded();
            let finding = machine.finding("selinux-label");
            assert_eq!(
                finding.message,
                format!("SELinux is enforcing and takes {path} for {has}, not {wanted}: services are kept from it")
            );
            assert_eq!(finding.hint, format!("restorecon -R {path}"));
            machine.breaks_and_mends("true", "selinux-label", "fail");
            machine.0.bash(&format!("rm -rf {path}.old")).succeeded();
        }
    }
}

/// Stand-ins that do what the real ones do with our policy.
const PROGRAMS: &str = r#"
rm -f /usr/sbin/semodule /usr/sbin/restorecon
cat >/usr/sbin/semodule <<'END'
#!/bin/sh
[ "$*" = "-i packaging/selinux/twofactor.pp" ] && mkdir -p /var/lib/selinux/targeted/active/modules/400/twofactor
END
cat >/usr/sbin/restorecon <<'END'
#!/bin/sh
shift
for path; do
    case $path in
        /etc/twofactor) type=twofactor_conf_t ;;
        /usr/libexec/*) type=twofactor_deliver_exec_t ;;
        /var/lib/twofactor) type=twofactor_var_lib_t ;;
        /var/spool/twofactor) type=twofactor_spool_t ;;
    esac
    chcon -R system_u:object_r:$type:s0 $path
done
END
chmod 0755 /usr/sbin/semodule /usr/sbin/restorecon"#;
