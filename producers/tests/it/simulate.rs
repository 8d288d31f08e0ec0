//! A run as it is made up.

use std::collections::{HashMap, HashSet};
use std::io;

use producers::simulate::truth::{ResumeTruth, SessionTruth, Totals};
use producers::simulate::{Generator, Rate, Settings, SimulatedRecord, TruthSink, latest_start_ms};
use schemas::{Plan, PlaybackEvent, Record as _, wire};

use crate::support::NOW_MS;

const HOUR_MS: i64 = 3_600_000;

pub(crate) fn settings(sessions: u32) -> Settings {
    let [duplicates, disorder, late, lost, poison] = ["5%", "10%", "2%", "3%", "1%"].map(|rate| rate.parse::<Rate>().unwrap());
    Settings { seed: 42, start_ms: NOW_MS - 30 * 24 * HOUR_MS, sessions, duplicates, disorder, late, lost, poison }
}

/// The truth as the lines of its files.
#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) sessions: Vec<SessionTruth>,
    pub(crate) text: String,
}

impl TruthSink for Lines {
    fn session(&mut self, truth: &SessionTruth) -> io::Result<()> {
        self.text += &serde_json::to_string(truth)?;
        self.sessions.push(truth.clone());
        Ok(())
    }

    fn resume(&mut self, truth: &ResumeTruth) -> io::Result<()> {
        self.text += &serde_json::to_string(truth)?;
        Ok(())
    }
}

fn generated(settings: Settings) -> (Vec<SimulatedRecord>, Lines, Totals) {
    let mut generator = Generator::new(settings, 1);
    let (mut records, mut truth, mut record) = (Vec::new(), Lines::default(), SimulatedRecord::default());
    while generator.next(&mut record, &mut truth).unwrap() {
        records.push(record.clone());
    }
    (records, truth, generator.totals().clone())
}

#[test]
fn the_same_settings_give_the_same_run_byte_for_byte_and_others_another() {
    let [(records, truth, totals), (again, truth_again, totals_again)] = [(); 2].map(|()| generated(settings(120)));
    assert!(records == again && truth.text == truth_again.text && totals == totals_again);
    let ids = |settings| generated(settings).1.sessions.into_iter().map(|session| session.session_id).collect::<HashSet<_>>();
    let here = ids(settings(120));
    assert_eq!(here.len(), 120);
    assert!(here.is_disjoint(&ids(Settings { seed: 43, ..settings(120) })));
    assert!(here.is_disjoint(&ids(Settings { start_ms: NOW_MS - 31 * 24 * HOUR_MS, ..settings(120) })));
}

#[test]
fn mishandling_changes_no_viewing() {
    let none = Rate::NONE;
    let (_, clean, _) = generated(Settings { duplicates: none, disorder: none, late: none, lost: none, poison: none, ..settings(120) });
    let (_, rough, _) = generated(Settings { lost: none, ..settings(120) });
    let mut clean: HashMap<_, _> = clean.sessions.into_iter().map(|session| (session.session_id.clone(), session)).collect();
    for session in rough.sessions {
        // A wrong clock is corrected by what the first request says of it, so a session may move as a whole by some milliseconds.
        let expected = clean.remove(&session.session_id).unwrap();
        let moved_us = session.started_at - expected.started_at;
        assert!(moved_us.abs() < 1_000_000);
        let opened_at = session.opened_at;
        assert_eq!(
            session,
            SessionTruth { opened_at, started_at: expected.started_at + moved_us, ended_at: expected.ended_at + moved_us, ..expected }
        );
    }
    assert!(clean.is_empty());
}

#[test]
fn rates_are_met() {
    let (records, truth, totals) = generated(settings(600));
    assert_eq!(records.len() as u64, totals.raw_records);
    assert_eq!(totals.raw_records, totals.distinct_events + totals.duplicates + totals.poison);
    assert_eq!(totals.events, totals.distinct_events + totals.lost);
    assert_eq!(totals.distinct_events as i64, truth.sessions.iter().map(|session| session.event_count).sum::<i64>());
    assert_eq!(totals.poison, totals.dead_letters.values().sum::<u64>());
    assert_eq!(totals.dead_letters.len(), 14);
    let events = totals.events as f64;
    // About 100,000 events: five standard deviations are less than a tenth of any of these. What is held up can be overtaken only where
    // something follows.
    for (name, count, share) in [
        ("lost", totals.lost, 0.03),
        ("late", totals.late, 0.97 * 0.02),
        ("disordered", totals.disordered, 0.97 * 0.98 * 0.1),
        ("duplicates", totals.duplicates, 0.97 * 0.05),
        ("poison", totals.poison, 0.97 * 0.01),
    ] {
        let found = count as f64 / events;
        assert!((share * 0.9..share * 1.1).contains(&found), "{name}: {found}, must be {share}");
    }
}

#[test]
fn records_come_in_order_of_reception_within_the_span_and_say_so_themselves() {
    let settings = settings(200);
    let plan = Plan::compile::<PlaybackEvent<'_>>(PlaybackEvent::SCHEMA).unwrap();
    let (records, truth, totals) = generated(settings.clone());
    assert!(records.is_sorted_by_key(|record| record.received_ms));
    assert!(settings.start_ms <= records[0].received_ms);
    assert_eq!(records.last().unwrap().received_ms * 1_000, totals.last_received_at);
    assert!(totals.last_received_at / 1_000 <= settings.start_ms + settings.span_ms());
    let mut openings: HashMap<String, i64> = HashMap::new();
    let mut refused = 0;
    for record in &records {
        let event = wire::split(&record.value).and_then(|(_, body)| PlaybackEvent::decode(&plan, body));
        let Some(event) = event.ok().filter(|event| event.session_id.as_bytes() == record.key) else {
            refused += 1;
            continue;
        };
        assert_eq!(event.received_time, record.received_ms * 1_000);
        let shifted_us = event.event_time + event.clock_shift_ms.unwrap() * 1_000;
        assert!((0..72 * HOUR_MS * 1_000).contains(&(event.received_time - shifted_us)), "within what the gateway takes");
        let correction_us = event.clock_shift_ms.filter(|shift_ms| shift_ms.abs() > 300_000).unwrap_or(0) * 1_000;
        openings.entry(event.session_id.to_owned()).or_insert(event.event_time + correction_us);
    }
    assert_eq!(refused, totals.poison);
    let told: HashMap<String, i64> = truth.sessions.into_iter().map(|session| (session.session_id, session.opened_at)).collect();
    assert_eq!(openings, told);
}

#[test]
fn the_latest_start_lets_a_run_be_over_just_now() {
    let settings = settings(60);
    let latest_ms = latest_start_ms(&settings, NOW_MS);
    let (_, _, totals) = generated(Settings { start_ms: latest_ms, ..settings.clone() });
    let over_ms = totals.last_received_at / 1_000 + 31 * 60_000;
    assert!((NOW_MS - 1_000..=NOW_MS).contains(&over_ms), "{}", NOW_MS - over_ms);
    // What happens is the seed's doing alone.
    let (_, _, elsewhere) = generated(settings.clone());
    assert_eq!(elsewhere.last_received_at - elsewhere.start, totals.last_received_at - totals.start);
}
