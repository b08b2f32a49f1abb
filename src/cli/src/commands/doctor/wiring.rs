//! Where our line stands in the stacks of this system, and what it is worth there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use twofactor_core::policy::{Mode, Policy};

use super::finding::{Finding, Message};
use super::module::{self, Modules};
use super::settings::Settings;
use crate::pam::stack::{DIRECTORIES, Files, Kind, Line, OTHER, Part, Stack, has_directories, pam_conf_lines};
use crate::pam::system::{System, is_common, service_names};
use crate::pam::walk::{Nature, Outlook, is_jumped_over};

/// The services that have our line.
pub(super) struct Wiring {
    /// By name, with their stacks.
    services: BTreeMap<String, Stack>,
    /// What is too long to be read, so nobody knows whether it has our line, and the last line that is read.
    too_long: Vec<(String, String)>,
    /// Lines of ours where they have nothing to say, and how each is taken out.
    misplaced: Vec<(Part, String, String)>,
    /// Services with our line, and those without that the same program is under another name.
    twins: Vec<(&'static str, &'static str)>,
    /// Programs whose service leaves it to `other`, which has no line of ours.
    left_to_other: Vec<&'static str>,
    /// Whether there is a line of ours in a file that libpam does not read.
    unread: Option<Line>,
}

impl Wiring {
    pub(super) fn of_this_system() -> Self {
        let names = service_names(&System);
        let mut wiring = Self::read(&System, &names);
        let asks = |name: &str| wiring.services.contains_key(name);
        let differs =
            |(service, twin): &(&str, &str)| names.iter().any(|name| name == twin) && asks(service) && !asks(twin);
        wiring.twins = TWINS.into_iter().filter(differs).collect();
        for (service, program) in DOORS {
            let own = Stack::read(&System, service, Part::Auth).filter(|stack| !stack.is_empty());
            if own.is_some() || fs::metadata(program).is_err() {
                continue;
            }
            match Stack::read(&System, OTHER, Part::Auth).filter(|stack| stack.ours().next().is_some()) {
                Some(stack) => drop(wiring.services.insert(service.to_owned(), stack)),
                None => wiring.left_to_other.push(service),
            }
        }
        wiring
    }

    pub(super) fn read(files: &dyn Files, names: &[String]) -> Self {
        let mut wiring = Self {
            services: BTreeMap::new(),
            too_long: Vec::new(),
            misplaced: Vec::new(),
            twins: Vec::new(),
            left_to_other: Vec::new(),
            unread: None,
        };
        for name in names {
            wiring.add(files, name);
        }
        if has_directories(files) {
            wiring.unread = pam_conf_lines(files).into_iter().find(Line::is_ours);
        }
        wiring
    }

    fn add(&mut self, files: &dyn Files, name: &str) {
        match Stack::read(files, name, Part::Auth) {
            Some(stack) if stack.ours().next().is_some() => drop(self.services.insert(name.to_owned(), stack)),
            Some(stack) if stack.cut => self.too_long.push((name.to_owned(), last(&stack))),
            _ => {}
        }
        for part in [Part::Account, Part::Password, Part::Session] {
            let Some(stack) = Stack::read(files, name, part) else { continue };
            let ours = stack.ours().filter_map(|place| Some((stack.lines.get(place)?, place)));
            self.misplaced.extend(ours.map(|(line, place)| (part, line.place(), without(&stack, place))));
        }
    }

    /// Every line of ours that is called for auth.
    pub(super) fn our_lines(&self) -> impl Iterator<Item = &Line> {
        let of = |stack: &'_ Stack| stack.ours().collect::<Vec<_>>();
        self.services.values().flat_map(move |stack| of(stack).into_iter().filter_map(|place| stack.lines.get(place)))
    }

    /// The stack of a service that has our line.
    pub(super) fn stack(&self, service: &str) -> Option<&Stack> {
        self.services.get(service)
    }

    /// The services that somebody logs in by: a file that others include is none.
    pub(super) fn services(&self) -> impl Iterator<Item = (&str, &Stack)> {
        let services = self.services.iter().map(|(name, stack)| (name.as_str(), stack));
        services.filter(|(name, _)| !is_common(name))
    }

    pub(super) fn look(&self, settings: &Settings) -> Vec<Finding> {
        let modules = Modules::of_this_system();
        // One mistake in a file that many include is one mistake.
        let mut found: Vec<(Finding, Vec<String>)> = Vec::new();
        for (service, stack) in &self.services {
            let ours = stack.ours().filter_map(|place| stack.lines.get(place));
            let mut all: Vec<_> = ours.flat_map(|line| modules.look(line)).collect();
            all.extend(of_stack(service, stack, settings.of_stack(stack).map(|config| &config.policy)));
            for finding in all {
                let known = found.iter_mut().find(|(known, _)| known.message == finding.message);
                match known {
                    Some((_, services)) => services.push(service.clone()),
                    None => found.push((finding, vec![service.clone()])),
                }
            }
        }
        for (part, place, hint) in &self.misplaced {
            let message = format!("{place} has our module under {}, where it refuses", part.name());
            let finding = Finding::fail("stack-misplaced", message, hint);
            if !found.iter().any(|(known, _)| known.message == finding.message) {
                found.push((finding, Vec::new()));
            }
        }
        let named = |(mut finding, mut services): (Finding, Vec<String>)| {
            services.retain(|service| !is_common(service));
            if !services.is_empty() {
                finding.message.before.push_str(" (");
                finding.message.names = services;
                finding.message.after.push(')');
            }
            finding
        };
        let mut findings: Vec<_> = found.into_iter().map(named).collect();
        if let Some(line) = &self.unread {
            let message = format!("{} is not read by libpam, as there is {}", line.place(), DIRECTORIES[0]);
            let hint = format!("take out the line {}", line.place());
            findings.push(Finding::fail("stack-pam-conf", message, hint));
        }
        for (service, last) in &self.too_long {
            let message = format!("{service} has more lines than are read: nobody knows whether it asks for a code");
            let hint =
                format!("see whether our line stands below {last}, the last that is read; take out lines above it");
            findings.push(Finding::warn("stack-unread", message, shipped(service).unwrap_or(hint)));
        }
        if self.services.is_empty() {
            let message = "no service has our line: nobody is asked for a code";
            findings.push(Finding::fail("stack-none", message, first_line()));
            return findings;
        }
        for (service, twin) in &self.twins {
            let message = format!("{service} asks for a code and {twin} does not, which the same program is as well");
            let hint = format!("cp --backup /etc/pam.d/{service} /etc/pam.d/{twin}");
            findings.push(Finding::fail("stack-twin", message, hint));
        }
        for service in &self.left_to_other {
            let message =
                format!("{service} has no auth line: it is left to {OTHER:?}, where nobody is asked for a code");
            let hint = format!("give /etc/pam.d/{service} the auth lines of its package, and below them: {OUR_LINE}");
            findings.push(Finding::warn("stack-other", message, shipped(service).unwrap_or(hint)));
        }
        if findings.is_empty() {
            let services = self.services().map(|(name, _)| name.to_owned()).collect();
            findings.push(Finding::ok("stack", Message::naming("nobody gets past the module at ", services)));
        }
        findings
    }
}

/// Where to begin: at sshd, below the line that asks for the password.
fn first_line() -> String {
    let text = System.read("/etc/pam.d/sshd").unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let asks = |line: &str| line.starts_with("auth") || line.starts_with("@include common-auth");
    match (1..).zip(text.lines()).filter(|(_, line)| asks(line)).last() {
        Some((number, _)) => format!("write below /etc/pam.d/sshd:{number}: {OUR_LINE}"),
        None => format!("write a first line in the file of a service, below what asks for the password: {OUR_LINE}"),
    }
}

/// What is wrong with one stack that has our line.
pub(super) fn of_stack(service: &str, stack: &Stack, policy: Option<&Policy>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ours: Vec<_> = stack.ours().filter_map(|place| Some((place, stack.lines.get(place)?))).collect();
    let Some((first, line)) = ours.first().copied() else { return findings };
    if stack.cut {
        let message = format!("the stack of {} has more lines than are read", line.place());
        let hint = format!("make it shorter: what stands below {} is not read", last(stack));
        return vec![Finding::warn("stack-unread", message, shipped(service).unwrap_or(hint))];
    }
    let outlook = Outlook::of(stack);
    for culprit in &outlook.past {
        findings.extend(stack.lines.get(*culprit).map(|culprit_line| {
            let passed = ours.iter().map(|(place, _)| *place).find(|place| place > culprit);
            let hint = way_past(stack, *culprit, passed.unwrap_or(first));
            let (place, ours) = (culprit_line.place(), line.place());
            match Nature::of(culprit_line) {
                Nature::Selector => {
                    let message = format!("{place} lets people past our line {ours} whom it selects: no code of them");
                    Finding::warn("stack-past", message, format!("if that is not meant: {hint}"))
                }
                _ => {
                    let message = format!("{place} lets people in past our line {ours}, which is never called then");
                    Finding::fail("stack-past", message, hint)
                }
            }
        }));
    }
    if !outlook.reached && outlook.past.is_empty() {
        let blocker = outlook.last_before.and_then(|place| stack.lines.get(place));
        let (why, hint) = match blocker {
            Some(blocker) => (
                format!(": {} ends every login before it", blocker.place()),
                format!("put the line \"{}\" above {}", line.text, blocker.place()),
            ),
            None => (String::new(), "see: twofactor doctor --user USER --service SERVICE".to_owned()),
        };
        findings.push(Finding::fail("stack-unreached", format!("{} is never reached{why}", line.place()), hint));
    }
    let weak = ["optional", "sufficient"].iter().any(|word| line.control.text.eq_ignore_ascii_case(word));
    if outlook.refused_gets_in || weak {
        let why = if outlook.refused_gets_in { "a wrong code gets in" } else { "it does not decide" };
        let message = format!("{} has the control {}: {why}", line.place(), line.control.text);
        let hint = format!("write {} so: {}", line.place(), module::mended(line).with_control("required"));
        findings.push(Finding::fail("stack-control", message, hint));
    }
    if outlook.reached && !(outlook.proved_gets_in && outlook.not_due_gets_in) {
        findings.push(refusing(service, stack, line, &outlook, policy));
    }
    // Whoever gets past a line that should have stopped them is named there.
    if !is_proved_before(service) && outlook.past.is_empty() {
        findings.extend(unasked(line, &outlook, policy));
    }
    if let [(_, first), (again, second), ..] = ours.as_slice() {
        let message = format!(
            "our module stands at {} and at {}: the code is asked for twice, and refused as used",
            first.place(),
            second.place()
        );
        findings.push(Finding::fail("stack-twice", message, without(stack, *again)));
    }
    let asks_too = |line: &&Line| line.kind == Kind::Module && OTHERS.contains(&line.module());
    if let Some((place, other)) = stack.lines.iter().enumerate().find(|(_, line)| asks_too(line)) {
        let message = format!("{} asks for a second factor as well, beside {}", other.place(), line.place());
        findings.push(Finding::warn("stack-second", message, without(stack, place)));
    }
    if outlook.unfinished {
        let message = format!("the stack of {} has more ways through it than can be looked at", line.place());
        let jumps = |line: &&Line| line.control.text.starts_with('[');
        let first = stack.lines.iter().find(jumps).unwrap_or(line).place();
        let hint =
            format!("write required or requisite in the place of jumps (success=N), of which {first} is the first");
        findings.push(Finding::warn("stack-unread", message, shipped(service).unwrap_or(hint)));
    }
    findings
}

/// The command that puts a stack of ours in the place of what a service has. They include what Debian has.
fn shipped(service: &str) -> Option<String> {
    let ours = format!("/usr/share/doc/pam-twofactor/pam.d/{service}");
    let fits = !service.contains('/') && Path::new(&ours).is_file() && Path::new(COMMON).is_file();
    fits.then(|| format!("cp --backup {ours} /etc/pam.d/{service}"))
}

/// The place of the last line that was read.
fn last(stack: &Stack) -> String {
    stack.lines.last().map(Line::place).unwrap_or_default()
}

/// Nobody gets in who should: whoever has proved a code, or whoever needs none.
fn refusing(service: &str, stack: &Stack, line: &Line, outlook: &Outlook, policy: Option<&Policy>) -> Finding {
    // Without settings nobody is let in anyway.
    let spared = policy.is_some_and(may_be_spared);
    let who = match (outlook.proved_gets_in, spared) {
        (false, _) => "whoever proves a code",
        (true, true) => "whoever is asked for none",
        (true, false) => "whoever would be asked for none by a rule",
    };
    let message =
        format!("{}: {who} is refused all the same, as no module of the stack says yes to them", line.place());
    let hint = mended(service, stack, line);
    let hint = hint.unwrap_or_else(|| "see which line refuses: twofactor doctor --user USER --service S".to_owned());
    if outlook.proved_gets_in && !spared {
        return Finding::warn("stack-permit", message, hint);
    }
    Finding::fail("stack-permit", message, hint)
}

/// Whether what comes before the stack may have proved who somebody is: sshd has seen a key.
fn is_proved_before(service: &str) -> bool {
    service == "sshd" || is_common(service)
}

/// Who is let in without having given a password.
fn unasked(line: &Line, outlook: &Outlook, policy: Option<&Policy>) -> Option<Finding> {
    let place = line.place();
    if outlook.nothing_gets_in && policy.is_some_and(may_be_spared) {
        let message =
            format!("{place}: whoever is asked for no code gets in without anything, as nothing else is asked for");
        return Some(Finding::fail("stack-open", message, ask_for_the_password(line)));
    }
    let message = format!("{place}: a code alone lets people in, as nothing asks for a password");
    outlook.code_alone.then(|| Finding::warn("stack-code-alone", message, ask_for_the_password(line)))
}

fn ask_for_the_password(ours: &Line) -> String {
    let include = ours.service.is_none() && *ours.file != *COMMON && Path::new(COMMON).is_file();
    let line = if include { "@include common-auth".to_owned() } else { ours.in_its_file(PASSWORD) };
    format!("write a first line in {}: {line}", ours.file)
}

/// One line more or less with which the stack lets in whom it should and, as every way through it says, nobody else.
fn mended(service: &str, stack: &Stack, ours: &Line) -> Option<String> {
    const PERMIT: &str = "auth required pam_permit.so";
    let before = Outlook::of(stack);
    if before.unfinished {
        return None;
    }
    let mends = |lines: Vec<Line>| {
        let after = Outlook::of(&Stack { lines, cut: false });
        let opens = !is_proved_before(service) && after.nothing_gets_in && !before.nothing_gets_in;
        let harmless =
            after.past.len() <= before.past.len() && after.refused_gets_in <= before.refused_gets_in && !opens;
        after.proved_gets_in && after.not_due_gets_in && harmless
    };
    let last = stack.lines.iter().rfind(|line| line.level == 0)?;
    let written = |text| Stack::read(&Single(text), "/single", Part::Auth)?.lines.pop();
    let (permit, password) = (written(PERMIT)?, written(PASSWORD)?);
    if mends(stack.lines.iter().cloned().chain([permit]).collect()) {
        return Some(format!("write a last auth line in {}: {}", last.file, last.in_its_file(PERMIT)));
    }
    if mends([password].into_iter().chain(stack.lines.iter().cloned()).collect()) {
        return Some(ask_for_the_password(ours));
    }
    let kept = |place: usize| {
        let kept = stack.lines.iter().enumerate().filter(|(at, _)| *at != place);
        kept.map(|(_, line)| line.clone()).collect()
    };
    let denying =
        stack.lines.iter().enumerate().filter(|(_, line)| matches!(Nature::of(line), Nature::Deny | Nature::Broken));
    // For each of them every way is gone again.
    let (_, line) = denying.take(TRIED_MAX).find(|(place, _)| mends(kept(*place)))?;
    Some(format!("take out the line {}", line.place()))
}

/// How a line is taken out. One that others jump over has to be one line still.
fn without(stack: &Stack, place: usize) -> String {
    let Some(line) = stack.lines.get(place) else { return String::new() };
    if is_jumped_over(stack, place) {
        let nothing = line.in_its_file(&format!("{} [default=ignore] pam_permit.so", line.part));
        return format!("write {} so: {nothing}", line.place());
    }
    format!("take out the line {}", line.place())
}

/// Whether any login is let in without a code.
fn may_be_spared(policy: &Policy) -> bool {
    let mut terms = policy.rules.iter().map(|rule| &rule.terms).chain([&policy.otherwise]);
    terms.any(|terms| terms.mode != Mode::Required || terms.remember_seconds.is_some())
}

/// How a line is changed that lets people in past ours.
fn way_past(stack: &Stack, culprit: usize, ours: usize) -> String {
    let (Some(line), Some(our_line)) = (stack.lines.get(culprit), stack.lines.get(ours)) else { return String::new() };
    let Some(between) = stack.lines.get(culprit + 1..ours) else { return String::new() };
    let jumps = line.control.text.starts_with('[') && !line.control.text.contains("done");
    if !jumps && line.level == our_line.level {
        let lines = between.iter().filter(|line| line.level == our_line.level).count();
        let control = match lines {
            0 => "requisite".to_owned(),
            lines => format!("success={lines} default=ignore"),
        };
        return format!("write {} so: {}", line.place(), line.with_control(&control));
    }
    match stack.lines.iter().skip(ours + 1).rfind(|line| line.level == our_line.level) {
        Some(last) => format!("put the line \"{}\" below {}", our_line.text, last.place()),
        None => format!("put a line between {} and the end: auth required pam_permit.so", our_line.place()),
    }
}

/// One file of that content, whatever its name.
struct Single(&'static str);

impl Files for Single {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        Some(self.0.as_bytes().to_vec())
    }

    fn has_directory(&self, _: &str) -> bool {
        true
    }
}

const OUR_LINE: &str = "auth required pam_twofactor.so";
/// Without how many lines a stack is looked at, one at a time, to find the one that is in the way.
const TRIED_MAX: usize = 16;
/// Services that people log in by, each with the program that is it.
const DOORS: [(&str, &str); 4] =
    [("sshd", "/usr/sbin/sshd"), ("login", "/bin/login"), ("su", "/bin/su"), ("sudo", "/usr/bin/sudo")];
/// What a program is called with a login shell (sudo -i, su -).
const TWINS: [(&str, &str); 2] = [("sudo", "sudo-i"), ("su", "su-l")];
/// What asks for the password of a local account.
const PASSWORD: &str = "auth requisite pam_unix.so";
const COMMON: &str = "/etc/pam.d/common-auth";
/// Modules that ask for a second factor themselves.
const OTHERS: [&str; 7] = [
    "pam_google_authenticator.so",
    "pam_oath.so",
    "pam_duo.so",
    "pam_otpw.so",
    "pam_u2f.so",
    "pam_yubico.so",
    "pam_privacyidea.so",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pam::stack::tests::written;

    fn stack(text: &str) -> Stack {
        Stack::read(&written(&[("/etc/pam.d/x", text)]), "x", Part::Auth).unwrap()
    }

    #[test]
    fn what_is_too_long_to_be_read_is_not_judged() {
        let long = "auth optional pam_unix.so\n".repeat(1001);
        let found = of_stack("sudo", &stack(&format!("auth optional pam_twofactor.so\n{long}")), None);
        assert_eq!(found.iter().map(|finding| finding.check).collect::<Vec<_>>(), ["stack-unread"]);
        let below = format!("{long}auth required pam_twofactor.so\n");
        let files = written(&[("/etc/pam.d/x", &below), ("/etc/pam.d/y", "auth required pam_unix.so\n")]);
        let wiring = Wiring::read(&files, &["x".to_owned(), "y".to_owned()]);
        assert_eq!(
            (wiring.too_long, wiring.services.len()),
            (vec![("x".to_owned(), "/etc/pam.d/x:1000".to_owned())], 0)
        );
    }

    #[test]
    fn the_line_that_is_in_the_way_is_looked_for_among_few() {
        let hint = |harmless: usize| {
            let harmless = "auth optional pam_deny.so\n".repeat(harmless);
            let ours = "auth requisite pam_unix.so\nauth required pam_twofactor.so\n";
            let stack = stack(&format!("{ours}{harmless}auth required pam_deny.so\n"));
            mended("sudo", &stack, &stack.lines[1])
        };
        assert_eq!(hint(0).as_deref(), Some("take out the line /etc/pam.d/x:3"));
        assert_eq!(hint(TRIED_MAX - 1).as_deref(), Some("take out the line /etc/pam.d/x:18"));
        assert_eq!(hint(TRIED_MAX), None);
    }
}
