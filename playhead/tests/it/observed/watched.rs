//! A process whose log is read, and that is asked how it is.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use e2e::until;
use serde_json::Value;

/// Ended with the test.
pub(crate) struct Watched {
    child: Child,
    /// Every line that it has written to standard error.
    lines: Arc<Mutex<Vec<String>>>,
    reading: Option<JoinHandle<()>>,
    address: String,
}

impl Watched {
    /// Starts a command with metrics on a free port, and waits until the log says which.
    pub(crate) fn start(command: &mut Command) -> Self {
        command.env("PLAYHEAD_METRICS_LISTEN", "127.0.0.1:0");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let (stderr, heard) = (child.stderr.take().unwrap(), Arc::clone(&lines));
        let reading = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(line.unwrap());
            }
        });
        let mut watched = Self { child, lines, reading: Some(reading), address: String::new() };
        watched.address = until("the log says where the metrics are", || {
            let line = watched.messages().into_iter().find(|message| message.starts_with("metrics at "))?;
            Some(line.split("http://").nth(1)?.split('/').next()?.to_owned())
        });
        watched
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines of the log.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.lines().iter().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    fn messages(&self) -> Vec<String> {
        self.log().iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    /// Status and body of an answer.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        Metrics(text)
    }

    /// Asks until it is ready.
    pub(crate) fn until_ready(&self) {
        until("it is ready", || (self.get("/readyz").0 == 200).then_some(()));
    }

    /// What is missing, by name.
    pub(crate) fn missing(&self) -> Vec<String> {
        let (status, body) = self.get("/readyz");
        let json: Value = serde_json::from_str(&body).unwrap();
        let missing: Vec<String> =
            json["missing"].as_array().unwrap().iter().map(|problem| problem["what"].as_str().unwrap().to_owned()).collect();
        assert_eq!(status == 200, missing.is_empty(), "{body}");
        missing
    }

    /// Sends a signal and waits for the end: exit code, standard output, all lines of the log.
    pub(crate) fn end_by(mut self, signal: &str) -> (Option<i32>, String, Vec<String>) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let code = self.child.wait().unwrap().code();
        self.reading.take().unwrap().join().unwrap();
        (code, out, self.lines())
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Metrics as they are scraped.
#[derive(Debug)]
pub(crate) struct Metrics(pub(crate) String);

impl Metrics {
    /// The values of a metric in all its series that have these labels.
    pub(crate) fn values(&self, name: &str, labels: &[&str]) -> Vec<f64> {
        let of = |line: &str| {
            let rest = line.strip_prefix(name)?;
            let (series, value) = rest.rsplit_once(' ')?;
            let is_it = series.is_empty() || series.starts_with('{');
            (is_it && labels.iter().all(|label| series.contains(label))).then(|| value.parse().unwrap())
        };
        self.0.lines().filter_map(of).collect()
    }

    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        self.values(name, labels).iter().sum()
    }
}
