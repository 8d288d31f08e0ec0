//! What each fault does.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::plan::Fault;
use super::processes::{Process, signal};
use super::{Campaign, WORKERS};
use crate::until;

impl Campaign {
    /// Makes it happen, and ends it, except that what it leads to may take longer.
    pub(super) fn inject(&mut self, fault: Fault) {
        let which = self.random.below(WORKERS);
        let between = |campaign: &mut Self, from, to| {
            let time = campaign.random.between(from, to);
            campaign.live_for(time);
        };
        match fault {
            Fault::Kill => self.kill(which, 0..500),
            Fault::KillTwice => {
                self.kill(which, 0..200);
                between(self, 50, 1_500);
                self.kill(which, 0..200);
            }
            Fault::KillAll => {
                (0..WORKERS).for_each(|worker| self.workers[worker].kill());
                between(self, 0, 500);
                (0..WORKERS).for_each(|worker| self.workers[worker].start());
            }
            Fault::KillProfile => {
                self.profile.kill();
                between(self, 0, 500);
                self.profile.start();
            }
            Fault::Pause => self.stop_for(which, 200..4_000),
            Fault::Zombie => self.stop_for(which, 11_500..14_000),
            Fault::Restart => {
                self.workers[which].end();
                between(self, 0, 500);
                self.workers[which].start();
            }
            Fault::Join => {
                self.guest.start();
                between(self, 3_000, 9_000);
                // It goes politely, or at once.
                if self.random.below(2) == 0 { self.guest.end() } else { self.guest.kill() }
            }
            Fault::BrokerKill => self.kill_broker(which),
            Fault::BrokerPause => self.stop_broker_for(500..6_000),
            Fault::BrokerPauseLong => self.stop_broker_for(12_000..15_000),
            Fault::Latency => {
                self.to_kafka.add("latency", "downstream", r#"{"latency": 150, "jitter": 120}"#);
                between(self, 1_000, 5_000);
                self.to_kafka.heal();
            }
            Fault::Reset => {
                let stream = ["upstream", "downstream"][self.random.below(2)];
                self.to_kafka.add("reset_peer", stream, r#"{"timeout": 300}"#);
                between(self, 500, 3_000);
                self.to_kafka.heal();
            }
            Fault::Partition => self.cut_for(200..4_000),
            Fault::PartitionLong => self.cut_for(11_500..15_000),
            Fault::RegistryDown => {
                self.to_registry.cut();
                // The even ones speak to it through the proxy.
                self.kill(0, 0..200);
                between(self, 1_000, 6_000);
                self.to_registry.heal();
            }
            Fault::DamageStates => {
                self.workers[which].kill();
                self.damage_states();
                self.workers[which].start();
            }
        }
    }

    /// Ends whatever fault is still on.
    pub(super) fn heal(&mut self) {
        self.to_kafka.heal();
        self.to_registry.heal();
        self.processes().filter(|process| process.is_running()).for_each(Process::go_on);
    }

    fn kill(&mut self, which: usize, pause_ms: std::ops::Range<usize>) {
        self.workers[which].kill();
        let pause = self.random.between(pause_ms.start, pause_ms.end);
        self.live_for(pause);
        self.workers[which].start();
    }

    fn stop_for(&mut self, which: usize, time_ms: std::ops::Range<usize>) {
        self.workers[which].stop();
        let time = self.random.between(time_ms.start, time_ms.end);
        self.live_for(time);
        self.workers[which].go_on();
    }

    fn cut_for(&mut self, time_ms: std::ops::Range<usize>) {
        self.to_kafka.cut();
        let time = self.random.between(time_ms.start, time_ms.end);
        self.live_for(time);
        self.to_kafka.heal();
    }

    fn stop_broker_for(&mut self, time_ms: std::ops::Range<usize>) {
        let broker = self.stack.pid("kafka");
        signal(broker, libc::SIGSTOP);
        let time = self.random.between(time_ms.start, time_ms.end);
        self.live_for(time);
        signal(broker, libc::SIGCONT);
    }

    fn kill_broker(&mut self, which: usize) {
        let broker = self.stack.pid("kafka");
        signal(broker, libc::SIGKILL);
        self.workers[which].kill();
        // It keeps its ports until it is gone altogether.
        until("the end of the broker", || (!is_alive(broker)).then_some(()));
        let pause = self.random.between(0, 2_000);
        self.live_for(pause);
        self.workers[which].start();
        // As the one who looks after it would; the processes are looked after meanwhile.
        let mut up = Command::new(crate::stack::script());
        let mut up = up.args(["up", "kafka"]).stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("scripts/stack can be run");
        while up.try_wait().expect("a child can be waited for").is_none() {
            self.live_for(100);
        }
        assert!(up.wait().expect("a child can be waited for").success(), "scripts/stack up kafka failed: what it said is above");
    }

    /// Deletes some of the saved states and damages others.
    fn damage_states(&mut self) {
        let mut files = Vec::new();
        collect_files(self.settings.folder.join("states"), &mut files);
        for file in files {
            match self.random.below(6) {
                // Another process may have deleted it meanwhile: then it is gone as meant.
                0 => _ = fs::remove_file(&file),
                1 => {
                    let Ok(mut bytes) = fs::read(&file) else { continue };
                    if bytes.is_empty() {
                        continue;
                    }
                    let at = self.random.below(bytes.len());
                    bytes[at] ^= 0x55;
                    _ = fs::write(&file, bytes);
                }
                _ => {}
            }
        }
    }
}

/// Whether any thread of a process is still there: the first one may be gone before those that keep the ports open.
fn is_alive(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().any(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    })
}

fn collect_files(folder: PathBuf, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() { collect_files(path, files) } else { files.push(path) }
    }
}
