//! `twofactor try`: a login through a real PAM service, and what it means.

use std::ffi::CString;
use std::path::Path;

use serde::Serialize;
use twofactor_core::account::Account;
use twofactor_core::policy::Circumstances;
use twofactor_core::registrar::Standing;
use twofactor_core::sys::{Accounts, LookUpError, Passwd};
use twofactor_core::throttle::Gate;

use crate::application;
use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::Output;

/// Runs the command. It fails if the login does.
pub(crate) fn run(user: &str, service: &str, config: Option<&Path>, output: &mut Output) -> Result<(), Failure> {
    let office = Office::open(config)?;
    let account = account(user)?;
    let (pam_service, pam_user) = (service_name(service)?, CString::new(user).unwrap_or_default());
    let before = standing(&office, &account)?;
    let answer = application::log_in(&pam_service, &pam_user);
    let after = standing(&office, &account)?;

    let authenticated = answer.code == application::SUCCESS;
    let second_factor = SecondFactor::between(before.as_ref(), after.as_ref());
    let report = Trial {
        user,
        service,
        code: answer.code,
        name: application::name(answer.code),
        stage: answer.stage,
        message: &answer.text,
        authenticated,
        second_factor: second_factor.name(),
    };
    let verdict = if authenticated { "would be let in" } else { "would be refused" };
    let mode = mode(&office, &account, service)?;
    let reason = second_factor.reason(&office, user, &mode, after.as_ref());
    let text = format!(
        "\n{user} {verdict} by {service}.\nlibpam:         {} ({}, from {})\nsecond factor:  {reason}\n",
        answer.text, report.name, answer.stage,
    );
    output.answer(&text, &report)?;
    if authenticated {
        return Ok(());
    }
    Err(Failure::new(
        format!("{user} was refused by {service}: {}", report.name),
        "the system log (authpriv) has the reason of every module",
    ))
}

fn service_name(service: &str) -> Result<CString, Failure> {
    let hint = "see which there are: ls /etc/pam.d";
    let plain = !service.is_empty() && service.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !plain || service.starts_with('.') {
        return Err(Failure::misused(format!("{service:?} is not the name of a PAM service"), hint));
    }
    let known = ["/etc/pam.d", "/usr/lib/pam.d"].iter().any(|directory| Path::new(directory).join(service).exists());
    if !known {
        return Err(Failure::new(format!("there is no PAM service {service}"), hint));
    }
    CString::new(service).map_err(|error| Failure::misused(error, hint))
}

/// What holds for a login like this one, which comes from nowhere and has no terminal.
fn mode(office: &Office, account: &Account, service: &str) -> Result<String, Failure> {
    let groups = Passwd.groups(account)?;
    let groups = || Ok::<_, LookUpError>(groups.as_slice());
    let user = account.name.as_str();
    let login = Circumstances { service, user, groups: &groups, rhost: None, tty: None, ssh_auth: None };
    let (rule, terms) = office.config.policy.decide(&login)?;
    let by_rule = rule.map(|number| format!(" by rule {number}")).unwrap_or_default();
    Ok(format!("mode is {}{by_rule}", terms.mode.name()))
}

fn standing(office: &Office, account: &Account) -> Result<Option<Standing>, Failure> {
    office.registrar().standing(account).map_err(|error| Failure::about(account.name.as_str(), &error))
}

/// What the state tells of the login that lies between two looks at it.
#[derive(Clone, Copy)]
enum SecondFactor {
    NotEnrolled,
    Proved,
    Refused {
        failures: u32,
    },
    NotJudged,
    /// There was none to compare with, or none is left.
    StateMissing,
}

impl SecondFactor {
    fn between(before: Option<&Standing>, after: Option<&Standing>) -> Self {
        let Some(after) = after else { return Self::NotEnrolled };
        let states = (before.and_then(|before| before.state.as_ref()), after.state.as_ref());
        let (Some(was), Some(is)) = states else { return Self::StateMissing };
        let started = before.map_or(after.now, |before| before.now);
        if is.failures.count > was.failures.count {
            Self::Refused { failures: is.failures.count - was.failures.count }
        // Within the second of an earlier success only what was used has changed.
        } else if is.failures.count == 0 && is.last_success >= started && is != was {
            Self::Proved
        } else {
            Self::NotJudged
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::NotEnrolled => "not-enrolled",
            Self::Proved => "proved",
            Self::Refused { .. } => "refused",
            Self::NotJudged => "not-judged",
            Self::StateMissing => "state-missing",
        }
    }

    fn reason(self, office: &Office, user: &str, mode: &str, after: Option<&Standing>) -> String {
        let gate = after.and_then(|standing| {
            let failures = standing.state.as_ref()?.failures;
            Some(office.config.limits.gate(failures, standing.now))
        });
        let gate = gate.unwrap_or(Gate::Open);
        match (self, gate) {
            (Self::NotEnrolled, _) => format!("{user} is not enrolled; {mode}"),
            (Self::Proved, _) => "proved".to_owned(),
            (Self::StateMissing, _) => "the state was missing, so that every code counted as used".to_owned(),
            (Self::Refused { failures }, _) => format!("{failures} wrong in this login"),
            (Self::NotJudged, Gate::Locked) => format!("locked; to unlock: twofactor unlock {user}"),
            (Self::NotJudged, Gate::Wait { seconds }) => format!("throttled for another {seconds} s"),
            (Self::NotJudged, Gate::Open) => format!(
                "no code was judged: none was typed, or pam_twofactor.so was not reached in this stack ({mode})"
            ),
        }
    }
}

#[derive(Serialize)]
struct Trial<'a> {
    user: &'a str,
    service: &'a str,
    code: i32,
    name: &'static str,
    stage: &'static str,
    message: &'a str,
    authenticated: bool,
    second_factor: &'static str,
}
