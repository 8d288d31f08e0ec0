//! The tables that the sink writes: from records to columns.

mod dimensions;
mod playback_events;
mod qos_sessions;

use std::collections::BTreeSet;

use dimensions::{ProfileVersions, TitleVersions};
use pipeline::{Record as LogRecord, TopicId, TopicPartition};
use playback_events::{PlaybackEvents, Row};
use qos_sessions::QosSessions;
use schemas::{CleanPlaybackEvent, Decoder, Profile, QosSessionSummary, Record, Rejection, Title};

use crate::native::{Plain, Time};

/// The topics that the sink reads, in the order in which [`TopicPartition::topic`] numbers them.
pub const INPUTS: [&str; 4] = ["playback_events.clean", "qos_session_summary", "titles", "profiles"];

const MICROS_A_DAY: i64 = 86_400_000_000;
const MICROS_AN_HOUR: i64 = 3_600_000_000;
/// What was received longer after it happened counts in no table by minute.
const LIVE_US: i64 = 78 * MICROS_AN_HOUR;

/// What a table does with a row that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// It would have it twice: what is there must be known before it is written again.
    Double,
    /// The newest version stands, so rows may be written again.
    Replace,
}

/// Rows of one table from one partition.
#[derive(Debug)]
pub(crate) enum Block {
    PlaybackEvents(Box<PlaybackEvents>),
    QosSessions(Box<QosSessions>),
    TitleVersions(Box<TitleVersions>),
    ProfileVersions(Box<ProfileVersions>),
}

macro_rules! each {
    ($block:expr, $rows:ident => $then:expr) => {
        match $block {
            Block::PlaybackEvents($rows) => $then,
            Block::QosSessions($rows) => $then,
            Block::TitleVersions($rows) => $then,
            Block::ProfileVersions($rows) => $then,
        }
    };
}

impl Block {
    /// For the records of `INPUTS[topic]`.
    pub(crate) fn of_topic(topic: u16) -> Self {
        match topic {
            0 => Self::PlaybackEvents(Box::default()),
            1 => Self::QosSessions(Box::default()),
            2 => Self::TitleVersions(Box::default()),
            _ => Self::ProfileVersions(Box::default()),
        }
    }

    pub(crate) const fn table(&self) -> &'static str {
        match self {
            Self::PlaybackEvents(_) => PlaybackEvents::TABLE,
            Self::QosSessions(_) => QosSessions::TABLE,
            Self::TitleVersions(_) => TitleVersions::TABLE,
            Self::ProfileVersions(_) => ProfileVersions::TABLE,
        }
    }

    pub(crate) const fn repeats(&self) -> Repeats {
        match self {
            Self::PlaybackEvents(_) => Repeats::Double,
            Self::QosSessions(_) | Self::TitleVersions(_) | Self::ProfileVersions(_) => Repeats::Replace,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        each!(self, rows => rows.rows())
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        each!(self, rows => rows.write(out));
    }

    pub(crate) fn clear(&mut self) {
        each!(self, rows => rows.clear());
    }

    /// Appends the rows of records that `decoder` reads; a tombstone makes one of titles and profiles alone. On an error the offset is named, and the block holds anything.
    pub(crate) fn push_all<'a, 'b: 'a>(
        &mut self,
        decoder: &Decoder,
        place: (TopicId, TopicPartition),
        records: impl Iterator<Item = &'a LogRecord<'b>>,
    ) -> Result<(), (i64, Box<Rejection>)> {
        let (topic_id, source) = place;
        match self {
            Self::PlaybackEvents(rows) => decode_all(decoder, records, |clean: &CleanPlaybackEvent<'_>, offset| {
                rows.push(&Row { clean, topic_id, partition: source.partition, offset });
            }),
            Self::QosSessions(rows) => decode_all(decoder, records, |summary: &QosSessionSummary<'_>, _| rows.push(summary)),
            Self::TitleVersions(rows) => decode_versions(decoder, records, |version| match version {
                Version::Is(title, offset) => rows.push((title, offset, false)),
                Version::Ended { key, at, offset } => {
                    rows.push((&Title { title_id: key, valid_from: at, ..Title::default() }, offset, true));
                }
            }),
            Self::ProfileVersions(rows) => decode_versions(decoder, records, |version| match version {
                Version::Is(profile, offset) => rows.push((profile, offset, false)),
                Version::Ended { key, at, offset } => {
                    rows.push((&Profile { profile_id: key, valid_from: at, ..Profile::default() }, offset, true));
                }
            }),
        }
    }

    /// The days on which the sessions in it were opened, microseconds since 1970 UTC: what is derived from them is to be made again.
    pub(crate) fn days(&self) -> BTreeSet<i64> {
        match self {
            Self::QosSessions(rows) => starts(&rows.opened_at, MICROS_A_DAY),
            _ => BTreeSet::new(),
        }
    }

    /// The hours in which the events in it happened that count in the tables by minute, microseconds since 1970 UTC.
    pub(crate) fn hours(&self) -> BTreeSet<i64> {
        let Self::PlaybackEvents(rows) = self else { return BTreeSet::new() };
        let live =
            times(&rows.effective_time).zip(times(&rows.received_time)).filter(|(happened, received)| *happened >= received - LIVE_US);
        live.map(|(happened, _)| happened.div_euclid(MICROS_AN_HOUR) * MICROS_AN_HOUR).collect()
    }

    /// The days on which its rows are found in their table, by when they happened and by when they were received: from and to, microseconds
    /// since 1970 UTC. None where rows are not looked for.
    pub(crate) fn filed(&self) -> Option<[(i64, i64); 2]> {
        let Self::PlaybackEvents(rows) = self else { return None };
        let span = |times: &Plain<Time>| {
            let days = starts(times, MICROS_A_DAY);
            Some((*days.first()?, *days.last()?))
        };
        Some([span(&rows.effective_time)?, span(&rows.received_time)?])
    }
}

/// Decodes records one after the other into the same place.
fn decode_all<'a, 'b: 'a, R: Record<'b>>(
    decoder: &Decoder,
    records: impl Iterator<Item = &'a LogRecord<'b>>,
    mut push: impl FnMut(&R, i64),
) -> Result<(), (i64, Box<Rejection>)> {
    let mut decoded = R::default();
    for record in records {
        let Some(value) = record.value else { continue };
        decoder.open(value).and_then(|(_, plan, body)| decoded.decode_into(plan, body)).map_err(|rejection| (record.offset, rejection))?;
        push(&decoded, record.offset);
    }
    Ok(())
}

/// A record of a compacted topic.
enum Version<'v, R> {
    /// What a key stands for from now on, and the record's offset.
    Is(&'v R, i64),
    /// What it stood for is no longer: microseconds since 1970 UTC, and the record's offset.
    Ended { key: &'v str, at: i64, offset: i64 },
}

/// As [`decode_all`], with tombstones; the caller leaves out heartbeats.
fn decode_versions<'a, 'b: 'a, R: Record<'b>>(
    decoder: &Decoder,
    records: impl Iterator<Item = &'a LogRecord<'b>>,
    mut push: impl FnMut(Version<'_, R>),
) -> Result<(), (i64, Box<Rejection>)> {
    for record in records {
        if record.value.is_some() {
            decode_all(decoder, std::iter::once(record), |version: &R, offset| push(Version::Is(version, offset)))?;
        } else if let Some(key) = record.key.and_then(|key| str::from_utf8(key).ok()) {
            push(Version::Ended { key, at: record.timestamp_ms * 1_000, offset: record.offset });
        }
    }
    Ok(())
}

/// The spans of so many microseconds in which these times lie, by their starts.
fn starts(column: &Plain<Time>, span_us: i64) -> BTreeSet<i64> {
    let mut starts = BTreeSet::new();
    let mut last = None;
    for time in times(column) {
        let start = time.div_euclid(span_us);
        if last != Some(start) {
            starts.insert(start * span_us);
            last = Some(start);
        }
    }
    starts
}

/// A column's times, microseconds since 1970 UTC.
fn times(column: &Plain<Time>) -> impl Iterator<Item = i64> {
    let (times, _) = column.bytes().as_chunks::<8>();
    times.iter().map(|time| i64::from_le_bytes(*time))
}

/// One decoder for each of [`INPUTS`].
pub(crate) fn decoders(source: &std::sync::Arc<dyn schemas::SchemaSource>) -> [Decoder; INPUTS.len()] {
    let source = || std::sync::Arc::clone(source);
    [
        Decoder::new::<CleanPlaybackEvent<'static>>(source()),
        Decoder::new::<QosSessionSummary<'static>>(source()),
        Decoder::new::<Title<'static>>(source()),
        Decoder::new::<Profile<'static>>(source()),
    ]
}

/// Every table that the sink writes, with the columns that it brings.
pub(crate) fn written() -> [(&'static str, Vec<(&'static str, String)>); INPUTS.len()] {
    [
        (PlaybackEvents::TABLE, PlaybackEvents::columns()),
        (QosSessions::TABLE, QosSessions::columns()),
        (TitleVersions::TABLE, TitleVersions::columns()),
        (ProfileVersions::TABLE, ProfileVersions::columns()),
    ]
}

#[cfg(test)]
mod tests {
    use schemas::Schema;

    use super::*;

    /// Whatever a record says has a column, so that a field which is added is not forgotten.
    #[test]
    fn every_field_has_a_column() {
        fn fields<'a, R: Record<'a>>() -> Vec<String> {
            Schema::parse(R::SCHEMA).unwrap().field_names().map(str::to_owned).collect()
        }
        let records =
            [fields::<CleanPlaybackEvent<'_>>(), fields::<QosSessionSummary<'_>>(), fields::<Title<'_>>(), fields::<Profile<'_>>()];
        for ((table, columns), fields) in written().into_iter().zip(records) {
            for field in fields {
                assert!(columns.iter().any(|(name, _)| *name == field), "{table} has no {field}");
            }
        }
    }
}
