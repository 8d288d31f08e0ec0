//! All sessions of a run, record by record, in the order in which a gateway would receive them.
//!
//! What is held at a time is one entry for each session that has records yet to come, and whole the sessions that are going on. A session
//! whose next record is long in coming (a late event, a copy hours after) is forgotten and made again when it is due, so a million sessions
//! take no more memory than those that are watched at the same time.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::io;

use pipeline::partition_for;

use super::audience::{Opening, Viewer};
use super::catalogue::Catalogue;
use super::delivery::Content;
use super::figures;
use super::session::{Run, Session};
use super::settings::{SILENCE_OVER_MS, Settings};
use super::truth::{ResumeTruth, SessionTruth, Totals};

/// How long a session is kept for its next record, ms of the run.
const KEPT_FOR_MS: i64 = 2 * 60_000;

/// Where the truth of a run goes, as it becomes known.
pub trait TruthSink {
    /// Takes what a session comes to.
    ///
    /// # Errors
    /// Where it can't be kept.
    fn session(&mut self, truth: &SessionTruth) -> io::Result<()>;

    /// Takes where a profile resumes a content.
    ///
    /// # Errors
    /// Where it can't be kept.
    fn resume(&mut self, truth: &ResumeTruth) -> io::Result<()>;
}

/// The latest start of a run that is over, its last heartbeats included, at `now_ms`: whole seconds, ms since 1970 UTC. Nothing but the
/// start is taken from elsewhere than the settings. Every session is made up once to know when its last record comes.
#[must_use]
pub fn latest_start_ms(settings: &Settings, now_ms: i64) -> i64 {
    let run = Run::of(settings.clone());
    let catalogue = Catalogue::new();
    let mut last_ms = 0;
    let mut left = settings.sessions;
    for viewer in 0.. {
        let mut opening = Opening::first(settings.seed, viewer, &catalogue);
        for _ in 0..left.min(u32::from(Viewer::sessions(settings.seed, viewer))) {
            let session = Session::of(&run, opening);
            last_ms = session.deliveries.records.last().map_or(0, |last| last.received_ms).max(last_ms);
            opening = session.opening.next(settings.seed, session.watched(), &catalogue);
            left -= 1;
        }
        if left == 0 {
            break;
        }
    }
    (now_ms - SILENCE_OVER_MS - last_ms).div_euclid(1_000) * 1_000
}

/// One record of a run. Reused from record to record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimulatedRecord {
    /// Its timestamp, ms since 1970 UTC.
    pub received_ms: i64,
    /// Key.
    pub key: Vec<u8>,
    /// Framed value.
    pub value: Vec<u8>,
}

impl SimulatedRecord {
    /// The partition that it belongs to.
    #[must_use]
    pub fn partition(&self, partitions: u32) -> u32 {
        partition_for(&self.key, partitions)
    }
}

/// When something is due of a session. The order is that of time, then of viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ms: i64,
    viewer: u32,
    ordinal: u8,
    /// Index of the record that is due; none where the session begins, and is yet to be made up.
    record: Option<u32>,
}

/// A session that something is due of.
struct Pending {
    due: Due,
    held: Held,
}

/// What is held of a session meanwhile.
enum Held {
    /// A viewer's first session is drawn from the viewer's number alone.
    Nothing,
    /// All of it can be made again from this.
    Opening(Box<Opening>),
    Whole(Box<Session>),
}

/// The earliest is the greatest: it is taken first.
impl Ord for Pending {
    fn cmp(&self, other: &Self) -> Ordering {
        other.due.cmp(&self.due)
    }
}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Pending {}

/// What a viewer's sessions have come to so far.
struct Chain {
    sessions_left: u8,
    contents: Vec<ResumeTruth>,
}

/// See the module's documentation.
pub struct Generator {
    run: Run,
    catalogue: Catalogue,
    schema_id: u32,
    pending: BinaryHeap<Pending>,
    chains: HashMap<u32, Chain>,
    totals: Totals,
}

impl Generator {
    /// A run with these settings, whose values are framed with this schema id.
    #[must_use]
    pub fn new(settings: Settings, schema_id: u32) -> Self {
        let totals = totals_of(&settings);
        let run = Run::of(settings);
        let mut generator =
            Self { catalogue: Catalogue::new(), schema_id, pending: BinaryHeap::new(), chains: HashMap::new(), totals, run };
        generator.invite();
        generator
    }

    /// Lets viewers come until they have as many sessions as there are to be.
    fn invite(&mut self) {
        let mut left = self.run.settings.sessions;
        let mut viewer = 0;
        while left > 0 {
            left -= left.min(u32::from(Viewer::sessions(self.run.settings.seed, viewer)));
            let due = Due { at_ms: Viewer::joins_ms(self.run.settings.seed, viewer), viewer, ordinal: 0, record: None };
            self.pending.push(Pending { due, held: Held::Nothing });
            viewer += 1;
        }
        self.totals.profiles = u64::from(viewer);
        // The last one has no more than are left.
        if let Some(last) = viewer.checked_sub(1) {
            let before: u64 = (0..last).map(|viewer| u64::from(Viewer::sessions(self.run.settings.seed, viewer))).sum();
            let sessions_left = u8::try_from(u64::from(self.run.settings.sessions) - before).expect("a viewer has few sessions");
            self.chains.insert(last, Chain { sessions_left, contents: Vec::new() });
        }
    }

    /// Makes the next record; false after the last one.
    ///
    /// # Errors
    /// Where the truth can't be kept.
    pub fn next(&mut self, record: &mut SimulatedRecord, truth: &mut dyn TruthSink) -> io::Result<bool> {
        while let Some(Pending { due, held }) = self.pending.pop() {
            match due.record {
                None => self.begin(due, held, truth)?,
                Some(index) => {
                    self.write(due, held, index, record);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// What the run has come to, as far as it has gone.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Sessions that have begun, of all that there are to be.
    #[must_use]
    pub fn sessions_begun(&self) -> u64 {
        self.totals.sessions
    }

    /// Makes up the session that is due, says what it comes to, and puts down what is due after it: its records and the next session.
    fn begin(&mut self, due: Due, held: Held, truth: &mut dyn TruthSink) -> io::Result<()> {
        let viewer = due.viewer;
        let seed = self.run.settings.seed;
        let session = self.whole(due, held);
        self.count(&session);
        let sessions = Viewer::sessions(seed, viewer);
        let chain = self.chains.entry(viewer).or_insert_with(|| Chain { sessions_left: sessions, contents: Vec::new() });
        chain.sessions_left -= 1;
        if let Some(session_truth) = figures::session_truth(&session) {
            self.totals.sessions_in_log += 1;
            truth.session(&session_truth)?;
        }
        chain.take(figures::resume_truth(&session));
        if chain.sessions_left == 0 {
            let chain = self.chains.remove(&viewer).expect("it is there");
            self.totals.resume_positions += chain.contents.len() as u64;
            chain.contents.iter().try_for_each(|resume| truth.resume(resume))?;
        } else {
            // What comes of trips is known once the session is made up.
            let next = session.opening.next(seed, session.watched(), &self.catalogue);
            let due = Due { at_ms: next.at_ms, viewer, ordinal: next.ordinal, record: None };
            self.pending.push(Pending { due, held: Held::Opening(Box::new(next)) });
        }
        self.keep(due, 0, session);
        Ok(())
    }

    /// The session, made again where it is not held.
    fn whole(&self, due: Due, held: Held) -> Box<Session> {
        match held {
            Held::Whole(session) => session,
            Held::Opening(opening) => Box::new(Session::of(&self.run, *opening)),
            Held::Nothing => Box::new(Session::of(&self.run, Opening::first(self.run.settings.seed, due.viewer, &self.catalogue))),
        }
    }

    /// Writes one record of a session, and puts down the one after it.
    fn write(&mut self, due: Due, held: Held, index: u32, record: &mut SimulatedRecord) {
        let session = self.whole(due, held);
        let delivery = &session.deliveries.records[index as usize];
        record.received_ms = self.run.settings.start_ms + delivery.received_ms;
        record.key.clear();
        record.value.clear();
        session.write(&self.run, delivery, self.schema_id, &mut record.key, &mut record.value);
        self.totals.last_received_at = self.totals.last_received_at.max(record.received_ms * 1_000);
        self.keep(due, index + 1, session);
    }

    /// Keeps a session for its record of this index, or forgets it.
    fn keep(&mut self, due: Due, index: u32, session: Box<Session>) {
        let Some(delivery) = session.deliveries.records.get(index as usize) else { return };
        let is_soon = delivery.received_ms - due.at_ms <= KEPT_FOR_MS;
        let due = Due { at_ms: delivery.received_ms, record: Some(index), ..due };
        let held = if is_soon { Held::Whole(session) } else { Held::Opening(Box::new(session.opening)) };
        self.pending.push(Pending { due, held });
    }

    fn count(&mut self, session: &Session) {
        let totals = &mut self.totals;
        let deliveries = &session.deliveries;
        totals.sessions += 1;
        totals.events += session.events.len() as u64;
        totals.raw_records += deliveries.records.len() as u64;
        totals.disordered += deliveries.disordered;
        totals.late += deliveries.late;
        totals.lost += deliveries.delivered.iter().filter(|is_delivered| !**is_delivered).count() as u64;
        for delivery in &deliveries.records {
            match delivery.content {
                Content::Event => totals.distinct_events += 1,
                Content::Copy | Content::SentAgain => totals.duplicates += 1,
                Content::Poison(poison) => {
                    totals.poison += 1;
                    *totals.dead_letters.entry(poison.reason().as_str().to_owned()).or_default() += 1;
                }
            }
        }
    }
}

impl Chain {
    /// Of all viewings of a content the latest stands.
    fn take(&mut self, resume: Option<ResumeTruth>) {
        let Some(resume) = resume else { return };
        let is_same = |held: &&mut ResumeTruth| (&held.title_id, &held.episode_id) == (&resume.title_id, &resume.episode_id);
        match self.contents.iter_mut().find(is_same) {
            Some(held) if resume.is_after(held) => *held = resume,
            Some(_) => {}
            None => self.contents.push(resume),
        }
    }
}

fn totals_of(settings: &Settings) -> Totals {
    Totals {
        run: settings.run_name(),
        seed: settings.seed,
        start: settings.start_ms * 1_000,
        sessions: 0,
        sessions_in_log: 0,
        profiles: 0,
        resume_positions: 0,
        events: 0,
        raw_records: 0,
        distinct_events: 0,
        duplicates: 0,
        disordered: 0,
        late: 0,
        lost: 0,
        poison: 0,
        dead_letters: std::collections::BTreeMap::new(),
        heartbeats: 0,
        last_received_at: settings.start_ms * 1_000,
        duplicates_rate: settings.duplicates,
        disorder_rate: settings.disorder,
        late_rate: settings.late,
        lost_rate: settings.lost,
        poison_rate: settings.poison,
    }
}
