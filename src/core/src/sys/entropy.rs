//! Random numbers that nobody can guess.

/// Where random bytes come from.
pub trait Entropy {
    /// Fills `buffer` with random bytes.
    ///
    /// # Errors
    /// The source cannot answer; nothing may be generated then.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError>;
}

/// The kernel's generator, getrandom(2).
pub struct Kernel;

impl Entropy for Kernel {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        getrandom::fill(buffer).map_err(|source| EntropyError { source })
    }
}

/// The kernel gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("draw random bytes: {source}")]
pub struct EntropyError {
    source: getrandom::Error,
}
