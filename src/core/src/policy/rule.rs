//! One rule: what it looks at, and whether a login is meant by it.

use std::net::IpAddr;
use std::str::FromStr;

use super::{Network, Terms};

/// What matches and what holds then. A list that is there must have what the login has; all lists must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// PAM services.
    pub service: Option<Vec<String>>,
    /// Users, by their canonical names.
    pub user: Option<Vec<String>>,
    /// Groups, primary or supplementary.
    pub group: Option<Vec<String>>,
    /// Where requests come from.
    pub rhost: Option<Vec<Network>>,
    /// Terminals, without `/dev/`.
    pub tty: Option<Vec<String>>,
    /// What sshd says has succeeded already.
    pub ssh_auth: Option<Vec<SshAuth>>,
    /// What holds.
    pub terms: Terms,
}

/// What is known of one login.
pub struct Circumstances<'c, E> {
    /// The PAM service.
    pub service: &'c str,
    /// The user's canonical name, or the name that was given if there is no such user.
    pub user: &'c str,
    /// The names of the user's groups; asked for only where a rule wants to know.
    pub groups: &'c dyn Fn() -> Result<&'c [String], E>,
    /// The address that the request comes from.
    pub rhost: Option<IpAddr>,
    /// The terminal.
    pub tty: Option<&'c str>,
    /// What sshd says of what has succeeded: one method in a line, with what it proved.
    pub ssh_auth: Option<&'c str>,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Matcher {
    Service,
    User,
    Group,
    Rhost,
    Tty,
    SshAuth,
}

impl Matcher {
    /// The key in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::User => "user",
            Self::Group => "group",
            Self::Rhost => "rhost",
            Self::Tty => "tty",
            Self::SshAuth => "ssh_auth",
        }
    }
}

impl Rule {
    /// The first list that does not have what the login has; `None` if the rule matches.
    ///
    /// # Errors
    /// The groups of the user cannot be told.
    pub fn mismatch<E>(&self, login: &Circumstances<'_, E>) -> Result<Option<Matcher>, E> {
        let named = |list: &Option<Vec<String>>, name: &str| {
            list.as_ref().is_none_or(|list| list.iter().any(|one| one == name))
        };
        if !named(&self.service, login.service) {
            return Ok(Some(Matcher::Service));
        }
        if !named(&self.user, login.user) {
            return Ok(Some(Matcher::User));
        }
        if self.tty.is_some() && !login.tty.is_some_and(|tty| named(&self.tty, without_dev(tty))) {
            return Ok(Some(Matcher::Tty));
        }
        if let Some(networks) = &self.rhost
            && !login.rhost.is_some_and(|address| networks.iter().any(|network| network.contains(address)))
        {
            return Ok(Some(Matcher::Rhost));
        }
        if let Some(methods) = &self.ssh_auth
            && !methods.iter().any(|method| method.is_in(login.ssh_auth.unwrap_or_default()))
        {
            return Ok(Some(Matcher::SshAuth));
        }
        // Last, since the system has to be asked.
        if let Some(groups) = &self.group
            && !(login.groups)()?.iter().any(|group| groups.contains(group))
        {
            return Ok(Some(Matcher::Group));
        }
        Ok(None)
    }

    /// Whether it matches whatever another one matches, as far as the rules themselves tell.
    pub(super) fn covers(&self, other: &Self) -> bool {
        fn all<T>(wide: &Option<Vec<T>>, narrow: &Option<Vec<T>>, covers: impl Fn(&T, &T) -> bool) -> bool {
            let Some(wide) = wide else { return true };
            let narrow = narrow.as_ref();
            narrow.is_some_and(|narrow| narrow.iter().all(|one| wide.iter().any(|by| covers(by, one))))
        }
        let same = |one: &String, other: &String| one == other;
        all(&self.service, &other.service, same)
            && all(&self.user, &other.user, same)
            && all(&self.group, &other.group, same)
            && all(&self.tty, &other.tty, same)
            && all(&self.rhost, &other.rhost, Network::covers)
            && all(&self.ssh_auth, &other.ssh_auth, SshAuth::covers)
    }
}

/// A terminal's name as rules have it.
#[must_use]
pub(crate) fn without_dev(tty: &str) -> &str {
    tty.strip_prefix("/dev/").unwrap_or(tty)
}

/// A method of sshd's, `publickey`, or with the type of the key, `publickey:sk-*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshAuth {
    method: String,
    /// The type of the key, or how it begins.
    key: Option<(String, Breadth)>,
}

/// Whether a word is all of another, or its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breadth {
    Whole,
    Beginning,
}

impl SshAuth {
    /// Whether one of the lines of SSH_AUTH_INFO_0 (sshd(8)) is of it: a method, and for keys their type and themselves.
    fn is_in(&self, lines: &str) -> bool {
        lines.lines().any(|line| {
            let mut words = line.split(' ');
            words.next() == Some(&self.method)
                && match (&self.key, words.next()) {
                    (None, _) => true,
                    (Some((key, Breadth::Whole)), Some(of)) => of == key,
                    (Some((key, Breadth::Beginning)), Some(of)) => of.starts_with(key),
                    (Some(_), None) => false,
                }
        })
    }

    fn covers(&self, other: &Self) -> bool {
        self.method == other.method
            && match (&self.key, &other.key) {
                (None, _) => true,
                (Some((wide, Breadth::Beginning)), Some((narrow, _))) => narrow.starts_with(wide),
                (wide, narrow) => wide == narrow,
            }
    }
}

impl FromStr for SshAuth {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (method, key) = text.split_once(':').map_or((text, None), |(method, key)| (method, Some(key)));
        let key = key.map(|key| match key.strip_suffix('*') {
            Some(beginning) => (beginning.to_owned(), Breadth::Beginning),
            None => (key.to_owned(), Breadth::Whole),
        });
        let word = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-@.".contains(&byte));
        let known = !method.is_empty() && word(method);
        let typed = key.as_ref().is_none_or(|(key, breadth)| {
            method == "publickey" && word(key) && (*breadth == Breadth::Beginning || !key.is_empty())
        });
        if known && typed {
            Ok(Self { method: method.to_owned(), key })
        } else {
            Err("not a method of sshd such as \"publickey\", \"publickey:ssh-ed25519\" or \"publickey:sk-*\"")
        }
    }
}
