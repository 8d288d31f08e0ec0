//! Deletes what no restore will need: snapshots but the last two, segments that none of them names, files that were never finished.

use std::collections::BTreeSet;

use super::file::{self, Named};
use super::{Found, KEPT, SnapshotStore, UNFINISHED, segment};

/// Sweeps the folder of a partition. The last two snapshots up to `newest`, which was just written or is restored from, are kept, and what
/// stands above it. Of segments and unfinished files only those of offsets up to `left_over` are deleted: one above it may be a newer
/// owner's, whose snapshot is still to come. Nothing is deleted that could not be told to be of no use: a problem costs space, never a result.
pub(super) fn sweep(store: &dyn SnapshotStore, folder: &str, newest: i64, left_over: i64) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{folder} was not swept of old snapshots: {error}");
    let files = store.list(folder).map_err(told)?;
    let delete = |file: &Found| store.delete(folder, &file.name).map_err(told);

    let mut snapshots: Vec<(i64, &Found)> = files.iter().filter_map(|file| Some((file::offset_of(&file.name)?, file))).collect();
    snapshots.sort_unstable_by_key(|&(offset, _)| offset);
    let above = snapshots.split_off(snapshots.partition_point(|&(offset, _)| offset <= newest));
    let kept = snapshots.split_off(snapshots.len().saturating_sub(KEPT));
    snapshots.iter().try_for_each(|(_, file)| delete(file))?;

    let mut named = BTreeSet::new();
    for (_, file) in kept.iter().chain(&above) {
        match file::named(store, folder, file).map_err(told)? {
            Named::Segments(manifest) => named.extend(manifest.into_values().map(|segment| segment.name)),
            // Another program may come back, after a step forward or back, and what its snapshots name is not known.
            Named::OtherVersion => return Ok(()),
            Named::Nothing => delete(file)?,
        }
    }
    let is_left_over = |file: &&Found| {
        let is_unnamed = file.name.ends_with(UNFINISHED) || (segment::is_segment(&file.name) && !named.contains(&file.name));
        is_unnamed && file::leading_offset(&file.name).is_some_and(|offset| offset <= left_over)
    };
    files.iter().filter(is_left_over).try_for_each(delete)
}
