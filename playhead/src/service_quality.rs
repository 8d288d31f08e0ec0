//! Quality of service over several sessions: sums, and ratios of sums, never means of ratios.

use schemas::{Outcome, QosSessionSummary};
use serde_json::{Map, Value};

/// What one session adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Measured {
    pub(crate) startup_ms: Option<i64>,
    pub(crate) rebuffering_ms: i64,
    /// Starting, playing, rebuffering, seeking, stalled by seeks (CTA-2066: watched time, pause excluded).
    pub(crate) watched_ms: i64,
    pub(crate) error_count: i64,
    pub(crate) outcome: Option<Outcome>,
}

impl From<&QosSessionSummary<'_>> for Measured {
    fn from(summary: &QosSessionSummary<'_>) -> Self {
        Self {
            startup_ms: summary.startup_ms,
            rebuffering_ms: summary.rebuffering_ms,
            watched_ms: summary.starting_ms + summary.playing_ms + summary.rebuffering_ms + summary.seeking_ms + summary.seek_buffering_ms,
            error_count: summary.error_count,
            outcome: summary.outcome,
        }
    }
}

/// Sums over sessions.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceQuality {
    pub(crate) sessions: u64,
    /// Sessions whose player measured something: an import's have a startup of exactly 0 ms, which nobody measured.
    measured_sessions: u64,
    startups_ms: Vec<i64>,
    rebuffering_ms: i64,
    watched_ms: i64,
    errors: i64,
    pub(crate) exits_before_start: u64,
    pub(crate) start_failures: u64,
    pub(crate) play_failures: u64,
}

impl ServiceQuality {
    pub(crate) fn add(&mut self, session: &Measured) {
        self.sessions += 1;
        self.errors += session.error_count;
        if session.startup_ms != Some(0) {
            self.measured_sessions += 1;
            self.startups_ms.extend(session.startup_ms);
            self.rebuffering_ms += session.rebuffering_ms;
            self.watched_ms += session.watched_ms;
        }
        match session.outcome {
            Some(Outcome::ExitBeforeStart) => self.exits_before_start += 1,
            Some(Outcome::StartFailure) => self.start_failures += 1,
            Some(Outcome::PlayFailure) => self.play_failures += 1,
            Some(Outcome::Played) | None => {}
        }
    }

    /// To be called when all are added, before quantiles are asked for.
    pub(crate) fn sort(&mut self) {
        self.startups_ms.sort_unstable();
    }

    /// Of the startup times, ms.
    pub(crate) fn startup_quantile_ms(&self, percent: usize) -> Option<i64> {
        quantile(&self.startups_ms, percent)
    }

    pub(crate) fn rebuffer_ratio(&self) -> Option<f64> {
        (self.watched_ms > 0).then(|| self.rebuffering_ms as f64 / self.watched_ms as f64)
    }

    /// The figures by their names in JSON.
    pub(crate) fn as_json(&self) -> Map<String, Value> {
        let measured = |sum_ms: i64| (self.measured_sessions > 0).then_some(sum_ms);
        let figures: [(&str, Value); 11] = [
            ("sessions", self.sessions.into()),
            ("measured_sessions", self.measured_sessions.into()),
            ("startup_p50_ms", self.startup_quantile_ms(50).into()),
            ("startup_p95_ms", self.startup_quantile_ms(95).into()),
            ("rebuffering_ms", measured(self.rebuffering_ms).into()),
            ("watched_ms", measured(self.watched_ms).into()),
            ("rebuffer_ratio_cta2066", self.rebuffer_ratio().into()),
            ("exits_before_start", self.exits_before_start.into()),
            ("start_failures", self.start_failures.into()),
            ("play_failures", self.play_failures.into()),
            ("errors", self.errors.into()),
        ];
        figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// The smallest value that at least `percent` of the values do not exceed (nearest rank). `sorted` is in rising order.
fn quantile(sorted: &[i64], percent: usize) -> Option<i64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let values: Vec<i64> = (1..=20).collect();
        assert_eq!(quantile(&values, 50), Some(10));
        assert_eq!(quantile(&values, 95), Some(19));
        assert_eq!(quantile(&[7], 50), Some(7));
        assert_eq!(quantile(&[7, 9], 95), Some(9));
        assert_eq!(quantile(&[], 95), None);
    }
}
