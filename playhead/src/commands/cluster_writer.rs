//! What a command writes to a cluster by, instead of the data folder.

use std::time::Duration;

use anyhow::bail;
use kafka::{Admin, Cluster, KafkaLane, LaneOptions, Membership, TopicInfo};
use pipeline::OutputTopic;
use producers::ReceivedTime;
use registry::RegistryClient;
use schemas::SchemaSource as _;
use schemas::registry::value_subject;

use crate::config::Config;

/// What there is to say beside records on a cluster.
pub(super) const STAGES_ELSEWHERE: &str = "no stage is run here: on Kafka they are processes of their own, `playhead process`";

/// A cluster that is written to, and its registry.
pub(super) struct ClusterWriter {
    cluster: Cluster,
    admin: Admin,
    registry: RegistryClient,
}

impl ClusterWriter {
    /// # Errors
    /// Where no cluster or registry is set, or a setting is wrong.
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { cluster: config.kafka.cluster()?, admin: config.kafka.admin()?, registry: config.registry.client()? })
    }

    /// # Errors
    /// Where it is not there.
    pub(super) fn topic(&self, name: &str) -> anyhow::Result<TopicInfo> {
        Ok(self.admin.describe(name)?)
    }

    /// The registry's id for the schema of a topic's values.
    ///
    /// # Errors
    /// Where the registry refuses it or does not answer.
    pub(super) fn register(&self, topic: &str, schema: &str) -> anyhow::Result<u32> {
        Ok(self.registry.register(&value_subject(topic), schema)?)
    }

    /// A producer, which joins no group, with the positions of `group` in `inputs`. Of those with the same group and command there is one at a
    /// time on the cluster: this one ends what another has left open, and stops it where it still runs.
    ///
    /// # Errors
    /// Where a topic is not there, or the cluster does not answer.
    pub(super) fn lane(&self, group: &str, command: &str, inputs: &[&str], topics: &[OutputTopic]) -> anyhow::Result<KafkaLane> {
        let options = LaneOptions { membership: Membership::Dynamic, ..LaneOptions::new(self.cluster.clone(), group, command, 0) };
        Ok(KafkaLane::writer(options, inputs, topics)?)
    }

    /// As [`ClusterWriter::lane`], of one that only reads: it stops nobody.
    ///
    /// # Errors
    /// As there.
    pub(super) fn reading_lane(&self, group: &str, command: &str, inputs: &[&str]) -> anyhow::Result<KafkaLane> {
        let options = LaneOptions { membership: Membership::Dynamic, ..LaneOptions::new(self.cluster.clone(), group, command, 0) };
        Ok(KafkaLane::reader(options, inputs)?)
    }
}

/// As [`check_kept`], of a time of receipt, where one was given.
pub(super) fn check_received(topic: &TopicInfo, received: &ReceivedTime) -> anyhow::Result<()> {
    let advice = "it need not be when they happened: with a given time no event is too old, so now will do";
    if received.is_given { check_kept(topic, "--received-time", received.ms, received.now_ms, advice) } else { Ok(()) }
}

/// Refuses a time for records which the topic would not keep: the cluster deletes by it, be they processed or not.
pub(super) fn check_kept(topic: &TopicInfo, flag: &str, oldest_ms: i64, now_ms: i64, advice: &str) -> anyhow::Result<()> {
    let setting = |key: &str| topic.settings.get(key).map_or("", String::as_str);
    let retention_ms: Option<u64> = setting("retention.ms").parse().ok();
    let Some(retention_ms) = retention_ms.filter(|_| setting("cleanup.policy").contains("delete")) else {
        return Ok(());
    };
    if now_ms.saturating_sub(oldest_ms) >= i64::try_from(retention_ms).unwrap_or(i64::MAX) {
        let kept_hours = Duration::from_millis(retention_ms).as_secs() / 3_600;
        bail!(
            "{flag}: {} keeps records for {kept_hours} h, and the cluster would delete these before they are processed: give a time within them; \
             {advice}",
            topic.name
        );
    }
    Ok(())
}
