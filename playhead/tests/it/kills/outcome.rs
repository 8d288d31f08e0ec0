//! What a folder has come to, so that two of them can be compared.
//!
//! A stage's outputs are one stream for each of its input partitions: those must be the same byte for byte and in the same order. Topics of
//! the same key lie in the same partition; in re-keyed ones the streams of several input partitions mix as it happens, and are told apart here.
//! What the profile stage makes of such a mixture depends on how it came, so `resume_state` is left to the audit, which computes it anew; what
//! the store keeps in the end does not depend on it.

use std::collections::BTreeMap;

use pipeline::{Headers, heartbeat, partition_for};
use schemas::{ActiveStream, Decoder, ViewingProgress};
use sink_local::{LocalStore, SessionTable};

use crate::rebuilt::{Lying, Parts};
use crate::support::Folder;

const RAW: &str = "playback_events";
/// Nothing or one input partition stands behind each of their partitions.
const IN_ORDER: [&str; 5] = [RAW, "playback_events.clean", "playback_sessions", "qos_session_summary", "ledger"];
const RE_KEYED: [&str; 3] = ["viewing_progress", "active_streams", "dead_letters"];
/// Their values name the topic that a record came from by its identity, which is another one in each folder.
const WITH_TOPIC_ID: [&str; 2] = ["playback_events.clean", "dead_letters"];

/// Records by stream, and the rows of the store.
pub(super) struct Outcome {
    streams: BTreeMap<String, Vec<Lying>>,
    rows: BTreeMap<&'static str, Vec<String>>,
}

impl Outcome {
    pub(super) fn of(folder: &Folder) -> Self {
        let parts = Parts::of(&folder.data());
        let sources = Sources::of(&parts);
        let mut streams = BTreeMap::<String, Vec<Lying>>::new();
        let topics = IN_ORDER.into_iter().chain(RE_KEYED);
        for (topic, partition, record) in topics.flat_map(|topic| records(&parts, topic)) {
            let place = format!("{topic}-{partition}");
            let stream = if RE_KEYED.contains(&topic) { format!("{place} from {}", sources.source(topic, record)) } else { place };
            streams.entry(stream).or_default().push(without_topic_id(&parts, topic, record));
        }
        Self { streams, rows: rows(folder) }
    }

    /// Fails where `got` is anything else, and names the first difference.
    #[track_caller]
    pub(super) fn assert_is(&self, got: &Self, what: &str) {
        assert_eq!(got.streams.keys().collect::<Vec<_>>(), self.streams.keys().collect::<Vec<_>>(), "{what}: streams");
        for (stream, expected) in &self.streams {
            assert_same(&format!("{what}: {stream}"), &got.streams[stream], expected);
        }
        for (table, expected) in &self.rows {
            assert!(!expected.is_empty(), "{table} has no rows to compare");
            assert_same(&format!("{what}: store, {table}"), &got.rows[table], expected);
        }
    }
}

#[track_caller]
fn assert_same<T: PartialEq + std::fmt::Debug>(what: &str, got: &[T], expected: &[T]) {
    let difference = (0..got.len().max(expected.len())).find(|&index| got.get(index) != expected.get(index));
    if let Some(index) = difference {
        panic!("{what}, {index}:\n{:?} instead of\n{:?}", got.get(index), expected.get(index));
    }
}

fn records<'p>(parts: &'p Parts, topic: &'static str) -> impl Iterator<Item = (&'static str, usize, &'p Lying)> {
    let partitions = parts.log[topic].iter().enumerate();
    partitions.flat_map(move |(partition, records)| records.iter().map(move |record| (topic, partition, record)))
}

/// Tells which input partition a record of a re-keyed topic comes from.
struct Sources {
    raw_partitions: u32,
    progress: Decoder,
    streams: Decoder,
}

impl Sources {
    fn of(parts: &Parts) -> Self {
        let raw_partitions = u32::try_from(parts.log[RAW].len()).unwrap();
        Self { raw_partitions, progress: parts.decoder::<ViewingProgress<'_>>(), streams: parts.decoder::<ActiveStream<'_>>() }
    }

    fn source(&self, topic: &str, record: &Lying) -> String {
        if Headers::from_encoded(&record.headers).get(heartbeat::HEADER).is_some() {
            let (topic, partition) = heartbeat::forwarded_for(&record.key).expect("stages forward the heartbeats of their input");
            return format!("{topic}-{partition}");
        }
        let value = record.value.as_deref().expect("re-keyed topics have no tombstones");
        let session_id = match topic {
            "viewing_progress" => self.progress.decode::<ViewingProgress<'_>>(value).unwrap().session_id,
            "active_streams" => self.streams.decode::<ActiveStream<'_>>(value).unwrap().session_id,
            // Its key says it.
            _ => return String::from_utf8(record.key.clone()).unwrap(),
        };
        format!("{RAW}-{}", partition_for(session_id.as_bytes(), self.raw_partitions))
    }
}

fn without_topic_id(parts: &Parts, topic: &str, record: &Lying) -> Lying {
    let mut record = record.clone();
    let topic_id = parts.topic_id(RAW).0;
    let value = record.value.as_mut().filter(|_| WITH_TOPIC_ID.contains(&topic));
    if let Some(value) = value
        && let Some(at) = value.windows(topic_id.len()).position(|bytes| bytes == topic_id)
    {
        value[at..at + topic_id.len()].fill(0);
    }
    record
}

/// The rows of the store, each table in an order of its own. Where a record lay in `resume_state` is no part of them.
fn rows(folder: &Folder) -> BTreeMap<&'static str, Vec<String>> {
    let store = LocalStore::open(&folder.data().join("serving.redb")).unwrap();
    let mut rows = BTreeMap::<&str, Vec<String>>::new();
    for (table, name) in [(SessionTable::Sessions, "playback_sessions"), (SessionTable::Summaries, "qos_session_summary")] {
        store.stored_versions(table, &mut |row| rows.entry(name).or_default().push(format!("{row:?}"))).unwrap();
    }
    let of_positions = rows.entry("resume_state").or_default();
    store
        .stored_positions(&mut |row| {
            of_positions.push(format!("{} {} {:?} {:?}", row.profile_id, row.content_id, row.last_full_view_at, row.record));
        })
        .unwrap();
    let of_histories = rows.entry("histories").or_default();
    store.stored_history(&mut |place| of_histories.push(format!("{place:?}"))).unwrap();
    rows.values_mut().for_each(|rows| rows.sort_unstable());
    rows
}
