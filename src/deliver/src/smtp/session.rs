//! What is said to a mail server, and what its answers mean.

use std::fmt::Display;
use std::io::{Read, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lettre::address::Address;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail as MailFrom, Quit, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::{Response, Severity};
use twofactor_message::{Credentials, EmailAddress, Mail, Trouble, TroubleKind};
use zeroize::Zeroizing;

use super::wire::Wire;
use crate::conversation::{Conversation, MASK};
use crate::letter;
use crate::trouble::trouble;

/// One conversation with one server.
pub(crate) struct Session<'c, 't, S> {
    wire: Wire<S>,
    conversation: &'c mut Conversation<'t>,
}

impl<'c, 't, S: Read + Write> Session<'c, 't, S> {
    /// On a stream that nothing was said on.
    pub(crate) fn new(stream: S, conversation: &'c mut Conversation<'t>) -> Self {
        Self { wire: Wire::new(stream), conversation }
    }

    /// Waits for the server to say that it is one.
    pub(crate) fn greeting(&mut self) -> Result<(), Trouble> {
        self.conversation.stage("greeting");
        let reply = self.reply()?;
        expect(&reply, 220)
    }

    /// Says who we are and learns what the server can do.
    pub(crate) fn hello(&mut self, host: &str) -> Result<ServerInfo, Trouble> {
        let reply = self.say("EHLO", Ehlo::new(ClientId::Domain(host.to_owned())))?;
        expect(&reply, 250)?;
        // Keywords are case-insensitive (RFC 5321 section 2.4); lettre compares them as they are.
        let lines = reply.message().map(|line| line.to_ascii_uppercase().replace("AUTH=", "AUTH ")).collect();
        ServerInfo::from_response(&Response::new(reply.code(), lines))
            .map_err(|_| trouble(TroubleKind::Protocol, "the server does not say who it is"))
    }

    /// Asks for TLS and gives the stream back for it; what the server says before counts for nothing afterwards.
    pub(crate) fn start_tls(mut self, host: &str) -> Result<S, Trouble> {
        let server = self.hello(host)?;
        self.conversation.stage("STARTTLS");
        if !server.supports_feature(Extension::StartTls) {
            return Err(trouble(TroubleKind::Certificate, "the server does not offer it, and nothing is sent without"));
        }
        let reply = self.say("STARTTLS", Starttls)?;
        expect(&reply, 220)?;
        self.wire
            .into_stream()
            .map_err(|_| trouble(TroubleKind::Protocol, "the server sent text between STARTTLS and TLS"))
    }

    /// Proves who we are.
    pub(crate) fn authenticate(&mut self, credentials: &Credentials, server: &ServerInfo) -> Result<(), Trouble> {
        self.conversation.stage("AUTH");
        self.conversation.hide(&credentials.password);
        let usable: &[Mechanism] =
            if credentials.is_token { &[Mechanism::Xoauth2] } else { &[Mechanism::Plain, Mechanism::Login] };
        let Some(mechanism) = server.get_auth_mechanism(usable) else {
            let offer = if credentials.is_token { "does not offer XOAUTH2" } else { "offers neither PLAIN nor LOGIN" };
            return Err(trouble(TroubleKind::Credentials, format_args!("the server {offer}")));
        };
        let (user, password) = (credentials.username.as_str(), credentials.password.as_str());
        let reply = match mechanism {
            Mechanism::Plain => self.authenticate_at_once(mechanism, &format!("\0{user}\0{password}").into())?,
            Mechanism::Xoauth2 => {
                let initial = format!("user={user}\x01auth=Bearer {password}\x01\x01").into();
                let reply = self.authenticate_at_once(mechanism, &initial)?;
                // The reason comes as a challenge, and the refusal after an empty answer.
                if reply.has_code(334) { self.say_secret("", "")? } else { reply }
            }
            Mechanism::Login => {
                let mut reply = self.say("AUTH", format_args!("AUTH {mechanism}\r\n"))?;
                for word in [user, password] {
                    expect_auth(&reply, 334)?;
                    let word = self.encoded(word.as_bytes());
                    reply = self.say_secret("", &word)?;
                }
                reply
            }
        };
        expect_auth(&reply, 235)
    }

    fn authenticate_at_once(
        &mut self,
        mechanism: Mechanism,
        response: &Zeroizing<String>,
    ) -> Result<Response, Trouble> {
        let encoded = self.encoded(response.as_bytes());
        self.say_secret(&format!("AUTH {mechanism} "), &encoded)
    }

    /// In base64, and hidden from now on.
    fn encoded(&mut self, secret: &[u8]) -> Zeroizing<String> {
        let encoded = Zeroizing::new(BASE64_STANDARD.encode(secret));
        self.conversation.hide(&encoded);
        encoded
    }

    /// Hands the mail over. It must reach everybody it is written to; whether a copy does is their server's business.
    pub(crate) fn transfer(&mut self, mail: &Mail, letter: &[u8]) -> Result<(), Trouble> {
        let from = envelope(&mail.from)?;
        let reply = self.say("MAIL FROM", MailFrom::new(Some(from), Vec::new()))?;
        expect(&reply, 250)?;
        for to in &mail.to {
            let reply = self.recipient(to)?;
            expect_recipient(&reply)?;
        }
        for to in &mail.copy {
            let reply = self.recipient(to)?;
            if expect_recipient(&reply).is_err() {
                self.conversation.event(format_args!("(no copy for {})", to.as_str()));
            }
        }
        let reply = self.say("DATA", Data)?;
        expect(&reply, 354)?;
        self.conversation.stage("message");
        self.conversation.ours(format_args!("(message, {} bytes)", letter.len()));
        self.wire.send(&letter::for_smtp(letter))?;
        let reply = self.reply()?;
        expect(&reply, 250)
    }

    fn recipient(&mut self, to: &EmailAddress) -> Result<Response, Trouble> {
        self.say("RCPT TO", Rcpt::new(envelope(to)?, Vec::new()))
    }

    /// Says good-bye. The mail is taken; what is left is politeness, and nothing depends on the answer.
    pub(crate) fn quit(&mut self) {
        self.conversation.taken();
        let _ = self.say("QUIT", Quit);
    }

    /// Says a line (with its end) and waits for the answer.
    fn say(&mut self, stage: &str, command: impl Display) -> Result<Response, Trouble> {
        let line = command.to_string();
        self.conversation.stage(stage);
        self.conversation.ours(line.trim_end());
        self.wire.send(line.as_bytes())?;
        self.reply()
    }

    /// Says a line whose second part nobody else may see.
    fn say_secret(&mut self, first: &str, secret: &str) -> Result<Response, Trouble> {
        self.conversation.ours(format_args!("{first}{MASK}"));
        let line = Zeroizing::new([first, secret, "\r\n"].concat());
        self.wire.send(line.as_bytes())?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Response, Trouble> {
        let reply = self.wire.reply()?;
        let last = reply.message().count().saturating_sub(1);
        for (number, line) in reply.message().enumerate() {
            let mark = if number < last { '-' } else { ' ' };
            self.conversation.theirs(format_args!("{}{mark}{line}", reply.code()));
        }
        Ok(reply)
    }
}

/// The one code that says yes.
fn expect(reply: &Response, code: u16) -> Result<(), Trouble> {
    if reply.has_code(code) { Ok(()) } else { Err(refusal(reply)) }
}

/// 251 says that the mail will be forwarded (RFC 5321 section 3.4).
fn expect_recipient(reply: &Response) -> Result<(), Trouble> {
    if reply.has_code(251) { Ok(()) } else { expect(reply, 250) }
}

/// Any final refusal of AUTH is one of who we are (RFC 4954 section 6).
fn expect_auth(reply: &Response, code: u16) -> Result<(), Trouble> {
    expect(reply, code).map_err(|trouble| match trouble.kind {
        TroubleKind::Refused => Trouble { kind: TroubleKind::Credentials, ..trouble },
        _ => trouble,
    })
}

fn refusal(reply: &Response) -> Trouble {
    let kind = match u16::from(reply.code()) {
        // RFC 4954 section 6: authentication required, too weak, credentials invalid, encryption required.
        530 | 534 | 535 | 538 => TroubleKind::Credentials,
        _ => match reply.code().severity {
            Severity::TransientNegativeCompletion => TroubleKind::Deferred,
            Severity::PermanentNegativeCompletion => TroubleKind::Refused,
            Severity::PositiveCompletion | Severity::PositiveIntermediate => TroubleKind::Protocol,
        },
    };
    trouble(kind, format_args!("{} {}", reply.code(), one_line(reply)).to_string().trim_end())
}

/// The lines of a reply as one; an enhanced status code (RFC 2034) that begins every line is said once.
fn one_line(reply: &Response) -> String {
    let is_status = |word: &&str| word.contains('.') && word.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let status = reply.first_word().filter(is_status);
    let mut line = String::new();
    for text in reply.message().map(str::trim) {
        let repeated = status.filter(|_| !line.is_empty()).and_then(|status| text.strip_prefix(status));
        line.push(' ');
        line.push_str(repeated.unwrap_or(text).trim_start());
    }
    line.trim().to_owned()
}

fn envelope(address: &EmailAddress) -> Result<Address, Trouble> {
    letter::address(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::tests::{lines, overheard};
    use crate::letter::tests::mail;
    use crate::smtp::wire::tests::Script;

    /// What a server that says these pieces makes of it, what it heard, and what was said about it.
    fn talk<T>(
        pieces: &[&str],
        act: impl FnOnce(&mut Session<'_, '_, Script>) -> Result<T, Trouble>,
    ) -> (Result<T, Trouble>, String, Vec<String>) {
        let script = Script::new(pieces);
        let heard = script.heard.clone();
        let (mut conversation, words) = overheard();
        let result = act(&mut Session::new(script, &mut conversation));
        let heard = String::from_utf8(heard.borrow().clone()).unwrap();
        (result, heard, lines(&words))
    }

    fn credentials(is_token: bool) -> Credentials {
        Credentials { username: "alice".to_owned(), password: Zeroizing::new("hunter2".to_owned()), is_token }
    }

    fn kind<T>(result: Result<T, Trouble>) -> TroubleKind {
        result.err().unwrap().kind
    }

    #[test]
    fn a_mail_is_handed_over_and_everything_can_be_read_except_secrets() {
        let pieces = [
            "220 mx ready\r\n",
            "250-mx\r\n250-size 1000\r\n250 auth plain login\r\n",
            "235 2.7.0 ok\r\n",
            "250 sender\r\n",
            "250 recipient\r\n",
            "354 go\r\n",
            "250 2.0.0 queued\r\n",
            "221 bye\r\n",
        ];
        let (result, heard, lines) = talk(&pieces, |session| {
            session.greeting()?;
            let server = session.hello("host.example.org")?;
            session.authenticate(&credentials(false), &server)?;
            session.transfer(&mail(), b"Subject: x\r\n\r\n.\r\n")?;
            session.quit();
            Ok(())
        });
        assert_eq!(result, Ok(()));
        assert_eq!(
            heard,
            "EHLO host.example.org\r\nAUTH PLAIN AGFsaWNlAGh1bnRlcjI=\r\nMAIL FROM:<twofactor@example.org>\r\n\
             RCPT TO:<alice@example.org>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n"
        );
        assert_eq!(
            lines,
            [
                "< 220 mx ready",
                "> EHLO host.example.org",
                "< 250-mx",
                "< 250-size 1000",
                "< 250 auth plain login",
                "> AUTH PLAIN ****",
                "< 235 2.7.0 ok",
                "> MAIL FROM:<twofactor@example.org>",
                "< 250 sender",
                "> RCPT TO:<alice@example.org>",
                "< 250 recipient",
                "> DATA",
                "< 354 go",
                "> (message, 17 bytes)",
                "< 250 2.0.0 queued",
                "> QUIT",
                "< 221 bye"
            ]
        );
    }

    #[test]
    fn login_answers_two_challenges_and_a_server_that_repeats_them_is_masked() {
        let pieces =
            ["250 AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "535 no aHVudGVyMg== (hunter2)\r\n"];
        let (result, heard, lines) = talk(&pieces, |session| {
            let server = session.hello("h")?;
            session.authenticate(&credentials(false), &server)
        });
        assert_eq!(kind(result), TroubleKind::Credentials);
        assert!(heard.ends_with("AUTH LOGIN\r\nYWxpY2U=\r\naHVudGVyMg==\r\n"), "{heard}");
        assert_eq!(
            lines[2..].join("|"),
            "> AUTH LOGIN|< 334 VXNlcm5hbWU6|> ****|< 334 UGFzc3dvcmQ6|> ****|< 535 no **** (****)"
        );
    }

    #[test]
    fn a_token_goes_by_xoauth2_or_not_at_all() {
        let challenge = ["250 AUTH XOAUTH2 PLAIN\r\n", "334 eyJ9\r\n", "535 5.7.8 no\r\n"];
        let (result, heard, _) = talk(&challenge, |session| {
            let server = session.hello("h")?;
            session.authenticate(&credentials(true), &server)
        });
        assert_eq!(kind(result), TroubleKind::Credentials);
        let token = BASE64_STANDARD.encode("user=alice\x01auth=Bearer hunter2\x01\x01");
        assert_eq!(heard, format!("EHLO h\r\nAUTH XOAUTH2 {token}\r\n\r\n"));

        for (offer, is_token) in
            [("250 AUTH PLAIN LOGIN\r\n", true), ("250 AUTH XOAUTH2\r\n", false), ("250 x\r\n", false)]
        {
            let (result, heard, _) = talk(&[offer], |session| {
                let server = session.hello("h")?;
                session.authenticate(&credentials(is_token), &server)
            });
            assert_eq!((kind(result), heard.as_str()), (TroubleKind::Credentials, "EHLO h\r\n"), "{offer}");
        }
    }

    #[test]
    fn text_between_starttls_and_tls_is_an_attack() {
        let script = Script::new(&["250 STARTTLS\r\n", "220 go\r\n250-INJECTED\r\n250 AUTH LOGIN\r\n"]);
        let (mut conversation, _) = overheard();
        let result = Session::new(script, &mut conversation).start_tls("h");
        assert_eq!(kind(result), TroubleKind::Protocol);
    }

    #[test]
    fn without_starttls_nothing_is_sent() {
        let script = Script::new(&["250-x\r\n250 AUTH PLAIN\r\n"]);
        let heard = script.heard.clone();
        let (mut conversation, _) = overheard();
        let result = Session::new(script, &mut conversation).start_tls("h");
        assert_eq!(kind(result), TroubleKind::Certificate);
        assert_eq!(*heard.borrow(), b"EHLO h\r\n");
    }

    #[test]
    fn a_refused_recipient_fails_the_mail_and_a_refused_copy_does_not() {
        let mut two = mail();
        two.copy = vec!["bob@example.org".parse().unwrap()];
        let pieces = ["250 a\r\n", "250 b\r\n", "550-5.1.1 no\r\n550 5.1.1 such user\r\n", "354 go\r\n", "250 ok\r\n"];
        let (result, _, lines) = talk(&pieces, |session| session.transfer(&two, b""));
        assert_eq!(result, Ok(()));
        assert!(lines.contains(&"(no copy for bob@example.org)".to_owned()), "{lines:?}");
        let (result, _, _) = talk(&["250 a\r\n", pieces[2]], |session| session.transfer(&two, b""));
        assert_eq!(result, Err(trouble(TroubleKind::Refused, "550 5.1.1 no such user")));
    }

    #[test]
    fn only_250_after_the_message_means_that_it_was_taken() {
        for (last, expected) in [
            ("451 later\r\n", TroubleKind::Deferred),
            ("552 too big\r\n", TroubleKind::Refused),
            ("354 more\r\n", TroubleKind::Protocol),
            ("", TroubleKind::Protocol),
        ] {
            let pieces = ["250 a\r\n", "250 b\r\n", "354 go\r\n", last];
            let (result, _, _) = talk(&pieces, |session| session.transfer(&mail(), b""));
            assert_eq!(kind(result), expected, "{last}");
        }
    }
}
