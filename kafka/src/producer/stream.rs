//! Bytes to and from a broker, encrypted or not.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::error::{ProducerError, Wait};
use super::settings::Address;

/// How long a read or a write takes at most before there is a sign of life.
const TICK: Duration = Duration::from_millis(200);
/// How long one address of a broker is given to answer, during which there is none.
const CONNECT: Duration = Duration::from_secs(2);

/// A connection as the operating system has it.
pub(super) enum Stream {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    pub(super) fn open(address: &Address, tls: Option<&Arc<ClientConfig>>, wait: &Wait<'_>) -> Result<Self, ProducerError> {
        let socket = connect(address, wait)?;
        let failed = |error: &dyn std::error::Error| ProducerError::Unreachable(format!("{address}: {error}"));
        socket.set_nodelay(true).map_err(|error| failed(&error))?;
        socket.set_read_timeout(Some(TICK)).map_err(|error| failed(&error))?;
        socket.set_write_timeout(Some(TICK)).map_err(|error| failed(&error))?;
        let Some(tls) = tls else { return Ok(Self::Plain(socket)) };
        let name = ServerName::try_from(address.host.clone()).map_err(|error| failed(&error))?;
        let session = ClientConnection::new(Arc::clone(tls), name).map_err(|error| failed(&error))?;
        Ok(Self::Encrypted(Box::new(StreamOwned::new(session, socket))))
    }

    /// Whether it can be used again, with nothing under way. Whatever has come unasked is a farewell, be it encrypted.
    pub(super) fn is_open(&self) -> bool {
        let socket = match self {
            Self::Plain(socket) => socket,
            Self::Encrypted(stream) => &stream.sock,
        };
        let peeked = socket.set_nonblocking(true).and_then(|()| socket.peek(&mut [0]));
        let is_open = matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock);
        is_open && socket.set_nonblocking(false).is_ok()
    }

    pub(super) fn write_all(&mut self, mut bytes: &[u8], what: &str, wait: &Wait<'_>) -> Result<(), ProducerError> {
        while !bytes.is_empty() {
            let written = patient(what, wait, || self.as_write().write(bytes))?;
            bytes = &bytes[written..];
        }
        patient(what, wait, || self.as_write().flush().map(|()| 1)).map(|_| ())
    }

    /// Appends what has come to `into`: at least a byte.
    pub(super) fn read(&mut self, into: &mut Vec<u8>, room: usize, what: &str, wait: &Wait<'_>) -> Result<(), ProducerError> {
        let held = into.len();
        into.resize(held + room, 0);
        let read = patient(what, wait, || match self {
            Self::Plain(socket) => socket.read(&mut into[held..]),
            Self::Encrypted(stream) => stream.read(&mut into[held..]),
        });
        into.truncate(held + *read.as_ref().unwrap_or(&0));
        read.map(|_| ())
    }

    fn as_write(&mut self) -> &mut dyn Write {
        match self {
            Self::Plain(socket) => socket,
            Self::Encrypted(stream) => stream,
        }
    }
}

/// Makes a call again while it only takes long.
fn patient(what: &str, wait: &Wait<'_>, mut call: impl FnMut() -> io::Result<usize>) -> Result<usize, ProducerError> {
    loop {
        match call() {
            Ok(0) => return Err(ProducerError::Unreachable(format!("{what}: the broker closed the connection"))),
            Ok(bytes) => return Ok(bytes),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => wait.go_on(what)?,
            Err(error) => return Err(ProducerError::Unreachable(format!("{what}: {error}"))),
        }
    }
}

fn connect(address: &Address, wait: &Wait<'_>) -> Result<TcpStream, ProducerError> {
    let failed = |why: String| ProducerError::Unreachable(format!("{address}: {why}"));
    let found = (address.host.as_str(), address.port).to_socket_addrs().map_err(|error| failed(error.to_string()))?;
    let mut last = failed("no such host".to_owned());
    for socket in found {
        wait.go_on("connect")?;
        match TcpStream::connect_timeout(&socket, CONNECT.min(wait.left().max(TICK))) {
            Ok(connected) => return Ok(connected),
            Err(error) => last = failed(error.to_string()),
        }
    }
    Err(last)
}
