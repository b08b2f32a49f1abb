//! Everybody in a list. All of it is looked through before anybody is enrolled; each user is enrolled whole or not at all;
//! who is enrolled already is left alone, so that the same command goes on where it was broken off.

use std::collections::HashSet;
use std::fs::{DirBuilder, File};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde::Serialize;
use twofactor_core::account::Account;
use twofactor_core::enrolment::{Enrolment, Kind};
use twofactor_core::factor::totp::Parameters;
use twofactor_core::factor::{Label, Method};
use twofactor_core::registrar::{NewDevice, NewKind};
use twofactor_message::{EmailAddress, Event, Language, PhoneNumber};
use zeroize::Zeroizing;

use super::{check_allowed, unseen_sheet, usual_label, write_sheet};
use crate::arguments::{Setup, SetupMethod};
use crate::csv::{self, Csv, Field, Mistake, Record};
use crate::failure::Failure;
use crate::interruption::Watch;
use crate::office::{Office, Reader, reader};
use crate::output::{Output, counted};
use crate::paper::Blank;
use crate::roll::Roll;
use crate::{otpauth, sheet, terminal};

/// Enrols everybody in the file.
pub(super) fn run(arguments: &Setup, from: &Path, office: &Office, output: &Output) -> Result<(), Failure> {
    let people = look_through(from, office, output)?;
    let has_secrets = people.iter().any(|person| matches!(person.device, Device::App(_)));
    if has_secrets && arguments.sheets.is_none() && !output.is_json() {
        return Err(Failure::misused("nobody would see the secrets", "add --sheets DIR, or --json"));
    }
    let (skipped, todo): (Vec<_>, Vec<_>) = people.into_iter().partition(|person| person.is_enrolled);
    let folder = arguments.sheets.as_deref().map(Folder::open).transpose()?;
    if let Some(folder) = &folder {
        folder.check(&todo)?;
    }
    let without_sheet = match &folder {
        Some(folder) => skipped.iter().filter(|person| !folder.path(person).exists()).collect(),
        None => Vec::new(),
    };
    for person in &skipped {
        let user = person.account.name.as_str();
        office.registrar().finish(&person.account).map_err(|error| Failure::about(user, &error))?;
    }
    let watch = Watch::begin()?;
    let (mut enrolled, mut end) = (Vec::new(), Ok(()));
    let mut bar = terminal::Bar::new(todo.len(), output.is_quiet());
    for person in &todo {
        if watch.is_over() {
            end = Err(Failure::new("broken off", "run it again to go on"));
            break;
        }
        match enrol(person, folder.as_ref(), office, output) {
            Ok(one) => enrolled.push(one),
            Err(failure) => {
                end = Err(failure);
                break;
            }
        }
        bar.advance();
    }
    drop(bar);
    let count = enrolled.len();
    let left = todo.len() - count;
    let mut text = format!("{} enrolled, {} before.\n", counted(enrolled.len(), "user"), skipped.len());
    if left > 0 {
        text = format!("{} enrolled, {} before, {left} left.\n", counted(enrolled.len(), "user"), skipped.len());
    }
    if let (Some(folder), false) = (&folder, enrolled.is_empty()) {
        text.push_str(&format!("Their sheets are in {}.\n", folder.named.display()));
    }
    let names = |people: &[&Person]| people.iter().map(|person| person.account.name.as_str().to_owned()).collect();
    let value = Summary {
        enrolled,
        skipped: names(&skipped.iter().collect::<Vec<_>>()),
        without_sheet: names(&without_sheet),
        left,
    };
    let shown = output.done(&text, &value).map_err(|failure| failure.unseen(UNSEEN_SECRETS));
    // What was shown by then no second interruption takes away; who starts children can be interrupted.
    drop(watch);
    for person in todo.iter().take(count) {
        let detail = format!("{} {:?}", person.device.method(), person.label.as_str());
        office.tell(&person.account, &person.reader, Event::MethodAdded, &detail, output);
    }
    for person in &without_sheet {
        let user = person.account.name.as_str();
        output.note(&format!("{user} was enrolled before and has no sheet here; {}", unseen_sheet(user)));
    }
    shown?;
    end
}

/// Where nobody has seen the secrets of those who are enrolled.
const UNSEEN_SECRETS: &str = "see who is enrolled: twofactor list; for each the secret again: twofactor show USER, new recovery codes: twofactor \
     recovery USER";

/// Somebody in the list, and what they shall have.
struct Person {
    account: Account,
    label: Label,
    device: Device,
    language: Option<Language>,
    /// Whether they have it already.
    is_enrolled: bool,
    /// Who is to be told of it.
    reader: Reader,
}

enum Device {
    App(Parameters),
    Mailbox(EmailAddress),
    Telephone(PhoneNumber),
}

impl Device {
    fn method(&self) -> Method {
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
fn look_through(from: &Path, office: &Office, output: &Output) -> Result<Vec<Person>, Failure> {
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
    let (mut people, mut mistakes, mut seen) = (Vec::with_capacity(csv.records.len()), Vec::new(), HashSet::new());
    let roll = Roll::read();
    for record in &csv.records {
        match columns.person(record, &roll, office)? {
            Ok(person) if !seen.insert((person.account.uid, person.label.as_str().to_owned())) => {
                mistakes.push(columns.user(record).mistake("the same device of that user stands above"));
            }
            Ok(person) => people.push(person),
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
        let is_enrolled = taken.is_some();
        let reader = before.as_ref().map(|before: &Enrolment| reader(before)).unwrap_or_default();
        Ok(Ok(Person { account, label, device, language, is_enrolled, reader }))
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

/// The folder of the sheets, held open: whoever may rename what is above it cannot put another one in its place.
struct Folder<'a> {
    named: &'a Path,
    held: File,
}

impl<'a> Folder<'a> {
    /// Makes it, or sees that it is root's own.
    fn open(named: &'a Path) -> Result<Self, Failure> {
        let unfit = |what: &str, hint: &str| Failure::new(format!("{}: {what}", named.display()), hint);
        if named.symlink_metadata().is_err() {
            let made = DirBuilder::new().mode(0o700).create(named);
            made.map_err(|error| {
                unfit(&format!("cannot make it: {error}"), "name a directory below one that is there")
            })?;
        }
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
        let held = File::options().read(true).custom_flags(flags).open(named);
        let held = held.map_err(|_| unfit("is not a directory", "name a directory of root's own"))?;
        let found = held.metadata().map_err(|error| unfit(&format!("cannot examine: {error}"), "try again"))?;
        let other = "name a directory of root's own, or one that is not there yet";
        if found.uid() != 0 {
            return Err(unfit(&format!("belongs to uid {}, not to root", found.uid()), other));
        }
        if found.mode() & 0o022 != 0 {
            return Err(unfit("others can write there", other));
        }
        Ok(Self { named, held })
    }

    /// Sees that it has no sheet yet of those who are to get one.
    fn check(&self, people: &[Person]) -> Result<(), Failure> {
        let mut names = HashSet::new();
        for person in people {
            if self.path(person).symlink_metadata().is_ok() {
                return Err(Failure::new(
                    format!("{}: there is such a sheet already", self.called(person).display()),
                    "move it away, or name another directory; nobody was enrolled",
                ));
            }
            if !names.insert(file_name(person)) {
                let what = format!("{} would have two sheets", person.account.name.as_str());
                return Err(Failure::new(what, "enrol their second device by a list of its own; nobody was enrolled"));
            }
        }
        Ok(())
    }

    fn reserve(&self, person: &Person) -> Result<Blank, Failure> {
        Blank::reserve_as(&self.path(person), &self.called(person))
    }

    /// Where it is, whatever has become of the name.
    fn path(&self, person: &Person) -> PathBuf {
        Path::new("/proc/self/fd").join(self.held.as_raw_fd().to_string()).join(file_name(person))
    }

    fn called(&self, person: &Person) -> PathBuf {
        self.named.join(file_name(person))
    }
}

fn file_name(person: &Person) -> String {
    format!("{}.html", person.account.name.file_stem())
}

/// Enrols one of them, with a sheet if there is a folder for it.
fn enrol(person: &Person, folder: Option<&Folder<'_>>, office: &Office, output: &Output) -> Result<One, Failure> {
    let user = person.account.name.as_str();
    let blank = folder.map(|folder| folder.reserve(person)).transpose()?;
    let registrar = office.registrar();
    let (mut app, mut to) = (None, None);
    let kind = match &person.device {
        Device::App(parameters) => {
            let secret = registrar.draw_secret(*parameters)?;
            let base32 = otpauth::base32(&secret);
            let uri = otpauth::uri(&office.config.issuer, user, &base32, *parameters);
            app = Some((uri, base32, *parameters));
            NewKind::Otp { parameters: *parameters, secret, proved: None }
        }
        Device::Mailbox(address) => {
            to = Some(address.as_str().to_owned());
            NewKind::Email(address.clone())
        }
        Device::Telephone(number) => {
            to = Some(number.as_str().to_owned());
            NewKind::Sms(number.clone())
        }
    };
    let device =
        NewDevice { label: person.label.clone(), kind, replace: false, primary: false, language: person.language };
    // Codes that nobody would see are not issued.
    let is_seen = folder.is_some() || output.is_json();
    let with_recovery = is_seen && office.config.methods.contains(&Method::Recovery);
    let enrolled = registrar.enrol(&person.account, device, with_recovery);
    let codes = enrolled.map_err(|error| Failure::about(user, &error))?;
    if let Some(blank) = blank {
        let device = match (&app, &to) {
            (Some((uri, base32, parameters)), _) => sheet::Device::App { uri, base32, parameters: *parameters },
            (None, to) => sheet::Device::Sent { to: to.as_deref().unwrap_or_default() },
        };
        let written = write_sheet(office, &person.account, &person.label, device, &codes, blank);
        written.map_err(|failure| failure.unseen(unseen_sheet(user)))?;
    }
    let (uri, secret) = app.map(|(uri, base32, _)| (uri, base32)).unzip();
    let method = person.device.method().name();
    // On paper there is all of it; for programs it has to wait for the others.
    let kept = output.is_json();
    let recovery_codes = if kept { codes.iter().cloned().map(Hidden).collect() } else { Vec::new() };
    let (uri, secret) = if kept { (uri.map(Hidden), secret.map(Hidden)) } else { (None, None) };
    Ok(One { user: user.to_owned(), method, uri, secret, to, recovery_codes })
}

/// A secret for programs, wiped once it is told.
struct Hidden(Zeroizing<String>);

impl Serialize for Hidden {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[derive(Serialize)]
struct Summary {
    enrolled: Vec<One>,
    /// Who had it before.
    skipped: Vec<String>,
    /// Those of them whose sheet is not in the folder.
    without_sheet: Vec<String>,
    left: usize,
}

#[derive(Serialize)]
struct One {
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

const COLUMNS: [&str; 6] = ["user", "method", "address", "number", "label", "language"];
/// A hundred thousand users and more.
const LIST_MAX_BYTES: u64 = 16 * 1024 * 1024;
