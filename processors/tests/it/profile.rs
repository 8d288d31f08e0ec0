//! The profile processor, rule by rule.

use std::sync::Arc;

use pipeline::{Judgement, Moment, Outcome, Outputs, Processor, Record, SavedPiece, TopicPartition};
use processors::profile::{Profile, ProfileConfig, ProfileState};
use proptest::prelude::*;
use schemas::{Record as _, ResumeState, SchemaSource, ViewingProgress, wire};

use crate::driver::{DAY, HOUR, MINUTE, SECOND, Schemas, TOPIC};

const H: i64 = 78 * HOUR;

struct Profiles {
    processor: Profile,
    state: ProfileState,
    schema_id: u32,
    log_time_ms: Option<i64>,
    out: Outputs,
}

/// What was published: the key's parts after the profile, position, effective end (ms after [`DAY`]).
type Published = (String, i64, i64);

impl Profiles {
    fn new() -> Self {
        let schemas = Arc::new(Schemas::default());
        let schema_id = schemas.register("viewing_progress-value", ViewingProgress::SCHEMA).unwrap();
        let processor = Profile::new(ProfileConfig::with_partitions(4), schemas).unwrap();
        let state = processor.new_state(TopicPartition::default());
        let out = Outputs::new(processor.outputs());
        Self { processor, state, schema_id, log_time_ms: None, out }
    }

    fn at(&mut self, log_time_ms: i64) {
        self.log_time_ms = Some(log_time_ms);
        self.processor.advance(&mut self.state, log_time_ms, &mut self.out);
    }

    fn view(&mut self, progress: &ViewingProgress<'_>) -> Vec<Published> {
        let mut value = Vec::new();
        wire::frame(self.schema_id, &mut value);
        progress.encode(&mut value);
        let record = Record {
            offset: 0,
            timestamp_ms: self.log_time_ms.unwrap_or(DAY),
            key: Some(progress.profile_id.as_bytes()),
            value: Some(&value),
            headers: pipeline::Headers::NONE,
        };
        while let Err(blocked) = self.processor.ready(&record) {
            self.processor.unblock(&blocked).unwrap();
        }
        let source = TopicPartition::default();
        let moment = Moment { source, topic_id: TOPIC, log_time_ms: self.log_time_ms, judgement: Judgement::Open };
        let outcome = self.processor.process(&mut self.state, &record, &moment, &mut self.out);
        assert!(matches!(outcome, Outcome::Done));
        let published = self
            .out
            .iter()
            .map(|written| {
                let body = wire::split(written.value.unwrap()).unwrap().1;
                let resume = ResumeState::decode(&schemas::Plan::current::<ResumeState<'_>>(), body).unwrap();
                let key = String::from_utf8(written.key.unwrap().to_vec()).unwrap().replace('\x1f', "/");
                (key, resume.position_ms, resume.updated_at / 1000 - DAY)
            })
            .collect();
        self.out.clear();
        published
    }
}

/// A viewing of title `t` by profile `p` that stands at `position_ms`, its effective end `at_ms` after [`DAY`].
fn view(session_id: &str, at_ms: i64, position_ms: i64) -> ViewingProgress<'_> {
    ViewingProgress {
        profile_id: "p",
        title_id: "t",
        session_id,
        position_ms,
        at: (DAY + at_ms) * 1000,
        opened_at: DAY * 1000,
        ..ViewingProgress::default()
    }
}

fn keys(published: &[Published]) -> Vec<&str> {
    published.iter().map(|(key, _, _)| key.as_str()).collect()
}

#[test]
fn the_largest_effective_end_wins() {
    let mut profiles = Profiles::new();
    profiles.at(DAY);
    assert_eq!(profiles.view(&view("a", 10 * SECOND, 5)), [("p/t".into(), 5, 10 * SECOND)]);
    assert!(profiles.view(&view("b", 9 * SECOND, 99)).is_empty());
    assert_eq!(profiles.view(&view("b", 11 * SECOND, 1)), [("p/t".into(), 1, 11 * SECOND)]);
}

#[test]
fn ties_go_by_sequence_then_position_then_session() {
    let ranked = [
        ViewingProgress { sequence: None, ..view("z", 0, 9) },
        ViewingProgress { sequence: Some(1), ..view("a", 0, 1) },
        ViewingProgress { sequence: Some(1), ..view("b", 0, 1) },
        ViewingProgress { sequence: Some(1), ..view("a", 0, 2) },
        ViewingProgress { sequence: Some(2), ..view("a", 0, 0) },
        view("a", 1, 0),
    ];
    for (lower, higher) in ranked.iter().zip(&ranked[1..]) {
        let mut profiles = Profiles::new();
        assert_eq!(profiles.view(lower).len(), 1);
        assert_eq!(profiles.view(higher).len(), 1, "{higher:?} after {lower:?}");
        assert!(profiles.view(lower).is_empty(), "{lower:?} after {higher:?}");
    }
}

#[test]
fn what_is_said_again_is_published_only_if_it_says_more() {
    let mut profiles = Profiles::new();
    let first = view("a", 0, 5);
    assert_eq!(profiles.view(&first).len(), 1);
    assert!(profiles.view(&first).is_empty());
    let with_media = ViewingProgress { media_ms: Some(60_000), ..first };
    assert_eq!(keys(&profiles.view(&with_media)), ["p/t"]);
    let with_device = ViewingProgress { device_type: Some("tv"), ..with_media };
    assert_eq!(keys(&profiles.view(&with_device)), ["p/t"]);
    assert!(profiles.view(&with_device).is_empty());
}

#[test]
fn the_latest_full_view_has_a_key_of_its_own() {
    let mut profiles = Profiles::new();
    let full = ViewingProgress { media_ms: Some(120_000), ..view("a", 0, 120_000) };
    assert_eq!(keys(&profiles.view(&full)), ["p/t", "p/t/full"]);
    let short = ViewingProgress { media_ms: Some(119_999), ..view("b", 1, 7) };
    assert_eq!(keys(&profiles.view(&short)), ["p/t"]);
    let flagged = ViewingProgress { media_ms: Some(500_000), preview: true, ..view("c", 2, 7) };
    assert_eq!(keys(&profiles.view(&flagged)), ["p/t"]);
    let older_full = ViewingProgress { media_ms: Some(500_000), ..view("d", -1, 7) };
    assert!(profiles.view(&older_full).is_empty());
    let newer_full = ViewingProgress { media_ms: Some(500_000), ..view("e", 1, 9) };
    assert_eq!(keys(&profiles.view(&newer_full)), ["p/t/full"], "not the latest view, but the latest full one");
}

#[test]
fn an_episode_is_a_content_of_its_own() {
    let mut profiles = Profiles::new();
    let episode = |id| ViewingProgress { episode_id: Some(id), ..view("a", 0, 5) };
    assert_eq!(keys(&profiles.view(&episode("e1"))), ["p/e1"]);
    assert_eq!(keys(&profiles.view(&episode("e2"))), ["p/e2"]);
}

#[test]
fn an_old_view_without_a_winner_is_published_under_its_own_key_and_does_not_become_one() {
    let mut profiles = Profiles::new();
    profiles.at(DAY + H);
    let old = ViewingProgress { media_ms: Some(500_000), ..view("a", 5 * MINUTE, 5) };
    assert_eq!(keys(&profiles.view(&old)), ["p/t/a"], "at log time - H + 5 min");
    assert_eq!(profiles.state.contents(), 0);
    assert_eq!(keys(&profiles.view(&view("b", 5 * MINUTE + 1, 5))), ["p/t"], "one millisecond newer");
    assert!(profiles.view(&old).iter().all(|(key, _, _)| key != "p/t"), "loses against the winner");
}

#[test]
fn a_session_called_full_is_not_taken_for_the_full_view() {
    let mut profiles = Profiles::new();
    profiles.at(DAY + H);
    assert_eq!(keys(&profiles.view(&view("full", 0, 5))), ["p/t//full"]);
}

#[test]
fn a_full_view_that_is_too_old_beside_a_newer_short_one_is_published_under_its_own_key() {
    let mut profiles = Profiles::new();
    profiles.at(DAY + H);
    profiles.view(&view("b", HOUR, 5));
    let old = ViewingProgress { media_ms: Some(500_000), ..view("a", 0, 9) };
    assert_eq!(keys(&profiles.view(&old)), ["p/t/a"]);
}

#[test]
fn a_winner_is_kept_for_the_horizon_after_it_was_set() {
    let mut profiles = Profiles::new();
    profiles.at(DAY);
    profiles.view(&view("a", 0, 5));
    profiles.at(DAY + H - 1);
    assert!(profiles.view(&view("b", -1, 5)).is_empty(), "still held: the older view loses");
    profiles.at(DAY + H);
    assert_eq!(keys(&profiles.view(&view("b", -1, 5))), ["p/t/b"], "forgotten: stores decide");
    profiles.at(DAY + H + HOUR);
    assert_eq!(profiles.state.contents(), 0);
}

/// Memory is freed by the hour of log time, but a winner whose time is over counts for nothing from that millisecond on.
#[test]
fn a_winner_is_forgotten_in_the_middle_of_an_hour() {
    let mut profiles = Profiles::new();
    profiles.at(DAY + 30 * MINUTE);
    profiles.view(&view("a", 0, 5));
    profiles.at(DAY + H);
    profiles.at(DAY + H + 30 * MINUTE - 1);
    assert!(profiles.view(&view("b", -1, 5)).is_empty());
    profiles.at(DAY + H + 30 * MINUTE);
    assert_eq!(keys(&profiles.view(&view("b", -1, 5))), ["p/t/b"]);
}

#[test]
fn without_log_time_nothing_is_too_old() {
    let mut profiles = Profiles::new();
    assert_eq!(keys(&profiles.view(&view("a", -1000 * HOUR, 5))), ["p/t"]);
}

proptest! {
    /// Whatever the order and the passing of time, the largest of all that was published is the largest of all that came.
    #[test]
    fn the_largest_end_published_is_the_largest_that_came(
        views in prop::collection::vec((0..4u8, -200..200i64, 0..3i64, 0..40i64), 1..40),
    ) {
        let mut profiles = Profiles::new();
        let mut published = Vec::new();
        let mut came = Vec::new();
        let mut now_ms = DAY;
        for (session, end_hours, position_ms, passed_hours) in views {
            now_ms += passed_hours * HOUR;
            profiles.at(now_ms);
            let name = ["a", "b", "c", "d"][usize::from(session)];
            // Nothing happens later than 5 min after it was received.
            let end_ms = (end_hours * HOUR).min(now_ms - DAY + 5 * MINUTE);
            came.push((end_ms, position_ms));
            published.extend(profiles.view(&view(name, end_ms, position_ms)).into_iter().map(|(_, position_ms, end_ms)| (end_ms, position_ms)));
        }
        prop_assert_eq!(published.iter().max(), came.iter().max());
    }

    /// With compaction, which keeps the newest record of a key, the largest end still survives.
    #[test]
    fn compaction_never_replaces_a_newer_view_by_an_older_one(
        views in prop::collection::vec((0..4u8, -200..200i64, 0..40i64), 1..40),
    ) {
        let mut profiles = Profiles::new();
        let mut kept = std::collections::BTreeMap::new();
        let mut now_ms = DAY;
        for (session, end_hours, passed_hours) in views {
            now_ms += passed_hours * HOUR;
            profiles.at(now_ms);
            let name = ["a", "b", "c", "d"][usize::from(session)];
            let end_ms = (end_hours * HOUR).min(now_ms - DAY + 5 * MINUTE);
            for (key, _, end_ms) in profiles.view(&view(name, end_ms, 1)) {
                if key == "p/t" {
                    prop_assert!(kept.get(&key).is_none_or(|&before| before <= end_ms), "{} after {:?}", end_ms, kept);
                }
                kept.insert(key, end_ms);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    /// A state that was saved and loaded judges what comes after as the one that was not.
    #[test]
    fn a_saved_state_judges_alike(
        views in prop::collection::vec((0..4usize, 0..2usize, 0..120i64, 0..400i64, any::<bool>(), 0..3i64), 1..60),
        saved_after in any::<prop::sample::Index>(),
        piece_bytes in 1..500usize,
    ) {
        let mut profiles = Profiles::new();
        let mut restored: Option<Profiles> = None;
        let mut log_time_ms = DAY;
        for (number, (session, title, step_h, media_s, preview, at_h)) in views.iter().enumerate() {
            log_time_ms += step_h / 100 * 20 * HOUR + MINUTE;
            let progress = ViewingProgress {
                title_id: ["t", "u"][*title],
                media_ms: Some(media_s * SECOND),
                preview: *preview,
                sequence: (media_s % 3 > 0).then_some(*media_s),
                ..view(["s0", "s1", "s2", "s3"][*session], log_time_ms - DAY - at_h * HOUR, media_s * 7)
            };
            profiles.at(log_time_ms);
            let published = profiles.view(&progress);
            if let Some(restored) = &mut restored {
                restored.at(log_time_ms);
                prop_assert_eq!(restored.view(&progress), published, "viewing {}", number);
            }
            if number == saved_after.index(views.len()) {
                profiles.processor.begin_save(&mut profiles.state);
                let mut saved = Vec::new();
                let mut piece = SavedPiece::default();
                while !profiles.processor.save_piece(&mut profiles.state, &mut piece, piece_bytes) {
                    saved.append(&mut piece.state);
                }
                saved.append(&mut piece.state);
                let mut loaded = Profiles::new();
                loaded.state = loaded.processor.load(TopicPartition::default(), &saved).unwrap();
                prop_assert_eq!(loaded.state.contents(), profiles.state.contents());
                // What was just said is still known as said.
                loaded.at(log_time_ms);
                prop_assert_eq!(loaded.view(&progress), profiles.view(&progress));
                restored = Some(loaded);
            }
        }
    }
}
