//! `[log]` and `[metrics]`: what a process that runs on says, and where it is asked how it is.

use std::net::SocketAddr;

use anyhow::bail;
use tracing::level_filters::LevelFilter;

use super::setting::Values;

/// `[log]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) format: LogFormat,
    pub(crate) level: LevelFilter,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    Auto,
    Human,
    Json,
}

impl LogSettings {
    pub(super) fn of(values: &Values) -> Self {
        let format = match values.text("log.format") {
            "human" => LogFormat::Human,
            "json" => LogFormat::Json,
            _ => LogFormat::Auto,
        };
        let level = match values.text("log.level") {
            "error" => LevelFilter::ERROR,
            "warn" => LevelFilter::WARN,
            "debug" => LevelFilter::DEBUG,
            _ => LevelFilter::INFO,
        };
        Self { format, level }
    }
}

/// `[metrics]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetricsSettings {
    /// Where a process listens that serves nothing else; none: nowhere.
    pub(crate) listen: Option<SocketAddr>,
}

impl MetricsSettings {
    /// # Errors
    /// Where it is no address.
    pub(super) fn of(values: &Values) -> anyhow::Result<Self> {
        let key = "metrics.listen";
        let listen = match values.text(key) {
            "off" => None,
            text => Some(text.parse().map_err(|_| {
                let origin = values.origin(key);
                anyhow::anyhow!("{origin}: {key}: {text:?} must be an address and a port, as in 127.0.0.1:9464 or 0.0.0.0:9464, or off")
            })?),
        };
        Ok(Self { listen })
    }
}

/// Where `dev` listens, and its ClickHouse, under this key.
///
/// # Errors
/// Where it is no address, or one that others reach.
pub(super) fn loopback(values: &Values, key: &str) -> anyhow::Result<SocketAddr> {
    let (text, origin) = (values.text(key), values.origin(key));
    let named = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    let address: SocketAddr =
        named.parse().map_err(|_| anyhow::anyhow!("{origin}: {key}: {text:?} is no address and port, as in 127.0.0.1:8080"))?;
    if !address.ip().is_loopback() {
        bail!("{origin}: {key}: {address} is open to others, but there are no keys yet by which they could be told apart: use 127.0.0.1");
    }
    Ok(address)
}

/// The same, or "off".
///
/// # Errors
/// As [`loopback`].
pub(super) fn loopback_or_off(values: &Values, key: &str) -> anyhow::Result<Option<SocketAddr>> {
    if values.text(key) == "off" { Ok(None) } else { loopback(values, key).map(Some) }
}
