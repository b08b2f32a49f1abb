//! Files that earlier releases have written, kept in `tests/formats`: they are read, what was used stays used, and a
//! later version of any of them is refused by everything that could write, and left as it is.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Sandbox, Secret, checkout, oathtool};

#[test]
fn what_an_earlier_release_has_written_lets_the_same_people_in() {
    for release in RELEASES {
        let house = House::of(release);
        let alice = house.took_home("alice");
        house.is_refused("alice", &alice.recovery_codes[0], "reason=replayed-code");
        house.is_let_in("alice", &alice.code());
        house.is_let_in("alice", &alice.recovery_codes[1]);
        house.is_let_in("bob", &house.took_home("bob").recovery_codes[0]);
        house.is_let_in("erin", &house.took_home("erin").code());
    }
}

#[test]
fn who_was_locked_under_an_earlier_release_is_locked() {
    for release in RELEASES {
        let house = House::of(release);
        let carol = house.took_home("carol");
        house.is_refused("carol", &carol.code(), "outcome=throttled");
        let status = house.sandbox.run("twofactor", ["status", "carol"]).succeeded().stdout;
        assert!(status.contains("3, locked"), "{status}");
        house.sandbox.run("twofactor", ["unlock", "carol"]).succeeded();
        house.is_let_in("carol", &carol.code());
    }
}

#[test]
fn addresses_numbers_and_what_a_login_begins_with_are_those_that_were_set_up() {
    for release in RELEASES {
        let house = House::of(release);
        let status = house.sandbox.run("twofactor", ["status", "bob"]).succeeded().stdout;
        for line in ["email      mail  (bob@example.org; ", "sms        pocket  (+4930123456; ", "logins begin with it"]
        {
            assert!(status.contains(line), "{release}: {status}");
        }
    }
}

#[test]
fn a_token_goes_on_where_it_was() {
    let house = House::of(LATEST);
    let token = house.took_home("dave").base32;
    let pressed = |counter: u32| oathtool(&token, &["--hotp", &format!("--counter={counter}")]);
    house.is_refused("dave", &pressed(1), "reason=replayed-code");
    house.is_let_in("dave", &pressed(2));
}

/// All of it is sealed anew, under a key that no earlier release has made.
#[test]
fn what_an_earlier_release_has_sealed_takes_part_in_a_rotation() {
    for release in RELEASES {
        let house = House::of(release);
        house.sandbox.run("twofactor", ["keys", "rotate"]).succeeded();
        let keys = house.sandbox.bash("grep -hx 'key = .*' /var/lib/twofactor/users/* | sort -u").succeeded().stdout;
        assert_eq!(keys, "key = 3\n");
        for user in ["alice", "erin"] {
            house.is_let_in(user, &house.took_home(user).code());
        }
    }
}

#[test]
fn nothing_writes_over_a_version_that_it_does_not_know() {
    let house = House::of(LATEST);
    let sandbox = &house.sandbox;
    let setup = "setup alice --no-confirm --qr none --label second";
    let unknown = "has version 2, which this release does not know";
    for (file, later, why, writing) in [
        (KEYRING, LATER_KEYRING, unknown, &[setup, "recovery alice", "bypass alice", "keys rotate"][..]),
        (ENROLMENT, LATER_ENROLMENT, unknown, &[setup, "recovery alice", "bypass alice", "language alice fr"]),
        (STATE, LATER_STATE, "its version is not known", &[setup, "recovery alice", "bypass alice"]),
    ] {
        let good = sandbox.read_bytes(file);
        sandbox.bash(&format!("file={file}\n{later}")).succeeded();
        assert_ne!(sandbox.read_bytes(file), good, "{file}");
        let before = house.records();
        house.is_refused("alice", &house.took_home("alice").code(), "outcome=unavailable");
        for command in writing {
            let output = sandbox.run("twofactor", command.split(' '));
            assert!(output.stderr.contains(why) && !output.status.success(), "{file}: {command}: {}", output.stderr);
            assert_eq!(house.records(), before, "{file}: {command}");
        }
        sandbox.write(file, good, 0o600);
    }
    house.is_let_in("alice", &house.took_home("alice").code());
}

/// Whoever says so by name begins anew, on the safe side.
#[test]
fn a_state_of_a_later_version_is_given_up_by_unlock_alone_and_brings_no_used_code_back() {
    let house = House::of(LATEST);
    house.sandbox.bash(&format!("file={STATE}\n{LATER_STATE}")).succeeded();
    let said = house.sandbox.run("twofactor", ["unlock", "alice"]).succeeded().stdout;
    assert!(said.contains("made anew"), "{said}");
    for code in &house.took_home("alice").recovery_codes[..2] {
        house.is_refused("alice", code, "reason=replayed-code");
    }
}

/// A machine to which the files of an earlier release were brought.
struct House {
    sandbox: Sandbox,
    kept: PathBuf,
}

impl House {
    fn of(release: &str) -> House {
        let house = House { sandbox: Sandbox::installed(), kept: checkout().join("tests/formats").join(release) };
        let sandbox = &house.sandbox;
        for (user, uid) in [("alice", 4001), ("bob", 4002), ("carol", 4003), ("erin", 4004), ("dave", 4005)] {
            sandbox.run("useradd", ["--uid", &uid.to_string(), user]).succeeded();
        }
        sandbox.write("/etc/twofactor/config.toml", SETTINGS, 0o644);
        sandbox.stack("twofactor", "auth required pam_twofactor.so nodelay\n");
        sandbox.write(KEYRING, fs::read(house.kept.join("keyring.toml")).expect("the keyring"), 0o600);
        for folder in ["users", "state"] {
            for file in house.kept.join(folder).read_dir().expect("a folder").map(|entry| entry.expect("a file").path())
            {
                let name = Path::new("/var/lib/twofactor").join(folder).join(file.file_name().expect("its name"));
                sandbox.write(name.to_str().expect("UTF-8"), fs::read(file).expect("a record"), 0o600);
            }
        }
        house
    }

    fn took_home(&self, user: &str) -> Secret {
        let codes = fs::read_to_string(self.kept.join("codes.json")).expect("the codes");
        let codes: Value = serde_json::from_str(&codes).expect("JSON");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let recovery_codes = codes[user]["recovery_codes"].as_array().expect("a list").iter().map(text).collect();
        Secret { base32: text(&codes[user]["secret"]), recovery_codes }
    }

    #[track_caller]
    fn is_let_in(&self, user: &str, code: &str) {
        let report = self.sandbox.pam_host(json!({ "user": user, "answers": [{ "text": code }] }));
        assert_eq!(report.outcome(), "PAM_SUCCESS", "{user} of {}", self.kept.display());
    }

    #[track_caller]
    fn is_refused(&self, user: &str, code: &str, why: &str) {
        let journal = self.sandbox.journal().from_here();
        let report = self.sandbox.pam_host(json!({ "user": user, "answers": [{ "text": code }] }));
        assert_ne!(report.outcome(), "PAM_SUCCESS", "{user} of {}", self.kept.display());
        assert_eq!(journal.lines_with(why).len(), 1, "{user}: {:?}", journal.lines());
    }

    fn records(&self) -> String {
        let list = "find /etc/twofactor /var/lib/twofactor -type f ! -name '.*' -print0 | sort -z | xargs -0 sha256sum";
        self.sandbox.bash(list).succeeded().stdout
    }
}

const RELEASES: [&str; 2] = ["2026-11-23", LATEST];
const LATEST: &str = "2026-11-26";
const SETTINGS: &str = r#"
methods = ["totp", "hotp", "email", "sms", "recovery"]
[sms]
provider = "command"
command = ["/bin/true", "{number}"]
[limits]
tries = 1
free_failures = 2
lock_after = 3
"#;
const KEYRING: &str = "/etc/twofactor/keyring.toml";
const ENROLMENT: &str = "/var/lib/twofactor/users/alice.toml";
const STATE: &str = "/var/lib/twofactor/state/alice";
const LATER_KEYRING: &str = "sed -i 's/^version = 1$/version = 2/' $file";
/// With a key that nobody knows yet.
const LATER_ENROLMENT: &str = r"sed -i 's/^version = 1$/version = 2\nnovelty = true/' $file";
/// Both records, with their checksums.
const LATER_STATE: &str = r#"put() { dd of="$file" bs=1 seek="$1" conv=notrunc status=none; }
for at in 0 4096; do
    printf 2 | put $((at + 7))
    checksum=$(dd if="$file" bs=1 skip=$at count=2016 status=none | sha256sum | sed 's/ .*//; s/../\\x&/g')
    printf "$checksum" | put $((at + 2016))
done"#;
