//! What the fold says about a session.

use std::ops::{Index, IndexMut};

use schemas::{EndedBy, Outcome};

use super::Label;

/// Microseconds of each label. They add up to the time from the first event to the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations([i64; Label::ALL.len()]);

impl Durations {
    /// The time from the first event to the last.
    #[must_use]
    pub fn total_us(&self) -> i64 {
        self.0.iter().sum()
    }
}

impl Index<Label> for Durations {
    type Output = i64;

    fn index(&self, label: Label) -> &i64 {
        &self.0[label as usize]
    }
}

impl IndexMut<Label> for Durations {
    fn index_mut(&mut self, label: Label) -> &mut i64 {
        &mut self.0[label as usize]
    }
}

/// The figures of a session's quality of service. Strings are indices in the session's table of strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Distinct events.
    pub event_count: u32,
    /// Effective time of the first event, microseconds since 1970.
    pub started_at_us: i64,
    /// Effective time of the last event, microseconds since 1970.
    pub ended_at_us: i64,
    /// What ended it.
    pub ended_by: EndedBy,
    /// What came of it; none while that is open.
    pub outcome: Option<Outcome>,
    /// From the viewer's wish to play to the first frame, without ads; none where it can't be told.
    pub startup_us: Option<i64>,
    /// Time of each label.
    pub durations: Durations,
    /// Content played: playing time x rate.
    pub media_us: i64,
    /// Stalls that were shown and that neither a seek nor an ad caused.
    pub rebuffer_count: u32,
    /// Such stalls that were too short to be shown.
    pub micro_stall_count: u32,
    /// Seeks; scrubbing is one.
    pub seek_count: u32,
    /// Pauses.
    pub pause_count: u32,
    /// Ads, several in a break included.
    pub ad_count: u32,
    /// Errors, fatal or not.
    pub error_count: u32,
    /// Code of the first error that carries one.
    pub first_error_code: Option<u16>,
    /// Switches to a higher bitrate after the start.
    pub bitrate_up_count: u32,
    /// Switches to a lower bitrate after the start.
    pub bitrate_down_count: u32,
    /// Mean bitrate of the content played whose bitrate is known (CTA-2066), rounded down.
    pub avg_bitrate_bps: Option<i64>,
    /// Lowest bitrate of content played.
    pub min_bitrate_bps: Option<i64>,
    /// Highest bitrate of content played.
    pub max_bitrate_bps: Option<i64>,
    /// The last bitrate known at the first frame.
    pub startup_bitrate_bps: Option<i64>,
    /// The content delivery network with most playing time; if nothing was played, the first known.
    pub cdn: Option<u16>,
    /// Whether the viewer left in a stall.
    pub ended_in_rebuffer: bool,
    /// Missing numbers between the lowest and the highest sequence.
    pub lost_events: i64,
    /// Events that contradict others.
    pub anomalies: u32,
}

impl Summary {
    /// Whether nothing but late events can change it.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.ended_by != EndedBy::Open
    }

    /// Whole milliseconds of a label, rounded down.
    #[must_use]
    pub fn label_ms(&self, label: Label) -> i64 {
        self.durations[label] / 1_000
    }

    /// Whole milliseconds to the first frame, rounded down.
    #[must_use]
    pub fn startup_ms(&self) -> Option<i64> {
        self.startup_us.map(|startup_us| startup_us / 1_000)
    }

    /// Whole milliseconds of content played, rounded down.
    #[must_use]
    pub const fn media_ms(&self) -> i64 {
        self.media_us / 1_000
    }
}
