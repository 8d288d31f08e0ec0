//! What was changed by hand: columns, engines with their settings, and what views ask, held to the migrations.

use std::collections::BTreeMap;

use crate::migrate::{MIGRATIONS, statements};
use crate::tables::written;
use crate::{Client, QueryError};

/// How the statements that make tables and views begin, and where what is compared begins in them.
const KINDS: [(&str, &str); 3] = [
    ("CREATE TABLE IF NOT EXISTS ", "\nENGINE = "),
    ("CREATE MATERIALIZED VIEW IF NOT EXISTS ", " AS\n"),
    ("CREATE VIEW IF NOT EXISTS ", " AS\n"),
];

/// What is not as it must be, each in one line.
pub(crate) fn problems(client: &Client) -> Result<Vec<String>, QueryError> {
    let mut problems = columns(client)?;
    problems.extend(definitions(client)?);
    Ok(problems)
}

/// Every column that the sink brings must be there in its type.
fn columns(client: &Client) -> Result<Vec<String>, QueryError> {
    let rows = client.rows("SELECT table, name, type FROM system.columns WHERE database = currentDatabase()")?;
    let found: BTreeMap<(&str, &str), &str> = rows
        .iter()
        .filter_map(|row| match row.as_slice() {
            [table, name, found] => Some(((table.as_str(), name.as_str()), found.as_str())),
            _ => None,
        })
        .collect();
    let mut problems = Vec::new();
    for (table, columns) in written() {
        for (name, expected) in columns {
            match found.get(&(table, name)) {
                Some(found) if *found == expected => {}
                Some(found) => problems.push(format!("{table}.{name} is {found}, must be {expected}")),
                None => problems.push(format!("{table}.{name} is missing")),
            }
        }
    }
    Ok(problems)
}

/// Engines, with order, partitions, times to live and settings, and what views ask. Both sides are written by the server that holds them, so that
/// no two versions' ways of writing are compared.
fn definitions(client: &Client) -> Result<Vec<String>, QueryError> {
    let mut names = Vec::new();
    let mut selects = Vec::new();
    for statement in MIGRATIONS.iter().flat_map(|migration| statements(client, migration.sql)) {
        let statement = statement.trim();
        let made = KINDS.iter().find_map(|(begin, at)| Some((*at, statement.strip_prefix(begin)?)));
        let Some((at, rest)) = made else { continue };
        let (Some((name, _)), Some((_, definition))) = (rest.split_once(['\n', ' ']), rest.split_once(at)) else { continue };
        let definition = definition.split("\nCOMMENT ").next().unwrap_or(definition).replace('\\', "\\\\").replace('\'', "\\'");
        let begin = if at == KINDS[0].1 { "CREATE TABLE t (c UInt8) ENGINE = " } else { "" };
        names.push(name.to_owned());
        selects.push(format!("formatQuerySingleLine('{begin}{definition}')"));
    }
    let expected = client.rows(&format!("SELECT arrayJoin([{}])", selects.join(", ")))?;
    let found = client.rows(
        "SELECT name, if(as_select = '', engine_full, ifNull(formatQuerySingleLineOrNull(as_select), as_select)) FROM system.tables \
         WHERE database = currentDatabase()",
    )?;
    let found: BTreeMap<String, String> =
        found.into_iter().filter_map(|row| <[String; 2]>::try_from(row).ok()).map(|[name, definition]| (name, definition)).collect();
    let of_database = format!("{}.", client.database());
    let mut problems = Vec::new();
    for (name, expected) in names.iter().zip(expected.into_iter().flatten()) {
        let expected = expected.split_once(" ENGINE = ").map_or(expected.as_str(), |(_, engine)| engine);
        match found.get(name) {
            None => problems.push(format!("{name} is missing")),
            Some(found) => problems.extend(difference(name, expected, &found.replace(&of_database, ""))),
        }
    }
    Ok(problems)
}

/// The server adds settings of its own to those of a table.
fn difference(name: &str, expected: &str, found: &str) -> Option<String> {
    let parts = |definition: &str| {
        let (head, settings) = definition.split_once(" SETTINGS ").unwrap_or((definition, ""));
        (head.to_owned(), settings.split(", ").map(str::to_owned).collect::<Vec<_>>())
    };
    let ((must, settings), (is, found)) = (parts(expected), parts(found));
    if must != is {
        return Some(format!("{name} is {is}, must be {must}"));
    }
    let lacks: Vec<String> = settings.into_iter().filter(|setting| !setting.is_empty() && !found.contains(setting)).collect();
    (!lacks.is_empty()).then(|| format!("{name} lacks {}", lacks.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn settings_of_the_server_are_no_drift() {
        let must = "MergeTree ORDER BY a SETTINGS fsync_after_insert = 1, non_replicated_deduplication_window = 10000";
        assert_eq!(difference("t", must, &format!("{must}, index_granularity = 8192")), None);
        let lost = "MergeTree ORDER BY a SETTINGS fsync_after_insert = 1, index_granularity = 8192";
        assert_eq!(difference("t", must, lost).unwrap(), "t lacks non_replicated_deduplication_window = 10000");
        assert_eq!(difference("v", "SELECT 1", "SELECT 2").unwrap(), "v is SELECT 2, must be SELECT 1");
    }
}
