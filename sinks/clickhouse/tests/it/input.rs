//! Topics in memory, with events, sessions and heartbeats.

use std::sync::{Arc, Mutex};

use pipeline::heartbeat;
use pipeline::testing::{MemoryLane, MemoryLog, Seeded};
use schemas::registry::Registry;
use schemas::{CleanPlaybackEvent, CleanPrefix, EventType, PlaybackEvent, Profile, QosSessionSummary, Record, SchemaSource, Title, wire};
use sink_clickhouse::INPUTS;

pub(crate) const GROUP: &str = "clickhouse";
pub(crate) const PARTITIONS: u32 = 3;
/// 2026-01-01T23:00:00Z, microseconds.
pub(crate) const START_US: i64 = 1_767_308_400_000_000;

/// Topics, and the schemas that their values name.
pub(crate) struct Input {
    pub(crate) log: MemoryLog,
    pub(crate) schemas: Arc<dyn SchemaSource>,
    ids: [u32; INPUTS.len()],
}

impl Input {
    pub(crate) fn empty() -> Self {
        let log = MemoryLog::new();
        for topic in INPUTS {
            log.create_topic(topic, PARTITIONS);
        }
        let schemas: Arc<dyn SchemaSource> = Arc::new(Mutex::new(Registry::new()));
        let ids = [CleanPlaybackEvent::SCHEMA, QosSessionSummary::SCHEMA, Title::SCHEMA, Profile::SCHEMA];
        let ids = std::array::from_fn(|topic| schemas.register(&format!("{}-value", INPUTS[topic]), ids[topic]).unwrap());
        Self { log, schemas, ids }
    }

    /// So many events, and a version of a session for every tenth of them; heartbeats and gaps between.
    pub(crate) fn random(seed: u64, events: u64) -> Self {
        let input = Self::empty();
        let mut random = Seeded::new(seed);
        for number in 0..events {
            let (session, partition) = (random.below(5), u32::try_from(random.below(u64::from(PARTITIONS))).unwrap());
            let at_us = START_US + i64::try_from(number).unwrap() * 90_000_000;
            let session_id = format!("session-{partition}-{session}");
            let event = PlaybackEvent {
                event_id: u128::from(number).to_be_bytes(),
                session_id: &session_id,
                kind: EventType::Heartbeat,
                event_time: at_us,
                received_time: at_us,
                title_id: ["film", "series"][usize::try_from(random.below(2)).unwrap()],
                country: [None, Some("BR"), Some("DE")][usize::try_from(random.below(3)).unwrap()],
                ..PlaybackEvent::default()
            };
            let prefix = CleanPrefix { effective_time: at_us, content_hash: random.bits(), ..CleanPrefix::default() };
            input.append(0, partition, at_us / 1_000, &CleanPlaybackEvent { prefix, event });
            if number % 10 == 0 {
                let opened_at = START_US + i64::try_from(session).unwrap();
                let version = i64::try_from(number).unwrap() * 512;
                let summary =
                    QosSessionSummary { session_id: &session_id, opened_at, version, title_id: "film", ..QosSessionSummary::default() };
                input.append(1, partition, at_us / 1_000, &summary);
            }
            if random.below(12) == 0 {
                input.beat(u16::from(random.below(2) == 0), partition, at_us / 1_000);
            }
            if random.below(15) == 0 {
                input.log.skip_offsets(INPUTS[0], partition, 1);
            }
        }
        input
    }

    /// Appends a record.
    pub(crate) fn append<'a>(&self, topic: usize, partition: u32, timestamp_ms: i64, record: &impl Record<'a>) {
        let mut value = Vec::new();
        wire::frame(self.ids[topic], &mut value);
        record.encode(&mut value);
        self.log.append(INPUTS[topic], partition, timestamp_ms, Some(b"key"), Some(&value), &[]);
    }

    /// Appends a tombstone.
    pub(crate) fn delete(&self, topic: usize, partition: u32, timestamp_ms: i64, key: &str) {
        self.log.append(INPUTS[topic], partition, timestamp_ms, Some(key.as_bytes()), None, &[]);
    }

    pub(crate) fn beat(&self, topic: u16, partition: u32, sent_ms: i64) {
        let beat = heartbeat::Beat { sequence: 1, sent_ms }.to_text();
        let key = heartbeat::forwarded_key("playback_events", partition);
        self.log.append(
            INPUTS[usize::from(topic)],
            partition,
            sent_ms,
            Some(key.as_bytes()),
            None,
            &[(heartbeat::HEADER, beat.as_bytes())],
        );
    }

    pub(crate) fn lane(&self) -> MemoryLane {
        MemoryLane::new(&self.log, GROUP, &INPUTS, &[]).with_batch_sizes(&[3, 1, 4])
    }

    /// Partition and offset of every event.
    pub(crate) fn events(&self) -> Vec<(u32, i64)> {
        let of = |partition| {
            let records = self.log.records(INPUTS[0], partition).into_iter().filter(|record| record.value.is_some());
            records.map(move |record| (partition, record.offset))
        };
        (0..PARTITIONS).flat_map(of).collect()
    }
}
