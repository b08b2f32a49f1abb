//! The bytes of one state record. `docs/format.md` has the table.

use sha2::{Digest, Sha256};

use super::{DeviceState, State};
use crate::clock::UnixTime;
use crate::enrolment::{DEVICES_MAX, DeviceId};
use crate::factor::totp::Step;
use crate::throttle::Failures;

/// The length of a record with its checksum.
pub(super) const RECORD_BYTES: usize = 2048;

/// Writes a record.
pub(super) fn encode(state: &State, sequence: u64) -> [u8; RECORD_BYTES] {
    let mut bytes = Vec::with_capacity(RECORD_BYTES);
    bytes.extend(MAGIC);
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(state.uid.to_le_bytes());
    bytes.extend(state.failures.count.to_le_bytes());
    bytes.extend(state.failures.last.0.to_le_bytes());
    bytes.extend(state.last_success.0.to_le_bytes());
    bytes.extend(state.recovery_generation.to_le_bytes());
    bytes.extend(state.recovery_used.to_le_bytes());
    bytes.extend(state.recovery_announced.to_le_bytes());
    bytes.resize(DEVICES_AT, 0);
    // `State::follow` keeps no device that the enrolment has not, and an enrolment has at most DEVICES_MAX.
    for device in state.devices.iter().take(DEVICES_MAX) {
        bytes.extend(device.id.0.to_le_bytes());
        bytes.extend((IN_USE | if device.burnt.is_some() { HAS_BURNT } else { 0 }).to_le_bytes());
        bytes.extend(device.burnt.unwrap_or_default().0.to_le_bytes());
        bytes.resize(bytes.len() + DEVICE_RESERVED_BYTES, 0);
    }
    bytes.resize(CHECKSUM_AT, 0);
    let checksum: [u8; CHECKSUM_BYTES] = Sha256::digest(&bytes).into();
    let mut record = [0; RECORD_BYTES];
    for (to, from) in record.iter_mut().zip(bytes.into_iter().chain(checksum)) {
        *to = from;
    }
    record
}

/// Reads a record with its sequence number.
pub(super) fn decode(record: &[u8]) -> Result<(u64, State), RecordError> {
    let (content, checksum) = record.split_at_checked(CHECKSUM_AT).ok_or(RecordError::Short)?;
    if checksum.len() != CHECKSUM_BYTES {
        return Err(RecordError::Short);
    }
    let expected: [u8; CHECKSUM_BYTES] = Sha256::digest(content).into();
    if checksum != expected {
        return Err(RecordError::Checksum);
    }
    let mut fields = Fields(content);
    if fields.take()? != MAGIC {
        return Err(RecordError::Version);
    }
    let sequence = fields.u64()?;
    let uid = fields.u32()?;
    let failures = Failures { count: fields.u32()?, last: UnixTime(fields.u64()?) };
    let last_success = UnixTime(fields.u64()?);
    let (recovery_generation, recovery_used, recovery_announced) = (fields.u32()?, fields.u32()?, fields.u32()?);
    let mut devices = Vec::with_capacity(DEVICES_MAX);
    let mut table = Fields(content.get(DEVICES_AT..).unwrap_or_default());
    for _ in 0..DEVICES_MAX {
        let (id, flags, burnt) = (DeviceId(table.u32()?), table.u32()?, Step(table.u64()?));
        table.take::<DEVICE_RESERVED_BYTES>()?;
        if flags & IN_USE != 0 {
            devices.push(DeviceState { id, burnt: (flags & HAS_BURNT != 0).then_some(burnt) });
        }
    }
    let state = State { uid, failures, last_success, recovery_generation, recovery_used, recovery_announced, devices };
    Ok((sequence, state))
}

/// The fields of a record, one after the other, little-endian.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(RecordError::Short)?;
        self.0 = rest;
        Ok(*field)
    }

    fn u32(&mut self) -> Result<u32, RecordError> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, RecordError> {
        self.take().map(u64::from_le_bytes)
    }
}

/// A record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum RecordError {
    #[error("it is cut short")]
    Short,
    #[error("its checksum is wrong")]
    Checksum,
    #[error("its version is not known")]
    Version,
}

const MAGIC: [u8; 8] = *b"2FSTATE1";
const DEVICES_AT: usize = 64;
const DEVICE_RESERVED_BYTES: usize = 16;
const IN_USE: u32 = 1;
const HAS_BURNT: u32 = 2;
const CHECKSUM_BYTES: usize = 32;
const CHECKSUM_AT: usize = RECORD_BYTES - CHECKSUM_BYTES;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_state() -> impl Strategy<Value = State> {
        let device = (any::<u32>(), proptest::option::of(any::<u64>()))
            .prop_map(|(id, burnt)| DeviceState { id: DeviceId(id), burnt: burnt.map(Step) });
        let devices = proptest::collection::vec(device, 0..=DEVICES_MAX);
        (any::<u32>(), any::<(u32, u64)>(), any::<u64>(), any::<(u32, u32, u32)>(), devices).prop_map(
            |(uid, (count, last), success, (recovery_generation, recovery_used, recovery_announced), devices)| State {
                uid,
                failures: Failures { count, last: UnixTime(last) },
                last_success: UnixTime(success),
                recovery_generation,
                recovery_used,
                recovery_announced,
                devices,
            },
        )
    }

    proptest! {
        #[test]
        fn a_state_survives_its_record(state in any_state(), sequence in any::<u64>()) {
            prop_assert_eq!(decode(&encode(&state, sequence)), Ok((sequence, state)));
        }

        #[test]
        fn no_flipped_bit_goes_unseen(state in any_state(), at in 0..RECORD_BYTES, bit in 0u8..8) {
            let mut record = encode(&state, 1);
            record[at] ^= 1 << bit;
            prop_assert_eq!(decode(&record), Err(RecordError::Checksum));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn a_record_of_another_version_is_not_guessed_at() {
        let state = State {
            uid: 1,
            failures: Failures::default(),
            last_success: UnixTime(0),
            recovery_generation: 0,
            recovery_used: 0,
            recovery_announced: 0,
            devices: Vec::new(),
        };
        let mut record = encode(&state, 1);
        record[7] = b'2';
        let checksum: [u8; 32] = Sha256::digest(&record[..CHECKSUM_AT]).into();
        record[CHECKSUM_AT..].copy_from_slice(&checksum);
        assert_eq!(decode(&record), Err(RecordError::Version));
    }
}
