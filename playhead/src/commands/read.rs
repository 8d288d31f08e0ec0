//! `playhead read`

use std::io;
use std::ops::{ControlFlow, Range};

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pipeline::heartbeat::{self, Beat};
use pipeline::{Headers, Record};
use schemas::{Schema, SchemaSource, json, topics, wire};
use serde_json::{Map, Value, json};
use serving::rfc3339;

use super::time_us;
use crate::answer::Answer;
use crate::cli::Read;
use crate::failure::Verdict;
use crate::log_source::{LogReader, LogSource};

pub(super) fn run(args: &Read, source: &mut LogSource, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let from_time_us = time_us("--from-time", args.from_time.as_deref())?;
    let LogSource { log, schemas } = source;
    let topic = log.our_name(&args.topic);
    let Some((_, partitions)) = log.topic(topic)? else {
        let topics = topics::builtin();
        if topics.iter().any(|known| known.name == topic) {
            return Err(log.missing(topic));
        }
        let known: Vec<String> = topics.iter().map(|known| log.full_name(&known.name)).collect();
        bail!("there is no topic {:?}; topics: {}", args.topic, known.join(", "));
    };
    let full_name = log.full_name(topic);
    let chosen = match args.partition {
        Some(partition) if partition >= partitions => {
            bail!("--partition: topic {full_name} has partitions 0 to {}, not {partition}", partitions - 1);
        }
        Some(partition) => partition..partition + 1,
        None => 0..partitions,
    };
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut shower = Shower { topic: &full_name, source: schemas.as_ref(), schemas: Vec::new() };
    for partition in chosen {
        if left == 0 {
            break;
        }
        let range = range(args, topic, from_time_us, log, partition)?;
        let mut shown = Ok(());
        log.read(topic, partition, range, &mut |record| {
            if !args.heartbeats && heartbeat::is_heartbeat(record) {
                return ControlFlow::Continue(());
            }
            shown = shower.show(partition, record, answer);
            left -= 1;
            if shown.is_err() || left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        shown?;
    }
    Ok(Verdict::Well)
}

/// What is to be read of a partition.
fn range(args: &Read, topic: &str, from_time_us: Option<i64>, log: &mut LogReader, partition: u32) -> anyhow::Result<Range<i64>> {
    let (first, end) = log.bounds(topic, partition)?;
    let from = match (args.from_offset, from_time_us) {
        (Some(offset), _) if offset < 0 => bail!("--from-offset: {offset} is negative"),
        (Some(offset), _) if offset < first => {
            let topic = log.full_name(topic);
            bail!("--from-offset: the records of {topic}-{partition} from {offset} on are gone: it holds {first} to {end}, the end");
        }
        (Some(offset), _) => offset.min(end),
        (None, Some(time_us)) => log.offset_for_time(topic, partition, time_us.div_euclid(1000))?.clamp(first, end),
        (None, None) => first,
    };
    Ok(from..end)
}

struct Shower<'r> {
    topic: &'r str,
    source: &'r dyn SchemaSource,
    /// Parsed once per id.
    schemas: Vec<(u32, Option<Schema>)>,
}

impl Shower<'_> {
    fn show(&mut self, partition: u32, record: &Record<'_>, answer: &mut Answer) -> anyhow::Result<()> {
        let mut shown = Map::new();
        shown.insert("topic".into(), self.topic.into());
        shown.insert("partition".into(), partition.into());
        shown.insert("offset".into(), record.offset.into());
        shown.insert("timestamp".into(), rfc3339(record.timestamp_ms.saturating_mul(1000)).into());
        shown.insert("key".into(), record.key.map_or(Value::Null, text_or_base64));
        shown.insert("headers".into(), headers(record.headers));
        self.add_value(record, &mut shown)?;
        if answer.is_json {
            answer.json(&shown)?;
        } else {
            in_words(self.topic, partition, record, &shown, answer)?;
        }
        Ok(())
    }

    fn add_value(&mut self, record: &Record<'_>, shown: &mut Map<String, Value>) -> anyhow::Result<()> {
        if heartbeat::is_heartbeat(record) {
            let beat = record.header(heartbeat::HEADER).and_then(Beat::parse);
            shown.insert("value".into(), Value::Null);
            let beat =
                beat.map_or(Value::Null, |beat| json!({"sequence": beat.sequence, "sent_at": rfc3339(beat.sent_ms.saturating_mul(1000))}));
            shown.insert("heartbeat".into(), beat);
            return Ok(());
        }
        let Some(value) = record.value else {
            shown.insert("value".into(), Value::Null);
            return Ok(());
        };
        match self.decode(value)? {
            Ok(decoded) => {
                shown.insert("value".into(), decoded);
            }
            Err(reason) => {
                shown.insert("value".into(), Value::Null);
                shown.insert("error".into(), reason.into());
                shown.insert("raw".into(), STANDARD.encode(value).into());
            }
        }
        Ok(())
    }

    /// The outer error is the registry's, the inner one is why the value can't be read.
    fn decode(&mut self, value: &[u8]) -> anyhow::Result<Result<Value, &'static str>> {
        let (id, body) = match wire::split(value) {
            Ok(split) => split,
            Err(rejection) => return Ok(Err(rejection.reason.as_str())),
        };
        let Some(schema) = self.schema(id)? else { return Ok(Err(schemas::Reason::UnknownSchemaId.as_str())) };
        Ok(json::to_value(schema, body).map_err(|rejection| rejection.reason.as_str()))
    }

    fn schema(&mut self, id: u32) -> anyhow::Result<Option<&Schema>> {
        let place = match self.schemas.iter().position(|(known, _)| *known == id) {
            Some(place) => place,
            None => {
                let schema = self.source.schema_by_id(id)?.and_then(|schema| Schema::parse(&schema).ok());
                self.schemas.push((id, schema));
                self.schemas.len() - 1
            }
        };
        Ok(self.schemas[place].1.as_ref())
    }
}

fn in_words(topic: &str, partition: u32, record: &Record<'_>, shown: &Map<String, Value>, answer: &mut Answer) -> io::Result<()> {
    let text =
        |name: &str| shown.get(name).map_or_else(String::new, |value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let place = format!("{topic}-{partition} {} {} {}", record.offset, text("timestamp"), text("key").replace('\u{1f}', "/"));
    if let Some(beat) = shown.get("heartbeat") {
        return answer.line(&format!("{place} heartbeat {beat}"));
    }
    if shown.contains_key("error") {
        return answer.line(&format!("{place} not readable: {}, {} bytes", text("error"), record.value.map_or(0, <[u8]>::len)));
    }
    // What is not known says nothing.
    let mut value = shown.get("value").cloned().unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| !value.is_null());
    }
    answer.line(&format!("{place} {value}"))
}

fn headers(headers: Headers<'_>) -> Value {
    headers.iter().map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), text_or_base64(value))).collect::<Map<_, _>>().into()
}

fn text_or_base64(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| STANDARD.encode(bytes), str::to_owned).into()
}
