//! People of a list, some at a time, so that what waits for the disk waits once for all of them. Their sheets are on the
//! disk before anybody is enrolled and have their names at once after it: whoever is enrolled when everything stops has a
//! sheet, but for a moment.

use serde::Serialize;
use twofactor_core::factor::Method;
use twofactor_core::factor::totp::Parameters;
use twofactor_core::registrar::{Intake, NewDevice, NewKind, RecoveryCodes, RegistrarError};
use zeroize::Zeroizing;

use super::folder::Folder;
use super::list::{Device, Person};
use crate::commands::setup::{page, unseen_sheet};
use crate::failure::Failure;
use crate::office::{Office, TOGETHER_MAX};
use crate::output::Output;
use crate::paper::{Blank, Written};
use crate::{otpauth, sheet};

/// Those who are enrolled together. Whoever has a device already, or stands above with one, is enrolled alone.
pub(super) fn batches(people: &[Person]) -> impl Iterator<Item = &[Person]> {
    let runs = people.chunk_by(|one, next| one.is_first && next.is_first);
    runs.flat_map(|run| run.chunks(TOGETHER_MAX))
}

/// What it takes to enrol somebody.
pub(super) struct Desk<'a> {
    pub(super) office: &'a Office,
    pub(super) folder: Option<&'a Folder<'a>>,
    pub(super) output: &'a Output,
}

/// What somebody gets who is not enrolled yet.
struct Draft {
    /// The Key URI, the secret in base 32 and what the app has to be told.
    app: Option<(Zeroizing<String>, Zeroizing<String>, Parameters)>,
    to: Option<String>,
    blank: Option<Blank>,
}

/// Somebody who has all but the name of their sheet.
struct Ready {
    one: One,
    sheet: Option<Written>,
}

impl Desk<'_> {
    /// Enrols them as far as the first with whom something is wrong, and says who is enrolled and all that was wrong.
    pub(super) fn enrol(&self, batch: &[Person]) -> (Vec<One>, Vec<Failure>) {
        let enrolled = match batch {
            [person] if !person.is_first => self.add(person).map(|ready| (vec![ready], Ok(()))),
            people => self.take_in(people),
        };
        match enrolled {
            Ok((ready, end)) => {
                let (ones, mut failures) = self.hand_out(ready);
                failures.extend(end.err());
                (ones, failures)
            }
            Err(failure) => (Vec::new(), vec![failure]),
        }
    }

    /// All of them or, if one cannot be taken in, those before. An error alone means that nobody is enrolled: so it ends if
    /// somebody is taken in and has no sheet.
    fn take_in(&self, people: &[Person]) -> Result<(Vec<Ready>, Result<(), Failure>), Failure> {
        let mut intake = self.office.registrar().begin_intake()?;
        let (mut ready, mut end) = (Vec::with_capacity(people.len()), Ok(()));
        for person in people {
            match self.admit(person, &mut intake) {
                Ok((draft, codes)) => ready.push(self.write(person, draft, &codes)?),
                Err(failure) => {
                    end = Err(failure);
                    break;
                }
            }
        }
        for one in &ready {
            one.sync()?;
        }
        intake.save()?;
        Ok((ready, end))
    }

    fn admit(&self, person: &Person, intake: &mut Intake<'_>) -> Result<(Draft, RecoveryCodes), Failure> {
        let (device, draft) = self.draw(person)?;
        let codes = intake.admit(&person.account, device, self.issues_codes());
        Ok((draft, codes.map_err(|error| about(person, &error))?))
    }

    /// Gives one more device to somebody who has one.
    fn add(&self, person: &Person) -> Result<Ready, Failure> {
        let (device, draft) = self.draw(person)?;
        let codes = self.office.registrar().enrol(&person.account, device, self.issues_codes());
        let ready = self.write(person, draft, &codes.map_err(|error| about(person, &error))?);
        let ready = ready.and_then(|ready| ready.sync().map(|()| ready));
        ready.map_err(|failure| failure.unseen(unseen_sheet(person.account.name.as_str())))
    }

    /// Draws a secret and reserves a sheet.
    fn draw(&self, person: &Person) -> Result<(NewDevice, Draft), Failure> {
        let mut draft =
            Draft { app: None, to: None, blank: self.folder.map(|folder| folder.reserve(person)).transpose()? };
        let kind = match &person.device {
            Device::App(parameters) => {
                let secret = self.office.registrar().draw_secret(*parameters)?;
                let base32 = otpauth::base32(&secret);
                let (issuer, user) = (&self.office.config.issuer, person.account.name.as_str());
                draft.app = Some((otpauth::uri(issuer, user, &base32, *parameters), base32, *parameters));
                NewKind::Otp { parameters: *parameters, secret, proved: None }
            }
            Device::Mailbox(address) => {
                draft.to = Some(address.as_str().to_owned());
                NewKind::Email(address.clone())
            }
            Device::Telephone(number) => {
                draft.to = Some(number.as_str().to_owned());
                NewKind::Sms(number.clone())
            }
        };
        let label = person.label.clone();
        Ok((NewDevice { label, kind, replace: false, primary: false, language: person.language }, draft))
    }

    /// Codes that nobody would see are not issued.
    fn issues_codes(&self) -> bool {
        let is_seen = self.folder.is_some() || self.output.is_json();
        is_seen && self.office.config.methods.contains(&Method::Recovery)
    }

    /// Writes the sheet. For programs, what is on it has to wait for the others.
    fn write(&self, person: &Person, draft: Draft, codes: &RecoveryCodes) -> Result<Ready, Failure> {
        let Draft { app, to, blank } = draft;
        let device = match &app {
            Some((uri, base32, parameters)) => sheet::Device::App { uri, base32, parameters: *parameters },
            None => sheet::Device::Sent { to: to.as_deref().unwrap_or_default() },
        };
        let write = |blank: Blank| {
            let page = page(self.office, &person.account, &person.label, device, codes)?;
            blank.write(page.as_bytes())
        };
        let sheet = blank.map(write).transpose()?;
        let (user, method) = (person.account.name.as_str().to_owned(), person.device.method().name());
        let mut one = One { user, method, uri: None, secret: None, to, recovery_codes: Vec::new() };
        if self.output.is_json() {
            (one.uri, one.secret) = app.map(|(uri, base32, _)| (Hidden(uri), Hidden(base32))).unzip();
            one.recovery_codes = codes.iter().cloned().map(Hidden).collect();
        }
        Ok(Ready { one, sheet })
    }

    /// Gives the sheets of those who are enrolled their names. One that gets none is no reason to keep the others, and of
    /// each it is said whose it was.
    fn hand_out(&self, ready: Vec<Ready>) -> (Vec<One>, Vec<Failure>) {
        let (mut ones, mut failures) = (Vec::with_capacity(ready.len()), Vec::new());
        for Ready { one, sheet } in ready {
            let named = sheet.map_or(Ok(()), |sheet| sheet.name()?.kept(|| Ok(())));
            failures.extend(named.err().map(|failure| failure.unseen(unseen_sheet(&one.user))));
            ones.push(one);
        }
        failures.extend(self.folder.and_then(|folder| folder.sync().err()));
        (ones, failures)
    }
}

impl Ready {
    fn sync(&self) -> Result<(), Failure> {
        self.sheet.as_ref().map_or(Ok(()), Written::sync)
    }
}

fn about(person: &Person, error: &RegistrarError) -> Failure {
    Failure::about(person.account.name.as_str(), error)
}

/// A secret for programs, wiped once it is told.
struct Hidden(Zeroizing<String>);

impl Serialize for Hidden {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What there is to tell of somebody.
#[derive(Serialize)]
pub(super) struct One {
    user: String,
    method: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<Hidden>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Hidden>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    recovery_codes: Vec<Hidden>,
}
