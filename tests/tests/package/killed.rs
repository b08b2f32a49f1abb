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
        bench.every_kill(&["rename"], |bench, people| {
            dpkg(&bench.sandbox, "--purge pam-twofactor").succeeded();
            bench.start(&format!("--install {}", bench.package));
            assert!(!people.get_in());
            bench.repeat(&format!("--install {}", bench.package), "installed");
            assert!(!people.get_in());
        });
    });
}

#[test]
fn an_upgrade_that_is_killed_goes_on_asking() {
    on_every_system(|system| {
        let bench = Bench::new(system);
        turn_on(&bench.sandbox);
        bench.every_kill(&["link", "rename", "unlink"], |bench, people| {
            bench.start(&format!("--install {}", bench.package));
            assert!(people.get_in());
            bench.repeat(&format!("--install {}", bench.package), "installed");
            assert!(people.get_in());
        });
    });
}

#[test]
fn a_removal_that_is_killed_locks_nobody_out_and_either_asks_again_or_is_completed() {
    on_every_system(|system| {
        let bench = Bench::new(system);
        bench.every_kill(&["unlink"], |bench, people| {
            turn_on(&bench.sandbox);
            bench.start("--remove pam-twofactor");
            let asked = people.get_in();
            match status(&bench.sandbox).as_str() {
                "installed" => assert!(asked, "it is still here and asks no more"),
                "config-files" => assert!(!asked, "it is gone"),
                // dpkg is dead, and the profile is on or off. Who thinks better of it has it on again.
                "half-configured" => {
                    dpkg(&bench.sandbox, "--configure pam-twofactor").succeeded();
                    assert!(people.get_in());
                }
                _ => {}
            }
            bench.repeat("--remove pam-twofactor", "config-files");
            assert!(!people.get_in());
            dpkg(&bench.sandbox, &format!("--install {}", bench.package)).succeeded();
        });
    });
}

/// Whatever puts the profile back has to get to its end, or the next one does.
#[test]
fn a_removal_that_fails_and_is_killed_loses_neither_the_line_nor_its_arguments() {
    on_every_system(|system| {
        let bench = Bench::new(system);
        let rival = stacks::rival(&bench.sandbox, "");
        turn_on(&bench.sandbox);
        bench.sandbox.bash("sed -i 's|pam_twofactor.so.*|& debug nodelay|' /etc/pam.d/common-auth").succeeded();
        let words = |bench: &Bench| {
            let line = bench.sandbox.bash("grep pam_twofactor /etc/pam.d/common-auth").succeeded().stdout;
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let before = words(&bench);
        bench.every_kill(&[], |bench, people| {
            bench.start(&format!("--install {rival} || true"));
            // Of what is half-installed then, dpkg wants the package again.
            bench.repeat(&format!("--install {}", bench.package), "installed");
            assert_eq!(words(bench), before);
            assert!(people.get_in());
        });
    });
}

/// Who dies next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    /// A script, before one of its commands.
    Script,
    /// The same, and dpkg with it.
    ScriptAndDpkg,
    /// dpkg, before it touches the name of the module by this system call.
    Dpkg(&'static str),
    /// pam-auth-update, before it puts the stack, or what it knows of it, in place.
    PamAuthUpdate,
}

/// A system on which people are enrolled, and the package with scripts that can die.
struct Bench {
    sandbox: Sandbox,
    package: String,
    module: String,
    /// Who dies next, and how much is done before.
    next: Cell<(Victim, usize)>,
    /// Whether anybody died the last time.
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
            "for script in DEBIAN/preinst DEBIAN/postinst DEBIAN/prerm DEBIAN/postrm; do
                sed -i -e '1r /tmp/dies' -e 1d \"$script\"
            done",
        );
        dpkg(&sandbox, &format!("--install {package}")).succeeded();
        let module = module(&sandbox);
        Bench { sandbox, package, module, next: Cell::new((Victim::Script, 0)), died: Cell::new(false) }
    }

    /// Goes through something again and again, with every victim dying before its first step, its second and so on until
    /// it has no more. `calls` are those by which dpkg touches the name of the module there.
    #[track_caller]
    fn every_kill(&self, calls: &[&'static str], through: impl Fn(&Bench, &mut People)) {
        let mut people = People::enrolled(&self.sandbox);
        let others = [(Victim::Script, 10), (Victim::ScriptAndDpkg, 10), (Victim::PamAuthUpdate, 2)];
        for (victim, least) in calls.iter().map(|call| (Victim::Dpkg(call), 1)).chain(others) {
            let mut kills = 0;
            loop {
                self.next.set((victim, kills));
                through(self, &mut people);
                if !self.died.get() {
                    break;
                }
                kills += 1;
            }
            assert!(kills >= least, "{victim:?} died {kills} times only");
        }
    }

    /// What is to die half-way.
    #[track_caller]
    fn start(&self, arguments: &str) {
        let (victim, before) = self.next.get();
        let module = ["", ".dpkg-new", ".dpkg-tmp"].map(|end| format!("{}{end}", self.module));
        let (output, died) = match victim {
            Victim::Script | Victim::ScriptAndDpkg => self.start_scripts(arguments, victim, before),
            Victim::Dpkg(call) => self.start_traced(arguments, call, &module, before),
            Victim::PamAuthUpdate => self.start_traced(arguments, "rename", &PROFILE.map(str::to_owned), before),
        };
        self.died.set(died);
        // dpkg itself gets over a script that dies before an upgrade.
        assert!(output.status.success() || died, "{victim:?} {before}: {}{}", output.stdout, output.stderr);
    }

    fn start_scripts(&self, arguments: &str, victim: Victim, before: usize) -> (Output, bool) {
        self.sandbox.write("/run/whom", if victim == Victim::Script { "script\n" } else { "dpkg\n" }, 0o600);
        self.sandbox.write("/run/left", format!("{before}\n"), 0o600);
        let output = dpkg(&self.sandbox, arguments);
        let died = !self.sandbox.path("/run/left").exists();
        self.sandbox.bash("rm -f /run/left").succeeded();
        (output, died)
    }

    fn start_traced(&self, arguments: &str, call: &str, files: &[String], before: usize) -> (Output, bool) {
        let files: String = files.iter().map(|file| format!("--trace-path={file} ")).collect();
        let lines = format!(
            "DEBIAN_FRONTEND=noninteractive strace --follow-forks --quiet=all --output=/run/trace {files} \
                --inject={call}:signal=KILL:when={} dpkg {arguments}",
            before + 1
        );
        let output = self.sandbox.bash(&lines);
        (output, self.sandbox.read("/run/trace").contains("killed by SIGKILL"))
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

/// The stack of the profile, and what pam-auth-update knows of it.
const PROFILE: [&str; 4] =
    ["/etc/pam.d/common-auth", "/etc/pam.d/common-auth.pam-new", "/var/lib/pam/auth", "/var/lib/pam/auth.new"];
