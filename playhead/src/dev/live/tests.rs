use schemas::{CleanPrefix, EventType, PlaybackEvent};

use super::*;

fn event<'a>(session_id: &'a str, at: i64, kind: EventType) -> CleanPlaybackEvent<'a> {
    CleanPlaybackEvent {
        prefix: CleanPrefix { effective_time: at, ..CleanPrefix::default() },
        event: PlaybackEvent { session_id, title_id: "t", kind, ..PlaybackEvent::default() },
    }
}

fn summary<'a>(session_id: &'a str, started_at: i64, version: i64) -> QosSessionSummary<'a> {
    QosSessionSummary { session_id, title_id: "t", started_at, ended_at: started_at, opened_at: started_at, version, ..Default::default() }
}

fn ids(live: &Live, limit: usize) -> Vec<String> {
    let newest = live.newest(limit);
    newest["sessions"].as_array().into_iter().flatten().filter_map(|session| Some(session["session_id"].as_str()?.to_owned())).collect()
}

#[test]
fn the_newest_come_first_and_the_oldest_make_room() {
    let live = Live::default();
    for number in 0..SESSIONS + 5 {
        live.event(&event(&format!("s{number}"), number as i64, EventType::SessionStart));
    }
    assert_eq!(ids(&live, 2), [format!("s{}", SESSIONS + 4), format!("s{}", SESSIONS + 3)]);
    assert_eq!(ids(&live, SESSIONS * 2).len(), SESSIONS);
    // Before all that are held: passed over.
    live.event(&event("early", 4, EventType::SessionStart));
    assert!(!ids(&live, SESSIONS).contains(&"early".to_owned()));
    let window = live.window();
    assert_eq!(window.by_start.len(), window.sessions.len());
}

#[test]
fn an_earlier_start_moves_a_session() {
    let live = Live::default();
    live.event(&event("a", 10, EventType::Play));
    live.event(&event("b", 20, EventType::Play));
    live.event(&event("b", 5, EventType::SessionStart));
    assert_eq!(ids(&live, 10), ["a", "b"]);
    // The state is that of the youngest event.
    assert_eq!(live.newest(10)["sessions"][1]["state"], "playing");
    assert_eq!(live.window().by_start.len(), 2);
}

#[test]
fn the_largest_version_of_the_newest_row_stands() {
    let live = Live::default();
    live.summary(&QosSessionSummary { event_count: 3, ..summary("a", 10, 3) });
    live.summary(&QosSessionSummary { event_count: 2, ..summary("a", 10, 2) });
    assert_eq!(live.newest(1)["sessions"][0]["event_count"], 3);
    live.summary(&QosSessionSummary { event_count: 1, is_final: true, ended_by: EndedBy::Error, ..summary("a", 20, 1) });
    let newest = live.newest(1);
    assert_eq!((&newest["sessions"][0]["event_count"], &newest["sessions"][0]["state"]), (&json!(1), &json!("failed")));
    assert_eq!(live.service_quality()["total"]["sessions"], 1);
    assert_eq!(live.service_quality()["open_sessions"], 0);
}
