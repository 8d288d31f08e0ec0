//! Against a server whose clock is the test's.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Lease, clear, holder, put_aside, take};
use crate::{Client, ClientSettings};

/// What a server knows of tables: by name, identity and comment.
#[derive(Debug, Default)]
struct Tables {
    now_s: i64,
    tables: BTreeMap<String, (String, String)>,
}

impl Tables {
    /// An answer, or ClickHouse's code of a refusal.
    fn answer(&mut self, statement: &str) -> Result<String, u32> {
        let words: Vec<&str> = statement.split(' ').collect();
        let quoted = |at: usize| statement.split('\'').nth(at).unwrap_or_default().to_owned();
        match words.as_slice() {
            ["SELECT", "toUnixTimestamp(now())", "+", time_s, ..] => Ok((self.now_s + time_s.parse::<i64>().unwrap()).to_string()),
            ["SELECT", "toString(uuid),", ..] => {
                let row = |(id, comment): &(String, String)| format!("{id}\t{}\t{comment}\n", self.now_s);
                Ok(self.tables.get(&quoted(1)).map_or_else(String::new, row))
            }
            ["CREATE", "TABLE", name, ..] if self.tables.contains_key(*name) => Err(super::EXISTS),
            ["CREATE", "TABLE", name, ..] => {
                self.tables.insert((*name).to_owned(), (quoted(1), quoted(3)));
                Ok(String::new())
            }
            ["RENAME", "TABLE", _, "TO", to] if self.tables.contains_key(*to) => Err(super::EXISTS),
            ["RENAME", "TABLE", from, "TO", to] => {
                let table = self.tables.remove(*from).ok_or(super::UNKNOWN)?;
                self.tables.insert((*to).to_owned(), table);
                Ok(String::new())
            }
            ["ALTER", "TABLE", name, "MODIFY", "COMMENT", ..] => {
                self.tables.get_mut(*name).ok_or(super::UNKNOWN)?.1 = quoted(1);
                Ok(String::new())
            }
            ["DROP", "TABLE", "IF", "EXISTS", name, "SYNC"] => {
                self.tables.remove(*name);
                Ok(String::new())
            }
            _ => panic!("{statement}"),
        }
    }
}

struct Server {
    tables: Arc<Mutex<Tables>>,
    client: Client,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let tables = Arc::new(Mutex::new(Tables { now_s: 1_000, ..Tables::default() }));
        let served = Arc::clone(&tables);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let served = Arc::clone(&served);
                std::thread::spawn(move || serve(&stream.unwrap(), &served));
            }
        });
        let (user, password, database) = (String::new(), String::new(), "playhead".to_owned());
        let client = Client::new(&ClientSettings { url, user, password, database, timeout: Duration::from_mins(1) }).unwrap();
        Self { tables, client }
    }

    fn at(&self, now_s: i64) {
        self.tables.lock().unwrap().now_s = now_s;
    }

    fn comment(&self) -> Option<String> {
        self.tables.lock().unwrap().tables.get("lease").map(|(_, comment)| comment.clone())
    }

    fn take(&self, owner: &str) -> Option<Lease<'_>> {
        take(&self.client, "lease", owner, Duration::from_secs(300)).unwrap()
    }
}

/// Answers one statement after the other.
fn serve(stream: &TcpStream, tables: &Mutex<Tables>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = given.trim().parse().unwrap();
            }
        }
        let mut statement = vec![0; length];
        reader.read_exact(&mut statement).unwrap();
        let statement = String::from_utf8(statement).unwrap();
        let answer = tables.lock().unwrap_or_else(PoisonError::into_inner).answer(statement.trim_end_matches(" FORMAT TSVRaw"));
        let head = match &answer {
            Ok(_) => "200 OK".to_owned(),
            Err(code) => format!("500 No\r\nX-ClickHouse-Exception-Code: {code}"),
        };
        let body = answer.unwrap_or_default();
        let mut stream = stream;
        write!(stream, "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    }
}

#[test]
fn the_servers_clock_judges() {
    let server = Server::start();
    let lease = server.take("one").unwrap();
    assert_eq!(server.comment().unwrap(), "1300 one", "whatever our clock says");
    server.at(1_299);
    assert!(server.take("two").is_none());
    assert_eq!(holder(&server.client, "lease").unwrap().unwrap(), "one");
    server.at(1_300);
    assert_eq!(holder(&server.client, "lease").unwrap(), None);
    assert!(lease.keep().is_err(), "it has run out, though nobody else has it");
    let second = server.take("two").unwrap();
    assert!(lease.keep().is_err());
    lease.give_back().unwrap();
    assert_eq!(server.comment().unwrap(), "1600 two", "what is another's is not given back");
    second.give_back().unwrap();
    assert_eq!(server.comment(), None);
}

#[test]
fn it_is_renewed_once_half_of_it_is_over() {
    let server = Server::start();
    let lease = server.take("one").unwrap();
    server.at(1_150);
    lease.keep().unwrap();
    assert_eq!(server.comment().unwrap(), "1300 one");
    server.at(1_151);
    lease.keep().unwrap();
    assert_eq!(server.comment().unwrap(), "1451 one");
    server.at(1_447);
    assert!(lease.keep().is_err(), "too little is left to do anything in");
}

#[test]
fn only_the_one_that_was_seen_is_put_aside() {
    let server = Server::start();
    let lease = server.take("one").unwrap();
    put_aside(&server.client, "lease", "of-one-that-is-gone").unwrap();
    lease.keep().unwrap();
    clear(&server.client, "lease", "two").unwrap();
    lease.keep().unwrap();
    clear(&server.client, "lease", "one").unwrap();
    assert!(lease.keep().is_err() && server.tables.lock().unwrap().tables.is_empty());
}
