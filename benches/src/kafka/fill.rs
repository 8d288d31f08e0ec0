//! The input, written by a process of its own, so that the one that is measured has nothing to do with it.

use kafka::{Cluster, KafkaLane, LaneOptions};
use pipeline::{Log as _, OutputTopic, Outputs, Spread};
use schemas::{Record as _, wire};

use super::Load;
use super::scene::{INPUT, PARTITIONS};
use crate::audience::{Audience, POLLED};
use crate::event_source::Viewing;

/// Polls to a transaction.
const POLLS: u64 = 64;

/// `--fill BROKERS PREFIX LENGTH LIVE MEASURED SCHEMA_ID`
///
/// # Panics
/// Where the cluster does not take the events.
pub(crate) fn run(brokers: &str, prefix: &str, numbers: [u64; 4]) {
    let [length, live, measured, schema_id] = numbers;
    let load = Load { length: u32::try_from(length).expect("a length"), live: usize::try_from(live).expect("a number"), measured };
    let schema_id = u32::try_from(schema_id).expect("an id");
    let cluster = Cluster { prefix: prefix.to_owned(), ..Cluster::new(brokers) };
    let mut writer = Writer::new(cluster, schema_id);
    let mut audience = load.audience();
    let polls = load.events() / POLLED as u64;
    for poll in 1..=polls {
        writer.push(&mut audience);
        if poll % POLLS == 0 || poll == polls {
            writer.commit();
        }
    }
}

/// Writes an audience's events to the input.
pub(super) struct Writer {
    lane: KafkaLane,
    out: Outputs,
    polled: Vec<(Viewing, i64)>,
    schema_id: u32,
}

impl Writer {
    pub(super) fn new(cluster: Cluster, schema_id: u32) -> Self {
        let topic = OutputTopic { name: INPUT.to_owned(), partitions: PARTITIONS, spread: Spread::SamePartition };
        let lane = KafkaLane::writer(LaneOptions::new(cluster, "fill", "fill", 0), &[], std::slice::from_ref(&topic));
        Self { lane: lane.expect("the topic is there"), out: Outputs::new(&[topic]), polled: Vec::new(), schema_id }
    }

    /// Those of a poll.
    pub(super) fn push(&mut self, audience: &mut Audience) {
        audience.poll(&mut self.polled);
        for (viewing, at_ms) in &mut self.polled {
            let event = viewing.next(audience.length(), *at_ms);
            self.out.push_keyed(0, *at_ms, &[event.session_id.as_bytes()], |value| {
                wire::frame(self.schema_id, value);
                event.encode(value);
            });
        }
    }

    pub(super) fn commit(&mut self) {
        self.lane.send(&mut self.out).expect("the cluster takes them");
        self.lane.commit(&[]).expect("the cluster takes them");
    }
}

impl Load {
    /// All of its sessions at their beginning, or long ones at ages of their own.
    pub(super) fn audience(&self) -> Audience {
        let mut audience = Audience::new(self.length, self.live);
        if self.length > 20 {
            audience.spread_ages();
        }
        audience
    }
}
