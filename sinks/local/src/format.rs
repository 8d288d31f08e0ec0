//! The file's format version, and why a file can't be opened.

use std::path::PathBuf;

use redb::{Database, ReadableDatabase, TableError, TableHandle};

use crate::tables::{META, PLAYBACK_SESSIONS, POSITIONS, QOS_SESSION_SUMMARY, RESUME_STATE, SCHEMAS, VIEWING, VIEWING_PREVIEWS};

/// The format that this program writes.
pub const FORMAT_VERSION: u64 = 1;

const FORMAT: &str = "format";

/// Why the serving store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A newer program wrote it.
    #[error("{} has format {found}, but this program knows formats up to {known}: use the newer program that wrote it", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// A database, but not a serving store.
    #[error("{} is a redb file, but not a serving store", path.display())]
    NotAServingStore {
        /// The file.
        path: PathBuf,
    },
    /// The file can't be used at all.
    #[error("cannot open the serving store {}: {cause}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What redb or the system says.
        cause: String,
    },
}

/// Why the format could not be told.
pub(crate) enum FormatError {
    Newer(u64),
    NotOurs,
    Store(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for FormatError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Holds an existing file to our format, and makes the tables of a new one.
pub(crate) fn check_or_create(database: &Database) -> Result<(), FormatError> {
    let read = database.begin_read()?;
    match read.open_table(META) {
        Ok(meta) => {
            let found = meta.get(FORMAT)?.ok_or(FormatError::NotOurs)?.value();
            return if found <= FORMAT_VERSION { Ok(()) } else { Err(FormatError::Newer(found)) };
        }
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(TableError::TableTypeMismatch { .. }) => return Err(FormatError::NotOurs),
        Err(error) => return Err(error.into()),
    }
    if read.list_tables()?.any(|table| table.name() != META.name()) {
        return Err(FormatError::NotOurs);
    }
    drop(read);
    let write = database.begin_write()?;
    write.open_table(META)?.insert(FORMAT, FORMAT_VERSION)?;
    write.open_table(SCHEMAS)?;
    write.open_table(POSITIONS)?;
    write.open_table(RESUME_STATE)?;
    write.open_table(PLAYBACK_SESSIONS)?;
    write.open_table(QOS_SESSION_SUMMARY)?;
    write.open_table(VIEWING)?;
    write.open_table(VIEWING_PREVIEWS)?;
    write.commit()?;
    Ok(())
}
