//! One line of the log, read back from what the module wrote with [`twofactor_message::logged`].
//!
//! A line is one of ours only if the message itself begins as ours does: what a user made another program write into
//! the middle of its own line is none. Whatever else is in it, a line can be read, or it is counted as one that cannot.

use twofactor_core::clock::UnixTime;

use super::ending::Ending;
use super::time::Calendar;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing about the end of a login.
    Other,
    /// It begins like a login of ours and goes on like nothing that this version would write.
    Unreadable,
    /// How a login ended.
    Login(Login),
}

/// The end of one login, or of several alike that the system log wrote as one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Login {
    /// `None` if the line has no time that can be read.
    pub(super) at: Option<UnixTime>,
    pub(super) times: u64,
    /// The login name as it was given.
    pub(super) user: String,
    pub(super) service: String,
    pub(super) end: End,
    /// Whether mode `monitor` let them in whatever they proved.
    pub(super) monitored: bool,
}

/// How it ended, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// For somebody who exists, as far as the module knew.
    Somebody(Ending),
    /// No such user.
    UnknownUser,
    /// The host said in the person's place that they may not log in.
    RefusedByHost,
    /// The host did not say who.
    Nameless,
    /// The settings or the module's arguments were broken, and nobody was let in.
    Misconfigured,
}

impl Line {
    /// Reads one line, without its end.
    pub(super) fn read(line: &[u8], calendar: &Calendar) -> Self {
        let Some((header, message)) = split(line) else { return Self::Other };
        let (times, message) = repeated(message).unwrap_or((1, message));
        let Some(message) = message.strip_prefix(MARK) else { return Self::Other };
        let Some(message) = after(message, b"): ") else { return Self::Other };
        if !message.starts_with(b"event=login ") {
            return Self::Other;
        }
        match Fields::read(message).and_then(|fields| Login::of(&fields)) {
            Some(login) => Self::Login(Login { at: calendar.read(header), times, ..login }),
            None => Self::Unreadable,
        }
    }
}

impl Login {
    fn of(fields: &Fields) -> Option<Self> {
        let text = |key| fields.value(key).unwrap_or_default().to_owned();
        Some(Self {
            at: None,
            times: 1,
            user: text("user"),
            service: text("service"),
            end: End::of(fields.value("outcome")?, fields.value("reason").unwrap_or_default())?,
            monitored: fields.value("mode") == Some("monitor"),
        })
    }
}

impl End {
    /// The words of core's `Outcome`.
    fn of(outcome: &str, reason: &str) -> Option<Self> {
        Some(Self::Somebody(match (outcome, reason) {
            ("proved", _) => Ending::Proved,
            ("not-due" | "refused", "not-enrolled") => Ending::NotEnrolled,
            ("not-due", _) => Ending::NotAsked,
            ("throttled", _) => Ending::Throttled,
            ("unavailable", _) => Ending::Unavailable,
            ("refused", "unknown-user") => return Some(Self::UnknownUser),
            ("refused", "host-refuses") => return Some(Self::RefusedByHost),
            ("refused", "no-user-name") => return Some(Self::Nameless),
            ("refused", "wrong-code") => Ending::WrongCode,
            ("refused", "replayed-code") => Ending::ReplayedCode,
            ("refused", "expired-code") => Ending::ExpiredCode,
            ("refused", "no-code") => Ending::NoCode,
            ("refused", "no-answer") => Ending::NoAnswer,
            ("refused", _) => Ending::OtherReason,
            ("misconfigured", _) => return Some(Self::Misconfigured),
            _ => return None,
        }))
    }
}

/// `key=value`, separated by single blanks, each key once.
#[derive(Debug, Default)]
struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(text: &[u8]) -> Option<Self> {
        let mut fields = Self::default();
        let mut rest = text;
        loop {
            let at = rest.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (rest.get(..at)?, rest.get(at + 1..)?);
            let is_key = !key.is_empty() && key.iter().all(|b| b.is_ascii_lowercase() || *b == b'_');
            let key = std::str::from_utf8(key).ok().filter(|_| is_key)?;
            if fields.value(key).is_some() || fields.0.len() >= FIELDS_MAX {
                return None;
            }
            let (value, further) = read_value(value)?;
            fields.0.push((key.to_owned(), value));
            match further.split_first() {
                None => return Some(fields),
                Some((b' ', further)) => rest = further,
                Some(_) => return None,
            }
        }
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

/// A value that `logged` wrote, and what stands after it. One that was cut ends in `...`, perhaps in the middle of a
/// character.
fn read_value(text: &[u8]) -> Option<(String, &[u8])> {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        let bare = |b: &u8| b.is_ascii_alphanumeric() || b"_.:@/+-,".contains(b);
        let value =
            std::str::from_utf8(value).ok().filter(|value| !value.is_empty() && value.as_bytes().iter().all(bare));
        return Some((value?.to_owned(), rest));
    };
    let mut value = Vec::new();
    loop {
        let (byte, further) = rest.split_first()?;
        rest = further;
        match byte {
            b'"' => return Some((String::from_utf8_lossy(&value).into_owned(), rest)),
            b'\\' => match rest {
                [escaped @ (b'"' | b'\\'), further @ ..] => {
                    value.push(*escaped);
                    rest = further;
                }
                [b'x', high, low, further @ ..] => {
                    value.push(digit(*high)? << 4 | digit(*low)?);
                    rest = further;
                }
                _ => return None,
            },
            0x20..=0x7e => value.push(*byte),
            _ => return None,
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// What the system log put in front, and the message. The first colon with a blank after it ends the program's name.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    if line.starts_with(MARK) {
        return Some((&[], line));
    }
    let at = line.windows(2).position(|two| two == b": ")?;
    Some((line.get(..at)?, line.get(at + 2..)?))
}

/// `message repeated 3 times: [ …]`, as rsyslog writes where it is told to.
fn repeated(message: &[u8]) -> Option<(u64, &[u8])> {
    let rest = message.strip_prefix(b"message repeated ")?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, rest) = rest.split_at_checked(end)?;
    let times: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((times.min(REPEATED_MAX), rest.strip_prefix(b" times: [ ")?.strip_suffix(b"]")?))
}

fn after<'t>(text: &'t [u8], mark: &[u8]) -> Option<&'t [u8]> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    text.get(at + mark.len()..)
}

/// How pam_syslog(3) begins a line of ours, before the service.
const MARK: &[u8] = b"pam_twofactor(";
/// More than any line of ours has.
const FIELDS_MAX: usize = 32;
/// No host asks one person so often in a row.
const REPEATED_MAX: u64 = 1000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use twofactor_message::logged;

    use super::*;

    const WRONG: &str = "event=login user=alice service=sshd rhost=192.0.2.7 tty=ssh outcome=refused reason=wrong-code \
                         mode=monitor";

    fn read(line: &str) -> Line {
        Line::read(line.as_bytes(), &Calendar::of_tests())
    }

    fn login(line: &str) -> Login {
        match read(line) {
            Line::Login(login) => login,
            other => panic!("{other:?}: {line}"),
        }
    }

    #[test]
    fn a_login_is_read_from_whatever_log_it_stands_in() {
        for header in [
            "2026-11-26T08:00:00+0000 host sshd[12]: ",
            "2026-11-26T09:00:00+01:00 host sshd-session[12]: ",
            "2026-11-26T08:00:00.123456Z host sshd: ",
            "Nov 26 08:00:00 host sshd[12]: ",
            "<85>Nov 26 08:00:00 sshd[12]: ",
        ] {
            let found = login(&format!("{header}pam_twofactor(sshd:auth): {WRONG}"));
            assert_eq!(found.at, Some(UnixTime(1_795_680_000)), "{header}");
            assert_eq!((found.user.as_str(), found.service.as_str(), found.times), ("alice", "sshd", 1));
            assert_eq!((found.end, found.monitored), (End::Somebody(Ending::WrongCode), true));
        }
        assert_eq!(login(&format!("pam_twofactor(sshd:auth): {WRONG}")).at, None);
        assert_eq!(login(&format!("yesterday sshd: pam_twofactor(sshd:auth): {WRONG}")).at, None);
    }

    #[test]
    fn what_rsyslog_wrote_once_counts_as_often_as_it_was() {
        let line =
            format!("Nov 26 08:00:00 host sshd[1]: message repeated 3 times: [ pam_twofactor(sshd:auth): {WRONG}]");
        assert_eq!(login(&line).times, 3);
        assert_eq!(login(&line.replace(" 3 ", " 99999999999 ")).times, REPEATED_MAX);
    }

    #[test]
    fn every_word_of_the_modules_outcomes_has_its_place() {
        use End::Somebody;
        use twofactor_core::factor::Method;
        use twofactor_core::login::{NotDue, Outcome, ProvedBy, Refusal};
        for (outcome, end) in [
            (Outcome::Proved(ProvedBy::Method(Method::Totp)), Somebody(Ending::Proved)),
            (Outcome::Proved(ProvedBy::Bypass), Somebody(Ending::Proved)),
            (Outcome::NotDue(NotDue::Off), Somebody(Ending::NotAsked)),
            (Outcome::NotDue(NotDue::NotEnrolled), Somebody(Ending::NotEnrolled)),
            (Outcome::Throttled, Somebody(Ending::Throttled)),
            (Outcome::Unavailable, Somebody(Ending::Unavailable)),
            (Outcome::Refused(Refusal::UnknownUser), End::UnknownUser),
            (Outcome::Refused(Refusal::NotEnrolled), Somebody(Ending::NotEnrolled)),
            (Outcome::Refused(Refusal::WrongCode), Somebody(Ending::WrongCode)),
            (Outcome::Refused(Refusal::ReplayedCode), Somebody(Ending::ReplayedCode)),
            (Outcome::Refused(Refusal::ExpiredCode), Somebody(Ending::ExpiredCode)),
            (Outcome::Refused(Refusal::NoCode), Somebody(Ending::NoCode)),
            (Outcome::Refused(Refusal::HostRefuses), End::RefusedByHost),
            (Outcome::Refused(Refusal::NoAnswer), Somebody(Ending::NoAnswer)),
        ] {
            assert_eq!(End::of(outcome.name(), outcome.reason()), Some(end), "{outcome:?}");
        }
    }

    #[test]
    fn lines_about_other_things_are_no_logins() {
        for line in [
            "",
            "Nov 26 08:00:00 host sshd[1]: Accepted password for alice from 192.0.2.7",
            "Nov 26 08:00:00 host sshd[1]: pam_twofactor(sshd:auth): event=attempt user=alice result=wrong-code",
            "Nov 26 08:00:00 host sshd[1]: pam_twofactor(sshd:auth): event=login-like outcome=proved",
            "Nov 26 08:00:00 host sshd[1]: pam_unix(sshd:auth): event=login outcome=proved",
        ] {
            assert_eq!(read(line), Line::Other, "{line}");
        }
    }

    /// A user name, for instance, that sshd logs as invalid.
    #[test]
    fn a_line_that_another_program_was_made_to_write_is_no_login() {
        for line in [
            format!("Nov 26 08:00:00 host sshd[1]: Invalid user pam_twofactor(sshd:auth): {WRONG}"),
            format!("Nov 26 08:00:00 host sshd[1]: Invalid user : pam_twofactor(sshd:auth): {WRONG}"),
            format!(
                "Nov 26 08:00:00 host sshd[1]: Invalid user x: message repeated 3 times: [ pam_twofactor(sshd:auth): {WRONG}]"
            ),
        ] {
            assert_eq!(read(&line), Line::Other, "{line}");
        }
    }

    #[test]
    fn what_the_module_would_not_write_is_unreadable() {
        for tail in [
            "user=alice",
            "user=alice outcome=let-in",
            "user=alice user=bob outcome=proved",
            "user= outcome=proved",
            "user=al\"ice outcome=proved",
            "user=\"alice outcome=proved",
            "user=\"alice\"bob outcome=proved",
            "user=\"al\\ice\" outcome=proved",
            "user=\"al\\x4\" outcome=proved",
            "user=\"al\u{7}ice\" outcome=proved",
            "user=al\u{fc}ce outcome=proved",
            "User=alice outcome=proved",
            "outcome=proved  user=alice",
            "outcome=proved ",
        ] {
            assert_eq!(read(&format!("pam_twofactor(sshd:auth): event=login {tail}")), Line::Unreadable, "{tail}");
        }
    }

    proptest! {
        #[test]
        fn what_was_logged_reads_back(user in ".{0,80}", service in "[^\0]{0,40}") {
            let line = format!(
                "pam_twofactor(x:auth): event=login user={} service={} outcome=proved", logged(&user), logged(&service)
            );
            let found = login(&line);
            prop_assert_eq!((found.user, found.service), (user, service));
        }

        #[test]
        fn a_value_that_was_cut_reads_back_as_its_beginning(length in 513_usize..2000) {
            let text = logged(&"a".repeat(length));
            let (value, rest) = read_value(text.as_bytes()).unwrap();
            prop_assert_eq!(value, "a".repeat(512) + "...");
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Line::read(&bytes, &Calendar::of_tests());
            let ours = [b"<85>Nov 26 08:00:00 a: pam_twofactor(sshd:auth): event=login ", &bytes[..]].concat();
            let _ = Line::read(&ours, &Calendar::of_tests());
        }

        #[test]
        fn no_spoilt_byte_makes_the_reader_panic(at in 0_usize..200, byte in any::<u8>()) {
            let line = format!("2026-11-26T08:00:00+0000 host sshd[12]: pam_twofactor(sshd:auth): {WRONG} note=\"a\\x0a\\\"\"");
            let mut line = line.into_bytes();
            if let Some(place) = line.get_mut(at) {
                *place = byte;
            }
            let _ = Line::read(&line, &Calendar::of_tests());
        }
    }
}
