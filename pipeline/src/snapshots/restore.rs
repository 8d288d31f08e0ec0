//! The newest snapshot that a restore can use.

use std::collections::BTreeSet;

use super::file::{self, Of};
use super::segment::{Manifest, Segments};
use super::sweep::sweep;
use super::{Found, NotAState, SnapshotOptions};
use crate::{LogTime, TopicId};

/// A partition as a snapshot holds it.
pub(crate) struct Saved<S> {
    pub(crate) state: S,
    pub(crate) log_time: LogTime,
    pub(crate) beat: i64,
    pub(crate) offset: i64,
    pub(crate) segments: Segments,
}

/// The segments of a partition that has no snapshot.
pub(crate) fn no_segments(options: &SnapshotOptions, stage: &str, (state_format, topic_id, partition): (u64, TopicId, u32)) -> Segments {
    Segments::new(options.store.clone(), file::folder(stage, topic_id, partition), state_format, Manifest::new())
}

/// Looks for the newest snapshot of a partition between the log's `first` offset and the `committed` one. Those above the committed offset
/// are of another history (a log that was put back from a copy), and are deleted before it can reach them; one that is not usable is
/// told of, and the one before is taken. `load` gives the state, and the numbers of the segments that it points to. Segments that no snapshot names are deleted: they too may be of another history.
pub(crate) fn newest_usable<S>(
    options: &SnapshotOptions,
    stage: &str,
    of: (u64, TopicId, u32),
    (first, committed): (i64, i64),
    new_log_time: &LogTime,
    load: impl Fn(&[u8]) -> Result<(S, BTreeSet<u32>), NotAState>,
) -> Option<Saved<S>> {
    let (state_format, topic_id, partition) = of;
    let folder = file::folder(stage, topic_id, partition);
    let tell = |name: &str, why: &dyn std::fmt::Display| (options.on_problem)(&format!("snapshot {folder}/{name}: {why}"));
    let files = match options.store.list(&folder) {
        Ok(files) => files,
        Err(error) => {
            tell("", &error);
            return None;
        }
    };
    let mut snapshots: Vec<(i64, &Found)> = files.iter().filter_map(|file| Some((file::offset_of(&file.name)?, file))).collect();
    snapshots.sort_unstable_by_key(|&(offset, _)| std::cmp::Reverse(offset));
    let mut usable = None;
    for (offset, file) in snapshots {
        if offset > committed {
            tell(&file.name, &format!("it is of offset {offset}, and only {committed} is committed: deleted"));
            if let Err(error) = options.store.delete(&folder, &file.name) {
                tell(&file.name, &error);
            }
            continue;
        }
        if offset < first {
            tell(&file.name, &format!("the log begins at offset {first}, behind it"));
            break;
        }
        let of = Of { state_format, topic_id, partition, offset };
        let read = options.store.read(&folder, &file.name).map_err(|error| NotAState(error.to_string())).and_then(|bytes| {
            let read = file::read(&bytes, &of, new_log_time.clone())?;
            check_segments(&read.manifest, &files)?;
            let (state, in_use) = load(read.state)?;
            if let Some(number) = in_use.iter().find(|number| !read.manifest.contains_key(number)) {
                return Err(NotAState(format!("its state points to a segment {number} that it does not name")));
            }
            let segments = Segments::new(options.store.clone(), folder.clone(), state_format, read.manifest);
            Ok(Saved { state, log_time: read.log_time, beat: read.beat, offset, segments })
        });
        match read {
            Ok(saved) => {
                usable = Some(saved);
                break;
            }
            Err(why) => tell(&file.name, &why),
        }
    }
    if !files.is_empty()
        && let Err(problem) = sweep(&*options.store, &folder, committed)
    {
        (options.on_problem)(&problem);
    }
    usable
}

/// Whether every segment is there, in its length. What is in it is checked when it is read.
fn check_segments(named: &Manifest, files: &[Found]) -> Result<(), NotAState> {
    match named.values().find(|segment| !files.iter().any(|file| file.name == segment.name && file.bytes == segment.bytes)) {
        None => Ok(()),
        Some(segment) => Err(NotAState(format!("segment {} is not there, or not in its length", segment.name))),
    }
}
