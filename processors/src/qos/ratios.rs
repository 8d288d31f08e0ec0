//! Rebuffering ratios, each as its source defines it. They are derived from the durations; over many sessions they are made of the
//! summed durations, never as a mean of ratios.

use super::{Label, Summary};

impl Summary {
    /// Stall time over watched time, pauses excluded (CTA-2066). None where nothing was watched.
    #[must_use]
    pub fn rebuffer_ratio_cta2066(&self) -> Option<f64> {
        self.rebuffering_over(&[Label::Starting, Label::Playing, Label::Rebuffering, Label::Seeking, Label::SeekBuffering])
    }

    /// androidx.media3's PlaybackStats.getRebufferTimeRatio: waiting for the start counts only where the start can be told.
    #[must_use]
    pub fn rebuffer_ratio_media3(&self) -> Option<f64> {
        match self.startup_us {
            Some(_) => self.rebuffer_ratio_cta2066(),
            None => self.rebuffering_over(&[Label::Playing, Label::Rebuffering, Label::Seeking, Label::SeekBuffering]),
        }
    }

    /// mux-embed's rebuffer duration over watch time: all but paused, background, ended and unknown.
    #[must_use]
    pub fn rebuffer_ratio_mux(&self) -> Option<f64> {
        self.rebuffering_over(&[
            Label::Starting,
            Label::Playing,
            Label::Seeking,
            Label::SeekBuffering,
            Label::Rebuffering,
            Label::Ad,
            Label::AdRebuffering,
        ])
    }

    /// Rebuffering over rebuffering and playing, seek-induced stalls excluded (as Conviva counts it).
    #[must_use]
    pub fn connection_induced_rebuffer_ratio(&self) -> Option<f64> {
        self.rebuffering_over(&[Label::Rebuffering, Label::Playing])
    }

    fn rebuffering_over(&self, labels: &[Label]) -> Option<f64> {
        let denominator_us: i64 = labels.iter().map(|&label| self.durations[label]).sum();
        (denominator_us > 0).then(|| self.durations[Label::Rebuffering] as f64 / denominator_us as f64)
    }
}
