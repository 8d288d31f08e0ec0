//! Rows of sessions that are not the topics'.

use schemas::{PlaybackSession, QosSessionSummary};

use super::Audited;
use crate::rebuilt::Parts;

/// The last record that a topic says of some session, by its place; no later one has a larger version.
fn last_session(parts: &Parts) -> (usize, String, i64) {
    let decoder = parts.decoder::<PlaybackSession<'_>>();
    let records = &parts.log["playback_sessions"][0];
    let index = records.iter().rposition(|record| record.value.is_some()).unwrap();
    let row: PlaybackSession<'_> = decoder.decode(records[index].value.as_deref().unwrap()).unwrap();
    (index, format!("{} opened {}", row.session_id, serving::rfc3339(row.opened_at)), row.version)
}

#[test]
fn a_version_in_the_store_changed() {
    let (mut place, mut detail) = (String::new(), String::new());
    let audited = Audited::with(|parts| {
        let (index, name, version) = last_session(parts);
        place = format!("the store's playback_sessions {name}");
        detail = format!("version is {}, must be {version}, as playback_sessions-0 offset {index} says", version + 512);
        let decoder = parts.decoder::<PlaybackSession<'_>>();
        parts.store_topic("playback_sessions")[0][index].edit::<PlaybackSession<'_>>(&decoder, |row| row.version += 512);
    });
    audited.finds("sessions", &[("different", &place, &detail)]);
}

#[test]
fn a_column_in_the_store_changed() {
    let (mut place, mut detail) = (String::new(), String::new());
    let audited = Audited::with(|parts| {
        let decoder = parts.decoder::<QosSessionSummary<'_>>();
        let index = parts.log["qos_session_summary"][0].iter().rposition(|record| record.value.is_some()).unwrap();
        parts.store_topic("qos_session_summary")[0][index].edit::<QosSessionSummary<'_>>(&decoder, |row| {
            place = format!("the store's qos_session_summary {} opened {}", row.session_id, serving::rfc3339(row.opened_at));
            detail = format!("anomalies is {}, must be {}, as", row.anomalies + 1, row.anomalies);
            row.anomalies += 1;
        });
    });
    audited.finds("summaries", &[("different", &place, &detail)]);
}

/// All versions of a session out of what the store is filled from; another takes their place, so that its offsets stay.
fn drop_session(parts: &mut Parts) -> String {
    let (index, name, _) = last_session(parts);
    let records = &mut parts.store_topic("playback_sessions")[0];
    let key = records[index].key.clone();
    for record in records.iter_mut().filter(|record| record.key == key) {
        record.value = None;
    }
    name
}

#[test]
fn a_session_dropped_from_the_store() {
    let mut place = String::new();
    let audited = Audited::with(|parts| place = format!("the store's playback_sessions {}", drop_session(parts)));
    audited.finds("sessions", &[("missing", &place, "it is not there; playback_sessions-0 offset ")]);
    assert!(audited.folder.run(&["audit"]).out.contains("delete serving.redb in the data folder"));
}

#[test]
fn a_session_in_the_store_that_was_never_reported() {
    let mut place = String::new();
    let audited = Audited::with(|parts| {
        let (index, ..) = last_session(parts);
        let decoder = parts.decoder::<PlaybackSession<'_>>();
        let mut forged = parts.log["playback_sessions"][0][index].clone();
        forged.edit::<PlaybackSession<'_>>(&decoder, |row| {
            (row.session_id, row.profile_id) = ("nobody", None);
            place = format!("the store's playback_sessions nobody opened {}", serving::rfc3339(row.opened_at));
        });
        parts.store_topic("playback_sessions")[0].push(forged);
    });
    audited.finds("sessions", &[("never_sent", &place, "playback_sessions has no such row")]);
}

#[test]
fn two_records_of_one_version_that_differ() {
    let (mut place, mut second, mut detail) = (String::new(), String::new(), String::new());
    let audited = Audited::with(|parts| {
        let (index, name, version) = last_session(parts);
        let decoder = parts.decoder::<PlaybackSession<'_>>();
        let mut other = parts.log["playback_sessions"][0][index].clone();
        other.edit::<PlaybackSession<'_>>(&decoder, |row| row.media_ms += 1);
        let end = parts.log["playback_sessions"][0].len();
        place = format!("playback_sessions {name}");
        second = format!("playback_sessions-0 offset {end}");
        detail = format!("playback_sessions-0 offset {index} and playback_sessions-0 offset {end} both say version {version}, and differ");
        parts.topic("playback_sessions")[0].push(other.clone());
        parts.store_topic("playback_sessions")[0].push(other);
    });
    // And there is one more than there is quality of service.
    let doubled = ("doubled", second.as_str(), "stands there 2 times, in qos_session_summary 1");
    audited.finds("sessions", &[("different", &place, &detail), doubled]);
}
