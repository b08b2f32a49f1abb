//! A server that plays a part inside a sandbox, a bad one mostly.
//!
//! It reads a port and a `support::Part` as one line of JSON and tells `support::Event`s, each as a line of JSON, until
//! its input ends. What clients had sent by then is still told.

mod deaf;
mod http;
mod names;
mod smtp;
mod stage;
mod stream;

use std::io::{self, BufRead, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{process, thread};

use support::{Event, Part};

use crate::stage::Stages;
use crate::stream::{Stream, Tls};

fn main() {
    let mut part = String::new();
    io::stdin().lock().read_line(&mut part).expect("a part on standard input");
    let (port, part): (u16, Part) =
        serde_json::from_str(&part).unwrap_or_else(|error| panic!("the part is not understood: {error}"));
    let open = Arc::new(Mutex::new(Vec::new()));
    match part {
        Part::Names => thread::spawn(move || names::play(port)),
        Part::Deaf => thread::spawn(move || deaf::play(port)),
        Part::Smtp(part) => {
            let (tls, implicit) = (part.certificate.as_ref().map(Tls::new), part.implicit);
            listen(port, Arc::clone(&open), move |connection, stream| {
                let mut stages = Stages::new(connection, part.behaviours.clone());
                let mut stream = Stream::new(connection, stream);
                let Some(tls) = &tls else { return smtp::converse(&mut stream, None, &part.offers, &mut stages) };
                if !implicit || stages.handshake(&mut stream, tls) {
                    smtp::converse(&mut stream, Some(tls), &part.offers, &mut stages);
                }
            })
        }
        Part::Http(part) => {
            let tls = part.certificate.as_ref().map(Tls::new);
            let answers = Mutex::new(part.answers.into_iter());
            listen(port, Arc::clone(&open), move |connection, stream| {
                http::converse(connection, Stream::new(connection, stream), tls.as_ref(), &answers);
            })
        }
    };
    let _ = io::stdin().read_to_end(&mut Vec::new());
    end(&open);
}

/// Waits for clients and gives each a thread.
fn listen(
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    converse: impl Fn(usize, TcpStream) + Send + Sync + 'static,
) -> thread::JoinHandle<()> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).expect("the port is free");
    tell(&Event::Listening);
    let converse = Arc::new(converse);
    thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let stream = stream.expect("a connection");
            tell(&Event::Connected { connection });
            let copy = || stream.try_clone().expect("a descriptor");
            let (kept, mine) = (copy(), copy());
            open.lock().expect("nobody panics here").push(kept);
            let converse = Arc::clone(&converse);
            thread::spawn(move || {
                converse(connection, mine);
                // However many copies there are of it.
                let _ = stream.shutdown(Shutdown::Both);
                tell(&Event::Closed { connection });
            });
        }
    })
}

/// Reads what has come already, and goes.
fn end(open: &Mutex<Vec<TcpStream>>) -> ! {
    let open = open.lock().expect("nobody panics here");
    for stream in open.iter() {
        // What lies in the buffer can still be read, then comes the end, tcp(7).
        let _ = stream.shutdown(Shutdown::Read);
    }
    let deadline = Instant::now() + GRACE;
    while CLOSED.lock().expect("nobody panics here").len() < open.len() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    process::exit(0);
}

/// Tells the test.
fn tell(event: &Event) {
    let mut line = serde_json::to_vec(event).expect("an event is JSON");
    line.push(b'\n');
    // Nobody listens any more: then nothing is worth telling.
    if io::stdout().write_all(&line).and_then(|()| io::stdout().flush()).is_err() {
        process::exit(0);
    }
    if let Event::Closed { connection } = event {
        CLOSED.lock().expect("nobody panics here").push(*connection);
    }
}

static CLOSED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
/// For a client that is still there and being served.
const GRACE: Duration = Duration::from_secs(1);
