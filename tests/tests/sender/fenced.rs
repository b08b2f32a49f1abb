//! The profile for AppArmor leaves the sender what it needs and keeps secrets from it.
//!
//! The kernel that runs the tests need not have AppArmor: the profile is compiled, and what strace(1) saw of real
//! sending is held against the expressions that the compiler makes of the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use support::{Gateway, Sandbox, Sent, checkout};
use twofactor_message::{Errand, MailRoute, Protection, TextRoute};

use crate::house::{ENOUGH, House, SPOOL, errand, smtp, text};
use crate::texts::twilio;

#[test]
fn every_way_to_send_touches_what_the_profile_for_apparmor_allows() {
    let house = House::new();
    let profile = Profile::compiled();
    let _postfix = house.postfix();
    let gateway = Gateway::https(&house.certificate()).queues().start(&house.sandbox, 443);
    house.sandbox.write("/usr/local/bin/sms", "#!/bin/sh\ncat >/dev/null\n", 0o755);
    let words = |argv: &[&str]| argv.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();

    let server = || smtp(587, Protection::StartTls);
    let ways: [(&str, Errand); 6] = [
        ("smtp", house.mail(server())),
        // Whom this host trusts is read, and does not help: then the Maildir.
        ("maildir", errand([(MailRoute::Smtp(server()), ENOUGH)])),
        ("sendmail", errand([(MailRoute::Sendmail(words(&["/usr/sbin/sendmail", "-oi", "-t"])), ENOUGH)])),
        ("twilio", text([(TextRoute::Twilio(twilio(&house, 443)), ENOUGH)])),
        ("command", text([(TextRoute::Command(words(&["/usr/local/bin/sms"])), ENOUGH)])),
        ("maildir", errand([])),
    ];
    for (route, errand) in ways {
        let (sent, touched) = traced(&house, &errand);
        assert_eq!(sent.verdict.delivered_by(), Some(route), "{sent:#?}");
        assert!(touched.len() >= 5, "{route}: {touched:?}");
        assert_eq!(profile.refuses(&touched), Vec::<String>::new(), "{route}");
    }
    assert_eq!(gateway.heard().requests().len(), 1);
}

#[test]
fn the_profile_for_apparmor_keeps_secrets_records_and_other_files_from_the_sender() {
    let profile = Profile::compiled();
    for (how, path) in [
        ("r", "/etc/shadow"),
        ("r", "/etc/twofactor/keyring.toml"),
        ("r", "/etc/twofactor/config.toml"),
        ("r", "/var/lib/twofactor/users/alice.toml"),
        ("w", "/var/lib/twofactor/state/alice"),
        ("r", "/root/.ssh/id_ed25519"),
        ("r", "/home/alice/.bashrc"),
        ("w", "/etc/passwd"),
        ("w", "/usr/libexec/twofactor/twofactor-deliver"),
        ("x", "/tmp/evil"),
        ("x", "/var/spool/twofactor/new/evil"),
    ] {
        let touched = BTreeSet::from([Touched { how: how.to_owned(), path: path.to_owned() }]);
        assert_eq!(profile.refuses(&touched).len(), 1, "{how} {path}");
    }
}

/// The rules about files: an expression, what it gives to the owner and to others, and whether it takes instead.
struct Profile(Vec<(String, u32, bool)>);

impl Profile {
    fn compiled() -> Profile {
        let path = checkout().join("packaging/apparmor/usr.libexec.twofactor.twofactor-deliver");
        let mut parser = Command::new("apparmor_parser");
        let output = parser.args(["-Q", "-K", "--skip-kernel-load", "-D", "rule-exprs"]).arg(path).output();
        let output = output.expect("apparmor is installed");
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        let rule = |line: &str| {
            let (expression, meaning) = line.strip_prefix("rule: ")?.split_once("  ->  ")?;
            let bits = meaning.rsplit_once("(0x")?.1.split('/').next()?;
            let bits = u32::from_str_radix(bits, 16).expect("permissions are bits");
            // Others are about signals, sockets and pairs of names.
            let is_of_files = expression.starts_with(['/', '(']) && !expression.contains("\\x00/");
            is_of_files.then(|| (expression.to_owned(), bits, meaning.contains(" deny (")))
        };
        let rules: Vec<_> = said.lines().filter_map(rule).collect();
        assert!(rules.len() > 50 && rules.iter().any(|rule| rule.2), "{said}");
        Profile(rules)
    }

    /// Which of these is not allowed. Files below the spool are the sender's own, all others somebody else's.
    fn refuses(&self, touched: &BTreeSet<Touched>) -> Vec<String> {
        let allowed = self.allows(&touched.iter().map(|touched| touched.path.as_str()).collect::<Vec<_>>());
        let bit = |letter| match letter {
            'x' => 1,
            'w' => 2,
            'r' => 4,
            'l' => 16,
            other => panic!("no such permission: {other}"),
        };
        let refused = touched.iter().zip(allowed).filter(|(touched, (owner, others))| {
            let given = if touched.path.starts_with(SPOOL) { owner } else { others };
            touched.how.chars().any(|letter| given & bit(letter) == 0)
        });
        refused.map(|(touched, _)| format!("{} {}", touched.how, touched.path)).collect()
    }

    /// What the owner may do with each of these, and what others may.
    fn allows(&self, paths: &[&str]) -> Vec<(u32, u32)> {
        // Perl has the expressions that the compiler writes.
        let program = r#"my @rules = map { [split /\t/, $_, 3] } grep { length } split /\n/, shift;
            for my $path (@ARGV) {
                my ($given, $taken) = (0, 0);
                for my $rule (@rules) {
                    my ($bits, $takes, $expression) = @$rule;
                    next unless $path =~ m{\A(?:$expression)\z}s;
                    if ($takes) { $taken |= $bits } else { $given |= $bits }
                }
                print $given & ~$taken, "\n";
            }"#;
        let rules: String = self
            .0
            .iter()
            .map(|(expression, bits, takes)| format!("{bits}\t{}\t{expression}\n", u8::from(*takes)))
            .collect();
        let output = Command::new("perl").args(["-e", program, "--", &rules]).args(paths).output().expect("perl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let bits = String::from_utf8(output.stdout).expect("numbers");
        bits.lines()
            .map(|bits| bits.parse::<u32>().expect("a number"))
            .map(|bits| (bits & 0x7f, bits >> 14 & 0x7f))
            .collect()
    }
}

/// A file, and as letters of AppArmor what was done with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Touched {
    how: String,
    path: String,
}

/// What the sender touched on this errand, and not the programs that it runs.
fn traced(house: &House, errand: &Errand) -> (Sent, BTreeSet<Touched>) {
    let calls = "trace=open,openat,execve,unlink,unlinkat,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,clone,\
        clone3,fork,vfork";
    let sender = house.sender();
    let strace = ["strace", "-f", "-y", "-qq", "--output=/tmp/trace", "-e", "signal=none", "-e", calls, "--"];
    let sent = sender.start_with(sender.by(&strace), &errand.encode()).finish();
    let lines = whole_lines(&house.sandbox.read("/tmp/trace"));
    let parents: BTreeMap<&str, &str> = lines
        .iter()
        .filter(|(_, call)| ["clone", "fork", "vfork"].iter().any(|name| call.starts_with(name)))
        .filter_map(|(pid, call)| Some((call.rsplit_once(" = ")?.1.trim(), pid.as_str())))
        .collect();
    let mut strangers = BTreeSet::new();
    let mut touched = BTreeSet::new();
    for (pid, call) in &lines {
        let mut line = std::iter::successors(Some(pid.as_str()), |pid| parents.get(pid).copied());
        if line.any(|pid| strangers.contains(pid)) {
            continue;
        }
        let Some((call, result)) = call.rsplit_once(" = ").filter(|(_, result)| !result.trim().starts_with('-')) else {
            continue;
        };
        if call.starts_with("execve(") && !call.contains("/twofactor-deliver\"") {
            strangers.insert(pid.as_str());
        }
        touched.extend(files(&house.sandbox, call, result.trim()));
    }
    (sent, touched)
}

/// Calls with their results, also where another process spoke in between.
fn whole_lines(trace: &str) -> Vec<(String, String)> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut whole = Vec::new();
    for line in trace.lines() {
        let (pid, call) = line.split_once(' ').expect("strace writes the pid first");
        let call = call.trim();
        if let Some(start) = call.strip_suffix("<unfinished ...>") {
            begun.insert(pid, start);
        } else if let Some((_, end)) = call.split_once(" resumed>") {
            whole.push((pid.to_owned(), format!("{}{end}", begun.remove(pid).expect("it was begun"))));
        } else {
            whole.push((pid.to_owned(), call.to_owned()));
        }
    }
    whole
}

fn files(sandbox: &Sandbox, call: &str, result: &str) -> Vec<Touched> {
    let touched = |how: &str, path: &str| {
        let real = sandbox.run("realpath", ["-m", "--", path]).succeeded().stdout.trim_end().to_owned();
        let slash = if sandbox.path(&real).is_dir() { "/" } else { "" };
        Touched { how: how.to_owned(), path: real + slash }
    };
    let named = || names(call);
    let (name, arguments) = call.split_once('(').expect("a call");
    match name {
        "open" | "openat" if arguments.contains("O_PATH") => vec![],
        "open" | "openat" => {
            let how = match arguments {
                flags if flags.contains("O_RDWR") => "rw",
                flags if flags.contains("O_WRONLY") => "w",
                _ => "r",
            };
            let path = result.split_once('<').expect("-y names what was opened").1.trim_end_matches('>');
            vec![touched(how, path)]
        }
        "execve" if arguments.contains("/twofactor-deliver\"") => vec![],
        "execve" => vec![touched("x", &named()[0])],
        "mkdir" | "mkdirat" | "unlink" | "unlinkat" => vec![touched("w", &named()[0])],
        "link" | "linkat" => vec![touched("l", &named()[1])],
        "rename" | "renameat" | "renameat2" => named().iter().map(|path| touched("rw", path)).collect(),
        _ => vec![],
    }
}

/// The paths that a call was given, each below its directory.
fn names(call: &str) -> Vec<String> {
    let parts: Vec<&str> = call.split('"').collect();
    let pairs = parts.chunks_exact(2).map(|pair| {
        let directory = pair[0].rsplit_once('<').map_or("/", |(_, directory)| directory.trim_end_matches(">, "));
        if pair[1].starts_with('/') { pair[1].to_owned() } else { format!("{directory}/{}", pair[1]) }
    });
    pairs.collect()
}
