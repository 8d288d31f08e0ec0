//! Saved states on a server of S3, which `make test-s3` starts and names. Between it and the program stands a proxy that notes what is asked
//! for, and that can be shut.

mod proxy;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Folder, Said, said, testdata};
use proxy::Proxy;

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} must be set: make test-s3"))
}

/// A folder whose states go to a prefix of its own.
struct Host {
    folder: Folder,
    proxy: Proxy,
    place: String,
}

impl Host {
    fn new(prefix: &str) -> Self {
        let server = variable("PLAYHEAD_TEST_S3");
        let proxy = Proxy::to(server.strip_prefix("http://").expect("the server is spoken to without TLS"));
        let place = format!("s3://{}/{prefix}-{}", variable("PLAYHEAD_TEST_S3_BUCKET"), std::process::id());
        Self { folder: Folder::new(), proxy, place }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.folder.command(args);
        command.env("PLAYHEAD_STATE_SNAPSHOTS", &self.place);
        command.env("PLAYHEAD_STATE_S3_ENDPOINT", format!("http://{}", self.proxy.address));
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        let said = said(&mut self.command(args));
        assert_eq!(said.code, 0, "{args:?}: {said:?}");
        said
    }

    fn well(&self, args: &[&str]) -> String {
        let said = self.run(args);
        assert_eq!(said.err, "", "{args:?}");
        said.out
    }

    /// Kills the simulation as soon as all its events lie in the log: the stages have just begun with them.
    fn kill_when_written(&self, args: &[&str], totals: &Path) {
        let mut child = self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while !totals.exists() {
            assert_eq!(child.try_wait().unwrap(), None, "it ended before its truth was written");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "it was done before it was killed");
    }

    fn audit(&self) -> Value {
        let report: Value = serde_json::from_str(&self.well(&["audit", "--truth", "--json"])).unwrap();
        assert_eq!((&report["agrees"], &report["pending"]), (&json!(true), &json!(0)), "{report}");
        report
    }

    /// Paths that end so, of requests of this method.
    fn asked(&self, method: &str, end: &str) -> Vec<String> {
        let paths = self.proxy.requests().into_iter().filter(|(by, path)| by == method && path.ends_with(end));
        paths.map(|(_, path)| path).collect()
    }
}

/// Runs a month apart do not touch each other.
fn simulate(seed: &'static str, sessions: &'static str, start: &'static str) -> [&'static str; 11] {
    ["simulate", "--seed", seed, "--sessions", sessions, "--start", start, "--late", "5%", "--duplicates", "5%"]
}

#[test]
fn a_process_that_is_killed_restores_from_s3_on_a_host_that_has_no_copies() {
    let host = Host::new("killed");
    host.well(&simulate("1", "300", "2026-01-05T00:00:00Z"));
    let data = host.folder.data();
    assert!(!data.join("snapshots").exists());
    assert_ne!((host.asked("PUT", ".snapshot").len(), host.asked("PUT", ".segment").len()), (0, 0));

    host.kill_when_written(
        &simulate("2", "3000", "2026-02-05T00:00:00Z"),
        &data.join("truth/seed-2-start-20260205T000000.000Z.totals.ndjson"),
    );
    host.proxy.forget();
    fs::remove_dir_all(data.join("snapshots-cache")).unwrap();
    // A question makes up for what was not done. It says nothing, so each snapshot that it found was of use.
    host.well(&["qos"]);
    let restored = host.asked("GET", ".snapshot");
    for partition in 0..4 {
        let is_of = |path: &String| path.contains("/playback/") && path.contains(&format!("-{partition}/"));
        assert!(restored.iter().any(is_of), "partition {partition}: {restored:?}");
    }
    host.audit();
}

#[test]
fn while_s3_is_away_processing_goes_on() {
    let host = Host::new("away");
    host.well(&simulate("1", "300", "2026-01-05T00:00:00Z"));
    host.proxy.shut();
    let said = host.run(&simulate("2", "100", "2026-02-05T00:00:00Z"));
    assert!(said.err.contains(" was not written: s3://"), "{said:?}");
    host.audit();
    host.proxy.open();
    host.well(&simulate("3", "100", "2026-03-05T00:00:00Z"));
    host.audit();
    assert_ne!(host.asked("PUT", ".snapshot"), Vec::<String>::new());
}

#[test]
fn an_event_of_a_closed_session_finds_it_on_a_host_that_has_no_copies() {
    let host = Host::new("closed");
    let sample = testdata("sample-session.ndjson");
    let ingest = ["ingest", &sample, "--received-time", "2024-05-04T20:04:00Z", "--json"];
    let last = |out: &str| -> Value { serde_json::from_str(out.lines().last().unwrap()).unwrap() };
    let first = last(&host.well(&ingest));
    fs::remove_dir_all(host.folder.data().join("snapshots-cache")).unwrap();
    host.proxy.forget();
    let again = last(&host.well(&ingest));
    assert_eq!(host.asked("GET", ".segment").len(), 1, "{again}");
    assert_eq!(again["duplicates"], first["accepted"], "{again}");
    host.proxy.forget();
    // From then on it is here.
    host.well(&ingest);
    assert_eq!(host.asked("GET", ".segment"), Vec::<String>::new());
}
