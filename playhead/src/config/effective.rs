//! The configuration as it takes effect: every value, and where it comes from.

use clickhouse_engine::LIBRARY_VARIABLE;

use super::kafka::{self, host_name};
use super::setting::{SETTINGS, Values};
use super::{Flags, check, read};

/// Variables that are no settings: they say where the settings are, and where the engine for metrics is.
const BESIDE: [&str; 2] = ["PLAYHEAD_CONFIG", LIBRARY_VARIABLE];

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effective {
    pub(crate) key: String,
    /// As it is written, a secret masked; none where a secret is not set.
    pub(crate) value: Option<String>,
    /// A flag, a variable, a line of a file, or the default.
    pub(crate) origin: String,
}

/// Every value that takes effect, by key.
///
/// # Errors
/// As of [`super::load`].
pub(crate) fn effective(flags: Flags<'_>) -> anyhow::Result<Vec<Effective>> {
    let values = read(flags)?;
    check(&values)?;
    let mut all: Vec<Effective> = SETTINGS
        .iter()
        .map(|setting| {
            let (key, origin) = (setting.key.to_owned(), values.origin(setting.key).to_owned());
            Effective { key, value: values.shown(setting), origin }
        })
        .collect();
    if let Some(instance) = all.iter_mut().find(|one| one.key == "kafka.instance" && one.value.as_deref() == Some("")) {
        instance.value = Some(host_name()?);
        instance.origin.push_str(": this host's name");
    }
    all.extend(client(&values));
    all.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(all)
}

/// What is passed on to librdkafka.
fn client(values: &Values) -> impl Iterator<Item = Effective> {
    values.client().iter().map(|(key, (value, origin))| {
        let value = if kafka::is_secret(key) { "***" } else { value };
        Effective { key: format!("kafka.client.{key}"), value: Some(value.to_owned()), origin: origin.clone() }
    })
}

/// Variables that look like settings and are none: a name that is misspelt has no effect.
pub(crate) fn unknown_variables() -> Vec<String> {
    let known: Vec<String> = SETTINGS.iter().map(super::setting::Setting::environment_name).collect();
    let mut unknown: Vec<String> = std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("PLAYHEAD_") && !name.starts_with(kafka::CLIENT_VARIABLES))
        .filter(|name| !known.contains(name) && !BESIDE.contains(&name.as_str()))
        .collect();
    unknown.sort_unstable();
    unknown
}
