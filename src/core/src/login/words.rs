//! What a login has to say to the person at the prompt, and how it becomes one text.

use super::ways::{Dispatch, Way};
use crate::config::Config;
use crate::state::Channel;
use crate::throttle::Gate;
use crate::words::{Sentence, Words};

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

/// A prompt: the configured text first, since scripts and clients wait for it.
pub(super) fn prompt(beginning: &str, bad_news: &Remark, remark: &Remark, config: &Config, words: Words<'_>) -> String {
    let said = match (said(bad_news, config, words), said(remark, config, words)) {
        (None, None) => return beginning.to_owned(),
        (Some(first), Some(second)) => words.fill(Sentence::Both, &[("first", &first), ("second", &second)]),
        (Some(only), None) | (None, Some(only)) => only,
    };
    let space = if beginning.ends_with(' ') { "" } else { " " };
    format!("{beginning}{space}({said}) ")
}

/// A remark in words.
fn said(remark: &Remark, config: &Config, words: Words<'_>) -> Option<String> {
    // Whom to write to. Nobody is offered to ask where nobody can be written to.
    let address = config.rescue_mail.as_ref().map_or("", |address| address.as_str());
    let (sentence, place, value): (_, _, &str) = match remark {
        Remark::None | Remark::Held(Gate::Open) => return None,
        Remark::Again { slip, tries_left } => {
            let sentence = match slip {
                Slip::Wrong => Sentence::WrongCode,
                Slip::Voided => Sentence::VoidedCode,
                Slip::Replayed => Sentence::UsedCode,
                Slip::Expired => Sentence::OldCode,
                Slip::Lost => Sentence::LostToken,
                Slip::Nothing => Sentence::NoCode,
            };
            (sentence, "tries", &tries(*tries_left, words))
        }
        Remark::Held(Gate::Wait { seconds }) => (Sentence::Wait, "time", &words.duration(*seconds)),
        Remark::Held(Gate::Locked) => (Sentence::Locked, "", ""),
        Remark::Sent { to } => (Sentence::Sent, "to", to),
        Remark::OnItsWay { to } => (Sentence::OnItsWay, "to", to),
        Remark::SentBefore { to, seconds } => {
            let time = words.duration((*seconds).max(1));
            return Some(words.fill(Sentence::SentBefore, &[("to", to), ("time", &time)]));
        }
        Remark::Soon { seconds } => (Sentence::Soon, "time", &words.duration(*seconds)),
        Remark::NotSent { to } => (Sentence::NotSent, "to", to),
        Remark::Exhausted { seconds, is_one_good } => {
            let sentence = if *is_one_good { Sentence::ExhaustedOneGood } else { Sentence::Exhausted };
            (sentence, "time", &words.duration(*seconds))
        }
        Remark::FromApp => (Sentence::FromApp, "", ""),
        Remark::FromToken => (Sentence::FromToken, "", ""),
        Remark::FromSheet => (Sentence::FromSheet, "", ""),
        Remark::NoSuchWay => (Sentence::NoSuchWay, "", ""),
        Remark::Choose => (Sentence::Choose, "", ""),
        Remark::Asked { reference } => (Sentence::Asked, "reference", reference),
        Remark::AskOnItsWay { reference } => (Sentence::AskOnItsWay, "reference", reference),
        Remark::AskedBefore => (Sentence::AskedBefore, "", ""),
        Remark::NotAsked => (Sentence::NotAsked, "", ""),
    };
    Some(words.fill(sentence, &[(place, value), ("address", address)]))
}

/// The answer to `?`: what can be typed, and what can be chosen by its number.
pub(super) fn menu(ways: &[Way], words: Words<'_>) -> String {
    let mut text = words.say(Sentence::OtherWays);
    text.push('\n');
    for (number, way) in (1..).zip(ways) {
        let (sentence, place, value) = match way {
            Way::App => (Sentence::WayApp, "", ""),
            Way::Token => (Sentence::WayToken, "", ""),
            Way::Send(Dispatch { channel, masked, .. }) => {
                let sentence = match channel {
                    Channel::Email => Sentence::WayEmail,
                    Channel::Sms => Sentence::WaySms,
                    Channel::Rescue => Sentence::WayRescue,
                };
                (sentence, "to", masked.as_str())
            }
            Way::Recovery => (Sentence::WayRecovery, "", ""),
            Way::Administrator(address) => (Sentence::WayAdministrator, "address", address.as_str()),
        };
        text.push_str(&format!("  {number}  {}\n", words.fill(sentence, &[(place, value)])));
    }
    if !ways.iter().any(|way| matches!(way, Way::Administrator(_))) {
        text.push_str(&words.say(Sentence::NoWay));
        text.push('\n');
    }
    text
}

/// Throttled or locked at the end of a login.
pub(super) fn throttled(gate: Gate, words: Words<'_>) -> String {
    match gate {
        Gate::Wait { seconds } => words.fill(Sentence::Throttled, &[("time", &words.duration(seconds))]),
        Gate::Open | Gate::Locked => words.say(Sentence::LockedOut),
    }
}

/// After a recovery code.
pub(super) fn recovery_codes_left(left: usize, words: Words<'_>) -> String {
    match left {
        0 => words.say(Sentence::LastRecoveryCode),
        1 => words.say(Sentence::OneRecoveryCode),
        more => words.count(Sentence::RecoveryCodes, more as u64),
    }
}

pub(super) fn tries(left: u32, words: Words<'_>) -> String {
    if left == 1 { words.say(Sentence::OneTry) } else { words.count(Sentence::Tries, left.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrolment::DeviceId;
    use twofactor_message::Language;

    #[test]
    fn a_prompt_begins_with_the_configured_text() {
        let config = Config::default();
        let words = config.words(None);
        let prompt = |beginning, remark| prompt(beginning, &Remark::None, &remark, &config, words);
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
    fn the_menu_numbers_the_ways_and_always_ends_with_somebody_to_ask() {
        let address = "helpdesk@example.org".parse().unwrap();
        let config = Config::default();
        let words = config.words(None);
        let text = menu(&[Way::App, Way::Recovery, Way::Administrator(address)], words);
        assert!(text.contains("  1  the code that your authenticator app shows\n"), "{text}");
        assert!(text.ends_with("  3  ask the administrator for help (helpdesk@example.org)\n"), "{text}");
        assert!(menu(&[Way::App], words).ends_with("ask your administrator.\n"));
    }

    /// One of each remark, with what is filled in as it mostly is.
    fn remarks() -> Vec<Remark> {
        let slips = [Slip::Wrong, Slip::Voided, Slip::Replayed, Slip::Expired, Slip::Lost, Slip::Nothing];
        let mut remarks = vec![
            Remark::Held(Gate::Locked),
            Remark::FromApp,
            Remark::FromToken,
            Remark::FromSheet,
            Remark::NoSuchWay,
            Remark::Choose,
            Remark::AskedBefore,
            Remark::NotAsked,
            Remark::Asked { reference: "k7qm-3r9x".to_owned() },
            Remark::AskOnItsWay { reference: "k7qm-3r9x".to_owned() },
        ];
        for slip in slips {
            remarks.extend([1, 2, 10].map(|tries_left| Remark::Again { slip, tries_left }));
        }
        for seconds in [1, 30, 120, 900, 899, 3599] {
            remarks.push(Remark::Held(Gate::Wait { seconds }));
            remarks.push(Remark::Soon { seconds });
            remarks.extend([true, false].map(|is_one_good| Remark::Exhausted { seconds, is_one_good }));
            remarks.extend(TARGETS.map(|to| Remark::SentBefore { to: to.to_owned(), seconds }));
        }
        for to in TARGETS {
            let to = || to.to_owned();
            remarks.extend([Remark::Sent { to: to() }, Remark::OnItsWay { to: to() }, Remark::NotSent { to: to() }]);
        }
        remarks
    }

    const TARGETS: [&str; 3] = ["***56", "a***@e***.org", "a***@e***.example"];

    #[test]
    fn what_fits_a_line_in_english_fits_it_in_every_language() {
        let config = Config::parse(b"rescue_mail = 'it@x.org'").unwrap();
        let fits = |text: &str| text.lines().all(|line| line.chars().count() <= 80);
        let ways: Vec<_> = [Channel::Email, Channel::Sms, Channel::Rescue]
            .map(|channel| Way::Send(Dispatch { channel, device: DeviceId(1), masked: "a***@e***.example".to_owned() }))
            .into_iter()
            .chain([Way::App, Way::Token, Way::Recovery])
            .collect();
        let mut compared = 0;
        for language in Language::ALL {
            let (english, words) = (config.words(None), config.words(Some(language)));
            for beginning in [Sentence::CodePrompt, Sentence::CombinedPrompt] {
                for remark in remarks() {
                    let text =
                        |words: Words<'_>| prompt(&words.prompt(beginning), &Remark::None, &remark, &config, words);
                    assert!(fits(&text(words)) || !fits(&text(english)), "{}", text(words));
                    assert!(!text(words).contains(['{', '}']) && text(words).ends_with(") "), "{}", text(words));
                    compared += usize::from(fits(&text(words)));
                }
            }
            assert!(fits(&menu(&ways, words)), "{}", menu(&ways, words));
            for gate in [Gate::Locked, Gate::Wait { seconds: 899 }] {
                assert!(fits(&throttled(gate, words)), "{}", throttled(gate, words));
            }
            for left in [0, 1, 9] {
                assert!(fits(&recovery_codes_left(left, words)));
            }
        }
        assert!(compared > 150, "{compared}");
    }

    #[test]
    fn two_remarks_stand_side_by_side() {
        let config = Config::default();
        let bad_news = Remark::NotSent { to: "***56".to_owned() };
        let text = prompt("Code: ", &bad_news, &Remark::Choose, &config, config.words(Some(Language::De)));
        assert_eq!(text, "Code: (Versand an ***56 gescheitert, ? für andere Wege; oder eine Nummer aus der Liste) ");
    }
}
