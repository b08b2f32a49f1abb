//! How the module and the tool speak to each other: texts, each with its length in front. `docs/format.md` has the table.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use zeroize::Zeroizing;

use super::HINT;
use crate::failure::Failure;

/// Reads standard input to its end, past its buffer, which nobody would wipe.
pub(super) fn read() -> Result<Zeroizing<Vec<u8>>, Failure> {
    // More room than is ever read, so that reading leaves no copies behind.
    let mut frame = Zeroizing::new(Vec::with_capacity(2 * FRAME_MAX_BYTES));
    let input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    // One byte more if it is too long.
    let read = input.and_then(|input| input.take(FRAME_MAX_BYTES as u64 + 1).read_to_end(&mut frame));
    read.map(|_| frame).map_err(|error| Failure::new(format!("read the frame: {error}"), HINT))
}

/// So many texts, and nothing else.
pub(super) fn texts<const N: usize>(frame: &[u8]) -> Result<[&str; N], Failure> {
    let mut texts = [""; N];
    let mut rest = Some(frame).filter(|frame| frame.len() <= FRAME_MAX_BYTES);
    for place in &mut texts {
        let taken = rest.and_then(text);
        rest = taken.map(|(text, others)| {
            *place = text;
            others
        });
    }
    if rest == Some(&[]) { Ok(texts) } else { Err(Failure::misused("standard input is not such a frame", HINT)) }
}

/// The first text, and what follows it.
fn text(frame: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = frame.split_first_chunk()?;
    let (text, others) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, others))
}

/// Writes texts to standard output, past its buffer.
pub(super) fn write(texts: &[&str]) -> Result<(), Failure> {
    let output = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let written = output.and_then(|mut output| output.write_all(&frame(texts)?));
    written.map_err(|error| Failure::new(format!("write the frame: {error}"), HINT))
}

fn frame(texts: &[&str]) -> io::Result<Zeroizing<Vec<u8>>> {
    let length = texts.iter().map(|text| 4 + text.len()).sum();
    let mut frame = Zeroizing::new(Vec::with_capacity(length));
    for text in texts {
        frame.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
        frame.extend(text.bytes());
    }
    if length <= FRAME_MAX_BYTES { Ok(frame) } else { Err(io::ErrorKind::FileTooLarge.into()) }
}

const FRAME_MAX_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in() {
        for sent in [["", "", ""], ["GEZD GNBV", "123456", ""], ["\u{2588}\n", "", "a\0b"]] {
            assert_eq!(texts::<3>(&frame(&sent).unwrap()).unwrap(), sent);
        }
    }

    #[test]
    fn what_is_cut_too_long_or_no_text_is_no_frame() {
        let whole = frame(&["GEZD GNBV", "123456", ""]).unwrap();
        for length in 0..whole.len() {
            assert!(texts::<3>(&whole[..length]).is_err(), "{length}");
        }
        assert!(texts::<2>(&whole).is_err() && texts::<4>(&whole).is_err());
        assert!(texts::<3>(&[&whole[..], b"\0"].concat()).is_err());
        assert!(texts::<1>(b"\xff\xff\xff\xff").is_err());
        assert!(texts::<1>(b"\x01\0\0\0\xff").is_err());
    }

    #[test]
    fn a_frame_keeps_within_its_limit() {
        let (longest, longer) = ("a".repeat(FRAME_MAX_BYTES - 4), "a".repeat(FRAME_MAX_BYTES - 3));
        assert_eq!(texts(&frame(&[&longest]).unwrap()).unwrap(), [longest]);
        assert!(frame(&[&longer]).is_err());
        let length = u32::try_from(longer.len()).unwrap().to_le_bytes();
        assert!(texts::<1>(&[&length, longer.as_bytes()].concat()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = texts::<3>(&bytes);
        }
    }
}
