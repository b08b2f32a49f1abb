//! One login that sshd is asked about: who comes, and from where to where.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use twofactor_core::policy::Network;

use super::pattern::is_like;
use super::places::Criterion;

/// A login that sshd is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Login {
    user: String,
    groups: Vec<String>,
    /// Where it comes from and where it comes in, each with one pattern and what of it is not meant; nothing if
    /// that is anywhere.
    place: Vec<Criterion>,
}

impl Login {
    pub(in super::super) fn new(user: &str, groups: Vec<String>) -> Self {
        Self { user: user.to_owned(), groups, place: Vec::new() }
    }

    pub(super) fn at(self, place: Vec<Criterion>) -> Self {
        Self { place, ..self }
    }

    pub(in super::super) fn user(&self) -> &str {
        &self.user
    }

    /// As `sshd -T -C` is told of it.
    pub(in super::super) fn connection(&self) -> String {
        let of = |criterion| self.sample(criterion).unwrap_or_default();
        // Which not every sshd knows.
        let domain = self.sample("rdomain").map(|domain| format!(",rdomain={domain}")).unwrap_or_default();
        let (host, address, local, port) = (of("host"), of("address"), of("localaddress"), of("localport"));
        format!("user={},host={host},addr={address},laddr={local},lport={port}{domain}", self.user)
    }

    /// The place as people are told of it; nothing if it is any.
    pub(in super::super) fn place(&self) -> String {
        let said = self.place.iter().map(|(criterion, patterns)| {
            let pattern = patterns.split(',').next().unwrap_or_default();
            match criterion.as_str() {
                "localaddress" => format!(", to {pattern}"),
                "localport" => format!(", to port {pattern}"),
                "rdomain" => format!(", in the routing domain {pattern}"),
                _ => format!(", from {pattern}"),
            }
        });
        said.collect()
    }

    /// Whether sshd takes it for one of a pattern.
    pub(super) fn is(&self, criterion: &str, pattern: &str) -> bool {
        match criterion {
            "user" => is_like(&self.user, pattern),
            "group" => self.groups.iter().any(|group| is_like(group, pattern)),
            "address" | "localaddress" => self.sample(criterion).is_some_and(|sample| is_at(&sample, pattern)),
            _ => self.sample(criterion).is_some_and(|sample| is_like(&sample, pattern)),
        }
    }

    /// What sshd is told of one criterion, if anything.
    fn sample(&self, criterion: &str) -> Option<String> {
        let given = |criterion: &str| {
            let (_, pattern) = self.place.iter().find(|(known, _)| known == criterion)?;
            Some(sample_of(pattern))
        };
        let otherwise = match criterion {
            // A host without a name is known by its address.
            "address" => given("host").filter(|host| is_of_addresses(host)).or(Some(ADDRESS.to_owned())),
            "host" => Some(HOST.to_owned()),
            "localaddress" => Some(LOCAL_ADDRESS.to_owned()),
            "localport" => Some(LOCAL_PORT.to_owned()),
            _ => None,
        };
        given(criterion).or(otherwise)
    }
}

/// A login that is in no Match block that asks who or from where: `sshd -T` alone refuses to speak if one asks for a port.
pub(in super::super) fn nobody() -> String {
    format!("laddr={LOCAL_ADDRESS},lport={LOCAL_PORT}")
}

/// Whether an address is of a network, or looks like a pattern.
fn is_at(address: &str, pattern: &str) -> bool {
    let network = pattern.parse::<Network>().ok().zip(address.parse::<IpAddr>().ok());
    network.is_some_and(|(network, address)| network.contains(address)) || is_like(address, pattern)
}

/// What is of a pattern and of none of those behind it, which say what is not meant; of one of addresses, a whole address.
fn sample_of(patterns: &str) -> String {
    let mut listed = patterns.split(',');
    let samples = samples(listed.next().unwrap_or_default());
    let others: Vec<_> = listed.filter_map(|pattern| pattern.strip_prefix('!')).collect();
    let is_meant = |sample: &&String| !others.iter().any(|pattern| is_at(sample, pattern));
    samples.iter().find(is_meant).or(samples.first()).cloned().unwrap_or_default()
}

/// Of a network its first address and its last; of another pattern what different digits make of it.
fn samples(pattern: &str) -> Vec<String> {
    if let Some((base, prefix)) = pattern.split_once('/') {
        return [Some(base.to_owned()), last(base, prefix)].into_iter().flatten().collect();
    }
    let filled = |digit: &str| {
        let pattern = pattern.replace('?', digit);
        let one = pattern.replace('*', digit);
        let fillings = ["#", "#.#", "#.#.#", "#::#"].map(|filling| filling.replace('#', digit));
        let whole = fillings.iter().map(|filling| pattern.replace('*', filling));
        whole.into_iter().find(|sample| sample.parse::<IpAddr>().is_ok()).unwrap_or(one)
    };
    ["1", "2", "9"].map(filled).to_vec()
}

fn last(base: &str, prefix: &str) -> Option<String> {
    let prefix = prefix.parse().ok()?;
    Some(match base.parse().ok()? {
        IpAddr::V4(base) => Ipv4Addr::from_bits(base.to_bits() | u32::MAX.checked_shr(prefix).unwrap_or(0)).to_string(),
        IpAddr::V6(base) => {
            Ipv6Addr::from_bits(base.to_bits() | u128::MAX.checked_shr(prefix).unwrap_or(0)).to_string()
        }
    })
}

fn is_of_addresses(pattern: &str) -> bool {
    pattern.contains(':') || !pattern.contains(|c: char| c.is_ascii_alphabetic())
}

/// Where a login comes from and comes in if no block asks: addresses for documentation (RFC 5737), of a host without a
/// name, and a port that no server has.
const ADDRESS: &str = "192.0.2.1";
const HOST: &str = "unknown";
const LOCAL_ADDRESS: &str = "192.0.2.2";
const LOCAL_PORT: &str = "65535";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_of_its_pattern() {
        for (pattern, sample) in [
            ("10.0.0.0/8", "10.0.0.0"),
            ("10.*", "10.1.1.1"),
            ("10.0.0.?", "10.0.0.1"),
            ("2001:db8:*", "2001:db8:1::1"),
            ("*.example.org", "1.example.org"),
            ("2222", "2222"),
            ("10.*,!10.1.*,!x", "10.2.2.2"),
            ("10.0.0.0/8,!10.0.0.0/16", "10.255.255.255"),
            ("fd00::/8,!fd00::/64", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("*.example.org,!1.*", "2.example.org"),
            // Where none of them is meant, one is as good as another.
            ("10.0.0.0/8,!10.*", "10.0.0.0"),
            ("10.0.0.0/99", "10.0.0.0"),
        ] {
            assert_eq!(sample_of(pattern), sample);
        }
    }

    #[test]
    fn a_place_is_of_each_pattern_that_it_fits() {
        let place = [("address", "10.1.*"), ("localport", "22")];
        let place = place.map(|(criterion, pattern)| (criterion.to_owned(), pattern.to_owned()));
        let login = Login::new("alice", Vec::new()).at(place.to_vec());
        for (criterion, pattern, is) in [
            ("address", "10.0.0.0/8", true),
            ("address", "10.2.0.0/16", false),
            ("address", "10.*", true),
            ("localport", "2?", true),
            ("localport", "2222", false),
            ("localaddress", "10.0.0.0/8", false),
            ("rdomain", "*", false),
        ] {
            assert_eq!(login.is(criterion, pattern), is, "{criterion} {pattern}");
        }
    }
}
