//! TLS: whom to trust, and errors in words.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, InvalidMessage, RootCertStore, StreamOwned};
use twofactor_message::{Trouble, TroubleKind};

use crate::conversation::Conversation;
use crate::network;
use crate::trouble::{local, trouble};

/// A client that trusts the errand's certificate authorities (PEM), or those of this host.
///
/// # Errors
/// There is none, or none that can be used.
pub(crate) fn client(authorities: Option<&str>) -> Result<Arc<ClientConfig>, Trouble> {
    let mut store = RootCertStore::empty();
    if store.add_parsable_certificates(roots(authorities)?).0 == 0 {
        return Err(local("none of the trusted certificates can be read"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| trouble_of(&error))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Bytes to and from a server, with TLS or without.
pub(crate) trait Stream: Read + Write + Send + Sync {}

impl<S: Read + Write + Send + Sync> Stream for S {}

/// Makes a connection safe; nothing else is sent before the server has proved its name. Without a client it stays as it
/// is.
///
/// # Errors
/// The server has not, or does not speak TLS.
pub(crate) fn protect(
    mut socket: TcpStream,
    server: &str,
    client: Option<Arc<ClientConfig>>,
    conversation: &mut Conversation<'_>,
) -> Result<Box<dyn Stream>, Trouble> {
    let Some(client) = client else { return Ok(Box::new(socket)) };
    conversation.stage(format_args!("TLS with {server}"));
    let name = ServerName::try_from(server.to_owned())
        .map_err(|_| trouble(TroubleKind::Certificate, "no certificate can have this name"))?;
    let mut connection = ClientConnection::new(client, name).map_err(|error| trouble_of(&error))?;
    while connection.is_handshaking() {
        connection.complete_io(&mut socket).map_err(|error| match network::trouble_of(&error) {
            Trouble { kind: TroubleKind::Protocol, detail } => trouble(TroubleKind::Certificate, detail),
            other => other,
        })?;
    }
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    conversation.event(format_args!("{version}, certificate for {server}"));
    Ok(Box::new(StreamOwned::new(connection, socket)))
}

/// The certificates to trust: those of the errand, otherwise those of this host.
fn roots(authorities: Option<&str>) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let Some(pem) = authorities else {
        let found = rustls_native_certs::load_native_certs();
        return if found.certs.is_empty() {
            Err(local("this host trusts no certificate authority"))
        } else {
            Ok(found.certs)
        };
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(local("the file of authorities holds no certificate")),
        Err(error) => Err(local(format_args!("the file of authorities: {error}"))),
    }
}

/// An error of TLS, in words.
pub(crate) fn trouble_of(error: &Error) -> Trouble {
    let why = match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the certificate was issued by nobody that is trusted here".to_owned()
        }
        Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "the certificate has expired".to_owned()
        }
        Error::InvalidCertificate(CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }) => {
            "the certificate is not valid yet: is the clock right?".to_owned()
        }
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => {
            let names: Vec<_> = presented.iter().take(NAMES_MAX).map(|name| plain_name(name)).collect();
            format!("the certificate is for {}", if names.is_empty() { "nobody".to_owned() } else { names.join(", ") })
        }
        Error::InvalidCertificate(other) => format!("the certificate is refused: {other}"),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "the server does not speak TLS here".to_owned(),
        Error::AlertReceived(alert) => format!("the server refused: {alert:?}"),
        other => other.to_string(),
    };
    trouble(TroubleKind::Certificate, why)
}

/// `mail.example.org` out of `DnsName("mail.example.org")`, which is how rustls writes it.
fn plain_name(name: &str) -> &str {
    name.split_once('"').and_then(|(_, rest)| rest.split_once('"')).map_or(name, |(name, _)| name)
}

const NAMES_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_for_another_name_says_for_which() {
        let presented = vec!["DnsName(\"mail.example.org\")".to_owned(), "IpAddress(192.0.2.1)".to_owned()];
        let expected = ServerName::try_from("smtp.example.org").unwrap();
        let error = Error::InvalidCertificate(CertificateError::NotValidForNameContext { expected, presented });
        assert_eq!(trouble_of(&error).detail, "the certificate is for mail.example.org, IpAddress(192.0.2.1)");
    }

    #[test]
    fn a_file_without_certificates_is_nobody_to_trust() {
        for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
            assert!(roots(Some(pem)).is_err(), "{pem}");
        }
    }
}
