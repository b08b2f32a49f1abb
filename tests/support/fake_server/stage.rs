//! What happens at a stage of a conversation: what should, or what the script says.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use support::{Behaviour, Event, Stage};

use crate::stream::{Stream, Tls};
use crate::tell;

/// The script of one connection.
pub struct Stages {
    connection: usize,
    behaviours: BTreeMap<Stage, Vec<Behaviour>>,
}

impl Stages {
    pub fn new(connection: usize, behaviours: BTreeMap<Stage, Vec<Behaviour>>) -> Stages {
        Stages { connection, behaviours }
    }

    /// Begins TLS, or does what the script says instead; false if the conversation is over.
    pub fn handshake(&mut self, stream: &mut Stream, tls: &Tls) -> bool {
        match self.next(Stage::Handshake) {
            Behaviour::Normal => stream.secure(tls, |socket, bytes| socket.write_all(bytes)),
            Behaviour::Drip => stream.secure(tls, drip),
            other => {
                other.play(stream, b"");
                false
            }
        }
    }

    /// Answers. What has been said is returned, or nothing if the conversation is over.
    pub fn answer(&mut self, stage: Stage, stream: &mut Stream, right: &str) -> Option<String> {
        self.next(stage).play(stream, right.as_bytes())
    }

    fn next(&mut self, stage: Stage) -> Behaviour {
        let Some(script) = self.behaviours.get_mut(&stage) else { return Behaviour::Normal };
        let behaviour = if script.len() > 1 { script.remove(0) } else { script[0].clone() };
        if !matches!(behaviour, Behaviour::Normal) {
            tell(&Event::Misbehaved { connection: self.connection, stage });
        }
        behaviour
    }
}

/// How a behaviour is played.
pub trait Play {
    /// Says something: the right answer, or what the script has. What has been said is returned, or nothing if the
    /// conversation is over.
    fn play(&self, stream: &mut Stream, right: &[u8]) -> Option<String>;
}

impl Play for Behaviour {
    fn play(&self, stream: &mut Stream, right: &[u8]) -> Option<String> {
        // The code of a reply, or the version of HTTP.
        let (code, rest) = right.split_at(right.iter().position(|byte| b" -".contains(byte)).unwrap_or(0));
        match self {
            Behaviour::Normal => stream.write(right).ok().map(|()| String::from_utf8_lossy(right).into_owned()),
            Behaviour::Say(text) => stream.write(text.as_bytes()).ok().map(|()| text.clone()),
            Behaviour::Stall(text) => {
                let _ = stream.write(text.as_bytes());
                swallow(stream);
                None
            }
            Behaviour::Hang => {
                swallow(stream);
                None
            }
            Behaviour::Drip => {
                stream.drip(right);
                None
            }
            Behaviour::EndlessLine => {
                let _ = stream.write(&[code, b"-"].concat());
                while stream.write(&[b'a'; 8192]).is_ok() {}
                None
            }
            Behaviour::EndlessLines => {
                let line = [code, b"-more and more: of this\r\n"].concat();
                while stream.write(&line.repeat(256)).is_ok() {}
                None
            }
            Behaviour::Huge(size) => {
                let line = [code, b"-", &[b'a'; 60], b"\r\n"].concat();
                let lines = line.repeat(1024);
                for _ in 0..size.div_ceil(lines.len()) {
                    stream.write(&lines).ok()?;
                }
                stream.write(&[code, rest].concat()).ok().map(|()| String::from_utf8_lossy(right).into_owned())
            }
            Behaviour::Close => {
                stream.close();
                None
            }
        }
    }
}

/// Hears and says nothing.
fn swallow(stream: &mut Stream) {
    while let Some(line) = stream.line() {
        let (connection, secured) = (stream.connection, stream.is_secured());
        tell(&Event::Heard { connection, line, secured });
    }
}

fn drip(socket: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        socket.write_all(&[*byte])?;
        thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}
