//! A fuzz target as a plain function.

use super::columns::Column;
use super::events::{Encoder, RowIds};
use super::reader::Rows;
use crate::ReceivedTime;

/// Reads any bytes as a file of viewing activity, and holds every row to be either refused with its line or encodable.
///
/// # Panics
/// Where an invariant is broken.
pub fn fuzz_csv(data: &[u8]) {
    let Ok(mut rows) = Rows::new(data) else { return };
    // 2100, so that views of any plausible time have ended.
    let encoder = Encoder::new(1, 2, ReceivedTime { ms: 4_102_444_800_000, now_ms: 4_102_444_800_000, is_given: true });
    let mut ids = RowIds::default();
    let mut last_line = 1;
    while let Ok(Some(row)) = rows.next_row() {
        let line = match &row {
            Ok((line, _)) => *line,
            Err(error) => error.line,
        };
        assert!(line > last_line, "lines are read in order");
        last_line = line;
        let Ok((line, row)) = row else { continue };
        assert!(!row.profile.is_empty() && !row.title.is_empty() && row.duration_ms >= 0 && row.bookmark_ms >= 0);
        let (first, second) = (ids.next_id(&row), ids.next_id(&row));
        assert_ne!(first, second, "equal rows have ids of their own");
        if let Err(error) = encoder.encode(line, &row, first, rows.columns()) {
            assert!(error.column.is_some(), "{error}: a limit is that of a column");
        }
    }
    assert!(!rows.columns().name(Column::Title).is_empty());
}
