//! `playhead qos`

use std::collections::BTreeMap;

use schemas::{Outcome, QosSessionSummary};
use serde_json::{Map, Value};

use super::time_us;
use crate::answer::Answer;
use crate::cli::{Dimension, Qos};
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::shown;

impl Dimension {
    const fn name(self) -> &'static str {
        match self {
            Self::DeviceType => "device_type",
            Self::Country => "country",
            Self::Cdn => "cdn",
            Self::Player => "player",
            Self::AppVersion => "app_version",
        }
    }

    fn of(self, summary: &QosSessionSummary<'_>) -> Option<String> {
        match self {
            Self::DeviceType => summary.device_type,
            Self::Country => summary.country,
            Self::Cdn => summary.cdn,
            Self::Player => summary.player,
            Self::AppVersion => summary.app_version,
        }
        .map(str::to_owned)
    }
}

/// Sums over sessions: a ratio of sums, never a mean of ratios.
#[derive(Default)]
struct Group {
    sessions: u64,
    /// Sessions whose player measured something: an import's have a startup of exactly 0 ms, which nobody measured.
    measured_sessions: u64,
    startups_ms: Vec<i64>,
    rebuffering_ms: i64,
    /// Starting, playing, rebuffering, seeking, stalled by seeks (CTA-2066: watched time, pause excluded).
    watched_ms: i64,
    exits_before_start: u64,
    start_failures: u64,
    play_failures: u64,
}

impl Group {
    fn add(&mut self, summary: &QosSessionSummary<'_>) {
        self.sessions += 1;
        if summary.startup_ms != Some(0) {
            self.measured_sessions += 1;
            self.startups_ms.extend(summary.startup_ms);
            self.rebuffering_ms += summary.rebuffering_ms;
            self.watched_ms +=
                summary.starting_ms + summary.playing_ms + summary.rebuffering_ms + summary.seeking_ms + summary.seek_buffering_ms;
        }
        match summary.outcome {
            Some(Outcome::ExitBeforeStart) => self.exits_before_start += 1,
            Some(Outcome::StartFailure) => self.start_failures += 1,
            Some(Outcome::PlayFailure) => self.play_failures += 1,
            Some(Outcome::Played) | None => {}
        }
    }

    fn rebuffer_ratio(&self) -> Option<f64> {
        (self.watched_ms > 0).then(|| self.rebuffering_ms as f64 / self.watched_ms as f64)
    }
}

/// The smallest value that at least `percent` of the values do not exceed (nearest rank). `sorted` is in rising order.
fn quantile(sorted: &[i64], percent: usize) -> Option<i64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

pub(super) fn run(args: &Qos, folder: &DataFolder, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let since_us = time_us("--since", args.since.as_deref())?.unwrap_or(i64::MIN);
    let mut groups: BTreeMap<Vec<Option<String>>, Group> = BTreeMap::new();
    folder.store.qos_of_all(&mut |summary| {
        if summary.opened_at >= since_us {
            groups.entry(args.by.iter().map(|dimension| dimension.of(summary)).collect()).or_default().add(summary);
        }
    })?;
    for group in groups.values_mut() {
        group.startups_ms.sort_unstable();
    }
    if answer.is_json {
        let shown: Vec<Value> = groups.iter().map(|(key, group)| as_json(&args.by, key, group)).collect();
        answer.json(&shown)?;
        return Ok(Verdict::Well);
    }
    if groups.is_empty() {
        answer.line(
            &args
                .since
                .as_ref()
                .map_or_else(|| "no session is reported yet".to_owned(), |since| format!("no session was opened at or after {since}")),
        )?;
        return Ok(Verdict::Well);
    }
    let names: Vec<String> = args.by.iter().map(|dimension| dimension.name().replace('_', " ").to_uppercase()).collect();
    let figures = ["SESSIONS", "STARTUP P50", "STARTUP P95", "REBUFFER RATIO", "EXITS BEFORE START", "START FAILURES", "PLAY FAILURES"];
    let header: Vec<&str> = names.iter().map(String::as_str).chain(figures).collect();
    let right: Vec<usize> = (names.len()..header.len()).collect();
    let rows = groups.iter().map(|(key, group)| {
        let dimensions = key.iter().map(|value| shown::or_dash(value.as_ref()));
        let startup = |percent| shown::or_dash(quantile(&group.startups_ms, percent).map(shown::duration));
        let counts = [group.exits_before_start, group.start_failures, group.play_failures].map(shown::count);
        let figures = [shown::count(group.sessions), startup(50), startup(95), shown::ratio(group.rebuffer_ratio())];
        dimensions.chain(figures).chain(counts).collect()
    });
    answer.table(&header, &right, rows.collect())?;
    Ok(Verdict::Well)
}

fn as_json(by: &[Dimension], key: &[Option<String>], group: &Group) -> Value {
    let mut shown = Map::new();
    for (dimension, value) in by.iter().zip(key) {
        shown.insert(dimension.name().into(), value.clone().into());
    }
    let measured = |sum_ms: i64| (group.measured_sessions > 0).then_some(sum_ms);
    let figures: [(&str, Value); 10] = [
        ("sessions", group.sessions.into()),
        ("measured_sessions", group.measured_sessions.into()),
        ("startup_p50_ms", quantile(&group.startups_ms, 50).into()),
        ("startup_p95_ms", quantile(&group.startups_ms, 95).into()),
        ("rebuffering_ms", measured(group.rebuffering_ms).into()),
        ("watched_ms", measured(group.watched_ms).into()),
        ("rebuffer_ratio_cta2066", group.rebuffer_ratio().into()),
        ("exits_before_start", group.exits_before_start.into()),
        ("start_failures", group.start_failures.into()),
        ("play_failures", group.play_failures.into()),
    ];
    shown.extend(figures.map(|(name, value)| (name.to_owned(), value)));
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let values: Vec<i64> = (1..=20).collect();
        assert_eq!(quantile(&values, 50), Some(10));
        assert_eq!(quantile(&values, 95), Some(19));
        assert_eq!(quantile(&[7], 50), Some(7));
        assert_eq!(quantile(&[7, 9], 95), Some(9));
        assert_eq!(quantile(&[], 95), None);
    }
}
