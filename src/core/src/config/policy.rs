//! `[policy]`: who must prove a second factor. A rule that could not be meant as it stands is refused.

use crate::config::Methods;
use crate::config::seconds::Seconds;
use crate::document::{Mistake, Table, checked};
use crate::factor::Method;
use crate::policy::{Policy, Rule, Terms, without_dev};

impl Policy {
    pub(super) fn read(table: &Table<'_>, methods: &[Method], otherwise: &Terms) -> Result<Self, Mistake> {
        let otherwise = Terms {
            mode: table.or("mode", otherwise.mode)?,
            unenrolled: table.or("unenrolled", otherwise.unenrolled)?,
            ..otherwise.clone()
        };
        let rules = table.tables("rule", |rule| Rule::read(rule, methods, &otherwise))?;
        Ok(Self { rules, otherwise })
    }
}

impl Rule {
    fn read(table: &Table<'_>, methods: &[Method], otherwise: &Terms) -> Result<Self, Mistake> {
        let names = |key| Ok(table.optional(key)?.map(|Names(names)| names));
        Ok(Self {
            service: names("service")?,
            user: names("user")?,
            group: names("group")?,
            rhost: parsed(table, "rhost")?,
            tty: names("tty")?.map(|names: Vec<_>| names.iter().map(|name| without_dev(name).to_owned()).collect()),
            ssh_auth: parsed(table, "ssh_auth")?,
            terms: terms(table, methods, otherwise)?,
        })
    }
}

fn terms(table: &Table<'_>, methods: &[Method], otherwise: &Terms) -> Result<Terms, Mistake> {
    let own = table.optional("methods")?.map(|Methods(methods)| methods);
    if let Some(stranger) = own.iter().flatten().find(|method| !methods.contains(method)) {
        return Err(table.wrong("methods", format!("\"{stranger}\" is not among the methods of the configuration")));
    }
    Ok(Terms {
        mode: table.or("mode", otherwise.mode)?,
        unenrolled: table.or("unenrolled", otherwise.unenrolled)?,
        methods: own,
        remember_seconds: table.optional("remember")?.map(|Remember(seconds)| seconds),
    })
}

/// A list of texts, each of which is read by its own type.
fn parsed<T>(table: &Table<'_>, key: &'static str) -> Result<Option<Vec<T>>, Mistake>
where
    T: std::str::FromStr<Err = &'static str>,
{
    let Some(Names(texts)) = table.optional(key)? else { return Ok(None) };
    let one = |text: &String| {
        text.parse().map_err(|why| table.wrong(key, format!("`{}`: {why}", twofactor_message::shown(text))))
    };
    texts.iter().map(one).collect::<Result<_, _>>().map(Some)
}

/// At least one word.
struct Names(Vec<String>);

impl TryFrom<Vec<String>> for Names {
    type Error = &'static str;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        if names.is_empty() {
            Err("an empty list matches nothing: leave the key out to match everything")
        } else if names.iter().any(|name| name.trim() != name || name.is_empty() || name.contains(char::is_control)) {
            Err("expected words without blanks around them")
        } else {
            Ok(Self(names))
        }
    }
}

/// For how long a success is remembered.
struct Remember(u64);

impl TryFrom<Seconds> for Remember {
    type Error = &'static str;

    fn try_from(Seconds(seconds): Seconds) -> Result<Self, Self::Error> {
        if (60..=REMEMBER_MAX_SECONDS).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err("a success is remembered for 1 minute to 30 days")
        }
    }
}

checked! {
    Names, Vec<String>;
    Remember, Seconds;
}

const REMEMBER_MAX_SECONDS: u64 = 30 * 86_400;
