//! Resume positions that are not what was viewed.

use schemas::{ResumeState, ViewingProgress};

use super::{Audited, middle};
use crate::rebuilt::{Lying, Parts};

/// The last record of `resume_state` that tells a latest view, and the name of its content.
fn last_position(parts: &Parts) -> (usize, usize, String) {
    let decoder = parts.decoder::<ResumeState<'_>>();
    let is_latest = |record: &Lying| record.value.is_some() && record.key.iter().filter(|byte| **byte == 0x1f).count() == 1;
    let partition = parts.log["resume_state"].iter().position(|records| records.iter().any(is_latest)).unwrap();
    let records = &parts.log["resume_state"][partition];
    let index = records.iter().rposition(is_latest).unwrap();
    let row: ResumeState<'_> = decoder.decode(records[index].value.as_deref().unwrap()).unwrap();
    (partition, index, format!("{}/{}", row.profile_id, row.episode_id.unwrap_or(row.title_id)))
}

/// Moves a position by a second, later rather than earlier, so that it still is the largest.
fn move_position(records: &mut [Lying], index: usize, parts: &Parts) {
    let decoder = parts.decoder::<ResumeState<'_>>();
    records[index].edit::<ResumeState<'_>>(&decoder, |row| row.position_ms += 1_000);
}

#[test]
fn a_resume_position_in_the_store_moved() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let (partition, index, name) = last_position(parts);
        place = format!("the store's position of {name}");
        let known = parts.clone();
        move_position(&mut parts.store_topic("resume_state")[partition], index, &known);
    });
    audited.finds("resume", &[("different", &place, "position_ms is ")]);
}

#[test]
fn a_resume_position_moved_on_its_way() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let (partition, index, name) = last_position(parts);
        place = format!("resume_state {name}");
        let known = parts.clone();
        move_position(&mut parts.store_topic("resume_state")[partition], index, &known);
        move_position(&mut parts.topic("resume_state")[partition], index, &known);
    });
    // It was a full view too.
    let full = format!("{place}, latest full view");
    audited.finds("resume", &[("different", &place, "position_ms is "), ("different", &full, "position_ms is ")]);
}

#[test]
fn a_resume_position_dropped_from_the_store() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let (partition, index, name) = last_position(parts);
        place = format!("the store's position of {name}");
        let key = parts.log["resume_state"][partition][index].key.clone();
        for record in parts.store_topic("resume_state")[partition].iter_mut().filter(|record| record.key.starts_with(&key)) {
            record.value = None;
        }
    });
    audited.finds("resume", &[("missing", &place, "it must say {\"profile_id\":")]);
}

#[test]
fn a_viewing_that_never_reached_resume() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let decoder = parts.decoder::<ViewingProgress<'_>>();
        let partition =
            parts.log["viewing_progress"].iter().position(|records| records.iter().any(|record| record.value.is_some())).unwrap();
        let mut view = parts.log["viewing_progress"][partition][middle(&parts.log["viewing_progress"][partition])].clone();
        view.edit::<ViewingProgress<'_>>(&decoder, |view| {
            (view.title_id, view.episode_id, view.media_ms) = ("unheard-of", None, None);
            place = format!("resume_state {}/unheard-of", view.profile_id);
        });
        parts.topic("viewing_progress")[partition].push(view);
    });
    audited.finds("resume", &[("missing", &place, "\"title_id\":\"unheard-of\"")]);
}
