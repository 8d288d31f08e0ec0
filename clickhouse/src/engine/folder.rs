//! The folder that the engine lives in: `engine/` is its own, beside it lie our lock and the configuration that it is given.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::access::Access;
use crate::start_error::StartError;

pub(super) struct Folder {
    /// The engine's own.
    pub(super) engine: PathBuf,
    config: PathBuf,
    users: PathBuf,
    data: PathBuf,
}

impl Folder {
    /// Makes the folder where it is missing. Nothing in it is touched before its lock is taken.
    pub(super) fn open(data: &Path) -> Result<Self, StartError> {
        fs::create_dir_all(data).map_err(cannot(data))?;
        let data = data.canonicalize().map_err(cannot(data))?;
        Ok(Self { engine: data.join("engine"), config: data.join("config.xml"), users: data.join("users.xml"), data })
    }

    /// Writes the configuration: without one of ours the engine would take a `config.xml` of the working directory. Whoever may do this has the lock.
    pub(super) fn configure(&self, access: Access) -> Result<(), StartError> {
        let shown = escaped(&self.users.to_string_lossy());
        let config = format!("<clickhouse><users_config>{shown}</users_config></clickhouse>\n");
        replace(&self.users, &access.users_file()).and_then(|()| replace(&self.config, &config)).map_err(cannot(&self.data))
    }

    /// What every connection names, since all of them must name the same.
    pub(super) fn arguments(&self) -> Result<Vec<String>, StartError> {
        let text = |path: &Path| {
            let not_text = || StartError::Folder { folder: path.to_owned(), problem: "its path is not UTF-8".to_owned() };
            path.to_str().map(str::to_owned).ok_or_else(not_text)
        };
        Ok(vec![format!("--config-file={}", text(&self.config)?), format!("--path={}", text(&self.engine)?)])
    }
}

fn cannot(folder: &Path) -> impl Fn(io::Error) -> StartError + '_ {
    |problem| StartError::Folder { folder: folder.to_owned(), problem: problem.to_string() }
}

/// Complete and on disk before it takes the place of the other.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension("xml.new");
    let mut file = fs::File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
