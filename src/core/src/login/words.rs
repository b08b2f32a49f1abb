//! Every sentence that the person at the prompt reads. Short, polite, true; the same for everybody who could be an
//! attacker.

use super::ways::{Dispatch, Way};
use crate::config::Config;
use crate::state::Channel;
use crate::throttle::Gate;

/// A remark that stands in a prompt, after the configured beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remark {
    /// Nothing to say.
    None,
    /// The last answer was no use.
    Again { slip: Slip, tries_left: u32 },
    /// Codes are not judged now.
    Held(Gate),
    /// A code went out.
    Sent { to: String },
    /// A code is going out.
    OnItsWay { to: String },
    /// A code went out a while ago.
    SentBefore { to: String, seconds: u64 },
    /// A code went out and is good no more; another has to wait.
    Soon { seconds: u64 },
    /// A code did not go out.
    NotSent { to: String },
    /// So many codes went out that none may for a while.
    Exhausted { seconds: u64, is_one_good: bool },
    /// The menu said which code is wanted.
    FromApp,
    /// The menu said which code is wanted.
    FromToken,
    /// The menu said which code is wanted.
    FromSheet,
    /// The menu has no such number.
    NoSuchWay,
    /// The menu stands above the prompt.
    Choose,
    /// The administrator was written to.
    Asked { reference: String },
    /// The administrator is being written to.
    AskOnItsWay { reference: String },
    /// The administrator was written to less than an hour ago.
    AskedBefore,
    /// The administrator could not be written to.
    NotAsked,
}

/// What was the matter with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slip {
    /// It was wrong, or is treated as if it had been.
    Wrong,
    /// It was wrong, and one too many for the code that was sent.
    Voided,
    /// It was right once.
    Replayed,
    /// It was right, but is too old.
    Expired,
    /// It was wrong, or of a token whose counter nobody knows.
    Lost,
    /// It was empty.
    Nothing,
}

/// A prompt for a code: the configured text first, since scripts and clients wait for it.
pub(super) fn code_prompt(beginning: &str, remarks: &[&Remark], config: &Config) -> String {
    let remarks: Vec<_> = remarks.iter().filter_map(|remark| said(remark, config)).collect();
    if remarks.is_empty() {
        return beginning.to_owned();
    }
    let space = if beginning.ends_with(' ') { "" } else { " " };
    format!("{beginning}{space}({}) ", remarks.join("; "))
}

/// A remark in words.
fn said(remark: &Remark, config: &Config) -> Option<String> {
    Some(match remark {
        Remark::None | Remark::Held(Gate::Open) => return None,
        Remark::Again { slip, tries_left } => {
            let (before, after) = match slip {
                Slip::Wrong => ("wrong code, ", ", ? for help"),
                Slip::Voided => ("wrong code, and the one that was sent is void now, ", ", ? for a new one"),
                Slip::Replayed => ("that code was already used, give a new one, ", ""),
                Slip::Expired => ("that code is too old, ", ", ? for a new one"),
                Slip::Lost => ("wrong code, or an administrator has to find your token again, ", ", ? for help"),
                Slip::Nothing => ("nothing was typed, ", ", ? for help"),
            };
            format!("{before}{}{after}", tries(*tries_left))
        }
        Remark::Held(Gate::Wait { seconds }) => {
            format!("too many wrong codes, wait {} or give a recovery code", duration(*seconds))
        }
        Remark::Held(Gate::Locked) => "locked after too many wrong codes, give a recovery code".to_owned(),
        Remark::Sent { to } => format!("sent to {to}, ? for other ways"),
        Remark::OnItsWay { to } => format!("on its way to {to}, ? for other ways"),
        Remark::SentBefore { to, seconds } => {
            format!("a code for {to} was asked for {} ago, ? for other ways", duration((*seconds).max(1)))
        }
        Remark::Soon { seconds } => format!("another code can be sent in {}, ? for other ways", duration(*seconds)),
        Remark::NotSent { to } => format!("could not be sent to {to}, ? for other ways"),
        Remark::Exhausted { seconds, is_one_good } => {
            let last = if *is_one_good { ", the last one is still good" } else { "" };
            format!("no more codes can be sent for {}{last}, ? for other ways", duration(*seconds))
        }
        Remark::FromApp => "from your authenticator app".to_owned(),
        Remark::FromToken => "the next code of your token".to_owned(),
        Remark::FromSheet => "one of your recovery codes".to_owned(),
        Remark::NoSuchWay => "there is no such number, ? for the list".to_owned(),
        Remark::Choose => "or a number from the list".to_owned(),
        Remark::Asked { reference } => {
            format!("your administrator was asked for help, reference {reference}; {}", or_write(config))
        }
        Remark::AskOnItsWay { reference } => {
            format!("the mail to your administrator is on its way, reference {reference}; {}", or_write(config))
        }
        Remark::AskedBefore => format!("you have asked less than an hour ago; {}", or_write(config)),
        Remark::NotAsked => match &config.rescue_mail {
            Some(address) => format!("the mail could not be sent, write to {} yourself", address.as_str()),
            None => "the mail could not be sent".to_owned(),
        },
    })
}

/// What helps who waits in vain.
fn or_write(config: &Config) -> String {
    let address = config.rescue_mail.as_ref().map_or("them", |address| address.as_str());
    format!("if nobody answers, write to {address}")
}

/// The answer to `?`: what can be typed, and what can be chosen by its number.
pub(super) fn menu(ways: &[Way]) -> String {
    let mut text = String::from("Other ways:\n");
    for (number, way) in (1..).zip(ways) {
        let what = match way {
            Way::App => "the code that your authenticator app shows".to_owned(),
            Way::Token => "the next code of your token".to_owned(),
            Way::Send(Dispatch { channel: Channel::Email, masked, .. }) => format!("a code by mail to {masked}"),
            Way::Send(Dispatch { channel: Channel::Sms, masked, .. }) => format!("a code by text to {masked}"),
            Way::Send(Dispatch { channel: Channel::Rescue, masked, .. }) => {
                format!("if the others are lost: a code by mail to {masked}")
            }
            Way::Recovery => "one of your recovery codes (xxxx-xxxx-xxxx-xxxx), each works once".to_owned(),
            Way::Administrator(address) => format!("ask the administrator for help ({})", address.as_str()),
        };
        text.push_str(&format!("  {number}  {what}\n"));
    }
    if !ways.iter().any(|way| matches!(way, Way::Administrator(_))) {
        text.push_str("If you have none of these, ask your administrator.\n");
    }
    text
}

/// After the last wrong answer: true for those who are not enrolled as for those who are.
pub(super) const REFUSED: &str =
    "That was not accepted. If you have no second factor or have lost it, ask your administrator.";

/// The records cannot be used.
pub(super) const UNAVAILABLE: &str =
    "Your second factor can't be checked right now. Your administrator finds the reason in the log.";

/// Throttled or locked at the end of a login.
pub(super) fn throttled(gate: Gate) -> String {
    match gate {
        Gate::Wait { seconds } => format!("Too many wrong codes. Try again in {}.", duration(seconds)),
        Gate::Open | Gate::Locked => {
            "Locked after too many wrong codes. Ask your administrator to unlock it.".to_owned()
        }
    }
}

/// After a recovery code.
pub(super) fn recovery_codes_left(left: usize) -> String {
    match left {
        0 => "That was your last recovery code. Ask for new ones.".to_owned(),
        1 => "1 recovery code left. Ask for new ones.".to_owned(),
        more => format!("{more} recovery codes left."),
    }
}

fn tries(left: u32) -> String {
    if left == 1 { "1 try left".to_owned() } else { format!("{left} tries left") }
}

/// `25 s`, `4 min`, `4 min 30 s`.
fn duration(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_begins_with_the_configured_text() {
        let config = Config::default();
        let prompt = |beginning, remark| code_prompt(beginning, &[&remark], &config);
        assert_eq!(prompt("Verification code: ", Remark::None), "Verification code: ");
        assert_eq!(
            prompt("Verification code: ", Remark::Again { slip: Slip::Wrong, tries_left: 1 }),
            "Verification code: (wrong code, 1 try left, ? for help) "
        );
        assert_eq!(
            prompt("Code:", Remark::Held(Gate::Wait { seconds: 270 })),
            "Code: (too many wrong codes, wait 4 min 30 s or give a recovery code) "
        );
    }

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, text) in [(1, "1 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (900, "15 min")] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn the_menu_numbers_the_ways_and_always_ends_with_somebody_to_ask() {
        let address = "helpdesk@example.org".parse().unwrap();
        let text = menu(&[Way::App, Way::Recovery, Way::Administrator(address)]);
        assert!(text.contains("  1  the code that your authenticator app shows\n"), "{text}");
        assert!(text.ends_with("  3  ask the administrator for help (helpdesk@example.org)\n"), "{text}");
        assert!(menu(&[Way::App]).ends_with("ask your administrator.\n"));
    }
}
