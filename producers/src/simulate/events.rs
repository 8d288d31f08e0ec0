//! What the player says of a timeline: its events, in order.

use schemas::EventType;

use super::random::Random;
use super::viewing::{Ending, HEARTBEAT_MS, State, Turn, Viewing};

/// One event of a session. What it says beyond this stands in the stretch that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientEvent {
    pub(crate) kind: EventType,
    /// Since the session began, by a right clock, ms. Times are kept small: there are many events.
    at_ms: u32,
    position_ms: Option<u32>,
    duration_ms: Option<u32>,
    /// The stretch that it opens or, for a heartbeat and an end, that it lies in.
    pub(crate) stretch: u32,
}

impl ClientEvent {
    fn new(kind: EventType, at_ms: i64, position_ms: Option<i64>, duration_ms: Option<i64>, stretch: u32) -> Self {
        let small = |time_ms: i64| u32::try_from(time_ms).expect("a session's times and positions are of hours");
        Self { kind, at_ms: small(at_ms), position_ms: position_ms.map(small), duration_ms: duration_ms.map(small), stretch }
    }

    /// Since the session began, by a right clock, ms.
    pub(crate) fn at_ms(&self) -> i64 {
        i64::from(self.at_ms)
    }

    /// Media position, ms.
    pub(crate) fn position_ms(&self) -> Option<i64> {
        self.position_ms.map(i64::from)
    }

    /// What the player itself measured, ms.
    pub(crate) fn duration_ms(&self) -> Option<i64> {
        self.duration_ms.map(i64::from)
    }
}

/// The events of a session. Their index is the client's counter.
pub(crate) fn events(viewing: &Viewing, measures: bool, random: &mut Random) -> Vec<ClientEvent> {
    let mut events = Vec::with_capacity(viewing.stretches.len() + viewing.end_ms() as usize / HEARTBEAT_MS as usize + 1);
    let mut stall_start_ms = 0;
    let mut seek_start_ms = 0;
    let last = viewing.stretches.len() - 1;
    for (index, stretch) in viewing.stretches.iter().enumerate() {
        let number = u32::try_from(index).expect("a session has few stretches");
        match stretch.turn {
            Turn::StallBegun => stall_start_ms = stretch.start_ms,
            Turn::SeekBegun => seek_start_ms = stretch.start_ms,
            _ => {}
        }
        let kind = kind(stretch.turn);
        let duration_ms = match kind {
            EventType::Startup => viewing.measured_startup_ms,
            EventType::BufferingEnd if measures => Some(stretch.start_ms - stall_start_ms),
            EventType::SeekEnd if measures => Some(stretch.start_ms - seek_start_ms),
            _ => None,
        };
        // Players report the place before or the place after with the beginning of a seek, or none; before the first frame none.
        let position_ms = match kind {
            EventType::SessionStart => None,
            EventType::SeekStart => random.percent(50).then(|| random.between(0..=stretch.position_ms)),
            _ if stretch.state == State::Starting => None,
            _ => Some(stretch.position_ms),
        };
        events.push(ClientEvent::new(kind, stretch.start_ms, position_ms, duration_ms, number));
        if stretch.moves() {
            let is_last_report = viewing.ending == Ending::Vanished && index == last;
            let beats = (stretch.end_ms - stretch.start_ms - i64::from(!is_last_report)).div_euclid(HEARTBEAT_MS);
            events.extend((1..=beats).map(|beat| {
                let at_ms = stretch.start_ms + beat * HEARTBEAT_MS;
                ClientEvent::new(EventType::Heartbeat, at_ms, Some(stretch.position_at(at_ms)), None, number)
            }));
        }
    }
    events.extend(end(viewing, u32::try_from(last).expect("a session has few stretches"), random));
    events
}

fn kind(turn: Turn) -> EventType {
    match turn {
        Turn::Asked => EventType::SessionStart,
        Turn::FirstFrame => EventType::Startup,
        Turn::Paused => EventType::Pause,
        Turn::Resumed => EventType::Play,
        Turn::SeekBegun | Turn::Scrubbed => EventType::SeekStart,
        Turn::SeekOver => EventType::SeekEnd,
        Turn::StallBegun => EventType::BufferingStart,
        Turn::StallOver => EventType::BufferingEnd,
        Turn::AdBegun => EventType::AdStart,
        Turn::BreakOver => EventType::AdEnd,
        Turn::WentAway => EventType::Background,
        Turn::CameBack => EventType::Foreground,
        Turn::BitrateSwitched => EventType::BitrateChange,
        Turn::RateChosen => EventType::RateChange,
        Turn::Erred => EventType::Error,
    }
}

/// The event with which a session ends. That of a finished title may leave the position out; before the first frame there is none.
fn end(viewing: &Viewing, stretch: u32, random: &mut Random) -> Option<ClientEvent> {
    let kind = match viewing.ending {
        Ending::Vanished => return None,
        Ending::Failed => EventType::Error,
        Ending::Left | Ending::Finished => EventType::End,
    };
    let has_started = viewing.stretches.iter().any(|stretch| stretch.turn == Turn::FirstFrame);
    let says_position = has_started && !(viewing.ending == Ending::Finished && random.percent(30));
    let position_ms = says_position.then(|| viewing.end_position_ms());
    Some(ClientEvent::new(kind, viewing.end_ms(), position_ms, None, stretch))
}

#[cfg(test)]
mod tests {
    use super::super::random::Purpose;
    use super::super::viewing::Stretch;
    use super::*;

    fn stretch(turn: Turn, state: State, start_ms: i64, end_ms: i64) -> Stretch {
        Stretch { turn, state, start_ms, end_ms, position_ms: 0, rate_thousandths: 1_000, bitrate_bps: 1_000_000, cdn: 0 }
    }

    fn said(ending: Ending, last_end_ms: i64) -> Vec<(EventType, i64, Option<i64>)> {
        let stretches = vec![
            stretch(Turn::Asked, State::Starting, 0, 2_000),
            stretch(Turn::FirstFrame, State::Playing, 2_000, 12_000),
            Stretch { position_ms: 10_000, ..stretch(Turn::Paused, State::Paused, 12_000, 20_000) },
            Stretch { position_ms: 10_000, ..stretch(Turn::Resumed, State::Playing, 20_000, last_end_ms) },
        ];
        let viewing = Viewing { stretches, ending, measured_startup_ms: None };
        let events = events(&viewing, false, &mut Random::of(Purpose::Events, &[1]));
        events.iter().map(|event| (event.kind, event.at_ms(), event.position_ms())).collect()
    }

    #[test]
    fn a_player_reports_each_turn_and_each_ten_seconds_of_playing() {
        let said = said(Ending::Left, 41_000);
        assert_eq!(
            said,
            [
                (EventType::SessionStart, 0, None),
                (EventType::Startup, 2_000, Some(0)),
                // No heartbeat at the instant of the pause.
                (EventType::Pause, 12_000, Some(10_000)),
                (EventType::Play, 20_000, Some(10_000)),
                (EventType::Heartbeat, 30_000, Some(20_000)),
                (EventType::Heartbeat, 40_000, Some(30_000)),
                (EventType::End, 41_000, Some(31_000)),
            ]
        );
    }

    #[test]
    fn one_that_vanishes_is_last_heard_of_by_a_heartbeat() {
        assert_eq!(said(Ending::Vanished, 40_000).last(), Some(&(EventType::Heartbeat, 40_000, Some(30_000))));
    }
}
