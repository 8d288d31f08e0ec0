//! A ClickHouse server of a test's own, which can be killed and started again where it was.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use sink_clickhouse::{Client, ClientSettings};

use crate::support::{Folder, Said, said};

pub(super) const DATABASE: &str = "playhead";

/// Killed with the test.
pub(super) struct Engine {
    folder: Folder,
    child: Child,
    url: String,
    /// Name and password of whoever asks; none where everybody may.
    user: Option<[&'static str; 2]>,
}

impl Engine {
    pub(super) fn start() -> Self {
        let folder = Folder::new();
        let (child, url) = run(&folder, "0", None);
        Self { folder, child, url, user: None }
    }

    /// One that knows a user who may write, and nobody else.
    pub(super) fn start_with_user(user: [&'static str; 2]) -> Self {
        let folder = Folder::new();
        let (child, url) = run(&folder, "0", Some(user));
        Self { folder, child, url, user: Some(user) }
    }

    /// As it is when its machine loses power, but for what the system has not written yet.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Where it was, with what is there.
    pub(super) fn restart(&mut self) {
        let port = self.url.rsplit_once(':').unwrap().1.to_owned();
        let (child, url) = run(&self.folder, &port, self.user);
        assert_eq!(url, self.url);
        self.child = child;
    }

    pub(super) fn settings(&self) -> ClientSettings {
        ClientSettings {
            url: self.url.clone(),
            user: self.user.map_or_else(String::new, |[name, _]| name.to_owned()),
            password: self.user.map_or_else(String::new, |[_, password]| password.to_owned()),
            database: DATABASE.to_owned(),
            timeout: Duration::from_mins(1),
        }
    }

    pub(super) fn client(&self) -> Client {
        Client::new(&self.settings()).unwrap()
    }

    /// A command on a data folder, with this server beside it. Everything that is ready is written at once, in small blocks.
    pub(super) fn command(&self, folder: &Folder, args: &[&str]) -> Command {
        let mut command = folder.command(args);
        command.env("PLAYHEAD_CLICKHOUSE_URL", &self.url).env("PLAYHEAD_CLICKHOUSE_FLUSH_INTERVAL", "10ms");
        if let Some([name, password]) = self.user {
            command.env("PLAYHEAD_CLICKHOUSE_USER", name).env("PLAYHEAD_CLICKHOUSE_PASSWORD", password);
        }
        command
    }

    pub(super) fn run(&self, folder: &Folder, args: &[&str]) -> Said {
        said(&mut self.command(folder, args))
    }

    pub(super) fn well(&self, folder: &Folder, args: &[&str]) -> String {
        let said = self.run(folder, args);
        assert_eq!(said.code, 0, "{args:?}: {said:?}");
        said.out
    }

    pub(super) fn rows(&self, statement: &str) -> Vec<Vec<String>> {
        self.client().rows(statement).unwrap_or_else(|error| panic!("{statement}: {error}"))
    }

    /// Two statements that must answer the same, and something.
    pub(super) fn assert_same(&self, left: &str, right: &str, context: &str) {
        let (left_rows, right_rows) = (self.rows(left), self.rows(right));
        assert!(!left_rows.is_empty(), "{context}: {left}");
        let unlike: Vec<_> = left_rows.iter().zip(&right_rows).filter(|(left, right)| left != right).take(3).collect();
        assert!(left_rows == right_rows, "{context}: {} and {} rows, {unlike:?}\n{left}\n{right}", left_rows.len(), right_rows.len());
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn run(folder: &Folder, port: &str, user: Option<[&str; 2]>) -> (Child, String) {
    let mut command = folder.command(&["clickhouse", "server", "--port", port, "--json"]);
    if let Some([name, password]) = user {
        let users = folder.data().join("users.toml");
        std::fs::create_dir_all(folder.data()).unwrap();
        std::fs::write(&users, format!("[users.{name}]\nrights = \"write\"\npassword = \"{password}\"\n")).unwrap();
        command.arg("--users").arg(users);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let Ok(said) = serde_json::from_str::<Value>(&line) else {
        child.kill().ok();
        panic!("the engine does not start: {:?}", child.wait_with_output());
    };
    (child, said["url"].as_str().unwrap().to_owned())
}
