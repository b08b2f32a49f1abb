//! What somebody with authority changes: enrolments, recovery codes, locks, keys. Every change holds the lock of the
//! users directory, so that two administrators at once change one thing after the other.

mod admission;
mod bypass;
mod export;
mod import;
mod intake;
mod invitation;
mod keys;
mod language;
mod recovery;
mod removal;
mod resync;
mod showing;

pub use admission::Prepared;
pub use bypass::BypassCode;
pub use export::Exported;
pub use import::{Arrival, Imported, Scope};
pub use intake::Intake;
pub use invitation::Invitation;
pub use recovery::{FirstCodes, RecoveryCodes, ScratchCodes};
pub use removal::Part;
pub use resync::{Found, device_to_find};
pub use showing::Shown;

use std::path::PathBuf;

use twofactor_message::{EmailAddress, Language, PhoneNumber};

use crate::account::{Account, UserName};
use crate::clock::{ClockError, UnixTime};
use crate::enrolment::{DEVICES_MAX, Device, DeviceId, Enrolment, Kind, Otp, purpose_of_device};
use crate::factor::Label;
use crate::factor::totp::{Parameters, Step};
use crate::keyring::{Binding, Keyring, KeyringError, OpenError, SealError};
use crate::secret::Secret;
use crate::state::{State, StateError, StateFile};
use crate::store::{ENROLMENT_SUFFIX, Files, StoreError, enrolment_name, invitation_name};
use crate::sys::{Directory, Entropy, EntropyError, FileError, Problem};
use crate::throttle::Failures;

/// Changes the records.
pub struct Registrar<'w> {
    files: &'w Files<'w>,
    entropy: &'w dyn Entropy,
}

/// A device that somebody wants to add.
pub struct NewDevice {
    /// What its owner calls it.
    pub label: Label,
    /// What it is.
    pub kind: NewKind,
    /// Whether it takes the place of the device with the same label.
    pub replace: bool,
    /// Whether a login begins with it from now on.
    pub primary: bool,
    /// What its owner is spoken to in from now on, if that is to change.
    pub language: Option<Language>,
}

/// What a new device is.
pub enum NewKind {
    /// An authenticator app, or a token.
    Otp {
        /// What it was told.
        parameters: Parameters,
        /// The secret that it was given.
        secret: Secret,
        /// The step of the code that proved it, or the last one that was used elsewhere; it cannot be used again.
        proved: Option<Step>,
    },
    /// A mailbox.
    Email(EmailAddress),
    /// A telephone.
    Sms(PhoneNumber),
}

/// An enrolment that is not saved yet.
struct Draft {
    enrolment: Enrolment,
    /// The devices that are new and have steps to burn, each with the step that proved it.
    steps: Vec<(DeviceId, Option<Step>)>,
    /// Those that are new.
    codes: RecoveryCodes,
}

/// What there is to say about one user.
pub struct Standing {
    /// The methods, secrets sealed.
    pub enrolment: Enrolment,
    /// The state; `None` if it is missing and will be rebuilt at the next login.
    pub state: Option<State>,
    /// When this was.
    pub now: UnixTime,
}

impl<'w> Registrar<'w> {
    /// A registrar of these records.
    #[must_use]
    pub fn new(files: &'w Files<'w>, entropy: &'w dyn Entropy) -> Self {
        Self { files, entropy }
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

    /// Adds a device; whoever has no recovery codes gets some if `with_recovery`. Nothing changes on failure.
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
        let before = self.enrolment(&users, account)?;
        self.add(&users, account, before, [device], FirstCodes::new_if(with_recovery))
    }

    /// Adds devices in one write. Callers hold the lock of the users directory.
    fn add(
        &self,
        users: &Directory,
        account: &Account,
        before: Option<Enrolment>,
        devices: impl IntoIterator<Item = NewDevice>,
        first_codes: FirstCodes,
    ) -> Result<RecoveryCodes, RegistrarError> {
        match before {
            None => {
                let draft = self.draft(Enrolment::empty(account.clone()), devices, first_codes)?;
                self.enrol_first(users, std::slice::from_ref(&draft))?;
                Ok(draft.codes)
            }
            Some(before) => {
                let draft = self.draft(before.clone(), devices, first_codes)?;
                self.enrol_further(users, &draft, &before)?;
                Ok(draft.codes)
            }
        }
    }

    /// Saves enrolments and states of people who had none, all or none of them: a login that finds the enrolment waits for
    /// the lock under which the state is made. Invitations have come to their end by that.
    fn enrol_first(&self, users: &Directory, drafts: &[Draft]) -> Result<(), RegistrarError> {
        let states = self.files.states()?;
        let _making = states.lock()?;
        let recorded = self.record_first(users, &states, drafts);
        if recorded.is_err() {
            // All that can be undone is; the error to tell of is the one that began it.
            for name in drafts.iter().map(|draft| &draft.enrolment.account.name) {
                let _ = states.remove(&name.file_stem());
                let _ = users.remove(&enrolment_name(name));
            }
            let _ = users.sync();
        }
        recorded
    }

    /// The enrolments are durable before a state is there: one without the other would look like an enrolment lost.
    fn record_first(&self, users: &Directory, states: &Directory, drafts: &[Draft]) -> Result<(), RegistrarError> {
        let (mut enrolments, mut contents) = (Vec::with_capacity(drafts.len()), Vec::with_capacity(drafts.len()));
        for Draft { enrolment, steps, .. } in drafts {
            let name = &enrolment.account.name;
            let mut state = State::fresh(enrolment);
            for (id, proved) in steps {
                if let Some(step) = proved {
                    state.burn(*id, *step);
                }
            }
            contents.push((name.file_stem(), StateFile::initial_content(&state)));
            let numbered = Enrolment { generation: self.draw_number()?, ..enrolment.clone() };
            enrolments.push((enrolment_name(name), numbered.render()));
        }
        users.replace_all(&enrolments)?;
        states.replace_all(&contents)?;
        for Draft { enrolment, .. } in drafts {
            self.change_state(enrolment, |_| ())?;
        }
        void_invitations(states, drafts.iter().map(|draft| &draft.enrolment.account.name))
    }

    /// Saves one more device of somebody who is enrolled.
    fn enrol_further(&self, users: &Directory, draft: &Draft, before: &Enrolment) -> Result<(), RegistrarError> {
        if let (Some(sheet), None) = (&draft.enrolment.recovery, &before.recovery) {
            self.change_state(before, |state| state.announce_recovery(sheet.generation))?;
        }
        self.save(users, &draft.enrolment, before)?;
        let recorded = self.change_state(&draft.enrolment, |state| {
            for (id, proved) in &draft.steps {
                state.introduce(*id, *proved);
            }
        });
        if recorded.is_err() {
            // Without its state the device would be taken for one that was used elsewhere.
            self.write(users, before)?;
        }
        recorded
    }

    /// An enrolment with more devices, and with these recovery codes if it has none.
    fn draft(
        &self,
        mut enrolment: Enrolment,
        devices: impl IntoIterator<Item = NewDevice>,
        first_codes: FirstCodes,
    ) -> Result<Draft, RegistrarError> {
        let keyring = self.keyring_or_new()?;
        let mut steps = Vec::new();
        for device in devices {
            steps.extend(self.add_to(&mut enrolment, device, &keyring)?);
        }
        let codes = match (&enrolment.recovery, first_codes) {
            (None, FirstCodes::New) => self.issue(&mut enrolment, &keyring)?,
            (None, FirstCodes::Scratch(codes)) => {
                let digits = codes.iter().map(|code| code.as_bytes());
                enrolment.recovery = Some(self.sheet(&enrolment.account, digits, &keyring)?);
                RecoveryCodes::new()
            }
            (Some(_), _) | (None, FirstCodes::None) => RecoveryCodes::new(),
        };
        Ok(Draft { enrolment, steps, codes })
    }

    /// Adds one device to an enrolment that is not saved yet, and says which it is if it has steps to burn.
    fn add_to(
        &self,
        enrolment: &mut Enrolment,
        device: NewDevice,
        keyring: &Keyring,
    ) -> Result<Option<(DeviceId, Option<Step>)>, RegistrarError> {
        let NewDevice { label, kind, replace, primary, language } = device;
        if enrolment.device(&label).is_some() && !replace {
            return Err(RegistrarError::LabelTaken { label });
        }
        let id = self.draw_id(enrolment)?;
        let place = enrolment.devices.iter().position(|device| device.label == label);
        let replaced = place.map(|at| enrolment.devices.remove(at).id);
        if primary || (replaced.is_some() && replaced == enrolment.primary) {
            enrolment.primary = Some(id);
        }
        enrolment.language = language.or(enrolment.language);
        if enrolment.devices.len() >= DEVICES_MAX {
            return Err(RegistrarError::NoRoom);
        }
        let (kind, steps) = match kind {
            NewKind::Otp { parameters, secret, proved } => {
                let binding =
                    Binding { account: &enrolment.account, purpose: &purpose_of_device(parameters.method(), id) };
                let sealed = keyring.seal(&secret, &binding, self.entropy)?;
                (Kind::Otp(Otp { parameters, sealed }), Some((id, proved)))
            }
            NewKind::Email(address) => (Kind::Email(address), None),
            NewKind::Sms(number) => (Kind::Sms(number), None),
        };
        // In the place of the one before it: logins go on to begin with what they began with.
        let device = Device { id, label, kind, created: self.files.now()? };
        enrolment.devices.insert(place.unwrap_or(enrolment.devices.len()), device);
        Ok(steps)
    }

    /// Takes failures back, also those that locked the account, forgets what successes are remembered, and makes a state
    /// that cannot be read anew.
    /// Answers how many failures there were; `None` if the state was made anew.
    ///
    /// # Errors
    /// The user is not enrolled, or the records cannot be written.
    pub fn unlock(&self, account: &Account) -> Result<Option<u32>, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let enrolment = self.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let states = self.files.states()?;
        match self.files.state(&states, account, || self.rebuilt(&enrolment).map(Some)) {
            Ok(Some((mut opened, findings))) => {
                let count = opened.state.failures.count;
                opened.state.failures = Failures::default();
                opened.state.forget();
                opened.save().map_err(StoreError::from)?;
                Ok(findings.rebuilt.is_none().then_some(count))
            }
            Err(error) if is_beyond_repair(&error) => {
                let _making = states.lock()?;
                states.replace(&account.name.file_stem(), &StateFile::initial_content(&self.rebuilt(&enrolment)?))?;
                Ok(None)
            }
            Ok(None) => Err(RegistrarError::NotEnrolled),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets the successes that would spare a user the next question, and says how many there were.
    ///
    /// # Errors
    /// The user is not enrolled, or the records cannot be written.
    pub fn forget(&self, account: &Account) -> Result<usize, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let enrolment = self.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        let mut count = 0;
        self.change_state(&enrolment, |state| count = state.forget())?;
        Ok(count)
    }

    /// What there is to say about a user; `None` if they are not enrolled.
    ///
    /// # Errors
    /// The records cannot be read, or a secret does not open.
    pub fn standing(&self, account: &Account) -> Result<Option<Standing>, RegistrarError> {
        let users = self.files.users()?;
        let Some(enrolment) = self.enrolment(&users, account)? else { return Ok(None) };
        enrolment.open(&self.files.keyring()?).map_err(|source| {
            let path = users.path().join(enrolment_name(&account.name));
            StoreError::Enrolment { path, source }
        })?;
        let now = self.files.now()?;
        let mut state = StateFile::peek(&self.files.states()?, &account.name.file_stem()).map_err(StoreError::from)?;
        if let Some(state) = &mut state {
            state.follow(&enrolment, now, self.files.window());
        }
        Ok(Some(Standing { enrolment, state, now }))
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

    /// The enrolment of a user; `None` if they are not enrolled, which somebody with a state is.
    fn enrolment(&self, users: &Directory, account: &Account) -> Result<Option<Enrolment>, RegistrarError> {
        let found = self.files.enrolment(users, account)?;
        if found.is_none() && self.files.states()?.contains(&account.name.file_stem())? {
            let path = users.path().join(enrolment_name(&account.name));
            return Err(StoreError::EnrolmentLost { path }.into());
        }
        Ok(found)
    }

    /// An id that no device of this user has, nor had: an old copy of the enrolment must not find the state of a new
    /// device under its number.
    fn draw_id(&self, enrolment: &Enrolment) -> Result<DeviceId, RegistrarError> {
        loop {
            let id = DeviceId(self.draw_number()?);
            if enrolment.devices.iter().all(|device| device.id != id) {
                return Ok(id);
            }
        }
    }

    /// A random number that is not 0.
    fn draw_number(&self) -> Result<u32, RegistrarError> {
        loop {
            let mut bytes = [0; 4];
            self.entropy.fill(&mut bytes)?;
            match u32::from_le_bytes(bytes) {
                0 => {}
                number => return Ok(number),
            }
        }
    }

    /// Finishes what a first setup that was killed has begun: makes the missing state, in which every code so far counts
    /// as used. Says whether there was anything to finish.
    ///
    /// # Errors
    /// The records cannot be read or written.
    pub fn finish(&self, account: &Account) -> Result<bool, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        match self.enrolment(&users, account)? {
            Some(enrolment) => self.finish_if_killed(&enrolment),
            None => Ok(false),
        }
    }

    /// The same of an enrolment that was read under the lock of the users directory.
    fn finish_if_killed(&self, enrolment: &Enrolment) -> Result<bool, RegistrarError> {
        if self.files.states()?.contains(&enrolment.account.name.file_stem())? {
            return Ok(false);
        }
        self.change_state(enrolment, |_| ())?;
        Ok(true)
    }

    /// Changes the state of somebody who is enrolled. One that is missing is rebuilt: what was used is not known.
    fn change_state(&self, enrolment: &Enrolment, change: impl FnOnce(&mut State)) -> Result<(), RegistrarError> {
        let rebuilt = || self.rebuilt(enrolment).map(Some);
        let opened = self.files.state(&self.files.states()?, &enrolment.account, rebuilt)?;
        let (mut opened, _) = opened.ok_or(RegistrarError::NotEnrolled)?;
        change(&mut opened.state);
        opened.state.follow(enrolment, self.files.now()?, self.files.window());
        opened.save().map_err(StoreError::from)?;
        Ok(())
    }

    /// The state of somebody whose own was lost, as of now.
    fn rebuilt(&self, enrolment: &Enrolment) -> Result<State, StoreError> {
        Ok(State::rebuilt(enrolment, self.files.now()?, self.files.window()))
    }

    /// Waits until no login is left that judges by an enrolment read before. One that was stopped has its state taken
    /// away. What cannot be locked cannot be judged by either.
    fn outlast_judges(&self, account: &Account) {
        if let Ok(states) = self.files.states() {
            drop(self.files.state(&states, account, || Ok(None)));
        }
    }

    /// Puts an enrolment in the place of the one before it, as a generation of its own: what was remembered of the one
    /// before it is so no more.
    fn save(&self, users: &Directory, enrolment: &Enrolment, before: &Enrolment) -> Result<(), RegistrarError> {
        let enrolment = &Enrolment { generation: self.draw_number()?, ..enrolment.clone() };
        self.put(users, enrolment, before)
    }

    /// Puts an enrolment in the place of the one before it. If that fails, the one before it is there again: the last
    /// step, the sync of the directory, may fail after the new one has taken its place.
    fn put(&self, users: &Directory, enrolment: &Enrolment, before: &Enrolment) -> Result<(), RegistrarError> {
        let Err(error) = self.write(users, enrolment) else { return Ok(()) };
        self.write(users, before)?;
        Err(error)
    }

    fn write(&self, users: &Directory, enrolment: &Enrolment) -> Result<(), RegistrarError> {
        users.replace(&enrolment_name(&enrolment.account.name), enrolment.render().as_bytes())?;
        Ok(())
    }

    /// The keyring, made now if there is none yet and nothing is sealed.
    fn keyring_or_new(&self) -> Result<Keyring, RegistrarError> {
        match self.files.keyring() {
            Err(KeyringError::Missing { path }) => {
                if !self.enrolled()?.is_empty() {
                    return Err(RegistrarError::KeyringLost { path });
                }
                let keyring = Keyring::create(self.entropy, self.files.now()?)?;
                self.save_keyring(&keyring)?;
                Ok(keyring)
            }
            other => Ok(other?),
        }
    }
}

/// Takes the invitations of these users away, if there are any. Callers hold the lock of the states directory.
fn void_invitations<'n>(
    states: &Directory,
    names: impl IntoIterator<Item = &'n UserName>,
) -> Result<(), RegistrarError> {
    let mut is_changed = false;
    for invitation in names.into_iter().map(invitation_name) {
        if states.contains(&invitation)? {
            states.remove(&invitation)?;
            is_changed = true;
        }
    }
    if is_changed {
        states.sync()?;
    }
    Ok(())
}

/// Whether no waiting and no other repair can make a state readable again.
fn is_beyond_repair(error: &StoreError) -> bool {
    match error {
        StoreError::StrangeState { .. } | StoreError::State(StateError::Damaged { .. }) => true,
        StoreError::State(StateError::File(error)) => {
            matches!(error.problem(), Problem::Empty | Problem::TooLarge { .. })
        }
        _ => false,
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
    #[error("already enrolled")]
    AlreadyEnrolled,
    #[error("they are enrolled with another device")]
    EnrolledOtherwise,
    #[error("they are invited to set up an app")]
    Invited,
    #[error("there is already a device called {:?}", label.as_str())]
    LabelTaken { label: Label },
    #[error("there are already {DEVICES_MAX} devices")]
    NoRoom,
    #[error("there is no such method or device")]
    NoSuchPart,
    #[error("there are several devices that make codes")]
    WhichDevice,
    #[error("these are not two unused codes in a row of that device")]
    NotFound,
    #[error("there is no such invitation")]
    NotInvited,
    #[error("the invitation is not good any more, or not yet")]
    InvitationOver,
    #[error("the prepared enrolment is not of this release")]
    NotPrepared,
    #[error("the prepared enrolment {0}")]
    PreparedSealed(#[from] OpenError),
    #[error("the enrolment was not prepared within the last {} minutes", admission::PREPARED_MINUTES)]
    PreparedOver,
    #[error("{}: is missing, though there are enrolments sealed under its keys", path.display())]
    KeyringLost { path: PathBuf },
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

impl From<ClockError> for RegistrarError {
    fn from(error: ClockError) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(test)]
mod tests;
