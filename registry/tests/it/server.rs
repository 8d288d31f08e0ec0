//! A small HTTP server over a registry in memory, which misbehaves when it is told to.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use registry::Address;
use registry::serve::{self, Answer};
use schemas::registry::Registry;

/// What becomes of a request instead of an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It is carried out, and the connection is closed.
    HangUp,
    /// Nothing comes, until the client goes away.
    Silence,
    /// Half of an answer comes, and no more until the client goes away.
    Half,
    /// This status with this body.
    Answer(u16, &'static str),
}

/// The answer of a registry that does not know an id.
pub(crate) const UNKNOWN: Fault = Fault::Answer(404, r#"{"error_code":40403,"message":"Schema not found"}"#);

#[derive(Default)]
struct Shared {
    registry: Mutex<Registry>,
    /// Requests whose path begins like this get these faults, one each.
    faults: Mutex<(String, VecDeque<Fault>)>,
    /// Head and path of each request.
    requests: Mutex<Vec<Heard>>,
    is_ending: Mutex<bool>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The fields of its head, in lower case up to the colon.
    pub(crate) fields: Vec<String>,
}

pub(crate) struct Server {
    socket: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (socket, shared) = (listener.local_addr().unwrap(), Arc::<Shared>::default());
        let of_thread = Arc::clone(&shared);
        let listening = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if *of_thread.is_ending.lock().unwrap() {
                    return;
                }
                let shared = Arc::clone(&of_thread);
                // A client that has gone away is its own affair.
                std::thread::spawn(move || serve_one(&shared, stream.unwrap()).ok());
            }
        });
        Self { socket, shared, listening: Some(listening) }
    }

    pub(crate) fn address(&self) -> Address {
        Address::parse(&format!("http://{}", self.socket)).unwrap()
    }

    /// The next requests below this path get these instead of an answer.
    pub(crate) fn misbehave(&self, path: &str, faults: impl IntoIterator<Item = Fault>) {
        *self.shared.faults.lock().unwrap() = (path.to_owned(), faults.into_iter().collect());
    }

    /// The requests below this path, so far.
    pub(crate) fn heard(&self, path: &str) -> Vec<Heard> {
        self.shared.requests.lock().unwrap().iter().filter(|heard| heard.path.starts_with(path)).cloned().collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *self.shared.is_ending.lock().unwrap() = true;
        TcpStream::connect(self.socket).ok();
        if let Some(listening) = self.listening.take() {
            listening.join().ok();
        }
    }
}

fn serve_one(shared: &Shared, stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut fields) = (String::new(), Vec::new());
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => fields.push(format!("{}:{value}", name.to_lowercase())),
            None => break,
        }
    }
    let length = fields.iter().find_map(|field| field.strip_prefix("content-length:")).map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let (path, query) = target.split_once('?').map_or((target.as_str(), None), |(path, query)| (path, Some(query)));
    shared.requests.lock().unwrap().push(Heard { method: method.clone(), path: path.to_owned(), fields });
    let fault = {
        let mut faults = shared.faults.lock().unwrap();
        if path.starts_with(&faults.0) { faults.1.pop_front() } else { None }
    };
    let request = serve::Request { method: &method, path, query, body: &body };
    let carry_out = || serve::answer(&shared.registry, &request);
    match fault {
        None => send(&stream, &carry_out()),
        Some(Fault::Answer(status, body)) => send(&stream, &Answer { status, body: body.as_bytes().to_vec() }),
        Some(Fault::HangUp) => {
            carry_out();
            Ok(())
        }
        Some(Fault::Silence) => until_it_goes_away(&stream),
        Some(Fault::Half) => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"schema\":";
            (&stream).write_all(head.as_bytes())?;
            until_it_goes_away(&stream)
        }
    }
}

fn send(mut stream: &TcpStream, answer: &Answer) -> std::io::Result<()> {
    let (status, length) = (answer.status, answer.body.len());
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: {}\r\ncontent-length: {length}\r\nconnection: close\r\nlocation: /elsewhere\r\n\r\n",
        serve::CONTENT_TYPE
    );
    stream.write_all(&[head.as_bytes(), &answer.body].concat())
}

fn until_it_goes_away(mut stream: &TcpStream) -> std::io::Result<()> {
    stream.read_to_end(&mut Vec::new()).map(drop)
}
