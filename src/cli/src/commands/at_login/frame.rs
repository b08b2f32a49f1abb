//! Frames of [`twofactor_core::clerk`] on standard input and output.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use twofactor_core::clerk::{self, FRAME_MAX_BYTES};
use zeroize::Zeroizing;

use super::HINT;
use crate::failure::Failure;

/// Reads standard input to its end, past its buffer, which nobody would wipe.
pub(super) fn read() -> Result<Zeroizing<Vec<u8>>, Failure> {
    // More room than is ever read, so that reading leaves no copies behind.
    let mut frame = Zeroizing::new(Vec::with_capacity(2 * FRAME_MAX_BYTES));
    let input = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    // One byte more if it is too long.
    let read = input.and_then(|input| input.take(FRAME_MAX_BYTES as u64 + 1).read_to_end(&mut frame));
    read.map(|_| frame).map_err(|error| Failure::new(format!("read the frame: {error}"), HINT))
}

/// So many texts, and nothing else.
pub(super) fn texts<const N: usize>(frame: &[u8]) -> Result<[&str; N], Failure> {
    clerk::texts(frame).ok_or_else(|| Failure::misused("standard input is not such a frame", HINT))
}

/// Writes texts to standard output, past its buffer.
pub(super) fn write(texts: &[&str]) -> Result<(), Failure> {
    let output = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let written = output.and_then(|mut output| {
        let frame = clerk::frame(texts).ok_or(io::ErrorKind::FileTooLarge)?;
        output.write_all(&frame)
    });
    written.map_err(|error| Failure::new(format!("write the frame: {error}"), HINT))
}
