//! What `packaging/install.sh` puts where, and takes away again.

use support::{Output, Sandbox, two_lines};

#[test]
fn what_is_installed_belongs_to_root_and_lends_nobody_its_rights() {
    let sandbox = Sandbox::installed();
    for (path, expected) in [
        ("/usr/bin/twofactor", "root:root 755 regular file"),
        (SENDER, "root:root 755 regular file"),
        ("/usr/share/man/man1/twofactor.1", "root:root 644 regular file"),
        ("/usr/share/man/man5/twofactor.toml.5", "root:root 644 regular file"),
        ("/usr/share/man/man8/pam_twofactor.8", "root:root 644 regular file"),
        ("/usr/share/man/man8/twofactor-deliver.8", "root:root 644 regular file"),
        ("/usr/share/bash-completion/completions/twofactor", "root:root 644 regular file"),
        ("/usr/share/zsh/vendor-completions/_twofactor", "root:root 644 regular file"),
        ("/usr/share/fish/vendor_completions.d/twofactor.fish", "root:root 644 regular file"),
        ("/usr/libexec/twofactor", "root:root 755 directory"),
        ("/etc/twofactor", "root:root 755 directory"),
        ("/etc/twofactor/config.toml", "root:root 644 regular file"),
        ("/var/lib/twofactor/users", "root:root 700 directory"),
        ("/var/lib/twofactor/state", "root:root 700 directory"),
        (SPOOL, "twofactor:twofactor 700 directory"),
    ] {
        assert_eq!(sandbox.run("stat", ["-c", "%U:%G %a %F", path]).succeeded().stdout.trim(), expected, "{path}");
    }
    let lent = "find /usr/bin/twofactor /usr/libexec/twofactor /etc/twofactor /var/lib/twofactor /var/spool/twofactor \
        \"$(find /usr/lib /lib -name pam_twofactor.so | head -n 1)\" -perm /7000; \
        getcap -r /usr/libexec/twofactor /usr/bin/twofactor 2>/dev/null || true";
    assert_eq!(sandbox.bash(lent).succeeded().stdout, "");
    let account = sandbox.run("getent", ["passwd", "twofactor"]).succeeded().stdout;
    assert!(account.trim().ends_with(":/nonexistent:/usr/sbin/nologin"), "{account}");
}

#[test]
fn the_default_settings_are_taken_as_they_are_installed() {
    let sandbox = Sandbox::installed();
    sandbox.run("twofactor", ["list"]).succeeded();
}

#[test]
fn installing_again_keeps_settings_records_and_whose_the_mail_is() {
    let sandbox = Sandbox::installed();
    sandbox.add_user("alice", "correct horse");
    sandbox.enrol("alice");
    sandbox.write("/etc/twofactor/config.toml", "deliver_user = \"mail\"\n", 0o644);
    sandbox.bash("chown mail: /var/spool/twofactor && rm /usr/libexec/twofactor/twofactor-deliver").succeeded();
    let before = records(&sandbox);
    let said = install(&sandbox, "").succeeded().stdout;
    assert!(said.contains("kept       /etc/twofactor/config.toml\n"), "{said}");
    assert!(said.contains("kept       /var/spool/twofactor\n"), "{said}");
    assert_eq!(records(&sandbox), before);
    sandbox.run("test", ["-x", SENDER]).succeeded();
}

#[test]
fn nothing_is_installed_without_the_sender() {
    let sandbox = Sandbox::new();
    sandbox.bash("mkdir -p /tmp/built/release && touch /tmp/built/release/{libpam_twofactor.so,twofactor}").succeeded();
    let (error, hint) = two_lines(&install(&sandbox, "CARGO_TARGET_DIR=/tmp/built"), 1);
    assert_eq!(error, "/tmp/built/release/twofactor-deliver is not built");
    assert!(hint.ends_with("cargo build --release -p twofactor-deliver"), "{hint}");
    sandbox.bash("! test -e /etc/twofactor && ! test -e /usr/bin/twofactor").succeeded();
}

#[test]
fn uninstalling_leaves_settings_records_and_mail_and_nothing_else() {
    let sandbox = Sandbox::new();
    let before = sandbox.bash(EVERY_FILE).succeeded().stdout;
    sandbox.install();
    sandbox.add_user("alice", "correct horse");
    sandbox.enrol("alice");
    sandbox.bash("install -o twofactor -m 600 /dev/null /var/spool/twofactor/mail").succeeded();
    let kept = records(&sandbox);
    let said = uninstall(&sandbox).succeeded().stdout;
    for path in ["/etc/twofactor", "/var/lib/twofactor", SPOOL, "system user twofactor"] {
        assert!(said.contains(&format!("kept       {path}\n")), "{said}");
    }
    assert_eq!(records(&sandbox), kept);
    sandbox.bash("rm -r /etc/twofactor /var/lib/twofactor /var/spool/twofactor").succeeded();
    assert_eq!(sandbox.bash(EVERY_FILE).succeeded().stdout, before);
}

#[test]
fn uninstalling_takes_an_empty_mail_directory_along_and_can_be_done_twice() {
    let sandbox = Sandbox::installed();
    let said = uninstall(&sandbox).succeeded().stdout;
    assert!(!said.contains(SPOOL), "{said}");
    sandbox.bash("! test -e /var/spool/twofactor").succeeded();
    uninstall(&sandbox).succeeded();
    sandbox.install();
    sandbox.run("test", ["-d", SPOOL]).succeeded();
}

#[test]
fn nothing_is_uninstalled_that_a_stack_needs() {
    let sandbox = Sandbox::installed();
    sandbox.stack("twofactor", "auth required pam_twofactor.so\n");
    let (error, hint) = two_lines(&uninstall(&sandbox), 1);
    assert!(error.ends_with(": /etc/pam.d/twofactor") && hint.contains("pam-auth-update"), "{error}; {hint}");
    sandbox.run("test", ["-x", SENDER]).succeeded();
}

/// As authselect makes them.
#[test]
fn a_stack_that_is_a_link_is_seen_before_anything_is_uninstalled() {
    let sandbox = Sandbox::installed();
    sandbox.bash("mkdir /etc/authselect && ln -s /etc/authselect/postlogin /etc/pam.d/postlogin").succeeded();
    sandbox.write("/etc/authselect/postlogin", "auth required pam_twofactor.so\n", 0o644);
    let (error, _) = two_lines(&uninstall(&sandbox), 1);
    assert!(error.ends_with(": /etc/pam.d/postlogin"), "{error}");
    sandbox.run("test", ["-x", SENDER]).succeeded();
}

/// Only the directory of modules is another one: what only Debian has is not there.
#[test]
fn an_installation_for_another_system_has_nothing_of_debian() {
    let sandbox = Sandbox::new();
    sandbox.bash(&format!("bash {} --destdir /tmp/image --moduledir /usr/lib64/security", script())).succeeded();
    let list = "cd /tmp/image && test -f usr/lib64/security/pam_twofactor.so && ! test -e usr/share/pam-configs
        test -f usr/share/zsh/site-functions/_twofactor && ! test -e usr/share/zsh/vendor-completions";
    sandbox.bash(list).succeeded();
    let (error, _) = two_lines(&sandbox.bash(&format!("bash {} --moduledir lib/security", script())), 2);
    assert_eq!(error, "--moduledir needs an absolute path");
}

#[test]
fn an_installation_under_another_root_makes_no_user_and_goes_again() {
    let sandbox = Sandbox::new();
    let users = sandbox.run("getent", ["passwd"]).stdout;
    sandbox.bash(&format!("bash {} --destdir /tmp/image", script())).succeeded();
    assert_eq!(sandbox.run("getent", ["passwd"]).stdout, users);
    sandbox
        .bash("test -x /tmp/image/usr/libexec/twofactor/twofactor-deliver && ! test -e /tmp/image/var/spool")
        .succeeded();
    sandbox.bash(&format!("bash {} --destdir /tmp/image --uninstall", script())).succeeded();
    let left = sandbox.run("find", ["/tmp/image", "-type", "f"]).succeeded().stdout;
    assert_eq!(left, "/tmp/image/etc/twofactor/config.toml\n");
}

fn script() -> String {
    support::checkout().join("packaging/install.sh").display().to_string()
}

/// With what the caller's environment has to say.
fn install(sandbox: &Sandbox, environment: &str) -> Output {
    let target = match std::env::var("CARGO_TARGET_DIR") {
        Ok(target) => format!("CARGO_TARGET_DIR={}", support::checkout().join(target).display()),
        Err(_) => String::new(),
    };
    sandbox.bash(&format!("{target} {environment} bash {}", script()))
}

fn uninstall(sandbox: &Sandbox) -> Output {
    sandbox.bash(&format!("bash {} --uninstall", script()))
}

/// The directories of completions of a system without the shells that they are for.
#[test]
fn uninstalling_takes_completions_along_where_there_is_no_such_shell() {
    let sandbox = Sandbox::new();
    sandbox.bash("rm -rf /usr/share/fish /usr/share/zsh").succeeded();
    sandbox.install();
    sandbox.run("test", ["-e", "/usr/share/fish/vendor_completions.d/twofactor.fish"]).succeeded();
    uninstall(&sandbox).succeeded();
    sandbox.bash("! test -e /usr/share/fish && ! test -e /usr/share/zsh").succeeded();
}

/// What an installation must not change once it is there.
fn records(sandbox: &Sandbox) -> String {
    let list = "find /etc/twofactor /var/lib/twofactor /var/spool/twofactor -printf '%p %y %m %u %n\\n' | sort
        find /etc/twofactor /var/lib/twofactor /var/spool/twofactor -type f -print0 | sort -z | xargs -0r sha256sum";
    sandbox.bash(list).succeeded().stdout
}

/// What a program could be looked for in, but for the system's own lists of users.
const EVERY_FILE: &str = r"find /etc /usr /var -printf '%p %y %m %u\n' |
    grep -vE '^(/etc/(passwd|group|g?shadow|sub.id)|/var/(mail|log|spool/mail)/)' | sort";
const SENDER: &str = "/usr/libexec/twofactor/twofactor-deliver";
const SPOOL: &str = "/var/spool/twofactor";
