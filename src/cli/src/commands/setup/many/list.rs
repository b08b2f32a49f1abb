//! What is written in the list: who is in it, what each of them shall have, and every mistake where it stands.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::ValueEnum;
use twofactor_core::account::Account;
use twofactor_core::enrolment::{Enrolment, Kind};
use twofactor_core::factor::totp::Parameters;
use twofactor_core::factor::{Label, Method};
use twofactor_message::{EmailAddress, Language, PhoneNumber};

use crate::arguments::SetupMethod;
use crate::commands::setup::{check_allowed, usual_label};
use crate::csv::{self, Csv, Field, Mistake, Record};
use crate::failure::Failure;
use crate::office::{Office, Reader, reader};
use crate::output::{Output, counted};
use crate::roll::Roll;

/// Somebody in the list, and what they shall have.
pub(super) struct Person {
    pub(super) account: Account,
    pub(super) label: Label,
    pub(super) device: Device,
    pub(super) language: Option<Language>,
    /// Whether they have it already.
    pub(super) is_enrolled: bool,
    /// Whether it is the first that they have at all.
    pub(super) is_first: bool,
    /// Who is to be told of it.
    pub(super) reader: Reader,
}

pub(super) enum Device {
    App(Parameters),
    Mailbox(EmailAddress),
    Telephone(PhoneNumber),
}

impl Device {
    pub(super) fn method(&self) -> Method {
        match self {
            Self::App(parameters) => parameters.method(),
            Self::Mailbox(_) => Method::Email,
            Self::Telephone(_) => Method::Sms,
        }
    }

    /// Whether that is what is enrolled.
    fn is(&self, kind: &Kind) -> bool {
        match (self, kind) {
            (Self::Mailbox(mine), Kind::Email(theirs)) => mine == theirs,
            (Self::Telephone(mine), Kind::Sms(theirs)) => mine == theirs,
            (mine, theirs) => mine.method() == theirs.method(),
        }
    }
}

/// Reads the list and says all that is wrong with it.
pub(super) fn look_through(from: &Path, office: &Office, output: &Output) -> Result<Vec<Person>, Failure> {
    let unread = |error: String| Failure::new(format!("{}: cannot read: {error}", from.display()), "name a CSV file");
    let mut text = String::new();
    let file = File::open(from).map_err(|error| unread(error.to_string()))?;
    let read = file.take(LIST_MAX_BYTES + 1).read_to_string(&mut text);
    if read.map_err(|error| unread(error.to_string()))? as u64 > LIST_MAX_BYTES {
        return Err(unread(format!("it has more than {LIST_MAX_BYTES} bytes")));
    }
    let read =
        csv::read(&text).and_then(|csv| Columns::of(&csv).map(|columns| (csv, columns)).map_err(|one| vec![one]));
    let (csv, columns) = read.map_err(|mistakes| refused(from, &mistakes, output))?;
    let (mut people, mut mistakes) = (Vec::with_capacity(csv.records.len()), Vec::new());
    let (mut seen, mut users) = (HashSet::new(), HashSet::new());
    let roll = Roll::read();
    for record in &csv.records {
        match columns.person(record, &roll, office)? {
            Ok(person) if !seen.insert((person.account.uid, person.label.as_str().to_owned())) => {
                mistakes.push(columns.user(record).mistake("the same device of that user stands above"));
            }
            Ok(mut person) => {
                person.is_first &= users.insert(person.account.uid);
                people.push(person);
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(people) } else { Err(refused(from, &mistakes, output)) }
}

/// Names every mistake; the last word is for what they come to.
fn refused(from: &Path, mistakes: &[Mistake], output: &Output) -> Failure {
    let failure = |mistake: &Mistake| {
        let Mistake { line, column, what } = mistake;
        let what = format!("{}: line {line}, column {column}: {what}", from.display());
        Failure::new(what, format!("mend line {line}; nobody was enrolled"))
    };
    if let [one] = mistakes {
        return failure(one);
    }
    for mistake in mistakes {
        // Who cannot be told of these will not be told of what follows either.
        let _ = output.complain(&failure(mistake));
    }
    let what = format!("{}: {}", from.display(), counted(mistakes.len(), "mistake"));
    Failure::new(what, "mend what stands above; nobody was enrolled")
}

/// Where what stands in a record.
struct Columns([Option<usize>; COLUMNS.len()]);

impl Columns {
    fn of(csv: &Csv) -> Result<Self, Mistake> {
        let mut places = [None; COLUMNS.len()];
        for (at, name) in csv.names.iter().enumerate() {
            let known = COLUMNS.iter().zip(&mut places).find(|(column, _)| **column == name.text);
            match known {
                Some((_, place)) if place.is_none() => *place = Some(at),
                Some(_) => return Err(name.mistake(format!("there is already a column {}", name.text))),
                None => return Err(name.mistake(format!("the columns are {}", COLUMNS.join(", ")))),
            }
        }
        match (places, csv.names.first()) {
            ([None, ..], Some(first)) => Err(first.mistake("there is no column user")),
            _ => Ok(Self(places)),
        }
    }

    /// The field of that column, if there is one and it is not empty.
    fn field<'r>(&self, record: &'r Record, column: &str) -> Option<&'r Field> {
        let place = COLUMNS.iter().zip(&self.0).find(|(name, _)| **name == column).and_then(|(_, place)| *place);
        record.fields.get(place?).filter(|field| !field.text.is_empty())
    }

    fn user(&self, record: &Record) -> Field {
        let nowhere = Field { text: String::new(), line: record.line, column: 1 };
        self.field(record, "user").cloned().unwrap_or(nowhere)
    }

    /// Who a record is about. A mistake in it is one thing, records that cannot be read another.
    fn person(&self, record: &Record, roll: &Roll, office: &Office) -> Result<Result<Person, Mistake>, Failure> {
        let user = self.user(record);
        if user.text.is_empty() {
            return Ok(Err(user.mistake("there is no user")));
        }
        let Some(account) = roll.find(&user.text)? else {
            return Ok(Err(user.mistake(format!("there is no user {:?}", user.text))));
        };
        let (device, label, language) = match self.device(record, office) {
            Ok(device) => device,
            Err(mistake) => return Ok(Err(mistake)),
        };
        let standing = office.registrar().standing(&account);
        let before = standing.map_err(|error| Failure::about(account.name.as_str(), &error))?;
        let before = before.map(|standing| standing.enrolment);
        if let Err(failure) = check_allowed(office, device.method(), before.as_ref()) {
            return Ok(Err(self.field(record, "method").unwrap_or(&user).mistake(failure.what)));
        }
        let taken = before.as_ref().and_then(|before| before.device(&label));
        if taken.is_some_and(|taken| !device.is(&taken.kind)) {
            let what = format!("there is already another device called {:?}", label.as_str());
            return Ok(Err(self.field(record, "label").unwrap_or(&user).mistake(what)));
        }
        let (is_enrolled, is_first) = (taken.is_some(), before.is_none());
        let reader = before.as_ref().map(|before: &Enrolment| reader(before)).unwrap_or_default();
        Ok(Ok(Person { account, label, device, language, is_enrolled, is_first, reader }))
    }

    fn device(&self, record: &Record, office: &Office) -> Result<(Device, Label, Option<Language>), Mistake> {
        let user = self.user(record);
        let method = match self.field(record, "method") {
            None => SetupMethod::Totp,
            Some(field) => SetupMethod::from_str(&field.text, false)
                .map_err(|_| field.mistake("the methods are totp, hotp, email, sms"))?,
        };
        let (address, number) = (self.field(record, "address"), self.field(record, "number"));
        if let (Some(field), false) = (address, matches!(method, SetupMethod::Email)) {
            return Err(field.mistake("an address is for the method email"));
        }
        if let (Some(field), false) = (number, matches!(method, SetupMethod::Sms)) {
            return Err(field.mistake("a number is for the method sms"));
        }
        let device = match method {
            SetupMethod::Totp => Device::App(office.config.totp),
            SetupMethod::Hotp => Device::App(office.config.hotp),
            SetupMethod::Email => {
                let field = address.ok_or_else(|| user.mistake("it is not said where codes are mailed"))?;
                Device::Mailbox(field.text.parse().map_err(|error| field.mistake(error))?)
            }
            SetupMethod::Sms => {
                let field = number.ok_or_else(|| user.mistake("it is not said where codes are texted"))?;
                Device::Telephone(field.text.parse().map_err(|error| field.mistake(error))?)
            }
        };
        let label = self.field(record, "label");
        let text = label.map_or_else(|| usual_label(device.method()).to_owned(), |field| field.text.clone());
        let label = Label::try_from(text).map_err(|error| label.unwrap_or(&user).mistake(error))?;
        let language = match self.field(record, "language") {
            None => None,
            Some(field) => match Language::ALL.into_iter().find(|language| language.name() == field.text) {
                None => return Err(field.mistake("the languages are en, de, fr")),
                known => known,
            },
        };
        Ok((device, label, language))
    }
}

const COLUMNS: [&str; 6] = ["user", "method", "address", "number", "label", "language"];
/// A hundred thousand users and more.
const LIST_MAX_BYTES: u64 = 16 * 1024 * 1024;
