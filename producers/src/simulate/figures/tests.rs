use super::super::audience::Opening;
use super::super::catalogue::Catalogue;
use super::super::delivery::{Content, Delivery};
use super::super::events;
use super::super::random::{Purpose, Random};
use super::super::session::Run;
use super::super::settings::{Rate, Settings};
use super::super::viewing::Viewing;
use super::*;

/// A timeline made by hand: turn, state, length in ms, rate in thousandths, bitrate in kbit/s.
type Timeline<'t> = &'t [(Turn, State, i64, i64, u32)];

/// A session with this timeline, whose events all come but those with the indices in `lost`.
fn session(timeline: Timeline<'_>, ending: Ending, lost: &[usize]) -> Session {
    let rate = Rate::NONE;
    let start_ms = 1_714_852_800_000;
    let settings = Settings { seed: 1, start_ms, sessions: 1, duplicates: rate, disorder: rate, late: rate, lost: rate, poison: rate };
    let run = Run::of(settings);
    let mut session = Session::of(&run, Opening::first(run.settings.seed, 0, &Catalogue::new()));
    let mut stretches: Vec<Stretch> = Vec::new();
    for &(turn, state, duration_ms, rate_thousandths, kbps) in timeline {
        let start_ms = stretches.last().map_or(0, |before| before.end_ms);
        let position_ms = stretches.last().map_or(0, |before| before.position_at(before.end_ms));
        let bitrate_bps = kbps * 1_000;
        stretches.push(Stretch {
            turn,
            state,
            start_ms,
            end_ms: start_ms + duration_ms,
            position_ms,
            rate_thousandths,
            bitrate_bps,
            cdn: 0,
        });
    }
    session.viewing = Viewing { stretches, ending, measured_startup_ms: None };
    session.events = events::events(&session.viewing, false, &mut Random::of(Purpose::Events, &[1]));
    session.deliveries.delivered = (0..session.events.len()).map(|index| !lost.contains(&index)).collect();
    let records = session.events.iter().enumerate().filter(|(index, _)| !lost.contains(index));
    session.deliveries.records = records
        .map(|(index, event)| Delivery { received_ms: event.at_ms(), event: index as u32, content: Content::Event, network_ms: 0 })
        .collect();
    session
}

fn truth(timeline: Timeline<'_>, ending: Ending, lost: &[usize]) -> SessionTruth {
    session_truth(&session(timeline, ending, lost)).expect("some events come")
}

const STALLED: Timeline<'_> = &[
    (Turn::Asked, State::Starting, 2_000, 1_000, 1_000),
    (Turn::FirstFrame, State::Playing, 10_000, 1_000, 1_000),
    (Turn::StallBegun, State::Rebuffering, 3_000, 1_000, 1_000),
    (Turn::StallOver, State::Playing, 45_000, 1_000, 1_000),
];

#[test]
fn one_stall() {
    let truth = truth(STALLED, Ending::Left, &[]);
    assert_eq!([truth.startup_ms, truth.playing_ms, truth.rebuffering_ms, truth.rebuffer_count], [2_000, 55_000, 3_000, 1].map(Some));
    assert_eq!((truth.ended_by.as_str(), truth.outcome.as_deref()), ("end", Some("played")));
    assert_eq!((truth.event_count, truth.last_position_ms, truth.ended_at - truth.started_at), (9, Some(55_000), 60_000_000));
    assert_eq!((truth.ended_in_rebuffer, truth.lost_events, truth.unprovable), (Some(false), 0, vec![]));
}

#[test]
fn left_in_a_stall_that_nobody_saw_the_end_of() {
    // Its end and all that follows are lost.
    let truth = truth(STALLED, Ending::Left, &[3, 4, 5, 6, 7, 8]);
    assert_eq!([truth.playing_ms, truth.rebuffering_ms, truth.rebuffer_count], [10_000, 0, 1].map(Some));
    assert_eq!((truth.ended_by.as_str(), truth.ended_in_rebuffer, truth.lost_events), ("timeout", Some(true), 0));
    assert_eq!(truth.unprovable, Vec::<String>::new());
}

#[test]
fn a_lost_heartbeat_changes_nothing_and_a_lost_stall_hides_what_hangs_on_it() {
    let heartbeat_lost = truth(STALLED, Ending::Left, &[5]);
    assert_eq!((heartbeat_lost.lost_events, heartbeat_lost.playing_ms, heartbeat_lost.unprovable.len()), (1, Some(55_000), 0));
    let stall_lost = truth(STALLED, Ending::Left, &[3]);
    assert_eq!((stall_lost.lost_events, stall_lost.rebuffering_ms, stall_lost.rebuffer_count), (1, None, None));
    assert!(stall_lost.unprovable.iter().any(|figure| figure == "rebuffering_ms"));
    assert_eq!((stall_lost.startup_ms, stall_lost.pause_count, stall_lost.last_position_ms), (Some(2_000), Some(0), Some(55_000)));
}

#[test]
fn an_ad_before_the_first_frame_is_no_waiting() {
    let timeline: Timeline<'_> = &[
        (Turn::Asked, State::Starting, 2_000, 1_000, 1_000),
        (Turn::AdBegun, State::Ad, 3_000, 1_000, 1_000),
        (Turn::StallBegun, State::AdStall, 2_000, 1_000, 1_000),
        (Turn::StallOver, State::Ad, 10_000, 1_000, 1_000),
        (Turn::BreakOver, State::Starting, 1_000, 1_000, 1_000),
        (Turn::FirstFrame, State::Playing, 10_000, 1_000, 1_000),
    ];
    let truth = truth(timeline, Ending::Left, &[]);
    assert_eq!(
        [truth.startup_ms, truth.starting_ms, truth.ad_ms, truth.ad_rebuffering_ms, truth.ad_count],
        [3_000, 3_000, 13_000, 2_000, 1].map(Some)
    );
    assert_eq!(truth.rebuffer_count, Some(0));
}

#[test]
fn media_and_bitrates_are_weighted_by_rate() {
    let timeline: Timeline<'_> = &[
        (Turn::Asked, State::Starting, 1_000, 1_000, 1_000),
        (Turn::FirstFrame, State::Playing, 20_000, 1_000, 1_000),
        (Turn::RateChosen, State::Playing, 10_000, 2_000, 1_000),
        (Turn::BitrateSwitched, State::Playing, 10_000, 2_000, 4_000),
        (Turn::StallBegun, State::MicroStall, 200, 2_000, 4_000),
        (Turn::StallOver, State::Playing, 9_800, 2_000, 4_000),
    ];
    let truth = truth(timeline, Ending::Left, &[]);
    assert_eq!([truth.playing_ms, truth.media_ms, truth.micro_stall_count, truth.rebuffer_count], [50_000, 80_000, 1, 0].map(Some));
    // 40 s of media at 1 Mbit/s and 40 s at 4.
    assert_eq!([truth.avg_bitrate_bps, truth.min_bitrate_bps, truth.max_bitrate_bps], [2_500_000, 1_000_000, 4_000_000].map(Some));
    assert_eq!([truth.bitrate_up_count, truth.bitrate_down_count, truth.startup_bitrate_bps], [1, 0, 1_000_000].map(Some));
}

#[test]
fn what_never_started_has_no_startup() {
    let waited: Timeline<'_> = &[(Turn::Asked, State::Starting, 8_000, 1_000, 1_000)];
    let left = truth(waited, Ending::Left, &[]);
    assert_eq!((left.startup_ms, left.starting_ms, left.outcome.as_deref()), (None, Some(8_000), Some("exit_before_start")));
    assert_eq!((left.last_position_ms, left.cdn, left.avg_bitrate_bps), (None, None, None));
    let failed = truth(waited, Ending::Failed, &[]);
    assert_eq!((failed.ended_by.as_str(), failed.outcome.as_deref(), failed.error_count), ("error", Some("start_failure"), Some(1)));
    assert_eq!(session_truth(&session(waited, Ending::Left, &[0, 1])), None);
}

#[test]
fn the_later_viewing_is_resumed() {
    let resumed = |lost: &[usize]| resume_truth(&session(STALLED, Ending::Left, lost)).expect("it has a position");
    let (whole, cut) = (resumed(&[]), resumed(&[8]));
    assert_eq!((whole.position_ms, whole.sequence, cut.position_ms, cut.sequence), (55_000, 8, 50_000, 7));
    assert!(whole.is_after(&cut) && !cut.is_after(&whole) && !whole.is_after(&whole));
}
