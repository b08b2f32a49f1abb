//! How an errand and a verdict are written for the other process: one value after the other, numbers little-endian,
//! every text and list with its length in front. `docs/format.md` has the table.

use std::fmt;

use zeroize::Zeroizing;

use crate::{EmailAddress, PhoneNumber};

/// Something that can be written into a frame and read back.
pub(crate) trait Field: Sized {
    fn put(&self, frame: &mut Vec<u8>);
    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError>;
}

/// Writes a whole frame.
pub(crate) fn write(magic: [u8; 8], value: &impl Field, certificates_bytes: usize) -> Zeroizing<Vec<u8>> {
    // Room for all of it: a buffer that grows leaves copies of secrets behind.
    let mut frame = Zeroizing::new(Vec::with_capacity(FRAME_BYTES + certificates_bytes));
    frame.extend(magic);
    value.put(&mut frame);
    frame
}

/// Reads a whole frame of at most `max` bytes.
pub(crate) fn read<T: Field>(magic: [u8; 8], bytes: &[u8], max: usize) -> Result<T, FrameError> {
    if bytes.len() > max {
        return Err(FrameError::TooLong);
    }
    let mut reader = Reader(bytes);
    if reader.bytes::<8>()? != magic {
        return Err(FrameError::Version);
    }
    let value = T::take(&mut reader)?;
    if reader.0.is_empty() { Ok(value) } else { Err(FrameError::Malformed) }
}

/// What has not been read yet.
pub(crate) struct Reader<'f>(&'f [u8]);

impl Reader<'_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or(FrameError::Malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, FrameError> {
        self.bytes::<1>().map(|[byte]| byte)
    }
}

impl Field for bool {
    fn put(&self, frame: &mut Vec<u8>) {
        put_bytes(&[u8::from(*self)], frame);
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        match frame.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FrameError::Malformed),
        }
    }
}

impl Field for u16 {
    fn put(&self, frame: &mut Vec<u8>) {
        put_bytes(&self.to_le_bytes(), frame);
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        frame.bytes().map(Self::from_le_bytes)
    }
}

impl Field for u32 {
    fn put(&self, frame: &mut Vec<u8>) {
        put_bytes(&self.to_le_bytes(), frame);
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        frame.bytes().map(Self::from_le_bytes)
    }
}

impl Field for u64 {
    fn put(&self, frame: &mut Vec<u8>) {
        put_bytes(&self.to_le_bytes(), frame);
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        frame.bytes().map(Self::from_le_bytes)
    }
}

impl Field for String {
    fn put(&self, frame: &mut Vec<u8>) {
        put_text(self, frame);
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        let length = usize::try_from(u32::take(frame)?).map_err(|_| FrameError::Malformed)?;
        let (text, rest) = frame.0.split_at_checked(length).ok_or(FrameError::Malformed)?;
        let text = std::str::from_utf8(text).map_err(|_| FrameError::Malformed)?;
        frame.0 = rest;
        Ok(text.to_owned())
    }
}

impl Field for Zeroizing<String> {
    fn put(&self, frame: &mut Vec<u8>) {
        put_text(self, frame);
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        String::take(frame).map(Zeroizing::new)
    }
}

impl Field for EmailAddress {
    fn put(&self, frame: &mut Vec<u8>) {
        put_text(self.as_str(), frame);
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        String::take(frame)?.parse().map_err(|_| FrameError::Malformed)
    }
}

impl Field for PhoneNumber {
    fn put(&self, frame: &mut Vec<u8>) {
        put_text(self.as_str(), frame);
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        String::take(frame)?.parse().map_err(|_| FrameError::Malformed)
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, frame: &mut Vec<u8>) {
        self.is_some().put(frame);
        if let Some(value) = self {
            value.put(frame);
        }
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        if bool::take(frame)? { T::take(frame).map(Some) } else { Ok(None) }
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, frame: &mut Vec<u8>) {
        u16::try_from(self.len()).unwrap_or(u16::MAX).put(frame);
        for value in self {
            value.put(frame);
        }
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        let count = usize::from(u16::take(frame)?);
        if count > LIST_MAX {
            return Err(FrameError::Malformed);
        }
        (0..count).map(|_| T::take(frame)).collect()
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn put(&self, frame: &mut Vec<u8>) {
        self.0.put(frame);
        self.1.put(frame);
    }

    fn take(frame: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok((A::take(frame)?, B::take(frame)?))
    }
}

fn put_text(text: &str, frame: &mut Vec<u8>) {
    // A text beyond 4 GiB would make a frame that its reader refuses.
    u32::try_from(text.len()).unwrap_or(u32::MAX).put(frame);
    put_bytes(text.as_bytes(), frame);
}

/// The one place where a frame grows: inlined for every field it would double the size of what writes an errand.
#[inline(never)]
pub(crate) fn put_bytes(bytes: &[u8], frame: &mut Vec<u8>) {
    frame.extend_from_slice(bytes);
}

/// A struct, field after field.
macro_rules! record {
    ($type:ty { $($field:ident),+ $(,)? }) => {
        impl $crate::frame::Field for $type {
            fn put(&self, frame: &mut Vec<u8>) {
                $($crate::frame::Field::put(&self.$field, frame);)+
            }

            fn take(frame: &mut $crate::frame::Reader<'_>) -> Result<Self, $crate::frame::FrameError> {
                Ok(Self { $($field: $crate::frame::Field::take(frame)?),+ })
            }
        }
    };
}
pub(crate) use record;

/// An enum of values that carry nothing, one byte each.
macro_rules! words {
    ($type:ty { $($word:ident = $byte:literal),+ $(,)? }) => {
        impl $crate::frame::Field for $type {
            fn put(&self, frame: &mut Vec<u8>) {
                $crate::frame::put_bytes(&[match self { $(Self::$word => $byte),+ }], frame);
            }

            fn take(frame: &mut $crate::frame::Reader<'_>) -> Result<Self, $crate::frame::FrameError> {
                match frame.byte()? {
                    $($byte => Ok(Self::$word),)+
                    _ => Err($crate::frame::FrameError::Malformed),
                }
            }
        }
    };
}
pub(crate) use words;

/// An enum of values that carry one thing each, a byte in front.
macro_rules! either {
    ($type:ty { $($word:ident = $byte:literal),+ $(,)? }) => {
        impl $crate::frame::Field for $type {
            fn put(&self, frame: &mut Vec<u8>) {
                match self {
                    $(Self::$word(carried) => {
                        $crate::frame::put_bytes(&[$byte], frame);
                        $crate::frame::Field::put(carried, frame);
                    })+
                }
            }

            fn take(frame: &mut $crate::frame::Reader<'_>) -> Result<Self, $crate::frame::FrameError> {
                match frame.byte()? {
                    $($byte => Ok(Self::$word($crate::frame::Field::take(frame)?)),)+
                    _ => Err($crate::frame::FrameError::Malformed),
                }
            }
        }
    };
}
pub(crate) use either;

/// The bytes are not what the other process should have written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// More bytes than any frame has.
    TooLong,
    /// Written by another release.
    Version,
    /// Cut short, or of no known shape.
    Malformed,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "is too long",
            Self::Version => "is not of this release",
            Self::Malformed => "is malformed",
        })
    }
}

impl std::error::Error for FrameError {}

/// More than a frame has without certificates.
const FRAME_BYTES: usize = 64 * 1024;
const LIST_MAX: usize = 256;
