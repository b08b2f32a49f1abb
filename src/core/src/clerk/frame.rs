//! How the module and the tool speak to each other: texts, each with its length in front. `docs/format.md` has the table.

use zeroize::Zeroizing;

/// The largest frame.
pub const FRAME_MAX_BYTES: usize = 64 * 1024;

/// A frame of texts; `None` if they are too long for one.
#[must_use]
pub fn frame(texts: &[&str]) -> Option<Zeroizing<Vec<u8>>> {
    let length = texts.iter().map(|text| 4 + text.len()).sum();
    let mut frame = Zeroizing::new(Vec::with_capacity(length));
    for text in texts {
        frame.extend(u32::try_from(text.len()).ok()?.to_le_bytes());
        frame.extend(text.bytes());
    }
    (length <= FRAME_MAX_BYTES).then_some(frame)
}

/// So many texts, and nothing else.
#[must_use]
pub fn texts<const N: usize>(frame: &[u8]) -> Option<[&str; N]> {
    let (mut texts, mut rest) = ([""; N], frame);
    for place in &mut texts {
        (*place, rest) = text(rest)?;
    }
    (rest.is_empty() && frame.len() <= FRAME_MAX_BYTES).then_some(texts)
}

/// The first text, and what follows it.
fn text(frame: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = frame.split_first_chunk()?;
    let (text, others) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, others))
}

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
            assert!(texts::<3>(&whole[..length]).is_none(), "{length}");
        }
        assert!(texts::<2>(&whole).is_none() && texts::<4>(&whole).is_none());
        assert!(texts::<3>(&[&whole[..], b"\0"].concat()).is_none());
        assert!(texts::<1>(b"\xff\xff\xff\xff").is_none());
        assert!(texts::<1>(b"\x01\0\0\0\xff").is_none());
    }

    #[test]
    fn a_frame_keeps_within_its_limit() {
        let (longest, longer) = ("a".repeat(FRAME_MAX_BYTES - 4), "a".repeat(FRAME_MAX_BYTES - 3));
        assert_eq!(texts(&frame(&[&longest]).unwrap()).unwrap(), [longest]);
        assert!(frame(&[&longer]).is_none());
        let length = u32::try_from(longer.len()).unwrap().to_le_bytes();
        assert!(texts::<1>(&[&length, longer.as_bytes()].concat()).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = texts::<3>(&bytes);
        }
    }
}
