//! Sessions and their quality of service are told together: every version of a row stands in both topics, and equally often (a session that comes
//! again after it was forgotten is told again).
//!
//! Number and hashes of the versions are compared partition by partition, as [`Tally`], and only where they differ is looked for which.

use std::collections::HashMap;

use pipeline::heartbeat;
use processors::playback::Playback;
use schemas::clean;
use serving::rfc3339;
use sink_local::INPUTS;

use super::reading::Reading;
use super::report::{Fault, SessionsReport, Tally};
use super::rows::{Identifier, RowKey};

/// Where one topic has lost its oldest records, so much more of the other is left alone, ms: timestamps rise, but not to the millisecond.
const MARGIN_MS: i64 = 3_600_000;

/// The versions of a partition, as far as both topics still hold them.
pub(super) struct Versions {
    /// Only from this time on, ms since 1970 UTC.
    from_ms: i64,
    tally: Tally,
}

impl Versions {
    /// None yet.
    pub(super) fn of_partition(reading: &mut Reading, partition: u32) -> anyhow::Result<Self> {
        let mut from_ms = i64::MIN;
        for topic in &INPUTS[..2] {
            let has_lost_some = reading.view.range(topic, partition).start > 0;
            if let Some(first_ms) = reading.first_timestamp_ms(topic, partition)?.filter(|_| has_lost_some) {
                from_ms = from_ms.max(first_ms.saturating_add(MARGIN_MS));
            }
        }
        Ok(Self { from_ms, tally: Tally::default() })
    }

    pub(super) fn add(&mut self, timestamp_ms: i64, key: &RowKey, version: i64) {
        if timestamp_ms >= self.from_ms {
            self.tally.add(print(key, version));
        }
    }
}

/// Names what stands in one topic and not in the other. `versions` are by table and partition.
pub(super) fn audit(reading: &mut Reading, versions: &[Vec<Versions>], reports: &mut [SessionsReport]) -> anyhow::Result<()> {
    let [sessions, summaries] = versions else { return Ok(()) };
    for (partition, (of_sessions, of_summaries)) in (0..).zip(sessions.iter().zip(summaries)) {
        // The ends of the two are not taken at one moment.
        let is_at_rest = reading.view.position(Playback::NAME, partition).is_at_rest();
        if is_at_rest && of_sessions.tally != of_summaries.tally {
            find(reading, partition, of_sessions.from_ms, reports)?;
        }
    }
    Ok(())
}

/// How often a version stands in each topic, and where it does last.
#[derive(Clone, Copy, Default)]
struct Places {
    counts: [u32; 2],
    offsets: [i64; 2],
}

fn find(reading: &mut Reading, partition: u32, from_ms: i64, reports: &mut [SessionsReport]) -> anyhow::Result<()> {
    let mut places: HashMap<u64, Places> = HashMap::new();
    for (table, topic) in INPUTS[..2].iter().enumerate() {
        let mut identifier = Identifier::new(reading, table);
        reading.partition(topic, partition, &mut |record| {
            if record.timestamp_ms >= from_ms
                && !heartbeat::is_heartbeat(record)
                && let Ok((key, version)) = identifier.identify(record)?
            {
                let places = places.entry(print(&key, version)).or_default();
                places.counts[table] += 1;
                places.offsets[table] = record.offset;
            }
            Ok(())
        })?;
    }
    let mut differing: Vec<Places> = places.into_values().filter(|places| places.counts[0] != places.counts[1]).collect();
    differing.sort_unstable_by_key(|places| places.offsets);
    for Places { counts, offsets } in differing {
        // The table that says more: it is at fault only where the other has the version too.
        let more = usize::from(counts[1] > counts[0]);
        let less = 1 - more;
        let (fault, table) = if counts[less] == 0 { (Fault::Missing, less) } else { (Fault::Doubled, more) };
        let what = if reports[table].findings.is_room() { row_at(reading, more, partition, offsets[more])? } else { String::new() };
        let told = format!("{}-{partition} offset {}", INPUTS[more], offsets[more]);
        let (place, detail) = match fault {
            Fault::Missing => (format!("{}-{partition}", INPUTS[less]), format!("{what} is not there, of which {told} tells")),
            _ => (told, format!("{what} stands there {} times, in {} {}", counts[more], INPUTS[less], counts[less])),
        };
        reports[table].findings.add(fault, place, detail);
    }
    Ok(())
}

/// `version 3 of session s1 opened ...`
fn row_at(reading: &mut Reading, table: usize, partition: u32, offset: i64) -> anyhow::Result<String> {
    let mut identifier = Identifier::new(reading, table);
    let mut said = String::new();
    reading.record_at(INPUTS[table], partition, offset, &mut |record| {
        if let Ok(((session_id, opened_at), version)) = identifier.identify(record)? {
            said = format!("version {version} of session {session_id} opened {}", rfc3339(opened_at));
        }
        Ok(())
    })?;
    Ok(said)
}

fn print((session_id, opened_at): &RowKey, version: i64) -> u64 {
    let bytes = [&opened_at.to_le_bytes(), &version.to_le_bytes(), session_id.as_bytes()].concat();
    clean::content_hash(&bytes)
}
