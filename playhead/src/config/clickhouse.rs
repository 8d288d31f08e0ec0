//! `[clickhouse]`: the ClickHouse that the sink writes to, and the engine that `clickhouse server` runs.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clickhouse_engine::Options;
use registry::Secret;
use sink_clickhouse::{Client, ClientSettings};

use super::Config;
use super::setting::Values;

/// The engine's folder in the data folder.
const ENGINE_FOLDER: &str = "clickhouse";

/// `[clickhouse]`. The file of the password is read when it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClickhouseSettings {
    /// libchdb's file; none: where `make setup` puts it, or PLAYHEAD_CHDB.
    library: Option<PathBuf>,
    /// Empty where none is set.
    url: String,
    user: String,
    password: Secret,
    password_file: Option<PathBuf>,
    database: String,
    timeout: Duration,
    /// How often the sink writes what it has at least.
    pub(crate) flush_interval: Duration,
    /// How often what is derived is made again where it was marked.
    pub(crate) recompute_interval: Duration,
}

impl Config {
    /// With what the engine of this data folder starts.
    pub(crate) fn engine_options(&self, address: SocketAddr) -> Options {
        Options { address, library: self.clickhouse.library.clone(), ..Options::new(self.data.join(ENGINE_FOLDER)) }
    }
}

impl ClickhouseSettings {
    /// # Errors
    /// Where two settings contradict one another.
    pub(super) fn of(values: &Values) -> anyhow::Result<Self> {
        let (password, file) = (values.secret("clickhouse.password").clone(), values.text("clickhouse.password_file"));
        if !password.is_empty() && !file.is_empty() {
            let origin = values.origin("clickhouse.password_file");
            bail!("{origin}: clickhouse.password_file: clickhouse.password is set too: one of them is enough");
        }
        let duration = |key| Duration::from_millis(values.number(key).unsigned_abs());
        let library = values.text("clickhouse.library");
        Ok(Self {
            library: (!library.is_empty()).then(|| PathBuf::from(library)),
            url: values.text("clickhouse.url").to_owned(),
            user: values.text("clickhouse.user").to_owned(),
            password,
            password_file: (!file.is_empty()).then(|| PathBuf::from(file)),
            database: values.text("clickhouse.database").to_owned(),
            timeout: duration("clickhouse.timeout"),
            flush_interval: duration("clickhouse.flush_interval"),
            recompute_interval: duration("clickhouse.recompute_interval"),
        })
    }

    /// The same with an engine of this process, which knows no users.
    pub(crate) fn at(self, url: String) -> Self {
        Self { url, user: String::new(), password: Secret::new(""), password_file: None, ..self }
    }

    /// Whether a ClickHouse is set.
    pub(crate) const fn is_set(&self) -> bool {
        !self.url.is_empty()
    }

    /// A client of the ClickHouse that is set. Nothing is asked yet.
    ///
    /// # Errors
    /// Where none is set, or a setting or a file can't be used.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        if self.url.is_empty() {
            bail!("no ClickHouse is set: name one with clickhouse.url or PLAYHEAD_CLICKHOUSE_URL, as in http://127.0.0.1:8123");
        }
        let password = match &self.password_file {
            None => self.password.expose().to_owned(),
            Some(file) => {
                let text = fs::read_to_string(file).with_context(|| format!("clickhouse.password_file: cannot read {}", file.display()))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
        };
        let settings = ClientSettings {
            url: self.url.clone(),
            user: self.user.clone(),
            password,
            database: self.database.clone(),
            timeout: self.timeout,
        };
        Client::new(&settings).context("clickhouse")
    }
}
