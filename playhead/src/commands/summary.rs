//! What a command that writes says at its end.

use std::time::Duration;

use serde::Serialize;

use crate::data_folder::DataFolder;
use crate::shown;
use crate::topology::RunReport;

use super::cluster_writer::STAGES_ELSEWHERE;
use super::unreported::{Mark, when_reported};

/// How a command that writes has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    /// The stages have processed what it wrote.
    Processed(Outcome),
    /// All of it lies on a cluster, after this time.
    Written(Duration),
}

impl Ended {
    /// What the stages made of it; none where they run elsewhere.
    pub(crate) const fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Processed(outcome) => Some(outcome),
            Self::Written(_) => None,
        }
    }

    /// Time until all was written, where that is the end.
    pub(crate) fn written_seconds(self) -> Option<f64> {
        match self {
            Self::Processed(_) => None,
            Self::Written(took) => Some(seconds(took)),
        }
    }

    /// In words, with what a person should know or do about it. `read` is how many rows or lines were read, `silence_ms` the configured silence
    /// after which a session is closed.
    pub(crate) fn lines(self, read: u64, unit: &str, silence_ms: i64) -> Vec<String> {
        match self {
            Self::Processed(outcome) => std::iter::once(outcome.line(read, unit)).chain(outcome.notes(silence_ms)).collect(),
            Self::Written(took) => {
                let per_second = shown::count(per_second(read, took.as_secs_f64()));
                vec![format!("written in {:.2} s, {per_second} {unit}/s", took.as_secs_f64()), STAGES_ELSEWHERE.to_owned()]
            }
        }
    }
}

/// To the millisecond.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}

fn per_second(number: u64, seconds: f64) -> u64 {
    if seconds > 0.0 { (number as f64 / seconds) as u64 } else { 0 }
}

/// What came of the records that were written.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Outcome {
    /// Rows of sessions in the store.
    pub(crate) sessions: u64,
    /// Events that were there already.
    pub(crate) duplicates: u64,
    /// Events that went to `dead_letters`.
    pub(crate) dead_letters: u64,
    /// Sessions that got events in this run, but have no row yet.
    pub(crate) unreported_sessions: u64,
    /// How long it took.
    pub(crate) seconds: f64,
}

impl Outcome {
    pub(crate) fn of(folder: &DataFolder, mark: &Mark, report: RunReport, took: Duration) -> anyhow::Result<Self> {
        Ok(Self {
            sessions: folder.store.session_count()?,
            duplicates: report.duplicates,
            dead_letters: report.dead_letters,
            unreported_sessions: mark.unreported_sessions(folder)?,
            seconds: seconds(took),
        })
    }

    /// What a person should know or do about it. `silence_ms` is the configured silence after which a session is closed.
    pub(crate) fn notes(&self, silence_ms: i64) -> Vec<String> {
        let mut notes = Vec::new();
        if self.dead_letters > 0 {
            let dead_letters = shown::counted(self.dead_letters, "dead letter");
            notes.push(format!("{dead_letters}: `playhead dlq list` shows what was refused, and why"));
        }
        if self.unreported_sessions > 0 {
            let sessions = shown::counted(self.unreported_sessions, "session");
            let are = if self.unreported_sessions == 1 { "is" } else { "are" };
            notes.push(format!("{sessions} {are} still open: they are {}", when_reported(silence_ms)));
        }
        notes
    }

    /// In words; `read` is how many rows or lines were read.
    pub(crate) fn line(&self, read: u64, unit: &str) -> String {
        format!(
            "{} in the store, {}, {}; {:.2} s, {} {unit}/s",
            shown::counted(self.sessions, "session"),
            shown::counted(self.duplicates, "duplicate"),
            shown::counted(self.dead_letters, "dead letter"),
            self.seconds,
            shown::count(per_second(read, self.seconds)),
        )
    }
}
