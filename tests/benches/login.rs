//! What a login costs, measured and not promised: the module through libpam, from pam_start to pam_end, with a right code
//! of oathtool(1) and its durable record on a real disk, for 1, 1,000 and 100,000 enrolled users.
//!
//! Each login is measured in turn with a baseline in the same shape of process: `pam_permit` and one durable overwrite of
//! 2 KiB (pwrite and fdatasync of a preallocated file) on the same file system. Two shapes: one process a login
//! (fork, exec, dlopen, exit), and many logins in one process.
//!
//! For a code that is mailed it measures the time to the prompt, with a Maildir for a mail server, beside the sender alone
//! with the same mail and one such overwrite.
//!
//! A list of 1,000 rules is measured against none.
//!
//! To run it, as root, with the release build in place (`cargo build --release -p pam-twofactor`, then `-p twofactor`,
//! then `-p twofactor-deliver`):
//!
//! ```text
//! cargo bench -p twofactor-tests                 about three minutes and 1.5 GB below target/, removed at the end
//! cargo bench -p twofactor-tests -- 1 1000       other numbers of users
//! ```
//!
//! Nothing on the machine changes: /etc, /var/lib, /run and /dev are overlaid in a private mount namespace; the records
//! are bind-mounted from a directory below target/, which must not be a tmpfs. The syslog lines go to the sandbox's daemon.

#[allow(dead_code, reason = "the benchmark needs the half of it")]
#[path = "../support/pam_host/pam.rs"]
mod pam;

use std::cell::Cell;
use std::ffi::{CStr, CString, c_int, c_void};
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, ptr};

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use serde_json::Value;
use support::{Secret, release};
use twofactor_message::{Attempt, Errand, Load, Mail, MailRoute, Verdict};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["baseline", folder] => baseline(Path::new(folder)),
        ["login", folder, user, code] => log_in(Path::new(folder), user, code),
        ["inside", folder, sizes @ ..] => inside(Path::new(folder), sizes),
        sizes => return outside(sizes),
    }
    ExitCode::SUCCESS
}

/// Makes the directory on the disk, and enters a namespace in which it is where the module looks.
fn outside(sizes: &[&str]) -> ExitCode {
    let target = release().parent().expect("release/ lies in target/").to_owned();
    let kind = statfs(&target).expect("the target directory is there").filesystem_type();
    if kind == TMPFS_MAGIC {
        eprintln!("{} is a tmpfs, where nothing is durable: set CARGO_TARGET_DIR to a disk", target.display());
        return ExitCode::FAILURE;
    }
    let folder = target.join(format!("bench-login-{}", std::process::id()));
    fs::create_dir(&folder).expect("a directory below target/");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--", "bash", "-euc", SETUP, "bench"]);
    command.env("RELEASE", release());
    command.arg(env::current_exe().expect("our own path")).arg("inside").arg(&folder);
    let sizes = if sizes.is_empty() { &["1", "1000", "100000"] } else { sizes };
    let status = command.args(sizes).status().expect("unshare(1) starts");
    fs::remove_dir_all(&folder).expect("the directory can be removed again");
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn inside(folder: &Path, sizes: &[&str]) {
    let sizes: Vec<usize> = sizes.iter().map(|size| size.parse().expect("a number of users")).collect();
    fs::create_dir(folder.join("pam.d")).expect("a fresh directory");
    let module = release().join("libpam_twofactor.so");
    write(&folder.join("pam.d/login"), format!("auth required {}\n", module.display()), 0o644);
    write(&folder.join("pam.d/permit"), "auth required pam_permit.so\n", 0o644);
    write(&folder.join("record"), vec![1; RECORD_BYTES], 0o600);
    let journal = Journal::start();
    let measured = enrol(folder);
    println!("{:<26}{:>9}{:>30}{:>30}{:>8}", "", "", "pam_permit and 2 KiB, ms", "login, ms", "");
    println!("{:<26}{:>9}{:>30}{:>30}{:>8}", "", "users", "median (p10 to p90)", "median (p10 to p90)", "ratio");
    let mut rows = Vec::new();
    for size in sizes {
        let users = populate(folder, &measured, size);
        for (shape, repetitions) in [(Shape::OneEach, 500), (Shape::Many, 1000)] {
            let (baseline, login) = measure(folder, shape, users, repetitions);
            let row = Row { shape, size, baseline, login };
            println!("{:<26}{size:>9}{baseline:>30}{login:>30}{:>8.2}", shape.name(), row.ratio());
            rows.push(row);
        }
        depopulate(folder);
    }
    let (without, with) = measure_rules(folder, populate(folder, &measured, 1));
    println!("\n{:<35}{:>30}{:>30}{:>8}", "", "without rules, ms", "with them, ms", "ratio");
    println!("{:<35}{without:>30}{with:>30}{:>8.2}", format!("{RULES} rules"), with.median / without.median);
    depopulate(folder);
    let (baseline, prompt) = measure_mailed(folder);
    println!("\n{:<35}{:>30}{:>30}{:>8}", "", "sender alone and 2 KiB, ms", "to the prompt, ms", "ratio");
    println!("{:<35}{baseline:>30}{prompt:>30}{:>8.2}", "a code by mail", prompt.median / baseline.median);
    drop(journal);
    verdict(&rows);
}

/// What kind of process logs people in.
#[derive(Clone, Copy, PartialEq)]
enum Shape {
    /// As sudo, su and login are.
    OneEach,
    /// As some display managers and mail servers are.
    Many,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Shape::OneEach => "one process a login",
            Shape::Many => "many logins in a process",
        }
    }
}

/// Somebody whose logins are measured.
struct User {
    name: String,
    secret: Secret,
    /// The files as the tool has made them: the enrolment, and a state in which no code was used.
    enrolment: Vec<u8>,
    state: Vec<u8>,
}

/// Users with an authenticator app each, really enrolled by the tool; their files are taken away again.
fn enrol(folder: &Path) -> Vec<User> {
    let names: Vec<String> = (0..MEASURED_USERS).map(|number| format!("measured{number}")).collect();
    let mut passwd = OpenOptions::new().append(true).open("/etc/passwd").expect("/etc/passwd");
    for (name, uid) in names.iter().zip(5000..) {
        writeln!(passwd, "{name}:x:{uid}:{uid}::/:/bin/sh").expect("/etc/passwd takes a line");
    }
    let enrol = |name: String| {
        let tool = Command::new(release().join("twofactor"))
            .args(["setup", &name, "--no-confirm", "--json"])
            .output()
            .expect("twofactor was built");
        assert!(tool.status.success(), "{}", String::from_utf8_lossy(&tool.stderr));
        let answer: Value = serde_json::from_slice(&tool.stdout).expect("setup --json prints JSON");
        let base32 = answer["secret"].as_str().expect("a secret").to_owned();
        let [enrolment, state] = files(folder, &name).map(|path| fs::read(path).expect("a file of the tool"));
        User { name, secret: Secret { base32, recovery_codes: Vec::new() }, enrolment, state }
    };
    let users = names.into_iter().map(enrol).collect();
    depopulate(folder);
    users
}

/// So many enrolments and states on the disk: as many as can be of users whose logins are measured, and copies of the first.
fn populate<'u>(folder: &Path, measured: &'u [User], size: usize) -> &'u [User] {
    let users = &measured[..size.min(measured.len())];
    for user in users {
        let [enrolment, state] = files(folder, &user.name);
        write(&enrolment, &user.enrolment, 0o600);
        write(&state, &user.state, 0o600);
    }
    for number in users.len()..size {
        let [enrolment, state] = files(folder, &format!("filler{number}"));
        write(&enrolment, &measured[0].enrolment, 0o600);
        write(&state, &measured[0].state, 0o600);
    }
    // What the disk has still to write would be measured too.
    assert!(Command::new("sync").arg("--file-system").arg(folder).status().expect("sync(1)").success());
    users
}

fn depopulate(folder: &Path) {
    for directory in ["lib/users", "lib/state"].map(|name| folder.join(name)) {
        for entry in fs::read_dir(&directory).expect("a directory of ours") {
            fs::remove_file(entry.expect("an entry").path()).expect("a file of ours");
        }
    }
}

/// The enrolment and the state of a user.
fn files(folder: &Path, name: &str) -> [PathBuf; 2] {
    [folder.join(format!("lib/users/{name}.toml")), folder.join(format!("lib/state/{name}"))]
}

fn write(path: &Path, content: impl AsRef<[u8]>, mode: u32) {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).expect("a new file");
    file.write_all(content.as_ref()).expect("room on the disk");
    file.set_permissions(PermissionsExt::from_mode(mode)).expect("a file of ours");
}

/// Baseline and login, one after the other, so that a busy disk slows both.
fn measure(folder: &Path, shape: Shape, users: &[User], repetitions: usize) -> (Figures, Figures) {
    let (mut baselines, mut logins) = (Vec::new(), Vec::new());
    let mut codes: Vec<Option<(Instant, String)>> = vec![None; users.len()];
    // The first tenth warms up.
    for repetition in 0..repetitions + repetitions / 10 {
        let which = repetition % users.len();
        let (user, code) = (&users[which], &mut codes[which]);
        let fresh = code.take().filter(|(computed, _)| computed.elapsed() < CODE_AGE);
        let (_, code) = code.insert(fresh.unwrap_or_else(|| (Instant::now(), user.secret.code())));
        forget(folder, user);
        let baseline = timed(|| match shape {
            Shape::OneEach => child(&["baseline".as_ref(), folder.as_os_str()]),
            Shape::Many => baseline(folder),
        });
        forget(folder, user);
        let login = timed(|| match shape {
            Shape::OneEach => {
                child(&["login".as_ref(), folder.as_os_str(), user.name.as_ref(), code.as_str().as_ref()]);
            }
            Shape::Many => log_in(folder, &user.name, code),
        });
        if repetition >= repetitions / 10 {
            baselines.push(baseline);
            logins.push(login);
        }
    }
    (Figures::of(baselines), Figures::of(logins))
}

/// Logins with and without a long list of rules, none of which matches, one after the other.
fn measure_rules(folder: &Path, users: &[User]) -> (Figures, Figures) {
    let rules: String = (0..RULES)
        .map(|number| {
            let (second, third) = (number / 250, number % 250);
            format!("[[policy.rule]]\nservice = ['sshd']\nrhost = ['10.{second}.{third}.0/24']\nmode = 'off'\n")
        })
        .collect();
    let user = &users[0];
    let mut figures = ["", &rules].map(|settings| (settings, Vec::new()));
    for repetition in 0..330 {
        let code = user.secret.code();
        for (settings, figures) in &mut figures {
            fs::write("/etc/twofactor/config.toml", format!("# none\n{settings}")).expect("a bind mount of ours");
            forget(folder, user);
            let login = timed(|| log_in(folder, &user.name, &code));
            if repetition >= 30 {
                figures.push(login);
            }
        }
    }
    fs::remove_file("/etc/twofactor/config.toml").expect("a file of ours");
    let [(_, without), (_, with)] = figures;
    (Figures::of(without), Figures::of(with))
}

/// The sender alone with one mail, and the module up to its prompt for a code that is mailed.
fn measure_mailed(folder: &Path) -> (Figures, Figures) {
    let mail = "methods = ['email']\n[mail]\nfrom = 'twofactor@example.test'\ntransports = ['maildir']\n";
    fs::write("/etc/twofactor/config.toml", mail).expect("a bind mount of ours");
    let tool = Command::new(release().join("twofactor"))
        .args(["setup", "measured0", "--method", "email", "--address", "measured0@example.test"])
        .args(["--no-confirm", "--json"])
        .output()
        .expect("twofactor was built");
    assert!(tool.status.success(), "{}", String::from_utf8_lossy(&tool.stderr));
    let [_, state] = files(folder, "measured0");
    let fresh = fs::read(&state).expect("a file of the tool");
    let frame = errand().encode();
    let (mut baselines, mut prompts) = (Vec::new(), Vec::new());
    for repetition in 0..220 {
        let file = OpenOptions::new().write(true).open(&state).expect("the state is there");
        file.write_all_at(&fresh, 0).expect("a write in place");
        file.sync_all().expect("a disk");
        let baseline = timed(|| {
            send(&frame);
            let record = OpenOptions::new().write(true).open(folder.join("record")).expect("the preallocated file");
            record.write_all_at(&[2; RECORD_BYTES], 0).expect("a write in place");
            record.sync_data().expect("a disk");
        });
        let begun = Instant::now();
        let prompted = prompted(folder, c"measured0");
        if repetition >= 20 {
            baselines.push(baseline);
            prompts.push(prompted.duration_since(begun));
        }
    }
    let mails = fs::read_dir("/var/spool/twofactor/new").expect("the mails").count();
    assert_eq!(mails, 2 * 220, "every one was sent");
    depopulate(folder);
    (Figures::of(baselines), Figures::of(prompts))
}

/// The mail that a login sends, or one like it.
fn errand() -> Errand {
    let mail = Mail {
        from: "twofactor@example.test".parse().expect("an address"),
        from_name: None,
        to: vec!["measured0@example.test".parse().expect("an address")],
        copy: Vec::new(),
        subject: "123456 is your login code".to_owned(),
        text: "123456\n".repeat(80),
        html: None,
        host: "testhost".to_owned(),
    };
    let route = MailRoute::Maildir("/var/spool/twofactor".to_owned());
    Errand { load: Load::Mail((mail, vec![Attempt { route, timeout_seconds: 5 }])), conversation: false }
}

/// Starts the sender as the module does, and waits for its verdict.
fn send(frame: &[u8]) {
    let mut sender = Command::new("/usr/libexec/twofactor/twofactor-deliver")
        .args([SENDER_ID, SENDER_ID])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the sender was built");
    sender.stdin.take().expect("a pipe").write_all(frame).expect("it reads");
    let said = sender.wait_with_output().expect("it ends").stdout;
    assert_eq!(Verdict::decode(&said).expect("a verdict").delivered_by(), Some("maildir"));
}

/// When the first prompt came.
fn prompted(folder: &Path, user: &CStr) -> Instant {
    PROMPTED.set(None);
    let _ = authenticate_with(folder, c"login", user, c"", note_prompt);
    PROMPTED.get().expect("a prompt")
}

thread_local! {
    static PROMPTED: Cell<Option<Instant>> = const { Cell::new(None) };
}

type Converse = unsafe extern "C" fn(c_int, *mut *const pam::Message, *mut *mut pam::Response, *mut c_void) -> c_int;

/// pam_conv(3) of somebody who takes down the time and goes.
unsafe extern "C" fn note_prompt(
    _: c_int,
    _: *mut *const pam::Message,
    _: *mut *mut pam::Response,
    _: *mut c_void,
) -> c_int {
    if PROMPTED.get().is_none() {
        PROMPTED.set(Some(Instant::now()));
    }
    pam::CONV_ERR
}

/// Puts the state back to where no code was used, so that one user can log in more than once in a step.
fn forget(folder: &Path, user: &User) {
    let [_, state] = files(folder, &user.name);
    let file = OpenOptions::new().write(true).open(state).expect("the state is there");
    file.write_all_at(&user.state, 0).expect("a write in place");
    file.sync_all().expect("a disk");
}

fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

fn child(arguments: &[&std::ffi::OsStr]) {
    let status = Command::new("/proc/self/exe").args(arguments).status().expect("our own program starts");
    assert!(status.success(), "{arguments:?}: {status}");
}

fn baseline(folder: &Path) {
    assert_eq!(authenticate(folder, c"permit", c"root", c""), pam::SUCCESS);
    let record = OpenOptions::new().write(true).open(folder.join("record")).expect("the preallocated file");
    record.write_all_at(&[2; RECORD_BYTES], 0).expect("a write in place");
    record.sync_data().expect("a disk");
}

fn log_in(folder: &Path, user: &str, code: &str) {
    let [user, code] = [user, code].map(|text| CString::new(text).expect("no NUL"));
    let outcome = authenticate(folder, c"login", &user, &code);
    assert_eq!(support::pam_code_name(outcome), "PAM_SUCCESS", "see the log, and whether the code was too old");
}

/// From pam_start to pam_end, with one answer for every prompt.
fn authenticate(folder: &Path, service: &CStr, user: &CStr, answer: &CStr) -> c_int {
    authenticate_with(folder, service, user, answer, converse)
}

fn authenticate_with(folder: &Path, service: &CStr, user: &CStr, answer: &CStr, converse: Converse) -> c_int {
    let confdir = CString::new(folder.join("pam.d").to_str().expect("a path in UTF-8")).expect("no NUL");
    let conversation = pam::Conversation { converse, appdata: answer.as_ptr().cast_mut().cast() };
    let mut handle = ptr::null_mut();
    // SAFETY: all strings outlive the handle, and libpam copies the conversation, pam_start(3).
    let started = unsafe {
        pam::pam_start_confdir(service.as_ptr(), user.as_ptr(), &conversation, confdir.as_ptr(), &mut handle)
    };
    assert_eq!(started, pam::SUCCESS, "pam_start");
    // SAFETY: the handle of pam_start, and for the last time.
    unsafe {
        let outcome = pam::pam_authenticate(handle, 0);
        pam::pam_end(handle, outcome);
        outcome
    }
}

/// pam_conv(3); `appdata` is the answer, a C string.
unsafe extern "C" fn converse(
    count: c_int,
    _messages: *mut *const pam::Message,
    responses: *mut *mut pam::Response,
    appdata: *mut c_void,
) -> c_int {
    let count = usize::try_from(count).expect("a count of messages");
    // SAFETY: calloc(3) of plain integers and pointers, and strdup(3) of a C string, which the module frees, pam_conv(3);
    // `responses` is the caller's pointer for exactly this.
    unsafe {
        let array: *mut pam::Response = libc::calloc(count, size_of::<pam::Response>()).cast();
        assert!(!array.is_null());
        for index in 0..count {
            (*array.add(index)).text = libc::strdup(appdata.cast());
        }
        *responses = array;
    }
    pam::SUCCESS
}

/// The sandbox's syslog daemon, for as long as this lives.
struct Journal(Child);

impl Journal {
    fn start() -> Journal {
        let mut command = Command::new(support::pam_host());
        let mut daemon =
            command.arg("init").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("pam-host was built");
        let mut line = String::new();
        let stdout = daemon.stdout.as_mut().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a pipe can be read");
        assert_eq!(line, "ready\n", "the journal");
        Journal(daemon)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Of many measurements, in milliseconds.
#[derive(Clone, Copy)]
struct Figures {
    median: f64,
    p10: f64,
    p90: f64,
}

impl Figures {
    fn of(mut times: Vec<Duration>) -> Figures {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        Figures { median: at(50), p10: at(10), p90: at(90) }
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{:.3} ({:.3} to {:.3})", self.median, self.p10, self.p90))
    }
}

/// One line of the table.
struct Row {
    shape: Shape,
    size: usize,
    baseline: Figures,
    login: Figures,
}

impl Row {
    fn ratio(&self) -> f64 {
        self.login.median / self.baseline.median
    }
}

fn verdict(rows: &[Row]) {
    println!(
        "\nThe aim: the median login costs at most twice the baseline and does not grow with the number of users."
    );
    for shape in [Shape::OneEach, Shape::Many] {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.shape == shape).collect();
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
        let worst = rows.iter().map(|row| row.ratio()).fold(0.0, f64::max);
        // Against the baseline beside it: the disk itself is not equally fast all the time.
        let growth = last.ratio() / first.ratio();
        let met = if worst <= 2.0 && growth <= STEADY { "met" } else { "NOT met" };
        println!(
            "{:<26}{met}: at most {worst:.2} times the baseline; {} users cost {growth:.2} times what {} cost",
            shape.name(),
            last.size,
            first.size
        );
    }
}

/// The inside of a new mount namespace. Called as: bench PROGRAM inside FOLDER [SIZE]...
const SETUP: &str = r#"
folder=$3
mount -t tmpfs -o mode=755 stage /run
for over in etc var/lib usr/libexec var/spool; do
    mkdir -p "/run/stage/$over/upper" "/run/stage/$over/work"
    mount -t overlay -o "lowerdir=/$over,upperdir=/run/stage/$over/upper,workdir=/run/stage/$over/work" stage "/$over"
done
mkdir -m 755 "$folder/etc" "$folder/lib"
mkdir -m 700 "$folder/lib/users" "$folder/lib/state"
mkdir -p /etc/twofactor /var/lib/twofactor
mount --bind "$folder/etc" /etc/twofactor
mount --bind "$folder/lib" /var/lib/twofactor
mkdir -p /usr/libexec/twofactor /var/spool/twofactor
cp "$RELEASE/twofactor-deliver" /usr/libexec/twofactor/
echo "twofactor:x:4999:4999::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
chown 4999:4999 /var/spool/twofactor
mount -t tmpfs -o mode=755 dev /dev
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/urandom c 1 9
exec "$@"
"#;
/// Who the sender runs as.
const SENDER_ID: &str = "4999";
const MEASURED_USERS: usize = 100;
const RULES: u32 = 1000;
const RECORD_BYTES: usize = 2048;
/// A code is good for the rest of its step and the whole of the next.
const CODE_AGE: Duration = Duration::from_secs(20);
/// Less than this is noise.
const STEADY: f64 = 1.1;
