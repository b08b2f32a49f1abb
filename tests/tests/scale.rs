//! Commands about everybody. Ten times as many people cost ten times as much, as what is done for each of them depends on
//! nobody else; and whatever breaks such a command off, run again it goes on.
//!
//! `benches/people.rs` measures 10,000 on a real disk. Here it is processor time, which a busy machine does not add to.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use support::{Cost, Crowd, oathtool};

#[test]
fn time_and_memory_grow_with_the_people_and_no_faster() {
    let [few, many] = [400, 4000].map(|size| Costs::of(&Crowd::gathered(size)));
    for ((command, few), (_, many)) in few.0.iter().zip(&many.0) {
        let times = many.busy_seconds / few.busy_seconds;
        assert!(
            times < 10.0 * TOLERANCE,
            "{command}: {times:.1} times as long for 10 times as many: {few:?}, {many:?}"
        );
        let each = many.peak_kib.saturating_sub(few.peak_kib) as f64 / 3600.0;
        assert!(each < KIB_EACH, "{command}: {each:.1} KiB for each user: {few:?}, {many:?}");
    }
}

#[test]
fn everybody_comes_over_once_however_often_it_is_broken_off() {
    let crowd = Crowd::gathered(PEOPLE);
    // Killed at every call by which something becomes visible or durable, each time a few users further on.
    for (which, call) in CALLS.iter().cycle().take(20).enumerate() {
        let before = enrolled(&crowd).len();
        killed(&crowd, call, which + 5, IMPORT);
        assert!((before..PEOPLE).contains(&enrolled(&crowd).len()), "{call}");
    }
    // Broken off by somebody who has waited long enough: who has come over is told of, recovery codes and all.
    let before = enrolled(&crowd);
    let tool = slowed(&crowd, IMPORT);
    while enrolled(&crowd).len() < before.len() + 20 {
        std::thread::sleep(Duration::from_millis(1));
    }
    end(&crowd, "TERM");
    let output = tool.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = "error: broken off\nhint: run it again to go on; who has come over stays as they are\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), told);
    let value: Value = serde_json::from_slice(&output.stdout).unwrap();
    let new: BTreeSet<_> = value["users"]
        .as_array()
        .unwrap()
        .iter()
        .filter(is_new)
        .map(|user| user["user"].as_str().unwrap().to_owned())
        .collect();
    let after = enrolled(&crowd);
    assert!(after.len() < PEOPLE && new.len() >= 20, "{} of {PEOPLE}", after.len());
    assert_eq!(new, after.difference(&before).cloned().collect());
    for user in value["users"].as_array().unwrap().iter().filter(is_new) {
        assert_eq!(user["recovery_codes"].as_array().unwrap().len(), 10, "{user}");
    }
    let mut terminal = crowd.sandbox.terminal("strace", [SLOWLY, &["twofactor", "import", "google", "--all"]].concat());
    terminal.expect("has come over", SOON);
    terminal.expect("has come over", SOON);
    terminal.send(b"\x03");
    terminal.expect("error: broken off", SOON);
    assert!(!terminal.wait().success());

    let left = PEOPLE - enrolled(&crowd).len();
    // What a kill between enrolment and state leaves is finished by the next run, which says so.
    let unfinished = "cd /var/lib/twofactor/state; mv person00000 .person00000.new";
    crowd.sandbox.bash(unfinished).succeeded();
    let rest: Value = serde_json::from_str(&crowd.sandbox.run("twofactor", IMPORT).succeeded().stdout).unwrap();
    let finished = |user: &&Value| user["left_behind"].to_string().contains("killed the last time");
    let finished = rest["users"].as_array().unwrap().iter().filter(finished);
    assert_eq!(finished.map(|user| user["user"].as_str().unwrap()).collect::<Vec<_>>(), ["person00000"]);
    assert_eq!(rest["users"].as_array().unwrap().iter().filter(is_new).count(), left);
    assert_eq!(enrolled(&crowd), (0..PEOPLE).map(Crowd::name).collect());
    nothing_is_left_over(&crowd);
    let kept = records(&crowd);
    let again = crowd.sandbox.run("twofactor", IMPORT).succeeded();
    assert!(!again.stdout.contains("\"is_new\":true"));
    assert_eq!(records(&crowd), kept, "once more changes nothing");
    // Whoever was killed over has a state in which the current code counts as used (`killed.rs`); the others have theirs.
    codes_let_in(&crowd, (before.len()..PEOPLE).step_by(PEOPLE / 20));
}

#[test]
fn everybody_is_sealed_anew_however_often_it_is_broken_off() {
    let crowd = Crowd::gathered(PEOPLE);
    crowd.sandbox.run("twofactor", IMPORT).succeeded();
    let resume = ["keys", "rotate", "--resume", "--json"];
    let sealed_by = || {
        let keys: Value =
            serde_json::from_str(&crowd.sandbox.run("twofactor", ["keys", "list", "--json"]).succeeded().stdout)
                .unwrap();
        let of = |key: &Value| key["enrolments"].as_u64().unwrap();
        keys.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    killed(&crowd, "renameat", 12, &["keys", "rotate"]);
    let mut done = sealed_by()[1];
    assert!(done > 0);
    for (which, call) in CALLS[..3].iter().cycle().take(15).enumerate() {
        killed(&crowd, call, which + 5, &resume);
        let [old, new] = sealed_by()[..] else { panic!("two keys") };
        assert_eq!(old + new, PEOPLE as u64, "{call}");
        assert!(new >= done, "{call}");
        done = new;
    }
    let mut terminal =
        crowd.sandbox.terminal("strace", [SLOWLY, &["twofactor", "keys", "rotate", "--resume"]].concat());
    terminal.expect("##", SOON);
    terminal.send(b"\x03");
    terminal.expect("error: broken off after ", SOON);
    terminal.expect("hint: every key is kept; to go on: twofactor keys rotate --resume", SOON);
    assert!(!terminal.wait().success());
    let broken_off = sealed_by();
    assert!(broken_off[0] > 0 && broken_off[1] >= done, "{broken_off:?}");

    let rest = crowd.sandbox.run("twofactor", resume).succeeded().stdout;
    let expected = json!({ "key": 2, "resealed": broken_off[0], "retired": [] });
    assert_eq!(serde_json::from_str::<Value>(&rest).unwrap(), expected);
    nothing_is_left_over(&crowd);
    let kept = records(&crowd);
    crowd.sandbox.run("twofactor", resume).succeeded();
    assert_eq!(records(&crowd), kept, "once more changes nothing");
    let retired = crowd.sandbox.run("twofactor", ["keys", "rotate", "--resume", "--retire"]).succeeded().stdout;
    assert_eq!(retired, "Key 2 seals; 0 enrolments sealed anew.\nRetired: key 1.\n");
    codes_let_in(&crowd, (0..PEOPLE).step_by(PEOPLE / 20));
}

/// As by nohup(1).
#[test]
fn who_has_gone_home_breaks_nothing_off_that_was_started_not_to_mind() {
    let crowd = Crowd::gathered(PEOPLE);
    let minds_no = |signal: &str| {
        let lines = format!("trap '' {signal}; exec strace \"$@\"");
        let mut command = crowd.sandbox.command("bash");
        command.args(["-c", &lines, "bash"]).args(SLOWLY).args(["twofactor"]).args(IMPORT);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("nsenter(1) starts")
    };
    let told = |tool: Child, signal: &str| {
        let before = enrolled(&crowd).len();
        while enrolled(&crowd).len() == before {
            std::thread::sleep(Duration::from_millis(1));
        }
        end(&crowd, signal);
        tool.wait_with_output().unwrap().status.code()
    };
    assert_eq!(told(minds_no("HUP"), "TERM"), Some(1));
    assert!(enrolled(&crowd).len() < PEOPLE);
    assert_eq!(told(minds_no("HUP"), "HUP"), Some(0));
    assert_eq!(enrolled(&crowd).len(), PEOPLE);
}

/// Runs the tool and kills it as it begins that call for that time.
#[track_caller]
fn killed(crowd: &Crowd, call: &str, time: usize, arguments: &[&str]) {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=SIGKILL:when={time}"));
    let strace = ["-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject, "twofactor"];
    let output = crowd.sandbox.run("strace", [&strace, arguments].concat());
    assert!(!output.status.success() && output.stderr.is_empty(), "{call} {time}: {output:?}");
}

/// Starts the tool on a slow disk.
fn slowed(crowd: &Crowd, arguments: &[&str]) -> Child {
    let mut command = crowd.sandbox.command("strace");
    command.args([SLOWLY, &["twofactor"], arguments].concat());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nsenter(1) starts")
}

/// Sends the tool a signal.
#[track_caller]
fn end(crowd: &Crowd, signal: &str) {
    let [tool] = &crowd.sandbox.processes("twofactor")[..] else { panic!("one tool") };
    crowd.sandbox.bash(&format!("kill -{signal} {}", tool.pid)).succeeded();
}

/// Who is enrolled.
fn enrolled(crowd: &Crowd) -> BTreeSet<String> {
    let names = names_in(crowd, "/var/lib/twofactor/users").into_iter();
    names
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .filter(|name| !name.starts_with('.'))
        .collect()
}

fn names_in(crowd: &Crowd, folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(crowd.sandbox.path(folder)).expect("the folder is there");
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// In the folders of the records there is one file for each, and in that of the settings what is installed.
#[track_caller]
fn nothing_is_left_over(crowd: &Crowd) {
    let everybody = || (0..PEOPLE).map(Crowd::name);
    assert_eq!(names_in(crowd, "/var/lib/twofactor/users"), everybody().map(|name| name + ".toml").collect());
    let states = names_in(crowd, "/var/lib/twofactor/state");
    assert_eq!(states, everybody().collect());
    assert_eq!(names_in(crowd, "/etc/twofactor"), ["config.toml", "keyring.toml"].map(str::to_owned).into());
}

/// What is recorded, with the times.
fn records(crowd: &Crowd) -> String {
    let lines =
        "cd /var/lib/twofactor; find users state -type f | sort | xargs sha256sum; stat -c '%n %y' users/* state/*";
    crowd.sandbox.bash(lines).succeeded().stdout
}

/// The codes that they have had all along are taken, each once.
#[track_caller]
fn codes_let_in(crowd: &Crowd, numbers: impl Iterator<Item = usize>) {
    crowd.sandbox.stack("twofactor", "auth required pam_twofactor.so nodelay\nauth required pam_permit.so\n");
    for number in numbers {
        let (user, code) = (Crowd::name(number), oathtool(&Crowd::seed(number), &["--totp"]));
        let outcome =
            || crowd.sandbox.pam_host(json!({ "user": user, "answers": [{ "text": code }] })).outcome().to_owned();
        assert_eq!([outcome(), outcome()], ["PAM_SUCCESS", "PAM_AUTH_ERR"], "{user}");
    }
}

fn is_new(user: &&Value) -> bool {
    user["devices"][0]["is_new"] == true
}

/// What each command costs.
struct Costs(Vec<(String, Cost)>);

impl Costs {
    fn of(crowd: &Crowd) -> Costs {
        let mut costs = Vec::new();
        let mut cost = |arguments: &[&str], again: &dyn Fn()| {
            let least = |costs: [Cost; 2]| costs.into_iter().min_by(|a, b| a.busy_seconds.total_cmp(&b.busy_seconds));
            let measured = [(); 2].map(|()| {
                again();
                crowd.cost(arguments)
            });
            costs.push((arguments.join(" "), least(measured).expect("two of them")));
        };
        let anew = || crowd.begin_anew();
        cost(&["import", "google", "--all", "--json"], &anew);
        cost(&["setup", "--from", "/root/crowd.csv", "--sheets", "/root/sheets"], &anew);
        let as_it_is = || ();
        cost(&["setup", "--from", "/root/crowd.csv", "--sheets", "/root/sheets"], &as_it_is);
        cost(&["list"], &as_it_is);
        cost(&["list", "--json"], &as_it_is);
        cost(&["report", "--log", "/var/log/crowd.log", "--json"], &as_it_is);
        cost(&["keys", "rotate"], &as_it_is);
        cost(&["keys", "list"], &as_it_is);
        Costs(costs)
    }
}

const PEOPLE: usize = 300;
const IMPORT: &[&str] = &["import", "google", "--all", "--json"];
/// As a disk that takes its time.
const SLOWLY: &[&str] = &["-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e", "inject=fsync:delay_exit=2000"];
/// By which an enrolment comes to be.
const CALLS: [&str; 4] = ["unlinkat", "fsync", "renameat", "fdatasync"];
const SOON: Duration = Duration::from_secs(20);
/// A user may cost a little more among ten times as many, as caches are smaller than crowds. Reading /etc/passwd for each
/// of them comes to 1.64 or more.
const TOLERANCE: f64 = 1.6;
/// More than the longest answer about one user takes, twice.
const KIB_EACH: f64 = 4.0;
