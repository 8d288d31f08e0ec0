//! The read side.

use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};
use schemas::{PlaybackSession, QosSessionSummary, Rejection, ResumeState};
use serving::{HistoryKind, HistoryPage, HistoryQuery, ResumeRow, ServingStore, SessionRow, StoreError, View};

use crate::LocalStore;
use crate::tables::{PLAYBACK_SESSIONS, QOS_SESSION_SUMMARY, RESUME_STATE, Standing, VIEWING, VIEWING_PREVIEWS};

/// Carries redb's errors to the trait's.
pub(crate) struct ReadError(pub(crate) StoreError);

impl<E: Into<redb::Error>> From<E> for ReadError {
    fn from(error: E) -> Self {
        Self(match error.into() {
            error @ redb::Error::Corrupted(_) => StoreError::Corrupt(error.to_string()),
            error => StoreError::Unavailable(error.to_string()),
        })
    }
}

fn undecodable(what: &str, rejection: &Rejection) -> ReadError {
    ReadError(StoreError::Corrupt(format!("{what}: {rejection}")))
}

impl LocalStore {
    fn resume_row_of(&self, profile_id: &str, (last_full_view_at, _, value): Standing<'_>) -> Result<ResumeRow, ReadError> {
        let record: ResumeState<'_> = self
            .decoders()
            .resume_state
            .decode(value)
            .map_err(|rejection| undecodable(&format!("a resume position of profile {profile_id:?}"), &rejection))?;
        Ok(ResumeRow { profile_id: profile_id.to_owned(), latest: View::from(&record), last_full_view_at })
    }

    fn session_row_of(&self, session_id: &str, value: &[u8]) -> Result<SessionRow, ReadError> {
        let record: PlaybackSession<'_> = self
            .decoders()
            .playback_session
            .decode(value)
            .map_err(|rejection| undecodable(&format!("session {session_id:?}"), &rejection))?;
        Ok(SessionRow::from(&record))
    }

    fn read_resume_rows(&self, profile_id: &str) -> Result<Vec<ResumeRow>, ReadError> {
        let table = self.shared.database.begin_read()?.open_table(RESUME_STATE)?;
        let mut rows = Vec::new();
        for entry in table.range((profile_id, "")..)? {
            let (key, value) = entry?;
            if key.value().0 != profile_id {
                break;
            }
            rows.push(self.resume_row_of(profile_id, value.value())?);
        }
        Ok(rows)
    }

    fn read_resume_row(&self, profile_id: &str, content_id: &str) -> Result<Option<ResumeRow>, ReadError> {
        let table = self.shared.database.begin_read()?.open_table(RESUME_STATE)?;
        table.get((profile_id, content_id))?.map(|value| self.resume_row_of(profile_id, value.value())).transpose()
    }

    fn read_history(&self, profile_id: &str, query: &HistoryQuery) -> Result<HistoryPage, ReadError> {
        let read = self.shared.database.begin_read()?;
        let index = read.open_table(match query.kind {
            HistoryKind::FullPlays => VIEWING,
            HistoryKind::Previews => VIEWING_PREVIEWS,
        })?;
        let sessions = read.open_table(PLAYBACK_SESSIONS)?;
        let from = (profile_id, query.from.unwrap_or(i64::MIN), "");
        let before_to = (profile_id, query.to.unwrap_or(i64::MAX), "");
        let before =
            query.after.as_ref().map_or(before_to, |after| before_to.min((profile_id, after.opened_at, after.session_id.as_str())));
        let mut rows = Vec::new();
        if from < before {
            for entry in index.range(from..before)?.rev().take(query.limit.saturating_add(1)) {
                let (key, ()) = entry.map(|(key, value)| (key, value.value()))?;
                let (_, opened_at, session_id) = key.value();
                let value = sessions.get((session_id, opened_at))?;
                let value =
                    value.ok_or_else(|| ReadError(StoreError::Corrupt(format!("session {session_id:?} is filed, but has no row"))))?;
                rows.push(self.session_row_of(session_id, value.value().1)?);
            }
        }
        Ok(HistoryPage::of(rows, query.limit))
    }

    fn read_session(&self, session_id: &str) -> Result<Vec<SessionRow>, ReadError> {
        let table = self.shared.database.begin_read()?.open_table(PLAYBACK_SESSIONS)?;
        let mut rows = Vec::new();
        for entry in table.range((session_id, i64::MIN)..=(session_id, i64::MAX))? {
            rows.push(self.session_row_of(session_id, entry?.1.value().1)?);
        }
        Ok(rows)
    }

    fn read_qos(&self, session_id: Option<&str>, each: &mut dyn FnMut(&QosSessionSummary<'_>)) -> Result<(), ReadError> {
        let table = self.shared.database.begin_read()?.open_table(QOS_SESSION_SUMMARY)?;
        let entries = match session_id {
            Some(session_id) => table.range((session_id, i64::MIN)..=(session_id, i64::MAX))?,
            None => table.range::<(&str, i64)>(..)?,
        };
        let decoders = self.decoders();
        for entry in entries {
            let (key, value) = entry?;
            let decoded = decoders.qos_session_summary.decode(value.value().1);
            let what = || format!("the QoS summary of session {:?}", key.value().0);
            each(&decoded.map_err(|rejection| undecodable(&what(), &rejection))?);
        }
        Ok(())
    }

    fn read_profiles(&self) -> Result<Vec<String>, ReadError> {
        let table = self.shared.database.begin_read()?.open_table(RESUME_STATE)?;
        let mut profiles: Vec<String> = Vec::new();
        while let Some(entry) = {
            // The smallest key behind all keys of the profile before: its id with a byte more.
            let from = profiles.last().map_or_else(String::new, |profile_id| format!("{profile_id}\0"));
            table.range((from.as_str(), "")..)?.next()
        } {
            profiles.push(entry?.0.value().0.to_owned());
        }
        Ok(profiles)
    }

    fn visit(&self, each: &mut dyn FnMut(&str, &str, &[u8])) -> Result<(), ReadError> {
        let read = self.shared.database.begin_read()?;
        for entry in read.open_table(RESUME_STATE)?.iter()? {
            let (key, value) = entry?;
            let (last_full_view_at, offset, record) = value.value();
            each("resume_state", &format!("{:?} {last_full_view_at:?} {offset}", key.value()), record);
        }
        for table in [PLAYBACK_SESSIONS, QOS_SESSION_SUMMARY] {
            for entry in read.open_table(table)?.iter()? {
                let (key, value) = entry?;
                each(&table.to_string(), &format!("{:?} {}", key.value(), value.value().0), value.value().1);
            }
        }
        for table in [VIEWING, VIEWING_PREVIEWS] {
            for entry in read.open_table(table)?.iter()? {
                each(&table.to_string(), &format!("{:?}", entry?.0.value()), &[]);
            }
        }
        Ok(())
    }

    /// The QoS summaries of a session, by rising opened_at.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn qos_of_session(&self, session_id: &str, each: &mut dyn FnMut(&QosSessionSummary<'_>)) -> Result<(), StoreError> {
        self.read_qos(Some(session_id), each).map_err(|error| error.0)
    }

    /// Every QoS summary.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn qos_of_all(&self, each: &mut dyn FnMut(&QosSessionSummary<'_>)) -> Result<(), StoreError> {
        self.read_qos(None, each).map_err(|error| error.0)
    }

    /// Rows of sessions, previews and sessions without a profile among them.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn session_count(&self) -> Result<u64, StoreError> {
        let count = || -> Result<u64, ReadError> { Ok(self.shared.database.begin_read()?.open_table(PLAYBACK_SESSIONS)?.len()?) };
        count().map_err(|error| error.0)
    }

    /// The profiles that have a resume position, by their ids.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn profiles(&self) -> Result<Vec<String>, StoreError> {
        self.read_profiles().map_err(|error| error.0)
    }

    /// Every row of every table but the sink's positions, as (table, key and figures, record): what two stores are compared by.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn visit_rows(&self, each: &mut dyn FnMut(&str, &str, &[u8])) -> Result<(), StoreError> {
        self.visit(each).map_err(|error| error.0)
    }
}

impl ServingStore for LocalStore {
    fn resume_rows(&self, profile_id: &str) -> Result<Vec<ResumeRow>, StoreError> {
        self.read_resume_rows(profile_id).map_err(|error| error.0)
    }

    fn resume_row(&self, profile_id: &str, content_id: &str) -> Result<Option<ResumeRow>, StoreError> {
        self.read_resume_row(profile_id, content_id).map_err(|error| error.0)
    }

    fn history(&self, profile_id: &str, query: &HistoryQuery) -> Result<HistoryPage, StoreError> {
        self.read_history(profile_id, query).map_err(|error| error.0)
    }

    fn session(&self, session_id: &str) -> Result<Vec<SessionRow>, StoreError> {
        self.read_session(session_id).map_err(|error| error.0)
    }
}
