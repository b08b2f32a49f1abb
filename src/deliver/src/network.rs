//! From the name of a server to a connection.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use twofactor_message::{Trouble, TroubleKind};

use crate::conversation::Conversation;
use crate::tls;
use crate::trouble::{protocol, trouble, words};

/// Whom one may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Any server; it will have to prove its name.
    Anywhere,
    /// A loopback address of this host, where nobody listens in.
    ThisHost,
}

impl Reach {
    /// Of a connection that will be made safe, or will not.
    pub(crate) fn with(is_safe: bool) -> Self {
        if is_safe { Self::Anywhere } else { Self::ThisHost }
    }
}

/// Connects to the first address of a server that answers. Every address gets its share of the time left.
///
/// # Errors
/// The name is not known, or nobody answers there, or it is out of reach.
pub(crate) fn connect(
    server: &str,
    port: u16,
    reach: Reach,
    deadline: Instant,
    conversation: &mut Conversation<'_>,
) -> Result<TcpStream, Trouble> {
    conversation.stage(format_args!("look up {server}"));
    let unknown = |error: io::Error| trouble(TroubleKind::Unreachable, words(&error));
    let addresses: Vec<SocketAddr> = (server, port).to_socket_addrs().map_err(unknown)?.take(ADDRESSES_MAX).collect();
    conversation.stage(format_args!("connect to {server}:{port}"));
    if reach == Reach::ThisHost && !(is_this_host(server) && addresses.iter().all(|a| a.ip().is_loopback())) {
        return Err(trouble(TroubleKind::Certificate, "without TLS only with this host (localhost)"));
    }
    let mut last = trouble(TroubleKind::Unreachable, "the name has no address");
    for (tried, address) in addresses.iter().enumerate() {
        conversation.event(format_args!("connect {server}:{port} ({})", address.ip()));
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(1);
        match TcpStream::connect_timeout(address, share.max(Duration::from_millis(10))) {
            Ok(stream) => {
                // A command waits for its answer; there is nothing to collect.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = unreached(&error),
        }
    }
    Err(last)
}

/// Whether a name or an address can only mean this host.
pub(crate) fn is_this_host(server: &str) -> bool {
    server.eq_ignore_ascii_case("localhost") || server.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// An error of connecting: nobody has heard anything yet. The only one of its kind, since whoever asked for the message
/// does not count what has certainly gone nowhere.
fn unreached(error: &io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => trouble(TroubleKind::Slow, "no answer"),
        _ => trouble(TroubleKind::Unreachable, words(error)),
    }
}

/// An error of a connection that stands, by what helps.
pub(crate) fn trouble_of(error: &io::Error) -> Trouble {
    if let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls::trouble_of(error);
    }
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => trouble(TroubleKind::Slow, "no answer"),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => protocol("the server closed the connection"),
        _ => protocol(words(error)),
    }
}

const ADDRESSES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::tests::{lines, overheard};
    use std::net::TcpListener;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn only_loopback_is_this_host() {
        for (server, is) in [
            ("localhost", true),
            ("127.0.0.9", true),
            ("::1", true),
            ("localhost.example.org", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_this_host(server), is, "{server}");
        }
        let (mut conversation, words) = overheard();
        let refused = connect("192.0.2.1", 25, Reach::ThisHost, soon(), &mut conversation).unwrap_err();
        assert_eq!(refused.kind, TroubleKind::Certificate);
        assert!(lines(&words).is_empty());
    }

    #[test]
    fn nobody_there_is_unreachable() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (mut conversation, words) = overheard();
        assert!(connect("127.0.0.1", port, Reach::ThisHost, soon(), &mut conversation).is_ok());
        drop(listener);
        let refused = connect("127.0.0.1", port, Reach::Anywhere, soon(), &mut conversation).unwrap_err();
        assert_eq!(refused, trouble(TroubleKind::Unreachable, "connection refused"));
        assert_eq!(lines(&words)[0], format!("connect 127.0.0.1:{port} (127.0.0.1)"));
    }
}
