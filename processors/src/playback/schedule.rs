//! When a row must be looked at again. Pure: log times in, log time out.

use super::PlaybackConfig;
use super::row::{ClosedBy, Row};

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// An open session with new events is reported after this many minutes, then each full hour after its first record.
const MARKS_MIN: [i64; 4] = [5, 10, 20, 40];

/// A closed session that late events change is reported at most this often.
const LATE_REPORT_MS: i64 = 10 * SECOND_MS;

/// What is due for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// An open session's mark: report what is new.
    Mark,
    /// Silence: close.
    Silence,
    /// The row's day is over: close for good.
    Cut,
    /// Late events of a closed session wait to be reported.
    LateReport,
    /// Forget the row.
    Eviction,
}

/// What comes next for a row, and when, ms.
pub(super) fn next(row: &Row, config: &PlaybackConfig) -> (i64, Due) {
    if !row.is_closed() {
        let cut_ms = cut_at_ms(row, config);
        let silence_ms = row.last_log_ms().saturating_add(config.silence_ms);
        let mark_ms = mark_at_ms(row.opened_log_ms, row.mark);
        return [(cut_ms, Due::Cut), (silence_ms, Due::Silence), (mark_ms, Due::Mark)]
            .into_iter()
            .min_by_key(|&(due_ms, _)| due_ms)
            .expect("three");
    }
    let eviction_ms = eviction_at_ms(row, config);
    if row.is_unsaid() {
        let report_ms = late_report_at_ms(row);
        if report_ms <= eviction_ms {
            return (report_ms, Due::LateReport);
        }
    }
    (eviction_ms, Due::Eviction)
}

/// From when on a row that was reported may be reported again for late events.
pub(super) fn late_report_at_ms(row: &Row) -> i64 {
    i64::from(row.said_s) * SECOND_MS + LATE_REPORT_MS
}

/// The end of a row's day: events from then on belong to another row, and no row opens again after it.
pub(super) fn cut_at_ms(row: &Row, config: &PlaybackConfig) -> i64 {
    row.opened_log_ms.saturating_add(config.cut_after_ms)
}

/// The end of the hour of (its last closing, or its largest effective time, the later), plus H.
pub(super) fn eviction_at_ms(row: &Row, config: &PlaybackConfig) -> i64 {
    last_hour(row).saturating_add(1).saturating_mul(HOUR_MS).saturating_add(config.state_horizon_ms)
}

/// The hour of a closed row's last closing, or of its largest effective time, the later.
pub(super) fn last_hour(row: &Row) -> i64 {
    let closed_ms = i64::from(row.closed_s) * SECOND_MS;
    closed_ms.max(row.cursor.last.0.div_euclid(1000)).div_euclid(HOUR_MS)
}

/// Closed rows of all hours before this one are forgotten at `log_time_ms`.
pub(super) fn first_kept_hour(log_time_ms: i64, config: &PlaybackConfig) -> i64 {
    log_time_ms.saturating_sub(config.state_horizon_ms).div_euclid(HOUR_MS)
}

/// Log time of a mark.
fn mark_at_ms(opened_log_ms: i64, mark: u8) -> i64 {
    let after_ms = match MARKS_MIN.get(usize::from(mark)) {
        Some(minutes) => minutes * MINUTE_MS,
        None => (i64::from(mark) - MARKS_MIN.len() as i64 + 1) * HOUR_MS,
    };
    opened_log_ms.saturating_add(after_ms)
}

/// The first mark after `log_time_ms`.
pub(super) fn mark_after(opened_log_ms: i64, log_time_ms: i64) -> u8 {
    (0..u8::MAX).find(|&mark| mark_at_ms(opened_log_ms, mark) > log_time_ms).unwrap_or(u8::MAX)
}

/// Whole seconds, rounded up: never early.
pub(super) fn seconds_up(time_ms: i64) -> u32 {
    u32::try_from(time_ms.saturating_add(SECOND_MS - 1).div_euclid(SECOND_MS).max(0)).unwrap_or(u32::MAX)
}

impl Row {
    /// Whether the row's day is over at `log_time_ms`.
    pub(super) fn is_past_cut(&self, log_time_ms: i64, config: &PlaybackConfig) -> bool {
        log_time_ms >= cut_at_ms(self, config)
    }

    /// Closes the row at `log_time_ms`.
    pub(super) fn close(&mut self, closed_by: ClosedBy, log_time_ms: i64) {
        self.closed_by = Some(closed_by);
        self.closed_s = seconds_up(log_time_ms);
    }

    /// Opens a closed row again.
    pub(super) fn reopen(&mut self, log_time_ms: i64) {
        self.closed_by = None;
        self.mark = mark_after(self.opened_log_ms, log_time_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_come_after_5_10_20_and_40_minutes_then_each_hour() {
        let minutes: Vec<i64> = (0..8).map(|mark| mark_at_ms(0, mark) / MINUTE_MS).collect();
        assert_eq!(minutes, [5, 10, 20, 40, 60, 120, 180, 240]);
        assert_eq!(mark_after(0, 0), 0);
        assert_eq!(mark_after(0, 5 * MINUTE_MS), 1);
        assert_eq!(mark_after(0, 61 * MINUTE_MS), 5);
    }

    #[test]
    fn seconds_are_never_early() {
        assert_eq!([0, 1, 999, 1000, 1001].map(seconds_up), [0, 1, 1, 1, 2]);
        assert_eq!(seconds_up(i64::MAX), u32::MAX);
    }
}
