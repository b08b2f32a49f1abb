//! Sends a mail through a mail server (RFC 5321), over TLS (RFC 8314, RFC 3207) unless the server is this host.

mod session;
mod wire;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use twofactor_message::{Mail, Protection, Smtp, Trouble};

use crate::conversation::Conversation;
use crate::network::{self, Reach};
use crate::{confinement, letter, tls};
use session::Session;

/// Sends a mail through a server.
///
/// # Errors
/// It was not taken, and why.
pub(crate) fn send(
    mail: &Mail,
    smtp: &Smtp,
    deadline: Instant,
    conversation: &mut Conversation<'_>,
) -> Result<(), Trouble> {
    let letter = letter::compose(mail)?;
    let (client, reach) = match smtp.protection {
        Protection::None => (None, Reach::ThisHost),
        Protection::Implicit | Protection::StartTls => {
            (Some(tls::client(tls::roots(smtp.authorities.as_deref())?)?), Reach::Anywhere)
        }
    };
    // From here on there is a server.
    confinement::to_network(smtp.port)?;
    let host = letter::host(mail);
    let mut socket = network::connect(&smtp.server, smtp.port, reach, deadline, conversation)?;
    let control = socket.try_clone().ok();
    let is_greeted = smtp.protection == Protection::StartTls;
    if is_greeted {
        let mut session = Session::new(socket, conversation);
        session.greeting()?;
        socket = session.start_tls(&host)?;
    }
    let stream: Box<dyn Stream> = match client {
        Some(client) => Box::new(tls::wrap(client, &smtp.server, socket, conversation)?),
        None => Box::new(socket),
    };
    let mut session = Session::new(stream, conversation);
    if !is_greeted {
        session.greeting()?;
    }
    let server = session.hello(&host)?;
    if let Some(credentials) = &smtp.credentials {
        session.authenticate(credentials, &server)?;
    }
    session.transfer(mail, &letter)?;
    // The mail is taken; what is left is politeness.
    if control.is_some_and(|socket| is_patient(&socket, deadline)) {
        session.quit();
    }
    Ok(())
}

/// Bytes to and from a server, with TLS or without.
trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// Whether there is time for a farewell, which the socket then waits for no longer than that.
fn is_patient(socket: &TcpStream, deadline: Instant) -> bool {
    let left = deadline.saturating_duration_since(Instant::now()) / 2;
    left > FAREWELL_MIN && socket.set_read_timeout(Some(left.min(FAREWELL_MAX))).is_ok()
}

const FAREWELL_MIN: Duration = Duration::from_millis(50);
const FAREWELL_MAX: Duration = Duration::from_millis(500);
