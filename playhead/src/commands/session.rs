//! `playhead session`

use std::ops::ControlFlow;
use std::sync::Arc;

use pipeline::{heartbeat, partition_for};
use schemas::{CleanPlaybackEvent, Decoder, PlaybackEvent, QosSessionSummary, Record as _, Schema, json};
use serde::Serialize;
use serde_json::{Value, json};
use serving::{ServingStore as _, SessionRow, rfc3339};

use super::unreported::{CLEAN, when_reported};
use crate::answer::Answer;
use crate::cli::Session;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::shown;

#[derive(Serialize)]
struct Shown<'s> {
    session_id: &'s str,
    rows: Vec<SessionRow>,
    qos: Vec<Value>,
    timeline: Vec<Moment>,
}

/// What happened when.
#[derive(Serialize)]
struct Moment {
    /// Since the first event, microseconds.
    offset_us: i64,
    effective_time: String,
    late: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    position_ms: Option<i64>,
    duration_ms: Option<i64>,
    bitrate_bps: Option<i64>,
    playback_rate: Option<f32>,
    cdn: Option<String>,
    error_code: Option<String>,
    error_fatal: Option<bool>,
    #[serde(skip)]
    order: (i64, Option<i64>),
}

pub(super) fn run(args: &Session, config: &Config, folder: &DataFolder, answer: &mut Answer) -> anyhow::Result<Verdict> {
    let session_id = args.session_id.as_str();
    let rows = folder.store.session(session_id)?;
    let timeline = timeline(session_id, folder)?;
    let (is_reported, is_known) = (!rows.is_empty(), !rows.is_empty() || !timeline.is_empty());
    let mut qos = Vec::new();
    let mut figures = Vec::new();
    folder.store.qos_of_session(session_id, &mut |summary| {
        qos.push(as_json(summary));
        figures.push(figures_of(summary));
    })?;
    if answer.is_json {
        answer.json(&Shown { session_id, rows, qos, timeline })?;
        return Ok(if is_known { Verdict::Well } else { Verdict::BadNews });
    }
    if !is_known {
        answer.line(&format!("there is no session {session_id}; `playhead history PROFILE` lists a profile's sessions"))?;
        return Ok(Verdict::BadNews);
    }
    if !is_reported {
        answer.heading(&format!("session {session_id}"))?;
        answer.line(&format!("  not reported yet: sessions are {}", when_reported(config.playback.silence_ms)))?;
    }
    for row in &rows {
        show_row(row, answer)?;
    }
    for figures in figures {
        answer.line("")?;
        answer.table(&["QUALITY OF SERVICE", ""], &[1], figures)?;
    }
    answer.line("")?;
    show_timeline(&timeline, answer)?;
    Ok(Verdict::Well)
}

/// The summary with the names and notation of its schema.
fn as_json(summary: &QosSessionSummary<'_>) -> Value {
    let mut body = Vec::new();
    summary.encode(&mut body);
    let schema = Schema::parse(QosSessionSummary::SCHEMA).expect("the schemas that are compiled in are tested");
    json::to_value(&schema, &body).unwrap_or_else(|rejection| json!({"error": rejection.reason.as_str()}))
}

/// The session's distinct events, in the order in which they happened.
fn timeline(session_id: &str, folder: &DataFolder) -> anyhow::Result<Vec<Moment>> {
    let (_, partitions) = folder.log.topic(CLEAN)?;
    let partition = partition_for(session_id.as_bytes(), partitions);
    let (first, end) = folder.log.bounds(CLEAN, partition)?;
    let mut decoder = Decoder::new::<CleanPlaybackEvent<'static>>(Arc::clone(&folder.registry) as _);
    let mut moments = Vec::new();
    let mut unreadable = None;
    folder.log.read_partition(CLEAN, partition, first, end, &mut |batch| {
        for record in &batch.records {
            let Some(value) = record.value else { continue };
            if record.key != Some(session_id.as_bytes()) || heartbeat::is_heartbeat(record) {
                continue;
            }
            let learnt = decoder.missing(value).map_or(Ok(()), |id| decoder.learn(id));
            match learnt.map_err(anyhow::Error::from).and_then(|()| Ok(decoder.decode::<CleanPlaybackEvent<'_>>(value)?)) {
                Ok(clean) => moments.push(moment(&clean)),
                Err(error) => unreadable = Some(error.context(format!("{CLEAN}-{partition}, offset {}", record.offset))),
            }
        }
        if unreadable.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(error) = unreadable {
        return Err(error);
    }
    moments.sort_by_key(|moment: &Moment| moment.order);
    let start_us = moments.first().map_or(0, |moment| moment.order.0);
    for moment in &mut moments {
        moment.offset_us = moment.order.0.saturating_sub(start_us);
    }
    Ok(moments)
}

fn moment(clean: &CleanPlaybackEvent<'_>) -> Moment {
    let PlaybackEvent { kind, position_ms, duration_ms, bitrate_bps, playback_rate, cdn, error_code, error_fatal, sequence, .. } =
        clean.event;
    let effective_time_us = clean.prefix.effective_time;
    Moment {
        offset_us: 0,
        effective_time: rfc3339(effective_time_us),
        late: clean.prefix.late,
        kind: kind.as_str(),
        position_ms,
        duration_ms,
        bitrate_bps,
        playback_rate,
        cdn: cdn.map(str::to_owned),
        error_code: error_code.map(str::to_owned),
        error_fatal,
        order: (effective_time_us, sequence),
    }
}

fn show_row(row: &SessionRow, answer: &mut Answer) -> anyhow::Result<()> {
    let content = row.episode_id.as_ref().map_or_else(|| row.title_id.clone(), |episode_id| format!("{} / {episode_id}", row.title_id));
    answer.heading(&format!("session {}", row.session_id))?;
    let outcome = row.outcome.map_or_else(|| "not started".to_owned(), |outcome| shown::words(outcome.as_str()));
    let facts = [
        ("content", content),
        ("profile", shown::or_dash(row.profile_id.as_ref())),
        ("opened", shown::time(row.opened_at)),
        ("from", shown::time(row.started_at)),
        ("to", shown::time(row.ended_at)),
        (
            "outcome",
            format!("{outcome}, ended by {}{}", shown::words(row.ended_by.as_str()), if row.is_final { "" } else { " (not final)" }),
        ),
        ("position", shown::or_dash(row.last_position_ms.map(shown::position))),
        ("watched", shown::position(row.media_ms)),
        ("device", shown::or_dash(row.device_type.as_ref())),
        ("country", shown::or_dash(row.country.as_ref())),
        ("events", format!("{} (version {})", row.event_count, row.version)),
    ];
    for (name, value) in facts {
        answer.line(&format!("  {name:<9} {value}"))?;
    }
    Ok(())
}

fn figures_of(summary: &QosSessionSummary<'_>) -> Vec<Vec<String>> {
    let bitrate = |bps: Option<i64>| shown::or_dash(bps.map(|bps| format!("{} kbit/s", bps / 1000)));
    [
        ("startup", shown::or_dash(summary.startup_ms.map(shown::duration))),
        ("playing", shown::duration(summary.playing_ms)),
        ("paused", shown::duration(summary.paused_ms)),
        ("seeking", shown::duration(summary.seeking_ms)),
        ("stalled by seeks", shown::duration(summary.seek_buffering_ms)),
        ("rebuffering", shown::duration(summary.rebuffering_ms)),
        ("ads", shown::duration(summary.ad_ms)),
        ("ads, stalled", shown::duration(summary.ad_rebuffering_ms)),
        ("background", shown::duration(summary.background_ms)),
        ("unknown", shown::duration(summary.unknown_ms)),
        ("stalls", summary.rebuffer_count.to_string()),
        ("micro stalls (< 250 ms)", summary.micro_stall_count.to_string()),
        ("seeks, pauses, ads", format!("{}, {}, {}", summary.seek_count, summary.pause_count, summary.ad_count)),
        ("errors", summary.error_count.to_string()),
        ("bitrate, mean", bitrate(summary.avg_bitrate_bps)),
        ("bitrate, switches", format!("{} up, {} down", summary.bitrate_up_count, summary.bitrate_down_count)),
        ("rebuffer ratio, CTA-2066", shown::ratio(summary.rebuffer_ratio_cta2066)),
        ("rebuffer ratio, Media3", shown::ratio(summary.rebuffer_ratio_media3)),
        ("rebuffer ratio, Mux", shown::ratio(summary.rebuffer_ratio_mux)),
        ("rebuffer ratio, without seeks", shown::ratio(summary.connection_induced_rebuffer_ratio)),
        ("lost events, anomalies", format!("{}, {}", summary.lost_events, summary.anomalies)),
    ]
    .map(|(name, figure)| vec![name.to_owned(), figure])
    .to_vec()
}

fn show_timeline(timeline: &[Moment], answer: &mut Answer) -> anyhow::Result<()> {
    let all_late = !timeline.is_empty() && timeline.iter().all(|moment| moment.late);
    if all_late {
        answer.line("every event came late")?;
    }
    let rows = timeline
        .iter()
        .map(|moment| {
            let mut details = Vec::new();
            details.extend(moment.duration_ms.map(|duration_ms| format!("took {}", shown::duration(duration_ms))));
            details.extend(moment.bitrate_bps.map(|bitrate_bps| format!("{} kbit/s", bitrate_bps / 1000)));
            details.extend(moment.playback_rate.map(|rate| format!("rate {rate}")));
            details.extend(moment.cdn.as_ref().map(|cdn| format!("cdn {cdn}")));
            details.extend(moment.error_code.clone());
            details.extend(moment.error_fatal.filter(|is_fatal| *is_fatal).map(|_| "fatal".to_owned()));
            details.extend((moment.late && !all_late).then(|| "late".to_owned()));
            vec![
                shown::offset(moment.offset_us),
                moment.kind.to_owned(),
                shown::or_dash(moment.position_ms.map(shown::position)),
                details.join(", "),
            ]
        })
        .collect();
    answer.table(&["AT", "EVENT", "POSITION", ""], &[0, 2], rows)?;
    Ok(())
}
