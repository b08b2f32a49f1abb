//! `twofactor at-login draw`: a QR code for a prompt. Reads an `otpauth` URI to the end of standard input and writes one
//! frame: the drawing for a dark terminal and the one for a light terminal, each with its length in front.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::qr::{self, Ground};

/// Runs the command. What was read and what is written holds a secret.
pub(super) fn run() -> Result<(), Failure> {
    let uri = read(io::stdin().as_fd()).map_err(|error| Failure::new(format!("read the URI: {error}"), HINT))?;
    let uri = uri_of(&uri).ok_or_else(|| Failure::misused("standard input is not one otpauth URI", HINT))?;
    let frame = frame(uri).ok_or_else(|| Failure::new("the URI is too long to be drawn", HINT))?;
    write(io::stdout().as_fd(), &frame).map_err(|error| Failure::new(format!("write the drawings: {error}"), HINT))
}

/// All of it, and one byte more if it is too long. Past the buffer of standard input, which nobody would wipe.
fn read(input: BorrowedFd<'_>) -> io::Result<Zeroizing<Vec<u8>>> {
    // More room than is ever read, so that reading leaves no copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * URI_MAX_BYTES));
    File::from(input.try_clone_to_owned()?).take(URI_MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn uri_of(bytes: &[u8]) -> Option<&str> {
    let uri = std::str::from_utf8(bytes).ok()?;
    let good = uri.len() <= URI_MAX_BYTES && uri.starts_with("otpauth://") && uri.bytes().all(|b| b.is_ascii_graphic());
    good.then_some(uri)
}

/// Of each drawing its length in bytes, 4 bytes little-endian, and its text.
fn frame(uri: &str) -> Option<Zeroizing<Vec<u8>>> {
    let drawings = [qr::plain(uri, Ground::Dark)?, qr::plain(uri, Ground::Light)?];
    let length = drawings.iter().map(|drawing| 4 + drawing.len()).sum();
    let mut frame = Zeroizing::new(Vec::with_capacity(length));
    for drawing in &drawings {
        frame.extend(u32::try_from(drawing.len()).ok()?.to_le_bytes());
        frame.extend(drawing.bytes());
    }
    (length <= FRAME_MAX_BYTES).then_some(frame)
}

fn write(output: BorrowedFd<'_>, frame: &[u8]) -> io::Result<()> {
    File::from(output.try_clone_to_owned()?).write_all(frame)
}

const URI_MAX_BYTES: usize = 4096;
const FRAME_MAX_BYTES: usize = 64 * 1024;
const HINT: &str = "this is a command for the module; for people there is: twofactor setup";

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "otpauth://totp/example.org:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=example.org";

    #[test]
    fn a_frame_is_two_texts_with_their_lengths() {
        let frame = frame(URI).unwrap();
        let mut rest = frame.as_slice();
        for ground in [Ground::Dark, Ground::Light] {
            let (length, text) = rest.split_first_chunk().unwrap();
            let (drawing, others) = text.split_at(u32::from_le_bytes(*length) as usize);
            assert_eq!(std::str::from_utf8(drawing).unwrap(), *qr::plain(URI, ground).unwrap());
            rest = others;
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn the_largest_frame_keeps_within_its_limit() {
        assert!(frame(&"a".repeat(458)).unwrap().len() < FRAME_MAX_BYTES);
    }

    #[test]
    fn what_is_no_uri_is_not_drawn() {
        assert_eq!(uri_of(URI.as_bytes()), Some(URI));
        for other in
            ["", "otpauth:", "https://example.org", "otpauth://totp/a b", "otpauth://totp/a\n", "otpauth://\u{eb}"]
        {
            assert_eq!(uri_of(other.as_bytes()), None, "{other:?}");
        }
        assert_eq!(uri_of(b"otpauth://\xff"), None);
        let longest = format!("otpauth://{}", "a".repeat(URI_MAX_BYTES - 10));
        assert!(uri_of(longest.as_bytes()).is_some());
        assert!(uri_of(format!("{longest}a").as_bytes()).is_none());
    }
}
