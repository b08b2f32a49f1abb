//! Our reading of TOML held against that of `toml`: the same documents are taken, with the same values in the same places,
//! and what is refused is refused for the same reason.

use toml::de::{DeArray, DeTable, DeValue, Error};

use super::no_toml;
use super::tree::{Children, Kind, Node, Tree};
use super::values::digits;

/// Why the two readings differ, if they do.
#[must_use]
pub fn differ(text: &str) -> Option<String> {
    let theirs = DeTable::parse(text);
    match (Tree::parse(text), theirs) {
        (Ok(tree), Ok(table)) => (!same_table(&tree, tree.root(), table.get_ref())).then(|| "other values".to_owned()),
        (Ok(tree), Err(error)) => {
            (!has_a_day_that_never_was(&tree, tree.root())).then(|| format!("only they refuse: {}", error.message()))
        }
        (Err(error), Ok(_)) => Some(format!("only we refuse: {error:?}")),
        (Err(error), Err(first)) => {
            let start = error.unexpected().map_or(0, |span| span.start());
            let ours = no_toml(text, &error).0.what;
            let (_, all) = DeTable::parse_recoverable(text);
            // They see a header only when its table is done, and braces when these are closed: then we see it first.
            let seen = |error: &Error| {
                let (theirs, there) = (error.message(), error.span().map_or(0, |span| span.start));
                (there == start && (theirs == ours || (theirs == "duplicate key" && ours.contains("inline table"))))
                    || ours.contains("nested too deeply") && theirs.contains("recur")
            };
            let agreed = if all.len() == 1 { seen(&first) } else { all.iter().any(seen) };
            (!agreed).then(|| format!("they say {first:?}, we say {start}: {ours}"))
        }
    }
}

/// Whether they take it.
#[cfg(fuzzing)]
#[must_use]
pub fn is_toml(text: &str) -> bool {
    DeTable::parse(text).is_ok()
}

fn same_table(tree: &Tree<'_>, ours: Children, theirs: &DeTable<'_>) -> bool {
    let same = theirs.iter().all(|(key, value)| {
        let ours = tree.get(ours, key.get_ref());
        ours.is_some_and(|ours| {
            ours.key == *key.get_ref()
                && ours.key_start() == key.span().start
                && ours.start() == value.span().start
                && same(tree, ours, value.get_ref())
        })
    });
    same && tree.within(ours).count() == theirs.len()
}

fn same_array(tree: &Tree<'_>, ours: Children, theirs: &DeArray<'_>) -> bool {
    let mut pairs = tree.within(ours).zip(theirs.iter());
    tree.within(ours).count() == theirs.len()
        && pairs.all(|(ours, theirs)| ours.start() == theirs.span().start && same(tree, ours, theirs.get_ref()))
}

fn same(tree: &Tree<'_>, ours: &Node<'_>, theirs: &DeValue<'_>) -> bool {
    match (&ours.kind, theirs) {
        (Kind::String(ours), DeValue::String(theirs)) => ours == theirs,
        (Kind::Integer(ours), DeValue::Integer(theirs)) => digits(ours) == (theirs.as_str().to_owned(), theirs.radix()),
        (Kind::Boolean(ours), DeValue::Boolean(theirs)) => ours == theirs,
        (Kind::Float, DeValue::Float(_)) | (Kind::DateTime, DeValue::Datetime(_)) => true,
        (Kind::Array(ours, _), DeValue::Array(theirs)) => same_array(tree, *ours, theirs),
        (Kind::Table(ours, _), DeValue::Table(theirs)) => same_table(tree, *ours, theirs),
        _ => false,
    }
}

/// Of a date we ask no more than what it begins with, since none of our settings is one.
fn has_a_day_that_never_was(tree: &Tree<'_>, within: Children) -> bool {
    tree.within(within).any(|node| match node.kind {
        Kind::DateTime => {
            let from = tree.text.get(node.start()..).unwrap_or_default();
            let written = from.split([',', ']', '}', '#', '\r', '\n']).next().unwrap_or_default();
            DeValue::parse(written.trim_end_matches([' ', '\t'])).is_err()
        }
        Kind::Array(within, _) | Kind::Table(within, _) => has_a_day_that_never_was(tree, within),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn documents_that_are_easily_got_wrong_are_read_as_toml_reads_them() {
        for text in [
            "",
            "\u{feff}a = 1",
            "a = 1\u{feff}",
            "a = 1\r\nb = 2\r\n",
            "a = 1\rb = 2",
            "# a\rb",
            "# \u{7f}",
            "a = 1 # \u{1}",
            // Tables, and what may come after what.
            "[a.b]\n[a]\nc = 1",
            "[a]\n[a.b]\n[a]",
            "[a.b.c]\n[a]\nb.d = 1",
            "[a.b.c]\n[a]\nb.d = 1\n[a.b]",
            "[a.b.c]\n[a]\nb.d = 1\n[a.b.e]",
            "[a]\nb.c = 1\n[a.b]",
            "[a]\nb.c = 1\n[a.b.d]\ne = 1",
            "[a]\nb.c = 1\nb.d = 2",
            "[a]\nb = 1\nb.c = 2",
            "a.b = 1\n[a]",
            "a.b = 1\n[a.c]\nd = 2\n[a.c]",
            "[a.b]\n[a.c]\n[a]\nd = 1\n[d]",
            "[a.b]\nc = 1\n[a]\nb.c = 2",
            "[]",
            "[a.]",
            "[.a]",
            "[a..b]",
            "[ a . \"b\" . 'c' ]\nd=1",
            "[a] b = 1",
            "[a]]",
            "[[a]",
            "[ [a]]",
            "[[a] ]",
            // Arrays of tables.
            "[[a]]\nb = 1\n[[a]]\nb = 2\n[a.c]\nd = 3\n[[a]]\n[a.c]\nd = 4",
            "[[a]]\n[a]",
            "[a]\n[[a]]",
            "a = []\n[[a]]",
            "a = [{}]\n[a.b]",
            "a = [{}]\n[[a]]",
            "[[a]]\n[[a.b]]\n[[a.b]]\n[a.b.c]\n[[a]]\n[[a.b]]",
            "[[a.b]]\n[a]\nc = 1\n[[a.b]]\n[[a]]",
            "[[x.a]]\n[x]\na.b = 1",
            "[[x.a]]\n[x]\na.b.c = 1\na.b.d = 2",
            "[[x.a.b]]\n[x]\na.b.c = 1",
            "[a.b]\n[[a]]",
            // Braces and brackets.
            "a = {}\n[a]",
            "a = {}\n[a.b]",
            "a = {}\na.b = 1",
            "a = {b = 1, b = 2}",
            "a = {b.c = 1, b.d = 2, e = {f.g = 3}}",
            "a = {b = 1, b.c = 2}",
            "a = {b = {c = 1}, b.d = 2}",
            "a = {b = {}, b.d = 2}",
            "a = {b.c = 1, b = 2}",
            "a = {b.c = 1, b.c.d = 2}",
            "a = {b = [{c = 1}], b.c = 2}",
            "a = {b = 1,}",
            "a = {\n  b = 1, # one\n  c = [ 2,\n 3, ],\n}",
            "a = {b}",
            "a = {b = }",
            "a = {b =",
            "a = {b",
            "a = {,}",
            "a = {=1}",
            "a = {b 1}",
            "a = {b = 1 c = 2}",
            "a = {{}}",
            "a = {b = 1}}",
            "a = [1, 2",
            "a = [1 2]",
            "a = [,]",
            "a = [=]",
            "a = [}]",
            "a = ]",
            "a = }",
            "a = [[], [[]], {b = []}, 1, 'x', 1.5, true]",
            // Keys.
            "\"a\" = 1\na = 2",
            "'a' = 1\n\"\\u0061\" = 2",
            "\"\" = 1\n'' = 2",
            "\"\"\"a\"\"\" = 1",
            "'''a''' = 1",
            "a b = 1",
            "\u{e9} = 1",
            "\"\u{e9}\" = 1",
            "1.2 = 3\n1 . 2 = 4",
            "a.b.c.d = 1\na.b.e = 2\na.b.c.d = 3",
            "= 1",
            ". = 1",
            ".a = 1",
            "a. = 1",
            "a = = 1",
            "a",
            "a.b",
            "\"a = 1",
            "true = 1\ninf = 2\n1979-05-27 = 3",
            // Values.
            "a =",
            "a = # none",
            "a = 1 2",
            "a = 1\nb = +2\nc = -3\nd = 0\ne = -0\nf = +0\ng = 1_000",
            "a = 0x_1",
            "a = 0xdead_BEEF\nb = 0o7_7\nc = 0b1_0",
            "a = 0x\nb = 0o\nc = 0b",
            "a = +0x1",
            "a = 0X1",
            "a = 0d1",
            "a = 0o8",
            "a = 01",
            "a = 1__0",
            "a = _1",
            "a = 1_",
            "a = ++1",
            "a = 99999999999999999999999999",
            "a = 1.\nb = .1",
            "a = 1.5e+10\nb = inf\nc = -nan\nd = 1e5\ne = 0.1_2",
            "a = 1.5.6",
            "a = Inf",
            "a = True",
            "a = tru",
            "a = 1979-05-27\nb = 1979-05-27 07:32:00Z\nc = 07:32\nd = 1979-05-27T07:32:00.5-08:00",
            "a = 1979-13-99",
            "a = 1979-05-27 x",
            "a = x",
            "a = x y",
            "a = x\"",
            "a = 'x' 'y'",
            "a = 'x\nb = 1",
            "a = \"x\nb = 1",
            "a = \"\\b\\t\\n\\f\\r\\e\\\"\\\\\\x41\\u00e9\\U0001F600\"",
            "a = \"\\ud800\"",
            "a = \"\\U00110000\"",
            "a = \"\\u12\"",
            "a = \"\\q\"",
            "a = \"\\",
            "a = \"\u{1}\"",
            "a = '\u{7f}'",
            "a = \"\"\"\nx \\\n   y\"\"\"",
            "a = \"\"\"\r\nx\r\ny\"\"\"\nb = '''\nx'''",
            "a = \"\"\"x\ry\"\"\"",
            "a = \"\"\"\"x\"\"\"\"\"\nb = ''''x'''''",
            "a = \"\"\"x",
            "a = '''x",
            "a = \"\"\"x\\ y\"\"\"",
        ] {
            assert_eq!(differ(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_nested_too_deeply_is_what_toml_will_not_follow() {
        for depth in [79, 80, 81, 82] {
            for text in [
                format!("a = {}{}", "[".repeat(depth), "]".repeat(depth)),
                format!("a = {}{}", "{a = ".repeat(depth), "}".repeat(depth)),
                format!("{} = 1", vec!["a"; depth].join(".")),
                format!("[{}]", vec!["a"; depth].join(".")),
                format!("[[{}]]", vec!["a"; depth].join(".")),
            ] {
                assert_eq!(differ(&text), None, "{depth}: {text}");
            }
        }
    }

    fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
        proptest::sample::select(words).prop_map(str::to_owned)
    }

    /// Few words, so that they often meet again.
    fn key() -> impl Strategy<Value = String> + Clone {
        let part = one_of(&["a", "b", "c", "a", "b", "c", "'a'", "\"b\"", "\"\\u0063\"", "\"\"", "1", "a-b", "' '"]);
        (proptest::collection::vec(part, 1..4), one_of(&[".", ".", " . "])).prop_map(|(parts, dot)| parts.join(&dot))
    }

    fn scalar() -> impl Strategy<Value = String> + Clone {
        let strings = one_of(&[
            "''",
            "'x'",
            "\"x\"",
            "\"\\t\\\"\\u00e9\\x41\"",
            "\"\u{e9}\"",
            "'''x'''",
            "'''\ny\n'''",
            "\"\"\"\nx\"\" \\\n  y\"\"\"",
            "\"#\"",
        ]);
        let others = one_of(&[
            "0",
            "1",
            "-7",
            "+3",
            "1_000",
            "0xfF",
            "0o17",
            "0b1_1",
            "1.5",
            "1e3",
            "-inf",
            "nan",
            "true",
            "false",
            "1979-05-27",
            "07:32:00",
            "1979-05-27 07:32:00Z",
        ]);
        let wrong =
            one_of(&["", "x", "01", "1__0", "0x", "1.", "tru", "'x", "\"\\q\"", "1979-05-99", "\"\"\"", "+", "= 1"]);
        prop_oneof![8 => strings, 8 => others, 1 => wrong]
    }

    fn value() -> impl Strategy<Value = String> + Clone {
        scalar().prop_recursive(3, 12, 4, |value| {
            let blank = one_of(&["", "", " ", "\n", " # x\n ", "\r\n"]);
            let array = (proptest::collection::vec(value.clone(), 0..4), blank.clone(), one_of(&["", "", ","]));
            let array = array.prop_map(|(values, blank, end)| {
                format!(
                    "[{blank}{}{}{blank}]",
                    values.join(&format!("{blank},")),
                    if values.is_empty() { "" } else { &end }
                )
            });
            let pair = (key(), value).prop_map(|(key, value)| format!("{key} = {value}"));
            let table = (proptest::collection::vec(pair, 0..4), blank)
                .prop_map(|(pairs, blank)| format!("{{{blank}{}{blank}}}", pairs.join(&format!(",{blank}"))));
            prop_oneof![array, table]
        })
    }

    fn document() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            6 => (key(), value()).prop_map(|(key, value)| format!("{key} = {value}")),
            4 => key().prop_map(|key| format!("[{key}]")),
            4 => key().prop_map(|key| format!("[[{key}]]")),
            1 => one_of(&["", "  ", "# x", "\t# \u{e9}"]),
        ];
        let end = one_of(&["\n", "\n", "\n", "\n", "\r\n", " # x\n"]);
        proptest::collection::vec((line, end), 0..10)
            .prop_map(|lines| lines.into_iter().map(|(line, end)| line + &end).collect())
    }

    /// A character taken away, put in or doubled, here and there.
    fn mutated() -> impl Strategy<Value = String> {
        let character = one_of(&[
            "", "", "[", "]", "{", "}", "=", ".", ",", "'", "\"", "\\", "#", "\n", "\r", " ", "_", "0", "a", "\u{e9}",
            "\0", "'''", "\"\"\"", "[[", "]]", "\u{feff}",
        ]);
        let mutation = (any::<proptest::sample::Index>(), 0..3_usize, character);
        (document(), proptest::collection::vec(mutation, 1..4)).prop_map(|(document, mutations)| {
            let mut characters: Vec<String> = document.chars().map(String::from).collect();
            for (at, taken, put) in mutations {
                let at = at.index(characters.len() + 1);
                characters.splice(at..(at + taken).min(characters.len()), [put]);
            }
            characters.concat()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(1024), ..ProptestConfig::default() })]

        #[test]
        fn generated_documents_are_read_as_toml_reads_them(text in document()) {
            prop_assert_eq!(differ(&text), None);
        }

        #[test]
        fn broken_documents_are_refused_where_toml_refuses_them(text in mutated()) {
            prop_assert_eq!(differ(&text), None);
        }

        #[test]
        fn any_text_is_read_as_toml_reads_it(text in "[ab.='\"\\[\\]{},#\\\\0-9\r\n-]{0,40}") {
            prop_assert_eq!(differ(&text), None);
        }
    }
}
