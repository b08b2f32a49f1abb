//! Where the log is.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use twofactor_core::clock::UnixTime;

use super::program::{BUFFER_BYTES, Program};
use crate::failure::Failure;

/// One part of the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Of systemd, through journalctl(1).
    Journal,
    File(PathBuf),
    StandardInput,
}

/// A line as it is read.
pub(super) enum Raw<'l> {
    Whole(&'l [u8]),
    /// Longer than any of ours: its end was not looked at.
    TooLong,
}

/// What was named; otherwise the journal if there is one, otherwise the files of syslog, the older one first.
pub(super) fn chosen(named: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    let named: Vec<_> = named
        .iter()
        .map(|path| if path == Path::new("-") { Source::StandardInput } else { Source::File(path.clone()) })
        .collect();
    if !named.is_empty() {
        return Ok(named);
    }
    // An empty directory is left where journald does not run.
    let has_entries = |path: &&str| fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if JOURNALS.iter().any(has_entries) {
        return Ok(vec![Source::Journal]);
    }
    let file = FILES.into_iter().find(|path| File::open(path).is_ok()).ok_or_else(|| {
        let what = format!("there is no journal, and neither {} can be read", FILES.join(" nor "));
        Failure::new(what, "name the file to which syslog writes authpriv: twofactor report --log FILE")
    })?;
    let rotated = PathBuf::from(format!("{file}.1"));
    let rotated = Some(rotated).filter(|path| path.exists());
    Ok(rotated.into_iter().chain([PathBuf::from(file)]).map(Source::File).collect())
}

impl Source {
    /// Hands over one line after the other, however many there are.
    pub(super) fn read(&self, since: Option<UnixTime>, take: &mut dyn FnMut(Raw<'_>)) -> Result<(), Failure> {
        match self {
            Self::StandardInput => each_line(&mut io::stdin().lock(), take)
                .map_err(|error| unread(self, &error, "see where it comes from")),
            Self::File(path) => File::open(path)
                .and_then(|file| each_line(&mut BufReader::with_capacity(BUFFER_BYTES, file), take))
                .map_err(|error| {
                    unread(self, &error, "name a file that is there: --log FILE, or --log - to read from a pipe")
                }),
            Self::Journal => journal(since, take).map_err(|error| {
                unread(self, &error, "see what `journalctl SYSLOG_FACILITY=10` says, or name a file: --log FILE")
            }),
        }
    }
}

fn journal(since: Option<UnixTime>, take: &mut dyn FnMut(Raw<'_>)) -> io::Result<()> {
    // A second earlier: what is to be counted is decided by each line's own time.
    let since = since.map(|since| format!("--since=@{}", since.0.saturating_sub(1)));
    let mut arguments = vec!["--quiet", "--no-pager", "--output=short-iso", "SYSLOG_FACILITY=10"];
    arguments.extend(since.as_deref());
    let mut program = Program::start("/usr/bin/journalctl", &arguments)?;
    each_line(program.output(), take)?;
    program.end()
}

fn unread(source: &Source, error: &io::Error, hint: &str) -> Failure {
    Failure::new(format!("{source}: cannot read: {error}"), hint)
}

fn each_line(reader: &mut dyn BufRead, take: &mut dyn FnMut(Raw<'_>)) -> io::Result<()> {
    let mut line = Vec::with_capacity(1024);
    loop {
        line.clear();
        let length = reader.take(LINE_MAX_BYTES).read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\n") {
            None if length == 0 => return Ok(()),
            Some(line) => take(Raw::Whole(line)),
            // The last line need not have an end.
            None if reader.fill_buf()?.is_empty() => take(Raw::Whole(&line)),
            None => {
                reader.skip_until(b'\n')?;
                take(Raw::TooLong);
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal => f.write_str("the journal"),
            Self::File(path) => path.display().fmt(f),
            Self::StandardInput => f.write_str("standard input"),
        }
    }
}

const JOURNALS: [&str; 2] = ["/run/log/journal", "/var/log/journal"];
/// Of Debian, and of Red Hat.
const FILES: [&str; 2] = ["/var/log/auth.log", "/var/log/secure"];
/// Some values of 512 bytes, each of which may be written as `\xNN`, make the longest line of ours.
const LINE_MAX_BYTES: u64 = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Option<usize>> {
        let mut lengths = Vec::new();
        let take = &mut |raw: Raw<'_>| {
            lengths.push(match raw {
                Raw::Whole(line) => Some(line.len()),
                Raw::TooLong => None,
            });
        };
        each_line(&mut BufReader::with_capacity(7, text), take).unwrap();
        lengths
    }

    #[test]
    fn lines_are_bounded_and_the_next_one_is_read_all_the_same() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"\n\n"), [Some(0), Some(0)]);
        assert_eq!(lines(b"one\ntwo"), [Some(3), Some(3)]);
        assert_eq!(lines(b"a\0b\n\xff\xfe\n"), [Some(3), Some(2)]);
        let max = usize::try_from(LINE_MAX_BYTES).unwrap();
        for (length, read) in [(max - 1, Some(max - 1)), (max, None), (max * 3, None)] {
            let text = [&vec![b'x'; length][..], b"\nnext\n"].concat();
            assert_eq!(lines(&text), [read, Some(4)], "{length}");
        }
        assert_eq!(lines(&vec![b'x'; max]), [Some(max)], "the file ends here");
        assert_eq!(lines(&vec![b'x'; max + 1]), [None]);
    }
}
