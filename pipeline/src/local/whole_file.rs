//! A file that is never found half made.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

/// Makes the file `path`, unless it is there: `make` makes it under another name, and once it is complete it gets its own. A process that dies
/// meanwhile leaves nothing under it; what it left under the other is thrown away by the next. Only one process may do so at a time.
///
/// # Errors
/// Where `make` fails, or the file can't be given its name durably.
pub fn make_whole<E: From<io::Error>>(path: &Path, make: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    if path.exists() {
        return Ok(());
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    let unfinished = Path::new(&name);
    fs::remove_file(unfinished).or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    make(unfinished)?;
    File::open(unfinished)?.sync_all()?;
    fs::rename(unfinished, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_once_it_is_complete() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("file");
        // As a process leaves it that died.
        fs::write(folder.path().join("file.unfinished"), "half of another")?;
        let broken = make_whole(&path, |unfinished| fs::write(unfinished, "half").and(Err(io::Error::other("disk full"))));
        assert!(broken.is_err() && !path.exists());
        make_whole(&path, |unfinished| {
            assert!(!unfinished.exists(), "what was left is thrown away");
            fs::write(unfinished, "whole")
        })?;
        make_whole(&path, |_| Err(io::Error::other("it is there")))?;
        assert_eq!(fs::read_to_string(&path)?, "whole");
        assert_eq!(fs::read_dir(folder.path())?.count(), 1);
        Ok(())
    }
}
