//! Outputs and positions in transactions, under one name for as long as the lane has it.
//!
//! A producer is used until the first sign of trouble and then replaced: initialising the new one ends whatever the old one left open, and
//! fences what of it may still be on its way. librdkafka has no other defence against a request that arrives after its transaction
//! (KIP-890 is missing).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipeline::{LogError, OutputRecord, OutputTopic, Outputs};

use crate::KafkaError;
use crate::admin::TopicInfo;
use crate::error::{is_fenced, is_final, log_error};
use crate::options::LaneOptions;
use crate::patience::Patience;
use crate::raw::{Code, Failure, Membership, Partitions, Producer, ToSend, Topic};

/// How long one call of a commit may take, so that signs of life come often enough. A commit that takes longer is in trouble.
const STEP: Duration = Duration::from_secs(2);
/// How long to wait for room in the producer's queue before another sign of life.
const ROOM: Duration = Duration::from_millis(200);
/// Pause before a call that failed at once is made again.
const PAUSE: Duration = Duration::from_millis(50);
/// A lane that is fenced twice within this time has a twin, and the younger one wins.
const TWIN: Duration = Duration::from_mins(1);
/// What a batch of records costs beside its records, at most.
const BATCH_OVERHEAD: usize = 1_024;
/// What a record costs beside key, value and headers, at most; and a header.
const RECORD_OVERHEAD: usize = 70;
const HEADER_OVERHEAD: usize = 10;
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

struct Open {
    /// By output.
    topics: Vec<Topic>,
    producer: Producer,
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
    options: LaneOptions,
    when_fenced: WhenFenced,
    outputs: Vec<Output>,
    /// None from a failure to the next start.
    open: Option<Open>,
    /// When the open transaction began; none where none is.
    begun: Option<Instant>,
    /// A call had to be repeated: what was sent before may still be on its way.
    is_doubtful: bool,
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
        let outputs = outputs.iter().zip(found).map(|(asked, found)| Output::new(asked, found)).collect::<Result<_, _>>()?;
        Ok(Self {
            options: options.clone(),
            when_fenced,
            outputs,
            open: None,
            begun: None,
            is_doubtful: false,
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
        self.open = None;
        (self.begun, self.is_doubtful) = (None, false);
        if std::mem::take(&mut self.is_fenced)
            && let Some(last) = self.last_fenced.replace(Instant::now())
            && last.elapsed() < TWIN
        {
            let message = format!("{}, for the second time within {} s", self.options.transactional_id(), TWIN.as_secs());
            return Err(LogError::Fenced(message));
        }
        let largest = self.outputs.iter().map(|output| output.max_bytes).max().unwrap_or(DEFAULT_MESSAGE_BYTES);
        let smallest = self.outputs.iter().map(|output| output.max_bytes).min().unwrap_or(DEFAULT_MESSAGE_BYTES);
        let batch = smallest.saturating_sub(BATCH_OVERHEAD).clamp(1, LARGEST_BATCH);
        let settings = self.options.producer_settings(batch, largest.max(1_000))?;
        let failed = |failure: Failure| log_error("new producer", &failure);
        let producer = Producer::new(&settings, self.options.cluster.on_log).map_err(failed)?;
        let topics = self.outputs.iter().map(|output| producer.topic(&output.name)).collect::<Result<_, _>>().map_err(failed)?;
        let patience = Patience { limit: self.options.patience, alive };
        patience.repeat(|timeout| producer.init_transactions(timeout)).map_err(|failure| self.lost("new producer", &failure, None))?;
        self.open = Some(Open { topics, producer });
        Ok(())
    }

    /// Queues outputs in the open transaction, opening one where none is.
    pub(crate) fn send(&mut self, outputs: &mut Outputs, alive: &dyn Fn()) -> Result<(), LogError> {
        self.begin(alive)?;
        let now_ms = now_ms();
        let Some(open) = &self.open else { return Err(stopped()) };
        let mut failed = None;
        'records: for record in outputs.iter() {
            let index = usize::from(record.topic);
            let (output, topic) = (&self.outputs[index], &open.topics[index]);
            output.check(&record, now_ms)?;
            let OutputRecord { partition, timestamp_ms, key, value, headers, .. } = record;
            let to_send = ToSend { topic, partition, timestamp_ms, key, value, headers };
            let started = Instant::now();
            while let Err(failure) = open.producer.send(&to_send) {
                let is_full = failure.code == Code::RD_KAFKA_RESP_ERR__QUEUE_FULL;
                if !is_full || started.elapsed() >= self.options.transaction_timeout {
                    failed = Some((failure, open.producer.refused(Duration::ZERO)));
                    break 'records;
                }
                open.producer.flush(ROOM);
                alive();
            }
        }
        if let Some((failure, refused)) = failed {
            return Err(self.lost("send", &failure, refused));
        }
        outputs.clear();
        Ok(())
    }

    /// Commits what was sent together with these positions.
    pub(crate) fn commit(&mut self, positions: Option<(&Partitions, &Membership)>, alive: &dyn Fn()) -> Result<(), LogError> {
        if positions.is_none() && self.begun.is_none() {
            return Ok(());
        }
        self.begin(alive)?;
        if let Some((positions, membership)) = positions {
            self.repeat("positions", alive, |producer| producer.send_offsets(positions, membership, STEP))?;
        }
        self.repeat("commit", alive, |producer| producer.commit_transaction(STEP))?;
        self.begun = None;
        Ok(())
    }

    fn begin(&mut self, alive: &dyn Fn()) -> Result<(), LogError> {
        if self.begun.is_some() {
            return Ok(());
        }
        if self.is_doubtful {
            self.start(alive)?;
        }
        let Some(open) = &self.open else { return Err(stopped()) };
        if let Err(failure) = open.producer.begin_transaction() {
            return Err(self.lost("begin", &failure, None));
        }
        self.begun = Some(Instant::now());
        Ok(())
    }

    /// Makes a call again while librdkafka recommends it and the transaction is not over anyway.
    fn repeat(&mut self, what: &str, alive: &dyn Fn(), call: impl Fn(&Producer) -> Result<(), Failure>) -> Result<(), LogError> {
        let started = Instant::now();
        loop {
            let Some(open) = &self.open else { return Err(stopped()) };
            let Err(failure) = call(&open.producer) else { return Ok(()) };
            let refused = open.producer.refused(Duration::ZERO);
            let is_over = started.elapsed() >= self.options.transaction_timeout;
            if !failure.is_retriable || failure.requires_abort || failure.is_fatal || is_over {
                return Err(self.lost(what, &failure, refused));
            }
            open.producer.refused(PAUSE);
            self.is_doubtful = true;
            alive();
        }
    }

    /// The transaction is lost, and its producer with it.
    fn lost(&mut self, what: &str, failure: &Failure, refused: Option<Failure>) -> LogError {
        // A producer that is of no use says only that; why, it knows itself.
        let fatal = self.open.as_ref().and_then(|open| open.producer.client().fatal());
        let is_fenced = [Some(failure), fatal.as_ref()].into_iter().flatten().any(|failure| is_fenced(failure.code));
        self.is_fenced |= is_fenced;
        // The broker says the same of a transaction that it has ended itself, since it took too long.
        let is_in_time = self.begun.is_none_or(|begun| begun.elapsed() < self.options.transaction_timeout);
        if is_fenced && is_in_time && self.when_fenced == WhenFenced::GiveWay {
            return LogError::Fenced(format!("{what} of {}: {failure}", self.options.transactional_id()));
        }
        let cause = refused.as_ref().filter(|refused| is_final(refused.code)).or(fatal.as_ref()).unwrap_or(failure);
        log_error(what, cause)
    }
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
        let headers = record.headers.iter().count() * HEADER_OVERHEAD + record.headers.as_encoded().len();
        let bytes = record.key.map_or(0, <[u8]>::len) + record.value.map_or(0, <[u8]>::len) + headers + RECORD_OVERHEAD;
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
