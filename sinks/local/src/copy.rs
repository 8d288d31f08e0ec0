//! A copy of the store while it is in use.

use std::path::Path;

use redb::{Builder, Key, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, Value, WriteTransaction};
use serving::StoreError;

use crate::LocalStore;
use crate::tables::{META, PLAYBACK_SESSIONS, POSITIONS, QOS_SESSION_SUMMARY, RESUME_STATE, SCHEMAS, VIEWING, VIEWING_PREVIEWS};

/// Memory that writing the copy may use as a cache: what has not been written to the file yet lies there.
const CACHE_BYTES: usize = 64 << 20;

impl LocalStore {
    /// Copies the store to a new file, rows and positions as they are at one moment. Whoever writes meanwhile is not held up.
    ///
    /// # Errors
    /// Where this store can't be read, or the file not written.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        self.copy(path).map_err(|error| StoreError::Unavailable(format!("cannot copy it to {}: {error}", path.display())))
    }

    fn copy(&self, path: &Path) -> Result<(), redb::Error> {
        let read = self.shared.database.begin_read()?;
        let copy = Builder::new().set_cache_size(CACHE_BYTES).create(path)?;
        let write = copy.begin_write()?;
        copy_table(&read, &write, META)?;
        copy_table(&read, &write, SCHEMAS)?;
        copy_table(&read, &write, POSITIONS)?;
        copy_table(&read, &write, RESUME_STATE)?;
        copy_table(&read, &write, PLAYBACK_SESSIONS)?;
        copy_table(&read, &write, QOS_SESSION_SUMMARY)?;
        copy_table(&read, &write, VIEWING)?;
        copy_table(&read, &write, VIEWING_PREVIEWS)?;
        write.commit()?;
        Ok(())
    }
}

fn copy_table<K: Key + 'static, V: Value + 'static>(
    read: &ReadTransaction,
    write: &WriteTransaction,
    definition: TableDefinition<'_, K, V>,
) -> Result<(), redb::Error> {
    let from = read.open_table(definition)?;
    let mut to = write.open_table(definition)?;
    for entry in from.iter()? {
        let (key, value) = entry?;
        to.insert(key.value(), value.value())?;
    }
    Ok(())
}
