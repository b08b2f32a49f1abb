//! QR codes: for terminals in colours where they are ours to choose, in plain characters where they are not, and for
//! files as SVG and as PNG.
//!
//! In a terminal two modules, one above the other, share a character cell.

use std::fmt::Write;
use std::ops::Range;

use qrcodegen::{QrCode, QrCodeEcc, QrSegment};
use zeroize::Zeroizing;

/// Draws `text`; `None` if it is too long for a QR code. Every line ends with colours reset and a line feed.
///
/// Block glyphs of common fonts leave hairlines through dark modules, so colour is carried by the background and a
/// glyph, the lower half block, stands only where the two differ. Explicit colours make it readable on dark and on
/// light terminals.
pub(crate) fn for_terminal(text: &str) -> Option<Zeroizing<String>> {
    let (code, span) = smallest(text)?;
    // Every module with its colours at the most, so that nothing is copied as it grows.
    let mut drawing = Zeroizing::new(String::with_capacity(span.len() * span.len() * LIGHT.len()));
    for y in span.clone().step_by(2) {
        let mut colours = "";
        for x in span.clone() {
            let (upper, lower) = (code.get_module(x, y), code.get_module(x, y + 1));
            let (wanted, glyph) = match (upper, lower) {
                (false, false) => (LIGHT, ' '),
                (true, true) => (DARK, ' '),
                (false, true) => (LIGHT, LOWER_HALF),
                (true, false) => (DARK, LOWER_HALF),
            };
            if colours != wanted {
                drawing.push_str(wanted);
                colours = wanted;
            }
            drawing.push(glyph);
        }
        drawing.push_str("\x1b[0m\n");
    }
    Some(drawing)
}

/// Draws `text` without colours, as it gets through a PAM conversation and an ssh client; `None` if it needs more than
/// 80 columns. Every line has the same number of characters and ends with a line feed.
///
/// Readers want dark modules on a light ground, and whose ink is which depends on the terminal.
pub(crate) fn plain(text: &str, ground: Ground) -> Option<Zeroizing<String>> {
    let (code, span) = smallest(text)?;
    if span.len() > COLUMNS {
        return None;
    }
    let mut drawing = Zeroizing::new(String::with_capacity(span.len() * span.len() * FULL.len_utf8()));
    for y in span.clone().step_by(2) {
        for x in span.clone() {
            let inked = |y| code.get_module(x, y) == (ground == Ground::Light);
            drawing.push(match (inked(y), inked(y + 1)) {
                (false, false) => ' ',
                (true, false) => UPPER_HALF,
                (false, true) => LOWER_HALF,
                (true, true) => FULL,
            });
        }
        drawing.push('\n');
    }
    Some(drawing)
}

/// Draws `text` as SVG that can also stand within HTML: black on white whatever surrounds it. `None` if it is too long.
pub(crate) fn svg(text: &str) -> Option<Zeroizing<String>> {
    let (code, span) = code(text, QUIET_ON_PAPER)?;
    let size = span.len();
    // A run of dark modules takes no more than `M100 100h100v1h-100z`, and of a row every other module begins one.
    let mut drawing = Zeroizing::new(String::with_capacity(size * size * RUN_BYTES / 2 + FRAME_BYTES));
    drawing.push_str(&format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" width=\"{size}mm\" height=\"{size}mm\" \
         shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR code\">\n\
         <path fill=\"#fff\" d=\"M0 0h{size}v{size}H0z\"/>\n<path fill=\"#000\" d=\""
    ));
    for (row, y) in span.clone().enumerate() {
        let modules: Vec<bool> = span.clone().map(|x| code.get_module(x, y)).collect();
        let mut column = 0;
        for run in modules.chunk_by(|one, next| one == next) {
            if run.first() == Some(&true) {
                let _ = write!(drawing, "M{column} {row}h{0}v1h-{0}z", run.len());
            }
            column += run.len();
        }
    }
    drawing.push_str("\"/>\n</svg>\n");
    Some(drawing)
}

/// Draws `text` as a PNG of one bit a pixel; `None` if it is too long.
pub(crate) fn png(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (code, span) = code(text, QUIET_ON_PAPER)?;
    // A module is a byte across, and as many pixels down.
    let row = |y| span.clone().map(|x| if code.get_module(x, y) { 0 } else { 0xff }).collect::<Vec<u8>>();
    let pixels: Zeroizing<Vec<u8>> = Zeroizing::new(span.clone().flat_map(|y| row(y).repeat(MODULE_PIXELS)).collect());
    let side = u32::try_from(span.len() * MODULE_PIXELS).ok()?;
    let mut picture = Zeroizing::new(Vec::with_capacity(pixels.len() + FRAME_BYTES));
    let mut encoder = png::Encoder::new(&mut *picture, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(&pixels)?;
        writer.finish()
    });
    written.ok().map(|()| picture)
}

/// What characters stand on in a terminal: all the rest is drawn by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Characters are bright: they draw what is light in a code.
    Dark,
    /// Characters are dark: they draw what is dark in it.
    Light,
}

/// The smallest code of a text, and the modules to be drawn of it, across and down, with its quiet zone.
fn smallest(text: &str) -> Option<(QrCode, Range<i32>)> {
    code(text, QUIET_MODULES)
}

/// The same with a quiet zone of so many modules.
fn code(text: &str, quiet: i32) -> Option<(QrCode, Range<i32>)> {
    // The lowest level makes the smallest code; qrcodegen raises it where that costs no room.
    let code = QrCode::encode_segments(&segments(text), QrCodeEcc::Low).ok()?;
    let span = -quiet..code.size() + quiet;
    Some((code, span))
}

/// Runs of capitals and digits, such as a secret in base 32, get a mode of their own (ISO/IEC 18004, alphanumeric): 5.5
/// bits a character instead of 8.
fn segments(text: &str) -> Vec<QrSegment> {
    let mut segments = Vec::new();
    let mut others = Zeroizing::new(Vec::with_capacity(text.len()));
    for run in text.as_bytes().chunk_by(|one, next| is_alphanumeric(*one) == is_alphanumeric(*next)) {
        match std::str::from_utf8(run) {
            Ok(run) if run.len() >= WORTH_A_MODE && run.bytes().all(is_alphanumeric) => {
                segments.push(QrSegment::make_bytes(&others));
                segments.push(QrSegment::make_alphanumeric(run));
                others.clear();
            }
            _ => others.extend_from_slice(run),
        }
    }
    segments.push(QrSegment::make_bytes(&others));
    segments.retain(|segment| segment.num_chars() > 0);
    segments
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_uppercase() || b" $%*+-./:".contains(&byte)
}

/// Two are enough for readers and keep the code within 24 lines.
const QUIET_MODULES: i32 = 2;
/// What the standard asks for (ISO/IEC 18004), where there is room.
const QUIET_ON_PAPER: i32 = 4;
/// A byte of pixels, one bit each.
const MODULE_PIXELS: usize = 8;
/// The longest run of an SVG.
const RUN_BYTES: usize = 24;
/// What stands around a drawing.
const FRAME_BYTES: usize = 1024;
/// Into the mode and out of it again takes 35 bits in any code of these sizes: 2.5 are won with each character.
const WORTH_A_MODE: usize = 16;
/// What any terminal has.
const COLUMNS: usize = 80;
/// Background white, foreground black, of the 256 colours that no theme changes.
const LIGHT: &str = "\x1b[48;5;231;38;5;16m";
/// The other way round.
const DARK: &str = "\x1b[48;5;16;38;5;231m";
const UPPER_HALF: char = '\u{2580}';
const LOWER_HALF: char = '\u{2584}';
const FULL: char = '\u{2588}';

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(issuer: &str, user: &str) -> String {
        format!("otpauth://totp/{issuer}:{user}?secret={}&issuer={issuer}", "A".repeat(32))
    }

    #[test]
    fn a_usual_code_fits_a_terminal_of_80_by_24() {
        let drawing = for_terminal(&usual("login.example.org", "alice")).unwrap();
        assert!(drawing.lines().count() <= 24, "{} lines", drawing.lines().count());
        let columns = |line: &str| line.chars().filter(|c| matches!(c, ' ' | '\u{2584}')).count();
        assert!(drawing.lines().all(|line| columns(line) <= 80));
    }

    #[test]
    fn a_plain_code_leaves_room_for_a_prompt_in_a_terminal_of_80_by_24() {
        for (issuer, user, lines) in [
            ("testhost", "alice", 19),
            ("login.example.org", "alice", 21),
            ("vpn.corp.example.org", "bartholomew.cubb", 23),
        ] {
            let drawing = plain(&usual(issuer, user), Ground::Dark).unwrap();
            assert_eq!(drawing.lines().count(), lines, "{issuer}");
            // A line has two rows of modules, and the last one is half empty.
            assert!(drawing.lines().all(|line| line.chars().count() == 2 * lines - 1), "{issuer}");
            assert!(drawing.ends_with('\n') && !drawing.replace('\n', "").contains(char::is_control));
        }
    }

    #[test]
    fn what_is_ink_on_a_dark_ground_is_none_on_a_light_one() {
        let uri = usual("example.org", "alice");
        let turned = |c| match c {
            ' ' => FULL,
            UPPER_HALF => LOWER_HALF,
            LOWER_HALF => UPPER_HALF,
            FULL => ' ',
            other => other,
        };
        let dark: String = plain(&uri, Ground::Dark).unwrap().chars().map(turned).collect();
        assert_eq!(dark, *plain(&uri, Ground::Light).unwrap());
    }

    #[test]
    fn a_code_wider_than_a_terminal_is_not_drawn_in_plain_characters() {
        assert!(plain(&"a".repeat(458), Ground::Dark).is_some());
        assert!(plain(&"a".repeat(459), Ground::Dark).is_none());
        assert!(plain(&"a".repeat(4096), Ground::Dark).is_none());
    }

    #[test]
    fn a_drawing_for_paper_has_the_modules_of_the_code_and_room_from_the_beginning() {
        let text = usual("login.example.org", "alice");
        let (code, span) = code(&text, QUIET_ON_PAPER).unwrap();
        let dark =
            span.clone().flat_map(|y| span.clone().map(move |x| (x, y))).filter(|(x, y)| code.get_module(*x, *y));
        let drawing = svg(&text).unwrap();
        let runs = drawing.split("d=\"M").nth(2).unwrap().split('h').skip(1).filter(|run| run.contains("v1"));
        let drawn: usize = runs.map(|run| run.split('v').next().unwrap().parse::<usize>().unwrap()).sum();
        assert_eq!(drawn, dark.count());
        assert!(drawing.len() < span.len() * span.len() * RUN_BYTES / 2 + FRAME_BYTES);
        let picture = png(&text).unwrap();
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.len() < 4096, "{} bytes", picture.len());
        assert!(svg(&"a".repeat(4096)).is_none() && png(&"a".repeat(4096)).is_none());
    }

    #[test]
    fn only_a_run_that_is_worth_it_gets_a_mode_of_its_own() {
        let lengths = |text: &str| segments(text).iter().map(QrSegment::num_chars).collect::<Vec<_>>();
        assert_eq!(lengths(&usual("example.org", "alice")), [40, 32, 19]);
        assert_eq!(lengths("secret=ABCDEFGHIJKLMNO&"), [23]);
        assert_eq!(lengths("secret=ABCDEFGHIJKLMNOP"), [7, 16]);
        assert_eq!(lengths("ABCDEFGHIJKLMNOP"), [16]);
        assert_eq!(lengths("Zo\u{eb}"), [4]);
        assert!(lengths("").is_empty());
    }
}
