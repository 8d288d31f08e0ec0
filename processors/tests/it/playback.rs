//! The playback processor, rule by rule.

use pipeline::Outcome;
use processors::playback::PlaybackConfig;
use schemas::{ActiveStream, EndedBy, EventType, PlaybackEvent, PlaybackSession, QosSessionSummary, StreamState, ViewingProgress, clean};

use crate::driver::{DAY, Driver, HOUR, MINUTE, SECOND, TOPIC, event};

const SESSIONS: &str = "playback_sessions";
const QOS: &str = "qos_session_summary";
const PROGRESS: &str = "viewing_progress";
const STREAMS: &str = "active_streams";

fn is_done(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done)
}

/// Start and first frame at second 0 and 1.
fn open(driver: &mut Driver) {
    driver.event(DAY, &event(0, EventType::SessionStart, 0));
    driver.event(DAY + SECOND, &event(1, EventType::Startup, SECOND));
}

fn at_position(mut event: PlaybackEvent<'static>, position_ms: i64) -> PlaybackEvent<'static> {
    event.position_ms = Some(position_ms);
    event
}

fn session_versions(driver: &mut Driver) -> Vec<(i64, bool, EndedBy, i64)> {
    driver
        .take_of(SESSIONS)
        .iter()
        .map(|written| {
            let session: PlaybackSession<'_> = written.decode();
            (session.event_count, session.is_final, session.ended_by, written.timestamp_ms - DAY)
        })
        .collect()
}

#[test]
fn a_distinct_event_is_passed_on_as_it_was_written_and_a_copy_of_it_is_dropped() {
    let mut driver = Driver::new();
    let start = event(0, EventType::SessionStart, 0);
    assert!(is_done(&driver.event(DAY, &start)));
    let written = driver.take_of("playback_events.clean");
    assert_eq!(written.len(), 1);
    assert_eq!((written[0].key.as_slice(), written[0].partition, written[0].timestamp_ms), (b"s".as_slice(), 2, DAY));
    let mut body = Vec::new();
    schemas::Record::encode(&start, &mut body);
    assert!(written[0].body().ends_with(&body), "the body is a copy of the input's");
    let clean: schemas::CleanPlaybackEvent<'_> = written[0].decode();
    assert_eq!(clean.event, start);
    assert_eq!(clean.prefix.content_hash, clean::content_hash(&body));
    assert_eq!((clean.prefix.source_topic_id, clean.prefix.source_partition, clean.prefix.source_offset), (TOPIC.0, 2, 0));
    assert_eq!((clean.prefix.effective_time, clean.prefix.late), (DAY * 1000, false));

    assert!(matches!(driver.event(DAY + HOUR / 4, &start), Outcome::Drop("duplicate")));
    assert!(driver.take_of("playback_events.clean").is_empty());
}

#[test]
fn a_copy_is_dropped_also_after_closing_and_when_its_received_time_differs() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.event(DAY + 10 * SECOND, &event(2, EventType::End, 10 * SECOND));
    driver.take();
    let mut copy = event(1, EventType::Startup, SECOND);
    copy.received_time += 70 * HOUR * 1000;
    assert!(matches!(driver.event(DAY + 70 * HOUR, &copy), Outcome::Drop("duplicate")));
    assert!(driver.take().is_empty());
}

#[test]
fn an_end_closes_at_once_and_says_everything_once() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.event(DAY + 10 * SECOND, &at_position(event(2, EventType::End, 10 * SECOND), 9_000));
    let written = driver.take();
    let of = |topic: &str| written.iter().filter(|written| written.topic == topic).count();
    assert_eq!((of(SESSIONS), of(QOS), of(PROGRESS), of(STREAMS)), (1, 1, 1, 2));
    let summary = written.iter().find(|written| written.topic == QOS).unwrap();
    let summary: QosSessionSummary<'_> = summary.decode();
    assert_eq!(summary.version, (2 * 3 + 1) * 256 + 1);
    assert_eq!((summary.ended_by, summary.playing_ms, summary.startup_ms), (EndedBy::End, 9_000, Some(1_000)));
    assert_eq!(summary.opened_at, DAY * 1000);
}

#[test]
fn silence_of_thirty_minutes_closes() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.take();
    driver.at(DAY + SECOND + 30 * MINUTE - 1);
    let before = session_versions(&mut driver);
    assert_eq!(before, [(2, false, EndedBy::Open, 5 * MINUTE)], "reported at its first mark, and then nothing new");
    driver.at(DAY + SECOND + 30 * MINUTE);
    assert_eq!(session_versions(&mut driver), [(2, true, EndedBy::Timeout, SECOND + 30 * MINUTE)]);
}

#[test]
fn a_timer_fires_at_its_due_time_however_late_the_next_record_comes() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.take();
    driver.at(DAY + 50 * HOUR);
    assert_eq!(session_versions(&mut driver), [(2, false, EndedBy::Open, 5 * MINUTE), (2, true, EndedBy::Timeout, SECOND + 30 * MINUTE)]);
}

#[test]
fn an_open_session_with_new_events_is_reported_after_5_10_20_and_40_minutes_then_each_hour() {
    let mut driver = Driver::new();
    open(&mut driver);
    for number in 2..(150 * 6) {
        let at_ms = i64::from(number) * 10 * SECOND;
        driver.event(DAY + at_ms, &event(number, EventType::Heartbeat, at_ms));
    }
    let minutes: Vec<i64> = session_versions(&mut driver).iter().map(|said| said.3 / MINUTE).collect();
    assert_eq!(minutes, [5, 10, 20, 40, 60, 120]);
}

#[test]
fn late_events_after_an_end_give_new_versions_at_most_every_ten_seconds() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.event(DAY + 60 * SECOND, &event(9, EventType::End, 60 * SECOND));
    driver.take();
    let late = |driver: &mut Driver, number, log_ms| {
        driver.event(DAY + log_ms, &event(number, EventType::Heartbeat, i64::from(number) * 5 * SECOND));
    };
    late(&mut driver, 2, 61 * SECOND);
    late(&mut driver, 3, 65 * SECOND);
    assert!(session_versions(&mut driver).is_empty(), "said 1 s and 5 s ago");
    late(&mut driver, 4, 70 * SECOND);
    assert_eq!(session_versions(&mut driver), [(5, true, EndedBy::End, 70 * SECOND)], "the timer comes before the record");
    late(&mut driver, 5, 200 * SECOND);
    let said = session_versions(&mut driver);
    assert_eq!(said, [(6, true, EndedBy::End, 80 * SECOND), (7, true, EndedBy::End, 200 * SECOND)], "the wait is over: said at once");
}

#[test]
fn an_event_that_leaves_no_end_open_opens_the_session_again() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.event(DAY + 10 * SECOND, &event(2, EventType::End, 10 * SECOND));
    driver.take();
    driver.event(DAY + 20 * SECOND, &event(3, EventType::Play, 20 * SECOND));
    assert!(session_versions(&mut driver).is_empty(), "open again: reported at its marks");
    driver.at(DAY + 5 * MINUTE);
    assert_eq!(session_versions(&mut driver), [(4, false, EndedBy::Open, 5 * MINUTE)]);
    driver.at(DAY + 20 * SECOND + 30 * MINUTE);
    assert_eq!(session_versions(&mut driver), [(4, true, EndedBy::Timeout, 20 * SECOND + 30 * MINUTE)]);
}

#[test]
fn an_end_that_comes_before_an_earlier_event_still_ends_and_one_before_a_later_play_does_not() {
    let mut driver = Driver::new();
    driver.event(DAY + 10 * SECOND, &event(2, EventType::End, 10 * SECOND));
    driver.event(DAY + 11 * SECOND, &event(1, EventType::Startup, SECOND));
    driver.take();
    driver.event(DAY + 30 * SECOND, &event(3, EventType::Play, 30 * SECOND));
    driver.event(DAY + 31 * SECOND, &event(4, EventType::End, 20 * SECOND));
    driver.at(DAY + 5 * MINUTE + 10 * SECOND);
    let said = session_versions(&mut driver);
    assert_eq!(said.last().unwrap().2, EndedBy::Open, "the play at 30 s comes after both ends: {said:?}");
}

#[test]
fn a_row_is_cut_after_a_day_and_later_events_open_another_row() {
    let mut driver = Driver::new();
    open(&mut driver);
    let mut number = 2;
    let mut minute = 0;
    while minute < 24 * 60 + 20 {
        minute += 20;
        let at_ms = minute * MINUTE;
        driver.event(DAY + at_ms, &event(number, EventType::Heartbeat, at_ms));
        number += 1;
    }
    let sessions = driver.take_of(SESSIONS);
    let decoded: Vec<PlaybackSession<'_>> = sessions.iter().map(|written| written.decode()).collect();
    let cut = decoded.iter().find(|session| session.is_final).unwrap();
    assert_eq!((cut.ended_by, cut.opened_at, cut.event_count), (EndedBy::Cut, DAY * 1000, 2 + 71));
    driver.at(DAY + 26 * HOUR);
    let sessions = driver.take_of(SESSIONS);
    let second: PlaybackSession<'_> = sessions.last().unwrap().decode();
    assert_eq!((second.opened_at, second.event_count), ((DAY + 24 * HOUR) * 1000, 2));

    // A late event of the first day belongs to the first row, which stays closed for good.
    driver.event(DAY + 26 * HOUR, &event(9_999, EventType::Heartbeat, 23 * HOUR + 55 * MINUTE));
    let sessions = driver.take_of(SESSIONS);
    let first: PlaybackSession<'_> = sessions.last().unwrap().decode();
    assert_eq!((first.opened_at, first.event_count, first.ended_by), (DAY * 1000, 2 + 71 + 1, EndedBy::Cut));
    // Dedup looks in both rows.
    assert!(matches!(driver.event(DAY + 26 * HOUR, &event(0, EventType::SessionStart, 0)), Outcome::Drop("duplicate")));
}

#[test]
fn a_closed_row_keeps_its_cause_when_its_day_is_over() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.at(DAY + 25 * HOUR);
    driver.take();
    driver.event(DAY + 25 * HOUR, &event(2, EventType::Heartbeat, 5 * SECOND));
    assert_eq!(session_versions(&mut driver), [(3, true, EndedBy::Timeout, 25 * HOUR)], "not opened again: its day is over");
}

#[test]
fn a_session_is_forgotten_at_the_end_of_the_hour_after_the_horizon() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.event(DAY + 90 * MINUTE, &event(2, EventType::End, 90 * MINUTE));
    driver.at(DAY + 2 * HOUR + 78 * HOUR - 1);
    assert_eq!(driver.state.rows(), 1);
    driver.at(DAY + 2 * HOUR + 78 * HOUR);
    assert_eq!(driver.state.rows(), 0);
    driver.take();
    // What comes now opens another row, filed under its own time.
    driver.event(DAY + 81 * HOUR, &event(3, EventType::Heartbeat, 91 * MINUTE));
    assert_eq!(driver.state.rows(), 1);
}

#[test]
fn eviction_first_says_what_is_pending() {
    let config = PlaybackConfig { state_horizon_ms: 0, ..PlaybackConfig::with_partitions(4) };
    let mut driver = Driver::with(config);
    driver.event(DAY + 59 * MINUTE, &event(0, EventType::SessionStart, 59 * MINUTE));
    driver.event(DAY + HOUR - 5 * SECOND, &event(1, EventType::End, HOUR - 5 * SECOND));
    driver.event(DAY + HOUR - 2 * SECOND, &event(2, EventType::Heartbeat, 59 * MINUTE + SECOND));
    driver.take();
    driver.at(DAY + 2 * HOUR);
    assert_eq!(session_versions(&mut driver), [(3, true, EndedBy::End, HOUR)]);
    assert_eq!(driver.state.rows(), 0);
}

#[test]
fn an_imported_session_is_forgotten_as_soon_as_it_is_closed() {
    let mut driver = Driver::new();
    driver.import(DAY, &event(0, EventType::SessionStart, -1000 * HOUR));
    driver.import(DAY, &event(1, EventType::Startup, -1000 * HOUR));
    assert_eq!(driver.state.rows(), 1);
    driver.import(DAY, &at_position(event(2, EventType::End, -999 * HOUR), 1_000));
    assert_eq!(driver.state.rows(), 0);
    assert_eq!(session_versions(&mut driver), [(3, true, EndedBy::End, 0)]);
}

#[test]
fn a_wrong_clock_moves_the_session_as_a_whole_and_latency_tears_none() {
    let cases = [
        // (clock_shift_ms, effective time of an event stamped DAY and received an hour later)
        (None, DAY),
        (Some(5 * MINUTE), DAY),
        (Some(5 * MINUTE + 1), DAY + 5 * MINUTE + 1),
        (Some(-5 * MINUTE - 1), DAY - 5 * MINUTE - 1),
    ];
    for (clock_shift_ms, effective_ms) in cases {
        let mut driver = Driver::new();
        for number in 0..2 {
            // The second event's own shift is not looked at: the one that opened the session fixes it.
            let shift = if number == 0 { clock_shift_ms } else { Some(9 * HOUR) };
            let event = PlaybackEvent {
                clock_shift_ms: shift,
                received_time: (DAY + HOUR) * 1000,
                ..event(number, EventType::Heartbeat, i64::from(number))
            };
            driver.event(DAY + HOUR, &event);
        }
        let times: Vec<i64> = driver
            .take_of("playback_events.clean")
            .iter()
            .map(|written| written.decode::<schemas::CleanPlaybackEvent<'_>>().prefix.effective_time)
            .collect();
        assert_eq!(times, [effective_ms * 1000, (effective_ms + 1) * 1000], "{clock_shift_ms:?}");
    }
}

#[test]
fn nothing_happened_later_than_five_minutes_after_it_was_received() {
    let mut driver = Driver::new();
    let ahead = PlaybackEvent { received_time: DAY * 1000, ..event(0, EventType::SessionStart, 24 * HOUR) };
    driver.event(DAY, &ahead);
    let written = driver.take_of("playback_events.clean");
    let clean: schemas::CleanPlaybackEvent<'_> = written[0].decode();
    assert_eq!(clean.prefix.effective_time, (DAY + 5 * MINUTE) * 1000);
    assert_eq!(clean.event.event_time, (DAY + 24 * HOUR) * 1000, "as it was sent");
}

#[test]
fn late_is_older_than_five_minutes_against_log_time() {
    let mut driver = Driver::new();
    driver.at(DAY + 5 * MINUTE);
    driver.event(DAY, &event(0, EventType::SessionStart, 0));
    driver.event(DAY + 5 * MINUTE + 1, &event(1, EventType::Startup, 0));
    let late: Vec<bool> = driver
        .take_of("playback_events.clean")
        .iter()
        .map(|written| written.decode::<schemas::CleanPlaybackEvent<'_>>().prefix.late)
        .collect();
    assert_eq!(late, [false, true]);
}

#[test]
fn progress_is_thinned_to_thirty_seconds_and_the_turns() {
    let mut driver = Driver::new();
    open(&mut driver);
    for number in 2..12 {
        let at_ms = i64::from(number) * 10 * SECOND;
        driver.event(DAY + at_ms, &at_position(event(number, EventType::Heartbeat, at_ms), at_ms));
    }
    driver.event(DAY + 115 * SECOND, &at_position(event(12, EventType::Pause, 115 * SECOND), 115_000));
    driver.event(DAY + 116 * SECOND, &at_position(event(13, EventType::SeekStart, 116 * SECOND), 500_000));
    driver.event(DAY + 118 * SECOND, &at_position(event(14, EventType::SeekEnd, 118 * SECOND), 300_000));
    // Late and older than what is known: changes nothing.
    driver.event(DAY + 119 * SECOND, &at_position(event(15, EventType::Pause, 50 * SECOND), 1));
    driver.event(DAY + 120 * SECOND, &event(16, EventType::End, 120 * SECOND));
    let progress = driver.take_of(PROGRESS);
    let said: Vec<(i64, i64, Option<i64>)> = progress
        .iter()
        .map(|written| {
            let progress: ViewingProgress<'_> = written.decode();
            assert_eq!((progress.profile_id, progress.title_id, progress.session_id), ("p", "t", "s"));
            (written.timestamp_ms - DAY, progress.position_ms, progress.sequence)
        })
        .collect();
    assert_eq!(
        said,
        [
            (20 * SECOND, 20_000, Some(2)),
            (50 * SECOND, 50_000, Some(5)),
            (80 * SECOND, 80_000, Some(8)),
            (110 * SECOND, 110_000, Some(11)),
            (115 * SECOND, 115_000, Some(12)),
            (118 * SECOND, 300_000, Some(14)),
            (120 * SECOND, 300_000, Some(14)),
        ],
        "the end repeats the last known position, now with its media"
    );
    let last: ViewingProgress<'_> = progress.last().unwrap().decode();
    assert!(last.media_ms.is_some());
    let first: ViewingProgress<'_> = progress[0].decode();
    assert_eq!(first.media_ms, None, "nothing was folded by then");
    assert_eq!(last.at, (DAY + 118 * SECOND) * 1000, "the effective end is that of the position");
}

#[test]
fn between_two_progress_records_lie_thirty_seconds() {
    let mut driver = Driver::new();
    driver.event(DAY, &at_position(event(0, EventType::Startup, 0), 0));
    driver.event(DAY + 29 * SECOND, &at_position(event(1, EventType::Heartbeat, 29 * SECOND), 29_000));
    assert_eq!(driver.take_of(PROGRESS).len(), 1, "29 s later: not yet");
    driver.event(DAY + 30 * SECOND, &at_position(event(2, EventType::Heartbeat, 30 * SECOND), 30_000));
    assert_eq!(driver.take_of(PROGRESS).len(), 1);
}

#[test]
fn where_a_seek_began_is_no_position() {
    let mut driver = Driver::new();
    driver.event(DAY, &at_position(event(0, EventType::Startup, 0), 0));
    driver.take();
    driver.event(DAY + MINUTE, &at_position(event(1, EventType::SeekStart, MINUTE), 500_000));
    driver.event(DAY + 2 * MINUTE, &event(2, EventType::Heartbeat, 2 * MINUTE));
    assert!(driver.take_of(PROGRESS).is_empty());
    driver.at(DAY + HOUR);
    let progress = driver.take_of(PROGRESS);
    assert_eq!(progress.last().unwrap().decode::<ViewingProgress<'_>>().position_ms, 0);
}

#[test]
fn without_a_profile_there_is_no_progress_and_without_an_account_no_stream() {
    let mut driver = Driver::new();
    let mut start = at_position(event(0, EventType::SessionStart, 0), 5);
    (start.profile_id, start.account_id) = (None, None);
    driver.event(DAY, &start);
    driver.at(DAY + HOUR);
    let written = driver.take();
    assert!(written.iter().all(|written| ![PROGRESS, STREAMS].contains(&written.topic.as_str())));
    assert_eq!(written.iter().filter(|written| written.topic == SESSIONS).count(), 2);
}

#[test]
fn a_stream_is_reported_at_its_start_each_minute_and_at_its_end() {
    let mut driver = Driver::new();
    open(&mut driver);
    for number in 2..14 {
        let at_ms = i64::from(number) * 10 * SECOND;
        let kind = if number == 8 {
            EventType::Pause
        } else if number > 8 {
            EventType::BitrateChange
        } else {
            EventType::Heartbeat
        };
        driver.event(DAY + at_ms, &event(number, kind, at_ms));
    }
    driver.event(DAY + 140 * SECOND, &event(14, EventType::End, 140 * SECOND));
    let streams: Vec<(i64, StreamState)> = driver
        .take_of(STREAMS)
        .iter()
        .map(|written| {
            assert_eq!(written.key, b"a\x1fs");
            let stream: ActiveStream<'_> = written.decode();
            (written.timestamp_ms - DAY, stream.state)
        })
        .collect();
    assert_eq!(
        streams,
        [
            (0, StreamState::Playing),
            (60 * SECOND, StreamState::Playing),
            (120 * SECOND, StreamState::Paused),
            (140 * SECOND, StreamState::Ended)
        ]
    );
}

#[test]
fn an_event_that_contradicts_the_first_is_an_anomaly_and_one_that_is_silent_is_not() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.event(DAY + 2 * SECOND, &PlaybackEvent { profile_id: None, account_id: None, ..event(2, EventType::Heartbeat, 2 * SECOND) });
    driver.event(DAY + 3 * SECOND, &PlaybackEvent { profile_id: Some("q"), ..event(3, EventType::Heartbeat, 3 * SECOND) });
    driver.event(DAY + 4 * SECOND, &PlaybackEvent { title_id: "u", ..event(4, EventType::Heartbeat, 4 * SECOND) });
    driver.event(DAY + 5 * SECOND, &PlaybackEvent { preview: Some(true), ..event(5, EventType::End, 5 * SECOND) });
    let written = driver.take_of(QOS);
    let summary: QosSessionSummary<'_> = written.last().unwrap().decode();
    assert_eq!((summary.anomalies, summary.profile_id, summary.title_id), (3, Some("p"), "t"));
}

#[test]
fn the_first_known_device_and_the_last_known_runtime_count_whatever_the_order_of_arrival() {
    let tv = PlaybackEvent { device_type: Some("tv"), country: Some("BR"), ..event(1, EventType::Startup, SECOND) };
    let phone = PlaybackEvent {
        device_type: Some("phone"),
        app_version: Some("2"),
        runtime_ms: Some(100),
        ..event(2, EventType::Heartbeat, 2 * SECOND)
    };
    let end = PlaybackEvent { runtime_ms: Some(200), position_ms: Some(199), ..event(3, EventType::End, 3 * SECOND) };
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut driver = Driver::new();
        let events = [&tv, &phone, &end];
        for index in order {
            driver.event(DAY + 10 * SECOND, events[index]);
        }
        driver.at(DAY + HOUR);
        let written = driver.take_of(SESSIONS);
        let session: PlaybackSession<'_> = written.last().unwrap().decode();
        assert_eq!((session.device_type, session.country, session.app_version), (Some("tv"), Some("BR"), Some("2")), "{order:?}");
        assert_eq!((session.runtime_ms, session.last_position_ms, session.completed), (Some(200), Some(199), true), "{order:?}");
    }
}

#[test]
fn at_its_limit_a_session_takes_no_more() {
    let config = PlaybackConfig { max_session_events: 3, ..PlaybackConfig::with_partitions(4) };
    let mut driver = Driver::with(config);
    open(&mut driver);
    assert!(is_done(&driver.event(DAY + 2 * SECOND, &event(2, EventType::Heartbeat, 2 * SECOND))));
    let outcome = driver.event(DAY + 3 * SECOND, &event(3, EventType::Heartbeat, 3 * SECOND));
    assert!(matches!(&outcome, Outcome::Reject(rejection) if rejection.reason == "session_too_long"), "{outcome:?}");
    assert!(matches!(driver.event(DAY + 3 * SECOND, &event(2, EventType::Heartbeat, 2 * SECOND)), Outcome::Drop("duplicate")));
    driver.take();
    driver.at(DAY + HOUR);
    assert_eq!(session_versions(&mut driver).last().unwrap().0, 3);
}

#[test]
fn a_shift_that_leads_before_2000_is_refused() {
    let mut driver = Driver::new();
    let shifted = PlaybackEvent { clock_shift_ms: Some(-30 * 366 * 24 * HOUR), ..event(0, EventType::SessionStart, 0) };
    let outcome = driver.event(DAY, &shifted);
    assert!(matches!(&outcome, Outcome::Reject(rejection) if rejection.reason == "time_before_2000"), "{outcome:?}");
    assert_eq!(driver.state.rows(), 0);
}

#[test]
fn a_session_that_ends_again_and_again_is_reported_at_most_every_ten_seconds() {
    let mut driver = Driver::new();
    open(&mut driver);
    for number in 2..402 {
        let at_ms = i64::from(number) * 100;
        let kind = if number % 2 == 0 { EventType::End } else { EventType::Play };
        driver.event(DAY + at_ms, &event(number, kind, at_ms));
    }
    driver.at(DAY + 5 * MINUTE);
    let said = session_versions(&mut driver);
    assert!(said.len() <= 7, "40 s of ends, each 200 ms: {said:?}");
    assert_eq!(said.last().unwrap().0, 402);
}

#[test]
fn a_pause_that_opens_a_session_again_says_where_it_stands() {
    let mut driver = Driver::new();
    open(&mut driver);
    driver.at(DAY + HOUR);
    driver.take();
    driver.event(DAY + HOUR, &at_position(event(2, EventType::Pause, HOUR), 41_000));
    let progress = driver.take_of(PROGRESS);
    assert_eq!(progress.len(), 1);
    assert_eq!(progress[0].decode::<ViewingProgress<'_>>().position_ms, 41_000);
}

#[test]
fn timers_that_are_due_together_fire_in_the_order_of_session_ids() {
    let mut driver = Driver::new();
    for name in ["m", "z", "a", "q"] {
        driver.event(DAY, &PlaybackEvent { session_id: name, ..event(0, EventType::SessionStart, 0) });
    }
    driver.take();
    driver.at(DAY + 5 * MINUTE);
    let keys: Vec<Vec<u8>> = driver.take_of(SESSIONS).into_iter().map(|written| written.key).collect();
    assert_eq!(keys, [b"a", b"m", b"q", b"z"]);
}
