//! `packaging/check.sh` finds what it looks for: each check passes for a release build, and fails for a bad one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::{checkout, release};

#[test]
fn the_release_build_passes() {
    let checks = ["exports", "links", "network", "hardening", "paths", "size", "privileges"];
    let said = check(&checkout(), &release(), &checks, "");
    let fine: String = checks.iter().map(|check| format!("ok      {check}\n")).collect();
    assert_eq!((text(&said.stdout), said.status.code()), (fine, Some(0)));
}

#[test]
fn a_module_that_exports_more_than_pam_calls_fails() {
    let place = Place::new("exports");
    place.compile(MODULE, &format!("{CALLS} int helper(void) {{ return 0; }}"), GOOD_MODULE);
    place.fails("exports", "libpam_twofactor.so exports helper pam_sm_acct_mgmt");
}

#[test]
fn a_module_that_lacks_what_pam_calls_fails() {
    let place = Place::new("lacks");
    place.compile(MODULE, "int pam_sm_authenticate(void) { return 0; }", GOOD_MODULE);
    place.fails("exports", "libpam_twofactor.so exports pam_sm_authenticate, not ");
}

#[test]
fn what_needs_another_library_fails() {
    let place = Place::new("links");
    place.compile("libssl.so.3", "int SSL_new(void) { return 0; }", "-shared -Wl,-soname,libssl.so.3");
    let library = place.release().join("libssl.so.3");
    place.compile(SENDER, "int main(void) { return 0; }", &format!("-Wl,--no-as-needed {}", library.display()));
    place.fails("links", "twofactor-deliver needs libc.so.6 libssl.so.3, not libc.so.6 libgcc_s.so.1");
}

#[test]
fn a_module_that_could_open_a_connection_fails() {
    let place = Place::new("network");
    let dials = "int connect(int, const void *, unsigned); int dial(void) { return connect(0, 0, 0); }";
    place.compile(MODULE, dials, "-shared -fPIC");
    place.fails("network", "libpam_twofactor.so imports connect\n");
}

#[test]
fn whatever_hardening_is_missing_is_named() {
    let place = Place::new("hardening");
    place.compile(MODULE, CALLS, GOOD_MODULE);
    assert_eq!(text(&place.check("hardening").stdout), "ok      hardening\n", "the good example is good");
    for (without, complaint) in [
        ("-Wl,-z,norelro", "has no RELRO"),
        ("-Wl,-z,lazy", "is not bound at once"),
        ("-Wl,-z,execstack", "has an executable stack"),
        ("-Wl,-rpath,/tmp", "has text relocations or a library path of its own"),
    ] {
        place.compile(MODULE, CALLS, &format!("{GOOD_MODULE} {without}"));
        place.fails("hardening", &format!("libpam_twofactor.so {complaint}"));
    }
    let writable = format!("{CALLS} __asm__(\".section .both, \\\"awx\\\"\\n.long 0\\n\");");
    place.compile(MODULE, &writable, GOOD_MODULE);
    place.fails("hardening", "libpam_twofactor.so has code that can be written\n");
    place.compile(MODULE, CALLS, &GOOD_MODULE.replace("-Wl,-z,nodelete", ""));
    place.fails("hardening", "libpam_twofactor.so can be unloaded\n");

    place.compile(MODULE, CALLS, GOOD_MODULE);
    place.compile(SENDER, "int main(void) { return 0; }", "-pie -Wl,-z,relro,-z,now");
    place.fails("hardening", "twofactor-deliver has C without a stack protector\n");
    place.compile(TOOL, "int main(void) { return 0; }", "-no-pie -Wl,-z,relro,-z,now");
    place.fails("hardening", "twofactor is not position-independent");
}

#[test]
fn a_directory_of_whoever_built_fails() {
    for path in ["/home/joe/.cargo/registry/src/x/aes-0.9.0/src/lib.rs", &format!("{}/x", checkout().display())] {
        let place = Place::new("paths");
        place.append(TOOL, path);
        place.fails("paths", "twofactor has /");
    }
}

#[test]
fn a_module_over_its_ceiling_fails() {
    let place = Place::new("size");
    place.append(MODULE, &"x".repeat(700 * 1024));
    place.fails("size", "libpam_twofactor.so has ");
}

#[test]
fn a_program_that_lends_its_rights_fails() {
    let place = Place::new("privileges");
    let sender = place.release().join(SENDER);
    fs::set_permissions(&sender, PermissionsExt::from_mode(0o4755)).unwrap();
    place.fails("privileges", "twofactor-deliver has mode 4755");
    fs::set_permissions(&sender, PermissionsExt::from_mode(0o757)).unwrap();
    place.fails("privileges", "twofactor-deliver has mode 757");
    fs::set_permissions(&sender, PermissionsExt::from_mode(0o755)).unwrap();
    let lent = Command::new("setcap").arg("cap_net_admin=ep").arg(&sender).status().expect("setcap(8)");
    assert!(lent.success());
    place.fails("privileges", "twofactor-deliver cap_net_admin=ep");
}

#[test]
fn a_licence_that_is_not_allowed_fails() {
    let place = Place::new("licences");
    let copy = place.copy();
    assert_eq!(text(&check(&copy, &release(), &["licences"], "").stdout), "ok      licences\n");
    let deny = fs::read_to_string(copy.join("deny.toml")).unwrap();
    fs::write(copy.join("deny.toml"), deny.replace("\"ISC\",", "")).unwrap();
    place.fails_in(&copy, &release(), "licences", "error[rejected]");
}

#[test]
fn a_crate_that_is_in_no_bill_fails_and_so_does_a_bill_that_is_none() {
    let place = Place::new("materials");
    place.append(MODULE, "\nopenssl-0.10.1/src/ssl.rs\n");
    place.fails("materials", "the bill of libpam_twofactor.so lacks openssl-0.10.1\n");

    let copy = place.copy();
    let script = copy.join("packaging/sbom.sh");
    let wrong =
        fs::read_to_string(&script).unwrap().replace("type: \"library\", \"bom-ref\": .ref", "\"bom-ref\": .ref");
    fs::write(&script, wrong).unwrap();
    place.fails_in(&copy, &release(), "materials", "libpam_twofactor.so.cdx.json is not CycloneDX");
}

#[test]
fn what_lintian_says_fails_and_so_does_a_package_that_cannot_be_made() {
    let place = Place::new("deb");
    let copy = place.copy();
    // What was built lies here already, but what crates there are only cargo knows.
    place.stub_cargo("#!/bin/sh\ncase $1 in build | fetch) exit ;; esac\nPATH=${PATH#*:} exec cargo \"$@\"\n");
    let first = place.0.join("bin").display().to_string();
    let said = check(&copy, &place.release(), &["deb"], &first).stdout;
    assert_eq!(text(&said), "ok      deb\n", "the good example is good");

    let rules = copy.join("packaging/debian/rules");
    let good = fs::read_to_string(&rules).unwrap();
    let bad = "override_dh_installman:\n\trm $(staged)/usr/share/man/man1/*\n\noverride_dh_fixperms:\n\tdh_fixperms
\tchmod 4755 $(staged)/usr/bin/twofactor\n\tchmod 0666 $(staged)/usr/lib/sysusers.d/twofactor.conf\n";
    fs::write(&rules, format!("{good}\n{bad}")).unwrap();
    let said = check(&copy, &place.release(), &["deb"], &first);
    for complaint in ["FAILED  deb: ", "elevated-privileges 4755", "non-standard-file-perm 0666", "no-manual-page"] {
        assert!(text(&said.stdout).contains(complaint) && said.status.code() == Some(1), "{complaint}: {said:?}");
    }
    fs::write(&rules, format!("{good}\noverride_dh_installdocs:\n\techo 'error: no documents' >&2; false\n")).unwrap();
    place.fails_in(&copy, &place.release(), "deb", "error: no documents");
}

#[test]
fn what_rpmlint_says_fails() {
    let place = Place::new("rpm");
    let copy = place.copy();
    fs::write(copy.join("packaging/rpmlint.toml"), "").unwrap();
    place.without_cargo();
    place.fails_in(&copy, &place.release(), "rpm", "E: non-standard-dir-perm /var/lib/twofactor 700");
}

/// Compilers that leave a trace of where they ran, and one that leaves none.
#[test]
fn a_second_build_that_is_different_fails() {
    let place = Place::new("reproducible");
    let builds = |writes: &str| {
        let script = format!(
            "#!/bin/sh\nmkdir -p target/release\nfor file in {MODULE} {TOOL} {SENDER}; do {writes} >target/release/$file; done\n"
        );
        place.stub_cargo(&script);
    };
    for file in [MODULE, TOOL, SENDER] {
        fs::write(place.release().join(file), "the same\n").unwrap();
    }
    builds("echo the same");
    assert_eq!(text(&place.check("reproducible").stdout), "ok      reproducible\n");
    builds("pwd");
    place.fails("reproducible", "libpam_twofactor.so is different: ");
    builds("echo $HOME");
    place.fails("reproducible", "libpam_twofactor.so is different: ");
}

/// A directory with a copy of the release build, to spoil.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("release_checks").join(name);
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(place.join("release")).unwrap();
        for file in [MODULE, TOOL, SENDER] {
            fs::copy(release().join(file), place.join("release").join(file)).unwrap();
        }
        Place(place)
    }

    fn release(&self) -> PathBuf {
        self.0.join("release")
    }

    /// A copy of the checkout whose scripts and settings can be spoilt.
    fn copy(&self) -> PathBuf {
        let copy = self.0.join("checkout");
        let tar = format!(
            "mkdir -p {0} && cd {1} && tar -c --exclude=./target --exclude=./.git . | tar -x -C {0}",
            copy.display(),
            checkout().display()
        );
        assert!(Command::new("bash").args(["-euo", "pipefail", "-c", &tar]).status().unwrap().success());
        copy
    }

    /// What was built lies here already.
    fn without_cargo(&self) {
        self.stub_cargo("#!/bin/sh\n");
    }

    fn stub_cargo(&self, script: &str) {
        fs::create_dir_all(self.0.join("bin")).unwrap();
        fs::write(self.0.join("bin/cargo"), script).unwrap();
        fs::set_permissions(self.0.join("bin/cargo"), PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn append(&self, file: &str, bytes: &str) {
        let path = self.release().join(file);
        let whole = [fs::read(&path).unwrap().as_slice(), b"\n", bytes.as_bytes(), b"\n"].concat();
        fs::write(path, whole).unwrap();
    }

    fn compile(&self, file: &str, source: &str, options: &str) {
        let (from, to) = (self.0.join("example.c"), self.release().join(file));
        fs::write(&from, source).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-w", "-fno-builtin", "-o"]).arg(to).arg(from).args(options.split_whitespace());
        let output = cc.output().expect("cc is installed");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    fn check(&self, name: &str) -> Output {
        check(&checkout(), &self.release(), &[name], &self.0.join("bin").display().to_string())
    }

    #[track_caller]
    fn fails(&self, name: &str, complaint: &str) {
        self.fails_in(&checkout(), &self.release(), name, complaint);
    }

    #[track_caller]
    fn fails_in(&self, checkout: &Path, release: &Path, name: &str, complaint: &str) {
        let output = check(checkout, release, &[name], &self.0.join("bin").display().to_string());
        let said = text(&output.stdout);
        assert!(said.starts_with(&format!("FAILED  {name}: ")) && said.contains(complaint), "{output:?}");
        assert_eq!((said.lines().count(), output.status.code()), (1, Some(1)), "{output:?}");
    }
}

/// With only that of the environment which whoever releases has.
fn check(checkout: &Path, release: &Path, checks: &[&str], first_in_path: &str) -> Output {
    let mut command = Command::new("bash");
    command.arg(checkout.join("packaging/check.sh")).args(checks).env_clear();
    let passed = ["HOME", "CARGO_HOME", "RUSTUP_HOME"];
    command.envs(std::env::vars().filter(|(name, _)| passed.contains(&name.as_str())));
    let tools = support::release().with_file_name("tools");
    let path = std::env::var("PATH").expect("a path");
    command.env(
        "PATH",
        format!("{first_in_path}:{}:{}:{path}", tools.join("bin").display(), tools.join("sbom/bin").display()),
    );
    command.env("CARGO_TARGET_DIR", release.parent().expect("a target directory")).output().expect("bash starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const MODULE: &str = "libpam_twofactor.so";
const TOOL: &str = "twofactor";
const SENDER: &str = "twofactor-deliver";
const CALLS: &str = "int pam_sm_acct_mgmt, pam_sm_authenticate, pam_sm_chauthtok, pam_sm_close_session,
    pam_sm_open_session, pam_sm_setcred;";
const GOOD_MODULE: &str = "-shared -fPIC -Wl,-z,relro,-z,now,-z,noexecstack -Wl,-z,nodelete";
