//! A distinct, valid playback event: what the processor found out, then the event as it was written.

use crate::codec::{Coding, Reader, Value};
use crate::record::Fields;
use crate::{Plan, PlaybackEvent, Record, Rejection};

/// What the playback processor puts in front of an event on `playback_events.clean`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CleanPrefix {
    /// When it happened: event_time and the session's clock shift, at most 5 min after received_time (microseconds since 1970 UTC).
    pub effective_time: i64,
    /// More than 5 min older than log time when it came.
    pub late: bool,
    /// xxh3-64 of the raw Avro body ([`crate::clean::content_hash`]). Avro has no unsigned 64 bits: stored as the long of the same bits.
    pub content_hash: u64,
    /// Id of the topic that the event came from.
    pub source_topic_id: [u8; 16],
    /// Partition that the event came from.
    pub source_partition: i32,
    /// Offset that the event came from.
    pub source_offset: i64,
}

/// A distinct, valid playback event: what the processor found out, then the event as it was written.
///
/// In the schema the fields stand in one list, the prefix first. The event was held to its limits when it was raw and is not again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CleanPlaybackEvent<'a> {
    /// What the processor found out.
    pub prefix: CleanPrefix,
    /// The event.
    pub event: PlaybackEvent<'a>,
}

impl CleanPrefix {
    /// Fields of the prefix, in the order of the schema.
    pub(crate) const FIELDS: [&'static str; 6] =
        ["effective_time", "late", "content_hash", "source_topic_id", "source_partition", "source_offset"];

    /// Appends the prefix.
    #[inline]
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        self.effective_time.write(out);
        self.late.write(out);
        self.content_hash.write(out);
        self.source_topic_id.write(out);
        self.source_partition.write(out);
        self.source_offset.write(out);
    }

    #[inline(always)]
    fn read_slot(&mut self, slot: usize, reader: &mut Reader<'_>) -> Result<(), Box<Rejection>> {
        let read = match slot {
            0 => Value::read(reader).map(|value| self.effective_time = value),
            1 => Value::read(reader).map(|value| self.late = value),
            2 => Value::read(reader).map(|value| self.content_hash = value),
            3 => Value::read(reader).map(|value| self.source_topic_id = value),
            4 => Value::read(reader).map(|value| self.source_partition = value),
            _ => Value::read(reader).map(|value| self.source_offset = value),
        };
        read.map_err(|fault| fault.in_field(Self::FIELDS[slot]))
    }
}

impl<'a> Fields<'a> for CleanPlaybackEvent<'a> {
    #[inline(always)]
    fn read_all<const CHECKED: bool>(&mut self, reader: &mut Reader<'a>) -> Result<(), Box<Rejection>> {
        for slot in 0..CleanPrefix::FIELDS.len() {
            self.prefix.read_slot(slot, reader)?;
        }
        self.event.read_all::<CHECKED>(reader)
    }

    fn read_slot<const CHECKED: bool>(&mut self, slot: u16, coding: &Coding, reader: &mut Reader<'a>) -> Result<(), Box<Rejection>> {
        match usize::from(slot).checked_sub(CleanPrefix::FIELDS.len()) {
            None => self.prefix.read_slot(usize::from(slot), reader),
            Some(slot) => self.event.read_slot::<CHECKED>(slot as u16, coding, reader),
        }
    }
}

impl<'a> Record<'a> for CleanPlaybackEvent<'a> {
    const NAME: &'static str = "CleanPlaybackEvent";
    const SCHEMA: &'static str = include_str!("../../avro/CleanPlaybackEvent.avsc");

    fn encode(&self, out: &mut Vec<u8>) {
        self.prefix.write(out);
        self.event.encode(out);
    }

    fn decode_into(&mut self, plan: &Plan, body: &'a [u8]) -> Result<(), Box<Rejection>> {
        crate::record::decode_into::<Self, false>(self, plan, body)?;
        self.event.forget_rate_zero();
        Ok(())
    }
}
