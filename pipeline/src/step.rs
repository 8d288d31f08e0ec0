//! What one record does to one partition, live and in replay alike.

use crate::heartbeat::{self, Beat};
use xxhash_rust::xxh3::Xxh3;

use crate::snapshots::{NotRead, Saved, Segments};
use crate::{Counts, LogError, LogTime, Moment, Outcome, Outputs, Processor, Record, RunOptions, SegmentPlace, Spread, TopicPartition};

/// The record that a state saw last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LastRecord {
    /// -1: it has seen none.
    pub(crate) offset: i64,
    /// Of its timestamp, key and value.
    pub(crate) hash: u64,
}

impl LastRecord {
    pub(crate) const NONE: Self = Self { offset: -1, hash: 0 };

    pub(crate) fn of(record: &Record<'_>) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&record.timestamp_ms.to_le_bytes());
        for part in [record.key, record.value] {
            hash.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
            hash.update(part.unwrap_or_default());
        }
        Self { offset: record.offset, hash: hash.digest() }
    }
}

/// A partition that a processor holds.
pub(crate) struct Assigned<S> {
    pub(crate) state: S,
    pub(crate) log_time: LogTime,
    /// Offset of the next record that the state is to see.
    pub(crate) next_offset: i64,
    pub(crate) last: LastRecord,
    /// Where what left the state's memory lies; none where states are not saved.
    pub(crate) segments: Option<Segments>,
    /// Since the last commit.
    pub(crate) counts: Counts,
    /// Number of the last [`heartbeat::INTERVAL_MS`] for which a heartbeat was passed on.
    beat: i64,
}

impl<S> Assigned<S> {
    /// Before the record at `next_offset`, having seen none.
    pub(crate) fn new(state: S, log_time: LogTime, next_offset: i64, segments: Option<Segments>) -> Self {
        Self { state, log_time, next_offset, last: LastRecord::NONE, segments, counts: Counts::default(), beat: i64::MIN }
    }

    /// As a snapshot holds it.
    pub(crate) fn saved(saved: Saved<S>) -> Self {
        let Saved { state, log_time, last, beat, offset, segments } = saved;
        Self { state, log_time, next_offset: offset, last, segments: Some(segments), counts: Counts::default(), beat }
    }

    pub(crate) fn beat(&self) -> i64 {
        self.beat
    }
}

/// A processor, and how it is run: all that a record needs to be taken.
pub(crate) struct Step<'r, P: Processor> {
    pub(crate) processor: &'r P,
    pub(crate) options: &'r RunOptions,
}

impl<P: Processor> Step<'_, P> {
    /// Lets log time move, then processes the record. `moment` gets its log time here.
    ///
    /// # Errors
    /// Where the state needs something that it put away, and that is not to be had.
    pub(crate) fn take(
        &self,
        assigned: &mut Assigned<P::State>,
        record: &Record<'_>,
        moment: Moment,
        out: &mut Outputs,
    ) -> Result<Outcome, LogError> {
        let is_heartbeat = self.pass_time(assigned, record, moment.source, out);
        if is_heartbeat {
            return Ok(Outcome::Done);
        }
        let moment = Moment { log_time_ms: assigned.log_time.now_ms(), ..moment };
        loop {
            match self.processor.process(&mut assigned.state, record, &moment, out) {
                Outcome::PutAway(place) => self.bring_back(assigned, place)?,
                outcome => return Ok(outcome),
            }
        }
    }

    /// Gives the state back what it put away. A segment that is damaged, and no copy only, is deleted: the state is restored without it.
    #[cold]
    fn bring_back(&self, assigned: &mut Assigned<P::State>, place: SegmentPlace) -> Result<(), LogError> {
        let Some(segments) = &assigned.segments else {
            return Err(LogError::Fatal(format!("{} put something away, and its states are not saved", self.processor.name())));
        };
        let mut read = segments.read(place);
        if matches!(read, Err(NotRead::Damaged(_))) && segments.drop_copy(place.segment) {
            read = segments.read(place);
        }
        let damage = match read {
            Ok(bytes) => match self.processor.bring_back(&mut assigned.state, place, &bytes) {
                Ok(()) => return Ok(()),
                Err(why) => why.to_string(),
            },
            Err(NotRead::Damaged(why)) => why,
            Err(NotRead::Failed(error)) => {
                let path = segments.path(place.segment);
                return Err(LogError::Fatal(format!("segment {path} of saved states cannot be read: {error}")));
            }
        };
        let path = segments.path(place.segment);
        let told = format!("segment {path} at byte {}: {damage}; the state is restored without it", place.offset);
        if let Some(snapshots) = &self.options.snapshots {
            (snapshots.on_problem)(&told);
        }
        segments.delete(place.segment).map_err(|error| LogError::Fatal(format!("{told}, but it cannot be deleted: {error}")))?;
        Err(LogError::Transaction(told))
    }

    /// Lets log time move: timers fire, and a heartbeat is passed on for each interval. True where the record is a heartbeat.
    pub(crate) fn pass_time(
        &self,
        assigned: &mut Assigned<P::State>,
        record: &Record<'_>,
        source: TopicPartition,
        out: &mut Outputs,
    ) -> bool {
        let is_heartbeat = heartbeat::is_heartbeat(record);
        if assigned.log_time.observe(record, is_heartbeat)
            && let Some(now_ms) = assigned.log_time.now_ms()
        {
            self.processor.advance(&mut assigned.state, now_ms, out);
            let beat = now_ms.div_euclid(heartbeat::INTERVAL_MS);
            if beat > assigned.beat {
                assigned.beat = beat;
                self.pass_on_heartbeat(source, Beat { sequence: beat, sent_ms: now_ms }, out);
            }
        }
        is_heartbeat
    }

    fn pass_on_heartbeat(&self, source: TopicPartition, beat: Beat, out: &mut Outputs) {
        let key = heartbeat::forwarded_key(&self.options.inputs[usize::from(source.topic)], source.partition);
        let text = beat.to_text();
        for (index, topic) in (0u16..).zip(self.processor.outputs()) {
            let partitions = match topic.spread {
                Spread::SamePartition => source.partition..source.partition + 1,
                Spread::Rekeyed => 0..topic.partitions,
                Spread::Unmarked => 0..0,
            };
            for partition in partitions {
                out.push_marker(index, partition, beat.sent_ms, key.as_bytes(), (heartbeat::HEADER, text.as_bytes()));
            }
        }
    }
}
