//! Whoever keeps the registry that is served.

use std::sync::{Mutex, PoisonError};

use schemas::registry::{Registry, RegistryError};

/// Keeps a registry: in memory, or in a file.
pub trait Keep {
    /// Reads it.
    fn read<T>(&self, read: impl FnOnce(&Registry) -> T) -> T;

    /// Registers a schema. It is kept when this returns: an id that was given out is never lost.
    ///
    /// # Errors
    /// [`NotKept`]; the registry is as before.
    fn register(&self, subject: &str, schema: &str) -> Result<u32, NotKept>;
}

/// Why a schema was not registered.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// The registry refused it.
    #[error(transparent)]
    Refused(#[from] RegistryError),
    /// It could not be written down.
    #[error("{0}")]
    Store(String),
}

impl Keep for Mutex<Registry> {
    fn read<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
        read(&self.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn register(&self, subject: &str, schema: &str) -> Result<u32, NotKept> {
        Ok(self.lock().unwrap_or_else(PoisonError::into_inner).register(subject, schema)?)
    }
}
