//! A mail server that misbehaves as it is told.

use std::collections::{BTreeMap, BTreeSet};

use twofactor_message::Protection;

use crate::{Behaviour, Certificate, Part, Playing, Sandbox, SmtpPart, Stage};

/// A mail server on every address of a sandbox. Without a misbehaviour it is a good one that knows every recipient and
/// every password.
#[derive(Clone, Debug)]
pub struct HostileSmtp(SmtpPart);

impl HostileSmtp {
    /// TLS from the first byte.
    pub fn implicit(certificate: &Certificate) -> HostileSmtp {
        HostileSmtp::new(Some(certificate), true)
    }

    /// TLS after STARTTLS.
    pub fn starttls(certificate: &Certificate) -> HostileSmtp {
        HostileSmtp::new(Some(certificate), false).offering("STARTTLS")
    }

    /// No TLS, and none offered.
    pub fn plain() -> HostileSmtp {
        HostileSmtp::new(None, false)
    }

    fn new(certificate: Option<&Certificate>, implicit: bool) -> HostileSmtp {
        let offers = ["SIZE 10240000", "8BITMIME", "AUTH PLAIN LOGIN XOAUTH2"].map(str::to_owned).into();
        let behaviours = BTreeMap::new();
        HostileSmtp(SmtpPart { certificate: certificate.cloned(), implicit, offers, behaviours })
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

    /// How a client has to speak to it.
    pub fn protection(&self) -> Protection {
        match (self.0.implicit, &self.0.certificate) {
            (true, _) => Protection::Implicit,
            (false, Some(_)) => Protection::StartTls,
            (false, None) => Protection::None,
        }
    }

    /// The stages at which it misbehaves.
    pub fn script(&self) -> BTreeSet<Stage> {
        let bad = |behaviours: &[Behaviour]| behaviours.iter().any(|each| !matches!(each, Behaviour::Normal));
        self.0.behaviours.iter().filter(|(_, behaviours)| bad(behaviours)).map(|(stage, _)| *stage).collect()
    }

    /// Lets it play in a sandbox.
    pub fn start(self, sandbox: &Sandbox, port: u16) -> Playing {
        Playing::start(sandbox, port, &Part::Smtp(self.0))
    }
}
