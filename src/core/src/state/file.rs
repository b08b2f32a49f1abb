//! The file of a state: two slots of one record each, in different blocks of the disk, changed under a lock.
//!
//! A change goes to the slot that does not hold the latest record, is synced, and only then counts; after that it is
//! copied to the other slot, unsynced. So a write that is cut short leaves the record before it, a full disk has
//! nothing to allocate, and a slot that goes bad later takes nothing with it.

use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// What came of opening a state.
pub enum Opened {
    /// There is no such file.
    Missing,
    /// It is open and locked.
    Locked(Box<StateFile>),
    /// Somebody does not let go of it, or has begun to take it over and not come to an end.
    Held(Identity),
}

/// Which file it was, whatever its name is by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
}

impl StateFile {
    /// Opens and locks the state of that name.
    ///
    /// # Errors
    /// It is not to be trusted or has no readable record.
    pub fn open(directory: &Directory, name: &str, patience: Duration) -> Result<Opened, StateError> {
        may_be_written(directory, name)?;
        let path = directory.path().join(name);
        for _ in 0..REOPENINGS_MAX {
            let Some(file) = directory.file_to_change(name)? else { return Ok(Opened::Missing) };
            let file = file.into_file();
            let identity = Identity::of(&file, &path)?;
            if is_sealed(&file, &path)? {
                return Ok(Opened::Held(identity));
            }
            let locked = match Locked::exclusive(file, &path, patience) {
                Ok(locked) => locked,
                Err(error) if matches!(error.problem(), Problem::Held) => return Ok(Opened::Held(identity)),
                Err(error) => return Err(error.into()),
            };
            // While we waited, somebody may have put another file in its place or begun to.
            if is_sealed(locked.file(), &path)? {
                return Ok(Opened::Held(identity));
            }
            if has_a_name(locked.file(), &path)? {
                let latest = Latest::read(locked.file(), &path)?;
                if latest.sequence == FIRST_SEQUENCE {
                    // Whoever made the file may have been killed before its name was durable.
                    directory.sync()?;
                }
                if !latest.settled {
                    // Whoever wrote the later record may have been killed before it was durable; the earlier one, which
                    // the next change overwrites, is all that is certain.
                    locked.file().sync_data().map_err(|e| FileError::io(&path, "sync", e))?;
                }
                return Ok(Opened::Locked(Box::new(Self::holding(locked, path, latest))));
            }
        }
        Err(FileError::new(&path, Problem::Gone).into())
    }

    /// Reads a state without locking it, to look and not to judge; `None` if there is no such file.
    ///
    /// # Errors
    /// It is not to be trusted or has no readable record.
    pub fn peek(directory: &Directory, name: &str) -> Result<Option<State>, StateError> {
        let Some(file) = directory.file(name)? else { return Ok(None) };
        let (file, path) = (file.into_file(), directory.path().join(name));
        let mut read = Latest::read(&file, &path);
        for _ in 1..PEEKS_MAX {
            // Two changes at the moment of reading look like two damaged records.
            if !matches!(read, Err(StateError::Damaged { .. })) {
                break;
            }
            read = Latest::read(&file, &path);
        }
        read.map(|latest| Some(latest.state))
    }

    /// Takes a state away from a holder who does not let go, perhaps because somebody has stopped them. Callers hold
    /// [`Directory::lock`].
    ///
    /// The file is sealed first, and then read. [`StateFile::save`] looks for the seal after its sync, so that what
    /// the holder has granted was durable before the seal and is read, and what comes later is granted to nobody. A
    /// copy takes the file's place. Whoever is stopped or fails in between leaves a sealed file, and the next one goes
    /// on from there.
    ///
    /// # Errors
    /// There is nothing to take over, or no room for the copy.
    pub fn take_over(directory: &Directory, name: &str) -> Result<Self, StateError> {
        may_be_written(directory, name)?;
        let path = directory.path().join(name);
        let held = directory.file_to_change(name)?.ok_or_else(|| FileError::new(&path, Problem::Gone))?.into_file();
        // The room first: a full disk must not leave a sealed file behind.
        let copy = directory.prepare(name, &Self::initial_content(&State::of_nobody()))?;
        held.write_all_at(&SEAL, SEAL_AT).map_err(|e| FileError::io(&path, "seal", e))?;
        let Latest { state, .. } = Latest::read(&held, &path)?;
        let written = copy.file().write_all_at(&Self::initial_content(&state), 0).and_then(|()| copy.file().sync_all());
        written.map_err(|e| FileError::io(&path, "copy", e))?;
        let locked = copy.publish()?;
        let latest = Latest::read(locked.file(), &path)?;
        Ok(Self::holding(locked, path, latest))
    }

    fn holding(locked: Locked, path: PathBuf, latest: Latest) -> Self {
        let Latest { state, sequence, slot, damage, .. } = latest;
        Self { locked, path, state, sequence, slot, damage }
    }

    /// Makes the changed state durable. Nothing may be granted before this has returned.
    ///
    /// # Errors
    /// The record could not be written or synced, or the file was taken away meanwhile. Then it is open whether the
    /// change or the record before it holds; neither brings a used code back.
    pub fn save(&mut self) -> Result<(), StateError> {
        let next = self.sequence.saturating_add(1);
        // Never over the only record that is certain to be on the disk; after damage a number is left out for that.
        let sequence = if Slot::of(next) == self.slot { next.saturating_add(1) } else { next };
        let record = encode(&self.state, sequence);
        let (file, target) = (self.locked.file(), self.slot.other());
        file.write_all_at(&record, target.offset()).map_err(|e| FileError::io(&self.path, "write", e))?;
        file.sync_data().map_err(|e| FileError::io(&self.path, "sync", e))?;
        if is_sealed(file, &self.path)? || !has_a_name(file, &self.path)? {
            return Err(FileError::new(&self.path, Problem::Gone).into());
        }
        // The copy need not succeed: what counts is on the disk.
        let _ = file.write_all_at(&record, self.slot.offset());
        (self.sequence, self.slot) = (sequence, target);
        Ok(())
    }

    /// Spends the time of reading and of one durable change, without a lock and without a change.
    ///
    /// # Errors
    /// It is not there, not to be trusted, or cannot be written.
    pub fn rehearse(directory: &Directory, name: &str) -> Result<(), StateError> {
        may_be_written(directory, name)?;
        let path = directory.path().join(name);
        let file = directory.file_to_change(name)?.ok_or_else(|| FileError::new(&path, Problem::Gone))?.into_file();
        let Latest { state, sequence, .. } = Latest::read(&file, &path)?;
        let record = encode(&state, sequence);
        file.write_all_at(&record, Slot::First.offset()).map_err(|e| FileError::io(&path, "write", e))?;
        file.sync_data().map_err(|e| FileError::io(&path, "sync", e))?;
        Ok(())
    }

    /// The content of a new file, both slots written out so that no later change allocates anything.
    #[must_use]
    pub fn initial_content(state: &State) -> Vec<u8> {
        let record = encode(state, FIRST_SEQUENCE);
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
    /// Where a record is synced; the other slot gets its copy.
    fn of(sequence: u64) -> Self {
        if sequence % 2 == 1 { Self::First } else { Self::Second }
    }

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

/// What a file holds.
struct Latest {
    state: State,
    sequence: u64,
    /// Which of the two is certain to be on the disk.
    slot: Slot,
    damage: Option<Damage>,
    /// Both records are the same.
    settled: bool,
}

impl Latest {
    fn read(file: &File, path: &Path) -> Result<Self, StateError> {
        let size = file.metadata().map_err(|e| FileError::io(path, "examine", e))?.size();
        if size == 0 {
            return Err(FileError::new(path, Problem::Empty).into());
        }
        if size > FILE_BYTES as u64 {
            return Err(FileError::new(path, Problem::TooLarge { max_bytes: FILE_BYTES as u64 }).into());
        }
        let read = |slot| read_record(file, slot).map_err(|e| FileError::io(path, "read", e));
        let (first, second) = (decode(&read(Slot::First)?), decode(&read(Slot::Second)?));
        let settled = matches!((&first, &second), (Ok(first), Ok(second)) if first.0 == second.0);
        let (slot, (sequence, state), damage) = match (first, second) {
            (Ok(first), Ok(second)) if first.0 < second.0 => (Slot::Second, second, None),
            (Ok(first), Ok(second)) if first.0 > second.0 => (Slot::First, first, None),
            // Copies of each other, of which one was synced.
            (Ok(first), Ok(_)) => (Slot::of(first.0), first, None),
            (Ok(first), Err(error)) => (Slot::First, first, Some((Slot::Second, error))),
            (Err(error), Ok(second)) => (Slot::Second, second, Some((Slot::First, error))),
            (Err(first), Err(second)) => return Err(StateError::Damaged { path: path.to_owned(), first, second }),
        };
        let damage = damage.map(|(slot, error)| Damage { path: path.to_owned(), slot: slot.number(), error });
        Ok(Self { state, sequence, slot, damage, settled })
    }
}

/// Whoever starts a su of their own sets its limits. A judgement that cannot be written is not made.
fn may_be_written(directory: &Directory, name: &str) -> Result<(), FileError> {
    let (needed, limit) = (FILE_BYTES as u64, file_size_limit());
    if limit >= needed {
        return Ok(());
    }
    Err(FileError::new(&directory.path().join(name), Problem::Limited { needed, limit }))
}

impl Identity {
    fn of(file: &File, path: &Path) -> Result<Self, FileError> {
        let status = file.metadata().map_err(|e| FileError::io(path, "examine", e))?;
        Ok(Self { device: status.dev(), inode: status.ino() })
    }
}

/// Whether an open file was not removed or replaced.
fn has_a_name(file: &File, path: &Path) -> Result<bool, FileError> {
    file.metadata().map(|status| status.nlink() > 0).map_err(|e| FileError::io(path, "examine", e))
}

/// Whether somebody has begun to take the file over.
fn is_sealed(file: &File, path: &Path) -> Result<bool, FileError> {
    let mut seal = [0; SEAL.len()];
    match file.read_exact_at(&mut seal, SEAL_AT) {
        Ok(()) => Ok(seal == SEAL),
        // A file that is cut short; its records say the rest.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(FileError::io(path, "read", error)),
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
            Self::File(error) => error.path(),
            Self::Damaged { path, .. } => path,
        }
    }
}

/// The blocks of most disks: a write that tears one slot cannot reach the other.
const SLOT_BYTES: usize = 4096;
/// The sequence number of a file that was made and not changed since.
const FIRST_SEQUENCE: u64 = 1;
/// Behind the first record, where no record comes.
const SEAL_AT: u64 = RECORD_BYTES as u64;
/// What a file is marked with that is being taken over.
const SEAL: [u8; 8] = *b"2FSEALED";
/// The length of a state file, for ever.
const FILE_BYTES: usize = 2 * SLOT_BYTES;
/// How often a file may be replaced between opening and locking before it is given up.
const REOPENINGS_MAX: u32 = 8;
/// How often a file is read anew that is being changed.
const PEEKS_MAX: u32 = 8;
