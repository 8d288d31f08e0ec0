//! Resume positions: computed anew from `viewing_progress`, they are what `resume_state` says once it is compacted; and what it says is
//! what the store has.
//!
//! The rule (see [`schemas::ViewRank`]): of the views of a (profile, content) the largest effective end stands, and of the full views among
//! them likewise. The same place of the same session said again replaces what was said before. A view that came too late to be judged by the
//! processor is published under a key of its own, so the winner is looked for under all keys of a content.

use std::collections::{BTreeSet, HashMap, HashSet};

use pipeline::{KEY_SEPARATOR, Record, heartbeat};
use processors::profile::Profile;
use schemas::{Record as _, ResumeState, Schema, ViewingProgress};
use sink_local::{INPUTS, LocalStore};

use super::StorePositions;
use super::letters::Letters;
use super::reading::{Reading, Values};
use super::report::{Fault, Findings, ResumeReport, STORE};
use super::winners::{Candidate, Winners, content_of};

const PROGRESS: &str = "viewing_progress";
/// Index of `resume_state` in `INPUTS`.
const RESUME_STATE: usize = 2;
/// The stage between the two.
const STAGE: &str = Profile::NAME;

/// Recomputes every position and compares. Also what stands for each content as a store takes it that knows no compaction: where there is no
/// store, only if that `is_wanted`.
pub(super) fn audit(
    reading: &mut Reading,
    letters: &Letters,
    positions: &StorePositions,
    is_wanted: bool,
) -> anyhow::Result<(ResumeReport, Winners)> {
    let mut report = ResumeReport::default();
    let schema = Schema::parse(ResumeState::SCHEMA)?;
    let mut as_stored = (is_wanted || reading.store.is_some()).then(Winners::default);
    let topic = INPUTS[RESUME_STATE];
    for partition in 0..reading.view.partitions(topic) {
        let computed = compute(reading, letters, partition, &mut report)?;
        let told = read_topic(reading, positions, partition, &mut as_stored, &mut report)?;
        report.positions += computed.winners.contents.len() as u64;
        compare(&computed, &told, &schema, &mut report.findings);
    }
    let as_stored = as_stored.unwrap_or_default();
    if let Some(store) = reading.store.clone() {
        compare_with_store(reading, &store, &as_stored, &schema, &mut report)?;
    }
    Ok((report, as_stored))
}

/// What the views of a partition come to.
struct Computed {
    winners: Winners,
    /// Views that the stage may have processed while its position was taken: what they are about is not judged.
    in_motion: HashSet<(String, String)>,
    /// The topic holds the oldest views no longer: what is told may have come of one of them.
    has_lost_some: bool,
}

impl Computed {
    /// Whether something can be said of what is told of a content, and `must` be told of the views that are held.
    fn is_judged(&self, key: &(String, String), must: Option<&Candidate>, is: &Candidate) -> bool {
        let is_of_lost = self.has_lost_some && must.is_none_or(|must| is.is_above(must));
        !is_of_lost && !self.in_motion.contains(key)
    }
}

fn compute(reading: &mut Reading, letters: &Letters, partition: u32, report: &mut ResumeReport) -> anyhow::Result<Computed> {
    let mut values = Values::of::<ViewingProgress<'static>>(&reading.schemas);
    let stage = reading.view.position(STAGE, partition);
    let refused = letters.of(STAGE, partition);
    let has_lost_some = reading.view.range(PROGRESS, partition).start > 0;
    let mut computed = Computed { winners: Winners::default(), in_motion: HashSet::new(), has_lost_some };
    reading.partition(PROGRESS, partition, &mut |record| {
        if heartbeat::is_heartbeat(record) {
            return Ok(());
        }
        if record.offset >= stage.judged {
            report.pending += 1;
            if stage.is_between(record.offset)
                && let Ok(view) = values.decode::<ViewingProgress<'_>>(record.value)?
            {
                let resume = resume_of(&view);
                computed.in_motion.insert((resume.profile_id.to_owned(), content_of(&resume).to_owned()));
            }
            return Ok(());
        }
        report.views += 1;
        let is_refused = refused.binary_search_by_key(&record.offset, |letter| letter.source_offset).is_ok();
        match values.decode::<ViewingProgress<'_>>(record.value)? {
            _ if is_refused => {}
            Ok(view) => computed.winners.offer(&resume_of(&view), record.offset),
            Err(rejection) => {
                let place = format!("{PROGRESS}-{partition} offset {}", record.offset);
                report.findings.add(Fault::Missing, place, format!("it must be refused ({rejection}), but has no dead letter"));
            }
        }
        Ok(())
    })?;
    Ok(computed)
}

/// What a compacted partition of `resume_state` comes to. What the store has taken of it is offered to `as_stored`.
fn read_topic(
    reading: &mut Reading,
    positions: &StorePositions,
    partition: u32,
    as_stored: &mut Option<Winners>,
    report: &mut ResumeReport,
) -> anyhow::Result<Winners> {
    let topic = INPUTS[RESUME_STATE];
    let mut last_of_key: HashMap<Vec<u8>, i64> = HashMap::new();
    reading.partition(topic, partition, &mut |record| {
        if !heartbeat::is_heartbeat(record) {
            last_of_key.insert(record.key.unwrap_or_default().to_vec(), record.offset);
        }
        Ok(())
    })?;
    let mut values = Values::of::<ResumeState<'static>>(&reading.schemas);
    let taken = positions.of(RESUME_STATE, partition);
    let mut winners = Winners::default();
    reading.partition(topic, partition, &mut |record| {
        if heartbeat::is_heartbeat(record) {
            return Ok(());
        }
        report.store_pending += u64::from(record.offset >= taken);
        let place = || format!("{topic}-{partition} offset {}", record.offset);
        match values.decode::<ResumeState<'_>>(record.value)? {
            Ok(view) => {
                if !is_keyed_right(record, &view) {
                    let key = String::from_utf8_lossy(record.key.unwrap_or_default()).replace('\u{1f}', "/");
                    let (profile_id, content) = (view.profile_id, content_of(&view));
                    report.findings.add(Fault::Misplaced, place(), format!("its key is {key}, but it is about {profile_id}/{content}"));
                }
                if last_of_key.get(record.key.unwrap_or_default()) == Some(&record.offset) {
                    winners.offer(&view, record.offset);
                }
                if let Some(as_stored) = as_stored.as_mut().filter(|_| record.offset < taken) {
                    as_stored.offer(&view, record.offset);
                }
            }
            Err(rejection) => report.findings.add(Fault::Unreadable, place(), rejection.to_string()),
        }
        Ok(())
    })?;
    Ok(winners)
}

/// Every winner that was computed is told, and nothing else is.
fn compare(computed: &Computed, told: &Winners, schema: &Schema, findings: &mut Findings) {
    let topic = INPUTS[RESUME_STATE];
    for (key, must) in computed.winners.contents.iter().filter(|(key, _)| !computed.in_motion.contains(*key)) {
        let Some(is) = told.contents.get(key) else {
            findings.add(Fault::Missing, name(topic, key), format!("it must say {}", must.latest.said(schema)));
            continue;
        };
        if is.latest.body != must.latest.body && computed.is_judged(key, Some(&must.latest), &is.latest) {
            findings.add_with(Fault::Different, || (name(topic, key), must.latest.difference(&is.latest, schema)));
        }
        let place = || format!("{}, latest full view", name(topic, key));
        match (&must.full, &is.full) {
            (Some(must), Some(is)) if must.body != is.body && computed.is_judged(key, Some(must), is) => {
                findings.add_with(Fault::Different, || (place(), must.difference(is, schema)));
            }
            (Some(must), None) => findings.add(Fault::Missing, place(), format!("it must say {}", must.said(schema))),
            (None, Some(is)) if computed.is_judged(key, None, is) => {
                findings.add(Fault::NeverSent, place(), "no view of it is a full one");
            }
            _ => {}
        }
    }
    let only_told = told.contents.iter().filter(|(key, _)| !computed.winners.contents.contains_key(*key));
    for (key, _) in only_told.filter(|(key, is)| computed.is_judged(key, None, &is.latest)) {
        findings.add(Fault::NeverSent, name(topic, key), "the profile has no view of it");
    }
}

/// Every winner of the topic stands in the store, and nothing else does.
fn compare_with_store(
    reading: &Reading,
    store: &LocalStore,
    told: &Winners,
    schema: &Schema,
    report: &mut ResumeReport,
) -> anyhow::Result<()> {
    let mut values = Values::of::<ResumeState<'static>>(&reading.schemas);
    let mut left: BTreeSet<&(String, String)> = told.contents.keys().collect();
    let findings = &mut report.findings;
    let mut stored = 0;
    let mut outcome = Ok(());
    store.stored_positions(&mut |row| {
        stored += 1;
        let key = (row.profile_id.to_owned(), row.content_id.to_owned());
        let place = || stored_name(&key);
        left.remove(&key);
        let Some(must) = told.contents.get(&key) else {
            return findings.add(Fault::NeverSent, place(), "resume_state has no such position");
        };
        let held = match values.decode::<ResumeState<'_>>(Some(row.record)) {
            Ok(Ok(held)) => Candidate::of(&held, row.offset),
            Ok(Err(rejection)) => return findings.add(Fault::Unreadable, place(), rejection.to_string()),
            Err(error) => return outcome = Err(error),
        };
        if held.body != must.latest.body {
            findings.add_with(Fault::Different, || (place(), must.latest.difference(&held, schema)));
        } else if held.offset != must.latest.offset {
            let (is, must) = (held.offset, must.latest.offset);
            findings.add(Fault::Different, place(), format!("it is said to lie at offset {is} of resume_state, and lies at {must}"));
        }
        let full_view_at = must.full.as_ref().map(|full| full.updated_at);
        if row.last_full_view_at != full_view_at {
            let [is, must] = [row.last_full_view_at, full_view_at].map(|at| at.map_or_else(|| "none".to_owned(), serving::rfc3339));
            findings.add(Fault::Different, place(), format!("last_full_view_at is {is}, must be {must}"));
        }
    })?;
    outcome?;
    report.stored = Some(stored);
    for key in left {
        let must = &told.contents[key];
        report.findings.add(Fault::Missing, stored_name(key), format!("it must say {}", must.latest.said(schema)));
    }
    Ok(())
}

/// What a view says of resuming.
fn resume_of<'a>(view: &ViewingProgress<'a>) -> ResumeState<'a> {
    ResumeState {
        profile_id: view.profile_id,
        title_id: view.title_id,
        episode_id: view.episode_id,
        session_id: view.session_id,
        opened_at: view.opened_at,
        sequence: view.sequence,
        position_ms: view.position_ms,
        runtime_ms: view.runtime_ms,
        media_ms: view.media_ms,
        completed: is_completed(view.position_ms, view.runtime_ms),
        updated_at: view.at,
        device_type: view.device_type,
        preview: view.preview,
    }
}

/// 95% of the runtime, or the last 2 min of a runtime over 20 min.
fn is_completed(position_ms: i64, runtime_ms: Option<i64>) -> bool {
    let Some(runtime_ms) = runtime_ms.filter(|runtime_ms| *runtime_ms > 0) else { return false };
    let is_near_the_end = position_ms >= runtime_ms - 120_000 && runtime_ms > 1_200_000;
    is_near_the_end || i128::from(position_ms) * 20 >= i128::from(runtime_ms) * 19
}

/// The key is profile / content, with whatever behind it.
fn is_keyed_right(record: &Record<'_>, view: &ResumeState<'_>) -> bool {
    let own = [view.profile_id.as_bytes(), &[KEY_SEPARATOR], content_of(view).as_bytes()].concat();
    let rest = record.key.and_then(|key| key.strip_prefix(own.as_slice()));
    rest.is_some_and(|rest| rest.is_empty() || rest[0] == KEY_SEPARATOR)
}

fn stored_name((profile_id, content): &(String, String)) -> String {
    format!("{STORE}position of {profile_id}/{content}")
}

fn name(what: &str, (profile_id, content): &(String, String)) -> String {
    format!("{what} {profile_id}/{content}")
}

#[cfg(test)]
mod tests {
    use super::is_completed;

    #[test]
    fn completed_near_the_end() {
        let minute = 60_000;
        let cases = [
            (0, None, false),
            (95, Some(100), true),
            (94, Some(100), false),
            (18 * minute, Some(20 * minute), false),
            (20 * minute, Some(22 * minute), true),
            (20 * minute - 1, Some(22 * minute), false),
        ];
        for (position_ms, runtime_ms, expected) in cases {
            assert_eq!(is_completed(position_ms, runtime_ms), expected, "{position_ms} of {runtime_ms:?}");
        }
    }
}
