//! A fuzz target as a plain function.

use schemas::wire;

use super::judge::Judge;
use super::raw_topic::RawTopic;
use crate::{Line, ReceivedTime};

/// 2024-01-01.
const NOW_MS: i64 = 1_704_067_200_000;

/// Judges any bytes as a line for each topic, twice, and holds what is accepted to be readable, and the judgement to be the same.
/// The topics that took the line are counted, so that a run knows whether its inputs come that far.
///
/// # Panics
/// Where an invariant is broken.
pub fn fuzz_ingest_line(data: &[u8]) -> usize {
    let line = Line { number: 1, bytes: data, length: data.len() as u64 };
    let mut taken = 0;
    for topic in RawTopic::ALL {
        let judge = || Judge::new(topic, 7, 72 * 3_600_000).judge(line, ReceivedTime::now(NOW_MS));
        let first = judge();
        assert_eq!(first, judge(), "a judgement depends on the line alone");
        match first {
            Ok(accepted) => {
                taken += 1;
                let (schema_id, body) = wire::split(&accepted.value).expect("what is accepted is framed");
                assert_eq!(schema_id, 7);
                let essence = topic.essence(body).expect("what is accepted passes the processor's checks");
                assert_eq!((essence.key, essence.received_time_us), (accepted.key, accepted.timestamp_ms * 1000));
            }
            Err(refusal) => assert!(!refusal.reason.is_empty() && !refusal.detail.is_empty()),
        }
    }
    taken
}
