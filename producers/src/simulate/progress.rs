//! How far a run has come. The log knows it: a position of the run's own group, which moves in the transaction that appends the records.
//!
//! | group | position | metadata |
//! |---|---|---|
//! | `simulate.<run>` | records appended | the settings, a hash of the records, and the closing heartbeats once the run has ended |
//! | `simulate.start.<hash of the other settings>` | 0 | the start of a run that was given none |
//!
//! Both are kept under partition 0 of the topic that is written, since a position needs a partition: nothing is read there. Any log that
//! commits outputs and positions in one transaction can keep them.

use pipeline::{Committed, Log, LogError, Position, TopicPartition};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::generator::SimulatedRecord;
use super::run::{SimulateError, TOPIC};
use super::settings::Settings;
use crate::identity::Content;
use crate::own_position::OwnPosition;

/// The inputs of the lanes that positions are kept through.
pub const INPUTS: [&str; 1] = [TOPIC];

pub(super) const KEPT_AT: TopicPartition = TopicPartition { topic: 0, partition: 0 };

/// The group in which the progress of a run is kept.
#[must_use]
pub fn group(settings: &Settings) -> String {
    format!("simulate.{}", settings.run_name())
}

/// The group in which the start of a run is kept that was given none: whatever start the settings name counts for nothing.
#[must_use]
pub fn start_group(settings: &Settings) -> String {
    let Settings { seed, start_ms: _, sessions, duplicates, disorder, late, lost, poison } = settings;
    let content = Content::default().part(&seed.to_le_bytes()).number(i64::from(*sessions));
    let rates = [duplicates, disorder, late, lost, poison].map(|rate| rate.per_million());
    let content = rates.into_iter().fold(content, |content, rate| content.number(i64::from(rate)));
    format!("simulate.start.{}", content.uuid().simple())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    start_ms: i64,
}

/// The start of a run that was given none, ms since 1970 UTC: what `choose` says the first time, and the same ever after. `log` is a lane of
/// [`start_group`] whose inputs are [`INPUTS`].
///
/// # Errors
/// Where the log fails.
pub fn remembered_start<L: Log>(log: &mut L, choose: impl FnOnce() -> i64) -> Result<i64, SimulateError> {
    if let Some(committed) = log.committed(KEPT_AT)? {
        return Ok(read::<Start>(&committed)?.start_ms);
    }
    let start_ms = choose();
    let committed = Committed { next_offset: 0, metadata: text(&Start { start_ms }) };
    log.commit(&[Position { source: KEPT_AT, committed }])?;
    Ok(start_ms)
}

/// What is kept with the number of records.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    settings: Settings,
    /// Of all records up to here, hexadecimal.
    records_hash: String,
    /// Closing heartbeats; none while the run goes on.
    heartbeats: Option<u64>,
}

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Records appended, heartbeats apart.
    pub(super) records: u64,
    /// [`RecordsHash`] of them.
    pub(super) hash: u64,
    /// Heartbeats with which it has ended; none while it goes on.
    pub(super) heartbeats: Option<u64>,
}

impl Progress {
    /// As the log knows it.
    pub(super) fn of(position: &OwnPosition, settings: &Settings) -> Result<Self, SimulateError> {
        let Some(committed) = position.known() else { return Ok(Self::default()) };
        let kept: Kept = read(committed)?;
        if kept.settings != *settings {
            return Err(SimulateError::OtherSettings { run: settings.run_name(), settings: text(&kept.settings) });
        }
        let unreadable = || LogError::Fatal(format!("the progress of the run is unreadable: {}", committed.metadata));
        Ok(Self {
            records: u64::try_from(committed.next_offset).map_err(|_| unreadable())?,
            hash: u64::from_str_radix(&kept.records_hash, 16).map_err(|_| unreadable())?,
            heartbeats: kept.heartbeats,
        })
    }

    /// As it is committed.
    pub(super) fn committed(&self, settings: &Settings) -> Committed {
        let kept = Kept { settings: settings.clone(), records_hash: format!("{:016x}", self.hash), heartbeats: self.heartbeats };
        let next_offset = i64::try_from(self.records).expect("records are counted in billions");
        Committed { next_offset, metadata: text(&kept) }
    }
}

/// Tells the records that a run begins with from others: a newer version of the simulator may make others of the same settings, and must
/// not go on with a run of an older one.
#[derive(Default)]
pub(super) struct RecordsHash {
    hash: Xxh3,
}

impl RecordsHash {
    pub(super) fn add(&mut self, record: &SimulatedRecord) {
        self.hash.update(&record.received_ms.to_le_bytes());
        for part in [&record.key, &record.value] {
            self.hash.update(&(part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
    }

    pub(super) fn so_far(&self) -> u64 {
        self.hash.digest()
    }
}

fn read<T: serde::de::DeserializeOwned>(committed: &Committed) -> Result<T, LogError> {
    serde_json::from_str(&committed.metadata)
        .map_err(|error| LogError::Fatal(format!("what is kept of the run is unreadable: {}: {error}", committed.metadata)))
}

fn text(kept: &impl Serialize) -> String {
    serde_json::to_string(kept).expect("numbers and texts are JSON")
}
