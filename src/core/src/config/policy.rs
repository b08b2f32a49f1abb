//! `[policy]`: who must prove a second factor. A rule that could not be meant as it stands is refused.

use crate::clock::UnixTime;
use crate::config::Methods;
use crate::config::seconds::Seconds;
use crate::document::{Mistake, Table, Value, Written, Wrong, checked, choice, text};
use crate::factor::Method;
use crate::policy::{Policy, Rule, Terms, Unenrolled, without_dev};

impl Policy {
    pub(super) fn read(table: &Table<'_>, methods: &[Method], otherwise: &Terms) -> Result<Self, Mistake> {
        let otherwise = Terms {
            mode: table.or("mode", otherwise.mode)?,
            unenrolled: unenrolled(table, otherwise.unenrolled, methods)?,
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
        return Err(
            table.wrong("methods", &format_args!("\"{stranger}\" is not among the methods of the configuration"))
        );
    }
    let unenrolled = unenrolled(table, otherwise.unenrolled, own.as_deref().unwrap_or(methods))?;
    Ok(Terms {
        mode: table.or("mode", otherwise.mode)?,
        unenrolled,
        methods: own,
        remember_seconds: table.optional("remember")?.map(|Remember(seconds)| seconds),
    })
}

/// Whoever sets something up at a login must be able to use it there.
fn unenrolled(table: &Table<'_>, otherwise: Unenrolled, methods: &[Method]) -> Result<Unenrolled, Mistake> {
    let own = table.optional("unenrolled")?;
    if own.is_some_and(|own| own != Unenrolled::Deny) && !methods.contains(&Method::Totp) {
        return Err(table.wrong("unenrolled", &"who sets up an authenticator app needs \"totp\" in methods"));
    }
    Ok(own.unwrap_or(if methods.contains(&Method::Totp) { otherwise } else { Unenrolled::Deny }))
}

/// A list of texts, each of which is read by its own type.
fn parsed<T>(table: &Table<'_>, key: &'static str) -> Result<Option<Vec<T>>, Mistake>
where
    T: std::str::FromStr<Err = &'static str>,
{
    let Some(Names(texts)) = table.optional(key)? else { return Ok(None) };
    let one = |text: &String| {
        text.parse().map_err(|why| table.wrong(key, &format_args!("`{}`: {why}", twofactor_message::shown(text))))
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

/// A word, or `enroll until` with a day.
impl Value for Unenrolled {
    fn read(value: &Written<'_>) -> Result<Self, Wrong> {
        match text(value)?.strip_prefix("enroll until ") {
            Some(day) => match end_of_day(day) {
                Some(until) => Ok(Self::Enroll { until: Some(until) }),
                None => Err(Wrong::new(value, "a day is written `enroll until 2027-01-31`".to_owned())),
            },
            None => choice(value, &Self::ALL.map(|what| (what.name(), what))),
        }
    }
}

/// The end of a day, UTC.
fn end_of_day(text: &str) -> Option<UnixTime> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *<&[u8; 10]>::try_from(text.as_bytes()).ok()? else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u64::from(digit.wrapping_sub(b'0')))
        })
    };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days_of = |month| match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if year < 1970 || !(1..=12).contains(&month) || !(1..=days_of(month)).contains(&day) {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = (1..month).map(days_of).sum();
    Some(UnixTime((years + months + day) * 86_400))
}

checked! {
    Names, Vec<String>;
    Remember, Seconds;
}

const REMEMBER_MAX_SECONDS: u64 = 30 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_where_the_next_begins() {
        for (text, seconds) in [
            ("1970-01-01", 86_400),
            ("2000-02-29", 951_868_800),
            ("2026-12-31", 1_798_761_600),
            ("2027-01-31", 1_801_440_000),
            ("2100-03-01", 4_107_628_800),
        ] {
            assert_eq!(end_of_day(text), Some(UnixTime(seconds)), "{text}");
        }
        for text in
            ["", "2027-1-31", "2027-02-29", "2100-02-29", "2027-13-01", "2027-00-01", "2027-01-00", "1969-12-31"]
                .into_iter()
                .chain(["2027-01-31T00", "+027-01-31", "2027-01-+1", "20270131", "31-01-2027"])
        {
            assert_eq!(end_of_day(text), None, "{text}");
        }
    }
}
