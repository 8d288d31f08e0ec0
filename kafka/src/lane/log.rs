//! A lane as [`pipeline::Log`].

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use pipeline::{Batch, Committed, Log, LogError, Outputs, Polled, Position, Record, TopicId, TopicPartition};

use super::KafkaLane;
use super::events::Found;
use crate::error::log_error;
use crate::raw::{Code, Failure, OffsetOf};
use crate::transactions::Transactions;

/// How long one try to learn committed positions may take: an open transaction that holds some is waited for.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause before a broker is asked again how far a partition reaches.
const END_PAUSE: Duration = Duration::from_millis(200);
/// How long a seek may take, which is the client's own affair.
const SEEK_TIMEOUT: Duration = Duration::from_secs(10);

impl Log for KafkaLane {
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError> {
        self.hand_over()?;
        self.check_topics()?;
        let deadline = Instant::now().checked_add(timeout);
        let found = loop {
            loop {
                if self.is_given_up {
                    self.join_anew()?;
                    return Ok(Polled::Revoked { sources: std::mem::take(&mut self.lost), is_lost: true });
                }
                let Some(rebalance) = self.consumer.next_rebalance() else { break };
                if let Some(polled) = self.rebalance(rebalance)? {
                    return Ok(polled);
                }
            }
            let left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            let found = self.next(left)?;
            if found.is_some() || !self.consumer.has_rebalance() {
                break found;
            }
        };
        Ok(match found {
            Some(Found::Run(source, range)) => {
                let next_offset = self.consumer.message(range.end - 1).offset() + 1;
                let topic_id = self.input.topic_id(source);
                Polled::Batch(Batch { source, topic_id, records: self.headers.records(&self.consumer, range), next_offset })
            }
            Some(Found::Gap(source, next_offset)) => {
                Polled::Batch(Batch { source, topic_id: self.input.topic_id(source), records: Vec::new(), next_offset })
            }
            None => {
                self.check_alive()?;
                Polled::Idle { caught_up: !timeout.is_zero() && self.is_caught_up() }
            }
        })
    }

    fn keep_alive(&mut self) -> Result<(), LogError> {
        self.consumer.keep_alive();
        self.check_alive()
    }

    fn read(
        &mut self,
        source: TopicPartition,
        from: i64,
        to: i64,
        each: &mut dyn FnMut(&Batch<'_>) -> ControlFlow<()>,
    ) -> Result<(), LogError> {
        let (topic, topic_id) = (self.input.name(source).to_owned(), self.input.topic_id(source));
        let (first, end) = self.bounds(source)?;
        if let Some(position) = [from, to].into_iter().find(|offset| !(first..=end).contains(offset)) {
            return Err(LogError::OutOfRange { topic, partition: source.partition, position, first, end });
        }
        self.with_reader(|reader, alive| {
            reader.run(&topic, source.partition, from..to, alive, &mut |records, next_offset| {
                each(&Batch { source, topic_id, records: records.to_vec(), next_offset })
            })
        })
    }

    fn read_topic(&mut self, topic: &str, partition: u32, each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>) -> Result<(), LogError> {
        let topic = self.options.cluster.topic(topic);
        self.with_reader(|reader, alive| reader.read_all(&topic, partition, alive, each))
    }

    fn topic_id(&mut self, source: TopicPartition) -> Result<TopicId, LogError> {
        Ok(self.input.topic_id(source))
    }

    fn bounds(&mut self, source: TopicPartition) -> Result<(i64, i64), LogError> {
        let reaches = self.input.get(source).map_or(0, |state| state.reaches.max(state.position.unwrap_or(0)));
        let place = (self.input.name(source).to_owned(), source.partition);
        let started = Instant::now();
        loop {
            let offset = |of| -> Result<i64, LogError> {
                let offsets = self.ask("bounds", |timeout| self.asking.offsets(of, [(place.0.as_str(), place.1)], timeout))?;
                Ok(offsets.values().next().copied().unwrap_or(0))
            };
            let (first, end) = (offset(OffsetOf::First)?, offset(OffsetOf::CommittedEnd)?);
            // A broker that has just come back does not know at once how far it had got.
            if reaches <= end || started.elapsed() >= self.options.patience {
                return Ok((first, end));
            }
            self.keep_alive()?;
            std::thread::sleep(END_PAUSE);
        }
    }

    fn largest_timestamp_ms(&mut self, source: TopicPartition) -> Result<Option<i64>, LogError> {
        let place = (self.input.name(source), source.partition);
        let timestamps = self.ask("largest timestamp", |timeout| self.asking.largest_timestamps([place], timeout))?;
        Ok(timestamps.values().next().copied().filter(|timestamp_ms| *timestamp_ms >= 0))
    }

    fn committed(&mut self, source: TopicPartition) -> Result<Option<Committed>, LogError> {
        let failed = |failure: Failure| log_error("committed positions", &failure);
        let list = self.input.list(source, 0).map_err(failed)?;
        self.consumer.keep_alive();
        self.consumer.committed(&list, COMMITTED_TIMEOUT).map_err(failed)?;
        let committed = list.iter().next().and_then(|entry| self.input.committed(source, &entry));
        if let Some(Committed { next_offset, .. }) = &committed
            && let Ok(state) = self.input.source(source)
        {
            state.reaches = state.reaches.max(*next_offset);
        }
        Ok(committed)
    }

    fn send(&mut self, outputs: &mut Outputs) -> Result<(), LogError> {
        let consumer = &self.consumer;
        match &mut self.transactions {
            Some(transactions) => transactions.send(outputs, &|| consumer.keep_alive()),
            None => Err(LogError::Fatal("a sink's lane has no outputs".to_owned())),
        }
    }

    fn commit(&mut self, positions: &[Position]) -> Result<(), LogError> {
        let list = self.input.positions(positions).map_err(|failure| log_error("positions", &failure))?;
        let membership = if list.is_empty() { None } else { Some(self.membership()?) };
        let consumer = &self.consumer;
        let committed = match (&mut self.transactions, &membership) {
            (Some(transactions), membership) => {
                let positions = membership.as_ref().map(|membership| (&list, membership));
                transactions.commit(positions, &|| consumer.keep_alive())
            }
            (None, Some(_)) => self.commit_plainly(&list),
            (None, None) => Ok(()),
        };
        committed.map_err(|error| self.replaced(error))
    }

    fn recover(&mut self) -> Result<Vec<TopicPartition>, LogError> {
        self.look_whether_alive()?;
        if !self.is_given_up {
            self.hand_over()?;
            self.input.forget_positions();
            if self.transactions.as_ref().is_some_and(Transactions::is_fenced) {
                self.wait_for_verdict()?;
            }
        }
        if self.is_given_up {
            self.join_anew()?;
        }
        let consumer = &self.consumer;
        if let Some(transactions) = &mut self.transactions {
            transactions.start(&|| consumer.keep_alive())?;
        }
        Ok(std::mem::take(&mut self.lost))
    }

    fn seek(&mut self, source: TopicPartition, offset: i64) -> Result<(), LogError> {
        let failed = |failure: Failure| log_error("seek", &failure);
        let list = self.input.list(source, offset).map_err(failed)?;
        let held = self.consumer.held();
        let state = self.input.source(source)?;
        (state.position, state.held_from, state.is_unsure) = (Some(offset), held, true);
        if !state.is_new {
            match self.consumer.seek(&list, SEEK_TIMEOUT) {
                // Not fetched: it has not begun yet, or an error has ended it.
                Err(failure) if failure.code == Code::RD_KAFKA_RESP_ERR__STATE => {
                    self.consumer.incremental_unassign(&list).map_err(failed)?;
                }
                sought => return sought.map_err(failed),
            }
        }
        self.consumer.incremental_assign(&list).map_err(failed)?;
        state.is_new = false;
        if state.is_paused {
            self.consumer.pause(&list).map_err(failed)?;
        }
        Ok(())
    }

    fn pause(&mut self, source: TopicPartition) -> Result<(), LogError> {
        let failed = |failure: Failure| log_error("pause", &failure);
        let list = self.input.list(source, 0).map_err(failed)?;
        let state = self.input.source(source)?;
        state.is_paused = true;
        if state.is_new {
            return Ok(());
        }
        let position = state.position;
        self.consumer.pause(&list).map_err(failed)?;
        // The client would go on behind what it has handed to us, and not behind what we have handed on.
        position.map_or(Ok(()), |position| self.seek(source, position))
    }

    fn resume(&mut self, source: TopicPartition) -> Result<(), LogError> {
        let failed = |failure: Failure| log_error("resume", &failure);
        let list = self.input.list(source, 0).map_err(failed)?;
        let state = self.input.source(source)?;
        state.is_paused = false;
        if state.is_new { Ok(()) } else { self.consumer.resume(&list).map_err(failed) }
    }
}
