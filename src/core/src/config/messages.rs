//! `[messages]`: the administrator's sentences in the place of ours, for all languages or for one.

use twofactor_message::Language;

use crate::document::{Mistake, Table};
use crate::words::{Catalogue, places};

/// Reads `[messages]` with `[messages.en]`, `[messages.de]` and `[messages.fr]`.
pub(super) fn read(table: &Table<'_>) -> Result<Catalogue, Mistake> {
    let mut catalogue = Catalogue::default();
    replace(table, None, &mut catalogue)?;
    for language in Language::ALL {
        table.table(language.name(), |table| replace(table, Some(language), &mut catalogue))?;
    }
    Ok(catalogue)
}

fn replace(table: &Table<'_>, language: Option<Language>, catalogue: &mut Catalogue) -> Result<(), Mistake> {
    for place in places() {
        if let Some(text) = table.optional(place.key)? {
            let replaced = catalogue.replace(language, place, text);
            replaced.map_err(|unfit| table.wrong(place.key, &unfit))?;
        }
    }
    Ok(())
}
