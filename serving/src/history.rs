//! Viewing history: what is asked for, and a page of the answer.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::SessionRow;

/// Full plays and previews lie apart, so that a reader of history never wades through trailers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HistoryKind {
    /// At least 2 min of media, not flagged as a preview.
    #[default]
    FullPlays,
    /// The rest.
    Previews,
}

/// What is asked of a profile's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// Full plays, or previews.
    pub kind: HistoryKind,
    /// Opened at or after this, microseconds since 1970 UTC.
    pub from: Option<i64>,
    /// Opened before this, microseconds since 1970 UTC.
    pub to: Option<i64>,
    /// At most so many rows.
    pub limit: usize,
    /// Go on behind this row.
    pub after: Option<PageToken>,
}

/// Rows of a profile's history, newest first by (opened_at, session_id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryPage {
    /// The rows.
    pub rows: Vec<SessionRow>,
    /// Asks for what follows; none at the end.
    #[serde(serialize_with = "page_token")]
    pub next_page_token: Option<PageToken>,
}

impl HistoryPage {
    /// Makes a page of the rows found, where a store was asked for one more than the limit so as to know whether more follow.
    #[must_use]
    pub fn of(mut rows: Vec<SessionRow>, limit: usize) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_page_token = rows.last().filter(|_| more).map(PageToken::behind);
        Self { rows, next_page_token }
    }
}

/// The place behind a row. As text `<opened_at in microseconds>/<session_id>`; readers treat it as opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageToken {
    /// The row's opened_at, microseconds since 1970 UTC.
    pub opened_at: i64,
    /// The row's session.
    pub session_id: String,
}

impl PageToken {
    /// The place behind `row`.
    #[must_use]
    pub fn behind(row: &SessionRow) -> Self {
        Self { opened_at: row.opened_at, session_id: row.session_id.clone() }
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.opened_at, self.session_id)
    }
}

/// The text is no page token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no page token: use the next_page_token of the page before, as it stands")]
pub struct BadPageToken(String);

impl FromStr for PageToken {
    type Err = BadPageToken;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadPageToken(text.to_owned());
        let (opened_at, session_id) = text.split_once('/').ok_or_else(bad)?;
        Ok(Self { opened_at: opened_at.parse().map_err(|_| bad())?, session_id: session_id.to_owned() })
    }
}

fn page_token<S: serde::Serializer>(token: &Option<PageToken>, serializer: S) -> Result<S::Ok, S::Error> {
    match token {
        Some(token) => serializer.collect_str(token),
        None => serializer.serialize_none(),
    }
}
