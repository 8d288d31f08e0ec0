//! A lane: the log as one thread of a stage sees it.

mod events;
mod log;

use std::sync::Arc;
use std::time::{Duration, Instant};

use pipeline::{LogError, OutputTopic, TopicPartition};

use crate::KafkaError;
use crate::admin;
use crate::error::{is_final, log_error};
use crate::input::Input;
use crate::options::{self, LaneOptions};
use crate::patience::Patience;
use crate::raw::{Client, Consumer, Failure, Kind, Membership, Partitions, Place, Request, TopicDescription};
use crate::reader::Reader;
use crate::records::FlatHeaders;
use crate::transactions::{TWIN, Transactions, WhenFenced};

/// A lane on Kafka. One thread, no sharing.
pub struct KafkaLane {
    options: LaneOptions,
    input: Input,
    /// None: a sink, which commits positions by themselves.
    transactions: Option<Transactions>,
    /// What restores read by, made when the first one does.
    reader: Option<Reader>,
    /// It has joined a group, or is about to.
    is_member: bool,
    /// Revoked, and handed over by the next poll.
    leaving: Option<Vec<TopicPartition>>,
    /// The group has said what is ours, be it nothing.
    has_joined: bool,
    /// What the group called us when it gave us the partitions that we have.
    member_id: String,
    /// The group gave us up since: what we have may be another's.
    is_given_up: bool,
    /// When another instance last joined under our name.
    last_replaced: Option<Instant>,
    /// What was lost by joining anew, and is to be told.
    lost: Vec<TopicPartition>,
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

impl KafkaLane {
    /// For a processor: [`TopicPartition::topic`] is an index in `inputs`, [`pipeline::OutputRecord::topic`] one in `outputs`. Fences the
    /// lane of the same name. Without inputs it is a producer.
    ///
    /// # Errors
    /// Where a topic does not exist or has not as many partitions as `outputs` says, or the cluster does not answer.
    pub fn processor(options: LaneOptions, inputs: &[&str], outputs: &[OutputTopic]) -> Result<Self, KafkaError> {
        let mut lane = Self::unsubscribed(options, inputs)?;
        // Before it joins: what the one before left open must not be waited for by the group.
        lane.begin_transactions(WhenFenced::AskTheGroup, outputs)?;
        lane.subscribe()?;
        Ok(lane)
    }

    fn begin_transactions(&mut self, when_fenced: WhenFenced, outputs: &[OutputTopic]) -> Result<(), KafkaError> {
        let found = self.describe(outputs.iter().map(|output| output.name.as_str()))?;
        let mut transactions = Transactions::new(&self.options, when_fenced, outputs, &found)?;
        transactions.start(&|| self.consumer.keep_alive()).map_err(|error| match error {
            LogError::Transaction(message) => KafkaError::Unavailable(message),
            other => KafkaError::Failed(other.to_string()),
        })?;
        self.transactions = Some(transactions);
        Ok(())
    }

    /// For a writer that keeps its own positions in `inputs` with what it writes, and reads nothing: it joins no group, so that no rebalance
    /// can come between. Fences the lane of the same name; one that is fenced itself gives way.
    ///
    /// # Errors
    /// As [`KafkaLane::processor`].
    pub fn writer(options: LaneOptions, inputs: &[&str], outputs: &[OutputTopic]) -> Result<Self, KafkaError> {
        let mut lane = Self::unsubscribed(options, inputs)?;
        lane.begin_transactions(WhenFenced::GiveWay, outputs)?;
        Ok(lane)
    }

    /// For whoever only reads ranges and positions: it joins no group, writes nothing and fences nobody.
    ///
    /// # Errors
    /// Where a topic does not exist, or the cluster does not answer.
    pub fn reader(options: LaneOptions, inputs: &[&str]) -> Result<Self, KafkaError> {
        Self::unsubscribed(options, inputs)
    }

    /// For a sink: positions are committed with their metadata, by themselves.
    ///
    /// # Errors
    /// Where a topic does not exist, or the cluster does not answer.
    pub fn sink(options: LaneOptions, inputs: &[&str]) -> Result<Self, KafkaError> {
        let mut lane = Self::unsubscribed(options, inputs)?;
        lane.subscribe()?;
        Ok(lane)
    }

    fn unsubscribed(options: LaneOptions, inputs: &[&str]) -> Result<Self, KafkaError> {
        let consumer = Consumer::new(&options.consumer_settings()?, options.cluster.on_log)?;
        let asking = Arc::new(Client::new(Kind::Asking, &options.cluster.admin_settings()?, options.cluster.on_log)?);
        let mut lane = Self {
            options,
            input: Input::new(Vec::new()),
            transactions: None,
            reader: None,
            is_member: false,
            leaving: None,
            has_joined: false,
            member_id: String::new(),
            is_given_up: false,
            last_replaced: None,
            lost: Vec::new(),
            cursor: 0,
            last: None,
            headers: FlatHeaders::default(),
            topic_check: None,
            last_topic_check: Instant::now(),
            asking,
            consumer,
        };
        lane.input = Input::new(lane.describe(inputs.iter().copied())?);
        Ok(lane)
    }

    fn subscribe(&mut self) -> Result<(), KafkaError> {
        self.is_member = self.input.names().next().is_some();
        if self.is_member {
            self.consumer.subscribe(self.input.names())?;
        }
        Ok(())
    }

    fn describe<'t>(&self, topics: impl Iterator<Item = &'t str>) -> Result<Vec<admin::TopicInfo>, KafkaError> {
        let names: Vec<String> = topics.map(|topic| self.options.cluster.topic(topic)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let alive = || self.consumer.keep_alive();
        admin::describe(&self.asking, &names, &Patience { limit: self.options.patience, alive: &alive })
    }

    /// Asks the cluster, with signs of life.
    fn ask<T>(&self, what: &str, request: impl FnMut(Duration) -> Result<Request<T>, Failure>) -> Result<T, LogError> {
        let alive = || self.consumer.keep_alive();
        Patience { limit: self.options.patience, alive: &alive }.ask(request).map_err(|failure| log_error(what, &failure))
    }

    /// Who we are to the group, so long as it has never given us up since we have our partitions. librdkafka does not always tell: a static
    /// member that is given up while it joins (KIP-345; `JoinGroup` answers UNKNOWN_MEMBER_ID) joins under a new name and keeps what it had,
    /// and what another has read and committed meanwhile. The group would take a commit of such a member, and records would be read twice.
    fn membership(&mut self) -> Result<Membership, LogError> {
        let membership =
            self.consumer.membership().ok_or_else(|| LogError::Transaction("the lane is no member of its group".to_owned()))?;
        self.is_given_up |= !self.input.has_none() && membership.member_id() != self.member_id;
        if self.is_given_up {
            let message = "the group gave this lane up, and has taken it back: its partitions may be another's by now";
            return Err(LogError::Transaction(message.to_owned()));
        }
        Ok(membership)
    }

    /// Joins the group as somebody who has nothing. What we had is lost.
    fn join_anew(&mut self) -> Result<(), LogError> {
        self.consumer = Consumer::new(&self.options.consumer_settings()?, self.options.cluster.on_log).map_err(KafkaError::from)?;
        self.lost.extend(self.input.take_all());
        (self.leaving, self.cursor, self.last) = (None, 0, None);
        self.has_joined = false;
        self.subscribe()?;
        self.is_given_up = false;
        Ok(())
    }

    /// What it means that another instance has joined under our name. That may have been we ourselves: a request to join that a broker
    /// answered too late is sent again, and the second one replaces the first. So a lane that is replaced comes back once. Where it has a
    /// twin, that one then does the same, and the lane that was there first is replaced for the second time and gives way.
    fn replaced(&mut self, error: LogError) -> LogError {
        let why = match error {
            LogError::Fenced(why) if self.is_member => why,
            other => return other,
        };
        if !self.is_given_up {
            if self.last_replaced.replace(Instant::now()).is_some_and(|last| last.elapsed() < TWIN) {
                return LogError::Fenced(format!("{why}, for the second time within {} s", TWIN.as_secs()));
            }
            self.is_given_up = true;
        }
        LogError::Transaction(why)
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
    fn wait_for_verdict(&mut self) -> Result<(), LogError> {
        let started = Instant::now();
        let until = match self.options.membership {
            options::Membership::Static => self.options.heartbeat_interval() + Duration::from_secs(1),
            options::Membership::Dynamic => Duration::ZERO,
        };
        while !self.is_given_up && started.elapsed() < until {
            std::thread::sleep(Duration::from_millis(50));
            self.consumer.keep_alive();
            self.look_whether_alive()?;
        }
        Ok(())
    }

    /// What is done with the reader while the consumer shows signs of life.
    fn with_reader(&mut self, read: impl FnOnce(&mut Reader, &dyn Fn()) -> Result<(), LogError>) -> Result<(), LogError> {
        let consumer = &self.consumer;
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(Reader::named(&self.options.cluster, &self.options.group_id(), self.options.patience)?),
        };
        read(reader, &|| consumer.keep_alive())
    }
}
