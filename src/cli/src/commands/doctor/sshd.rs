//! Whether sshd comes to our line: its effective configuration, as `sshd -T` says it, for root and for each person.

mod ways;

use std::collections::HashMap;
use std::fs;

use nix::unistd::User;
use twofactor_core::policy::{Policy, Rule};

use super::finding::{Finding, Message};
use super::program::ask;
use super::scene::Scene;
use super::sshd_config::{KINDS_MAX, Login, Written, nobody};
use crate::pam::stack::Stack;
use crate::pam::walk::Outlook;

/// What is wrong, if sshd's stack has our line.
pub(super) fn look(scene: &Scene) -> Vec<Finding> {
    if scene.wiring.stack("sshd").is_none() || fs::metadata(SSHD).is_err() {
        return Vec::new();
    }
    let nobody = nobody();
    let Some(said) = ask(SSHD, &["-T", "-C", &nobody]) else {
        return vec![silent(&nobody)];
    };
    let written = &scene.sshd;
    let service = Effective::read(&said).service();
    let Some(stack) = scene.wiring.stack(&service) else {
        let message = format!("sshd asks PAM as the service {service:?}, which does not have our line");
        return vec![Finding::fail("sshd-service", message, written.hint("PAMServiceName sshd", None))];
    };
    let policy = scene.settings.of_stack(stack).map(|config| &config.policy);
    let everybody = Effective::read(&said).look(stack, policy);
    let mut findings: Vec<_> = everybody.iter().map(|complaint| complaint.finding(written, None, true)).collect();
    if !written.unread.is_empty() {
        let message = Message::naming("not all that sshd is set up by was read: ", written.unread.clone());
        let hint = "look there for Match blocks that spare somebody the code";
        findings.push(Finding::warn("sshd-unread", message, hint));
    }
    // Without a shell somebody comes all the same: for files, or to have a port forwarded.
    let of = |may_log_in| {
        let people = scene.people.everybody().filter(move |person| person.may_log_in() == may_log_in);
        people.map(|person| Login::new(&person.name, scene.people.groups_of(person)))
    };
    let (logins, too_many) = written.logins(of(true), of(false));
    if let Some(next) = too_many {
        let message =
            format!("sshd was asked for {KINDS_MAX} logins only, and its Match blocks tell more from each other");
        let hint = format!(
            "ask it for the next: {SSHD} -T -C {}; each list of authenticationmethods has to name keyboard-interactive",
            next.connection()
        );
        findings.push(Finding::warn("sshd-many", message, hint));
    }
    let is_root_anywhere = |(login, names): &&(Login, Vec<String>)| login.place().is_empty() && has_root(names);
    let root = logins.iter().find(is_root_anywhere).map(|(login, _)| login);
    findings.extend(locked_out_root(scene, root, &said));
    let known = |complaint: &Complaint| everybody.iter().any(|known| known.check == complaint.check);
    findings.extend(of_each(&logins, written, |said| {
        let mut complaints = Effective::read(said).look(stack, policy);
        complaints.retain(|complaint| !known(complaint));
        complaints
    }));
    if findings.is_empty() {
        findings.push(Finding::ok("sshd", "sshd asks PAM, and PAM can ask for a code"));
    }
    findings
}

/// What is wrong for some logins only, each with whom it is wrong for and from where. What holds for somebody wherever they
/// come from is said once.
fn of_each(
    logins: &[(Login, Vec<String>)],
    written: &Written,
    look: impl Fn(&str) -> Vec<Complaint>,
) -> impl Iterator<Item = Finding> {
    let mut own: Vec<(Finding, Vec<String>, String)> = Vec::new();
    for (login, names) in logins {
        let connection = login.connection();
        let Some(said) = ask(SSHD, &["-T", "-C", &connection]) else {
            own.push((silent(&connection), names.clone(), login.place()));
            continue;
        };
        for complaint in look(&said) {
            let finding = complaint.finding(written, Some(login), has_root(names));
            let same = |known: &Finding| known.message == finding.message && known.hint == finding.hint;
            let known = |name: &&String| own.iter().any(|(known, names, _)| same(known) && names.contains(*name));
            let fresh: Vec<_> = names.iter().filter(|name| !known(name)).cloned().collect();
            match own.iter_mut().find(|(known, _, place)| same(known) && *place == login.place()) {
                _ if fresh.is_empty() => {}
                Some((_, names, _)) => names.extend(fresh),
                None => own.push((finding, fresh, login.place())),
            }
        }
    }
    own.into_iter().map(|(finding, names, after)| {
        let message = Message::naming(format!("{}, for ", finding.message.in_full()), names);
        Finding { message: Message { after, ..message }, ..finding }
    })
}

fn has_root(names: &[String]) -> bool {
    names.iter().any(|name| name == "root")
}

/// Root, if there is a key of theirs that lets them in by no way.
fn locked_out_root(scene: &Scene, login: Option<&Login>, said: &str) -> Option<Finding> {
    let own = login.map(|login| ask(SSHD, &["-T", "-C", &login.connection()]));
    let effective = Effective::read(own.as_ref().map_or(Some(said), |own| own.as_deref())?);
    let barring = effective.bars_root()?;
    let home = User::from_name("root").ok()??.dir;
    let keys = effective.a_place_of_keys("root", &home.to_string_lossy())?;
    let message = format!(
        "root has keys at sshd ({keys}) and no way in: after a key AuthenticationMethods asks for what PermitRootLogin \
         {barring} refuses"
    );
    // Nobody may be asked for a code who has none, and the password alone would do then.
    let is_enrolled = scene.enrolled.iter().any(|name| name.as_str() == "root");
    let enrolling = if is_enrolled { "" } else { "twofactor setup root; only then " };
    let hint = format!(
        "{enrolling}{}; root then gets in by: {}; if root is to stay out: PermitRootLogin no",
        scene.sshd.hint("PermitRootLogin yes", login),
        effective.lists_as_written().join(" or ")
    );
    Some(Finding::warn("sshd-root", message, hint))
}

/// It does not say how it is set up for a login. Why, it says on its standard error, which only a shell brings here.
fn silent(connection: &str) -> Finding {
    let shell = |script: &str| ask("/bin/sh", &["-c", script, SSHD, connection]).unwrap_or_default();
    let last = |said: &str| said.lines().last().unwrap_or("it says nothing").trim().to_owned();
    let refusal = shell("said=$(\"$0\" -t 2>&1) || echo \"$said\"");
    if refusal.contains("privilege separation directory") {
        let message = "sshd has not been started yet, so it does not say how it is set up";
        return Finding::warn("sshd-read", message, "mkdir -p -m 0755 /run/sshd");
    }
    if !refusal.is_empty() {
        let why = last(&refusal);
        let message = format!("sshd cannot start as it is set up, and nobody knows whether it asks PAM: {why}");
        return Finding::fail("sshd-read", message, "mend that, and see: /usr/sbin/sshd -t");
    }
    let why = last(&shell("exec \"$0\" -T -C \"$1\" 2>&1 >/dev/null"));
    let message = format!("sshd does not say how it is set up, and nobody knows whether it asks PAM: {why}");
    Finding::warn("sshd-read", message, format!("mend that, and see: {SSHD} -T -C {connection}"))
}

/// The effective settings of sshd.
#[derive(Debug, Default)]
pub(super) struct Effective(HashMap<String, Vec<String>>);

impl Effective {
    pub(super) fn read(said: &str) -> Self {
        let mut effective = Self::default();
        for line in said.lines().take(LINES_MAX) {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            let keyword = keyword.to_ascii_lowercase();
            let value = match keyword.as_str() {
                "authorizedkeysfile" => value.to_owned(),
                // Of the two names of this value it says the one that sshd_config(5) has given up.
                "permitrootlogin" => value.to_ascii_lowercase().replace("without-password", "prohibit-password"),
                _ => value.to_ascii_lowercase(),
            };
            let values = value.split_ascii_whitespace().map(str::to_owned);
            effective.0.entry(keyword).or_default().extend(values);
        }
        effective
    }

    fn is(&self, keyword: &str, value: &str) -> bool {
        self.0.get(keyword).is_some_and(|values| values.first().is_some_and(|first| first == value))
    }

    /// The lists of methods, of which a login needs one; none if any method does.
    fn lists(&self) -> Vec<Vec<&str>> {
        let lists = self.0.get("authenticationmethods").into_iter().flatten().filter(|list| *list != "any");
        lists.map(|list| list.split(',').map(|method| method.split(':').next().unwrap_or(method)).collect()).collect()
    }

    pub(super) fn look(&self, stack: &Stack, policy: Option<&Policy>) -> Vec<Complaint> {
        let mut found = Vec::new();
        let any_rule = |has: fn(&Rule) -> bool| policy.is_some_and(|policy| policy.rules.iter().any(has));
        let mut fail = |check, message: &str, wanted: &str| {
            found.push(Complaint { fails: true, ..Complaint::new(check, message, wanted) });
        };
        if !self.is("usepam", "yes") {
            fail("sshd-pam", "sshd does not ask PAM: passwords and keys get in without a code", "UsePAM yes");
            return found;
        }
        let (password, interactive) = (self.is("passwordauthentication", "yes"), self.interactive());
        let lists = self.lists();
        let with_password = combined(stack) && password;
        if !interactive && !with_password {
            let message = "sshd does not let PAM ask: nobody can type a code, who needs one is refused";
            fail("sshd-interactive", message, "KbdInteractiveAuthentication yes");
        }
        let asking = if with_password && !interactive { "password" } else { "keyboard-interactive" };
        let by_key_only = !lists.is_empty() && lists.iter().all(|list| list.contains(&"publickey"));
        if Outlook::of(stack).code_alone && !by_key_only {
            let message = "the stack of sshd asks for a code and nothing else, and sshd insists on no key: a code alone \
                           gets in";
            fail("sshd-code-alone", message, &self.insisting(&format!("publickey,{asking}")));
        }
        let mut warn = |check, message: &str, wanted: &str| found.push(Complaint::new(check, message, wanted));
        // If nobody can type a code it is said already.
        if let Some(wanted) = self.opening(combined(stack)).filter(|_| interactive || with_password) {
            warn("sshd-closed", "each list of AuthenticationMethods has a method that is off: nobody gets in", &wanted);
        }
        let by_password = |list: &Vec<&str>| list.contains(&"password") && !list.contains(&"keyboard-interactive");
        let takes_passwords = lists.is_empty() || lists.iter().any(by_password);
        if password && !combined(stack) && takes_passwords && interactive {
            let message = "sshd takes passwords by a method that cannot ask for a code: who uses it is refused";
            let wanted =
                if lists.is_empty() { "PasswordAuthentication no".to_owned() } else { self.with_lists_that_ask() };
            warn("sshd-password", message, &wanted);
        }
        let asks = |list: &Vec<&str>| list.iter().any(|method| matches!(*method, "keyboard-interactive" | "password"));
        let past_pam = [
            ("pubkeyauthentication", "publickey", "a key"),
            ("hostbasedauthentication", "hostbased", "a host"),
            ("gssapiauthentication", "gssapi-with-mic", "a Kerberos ticket"),
        ];
        for (keyword, method, thing) in past_pam {
            let enough = lists.is_empty() || lists.iter().any(|list| list.contains(&method) && !asks(list));
            if self.is(keyword, "yes") && enough {
                let message = format!("{thing} gets in at sshd without a code: PAM is not asked after it");
                warn("sshd-key", &message, &format!("AuthenticationMethods publickey,{asking} {asking}"));
                break;
            }
        }
        // sshd asks Kerberos for a password before it asks PAM.
        if password && self.is("kerberosauthentication", "yes") && takes_passwords {
            let message = "a Kerberos password gets in at sshd without a code: PAM is not asked after it";
            warn("sshd-kerberos", message, "KerberosAuthentication no");
        }
        if any_rule(|rule| rule.ssh_auth.is_some())
            && !lists.is_empty()
            && lists.iter().filter(|list| asks(list)).all(by_password)
        {
            let message = "rules with ssh_auth never match: sshd tells the method password nothing of what is proved";
            warn("sshd-ssh-auth", message, &self.insisting("publickey,keyboard-interactive"));
        }
        if self.is("usedns", "yes") && any_rule(|rule| rule.rhost.is_some()) {
            let message = "rules with rhost never match whoever's address has a name: sshd passes the name on";
            warn("sshd-dns", message, "UseDNS no");
        }
        for complaint in &mut found {
            complaint.root = self.0.get("permitrootlogin").and_then(|values| values.first()).cloned();
        }
        found
    }

    /// The line by which sshd insists on a list of methods. One that is off comes first: sshd would not start without it.
    fn insisting(&self, list: &str) -> String {
        if self.is("pubkeyauthentication", "no") {
            return "PubkeyAuthentication yes".to_owned();
        }
        if list.ends_with("keyboard-interactive") && !self.interactive() {
            return "KbdInteractiveAuthentication yes".to_owned();
        }
        format!("AuthenticationMethods {list}")
    }

    /// As which service it asks PAM, for which newer ones have a keyword.
    fn service(&self) -> String {
        let named = self.0.get("pamservicename").and_then(|values| values.first());
        named.cloned().unwrap_or_else(|| "sshd".to_owned())
    }

    fn interactive(&self) -> bool {
        self.is("kbdinteractiveauthentication", "yes") || self.is("challengeresponseauthentication", "yes")
    }
}

/// Whether our line takes password and code in one answer: sshd gives what was typed for the method password to whoever
/// asks, so behind a line that has taken all of it for the password there is no code left.
fn combined(stack: &Stack) -> bool {
    let mut ours = stack.ours().filter_map(|place| stack.lines.get(place));
    ours.any(|line| line.arguments.iter().any(|word| word == "forward_pass"))
}

/// One thing that is wrong, and the line that is wanted.
#[derive(Debug, Clone)]
pub(super) struct Complaint {
    pub(super) check: &'static str,
    fails: bool,
    message: String,
    wanted: String,
    /// How root may log in.
    root: Option<String>,
}

impl Complaint {
    fn new(check: &'static str, message: &str, wanted: &str) -> Self {
        Self { check, fails: false, message: message.to_owned(), wanted: wanted.to_owned(), root: None }
    }

    fn finding(&self, written: &Written, login: Option<&Login>, of_root: bool) -> Finding {
        let (message, mut hint) = (self.message.as_str(), written.hint(&self.wanted, login));
        if self.wanted.starts_with("AuthenticationMethods ") {
            // Whoever may not come with a password may not come with one behind a key either.
            let barred = self.root.as_deref().filter(|root| of_root && !matches!(*root, "yes" | "no"));
            if let Some(barred) = barred {
                hint.push_str(&format!(
                    "; with PermitRootLogin {barred} root is then refused: only PermitRootLogin yes lets root in with key and code"
                ));
            }
            hint.push_str("; check: sshd -t; keep a session open");
        }
        if self.fails { Finding::fail(self.check, message, hint) } else { Finding::warn(self.check, message, hint) }
    }
}

const SSHD: &str = "/usr/sbin/sshd";
const LINES_MAX: usize = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twofactor_core::config::Config;

    use super::*;
    use crate::pam::stack::tests::written;
    use crate::pam::stack::{Part, Stack};

    const SOUND: &str = "usepam yes\nkbdinteractiveauthentication yes\npasswordauthentication no\n";
    const BOTH: &str = "auth requisite pam_unix.so\nauth required pam_twofactor.so\n";

    fn checks(said: &str, stack: &str, config: &str) -> Vec<&'static str> {
        let files = written(&[("/etc/pam.d/sshd", stack)]);
        let stack = Stack::read(&files, "sshd", Part::Auth).unwrap();
        let policy = Config::parse(config.as_bytes()).unwrap().policy;
        let found = Effective::read(said).look(&stack, Some(&policy));
        found.iter().map(|complaint| complaint.check).collect()
    }

    #[test]
    fn each_way_past_the_code_is_named() {
        let rules = "[[policy.rule]]\nssh_auth = ['publickey']\n[[policy.rule]]\nrhost = ['10.0.0.0/8']\n";
        let alone = "auth required pam_twofactor.so\nauth required pam_permit.so\n";
        let first_pass = "auth requisite pam_unix.so\nauth required pam_twofactor.so try_first_pass\n";
        let in_one = "auth requisite pam_twofactor.so forward_pass\nauth required pam_unix.so use_first_pass\n";
        let keyed = format!("{SOUND}pubkeyauthentication yes\n");
        let on = keyed.replace("passwordauthentication no", "passwordauthentication yes");
        for (said, stack, expected) in [
            (SOUND.to_owned(), BOTH, vec![]),
            (SOUND.replace("usepam yes", "usepam no"), BOTH, vec!["sshd-pam"]),
            ("usepam yes\nkbdinteractiveauthentication no\n".to_owned(), BOTH, vec!["sshd-interactive"]),
            ("usepam yes\npasswordauthentication yes\n".to_owned(), in_one, vec![]),
            ("usepam yes\npasswordauthentication yes\n".to_owned(), first_pass, vec!["sshd-interactive"]),
            (SOUND.replace("authentication no", "authentication yes"), BOTH, vec!["sshd-password"]),
            (SOUND.to_owned(), alone, vec!["sshd-code-alone"]),
            (format!("{keyed}authenticationmethods publickey,keyboard-interactive\n"), alone, vec![]),
            (keyed.clone(), BOTH, vec!["sshd-key"]),
            (format!("{keyed}authenticationmethods any\n"), BOTH, vec!["sshd-key"]),
            (
                format!("{keyed}authenticationmethods publickey,keyboard-interactive publickey\n"),
                BOTH,
                vec!["sshd-key"],
            ),
            (format!("{keyed}authenticationmethods publickey,password\n"), BOTH, vec!["sshd-closed", "sshd-ssh-auth"]),
            (format!("{on}authenticationmethods publickey,password\n"), BOTH, vec!["sshd-password", "sshd-ssh-auth"]),
            (
                format!("{on}authenticationmethods keyboard-interactive publickey,password\n"),
                BOTH,
                vec!["sshd-password"],
            ),
            (format!("{on}authenticationmethods password,keyboard-interactive\n"), BOTH, vec![]),
            (format!("{SOUND}usedns yes\n"), BOTH, vec!["sshd-dns"]),
        ] {
            assert_eq!(checks(&said, stack, rules), expected, "{said}{stack}");
        }
        assert!(checks(&format!("{SOUND}usedns yes\n"), BOTH, "").is_empty());
    }

    proptest! {
        #[test]
        fn no_text_does_any_harm(text: String) {
            checks(&text, BOTH, "");
        }
    }
}
