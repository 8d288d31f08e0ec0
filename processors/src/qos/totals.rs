//! Sums over the settled segments.

use super::{
    Durations, Label,
    cdn::CdnTimes,
    proof::{self, label_of_rest},
    timeline::Segment,
};

/// Sums over a session's segments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) durations: Durations,
    pub(super) media_us: i64,
    pub(super) avg_bitrate_bps: Option<u32>,
    pub(super) min_bitrate_bps: Option<u32>,
    pub(super) max_bitrate_bps: Option<u32>,
    pub(super) cdn: Option<u16>,
}

/// Adds the segments up. The average bitrate is weighted by media (CTA-2066).
pub(super) fn sum(segments: &[Segment], cdn_times: &mut CdnTimes) -> Totals {
    let mut totals = Totals::default();
    let mut media = 0;
    let mut known_media = 0;
    let mut bits = 0;
    for segment in segments {
        let playing_us = segment.playing_us;
        totals.durations[Label::Playing] += playing_us;
        totals.durations[label_of_rest(segment)] += segment.duration_us - playing_us;
        if playing_us == 0 {
            continue;
        }
        let segment_media = proof::media(playing_us, segment.rate_thousandths);
        media += segment_media;
        if let Some(bitrate_bps) = segment.bitrate_bps {
            known_media += segment_media;
            // At most 2^32 x 2^32 x 2^63, over all segments: no more than 128 bits hold.
            bits += segment_media * i128::from(bitrate_bps);
            totals.min_bitrate_bps = Some(totals.min_bitrate_bps.map_or(bitrate_bps, |least| least.min(bitrate_bps)));
            totals.max_bitrate_bps = totals.max_bitrate_bps.max(Some(bitrate_bps));
        }
        if let Some(cdn) = segment.cdn {
            cdn_times.add(cdn, playing_us);
        }
    }
    totals.media_us = i64::try_from(media / 1_000).unwrap_or(i64::MAX);
    // An average of 32-bit numbers.
    totals.avg_bitrate_bps = (known_media > 0).then(|| (bits / known_media) as u32);
    totals.cdn = cdn_times.take_most_played();
    totals
}
