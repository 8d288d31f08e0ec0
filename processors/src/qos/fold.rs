//! The fold itself.

use super::{
    Closing, Event, Summary, Workspace, labels,
    opened::{self, Opened},
    outcome::outcome,
    proof::{self, Anchors, SILENCE_US, WatchTime},
    sequence, stall_parts, startup,
    tally::{self, Firsts},
    timeline::{InForce, Timeline},
    totals::{self, Totals},
};

/// Folds a session's distinct events, sorted by [`sort`](super::sort), into its summary. `closing` says what closes a session that no
/// end event has closed. Pure: the same events give the same summary, whatever the workspace was used for before.
///
/// # Panics
/// Without any event; in debug builds also if the events are not sorted.
#[must_use]
pub fn fold(events: &[Event], closing: Closing, workspace: &mut Workspace) -> Summary {
    let first = events.first().expect("a session has at least one event");
    let last = events.last().expect("a session has at least one event");
    debug_assert!(
        events.is_sorted_by(|earlier, later| super::order::compare(earlier, later).is_le()),
        "events are not in the fold's order"
    );
    let origin_us = first.effective_time_us();

    let firsts = Firsts::of(events);
    let opened = opened::pass(events, origin_us, firsts, &mut workspace.intervals);
    let Workspace { intervals, hidden, stalls, runs, sequences, .. } = workspace;
    let stall_counts = stall_parts::judge(events, origin_us, &opened, intervals, hidden, stalls);
    labels::list(last.at_us(origin_us), &opened, intervals, stalls, runs);
    let startup = startup::startup(events, origin_us, firsts, &intervals.ads);
    let tally = tally::tally(events, origin_us, firsts, opened.started_at_us);
    let lost_events = sequence::lost_events(events, sequences);
    let totals = settle(events, origin_us, workspace);

    let Opened { started_at_us, seek_count, pause_count, ad_count, .. } = opened;
    let ended_by = opened.ended_by.unwrap_or_else(|| closing.into());
    Summary {
        event_count: u32::try_from(events.len()).unwrap_or(u32::MAX),
        started_at_us: first.effective_time_us(),
        ended_at_us: last.effective_time_us(),
        ended_by,
        outcome: outcome(started_at_us.is_some(), ended_by),
        startup_us: startup.startup_us,
        durations: totals.durations,
        media_us: totals.media_us,
        rebuffer_count: stall_counts.rebuffer_count,
        micro_stall_count: stall_counts.micro_stall_count,
        seek_count,
        pause_count,
        ad_count,
        error_count: tally.error_count,
        first_error_code: tally.first_error_code,
        bitrate_up_count: tally.bitrate_up_count,
        bitrate_down_count: tally.bitrate_down_count,
        avg_bitrate_bps: totals.avg_bitrate_bps.map(i64::from),
        min_bitrate_bps: totals.min_bitrate_bps.map(i64::from),
        max_bitrate_bps: totals.max_bitrate_bps.map(i64::from),
        startup_bitrate_bps: tally.startup_bitrate_bps.map(i64::from),
        cdn: totals.cdn.or(tally.first_cdn),
        ended_in_rebuffer: stall_counts.ended_in_rebuffer,
        lost_events,
        anomalies: opened.anomalies + tally.disagreements + u32::from(startup.contradicts),
    }
}

/// Lays the runs of labels out along the events, lets positions, watch time and silence settle what was playing, and adds up.
fn settle(events: &[Event], origin_us: i64, workspace: &mut Workspace) -> Totals {
    let Workspace { runs, segments, watch_times, unproven, cdn_times, .. } = workspace;
    watch_times.clear();
    let mut timeline = Timeline::new(runs, segments);
    let mut anchors = Anchors::default();
    let mut in_force = InForce::before_first();
    let mut any_silence = false;
    let mut previous_us = 0;
    for event in events {
        let at_us = event.at_us(origin_us);
        let in_silence = at_us - previous_us > SILENCE_US;
        timeline.advance(at_us, in_force, in_silence);
        anchors.event(event, timeline.segments());
        watch_times.extend(WatchTime::of(event, timeline.segments().len()));
        in_force.apply(event);
        any_silence |= in_silence;
        previous_us = at_us;
    }
    // What is proven matters only where silence would deny it.
    if any_silence {
        proof::credit_watch_time(watch_times, segments, unproven);
        proof::deny_playing_in_silence(segments);
    }
    totals::sum(segments, cdn_times)
}
