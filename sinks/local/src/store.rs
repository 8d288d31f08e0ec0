//! The file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use pipeline::local::make_whole;
use redb::{Database, ReadableDatabase, ReadableTable};

use crate::FORMAT_VERSION;
use crate::format::{FormatError, OpenError, check_or_create};
use crate::schemas_kept::{Decoders, KeptSchemas};
use crate::tables::SCHEMAS;

/// Memory that the storage engine may use as a cache. Its own default is 1 GiB, which a process that goes on for days would come to use.
const CACHE_BYTES: usize = 64 << 20;

/// A handle on the serving store; clones share it.
#[derive(Clone)]
pub struct LocalStore {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) database: Database,
    pub(crate) kept: Arc<KeptSchemas>,
    decoders: RwLock<Decoders>,
}

impl LocalStore {
    /// Opens the file, making it where there is none.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let unusable = |cause: String| OpenError::Unusable { path: path.to_owned(), cause };
        // The storage engine takes a file that was being made when a process died for one of another kind.
        let made = make_whole(path, |unfinished| Database::builder().create(unfinished).map(drop));
        let opened = made.and_then(|()| Database::builder().set_cache_size(CACHE_BYTES).create(path));
        let database = opened.map_err(|error| unusable(error.to_string()))?;
        Self::of(database).map_err(|error| match error {
            FormatError::Newer(found) => OpenError::NewerFormat { path: path.to_owned(), found, known: FORMAT_VERSION },
            FormatError::NotOurs => OpenError::NotAServingStore { path: path.to_owned() },
            FormatError::Store(error) => unusable(error.to_string()),
        })
    }

    /// A store in memory, for tests and trials.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn in_memory() -> Result<Self, OpenError> {
        let unusable = |cause: String| OpenError::Unusable { path: "(memory)".into(), cause };
        let backend = redb::backends::InMemoryBackend::new();
        let database = Database::builder().create_with_backend(backend).map_err(|error| unusable(error.to_string()))?;
        Self::of(database).map_err(|_| unusable("a fresh store could not be set up".into()))
    }

    fn of(database: Database) -> Result<Self, FormatError> {
        check_or_create(&database)?;
        let mut by_id = BTreeMap::new();
        for entry in database.begin_read()?.open_table(SCHEMAS)?.iter()? {
            let (id, schema) = entry?;
            by_id.insert(id.value(), schema.value().to_owned());
        }
        let kept = Arc::new(KeptSchemas::of(by_id));
        let decoders = Decoders::new(&kept).map_err(|_| FormatError::NotOurs)?;
        Ok(Self { shared: Arc::new(Shared { database, kept, decoders: RwLock::new(decoders) }) })
    }

    pub(crate) fn decoders(&self) -> RwLockReadGuard<'_, Decoders> {
        self.shared.decoders.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes values with this schema readable; the sink writes the schema to the file with the first of them.
    pub(crate) fn learn(&self, id: u32, schema: String) -> Result<(), schemas::SourceError> {
        self.shared.kept.insert(id, schema);
        self.shared.decoders.write().unwrap_or_else(PoisonError::into_inner).learn(id)
    }
}

impl std::fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalStore").finish_non_exhaustive()
    }
}
