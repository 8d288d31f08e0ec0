//! What an audit found, in the shape of its JSON.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::clickhouse::ClickHouseReport;

/// So many findings of a section are kept in full; all are counted.
const KEPT: usize = 10;

/// How places in the store begin, as against those in the log.
pub(super) const STORE: &str = "the store's ";

/// The store of resume positions, histories and sessions.
const SERVING_STORE: &str = "serving";

/// How something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// It is not there.
    Missing,
    /// It is there more than once.
    Doubled,
    /// Its bytes are not those that came in.
    Altered,
    /// Nothing that came in stands behind it.
    NeverSent,
    /// It lies in another place than its key says.
    Misplaced,
    /// It can't be read.
    Unreadable,
    /// It says something else.
    Different,
}

impl Fault {
    /// In words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Doubled => "doubled",
            Self::Altered => "altered",
            Self::NeverSent => "never sent",
            Self::Misplaced => "misplaced",
            Self::Unreadable => "unreadable",
            Self::Different => "different",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// How.
    pub(crate) fault: Fault,
    /// Where: a record (`topic-partition offset`), a row, a figure.
    pub(crate) place: String,
    /// What exactly.
    pub(crate) detail: String,
}

/// What is wrong: all of it counted, the first in full.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Findings {
    /// How many.
    pub(crate) count: u64,
    /// How many of each kind.
    pub(crate) by_fault: BTreeMap<Fault, u64>,
    /// The first.
    pub(crate) first: Vec<Finding>,
}

impl Findings {
    pub(super) fn add(&mut self, fault: Fault, place: impl Into<String>, detail: impl Into<String>) {
        self.add_with(fault, || (place.into(), detail.into()));
    }

    /// As [`Findings::add`], for what is costly to say.
    pub(super) fn add_with(&mut self, fault: Fault, say: impl FnOnce() -> (String, String)) {
        self.count += 1;
        *self.by_fault.entry(fault).or_default() += 1;
        if self.is_room() {
            let (place, detail) = say();
            self.first.push(Finding { fault, place, detail });
        }
    }

    /// Whether the next one is kept in full.
    pub(super) fn is_room(&self) -> bool {
        self.first.len() < KEPT
    }

    /// True without any.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Records, and the sum of their content hashes modulo 2^64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tally {
    /// How many.
    pub(crate) count: u64,
    /// As sixteen hexadecimal digits: JSON's readers lose numbers of 64 bits.
    #[serde(serialize_with = "hexadecimal")]
    pub(crate) hash_sum: u64,
}

impl Tally {
    pub(super) fn add(&mut self, hash: u64) {
        self.count += 1;
        self.hash_sum = self.hash_sum.wrapping_add(hash);
    }

    fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, hash_sum: self.hash_sum.wrapping_add(other.hash_sum) }
    }
}

/// The books of one partition: raw = clean + duplicates + dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PartitionBooks {
    /// The raw topic.
    pub(crate) topic: String,
    /// Partition.
    pub(crate) partition: u32,
    /// What came in and was processed, heartbeats apart.
    pub(crate) raw: Tally,
    /// What was passed on.
    pub(crate) clean: Tally,
    /// What said again what had been said.
    pub(crate) duplicates: Tally,
    /// What was refused.
    pub(crate) dead_letters: Tally,
    /// Heartbeats among what was processed.
    pub(crate) heartbeats: u64,
    /// Events that are not processed yet.
    pub(crate) pending: u64,
    /// What was passed on or refused of records that the log holds no longer.
    pub(crate) expired: u64,
    /// Whether counts and sums of hashes are equal.
    pub(crate) sums_equal: bool,
}

impl PartitionBooks {
    /// Whether what came in is, by number and by content, what came of it.
    pub(super) fn are_sums_equal(&self) -> bool {
        self.raw == self.clean.plus(self.duplicates).plus(self.dead_letters)
    }
}

/// Rows of sessions: one topic, one table of the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SessionsReport {
    /// The topic.
    pub(crate) topic: &'static str,
    /// Versions in the topic.
    pub(crate) versions: u64,
    /// Rows (session_id, opened_at) that the store must have.
    pub(crate) rows: u64,
    /// Rows that it has; none where no store is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored: Option<u64>,
    /// Records that the store has not taken yet.
    pub(crate) pending: u64,
    /// What is wrong.
    pub(crate) findings: Findings,
}

/// Resume positions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ResumeReport {
    /// Records of viewing_progress from which they were computed anew.
    pub(crate) views: u64,
    /// (profile, content) pairs.
    pub(crate) positions: u64,
    /// Those that the store has; none where no store is at hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored: Option<u64>,
    /// Records of viewing_progress that are not processed yet.
    pub(crate) pending: u64,
    /// Records of resume_state that the store has not taken yet.
    pub(crate) store_pending: u64,
    /// What is wrong.
    pub(crate) findings: Findings,
}

/// A figure that was held against the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Figure {
    /// How often it was compared.
    pub(crate) compared: u64,
    /// How often it differs.
    pub(crate) differ: u64,
    /// How often nobody can know it, since events were lost.
    pub(crate) unprovable: u64,
}

/// The store against what simulated viewers did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct TruthReport {
    /// Runs.
    pub(crate) runs: Vec<String>,
    /// Sessions told of.
    pub(crate) sessions: u64,
    /// Resume positions told of.
    pub(crate) resume_positions: u64,
    /// By table and name.
    pub(crate) figures: BTreeMap<String, Figure>,
    /// What is wrong.
    pub(crate) findings: Findings,
}

/// The whole audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) books: Vec<PartitionBooks>,
    /// Dead letters by reason, of all stages.
    pub(crate) dead_letters: BTreeMap<String, u64>,
    pub(crate) books_findings: Findings,
    pub(crate) sessions: Vec<SessionsReport>,
    pub(crate) resume: ResumeReport,
    /// Only where one is set.
    pub(crate) clickhouse: Option<ClickHouseReport>,
    /// Only where it was asked for.
    pub(crate) truth: Option<TruthReport>,
    /// Where stages went on meanwhile, as in `playback on playback_events-2`: what they did is not judged.
    pub(crate) in_motion: Vec<String>,
    /// Whether a store was held against the topics.
    pub(crate) has_store: bool,
}

impl Report {
    /// Whether nothing is wrong.
    pub(crate) fn agrees(&self) -> bool {
        self.sections().all(Findings::is_empty) && self.books.iter().all(|books| books.sums_equal)
    }

    /// What is wrong, section by section.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &Findings> {
        let sessions = self.sessions.iter().map(|sessions| &sessions.findings);
        let truth = self.truth.iter().map(|truth| &truth.findings);
        let clickhouse = self.clickhouse.iter().map(|clickhouse| &clickhouse.findings);
        std::iter::once(&self.books_findings).chain(sessions).chain([&self.resume.findings]).chain(clickhouse).chain(truth)
    }

    /// Whether the store alone is wrong: the log is enough to fill it again.
    pub(crate) fn is_store_alone(&self) -> bool {
        let of_store = self.sessions.iter().map(|sessions| &sessions.findings).chain([&self.resume.findings]);
        let is_of_store = |finding: &Finding| finding.place.starts_with(STORE);
        self.has_store
            && !self.agrees()
            && self.books_findings.is_empty()
            && self.clickhouse.as_ref().is_none_or(|clickhouse| clickhouse.findings.is_empty())
            && self.truth.as_ref().is_none_or(|truth| truth.findings.is_empty())
            && of_store.flat_map(|findings| &findings.first).all(is_of_store)
    }

    /// Records that some stage, or the store, has not processed yet.
    pub(crate) fn pending(&self) -> u64 {
        let raw: u64 = self.books.iter().map(|books| books.pending).sum();
        let rows: u64 = self.sessions.iter().map(|sessions| sessions.pending).sum();
        let clickhouse = self.clickhouse.as_ref().map_or(0, |clickhouse| clickhouse.pending);
        raw + rows + self.resume.pending + self.resume.store_pending + clickhouse
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Books<'r> {
            partitions: &'r [PartitionBooks],
            dead_letters: &'r BTreeMap<String, u64>,
            findings: &'r Findings,
        }
        #[derive(Serialize)]
        struct Shown<'r> {
            agrees: bool,
            pending: u64,
            in_motion: &'r [String],
            /// The stores that nobody looked at.
            not_compared: &'r [&'static str],
            books: Books<'r>,
            sessions: &'r [SessionsReport],
            resume: &'r ResumeReport,
            #[serde(skip_serializing_if = "Option::is_none")]
            clickhouse: Option<&'r ClickHouseReport>,
            #[serde(skip_serializing_if = "Option::is_none")]
            truth: Option<&'r TruthReport>,
        }
        let Self { books, dead_letters, books_findings, sessions, resume, clickhouse, truth, in_motion, has_store } = self;
        let books = Books { partitions: books, dead_letters, findings: books_findings };
        let (agrees, pending, clickhouse, truth) = (self.agrees(), self.pending(), clickhouse.as_ref(), truth.as_ref());
        let not_compared: &[_] = if *has_store { &[] } else { &[SERVING_STORE] };
        Shown { agrees, pending, in_motion, not_compared, books, sessions, resume, clickhouse, truth }.serialize(serializer)
    }
}

fn hexadecimal<S: Serializer>(sum: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{sum:016x}"))
}
