//! A display that nobody looks at, real terminals on it, and whoever reads a QR code off them with a telephone.

use std::cell::Cell;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::Sandbox;
use crate::artefacts::release;

/// An X server of a sandbox. It goes with the sandbox.
pub struct Desktop<'s> {
    sandbox: &'s Sandbox,
    windows: Cell<u32>,
}

/// A terminal program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emulator {
    /// Draws block elements as the font has them, with the gaps that the font leaves.
    Xterm,
    /// Fills its cells, as most others do.
    Rxvt,
}

/// How a terminal looks, and what the program in it believes that it can show.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub emulator: Emulator,
    /// Columns and lines: `80x24`.
    pub size: &'static str,
    /// In points, of DejaVu Sans Mono.
    pub points: u32,
    pub colours: Colours,
    /// The locale of the program in it. The terminal itself shows UTF-8 in any case.
    pub locale: &'static str,
}

/// Background, foreground, and the two of the palette that a theme may turn round.
#[derive(Clone, Copy, Debug)]
pub struct Colours {
    background: &'static str,
    foreground: &'static str,
    palette: Option<[&'static str; 2]>,
}

impl Colours {
    pub const DARK: Colours = Colours { background: "#000000", foreground: "#e5e5e5", palette: None };
    pub const LIGHT: Colours = Colours { background: "#ffffff", foreground: "#000000", palette: None };
    pub const SOLARIZED_DARK: Colours =
        Colours { background: "#002b36", foreground: "#839496", palette: Some(["#073642", "#eee8d5"]) };
    pub const SOLARIZED_LIGHT: Colours =
        Colours { background: "#fdf6e3", foreground: "#657b83", palette: Some(["#073642", "#eee8d5"]) };
    /// Dark, light, and the two that colour everything differently.
    pub const EVERY: [Colours; 4] = [Self::DARK, Self::LIGHT, Self::SOLARIZED_DARK, Self::SOLARIZED_LIGHT];
}

impl Look {
    /// An xterm for UTF-8.
    pub fn new(size: &'static str, points: u32, colours: Colours) -> Look {
        Look { emulator: Emulator::Xterm, size, points, colours, locale: "C.UTF-8" }
    }

    fn command(&self) -> Vec<String> {
        let mut command = match self.emulator {
            Emulator::Xterm => format!("xterm|-fa|DejaVu Sans Mono|-fs|{}|-u8", self.points),
            Emulator::Rxvt => format!("urxvt|-fn|xft:DejaVu Sans Mono:size={}|+sb", self.points),
        };
        let Colours { background, foreground, palette } = self.colours;
        command += &format!("|-display|:0|-geometry|{}+0+0|-bg|{background}|-fg|{foreground}", self.size);
        if let Some([black, white]) = palette {
            command += &format!("|-xrm|*color0: {black}|-xrm|*color7: {white}");
        }
        command.split('|').map(str::to_owned).collect()
    }
}

impl<'s> Desktop<'s> {
    /// Starts the server.
    pub fn on(sandbox: &'s Sandbox) -> Desktop<'s> {
        // It says its number once it takes clients. When the last one has gone it would begin anew, and turn away whoever
        // comes in that moment.
        let start = "Xvfb -displayfd 3 -noreset -nolisten tcp -screen 0 1280x1024x24 3>/tmp/number";
        sandbox.spawn("bash", ["-c", start]);
        let desktop = Desktop { sandbox, windows: Cell::new(0) };
        let number = sandbox.path("/tmp/number");
        soon(|| fs::read_to_string(&number).is_ok_and(|number| number == "0\n"), || "no display".to_owned());
        desktop
    }

    /// Opens a terminal with a program in it, above all others, and waits for nothing.
    pub fn open(&self, look: &Look, program: &[&str]) -> Window<'_> {
        let number = self.windows.get() + 1;
        self.windows.set(number);
        let folder = format!("/tmp/window-{number}");
        let quoted: Vec<_> = program.iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        let (locale, program) = (look.locale, quoted.join(" "));
        let run = format!("tty >{folder}/tty\necho $$ >{folder}/pid\nexport LC_ALL={locale}\nexec {program}\n");
        self.sandbox.run("mkdir", [&folder]).succeeded();
        self.sandbox.write(&format!("{folder}/run"), run, 0o644);
        let mut command = look.command();
        // script(1) keeps everything that is shown, whatever the terminal.
        let (record, run) = (format!("{folder}/shown"), format!("bash {folder}/run"));
        let keep = ["-e", "script", "--quiet", "--flush", "--log-out", &record, "--command", &run];
        command.extend(keep.map(str::to_owned));
        let (emulator, arguments) = command.split_first().expect("a program");
        self.sandbox.spawn(emulator, arguments);
        let name = format!("{number}-{:?}-{}", look.emulator, look.size);
        Window { sandbox: self.sandbox, name, folder, seen: Cell::new(0) }
    }
}

/// One terminal on a [`Desktop`]. It is closed when this is dropped.
pub struct Window<'d> {
    sandbox: &'d Sandbox,
    name: String,
    /// What is kept of it.
    folder: String,
    /// How much of what was shown has been waited for.
    seen: Cell<usize>,
}

/// Who looks at the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eye {
    /// Every pixel as it is.
    Sharp,
    /// A telephone, held a little askew, a little out of focus and not at the distance of whole pixels.
    Camera,
    /// Every pixel as it is, and also as its contrary: a reader that takes codes that are light on dark.
    Either,
}

impl Window<'_> {
    /// Everything that was shown so far.
    pub fn shown(&self) -> String {
        let shown = fs::read(self.sandbox.path(&format!("{}/shown", self.folder))).unwrap_or_default();
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Waits for a text that was not waited for before.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        let find = || self.shown().get(self.seen.get()..).and_then(|fresh| fresh.find(text));
        soon(|| find().is_some(), || format!("{}: no {text:?} in:\n{}", self.name, self.shown()));
        self.seen.set(self.seen.get() + find().expect("it was just there") + text.len());
    }

    /// Types a line and the enter key.
    pub fn type_line(&self, line: &str) {
        let tty = self.sandbox.read(&format!("{}/tty", self.folder));
        self.sandbox.run("perl", ["-e", PRESS, tty.trim(), &format!("{line}\n")]).succeeded();
    }

    /// What is read from the QR code on the screen.
    #[track_caller]
    pub fn scanned(&self, eye: Eye) -> String {
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(text) = self.scan(eye) {
                return text;
            }
            if Instant::now() >= deadline {
                let kept = release().with_file_name(format!("screen-{}-{}.png", std::process::id(), self.name));
                fs::copy(self.sandbox.path(PICTURE), &kept).expect("the picture is kept");
                panic!("{eye:?} reads nothing from {}", kept.display());
            }
        }
    }

    /// What is read from the screen as soon as that stands still, if anything.
    #[track_caller]
    pub fn scan(&self, eye: Eye) -> Option<String> {
        let shot = || {
            self.sandbox.bash(TAKE_PICTURE).succeeded();
            self.sandbox.read_bytes(PICTURE)
        };
        let mut before = shot();
        soon(
            || {
                let now = shot();
                let is_still = now == before;
                before = now;
                is_still
            },
            || format!("{}: the screen does not stand still", self.name),
        );
        let lens = match eye {
            Eye::Sharp | Eye::Either => "",
            Eye::Camera => "-virtual-pixel edge +distort SRT 1.35,3 -blur 0x1.5",
        };
        let inverted = u8::from(eye == Eye::Either);
        // zbarimg(1) ends with 4 if it finds nothing.
        let look = format!(
            "convert {PICTURE} {lens} /tmp/seen.png
            zbarimg --quiet --raw --set test-inverted={inverted} /tmp/seen.png || [ $? = 4 ]"
        );
        let text = self.sandbox.bash(&look).succeeded().stdout;
        Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        let _ = self.sandbox.run("bash", ["-c", &format!("kill -HUP \"$(cat {}/pid)\"", self.folder)]);
    }
}

#[track_caller]
fn soon(mut happened: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
    let deadline = Instant::now() + SOON;
    while !happened() {
        assert!(Instant::now() < deadline, "{}", otherwise());
        thread::sleep(Duration::from_millis(10));
    }
}

/// Puts keys into a terminal's input, as if they had been pressed: TIOCSTI, ioctl_tty(2).
const PRESS: &str =
    "my $tty = shift; open my $t, '+<', $tty or die; ioctl $t, 0x5412, $_ or die $! for split //, shift";
const PICTURE: &str = "/tmp/screen.png";
/// Without the time in it, so that two pictures of one screen are equal.
const TAKE_PICTURE: &str = "import -display :0 -window root -define png:exclude-chunks=date,time png24:/tmp/screen.png";
const SOON: Duration = Duration::from_secs(30);
