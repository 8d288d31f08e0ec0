//! What a command that writes says at its end.

use std::time::Duration;

use serde::Serialize;

use crate::data_folder::DataFolder;
use crate::shown;
use crate::topology::RunReport;

use super::unreported::{Mark, when_reported};

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
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
        })
    }

    /// What a person should know or do about it. `silence_ms` is the configured silence after which a session is closed.
    pub(crate) fn notes(&self, silence_ms: i64) -> Vec<String> {
        let mut notes = Vec::new();
        if self.dead_letters > 0 {
            let dead_letters = shown::counted(self.dead_letters, "dead letter");
            notes.push(format!("{dead_letters}: `playhead read dead_letters` shows what was refused, and why"));
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
        let per_second = if self.seconds > 0.0 { read as f64 / self.seconds } else { 0.0 };
        format!(
            "{} in the store, {}, {}; {:.2} s, {} {unit}/s",
            shown::counted(self.sessions, "session"),
            shown::counted(self.duplicates, "duplicate"),
            shown::counted(self.dead_letters, "dead letter"),
            self.seconds,
            shown::count(per_second as u64),
        )
    }
}
