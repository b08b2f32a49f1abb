//! A connection, with TLS from some point on, that is read line by line.

use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use support::{Certificate, Event};

use crate::tell;

/// What a server needs to speak TLS.
pub struct Tls(Arc<ServerConfig>);

impl Tls {
    pub fn new(certificate: &Certificate) -> Tls {
        let chain = CertificateDer::pem_slice_iter(certificate.chain.as_bytes()).collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).expect("a key in PEM");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions of TLS").with_no_client_auth();
        Tls(Arc::new(
            config.with_single_cert(chain.expect("certificates in PEM"), key).expect("key and certificate fit"),
        ))
    }
}

/// One connection.
pub struct Stream {
    pub connection: usize,
    socket: TcpStream,
    tls: Option<Box<ServerConnection>>,
    /// Read, but not asked for yet.
    ahead: Vec<u8>,
}

impl Stream {
    pub fn new(connection: usize, socket: TcpStream) -> Stream {
        socket.set_nodelay(true).expect("TCP_NODELAY");
        Stream { connection, socket, tls: None, ahead: Vec::new() }
    }

    pub fn is_secured(&self) -> bool {
        self.tls.is_some()
    }

    /// Begins TLS; false if the client, or TLS, would not have it.
    pub fn secure(&mut self, tls: &Tls, write: impl Fn(&mut TcpStream, &[u8]) -> io::Result<()>) -> bool {
        let mut server = ServerConnection::new(Arc::clone(&tls.0)).expect("the settings are good");
        // What came before TLS and was not asked for: a client that speaks ahead of STARTTLS.
        let mut early = Cursor::new(std::mem::take(&mut self.ahead));
        let outcome = loop {
            if !server.is_handshaking() {
                break flush(&mut server, &mut self.socket, &write);
            }
            if let Err(error) = flush(&mut server, &mut self.socket, &write) {
                break Err(error);
            }
            if server.is_handshaking() {
                match server.read_tls(&mut (&mut early).chain(&self.socket)) {
                    Ok(0) => break Err(ErrorKind::UnexpectedEof.into()),
                    Ok(_) => {}
                    Err(error) => break Err(error),
                }
                if let Err(error) = server.process_new_packets() {
                    // An alert tells the client.
                    let _ = flush(&mut server, &mut self.socket, &write);
                    break Err(io::Error::other(error));
                }
            }
        };
        if let Err(error) = outcome {
            self.broken(&error);
            return false;
        }
        let server_name = server.server_name().map(str::to_owned);
        tell(&Event::Secured { connection: self.connection, server_name });
        self.tls = Some(Box::new(server));
        true
    }

    /// The next line without its end; none at the end of the connection.
    pub fn line(&mut self) -> Option<String> {
        let line = self.whole_line()?;
        let line = line.strip_suffix('\n').unwrap_or(&line);
        Some(line.strip_suffix('\r').unwrap_or(line).to_owned())
    }

    /// The next line with its end, whatever that is.
    pub fn whole_line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            if !self.more(None) {
                return None;
            }
        }
    }

    /// So many bytes, or fewer at the end of the connection.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.ahead.len() < count && self.more(None) {}
        let count = count.min(self.ahead.len());
        self.ahead.drain(..count).collect()
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let outcome = match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.socket).write_all(bytes),
            None => self.socket.write_all(bytes),
        };
        outcome.inspect_err(|error| self.broken(error))
    }

    /// Says farewell, where TLS has a word for it.
    pub fn close(&mut self) {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            let _ = tls.write_tls(&mut self.socket);
        }
    }

    /// A byte a second, until all is said or the client has gone.
    pub fn drip(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.write(&[*byte]).is_err() || !self.more(Some(Duration::from_secs(1))) {
                return;
            }
        }
    }

    /// Waits for more from the client; false at the end of the connection. Time that runs out is no end.
    fn more(&mut self, patience: Option<Duration>) -> bool {
        let mut bytes = [0; 16384];
        self.socket.set_read_timeout(patience).expect("SO_RCVTIMEO");
        let outcome = match &mut self.tls {
            Some(tls) => rustls::Stream::new(&mut **tls, &mut self.socket).read(&mut bytes),
            None => self.socket.read(&mut bytes),
        };
        match outcome {
            Ok(0) => false,
            Ok(count) => {
                self.ahead.extend_from_slice(&bytes[..count]);
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => true,
            Err(error) => {
                self.broken(&error);
                false
            }
        }
    }

    fn broken(&self, error: &io::Error) {
        tell(&Event::Broken { connection: self.connection, why: error.to_string() });
    }
}

fn flush(
    server: &mut ServerConnection,
    socket: &mut TcpStream,
    write: &impl Fn(&mut TcpStream, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut bytes)?;
    }
    if bytes.is_empty() { Ok(()) } else { write(socket, &bytes) }
}
