//! `config.toml`: every setting with its default, refused as a whole when one word of it is wrong.

mod delivery;
mod letters;
mod messages;
mod policy;
mod seconds;

pub use delivery::{AbsolutePath, MailSettings, Provider, SmsSettings, SmtpLogin, SmtpSettings, Timeout, Transport};
pub use letters::Letters;
pub use seconds::Seconds;

use std::path::{Path, PathBuf};

use twofactor_message::{EmailAddress, Event, Language};

use crate::account::UserName;
use crate::document::{self, Mistake, Table, Value, Written, Wrong, checked, choice};
use crate::factor::Method;
use crate::factor::otp::{Digits, Period};
use crate::factor::sent::MESSAGES_MAX;
use crate::factor::totp::{Moving, Parameters, Window};
use crate::policy::{Mode, Policy, Terms, Unenrolled};
use crate::sys::{self, Directory, FileError, split};
use crate::throttle::Limits;
use crate::words::{Catalogue, Sentence, Words};

/// The settings of this host.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What authenticator apps show beside the user's name.
    pub issuer: String,
    /// What people are spoken to in who have chosen no other, strangers and the administrator among them.
    pub language: Language,
    /// The methods that may be set up and that are taken at a login.
    pub methods: Vec<Method>,
    /// Whom somebody writes to who has lost every method.
    pub rescue_mail: Option<EmailAddress>,
    /// Who the sender runs as.
    pub deliver_user: UserName,
    /// Who must prove a second factor.
    pub policy: Policy,
    /// What new TOTP devices are made with.
    pub totp: Parameters,
    /// What new HOTP devices are made with.
    pub hotp: Parameters,
    /// Which steps are accepted.
    pub window: Window,
    /// How codes are sent.
    pub code: Code,
    /// How mail leaves this host.
    pub mail: MailSettings,
    /// How texts leave this host.
    pub sms: Option<SmsSettings>,
    /// What messages say.
    pub letters: Letters,
    /// Whether a mailed code helps who has lost the other methods.
    pub rescue: Option<Rescue>,
    /// What a user is told of by mail.
    pub notify: Vec<Event>,
    /// How many prompts one login has.
    pub tries: u32,
    /// What failures cost.
    pub limits: Limits,
    /// How codes are asked for.
    pub prompt: Prompt,
    /// The administrator's sentences.
    pub messages: Catalogue,
}

/// `[code]`: codes that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// How many digits they have.
    pub digits: Digits,
    /// How long they are good.
    pub lifetime_seconds: u32,
    /// How long before another is sent.
    pub resend_after_seconds: u64,
    /// How many messages may go to one user in an hour.
    pub sends_per_hour: u32,
}

/// `[rescue]`, where `email` is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rescue {
    /// How long such a code is good.
    pub lifetime_seconds: u32,
}

/// `[prompt]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Whether what is typed can be seen.
    pub echo: bool,
    /// How every prompt for a code begins, in any language.
    pub code: Option<String>,
    /// How a prompt for a password with a code behind it begins, in any language.
    pub combined: Option<String>,
}

impl Config {
    /// Reads the file at `path`. Only the default file may be missing; then the defaults hold.
    ///
    /// # Errors
    /// The file is not to be trusted or any word of it is wrong. Nobody may be let in then.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let (path, may_be_missing) = match path {
            Some(path) => (path, false),
            None => (Path::new(DEFAULT_PATH), true),
        };
        if !path.is_absolute() {
            return Err(ConfigError::Relative { path: path.to_owned() });
        }
        let (parent, name) = split(path)?;
        let file = match Directory::open(parent) {
            Ok(directory) => directory.file(name)?,
            Err(error) if error.is_missing() => None,
            Err(error) => return Err(error.into()),
        };
        match file {
            Some(file) => {
                let bytes = file.read(CONFIG_MAX_BYTES)?;
                Self::parse(&bytes).map_err(|mistake| ConfigError::Mistake { path: path.to_owned(), mistake })
            }
            None if may_be_missing => Ok(Self::default()),
            None => Err(ConfigError::Missing { path: path.to_owned() }),
        }
    }

    /// Reads the text of a configuration.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Mistake> {
        document::read(bytes, Self::read)
    }

    /// Every key, with the default beside it.
    fn read(table: &Table<'_>) -> Result<Self, Mistake> {
        let mut config = Self::default();
        if let Some(Issuer(issuer)) = table.optional("issuer")? {
            config.issuer = issuer;
        }
        if let Some(Methods(methods)) = table.optional("methods")? {
            config.methods = methods;
        }
        config.language = table.or("language", config.language)?;
        config.rescue_mail = table.optional("rescue_mail")?;
        if let Some(DeliverUser(name)) = table.optional("deliver_user")? {
            config.deliver_user = name;
        }
        let otherwise = &config.policy.otherwise;
        if let Some(policy) = table.table("policy", |policy| Policy::read(policy, &config.methods, otherwise))? {
            config.policy = policy;
        }
        table.table("totp", |totp| {
            config.totp.digits = totp.or("digits", config.totp.digits)?;
            let period = totp.or("period", Period::THIRTY)?;
            config.totp.moving = Moving::Time { period, ahead: 0 };
            config.totp.algorithm = totp.or("algorithm", config.totp.algorithm)?;
            let steps = totp.or("window", config.window.steps())?;
            config.window = config.window.with_steps(steps).map_err(|error| totp.wrong("window", &error))?;
            Ok(())
        })?;
        table.table("hotp", |hotp| {
            config.hotp.digits = hotp.or("digits", config.hotp.digits)?;
            let codes = hotp.or("look_ahead", config.window.look_ahead())?;
            let window = config.window.with_look_ahead(codes);
            config.window = window.map_err(|error| hotp.wrong("look_ahead", &error))?;
            Ok(())
        })?;
        table.table("code", |code| {
            config.code.digits = code.or("digits", config.code.digits)?;
            config.code.lifetime_seconds = code.or("lifetime", Lifetime(config.code.lifetime_seconds))?.0;
            config.code.resend_after_seconds = code.or("resend_after", Resend(config.code.resend_after_seconds))?.0;
            if config.code.resend_after_seconds > config.code.lifetime_seconds.into() {
                return Err(code.wrong("resend_after", &"another code is sent before the last one is too old"));
            }
            config.code.sends_per_hour = code.or("sends_per_hour", Sends(config.code.sends_per_hour))?.0;
            Ok(())
        })?;
        let letters = &mut config.letters;
        if let Some(mail) = table.table("mail", |mail| MailSettings::read(mail, letters))? {
            config.mail = mail;
        }
        config.sms = table.table("sms", |sms| SmsSettings::read(sms, letters))?;
        if config.methods.contains(&Method::Sms) && config.sms.is_none() {
            return Err(table.needed("sms", "methods", &"\"sms\" needs a table [sms] that says who sends"));
        }
        let rescue = table.table("rescue", |rescue| {
            let Lifetime(lifetime_seconds) = rescue.or("lifetime", Lifetime(RESCUE_LIFETIME_SECONDS))?;
            Ok(rescue.or("email", false)?.then_some(Rescue { lifetime_seconds }))
        })?;
        config.rescue = rescue.flatten();
        table.table("notify", |notify| {
            config.notify = notify.or("events", std::mem::take(&mut config.notify))?;
            Ok(())
        })?;
        table.table("limits", |limits| {
            config.tries = limits.or("tries", Tries(config.tries))?.0;
            config.limits.free_failures = limits.or("free_failures", config.limits.free_failures)?;
            let longest_wait = limits.or("longest_wait", Seconds(config.limits.longest_wait_seconds))?;
            config.limits.longest_wait_seconds = longest_wait.0;
            config.limits.lock_after = limits.or("lock_after", LockAfter(config.limits.lock_after))?.0;
            Ok(())
        })?;
        table.table("prompt", |prompt| {
            config.prompt.echo = prompt.or("echo", config.prompt.echo)?;
            config.prompt.code = prompt.optional("code")?.map(|PromptText(code)| code);
            config.prompt.combined = prompt.optional("combined")?.map(|PromptText(combined)| combined);
            Ok(())
        })?;
        if let Some(messages) = table.table("messages", messages::read)? {
            config.messages = messages;
        }
        let twice = |setting: &Option<String>, sentence| setting.is_some() && config.messages.has(sentence);
        if twice(&config.prompt.code, Sentence::CodePrompt) || twice(&config.prompt.combined, Sentence::CombinedPrompt)
        {
            return Err(table.wrong("messages", &"[prompt] says already how prompts begin"));
        }
        Ok(config)
    }
}

impl Config {
    /// The words for somebody who has chosen a language, or has not.
    #[must_use]
    pub fn words(&self, chosen: Option<Language>) -> Words<'_> {
        Words::new(&self.messages, chosen.unwrap_or(self.language))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            issuer: sys::host_name(),
            language: Language::En,
            methods: vec![Method::Totp, Method::Recovery],
            rescue_mail: None,
            deliver_user: UserName::of_the_sender(),
            policy: Policy {
                rules: Vec::new(),
                otherwise: Terms {
                    mode: Mode::Required,
                    unenrolled: Unenrolled::Deny,
                    methods: None,
                    remember_seconds: None,
                },
            },
            totp: Parameters::COMMON,
            hotp: Parameters { moving: Moving::Counter { first: 0 }, ..Parameters::COMMON },
            window: Window::ONE,
            code: Code { digits: Digits::SIX, lifetime_seconds: 5 * 60, resend_after_seconds: 30, sends_per_hour: 6 },
            mail: MailSettings::default(),
            sms: None,
            letters: Letters::default(),
            rescue: None,
            notify: Event::ALL.to_vec(),
            tries: 3,
            limits: Limits { free_failures: 3, longest_wait_seconds: 15 * 60, lock_after: 100 },
            prompt: Prompt { echo: false, code: None, combined: None },
            messages: Catalogue::default(),
        }
    }
}

/// The configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each message says it")]
pub enum ConfigError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: is missing", path.display())]
    Missing { path: PathBuf },
    #[error("{}: is not an absolute path", path.display())]
    Relative { path: PathBuf },
    #[error("{}: {mistake}", path.display())]
    Mistake { path: PathBuf, mistake: Mistake },
}

impl Value for Event {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        choice(value, &Self::ALL.map(|event| (event.name(), event)))
    }
}

checked! {
    DeliverUser, String;
    Lifetime, Seconds;
    Resend, Seconds;
    Sends, u32;
    Issuer, String;
    Methods, Vec<Method>;
    Seconds, String;
    Tries, u32;
    LockAfter, u32;
    PromptText, String;
}

/// 1 to 64 printable characters without a colon, which separates issuer and account in an otpauth URI.
struct Issuer(String);

impl TryFrom<String> for Issuer {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good =
            (1..=64).contains(&text.chars().count()) && !text.contains(':') && twofactor_message::shown(&text) == text;
        if good { Ok(Self(text)) } else { Err("an issuer has 1 to 64 printable characters and no colon") }
    }
}

/// At least one method, none of them twice.
struct Methods(Vec<Method>);

impl TryFrom<Vec<Method>> for Methods {
    type Error = &'static str;

    fn try_from(methods: Vec<Method>) -> Result<Self, Self::Error> {
        let twice = methods.iter().enumerate().any(|(at, m)| methods.iter().take(at).any(|before| before == m));
        if methods.is_empty() {
            Err("at least one method is needed: without any, nobody could log in")
        } else if twice {
            Err("a method is named twice")
        } else {
            Ok(Self(methods))
        }
    }
}

struct DeliverUser(UserName);

impl TryFrom<String> for DeliverUser {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        UserName::new(&name).map(Self).map_err(|_| "not the name of a user")
    }
}

/// How long a sent code is good.
struct Lifetime(u32);

impl TryFrom<Seconds> for Lifetime {
    type Error = &'static str;

    fn try_from(Seconds(seconds): Seconds) -> Result<Self, Self::Error> {
        let seconds = u32::try_from(seconds).ok().filter(|seconds| (10..=3600).contains(seconds));
        seconds.map(Self).ok_or("a sent code is good for 10 seconds to 1 hour")
    }
}

/// How long before another code is sent.
struct Resend(u64);

impl TryFrom<Seconds> for Resend {
    type Error = &'static str;

    fn try_from(Seconds(seconds): Seconds) -> Result<Self, Self::Error> {
        if (1..=3600).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err("another code is sent after 1 second to 1 hour")
        }
    }
}

/// How many messages may go to one user in an hour.
struct Sends(u32);

impl TryFrom<u32> for Sends {
    type Error = String;

    fn try_from(count: u32) -> Result<Self, Self::Error> {
        let fits = usize::try_from(count).is_ok_and(|count| (1..=MESSAGES_MAX).contains(&count));
        if fits { Ok(Self(count)) } else { Err(format!("1 to {MESSAGES_MAX} messages go to one user in an hour")) }
    }
}

/// 1 to 10 prompts.
struct Tries(u32);

impl TryFrom<u32> for Tries {
    type Error = &'static str;

    fn try_from(count: u32) -> Result<Self, Self::Error> {
        if (1..=10).contains(&count) { Ok(Self(count)) } else { Err("a login has 1 to 10 tries") }
    }
}

/// 1 to 100 failures: more would leave a six-digit code to chance (NIST SP 800-63B section 5.2.2).
struct LockAfter(u32);

impl TryFrom<u32> for LockAfter {
    type Error = &'static str;

    fn try_from(count: u32) -> Result<Self, Self::Error> {
        if (1..=100).contains(&count) { Ok(Self(count)) } else { Err("an account locks after 1 to 100 failures") }
    }
}

/// 1 to 200 bytes of printable text.
struct PromptText(String);

impl TryFrom<String> for PromptText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = (1..=200).contains(&text.len()) && twofactor_message::shown(&text) == text;
        if good { Ok(Self(text)) } else { Err("a prompt has 1 to 200 bytes of printable text on one line") }
    }
}

/// Where the configuration is when nobody says otherwise.
const DEFAULT_PATH: &str = "/etc/twofactor/config.toml";
const CONFIG_MAX_BYTES: u64 = 1024 * 1024;
const RESCUE_LIFETIME_SECONDS: u32 = 15 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::otp::Algorithm;

    #[test]
    fn an_empty_table_means_the_defaults() {
        let config = Config::parse(b"# nothing\n").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.policy.rules, []);
        let Terms { mode, unenrolled, .. } = config.policy.otherwise;
        assert_eq!((mode, unenrolled), (Mode::Required, Unenrolled::Deny));
        assert_eq!(config.words(None).prompt(Sentence::CodePrompt), "Verification code: ");
    }

    #[test]
    fn every_key_is_read() {
        let text = r#"
            issuer = "example.org"
            methods = ["totp"]
            rescue_mail = "helpdesk@example.org"
            language = "fr"
            [policy]
            mode = "if-enrolled"
            unenrolled = "deny"
            [totp]
            digits = 8
            period = 60
            algorithm = "SHA256"
            window = 2
            [limits]
            tries = 2
            free_failures = 5
            longest_wait = "1h"
            lock_after = 20
            [prompt]
            echo = true
            code = "Code: "
            combined = "Both: "
        "#;
        let config = Config::parse(text.as_bytes()).unwrap();
        assert_eq!(config.issuer, "example.org");
        assert_eq!((config.language, &config.methods[..]), (Language::Fr, &[Method::Totp][..]));
        assert_eq!(config.rescue_mail.unwrap().as_str(), "helpdesk@example.org");
        assert_eq!(config.policy.otherwise.mode, Mode::IfEnrolled);
        assert_eq!((config.totp.digits.count(), config.totp.period_seconds()), (8, Some(60)));
        assert_eq!((config.totp.algorithm, config.window.steps()), (Algorithm::Sha256, 2));
        assert_eq!((config.tries, config.limits.free_failures), (2, 5));
        assert_eq!((config.limits.longest_wait_seconds, config.limits.lock_after), (3600, 20));
        let (code, combined) = (Some("Code: ".to_owned()), Some("Both: ".to_owned()));
        assert_eq!(config.prompt, Prompt { echo: true, code, combined });
    }

    #[test]
    fn a_value_that_would_weaken_or_break_a_login_is_refused_where_it_stands() {
        for (text, expected) in [
            ("methods = []", "line 1, column 11: at least one method is needed: without any, nobody could log in"),
            ("methods = ['totp', 'totp']", "line 1, column 11: a method is named twice"),
            ("methods = ['topt']", "line 1, column 12: unknown value `topt`: did you mean `totp`?"),
            ("rescue_mail = 'helpdesk'", "line 1, column 15: not a mail address of the form name@example.org"),
            ("[totp]\ndigits = 5", "line 2, column 10: a code has 6 to 8 digits"),
            ("[totp]\nperiod = 0", "line 2, column 10: a period lasts 1 to 3600 seconds"),
            ("[totp]\nwindow = 11", "line 2, column 10: a window is 0 to 10 steps"),
            ("[limits]\ntries = 0", "line 2, column 9: a login has 1 to 10 tries"),
            ("[limits]\nlock_after = 0", "line 2, column 14: an account locks after 1 to 100 failures"),
            ("[policy]\nmode = 'of'", "line 2, column 8: unknown value `of`: did you mean `off`?"),
            ("[polcy]", "line 1, column 2: unknown key `polcy`: did you mean `policy`?"),
            (
                "[prompt]\ncode = \"a\\u001b\"",
                "line 2, column 8: a prompt has 1 to 200 bytes of printable text on one line",
            ),
        ] {
            assert_eq!(Config::parse(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn sentences_are_replaced_for_all_languages_or_for_one() {
        let text = "[messages]\nrefused = 'No.'\n[messages.de]\nrefused = 'Nein.'\nwait = 'in {time}'\n";
        let config = Config::parse(text.as_bytes()).unwrap();
        let said = |language| config.words(Some(language)).say(Sentence::Refused);
        assert_eq!(Language::ALL.map(said), ["No.", "Nein.", "No."]);
        assert_eq!(config.words(None).language(), Language::En);
        for (text, expected) in [
            ("language = 'da'", "line 1, column 12: unknown value `da`: did you mean `de`?"),
            ("[messages]\nrefusd = 'x'", "line 2, column 1: unknown key `refusd`: did you mean `refused`?"),
            ("[messages.de]\nwait = 'x'", "line 2, column 8: without {time} the sentence would be of no use"),
            ("[messages.fr]\nsent = 'x {too}'", "line 2, column 8: nothing fills in {too}: it can be {to}"),
            (
                "[prompt]\ncode = 'x'\n[messages.de]\ncode_prompt = 'x'",
                "line 3, column 2: [prompt] says already how prompts begin",
            ),
        ] {
            assert_eq!(Config::parse(text.as_bytes()).unwrap_err().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_config_that_was_named_must_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        assert!(matches!(Config::load(Some(&path)), Err(ConfigError::Missing { .. })));
        std::fs::write(&path, "").unwrap();
        assert!(Config::load(Some(&path)).unwrap_err().to_string().ends_with("is empty"));
        std::fs::write(&path, "issuer = 'x'").unwrap();
        assert_eq!(Config::load(Some(&path)).unwrap().issuer, "x");
        assert!(matches!(Config::load(Some(Path::new("config.toml"))), Err(ConfigError::Relative { .. })));
    }
}
