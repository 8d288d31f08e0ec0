//! playhead.toml.

use std::path::Path;

use anyhow::bail;
use toml::de::{DeTable, DeValue};

use super::kafka;
use super::setting::{SETTINGS, Value, Values};

/// Reads the text of `path` into `values`. What is wrong is named with its line and key.
pub(super) fn read(path: &Path, text: &str, values: &mut Values) -> anyhow::Result<()> {
    let document = DeTable::parse(text).map_err(|error| {
        let place = place(path, text, error.span().map_or(0, |span| span.start));
        anyhow::anyhow!("{place}: not TOML: {}", error.message().lines().next().unwrap_or_default())
    })?;
    read_table(path, text, "", document.get_ref(), values)
}

/// The section whose keys are librdkafka's.
const CLIENT: &str = "kafka.client";

fn read_client(path: &Path, text: &str, section: &DeValue<'_>, values: &mut Values) -> anyhow::Result<()> {
    let DeValue::Table(section) = section else {
        bail!("{CLIENT}: is a section, write [{CLIENT}] with librdkafka's keys below, in quotes")
    };
    for (name, value) in section {
        let (key, place) = (name.get_ref(), place(path, text, name.span().start));
        let value = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(integer) => integer.to_string(),
            DeValue::Boolean(is_on) => is_on.to_string(),
            DeValue::Table(_) => bail!("{place}: {CLIENT}.{key}: keys with dots are written in quotes, as in \"{key}.name\" = ..."),
            other => bail!("{place}: {CLIENT}.{key}: a value of type {} must be text, a whole number or true or false", other.type_str()),
        };
        kafka::check_in_file(key).map_err(|problem| anyhow::anyhow!("{place}: {CLIENT}.{key}: {problem}"))?;
        values.set_client(key, value, place);
    }
    Ok(())
}

fn read_table(path: &Path, text: &str, prefix: &str, table: &DeTable<'_>, values: &mut Values) -> anyhow::Result<()> {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        let place = place(path, text, name.span().start);
        if key == CLIENT {
            read_client(path, text, value.get_ref(), values).map_err(|problem| anyhow::anyhow!("{place}: {problem}"))?;
            continue;
        }
        let is_section = SETTINGS.iter().any(|setting| setting.key.strip_prefix(&key).is_some_and(|rest| rest.starts_with('.')));
        if is_section {
            let DeValue::Table(inner) = value.get_ref() else {
                bail!("{place}: {key}: is a section, write [{key}] with its keys below");
            };
            read_table(path, text, &format!("{key}."), inner, values)?;
            continue;
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.key).collect();
            bail!("{place}: {key}: unknown key; known keys: {}", known.join(", "));
        };
        if setting.is_secret() {
            bail!("{place}: {key}: is a secret, and not for this file: set {} or {key}_file", setting.environment_name());
        }
        let parsed: Result<Value, String> = match value.get_ref() {
            DeValue::String(text) if setting.is_quoted() => setting.parse(text),
            DeValue::Integer(integer) if !setting.is_quoted() => setting.parse(&integer.to_string()),
            other => Err(format!("a value of type {} {}", other.type_str(), setting.expected())),
        };
        match parsed {
            Ok(value) => values.set(setting.key, value, place),
            Err(problem) => bail!("{place}: {key}: {problem}"),
        }
    }
    Ok(())
}

/// `playhead.toml, line 3`.
fn place(path: &Path, text: &str, byte: usize) -> String {
    let before = text.get(..byte).unwrap_or(text);
    format!("{}, line {}", path.display(), before.matches('\n').count() + 1)
}
