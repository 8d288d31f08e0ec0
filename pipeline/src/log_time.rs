//! Log time: what a partition says about when it is. It only moves forward, and says when to act.

use crate::snapshots::Fields;
use crate::{Record, heartbeat};

/// How a stage's input partitions tell the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTimeRule {
    /// The largest record timestamp seen: partitions written by gateways, or by a stage that keeps the key.
    Records,
    /// The smallest among the newest heartbeats of all the partitions that feed a re-keyed one; none until each has been heard.
    Heartbeats {
        /// The topic that feeds it through the stage before.
        topic: String,
        /// Its number of partitions.
        partitions: u32,
    },
}

/// The log time of one partition.
#[derive(Clone, Debug)]
pub struct LogTime {
    now_ms: Option<i64>,
    /// Newest heartbeat where records tell the time. It only says how fresh a partition is, so it is not saved.
    beat_ms: Option<i64>,
    /// Newest heartbeat by input partition; empty where records tell the time.
    heard_ms: Vec<Option<i64>>,
    topic: String,
}

impl LogTime {
    /// Before the first record.
    #[must_use]
    pub fn new(rule: &LogTimeRule) -> Self {
        match rule {
            LogTimeRule::Records => Self { now_ms: None, beat_ms: None, heard_ms: Vec::new(), topic: String::new() },
            LogTimeRule::Heartbeats { topic, partitions } => {
                Self { now_ms: None, beat_ms: None, heard_ms: vec![None; *partitions as usize], topic: topic.clone() }
            }
        }
    }

    /// Ms since 1970 UTC; none before it is known.
    #[must_use]
    pub fn now_ms(&self) -> Option<i64> {
        self.now_ms
    }

    /// When the newest heartbeat was sent, ms since 1970 UTC; of a re-keyed partition the oldest of those of its input partitions.
    #[must_use]
    pub fn heartbeat_ms(&self) -> Option<i64> {
        // Where heartbeats tell the time, it is just that.
        if self.heard_ms.is_empty() { self.beat_ms } else { self.now_ms }
    }

    /// Takes note of a record. True where log time moved.
    pub fn observe(&mut self, record: &Record<'_>, is_heartbeat: bool) -> bool {
        if self.heard_ms.is_empty() {
            if is_heartbeat {
                // Its timestamp is when it was sent.
                self.beat_ms = self.beat_ms.max(Some(record.timestamp_ms));
            }
            return self.move_to(record.timestamp_ms);
        }
        if !is_heartbeat {
            return false;
        }
        let Some((topic, partition)) = record.key.and_then(heartbeat::forwarded_for) else { return false };
        let Some(heard) = self.heard_ms.get_mut(partition as usize).filter(|_| topic == self.topic) else { return false };
        *heard = (*heard).max(Some(record.timestamp_ms));
        match self.heard_ms.iter().copied().min().flatten() {
            Some(oldest_ms) => self.move_to(oldest_ms),
            None => false,
        }
    }

    /// Appends what [`LogTime::load`] reads.
    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        let mut put = |time_ms: Option<i64>| {
            out.push(u8::from(time_ms.is_some()));
            out.extend_from_slice(&time_ms.unwrap_or_default().to_le_bytes());
        };
        put(self.now_ms);
        put(Some(self.heard_ms.len() as i64));
        self.heard_ms.iter().copied().for_each(put);
    }

    /// This log time, which has seen no record, as it was saved; none where the bytes are cut short.
    pub(crate) fn load(mut self, fields: &mut Fields<'_>) -> Option<Self> {
        let mut take = || {
            let [is_known] = fields.array()?;
            let time_ms = i64::from_le_bytes(fields.array()?);
            Some((is_known != 0).then_some(time_ms))
        };
        self.now_ms = take()?;
        // With another number of input partitions it is another log time.
        if take()? != Some(self.heard_ms.len() as i64) {
            return None;
        }
        for heard in &mut self.heard_ms {
            *heard = take()?;
        }
        Some(self)
    }

    fn move_to(&mut self, time_ms: i64) -> bool {
        let moved = self.now_ms.is_none_or(|now_ms| time_ms > now_ms);
        if moved {
            self.now_ms = Some(time_ms);
        }
        moved
    }
}
