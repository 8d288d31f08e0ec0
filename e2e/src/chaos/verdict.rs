//! What must hold at the end, and whether it does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::Duration;

use kafka::{Admin, Reader};
use pipeline::{DeadLetters, LogError, LogTimeRule, OutputTopic, Processor as _, Record, TopicId};
use processors::DeadLetterWriter;
use processors::playback::{DEAD_LETTERS, Playback, PlaybackConfig};
use processors::profile::{Profile, ProfileConfig};
use schemas::SchemaSource;

use super::plan::Fault;
use super::{Campaign, MEMORY_BOUND};
use crate::{Difference, INPUT, Input, recompute, record_hash};

const PROFILE_INPUT: &str = "viewing_progress";
/// Partitions of every topic in dev.
const PARTITIONS: u32 = 4;

/// What became of a campaign.
#[derive(Debug)]
pub struct Verdict {
    faults: BTreeMap<Fault, usize>,
    /// Events of the input.
    events: u64,
    /// Records that had to be there.
    expected: usize,
    starts: usize,
    /// Ends of processes that nobody asked for: the supervisor started them again.
    surprises: Vec<String>,
    slowest_end: Duration,
    peak_bytes: u64,
    /// Partitions whose last stable offset is not their end.
    unstable: Vec<String>,
    differences: Vec<Difference>,
    /// Lines of the processes' logs that name a session.
    leaks: usize,
    seconds: u64,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let is_exact = self.differences.is_empty() && self.unstable.is_empty() && self.expected > 0;
        is_exact && self.leaks == 0 && self.peak_bytes <= MEMORY_BOUND
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { faults, events, expected, starts, surprises, slowest_end, peak_bytes, unstable, differences, leaks, seconds } = self;
        writeln!(f, "{} faults in {seconds} s over {events} events, {starts} starts of processes", faults.values().sum::<usize>())?;
        faults.iter().try_for_each(|(fault, count)| writeln!(f, "  {count:>4} {fault:?}"))?;
        writeln!(f, "{} ends that nobody asked for, each started again:", surprises.len())?;
        surprises.iter().try_for_each(|surprise| writeln!(f, "  {surprise}"))?;
        writeln!(f, "slowest end on request: {} ms", slowest_end.as_millis())?;
        writeln!(f, "most memory of a process: {} MB (bound: {} MB)", peak_bytes / 1_000_000, MEMORY_BOUND / 1_000_000)?;
        writeln!(f, "last stable offset behind the end: {}", if unstable.is_empty() { "nowhere".to_owned() } else { unstable.join(", ") })?;
        writeln!(f, "lines of logs that name a session: {leaks}")?;
        writeln!(f, "records compared, in their order: {expected}; {} differences", differences.len())?;
        differences.iter().try_for_each(|difference| writeln!(f, "  {difference}"))
    }
}

impl Campaign {
    pub(super) fn verdict(mut self, faults: BTreeMap<Fault, usize>, events: u64, starts: usize) -> Verdict {
        let schemas = Arc::clone(&self.schemas) as Arc<dyn SchemaSource>;
        let input = |topic: &'static str| OnKafka {
            reader: Reader::new(&self.cluster, Duration::from_secs(60)).expect("the settings are right"),
            topic,
            id: self.admin.describe(topic).expect("the topic is there").id,
        };
        let playback =
            recompute(&mut input(INPUT), INPUT, PARTITIONS, &LogTimeRule::Records, || playback(&schemas)).expect("the input can be read");
        let log_time = LogTimeRule::Heartbeats { topic: INPUT.to_owned(), partitions: PARTITIONS };
        let profile = recompute(&mut input(PROFILE_INPUT), PROFILE_INPUT, PARTITIONS, &log_time, || profile(&schemas));
        let profile = profile.expect("the input can be read");
        let expected = playback.records() + profile.records();
        let books = playback.with(profile);
        let mut reader = Reader::new(&self.cluster, Duration::from_secs(60)).expect("the settings are right");
        let mut differences = Vec::new();
        for (name, partition) in books.places() {
            let (first, end) = reader.bounds(name, partition).expect("the broker answers");
            let mut found = Vec::new();
            let read = reader.read(name, partition, first, end, &mut |record| {
                found.push((record.offset, record_hash(record)));
                ControlFlow::Continue(())
            });
            read.expect("the topic can be read");
            differences.extend(books.check(name, partition, found.into_iter()));
        }
        let unstable = unstable(&self.admin);
        let leaks = self.leaks(&mut reader);
        if differences.is_empty() {
            let names = schemas::topics::builtin().iter().map(|topic| topic.name.clone()).collect::<Vec<_>>();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.admin.delete(&names).expect("the broker deletes them");
        }
        let seconds = self.began.elapsed().as_secs();
        let mut surprises = Vec::new();
        let (mut peak_bytes, mut slowest_end) = (0, Duration::ZERO);
        for process in self.processes() {
            surprises.append(&mut process.surprises);
            peak_bytes = peak_bytes.max(process.peak_bytes);
            slowest_end = slowest_end.max(process.slowest_end);
        }
        Verdict { faults, events, expected, starts, surprises, slowest_end, peak_bytes, unstable, differences, leaks, seconds }
    }

    /// Lines of the processes' logs with the id of one of the input's sessions: the first hundreds of each partition.
    fn leaks(&self, reader: &mut Reader) -> usize {
        let mut ids = BTreeSet::new();
        for partition in 0..PARTITIONS {
            let (first, end) = reader.bounds(INPUT, partition).expect("the broker answers");
            let read = reader.read(INPUT, partition, first, end, &mut |record| {
                // Heartbeats have keys too, and those say who writes.
                let key = record.value.and(record.key).map(String::from_utf8_lossy);
                ids.extend(key.filter(|key| key.len() >= 8).map(std::borrow::Cow::into_owned));
                if ids.len() < 400 * (partition as usize + 1) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            read.expect("the topic can be read");
        }
        let logs = std::fs::read_dir(&self.settings.folder).expect("the folder is there").flatten().map(|entry| entry.path());
        let logs = logs.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        let texts = logs.map(|log| String::from_utf8_lossy(&std::fs::read(log).expect("the log can be read")).into_owned());
        texts.map(|text| text.lines().filter(|line| ids.iter().any(|id| line.contains(id.as_str()))).count()).sum()
    }
}

/// Names of all topics that the stages read and write, with their partitions.
pub(super) fn topics() -> Vec<(String, u32)> {
    let schemas: Arc<dyn SchemaSource> = Arc::new(std::sync::Mutex::new(schemas::registry::Registry::default()));
    let (playback, profile) = (playback(&schemas).0, profile(&schemas).0);
    let outputs = playback.outputs().iter().chain(profile.outputs());
    let mut topics: BTreeMap<String, u32> = outputs.map(|topic: &OutputTopic| (topic.name.clone(), topic.partitions)).collect();
    topics.insert(INPUT.to_owned(), PARTITIONS);
    topics.into_iter().collect()
}

/// Partitions in which a transaction is still open.
fn unstable(admin: &Admin) -> Vec<String> {
    let mut unstable = Vec::new();
    for (topic, partitions) in topics() {
        for partition in 0..partitions {
            let (_, committed) = admin.bounds(&topic, partition).expect("the broker answers");
            let end = admin.end(&topic, partition).expect("the broker answers");
            if committed != end {
                unstable.push(format!("{topic}-{partition} ({committed} of {end})"));
            }
        }
    }
    unstable
}

fn playback(schemas: &Arc<dyn SchemaSource>) -> (Playback, Box<dyn DeadLetters>) {
    let playback = Playback::new(PlaybackConfig::with_partitions(PARTITIONS), Arc::clone(schemas)).expect("the schemas are known");
    let letters = DeadLetterWriter::new(&[INPUT], DEAD_LETTERS, PARTITIONS, Arc::clone(schemas)).expect("the schema is known");
    (playback, Box::new(letters))
}

fn profile(schemas: &Arc<dyn SchemaSource>) -> (Profile, Box<dyn DeadLetters>) {
    let state_horizon_ms = PlaybackConfig::with_partitions(1).state_horizon_ms;
    let config = ProfileConfig { state_horizon_ms, partitions: PARTITIONS, dead_letters_partitions: PARTITIONS };
    let profile = Profile::new(config, Arc::clone(schemas)).expect("the schemas are known");
    let letters =
        DeadLetterWriter::new(&[PROFILE_INPUT], Profile::DEAD_LETTERS, PARTITIONS, Arc::clone(schemas)).expect("the schema is known");
    (profile, Box::new(letters))
}

/// A topic of the cluster.
struct OnKafka {
    reader: Reader,
    topic: &'static str,
    id: TopicId,
}

impl Input for OnKafka {
    fn topic_id(&self) -> TopicId {
        self.id
    }

    fn bounds(&mut self, partition: u32) -> Result<Range<i64>, LogError> {
        let (first, end) = self.reader.bounds(self.topic, partition)?;
        Ok(first..end)
    }

    fn read(&mut self, partition: u32, range: Range<i64>, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        self.reader.read(self.topic, partition, range.start, range.end, each)
    }
}
