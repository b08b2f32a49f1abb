//! What commands about everybody cost for 1,000 and 10,000 people, with their records and sheets on a real disk: the time
//! of a user, the time of a user on a processor, the most memory, and whether ten times as many people cost ten times
//! as much. The smaller crowd is measured three times, of which the median is shown.
//!
//! To run it, as root, with the release builds in place:
//!
//! ```text
//! cargo bench -p twofactor-tests --bench people             about ten minutes and 200 MB below target/, removed at the end
//! cargo bench -p twofactor-tests --bench people -- 100 400  other numbers of people, the smaller one first
//! ```

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use support::{Cost, Crowd, release};

fn main() -> ExitCode {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [few, many] = sizes.try_into().unwrap_or([1_000, 10_000]);
    let target = release().parent().expect("release/ lies in target/").to_owned();
    if statfs(&target).expect("the target directory is there").filesystem_type() == TMPFS_MAGIC {
        eprintln!("{} is a tmpfs, where nothing is durable: set CARGO_TARGET_DIR to a disk", target.display());
        return ExitCode::FAILURE;
    }
    let folder = target.join(format!("bench-people-{}", std::process::id()));
    let rows = [(few, 3), (many, 1)].map(|(size, times)| measured(&folder, size, times));
    println!("{:<44}{:>8}{:>12}{:>12}{:>12}", "", "people", "ms a user", "busy, ms", "peak, MiB");
    let mut is_linear = true;
    for (command, (few_cost, many_cost)) in COMMANDS.iter().zip(rows[0].iter().zip(&rows[1])) {
        let name =
            command.arguments.iter().filter(|word| !word.starts_with('/')).copied().collect::<Vec<_>>().join(" ");
        let name = format!("{name}{}", if command.is_repeated { ", again" } else { "" });
        for (size, cost) in [(few, few_cost), (many, many_cost)] {
            let [each, busy] = [cost.seconds, cost.busy_seconds].map(|seconds| seconds * 1e3 / size as f64);
            println!("{name:<44}{size:>8}{each:>12.2}{busy:>12.3}{:>12.1}", cost.peak_kib as f64 / 1024.0);
        }
        let growth = (many_cost.busy_seconds / many as f64) / (few_cost.busy_seconds / few as f64);
        is_linear &= growth < LINEAR;
        println!("{:<44}{growth:>8.2} times the processor's time a user", "");
    }
    println!("{}", if is_linear { "linear" } else { "NOT LINEAR: something looks at everybody for each of them" });
    if is_linear { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The median costs of each command, in the order of [`COMMANDS`].
fn measured(folder: &Path, size: usize, times: usize) -> Vec<Cost> {
    fs::create_dir(folder).expect("a directory below target/");
    let crowd = Crowd::on_disk(folder, size);
    let mut costs = vec![Vec::new(); COMMANDS.len()];
    for _ in 0..times {
        for (command, costs) in COMMANDS.iter().zip(&mut costs) {
            if command.enrols {
                crowd.begin_anew();
                crowd.sandbox.bash("rm -rf /disk/sheets").succeeded();
            }
            costs.push(crowd.cost(command.arguments));
        }
    }
    drop(crowd);
    fs::remove_dir_all(folder).expect("the directory can be removed again");
    costs.into_iter().map(median).collect()
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    costs[costs.len() / 2]
}

/// A command about everybody.
struct Command {
    arguments: &'static [&'static str],
    /// It begins with nobody enrolled.
    enrols: bool,
    /// It finds everything done.
    is_repeated: bool,
}

const fn command(arguments: &'static [&'static str]) -> Command {
    Command { arguments, enrols: false, is_repeated: false }
}

const COMMANDS: [Command; 9] = [
    Command { enrols: true, ..command(IMPORT) },
    Command { is_repeated: true, ..command(IMPORT) },
    Command { enrols: true, ..command(SETUP) },
    Command { is_repeated: true, ..command(SETUP) },
    command(&["list"]),
    command(&["list", "--json"]),
    command(&["report", "--log", "/var/log/crowd.log"]),
    command(&["keys", "rotate"]),
    command(&["keys", "list"]),
];
const IMPORT: &[&str] = &["import", "google", "--all", "--json"];
const SETUP: &[&str] = &["setup", "--from", "/root/crowd.csv", "--sheets", "/disk/sheets"];
/// As much longer a user may take among many; twice is not yet a second look at everybody.
const LINEAR: f64 = 1.5;
