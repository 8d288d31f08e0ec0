//! Reading a range of a partition, outside of any group: what restores and `read` do.

use std::ops::ControlFlow;
use std::thread;
use std::time::{Duration, Instant};

use pipeline::{LogError, Record};

use crate::KafkaError;
use crate::error::{is_final, log_error};
use crate::options::Cluster;
use crate::patience::Patience;
use crate::raw::{Code, Consumer, OffsetOf, Partitions};
use crate::records::{self, FlatHeaders};

/// Messages taken at once.
const AT_ONCE: usize = 4_096;
/// How long to wait for messages before looking after other things.
const WAIT: Duration = Duration::from_millis(100);
/// Pause between two looks for the end of a transaction.
const PAUSE: Duration = Duration::from_millis(20);

/// Reads committed records of any partition.
pub struct Reader {
    consumer: Consumer,
    headers: FlatHeaders,
    /// Index of the first message held that was not handed out.
    cursor: usize,
    open: Option<Open>,
    cluster: Cluster,
    patience: Duration,
}

/// What is being read.
#[derive(Debug)]
struct Open {
    topic: String,
    partition: u32,
    /// Offset after the last record handed out.
    next: i64,
}

impl Reader {
    /// A reader that waits up to `patience` for a cluster that does not answer.
    ///
    /// # Errors
    /// Where the settings are wrong.
    pub fn new(cluster: &Cluster, patience: Duration) -> Result<Self, KafkaError> {
        Self::named(cluster, &format!("{}playhead.reader", cluster.prefix), patience)
    }

    pub(crate) fn named(cluster: &Cluster, group: &str, patience: Duration) -> Result<Self, KafkaError> {
        let consumer = Consumer::new(&cluster.reader_settings(group)?, cluster.on_log)?;
        Ok(Self { consumer, headers: FlatHeaders::default(), cursor: 0, open: None, cluster: cluster.clone(), patience })
    }

    /// The first offset held, and the offset after the last committed record.
    ///
    /// # Errors
    /// Where the cluster cannot be asked.
    pub fn bounds(&self, topic: &str, partition: u32) -> Result<(i64, i64), LogError> {
        self.bounds_of(&self.cluster.topic(topic), partition)
    }

    /// By the name that the cluster knows, as all that follows.
    fn bounds_of(&self, topic: &str, partition: u32) -> Result<(i64, i64), LogError> {
        Ok((self.offset(topic, partition, OffsetOf::First, &|| {})?, self.offset(topic, partition, OffsetOf::CommittedEnd, &|| {})?))
    }

    /// As [`Reader::bounds`], of several partitions, with the records of transactions that are open now: their ends are waited for.
    ///
    /// # Errors
    /// Where the cluster cannot be asked, or a transaction stays open for longer than the reader's patience.
    pub fn settled_bounds(&self, places: &[(&str, u32)]) -> Result<Vec<(i64, i64)>, LogError> {
        let names: Vec<(String, u32)> = places.iter().map(|(topic, partition)| (self.cluster.topic(topic), *partition)).collect();
        let ends = self.offsets(&names, OffsetOf::End)?;
        let started = Instant::now();
        loop {
            let committed_ends = self.offsets(&names, OffsetOf::CommittedEnd)?;
            let open = places.iter().zip(committed_ends.iter().zip(&ends)).find(|(_, (committed_end, end))| committed_end < end);
            let Some(((topic, partition), (committed_end, _))) = open else { break };
            if started.elapsed() >= self.patience {
                let open = format!("{topic}-{partition}: a transaction that began by offset {committed_end} stays open");
                return Err(LogError::Transaction(open));
            }
            thread::sleep(PAUSE);
        }
        Ok(self.offsets(&names, OffsetOf::First)?.into_iter().zip(ends).collect())
    }

    /// The same offset of several partitions, in their order.
    fn offsets(&self, places: &[(String, u32)], of: OffsetOf) -> Result<Vec<i64>, LogError> {
        let patience = Patience { limit: self.patience, alive: &|| {} };
        let asked = || places.iter().map(|(topic, partition)| (topic.as_str(), *partition));
        let found = patience.ask(|timeout| self.consumer.client().offsets(of, asked(), timeout));
        let found = found.map_err(|failure| log_error("ends of partitions", &failure))?;
        Ok(places.iter().map(|place| found.get(place).copied().unwrap_or(0)).collect())
    }

    /// The offset of the first committed record whose timestamp is at or after `timestamp_ms`; the end where there is none.
    ///
    /// The broker's answer is where the search begins: it counts the markers of transactions, too, which have the time of the commit, so that records
    /// that were written with times of the past may lie between.
    ///
    /// # Errors
    /// Where the cluster cannot be asked.
    pub fn offset_for_time(&mut self, topic: &str, partition: u32, timestamp_ms: i64) -> Result<i64, LogError> {
        let topic = &self.cluster.topic(topic);
        let (from, (_, end)) = (self.offset(topic, partition, OffsetOf::Time(timestamp_ms), &|| {})?, self.bounds_of(topic, partition)?);
        let mut found = end;
        if from >= 0 {
            self.run(topic, partition, from..end, &|| {}, &mut |records, _| match records
                .iter()
                .find(|record| record.timestamp_ms >= timestamp_ms)
            {
                Some(record) => {
                    found = record.offset;
                    ControlFlow::Break(())
                }
                None => ControlFlow::Continue(()),
            })?;
        }
        Ok(found)
    }

    /// Reads the records from `from` up to before `to`, until `each` breaks off.
    ///
    /// # Errors
    /// [`LogError::OutOfRange`] where the partition does not reach from `from` to `to`: nothing is read then.
    pub fn read(
        &mut self,
        topic: &str,
        partition: u32,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let topic = &self.cluster.topic(topic);
        let (first, end) = self.bounds_of(topic, partition)?;
        if let Some(position) = [from, to].into_iter().find(|offset| !(first..=end).contains(offset)) {
            return Err(LogError::OutOfRange { topic: topic.to_owned(), partition, position, first, end });
        }
        self.run(topic, partition, from..to, &|| {}, &mut |records, _| records.iter().try_for_each(&mut *each))
    }

    /// Reads the records that are there now, those of open transactions included: their ends are waited for.
    pub(crate) fn read_all(
        &mut self,
        topic: &str,
        partition: u32,
        alive: &dyn Fn(),
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let end = self.offset(topic, partition, OffsetOf::End, alive)?;
        let first = self.offset(topic, partition, OffsetOf::First, alive)?;
        self.run(topic, partition, first..end, alive, &mut |records, _| records.iter().try_for_each(&mut *each))
    }

    fn offset(&self, topic: &str, partition: u32, of: OffsetOf, alive: &dyn Fn()) -> Result<i64, LogError> {
        let patience = Patience { limit: self.patience, alive };
        let offsets = patience.ask(|timeout| self.consumer.client().offsets(of, [(topic, partition)], timeout));
        let offsets = offsets.map_err(|failure| log_error(&format!("{topic}-{partition}"), &failure))?;
        Ok(offsets.get(&(topic.to_owned(), partition)).copied().unwrap_or(0))
    }

    /// Hands out runs of records, each with the offset after it, until the range is read or `each` breaks off. The next call reads on from
    /// there at no cost.
    pub(crate) fn run(
        &mut self,
        topic: &str,
        partition: u32,
        range: std::ops::Range<i64>,
        alive: &dyn Fn(),
        each: &mut dyn FnMut(&[Record<'_>], i64) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        if range.is_empty() {
            return Ok(());
        }
        self.open(topic, partition, range.start)?;
        let mut last_progress = Instant::now();
        loop {
            while self.cursor < self.consumer.held() {
                last_progress = Instant::now();
                match self.step(range.end, each)? {
                    Step::More => {}
                    Step::Broken => return Ok(()),
                    Step::End => return self.close(),
                }
            }
            self.forget();
            if self.consumer.take(Duration::ZERO, AT_ONCE) == 0 {
                alive();
                self.consumer.take(WAIT, 1);
            }
            if last_progress.elapsed() >= self.patience {
                self.close()?;
                return Err(LogError::Transaction(format!("{topic}-{partition} cannot be read up to {}: nothing comes", range.end)));
            }
        }
    }

    /// Hands out the next run of messages held.
    fn step(&mut self, to: i64, each: &mut dyn FnMut(&[Record<'_>], i64) -> ControlFlow<()>) -> Result<Step, LogError> {
        let message = self.consumer.message(self.cursor);
        if let Some(failure) = message.failure() {
            self.cursor += 1;
            let open = self.open.as_ref().expect("something is being read");
            let place = format!("{}-{}", open.topic, open.partition);
            return match failure.code {
                // Everything up to this offset has been seen, be it without a record.
                Code::RD_KAFKA_RESP_ERR__PARTITION_EOF if message.offset() >= to => Ok(Step::End),
                Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET => {
                    let (topic, partition, position) = (open.topic.clone(), open.partition, open.next);
                    let (first, end) = self.bounds_of(&topic, partition)?;
                    Err(LogError::OutOfRange { topic, partition, position, first, end })
                }
                code if is_final(code) => Err(log_error(&place, &failure)),
                _ => Ok(Step::More),
            };
        }
        let mut range = records::run(&self.consumer, self.cursor);
        let within = range.clone().find(|&index| self.consumer.message(index).offset() >= to).unwrap_or(range.end);
        let is_end = within < range.end;
        range.end = within;
        if range.is_empty() {
            return Ok(Step::End);
        }
        self.cursor = range.end;
        let next = self.consumer.message(range.end - 1).offset() + 1;
        let open = self.open.as_mut().expect("something is being read");
        open.next = next;
        if each(&self.headers.records(&self.consumer, range), next).is_break() {
            return Ok(Step::Broken);
        }
        Ok(if is_end || next >= to { Step::End } else { Step::More })
    }

    fn open(&mut self, topic: &str, partition: u32, from: i64) -> Result<(), LogError> {
        if self.open.as_ref().is_some_and(|open| open.topic == topic && open.partition == partition && open.next == from) {
            return Ok(());
        }
        self.forget();
        let assigned = Partitions::of(topic, partition, from).and_then(|list| self.consumer.assign(Some(&list)));
        assigned.map_err(|failure| log_error(&format!("{topic}-{partition}"), &failure))?;
        self.open = Some(Open { topic: topic.to_owned(), partition, next: from });
        Ok(())
    }

    fn close(&mut self) -> Result<(), LogError> {
        self.forget();
        self.open = None;
        self.consumer.assign(None).map_err(|failure| log_error("end of a read", &failure))
    }

    fn forget(&mut self) {
        self.consumer.release();
        self.cursor = 0;
    }
}

enum Step {
    More,
    Broken,
    End,
}
