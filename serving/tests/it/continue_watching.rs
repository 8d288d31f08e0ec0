use proptest::prelude::*;
use serving::{ResumeRow, continue_watching};

use crate::row;

fn titles(rows: Vec<ResumeRow>) -> Vec<String> {
    continue_watching(rows, usize::MAX).into_iter().map(|entry| entry.episode_id.unwrap_or(entry.title_id)).collect()
}

fn episode(title_id: &str, episode_id: &str, updated_at: i64) -> ResumeRow {
    let mut row = row(title_id, updated_at);
    row.latest.episode_id = Some(episode_id.into());
    row
}

#[test]
fn needs_a_full_view_a_position_beyond_30_s_and_an_end_still_to_come() {
    let changed = |change: fn(&mut ResumeRow)| {
        let mut row = row("t", 1_000_000_000);
        change(&mut row);
        titles(vec![row]).len()
    };
    assert_eq!(changed(|_| {}), 1);
    assert_eq!(changed(|row| row.last_full_view_at = None), 0);
    assert_eq!(changed(|row| row.latest.position_ms = 30_000), 0);
    assert_eq!(changed(|row| row.latest.position_ms = 30_001), 1);
    assert_eq!(changed(|row| row.latest.completed = true), 0);
    // A short look, or a trailer, after a full view: its position stands.
    assert_eq!(changed(|row| row.latest.media_ms = Some(5_000)), 1);
    assert_eq!(changed(|row| row.latest.preview = true), 1);
}

#[test]
fn newest_first_and_no_more_than_asked_for() {
    let rows = || vec![row("old", 1_000), row("new", 3_000), row("between", 2_000)];
    assert_eq!(titles(rows()), ["new", "between", "old"]);
    assert_eq!(continue_watching(rows(), 2).len(), 2);
    assert_eq!(continue_watching(rows(), 0).len(), 0);
}

#[test]
fn a_series_is_there_once_with_the_episode_watched_last() {
    assert_eq!(titles(vec![episode("series", "e1", 1_000), episode("series", "e2", 2_000), row("film", 1_500)]), ["e2", "film"]);
}

#[test]
fn a_series_whose_last_episode_is_completed_is_left_out() {
    let mut last = episode("series", "e2", 2_000);
    last.latest.completed = true;
    assert!(titles(vec![episode("series", "e1", 1_000), last]).is_empty());
}

#[test]
fn an_episode_that_was_only_glanced_at_hides_none() {
    let mut glanced = episode("series", "e2", 2_000);
    glanced.last_full_view_at = None;
    assert_eq!(titles(vec![glanced, episode("series", "e1", 1_000)]), ["e1"]);
}

fn any_row() -> impl Strategy<Value = ResumeRow> {
    (0..4_u8, 0..3_u8, 0..4_i64, prop_oneof![Just(0), Just(30_000), Just(30_001)], any::<bool>(), any::<bool>()).prop_map(
        |(title, number, updated_at, position_ms, completed, has_full_view)| {
            let mut row = row(&format!("t{title}"), updated_at);
            row.latest.episode_id = (title > 1).then(|| format!("t{title}e{number}"));
            row.latest.position_ms = position_ms;
            row.latest.completed = completed;
            row.last_full_view_at = has_full_view.then_some(updated_at);
            row
        },
    )
}

proptest! {
    /// One entry a title, each by the rule, whatever the order of the rows.
    #[test]
    fn holds_its_rules_for_any_rows(rows in prop::collection::vec(any_row(), 0..12)) {
        let mut by_content = std::collections::BTreeMap::new();
        for row in rows {
            by_content.insert(row.latest.content_id().to_owned(), row);
        }
        let rows: Vec<ResumeRow> = by_content.into_values().collect();
        let forwards = continue_watching(rows.clone(), usize::MAX);
        let backwards = continue_watching(rows.iter().rev().cloned().collect(), usize::MAX);
        prop_assert_eq!(&forwards, &backwards);
        for pair in forwards.windows(2) {
            prop_assert!(pair[0].updated_at >= pair[1].updated_at && pair[0].title_id != pair[1].title_id);
        }
        for entry in &forwards {
            prop_assert!(entry.last_full_view_at.is_some() && entry.position_ms > 30_000 && !entry.completed);
            let newer = rows.iter().any(|row| {
                row.latest.title_id == entry.title_id && row.last_full_view_at.is_some() && row.latest.updated_at > entry.updated_at
            });
            prop_assert!(!newer);
        }
    }
}
