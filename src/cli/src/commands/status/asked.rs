//! What the services of this host ask of somebody, as far as it can be told without root and without a login: their
//! stacks can be read, most settings too, and of a rule all but what only a login has.

use std::cell::RefCell;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock, UnixTime};
use twofactor_core::config::{Config, ConfigError};
use twofactor_core::factor::Method;
use twofactor_core::policy::{Circumstances, Matcher, Mode, Rule, Terms, Unenrolled};
use twofactor_core::sys::{Accounts, LookUpError, Passwd, Problem};

use crate::commands::doctor::module::why_nobody;
use crate::failure::Failure;
use crate::output::wrapped;
use crate::pam::stack::{DIRECTORIES, Files, Part, Stack};
use crate::pam::system::{System, is_common, service_names};
use crate::pam::walk::Outlook;

/// One service. What is not known is null, and `why` says why.
#[derive(Debug, Serialize)]
pub(super) struct Service {
    service: String,
    #[serde(flatten)]
    asked: Asked,
}

#[derive(Debug, PartialEq, Serialize)]
struct Asked {
    /// Whether logins come to our line.
    reached: Option<bool>,
    /// Whether any gets in without coming to it.
    passed_by: Option<bool>,
    /// What may hold for a login, in the order in which it is tried; of the last it is known that it holds if the others
    /// do not.
    cases: Option<Vec<Case>>,
    why: Option<String>,
}

/// What holds for a login if a rule matches.
#[derive(Debug, PartialEq)]
struct Case {
    /// Counted from 1; none where it is `[policy]` itself.
    rule: Option<usize>,
    /// What decides whether the rule matches and only a login has.
    depends_on: Vec<Matcher>,
    mode: Mode,
    methods: Vec<Method>,
    /// What becomes of somebody who is not enrolled.
    not_enrolled: NotEnrolled,
    remember_seconds: Option<u64>,
}

impl Serialize for Case {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut case = serializer.serialize_struct("Case", 6)?;
        case.serialize_field("rule", &self.rule)?;
        case.serialize_field("depends_on", &self.depends_on.iter().map(|on| on.name()).collect::<Vec<_>>())?;
        case.serialize_field("mode", self.mode.name())?;
        case.serialize_field("methods", &self.methods.iter().map(|method| method.name()).collect::<Vec<_>>())?;
        case.serialize_field("not_enrolled", &self.not_enrolled)?;
        case.serialize_field("remember_seconds", &self.remember_seconds)?;
        case.end()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum NotEnrolled {
    LetIn,
    Refused,
    /// They need a ticket.
    Invite,
    /// They set up an app.
    Enroll,
}

/// The services that ask for a second factor or may do so; `None` if nobody but root can list them.
pub(super) fn services(account: &Account, config: Option<&Path>) -> Result<Option<Vec<Service>>, Failure> {
    if DIRECTORIES.iter().any(|directory| fs::read_dir(directory).is_err_and(|error| is_denied(&error))) {
        return Ok(None);
    }
    let person = Person { account, groups: Passwd.groups(account)?, now: clock::System.now()? };
    let mut services = Vec::new();
    for service in service_names(&System) {
        if !is_common(&service)
            && let Some(asked) = person.asked(&service, config)?
        {
            services.push(Service { service, asked });
        }
    }
    Ok(Some(services))
}

/// For people.
pub(super) fn text(services: &[Service]) -> String {
    if services.is_empty() {
        return "No service of this host asks for a second factor.\n".to_owned();
    }
    let mut alike: Vec<(&Asked, Vec<&str>)> = Vec::new();
    for Service { service, asked } in services {
        match alike.iter_mut().find(|(known, _)| *known == asked) {
            Some((_, names)) => names.push(service),
            None => alike.push((asked, vec![service])),
        }
    }
    let told = |(asked, names): &(&Asked, Vec<&str>)| format!("{}{}", wrapped(&names.join(", "), ""), asked.text());
    alike.iter().map(told).chain([REMARK.to_owned()]).collect()
}

struct Person<'a> {
    account: &'a Account,
    groups: Vec<String>,
    now: UnixTime,
}

impl Person<'_> {
    /// `None` if the service has no line of ours.
    fn asked(&self, service: &str, config: Option<&Path>) -> Result<Option<Asked>, Failure> {
        let files = Readable::default();
        let stack = Stack::called(&files, service, Part::Auth);
        if let Some(path) = files.denied.into_inner().first() {
            return Ok(Some(Asked::unknown(None, format!("{path} cannot be read"))));
        }
        if stack.as_ref().is_some_and(|stack| stack.cut) {
            return Ok(Some(Asked::unknown(None, format!("{service} has more lines than are read"))));
        }
        let Some((stack, line)) =
            stack.as_ref().and_then(|stack| Some((stack, stack.lines.get(stack.ours().next()?)?)))
        else {
            return Ok(None);
        };
        let outlook = Outlook::of(stack);
        // Beyond what is looked at nothing is known.
        let outlook = Some(outlook).filter(|outlook| !outlook.unfinished);
        let of_the_line = line.arguments.iter().find_map(|argument| argument.strip_prefix("config=")).map(Path::new);
        if let Some(why) = why_nobody(line) {
            return Ok(Some(Asked::unknown(outlook.as_ref(), format!("{why}; nobody is let in"))));
        }
        Ok(Some(match settings(of_the_line, config) {
            Err(why) => Asked::unknown(outlook.as_ref(), why),
            Ok(config) => Asked { cases: Some(self.cases(service, &config)?), ..Asked::of(outlook.as_ref()) },
        }))
    }

    fn cases(&self, service: &str, config: &Config) -> Result<Vec<Case>, LookUpError> {
        let groups = || Ok::<_, LookUpError>(self.groups.as_slice());
        let user = self.account.name.as_str();
        let login = Circumstances { service, user, groups: &groups, rhost: None, tty: None, ssh_auth: None };
        let mut cases = Vec::new();
        for (number, rule) in (1..).zip(&config.policy.rules) {
            let without_login = Rule { rhost: None, tty: None, ssh_auth: None, ..rule.clone() };
            if without_login.mismatch(&login)?.is_some() {
                continue;
            }
            let case = Case::of(Some(number), open_questions(rule), &rule.terms, config, self.now);
            let is_certain = case.depends_on.is_empty();
            cases.push(case);
            if is_certain {
                return Ok(cases);
            }
        }
        cases.push(Case::of(None, Vec::new(), &config.policy.otherwise, config, self.now));
        Ok(cases)
    }
}

/// What a rule looks at and only a login has.
fn open_questions(rule: &Rule) -> Vec<Matcher> {
    let asked = [
        (rule.rhost.is_some(), Matcher::Rhost),
        (rule.tty.is_some(), Matcher::Tty),
        (rule.ssh_auth.is_some(), Matcher::SshAuth),
    ];
    asked.into_iter().filter(|(is_asked, _)| *is_asked).map(|(_, matcher)| matcher).collect()
}

/// The settings that a line of ours names, else those that the command line does, else those of everybody; or why they
/// are not known.
fn settings(of_the_line: Option<&Path>, named: Option<&Path>) -> Result<Config, String> {
    let config = Config::load(of_the_line.or(named)).map_err(|error| match &error {
        ConfigError::File(file) if matches!(file.problem(), Problem::Io { source, .. } if is_denied(source)) => {
            format!("{} cannot be read", file.path().display())
        }
        _ => format!("{error}; until that is mended nobody is let in"),
    })?;
    // To us a file of our own is one to be trusted; to a login, which is root's, it is not.
    let path = of_the_line.or_else(|| named.is_none().then_some(Path::new(CONFIG)));
    let is_foreign = |path: &&Path| fs::symlink_metadata(path).is_ok_and(|status| status.uid() != 0);
    match path.and_then(|path| path.ancestors().find(is_foreign)) {
        Some(foreign) => Err(format!("{} does not belong to root; nobody is let in", foreign.display())),
        None => Ok(config),
    }
}

impl Asked {
    fn of(outlook: Option<&Outlook>) -> Self {
        Self {
            reached: outlook.map(|outlook| outlook.reached),
            passed_by: outlook.map(|outlook| !outlook.past.is_empty()),
            cases: None,
            why: outlook.is_none().then(|| "its stack has more ways through it than can be looked at".to_owned()),
        }
    }

    fn unknown(outlook: Option<&Outlook>, why: String) -> Self {
        Self { why: Some(why), ..Self::of(outlook) }
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        if self.reached == Some(false) {
            return wrapped("No login comes to the line that asks for a code: nobody is asked.", INDENT);
        }
        if let Some(why) = &self.why {
            lines.push(format!("Not all of this can be told: {why}."));
        }
        let cases = self.cases.iter().flatten();
        lines.extend(
            cases.enumerate().map(|(at, case)| sentence(&format!("{}{}", case.condition(at == 0), case.verdict()))),
        );
        if self.passed_by == Some(true) {
            lines.push("Some logins get in before a code is asked for.".to_owned());
        }
        lines.iter().map(|line| wrapped(line, INDENT)).collect()
    }
}

impl Case {
    fn of(rule: Option<usize>, depends_on: Vec<Matcher>, terms: &Terms, config: &Config, now: UnixTime) -> Self {
        let not_enrolled = match (terms.mode, terms.unenrolled.at(now)) {
            (Mode::Off | Mode::IfEnrolled | Mode::Monitor, _) => NotEnrolled::LetIn,
            (Mode::Required, Unenrolled::Deny) => NotEnrolled::Refused,
            (Mode::Required, Unenrolled::Invite) => NotEnrolled::Invite,
            (Mode::Required, Unenrolled::Enroll { .. }) => NotEnrolled::Enroll,
        };
        let methods = terms.methods.as_ref().unwrap_or(&config.methods).clone();
        Self { rule, depends_on, mode: terms.mode, methods, not_enrolled, remember_seconds: terms.remember_seconds }
    }

    fn condition(&self, is_first: bool) -> String {
        let looks_at = |matcher: &Matcher| match matcher {
            Matcher::Rhost => "the address",
            Matcher::Tty => "the terminal",
            Matcher::SshAuth => "what sshd has seen proved",
            Matcher::Service | Matcher::User | Matcher::Group => "who logs in where",
        };
        match (self.rule, self.depends_on.is_empty(), is_first) {
            (None, _, true) => String::new(),
            (None, _, false) => "Otherwise: ".to_owned(),
            (Some(rule), true, true) => format!("By rule {rule}: "),
            (Some(rule), true, false) => format!("Otherwise, by rule {rule}: "),
            (Some(rule), false, _) => {
                let things: Vec<_> = self.depends_on.iter().map(looks_at).collect();
                format!("If rule {rule} matches, depending on {}: ", things.join(" and "))
            }
        }
    }

    fn verdict(&self) -> String {
        let proof = listed(&self.methods);
        let enrolled = match self.mode {
            Mode::Off => return "you are not asked for a code.".to_owned(),
            Mode::Monitor => format!("you are asked for {proof} if you are enrolled, and get in whatever you answer"),
            Mode::Required | Mode::IfEnrolled => format!("you are asked for {proof} if you are enrolled"),
        };
        let not_enrolled = match self.not_enrolled {
            NotEnrolled::LetIn => "get in without",
            NotEnrolled::Refused => "are refused",
            NotEnrolled::Invite => "need a ticket of an administrator, with which you set up an app at the login",
            NotEnrolled::Enroll => "set up an app at the login",
        };
        let remembered = match self.remember_seconds {
            Some(seconds) => {
                let time = humantime::format_duration(std::time::Duration::from_secs(seconds));
                format!(" After a success you are not asked again in the same place for {time}.")
            }
            None => String::new(),
        };
        format!("{enrolled}. If you are not, you {not_enrolled}.{remembered}")
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Ways to prove it, in words.
fn listed(methods: &[Method]) -> String {
    let in_words = |method: &Method| match method {
        Method::Totp => "the code of an app",
        Method::Hotp => "the code of a token",
        Method::Email => "a code by mail",
        Method::Sms => "a code by text message",
        Method::Recovery => "a recovery code",
    };
    let words: Vec<_> = methods.iter().map(in_words).collect();
    match words.as_slice() {
        [some @ .., last] if !some.is_empty() => format!("{} or {last}", some.join(", ")),
        all => all.concat(),
    }
}

/// This system's files, as far as they may be read, and which may not.
#[derive(Default)]
struct Readable {
    denied: RefCell<Vec<String>>,
}

impl Files for Readable {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let read = System.read(path);
        let is_denied = || match fs::metadata(path) {
            Ok(status) => status.is_file(),
            Err(error) => is_denied(&error),
        };
        if read.is_none() && is_denied() {
            self.denied.borrow_mut().push(path.to_owned());
        }
        read
    }

    fn has_directory(&self, path: &str) -> bool {
        System.has_directory(path)
    }
}

fn is_denied(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied
}

const INDENT: &str = "    ";
const REMARK: &str = "\n\
    It is what the PAM stacks and the settings say. What a program lets in without\n\
    PAM they do not tell: to sshd a key may be enough.\n";
/// Where the settings of everybody are.
const CONFIG: &str = "/etc/twofactor/config.toml";
