//! What the host knows: its users and its name.

use crate::account::{Account, UserName};

/// Where users are looked up.
pub trait Accounts {
    /// The passwd entry of a login name; `None` if there is no such user.
    ///
    /// # Errors
    /// The database cannot answer, which is not the same as "no such user".
    fn find(&self, login_name: &str) -> Result<Option<Account>, LookUpError>;
}

/// The system's user database, getpwnam_r(3).
pub struct Passwd;

impl Accounts for Passwd {
    fn find(&self, login_name: &str) -> Result<Option<Account>, LookUpError> {
        // A name that could not be written to a file of ours is not looked up: no enrolment can belong to it.
        if UserName::new(login_name).is_err() {
            return Ok(None);
        }
        let entry = nix::unistd::User::from_name(login_name).map_err(|source| LookUpError { source })?;
        Ok(entry.and_then(|user| account_of(&user)))
    }
}

fn account_of(user: &nix::unistd::User) -> Option<Account> {
    let name = UserName::new(&user.name).ok()?;
    Some(Account { name, uid: user.uid.as_raw() })
}

/// Who a program runs as that may nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unprivileged {
    /// The user id, not 0.
    pub uid: u32,
    /// The group id, not 0.
    pub gid: u32,
}

impl Unprivileged {
    /// Looks a user up; `None` if there is no such user, or it is root or in root's group.
    ///
    /// # Errors
    /// The database cannot answer.
    pub fn find(name: &UserName) -> Result<Option<Self>, LookUpError> {
        let entry = nix::unistd::User::from_name(name.as_str()).map_err(|source| LookUpError { source })?;
        let found = entry.map(|user| Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() });
        Ok(found.filter(|found| found.uid != 0 && found.gid != 0))
    }
}

/// The user database did not answer.
#[derive(Debug, thiserror::Error)]
#[error("look the user up: {source}")]
pub struct LookUpError {
    source: nix::Error,
}

/// This host's name, or `localhost` if it has none that can be shown.
#[must_use]
pub fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// How large a file this process may make, RLIMIT_FSIZE; a write beyond it would kill the host with SIGXFSZ.
#[must_use]
pub fn file_size_limit() -> u64 {
    use nix::sys::resource::{Resource, getrlimit};
    getrlimit(Resource::RLIMIT_FSIZE).map_or(u64::MAX, |(soft, _)| soft)
}

/// Whether this process acts as root.
#[must_use]
pub fn running_as_root() -> bool {
    nix::unistd::geteuid().is_root()
}
