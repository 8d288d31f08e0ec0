//! Toxiproxy's ways to the servers: cut, slowed, reset, healed.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;

use crate::Stack;

/// The way to one server. It is healed when this is dropped.
pub struct Proxy {
    api: String,
    name: &'static str,
}

impl Proxy {
    /// The way to `name`, a part of the stack.
    ///
    /// # Panics
    /// Where Toxiproxy is not up.
    #[must_use]
    pub fn to(stack: &Stack, name: &'static str) -> Self {
        let api = stack.variable("PLAYHEAD_TEST_TOXIPROXY").trim_start_matches("http://").to_owned();
        Self { api, name }
    }

    /// Cuts every connection and lets no new ones in.
    ///
    /// # Panics
    /// Where Toxiproxy refuses.
    pub fn cut(&self) {
        self.must("POST", "", r#"{"enabled": false}"#);
    }

    /// Adds a toxic by its type and attributes, JSON.
    ///
    /// # Panics
    /// Where Toxiproxy refuses.
    pub fn add(&self, kind: &str, stream: &str, attributes: &str) {
        let body = format!(r#"{{"name": "{kind}-{stream}", "type": "{kind}", "stream": "{stream}", "attributes": {attributes}}}"#);
        self.must("POST", "/toxics", &body);
    }

    /// Lets everything through again, unharmed.
    ///
    /// # Panics
    /// Where Toxiproxy refuses.
    pub fn heal(&self) {
        self.try_to_heal().expect("Toxiproxy answers");
    }

    fn try_to_heal(&self) -> io::Result<()> {
        self.ask("POST", "", r#"{"enabled": true}"#)?;
        let toxics = self.ask("GET", "/toxics", "")?;
        let body = toxics.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let toxics: serde_json::Value = serde_json::from_str(body)?;
        for toxic in toxics.as_array().into_iter().flatten().filter_map(|toxic| toxic["name"].as_str()) {
            self.ask("DELETE", &format!("/toxics/{toxic}"), "")?;
        }
        Ok(())
    }

    fn must(&self, method: &str, path: &str, body: &str) {
        let answer = self.ask(method, path, body).expect("Toxiproxy answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// The whole answer. On a busy machine Toxiproxy gives up on itself, and has to be asked again.
    fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
        for _ in 0..5 {
            let answer = self.ask_once(method, path, body)?;
            if !answer.starts_with("HTTP/1.1 503") {
                return Ok(answer);
            }
        }
        Err(io::Error::other("Toxiproxy is too busy"))
    }

    fn ask_once(&self, method: &str, path: &str, body: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(&self.api)?;
        let (host, name, length) = (&self.api, self.name, body.len());
        write!(
            stream,
            "{method} /proxies/{name}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Proxy {
    /// Whatever fails leaves the way open.
    fn drop(&mut self) {
        _ = self.try_to_heal();
    }
}
