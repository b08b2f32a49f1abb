//! What a worker tells its supervisor, one packet at a time. The worker may have been taken over by a server, so a
//! packet is bounded by its socket call and nothing in it is believed to be harmless.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::{pipe2, read, write};
use twofactor_message::{Report, Trouble, Verdict};

/// One thing that a worker tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// What it attempts now; kept for the case that it is never heard of again.
    Stage(String),
    /// One more line of the conversation.
    Line(String),
    /// The message is delivered, whatever may come.
    Taken,
    /// How it ended; the last word.
    End(Option<Trouble>),
}

/// The worker's end.
pub(crate) struct Teller(OwnedFd);

impl Teller {
    /// Says it. If nobody listens any more, the supervisor is gone, and this process is about to be.
    pub(crate) fn tell(&self, word: &Word) {
        let packet = word.encode();
        let _ = write(&self.0, packet.get(..PACKET_MAX_BYTES.min(packet.len())).unwrap_or_default());
    }
}

/// The supervisor's end.
pub(crate) struct Listener(OwnedFd);

impl Listener {
    /// The next word; `None` once there will be no more. Never waits.
    ///
    /// # Errors
    /// There is none now, or none that this release knows.
    pub(crate) fn hear(&self) -> Result<Option<Word>, NoWord> {
        let mut packet = [0; PACKET_MAX_BYTES];
        match read(&self.0, &mut packet) {
            Ok(0) => Ok(None),
            Ok(length) => packet.get(..length).and_then(Word::decode).map(Some).ok_or(NoWord::Nonsense),
            Err(Errno::EAGAIN | Errno::EINTR) => Err(NoWord::NotNow),
            Err(_) => Err(NoWord::Nonsense),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Why there is no word.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoWord {
    /// The worker says nothing, or has taken back what it said: it can open its end of the pipe for reading.
    NotNow,
    /// What it said means nothing.
    Nonsense,
}

/// A pipe in packet mode (O_DIRECT): every write is one read. Who listens does not wait, who tells does.
///
/// # Errors
/// There are no descriptors left.
pub(crate) fn pair() -> nix::Result<(Teller, Listener)> {
    let (listener, teller) = pipe2(OFlag::O_CLOEXEC | OFlag::O_DIRECT)?;
    fcntl(&listener, FcntlArg::F_SETFL(OFlag::O_DIRECT | OFlag::O_NONBLOCK))?;
    Ok((Teller(teller), Listener(listener)))
}

impl Word {
    fn encode(&self) -> Vec<u8> {
        let (tag, body) = match self {
            Self::Stage(text) => (STAGE, text.clone().into_bytes()),
            Self::Line(text) => (LINE, text.clone().into_bytes()),
            Self::Taken => (TAKEN, Vec::new()),
            Self::End(trouble) => {
                let report = Report { route: String::new(), trouble: trouble.clone() };
                (END, Verdict { reports: vec![report], conversation: Vec::new() }.encode())
            }
        };
        let mut packet = vec![tag];
        packet.extend(body);
        packet
    }

    fn decode(packet: &[u8]) -> Option<Self> {
        let (tag, body) = packet.split_first()?;
        let text = || String::from_utf8(body.to_vec()).ok();
        match *tag {
            STAGE => text().map(Self::Stage),
            LINE => text().map(Self::Line),
            TAKEN => body.is_empty().then_some(Self::Taken),
            END => {
                let [report] = <[Report; 1]>::try_from(Verdict::decode(body).ok()?.reports).ok()?;
                Some(Self::End(report.trouble))
            }
            _ => None,
        }
    }
}

/// PIPE_BUF: a packet is never longer (pipe(7)).
const PACKET_MAX_BYTES: usize = 4096;
const STAGE: u8 = b'S';
const LINE: u8 = b'L';
const TAKEN: u8 = b'T';
const END: u8 = b'E';

#[cfg(test)]
mod tests {
    use super::*;
    use twofactor_message::TroubleKind;

    #[test]
    fn words_arrive_one_by_one_and_then_the_end() {
        let trouble = Trouble { kind: TroubleKind::Refused, detail: "550".to_owned() };
        let words =
            [Word::Stage("TLS".to_owned()), Word::Line("> QUIT".to_owned()), Word::Taken, Word::End(Some(trouble))];
        let (teller, listener) = pair().unwrap();
        words.iter().for_each(|word| teller.tell(word));
        drop(teller);
        for word in words {
            assert_eq!(listener.hear().unwrap(), Some(word));
        }
        assert_eq!(listener.hear().unwrap(), None);
    }

    #[test]
    fn a_word_that_was_taken_back_is_not_waited_for() {
        let (_teller, listener) = pair().unwrap();
        assert_eq!(listener.hear(), Err(NoWord::NotNow));
    }

    #[test]
    fn what_no_worker_of_ours_would_say_is_no_word() {
        let many = Verdict { reports: Vec::new(), conversation: Vec::new() }.encode();
        for packet in [&b"X"[..], b"L\xff", b"E", b"Enothing", &[&b"E"[..], &many].concat()] {
            assert_eq!(Word::decode(packet), None, "{packet:?}");
        }
    }
}
