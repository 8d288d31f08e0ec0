//! One process owns a data folder: the lock is the system's, the file says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::owner_file::OwnerFile;

/// Held as long as it lives. The system lets go of it when the process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

/// Another process owns the folder.
#[derive(Clone, Debug)]
pub(crate) struct InUse {
    folder: PathBuf,
    /// Its id and its command, as far as the lock says.
    process: Option<(u32, String)>,
    /// Where it answers, if it does.
    pub(crate) answers: Option<OwnerFile>,
}

impl InUse {
    /// Who has it.
    pub(crate) fn owner(&self) -> String {
        match &self.process {
            Some((process_id, command)) => format!("process {process_id} ({command})"),
            // It has the lock, but has not written yet.
            None => "another process".to_owned(),
        }
    }
}

impl std::fmt::Display for InUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is in use by {}", self.folder.display(), self.owner())?;
        match &self.answers {
            Some(owner) => {
                write!(f, ", which takes events and answers at {}: end it first, or name another folder with --data", owner.url())
            }
            None => write!(f, ": wait until it has ended, or name another folder with --data"),
        }
    }
}

impl std::error::Error for InUse {}

impl Lock {
    /// Takes the folder, and writes down who holds it.
    ///
    /// # Errors
    /// [`InUse`] where another process holds it.
    pub(crate) fn take(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("lock");
        let cannot = || format!("cannot lock the data folder: {}", path.display());
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let process = holder(&mut file);
                // A file that another process left behind says nothing of this one.
                let answers = OwnerFile::read(folder).filter(|owner| process.as_ref().is_some_and(|(id, _)| *id == owner.process_id));
                return Err(InUse { folder: folder.to_owned(), process, answers }.into());
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        let command: Vec<String> = std::env::args().skip(1).collect();
        let text = format!("{}\nplayhead {}\n", std::process::id(), command.join(" "));
        file.set_len(0).and_then(|()| file.write_all(text.as_bytes())).with_context(cannot)?;
        Ok(Self { _file: file })
    }
}

/// Who holds it, as far as the file says.
fn holder(file: &mut File) -> Option<(u32, String)> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).and_then(|_| file.take(4096).read_to_string(&mut text)).ok()?;
    let (process_id, command) = text.split_once('\n')?;
    Some((process_id.parse().ok()?, command.trim_end().to_owned()))
}
