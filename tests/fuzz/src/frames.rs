//! What two of our own processes say to each other.

use twofactor_core::clerk::{FRAME_MAX_BYTES, frame, texts};
use twofactor_message::{ERRAND_MAX_BYTES, Errand, VERDICT_MAX_BYTES, Verdict};

/// Between the module and the tool.
pub(crate) fn of_the_clerk(bytes: &[u8]) -> bool {
    is_canonical::<1>(bytes) | is_canonical::<2>(bytes) | is_canonical::<3>(bytes)
}

/// There is one frame for so many texts.
fn is_canonical<const N: usize>(bytes: &[u8]) -> bool {
    let Some(texts) = texts::<N>(bytes) else { return false };
    assert!(bytes.len() <= FRAME_MAX_BYTES);
    assert!(frame(&texts).is_some_and(|again| again.as_slice() == bytes));
    true
}

/// What the sender is to do.
pub(crate) fn order(bytes: &[u8]) -> bool {
    let Ok(errand) = Errand::decode(bytes) else { return false };
    // What was worded is longer than what it was worded from.
    let frame = errand.encode();
    match Errand::decode(&frame) {
        Ok(again) => assert_eq!(again.encode(), frame),
        Err(error) => assert!(frame.len() > ERRAND_MAX_BYTES, "{error}"),
    }
    true
}

/// What the sender answers.
pub(crate) fn verdict(bytes: &[u8]) -> bool {
    let Ok(verdict) = Verdict::decode(bytes) else { return false };
    assert!(bytes.len() <= VERDICT_MAX_BYTES);
    assert_eq!(verdict.encode(), bytes);
    true
}
