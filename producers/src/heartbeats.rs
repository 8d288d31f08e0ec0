//! The heartbeats of a producer that goes on for as long as it lives.

use std::time::Duration;

use pipeline::heartbeat::{self, Beat};
use pipeline::{Log, LogError, OutputTopic, Outputs, Shutdown};

/// Writes a heartbeat to every partition of `topics`, now and every [`heartbeat::INTERVAL_MS`] until `shutdown`, so that log time goes on
/// where nothing comes in. `topics` are the outputs of `log`; `now_ms` is the clock, ms since 1970 UTC.
///
/// # Errors
/// Where the log fails.
pub fn run_heartbeats<L: Log>(
    log: &mut L,
    topics: &[OutputTopic],
    writer: &str,
    now_ms: &dyn Fn() -> i64,
    shutdown: &Shutdown,
) -> Result<(), LogError> {
    let interval = Duration::from_millis(heartbeat::INTERVAL_MS.unsigned_abs());
    let key = heartbeat::writer_key(writer);
    let mut out = Outputs::new(topics);
    loop {
        let sent_ms = now_ms();
        let beat = Beat { sequence: sent_ms.div_euclid(heartbeat::INTERVAL_MS), sent_ms };
        for (topic, _) in (0..).zip(topics) {
            push(&mut out, topic, &key, beat);
        }
        log.send(&mut out)?;
        log.commit(&[])?;
        if shutdown.wait(interval) {
            return Ok(());
        }
    }
}

/// One to every partition of a topic.
pub(crate) fn push(out: &mut Outputs, topic: u16, key: &str, beat: Beat) {
    let text = beat.to_text();
    for partition in 0..out.partitions(topic) {
        out.push_marker(topic, partition, beat.sent_ms, key.as_bytes(), (heartbeat::HEADER, text.as_bytes()));
    }
}
