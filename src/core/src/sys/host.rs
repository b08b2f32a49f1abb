//! What the host knows: its users and its name.

use std::fs::File;
use std::io::Read;

use crate::account::{Account, UserName};

/// Where users are looked up.
pub trait Accounts {
    /// The passwd entry of a login name; `None` if there is no such user.
    ///
    /// # Errors
    /// The database cannot answer, which is not the same as "no such user".
    fn find(&self, login_name: &str) -> Result<Option<Account>, LookUpError>;

    /// The names of the groups of a user, primary and supplementary, initgroups(3).
    ///
    /// # Errors
    /// The database cannot answer.
    fn groups(&self, account: &Account) -> Result<Vec<String>, LookUpError>;
}

/// What is known of the process that asks, and of the machine.
pub trait Surroundings {
    /// What tells this boot of the machine from every other; `None` if that cannot be told.
    fn boot(&self) -> Option<Vec<u8>>;

    /// What tells the session that this process runs in from every other, credentials(7); `None` if it leads one itself,
    /// or if that cannot be told.
    fn session(&self) -> Option<Vec<u8>>;
}

impl Surroundings for super::Kernel {
    fn boot(&self) -> Option<Vec<u8>> {
        told("/proc/sys/kernel/random/boot_id")
    }

    fn session(&self) -> Option<Vec<u8>> {
        let leader = nix::unistd::getsid(None).ok()?;
        if leader == nix::unistd::getpid() {
            return None;
        }
        let stat = told(&format!("/proc/{leader}/stat"))?;
        // proc_pid_stat(5): the name in parentheses may have anything in it; field 22, when the process was started, is the
        // twentieth after it. A number that is given to another process later has another time.
        let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
        let started = stat.get(name_ends..)?.split(|byte| *byte == b' ').nth(20)?;
        Some([leader.to_string().as_bytes(), b" ", started].concat())
    }
}

/// What the kernel tells in a short file, proc(5): one call of read(2) gives all of it.
fn told(path: &str) -> Option<Vec<u8>> {
    let mut bytes = [0; 1024];
    let length = File::open(path).ok()?.read(&mut bytes).ok()?;
    bytes.get(..length).filter(|told| !told.is_empty()).map(<[u8]>::to_vec)
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

    fn groups(&self, account: &Account) -> Result<Vec<String>, LookUpError> {
        let failed = |source| LookUpError { source };
        let name = account.name.as_str();
        // Gone since it was found: a member of nothing.
        let Some(user) = nix::unistd::User::from_name(name).map_err(failed)? else { return Ok(Vec::new()) };
        let name = std::ffi::CString::new(name).map_err(|_| failed(nix::Error::EINVAL))?;
        let numbers = nix::unistd::getgrouplist(&name, user.gid).map_err(failed)?;
        let mut names = Vec::with_capacity(numbers.len());
        for number in numbers {
            // A number without a name is a group that no rule can name.
            names.extend(nix::unistd::Group::from_gid(number).map_err(failed)?.map(|group| group.name));
        }
        Ok(names)
    }
}

fn account_of(user: &nix::unistd::User) -> Option<Account> {
    let name = UserName::new(&user.name).ok()?;
    Some(Account { name, uid: user.uid.as_raw() })
}

/// The name that the number of a group is known by, which is the one that rules see; `None` if there is no such group.
///
/// # Errors
/// The system cannot tell.
pub fn group_known_as(name: &str) -> Result<Option<String>, LookUpError> {
    let failed = |source| LookUpError { source };
    let Some(group) = nix::unistd::Group::from_name(name).map_err(failed)? else { return Ok(None) };
    let known = nix::unistd::Group::from_gid(group.gid).map_err(failed)?;
    Ok(Some(known.unwrap_or(group).name))
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
    #[from]
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
