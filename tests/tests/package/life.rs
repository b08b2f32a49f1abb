//! The life of an installation: people log in by the system's own sshd, su and sudo before, while and after.

use super::*;
use support::{Door, Program, Visit};

const BY_CODE: &str = "outcome=proved reason=code-accepted method=totp device=authenticator";

#[test]
fn what_is_installed_belongs_to_root_and_asks_nobody() {
    on_every_system(|system| {
        let door = door(system, Program::Ssh);
        let sandbox = &door.sandbox;
        for (path, expected) in [
            (module(sandbox).as_str(), "root:root 644 regular file"),
            ("/usr/bin/twofactor", "root:root 755 regular file"),
            ("/usr/libexec/twofactor/twofactor-deliver", "root:root 755 regular file"),
            ("/usr/share/pam-configs/twofactor", "root:root 644 regular file"),
            (SETTINGS, "root:root 644 regular file"),
            ("/var/lib/twofactor", "root:root 700 directory"),
            ("/var/lib/twofactor/users", "root:root 700 directory"),
            ("/var/lib/twofactor/state", "root:root 700 directory"),
            ("/var/spool/twofactor", "twofactor:twofactor 700 directory"),
        ] {
            assert_eq!(sandbox.run("stat", ["-c", "%U:%G %a %F", path]).succeeded().stdout.trim(), expected, "{path}");
        }
        let account = sandbox.run("getent", ["passwd", "twofactor"]).succeeded().stdout;
        assert!(account.trim().ends_with(":/nonexistent:/usr/sbin/nologin"), "{account}");
        let listed = sandbox.run("dpkg", ["--listfiles", "pam-twofactor"]).succeeded().stdout;
        for file in ["docs/wiring.md", "docs/backup.md", "pam.d/sshd", "changelog.gz", "changelog.Debian.gz"] {
            let name = file.trim_start_matches("docs/");
            assert!(listed.contains(&format!("/usr/share/doc/pam-twofactor/{name}")), "{file} is not in:\n{listed}");
        }
        let verified = dpkg(sandbox, "--verify pam-twofactor").succeeded();
        assert_eq!((verified.stdout.as_str(), verified.stderr.as_str()), ("", ""));
        assert_eq!(sandbox.bash("grep -rl twofactor /etc/pam.d || true").succeeded().stdout, "");
        is_let_in_without_a_code(&door);
    });
}

/// PAM of a system whose /lib is no link would not look below /usr/lib.
#[test]
fn a_module_below_usr_lib_asks_for_a_merged_system() {
    let sandbox = installed(&systems()[0]);
    let needed =
        sandbox.run("dpkg-query", ["--showformat", "${Depends}", "--show", "pam-twofactor"]).succeeded().stdout;
    assert!(needed.contains("usr-is-merged"), "{needed}");
}

/// Only systemd itself, and what is built from it, knows the colons of our tmpfiles.d, and only from 251 on.
#[test]
fn what_cannot_make_the_mail_directory_is_not_enough() {
    on_every_system(|system| {
        let sandbox = Sandbox::of(system);
        let package = bring_package(&sandbox);
        let status_file = "/var/lib/dpkg/status";
        sandbox.bash(&format!("cp {status_file} /tmp/status")).succeeded();
        for (name, version, of_tmpfiles, enough) in [
            ("systemd", "250.14-1", " (= 250.14-1)", false),
            ("opentmpfiles", "300-1", "", false),
            ("systemd-standalone-tmpfiles", "251-1", " (= 251-1)", true),
        ] {
            let lines = format!(
                "sed '/^Package: systemd$/,/^$/ {{
                    s/^Package: .*/Package: {name}/; s/^Version: .*/Version: {version}/
                    s/^Provides: .*/Provides: systemd-sysusers, systemd-tmpfiles{of_tmpfiles}/
                }}' /tmp/status >{status_file}"
            );
            sandbox.bash(&lines).succeeded();
            let said = dpkg(&sandbox, &format!("--install {package}")).stderr;
            assert_eq!(said.contains("pam-twofactor depends on systemd (>= 251)"), !enough, "{name}: {said}");
            assert_eq!(status(&sandbox), if enough { "installed" } else { "unpacked" }, "{name}: {said}");
        }
    });
}

/// cargo metadata wants to see crates that a build has no use for, such as those of other systems.
#[test]
fn every_crate_is_fetched_before_its_licence_is_read() {
    let sandbox = Sandbox::new();
    let cargo = "#!/bin/sh\necho \"$1\" >>/tmp/called\n[ \"$1\" != metadata ]\n";
    sandbox.bash("mkdir /tmp/bin").succeeded();
    sandbox.write("/tmp/bin/cargo", cargo, 0o755);
    let script = support::checkout().join("packaging/build-deb.sh");
    sandbox.bash(&format!("PATH=/tmp/bin:$PATH CARGO_TARGET_DIR=/tmp/target bash {}", script.display()));
    assert_eq!(sandbox.read("/tmp/called"), "build\nbuild\nbuild\nfetch\nmetadata\n");
}

/// Linked statically, they are in the package, and their terms ask to be told.
#[test]
fn the_licence_of_every_crate_that_is_linked_is_in_the_package() {
    let system = &systems()[0];
    let sandbox = installed(system);
    let copyright = sandbox.read("/usr/share/doc/pam-twofactor/copyright");
    let lock = fs::read_to_string(support::checkout().join("Cargo.lock")).expect("Cargo.lock");
    for name in ["ring", "rustls", "subtle", "totp-rs", "chacha20poly1305", "pam-bindings", "icu_normalizer_data"] {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).expect("it is locked");
        let version = rest.split('"').next().expect("a version");
        assert!(copyright.contains(&format!("\nFiles: crates/{name}-{version}/*\nCopyright: ")), "{name} {version}");
    }
    let words = |begin: &str| -> Vec<String> {
        let lines = copyright.lines().filter_map(|line| line.strip_prefix(begin));
        lines.map(str::to_owned).collect()
    };
    let licences = words("License: ");
    for used in licences.iter().flat_map(|licence| licence.split(" and ")) {
        assert!(copyright.contains(&format!("\n\nLicense: {used}\n ")), "the text of {used} is missing");
    }
}

#[test]
fn the_profile_asks_in_every_program_of_the_system() {
    on_every_system(|system| {
        let mut door = door(system, Program::Ssh);
        let secret = door.enrol("alice");
        turn_on(&door.sandbox);
        door.configure("[limits]\ntries = 1\n");
        let code = secret.code();
        visit(&door, &code).is_let_in(BY_CODE);
        visit(&door, &code).is_refused("outcome=refused reason=replayed-code");
        for (program, recovery) in [(Program::Su, 9), (Program::Sudo, 8)] {
            door.turn_to(program);
            let left = format!("outcome=proved reason=code-accepted method=recovery recovery_codes_left={recovery}");
            visit(&door, &secret.recovery_codes[recovery]).is_let_in(&left);
        }
        door.sandbox.bash("pam-auth-update --disable twofactor").succeeded();
        door.turn_to(Program::Su);
        is_let_in_without_a_code(&door);
    });
}

#[test]
fn a_login_that_waits_for_its_code_outlives_an_upgrade() {
    on_every_system(|system| {
        let door = door(system, Program::Ssh);
        let sandbox = &door.sandbox;
        let secret = door.enrol("alice");
        turn_on(sandbox);
        let settings = sandbox.read(SETTINGS) + "\n[limits]\ntries = 2\n";
        sandbox.write(SETTINGS, &settings, 0o644);
        sandbox.bash("chown mail: /var/spool/twofactor").succeeded();
        let kept =
            "sha256sum /etc/twofactor/* /var/lib/twofactor/users/* /etc/pam.d/*; stat -c '%U %a' /var/spool/twofactor";
        let before = (sandbox.bash(kept).succeeded().stdout, inode(sandbox));

        let mut waiting = door.knock("alice");
        waiting.is_asked("");
        dpkg(sandbox, &format!("--install {}", repack(sandbox, "9.0.0", ""))).succeeded();
        assert_eq!(sandbox.bash(kept).succeeded().stdout, before.0);
        assert_ne!(inode(sandbox), before.1);
        waiting.type_code(&secret.code());
        waiting.is_let_in(BY_CODE);
        visit(&door, &secret.code_in(30)).is_let_in(BY_CODE);
    });
}

/// The new settings of a package do not replace an administrator's: who cannot be asked is told, and is not locked out.
#[test]
fn settings_that_both_sides_have_changed_stay_the_administrators() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        let mine = sandbox.read(SETTINGS);
        let theirs = repack(&sandbox, "9.0.0", "echo '# something new' >>etc/twofactor/config.toml");
        assert!(!dpkg(&sandbox, &format!("--install {theirs}")).status.success());
        assert!(people.get_in());
        dpkg(&sandbox, "--force-confdef --force-confold --configure --pending").succeeded();
        assert_eq!(sandbox.read(SETTINGS), mine);
        assert!(people.get_in());
    });
}

/// As after a downgrade: what a later version has written is nobody's to guess at, or to change.
#[test]
fn records_of_a_later_version_are_refused_and_left_as_they_are() {
    on_every_system(|system| {
        let door = door(system, Program::Ssh);
        let sandbox = &door.sandbox;
        let bob = door.enrol("bob");
        door.enrol("alice");
        turn_on(sandbox);
        let record = "/var/lib/twofactor/users/alice.toml";
        let later = sandbox.read(record).replacen("version = 1\n", "version = 2\n", 1);
        assert_ne!(later, sandbox.read(record));
        sandbox.write(record, &later, 0o600);
        dpkg(sandbox, &format!("--install {}", repack(sandbox, "9.0.0", ""))).succeeded();
        let why = format!("error=\"{record}: has version 2, which this release does not know\"");
        door.knock("alice").is_refused(&format!("outcome=unavailable reason=records-unavailable {why}"));
        assert_eq!(sandbox.read(record), later);
        let mut visit = door.knock("bob");
        visit.answer("", &bob.code());
        visit.is_let_in(BY_CODE);
    });
}

#[test]
fn what_was_enrolled_outlives_a_removal_but_not_a_purge() {
    on_every_system(|system| {
        let door = door(system, Program::Ssh);
        let sandbox = &door.sandbox;
        let secret = door.enrol("alice");
        turn_on(sandbox);
        dpkg(sandbox, "--remove pam-twofactor").succeeded();
        is_let_in_without_a_code(&door);
        assert_eq!(sandbox.bash("ls /var/lib/twofactor").succeeded().stdout, "state\nusers\n");

        dpkg(sandbox, &format!("--install {PACKAGE}")).succeeded();
        is_let_in_without_a_code(&door);
        turn_on(sandbox);
        visit(&door, &secret.code()).is_let_in(BY_CODE);

        dpkg(sandbox, "--purge pam-twofactor").succeeded();
        is_let_in_without_a_code(&door);
        let left =
            "find / -xdev ! -path '/proc/*' ! -path '/tmp/*' -name '*twofactor*' | grep -v \"^$CHECKOUT\" || true";
        let checkout = support::checkout().display().to_string();
        let left = sandbox.bash(&format!("CHECKOUT={checkout}; {left}")).succeeded().stdout;
        assert_eq!(left, "");
        sandbox.run("getent", ["passwd", "twofactor"]).succeeded();
    });
}

/// dpkg takes it for an upgrade, and PAM would find no module any more.
#[test]
fn a_package_for_another_kind_of_machine_is_refused_and_the_old_one_stays() {
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        let own = sandbox.run("dpkg", ["--print-architecture"]).succeeded().stdout;
        let own = own.trim();
        sandbox.bash("dpkg --add-architecture riscv64").succeeded();
        let change = "sed -i 's/^Architecture: .*/Architecture: riscv64/' DEBIAN/control
            mv usr/lib/*-linux-gnu usr/lib/riscv64-linux-gnu";
        let foreign = repack(&sandbox, "9.0.0", change);
        let before = module(&sandbox);
        let install = format!("--force-depends --install {foreign}");
        let said = dpkg(&sandbox, &install).stderr;
        let error = format!("error: this package is for riscv64, and the programs of this system are for {own}\n");
        assert!(said.contains(&error), "{said}");
        assert_eq!((module(&sandbox), status(&sandbox).as_str()), (before, "installed"));
        assert!(people.get_in());
        dpkg(&sandbox, "--purge pam-twofactor").succeeded();
        dpkg(&sandbox, &install);
        assert_eq!((module(&sandbox).as_str(), status(&sandbox).as_str()), ("", "not-installed"));
    });
}

/// Who has removed the package and installed from the sources since lives on what dpkg would purge.
#[test]
fn a_purge_keeps_what_another_installation_uses() {
    on_every_system(|system| {
        let sandbox = installed(system);
        People::enrolled(&sandbox);
        dpkg(&sandbox, "--remove pam-twofactor").succeeded();
        // As an install.sh that does not look, or a hand that copies.
        install(&sandbox, "--destdir /tmp/image").succeeded();
        sandbox.bash("cp -a /tmp/image/usr/. /usr").succeeded();
        sandbox.bash("echo 'auth required pam_twofactor.so' >>/etc/pam.d/common-auth").succeeded();
        let kept = "find /var/lib/twofactor /var/spool/twofactor";
        let before = sandbox.bash(kept).succeeded().stdout;
        let said = dpkg(&sandbox, "--purge pam-twofactor").succeeded().stderr;
        assert!(said.contains("is kept, since it is still in use: "), "{said}");
        assert!(said.contains("dpkg has removed the settings"), "{said}");
        assert!(said.contains(" /usr/lib/") || said.contains(" /etc/pam.d/common-auth"), "{said}");
        assert_eq!(sandbox.bash(kept).succeeded().stdout, before);
        assert!(before.contains("/var/lib/twofactor/users/alice.toml"), "{before}");
        assert!(sandbox.path("/etc/twofactor/keyring.toml").exists());
    });
}

#[test]
fn a_purge_empties_what_is_mounted_or_linked() {
    on_every_system(|system| {
        let sandbox = installed(system);
        dpkg(&sandbox, "--remove pam-twofactor").succeeded();
        sandbox
            .bash(
                "mount -t tmpfs none /var/lib/twofactor && mkdir /var/lib/twofactor/users
                touch /var/lib/twofactor/users/alice.toml
                rm -rf /var/spool/twofactor && mkdir /srv/spool && touch /srv/spool/mail
                ln -s /srv/spool /var/spool/twofactor",
            )
            .succeeded();
        dpkg(&sandbox, "--purge pam-twofactor").succeeded();
        assert_eq!(status(&sandbox), "not-installed");
        let left = sandbox.bash("ls -A /var/lib/twofactor /srv/spool; ls -d /var/spool/twofactor || true");
        assert!(!left.stdout.contains("users") && !left.stdout.contains("mail"), "{}", left.stdout);
        assert!(!sandbox.path("/var/spool/twofactor").is_symlink());
    });
}

/// dpkg runs the scripts for a system below another root without going there.
#[test]
fn a_purge_below_another_root_leaves_the_hosts_own_alone() {
    let sandbox = installed(&systems()[0]);
    let lines = "mkdir -p /srv/root/var/lib/twofactor/users /srv/root/var/lib/dpkg
        DPKG_ROOT=/srv/root sh /var/lib/dpkg/info/pam-twofactor.postrm purge";
    sandbox.bash(lines).succeeded();
    assert!(sandbox.path("/var/lib/twofactor/users").exists());
    assert!(!sandbox.path("/srv/root/var/lib/twofactor").exists());
}

#[test]
fn a_package_takes_over_what_the_script_has_installed() {
    let sandbox = Sandbox::of(&systems()[0]);
    sandbox.install();
    let mut people = People::enrolled(&sandbox);
    turn_on(&sandbox);
    let settings = sandbox.read(SETTINGS);
    dpkg(&sandbox, &format!("--force-confdef --force-confold --install {}", bring_package(&sandbox))).succeeded();
    assert!(people.get_in());
    assert_eq!(sandbox.read(SETTINGS), settings);
    let owner = sandbox.run("dpkg", ["--search", &module(&sandbox)]).succeeded().stdout;
    assert!(owner.starts_with("pam-twofactor: "), "{owner}");
}

#[test]
fn what_a_package_has_installed_is_not_the_scripts_to_change() {
    let sandbox = installed(&systems()[0]);
    for options in ["", "--uninstall", "--destdir /", "--destdir /usr/.. --uninstall"] {
        let (error, hint) = support::two_lines(&install(&sandbox, options), 1);
        assert!(error.starts_with("the package pam-twofactor is installed"), "{error}");
        assert!(hint.ends_with("\"From the package to the sources\""), "{hint}");
    }
    assert_eq!(dpkg(&sandbox, "--verify pam-twofactor").succeeded().stdout, "");
}

/// dpkg purges a conffile before it asks any script.
#[test]
fn nothing_is_installed_over_settings_that_a_purge_would_remove() {
    on_every_system(|system| {
        let sandbox = installed(system);
        dpkg(&sandbox, "--remove pam-twofactor").succeeded();
        let files = "find / -xdev -path /tmp -prune -o -path /proc -prune -o -newer /tmp/before ! -type d -print";
        sandbox.bash("touch /tmp/before").succeeded();
        for options in ["", "--destdir /"] {
            let (error, hint) = support::two_lines(&install(&sandbox, options), 1);
            assert!(error.starts_with("the package pam-twofactor was removed but not purged: "), "{error}");
            assert!(hint.ends_with("\"From the package to the sources\""), "{hint}");
        }
        assert_eq!(sandbox.bash(files).succeeded().stdout, "");
        assert_eq!(module(&sandbox), "");
        // Who has done so before can still take it away, and what is for another system is no matter of this one's dpkg.
        install(&sandbox, "--destdir /tmp/image").succeeded();
        install(&sandbox, "--uninstall").succeeded();
    });
}

#[test]
fn the_way_from_the_package_to_the_sources_keeps_everything_and_leaves_nothing_to_purge() {
    let guide = fs::read_to_string(support::checkout().join("docs/packaging.md")).expect("the guide");
    let (_, section) = guide.split_once("\n## From the package to the sources\n").expect("the section");
    let lines = section.lines().skip_while(|line| !line.starts_with("    "));
    let lines: Vec<&str> = lines.map_while(|line| line.strip_prefix("    ")).collect();
    let (last, before) = lines.split_last().expect("commands");
    assert_eq!(*last, "bash packaging/install.sh");
    on_every_system(|system| {
        let sandbox = installed(system);
        let mut people = People::enrolled(&sandbox);
        turn_on(&sandbox);
        assert!(people.get_in());
        let kept = "find /etc/twofactor /var/lib/twofactor /var/spool/twofactor -printf '%p %u %m\\n' | sort
            find /etc/twofactor /var/lib/twofactor -type f -print0 | sort -z | xargs -0 sha256sum";
        let mine = sandbox.bash(kept).succeeded().stdout;
        sandbox.write("/etc/apt/apt.conf.d/yes", "APT::Get::Assume-Yes \"true\";\n", 0o644);
        sandbox.bash(&before.join("\n")).succeeded();
        install(&sandbox, "").succeeded();
        assert_eq!((sandbox.bash(kept).succeeded().stdout, status(&sandbox).as_str()), (mine, "not-installed"));
        assert!(!people.get_in());
        turn_on(&sandbox);
        assert!(people.get_in());
        // Of what dpkg does not know any more it takes nothing.
        dpkg(&sandbox, "--purge pam-twofactor");
        assert!(people.get_in());
    });
}

/// `packaging/install.sh` with these options.
fn install(sandbox: &Sandbox, options: &str) -> Output {
    let target = support::release().parent().expect("target").display().to_string();
    let script = support::checkout().join("packaging/install.sh");
    sandbox.bash(&format!("CARGO_TARGET_DIR={target} bash {} {options}", script.display()))
}

fn door(system: &Path, program: Program) -> Door {
    Door::of(installed(system), program)
}

/// alice comes with her password and this code.
#[track_caller]
fn visit<'d>(door: &'d Door, code: &str) -> Visit<'d> {
    let mut visit = door.knock("alice");
    visit.answer("", code);
    visit
}

#[track_caller]
fn is_let_in_without_a_code(door: &Door) {
    let mut visit = door.knock("alice");
    let shown = visit.expect("let in: alice\r\n");
    assert!(!shown.contains("Verification code"), "{shown}");
    assert_eq!(visit.decisions(), [""; 0]);
}

fn inode(sandbox: &Sandbox) -> String {
    sandbox.run("stat", ["-c", "%i", &module(sandbox)]).succeeded().stdout
}
