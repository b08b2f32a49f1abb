//! A real Chromium in a sandbox, which has no network, told what to do through the DevTools protocol.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Sandbox;

/// One page in one browser. It goes with its sandbox at the latest.
pub struct Browser<'s> {
    sandbox: &'s Sandbox,
    chromium: Child,
    orders: ChildStdin,
    messages: mpsc::Receiver<Value>,
    /// What happened while an answer was waited for.
    events: Vec<Value>,
    last_order: u64,
    session: Option<String>,
}

impl<'s> Browser<'s> {
    /// Starts one, with nothing in it and nothing remembered.
    pub fn start(sandbox: &'s Sandbox) -> Browser<'s> {
        let mut command = sandbox.command("bash");
        command.args(["-c", START]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut chromium = command.spawn().expect("nsenter(1) starts");
        let orders = chromium.stdin.take().expect("stdin is a pipe");
        let messages = messages(BufReader::new(chromium.stdout.take().expect("stdout is a pipe")));
        let (events, last_order, session) = (Vec::new(), 0, None);
        let mut browser = Browser { sandbox, chromium, orders, messages, events, last_order, session };
        let target = browser.order("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.order("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.order(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    /// Loads a file of the sandbox to its end. What happened before it is forgotten.
    pub fn open(&mut self, path: &str) {
        self.events.clear();
        let loaded = self.order("Page.navigate", json!({ "url": format!("file://{path}") }));
        assert!(loaded.get("errorText").is_none(), "{path}: {loaded}");
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.next();
            self.events.push(event);
        }
    }

    /// Makes the window so large, and the people in front of it prefer `light` or `dark`.
    pub fn show(&mut self, width: u32, height: u32, scheme: &str) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.order("Emulation.setDeviceMetricsOverride", metrics);
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.order("Emulation.setEmulatedMedia", json!({ "media": "", "features": features }));
    }

    /// What a line of script finds out.
    #[track_caller]
    pub fn evaluate(&mut self, script: &str) -> Value {
        let answer = self.order("Runtime.evaluate", json!({ "expression": script, "returnByValue": true }));
        assert!(answer.get("exceptionDetails").is_none(), "{answer}");
        answer["result"]["value"].clone()
    }

    /// A picture of the whole page, as a PNG in a file of the sandbox.
    pub fn photograph(&mut self, path: &str) {
        let answer = self.order("Page.captureScreenshot", json!({ "format": "png", "captureBeyondViewport": true }));
        self.save(&answer, path);
    }

    /// The page on paper, as large as it wants its paper, as a PDF in a file of the sandbox.
    pub fn print(&mut self, path: &str) {
        let answer = self.order("Page.printToPDF", json!({ "preferCSSPageSize": true, "printBackground": true }));
        self.save(&answer, path);
    }

    /// Everything that the page asked for, from wherever, itself included.
    pub fn requests(&self) -> Vec<&str> {
        let requests = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        requests.filter_map(|event| event["params"]["request"]["url"].as_str()).collect()
    }

    /// What the browser had to complain about, a policy that was violated for instance.
    pub fn complaints(&self) -> Vec<&Value> {
        let methods = ["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"];
        self.events.iter().filter(|event| methods.iter().any(|method| event["method"] == *method)).collect()
    }

    fn save(&self, answer: &Value, path: &str) {
        let data = answer["data"].as_str().expect("data in base 64");
        self.sandbox.run_with_input("bash", ["-c", &format!("base64 -d >{path}")], data).succeeded();
    }

    #[track_caller]
    fn order(&mut self, method: &str, parameters: Value) -> Value {
        self.last_order += 1;
        let mut order = json!({ "id": self.last_order, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        let order = format!("{order}\0");
        self.orders.write_all(order.as_bytes()).expect("chromium takes orders; is the package installed?");
        loop {
            let message = self.next();
            if message["id"] == self.last_order {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    #[track_caller]
    fn next(&mut self) -> Value {
        self.messages.recv_timeout(PATIENCE).expect("chromium speaks; is the package installed?")
    }
}

impl Drop for Browser<'_> {
    fn drop(&mut self) {
        let _ = self.chromium.kill();
        let _ = self.chromium.wait();
    }
}

/// Messages end with a NUL.
fn messages(mut said: impl BufRead + Send + 'static) -> mpsc::Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut message = Vec::new();
        while said.read_until(0, &mut message).is_ok_and(|length| length > 0) {
            message.pop();
            let message: Value = serde_json::from_slice(&std::mem::take(&mut message)).expect("a message is JSON");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Orders come on descriptor 3, answers go out on 4. The sandbox is the box, so Chromium needs none of its own.
const START: &str = "exec chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --disable-default-apps \
    --disable-extensions --hide-scrollbars --user-data-dir=\"$(mktemp -d)\" --remote-debugging-pipe \
    3<&0 4>&1 </dev/null >/dev/null 2>&1";
const PATIENCE: Duration = Duration::from_secs(60);
