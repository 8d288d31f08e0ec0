//! How a record changes the rows. Each rule keeps a largest, so any order, replay or duplicate ends in the same rows.

use redb::{ReadableTable, Table, TableError, WriteTransaction};
use schemas::{PlaybackSession, QosSessionSummary, Rejection, ResumeState, ViewRank, is_full_view};
use serving::{HistoryKind, history_kind};

use crate::schemas_kept::Decoders;
use crate::tables::{Filed, PLAYBACK_SESSIONS, QOS_SESSION_SUMMARY, RESUME_STATE, Standing, VIEWING, VIEWING_PREVIEWS, Versioned};

/// Why a record did not become a row.
#[derive(Debug)]
pub(crate) enum ApplyError {
    Undecodable(Box<Rejection>),
    Store(redb::Error),
}

impl From<Box<Rejection>> for ApplyError {
    fn from(rejection: Box<Rejection>) -> Self {
        Self::Undecodable(rejection)
    }
}

impl From<redb::StorageError> for ApplyError {
    fn from(error: redb::StorageError) -> Self {
        Self::Store(error.into())
    }
}

/// The tables of one write transaction.
pub(crate) struct Rows<'t> {
    resume_state: Table<'t, (&'static str, &'static str), Standing<'static>>,
    playback_sessions: Table<'t, (&'static str, i64), Versioned<'static>>,
    qos_session_summary: Table<'t, (&'static str, i64), Versioned<'static>>,
    viewing: Table<'t, Filed<'static>, ()>,
    viewing_previews: Table<'t, Filed<'static>, ()>,
    decoders: &'t Decoders,
}

impl<'t> Rows<'t> {
    pub(crate) fn open(transaction: &'t WriteTransaction, decoders: &'t Decoders) -> Result<Self, TableError> {
        Ok(Self {
            resume_state: transaction.open_table(RESUME_STATE)?,
            playback_sessions: transaction.open_table(PLAYBACK_SESSIONS)?,
            qos_session_summary: transaction.open_table(QOS_SESSION_SUMMARY)?,
            viewing: transaction.open_table(VIEWING)?,
            viewing_previews: transaction.open_table(VIEWING_PREVIEWS)?,
            decoders,
        })
    }

    /// Every record of `resume_state`, whatever its key, is a candidate for the latest view, and if it is a full view for the latest of
    /// these. The largest rank stands; of records with equal rank (the same position of the same session, told again with what is known
    /// since) the one that lies later in the log.
    pub(crate) fn resume_state(&mut self, offset: i64, value: &[u8]) -> Result<(), ApplyError> {
        let record: ResumeState<'_> = self.decoders.resume_state.decode(value)?;
        let key = (record.profile_id, record.episode_id.unwrap_or(record.title_id));
        let full_view_at = is_full_view(record.preview, record.media_ms).then_some(record.updated_at);
        let mut stands = Some((full_view_at, offset, value.to_vec()));
        if let Some(held) = self.resume_state.get(key)? {
            let (held_full_view_at, held_offset, held_value) = held.value();
            let held_record: ResumeState<'_> = self.decoders.resume_state.decode(held_value)?;
            let last_full_view_at = full_view_at.max(held_full_view_at);
            stands = if (ViewRank::from(&record), offset) > (ViewRank::from(&held_record), held_offset) {
                Some((last_full_view_at, offset, value.to_vec()))
            } else if last_full_view_at != held_full_view_at {
                Some((last_full_view_at, held_offset, held_value.to_vec()))
            } else {
                None
            };
        }
        if let Some((last_full_view_at, offset, value)) = stands {
            self.resume_state.insert(key, (last_full_view_at, offset, value.as_slice()))?;
        }
        Ok(())
    }

    /// The largest version of a row stands. A session that turns from preview to full play, or back, moves.
    pub(crate) fn playback_session(&mut self, value: &[u8]) -> Result<(), ApplyError> {
        let record: PlaybackSession<'_> = self.decoders.playback_session.decode(value)?;
        let key = (record.session_id, record.opened_at);
        let place = place_of(&record);
        let mut held_place = None;
        if let Some(held) = self.playback_sessions.get(key)? {
            let (held_version, held_value) = held.value();
            if held_version >= record.version {
                return Ok(());
            }
            let held_record: PlaybackSession<'_> = self.decoders.playback_session.decode(held_value)?;
            held_place = place_of(&held_record).map(|(profile_id, kind)| (profile_id.to_owned(), kind));
        }
        self.playback_sessions.insert(key, (record.version, value))?;
        if held_place.as_ref().map(|(profile_id, kind)| (profile_id.as_str(), *kind)) == place {
            return Ok(());
        }
        if let Some((profile_id, kind)) = held_place {
            self.history(kind).remove((profile_id.as_str(), record.opened_at, record.session_id))?;
        }
        if let Some((profile_id, kind)) = place {
            self.history(kind).insert((profile_id, record.opened_at, record.session_id), ())?;
        }
        Ok(())
    }

    /// The largest version of a summary stands.
    pub(crate) fn qos_session_summary(&mut self, value: &[u8]) -> Result<(), ApplyError> {
        let record: QosSessionSummary<'_> = self.decoders.qos_session_summary.decode(value)?;
        let key = (record.session_id, record.opened_at);
        if self.qos_session_summary.get(key)?.is_some_and(|held| held.value().0 >= record.version) {
            return Ok(());
        }
        self.qos_session_summary.insert(key, (record.version, value))?;
        Ok(())
    }

    fn history(&mut self, kind: HistoryKind) -> &mut Table<'t, Filed<'static>, ()> {
        match kind {
            HistoryKind::FullPlays => &mut self.viewing,
            HistoryKind::Previews => &mut self.viewing_previews,
        }
    }
}

/// In whose history a session is filed, and where; none without a profile.
fn place_of<'a>(record: &PlaybackSession<'a>) -> Option<(&'a str, HistoryKind)> {
    Some((record.profile_id?, history_kind(record)))
}
