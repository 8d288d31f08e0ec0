//! A server with the real engine in a process of its own, and requests of it byte for byte.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// What is waited for at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server, ended with this.
pub(crate) struct TestServer {
    child: Child,
    pub(crate) address: String,
}

/// An answer, taken apart.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether it came to its end.
    pub(crate) is_whole: bool,
}

impl TestServer {
    /// Over a folder; port of the system's choice.
    pub(crate) fn start(data: &Path, users: Option<&Path>) -> Self {
        Self::try_start(data, users).expect("the server starts; is libchdb there? make setup brings it")
    }

    /// The error is what it says.
    pub(crate) fn try_start(data: &Path, users: Option<&Path>) -> Result<Self, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_playhead-clickhouse-server"));
        command.arg(data).arg("0").args(users).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            let output = child.wait_with_output().unwrap();
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(Self { child, address: line.trim_end().to_owned() })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// As kill -9 does it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    /// As [`TestServer::end`], where it may not take longer.
    pub(crate) fn end_within(mut self, limit: Duration) {
        drop(self.child.stdin.take());
        let until = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::yield_now();
        };
        assert!(status.success());
    }

    /// Sends bytes, and reads the answer.
    pub(crate) fn raw(&self, request: &[u8]) -> Reply {
        let mut stream = self.connect();
        stream.write_all(request).unwrap();
        read_reply(&mut stream)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// A request with a method, a path and a body.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Reply {
        self.raw(&request(method, path, headers, body))
    }

    /// A statement with a POST; the path's query comes with it.
    pub(crate) fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        self.ask("POST", path, &[], body.as_ref())
    }

    /// What a statement answers, as text. It must succeed.
    pub(crate) fn query(&self, statement: &str) -> String {
        let reply = self.post("/", statement);
        assert_eq!(reply.status, 200, "{statement}: {}", reply.text());
        reply.text()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        // Whether it has ended already or not.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    if method == "POST" || !body.is_empty() {
        request.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let mut request = format!("{request}\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

/// Percent-encodes.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Reads an answer to its end, by its length or its chunks.
pub(crate) fn read_reply(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A connection that is reset has said before what it had to say.
    stream.read_to_end(&mut bytes).ok();
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no head: {:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let rest = &bytes[end + 4..];
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let (body, is_whole) = if is_chunked { unchunked(rest) } else { (rest.to_vec(), true) };
    Reply { status, headers, body, is_whole }
}

fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return (body, true);
        }
        let available = (rest.len() - end - 2).min(length);
        body.extend_from_slice(&rest[end + 2..end + 2 + available]);
        if available < length {
            return (body, false);
        }
        rest = rest.get(end + 2 + length + 2..).unwrap_or_default();
    }
    (body, false)
}

/// A server that tests share which change nothing that others see: each makes a database of its own. It ends with its standard input, which the
/// system closes with this process.
static SHARED: LazyLock<TestServer> = LazyLock::new(|| {
    // What is static is not dropped, so a temporary folder would stay: this one goes with the next run.
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clickhouse-shared");
    if data.exists() {
        std::fs::remove_dir_all(&data).unwrap();
    }
    TestServer::start(&data, None)
});

/// The shared server, and a new database of this name in it.
pub(crate) fn shared(database: &str) -> &'static TestServer {
    let server = &*SHARED;
    server.query(&format!("CREATE DATABASE {database} ENGINE = Atomic"));
    server
}

/// How many, by an environment variable; `usual` where nobody says.
pub(crate) fn how_many(variable: &str, usual: usize) -> usize {
    std::env::var(variable).map_or(usual, |count| count.parse().expect("a number"))
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
