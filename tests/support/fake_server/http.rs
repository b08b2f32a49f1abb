//! One request of HTTP/1.1 a connection (RFC 9112), from the server's side.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::vec;

use support::{Behaviour, Event, Request, Stage, queued, response};

use crate::stage::Stages;
use crate::stream::{Stream, Tls};
use crate::tell;

/// Reads a request and answers it.
pub fn converse(connection: usize, mut stream: Stream, tls: Option<&Tls>, answers: &Mutex<vec::IntoIter<Behaviour>>) {
    let stages = |script| Stages::new(connection, script);
    if tls.is_some_and(|tls| !stages(BTreeMap::new()).handshake(&mut stream, tls)) {
        return;
    }
    let Some(request) = read(&mut stream) else { return };
    tell(&Event::Request { connection, request });
    let script = next(answers).map(|behaviour| (Stage::Request, vec![behaviour])).into_iter().collect();
    let right = response(201, &["Content-Type: application/json"], &queued().to_string());
    if stages(script).answer(Stage::Request, &mut stream, &right).is_some() {
        stream.close();
    }
}

/// The next answer; the last one stays.
fn next(answers: &Mutex<vec::IntoIter<Behaviour>>) -> Option<Behaviour> {
    let mut answers = answers.lock().expect("nobody panics here");
    if answers.len() > 1 { answers.next() } else { answers.as_slice().first().cloned() }
}

fn read(stream: &mut Stream) -> Option<Request> {
    let first = stream.line()?;
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = stream.line()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let value = |wanted| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let body = if value("transfer-encoding") == Some("chunked") {
        chunks(stream)?
    } else {
        stream.bytes(value("content-length").map_or(0, |length| length.parse().expect("a length")))
    };
    Some(Request { method, path, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

fn chunks(stream: &mut Stream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let length = usize::from_str_radix(stream.line()?.split(';').next()?.trim(), 16).ok()?;
        body.extend(stream.bytes(length));
        stream.line()?;
        if length == 0 {
            return Some(body);
        }
    }
}
