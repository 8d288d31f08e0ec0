//! What can be set.

use std::collections::BTreeMap;

use processors::playback::PlaybackConfig;
use registry::Secret;

use super::duration;

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// Its path in the file, joined by dots.
    pub(super) key: &'static str,
    kind: Kind,
    default: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    /// Text that stands in no file of settings and in no message.
    Secret,
    /// From and to, ms.
    Duration(i64, i64),
    /// From and to.
    Integer(i64, i64),
    /// One of these words.
    Choice(&'static [&'static str]),
}

const HOUR_MS: i64 = 3_600_000;

/// Every key.
pub(super) const SETTINGS: &[Setting] = &[
    // Nothing: where `make setup` puts it, or PLAYHEAD_CHDB.
    Setting { key: "clickhouse.library", kind: Kind::Text, default: "" },
    Setting { key: "clickhouse.url", kind: Kind::Text, default: "" },
    Setting { key: "clickhouse.user", kind: Kind::Text, default: "" },
    Setting { key: "clickhouse.password", kind: Kind::Secret, default: "" },
    Setting { key: "clickhouse.password_file", kind: Kind::Text, default: "" },
    Setting { key: "clickhouse.database", kind: Kind::Text, default: "playhead" },
    Setting { key: "clickhouse.timeout", kind: Kind::Duration(100, 600_000), default: "60s" },
    Setting { key: "clickhouse.flush_interval", kind: Kind::Duration(10, 60_000), default: "1s" },
    Setting { key: "clickhouse.recompute_interval", kind: Kind::Duration(100, HOUR_MS), default: "10s" },
    Setting { key: "data", kind: Kind::Text, default: "playhead-data" },
    // Off: `dev` brings no engine of its own.
    Setting { key: "dev.clickhouse_listen", kind: Kind::Text, default: "127.0.0.1:8123" },
    Setting { key: "dev.listen", kind: Kind::Text, default: "127.0.0.1:8080" },
    Setting { key: "kafka.brokers", kind: Kind::Text, default: "" },
    // Nothing: the host's name.
    Setting { key: "kafka.instance", kind: Kind::Text, default: "" },
    // Before the names of topics and groups, and before transactional ids.
    Setting { key: "kafka.topic_prefix", kind: Kind::Text, default: "" },
    Setting { key: "kafka.lanes", kind: Kind::Integer(1, 256), default: "1" },
    Setting { key: "kafka.commit_interval", kind: Kind::Duration(10, 60_000), default: "1s" },
    Setting { key: "log.format", kind: Kind::Choice(&["auto", "human", "json"]), default: "auto" },
    Setting { key: "log.level", kind: Kind::Choice(&["error", "warn", "info", "debug"]), default: "info" },
    Setting { key: "metrics.listen", kind: Kind::Text, default: "127.0.0.1:9464" },
    Setting { key: "playback.late_horizon", kind: Kind::Duration(HOUR_MS, 8_760 * HOUR_MS), default: "72h" },
    Setting { key: "playback.state_horizon", kind: Kind::Duration(HOUR_MS, 8_760 * HOUR_MS), default: "78h" },
    Setting { key: "playback.silence", kind: Kind::Duration(60_000, 24 * HOUR_MS), default: "30m" },
    Setting { key: "playback.max_session_events", kind: Kind::Integer(1, PlaybackConfig::MAX_SESSION_EVENTS as i64), default: "20000" },
    Setting { key: "registry.url", kind: Kind::Text, default: "" },
    Setting { key: "registry.user", kind: Kind::Text, default: "" },
    Setting { key: "registry.password", kind: Kind::Secret, default: "" },
    Setting { key: "registry.password_file", kind: Kind::Text, default: "" },
    Setting { key: "registry.token", kind: Kind::Secret, default: "" },
    Setting { key: "registry.token_file", kind: Kind::Text, default: "" },
    Setting { key: "registry.ca_file", kind: Kind::Text, default: "" },
    Setting { key: "registry.timeout", kind: Kind::Duration(100, 60_000), default: "5s" },
    Setting { key: "registry.grace", kind: Kind::Duration(0, 600_000), default: "10s" },
    Setting { key: "state.snapshot_interval", kind: Kind::Duration(0, 24 * HOUR_MS), default: "30s" },
    // Nothing: in the data folder, and the environment's.
    Setting { key: "state.snapshots", kind: Kind::Text, default: "" },
    Setting { key: "state.s3_endpoint", kind: Kind::Text, default: "" },
];

/// A value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Secret(Secret),
    Number(i64),
}

impl Setting {
    /// The key's environment variable: `PLAYHEAD_PLAYBACK_LATE_HORIZON`.
    pub(super) fn environment_name(&self) -> String {
        format!("PLAYHEAD_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// What a value must be, in words.
    pub(super) fn expected(&self) -> String {
        match self.kind {
            Kind::Text | Kind::Secret => "must be text".to_owned(),
            Kind::Duration(from, to) => {
                format!("must be a duration between {} and {}, as in {:?}", duration::shown(from), duration::shown(to), self.default)
            }
            Kind::Choice(words) => format!("must be one of {}", words.join(", ")),
            Kind::Integer(from, to) => format!("must be a whole number between {from} and {to}, as in {}", self.default),
        }
    }

    /// Whether it is a secret, which the file must not hold.
    pub(super) fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }

    /// Whether the file says it in quotes.
    pub(super) fn is_quoted(&self) -> bool {
        !matches!(self.kind, Kind::Integer(..))
    }

    /// Reads a value from text.
    pub(super) fn parse(&self, text: &str) -> Result<Value, String> {
        let problem = || format!("{text:?} {}", self.expected());
        let number = |number: Option<i64>, from, to| number.filter(|number| (from..=to).contains(number)).map(Value::Number);
        match self.kind {
            Kind::Text => Ok(Value::Text(text.to_owned())),
            Kind::Secret => Ok(Value::Secret(Secret::new(text))),
            Kind::Choice(words) => words.contains(&text).then(|| Value::Text(text.to_owned())).ok_or_else(problem),
            Kind::Duration(from, to) => number(duration::parse_ms(text), from, to).ok_or_else(problem),
            Kind::Integer(from, to) => number(text.trim().parse().ok(), from, to).ok_or_else(problem),
        }
    }
}

/// The value of every setting, and where it comes from.
#[derive(Debug)]
pub(super) struct Values {
    values: BTreeMap<&'static str, (Value, String)>,
    /// `[kafka.client]`: whatever librdkafka knows, each with where it comes from.
    client: BTreeMap<String, (String, String)>,
}

impl Values {
    pub(super) fn defaults() -> Self {
        let default = |setting: &Setting| {
            let value = setting.parse(setting.default).expect("every default is a value of its setting");
            (setting.key, (value, "the default".to_owned()))
        };
        Self { values: SETTINGS.iter().map(default).collect(), client: BTreeMap::new() }
    }

    /// Sets what is passed on to librdkafka.
    pub(super) fn set_client(&mut self, key: &str, value: String, origin: String) {
        self.client.insert(key.to_owned(), (value, origin));
    }

    pub(super) fn client(&self) -> &BTreeMap<String, (String, String)> {
        &self.client
    }

    pub(super) fn set(&mut self, key: &'static str, value: Value, origin: String) {
        self.values.insert(key, (value, origin));
    }

    /// Sets what a text from `origin`, a flag or a variable, says.
    pub(super) fn parse(&mut self, key: &'static str, text: &str, origin: &str) -> anyhow::Result<()> {
        let setting = SETTINGS.iter().find(|setting| setting.key == key).expect("only keys of SETTINGS are set");
        let value = setting.parse(text).map_err(|problem| anyhow::anyhow!("{origin}: {problem}"))?;
        self.set(key, value, origin.to_owned());
        Ok(())
    }

    pub(super) fn origin(&self, key: &str) -> &str {
        &self.get(key).1
    }

    pub(super) fn text(&self, key: &str) -> &str {
        match &self.get(key).0 {
            Value::Text(text) => text,
            Value::Secret(_) | Value::Number(_) => unreachable!("{key} is a text setting"),
        }
    }

    pub(super) fn number(&self, key: &str) -> i64 {
        match &self.get(key).0 {
            Value::Number(number) => *number,
            Value::Secret(_) | Value::Text(_) => unreachable!("{key} is a number setting"),
        }
    }

    pub(super) fn secret(&self, key: &str) -> &Secret {
        match &self.get(key).0 {
            Value::Secret(secret) => secret,
            Value::Text(_) | Value::Number(_) => unreachable!("{key} is a secret"),
        }
    }

    /// A value as it is shown: a duration as people write it, a secret not at all. None where a secret is not set.
    pub(super) fn shown(&self, setting: &Setting) -> Option<String> {
        match (&self.get(setting.key).0, setting.kind) {
            (Value::Secret(secret), _) => (!secret.is_empty()).then(|| "***".to_owned()),
            (Value::Number(ms), Kind::Duration(..)) => Some(duration::shown(*ms)),
            (Value::Number(number), _) => Some(number.to_string()),
            (Value::Text(text), _) => Some(text.clone()),
        }
    }

    fn get(&self, key: &str) -> &(Value, String) {
        self.values.get(key).expect("only keys of SETTINGS are asked for, and each has a default")
    }
}
