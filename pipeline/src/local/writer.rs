//! The one thread that writes: it takes all transactions that wait, writes them in one write transaction of the store, makes that durable
//! with one fsync, then answers each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};

use crate::{Committed, LogError, TopicId};

use super::block::Block;
use super::error::LocalLogError;
use super::format::{BLOCKS, ENDS, POSITIONS};
use super::store::{Place, Store, read_position};

/// Transactions that may wait for the writer; whoever comes next waits to hand his over.
pub(super) const QUEUE: usize = 256;
/// Block bytes that one write transaction takes at most, but for its first transaction.
const GROUP_BYTES: usize = 64 << 20;

/// Outputs and positions, all or nothing.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) group: Arc<str>,
    pub(super) blocks: Vec<(Place, Block)>,
    pub(super) positions: Vec<PositionChange>,
    /// Where the answer goes.
    pub(super) reply: SyncSender<Result<(), LogError>>,
}

/// Moves a position, if it is where its owner left it.
#[derive(Debug)]
pub(super) struct PositionChange {
    pub(super) topic_name: Arc<str>,
    pub(super) topic: TopicId,
    pub(super) partition: u32,
    pub(super) expected: Option<Committed>,
    pub(super) committed: Committed,
}

impl Transaction {
    fn byte_len(&self) -> usize {
        self.blocks.iter().map(|(_, block)| block.bytes.len()).sum()
    }
}

/// Runs until the last sender is gone.
pub(super) fn run(store: &Store, queue: &Receiver<Transaction>) {
    while let Ok(first) = queue.recv() {
        let mut bytes = first.byte_len();
        let mut group = vec![first];
        while bytes < GROUP_BYTES
            && group.len() < QUEUE
            && let Ok(next) = queue.try_recv()
        {
            bytes += next.byte_len();
            group.push(next);
        }
        write_group(store, group);
    }
}

fn write_group(store: &Store, group: Vec<Transaction>) {
    let mut refusals: Vec<Option<LogError>> = Vec::with_capacity(group.len());
    let outcome = commit_group(store, &group, &mut refusals);
    if let Ok(ends) = &outcome {
        store.publish_ends(ends.iter().map(|(&place, &end)| (place, end)));
    }
    let mut refusals = refusals.into_iter();
    for transaction in group {
        let answer = match (&outcome, refusals.next().flatten()) {
            (_, Some(refusal)) => Err(refusal),
            (Err(error), None) => Err(LogError::Fatal(error.to_string())),
            (Ok(_), None) => Ok(()),
        };
        // A lane that was dropped meanwhile does not want to know.
        transaction.reply.send(answer).ok();
    }
}

/// Writes what is allowed of a group and makes it durable; the ends after it. `refusals` gets an entry a transaction, so far as it came.
fn commit_group(store: &Store, group: &[Transaction], refusals: &mut Vec<Option<LogError>>) -> Result<BTreeMap<Place, i64>, LocalLogError> {
    let mut moved = BTreeMap::new();
    let write = store.database.begin_write().map_err(LocalLogError::storage)?;
    let now_ms = (store.clock)();
    {
        let mut blocks = write.open_table(BLOCKS).map_err(LocalLogError::storage)?;
        let mut ends = write.open_table(ENDS).map_err(LocalLogError::storage)?;
        let mut positions = write.open_table(POSITIONS).map_err(LocalLogError::storage)?;
        for transaction in group {
            // Checked as a whole before its first byte is written, so a refused one leaves no trace among its neighbours.
            let refusal = match check_positions(&positions, transaction)? {
                None => check_times(store, transaction, now_ms),
                refusal => refusal,
            };
            if refusal.is_none() {
                for (place, block) in &transaction.blocks {
                    let base = moved.get(place).copied().unwrap_or_else(|| store.catalogue().end(*place));
                    blocks.insert(place.key(base), block.bytes.as_slice()).map_err(LocalLogError::storage)?;
                    moved.insert(*place, base + i64::from(block.count));
                }
                for change in &transaction.positions {
                    let key = (&*transaction.group, change.topic.0, change.partition);
                    let committed = (change.committed.next_offset.cast_unsigned(), change.committed.metadata.as_str());
                    positions.insert(key, committed).map_err(LocalLogError::storage)?;
                }
            }
            refusals.push(refusal);
        }
        for (place, end) in &moved {
            ends.insert((place.topic, place.partition), end.cast_unsigned()).map_err(LocalLogError::storage)?;
        }
    }
    write.commit().map_err(LocalLogError::storage)?;
    store.commits.fetch_add(1, Ordering::Relaxed);
    Ok(moved)
}

/// Compare and set: whoever finds another position than he left has been replaced.
fn check_positions(
    positions: &redb::Table<'_, (&'static str, [u8; 16], u32), (u64, &'static str)>,
    transaction: &Transaction,
) -> Result<Option<LogError>, LocalLogError> {
    for change in &transaction.positions {
        let found = read_position(positions, &transaction.group, change.topic, change.partition)?;
        if found != change.expected {
            return Ok(Some(LogError::Fenced(format!(
                "group {} left {}-{} at {}, and finds it at {}",
                transaction.group,
                change.topic_name,
                change.partition,
                describe(change.expected.as_ref()),
                describe(found.as_ref())
            ))));
        }
        if change.committed.next_offset < 0 {
            let (topic, partition, position) = (&change.topic_name, change.partition, change.committed.next_offset);
            return Ok(Some(LogError::Fatal(format!("position {position} of {topic}-{partition} is negative"))));
        }
    }
    Ok(None)
}

/// No clock may push log time: it never comes back.
fn check_times(store: &Store, transaction: &Transaction, now_ms: i64) -> Option<LogError> {
    let catalogue = store.catalogue();
    transaction.blocks.iter().find_map(|(place, block)| {
        let info = &catalogue.topics[place.topic as usize].info;
        let latest_ms = now_ms.saturating_add(info.max_future_ms?);
        (block.max_timestamp_ms > latest_ms).then(|| {
            let (topic, partition, timestamp_ms) = (&info.name, place.partition, block.max_timestamp_ms);
            let ahead_ms = timestamp_ms.saturating_sub(now_ms);
            LogError::Fatal(format!("a record for {topic}-{partition} has timestamp {timestamp_ms}, {ahead_ms} ms ahead of the clock"))
        })
    })
}

fn describe(committed: Option<&Committed>) -> String {
    match committed {
        None => "no position".into(),
        Some(Committed { next_offset, metadata }) if metadata.is_empty() => next_offset.to_string(),
        Some(Committed { next_offset, metadata }) => format!("{next_offset} ({metadata})"),
    }
}
