//! What a process was doing when it died, by what it left behind.

use std::fs;

use pipeline::local::LocalLog;

use crate::support::Folder;

/// The steps of a command, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Nothing is appended yet.
    Starting,
    /// Some is.
    Appending,
    Playback,
    Profile,
    /// Or behind it: all is in the log.
    Serving,
}

impl Phase {
    pub(super) const ALL: [Self; 5] = [Self::Starting, Self::Appending, Self::Playback, Self::Profile, Self::Serving];
}

/// Where each step ends.
pub(super) struct Stages {
    raw_records: i64,
}

impl Stages {
    /// As in a folder that nobody disturbed.
    pub(super) fn of(undisturbed: &Folder) -> Self {
        Self { raw_records: records(&LocalLog::open(&undisturbed.data().join("log.redb")).unwrap(), "playback_events") }
    }

    /// How far a folder is. A copy is asked, since opening a log mends what a kill has left of it: that is for the process that is started next.
    pub(super) fn phase(&self, folder: &Folder) -> Phase {
        let copy = folder.path("copy-of-log.redb");
        let log = fs::copy(folder.data().join("log.redb"), &copy).ok().and_then(|_| LocalLog::open(&copy).ok());
        let phase = log.as_ref().map_or(Phase::Starting, |log| match records(log, "playback_events") {
            0 => Phase::Starting,
            appended if appended < self.raw_records => Phase::Appending,
            _ if !has_read(log, "playback", "playback_events") => Phase::Playback,
            _ if !has_read(log, "profile", "viewing_progress") => Phase::Profile,
            _ => Phase::Serving,
        });
        drop(log);
        fs::remove_file(&copy).ok();
        phase
    }
}

/// None where the topic was not made yet.
fn records(log: &LocalLog, topic: &str) -> i64 {
    let Ok((_, partitions)) = log.topic(topic) else { return 0 };
    (0..partitions).map(|partition| log.bounds(topic, partition).unwrap().1).sum()
}

/// Whether a stage has read all of its input.
fn has_read(log: &LocalLog, stage: &str, input: &str) -> bool {
    let (_, partitions) = log.topic(input).unwrap();
    (0..partitions).all(|partition| {
        let committed = log.committed(stage, input, partition).unwrap();
        committed.is_some_and(|committed| committed.next_offset == log.bounds(input, partition).unwrap().1)
    })
}
