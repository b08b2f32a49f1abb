//! Where somebody proves themselves, as far as a success may be remembered for it.

use std::net::IpAddr;

use super::Request;
use crate::factor::Method;
use crate::policy::{address, without_dev};
use crate::sys::Surroundings;

/// All that a success is bound to besides the user and the enrolment: service, source, caller, what sshd says of the
/// first factor, what methods are taken, and this boot of the machine. `None` where any of it cannot be told for sure.
pub(super) fn place(request: &Request, methods: &[Method], surroundings: &dyn Surroundings) -> Option<Vec<u8>> {
    let mut place = surroundings.boot()?;
    let mut add = |part: &[u8]| {
        place.extend(part.len().to_le_bytes());
        place.extend(part);
    };
    add(request.service.as_bytes());
    add(&source(request, surroundings)?);
    add(request.ruser.as_deref().unwrap_or_default().as_bytes());
    add(request.ssh_auth.as_deref().unwrap_or_default().as_bytes());
    for method in methods {
        add(method.name().as_bytes());
    }
    Some(place)
}

/// The address of somebody who comes from elsewhere; of somebody who is here, the terminal with the session at it. A
/// name of a host is no address, nor is one that is another machine on each link, or that says that nobody knows; and a
/// service that says neither is not trusted to be a local one. Of different kinds no two are the same.
fn source(request: &Request, surroundings: &dyn Surroundings) -> Option<Vec<u8>> {
    if let Some(rhost) = &request.rhost {
        let address = address(rhost).filter(|address| !address.is_unspecified() && !rhost.contains('%'))?;
        return Some(match address {
            IpAddr::V4(address) => [&b"4"[..], &address.octets()].concat(),
            IpAddr::V6(address) => [&b"6"[..], &address.octets()].concat(),
        });
    }
    let tty = request.tty.as_deref()?;
    match surroundings.session() {
        // The same terminal belongs to somebody else tomorrow; the session does not.
        Some(session) if tty.starts_with("/dev/") => Some([b"session ", tty.as_bytes(), b" ", &session].concat()),
        // Who leads a session has just begun it: only who sits at the machine itself is there again.
        None if is_console(without_dev(tty)) => Some([b"console ", tty.as_bytes()].concat()),
        _ => None,
    }
}

/// Whether it is a virtual console, console_ioctl(2): `tty1`.
fn is_console(tty: &str) -> bool {
    tty.strip_prefix("tty").is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Here(Option<&'static str>, Option<&'static str>);

    impl Surroundings for Here {
        fn boot(&self) -> Option<Vec<u8>> {
            self.0.map(Into::into)
        }

        fn session(&self) -> Option<Vec<u8>> {
            self.1.map(Into::into)
        }
    }

    fn request(rhost: Option<&str>, tty: Option<&str>) -> Request {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Request {
            user: "alice".to_owned(),
            service: "sudo".to_owned(),
            rhost: text(rhost),
            tty: text(tty),
            ruser: None,
            ssh_auth: None,
            is_refused: false,
        }
    }

    fn is_told(rhost: Option<&str>, tty: Option<&str>, session: Option<&'static str>) -> bool {
        place(&request(rhost, tty), &[], &Here(Some("boot"), session)).is_some()
    }

    #[test]
    fn only_an_address_a_session_at_a_terminal_or_a_console_is_a_source() {
        assert!(is_told(Some("192.0.2.7"), Some("ssh"), Some("7 1")));
        assert!(is_told(Some("2001:db8::7"), None, None));
        assert!(is_told(None, Some("/dev/pts/3"), Some("7 1")));
        assert!(is_told(None, Some("/dev/tty1"), None) && is_told(None, Some("tty12"), None));
        for (rhost, tty, session) in [
            (Some("client.example.org"), Some("ssh"), None),
            (Some("client.example.org"), Some("/dev/tty1"), None),
            (Some("fe80::1%eth0"), Some("ssh"), None),
            (Some("0.0.0.0"), Some("ssh"), None),
            (Some("::"), Some("ssh"), None),
            (None, Some("ssh"), None),
            (None, Some("ssh"), Some("7 1")),
            (None, Some("/dev/pts/3"), None),
            (None, Some("tty"), None),
            (None, None, Some("7 1")),
        ] {
            assert!(!is_told(rhost, tty, session), "{rhost:?} {tty:?} {session:?}");
        }
    }

    #[test]
    fn whatever_is_different_makes_another_place() {
        let methods = [Method::Totp, Method::Recovery];
        let here = Here(Some("boot"), Some("7 1"));
        let known = request(Some("192.0.2.7"), Some("ssh"));
        let place_of = |request: &Request| place(request, &methods, &here).unwrap();
        let mut others = vec![place(&known, &methods, &Here(Some("reboot"), Some("7 1"))).unwrap()];
        for change in [
            |request: &mut Request| request.rhost = Some("192.0.2.8".to_owned()),
            |request: &mut Request| request.service = "sshd".to_owned(),
            |request: &mut Request| request.ruser = Some("mallory".to_owned()),
            |request: &mut Request| request.ssh_auth = Some("publickey ssh-ed25519 AAAA\n".to_owned()),
        ] {
            let mut other = known.clone();
            change(&mut other);
            others.push(place_of(&other));
        }
        others.push(place(&known, &[Method::Totp], &here).unwrap());
        // What a console is called would be an address, if nobody said which of the two it is.
        others.push(place(&request(Some("116.116.121.49"), Some("ssh")), &methods, &here).unwrap());
        let console = Here(Some("boot"), None);
        others.push(place(&request(None, Some("tty1")), &methods, &console).unwrap());
        assert_ne!(others[others.len() - 1], others[others.len() - 2]);
        assert!(others.iter().all(|other| *other != place_of(&known)), "{others:?}");
        let mapped = request(Some("::ffff:192.0.2.7"), Some("ssh"));
        assert_eq!(place_of(&mapped), place_of(&known), "the same address");
        assert!(place(&known, &methods, &Here(None, None)).is_none(), "a boot that cannot be told");
    }
}
