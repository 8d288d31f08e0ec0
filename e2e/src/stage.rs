//! The stage under test: the playback processor on any log.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka::{Cluster, KafkaError, KafkaLane, LaneOptions, Membership};
use pipeline::{DeadLetters, Log, LogError, LogTimeRule, OutputTopic, Processor as _, RunOptions, Shutdown, Totals, run_processor};
use processors::DeadLetterWriter;
use processors::playback::{DEAD_LETTERS, Playback, PlaybackConfig};
use schemas::registry::{Registry, value_subject};
use schemas::{PlaybackEvent, Record as _, SchemaSource};

/// The topic that it reads.
pub const INPUT: &str = "playback_events";

/// The playback processor and what it needs.
pub struct Stage {
    schemas: Arc<dyn SchemaSource>,
    /// The id of the input's schema.
    pub schema_id: u32,
    playback: Playback,
}

/// How a stage is run.
#[derive(Clone, Debug)]
pub struct RunArguments {
    /// Commit after so many records.
    pub commit_records: u64,
    /// Commit at least this often.
    pub commit_interval: Duration,
    /// Return at the end of the input.
    pub stop_when_caught_up: bool,
}

impl Default for RunArguments {
    fn default() -> Self {
        Self { commit_records: 500, commit_interval: Duration::from_millis(200), stop_when_caught_up: true }
    }
}

impl Stage {
    /// On topics with so many partitions, with schemas of its own, the same in every process: ids follow from the order of registration.
    #[must_use]
    pub fn new(partitions: u32) -> Self {
        Self::with_schemas(partitions, Arc::new(Mutex::new(Registry::default())))
    }

    /// With schemas that others share.
    ///
    /// # Panics
    /// Where the registry does not take them.
    #[must_use]
    pub fn with_schemas(partitions: u32, schemas: Arc<dyn SchemaSource>) -> Self {
        let schema_id = schemas.register(&value_subject(INPUT), PlaybackEvent::SCHEMA).expect("the registry takes the schema");
        let playback = Playback::new(PlaybackConfig::with_partitions(partitions), Arc::clone(&schemas)).expect("the schemas are known");
        Self { schemas, schema_id, playback }
    }

    /// The output topics.
    #[must_use]
    pub fn outputs(&self) -> &[OutputTopic] {
        self.playback.outputs()
    }

    /// What a processor of the stage is made of: a new one, and where its dead letters go.
    ///
    /// # Panics
    /// Never: the schemas are known.
    #[must_use]
    pub fn parts(&self) -> (Playback, Box<dyn DeadLetters>) {
        let partitions = self.playback.outputs()[usize::from(DEAD_LETTERS)].partitions;
        let playback = Playback::new(PlaybackConfig::with_partitions(partitions), Arc::clone(&self.schemas));
        (playback.expect("the schemas are known"), Box::new(self.letters()))
    }

    fn letters(&self) -> DeadLetterWriter {
        let partitions = self.playback.outputs()[usize::from(DEAD_LETTERS)].partitions;
        DeadLetterWriter::new(&[INPUT], DEAD_LETTERS, partitions, Arc::clone(&self.schemas)).expect("the schema is known")
    }

    /// A lane for it.
    ///
    /// # Errors
    /// Where the cluster does not give one.
    pub fn lane(&self, options: LaneOptions) -> Result<KafkaLane, KafkaError> {
        KafkaLane::processor(options, &[INPUT], self.outputs())
    }

    /// Runs it on `log` until a stop is asked for, or to the end of the input.
    ///
    /// # Errors
    /// Where the log fails.
    ///
    /// # Panics
    /// Where the registry does not take the schema of dead letters, which it always does.
    pub fn run(&mut self, log: &mut impl Log, arguments: &RunArguments, shutdown: &Shutdown) -> Result<Totals, LogError> {
        let letters = self.letters();
        let options = RunOptions {
            log_time: LogTimeRule::Records,
            inputs: vec![INPUT.to_owned()],
            commit_interval: arguments.commit_interval,
            commit_records: arguments.commit_records,
            retry_interval: Duration::from_millis(200),
            keep_alive_interval: Duration::from_secs(1),
            on_unavailable: |_| ControlFlow::Continue(()),
            stop_when_caught_up: arguments.stop_when_caught_up,
            observer: pipeline::unobserved(),
            snapshots: None,
        };
        run_processor(&mut self.playback, log, &letters, &options, shutdown)
    }
}

/// A lane of the stage. Without `is_static` its partitions go to others as soon as it ends.
#[must_use]
pub fn lane_options(cluster: Cluster, instance: &str, is_static: bool) -> LaneOptions {
    LaneOptions {
        membership: if is_static { Membership::Static } else { Membership::Dynamic },
        // The least that the broker allows.
        session_timeout: Duration::from_secs(6),
        transaction_timeout: Duration::from_secs(6),
        poll_records: 50,
        topic_check_interval: Duration::from_millis(500),
        ..LaneOptions::new(cluster, "playback", instance, 0)
    }
}
