//! Patterns of names and addresses: those of ssh, and their pieces, of which glob(3) has more kinds.

/// One piece of a pattern.
pub(super) enum Piece {
    Anything,
    One,
    Just(char),
    /// One character of a set, or none of it.
    Set {
        but: bool,
        ranges: Vec<(char, char)>,
        classes: Vec<String>,
    },
}

impl Piece {
    fn is(&self, c: char) -> bool {
        match self {
            Self::Anything => false,
            Self::One => true,
            Self::Just(just) => c == *just,
            Self::Set { but, ranges, classes } => {
                let ranged = ranges.iter().any(|(first, last)| (*first..=*last).contains(&c));
                (ranged || classes.iter().any(|class| is_of_class(c, class))) != *but
            }
        }
    }
}

/// Whether a text is of a pattern of ssh, in which `*` stands for anything and `?` for one character.
pub(super) fn is_like(text: &str, pattern: &str) -> bool {
    let pieces = pattern.chars().map(|c| match c {
        '*' => Piece::Anything,
        '?' => Piece::One,
        c => Piece::Just(c),
    });
    fits(text, &pieces.collect::<Vec<_>>())
}

/// Whether a text is what the pieces say, from its first character to its last. It takes no longer than the one times
/// the other, whatever the stars are.
pub(super) fn fits(text: &str, pattern: &[Piece]) -> bool {
    let text: Vec<_> = text.chars().collect();
    let (mut at, mut place) = (0, 0);
    // Where the last star is, and up to where it reaches.
    let mut star = None;
    while let Some(c) = text.get(at) {
        match (pattern.get(place), star) {
            (Some(Piece::Anything), _) => {
                star = Some((place, at));
                place += 1;
            }
            (Some(piece), _) if piece.is(*c) => (at, place) = (at + 1, place + 1),
            (_, Some((star_at, reach))) => {
                star = Some((star_at, reach + 1));
                (at, place) = (reach + 1, star_at + 1);
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(place).all(|piece| matches!(piece, Piece::Anything))
}

fn is_of_class(c: char, class: &str) -> bool {
    match class {
        "alnum" => c.is_ascii_alphanumeric(),
        "alpha" => c.is_ascii_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "lower" => c.is_ascii_lowercase(),
        "upper" => c.is_ascii_uppercase(),
        "punct" => c.is_ascii_punctuation(),
        "xdigit" => c.is_ascii_hexdigit(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_ssh() {
        for (text, pattern, like) in [
            ("alice", "alice", true),
            ("alice", "a*e", true),
            ("alice", "*", true),
            ("alice", "a?ice*", true),
            ("alice", "a*x", false),
            ("alice", "lice", false),
            ("aab", "*ab", true),
            ("", "*", true),
            ("", "?", false),
        ] {
            assert_eq!(is_like(text, pattern), like, "{text} {pattern}");
        }
    }
}
