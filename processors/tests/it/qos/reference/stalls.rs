//! Section 3: stalls, by where they begin.

use std::collections::BTreeSet;

use processors::qos::{Event, Label, Summary};
use schemas::EventType as E;

use super::history::{Ad, Background, Close, End, History, Pause, SECOND, Seek, Stall};

pub(super) struct Part {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) kind: Option<Label>,
    pub(super) by_client: bool,
    pub(super) shown: bool,
}

/// Section 3.
pub(super) fn stall_parts(history: &History<'_>, summary: &mut Summary) -> Vec<Part> {
    let mut parts = Vec::new();
    let stalls = &history.spans[&Stall];
    for (index, stall) in stalls.iter().enumerate() {
        let cuts: BTreeSet<i64> =
            history.seek_starts.iter().copied().chain(history.started).filter(|&cut| stall.from < cut && cut < stall.to).collect();
        let froms: Vec<i64> = [stall.from].into_iter().chain(cuts.iter().copied()).collect();
        for (part, &from) in froms.iter().enumerate() {
            let is_last = part + 1 == froms.len();
            let to = froms.get(part + 1).copied().unwrap_or(stall.to);
            let kind = part_kind(history, from);
            let own = own_time(history, from, to);
            let left = stall.close == Close::LastEvent && !history.holds(Pause, stall.from) && !history.holds(Background, stall.from);
            let shown = own >= 250_000 || (left && is_last);
            if kind == Some(Label::Rebuffering) {
                summary.rebuffer_count += u32::from(shown);
                summary.micro_stall_count += u32::from(!shown && own > 0);
                let by_open_end = history.open.get(&End).is_some_and(|&end| stall.close == Close::End(end));
                let lasts = stall.close == Close::LastEvent || by_open_end;
                summary.ended_in_rebuffer = index + 1 == stalls.len() && is_last && shown && lasts;
            }
            parts.push(Part { from, to, kind, by_client: stall.by_client, shown: shown && kind.is_some() });
        }
    }
    parts
}

pub(super) fn part_kind(history: &History<'_>, here: i64) -> Option<Label> {
    if history.holds(Ad, here) {
        return Some(Label::AdRebuffering);
    }
    if history.started.is_none_or(|started| here < started) {
        return None;
    }
    let by_seek = history.seek_starts.contains(&here)
        || history.spans[&Seek]
            .iter()
            .rfind(|seek| seek.from < here)
            .is_some_and(|seek| here < seek.to || (here <= seek.to + 5 * SECOND && !played_between(history.events, seek.to, here)));
    Some(if by_seek { Label::SeekBuffering } else { Label::Rebuffering })
}

pub(super) fn played_between(events: &[Event], from: i64, to: i64) -> bool {
    let known: Vec<(E, u32)> = events
        .iter()
        .filter(|event| (from..=to).contains(&event.effective_time_us()))
        .filter_map(|event| Some((event.kind(), event.position_ms()?)))
        .collect();
    let Some(&(_, first)) = known.first() else { return false };
    known.iter().any(|&(kind, position)| kind == E::Heartbeat && position >= first + 1_000)
}

pub(super) fn own_time(history: &History<'_>, from: i64, to: i64) -> i64 {
    let last = history.time(history.events.len() - 1);
    boundaries(history, &[], from, to.min(last))
        .windows(2)
        .filter(|pair| ![Pause, Background, End].iter().any(|&thing| history.holds(thing, pair[0])))
        .map(|pair| pair[1] - pair[0])
        .sum()
}

/// Every instant from `from` to `to` at which anything changes.
pub(super) fn boundaries(history: &History<'_>, parts: &[Part], from: i64, to: i64) -> Vec<i64> {
    let mut instants: BTreeSet<i64> = history.events.iter().map(Event::effective_time_us).collect();
    for span in history.spans.values().flatten() {
        instants.extend([span.from, span.to]);
    }
    for part in parts {
        instants.extend([part.from, part.to]);
    }
    instants.extend([from, to]);
    instants.into_iter().filter(|instant| (from..=to).contains(instant)).collect()
}
