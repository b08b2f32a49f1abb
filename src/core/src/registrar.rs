//! What somebody with authority changes: enrolments, recovery codes, locks, keys. Every change holds the lock of the
//! users directory, so that two administrators at once change one thing after the other.

use std::path::Path;

use zeroize::Zeroizing;

use crate::account::{Account, UserName};
use crate::clock::UnixTime;
use crate::enrolment::{DEVICES_MAX, Device, Enrolment, RecoverySheet, purpose_of_device, purpose_of_recovery};
use crate::factor::recovery::{CODES_PER_ISSUE, RecoveryCode};
use crate::factor::totp::{Parameters, Step};
use crate::factor::{Label, Method};
use crate::keyring::{Binding, KeyNumber, Keyring, KeyringError, SealError};
use crate::secret::Secret;
use crate::state::{State, StateFile};
use crate::store::{ENROLMENT_SUFFIX, Files, StoreError, enrolment_name};
use crate::sys::{Directory, Entropy, EntropyError, FileError, split};
use crate::throttle::Failures;

/// Changes the records.
pub struct Registrar<'w> {
    files: &'w Files,
    entropy: &'w dyn Entropy,
    now: UnixTime,
}

/// A device that somebody wants to add.
pub struct NewDevice {
    /// What its owner calls it.
    pub label: Label,
    /// What the app was told.
    pub parameters: Parameters,
    /// The secret that the app was given.
    pub secret: Secret,
    /// The step of the code that proved it; it cannot be used again.
    pub proved: Option<Step>,
    /// Whether it takes the place of the device with the same label.
    pub replace: bool,
}

/// Recovery codes in the only moment in which they are known.
pub type RecoveryCodes = Vec<Zeroizing<String>>;

/// What there is to say about one user.
pub struct Standing {
    /// The methods, secrets sealed.
    pub enrolment: Enrolment,
    /// The state; `None` if it is missing and will be rebuilt at the next login.
    pub state: Option<State>,
}

impl<'w> Registrar<'w> {
    /// A registrar who acts at `now`.
    #[must_use]
    pub fn new(files: &'w Files, entropy: &'w dyn Entropy, now: UnixTime) -> Self {
        Self { files, entropy, now }
    }

    /// Draws a secret of the right length for a new device.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn draw_secret(&self, parameters: Parameters) -> Result<Secret, EntropyError> {
        let mut bytes = vec![0; parameters.algorithm.secret_bytes()];
        self.entropy.fill(&mut bytes)?;
        Ok(Secret::new(bytes))
    }

    /// Adds a device; the first one comes with recovery codes if `with_recovery`. Nothing changes on failure.
    ///
    /// # Errors
    /// The label is taken, there is no room, or the records cannot be written.
    pub fn enrol(
        &self,
        account: &Account,
        device: NewDevice,
        with_recovery: bool,
    ) -> Result<RecoveryCodes, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let before = self.files.enrolment(&users, account)?;
        let mut enrolment = before.clone().unwrap_or_else(|| Enrolment::empty(account.clone()));
        let keyring = self.keyring_or_new()?;
        let NewDevice { label, parameters, secret, proved, replace } = device;
        match enrolment.device(&label).map(|device| device.id) {
            Some(_) if !replace => return Err(RegistrarError::LabelTaken { label }),
            Some(id) => enrolment.devices.retain(|device| device.id != id),
            None => {}
        }
        if enrolment.devices.len() >= DEVICES_MAX {
            return Err(RegistrarError::NoRoom);
        }
        let id = before.as_ref().unwrap_or(&enrolment).next_id();
        let binding = Binding { account, purpose: &purpose_of_device(id) };
        let sealed = keyring.seal(&secret, &binding, self.entropy)?;
        enrolment.devices.push(Device { id, label, parameters, sealed, created: self.now });
        let codes = match enrolment.recovery {
            None if with_recovery => self.issue(&mut enrolment, &keyring, account)?,
            _ => RecoveryCodes::new(),
        };
        self.save(&users, &enrolment)?;
        let recorded = self.change_state(&enrolment, |state| {
            state.renew(id);
            if let Some(step) = proved {
                state.burn(id, step);
            }
        });
        if let Err(error) = recorded {
            // Without a state of its own the device would be taken for one that was used elsewhere.
            match &before {
                Some(before) => self.save(&users, before)?,
                None => users.remove(&enrolment_name(account))?,
            }
            return Err(error);
        }
        Ok(codes)
    }

    /// Issues new recovery codes; the old ones are void from then on.
    ///
    /// # Errors
    /// The user is not enrolled, or the records cannot be written.
    pub fn issue_recovery(&self, account: &Account) -> Result<RecoveryCodes, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let mut enrolment = self.files.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let keyring = self.files.keyring()?;
        let codes = self.issue(&mut enrolment, &keyring, account)?;
        self.save(&users, &enrolment)?;
        self.change_state(&enrolment, |_| ())?;
        Ok(codes)
    }

    /// Takes failures back, also those that locked the account, and makes a state that cannot be read anew.
    /// Answers how many failures there were; `None` if the state was made anew.
    ///
    /// # Errors
    /// The user is not enrolled, or the records cannot be written.
    pub fn unlock(&self, account: &Account) -> Result<Option<u32>, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let enrolment = self.files.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let states = self.files.states()?;
        let name = account.name.file_stem();
        match StateFile::open(&states, &name) {
            Ok(Some(mut opened)) if opened.state.uid == account.uid => {
                let count = opened.state.failures.count;
                opened.state.failures = Failures::default();
                opened.save().map_err(StoreError::from)?;
                Ok(Some(count))
            }
            _ => {
                let rebuilt = State::rebuilt(&enrolment, self.now, self.files.window());
                let _making = states.lock()?;
                states.replace(&name, &StateFile::initial_content(&rebuilt))?;
                Ok(None)
            }
        }
    }

    /// Removes one device, one method, or (with neither) the whole enrolment. What is left without any device goes
    /// as a whole. Answers whether anything of the enrolment is left.
    ///
    /// # Errors
    /// There is nothing of that kind, or the records cannot be written.
    pub fn remove(
        &self,
        account: &Account,
        method: Option<Method>,
        label: Option<&Label>,
    ) -> Result<bool, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let name = enrolment_name(account);
        if method.is_none() && label.is_none() {
            // Also what cannot be read any more can be removed.
            let there = users.names()?.contains(&name) || self.has_state(account)?;
            return if there {
                self.remove_all(&users, account).map(|()| false)
            } else {
                Err(RegistrarError::NotEnrolled)
            };
        }
        let mut enrolment = self.files.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let before = (enrolment.devices.len(), enrolment.recovery.is_some());
        match (method, label) {
            (Some(Method::Recovery), None) => enrolment.recovery = None,
            (Some(Method::Totp), None) => enrolment.devices.clear(),
            (Some(Method::Totp) | None, Some(label)) => enrolment.devices.retain(|device| device.label != *label),
            (Some(Method::Recovery), Some(_)) | (None, None) => {}
        }
        if before == (enrolment.devices.len(), enrolment.recovery.is_some()) {
            return Err(RegistrarError::NoSuchMethod);
        }
        if enrolment.devices.is_empty() {
            return self.remove_all(&users, account).map(|()| false);
        }
        self.save(&users, &enrolment)?;
        self.change_state(&enrolment, |_| ())?;
        Ok(true)
    }

    /// What there is to say about a user; `None` if they are not enrolled.
    ///
    /// # Errors
    /// The records cannot be read.
    pub fn standing(&self, account: &Account) -> Result<Option<Standing>, RegistrarError> {
        let Some(enrolment) = self.files.enrolment(&self.files.users()?, account)? else { return Ok(None) };
        let opened = StateFile::open(&self.files.states()?, &account.name.file_stem()).map_err(StoreError::from)?;
        let mut state = opened.map(|opened| opened.state.clone());
        if let Some(state) = &mut state {
            state.follow(&enrolment, self.now, self.files.window());
        }
        Ok(Some(Standing { enrolment, state }))
    }

    /// Whether the secrets of an enrolment open, which is what a login needs.
    ///
    /// # Errors
    /// The keyring cannot be read or a secret does not open.
    pub fn check(&self, enrolment: &Enrolment) -> Result<(), RegistrarError> {
        let path = self.files.roots().records.join("users").join(enrolment_name(&enrolment.account));
        enrolment.open(&self.files.keyring()?).map(drop).map_err(|source| StoreError::Enrolment { path, source }.into())
    }

    /// The names of all who are enrolled, sorted.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn enrolled(&self) -> Result<Vec<UserName>, RegistrarError> {
        let names = self.files.users()?.names()?;
        let stems = names.iter().filter_map(|name| name.strip_suffix(ENROLMENT_SUFFIX));
        Ok(stems.filter_map(UserName::from_file_stem).collect())
    }

    /// The keys that one enrolment is sealed under; none if it has gone meanwhile. Read without the account, which
    /// may be gone while its secrets are not.
    ///
    /// # Errors
    /// The enrolment cannot be read.
    pub fn keys_of(&self, name: &UserName) -> Result<Vec<KeyNumber>, RegistrarError> {
        Ok(self.files.keys_of(&self.files.users()?, name)?)
    }

    /// Adds a key, which seals from now on.
    ///
    /// # Errors
    /// The keyring cannot be read or written.
    pub fn add_key(&self) -> Result<KeyNumber, RegistrarError> {
        let _changing = self.files.users()?.lock()?;
        let mut keyring = self.files.keyring()?;
        let number = keyring.add(self.entropy, self.now)?;
        self.save_keyring(&keyring)?;
        Ok(number)
    }

    /// Seals one user's secrets under the newest key. Answers whether any was not.
    ///
    /// # Errors
    /// A secret does not open, or the records cannot be written.
    pub fn reseal(&self, account: &Account) -> Result<bool, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let keyring = self.files.keyring()?;
        let Some(mut enrolment) = self.files.enrolment(&users, account)? else { return Ok(false) };
        if enrolment.keys().all(|key| Some(key) == keyring.sealing_number()) {
            return Ok(false);
        }
        for (purpose, sealed) in enrolment.sealed_secrets_mut() {
            let binding = Binding { account, purpose: &purpose };
            let secret = keyring.open(sealed, &binding).map_err(|source| StoreError::Enrolment {
                path: users.path().join(enrolment_name(account)),
                source: crate::enrolment::EnrolmentError::Sealed { purpose: purpose.clone(), source },
            })?;
            *sealed = keyring.seal(&secret, &binding, self.entropy)?;
        }
        self.save(&users, &enrolment)?;
        Ok(true)
    }

    /// Drops the keys that nothing is sealed under any more, given those that are.
    ///
    /// # Errors
    /// The keyring cannot be read or written.
    pub fn retire_keys(
        &self,
        in_use: impl Fn(&Registrar<'w>) -> Result<Vec<KeyNumber>, RegistrarError>,
    ) -> Result<Vec<KeyNumber>, RegistrarError> {
        let _changing = self.files.users()?.lock()?;
        let in_use = in_use(self)?;
        let mut keyring = self.files.keyring()?;
        let unused: Vec<_> =
            keyring.numbers().map(|(number, _)| number).filter(|number| !in_use.contains(number)).collect();
        let unused: Vec<_> = unused.into_iter().filter(|number| Some(*number) != keyring.sealing_number()).collect();
        for number in &unused {
            keyring.retire(*number);
        }
        if !unused.is_empty() {
            self.save_keyring(&keyring)?;
        }
        Ok(unused)
    }

    fn issue(
        &self,
        enrolment: &mut Enrolment,
        keyring: &Keyring,
        account: &Account,
    ) -> Result<RecoveryCodes, RegistrarError> {
        let seen = StateFile::open(&self.files.states()?, &account.name.file_stem());
        let seen = seen.ok().flatten().map_or(0, |opened| opened.state.recovery_generation());
        let last = enrolment.recovery.as_ref().map_or(0, |sheet| sheet.generation);
        let generation = last.max(seen).saturating_add(1);
        let mut key = vec![0; DIGEST_KEY_BYTES];
        self.entropy.fill(&mut key)?;
        let key = Secret::new(key);
        let binding = Binding { account, purpose: &purpose_of_recovery(generation) };
        let sealed = keyring.seal(&key, &binding, self.entropy)?;
        let codes = (0..CODES_PER_ISSUE).map(|_| RecoveryCode::draw(self.entropy)).collect::<Result<Vec<_>, _>>()?;
        let digests = codes.iter().map(|code| code.digest(&key)).collect();
        enrolment.recovery = Some(RecoverySheet { generation, sealed, digests, created: self.now });
        Ok(codes.iter().map(RecoveryCode::grouped).collect())
    }

    fn change_state(&self, enrolment: &Enrolment, change: impl FnOnce(&mut State)) -> Result<(), RegistrarError> {
        let fresh = || Ok(Some(State::fresh(enrolment)));
        let opened = self.files.state(&self.files.states()?, &enrolment.account, fresh)?;
        let (mut opened, _) = opened.ok_or(RegistrarError::NotEnrolled)?;
        opened.state.follow(enrolment, self.now, self.files.window());
        change(&mut opened.state);
        opened.save().map_err(StoreError::from)?;
        Ok(())
    }

    fn has_state(&self, account: &Account) -> Result<bool, RegistrarError> {
        Ok(self.files.states()?.names()?.contains(&account.name.file_stem()))
    }

    /// The state first: somebody who is half removed is still enrolled, instead of looking as if their enrolment had
    /// been lost.
    fn remove_all(&self, users: &Directory, account: &Account) -> Result<(), RegistrarError> {
        let states = self.files.states()?;
        let name = account.name.file_stem();
        // No login makes a new state meanwhile, and one that is being judged finishes first. A state that cannot be
        // opened must not keep its user for ever.
        let _making = states.lock()?;
        let _judging = StateFile::open(&states, &name);
        states.remove(&name)?;
        states.sync()?;
        users.remove(&enrolment_name(account))?;
        users.sync()?;
        Ok(())
    }

    fn save(&self, users: &Directory, enrolment: &Enrolment) -> Result<(), RegistrarError> {
        Ok(users.replace(&enrolment_name(&enrolment.account), enrolment.render().as_bytes())?)
    }

    /// The keyring, made now if there is none yet and nothing is sealed.
    fn keyring_or_new(&self) -> Result<Keyring, RegistrarError> {
        match self.files.keyring() {
            Err(KeyringError::Missing { path }) => {
                if !self.enrolled()?.is_empty() {
                    return Err(RegistrarError::KeyringLost { path });
                }
                let keyring = Keyring::create(self.entropy, self.now)?;
                self.save_keyring(&keyring)?;
                Ok(keyring)
            }
            other => Ok(other?),
        }
    }

    fn save_keyring(&self, keyring: &Keyring) -> Result<(), RegistrarError> {
        let (parent, name) = split(&self.files.roots().keyring)?;
        Ok(Directory::open(parent)?.replace(name, keyring.render().as_bytes())?)
    }
}

/// A change was not made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum RegistrarError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("not enrolled")]
    NotEnrolled,
    #[error("there is already a device called {:?}", label.as_str())]
    LabelTaken { label: Label },
    #[error("there are already {DEVICES_MAX} devices")]
    NoRoom,
    #[error("there is no such method or device")]
    NoSuchMethod,
    #[error("{}: is missing, though there are enrolments sealed under its keys", path.display())]
    KeyringLost { path: std::path::PathBuf },
}

impl From<FileError> for RegistrarError {
    fn from(error: FileError) -> Self {
        Self::Store(error.into())
    }
}

impl From<KeyringError> for RegistrarError {
    fn from(error: KeyringError) -> Self {
        Self::Store(error.into())
    }
}

impl RegistrarError {
    /// The file that stands in the way, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Store(StoreError::File(error)) => Some(&error.path),
            Self::Store(StoreError::State(error)) => Some(error.path()),
            Self::Store(StoreError::Enrolment { path, .. } | StoreError::EnrolmentLost { path }) => Some(path),
            Self::KeyringLost { path } => Some(path),
            _ => None,
        }
    }
}

/// As long as the digest (RFC 2104 section 3).
const DIGEST_KEY_BYTES: usize = 32;
