//! When a content counts as watched to its end.

const LAST_MINUTES_MS: i64 = 2 * 60_000;
const LONG_RUNTIME_MS: i64 = 20 * 60_000;

/// Whether a viewing that stands at `position_ms` has completed a content of this length: at 95% of the runtime, or in the last 2 min of
/// a runtime over 20 min. Without a runtime nobody knows, so no.
#[must_use]
pub fn completed(position_ms: i64, runtime_ms: Option<i64>) -> bool {
    let Some(runtime_ms) = runtime_ms.filter(|runtime_ms| *runtime_ms > 0) else { return false };
    i128::from(position_ms) * 100 >= i128::from(runtime_ms) * 95
        || (runtime_ms > LONG_RUNTIME_MS && runtime_ms.saturating_sub(position_ms) <= LAST_MINUTES_MS)
}

#[cfg(test)]
mod tests {
    use super::completed;

    #[test]
    fn completed_at_95_percent_or_in_the_last_two_minutes_of_a_long_runtime() {
        let minute = 60_000;
        let cases = [
            (0, None, false),
            (10 * minute, Some(0), false),
            (95, Some(100), true),
            (94, Some(100), false),
            (18 * minute, Some(20 * minute), false),
            (19 * minute, Some(20 * minute), true),
            (19 * minute, Some(20 * minute + 1), true),
            (20 * minute - 1, Some(22 * minute + 1), false),
            (20 * minute + 1, Some(22 * minute + 1), true),
            (i64::MAX, Some(i64::MAX), true),
        ];
        for (position_ms, runtime_ms, expected) in cases {
            assert_eq!(completed(position_ms, runtime_ms), expected, "{position_ms} of {runtime_ms:?}");
        }
    }
}
