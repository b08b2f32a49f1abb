//! QR codes for terminals.
//!
//! Two modules share a character cell. Block glyphs of common fonts leave hairlines through dark modules, so colour
//! is carried by the background and a glyph, the lower half block, stands only where the two differ. Explicit
//! colours make it readable on dark and on light terminals.

use qrcodegen::{QrCode, QrCodeEcc};
use zeroize::Zeroizing;

/// Draws `text`; `None` if it is too long for a QR code. Every line ends with colours reset and a line feed.
pub(crate) fn for_terminal(text: &str) -> Option<Zeroizing<String>> {
    // The lowest level makes the smallest code; qrcodegen raises it where that costs no room.
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let span = -QUIET_MODULES..code.size() + QUIET_MODULES;
    // Every module with its colours at the most, so that nothing is copied as it grows.
    let cells = usize::try_from(span.end - span.start).ok()?;
    let mut drawing = Zeroizing::new(String::with_capacity(cells * cells * LIGHT.len()));
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

/// Two are enough for readers and keep the code within 24 lines.
const QUIET_MODULES: i32 = 2;
/// Background white, foreground black, of the 256 colours that no theme changes.
const LIGHT: &str = "\x1b[48;5;231;38;5;16m";
/// The other way round.
const DARK: &str = "\x1b[48;5;16;38;5;231m";
const LOWER_HALF: char = '\u{2584}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usual_code_fits_a_terminal_of_80_by_24() {
        let uri = format!("otpauth://totp/login.example.org:alice?secret={}&issuer=login.example.org", "A".repeat(32));
        let drawing = for_terminal(&uri).unwrap();
        assert!(drawing.lines().count() <= 24, "{} lines", drawing.lines().count());
        let columns = |line: &str| line.chars().filter(|c| matches!(c, ' ' | '\u{2584}')).count();
        assert!(drawing.lines().all(|line| columns(line) <= 80));
    }
}
