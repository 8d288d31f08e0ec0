//! Where the process that owns a data folder answers others: an address, and a token that only the folder's user can read.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

const NAME: &str = "owner.json";

/// Bytes of the token.
const TOKEN_BYTES: usize = 32;

/// What the file says.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct OwnerFile {
    pub(crate) process_id: u32,
    pub(crate) address: SocketAddr,
    /// Hexadecimal.
    pub(crate) token: String,
}

/// The file, for as long as the owner answers.
pub(crate) struct PublishedOwner {
    path: PathBuf,
}

impl OwnerFile {
    /// This process, answering at `address`, with a token made now.
    ///
    /// # Errors
    /// Where the system gives no random bytes.
    pub(crate) fn of_this_process(address: SocketAddr) -> anyhow::Result<Self> {
        let mut random = [0; TOKEN_BYTES];
        File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut random)).context("cannot read /dev/urandom")?;
        let token = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { process_id: std::process::id(), address, token })
    }

    /// Writes it to the folder, readable by its user only.
    ///
    /// # Errors
    /// Where it can't be written.
    pub(crate) fn publish(&self, folder: &Path) -> anyhow::Result<PublishedOwner> {
        let path = folder.join(NAME);
        let new_path = folder.join("owner.json.new");
        let write = || {
            // Made anew, so that its mode is ours whoever left one behind.
            fs::remove_file(&new_path).or_else(|error| if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new_path)?;
            file.write_all(serde_json::to_string(self)?.as_bytes())?;
            fs::rename(&new_path, &path)
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(PublishedOwner { path })
    }

    /// The file of a folder; none where nobody answers, or it can't be read.
    pub(crate) fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(NAME)).ok()?).ok()
    }

    /// For a browser.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Whether a token is the one of this file. Takes the same time wherever they differ.
    pub(crate) fn is_token(&self, token: &[u8]) -> bool {
        let own = self.token.as_bytes();
        own.len() == token.len() && own.iter().zip(token).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
    }
}

impl std::fmt::Debug for OwnerFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnerFile").field("process_id", &self.process_id).field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for PublishedOwner {
    /// One that is left behind does no harm: it names a process that no longer holds the lock.
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}
