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
fn an_answer_that_a_line_jumps_on_is_thought_of() {
    let machine = Machine::sound();
    let stack = "auth [success=ok ignore=1 default=die] pam_unix.so\nauth required pam_twofactor.so\nauth required pam_permit.so";
    machine.breaks_and_mends(&format!("echo '{stack}' >/etc/pam.d/sudo"), "stack-past", "fail");
}

#[test]
fn a_stack_in_which_nobody_says_yes_is_named() {
    let machine = Machine::sound();
    machine.0.write("/etc/twofactor/config.toml", "[[policy.rule]]\nservice = ['sudo']\nremember = '8h'\n", 0o644);
    let stack = "auth [success=1 ignore=1 default=die] pam_twofactor.so\nauth requisite pam_deny.so";
    machine.breaks_and_mends(&format!("echo '{stack}' >/etc/pam.d/sudo"), "stack-permit", "fail");
    machine.breaks_and_mends("echo 'auth required pam_twofactor.so' >/etc/pam.d/sudo", "stack-permit", "fail");
    machine.0.bash("sed -i /pam_twofactor/d /etc/pam.d/*").succeeded();
    // Beginning at sshd leaves the others for later, and is enough.
    machine.breaks_and_mends("true", "stack-none", "fail");
    assert_eq!(machine.0.read("/etc/pam.d/sshd").matches("pam_twofactor.so").count(), 1);
}

#[test]
fn whoever_would_be_asked_for_no_code_by_a_rule_to_come_is_thought_of() {
    let machine = Machine::sound();
    machine.breaks_and_mends("echo 'auth required pam_twofactor.so' >/etc/pam.d/sudo", "stack-permit", "warn");
}

#[test]
fn a_stack_that_asks_for_no_password_is_named_and_no_hint_makes_one() {
    let machine = Machine::sound();
    let alone = "auth required pam_twofactor.so";
    for (mode, permit, check, level) in [
        ("if-enrolled", "", "stack-permit", "fail"),
        ("if-enrolled", "auth required pam_permit.so", "stack-open", "fail"),
        ("required", "auth required pam_permit.so", "stack-code-alone", "warn"),
    ] {
        machine.0.write("/etc/twofactor/config.toml", format!("[policy]\nmode = '{mode}'\n"), 0o644);
        machine.0.stack("login", &format!("{alone}\n{permit}\n"));
        machine.breaks_and_mends("true", check, level);
        let mended = machine.0.read("/etc/pam.d/login");
        assert!(mended.starts_with("@include common-auth\n"), "{mended}");
    }
    // In pam.conf there are other words for it.
    machine.0.bash("rm -r /etc/pam.d /usr/lib/pam.d").succeeded();
    machine.0.write("/etc/pam.conf", format!("sudo {alone}\nsudo auth required pam_permit.so\n"), 0o644);
    let hint = machine.finding("stack-code-alone").hint;
    assert_eq!(hint, "write a first line in /etc/pam.conf: sudo auth requisite pam_unix.so");
}

#[test]
fn the_other_name_of_a_program_is_thought_of() {
    let machine = Machine::sound();
    machine.breaks_and_mends("sed -i /pam_twofactor/d /etc/pam.d/sudo-i", "stack-twin", "fail");
}

#[test]
fn a_line_that_others_jump_over_is_taken_out_of_any_part_with_a_line_in_its_place() {
    let machine = Machine::sound();
    let account = "account [success=2 default=ignore] pam_unix.so\naccount required pam_twofactor.so\n\
                   account requisite pam_deny.so\naccount required pam_permit.so\n";
    machine.0.bash(&format!("sed -i /^account/d /etc/pam.d/sudo; printf '{account}' >>/etc/pam.d/sudo")).succeeded();
    machine.breaks_and_mends("true", "stack-misplaced", "fail");
    assert!(machine.0.read("/etc/pam.d/sudo").contains("account [default=ignore] pam_permit.so\n"));
}

#[test]
fn people_whom_a_stack_selects_get_in_past_our_line_and_that_is_said() {
    let machine = Machine::sound();
    let stack = "auth requisite pam_unix.so\nauth [success=1 default=ignore] pam_succeed_if.so user ingroup users\n\
                 auth required pam_twofactor.so\nauth required pam_permit.so";
    machine.breaks_and_mends(&format!("echo '{stack}' >/etc/pam.d/sudo"), "stack-past", "warn");
}

#[test]
fn a_stack_with_more_ways_than_can_be_gone_is_said_to_be_one() {
    let machine = Machine::sound();
    let mut stack: String =
        (0..400).map(|n| format!("auth [success={} default=ignore] pam_unix.so\n", 400 - n)).collect();
    stack.push_str("auth required pam_twofactor.so\n");
    stack.push_str(&"auth required pam_unix.so\n".repeat(400));
    for (service, hint) in [
        ("sudo", "cp --backup /usr/share/doc/pam-twofactor/pam.d/sudo /etc/pam.d/sudo"),
        ("x", "write required or requisite in the place of jumps (success=N), of which /etc/pam.d/x:1 is the first"),
    ] {
        machine.0.stack(service, &stack);
        let finding = machine.finding("stack-unread");
        let message =
            format!("the stack of /etc/pam.d/{service}:401 has more ways through it than can be looked at ({service})");
        assert_eq!((finding.level.as_str(), finding.message, finding.hint.as_str()), ("warn", message, hint));
        if service == "sudo" {
            machine.breaks_and_mends("true", "stack-unread", "warn");
        }
    }
    machine.edit("/etc/pam.d/x", |lines| {
        for line in lines.iter_mut().filter(|line| line.contains("success=")) {
            *line = "auth required pam_unix.so".to_owned();
        }
    });
    assert_eq!(machine.wrong(), [""; 0]);
}

#[test]
fn a_stack_with_more_lines_than_are_read_is_said_to_be_one_and_not_passed_over() {
    let machine = Machine::sound();
    let long = "auth required pam_unix.so\n".repeat(1001);
    // Our line is among those that are read, and among those that are not.
    let (above, below) =
        (format!("auth required pam_twofactor.so\n{long}"), format!("{long}auth required pam_twofactor.so\n"));
    let judged = "has more lines than are read";
    let unknown = "has more lines than are read: nobody knows whether it asks for a code";
    let ours = "cp --backup /usr/share/doc/pam-twofactor/pam.d/sudo /etc/pam.d/sudo";
    for (service, stack, message, hint) in [
        ("sudo", &above, format!("the stack of /etc/pam.d/sudo:1 {judged} (sudo)"), ours),
        ("sudo", &below, format!("sudo {unknown}"), ours),
        (
            "x",
            &above,
            format!("the stack of /etc/pam.d/x:1 {judged} (x)"),
            "make it shorter: what stands below /etc/pam.d/x:1000 is not read",
        ),
        (
            "x",
            &below,
            format!("x {unknown}"),
            "see whether our line stands below /etc/pam.d/x:1000, the last that is read; take out lines above it",
        ),
    ] {
        machine.0.stack(service, stack);
        let finding = machine.finding("stack-unread");
        assert_eq!((finding.level.as_str(), finding.message, finding.hint.as_str()), ("warn", message, hint));
        match service {
            "sudo" => machine.breaks_and_mends("true", "stack-unread", "warn"),
            _ => machine.edit("/etc/pam.d/x", |lines| drop(lines.drain(1..900))),
        }
        assert_eq!(machine.wrong(), [""; 0]);
    }
}

#[test]
fn a_line_that_names_no_module_of_this_machine_is_named() {
    let machine = Machine::sound();
    let home = machine.0.bash("dirname /usr/lib/*-linux-*/security/pam_twofactor.so").succeeded().stdout;
    let home = home.trim();
    let refused = |service: &str| {
        let report = machine.0.pam_host(serde_json::json!({ "user": "alice", "service": service, "answers": [] }));
        report.cycle().outcome() != "PAM_SUCCESS"
    };
    // A file that others include may leave the password to them; here the module alone decides.
    machine.0.stack("common-x", "auth required pam_permit.so\nauth required /lib/security/pam_twofactor.so debug\n");
    assert!(refused("common-x"));
    machine.breaks_and_mends("true", "module", "fail");
    assert_eq!(
        machine.0.read("/etc/pam.d/common-x"),
        "auth required pam_permit.so\nauth required pam_twofactor.so debug\n"
    );
    let (there, away) = (format!("{home}/pam_twofactor.so"), format!("{home}/pam_twofactor.so.away"));
    for (breaking, check) in [
        (format!("rm {there}"), "module"),
        (format!("echo text >{there}"), "module"),
        // The processor's number.
        (
            format!("cp {there} {away}; printf '\\267' | dd of={away} bs=1 seek=18 conv=notrunc; mv {away} {there}"),
            "module",
        ),
        (format!("chown alice {there}"), "module-owner"),
        (format!("chmod 0777 {there}"), "module-mode"),
    ] {
        machine.breaks_and_mends(&breaking, check, "fail");
    }
    machine.0.stack("common-x", "auth required pam_permit.so\nauth optional /nowhere/pam_twofactor.so\n");
    assert!(!refused("common-x"));
    assert!(machine.finding("module").message.ends_with("nobody is asked for a code there"));
    machine.breaks_and_mends("true", "module", "fail");
}

#[test]
fn words_that_the_module_refuses_are_named_and_no_others() {
    let machine = Machine::sound();
    for words in [
        "debug",
        "nodelay",
        "try_first_pass",
        "use_first_pass",
        "forward_pass",
        "config=/etc/twofactor/config.toml debug",
        "nullok",
        "debug=1",
        "DEBUG",
        "secret=/root/x debug no_increment_hotp",
        "config=config.toml",
        "config=/etc/twofactor/config.toml config=/etc/twofactor/config.toml",
        "[two words] debug",
    ] {
        machine.0.write("/etc/twofactor/config.toml", "issuer = 'x'\n", 0o644);
        machine.0.stack("x", &format!("auth required pam_permit.so\nauth required pam_twofactor.so {words}\n"));
        machine.0.run("twofactor", ["doctor"]);
        let journal = machine.0.journal();
        machine.0.pam_host(serde_json::json!({ "user": "alice", "service": "x", "answers": [] }));
        let lines = journal.lines();
        let refused = lines.iter().any(|line| line.contains("module argument"));
        let named = machine.findings().iter().any(|finding| finding.check == "stack-arguments");
        assert_eq!(named, refused, "{words}: {lines:?}");
        if named {
            machine.breaks_and_mends("true", "stack-arguments", "fail");
            // Of settings that are named twice, the first are kept.
            let kept = machine.0.read("/etc/pam.d/x").contains(" config=/etc/twofactor/config.toml\n");
            assert_eq!(kept, words.starts_with("config=/"), "{words}");
        }
    }
}

#[test]
fn other_second_factors_beside_ours_are_named() {
    let machine = Machine::sound();
    let before = "auth requisite pam_unix.so\nauth required pam_google_authenticator.so nullok";
    machine.breaks_and_mends(
        &format!("echo '{before}\nauth required pam_twofactor.so' >/etc/pam.d/sudo"),
        "stack-second",
        "warn",
    );
    assert!(!machine.0.read("/etc/pam.d/sudo").contains("google"));
    // Where a line is counted, another that says nothing takes its place.
    let counted = "auth [success=1 default=ignore] pam_localuser.so\nauth required pam_oath.so\n@include common-auth";
    machine.breaks_and_mends(
        &format!("echo '{counted}\nauth required pam_twofactor.so' >/etc/pam.d/sudo-i"),
        "stack-second",
        "warn",
    );
    assert!(
        machine.0.read("/etc/pam.d/sudo-i").contains("localuser.so\nauth [default=ignore] pam_permit.so\n@include")
    );
}

#[test]
fn a_service_that_is_left_to_other_is_judged_by_it() {
    let machine = Machine::sound();
    machine.breaks_and_mends("rm /etc/pam.d/sshd", "stack-other", "warn");
    machine.breaks_and_mends("sed -i '/^auth/d; /^@include common-auth/d' /etc/pam.d/sudo", "stack-other", "warn");
    machine.0.bash("cp /etc/pam.d/sudo /etc/pam.d/other; rm /etc/pam.d/sshd").succeeded();
    assert_eq!(machine.wrong(), [""; 0]);
    // Without the files that ours include, as elsewhere than on Debian, ours would let nobody in.
    machine.0.bash("rm /etc/pam.d/other; mv /etc/pam.d/common-auth /root").succeeded();
    assert_eq!(
        machine.finding("stack-other").hint,
        "give /etc/pam.d/sshd the auth lines of its package, and below them: auth required pam_twofactor.so"
    );
    machine.0.bash("mv /root/common-auth /etc/pam.d; cp /etc/pam.d/sudo /etc/pam.d/other").succeeded();
    // It is sshd's own now.
    machine.0.bash("sed -i 's/^UsePAM yes/UsePAM no/' /etc/ssh/sshd_config").succeeded();
    machine.breaks_and_mends("true", "sshd-pam", "fail");
    machine.breaks_and_mends("sed -i '/pam_twofactor/s/required/optional/' /etc/pam.d/other", "stack-control", "fail");
}

#[test]
fn pam_conf_is_read_where_there_is_no_directory_and_only_there() {
    let machine = Machine::sound();
    machine.breaks_and_mends("echo 'sshd auth required pam_twofactor.so' >>/etc/pam.conf", "stack-pam-conf", "fail");
    let conf = "other auth required pam_deny.so\nsudo auth sufficient pam_unix.so\nsudo auth required pam_twofactor.so\n\
                sshd auth requisite pam_unix.so\nSSHD auth optional pam_twofactor.so nodelay\n\
                login auth requisite pam_unix.so\nlogin auth required pam_twofactor.so\n\
                su auth requisite pam_unix.so\n";
    machine.0.bash("rm -r /etc/pam.d /usr/lib/pam.d").succeeded();
    machine.0.write("/etc/pam.conf", conf, 0o644);
    assert_eq!(machine.wrong(), ["stack-control", "stack-past", "stack-permit"]);
    machine.breaks_and_mends("true", "stack-past", "fail");
    let mended = machine.0.read("/etc/pam.conf");
    assert!(mended.contains("sudo auth requisite pam_unix.so\n"), "{mended}");
    assert!(mended.contains("SSHD auth required pam_twofactor.so nodelay\n"), "{mended}");
}

#[test]
fn our_module_in_another_part_of_a_stack_is_named() {
    let machine = Machine::sound();
    machine.breaks_and_mends("echo 'account required pam_twofactor.so' >>/etc/pam.d/sudo", "stack-misplaced", "fail");
    machine.0.bash("sed -i '$d' /etc/pam.d/sudo").succeeded();
}
