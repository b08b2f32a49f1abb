//! By which ways sshd lets somebody in at all. A method that is off, or that root may not use, closes each list of methods
//! that it is in.

use super::Effective;
use crate::pam::stack::Files;
use crate::pam::system::System;

impl Effective {
    /// The line that opens a list of methods, if all of them are closed. The method password is a way in only where our
    /// line takes the code with the password.
    pub(super) fn opening(&self, by_password: bool) -> Option<String> {
        let lists = self.lists();
        let off = |list: &Vec<&str>| METHODS.iter().find(|(method, ..)| list.contains(method) && !self.has(method));
        let closed: Vec<_> = lists.iter().filter_map(off).collect();
        if closed.is_empty() || closed.len() < lists.len() {
            return None;
        }
        match closed.iter().find(|(method, ..)| by_password || *method != "password") {
            Some((.., line)) => Some((*line).to_owned()),
            None => Some(self.with_lists_that_ask()),
        }
    }

    /// The line of the lists with what can ask for a code in the place of what cannot.
    pub(super) fn with_lists_that_ask(&self) -> String {
        let asking = |method| if method == "password" { "keyboard-interactive" } else { method };
        let lists = self.lists_as_written().into_iter();
        let lists = each_once(lists.map(|list| each_once(list.split(',').map(asking)).join(",")));
        format!("AuthenticationMethods {}", lists.join(" "))
    }

    /// What of PermitRootLogin closes to root each list that is open to others.
    pub(super) fn bars_root(&self) -> Option<&str> {
        let barring = self.0.get("permitrootlogin")?.first()?.as_str();
        let lists = self.lists();
        // With `no` root is meant to stay out, and without lists a key is enough.
        let asks = |list: &Vec<&str>| list.iter().any(|method| matches!(*method, "password" | "keyboard-interactive"));
        let barred = !matches!(barring, "yes" | "no") && !lists.is_empty() && lists.iter().all(asks);
        barred.then_some(barring)
    }

    /// Where somebody has keys that sshd knows them by, sshd_config(5).
    pub(super) fn a_place_of_keys(&self, user: &str, home: &str) -> Option<String> {
        let written = |path: &&String| {
            let text = System.read(path).unwrap_or_default();
            let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
            lines.any(|line| !line.is_empty() && !line.starts_with(b"#"))
        };
        let paths = self.0.get("authorizedkeysfile").into_iter().flatten().filter(|path| *path != "none");
        let paths: Vec<_> = paths.map(|path| expanded(path, user, home)).collect();
        let elsewhere = ["authorizedkeyscommand", "trustedusercakeys"];
        let is_set = |keyword: &&&str| {
            self.0.get(**keyword).is_some_and(|values| values.first().is_some_and(|value| value != "none"))
        };
        paths
            .iter()
            .find(written)
            .cloned()
            .or_else(|| elsewhere.iter().find(is_set).map(|keyword| (*keyword).to_owned()))
    }

    pub(super) fn lists_as_written(&self) -> Vec<&str> {
        self.0.get("authenticationmethods").into_iter().flatten().map(String::as_str).collect()
    }

    fn has(&self, method: &str) -> bool {
        let keyword = METHODS.iter().find(|(known, ..)| *known == method).map(|(_, keyword, _)| *keyword);
        match keyword {
            Some("kbdinteractiveauthentication") => self.interactive(),
            Some(keyword) => self.is(keyword, "yes"),
            None => true,
        }
    }
}

/// In their order.
fn each_once<T: PartialEq>(things: impl Iterator<Item = T>) -> Vec<T> {
    let mut known = Vec::new();
    for thing in things {
        if !known.contains(&thing) {
            known.push(thing);
        }
    }
    known
}

/// A path of AuthorizedKeysFile.
fn expanded(path: &str, user: &str, home: &str) -> String {
    let path = path.replace("%h", home).replace("%u", user).replace("%%", "%");
    if path.starts_with('/') { path } else { format!("{home}/{path}") }
}

/// Each with what `sshd -T` says of it, and the line by which it is on.
const METHODS: [(&str, &str, &str); 5] = [
    ("publickey", "pubkeyauthentication", "PubkeyAuthentication yes"),
    ("keyboard-interactive", "kbdinteractiveauthentication", "KbdInteractiveAuthentication yes"),
    ("password", "passwordauthentication", "PasswordAuthentication yes"),
    ("hostbased", "hostbasedauthentication", "HostbasedAuthentication yes"),
    ("gssapi-with-mic", "gssapiauthentication", "GSSAPIAuthentication yes"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const ON: &str = "kbdinteractiveauthentication yes\npasswordauthentication no\npubkeyauthentication yes\n";

    #[test]
    fn a_list_is_open_if_all_of_its_methods_are_on() {
        for (lists, opening) in [
            ("any", None),
            ("publickey,keyboard-interactive", None),
            ("publickey,password publickey:pam", None),
            ("publickey,password", Some("AuthenticationMethods publickey,keyboard-interactive")),
            ("keyboard-interactive,password", Some("AuthenticationMethods keyboard-interactive")),
            ("publickey,password hostbased,keyboard-interactive", Some("HostbasedAuthentication yes")),
        ] {
            let said = format!("{ON}authenticationmethods {lists}\n");
            assert_eq!(Effective::read(&said).opening(false).as_deref(), opening, "{lists}");
        }
        let said = format!("{ON}authenticationmethods publickey,password\n");
        assert_eq!(Effective::read(&said).opening(true).as_deref(), Some("PasswordAuthentication yes"));
    }

    #[test]
    fn root_is_barred_if_each_list_asks_for_what_root_may_not_use() {
        for (permit, lists, barred) in [
            ("prohibit-password", "publickey,keyboard-interactive keyboard-interactive", true),
            ("forced-commands-only", "publickey,keyboard-interactive", true),
            ("prohibit-password", "publickey publickey,keyboard-interactive", false),
            ("prohibit-password", "any", false),
            ("yes", "publickey,keyboard-interactive", false),
            ("no", "publickey,keyboard-interactive", false),
        ] {
            let said = format!("{ON}permitrootlogin {permit}\nauthenticationmethods {lists}\n");
            assert_eq!(Effective::read(&said).bars_root(), barred.then_some(permit), "{permit} {lists}");
        }
    }

    #[test]
    fn keys_are_where_sshd_looks_for_them() {
        assert_eq!(expanded(".ssh/authorized_keys", "root", "/root"), "/root/.ssh/authorized_keys");
        assert_eq!(expanded("/etc/Keys/%u", "root", "/root"), "/etc/Keys/root");
        let place = |said: &str| Effective::read(said).a_place_of_keys("root", "/nowhere");
        assert_eq!(place("authorizedkeysfile .ssh/authorized_keys\nauthorizedkeyscommand none\n"), None);
        assert_eq!(place("AuthorizedKeysFile /etc/passwd\n").as_deref(), Some("/etc/passwd"));
        assert_eq!(place("authorizedkeyscommand /usr/bin/keys\n").as_deref(), Some("authorizedkeyscommand"));
    }
}
