//! What holds of the readers of this crate, whatever the bytes are. The targets in `tests/fuzz` try it; a room whose
//! readers are nobody else's business has a file of this name, and so nothing is visible for it that would not be anyway.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "to break is what it is for")]

pub use crate::commands::{fuzzed_doctor as doctor, fuzzed_import as import};
use crate::csv;

/// A list of `setup --from`, and whether it is one.
pub fn list(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let lines: Vec<_> = text.strip_prefix('\u{feff}').unwrap_or(text).split('\n').collect();
    let list = match csv::read(text) {
        Ok(list) => list,
        Err(mistakes) => {
            for mistake in &mistakes {
                let line = lines[mistake.line - 1];
                assert!(mistake.column <= line.chars().count() + 1, "{mistake:?}");
            }
            assert!((1..=lines.len()).contains(&mistakes.len()));
            return false;
        }
    };
    let mut again = String::new();
    for fields in std::iter::once(&list.names).chain(list.records.iter().map(|record| &record.fields)) {
        assert_eq!(fields.len(), list.names.len());
        for field in fields {
            let written = lines[field.line - 1].chars().skip(field.column - 1).collect::<String>();
            let start = field.text.split('\n').next().unwrap_or_default();
            assert!(written.starts_with(start.trim_end_matches('\r')) || written.starts_with('"'), "{field:?}");
        }
        let quoted: Vec<_> = fields.iter().map(|field| format!("\"{}\"", field.text.replace('"', "\"\""))).collect();
        again += &format!("{}\r\n", quoted.join(","));
    }
    let again = csv::read(&again).unwrap();
    let texts = |fields: &[csv::Field]| fields.iter().map(|field| field.text.clone()).collect::<Vec<_>>();
    assert_eq!(texts(&again.names), texts(&list.names));
    let records = |list: &csv::Csv| list.records.iter().map(|record| texts(&record.fields)).collect::<Vec<_>>();
    assert_eq!(records(&again), records(&list));
    true
}
