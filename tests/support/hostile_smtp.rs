//! A mail server that misbehaves as it is told.

use std::collections::BTreeMap;

use crate::{Behaviour, Certificate, Part, Playing, Sandbox, SmtpPart, Stage};

/// A mail server on every address of a sandbox. Without a misbehaviour it is a good one that knows every recipient and
/// every password.
#[derive(Clone, Debug)]
pub struct HostileSmtp(SmtpPart);

impl HostileSmtp {
    /// TLS from the first byte.
    pub fn implicit(port: u16, certificate: &Certificate) -> HostileSmtp {
        HostileSmtp::new(port, Some(certificate), true)
    }

    /// TLS after STARTTLS.
    pub fn starttls(port: u16, certificate: &Certificate) -> HostileSmtp {
        HostileSmtp::new(port, Some(certificate), false).offering("STARTTLS")
    }

    /// No TLS, and none offered.
    pub fn plain(port: u16) -> HostileSmtp {
        HostileSmtp::new(port, None, false)
    }

    fn new(port: u16, certificate: Option<&Certificate>, implicit: bool) -> HostileSmtp {
        let offers = ["SIZE 10240000", "8BITMIME", "AUTH PLAIN LOGIN XOAUTH2"].map(str::to_owned).into();
        let behaviours = BTreeMap::new();
        HostileSmtp(SmtpPart { port, certificate: certificate.cloned(), implicit, offers, behaviours })
    }

    /// Offers one thing more after EHLO.
    #[must_use]
    pub fn offering(mut self, keyword: &str) -> HostileSmtp {
        self.0.offers.push(keyword.to_owned());
        self
    }

    /// No longer offers what begins with this.
    #[must_use]
    pub fn without(mut self, keyword: &str) -> HostileSmtp {
        self.0.offers.retain(|offer| !offer.starts_with(keyword));
        self
    }

    /// Misbehaves at one stage; said again, the next time that it comes to this stage.
    #[must_use]
    pub fn at(mut self, stage: Stage, behaviour: Behaviour) -> HostileSmtp {
        self.0.behaviours.entry(stage).or_default().push(behaviour);
        self
    }

    /// Says one line at a stage.
    #[must_use]
    pub fn says(self, stage: Stage, line: &str) -> HostileSmtp {
        self.at(stage, Behaviour::Say(format!("{line}\r\n")))
    }

    /// Lets it play in a sandbox.
    pub fn start(self, sandbox: &Sandbox) -> Playing {
        Playing::start(sandbox, &Part::Smtp(self.0))
    }
}
