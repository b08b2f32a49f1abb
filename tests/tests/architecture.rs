//! The walls that the compiler does not keep.

use std::fs;
use std::path::{Path, PathBuf};

/// Core's modules from the top to the bottom; each may use only what stands after it.
const FLOORS: [&str; 18] = [
    "login",
    "registrar",
    "courier",
    "clerk",
    "store",
    "state",
    "enrolment",
    "keyring",
    "config",
    "document",
    "words",
    "policy",
    "throttle",
    "factor",
    "sys",
    "account",
    "secret",
    "clock",
];

/// Where unsafe code is allowed.
const UNSAFE_ROOMS: [&str; 4] =
    ["src/module/src/ffi.rs", "src/module/src/entry.rs", "src/cli/src/application.rs", "src/deliver/src/process.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file under `folder`, by its path from the root of the repository.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn floor(module: &str) -> usize {
    FLOORS.iter().position(|floor| *floor == module).unwrap_or_else(|| panic!("`{module}` stands on no floor"))
}

#[test]
fn a_module_of_core_uses_only_the_floors_beneath_it() {
    for (name, text) in sources("src/core/src") {
        let module = name.trim_start_matches("src/core/src/").split(['/', '.']).next().unwrap().to_owned();
        if module == "lib" {
            continue;
        }
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                assert!(used.is_empty() || used == module || floor(&module) < floor(&used), "{name}: {line}");
            }
        }
    }
}

#[test]
fn unsafe_code_stays_in_its_rooms() {
    for (name, text) in sources("src") {
        let used = text.lines().any(|line| {
            let line = line.split("//").next().unwrap_or_default();
            ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "allow(unsafe_code"]
                .iter()
                .any(|word| line.contains(word))
        });
        assert!(!used || UNSAFE_ROOMS.contains(&name.as_str()), "unsafe code in {name}");
    }
    for library in ["core", "message"] {
        let text = fs::read_to_string(root().join(format!("src/{library}/src/lib.rs"))).unwrap();
        assert!(text.contains("#![forbid(unsafe_code)]"), "{library}");
    }
}

#[test]
fn pam_numbers_and_the_network_are_no_business_of_core() {
    for (name, text) in sources("src/core/src") {
        for word in [
            "PAM_SUCCESS",
            "PAM_IGNORE",
            "PAM_AUTH_ERR",
            "UdpSocket",
            "TcpStream",
            "ToSocketAddrs",
            "println!",
            "eprintln!",
        ] {
            assert!(!text.contains(word), "{name} has {word}");
        }
    }
}

#[test]
fn the_sender_can_not_even_name_an_enrolment_or_a_secret() {
    let manifest = fs::read_to_string(root().join("src/deliver/Cargo.toml")).unwrap();
    assert!(manifest.contains("twofactor-message") && !manifest.contains("twofactor-core"));
    let manifest = fs::read_to_string(root().join("src/message/Cargo.toml")).unwrap();
    assert!(!manifest.contains("twofactor-core"));
}

#[test]
fn the_clock_and_the_environment_have_one_home_each() {
    // Cargo speaks to a build script by the environment.
    for (name, text) in sources("src").into_iter().filter(|(name, _)| name != "src/module/build.rs") {
        for (word, home) in [("SystemTime::now", "src/core/src/clock.rs"), ("env::var", "src/cli/src/terminal.rs")] {
            assert!(!text.contains(word) || name == home, "{name} has {word}");
        }
    }
}

#[test]
fn no_room_is_called_by_what_is_in_every_room() {
    for folder in ["src", "tests"] {
        for (name, _) in sources(folder) {
            let parts = name.split(['/', '.']);
            let nameless =
                parts.into_iter().any(|part| ["common", "util", "utils", "helpers", "misc", "manager"].contains(&part));
            assert!(!nameless, "{name}");
        }
    }
}

#[test]
fn every_attack_in_the_threats_is_tried_by_a_test_that_exists() {
    let threats = fs::read_to_string(root().join("docs/threats.md")).unwrap();
    let everything: String = ["src", "tests"].into_iter().flat_map(sources).map(|(_, text)| text).collect();
    let mut named = 0;
    for row in threats
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---") && !line.starts_with("| attack"))
    {
        let tests: Vec<_> = row.split('`').skip(1).step_by(2).filter(|word| word.contains('_')).collect();
        assert!(!tests.is_empty(), "no test for: {row}");
        for test in tests {
            assert!(everything.contains(&format!("fn {test}(")), "no such test: {test}");
            named += 1;
        }
    }
    assert!(named > 20, "{named}");
}
