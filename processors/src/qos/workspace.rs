//! Memory that folds reuse.

use super::{
    cdn::CdnTimes, intervals::Interval, labels::Run, opened::Intervals, proof::WatchTime, stall_parts::ShownPart, timeline::Segment,
};

/// Memory that folds reuse, so that none is allocated per fold. It carries nothing from one fold to the next.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(super) intervals: Intervals,
    /// What pauses, background and ends cover together.
    pub(super) hidden: Vec<Interval>,
    pub(super) stalls: Vec<ShownPart>,
    pub(super) runs: Vec<Run>,
    pub(super) segments: Vec<Segment>,
    pub(super) watch_times: Vec<WatchTime>,
    pub(super) unproven: Vec<usize>,
    pub(super) cdn_times: CdnTimes,
    pub(super) sequences: Vec<i64>,
}

impl Workspace {
    /// An empty workspace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
