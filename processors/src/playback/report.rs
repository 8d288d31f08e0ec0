//! What the processor says: a row's session and summary, its progress and its active stream.

use pipeline::Outputs;
use schemas::{ActiveStream, PlaybackEvent, PlaybackSession, QosSessionSummary, Record, StreamState, ViewingProgress, wire};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::completed;
use crate::qos::{Closing, FOLD_REVISION, Label};

use super::config::{ACTIVE_STREAMS, PROGRESS, QOS, SESSIONS};
use super::entry::{self, Device, NO_SEQUENCE};
use super::fold::{Folded, Workspace};
use super::identity::Identity;
use super::packed_id::Id;
use super::row::{ClosedBy, Row};
use super::schedule::seconds_up;

/// Schema ids of the records that the processor writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OutputSchemas {
    pub(super) session: u32,
    pub(super) summary: u32,
    pub(super) progress: u32,
    pub(super) active_stream: u32,
}

/// Where and when reports of a row go.
pub(super) struct Reporter<'r> {
    pub(super) schemas: OutputSchemas,
    pub(super) partition: u32,
    pub(super) log_time_ms: i64,
    /// The row's newest arrival, where it is at hand and does not contradict the row: texts are taken from it and not from the log.
    pub(super) agreeing: Option<&'r PlaybackEvent<'r>>,
    pub(super) out: &'r mut Outputs,
}

impl<'r> Reporter<'r> {
    /// Reports a row as it stands: session, summary, and where it is closed its progress.
    pub(super) fn say(&mut self, row: &mut Row, workspace: &mut Workspace) {
        row.note_said();
        row.said_s = seconds_up(self.log_time_ms);
        let closing = match row.closed_by {
            None => Closing::Open,
            Some(ClosedBy::Silence) => Closing::Timeout,
            // A row that an end had closed, whose day is over, and whose last event is no end any more.
            Some(ClosedBy::Cut | ClosedBy::Events) => Closing::Cut,
        };
        let folded = workspace.fold(&row.log, closing);
        let media_ms = folded.summary.media_ms();
        let version = (2 * i64::from(row.log.count()) + i64::from(row.is_closed())) * 256 + i64::from(FOLD_REVISION);
        let identity = row.identity(self.agreeing);
        self.write_session(row, &identity, &folded, version);
        self.write_summary(row, &identity, &folded, version);
        let position = folded.last_position_ms.map(|position_ms| Position {
            position_ms,
            sequence: folded.last_position_sequence,
            at_us: folded.last_position_at_us,
            runtime_ms: folded.runtime_ms,
            media_ms: Some(media_ms),
            device_type: folded.device.device_type,
        });
        // Once closed, what was said last must be what the whole set says, whatever was known when.
        let unsaid =
            position.map(|position| (position, position.print())).filter(|(_, print)| row.is_closed() && *print != row.progress_print);
        if let Some((position, _)) = &unsaid {
            self.write_progress(row, &identity, position);
        }
        let print = unsaid.map(|(_, print)| print);
        row.set_media_ms(media_ms);
        if let Some(print) = print {
            row.note_progress(print, self.log_time_ms);
        }
    }

    /// Reports where an open session stands, if that has changed.
    pub(super) fn say_progress(&mut self, row: &mut Row) {
        if let Some(position_ms) = row.cursor.position_ms()
            && row.has_progress
        {
            let (at_us, sequence) = row.cursor.position_rank;
            let position = Position {
                position_ms,
                sequence: (sequence != NO_SEQUENCE).then_some(sequence),
                at_us,
                runtime_ms: row.cursor.runtime_ms(),
                media_ms: row.media_ms(),
                device_type: self.device_of(row).1,
            };
            let print = position.print();
            self.write_progress(row, &row.identity(self.agreeing), &position);
            row.note_progress(print, self.log_time_ms);
        }
    }

    /// Reports what a stream is doing. Streams without an account count for no limit.
    pub(super) fn say_stream(&mut self, row: &mut Row, at_us: i64) {
        row.active_s = seconds_up(self.log_time_ms);
        let identity = row.identity(self.agreeing);
        let Some(account_id) = identity.account_id() else { return };
        let (device_id, device_type) = self.device_of(row);
        let state = match (row.is_closed(), row.is_paused) {
            (true, _) => StreamState::Ended,
            (false, true) => StreamState::Paused,
            (false, false) => StreamState::Playing,
        };
        let stream = ActiveStream {
            account_id,
            session_id: identity.session_id(),
            profile_id: identity.profile_id(),
            title_id: identity.title_id(),
            device_id: device_id.as_str(),
            device_type,
            state,
            at: at_us,
        };
        let key = [account_id.as_bytes(), identity.session_key()];
        self.out.push_keyed(ACTIVE_STREAMS, self.log_time_ms, &key, |value| {
            wire::frame(self.schemas.active_stream, value);
            stream.encode(value);
        });
    }

    /// Id and type of the device that the row's newest arrival to name one names.
    fn device_of<'a>(&self, row: &'a Row) -> (Id<'a>, Option<&'a str>)
    where
        'r: 'a,
    {
        if let Some(event) = self.agreeing.filter(|event| entry::names_device(event)) {
            return (event.device_id.map_or(Id::Missing, Id::Text), event.device_type);
        }
        row.cursor.device_at().map_or((Id::Missing, None), |at| Device::read_id_and_type(row.log.bytes(), at))
    }

    fn write_session(&mut self, row: &Row, identity: &Identity<'_>, folded: &Folded<'_>, version: i64) {
        let summary = &folded.summary;
        let session = PlaybackSession {
            session_id: identity.session_id(),
            version,
            opened_at: row.opened_at_us,
            event_count: i64::from(row.log.count()),
            is_final: summary.is_final(),
            ended_by: summary.ended_by,
            profile_id: identity.profile_id(),
            account_id: identity.account_id(),
            title_id: identity.title_id(),
            episode_id: identity.episode_id(),
            preview: identity.preview,
            started_at: summary.started_at_us,
            ended_at: summary.ended_at_us,
            last_position_ms: folded.last_position_ms,
            runtime_ms: folded.runtime_ms,
            media_ms: summary.media_ms(),
            playing_ms: summary.label_ms(Label::Playing),
            completed: folded.last_position_ms.is_some_and(|position_ms| completed(position_ms, folded.runtime_ms)),
            outcome: summary.outcome,
            device_id: folded.device.device_id.as_str(),
            device_type: folded.device.device_type,
            country: folded.device.country,
            region: folded.device.region,
            player: folded.device.player,
            app_version: folded.device.app_version,
        };
        let key = identity.session_key();
        self.out.push_to(SESSIONS, self.partition, self.log_time_ms, key, |value| {
            wire::frame(self.schemas.session, value);
            session.encode(value);
        });
    }

    fn write_summary(&mut self, row: &Row, identity: &Identity<'_>, folded: &Folded<'_>, version: i64) {
        let summary = &folded.summary;
        let record = QosSessionSummary {
            session_id: identity.session_id(),
            version,
            opened_at: row.opened_at_us,
            event_count: i64::from(row.log.count()),
            is_final: summary.is_final(),
            ended_by: summary.ended_by,
            profile_id: identity.profile_id(),
            account_id: identity.account_id(),
            title_id: identity.title_id(),
            episode_id: identity.episode_id(),
            device_type: folded.device.device_type,
            country: folded.device.country,
            region: folded.device.region,
            player: folded.device.player,
            app_version: folded.device.app_version,
            started_at: summary.started_at_us,
            ended_at: summary.ended_at_us,
            startup_ms: summary.startup_ms(),
            starting_ms: summary.label_ms(Label::Starting),
            playing_ms: summary.label_ms(Label::Playing),
            paused_ms: summary.label_ms(Label::Paused),
            seeking_ms: summary.label_ms(Label::Seeking),
            seek_buffering_ms: summary.label_ms(Label::SeekBuffering),
            rebuffering_ms: summary.label_ms(Label::Rebuffering),
            ad_ms: summary.label_ms(Label::Ad),
            ad_rebuffering_ms: summary.label_ms(Label::AdRebuffering),
            background_ms: summary.label_ms(Label::Background),
            ended_ms: summary.label_ms(Label::Ended),
            unknown_ms: summary.label_ms(Label::Unknown),
            media_ms: summary.media_ms(),
            rebuffer_count: i64::from(summary.rebuffer_count),
            micro_stall_count: i64::from(summary.micro_stall_count),
            seek_count: i64::from(summary.seek_count),
            pause_count: i64::from(summary.pause_count),
            ad_count: i64::from(summary.ad_count),
            error_count: i64::from(summary.error_count),
            bitrate_up_count: i64::from(summary.bitrate_up_count),
            bitrate_down_count: i64::from(summary.bitrate_down_count),
            avg_bitrate_bps: summary.avg_bitrate_bps,
            min_bitrate_bps: summary.min_bitrate_bps,
            max_bitrate_bps: summary.max_bitrate_bps,
            startup_bitrate_bps: summary.startup_bitrate_bps,
            cdn: folded.cdn,
            outcome: summary.outcome,
            ended_in_rebuffer: summary.ended_in_rebuffer,
            first_error_code: folded.first_error_code,
            lost_events: summary.lost_events,
            anomalies: i64::from(summary.anomalies),
            rebuffer_ratio_cta2066: summary.rebuffer_ratio_cta2066(),
            rebuffer_ratio_media3: summary.rebuffer_ratio_media3(),
            rebuffer_ratio_mux: summary.rebuffer_ratio_mux(),
            connection_induced_rebuffer_ratio: summary.connection_induced_rebuffer_ratio(),
        };
        let key = identity.session_key();
        self.out.push_to(QOS, self.partition, self.log_time_ms, key, |value| {
            wire::frame(self.schemas.summary, value);
            record.encode(value);
        });
    }

    fn write_progress(&mut self, row: &Row, identity: &Identity<'_>, position: &Position<'_>) {
        let Some(profile_id) = identity.profile_id() else { return };
        let progress = ViewingProgress {
            profile_id,
            title_id: identity.title_id(),
            episode_id: identity.episode_id(),
            session_id: identity.session_id(),
            opened_at: row.opened_at_us,
            sequence: position.sequence,
            position_ms: position.position_ms,
            runtime_ms: position.runtime_ms,
            at: position.at_us,
            media_ms: position.media_ms,
            preview: identity.preview,
            device_type: position.device_type,
        };
        self.out.push_keyed(PROGRESS, self.log_time_ms, &[profile_id.as_bytes()], |value| {
            wire::frame(self.schemas.progress, value);
            progress.encode(value);
        });
    }
}

/// Where a viewing stands.
#[derive(Clone, Copy)]
struct Position<'a> {
    position_ms: i64,
    sequence: Option<i64>,
    at_us: i64,
    runtime_ms: Option<i64>,
    media_ms: Option<i64>,
    device_type: Option<&'a str>,
}

impl Position<'_> {
    /// A short hash: two that differ are told apart, but for one in four billion.
    fn print(&self) -> u32 {
        let numbers = [
            self.position_ms,
            self.at_us,
            self.sequence.unwrap_or(i64::MIN),
            self.runtime_ms.unwrap_or(i64::MIN),
            self.media_ms.unwrap_or(i64::MIN),
        ];
        let mut bytes = [0; 40];
        for (place, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *place = number.to_le_bytes();
        }
        let device = self.device_type.map_or(0, |device| xxh3_64(device.as_bytes()));
        xxh3_64_with_seed(&bytes, device) as u32
    }
}

impl Row {
    fn note_progress(&mut self, print: u32, log_time_ms: i64) {
        self.has_progress = false;
        self.progress_print = print;
        self.progress_s = seconds_up(log_time_ms);
    }
}
