//! One login step by step: which line of the stack is reached, what it makes of a right answer, and where ours stands.

use std::collections::HashMap;

use serde::Serialize;
use twofactor_core::config::Config;
use twofactor_message::shown;

use super::module::{MISCONFIGURED, Modules};
use super::scene::Scene;
use crate::arguments::Policy;
use crate::commands::policy;
use crate::failure::Failure;
use crate::office::{Office, account};
use crate::output::Output;
use crate::pam::stack::{Action, Kind, Line, Part, Stack};
use crate::pam::system::System;
use crate::pam::walk::{Nature, Way};

/// Runs the command for one login.
pub(super) fn run(user: &str, service: &str, scene: &Scene, output: &mut Output) -> Result<(), Failure> {
    let account = account(user)?;
    let unknown = || Failure::new(format!("there is no PAM service {service:?}"), "see which there are: ls /etc/pam.d");
    // A path would be any file, which only root's own files may show.
    if service.contains('/') {
        return Err(unknown());
    }
    let stack = Stack::called(&System, service, Part::Auth).ok_or_else(unknown)?;
    if stack.cut {
        return Err(Failure::new(format!("{service} has more lines than are read"), "make it simpler"));
    }
    let asked = Policy { user: user.to_owned(), service: service.to_owned(), rhost: None, tty: None, ssh_auth: None };
    let foretell = |config: &Config| {
        let office = Office::of(config.clone())?;
        policy::foretell(&asked, &account, &office)
    };
    let modules = Modules::of_this_system();
    let mut trouble = None;
    let mut foretold = None;
    let mut answers = HashMap::new();
    for (place, line) in stack.ours().filter_map(|place| Some((place, stack.lines.get(place)?))) {
        let answer = match (modules.trouble(line), scene.settings.of(line)) {
            (Some((answer, finding)), _) => {
                trouble.get_or_insert(finding.message.in_full());
                answer
            }
            (None, Err(failure)) => {
                trouble.get_or_insert(format!("{}: nobody is let in", failure.what));
                MISCONFIGURED
            }
            (None, Ok(config)) => {
                let report = foretell(config)?;
                let answer = report.answer();
                foretold.get_or_insert(report);
                answer
            }
        };
        answers.insert(place, answer);
    }
    if answers.is_empty() {
        foretold = scene.settings.usual().map(foretell).transpose()?;
    }
    let (steps, lets_in) = steps(&stack, &answers);
    let reached = steps.iter().any(|step| step.ours && step.reached);
    let report = Report { user, service, reached, lets_in, steps, trouble, policy: foretold };
    output.answer(&report.text(), &report)
}

/// The way of somebody who knows the password and has the code.
pub(super) fn steps(stack: &Stack, ours: &HashMap<usize, &'static str>) -> (Vec<Step>, bool) {
    let mut steps: Vec<_> = stack.lines.iter().map(Step::skipped).collect();
    let mut way = Way::default();
    while let Some(line) = stack.lines.get(way.at) {
        let at = way.at;
        if line.kind == Kind::Substack {
            way = way.into_substack(line);
            if let Some(step) = steps.get_mut(at) {
                step.reached = true;
            }
            continue;
        }
        let answer = ours.get(&at).copied().unwrap_or_else(|| likely(line));
        let action = way.step(stack, line, answer);
        if let Some(step) = steps.get_mut(at) {
            (step.reached, step.answer, step.then) = (true, Some(answer), Some(words(action)));
        }
    }
    (steps, way.lets_in())
}

/// What a module says to somebody who does everything right.
fn likely(line: &Line) -> &'static str {
    match Nature::of(line) {
        Nature::Broken => "perm_denied",
        Nature::Gate | Nature::Helper => "ignore",
        // Whoever calls is not root, and no selector is for them.
        Nature::Deny | Nature::Selector | Nature::RootOnly => "auth_err",
        Nature::Ours | Nature::Permit | Nature::Proof => "success",
    }
}

fn words(action: Action) -> String {
    match action {
        Action::Ignore => "goes on".to_owned(),
        Action::Ok => "counts, goes on".to_owned(),
        Action::Done => "ends here, if nothing has failed".to_owned(),
        Action::Bad => "will be refused".to_owned(),
        Action::Die => "refused at once".to_owned(),
        Action::Reset => "begins anew".to_owned(),
        Action::Jump(1) => "jumps over 1 line".to_owned(),
        Action::Jump(lines) => format!("jumps over {lines} lines"),
    }
}

/// One line of the stack.
#[derive(Serialize)]
pub(super) struct Step {
    place: String,
    line: String,
    pub(super) ours: bool,
    pub(super) reached: bool,
    /// Null if it is not reached, or is the head of a substack.
    answer: Option<&'static str>,
    then: Option<String>,
}

impl Step {
    fn skipped(line: &Line) -> Self {
        Self {
            place: line.place(),
            line: line.text.clone(),
            ours: line.is_ours(),
            reached: false,
            answer: None,
            then: None,
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    user: &'a str,
    service: &'a str,
    /// Whether our line is.
    reached: bool,
    /// Whether the stack lets them in.
    lets_in: bool,
    steps: Vec<Step>,
    /// Why our line lets nobody in, whoever it is.
    trouble: Option<String>,
    /// Null if the settings cannot be read.
    policy: Option<policy::Report<'a>>,
}

impl Report<'_> {
    fn text(&self) -> String {
        let mut text = format!("{} at {}, with the right password and the right code:\n\n", self.user, self.service);
        for step in &self.steps {
            let mark = if step.ours { ">" } else { " " };
            text.push_str(&format!("{mark} {}\n    {}\n", step.place, step.line));
            let what = match (&step.answer, &step.then) {
                (Some(answer), Some(then)) => format!("{answer}: {then}"),
                _ if step.reached => "begins a substack".to_owned(),
                _ => "not reached: jumped over, or the login has ended before".to_owned(),
            };
            text.push_str(&format!("    {what}\n"));
        }
        let ours = match (self.reached, self.steps.iter().any(|step| step.ours)) {
            (true, _) => "our line is reached",
            (false, true) => "our line is there and is NOT reached",
            (false, false) => "our line is not in this stack",
        };
        let ending = if self.lets_in { "lets them in" } else { "refuses them" };
        text.push_str(&format!("\nThe stack {ending}; {ours}.\n\n"));
        if let Some(trouble) = &self.trouble {
            text.push_str(&format!("{}\n", shown(trouble)));
        }
        if let Some(policy) = self.policy.as_ref().filter(|_| self.trouble.is_none()) {
            text.push_str(&policy.text());
        }
        text
    }
}
