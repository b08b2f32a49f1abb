//! Who is who, for commands that ask after everybody. getpwnam(3) reads /etc/passwd from its beginning for every name,
//! which makes a list of 10,000 users slower with each of them; a roll reads it once.
//!
//! It answers only what the system would answer out of that file, which is where nsswitch.conf(5) has the system look
//! there before it looks anywhere else. All other names, and lines that could be read in another way, it leaves to the
//! system.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;

use twofactor_core::account::{Account, UserName};
use twofactor_core::sys::{Accounts, LookUpError, Passwd};

/// The accounts of this machine's own file, as they were when it was read.
pub(crate) struct Roll {
    /// By name; `None` where the system has to say who that is.
    listed: HashMap<String, Option<Account>>,
}

impl Roll {
    /// Reads it. What cannot be read leaves every name to the system.
    pub(crate) fn read() -> Self {
        let comes_first = fs::read_to_string("/etc/nsswitch.conf").is_ok_and(|text| asks_files_first(&text));
        let passwd = if comes_first { fs::read("/etc/passwd").unwrap_or_default() } else { Vec::new() };
        Self::of(&passwd)
    }

    /// The account that logins under this name have, as [`Passwd`] finds it.
    pub(crate) fn find(&self, login_name: &str) -> Result<Option<Account>, LookUpError> {
        match self.listed.get(login_name) {
            Some(Some(account)) => Ok(Some(account.clone())),
            _ => Passwd.find(login_name),
        }
    }

    fn of(passwd: &[u8]) -> Self {
        let mut listed = HashMap::new();
        let lines = passwd.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_start);
        for line in lines.filter(|line| !line.starts_with(b"#")) {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            // What begins with a sign asks other databases in some readings, and is nobody's name in the others.
            let Ok(name) = str::from_utf8(name) else { continue };
            if let (Ok(name), false) = (UserName::new(name), name.starts_with(['+', '-']))
                && let Entry::Vacant(first) = listed.entry(name.as_str().to_owned())
            {
                first.insert(uid(line).map(|uid| Account { name, uid }));
            }
        }
        Self { listed }
    }
}

/// Whose line it is, if that is beyond doubt: `name:password:uid:gid:gecos:home:shell`, passwd(5).
fn uid(line: &[u8]) -> Option<u32> {
    let fields: Vec<_> = line.split(|byte| *byte == b':').collect();
    let [_, _, uid, gid, _, _, _] = fields.as_slice() else { return None };
    let number = |field: &[u8]| {
        let digits = str::from_utf8(field).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse().ok()
    };
    let (uid, _): (u32, u32) = (number(uid)?, number(gid)?);
    (!line.contains(&0)).then_some(uid)
}

/// Whether what /etc/passwd says of a name is what the system says.
fn asks_files_first(nsswitch: &str) -> bool {
    let settings = nsswitch.lines().map(|line| line.split('#').next().unwrap_or_default());
    let mut sources = settings
        .filter_map(|line| line.split_once(':'))
        .filter(|(database, _)| database.trim() == "passwd")
        .map(|(_, sources)| sources.split_whitespace())
        .peekable();
    // An action in brackets after it may have the system go on, or merge.
    let mut is_first = |mut words: std::str::SplitWhitespace<'_>| {
        words.next() == Some("files") && words.next().is_none_or(|word| !word.starts_with('['))
    };
    sources.peek().is_some() && sources.all(&mut is_first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_answers_only_where_the_system_looks_there_first() {
        for first in ["passwd: files", "# x\npasswd:\t\tfiles systemd # sss\ngroup: sss files\n", " passwd : files sss"]
        {
            assert!(asks_files_first(first), "{first}");
        }
        for other in [
            "",
            "group: files",
            "passwd: sss files",
            "passwd: compat",
            "passwd:",
            "passwd: files [SUCCESS=merge] sss",
            "passwd: files\npasswd: ldap files",
            "#passwd: files",
        ] {
            assert!(!asks_files_first(other), "{other}");
        }
    }

    #[test]
    fn the_first_line_of_a_name_counts_and_a_doubtful_one_is_left_to_the_system() {
        let roll = Roll::of(
            b"root:x:0:0:root:/root:/bin/bash\nann:x:1001:1001:Ann \xe9:/home/ann:/bin/sh\nann:x:0:0::/:/bin/sh\n\
              #bob:x:1:1::/:/bin/sh\n  cay:x:1002:1002::/:\nshort:x:1003\nshort:x:1003:1::/:/bin/sh\n\
              signed:x:+4:4::/:/bin/sh\nodd:x:5:x::/:/bin/sh\nnul:x:6:6:\0:/:/bin/sh\n+nis:x:7:7::/:/bin/sh\n\n",
        );
        let uid = |name: &str| roll.listed.get(name).map(|account| account.as_ref().map(|account| account.uid));
        assert_eq!(["root", "ann", "cay"].map(uid), [Some(Some(0)), Some(Some(1001)), Some(Some(1002))]);
        assert_eq!(["short", "signed", "odd", "nul"].map(uid), [Some(None); 4]);
        assert_eq!(["bob", "#bob", "+nis", "nis", ""].map(uid), [None; 5]);
    }
}
