//! What messages say, `[mail.code]`, `[mail.rescue]`, `[mail.notice]` and `text` of `[sms]`: texts of our own, or those
//! of the administrator with the same places to fill in.

use twofactor_message::Template;

use crate::document::{Mistake, Table};

/// The texts of every message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letters {
    /// A mailed code.
    pub code: Letter,
    /// A call for help to the administrator.
    pub rescue: Letter,
    /// A notice to the user of what has changed.
    pub notice: Letter,
    /// A texted code.
    pub text: Template,
}

/// The texts of one kind of mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: Template,
    /// The plain text.
    pub text: Template,
    /// The same as HTML, if that is wanted; values are escaped in it.
    pub html: Option<Template>,
}

impl Letter {
    /// Reads `[mail.KIND]`, in which `words` are filled in and one of them, `needed`, must be.
    pub(super) fn read(self, table: &Table<'_>, words: &[&str], needed: &str) -> Result<Self, Mistake> {
        let subject = template(table, "subject", words)?;
        let text = template(table, "text", words)?;
        let html = template(table, "html", words)?;
        if let Some(subject) = &subject
            && twofactor_message::shown(subject.as_str()) != subject.as_str()
        {
            return Err(table.wrong("subject", "a subject is one line of printable text"));
        }
        for (key, part) in [("text", &text), ("html", &html)] {
            if part.as_ref().is_some_and(|part| !part.has(needed)) {
                return Err(table.wrong(key, format!("without {{{needed}}} the message would be of no use")));
            }
        }
        Ok(Self { subject: subject.unwrap_or(self.subject), text: text.unwrap_or(self.text), html })
    }
}

/// A text with places that `words` fill in.
pub(super) fn template(table: &Table<'_>, key: &'static str, words: &[&str]) -> Result<Option<Template>, Mistake> {
    let Some(text) = table.optional::<String>(key)? else { return Ok(None) };
    if text.is_empty() || text.len() > TEMPLATE_MAX_BYTES {
        return Err(table.wrong(key, format!("a text has 1 to {TEMPLATE_MAX_BYTES} bytes")));
    }
    Template::new(&text, words).map(Some).map_err(|error| table.wrong(key, error.to_string()))
}

impl Default for Letters {
    fn default() -> Self {
        let letter =
            |subject, text| Letter { subject: Template::fixed(subject), text: Template::fixed(text), html: None };
        Self {
            code: letter(CODE_SUBJECT, CODE_TEXT),
            rescue: letter(RESCUE_SUBJECT, RESCUE_TEXT),
            notice: letter(NOTICE_SUBJECT, NOTICE_TEXT),
            text: Template::fixed(SMS_TEXT),
        }
    }
}

/// What is filled in where a code is sent.
pub(super) const CODE_WORDS: [&str; 8] = ["code", "user", "host", "service", "from", "time", "lifetime", "issuer"];
/// What is filled in where the administrator is asked for help.
pub(super) const RESCUE_WORDS: [&str; 9] =
    ["user", "host", "service", "from", "tty", "time", "reference", "command", "issuer"];
/// What is filled in where the user is told of a change.
pub(super) const NOTICE_WORDS: [&str; 8] = ["what", "detail", "user", "host", "service", "from", "time", "issuer"];

const CODE_SUBJECT: &str = "{code} is your login code for {host}";
const CODE_TEXT: &str = "\
{code}

is the code to log in as {user} on {host}.

  Asked for by  {service}
  From          {from}
  At            {time}
  Valid for     {lifetime}, once

If it was not you who asked, somebody knows the password of {user}: change it
and tell your administrator. Give this code to nobody, whoever asks for it.
";
const RESCUE_SUBJECT: &str = "{user} asks for help to log in to {host} [{reference}]";
const RESCUE_TEXT: &str = "\
Somebody who gave the password of {user} cannot give a second factor and asks
for your help.

  User       {user}
  Host       {host}
  Service    {service}
  From       {from}
  Terminal   {tty}
  At         {time}
  Reference  {reference}

Nothing was granted. If you are sure that it is {user} who asks (call back on a
number that you know; this mail proves nothing), issue a code that works once:

  {command}

and read it to them. If it is not {user}, the password is known to somebody
else and has to be changed.
";
const NOTICE_SUBJECT: &str = "{what}: {user} on {host}";
const NOTICE_TEXT: &str = "\
{what} for {user} on {host}.

  {detail}
  By    {service}
  From  {from}
  At    {time}

If this was not you, tell your administrator at once.
";
const SMS_TEXT: &str = "{code} is your login code for {user} on {host}, asked for by {service} from {from}. Not you? Tell your administrator.";

const TEMPLATE_MAX_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_our_own_texts_is_filled_in() {
        for (words, texts) in [
            (&CODE_WORDS[..], vec![CODE_SUBJECT, CODE_TEXT, SMS_TEXT]),
            (&RESCUE_WORDS, vec![RESCUE_SUBJECT, RESCUE_TEXT]),
            (&NOTICE_WORDS, vec![NOTICE_SUBJECT, NOTICE_TEXT]),
        ] {
            for text in texts {
                assert_eq!(Template::new(text, words).map_err(|error| error.to_string()), Ok(Template::fixed(text)));
            }
        }
    }

    #[test]
    fn a_mailed_code_is_the_first_word_of_its_subject() {
        assert!(CODE_SUBJECT.starts_with("{code} "));
    }
}
