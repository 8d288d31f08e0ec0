//! ClickHouse's engine beside the stages: `dev` brings its own where none is set.

use std::net::SocketAddr;

use clickhouse_engine::{Server, StartError};

use crate::config::Config;

/// What became of it.
pub(super) enum Engine {
    /// Another ClickHouse is set, or none is wanted.
    Unasked,
    /// The library is not there: this is what to do.
    Missing(String),
    Up(Server),
}

impl Engine {
    /// Starts it. Where its address is another's it takes a free one, unless it is to take that.
    ///
    /// # Errors
    /// Where it is there and can't be started.
    pub(super) fn start(config: &Config) -> anyhow::Result<Self> {
        let Some(address) = config.clickhouse_listen.filter(|_| !config.clickhouse.is_set()) else { return Ok(Self::Unasked) };
        let started = match Server::start(&config.engine_options(address)) {
            Err(StartError::Address { .. }) if address.port() != 0 => {
                Server::start(&config.engine_options(SocketAddr::new(address.ip(), 0)))
            }
            started => started,
        };
        match started {
            Ok(server) => Ok(Self::Up(server)),
            Err(error @ StartError::LibraryMissing { .. }) => Ok(Self::Missing(error.to_string())),
            Err(error) => Err(anyhow::Error::new(error).context("ClickHouse (dev.clickhouse_listen = \"off\" does without)")),
        }
    }

    /// Where it listens.
    pub(super) fn url(&self) -> Option<String> {
        if let Self::Up(server) = self { Some(format!("http://{}", server.address())) } else { None }
    }

    /// A line on it for people.
    pub(super) fn line(&self) -> Option<String> {
        match self {
            Self::Unasked => None,
            Self::Missing(why) => Some(format!("without metrics in ClickHouse: {why}")),
            Self::Up(server) => Some(format!("ClickHouse {}, embedded, for metrics: http://{}", server.version(), server.address())),
        }
    }

    /// Ends it, once nothing writes to it any more.
    pub(super) fn end(self) {
        if let Self::Up(server) = self {
            server.shut_down();
        }
    }
}
