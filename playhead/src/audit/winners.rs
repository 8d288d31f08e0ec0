//! The view that stands for each (profile, content), and its latest full view: the largest by [`schemas::ViewRank`].

use std::collections::BTreeMap;

use schemas::{Record as _, ResumeState, Schema, ViewRank, is_full_view};
use serde_json::Value;

use super::columns;

/// The winners by (profile, content).
#[derive(Default)]
pub(super) struct Winners {
    pub(super) contents: BTreeMap<(String, String), Content>,
}

/// What stands for one content.
pub(super) struct Content {
    pub(super) latest: Candidate,
    pub(super) full: Option<Candidate>,
}

/// A view that stands, in the current schema whatever it was written in.
pub(super) struct Candidate {
    pub(super) updated_at: i64,
    sequence: Option<i64>,
    position_ms: i64,
    session_id: String,
    pub(super) offset: i64,
    pub(super) body: Vec<u8>,
}

impl Winners {
    /// Takes a view into account that lies at `offset`.
    pub(super) fn offer(&mut self, view: &ResumeState<'_>, offset: i64) {
        let is_full = is_full_view(view.preview, view.media_ms);
        let content = self
            .contents
            .entry((view.profile_id.to_owned(), content_of(view).to_owned()))
            .or_insert_with(|| Content { latest: Candidate::of(view, offset), full: None });
        content.latest.make_way(view, offset);
        if is_full {
            content.full.get_or_insert_with(|| Candidate::of(view, offset)).make_way(view, offset);
        }
    }
}

impl Candidate {
    pub(super) fn of(view: &ResumeState<'_>, offset: i64) -> Self {
        let mut body = Vec::new();
        view.encode(&mut body);
        let ResumeState { updated_at, sequence, position_ms, session_id, .. } = view;
        Self { updated_at: *updated_at, sequence: *sequence, position_ms: *position_ms, session_id: (*session_id).to_owned(), offset, body }
    }

    fn rank(&self) -> ViewRank<'_> {
        ViewRank { ended_at: self.updated_at, sequence: self.sequence, position_ms: self.position_ms, session_id: &self.session_id }
    }

    /// The larger rank stands; of equal ones what was said later.
    fn make_way(&mut self, view: &ResumeState<'_>, offset: i64) {
        if (ViewRank::from(view), offset) > (self.rank(), self.offset) {
            *self = Self::of(view, offset);
        }
    }

    /// Whether it wins over another.
    pub(super) fn is_above(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    /// What another says otherwise, whose place this is.
    pub(super) fn difference(&self, is: &Self, schema: &Schema) -> String {
        match (columns::object(schema, &self.body), columns::object(schema, &is.body)) {
            (Ok(must), Ok(is)) => columns::differing(&must, &is),
            (Err(problem), _) | (_, Err(problem)) => problem,
        }
    }

    /// All of it, as JSON.
    pub(super) fn said(&self, schema: &Schema) -> String {
        columns::object(schema, &self.body).map_or_else(|problem| problem, |said| Value::Object(said).to_string())
    }
}

/// What is watched: the episode, else the title.
pub(super) fn content_of<'a>(view: &ResumeState<'a>) -> &'a str {
    view.episode_id.unwrap_or(view.title_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_end_stands_and_the_latest_full_view_beside_it() {
        let view = |updated_at, media_ms| ResumeState {
            profile_id: "p",
            title_id: "t",
            session_id: "s",
            updated_at,
            media_ms,
            ..ResumeState::default()
        };
        let mut winners = Winners::default();
        for (offset, (updated_at, media_ms)) in (0..).zip([(5, Some(130_000)), (9, Some(10)), (7, Some(140_000)), (9, Some(11)), (8, None)])
        {
            winners.offer(&view(updated_at, media_ms), offset);
        }
        let content = &winners.contents[&("p".to_owned(), "t".to_owned())];
        assert_eq!((content.latest.updated_at, content.latest.offset), (9, 3));
        assert_eq!(content.full.as_ref().map(|full| full.updated_at), Some(7));
    }
}
