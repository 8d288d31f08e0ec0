//! Whether a letter's record can go back.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipeline::Log;
use schemas::{Decoder, PlaybackEvent};

use super::candidate::Candidate;
use super::ledger::Ledger;
use super::original;
use super::run::{RedriveError, RedriveOptions};
use super::sources::Sources;
use super::verdict::Verdict;
use crate::viewing_activity::IMPORT_HEADER;

/// The topic whose records have an id of their own, by which copies are known. No stage reads the other raw topics yet.
const EVENTS: &str = "playback_events";
/// A session's clock shift below this is none, and an event is never taken to have happened later than this after it was received, ms.
const TOLERANCE_MS: i64 = 5 * 60_000;

/// The topic that a record goes back to, as an index among the outputs, and the id of its event; or why it does not go back.
pub(super) type Judged = Result<(u16, Option<u128>), Verdict>;

/// Judges letters.
pub(super) struct Judge<'r> {
    sources: &'r Sources,
    options: &'r RedriveOptions,
    events: Decoder,
    /// Log time by source, once it was asked for.
    log_times_ms: BTreeMap<u16, Option<i64>>,
}

impl<'r> Judge<'r> {
    pub(super) fn new(sources: &'r Sources, options: &'r RedriveOptions) -> Self {
        let events = Decoder::new::<PlaybackEvent<'static>>(Arc::clone(&options.schemas));
        Self { sources, options, events, log_times_ms: BTreeMap::new() }
    }

    /// Judges a letter with this hash of its id. What it lacks is read from its topic.
    pub(super) fn judge<L: Log>(
        &mut self,
        log: &mut L,
        ledger: &Ledger,
        letter: u128,
        candidate: &mut Candidate,
    ) -> Result<Judged, RedriveError> {
        if ledger.has_letter(letter) {
            return Ok(Err(Verdict::AlreadyDone));
        }
        let Some(output) = self.output_of(log, candidate)? else { return Ok(Err(Verdict::TopicGone)) };
        let place = Sources::input(output, candidate.id.partition);
        if let Err(detail) = original::fetch(log, place, candidate)? {
            return Ok(Err(Verdict::RecordGone { detail }));
        }
        if candidate.timestamp_ms < 0 {
            return Ok(Err(Verdict::Unreadable { detail: format!("its timestamp is {} ms", candidate.timestamp_ms) }));
        }
        let (event, happened_ms) = self.event_of(output, candidate)?.unzip();
        let came_of = candidate.came_of.as_ref().map(|id| Ledger::hash(&id.to_string()));
        if !self.options.is_forced {
            let done_by = event.and_then(|event| ledger.letter_of_event(event));
            if done_by.is_some() && done_by != came_of {
                return Ok(Err(Verdict::SameEvent));
            }
            let log_time_ms = self.log_time_ms(log, output)?;
            let since_ms = happened_ms.map_or(candidate.failed_ms, |happened_ms: i64| happened_ms.min(candidate.failed_ms));
            let age_ms = log_time_ms.map_or(0, |log_time_ms| log_time_ms.saturating_sub(since_ms));
            if age_ms > self.options.state_horizon_ms {
                return Ok(Err(Verdict::TooOld { age_ms }));
            }
        }
        let source = self.sources.get(output);
        let excess = source.excess_bytes(candidate.key.as_deref(), candidate.value.as_deref(), candidate.headers_back());
        Ok(excess.map_or(Ok((output, event)), |excess_bytes| Err(Verdict::NoRoom { excess_bytes })))
    }

    /// The topic that a record goes back to: the very one that it stood in, or, by force, one of its name.
    fn output_of<L: Log>(&self, log: &mut L, candidate: &Candidate) -> Result<Option<u16>, RedriveError> {
        let topic = candidate.source.rsplit_once('-').map_or(candidate.source.as_str(), |(topic, _)| topic);
        let Some(output) = self.sources.find(topic) else { return Ok(None) };
        if candidate.id.partition >= self.sources.get(output).partitions {
            return Ok(None);
        }
        let is_the_same = log.topic_id(Sources::input(output, 0))?.0 == candidate.id.topic_id;
        // What a letter names by its offset lay in the topic that is gone.
        let is_taken = is_the_same || (self.options.is_forced && candidate.reference.is_none());
        Ok(is_taken.then_some(output))
    }

    /// The id of the event that a record holds, and when it happened, ms; none where the bytes are no event.
    fn event_of(&mut self, output: u16, candidate: &Candidate) -> Result<Option<(u128, i64)>, RedriveError> {
        let Some(value) = candidate.value.as_deref().filter(|_| self.sources.get(output).name == EVENTS) else { return Ok(None) };
        if let Some(id) = self.events.missing(value) {
            self.events.learn(id)?;
        }
        let opened = self.events.open(value).and_then(|(_, plan, body)| PlaybackEvent::decode_accepted(plan, body));
        Ok(opened.ok().map(|event| {
            let is_import = candidate.headers.iter().any(|(name, _)| name == IMPORT_HEADER.as_bytes());
            // What was imported may be years old: the ledger guards it, and no state. A clock that was never set says nothing.
            let says_when = !is_import && event.event_time >= schemas::limits::EARLIEST_TIME_MICROS;
            let happened_ms = if says_when { happened_ms(&event) } else { i64::MAX };
            (u128::from_be_bytes(event.event_id), happened_ms)
        }))
    }

    /// Log time of a source, or later: the largest timestamp in it.
    fn log_time_ms<L: Log>(&mut self, log: &mut L, output: u16) -> Result<Option<i64>, RedriveError> {
        if let Some(known) = self.log_times_ms.get(&output) {
            return Ok(*known);
        }
        let mut largest = None;
        for partition in 0..self.sources.get(output).partitions {
            largest = largest.max(log.largest_timestamp_ms(Sources::input(output, partition))?);
        }
        self.log_times_ms.insert(output, largest);
        Ok(largest)
    }
}

/// When an event happened, as the playback processor takes it where the event opens its session, ms.
fn happened_ms(event: &PlaybackEvent<'_>) -> i64 {
    let shift_ms = event.clock_shift_ms.filter(|shift_ms| shift_ms.unsigned_abs() > TOLERANCE_MS.unsigned_abs()).unwrap_or(0);
    let happened_ms = event.event_time.div_euclid(1000).saturating_add(shift_ms);
    happened_ms.min(event.received_time.div_euclid(1000).saturating_add(TOLERANCE_MS))
}
