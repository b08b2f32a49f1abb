//! Bytes that nobody may see: wiped when dropped, without `Debug`, `Display`, `Clone`, `PartialEq` or `Serialize`.

use zeroize::Zeroizing;

/// Secret bytes. [`Secret::expose`] is their only way out, so that every use can be found by its name.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; the caller keeps no copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}
