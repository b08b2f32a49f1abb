//! `twofactor policy`: which rule matches a login, and what would happen.

use std::path::Path;

use serde::Serialize;
use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock};
use twofactor_core::factor::Method;
use twofactor_core::policy::{Circumstances, Mode, Terms, Unenrolled, address};
use twofactor_core::registrar::Standing;
use twofactor_core::sys::{Accounts, LookUpError, Passwd};
use twofactor_core::throttle::Gate;

use crate::arguments::Policy;
use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(arguments: &Policy, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let account = account(&arguments.user)?;
    let report = foretell(arguments, &account, &office)?;
    if let Some(rhost) = arguments.rhost.as_deref().filter(|rhost| address(rhost).is_none()) {
        output.note(&format!("{rhost:?} is not an address: a rule with rhost never matches a name."));
    }
    output.answer(&report.text(), &report)
}

/// What comes of a login, as far as the rules and the records tell.
pub(super) fn foretell<'a>(
    arguments: &'a Policy,
    account: &'a Account,
    office: &Office,
) -> Result<Report<'a>, Failure> {
    let groups = Passwd.groups(account)?;
    let groups = || Ok::<_, LookUpError>(groups.as_slice());
    let login = Circumstances {
        service: &arguments.service,
        user: account.name.as_str(),
        groups: &groups,
        rhost: arguments.rhost.as_deref().and_then(address),
        tty: arguments.tty.as_deref(),
        ssh_auth: arguments.ssh_auth.as_deref(),
    };
    let policy = &office.config.policy;
    let (rule, terms) = policy.decide(&login)?;
    let mut passed = Vec::new();
    for (number, rule) in (1..).zip(&policy.rules) {
        let Some(matcher) = rule.mismatch(&login)? else { break };
        passed.push(Passed { rule: number, mismatch: matcher.name() });
    }
    let standing = office.registrar().standing(account);
    let outcome = match &standing {
        _ if terms.mode == Mode::Off => Outcome::LetIn("nobody is asked"),
        Err(_) => Outcome::Refused("the records of this user cannot be used"),
        Ok(standing) => Outcome::of(standing.as_ref(), terms, office),
    };
    let methods = terms.methods.as_ref().unwrap_or(&office.config.methods);
    Ok(Report {
        user: account.name.as_str(),
        service: &arguments.service,
        rule,
        mode: terms.mode.name(),
        unenrolled: terms.unenrolled.name(),
        methods: methods.iter().map(|method| method.name()).collect(),
        remember_seconds: terms.remember_seconds,
        outcome: outcome.name(),
        reason: outcome.reason(),
        passed,
    })
}

/// What a login comes to.
enum Outcome {
    Asked(String),
    LetIn(&'static str),
    Refused(&'static str),
}

impl Outcome {
    fn of(standing: Option<&Standing>, terms: &Terms, office: &Office) -> Self {
        let Some(standing) = standing else {
            return match (terms.mode, clock::System.now().map(|now| terms.unenrolled.at(now))) {
                (Mode::Required, Ok(Unenrolled::Enroll { .. })) => {
                    Self::Asked("led through the set-up of an authenticator app".to_owned())
                }
                (Mode::Required, Ok(Unenrolled::Invite)) => {
                    Self::Refused("not enrolled, unless they have a ticket of: twofactor invite")
                }
                (Mode::Required, _) => Self::Refused("not enrolled, after being asked like everybody"),
                (Mode::IfEnrolled | Mode::Off, _) => Self::LetIn("not enrolled"),
                (Mode::Monitor, _) => Self::LetIn("not enrolled, and the log says so"),
            };
        };
        let taken = terms.methods.as_ref().unwrap_or(&office.config.methods);
        let mut has: Vec<_> = standing.enrolment.devices.iter().map(|device| device.kind.method()).collect();
        has.extend(standing.enrolment.recovery.as_ref().map(|_| Method::Recovery));
        if !has.iter().any(|method| taken.contains(method)) {
            return Self::Refused("enrolled, but with nothing that is taken here: only a bypass code gets in");
        }
        let failures = standing.state.as_ref().map(|state| state.failures).unwrap_or_default();
        let asked = match office.config.limits.gate(failures, standing.now) {
            Gate::Open => "asked for a code".to_owned(),
            Gate::Wait { seconds } => format!("asked for a code, which is not judged for another {seconds} s"),
            Gate::Locked => "asked for a code, but locked until an administrator unlocks".to_owned(),
        };
        if terms.mode == Mode::Monitor {
            return Self::Asked(format!("{asked}, and let in whatever the answer"));
        }
        Self::Asked(asked)
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Asked(_) => "asked",
            Self::LetIn(_) => "let-in",
            Self::Refused(_) => "refused",
        }
    }

    fn reason(&self) -> String {
        match self {
            Self::Asked(reason) => reason.clone(),
            Self::LetIn(reason) | Self::Refused(reason) => (*reason).to_owned(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Report<'a> {
    user: &'a str,
    service: &'a str,
    /// Counted from 1; null where no rule matches and `[policy]` itself holds.
    rule: Option<usize>,
    mode: &'static str,
    unenrolled: &'static str,
    methods: Vec<&'static str>,
    remember_seconds: Option<u64>,
    outcome: &'static str,
    reason: String,
    /// The rules before it, and what of each the login has not.
    passed: Vec<Passed>,
}

#[derive(Serialize)]
struct Passed {
    rule: usize,
    mismatch: &'static str,
}

impl Report<'_> {
    /// What the module says to libpam of somebody who answers rightly what they are asked.
    pub(super) fn answer(&self) -> &'static str {
        match self.outcome {
            "asked" => "success",
            "let-in" => "ignore",
            _ => "auth_err",
        }
    }

    pub(super) fn text(&self) -> String {
        let (user, service) = (self.user, self.service);
        let mut text = match self.rule {
            Some(number) => format!("{user} at {service}: rule {number} holds.\n\n"),
            None => format!("{user} at {service}: no rule matches, so [policy] itself holds.\n\n"),
        };
        let verdict = match self.outcome {
            "asked" => "asked",
            "let-in" => "let in without a code",
            _ => "refused",
        };
        let remember = match self.remember_seconds {
            Some(seconds) => {
                let time = humantime::format_duration(std::time::Duration::from_secs(seconds));
                format!("not asked again for {time} after a success in the same place")
            }
            None => "asked every time".to_owned(),
        };
        for (name, value) in [
            ("outcome", format!("{verdict}: {}", self.reason)),
            ("mode", self.mode.to_owned()),
            ("methods", self.methods.join(", ")),
            ("remember", remember),
        ] {
            text.push_str(&format!("{name:<10}{value}\n"));
        }
        if !self.passed.is_empty() {
            text.push_str("\nRules before that, and what keeps each from matching:\n");
        }
        for Passed { rule, mismatch } in &self.passed {
            text.push_str(&format!("  rule {rule:<4}{mismatch}\n"));
        }
        text
    }
}
