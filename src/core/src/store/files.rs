//! The records as files: one enrolment and one state for each user.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Findings, Judge, Pace, Record, Regard, Store, StoreError, enrolment_name, invitation_name, pace};
use crate::account::{Account, UserName};
use crate::clock::{Clock, ClockError, UnixTime};
use crate::enrolment::{self, ENROLMENT_MAX_BYTES, Enrolment, EnrolmentError, Factors};
use crate::factor::sent::digest;
use crate::factor::totp::Window;
use crate::keyring::{KeyNumber, Keyring, KeyringError, OpenError};
use crate::state::{Channel, INVITE_PURPOSE, Opened, State, StateFile};
use crate::sys::{Directory, FileError, PATIENCE, Problem};

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// The keyring file.
    pub keyring: PathBuf,
    /// The directory that holds `users` and `state`.
    pub records: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { keyring: PathBuf::from("/etc/twofactor/keyring.toml"), records: PathBuf::from("/var/lib/twofactor") }
    }
}

/// The records as files, one enrolment and one state for each user.
pub struct Files<'w> {
    roots: Roots,
    window: Window,
    clock: &'w dyn Clock,
}

impl<'w> Files<'w> {
    /// Nothing is opened before it is needed. `window` says which steps count as used when a state is rebuilt.
    #[must_use]
    pub fn new(roots: Roots, window: Window, clock: &'w dyn Clock) -> Self {
        Self { roots, window, clock }
    }

    /// What time it is.
    ///
    /// # Errors
    /// As [`Clock::now`].
    pub fn now(&self) -> Result<UnixTime, ClockError> {
        self.clock.now()
    }

    /// Where they are.
    #[must_use]
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The keyring, as it is now.
    ///
    /// # Errors
    /// As [`Keyring::load`].
    pub fn keyring(&self) -> Result<Keyring, KeyringError> {
        Keyring::load(&self.roots.keyring)
    }

    /// The directory of enrolments.
    ///
    /// # Errors
    /// It is missing or not to be trusted.
    pub fn users(&self) -> Result<Directory, FileError> {
        Directory::open(&self.roots.records)?.subdirectory("users")
    }

    /// The directory of states.
    ///
    /// # Errors
    /// It is missing or not to be trusted.
    pub fn states(&self) -> Result<Directory, FileError> {
        Directory::open(&self.roots.records)?.subdirectory("state")
    }

    /// The enrolment of a user; `None` if the directory, which can be read and trusted, has none.
    ///
    /// # Errors
    /// The file is there but cannot be used.
    pub fn enrolment(&self, users: &Directory, account: &Account) -> Result<Option<Enrolment>, StoreError> {
        let name = enrolment_name(&account.name);
        let Some(file) = users.file(&name)? else { return Ok(None) };
        let bytes = Zeroizing::new(file.read(ENROLMENT_MAX_BYTES)?);
        let failed = |source| StoreError::Enrolment { path: users.path().join(&name), source };
        Enrolment::parse(&bytes, account).map(Some).map_err(failed)
    }

    /// The keys that an enrolment is sealed under, whoever it says it belongs to; none if there is no such enrolment.
    ///
    /// # Errors
    /// The file is there but cannot be used.
    pub fn keys_of(&self, users: &Directory, name: &UserName) -> Result<Vec<KeyNumber>, StoreError> {
        let file_name = enrolment_name(name);
        let Some(file) = users.file(&file_name)? else { return Ok(Vec::new()) };
        let bytes = Zeroizing::new(file.read(ENROLMENT_MAX_BYTES)?);
        let failed = |source| StoreError::Enrolment { path: users.path().join(&file_name), source };
        enrolment::keys_of(&bytes).map_err(failed)
    }

    /// Opens the state of a user. If it is missing, the one that `missing` gives is made, and `None` means that it
    /// gives none. One that is held too long is taken over.
    ///
    /// # Errors
    /// The state is there but cannot be used, belongs to another uid, or cannot be made.
    pub fn state(
        &self,
        states: &Directory,
        account: &Account,
        missing: impl Fn() -> Result<Option<State>, StoreError>,
    ) -> Result<Option<(StateFile, Findings)>, StoreError> {
        let name = account.name.file_stem();
        let mut findings = Findings::default();
        for _ in 0..OPENINGS_MAX {
            let opened = match StateFile::open(states, &name, PATIENCE)? {
                Opened::Locked(opened) => *opened,
                Opened::Missing => match make(states, &name, &missing)? {
                    Some(made) => {
                        if made {
                            findings.rebuilt = Some(states.path().join(&name));
                        }
                        continue;
                    }
                    None => return Ok(None),
                },
                Opened::Held(held) => {
                    let _taking = states.lock()?;
                    match StateFile::open(states, &name, Duration::ZERO)? {
                        Opened::Locked(opened) => *opened,
                        Opened::Held(still) if still == held => {
                            findings.taken_over = Some(states.path().join(&name));
                            StateFile::take_over(states, &name)?
                        }
                        // Somebody else was faster, and is judging now.
                        Opened::Held(_) | Opened::Missing => continue,
                    }
                }
            };
            if opened.state.uid != account.uid {
                let path = states.path().join(&name);
                return Err(StoreError::StrangeState { path, uid: opened.state.uid });
            }
            findings.damage.clone_from(&opened.damage);
            return Ok(Some((opened, findings)));
        }
        Err(FileError::new(&states.path().join(&name), Problem::Held).into())
    }

    /// What the state follows when the enrolment has changed.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }
}

impl Store for Files<'_> {
    fn look(&self, account: &Account, regard: Regard<'_>) -> Result<Option<Findings>, StoreError> {
        let records = Directory::open(&self.roots.records)?;
        let (users, states) = (records.subdirectory("users")?, records.subdirectory("state")?);
        let Some(state) = StateFile::peek(&states, &account.name.file_stem())? else {
            // It has to be made if there is an enrolment, and that needs the lock.
            return self.visit(account, &mut |now, factors, state| {
                regard(now, factors, state);
                Record::Unchanged
            });
        };
        if state.uid != account.uid {
            let path = states.path().join(account.name.file_stem());
            return Err(StoreError::StrangeState { path, uid: state.uid });
        }
        // A state that outlived its enrolment: the users directory is not the one that it was.
        let (_, factors) = self.factors(&users, account)?.ok_or_else(|| StoreError::lost(&users, account))?;
        regard(self.now()?, &factors, &state);
        Ok(Some(Findings::default()))
    }

    fn visit(&self, account: &Account, judge: Judge<'_>) -> Result<Option<Findings>, StoreError> {
        let records = Directory::open(&self.roots.records)?;
        let (users, states) = (records.subdirectory("users")?, records.subdirectory("state")?);
        let rebuilt = || {
            let enrolment = self.enrolment(&users, account)?;
            let now = self.now()?;
            Ok(enrolment.map(|enrolment| State::rebuilt(&enrolment, now, self.window)))
        };
        let Some((mut opened, findings)) = self.state(&states, account, rebuilt)? else { return Ok(None) };
        let factors = self.factors(&users, account)?;
        let (enrolment, factors) = factors.ok_or_else(|| StoreError::lost(&users, account))?;
        let now = self.now()?;
        opened.state.follow(&enrolment, now, self.window);
        if judge(now, &factors, &mut opened.state) == Record::Changed {
            opened.save()?;
        }
        Ok(Some(findings))
    }

    fn now(&self) -> Result<UnixTime, ClockError> {
        self.clock.now()
    }

    fn needs_ticket(&self, account: &Account) -> Result<bool, StoreError> {
        Ok(self.states()?.contains(&invitation_name(&account.name))?)
    }

    fn is_invited(&self, account: &Account, ticket: &[u8]) -> Result<bool, StoreError> {
        let Some(record) = StateFile::peek(&self.states()?, &invitation_name(&account.name))? else {
            return Ok(false);
        };
        let keys = self.keyring()?.digest_keys(account);
        let (now, is_theirs) = (self.clock.now()?, record.uid == account.uid);
        let issued = record.bypass.filter(|issued| is_theirs && issued.is_good(now));
        Ok(issued.is_some_and(|issued| issued.matches(&keys, INVITE_PURPOSE, ticket)))
    }

    fn rehearse(&self, record: Record) {
        let _ = self.rehearsal(record);
    }

    fn decoy(&self, name: &str) -> u32 {
        let nobody = UserName::new(NOBODY).map(|name| Account { name, uid: u32::MAX });
        let keys = nobody.ok().zip(self.keyring().ok()).map(|(nobody, keyring)| keyring.digest_keys(&nobody));
        let key = keys.as_ref().and_then(|keys| keys.first());
        key.map_or(0, |key| {
            let [first, second, third, fourth, ..] = digest(&key.secret, "decoy", name.as_bytes()).0;
            u32::from_le_bytes([first, second, third, fourth])
        })
    }

    fn pace(&self, channel: Channel, pick: u8) -> Pace {
        let recalled = self.states().and_then(|states| pace::recall(&states, channel, pick));
        recalled.unwrap_or(Pace::UNKNOWN)
    }

    fn keep_pace(&self, channel: Channel, taken: Pace) {
        let _ = self.states().and_then(|states| pace::keep(&states, channel, taken));
    }
}

impl Files<'_> {
    /// The enrolment of a user with its secrets opened; `None` if there is none.
    fn factors(&self, users: &Directory, account: &Account) -> Result<Option<(Enrolment, Factors)>, StoreError> {
        let mut attempts = 0;
        loop {
            let Some(enrolment) = self.enrolment(users, account)? else { return Ok(None) };
            match enrolment.open(&self.keyring()?) {
                Ok(factors) => return Ok(Some((enrolment, factors))),
                // Sealed anew, and the old key retired, between the two readings.
                Err(EnrolmentError::Sealed { source: OpenError::KeyGone { .. }, .. }) if attempts == 0 => attempts = 1,
                Err(source) => {
                    let path = users.path().join(enrolment_name(&account.name));
                    return Err(StoreError::Enrolment { path, source });
                }
            }
        }
    }

    /// The reads and the durable write that somebody who is enrolled would cost, on a state that belongs to nobody.
    fn rehearsal(&self, record: Record) -> Result<(), StoreError> {
        let records = Directory::open(&self.roots.records)?;
        let (users, states) = (records.subdirectory("users")?, records.subdirectory("state")?);
        let _ = users.file(NOBODY)?;
        let _ = self.keyring()?;
        if record == Record::Unchanged {
            StateFile::peek(&states, NOBODY)?;
            return Ok(());
        }
        if states.file(NOBODY)?.is_none() {
            let _making = states.lock()?;
            states.replace(NOBODY, &StateFile::initial_content(&State::of_nobody()))?;
        }
        // Without its lock, which somebody could hold: there is nothing in it to lose.
        StateFile::rehearse(&states, NOBODY)?;
        Ok(())
    }
}

/// Makes a missing state under the lock that keeps its user from being removed meanwhile, and says whether it still had
/// to be made. `None` if there is nothing to make, which is found without that lock: one that concerns everybody is not
/// taken for somebody who is not even enrolled.
fn make(
    states: &Directory,
    name: &str,
    missing: impl Fn() -> Result<Option<State>, StoreError>,
) -> Result<Option<bool>, StoreError> {
    if missing()?.is_none() {
        return Ok(None);
    }
    let _making = states.lock()?;
    let Some(state) = missing()? else { return Ok(None) };
    let absent = states.file(name)?.is_none();
    if absent {
        states.replace(name, &StateFile::initial_content(&state))?;
    }
    Ok(Some(absent))
}

/// No user's file begins with a dot.
const NOBODY: &str = ".nobody";
/// How often a state may be made or taken over by somebody else before it is given up.
const OPENINGS_MAX: u32 = 4;
