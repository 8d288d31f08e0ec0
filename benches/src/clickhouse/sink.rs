//! Encoded records through the sink: to blocks that nobody takes, and to a server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use pipeline::{Batch, Headers, Record as LogRecord, Sink, TopicId, TopicPartition};
use schemas::registry::Registry;
use schemas::{CleanPlaybackEvent, CleanPrefix, Record, SchemaSource, clean, wire};
use sink_clickhouse::{ClickHouseSink, Heard, Insert, Mark, QueryError, Span, Store};

use super::Database;
use crate::audience::Audience;
use crate::event_source::DAY_MS;
use crate::measure::{Bar, Figure, cpu_of, peak_resident_bytes};

/// Records that a batch has, as they come from a consumer.
const BATCH: usize = 1_000;
const DISTINCT: usize = 600_000;
const PARTITIONS: u32 = 4;
const HOUR_MS: i64 = 3_600_000;

/// Counts blocks.
#[derive(Default)]
struct Nowhere {
    rows: u64,
    bytes: u64,
}

impl Store for Nowhere {
    fn insert(&mut self, insert: Insert<'_>) -> Result<(), QueryError> {
        self.rows += insert.rows as u64;
        self.bytes += insert.block.len() as u64;
        Ok(())
    }

    fn is_inserting(&mut self, _: &str) -> Result<bool, QueryError> {
        Ok(false)
    }

    fn offsets(&mut self, _: &Span) -> Result<Vec<i64>, QueryError> {
        Ok(Vec::new())
    }

    fn take_out(&mut self, _: &Span, _: &BTreeSet<i64>) -> Result<(), QueryError> {
        Ok(())
    }

    fn has_rows(&mut self, _: pipeline::TopicId, _: u32) -> Result<bool, QueryError> {
        Ok(false)
    }

    fn is_held(&mut self) -> Result<bool, QueryError> {
        Ok(false)
    }

    fn mark(&mut self, _: &BTreeSet<Mark>) -> Result<(), QueryError> {
        Ok(())
    }

    fn note_freshness(&mut self, _: &[Heard]) -> Result<(), QueryError> {
        Ok(())
    }
}

/// Encoded clean events, one behind the other.
struct Encoded {
    schemas: Arc<dyn SchemaSource>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Encoded {
    fn make() -> Self {
        let schemas: Arc<dyn SchemaSource> = Arc::new(Mutex::new(Registry::new()));
        let id = schemas.register("playback_events.clean-value", CleanPlaybackEvent::SCHEMA).expect("an empty registry takes every schema");
        let mut encoded = Self { schemas, bytes: Vec::new(), ends: Vec::new() };
        let mut audience = Audience::new(360, 20_000);
        audience.spread_ages();
        let (mut polled, mut body) = (Vec::new(), Vec::new());
        // What was received long ago is not kept.
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock beyond 1970").as_millis() as i64;
        let since_ms = now_ms - DAY_MS - HOUR_MS;
        while encoded.ends.len() < DISTINCT {
            audience.poll(&mut polled);
            for (viewing, at_ms) in &mut polled {
                let event = viewing.next(360, *at_ms + since_ms);
                body.clear();
                event.encode(&mut body);
                let prefix = CleanPrefix {
                    effective_time: event.event_time,
                    content_hash: clean::content_hash(&body),
                    source_offset: encoded.ends.len() as i64,
                    ..CleanPrefix::default()
                };
                wire::frame(id, &mut encoded.bytes);
                clean::write(&prefix, &body, &mut encoded.bytes);
                encoded.ends.push(encoded.bytes.len());
            }
        }
        encoded
    }

    /// Hands them all to a sink, batch by batch, partition after partition; flushes as a runner does.
    fn feed<S: Store>(&self, sink: &mut ClickHouseSink<S>, round: i64) -> u64 {
        let mut start = 0;
        let mut fed = 0;
        for (number, ends) in self.ends.chunks(BATCH).enumerate() {
            let partition = number as u32 % PARTITIONS;
            let first = round * DISTINCT as i64 * 2 + number as i64 * BATCH as i64;
            let mut records = Vec::with_capacity(ends.len());
            for (offset, &end) in (first..).zip(ends) {
                records.push(LogRecord {
                    offset,
                    timestamp_ms: 0,
                    key: Some(b"session"),
                    value: Some(&self.bytes[start..end]),
                    headers: Headers::NONE,
                });
                start = end;
            }
            fed += records.len() as u64;
            let source = TopicPartition { topic: 0, partition };
            let batch = Batch { source, topic_id: TopicId([7; 16]), next_offset: first + records.len() as i64, records };
            sink.stage(&batch).expect("every event is one");
            if sink.is_full() {
                sink.flush().expect("the store takes it");
            }
        }
        sink.flush().expect("the store takes it");
        fed
    }
}

pub(crate) fn columns() -> Vec<Figure> {
    let encoded = Encoded::make();
    let mut sink = ClickHouseSink::new(Nowhere::default(), &encoded.schemas);
    encoded.feed(&mut sink, 0);
    *sink.store() = Nowhere::default();
    let mut rows = 0;
    let cpu_s = cpu_of(|| (1..9).for_each(|round| rows += encoded.feed(&mut sink, round)));
    let Nowhere { rows: stored, bytes } = *sink.store();
    assert_eq!(stored, rows, "every record is a row");
    vec![
        Figure::rate("ClickHouse sink, encoded records to Native blocks", rows, cpu_s, 400e3),
        Figure::plain("CPU a row, encoded records to Native blocks", cpu_s / rows as f64 * 1e6, "us", Some(Bar::AtMost(2.5))),
        Figure::plain("bytes of a row in its block", bytes as f64 / rows as f64, "bytes", None),
    ]
}

/// 20,000 events a second for half a minute, flushed each second as a runner does: from an event's arrival until it is durable, and in every table
/// that is made of it.
pub(crate) fn freshness() -> Vec<Figure> {
    const EVERY: Duration = Duration::from_millis(50);
    const FLUSHED: Duration = Duration::from_secs(1);
    const SECONDS: usize = 30;
    let database = Database::make("playhead_bench_freshness");
    let encoded = Encoded::make();
    let mut sink = ClickHouseSink::new(database.client.clone(), &encoded.schemas);
    let (started, mut flushed) = (Instant::now(), Instant::now());
    let (mut waiting, mut ages_ms, mut start) = (Vec::new(), Vec::new(), 0);
    // A batch is due at its time, whatever keeps the sink from taking it.
    for (number, ends) in (0_u32..).zip(encoded.ends.chunks(BATCH)).take(SECONDS * 20) {
        let due = started + EVERY * number;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let first = i64::from(number) * BATCH as i64;
        let mut records = Vec::with_capacity(ends.len());
        for (offset, &end) in (first..).zip(ends) {
            records.push(LogRecord { offset, timestamp_ms: 0, key: None, value: Some(&encoded.bytes[start..end]), headers: Headers::NONE });
            start = end;
        }
        let source = TopicPartition { topic: 0, partition: number % PARTITIONS };
        let next_offset = first + records.len() as i64;
        sink.stage(&Batch { source, topic_id: TopicId([7; 16]), next_offset, records }).expect("every event is one");
        waiting.push(due);
        if flushed.elapsed() >= FLUSHED {
            flushed = Instant::now();
            sink.flush().expect("the store takes it");
            ages_ms.extend(waiting.drain(..).map(|due: Instant| due.elapsed().as_secs_f64() * 1e3));
        }
    }
    ages_ms.sort_unstable_by(f64::total_cmp);
    let quantile = |percent: usize| ages_ms[(ages_ms.len() * percent).div_ceil(100) - 1];
    vec![
        Figure::plain("20,000 events/s: from arrival to durable, p50", quantile(50), "ms", None),
        Figure::plain("20,000 events/s: from arrival to durable, p95", quantile(95), "ms", Some(Bar::AtMost(3_000.0))),
    ]
}

pub(crate) fn durable() -> Vec<Figure> {
    const ROUNDS: i64 = 10;
    let database = Database::make("playhead_bench_sink");
    let encoded = Encoded::make();
    let mut sink = ClickHouseSink::new(database.client.clone(), &encoded.schemas);
    let before = encoded.feed(&mut sink, 0);
    let started = Instant::now();
    let mut rows = 0;
    let cpu_s = cpu_of(|| (1..=ROUNDS).for_each(|round| rows += encoded.feed(&mut sink, round)));
    let wall_s = started.elapsed().as_secs_f64();
    let found = database.figure("SELECT count() FROM playback_events");
    assert!((found - (rows + before) as f64).abs() < 0.5, "{found} rows, and not {rows} and those before");
    let whole = |name: &str, of: &str| {
        database.figure(&format!("SELECT sum({of}) FROM system.parts WHERE database = currentDatabase() AND table = '{name}' AND active"))
    };
    vec![
        Figure::rate("ClickHouse sink, encoded records to durable rows: sink", rows, cpu_s, 400e3),
        Figure::plain("CPU of the sink a row, to durable rows", cpu_s / rows as f64 * 1e6, "us", Some(Bar::AtMost(2.5))),
        Figure::plain("rows a second, one sink and the engine on one machine", rows as f64 / wall_s, "rows/s", None),
        Figure::plain("bytes on disk an event", whole("playback_events", "bytes_on_disk") / found, "bytes", None),
        Figure::plain(
            "bytes on disk an event, tables by minute",
            (whole("qos_minute", "bytes_on_disk") + whole("concurrent_viewers_minute", "bytes_on_disk")) / found,
            "bytes",
            None,
        ),
        Figure::plain("most memory of the sink", peak_resident_bytes() as f64 / f64::from(1 << 20), "MiB", None),
    ]
}
