//! Continue Watching: what a profile has begun and not finished.

use std::collections::BTreeMap;

use crate::resume::sort_newest_first;
use crate::{ResumeEntry, ResumeRow};

/// A position up to and with this, ms, is a start that was given up.
pub const CONTINUE_WATCHING_FROM_MS: i64 = 30_000;

/// A profile's Continue Watching: contents with a full view that stand beyond 30 s and are not completed, newest first, at most `limit`.
///
/// Of a series only the episode watched last counts; once it is completed the series is left out, until a catalogue can name the next
/// episode. An episode that was only glanced at (no full view) does not hide the one before it.
#[must_use]
pub fn continue_watching(rows: Vec<ResumeRow>, limit: usize) -> Vec<ResumeEntry> {
    let mut last_of_title: BTreeMap<String, ResumeRow> = BTreeMap::new();
    for row in rows.into_iter().filter(|row| row.last_full_view_at.is_some()) {
        let held = last_of_title.get(&row.latest.title_id);
        if held.is_none_or(|held| watched_at(&row) > watched_at(held)) {
            last_of_title.insert(row.latest.title_id.clone(), row);
        }
    }
    let mut entries: Vec<ResumeEntry> = last_of_title.into_values().filter(is_unfinished).map(ResumeEntry::from).collect();
    sort_newest_first(&mut entries);
    entries.truncate(limit);
    entries
}

fn is_unfinished(row: &ResumeRow) -> bool {
    row.latest.position_ms > CONTINUE_WATCHING_FROM_MS && !row.latest.completed
}

/// Equal times are decided by the content, so that the answer does not depend on the order of the rows.
fn watched_at(row: &ResumeRow) -> (i64, &str) {
    (row.latest.updated_at, row.latest.content_id())
}
