//! A row as events.

use std::collections::HashMap;

use pipeline::Outputs;
use schemas::{EventType, LedgerEntry, Plan, PlaybackEvent, Record, Rejection, wire};
use uuid::Uuid;

use super::columns::{Column, Columns};
use super::row::ViewingRow;
use super::row_error::{RowError, shown};
use crate::ReceivedTime;
use crate::identity::Content;

/// The header of imported records: they need no memory for deduplication, the ledger guards them.
pub const IMPORT_HEADER: &str = "playhead.import";

/// What the header and the ledger name as their source.
pub const SOURCE: &str = "viewing-activity";

/// Numbers equal rows, so that each has an id of its own, and the same file read in any order has the same ids.
#[derive(Default)]
pub struct RowIds {
    seen: HashMap<u128, u32>,
}

impl RowIds {
    /// The id of a row: a hash of all it says, and its index among equal rows. The service's own resume position is no part of it, for a
    /// later export changes that.
    pub fn next_id(&mut self, row: &ViewingRow) -> Uuid {
        let content = Content::default()
            .part(row.profile.as_bytes())
            .number(row.start_time_us)
            .number(row.duration_ms)
            .part(row.title.as_bytes())
            .part(row.supplemental_type.as_bytes())
            .number(i64::from(row.autoplayed))
            .part(row.device_type.as_deref().unwrap_or_default().as_bytes())
            .number(row.bookmark_ms)
            .part(row.country.as_deref().unwrap_or_default().as_bytes());
        let count = self.seen.entry(content.hash()).or_default();
        let index = *count;
        *count += 1;
        content.number(i64::from(index)).uuid()
    }
}

/// A row that is ready to be written: the framed values of its events.
pub(crate) struct RowEvents {
    pub(crate) id: Uuid,
    session_id: String,
    values: Vec<u8>,
    /// Where each value ends.
    ends: [usize; 3],
}

/// Makes events of rows.
pub(crate) struct Encoder {
    /// Ids of the two schemas in the registry.
    pub(crate) event_schema_id: u32,
    pub(crate) ledger_schema_id: u32,
    pub(crate) received: ReceivedTime,
    plan: Plan,
}

impl Encoder {
    pub(crate) fn new(event_schema_id: u32, ledger_schema_id: u32, received: ReceivedTime) -> Self {
        let plan = Plan::compile::<PlaybackEvent<'_>>(PlaybackEvent::SCHEMA).expect("the current schema reads itself");
        Self { event_schema_id, ledger_schema_id, received, plan }
    }

    /// The session of a row: started and the first frame seen at its start; ended at its end, with the bookmark, and the duration as what
    /// the client measured of it. Each event is held to the limits of events, so that no processor refuses it later.
    pub(crate) fn encode(&self, line: u64, row: &ViewingRow, id: Uuid, columns: &Columns) -> Result<RowEvents, RowError> {
        if row.end_time_us() > self.received.us() {
            return Err(RowError {
                line,
                column: Some(columns.name(Column::StartTime).to_owned()),
                value: file_time(row.start_time_us),
                reason: "ends_after_received_time",
                detail: "the view ends after it is said to have been received: give a later --received-time".to_owned(),
            });
        }
        let session_id = Content::default().part(id.as_bytes()).part(b"session").uuid().to_string();
        let mut events = RowEvents { id, session_id, values: Vec::with_capacity(512), ends: [0; 3] };
        let steps = [(EventType::SessionStart, false), (EventType::Startup, false), (EventType::End, true)];
        for (index, (kind, is_end)) in steps.into_iter().enumerate() {
            let event = PlaybackEvent {
                event_id: Content::default().part(id.as_bytes()).part(kind.as_str().as_bytes()).uuid().into_bytes(),
                session_id: &events.session_id,
                sequence: i64::try_from(index).ok(),
                kind,
                event_time: if is_end { row.end_time_us() } else { row.start_time_us },
                received_time: self.received.us(),
                profile_id: Some(&row.profile),
                title_id: &row.title,
                position_ms: is_end.then_some(row.bookmark_ms),
                duration_ms: is_end.then_some(row.duration_ms),
                preview: Some(row.is_preview()),
                device_type: row.device_type.as_deref(),
                country: row.country.as_deref(),
                ..PlaybackEvent::default()
            };
            wire::frame(self.event_schema_id, &mut events.values);
            let body_start = events.values.len();
            event.encode(&mut events.values);
            let checked = PlaybackEvent::decode(&self.plan, &events.values[body_start..]);
            checked.map_err(|rejection| refused(line, row, columns, &rejection))?;
            events.ends[index] = events.values.len();
        }
        Ok(events)
    }

    /// Writes the events, and the mark that the row is done.
    pub(crate) fn push(&self, events: &RowEvents, out: &mut Outputs) {
        let partition = pipeline::partition_for(events.session_id.as_bytes(), out.partitions(0));
        let mut start = 0;
        for end in events.ends {
            let value = &events.values[start..end];
            let header = Some((IMPORT_HEADER, SOURCE.as_bytes()));
            out.push_with_header(0, partition, self.received.ms, events.session_id.as_bytes(), header, |buffer| {
                buffer.extend_from_slice(value);
            });
            start = end;
        }
        let id = events.id.to_string();
        let mark = LedgerEntry { id: &id, source: SOURCE, done_at: self.received.us() };
        out.push_keyed(1, self.received.ms, &[id.as_bytes()], |buffer| {
            wire::frame(self.ledger_schema_id, buffer);
            mark.encode(buffer);
        });
    }
}

fn refused(line: u64, row: &ViewingRow, columns: &Columns, rejection: &Rejection) -> RowError {
    let (column, value) = match rejection.field {
        Some("profile_id") => (Some(Column::Profile), row.profile.clone()),
        Some("title_id") => (Some(Column::Title), row.title.clone()),
        Some("event_time") => (Some(Column::StartTime), file_time(row.start_time_us)),
        Some("position_ms") => (Some(Column::Bookmark), format!("{} ms", row.bookmark_ms)),
        Some("duration_ms") => (Some(Column::Duration), format!("{} ms", row.duration_ms)),
        Some("device_type") => (Some(Column::DeviceType), row.device_type.clone().unwrap_or_default()),
        Some("country") => (Some(Column::Country), row.country.clone().unwrap_or_default()),
        _ => (None, String::new()),
    };
    RowError {
        line,
        column: column.map(|column| columns.name(column).to_owned()),
        value: shown(value.as_bytes()),
        reason: rejection.reason.as_str(),
        detail: rejection.detail.clone(),
    }
}

/// A time as the file has it.
fn file_time(time_us: i64) -> String {
    chrono::DateTime::from_timestamp_micros(time_us)
        .map_or_else(|| time_us.to_string(), |time| time.format("%Y-%m-%d %H:%M:%S").to_string())
}
