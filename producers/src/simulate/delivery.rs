//! The way of a session's events to the log: in order and at once, or held up, sent twice, late, or lost.

use schemas::EventType;

use super::audience::Opening;
use super::events::ClientEvent;
use super::poison::Poison;
use super::random::Random;
use super::settings::{LAST_COPY_MS, LATEST_MS, PUT_OFF_MS, SILENCE_OVER_MS, Settings};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// What a delivered record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The event, for the first time.
    Event,
    /// The very same record once more, as a producer writes it that did not hear that the first had arrived.
    Copy,
    /// The event received anew, as a client sends it that did not hear of the first.
    SentAgain,
    /// A record that must be refused.
    Poison(Poison),
}

/// One record on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// When it is received, ms since the start of the run.
    pub(crate) received_ms: i64,
    /// Index of the session's event that it carries, or is made from.
    pub(crate) event: u32,
    pub(crate) content: Content,
    /// How long the request was on its way, ms.
    pub(crate) network_ms: u16,
}

/// What became of a session's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Deliveries {
    /// In the order in which they come to the log.
    pub(crate) records: Vec<Delivery>,
    /// Which events are delivered at all, by index.
    pub(crate) delivered: Vec<bool>,
    pub(crate) disordered: u64,
    pub(crate) late: u64,
}

/// How an event fares.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    AtOnce,
    HeldUp,
    Late,
    Lost,
}

/// Sends a session's events on their way.
pub(crate) fn deliver(events: &[ClientEvent], opening: &Opening, settings: &Settings, random: &mut Random) -> Deliveries {
    let fates: Vec<Fate> = events.iter().map(|_| Fate::draw(settings, random)).collect();
    let mut received = received_at_once(events, opening, random);
    let on_time = |fate: &Fate| matches!(fate, Fate::AtOnce | Fate::HeldUp);
    let mut deliveries = Deliveries { delivered: fates.iter().map(|fate| *fate != Fate::Lost).collect(), ..Deliveries::default() };
    // Behind the next event that is on time: a held-up one is overtaken by it at least.
    for index in 0..events.len() {
        let next = (index + 1..events.len()).find(|next| fates[*next] == Fate::AtOnce);
        if fates[index] == Fate::HeldUp
            && let Some(next) = next
        {
            received[index].0 = received[next].0 + random.between(500..=5_000);
            deliveries.disordered += 1;
        }
    }
    let last_on_time_ms = (0..events.len()).filter(|index| on_time(&fates[*index])).map(|index| received[index].0).max();
    let has_end = (0..events.len()).any(|index| on_time(&fates[index]) && is_end(events, index));
    let silence_ms = if has_end { 0 } else { SILENCE_OVER_MS };
    let closed_ms = last_on_time_ms.unwrap_or(received[events.len() - 1].0) + silence_ms;
    for index in (0..events.len()).filter(|index| fates[*index] == Fate::Late) {
        let most_ms = if random.percent(50) { HOUR_MS } else { LATEST_MS };
        received[index].0 = closed_ms + random.between(1_000..=most_ms);
        deliveries.late += 1;
    }
    deliveries.records.reserve_exact(events.len() * 9 / 8 + 4);
    for (index, (received_ms, network_ms)) in received.into_iter().enumerate() {
        if fates[index] != Fate::Lost {
            let event = u32::try_from(index).expect("a session has few events");
            deliveries.records.push(Delivery { received_ms, event, content: Content::Event, network_ms });
        }
    }
    put_off_what_would_reopen(&mut deliveries.records);
    add_copies(&mut deliveries.records, settings, random);
    add_poison(&mut deliveries.records, settings, random);
    // Stable: what is received in the same millisecond stays in order.
    deliveries.records.sort_by_key(|delivery| delivery.received_ms);
    deliveries
}

impl Fate {
    fn draw(settings: &Settings, random: &mut Random) -> Self {
        if random.chance(settings.lost) {
            Self::Lost
        } else if random.chance(settings.late) {
            Self::Late
        } else if random.chance(settings.disorder) {
            Self::HeldUp
        } else {
            Self::AtOnce
        }
    }
}

/// When each event would be received if nothing went wrong, and how long its request takes: over one connection, so in order; after a
/// trip without network all in one go.
fn received_at_once(events: &[ClientEvent], opening: &Opening, random: &mut Random) -> Vec<(i64, u16)> {
    let mut connected_ms = opening.offline_until_ms.unwrap_or(0);
    let receive = events.iter().map(|event| {
        let network_ms = network_ms(random);
        connected_ms = connected_ms.max(opening.at_ms + event.at_ms() + i64::from(network_ms));
        (connected_ms, network_ms)
    });
    receive.collect()
}

/// How long a request takes, ms: mostly little.
fn network_ms(random: &mut Random) -> u16 {
    let network_ms = if random.percent(95) { random.between(15..=120) } else { random.between(120..=900) };
    u16::try_from(network_ms).expect("below a second")
}

/// Whether the event is one with which a session ends.
fn is_end(events: &[ClientEvent], index: usize) -> bool {
    let is_last = index + 1 == events.len();
    match events[index].kind {
        EventType::End => true,
        // Playback survives all errors but the last.
        EventType::Error => is_last,
        _ => false,
    }
}

/// A session is closed for good a day after its first record. A late event that opens it again less than 30 min before would have it end
/// by the end of its day instead of by silence: in that time none comes.
fn put_off_what_would_reopen(records: &mut [Delivery]) {
    let Some(first_ms) = records.iter().map(|delivery| delivery.received_ms).min() else { return };
    let shy_ms = first_ms + 24 * HOUR_MS - 32 * MINUTE_MS..first_ms + 24 * HOUR_MS + MINUTE_MS;
    for delivery in records.iter_mut().filter(|delivery| shy_ms.contains(&delivery.received_ms)) {
        delivery.received_ms += PUT_OFF_MS;
    }
}

fn add_copies(records: &mut Vec<Delivery>, settings: &Settings, random: &mut Random) {
    let originals = records.len();
    for index in 0..originals {
        if !random.chance(settings.duplicates) {
            continue;
        }
        let original = records[index];
        let copy = match random.below(100) {
            0..40 => Delivery { content: Content::Copy, ..original },
            roll => {
                let most_ms = if roll < 80 { 10_000 } else { LAST_COPY_MS };
                // Sent again once the first request had been answered, or was given up.
                let network_ms = network_ms(random);
                let received_ms = original.received_ms + random.between(1..=most_ms) + i64::from(network_ms);
                Delivery { received_ms, content: Content::SentAgain, network_ms, ..original }
            }
        };
        records.push(copy);
    }
}

/// Poison comes beside the events that it is made from.
fn add_poison(records: &mut Vec<Delivery>, settings: &Settings, random: &mut Random) {
    let originals = records.iter().filter(|delivery| delivery.content == Content::Event).count();
    for index in 0..originals {
        if random.chance(settings.poison) {
            let received_ms = records[index].received_ms + random.between(0..=50);
            let content = Content::Poison(*random.one_of(&Poison::ALL));
            records.push(Delivery { received_ms, content, ..records[index] });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::session::{Run, Session};
    use super::super::settings::Rate;
    use super::*;

    fn run(disorder: &str, late: &str, lost: &str, duplicates: &str) -> Run {
        let [disorder, late, lost, duplicates] = [disorder, late, lost, duplicates].map(|rate| rate.parse().expect("a rate"));
        let start_ms = 1_714_852_800_000;
        Run::of(Settings { seed: 5, start_ms, sessions: 0, duplicates, disorder, late, lost, poison: Rate::NONE })
    }

    fn sessions(run: &Run) -> impl Iterator<Item = Session> {
        let catalogue = super::super::catalogue::Catalogue::new();
        (0..300).map(move |viewer| Session::of(run, Opening::first(run.settings.seed, viewer, &catalogue)))
    }

    #[test]
    fn without_mishandling_events_come_once_and_in_order() {
        for session in sessions(&run("0", "0", "0", "0")) {
            let order: Vec<u32> = session.deliveries.records.iter().map(|delivery| delivery.event).collect();
            assert!(order.iter().copied().eq(0..session.events.len() as u32));
            for (event, delivery) in session.events.iter().zip(&session.deliveries.records) {
                assert!(delivery.received_ms > session.opening.at_ms + event.at_ms());
            }
        }
    }

    #[test]
    fn what_is_held_up_comes_after_a_younger_event() {
        for session in sessions(&run("10%", "0", "0", "0")) {
            let order: Vec<u32> = session.deliveries.records.iter().map(|delivery| delivery.event).collect();
            let overtaken = |&event: &u32| order.iter().take_while(|other| **other != event).any(|other| *other > event);
            let disordered = order.iter().filter(|event| overtaken(event)).count();
            assert!(disordered as u64 >= session.deliveries.disordered, "{order:?}");
        }
    }

    #[test]
    fn what_is_late_comes_after_the_session_has_closed() {
        let run = run("0", "30%", "0", "0");
        for session in sessions(&run).filter(|session| session.deliveries.late > 0 && session.deliveries.late < session.events.len() as u64)
        {
            let records = &session.deliveries.records;
            let late = session.deliveries.late as usize;
            let (on_time, late) = records.split_at(records.len() - late);
            let has_end = on_time.iter().any(|delivery| is_end(&session.events, delivery.event as usize));
            let silence_ms = if has_end { 0 } else { SILENCE_OVER_MS };
            let closed_ms = on_time.last().map_or(0, |delivery| delivery.received_ms) + silence_ms;
            assert!(
                late.iter().all(|delivery| delivery.received_ms > closed_ms && delivery.received_ms <= closed_ms + LATEST_MS + PUT_OFF_MS)
            );
        }
    }

    #[test]
    fn nothing_comes_just_before_the_day_of_a_row_is_over() {
        for session in sessions(&run("0", "90%", "0", "0")) {
            let records = &session.deliveries.records;
            let first_ms = records[0].received_ms;
            let shy_ms = first_ms + 24 * HOUR_MS - 32 * MINUTE_MS..first_ms + 24 * HOUR_MS + MINUTE_MS;
            assert!(!records.iter().any(|delivery| shy_ms.contains(&delivery.received_ms)));
        }
    }

    #[test]
    fn a_lost_event_never_comes_and_a_copy_never_before_its_event() {
        for session in sessions(&run("0", "10%", "20%", "50%")) {
            let Deliveries { records, delivered, .. } = &session.deliveries;
            for (index, is_delivered) in delivered.iter().enumerate() {
                let mut of_event = records.iter().filter(|delivery| delivery.event as usize == index);
                assert_eq!(of_event.next().map(|delivery| delivery.content), is_delivered.then_some(Content::Event));
                assert!(of_event.all(|delivery| matches!(delivery.content, Content::Copy | Content::SentAgain)));
            }
        }
    }

    #[test]
    fn what_was_watched_without_network_comes_when_the_trip_is_over() {
        let mut trips = 0;
        for session in sessions(&run("0", "0", "0", "0")) {
            let Some(until_ms) = session.opening.offline_until_ms else { continue };
            trips += 1;
            assert!(session.watched().end_ms <= until_ms);
            assert!(session.deliveries.records.iter().all(|delivery| (until_ms..until_ms + 1_000).contains(&delivery.received_ms)));
        }
        assert!(trips > 3, "{trips}");
    }
}
