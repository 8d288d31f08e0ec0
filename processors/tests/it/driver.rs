//! Drives a processor by hand: manual log time, outputs decoded. No runner, no threads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use pipeline::{Judgement, Moment, Outcome, Outputs, Processor, Record, SavedPiece, SegmentPlace, TopicId, TopicPartition};
use processors::playback::{IMPORT_HEADER, Playback, PlaybackConfig, PlaybackState};
use schemas::{EventType, PlaybackEvent, Record as _, SchemaSource, SourceError, wire};

/// 2026-01-01T00:00:00Z, ms.
pub(crate) const DAY: i64 = 1_767_225_600_000;
pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;

pub(crate) const TOPIC: TopicId = TopicId([7; 16]);

/// A registry in memory: ids count from 1.
#[derive(Default)]
pub(crate) struct Schemas {
    kept: Mutex<Vec<String>>,
}

impl SchemaSource for Schemas {
    fn schema_by_id(&self, id: u32) -> Result<Option<String>, SourceError> {
        Ok(self.kept.lock().unwrap().get(id as usize - 1).cloned())
    }

    fn register(&self, _: &str, schema: &str) -> Result<u32, SourceError> {
        let mut kept = self.kept.lock().unwrap();
        let index = kept.iter().position(|held| held == schema).unwrap_or_else(|| {
            kept.push(schema.to_owned());
            kept.len() - 1
        });
        Ok(u32::try_from(index + 1).unwrap())
    }
}

/// One record that a processor wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) topic: String,
    pub(crate) partition: u32,
    pub(crate) timestamp_ms: i64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Written {
    /// The Avro body.
    pub(crate) fn body(&self) -> &[u8] {
        wire::split(&self.value).unwrap().1
    }

    pub(crate) fn decode<'a, R: schemas::Record<'a>>(&'a self) -> R {
        R::decode(&schemas::Plan::current::<R>(), self.body()).unwrap()
    }
}

pub(crate) struct Driver {
    pub(crate) playback: Playback,
    pub(crate) state: PlaybackState,
    raw_id: u32,
    source: TopicPartition,
    log_time_ms: i64,
    offset: i64,
    out: Outputs,
    /// The next piece of a save.
    piece: SavedPiece,
    /// What was put away, as a store would hold it.
    segments: BTreeMap<SegmentPlace, Vec<u8>>,
    /// How often something was brought back.
    pub(crate) brought_back: u32,
}

impl Driver {
    pub(crate) fn new() -> Self {
        Self::with(PlaybackConfig::with_partitions(4))
    }

    pub(crate) fn with(config: PlaybackConfig) -> Self {
        let schemas = Arc::new(Schemas::default());
        let raw_id = schemas.register("playback_events-value", PlaybackEvent::SCHEMA).unwrap();
        let source = TopicPartition { topic: 0, partition: 2 };
        let playback = Playback::new(config, Arc::<Schemas>::clone(&schemas)).unwrap();
        let state = playback.new_state(source);
        let out = Outputs::new(playback.outputs());
        let (piece, segments) = (SavedPiece::default(), BTreeMap::new());
        Self { playback, state, raw_id, source, log_time_ms: i64::MIN, offset: 0, out, piece, segments, brought_back: 0 }
    }

    /// Begins anew, with another partition's empty state. Making a driver parses every schema; this does not.
    pub(crate) fn restart(&mut self) {
        self.state = self.playback.new_state(self.source);
        self.log_time_ms = i64::MIN;
        self.offset = 0;
        self.out.clear();
    }

    /// Log time, and the offset of the next record.
    pub(crate) fn place(&self) -> (i64, i64) {
        (self.log_time_ms, self.offset)
    }

    /// A driver of the same partition whose state was saved at this place, and which writes from there on.
    pub(crate) fn restored(&self, saved: &[u8], (log_time_ms, offset): (i64, i64)) -> Self {
        let mut restored = Self::new();
        restored.state = restored.playback.load(restored.source, saved).unwrap();
        (restored.log_time_ms, restored.offset) = (log_time_ms, offset);
        restored.segments.clone_from(&self.segments);
        restored
    }

    /// Begins to save the state as it is now; what it puts away goes to the segment `number`.
    pub(crate) fn begin_save(&mut self, number: u32) {
        self.playback.begin_save(&mut self.state);
        self.piece = SavedPiece::first(number);
    }

    /// Appends the next piece, about so many bytes; true for the last one.
    pub(crate) fn save_piece(&mut self, saved: &mut Vec<u8>, bytes: usize) -> bool {
        let is_last = self.playback.save_piece(&mut self.state, &mut self.piece, bytes);
        saved.extend_from_slice(&self.piece.state);
        self.segments.extend(self.piece.put_away_bytes().map(|(place, bytes)| (place, bytes.to_vec())));
        self.piece = self.piece.next();
        is_last
    }

    /// Lets log time move, as a heartbeat does.
    pub(crate) fn at(&mut self, log_time_ms: i64) {
        if log_time_ms > self.log_time_ms {
            self.log_time_ms = log_time_ms;
            self.playback.advance(&mut self.state, log_time_ms, &mut self.out);
        }
    }

    /// An event that arrives at this log time.
    pub(crate) fn event(&mut self, log_time_ms: i64, event: &PlaybackEvent<'_>) -> Outcome {
        let mut value = Vec::new();
        wire::frame(self.raw_id, &mut value);
        event.encode(&mut value);
        self.raw(log_time_ms, Some(event.session_id.as_bytes()), Some(&value))
    }

    /// An imported event.
    pub(crate) fn import(&mut self, log_time_ms: i64, event: &PlaybackEvent<'_>) -> Outcome {
        let mut value = Vec::new();
        wire::frame(self.raw_id, &mut value);
        event.encode(&mut value);
        let mut headers = Vec::new();
        pipeline::Headers::append(&mut headers, IMPORT_HEADER.as_bytes(), b"1");
        self.record(log_time_ms, Some(event.session_id.as_bytes()), Some(&value), &headers)
    }

    /// Any bytes that arrive at this log time.
    pub(crate) fn raw(&mut self, log_time_ms: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> Outcome {
        self.record(log_time_ms, key, value, &[])
    }

    fn record(&mut self, log_time_ms: i64, key: Option<&[u8]>, value: Option<&[u8]>, headers: &[u8]) -> Outcome {
        let headers = pipeline::Headers::from_encoded(headers);
        let record = Record { offset: self.offset, timestamp_ms: log_time_ms, key, value, headers };
        self.offset += 1;
        while let Err(blocked) = self.playback.ready(&record) {
            self.playback.unblock(&blocked).unwrap();
        }
        self.at(log_time_ms);
        let log_time_ms = Some(self.log_time_ms);
        let moment = Moment { source: self.source, topic_id: TOPIC, log_time_ms, judgement: Judgement::Open };
        loop {
            match self.playback.process(&mut self.state, &record, &moment, &mut self.out) {
                Outcome::PutAway(place) => {
                    self.playback.bring_back(&mut self.state, place, &self.segments[&place]).unwrap();
                    self.brought_back += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Takes what was written since the last call.
    pub(crate) fn take(&mut self) -> Vec<Written> {
        let topics = self.playback.outputs();
        let written = self
            .out
            .iter()
            .map(|record| Written {
                topic: topics[usize::from(record.topic)].name.clone(),
                partition: record.partition,
                timestamp_ms: record.timestamp_ms,
                key: record.key.unwrap().to_vec(),
                value: record.value.unwrap_or_default().to_vec(),
            })
            .collect();
        self.out.clear();
        written
    }

    /// Takes what was written, and gives those of one topic.
    pub(crate) fn take_of(&mut self, topic: &str) -> Vec<Written> {
        self.take().into_iter().filter(|written| written.topic == topic).collect()
    }
}

/// An event of session `s`: its id counts from `number`, its time is `at_ms` after [`DAY`], and it is received then.
pub(crate) fn event(number: u32, kind: EventType, at_ms: i64) -> PlaybackEvent<'static> {
    let mut event_id = [0; 16];
    event_id[..4].copy_from_slice(&number.to_be_bytes());
    PlaybackEvent {
        event_id,
        session_id: "s",
        sequence: Some(i64::from(number)),
        kind,
        event_time: (DAY + at_ms) * 1000,
        received_time: (DAY + at_ms) * 1000,
        profile_id: Some("p"),
        account_id: Some("a"),
        title_id: "t",
        ..PlaybackEvent::default()
    }
}
