//! Sends a mail through a mail server (RFC 5321), over TLS (RFC 8314, RFC 3207) unless the server is this host.

mod session;
mod wire;

use std::time::Instant;

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
    let client = match smtp.protection {
        Protection::None => None,
        Protection::Implicit | Protection::StartTls => Some(tls::client(smtp.authorities.as_deref())?),
    };
    let reach = Reach::with(client.is_some());
    // From here on there is a server.
    confinement::to_network(smtp.port)?;
    let host = letter::host(mail);
    let mut socket = network::connect(&smtp.server, smtp.port, reach, deadline, conversation)?;
    let is_greeted = smtp.protection == Protection::StartTls;
    if is_greeted {
        let mut session = Session::new(socket, conversation);
        session.greeting()?;
        socket = session.start_tls(&host)?;
    }
    let stream = tls::protect(socket, &smtp.server, client, conversation)?;
    let mut session = Session::new(stream, conversation);
    if !is_greeted {
        session.greeting()?;
    }
    let server = session.hello(&host)?;
    if let Some(credentials) = &smtp.credentials {
        session.authenticate(credentials, &server)?;
    }
    session.transfer(mail, &letter)?;
    session.quit();
    Ok(())
}
