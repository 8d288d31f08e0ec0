//! How a cluster is reached, and who a lane is. Any setting of librdkafka can be passed on, but for those that exactness rests on.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::error::KafkaError;

/// Where a cluster is, and how it is talked to.
#[derive(Clone)]
pub struct Cluster {
    /// `HOST:PORT`, several with commas between them.
    pub brokers: String,
    /// Before the names of topics and groups and before transactional ids, so that several deployments can share a cluster. Callers of this
    /// crate name topics without it.
    pub prefix: String,
    /// Settings of librdkafka by their names, for TLS, SASL, compression and so on. They win over our defaults.
    pub client: BTreeMap<String, String>,
    /// Told what librdkafka has to say, on any of its threads.
    pub on_log: fn(&str),
}

impl fmt::Debug for Cluster {
    /// With the names of the client's settings alone: among their values are passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { brokers, prefix, client, on_log: _ } = self;
        f.debug_struct("Cluster").field("brokers", brokers).field("prefix", prefix).field("client", &client.keys()).finish_non_exhaustive()
    }
}

impl Cluster {
    /// Without encryption, and with nothing said of what librdkafka logs.
    #[must_use]
    pub fn new(brokers: &str) -> Self {
        Self { brokers: brokers.to_owned(), prefix: String::new(), client: BTreeMap::new(), on_log: |_| {} }
    }

    /// What the cluster calls a topic.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// What becomes of a lane's partitions when it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Membership {
    /// They wait for a lane of the same instance and number for as long as the session timeout: a restart moves nothing.
    #[default]
    Static,
    /// They go to the other lanes at once.
    Dynamic,
}

/// Who a lane is. Two lanes that live at the same time differ in `instance` or `lane`; the same lane after a restart has both again, which
/// is what fences the one before.
#[derive(Clone, Debug)]
pub struct LaneOptions {
    /// The cluster.
    pub cluster: Cluster,
    /// The consumer group. Positions are kept under this name.
    pub group: String,
    /// What distinguishes transactional ids from those of other applications on the same cluster.
    pub application: String,
    /// Which process of the stage this is.
    pub instance: String,
    /// Number of the lane in its process.
    pub lane: u32,
    /// What becomes of its partitions when it goes.
    pub membership: Membership,
    /// After this long without a heartbeat the group gives a lane up. The broker allows 6 s to 30 min unless told otherwise.
    pub session_timeout: Duration,
    /// After this long the broker aborts a transaction: what a lane that died holds back from readers of its outputs.
    pub transaction_timeout: Duration,
    /// How long a question is repeated to a cluster that does not answer before the lane starts over.
    pub patience: Duration,
    /// Records that a poll hands out at most. A stage commits between polls.
    pub poll_records: usize,
    /// How often it is asked whether the input topics are still the same.
    pub topic_check_interval: Duration,
}

impl LaneOptions {
    /// With what worked well in trials.
    #[must_use]
    pub fn new(cluster: Cluster, group: &str, instance: &str, lane: u32) -> Self {
        Self {
            cluster,
            group: group.to_owned(),
            application: "playhead".to_owned(),
            instance: instance.to_owned(),
            lane,
            membership: Membership::default(),
            session_timeout: Duration::from_secs(10),
            transaction_timeout: Duration::from_secs(10),
            patience: Duration::from_secs(30),
            poll_records: 4_096,
            topic_check_interval: Duration::from_secs(5),
        }
    }

    /// The lane's name among all of its application: its transactional id.
    #[must_use]
    pub fn transactional_id(&self) -> String {
        format!("{}{}.{}.{}.{}", self.cluster.prefix, self.application, self.group, self.instance, self.lane)
    }

    /// What the cluster calls the group.
    pub(crate) fn group_id(&self) -> String {
        format!("{}{}", self.cluster.prefix, self.group)
    }

    /// How often the group hears of the lane.
    pub(crate) fn heartbeat_interval(&self) -> Duration {
        (self.session_timeout / 4).min(Duration::from_secs(3))
    }

    pub(crate) fn consumer_settings(&self) -> Result<BTreeMap<String, String>, KafkaError> {
        let mut settings = self.cluster.settings(&CONSUMER_DEFAULTS)?;
        let mut fix = |key: &str, value: &str| _ = settings.insert(key.to_owned(), value.to_owned());
        fix("group.id", &self.group_id());
        if self.membership == Membership::Static {
            fix("group.instance.id", &format!("{}.{}", self.instance, self.lane));
        }
        fix("session.timeout.ms", &self.session_timeout.as_millis().to_string());
        fix("heartbeat.interval.ms", &self.heartbeat_interval().as_millis().to_string());
        // Classic: a commit with the membership of before a rebalance is refused there.
        fix("group.protocol", "classic");
        fix("partition.assignment.strategy", "cooperative-sticky");
        fix("enable.partition.eof", "false");
        CONSUMER_FIXED.iter().for_each(|(key, value)| fix(key, value));
        Ok(settings)
    }

    /// What the producer, which is not librdkafka's, reads of them.
    pub(crate) fn producer_settings(&self) -> Result<BTreeMap<String, String>, KafkaError> {
        self.cluster.settings(&[])
    }
}

impl Cluster {
    /// Defaults, what the user says, and where the cluster is.
    fn settings(&self, defaults: &[(&str, &str)]) -> Result<BTreeMap<String, String>, KafkaError> {
        if let Some((key, reason)) = REFUSED.iter().find(|(key, _)| self.client.contains_key(*key)) {
            return Err(KafkaError::Refused { key: (*key).to_owned(), reason });
        }
        let mut settings: BTreeMap<String, String> =
            COMMON_DEFAULTS.iter().chain(defaults).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        settings.extend(self.client.clone());
        settings.insert("bootstrap.servers".to_owned(), self.brokers.clone());
        Ok(settings)
    }

    /// A client that only asks and orders.
    pub(crate) fn admin_settings(&self) -> Result<BTreeMap<String, String>, KafkaError> {
        self.settings(&[])
    }

    /// A consumer outside of any group; the name only says who asks.
    pub(crate) fn reader_settings(&self, group: &str) -> Result<BTreeMap<String, String>, KafkaError> {
        let mut settings = self.settings(&CONSUMER_DEFAULTS)?;
        let mut fix = |key: &str, value: &str| _ = settings.insert(key.to_owned(), value.to_owned());
        fix("group.id", group);
        fix("enable.partition.eof", "true");
        // A read that comes after this one must not wait for an answer that nobody needs any more.
        fix("fetch.wait.max.ms", "10");
        CONSUMER_FIXED.iter().for_each(|(key, value)| fix(key, value));
        Ok(settings)
    }
}

/// Back within a second when a broker is.
const COMMON_DEFAULTS: [(&str, &str); 4] = [
    ("client.id", "playhead"),
    ("log.connection.close", "false"),
    ("reconnect.backoff.max.ms", "1000"),
    ("socket.keepalive.enable", "true"),
];

/// Bounded memory, and no second lost when the client's queue was full.
const CONSUMER_DEFAULTS: [(&str, &str); 4] = [
    ("fetch.queue.backoff.ms", "20"),
    ("queued.max.messages.kbytes", "16384"),
    ("queued.min.messages", "20000"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];

const CONSUMER_FIXED: [(&str, &str); 4] = [
    ("auto.offset.reset", "error"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("isolation.level", "read_committed"),
];

const POSITIONS: &str = "positions are committed with the outputs";
const NAMES: &str = "it follows from group, instance and lane";
const TRANSACTIONS: &str = "exactly once rests on transactions";

const NOT_LIBRDKAFKA: &str = "the producer is not librdkafka's, and has no such setting";

/// Keys that the user cannot set, and why.
const REFUSED: [(&str, &str); 45] = [
    ("acks", TRANSACTIONS),
    ("auto.commit.enable", POSITIONS),
    ("auto.offset.reset", "a position outside the log is an error, never a new one"),
    ("batch.num.messages", NOT_LIBRDKAFKA),
    ("batch.size", "it follows from the output topics"),
    ("bootstrap.servers", "it is `brokers`"),
    ("compression.level", NOT_LIBRDKAFKA),
    ("default.topic.config", "settings are named one by one"),
    ("delivery.report.only.error", "only what was refused is looked at"),
    ("delivery.timeout.ms", NOT_LIBRDKAFKA),
    ("dr_cb", "only what was refused is looked at"),
    ("dr_msg_cb", "only what was refused is looked at"),
    ("enable.auto.commit", POSITIONS),
    ("enable.auto.offset.store", POSITIONS),
    ("enable.gapless.guarantee", TRANSACTIONS),
    ("enable.idempotence", TRANSACTIONS),
    ("enable.partition.eof", "positions tell where the end is"),
    ("group.id", NAMES),
    ("group.instance.id", NAMES),
    ("group.protocol", "the classic protocol refuses commits of a member that has been replaced"),
    ("heartbeat.interval.ms", "it follows from the session timeout"),
    ("isolation.level", TRANSACTIONS),
    ("log.queue", "logs go to the program"),
    ("max.in.flight", TRANSACTIONS),
    ("max.in.flight.requests.per.connection", TRANSACTIONS),
    ("message.copy.max.bytes", NOT_LIBRDKAFKA),
    ("message.max.bytes", "it follows from the output topics"),
    ("message.send.max.retries", TRANSACTIONS),
    ("message.timeout.ms", NOT_LIBRDKAFKA),
    ("metadata.broker.list", "it is `brokers`"),
    ("msg_order_cmp", NOT_LIBRDKAFKA),
    ("partition.assignment.strategy", "partitions that stay must not stop"),
    ("partitioner", NOT_LIBRDKAFKA),
    ("partitioner_cb", NOT_LIBRDKAFKA),
    ("produce.offset.report", NOT_LIBRDKAFKA),
    ("queue.buffering.backpressure.threshold", NOT_LIBRDKAFKA),
    ("queue.buffering.max.kbytes", NOT_LIBRDKAFKA),
    ("queue.buffering.max.messages", NOT_LIBRDKAFKA),
    ("queuing.strategy", NOT_LIBRDKAFKA),
    ("request.required.acks", TRANSACTIONS),
    ("retries", TRANSACTIONS),
    ("session.timeout.ms", "it is an option of the lane"),
    ("sticky.partitioning.linger.ms", NOT_LIBRDKAFKA),
    ("transaction.timeout.ms", "it is an option of the lane"),
    ("transactional.id", NAMES),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(client: &[(&str, &str)]) -> LaneOptions {
        let client = client.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        LaneOptions::new(Cluster { client, ..Cluster::new("a:1,b:2") }, "playback", "host-1", 3)
    }

    #[test]
    fn every_key_that_exactness_rests_on_is_refused_by_name() {
        for (key, reason) in REFUSED {
            let lane = lane(&[(key, "x")]);
            for refused in [lane.consumer_settings(), lane.producer_settings(), lane.cluster.reader_settings("r")] {
                assert_eq!(refused.unwrap_err().to_string(), format!("kafka.client.{key} cannot be set: {reason}"));
            }
        }
    }

    #[test]
    fn what_is_fixed_can_not_be_set_by_the_user() {
        let lane = lane(&[]);
        let (defaults, all) = (lane.cluster.settings(&[]).unwrap(), lane.consumer_settings().unwrap());
        for key in all.keys().chain(lane.producer_settings().unwrap().keys()) {
            let is_default = [&COMMON_DEFAULTS, &CONSUMER_DEFAULTS].iter().any(|of| of.iter().any(|(known, _)| known == key));
            assert!(is_default || REFUSED.iter().any(|(refused, _)| refused == key), "{key} is fixed, and can be set");
        }
        assert_eq!(defaults["bootstrap.servers"], "a:1,b:2");
    }

    #[test]
    fn the_user_wins_over_defaults() {
        let lane = lane(&[("linger.ms", "50"), ("security.protocol", "ssl")]);
        let producer = lane.producer_settings().unwrap();
        assert_eq!((producer["linger.ms"].as_str(), producer["security.protocol"].as_str()), ("50", "ssl"));
        assert_eq!(lane.transactional_id(), "playhead.playback.host-1.3");
        assert_eq!(lane.consumer_settings().unwrap()["group.instance.id"], "host-1.3");
        let mut prefixed = lane.clone();
        prefixed.cluster.prefix = "staging.".to_owned();
        assert_eq!(prefixed.transactional_id(), "staging.playhead.playback.host-1.3");
        assert_eq!(prefixed.consumer_settings().unwrap()["group.id"], "staging.playback");
        assert_eq!(prefixed.cluster.topic("playback_events"), "staging.playback_events");
        let dynamic = LaneOptions { membership: Membership::Dynamic, ..lane };
        assert_eq!(dynamic.consumer_settings().unwrap().get("group.instance.id"), None);
    }
}
