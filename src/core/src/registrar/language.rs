//! The registrar's work on how somebody is spoken to.

use twofactor_message::Language;

use super::{Registrar, RegistrarError};
use crate::account::Account;
use crate::enrolment::Enrolment;

impl Registrar<'_> {
    /// Speaks to somebody in a language from their next login on; `None` for what everybody is spoken to in. It proves
    /// nothing and voids nothing: what is remembered stays so.
    ///
    /// # Errors
    /// The user is not enrolled, or the records cannot be written.
    pub fn speak(&self, account: &Account, language: Option<Language>) -> Result<(), RegistrarError> {
        let users = self.files.users()?;
        let _changing = users.lock()?;
        let before = self.enrolment(&users, account)?.ok_or(RegistrarError::NotEnrolled)?;
        self.put(&users, &Enrolment { language, ..before.clone() }, &before)
    }
}
