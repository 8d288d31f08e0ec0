//! The playback processor from raw records, as a runner calls it: prepare, then for each record readiness, log time, and the whole of
//! decoding, validation, deduplication, sessions and outputs.

use std::sync::{Arc, Mutex};

use pipeline::{AHEAD, Headers, Judgement, Moment, Outcome, Outputs, Processor, Record, TopicId, TopicPartition};
use processors::playback::{Playback, PlaybackConfig, PlaybackState};
use schemas::registry::Registry;
use schemas::{PlaybackEvent, Record as _, SchemaSource, wire};

use crate::audience::{Audience, POLLED, live_text};
use crate::event_source::Viewing;
use crate::measure::{Figure, cpu_of};

const MEASURED: u64 = 19_531 * POLLED as u64;
/// A runner hands its outputs on after some thousand records.
const POLLS_BETWEEN_SENDS: u64 = 16;

struct Bench {
    processor: Playback,
    schema_id: u32,
    state: PlaybackState,
    out: Outputs,
    offset: i64,
}

/// The records of a poll: their bytes one behind the other, and of each its end, the end of its key and its log time.
#[derive(Default)]
struct Encoded {
    bytes: Vec<u8>,
    ends: Vec<(usize, usize, i64)>,
}

impl Encoded {
    fn fill(&mut self, schema_id: u32, audience: &mut Audience, polled: &mut Vec<(Viewing, i64)>) {
        self.bytes.clear();
        self.ends.clear();
        audience.poll(polled);
        for (viewing, log_time_ms) in polled {
            let event = viewing.next(audience.length(), *log_time_ms);
            self.bytes.extend_from_slice(event.session_id.as_bytes());
            let key_end = self.bytes.len();
            wire::frame(schema_id, &mut self.bytes);
            event.encode(&mut self.bytes);
            self.ends.push((self.bytes.len(), key_end, *log_time_ms));
        }
    }

    fn records(&self, first_offset: i64) -> Vec<Record<'_>> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|&(end, _, _)| end));
        let records = starts.zip(&self.ends).zip(first_offset..).map(|((start, &(end, key_end, timestamp_ms)), offset)| Record {
            offset,
            timestamp_ms,
            key: Some(&self.bytes[start..key_end]),
            value: Some(&self.bytes[key_end..end]),
            headers: Headers::NONE,
        });
        records.collect()
    }
}

impl Bench {
    fn new() -> Self {
        let schemas = Arc::new(Mutex::new(Registry::default()));
        let schema_id = schemas.register("playback_events-value", PlaybackEvent::SCHEMA).expect("an empty registry takes every schema");
        let mut processor = Playback::new(PlaybackConfig::with_partitions(12), schemas).expect("an empty registry takes every schema");
        let value = [&[0], &schema_id.to_be_bytes()[..]].concat();
        let record = Record { offset: 0, timestamp_ms: 0, key: None, value: Some(&value), headers: Headers::NONE };
        if let Err(blocked) = processor.ready(&record) {
            processor.unblock(&blocked).expect("the registry knows the schema");
        }
        let state = processor.new_state(TopicPartition::default());
        let out = Outputs::new(processor.outputs());
        Self { processor, schema_id, state, out, offset: 0 }
    }

    fn take_all(&mut self, records: &[Record<'_>]) {
        for chunk in records.chunks(AHEAD) {
            self.processor.prepare(&self.state, chunk);
            for record in chunk {
                assert!(self.processor.ready(record).is_ok(), "the schema is known");
                self.processor.advance(&mut self.state, record.timestamp_ms, &mut self.out);
                let moment = Moment {
                    source: TopicPartition::default(),
                    topic_id: TopicId::default(),
                    log_time_ms: Some(record.timestamp_ms),
                    judgement: Judgement::Open,
                };
                let outcome = self.processor.process(&mut self.state, record, &moment, &mut self.out);
                assert!(matches!(outcome, Outcome::Done), "every event is new and valid");
            }
        }
    }

    /// Takes so many polls of records; returns the CPU seconds that the taking alone took.
    fn take_polls(&mut self, audience: &mut Audience, polls: u64) -> f64 {
        let (mut encoded, mut polled) = (Encoded::default(), Vec::new());
        let mut taking_s = 0.0;
        for poll in 0..polls {
            encoded.fill(self.schema_id, audience, &mut polled);
            let records = encoded.records(self.offset);
            taking_s += cpu_of(|| self.take_all(&records));
            self.offset += POLLED as i64;
            if poll % POLLS_BETWEEN_SENDS == 0 {
                self.out.clear();
            }
        }
        taking_s
    }
}

pub(crate) fn run(length: u32, live: usize) -> Vec<Figure> {
    let mut bench = Bench::new();
    let mut audience = Audience::new(length, live);
    let warm_up_polls = audience.warm_up_polls();
    bench.take_polls(&mut audience, warm_up_polls);
    let taking_s = bench.take_polls(&mut audience, MEASURED / POLLED as u64);
    let name = format!("playback from raw records, sessions of {length}, {} live", live_text(live));
    vec![Figure { bar: None, ..Figure::rate(&name, MEASURED, taking_s, 0.0) }]
}
