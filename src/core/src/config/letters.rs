//! The administrator's words for messages: `[mail.code]`, `[mail.rescue]`, `[mail.notice]`, and `text` of `[sms]`.

use twofactor_message::{Template, Wording};

use crate::document::{Mistake, Table};

/// The words that stand in the place of ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letters {
    /// Of a mailed code.
    pub code: Wording,
    /// Of a call for help to the administrator.
    pub rescue: Wording,
    /// Of a notice to the user.
    pub notice: Wording,
    /// Of a texted code.
    pub text: Option<String>,
}

/// Reads `[mail.KIND]`, in which `words` are filled in and one of them, `needed`, must be.
pub(super) fn wording(table: &Table<'_>, words: &[&str], needed: &str) -> Result<Wording, Mistake> {
    let subject = template(table, "subject", words)?;
    if let Some(subject) = &subject
        && twofactor_message::shown(subject.as_str()) != subject.as_str()
    {
        return Err(table.wrong("subject", &"a subject is one line of printable text"));
    }
    let useful = |key| {
        let template = template(table, key, words)?;
        if template.as_ref().is_some_and(|template| !template.has(needed)) {
            return Err(table.wrong(key, &format_args!("without {{{needed}}} the message would be of no use")));
        }
        Ok(template.map(|template| template.as_str().to_owned()))
    };
    let subject = subject.map(|subject| subject.as_str().to_owned());
    Ok(Wording { subject, text: useful("text")?, html: useful("html")? })
}

/// A text with places that `words` fill in.
pub(super) fn template(table: &Table<'_>, key: &'static str, words: &[&str]) -> Result<Option<Template>, Mistake> {
    let Some(text) = table.optional::<String>(key)? else { return Ok(None) };
    if text.is_empty() || text.len() > TEMPLATE_MAX_BYTES {
        return Err(table.wrong(key, &format_args!("a text has 1 to {TEMPLATE_MAX_BYTES} bytes")));
    }
    Template::new(&text, words).map(Some).map_err(|error| table.wrong(key, &error))
}

const TEMPLATE_MAX_BYTES: usize = 16 * 1024;
