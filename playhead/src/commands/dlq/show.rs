//! `playhead dlq show`

use std::ops::ControlFlow;

use anyhow::bail;
use producers::redrive::{Filter, named_id};
use schemas::redrive::{LetterId, Redriven};
use schemas::{DeadLetter, Reason, Schema, SchemaSource, json, wire};
use serde_json::{Map, Value, json};
use serving::rfc3339;

use super::advice::{advice, meaning};
use super::hexdump;
use super::letters::{Marks, Place, as_json, read_all, text_or_base64};
use crate::answer::Answer;
use crate::cli::dlq::Show;
use crate::failure::Verdict;
use crate::log_source::LogSource;
use crate::shown;

/// Bytes that are shown in hexadecimal.
const DUMPED: usize = 4_096;

/// A letter that answers to the id, shown.
struct Found {
    id: LetterId,
    json: Map<String, Value>,
    lines: Vec<String>,
    redriven_at: Option<i64>,
    /// The letter that its record was taken from when it was redriven before.
    came_of: Option<LetterId>,
    /// Letters that its record got when it was refused again.
    came_again: Vec<CameAgain>,
}

/// What became of a record that was redriven: another letter.
struct CameAgain {
    id: LetterId,
    name: String,
    failed_at: i64,
    reason: String,
}

pub(super) fn run(args: &Show, source: &mut LogSource, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let letters =
        crate::cli::dlq::Letters { reason: None, stage: None, topic: None, partition: None, since: None, until: None, limit: None };
    let filter: Filter = super::filter(&letters, std::slice::from_ref(&args.id))?;
    let marks = Marks::read(source)?;
    let schemas = std::sync::Arc::clone(&source.schemas);
    let mut found: Vec<Found> = Vec::new();
    // What came of a letter stands behind it in the same partition, for it is of the same source.
    read_all(source, &mut |place, letter| {
        let Ok(letter) = letter else { return Ok(ControlFlow::Continue(())) };
        let Some(id) = LetterId::of(&letter) else { return Ok(ControlFlow::Continue(())) };
        let came_of = Redriven::of(&letter).map(|redriven| redriven.letter);
        if let Some(came_of) = &came_of {
            for earlier in found.iter_mut().filter(|earlier| earlier.id == *came_of) {
                let (name, reason) = (named_id(&letter), letter.reason.to_owned());
                earlier.came_again.push(CameAgain { id: id.clone(), name, failed_at: letter.failed_at, reason });
            }
        }
        if filter.takes(&letter) {
            let redriven_at = marks.redriven_at(&id);
            let value = Readable::of(&letter, schemas.as_ref())?;
            let mut json = as_json(&letter, &id, place, redriven_at);
            add_details(&letter, &value, &mut json);
            let lines = in_words(&letter, &value, place);
            found.push(Found { id, json, lines, redriven_at, came_of, came_again: Vec::new() });
        }
        Ok(ControlFlow::Continue(()))
    })?;
    match found.as_slice() {
        [] => {
            if answer.is_json {
                answer.json(&Value::Null)?;
            } else {
                answer.line(&format!("no letter has the id {}: `playhead dlq list` names them", args.id))?;
            }
            return Ok(Verdict::BadNews);
        }
        [_] => {}
        several => {
            let ids: Vec<String> = several.iter().map(|found| found.id.to_string()).collect();
            bail!("the topic was made anew, and several letters have this name: say which, {}", ids.join(" or "));
        }
    }
    found.into_iter().try_for_each(|found| found.show(answer))?;
    Ok(Verdict::Well)
}

/// The value of a refused record, as far as it can be read.
struct Readable {
    fields: Option<Map<String, Value>>,
    /// Why there are no more of them.
    fault: Option<String>,
}

impl Readable {
    fn of(letter: &DeadLetter<'_>, schemas: &dyn SchemaSource) -> anyhow::Result<Self> {
        let none = |fault: &str| Ok(Self { fields: None, fault: Some(fault.to_owned()) });
        let Some(value) = letter.value else { return none("the record has no value") };
        let (id, body) = match wire::split(value) {
            Ok(split) => split,
            Err(rejection) => return none(&rejection.to_string()),
        };
        let Some(schema) = schemas.schema_by_id(id)?.and_then(|schema| Schema::parse(&schema).ok()) else {
            return none(&format!("{}: the registry knows no schema {id}", Reason::UnknownSchemaId));
        };
        let (fields, fault) = json::to_value_so_far(&schema, body);
        let cut = letter.value_sha256.is_some();
        let fault = fault.map(|fault| if cut { format!("{fault} (only the first 64 KiB are here)") } else { fault.to_string() });
        Ok(Self { fields: Some(fields), fault })
    }
}

fn headers(letter: &DeadLetter<'_>) -> Vec<(String, String)> {
    letter.headers.iter().map(|(name, value)| (name.to_owned(), text_or_base64(value))).collect()
}

fn add_details(letter: &DeadLetter<'_>, value: &Readable, json: &mut Map<String, Value>) {
    let headers: Vec<Value> = headers(letter).into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    json.insert("headers".into(), headers.into());
    json.insert("value".into(), value.fields.clone().map_or(Value::Null, Value::Object));
    json.insert("value_fault".into(), value.fault.clone().into());
    json.insert("meaning".into(), meaning(letter.reason).into());
    json.insert("advice".into(), advice(letter.reason).into());
}

fn in_words(letter: &DeadLetter<'_>, value: &Readable, place: Place) -> Vec<String> {
    let DeadLetter { reason, detail, stage, source, offset, attempts, software_version, .. } = letter;
    let times = if *attempts == 1 { "once".to_owned() } else { format!("{} times", shown::count(attempts.unsigned_abs())) };
    let field = letter.field.map_or_else(String::new, |field| format!("{field}: "));
    let mut lines = vec![
        format!("refused by {stage} at {} ({times}, Playhead {software_version})", shown::time(letter.failed_at)),
        format!("reason   {reason}: {field}{detail}"),
        format!("         {}", meaning(reason)),
        format!("to do    {}", advice(reason)),
        format!("record   {source} offset {offset}, {}", shown::time(letter.timestamp)),
        format!("key      {}", shown::or_dash(letter.key.map(text_or_base64))),
    ];
    lines.extend(headers(letter).into_iter().map(|(name, value)| format!("header   {name}: {value}")));
    let length = letter.value_length.map_or_else(|| "none".to_owned(), |length| shown::counted(length.unsigned_abs(), "byte"));
    let hash = letter.value_sha256.map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let by_reference = hash.map_or_else(String::new, |hash| format!(", of which the letter has the first 64 KiB; SHA-256 {hash}"));
    lines.push(format!("value    {length}{by_reference}"));
    if let Some(fields) = &value.fields {
        let width = fields.keys().map(String::len).max().unwrap_or(0);
        lines.extend(fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| format!("  {name:width$}  {value}")));
    }
    lines.extend(value.fault.as_ref().map(|fault| format!("  not readable: {fault}")));
    if value.fields.is_none() || value.fault.is_some() {
        let bytes = letter.value.unwrap_or_default();
        lines.extend(hexdump::lines(&bytes[..bytes.len().min(DUMPED)]).map(|line| format!("  {line}")));
        if bytes.len() > DUMPED {
            lines.push(format!("  and {} more: --json has all", shown::counted((bytes.len() - DUMPED) as u64, "byte")));
        }
    }
    lines.push(format!("letter   dead_letters-{} offset {}", place.partition, place.offset));
    lines
}

impl Found {
    fn show(mut self, answer: &mut Answer) -> anyhow::Result<()> {
        if answer.is_json {
            let again =
                |again: &CameAgain| json!({"id": again.id.to_string(), "failed_at": rfc3339(again.failed_at), "reason": again.reason});
            self.json.insert("came_again".into(), self.came_again.iter().map(again).collect());
            answer.json(&self.json)?;
            return Ok(());
        }
        answer.heading(&self.id.to_string())?;
        self.lines.iter().try_for_each(|line| answer.line(line))?;
        if let Some(earlier) = &self.came_of {
            answer.line(&format!("history  its record was redriven before, from {earlier}"))?;
        }
        match self.redriven_at {
            Some(at) => answer.line(&format!("history  redriven at {}", shown::time(at)))?,
            None => answer.line("history  not redriven yet")?,
        }
        for again in &self.came_again {
            let CameAgain { name, failed_at, reason, .. } = again;
            answer.line(&format!("history  refused again at {} ({reason}): {name}", shown::time(*failed_at)))?;
        }
        Ok(())
    }
}
