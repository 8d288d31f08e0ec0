//! A processor run once more over an input that lies in a log already, partition by partition, without a fault: what must have come of it.

use std::ops::{ControlFlow, Range};
use std::time::Duration;

use pipeline::{
    Batch, Committed, Headers, Log, LogError, LogTimeRule, Outputs, Polled, Position, Processor, Record, RunOptions, Shutdown, TopicId,
    TopicPartition, run_processor,
};

use crate::books::Books;

/// Records that are handed out at once.
const AT_ONCE: usize = 4_096;

/// A topic to be read.
pub trait Input {
    /// Its identity.
    fn topic_id(&self) -> TopicId;

    /// The first offset of a partition, and the one after its last record.
    ///
    /// # Errors
    /// Where the log cannot be asked.
    fn bounds(&mut self, partition: u32) -> Result<Range<i64>, LogError>;

    /// Hands out the records of a range until `each` breaks off.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn read(&mut self, partition: u32, range: Range<i64>, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError>;
}

/// What a processor makes of the whole of `input`, which it knows by `name`. Processors are made anew for each partition, as after a restart.
///
/// # Errors
/// Where the input cannot be read.
pub fn recompute<P: Processor>(
    input: &mut dyn Input,
    name: &str,
    partitions: u32,
    log_time: &LogTimeRule,
    mut stage: impl FnMut() -> (P, Box<dyn pipeline::DeadLetters>),
) -> Result<Books, LogError> {
    let mut books = Books::new(stage().0.outputs(), partitions);
    for partition in 0..partitions {
        let (mut processor, dead_letters) = stage();
        let bounds = input.bounds(partition)?;
        let source = TopicPartition { topic: 0, partition };
        let mut lane = Lane {
            input: &mut *input,
            source,
            next: bounds.start,
            end: bounds.end,
            batch: Held::default(),
            turn: Turn::Assign,
            books: &mut books,
        };
        let options = RunOptions {
            log_time: log_time.clone(),
            inputs: vec![name.to_owned()],
            commit_interval: Duration::from_secs(1),
            commit_records: 100_000,
            retry_interval: Duration::from_millis(200),
            keep_alive_interval: Duration::from_secs(1),
            on_unavailable: |_| ControlFlow::Continue(()),
            stop_when_caught_up: true,
            observer: pipeline::unobserved(),
            snapshots: None,
        };
        run_processor(&mut processor, &mut lane, dead_letters.as_ref(), &options, &Shutdown::default())?;
    }
    Ok(books)
}

/// Records that were copied out of the input.
#[derive(Default)]
struct Held {
    bytes: Vec<u8>,
    records: Vec<HeldRecord>,
}

struct HeldRecord {
    offset: i64,
    timestamp_ms: i64,
    key: Option<Range<usize>>,
    value: Option<Range<usize>>,
    headers: Range<usize>,
}

impl Held {
    fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
    }

    fn push(&mut self, record: &Record<'_>) {
        let mut copy = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            start..self.bytes.len()
        };
        let Record { offset, timestamp_ms, key, value, headers } = *record;
        let (key, value, headers) = (key.map(&mut copy), value.map(&mut copy), copy(headers.as_encoded()));
        self.records.push(HeldRecord { offset, timestamp_ms, key, value, headers });
    }

    fn records(&self) -> Vec<Record<'_>> {
        let slice = |range: &Range<usize>| &self.bytes[range.clone()];
        let record = |held: &HeldRecord| Record {
            offset: held.offset,
            timestamp_ms: held.timestamp_ms,
            key: held.key.as_ref().map(slice),
            value: held.value.as_ref().map(slice),
            headers: Headers::from_encoded(slice(&held.headers)),
        };
        self.records.iter().map(record).collect()
    }
}

enum Turn {
    Assign,
    Read,
}

/// One partition of the input; what is sent goes into the books.
struct Lane<'r> {
    input: &'r mut dyn Input,
    source: TopicPartition,
    next: i64,
    end: i64,
    batch: Held,
    turn: Turn,
    books: &'r mut Books,
}

impl Log for Lane<'_> {
    fn poll(&mut self, _: Duration) -> Result<Polled<'_>, LogError> {
        if matches!(self.turn, Turn::Assign) {
            self.turn = Turn::Read;
            return Ok(Polled::Assigned(vec![self.source]));
        }
        if self.next >= self.end {
            return Ok(Polled::Idle { caught_up: true });
        }
        self.batch.clear();
        let batch = &mut self.batch;
        self.input.read(self.source.partition, self.next..self.end, &mut |record| {
            batch.push(record);
            if batch.records.len() == AT_ONCE { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        // After the last record there may be a gap.
        self.next = if batch.records.len() == AT_ONCE { batch.records[AT_ONCE - 1].offset + 1 } else { self.end };
        Ok(Polled::Batch(Batch {
            source: self.source,
            topic_id: self.input.topic_id(),
            records: self.batch.records(),
            next_offset: self.next,
        }))
    }

    fn keep_alive(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn read(&mut self, _: TopicPartition, _: i64, _: i64, _: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        Err(no_restore())
    }

    fn read_topic(&mut self, _: &str, _: u32, _: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        Err(no_restore())
    }

    fn topic_id(&mut self, _: TopicPartition) -> Result<TopicId, LogError> {
        Ok(self.input.topic_id())
    }

    fn bounds(&mut self, _: TopicPartition) -> Result<(i64, i64), LogError> {
        let bounds = self.input.bounds(self.source.partition)?;
        Ok((bounds.start, bounds.end))
    }

    fn committed(&mut self, _: TopicPartition) -> Result<Option<Committed>, LogError> {
        Ok(None)
    }

    fn send(&mut self, outputs: &mut Outputs) -> Result<(), LogError> {
        outputs.iter().for_each(|record| self.books.expect(self.source.partition, &record));
        outputs.clear();
        Ok(())
    }

    fn commit(&mut self, _: &[Position]) -> Result<(), LogError> {
        Ok(())
    }

    fn recover(&mut self) -> Result<Vec<TopicPartition>, LogError> {
        Err(no_restore())
    }

    fn seek(&mut self, _: TopicPartition, offset: i64) -> Result<(), LogError> {
        self.next = offset;
        Ok(())
    }

    fn pause(&mut self, _: TopicPartition) -> Result<(), LogError> {
        Ok(())
    }

    fn resume(&mut self, _: TopicPartition) -> Result<(), LogError> {
        Ok(())
    }
}

fn no_restore() -> LogError {
    LogError::Fatal("nothing is restored in a run from the beginning".to_owned())
}
