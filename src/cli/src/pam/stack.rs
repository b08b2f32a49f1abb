//! A PAM stack as libpam reads it (pam.conf(5), and Debian's `@include`): one list of lines, whatever files they are in.
//!
//! It reads and judges nothing. Whatever the bytes are, it ends: files, lines and depth are bounded.

use std::borrow::Cow;
use std::rc::Rc;

pub(crate) use super::control::{Action, Control};
use super::writing::{assembled, bracketed, words};

/// Where files come from.
pub(crate) trait Files {
    /// The content, if there is such a file and it can be read.
    fn read(&self, path: &str) -> Option<Vec<u8>>;

    /// Whether there is such a directory.
    fn has_directory(&self, path: &str) -> bool;
}

/// The lines of one part of a service, with all that they include.
#[derive(Debug, Default)]
pub(crate) struct Stack {
    pub(crate) lines: Vec<Line>,
    /// There is more of it than is read, so nothing is known of what it does.
    pub(crate) cut: bool,
}

/// One line that libpam would call, or the head of a substack.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) file: Rc<str>,
    /// Of its first physical line, from 1.
    pub(crate) number: usize,
    /// As it is written, without the comment.
    pub(crate) text: String,
    /// Its service, where lines begin with one: in pam.conf.
    pub(crate) service: Option<String>,
    /// As it is written: `auth`, or `-auth`.
    pub(crate) part: String,
    /// As it is written: a word, or what stands between brackets.
    pub(crate) control: Control,
    /// The module's path as it is written, or the name of the substack.
    pub(crate) path: String,
    pub(crate) arguments: Vec<String>,
    /// How many substacks it is within.
    pub(crate) level: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Module,
    /// The head of a substack, whose lines follow at the next level.
    Substack,
    /// What libpam does not understand: it fails whenever it is called.
    Broken,
}

/// The part of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Auth,
    Account,
    Password,
    Session,
}

impl Part {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Auth, Self::Account, Self::Password, Self::Session];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Password => "password",
            Self::Session => "session",
        }
    }
}

impl Line {
    /// `FILE:NUMBER`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file, self.number)
    }

    /// The last part of the module's path.
    pub(crate) fn module(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.kind == Kind::Module && self.module() == OURS
    }

    /// The same line with another control: a word, or what stands between brackets.
    pub(crate) fn with_control(&self, control: &str) -> String {
        Self { control: Control::read(control), ..self.clone() }.written()
    }

    /// How it would be written, changed as it may be.
    pub(crate) fn written(&self) -> String {
        let mut words = vec![Cow::Borrowed(self.part.as_str()), Cow::Borrowed(self.control.text.as_str())];
        words.push(bracketed(&self.path));
        words.extend(self.arguments.iter().map(|word| bracketed(word)));
        self.in_its_file(&words.join(" "))
    }

    /// A line for the same service in the same file.
    pub(crate) fn in_its_file(&self, line: &str) -> String {
        match &self.service {
            Some(service) => format!("{service} {line}"),
            None => line.to_owned(),
        }
    }
}

impl Stack {
    /// Reads what is called for one part of a service: its own lines or, if it has none, those of `other`. `None` if
    /// there are neither.
    pub(crate) fn called(files: &dyn Files, service: &str, part: Part) -> Option<Self> {
        let own = Self::read(files, service, part).filter(|stack| !stack.is_empty());
        own.or_else(|| Self::read(files, OTHER, part))
    }

    /// Reads one part of a service; `None` if there is no such service.
    pub(crate) fn read(files: &dyn Files, service: &str, part: Part) -> Option<Self> {
        let mut reader = Reader { files, part, lines: Vec::new(), files_read: 0, column: None, cut: false };
        let found = if has_directories(files) { reader.file(service, None, 0, 0) } else { reader.pam_conf(service) };
        found.then_some(Self { lines: reader.lines, cut: reader.cut })
    }

    /// Whether nothing is written for this part.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty() && !self.cut
    }

    /// Where our lines are.
    pub(crate) fn ours(&self) -> impl Iterator<Item = usize> {
        self.lines.iter().enumerate().filter(|(_, line)| line.is_ours()).map(|(place, _)| place)
    }
}

struct Reader<'f> {
    files: &'f dyn Files,
    part: Part,
    lines: Vec<Line>,
    files_read: usize,
    /// The service whose line of pam.conf is being read.
    column: Option<String>,
    cut: bool,
}

impl Reader<'_> {
    /// Reads a file and what it includes; with `only`, nothing of another part.
    fn file(&mut self, name: &str, only: Option<Part>, depth: usize, level: usize) -> bool {
        self.files_read += 1;
        if depth >= DEPTH_MAX {
            return false;
        }
        if self.files_read > FILES_MAX {
            self.cut = true;
            return true;
        }
        let Some((path, bytes)) = self.open(name) else { return false };
        self.cut |= bytes.len() >= FILE_MAX_BYTES;
        let file: Rc<str> = path.into();
        let text = String::from_utf8_lossy(bytes.get(..FILE_MAX_BYTES).unwrap_or(&bytes));
        for (number, text) in assembled(&text) {
            if self.is_full() {
                break;
            }
            self.line(&file, number, text, only, depth, level);
        }
        true
    }

    /// Reads the lines of a service in the one file that libpam knows where there are no directories.
    fn pam_conf(&mut self, service: &str) -> bool {
        let mut found = false;
        for (number, name, line) in columns(self.files) {
            if name.eq_ignore_ascii_case(service) {
                found = true;
                if self.is_full() {
                    break;
                }
                self.column = Some(name);
                self.line(&PAM_CONF.into(), number, line, None, 0, 0);
            }
        }
        found
    }

    /// Whether no further line is read.
    fn is_full(&mut self) -> bool {
        self.cut |= self.lines.len() >= LINES_MAX;
        self.cut
    }

    fn open(&self, name: &str) -> Option<(String, Vec<u8>)> {
        if name.starts_with('/') {
            return self.files.read(name).map(|bytes| (name.to_owned(), bytes));
        }
        DIRECTORIES.iter().find_map(|directory| {
            let path = format!("{directory}/{name}");
            self.files.read(&path).map(|bytes| (path, bytes))
        })
    }

    fn line(&mut self, file: &Rc<str>, number: usize, text: String, only: Option<Part>, depth: usize, level: usize) {
        let mut words = words(&text);
        let first = words.next().unwrap_or_default();
        let second = words.next();
        let mut line = Line {
            file: file.clone(),
            number,
            text: String::new(),
            service: self.column.clone().filter(|_| **file == *PAM_CONF),
            control: Control::read(second.as_deref().unwrap_or_default()),
            part: first.clone().into_owned(),
            path: String::new(),
            arguments: Vec::new(),
            level,
            kind: Kind::Module,
        };
        line.text = line.in_its_file(&text.split_whitespace().collect::<Vec<_>>().join(" "));
        if first == "@include" {
            let found = second.is_some_and(|name| self.file(&name, only, depth + 1, level));
            if !found {
                line.control = Control::read("");
                self.lines.push(Line { kind: Kind::Broken, ..line });
            }
            return;
        }
        let named = first.trim_start_matches('-');
        let part = Part::ALL.into_iter().find(|part| named.eq_ignore_ascii_case(part.name()));
        // A part that there is not counts as the one that is asked for, or as the most sensitive one.
        let counts_as = part.unwrap_or(only.unwrap_or(Part::Auth));
        if counts_as != self.part || only.is_some_and(|only| only != counts_as) {
            return;
        }
        let third = words.next();
        let module = third.as_deref().unwrap_or_default();
        line.path = module.to_owned();
        let control = second.as_deref().unwrap_or_default().to_ascii_lowercase();
        if part.is_some() && matches!(control.as_str(), "include" | "substack") {
            let deeper = usize::from(control == "substack");
            if deeper == 1 {
                self.lines.push(Line { kind: Kind::Substack, ..line.clone() });
            }
            if module.is_empty() || !self.file(module, Some(self.part), depth + 1, level + deeper) {
                line.control = Control::read("");
                self.lines.push(Line { kind: Kind::Broken, ..line });
            }
            return;
        }
        if part.is_none() || module.is_empty() {
            line.kind = Kind::Broken;
        }
        line.arguments = words.map(Cow::into_owned).collect();
        self.lines.push(line);
    }
}

/// Whether services are files. If not, they are lines of pam.conf.
pub(crate) fn has_directories(files: &dyn Files) -> bool {
    DIRECTORIES.iter().any(|directory| files.has_directory(directory))
}

/// The names of the services in pam.conf, in their order.
pub(crate) fn services_of_pam_conf(files: &dyn Files) -> Vec<String> {
    columns(files).into_iter().map(|(_, name, _)| name.to_ascii_lowercase()).collect()
}

/// The auth lines of pam.conf, whether libpam reads it or not.
pub(crate) fn pam_conf_lines(files: &dyn Files) -> Vec<Line> {
    let mut reader =
        Reader { files, part: Part::Auth, lines: Vec::new(), files_read: FILES_MAX, column: None, cut: false };
    for (number, name, line) in columns(files).into_iter().take(LINES_MAX) {
        reader.column = Some(name);
        reader.line(&PAM_CONF.into(), number, line, None, DEPTH_MAX, 0);
    }
    reader.lines
}

/// The lines of pam.conf: the number of each, its service, and the rest.
fn columns(files: &dyn Files) -> Vec<(usize, String, String)> {
    let bytes = files.read(PAM_CONF).unwrap_or_default();
    let split = |(number, line): (usize, String)| {
        let (name, rest) = line.trim_start().split_once(char::is_whitespace)?;
        Some((number, name.to_owned(), rest.to_owned()))
    };
    assembled(&String::from_utf8_lossy(&bytes)).into_iter().filter_map(split).collect()
}

/// What our module's file is called.
pub(crate) const OURS: &str = "pam_twofactor.so";
/// The service of all that have nothing of their own.
pub(crate) const OTHER: &str = "other";
/// Where there are neither of the directories.
pub(crate) const PAM_CONF: &str = "/etc/pam.conf";
/// Where libpam looks, in this order.
pub(crate) const DIRECTORIES: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];
/// As libpam's own bound.
const DEPTH_MAX: usize = 16;
const FILES_MAX: usize = 256;
const LINES_MAX: usize = 1000;
/// So much of a file is read, and that much is too long.
pub(super) const FILE_MAX_BYTES: usize = 256 * 1024;

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    /// Files of a test, by their names in /etc/pam.d.
    pub(crate) struct Written(pub(crate) HashMap<String, Vec<u8>>);

    impl Files for Written {
        fn read(&self, path: &str) -> Option<Vec<u8>> {
            self.0.get(path).cloned()
        }

        fn has_directory(&self, path: &str) -> bool {
            self.0.keys().any(|file| file.starts_with(&format!("{path}/")))
        }
    }

    pub(crate) fn written(files: &[(&str, &str)]) -> Written {
        Written(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
    }

    fn read(files: &[(&str, &str)]) -> Vec<String> {
        let stack = Stack::read(&written(files), "x", Part::Auth).unwrap();
        let line = |line: &Line| {
            format!("{} {} {} {} {:?}", line.place(), line.level, line.control.text, line.module(), line.kind)
        };
        stack.lines.iter().map(line).collect()
    }

    #[test]
    fn lines_are_read_as_libpam_reads_them() {
        let text = "# a comment\n\n\
            auth required /lib/security/pam_unix.so nullok # more\n\
            -AUTH \\\n# in between\n  [success=1 \\\n default=ignore] pam_a.so [one word] two\n\
            account required pam_account.so\n\
            auth required\n\
            nonsense required pam_b.so\n\
            auth required pam_c.so \\";
        let stack = Stack::read(&written(&[("/etc/pam.d/x", text)]), "x", Part::Auth).unwrap();
        assert_eq!(stack.lines[1].arguments, ["one word", "two"]);
        assert_eq!(
            read(&[("/etc/pam.d/x", text)]),
            [
                "/etc/pam.d/x:3 0 required pam_unix.so Module",
                "/etc/pam.d/x:4 0 [success=1   default=ignore] pam_a.so Module",
                "/etc/pam.d/x:9 0 required  Broken",
                "/etc/pam.d/x:10 0 required pam_b.so Broken",
                "/etc/pam.d/x:11 0 required pam_c.so Module",
            ]
        );
    }

    #[test]
    fn what_is_included_stands_in_its_place_and_a_substack_below_its_head() {
        let files = [
            ("/etc/pam.d/x", "@include a\nauth include b\nauth substack b\nauth include missing"),
            ("/etc/pam.d/a", "auth required pam_a.so\nsession required pam_s.so"),
            ("/usr/lib/pam.d/a", "auth required pam_never.so"),
            ("/usr/lib/pam.d/b", "auth required pam_b.so\naccount required pam_c.so"),
        ];
        assert_eq!(
            read(&files),
            [
                "/etc/pam.d/a:1 0 required pam_a.so Module",
                "/usr/lib/pam.d/b:1 0 required pam_b.so Module",
                "/etc/pam.d/x:3 0 [substack] b Substack",
                "/usr/lib/pam.d/b:1 1 required pam_b.so Module",
                "/etc/pam.d/x:4 0 [] missing Broken",
            ]
        );
    }

    #[test]
    fn a_stack_of_which_more_is_written_than_is_read_is_cut_and_no_missing_one() {
        let cut = |files: &[(&str, &str)]| Stack::read(&written(files), "x", Part::Auth).unwrap().cut;
        let lines = |count| "auth required pam_a.so\n".repeat(count);
        assert!(!cut(&[("/etc/pam.d/x", &lines(LINES_MAX))]));
        assert!(cut(&[("/etc/pam.d/x", &lines(LINES_MAX + 1))]));
        assert!(cut(&[("/etc/pam.d/x", "@include a\n"), ("/etc/pam.d/a", &lines(LINES_MAX + 1))]));
        assert!(cut(&[("/etc/pam.d/x", &format!("#{}", "x".repeat(FILE_MAX_BYTES)))]));
        assert!(cut(&[("/etc/pam.d/x", &"@include a\n".repeat(FILES_MAX)), ("/etc/pam.d/a", "")]));
        let of_pam_conf = |count: usize| "x auth required pam_a.so\n".repeat(count);
        assert!(!cut(&[(PAM_CONF, &of_pam_conf(LINES_MAX))]));
        assert!(cut(&[(PAM_CONF, &of_pam_conf(LINES_MAX + 1))]));
    }

    #[test]
    fn a_file_that_includes_itself_has_an_end() {
        let itself = [("/etc/pam.d/x", "auth include x\nauth substack x\n@include x\nauth required pam_a.so")];
        assert!(read(&itself).len() <= LINES_MAX + DEPTH_MAX);
    }

    proptest! {
        #[test]
        fn no_bytes_do_any_harm(bytes: Vec<u8>, words in "([\\[\\]\\\\#@= a-z0-9\n-]|auth|substack|include|x){0,80}") {
            for bytes in [bytes, words.into_bytes()] {
                let files = Written([("/etc/pam.d/x".to_owned(), bytes)].into());
                for part in Part::ALL {
                    let stack = Stack::read(&files, "x", part).unwrap();
                    let _ = crate::pam::walk::Outlook::of(&stack);
                }
            }
        }
    }
}
