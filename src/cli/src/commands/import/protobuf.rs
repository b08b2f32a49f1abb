//! As much of the wire format of protocol buffers as a list of numbers and bytes needs (protobuf.dev, "Encoding"): no
//! schema, no nesting, nothing that is longer than what is read.

/// One field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

/// The fields of a message, one after the other. The first that is broken is `Err`, and the last.
pub(super) struct Fields<'b> {
    rest: &'b [u8],
}

impl<'b> Fields<'b> {
    pub(super) fn of(message: &'b [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Option<(u64, Value<'b>)> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => Value::Number(u64::from_le_bytes(*self.taken(8)?.first_chunk()?)),
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Value::Bytes(self.taken(length)?)
            }
            5 => Value::Number(u32::from_le_bytes(*self.taken(4)?.first_chunk()?).into()),
            // Groups have been deprecated since before the format was published.
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    /// Seven bits a byte, the lowest first; at most ten bytes.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0u64;
        for place in 0..10u32 {
            let byte = *self.taken(1)?.first()?;
            let bits = u64::from(byte & 0x7f);
            if place == 9 && bits > 1 {
                return None;
            }
            number |= bits << (7 * place);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn taken(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

/// The message breaks off, or is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Value<'b>), Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(Broken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_are_read() {
        let message = [0x08, 0x96, 0x01, 0x12, 2, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0];
        let fields: Vec<_> = Fields::of(&message).map(Result::unwrap).collect();
        let expected = [Value::Number(150), Value::Bytes(b"hi"), Value::Number(1), Value::Number(2)];
        assert_eq!(fields, [1, 2, 3, 4].into_iter().zip(expected).collect::<Vec<_>>());
    }

    #[test]
    fn what_breaks_off_is_an_error_and_the_end() {
        for message in [
            &b"\x08"[..],
            b"\x08\xff",
            b"\x12\x05hi",
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            b"\x0b\x01",
            b"\x1d\0",
        ] {
            let fields: Vec<_> = Fields::of(message).collect();
            assert_eq!(fields, [Err(Broken)], "{message:?}");
        }
    }
}
