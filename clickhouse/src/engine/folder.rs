//! The folder that the engine lives in: `engine/` is its own, beside it lie our lock and the configuration that it is given.

use std::fs;
use std::path::{Path, PathBuf};

use super::access::Access;
use crate::start_error::StartError;

pub(super) struct Folder {
    /// The engine's own.
    pub(super) engine: PathBuf,
    config: PathBuf,
}

impl Folder {
    /// Makes what is missing, and writes the configuration: without one of ours the engine would take a `config.xml` of the working directory.
    pub(super) fn prepare(data: &Path, access: Access) -> Result<Self, StartError> {
        let cannot = |problem: std::io::Error| StartError::Folder { folder: data.to_owned(), problem: problem.to_string() };
        fs::create_dir_all(data).map_err(cannot)?;
        let data = data.canonicalize().map_err(cannot)?;
        let (config, users) = (data.join("config.xml"), data.join("users.xml"));
        fs::write(&users, access.users_file()).map_err(cannot)?;
        let shown = escaped(&users.to_string_lossy());
        fs::write(&config, format!("<clickhouse><users_config>{shown}</users_config></clickhouse>\n")).map_err(cannot)?;
        Ok(Self { engine: data.join("engine"), config })
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

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
