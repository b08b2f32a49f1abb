//! A service that sends short texts for whoever asks it by HTTP.

use serde_json::{Value, json};

use crate::{Behaviour, Certificate, HttpPart, Part, Playing, Sandbox};

/// A service on every address of a sandbox; a good one of Twilio's shape unless it is told otherwise.
#[derive(Clone, Debug)]
pub struct Gateway(HttpPart);

impl Gateway {
    /// HTTPS.
    pub fn https(certificate: &Certificate) -> Gateway {
        Gateway(HttpPart { certificate: Some(certificate.clone()), answers: Vec::new() })
    }

    /// HTTP without TLS.
    pub fn http() -> Gateway {
        Gateway(HttpPart { certificate: None, answers: Vec::new() })
    }

    /// Does this at a request; said again, at the next.
    #[must_use]
    pub fn does(mut self, behaviour: Behaviour) -> Gateway {
        self.0.answers.push(behaviour);
        self
    }

    /// Answers with a status, more headers (each a whole line) and a body.
    #[must_use]
    pub fn answers(self, status: u16, headers: &[&str], body: &str) -> Gateway {
        self.does(Behaviour::Say(response(status, headers, body)))
    }

    /// Twilio's 201: the message is queued.
    #[must_use]
    pub fn queues(self) -> Gateway {
        self.answers(201, &[JSON], &queued().to_string())
    }

    /// Twilio's 201 for a message that it already knows not to arrive.
    #[must_use]
    pub fn queues_and_fails(self, error_code: u32, error_message: &str) -> Gateway {
        let mut answer = queued();
        answer["status"] = "failed".into();
        answer["error_code"] = error_code.into();
        answer["error_message"] = error_message.into();
        self.answers(201, &[JSON], &answer.to_string())
    }

    /// Twilio's no, such as 400 with code 21211 or 401 with 20003.
    #[must_use]
    pub fn refuses(self, status: u16, code: u32, message: &str) -> Gateway {
        let more = format!("https://www.twilio.com/docs/errors/{code}");
        let answer = json!({ "code": code, "message": message, "more_info": more, "status": status });
        self.answers(status, &[JSON], &answer.to_string())
    }

    /// Lets it play in a sandbox.
    pub fn start(self, sandbox: &Sandbox, port: u16) -> Playing {
        Playing::start(sandbox, port, &Part::Http(self.0))
    }
}

/// A whole response of HTTP.
pub fn response(status: u16, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("HTTP/1.1 {status} Said\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// What Twilio answers to a message that it takes.
pub fn queued() -> Value {
    json!({
        "sid": "SM0123456789abcdef0123456789abcdef", "status": "queued", "error_code": null, "error_message": null,
        "num_segments": "1", "direction": "outbound-api"
    })
}

const JSON: &str = "Content-Type: application/json";
