//! The file of a state: two slots of one record each, in different blocks of the disk, changed under a lock.
//!
//! A change goes to the slot that does not hold the latest record, is synced, and only then counts; after that it is
//! copied to the other slot, unsynced. So a write that is cut short leaves the record before it, a full disk has
//! nothing to allocate, and a slot that goes bad later takes nothing with it.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::State;
use super::record::{RECORD_BYTES, RecordError, decode, encode};
use crate::sys::{Directory, FileError, Locked, Problem, file_size_limit};

/// An open state, locked until it is dropped.
pub struct StateFile {
    locked: Locked,
    path: PathBuf,
    /// The latest record.
    pub state: State,
    sequence: u64,
    slot: Slot,
    /// What was found broken while opening, though the state could be read.
    pub damage: Option<Damage>,
}

/// Which of the two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    First,
    Second,
}

impl StateFile {
    /// Opens and locks the state of that name; `None` if there is no such file.
    ///
    /// # Errors
    /// It is not to be trusted, held by somebody for too long, or has no readable record.
    pub fn open(directory: &Directory, name: &str) -> Result<Option<Self>, StateError> {
        // Whoever starts a su of their own sets its limits. A judgement that cannot be written is not made.
        let (needed, limit) = (FILE_BYTES as u64, file_size_limit());
        if limit < needed {
            return Err(FileError::new(&directory.path().join(name), Problem::Limited { needed, limit }).into());
        }
        for _ in 0..REOPENINGS_MAX {
            let file = match directory.file_to_change(name) {
                Ok(Some(file)) => file,
                Ok(None) => return Ok(None),
                Err(FileError { problem: Problem::Gone, .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            let path = directory.path().join(name);
            let locked = Locked::exclusive(file.into_file(), &path)?;
            let status = locked.file().metadata().map_err(|e| FileError::io(&path, "examine", e))?;
            // Somebody may have put another file in its place while we waited.
            if status.nlink() > 0 {
                return Self::read(locked, path, status.size()).map(Some);
            }
        }
        Err(FileError::new(&directory.path().join(name), Problem::Gone).into())
    }

    fn read(locked: Locked, path: PathBuf, size: u64) -> Result<Self, StateError> {
        if size == 0 {
            return Err(FileError::new(&path, Problem::Empty).into());
        }
        if size > FILE_BYTES as u64 {
            return Err(FileError::new(&path, Problem::TooLarge { max_bytes: FILE_BYTES as u64 }).into());
        }
        let read = |slot| read_record(locked.file(), slot).map_err(|e| FileError::io(&path, "read", e));
        let (first, second) = (decode(&read(Slot::First)?), decode(&read(Slot::Second)?));
        let (slot, (sequence, state), damage) = match (first, second) {
            (Ok(first), Ok(second)) if first.0 > second.0 => (Slot::First, first, None),
            (Ok(first), Ok(second)) if first.0 < second.0 => (Slot::Second, second, None),
            // Copies of each other: which one is overwritten next does not matter.
            (Ok(first), Ok(_)) => (Slot::First, first, None),
            (Ok(first), Err(error)) => (Slot::First, first, Some((Slot::Second, error))),
            (Err(error), Ok(second)) => (Slot::Second, second, Some((Slot::First, error))),
            (Err(first), Err(second)) => return Err(StateError::Damaged { path, first, second }),
        };
        let damage = damage.map(|(slot, error)| Damage { path: path.clone(), slot: slot.number(), error });
        Ok(Self { locked, path, state, sequence, slot, damage })
    }

    /// Makes the changed state durable. Nothing may be granted before this has returned.
    ///
    /// # Errors
    /// The record could not be written or synced; the one before it still holds.
    pub fn save(&mut self) -> Result<(), StateError> {
        let sequence = self.sequence.saturating_add(1);
        let record = encode(&self.state, sequence);
        let (file, target) = (self.locked.file(), self.slot.other());
        file.write_all_at(&record, target.offset()).map_err(|e| FileError::io(&self.path, "write", e))?;
        file.sync_data().map_err(|e| FileError::io(&self.path, "sync", e))?;
        // The copy need not succeed: what counts is on the disk.
        let _ = file.write_all_at(&record, self.slot.offset());
        (self.sequence, self.slot) = (sequence, target);
        Ok(())
    }

    /// The content of a new file, both slots written out so that no later change allocates anything.
    #[must_use]
    pub fn initial_content(state: &State) -> Vec<u8> {
        let record = encode(state, 1);
        let mut content = vec![0; FILE_BYTES];
        for slot in [Slot::First, Slot::Second] {
            let at = usize::try_from(slot.offset()).unwrap_or(0);
            for (to, from) in content.iter_mut().skip(at).zip(record) {
                *to = from;
            }
        }
        content
    }
}

impl Slot {
    fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    fn offset(self) -> u64 {
        match self {
            Self::First => 0,
            Self::Second => SLOT_BYTES as u64,
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }
}

/// As much of a record as the file has.
fn read_record(file: &File, slot: Slot) -> std::io::Result<Vec<u8>> {
    let mut record = vec![0; RECORD_BYTES];
    let mut filled = 0;
    while let Some(rest) = record.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, slot.offset() + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    record.truncate(filled);
    Ok(record)
}

/// One of the two records is broken; the other one was used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: record {slot} is damaged: {error}; the other one was used", path.display())]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// 1 or 2.
    pub slot: u8,
    /// What is wrong with it.
    pub error: RecordError,
}

/// A state cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum StateError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: both records are damaged: {first}; {second}", path.display())]
    Damaged { path: PathBuf, first: RecordError, second: RecordError },
}

impl StateError {
    /// The file that cannot be used.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::File(error) => &error.path,
            Self::Damaged { path, .. } => path,
        }
    }
}

/// The blocks of most disks: a write that tears one slot cannot reach the other.
const SLOT_BYTES: usize = 4096;
/// The length of a state file, for ever.
pub const FILE_BYTES: usize = 2 * SLOT_BYTES;
/// How often a file may vanish between opening and locking before it is given up.
const REOPENINGS_MAX: u32 = 8;
