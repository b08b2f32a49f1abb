//! What can become of a login in a PAM stack: every way through it is gone, as libpam goes (pam.conf(5)).
//!
//! What a module answers is not known, so each may answer whatever modules of its kind do.

use std::collections::HashSet;

use super::stack::{Action, Kind, Line, Stack};

/// What the ways through a stack come to, as far as our line is concerned.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// The lines because of which somebody gets in past ours, without it being called.
    pub(crate) past: Vec<usize>,
    /// Whether ours is called on any way.
    pub(crate) reached: bool,
    /// The last line that any way comes to before ours.
    pub(crate) last_before: Option<usize>,
    /// Whether somebody gets in whom ours has refused.
    pub(crate) refused_gets_in: bool,
    /// Whether somebody gets in who has proved a code.
    pub(crate) proved_gets_in: bool,
    /// Whether somebody gets in of whom ours wants no code.
    pub(crate) not_due_gets_in: bool,
    /// Whether somebody gets in who has proved nothing but a code.
    pub(crate) code_alone: bool,
    /// Whether somebody gets in of whom ours wants no code, and who has proved nothing else.
    pub(crate) nothing_gets_in: bool,
    /// There are more ways than are gone.
    pub(crate) unfinished: bool,
}

/// What kind of answers a module has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nature {
    Ours,
    /// Says yes.
    Permit,
    /// Says no.
    Deny,
    /// Is none, and so fails.
    Broken,
    /// Asks for a proof of who somebody is.
    Proof,
    /// Tells one login from another by what it is, and asks for nothing.
    Selector,
    /// Whether it is root who asks.
    RootOnly,
    /// Keeps logins out at times.
    Gate,
    /// Prepares something.
    Helper,
}

impl Nature {
    pub(crate) fn of(line: &Line) -> Self {
        if line.kind == Kind::Broken {
            return Self::Broken;
        }
        match line.module().strip_prefix("pam_").and_then(|name| name.strip_suffix(".so")).unwrap_or_default() {
            "twofactor" => Self::Ours,
            "permit" => Self::Permit,
            "deny" => Self::Deny,
            "rootok" => Self::RootOnly,
            "succeed_if" | "access" | "listfile" | "wheel" | "localuser" | "time" | "exec" | "shells" | "securetty"
            | "usertype" => Self::Selector,
            "nologin" | "faillock" | "tally2" | "tally" => Self::Gate,
            "env" | "faildelay" | "group" | "cap" | "keyinit" | "motd" | "mail" | "limits" | "loginuid" | "selinux"
            | "warn" | "echo" | "issue" | "umask" | "lastlog" | "gnome_keyring" | "kwallet" | "kwallet5" | "mount"
            | "debuginfo" | "setcred" | "ecryptfs" => Self::Helper,
            _ => Self::Proof,
        }
    }

    fn answers(self) -> &'static [&'static str] {
        match self {
            Self::Permit => &["success"],
            Self::Deny | Self::RootOnly => &["auth_err"],
            Self::Broken => &["perm_denied"],
            Self::Helper => &["success", "ignore"],
            Self::Gate => &["ignore", "success", "auth_err"],
            Self::Ours => &["success", "ignore", "auth_err", "maxtries", "authinfo_unavail", "system_err"],
            Self::Proof => &["success", "auth_err", "user_unknown", "authinfo_unavail", "perm_denied"],
            Self::Selector => &["success", "auth_err", "ignore", "user_unknown", "perm_denied"],
        }
    }
}

impl Outlook {
    /// Goes every way through a stack.
    pub(crate) fn of(stack: &Stack) -> Self {
        let mut outlook = Self::default();
        let natures: Vec<_> = stack.lines.iter().map(Nature::of).collect();
        let ours: Vec<_> = stack.ours().collect();
        let mut seen = HashSet::new();
        let mut open = vec![Way::default()];
        while let Some(way) = open.pop() {
            let (Some(line), Some(nature)) = (stack.lines.get(way.at), natures.get(way.at)) else {
                outlook.arrived(&way);
                continue;
            };
            if !seen.insert(way.clone()) {
                continue;
            }
            if seen.len() > WAYS_MAX {
                outlook.unfinished = true;
                break;
            }
            if ours.iter().any(|ours| way.at < *ours) && way.ours.is_none() {
                outlook.last_before = outlook.last_before.max(Some(way.at));
            }
            if line.kind == Kind::Substack {
                open.push(way.into_substack(line));
                continue;
            }
            outlook.reached |= *nature == Nature::Ours;
            // What a control is ready for may come, however rarely: pam_sss.so knows nobody, and says "ignore".
            let rare = line.control.jumped_on().filter(|_| *nature == Nature::Proof);
            for answer in nature.answers().iter().copied().chain(rare) {
                let mut next = way.clone();
                next.step(stack, line, answer);
                match (*nature, answer) {
                    (Nature::Ours, "success") => next.ours = next.ours.max(Some(Verdict::Proved)),
                    (Nature::Ours, "ignore") => next.ours = next.ours.max(Some(Verdict::NotDue)),
                    (Nature::Ours, _) => next.ours = Some(Verdict::Refused),
                    (Nature::Proof, "success") => next.proved = true,
                    _ => {}
                }
                let left = |ours: &usize| *ours > way.at && *ours < next.at;
                if next.ours.is_none() && ours.iter().any(left) && !ours.iter().any(|ours| *ours >= next.at) {
                    next.culprit = Some(way.at);
                }
                open.push(next);
            }
        }
        outlook.past.sort_unstable();
        outlook
    }

    fn arrived(&mut self, way: &Way) {
        if !way.lets_in() {
            return;
        }
        match (way.ours, way.culprit) {
            (None, Some(culprit)) if !self.past.contains(&culprit) => self.past.push(culprit),
            (None, _) => {}
            (Some(Verdict::Refused), _) => self.refused_gets_in = true,
            (Some(Verdict::Proved), _) => {
                self.proved_gets_in = true;
                self.code_alone |= !way.proved;
            }
            (Some(Verdict::NotDue), _) => {
                self.not_due_gets_in = true;
                self.nothing_gets_in |= !way.proved;
            }
        }
    }
}

/// What ours has said, the worst of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Verdict {
    NotDue,
    Proved,
    Refused,
}

/// How far a login has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Way {
    /// The next line.
    pub(crate) at: usize,
    impression: Impression,
    /// What it was when each substack began.
    kept: Vec<Impression>,
    ours: Option<Verdict>,
    proved: bool,
    culprit: Option<usize>,
}

/// What libpam thinks so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
enum Impression {
    #[default]
    None,
    Good,
    /// An answer that is no success was taken for good: the host hears that one.
    Spoilt,
    Bad,
}

impl Way {
    /// Whether it ends in a login.
    pub(crate) fn lets_in(&self) -> bool {
        self.impression == Impression::Good
    }

    pub(crate) fn into_substack(mut self, head: &Line) -> Self {
        self.kept.truncate(head.level);
        self.kept.resize(head.level, Impression::None);
        self.kept.push(self.impression);
        self.at += 1;
        self
    }

    /// Goes on from a line that has answered.
    pub(crate) fn step(&mut self, stack: &Stack, line: &Line, answer: &str) -> Action {
        let action = line.control.on(answer);
        match action {
            Action::Ignore => {}
            Action::Reset => {
                let before = line.level.checked_sub(1).and_then(|level| self.kept.get(level));
                self.impression = before.copied().unwrap_or_default();
            }
            Action::Ok | Action::Done => {
                if matches!(self.impression, Impression::None | Impression::Good) {
                    self.impression = if answer == "success" { Impression::Good } else { Impression::Spoilt };
                }
            }
            Action::Bad | Action::Die => self.impression = Impression::Bad,
            Action::Jump(lines) => return self.jump(stack, line, lines),
        }
        let ends = action == Action::Die || action == Action::Done && self.impression != Impression::Bad;
        self.at += 1;
        while ends && stack.lines.get(self.at).is_some_and(|next| next.level >= line.level) {
            self.at += 1;
        }
        action
    }

    /// Over so many lines of this level; a substack is one. Beyond the end it is a mistake that refuses.
    fn jump(&mut self, stack: &Stack, line: &Line, lines: usize) -> Action {
        let level_of = |at: usize| stack.lines.get(at).map(|line| line.level);
        self.at += 1;
        let mut left = lines;
        while left > 0 && level_of(self.at).is_some_and(|level| level >= line.level) {
            self.at += 1;
            while level_of(self.at).is_some_and(|level| level > line.level) {
                self.at += 1;
            }
            left -= 1;
        }
        if left > 0 {
            self.impression = Impression::Bad;
        }
        Action::Jump(lines)
    }
}

/// Whether any line before it can jump over a line: it counts then, whatever it says.
pub(crate) fn is_jumped_over(stack: &Stack, place: usize) -> bool {
    let over = |(at, line): (usize, &Line)| {
        let jumps = line.control.jumps();
        jumps.into_iter().any(|lines| {
            let mut way = Way { at, ..Way::default() };
            way.jump(stack, line, lines);
            way.at > place
        })
    };
    stack.lines.iter().enumerate().take(place).any(over)
}

/// More than any stack has that a person has written.
const WAYS_MAX: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::super::stack::tests::written;
    use super::super::stack::{Part, Stack};
    use super::*;

    const UNIX: &str = "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\n\
                        auth required pam_permit.so\n";
    const OURS: &str = "auth required pam_twofactor.so\n";

    fn outlook(text: &str) -> Outlook {
        let files = written(&[("/etc/pam.d/x", text), ("/etc/pam.d/unix", UNIX)]);
        Outlook::of(&Stack::read(&files, "x", Part::Auth).unwrap())
    }

    /// How a stack fares in which nothing is wrong.
    fn sound() -> Outlook {
        Outlook { reached: true, proved_gets_in: true, not_due_gets_in: true, ..Outlook::default() }
    }

    #[test]
    fn stacks_of_ours_are_sound() {
        for text in [
            format!("@include unix\n{OURS}"),
            format!("auth substack unix\n{OURS}"),
            format!("auth sufficient pam_rootok.so\nauth include unix\n{OURS}"),
            format!("{UNIX}{OURS}auth optional pam_group.so\n"),
            format!("auth requisite pam_unix.so\n{OURS}"),
        ] {
            assert_eq!(Outlook { last_before: None, ..outlook(&text) }, sound(), "{text}");
        }
        let key = "auth [success=1 ignore=1 default=die] pam_twofactor.so\nauth requisite pam_deny.so\n\
                   auth required pam_permit.so\n";
        assert_eq!(outlook(key), Outlook { code_alone: true, nothing_gets_in: true, ..sound() });
    }

    #[test]
    fn whoever_gets_in_past_our_line_is_found_with_the_line_that_lets_them() {
        for (text, past) in [
            (format!("auth sufficient pam_unix.so\n{OURS}"), vec![0]),
            (format!("auth sufficient pam_sss.so\nauth sufficient pam_unix.so\n{OURS}"), vec![0, 1]),
            (format!("auth [success=done default=die] pam_unix.so\n{OURS}"), vec![0]),
            (format!("auth [success=1 default=ignore] pam_unix.so\n{OURS}{UNIX}"), vec![0]),
            (
                format!("auth [success=1 default=ignore] pam_succeed_if.so\n{OURS}auth required pam_permit.so\n"),
                vec![0],
            ),
            (
                format!(
                    "auth [success=ok ignore=1 default=die] pam_sss.so ignore_unknown_user\n{OURS}\
                     auth required pam_permit.so\n"
                ),
                vec![0],
            ),
            (format!("auth substack unix\nauth [default=1] pam_unix.so\n{OURS}auth required pam_permit.so"), vec![4]),
        ] {
            assert_eq!(outlook(&text).past, past, "{text}");
        }
        // What ends a substack alone ends nothing else.
        let files = written(&[
            ("/etc/pam.d/x", "auth substack s\nauth required pam_twofactor.so"),
            ("/etc/pam.d/s", "auth sufficient pam_unix.so\nauth required pam_deny.so"),
        ]);
        assert_eq!(Outlook::of(&Stack::read(&files, "x", Part::Auth).unwrap()).past, [0_usize; 0]);
    }

    #[test]
    fn a_line_that_nobody_comes_to_and_one_that_decides_nothing_are_found() {
        let below = outlook(&format!("auth requisite pam_deny.so\n{OURS}"));
        assert_eq!((below.reached, below.last_before), (false, Some(0)));
        for control in ["optional", "sufficient", "[success=ok default=ignore]"] {
            let text = format!("{UNIX}auth {control} pam_twofactor.so\n");
            assert!(outlook(&text).refused_gets_in, "{control}");
        }
    }

    #[test]
    fn a_stack_without_a_yes_lets_nobody_in_who_needs_no_code() {
        let alone = outlook(OURS);
        assert!(alone.proved_gets_in && !alone.not_due_gets_in);
        let beyond = outlook("auth [success=1 ignore=1 default=die] pam_twofactor.so\nauth requisite pam_deny.so\n");
        assert!(!beyond.proved_gets_in && !beyond.not_due_gets_in);
    }
}
