//! The tables' versions: files that are applied in order, once, and never change again.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::drift::problems;
use crate::{Client, QueryError};

/// One step of the tables' history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its number, from 1.
    pub version: u32,
    /// The file's name, without ending.
    pub name: &'static str,
    /// Statements, each ended by a semicolon at the end of a line. `{database}` stands for its name.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal => $name:literal),* $(,)?) => {
        &[$(Migration { version: $version, name: $name, sql: include_str!(concat!("../migrations/", $name, ".sql")) }),*]
    };
}

/// Every migration that this program knows, in order.
pub const MIGRATIONS: &[Migration] = migrations! {
    1 => "001_playback_events",
    2 => "002_minutes",
    3 => "003_qos_sessions",
    4 => "004_days",
    5 => "005_dimensions",
    6 => "006_freshness",
    7 => "007_reader_views",
};

/// Made anew by each [`migrate`].
const DICTIONARIES: &str = include_str!("../migrations/dictionaries.sql");

/// Holds what was applied.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS migrations
    (
        version UInt32,
        name String,
        checksum String COMMENT 'SHA-256 of the file.',
        applied_at DateTime('UTC') DEFAULT now('UTC')
    )
    ENGINE = ReplacingMergeTree(applied_at)
    ORDER BY version
    SETTINGS fsync_after_insert = 1, fsync_part_directory = 1";

/// Why the tables are not as this program needs them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// ClickHouse did not do it.
    #[error("{what}: {error}")]
    Query {
        /// The migration, or what was asked.
        what: String,
        /// Why not.
        error: QueryError,
    },
    /// What was applied is not what this program has under that name.
    #[error("migration {name} was applied in another form: an applied one is never changed, a change is a new migration")]
    Changed {
        /// The file.
        name: String,
    },
    /// A newer program was here.
    #[error("database {database} has migration {name}, which this program does not know: use the newer program that applied it")]
    Newer {
        /// The database.
        database: String,
        /// The first that is not known.
        name: String,
    },
    /// Some are still to be applied.
    #[error("database {database} lacks {} (the first: {first}): run `playhead clickhouse migrate`", plural(*.count))]
    Pending {
        /// The database.
        database: String,
        /// How many.
        count: usize,
        /// The first.
        first: &'static str,
    },
    /// A table was changed by hand.
    #[error("{}", .problems.join("; "))]
    Drift {
        /// Each column, engine and view that is not as it must be.
        problems: Vec<String>,
    },
}

fn plural(count: usize) -> String {
    if count == 1 { "a migration".to_owned() } else { format!("{count} migrations") }
}

impl MigrationError {
    /// Whether it may be over by itself: ClickHouse is down.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Query { error, .. } if !error.is_final())
    }
}

/// Applies what has not been applied yet, and says what that was. Safe to run twice, at once, and after it was cut off: every statement may be
/// carried out again.
///
/// # Errors
/// [`MigrationError`]; what was applied before it stays.
pub fn migrate(client: &Client) -> Result<Vec<&'static str>, MigrationError> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error| MigrationError::Query { what, error }
    };
    let database = client.database();
    // Not the default database of an embedded engine, which can't hold everything.
    client.query_anywhere(&format!("CREATE DATABASE IF NOT EXISTS {database} ENGINE = Atomic")).map_err(failed(database))?;
    client.query(TABLE).map_err(failed("migrations"))?;
    let pending = pending(client)?;
    for migration in &pending {
        for statement in statements(client, migration.sql) {
            client.query(&statement).map_err(failed(migration.name))?;
        }
        let (version, name, checksum) = (migration.version, migration.name, checksum(migration));
        let noted = client.query(&format!("INSERT INTO migrations (version, name, checksum) VALUES ({version}, '{name}', '{checksum}')"));
        noted.map_err(failed(migration.name))?;
    }
    make_dictionaries(client)?;
    check_drift(client)?;
    Ok(pending.iter().map(|migration| migration.name).collect())
}

/// Whether every migration was applied, and columns, engines and views are as they were made.
///
/// # Errors
/// [`MigrationError`], with what is missing named.
pub fn check(client: &Client) -> Result<(), MigrationError> {
    let pending = match pending(client) {
        // Neither the database nor the table of migrations.
        Err(MigrationError::Query { error: QueryError::Refused { code: 60 | 81, .. }, .. }) => MIGRATIONS.to_vec(),
        pending => pending?,
    };
    if let Some(first) = pending.first() {
        return Err(MigrationError::Pending { database: client.database().to_owned(), count: pending.len(), first: first.name });
    }
    check_drift(client)
}

fn pending(client: &Client) -> Result<Vec<Migration>, MigrationError> {
    let failed = |error| MigrationError::Query { what: "migrations".to_owned(), error };
    let rows = client.rows("SELECT version, name, checksum FROM migrations FINAL ORDER BY version").map_err(failed)?;
    let mut applied: BTreeMap<u32, (String, String)> = BTreeMap::new();
    for row in rows {
        if let [version, name, checksum] = row.as_slice()
            && let Ok(version) = version.parse()
        {
            applied.insert(version, (name.clone(), checksum.clone()));
        }
    }
    let newer = applied.iter().find(|(version, _)| MIGRATIONS.iter().all(|known| known.version != **version));
    if let Some((_, (name, _))) = newer {
        return Err(MigrationError::Newer { database: client.database().to_owned(), name: name.clone() });
    }
    let mut pending = Vec::new();
    for migration in MIGRATIONS {
        match applied.get(&migration.version) {
            None => pending.push(*migration),
            Some((name, found)) if name == migration.name && *found == checksum(migration) => {}
            Some(_) => return Err(MigrationError::Changed { name: migration.name.to_owned() }),
        }
    }
    Ok(pending)
}

fn checksum(migration: &Migration) -> String {
    Sha256::digest(migration.sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The dictionaries, with the credentials of now. A server reads its own tables by them where it has such a user; one that stands behind another
/// that knows the users has its own user alone, who needs none.
fn make_dictionaries(client: &Client) -> Result<(), MigrationError> {
    let settings = client.settings();
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('\'', "\\'");
    let user = if settings.user.is_empty() { "default" } else { &settings.user };
    let ours = format!(" USER '{}' PASSWORD '{}'", quoted(user), quoted(&settings.password));
    let make = |credentials: &str| {
        statements(client, DICTIONARIES).iter().try_for_each(|statement| {
            let statement = statement.replace("{credentials}", credentials);
            client.query(&statement).map(drop)
        })?;
        // Read now, so that what can't be read is found now.
        client.query("SELECT dictGet('titles', 'kind', ''), dictGet('profiles', 'kind', '')").map(drop)
    };
    let made = match make(&ours) {
        Err(error) if error.code().is_some() => make(""),
        made => made,
    };
    made.map_err(|error| MigrationError::Query { what: "dictionaries".to_owned(), error })
}

pub(crate) fn statements(client: &Client, sql: &str) -> Vec<String> {
    sql.split(";\n")
        .map(|statement| statement.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n"))
        .map(|statement| statement.replace("{database}", client.database()))
        .filter(|statement| !statement.trim().is_empty())
        .collect()
}

fn check_drift(client: &Client) -> Result<(), MigrationError> {
    let failed = |error| MigrationError::Query { what: "columns and definitions".to_owned(), error };
    let problems = problems(client).map_err(failed)?;
    if problems.is_empty() { Ok(()) } else { Err(MigrationError::Drift { problems }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbered_as_their_files() {
        for (number, migration) in (1..).zip(MIGRATIONS) {
            assert_eq!(migration.version, number);
            assert!(migration.name.starts_with(&format!("{number:03}_")), "{}", migration.name);
        }
    }
}
