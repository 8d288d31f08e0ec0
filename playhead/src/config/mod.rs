//! The configuration: flag over environment over file over default.

mod clickhouse;
mod duration;
mod effective;
mod file;
mod kafka;
mod observing;
mod registry;
mod setting;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

pub(crate) use self::clickhouse::ClickhouseSettings;
pub(crate) use self::effective::{effective, unknown_variables};
pub(crate) use self::kafka::KafkaSettings;
pub(crate) use self::observing::{LogFormat, LogSettings, MetricsSettings};
pub(crate) use self::registry::RegistrySettings;
use crate::snapshot_stores::{self, SnapshotPlace};
use setting::{SETTINGS, Value, Values};

/// Between the bound for late data and the time for which state keeps a session lies at least this much, ms: every copy of an event that can
/// still come then finds its session.
const HORIZONS_APART_MS: i64 = 6 * 3_600_000;

/// What the program runs with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) clickhouse: ClickhouseSettings,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// Where `dev` listens: on loopback.
    pub(crate) listen: SocketAddr,
    /// Where the engine of `dev` listens, which it brings where no ClickHouse is set; none: it brings none.
    pub(crate) clickhouse_listen: Option<SocketAddr>,
    pub(crate) kafka: KafkaSettings,
    pub(crate) log: LogSettings,
    pub(crate) metrics: MetricsSettings,
    pub(crate) playback: PlaybackSettings,
    pub(crate) registry: RegistrySettings,
    pub(crate) state: StateSettings,
}

/// `[playback]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaybackSettings {
    /// W: how old an event may be when it is received, ms.
    pub(crate) late_horizon_ms: i64,
    /// H: how long a session is remembered, ms of log time.
    pub(crate) state_horizon_ms: i64,
    /// Silence after which an open session is closed, ms of log time.
    pub(crate) silence_ms: i64,
    /// Distinct events of a session.
    pub(crate) max_session_events: u32,
}

/// `[state]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StateSettings {
    /// How often the state of each partition is saved, where it has moved. It is saved when a run ends, too. Zero: at each commit, and waited for.
    pub(crate) snapshot_interval: Duration,
    /// Where it is saved.
    pub(crate) snapshots: SnapshotPlace,
}

/// What flags say of the configuration.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags<'a> {
    /// `--config`.
    pub(crate) file: Option<&'a Path>,
    /// `--data`.
    pub(crate) data: Option<&'a Path>,
    /// `--snapshot-interval`.
    pub(crate) snapshot_interval: Option<&'a str>,
    /// `--snapshots`.
    pub(crate) snapshots: Option<&'a str>,
    /// `--registry`.
    pub(crate) registry: Option<&'a str>,
    /// `--brokers`, `--instance` and `--lanes`.
    pub(crate) brokers: Option<&'a str>,
    pub(crate) instance: Option<&'a str>,
    pub(crate) lanes: Option<&'a str>,
    /// `--metrics-listen`, `--log-format` and `--log-level`.
    pub(crate) metrics_listen: Option<&'a str>,
    /// `--listen`.
    pub(crate) listen: Option<&'a str>,
    pub(crate) log_format: Option<&'a str>,
    pub(crate) log_level: Option<&'a str>,
}

/// Reads the configuration.
///
/// # Errors
/// Where a key is unknown, a value of the wrong type or out of range: the place and the key are named.
pub(crate) fn load(flags: Flags<'_>) -> anyhow::Result<Config> {
    check(&read(flags)?)
}

impl Config {
    /// Looks at what is otherwise looked at when it is needed: what is passed on to Kafka's clients, and files that are named. Nobody is asked.
    ///
    /// # Errors
    /// Where a start would fail by it.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        self.kafka.check()?;
        self.registry.check()
    }
}

/// Every value, and where it comes from.
fn read(flags: Flags<'_>) -> anyhow::Result<Values> {
    let mut values = Values::defaults();
    if let Some((path, text)) = read_file(flags.file)? {
        file::read(&path, &text, &mut values)?;
    }
    for setting in SETTINGS {
        let name = setting.environment_name();
        if let Some(text) = std::env::var_os(&name) {
            let text = text.to_str().with_context(|| format!("{name}: is not UTF-8"))?;
            values.parse(setting.key, text, &name)?;
        }
    }
    kafka::read_variables(&mut values)?;
    if let Some(data) = flags.data {
        let data = data.to_str().context("--data: is not UTF-8")?;
        values.set("data", Value::Text(data.to_owned()), "--data".to_owned());
    }
    if let Some(text) = flags.snapshot_interval {
        values.parse("state.snapshot_interval", text, "--snapshot-interval")?;
    }
    if let Some(text) = flags.snapshots {
        values.parse("state.snapshots", text, "--snapshots")?;
    }
    let more = [
        ("registry.url", flags.registry, "--registry"),
        ("kafka.brokers", flags.brokers, "--brokers"),
        ("kafka.instance", flags.instance, "--instance"),
        ("kafka.lanes", flags.lanes, "--lanes"),
        ("metrics.listen", flags.metrics_listen, "--metrics-listen"),
        ("dev.listen", flags.listen, "--listen"),
        ("log.format", flags.log_format, "--log-format"),
        ("log.level", flags.log_level, "--log-level"),
    ];
    for (key, text, flag) in more {
        if let Some(text) = text {
            values.parse(key, text, flag)?;
        }
    }
    Ok(values)
}

/// The file asked for, or playhead.toml where there is one.
fn read_file(file: Option<&Path>) -> anyhow::Result<Option<(PathBuf, String)>> {
    let path = file.unwrap_or(Path::new("playhead.toml"));
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some((path.to_owned(), text))),
        Err(error) if file.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read the configuration file {}", path.display())),
    }
}

fn check(values: &Values) -> anyhow::Result<Config> {
    let data = values.text("data");
    if data.is_empty() {
        bail!("{}: data: is empty, must name a folder", values.origin("data"));
    }
    let playback = PlaybackSettings {
        late_horizon_ms: values.number("playback.late_horizon"),
        state_horizon_ms: values.number("playback.state_horizon"),
        silence_ms: values.number("playback.silence"),
        max_session_events: u32::try_from(values.number("playback.max_session_events")).unwrap_or(u32::MAX),
    };
    if playback.state_horizon_ms < playback.late_horizon_ms.saturating_add(HORIZONS_APART_MS) {
        bail!(
            "{}: playback.state_horizon: {} is too short: it must be at least playback.late_horizon ({}, from {}) + 6h, or late copies of an event \
             would be taken for new ones",
            values.origin("playback.state_horizon"),
            duration::shown(playback.state_horizon_ms),
            duration::shown(playback.late_horizon_ms),
            values.origin("playback.late_horizon"),
        );
    }
    Ok(Config {
        clickhouse: ClickhouseSettings::of(values)?,
        data: PathBuf::from(data),
        listen: observing::loopback(values, "dev.listen")?,
        clickhouse_listen: observing::loopback_or_off(values, "dev.clickhouse_listen")?,
        kafka: KafkaSettings::of(values)?,
        log: LogSettings::of(values),
        metrics: MetricsSettings::of(values)?,
        playback,
        registry: RegistrySettings::of(values)?,
        state: state(values)?,
    })
}

fn state(values: &Values) -> anyhow::Result<StateSettings> {
    let wrong = |key: &str, problem: String| anyhow::anyhow!("{}: {key}: {problem}", values.origin(key));
    let endpoint = "state.s3_endpoint";
    let endpoint = snapshot_stores::endpoint(values.text(endpoint)).map_err(|problem| wrong(endpoint, problem))?;
    let snapshots = "state.snapshots";
    let snapshots = SnapshotPlace::parse(values.text(snapshots), endpoint).map_err(|problem| wrong(snapshots, problem))?;
    let interval_ms = values.number("state.snapshot_interval").unsigned_abs();
    Ok(StateSettings { snapshot_interval: Duration::from_millis(interval_ms), snapshots })
}
