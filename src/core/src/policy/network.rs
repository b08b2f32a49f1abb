//! Addresses and networks. A name is neither: whoever controls a name server would choose it.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A network, or a single address, RFC 4632 and RFC 4291 section 2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u32,
}

impl Network {
    /// Whether an address is of this network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let ((base, width), (bits, of)) = (bits(self.base), bits(address));
        width == of && masked(bits, width, self.prefix) == base
    }

    /// Whether all of another network is of this one.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.base)
    }
}

impl FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.parse().map_err(|_| "not an address or a network such as 10.0.0.0/8 or fd00::/8")?;
        if base != base.to_canonical() {
            return Err("an IPv4 address is written as one, such as 10.0.0.0/8");
        }
        let (bits, width) = bits(base);
        let prefix = match prefix {
            None => width,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let prefix = digits.parse().ok().filter(|prefix| *prefix <= width);
                prefix.ok_or("the number after the slash is 0 to 32, of IPv6 0 to 128")?
            }
            Some(_) => return Err("the number after the slash is 0 to 32, of IPv6 0 to 128"),
        };
        if masked(bits, width, prefix) != bits {
            return Err("the address has bits beyond those that the number after the slash counts");
        }
        Ok(Self { base, prefix })
    }
}

/// The address that a host says somebody comes from; `None` for a name. An IPv4 address is one however it is written, and
/// a zone (RFC 4007 section 11) does not count.
#[must_use]
pub fn address(rhost: &str) -> Option<IpAddr> {
    let parsed: Option<IpAddr> = match rhost.split_once('%') {
        Some((address, _)) => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => rhost.parse().ok(),
    };
    parsed.map(|address| address.to_canonical())
}

/// An address as a number, and how many bits it has.
fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (address.into(), 128),
    }
}

/// The first so many bits of a number that has `width`.
fn masked(bits: u128, width: u32, prefix: u32) -> u128 {
    let ignored = width - prefix;
    // A shift by the whole width is none.
    bits.checked_shr(ignored).and_then(|kept| kept.checked_shl(ignored)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_in(network: &str, rhost: &str) -> bool {
        let network: Network = network.parse().unwrap();
        address(rhost).is_some_and(|address| network.contains(address))
    }

    #[test]
    fn an_address_is_in_its_networks() {
        for (network, rhost) in [
            ("10.0.0.0/8", "10.255.0.1"),
            ("0.0.0.0/0", "192.0.2.1"),
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("10.0.0.0/8", "::ffff:10.1.2.3"),
            ("fd00::/8", "fdff::1"),
            ("::/0", "2001:db8::1"),
            ("::1", "::1"),
            ("fe80::/10", "fe80::1%eth0"),
        ] {
            assert!(is_in(network, rhost), "{network} {rhost}");
        }
        for (network, rhost) in [
            ("10.0.0.0/8", "11.0.0.1"),
            ("192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "::1"),
            ("::/0", "192.0.2.1"),
            ("fd00::/8", "fe00::1"),
        ] {
            assert!(!is_in(network, rhost), "{network} {rhost}");
        }
    }

    #[test]
    fn a_host_name_is_no_address_however_it_looks() {
        for name in
            ["10.0.0.1.example.org", "localhost", "", "10.0.0", "10.0.0.1 ", "0x0a000001", "167772161", "10.0.0.1%eth0"]
        {
            assert_eq!(address(name), None, "{name}");
        }
    }

    #[test]
    fn networks_that_are_not_meant_so_are_refused() {
        for text in [
            "10.0.0.1/8",
            "10.0.0.0/33",
            "fd00::1/8",
            "fd00::/129",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "/8",
            "ten",
            "::ffff:10.0.0.0/104",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_network_covers_what_is_in_it(bits: u128, first in 0u32..=128, second in 0u32..=128) {
            let network = |prefix| Network { base: Ipv6Addr::from(masked(bits, 128, prefix)).into(), prefix };
            let (wide, narrow) = (network(first.min(second)), network(first.max(second)));
            prop_assert!(wide.covers(&narrow));
            prop_assert!(narrow.contains(Ipv6Addr::from(bits).into()));
            prop_assert_eq!(narrow.covers(&wide), first == second);
        }
    }
}
