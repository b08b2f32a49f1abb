//! Ten thousand people: every check stays linear, and no list of names floods a terminal.

use std::time::{Duration, Instant};

use crate::machine::Machine;

#[test]
fn ten_thousand_people_are_looked_at_in_seconds_and_ten_of_them_are_named() {
    let machine = Machine::sound();
    // As adduser makes them, each with a group of their own.
    let people: String = (0..PEOPLE).map(|n| format!("p{n}:x:{0}:{0}::/home/p{n}:/bin/bash\\n", 2000 + n)).collect();
    let groups: String = (0..PEOPLE).map(|n| format!("p{n}:x:{}:\\n", 2000 + n)).collect();
    machine.0.write("/tmp/passwd", people.replace("\\n", "\n"), 0o644);
    machine.0.write("/tmp/group", groups.replace("\\n", "\n"), 0o644);
    machine.0.bash("cat /tmp/passwd >>/etc/passwd; cat /tmp/group >>/etc/group").succeeded();
    let text = machine.0.run("twofactor", ["doctor"]).succeeded().stdout;
    let outside = "warn  not enrolled, and refused wherever a code is asked for: \
                   p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 9,990 more\n";
    assert!(text.contains(outside) && text.lines().count() < 20, "{text}");
    let finding = machine.finding("people-outside");
    assert!(finding.message.ends_with(", p9998, p9999"), "{}", &finding.message[..200]);

    let names: String = (0..PEOPLE).map(|n| format!("p{n}\n")).collect();
    machine.0.write("/root/people.csv", format!("user\n{names}"), 0o600);
    machine.0.bash("twofactor setup --from /root/people.csv --no-confirm --json >/root/out.json").succeeded();
    // One of them by name, and all of them by their groups: sshd is asked a few times and not ten thousand.
    let blocks = "Match User p17\nAuthenticationMethods publickey\nMatch Group p*\nAuthenticationMethods publickey\n";
    machine.0.bash(&format!("printf '{blocks}' >>/etc/ssh/sshd_config")).succeeded();
    let begun = Instant::now();
    let text = machine.0.run("bash", ["-c", "exec 3>&1; /usr/bin/env time -f %M twofactor doctor 2>&1 >&3"]);
    let took = begun.elapsed();
    println!("{took:?}\n{}", text.stdout);
    assert!(text.stdout.contains(", for p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 9,989 more\n"), "{}", text.stdout);
    assert!(text.stdout.contains("ok    10,002 enrolments can be opened\n"), "{}", text.stdout);
    assert!(took < Duration::from_millis(2 * PEOPLE), "{took:?}");
}

const PEOPLE: u64 = 10_000;
