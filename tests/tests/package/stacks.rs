//! What happens to the stacks, and to whoever logs in, when the package goes.

use super::*;

#[test]
fn a_removal_turns_the_profile_off_and_says_so() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        assert!(people.get_in());
        let said = dpkg(&sandbox, "--remove pam-twofactor").succeeded().stderr;
        assert!(said.contains("nobody is asked for a second factor any more"), "{said}");
        assert_eq!(module(&sandbox), "");
        assert!(!people.get_in());
    });
}

/// What the test above is there for, and what postrm would still make up for.
#[test]
fn without_the_step_before_a_removal_everybody_would_be_locked_out() {
    on_every_system(|system| {
        let sandbox = Sandbox::of(system);
        bring_package(&sandbox);
        let careless = repack(&sandbox, "0.0.1", "rm DEBIAN/prerm DEBIAN/postrm");
        dpkg(&sandbox, &format!("--install {careless}")).succeeded();
        let people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        dpkg(&sandbox, "--remove pam-twofactor").succeeded();
        for token in &people.tokens {
            assert_ne!(token.comes(&sandbox, &[]).0, "PAM_SUCCESS");
        }
    });
}

#[test]
fn nothing_is_removed_or_turned_off_while_a_stack_of_somebody_names_the_module() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        let common = sandbox.read(COMMON_AUTH);
        for (file, line) in [
            ("/etc/pam.d/mine", "auth required pam_twofactor.so\n".to_owned()),
            ("/etc/pam.d/mine", "-auth [success=1 default=ignore] pam_twofactor.so debug\n".to_owned()),
            ("/usr/lib/pam.d/vendor", format!("auth required {}\n", module(&sandbox))),
        ] {
            sandbox.bash(&format!("mkdir -p {}", Path::new(file).parent().expect("a folder").display())).succeeded();
            sandbox.write(file, line, 0o644);
            for how in ["--remove", "--purge", "--force-all --purge"] {
                let output = dpkg(&sandbox, &format!("{how} pam-twofactor"));
                assert!(!output.status.success(), "{how}");
                let (error, hint) = ours(&output);
                assert!(error.ends_with(&format!("everybody without it: {file}")), "{error}");
                assert!(hint.starts_with("take the lines out first"), "{hint}");
                assert_eq!(status(&sandbox), "installed", "{how}");
                assert_eq!(sandbox.read(COMMON_AUTH), common, "{how}");
            }
            assert!(people.get_in());
            sandbox.bash(&format!("rm {file}")).succeeded();
        }
        sandbox.bash("echo auth required pam_twofactor.so >/srv/mine; ln -s /srv/mine /etc/pam.d/mine").succeeded();
        assert!(ours(&dpkg(&sandbox, "--remove pam-twofactor")).0.ends_with(": /etc/pam.d/mine"));
        sandbox.bash("rm /etc/pam.d/mine").succeeded();
        sandbox.write("/etc/pam.d/mine", "# auth required pam_twofactor.so\nauth required pam_deny.so\n", 0o644);
        dpkg(&sandbox, "--remove pam-twofactor").succeeded();
        assert!(!people.get_in());
    });
}

#[test]
fn a_common_stack_that_was_changed_by_hand_keeps_its_module() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        sandbox.bash(&format!("sed -i 's/required\\(.*pam_twofactor\\)/requisite\\1/' {COMMON_AUTH}")).succeeded();
        let common = sandbox.read(COMMON_AUTH);
        let output = dpkg(&sandbox, "--remove pam-twofactor");
        assert!(!output.status.success());
        assert!(ours(&output).0.ends_with(COMMON_AUTH), "{}", output.stderr);
        assert_eq!((status(&sandbox).as_str(), sandbox.read(COMMON_AUTH)), ("installed", common));
        assert!(people.get_in());
    });
}

/// What somebody has moved, doubled or taken out by hand is nobody else's to turn off or on.
#[test]
fn a_line_of_the_profile_that_was_moved_or_doubled_keeps_everything_as_it_is() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        let managed = sandbox.read(COMMON_AUTH);
        let moved = "sed -i '/pam_twofactor/d' /etc/pam.d/common-auth
            echo 'auth required pam_twofactor.so' >>/etc/pam.d/common-auth";
        let doubled = "sed -i 's/.*pam_twofactor.*/&\\n&/' /etc/pam.d/common-auth";
        for by_hand in [moved, doubled] {
            sandbox.bash(by_hand).succeeded();
            let changed = sandbox.read(COMMON_AUTH);
            let output = dpkg(&sandbox, "--remove pam-twofactor");
            assert!(ours(&output).0.ends_with(COMMON_AUTH), "{}", output.stderr);
            assert!(!output.stderr.contains("the profile is turned"), "{}", output.stderr);
            assert_eq!((status(&sandbox).as_str(), sandbox.read(COMMON_AUTH)), ("installed", changed));
            if by_hand == moved {
                assert!(people.get_in());
            }
            sandbox.write(COMMON_AUTH, &managed, 0o644);
        }
        assert!(people.get_in());
    });
}

#[test]
fn a_removal_that_fails_turns_on_nothing_that_was_taken_out_by_hand() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        sandbox.bash(&format!("sed -i /pam_twofactor/d {COMMON_AUTH}")).succeeded();
        let output = removal_that_fails(&sandbox, "");
        assert!(!output.stderr.contains("the profile is turned"), "{}", output.stderr);
        assert!(!sandbox.read(COMMON_AUTH).contains("pam_twofactor"));
        assert!(!people.get_in());
    });
}

/// pam-auth-update leaves a stack with local changes alone, and succeeds.
#[test]
fn a_profile_that_cannot_be_turned_off_for_local_changes_stays_on() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        sandbox
            .bash(&format!("sed -i 's/.*pam_twofactor.*/&\\nauth optional pam_permit.so/' {COMMON_AUTH}"))
            .succeeded();
        let common = sandbox.read(COMMON_AUTH);
        let output = dpkg(&sandbox, "--remove pam-twofactor");
        let (error, hint) = ours(&output);
        assert!(error.ends_with(COMMON_AUTH), "{error}");
        assert!(hint.contains("it has local changes"), "{hint}");
        assert!(!output.stderr.contains("the profile is turned"), "{}", output.stderr);
        assert_eq!((status(&sandbox).as_str(), sandbox.read(COMMON_AUTH)), ("installed", common));
        assert!(!sandbox.path("/var/lib/twofactor/removing").exists());
        assert!(people.get_in());
    });
}

#[test]
fn a_stack_outside_that_is_included_by_its_path_keeps_the_package() {
    on_every_system(|system| {
        let sandbox = installed(system);
        sandbox.bash("mkdir -p /usr/etc/pam.d").succeeded();
        sandbox.write("/srv/second", "auth include /srv/first\nauth required pam_twofactor.so\n", 0o644);
        sandbox.write("/srv/first", "auth substack /srv/second\n", 0o644);
        for (file, line) in [
            ("/etc/pam.d/mine", "@include /srv/first\n"),
            ("/etc/pam.d/mine", "auth\tinclude\t/srv/second\n"),
            ("/usr/etc/pam.d/vendor", "auth substack /srv/first\n"),
        ] {
            sandbox.write(file, line, 0o644);
            let (error, _) = ours(&dpkg(&sandbox, "--remove pam-twofactor"));
            assert!(error.ends_with(": /srv/second"), "{error}");
            assert_eq!(status(&sandbox), "installed");
            sandbox.bash(&format!("rm {file}")).succeeded();
        }
        sandbox.write("/etc/pam.d/mine", "# @include /srv/second\n", 0o644);
        dpkg(&sandbox, "--remove pam-twofactor").succeeded();
    });
}

#[test]
fn whatever_else_removes_the_module_looks_at_the_same_stacks() {
    let sandbox = Sandbox::new();
    sandbox.install();
    sandbox.write("/tmp/stack", "auth required pam_twofactor.so\n", 0o644);
    sandbox.stack("mine", "@include /tmp/stack\n");
    let packaging = support::checkout().join("packaging").display().to_string();
    for removing in
        [format!("bash {packaging}/install.sh --uninstall"), format!("sh {packaging}/pam-twofactor.pre-deinstall")]
    {
        let output = sandbox.bash(&removing);
        assert!(!output.status.success(), "{removing}");
        assert!(ours(&output).0.ends_with("everybody without it: /tmp/stack"), "{}", output.stderr);
    }
    sandbox.stack("mine", "auth required pam_permit.so\n");
    sandbox.bash(&format!("bash {packaging}/install.sh --uninstall")).succeeded();
}

#[test]
fn another_name_of_the_common_stack_is_no_other_stack() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        sandbox.bash("ln -s common-auth /etc/pam.d/system-auth").succeeded();
        dpkg(&sandbox, "--remove pam-twofactor").succeeded();
        assert!(!people.get_in());
    });
}

#[test]
fn a_removal_that_fails_leaves_the_profile_on_with_its_arguments() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        sandbox.bash(&format!("sed -i 's|pam_twofactor.so.*|& debug nodelay|' {COMMON_AUTH}")).succeeded();
        let common = sandbox.read(COMMON_AUTH);
        let output = removal_that_fails(&sandbox, "");
        assert!(output.stderr.contains("the profile is turned on again"), "{}", output.stderr);
        let words = |stack: &str| {
            stack.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(words(&sandbox.read(COMMON_AUTH)), words(&common));
        assert!(people.get_in());
    });
}

/// By whoever is at it at the same time: here by what makes the removal fail.
#[test]
fn a_removal_that_fails_says_so_where_the_profile_cannot_be_turned_on_again() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        let output = removal_that_fails(&sandbox, &before_the_end_is_put("auth optional pam_permit.so"));
        let (error, hint) = ours(&output);
        assert_eq!(error, "pam-twofactor was not removed, and asks nobody: common-auth has local changes");
        assert!(hint.ends_with("pam-auth-update --enable twofactor"), "{hint}");
        assert!(!output.stderr.contains("the profile is turned on again"), "{}", output.stderr);
        assert_eq!(sandbox.read(COMMON_AUTH), sandbox.read(MEANWHILE));
        assert!(!sandbox.path("/var/lib/twofactor/removing").exists());
        assert!(!people.get_in());

        // What the hint says.
        sandbox.bash(&format!("sed -i '/optional pam_permit/d' {COMMON_AUTH}")).succeeded();
        turn_on(&sandbox);
        assert!(people.get_in());
    });
}

#[test]
fn a_removal_that_fails_does_not_touch_a_line_that_somebody_has_written_meanwhile() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        let line = "auth required pam_twofactor.so";
        for meanwhile in [before_the_end_is_put(line), format!("echo '{line}' >>{COMMON_AUTH}")] {
            turn_on(&sandbox);
            sandbox.bash(&format!("sed -i 's|pam_twofactor.so.*|& debug nodelay|' {COMMON_AUTH}")).succeeded();
            removal_that_fails(&sandbox, &meanwhile);
            let left = sandbox.read(COMMON_AUTH);
            assert_eq!((left.matches(line).count(), &left), (1, &sandbox.read(MEANWHILE)));
            assert!(people.get_in());
            sandbox.bash(&format!("sed -i '/pam_twofactor/d' {COMMON_AUTH}; rm {MEANWHILE}")).succeeded();
        }
    });
}

/// dpkg asks nothing before it removes what it has unpacked and not configured, as after a question that nobody answers.
#[test]
fn a_removal_in_the_middle_of_an_upgrade_turns_the_profile_off() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        for how in ["--remove", "--purge"] {
            turn_on(&sandbox);
            upgrade_that_is_stuck(&sandbox);
            assert!(people.get_in());
            let said = dpkg(&sandbox, &format!("{how} pam-twofactor")).succeeded().stderr;
            assert!(said.contains("nobody is asked for a second factor any more"), "{said}");
            assert!(!people.get_in());
            dpkg(&sandbox, &format!("--install {PACKAGE}")).succeeded();
        }
    });
}

#[test]
fn a_removal_in_the_middle_of_an_upgrade_leaves_its_module_to_lines_of_somebody() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        let stack = sandbox.read(COMMON_AUTH);
        sandbox.bash(&format!("echo 'auth required pam_twofactor.so' >>{COMMON_AUTH}")).succeeded();
        upgrade_that_is_stuck(&sandbox);
        let settings = sandbox.read(SETTINGS);
        for how in ["--remove", "--remove", "--purge"] {
            let output = dpkg(&sandbox, &format!("{how} pam-twofactor"));
            assert!(!output.status.success());
            let (error, hint) = ours(&output);
            assert!(error.ends_with(&format!("everybody without it: {COMMON_AUTH}")), "{error}");
            assert!(hint.starts_with("take the lines out first"), "{hint}");
            assert_eq!(sandbox.read(SETTINGS), settings);
            assert!(people.get_in());
        }
        sandbox.write(COMMON_AUTH, stack, 0o644);
        dpkg(&sandbox, "--remove pam-twofactor").succeeded();
        assert_eq!((module(&sandbox).as_str(), status(&sandbox).as_str()), ("", "config-files"));
        assert!(!people.get_in());
    });
}

/// By the question what shall become of settings that both sides have changed.
fn upgrade_that_is_stuck(sandbox: &Sandbox) {
    let newer = repack(sandbox, "9.0.0", "echo '# new' >>etc/twofactor/config.toml");
    let output = dpkg(sandbox, &format!("--install {newer} </dev/null"));
    assert!(output.stderr.contains("conffile prompt"), "{}", output.stderr);
    assert_eq!(status(sandbox), "unpacked");
}

/// A line of the managed part that is not pam-auth-update's.
fn before_the_end_is_put(line: &str) -> String {
    format!("sed -i 's/^# end of pam-auth-update config/{line}\\n&/' {COMMON_AUTH}")
}

/// A removal that another package has asked for, which then cannot be unpacked, but has done this before. [`MEANWHILE`] is
/// the stack as it left it.
#[track_caller]
fn removal_that_fails(sandbox: &Sandbox, meanwhile: &str) -> Output {
    let output = dpkg(sandbox, &format!("--install {}", rival(sandbox, meanwhile)));
    assert!(!output.status.success());
    assert_eq!(status(sandbox), "installed", "{}{}", output.stdout, output.stderr);
    output
}

/// That other package.
pub fn rival(sandbox: &Sandbox, meanwhile: &str) -> &'static str {
    sandbox.bash("mkdir -p /tmp/rival/DEBIAN").succeeded();
    let script = format!("#!/bin/sh\n{meanwhile}\ncp {COMMON_AUTH} {MEANWHILE}\nexit 1\n");
    sandbox.write("/tmp/rival/DEBIAN/preinst", script, 0o755);
    sandbox
        .bash(
            "cd /tmp/rival
            printf '%s\\n' 'Package: rival' 'Version: 1' 'Architecture: all' 'Maintainer: a <a@example.org>' \
                'Conflicts: pam-twofactor' 'Replaces: pam-twofactor' 'Description: gets in the way' >DEBIAN/control
            dpkg-deb --build . /tmp/rival.deb",
        )
        .succeeded();
    "/tmp/rival.deb"
}

/// The two lines of ours among dpkg's own.
#[track_caller]
fn ours(output: &Output) -> (String, String) {
    let mut lines = output.stderr.lines().skip_while(|line| !line.starts_with("error: "));
    let mut next = |begin| lines.next().and_then(|line| line.strip_prefix(begin)).map(str::to_owned);
    match (next("error: "), next("hint: ")) {
        (Some(error), Some(hint)) => (error, hint),
        _ => panic!("no error and hint in:\n{}", output.stderr),
    }
}

const COMMON_AUTH: &str = "/etc/pam.d/common-auth";
const MEANWHILE: &str = "/tmp/meanwhile";
