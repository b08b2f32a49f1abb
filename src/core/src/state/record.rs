//! The bytes of one state record. `docs/format.md` has the table.

use sha2::{Digest, Sha256};

use super::remembered::REMEMBERED_MAX;
use super::sent::SENT_MAX;
use super::{Channel, DeviceState, Issued, SentCode, State};
use crate::clock::UnixTime;
use crate::enrolment::{DEVICES_MAX, DeviceId};
use crate::factor::recovery::{DIGEST_BYTES, Digest as CodeDigest};
use crate::factor::sent::MESSAGES_MAX;
use crate::factor::totp::Step;
use crate::keyring::KeyNumber;
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
        let burnt = if device.burnt.is_some() { HAS_BURNT } else { 0 };
        let drift = if device.drift.is_some() { HAS_DRIFT } else { 0 };
        bytes.extend((IN_USE | burnt | drift).to_le_bytes());
        bytes.extend(device.burnt.unwrap_or_default().0.to_le_bytes());
        bytes.extend(device.drift.unwrap_or_default().to_le_bytes());
        bytes.resize(bytes.len() + DEVICE_RESERVED_BYTES, 0);
    }
    bytes.resize(SENT_AT, 0);
    for code in state.sent.iter().take(SENT_MAX) {
        let flags = IN_USE | if code.failed { FAILED } else { 0 } | if code.used { USED } else { 0 };
        for number in [flags, channel_number(code.channel), code.device.0, code.wrong] {
            bytes.extend(number.to_le_bytes());
        }
        encode_issued(&mut bytes, &code.issued);
        bytes.resize(bytes.len() + SENT_RESERVED_BYTES, 0);
    }
    bytes.resize(BYPASS_AT, 0);
    if let Some(issued) = &state.bypass {
        bytes.extend(IN_USE.to_le_bytes());
        encode_issued(&mut bytes, issued);
    }
    bytes.resize(MESSAGES_AT, 0);
    bytes.extend(state.rescue_asked.0.to_le_bytes());
    for at in state.messages.iter().take(MESSAGES_MAX) {
        bytes.extend(at.0.to_le_bytes());
    }
    bytes.resize(REMEMBERED_AT, 0);
    for issued in state.remembered.iter().take(REMEMBERED_MAX) {
        bytes.extend(IN_USE.to_le_bytes());
        encode_issued(&mut bytes, issued);
        bytes.resize(bytes.len() + REMEMBERED_RESERVED_BYTES, 0);
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
        let drift = table.take().map(i32::from_le_bytes)?;
        table.take::<DEVICE_RESERVED_BYTES>()?;
        if flags & IN_USE != 0 {
            let (burnt, drift) = ((flags & HAS_BURNT != 0).then_some(burnt), (flags & HAS_DRIFT != 0).then_some(drift));
            devices.push(DeviceState { id, burnt, drift });
        }
    }
    let mut table = Fields(content.get(SENT_AT..).unwrap_or_default());
    let mut sent = Vec::with_capacity(SENT_MAX);
    for _ in 0..SENT_MAX {
        let flags = table.u32()?;
        let (channel, device, wrong) = (table.u32()?, DeviceId(table.u32()?), table.u32()?);
        let issued = table.issued()?;
        table.take::<SENT_RESERVED_BYTES>()?;
        if flags & IN_USE != 0 {
            let (channel, issued) = channel_of(channel).zip(issued).ok_or(RecordError::Version)?;
            let (failed, used) = (flags & FAILED != 0, flags & USED != 0);
            sent.push(SentCode { channel, device, issued, wrong, used, failed });
        }
    }
    let mut table = Fields(content.get(BYPASS_AT..).unwrap_or_default());
    let bypass = if table.u32()? & IN_USE != 0 { Some(table.issued()?.ok_or(RecordError::Version)?) } else { None };
    let mut table = Fields(content.get(MESSAGES_AT..).unwrap_or_default());
    let rescue_asked = UnixTime(table.u64()?);
    let mut messages = Vec::with_capacity(MESSAGES_MAX);
    for _ in 0..MESSAGES_MAX {
        messages.push(UnixTime(table.u64()?));
    }
    messages.retain(|at| at.0 != 0);
    let mut table = Fields(content.get(REMEMBERED_AT..).unwrap_or_default());
    let mut remembered = Vec::with_capacity(REMEMBERED_MAX);
    for _ in 0..REMEMBERED_MAX {
        let (flags, issued) = (table.u32()?, table.issued()?);
        table.take::<REMEMBERED_RESERVED_BYTES>()?;
        if flags & IN_USE != 0 {
            remembered.push(issued.ok_or(RecordError::Version)?);
        }
    }
    let state = State {
        uid,
        failures,
        last_success,
        recovery_generation,
        recovery_used,
        recovery_announced,
        devices,
        sent,
        messages,
        bypass,
        rescue_asked,
        remembered,
    };
    Ok((sequence, state))
}

fn encode_issued(bytes: &mut Vec<u8>, issued: &Issued) {
    bytes.extend(u32::from(issued.key).to_le_bytes());
    bytes.extend(issued.since.0.to_le_bytes());
    bytes.extend(issued.until.0.to_le_bytes());
    bytes.extend(issued.digest.0);
}

fn channel_number(channel: Channel) -> u32 {
    match channel {
        Channel::Email => 1,
        Channel::Sms => 2,
        Channel::Rescue => 3,
    }
}

fn channel_of(number: u32) -> Option<Channel> {
    [Channel::Email, Channel::Sms, Channel::Rescue].into_iter().find(|channel| channel_number(*channel) == number)
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

    /// What was issued; `None` where nothing was.
    fn issued(&mut self) -> Result<Option<Issued>, RecordError> {
        let key = KeyNumber::try_from(self.u32()?).ok();
        let (since, until) = (UnixTime(self.u64()?), UnixTime(self.u64()?));
        let digest = CodeDigest(self.take::<DIGEST_BYTES>()?);
        Ok(key.map(|key| Issued { key, digest, since, until }))
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

pub(super) const MAGIC: [u8; 8] = *b"2FSTATE1";
const DEVICES_AT: usize = 64;
const DEVICE_RESERVED_BYTES: usize = 12;
const IN_USE: u32 = 1;
const HAS_BURNT: u32 = 2;
const HAS_DRIFT: u32 = 4;
const SENT_AT: usize = DEVICES_AT + DEVICES_MAX * 32;
const SENT_RESERVED_BYTES: usize = 28;
const FAILED: u32 = 2;
const USED: u32 = 4;
const BYPASS_AT: usize = SENT_AT + SENT_MAX * 96;
const MESSAGES_AT: usize = BYPASS_AT + 64;
const REMEMBERED_AT: usize = MESSAGES_AT + 8 + MESSAGES_MAX * 8;
const REMEMBERED_RESERVED_BYTES: usize = 8;
const CHECKSUM_BYTES: usize = 32;
pub(super) const CHECKSUM_AT: usize = RECORD_BYTES - CHECKSUM_BYTES;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_state() -> impl Strategy<Value = State> {
        let device = (any::<u32>(), proptest::option::of(any::<u64>()), proptest::option::of(any::<i32>()))
            .prop_map(|(id, burnt, drift)| DeviceState { id: DeviceId(id), burnt: burnt.map(Step), drift });
        let devices = proptest::collection::vec(device, 0..=DEVICES_MAX);
        let issued =
            (1..u32::MAX, any::<[u8; 32]>(), any::<(u64, u64)>()).prop_map(|(key, digest, (since, until))| Issued {
                key: KeyNumber::try_from(key).unwrap(),
                digest: CodeDigest(digest),
                since: UnixTime(since),
                until: UnixTime(until),
            });
        let channel = prop_oneof![Just(Channel::Email), Just(Channel::Sms), Just(Channel::Rescue)];
        let code = (channel, any::<(u32, u32, bool, bool)>(), issued.clone()).prop_map(
            |(channel, (device, wrong, used, failed), issued)| SentCode {
                channel,
                device: DeviceId(device),
                issued,
                wrong,
                used,
                failed,
            },
        );
        let outside = (
            proptest::collection::vec(code, 0..=SENT_MAX),
            proptest::collection::vec(1u64.., 0..=MESSAGES_MAX),
            proptest::option::of(issued.clone()),
            any::<u64>(),
            proptest::collection::vec(issued, 0..=REMEMBERED_MAX),
        );
        (any::<u32>(), any::<(u32, u64)>(), any::<u64>(), any::<(u32, u32, u32)>(), devices, outside).prop_map(
            |(uid, (count, last), success, recovery, devices, (sent, messages, bypass, rescue_asked, remembered))| {
                State {
                    uid,
                    failures: Failures { count, last: UnixTime(last) },
                    last_success: UnixTime(success),
                    recovery_generation: recovery.0,
                    recovery_used: recovery.1,
                    recovery_announced: recovery.2,
                    devices,
                    sent,
                    messages: messages.into_iter().map(UnixTime).collect(),
                    bypass,
                    rescue_asked: UnixTime(rescue_asked),
                    remembered,
                }
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
        let mut record = encode(&State::of_nobody(), 1);
        record[7] = b'2';
        let checksum: [u8; 32] = Sha256::digest(&record[..CHECKSUM_AT]).into();
        record[CHECKSUM_AT..].copy_from_slice(&checksum);
        assert_eq!(decode(&record), Err(RecordError::Version));
    }
}
