//! `playhead dev` as a test sees it: a child process on a port of its own, spoken to over HTTP.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Folder;

/// By then whatever is waited for has come, also on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that is ended with the test.
pub(crate) struct Dev {
    child: Child,
    pub(crate) address: SocketAddr,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Dev {
    pub(crate) fn start(folder: &Folder) -> Self {
        Self::of(&mut folder.command(&["dev", "--listen", "127.0.0.1:0", "--json"]))
    }

    /// Waits until it says where it listens.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            panic!("it does not start: {:?}", ended(child));
        }
        let said: Value = serde_json::from_str(&line).unwrap();
        let address = said["url"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        Self { child, address }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Sends bytes as they are, and reads to the end of the connection.
    pub(crate) fn raw(&self, request: &[u8]) -> Response {
        self.try_raw(request).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn try_raw(&self, request: &[u8]) -> std::io::Result<Response> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let text = String::from_utf8(answer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Response { status, head: head.to_lowercase(), body: body.to_owned() })
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.raw(format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).as_bytes())
    }

    pub(crate) fn try_post_text(&self, path: &str, body: &str) -> std::io::Result<Response> {
        let length = body.len();
        self.try_raw(
            format!(
                "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}",
                self.address
            )
            .as_bytes(),
        )
    }

    pub(crate) fn post_text(&self, body: &str) -> Response {
        self.try_post_text("/v1/playback-events", body).unwrap()
    }

    /// Posts events as a client whose clock is right.
    pub(crate) fn post(&self, events: &[Value]) -> Response {
        self.post_text(&json!({"sent_at": now(0), "events": events}).to_string())
    }

    /// Posts events that must be accepted.
    pub(crate) fn accepted(&self, events: &[Value]) {
        let response = self.post(events);
        assert_eq!((response.status, response.json()), (200, json!({"accepted": events.len(), "results": []})));
    }

    /// Asks until the answer is as it must become.
    pub(crate) fn until(&self, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        until(|| self.get(path).json(), is_there)
    }

    /// Sends a signal, and waits for the end: exit code and what was said on standard error beside what goes well.
    pub(crate) fn end_by(mut self, signal: &str) -> (Option<i32>, String, Duration) {
        let asked = Instant::now();
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
        let (code, said) = wait(&mut self.child);
        (code, said, asked.elapsed())
    }

    /// Waits for it to end by itself.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        wait(&mut self.child)
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        // Ended already, or ended now.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn ended(mut child: Child) -> (Option<i32>, String) {
    wait(&mut child)
}

fn wait(child: &mut Child) -> (Option<i32>, String) {
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    // What goes well is in the log too.
    let is_news = |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|line| line["level"] == "info");
    let said = said.lines().filter(|line| !is_news(line)).map(|line| format!("{line}\n")).collect();
    (child.wait().unwrap().code(), said)
}

/// Asks until the answer is as it must become.
pub(crate) fn until<T: std::fmt::Debug>(ask: impl Fn() -> T, is_there: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = ask();
        if is_there(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "it stays at {answer:?}");
    }
}

/// So many seconds from now, as a client writes it.
pub(crate) fn now(seconds: i64) -> String {
    (chrono::Utc::now() + chrono::Duration::seconds(seconds)).to_rfc3339()
}

/// An event of a session that began `ago_s` seconds ago.
pub(crate) fn event(session_id: &str, kind: &str, ago_s: i64, more: &Value) -> Value {
    let mut event = json!({"session_id": session_id, "type": kind, "event_time": now(-ago_s), "title_id": "t1", "profile_id": "p1"});
    for (name, value) in more.as_object().into_iter().flatten() {
        event[name] = value.clone();
    }
    event
}

/// A session of ten minutes that has just ended at ten minutes.
pub(crate) fn session(session_id: &str) -> Vec<Value> {
    vec![
        event(session_id, "SESSION_START", 602, &json!({"device_type": "tv", "country": "BR"})),
        event(session_id, "STARTUP", 600, &json!({"position_ms": 0, "runtime_ms": 5_400_000})),
        event(session_id, "HEARTBEAT", 300, &json!({"position_ms": 300_000})),
        event(session_id, "END", 0, &json!({"position_ms": 600_000})),
    ]
}
