//! One process owns a data folder: the lock is the system's, the file says who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context as _, bail};

/// Held as long as it lives. The system lets go of it when the process ends, however it ends.
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the folder, and writes down who holds it.
    ///
    /// # Errors
    /// Where another process holds it: its id and command are named.
    pub(crate) fn take(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("lock");
        let cannot = || format!("cannot lock the data folder: {}", path.display());
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).with_context(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = owner(&mut file);
                bail!("{} is in use by {owner}: wait until it has ended, or name another folder with --data", folder.display());
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
fn owner(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.take(4096).read_to_string(&mut text));
    match (read, text.split_once('\n')) {
        (Ok(_), Some((process_id, command))) => format!("process {process_id} ({})", command.trim_end()),
        // It has the lock, but has not written yet.
        _ => "another process".to_owned(),
    }
}
