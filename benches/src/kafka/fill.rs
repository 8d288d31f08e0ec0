//! The input, written by a process of its own, so that the one that is measured has nothing to do with it.

use kafka::{Cluster, KafkaLane, LaneOptions};
use pipeline::{Log as _, OutputTopic, Outputs, Spread};
use schemas::{Record as _, wire};

use super::Load;
use super::scene::{INPUT, PARTITIONS};
use crate::audience::{Audience, POLLED};

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
    let topic = OutputTopic { name: INPUT.to_owned(), partitions: PARTITIONS, spread: Spread::SamePartition };
    let mut lane =
        KafkaLane::writer(LaneOptions::new(cluster, "fill", "fill", 0), &[], std::slice::from_ref(&topic)).expect("the topic is there");
    let mut out = Outputs::new(&[topic]);
    let mut audience = Audience::new(load.length, load.live);
    if load.length > 20 {
        audience.spread_ages();
    }
    let mut polled = Vec::new();
    let polls = load.events() / POLLED as u64;
    for poll in 1..=polls {
        audience.poll(&mut polled);
        for (viewing, at_ms) in &mut polled {
            let event = viewing.next(load.length, *at_ms);
            out.push_keyed(0, *at_ms, &[event.session_id.as_bytes()], |value| {
                wire::frame(schema_id, value);
                event.encode(value);
            });
        }
        if poll % POLLS == 0 || poll == polls {
            lane.send(&mut out).expect("the cluster takes them");
            lane.commit(&[]).expect("the cluster takes them");
        }
    }
}
