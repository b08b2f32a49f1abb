//! A machine with a crowd of people on it, and what a command costs there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Sandbox, artefacts};

/// So many people, each with a home directory and a file of pam_google_authenticator in it.
pub struct Crowd {
    pub sandbox: Sandbox,
    pub size: usize,
}

/// What one run of a program cost, its children included.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Cost {
    /// As wait(2) gives it.
    pub status: i32,
    pub seconds: f64,
    /// On a processor, which a busy neighbour does not add to.
    pub busy_seconds: f64,
    /// The most memory that it, or one of its children, had at a time.
    pub peak_kib: u64,
}

impl Crowd {
    /// A crowd whose records are in memory.
    pub fn gathered(size: usize) -> Crowd {
        Crowd::in_a(Sandbox::new(), size)
    }

    /// A crowd whose records are in this directory of a disk.
    pub fn on_disk(folder: &Path, size: usize) -> Crowd {
        let sandbox = Sandbox::with_disk(folder);
        sandbox
            .bash("mkdir -p /var/lib/twofactor /disk/records; mount --bind /disk/records /var/lib/twofactor")
            .succeeded();
        Crowd::in_a(sandbox, size)
    }

    fn in_a(sandbox: Sandbox, size: usize) -> Crowd {
        sandbox.install();
        let (mut passwd, mut list, mut log) = (sandbox.read("/etc/passwd"), "user\n".to_owned(), String::new());
        for number in 0..size {
            let (name, uid) = (Crowd::name(number), uid(number));
            passwd += &format!("{name}:x:{uid}:{uid}::/home/{name}:/bin/bash\n");
            list += &format!("{name}\n");
            log += &format!(
                "2026-11-26T08:00:00+00:00 testhost sshd[1]: pam_twofactor(sshd:auth): event=login user={name} \
                 service=sshd rhost=192.0.2.7 tty=ssh outcome=proved reason=code-accepted mode=required method=totp \
                 device=authenticator\n"
            );
            // Just mounted, and nobody lives there yet who could have put a link in the way.
            let home = sandbox.path(&format!("/home/{name}"));
            let file = home.join(".google_authenticator");
            let made = fs::create_dir(&home)
                .and_then(|()| fs::write(&file, format!("{}\n\" TOTP_AUTH\n", Crowd::seed(number))))
                .and_then(|()| fs::set_permissions(&file, PermissionsExt::from_mode(0o400)))
                .and_then(|()| chown(&file, Some(uid), Some(uid)));
            made.unwrap_or_else(|error| panic!("{}: {error}", home.display()));
        }
        sandbox.write("/etc/passwd", passwd, 0o644);
        sandbox.write("/root/crowd.csv", list, 0o600);
        sandbox.write("/var/log/crowd.log", log, 0o600);
        Crowd { sandbox, size }
    }

    /// One of them.
    pub fn name(number: usize) -> String {
        format!("person{number:05}")
    }

    /// The secret that one of them has in their home directory, in base 32.
    pub fn seed(number: usize) -> String {
        let letter = |place: u32| char::from(b'A' + u8::try_from(number >> (4 * place) & 15).expect("four bits"));
        (0..32).map(|place| letter(place % 8)).collect()
    }

    /// As if nobody had ever been enrolled.
    pub fn begin_anew(&self) {
        let gone = "find /var/lib/twofactor/users /var/lib/twofactor/state -type f -delete; rm -rf /root/sheets
            rm -f /etc/twofactor/keyring.toml";
        self.sandbox.bash(gone).succeeded();
    }

    /// What the tool costs with these arguments. It must succeed.
    #[track_caller]
    pub fn cost(&self, arguments: &[&str]) -> Cost {
        let host = artefacts::pam_host();
        let measured = [&["cost", "/usr/bin/twofactor"], arguments].concat();
        let output = self.sandbox.run(host.to_str().expect("a path in UTF-8"), measured).succeeded();
        let cost: Cost = serde_json::from_str(&output.stdout).expect("pam-host reports in JSON");
        assert_eq!(cost.status, 0, "{arguments:?}: {}", output.stderr);
        cost
    }
}

fn uid(number: usize) -> u32 {
    u32::try_from(number).expect("a small crowd") + FIRST_UID
}

/// Below UID_MAX of login.defs(5) even with 10,000 of them.
const FIRST_UID: u32 = 20_000;
