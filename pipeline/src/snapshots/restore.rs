//! The newest snapshot that a restore can use.

use super::file::{self, Of};
use super::{NotAState, SnapshotOptions};
use crate::{LogTime, TopicId};

/// A partition as a snapshot holds it.
pub(crate) struct Saved<S> {
    pub(crate) state: S,
    pub(crate) log_time: LogTime,
    pub(crate) beat: i64,
    pub(crate) offset: i64,
}

/// Looks for the newest snapshot of a partition between the log's `first` offset and the `committed` one. Those above the committed offset
/// are of another history (a log that was put back from a copy), and are deleted before it can reach them; one that is not usable is
/// told of, and the one before is taken.
pub(crate) fn newest_usable<S>(
    options: &SnapshotOptions,
    stage: &str,
    of: (u64, TopicId, u32),
    (first, committed): (i64, i64),
    new_log_time: &LogTime,
    load: impl Fn(&[u8]) -> Result<S, NotAState>,
) -> Option<Saved<S>> {
    let (state_format, topic_id, partition) = of;
    let folder = file::folder(stage, topic_id, partition);
    let tell = |name: &str, why: &dyn std::fmt::Display| (options.on_problem)(&format!("snapshot {folder}/{name}: {why}"));
    let mut names = match options.store.list(&folder) {
        Ok(names) => names,
        Err(error) => {
            tell("", &error);
            return None;
        }
    };
    names.sort_unstable();
    for name in names.iter().rev() {
        let Some(offset) = file::offset_of(name) else { continue };
        if offset > committed {
            tell(name, &format!("it is of offset {offset}, and only {committed} is committed: deleted"));
            if let Err(error) = options.store.delete(&folder, name) {
                tell(name, &error);
            }
            continue;
        }
        if offset < first {
            tell(name, &format!("the log begins at offset {first}, behind it"));
            return None;
        }
        let of = Of { state_format, topic_id, partition, offset };
        let read = options.store.read(&folder, name).map_err(|error| NotAState(error.to_string())).and_then(|bytes| {
            let read = file::read(&bytes, &of, new_log_time.clone())?;
            Ok(Saved { state: load(read.state)?, log_time: read.log_time, beat: read.beat, offset })
        });
        match read {
            Ok(saved) => return Some(saved),
            Err(why) => tell(name, &why),
        }
    }
    None
}
