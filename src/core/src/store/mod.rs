//! Where enrolments and states are kept: one narrow trait for a login, and what can go wrong.

mod files;
mod pace;

pub use files::{Files, Roots};
pub use pace::Pace;

use std::path::PathBuf;

use twofactor_message::{EmailAddress, PhoneNumber};

use crate::account::{Account, UserName};
use crate::clock::{ClockError, UnixTime};
use crate::enrolment::{DeviceId, EnrolmentError, Factor, Factors, Means};
use crate::factor::Method;
use crate::keyring::KeyringError;
use crate::state::{Channel, Damage, State, StateError};
use crate::sys::{Directory, FileError};

/// What a login asks of the records.
pub trait Store {
    /// Shows how a user stands, without locking anything that another login would have to wait for. `None` if the user
    /// is not enrolled; `regard` is not called then.
    ///
    /// # Errors
    /// The records cannot be used.
    fn look(&self, account: &Account, regard: Regard<'_>) -> Result<Option<Findings>, StoreError>;

    /// Locks the user's state, re-reads everything, lets `judge` look at it and change it, makes the change durable
    /// if `judge` says so, and unlocks. `None` if the user is not enrolled; `judge` is not called then.
    ///
    /// # Errors
    /// The records cannot be used or the change is not durable; whatever `judge` found is void then.
    fn visit(&self, account: &Account, judge: Judge<'_>) -> Result<Option<Findings>, StoreError>;

    /// What time it is.
    ///
    /// # Errors
    /// As [`crate::clock::Clock::now`].
    fn now(&self) -> Result<UnixTime, ClockError>;

    /// Whether somebody who is not enrolled needs a ticket wherever they are set up without one otherwise: they were given
    /// one, or have used their chance.
    ///
    /// # Errors
    /// The records cannot be used.
    fn needs_ticket(&self, account: &Account) -> Result<bool, StoreError>;

    /// Whether this is the ticket of somebody who is not enrolled, and good. It stays so until they are.
    ///
    /// # Errors
    /// The records cannot be used.
    fn is_invited(&self, account: &Account, ticket: &[u8]) -> Result<bool, StoreError>;

    /// Spends the time of a [`Store::look`] or, with a change, of a [`Store::visit`] on nobody, so that a clock in an
    /// attacker's hand cannot tell who is enrolled.
    fn rehearse(&self, record: Record);

    /// A number for a name that belongs to nobody: always the same, and nobody outside can compute it.
    fn decoy(&self, name: &str) -> u32;

    /// How long one of the last deliveries by a channel took, `pick` says which; what to spend on nobody.
    fn pace(&self, channel: Channel, pick: u8) -> Pace;

    /// Takes down how long a delivery took. That it cannot is no reason for anything.
    fn keep_pace(&self, channel: Channel, pace: Pace);
}

/// Looks at one user's factors and state. The time is read after the lock was gained: whoever had to wait for it
/// must not judge by an older one.
pub type Judge<'a> = &'a mut dyn FnMut(UnixTime, &Factors, &mut State) -> Record;

/// Looks at one user's factors and state, and at the time.
pub type Regard<'a> = &'a mut dyn FnMut(UnixTime, &Factors, &State);

/// What one device of a user is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// Something that makes codes by this method.
    Device(Method),
    /// A mailbox.
    Mailbox(EmailAddress),
    /// A telephone.
    Telephone(PhoneNumber),
}

/// What the devices of a user are.
#[must_use]
pub fn contacts(factors: &Factors) -> Vec<(DeviceId, Contact)> {
    let contact = |factor: &Factor| match &factor.means {
        Means::Otp(key) => Contact::Device(key.parameters().method()),
        Means::Email(address) => Contact::Mailbox(address.clone()),
        Means::Sms(number) => Contact::Telephone(number.clone()),
    };
    factors.devices.iter().map(|factor| (factor.id, contact(factor))).collect()
}

/// Whether a look changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Nothing did.
    Unchanged,
    /// The state must be durable before anybody hears of it.
    Changed,
}

/// What an administrator should hear of, though the records could be used.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The state was missing and was made anew, everything counted as used.
    pub rebuilt: Option<PathBuf>,
    /// One of the two records of the state is broken.
    pub damage: Option<Damage>,
    /// The state was taken away from a process that did not let go of it.
    pub taken_over: Option<PathBuf>,
}

/// The name of an enrolment's file.
#[must_use]
pub fn enrolment_name(name: &UserName) -> String {
    format!("{}{ENROLMENT_SUFFIX}", name.file_stem())
}

/// The name of an invitation's record, in the directory of states. No stem has a plus in it.
#[must_use]
pub fn invitation_name(name: &UserName) -> String {
    format!("{}{INVITATION_SUFFIX}", name.file_stem())
}

/// The records cannot be used. Whoever asked for them is denied.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum StoreError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Clock(#[from] ClockError),
    #[error("{}: {source}", path.display())]
    Enrolment { path: PathBuf, source: EnrolmentError },
    #[error("{}: is missing, though there is a state for this user", path.display())]
    EnrolmentLost { path: PathBuf },
    #[error("{}: belongs to uid {uid}", path.display())]
    StrangeState { path: PathBuf, uid: u32 },
}

impl StoreError {
    fn lost(users: &Directory, account: &Account) -> Self {
        Self::EnrolmentLost { path: users.path().join(enrolment_name(&account.name)) }
    }
}

/// What follows a user's name in the users directory.
pub const ENROLMENT_SUFFIX: &str = ".toml";
/// What follows a user's name in the states directory where it is an invitation.
pub const INVITATION_SUFFIX: &str = "+invite";
