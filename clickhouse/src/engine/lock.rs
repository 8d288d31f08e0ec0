//! One process owns a folder. The engine has a lock of its own, which it reports without a word.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::start_error::StartError;

/// The file that is locked; it says who holds it.
const LOCK_FILE: &str = "lock";

/// Held as long as it lives. The system lets go of it when the process ends, however it ends.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(folder: &Path) -> Result<Self, StartError> {
        let path = folder.join(LOCK_FILE);
        let cannot = |problem: std::io::Error| StartError::Folder { folder: folder.to_owned(), problem: format!("{LOCK_FILE}: {problem}") };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StartError::InUse { folder: folder.to_owned(), process: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
        }
        file.set_len(0).map_err(cannot)?;
        writeln!(file, "{}", std::process::id()).map_err(cannot)?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).and_then(|_| file.take(64).read_to_string(&mut text)).ok()?;
    text.trim_end().parse().ok()
}
