//! The bytes to and from a mail server: whole lines, whole replies, and no more of them than a server has reason to send.

use std::io::{self, Read, Write};

use lettre::transport::smtp::response::Response;
use twofactor_message::Trouble;

use crate::network;
use crate::trouble::protocol;

/// A conversation with a server, line by line.
pub(crate) struct Wire<S> {
    stream: S,
    unread: Vec<u8>,
}

impl<S: Read + Write> Wire<S> {
    /// On a stream that nobody has read from.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Sends a command or a message. The server must not have answered already: from then on every answer would be
    /// taken for the one after it.
    ///
    /// # Errors
    /// The connection is gone, or the server spoke out of turn.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        if !self.unread.is_empty() {
            return Err(WireError::OutOfTurn);
        }
        self.stream.write_all(bytes)?;
        self.stream.flush()?;
        Ok(())
    }

    /// The next reply.
    ///
    /// # Errors
    /// The connection is gone, or what came is no reply (RFC 5321 section 4.2) or too long for one.
    pub(crate) fn reply(&mut self) -> Result<Response, WireError> {
        let mut text = String::new();
        for _ in 0..REPLY_MAX_LINES {
            let line = self.line()?;
            if !line.is_char_boundary(3) || !line.bytes().take(3).all(|b| b.is_ascii_digit()) {
                return Err(WireError::NoReply);
            }
            let (code, rest) = line.split_at_checked(3).ok_or(WireError::NoReply)?;
            // RFC 5321 section 4.2.1: a code alone is to be understood.
            let rest = if rest.is_empty() { " " } else { rest };
            text.extend([code, rest, "\r\n"]);
            if !rest.starts_with('-') {
                return text.parse().map_err(|_| WireError::NoReply);
            }
        }
        Err(WireError::TooLong)
    }

    /// Gives the stream back for TLS to be put on it (RFC 3207 section 4.2): what was read before belongs to nobody, and
    /// if there is anything, somebody has put it there to be taken for the server's word.
    ///
    /// # Errors
    /// There is something.
    pub(crate) fn into_stream(self) -> Result<S, WireError> {
        if self.unread.is_empty() { Ok(self.stream) } else { Err(WireError::OutOfTurn) }
    }

    /// One line without its end. Bytes that are no UTF-8 become U+FFFD.
    fn line(&mut self) -> Result<String, WireError> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                if end > LINE_MAX_BYTES {
                    return Err(WireError::TooLong);
                }
                let rest = self.unread.split_off(end + 1);
                let line = std::mem::replace(&mut self.unread, rest);
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                return Ok(String::from_utf8_lossy(line).into_owned());
            }
            if self.unread.len() > LINE_MAX_BYTES {
                return Err(WireError::TooLong);
            }
            let mut piece = [0; 1024];
            let count = match self.stream.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if count == 0 {
                return Err(WireError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
            self.unread.extend(piece.iter().take(count));
        }
    }
}

/// Why there is no reply.
#[derive(Debug)]
pub(crate) enum WireError {
    /// The connection failed.
    Io(io::Error),
    /// The server spoke before it was asked.
    OutOfTurn,
    /// A line or a reply without end.
    TooLong,
    /// No three digits, or different ones in one reply.
    NoReply,
}

impl From<io::Error> for WireError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<WireError> for Trouble {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Io(error) => network::trouble_of(&error),
            WireError::OutOfTurn => protocol("the server spoke out of turn"),
            WireError::TooLong => protocol("the server's answer does not end"),
            WireError::NoReply => protocol("what the server answered is no SMTP reply"),
        }
    }
}

/// RFC 5321 section 4.5.3.1.5 says 512; some servers say more.
const LINE_MAX_BYTES: usize = 1000;
const REPLY_MAX_LINES: usize = 64;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    /// A server that says its piece, in the pieces given, and does not listen.
    pub(crate) struct Script {
        pieces: std::vec::IntoIter<Vec<u8>>,
        pub(crate) heard: Rc<RefCell<Vec<u8>>>,
    }

    impl Script {
        pub(crate) fn new<T: AsRef<[u8]>>(pieces: &[T]) -> Self {
            let pieces: Vec<_> = pieces.iter().map(|piece| piece.as_ref().to_vec()).collect();
            Self { pieces: pieces.into_iter(), heard: Rc::default() }
        }
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let piece = self.pieces.next().unwrap_or_default();
            assert!(piece.len() <= buffer.len());
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.borrow_mut().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn reply(text: &str) -> Result<Response, WireError> {
        Wire::new(Script::new(&[text])).reply()
    }

    #[test]
    fn replies_of_one_line_and_of_many_are_read_however_they_arrive() {
        let mut wire = Wire::new(Script::new(&["25", "0-a\r", "\n250-b\r\n250 c\r\n221", "\r\n354 go\n"]));
        let first = wire.reply().unwrap();
        assert!(first.has_code(250));
        assert_eq!(first.message().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(wire.reply().unwrap().has_code(221));
        assert!(wire.reply().unwrap().has_code(354));
        assert!(matches!(wire.reply(), Err(WireError::Io(_))));
    }

    #[test]
    fn what_is_no_reply_is_none() {
        for text in ["hello\r\n", "25\r\n", "\r\n", "999 x\r\n", "250-a\r\n251 b\r\n", "250x\r\n", "\u{e9}\u{e9}\r\n"] {
            assert!(matches!(reply(text), Err(WireError::NoReply)), "{text:?}");
        }
    }

    #[test]
    fn a_line_without_end_and_a_reply_without_end_are_given_up() {
        struct Endless(&'static [u8], usize, usize);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                buffer.iter_mut().for_each(|byte| {
                    *byte = self.0[self.1 % self.0.len()];
                    self.1 += 1;
                });
                self.2 += 1;
                assert!(self.2 < 100, "still reading");
                Ok(buffer.len())
            }
        }
        impl Write for Endless {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for unit in [&b"2"[..], b"250-x\r\n", b"250-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n"]
        {
            assert!(matches!(Wire::new(Endless(unit, 0, 0)).reply(), Err(WireError::TooLong)));
        }
        let long = format!("250 {}\r\n", "x".repeat(998));
        assert!(matches!(Wire::new(Script::new(&[&long[..900], &long[900..]])).reply(), Err(WireError::TooLong)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(pieces in proptest::collection::vec("[2-5][0-9]{2}[- ]?.{0,20}(\r?\n)?", 0..9)) {
            let mut wire = Wire::new(Script::new(&pieces));
            while wire.reply().is_ok() {}
        }
    }

    #[test]
    fn an_answer_that_was_not_asked_for_is_noticed() {
        let mut wire = Wire::new(Script::new(&["250 a\r\n250 b\r\n"]));
        assert!(wire.reply().is_ok());
        assert!(matches!(wire.send(b"QUIT\r\n"), Err(WireError::OutOfTurn)));
        assert!(matches!(wire.into_stream(), Err(WireError::OutOfTurn)));
    }
}
