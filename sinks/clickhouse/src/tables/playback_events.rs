//! playback_events.clean -> `playback_events`.

use pipeline::TopicId;
use schemas::{CleanPlaybackEvent, EventType};

use crate::native::{Dictionary, Map, Nullable, Plain, Text, Time, Uuid, block};

/// An event, and where the sink read it.
pub(crate) struct Row<'r, 'a> {
    pub(crate) clean: &'r CleanPlaybackEvent<'a>,
    pub(crate) topic_id: TopicId,
    pub(crate) partition: u32,
    pub(crate) offset: i64,
}

block! {
    /// Every distinct event.
    PlaybackEvents of "playback_events", from row: &Row<'_, '_> {
        title_id: Dictionary = row.clean.event.title_id,
        session_id: Text = row.clean.event.session_id,
        effective_time: Plain<Time> = Time(row.clean.prefix.effective_time),
        event_time: Plain<Time> = Time(row.clean.event.event_time),
        received_time: Plain<Time> = Time(row.clean.event.received_time),
        clock_shift_ms: Nullable<i64> = row.clean.event.clock_shift_ms,
        r#type: Plain<EventType> = row.clean.event.kind,
        late: Plain<bool> = row.clean.prefix.late,
        event_id: Plain<Uuid> = Uuid(row.clean.event.event_id),
        sequence: Nullable<i64> = row.clean.event.sequence,
        profile_id: Text = row.clean.event.profile_id.unwrap_or_default(),
        account_id: Text = row.clean.event.account_id.unwrap_or_default(),
        episode_id: Dictionary = row.clean.event.episode_id.unwrap_or_default(),
        position_ms: Nullable<i64> = row.clean.event.position_ms,
        runtime_ms: Nullable<i64> = row.clean.event.runtime_ms,
        duration_ms: Nullable<i64> = row.clean.event.duration_ms,
        bitrate_bps: Nullable<i64> = row.clean.event.bitrate_bps,
        playback_rate: Nullable<f32> = row.clean.event.playback_rate,
        error_code: Dictionary = row.clean.event.error_code.unwrap_or_default(),
        error_fatal: Nullable<bool> = row.clean.event.error_fatal,
        preview: Nullable<bool> = row.clean.event.preview,
        device_id: Text = row.clean.event.device_id.unwrap_or_default(),
        device_type: Dictionary = row.clean.event.device_type.unwrap_or_default(),
        country: Dictionary = row.clean.event.country.unwrap_or_default(),
        region: Dictionary = row.clean.event.region.unwrap_or_default(),
        cdn: Dictionary = row.clean.event.cdn.unwrap_or_default(),
        player: Dictionary = row.clean.event.player.unwrap_or_default(),
        app_version: Dictionary = row.clean.event.app_version.unwrap_or_default(),
        attributes: Map = row.clean.event.attributes,
        content_hash: Plain<u64> = row.clean.prefix.content_hash,
        source_topic_id: Plain<Uuid> = Uuid(row.clean.prefix.source_topic_id),
        source_partition: Plain<u32> = row.clean.prefix.source_partition.cast_unsigned(),
        source_offset: Plain<i64> = row.clean.prefix.source_offset,
        topic_id: Plain<Uuid> = Uuid(row.topic_id.0),
        topic_partition: Plain<u32> = row.partition,
        topic_offset: Plain<i64> = row.offset,
    }
}
