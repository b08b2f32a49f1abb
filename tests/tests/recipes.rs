//! The recipes for Arch and Alpine: they pack what `packaging/install.sh` stages, and keep what a stack needs.

use support::{Sandbox, checkout, release};

#[test]
fn makepkg_packs_what_is_installed_and_what_stops_a_removal() {
    let sandbox = workshop();
    // pacman would only say which dependencies are there, and it is not in Debian.
    let make = "cd /tmp/checkout/packaging && mkdir /tmp/out && chown -R nobody: /tmp/checkout /tmp/out
        setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/tmp/out BUILDDIR=/tmp/out PKGDEST=/tmp/out \
            PACMAN=true makepkg --nodeps --repackage --ignorearch >/tmp/out/said 2>&1 || { cat /tmp/out/said; false; }
        mkdir /tmp/image && bsdtar -xpf /tmp/out/*.pkg.tar.gz -C /tmp/image";
    sandbox.bash(make).succeeded();
    let own = ["/usr/share/libalpm/hooks/pam-twofactor.hook", "/usr/share/libalpm/scripts/pam-twofactor-in-use"];
    let packed = staged(&sandbox, "/tmp/image");
    let (hook, rest): (Vec<&str>, Vec<&str>) =
        packed.lines().filter(|line| !line.starts_with("/.")).partition(|line| line.contains("/libalpm"));
    let hook: Vec<&str> = hook.into_iter().filter(|line| line.ends_with(" f")).collect();
    assert_eq!(hook, [format!("{} root 644 f", own[0]), format!("{} root 755 f", own[1])]);
    assert_eq!(rest.join("\n") + "\n", installed(&sandbox, "/usr/lib/security"));

    let hook = sandbox.read(&format!("/tmp/image{}", own[0]));
    assert!(hook.contains(&format!("\nWhen = PreTransaction\nExec = {}\nAbortOnFail\n", own[1])), "{hook}");
    let information = sandbox.read("/tmp/image/.PKGINFO");
    for line in ["backup = etc/twofactor/config.toml", concat!("pkgver = ", env!("CARGO_PKG_VERSION"), "-1")] {
        assert!(information.lines().any(|said| said == line), "{line}: {information}");
    }
}

#[test]
fn the_recipe_for_alpine_packs_what_is_installed_and_the_mail_directory() {
    let sandbox = workshop();
    sandbox.bash("useradd --system --user-group twofactor").succeeded();
    let make = "cd /tmp/checkout/packaging && startdir=$PWD pkgdir=/tmp/image && export startdir pkgdir
        sh -euc '. ./APKBUILD; package >&2; echo \"$pkgver\"; for script in $install; do test -x \"$script\"; done'";
    assert_eq!(sandbox.bash(make).succeeded().stdout.trim(), env!("CARGO_PKG_VERSION"));
    let packed = staged(&sandbox, "/tmp/image");
    let (spool, rest): (Vec<&str>, Vec<&str>) = packed.lines().partition(|line| line.starts_with("/var/spool"));
    assert_eq!(spool, ["/var/spool root 755 d", "/var/spool/twofactor twofactor 700 d"]);
    assert_eq!(rest.join("\n") + "\n", installed(&sandbox, "/lib/security"));
}

#[test]
fn what_stops_a_removal_on_arch_and_alpine_names_the_stacks_and_nothing_that_is_a_comment() {
    let sandbox = Sandbox::new();
    let script = checkout().join("packaging/pam-twofactor.pre-deinstall");
    let asked = || sandbox.run("sh", [script.to_str().expect("a path in UTF-8")]);
    sandbox.stack("before", "# auth required pam_twofactor.so\nauth required pam_permit.so\n");
    asked().succeeded();
    sandbox.bash("mkdir /etc/authselect && ln -s ../authselect/stack /etc/pam.d/linked").succeeded();
    sandbox.write("/etc/authselect/stack", "auth [success=1 default=ignore] pam_twofactor.so debug\n", 0o644);
    let (error, _) = support::two_lines(&asked(), 1);
    assert!(error.ends_with(": /etc/pam.d/linked"), "{error}");
}

/// A machine with a copy of the checkout where a recipe may write, as both tools do beside theirs.
fn workshop() -> Sandbox {
    let sandbox = Sandbox::new();
    let (from, built) = (checkout(), release());
    let copy = format!(
        "mkdir -p /tmp/checkout/target && cd {} && cp -r packaging pam.d LICENSE /tmp/checkout && ln -s {} \
            /tmp/checkout/target/release",
        from.display(),
        built.display()
    );
    sandbox.bash(&copy).succeeded();
    sandbox
}

/// What `packaging/install.sh` stages for a system with such a directory of modules.
fn installed(sandbox: &Sandbox, modules: &str) -> String {
    let install = format!("bash /tmp/checkout/packaging/install.sh --destdir /tmp/staged --moduledir {modules}");
    sandbox.bash(&install).succeeded();
    staged(sandbox, "/tmp/staged")
}

/// Every file and directory, with owner, mode and kind; pages of the manual may be compressed.
fn staged(sandbox: &Sandbox, root: &str) -> String {
    let list = format!(r"cd {root} && find . -mindepth 1 -printf '/%P %u %m %y\n' | sed 's/\.gz / /' | LC_ALL=C sort");
    sandbox.bash(&list).succeeded().stdout
}
