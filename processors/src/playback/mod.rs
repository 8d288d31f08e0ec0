//! The playback processor: deduplicates events, keeps sessions, and says what they come to.
//!
//! Remember, then judge. A session's state is the set of its distinct events, in a compact log in the order of arrival; per event there is
//! one look-up, one append, and the record is passed on to `playback_events.clean`. When something must be said the log is decoded, sorted
//! and folded by one pure function ([`crate::qos::fold`]). So any order, duplication or batching gives the same final summary.

mod config;
mod entry;
mod event_log;
mod fold;
mod identity;
mod index;
mod packed_id;
mod report;
mod row;
mod said;
mod saving;
mod schedule;
mod shelf;
mod state;
mod table;
mod timers;
mod varint;

use std::collections::BTreeSet;
use std::sync::Arc;

use pipeline::{
    Blocked, Judgement, Moment, NotAState, Outcome, OutputTopic, Outputs, Processor, Record, SavedPiece, SegmentPlace, StateSize,
    TopicPartition, Unavailable,
};
use schemas::{
    ActiveStream, CleanPrefix, Decoder, PlaybackEvent, PlaybackSession, QosSessionSummary, Record as _, Rejection, SchemaSource,
    SourceError, ViewingProgress, admission, clean, wire,
};

use xxhash_rust::xxh3::xxh3_64;

pub use config::{DEAD_LETTERS, PlaybackConfig};
use report::OutputSchemas;
pub use state::{PlaybackState, Taken, Took};

use crate::{qos, rejection};

/// Header of records that an importer wrote. `ledger` guards them, so their sessions are forgotten as soon as they are closed.
pub const IMPORT_HEADER: &str = "playhead.import";

/// Raised with every change of what [`PlaybackState`] saves.
const SAVED_FORMAT: i64 = 2;

/// See the module's documentation.
pub struct Playback {
    config: PlaybackConfig,
    outputs: Vec<OutputTopic>,
    source: Arc<dyn SchemaSource>,
    decoder: Decoder,
    /// Schema ids of raw values, each with that of the clean records made from them.
    clean_ids: Vec<(u32, u32)>,
    schemas: OutputSchemas,
}

/// A raw record as it was read.
struct Opened<'a> {
    schema_id: u32,
    event: PlaybackEvent<'a>,
    /// The Avro body, as it stands in the record.
    body: &'a [u8],
}

impl Playback {
    /// Name of the stage.
    pub const NAME: &'static str = "playback";

    /// A processor with these settings, its schemas registered.
    ///
    /// # Errors
    /// Where the registry does not take them.
    pub fn new(config: PlaybackConfig, source: Arc<dyn SchemaSource>) -> Result<Self, SourceError> {
        let schemas = OutputSchemas {
            session: source.register("playback_sessions-value", PlaybackSession::SCHEMA)?,
            summary: source.register("qos_session_summary-value", QosSessionSummary::SCHEMA)?,
            progress: source.register("viewing_progress-value", ViewingProgress::SCHEMA)?,
            active_stream: source.register("active_streams-value", ActiveStream::SCHEMA)?,
        };
        let outputs = config.outputs();
        let decoder = Decoder::new::<PlaybackEvent<'static>>(Arc::clone(&source));
        Ok(Self { config, outputs, source, decoder, clean_ids: Vec::new(), schemas })
    }

    fn learn(&mut self, id: u32) -> Result<(), SourceError> {
        if self.decoder.plan(id).is_none() {
            self.decoder.learn(id)?;
        }
        if self.decoder.plan(id).is_some() && self.clean_id(id).is_none() {
            let Some(raw) = self.source.schema_by_id(id)? else { return Ok(()) };
            let clean_schema = clean::schema_for(&raw)
                .map_err(|error| SourceError::Refused { subject: "playback_events.clean-value".into(), cause: error.to_string() })?;
            let clean_id = self.source.register("playback_events.clean-value", &clean_schema)?;
            self.clean_ids.push((id, clean_id));
        }
        Ok(())
    }

    fn clean_id(&self, raw_id: u32) -> Option<u32> {
        self.clean_ids.iter().find(|(raw, _)| *raw == raw_id).map(|&(_, clean)| clean)
    }

    /// Decodes a raw record and holds it to the rules.
    fn open<'a>(&self, record: &Record<'a>, judgement: Judgement) -> Result<Opened<'a>, Box<Rejection>> {
        if judgement == Judgement::Accepted {
            let (id, plan, body) = self.decoder.open(record.value.unwrap_or_default())?;
            return Ok(Opened { schema_id: id, event: PlaybackEvent::decode_accepted(plan, body)?, body });
        }
        let (_, body) = admission::open(record.value)?;
        let (id, plan, _) = self.decoder.open(record.value.unwrap_or_default())?;
        let event = PlaybackEvent::decode(plan, body)?;
        admission::check_key(record.key, "session_id", event.session_id)?;
        Ok(Opened { schema_id: id, event, body })
    }

    fn pass_on(&self, opened: &Opened<'_>, taken: &Taken, record: &Record<'_>, moment: &Moment, out: &mut Outputs) {
        if out.is_suppressed() {
            return;
        }
        let prefix = CleanPrefix {
            effective_time: taken.effective_time_us,
            late: taken.is_late,
            content_hash: clean::content_hash(opened.body),
            source_topic_id: moment.topic_id.0,
            source_partition: i32::try_from(moment.source.partition).unwrap_or(i32::MAX),
            source_offset: record.offset,
        };
        let clean_id = self.clean_id(opened.schema_id).expect("a record is processed once its schema is known");
        let log_time_ms = moment.log_time_ms.unwrap_or(record.timestamp_ms);
        out.push_to(config::CLEAN, moment.source.partition, log_time_ms, opened.event.session_id.as_bytes(), |value| {
            wire::frame(clean_id, value);
            clean::write(&prefix, opened.body, value);
        });
    }
}

/// What is most likely the event id: it is the first field, sixteen bytes, of every schema so far. Where a writer puts it elsewhere, a
/// cache line is read in vain.
fn leading_event_id(record: &Record<'_>) -> [u8; 16] {
    let body = record.value.and_then(|value| value.get(wire::FRAME_BYTES..));
    body.and_then(|body| body.first_chunk()).copied().unwrap_or_default()
}

impl Processor for Playback {
    type State = PlaybackState;

    fn name(&self) -> &str {
        Self::NAME
    }

    fn outputs(&self) -> &[OutputTopic] {
        &self.outputs
    }

    fn new_state(&self, source: TopicPartition) -> PlaybackState {
        PlaybackState::new(self.config.clone(), self.schemas, source.partition)
    }

    fn advance(&self, state: &mut PlaybackState, log_time_ms: i64, out: &mut Outputs) {
        state.advance(log_time_ms, out);
    }

    fn prepare(&self, state: &PlaybackState, upcoming: &[Record<'_>]) {
        state.prepare(upcoming.iter().map(|record| (record.key.unwrap_or_default(), leading_event_id(record))));
    }

    fn size(&self, state: &Self::State) -> Option<StateSize> {
        Some(StateSize { in_memory: state.rows() as u64, put_away: state.put_away().0 as u64 })
    }

    fn state_format(&self) -> Option<u64> {
        let PlaybackConfig { state_horizon_ms, silence_ms, cut_after_ms, .. } = &self.config;
        let bounds_ms = [*state_horizon_ms, *silence_ms, *cut_after_ms];
        let format = [SAVED_FORMAT, i64::from(qos::FOLD_REVISION)].into_iter().chain(bounds_ms);
        Some(xxh3_64(&format.flat_map(i64::to_le_bytes).collect::<Vec<u8>>()))
    }

    fn begin_save(&self, state: &mut PlaybackState) {
        state.begin_save();
    }

    fn save_piece(&self, state: &mut PlaybackState, piece: &mut SavedPiece, bytes: usize) -> bool {
        state.save_piece(piece, bytes)
    }

    fn let_go(&self, state: &mut PlaybackState, most: usize) -> bool {
        state.let_go(most)
    }

    fn give_up_save(&self, state: &mut PlaybackState) {
        state.end_save();
    }

    fn segments(&self, state: &PlaybackState) -> BTreeSet<u32> {
        state.segments()
    }

    fn bring_back(&self, state: &mut PlaybackState, place: SegmentPlace, saved: &[u8]) -> Result<(), NotAState> {
        state.bring_back(place, saved)
    }

    fn load(&self, source: TopicPartition, saved: &[u8]) -> Result<PlaybackState, NotAState> {
        let mut state = self.new_state(source);
        state.load(saved)?;
        Ok(state)
    }

    fn ready(&self, record: &Record<'_>) -> Result<(), Blocked> {
        let Some((value, Ok((id, _)))) = record.value.map(|value| (value, wire::split(value))) else { return Ok(()) };
        if self.clean_id(id).is_some() {
            return Ok(());
        }
        // What can be read is passed on, so it needs a schema for that too.
        let is_missing = self.decoder.plan(id).is_some() || self.decoder.missing(value).is_some();
        if is_missing { Err(Blocked { what: format!("schema {id}"), id }) } else { Ok(()) }
    }

    fn unblock(&mut self, blocked: &Blocked) -> Result<(), Unavailable> {
        self.learn(blocked.id).map_err(|error| Unavailable { what: blocked.what.clone(), cause: error.to_string() })
    }

    fn process(&self, state: &mut PlaybackState, record: &Record<'_>, moment: &Moment, out: &mut Outputs) -> Outcome {
        let opened = match self.open(record, moment.judgement) {
            Ok(opened) => opened,
            Err(refused) => return rejection::outcome(refused),
        };
        let log_time_ms = moment.log_time_ms.unwrap_or(record.timestamp_ms);
        let is_import = record.headers.get(IMPORT_HEADER).is_some();
        match state.take(&opened.event, log_time_ms, is_import, moment.judgement, out, |out, taken| {
            self.pass_on(&opened, taken, record, moment, out);
        }) {
            Ok(Took::New) => Outcome::Done,
            Ok(Took::Duplicate) => Outcome::Drop("duplicate"),
            Ok(Took::PutAway(place)) => Outcome::PutAway(place),
            Err(refused) => rejection::outcome(refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use pipeline::Headers;

    use super::*;

    #[test]
    fn an_event_id_is_found_before_its_record_is_decoded() {
        let event = PlaybackEvent { event_id: [7; 16], session_id: "s", title_id: "t", ..PlaybackEvent::default() };
        let mut value = Vec::new();
        wire::frame(1, &mut value);
        event.encode(&mut value);
        let record = |value| Record { offset: 0, timestamp_ms: 0, key: None, value, headers: Headers::NONE };
        assert_eq!(leading_event_id(&record(Some(&value))), [7; 16]);
        assert_eq!(leading_event_id(&record(Some(&value[..20]))), [0; 16]);
        assert_eq!(leading_event_id(&record(None)), [0; 16]);
    }
}
