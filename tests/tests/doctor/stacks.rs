//! The PAM stacks: past our line, above it, below it, and what the line itself says.

use crate::machine::Machine;

#[test]
fn the_profile_of_pam_auth_update_is_sound_and_twice_with_a_stack_of_ours() {
    let machine = Machine::sound();
    machine.breaks_and_mends("pam-auth-update --enable twofactor", "stack-twice", "fail");
    let ours = machine.0.run("grep", ["-l", "pam_twofactor", "-r", "/etc/pam.d"]).succeeded().stdout;
    assert_eq!(ours, "/etc/pam.d/common-auth\n");
}

#[test]
fn a_line_that_is_not_reached_or_decides_nothing_is_named_and_its_mending_mends_it() {
    let machine = Machine::sound();
    for (stack, check) in [
        ("auth sufficient pam_unix.so\nauth required pam_twofactor.so", "stack-past"),
        ("auth sufficient pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twofactor.so", "stack-past"),
        ("auth requisite pam_unix.so\nauth requisite pam_deny.so\nauth required pam_twofactor.so", "stack-unreached"),
        (
            "auth [success=2 default=ignore] pam_unix.so\nauth required pam_twofactor.so\nauth requisite pam_deny.so\n\
             auth required pam_permit.so",
            "stack-past",
        ),
        ("@include common-auth\nauth sufficient pam_twofactor.so", "stack-control"),
        ("@include common-auth\nauth optional pam_twofactor.so nodelay", "stack-control"),
        ("@include common-auth\nauth [success=ok default=ignore] pam_twofactor.so", "stack-control"),
        ("@include common-auth\nauth required pam_twofactor.so\nauth required pam_twofactor.so", "stack-twice"),
    ] {
        machine.breaks_and_mends(&format!("echo '{stack}' >/etc/pam.d/sudo"), check, "fail");
    }
    // One mistake in a file that many include is one finding.
    machine.0.bash("sed -i '1i auth sufficient pam_unix.so' /etc/pam.d/common-auth").succeeded();
    let past: Vec<_> = machine.findings().into_iter().filter(|finding| finding.check == "stack-past").collect();
    assert!(past.iter().all(|finding| finding.message.starts_with("/etc/pam.d/common-auth:1 lets people in past")));
}

#[test]
fn a_stack_in_which_nobody_says_yes_is_named() {
    let machine = Machine::sound();
    machine.0.write("/etc/twofactor/config.toml", "[[policy.rule]]\nservice = ['sudo']\nremember = '8h'\n", 0o644);
    let stack = "auth [success=1 ignore=1 default=die] pam_twofactor.so\nauth requisite pam_deny.so";
    machine.breaks_and_mends(&format!("echo '{stack}' >/etc/pam.d/sudo"), "stack-permit", "fail");
    machine.breaks_and_mends("echo 'auth required pam_twofactor.so' >/etc/pam.d/sudo", "stack-permit", "fail");
    machine.0.bash("sed -i /pam_twofactor/d /etc/pam.d/*").succeeded();
    assert_eq!(machine.finding("stack-none").level, "fail");
}
