//! A fuzz target as a plain function.

use std::sync::LazyLock;

use super::columns::Column;
use super::events::{Encoder, RowIds};
use super::reader::Rows;
use crate::ReceivedTime;

/// One for all runs: it compiles the plan of an event, which takes far longer than a file of some rows. It keeps nothing of a row.
///
/// What it makes is received in 2100, so that views of any plausible time have ended.
static ENCODER: LazyLock<Encoder> =
    LazyLock::new(|| Encoder::new(1, 2, ReceivedTime { ms: 4_102_444_800_000, now_ms: 4_102_444_800_000, is_given: true }));

/// Reads any bytes as a file of viewing activity, and holds every row to be either refused with its line or encodable. On the way lie lines,
/// the header, fields and quotes, cells, ids and the limits of events; the rows that became events are counted, so that a run knows whether
/// its inputs come that far.
///
/// # Panics
/// Where an invariant is broken.
pub fn fuzz_csv(data: &[u8]) -> usize {
    let Ok(mut rows) = Rows::new(data) else { return 0 };
    let mut ids = RowIds::default();
    let mut last_line = 1;
    let mut encoded = 0;
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
        match ENCODER.encode(line, &row, first, rows.columns()) {
            Ok(_) => encoded += 1,
            Err(error) => assert!(error.column.is_some(), "{error}: a limit is that of a column"),
        }
    }
    assert!(!rows.columns().name(Column::Title).is_empty());
    encoded
}
