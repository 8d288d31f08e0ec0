//! The repair of deduplication logs, before the engine reads them.
//!
//! A MergeTree table writes the token of an insert into its deduplication log before the part becomes visible. A process that is killed in
//! between leaves a token without its rows, and the insert that is sent again is acknowledged as a copy of what is not there. So each line that
//! adds a part which is neither on disk nor covered by a merged one is dropped; the insert that comes again is then carried out.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Repairs all logs below the engine's folder; how many lines were dropped.
///
/// # Errors
/// Where a folder can't be read or a log not be written. What was repaired by then stays repaired.
pub fn repair(engine: &Path) -> io::Result<usize> {
    let mut dropped = 0;
    for table in tables(&engine.join("store"))? {
        let logs = table.join("deduplication_logs");
        if !logs.is_dir() {
            continue;
        }
        let parts = parts(&table)?;
        for log in entries(&logs)? {
            if log.extension().is_some_and(|extension| extension == "txt") {
                dropped += repair_log(&log, &parts)?;
            }
        }
    }
    Ok(dropped)
}

/// The folders of all tables: `store/abc/abc01234-...`.
fn tables(store: &Path) -> io::Result<Vec<PathBuf>> {
    let mut tables = Vec::new();
    if !store.is_dir() {
        return Ok(tables);
    }
    for shard in entries(store)? {
        if shard.is_dir() {
            tables.extend(entries(&shard)?.into_iter().filter(|table| table.is_dir()));
        }
    }
    Ok(tables)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort_unstable();
    Ok(paths)
}

/// The parts of a table that its next start will find.
fn parts(table: &Path) -> io::Result<BTreeSet<Part>> {
    let mut parts = BTreeSet::new();
    for path in entries(table)? {
        // A part that is being made is a folder whose name begins with tmp_, which is no part's.
        if let Some(part) = path.file_name().and_then(|name| name.to_str()).and_then(Part::parse)
            && path.is_dir()
        {
            parts.insert(part);
        }
    }
    Ok(parts)
}

fn repair_log(path: &Path, parts: &BTreeSet<Part>) -> io::Result<usize> {
    let before = fs::read(path)?;
    let (after, dropped) = without_lost_parts(&before, parts);
    if dropped == 0 {
        return Ok(0);
    }
    // Complete and on disk before it takes the place of the other: a kill here leaves the one or the other.
    let beside = path.with_extension("repaired");
    let mut file = fs::File::create(&beside)?;
    file.write_all(&after)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    Ok(dropped)
}

/// The log without the lines that add a part which is lost, and how many these are. What is not understood stays, as an end that was cut off, over which
/// the engine passes.
///
/// A line is `operation <tab> part <tab> block id`; operation 1 adds, 2 drops.
pub(crate) fn without_lost_parts(log: &[u8], parts: &BTreeSet<Part>) -> (Vec<u8>, usize) {
    let mut kept = Vec::with_capacity(log.len());
    let mut dropped = 0;
    for line in log.split_inclusive(|byte| *byte == b'\n') {
        if added_part(line).is_some_and(|added| !parts.iter().any(|part| part.covers(&added))) {
            dropped += 1;
        } else {
            kept.extend_from_slice(line);
        }
    }
    (kept, dropped)
}

fn added_part(line: &[u8]) -> Option<Part> {
    let mut fields = std::str::from_utf8(line).ok()?.split('\t');
    (fields.next()? == "1").then_some(())?;
    Part::parse(fields.next()?.trim_end())
}

/// A part by its name: `partition_min_max_level` and, after a mutation, `_version`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    partition: String,
    min_block: i64,
    max_block: i64,
}

impl Part {
    /// None where it is no part's name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let fields: Vec<&str> = name.split('_').collect();
        let [partition, min_block, max_block, rest @ ..] = fields.as_slice() else { return None };
        let numbers: Option<Vec<i64>> = rest.iter().map(|number| number.parse().ok()).collect();
        if !(1..=2).contains(&numbers?.len()) || partition.is_empty() {
            return None;
        }
        Some(Self { partition: (*partition).to_owned(), min_block: min_block.parse().ok()?, max_block: max_block.parse().ok()? })
    }

    /// Whether it holds the rows of the other: it is the other, or was merged from it.
    fn covers(&self, other: &Self) -> bool {
        self.partition == other.partition && self.min_block <= other.min_block && other.max_block <= self.max_block
    }
}

#[cfg(test)]
mod tests;
