//! Mode `monitor`, and the report of what it has seen: as a table, as JSON, and as a page in a real browser.

use serde_json::{Value, json};
use support::{Mailbox, Sandbox, Secret, release, two_lines};

#[test]
fn monitor_asks_who_is_enrolled_sends_nothing_to_others_and_lets_everybody_in() {
    let machine = Machine::new();
    machine.sandbox.write(
        "/etc/twofactor/config.toml",
        "methods = ['email', 'totp', 'recovery']\n[policy]\nmode = 'monitor'\n[mail.maildir]\npath = '/var/spool/twofactor'\n",
        0o644,
    );
    for (user, answer, asked, outcome, logged) in [
        ("alice", machine.alice.code(), 1, "PAM_SUCCESS", "outcome=proved reason=code-accepted mode=monitor"),
        ("alice", machine.alice.wrong_code(), 3, "PAM_SUCCESS", "outcome=refused reason=wrong-code mode=monitor"),
        ("bob", machine.alice.code(), 0, "PAM_SUCCESS", "outcome=not-due reason=not-enrolled mode=monitor"),
        ("mallory", machine.alice.code(), 3, "PAM_AUTH_ERR", "outcome=refused reason=unknown-user mode=monitor"),
    ] {
        let journal = machine.sandbox.journal().from_here();
        let cycle = machine.login(user, "sshd", &answer);
        assert_eq!((cycle.prompts().len(), cycle.outcome()), (asked, outcome), "{user}");
        assert!(journal.lines_with("event=login")[0].contains(logged), "{:?}", journal.lines());
    }
    assert_eq!(Mailbox::at(&machine.sandbox, "/var/spool/twofactor").waiting(), 0, "nobody here has a mailbox");
}

#[test]
fn the_report_says_who_would_have_been_refused_and_who_is_not_enrolled() {
    let machine = Machine::watched();
    let shown = machine.report(&[]).succeeded().stdout;
    assert_eq!(
        shown,
        "1 of 4 people are enrolled.\n\n\
         Would have been refused:\n\
         alice                   wrong-code 1\n\
         bob                     not-enrolled 2\n\n\
         Not enrolled:\n  bob carol root\n\n\
         SERVICE                 PEOPLE    LOGINS    PROVED   REFUSED\n\
         sshd                         2         3         1         2\n\
         sudo                         1         1         0         1\n\n\
         GROUP                   PEOPLE  ENROLLED   REFUSED\n\
         staff                        2         1         2\n\
         alice                        1         1         1\n\
         bob                          1         0         1\n\
         carol                        1         0         0\n\
         root                         1         0         0\n\n\
         1 login was of names that nobody has.\n"
    );
    let report: Value = serde_json::from_str(&machine.report(&["--json"]).succeeded().stdout).unwrap();
    assert_eq!((&report["people"], &report["enrolled"], &report["unknown_users"]), (&json!(4), &json!(1), &json!(1)));
    let alice = report["users"].as_array().unwrap().iter().find(|one| one["user"] == "alice").unwrap();
    assert_eq!(
        alice,
        &json!({
            "user": "alice", "enrolled": true, "groups": ["alice", "staff"], "logins": 2, "proved": 1, "unenrolled": 0,
            "refused": 1, "not_due": 0, "reasons": { "wrong-code": 1 },
        })
    );
}

#[test]
fn a_log_that_is_not_there_is_said_so_and_one_that_is_forged_does_no_harm() {
    let machine = Machine::new();
    let output = machine.sandbox.run("twofactor", ["report", "--log", "/nonexistent"]);
    assert!(two_lines(&output, 1).0.contains("/nonexistent: No such file"), "{output:?}");
    let forged = format!(
        "x pam_twofactor(sshd:auth): event=login user=\"\\x1b[2J<b>\" service=\"\\x1b]0;x\\x07\" outcome=proved reason=x\n\
         x pam_twofactor(sshd:auth): event=login user=bob service=\"{}\" outcome=\"\\x1b\" reason=\"\\x1b[31m\"\n\0\u{fffd}\n",
        "\\x1b".repeat(100)
    );
    let output = machine.sandbox.run_with_input("twofactor", ["report", "--log", "-"], &forged).succeeded();
    assert!(
        !output.stdout.contains('\u{1b}') && output.stdout.lines().all(|line| line.chars().count() <= 80),
        "{output:?}"
    );
    let output = machine.sandbox.run("su", ["alice", "-s", "/bin/sh", "-c", "twofactor report"]);
    assert_eq!(two_lines(&output, 1).0, "only root can read and change second factors");
}

#[test]
fn the_page_is_whole_on_every_screen_and_on_paper_in_a_real_browser() {
    let machine = Machine::watched();
    // Names that no useradd would take, as a directory could bring them.
    let nasty = "<script>document.title='owned'</script>\"&";
    machine.sandbox.bash(
        "echo 'x<b>y&\"z:x:1900:1900::/home:/bin/sh' >>/etc/passwd
        echo 'a-group-of-a-very-long-name-indeed-that-does-not-fit-before-any-bar:x:1900:' >>/etc/group",
    );
    machine.sandbox.write(
        "/etc/twofactor/config.toml",
        format!("issuer = {nasty:?}\n[policy]\nmode = 'monitor'\n"),
        0o644,
    );
    machine.report(&["--html", "/root/page.html"]).succeeded();
    machine
        .sandbox
        .bash("test $(stat -c %a:%U /root/page.html) = 600:root && cp /root/page.html /tmp/page.html")
        .succeeded();
    let page = machine.sandbox.read("/tmp/page.html");
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url("), "nothing from elsewhere");
    // A copy that measures itself; the page itself allows no script at all.
    let (head, rest) = page.split_once("<meta http-equiv=").unwrap();
    let (_, rest) = rest.split_once(">\n").unwrap();
    machine.sandbox.write("/tmp/measured.html", format!("{head}{rest}<script>{MEASURE}</script>"), 0o644);
    for (size, scheme) in [("1280,900", "light"), ("390,844", "light"), ("1280,900", "dark")] {
        let dom = machine.browse(&[&format!("--window-size={size}"), "--dump-dom", "file:///tmp/measured.html"]);
        let (_, rest) = dom.split_once("<pre id=\"measured\">").unwrap_or_else(|| panic!("not measured: {dom}"));
        let measured: Value = {
            let written = rest.split_once("</pre>").unwrap().0;
            let text = written.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            serde_json::from_str(&text).unwrap()
        };
        assert_eq!(measured["overflow"], json!(false), "{size} {scheme}: {measured}");
        assert_eq!(
            measured["outside"],
            json!([]),
            "{size}: texts that leave their chart or lie over a bar: {measured}"
        );
        assert_eq!((&measured["charts"], &measured["bars"]), (&json!(2), &json!(10)), "{measured}");
        assert_eq!(measured["heading"], format!("Second factors at {nasty}"));
        assert_eq!(measured["scripts"], json!(1), "its own");
        let force = if scheme == "dark" { "--force-dark-mode" } else { "--disable-dark-mode" };
        let shot = format!("--screenshot=/tmp/{}-{scheme}.png", size.replace(',', "x"));
        machine.browse(&[force, &format!("--window-size={size}"), &shot, "file:///tmp/page.html"]);
    }
    let dom = machine.browse(&["--dump-dom", "file:///tmp/page.html"]);
    assert!(!dom.contains("<title>owned") && dom.contains("&lt;script&gt;"), "{dom}");
    machine.browse(&["--no-pdf-header-footer", "--print-to-pdf=/tmp/page.pdf", "file:///tmp/page.html"]);
    let paper = machine.sandbox.bash("pdfinfo /tmp/page.pdf; pdftotext -layout /tmp/page.pdf -").succeeded().stdout;
    for text in ["Page size:       594.96 x 841.92 pts (A4)", "Enrolment by group", "Who is not enrolled", "carol"] {
        assert!(paper.contains(text), "{paper}");
    }
    if std::env::var_os("KEEP").is_some() {
        for shot in ["1280x900-light", "390x844-light", "1280x900-dark"] {
            let picture = machine.sandbox.read_bytes(&format!("/tmp/{shot}.png"));
            std::fs::write(release().with_file_name(format!("report-{shot}.png")), picture).unwrap();
        }
    }
}

/// A machine with alice, who is enrolled, and bob and carol, who are not.
struct Machine {
    sandbox: Sandbox,
    alice: Secret,
}

impl Machine {
    fn new() -> Machine {
        let sandbox = Sandbox::installed();
        for service in ["sshd", "sudo"] {
            sandbox.stack(service, "auth required pam_twofactor.so nodelay\nauth required pam_permit.so\n");
        }
        for user in ["alice", "bob", "carol"] {
            sandbox.add_user(user, "correct horse");
        }
        sandbox.bash("groupadd -f staff; usermod -aG staff alice; usermod -aG staff bob").succeeded();
        let alice = sandbox.enrol("alice");
        Machine { sandbox, alice }
    }

    /// One that was in mode monitor for a while.
    fn watched() -> Machine {
        let machine = Machine::new();
        machine.sandbox.write("/etc/twofactor/config.toml", "[policy]\nmode = 'monitor'\n", 0o644);
        let (right, wrong) = (machine.alice.code(), machine.alice.wrong_code());
        for (user, service, answer) in [
            ("alice", "sshd", &right),
            ("alice", "sudo", &wrong),
            ("bob", "sshd", &wrong),
            ("bob", "sshd", &wrong),
            ("mallory", "sshd", &wrong),
        ] {
            machine.login(user, service, answer);
        }
        let log = machine.sandbox.journal().lines().join("\n");
        machine.sandbox.write("/tmp/auth.log", log, 0o600);
        machine
    }

    fn login(&self, user: &str, service: &str, answer: &str) -> support::Cycle {
        let answers = vec![json!({ "text": answer }); 3];
        self.sandbox.pam_host(json!({ "user": user, "service": service, "answers": answers })).cycle().clone()
    }

    fn report(&self, options: &[&str]) -> support::Output {
        self.sandbox.run("twofactor", [&["report", "--log", "/tmp/auth.log"], options].concat())
    }

    /// Lets Chromium do something without a window and without a network, and returns what it prints.
    fn browse(&self, arguments: &[&str]) -> String {
        let quiet = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--user-data-dir=/tmp/browser",
        ];
        self.sandbox.run("chromium", [&quiet, arguments].concat()).succeeded().stdout
    }
}

/// Writes into the page what a person would see to be wrong with it.
const MEASURE: &str = "
    const inside = (inner, outer) => inner.left >= outer.left - 1 && inner.right <= outer.right + 1
        && inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
    const apart = (one, other) => one.right <= other.left + 1 || other.right <= one.left + 1
        || one.bottom <= other.top + 1 || other.bottom <= one.top + 1;
    const outside = [];
    for (const chart of document.querySelectorAll('svg')) {
        const frame = chart.getBoundingClientRect();
        const bars = [...chart.querySelectorAll('rect')].map(bar => bar.getBoundingClientRect());
        for (const text of chart.querySelectorAll('text')) {
            const box = text.getBoundingClientRect();
            if (!inside(box, frame) || bars.some(bar => !apart(box, bar))) outside.push(text.textContent);
        }
    }
    const measured = document.createElement('pre');
    measured.id = 'measured';
    measured.textContent = JSON.stringify({
        overflow: document.documentElement.scrollWidth > window.innerWidth,
        outside,
        charts: document.querySelectorAll('svg[role=img] desc').length,
        bars: document.querySelectorAll('rect').length,
        heading: document.querySelector('h1').textContent,
        scripts: document.scripts.length,
    });
    document.body.append(measured);
";
