//! The registrar's work on a set-up at a login. As long as nobody knows whether the login as a whole will succeed, an
//! enrolment is only made and handed out under seal; it is saved when it is brought back.

use zeroize::Zeroizing;

use super::{Draft, FirstCodes, NewDevice, RecoveryCodes, Registrar, RegistrarError};
use crate::account::Account;
use crate::clock::UnixTime;
use crate::enrolment::Enrolment;
use crate::factor::recovery::RecoveryCode;
use crate::factor::totp::Step;
use crate::keyring::{Binding, KeyNumber, Keyring, Sealed};
use crate::secret::Secret;
use crate::state::{INVITE_PURPOSE, State, StateFile};
use crate::store::{enrolment_name, invitation_name};
use crate::sys::{self, Directory, Entropy};

/// An enrolment that is not saved yet.
pub struct Prepared {
    /// The recovery codes that will be good; none if there are to be none.
    pub codes: RecoveryCodes,
    /// What [`Registrar::confirm`] saves. Whoever carries it can neither read nor change it.
    pub sealed: Zeroizing<String>,
}

impl Registrar<'_> {
    /// Makes the first enrolment of somebody and saves nothing. What would keep it from being saved is found already: a
    /// ticket that is not good, a disk that is full.
    ///
    /// # Errors
    /// The user is enrolled, the ticket is not good, or the records could not be written.
    pub fn prepare(
        &self,
        account: &Account,
        device: NewDevice,
        ticket: Option<&RecoveryCode>,
        with_recovery: bool,
    ) -> Result<Prepared, RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let ticket = ticket.map(RecoveryCode::expose).unwrap_or_default();
        self.check_admission(&users, account, ticket)?;
        let draft = self.draft(Enrolment::empty(account.clone()), [device], FirstCodes::new_if(with_recovery))?;
        self.rehearse_first(&users, &draft.enrolment)?;
        let parcel = Parcel { since: self.files.now()?, draft, ticket };
        let sealed = parcel.seal(&self.files.keyring()?, self.entropy)?;
        Ok(Prepared { codes: parcel.draft.codes, sealed })
    }

    /// Takes down that somebody who has no ticket has used the one chance to set something up without. Whatever becomes of
    /// the login, and whether or not the host ever has it confirmed, another one needs a ticket.
    ///
    /// # Errors
    /// The user is enrolled by now or has used that chance, too much time has passed, the seal is not ours, or the record
    /// cannot be written.
    pub fn reserve(&self, account: &Account, sealed: &str) -> Result<(), RegistrarError> {
        let opened = self.open(account, sealed)?;
        self.read(account, &opened)?;
        let users = self.files.users()?;
        let _changing = users.lock()?;
        self.check_admission(&users, account, &[])?;
        let (states, name) = (self.files.states()?, invitation_name(&account.name));
        let _making = states.lock()?;
        if states.contains(&name)? {
            return Err(RegistrarError::NotInvited);
        }
        states.replace(&name, &StateFile::initial_content(&State::invitation(account.uid, None)))?;
        Ok(())
    }

    /// Saves an enrolment that was prepared for this user a moment ago. A ticket is good for one of them.
    ///
    /// # Errors
    /// The user is enrolled by now, the ticket is not good any more, too much time has passed, the seal is not ours, or
    /// the records cannot be written.
    pub fn confirm(&self, account: &Account, sealed: &str) -> Result<(), RegistrarError> {
        // Before anything is locked: what is no work of ours shall keep nobody waiting.
        let opened = self.open(account, sealed)?;
        let parcel = self.read(account, &opened)?;
        let users = self.files.users()?;
        let _changing = users.lock()?;
        self.check_admission(&users, account, parcel.ticket)?;
        self.enrol_first(&users, &[parcel.draft])
    }

    /// Opens what [`Parcel::seal`] made for this user. Of each there is one spelling.
    fn open(&self, account: &Account, sealed: &str) -> Result<Secret, RegistrarError> {
        let read = || {
            let (number, content) = sealed.split_once(':')?;
            let key = KeyNumber::try_from(number.parse::<u32>().ok()?).ok()?;
            let content = base16ct::lower::decode_vec(content).ok()?;
            (key.to_string() == number).then_some(Sealed { key, content })
        };
        let sealed = read().ok_or(RegistrarError::NotPrepared)?;
        Ok(self.files.keyring()?.open(&sealed, &Binding { account, purpose: PURPOSE })?)
    }

    /// Reads what was opened, if it was not prepared too long ago.
    fn read<'p>(&self, account: &Account, opened: &'p Secret) -> Result<Parcel<'p>, RegistrarError> {
        let parcel = Parcel::read(opened.expose(), account).ok_or(RegistrarError::NotPrepared)?;
        let now = self.files.now()?;
        // A clock that is put right by a moment is no reason.
        let is_early = parcel.since.seconds_since(now) > 60;
        if is_early || now.seconds_since(parcel.since) > 60 * PREPARED_MINUTES {
            return Err(RegistrarError::PreparedOver);
        }
        Ok(parcel)
    }

    /// Whether a user may be enrolled who is not, and who need not have a ticket; but whoever has one, has a good one.
    fn check_admission(&self, users: &Directory, account: &Account, ticket: &[u8]) -> Result<(), RegistrarError> {
        if self.enrolment(users, account)?.is_some() {
            return Err(RegistrarError::AlreadyEnrolled);
        }
        if ticket.is_empty() {
            return Ok(());
        }
        let issued = self.invitation(account)?.ok_or(RegistrarError::NotInvited)?;
        let keys = self.files.keyring()?.digest_keys(account);
        if !issued.matches(&keys, INVITE_PURPOSE, ticket) {
            return Err(RegistrarError::NotInvited);
        }
        if issued.is_good(self.files.now()?) { Ok(()) } else { Err(RegistrarError::InvitationOver) }
    }

    /// Writes all that a first enrolment writes, and takes it away again. Both at once, since they may share a disk.
    fn rehearse_first(&self, users: &Directory, enrolment: &Enrolment) -> Result<(), RegistrarError> {
        let (states, name) = (self.files.states()?, &enrolment.account.name);
        let _making = states.lock()?;
        // As long as with any number that will be drawn for it.
        let longest = Enrolment { generation: u32::MAX, ..enrolment.clone() };
        let written = users.prepare(&enrolment_name(name), longest.render().as_bytes())?;
        let state = states.prepare(&name.file_stem(), &StateFile::initial_content(&State::fresh(enrolment)));
        let gone = (written.discard(), state.and_then(sys::Prepared::discard));
        gone.0.and(gone.1).map_err(Into::into)
    }
}

/// What is under the seal.
struct Parcel<'p> {
    /// When it was prepared.
    since: UnixTime,
    /// The enrolment; of the recovery codes only those who prepared it know.
    draft: Draft,
    /// The code of the invitation, or nothing.
    ticket: &'p [u8],
}

impl<'p> Parcel<'p> {
    /// The key's number, a colon, and what was sealed in hexadecimal.
    fn seal(&self, keyring: &Keyring, entropy: &dyn Entropy) -> Result<Zeroizing<String>, RegistrarError> {
        let account = &self.draft.enrolment.account;
        let sealed = keyring.seal(&self.write(), &Binding { account, purpose: PURPOSE }, entropy)?;
        Ok(Zeroizing::new(format!("{}:{}", sealed.key, base16ct::lower::encode_string(&sealed.content))))
    }

    /// The time, the ticket with its length in front, the step that proved the device, if any, likewise, and the
    /// enrolment as its file. There is one device in it, whose id is not written again.
    fn write(&self) -> Secret {
        let enrolment = self.draft.enrolment.render();
        let step = self.draft.steps.first().and_then(|(_, step)| *step).map(|step| step.0.to_le_bytes());
        let step = step.as_ref().map_or(&[][..], |bytes| bytes);
        // Room for all of it: a buffer that grows leaves copies of secrets behind.
        let mut bytes = Vec::with_capacity(64 + enrolment.len());
        bytes.extend(self.since.0.to_le_bytes());
        for part in [self.ticket, step] {
            bytes.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
            bytes.extend(part);
        }
        bytes.extend(enrolment.as_bytes());
        Secret::new(bytes)
    }

    fn read(bytes: &'p [u8], account: &Account) -> Option<Self> {
        let (since, rest) = bytes.split_first_chunk()?;
        let (ticket, rest) = part(rest)?;
        let (step, rest) = part(rest)?;
        let step = if step.is_empty() { None } else { Some(Step(u64::from_le_bytes(step.try_into().ok()?))) };
        let enrolment = Enrolment::parse(rest, account).ok()?;
        let steps = enrolment.otp_devices().take(1).map(|(id, _)| (id, step)).collect();
        let draft = Draft { enrolment, steps, codes: RecoveryCodes::new() };
        Some(Self { since: UnixTime(u64::from_le_bytes(*since)), draft, ticket })
    }
}

/// Bytes that have their length in front, and what follows them.
fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// What an enrolment is sealed for that is not saved yet.
const PURPOSE: &str = "set-up";
/// How long it may be on its way: somebody may want to print their recovery codes, and nobody shall keep one for later.
pub(super) const PREPARED_MINUTES: u64 = 60;
