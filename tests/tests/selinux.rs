//! The policy module for SELinux compiles against the reference policy, and names the types of every file.
//!
//! What it allows cannot be tried here: the kernel that runs the tests need not have SELinux.

use support::{Sandbox, checkout};

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
