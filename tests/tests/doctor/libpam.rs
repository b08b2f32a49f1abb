//! What stacks come to, against the real libpam.

use serde_json::Value;

use crate::machine::Machine;

#[test]
fn stacks_come_to_what_libpam_makes_of_them() {
    let machine = Machine::sound();
    // What holds where a service says nothing.
    machine.0.stack("other", "auth required pam_permit.so\n");
    agree(&machine, |draw| {
        for file in ["x", "y", "z"] {
            machine.0.stack(file, &draw.lines(file, ["y", "z"]).concat());
        }
        ["x", "y", "z"].map(|file| machine.0.read(&format!("/etc/pam.d/{file}"))).concat()
    });
}

#[test]
fn lines_of_pam_conf_come_to_what_libpam_makes_of_them() {
    let machine = Machine::sound();
    machine.0.bash("mkdir /etc/stacks; rm -r /etc/pam.d /usr/lib/pam.d").succeeded();
    let included = ["/etc/stacks/y", "/etc/stacks/z"];
    agree(&machine, |draw| {
        let mut text = String::from("other auth required pam_permit.so\n");
        for line in draw.lines("x", included) {
            text.push_str(&format!("{} {line}", draw.one_of(&["x", "X", "x", "v"])));
        }
        machine.0.write("/etc/pam.conf", &text, 0o644);
        for file in included {
            let lines = draw.lines(file, included).concat();
            machine.0.write(file, &lines, 0o644);
            text.push_str(&lines);
        }
        text
    });
}

/// Whether what is explained is what libpam does, in hundreds of stacks.
fn agree(machine: &Machine, mut write: impl FnMut(&mut Draw) -> String) {
    let mut draw = Draw(20_261_126);
    let mut came = [0, 0];
    for round in 0..300 {
        let text = write(&mut draw);
        let explained =
            machine.0.run("twofactor", ["doctor", "--user", "alice", "--service", "x", "--json"]).succeeded();
        let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
        let report = machine.0.pam_host(serde_json::json!({ "user": "alice", "service": "x", "answers": [] }));
        let lets_in = report.cycle().outcome() == "PAM_SUCCESS";
        assert_eq!(explained["lets_in"], lets_in, "round {round}: {explained:#}\n{text}");
        came[usize::from(lets_in)] += 1;
    }
    assert!(came.iter().all(|count| *count > 20), "{came:?}");
}

/// Numbers that are the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[usize::try_from(self.below(texts.len() as u64)).unwrap()]
    }

    /// The lines of a file.
    fn lines(&mut self, file: &str, included: [&str; 2]) -> Vec<String> {
        (0..self.below(6) + 1).map(|_| self.line(file, included)).collect()
    }

    /// A line of modules whose answers are known, in all the ways in which it can be written.
    fn line(&mut self, file: &str, [first, last]: [&str; 2]) -> String {
        let below = if file == "x" { self.one_of(&[first, last]) } else { last };
        if file != last && self.below(4) == 0 {
            let include = self.one_of(&["@include", "auth include", "auth substack", "AUTH Substack"]);
            return format!("{include} {below}\n");
        }
        let kind = self.one_of(&["auth", "auth", "auth", "-auth", "Auth", "account", "nonsense"]);
        let kind = if kind == "nonsense" && self.below(4) > 0 { "auth" } else { kind };
        let module = self.one_of(&["pam_permit.so", "pam_permit.so", "pam_deny.so", "pam_permit.so # x", ""]);
        let module = if module.is_empty() && self.below(4) > 0 { "pam_permit.so" } else { module };
        let control = self.one_of(&[
            "required",
            "REQUISITE",
            "optional",
            "sufficient",
            "\\\n required",
            "[success=1 default=ignore]",
            "[success=2 default=bad]",
            "[success = ok auth_err=1 default=die]",
            "[success=done \\\n# between\n new_authtok_reqd=done default=ignore]",
            "[default=ignore success=ok]",
            "[success=reset default=reset]",
            "[auth_err=ignore success=ok]",
            "[auth_err=ok default=ok]",
            "[success=wat default=ignore]",
            "[success=3]",
            "wat",
        ]);
        format!("{kind} {control} {module}\n")
    }
}
