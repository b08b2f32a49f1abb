//! A machine with Debian's own stacks, our line in them and a real sshd, and somebody who does what a hint says.

use serde_json::Value;
use support::{Sandbox, Secret};

use crate::logins::Way;

/// One finding.
#[derive(Debug)]
pub struct Finding {
    pub check: String,
    pub level: String,
    pub message: String,
    pub hint: String,
}

/// A machine, and how alice makes her codes.
pub struct Machine(pub Sandbox, pub Secret);

impl Machine {
    /// Debian's stacks with our line behind the password, an sshd that asks, and everybody enrolled.
    pub fn sound() -> Machine {
        let sandbox = Sandbox::installed();
        sandbox.bash(
            "for service in sshd sudo sudo-i su login; do cp /usr/share/doc/pam-twofactor/pam.d/$service /etc/pam.d/; done
             cat >/etc/ssh/sshd_config <<'END'
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication no
AuthenticationMethods publickey,keyboard-interactive keyboard-interactive
END
             ssh-keygen -q -A",
        )
        .succeeded();
        sandbox.add_user("alice", PASSWORD);
        // Somebody with a password, a key and no code, who has no shell that would want one.
        sandbox.add_user("nora", PASSWORD);
        sandbox.bash(KEYS).succeeded();
        let secret = sandbox.enrol("alice");
        sandbox.enrol("root");
        Machine(sandbox, secret)
    }

    pub fn findings(&self) -> Vec<Finding> {
        let output = self.0.run("twofactor", ["doctor", "--json"]);
        let found: Value = serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {output:?}"));
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let findings: Vec<_> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|one| Finding {
                check: text(one, "check"),
                level: text(one, "level"),
                message: text(one, "message"),
                hint: text(one, "hint"),
            })
            .collect();
        let fails = findings.iter().any(|finding| finding.level == "fail");
        assert_eq!(output.status.code(), Some(i32::from(fails)), "{findings:#?}");
        findings
    }

    /// What is not in order, by the names of the checks.
    pub fn wrong(&self) -> Vec<String> {
        let wrong = self.findings().into_iter().filter(|finding| finding.level != "ok");
        wrong.map(|finding| finding.check).collect()
    }

    #[track_caller]
    pub fn finding(&self, check: &str) -> Finding {
        let findings = self.findings();
        let described = format!("{findings:#?}");
        findings.into_iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("{check}: {described}"))
    }

    /// Breaks something, sees that one check names it, does what the check says, and sees that nothing is wrong any more
    /// and that whoever has the code gets in, and nobody else.
    #[track_caller]
    pub fn breaks_and_mends(&self, breaking: &str, check: &str, level: &str) {
        self.0.bash(breaking).succeeded();
        let mut left = 8;
        let mut finding = self.finding(check);
        assert_eq!(finding.level, level, "{finding:?}");
        loop {
            self.follow(&finding.hint);
            let wrong = self.findings().into_iter().find(|finding| finding.level != "ok");
            let Some(next) = wrong else { break };
            assert!(left > 0, "{breaking}: still {next:?}");
            left -= 1;
            finding = next;
        }
        match check.split('-').next() {
            Some("sshd") => self.sshd_holds(&[Way::USUAL]),
            Some("stack" | "module") => self.services_hold(),
            _ => {}
        }
    }

    /// Does what a hint says.
    #[track_caller]
    pub fn follow(&self, hint: &str) {
        println!("following: {hint}");
        let when = ["if that is not meant: ", "when the log has no surprises any more, "];
        let hint = when.iter().find_map(|when| hint.strip_prefix(when)).unwrap_or(hint);
        if let Some((place, line)) = hint.strip_prefix("write ").and_then(|rest| rest.split_once(" so: ")) {
            let (file, number) = place.rsplit_once(':').unwrap();
            let line = line.split(';').next().unwrap();
            return self.edit(file, |lines| lines[number.parse::<usize>().unwrap() - 1] = line.to_owned());
        }
        if let Some(rest) = hint.strip_prefix("write a first line in ") {
            let (file, line) = rest.split_once(": ").unwrap();
            let line = line.split(';').next().unwrap();
            return self.edit(file, |lines| lines.insert(0, line.to_owned()));
        }
        if let Some(rest) = hint.strip_prefix("write a last auth line in ") {
            let (file, line) = rest.split_once(": ").unwrap();
            return self.edit(file, |lines| lines.push(line.to_owned()));
        }
        if let Some((line, place)) = hint.strip_prefix("put the line \"").and_then(|rest| rest.split_once("\" ")) {
            let (file, number) = place.rsplit_once(':').unwrap();
            let number: usize = number.parse().unwrap();
            let (way, file) = file.split_once(' ').unwrap();
            return self.edit(file, |lines| {
                let from = lines.iter().position(|one| one.split_whitespace().eq(line.split_whitespace())).unwrap();
                let taken = lines.remove(from);
                let to = if way == "below" { number } else { number - 1 };
                lines.insert(if from < to { to - 1 } else { to }, taken);
            });
        }
        if let Some(rest) = hint.strip_prefix("write below ") {
            let (place, line) = rest.split_once(": ").unwrap();
            let (file, number) = place.rsplit_once(':').unwrap();
            let line = line.split(';').next().unwrap();
            return self.edit(file, |lines| lines.insert(number.parse().unwrap(), line.to_owned()));
        }
        if let Some(place) = hint.strip_prefix("take out the line ") {
            let (file, number) = place.rsplit_once(':').unwrap();
            return self.edit(file, |lines| drop(lines.remove(number.parse::<usize>().unwrap() - 1)));
        }
        let from_to = |range: &str| {
            let (first, last) = range.split_once(" to ").unwrap();
            first.parse::<usize>().unwrap() - 1..last.parse().unwrap()
        };
        if let Some((range, rest)) = hint.strip_prefix("put lines ").and_then(|rest| rest.split_once(" of ")) {
            let (file, above) = rest.split_once(" above line ").unwrap();
            let above: usize = above.split(',').next().unwrap().parse().unwrap();
            return self.edit(file, |lines| {
                let taken: Vec<_> = lines.drain(from_to(range)).collect();
                drop(lines.splice(above - 1..above - 1, taken));
            });
        }
        if let Some((range, rest)) = hint.strip_prefix("take out lines ").and_then(|rest| rest.split_once(" of ")) {
            return self.edit(rest.split(';').next().unwrap(), |lines| drop(lines.drain(from_to(range))));
        }
        if hint.ends_with("packaging/install.sh") {
            return self.0.install();
        }
        let command =
            ["chmod ", "chown ", "useradd ", "groupadd ", "mkdir ", "install ", "cp ", "restorecon ", "twofactor "]
                .iter()
                .find_map(|start| hint.find(start).map(|at| hint[at..].split(';').next().unwrap()));
        self.0.bash(command.unwrap_or_else(|| panic!("not to be followed: {hint}"))).succeeded();
    }

    pub fn edit(&self, file: &str, change: impl FnOnce(&mut Vec<String>)) {
        let mut lines: Vec<String> = self.0.read(file).lines().map(str::to_owned).collect();
        change(&mut lines);
        self.0.write(file, lines.join("\n") + "\n", 0o644);
    }
}

/// Everybody's.
pub const PASSWORD: &str = "correct horse";
/// A key that is known to sshd as everybody's, and what ssh(1) is answered.
const KEYS: &str = "\
    usermod --shell /usr/sbin/nologin nora
    # A password that is looked at in no time: there are hundreds of logins.
    for user in alice nora; do usermod --password \"$(openssl passwd -6 'correct horse')\" $user; done
    rm -rf /root/.ssh; mkdir -m 0700 /root/.ssh
    ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
    for user in alice nora; do
        install -d -m 0700 -o $user -g $user /home/$user/.ssh
        install -m 0600 -o $user -g $user /root/.ssh/id_ed25519.pub /home/$user/.ssh/authorized_keys
    done
    cat >/root/askpass <<'END'
#!/bin/sh
case $1 in
    # By the method password there is one question only.
    *\"'s password\"* | *'Password & '*) echo \"correct horse$CODE\" ;;
    *Verification*) echo \"$CODE\" ;;
    *) echo 'correct horse' ;;
esac
END
    chmod 0755 /root/askpass";
