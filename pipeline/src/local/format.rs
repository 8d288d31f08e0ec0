//! The tables of the file, and its version.

use redb::{Database, ReadableDatabase, TableDefinition, TableError, TableHandle};

use super::error::LocalLogError;

/// Version of the file's format. Raise it with every change to a table or to a block.
pub const FORMAT_VERSION: u64 = 1;

/// What is said of the file as a whole.
pub(super) const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const VERSION_KEY: &str = "format_version";

/// Number in this log, partitions, id, largest lead of a timestamp over the clock (ms).
type StoredTopic = (u32, u32, [u8; 16], Option<i64>);

/// Topic name -> topic.
pub(super) const TOPICS: TableDefinition<'_, &str, StoredTopic> = TableDefinition::new("topics");

/// Topic number, partition, offset of the first record -> block.
pub(super) const BLOCKS: TableDefinition<'_, (u32, u32, u64), &[u8]> = TableDefinition::new("blocks");

/// Topic number, partition -> offset after the last record.
pub(super) const ENDS: TableDefinition<'_, (u32, u32), u64> = TableDefinition::new("ends");

/// Group, topic id, partition -> next offset to read and what is stored with it. By id: a topic made anew starts anew.
pub(super) const POSITIONS: TableDefinition<'_, (&str, [u8; 16], u32), (u64, &str)> = TableDefinition::new("positions");

/// Refuses what this program cannot read, and lays out an empty file.
pub(super) fn prepare(database: &Database) -> Result<(), LocalLogError> {
    match stored_version(database)? {
        None => lay_out(database),
        Some(FORMAT_VERSION) => Ok(()),
        Some(found) if found > FORMAT_VERSION => Err(LocalLogError::NewerFormat { found, known: FORMAT_VERSION }),
        Some(_) => Err(LocalLogError::NotALog),
    }
}

fn stored_version(database: &Database) -> Result<Option<u64>, LocalLogError> {
    let transaction = database.begin_read().map_err(LocalLogError::storage)?;
    let meta = match transaction.open_table(META) {
        Ok(meta) => meta,
        Err(TableError::TableDoesNotExist(_)) => {
            let mut tables = transaction.list_tables().map_err(LocalLogError::storage)?;
            return if tables.any(|table| !table.name().is_empty()) { Err(LocalLogError::NotALog) } else { Ok(None) };
        }
        Err(error) => return Err(LocalLogError::storage(error)),
    };
    let version = meta.get(VERSION_KEY).map_err(LocalLogError::storage)?.ok_or(LocalLogError::NotALog)?;
    Ok(Some(version.value()))
}

fn lay_out(database: &Database) -> Result<(), LocalLogError> {
    let transaction = database.begin_write().map_err(LocalLogError::storage)?;
    {
        let mut meta = transaction.open_table(META).map_err(LocalLogError::storage)?;
        meta.insert(VERSION_KEY, FORMAT_VERSION).map_err(LocalLogError::storage)?;
        // Readers expect every table to be there.
        transaction.open_table(TOPICS).map_err(LocalLogError::storage)?;
        transaction.open_table(BLOCKS).map_err(LocalLogError::storage)?;
        transaction.open_table(ENDS).map_err(LocalLogError::storage)?;
        transaction.open_table(POSITIONS).map_err(LocalLogError::storage)?;
    }
    transaction.commit().map_err(LocalLogError::storage)
}
