//! RFC 5321 from the server's side, as far as a client that submits one message goes.

use support::{Event, Stage};

use crate::stage::Stages;
use crate::stream::{Stream, Tls};
use crate::tell;

/// Answers until somebody has enough.
pub fn converse(stream: &mut Stream, tls: Option<&Tls>, offers: &[String], stages: &mut Stages) {
    if stages.answer(Stage::Greeting, stream, "220 mail.example.test ESMTP\r\n").is_none() {
        return;
    }
    while let Some(line) = hear(stream) {
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let said = match verb.as_str() {
            "EHLO" => stages.answer(Stage::Ehlo, stream, &capabilities(stream, offers)),
            "HELO" => stages.answer(Stage::Ehlo, stream, "250 mail.example.test\r\n"),
            "STARTTLS" => match tls {
                Some(tls) => start_tls(stream, tls, stages),
                None => stages.answer(Stage::StartTls, stream, "502 5.5.1 no\r\n"),
            },
            "AUTH" => authenticate(&line, stream, stages),
            "MAIL" => stages.answer(Stage::Mail, stream, "250 2.1.0 ok\r\n"),
            "RCPT" => stages.answer(Stage::Rcpt, stream, "250 2.1.5 ok\r\n"),
            "DATA" => data(stream, stages),
            "RSET" | "NOOP" => stream.write(b"250 2.0.0 ok\r\n").ok().map(|()| String::new()),
            "QUIT" => {
                stages.answer(Stage::Quit, stream, "221 2.0.0 bye\r\n");
                stream.close();
                None
            }
            _ => stream.write(b"500 5.5.2 what?\r\n").ok().map(|()| String::new()),
        };
        if said.is_none() {
            return;
        }
    }
}

fn capabilities(stream: &Stream, offers: &[String]) -> String {
    let offers: Vec<&String> = offers.iter().filter(|offer| !(stream.is_secured() && *offer == "STARTTLS")).collect();
    let mut reply = format!("250{}mail.example.test\r\n", if offers.is_empty() { " " } else { "-" });
    for (index, offer) in offers.iter().enumerate() {
        let last = index + 1 == offers.len();
        reply.push_str(&format!("250{}{offer}\r\n", if last { " " } else { "-" }));
    }
    reply
}

/// RFC 3207. An answer that begins like a yes is one, whatever else comes with it.
fn start_tls(stream: &mut Stream, tls: &Tls, stages: &mut Stages) -> Option<String> {
    let said = stages.answer(Stage::StartTls, stream, "220 2.0.0 go\r\n")?;
    if said.starts_with("220") && !stages.handshake(stream, tls) {
        return None;
    }
    Some(said)
}

/// RFC 4954 with PLAIN, LOGIN and XOAUTH2: everybody is let in, once they have said everything.
fn authenticate(line: &str, stream: &mut Stream, stages: &mut Stages) -> Option<String> {
    let mut words = line.split(' ').skip(1);
    let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
    let questions: &[&str] = match (mechanism.as_str(), words.next()) {
        ("PLAIN" | "XOAUTH2", Some(_)) => &[],
        ("PLAIN" | "XOAUTH2", None) => &[""],
        // "Username:" and "Password:" in Base64.
        ("LOGIN", None) => &["VXNlcm5hbWU6", "UGFzc3dvcmQ6"],
        ("LOGIN", Some(_)) => &["UGFzc3dvcmQ6"],
        _ => return stream.write(b"504 5.5.4 unknown\r\n").ok().map(|()| String::new()),
    };
    for question in questions {
        stream.write(format!("334 {question}\r\n").as_bytes()).ok()?;
        hear(stream)?;
    }
    let said = stages.answer(Stage::Auth, stream, "235 2.7.0 ok\r\n")?;
    // XOAUTH2 and SASL in general: a question in the place of the answer is answered.
    if said.starts_with("334") {
        hear(stream)?;
        return stages.answer(Stage::Auth, stream, "235 2.7.0 ok\r\n");
    }
    Some(said)
}

fn data(stream: &mut Stream, stages: &mut Stages) -> Option<String> {
    let said = stages.answer(Stage::Data, stream, "354 go ahead\r\n")?;
    if !said.starts_with("354") {
        return Some(said);
    }
    let mut text = String::new();
    loop {
        // RFC 5321, 4.1.1.4: nothing but CRLF ends a line, and what else there is stays as it is.
        let line = stream.whole_line()?;
        match line.strip_prefix('.') {
            Some("\r\n") => break,
            Some(stuffed) => text.push_str(stuffed),
            None => text.push_str(&line),
        }
    }
    tell(&Event::Message { connection: stream.connection, text });
    stages.answer(Stage::Message, stream, "250 2.0.0 queued\r\n")
}

fn hear(stream: &mut Stream) -> Option<String> {
    let line = stream.line()?;
    tell(&Event::Heard { connection: stream.connection, line: line.clone(), secured: stream.is_secured() });
    Some(line)
}
