//! Outputs and positions in transactions, under one name for as long as the lane has it.
//!
//! A producer is used until the first sign of trouble and then replaced: initialising the new one ends whatever the old one left open, and
//! fences what of it may still be on its way.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipeline::{LogError, OutputRecord, OutputTopic, Outputs};

use crate::KafkaError;
use crate::admin::TopicInfo;
use crate::options::LaneOptions;
use crate::producer::{ClientSettings, ProducedTopic, Producer, ProducerError, ProducerOptions, Wait};
use crate::raw::{Membership, Partitions};
use crate::wire::{BATCH_OVERHEAD, ErrorCode, GroupPositions, OffsetToCommit, RecordBatch};

/// A lane that is fenced twice within this time has a twin, and the younger one wins.
pub(crate) const TWIN: Duration = Duration::from_mins(1);
/// Batches are not larger than this, whatever topics take.
const LARGEST_BATCH: usize = 1_000_000;
/// What a topic takes unless it says otherwise.
const DEFAULT_MESSAGE_BYTES: usize = 1_048_588;

/// An output topic, and what it takes.
#[derive(Debug)]
struct Output {
    name: String,
    partitions: u32,
    max_bytes: usize,
    /// How far a timestamp may be behind the broker's clock and ahead of it, ms.
    max_past_ms: i64,
    max_future_ms: i64,
}

/// What a lane does whose name another instance has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenFenced {
    /// The group tells whether it was replaced: until then it takes the name back.
    AskTheGroup,
    /// It is in no group: it gives way at once.
    GiveWay,
}

/// The producer of a lane.
pub(crate) struct Transactions {
    options: ProducerOptions,
    when_fenced: WhenFenced,
    /// How long a new producer is tried for.
    patience: Duration,
    outputs: Vec<Output>,
    /// None from a failure to the next start.
    producer: Option<Producer>,
    /// When the open transaction began; none where none is.
    begun: Option<Instant>,
    /// Fenced, and nothing was started since.
    is_fenced: bool,
    last_fenced: Option<Instant>,
}

impl Transactions {
    /// For these output topics, as the cluster describes them. Nothing is started yet.
    pub(crate) fn new(
        options: &LaneOptions,
        when_fenced: WhenFenced,
        outputs: &[OutputTopic],
        found: &[TopicInfo],
    ) -> Result<Self, KafkaError> {
        let outputs = outputs.iter().zip(found).map(|(asked, found)| Output::new(asked, found)).collect::<Result<Vec<_>, _>>()?;
        let produced = |output: &Output| ProducedTopic {
            name: output.name.clone(),
            partitions: output.partitions,
            batch_bytes: output.max_bytes.min(LARGEST_BATCH),
        };
        let producer = ProducerOptions {
            settings: Arc::new(ClientSettings::new(&options.producer_settings()?)?),
            transactional_id: options.transactional_id(),
            transaction_timeout: options.transaction_timeout,
            topics: outputs.iter().map(produced).collect(),
        };
        Ok(Self {
            options: producer,
            when_fenced,
            patience: options.patience,
            outputs,
            producer: None,
            begun: None,
            is_fenced: false,
            last_fenced: None,
        })
    }

    /// Whether another instance may have taken the lane's name.
    pub(crate) const fn is_fenced(&self) -> bool {
        self.is_fenced
    }

    /// Throws away what was sent, and starts a new producer: whoever had the name is fenced.
    pub(crate) fn start(&mut self, alive: &dyn Fn()) -> Result<(), LogError> {
        (self.producer, self.begun) = (None, None);
        if std::mem::take(&mut self.is_fenced)
            && let Some(last) = self.last_fenced.replace(Instant::now())
            && last.elapsed() < TWIN
        {
            let message = format!("{}, for the second time within {} s", self.options.transactional_id, TWIN.as_secs());
            return Err(LogError::Fenced(message));
        }
        let started = Producer::start(&self.options, &Wait::new(self.patience, alive));
        self.producer = Some(self.or_lost("new producer", started)?);
        Ok(())
    }

    /// Takes outputs into the open transaction, opening one where none is. What of them is not sent at once goes with those of a later call,
    /// or with the commit.
    pub(crate) fn send(&mut self, outputs: &mut Outputs, alive: &dyn Fn()) -> Result<(), LogError> {
        let mut producer = self.producer.take().ok_or_else(stopped)?;
        self.begun.get_or_insert_with(Instant::now);
        let now_ms = now_ms();
        // A transaction that takes longer than this the broker ends itself.
        let wait = Wait::new(self.options.transaction_timeout, alive);
        for record in outputs.iter() {
            self.outputs[usize::from(record.topic)].check(&record, now_ms)?;
            let pushed = producer.push(&record, &wait);
            self.or_lost("send", pushed)?;
        }
        let shipped = producer.ship_due(&wait);
        self.or_lost("send", shipped)?;
        self.producer = Some(producer);
        outputs.clear();
        Ok(())
    }

    /// Commits what was sent together with these positions.
    pub(crate) fn commit(&mut self, positions: Option<(&Partitions, &Membership)>, alive: &dyn Fn()) -> Result<(), LogError> {
        let mut producer = self.producer.take().ok_or_else(stopped)?;
        if positions.is_some() || producer.has_records() {
            self.begun.get_or_insert_with(Instant::now);
            let of_group =
                |(positions, by): (&Partitions, &Membership)| GroupPositions { member: by.member(), topics: by_topic(positions) };
            let positions = positions.map(of_group);
            let committed = producer.commit(positions.as_ref(), &Wait::new(self.options.transaction_timeout, alive));
            self.or_lost("commit", committed)?;
            self.begun = None;
        }
        self.producer = Some(producer);
        Ok(())
    }

    /// What a failure means for a lane: whatever time or a new start can mend is a lost transaction.
    fn or_lost<T>(&mut self, what: &str, done: Result<T, ProducerError>) -> Result<T, LogError> {
        done.map_err(|error| {
            // The broker says the same of a transaction that it has ended itself, since it took too long.
            let is_in_time = self.begun.is_none_or(|begun| begun.elapsed() < self.options.transaction_timeout);
            let is_fenced = error.is_fenced() && is_in_time;
            self.is_fenced |= is_fenced;
            if is_fenced && self.when_fenced == WhenFenced::GiveWay {
                return LogError::Fenced(format!("{what} of {}: {error}", self.options.transactional_id));
            }
            let message = format!("{what}: {error}");
            match error {
                ProducerError::Refused { code: ErrorCode::FENCED_INSTANCE_ID, .. } => LogError::Fenced(message),
                error if error.is_final() => LogError::Fatal(message),
                _ => LogError::Transaction(message),
            }
        })
    }
}

fn by_topic(positions: &Partitions) -> Vec<(String, Vec<OffsetToCommit>)> {
    let mut topics: Vec<(String, Vec<OffsetToCommit>)> = Vec::new();
    for entry in positions.iter() {
        let offset = OffsetToCommit { partition: entry.partition, offset: entry.offset, metadata: entry.metadata };
        match topics.iter_mut().find(|(topic, _)| *topic == entry.topic) {
            Some((_, offsets)) => offsets.push(offset),
            None => topics.push((entry.topic, vec![offset])),
        }
    }
    topics
}

fn stopped() -> LogError {
    LogError::Transaction("the producer has stopped".to_owned())
}

impl Output {
    fn new(asked: &OutputTopic, found: &TopicInfo) -> Result<Self, KafkaError> {
        if asked.partitions != found.partitions {
            return Err(KafkaError::PartitionCount { topic: found.name.clone(), existing: found.partitions, asked: asked.partitions });
        }
        let number = |key: &str| found.settings.get(key).and_then(|value| value.parse::<i64>().ok());
        let max_bytes = number("max.message.bytes").and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(DEFAULT_MESSAGE_BYTES);
        // A broker that sets the time itself takes any.
        let is_ours = found.settings.get("message.timestamp.type").is_none_or(|kind| kind == "CreateTime");
        let limit = |key| if is_ours { number(key).unwrap_or(i64::MAX) } else { i64::MAX };
        Ok(Self {
            name: found.name.clone(),
            partitions: found.partitions,
            max_bytes,
            max_past_ms: limit("message.timestamp.before.max.ms"),
            max_future_ms: limit("message.timestamp.after.max.ms"),
        })
    }

    /// Refuses here what the broker would refuse: there it would take its whole batch along, again and again.
    fn check(&self, record: &OutputRecord<'_>, now_ms: i64) -> Result<(), LogError> {
        let Self { name, partitions, max_bytes, max_past_ms, max_future_ms } = self;
        let refuse = |why: String| Err(LogError::Fatal(format!("a record for {name}-{}: {why}", record.partition)));
        if record.partition >= *partitions {
            return refuse(format!("the topic has {partitions} partitions"));
        }
        let bytes = BATCH_OVERHEAD + RecordBatch::bytes_of(record);
        if bytes > *max_bytes {
            return refuse(format!("{bytes} bytes, and the topic takes {max_bytes}"));
        }
        let ahead_ms = record.timestamp_ms.saturating_sub(now_ms);
        if record.timestamp_ms < 0 || ahead_ms > *max_future_ms || ahead_ms.saturating_neg() > *max_past_ms {
            return refuse(format!(
                "timestamp {}, now {now_ms}: the topic takes {max_past_ms} ms back, {max_future_ms} ms ahead",
                record.timestamp_ms
            ));
        }
        Ok(())
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
