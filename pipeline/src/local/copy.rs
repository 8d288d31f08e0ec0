//! A copy of the log while it is in use.

use std::path::Path;

use redb::{Builder, Database, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, Value, WriteTransaction};

use super::error::LocalLogError;
use super::format::{BLOCKS, ENDS, META, POSITIONS, TOPICS};

/// Memory that writing the copy may use as a cache: what has not been written to the file yet lies there.
const CACHE_BYTES: usize = 64 << 20;

/// Copies what one read transaction sees, so all of it is of one moment; whoever writes meanwhile is not held up.
pub(super) fn copy(from: &Database, to: &Path) -> Result<(), LocalLogError> {
    let read = from.begin_read().map_err(LocalLogError::storage)?;
    let unreadable = |error: redb::DatabaseError| LocalLogError::Unreadable { path: to.to_owned(), cause: Box::new(error.into()) };
    let copy = Builder::new().set_cache_size(CACHE_BYTES).create(to).map_err(unreadable)?;
    let write = copy.begin_write().map_err(LocalLogError::storage)?;
    copy_table(&read, &write, META)?;
    copy_table(&read, &write, TOPICS)?;
    copy_table(&read, &write, BLOCKS)?;
    copy_table(&read, &write, ENDS)?;
    copy_table(&read, &write, POSITIONS)?;
    write.commit().map_err(LocalLogError::storage)
}

fn copy_table<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    write: &WriteTransaction,
    definition: TableDefinition<'_, K, V>,
) -> Result<(), LocalLogError> {
    let from = read.open_table(definition).map_err(LocalLogError::storage)?;
    let mut to = write.open_table(definition).map_err(LocalLogError::storage)?;
    for entry in from.iter().map_err(LocalLogError::storage)? {
        let (key, value) = entry.map_err(LocalLogError::storage)?;
        to.insert(key.value(), value.value()).map_err(LocalLogError::storage)?;
    }
    Ok(())
}
