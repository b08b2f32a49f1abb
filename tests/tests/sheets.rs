//! QR codes in files, sheets of paper and lists of people: what `twofactor setup` and `twofactor show` write, in a real Chromium
//! and on paper, read by a reader that is not ours.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Browser, Output, Sandbox, oathtool, two_lines};

#[test]
fn a_picture_is_scanned_before_anything_is_saved_and_stays_when_it_is() {
    let sandbox = machine();
    for ending in ["png", "svg"] {
        let path = format!("/root/ann.{ending}");
        let mut terminal = sandbox.terminal("twofactor", ["setup", "ann", "--qr", &path, "--replace"]);
        let said = terminal.expect("Code that the app shows now: ", SOON);
        assert!(said.contains(&format!("The QR code is in {path}.")), "{said}");
        let uri = scanned(&sandbox, &path);
        let secret = uri.split_once("secret=").and_then(|(_, rest)| rest.split_once('&')).expect("a secret").0;
        terminal.send_line(&oathtool(secret, &["--totp"]));
        terminal.expect("ann is enrolled.", SOON);
        assert!(terminal.wait().success());
        assert_eq!(status(&sandbox, &path), (0o100_600, 0, 1));
        assert_eq!(scanned(&sandbox, &path), uri);
    }
}

#[test]
fn a_picture_goes_again_if_the_setup_fails_or_is_broken_off() {
    let sandbox = machine();
    let left = || sandbox.bash("ls -A /root/new; ls /var/lib/twofactor/users").succeeded().stdout;
    sandbox.bash("mkdir /root/new").succeeded();
    for keys in [&b"\x03"[..], b"1\n2\n3\n", b"\x04"] {
        let mut terminal = sandbox.terminal("twofactor", ["setup", "ann", "--qr", "/root/new/ann.png"]);
        terminal.expect("Code that the app shows now: ", SOON);
        assert_eq!(left(), "ann.png\n");
        terminal.send(keys);
        assert!(!terminal.wait().success());
        assert_eq!(left(), "", "{keys:?}");
    }
    for signal in ["TERM", "HUP"] {
        let mut terminal = sandbox.terminal("twofactor", ["setup", "ann", "--qr", "/root/new/ann.svg"]);
        terminal.expect("Code that the app shows now: ", SOON);
        let [tool] = &sandbox.processes("twofactor")[..] else { panic!("one tool") };
        sandbox.bash(&format!("kill -{signal} {}", tool.pid)).succeeded();
        assert!(!terminal.wait().success());
        assert_eq!(left(), "", "{signal}");
    }
    // A sheet has no name before all is saved, so that not even this leaves anything of it.
    let mut terminal = sandbox.terminal("twofactor", ["setup", "ann", "--qr", "/root/new/ann.html"]);
    terminal.expect("Code that the app shows now: ", SOON);
    assert_eq!(left(), "");
    let [tool] = &sandbox.processes("twofactor")[..] else { panic!("one tool") };
    sandbox.bash(&format!("kill -KILL {}", tool.pid)).succeeded();
    assert!(!terminal.wait().success());
    assert_eq!(left(), "");
}

#[test]
fn a_file_takes_the_place_of_nothing_and_needs_room_before_anything_is_saved() {
    let sandbox = machine();
    sandbox
        .bash(
            "mkdir -m 1777 /tmp/shared; cd /tmp/shared; echo old >old.html; ln -s /etc/new link.html; mkfifo pipe.html
            mkdir /tmp/full; mount -t tmpfs -o size=8k none /tmp/full; mkdir dir.html",
        )
        .succeeded();
    for (path, error, hint) in [
        ("/tmp/shared/old.html", "File exists", "name a file that is not there yet"),
        ("/tmp/shared/link.html", "File exists", "name a file that is not there yet"),
        ("/tmp/shared/pipe.html", "File exists", "name a file that is not there yet"),
        ("/tmp/shared/dir.html", "File exists", "name a file that is not there yet"),
        ("/nonesuch/ann.html", "No such file or directory", "name a new file in a directory that is there"),
        ("/tmp/full/ann.html", "No space left on device", "name a file in a directory that has room"),
        ("/tmp/full/ann.png", "No space left on device", "name a file in a directory that has room"),
    ] {
        let output = sandbox.run("twofactor", ["setup", "ann", "--no-confirm", "--json", "--qr", path]);
        let said = two_lines(&output, 1);
        assert!(said.0.starts_with(&format!("{path}: cannot write: ")), "{said:?}");
        assert!(said.0.contains(error) || error == "File exists" && said.0.contains("exists"), "{said:?}");
        assert_eq!(said.1, hint);
        assert_eq!(sandbox.bash("ls /var/lib/twofactor/users").stdout, "", "nothing is saved: {path}");
    }
    assert_eq!(sandbox.bash("! [ -e /etc/new ]; ls -A /tmp/full; cat /tmp/shared/old.html").stdout, "old\n");
    let picture = sandbox.run(
        "twofactor",
        ["setup", "ann", "--method", "email", "--address", "a@example.test", "--qr", "/root/a.png", "--json"],
    );
    assert_eq!(two_lines(&picture, 2).0, "codes by email have no QR code");
}

#[test]
fn a_sheet_that_cannot_be_written_in_the_end_says_what_to_do() {
    let sandbox = machine();
    let mut terminal = sandbox.terminal("twofactor", ["setup", "ann", "--qr", "/root/ann.html"]);
    let said = terminal.expect("Code that the app shows now: ", SOON);
    let secret = secret_in(&said);
    // Somebody else takes the name meanwhile.
    sandbox.bash("echo other >/root/ann.html").succeeded();
    terminal.send_line(&oathtool(&secret, &["--totp"]));
    terminal.expect("it is saved all the same", SOON);
    terminal.expect("new recovery codes: twofactor recovery ann; the secret again: twofactor show ann", SOON);
    assert!(!terminal.wait().success());
    assert_eq!(sandbox.read("/root/ann.html"), "other\n");
}

#[test]
fn a_sheet_is_laid_out_at_a_desk_on_a_telephone_and_on_one_page_of_paper_and_can_be_scanned() {
    let sandbox = machine();
    let value =
        one_value(&sandbox.run("twofactor", ["setup", "ann", "--no-confirm", "--json", "--qr", "/root/ann.html"]));
    let uri = value["uri"].as_str().unwrap();
    assert_eq!(status(&sandbox, "/root/ann.html"), (0o100_600, 0, 1));
    let mut browser = Browser::start(&sandbox);
    browser.open("/root/ann.html");
    let text = browser.evaluate("document.body.innerText.replace(/\\s+/g, ' ')");
    let text = text.as_str().unwrap();
    let codes: Vec<_> = value["recovery_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    assert!(codes.len() >= 8);
    for word in codes.iter().copied().chain(["ann", "Host testhost", "Issuer testhost", "Device authenticator"]) {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    assert_eq!(browser.evaluate("document.querySelector('.secret').textContent.replaceAll(' ', '')"), value["secret"]);
    assert_eq!(browser.evaluate("document.querySelectorAll('ol li').length"), 3);
    for (width, height, scheme) in
        [(1280, 900, "light"), (1280, 900, "dark"), (390, 844, "light"), (390, 844, "dark"), (320, 600, "light")]
    {
        browser.show(width, height, scheme);
        let case = format!("{width} pixels, {scheme}");
        assert_eq!(
            browser.evaluate(MEASURE),
            json!({ "broad": 0, "outside": [], "cut": [], "faint": [] }),
            "at {case}"
        );
        browser.photograph("/root/ann.png");
        assert_eq!(scanned(&sandbox, "/root/ann.png"), uri, "at {case}");
    }
    let grounds = ["light", "dark"].map(|scheme| {
        browser.show(1280, 900, scheme);
        browser.evaluate("getComputedStyle(document.body).backgroundColor")
    });
    assert_ne!(grounds[0], grounds[1]);

    printed(&sandbox, &mut browser, uri);
    assert_eq!(browser.requests(), ["file:///root/ann.html"], "the page asks for itself and nothing else");
    assert_eq!(browser.complaints(), [&json!(null); 0]);
}

#[test]
fn a_hostile_name_is_text_on_a_sheet_and_its_qr_code_is_right() {
    let sandbox = machine();
    let issuer = "<img src=x onerror=alert(1)> & \"Söhne\"</style><script>'";
    sandbox.write("/etc/twofactor/config.toml", format!("issuer = {issuer:?}\n"), 0o644);
    let label = "<b>tablet</b>";
    let output = sandbox
        .run("twofactor", ["setup", "ann", "--label", label, "--no-confirm", "--json", "--qr", "/root/ann.html"]);
    let value = one_value(&output.succeeded());
    let mut browser = Browser::start(&sandbox);
    browser.open("/root/ann.html");
    let foreign = "document.querySelectorAll('script, img, iframe, a, link, [onerror], [onload]').length";
    assert_eq!(browser.evaluate(foreign), 0);
    assert_eq!(browser.evaluate("document.title"), "Second factor of ann on testhost");
    let shown = browser.evaluate("[...document.querySelectorAll('.meta b')].map(e => e.textContent)");
    assert_eq!(shown, json!(["testhost", issuer, label]));
    for (width, scheme) in [(1280, "light"), (390, "dark")] {
        browser.show(width, 844, scheme);
        assert_eq!(
            browser.evaluate(MEASURE),
            json!({ "broad": 0, "outside": [], "cut": [], "faint": [] }),
            "at {width}"
        );
        browser.photograph("/root/ann.png");
        assert_eq!(scanned(&sandbox, "/root/ann.png"), value["uri"], "at {width}");
    }
    printed(&sandbox, &mut browser, value["uri"].as_str().unwrap());
    assert_eq!(browser.complaints(), [&json!(null); 0]);
}

#[test]
fn a_secret_is_shown_again_and_recovery_codes_are_not() {
    let sandbox = machine();
    sandbox.write("/etc/twofactor/config.toml", "methods = ['totp', 'hotp', 'recovery']\n", 0o644);
    let enrolled = one_value(&sandbox.run("twofactor", ["setup", "ann", "--no-confirm", "--json"]));
    let show = |arguments: &[&str]| sandbox.run("twofactor", [&["show", "ann"], arguments].concat());
    let again = one_value(&show(&["--json"]));
    assert_eq!((&again["uri"], &again["secret"]), (&enrolled["uri"], &enrolled["secret"]));
    assert_eq!(again.get("recovery_codes"), None);
    let text = show(&["--qr", "none"]).succeeded().stdout;
    assert_eq!(secret_in(&text), enrolled["secret"].as_str().unwrap());
    assert!(text.ends_with("Recovery codes cannot be shown again; new ones: twofactor recovery ann\n"), "{text}");
    let said = two_lines(&show(&[]), 2);
    assert_eq!(said.0, "standard output is not a terminal, and the secret would be written to it");
    for path in ["/root/a.png", "/root/a.svg"] {
        let text = show(&["--qr", path]).succeeded().stdout;
        assert!(text.starts_with(&format!("The secret of ann is in {path}.\n")), "{text}");
        assert_eq!(scanned(&sandbox, path), enrolled["uri"]);
        assert_eq!(two_lines(&show(&["--qr", path]), 1).1, "name a file that is not there yet");
    }
    let text = show(&["--qr", "/root/a.html"]).succeeded().stdout;
    assert!(!text.contains(enrolled["secret"].as_str().unwrap()), "{text}");
    assert!(sandbox.read("/root/a.html").contains("None are on this sheet"));

    // The counter goes on where it stands, and two devices have to be told apart.
    sandbox.run("twofactor", ["setup", "ann", "--method", "hotp", "--no-confirm", "--json"]).succeeded();
    assert_eq!(two_lines(&show(&["--json"]), 1).0, "ann: there are several devices that make codes");
    let token = one_value(&show(&["--json", "--label", "token"]));
    assert!(token["uri"].as_str().unwrap().ends_with("&counter=0"), "{token}");
    assert_eq!(two_lines(&show(&["--json", "--label", "nonesuch"]), 1).0, "ann: there is no such method or device");
    let nobody = sandbox.run("twofactor", ["show", "bob", "--json"]);
    assert_eq!(two_lines(&nobody, 1).0, "bob: not enrolled");
}

#[test]
fn everybody_in_a_list_is_enrolled_and_their_sheets_are_right() {
    let sandbox = machine();
    sandbox.write("/etc/twofactor/config.toml", ALL_WAYS, 0o644);
    let list = "\u{feff}user,method,address,number,label,language\r\n\
                ann,,,,\"old, \"\"dear\"\" phone\",de\r\nbob,email,bob@example.test,,,\r\nbob,sms,,+4930123456,,\r\n";
    sandbox.write("/root/team.csv", list, 0o600);
    let twice = sandbox.run("twofactor", ["setup", "--from", "/root/team.csv", "--sheets", "/root/sheets"]);
    assert_eq!(two_lines(&twice, 1).0, "bob would have two sheets");
    let nobody = sandbox.run("twofactor", ["setup", "--from", "/root/team.csv"]);
    assert_eq!(two_lines(&nobody, 2).0, "nobody would see the secrets");
    assert_eq!(sandbox.bash("ls /var/lib/twofactor/users").stdout, "");

    let list = list.replace("bob,sms,,+4930123456,,\r\n", "");
    sandbox.write("/root/team.csv", list, 0o600);
    let output = sandbox.run("twofactor", ["setup", "--from", "/root/team.csv", "--sheets", "/root/sheets", "--json"]);
    let value = one_value(&output.succeeded());
    assert_eq!((&value["skipped"], &value["left"]), (&json!([]), &json!(0)));
    let [ann, bob] = [0, 1].map(|at| value["enrolled"][at].clone());
    assert_eq!((&ann["user"], &bob["user"], &bob["to"]), (&json!("ann"), &json!("bob"), &json!("bob@example.test")));
    assert_eq!(status(&sandbox, "/root/sheets/ann.html"), (0o100_600, 0, 1));
    assert_eq!(sandbox.path("/root/sheets").metadata().unwrap().mode(), 0o040_700);
    let mut browser = Browser::start(&sandbox);
    for (one, label) in [(&ann, "old, \"dear\" phone"), (&bob, "mail")] {
        browser.open(&format!("/root/sheets/{}.html", one["user"].as_str().unwrap()));
        browser.show(390, 844, "light");
        assert_eq!(browser.evaluate(MEASURE), json!({ "broad": 0, "outside": [], "cut": [], "faint": [] }));
        assert_eq!(browser.evaluate("document.querySelectorAll('.meta b')[2].textContent"), label);
        let codes = browser.evaluate("[...document.querySelectorAll('.codes li')].map(e => e.textContent)");
        assert_eq!(codes, one["recovery_codes"]);
    }
    browser.open("/root/sheets/ann.html");
    browser.photograph("/root/ann.png");
    assert_eq!(scanned(&sandbox, "/root/ann.png"), ann["uri"]);
    assert_eq!(one_value(&sandbox.run("twofactor", ["show", "ann", "--json"]))["uri"], ann["uri"]);

    // Once more: nobody is enrolled anew, and a sheet that was given away is said to be missing.
    sandbox.bash("rm /root/sheets/ann.html").succeeded();
    let again = sandbox.run("twofactor", ["setup", "--from", "/root/team.csv", "--sheets", "/root/sheets"]).succeeded();
    assert_eq!(again.stdout, "0 users enrolled, 2 before.\n");
    assert_eq!(
        again.stderr,
        "ann was enrolled before and has no sheet here; new recovery codes: twofactor recovery ann; the secret again: \
         twofactor show ann\n"
    );
}

#[test]
fn every_mistake_of_a_list_is_named_where_it_stands_and_nobody_is_enrolled() {
    let sandbox = machine();
    sandbox.write("/etc/twofactor/config.toml", ALL_WAYS, 0o644);
    let run = |list: &str| {
        sandbox.write("/root/team.csv", list, 0o600);
        let output = sandbox.run("twofactor", ["setup", "--from", "/root/team.csv", "--sheets", "/root/sheets"]);
        assert_eq!(output.status.code(), Some(1), "{list}: {output:?}");
        output.stderr
    };
    for (list, place, what) in [
        ("name\nann\n", "line 1, column 1", "the columns are user, method, address, number, label, language"),
        ("label\nx\n", "line 1, column 1", "there is no column user"),
        ("user,user\nann,ann\n", "line 1, column 6", "there is already a column user"),
        ("user\nnobody-here\n", "line 2, column 1", "there is no user \"nobody-here\""),
        ("user,method\nann,topt\n", "line 2, column 5", "the methods are totp, hotp, email, sms"),
        ("user,method\nann,hotp\n", "line 2, column 5", "the configuration does not allow hotp"),
        ("user,method\nann,email\n", "line 2, column 1", "it is not said where codes are mailed"),
        ("user,number\nann,+4930123456\n", "line 2, column 5", "a number is for the method sms"),
        ("user,address\nann,a@b.test\n", "line 2, column 5", "an address is for the method email"),
        (
            "user,label\nann, x\n",
            "line 2, column 5",
            "a label has 1 to 64 printable characters and no blanks around it",
        ),
        ("user,language\nann,it\n", "line 2, column 5", "the languages are en, de, fr"),
        ("user\nann\nann\n", "line 3, column 1", "the same device of that user stands above"),
        ("user,label\nann,\"x\n", "line 2, column 5", "a quote that does not end"),
        ("", "line 1, column 1", "there is no line of names"),
    ] {
        let said = run(list);
        assert!(said.starts_with(&format!("error: /root/team.csv: {place}: {what}\n")), "{list}: {said}");
    }
    let said = run("user,method,number\nann,,\nnemo,,\nbob,sms,12\n");
    let places: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("error: /root/team.csv: ")).collect();
    assert!(places[0].starts_with("line 3, column 1: ") && places[1].starts_with("line 4, column 9: "), "{said}");
    assert_eq!(places[2], "2 mistakes");
    assert_eq!(sandbox.bash("ls /var/lib/twofactor/users; ! [ -e /root/sheets ]").succeeded().stdout, "");
}

#[test]
fn a_list_that_is_broken_off_or_killed_leaves_whole_users_and_goes_on() {
    let sandbox = machine();
    many_people(&sandbox);
    let arguments = ["setup", "--from", "/root/team.csv", "--sheets", "/root/sheets"];

    let mut terminal = sandbox.terminal("twofactor", arguments);
    terminal.expect("] 32 of 200", SOON);
    terminal.send(b"\x03");
    terminal.expect("error: broken off", SOON);
    assert!(!terminal.wait().success());
    let broken_off = whole(&sandbox, 0);
    assert!((10..PEOPLE).contains(&broken_off), "{broken_off}");

    let mut terminal = sandbox.terminal("twofactor", arguments);
    terminal.expect("#", SOON);
    terminal.expect("#", SOON);
    let [tool] = &sandbox.processes("twofactor")[..] else { panic!("one tool") };
    sandbox.bash(&format!("kill -KILL {}", tool.pid)).succeeded();
    assert!(!terminal.wait().success());
    // The last one may have been enrolled and have no sheet yet; it is said who that is.
    let killed = whole(&sandbox, 1);
    assert!(killed > broken_off && killed < PEOPLE, "{broken_off}, {killed}");

    let rest = sandbox.run("twofactor", arguments).succeeded();
    assert_eq!(
        rest.stdout,
        format!("{} users enrolled, {killed} before.\nTheir sheets are in /root/sheets.\n", PEOPLE - killed)
    );
    let without_sheet = rest.stderr.lines().count();
    assert!(rest.stderr.lines().all(|line| line.contains("has no sheet here")), "{}", rest.stderr);
    assert_eq!(whole(&sandbox, without_sheet), PEOPLE);
    let list = sandbox.run("twofactor", ["list", "--json"]).succeeded();
    assert_eq!(serde_json::from_str::<Value>(&list.stdout).unwrap().as_array().unwrap().len(), PEOPLE);
}

#[test]
fn of_a_list_killed_among_those_who_are_enrolled_together_everybody_is_whole_or_named() {
    let sandbox = machine();
    many_people(&sandbox);
    sandbox.bash("head -n 41 /root/team.csv >/root/some.csv").succeeded();
    let arguments = ["setup", "--from", "/root/some.csv", "--sheets", "/root/sheets"];
    let counted = |what: &str| sandbox.bash(&format!("ls {what} | wc -l")).stdout.trim().parse::<usize>().unwrap();
    // Each as some of them have come past it and others have not: to the room for what is written, to the disk, to the names
    // of enrolments and of states, to what makes a state durable, and to the names of sheets.
    let mut without_sheet = Vec::new();
    for (call, time) in
        [("unlinkat", 20), ("fsync", 50), ("renameat", 20), ("renameat", 50), ("fdatasync", 20), ("linkat", 20)]
    {
        sandbox.bash("cd /var/lib/twofactor; find users state -type f -delete; rm -rf /root/sheets").succeeded();
        let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=SIGKILL:when={time}"));
        let strace = ["-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject, "twofactor"];
        assert!(!sandbox.run("strace", [&strace[..], &arguments].concat()).status.success(), "{call} {time}");
        let (enrolled, sheets) = (counted("/var/lib/twofactor/users"), counted("/root/sheets"));
        assert!(sheets <= enrolled && enrolled <= 32, "{call} {time}: {enrolled}, {sheets}");
        without_sheet.push(enrolled - sheets);

        let rest = sandbox.run("twofactor", arguments).succeeded();
        assert!(
            rest.stdout.starts_with(&format!("{} users enrolled, {enrolled} before.\n", 40 - enrolled)),
            "{call} {time}"
        );
        let named: Vec<_> = rest
            .stderr
            .lines()
            .filter_map(|line| line.split_once(" was enrolled before and has no sheet here"))
            .collect();
        assert_eq!(named.len(), enrolled - sheets, "{call} {time}: {}", rest.stderr);
        assert!(named.iter().all(|(user, _)| !sandbox.path(&format!("/root/sheets/{user}.html")).exists()));
        assert_eq!(["/var/lib/twofactor/users", "/var/lib/twofactor/state"].map(counted), [40, 40], "{call} {time}");
        assert_eq!(sandbox.bash("find /var/lib/twofactor -name '.*.new'").stdout, "", "{call} {time}");
        // What is on a sheet is what its user has.
        for user in ["person000", "person018", "person039"] {
            if !named.iter().any(|(named, _)| *named == user) {
                let shown = one_value(&sandbox.run("twofactor", ["show", user, "--json"]));
                let page = sandbox.read(&format!("/root/sheets/{user}.html")).replace(' ', "");
                assert!(page.contains(shown["secret"].as_str().unwrap()), "{call} {time}: {user}");
            }
        }
    }
    assert!(without_sheet[..2] == [0, 0] && without_sheet[2..].iter().all(|count| *count > 0), "{without_sheet:?}");
}

#[test]
fn whoever_is_enrolled_together_with_others_has_a_sheet_or_is_named_whatever_fails() {
    let sandbox = machine();
    sandbox.write("/root/team.csv", "user\nann\nbob\n", 0o600);
    let run = |call: &str, inject: &str| {
        sandbox.bash("cd /var/lib/twofactor; find users state -type f -delete; rm -rf /root/sheets").succeeded();
        let strace = ["-qq", "-o", "/run/trace", "-e", call, "-e", inject, "twofactor"];
        let arguments = ["setup", "--from", "/root/team.csv", "--sheets", "/root/sheets"];
        sandbox.run("strace", [&strace[..], &arguments].concat())
    };
    // The first run makes the key; the second writes what the third will.
    run("trace=write", "trace=write").succeeded();
    run("trace=write", "trace=write").succeeded();
    let trace = sandbox.read("/run/trace");
    let sheets: Vec<_> = (1..).zip(trace.lines()).filter(|(_, line)| line.contains("<!doctype")).collect();
    let [_, (last, _)] = sheets[..] else { panic!("two sheets: {trace}") };
    let output = run("trace=write", &format!("inject=write:error=EIO:when={last}"));
    let left = sandbox.bash("cd /var/lib/twofactor; ls users state; ls /root/sheets").succeeded().stdout;
    assert_eq!(left, "state:\n\nusers:\n", "nobody is enrolled");
    assert_eq!(output.stdout, "0 users enrolled, 0 before, 2 left.\n");
    let said = "error: /root/sheets/bob.html: cannot write: Input/output error (os error 5)\n";
    assert!(output.status.code() == Some(1) && output.stderr.starts_with(said), "{output:?}");

    let output = run("trace=linkat", "inject=linkat:error=EIO");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    for user in ["ann", "bob"] {
        let said = format!(
            "error: /root/sheets/{user}.html: cannot write: Input/output error (os error 5); it is saved all the same\n\
             hint: new recovery codes: twofactor recovery {user}; the secret again: twofactor show {user}\n"
        );
        assert!(output.stderr.contains(&said), "{user}: {}", output.stderr);
    }
}

#[test]
fn a_folder_that_cannot_be_synced_takes_no_sheet_away_and_is_told_of() {
    let sandbox = machine();
    sandbox.write("/root/team.csv", "user\nann\nbob\n", 0o600);
    let run = |inject: &str| {
        sandbox.bash("cd /var/lib/twofactor; find users state -type f -delete; rm -rf /root/sheets").succeeded();
        let strace = ["-qq", "-o", "/run/trace", "-e", "trace=fsync", "-e", inject, "twofactor"];
        let arguments = ["setup", "--from", "/root/team.csv", "--sheets", "/root/sheets"];
        let output = sandbox.run("strace", [&strace[..], &arguments].concat());
        (output, sandbox.read("/run/trace").lines().count())
    };
    run("trace=fsync");
    let (_, last) = run("trace=fsync");
    let (output, _) = run(&format!("inject=fsync:error=EIO:when={last}"));
    assert_eq!(output.stdout, "2 users enrolled, 0 before.\nTheir sheets are in /root/sheets.\n");
    let said = "error: /root/sheets: cannot sync: Input/output error (os error 5)\n\
                hint: see whether the disk is well, and whether the sheets are there\n";
    assert_eq!((output.status.code(), output.stderr.as_str()), (Some(1), said));
    assert_eq!(sandbox.bash("ls /root/sheets").stdout, "ann.html\nbob.html\n");
}

#[test]
fn a_second_signal_takes_away_no_secret_that_nobody_has_seen() {
    let sandbox = machine();
    many_people(&sandbox);
    let lines = "twofactor --json setup --from /root/team.csv >/root/said &
        until [ $(ls /var/lib/twofactor/users/person*.toml 2>/dev/null | wc -l) -ge 10 ]; do sleep 0.01; done
        kill -TERM $!; kill -HUP $!; wait $! || true; ls /var/lib/twofactor/users | grep -c '^person.*toml$'";
    let enrolled: usize = sandbox.bash(lines).succeeded().stdout.trim().parse().unwrap();
    assert!(enrolled < PEOPLE, "broken off");
    let said: Value = serde_json::from_str(&sandbox.read("/root/said")).unwrap();
    assert_eq!(said["enrolled"].as_array().unwrap().len(), enrolled);
}

#[test]
fn whoever_owns_what_is_above_a_folder_of_sheets_gets_none_of_them() {
    let sandbox = machine();
    many_people(&sandbox);
    let lines = "install -d -o ann /home/ann/w
        su ann -c 'cd /home/ann/w; until mv sheets old; do :; done 2>/dev/null; mkdir sheets' &
        twofactor setup --from /root/team.csv --sheets /home/ann/w/sheets && wait && ls -A /home/ann/w/sheets | wc -l &&
        ls /home/ann/w/old | wc -l";
    let said = sandbox.bash(lines).succeeded().stdout;
    assert!(said.ends_with(&format!("\n0\n{PEOPLE}\n")), "{said}");
}

#[test]
fn a_folder_of_sheets_is_of_root_alone_and_has_none_of_theirs() {
    let sandbox = machine();
    sandbox.write("/root/team.csv", "user\nann\nbob\n", 0o600);
    sandbox
        .bash(
            "mkdir -m 1777 /tmp/open; install -d -m 700 -o ann /tmp/anns; mkdir /root/has; echo old >/root/has/bob.html; ln -s /root/has /root/link
            echo x >/root/file; mkdir /tmp/small; mount -t tmpfs -o size=72k,mode=700 none /tmp/small",
        )
        .succeeded();
    let run = |folder: &str| sandbox.run("twofactor", ["setup", "--from", "/root/team.csv", "--sheets", folder]);
    let theirs = format!("/tmp/anns: belongs to uid {}, not to root", sandbox.run("id", ["-u", "ann"]).stdout.trim());
    for (folder, error) in [
        ("/tmp/open", "/tmp/open: others can write there"),
        ("/tmp/anns", &theirs),
        ("/root/has", "/root/has/bob.html: there is such a sheet already"),
        ("/root/link", "/root/link: is not a directory"),
        ("/root/file", "/root/file: is not a directory"),
        ("/nonesuch/sheets", "/nonesuch/sheets: cannot make it: No such file or directory (os error 2)"),
    ] {
        assert_eq!(two_lines(&run(folder), 1).0, error);
        assert_eq!(sandbox.bash("ls /var/lib/twofactor/users").stdout, "", "{folder}");
    }
    // Room for one sheet: the second user is left as they were.
    let output = run("/tmp/small");
    assert!(output.stderr.starts_with("error: /tmp/small/bob.html: cannot write: No space left"), "{output:?}");
    assert_eq!(output.stdout, "1 user enrolled, 0 before, 1 left.\nTheir sheets are in /tmp/small.\n");
    assert_eq!(
        sandbox.bash("ls -A /var/lib/twofactor/users /tmp/small | grep ann").succeeded().stdout.lines().count(),
        2
    );
    assert!(!sandbox.bash("ls -A /var/lib/twofactor/users /tmp/small").stdout.contains("bob"));
}

/// How many are enrolled; each of them with a whole sheet, but for so many.
#[track_caller]
fn whole(sandbox: &Sandbox, without_sheet: usize) -> usize {
    let look = "ls /var/lib/twofactor/users | grep -c '^person.*toml$'; ls -A /root/sheets | wc -l
        for sheet in /root/sheets/*.html; do tail -n 1 $sheet; done | grep -c '^</html>$'";
    let counts = sandbox.bash(look).succeeded().stdout;
    let counts: Vec<usize> = counts.lines().map(|count| count.trim().parse().unwrap()).collect();
    assert!(counts[1] == counts[2] && counts[1] <= counts[0] && counts[1] + without_sheet >= counts[0], "{counts:?}");
    counts[0]
}
/// So many accounts, and a list of them.
fn many_people(sandbox: &Sandbox) {
    let mut passwd = sandbox.read("/etc/passwd");
    let mut list = "user\n".to_owned();
    for number in 0..PEOPLE {
        passwd += &format!("person{number:03}:x:{0}:{0}::/:/bin/bash\n", 2000 + number);
        list += &format!("person{number:03}\n");
    }
    sandbox.write("/etc/passwd", passwd, 0o644);
    sandbox.write("/root/team.csv", list, 0o600);
}

fn machine() -> Sandbox {
    let sandbox = Sandbox::installed();
    for user in ["ann", "bob"] {
        sandbox.add_user(user, "correct horse");
    }
    sandbox
}

/// What a reader finds in a picture, or in a drawing as a browser shows it.
#[track_caller]
fn scanned(sandbox: &Sandbox, path: &str) -> String {
    let picture = if path.ends_with(".svg") {
        let mut browser = Browser::start(sandbox);
        browser.open(path);
        browser.show(800, 800, "dark");
        browser.photograph("/tmp/drawing.png");
        "/tmp/drawing.png"
    } else {
        path
    };
    sandbox.run("zbarimg", ["--quiet", "--raw", picture]).succeeded().stdout.trim_end().to_owned()
}

/// The page on paper: one of A4, in black on white, whose code can be scanned.
#[track_caller]
fn printed(sandbox: &Sandbox, browser: &mut Browser<'_>, uri: &str) {
    browser.show(1280, 900, "dark");
    browser.print("/root/page.pdf");
    let pdf = String::from_utf8_lossy(&sandbox.read_bytes("/root/page.pdf")).into_owned();
    assert_eq!(pdf.matches("/Type /Page\n").count(), 1);
    // 210 by 297 millimetres, in points.
    let box_of_a_page = pdf.split("/MediaBox [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let sides: Vec<f64> = box_of_a_page.split(' ').map(|side| side.parse().unwrap()).collect();
    assert!((sides[2] - 595.3).abs() < 1.0 && (sides[3] - 841.9).abs() < 1.0, "{box_of_a_page}");
    sandbox.bash("cd /root; pdftoppm -r 100 -png page.pdf page; mv page-*.png page.png").succeeded();
    assert_eq!(scanned(sandbox, "/root/page.png"), uri);
    let colourful = "convert page.png -colorspace HSL -channel G -separate -format '%[fx:maxima]' info:";
    let light = "convert page.png -crop 1x1+2+2 -format '%[fx:mean]' info:";
    assert_eq!(sandbox.bash(&format!("cd /root; {colourful}; echo; {light}")).succeeded().stdout, "0\n1");
}

/// The secret that was printed for people without a camera, its groups joined.
#[track_caller]
fn secret_in(text: &str) -> String {
    let base32 = |line: &&str| line.len() >= 32 && line.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7' | b' '));
    text.lines().map(str::trim).find(base32).unwrap_or_else(|| panic!("no secret in {text}")).replace(' ', "")
}

/// Mode, owner and number of names.
fn status(sandbox: &Sandbox, path: &str) -> (u32, u32, u64) {
    let status = sandbox.path(path).symlink_metadata().unwrap();
    (status.mode(), status.uid(), status.nlink())
}

#[track_caller]
fn one_value(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

const PEOPLE: usize = 200;
const ALL_WAYS: &str = "\
methods = ['totp', 'email', 'sms', 'recovery']
[mail]
from = 'twofactor@example.test'
transports = ['maildir']
[sms]
provider = 'command'
command = ['/bin/true', '{number}']
";
const SOON: Duration = Duration::from_secs(20);
/// How much broader than the window the page is, what stands beyond it, what text is broader than its place, and
/// what has too little contrast (WCAG 2.2,
/// 1.4.3).
const MEASURE: &str = r"(() => {
  const numbers = colour => colour.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = element => {
    for (; element; element = element.parentElement) {
      const colour = numbers(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const all = [...document.querySelectorAll('body *')];
  const texts = all.filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
  const contrast = e => {
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  return {
    broad: Math.max(0, document.documentElement.scrollWidth - innerWidth),
    outside: all.filter(e => { const r = e.getBoundingClientRect(); return r.left < 0 || r.right > innerWidth + 0.5; })
      .map(e => e.outerHTML.slice(0, 80)),
    cut: texts.filter(e => e.clientWidth && e.scrollWidth > e.clientWidth).map(e => e.textContent.slice(0, 80)),
    faint: texts.filter(e => contrast(e) < 4.5).map(e => e.textContent.slice(0, 80)),
  };
})()";
