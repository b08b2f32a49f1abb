//! Writing what [`super::read`] reads.

use std::fmt::Write;

use zeroize::Zeroizing;

/// A document in the making; wiped when dropped, since a keyring is one.
#[derive(Default)]
pub struct Writer(Zeroizing<String>);

impl Writer {
    /// Room for a document of so many bytes, so that growing leaves no copies behind.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Zeroizing::new(String::with_capacity(bytes)))
    }

    /// Begins `[name]`.
    pub fn table(&mut self, name: &str) -> &mut Self {
        self.raw(format_args!("\n[{name}]\n"))
    }

    /// Begins one more `[[name]]`.
    pub fn element(&mut self, name: &str) -> &mut Self {
        self.raw(format_args!("\n[[{name}]]\n"))
    }

    /// A whole number.
    pub fn number(&mut self, key: &str, number: u64) -> &mut Self {
        self.raw(format_args!("{key} = {number}\n"))
    }

    /// A string.
    pub fn string(&mut self, key: &str, text: &str) -> &mut Self {
        self.raw(format_args!("{key} = ")).quoted(text).raw(format_args!("\n"))
    }

    /// An array of strings, one on a line.
    pub fn strings<'t>(&mut self, key: &str, texts: impl IntoIterator<Item = &'t str>) -> &mut Self {
        self.raw(format_args!("{key} = [\n"));
        for text in texts {
            self.raw(format_args!("  ")).quoted(text).raw(format_args!(",\n"));
        }
        self.raw(format_args!("]\n"))
    }

    /// The document.
    #[must_use]
    pub fn finish(self) -> Zeroizing<String> {
        self.0
    }

    /// A basic string (TOML 1.0, "String").
    fn quoted(&mut self, text: &str) -> &mut Self {
        self.0.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => self.0.extend(['\\', character]),
                control if control.is_control() => {
                    self.raw(format_args!("\\u{:04X}", u32::from(control)));
                }
                other => self.0.push(other),
            }
        }
        self.0.push('"');
        self
    }

    fn raw(&mut self, text: std::fmt::Arguments<'_>) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = self.0.write_fmt(text);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in ".*", number in 0..=i64::MAX as u64, texts in proptest::collection::vec(".*", 0..4)) {
            let mut writer = Writer::with_capacity(64);
            writer.string("text", &text).number("number", number).table("more");
            writer.strings("texts", texts.iter().map(String::as_str));
            let document = writer.finish();
            let back = read(document.as_bytes(), |table| {
                let more = table.table("more", |more| more.required::<Vec<String>>("texts"))?;
                Ok((table.required("text")?, table.required("number")?, more))
            });
            prop_assert_eq!(back, Ok((text, number, Some(texts))));
        }
    }
}
