use schemas::{PlaybackSession, QosSessionSummary};
use serving::{HistoryKind, HistoryQuery, ServingStore};
use sink_local::LocalStore;

use crate::support::{QOS, RESUME, SESSIONS, Stored, resume, session, sink, write};

const NAMES: [&str; 7] = ["s0", "s1", "s2", "s3", "s4", "s5", "s6"];

fn with_history() -> LocalStore {
    let store = LocalStore::in_memory().unwrap();
    let mut records: Vec<Stored> =
        (0..).zip(NAMES).map(|(number, name)| Stored::new(SESSIONS, number, &session(name, number / 2 * 10, 1))).collect();
    records.push(Stored::new(SESSIONS, 7, &PlaybackSession { profile_id: Some("pp"), ..session("other", 15, 1) }));
    records.push(Stored::new(SESSIONS, 8, &PlaybackSession { profile_id: None, ..session("nobody", 15, 1) }));
    records.push(Stored::new(SESSIONS, 9, &PlaybackSession { preview: true, ..session("trailer", 15, 1) }));
    write(&mut sink(&store), &records, 4);
    store
}

fn query(from: Option<i64>, to: Option<i64>, limit: usize) -> HistoryQuery {
    HistoryQuery { kind: HistoryKind::FullPlays, from, to, limit, after: None }
}

fn ids(store: &LocalStore, query: &HistoryQuery) -> Vec<String> {
    store.history("p", query).unwrap().rows.into_iter().map(|row| row.session_id).collect()
}

#[test]
fn history_is_newest_first_and_holds_its_bounds() {
    let store = with_history();
    assert_eq!(ids(&store, &query(None, None, 100)), ["s6", "s5", "s4", "s3", "s2", "s1", "s0"]);
    // from is held, to is not.
    assert_eq!(ids(&store, &query(Some(10), Some(30), 100)), ["s5", "s4", "s3", "s2"]);
    assert_eq!(ids(&store, &query(Some(30), Some(10), 100)), [""; 0]);
    assert_eq!(ids(&store, &query(None, None, 0)), [""; 0]);
    let previews = HistoryQuery { kind: HistoryKind::Previews, ..query(None, None, 100) };
    assert_eq!(ids(&store, &previews), ["trailer"]);
}

#[test]
fn pages_join_without_gap_or_overlap() {
    let store = with_history();
    for limit in 1..=8 {
        let mut all = Vec::new();
        let mut next = query(None, None, limit);
        loop {
            let page = store.history("p", &next).unwrap();
            assert!(page.rows.len() <= limit && all.len() < NAMES.len());
            all.extend(page.rows.into_iter().map(|row| row.session_id));
            let Some(token) = page.next_page_token else { break };
            next.after = Some(token.to_string().parse().unwrap());
        }
        assert_eq!(all, ["s6", "s5", "s4", "s3", "s2", "s1", "s0"], "pages of {limit}");
    }
}

#[test]
fn profiles_are_kept_apart() {
    let store = LocalStore::in_memory().unwrap();
    let records: Vec<Stored> = (0..)
        .zip(["p", "pp", "p\u{1f}", "q"])
        .map(|(offset, profile_id)| Stored::new(RESUME, offset, &schemas::ResumeState { profile_id, ..resume("t", "s", 1_000_000_000) }))
        .collect();
    write(&mut sink(&store), &records, 1);
    for profile_id in ["p", "pp", "p\u{1f}", "q"] {
        let rows = store.resume_rows(profile_id).unwrap();
        assert_eq!(rows.iter().map(|row| row.profile_id.as_str()).collect::<Vec<_>>(), [profile_id]);
    }
    assert!(store.resume_rows("").unwrap().is_empty());
    assert_eq!(store.profiles().unwrap(), ["p", "p\u{1f}", "pp", "q"]);
}

#[test]
fn a_session_that_was_cut_has_its_rows_in_order() {
    let store = LocalStore::in_memory().unwrap();
    let summary =
        QosSessionSummary { session_id: "s", opened_at: 86_400_000_000, version: 2, playing_ms: 7, ..QosSessionSummary::default() };
    let records = [
        Stored::new(SESSIONS, 0, &session("s", 86_400_000_000, 1)),
        Stored::new(SESSIONS, 1, &session("s", 0, 1)),
        Stored::new(SESSIONS, 2, &session("s2", 0, 1)),
        Stored::new(QOS, 0, &summary),
        Stored::new(QOS, 1, &QosSessionSummary { version: 1, playing_ms: 8, ..summary.clone() }),
    ];
    write(&mut sink(&store), &records, 1);
    assert_eq!(store.session("s").unwrap().iter().map(|row| row.opened_at).collect::<Vec<_>>(), [0, 86_400_000_000]);
    assert!(store.session("unknown").unwrap().is_empty());
    let mut playing = Vec::new();
    store.qos_of_session("s", &mut |summary| playing.push(summary.playing_ms)).unwrap();
    assert_eq!(playing, [7]);
}
