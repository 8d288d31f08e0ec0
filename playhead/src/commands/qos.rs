//! `playhead qos`

use std::collections::BTreeMap;

use schemas::QosSessionSummary;
use serde_json::{Map, Value};

use super::time_us;
use crate::answer::Answer;
use crate::cli::{Dimension, Qos};
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::service_quality::ServiceQuality;
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

pub(super) fn run(args: &Qos, folder: &DataFolder, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let since_us = time_us("--since", args.since.as_deref())?.unwrap_or(i64::MIN);
    let mut groups: BTreeMap<Vec<Option<String>>, ServiceQuality> = BTreeMap::new();
    folder.store.qos_of_all(&mut |summary| {
        if summary.opened_at >= since_us {
            groups.entry(args.by.iter().map(|dimension| dimension.of(summary)).collect()).or_default().add(&summary.into());
        }
    })?;
    for group in groups.values_mut() {
        group.sort();
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
    let figures = ["SESSIONS", "P50", "P95", "REBUFFER", "EXITS", "START", "PLAY"];
    let header: Vec<&str> = names.iter().map(String::as_str).chain(figures).collect();
    let right: Vec<usize> = (names.len()..header.len()).collect();
    let rows = groups.iter().map(|(key, group)| {
        let dimensions = key.iter().map(|value| shown::or_dash(value.as_ref()));
        let startup = |percent| shown::or_dash(group.startup_quantile_ms(percent).map(shown::duration));
        let counts = [group.exits_before_start, group.start_failures, group.play_failures].map(shown::count);
        let figures = [shown::count(group.sessions), startup(50), startup(95), shown::ratio(group.rebuffer_ratio())];
        dimensions.chain(figures).chain(counts).collect()
    });
    answer.table(&header, &right, rows.collect())?;
    let legend = [
        "P50, P95: time to the first picture.",
        "REBUFFER: ratio of CTA-2066.",
        "EXITS before the start; failures to START and to PLAY on.",
    ];
    answer.line("")?;
    shown::wrapped("", legend.map(str::to_owned)).iter().try_for_each(|line| answer.line(line))?;
    Ok(Verdict::Well)
}

fn as_json(by: &[Dimension], key: &[Option<String>], group: &ServiceQuality) -> Value {
    let mut shown = Map::new();
    for (dimension, value) in by.iter().zip(key) {
        shown.insert(dimension.name().into(), value.clone().into());
    }
    shown.extend(group.as_json());
    shown.into()
}
