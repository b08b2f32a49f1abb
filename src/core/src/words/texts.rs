//! The texts of a language without their keys, taken off by the compiler: those of English are enough in the module.

/// The lines of a file, each without `key = ` in front.
macro_rules! texts {
    ($file:literal) => {{
        const ALL: &str = include_str!($file);
        const TEXTS: [u8; texts::bytes(ALL)] = texts::of(ALL);
        match std::str::from_utf8(&TEXTS) {
            Ok(texts) => texts,
            Err(_) => "",
        }
    }};
}

/// How many bytes there are in the texts of a file.
pub(super) const fn bytes(file: &str) -> usize {
    copy(file, &mut [])
}

/// The texts of a file.
pub(super) const fn of<const N: usize>(file: &str) -> [u8; N] {
    let mut texts = [0; N];
    copy(file, &mut texts);
    texts
}

/// Copies as much as there is room for, and says how much there would be.
const fn copy(file: &str, mut room: &mut [u8]) -> usize {
    let (mut rest, mut is_key, mut count) = (file.as_bytes(), true, 0);
    while let [byte, after @ ..] = rest {
        rest = after;
        if is_key {
            if let (b'=', [b' ', text @ ..]) = (*byte, after) {
                (rest, is_key) = (text, false);
            }
            continue;
        }
        is_key = *byte == b'\n';
        count += 1;
        if let [place, more @ ..] = room {
            *place = *byte;
            room = more;
        }
    }
    count
}
