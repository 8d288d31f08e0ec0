//! One request: `{"sent_at": T, "events": [{...}, ...]}`. Each event is judged by itself, by the rules of ingest.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::ingest::{Accepted, Judge, RawTopic};
use crate::{ReceivedTime, parse_time_us};

/// Most events of a request.
pub const REQUEST_EVENTS: usize = 1_000;

/// What requests are held to.
#[derive(Clone, Copy, Debug)]
pub struct RequestOptions {
    /// Where the events go.
    pub topic: RawTopic,
    /// The registry's id for the topic's current schema.
    pub schema_id: u32,
    /// The bound for late data, ms.
    pub late_horizon_ms: i64,
}

/// Whether an event was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is to be written.
    Accepted,
    /// The request has it already.
    Duplicate,
    /// Nothing of it is kept.
    Rejected,
}

/// The verdict on one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventVerdict {
    /// Its place in `events`, from 0.
    pub index: usize,
    /// What became of it.
    pub status: Status,
    /// Why it was rejected: the codes of [`crate::ingest::Verdict`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The field at fault, as a JSON pointer into the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// In words, with the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A request whose events have been judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedRequest {
    /// What is to be written, in order.
    pub accepted: Vec<Accepted>,
    /// One an event, in order.
    pub verdicts: Vec<EventVerdict>,
}

/// A request of which nothing can be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct BadRequest {
    /// `not_utf8`, `not_json`, `bad_request`, `bad_sent_at` or `too_many_events`.
    pub reason: &'static str,
    /// In words.
    pub detail: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'b> {
    sent_at: Option<Value>,
    #[serde(borrow)]
    events: Vec<&'b RawValue>,
}

/// Judges the events of a request that is received now.
///
/// # Errors
/// [`BadRequest`] where the body is no such request: then nothing of it is kept.
pub fn judge_request(body: &[u8], received: ReceivedTime, options: &RequestOptions) -> Result<JudgedRequest, BadRequest> {
    let request = parse(body)?;
    let sent_us = request.sent_at.as_ref().map(sent_at_us).transpose()?;
    let clock_shift_ms = sent_us.map(|sent_us| received.ms.saturating_sub(sent_us.div_euclid(1000)));
    // A judge of its own: ids that are made number the equal events of a request, so that one sent again makes the same ids.
    let mut judge = Judge::new(options.topic, options.schema_id, options.late_horizon_ms);
    let mut judged = JudgedRequest { accepted: Vec::new(), verdicts: Vec::with_capacity(request.events.len()) };
    let mut seen: HashSet<(String, [u8; 16])> = HashSet::new();
    for (index, event) in request.events.into_iter().enumerate() {
        let verdict = match judge.judge_sent(event.get(), received, clock_shift_ms) {
            Ok(accepted) if seen.insert((accepted.key.clone(), accepted.event_id)) => {
                judged.accepted.push(accepted);
                EventVerdict { index, status: Status::Accepted, reason: None, pointer: None, detail: None }
            }
            Ok(_) => EventVerdict { index, status: Status::Duplicate, reason: None, pointer: None, detail: None },
            Err(refusal) => EventVerdict {
                index,
                status: Status::Rejected,
                reason: Some(refusal.reason),
                pointer: refusal.field.map(|field| format!("/{field}")),
                detail: Some(refusal.detail),
            },
        };
        judged.verdicts.push(verdict);
    }
    Ok(judged)
}

fn parse(body: &[u8]) -> Result<Request<'_>, BadRequest> {
    let bad = |reason, detail: String| Err(BadRequest { reason, detail });
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(error) => return bad("not_utf8", format!("byte {} of the body is not UTF-8", error.valid_up_to() + 1)),
    };
    let request: Request<'_> = match serde_json::from_str(text) {
        Ok(request) => request,
        Err(error) if error.is_data() => return bad("bad_request", format!("{error}; a request is {{\"sent_at\": T, \"events\": [...]}}")),
        Err(error) => return bad("not_json", error.to_string()),
    };
    if request.events.len() > REQUEST_EVENTS {
        return bad("too_many_events", format!("{} events, at most {REQUEST_EVENTS}", request.events.len()));
    }
    Ok(request)
}

/// RFC 3339, or integer microseconds since 1970.
fn sent_at_us(sent_at: &Value) -> Result<i64, BadRequest> {
    let text = match sent_at {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    parse_time_us(&text).map_err(|error| BadRequest { reason: "bad_sent_at", detail: error.to_string() })
}
