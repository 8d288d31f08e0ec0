//! The newest snapshot that a restore can use.

use std::collections::{BTreeMap, BTreeSet};

use super::file::{self, Of};
use super::segment::{Manifest, Segments};
use super::sweep::sweep;
use super::{Found, NotAState, SnapshotOptions};
use crate::step::LastRecord;
use crate::{LogError, LogTime, TopicId};

/// A partition as a snapshot holds it.
pub(crate) struct Saved<S> {
    pub(crate) state: S,
    pub(crate) log_time: LogTime,
    pub(crate) last: LastRecord,
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
/// told of, and the one before is taken. `is_ours` says whether the log has the record that a snapshot saw last: where it has another, both
/// come from copies of one log that went ways of their own, and the snapshot is deleted. `load` gives the state, and the numbers of the segments that it points to. Segments that no snapshot names are deleted: they too may be of another history.
pub(crate) fn newest_usable<S>(
    options: &SnapshotOptions,
    stage: &str,
    of: (u64, TopicId, u32),
    (first, committed): (i64, i64),
    new_log_time: &LogTime,
    mut is_ours: impl FnMut(LastRecord) -> Result<bool, LogError>,
    load: impl Fn(&[u8]) -> Result<(S, BTreeSet<u32>), NotAState>,
) -> Result<Option<Saved<S>>, LogError> {
    let (state_format, topic_id, partition) = of;
    let folder = file::folder(stage, topic_id, partition);
    let tell = |name: &str, why: &dyn std::fmt::Display| (options.on_problem)(&format!("snapshot {folder}/{name}: {why}"));
    let files = match options.store.list(&folder) {
        Ok(files) => files,
        Err(error) => {
            tell("", &error);
            return Ok(None);
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
        let bytes = options.store.read(&folder, &file.name);
        let read = bytes.as_ref().map_err(|error| NotAState(error.to_string())).and_then(|bytes| {
            let read = file::read(bytes, &of, new_log_time.clone())?;
            check_segments(&read.manifest, &files)?;
            Ok(read)
        });
        let loaded = match read {
            Ok(read) if !is_ours(read.last)? => {
                let deleted = options.store.delete(&folder, &file.name);
                let fate = deleted.map_or_else(|error| format!("not deleted: {error}"), |()| "deleted".to_owned());
                tell(&file.name, &format!("it is of another log that this one is a copy of, or that is one of this: {fate}"));
                continue;
            }
            Ok(read) => load(read.state).and_then(|(state, in_use)| {
                if let Some(number) = in_use.iter().find(|number| !read.manifest.contains_key(number)) {
                    return Err(NotAState(format!("its state points to a segment {number} that it does not name")));
                }
                let segments = Segments::new(options.store.clone(), folder.clone(), state_format, read.manifest);
                Ok(Saved { state, log_time: read.log_time, last: read.last, beat: read.beat, offset, segments })
            }),
            Err(why) => Err(why),
        };
        match loaded {
            Ok(saved) => {
                usable = Some(saved);
                break;
            }
            Err(why) => tell(&file.name, &why),
        }
    }
    let newest = usable.as_ref().map_or(committed, |saved| saved.offset);
    if !files.is_empty()
        && let Err(problem) = sweep(&*options.store, &folder, newest, committed)
    {
        (options.on_problem)(&problem);
    }
    Ok(usable)
}

/// Whether every segment is there, in its length. What is in it is checked when it is read.
fn check_segments(named: &Manifest, files: &[Found]) -> Result<(), NotAState> {
    let there: BTreeMap<&str, u64> = files.iter().map(|file| (file.name.as_str(), file.bytes)).collect();
    match named.values().find(|segment| there.get(segment.name.as_str()) != Some(&segment.bytes)) {
        None => Ok(()),
        Some(segment) => Err(NotAState(format!("segment {} is not there, or not in its length", segment.name))),
    }
}
