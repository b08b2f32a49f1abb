//! Composes the mail, so that no text of an errand can become a header or a second message.

use std::net::IpAddr;

use lettre::address::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message, MultiPart};
use twofactor_message::{EmailAddress, Mail, Trouble};
use zeroize::Zeroizing;

use crate::trouble::{local, sender};

/// The whole mail (RFC 5322, RFC 2045), in ASCII, lines ended by CRLF.
///
/// # Errors
/// An address is one that lettre would not write.
pub(crate) fn compose(mail: &Mail) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    let name = mail.from_name.as_deref().map(one_line).filter(|name| !name.is_empty());
    let mut message = Message::builder()
        .from(Mailbox::new(name, address(&mail.from)?))
        .subject(one_line(&mail.subject))
        .date_now()
        .message_id(Some(format!("<{}@{}>", random_name()?, host(mail))))
        // RFC 3834: nobody's holiday answers this.
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
        .header(MIME_VERSION_1_0);
    for to in &mail.to {
        message = message.to(address(to)?.into());
    }
    for copy in &mail.copy {
        message = message.cc(address(copy)?.into());
    }
    let message = match &mail.html {
        Some(html) => message.multipart(MultiPart::alternative_plain_html(mail.text.clone(), html.clone())),
        None => message.header(ContentType::TEXT_PLAIN).body(mail.text.clone()),
    };
    let message = message.map_err(|error| local(format_args!("compose the mail: {error}")))?;
    Ok(message.formatted().into())
}

/// An address as lettre knows it, which is stricter than ours in nothing that we have found.
///
/// # Errors
/// We have not found everything.
pub(crate) fn address(address: &EmailAddress) -> Result<Address, Trouble> {
    address.as_str().parse().map_err(|_| local(format_args!("{} can not be written to", address.as_str())))
}

/// The name of this host for Message-ID and EHLO: a domain or an address literal (RFC 5321 section 4.1.3).
pub(crate) fn host(mail: &Mail) -> String {
    match mail.host.parse() {
        Ok(IpAddr::V4(address)) => format!("[{address}]"),
        Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        // What may stand behind an @ may stand here.
        Err(_) if format!("x@{}", mail.host).parse::<EmailAddress>().is_ok() => mail.host.clone(),
        Err(_) => "localhost".to_owned(),
    }
}

/// 128 random bits.
///
/// # Errors
/// The kernel has none.
pub(crate) fn random_name() -> Result<String, Trouble> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|error| sender(format_args!("draw random bytes: {error}")))?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// As DATA wants it (RFC 5321 section 4.5.2): every line ended by CRLF, a dot in front doubled, a dot alone at the end.
/// A lone CR or LF ends a line too, so that no two servers disagree on where the message ends.
pub(crate) fn for_smtp(letter: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut data = Zeroizing::new(Vec::with_capacity(letter.len() + letter.len() / 8 + 16));
    for line in lines(letter) {
        if line.starts_with(b".") {
            data.push(b'.');
        }
        data.extend(line);
        data.extend(b"\r\n");
    }
    data.extend(b".\r\n");
    data
}

/// As programs and files of this host want it: lines ended by LF.
pub(crate) fn for_unix(letter: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(letter.len() + 1));
    for line in lines(letter) {
        text.extend(line);
        text.push(b'\n');
    }
    text
}

/// The lines, whatever they end with; what follows the last end is a line if it is not empty.
fn lines(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len());
        let (line, end) = rest.split_at(at);
        rest = end.strip_prefix(b"\r\n").or_else(|| end.get(1..)).unwrap_or_default();
        Some(line)
    })
}

/// A header is one line; lettre panics on a name that is not. It is read as it was written: what is filled into it can be
/// no encoded word (RFC 2047 section 2). And it is shorter than a line may be, even if it is one word that can not be
/// folded and each character of it is quoted (RFC 5322 section 2.1.1).
fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LINE_MAX_CHARACTERS).collect();
    line.trim().replace("=?", "= ?")
}

const LINE_MAX_CHARACTERS: usize = 400;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn mail() -> Mail {
        Mail {
            from: "twofactor@example.org".parse().unwrap(),
            from_name: Some("Example".to_owned()),
            to: vec!["alice@example.org".parse().unwrap()],
            copy: Vec::new(),
            subject: "123456 is your code".to_owned(),
            text: "Your code is 123456.\n".to_owned(),
            html: None,
            host: "host.example.org".to_owned(),
        }
    }

    fn composed(mail: &Mail) -> String {
        String::from_utf8(compose(mail).unwrap().to_vec()).unwrap()
    }

    /// The header lines without the two that differ every time, which are looked at here.
    fn headers(letter: &str) -> Vec<&str> {
        let (headers, _) = letter.split_once("\r\n\r\n").unwrap();
        let date = headers.lines().find(|line| line.starts_with("Date: ")).unwrap();
        assert!(date.ends_with(" +0000"), "{date}");
        let id = headers.lines().find(|line| line.starts_with("Message-ID: <")).unwrap();
        assert_eq!(id.find('@').unwrap() - "Message-ID: <".len(), 32);
        headers.lines().filter(|line| *line != date && *line != id).collect()
    }

    #[test]
    fn a_mail_has_these_headers_and_no_other() {
        let letter = composed(&mail());
        assert_eq!(
            headers(&letter),
            [
                "From: Example <twofactor@example.org>",
                "Subject: 123456 is your code",
                "Auto-Submitted: auto-generated",
                "MIME-Version: 1.0",
                "To: alice@example.org",
                "Content-Type: text/plain; charset=utf-8",
                "Content-Transfer-Encoding: 7bit"
            ]
        );
        assert!(letter.ends_with("\r\n\r\nYour code is 123456.\r\n"), "{letter}");
        assert!(letter.contains("@host.example.org>\r\n"));
    }

    #[test]
    fn no_text_becomes_a_header() {
        let evil = "x\r\nBcc: eve@example.org\r\n\r\nbody\u{0}\n.\r\n";
        let mut mail = mail();
        mail.subject = evil.to_owned();
        mail.from_name = Some(evil.to_owned());
        mail.host = evil.to_owned();
        mail.text = evil.to_owned();
        mail.html = Some(evil.to_owned());
        mail.copy = vec!["bob@example.org".parse().unwrap()];
        let letter = composed(&mail);
        for name in headers(&letter).iter().filter(|line| !line.starts_with(' ')) {
            let name = name.split(':').next().unwrap();
            let known = ["From", "To", "Cc", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type"];
            assert!(known.contains(&name), "{letter}");
        }
        assert!(letter.contains("@localhost>\r\n") && letter.contains("\r\nCc: bob@example.org\r\n"), "{letter}");
        let data = String::from_utf8(for_smtp(letter.as_bytes()).to_vec()).unwrap();
        assert_eq!(data.find("\r\n.\r\n"), Some(data.len() - 5));
    }

    #[test]
    fn any_language_is_written_in_ascii_and_any_line_is_short() {
        let mut mail = mail();
        mail.subject = "\u{42d}\u{442}\u{43e} \u{43a}\u{43e}\u{434} \u{1f512} ".repeat(20);
        mail.from_name = Some("Zo\u{eb} \"the\" <admin>".to_owned());
        mail.text = format!("{}\nfa\u{e7}ade\n", "x".repeat(5000));
        mail.html = Some("<p>\u{e9}</p>".to_owned());
        let letter = composed(&mail);
        assert!(letter.is_ascii());
        assert!(letter.lines().all(|line| line.len() <= 998), "{letter}");
        assert!(letter.contains("Content-Type: multipart/alternative;"), "{letter}");
    }

    #[test]
    fn nothing_in_a_subject_or_name_is_decoded() {
        for evil in ["=?utf-8?B?RVZJTA==?=", "==?utf-8?q?EVIL?=", "=\u{0}?utf-8?q?EVIL?=", "\u{e9} =?utf-8?q?EVIL?="] {
            let letter = composed(&Mail { subject: evil.to_owned(), from_name: Some(evil.to_owned()), ..mail() });
            assert!(!letter.contains("RVZJTA") || letter.contains("= ?utf-8?B?"), "{letter}");
            assert!(!letter.to_ascii_lowercase().contains("=?utf-8?q?evil"), "{letter}");
        }
    }

    #[test]
    fn no_word_of_a_header_is_longer_than_a_line() {
        for long in ["x", "\"", "\u{1f512}", "=?", "\\"] {
            let long = long.repeat(5000);
            let letter = composed(&Mail { subject: long.clone(), from_name: Some(long), ..mail() });
            let longest = letter.lines().map(str::len).max();
            assert!(longest <= Some(998), "{longest:?}");
        }
    }

    #[test]
    fn a_name_of_only_control_characters_is_no_name() {
        let mut mail = mail();
        mail.from_name = Some("\r\n".to_owned());
        assert!(composed(&mail).contains("From: twofactor@example.org\r\n"));
    }

    #[test]
    fn a_host_without_a_proper_name_is_localhost() {
        for (host, said) in [
            ("host.example.org", "host.example.org"),
            ("vm", "vm"),
            ("192.0.2.1", "[192.0.2.1]"),
            ("2001:db8::1", "[IPv6:2001:db8::1]"),
            ("", "localhost"),
            ("my_host", "localhost"),
            ("x\r\nRSET", "localhost"),
            ("a@b", "localhost"),
        ] {
            assert_eq!(super::host(&Mail { host: host.to_owned(), ..mail() }), said);
        }
    }

    #[test]
    fn lines_end_and_dots_are_doubled() {
        for (text, data) in [
            ("", ".\r\n"),
            ("a", "a\r\n.\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            (".\n..\r\n.a", "..\r\n...\r\n..a\r\n.\r\n"),
            ("a\r.\rb", "a\r\n..\r\nb\r\n.\r\n"),
            ("\n\n", "\r\n\r\n.\r\n"),
        ] {
            assert_eq!(*for_smtp(text.as_bytes()), data.as_bytes(), "{text:?}");
        }
        assert_eq!(*for_unix(b"a\r\n.\r\n\r\nb"), b"a\n.\n\nb\n");
    }

    #[test]
    fn every_address_of_ours_is_one_for_lettre() {
        for text in ["a.b+c@x-y.example", "root@localhost", "!#$%&'*+-/=?^_`{|}~@example.org", "a@1.example"] {
            assert!(address(&text.parse().unwrap()).is_ok(), "{text}");
        }
    }
}
