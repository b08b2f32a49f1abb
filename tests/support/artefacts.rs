//! Where cargo put what is tested.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the checkout.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the checkout").to_owned()
}

/// The folder of the release build that is installed into sandboxes; `tests/run.sh` makes it first.
pub fn release() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(target) => checkout().join(target).join("release"),
        None => checkout().join("target/release"),
    }
}

/// The systems that packages are tested on, by their names; `tests/systems.sh` makes them.
pub fn systems() -> Vec<PathBuf> {
    let folder = beside_release("systems");
    let entries =
        folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}: run tests/systems.sh", folder.display()));
    let mut systems: Vec<PathBuf> = entries.map(|entry| entry.expect("a system").path()).collect();
    systems.retain(|system| system.extension().is_none());
    assert!(!systems.is_empty(), "no system in {}: run tests/systems.sh", folder.display());
    systems.sort();
    systems
}

/// The Debian package of this checkout; `packaging/build-deb.sh` makes it.
pub fn debian_package() -> PathBuf {
    let folder = beside_release("packages");
    let entries = folder.read_dir().into_iter().flatten().map(|entry| entry.expect("a package").path());
    let mut packages = entries.filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
    match (packages.next(), packages.next()) {
        (Some(package), None) => package,
        _ => panic!("not one Debian package in {}: run packaging/build-deb.sh", folder.display()),
    }
}

fn beside_release(name: &str) -> PathBuf {
    release().parent().expect("release/ lies in target/").join(name)
}

/// The program that sends messages, of the release build.
pub fn sender() -> PathBuf {
    release().join("twofactor-deliver")
}

/// The program `pam-host`, which cargo builds beside every integration test.
pub fn pam_host() -> PathBuf {
    beside("pam-host")
}

/// The program `fake-server`, which cargo builds beside every integration test.
pub fn fake_server() -> PathBuf {
    beside("fake-server")
}

/// The security key without hardware. `cargo test` builds it, but not for a single `--test`: then
/// `cargo build -p twofactor-tests --example security_key` does.
pub fn security_key() -> PathBuf {
    beside("examples/libsecurity_key.so")
}

fn beside(name: &str) -> PathBuf {
    let running = env::current_exe().expect("the test knows its own path");
    let beside = running.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.exists());
    beside.unwrap_or_else(|| panic!("no {name} beside {}: run the tests with cargo", running.display()))
}
