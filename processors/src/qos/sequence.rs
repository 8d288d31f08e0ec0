//! Gaps in the client's counter of events.

use super::Event;

/// Missing numbers between the lowest and the highest sequence. `sequences` is scratch.
pub(super) fn lost_events(events: &[Event], sequences: &mut Vec<i64>) -> i64 {
    sequences.clear();
    sequences.extend(events.iter().filter_map(Event::sequence));
    // The clock rarely contradicts the counter, so there is rarely anything to sort.
    if !sequences.is_sorted_by(|earlier, later| earlier < later) {
        sequences.sort_unstable();
        sequences.dedup();
    }
    match (sequences.first(), sequences.last()) {
        (Some(lowest), Some(&highest)) => {
            let missing = highest.abs_diff(*lowest) - (sequences.len() as u64 - 1);
            i64::try_from(missing).unwrap_or(i64::MAX)
        }
        _ => 0,
    }
}
