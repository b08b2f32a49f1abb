//! TLS: whom to trust, and errors in words.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, ClientConnection, Error, InvalidMessage, RootCertStore, StreamOwned};
use twofactor_message::{Trouble, TroubleKind};

use crate::conversation::Conversation;
use crate::network;
use crate::trouble::{local, trouble};

/// The certificates to trust: those of the errand, otherwise those of this host.
///
/// # Errors
/// There is none.
pub(crate) fn roots(authorities: Option<&str>) -> Result<Vec<CertificateDer<'static>>, Trouble> {
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

/// What TLS is made of.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A client that trusts these.
///
/// # Errors
/// None of them can be used.
pub(crate) fn client(roots: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, Trouble> {
    let mut store = RootCertStore::empty();
    if store.add_parsable_certificates(roots).0 == 0 {
        return Err(local("none of the trusted certificates can be read"));
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| trouble_of(&error))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Makes a connection safe. Nothing else is sent before the server has proved its name.
///
/// # Errors
/// It has not, or does not speak TLS.
pub(crate) fn wrap<S: Read + Write>(
    config: Arc<ClientConfig>,
    server: &str,
    mut socket: S,
    conversation: &mut Conversation<'_>,
) -> Result<StreamOwned<ClientConnection, S>, Trouble> {
    conversation.stage(format_args!("TLS with {server}"));
    let name = ServerName::try_from(server.to_owned())
        .map_err(|_| trouble(TroubleKind::Certificate, "no certificate can have this name"))?;
    let mut connection = ClientConnection::new(config, name).map_err(|error| trouble_of(&error))?;
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
    Ok(StreamOwned::new(connection, socket))
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
