//! Who really gets in once a hint has been followed, by libpam and by sshd: the doctor's word for it is not enough.
//!
//! It happens on a copy of the stacks, the settings and the records, in which everybody is asked and nothing waits after
//! a wrong answer, so that the machine is afterwards as it was.

use std::time::Duration;

use serde_json::json;
use support::Report;

use crate::machine::{Machine, PASSWORD};

/// Which way somebody comes to sshd.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub from: &'static str,
    pub to: &'static str,
    pub port: u16,
}

impl Way {
    pub const USUAL: Way = Way { from: "127.0.0.1", to: "127.0.0.1", port: 22 };
}

impl Machine {
    /// At each service that the doctor calls sound, somebody with the right code gets in, and nobody else does: not with
    /// a wrong one, and not without one.
    #[track_caller]
    pub fn services_hold(&self) {
        let sound = self.finding("stack").message;
        let services = sound.strip_prefix("nobody gets past the module at ").unwrap_or_else(|| panic!("{sound}"));
        self.on_a_copy(|| {
            for service in services.split(", ") {
                // A code is good once, and each service is to see it.
                self.0.bash(ANEW).succeeded();
                let silent = self.at(service, "alice", &[]);
                assert_ne!(silent.outcome(), "PAM_SUCCESS", "{service}: alice, who says nothing");
                let asked = silent.cycle().prompts().first().copied().unwrap_or_default().to_owned();
                let answers = |code: &str| match asked.as_str() {
                    "Password: " => vec![PASSWORD.to_owned(), code.to_owned()],
                    asked if asked.starts_with("Password & ") => vec![format!("{PASSWORD}{code}")],
                    _ => vec![code.to_owned()],
                };
                for (user, code, lets_in) in self.tries() {
                    let outcome = self.at(service, user, &answers(&code)).outcome().to_owned();
                    assert_eq!(outcome == "PAM_SUCCESS", lets_in, "{service}: {user} with {code}: {outcome}");
                }
            }
        });
    }

    /// The same at sshd, which can start as it is set up.
    #[track_caller]
    pub fn sshd_holds(&self, ways: &[Way]) {
        self.with_sshd(|| {
            for way in ways {
                for (user, code, lets_in) in self.tries() {
                    assert_eq!(self.ssh(user, &code, *way), lets_in, "sshd: {user} with {code} by {way:?}");
                }
            }
        });
    }

    /// Whether a key alone lets alice in at sshd.
    pub fn lets_a_key_in(&self, way: Way) -> bool {
        self.lets_in("alice", "", way)
    }

    /// Whether sshd lets somebody in who has the key and, if there is a code, the password as well.
    pub fn lets_in(&self, user: &str, code: &str, way: Way) -> bool {
        let mut is_in = false;
        self.with_sshd(|| is_in = self.ssh(user, code, way));
        is_in
    }

    /// Who comes with which code, and whether they are to get in.
    fn tries(&self) -> [(&'static str, String, bool); 3] {
        let Machine(_, secret) = self;
        // Nora has none of her own.
        [("alice", secret.code(), true), ("alice", secret.wrong_code(), false), ("nora", secret.code(), false)]
    }

    fn at(&self, service: &str, user: &str, answers: &[String]) -> Report {
        // What holds for whoever has no service of their own; libpam goes through it twice for who is called so.
        let service = if service == "other" { "nowhere" } else { service };
        let answers: Vec<_> = answers.iter().map(|answer| json!({ "text": answer })).collect();
        self.0.pam_host(json!({ "service": service, "user": user, "answers": answers }))
    }

    fn with_sshd(&self, visit: impl FnOnce()) {
        self.0.bash("sshd -t").succeeded();
        self.on_a_copy(|| {
            let sshd = self.0.spawn("/usr/sbin/sshd", ["-D", "-p", "22", "-p", "2222"]);
            self.0.wait_for_path("/run/sshd.pid", Duration::from_secs(30));
            visit();
            self.0.bash("kill $(cat /run/sshd.pid)").succeeded();
            sshd.wait();
            assert!(self.0.path("/run/sshd.pid").symlink_metadata().is_err());
        });
    }

    #[track_caller]
    fn ssh(&self, user: &str, code: &str, way: Way) -> bool {
        let Way { from, to, port } = way;
        let batch = if code.is_empty() { "yes" } else { "no" };
        let output = self.0.bash(&format!(
            "{ANEW}
             export CODE={code} SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force
             ssh -F none -i /root/.ssh/id_ed25519 -b {from} -p {port} -l {user} -o StrictHostKeyChecking=no \
             -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o NumberOfPasswordPrompts=1 -o BatchMode={batch} \
             {to} id -un"
        ));
        let refused = output.stderr.contains("Permission denied");
        assert!(refused || output.stdout.trim() == user, "{user} by {way:?}: {output:?}");
        !refused
    }

    fn on_a_copy(&self, visit: impl FnOnce()) {
        self.0.bash(COPY).succeeded();
        visit();
        self.0.bash(BACK).succeeded();
    }
}

#[test]
fn who_has_no_code_gets_in_where_none_is_asked_for() {
    let machine = Machine::sound();
    machine.0.bash("sed -i /pam_twofactor/d /etc/pam.d/sudo").succeeded();
    let outcome = |service: &str| machine.at(service, "nora", &[PASSWORD.to_owned()]).outcome().to_owned();
    assert_eq!((outcome("sudo").as_str(), outcome("sudo-i").as_str()), ("PAM_SUCCESS", "PAM_AUTH_ERR"));
}

/// As if nobody had come yet.
const ANEW: &str = "cp -a /run/copy/state /var/lib/twofactor/";
/// pam-host is root, whom pam_rootok would let in without a question.
const COPY: &str = "\
    for place in /etc/pam.d /etc/twofactor /var/lib/twofactor; do
        [ -d $place ] || continue
        copy=/run/copy/$(echo $place | tr / -)
        mkdir -p /run/copy
        cp -a $place $copy
        mount --bind $copy $place
    done
    printf '[policy]\nmode = \"required\"\n' >/etc/twofactor/config.toml
    [ ! -d /etc/pam.d ] || sed -i -E '/pam_rootok/d; s/pam_(unix|twofactor)[.]so/& nodelay/' /etc/pam.d/*
    cp -a /var/lib/twofactor/state /run/copy/";
const BACK: &str = "\
    for place in /etc/pam.d /etc/twofactor /var/lib/twofactor; do
        ! mountpoint --quiet $place || umount $place
    done
    rm -r /run/copy";
