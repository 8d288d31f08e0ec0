//! The processes of the campaign: started, killed, stopped, and started again when they end.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a process may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(10);

/// One process, which is meant to run all the time.
pub(super) struct Process {
    command: Box<dyn Fn() -> Command + Send>,
    log: PathBuf,
    child: Option<Child>,
    is_stopped: bool,
    /// The most that was resident, bytes.
    pub(super) peak_bytes: u64,
    pub(super) starts: usize,
    /// Ends that nobody asked for.
    pub(super) surprises: Vec<String>,
    /// Slowest end that was asked for.
    pub(super) slowest_end: Duration,
}

impl Process {
    /// What it says goes to `log`. It is not started yet.
    pub(super) fn new(log: &Path, command: impl Fn() -> Command + Send + 'static) -> Self {
        Self {
            command: Box::new(command),
            log: log.to_owned(),
            child: None,
            is_stopped: false,
            peak_bytes: 0,
            starts: 0,
            surprises: Vec::new(),
            slowest_end: Duration::ZERO,
        }
    }

    pub(super) fn start(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = OpenOptions::new().create(true).append(true).open(&self.log).expect("a log can be written");
        let copy = log.try_clone().expect("a handle can be copied");
        let child = (self.command)().stdin(Stdio::null()).stdout(log).stderr(copy).spawn().expect("the program can be started");
        self.child = Some(child);
        self.starts += 1;
    }

    pub(super) const fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Ends it at once, wherever it is.
    pub(super) fn kill(&mut self) {
        self.measure();
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
        }
        self.is_stopped = false;
    }

    /// Asks it to end, and waits.
    pub(super) fn end(&mut self) {
        self.measure();
        let Some(mut child) = self.child.take() else { return };
        let began = Instant::now();
        signal(child.id(), libc::SIGTERM);
        while child.try_wait().expect("a child can be waited for").is_none() {
            if began.elapsed() > GRACE {
                self.surprises.push(format!("did not end within {} s of being asked to", GRACE.as_secs()));
                child.kill().expect("a child can be killed");
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.slowest_end = self.slowest_end.max(began.elapsed());
    }

    pub(super) fn stop(&mut self) {
        if let Some(child) = &self.child {
            signal(child.id(), libc::SIGSTOP);
            self.is_stopped = true;
        }
    }

    pub(super) fn go_on(&mut self) {
        if let Some(child) = &self.child {
            signal(child.id(), libc::SIGCONT);
        }
        self.is_stopped = false;
    }

    /// Starts it again where it has ended by itself, and notes why.
    pub(super) fn look_after(&mut self) {
        self.measure();
        let Some(child) = &mut self.child else { return };
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            self.child = None;
            self.surprises.push(format!("{}: {}", shown(status), last_line(&self.log)));
            self.start();
        }
    }

    fn measure(&mut self) {
        let Some(child) = &self.child else { return };
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", child.id())).unwrap_or_default();
        let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or_default();
        self.peak_bytes = self.peak_bytes.max(pages * 4096);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            _ = child.kill();
            _ = child.wait();
        }
    }
}

/// Sends a signal to a process.
#[expect(unsafe_code, reason = "kill has no safe wrapper in the standard library")]
pub(super) fn signal(pid: u32, signal: i32) {
    // SAFETY: kill takes any numbers.
    let sent = unsafe { libc::kill(i32::try_from(pid).expect("a process id"), signal) };
    assert_eq!(sent, 0, "process {pid} is there");
}

fn shown(status: ExitStatus) -> String {
    status.code().map_or_else(|| status.to_string(), |code| format!("exit status {code}"))
}

fn last_line(log: &Path) -> String {
    let mut text = String::new();
    File::open(log).and_then(|mut file| file.read_to_string(&mut text)).expect("the log can be read");
    text.lines().next_back().unwrap_or_default().to_owned()
}
