//! A name server that answers nobody (RFC 1035, 4.1.2: what a question looks like).

use std::net::UdpSocket;

use support::Event;

use crate::tell;

/// Tells which names are asked for.
pub fn play(port: u16) {
    let socket = UdpSocket::bind(("127.0.0.53", port)).expect("the port is free");
    tell(&Event::Listening);
    let mut question = [0; 512];
    for connection in 0.. {
        let length = socket.recv(&mut question).expect("a question");
        tell(&Event::Heard { connection, line: name(&question[12..length.max(12)]), secured: false });
    }
}

fn name(mut labels: &[u8]) -> String {
    let mut name = Vec::new();
    while let Some((length, rest)) = labels.split_first().filter(|(length, _)| **length > 0) {
        let (label, others) = rest.split_at(usize::from(*length).min(rest.len()));
        name.push(String::from_utf8_lossy(label).into_owned());
        labels = others;
    }
    name.join(".")
}
