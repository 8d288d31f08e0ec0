//! The heartbeats with which a finite producer ends, so that no partition stands still behind its records.

use pipeline::Outputs;
use pipeline::heartbeat::{self, Beat};

use crate::heartbeats;

/// Longer than the silence after which a session is closed: a heartbeat so much later closes what was left open.
const SILENCE_OVER_MS: i64 = 31 * 60_000;

/// Writes to every partition of `topic` a heartbeat at `last_received_ms`, and one 31 min later where that is not in the future.
pub(crate) fn push(out: &mut Outputs, topic: u16, writer: &str, last_received_ms: i64, now_ms: i64) {
    let key = heartbeat::writer_key(writer);
    let times_ms = [last_received_ms, last_received_ms.saturating_add(SILENCE_OVER_MS)];
    for (sequence, sent_ms) in (0..).zip(times_ms).filter(|(sequence, sent_ms)| *sequence == 0 || *sent_ms <= now_ms) {
        heartbeats::push(out, topic, &key, Beat { sequence, sent_ms });
    }
}

/// Writes to every partition of `topic` a heartbeat at `now_ms`, where that is after `last_received_ms` and no 31 min later.
pub(crate) fn push_now(out: &mut Outputs, topic: u16, writer: &str, last_received_ms: i64, now_ms: i64) {
    if last_received_ms < now_ms && now_ms < last_received_ms.saturating_add(SILENCE_OVER_MS) {
        heartbeats::push(out, topic, &heartbeat::writer_key(writer), Beat { sequence: 1, sent_ms: now_ms });
    }
}
