//! A record for every reason for which a stage refuses one.

use std::sync::{Arc, Mutex};

use schemas::registry::Registry;
use schemas::{ActiveStream, EventType, PlaybackEvent, Reason, Record as _, SchemaSource, ViewingProgress, wire};

/// A raw record that must be refused, and why.
#[derive(Clone)]
pub(super) struct Poison {
    pub(super) reason: Reason,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
}

/// Ids of schemas in the registry at hand.
#[derive(Clone, Copy)]
pub(super) struct Ids {
    pub(super) event: u32,
    pub(super) progress: u32,
    /// Of a record that no raw topic has.
    pub(super) other: u32,
    /// Of nothing.
    pub(super) unknown: u32,
}

impl Ids {
    /// As a registry has them.
    pub(super) fn of(registry: &dyn SchemaSource, unknown: u32) -> Self {
        // Apicurio refuses the first schema of a subject to one of two who register it at once.
        let id = |topic: &str, schema: &str| {
            e2e::until("the schema is registered", || registry.register(&format!("{topic}-value"), schema).ok())
        };
        Self {
            event: id("playback_events", PlaybackEvent::SCHEMA),
            progress: id("viewing_progress", ViewingProgress::SCHEMA),
            other: id("active_streams", ActiveStream::SCHEMA),
            unknown,
        }
    }

    /// As the registry of a folder has them, or will have.
    pub(super) fn of_file(registry: &Arc<Mutex<Registry>>, unknown: u32) -> Self {
        Self::of(registry.as_ref(), unknown)
    }
}

/// An event that happened then.
pub(super) fn event(number: u8, at_ms: i64) -> PlaybackEvent<'static> {
    PlaybackEvent {
        event_id: [number; 16],
        session_id: "s",
        kind: EventType::Heartbeat,
        event_time: at_ms * 1000,
        received_time: at_ms * 1000,
        title_id: "t",
        position_ms: Some(1_000),
        ..PlaybackEvent::default()
    }
}

pub(super) fn framed<'r>(id: u32, record: &impl schemas::Record<'r>) -> Vec<u8> {
    let mut value = Vec::new();
    wire::frame(id, &mut value);
    record.encode(&mut value);
    value
}

/// Reasons that no stage gives: the gateway and `ingest` answer with them, and keep nothing.
pub(super) const ANSWERED: [Reason; 2] = [Reason::TimeTooOld, Reason::ReceivedTimeInFuture];
/// The reason that depends on what came before.
pub(super) const OF_STATE: Reason = Reason::SessionTooLong;

/// Records of `playback_events`, each with an id of its own.
pub(super) fn playback(ids: &Ids, at_ms: i64) -> Vec<Poison> {
    let mut number = 100;
    let mut good = || {
        number += 1;
        event(number, at_ms)
    };
    let of_bytes = |reason, value: Vec<u8>| Poison { reason, key: Some(b"s".to_vec()), value: Some(value) };
    let of = |reason, event: PlaybackEvent<'_>| Poison {
        reason,
        key: Some(event.session_id.as_bytes().to_vec()),
        value: Some(framed(ids.event, &event)),
    };
    let long = "x".repeat(300);
    let mut cut_short = framed(ids.event, &good());
    cut_short.pop();
    let mut with_a_tail = framed(ids.event, &good());
    with_a_tail.push(0);
    let mut not_utf8 = framed(ids.event, &PlaybackEvent { title_id: "????", ..good() });
    let place = not_utf8.windows(4).position(|bytes| bytes == b"????").unwrap();
    not_utf8[place] = 0xff;
    let mut buffer = Vec::new();
    let entries: Vec<(String, &str)> = (0..33).map(|number| (number.to_string(), "v")).collect();
    let too_many = schemas::Attributes::encode(entries.iter().map(|(name, value)| (name.as_str(), *value)), &mut buffer);
    let big = "y".repeat(2_100);
    let mut other_buffer = Vec::new();
    let too_large = schemas::Attributes::encode([("a", big.as_str())], &mut other_buffer);
    let huge = "z".repeat(1_000_000);
    vec![
        of_bytes(Reason::NotFramed, b"{\"json\":true}".to_vec()),
        of_bytes(Reason::UnknownSchemaId, framed(ids.unknown, &good())),
        of_bytes(Reason::Undecodable, cut_short),
        of_bytes(Reason::TrailingBytes, with_a_tail),
        of_bytes(
            Reason::WrongSchemaForTopic,
            framed(ids.other, &ActiveStream { session_id: "s", account_id: "a", title_id: "t", ..ActiveStream::default() }),
        ),
        Poison { reason: Reason::MissingKey, key: None, value: Some(framed(ids.event, &good())) },
        Poison { reason: Reason::KeyMismatch, key: Some(b"other".to_vec()), value: Some(framed(ids.event, &good())) },
        Poison { reason: Reason::NullValue, key: Some(b"s".to_vec()), value: None },
        of(Reason::EmptyId, PlaybackEvent { session_id: "", ..good() }),
        of(Reason::IdTooLong, PlaybackEvent { session_id: &long[..65], ..good() }),
        of_bytes(Reason::NotUtf8, not_utf8),
        of(Reason::TimeBefore2000, PlaybackEvent { event_time: 946_684_799_999_999, ..good() }),
        of(Reason::NegativePosition, PlaybackEvent { position_ms: Some(-1), ..good() }),
        of(Reason::PositionOutOfRange, PlaybackEvent { position_ms: Some(48 * 3_600_000 + 1), ..good() }),
        of(Reason::NegativeDuration, PlaybackEvent { duration_ms: Some(-1), ..good() }),
        of(Reason::BadBitrate, PlaybackEvent { bitrate_bps: Some(2_000_000_001), ..good() }),
        of(Reason::BadRate, PlaybackEvent { playback_rate: Some(16.5), ..good() }),
        of(Reason::BadCountry, PlaybackEvent { country: Some("br"), ..good() }),
        of(Reason::TooManyAttributes, PlaybackEvent { attributes: too_many, ..good() }),
        of(Reason::AttributesTooLarge, PlaybackEvent { attributes: too_large, ..good() }),
        of(Reason::RecordTooLarge, PlaybackEvent { error_code: Some(&huge), ..good() }),
    ]
}

/// Records of `viewing_progress`, whose stage refuses what it can't read.
pub(super) fn progress(ids: &Ids) -> Vec<Poison> {
    let good = ViewingProgress { profile_id: "p", title_id: "t", session_id: "s", ..ViewingProgress::default() };
    let of_bytes = |reason, value: Vec<u8>| Poison { reason, key: Some(b"p".to_vec()), value: Some(value) };
    let mut cut_short = framed(ids.progress, &good);
    cut_short.pop();
    let mut with_a_tail = framed(ids.progress, &good);
    with_a_tail.push(0);
    let mut not_utf8 = framed(ids.progress, &ViewingProgress { title_id: "????", ..good.clone() });
    let place = not_utf8.windows(4).position(|bytes| bytes == b"????").unwrap();
    not_utf8[place] = 0xff;
    vec![
        of_bytes(Reason::NotFramed, b"rubbish".to_vec()),
        of_bytes(Reason::UnknownSchemaId, framed(ids.unknown, &good)),
        of_bytes(Reason::WrongSchemaForTopic, framed(ids.other, &ActiveStream { session_id: "s", ..ActiveStream::default() })),
        of_bytes(Reason::Undecodable, cut_short),
        of_bytes(Reason::TrailingBytes, with_a_tail),
        of_bytes(Reason::NotUtf8, not_utf8),
    ]
}
