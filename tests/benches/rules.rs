//! What 1,000 rules cost in a whole login: from the start of ssh(1), with a key and a code of an app, to the command that
//! it runs, over a real sshd in a sandbox. Logins without rules and with them are measured in turn. How much of it is the
//! module alone is what `login.rs` measures.
//!
//! To run it, as root, with the release builds in place:
//!
//! ```text
//! cargo bench -p twofactor-tests --bench rules
//! ```

use std::time::{Duration, Instant};

use support::{Door, Program};

fn main() {
    let door = Door::new(Program::SshKey);
    let alice = door.enrol("alice");
    door.sandbox.bash("cp -p /var/lib/twofactor/state/alice /run/unused").succeeded();
    let rules: String = (0..RULES)
        .map(|number| {
            let (second, third) = (number / 250, number % 250);
            format!("[[policy.rule]]\nservice = ['sshd']\nrhost = ['10.{second}.{third}.0/24']\nmode = 'off'\n")
        })
        .collect();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for repetition in 0..REPETITIONS + WARMING {
        for (settings, times) in [("# none\n", &mut without), (&*rules, &mut with)] {
            door.configure(settings);
            // As if no code had been used yet.
            door.sandbox.bash("cp -p /run/unused /var/lib/twofactor/state/alice").succeeded();
            let code = alice.code();
            let started = Instant::now();
            let mut visit = door.knock("alice");
            visit.answer("", &code);
            visit.expect("let in: alice");
            if repetition >= WARMING {
                times.push(started.elapsed());
            }
        }
    }
    let (without, with) = (median(&mut without), median(&mut with));
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    println!("a login by ssh: {without:.1?} without rules, {with:.1?} with {RULES}, ratio {ratio:.3}");
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

const RULES: usize = 1000;
const REPETITIONS: usize = 40;
const WARMING: usize = 3;
