//! The policy module for SELinux compiles, names the types of every file, and together with Debian's reference policy
//! allows what it should and no more.
//!
//! Nothing is enforced: the kernel that runs the tests need not have SELinux. The policy is linked and asked.

use support::{Sandbox, checkout, release};

#[test]
fn the_policy_module_compiles_and_each_path_gets_its_type() {
    let sandbox = built();
    for (path, kind, wanted) in [
        ("/etc/twofactor", "dir", "twofactor_conf_t"),
        ("/etc/twofactor/keyring.toml", "file", "twofactor_conf_t"),
        ("/usr/libexec/twofactor/twofactor-deliver", "file", "twofactor_deliver_exec_t"),
        ("/var/lib/twofactor", "dir", "twofactor_var_lib_t"),
        ("/var/lib/twofactor/users/alice.toml", "file", "twofactor_var_lib_t"),
        ("/var/lib/twofactor/state/.nobody", "file", "twofactor_var_lib_t"),
        ("/var/spool/twofactor/new/mail", "file", "twofactor_spool_t"),
    ] {
        let said = sandbox.run("matchpathcon", ["-n", "-f", "/tmp/policy/contexts", "-m", kind, path]).succeeded();
        assert_eq!(said.stdout, format!("system_u:object_r:{wanted}:s0\n"), "{path}");
    }
    // Of the module and the tool the system's own policy knows what they are: a library and a program.
    for path in ["/usr/lib64/security/pam_twofactor.so", "/usr/bin/twofactor", "/etc/twofactor.before"] {
        let said = sandbox.run("matchpathcon", ["-n", "-f", "/tmp/policy/contexts", "-m", "file", path]);
        assert!(!said.stdout.contains("twofactor_"), "{path}: {}", said.stdout);
    }
    sandbox.bash("cd /tmp/policy && sefcontext_compile -o contexts.bin contexts && test -s contexts.bin").succeeded();
}

#[test]
fn hosts_may_use_the_module_and_start_the_sender_which_gets_at_no_secret() {
    let sandbox = built();
    let debian = release().with_file_name("tools").join("selinux");
    let link = format!(
        "cd {} && semodule_link -o /tmp/policy/linked base.pp {{ssh,sudo,su,xserver,xdg,mta,unprivuser,staff,getty}}.pp \
            /tmp/policy/twofactor.pp && semodule_expand /tmp/policy/linked /tmp/policy/whole",
        debian.display()
    );
    sandbox.bash(&link).succeeded();
    let allowed = |options: &str| sandbox.bash(&format!("sesearch {options} /tmp/policy/whole")).succeeded().stdout;
    for host in ["sshd_t", "local_login_t", "user_sudo_t", "user_su_t", "staff_su_t", "xdm_t"] {
        let transition = allowed(&format!("-T -s {host} -t twofactor_deliver_exec_t -c process"));
        assert!(transition.ends_with(":process twofactor_deliver_t;\n"), "{host}: {transition}");
        for wanted in ["twofactor_conf_t -c file -p read", "twofactor_var_lib_t -c file -p write"] {
            assert_ne!(allowed(&format!("-A -s {host} -t {wanted}")), "", "{host} {wanted}");
        }
        assert_eq!(allowed(&format!("-A -s {host} -t twofactor_conf_t -c file -p write")), "", "{host}");
    }
    for wanted in [
        "smtp_port_t -c tcp_socket -p name_connect",
        "http_port_t -c tcp_socket -p name_connect",
        "twofactor_spool_t -c file -p create",
        "cert_t -c file -p read",
    ] {
        assert_ne!(allowed(&format!("-A -s twofactor_deliver_t -t {wanted}")), "", "{wanted}");
    }
    for secret in ["twofactor_conf_t", "twofactor_var_lib_t", "shadow_t", "user_home_t", "ssh_home_t", "sshd_key_t"] {
        let said = allowed(&format!("-A -s twofactor_deliver_t -t {secret} -c file,dir -p read"));
        assert_eq!(said, "", "{secret}");
    }
    let people =
        allowed("-A -s user_t -t twofactor_var_lib_t -c file") + &allowed("-A -s user_t -t twofactor_conf_t -c file");
    assert_eq!(people, "");
    for role in ["system_r", "user_r", "staff_r", "sysadm_r"] {
        let types = sandbox.bash(&format!("seinfo -r {role} -x /tmp/policy/whole")).succeeded().stdout;
        assert!(types.contains("twofactor_deliver_t"), "{role}: {types}");
    }
}

#[test]
fn a_word_that_the_reference_policy_does_not_know_does_not_compile() {
    let sandbox = copied();
    sandbox.bash("echo 'corenet_tcp_connect_smpt_port(twofactor_deliver_t)' >>/tmp/policy/twofactor.te").succeeded();
    assert!(!sandbox.bash(MAKE).status.success());
}

fn copied() -> Sandbox {
    let sandbox = Sandbox::new();
    let policy = checkout().join("packaging/selinux");
    sandbox.bash(&format!("cp -r {} /tmp/policy", policy.display())).succeeded();
    sandbox
}

fn built() -> Sandbox {
    let sandbox = copied();
    let said = sandbox.bash(MAKE).succeeded();
    assert!(!(said.stdout + &said.stderr).to_lowercase().contains("warning"), "the macros of the policy are known");
    sandbox.bash("cd /tmp/policy && semodule_unpackage twofactor.pp module contexts").succeeded();
    sandbox
}

const MAKE: &str = "make -C /tmp/policy -f /usr/share/selinux/devel/Makefile twofactor.pp";
