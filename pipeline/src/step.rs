//! What one record does to one partition, live and in replay alike.

use crate::heartbeat::{self, Beat};
use crate::snapshots::Saved;
use crate::{LogTime, Moment, Outcome, Outputs, Processor, Record, RunOptions, Spread, TopicPartition};

/// A partition that a processor holds.
pub(crate) struct Assigned<S> {
    pub(crate) state: S,
    pub(crate) log_time: LogTime,
    /// Offset of the next record that the state is to see.
    pub(crate) next_offset: i64,
    /// Number of the last [`heartbeat::INTERVAL_MS`] for which a heartbeat was passed on.
    beat: i64,
}

impl<S> Assigned<S> {
    /// Before the record at `next_offset`, having seen none.
    pub(crate) fn new(state: S, log_time: LogTime, next_offset: i64) -> Self {
        Self { state, log_time, next_offset, beat: i64::MIN }
    }

    /// As a snapshot holds it.
    pub(crate) fn saved(saved: Saved<S>) -> Self {
        let Saved { state, log_time, beat, offset } = saved;
        Self { state, log_time, next_offset: offset, beat }
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
    pub(crate) fn take(&self, assigned: &mut Assigned<P::State>, record: &Record<'_>, moment: Moment, out: &mut Outputs) -> Outcome {
        let is_heartbeat = self.pass_time(assigned, record, moment.source, out);
        if is_heartbeat {
            return Outcome::Done;
        }
        let moment = Moment { log_time_ms: assigned.log_time.now_ms(), ..moment };
        self.processor.process(&mut assigned.state, record, &moment, out)
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
