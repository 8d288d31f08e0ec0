//! Lanes that run beside the test: in threads, and in processes of their own.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use e2e::{RunArguments, Scene, Watch, Watched, lane_options, until};
use kafka::{Cluster, LaneOptions};
use pipeline::{LogError, Polled, Shutdown, Totals};

/// What a lane has been told, for the test to see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) assigned: Arc<AtomicU64>,
    pub(crate) revoked: Arc<AtomicU64>,
    pub(crate) commits: Arc<AtomicU64>,
    /// Times that it has started over, or tried to.
    pub(crate) recoveries: Arc<AtomicU64>,
}

impl Seen {
    pub(crate) fn count(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

impl Watch for Seen {
    fn polled(&mut self, polled: &Polled<'_>) {
        match polled {
            Polled::Assigned(sources) => _ = self.assigned.fetch_add(sources.len() as u64, Ordering::Relaxed),
            Polled::Revoked { sources, .. } => _ = self.revoked.fetch_add(sources.len() as u64, Ordering::Relaxed),
            Polled::Batch(_) | Polled::Idle { .. } => {}
        }
    }

    fn committed(&mut self, _: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    fn recovers(&mut self) {
        self.recoveries.fetch_add(1, Ordering::Relaxed);
    }
}

/// The scene's stage on a thread.
pub(crate) struct Running {
    thread: JoinHandle<Result<Totals, LogError>>,
    shutdown: Shutdown,
    pub(crate) seen: Seen,
}

impl Running {
    /// Until it is stopped.
    pub(crate) fn start(scene: &Scene, options: LaneOptions, commit_records: u64) -> Self {
        let arguments = RunArguments { commit_records, stop_when_caught_up: false, ..RunArguments::default() };
        let (shutdown, seen, mut stage) = (Shutdown::default(), Seen::default(), scene.stage());
        let (stop, watch) = (shutdown.clone(), seen.clone());
        let thread = thread::spawn(move || {
            let mut log = Watched { log: stage.lane(options).map_err(LogError::from)?, watch };
            stage.run(&mut log, &arguments, &stop)
        });
        Self { thread, shutdown, seen }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until it has committed so often.
    pub(crate) fn wait_for_commits(&self, commits: u64) {
        until("commits", || (Seen::count(&self.seen.commits) >= commits || self.has_ended()).then_some(()));
    }

    pub(crate) fn stop(self) -> Result<Totals, LogError> {
        self.shutdown.request();
        self.thread.join().unwrap()
    }

    /// Waits until it ends by itself.
    pub(crate) fn end(self) -> Result<Totals, LogError> {
        until("the end of the run", || self.has_ended().then_some(()));
        self.thread.join().unwrap()
    }
}

/// The scene's stage in a process.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// To the end of the input, or with `waits` for as long as it is let.
    pub(crate) fn start(scene: &Scene, instance: &str, commit_records: u64, waits: bool) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_playhead-e2e-lane"));
        command.args([&scene.cluster.brokers, &scene.cluster.prefix, instance, &commit_records.to_string()]).args(waits.then_some("wait"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, mut stderr) = (Arc::new(Mutex::new(String::new())), child.stderr.take().unwrap());
        let heard = Arc::clone(&said);
        thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            *heard.lock().unwrap() = text;
        });
        Self { child, said }
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Lets a process that waits end.
    pub(crate) fn let_end(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end: whether all went well, and what it said.
    pub(crate) fn end(mut self) -> (bool, String) {
        let status = until("the end of the process", || self.child.try_wait().unwrap());
        let said = until("its last words", || Some(self.said.lock().unwrap().clone()).filter(|said| !said.is_empty()));
        (status.success(), said)
    }
}

impl Drop for Process {
    /// A test that fails leaves no process behind, be it stopped.
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// A lane of the scene that another may replace at once.
pub(crate) fn dynamic(scene: &Scene, instance: &str) -> LaneOptions {
    lane_options(scene.cluster.clone(), instance, false)
}

/// A lane of the scene whose place is kept, by any way to its cluster.
pub(crate) fn fixed(scene: &Scene, cluster: &Cluster, instance: &str) -> LaneOptions {
    lane_options(Cluster { prefix: scene.cluster.prefix.clone(), ..cluster.clone() }, instance, true)
}

/// Waits until the stage has committed all of its input.
pub(crate) fn wait_until_done(scene: &Scene) {
    let mut last = (-1, 0);
    until("the end of the input", || {
        let end = scene.outputs_end();
        last = if end == last.0 { (end, last.1 + 1) } else { (end, 0) };
        // Outputs have stood still for a second: nothing but the comparison decides whether they are complete.
        (last.1 >= 50 && end > 0).then_some(())
    });
}
