//! What every command needs: the settings, the records, the time, and who somebody is.

use std::path::Path;
use std::time::Duration;

use twofactor_core::account::Account;
use twofactor_core::clock::{self, Clock, UnixTime};
use twofactor_core::config::Config;
use twofactor_core::courier::{self, Courier, News, Sender};
use twofactor_core::enrolment::{Device, DeviceId, Enrolment, Kind};
use twofactor_core::registrar::Registrar;
use twofactor_core::store::{Files, Roots};
use twofactor_core::sys::{self, Accounts, Kernel, Passwd};
use twofactor_message::{EmailAddress, Event, Language, Occasion};

use crate::failure::Failure;
use crate::output::Output;
use crate::post;

/// The place of work of one command.
pub(crate) struct Office {
    pub(crate) config: Config,
    files: Files<'static>,
}

impl Office {
    /// Opens for somebody who may read the records.
    pub(crate) fn open(config: Option<&Path>) -> Result<Self, Failure> {
        only_root()?;
        Self::of(Config::load(config)?)
    }

    /// The same with settings that are read already.
    pub(crate) fn of(config: Config) -> Result<Self, Failure> {
        only_root()?;
        let files = Files::new(Roots::default(), config.window, &clock::System);
        Ok(Self { config, files })
    }

    pub(crate) fn registrar(&self) -> Registrar<'_> {
        Registrar::new(&self.files, &Kernel)
    }

    /// Tells a user by mail what was changed, if they want to know. What cannot be sent stops nobody; it is said.
    pub(crate) fn tell(&self, account: &Account, reader: &Reader, event: Event, detail: &str, output: &Output) {
        let Ok(now) = clock::System.now() else { return };
        if !self.config.notify.contains(&event) {
            return;
        }
        for to in &reader.mailboxes {
            let news = News { event, detail: detail.to_owned(), to: to.clone() };
            let parcel = courier::notice(&self.config, occasion(&self.config, account, now, reader.language), &news);
            let mut delivery = Sender::new(&self.config).send(parcel);
            match delivery.wait(NOTICE_PATIENCE) {
                Some(verdict) if verdict.delivered_by().is_none() => {
                    let troubles = post::troubles(&verdict);
                    output.note(&format!("The notice to {} could not be sent: {troubles}", to.as_str()));
                }
                Some(_) => {}
                None => drop(delivery.let_go()),
            }
        }
    }

    /// Whether any device of an enrolment is of a method that logins take.
    pub(crate) fn lets_in(&self, enrolment: &Enrolment) -> bool {
        enrolment.devices.iter().any(|device| self.config.methods.contains(&device.kind.method()))
    }

    /// The device that logins begin with: of those whose method they take, the primary one or the first.
    pub(crate) fn first_choice(&self, enrolment: &Enrolment) -> Option<DeviceId> {
        let taken = |device: &&Device| self.config.methods.contains(&device.kind.method());
        let mut devices = enrolment.devices.iter().filter(taken);
        let primary = devices.clone().find(|device| Some(device.id) == enrolment.primary);
        primary.or_else(|| devices.next()).map(|device| device.id)
    }

    pub(crate) fn files(&self) -> &Files<'static> {
        &self.files
    }
}

/// Before anything else: whoever may not go on is told that, not that a file cannot be read.
fn only_root() -> Result<(), Failure> {
    if sys::running_as_root() {
        return Ok(());
    }
    Err(Failure::new("only root can read and change second factors", as_root()))
}

/// Where and how a user is told of changes.
#[derive(Default)]
pub(crate) struct Reader {
    mailboxes: Vec<EmailAddress>,
    /// What they have chosen, if anything.
    pub(crate) language: Option<Language>,
}

/// Who reads what is sent to the mailboxes of an enrolment.
pub(crate) fn reader(enrolment: &Enrolment) -> Reader {
    let address = |kind: &Kind| match kind {
        Kind::Email(address) => Some(address.clone()),
        Kind::Otp(_) | Kind::Sms(_) => None,
    };
    let mailboxes = enrolment.devices.iter().filter_map(|device| address(&device.kind)).collect();
    Reader { mailboxes, language: enrolment.language }
}

/// What a message of this tool is about.
pub(crate) fn occasion(config: &Config, account: &Account, at: UnixTime, language: Option<Language>) -> Occasion {
    Occasion {
        user: account.name.as_str().to_owned(),
        service: "twofactor".to_owned(),
        rhost: None,
        tty: None,
        at: at.0,
        host: sys::host_name(),
        issuer: config.issuer.clone(),
        language: config.words(language).language(),
    }
}

/// The same command for root, to be pasted.
fn as_root() -> String {
    let plain = |word: &str| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./=:@,".contains(&b));
    let words = std::env::args_os()
        .filter_map(|word| word.into_string().ok())
        .skip(1)
        .map(|word| if plain(&word) { word } else { format!("{word:?}") });
    let words = words.collect::<Vec<_>>().join(" ");
    format!("run it as root: sudo twofactor {words}; what can be told without root: twofactor status")
}

/// Who is meant.
pub(crate) fn account(user: &str) -> Result<Account, Failure> {
    Passwd.find(user)?.ok_or_else(|| no_such_user(user))
}

/// Nobody is called so.
pub(crate) fn no_such_user(user: &str) -> Failure {
    // No name is that long; what was meant can be seen from its beginning.
    let beginning: String = user.chars().take(NAME_SHOWN_CHARACTERS).collect();
    Failure::new(format!("there is no user {beginning:?}"), "see who there is: getent passwd")
}

/// Who is meant. Whoever runs this is root and most often means somebody else, so nobody is assumed.
pub(crate) fn account_named(user: Option<&str>) -> Result<Account, Failure> {
    let user = user.ok_or_else(|| Failure::misused("it is not said whose second factor is meant", "name the user"))?;
    account(user)
}

const NAME_SHOWN_CHARACTERS: usize = 64;
/// How long a command waits for a notice to go out.
const NOTICE_PATIENCE: Duration = Duration::from_secs(3);
/// How many people are changed at once by commands about everybody: many enough that no disk is waited for long, few
/// enough that whoever breaks off is heard at once.
pub(crate) const TOGETHER_MAX: usize = 32;
