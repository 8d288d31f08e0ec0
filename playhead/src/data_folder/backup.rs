//! A copy of a data folder, also while it is in use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::DataFolder;

impl DataFolder {
    /// Copies log, store and schemas to `to`, which gets its name only once it is complete and durable.
    ///
    /// The store is copied before the log and the schemas after it: so the copy of the store never stands beyond the log beside it, and no
    /// record has a schema that nobody knows, whatever is written meanwhile.
    ///
    /// # Errors
    /// Where `to` is there already, or can't be written: then nothing is left of it.
    pub(crate) fn back_up(&self, to: &Path) -> anyhow::Result<()> {
        if to.symlink_metadata().is_ok() {
            bail!("{} is there already: name a place where nothing is", to.display());
        }
        let name = to.file_name().with_context(|| format!("{} is no name for a folder", to.display()))?;
        let unfinished = to.with_file_name(format!("{}.unfinished-{}", name.to_string_lossy(), std::process::id()));
        fs::create_dir(&unfinished).with_context(|| format!("cannot make {}", unfinished.display()))?;
        let copied = self.copy_into(&unfinished).and_then(|()| {
            fs::rename(&unfinished, to).with_context(|| format!("cannot give the copy its name {}", to.display()))?;
            sync(to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
        });
        if copied.is_err() {
            // The error says what went wrong; what is left over must not look like a copy.
            fs::remove_dir_all(&unfinished).ok();
        }
        copied
    }

    fn copy_into(&self, folder: &Path) -> anyhow::Result<()> {
        self.store.copy_to(&folder.join("serving.redb"))?;
        self.log.copy_to(&folder.join("log.redb")).context("cannot copy the log")?;
        copy_file(&self.path.join("schemas.json"), &folder.join("schemas.json"))?;
        let truth = self.path.join("truth");
        if truth.is_dir() {
            copy_files(&truth, &folder.join("truth"))?;
        }
        sync(folder)
    }
}

/// The complete files of a folder.
fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir(to).with_context(|| format!("cannot make {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let path: PathBuf = entry.with_context(|| format!("cannot read {}", from.display()))?.path();
        if path.is_file()
            && let Some(name) = path.file_name()
            && path.extension().is_none_or(|extension| extension != "unfinished")
        {
            copy_file(&path, &to.join(name))?;
        }
    }
    sync(to)
}

fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to)
        .and_then(|_| File::open(to)?.sync_all())
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> anyhow::Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| format!("cannot make {} durable", folder.display()))
}
