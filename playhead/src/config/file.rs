//! playhead.toml.

use std::path::Path;

use anyhow::bail;
use toml::de::{DeTable, DeValue};

use super::setting::{SETTINGS, Value, Values};

/// Reads the text of `path` into `values`. What is wrong is named with its line and key.
pub(super) fn read(path: &Path, text: &str, values: &mut Values) -> anyhow::Result<()> {
    let document = DeTable::parse(text).map_err(|error| {
        let place = place(path, text, error.span().map_or(0, |span| span.start));
        anyhow::anyhow!("{place}: not TOML: {}", error.message().lines().next().unwrap_or_default())
    })?;
    read_table(path, text, "", document.get_ref(), values)
}

fn read_table(path: &Path, text: &str, prefix: &str, table: &DeTable<'_>, values: &mut Values) -> anyhow::Result<()> {
    for (name, value) in table {
        let key = format!("{prefix}{}", name.get_ref());
        let place = place(path, text, name.span().start);
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
