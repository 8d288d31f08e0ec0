//! The campaign: several processes of the real program on a real broker and registry, with viewers' events coming in, and one fault after
//! another. At the end every output topic must hold exactly what a run without faults makes of the same input, in the same order.
//!
//! The processes share the cluster, the registry and the folder of saved states, and nothing else. Some speak to the broker through
//! Toxiproxy, some directly, so that a cut parts them from the others.

mod faults;
mod input;
mod plan;
mod processes;
mod verdict;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kafka::{Admin, Cluster};
use registry::{Address, ClientSettings, RegistryClient};
use schemas::registry::value_subject;
use schemas::{PlaybackEvent, Record as _, SchemaSource as _};

use crate::{INPUT, Proxy, Stack};
use input::{Load, Writer};
use plan::Random;
use processes::Process;
pub use verdict::Verdict;

/// Processes of the first stage.
const WORKERS: usize = 3;
/// No process may ever have more resident, bytes.
const MEMORY_BOUND: u64 = 400_000_000;
/// Outputs that stand still for this long are taken for all that will come; whether they are, the books tell.
const STILL: Duration = Duration::from_secs(20);

/// What is done to whom.
pub struct Settings {
    /// The program.
    pub program: PathBuf,
    /// What it writes, states and logs, goes here.
    pub folder: PathBuf,
    /// The order of the faults, and the viewers.
    pub seed: u64,
    /// Number of faults.
    pub faults: usize,
    /// Viewers' sessions.
    pub sessions: u32,
    /// Events a second while the faults last.
    pub records_a_second: u64,
}

/// A campaign under way.
pub struct Campaign {
    settings: Settings,
    stack: Stack,
    cluster: Cluster,
    admin: Admin,
    schemas: Arc<RegistryClient>,
    to_kafka: Proxy,
    to_registry: Proxy,
    random: Random,
    /// Of the first stage.
    workers: Vec<Process>,
    /// One that comes and goes.
    guest: Process,
    /// Of the second stage.
    profile: Process,
    began: Instant,
}

impl Campaign {
    /// Makes the topics and starts the processes.
    ///
    /// # Panics
    /// Where the servers can't be started or refuse something.
    #[must_use]
    pub fn prepare(settings: Settings) -> Self {
        let stack = Stack::with(&["kafka", "registry", "toxiproxy"]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is right").as_nanos();
        let cluster = Cluster { prefix: format!("chaos-{now:x}."), ..stack.kafka() };
        let address = Address::parse(stack.variable("PLAYHEAD_TEST_REGISTRY")).expect("the script prints addresses");
        let schemas = Arc::new(RegistryClient::new(&ClientSettings::at(address)).expect("the settings are right"));
        std::fs::create_dir_all(&settings.folder).expect("the folder can be made");
        let command = |instance: &str, proxied: bool| program(&settings, &stack, &cluster, instance, proxied);
        let worker = |number: usize| stage(&settings, "playback", number, command(&format!("worker-{number}"), number.is_multiple_of(2)));
        let campaign = Self {
            workers: (0..WORKERS).map(worker).collect(),
            guest: stage(&settings, "playback", WORKERS, command("guest", true)),
            profile: stage(&settings, "profile", 0, command("profile", true)),
            admin: Admin::new(&cluster, Duration::from_secs(60)).expect("the settings are right"),
            to_kafka: Proxy::to(&stack, "kafka"),
            to_registry: Proxy::to(&stack, "registry"),
            random: Random(settings.seed),
            began: Instant::now(),
            stack,
            cluster,
            schemas,
            settings,
        };
        campaign.make_topics();
        campaign
    }

    /// Runs it, from the first event to the verdict.
    ///
    /// # Panics
    /// Where the servers do not come back.
    pub fn run(mut self, say: &mut dyn FnMut(&str)) -> Verdict {
        let schema_id = self.schemas.register(&value_subject(INPUT), PlaybackEvent::SCHEMA).expect("the registry takes it");
        let partitions = self.admin.describe(INPUT).expect("the topics are there").partitions;
        let Settings { seed, sessions, records_a_second, .. } = self.settings;
        let writer = Writer::start(self.cluster.clone(), Load { seed, sessions, records_a_second, schema_id, partitions });
        self.workers.iter_mut().for_each(Process::start);
        self.profile.start();
        let planned = plan::plan(&mut self.random, self.settings.faults);
        let mut done = std::collections::BTreeMap::<plan::Fault, usize>::new();
        let count = planned.len();
        for (number, fault) in (1..).zip(planned) {
            let gap = self.random.between(100, 1_500);
            self.live_for(gap);
            assert!(!writer.has_broken_down(), "the input can't be written: why is said above");
            self.inject(fault);
            *done.entry(fault).or_default() += 1;
            let seconds = self.began.elapsed().as_secs();
            say(&format!("{number} of {count} faults, {seconds} s, {} events: {fault:?}", writer.written()));
        }
        say("no more faults");
        self.heal();
        writer.hurry();
        while !writer.is_over() {
            self.live_for(500);
        }
        let records = writer.join();
        say(&format!("{records} events are in; waiting for the stages"));
        self.wait_until_still();
        let starts = self.processes().map(|process| process.starts).sum();
        self.processes().for_each(Process::end);
        say("recomputing");
        self.verdict(done, records, starts)
    }

    /// Time in which processes that have ended are started again.
    fn live_for(&mut self, milliseconds: usize) {
        let until = Instant::now() + Duration::from_millis(milliseconds as u64);
        loop {
            self.processes().for_each(Process::look_after);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left.min(Duration::from_millis(100)));
        }
    }

    fn wait_until_still(&mut self) {
        let mut last = (0, Instant::now());
        while last.1.elapsed() < STILL {
            self.live_for(500);
            let end = self.ends();
            if end != last.0 {
                last = (end, Instant::now());
            }
        }
    }

    /// Offsets written in all topics.
    fn ends(&self) -> i64 {
        let end = |topic: &str, partition| self.admin.bounds(topic, partition).expect("the broker answers").1;
        let topics = verdict::topics();
        topics.iter().flat_map(|(topic, partitions)| (0..*partitions).map(move |partition| end(topic, partition))).sum()
    }

    fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        self.workers.iter_mut().chain([&mut self.guest, &mut self.profile])
    }

    fn make_topics(&self) {
        let run = |args: &[&str]| {
            let out = program(&self.settings, &self.stack, &self.cluster, "setup", false)()
                .args(args)
                .output()
                .expect("the program can be started");
            assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        };
        run(&["topics", "apply", "--dev"]);
        run(&["schemas", "register"]);
        // Nothing may go before it was compared.
        for topic in schemas::topics::builtin().iter() {
            self.admin.set(&topic.name, &[("cleanup.policy", "delete"), ("retention.ms", "-1")]).expect("the broker takes it");
        }
    }
}

/// How the program is called for one process.
fn program(settings: &Settings, stack: &Stack, cluster: &Cluster, instance: &str, proxied: bool) -> impl Fn() -> Command + Send + use<> {
    let variable = |plain: &str, proxied_name: &str| stack.variable(if proxied { proxied_name } else { plain }).to_owned();
    let folder = settings.folder.clone();
    let variables = [
        ("PLAYHEAD_KAFKA_BROKERS", variable("PLAYHEAD_TEST_BROKERS", "PLAYHEAD_TEST_BROKERS_PROXIED")),
        ("PLAYHEAD_REGISTRY_URL", variable("PLAYHEAD_TEST_REGISTRY", "PLAYHEAD_TEST_REGISTRY_PROXIED")),
        ("PLAYHEAD_KAFKA_TOPIC_PREFIX", cluster.prefix.clone()),
        ("PLAYHEAD_KAFKA_INSTANCE", instance.to_owned()),
        ("PLAYHEAD_KAFKA_COMMIT_INTERVAL", "200ms".to_owned()),
        // They share a machine.
        ("PLAYHEAD_METRICS_LISTEN", "127.0.0.1:0".to_owned()),
        ("PLAYHEAD_DATA", folder.join(instance).display().to_string()),
        ("PLAYHEAD_STATE_SNAPSHOTS", folder.join("states").display().to_string()),
        ("PLAYHEAD_STATE_SNAPSHOT_INTERVAL", "5s".to_owned()),
    ];
    let program = settings.program.clone();
    move || {
        let mut command = Command::new(&program);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command
    }
}

fn stage(settings: &Settings, stage: &'static str, number: usize, command: impl Fn() -> Command + Send + 'static) -> Process {
    Process::new(&log_file(&settings.folder, stage, number), move || {
        let mut command = command();
        command.args(["process", stage, "--json"]);
        command
    })
}

fn log_file(folder: &Path, stage: &str, number: usize) -> PathBuf {
    folder.join(format!("{stage}-{number}.log"))
}
