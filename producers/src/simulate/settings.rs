//! What is simulated: how many sessions, from which seed, and how they are mishandled on their way.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Viewers come within a day.
pub(crate) const JOINS_MS: i64 = 24 * HOUR_MS;
/// The most sessions that a viewer has.
pub(crate) const SESSIONS_OF_A_VIEWER: i64 = 5;
/// No session lasts longer.
pub(crate) const LONGEST_SESSION_MS: i64 = 3 * HOUR_MS;
/// The most that a viewer waits before the next session.
pub(crate) const LONGEST_BREAK_MS: i64 = 2 * HOUR_MS;
/// A trip without network is over this long after the session began, at the latest.
pub(crate) const LONGEST_TRIP_MS: i64 = 12 * HOUR_MS;
/// A late event comes at most this long after its session has closed. Together with the above and the copies below it stays within the
/// 72 h that the gateway allows.
pub(crate) const LATEST_MS: i64 = 46 * HOUR_MS;
/// A copy comes at most this long after its event.
pub(crate) const LAST_COPY_MS: i64 = 6 * HOUR_MS;
/// By so much a late event is put off that would else open its session again just before the day of its row is over.
pub(crate) const PUT_OFF_MS: i64 = 105 * MINUTE_MS;
/// Longer than the 30 min of silence after which a session is closed.
pub(crate) const SILENCE_OVER_MS: i64 = 31 * MINUTE_MS;

/// A share of the events, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Rate {
    per_million: u32,
}

/// No share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a share of the events from 0 to 1, as in 0.05 or 5%")]
pub struct NotARate;

impl Rate {
    /// Nothing of it.
    pub const NONE: Self = Self { per_million: 0 };

    /// How many of a million.
    #[must_use]
    pub const fn per_million(self) -> u32 {
        self.per_million
    }
}

impl TryFrom<f64> for Rate {
    type Error = NotARate;

    fn try_from(share: f64) -> Result<Self, NotARate> {
        if (0.0..=1.0).contains(&share) { Ok(Self { per_million: (share * 1e6).round() as u32 }) } else { Err(NotARate) }
    }
}

impl From<Rate> for f64 {
    fn from(rate: Rate) -> Self {
        Self::from(rate.per_million) / 1e6
    }
}

impl FromStr for Rate {
    type Err = NotARate;

    fn from_str(text: &str) -> Result<Self, NotARate> {
        let (number, of) = text.strip_suffix('%').map_or((text, 1.0), |number| (number.trim_end(), 100.0));
        number.parse::<f64>().map_err(|_| NotARate).and_then(|number| Self::try_from(number / of))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.per_million) / 1e4)
    }
}

/// What is simulated. The same settings give the same records and the same truth, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// From which everything random is drawn.
    pub seed: u64,
    /// When the first viewer may begin, ms since 1970 UTC.
    pub start_ms: i64,
    /// How many sessions.
    pub sessions: u32,
    /// Share of the events that are delivered again, at once or hours later.
    pub duplicates: Rate,
    /// Share of the events that are delivered after younger ones.
    pub disorder: Rate,
    /// Share of the events that are delivered after their session has closed.
    pub late: Rate,
    /// Share of the events that are never delivered.
    pub lost: Rate,
    /// Records that must be refused, as a share of the events; they come on top.
    pub poison: Rate,
}

impl Settings {
    /// How long after the start the last record comes, at the latest, ms.
    #[must_use]
    pub fn span_ms(&self) -> i64 {
        let live_ms = JOINS_MS + SESSIONS_OF_A_VIEWER * (LONGEST_SESSION_MS + LONGEST_BREAK_MS) + LONGEST_TRIP_MS;
        let late_ms = if self.late == Rate::NONE { 0 } else { SILENCE_OVER_MS + LATEST_MS + PUT_OFF_MS };
        let copies_ms = if self.duplicates == Rate::NONE { 0 } else { LAST_COPY_MS };
        live_ms + late_ms + copies_ms + HOUR_MS
    }

    /// Names the run: its files, and what the ids of its sessions and profiles are made from.
    #[must_use]
    pub fn run_name(&self) -> String {
        let start = chrono::DateTime::from_timestamp_millis(self.start_ms)
            .map_or_else(|| self.start_ms.to_string(), |start| start.format("%Y%m%dT%H%M%S%.3fZ").to_string());
        format!("seed-{}-start-{start}", self.seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_shares_or_percents() {
        let rate = |text: &str| text.parse::<Rate>().map(Rate::per_million);
        assert_eq!(["0", "0.05", "5%", "0.5 %", "100%", "1"].map(rate), [0, 50_000, 50_000, 5_000, 1_000_000, 1_000_000].map(Ok));
        for text in ["5", "-1%", "101%", "", "%", "NaN", "many", "1e9"] {
            assert_eq!(rate(text), Err(NotARate), "{text}");
        }
        assert_eq!(Rate { per_million: 50_000 }.to_string(), "5%");
    }

    #[test]
    fn nothing_is_received_more_than_72_h_after_it_happened() {
        let oldest_ms = LONGEST_TRIP_MS + SILENCE_OVER_MS + LATEST_MS + PUT_OFF_MS + LAST_COPY_MS;
        assert!(oldest_ms < 72 * HOUR_MS);
    }

    #[test]
    fn a_run_has_a_name_of_its_own() {
        let rate = Rate::NONE;
        let settings = Settings {
            seed: 7,
            start_ms: 1_714_852_800_000,
            sessions: 1,
            duplicates: rate,
            disorder: rate,
            late: rate,
            lost: rate,
            poison: rate,
        };
        assert_eq!(settings.run_name(), "seed-7-start-20240504T200000.000Z");
    }
}
