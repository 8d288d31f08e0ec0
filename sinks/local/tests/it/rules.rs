use proptest::prelude::*;
use schemas::{PlaybackSession, QosSessionSummary, ResumeState};
use serving::{HistoryKind, HistoryQuery, ServingStore};
use sink_local::LocalStore;

use crate::support::{QOS, RESUME, SESSIONS, Stored, dump, resume, session, sink, write};

fn store_of(records: &[Stored], per_flush: usize) -> LocalStore {
    let store = LocalStore::in_memory().unwrap();
    write(&mut sink(&store), records, per_flush);
    store
}

fn any_resume() -> impl Strategy<Value = ResumeState<'static>> {
    let few = |values: &'static [&'static str]| prop::sample::select(values);
    (
        (few(&["p", "q"]), few(&["t", "u"]), prop::option::of(few(&["e"])), few(&["s1", "s2"])),
        (1..4_i64, prop::option::of(1..3_i64), 1..3_i64, prop::option::of(prop_oneof![Just(119_999_i64), Just(120_000)]), any::<bool>()),
    )
        .prop_map(|((profile_id, title_id, episode_id, session_id), (updated_at, sequence, position_ms, media_ms, preview))| {
            ResumeState {
                profile_id,
                title_id,
                episode_id,
                session_id,
                sequence,
                position_ms,
                media_ms,
                updated_at,
                preview,
                ..ResumeState::default()
            }
        })
}

/// Equal versions of a row have equal content, as the processor's have.
fn any_session() -> impl Strategy<Value = PlaybackSession<'static>> {
    (prop::sample::select(&["s1", "s2"][..]), 0..2_i64, 1..6_i64).prop_map(|(session_id, opened_at, version)| {
        let seed = opened_at * 7 + version * 13 + session_id.len() as i64;
        PlaybackSession {
            session_id,
            opened_at,
            version,
            profile_id: (opened_at == 0).then_some("p"),
            title_id: "t",
            preview: seed % 3 == 0,
            media_ms: if seed % 2 == 0 { 119_999 } else { 120_000 },
            ..PlaybackSession::default()
        }
    })
}

fn any_records() -> impl Strategy<Value = Vec<Stored>> {
    let any_record = prop_oneof![
        3 => any_resume().prop_map(|record| Stored::new(RESUME, 0, &record)),
        2 => any_session().prop_map(|record| Stored::new(SESSIONS, 0, &record)),
        1 => any_session().prop_map(|record| {
            let summary = QosSessionSummary {
                session_id: record.session_id,
                opened_at: record.opened_at,
                version: record.version,
                playing_ms: record.version,
                ..QosSessionSummary::default()
            };
            Stored::new(QOS, 0, &summary)
        }),
    ];
    prop::collection::vec(any_record, 1..24).prop_map(|mut records| {
        for (offset, record) in (0..).zip(&mut records) {
            record.offset = offset;
        }
        records
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// Any order, any duplicates, any split into transactions: the same rows.
    #[test]
    fn rows_do_not_depend_on_order_duplicates_or_splits(
        (records, shuffled) in any_records().prop_flat_map(|records| {
            let twice: Vec<Stored> = records.iter().chain(records.iter().step_by(2)).cloned().collect();
            (Just(records), Just(twice).prop_shuffle())
        }),
        per_flush in 1..30_usize,
    ) {
        prop_assert_eq!(dump(&store_of(&records, usize::MAX)), dump(&store_of(&shuffled, per_flush)));
    }

    /// What stands is what a fold over all records says, computed here in the plainest way.
    #[test]
    fn the_latest_view_is_the_largest(records in prop::collection::vec(any_resume(), 1..20)) {
        let stored: Vec<Stored> = (0..).zip(&records).map(|(offset, record)| Stored::new(RESUME, offset, record)).collect();
        let store = store_of(&stored, 3);
        for (profile_id, content_id) in [("p", "t"), ("p", "u"), ("p", "e"), ("q", "t"), ("q", "u"), ("q", "e")] {
            let of_content: Vec<_> = records
                .iter()
                .filter(|record| record.profile_id == profile_id && record.episode_id.unwrap_or(record.title_id) == content_id)
                .collect();
            let latest = of_content.iter().enumerate().max_by_key(|(index, record)| {
                (record.updated_at, record.sequence, record.position_ms, record.session_id, *index)
            });
            let full = of_content.iter().filter(|record| !record.preview && record.media_ms >= Some(120_000));
            let row = store.resume_row(profile_id, content_id).unwrap();
            prop_assert_eq!(row.is_some(), latest.is_some());
            if let (Some(row), Some((_, latest))) = (row, latest) {
                prop_assert_eq!(row.latest, serving::View::from(*latest));
                prop_assert_eq!(row.last_full_view_at, full.map(|record| record.updated_at).max());
            }
        }
    }
}

#[test]
fn the_same_position_told_again_replaces_and_an_older_offset_does_not() {
    let before = ResumeState { media_ms: None, ..resume("t", "s", 1_000_000_000) };
    let after = ResumeState { media_ms: Some(130_000), ..before.clone() };
    let store = store_of(&[Stored::new(RESUME, 4, &before), Stored::new(RESUME, 5, &after), Stored::new(RESUME, 4, &before)], 1);
    let row = store.resume_row("p", "t").unwrap().unwrap();
    assert_eq!((row.latest.media_ms, row.last_full_view_at), (Some(130_000), Some(1_000_000_000)));
}

#[test]
fn a_full_view_that_is_not_the_latest_still_counts_as_the_last_full_view() {
    let short = ResumeState { media_ms: Some(5_000), ..resume("t", "short", 9_000_000_000) };
    let full = resume("t", "full", 1_000_000_000);
    for records in [[&short, &full], [&full, &short]] {
        let records: Vec<Stored> = (0..).zip(records).map(|(offset, record)| Stored::new(RESUME, offset, record)).collect();
        let row = store_of(&records, 1).resume_row("p", "t").unwrap().unwrap();
        assert_eq!(row.latest.session_id, "short");
        assert_eq!(row.last_full_view_at, Some(1_000_000_000));
        assert!(!row.is_preview());
    }
}

#[test]
fn a_session_moves_between_previews_and_full_plays() {
    let store = LocalStore::in_memory().unwrap();
    let mut sink = sink(&store);
    let ids = |kind| {
        let query = HistoryQuery { kind, from: None, to: None, limit: 10, after: None };
        store.history("p", &query).unwrap().rows.iter().map(|row| row.version).collect::<Vec<_>>()
    };
    let version = |version, media_ms| Stored::new(SESSIONS, version, &PlaybackSession { media_ms, ..session("s", 5, version) });
    for (record, full_plays, previews) in [
        (version(1, 60_000), vec![], vec![1]),
        (version(3, 180_000), vec![3], vec![]),
        (version(2, 60_000), vec![3], vec![]),
        (version(4, 190_000), vec![4], vec![]),
        (version(5, 10_000), vec![], vec![5]),
    ] {
        write(&mut sink, &[record], 1);
        assert_eq!((ids(HistoryKind::FullPlays), ids(HistoryKind::Previews)), (full_plays, previews));
    }
}

#[test]
fn an_equal_version_changes_nothing() {
    let first = session("s", 5, 7);
    let other = PlaybackSession { title_id: "other", ..first.clone() };
    let summary = QosSessionSummary { session_id: "s", opened_at: 5, version: 7, playing_ms: 1, ..QosSessionSummary::default() };
    let other_summary = QosSessionSummary { playing_ms: 2, ..summary.clone() };
    let once = [Stored::new(SESSIONS, 0, &first), Stored::new(QOS, 0, &summary)];
    let twice = [once.to_vec(), vec![Stored::new(SESSIONS, 1, &other), Stored::new(QOS, 1, &other_summary)]].concat();
    assert_eq!(dump(&store_of(&twice, 1)), dump(&store_of(&once, 1)));
}
