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
            let meant = nearest(&key, &known).map_or_else(String::new, |near| format!(", perhaps {near} is meant"));
            bail!("{place}: {key}: unknown key{meant}; known keys: {}", known.join(", "));
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

/// The key that differs from this one in the fewest characters, where these are few.
fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let near = known.iter().map(|known| (distance(key, known), *known)).min()?;
    (near.0 <= 2.max(key.len() / 5)).then_some(near.1)
}

/// Characters to insert, delete or replace until one text is the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_misspelt_is_known_by_its_neighbour() {
        for (a, b, expected) in [("", "abc", 3), ("kitten", "sitting", 3), ("kafka", "kakfa", 2), ("same", "same", 0)] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
        let known = ["playback.late_horizon", "kafka.brokers", "data"];
        assert_eq!(nearest("playback.late_horizonn", &known), Some("playback.late_horizon"));
        assert_eq!(nearest("kafka.broker", &known), Some("kafka.brokers"));
        assert_eq!(nearest("lake", &known), None);
    }
}
