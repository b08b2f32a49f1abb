//! A `fake-server` at work in a sandbox, and what it heard.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{Event, Part, Request, Sandbox, Stage, artefacts};

/// One server; it ends with this.
pub struct Playing {
    process: Child,
    events: Arc<(Mutex<Vec<Event>>, Condvar)>,
    listener: Option<JoinHandle<()>>,
}

impl Playing {
    /// Lets it begin, and waits until it listens.
    pub(crate) fn start(sandbox: &Sandbox, port: u16, part: &Part) -> Playing {
        let mut command = sandbox.command(artefacts::fake_server().to_str().expect("a path in UTF-8"));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("nsenter(1) starts");
        let mut script = serde_json::to_vec(&(port, part)).expect("a part is JSON");
        script.push(b'\n');
        process.stdin.as_mut().expect("stdin is a pipe").write_all(&script).expect("the server reads its part");
        let lines = BufReader::new(process.stdout.take().expect("stdout is a pipe")).lines();
        let events = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let told = Arc::clone(&events);
        let listener = thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                told.0.lock().expect("nobody panics here").push(event);
                told.1.notify_all();
            }
        });
        let playing = Playing { process, events, listener: Some(listener) };
        playing.wait_for(|event| *event == Event::Listening);
        playing
    }

    /// Waits until something has happened.
    #[track_caller]
    pub fn wait_for(&self, happened: impl Fn(&Event) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut events = self.events.0.lock().expect("nobody panics here");
        while !events.iter().any(&happened) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not within {PATIENCE:?}; the server told: {events:#?}");
            events = self.events.1.wait_timeout(events, left).expect("nobody panics here").0;
        }
    }

    /// Waits until the scripted behaviour of a stage has begun.
    #[track_caller]
    pub fn wait_for_stage(&self, wanted: Stage) {
        self.wait_for(|event| matches!(event, Event::Misbehaved { stage, .. } if *stage == wanted));
    }

    /// Ends it. Whatever had been sent to it by now is in this.
    #[track_caller]
    pub fn heard(mut self) -> Heard {
        drop(self.process.stdin.take());
        self.listener.take().expect("heard once").join().expect("the server told its events in JSON");
        let status = self.process.wait().expect("a child can be waited for");
        assert!(status.success(), "the server: {status}");
        Heard { events: std::mem::take(&mut *self.events.0.lock().expect("nobody panics here")) }
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Everything that a server was told.
#[derive(Clone, Debug)]
pub struct Heard {
    pub events: Vec<Event>,
}

impl Heard {
    /// How many connected.
    pub fn connections(&self) -> usize {
        self.each(|event| matches!(event, Event::Connected { .. }).then_some(())).len()
    }

    /// The lines of SMTP, without the message; or the names that were asked for.
    pub fn lines(&self) -> Vec<&str> {
        self.each(|event| if let Event::Heard { line, .. } = event { Some(line.as_str()) } else { None })
    }

    /// The same, without TLS around it.
    pub fn plain_lines(&self) -> Vec<&str> {
        self.each(
            |event| if let Event::Heard { line, secured: false, .. } = event { Some(line.as_str()) } else { None },
        )
    }

    /// The messages of SMTP.
    pub fn messages(&self) -> Vec<&str> {
        self.each(|event| if let Event::Message { text, .. } = event { Some(text.as_str()) } else { None })
    }

    /// The requests of HTTP.
    pub fn requests(&self) -> Vec<&Request> {
        self.each(|event| if let Event::Request { request, .. } = event { Some(request) } else { None })
    }

    /// The only request of HTTP.
    #[track_caller]
    pub fn request(&self) -> &Request {
        let requests = self.requests();
        let [request] = requests.as_slice() else { panic!("{} requests, not one", requests.len()) };
        request
    }

    /// Whom the clients meant, by the name in their handshakes (SNI).
    pub fn server_names(&self) -> Vec<&str> {
        self.each(|event| if let Event::Secured { server_name, .. } = event { server_name.as_deref() } else { None })
    }

    /// What went wrong with TLS or a connection.
    pub fn broken(&self) -> Vec<&str> {
        self.each(|event| if let Event::Broken { why, .. } = event { Some(why.as_str()) } else { None })
    }

    /// The stages whose scripted behaviour took place.
    pub fn stages(&self) -> Vec<Stage> {
        self.each(|event| if let Event::Misbehaved { stage, .. } = event { Some(*stage) } else { None })
    }

    fn each<'h, T>(&'h self, pick: impl Fn(&'h Event) -> Option<T>) -> Vec<T> {
        self.events.iter().filter_map(pick).collect()
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
