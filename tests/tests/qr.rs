//! The QR code of `twofactor setup`, as a real terminal shows it, read back by a reader that is not ours.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use support::{Sandbox, oathtool, release};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn a_terminal_of_80_by_24_shows_the_whole_qr_code_while_the_code_is_asked_for() {
    let desktop = Desktop::new();
    for (user, colours) in ["ann", "bob", "cem", "dan"].into_iter().zip(COLOURS) {
        desktop.enrol_by_camera(user, "80x24", 10, colours);
    }
}

#[test]
fn a_larger_terminal_in_any_colours_shows_a_qr_code_that_can_be_scanned() {
    let desktop = Desktop::new();
    for ((user, colours), points) in ["ann", "bob", "cem", "dan"].into_iter().zip(COLOURS).zip([8, 11, 14, 9]) {
        desktop.enrol_by_camera(user, "100x42", points, colours);
    }
}

#[test]
fn long_names_fit_a_terminal_of_80_by_24() {
    let desktop = Desktop::new();
    desktop.sandbox.write("/etc/twofactor/config.toml", "issuer = \"login.example.org\"\n", 0o644);
    desktop.enrol_by_camera("bartholomew-cubbins", "80x24", 10, COLOURS[0]);
}

#[test]
fn an_unusual_device_can_be_scanned_too() {
    let desktop = Desktop::new();
    let settings = "issuer = \"Zoë & Söhne\"\n[totp]\ndigits = 8\nperiod = 60\nalgorithm = \"SHA512\"\n";
    desktop.sandbox.write("/etc/twofactor/config.toml", settings, 0o644);
    desktop.sandbox.add_user("zoe", "correct horse");
    let xterm = desktop.set_up("zoe", "100x50", 9, COLOURS[1]);
    let secret = xterm.secret();
    assert_eq!(
        xterm.scanned(),
        format!(
            "otpauth://totp/Zo%C3%AB%20%26%20S%C3%B6hne:zoe?secret={secret}&issuer=Zo%C3%AB%20%26%20S%C3%B6hne\
             &algorithm=SHA512&digits=8&period=60"
        )
    );
    xterm.type_line(&oathtool(&secret, &["--totp=sha512", "--digits=8", "--time-step-size=60s"]));
    xterm.wait_for("zoe is enrolled.");
}

/// A display that nobody looks at.
struct Desktop {
    sandbox: Sandbox,
}

impl Desktop {
    fn new() -> Desktop {
        let sandbox = Sandbox::installed();
        // The server says its number once it takes clients.
        sandbox.spawn(
            "bash",
            [
                "-c",
                "Xvfb -displayfd 3 -nolisten tcp -screen 0 1280x1024x24 3>/tmp/number && exit; touch /tmp/no-display",
            ],
        );
        let desktop = Desktop { sandbox };
        desktop.wait(|| fs::read_to_string(desktop.sandbox.path("/tmp/number")).is_ok_and(|number| number == "0\n"));
        desktop
    }

    /// What somebody with a telephone does: scans the code, types what the app then shows.
    #[track_caller]
    fn enrol_by_camera(&self, user: &str, size: &str, points: u32, colours: &[&str]) {
        self.sandbox.add_user(user, "correct horse");
        let issuer = match self.sandbox.read("/etc/twofactor/config.toml").strip_prefix("issuer = \"") {
            Some(settings) => settings.split('"').next().unwrap_or_default().to_owned(),
            None => "testhost".to_owned(),
        };
        let xterm = self.set_up(user, size, points, colours);
        let uri = xterm.scanned();
        assert_eq!(uri, format!("otpauth://totp/{issuer}:{user}?secret={}&issuer={issuer}", xterm.secret()));
        let scanned = uri.split_once("secret=").and_then(|(_, rest)| rest.split_once('&')).expect("a secret").0;
        xterm.type_line(&oathtool(scanned, &["--totp"]));
        xterm.wait_for(&format!("{user} is enrolled."));
    }

    /// A terminal window in which `twofactor setup` asks for the code.
    fn set_up(&self, user: &str, size: &str, points: u32, colours: &[&str]) -> Xterm<'_> {
        let xterm = Xterm { desktop: self, name: format!("{user}-{size}"), log: format!("/tmp/{user}.log") };
        let (points, geometry) = (points.to_string(), format!("{size}+0+0"));
        let window = ["-display", ":0", "-fa", "DejaVu Sans Mono", "-fs", &points, "-geometry", &geometry, "-u8"];
        let logged = ["-l", "-lf", &xterm.log];
        let program = format!("tty >/tmp/{user}.tty; exec twofactor setup {user}");
        self.sandbox.spawn("xterm", [&window, colours, &logged, &["-e", "bash", "-c", &program][..]].concat());
        xterm.wait_for("Code that the app shows now: ");
        xterm
    }

    #[track_caller]
    fn wait(&self, mut until: impl FnMut() -> bool) {
        let deadline = Instant::now() + SOON;
        while !until() {
            assert!(Instant::now() < deadline, "nothing happened for {SOON:?}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// One terminal window.
struct Xterm<'d> {
    desktop: &'d Desktop,
    name: String,
    /// Where xterm writes everything that it shows.
    log: String,
}

impl Xterm<'_> {
    fn shown(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.desktop.sandbox.path(&self.log)).unwrap_or_default()).into_owned()
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + SOON;
        while !self.shown().contains(text) {
            assert!(Instant::now() < deadline, "{}: {text:?} was not shown; what was:\n{}", self.name, self.shown());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The secret that was printed for people without a camera, its groups joined.
    fn secret(&self) -> String {
        let shown = self.shown();
        let base32 =
            |line: &&str| line.len() >= 32 && line.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7' | b' '));
        let line = shown.lines().map(str::trim).find(base32);
        line.unwrap_or_else(|| panic!("no secret was printed:\n{shown}")).replace(' ', "")
    }

    /// What a camera that sees the whole screen reads from it.
    #[track_caller]
    fn scanned(&self) -> String {
        let picture = self.picture();
        let kept = release().with_file_name(format!("qr-{}.png", self.name));
        fs::write(&kept, &picture).expect("the picture is kept");
        let zbar = Command::new("zbarimg").args(["-q", "--raw"]).arg(&kept).output().expect("zbarimg is installed");
        let text = String::from_utf8_lossy(&zbar.stdout).trim_end().to_owned();
        assert!(!text.is_empty(), "zbar reads nothing from {}", kept.display());
        if std::env::var_os("KEEP").is_none() {
            fs::remove_file(kept).expect("the picture is no longer needed");
        }
        text
    }

    /// The screen, as soon as it stands still.
    fn picture(&self) -> Vec<u8> {
        let shot = || {
            self.desktop.sandbox.bash(TAKE_PICTURE).succeeded();
            self.desktop.sandbox.read_bytes("/tmp/shot.png")
        };
        let deadline = Instant::now() + SOON;
        let mut before = shot();
        loop {
            let now = shot();
            if before == now {
                return now;
            }
            assert!(Instant::now() < deadline, "{}: the screen does not stand still", self.name);
            before = now;
        }
    }

    /// Puts a line into the terminal's input, as if its keys had been pressed.
    fn type_line(&self, line: &str) {
        let tty = self.desktop.sandbox.read(&self.log.replace(".log", ".tty"));
        let press =
            "my $tty = shift; open my $t, '+<', $tty or die; ioctl $t, 0x5412, $_ or die $! for split //, shift";
        self.desktop.sandbox.run("perl", ["-e", press, tty.trim(), &format!("{line}\n")]).succeeded();
    }
}

/// Without the time in it, so that two pictures of one screen are equal.
const TAKE_PICTURE: &str = "import -display :0 -window root -define png:exclude-chunks=date,time png24:/tmp/shot.png";
/// Dark, light, and the two that colour everything differently.
const COLOURS: [&[&str]; 4] = [
    &["-bg", "black", "-fg", "gray90"],
    &["-bg", "white", "-fg", "black"],
    &["-bg", "#002b36", "-fg", "#839496", "-xrm", "*color0: #073642", "-xrm", "*color7: #eee8d5"],
    &["-bg", "#fdf6e3", "-fg", "#657b83", "-xrm", "*color0: #073642", "-xrm", "*color7: #eee8d5"],
];
