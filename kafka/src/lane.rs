//! A lane: the log as one thread of a stage sees it.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pipeline::{Batch, Committed, Log, LogError, OutputTopic, Outputs, Polled, Position, Record, TopicId, TopicPartition};

use crate::KafkaError;
use crate::admin;
use crate::error::{is_final, log_error};
use crate::input::Input;
use crate::options::{LaneOptions, Membership};
use crate::patience::Patience;
use crate::raw::{Change, Client, Code, Consumer, END, Failure, Kind, OffsetOf, Partitions, Place, Rebalance, Request, TopicDescription};
use crate::reader::Reader;
use crate::records::{self, FlatHeaders};
use crate::transactions::Transactions;

/// How long one try to learn committed positions may take: an open transaction that holds some is waited for.
const COMMITTED_TIMEOUT: Duration = Duration::from_secs(30);
/// A partition is assigned before its fetching has started, and cannot be sought until then.
const SEEK_TIMEOUT: Duration = Duration::from_secs(10);
const SEEK_PAUSE: Duration = Duration::from_millis(5);
/// How long an idle lane waits to learn where the ends are.
const ENDS_TIMEOUT: Duration = Duration::from_secs(5);

/// A lane on Kafka. One thread, no sharing.
pub struct KafkaLane {
    options: LaneOptions,
    input: Input,
    /// None: a sink, which commits positions by themselves.
    transactions: Option<Transactions>,
    /// What restores read by, made when the first one does.
    reader: Option<Reader>,
    /// Revoked, and handed over by the next poll.
    leaving: Option<Partitions>,
    /// The group has said what is ours, be it nothing.
    has_joined: bool,
    /// Index of the first message held that was not looked at.
    cursor: usize,
    /// The partition of the last run, so that its name need not be looked up again.
    last: Option<(Place, TopicPartition)>,
    headers: FlatHeaders,
    topic_check: Option<Request<Vec<TopicDescription>>>,
    last_topic_check: Instant,
    /// Asks what is not the consumer's to know: a broker answers in order, and holds back the answer to a fetch until there is something.
    asking: Arc<Client>,
    consumer: Consumer,
}

/// What the loop of a poll found.
enum Found {
    /// A run of messages held.
    Run(TopicPartition, Range<usize>),
    /// A position beyond the last record handed out.
    Gap(TopicPartition, i64),
}

impl KafkaLane {
    /// For a processor: [`TopicPartition::topic`] is an index in `inputs`, [`pipeline::OutputRecord::topic`] one in `outputs`. Fences the
    /// lane of the same name. Without inputs it is a producer.
    ///
    /// # Errors
    /// Where a topic does not exist or has not as many partitions as `outputs` says, or the cluster does not answer.
    pub fn processor(options: LaneOptions, inputs: &[&str], outputs: &[OutputTopic]) -> Result<Self, KafkaError> {
        let mut lane = Self::unsubscribed(options, inputs)?;
        let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
        let found = lane.describe(&names)?;
        let mut transactions = Transactions::new(&lane.options, outputs, &found)?;
        // Before it joins: what the one before left open must not be waited for by the group.
        transactions.start(&|| lane.consumer.keep_alive()).map_err(|error| KafkaError::Failed(error.to_string()))?;
        lane.transactions = Some(transactions);
        lane.subscribe()?;
        Ok(lane)
    }

    /// For a sink: positions are committed with their metadata, by themselves.
    ///
    /// # Errors
    /// Where a topic does not exist, or the cluster does not answer.
    pub fn sink(options: LaneOptions, inputs: &[&str]) -> Result<Self, KafkaError> {
        let lane = Self::unsubscribed(options, inputs)?;
        lane.subscribe()?;
        Ok(lane)
    }

    fn unsubscribed(options: LaneOptions, inputs: &[&str]) -> Result<Self, KafkaError> {
        let consumer = Consumer::new(&options.consumer_settings()?, options.cluster.on_log)?;
        let asking = Arc::new(Client::new(Kind::Producer, &options.cluster.admin_settings()?, options.cluster.on_log)?);
        let mut lane = Self {
            options,
            input: Input::new(Vec::new()),
            transactions: None,
            reader: None,
            leaving: None,
            has_joined: false,
            cursor: 0,
            last: None,
            headers: FlatHeaders::default(),
            topic_check: None,
            last_topic_check: Instant::now(),
            asking,
            consumer,
        };
        lane.input = Input::new(lane.describe(inputs)?);
        Ok(lane)
    }

    fn subscribe(&self) -> Result<(), KafkaError> {
        if self.input.names().next().is_some() {
            self.consumer.subscribe(self.input.names())?;
        }
        Ok(())
    }

    fn describe(&self, topics: &[&str]) -> Result<Vec<admin::TopicInfo>, KafkaError> {
        let alive = || self.consumer.keep_alive();
        admin::describe(&self.asking, topics, &Patience { limit: self.options.patience, alive: &alive })
    }

    /// Asks the cluster, with signs of life.
    fn ask<T>(&self, what: &str, request: impl FnMut(Duration) -> Result<Request<T>, Failure>) -> Result<T, LogError> {
        let alive = || self.consumer.keep_alive();
        Patience { limit: self.options.patience, alive: &alive }.ask(request).map_err(|failure| log_error(what, &failure))
    }

    /// The next thing of what is held; asks the client for more where nothing is.
    fn next(&mut self, timeout: Duration) -> Result<Option<Found>, LogError> {
        let deadline = Instant::now().checked_add(timeout);
        loop {
            if let Some((source, range)) = self.next_run()? {
                return Ok(Some(Found::Run(source, range)));
            }
            if self.consumer.has_rebalance() {
                return Ok(None);
            }
            self.consumer.release();
            (self.cursor, self.last) = (0, None);
            self.input.forget_held();
            if self.consumer.take(Duration::ZERO, self.options.poll_records.max(1)) > 0 {
                continue;
            }
            if let Some((source, position)) = self.gap()? {
                return Ok(Some(Found::Gap(source, position)));
            }
            let left = deadline.map_or(timeout, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() || self.consumer.has_rebalance() {
                return Ok(None);
            }
            // Wakes up for the first message; the next turn takes all that came with it.
            self.consumer.take(left, 1);
        }
    }

    /// The next run of messages held that is to be handed out.
    fn next_run(&mut self) -> Result<Option<(TopicPartition, Range<usize>)>, LogError> {
        while self.cursor < self.consumer.held() {
            let message = self.consumer.message(self.cursor);
            if let Some(failure) = message.failure() {
                self.cursor += 1;
                let (topic, partition) = (message.topic(), message.place().partition);
                self.trouble(&topic, partition, &failure)?;
                continue;
            }
            let run = records::run(&self.consumer, self.cursor);
            self.cursor = run.end;
            let place = message.place();
            let source = match self.last {
                Some((last, source)) if last == place => Some(source),
                _ => self.input.find(&message.topic(), place.partition),
            };
            let Some(source) = source else { continue };
            self.last = Some((place, source));
            let consumer = &self.consumer;
            if let Some(range) = self.input.hand_out(source, run, |index| consumer.message(index).offset()) {
                return Ok(Some((source, range)));
            }
        }
        Ok(None)
    }

    /// An error in the place of a message.
    fn trouble(&mut self, topic: &str, partition: u32, failure: &Failure) -> Result<(), LogError> {
        self.check_alive()?;
        let source = self.input.find(topic, partition);
        let position = source.and_then(|source| Some((source, self.input.get(source)?.position?)));
        match (failure.code, position) {
            // The client knows no position in a partition that is still being restored.
            (Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, None) => Ok(()),
            (Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, Some((source, position))) => {
                self.check_topics_now()?;
                let (first, end) = self.bounds(source)?;
                if (first..=end).contains(&position) {
                    return self.seek(source, position);
                }
                Err(LogError::OutOfRange { topic: topic.to_owned(), partition, position, first, end })
            }
            (code, _) if is_final(code) => Err(log_error(topic, failure)),
            (_, position) => {
                (self.options.cluster.on_log)(&format!("{topic}: {failure}"));
                // An error has an offset too, and batch calls count it as read.
                position.map_or(Ok(()), |(source, position)| self.seek(source, position))
            }
        }
    }

    /// Stops where this member is not one any more and never will be.
    fn check_alive(&self) -> Result<(), LogError> {
        match self.consumer.client().fatal() {
            None => Ok(()),
            Some(failure) => Err(match log_error("consumer", &failure) {
                LogError::Transaction(message) => LogError::Fatal(message),
                other => other,
            }),
        }
    }

    /// A partition whose position moved without a record: markers of transactions, or aborted records.
    fn gap(&mut self) -> Result<Option<(TopicPartition, i64)>, LogError> {
        let mut list = Partitions::new();
        let reading = self.input.assigned().filter(|(_, state)| !state.is_paused && state.position.is_some());
        for (source, _) in reading {
            list.push(self.input.name(source), source.partition, 0, "").map_err(|failure| log_error("position", &failure))?;
        }
        if list.is_empty() {
            return Ok(None);
        }
        self.consumer.position(&list).map_err(|failure| log_error("position", &failure))?;
        for entry in list.iter() {
            let Some(source) = self.input.find(&entry.topic, entry.partition) else { continue };
            let state = self.input.source(source)?;
            if entry.offset > state.position.unwrap_or(i64::MAX) {
                state.position = Some(entry.offset);
                return Ok(Some((source, entry.offset)));
            }
        }
        Ok(None)
    }

    /// Whether every partition that is read has been read to the end that it has now.
    fn is_caught_up(&self) -> bool {
        let reading: BTreeMap<(&str, u32), Option<i64>> = self
            .input
            .assigned()
            .filter(|(_, state)| !state.is_paused)
            .map(|(source, state)| ((self.input.name(source), source.partition), state.position))
            .collect();
        if !self.has_joined || reading.is_empty() {
            return self.has_joined;
        }
        let ends = self.asking.offsets(OffsetOf::CommittedEnd, reading.keys().copied(), ENDS_TIMEOUT);
        let Ok(ends) = ends.and_then(|request| request.wait()) else { return false };
        ends.iter().all(|((topic, partition), end)| reading.get(&(topic.as_str(), *partition)).is_some_and(|at| *at >= Some(*end)))
    }

    /// Answers a change of the assignment, or notes that it is to be answered. None where the caller need not know.
    fn rebalance(&mut self, rebalance: Rebalance) -> Result<Option<Polled<'static>>, LogError> {
        let sources = self.input.of(&rebalance);
        match rebalance.change {
            Change::Assigned => {
                let mut list = Partitions::new();
                for &source in &sources {
                    list.push(self.input.name(source), source.partition, END, "").map_err(|failure| log_error("assignment", &failure))?;
                }
                self.consumer.incremental_assign(&list).map_err(|failure| log_error("assignment", &failure))?;
                // Where to read on is said by a seek; until then there is nothing to fetch.
                self.consumer.pause(&list).map_err(|failure| log_error("assignment", &failure))?;
                self.has_joined = true;
                self.input.add(&sources);
                Ok((!sources.is_empty()).then_some(Polled::Assigned(sources)))
            }
            Change::Revoked => {
                self.leaving = Some(rebalance.partitions);
                Ok((!sources.is_empty()).then_some(Polled::Revoked { sources, is_lost: false }))
            }
            Change::Lost => {
                self.input.remove(&sources);
                self.consumer.incremental_unassign(&rebalance.partitions).map_err(|failure| log_error("lost partitions", &failure))?;
                Ok((!sources.is_empty()).then_some(Polled::Revoked { sources, is_lost: true }))
            }
        }
    }

    /// Hands over what was revoked.
    fn hand_over(&mut self) -> Result<(), LogError> {
        let Some(partitions) = self.leaving.take() else { return Ok(()) };
        let sources: Vec<TopicPartition> = partitions.iter().filter_map(|entry| self.input.find(&entry.topic, entry.partition)).collect();
        self.input.remove(&sources);
        match self.consumer.incremental_unassign(&partitions) {
            Ok(()) => Ok(()),
            // Meanwhile they were lost, which is told by an event of its own.
            Err(failure) if failure.code == Code::RD_KAFKA_RESP_ERR__STATE => Ok(()),
            Err(failure) => Err(log_error("revoked partitions", &failure)),
        }
    }

    /// Notices a topic that was made anew, without waiting for an answer.
    fn check_topics(&mut self) -> Result<(), LogError> {
        if let Some(answer) = self.topic_check.as_ref().and_then(|request| request.poll(Duration::ZERO)) {
            self.topic_check = None;
            match answer {
                Ok(now) => self.input.check(&now)?,
                Err(failure) if is_final(failure.code) => return Err(log_error("input", &failure)),
                // Asked again soon.
                Err(_) => {}
            }
        }
        if self.topic_check.is_none() && self.last_topic_check.elapsed() >= self.options.topic_check_interval {
            self.last_topic_check = Instant::now();
            self.topic_check = self.asking.describe(self.input.names(), self.options.patience).ok();
        }
        Ok(())
    }

    fn check_topics_now(&self) -> Result<(), LogError> {
        self.input.check(&self.ask("input", |timeout| self.asking.describe(self.input.names(), timeout))?)
    }

    /// Commits positions by themselves.
    fn commit_plainly(&self, positions: &Partitions) -> Result<(), LogError> {
        let failed = |failure: Failure| match log_error("commit of positions", &failure) {
            // What a sink lost by it, it finds out from its store.
            LogError::Fatal(message) if !is_final(failure.code) => LogError::Transaction(message),
            other => other,
        };
        let request = self.consumer.commit(positions, self.options.patience).map_err(failed)?;
        let started = Instant::now();
        while started.elapsed() < self.options.patience {
            if let Some(answer) = request.poll(Duration::from_millis(500)) {
                return answer.map_err(failed);
            }
            self.consumer.keep_alive();
        }
        Err(LogError::Transaction("commit of positions: no answer in time".to_owned()))
    }

    /// Another instance has the lane's name, or the transaction took too long. The group knows which: whoever was replaced there is told
    /// so with the next heartbeat.
    fn wait_for_verdict(&self) -> Result<(), LogError> {
        let started = Instant::now();
        let until = match self.options.membership {
            Membership::Static => self.options.heartbeat_interval() + Duration::from_secs(1),
            Membership::Dynamic => Duration::ZERO,
        };
        loop {
            self.check_alive()?;
            if started.elapsed() >= until {
                return Ok(());
            }
            self.consumer.keep_alive();
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What is done with the reader while the consumer shows signs of life.
    fn with_reader(&mut self, read: impl FnOnce(&mut Reader, &dyn Fn()) -> Result<(), LogError>) -> Result<(), LogError> {
        let consumer = &self.consumer;
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(Reader::named(&self.options.cluster, &self.options.group, self.options.patience)?),
        };
        read(reader, &|| consumer.keep_alive())
    }
}

impl Log for KafkaLane {
    fn poll(&mut self, timeout: Duration) -> Result<Polled<'_>, LogError> {
        self.hand_over()?;
        self.check_topics()?;
        let deadline = Instant::now().checked_add(timeout);
        let found = loop {
            while let Some(rebalance) = self.consumer.next_rebalance() {
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
        self.with_reader(|reader, alive| reader.read_all(topic, partition, alive, each))
    }

    fn topic_id(&mut self, source: TopicPartition) -> Result<TopicId, LogError> {
        Ok(self.input.topic_id(source))
    }

    fn bounds(&mut self, source: TopicPartition) -> Result<(i64, i64), LogError> {
        let place = (self.input.name(source), source.partition);
        let offset = |of| -> Result<i64, LogError> {
            let offsets = self.ask("bounds", |timeout| self.asking.offsets(of, [place], timeout))?;
            Ok(offsets.values().next().copied().unwrap_or(0))
        };
        Ok((offset(OffsetOf::First)?, offset(OffsetOf::CommittedEnd)?))
    }

    fn committed(&mut self, source: TopicPartition) -> Result<Option<Committed>, LogError> {
        let failed = |failure: Failure| log_error("committed positions", &failure);
        let list = self.input.list(source, 0).map_err(failed)?;
        self.consumer.keep_alive();
        self.consumer.committed(&list, COMMITTED_TIMEOUT).map_err(failed)?;
        Ok(list.iter().next().and_then(|entry| self.input.committed(source, &entry)))
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
        let consumer = &self.consumer;
        match &mut self.transactions {
            None if list.is_empty() => Ok(()),
            None => self.commit_plainly(&list),
            Some(transactions) if list.is_empty() => transactions.commit(None, &|| consumer.keep_alive()),
            Some(transactions) => {
                let gone = || LogError::Transaction("the lane is no member of its group".to_owned());
                let membership = consumer.membership().ok_or_else(gone)?;
                transactions.commit(Some((&list, &membership)), &|| consumer.keep_alive())
            }
        }
    }

    fn recover(&mut self) -> Result<(), LogError> {
        self.hand_over()?;
        self.input.forget_positions();
        if self.transactions.as_ref().is_some_and(Transactions::is_fenced) {
            self.wait_for_verdict()?;
        }
        let consumer = &self.consumer;
        match &mut self.transactions {
            Some(transactions) => transactions.start(&|| consumer.keep_alive()),
            None => Ok(()),
        }
    }

    fn seek(&mut self, source: TopicPartition, offset: i64) -> Result<(), LogError> {
        let held = self.consumer.held();
        let state = self.input.source(source)?;
        (state.position, state.held_from) = (Some(offset), held);
        let begins = std::mem::take(&mut state.is_new) && !state.is_paused;
        let failed = |failure: Failure| log_error("seek", &failure);
        let started = Instant::now();
        loop {
            let list = self.input.list(source, offset).map_err(failed)?;
            match self.consumer.seek(&list, SEEK_TIMEOUT) {
                Err(failure) if failure.code == Code::RD_KAFKA_RESP_ERR__STATE && started.elapsed() < SEEK_TIMEOUT => {
                    self.consumer.keep_alive();
                    std::thread::sleep(SEEK_PAUSE);
                }
                Ok(()) if begins => return self.consumer.resume(&list).map_err(failed),
                sought => return sought.map_err(failed),
            }
        }
    }

    fn pause(&mut self, source: TopicPartition) -> Result<(), LogError> {
        let state = self.input.source(source)?;
        state.is_paused = true;
        let position = state.position;
        let list = self.input.list(source, 0).map_err(|failure| log_error("pause", &failure))?;
        self.consumer.pause(&list).map_err(|failure| log_error("pause", &failure))?;
        // The client would go on behind what it has handed to us, and not behind what we have handed on.
        position.map_or(Ok(()), |position| self.seek(source, position))
    }

    fn resume(&mut self, source: TopicPartition) -> Result<(), LogError> {
        self.input.source(source)?.is_paused = false;
        let list = self.input.list(source, 0).map_err(|failure| log_error("resume", &failure))?;
        self.consumer.resume(&list).map_err(|failure| log_error("resume", &failure))
    }
}
