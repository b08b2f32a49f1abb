//! The places that Match blocks tell from each other: where a login comes from, where it comes in, and each with the other,
//! as a login may be in several blocks at once.

use super::KINDS_MAX;

/// What a Match block asks for, in lower case, and what it has to be.
pub(super) type Criterion = (String, String);

/// The places of blocks with these criteria: anywhere, then those that one block names, then what comes of putting the
/// patterns of several together, the fewest first. Of each criterion a place has one pattern.
pub(super) fn of<'b>(blocks: impl Iterator<Item = &'b [Criterion]> + Clone) -> Vec<Vec<Criterion>> {
    let mut places = Places(vec![Vec::new()]);
    blocks.clone().flat_map(of_block).for_each(|place| places.add(place));
    let mut patterns: Vec<Criterion> = Vec::new();
    for pattern in blocks.flatten().flat_map(patterns_of) {
        if patterns.len() <= KINDS_MAX && !patterns.contains(&pattern) {
            patterns.push(pattern);
        }
    }
    let mut fewer = vec![Vec::new()];
    while !fewer.is_empty() && places.0.len() <= KINDS_MAX {
        let more = fewer.iter().flat_map(|place| patterns.iter().filter_map(|pattern| joined(place, pattern)));
        fewer = more.take(TRIED_MAX).collect();
        fewer.iter().for_each(|place| places.add(place.clone()));
    }
    places.0
}

struct Places(Vec<Vec<Criterion>>);

impl Places {
    /// Adds one that is not known yet, in whatever order it is told.
    fn add(&mut self, place: Vec<Criterion>) {
        let same = |known: &Vec<Criterion>| known.len() == place.len() && place.iter().all(|one| known.contains(one));
        if self.0.len() <= KINDS_MAX && !self.0.iter().any(same) {
            self.0.push(place);
        }
    }
}

/// Each of its patterns of one criterion with each of the others.
fn of_block(criteria: &[Criterion]) -> Vec<Vec<Criterion>> {
    let mut places = vec![Vec::new()];
    for criterion in criteria.iter().filter(|(criterion, _)| is_of_places(criterion)) {
        let with = |place: &Vec<_>| {
            let place = place.clone();
            patterns_of(criterion).map(move |pattern| [&place[..], &[pattern]].concat())
        };
        places = places.iter().flat_map(with).take(KINDS_MAX).collect();
    }
    places
}

/// Each pattern, with those behind it that say what of it is not meant.
fn patterns_of((criterion, patterns): &Criterion) -> impl Iterator<Item = Criterion> {
    let (others, meant): (Vec<_>, Vec<_>) = patterns.split(',').partition(|pattern| pattern.starts_with('!'));
    let meant = meant.into_iter().filter(|_| is_of_places(criterion));
    meant.map(move |pattern| (criterion.clone(), [&[pattern], &others[..]].concat().join(",")))
}

/// A place with one criterion more, that comes behind those it has: so each set of them comes up once.
fn joined(place: &[Criterion], pattern: &Criterion) -> Option<Vec<Criterion>> {
    let rank = |criterion: &str| CRITERIA.iter().position(|known| *known == criterion);
    let is_behind = place.last().is_none_or(|(last, _)| rank(last) < rank(&pattern.0));
    is_behind.then(|| [place, std::slice::from_ref(pattern)].concat())
}

pub(super) fn is_of_places(criterion: &str) -> bool {
    CRITERIA.contains(&criterion)
}

const CRITERIA: [&str; 5] = ["localport", "localaddress", "address", "host", "rdomain"];
/// How many are put together at most before it is looked which of them are new.
const TRIED_MAX: usize = 10 * KINDS_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn criteria(blocks: &[&[(&str, &str)]]) -> Vec<Vec<Criterion>> {
        let owned = |(criterion, patterns): &(&str, &str)| ((*criterion).to_owned(), (*patterns).to_owned());
        blocks.iter().map(|block| block.iter().map(owned).collect()).collect()
    }

    fn said(blocks: &[&[(&str, &str)]]) -> Vec<String> {
        let blocks = criteria(blocks);
        let places = of(blocks.iter().map(Vec::as_slice));
        let said =
            |place: &Vec<Criterion>| place.iter().map(|(_, pattern)| pattern.as_str()).collect::<Vec<_>>().join(" ");
        places.iter().map(said).collect()
    }

    #[test]
    fn what_several_blocks_ask_for_is_put_together() {
        let blocks: &[&[_]] = &[
            &[("address", "10.*,!10.1.*"), ("user", "alice")],
            &[("localport", "22,23"), ("localaddress", "::1")],
            &[("rdomain", "blue")],
        ];
        let all = said(blocks);
        assert_eq!(all[..5], ["", "10.*,!10.1.*", "22 ::1", "23 ::1", "blue"]);
        for place in ["22", "::1", "22 10.*,!10.1.*", "::1 10.*,!10.1.*", "23 ::1 10.*,!10.1.* blue"] {
            assert_eq!(all.iter().filter(|one| *one == place).count(), 1, "{place}: {all:?}");
        }
        // Each port or none, each address or none, and so on.
        assert_eq!(all.len(), 3 * 2 * 2 * 2);
    }

    #[test]
    fn there_is_an_end_to_it() {
        let many: Vec<String> = (0..500).map(|n| format!("10.0.{n}.*")).collect();
        let many = &*many.join(",");
        let blocks: &[&[_]] = &[&[("address", many), ("host", many), ("localport", many)]];
        assert_eq!(said(blocks).len(), KINDS_MAX + 1);
    }
}
