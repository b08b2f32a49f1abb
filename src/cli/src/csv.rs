//! Files of lists (RFC 4180): a line of names first, commas, quotes where a field needs them. What is not that is refused
//! where it stands.

use crate::output::counted;

/// A list with its names.
#[derive(Debug, PartialEq)]
pub(crate) struct Csv {
    pub(crate) names: Vec<Field>,
    pub(crate) records: Vec<Record>,
}

/// One record, which has as many fields as there are names.
#[derive(Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) line: usize,
    pub(crate) fields: Vec<Field>,
}

/// One field, and in which column of characters it begins.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) text: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// Something that is no such list, or no such thing in a list.
#[derive(Debug, PartialEq)]
pub(crate) struct Mistake {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) what: String,
}

impl Field {
    /// What is wrong with it.
    pub(crate) fn mistake(&self, what: impl ToString) -> Mistake {
        Mistake { line: self.line, column: self.column, what: what.to_string() }
    }
}

/// Reads a list. Blank lines are passed over, as is the mark that some programs begin a file with.
pub(crate) fn read(text: &str) -> Result<Csv, Vec<Mistake>> {
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1, column: 1 };
    let (mut records, mut mistakes) = (Vec::<Record>::new(), Vec::new());
    while !reader.rest.is_empty() {
        let (line, blank) = (reader.line, reader.rest.starts_with(['\n', '\r']));
        match reader.record() {
            Ok(_) if blank => {}
            Ok(fields) => {
                let wanted = records.first().map_or(fields.len(), |names| names.fields.len());
                if let (true, Some(first)) = (fields.len() != wanted, fields.first()) {
                    mistakes.push(
                        first.mistake(format!("{} where the first line has {wanted}", counted(fields.len(), "field"))),
                    );
                }
                records.push(Record { line, fields });
            }
            // What follows a quote that does not end cannot be told apart.
            Err(mistake) => {
                mistakes.push(mistake);
                return Err(mistakes);
            }
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    if records.is_empty() {
        return Err(vec![Mistake { line: 1, column: 1, what: "there is no line of names".to_owned() }]);
    }
    let names = records.remove(0).fields;
    Ok(Csv { names, records })
}

/// Where the reader stands.
struct Reader<'t> {
    rest: &'t str,
    line: usize,
    column: usize,
}

impl Reader<'_> {
    /// The fields up to the end of the line or of the text.
    fn record(&mut self) -> Result<Vec<Field>, Mistake> {
        let mut fields = Vec::new();
        loop {
            let (line, column) = (self.line, self.column);
            let text = if self.rest.starts_with('"') { self.quoted()? } else { self.bare()? };
            fields.push(Field { text, line, column });
            match self.next() {
                Some(',') => {}
                Some('\r') if self.rest.starts_with('\n') => drop(self.next()),
                Some('\n') | None => return Ok(fields),
                Some(_) => {
                    let what = "a comma or the end of the line has to follow".to_owned();
                    return Err(Mistake { line: self.line, column: self.column - 1, what });
                }
            }
            if self.column == 1 {
                return Ok(fields);
            }
        }
    }

    fn bare(&mut self) -> Result<String, Mistake> {
        let mut text = String::new();
        while let Some(c) = self.rest.chars().next().filter(|c| !matches!(c, ',' | '\n' | '\r')) {
            if c == '"' || c.is_control() {
                let what = if c == '"' {
                    "a quote within a field that does not begin with one"
                } else {
                    "a control character"
                };
                return Err(Mistake { line: self.line, column: self.column, what: what.to_owned() });
            }
            text.extend(self.next());
        }
        Ok(text)
    }

    fn quoted(&mut self) -> Result<String, Mistake> {
        let (line, column) = (self.line, self.column);
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') if self.rest.starts_with('"') => text.extend(self.next()),
                Some('"') => return Ok(text),
                Some(c) => text.push(c),
                None => return Err(Mistake { line, column, what: "a quote that does not end".to_owned() }),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..)?;
        if c == '\n' {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(csv: &Csv) -> Vec<Vec<&str>> {
        csv.records.iter().map(|record| record.fields.iter().map(|field| field.text.as_str()).collect()).collect()
    }

    #[test]
    fn a_list_as_other_programs_write_it_is_read() {
        let csv = read("\u{feff}user,label\r\nann,\"a, \"\"b\"\"\"\r\n\r\nzo\u{eb},\n\"bob\",\"two\nlines\"").unwrap();
        assert_eq!(texts(&csv), [["ann", "a, \"b\""], ["zo\u{eb}", ""], ["bob", "two\nlines"]]);
        let places: Vec<_> = csv.records.iter().map(|record| (record.line, record.fields[1].column)).collect();
        assert_eq!(places, [(2, 5), (4, 5), (5, 7)]);
        assert_eq!(csv.names[1], Field { text: "label".to_owned(), line: 1, column: 6 });
    }

    #[test]
    fn what_is_no_list_is_refused_where_it_stands() {
        for (text, line, column, what) in [
            ("", 1, 1, "there is no line of names"),
            ("user\n\"ann", 2, 1, "a quote that does not end"),
            ("user\n\"ann\"x", 2, 6, "a comma or the end of the line has to follow"),
            ("user\nan\"n", 2, 3, "a quote within a field that does not begin with one"),
            ("user\nan\tn", 2, 3, "a control character"),
            ("user\nan\rn", 2, 3, "a comma or the end of the line has to follow"),
            ("user,label\nann", 2, 1, "1 field where the first line has 2"),
        ] {
            assert_eq!(read(text), Err(vec![Mistake { line, column, what: what.to_owned() }]), "{text:?}");
        }
        assert_eq!(read("a\n1,2\nb\n3,4").unwrap_err().len(), 2, "every line is named");
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back(fields in prop::collection::vec(prop::collection::vec(".*", 2), 1..5)) {
            let line = |record: &Vec<String>| {
                record.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect::<Vec<_>>().join(",")
            };
            let text = format!("a,b\n{}\n", fields.iter().map(line).collect::<Vec<_>>().join("\n"));
            let csv = read(&text).unwrap();
            prop_assert_eq!(texts(&csv), fields);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(text in "[\",\r\na\u{feff}]{0,40}") {
            let _ = read(&text);
        }
    }
}
