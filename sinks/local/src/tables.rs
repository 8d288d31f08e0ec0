//! The tables of the file. Keys are ordered, so that whatever is read together lies together.

use redb::TableDefinition;

/// Format version and the like.
pub(crate) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// The schemas (JSON) under which values were written, by the id in their framing: the file can be read without a registry.
pub(crate) const SCHEMAS: TableDefinition<u32, &str> = TableDefinition::new("schemas");

/// How far the sink got: (topic id, partition) -> offset of the next record.
pub(crate) const POSITIONS: TableDefinition<(&[u8; 16], u32), i64> = TableDefinition::new("positions");

/// What is held of a content: the latest full view's effective end, and the record that stands with its offset.
pub(crate) type Standing<'a> = (Option<i64>, i64, &'a [u8]);

/// (profile_id, content_id) -> what is held of it.
pub(crate) const RESUME_STATE: TableDefinition<(&str, &str), Standing<'static>> = TableDefinition::new("resume_state");

/// A record in its newest version: (version, record).
pub(crate) type Versioned<'a> = (i64, &'a [u8]);

/// (session_id, opened_at) -> the session's row.
pub(crate) const PLAYBACK_SESSIONS: TableDefinition<(&str, i64), Versioned<'static>> = TableDefinition::new("playback_sessions");

/// (session_id, opened_at) -> the row's QoS summary.
pub(crate) const QOS_SESSION_SUMMARY: TableDefinition<(&str, i64), Versioned<'static>> = TableDefinition::new("qos_session_summary");

/// (profile_id, opened_at, session_id).
pub(crate) type Filed<'a> = (&'a str, i64, &'a str);

/// Profiles' full plays.
pub(crate) const VIEWING: TableDefinition<Filed<'static>, ()> = TableDefinition::new("viewing");

/// Profiles' previews, apart from full plays.
pub(crate) const VIEWING_PREVIEWS: TableDefinition<Filed<'static>, ()> = TableDefinition::new("viewing_previews");
