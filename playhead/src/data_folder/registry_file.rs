//! The schema registry of the data folder, in a file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, bail};
use registry::serve::{Keep, NotKept};
use schemas::registry::Registry;
use schemas::{SchemaSource, SourceError};
use serde::{Deserialize, Serialize};

/// The format that this program writes.
const FORMAT_VERSION: u64 = 1;

#[derive(Serialize)]
struct Written<'r> {
    format: u64,
    registry: &'r Registry,
}

#[derive(Deserialize)]
struct Format {
    format: u64,
}

#[derive(Deserialize)]
struct Stored {
    registry: Registry,
}

/// Schemas and their ids. A schema is durable before its id is given out: no value in the log ever has an id that nobody knows.
pub(crate) struct RegistryFile {
    path: PathBuf,
    registry: Mutex<Registry>,
}

impl RegistryFile {
    /// Reads the file, or begins an empty registry where there is none.
    ///
    /// # Errors
    /// Where it can't be read, or is of a newer format.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let registry = match fs::read(path) {
            Ok(text) => parse(path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Registry::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read the schemas {}", path.display())),
        };
        Ok(Self { path: path.to_owned(), registry: Mutex::new(registry) })
    }

    /// Writes the whole file beside the old one, makes it durable, and puts it in its place.
    fn save(&self, registry: &Registry) -> io::Result<()> {
        let new_path = self.path.with_extension("json.new");
        let mut new = File::create(&new_path)?;
        serde_json::to_writer_pretty(&mut new, &Written { format: FORMAT_VERSION, registry })?;
        new.write_all(b"\n")?;
        new.sync_all()?;
        fs::rename(&new_path, &self.path)?;
        match self.path.parent() {
            Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }
}

fn parse(path: &Path, text: &[u8]) -> anyhow::Result<Registry> {
    let unreadable = || format!("{} is not a schema registry", path.display());
    let found = serde_json::from_slice::<Format>(text).with_context(unreadable)?.format;
    if found > FORMAT_VERSION {
        bail!(
            "{} has format {found}, but this program knows formats up to {FORMAT_VERSION}: use the newer program that wrote it",
            path.display()
        );
    }
    Ok(serde_json::from_slice::<Stored>(text).with_context(unreadable)?.registry)
}

impl Keep for RegistryFile {
    fn read<T>(&self, read: impl FnOnce(&Registry) -> T) -> T {
        read(&self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn register(&self, subject: &str, schema: &str) -> Result<u32, NotKept> {
        let mut held = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = held.clone();
        let id = changed.register(subject, schema)?;
        if changed != *held {
            self.save(&changed).map_err(|error| NotKept::Store(format!("{}: {error}", self.path.display())))?;
            *held = changed;
        }
        Ok(id)
    }
}

impl SchemaSource for RegistryFile {
    fn schema_by_id(&self, id: u32) -> Result<Option<String>, SourceError> {
        Ok(self.read(|registry| registry.by_id(id).map(str::to_owned)))
    }

    fn register(&self, subject: &str, schema: &str) -> Result<u32, SourceError> {
        Keep::register(self, subject, schema).map_err(|not_kept| match not_kept {
            NotKept::Refused(refused) => SourceError::Refused { subject: subject.to_owned(), cause: refused.to_string() },
            NotKept::Store(problem) => SourceError::Unavailable(problem),
        })
    }
}
