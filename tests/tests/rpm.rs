//! The RPM: what it puts where, whose it is, and that taking it away locks nobody out.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::json;
use support::{Output, Sandbox, Secret, checkout};

#[test]
fn what_the_rpm_installs_is_as_it_was_packed_and_lends_nobody_its_rights() {
    let sandbox = Sandbox::new();
    rpm(&sandbox, &format!("--install {}", built(&sandbox))).succeeded();
    for (path, expected) in [
        ("/usr/bin/twofactor", "root:root 755 regular file"),
        (MODULE, "root:root 644 regular file"),
        ("/usr/libexec/twofactor/twofactor-deliver", "root:root 755 regular file"),
        ("/etc/twofactor", "root:root 755 directory"),
        ("/etc/twofactor/config.toml", "root:root 644 regular file"),
        ("/var/lib/twofactor", "root:root 700 directory"),
        ("/var/lib/twofactor/users", "root:root 700 directory"),
        ("/var/lib/twofactor/state", "root:root 700 directory"),
        (SPOOL, "twofactor:twofactor 700 directory"),
        ("/usr/share/man/man8/pam_twofactor.8.gz", "root:root 644 regular file"),
        ("/usr/share/zsh/site-functions/_twofactor", "root:root 644 regular file"),
        ("/usr/share/doc/pam-twofactor/docs/wiring.md", "root:root 644 regular file"),
    ] {
        assert_eq!(sandbox.run("stat", ["-c", "%U:%G %a %F", path]).succeeded().stdout.trim(), expected, "{path}");
    }
    assert_eq!(rpm(&sandbox, "--verify --nodeps pam-twofactor").succeeded().stdout, "");
    assert_eq!(rpm(&sandbox, "--query --configfiles pam-twofactor").stdout, "/etc/twofactor/config.toml\n");
    let lent = "rpm --dbpath /tmp/rpmdb -ql pam-twofactor | xargs -d '\\n' -I{} find {} -maxdepth 0 -perm /7022 \
        && getcap -r /usr/libexec/twofactor /usr/bin/twofactor /usr/lib64/security 2>/dev/null || true";
    assert_eq!(sandbox.bash(lent).stdout, "");
    let account = sandbox.run("getent", ["passwd", "twofactor"]).succeeded().stdout;
    assert!(account.trim().ends_with(":/nonexistent:/sbin/nologin"), "{account}");
}

/// Under a root of its own, where no scriptlet can run: what is packed is all there is.
#[test]
fn the_rpm_has_what_install_puts_there_and_the_documents() {
    let sandbox = Sandbox::new();
    let install = checkout().join("packaging/install.sh");
    let staged = format!("bash {} --destdir /tmp/staged --moduledir /usr/lib64/security", install.display());
    sandbox.bash(&staged).succeeded();
    sandbox
        .bash(&format!(
            "mkdir /tmp/image && rpm --root /tmp/image --install --nodeps --noscripts --force-debian {}",
            built(&sandbox)
        ))
        .succeeded();
    let files = |root: &str, leave: &str| {
        let list = format!(r"cd {root} && find . ! -type d -printf '/%P %m\n' | {leave} LC_ALL=C sort");
        sandbox.bash(&list).succeeded().stdout.replace(".gz ", " ")
    };
    let documents = r"grep -vE '^/(root/\.rpmdb/|var/lib/rpm/|usr/share/doc/pam-twofactor/(README|CHANGELOG|docs/))' |";
    assert_eq!(files("/tmp/image", documents), files("/tmp/staged", ""));
}

#[test]
fn logins_ask_for_a_code_as_soon_as_a_stack_does_and_still_after_an_upgrade() {
    let (sandbox, secret) = house();
    let before = enrolment(&sandbox);
    sandbox.bash("echo '# mine' >>/etc/twofactor/config.toml && chown mail: /var/spool/twofactor").succeeded();
    rpm(&sandbox, &format!("--upgrade --replacepkgs {}", built(&sandbox))).succeeded();
    rpm(&sandbox, &format!("--upgrade {}", newer(&sandbox))).succeeded();
    assert_eq!(rpm(&sandbox, "--query --queryformat %{version} pam-twofactor").stdout, "99.0.0");
    assert_eq!(enrolment(&sandbox), before);
    assert!(sandbox.read("/etc/twofactor/config.toml").ends_with("# mine\n"));
    assert_eq!(sandbox.run("stat", ["-c", "%U", SPOOL]).stdout, "mail\n", "whose the mail is was decided before");
    let report = sandbox.pam_host(json!({ "user": "alice", "answers": [{ "text": secret.code() }] }));
    assert_eq!(report.outcome(), "PAM_SUCCESS");
}

#[test]
fn the_rpm_stays_while_a_stack_needs_it_whatever_way_the_stack_names_it() {
    let (sandbox, secret) = house();
    let erase = || rpm(&sandbox, "--erase pam-twofactor");
    let refused = |stack: &str| {
        let output = erase();
        assert_ne!(output.status.code(), Some(0), "{stack}");
        let said = format!("error: PAM still uses pam_twofactor.so and would refuse everybody without it: {stack}\n");
        assert!(output.stderr.contains(&said) && output.stderr.contains("\nhint: "), "{}", output.stderr);
    };
    refused("/etc/pam.d/twofactor");
    assert_eq!(rpm(&sandbox, "--verify --nodeps pam-twofactor").succeeded().stdout, "");
    let report = sandbox.pam_host(json!({ "user": "alice", "answers": [{ "text": secret.code() }] }));
    assert_eq!(report.outcome(), "PAM_SUCCESS");

    // As authselect makes it; and in a directory that libpam also reads.
    let authselect = "mkdir -p /etc/authselect && mv /etc/pam.d/twofactor /etc/authselect/system-auth
        ln -s /etc/authselect/system-auth /etc/pam.d/system-auth";
    sandbox.bash(authselect).succeeded();
    refused("/etc/pam.d/system-auth");
    sandbox.bash("rm /etc/pam.d/system-auth && mkdir -p /usr/lib/pam.d").succeeded();
    sandbox.write("/usr/lib/pam.d/vendor", "auth [default=die] /usr/lib64/security/pam_twofactor.so\n", 0o644);
    refused("/usr/lib/pam.d/vendor");
    // Outside of what libpam reads, and included from there.
    sandbox.write("/srv/second", "auth required pam_twofactor.so\n", 0o644);
    sandbox.write("/srv/first", "auth substack /srv/second\n", 0o644);
    sandbox.write("/usr/lib/pam.d/vendor", "@include /srv/first\n", 0o644);
    refused("/srv/second");

    sandbox.write("/usr/lib/pam.d/vendor", "# auth required pam_twofactor.so\nauth required pam_unix.so\n", 0o644);
    erase().succeeded();
    sandbox.bash("! test -e /usr/lib64/security/pam_twofactor.so && ! test -e /usr/bin/twofactor").succeeded();
}

/// Files as Fedora has them, with the two places of `docs/wiring.md`; authselect itself is not in Debian, and all that it
/// does to the line of a feature that is on is to leave the condition out.
#[test]
fn the_lines_for_systems_with_authselect_ask_for_password_and_code_in_this_order() {
    let (sandbox, secret) = house();
    let guide = std::fs::read_to_string(checkout().join("docs/wiring.md")).expect("the guide");
    let line = guide.lines().find_map(|line| line.trim().strip_suffix(" {include if \"with-twofactor\"}"));
    let line = line.expect("the line of the feature").replace("pam_twofactor.so", MODULE);
    let of_sudo = "    auth substack system-auth\n    auth required pam_twofactor.so\n";
    assert!(guide.contains(of_sudo));

    // Relative, as in Fedora, where PAM's own modules are beside ours.
    let first_factor = "auth sufficient pam_unix.so\nauth required pam_deny.so\n";
    sandbox.bash("mkdir /etc/authselect").succeeded();
    for (file, text) in [("system-auth", first_factor), ("password-auth", first_factor), ("postlogin", &line)] {
        sandbox.write(&format!("/etc/authselect/{file}"), format!("{text}\n"), 0o644);
        sandbox.bash(&format!("ln -s /etc/authselect/{file} /etc/pam.d/{file}")).succeeded();
    }
    sandbox.stack("sshd-of-fedora", "auth substack password-auth\nauth include postlogin\n");
    sandbox.stack("sudo-of-fedora", &of_sudo.replace("pam_twofactor.so", MODULE));
    for service in ["sshd-of-fedora", "sudo-of-fedora"] {
        for (answers, outcome, asked) in [
            (["correct horse", &secret.recovery_codes[usize::from(service.starts_with("sudo"))]], "PAM_SUCCESS", 2),
            (["wrong", ""], "PAM_AUTH_ERR", 1),
            (["correct horse", "000000"], "PAM_AUTH_ERR", 2),
        ] {
            let answers = answers.map(|text| json!({ "text": text }));
            let report = sandbox.pam_host(json!({ "service": service, "user": "alice", "answers": answers }));
            assert_eq!(report.outcome(), outcome, "{service}");
            assert!(report.cycle().prompts().len() >= asked, "{service}: {:?}", report.cycle().prompts());
        }
    }
}

#[test]
fn erasing_leaves_records_changed_settings_and_mail_and_nothing_else() {
    let (sandbox, _) = house();
    let kept = enrolment(&sandbox);
    let leave = "rm /etc/pam.d/twofactor; echo '# mine' >>/etc/twofactor/config.toml
        install -o twofactor -m 600 /dev/null /var/spool/twofactor/mail";
    sandbox.bash(leave).succeeded();
    rpm(&sandbox, "--erase pam-twofactor").succeeded();
    assert_eq!(enrolment(&sandbox), kept);
    let left = "find /etc /usr /var -xdev -newer /tmp/before \\( -name '*twofactor*' -o -path '*twofactor*' \\) ! -type d | sort";
    let left = sandbox.bash(left).succeeded().stdout;
    let records =
        |line: &&str| !line.starts_with("/var/lib/twofactor/") && !line.starts_with("/etc/twofactor/keyring.toml");
    let left: Vec<&str> = left.lines().filter(records).collect();
    assert_eq!(left, ["/etc/twofactor/config.toml.rpmsave", "/var/spool/twofactor/mail"]);
}

#[test]
fn the_same_checkout_makes_the_same_package_wherever_it_lies_and_whoever_packs_it() {
    let sandbox = Sandbox::new();
    let (checkout, release) = (checkout(), support::release());
    let pack = format!(
        "mkdir -p /tmp/bin /tmp/far/away && printf '#!/bin/sh\n' >/tmp/bin/cargo && chmod +x /tmp/bin/cargo
        cd {} && cp -r packaging pam.d docs *.md LICENSE Cargo.toml /tmp/far/away
        export PATH=/tmp/bin:$PATH CARGO_TARGET_DIR={} SOURCE_DATE_EPOCH=1700000000
        bash packaging/build-rpm.sh --output /tmp/one
        sleep 1; hostname elsewhere; umask 077
        HOME=/tmp TZ=Asia/Kathmandu LC_ALL=C bash /tmp/far/away/packaging/build-rpm.sh --output /tmp/two
        cmp /tmp/one/*.rpm /tmp/two/*.rpm",
        checkout.display(),
        release.parent().expect("target").display()
    );
    sandbox.bash(&pack).succeeded();
}

#[test]
fn rpmlint_has_nothing_to_say_that_is_not_meant_so() {
    let sandbox = Sandbox::new();
    let packaging = checkout().join("packaging");
    let lint = |package: &str| {
        let (config, spec) = (packaging.join("rpmlint.toml"), packaging.join("pam-twofactor.spec"));
        sandbox.bash(&format!("rpmlint --strict -c {} {package} {}", config.display(), spec.display()))
    };
    let said = lint(built(&sandbox)).succeeded().stdout;
    assert!(said.contains("1 packages and 1 specfiles checked; 0 errors, 0 warnings"), "{said}");
}

/// A machine with the RPM, where alice is enrolled and one service asks for her code.
fn house() -> (Sandbox, Secret) {
    let sandbox = Sandbox::new();
    sandbox.bash("touch /tmp/before").succeeded();
    rpm(&sandbox, &format!("--install {}", built(&sandbox))).succeeded();
    sandbox.add_user("alice", "correct horse");
    sandbox.stack("twofactor", &format!("auth required {MODULE}\n"));
    let secret = sandbox.enrol("alice");
    (sandbox, secret)
}

/// This machine's packages are not known to rpm, and Debian's rpm wants to hear that it is meant.
fn rpm(sandbox: &Sandbox, arguments: &str) -> Output {
    let changes = ["--install", "--upgrade", "--erase"].iter().any(|action| arguments.starts_with(action));
    let foreign = if changes { "--nodeps --force-debian" } else { "" };
    sandbox.bash(&format!("rpm --dbpath /tmp/rpmdb {foreign} {arguments}"))
}

/// The package as `packaging/build-rpm.sh` makes it, once for all tests here.
fn built(sandbox: &Sandbox) -> &'static str {
    static BUILT: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rpm");
        let mut command = Command::new("bash");
        command.arg(checkout().join("packaging/build-rpm.sh")).arg("--output").arg(output).env_clear();
        let passed = ["PATH", "HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR"];
        let made = command.envs(std::env::vars().filter(|(name, _)| passed.contains(&name.as_str()))).output();
        let made = made.expect("bash starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::read(String::from_utf8(made.stdout).expect("a path in UTF-8").trim()).expect("the package")
    });
    sandbox.write(PACKAGE, &*BUILT, 0o644);
    PACKAGE
}

/// The same files as a later version.
fn newer(sandbox: &Sandbox) -> String {
    let checkout = checkout();
    let build = format!(
        "CARGO_TARGET_DIR={} rpmbuild -bb --quiet --define '_topdir /tmp/newer' --define 'checkout {}' \
            --define 'twofactor_version 99.0.0' {} >&2 && echo /tmp/newer/RPMS/*/*.rpm",
        support::release().parent().expect("target").display(),
        checkout.display(),
        checkout.join("packaging/pam-twofactor.spec").display()
    );
    sandbox.bash(&build).succeeded().stdout.trim().to_owned()
}

/// What no package may touch.
fn enrolment(sandbox: &Sandbox) -> String {
    let list = "find /var/lib/twofactor /etc/twofactor -path '*config.toml*' -o -type f -print0 | sort -z |
        xargs -0 sha256sum && stat -c '%n %a %U' /var/lib/twofactor /var/lib/twofactor/users/*";
    sandbox.bash(list).succeeded().stdout
}

const MODULE: &str = "/usr/lib64/security/pam_twofactor.so";
/// rpmlint wants a package to have its whole name.
const PACKAGE: &str = concat!("/tmp/pam-twofactor-", env!("CARGO_PKG_VERSION"), "-1.x86_64.rpm");
const SPOOL: &str = "/var/spool/twofactor";
