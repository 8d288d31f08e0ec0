//! One event as a client wrote it: from bytes to a record, or to the reason why not.

use pipeline::{Outputs, partition_for};
use schemas::{Reason, Rejection, admission, json, wire};
use serde_json::{Map, Value};

use super::identity::EventIds;
use super::raw_topic::{Essence, RawTopic};
use super::verdict::Refusal;
use crate::received_time::{shown, span};
use crate::{LINE_BYTES, Line, ReceivedTime};

/// What a client can't say of itself: the server's clock does.
const OF_THE_SERVER: [&str; 2] = ["received_time", "clock_shift_ms"];

/// Judges the events of one input, in order.
pub struct Judge {
    topic: RawTopic,
    schema_id: u32,
    /// How old an event may be against received_time, microseconds; holds only where received_time is the clock's.
    late_horizon_us: i64,
    ids: EventIds,
}

/// An event that is fit to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The record's key.
    pub key: String,
    /// The event's identity, among those of its key.
    pub event_id: [u8; 16],
    /// Its timestamp, ms since 1970 UTC: received_time.
    pub timestamp_ms: i64,
    /// Its framed value.
    pub value: Vec<u8>,
    /// The type as the client sent it, where this version does not know it.
    pub unknown_type: Option<String>,
}

impl Accepted {
    /// Makes it a record of the first output topic.
    pub(crate) fn push_to(&self, out: &mut Outputs) {
        let partition = partition_for(self.key.as_bytes(), out.partitions(0));
        out.push_to(0, partition, self.timestamp_ms, self.key.as_bytes(), |buffer| buffer.extend_from_slice(&self.value));
    }
}

impl Judge {
    /// A judge of events for `topic`, whose schema has the id `schema_id`.
    #[must_use]
    pub fn new(topic: RawTopic, schema_id: u32, late_horizon_ms: i64) -> Self {
        Self { topic, schema_id, late_horizon_us: late_horizon_ms.saturating_mul(1000), ids: EventIds::default() }
    }

    /// Judges a line that is received at this time, where it does not say so itself.
    pub(crate) fn judge(&mut self, line: Line<'_>, received: ReceivedTime) -> Result<Accepted, Refusal> {
        if line.is_too_long() {
            return Err(Refusal::of_event("line_too_long", format!("{} bytes, at most {LINE_BYTES}", line.length)));
        }
        let mut event = self.parse(line.bytes)?;
        let is_given = received.is_given || event.get("received_time").is_some_and(|time| !time.is_null());
        if event.get("received_time").is_none_or(Value::is_null) {
            event.insert("received_time".into(), received.us().into());
        }
        self.admit(event, received.now_ms, is_given, "; replay old events with --received-time")
    }

    /// Judges an event that a client sent to a server, which received it at this time. `clock_shift_ms` is how far the client's clock is off,
    /// where it is known.
    pub(crate) fn judge_sent(&mut self, event: &str, received: ReceivedTime, clock_shift_ms: Option<i64>) -> Result<Accepted, Refusal> {
        let mut event = self.parse(event.as_bytes())?;
        if let Some(field) = OF_THE_SERVER.into_iter().find(|field| event.get(*field).is_some_and(|value| !value.is_null())) {
            let detail = "is what the server says of an event, not the client".to_owned();
            return Err(Refusal { reason: "unknown_field", field: Some(field.to_owned()), detail });
        }
        event.insert("received_time".into(), received.us().into());
        if let Some(clock_shift_ms) = clock_shift_ms {
            event.insert("clock_shift_ms".into(), clock_shift_ms.into());
        }
        self.admit(event, received.now_ms, false, "")
    }

    /// The event with its id. Where the client sent none it is made of what the client sent, before anything is added.
    fn parse(&mut self, text: &[u8]) -> Result<Map<String, Value>, Refusal> {
        let mut event = parse(text)?;
        if event.get("event_id").is_none_or(Value::is_null) {
            let id = self.ids.next_id(&event);
            event.insert("event_id".into(), id.to_string().into());
        }
        Ok(event)
    }

    /// `advice` is what can be done about an event that is too old.
    fn admit(&self, event: Map<String, Value>, now_ms: i64, is_given: bool, advice: &str) -> Result<Accepted, Refusal> {
        let sent_type = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (body, essence) = self.encode(event)?;
        self.check_times(&essence, now_ms, is_given, advice)?;
        let mut value = Vec::with_capacity(wire::FRAME_BYTES + body.len());
        wire::frame(self.schema_id, &mut value);
        value.extend_from_slice(&body);
        admission::check_size(value.len())?;
        Ok(Accepted {
            key: essence.key,
            event_id: essence.event_id,
            timestamp_ms: essence.received_time_us.div_euclid(1000),
            value,
            unknown_type: essence.is_of_unknown_type.then_some(sent_type),
        })
    }

    /// The rules are those of every raw record; the words are for whoever sends events.
    fn check_times(&self, essence: &Essence, now_ms: i64, is_given: bool, advice: &str) -> Result<(), Refusal> {
        let now_us = now_ms.saturating_mul(1000);
        let received_us = essence.received_time_us;
        admission::check_received_time(received_us, now_us).map_err(|rejection| {
            let ahead = span(received_us.saturating_sub(now_us));
            Refusal::from(rejection).saying(format!("{} is {ahead} ahead of the clock, the limit is 60 s", shown(received_us)))
        })?;
        if is_given {
            return Ok(());
        }
        admission::check_age(essence.event_time_us, essence.clock_shift_ms, received_us, self.late_horizon_us).map_err(|rejection| {
            let shift_us = essence.clock_shift_ms.unwrap_or(0).saturating_mul(1000);
            let age = span(received_us.saturating_sub(essence.event_time_us.saturating_add(shift_us)));
            let by_its_clock = if shift_us == 0 { "" } else { " by the corrected clock" };
            let (event_time, limit_h) = (shown(essence.event_time_us), self.late_horizon_us / 3_600_000_000);
            Refusal::from(rejection)
                .saying(format!("{event_time} is {age} before it was received{by_its_clock}, the limit is {limit_h} h{advice}"))
        })
    }

    /// The event's body; its received_time is cut to whole milliseconds, for it equals the record's timestamp.
    fn encode(&self, event: Map<String, Value>) -> Result<(Vec<u8>, Essence), Refusal> {
        let schema = &self.topic.compiled().schema;
        let mut document = Value::Object(event);
        let body = json::to_body(schema, &document)?;
        let essence = self.topic.essence(&body).map_err(|rejection| before_2000(&document, rejection))?;
        let excess_us = essence.received_time_us.rem_euclid(1000);
        if excess_us == 0 {
            return Ok((body, essence));
        }
        document["received_time"] = (essence.received_time_us - excess_us).into();
        let body = json::to_body(schema, &document)?;
        let essence = self.topic.essence(&body)?;
        Ok((body, essence))
    }
}

/// A time before 2000 is mostly a number in another unit.
fn before_2000(document: &Value, rejection: Box<Rejection>) -> Refusal {
    let time = rejection.field.filter(|_| rejection.reason == Reason::TimeBefore2000).map(|field| document[field].clone());
    let refusal = Refusal::from(rejection);
    match time {
        None => refusal,
        Some(Value::Number(number)) => {
            let read_as = number.as_i64().map(shown).unwrap_or_default();
            refusal.saying(format!(
                "{number} is read as microseconds since 1970: that is {read_as}; seconds and milliseconds are not understood"
            ))
        }
        Some(time) => refusal.saying(format!("{time} is before 2000")),
    }
}

fn parse(bytes: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if bytes.contains(&0) {
        return Err(Refusal::of_event("nul_byte", "holds a NUL byte"));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Refusal::of_event("not_utf8", format!("byte {} is not UTF-8", error.valid_up_to() + 1)))?;
    let value: Value = serde_json::from_str(text).map_err(|error| {
        let reason = if error.to_string().contains("recursion limit") { "too_deep" } else { "not_json" };
        Refusal::of_event(reason, error.to_string())
    })?;
    let Value::Object(event) = value else {
        return Err(Refusal::of_event("not_json", "not an object: an event is one, as in {\"event_id\": ...}"));
    };
    match event.iter().find(|(name, value)| name.contains('\0') || holds_nul(value)) {
        Some((name, _)) => {
            Err(Refusal { reason: "nul_byte", field: Some(name.escape_default().to_string()), detail: "holds a NUL character".to_owned() })
        }
        None => Ok(event),
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(object) => object.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
        _ => false,
    }
}
