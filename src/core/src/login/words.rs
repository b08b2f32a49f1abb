//! Every sentence that the person at the prompt reads. Short, polite, true; the same for everybody who could be an
//! attacker.

use crate::config::Config;
use crate::factor::Method;
use crate::throttle::Gate;

/// A remark that stands in a prompt, after the configured beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remark {
    /// Nothing to say.
    None,
    /// The last code was wrong, or is treated as if it had been.
    Wrong { tries_left: u32 },
    /// The last code was right once.
    Replayed { tries_left: u32 },
    /// Nothing was typed.
    Nothing { tries_left: u32 },
    /// Codes are not judged now.
    Held(Gate),
}

/// A prompt for a code: the configured text first, since scripts and clients wait for it.
pub(super) fn code_prompt(beginning: &str, remark: Remark) -> String {
    let remark = match remark {
        Remark::None | Remark::Held(Gate::Open) => return beginning.to_owned(),
        Remark::Wrong { tries_left } => format!("wrong code, {}, ? for help", tries(tries_left)),
        Remark::Replayed { tries_left } => {
            format!("that code was already used, give a new one, {}", tries(tries_left))
        }
        Remark::Nothing { tries_left } => format!("nothing was typed, {}, ? for help", tries(tries_left)),
        Remark::Held(Gate::Wait { seconds }) => {
            format!("too many wrong codes, wait {} or give a recovery code", duration(seconds))
        }
        Remark::Held(Gate::Locked) => "locked after too many wrong codes, give a recovery code".to_owned(),
    };
    let space = if beginning.ends_with(' ') { "" } else { " " };
    format!("{beginning}{space}({remark}) ")
}

/// The answer to `?`. It depends on the configuration alone: what one user has is no attacker's business.
pub(super) fn other_ways(config: &Config) -> String {
    let mut text = String::from("You can give:\n");
    for method in &config.methods {
        text.push_str(match method {
            Method::Totp => "  - the code that your authenticator app shows\n",
            Method::Recovery => "  - one of your recovery codes (xxxx-xxxx-xxxx-xxxx), each works once\n",
        });
    }
    match &config.rescue_mail {
        Some(address) => text.push_str(&format!("If you have none of these, write to {}.\n", address.as_str())),
        None => text.push_str("If you have none of these, ask your administrator.\n"),
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
        assert_eq!(code_prompt("Verification code: ", Remark::None), "Verification code: ");
        assert_eq!(
            code_prompt("Verification code: ", Remark::Wrong { tries_left: 1 }),
            "Verification code: (wrong code, 1 try left, ? for help) "
        );
        assert_eq!(
            code_prompt("Code:", Remark::Held(Gate::Wait { seconds: 270 })),
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
    fn help_names_the_methods_and_who_can_help() {
        let config = Config::parse(b"methods = ['totp']\nrescue_mail = 'helpdesk@example.org'").unwrap();
        let help = other_ways(&config);
        assert!(help.contains("authenticator") && !help.contains("recovery") && help.contains("helpdesk@example.org"));
    }
}
