//! Stands between the program and a server of HTTP.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Default)]
struct Seen {
    is_shut: bool,
    requests: Vec<(String, String)>,
    connections: Vec<TcpStream>,
}

/// Passes everything on, unless it is shut: then connections break, those that there are and those that come.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Proxy {
    pub(super) fn to(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (server, of_thread) = (server.to_owned(), Arc::clone(&seen));
        // It ends with the tests.
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                if of_thread.lock().unwrap().is_shut {
                    continue;
                }
                let server = TcpStream::connect(&server).unwrap();
                of_thread.lock().unwrap().connections.extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                let (answers, asks) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let noted = Arc::clone(&of_thread);
                thread::spawn(move || pass_on(client, server, |bytes| note(&noted, bytes)));
                thread::spawn(move || pass_on(answers, asks, |_| {}));
            }
        });
        Self { address, seen }
    }

    /// Methods and paths, as they came.
    pub(super) fn requests(&self) -> Vec<(String, String)> {
        self.seen.lock().unwrap().requests.clone()
    }

    pub(super) fn forget(&self) {
        self.seen.lock().unwrap().requests.clear();
    }

    pub(super) fn shut(&self) {
        let mut seen = self.seen.lock().unwrap();
        seen.is_shut = true;
        for connection in seen.connections.drain(..) {
            // One that is over already is well.
            _ = connection.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn open(&self) {
        self.seen.lock().unwrap().is_shut = false;
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, look: impl Fn(&[u8])) {
    let mut buffer = [0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        look(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    _ = to.shutdown(Shutdown::Both);
}

/// A head comes in one piece, at the beginning of what is read.
fn note(seen: &Mutex<Seen>, bytes: &[u8]) {
    let first = bytes.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let request = str::from_utf8(first).ok().and_then(|line| line.strip_suffix(" HTTP/1.1"));
    if let Some((method, path)) = request.and_then(|request| request.split_once(' ')) {
        let path = path.split('?').next().unwrap_or_default();
        seen.lock().unwrap().requests.push((method.to_owned(), path.to_owned()));
    }
}
