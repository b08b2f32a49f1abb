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

/// What the test above is there for.
#[test]
fn without_the_step_before_a_removal_everybody_would_be_locked_out() {
    on_every_system(|system| {
        let sandbox = Sandbox::of(system);
        bring_package(&sandbox);
        let careless = repack(&sandbox, "0.0.1", "rm DEBIAN/prerm");
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

/// A removal that another package has asked for, which then cannot be unpacked.
#[test]
fn a_removal_that_fails_leaves_the_profile_on_with_its_arguments() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        sandbox.bash(&format!("sed -i 's|pam_twofactor.so.*|& debug nodelay|' {COMMON_AUTH}")).succeeded();
        let common = sandbox.read(COMMON_AUTH);
        sandbox
            .bash(
                "mkdir -p /tmp/rival/DEBIAN && cd /tmp/rival
                printf '%s\\n' 'Package: rival' 'Version: 1' 'Architecture: all' 'Maintainer: a <a@example.org>' \
                    'Conflicts: pam-twofactor' 'Replaces: pam-twofactor' 'Description: gets in the way' >DEBIAN/control
                printf '#!/bin/sh\\nexit 1\\n' >DEBIAN/preinst && chmod 0755 DEBIAN/preinst
                dpkg-deb --build . /tmp/rival.deb",
            )
            .succeeded();
        let output = dpkg(&sandbox, "--install /tmp/rival.deb");
        assert!(!output.status.success());
        assert_eq!(status(&sandbox), "installed", "{}{}", output.stdout, output.stderr);
        assert!(output.stderr.contains("the profile is turned on again"), "{}", output.stderr);
        let words = |stack: &str| {
            stack.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(words(&sandbox.read(COMMON_AUTH)), words(&common));
        assert!(people.get_in());
    });
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
