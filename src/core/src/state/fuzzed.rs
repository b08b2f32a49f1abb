//! What holds of a record, whatever the bytes are.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "to break is what it is for")]

use sha2::{Digest, Sha256};

use super::record::{CHECKSUM_AT, MAGIC, RECORD_BYTES, RecordError, decode, encode};

/// Bytes behind the first word of a record. What checksum would be right, no fuzzer finds out: it is put there.
/// It says whether the record is taken.
pub fn record(bytes: &[u8]) -> bool {
    let mut record = [&MAGIC[..], bytes].concat();
    record.resize(RECORD_BYTES, 0);
    assert_eq!(decode(&record), Err(RecordError::Checksum));
    record.truncate(CHECKSUM_AT);
    let checksum: [u8; 32] = Sha256::digest(&record).into();
    record.extend(checksum);
    let Ok((sequence, state)) = decode(&record) else { return false };
    let again = encode(&state, sequence);
    assert_eq!(decode(&again), Ok((sequence, state)));
    assert!(decode(&record[..RECORD_BYTES - 1]).is_err());
    true
}
