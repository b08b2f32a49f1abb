//! SIGKILL before every command of the package's scripts, and before dpkg and pam-auth-update put a file of ours in its
//! place or take it away: whoever may log in can, and whoever has to be asked for a code is.

use std::cell::Cell;

use super::*;

/// Takes the place of a script's first line. Before one of the commands of all scripts together, which /run/left counts
/// down to, the script dies, and dpkg with it where /run/whom says so. No other one dies then.
const DIES: &str = r#"#!/bin/bash
set -o functrace
trap 'if ((BASH_SUBSHELL == 0)) && read -r left </run/left; then
    echo $((left - 1)) >/run/left
    if ((left == 0)); then
        read -r whom </run/whom
        rm /run/left
        [[ $whom != dpkg ]] || kill -KILL $PPID
        kill -KILL $$
    fi
fi 2>/dev/null' DEBUG
"#;

#[test]
fn an_installation_that_is_killed_asks_nobody_and_can_be_repeated() {
    on_every_system(|system| {
        let bench = Bench::new(system);
        let kills = bench.every_kill(|bench, people| {
            dpkg(&bench.sandbox, "--purge pam-twofactor").succeeded();
            bench.start(&format!("--install {}", bench.package));
            assert!(!people.get_in());
            bench.repeat(&format!("--install {}", bench.package), "installed");
            assert!(!people.get_in());
        });
        assert!(kills > 10, "{kills}");
    });
}

#[test]
fn an_upgrade_that_is_killed_goes_on_asking() {
    on_every_system(|system| {
        let bench = Bench::new(system);
        turn_on(&bench.sandbox);
        let kills = bench.every_kill(|bench, people| {
            bench.start(&format!("--install {}", bench.package));
            assert!(people.get_in());
            bench.repeat(&format!("--install {}", bench.package), "installed");
            assert!(people.get_in());
        });
        assert!(kills > 10, "{kills}");
    });
}

#[test]
fn a_removal_that_is_killed_locks_nobody_out_and_either_asks_again_or_is_completed() {
    on_every_system(|system| {
        let bench = Bench::new(system);
        let kills = bench.every_kill(|bench, people| {
            turn_on(&bench.sandbox);
            bench.start("--remove pam-twofactor");
            let asked = people.get_in();
            match status(&bench.sandbox).as_str() {
                "installed" => assert!(asked, "it is still here and asks no more"),
                "config-files" => assert!(!asked, "it is gone"),
                // In the middle, where the profile may be on or off.
                _ => {}
            }
            bench.repeat("--remove pam-twofactor", "config-files");
            assert!(!people.get_in());
            dpkg(&bench.sandbox, &format!("--install {}", bench.package)).succeeded();
        });
        assert!(kills > 10, "{kills}");
    });
}

/// A system on which people are enrolled, and the package with scripts that can die.
struct Bench {
    sandbox: Sandbox,
    package: String,
    /// Whether a script or dpkg dies next, and before which command.
    next: Cell<(&'static str, usize)>,
    /// Whether the last one did.
    died: Cell<bool>,
}

impl Bench {
    fn new(system: &Path) -> Self {
        let sandbox = Sandbox::of(system);
        bring_package(&sandbox);
        sandbox.write("/tmp/dies", DIES, 0o644);
        let package = repack(
            &sandbox,
            "0.0.1",
            "for script in DEBIAN/postinst DEBIAN/prerm DEBIAN/postrm; do
                sed -i -e '1r /tmp/dies' -e 1d \"$script\"
            done",
        );
        let bench = Bench { sandbox, package, next: Cell::new(("script", 0)), died: Cell::new(false) };
        dpkg(&bench.sandbox, &format!("--install {}", bench.package)).succeeded();
        bench
    }

    /// Goes through something with a script dying before its first command, its second and so on until it has no more,
    /// and then in the same way with dpkg dying as well. How many died.
    #[track_caller]
    fn every_kill(&self, through: impl Fn(&Bench, &mut People)) -> usize {
        let mut people = People::enrolled(&self.sandbox);
        let mut kills = 0;
        for whom in ["script", "dpkg"] {
            for left in 0.. {
                self.next.set((whom, left));
                through(self, &mut people);
                if !self.died.get() {
                    break;
                }
                kills += 1;
            }
        }
        kills
    }

    /// What is to die half-way.
    #[track_caller]
    fn start(&self, arguments: &str) {
        let (whom, left) = self.next.get();
        self.sandbox.write("/run/whom", format!("{whom}\n"), 0o600);
        self.sandbox.write("/run/left", format!("{left}\n"), 0o600);
        let output = dpkg(&self.sandbox, arguments);
        self.died.set(!self.sandbox.path("/run/left").exists());
        // dpkg itself gets over a script that dies before an upgrade.
        let went_well = output.status.success();
        assert!(went_well || self.died.get(), "{whom} {left}: {}{}", output.stdout, output.stderr);
        self.sandbox.bash("rm -f /run/left").succeeded();
    }

    /// What an administrator does next: what dpkg asks for, and if need be the same again.
    #[track_caller]
    fn repeat(&self, arguments: &str, end: &str) {
        // It says itself where that is not enough.
        dpkg(&self.sandbox, "--configure --pending");
        if status(&self.sandbox) != end {
            dpkg(&self.sandbox, arguments).succeeded();
        }
        assert_eq!(status(&self.sandbox), end);
    }
}
