//! Sections 4 and 5: pieces of time, their labels, and what positions, watch time and silence make of them.

use processors::qos::{Event, Label};
use schemas::EventType as E;

use super::history::{Ad, Background, End, History, NotStarted, Pause, SECOND, Seek};
use super::stalls::{Part, boundaries};

#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) label: Label,
    pub(super) below: Label,
    pub(super) by_client: bool,
    pub(super) proven: bool,
    pub(super) rate: i128,
    pub(super) bitrate: Option<u32>,
    pub(super) cdn: Option<u16>,
}

impl Piece {
    pub(super) fn media(&self) -> i128 {
        i128::from(self.to - self.from) * self.rate
    }
}

/// Section 4.
pub(super) fn pieces(history: &History<'_>, parts: &[Part]) -> Vec<Piece> {
    let events = history.events;
    let (first, last) = (history.time(0), history.time(events.len() - 1));
    let label = |at: i64, with_background: bool| {
        let stall = parts.iter().find(|part| part.shown && part.from <= at && at < part.to);
        let label = match stall {
            _ if history.holds(End, at) => Label::Ended,
            _ if with_background && history.holds(Background, at) => Label::Background,
            _ if history.holds(Pause, at) => Label::Paused,
            Some(part) => part.kind.expect("shown"),
            None if history.holds(Ad, at) => Label::Ad,
            None if history.holds(NotStarted, at) => Label::Starting,
            None if history.holds(Seek, at) => Label::Seeking,
            None => Label::Playing,
        };
        (label, stall.is_some_and(|part| part.by_client))
    };
    let piece = |pair: &[i64]| {
        let before = || events.iter().filter(|event| event.effective_time_us() <= pair[0]).rev();
        let (label_here, by_client) = label(pair[0], true);
        Piece {
            from: pair[0],
            to: pair[1],
            label: label_here,
            below: label(pair[0], false).0,
            by_client,
            proven: false,
            rate: before().find_map(Event::rate_thousandths).unwrap_or(1_000).into(),
            bitrate: before().find_map(Event::bitrate_bps),
            cdn: before().find_map(Event::cdn),
        }
    };
    boundaries(history, parts, first, last).windows(2).map(piece).collect()
}

/// Relabels the pieces that `is_meant`, in the order given, as far as `left` reaches; a piece that it reaches in part is split.
/// `cost` is what a microsecond takes from `left`. Where it ends: the front of a piece is kept if `from_front`, else its back.
pub(super) fn spend(
    pieces: &mut Vec<Piece>,
    mut left: i128,
    from_front: bool,
    is_meant: impl Fn(&Piece) -> bool,
    cost: impl Fn(&Piece) -> i128,
    change: impl Fn(&mut Piece),
) {
    let mut done = Vec::new();
    if !from_front {
        pieces.reverse();
    }
    for mut piece in std::mem::take(pieces) {
        if left == 0 || !is_meant(&piece) {
            done.push(piece);
            continue;
        }
        let length = piece.to - piece.from;
        let whole = i128::from(length) * cost(&piece);
        if whole <= left {
            left -= whole;
            change(&mut piece);
            done.push(piece);
            continue;
        }
        let reach = (left / cost(&piece)) as i64;
        left = 0;
        let cut = if from_front { piece.from + reach } else { piece.to - reach };
        let (mut reached, mut rest) = (piece, piece);
        if from_front {
            (reached.to, rest.from) = (cut, cut);
        } else {
            (reached.from, rest.to) = (cut, cut);
        }
        change(&mut reached);
        done.extend([reached, rest]);
    }
    if !from_front {
        done.reverse();
    }
    *pieces = done;
}

/// Section 5.
pub(super) fn settle(events: &[Event], pieces: &mut Vec<Piece>) {
    let anchors: Vec<usize> = (0..events.len()).filter(|&index| events[index].position_ms().is_some()).collect();
    for pair in anchors.windows(2) {
        let (one, other) = (&events[pair[0]], &events[pair[1]]);
        let seek = events[pair[0] + 1..=pair[1]].iter().any(|event| matches!(event.kind(), E::SeekStart | E::SeekEnd));
        if seek || other.position_ms() < one.position_ms() {
            continue;
        }
        let (from, to) = (one.effective_time_us(), other.effective_time_us());
        let between = move |piece: &Piece| from <= piece.from && piece.to <= to;
        let moved = i128::from(other.position_ms().unwrap_or(0) - one.position_ms().unwrap_or(0)) * 1_000_000;
        let media: i128 = pieces.iter().filter(|piece| between(piece) && piece.label == Label::Playing).map(Piece::media).sum();
        if media - moved > 2_000_000_000 && media - moved > media / 10 {
            let playing = move |piece: &Piece| between(piece) && piece.label == Label::Playing;
            spend(pieces, moved, true, playing, |piece| piece.rate, |piece| piece.proven = true);
            for piece in pieces.iter_mut().filter(|piece| playing(piece) && !piece.proven) {
                piece.label = Label::Unknown;
            }
        } else if moved - media >= 1_000_000_000 {
            let hidden = move |piece: &Piece| between(piece) && piece.label == Label::Background && piece.below == Label::Playing;
            spend(pieces, moved - media, true, hidden, |piece| piece.rate, |piece| piece.label = Label::Playing);
        }
        for piece in pieces.iter_mut().filter(|piece| between(piece) && piece.label == Label::Playing) {
            piece.proven = true;
        }
    }
    for end in events.iter().filter(|event| event.kind() == E::End) {
        let Some(duration_ms) = end.duration_ms() else { continue };
        let at = end.effective_time_us();
        let unproven = move |piece: &Piece| piece.to <= at && piece.label == Label::Playing && !piece.proven;
        spend(pieces, i128::from(duration_ms) * 1_000, false, unproven, |_| 1, |piece| piece.proven = true);
    }
    for pair in events.windows(2) {
        let (from, to) = (pair[0].effective_time_us(), pair[1].effective_time_us());
        if to - from <= 300 * SECOND {
            continue;
        }
        for piece in pieces.iter_mut().filter(|piece| from <= piece.from && piece.to <= to) {
            let is_lost = match piece.label {
                Label::Starting | Label::Seeking | Label::Ad => true,
                Label::Playing => !piece.proven,
                Label::Rebuffering | Label::SeekBuffering | Label::AdRebuffering => !piece.by_client,
                _ => false,
            };
            if is_lost {
                piece.label = Label::Unknown;
            }
        }
    }
}
