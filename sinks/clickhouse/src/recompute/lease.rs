//! A lease: a table that only one can make, since a second one of that name is refused. Who has it, and until when, is its comment. One that
//! has run out is renamed to a name of its own first, which again only one can do.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::{Client, QueryError};

/// ClickHouse's word for a table that is there already, and for one that is not.
const EXISTS: u32 = 57;
const UNKNOWN: u32 = 60;

/// Held until it is given back, or has run out.
#[derive(Debug)]
pub(super) struct Lease<'c> {
    client: &'c Client,
    name: &'static str,
    /// The table's own identity.
    id: Uuid,
}

/// Takes a lease. None where another has it.
pub(super) fn take<'c>(client: &'c Client, name: &'static str, owner: &str, time: Duration) -> Result<Option<Lease<'c>>, QueryError> {
    for _ in 0..2 {
        let id = Uuid::new_v4();
        let until_s = now_s() + time.as_secs();
        let owner: String = owner.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
        let make = format!("CREATE TABLE {name} UUID '{id}' (held UInt8) ENGINE = Memory COMMENT '{until_s} {owner}'");
        match client.query(&make) {
            Ok(_) => return Ok(Some(Lease { client, name, id })),
            Err(error) if error.code() == Some(EXISTS) => {}
            Err(error) => return Err(error),
        }
        if is_taken(client, name)? {
            return Ok(None);
        }
        // It has run out, or is gone since.
        let aside = format!("{name}_{}", Uuid::new_v4().simple());
        match client.query(&format!("RENAME TABLE {name} TO {aside}")) {
            Ok(_) => client.query(&format!("DROP TABLE IF EXISTS {aside} SYNC")).map(drop)?,
            Err(error) if error.code() == Some(UNKNOWN) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Whether somebody has it now.
pub(super) fn is_taken(client: &Client, name: &str) -> Result<bool, QueryError> {
    let rows = client.rows(&format!("SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = '{name}'"))?;
    let until_s = rows.first().and_then(|row| row.first()).and_then(|comment| comment.split(' ').next()?.parse::<u64>().ok());
    Ok(until_s.is_some_and(|until_s| until_s > now_s()))
}

impl Lease<'_> {
    /// Whether it is still ours: it may have run out, and another have it.
    pub(super) fn is_ours(&self) -> Result<bool, QueryError> {
        let (name, id) = (self.name, self.id);
        let found = self.client.query(&format!(
            "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = '{name}' AND uuid = '{id}'"
        ))?;
        Ok(found.trim_ascii() == b"1")
    }

    /// Gives it back.
    pub(super) fn give_back(self) -> Result<(), QueryError> {
        if self.is_ours()? {
            self.client.query(&format!("DROP TABLE IF EXISTS {} SYNC", self.name))?;
        }
        Ok(())
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
