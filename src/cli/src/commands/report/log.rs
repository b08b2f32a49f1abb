//! Lines of the system log, read back. Any user of the machine can write such lines (logger(1)): they are believed as far as
//! a report goes, and harm nothing.

use std::io::{self, BufRead};

/// How one login was decided, as the module has logged it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) user: String,
    pub(super) service: String,
    pub(super) outcome: String,
    pub(super) reason: String,
}

impl Decision {
    /// Reads one line of any log format; `None` if it is about something else.
    pub(super) fn read(line: &str) -> Option<Self> {
        let (_, after) = line.split_once("pam_twofactor(")?;
        let (_, mut rest) = after.split_once("): event=login ")?;
        let (mut user, mut service, mut outcome, mut reason) = (None, None, None, None);
        while let Some((key, after)) = rest.split_once('=') {
            let (value, next) = value(after);
            match key {
                "user" => user = Some(value),
                "service" => service = Some(value),
                "outcome" => outcome = Some(value),
                "reason" => reason = Some(value),
                _ => {}
            }
            rest = next.trim_start();
        }
        Some(Self { user: user?, service: service?, outcome: outcome?, reason: reason? })
    }
}

/// A value as [`twofactor_message::logged`] writes it, and what follows it. Bytes that are no text stay unreadable.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (bare, rest) = text.split_once(' ').unwrap_or((text, ""));
        return (bare.to_owned(), rest);
    };
    let mut bytes = Vec::new();
    let mut rest = quoted;
    while let Some(character) = rest.chars().next() {
        rest = rest.get(character.len_utf8()..).unwrap_or_default();
        match character {
            '"' => break,
            '\\' => {
                let code = rest.strip_prefix('x').and_then(|hex| hex.get(..2)).map(|hex| u8::from_str_radix(hex, 16));
                if let Some(Ok(byte)) = code {
                    bytes.push(byte);
                    rest = rest.get(3..).unwrap_or_default();
                } else if let Some(escaped) = rest.chars().next() {
                    bytes.extend(escaped.to_string().bytes());
                    rest = rest.get(escaped.len_utf8()..).unwrap_or_default();
                }
            }
            other => bytes.extend(other.to_string().bytes()),
        }
    }
    (String::from_utf8_lossy(&bytes).into_owned(), rest)
}

/// Every decision in a log, however long it or one of its lines is.
pub(super) fn decisions(mut log: impl BufRead, mut with: impl FnMut(Decision)) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        let chunk = log.fill_buf()?;
        if chunk.is_empty() {
            break;
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let (part, used) = match end {
            Some(end) => (chunk.get(..end), end + 1),
            None => (Some(chunk), chunk.len()),
        };
        let room = LINE_MAX_BYTES.saturating_sub(line.len());
        line.extend(part.unwrap_or_default().iter().take(room));
        log.consume(used);
        if end.is_some() {
            Decision::read(&String::from_utf8_lossy(&line)).map(&mut with);
            line.clear();
        }
    }
    Decision::read(&String::from_utf8_lossy(&line)).map(with);
    Ok(())
}

/// Longer than any line of ours.
const LINE_MAX_BYTES: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;
    use twofactor_message::logged;

    fn line(user: &str, service: &str) -> String {
        format!(
            "<86>Nov 26 08:00:00 host sshd[7]: pam_twofactor({service}:auth): event=login user={} service={} rhost=\"\" \
             tty=ssh outcome=refused reason=wrong-code rule=1 mode=monitor",
            logged(user),
            logged(service)
        )
    }

    #[test]
    fn what_was_logged_reads_back_whatever_the_name() {
        for user in ["alice", "zo\u{eb}", "a \" b\\ outcome=proved", "<script>", "\u{202e}\n\u{1f600}"] {
            let decision = Decision::read(&line(user, "sshd")).unwrap();
            let Decision { user: read, service, outcome, reason } = decision;
            assert_eq!((read.as_str(), service.as_str()), (user, "sshd"));
            assert_eq!((outcome.as_str(), reason.as_str()), ("refused", "wrong-code"));
        }
    }

    #[test]
    fn other_lines_are_none_of_ours() {
        for other in [
            "",
            "Nov 26 sshd[7]: Accepted publickey for alice",
            "pam_twofactor(sshd:auth): event=attempt user=alice service=sshd result=wrong-code",
            "pam_twofactor(sshd:auth): event=login outcome=misconfigured error=x",
            "pam_twofactor(: event=login user=a",
        ] {
            assert_eq!(Decision::read(other), None, "{other}");
        }
    }

    #[test]
    fn a_log_is_read_line_by_line_however_long_a_line_is() {
        let log = format!("{}\n{}\n\0\u{1b}\n{}", line("alice", "sshd"), "x".repeat(1 << 20), line("bob", "sudo"));
        let mut users = Vec::new();
        decisions(log.as_bytes(), |decision| users.push(decision.user)).unwrap();
        assert_eq!(users, ["alice", "bob"]);
        let mut bytes = line("alice", "sshd").into_bytes();
        bytes.extend(b"\xff\xfe\n\\x\\\"\n");
        decisions(bytes.as_slice(), drop).unwrap();
    }
}
