//! A second fold, written for plainness alone: every question is answered by a scan over all events or all intervals, and time is
//! cut into pieces that are split and relabelled one by one. It takes a sorted slice of sane values.

mod history;
mod pieces;
mod stalls;

use std::collections::BTreeSet;

use processors::qos::{Closing, Durations, Event, Label, Summary};
use schemas::{EndedBy, EventType as E, Outcome};

use history::{Ad, End, History, Pause, SECOND, Seek};
use pieces::{Piece, pieces, settle};
use stalls::stall_parts;

fn startup_us(history: &History<'_>, summary: &mut Summary) -> Option<i64> {
    let events = history.events;
    let start = events.iter().position(|event| event.kind() == E::SessionStart)?;
    let startup = events.iter().position(|event| event.kind() == E::Startup)?;
    let barred = |event: &Event| matches!(event.kind(), E::SeekStart | E::Pause | E::Background | E::End) || event.is_fatal_error();
    if start > startup || events[..startup].iter().any(barred) {
        return None;
    }
    let (from, to) = (history.time(start), history.time(startup));
    let ads: i64 = history.spans[&Ad].iter().map(|ad| (ad.to.min(to) - ad.from.max(from)).max(0)).sum();
    let measured = events[startup].duration_ms().map(|ms| i64::from(ms) * 1_000);
    if let Some(measured) = measured {
        if measured <= to - from - ads {
            return Some(measured);
        }
        summary.anomalies += 1;
    }
    let silent = (start..startup).any(|index| history.time(index + 1) - history.time(index) > 300 * SECOND);
    (!silent).then_some(to - from - ads)
}

fn switches(history: &History<'_>, summary: &mut Summary) {
    let startup = history.events.iter().position(|event| event.kind() == E::Startup);
    let mut known: Option<u32> = None;
    for (index, event) in history.events.iter().enumerate() {
        let counts = startup.map_or(history.started.is_some_and(|started| event.effective_time_us() > started), |startup| index > startup);
        if let (Some(before), Some(now), true) = (known, event.bitrate_bps(), counts) {
            summary.bitrate_up_count += u32::from(now > before);
            summary.bitrate_down_count += u32::from(now < before);
        }
        known = event.bitrate_bps().or(known);
        if startup == Some(index) {
            summary.startup_bitrate_bps = known.map(i64::from);
        }
    }
}

fn sums(pieces: &[Piece], summary: &mut Summary) {
    let playing: Vec<&Piece> = pieces.iter().filter(|piece| piece.label == Label::Playing && piece.from < piece.to).collect();
    for piece in pieces {
        summary.durations[piece.label] += piece.to - piece.from;
    }
    summary.media_us = (playing.iter().map(|piece| piece.media()).sum::<i128>() / 1_000) as i64;
    let known = || playing.iter().filter_map(|piece| Some((piece.media(), i64::from(piece.bitrate?))));
    let media: i128 = known().map(|(media, _)| media).sum();
    if media > 0 {
        summary.avg_bitrate_bps = Some((known().map(|(media, bitrate)| media * i128::from(bitrate)).sum::<i128>() / media) as i64);
    }
    summary.min_bitrate_bps = known().map(|(_, bitrate)| bitrate).min();
    summary.max_bitrate_bps = known().map(|(_, bitrate)| bitrate).max();
    let time = |cdn: u16| playing.iter().filter(|piece| piece.cdn == Some(cdn)).map(|piece| piece.to - piece.from).sum::<i64>();
    // `max_by_key` gives the last of equals, so the first to play comes last.
    if let Some(cdn) = playing.iter().rev().filter_map(|piece| piece.cdn).max_by_key(|&cdn| time(cdn)) {
        summary.cdn = Some(cdn);
    }
}

/// The slow fold.
pub(super) fn fold(events: &[Event], closing: Closing) -> Summary {
    let history = History::of(events);
    let ended_by = match (history.open.contains_key(&End), closing) {
        (true, _) => [EndedBy::End, EndedBy::Error][usize::from(history.error)],
        (false, Closing::Timeout) => EndedBy::Timeout,
        (false, Closing::Cut) => EndedBy::Cut,
        (false, Closing::Open) => EndedBy::Open,
    };
    let outcome = match (history.started, ended_by) {
        (Some(_), EndedBy::Error) => Some(Outcome::PlayFailure),
        (Some(_), _) => Some(Outcome::Played),
        (None, EndedBy::Error) => Some(Outcome::StartFailure),
        (None, EndedBy::Open) => None,
        (None, _) => Some(Outcome::ExitBeforeStart),
    };
    let sequences: BTreeSet<i64> = events.iter().filter_map(Event::sequence).collect();
    let errors = || events.iter().filter(|event| event.kind() == E::Error);
    let mut summary = Summary {
        event_count: events.len() as u32,
        started_at_us: events[0].effective_time_us(),
        ended_at_us: events[events.len() - 1].effective_time_us(),
        ended_by,
        outcome,
        startup_us: None,
        durations: Durations::default(),
        media_us: 0,
        rebuffer_count: 0,
        micro_stall_count: 0,
        seek_count: history.count(Seek),
        pause_count: history.count(Pause),
        ad_count: history.count(Ad),
        error_count: errors().count() as u32,
        first_error_code: errors().find_map(Event::error_code),
        bitrate_up_count: 0,
        bitrate_down_count: 0,
        avg_bitrate_bps: None,
        min_bitrate_bps: None,
        max_bitrate_bps: None,
        startup_bitrate_bps: None,
        cdn: events.iter().find_map(Event::cdn),
        ended_in_rebuffer: false,
        lost_events: sequences.first().zip(sequences.last()).map_or(0, |(low, high)| high - low + 1 - sequences.len() as i64),
        anomalies: history.anomalies + events.iter().filter(|event| event.disagrees()).count() as u32,
    };
    summary.startup_us = startup_us(&history, &mut summary);
    switches(&history, &mut summary);
    let parts = stall_parts(&history, &mut summary);
    let mut pieces = pieces(&history, &parts);
    settle(events, &mut pieces);
    sums(&pieces, &mut summary);
    summary
}
