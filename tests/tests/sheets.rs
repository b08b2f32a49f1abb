//! QR codes in files and sheets of paper: what `twofactor setup --qr FILE` and `twofactor show` write, in a real Chromium
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
        assert_eq!(browser.evaluate(MEASURE), json!({ "broad": 0, "outside": [], "faint": [] }), "at {case}");
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
        assert_eq!(browser.evaluate(MEASURE), json!({ "broad": 0, "outside": [], "faint": [] }), "at {width}");
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

const SOON: Duration = Duration::from_secs(20);
/// How much broader than the window the page is, what stands beyond it, and what text has too little contrast (WCAG 2.2,
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
    faint: texts.filter(e => contrast(e) < 4.5).map(e => e.textContent.slice(0, 80)),
  };
})()";
